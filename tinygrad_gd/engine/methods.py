"""The methods of Tensor that carry NumPy's names: each is one call of the registered operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, OptionError, describe
from ..ground.elsewhere import CURES, answer, own_names
from ..ground.registry import NAMES, Named
from .pairs import as_pair

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..ops.indexing import At
    from .tensor import Tensor

OPERATIONS: dict[str, Callable[..., Tensor]] = NAMES


class Count(int):
    """What ``t.size`` is: an int, which in PyTorch is a method."""

    __slots__ = ()

    def __call__(self, axis: Any = None) -> Any:
        """Say how PyTorch's ``t.size(axis)`` is written."""
        asked, cure = ("size()", "t.shape") if axis is None else (f"size({axis})", f"t.shape[{axis}]")
        raise DTypeError(f"size: t.size is {int(self)}, the number of elements, as in NumPy; what "
                         f"PyTorch's t.{asked} gives is {cure}")

    def __reduce__(self) -> Any:
        return int, (int(self),)


Count.__name__ = "int"  # what errors call it


class Methods(Named):
    """What a Tensor can do besides operators; each is more fully documented in ``tg``, as `tg.sum`."""

    __slots__ = ()

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False,
            **options: Any) -> Tensor:
        """Sum of the elements along ``axis`` (an int, a tuple or None for all)."""
        if not options:
            return OPERATIONS["sum"].signature(  # type: ignore[attr-defined, no-any-return]
                self, axis, dtype, out, keepdims)
        return OPERATIONS["sum"](self, axis, dtype, out, keepdims, **options)

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False,
             **options: Any) -> Tensor:
        """Arithmetic mean of the elements along ``axis``; with ``where``, of those it marks."""
        if not options:
            return OPERATIONS["mean"].signature(  # type: ignore[attr-defined, no-any-return]
                self, axis, dtype, out, keepdims)
        return OPERATIONS["mean"](self, axis, dtype, out, keepdims, **options)

    def prod(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False,
             **options: Any) -> Tensor:
        """Product of the elements along ``axis``; the gradient is right where some are 0."""
        return OPERATIONS["prod"](self, axis, dtype, out, keepdims, **options)

    def var(self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
            keepdims: bool = False, **options: Any) -> Tensor:
        """Variance: the mean of ``(self - mean)**2``, divided by ``n - ddof`` instead of ``n``."""
        return OPERATIONS["var"](self, axis, dtype, out, ddof, keepdims, **options)

    def std(self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
            keepdims: bool = False, **options: Any) -> Tensor:
        """Standard deviation, the root of `var`; where it is 0, so is its gradient."""
        return OPERATIONS["std"](self, axis, dtype, out, ddof, keepdims, **options)

    def max(self, axis: Any = None, out: Any = None, keepdims: bool = False,
            **options: Any) -> Tensor:
        """Largest element along ``axis``; equal ones share the gradient equally."""
        return as_pair("max", OPERATIONS["max"](self, axis, out, keepdims, **options), axis)

    def min(self, axis: Any = None, out: Any = None, keepdims: bool = False,
            **options: Any) -> Tensor:
        """Smallest element along ``axis``; equal ones share the gradient equally."""
        return as_pair("min", OPERATIONS["min"](self, axis, out, keepdims, **options), axis)

    def ptp(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Tensor:
        """Peak to peak: max - min."""
        return OPERATIONS["ptp"](self, axis, out, keepdims)

    def cumsum(self, axis: Any = None, dtype: Any = None, out: Any = None, **options: Any) -> Tensor:
        """Running sums along ``axis``, of the flattened array by default."""
        return OPERATIONS["cumsum"](self, axis, dtype, out, **options)

    def cumprod(self, axis: Any = None, dtype: Any = None, out: Any = None, **options: Any) -> Tensor:
        """Running products along ``axis``; the gradient is right where some elements are 0."""
        return OPERATIONS["cumprod"](self, axis, dtype, out, **options)

    def all(self, axis: Any = None, out: Any = None, keepdims: bool = False,
            **options: Any) -> Tensor:
        """Whether all elements along ``axis`` are true (not 0)."""
        return OPERATIONS["all"](self, axis, out, keepdims, **options)

    def any(self, axis: Any = None, out: Any = None, keepdims: bool = False,
            **options: Any) -> Tensor:
        """Whether any element along ``axis`` is true (not 0)."""
        return OPERATIONS["any"](self, axis, out, keepdims, **options)

    def argmax(self, axis: Any = None, out: Any = None, **options: Any) -> Tensor:
        """Position of the largest element along ``axis``, of the first one on a tie."""
        return OPERATIONS["argmax"](self, axis, out, **options)

    def argmin(self, axis: Any = None, out: Any = None, **options: Any) -> Tensor:
        """Position of the smallest element along ``axis``, of the first one on a tie."""
        return OPERATIONS["argmin"](self, axis, out, **options)

    def reshape(self, *shape: Any, **options: Any) -> Tensor:
        """The same elements in ``shape``; a length of -1 is worked out from the others."""
        return OPERATIONS["reshape"](self, shape=shape[0] if len(shape) == 1 else shape, **options)

    def ravel(self, order: Any = "C") -> Tensor:
        """All elements along one axis."""
        return OPERATIONS["ravel"](self, order)

    def flatten(self, order: Any = "C", *axes: Any, **options: Any) -> Tensor:
        """All elements along one axis."""
        if axes or options or not isinstance(order, str):
            raise OptionError("flatten: makes one axis of all, and takes order= only, as in NumPy; "
                              "write t.reshape(len(t), -1) to keep the first axis, or for others "
                              "tg.nn.Flatten(start_dim, end_dim)(t)")
        return OPERATIONS["ravel"](self, order)

    def transpose(self: Any, *axes: Any) -> Tensor:
        """The axes in the order ``axes``, by default reversed."""
        if self.ndim == 2 and axes in ((0, 1), (0, -1), (-2, 1), (-2, -1)):
            raise OptionError(f"transpose: for NumPy transpose{axes} of a matrix changes nothing, for "
                              f"PyTorch it swaps; write t.transpose({axes}) for the former, t.T or "
                              f"t.swapaxes{axes} for the latter")
        return OPERATIONS["transpose"](self, axes=axes[0] if len(axes) == 1 else axes or None)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Two axes in each other's place."""
        return OPERATIONS["swapaxes"](self, axis1=axis1, axis2=axis2)

    @property
    def mT(self) -> Tensor:
        """The tensor with its last two axes swapped."""
        return OPERATIONS["matrix_transpose"](self)

    def squeeze(self, axis: Any = None, **options: Any) -> Tensor:
        """Without the axes of length 1: all of them, or those of ``axis``."""
        return OPERATIONS["squeeze"](self, axis=axis, **options)

    def repeat(self: Any, repeats: Any, *others: Any, axis: Any = None, **options: Any) -> Tensor:
        """Each element ``repeats`` times; with a list of counts, each element as often as it says."""
        if len(others) == 1 and axis is None and self.ndim > 2:
            (axis,) = others
        elif others:
            times = (repeats, *others)
            raise OptionError(f"repeat: for NumPy repeat{times} repeats elements along an axis, for "
                              f"PyTorch the whole tensor; write t.repeat({repeats}, axis={others[0]}) "
                              f"for the former, np.tile(t, {times}) for the latter")
        return OPERATIONS["repeat"](self, repeats, axis, **options)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1, **options: Any) -> Tensor:
        """The diagonals of the matrices in ``axis1`` and ``axis2``, as a last axis."""
        return OPERATIONS["diagonal"](self, offset=offset, axis1=axis1, axis2=axis2, **options)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None,
              out: Any = None) -> Tensor:
        """Sum of a diagonal."""
        return OPERATIONS["trace"](self, offset, axis1, axis2, dtype, out)

    def dot(self, b: Any) -> Tensor:
        """Matrix product; of more than two axes, over the last one and the second-to-last of ``b``."""
        return OPERATIONS["dot"](self, b)

    def matmul(self, other: Any) -> Tensor:
        """The matrix product ``self @ other``."""
        return OPERATIONS["matmul"](self, other)

    def clip(self, a_min: Any = None, a_max: Any = None, **options: Any) -> Tensor:
        """``minimum(maximum(self, a_min), a_max)``; a bound that is None does not hold."""
        return OPERATIONS["clip"](self, a_min, a_max, **options)

    def __round__(self, ndigits: int | None = None) -> Tensor:
        return OPERATIONS["round"](self, ndigits or 0)

    def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return other // self, other % self

    def __dlpack__(self: Any, *, stream: Any = None, **options: Any) -> Any:
        """A copy of the values for other libraries, which may write into what they get."""
        if options.pop("copy", None) is False:
            raise BufferError(f"DLPack: {describe(self)} hands out copies only; leave copy=False")
        self._stays_in_the_graph("an array of another library")
        return np.array(self.numpy()).__dlpack__(stream=stream, **options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # the CPU

    def __dir__(self) -> list[str]:
        return own_names(self)

    def round(self, decimals: int = 0) -> Tensor:
        """Rounded to ``decimals`` places, halves to even; a step, so its gradient is 0."""
        return OPERATIONS["round"](self, decimals)

    def astype(self, dtype: Any) -> Tensor:
        """The values in another dtype; the gradient comes back in this one, and not from integers."""
        return OPERATIONS["astype"](self, dtype)

    def copy(self, order: Any = "K") -> Tensor:
        """A recorded copy: gradients flow through it."""
        return OPERATIONS["copy"](self, order=order)

    @property
    def at(self) -> At:
        """``t.at[key].set(v)``, ``add``, ``multiply``, ``min``, ``max``: a changed copy, as in JAX."""
        at: At = NAMES["at"](self)
        return at

    def take(self, indices: Any, axis: int | None = None, mode: str = "raise") -> Tensor:
        """The elements at ``indices`` along ``axis`` (None: of the flattened array)."""
        return OPERATIONS["take"](self, indices, axis, mode=mode)

    def argsort(self, axis: int | None = -1, *others: Any, **options: Any) -> Tensor:
        """The positions that put the elements along ``axis`` in ascending order, equals as before."""
        return OPERATIONS["argsort"](self, axis, *others, **options)

    def argpartition(self, kth: Any, axis: int | None = -1, **options: Any) -> Tensor:
        """The positions that bring the ``kth`` element along ``axis`` to its sorted place."""
        return OPERATIONS["argpartition"](self, kth, axis, **options)

    def searchsorted(self, v: Any, side: str = "left", sorter: Any = None) -> Tensor:
        """Where the elements of ``v`` belong in this sorted vector."""
        return OPERATIONS["searchsorted"](self, v, side, sorter)

    def compress(self, condition: Any, axis: int | None = None, out: Any = None) -> Tensor:
        """The slices along ``axis`` for which ``condition`` holds."""
        return OPERATIONS["compress"](condition, self, axis, out)

    def choose(self, choices: Any, out: Any = None, mode: str = "raise") -> Tensor:
        """From each position of ``choices[self]``, all broadcast together."""
        return OPERATIONS["choose"](self, choices, out, mode)

    def nonzero(self: Any) -> tuple[np.ndarray[Any, Any], ...]:
        """The positions of what is not 0, one plain array per axis."""
        return np.nonzero(self.numpy())

    def conj(self) -> Tensor:
        """The tensor: its numbers are real."""
        return OPERATIONS["conjugate"](self)

    def conjugate(self) -> Tensor:
        """The tensor: its numbers are real."""
        return OPERATIONS["conjugate"](self)

    @property
    def real(self) -> Tensor:
        """The tensor: its numbers are real."""
        return OPERATIONS["real"](self)

    @property
    def imag(self) -> Tensor:
        """Zeros: the numbers are real."""
        return OPERATIONS["imag"](self)

    @property
    def itemsize(self: Any) -> int:
        """The bytes of one element."""
        return int(self._value.itemsize)

    @property
    def nbytes(self: Any) -> int:
        """The bytes of all elements."""
        return int(self._value.nbytes)

    def __lshift__(self, other: Any) -> Tensor:
        return OPERATIONS["left_shift"](self, other)

    def __rlshift__(self, other: Any) -> Tensor:
        return OPERATIONS["left_shift"](other, self)

    def __rshift__(self, other: Any) -> Tensor:
        return OPERATIONS["right_shift"](self, other)

    def __rrshift__(self, other: Any) -> Tensor:
        return OPERATIONS["right_shift"](other, self)

    def exp(self) -> Tensor:
        """The exponential of each element."""
        return OPERATIONS["exp"](self)

    def log(self) -> Tensor:
        """The natural logarithm of each element."""
        return OPERATIONS["log"](self)

    def sqrt(self) -> Tensor:
        """The square root of each element."""
        return OPERATIONS["sqrt"](self)

    def tanh(self) -> Tensor:
        """The hyperbolic tangent of each element."""
        return OPERATIONS["tanh"](self)

    def sigmoid(self) -> Tensor:
        """1 / (1 + exp(-x)) of each element x, without overflow."""
        return OPERATIONS["sigmoid"](self)

    def relu(self) -> Tensor:
        """max(x, 0) of each element x."""
        return OPERATIONS["relu"](self)

    def abs(self) -> Tensor:
        """The absolute value of each element; its gradient at 0 is 0."""
        return OPERATIONS["absolute"](self)


answer(Methods, CURES["Tensor"])
