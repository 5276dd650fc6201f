"""Rows for `tinygrad_gd.ops.windows`, `convolution`, `pooling` and `interpolation`."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_gd as tg
from tinygrad_gd.ground.registry import by_name

from . import Sample, normal, torch_

view = np.lib.stride_tricks.sliding_window_view


def distinct(*shape: int) -> Any:
    """Values far enough from each other that the order never changes."""
    return np.random.default_rng(0).permutation(int(np.prod(shape))).reshape(shape) / 4 - 1.0


def same(name: str, label: str, *inputs: Any, **options: Any) -> Sample:
    """A function that PyTorch has under the same name, with the same options."""
    return Sample(name, lambda *args: getattr(tg, name)(*args, **options), inputs, label,
                  torch=lambda *args: torch_(f"nn.functional.{name}")(*args, **options))


def conv(name: str, label: str, x: Any, weight: Any, bias: bool = True, **options: Any) -> Sample:
    groups = options.get("groups", 1)
    out = weight[1] * groups if "transpose" in name else weight[0]
    more = (normal(out, seed=2),) if bias else ()
    return same(name, label, normal(*x), normal(*weight, seed=1), *more, **options)


ROWS = [
    Sample("windows", lambda x: by_name("windows")(
        x, window=(2, 2), counts=(2, 1), stride=(1, 2), dilation=(2, 1)), (normal(2, 4, 3),)),
    Sample("overlap_add", lambda x: by_name("overlap_add")(
        x, shape=(6,), stride=(2,), dilation=(1,)), (normal(2, 2, 3),)),
    Sample("im2col", lambda x: by_name("im2col")(
        x, window=(2, 2), counts=(2, 3), stride=(1, 2), dilation=(2, 1), padding=((1, 0), (0, 2))),
        (normal(2, 2, 3, 4),)),
    Sample("im2col", lambda x: by_name("im2col")(
        x, window=(2,), counts=(2,), stride=(1,), dilation=(1,), padding=((0, 0),)), (normal(2, 1, 3),),
        "no padding"),
    Sample("col2im", lambda x: by_name("col2im")(
        x, shape=(3,), stride=(2,), dilation=(1,), padding=((0, 1),)), (normal(2, 2, 2, 3),)),
    *(Sample(name, lambda g, name=name: by_name(name)(
        g, np.array([[3.0, 4.0]]), np.array([[1.0, 3.0, 3.0, 4.0]]), window=(3,), counts=(2,), stride=(1,),
        dilation=(1,)), (normal(1, n),))
      for name, n in (("to_largest", 2), ("from_largest", 4))),
    Sample("sliding_window_view", lambda x: view(x, 3), (normal(5),), "1-D",
           torch=lambda x: x.unfold(0, 3, 1), autograd=False),
    Sample("sliding_window_view", lambda x: view(x, (2, 2)), (normal(3, 4),), "2-D", autograd=False),
    Sample("sliding_window_view", lambda x: view(x, 2, axis=-2), (normal(3, 2),), "axis=-2",
           torch=lambda x: x.unfold(-2, 2, 1), autograd=False),
    Sample("sliding_window_view", lambda x: view(x, (2, 3), axis=(1, 1)), (normal(2, 5),),
           "repeated axis", autograd=False),
    *(Sample("convolve", lambda a, v, mode=mode: np.convolve(a, v, mode), (normal(n), normal(m, seed=1)),
             f"{mode} {n} {m}")
      for mode in ("full", "same", "valid") for n, m in ((5, 3), (2, 5), (4, 4))),
    *(Sample("correlate", lambda a, v, mode=mode: np.correlate(a, v, mode), (normal(n), normal(m, seed=1)),
             f"{mode} {n} {m}")
      for mode in ("full", "same", "valid") for n, m in ((5, 2), (3, 4), (2, 5))),
    conv("conv1d", "", (2, 2, 5), (3, 2, 3)),
    conv("conv1d", "unbatched", (2, 5), (1, 2, 2), bias=False),
    conv("conv1d", "options", (1, 2, 7), (2, 1, 2), stride=2, padding=1, dilation=3, groups=2),
    conv("conv1d", "same", (1, 1, 4), (1, 1, 3), padding="same"),
    conv("conv2d", "", (2, 2, 3, 3), (2, 2, 2, 2)),
    conv("conv2d", "unbatched", (1, 3, 3), (2, 1, 2, 1), bias=False),
    conv("conv2d", "padding", (1, 1, 3, 2), (1, 1, 3, 3), padding=1),
    conv("conv2d", "stride", (1, 1, 4, 5), (2, 1, 2, 2), stride=(2, 3), padding=(0, 1)),
    conv("conv2d", "dilation", (1, 1, 4, 3), (1, 1, 2, 2), dilation=(3, 1)),
    conv("conv2d", "groups", (1, 4, 2, 2), (2, 2, 1, 2), groups=2),
    conv("conv2d", "depthwise", (1, 2, 2, 2), (4, 1, 2, 1), groups=2),
    conv("conv2d", "same", (1, 1, 3, 3), (1, 1, 1, 3), padding="same", dilation=(1, 2)),
    conv("conv2d", "empty batch", (0, 1, 3, 3), (1, 1, 2, 2)),
    conv("conv3d", "", (1, 2, 2, 3, 2), (2, 2, 2, 2, 1)),
    conv("conv3d", "options", (2, 3, 2, 3), (2, 1, 2, 1, 2), stride=(1, 2, 1), padding=(1, 0, 0), groups=2),
    conv("conv_transpose1d", "", (2, 2, 3), (2, 1, 3)),
    conv("conv_transpose1d", "options", (2, 3), (2, 1, 2), stride=2, padding=1, output_padding=1,
         dilation=3, groups=2),
    conv("conv_transpose1d", "output_padding over stride", (1, 1, 2), (1, 1, 2), output_padding=2,
         dilation=3),
    conv("conv_transpose2d", "", (1, 2, 2, 2), (2, 2, 2, 2)),
    conv("conv_transpose2d", "options", (1, 2, 2, 3), (2, 1, 2, 1), stride=(2, 1), padding=(1, 0),
         output_padding=(1, 0), groups=2),
    conv("conv_transpose2d", "empty batch", (0, 1, 2, 2), (1, 1, 2, 2)),
    conv("conv_transpose3d", "", (1, 2, 2, 1, 2), (2, 1, 1, 2, 2)),
    conv("conv_transpose3d", "options", (1, 2, 2, 2, 1), (2, 1, 2, 1, 2), stride=(2, 1, 1), padding=(1, 0, 0),
         output_padding=(1, 0, 0), groups=2),
    *(same("max_pool1d", label, x, **options) for label, x, options in (
        ("", distinct(2, 1, 6), {"kernel_size": 2}),
        ("overlap", distinct(1, 6), {"kernel_size": 3, "stride": 1, "padding": 1}),
        ("dilation", distinct(1, 1, 7), {"kernel_size": 2, "stride": 2, "dilation": 2}),
        ("ceil", distinct(1, 1, 6), {"kernel_size": 3, "stride": 2, "ceil_mode": True}))),
    *(same("max_pool2d", label, x, **options) for label, x, options in (
        ("", distinct(1, 1, 4, 4), {"kernel_size": 2}),
        ("unbatched", distinct(1, 3, 4), {"kernel_size": (3, 2), "stride": 1}),
        ("padding", distinct(1, 1, 3, 3), {"kernel_size": 3, "stride": 2, "padding": 1}),
        ("ceil", distinct(1, 1, 3, 4), {"kernel_size": 2, "stride": (2, 3), "ceil_mode": True}),
        ("empty batch", distinct(0, 1, 2, 2), {"kernel_size": 2}))),
    *(same("max_pool3d", label, x, **options) for label, x, options in (
        ("", distinct(1, 1, 2, 4, 2), {"kernel_size": 2}),
        ("options", distinct(1, 3, 2, 3), {"kernel_size": (2, 1, 2), "stride": 1, "padding": (1, 0, 1), "ceil_mode": True}))),
    *(same("avg_pool3d", label, x, **options) for label, x, options in (
        ("", normal(1, 1, 2, 4, 2), {"kernel_size": 2}),
        ("options", normal(1, 3, 2, 3), {"kernel_size": (2, 1, 2), "stride": 1, "padding": (1, 0, 1), "count_include_pad": False}))),
    *(same("avg_pool1d", label, x, **options) for label, x, options in (
        ("", normal(2, 1, 6), {"kernel_size": 2}),
        ("overlap", normal(1, 6), {"kernel_size": 3, "stride": 1, "padding": 1}),
        ("border", normal(1, 1, 6), {
            "kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False}))),
    *(same("avg_pool2d", label, x, **options) for label, x, options in (
        ("", normal(1, 1, 4, 4), {"kernel_size": 2}),
        ("unbatched", normal(1, 3, 4), {"kernel_size": (3, 2), "stride": 1}),
        ("padding", normal(1, 1, 3, 3), {
            "kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}),
        ("ceil", normal(1, 1, 3, 4), {"kernel_size": 2, "stride": (2, 3), "padding": 1, "ceil_mode": True}),
        ("divisor", normal(1, 2, 2, 2), {"kernel_size": 2, "divisor_override": 3}),
        ("empty batch", normal(0, 1, 2, 2), {"kernel_size": 2}))),
    *(same(name, f"{x.shape} {size}", x, output_size=size)
      for name, x, size in (
          ("adaptive_max_pool1d", distinct(2, 1, 6), 3), ("adaptive_max_pool1d", distinct(1, 7), 3),
          ("adaptive_max_pool1d", distinct(1, 1, 2), 3),
          ("adaptive_max_pool2d", distinct(1, 1, 4, 3), (2, 1)),
          ("adaptive_max_pool2d", distinct(1, 3, 4), (2, 3)),
          ("adaptive_max_pool3d", distinct(1, 2, 3, 2), (1, 2, None)), ("adaptive_avg_pool3d", normal(1, 2, 3, 2), (1, 2, None)),
          ("adaptive_avg_pool1d", normal(2, 1, 6), 3), ("adaptive_avg_pool1d", normal(1, 7), 3),
          ("adaptive_avg_pool2d", normal(1, 1, 4, 3), 1),
          ("adaptive_avg_pool2d", normal(1, 3, 4), (2, 3)),
          ("adaptive_avg_pool2d", normal(1, 1, 3, 3), (2, None)))),
    *(same("interpolate", " ".join(map(str, options.values())), x, **options) for x, options in (
        (normal(1, 2, 3), {"size": 6}), (normal(1, 1, 5), {"size": 3}),
        (normal(1, 1, 2, 3), {"scale_factor": 2}), (normal(1, 1, 3, 3), {"scale_factor": (1.5, 0.7)}),
        (normal(1, 1, 4), {"size": 7, "mode": "linear"}),
        (normal(1, 1, 5), {"size": 3, "mode": "linear", "align_corners": True}),
        (normal(1, 1, 3), {"scale_factor": 1.5, "mode": "linear"}),
        (normal(1, 1, 3, 2), {"scale_factor": 2, "mode": "bilinear"}),
        (normal(1, 1, 3, 3), {"size": (5, 1), "mode": "bilinear", "align_corners": True}),
        (normal(0, 1, 2, 2), {"size": 3, "mode": "bilinear"}))),
]
