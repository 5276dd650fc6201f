"""The calculus: one row per primitive, in files by kind. `rest` is loaded when needed.

Read `elementwise` first, then `reductions` and `shape`. `ufuncs` and `special` go on with functions of
elements; `running`, `statistics`, `norms` and `differences` with sums; `arrange`, `indexing`,
`choices`, `updates` and `sorting` with where elements are; `random` draws them. `linalg/` has
matrices, `neural/` what layers compute. `signatures` puts NumPy's full signatures before primitives
with few options, `in_rules` has what rules are written with and `powers` those of ``x ** y``, `descend`
is the step all gradient methods end with, `unnamed` what transforms and programs need.
`ambiguous` refuses calls under ``tg`` that PyTorch would run with another result.

Surprises here
--------------
- ``run=operator.add``: Python's operators give a ufunc's bits with less overhead on NumPy's scalars.
- ``t ** 3`` multiplies: up to ninety times as fast as `numpy.power`, and not always its last bit.
- `descend` updates large arrays in blocks that stay in the cache, so that ``rate * g`` is never whole.
- What `rest` lists is registered when first asked for, which halves the time of ``import tinygrad_gd``.
- NumPy's functions with many options (where=, dtype=) are compositions, so that a primitive has few.
"""

from importlib import import_module

from ..ground.registry import later
from . import ambiguous, arrange, descend, norms, reductions, ufuncs, updates
from .elementwise import (
    absolute,
    add,
    divide,
    equal,
    greater,
    greater_equal,
    integer_power,
    less,
    less_equal,
    multiply,
    negative,
    not_equal,
    positive,
    power,
    square,
    subtract,
)
from .indexing import getitem, plain_key, write_item
from .linalg import sparse
from .linalg.products import matmul
from .shape import stack, transpose
from .ufuncs import bitwise_and, bitwise_or, bitwise_xor, floor_divide, invert, remainder

__all__ = [
    "LATER",
    "absolute", "add", "ambiguous", "arrange", "bitwise_and", "bitwise_or", "bitwise_xor", "descend",
    "divide", "equal", "floor_divide", "getitem", "greater", "greater_equal", "integer_power", "invert",
    "less", "less_equal", "matmul", "multiply", "negative", "norms", "not_equal", "plain_key",
    "positive", "power", "reductions", "remainder", "sparse", "square", "stack", "subtract",
    "transpose", "ufuncs", "updates", "write_item",
]  # fmt: skip

#: The names that `rest` enters.
LATER = """
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d
    adaptive_max_pool2d adaptive_max_pool3d argpartition argsort average avg_pool1d avg_pool2d
    avg_pool3d bernoulli bincount celu cholesky choose cond conv1d conv2d conv3d conv_transpose1d
    conv_transpose2d conv_transpose3d convolve corrcoef correlate cov cumprod cumsum cumulative_prod
    cumulative_sum det diff digamma digitize dropout ediff1d eigh eigvalsh einsum elu erf erfc gammaln
    gelu geomspace glu gradient hardsigmoid hardswish hardtanh histogram interp interpolate inv
    leaky_relu linear linspace log_sigmoid log_softmax logspace lstsq matrix_rank max_pool1d
    max_pool2d max_pool3d median mish nanargmax nanargmin nancumprod nancumsum nanmax nanmean
    nanmedian nanmin nanpercentile nanprod nanquantile nanstd nansum nanvar normal partition
    percentile pinv polygamma polyval prelu qr quantile relu relu6
    scaled_dot_product_attention searchsorted select selu sigmoid
    silu sinc sliding_window_view slogdet softmax softplus softsign solve sort standard_normal
    standard_uniform svd svdvals tensorinv tensorsolve trapezoid uniform unique unique_all
    unique_counts unique_inverse unique_values vander
"""
later(lambda: import_module(".rest", __name__), LATER.split())
