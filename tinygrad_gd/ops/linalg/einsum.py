"""Einstein summation, whose derivative is again an Einstein summation.

The cotangent of one operand is the einsum of the cotangent of the result with the other operands::

    out = einsum("ij,jk->ik", x, y)        gx = einsum("ik,jk->ij", g, y)

An index that only ``x`` has is filled by a vector of ones, and a repeated index (``ii->i``) by a
unit matrix. Before it is recorded, every call is brought into one form: a string with explicit
output and a letter for each axis behind an ellipsis.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial, wraps
from math import prod
from typing import Any

import numpy as np

from ...engine.operands import operand
from ...engine.primitive import apply, primitive
from ...engine.rules import Every
from ...engine.tensor import Tensor
from ...errors import DTypeError, OptionError, ShapeError, describe
from ...ground.registry import NUMPY, explaining, implements

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # NumPy's order of integer indices

# -- the primitive and its rule ----------------------------------------------------------------------


def _einsum(*operands: Any, subscripts: str, optimize: Any = False) -> Any:
    out = np.einsum(subscripts, *operands, optimize=optimize)
    return out.copy() if len(operands) == 1 and out.base is not None else out


def _contract(x: Any, y: Any, /, subscripts: str) -> Any:
    """The same of two arrays, by np.matmul."""
    left, right, (shape, order) = _as_matmul(subscripts, (x.shape, x.dtype), (y.shape, y.dtype))
    product = np.matmul(*(_arranged((x, y)[k], order, shape) for k, order, shape in (left, right)))
    product = product if product.shape == shape else np.reshape(product, shape)
    return product if order == tuple(range(len(order))) else np.transpose(product, order)


def _arranged(x: Any, order: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    x = x if order == tuple(range(len(order))) else np.transpose(x, order)
    return x if x.shape == shape else np.reshape(x, shape)


#: Multiplications for which np.einsum is as soon.
FEW_MULTIPLICATIONS = 1 << 12


@lru_cache(maxsize=4096)
def _as_matmul(subscripts: str, *forms: tuple[tuple[int, ...], Any]) -> Any:
    """Which operand is to be transposed and reshaped how, for both factors of a matrix product.

    Then the shape of the product, and the order of its axes. None where np.einsum is to be used.
    """
    inputs, result = subscripts.split("->")
    terms = inputs.split(",")
    lengths = {i: n for t, (shape, _) in zip(terms, forms, strict=True)
               for i, n in zip(t, shape, strict=True)}
    if (len(terms) != 2 or forms[0][1] != forms[1][1] or forms[0][1].kind != "f"
            or any(len(set(t)) < len(t) or tuple(lengths[i] for i in t) != shape
                   for t, (shape, _) in zip(terms, forms, strict=True))):
        return None
    x, y = map(set, terms)
    if not x & y - set(result) or (x ^ y) - set(result):  # nothing to sum over, or in one alone
        return None
    batch = [i for i in result if i in x & y]
    inner = [i for i in terms[0] if i in y and i not in result]
    rows, columns = ([i for i in result if i in own] for own in (x - y, y - x))
    first = int(rows > [] < columns and result.index(columns[0]) < result.index(rows[0]))
    if first:
        rows, columns = columns, rows

    def size(indices: list[str]) -> int:
        return prod(lengths[i] for i in indices)

    m, k, n = map(size, (rows, inner, columns))
    if m * k * n * size(batch) < FEW_MULTIPLICATIONS or m * n == 1:
        return None

    def arranged(position: int, indices: list[str], shape: tuple[int, int]) -> Any:
        order = tuple(map(terms[position].index, (*batch, *indices)))
        return position, order, (*(lengths[i] for i in batch), *shape)

    full = (*batch, *rows, *columns)
    return (arranged(first, rows + inner, (m, k)), arranged(1 - first, inner + columns, (k, n)),
            (tuple(lengths[i] for i in full), tuple(map(full.index, result))))


@lru_cache(maxsize=4096)
def _way_back(
    subscripts: str, shapes: tuple[tuple[int, ...], ...], position: int
) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Subscripts that send the cotangent to one operand, and the shapes of ones and units they need.

    The first operand of the result is the cotangent, then come the other operands, then arrays of
    ones ``(n, 0)`` and unit matrices ``(n, n)``.
    """
    inputs, result = subscripts.split("->")
    terms = inputs.split(",")
    lengths: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        lengths |= {i: n for i, n in zip(term, shape, strict=True) if n != 1 or i not in lengths}
    others = [(t, s) for k, (t, s) in enumerate(zip(terms, shapes, strict=True)) if k != position]
    known = set(result) | {i for t, s in others for i, n in zip(t, s, strict=True) if n == lengths[i]}
    unused = (i for i in _LETTERS.swapcase() if i not in subscripts)
    factors, target, extra = [result, *(term for term, _ in others)], "", []
    for i, n in zip(terms[position], shapes[position], strict=True):
        if n != lengths[i]:  # broadcast along this index: its cotangent is summed
            continue
        if i in target:
            target += (twin := next(unused))
            factors.append(i + twin)
            extra.append((n, n))
            continue
        target += i
        if i not in known:
            factors.append(i)
            extra.append((n, 0))
    return f"{','.join(factors)}->{target}", tuple(extra)


def _einsum_back(position: int, g: Any, out: Any, *operands: Any, subscripts: str,
                 optimize: Any = False) -> Any:
    x = operands[position]
    shapes = tuple(np.shape(a) for a in operands)
    back, extra = _way_back(subscripts, shapes, position)
    others = [a for k, a in enumerate(operands) if k != position]
    filled = [np.eye(n, dtype=g.dtype) if m else np.ones(n, g.dtype) for n, m in extra]
    factors = g, *others, *filled
    recorded = any(isinstance(a, Tensor) for a in factors)
    if not recorded and _as_matmul(back, *((a.shape, a.dtype) for a in factors)):
        gx = _contract(factors[0], factors[1], subscripts=back)
    else:
        gx = np.einsum(back, *factors, optimize=bool(optimize))
    return gx if gx.shape == x.shape else np.reshape(gx, x.shape)


_einsum_primitive = primitive(_einsum, Every(_einsum_back), name="einsum", numpy=np.einsum)
_contraction = primitive(
    _contract, partial(_einsum_back, 0), partial(_einsum_back, 1), name="contract",
    internal=True)

# -- NumPy's ways to write the subscripts --------------------------------------------------------------


def _complain(subscripts: str, what: str) -> OptionError:
    return OptionError(f"einsum: subscripts {subscripts!r}: {what}")


@lru_cache(maxsize=4096)
def _explicit(subscripts: str, ndims: tuple[int, ...]) -> str:
    """The same subscripts with an output and with letters in place of ellipses.

    >>> _explicit("...ij,jk", (3, 2))
    'aij,jk->aik'
    """
    inputs, arrow, result = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    _check_terms(subscripts, terms, result, ndims)
    named = [term.replace("...", "") for term in terms]
    hidden = [n - len(letters) for n, letters in zip(ndims, named, strict=True)]
    widest = max(h if "..." in t else 0 for h, t in zip(hidden, terms, strict=True))
    free = [i for i in _LETTERS.swapcase() if i not in subscripts]
    if widest > len(free):
        raise _complain(subscripts, "more than 52 different indices")
    batch = "".join(free[:widest])
    if not arrow:
        letters = "".join(named)
        result = "..." + "".join(sorted(i for i in set(letters) if letters.count(i) == 1))
    elif widest and "..." not in result:
        raise _complain(subscripts, "an operand has axes behind '...'; the output needs '...' too")
    full = (t.replace("...", batch[widest - h :]) for t, h in zip(terms, hidden, strict=True))
    return f"{','.join(full)}->{result.replace('...', batch)}"


def _check_terms(subscripts: str, terms: list[str], result: str, ndims: tuple[int, ...]) -> None:
    if len(terms) != len(ndims):
        raise _complain(subscripts, f"{len(terms)} terms between commas, but {len(ndims)} operands")
    for k, (term, ndim) in enumerate((*zip(terms, ndims, strict=True), (result, 52))):
        letters = term.replace("...", "", 1)
        if strange := sorted(set(letters) - set(_LETTERS)):
            raise _complain(subscripts, f"{strange[0]!r} is not a letter, ',', '->' or '...'")
        if len(letters) > ndim or (letters == term and k < len(ndims) and len(letters) != ndim):
            raise ShapeError(f"einsum: subscripts {subscripts!r}: the term {term!r} names "
                             f"{len(letters)} axes, but operand {k} has {ndim}; name every axis, "
                             "or write '...' for the others")
    for i in result.replace("...", "", 1):
        if result.count(i) > 1:
            raise _complain(subscripts, f"index {i!r} appears twice in the output; give it another "
                                        "letter, an output has one axis per letter")
        if not any(i in term for term in terms):
            raise _complain(subscripts, f"index {i!r} of the output is in no operand")


def _letters(indices: Sequence[Any]) -> str:
    try:
        return "".join("..." if i is Ellipsis else _LETTERS[i] for i in indices)
    except (TypeError, IndexError) as error:
        raise OptionError(f"einsum: expected indices from 0 to {len(_LETTERS) - 1} or ..., got "
                          f"{list(indices)}") from error


def _from_lists(items: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """``einsum(x, [0, 1], y, [1, 2], [0, 2])`` as a string and operands."""
    lists = [items[k] for k in range(1, len(items), 2)] + [items[-1]] * (len(items) % 2)
    if len(items) < 2 or not all(isinstance(i, list | tuple) for i in lists):
        raise DTypeError("einsum: expected a string of subscripts and the operands, or operands each "
                         "followed by a list of integers, as in einsum(x, [0, 1], y, [1, 2])")
    subscripts = ",".join(map(_letters, items[1::2]))
    if len(items) % 2:
        return f"{subscripts}->{_letters(items[-1])}", items[:-1:2]
    return subscripts, items[::2]


@implements(np.einsum)
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
    if options:
        raise OptionError(f"einsum: {', '.join(options)}= is not supported with Tensors, only "
                          "optimize= is; to change the dtype, use .astype on an operand")
    if operands and isinstance(operands[0], str):
        subscripts, given = operands[0], operands[1:]
    else:
        subscripts, given = _from_lists(operands)
    # The rule of any operand reads all others, so a later write to a plain array must not reach it.
    arrays = tuple(x if isinstance(x, Tensor) else np.asarray(operand("einsum", x)) for x in given)
    explicit = _explicit(subscripts, tuple(x.ndim for x in arrays))
    try:
        if _as_matmul(explicit, *((x.shape, x.dtype) for x in arrays)):
            return apply(_contraction, arrays, {"subscripts": explicit})
        return apply(_einsum_primitive, arrays, {"subscripts": explicit, "optimize": optimize})
    except ShapeError as error:
        raise _mismatch(subscripts, explicit, arrays) or error from error


def _mismatch(subscripts: str, explicit: str, arrays: Sequence[Any]) -> ShapeError | None:
    """Which index has two lengths, and in which operands."""
    first: dict[str, int] = {}
    for k, term in enumerate(explicit.split("->")[0].split(",")):
        for i, n in zip(term, arrays[k].shape, strict=True):
            j = first.setdefault(i, k) if n != 1 else k
            m = arrays[j].shape[explicit.split(",")[j].index(i)]
            if m != n:
                index = f"index {i!r}" if i in subscripts else "an axis behind '...'"
                return ShapeError(
                    f"einsum: subscripts {subscripts!r}: {index} has length {m} in "
                    f"{describe(arrays[j], j)}, but {n} in {describe(arrays[k], k)}; an index must "
                    "have one length everywhere (or 1), check the order of the letters")
    return None


@wraps(np.einsum_path)
def _einsum_path(*operands: Any, **options: Any) -> Any:
    return np.einsum_path(*(a.numpy() if isinstance(a, Tensor) else a for a in operands), **options)


NUMPY[np.einsum_path] = explaining(_einsum_path)
