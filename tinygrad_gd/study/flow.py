"""`Module.flow`: how much gradient arrives at each layer, and what the next step makes of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import deepcopy
from textwrap import fill
from typing import Any, NamedTuple

import numpy as np

from ..engine.graph import Node
from ..errors import DTypeError, GradError, describe
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from .bars import bar, log_share
from .watching import Units, activations
from .words import WIDTH

#: From layer to layer the gradient may change by this factor, and by the second one over all layers.
STEADY, OVER_ALL = 2.0, 100.0
#: Of fewer weights nothing is said about depth: they may stand side by side.
SEVERAL = 3
#: How long a step should be beside its weights: about a thousandth, within a factor of 30.
USUAL, FAR = 1e-3, 30.0
#: From this share of saturated outputs on, little gradient gets through.
MUCH = 0.3
_BAR = 20


class Layer(NamedTuple):
    """One parameter. All sizes are root mean squares, so that large and small layers compare.

    Attributes
    ----------
    name, shape : of the parameter.
    weight, gradient : the sizes of its values and of its gradient; NaN where there is no gradient.
    zeros : the share of the gradient that is exactly 0.
    step : the size of the optimizer's next step beside that of the values; NaN without optimizer.
    """

    name: str
    shape: tuple[int, ...]
    weight: float
    gradient: float
    zeros: float
    step: float


class Output(NamedTuple):
    """What one activation gives: its spread, the shares that are 0 and saturated, and dead units."""

    name: str
    std: float
    zeros: float
    saturated: float
    dead: int
    units: int


class Flow(NamedTuple):
    """How the gradient flows through a model: prints as a table, `plot` draws it.

    Attributes
    ----------
    layers : every parameter, in the order of the model.
    outputs : every activation, if data were given.
    factor : what one layer multiplies the gradient by on its way back, on average over the weights;
        NaN where fewer than two have a gradient.
    """

    layers: tuple[Layer, ...]
    outputs: tuple[Output, ...]
    factor: float

    @property
    def weights(self) -> list[Layer]:
        """The parameters that are compared: matrices and kernels, if there are any."""
        return [x for x in self.layers if len(x.shape) > 1] or list(self.layers)

    def plot(self, ax: Any = None) -> Any:
        """The table as bars, by matplotlib."""
        from ..pictures.plot.layers import flow

        return flow(self, ax)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        verdicts = [fill(line, WIDTH) for line in _verdicts(self)] or ["Nothing stands out."]
        return "\n".join([*_table(self), *_outputs(self.outputs), "", *verdicts])


def flow(model: Module, *inputs: Any, optimizer: Optimizer | None = None) -> Flow:
    """The gradient, the weights and the next step of each layer, after ``loss.backward()``.

    With ``inputs`` the model is run on them once more, as after `eval`, for its activations. The step
    is that of a copy of the ``optimizer``: nothing of yours changes.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.manual_seed(0)
    >>> net = tg.nn.Sequential(tg.nn.Linear(2, 4), tg.nn.ReLU(), tg.nn.Linear(4, 1))
    >>> x = tg.normal(size=(8, 2)); (net(x) ** 2).mean().backward()
    >>> found = flow(net, optimizer=tg.optim.SGD(net.parameters(), lr=0.1))
    >>> [(layer.name, round(layer.step, 4)) for layer in found.weights]
    [('0.weight', 0.0216), ('2.weight', 0.0667)]
    """
    if not isinstance(model, Module):
        raise DTypeError(f"flow: expected a model, got {describe(model)}; write model.flow()")
    named = dict(model.named_parameters())
    if all(p.grad is None for p in named.values()):
        raise GradError("flow: no parameter has a gradient yet; call loss.backward() first, and ask "
                        "before the next zero_grad()")
    steps = {} if optimizer is None else _steps(optimizer)
    layers = tuple(_layer(name, Node(p), steps.get(p, math.nan)) for name, p in named.items())
    found = activations(model, *inputs) if inputs else []
    outputs = tuple(map(_output, found, _told_apart([units.name for units in found])))
    return Flow(layers, outputs, _factor(Flow(layers, (), math.nan).weights))


def _rms(values: Any) -> float:
    values = np.asarray(values, np.float64)
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else 0.0


def _layer(name: str, node: Node, step: float) -> Layer:
    g = node.grad
    if g is None:
        return Layer(name, node.shape, _rms(node.value), math.nan, math.nan, math.nan)
    return Layer(name, node.shape, _rms(node.value), _rms(g), float(np.mean(np.asarray(g) == 0)), step)


def _steps(optimizer: Any) -> dict[Any, float]:
    """How far the next step moves each parameter, beside its size; by a copy of all that moves."""
    if not isinstance(optimizer, Optimizer):
        raise DTypeError(f"flow: expected an optimizer, as tg.optim.SGD, got {describe(optimizer)}")
    params = [p for group in optimizer.param_groups for p in group["params"]]
    memo: dict[int, Any] = {}
    moved = deepcopy(optimizer, memo)
    with np.errstate(all="ignore"):
        moved.step()
        after = [memo[id(p)] for p in params]
        return {p: _rms(Node(q).value - Node(p).value) / (_rms(Node(p).value) or math.nan)
                for p, q in zip(params, after, strict=True)}


def _factor(layers: list[Layer]) -> float:
    """The mean factor by which one layer changes the gradient on its way back."""
    there = [(i, math.log(x.gradient)) for i, x in enumerate(layers) if x.gradient > 0]
    places, sizes = np.array(there, float).reshape(-1, 2).T
    if len(sizes) < 2 or not np.isfinite(sizes).all():
        return math.nan
    return math.exp(-np.polyfit(places, sizes, 1)[0])  # by the line through all: one odd layer is none


def _output(units: Units, name: str) -> Output:
    values = units.values
    low, high = {"sigmoid": (0.03, 0.97), "tanh": (-0.97, 0.97)}.get(
        units.name.rpartition(" ")[2], (-math.inf, math.inf))
    saturated = float(np.mean((values < low) | (values > high)))
    return Output(name, float(values.std()), float(np.mean(values == 0)), saturated,
                  len(units.dead), units.units)


# -- words -------------------------------------------------------------------------------------------


def _table(found: Flow) -> Iterator[str]:
    layers = found.weights
    sizes = [x.gradient for x in layers if x.gradient > 0 and math.isfinite(x.gradient)]
    high = math.ceil(math.log10(max(sizes))) if sizes else 0
    low = min(high - 3, math.floor(math.log10(min(sizes)))) if sizes else -3
    stepped = any(math.isfinite(x.step) for x in layers)
    heads = ("layer", "shape", "gradient", f"1e{low:+03}".ljust(_BAR - 5) + f"1e{high:+03}",
             "step/weight" if stepped else "gradient/weight", "")
    rows = [heads]
    for x in layers:
        beside = x.step if stepped else x.gradient / x.weight if x.weight else math.nan
        zeros = f"{x.zeros:.0%} exactly 0" if x.zeros > 0.2 else ""
        share = log_share(x.gradient, low, high)
        rows.append((x.name, str(x.shape), _small(x.gradient), bar(share, _BAR), _small(beside), zeros))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.rjust(w) if i in (2, 4) else cell.ljust(w)
                        for i, (cell, w) in enumerate(zip(row, widths, strict=True))).rstrip()
    yield ("(sizes are root mean squares; the last row is nearest to the loss"
           f"{'; the step is the next one' * stepped})")


def _small(x: float) -> str:
    return "none" if math.isnan(x) else f"{x:.1e}"


def _outputs(outputs: tuple[Output, ...]) -> Iterator[str]:
    if not outputs:
        return
    width = max(len(name) for name in ("activation", *(x.name for x in outputs)))
    yield ""
    yield f"{'activation'.ljust(width)}  spread"
    for x in outputs:
        notes = [f"{x.zeros:.0%} zero" if x.zeros else "",
                 f"{x.saturated:.0%} saturated" if x.saturated else "",
                 f"{x.dead} of {x.units} units dead" if x.dead else ""]
        yield f"{x.name.ljust(width)}  {x.std:6.4f}  {', '.join(filter(None, notes))}".rstrip()
    yield "(spread is the standard deviation of what an activation gives; in the order of the calls)"


def _told_apart(names: list[str]) -> list[str]:
    """Names that several have, with a count.

    >>> _told_apart(["relu", "tanh", "relu"])
    ['relu (1)', 'tanh', 'relu (2)']
    """
    return [f"{name} ({names[: i + 1].count(name)})" if names.count(name) > 1 else name
            for i, name in enumerate(names)]


def _verdicts(found: Flow) -> Iterator[str]:
    layers = found.weights
    yield from _of_depth(found, layers)
    missing = [x.name for x in found.layers if math.isnan(x.gradient)]
    if missing:
        yield (f"No gradient at {_listed(missing)}: not used in the loss, or cut off from it; "
               "model.why() says which.")
    silent = [x.name for x in found.layers if x.gradient == 0]
    if silent:
        yield f"A gradient of 0 in every number at {_listed(silent)}: model.why() says why."
    broken = [x.name for x in found.layers if math.isinf(x.gradient) or math.isnan(x.weight)]
    if broken:
        yield (f"Not finite at {_listed(broken)}: run again inside tg.detect_anomaly().")
    yield from _of_steps(layers)
    full = [x.name for x in found.outputs if x.saturated > MUCH]
    if full:
        yield (f"Saturated, where the slope is nearly 0: {_listed(full)}. Smaller weights or "
               "normalised inputs bring it back to where it is steep.")
    dead = [x.name for x in found.outputs if x.dead]
    if dead:
        yield (f"Units that give the same for all data learn nothing: {_listed(dead)}. A lower lr, "
               "LeakyReLU or another initialisation helps.")


def _of_steps(layers: list[Layer]) -> Iterator[str]:
    far = [x for x in layers if x.step > USUAL * FAR]
    near = [x for x in layers if x.step < USUAL / FAR]
    said = [f"{word} beside the weights at {_listed([x.name for x in wrong])} "
            f"({most([x.step for x in wrong]):.1e}{f' and {than}' if len(wrong) > 1 else ''})"
            for word, wrong, most, than in (("long", far, min, "more"), ("short", near, max, "less"))
            if wrong]
    if not said:
        return
    cure = ("no one lr fits all; an optimizer that scales each, as tg.optim.Adam, evens it out"
            if far and near else "lower lr" if far else "raise lr")
    yield f"Steps are {' and '.join(said)}, where about 1e-03 is usual: {cure}."


def _of_depth(found: Flow, layers: list[Layer]) -> Iterator[str]:
    factor = found.factor
    if math.isnan(factor) or len(layers) < SEVERAL:
        return
    first, last = ([x for x in layers if x.gradient > 0][i] for i in (0, -1))
    ratio = first.gradient / last.gradient
    passed = (f"Going back from {last.name} to {first.name}, the gradient is multiplied by "
              f"{factor:.2g} at each weight on average")
    if factor < 1 / STEADY and ratio < 1 / OVER_ALL:
        bent = any("sigmoid" in x.name for x in found.outputs)
        cure = ("A sigmoid passes on a quarter at most: take ReLU or tanh, or normalise between "
                "layers; larger initial weights alone do not help." if bent else
                "Where there are sigmoids, which pass on a quarter at most, take ReLU or tanh; else "
                "larger initial weights (tg.nn.init.kaiming_normal_), normalisation or skip "
                "connections bring the factor near 1.")
        yield (f"{passed}: it vanishes. The first layer gets {1 / ratio:,.0f} times less than the "
               f"last and learns that much more slowly. {cure}")
    elif factor > STEADY and ratio > OVER_ALL:
        yield (f"{passed}: it explodes. The first layer gets {ratio:,.0f} times as much as the last. "
               "Smaller initial weights (tg.nn.init.xavier_normal_) or normalisation bring the factor "
               "near 1; tg.nn.utils.clip_grad_norm_ bounds the step.")
    else:
        yield f"{passed}: neither vanishing nor exploding."


def _listed(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
