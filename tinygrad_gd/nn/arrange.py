"""Layers that move numbers: axes made one or several, borders, images at another size."""

from __future__ import annotations

import math
from typing import Any

from ..engine.tensor import Tensor
from ..errors import DTypeError, ShapeError, describe
from ..ground.checks import check_integer, is_integer
from ..ground.explain import answering
from ..ground.registry import explaining
from ..ops.neural import interpolation
from ..ops.neural.windows import batched, bordered, count_windows, numbers, overlap_add, windows
from ..ops.shape import reshape, transpose
from ..ops.signatures import as_tensor
from .options import FixedOptions

# -- functions ---------------------------------------------------------------------------------------


def _images(operation: str, x: Any) -> Tensor:
    images = as_tensor(operation, x)
    if images.ndim < 3:
        raise ShapeError(f"{operation}: expected images (..., channels, height, width), got "
                         f"{describe(images)}")
    return images


def _moved(x: Tensor, split: tuple[int, ...], order: tuple[int, ...], shape: tuple[int, ...]) -> Tensor:
    """The last three axes split, put in another order, and joined."""
    before = x.shape[:-3]
    axes = (*range(len(before)), *(len(before) + i for i in order))
    out: Tensor = reshape(transpose(reshape(x, (*before, *split)), axes), (*before, *shape))
    return out


@explaining
def pixel_shuffle(input: Any, upscale_factor: int) -> Tensor:
    """Channels as pixels: (..., c r r, h, w) to (..., c, h r, w r) (Shi, 2016).

    >>> import tinygrad_gd as tg
    >>> tg.nn.functional.pixel_shuffle(tg.Tensor([[[1.0]], [[2.0]], [[3.0]], [[4.0]]]), 2).tolist()
    [[[1.0, 2.0], [3.0, 4.0]]]
    """
    x = _images("pixel_shuffle", input)
    r = check_integer("pixel_shuffle: upscale_factor", upscale_factor, 1)
    c, h, w = x.shape[-3:]
    if c % (r * r):
        raise ShapeError(f"pixel_shuffle: upscale_factor={r} needs channels that {r * r} divides, got "
                         f"{describe(x)}")
    c //= r * r
    return _moved(x, (c, r, r, h, w), (0, 3, 1, 4, 2), (c, h * r, w * r))


@explaining
def pixel_unshuffle(input: Any, downscale_factor: int) -> Tensor:
    """Pixels as channels: (..., c, h r, w r) to (..., c r r, h, w), the inverse of `pixel_shuffle`."""
    x = _images("pixel_unshuffle", input)
    r = check_integer("pixel_unshuffle: downscale_factor", downscale_factor, 1)
    c, h, w = x.shape[-3:]
    if h % r or w % r:
        raise ShapeError(f"pixel_unshuffle: downscale_factor={r} must divide height and width of "
                         f"{describe(x)}")
    h, w = h // r, w // r
    return _moved(x, (c, h, r, w, r), (0, 2, 4, 1, 3), (c * r * r, h, w))


@explaining
def channel_shuffle(input: Any, groups: int) -> Tensor:
    """The channels of all groups in turn: (n, g c, ...) as (n, c, g, ...)."""
    x = as_tensor("channel_shuffle", input)
    g = check_integer("channel_shuffle: groups", groups, 1)
    if x.ndim < 3 or x.shape[1] % g:
        raise ShapeError(f"channel_shuffle: groups={g} must divide the channels of (n, channels, ...), "
                         f"got {describe(x)}")
    split = reshape(x, (x.shape[0], g, x.shape[1] // g, *x.shape[2:]))
    out: Tensor = reshape(transpose(split, (0, 2, 1, *range(3, split.ndim))), x.shape)
    return out


def _window(name: str, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> list[Any]:
    return [numbers(name, "kernel_size", kernel_size, 2, 1), numbers(name, "dilation", dilation, 2, 1),
            numbers(name, "padding", padding, 2, 0), numbers(name, "stride", stride, 2, 1)]


@explaining
def unfold(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0,
           stride: Any = 1) -> Tensor:
    """Each window of an image as a column: (n, c, h, w) to (n, c kh kw, windows).

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.nn.functional.unfold(np.ones((1, 3, 5, 5)), 2).shape
    (1, 12, 16)
    """
    x, alone = batched("unfold", input, 2)
    window, reach, around, steps = _window("unfold", kernel_size, dilation, padding, stride)
    x = bordered(x, [(p, p) for p in around])
    counts = count_windows("unfold", x, window, steps, reach)
    views = transpose(windows(x, window, counts, steps, reach), (0, 1, 4, 5, 2, 3))
    out: Tensor = reshape(views, (x.shape[0], x.shape[1] * math.prod(window), math.prod(counts)))
    return out[0] if alone else out


@explaining
def fold(input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0,
         stride: Any = 1) -> Tensor:
    """Columns added up as windows of an image: (n, c kh kw, windows) to (n, c, h, w).

    The transpose of `unfold`: where windows overlap, their sum.
    """
    x = as_tensor("fold", input)
    window, reach, around, steps = _window("fold", kernel_size, dilation, padding, stride)
    size = numbers("fold", "output_size", output_size, 2, 1)
    full = tuple(n + 2 * p for n, p in zip(size, around, strict=True))
    counts = tuple((n - d * (k - 1) - 1) // s + 1
                   for n, d, k, s in zip(full, reach, window, steps, strict=True))
    alone = x.ndim == 2
    x = x[None] if alone else x
    if x.ndim != 3 or x.shape[1] % math.prod(window) or x.shape[2] != math.prod(counts):
        raise ShapeError(f"fold: expected (n, channels * {math.prod(window)}, {math.prod(counts)}), as "
                         f"windows {window} in {size} make it, got {describe(x)}")
    channels = x.shape[1] // math.prod(window)
    views = transpose(reshape(x, (x.shape[0], channels, *window, *counts)), (0, 1, 4, 5, 2, 3))
    out: Tensor = overlap_add(views, full, steps, reach)
    if any(around):
        (top, left), (height, width) = around, size
        out = out[..., top : top + height, left : left + width]
    return out[0] if alone else out


# -- modules -----------------------------------------------------------------------------------------


class Flatten(FixedOptions):
    """The axes from ``start_dim`` to ``end_dim`` as one: by default all but the batch.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.nn.Flatten()(tg.Tensor(np.ones((2, 3, 4)))).shape
    (2, 12)
    """

    @answering
    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        for name, value in (("start_dim", start_dim), ("end_dim", end_dim)):
            check_integer(f"Flatten: {name}", value)
        super().__init__(start_dim=start_dim, end_dim=end_dim)

    def forward(self, x: Any) -> Tensor:
        """The same elements with fewer axes."""
        x = as_tensor("Flatten", x)
        (start, end), ndim = self._options.values(), x.ndim
        if not (-ndim <= start < ndim and -ndim <= end < ndim and start % ndim <= end % ndim):
            raise ShapeError(f"Flatten: axes {start} to {end} do not exist in this order in "
                             f"{describe(x)}; choose start_dim= and end_dim= among its axes")
        first, behind = start % ndim, end % ndim + 1
        size = math.prod(x.shape[first:behind])
        return reshape(x, (*x.shape[:first], size, *x.shape[behind:]))


class Unflatten(FixedOptions):
    """One axis as several: ``unflattened_size`` are their lengths, one of which may be -1.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.nn.Unflatten(1, (2, 3))(np.ones((5, 6))).shape
    (5, 2, 3)
    """

    @answering
    def __init__(self, dim: int, unflattened_size: Any) -> None:
        sizes = unflattened_size if isinstance(unflattened_size, tuple | list) else None
        if sizes is None or not all(map(is_integer, sizes)):
            raise DTypeError("Unflatten: unflattened_size is a tuple of lengths, got "
                             f"{describe(unflattened_size)} {unflattened_size!r}")
        super().__init__(dim=check_integer("Unflatten: dim", dim), unflattened_size=tuple(sizes))

    def forward(self, x: Any) -> Tensor:
        """The same elements with more axes."""
        x = as_tensor("Unflatten", x)
        dim, sizes = self._options.values()
        if not -x.ndim <= dim < x.ndim:
            raise ShapeError(f"Unflatten: there is no axis {dim} in {describe(x)}")
        dim %= x.ndim
        known = math.prod(n for n in sizes if n != -1)
        length = x.shape[dim]
        if sizes.count(-1) > 1 or (length % max(known, 1) if -1 in sizes else length != known):
            raise ShapeError(f"Unflatten: unflattened_size={sizes} does not multiply to axis {dim} of "
                             f"{describe(x)}; one length may be -1")
        out: Tensor = reshape(x, (*x.shape[:dim], *(
            x.shape[dim] // known if n == -1 else n for n in sizes), *x.shape[dim + 1 :]))
        return out


class PixelShuffle(FixedOptions):
    """`pixel_shuffle` by a fixed factor: images larger, with fewer channels."""

    @answering
    def __init__(self, upscale_factor: int) -> None:
        super().__init__(upscale_factor=check_integer(
            "PixelShuffle: upscale_factor", upscale_factor, 1))

    def forward(self, x: Any) -> Tensor:
        """(..., c r r, h, w) as (..., c, h r, w r)."""
        return pixel_shuffle(x, **self._options)


class PixelUnshuffle(FixedOptions):
    """`pixel_unshuffle` by a fixed factor: images smaller, with more channels."""

    @answering
    def __init__(self, downscale_factor: int) -> None:
        super().__init__(downscale_factor=check_integer(
            "PixelUnshuffle: downscale_factor", downscale_factor, 1))

    def forward(self, x: Any) -> Tensor:
        """(..., c, h r, w r) as (..., c r r, h, w)."""
        return pixel_unshuffle(x, **self._options)


class ChannelShuffle(FixedOptions):
    """`channel_shuffle` of a fixed number of groups."""

    @answering
    def __init__(self, groups: int) -> None:
        super().__init__(groups=check_integer("ChannelShuffle: groups", groups, 1))

    def forward(self, x: Any) -> Tensor:
        """The channels in another order."""
        return channel_shuffle(x, **self._options)


class Unfold(FixedOptions):
    """`unfold` with fixed options."""

    @answering
    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__(kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride)

    def forward(self, x: Any) -> Tensor:
        """Each window as a column."""
        return unfold(x, **self._options)


class Fold(FixedOptions):
    """`fold` with fixed options."""

    @answering
    def __init__(self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0,
                 stride: Any = 1) -> None:
        super().__init__(output_size=output_size, kernel_size=kernel_size, dilation=dilation,
                         padding=padding, stride=stride)

    def forward(self, x: Any) -> Tensor:
        """Columns added up as windows."""
        return fold(x, **self._options)


class Upsample(FixedOptions):
    """`interpolate` with fixed options."""

    @answering
    def __init__(self, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                 align_corners: bool | None = None) -> None:
        super().__init__(size=size, scale_factor=scale_factor, mode=mode, align_corners=align_corners)

    def forward(self, x: Any) -> Tensor:
        """``x`` at another size."""
        out: Tensor = interpolation.interpolate(x, **self._options)
        return out


class UpsamplingNearest2d(Upsample):
    """`Upsample` with ``mode="nearest"``."""

    @answering
    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """`Upsample` with ``mode="bilinear"`` and corners that stay where they are."""

    @answering
    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "bilinear", True)
