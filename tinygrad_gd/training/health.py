"""Health: what goes wrong in training, noticed while it does, and said in words.

After each step only the loss is looked at. Parameters, gradients and units are looked at after epochs
1, 2, 4, 8 ..., which costs nothing worth mentioning in a long run.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import isfinite
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import NonFiniteError
from ..ground.modes import no_grad
from ..ground.observer import Observer, observe
from ..study.anomaly import detect_anomaly

#: Steps in a row in which the loss has grown, and how many times it has, before that is divergence.
GROWING, GROWN = 5, 4.0

#: Epochs after which a loss that has fallen by less than this part of it has not been learned from.
PATIENT_EPOCHS, LEAST_FALL = 5, 0.005

#: How far a weight may be moved by one step, as a part of it; and how much smaller the gradient of one
#: weight may be than that of another.
LARGEST_UPDATE, FAINTEST = 1.0, 1e-6

#: The part of a layer's units that may be dead, and rows of data on which that is tried.
DEAD, ROWS = 0.2, 10_000

Named = list[tuple[str, Tensor]]


class Health:
    """Notices what is wrong with a run.

    Parameters
    ----------
    parameters : those that are trained, with their names.
    rates : what the learning rates are now.
    loss : computes the loss of a batch, uncompiled.
    losses : of the steps so far.
    """

    def __init__(self, parameters: Named, rates: Callable[[], list[float]],
                 loss: Callable[..., Tensor], losses: list[float]) -> None:
        self.parameters, self.rates, self.loss = parameters, rates, loss
        self._losses = losses
        self._said: set[str] = set()
        self._before: list[np.ndarray[Any, Any]] = []  # the weights before the step that is looked at
        self._moved: list[tuple[str, str]] = []
        self._batches: list[tuple[Any, ...]] = []

    # -- after a step ------------------------------------------------------------------------------

    def begins(self, epoch: int) -> None:
        """Another epoch, of which the first step is looked at more closely in 1, 2, 4, 8 ..."""
        self._batches, self._moved = [], []
        looked = epoch & (epoch - 1) == 0
        self._before = [np.array(p.data) for _, p in self.parameters] if looked else []

    def after_step(self, batch: tuple[Any, ...]) -> str:
        """Why training must stop, or nothing; the loss of the step is the last of ``losses``."""
        losses, loss = self._losses, self._losses[-1]
        if self._before:
            if not self._batches and len(losses) > 1:  # the first of all may be large
                self._moved = self._updates()
            if len(self._batches) * len(batch[0]) < ROWS:
                self._batches.append(batch)
        if not isfinite(loss):
            return self._not_finite(batch)
        last = losses[-GROWING - 1 :]
        growing = len(last) > GROWING and all(a < b for a, b in pairwise(last))
        if growing and loss > GROWN * last[0] and loss > losses[0]:
            return (f"it diverges: the loss has grown from {last[0]:.4g} to {loss:.4g} in "
                    f"{GROWING} steps, to step {len(losses)}. {self._too_fast()}")
        return ""

    def _too_fast(self) -> str:
        rates = sorted(set(self.rates()))
        now = " and ".join(f"{rate:.4g}" for rate in rates)
        lower = " and ".join(f"{rate / 10:.4g}" for rate in rates)
        return (f"The learning rate, lr = {now}, is most likely too large: try {lower}, standardise "
                "the inputs, or clip gradients with clip=1.0; tg.advise says which rate is stable")

    def _not_finite(self, batch: tuple[Any, ...]) -> str:
        step, finite = len(self._losses), [x for x in self._losses if np.isfinite(x)]
        came = f"the loss is {self._losses[-1]} in step {step}"
        for k, x in enumerate(batch):
            values = np.asarray(x.data if isinstance(x, Tensor) else x)
            if values.dtype.kind in "fc" and not np.isfinite(values).all():
                row, *place = np.argwhere(~np.isfinite(values))[0]
                what = "the target" if k == len(batch) - 1 else f"input {k}" if k else "the input"
                column = f", column {place[0]}" if place else ""
                return (f"{came}: {what} of its batch holds {values[tuple((row, *place))]} (row {row}"
                        f"{column}). Clean the data first, for example with np.nan_to_num")
        if len(finite) > 1 and finite[-1] > max(finite[0], min(finite) * GROWN):
            return (f"{came}: it had grown from {min(finite):.4g} to {finite[-1]:.4g}. "
                    f"{self._too_fast()}")
        return f"{came}. {self._operation(batch)}"

    def _operation(self, batch: tuple[Any, ...]) -> str:
        """Which operation makes the first number that is not finite."""
        bad = next((name for name, p in self.parameters if not np.isfinite(p.data).all()), "")
        try:
            with detect_anomaly():
                self.loss(*batch).backward()
        except NonFiniteError as error:
            if not bad:
                return f"It comes from {error}"
        finally:
            for _, p in self.parameters:
                p.grad = None
        return (f"Before that, a step has made {bad!r} not finite. {self._too_fast()}; or an argument "
                "of log, sqrt or a division comes to 0, where its gradient is infinite"
                if bad else self._too_fast())

    # -- after an epoch ----------------------------------------------------------------------------

    def after_epoch(self, losses: list[float], forward: Callable[..., Any]) -> list[str]:
        """What is new and wrong, in words; ``losses`` are those of all epochs."""
        found = [*self._gradients(), *self._moved, *self._dead(forward)] if self._before else []
        first, last = losses[0], losses[-1]
        unchanged = min(losses) > first - LEAST_FALL * abs(first) and last < 2 * first
        if len(losses) >= PATIENT_EPOCHS and unchanged:
            found.append(("stall", f"nothing has been learned in {len(losses)} epochs: the loss is "
                          f"{last:.4g} and was {first:.4g} in the first. The learning rate may be far "
                          f"too small (lr = {self.rates()[0]:.4g}: try 10 times that, or "
                          "tg.lr_range_test), or the inputs tell nothing about the targets (are their "
                          "rows in the same order?)"))
        new = [(key, text) for key, text in found if key not in self._said]
        self._said.update(key for key, _ in new)
        return [text for _, text in new]

    def _gradients(self) -> list[tuple[str, str]]:
        found = []
        if none := [name for name, p in self.parameters if p.grad is None]:
            found.append(("none", f"{_listed(none)} get no gradient: the loss does not depend on them. "
                          "If it should, look for .detach(), no_grad or a value that went through "
                          "NumPy on the way"))
        sizes = {name: float(np.sqrt(np.mean(np.square(np.asarray(p.grad.data, float)))))
                 for name, p in self.parameters if p.grad is not None and p.ndim > 1}
        largest = max(sizes.values(), default=0.0)
        if largest and (zero := [name for name, size in sizes.items() if not size]):
            found.append(("zero", f"gradients of {_listed(zero)} are 0 to the last bit: nothing there "
                          "changes the loss. The units behind may be dead, a mask may hide them, a "
                          "factor may be 0, or a recurrent layer may be given one step only"))
        elif faint := [name for name, size in sizes.items() if size < FAINTEST * largest]:
            found.append(("vanishing", f"gradients vanish: those of {_listed(faint)} are "
                          f"{sizes[faint[0]]:.2g}, and up to {largest:.2g} in other layers, so that "
                          "they hardly learn. Take relu in place of sigmoid or tanh, normalise "
                          "between layers, or make the network less deep"))
        return found

    def _updates(self) -> list[tuple[str, str]]:
        for (name, p), before in zip(self.parameters, self._before, strict=True):
            moved, size = (float(np.linalg.norm(np.asarray(x, float)))
                           for x in (p.data - before, before))
            if before.ndim > 1 and size and moved > LARGEST_UPDATE * size:
                return [("exploding", f"steps are too large: one has moved {name!r} by "
                         f"{100 * moved / size:.0f} % of its size; 0.1 % is usual. {self._too_fast()}")]
        return []

    def _dead(self, forward: Callable[..., Any]) -> list[tuple[str, str]]:
        """Units of relu that are 0 on all data: their weights get no gradient any more."""
        units, rows = _Units(), 0
        with no_grad(), observe(units):
            for *inputs, _ in self._batches:
                units.starts()
                forward(*inputs)
                rows += len(inputs[0])
        return [(f"dead {place}", f"{int((~alive).sum())} of {alive.size} units of {place} are dead: 0 "
                 f"for all of {rows} rows, so that nothing changes them any more. A smaller learning "
                 "rate keeps units alive; leaky_relu or gelu revives them")
                for place, alive in units.alive.items() if (~alive).sum() > DEAD * alive.size]


def _listed(names: list[str]) -> str:
    """Some names as a text.

    >>> _listed(["a", "b"]), _listed(["a", "b", "c", "d", "e"])
    ("'a', 'b'", "'a', 'b', 'c' and 2 more")
    """
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(map(repr, names[:3])) + more


class _Units(Observer):
    """Which units of each relu are not 0 on some row."""

    def __init__(self) -> None:
        self.alive: dict[str, np.ndarray[Any, Any]] = {}
        self._inside: list[Any] = []
        self._names: dict[Any, str] = {}
        self._count = 0

    def starts(self) -> None:
        """Another batch."""
        self._count = 0

    def enters(self, module: Any) -> None:
        if not self._inside:
            self._names = {m: path for path, m in module.named_modules()}
        self._inside.append(module)

    def leaves(self, module: Any) -> None:
        self._inside.pop()

    def forward(self, out: Any, primitive: Any, inputs: Any, params: Any) -> None:
        if primitive.name != "relu" or out.ndim < 2:
            return
        self._count += 1
        path = self._names.get(self._inside[-1], "") if self._inside else ""
        place = f"relu {self._count}" + (f", in {path!r}" if path else "")
        over = (0, *range(2, out.ndim))  # a channel of a convolution is a unit
        alive: np.ndarray[Any, Any] = np.any(out.numpy() > 0, axis=over)
        known = self.alive.get(place)
        self.alive[place] = alive if known is None or known.shape != alive.shape else known | alive
