# Made by python -m tests.stubs from the registry; a test fails when it is not up to date.

"""tinygrad_gd: reverse-mode automatic differentiation over NumPy.

With this package one can write models with automatic gradients (`Tensor`, `nn`, `optim`), watch
backpropagation at work, and draw computation graphs (`draw`). Every operation of `tinygrad_gd.ops`
is also here under its NumPy name, as in ``tg.exp``; NumPy's own functions work on Tensors too.
"""

from typing import Any

import numpy as np

from . import linalg as linalg
from . import nn as nn
from . import optim as optim
from ._version import __version__ as __version__
from .data import datasets as datasets
from .data.loader import DataLoader as DataLoader
from .engine.primitive import Primitive as Primitive
from .engine.primitive import apply as apply
from .engine.primitive import primitive as primitive
from .engine.rules import Every as Every
from .engine.tensor import Tensor as Tensor
from .errors import BroadcastWarning as BroadcastWarning
from .errors import CaptureError as CaptureError
from .errors import CaptureWarning as CaptureWarning
from .errors import DivisionError as DivisionError
from .errors import DTypeError as DTypeError
from .errors import GradError as GradError
from .errors import GradWarning as GradWarning
from .errors import IndexingError as IndexingError
from .errors import KeptGraphsWarning as KeptGraphsWarning
from .errors import LossWarning as LossWarning
from .errors import MatrixError as MatrixError
from .errors import MissingLibraryError as MissingLibraryError
from .errors import NonFiniteError as NonFiniteError
from .errors import NoRuleError as NoRuleError
from .errors import OptionError as OptionError
from .errors import PairWarning as PairWarning
from .errors import PrecisionWarning as PrecisionWarning
from .errors import ShapeError as ShapeError
from .errors import TinygradGdError as TinygradGdError
from .ground.modes import default_dtype as default_dtype
from .ground.modes import enable_grad as enable_grad
from .ground.modes import get_default_dtype as get_default_dtype
from .ground.modes import is_grad_enabled as is_grad_enabled
from .ground.modes import no_grad as no_grad
from .ground.modes import set_default_dtype as set_default_dtype
from .ground.observer import Observer as Observer
from .ground.observer import observe as observe
from .ground.registry import implements as implements
from .ground.rng import generator as generator
from .ground.rng import manual_seed as manual_seed
from .ops.ambiguous import meshgrid as meshgrid
from .ops.ambiguous import norm as norm
from .ops.ambiguous import split as split
from .ops.ambiguous import where as where
from .ops.indexing import At
from .ops.linalg.determinants import SlogdetResult
from .ops.linalg.factorizations import EighResult, QRResult, SVDResult
from .ops.linalg.least_squares import LstsqResult
from .ops.reductions import max as max
from .ops.reductions import min as min
from .ops.sorting import UniqueAll, UniqueCounts, UniqueInverse
from .ops.sorting import sort as sort
from .ops.statistics import median as median
from .ops.statistics import nanmedian as nanmedian
from .pictures import draw as draw
from .pictures import plot as plot
from .program.compiled import compile as compile
from .study.advice import advise as advise
from .study.anomaly import detect_anomaly as detect_anomaly
from .study.checking import check_backward as check_backward
from .study.explorer.page import explore as explore
from .study.formulas import latex as latex
from .study.range_test import lr_range_test as lr_range_test
from .study.recorded import source as source
from .study.runs.recorder import record as record
from .training.fitting import TrainingWarning as TrainingWarning
from .training.fitting import fit as fit
from .training.saving import load as load
from .training.saving import save as save
from .transforms.custom import checkpoint as checkpoint
from .transforms.custom import custom_vjp as custom_vjp
from .transforms.custom import stop_gradient as stop_gradient
from .transforms.derivatives import grad as grad
from .transforms.derivatives import hessian as hessian
from .transforms.derivatives import hvp as hvp
from .transforms.derivatives import jacobian as jacobian
from .transforms.derivatives import jvp as jvp
from .transforms.derivatives import value_and_grad as value_and_grad
from .transforms.derivatives import vjp as vjp
from .transforms.gradcheck import GradCheckError as GradCheckError
from .transforms.gradcheck import gradcheck as gradcheck
from .transforms.gradcheck import gradgradcheck as gradgradcheck

__all__ = [
    "BroadcastWarning", "CaptureError", "CaptureWarning", "DTypeError", "DataLoader", "DivisionError",
    "Every", "GradCheckError", "GradError", "GradWarning", "IndexingError", "KeptGraphsWarning",
    "LossWarning", "MatrixError", "MissingLibraryError", "NoRuleError", "NonFiniteError", "Observer",
    "OptionError", "PairWarning", "PrecisionWarning", "Primitive", "ShapeError", "Tensor",
    "TinygradGdError", "TrainingWarning", "__version__", "advise", "apply", "check_backward",
    "checkpoint", "compile", "custom_vjp", "datasets", "default_dtype", "detect_anomaly", "draw",
    "enable_grad", "explore", "fit", "generator", "get_default_dtype", "grad", "gradcheck",
    "gradgradcheck", "hessian", "hvp", "implements", "is_grad_enabled", "jacobian", "jvp", "latex",
    "linalg", "load", "lr_range_test", "manual_seed", "nn", "no_grad", "observe", "optim", "plot",
    "primitive", "record", "save", "set_default_dtype", "source", "stop_gradient", "tensor",
    "value_and_grad", "vjp",
]

def abs(x: Any, /) -> Tensor:
    """NumPy's ``absolute``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * np.sign(x)
    """

def absolute(x: Any, /) -> Tensor:
    """NumPy's ``absolute``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * np.sign(x)
    """

def acos(x: Any, /) -> Tensor:
    """NumPy's ``arccos``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: -g / np.sqrt(1 - x * x)
    """

def acosh(x: Any, /) -> Tensor:
    """NumPy's ``arccosh``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g / np.sqrt((x - 1) * (x + 1))
    """

def adaptive_avg_pool1d(input: Any, output_size: Any) -> Tensor:
    """The means of ``output_size`` windows, as equal as possible."""

def adaptive_avg_pool2d(input: Any, output_size: Any) -> Tensor:
    """The means of ``output_size`` (height, width) windows; None keeps a length.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.adaptive_avg_pool2d(tg.Tensor(np.ones((2, 3, 5, 7))), 1).shape  # global pooling
    (2, 3, 1, 1)
    """

def adaptive_avg_pool3d(input: Any, output_size: Any) -> Tensor:
    """The means of ``output_size`` (depth, height, width) windows; None keeps a length."""

def adaptive_max_pool1d(input: Any, output_size: Any) -> Tensor:
    """The largest elements of ``output_size`` windows, as equal as possible.

    >>> import tinygrad_gd as tg
    >>> tg.adaptive_max_pool1d(tg.Tensor([[1.0, 4.0, 2.0, 3.0, 0.0]]), 2).tolist()
    [[4.0, 3.0]]
    """

def adaptive_max_pool2d(input: Any, output_size: Any) -> Tensor:
    """The largest elements of ``output_size`` (height, width) windows; None keeps a length."""

def adaptive_max_pool3d(input: Any, output_size: Any) -> Tensor:
    """The largest elements of ``output_size`` (depth, height, width) windows; None keeps a length."""

def add(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``add``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g
        y: g
    """

def all(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *,
        where: Any = True) -> Tensor:
    """Whether all elements along ``axis`` are true (not 0)."""

def amax(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None,
         where: Any = True) -> Tensor:
    """Largest element along ``axis``; equal ones share the gradient equally.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([1.0, 3.0, 3.0], requires_grad=True)
    >>> tg.max(x).backward(); x.grad.tolist()
    [0.0, 0.5, 0.5]
    """

def amin(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None,
         where: Any = True) -> Tensor:
    """Smallest element along ``axis``; equal ones share the gradient equally."""

def any(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *,
        where: Any = True) -> Tensor:
    """Whether any element along ``axis`` is true (not 0)."""

def append(arr: Any, values: Any, axis: int | None = None) -> Tensor:
    """``values`` after ``arr``; both flattened without ``axis``."""

def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Tensor:
    """A function of vectors applied to every vector along ``axis``, one after the other.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.apply_along_axis(lambda v: v[0] * v, 0, tg.Tensor([[2.0, 3.0], [4.0, 5.0]])).tolist()
    [[4.0, 9.0], [8.0, 15.0]]
    """

def apply_over_axes(func: Any, a: Any, axes: Any) -> Tensor:
    """``func(a, axis)`` for one axis after the other; axes that it takes away are put back."""

def arccos(x: Any, /) -> Tensor:
    """NumPy's ``arccos``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: -g / np.sqrt(1 - x * x)
    """

def arccosh(x: Any, /) -> Tensor:
    """NumPy's ``arccosh``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g / np.sqrt((x - 1) * (x + 1))
    """

def arcsin(x: Any, /) -> Tensor:
    """NumPy's ``arcsin``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g / np.sqrt(1 - x * x)
    """

def arcsinh(x: Any, /) -> Tensor:
    """NumPy's ``arcsinh``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g / np.sqrt(1 + x * x)
    """

def arctan(x: Any, /) -> Tensor:
    """NumPy's ``arctan``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g / (1 + x * x)
    """

def arctan2(x: Any, y: Any, /) -> Tensor:
    """The angle of a point whose height is x and whose width is y, from -pi to pi.

    Gradients: ``g * y / r**2`` and ``-g * x / r**2`` at the distance r from the origin, there 0.
    """

def arctanh(x: Any, /) -> Tensor:
    """NumPy's ``arctanh``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g / (1 - x * x)
    """

def argmax(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Tensor:
    """Position of the largest element along ``axis``, of the first one on a tie."""

def argmin(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Tensor:
    """Position of the smallest element along ``axis``, of the first one on a tie."""

def argpartition(a: Any, kth: Any, axis: int | None = -1, kind: Any = 'introselect',
                 order: Any = None) -> Tensor:
    """The positions that bring the ``kth`` element along ``axis`` to its sorted place."""

def argsort(a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *,
            stable: Any = None) -> Tensor:
    """The positions that put the elements along ``axis`` in ascending order, equals as they stand."""

def around(a: Any, decimals: Any = 0, out: Any = None) -> Tensor:
    """``a`` rounded to ``decimals`` places, halves to even; a step, so its gradient is 0."""

def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Parts along ``axis``: about equal ones for a number, cut at the given indices for a list."""

def asin(x: Any, /) -> Tensor:
    """NumPy's ``arcsin``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g / np.sqrt(1 - x * x)
    """

def asinh(x: Any, /) -> Tensor:
    """NumPy's ``arcsinh``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g / np.sqrt(1 + x * x)
    """

def astype(x: Any, dtype: Any, *, copy: bool = True, device: Any = None) -> Tensor:
    """The values in another dtype; the gradient comes back in this one, and not from integers."""

def at(x: Any) -> At:
    """`Tensor.at` as a function."""

def atan(x: Any, /) -> Tensor:
    """NumPy's ``arctan``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g / (1 + x * x)
    """

def atan2(x: Any, y: Any, /) -> Tensor:
    """The angle of a point whose height is x and whose width is y, from -pi to pi.

    Gradients: ``g * y / r**2`` and ``-g * x / r**2`` at the distance r from the origin, there 0.
    """

def atanh(x: Any, /) -> Tensor:
    """NumPy's ``arctanh``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g / (1 - x * x)
    """

def atleast_1d(*arrays: Any) -> Tensor | Any:
    """The arrays with at least one axis; several give a tuple."""

def atleast_2d(*arrays: Any) -> Tensor | Any:
    """The arrays with at least two axes, new ones in front."""

def atleast_3d(*arrays: Any) -> Tensor | Any:
    """The arrays with at least three axes: (n,) becomes (1, n, 1), (m, n) becomes (m, n, 1)."""

def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *,
            keepdims: Any = False) -> Tensor | Any:
    """Weighted mean: ``sum(a * weights) / sum(weights)``."""

def avg_pool1d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
               ceil_mode: bool = False, count_include_pad: bool = True) -> Tensor:
    """The mean of each window; without ``count_include_pad`` the padding does not count.

    >>> import tinygrad_gd as tg
    >>> tg.avg_pool1d(tg.Tensor([[1.0, 3.0, 2.0, 5.0]]), 2).tolist()
    [[2.0, 3.5]]
    """

def avg_pool2d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
               ceil_mode: bool = False, count_include_pad: bool = True,
               divisor_override: Any = None) -> Tensor:
    """The mean of each window of an image; ``divisor_override`` takes the place of the window's size.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.avg_pool2d(tg.Tensor(np.arange(16.0).reshape(1, 4, 4)), 2).tolist()
    [[[2.5, 4.5], [10.5, 12.5]]]
    """

def avg_pool3d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
               ceil_mode: bool = False, count_include_pad: bool = True,
               divisor_override: Any = None) -> Tensor:
    """The mean of each window of a volume; options as in `avg_pool2d`."""

def bernoulli(p: Any, size: Any = None, dtype: Any = None) -> Tensor:
    """1 with probability ``p`` and 0 otherwise; options as in `normal`.

    There is no derivative with respect to ``p``, so a ``p`` that requires one is refused.

    >>> import tinygrad_gd as tg
    >>> tg.manual_seed(0); tg.bernoulli([0.0, 1.0]).tolist()
    [0.0, 1.0]
    """

def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, 2 ... occurs in ``x``, or the sum of its ``weights`` (differentiable).

    Sums of float32 are float32 here, as in all operations, and float64 in NumPy.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor([0.5, 1.0, 2.0], requires_grad=True)
    >>> tg.bincount([1, 0, 1], w).tolist()
    [1.0, 2.5]
    """

def bitwise_and(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``bitwise_and``, for Tensors and arrays; it has no derivative."""

def bitwise_count(x: Any, /) -> Tensor:
    """NumPy's ``bitwise_count``, for Tensors and arrays; it has no derivative."""

def bitwise_invert(x: Any, /) -> Tensor:
    """NumPy's ``invert``, for Tensors and arrays; it has no derivative."""

def bitwise_left_shift(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``left_shift``, for Tensors and arrays; it has no derivative."""

def bitwise_not(x: Any, /) -> Tensor:
    """NumPy's ``invert``, for Tensors and arrays; it has no derivative."""

def bitwise_or(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``bitwise_or``, for Tensors and arrays; it has no derivative."""

def bitwise_right_shift(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``right_shift``, for Tensors and arrays; it has no derivative."""

def bitwise_xor(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``bitwise_xor``, for Tensors and arrays; it has no derivative."""

def block(arrays: Any) -> Tensor:
    """A matrix from nested lists of blocks, the innermost lists joined along the last axis."""

def broadcast_arrays(*arrays: Any) -> tuple[Tensor, ...]:
    """The arrays, repeated to their common shape."""

def broadcast_to(array: Any, shape: Any) -> Tensor:
    """The array, repeated to ``shape`` as in arithmetic."""

def cbrt(x: Any, /) -> Tensor:
    """NumPy's ``cbrt``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g / (3 * out * out)
    """

def ceil(x: Any, /) -> Tensor:
    """NumPy's ``ceil``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * 0
    """

def celu(x: Any, alpha: Any = 1.0) -> Tensor:
    """x where x > 0, alpha * (exp(x / alpha) - 1) elsewhere."""

def cholesky(a: Any, *, upper: bool = False) -> Tensor:
    """The lower triangle ``L`` with ``a = L @ L.T``, or with ``upper`` its transpose."""

def choose(a: Any, choices: Any, out: Any = None, mode: str = 'raise') -> Tensor:
    """From each position of ``choices[a]``, all broadcast together.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.choose([1, 0], [tg.Tensor([1.0, 2.0]), [10.0, 20.0]]).tolist()
    [10.0, 2.0]
    """

def clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None,
         max: Any = None) -> Tensor:
    """``minimum(maximum(a, a_min), a_max)``; a bound that is None does not hold.

    Where the lower bound is above the upper one, that is the result, and gets the gradient.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([-2.0, 0.5, 1.0], requires_grad=True)
    >>> tg.clip(x, min=0, max=1).sum().backward(); x.grad.tolist()
    [0.0, 1.0, 1.0]
    """

def column_stack(tup: Any) -> Tensor:
    """Vectors as the columns of a matrix."""

def compress(condition: Any, a: Any, axis: int | None = None, out: Any = None) -> Tensor:
    """The slices along ``axis`` for which ``condition`` holds."""

def concat(arrays: Any, axis: int | None = 0) -> Tensor:
    """Joined along ``axis``, which is there already; flattened first where it is None.

    >>> import tinygrad_gd as tg
    >>> tg.concatenate([tg.Tensor([1.0, 2.0]), [3.0]]).tolist()
    [1.0, 2.0, 3.0]
    """

def concatenate(arrays: Any, axis: int | None = 0) -> Tensor:
    """Joined along ``axis``, which is there already; flattened first where it is None.

    >>> import tinygrad_gd as tg
    >>> tg.concatenate([tg.Tensor([1.0, 2.0]), [3.0]]).tolist()
    [1.0, 2.0, 3.0]
    """

def cond(x: Any, p: Any = None) -> Tensor:
    """Condition number: how much solving with ``x`` enlarges relative errors, in the norm ``p``.

    For ``None`` and 2 the largest singular value over the smallest, for -2 the reverse; otherwise
    ``norm(x, p) * norm(inv(x), p)``.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.linalg.cond(tg.Tensor([[2.0, 0.0], [0.0, 8.0]])).item()
    4.0
    """

def conj(x: Any, /) -> Tensor:
    """NumPy's ``conjugate``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g
    """

def conjugate(x: Any, /) -> Tensor:
    """NumPy's ``conjugate``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g
    """

def conv1d(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
           dilation: Any = 1, groups: int = 1) -> Tensor:
    """``out[n, o, i] = bias[o] + sum over c, k of weight[o, c, k] * input[n, c, i + k]``.

    >>> import tinygrad_gd as tg
    >>> tg.conv1d(tg.Tensor([[1.0, 2.0, 4.0, 8.0]]), [[[-1.0, 1.0]]]).tolist()
    [[1.0, 2.0, 4.0]]
    """

def conv2d(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
           dilation: Any = 1, groups: int = 1) -> Tensor:
    """``out[n, o, i, j] = bias[o] + sum of weight[o, c, k, l] * input[n, c, i + k, j + l]``.

    Parameters
    ----------
    input : (n, in_channels, height, width), or one image without ``n``.
    weight : (out_channels, in_channels / groups, height, width of the window).
    bias : (out_channels,).
    stride, padding, dilation : one integer, or one for height and one for width; padding also
        ``"valid"`` (none) or ``"same"`` (the output is as large as the input).
    groups : the channels are convolved in that many separate groups.

    >>> import numpy as np, tinygrad_gd as tg
    >>> image, weight = tg.Tensor(np.ones((1, 3, 8, 8))), np.ones((4, 3, 3, 3))
    >>> tg.conv2d(image, weight, stride=2, padding=1).shape
    (1, 4, 4, 4)
    """

def conv3d(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
           dilation: Any = 1, groups: int = 1) -> Tensor:
    """`conv2d` of volumes: (n, in_channels, depth, height, width).

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.conv3d(np.ones((1, 2, 4, 5, 6)), np.ones((3, 2, 2, 2, 2))).shape
    (1, 3, 3, 4, 5)
    """

def conv_transpose1d(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
                     output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Tensor:
    """The transpose (the derivative by the input) of `conv1d`, weights (in, out / groups, length).

    >>> import tinygrad_gd as tg
    >>> tg.conv_transpose1d(tg.Tensor([[1.0, 2.0]]), [[[1.0, 10.0]]], stride=2).tolist()
    [[1.0, 10.0, 2.0, 20.0]]
    """

def conv_transpose2d(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
                     output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Tensor:
    """The transpose (the derivative by the input) of `conv2d`; it makes images larger.

    The weight is (in_channels, out_channels / groups, height, width); ``padding`` is cut off, and
    ``output_padding`` rows and columns are added at the end.

    >>> import numpy as np, tinygrad_gd as tg
    >>> image, weight = tg.Tensor(np.ones((1, 3, 4, 4))), np.ones((3, 2, 2, 2))
    >>> tg.conv_transpose2d(image, weight, stride=2).shape
    (1, 2, 8, 8)
    """

def conv_transpose3d(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
                     output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Tensor:
    """The transpose (the derivative by the input) of `conv3d`; it makes volumes larger."""

def convolve(a: Any, v: Any, mode: str = 'full') -> Tensor:
    """``out[n] = sum over k of a[n - k] * v[k]`` of two vectors: the product of polynomials.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.convolve(tg.Tensor([1.0, 2.0]), [1.0, 10.0, 100.0]).tolist()
    [1.0, 12.0, 120.0, 200.0]
    """

def copy(a: Any, order: Any = 'K') -> Tensor:
    """A recorded copy: gradients flow through it."""

def copysign(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``copysign``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * np.sign(x) * np.copysign(1.0, y)
        y: g * 0
    """

def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Tensor:
    """Correlation coefficients: `cov` divided by the standard deviations of both variables."""

def correlate(a: Any, v: Any, mode: str = 'valid') -> Tensor:
    """``out[k] = sum over n of a[n + k] * v[n]`` of two vectors.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.correlate(tg.Tensor([1.0, 2.0, 4.0]), [1.0, 1.0]).tolist()
    [3.0, 6.0]
    """

def cos(x: Any, /) -> Tensor:
    """NumPy's ``cos``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: -g * np.sin(x)
    """

def cosh(x: Any, /) -> Tensor:
    """NumPy's ``cosh``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * np.sinh(x)
    """

def count_nonzero(a: Any, axis: Any = None, *, keepdims: Any = False) -> Tensor:
    """How many elements along ``axis`` are not 0."""

def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None,
        fweights: Any = None, aweights: Any = None, *, dtype: Any = None) -> Tensor:
    """Covariance matrix of variables that are the rows of ``m`` (and ``y``), observed in the columns.

    >>> import tinygrad_gd as tg
    >>> tg.cov(tg.Tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]])).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """

def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1,
          axis: int | None = None) -> Tensor:
    """The vector perpendicular to two vectors of three components.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.cross(tg.Tensor([1.0, 0.0, 0.0]), [0.0, 1.0, 0.0]).tolist()
    [0.0, 0.0, 1.0]
    """

def cumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Tensor:
    """Running products along ``axis``; the gradient is right where some elements are 0."""

def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Tensor:
    """Running sums along ``axis``, of the flattened array by default."""

def cumulative_prod(x: Any, /, *, axis: int | None = None, dtype: Any = None, out: Any = None,
                    include_initial: bool = False) -> Tensor:
    """`cumprod`, on demand with the 1 that it starts from."""

def cumulative_sum(x: Any, /, *, axis: int | None = None, dtype: Any = None, out: Any = None,
                   include_initial: bool = False) -> Tensor:
    """`cumsum`, on demand with the 0 that it starts from.

    >>> import tinygrad_gd as tg
    >>> tg.cumulative_sum(tg.Tensor([1.0, 2.0]), include_initial=True).tolist()
    [0.0, 1.0, 3.0]
    """

def deg2rad(x: Any, /) -> Tensor:
    """NumPy's ``deg2rad``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * (np.pi / 180)
    """

def degrees(x: Any, /) -> Tensor:
    """NumPy's ``degrees``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * (180 / np.pi)
    """

def delete(arr: Any, obj: Any, axis: int | None = None) -> Tensor:
    """``arr`` without the positions ``obj`` (an integer, a slice, a list or a mask) along ``axis``."""

def det(a: Any) -> Tensor:
    """The determinants of square matrices; the gradient is right for singular ones, too."""

def diag(v: Any, k: int = 0) -> Tensor:
    """The ``k``-th diagonal of a matrix, or the matrix that has a vector on it."""

def diagflat(v: Any, k: int = 0) -> Tensor:
    """A square matrix with all elements of ``v`` on its ``k``-th diagonal."""

def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonals of the matrices in ``axis1`` and ``axis2``, as a last axis."""

def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Tensor:
    """Differences of neighbours along ``axis``, ``n`` times over."""

def digamma(x: Any) -> Tensor:
    """The derivative of gammaln; at its poles NaN, at 0.0 -inf and at -0.0 inf."""

def digitize(x: Any, bins: Any, right: bool = False) -> Tensor:
    """Between which of the ordered edges ``bins`` each element lies, by the number of the bin."""

def divide(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``divide``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g / y
        y: -g * out / y
    """

def divmod(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    """The floor of the quotient, and the remainder."""

def dot(a: Any, b: Any, out: Any = None) -> Tensor:
    """Matrix product; of more than two axes, over the last of ``a`` and the second-to-last of ``b``.

    For batches of matrices `matmul` is meant.
    """

def dropout(x: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """Each element of ``x`` becomes 0 with probability ``p``; the others are divided by 1 - p.

    Without ``training``, or with p = 0, that is ``x`` itself. The mean stays the same in both cases.

    >>> import tinygrad_gd as tg
    >>> tg.manual_seed(0); x = tg.Tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    >>> y = tg.dropout(x, 0.5); y.sum().backward(); y.tolist(), x.grad.tolist()
    ([2.0, 4.0, 6.0, 0.0], [2.0, 2.0, 2.0, 0.0])
    """

def dsplit(ary: Any, indices_or_sections: Any) -> list[Tensor]:
    """`split` along axis 2 of at least three."""

def dstack(tup: Any) -> Tensor:
    """Behind each other: joined along axis 2."""

def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Tensor:
    """Differences of neighbours in the flattened array, with values put before and after them."""

def eigh(a: Any, UPLO: str = 'L') -> EighResult:
    """Eigenvalues and eigenvectors of symmetric matrices, ``a @ v = w * v``.

    Gradients that come in through eigenvectors of equal eigenvalues are NaN: there is none.

    >>> import numpy as np, tinygrad_gd as tg
    >>> a = tg.Tensor([[2.0, 0.0], [0.0, 3.0]], requires_grad=True)
    >>> np.linalg.eigh(a).eigenvalues[1].backward(); a.grad.tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """

def eigvalsh(a: Any, UPLO: Any = 'L') -> Tensor:
    """The ascending eigenvalues of symmetric matrices, of which one triangle is read."""

def einsum(*operands: Any, optimize: Any = False, **options: Any) -> Tensor:
    """Sum of products over indices, ``out[i, k] = sum_j x[i, j] y[j, k]`` for ``"ij,jk->ik"``.

    Parameters
    ----------
    operands : a string and the arrays, or arrays each followed by a list of integers. Repeated
        indices, ``...``, implicit output and axes of length 1 that broadcast work as in NumPy.
    optimize : ``True`` contracts pairs in a good order and with matrix products where it can,
        forward and backward; worth it for three arrays or more. Of two, large ones are multiplied as
        matrices in any case, so that sums may differ from NumPy's in the last bits.

    >>> import numpy as np, tinygrad_gd as tg
    >>> m = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> trace = np.einsum("ii", m); trace.backward(); m.grad.tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

def elu(x: Any, alpha: Any = 1.0) -> Tensor:
    """x where x > 0, alpha * (exp(x) - 1) elsewhere."""

def equal(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``equal``, for Tensors and arrays; it has no derivative."""

def erf(x: Any) -> Tensor:
    """The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor(0.5, requires_grad=True); y = tg.erf(x); y.backward()
    >>> f"{y:.12f} {x.grad:.12f}"
    '0.520499877813 0.878782578936'
    """

def erfc(x: Any) -> Tensor:
    """1 - erf(x), exact to a few units also where that is tiny, as erfc(20) = 5.4e-176."""

def exp(x: Any, /) -> Tensor:
    """NumPy's ``exp``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * out
    """

def exp2(x: Any, /) -> Tensor:
    """NumPy's ``exp2``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * out * LN2
    """

def expand_dims(a: Any, axis: Any) -> Tensor:
    """With new axes of length 1, which ``axis`` counts in the result."""

def expm1(x: Any, /) -> Tensor:
    """NumPy's ``expm1``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * (out + 1)
    """

def extract(condition: Any, arr: Any) -> Tensor:
    """The elements for which ``condition`` holds, in one dimension."""

def fabs(x: Any, /) -> Tensor:
    """NumPy's ``fabs``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * np.sign(x)
    """

def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> Tensor:
    """``a`` with ``val`` on the main diagonal: a number, or values for its places in order.

    >>> import tinygrad_gd as tg
    >>> tg.fill_diagonal(tg.Tensor([[1.0, 2.0], [3.0, 4.0]]), [10.0, 40.0]).tolist()
    [[10.0, 2.0], [3.0, 40.0]]
    """

def fix(x: Any, out: Any = None) -> Tensor:
    """``x`` rounded towards zero; the gradient is 0."""

def flip(m: Any, axis: Any = None) -> Tensor:
    """The elements in reverse order along ``axis``, by default along all axes."""

def fliplr(m: Any) -> Tensor:
    """The columns (axis 1) in reverse."""

def flipud(m: Any) -> Tensor:
    """The rows (axis 0) in reverse."""

def float_power(x1: Any, x2: Any) -> Tensor:
    """``x1 ** x2`` in float64 at least, so that integers may have negative exponents.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.float_power(tg.Tensor([2, 4]), -1).tolist()
    [0.5, 0.25]
    """

def floor(x: Any, /) -> Tensor:
    """NumPy's ``floor``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * 0
    """

def floor_divide(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``floor_divide``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * 0
        y: g * 0
    """

def fmax(x: Any, y: Any, /) -> Tensor:
    """The larger of x and y that is not NaN; equal ones share the gradient equally."""

def fmin(x: Any, y: Any, /) -> Tensor:
    """The smaller of x and y that is not NaN; equal ones share the gradient equally."""

def fmod(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``fmod``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g
        y: g * np.rint((out - x) / y)
    """

def frexp(x: Any) -> tuple[Tensor, Tensor]:
    """(m, e) with ``x = m * 2**e`` and ``0.5 <= |m| < 1``; the gradient of m is that at fixed e."""

def from_dlpack(x: Any) -> Tensor:
    """A Tensor with a copy of the values of another library's tensor.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.from_dlpack(np.arange(3.0))
    Tensor([0., 1., 2.], shape=(3,), dtype=float64)
    """

def gammaln(x: Any) -> Tensor:
    """The logarithm of the absolute value of the gamma function; inf at its poles.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor(5.0, requires_grad=True); y = tg.gammaln(x); y.backward()
    >>> f"{y:.12f} {x.grad:.12f}"  # log 4!, and 1 + 1/2 + 1/3 + 1/4 - Euler's constant
    '3.178053830348 1.506117668432'
    """

def gcd(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``gcd``, for Tensors and arrays; it has no derivative."""

def gelu(x: Any, approximate: str = 'none') -> Tensor:
    """x times the probability that a standard normal is below x.

    ``approximate="tanh"`` gives the formula x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) instead.

    >>> import tinygrad_gd as tg
    >>> f"{tg.gelu(tg.Tensor(-1.0)):.6f} {tg.gelu(tg.Tensor(-1.0), approximate='tanh'):.6f}"
    '-0.158655 -0.158808'
    """

def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None,
              axis: int = 0) -> Tensor:
    """``num`` values from ``start`` to ``stop`` whose ratios are equal; both get gradients.

    >>> import tinygrad_gd as tg
    >>> tg.geomspace(tg.Tensor(-1.0), -100.0, 3).tolist()
    [-1.0, -10.0, -100.0]
    """

def glu(x: Any, axis: int = -1) -> Tensor:
    """The first half of ``x`` along ``axis``, times the sigmoid of the second."""

def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Tensor | Any:
    """Slopes of samples along each axis (one Tensor, or a tuple for several axes), of second order.

    Parameters
    ----------
    varargs : the spacing of all axes, or for each its spacing or its coordinates; they get gradients.
    edge_order : 1 or 2, the order of the one-sided differences at the ends.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.gradient(tg.Tensor([0.0, 1.0, 4.0, 9.0])).tolist()
    [1.0, 2.0, 4.0, 5.0]
    """

def greater(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``greater``, for Tensors and arrays; it has no derivative."""

def greater_equal(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``greater_equal``, for Tensors and arrays; it has no derivative."""

def hardsigmoid(x: Any) -> Tensor:
    """x / 6 + 1/2 between 0 and 1, and these beyond."""

def hardswish(x: Any) -> Tensor:
    """x * hardsigmoid(x)."""

def hardtanh(x: Any, min_val: Any = -1.0, max_val: Any = 1.0) -> Tensor:
    """x between min_val and max_val, and these beyond."""

def heaviside(x: Any, y: Any, /) -> Tensor:
    """0 where x < 0, y where x is 0, 1 where x > 0; where x is 0, y gets the gradient."""

def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None,
              weights: Any = None) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Counts in ``bins`` and the edges of these, as plain arrays; there is no derivative."""

def hsplit(ary: Any, indices_or_sections: Any) -> list[Tensor]:
    """`split` along axis 1 (a vector along its only axis)."""

def hstack(tup: Any, *, dtype: Any = None, casting: Any = 'same_kind') -> Tensor:
    """Side by side: joined along axis 1, vectors along their only axis."""

def hypot(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``hypot``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * _cosine(x, y, out)
        y: g * _cosine(y, x, out)
    """

def imag(val: Any) -> Tensor:
    """Zeros: Tensors are real."""

def inner(a: Any, b: Any, /) -> Tensor:
    """Sum of products over the last axes of both."""

def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Tensor:
    """``values`` before the positions ``obj`` (an integer, a slice or a list) along ``axis``."""

def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Tensor:
    """Linear interpolation at ``x`` of samples ``fp`` at ascending ``xp``; all three get gradients.

    At a sample, the slope is the one on its right (at the last, on its left); outside of all samples
    the value is ``left`` or ``right``, by default that of the nearest sample.

    >>> import numpy as np, tinygrad_gd as tg
    >>> x = tg.Tensor([0.5, 2.5], requires_grad=True)
    >>> np.interp(x, [0, 1, 2, 3], [0, 10, 30, 0]).sum().backward(); x.grad.tolist()
    [10.0, -30.0]
    """

def interpolate(input: Any, size: Any = None, scale_factor: Any = None, mode: str = 'nearest',
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

def inv(a: Any) -> Tensor:
    """The inverse matrices; to solve a system, `solve` is faster and more exact."""

def invert(x: Any, /) -> Tensor:
    """NumPy's ``invert``, for Tensors and arrays; it has no derivative."""

def isfinite(x: Any, /) -> Tensor:
    """NumPy's ``isfinite``, for Tensors and arrays; it has no derivative."""

def isinf(x: Any, /) -> Tensor:
    """NumPy's ``isinf``, for Tensors and arrays; it has no derivative."""

def isnan(x: Any, /) -> Tensor:
    """NumPy's ``isnan``, for Tensors and arrays; it has no derivative."""

def isneginf(x: Any, out: Any = None) -> Tensor:
    """Where ``x`` is -inf."""

def isposinf(x: Any, out: Any = None) -> Tensor:
    """Where ``x`` is +inf."""

def kron(a: Any, b: Any) -> Tensor:
    """Kronecker product: every element of ``a`` replaced by itself times ``b``.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.kron(tg.Tensor([1.0, 10.0]), [1.0, 2.0]).tolist()
    [1.0, 2.0, 10.0, 20.0]
    """

def lcm(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``lcm``, for Tensors and arrays; it has no derivative."""

def ldexp(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``ldexp``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: np.ldexp(g, y)
    """

def leaky_relu(x: Any, negative_slope: Any = 0.01) -> Tensor:
    """x where x > 0, negative_slope * x elsewhere."""

def left_shift(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``left_shift``, for Tensors and arrays; it has no derivative."""

def less(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``less``, for Tensors and arrays; it has no derivative."""

def less_equal(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``less_equal``, for Tensors and arrays; it has no derivative."""

def linear(x: Any, weight: Any, bias: Any = None) -> Tensor:
    """``x @ weight.T + bias``, the bias being optional; ``weight`` has a row for each result.

    >>> import tinygrad_gd as tg
    >>> tg.linear(tg.Tensor([1.0, 2.0]), [[3.0, 4.0], [5.0, 6.0]], [0.5, 0.0]).tolist()
    [11.5, 17.0]
    """

def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False,
             dtype: Any = None, axis: int = 0, *, device: Any = None) -> Tensor | Any:
    """``num`` evenly spaced values from ``start`` to ``stop``, which both get gradients.

    >>> import tinygrad_gd as tg
    >>> tg.linspace(tg.Tensor(0.0), 1.0, 5).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """

def log(x: Any, /) -> Tensor:
    """NumPy's ``log``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g / x
    """

def log10(x: Any, /) -> Tensor:
    """NumPy's ``log10``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g / (x * LN10)
    """

def log1p(x: Any, /) -> Tensor:
    """NumPy's ``log1p``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g / (1 + x)
    """

def log2(x: Any, /) -> Tensor:
    """NumPy's ``log2``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g / (x * LN2)
    """

def log_sigmoid(x: Any) -> Tensor:
    """log(sigmoid(x)), exact also where sigmoid is 0 or 1."""

def log_softmax(x: Any, axis: Any = -1) -> Tensor:
    """log(softmax(x)) along ``axis``, exact also where softmax is 0."""

def logaddexp(x: Any, y: Any, /) -> Tensor:
    """log(exp(x) + exp(y)), without overflow. Gradient of x: ``g * exp(x - out)``."""

def logaddexp2(x: Any, y: Any, /) -> Tensor:
    """log2(2**x + 2**y), without overflow. Gradient of x: ``g * 2 ** (x - out)``."""

def logical_and(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``logical_and``, for Tensors and arrays; it has no derivative."""

def logical_not(x: Any, /) -> Tensor:
    """NumPy's ``logical_not``, for Tensors and arrays; it has no derivative."""

def logical_or(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``logical_or``, for Tensors and arrays; it has no derivative."""

def logical_xor(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``logical_xor``, for Tensors and arrays; it has no derivative."""

def logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0,
             dtype: Any = None, axis: int = 0) -> Tensor:
    """``base`` to the powers of `linspace`: values whose ratios are equal.

    >>> import tinygrad_gd as tg
    >>> tg.logspace(tg.Tensor(0.0), 2.0, 3).tolist()
    [1.0, 10.0, 100.0]
    """

def logsumexp(a: Any, axis: Any = None, keepdims: Any = False) -> Tensor:
    """``log(sum(exp(a)))`` along ``axis``, without overflow; its gradient is the softmax."""

def lstsq(a: Any, b: Any, rcond: Any = None) -> LstsqResult:
    """Least squares: the ``x`` with the smallest ``|b - a @ x|``, the shortest if there are several.

    ``residuals`` are the squared errors of each column of ``b`` for every tall ``a`` (NumPy leaves
    them out where the rank is deficient), ``rank`` is an integer Tensor.

    >>> import numpy as np, tinygrad_gd as tg
    >>> a = np.column_stack([np.arange(3.0), np.ones(3)])
    >>> np.linalg.lstsq(a, tg.Tensor([1.0, 3.0, 5.0])).x.numpy().round(6).tolist()
    [2.0, 1.0]
    """

def matmul(x: Any, y: Any, /) -> Tensor:
    """x @ y, of matrices in the last two axes. Gradients: ``g @ y.T`` and ``x.T @ g``."""

def matrix_norm(x: Any, /, *, keepdims: Any = False, ord: Any = 'fro') -> Tensor:
    """`norm` of the matrices in the last two axes."""

def matrix_power(a: Any, n: Any) -> Tensor:
    """A square matrix multiplied ``n`` times with itself; for negative ``n`` its inverse.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.linalg.matrix_power(tg.Tensor([[1.0, 1.0], [0.0, 1.0]]), 5).tolist()
    [[1.0, 5.0], [0.0, 1.0]]
    """

def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Tensor:
    """How many singular values are larger than ``tol``, or than ``rtol`` times the largest."""

def matrix_transpose(x: Any) -> Tensor:
    """The last two axes swapped."""

def matvec(x1: Any, x2: Any, /) -> Tensor:
    """Matrices times vectors: ``(..., m, n)`` and ``(..., n)`` give ``(..., m)``."""

def max_pool1d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Tensor:
    """The largest element of each window; ``stride`` is ``kernel_size`` if it is not given.

    >>> import tinygrad_gd as tg
    >>> tg.max_pool1d(tg.Tensor([[1.0, 3.0, 2.0, 5.0]]), 2).tolist()
    [[3.0, 5.0]]
    """

def max_pool2d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Tensor:
    """The largest element of each window of an image (n, channels, height, width).

    ``ceil_mode`` keeps an incomplete last window; of several largest elements the first one gets
    the gradient.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.max_pool2d(tg.Tensor(np.arange(16.0).reshape(1, 4, 4)), 2).tolist()
    [[[5.0, 7.0], [13.0, 15.0]]]
    """

def max_pool3d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Tensor:
    """The largest element of each window of a volume (n, channels, depth, height, width)."""

def maximum(x: Any, y: Any, /) -> Tensor:
    """The larger of x and y, NaN if one is; equal ones share the gradient equally."""

def mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *,
         where: Any = True) -> Tensor:
    """Arithmetic mean of the elements along ``axis``; with ``where``, of those it marks."""

def minimum(x: Any, y: Any, /) -> Tensor:
    """The smaller of x and y, NaN if one is; equal ones share the gradient equally."""

def mish(x: Any) -> Tensor:
    """x * tanh(softplus(x))."""

def mod(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``remainder``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g
        y: -g * np.floor_divide(x, y)
    """

def modf(x: Any) -> tuple[Tensor, Tensor]:
    """The parts of ``x`` after and before the point, both with its sign."""

def moveaxis(a: Any, source: Any, destination: Any) -> Tensor:
    """The axes ``source`` moved to the places ``destination``; the others keep their order."""

def multi_dot(arrays: Any, *, out: Any = None) -> Tensor:
    """The product of a chain of matrices, in the order that needs the fewest multiplications.

    The first and the last may be vectors.
    """

def multiply(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``multiply``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * y
        y: g * x
    """

def nan_to_num(x: Any, copy: Any = True, nan: Any = 0.0, posinf: Any = None,
               neginf: Any = None) -> Tensor:
    """``x`` with NaN and infinities replaced, by default with 0 and the largest numbers."""

def nanargmax(a: Any, axis: Any = None, *, keepdims: Any = False) -> Tensor:
    """Position of the largest element along ``axis`` that is not NaN."""

def nanargmin(a: Any, axis: Any = None, *, keepdims: Any = False) -> Tensor:
    """Position of the smallest element along ``axis`` that is not NaN."""

def nancumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Tensor:
    """`cumprod` that counts NaN as 1."""

def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Tensor:
    """`cumsum` that counts NaN as 0."""

def nanmax(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None,
           where: Any = True) -> Tensor:
    """`max` of the elements that are not NaN; NaN where there is none."""

def nanmean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None,
            keepdims: Any = False) -> Tensor:
    """`mean` of the elements that are not NaN."""

def nanmin(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None,
           where: Any = True) -> Tensor:
    """`min` of the elements that are not NaN; NaN where there is none."""

def nanpercentile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
                  method: str = 'linear', keepdims: Any = False, *, weights: Any = None) -> Tensor:
    """`nanquantile` with ``q`` from 0 to 100."""

def nanprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
            initial: Any = None, where: Any = True) -> Tensor:
    """`prod` of the elements that are not NaN."""

def nanquantile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
                method: str = 'linear', keepdims: Any = False, *, weights: Any = None) -> Tensor:
    """`quantile` of the elements that are not NaN, by linear interpolation."""

def nanstd(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
           keepdims: Any = False) -> Tensor:
    """`std` of the elements that are not NaN."""

def nansum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
           initial: Any = None, where: Any = True) -> Tensor:
    """`sum` of the elements that are not NaN."""

def nanvar(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
           keepdims: Any = False) -> Tensor:
    """`var` of the elements that are not NaN."""

def negative(x: Any, /) -> Tensor:
    """NumPy's ``negative``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: -g
    """

def nextafter(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``nextafter``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g
        y: g * 0
    """

def normal(loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
    """Draws from the normal distribution: ``loc + scale * standard_normal``.

    Parameters
    ----------
    loc, scale : mean and standard deviation; both get gradients.
    size : shape of the result; by default that of the parameters.
    dtype : by default that of the parameters, or the default dtype if they are Python numbers.

    >>> import tinygrad_gd as tg
    >>> tg.manual_seed(0)
    >>> mean = tg.Tensor([0.0, 5.0], requires_grad=True)
    >>> tg.normal(mean, 0.1).sum().backward(); mean.grad.tolist()
    [1.0, 1.0]
    """

def not_equal(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``not_equal``, for Tensors and arrays; it has no derivative."""

def outer(a: Any, b: Any, out: Any = None) -> Tensor:
    """All products of an element of ``a`` and one of ``b``, as a matrix."""

def pad(array: Any, pad_width: Any, mode: Any = 'constant', *, constant_values: Any = 0,
        reflect_type: Any = 'even') -> Tensor:
    """A border around ``array``: ``constant``, ``edge``, ``reflect``, ``symmetric`` or ``wrap``.

    >>> import tinygrad_gd as tg
    >>> tg.pad(tg.Tensor([1.0, 2.0, 3.0]), (2, 1), "reflect").tolist()
    [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]
    """

def partition(a: Any, kth: Any, axis: int | None = -1, kind: Any = 'introselect',
              order: Any = None) -> Tensor:
    """The elements along ``axis`` with the ``kth`` in its sorted place, smaller ones before it."""

def percentile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
               method: str = 'linear', keepdims: Any = False, *, weights: Any = None) -> Tensor:
    """`quantile` with ``q`` from 0 to 100."""

def permute_dims(a: Any, axes: Any = None) -> Tensor:
    """The axes in the order ``axes``, by default reversed."""

def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Tensor:
    """Each function of ``funclist`` on the elements where its condition holds.

    As with NumPy, the last condition that holds counts, an extra function is for the elements
    where none does, and a number stands for a constant. A function sees only its own elements, so
    that ``sqrt`` of the others does no harm.

    >>> import numpy as np, tinygrad_gd as tg
    >>> x = tg.Tensor([-4.0, 4.0], requires_grad=True)
    >>> np.piecewise(x, [x >= 0], [np.sqrt, 0]).sum().backward(); x.grad.tolist()
    [0.0, 0.25]
    """

def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = ...) -> Tensor:
    """The Moore-Penrose inverse: of least squares, and of least length among those.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.linalg.pinv(tg.Tensor([[3.0], [4.0]])).numpy().round(2).tolist()
    [[0.12, 0.16]]
    """

def place(arr: Any, mask: Any, vals: Any) -> Tensor:
    """``arr`` with the first of ``vals`` at the first place where the mask holds, and so on.

    >>> import tinygrad_gd as tg
    >>> tg.place(tg.Tensor([1.0, 2.0, 3.0]), [True, False, True], [10.0, 20.0]).tolist()
    [10.0, 2.0, 20.0]
    """

def polygamma(n: int, x: Any) -> Tensor:
    """The n-th derivative of digamma at ``x``; polygamma(0, x) is digamma(x)."""

def polyval(p: Any, x: Any) -> Tensor:
    """The polynomial with coefficients ``p``, the highest power first, at ``x``; both get gradients.

    >>> import tinygrad_gd as tg
    >>> tg.polyval(tg.Tensor([1.0, 0.0, -2.0]), 3.0).item()
    7.0
    """

def positive(x: Any, /) -> Tensor:
    """NumPy's ``positive``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g
    """

def pow(x: Any, y: Any, /) -> Tensor:
    """x ** y. Gradients: ``g * y * x ** (y - 1)`` and ``g * out * log(x)``."""

def power(x: Any, y: Any, /) -> Tensor:
    """x ** y. Gradients: ``g * y * x ** (y - 1)`` and ``g * out * log(x)``."""

def prelu(x: Any, weight: Any) -> Tensor:
    """x where x > 0, weight * x elsewhere; the weight broadcasts as in arithmetic."""

def prod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
         initial: Any = None, where: Any = True) -> Tensor:
    """Product of the elements along ``axis``; the gradient is right where some are 0.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([2.0, 0.0, 3.0], requires_grad=True)
    >>> tg.prod(x).backward(); x.grad.tolist()
    [0.0, 6.0, 0.0]
    """

def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Tensor:
    """Peak to peak: max - min."""

def put(a: Any, ind: Any, v: Any, mode: str = 'raise') -> Tensor:
    """``a`` with ``v`` at the places ``ind`` of the flattened array; for ``mode`` see `take`.

    >>> import tinygrad_gd as tg
    >>> tg.put(tg.Tensor([[1.0, 2.0], [3.0, 4.0]]), [0, -1], [10.0, 40.0]).tolist()
    [[10.0, 2.0], [3.0, 40.0]]
    """

def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None = -1) -> Tensor:
    """``arr`` with ``values`` at the places that `take_along_axis` would read.

    >>> import tinygrad_gd as tg
    >>> tg.put_along_axis(tg.Tensor([[1.0, 2.0], [3.0, 4.0]]), [[1], [0]], 0.0, axis=1).tolist()
    [[1.0, 0.0], [0.0, 4.0]]
    """

def putmask(a: Any, mask: Any, values: Any) -> Tensor:
    """``a`` with ``values`` where the mask holds: the value at the same place, repeated if too few.

    >>> import tinygrad_gd as tg
    >>> tg.putmask(tg.Tensor([1.0, 2.0, 3.0]), [True, False, True], [10.0, 20.0]).tolist()
    [10.0, 2.0, 10.0]
    """

def qr(a: Any, mode: str = 'reduced') -> QRResult | Any:
    """Orthonormal ``Q`` and upper triangular ``R`` with ``a = Q @ R``; only R with ``mode="r"``.

    Differentiable where the first columns of ``a``, as many as R has rows, are independent.

    >>> import numpy as np, tinygrad_gd as tg
    >>> q, r = np.linalg.qr(tg.Tensor([[3.0, 1.0], [4.0, 2.0]])); abs(r).numpy().round(6).tolist()
    [[5.0, 2.2], [0.0, 0.4]]
    """

def quantile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
             method: str = 'linear', keepdims: Any = False, *, weights: Any = None) -> Tensor:
    """The value below which the fraction ``q`` of the elements lies; a list of q gives a new axis 0.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([4.0, 1.0, 2.0], requires_grad=True)
    >>> tg.quantile(x, 0.25).backward(); x.grad.tolist()
    [0.0, 0.5, 0.5]
    """

def rad2deg(x: Any, /) -> Tensor:
    """NumPy's ``rad2deg``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * (180 / np.pi)
    """

def radians(x: Any, /) -> Tensor:
    """NumPy's ``radians``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * (np.pi / 180)
    """

def ravel(a: Any, order: Any = 'C') -> Tensor:
    """All elements along one axis."""

def real(val: Any) -> Tensor:
    """``val``: Tensors are real."""

def reciprocal(x: Any, /) -> Tensor:
    """NumPy's ``reciprocal``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: -g * out * out
    """

def relu(x: Any) -> Tensor:
    """max(x, 0)."""

def relu6(x: Any) -> Tensor:
    """min(max(x, 0), 6)."""

def remainder(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``remainder``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g
        y: -g * np.floor_divide(x, y)
    """

def repeat(a: Any, repeats: Any, axis: Any = None) -> Tensor:
    """Each element ``repeats`` times; with a list of counts, each element as often as it says.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> tg.repeat(x, [1, 3]).sum().backward(); x.grad.tolist()
    [1.0, 3.0]
    """

def reshape(a: Any, shape: Any, order: Any = 'C') -> Tensor:
    """The same elements in ``shape``; a length of -1 is worked out from the others.

    >>> import tinygrad_gd as tg
    >>> tg.reshape(tg.Tensor([1, 2, 3, 4]), (2, -1)).tolist()
    [[1, 2], [3, 4]]
    """

def resize(a: Any, new_shape: Any) -> Tensor:
    """The elements of ``a``, from the start again as often as needed, in ``new_shape``."""

def right_shift(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``right_shift``, for Tensors and arrays; it has no derivative."""

def rint(x: Any, /) -> Tensor:
    """NumPy's ``rint``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * 0
    """

def roll(a: Any, shift: Any, axis: Any = None) -> Tensor:
    """The elements moved by ``shift`` along ``axis``; what leaves at one end comes in at the other."""

def rollaxis(a: Any, axis: int, start: int = 0) -> Tensor:
    """``axis`` moved back until it lies before ``start``."""

def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Tensor:
    """``m`` turned by 90 degrees ``k`` times, from the first of ``axes`` toward the second."""

def round(a: Any, decimals: Any = 0, out: Any = None) -> Tensor:
    """``a`` rounded to ``decimals`` places, halves to even; a step, so its gradient is 0."""

def scaled_dot_product_attention(query: Any, key: Any, value: Any, attn_mask: Any = None,
                                 dropout_p: float = 0.0, is_causal: bool = False,
                                 scale: float | None = None) -> Tensor:
    """``softmax(scale * query @ key.T + mask) @ value``, over the last two axes.

    Parameters
    ----------
    query, key, value : (..., queries, n), (..., keys, n) and (..., keys, m).
    attn_mask : broadcasts to (..., queries, keys): booleans, true where a query sees a key, or numbers
        that are added to the scores. A query that sees nothing gets 0.
    dropout_p : the probability with which a weight becomes 0, see `dropout`; also in eval mode.
    is_causal : let a query see the keys up to its own position, in place of ``attn_mask``.
    scale : by default 1 / sqrt(n).

    >>> import numpy as np, tinygrad_gd as tg
    >>> x = np.eye(2)
    >>> tg.scaled_dot_product_attention(x, x, [[1.0], [3.0]], is_causal=True).numpy().round(4).tolist()
    [[1.0], [2.3395]]
    """

def scatter_add(a: Any, indices: Any, values: Any, axis: int = -1) -> Tensor:
    """``a`` with ``values`` added where ``indices`` say along ``axis``, as in `take_along_axis`.

    >>> import tinygrad_gd as tg
    >>> tg.scatter_add(tg.Tensor([0.0, 0.0]), [1, 1, 0], [1.0, 2.0, 5.0]).tolist()
    [5.0, 3.0]
    """

def searchsorted(a: Any, v: Any, side: str = 'left', sorter: Any = None) -> Tensor:
    """Where the elements of ``v`` belong in the sorted vector ``a``."""

def select(condlist: Any, choicelist: Any, default: Any = 0) -> Tensor:
    """Each element from the first choice whose condition holds.

    >>> import numpy as np, tinygrad_gd as tg
    >>> x = tg.Tensor([-1.0, 0.5, 3.0])
    >>> np.select([x < 0, x > 1], [0 * x, x**2], x).tolist()
    [-0.0, 0.5, 9.0]
    """

def selu(x: Any) -> Tensor:
    """1.0507 * elu(x, 1.6733): keeps mean 0 and variance 1 from layer to layer."""

def sigmoid(x: Any) -> Tensor:
    """1 / (1 + exp(-x)), without overflow."""

def sign(x: Any, /) -> Tensor:
    """NumPy's ``sign``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * 0
    """

def signbit(x: Any, /) -> Tensor:
    """NumPy's ``signbit``, for Tensors and arrays; it has no derivative."""

def silu(x: Any) -> Tensor:
    """x * sigmoid(x), also called swish."""

def sin(x: Any, /) -> Tensor:
    """NumPy's ``sin``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * np.cos(x)
    """

def sinc(x: Any) -> Tensor:
    """sin(pi x) / (pi x), and 1 at 0; its derivatives are exact there, too."""

def sinh(x: Any, /) -> Tensor:
    """NumPy's ``sinh``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * np.cosh(x)
    """

def sliding_window_view(x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False,
                        writeable: bool = False) -> Tensor:
    """All windows of ``window_shape`` along ``axis``, whose elements are the last axes of the result.

    >>> import tinygrad_gd as tg
    >>> x = tg.Tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    >>> tg.sliding_window_view(x, 3).sum().backward(); x.grad.tolist()
    [1.0, 2.0, 2.0, 1.0]
    """

def slogdet(a: Any) -> SlogdetResult:
    """Sign and logarithm of ``|det(a)|``, which neither overflow nor underflow.

    >>> import numpy as np, tinygrad_gd as tg
    >>> a = tg.Tensor([[0.0, 1.0], [2.0, 0.0]], requires_grad=True)
    >>> sign, logabsdet = np.linalg.slogdet(a); sign.item()
    -1.0
    >>> logabsdet.backward(); a.grad.tolist()
    [[0.0, 1.0], [0.5, 0.0]]
    """

def softmax(x: Any, axis: Any = -1) -> Tensor:
    """exp(x) / sum(exp(x)) along ``axis``: positive numbers that sum to 1.

    >>> import tinygrad_gd as tg
    >>> tg.softmax(tg.Tensor([0.0, 1e4, 1e4])).tolist()
    [0.0, 0.5, 0.5]
    """

def softplus(x: Any, beta: Any = 1.0) -> Tensor:
    """log(1 + exp(beta * x)) / beta; needs no threshold, as it cannot overflow."""

def softsign(x: Any) -> Tensor:
    """x / (1 + abs(x))."""

def solve(a: Any, b: Any) -> Tensor:
    """The solution ``x`` of ``a @ x = b``; a ``b`` of one axis is a vector.

    >>> import tinygrad_gd as tg
    >>> tg.solve(tg.Tensor([[2.0, 0.0], [0.0, 4.0]]), [2.0, 2.0]).tolist()
    [1.0, 0.5]
    """

def spacing(x: Any, /) -> Tensor:
    """NumPy's ``spacing``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * 0
    """

def sqrt(x: Any, /) -> Tensor:
    """NumPy's ``sqrt``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * 0.5 / out
    """

def square(x: Any, /) -> Tensor:
    """NumPy's ``square``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: (g + g) * x
    """

def squeeze(a: Any, axis: Any = None) -> Tensor:
    """Without the axes of length 1: all of them, or those of ``axis``."""

def stack(arrays: Any, axis: int = 0) -> Tensor:
    """Arrays of one shape, joined along a new axis.

    >>> import tinygrad_gd as tg
    >>> tg.stack([tg.Tensor([1.0, 2.0]), [3.0, 4.0]], axis=1).tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    """

def standard_normal(size: Any = (), dtype: Any = ...) -> Tensor:
    """An array of draws from the normal distribution of mean 0 and deviation 1."""

def standard_uniform(size: Any = (), dtype: Any = ...) -> Tensor:
    """An array of draws from the uniform distribution on [0, 1)."""

def std(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
        keepdims: Any = False, *, where: Any = True, mean: Any = None,
        correction: Any = None) -> Tensor:
    """Standard deviation, the root of `var`; where it is 0, so is its gradient."""

def subtract(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``subtract``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g
        y: -g
    """

def sum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
        initial: Any = None, where: Any = True) -> Tensor:
    """Sum of the elements along ``axis`` (an int, a tuple or None for all).

    >>> import numpy as np, tinygrad_gd as tg
    >>> x = tg.Tensor([[1.0, 2.0], [3.0, np.nan]], requires_grad=True)
    >>> tg.sum(x, axis=1, where=x == x).tolist()
    [3.0, 3.0]
    """

def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True,
        hermitian: bool = False) -> SVDResult | Any:
    """Singular value decomposition ``a = U @ diag(S) @ Vh``.

    Gradients that come in through the vectors of equal singular values, or of the value 0 of a
    matrix that is not square, are NaN: there is none. `svdvals` gives the values alone.

    >>> import numpy as np, tinygrad_gd as tg
    >>> a = tg.Tensor([[3.0, 0.0], [0.0, 2.0]], requires_grad=True)
    >>> np.linalg.svd(a).S[0].backward(); abs(a.grad).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """

def svdvals(x: Any) -> Tensor:
    """The descending singular values of matrices."""

def swapaxes(a: Any, axis1: int, axis2: int) -> Tensor:
    """Two axes in each other's place."""

def take(a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = 'raise') -> Tensor:
    """The elements at ``indices`` along ``axis`` (None: of the flattened array).

    >>> import tinygrad_gd as tg
    >>> tg.take(tg.Tensor([[1.0, 2.0, 3.0]]), [0, 4], axis=1, mode="wrap").tolist()
    [[1.0, 2.0]]
    """

def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Tensor:
    """One element per index, from the place along ``axis`` that the index says.

    >>> import tinygrad_gd as tg
    >>> tg.take_along_axis(tg.Tensor([[1.0, 2.0], [3.0, 4.0]]), [[1], [0]], axis=1).tolist()
    [[2.0], [3.0]]
    """

def tan(x: Any, /) -> Tensor:
    """NumPy's ``tan``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * (1 + out * out)
    """

def tanh(x: Any, /) -> Tensor:
    """NumPy's ``tanh``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * (1 - out * out)
    """

tensor = Tensor

def tensordot(a: Any, b: Any, axes: Any = 2) -> Tensor:
    """Sum of products over ``axes``: a number of last axes of ``a`` and first ones of ``b``, or a pair.

    >>> import numpy as np, tinygrad_gd as tg
    >>> np.tensordot(tg.Tensor(np.ones((2, 3, 4))), np.ones((4, 3)), ([1, 2], [1, 0])).tolist()
    [12.0, 12.0]
    """

def tensorinv(a: Any, ind: int = 2) -> Tensor:
    """The inverse of ``x -> tensordot(a, x, ...)``, with the first ``ind`` axes of ``a`` as rows."""

def tensorsolve(a: Any, b: Any, axes: Any = None) -> Tensor:
    """The ``x`` with ``tensordot(a, x, x.ndim) == b``; ``axes`` of ``a`` are moved to its end first."""

def tile(A: Any, reps: Any) -> Tensor:
    """``A`` laid side by side ``reps`` times along each axis."""

def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None,
          out: Any = None) -> Tensor:
    """Sum of a diagonal.

    >>> import numpy as np, tinygrad_gd as tg
    >>> m = tg.Tensor(np.ones((2, 2)), requires_grad=True)
    >>> np.trace(m).backward(); m.grad.tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

def transpose(a: Any, axes: Any = None) -> Tensor:
    """The axes in the order ``axes``, by default reversed."""

def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """Integral of ``y`` over ``x`` by the trapezoidal rule: ``sum((y1 + y0) * (x1 - x0) / 2)``."""

def tril(m: Any, k: int = 0) -> Tensor:
    """The elements on and below the ``k``-th diagonal, and 0 above it."""

def triu(m: Any, k: int = 0) -> Tensor:
    """The elements on and above the ``k``-th diagonal, and 0 below it."""

def true_divide(x: Any, y: Any, /) -> Tensor:
    """NumPy's ``divide``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g / y
        y: -g * out / y
    """

def trunc(x: Any, /) -> Tensor:
    """NumPy's ``trunc``, for Tensors and arrays.

    Gradients, where g is that of the result ``out``::

        x: g * 0
    """

def uniform(low: Any = 0.0, high: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
    """Draws between ``low`` and ``high``, which both get gradients; options as in `normal`."""

def unique(ar: Any, return_index: bool = False, return_inverse: bool = False,
           return_counts: bool = False, axis: int | None = None, *, equal_nan: bool = True,
           sorted: bool = True) -> Tensor | Any:
    """The different values (or slices along ``axis``), sorted; gradients go to first occurrences.

    >>> import tinygrad_gd as tg
    >>> tg.unique(tg.Tensor([2.0, 1.0, 2.0]), return_counts=True)
    (Tensor([1., 2.], shape=(2,), dtype=float64), array([1, 2]))
    """

def unique_all(x: Any, /) -> UniqueAll:
    """All that `unique` can tell."""

def unique_counts(x: Any, /) -> UniqueCounts:
    """`unique_values`, and how often each occurs."""

def unique_inverse(x: Any, /) -> UniqueInverse:
    """`unique_values`, and which of them stands at each place of ``x``."""

def unique_values(x: Any, /) -> Tensor:
    """`unique` values; every NaN is one of its own."""

def unstack(x: Any, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The parts along ``axis``, which is gone from each: the inverse of `stack`."""

def vander(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers of a vector's elements as the columns of a matrix, the highest first.

    The powers of float32 are float32 here, as in all operations, and float64 in NumPy.

    >>> import tinygrad_gd as tg
    >>> tg.vander(tg.Tensor([2.0, 3.0]), 3).tolist()
    [[4.0, 2.0, 1.0], [9.0, 3.0, 1.0]]
    """

def var(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
        keepdims: Any = False, *, where: Any = True, mean: Any = None,
        correction: Any = None) -> Tensor:
    """Variance: the mean of ``(a - mean)**2``, divided by ``n - ddof`` instead of ``n``.

    >>> import tinygrad_gd as tg
    >>> tg.var(tg.Tensor([1.0, 2.0, 3.0]), ddof=1).item()
    1.0
    """

def vdot(a: Any, b: Any, /) -> Tensor:
    """Sum of products over all elements."""

def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    """``sum(x1 * x2)`` along ``axis``, the other axes broadcast.

    >>> import tinygrad_gd as tg
    >>> tg.vecdot(tg.Tensor([[1.0, 2.0], [3.0, 4.0]]), [1.0, 10.0]).tolist()
    [21.0, 43.0]
    """

def vecmat(x1: Any, x2: Any, /) -> Tensor:
    """Vectors times matrices: ``(..., m)`` and ``(..., m, n)`` give ``(..., n)``."""

def vector_norm(x: Any, /, *, axis: Any = None, keepdims: Any = False, ord: Any = 2) -> Tensor:
    """`norm` of vectors: of all elements, along an axis, or of several axes taken together."""

def vsplit(ary: Any, indices_or_sections: Any) -> list[Tensor]:
    """`split` along axis 0 of at least two."""

def vstack(tup: Any, *, dtype: Any = None, casting: Any = 'same_kind') -> Tensor:
    """On top of each other: joined along axis 0, vectors as rows."""
