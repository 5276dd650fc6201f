"""Attention: a query takes the mean of the values, weighted by how their keys fit (Vaswani, 2017)."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from ...engine.backward import unbroadcast
from ...engine.primitive import apply, primitive
from ...engine.tensor import Tensor
from ...errors import DTypeError, OptionError, ShapeError, describe
from ...ground.checks import check_switch
from ...ground.fast import by_rows, extreme, is_half, product
from ...ground.registry import implements
from ..elementwise import add, multiply, where
from ..linalg.products import matmul, transposed
from ..random import dropout
from ..signatures import as_tensor


def _scores(query: Any, key: Any, /) -> Any:
    """How each key fits each query."""
    return query @ transposed(key)


def _of_shape(g: Any, shape: tuple[int, ...]) -> Any:
    return g if g.shape == shape else unbroadcast(g, shape)


#: Not `matmul` with turned keys, whose cotangent would be turned back, and copied to be read by rows.
scores = primitive(
    _scores, lambda g, out, query, key: _of_shape(product(g, key), query.shape),
    lambda g, out, query, key: _of_shape(product(transposed(g), query), key.shape),
    run=lambda query, key: product(query, transposed(key)), name="attention_scores", internal=True)


def _largest(scores: Any) -> Any:
    """The largest of each row; of rows of -inf, which get no weight at all, a number above them."""
    return np.maximum(extreme(np.maximum, scores, -1, keepdims=True), np.finfo(scores.dtype).min)


def _total(powers: Any) -> Any:
    """The sum of each row, which BLAS takes sooner than `numpy.add.reduce`; at least 1, or 0 made 1."""
    return np.maximum(powers @ np.ones(powers.shape[-1], powers.dtype), 1)[..., None]


def _weights(scores: Any, /) -> Any:
    if is_half(scores):
        return _weights(scores.astype(np.float32)).astype(np.float16)
    powers = np.exp(scores - _largest(scores))
    return powers / _total(powers)


def _weights_at_once(scores: Any) -> Any:
    if is_half(scores) or not by_rows(scores):
        return _weights(scores)
    out = scores - _largest(scores)
    np.exp(out, out=out)
    out /= _total(out)
    return out


def _slope(g: Any, out: Any) -> Any:
    own = g - np.vecdot(g, out)[..., None]
    if not by_rows(own, out):
        return own * out
    own *= out  # nobody else has it
    return own


weights = primitive(
    _weights, lambda g, out, scores: _slope(g, out), run=_weights_at_once,
    name="attention_weights", analytic=False, kind="act", internal=True)


@lru_cache(maxsize=64)
def causal_bias(queries: int, keys: int, dtype: Any) -> Any:
    """What is added to scores (queries, keys) so that a query sees keys up to its own position only."""
    bias = bias_of(np.tri(queries, keys, dtype=bool), dtype)
    bias.flags.writeable = False  # all layers share it
    return bias


def bias_of(allowed: Any, dtype: Any) -> Any:
    """What is added to the scores for a mask: 0 where it is true, else -inf."""
    if isinstance(allowed, Tensor):
        return where(allowed, np.zeros((), dtype), np.array(-np.inf, dtype))
    return np.where(allowed, np.zeros((), dtype), np.array(-np.inf, dtype))


def attend(query: Any, key: Any, value: Any, bias: Any, dropout_p: float) -> tuple[Tensor, Tensor]:
    """The weighted values and the weights, for scaled queries and a ``bias`` of the scores."""
    fits = apply(scores, (query, key))
    found = apply(weights, (fits if bias is None else add(fits, bias),))
    if dropout_p:
        found = dropout(found, dropout_p)
    return matmul(found, value), found


@implements()
def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None,
) -> Tensor:
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
    name = "scaled_dot_product_attention"
    query, key, value = (as_tensor(name, x) for x in (query, key, value))
    if min(query.ndim, key.ndim, value.ndim) < 2 or query.shape[-1] != key.shape[-1] or (
            key.shape[-2] != value.shape[-2]):
        raise ShapeError(f"{name}: expected queries (..., q, n), keys (..., k, n) and values "
                         f"(..., k, m), got {describe(query)}, {describe(key)} and {describe(value)}")
    bias = attn_mask
    if check_switch(f"{name}: is_causal", is_causal):
        if attn_mask is not None:
            raise OptionError(f"{name}: attn_mask= and is_causal=True were given; put both into one "
                              "mask, as in attn_mask & np.tri(queries, keys, dtype=bool)")
        bias = causal_bias(query.shape[-2], key.shape[-2], np.result_type(query.dtype, key.dtype))
    elif bias is not None:
        bias = as_bias(name, "attn_mask", bias, np.result_type(query.dtype, key.dtype))
    scaled = multiply(query, 1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    return attend(scaled, key, value, bias, dropout_p)[0]


def as_bias(name: str, option: str, mask: Any, dtype: Any, seen: bool = True) -> Any:
    """A mask as what is added to scores; booleans are ``seen`` where a query sees a key."""
    if not isinstance(mask, Tensor):
        mask = np.asarray(mask)
    if mask.dtype == bool:
        return bias_of(mask if seen else ~mask, dtype)
    if mask.dtype.kind != "f":
        raise DTypeError(f"{name}: {option} has booleans, or floats that are added to the scores, got "
                         f"{describe(mask)}; use .astype(bool)")
    return mask if mask.dtype == dtype else mask.astype(dtype)
