"""0-d, empty and one-element arrays: the form of NumPy's result, and gradients of both orders."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.samples import named

SHAPES = [(), (0,), (1,), (0, 3), (3, 0), (1, 1), (2, 0, 3)]
REDUCTIONS = ("sum mean prod max min std var ptp median nansum nanmean nanmax nanmin nanvar nanstd nanprod "
              "nanmedian all any argmax argmin count_nonzero").split()
RUNNING = "cumsum cumprod nancumsum nancumprod sort argsort".split()
FORMS = ("ravel flip squeeze transpose copy atleast_1d atleast_2d atleast_3d ediff1d nan_to_num sinc round tril triu "
         "diag diagflat trace diagonal fliplr flipud rot90 real fix unique modf frexp spacing").split()


def called(name: str, **options: Any) -> Callable[[Any], Any]:
    return partial(named(name), **options)


CALLS: dict[str, Callable[[Any], Any]] = {
    **{name: called(name) for name in REDUCTIONS + RUNNING + FORMS},
    **{f"{name} along {axis}": called(name, axis=axis)
       for name in REDUCTIONS + RUNNING for axis in (0, -1)},
    **{f"{name} keepdims": called(name, keepdims=True) for name in REDUCTIONS},
    "clip": lambda x: np.clip(x, -1, 1), "where": lambda x: np.where(x > 0, x, 0), "matmul": lambda x: x @ x,
    "tile": lambda x: np.tile(x, (2, 0)), "repeat": lambda x: np.repeat(x, 2), "roll": lambda x: np.roll(x, 1),
    "pad": lambda x: np.pad(x, 1), "stack": lambda x: np.stack([x, x], -1), "resize": lambda x: np.resize(x, (2, 2)),
    "concatenate": lambda x: np.concatenate([x, x], -1), "split": lambda x: np.array_split(x, 2),
    "outer": lambda x: np.outer(x, x), "kron": lambda x: np.kron(x, x), "inner": lambda x: np.inner(x, x),
    "tensordot": lambda x: np.tensordot(x, x, 0), "einsum": lambda x: np.einsum("...i->...", x),
    "take": lambda x: np.take(x, []), "meshgrid": lambda x: np.meshgrid(x, x), "diff": np.diff,
    "interp": lambda x: np.interp(x, [0, 1], [1, 2]), "quantile": lambda x: np.quantile(x, 0.3),
    "linspace": lambda x: np.linspace(x, x + 1, 3), "insert": lambda x: np.insert(x, 0, 1.0),
    "trapezoid": np.trapezoid, "norm": np.linalg.norm, "vector_norm": np.linalg.vector_norm,
    "norm 1": lambda x: np.linalg.norm(x, 1, axis=-1), "det": np.linalg.det, "inv": np.linalg.inv,
    "qr": np.linalg.qr, "eigvalsh": np.linalg.eigvalsh, "svdvals": np.linalg.svdvals,
    "windows": lambda x: np.lib.stride_tricks.sliding_window_view(x, 1),
}


def parts(result: Any) -> list[Any]:
    return [q for p in result for q in parts(p)] if isinstance(result, tuple | list) else [result]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_as_in_numpy(call: str, dtype: str) -> None:
    for shape in SHAPES:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check_as_in_numpy(CALLS[call], np.asarray(np.full(shape, 1.5), dtype))


def check_as_in_numpy(f: Callable[[Any], Any], x: Any) -> None:
    leaf = tg.Tensor(x, requires_grad=True)
    try:
        expected = parts(f(x))
    except Exception:
        with pytest.raises(tg.TinygradGdError):
            f(leaf)
        return
    for mine, theirs in zip(parts(f(leaf)), expected, strict=True):
        assert np.shape(mine) == np.shape(theirs) and mine.dtype == np.asarray(theirs).dtype
        np.testing.assert_allclose(mine.numpy() if isinstance(mine, tg.Tensor) else mine, theirs, rtol=1e-6)
        if not mine.requires_grad:
            continue
        for create_graph in (False, True):
            leaf.zero_grad()
            mine.backward(np.ones_like(mine.numpy()), create_graph)
            assert leaf.grad is None or (leaf.grad.shape == x.shape and leaf.grad.dtype == x.dtype)
