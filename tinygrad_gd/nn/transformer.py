"""Transformers (Vaswani et al., 2017), as in PyTorch: layers of attention, and stacks of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import OptionError, ShapeError, describe
from ..ground.checks import check_integer, check_switch
from ..ground.explain import answering
from ..ground.modes import get_default_dtype
from ..ops.neural.activations import gelu, relu
from . import init
from .attention import MultiheadAttention
from .dropout import Dropout
from .layers import Linear
from .losses import shape_of
from .module import Module
from .normalization import LayerNorm

_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {"relu": relu, "gelu": gelu}


class _Layer(Module):
    """What the two layers share: attention to oneself, two linear maps, a norm for each part."""

    parts: int  #: blocks, each with a norm and a dropout of its own

    def __init__(self, d_model: int, nhead: int, dim_feedforward: int, dropout: float, activation: Any,
                 layer_norm_eps: float, batch_first: bool, norm_first: bool, bias: bool) -> None:
        name = type(self).__name__
        self.norm_first = check_switch(f"{name}: norm_first", norm_first)
        if not callable(activation) and activation not in _ACTIVATIONS:
            raise OptionError(f"{name}: activation is 'relu', 'gelu' or a function, got {activation!r}")
        self.activation = activation if callable(activation) else _ACTIVATIONS[activation]
        for attention in ("self_attn", "multihead_attn")[: self.parts - 1]:
            setattr(self, attention, MultiheadAttention(
                d_model, nhead, dropout=dropout, bias=bias, batch_first=batch_first))
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias)
        for i in range(1, self.parts + 1):
            setattr(self, f"norm{i}", LayerNorm(d_model, eps=layer_norm_eps, bias=bias))
        for i in range(1, self.parts + 1):
            setattr(self, f"dropout{i}", Dropout(dropout))

    def _part(self, i: int, x: Any, block: Callable[[Any], Any]) -> Any:
        """A block beside its input, with the norm in front of it or behind the sum."""
        norm, dropout = vars(self)[f"norm{i}"], vars(self)[f"dropout{i}"]
        if self.norm_first:
            return x + dropout(block(norm(x)))
        return norm(x + dropout(block(x)))

    def _feed_forward(self, x: Any) -> Any:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))

    def _to_itself(self, mask: Any, padding: Any, is_causal: bool) -> Callable[[Any], Any]:
        attention = vars(self)["self_attn"]
        return lambda x: attention(x, x, x, key_padding_mask=padding, need_weights=False,
                                   attn_mask=mask, is_causal=is_causal)[0]


class TransformerEncoderLayer(_Layer):
    """Attention of a sequence to itself, then two linear maps, each beside what it is given.

    With ``norm_first``, ``x = x + part(norm(x))`` for both parts, otherwise ``x = norm(x + part(x))``.
    Masks are those of `MultiheadAttention`: booleans are true where a key is hidden.

    >>> import numpy as np, tinygrad_gd as tg
    >>> layer = tg.nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, batch_first=True)
    >>> layer(tg.Tensor(np.ones((3, 5, 8))), is_causal=True).shape
    (3, 5, 8)
    """

    parts = 2

    @answering
    def __init__(self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
                 activation: Any = "relu", layer_norm_eps: float = 1e-5, batch_first: bool = False,
                 norm_first: bool = False, bias: bool = True) -> None:
        super().__init__(d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps,
                         batch_first, norm_first, bias)

    def forward(self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None,
                is_causal: bool = False) -> Any:
        """The sequence ``src``, transformed; ``is_causal`` without a mask hides what comes later."""
        x = self._part(1, src, self._to_itself(src_mask, src_key_padding_mask, is_causal))
        return self._part(2, x, self._feed_forward)


class TransformerDecoderLayer(_Layer):
    """An encoder layer that also attends to ``memory``, what an encoder made.

    >>> import numpy as np, tinygrad_gd as tg
    >>> layer = tg.nn.TransformerDecoderLayer(8, 2, dim_feedforward=16, batch_first=True)
    >>> layer(tg.Tensor(np.ones((3, 5, 8))), tg.Tensor(np.ones((3, 4, 8)))).shape
    (3, 5, 8)
    """

    parts = 3

    @answering
    def __init__(self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
                 activation: Any = "relu", layer_norm_eps: float = 1e-5, batch_first: bool = False,
                 norm_first: bool = False, bias: bool = True) -> None:
        super().__init__(d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps,
                         batch_first, norm_first, bias)

    def forward(self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None,
                tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None,
                tgt_is_causal: bool = False, memory_is_causal: bool = False) -> Any:
        """The sequence ``tgt``, transformed in view of ``memory``."""
        attention = vars(self)["multihead_attn"]
        x = self._part(1, tgt, self._to_itself(tgt_mask, tgt_key_padding_mask, tgt_is_causal))
        x = self._part(2, x, lambda x: attention(
            x, memory, memory, attn_mask=memory_mask, key_padding_mask=memory_key_padding_mask,
            is_causal=memory_is_causal, need_weights=False)[0])
        return self._part(3, x, self._feed_forward)


class _Stack(Module):
    @answering
    def __init__(self, layer: Module, num_layers: int, norm: Module | None = None) -> None:
        name = type(self).__name__
        if not isinstance(layer, Module):
            raise OptionError(f"{name}: expected a layer, got {describe(layer)}; make one first")
        self.num_layers = check_integer(f"{name}: num_layers", num_layers, 0, wrong_type=OptionError)
        self.layers = [copy.deepcopy(layer) for _ in range(num_layers)]
        self.norm = norm

    def _through(self, x: Any, *others: Any, **options: Any) -> Any:
        for layer in self.layers:
            x = layer(x, *others, **options)
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """``num_layers`` copies of a layer, one behind the other, and perhaps a norm behind them.

    >>> import numpy as np, tinygrad_gd as tg
    >>> layer = tg.nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, batch_first=True)
    >>> tg.nn.TransformerEncoder(layer, num_layers=2)(tg.Tensor(np.ones((3, 5, 8)))).shape
    (3, 5, 8)
    """

    def forward(self, src: Any, mask: Any = None, src_key_padding_mask: Any = None,
                is_causal: bool | None = None) -> Any:
        """The sequence ``src``, transformed by all layers with the same masks."""
        return self._through(src, src_mask=mask, src_key_padding_mask=src_key_padding_mask,
                             is_causal=bool(is_causal))


class TransformerDecoder(_Stack):
    """``num_layers`` copies of a decoder layer, and perhaps a norm behind them."""

    def forward(self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None,
                tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None,
                tgt_is_causal: bool | None = None, memory_is_causal: bool = False) -> Any:
        """The sequence ``tgt``, transformed by all layers in view of the same ``memory``."""
        return self._through(
            tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask, memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=bool(tgt_is_causal), memory_is_causal=memory_is_causal)


class Transformer(Module):
    """An encoder of one sequence, and a decoder of another that attends to it.

    >>> import numpy as np, tinygrad_gd as tg
    >>> net = tg.nn.Transformer(8, 2, 1, 1, dim_feedforward=16, batch_first=True)
    >>> net(tg.Tensor(np.ones((3, 4, 8))), tg.Tensor(np.ones((3, 5, 8)))).shape
    (3, 5, 8)
    """

    @answering
    def __init__(self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6,
                 num_decoder_layers: int = 6, dim_feedforward: int = 2048, dropout: float = 0.1,
                 activation: Any = "relu", custom_encoder: Any = None, custom_decoder: Any = None,
                 layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False,
                 bias: bool = True) -> None:
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        options = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
                   norm_first, bias)
        encoder, decoder = custom_encoder, custom_decoder
        if encoder is None:
            encoder = TransformerEncoder(TransformerEncoderLayer(*options), num_encoder_layers,
                                         LayerNorm(d_model, eps=layer_norm_eps, bias=bias))
        if decoder is None:
            decoder = TransformerDecoder(TransformerDecoderLayer(*options), num_decoder_layers,
                                         LayerNorm(d_model, eps=layer_norm_eps, bias=bias))
        self.encoder, self.decoder = encoder, decoder
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(self, src: Any, tgt: Any, src_mask: Any = None, tgt_mask: Any = None,
                memory_mask: Any = None, src_key_padding_mask: Any = None,
                tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None,
                src_is_causal: bool | None = None, tgt_is_causal: bool | None = None,
                memory_is_causal: bool = False) -> Any:
        """The sequence ``tgt``, transformed in view of ``src``."""
        for name, x in (("src", src), ("tgt", tgt)):
            if shape_of(x)[-1:] != (self.d_model,):
                raise ShapeError(f"Transformer: expected {name} with a last axis of d_model = "
                                 f"{self.d_model}, got {describe(x)}")
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask,
                              is_causal=src_is_causal)
        return self.decoder(
            tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask, memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal, memory_is_causal=memory_is_causal)

    @staticmethod
    def generate_square_subsequent_mask(sz: int) -> Tensor:
        """A mask (sz, sz) of numbers: 0 for what a position may see, -inf for what comes later.

        >>> import tinygrad_gd as tg
        >>> tg.nn.Transformer.generate_square_subsequent_mask(2).tolist()
        [[0.0, -inf], [0.0, 0.0]]
        """
        return Tensor(np.triu(np.full((sz, sz), -np.inf, get_default_dtype()), 1))
