"""Every layer for sequences with its options, and what goes in: against PyTorch, and in compiled steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import tinygrad_gd as tg

#: Steps, batch, width; the state of one layer.
X, H = (5, 3, 4), (1, 3, 6)
EARLIER = np.tri(5, dtype=bool)
NUMBERS = np.random.default_rng(7).normal(size=(5, 5))
PADDED = np.array([[0, 0, 0, 0, 1], [0, 0, 0, 1, 1], [0, 0, 0, 0, 0]], bool)
EACH = np.random.default_rng(8).random((6, 5, 5)) < 0.3
EACH[:, :, 0] = False


class Row(NamedTuple):
    """How a layer is made, the shapes of its inputs, and what else it is called with."""

    name: str
    args: tuple[Any, ...]
    options: dict[str, Any]
    shapes: tuple[tuple[int, ...], ...]
    call: dict[str, Any]

    def __str__(self) -> str:
        shown = [*map(str, self.args), *(f"{k}={v}" for k, v in self.options.items()), *self.call]
        return f"{self.name}({', '.join(shown)}) {len(self.shapes)} x {self.shapes[0]}"

    def made(self, module: Any = tg.nn) -> Any:
        """The layer, of this package or of PyTorch's; a stack of two layers, with a norm behind them."""
        if self.name in ("TransformerEncoder", "TransformerDecoder"):
            layer = getattr(module, f"{self.name}Layer")(*self.args, **self.options)
            fixed = {} if module is tg.nn or self.name.endswith("Decoder") else {"enable_nested_tensor": False}
            return getattr(module, self.name)(layer, 2, norm=module.LayerNorm(self.args[0]), **fixed)
        return getattr(module, self.name)(*self.args, **self.options)

    def inputs(self, seed: int) -> list[Any]:
        """Arrays of these shapes."""
        rng = np.random.default_rng(seed)
        return [rng.normal(size=shape) for shape in self.shapes]

    def outputs(self, layer: Any, inputs: list[Any], options: dict[str, Any]) -> list[Any]:
        """All Tensors that the layer gives; the initial states of an LSTM are a pair, a sequence attends to itself."""
        if "LSTM" in self.name and len(inputs) > 1:
            inputs = [inputs[0], tuple(inputs[1:])]
        if self.name == "MultiheadAttention":
            inputs = (inputs * 3)[:3] if len(inputs) == 1 else [*inputs, inputs[-1]][:3]
        return flat(layer(*inputs, **options))


def flat(result: Any) -> list[Any]:
    if isinstance(result, tuple):
        return [x for part in result for x in flat(part)]
    return [] if result is None else [result]


def row(name: str, *args: Any, x: Any = X, more: Any = (), call: Any = None, **options: Any) -> Row:
    return Row(name, args, options, (x, *more), call or {})


def recurrent(name: str) -> list[Row]:
    states = 2 if name == "LSTM" else 1
    return [
        row(name, 4, 6), row(name, 4, 6, bias=False), row(name, 4, 6, batch_first=True), row(name, 4, 6, num_layers=3),
        row(name, 4, 6, bidirectional=True), row(name, 4, 6, 2, bidirectional=True, batch_first=True, x=(3, 5, 4)),
        row(name, 4, 6, x=(5, 4)), row(name, 4, 6, more=[H] * states), row(name, 4, 6, x=(1, 2, 4)),
        row(name, 4, 6, 2, bidirectional=True, bias=False, more=[(4, 3, 6)] * states),
        row(name, 4, 6, 2, bidirectional=True, batch_first=True, x=(5, 4), more=[(4, 6)] * states),
    ]


def cells(name: str) -> list[Row]:
    states = 2 if name == "LSTMCell" else 1
    return [row(name, 4, 6, x=(3, 4)), row(name, 4, 6, bias=False, x=(3, 4), more=[(3, 6)] * states), row(name, 4, 6, x=(4,)),
            row(name, 4, 6, x=(4,), more=[(6,)] * states)]


RECURRENT = [
    *(r for name in ("RNN", "GRU", "LSTM") for r in recurrent(name)), *(r for name in ("RNNCell", "GRUCell", "LSTMCell") for r in cells(name)),
    row("RNN", 4, 6, nonlinearity="relu", num_layers=2), row("RNNCell", 4, 6, nonlinearity="relu", x=(3, 4)),
]
M, B = "MultiheadAttention", (3, 5, 8)
ATTENTION = [
    row(M, 8, 2, x=(5, 3, 8)), row(M, 8, 2, batch_first=True, x=B), row(M, 8, 4, bias=False, x=(5, 8)), row(M, 8, 2, more=[(4, 3, 8)], x=(5, 3, 8)),
    row(M, 8, 2, kdim=6, vdim=3, x=(5, 3, 8), more=[(4, 3, 6), (4, 3, 3)]), row(M, 8, 2, kdim=6, bias=False, x=(5, 8), more=[(4, 6), (4, 8)]),
    row(M, 8, 2, add_bias_kv=True, batch_first=True, x=B, call={"attn_mask": ~EARLIER}),
    row(M, 8, 2, add_zero_attn=True, batch_first=True, x=B, call={"key_padding_mask": PADDED}),
    row(M, 8, 2, add_bias_kv=True, add_zero_attn=True, x=(5, 3, 8), call={"attn_mask": NUMBERS}),
    row(M, 8, 2, batch_first=True, x=B, call={"need_weights": False, "attn_mask": ~EARLIER}),
    row(M, 8, 2, batch_first=True, x=B, call={"average_attn_weights": False, "attn_mask": EACH}),
    row(M, 8, 2, batch_first=True, x=B, call={"key_padding_mask": PADDED, "attn_mask": ~EARLIER}),
    row(M, 8, 2, batch_first=True, x=B, call={"key_padding_mask": np.where(PADDED, -3.0, 0.5), "attn_mask": NUMBERS}),
    row(M, 8, 2, x=(5, 8), call={"attn_mask": EACH[:2], "key_padding_mask": PADDED[1]}),
    row(M, 8, 2, batch_first=True, x=B, call={"attn_mask": ~EARLIER, "is_causal": True, "need_weights": False}),
]
OPTIONS: dict[str, Any] = {"dim_feedforward": 12, "dropout": 0.0}
TRANSFORMERS = [
    *(row(f"Transformer{kind}", 8, 2, x=x, more=more, **OPTIONS, **options)
      for kind, more in (("EncoderLayer", []), ("DecoderLayer", [(4, 3, 8)]), ("Encoder", []), ("Decoder", [(4, 3, 8)]))
      for x, options in (((5, 3, 8), {}), ((5, 3, 8), {"norm_first": True, "activation": "gelu"}), ((5, 3, 8), {"bias": False, "layer_norm_eps": 0.1}))),
    row("TransformerEncoderLayer", 8, 2, x=B, batch_first=True, **OPTIONS, call={"src_mask": ~EARLIER, "src_key_padding_mask": PADDED, "is_causal": True}),
    row("TransformerEncoderLayer", 8, 2, x=(5, 8), **OPTIONS, call={"src_mask": NUMBERS}),
    row("TransformerEncoder", 8, 2, x=B, batch_first=True, norm_first=True, **OPTIONS, call={"mask": ~EARLIER, "src_key_padding_mask": PADDED}),
    row("TransformerDecoderLayer", 8, 2, x=B, more=[B], batch_first=True, **OPTIONS,
        call={"tgt_mask": ~EARLIER, "memory_mask": ~EARLIER.T[::-1], "tgt_key_padding_mask": PADDED, "memory_key_padding_mask": PADDED[::-1]}),
    row("TransformerDecoder", 8, 2, x=B, more=[B], batch_first=True, **OPTIONS, call={"tgt_mask": NUMBERS, "memory_mask": NUMBERS.T}),
    row("Transformer", 8, 2, 1, 2, 12, 0.0, x=B, more=[(3, 4, 8)], batch_first=True, call={"src_key_padding_mask": PADDED, "tgt_mask": ~EARLIER[:4, :4]}),
    row("Transformer", 8, 2, 1, 1, 12, 0.0, "gelu", x=B, more=[(3, 4, 8)], batch_first=True, layer_norm_eps=0.1),
]
ROWS = [*RECURRENT, *ATTENTION, *TRANSFORMERS]
#: They draw, in training, what PyTorch draws otherwise.
RANDOM = [
    row("LSTM", 4, 6, 2, dropout=0.5), row("GRU", 4, 6, 3, dropout=0.2, bidirectional=True), row(M, 8, 2, dropout=0.3, x=(5, 3, 8)),
    row("TransformerEncoderLayer", 8, 2, 12, 0.2, x=(5, 3, 8)), row("TransformerDecoderLayer", 8, 2, 12, 0.2, x=(5, 3, 8), more=[(4, 3, 8)]),
]
