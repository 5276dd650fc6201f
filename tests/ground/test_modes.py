"""Modes and the default dtype: whose they are, and how they are set."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused
from tinygrad_gd.ground.modes import current_mode


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


BLOCKS: dict[str, Callable[[], Any]] = {
    "no_grad": tg.no_grad, "default_dtype": lambda: tg.default_dtype(np.float32),
    "observe": lambda: tg.observe(tg.Observer()), "detect_anomaly": tg.detect_anomaly,
}
each_block = pytest.mark.parametrize("name", BLOCKS)


@each_block
def test_one_block_is_used_by_two_threads_at_once(name: str) -> None:
    block, normal = BLOCKS[name](), current_mode()
    turn, seen, failed = threading.Barrier(2, timeout=10), [], []

    def work(leaves_first: bool) -> None:
        try:
            with block:
                turn.wait()
                seen.append(current_mode() != normal)
                if not leaves_first:
                    turn.wait()
                    seen.append(current_mode() != normal)  # the other one has left
            seen.append(current_mode() == normal)
            if leaves_first:
                turn.wait()
        except BaseException as error:
            turn.abort()
            failed.append(error)

    threads = [threading.Thread(target=work, args=(first,)) for first in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and seen == [True] * 5


@each_block
def test_one_block_is_used_by_two_tasks_at_once(name: str) -> None:
    block, normal = BLOCKS[name](), current_mode()

    async def work(pauses: int) -> list[bool]:
        with block:
            seen = []
            for _ in range(pauses):
                await asyncio.sleep(0)
                seen.append(current_mode() != normal)
        return [*seen, current_mode() == normal]

    async def all_of_them() -> list[list[bool]]:
        return await asyncio.gather(*(work(n) for n in (3, 1, 2)))

    assert asyncio.run(all_of_them()) == [[True] * 4, [True] * 2, [True] * 3]


@each_block
def test_a_block_may_be_entered_inside_itself_and_fail(name: str) -> None:
    block, normal = BLOCKS[name](), current_mode()
    with block:
        inside = current_mode()
        with pytest.raises(KeyError), block, tg.enable_grad(), block:
            raise KeyError
        assert current_mode() is inside
        copy_context().run(block.__exit__)  # a copy of the context is one of its own
        assert current_mode() is inside
    assert current_mode() == normal


def test_blocks_are_left_in_any_order() -> None:
    """A generator that is closed inside another block leaves that one as it is."""

    def numbers() -> Any:
        with tg.default_dtype(np.float32):
            yield 1.0

    paused = numbers()
    next(paused)
    with tg.no_grad():
        assert tg.get_default_dtype() == np.float32
        paused.close()
        assert not tg.is_grad_enabled() and tg.get_default_dtype() == np.float64
    assert tg.is_grad_enabled() and tg.get_default_dtype() == np.float64


def test_a_block_is_left_where_it_was_entered() -> None:
    block, caught = tg.no_grad(), []

    def leave() -> None:
        with pytest.raises(tg.GradError) as error:
            block.__exit__()
        caught.append(str(error.value))

    with block:
        thread = threading.Thread(target=leave)
        thread.start()
        thread.join()
    assert len(caught) == 1 and "was left in another thread or task" in caught[0]


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
