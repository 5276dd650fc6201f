"""Work grows with the number of pieces, not with its square: calls, arguments and elements are counted."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg


def calls(work: Callable[[], Any]) -> int:
    """How many functions are called, and how many arguments are gathered by a ``*args``."""
    count = 0

    def seen(frame: Any, event: str, arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")
        code = frame.f_code
        if event == "call" and code.co_flags & inspect.CO_VARARGS:
            count += len(frame.f_locals[code.co_varnames[code.co_argcount + code.co_kwonlyargcount]])

    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


class Elements(tg.Observer):
    """Counts the elements of all cotangents that rules return."""

    count = 0

    def backward(self, out: Any, position: int, g: Any, gx: Any) -> None:
        self.count += gx.size


def elements(work: Callable[[], Any]) -> int:
    counted = Elements()
    with tg.observe(counted):
        work()
    return counted.count


def leaves(n: int, *shape: int) -> list[tg.Tensor]:
    return [tg.Tensor(np.full(shape, 1.5), requires_grad=True) for _ in range(n)]


def joined(join: Callable[[Any], Any], *shape: int) -> Callable[[int], Any]:
    return lambda n: join(leaves(n, *shape)).sum().backward()


def one(n: int) -> tg.Tensor:
    return tg.Tensor(np.linspace(0.5, 1.5, n), requires_grad=True)


def twice(x: Any) -> Any:
    return [2 * part for part in x]


@tg.custom_vjp
def together(*parts: Any) -> Any:
    return sum(parts)


together.defvjp(lambda *parts: (sum(parts), len(parts)), lambda n, g: (g,) * n)

BACKWARD: dict[str, Callable[[int], Any]] = {
    "concatenate": joined(np.concatenate, 1), "concatenate flat": joined(lambda x: np.concatenate(x, axis=None), 2),
    "concatenate last": joined(lambda x: np.concatenate(x, axis=-1), 1, 1), "stack": joined(np.stack, 1),
    "stack last": joined(lambda x: np.stack(x, axis=-1), 1), "hstack": joined(np.hstack, 1), "vstack": joined(np.vstack, 1),
    "dstack": joined(np.dstack, 1), "column_stack": joined(np.column_stack, 1), "block": joined(np.block, 1),
    "a list": joined(lambda x: tg.sum(x)), "select": joined(lambda x: np.select([np.array([True])] * len(x), x), 1),
    "choose": joined(lambda x: np.choose([0], x), 1), "hvp": lambda n: tg.hvp(
        lambda *x: sum(v * v for v in x), (1.0,) * n, (1.0,) * n),
    "custom_vjp": lambda n: together(*leaves(n)).backward(),
    "split": lambda n: np.concatenate(twice(np.split(one(n), n))).sum().backward(),
    "array_split": lambda n: np.concatenate(twice(np.array_split(one(n), n))).sum().backward(),
    "unstack": lambda n: np.stack(twice(tg.unstack(one(n)))).sum().backward(),
    "iteration": lambda n: np.stack(twice(one(n))).sum().backward(),
    "apply_along_axis": lambda n: np.apply_along_axis(np.sum, 0, one(n)[None]).sum().backward(),
    "polyval": lambda n: np.polyval(one(n), 0.5).backward(),
    "at max": lambda n: one(3).at[np.zeros(n, int)].max(one(n)).sum().backward(),
    "at multiply": lambda n: one(3).at[np.zeros(n, int)].multiply(one(n)).sum().backward(),
    "at multiply, in part": lambda n: one(n).at[np.r_[np.zeros(n, int), :n]].multiply(one(2 * n)).sum().backward(),
    "at add": lambda n: one(3).at[np.zeros(n, int)].add(one(n)).sum().backward(),
    "prod": lambda n: np.prod(one(n)).backward(), "cumprod": lambda n: np.cumprod(one(n)).sum().backward(),
    "cumsum": lambda n: np.cumsum(one(n)).sum().backward(), "sort": lambda n: np.sort(one(n)).sum().backward(),
    "repeat": lambda n: np.repeat(one(n), [1] * n).sum().backward(),
}


@pytest.mark.parametrize("name", BACKWARD)
@pytest.mark.parametrize("count", [calls, elements])
def test_twice_the_pieces_take_about_twice_the_work(name: str, count: Callable[..., int]) -> None:
    work = BACKWARD[name]
    small, large = (count(lambda n=n: work(n)) for n in (256, 512))
    assert small > 100 if count is calls else small >= 256
    assert large <= 2.5 * small


MODEL: dict[str, Callable[[Any, Any], Any]] = {
    "parameters": lambda net, _: list(net.parameters()), "state_dict": lambda net, _: net.state_dict(),
    "load": lambda net, _: net.load_state_dict(net.state_dict()),
    "step": lambda net, optimizer: optimizer.step(), "optimizer": lambda net, _: tg.optim.SGD(net.parameters(), lr=0.1),
    "repr": lambda net, _: repr(net), "eval": lambda net, _: net.eval(),
}


@pytest.mark.parametrize("name", MODEL)
def test_models_take_work_for_each_parameter(name: str) -> None:
    counts = []
    for n in (64, 128):
        net = tg.nn.Sequential(*(tg.nn.Linear(1, 1) for _ in range(n)))
        optimizer = tg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        net(tg.Tensor([[1.0]])).sum().backward()
        counts.append(calls(lambda net=net, optimizer=optimizer: MODEL[name](net, optimizer)))
    assert 64 <= counts[0] and counts[1] <= 2.5 * counts[0]
