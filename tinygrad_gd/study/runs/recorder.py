"""`record`: watch a training run and write down what each of its steps did."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ...engine.cotangents import cotangents_of
from ...engine.graph import Node, leaves_of, walk
from ...engine.tensor import Tensor
from ...errors import GradError, OptionError, TinygradGdError
from ...ground.modes import using
from ...ground.observer import Observer, observe
from ...ground.user_code import user_line
from ...pictures.names import names_for
from ...transforms.curvature import Curvature, parts
from ..again import again, is_open, twin
from ..explorer.javascript import NotWritten
from ..explorer.page import parts_of
from .run import Array, Run

#: Parameters of no more numbers than this are kept whole.
FEW = 64
#: Points along each side of a contour.
GRID = 41


class _Pass(NamedTuple):
    """One backward pass: the loss, its graph over copies of the leaves, the slopes, and the curvature.

    ``bend`` is None where a function with rules of its own hides how the loss curves.
    """

    loss: float
    twin: Tensor
    leaves: dict[Tensor, Tensor]
    slopes: dict[Tensor, Array]
    bend: Curvature | None


class _Step(NamedTuple):
    """One step; the norms of gradient, weights and update for each leaf, and the leaves themselves."""

    loss: float
    reach: float
    rate: float
    alike: float
    norms: dict[Tensor, tuple[float, float, float]]
    values: dict[Tensor, Array]


class Recorder(Observer):
    """Measures each step once the next backward pass begins, or the run is over.

    Attributes
    ----------
    first : the first backward pass.
    steps : what was measured.
    last : the leaves after the last step.
    """

    def __init__(self) -> None:
        self.names: dict[Tensor, str] = {}
        self.steps: list[_Step] = []
        self.optimizer = ""
        self.options: dict[str, float] = {}
        self.line = ""
        self.first: _Pass | None = None
        self.last: dict[Tensor, Array] = {}
        self._passes: list[_Pass] = []  # since the leaves changed last
        self._before: dict[Tensor, Array] = {}

    def starts_backward(self, root: Tensor, seed: Any) -> None:
        """Measure the step that is over, and keep what the next one will be measured by."""
        self.measure()
        if root.size != 1 or root.op is None:
            return
        leaves = leaves_of(root)
        if not all(x in self.names for x in leaves):
            self._give_names(root, leaves)
        with using(observer=None, lockstep=None), np.errstate(all="ignore"):
            made = _pass(root, leaves, self.names)
        self.first = self.first or made
        self._passes.append(made)
        self._before.update((x, np.array(Node(x).value)) for x in leaves)

    def optimizes(self, optimizer: Any) -> None:
        """Note what moves the parameters."""
        self.optimizer = type(optimizer).__name__

    def option(self, options: Mapping[str, Any], key: str, value: Any) -> Any:
        """Note what the optimizer uses."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            self.options[key] = float(value)
        return value

    def _give_names(self, root: Tensor, leaves: list[Tensor]) -> None:
        """Names for the leaves that are new, and at first for all else that has one."""
        self.line = self.line or user_line()
        found = names_for([x for x in walk([root]) if x not in self.names])
        for x in leaves:
            name = found.get(x, f"parameter {len(self.names)}")
            taken = name in self.names.values() and x not in self.names
            self.names.setdefault(x, f"{name} ({len(self.names)})" if taken else name)
        if self.first is None:
            self.names |= {x: name for x, name in found.items() if not x.is_leaf or not x.requires_grad}

    def measure(self) -> None:
        """Note the step since the last backward passes, if one was made."""
        after = {x: np.array(Node(x).value) for x in self._before}
        if all(np.array_equal(after[x], held, equal_nan=True) for x, held in self._before.items()):
            return
        passes, before = self._passes, self._before
        self._passes, self._before, self.last = [], {}, after
        moved = {x: np.asarray(after[x] - held, float) for x, held in before.items()}
        slopes = {x: sum(p.slopes.get(x, 0.0) for p in passes) for x in moved}
        with using(observer=None, lockstep=None), np.errstate(all="ignore"):
            curved = sum(_curved(p, moved) for p in passes)
            along = sum(float(np.sum(slopes[x] * d)) for x, d in moved.items())
            length, slope = _norm(moved.values()), _norm(slopes.values())
            held = sum(x.size for x in before) <= FEW
            self.steps.append(_Step(
                float(np.mean([p.loss for p in passes])), -curved / along if along else math.nan,
                length / slope if slope else math.nan,
                -along / (length * slope) if slope else math.nan,
                {x: (_norm([slopes[x]]), _norm([before[x]]), _norm([moved[x]])) for x in moved},
                before if held else {}))


def _pass(root: Tensor, leaves: list[Tensor], names: dict[Tensor, str]) -> _Pass:
    loss = float(Node(root).value)
    copy, copies = twin(root, names)
    if is_open(root):
        bend = Curvature("record", copy, list(copies.values()))
        pieces = parts(bend.params, bend.gradient)
        return _Pass(loss, copy, copies, dict(zip(copies, pieces, strict=True)), bend)
    slopes = cotangents_of([root], [np.ones(root.shape, root.dtype)[()]], targets=leaves)
    return _Pass(loss, copy, copies, slopes, None)


def _curved(made: _Pass, moved: dict[Tensor, Array]) -> float:
    """d·Hd along the step d."""
    if made.bend is None:
        return math.nan
    d = np.concatenate([np.ravel(moved[x]) for x in made.leaves])
    return float(d @ made.bend.product(d))


def _norm(arrays: Iterable[Any]) -> float:
    return math.sqrt(sum(float(np.sum(np.square(x))) for x in arrays))


def run_of(seen: Recorder) -> Run:
    """What was seen as arrays, with what is only known at the end."""
    steps = seen.steps
    leaves = list(dict.fromkeys(x for step in steps for x in step.norms))
    nothing = (math.nan, math.nan, math.nan)
    norms = np.array([[step.norms.get(x, nothing) for x in leaves] for step in steps])
    whole = all(set(step.values) == set(leaves) for step in steps)
    rows = [step.values for step in steps] + [seen.last] if whole else []
    values = np.array([np.concatenate([np.ravel(row[x]) for x in leaves]) for row in rows], float)
    x, y, heights = _contour(seen, leaves, values)
    loss, reach, rate, alike = np.array([[s.loss, s.reach, s.rate, s.alike] for s in steps]).T
    gradients, weights, updates = np.moveaxis(norms, 2, 0)
    return Run([seen.names[x] for x in leaves], [list(x.shape) for x in leaves], seen.optimizer,
               seen.options, seen.line, loss, reach, rate, alike, gradients, weights, updates, values,
               heights, x, y, _picture(seen, leaves) if whole else {})


def _picture(seen: Recorder, leaves: list[Tensor]) -> dict[str, Any]:
    """The graph of the first loss with its program, if a page can compute it; else nothing."""
    first = seen.first
    if first is None or [first.leaves.get(x) for x in leaves] != leaves_of(first.twin):
        return {}
    try:
        with using(observer=None, lockstep=None):
            data, picture, program = parts_of(first.twin, 0.0)
    except (TinygradGdError, NotWritten):
        return {}
    return {"data": data, "svg": picture.svg, "program": program} if data["program"] else {}


def _contour(seen: Recorder, leaves: list[Tensor], values: Array) -> tuple[Array, Array, Array]:
    """The first loss over what holds the path, of two numbers."""
    nothing = np.zeros(0)
    first = seen.first
    path = values[np.isfinite(values).all(axis=1)] if values.ndim == 2 else nothing
    if first is None or values.shape[1:] != (2,) or not len(path) or set(first.leaves) != set(leaves):
        return nothing, nothing, np.zeros((0, 0))
    low, high = path.min(0), path.max(0)
    margin = 0.15 * np.maximum(high - low, 0.25 * float((high - low).max()) + 1e-12)
    x, y = (np.linspace(a, b, GRID) for a, b in np.transpose([low - margin, high + margin]))
    heights = np.array([[_height(first, leaves, (a, b)) for a in x] for b in y])
    return x, y, heights


def _height(first: _Pass, leaves: list[Tensor], point: tuple[float, float]) -> float:
    copies = [first.leaves[x] for x in leaves]
    new = {copy: Tensor(value, dtype=copy.dtype)
           for copy, value in zip(copies, parts(copies, np.array(point)), strict=True)}
    with np.errstate(all="ignore"):
        return float(again(first.twin, new)[first.twin].item())


class Record(observe[Recorder]):
    """What `record` returns: a block whose run is written when it is left, also by an error."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not isinstance(path, str | os.PathLike) or not os.fspath(path).endswith(".npz"):
            raise OptionError(f"record: expected a path that ends in .npz, got {path!r}; write "
                              "tg.record('run.npz')")
        super().__init__(Recorder())
        self._path = path

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        seen = self._observer
        seen.measure()
        if seen.steps:
            run_of(seen).save(self._path)
        elif exception[0] is None:
            raise GradError("record: no step was made in the block, so nothing is written; put the "
                            "whole loop inside: loss.backward(), and what moves the parameters")


def record(path: str | os.PathLike[str]) -> Record:
    """Write down a training run: ``with tg.record("run.npz"):`` around its loop.

    In each step the loss, the norms of gradients, weights and updates, and the *reach* are measured:
    1 is the bottom of the parabola that the loss is along the step, above 2 the step lands higher than
    it began. ``python -m tinygrad_gd replay run.npz`` shows the run, where it went wrong
    and what helps. Measuring a step takes about as long as ten of them, a millisecond at least.

    >>> import numpy as np, tempfile, tinygrad_gd as tg
    >>> from tinygrad_gd.study.runs.run import Run
    >>> w = tg.Tensor(1.0, requires_grad=True); path = tempfile.mkdtemp() + "/run.npz"
    >>> with tg.record(path):
    ...     for _ in range(3):
    ...         loss = w * w; w.zero_grad(); loss.backward()
    ...         with tg.no_grad(): w -= 0.75 * w.grad
    >>> run = Run.load(path); run.loss.tolist(), run.reach.tolist()
    ([1.0, 0.25, 0.0625], [1.5, 1.5, 1.5])
    """
    return Record(path)
