"""Layers of convolution and pooling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused


def ones(*shape: int) -> Any:
    return tg.Tensor(np.ones(shape), requires_grad=True, name="x")


#: (name, arguments, options, shape of an input)
LAYERS: list[tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = [
    ("Conv1d", (4, 6, 3), {"stride": 2, "groups": 2}, (2, 4, 9)),
    ("Conv2d", (3, 4, (3, 2)), {"padding": 1, "bias": False}, (2, 3, 5, 5)),
    ("ConvTranspose1d", (4, 2, 3), {"stride": 2, "output_padding": 1}, (2, 4, 5)),
    ("ConvTranspose2d", (4, 6, 3, 2, 1, 1, 2), {}, (2, 4, 3, 3)),
    ("MaxPool1d", (3, 2, 1), {}, (2, 3, 8)), ("MaxPool2d", (2,), {"ceil_mode": True}, (2, 3, 5, 5)),
    ("AvgPool1d", (2,), {}, (2, 3, 8)), ("AvgPool2d", (3, 1, 1), {"count_include_pad": False}, (2, 3, 5, 5)),
    ("AdaptiveAvgPool1d", (3,), {}, (2, 3, 8)), ("AdaptiveAvgPool2d", ((3, 2),), {}, (2, 3, 5, 5)),
    ("AdaptiveMaxPool1d", (3,), {}, (2, 3, 8)), ("AdaptiveMaxPool2d", (1,), {}, (2, 3, 5, 5)),
    ("Upsample", (), {"scale_factor": 2, "mode": "bilinear"}, (2, 3, 4, 4)), ("Flatten", (), {}, (2, 3, 4)),
]  # fmt: skip
each_layer = pytest.mark.parametrize(("name", "args", "options", "shape"), LAYERS, ids=[x[0] for x in LAYERS])


@each_layer
def test_layers_equal_pytorch(name: str, args: Any, options: Any, shape: Any) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    ours = getattr(tg.nn, name)(*args, **options)
    theirs = getattr(torch.nn, name)(*args, **options).double()
    shapes = {k: tuple(v.shape) for k, v in theirs.state_dict().items()}
    assert {k: v.shape for k, v in ours.state_dict().items()} == shapes
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    x = np.random.default_rng(0).standard_normal(shape)
    np.testing.assert_allclose(ours(tg.Tensor(x)).numpy(), theirs(torch.tensor(x)).detach().numpy(), 1e-9, 1e-12)


@each_layer
def test_layers_travel_as_state_and_show_their_sizes(name: str, args: Any, options: Any, shape: Any) -> None:
    first, second = (getattr(tg.nn, name)(*args, **options) for _ in "12")
    second.load_state_dict(first.state_dict())
    x = tg.Tensor(np.random.default_rng(0).standard_normal(shape))
    np.testing.assert_array_equal(first(x).numpy(), second(x).numpy())
    assert repr(first).startswith(f"{name}(") and (not options or next(iter(options)) in repr(first))


def test_what_layers_show() -> None:
    assert repr(tg.nn.Conv2d(3, 8, 3, padding=1)) == "Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))"
    assert repr(tg.nn.ConvTranspose1d(2, 4, 3, output_padding=1, stride=2, bias=False)) == (
        "ConvTranspose1d(2, 4, kernel_size=(3,), stride=(2,), output_padding=(1,), bias=False)")
    assert repr(tg.nn.Flatten()) == "Flatten(start_dim=1, end_dim=-1)"


MISUSE: Table = {
    "bias of a convolution": (lambda: tg.nn.Conv2d(1, 1, 1, bias="no"), TypeError, "Conv2d: bias: expected True or False"),
    "of a dtype": (lambda: tg.nn.Conv2d(1, 1, 1, dtype=np.float32), TypeError, r"Conv2d: unknown option dtype=.*set_default_dtype"),
    "other borders": (lambda: tg.nn.Conv2d(1, 1, 1, padding_mode="edge"), ValueError, "Conv2d: padding_mode is 'zeros', 'reflect', .*got 'edge'"),
    "borders of a transpose": (lambda: tg.nn.ConvTranspose2d(1, 1, 1, padding_mode="reflect"), ValueError, "ConvTranspose2d: padding_mode is 'zeros', got"),
    "positions of a pool": (lambda: tg.nn.MaxPool2d(2, return_indices=True), TypeError, "MaxPool2d: .*return_indices=, leave it out"),
    "an unknown border": (lambda: tg.nn.Conv2d(1, 1, 1, padding="bogus"), ValueError, "Conv2d: padding= must be 'valid', 'same', an integer"),
    "the same border of a transpose": (lambda: tg.nn.ConvTranspose1d(1, 1, 1, padding="same"), ValueError, "ConvTranspose1d: padding= must be"),
    "ceil of a layer": (lambda: tg.nn.MaxPool2d(2, ceil_mode="no"), TypeError, "MaxPool2d: ceil_mode: expected True"),
    "a True window": (lambda: tg.nn.Conv1d(1, 1, True), ValueError, "Conv1d: kernel_size= must be an integer.*True"),
    "layer channels": (lambda: tg.nn.Conv2d(0, 1, 3), ValueError, "Conv2d: in_channels= must be an integer"),
    "layer groups": (lambda: tg.nn.Conv1d(4, 3, 3, groups=2), ValueError, "Conv1d: groups=2 must divide"),
    "flatten": (lambda: tg.nn.Flatten(3)(ones(2, 2)), ValueError, "Flatten: axes 3 to -1 do not exist"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
