"""Every layer with its options, and what goes in: for the tests against PyTorch and of compiled steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import tinygrad_gd as tg

IMAGE, SIGNAL, MATRIX, VOLUME = (3, 4, 6, 5), (3, 4, 7), (5, 4), (2, 4, 3, 2, 3)


class Row(NamedTuple):
    """How a layer is made, and the shapes of its inputs; integers below ``below`` if that is given."""

    name: str
    args: tuple[Any, ...]
    options: dict[str, Any]
    shapes: tuple[tuple[int, ...], ...]
    below: int = 0

    def __str__(self) -> str:
        shown = [*map(str, self.args), *(f"{k}={v}" for k, v in self.options.items())]
        return f"{self.name}({', '.join(shown)}) {self.shapes[0]}"

    def made(self, module: Any = tg.nn) -> Any:
        """The layer, of this package or, with its words for axes, of PyTorch's."""
        words = {} if module is tg.nn else {"axis": "dim", "keepdims": "keepdim"}
        return getattr(module, self.name)(*self.args, **{words.get(k, k): v for k, v in self.options.items()})

    def inputs(self, seed: int) -> list[Any]:
        """Arrays of these shapes."""
        rng = np.random.default_rng(seed)
        if self.below:
            return [rng.integers(0, self.below, shape) for shape in self.shapes]
        return [rng.normal(size=shape) for shape in self.shapes]


def row(name: str, *args: Any, x: Any = IMAGE, y: Any = None, below: int = 0, **options: Any) -> Row:
    return Row(name, args, options, (x,) if y is None else (x, y), below)


ACTIVATIONS = [
    *(row(name, x=MATRIX) for name in (
        "ReLU", "ReLU6", "Tanh", "Sigmoid", "SELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid", "Softsign", "LogSigmoid",
        "Tanhshrink", "LeakyReLU", "ELU", "CELU", "GELU", "Softplus", "Hardtanh", "Softshrink", "Hardshrink", "GLU")),
    row("LeakyReLU", 0.2, x=MATRIX), row("ELU", 0.5, x=MATRIX), row("CELU", alpha=2.0, x=MATRIX),
    row("GELU", approximate="tanh", x=MATRIX), row("Softplus", 2.0, x=MATRIX), row("Hardtanh", -0.3, 0.7, x=MATRIX),
    row("Softshrink", 0.2, x=MATRIX), row("Hardshrink", lambd=1.0, x=MATRIX), row("Threshold", 0.1, -3.0, x=MATRIX),
    row("Softmax", axis=1, x=MATRIX), row("LogSoftmax", axis=-1), row("Softmin", 1), row("Softmax2d"), row("GLU", 1),
    row("PReLU"), row("PReLU", 4, init=0.1), row("PReLU", 4, x=MATRIX),
]
NORMALIZATIONS = [
    row("BatchNorm1d", 4, x=MATRIX), row("BatchNorm1d", 4, x=SIGNAL), row("BatchNorm2d", 4), row("BatchNorm3d", 4, x=(2, 4, 3, 2, 3)),
    row("BatchNorm2d", 4, momentum=None), row("BatchNorm1d", 4, 1e-3, 0.3, x=MATRIX), row("BatchNorm2d", 4, affine=False),
    row("BatchNorm2d", 4, track_running_stats=False), row("BatchNorm1d", 4, bias=False, x=SIGNAL),
    row("InstanceNorm1d", 4, x=SIGNAL), row("InstanceNorm1d", 4, x=(4, 7)), row("InstanceNorm2d", 4), row("InstanceNorm3d", 4, x=(2, 4, 3, 2, 3)),
    row("InstanceNorm2d", 4, affine=True), row("InstanceNorm2d", 4, affine=True, track_running_stats=True),
    row("InstanceNorm1d", 4, momentum=0.4, track_running_stats=True, x=SIGNAL),
    row("InstanceNorm2d", 4, momentum=None, track_running_stats=True), row("InstanceNorm2d", 4, affine=True, bias=False),
    row("GroupNorm", 2, 4), row("GroupNorm", 4, 4, 1e-2, x=(5, 4, 3)), row("GroupNorm", 1, 4, affine=False), row("GroupNorm", 2, 4, bias=False),
    row("LayerNorm", 4, x=MATRIX), row("LayerNorm", (6, 5)), row("LayerNorm", [4, 7], 1e-2, x=SIGNAL),
    row("LayerNorm", 5, elementwise_affine=False), row("LayerNorm", 5, bias=False),
    row("RMSNorm", 4, x=MATRIX), row("RMSNorm", (6, 5), eps=1e-3), row("RMSNorm", 5, elementwise_affine=False),
]
OTHERS = [
    row("Identity", 1, unused=2), row("Linear", 4, 3, x=MATRIX), row("Linear", 5, 2, bias=False),
    row("Bilinear", 4, 3, 2, x=MATRIX, y=(5, 3)), row("Bilinear", 4, 3, 2, bias=False, x=(2, 5, 4), y=(2, 5, 3)),
    row("Embedding", 6, 3, x=(4, 5), below=6), row("Embedding", 6, 3, padding_idx=2, x=(4, 5), below=6),
    row("Embedding", 6, 3, padding_idx=-1, x=(7,), below=6),
    row("Flatten"), row("Flatten", 2), row("Flatten", 0, 1), row("Unflatten", 1, (2, 2)), row("Unflatten", -1, (-1, 5)),
    row("PixelShuffle", 2), row("PixelShuffle", 2, x=(2, 1, 8, 3, 2)), row("PixelUnshuffle", 2, x=(2, 4, 6)), row("ChannelShuffle", 2),
    row("Unfold", 2), row("Unfold", (3, 2), dilation=(1, 2), padding=1, stride=(2, 1)), row("Fold", (4, 5), 2, x=(3, 8, 12)),
    row("Fold", 5, (2, 3), 1, (1, 0), 2, x=(3, 12, 6)), row("Fold", 3, 2, x=(4, 4)),
    row("Upsample", scale_factor=2), row("Upsample", (3, 9), mode="bilinear"), row("UpsamplingNearest2d", scale_factor=2),
    row("UpsamplingBilinear2d", (9, 7)),
    row("CosineSimilarity", x=MATRIX, y=MATRIX), row("CosineSimilarity", axis=2, eps=1e-3, x=SIGNAL, y=SIGNAL),
    row("PairwiseDistance", x=MATRIX, y=MATRIX), row("PairwiseDistance", 1.0, keepdims=True, x=MATRIX, y=MATRIX),
    row("ZeroPad1d", 2, x=SIGNAL), row("ZeroPad2d", (1, 0, 2, 3)), row("ZeroPad3d", 1, x=(2, 3, 2, 3, 2)),
    row("ConstantPad1d", (1, 2), 3.5, x=SIGNAL), row("ConstantPad2d", 1, -1.0), row("ConstantPad3d", 1, 2.0, x=(2, 3, 2, 3, 2)),
    row("ReflectionPad1d", (2, 1), x=SIGNAL), row("ReflectionPad2d", 2), row("ReflectionPad3d", 1, x=(2, 3, 2, 3, 2)),
    row("ReplicationPad1d", 2, x=SIGNAL), row("ReplicationPad2d", (1, 2, 0, 1)), row("ReplicationPad3d", 1, x=(2, 3, 2, 3, 2)),
    row("CircularPad1d", 2, x=SIGNAL), row("CircularPad2d", (1, 2, 3, 0)), row("CircularPad3d", 1, x=(2, 3, 2, 3, 2)),
    row("Conv1d", 4, 6, 3, stride=2, groups=2, x=SIGNAL), row("Conv2d", 4, 2, (3, 2), padding=1, bias=False),
    row("ConvTranspose1d", 4, 2, 3, stride=2, output_padding=1, x=SIGNAL), row("ConvTranspose2d", 4, 6, 3, 2, 1, 1, 2),
    row("MaxPool1d", 3, 2, 1, x=SIGNAL), row("MaxPool2d", 2, ceil_mode=True), row("AvgPool1d", 2, x=SIGNAL),
    row("AvgPool2d", 3, 1, 1, count_include_pad=False), row("AdaptiveAvgPool1d", 3, x=SIGNAL), row("AdaptiveAvgPool2d", (3, 2)),
    row("AdaptiveMaxPool1d", 3, x=SIGNAL), row("AdaptiveMaxPool2d", 1),
    row("Conv3d", 4, 2, (1, 2, 2), stride=(1, 2, 1), padding=1, x=VOLUME), row("ConvTranspose3d", 4, 2, 2, 2, x=VOLUME),
    row("MaxPool3d", (1, 2, 2), x=VOLUME), row("AvgPool3d", 2, 1, 1, x=VOLUME), row("AdaptiveAvgPool3d", 2, x=VOLUME),
    row("AdaptiveMaxPool3d", (1, 2, None), x=VOLUME),
    row("Conv1d", 4, 2, 3, padding=2, padding_mode="circular", x=SIGNAL), row("Conv2d", 4, 2, 3, padding=(1, 2), padding_mode="reflect"),
    row("Conv2d", 4, 2, (3, 2), padding="same", padding_mode="replicate"), row("Conv3d", 4, 2, 2, padding=1, padding_mode="replicate", x=VOLUME),
    row("Conv2d", 4, 2, 3, padding="same", dilation=2), row("Conv2d", 4, 2, 3, padding="valid", padding_mode="circular"),
]
RANDOM = [
    row("Dropout", x=MATRIX), row("Dropout1d", 0.3, x=SIGNAL), row("Dropout2d"), row("Dropout3d", x=(2, 4, 3, 2, 3)),
    row("AlphaDropout", 0.2), row("FeatureAlphaDropout", 0.4),
]
ROWS = [*ACTIVATIONS, *NORMALIZATIONS, *OTHERS]


def plain(x: Any) -> Any:
    """Weights that make a number of an output, unlike for every element."""
    return np.sin(np.arange(x.size, dtype=float).reshape(x.shape) + 0.5)


def leaves(arrays: list[Any]) -> list[tg.Tensor]:
    """Inputs as Tensors, with gradients where they are floats."""
    return [tg.Tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
