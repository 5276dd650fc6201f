"""Convolution, pooling and interpolation: against PyTorch, misuse, layers, and a network that learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg


def ones(*shape: int) -> Any:
    return tg.Tensor(np.ones(shape), requires_grad=True, name="x")


def image() -> Any:
    return ones(1, 2, 4, 4)


view = np.lib.stride_tricks.sliding_window_view
MISUSE: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "ndim": (lambda: tg.conv2d(ones(3), np.ones((1, 1, 2, 2))), ValueError,
             r"conv2d: expected an input \(n, channels, height, width\).*'x'.*shape \(3,\).*insert axes"),
    "weight ndim": (lambda: tg.conv2d(image(), np.ones((2, 2))), ValueError,
                    r"conv2d: expected a weight with 4 axes, \(out, in / groups, \*window\), got .*\(2, 2\)"),
    "weight ndim of the transpose": (
        lambda: tg.conv_transpose1d(ones(1, 2, 3), np.ones((2, 2))), ValueError,
        r"conv_transpose1d: expected a weight with 3 axes, \(in, out / groups"),
    "channels": (lambda: tg.conv2d(image(), np.ones((1, 3, 2, 2))), ValueError,
                 "conv2d: the input 'x'.*has 2 channels.*is made for 3"),
    "channels of the transpose": (
        lambda: tg.conv_transpose2d(image(), np.ones((3, 1, 2, 2))), ValueError, "is made for 3"),
    "groups": (lambda: tg.conv2d(image(), np.ones((2, 1, 2, 2)), groups=3), ValueError,
               "groups=3 does not divide 2 channels.*common divisor"),
    "no groups": (lambda: tg.conv2d(image(), np.ones((2, 1, 2, 2)), groups=0), ValueError,
                  "groups= must be an integer of at least 1"),
    "kernel": (lambda: tg.conv2d(image(), np.ones((1, 2, 5, 5))), ValueError,
               r"conv2d: a kernel that reaches over \(5, 5\) is larger than the input, 'x'"),
    "dilated kernel": (lambda: tg.conv1d(ones(1, 1, 4), np.ones((1, 1, 3)), dilation=2), ValueError,
                       r"reaches over \(5,\)"),
    "stride": (lambda: tg.conv2d(image(), np.ones((1, 2, 2, 2)), stride=-1), ValueError,
               "stride= must be an integer of at least 1, or a tuple of 2 of them, got -1"),
    "float stride": (lambda: tg.conv2d(image(), np.ones((1, 2, 2, 2)), stride=1.5), ValueError,
                     "stride= must be an integer"),
    "number of strides": (lambda: tg.conv2d(image(), np.ones((1, 2, 2, 2)), stride=(1, 1, 1)), ValueError,
                          "a tuple of 2 of them"),
    "dilation": (lambda: tg.conv1d(ones(1, 1, 4), np.ones((1, 1, 3)), dilation=0), ValueError,
                 "dilation= must be an integer of at least 1"),
    "padding": (lambda: tg.conv2d(image(), np.ones((1, 2, 2, 2)), padding="full"), ValueError,
                "padding= must be 'valid', 'same', an integer.*'full'"),
    "same and stride": (lambda: tg.conv2d(image(), np.ones((1, 2, 3, 3)), padding="same", stride=2),
                        ValueError, "padding='same' needs stride=1"),
    "bias": (lambda: tg.conv2d(image(), np.ones((1, 2, 2, 2)), np.ones(2)), ValueError,
             r"conv2d: expected a bias of shape \(1,\), one for each output channel"),
    "output_padding": (lambda: tg.conv_transpose2d(image(), np.ones((2, 1, 2, 2)), output_padding=1),
                       ValueError, "output_padding=1 must be smaller than stride= or dilation="),
    "cut off": (lambda: tg.conv_transpose2d(ones(1, 2, 1, 1), np.ones((2, 1, 2, 2)), padding=1), ValueError,
                r"padding=1 cuts everything off an output of \(2, 2\)"),
    "pool padding": (lambda: tg.max_pool2d(image(), 2, padding=2), ValueError,
                     r"max_pool2d: padding=\(2, 2\) is more than half of kernel_size=\(2, 2\)"),
    "pool kernel": (lambda: tg.avg_pool2d(image(), 5), ValueError, "avg_pool2d: a kernel.*larger"),
    "pool stride": (lambda: tg.avg_pool1d(ones(1, 4), 2, stride=0), ValueError, "stride= must be an integer"),
    "pool ndim": (lambda: tg.max_pool1d(ones(4), 2), ValueError, r"\(n, channels, length\)"),
    "indices": (lambda: tg.max_pool1d(ones(1, 4), 2, return_indices=True), ValueError,
                "return_indices=True is not supported"),
    "output size": (lambda: tg.adaptive_avg_pool2d(image(), (2, 0)), ValueError,
                    r"output_size= must be an integer of at least 1, .*got \(2, 0\)"),
    "pool of nothing": (lambda: tg.adaptive_max_pool1d(ones(1, 0), 1), ValueError, "nothing to pool"),
    "interpolate mode": (lambda: tg.interpolate(image(), 2, mode="bicubic"), ValueError,
                         "mode= must be 'nearest', 'linear'.*'bicubic'"),
    "interpolate mode for images": (lambda: tg.interpolate(image(), 2, mode="linear"), ValueError,
                                    "'bilinear' for 4, got 'linear'"),
    "interpolate size": (lambda: tg.interpolate(image()), ValueError, "either size= or scale_factor="),
    "interpolate both": (lambda: tg.interpolate(image(), 2, 2), ValueError, "either size= or scale_factor="),
    "interpolate factor": (lambda: tg.interpolate(image(), scale_factor=0.1), ValueError, "scale_factor= must"),
    "interpolate factors": (lambda: tg.interpolate(image(), scale_factor=(1, 2, 3)), ValueError,
                            "one positive number or 2"),
    "interpolate corners": (lambda: tg.interpolate(image(), 2, align_corners=True), ValueError,
                            "no meaning for mode='nearest'"),
    "interpolate ndim": (lambda: tg.interpolate(ones(3), 2), ValueError, r"insert axes with x\[None\]"),
    "window too large": (lambda: view(ones(3), 4), ValueError, "sliding_window_view: a kernel.*larger"),
    "window axes": (lambda: view(ones(3, 3), 2), ValueError, "has 1 lengths for 2 axes"),
    "window axis": (lambda: view(ones(3), 2, axis=1), ValueError, "axis 1 does not exist"),
    "window of nothing": (lambda: view(ones(3), 0), ValueError, "must be positive, got 0"),
    "writeable": (lambda: view(ones(3), 2, writeable=True), ValueError, "writeable=True is not supported"),
    "convolve ndim": (lambda: np.convolve(ones(2, 2), np.ones(2)), ValueError, "convolve: expected vectors"),
    "convolve nothing": (lambda: np.correlate(ones(0), np.ones(2)), ValueError, "at least one element"),
    "convolve mode": (lambda: tg.convolve(ones(2), np.ones(2), "half"), ValueError, "'full', 'same' or 'valid'"),
    "layer channels": (lambda: tg.nn.Conv2d(0, 1, 3), ValueError, "Conv2d: in_channels= must be an integer"),
    "layer groups": (lambda: tg.nn.Conv1d(4, 3, 3, groups=2), ValueError, "Conv1d: groups=2 must divide"),
    "flatten": (lambda: tg.nn.Flatten(3)(ones(2, 2)), ValueError, "Flatten: axes 3 to -1 do not exist"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    do, kind, text = MISUSE[case]
    with pytest.raises(kind, match=f"(?s){text}") as caught:
        do()
    assert isinstance(caught.value, tg.TinygradGdError)


def test_of_equal_elements_the_first_gets_the_gradient() -> None:
    x = ones(1, 1, 3, 3)
    tg.max_pool2d(x, 2, stride=1).sum().backward()
    assert x.grad.tolist() == [[[[1, 1, 0], [1, 1, 0], [0, 0, 0]]]]
    x = ones(1, 5)
    tg.adaptive_max_pool1d(x, 3).sum().backward()
    assert x.grad.tolist() == [[1, 1, 0, 1, 0]]


def test_windows_of_integers_and_of_arrays() -> None:
    x = np.arange(16).reshape(1, 1, 4, 4)
    assert tg.max_pool2d(tg.Tensor(x), 2, padding=1).tolist() == [[[[0, 2, 3], [8, 10, 11], [12, 14, 15]]]]
    assert tg.conv2d(x, np.ones((1, 1, 4, 4), int)).item() == 120
    np.testing.assert_array_equal(view(tg.Tensor(x), (2, 3), axis=(-1, 2)), view(x, (2, 3), axis=(-1, 2)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_its_window(value: float) -> None:
    x = np.ones((1, 5))
    x[0, -1] = value
    for pool in (tg.adaptive_avg_pool1d, tg.adaptive_max_pool1d):
        np.testing.assert_array_equal(pool(x, 3), [[1, 1, value]])


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("options", [
    {"padding": "same"}, {"stride": 2, "padding": 1, "groups": 3}, {"dilation": 2, "padding": "valid"}],
    ids=str)
@pytest.mark.parametrize("kernel", [(2, 4), (3, 3), (1, 1)])
def test_convolutions_equal_pytorch(kernel: Any, options: Any) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s) for s in (
        (3, 6, 9, 8), (12, 6 // options.get("groups", 1), *kernel), (12,))]
    ours: list[Any] = [tg.Tensor(a, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    out, expected = tg.conv2d(*ours, **options), torch.nn.functional.conv2d(*theirs, **options)
    (out * out).sum().backward()
    (expected * expected).sum().backward()
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-9, atol=1e-12)
    for x, e in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x.grad, e.grad.numpy(), rtol=1e-9, atol=1e-10)


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
    np.testing.assert_allclose(ours(tg.Tensor(x)), theirs(torch.tensor(x)).detach().numpy(), 1e-9, 1e-12)


@each_layer
def test_layers_travel_as_state_and_show_their_sizes(name: str, args: Any, options: Any, shape: Any) -> None:
    first, second = (getattr(tg.nn, name)(*args, **options) for _ in "12")
    second.load_state_dict(first.state_dict())
    x = tg.Tensor(np.random.default_rng(0).standard_normal(shape))
    np.testing.assert_array_equal(first(x), second(x))
    assert repr(first).startswith(f"{name}(") and (not options or next(iter(options)) in repr(first))


def test_what_layers_show() -> None:
    assert repr(tg.nn.Conv2d(3, 8, 3, padding=1)) == "Conv2d(3, 8, kernel_size=(3, 3), padding=(1, 1))"
    assert repr(tg.nn.ConvTranspose1d(2, 4, 3, output_padding=1, stride=2, bias=False)) == (
        "ConvTranspose1d(2, 4, kernel_size=(3,), stride=(2,), output_padding=(1,), bias=False)")
    assert repr(tg.nn.Flatten()) == "Flatten(start_dim=1, end_dim=-1)"


def test_first_weights_have_the_spread_of_pytorch() -> None:
    tg.manual_seed(0)
    layer = tg.nn.Conv2d(16, 64, 3, groups=2)
    bound = 1 / np.sqrt(8 * 9)
    for values in (layer.weight.numpy(), layer.bias.numpy()):  # type: ignore[union-attr]
        assert 0.9 * bound < np.abs(values).max() <= bound


# -- a network ------------------------------------------------------------------------------------------


def bars(n: int) -> tuple[Any, Any]:
    """Noisy images with one horizontal (0) or vertical (1) bar."""
    rng = np.random.default_rng(0)
    images, labels = 0.3 * rng.standard_normal((n, 1, 8, 8)), rng.integers(0, 2, n)
    for picture, label, place in zip(images, labels, rng.integers(0, 8, n), strict=True):
        picture[(0, slice(None), place) if label else (0, place)] += 1
    return images.astype(np.float32), labels


def network() -> tg.nn.Sequential:
    tg.manual_seed(0)
    with tg.default_dtype(np.float32):
        return tg.nn.Sequential(
            tg.nn.Conv2d(1, 4, 3, padding=1), tg.nn.ReLU(), tg.nn.MaxPool2d(2),
            tg.nn.Conv2d(4, 8, 3), tg.nn.ReLU(), tg.nn.AdaptiveAvgPool2d(1), tg.nn.Flatten(),
            tg.nn.Linear(8, 2))


def trained(compiled: bool) -> tuple[list[float], tg.nn.Sequential]:
    model = network()
    images, labels = bars(64)
    optimizer = tg.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)

    def step(images: Any, labels: Any) -> Any:
        loss = tg.nn.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    run = tg.compile(step, strict=True) if compiled else step
    return [run(images, labels).item() for _ in range(60)], model


def test_a_network_learns_and_its_program_repeats_every_bit() -> None:
    losses, model = trained(compiled=False)
    images, labels = bars(64)
    assert losses[0] > 0.6 and losses[-1] < 0.1
    assert (np.argmax(model(tg.Tensor(images)).numpy(), axis=1) == labels).mean() > 0.97
    assert model(tg.Tensor(images)).dtype == np.float32
    replayed, other = trained(compiled=True)
    assert replayed == losses
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[name], value)
