"""Images and signals at another size, by PyTorch's `interpolate`."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from ...engine.tensor import Tensor
from ...errors import DTypeError, OptionError, ShapeError, describe
from ...ground.checks import check_switch
from ...ground.registry import implements
from ..shape import along, repeat
from ..signatures import as_tensor
from .windows import numbers

_MODES = {"nearest": None, "linear": 1, "bilinear": 2}


def _nearest(x: Any, axis: int, length: int, step: float | None) -> Any:
    n = x.shape[axis]
    if length % n == 0 and step in (None, n / length):
        return x if length == n else repeat(x, length // n, axis)
    places = np.arange(length)
    source = places * n // length if step is None else (places * step).astype(int)
    return along(x, axis, np.minimum(source, n - 1))


def _linear(x: Any, axis: int, length: int, step: float | None, align_corners: bool) -> Any:
    """Between the two elements around each place, weighted by its distance from the other one."""
    n, places = x.shape[axis], np.arange(length)
    if align_corners:
        source = places * ((n - 1) / max(length - 1, 1))
    else:
        source = np.maximum((places + 0.5) * (n / length if step is None else step) - 0.5, 0)
    before = np.minimum(source.astype(int), n - 1)
    share = np.reshape(source - before, (-1, *(1,) * (x.ndim - 1 - axis))).astype(x.dtype)
    return along(x, axis, before) * (1 - share) + along(x, axis, np.minimum(before + 1, n - 1)) * share


def _lengths(x: Tensor, size: Any, scale_factor: Any) -> list[tuple[int, float | None]]:
    """The new length of each axis and, if a factor was given, the step between places."""
    ndim = x.ndim - 2
    if (size is None) == (scale_factor is None):
        raise OptionError(f"interpolate: give either size= or scale_factor=, got {size!r} and "
                          f"{scale_factor!r}")
    if size is not None:
        return [(n, None) for n in numbers("interpolate", "size", size, ndim, 1)]
    factors = tuple(scale_factor) if np.iterable(scale_factor) else (scale_factor,) * ndim
    numeric = all(isinstance(f, int | float) and isfinite(f) for f in factors)
    lengths = [int(n * f) for n, f in zip(x.shape[2:], factors, strict=False)] if numeric else [0]
    if len(factors) != ndim or min(lengths) < 1:
        raise OptionError(f"interpolate: scale_factor= must be one positive number or {ndim} of them, "
                          f"which leave at least one element of {describe(x)}; got {scale_factor!r}")
    return [(n, 1 / f) for n, f in zip(lengths, factors, strict=True)]


@implements()
def interpolate(input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                align_corners: bool | None = None) -> Tensor:
    """``input`` (n, channels, *lengths) at another size.

    Parameters
    ----------
    size, scale_factor : the new lengths, or how many times larger; one number or one for each axis.
    mode : ``"nearest"``, ``"linear"`` for signals, ``"bilinear"`` for images.
    align_corners : whether first and last elements keep their places, or (the default) elements are
        little squares of which the corners do.

    >>> import tinygrad_gd as tg
    >>> tg.interpolate(tg.Tensor([[[1.0, 3.0]]]), size=3, mode="linear", align_corners=True).tolist()
    [[[1.0, 2.0, 3.0]]]
    """
    x = as_tensor("interpolate", input)
    if not 3 <= x.ndim <= 5 or 0 in x.shape[2:]:
        raise ShapeError("interpolate: expected an input (n, channels, *lengths) with 1 to 3 lengths "
                         f"above 0, got {describe(x)}; insert axes with x[None]")
    if mode not in _MODES or _MODES[mode] not in (None, x.ndim - 2):
        raise OptionError("interpolate: mode= must be 'nearest', 'linear' for 3 axes or 'bilinear' for "
                          f"4, got {mode!r} for {describe(x)}")
    if mode != "nearest" and x.dtype.kind != "f":
        raise DTypeError(f"interpolate: mode={mode!r} gives values between the elements, which "
                         f"{describe(x)} cannot hold; use .astype(float)")
    if mode == "nearest" and align_corners is not None:
        raise OptionError("interpolate: align_corners= has no meaning for mode='nearest'; leave it out")
    corners = align_corners is not None and check_switch("interpolate: align_corners", align_corners)
    for axis, (length, step) in enumerate(_lengths(x, size, scale_factor), 2):
        x = (_nearest(x, axis, length, step) if mode == "nearest"
             else _linear(x, axis, length, step, corners))
    result: Tensor = x
    return result
