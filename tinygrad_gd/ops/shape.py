"""Primitives that move or repeat elements without computing with them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate, pairwise
from operator import index
from typing import Any

import numpy as np

from ..engine.backward import unbroadcast
from ..engine.primitive import apply, primitive
from ..engine.rules import Once
from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError, ShapeError, describe
from ..ground.modes import using
from ..ground.registry import also
from ..ground.storage import NUMERIC_KINDS, native
from .signatures import as_tensor, called_like, refuse

# -- the same elements in another form -------------------------------------------------------------


def _broadcast_to(array: Any, /, shape: Any) -> Any:
    """The array, repeated to ``shape`` as in arithmetic."""
    # ten times faster than np.broadcast_to on small arrays, and the result may be written to
    out = np.empty(shape, array.dtype)
    if array.ndim:
        out[...] = array
    else:
        out.fill(array)
    return out


broadcast_to = primitive(
    _broadcast_to, lambda g, out, array, shape: unbroadcast(g, array.shape),
    numpy=np.broadcast_to, kind="view")


def broadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """``np.broadcast_to`` for rules: the fast function on arrays, recorded on Tensors."""
    return broadcast_to(g, shape) if isinstance(g, Tensor) else _broadcast_to(g, shape)


def _reshape(a: Any, /, shape: Any, order: Any = "C") -> Any:
    """The same elements in ``shape``; a length of -1 is worked out from the others.

    >>> import tinygrad_gd as tg
    >>> tg.reshape(tg.Tensor([1, 2, 3, 4]), (2, -1)).tolist()
    [[1, 2], [3, 4]]
    """
    if order == "C":
        return a.reshape(shape)
    if order != "F":
        raise OptionError(f"reshape: order= must be 'C' or 'F', got {order!r}; the order in memory "
                          "('A', 'K') is not part of a Tensor's meaning")
    return a.reshape(shape, order=order)


reshape = primitive(
    _reshape, lambda g, out, a, shape, order: g.reshape(a.shape, order=order),
    numpy=np.reshape, kind="view")


def _transpose(a: Any, /, axes: Any = None) -> Any:
    """The axes in the order ``axes``, by default reversed."""
    return a.transpose(axes)


def _transpose_back(g: Any, out: Any, a: Any, axes: Any) -> Any:
    if axes is None:
        return g.transpose()
    order = [axis % g.ndim for axis in axes]
    return g.transpose([order.index(i) for i in range(g.ndim)])


transpose = primitive(_transpose, _transpose_back, numpy=np.transpose, kind="view")


def _swapaxes(a: Any, /, axis1: int, axis2: int) -> Any:
    """Two axes in each other's place."""
    return a.swapaxes(axis1, axis2)


swapaxes = primitive(
    _swapaxes, lambda g, out, a, axis1, axis2: g.swapaxes(axis1, axis2),
    numpy=np.swapaxes, kind="view")


def _squeeze(a: Any, /, axis: Any = None) -> Any:
    """Without the axes of length 1: all of them, or those of ``axis``."""
    return a.squeeze(axis)


squeeze = primitive(
    _squeeze, lambda g, out, a, axis: g.reshape(a.shape), numpy=np.squeeze, kind="view")


def _expand_dims(a: Any, /, axis: Any) -> Any:
    """With new axes of length 1, which ``axis`` counts in the result."""
    return np.expand_dims(a, axis)


expand_dims = primitive(
    _expand_dims, lambda g, out, a, axis: g.reshape(a.shape),
    numpy=np.expand_dims, kind="view")


def _moveaxis(a: Any, /, source: Any, destination: Any) -> Any:
    """The axes ``source`` moved to the places ``destination``; the others keep their order."""
    return np.moveaxis(a, source, destination)


moveaxis = primitive(
    _moveaxis, lambda g, out, a, source, destination: np.moveaxis(g, destination, source),
    numpy=np.moveaxis, kind="view")


def _copy(a: Any, /, order: Any = "K") -> Any:
    """A recorded copy: gradients flow through it."""
    return np.array(a, order=order)


copy = primitive(_copy, lambda g, out, a, order: g, numpy=np.copy, kind="view")


def _astype(x: Any, /, dtype: Any) -> Any:
    return x.astype(dtype)


@called_like(np.astype, _astype, lambda g, out, x, dtype: g, kind="view", analytic=False)
def astype(x: Any, dtype: Any, *, copy: bool = True, device: Any = None) -> Tensor:
    """The values in another dtype; the gradient comes back in this one, and not from integers."""
    refuse("astype", "leave it out", device=device)
    if isinstance(dtype, np.ndarray | np.generic | Tensor):
        raise DTypeError(f"astype: expected a NumPy dtype such as np.float32, got {describe(dtype)}; "
                         "write .dtype behind it")
    try:
        kind = np.dtype(dtype).kind
    except TypeError as error:
        raise DTypeError(f"astype: {error}; expected a NumPy dtype such as np.float32") from None
    if kind not in NUMERIC_KINDS:
        raise DTypeError(f"astype: expected a float, int or bool dtype, got {dtype!r}; for other "
                         "kinds use tensor.numpy().astype")
    params = {"dtype": native(dtype)}
    if kind == "f":
        return apply(astype, (x,), params)
    with using(grad=False):
        return apply(astype, (x,), params)


# -- several arrays as one -------------------------------------------------------------------------


def _concatenate(*arrays: Any, axis: int | None = 0) -> Any:
    """Joined along ``axis``, which is there already; flattened first where it is None.

    >>> import tinygrad_gd as tg
    >>> tg.concatenate([tg.Tensor([1.0, 2.0]), [3.0]]).tolist()
    [1.0, 2.0, 3.0]
    """
    return np.concatenate(arrays, axis)


def _parts(g: Any, out: Any, *arrays: Any, axis: int | None) -> Callable[[int], Any]:
    """The slices of ``g`` that came from each of the arrays."""
    ends = list(accumulate(np.size(a) if axis is None else np.shape(a)[axis] for a in arrays))
    before = (slice(None),) * (0 if axis is None else axis % g.ndim)

    def part(position: int) -> Any:
        key = (*before, slice(ends[position - 1] if position else 0, ends[position]))
        return g[key] if axis is not None else np.reshape(g[key], arrays[position].shape)

    return part


concatenate = primitive(_concatenate, Once(_parts), numpy=np.concatenate, kind="view")


def _stack(*arrays: Any, axis: int = 0) -> Any:
    """Arrays of one shape, joined along a new axis.

    >>> import tinygrad_gd as tg
    >>> tg.stack([tg.Tensor([1.0, 2.0]), [3.0, 4.0]], axis=1).tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    """
    return np.stack(arrays, axis)


def _layers(g: Any, out: Any, *arrays: Any, axis: int) -> Callable[[int], Any]:
    return np.moveaxis(g, axis, 0).__getitem__  # type: ignore[no-any-return]


stack = primitive(_stack, Once(_layers), numpy=np.stack, kind="view")

also({"permute_dims": transpose, "concat": concatenate})

# -- other places for the same elements ------------------------------------------------------------


def _flip(m: Any, /, axis: Any = None) -> Any:
    """The elements in reverse order along ``axis``, by default along all axes."""
    return np.flip(m, axis)


flip = primitive(_flip, lambda g, out, m, axis: np.flip(g, axis), numpy=np.flip, kind="view")


def _roll(a: Any, /, shift: Any, axis: Any = None) -> Any:
    """The elements moved by ``shift`` along ``axis``; what leaves at one end comes in at the other."""
    return np.roll(a, shift, axis)


def _roll_back(g: Any, out: Any, a: Any, shift: Any, axis: Any) -> Any:
    back = tuple(-s for s in shift) if isinstance(shift, tuple | list) else -shift
    return np.roll(g, back, axis)


roll = primitive(_roll, _roll_back, numpy=np.roll, kind="view")


def _repeat(a: Any, /, repeats: int, axis: Any = None) -> Any:
    return np.repeat(a, repeats, axis)


def _repeat_back(g: Any, out: Any, a: Any, repeats: int, axis: Any) -> Any:
    if axis is None:
        return np.reshape(np.add.reduce(np.reshape(g, (a.size, repeats)), axis=1), a.shape)
    axis %= a.ndim
    copies = np.reshape(g, (*a.shape[: axis + 1], repeats, *a.shape[axis + 1 :]))
    return np.add.reduce(copies, axis=axis + 1)


@called_like(np.repeat, _repeat, _repeat_back, kind="view")
def repeat(a: Any, repeats: Any, axis: Any = None) -> Tensor:
    """Each element ``repeats`` times; with a list of counts, each element as often as it says.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> tg.repeat(x, [1, 3]).sum().backward(); x.grad.tolist()
    [1.0, 3.0]
    """
    if type(repeats) is not int and np.size(repeats) == 1 and np.ndim(repeats) < 2:
        repeats = index(np.ravel(repeats)[0])
    if type(repeats) is int:
        return apply(repeat, (a,), {"repeats": repeats, "axis": axis})
    a = as_tensor("repeat", a)
    if axis is None:
        a, axis = reshape(a, -1), 0
    axis = axis_of("repeat", a, axis)
    n = a.shape[axis]
    if np.shape(repeats) != (n,):
        raise ShapeError(f"repeat: expected one count or {n} of them, one for each place along axis "
                         f"{axis} of {describe(a)}, got {np.shape(repeats)}")
    return along(a, axis, np.repeat(np.arange(n), np.asarray(repeats)))


def axis_of(operation: str, a: Tensor, axis: int, extra: int = 0) -> int:
    """``axis`` counted from the front; ``extra`` more than there are may be named."""
    n, axis = a.ndim + extra, index(axis)
    if not -n <= axis < n:
        raise ShapeError(f"{operation}: axis {axis} does not exist in {describe(a)}; axes run from "
                         f"{-n} to {n - 1}")
    return axis % n


def along(a: Tensor, axis: int, places: Any) -> Tensor:
    """``a[..., places, ...]`` with the index at ``axis``."""
    return a[(slice(None),) * (axis % a.ndim) + (places,)]


#: Parts that are cut from the whole. The rule of a part fills zeros as large as what it was cut from:
#: for n parts of one array n * n steps. More parts than this are cut from halves, in n * log(n).
FEW_PARTS = 32


def cut(a: Tensor, axis: int, ends: list[int]) -> list[Tensor]:
    """The parts of ``a`` along ``axis`` between one of ``ends`` and the next."""
    if len(ends) - 1 <= FEW_PARTS or not a.requires_grad or ends != sorted(ends):
        return [along(a, axis, slice(*pair)) for pair in pairwise(ends)]
    half = len(ends) // 2
    return [part for piece in (ends[: half + 1], ends[half:]) for part in cut(
        along(a, axis, slice(piece[0], piece[-1])), axis, [end - piece[0] for end in piece])]


# -- triangles and diagonals -----------------------------------------------------------------------


def _tril(m: Any, /, k: int = 0) -> Any:
    """The elements on and below the ``k``-th diagonal, and 0 above it."""
    return np.tril(m, k)


def _triu(m: Any, /, k: int = 0) -> Any:
    """The elements on and above the ``k``-th diagonal, and 0 below it."""
    return np.triu(m, k)


def _from_rows(g: Any, m: Any) -> Any:
    """NumPy makes a matrix of equal rows of a vector first; this undoes it."""
    return np.add.reduce(g, axis=0) if m.ndim == 1 else g


tril = primitive(
    _tril, lambda g, out, m, k: _from_rows(np.tril(g, k), m), numpy=np.tril, kind="view")
triu = primitive(
    _triu, lambda g, out, m, k: _from_rows(np.triu(g, k), m), numpy=np.triu, kind="view")


def on_diagonal(g: Any, rows: int, columns: int, offset: int) -> Any:
    """Matrices of zeros with ``g`` on a diagonal: what undoes `diagonal` on the last two axes."""
    above = min(max(-offset, 0), rows)  # rows without an element of the diagonal
    around = [(0, 0)] * (g.ndim - 1) + [(above, rows - above - g.shape[-1])]
    by_row = np.expand_dims(np.pad(g, around), -1)
    return np.where(np.eye(rows, columns, offset, dtype=bool), by_row, 0)


def _diagonal(a: Any, /, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonals of the matrices in ``axis1`` and ``axis2``, as a last axis."""
    return np.diagonal(a, offset, axis1, axis2)


def _diagonal_back(g: Any, out: Any, a: Any, offset: int, axis1: int, axis2: int) -> Any:
    matrices = on_diagonal(g, a.shape[axis1], a.shape[axis2], offset)
    return np.moveaxis(matrices, (-2, -1), (axis1, axis2))


diagonal = primitive(_diagonal, _diagonal_back, numpy=np.diagonal, kind="view")


def _diag(v: Any, /, k: int = 0) -> Any:
    """The ``k``-th diagonal of a matrix, or the matrix that has a vector on it."""
    return np.diag(v, k)


def _diag_back(g: Any, out: Any, v: Any, k: int) -> Any:
    return np.diag(g, k) if v.ndim == 1 else on_diagonal(g, v.shape[0], v.shape[1], k)


diag = primitive(_diag, _diag_back, numpy=np.diag, kind="view")

# -- borders ---------------------------------------------------------------------------------------


def _pad(array: Any, /, pad_width: Any, mode: str, constant_values: Any) -> Any:
    border: Any = np.pad
    return border(array, pad_width, mode, constant_values=constant_values)


def _pad_fast(array: Any, /, pad_width: Any, mode: str, constant_values: Any) -> Any:
    wide = [n + before + after for n, (before, after) in zip(array.shape, pad_width, strict=True)]
    out = np.full(wide, constant_values, array.dtype)
    out[_inside(array, pad_width)] = array
    return out


def _inside(array: Any, pad_width: Any) -> tuple[slice, ...]:
    return tuple(slice(before, before + n)
                 for n, (before, _) in zip(array.shape, pad_width, strict=True))


def _widths(ndim: int, pad_width: Any) -> tuple[tuple[int, int], ...]:
    """One pair (before, after) for each axis, from all the ways NumPy allows to write them."""
    if isinstance(pad_width, dict):
        given = {axis % ndim: width for axis, width in pad_width.items()}
        pad_width = [np.broadcast_to(given.get(axis, 0), 2) for axis in range(ndim)]
    widths = np.asarray(pad_width)
    if widths.dtype.kind not in "iu" or (widths.size and widths.min() < 0):
        raise OptionError(f"pad: pad_width= must be integers of at least 0, got {pad_width!r}")
    if widths.shape not in ((), (1,), (2,), (1, 2), (ndim, 1), (ndim, 2)):
        raise ShapeError(f"pad: pad_width= must be one integer, (before, after), or such a pair for "
                         f"each of {ndim} axes, got {pad_width!r}")
    return tuple((int(before), int(after)) for before, after in np.broadcast_to(widths, (ndim, 2)))


@called_like(np.pad, _pad, lambda g, out, array, pad_width, mode, constant_values:
             g[_inside(array, pad_width)], run=_pad_fast, analytic=False, kind="view")
def pad(array: Any, pad_width: Any, mode: Any = "constant", *, constant_values: Any = 0,
        reflect_type: Any = "even") -> Tensor:
    """A border around ``array``: ``constant``, ``edge``, ``reflect``, ``symmetric`` or ``wrap``.

    >>> import tinygrad_gd as tg
    >>> tg.pad(tg.Tensor([1.0, 2.0, 3.0]), (2, 1), "reflect").tolist()
    [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]
    """
    inner = as_tensor("pad", array)
    widths = _widths(inner.ndim, pad_width)
    if mode == "constant":
        if isinstance(constant_values, Tensor) or np.ndim(constant_values):
            raise OptionError("pad: constant_values= must be one Python number, got "
                              f"{describe(constant_values)}; write other borders with concatenate")
        return apply(pad, (inner,), {"pad_width": widths, "mode": mode,
                                     "constant_values": constant_values})
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        raise OptionError(f"pad: mode={mode!r} is not supported; use 'constant', 'edge', 'reflect', "
                          "'symmetric' or 'wrap'")
    refuse("pad", "write the border with concatenate",
           reflect_type=None if reflect_type == "even" else reflect_type)
    for axis, width in enumerate(widths):
        if any(width):
            inner = along(inner, axis, np.pad(np.arange(inner.shape[axis]), width, mode))
    return inner
