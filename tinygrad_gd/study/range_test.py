"""`lr_range_test`: raise the learning rate step by step, and see where the loss falls and blows up."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..engine.tensor import Tensor
from ..errors import GradError, OptionError, describe
from ..ground.checks import check_integer
from ..ground.explain import answering
from ..ground.modes import enable_grad, no_grad
from ..optim.sgd import SGD
from ..transforms.curvature import variables
from .words import figure

#: The test is over when the loss is so many times the lowest one.
BLOWN_UP = 4.0


class RangeTest(NamedTuple):
    """The losses that were met while the rate rose.

    Attributes
    ----------
    rates, losses : of each step, the loss before it.
    smooth : the losses as a moving mean, without the noise of batches.
    lr : a tenth of the rate with the lowest smooth loss: a usual choice.
    limit : the rate at which the loss blew up; infinite if it did not.
    """

    rates: np.ndarray[Any, Any]
    losses: np.ndarray[Any, Any]
    smooth: np.ndarray[Any, Any]
    lr: float
    limit: float

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        ends = f"it blows up at {figure(self.limit)}" if math.isfinite(self.limit) else \
            f"it does not blow up to {figure(float(self.rates[-1]))}; give a larger high="
        return (f"The loss is lowest at lr = {figure(10 * self.lr)}; {ends}. "
                f"Take about lr = {figure(self.lr)}.")

    def plot(self, ax: Any = None) -> Any:
        """Draw the losses over the rates, as `tg.plot.range_test` does; returns the Axes."""
        from ..pictures.plot import range_test  # needs matplotlib

        return range_test(self, ax)


@answering
def lr_range_test(
    loss: Callable[..., Tensor], params: Iterable[Tensor], batches: Iterable[Any] | None = None,
    low: float = 1e-5, high: float = 10.0, steps: int = 100, optimizer: Callable[..., Any] = SGD,
) -> RangeTest:
    """Train for a few steps while the rate rises from ``low`` to ``high`` by equal factors.

    The parameters are afterwards as they were; running statistics are not. What grows above the limit
    that `tg.advise` finds (below: 0.0845) takes steps to be seen, so the loss is lowest well above it.
    Source: L. Smith, Cyclical Learning Rates for Training Neural Networks, 2017.

    Parameters
    ----------
    loss : a function without arguments, or of one batch, that computes the loss.
    params : the Tensors to train.
    batches : what the loss is called with, over and over again.
    optimizer : makes the optimizer, as ``tg.optim.SGD`` or ``lambda p, lr: SGD(p, lr, momentum=0.9)``.

    >>> import numpy as np, tinygrad_gd as tg
    >>> x = np.array([1., 2, 3, 4, 5]); y = 2 * x + 1
    >>> w, b = (tg.Tensor(0.0, requires_grad=True) for _ in "wb")
    >>> print(tg.lr_range_test(lambda: ((w * x + b - y) ** 2).mean(), [w, b], low=1e-3, high=1.0))
    The loss is lowest at lr = 0.4329; it blows up at 0.4977. Take about lr = 0.0433.
    """
    params = variables("lr_range_test", params)
    if not (0 < low < high < math.inf):
        raise OptionError(f"lr_range_test: expected 0 < low < high, got low={low!r}, high={high!r}")
    steps = check_integer("lr_range_test: steps", steps, 2)
    rates = np.geomspace(low, high, steps)
    before = [np.array(p.detach().numpy()) for p in params]
    stepper = optimizer(params, lr=low)
    losses: list[float] = []
    try:
        with enable_grad(), np.errstate(over="ignore", invalid="ignore"):
            for lr, batch in zip(rates, _endless(batches), strict=False):
                losses.append(_step(loss, batch, stepper, float(lr)))
                if not losses[-1] <= BLOWN_UP * max(min(losses), 1e-3 * losses[0]):
                    break
    finally:
        with no_grad():
            for p, value in zip(params, before, strict=True):
                p.assign(value)
                p.zero_grad()
    return _summary(rates[: len(losses)], np.array(losses), len(losses) < steps)


def _endless(batches: Iterable[Any] | None) -> Iterator[Any]:
    """Batches as arguments, from the start again when they are all used."""
    if batches is None:
        while True:
            yield ()
    while True:
        batch = None
        for batch in batches:
            yield batch if isinstance(batch, tuple | list) else (batch,)
        if batch is None:
            raise OptionError("lr_range_test: batches= gave no batch; give a DataLoader or a list, "
                              "which can be gone through again")


def _step(loss: Callable[..., Tensor], batch: Any, optimizer: Any, lr: float) -> float:
    for group in optimizer.param_groups:
        group["lr"] = lr
    value = loss(*batch)
    if not isinstance(value, Tensor) or value.size != 1:
        raise GradError(f"lr_range_test: expected loss() to return one number, got {describe(value)}")
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    return float(value.detach().item())


def _summary(rates: Any, losses: Any, blew_up: bool) -> RangeTest:
    if not math.isfinite(losses[0]):
        raise GradError(f"lr_range_test: the loss is {losses[0]} before the first step; make new "
                        "parameters, or look for the cause with tg.detect_anomaly()")
    mean, smooth = 0.0, []
    for i, value in enumerate(losses, 1):  # a mean that its start at 0 does not lower
        mean = 0.8 * mean + 0.2 * value
        smooth.append(mean / (1 - 0.8**i))
    lowest = int(np.nanargmin(smooth))
    limit = float(rates[-1]) if blew_up else math.inf
    return RangeTest(rates, losses, np.array(smooth), float(rates[lowest]) / 10, limit)
