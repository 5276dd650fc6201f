"""The user's code in a reverse pass (hooks, rules of his own, checkpoints) runs in every call, and is watched."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.test_watched import told
from tests.program.texts import bits
from tinygrad_gd import nn

X = np.random.default_rng(4).normal(size=(4, 3))
#: By name, what makes a step of ``w``, and what it has seen.
STEPS: dict[str, Callable[[Any, list[Any]], Callable[[Any], Any]]] = {}


def row(build: Callable[[Any, list[Any]], Callable[[Any], Any]]) -> None:
    STEPS[build.__name__] = build


def trained(w: Any, hook: Any = None, loss: Any = lambda w, x: ((w * x) ** 2).sum()) -> Callable[[Any], Any]:
    if hook is not None:
        w.register_hook(hook)

    def step(x: Any) -> Any:
        w.zero_grad()
        found = loss(w, x)
        found.backward()
        return found, w.grad

    return step


@row
def sees(w: Any, seen: list[Any]) -> Any:
    return trained(w, lambda g: seen.append((g * 2).sum()))


@row
def replaces(w: Any, seen: list[Any]) -> Any:
    w.register_hook(lambda g: g * 0.5)
    return trained(w, lambda g: g + 1)


@row
def clips_by_numpy(w: Any, seen: list[Any]) -> Any:
    return trained(w, lambda g: np.clip(g.numpy(), -1, 1))


@row
def reads_and_prints(w: Any, seen: list[Any]) -> Any:
    def hook(g: Any) -> None:
        seen.append(g.sum().item())
        print(g, float(g[0]))

    return trained(w, hook)


@row
def keeps(w: Any, seen: list[Any]) -> Any:
    step = trained(w, seen.append)
    return lambda x: (step(x), seen[-1] * 2)


@row
def raises(w: Any, seen: list[Any]) -> Any:
    def hook(g: Any) -> None:
        seen.append(g.sum())
        raise ValueError("enough")

    step = trained(w, hook)

    def caught(x: Any) -> Any:
        with pytest.raises(ValueError, match="enough"):
            step(x)
        return w * 2

    return caught


@row
def makes_and_writes(w: Any, seen: list[Any]) -> Any:
    mean = tg.Tensor(np.zeros(3), name="mean")

    def hook(g: Any) -> Any:
        mean.assign(mean * 0.9 + g.detach())
        return tg.Tensor(g) + tg.Tensor(np.ones(3))

    step = trained(w, hook)
    return lambda x: (step(x), mean * 1)


@row
def differentiates(w: Any, seen: list[Any]) -> Any:
    v = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True, name="v")

    def hook(g: Any) -> Any:
        with tg.enable_grad():
            (np.sin(v) * g).sum().backward()
        return tg.grad(lambda u: (u**3).sum())(g) + v.grad

    return trained(w, hook)


@row
def runs_a_module(w: Any, seen: list[Any]) -> Any:
    tg.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 3), nn.Tanh())
    return trained(w, net)


@row
def draws(w: Any, seen: list[Any]) -> Any:
    tg.manual_seed(0)
    return trained(w, lambda g: g + tg.normal(3) * 0.1)


@row
def counts_at_a_value(w: Any, seen: list[Any]) -> Any:
    def loss(w: Any, x: Any) -> Any:
        h = np.tanh(w * x)
        h.register_hook(lambda g: seen.append(len(seen)) or g * len(seen))
        return (h**2).sum()

    return trained(w, loss=loss)


@row
def counts_at_a_value_later(w: Any, seen: list[Any]) -> Any:
    calls: list[Any] = []

    def loss(w: Any, x: Any) -> Any:
        calls.append(x)
        h = np.tanh(w * x)
        if len(calls) > 4:
            (h * 2).register_hook(seen.append)  # nothing comes there
            h.register_hook(lambda g: seen.append(len(seen)) or g * len(seen))
        return (h**2).sum()

    return trained(w, loss=loss)


@row
def retains(w: Any, seen: list[Any]) -> Any:
    def step(x: Any) -> Any:
        h = w * x
        h.retain_grad()
        (h**2).sum().backward()
        return h.grad

    return step


@row
def counts_in_a_transform(w: Any, seen: list[Any]) -> Any:
    def loss(v: Any, x: Any) -> Any:
        h = v * x
        h.register_hook(lambda g: seen.append(len(seen)) or g * len(seen))
        return (h**2).sum()

    def outputs(v: Any) -> Any:
        last = v * 3
        last.register_hook(lambda g: seen.append(len(seen)) or g * len(seen))
        return v * 2, last

    def step(x: Any) -> Any:
        _, back = tg.vjp(outputs, w)
        return tg.grad(loss)(w, x), *back((np.ones(3), np.ones(3)))

    return step


@row
def hooks_come_and_go(w: Any, seen: list[Any]) -> Any:
    def step(x: Any) -> Any:
        doubles = w.register_hook(lambda g: g * 2)
        ((w * x) ** 2).sum().backward()
        doubles.remove()
        ((w * x) ** 2).sum().backward()
        return w.grad

    return step


@row
def second_derivatives(w: Any, seen: list[Any]) -> Any:
    w.register_hook(lambda g: g * g)

    def step(x: Any) -> Any:
        w.zero_grad()
        ((w * x) ** 3).sum().backward(create_graph=True)
        g = w.grad
        w.zero_grad()
        (g**2).sum().backward()
        return w.grad

    return step


@row
def anomaly(w: Any, seen: list[Any]) -> Any:
    step = trained(w, lambda g: seen.append(g * 2))
    return tg.detect_anomaly()(step)


@row
def module_hooks(w: Any, seen: list[Any]) -> Any:
    tg.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    net[0].register_forward_pre_hook(lambda m, given: (given[0] * 2,))
    net[1].register_forward_hook(lambda m, given, out: out + 1)
    net.register_forward_hook(lambda m, given, out: seen.append(out.mean().item()))
    return trained(w, loss=lambda w, x: net(w * x).sum())


@row
def optimized(w: Any, seen: list[Any]) -> Any:
    steps = tg.optim.Adam([w], lr=0.1)
    step = trained(w, lambda g: g * steps.param_groups[0]["lr"])
    return lambda x: (step(x), steps.step())


@row
def rule_of_ones_own(w: Any, seen: list[Any]) -> Any:
    @tg.custom_vjp
    def cube(x: Any) -> Any:
        return x * x * x

    def rule(x: Any, g: Any) -> Any:
        seen.append((g * len(seen)).sum().item())
        return (3 * x * x * g,)

    cube.defvjp(lambda x: (cube(x), x), rule)
    return trained(w, loss=lambda w, x: cube(w * x).sum())


@row
def recomputes(w: Any, seen: list[Any]) -> Any:
    part = tg.checkpoint(lambda x: tg.dropout(np.tanh(x) * 2, 0.3))
    return trained(w, loss=lambda w, x: part(part(w * x)).sum())


@row
def derives_by_transforms(w: Any, seen: list[Any]) -> Any:
    def step(x: Any) -> Any:
        w.zero_grad()
        g = tg.grad(lambda v: np.sin(v * x).sum())(w)
        (g * g).sum().backward()
        _, along = tg.jvp(lambda v: np.sin(v * x), (w.detach(),), (np.ones(3),))
        return w.grad, along, tg.hessian(lambda v: np.sin(v * x).sum())(w.detach())

    return step


@row
def nested(w: Any, seen: list[Any]) -> Any:
    inner = tg.compile(lambda w, x: np.tanh(w * x))
    return trained(w, loss=lambda w, x: (inner(w, x) + inner(w, x * 2)).sum())


def leaves(tree: Any) -> list[Any]:
    return [x for part in tree for x in leaves(part)] if isinstance(tree, tuple | list) else [tree]


def seen_of(name: str, capsys: Any, compiled: bool, frozen: bool, watched: bool, before: int) -> Any:
    """All that eight calls leave, and what those who watch from the call ``before`` on hear."""
    tg.manual_seed(7)
    w, seen = tg.Tensor([0.5, -1.0, 2.0], requires_grad=True, name="w"), []
    step: Any = STEPS[name](w, seen)
    step = tg.compile(step, frozen=frozen) if compiled else step
    found: list[Any] = []
    run = None
    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        warnings.simplefilter("ignore", tg.CaptureWarning)
        for n in range(8):
            if watched and n == before:
                run = stack.enter_context(tg.study.watch())
            found += leaves(step(X + n // 2))
    found += [w, w.grad, *seen]
    printed = capsys.readouterr().out
    return [bits(np.array(x.numpy())) if isinstance(x, tg.Tensor) else x for x in found], printed, run and told(run)


@pytest.mark.parametrize("before", [0, 5])
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("name", STEPS)
def test_who_watches_hears_of_it_as_of_the_plain_function(name: str, frozen: bool, before: int, capsys: Any) -> None:
    if frozen and before and "later" in name:
        pytest.skip("a frozen step promises not to count")
    plain = seen_of(name, capsys, False, False, True, before)
    assert seen_of(name, capsys, True, frozen, True, before) == plain
    assert len(plain[2]) > 8


@pytest.mark.parametrize("name", STEPS)
def test_it_runs_in_every_call(name: str, capsys: Any) -> None:
    assert seen_of(name, capsys, True, False, False, 0) == seen_of(name, capsys, False, False, False, 0)
