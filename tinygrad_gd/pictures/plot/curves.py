"""Numbers over steps, epochs or rates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import DTypeError, describe
from ..figures import number
from .canvas import axes, colours, tidy


def loss(history: Any, ax: Any = None, log: bool | None = None) -> Any:
    """Losses over steps; of a history over epochs, with those of validation beside them.

    Parameters
    ----------
    history : what `tg.fit` returns (``.steps``, the losses, and ``.epochs``, dicts with ``"loss"`` and
        ``"val_loss"``), a list of such dicts, a list of losses, or a dict of lists by name.
    log : whether the axis of losses is logarithmic; by default if they differ by a factor of 30.

    >>> import tinygrad_gd as tg
    >>> ax = tg.plot.loss({"SGD": [3.0, 2.0, 1.5], "momentum": [3.0, 1.0, 0.5]})
    >>> [line.get_label() for line in ax.lines]
    ['SGD', 'momentum']
    >>> import matplotlib.pyplot as plt; plt.close(ax.figure)
    """
    ax = axes(ax)
    palette = colours(ax)
    epochs = getattr(history, "epochs", history)
    steps = getattr(history, "steps", ())
    if isinstance(epochs, Mapping):
        drawn = {str(name): np.asarray(values, float) for name, values in epochs.items()}
    elif len(epochs) and isinstance(epochs[0], Mapping):
        named = {"training": "loss", "validation": "val_loss"}
        drawn = {name: np.array([e.get(key, np.nan) for e in epochs], float)
                 for name, key in named.items() if any(key in e for e in epochs)}
    else:
        drawn = {"": _numbers(steps if len(steps) else epochs)}
    over = "epoch" if len(epochs) and drawn.keys() <= {"training", "validation"} else "step"
    if over == "epoch" and len(steps):
        x = np.arange(1, len(steps) + 1) / len(steps) * len(epochs)
        ax.plot(x, _numbers(steps), color=palette.quiet, alpha=0.6, linewidth=0.8, label="each step")
    for (name, values), colour in zip(drawn.items(), _endless(palette.lines), strict=False):
        marker = "." if len(values) <= 40 else None
        ax.plot(np.arange(1, len(values) + 1), values, color=colour, marker=marker, label=name or None)
    _scale(ax, log, [line.get_ydata() for line in ax.lines])
    return tidy(ax, over, "loss")


def gradients(watch: Any, ax: Any = None) -> Any:
    """The norm of each parameter's gradient over time, of a `tg.study.Watch` or a dict of lists.

    >>> import tinygrad_gd as tg
    >>> ax = tg.plot.gradients({"0.weight": [1.0, 0.5], "0.bias": [0.1, 0.05]})
    >>> ax.get_yscale()
    'log'
    >>> import matplotlib.pyplot as plt; plt.close(ax.figure)
    """
    return _by_parameter(getattr(watch, "gradients", watch), ax, "norm of the gradient")


def updates(watch: Any, ax: Any = None) -> Any:
    """How far each parameter moves in a step, relative to its length, over time; 0.001 is usual.

    >>> import tinygrad_gd as tg
    >>> ax = tg.plot.updates({"0.weight": [0.002, 0.001]})
    >>> len(ax.lines)     # the parameter, and 0.001
    2
    >>> import matplotlib.pyplot as plt; plt.close(ax.figure)
    """
    ax = axes(ax)
    ax.axhline(1e-3, color=colours(ax).quiet, linestyle="--", linewidth=1, label="usual: 0.001")
    return _by_parameter(getattr(watch, "updates", watch), ax, "length of the update / of the weights")


def range_test(test: Any, ax: Any = None) -> Any:
    """The losses that `tg.lr_range_test` met, over the rates, and what it advises.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(1.0, requires_grad=True)
    >>> ax = tg.lr_range_test(lambda: (w - 3) ** 2 + 1, [w]).plot()
    >>> ax.get_xscale(), ax.get_xlabel()
    ('log', 'learning rate')
    >>> import matplotlib.pyplot as plt; plt.close(ax.figure)
    """
    ax = axes(ax)
    palette = colours(ax)
    ax.plot(test.rates, test.losses, color=palette.quiet, alpha=0.6, linewidth=0.9, label="each step")
    ax.plot(test.rates, test.smooth, color=palette.lines[0], label="moving mean")
    ax.set_xscale("log")
    _scale(ax, None, [test.losses])
    kept = test.losses[np.isfinite(test.losses)]
    top = min(kept.max(), 4 * kept[0])
    ax.set_ylim(top=top * 1.3 if ax.get_yscale() == "log" else top * 1.05)
    marks = [(test.lr, palette.lines[2], f"advised: {number(test.lr)}")]
    if np.isfinite(test.limit):
        marks.append((test.limit, palette.alarm, f"blows up: {number(test.limit)}"))
    for rate, colour, label in marks:
        ax.axvline(rate, color=colour, linestyle="--", linewidth=1.2, label=label)
    return tidy(ax, "learning rate", "loss")


def _by_parameter(series: Any, ax: Any, what: str) -> Any:
    if not isinstance(series, Mapping):
        raise DTypeError("tg.plot: expected a tg.study.Watch or a dict of lists by name, got "
                         f"{describe(series)}")
    ax = axes(ax)
    lines = colours(ax).lines
    for i, (name, values) in enumerate(series.items()):
        style = ("-", "--", ":", "-.")[i // len(lines) % 4]
        y = np.asarray(values, float)
        ax.plot(np.arange(1, len(y) + 1), np.where(y > 0, y, np.nan), linestyle=style, label=name,
                color=lines[i % len(lines)], linewidth=1.3)
    ax.set_yscale("log")
    tidy(ax, "step", what)
    if len(series) > 4:  # more than fits on the lines without hiding some
        ax.legend(frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def _scale(ax: Any, log: bool | None, drawn: list[Any]) -> None:
    values = np.concatenate([np.ravel(d) for d in drawn])
    values = values[np.isfinite(values)]
    if log is None:
        log = bool(len(values)) and values.min() > 0 and values.max() > 30 * values.min()
    if log:
        ax.set_yscale("log")


def _numbers(values: Any) -> Any:
    try:
        return np.array([float(v) for v in values])
    except (TypeError, ValueError):
        raise DTypeError(f"tg.plot.loss: expected a history, or losses as numbers, got "
                         f"{describe(values)}") from None


def _endless(colours: tuple[str, ...]) -> Any:
    while True:
        yield from colours
