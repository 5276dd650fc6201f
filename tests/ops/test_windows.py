"""Windows: convolution and pooling, their borders and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w


def ones(*shape: int) -> Any:
    return tg.Tensor(np.ones(shape), requires_grad=True, name="x")


def image() -> Any:
    return ones(1, 2, 4, 4)


view = np.lib.stride_tricks.sliding_window_view


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
    np.testing.assert_allclose(out.numpy(), expected.detach().numpy(), rtol=1e-9, atol=1e-12)
    for x, e in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x.grad, e.grad.numpy(), rtol=1e-9, atol=1e-10)


def test_what_is_averaged_does_not_overflow() -> None:
    for kind, value in ((np.uint8, 200), (np.int8, 100), (bool, True)):
        x = np.full((1, 4), value, kind)
        assert tg.avg_pool1d(x, 2).tolist() == tg.adaptive_avg_pool1d(x, 2).tolist() == [[float(value)] * 2]
        assert tg.adaptive_avg_pool1d(x, 3).tolist() == [[float(value)] * 3]
    assert tg.max_pool1d(np.array([[False, True, False, False]]), 2, padding=1).tolist() == [[False, True, False]]


MISUSE: Table = {
    "a window without elements": (lambda: tg.conv1d(w(np.ones((1, 3))), np.ones((1, 1, 0))), ValueError, "conv1d: expected a window with elements"),
    "a divisor of 0": (lambda: tg.avg_pool2d(w(np.ones((1, 4, 4))), 2, divisor_override=0), ValueError, "avg_pool2d: divisor_override= .*at least 1"),
    "one size too many": (lambda: tg.adaptive_avg_pool2d(w(np.ones((1, 4, 4))), (2, 2, 2)), ValueError, r"adaptive_avg_pool2d: output_size=.*got \(2, 2, 2\)"),
    "between integers": (lambda: tg.interpolate(tg.Tensor([[[0, 1]]]), size=4, mode="linear"), TypeError, r"interpolate: .*'linear'.*\.astype\(float\)"),
    "factor as text": (lambda: tg.interpolate(w(np.ones((1, 1, 4))), scale_factor="a"), ValueError, "interpolate: scale_factor= must be one positive number"),
    "factor without end": (lambda: tg.interpolate(w(np.ones((1, 1, 4))), scale_factor=np.inf), ValueError, "interpolate: scale_factor= must be"),
    "ceil as text": (lambda: tg.max_pool2d(w(np.ones((1, 4, 4))), 2, ceil_mode="no"), TypeError, "max_pool2d: ceil_mode: expected True"),
    "ceil of a mean": (lambda: tg.avg_pool2d(w(np.ones((1, 4, 4))), 2, ceil_mode="no"), TypeError, "avg_pool2d: ceil_mode: expected True"),
    "padding counts": (lambda: tg.avg_pool1d(w(np.ones((1, 4, 4))[0]), 2, count_include_pad="no"), TypeError, "avg_pool1d: count_include_pad: expected"),
    "corners as text": (lambda: tg.interpolate(w(np.ones((1, 4, 4))), size=3, mode="linear", align_corners="no"), TypeError, "interpolate: align_corners: expected"),
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
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
