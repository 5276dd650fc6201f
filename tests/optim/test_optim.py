"""SGD against PyTorch's, number by number; the update rule against arithmetic."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.ops.descend import LARGE

OPTIONS = [
    {"momentum": m, "dampening": d, "weight_decay": wd, "nesterov": n}
    for m, d, wd, n in product((0, 0.9), (0, 0.3), (0, 0.1), (False, True))
    if not n or (m > 0 and d == 0)
]


def test_plain_sgd_is_param_minus_lr_times_grad() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    (w * w * w).sum().backward()
    tg.optim.SGD([w], lr=0.1).step()
    assert w.tolist() == [1.0 - 0.1 * 3.0, 2.0 - 0.1 * 12.0]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_trajectory_equals_pytorch(options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    rng = np.random.default_rng(0)
    start, target = rng.standard_normal(5), rng.standard_normal(5)
    ours = tg.Tensor(start, requires_grad=True)
    theirs = torch.tensor(start, requires_grad=True)
    a, b = tg.optim.SGD([ours], lr=0.05, **options), torch.optim.SGD([theirs], lr=0.05, **options)
    for _ in range(100):
        for optimizer, p, goal, sine in ((a, ours, target, np.sin), (b, theirs, torch.tensor(target), torch.sin)):
            optimizer.zero_grad()
            (((p - goal) ** 2).sum() + sine(p).sum()).backward()
            optimizer.step()
        np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=1e-12, atol=1e-14)


def test_parameters_without_a_gradient_are_left_alone() -> None:
    w = tg.Tensor([1.0], requires_grad=True)
    tg.optim.SGD([w], lr=1.0, weight_decay=1.0).step()
    assert w.tolist() == [1.0]


def test_state_can_be_saved_and_loaded() -> None:
    def run(steps: int, state: Any = None, value: float = 1.0) -> tuple[float, Any]:
        w = tg.Tensor(value, requires_grad=True)
        optimizer = tg.optim.SGD([w], lr=0.1, momentum=0.9)
        if state is not None:
            optimizer.load_state_dict(state)
        for _ in range(steps):
            optimizer.zero_grad()
            (w * w).backward()
            optimizer.step()
        return w.item(), optimizer.state_dict()

    halfway, state = run(3)
    assert run(3, state, halfway)[0] == run(6)[0] != run(3, None, halfway)[0]


def test_groups_have_their_own_rates() -> None:
    a, b = (tg.Tensor(1.0, requires_grad=True) for _ in "ab")
    optimizer = tg.optim.SGD([{"params": [a], "lr": 0.5}, {"params": [b]}], lr=0.25)
    (a + b).backward()
    optimizer.step()
    assert (a.item(), b.item()) == (0.5, 0.75)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_updating_a_large_parameter_in_blocks_gives_the_same_bits(dtype: Any, order: Any) -> None:
    rng = np.random.default_rng(0)
    values, slope = rng.standard_normal((2, 700, 800)).astype(dtype)
    assert values.nbytes > LARGE
    p = tg.Tensor(np.array(values, order=order), requires_grad=True)
    p.grad = tg.Tensor(slope)
    tg.optim.SGD([p], lr=0.3).step()
    np.testing.assert_array_equal(p.numpy(), values - 0.3 * slope)
