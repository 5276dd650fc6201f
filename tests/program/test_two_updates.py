"""Steps with several updates, as a GAN's: each is called an update, and is done with few calls."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.frozen import frozen

Net = tg.nn.Sequential


def pair() -> tuple[Net, Net]:
    """A generator and a discriminator."""
    tg.manual_seed(0)
    nn = tg.nn
    return (Net(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)), Net(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)))


def by_optimizers(kind: Any, **options: Any) -> Callable[[Net, Net], Any]:
    def build(made: Net, judge: Net) -> Any:
        first, second = (kind(net.parameters(), lr=0.05, **options) for net in (judge, made))

        def step(real: Any, noise: Any) -> Any:
            loss = tg.softplus(-judge(real)).mean() + tg.softplus(judge(made(noise).detach())).mean()
            first.zero_grad()
            loss.backward()
            first.step()
            other = tg.softplus(-judge(made(noise))).mean()
            second.zero_grad()
            other.backward()
            second.step()
            return loss, other

        return step

    return build


def both_losses_first(made: Net, judge: Net) -> Any:
    """Clipping belongs to the update; a forward pass that comes between does not."""
    first, second = (tg.optim.SGD(net.parameters(), lr=0.05) for net in (judge, made))
    still = pair()[1].requires_grad_(False)

    def step(real: Any, noise: Any) -> Any:
        loss = (judge(real) ** 2).mean()
        first.zero_grad()
        loss.backward()
        other = (still(made(noise)) ** 2).mean()
        tg.optim.clip_grad_norm_(judge.parameters(), 0.01)
        first.step()
        second.zero_grad()
        other.backward()
        second.step()
        return loss, other

    return step


def by_hand(made: Net, judge: Net) -> Any:
    def step(real: Any, noise: Any) -> Any:
        losses = []
        for net, x in ((judge, real), (made, noise)):
            loss = (net(x) ** 2).mean()
            net.zero_grad()
            loss.backward()
            with tg.no_grad():
                for p in net.parameters():
                    p -= 0.05 * p.grad
            losses.append(loss)
        return losses

    return step


def with_statistics(made: Net, judge: Net) -> Any:
    """What a forward pass writes to buffers is no update."""
    judge = Net(tg.nn.BatchNorm1d(2), *judge)
    return by_optimizers(tg.optim.SGD, momentum=0.9)(made, judge)


STEPS: dict[str, Any] = {
    "sgd": by_optimizers(tg.optim.SGD), "adam": by_optimizers(tg.optim.Adam),
    "momentum": by_optimizers(tg.optim.SGD, momentum=0.9, weight_decay=0.01),
    "both losses first": both_losses_first, "by hand": by_hand, "statistics": with_statistics,
}


def batch(k: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(k)
    return rng.normal(size=(6, 2)), rng.normal(size=(6, 3))


@pytest.mark.parametrize("compile", [tg.compile, frozen])
@pytest.mark.parametrize("name", STEPS)
def test_every_update_is_called_one(name: str, compile: Any) -> None:
    plain, nets = pair(), pair()
    eager, step = STEPS[name](*plain), compile(STEPS[name](*nets), strict=True)
    for k in range(6):
        expected, losses = eager(*batch(k)), step(*batch(k))
        assert [x.item() for x in losses] == [x.item() for x in expected]
    for one, other in zip(plain, nets, strict=True):
        assert all(np.array_equal(p, q) for p, q in zip(one.parameters(), other.parameters(), strict=True))
    phases = re.findall(r"    # (forward|backward|update)\n", step.source)
    between = ["forward", "update"] if name == "both losses first" else ["update", "forward"]
    assert phases == ["forward", "backward", *between, "backward", "update"], step.source


def test_each_update_is_one_call_for_all_small_parameters() -> None:
    nets = pair()
    step = frozen(STEPS["sgd"](*nets), strict=True)
    for k in range(4):
        step(*batch(k))
    joined = re.findall(r"    if joined:\n        subtract\((flat\d+), .*?, \1\)", step.replay_source)
    assert len({*joined}) == 2, step.replay_source
