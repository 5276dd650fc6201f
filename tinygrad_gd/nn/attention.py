"""`MultiheadAttention`: attention between sequences in several subspaces, as in PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import OptionError, ShapeError, describe
from ..ground.checks import check_integer, check_probability, check_switch
from ..ground.explain import answering
from ..ground.modes import get_default_dtype
from ..ops.elementwise import multiply
from ..ops.neural.attention import as_bias, attend, causal_bias
from ..ops.neural.linear import linear
from ..ops.reductions import mean
from ..ops.shape import broadcast_to, concatenate, reshape
from ..ops.signatures import as_tensor
from . import init
from .layers import Linear
from .module import Module
from .parameter import Parameter


class MultiheadAttention(Module):
    """Attention of ``num_heads`` heads, each in ``embed_dim / num_heads`` dimensions of its own.

    Queries, keys and values are (length, batch, width), with ``batch_first`` (batch, length, width), or
    without a batch (length, width). ``kdim`` and ``vdim`` are the widths of keys and values where they
    differ; ``add_bias_kv`` adds a learned key and value to all, ``add_zero_attn`` one of zeros.

    >>> import numpy as np, tinygrad_gd as tg
    >>> x = tg.Tensor(np.ones((2, 5, 8)))
    >>> out, weights = tg.nn.MultiheadAttention(8, 2, batch_first=True)(x, x, x)
    >>> out.shape, weights.shape
    ((2, 5, 8), (2, 5, 5))
    """

    @answering
    def __init__(self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True,
                 add_bias_kv: bool = False, add_zero_attn: bool = False, kdim: int | None = None,
                 vdim: int | None = None, batch_first: bool = False) -> None:
        sizes = {"embed_dim": embed_dim, "num_heads": num_heads,
                 "kdim": embed_dim if kdim is None else kdim,
                 "vdim": embed_dim if vdim is None else vdim}
        for option, size in sizes.items():
            check_integer(f"MultiheadAttention: {option}", size, 1, wrong_type=OptionError)
            setattr(self, option, size)
        if embed_dim % num_heads:
            raise OptionError(f"MultiheadAttention: num_heads={num_heads} must divide embed_dim="
                              f"{embed_dim}; each head has embed_dim / num_heads dimensions")
        self.embed_dim, self.num_heads = embed_dim, num_heads
        self.dropout = check_probability("MultiheadAttention: dropout", dropout)
        self.add_zero_attn = check_switch("MultiheadAttention: add_zero_attn", add_zero_attn)
        self.batch_first = check_switch("MultiheadAttention: batch_first", batch_first)
        self._make_parameters(check_switch("MultiheadAttention: bias", bias),
                              check_switch("MultiheadAttention: add_bias_kv", add_bias_kv))

    def _make_parameters(self, bias: bool, add_bias_kv: bool) -> None:
        width, others = self.embed_dim, (vars(self)["kdim"], vars(self)["vdim"])
        shapes = {"in_proj_weight": (3 * width, width)}
        if others != (width, width):
            widths = {"q": width, "k": others[0], "v": others[1]}
            shapes = {f"{letter}_proj_weight": (width, inputs) for letter, inputs in widths.items()}
        for name, shape in shapes.items():
            setattr(self, name, Parameter(np.empty(shape, get_default_dtype())))
            init.xavier_uniform_(getattr(self, name))
        self.in_proj_bias = Parameter(np.zeros(3 * width, get_default_dtype())) if bias else None
        self.out_proj = Linear(width, width, bias=bias)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)
        self.bias_k = self.bias_v = None
        if add_bias_kv:
            self.bias_k, self.bias_v = (
                init.xavier_normal_(Parameter(np.empty((1, 1, width), get_default_dtype())))
                for _ in "kv")

    def _projections(self) -> tuple[Any, Any]:
        """The weights and biases that make queries, keys and values.

        One weight is cut in three, and not its result: the cotangents of three parts of a result
        would be put together out of three arrays of its size.
        """
        n, packed = self.embed_dim, vars(self).get("in_proj_weight")
        weights = ([vars(self)[f"{letter}_proj_weight"] for letter in "qkv"] if packed is None
                   else [packed[i * n : (i + 1) * n] for i in range(3)])
        bias = self.in_proj_bias
        return weights, [bias if bias is None else bias[i * n : (i + 1) * n] for i in range(3)]

    def _heads(self, x: Tensor) -> Tensor:
        """(batch, length, embed_dim) as (batch, heads, length, dimensions)."""
        return reshape(x, (*x.shape[:2], self.num_heads, -1)).swapaxes(1, 2)

    def _checked(self, *given: Any) -> tuple[list[Tensor], bool]:
        """Queries, keys and values with the batch in front, and whether there was one."""
        inputs, widths = [as_tensor("MultiheadAttention", x) for x in given], (
            self.embed_dim, vars(self)["kdim"], vars(self)["vdim"])
        single = inputs[0].ndim == 2
        wrong = [x for x, n in zip(inputs, widths, strict=True)
                 if x.ndim != 2 + (not single) or x.shape[-1] != n]
        if wrong or inputs[1].shape[:-1] != inputs[2].shape[:-1] or (
                not single and len({x.shape[not self.batch_first] for x in inputs}) > 1):
            axes = "batch, length" if self.batch_first else "length, batch"
            what = ", ".join(describe(x) for x in inputs)
            raise ShapeError(f"MultiheadAttention: expected query, key and value as ({axes}, n) or "
                             f"(length, n), with n = {widths[0]}, {widths[1]} and {widths[2]}, as many "
                             f"keys as values and one batch; got {what}")
        if single:
            return [x[None] for x in inputs], True
        return [x if self.batch_first else x.swapaxes(0, 1) for x in inputs], False

    def _bias(self, attn_mask: Any, key_padding_mask: Any, is_causal: bool,
              shape: tuple[int, int, int], dtype: Any) -> Any:
        """What the masks add to scores (batch, heads, queries, keys); true means hidden."""
        (batch, queries, keys), name, total = shape, "MultiheadAttention", None
        if attn_mask is None and check_switch(f"{name}: is_causal", is_causal):
            total = causal_bias(queries, keys, dtype)
        elif attn_mask is not None:
            total = as_bias(name, "attn_mask", attn_mask, dtype, seen=False)
            if total.shape == (batch * self.num_heads, queries, keys):
                total = total.reshape(batch, self.num_heads, queries, keys)
            elif total.shape != (queries, keys):
                raise ShapeError(f"{name}: expected attn_mask of shape ({queries}, {keys}) or (batch * "
                                 f"heads, {queries}, {keys}), got {describe(attn_mask)}")
        if key_padding_mask is not None:
            padding = as_bias(name, "key_padding_mask", key_padding_mask, dtype, seen=False)
            if padding.shape not in ((batch, keys), (keys,) if batch == 1 else (batch, keys)):
                raise ShapeError(f"{name}: expected key_padding_mask of shape ({batch}, {keys}), true "
                                 f"at keys that are padding, got {describe(key_padding_mask)}")
            padding = padding.reshape(batch, 1, 1, keys)
            total = padding if total is None else total + padding
        extra = (self.bias_k is not None) + self.add_zero_attn
        if total is not None and extra:
            more = np.zeros((*total.shape[:-1], extra), dtype)
            total = concatenate([as_tensor(name, total), more], axis=-1)
        return total

    def _with_more(self, x: Tensor, bias: Any) -> Tensor:
        """Projected keys or values, and behind them what is added to all of them."""
        parts, shape = [x], (len(x), 1, x.shape[-1])
        if bias is not None:
            parts.append(broadcast_to(bias, shape))
        if self.add_zero_attn:
            parts.append(Tensor(np.zeros(shape, x.dtype)))
        return concatenate(parts, axis=1) if len(parts) > 1 else x

    def forward(self, query: Any, key: Any, value: Any, key_padding_mask: Any = None,
                need_weights: bool = True, attn_mask: Any = None, average_attn_weights: bool = True,
                is_causal: bool = False) -> tuple[Tensor, Tensor | None]:
        """The attended values, and the weights if they are needed, else None.

        Parameters
        ----------
        key_padding_mask : (batch, keys), true at keys to ignore; or numbers added to the scores.
        attn_mask : (queries, keys) or (batch * heads, queries, keys), true where a query must not see a
            key; or numbers added to the scores.
        average_attn_weights : weights (batch, queries, keys), else (batch, heads, queries, keys).
        is_causal : without ``attn_mask``, hide the keys behind a query's position.
        """
        inputs, single = self._checked(query, key, value)
        q, k, v = (linear(*each) for each in zip(inputs, *self._projections(), strict=True))
        bias = self._bias(attn_mask, key_padding_mask, is_causal, (len(q), q.shape[1], k.shape[1]),
                          q.dtype)
        k, v = self._with_more(k, self.bias_k), self._with_more(v, self.bias_v)
        q = multiply(q, 1 / math.sqrt(self.embed_dim // self.num_heads))
        dropout = self.dropout if self.training else 0.0
        out, found = attend(self._heads(q), self._heads(k), self._heads(v), bias, dropout)
        out = self.out_proj(reshape(out.swapaxes(1, 2), q.shape))
        if single:
            out, found = out[0], found[0]
        elif not self.batch_first:
            out = out.swapaxes(0, 1)
        if not need_weights:
            return out, None
        return out, mean(found, axis=-3) if average_attn_weights else found

    def extra_repr(self) -> str:
        """The sizes, and what is not as usual."""
        options = [f"dropout={self.dropout}"] * (self.dropout > 0)
        options += [f"{k}=True" for k in ("add_zero_attn", "batch_first") if vars(self)[k]]
        return ", ".join([f"{self.embed_dim}, {self.num_heads}", *options])
