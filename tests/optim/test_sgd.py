"""SGD against PyTorch's, number by number; the update rule against arithmetic."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w
from tinygrad_gd.ops.descend import LARGE_BYTES

OPTIONS = [
    {"momentum": m, "dampening": d, "weight_decay": wd, "nesterov": n, "maximize": u}
    for m, d, wd, n, u in product((0, 0.9), (0, 0.3), (0, 0.1), (False, True), (False, True))
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
    assert values.nbytes > LARGE_BYTES
    p = tg.Tensor(np.array(values, order=order), requires_grad=True)
    p.grad = tg.Tensor(slope)
    tg.optim.SGD([p], lr=0.3).step()
    np.testing.assert_array_equal(p.numpy(), values - 0.3 * slope)


def test_plain_descent_skips_what_has_no_gradient_and_takes_whole_numbers_as_rates() -> None:
    w, frozen = tg.Tensor([1.0, 2.0], requires_grad=True), tg.Tensor([5.0], requires_grad=True)
    scalar = tg.Tensor(np.float32(3.0), requires_grad=True)
    for rate in (0.5, 1, np.float64(0.5), np.float32(0.5)):
        optimizer = tg.optim.SGD([w, frozen, scalar], lr=rate)
        before, number = w.numpy().copy(), scalar.item()
        optimizer.zero_grad()
        (w * w).sum().backward()
        (scalar * scalar).backward()
        seq = w._seq
        optimizer.step()
        assert np.array_equal(w.numpy(), before - float(rate) * 2 * before) and w._seq > seq
        assert scalar.item() == number - float(rate) * 2 * number and scalar.dtype == np.float32
        assert frozen.item() == 5.0 and frozen.grad is None


def layer() -> Any:
    return tg.nn.Linear(1, 1)


def sgd(**options: Any) -> Any:
    return tg.optim.SGD([w()], **{"lr": 0.1, **options})


def saved(**changes: Any) -> Any:
    state = {"param_groups": [{"params": [0], "lr": 0.1}], "state": {}}
    return lambda: sgd().load_state_dict({**state, **changes})


def of_group(**options: Any) -> Any:
    return saved(param_groups=[{"params": [0], **options}])


MISUSE: Table = {
    "unknown option": (lambda: tg.optim.SGD([{"params": [w()], "rate": 1}], lr=1), ValueError,
                       "unknown option 'rate'; options are lr, momentum"),
    "unknown option of SGD": (lambda: tg.optim.SGD([w()], lr=1, learning_rate=1), ValueError,
                              "SGD: unknown option 'learning_rate', write lr=; options are lr, momentum"),
    "lr as text": (lambda: tg.optim.SGD([w()], lr="0.1"), TypeError, r"SGD: lr must be a number, got .*str"),
    "lr of nothing": (lambda: tg.optim.SGD([w()], lr=None), TypeError, "SGD: lr must be a number"),
    "no list": (lambda: tg.optim.SGD(None), TypeError, r"list of parameters, got .*NoneType.*write \[w, b\]"),
    "a module": (lambda: tg.optim.SGD(tg.nn.Linear(1, 1)), TypeError, r"got .*Linear.*write model\.parameters\(\)"),
    "named parameters": (lambda: tg.optim.SGD(tg.nn.Linear(1, 1).named_parameters()), TypeError,
                         r"parameter 0 is .*tuple.*model\.parameters\(\)"),
    "group without parameters": (lambda: tg.optim.SGD([{"lr": 0.1}]), ValueError, "needs its parameters.*got lr"),
    "gradients set to zero": (lambda: tg.optim.SGD([w()]).zero_grad(set_to_none=False), ValueError, "leave set_to_none"),
    "no parameters": (lambda: tg.optim.SGD([], lr=0.1), ValueError, "parameter list is empty"),
    "negative lr": (lambda: tg.optim.SGD([w()], lr=-1), ValueError, "lr must be >= 0, got -1"),
    "nan lr": (lambda: tg.optim.SGD([w()], lr=float("nan")), ValueError, "lr must be >= 0"),
    "nesterov": (lambda: tg.optim.SGD([w()], lr=1, nesterov=True), ValueError, "nesterov needs momentum"),
    "one tensor": (lambda: tg.optim.SGD(w(), lr=1), TypeError, r"write \[w\]"),
    "non-leaf": (lambda: tg.optim.SGD([w() * 2], lr=1), RuntimeError, "not a leaf"),
    "twice": (lambda: tg.optim.SGD([p := w(), p], lr=1), ValueError, "appears twice"),
    "no optimizer state": (lambda: sgd().load_state_dict(None), TypeError, "load_state_dict: expected what optimizer.*NoneType"),
    "an empty optimizer state": (lambda: sgd().load_state_dict({}), TypeError, "load_state_dict: expected what"),
    "a group of nothing": (saved(param_groups=[None]), TypeError, "load_state_dict: expected what.*the keys param_groups, state"),
    "state of nothing": (saved(state=None), TypeError, "load_state_dict: expected what"),
    "state of parameter 5": (saved(state={5: {}}), ValueError, "from 0 to 0.*for 5"),
    "state of parameter -1": (saved(state={-1: {}}), ValueError, "from 0 to 0.*for -1"),
    "velocity of another": (saved(state={0: {"velocity": tg.Tensor([1.0])}}), ValueError, r"'velocity' has the shape \(1,\).*'w'"),
    "saved lr as text": (of_group(lr="a"), TypeError, "SGD: lr must be a number, got str"),
    "saved lr below 0": (of_group(lr=-1), ValueError, "SGD: lr must be >= 0"),
    "saved option of another": (of_group(betas=(0.9, 0.99)), ValueError, "SGD: unknown option 'betas'"),
    "a group without a list": (lambda: tg.optim.SGD([{"params": None}]), TypeError, r"SGD: expected a list.*NoneType; write \[w, b\]"),
    "a group of a module": (lambda: tg.optim.SGD([{"params": layer()}]), TypeError, r"got Linear; write model\.parameters\(\)"),
    "one group": (lambda: tg.optim.SGD({"params": [w()]}), TypeError, r"got dict; write \[group\]"),
    "a state for parameters": (lambda: tg.optim.SGD(layer().state_dict()), TypeError, r"write model\.parameters\(\), not"),
    "add nothing": (lambda: sgd().add_param_group(None), TypeError, "SGD: a group is a dict.*NoneType"),
    "add a list": (lambda: sgd().add_param_group([w()]), TypeError, "SGD: a group is a dict.*list"),
    "no closure": (lambda: sgd().step(3), TypeError, r"SGD\.step: expected a function.*got int.*loss\.backward\(\)"),
    "lr True": (lambda: sgd(lr=True), TypeError, "SGD: lr must be a number, got bool"),
    "lr inf": (lambda: sgd(lr=np.inf), ValueError, "SGD: lr must be finite, got inf"),
    "lr beyond floats": (lambda: sgd(lr=10**400), ValueError, "SGD: lr must be finite"),
    "lr of a Tensor": (lambda: sgd(lr=tg.Tensor(0.1)), TypeError, r"SGD: lr must be a number.*write \.item\(\)"),
    "dampening nan": (lambda: sgd(momentum=0.9, dampening=np.nan), ValueError, "SGD: dampening must be finite, got nan"),
    "momentum inf": (lambda: sgd(momentum=np.inf), ValueError, "SGD: momentum must be finite"),
    "decay inf": (lambda: sgd(weight_decay=np.inf), ValueError, "SGD: weight_decay must be finite"),
    "nesterov as text": (lambda: sgd(nesterov="no"), TypeError, "SGD: nesterov: expected True or False"),
    "upwards as text": (lambda: sgd(maximize="yes"), TypeError, "SGD: maximize: expected True or False"),
    "fused": (lambda: sgd(fused=True), ValueError, "SGD: unknown option 'fused', leave it out: tg.compile"),
    "gradients set to text": (lambda: sgd().zero_grad("no"), ValueError, "leave set_to_none out"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
