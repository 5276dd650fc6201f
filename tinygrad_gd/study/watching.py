"""Watching a run: its lines, modules and names, gradient norms, sizes of updates, dead units."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ..engine.graph import Node
from ..engine.tensor import Tensor
from ..engine.watched import Run, begin
from ..errors import DTypeError, describe
from ..ground.modes import no_grad
from ..ground.observer import observe
from ..nn.module import Module
from ..pictures.names import names_for
from ..pictures.words import word_of
from ..transforms.curvature import variables

Array = np.ndarray[Any, Any]


def watch() -> observe[Run]:
    """Note of each operation the user's line, the module and the names, and what else happens.

    A recorded graph knows none of this; pictures and explanations of a run that was watched tell it.
    The block gives a `Run`, whose ``events`` can be asked; see ``tinygrad_gd.engine.watched``.

    >>> import tinygrad_gd as tg
    >>> layer = tg.nn.Linear(2, 1)
    >>> with tg.study.watch() as run:
    ...     loss = layer([1.0, 2.0]).sum()
    ...     loss.backward()
    >>> [(e.what, e.call.name if e.call else "") for e in run.operations]
    [('linear', 'layer'), ('sum', '')]
    """
    return begin()


class Watch:
    """Notes of each step, parameter by parameter, how long its gradient is and how far it moved.

    Parameters
    ----------
    params : a model, or Tensors. All are copied before each step, to be compared.

    Attributes
    ----------
    gradients : name -> norms of the gradients; NaN where there was none.
    updates : name -> lengths of the updates, relative to that of the parameter. About 0.001 is usual.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor([3.0, 4.0], requires_grad=True, name="w"); optimizer = tg.optim.SGD([w], lr=0.1)
    >>> watch = Watch([w])
    >>> for _ in range(2):
    ...     with watch:
    ...         optimizer.zero_grad(); (w * w).sum().backward(); optimizer.step()
    >>> {n: np.round(v, 6).tolist() for n, v in watch.gradients.items()}
    {'w': [10.0, 8.0]}
    >>> {n: np.round(v, 6).tolist() for n, v in watch.updates.items()}
    {'w': [0.2, 0.2]}
    """

    def __init__(self, params: Module | Iterable[Tensor]) -> None:
        self._tensors: dict[str, Tensor]
        if isinstance(params, Module):
            self._tensors = {name: p for name, p in params.named_parameters()}
        else:
            tensors = variables("Watch", params)
            known = names_for(list(tensors))
            self._tensors = {known.get(p, f"parameter {i}"): p for i, p in enumerate(tensors)}
        self.gradients: dict[str, list[float]] = {name: [] for name in self._tensors}
        self.updates: dict[str, list[float]] = {name: [] for name in self._tensors}
        self._before: dict[str, Array] = {}

    def __repr__(self) -> str:
        """The last gradient and update of each."""
        width = max(map(len, self.gradients), default=0)
        steps = len(next(iter(self.gradients.values()), []))
        lines = [f"Watch: {steps} steps{'; of the last one' * (steps > 0)}"]
        for name, norms in self.gradients.items() if steps else ():
            moved = f"moved by {self.updates[name][-1]:.3g} of its length"
            lines.append(f"{name.ljust(width)}  gradient {norms[-1]:.3g}, {moved}")
        return "\n".join(lines)

    def __enter__(self) -> Watch:
        self._before = {name: np.array(p.detach().numpy()) for name, p in self._tensors.items()}
        return self

    def __exit__(self, kind: Any, *error: Any) -> None:
        if kind is not None:
            return
        for name, p in self._tensors.items():
            g = p.grad
            before = self._before[name]
            size = float(np.linalg.norm(before))
            moved = float(np.linalg.norm(p.detach().numpy() - before))
            slope = np.nan if g is None else float(np.linalg.norm(g.detach().numpy()))
            self.gradients[name].append(slope)
            self.updates[name].append(moved / size if size else np.nan)


class Units(NamedTuple):
    """The outputs of one activation, and which units give the same for all data: those are dead."""

    name: str
    values: Array
    dead: tuple[int, ...]
    units: int

    def __repr__(self) -> str:
        which = ", ".join(map(str, self.dead[:8])) + (", ..." if len(self.dead) > 8 else "")
        those = f": {which}" if self.dead else ""
        return f"{self.name}: {len(self.dead)} of {self.units} units dead{those}"


class _Activations(Run):
    """Hears what activations give, and in which module."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, Array]] = []

    def forward(self, out: Any, primitive: Any, inputs: Any, params: Any) -> None:
        super().forward(out, primitive, inputs, params)
        if primitive.kind == "act":
            path = self.call.path if self.call else ""
            self.found.append((f"{path} {word_of(primitive)}".strip(), np.array(Node(out).value)))


def activations(model: Module, *inputs: Any) -> list[Units]:
    """Run a model once, as it is in evaluation, and collect what its activations give.

    A unit, along the last axis or of an image along the second, is dead if it gives the same for all
    data: nothing flows back through it.

    >>> import tinygrad_gd as tg
    >>> model = tg.nn.Sequential(tg.nn.Linear(1, 2), tg.nn.ReLU())
    >>> model.load_state_dict({"0.weight": [[1.0], [-1.0]], "0.bias": [0.0, 0.0]})
    >>> [(u.name, u.dead, u.units) for u in activations(model, tg.Tensor([[1.0], [2.0]]))]
    [('1 relu', (1,), 2)]
    """
    if not isinstance(model, Module):
        raise DTypeError(f"activations: expected a model, got {describe(model)}")
    seen = _Activations()
    training = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with no_grad(), observe(seen):
            model(*(x if isinstance(x, Tensor) else Tensor(x) for x in inputs))
    finally:
        for module, mode in training:
            module.training = mode
    return [_units(name, values) for name, values in seen.found if values.ndim > 1]


def _units(name: str, values: Array) -> Units:
    by_unit = np.moveaxis(values, 1 if values.ndim > 3 else -1, 0).reshape(
        values.shape[1 if values.ndim > 3 else -1], -1)
    dead = np.flatnonzero(by_unit.max(1) == by_unit.min(1))
    return Units(name, values, tuple(dead.tolist()), len(by_unit))
