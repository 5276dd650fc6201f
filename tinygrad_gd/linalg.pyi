# Made by python -m tests.stubs from the registry; a test fails when it is not up to date.

"""``tg.linalg``: the functions of ``np.linalg`` that differentiate, under the same names.

``np.linalg.inv(tensor)`` and ``tg.linalg.inv(tensor)`` are the same; the latter makes a Tensor of a
plain array, too. The functions are in `tinygrad_gd.ops`: products in `linalg`, the others in
`linear_systems`, `determinants`, `factorizations`, `least_squares` and `conditioning`.
"""

from typing import Any

from . import cholesky as cholesky
from . import cond as cond
from . import det as det
from . import eigh as eigh
from . import eigvalsh as eigvalsh
from . import inv as inv
from . import lstsq as lstsq
from . import matmul as matmul
from . import matrix_norm as matrix_norm
from . import matrix_power as matrix_power
from . import matrix_rank as matrix_rank
from . import matrix_transpose as matrix_transpose
from . import multi_dot as multi_dot
from . import norm as norm
from . import pinv as pinv
from . import qr as qr
from . import slogdet as slogdet
from . import solve as solve
from . import svd as svd
from . import svdvals as svdvals
from . import tensorinv as tensorinv
from . import tensorsolve as tensorsolve
from . import vecdot as vecdot
from . import vector_norm as vector_norm
from .engine.tensor import Tensor

def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    """The cross product of the vectors of three elements along ``axis``."""

def diagonal(x: Any, /, *, offset: int = 0) -> Tensor:
    """The diagonals of the matrices in the last two axes."""

def outer(x1: Any, x2: Any, /) -> Tensor:
    """All products of an element of one vector with one of another: ``x1[:, None] * x2``."""

def tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Tensor:
    """Sum of products over ``axes``: as many last of ``x1`` as first of ``x2``, or two lists."""

def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """Sums of the diagonals of the matrices in the last two axes."""
