"""Modes and the default dtype: whose they are, and how they are set."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused


def leaf(value: Any = 3.0, **options: Any) -> tg.Tensor:
    return tg.Tensor(value, requires_grad=True, **options)


def test_modes_belong_to_their_thread() -> None:
    seen: list[bool] = []
    with tg.no_grad():
        thread = threading.Thread(target=lambda: seen.append(tg.is_grad_enabled()))
        thread.start()
        thread.join()
        assert not tg.is_grad_enabled()
    assert seen == [True]


def test_the_default_dtype_that_was_set_holds_in_every_thread() -> None:
    seen = []
    try:
        tg.set_default_dtype(np.float32)
        thread = threading.Thread(target=lambda: seen.append(tg.Tensor(0.5).dtype))
        thread.start()
        thread.join()
        with tg.default_dtype(np.float64):
            seen.append(tg.Tensor(0.5).dtype)
    finally:
        tg.set_default_dtype(np.float64)
    assert seen == [np.float32, np.float64]


@pytest.mark.parametrize("switch", [tg.no_grad, tg.no_grad(), tg.enable_grad, tg.detect_anomaly()])
def test_what_runs_after_the_decorator_is_over_is_refused(switch: Any) -> None:
    def numbers() -> Any:
        yield leaf() * 2

    async def later() -> Any:
        return leaf() * 2

    async def more() -> Any:
        yield leaf() * 2

    for function in (numbers, later, more, type("Model", (), {})):
        with pytest.raises(tg.DTypeError, match=f"{function.__name__}: a generator, an async .* `with`"):
            switch(function)


def test_default_dtype() -> None:
    with tg.default_dtype(np.float32):
        assert tg.Tensor(1.0).dtype == np.float32 and tg.Tensor(np.ones(2)).dtype == np.float64
        assert tg.nn.Linear(2, 2).weight.dtype == np.float32


MISUSE: Table = {
    "no default dtype": (lambda: tg.set_default_dtype(None), TypeError, "expected a floating dtype"),
    "default dtype": (lambda: tg.set_default_dtype(np.int64), TypeError, "floating dtype"),
    "no_grad of a number": (lambda: tg.no_grad(1), TypeError, "no_grad: expected a function, got int"),  # type: ignore[arg-type]
    "no_grad of False": (lambda: tg.no_grad(False), TypeError, "no_grad: expected a function, got bool"),  # type: ignore[arg-type]
    "default dtype as text": (lambda: tg.set_default_dtype("bogus"), TypeError, "default dtype: expected a floating dtype.*'bogus'"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
