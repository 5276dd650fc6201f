"""Adam and its kin, Lion, Rprop, ASGD: against formulas written out here, and PyTorch's, option by option."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w
from tests.optim.trajectories import ALL, OPTIONS, Problem, trajectories


@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=str)
def test_trajectory_equals_pytorch(name: str, options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    ours, theirs = trajectories(torch, name, options)
    assert np.abs(ours[-1] - ours[0]).mean() > 1e-3
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


# -- formulas, as papers have them -----------------------------------------------------------------


def adam(t: int, g: float, m: float, v: float) -> tuple[float, float, float]:
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return m, v, 0.1 * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)


def nadam(t: int, g: float, m: float, v: float) -> tuple[float, float, float]:
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    mu = [0.9 * (1 - 0.5 * 0.96 ** (0.004 * k)) for k in range(t + 2)]
    ahead = mu[t + 1] * m / (1 - math.prod(mu[1 : t + 2])) + (1 - mu[t]) * g / (1 - math.prod(mu[1 : t + 1]))
    return m, v, 0.1 * ahead / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)


def radam(t: int, g: float, m: float, v: float) -> tuple[float, float, float]:
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    limit = 2 / (1 - 0.999) - 1
    rho = limit - 2 * t * 0.999**t / (1 - 0.999**t)
    if rho <= 5:
        return m, v, 0.1 * m / (1 - 0.9**t)
    r = math.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
    return m, v, 0.1 * m / (1 - 0.9**t) * r * math.sqrt(1 - 0.999**t) / (math.sqrt(v) + 1e-8)


def adamax(t: int, g: float, m: float, u: float) -> tuple[float, float, float]:
    m, u = 0.9 * m + 0.1 * g, max(0.999 * u, abs(g) + 1e-8)
    return m, u, 0.1 / (1 - 0.9**t) * m / u


def rmsprop(t: int, g: float, _: float, v: float) -> tuple[float, float, float]:
    v = 0.99 * v + 0.01 * g * g
    return 0.0, v, 0.1 * g / (math.sqrt(v) + 1e-8)


def adagrad(t: int, g: float, _: float, s: float) -> tuple[float, float, float]:
    return 0.0, s + g * g, 0.1 * g / (math.sqrt(s + g * g) + 1e-10)


def adadelta(t: int, g: float, d: float, v: float) -> tuple[float, float, float]:
    v = 0.9 * v + 0.1 * g * g
    step = math.sqrt(d + 1e-6) / math.sqrt(v + 1e-6) * g
    return 0.9 * d + 0.1 * step * step, v, 0.1 * step


def lion(t: int, g: float, m: float, _: float) -> tuple[float, float, float]:
    return 0.99 * m + 0.01 * g, 0.0, math.copysign(0.1, 0.9 * m + 0.1 * g)


def rprop(t: int, g: float, last: float, size: float) -> tuple[float, float, float]:
    size = size or 0.1
    if g * last < 0:
        return 0.0, max(0.5 * size, 1e-6), 0.0
    size = min(1.2 * size, 50.0) if g * last > 0 else size
    return g, size, math.copysign(size, g)


FORMULAS = {"Lion": lion, "Rprop": rprop, "Adam": adam, "NAdam": nadam, "RAdam": radam, "Adamax": adamax, "RMSprop": rmsprop,
            "Adagrad": adagrad, "Adadelta": adadelta}


@pytest.mark.parametrize("name", FORMULAS)
def test_every_step_is_that_of_the_formula(name: str) -> None:
    p, value, first, second = tg.Tensor(2.0, requires_grad=True), 2.0, 0.0, 0.0
    optimizer = getattr(tg.optim, name)([p], lr=0.1)
    for t in range(1, 21):
        g = 3 * math.cos(t) + value  # of both signs
        first, second, step = FORMULAS[name](t, g, first, second)
        value -= step
        p.grad = g
        optimizer.step()
        assert p.item() == pytest.approx(value, rel=1e-12)


def test_adamw_takes_the_decay_off_the_weight_and_adam_adds_it_to_the_gradient() -> None:
    def after(**options: Any) -> float:
        p = tg.Tensor(2.0, requires_grad=True)
        p.grad = -1.0
        tg.optim.Adam([p], lr=0.125, **options).step()
        return p.item()

    assert after(weight_decay=1.0) == pytest.approx(2.0 - 0.125)  # the gradient is -1 + 2 then
    assert after(weight_decay=1.0, decoupled_weight_decay=True) == pytest.approx(2.0 * 0.875 + 0.125)


def test_asgd_averages_the_points_it_comes_by() -> None:
    p = w(2.0)
    optimizer = tg.optim.ASGD([p], lr=0.1, lambd=0.5, alpha=0.5, t0=3.0)
    value, eta, points = 2.0, 0.1, []
    for t in range(1, 10):
        p.grad = 1.0
        optimizer.step()
        value -= eta * (0.5 * value + 1.0)
        eta = 0.1 / (1 + 0.5 * 0.1 * t) ** 0.5
        points.append(value)
        assert p.item() == pytest.approx(value, rel=1e-13)
        assert optimizer.state[p]["ax"].item() == pytest.approx(np.mean(points[4:] if t > 5 else points[-1:]), rel=1e-13)


def test_lion_shrinks_weights_by_themselves() -> None:
    p = w(2.0)
    p.grad = 1.0
    tg.optim.Lion([p], lr=0.125, weight_decay=1.0).step()
    assert p.item() == 2.0 * 0.875 - 0.125


# -- the number of the step -------------------------------------------------------------------------


def two() -> tuple[Any, tg.Tensor, tg.Tensor]:
    a, b = w(1.0), w(2.0)
    a.grad = b.grad = 0.5
    return tg.optim.Adam([a, b], lr=0.1), a, b


def test_parameters_share_the_number_of_the_step_while_they_are_updated_together() -> None:
    optimizer, a, b = two()
    optimizer.step()
    shared = optimizer.state[a]["step"]
    assert optimizer.state[b]["step"] is shared and shared.item() == 1.0
    b.grad = None
    optimizer.step()
    assert optimizer.state[a]["step"].item() == 2.0 and optimizer.state[b]["step"].item() == 1.0
    b.grad = 0.5
    optimizer.step()
    assert [optimizer.state[p]["step"].item() for p in (a, b)] == [3.0, 2.0]


def test_a_parameter_that_moves_to_another_group_is_counted_by_itself() -> None:
    optimizer, a, b = two()
    optimizer.step()
    optimizer.param_groups[0]["params"] = [a]
    optimizer.add_param_group({"params": [b]})
    optimizer.step()
    assert [optimizer.state[p]["step"].item() for p in (a, b)] == [2.0, 2.0]


@pytest.mark.parametrize("how", [
    lambda o: o.state_dict(), lambda o: pickle.loads(pickle.dumps(o.state_dict())), lambda o: copy.deepcopy(o.state_dict())])
def test_a_loaded_state_goes_on_with_the_same_bits_and_shares_again(how: Any) -> None:
    optimizer, a, b = two()
    optimizer.step()
    other, c, d = two()
    other.load_state_dict(how(optimizer))
    assert other.state[c]["step"] is other.state[d]["step"] is not optimizer.state[a]["step"]
    with tg.no_grad():
        c.assign(a)
        d.assign(b)
    for _ in range(3):
        optimizer.step()
        other.step()
    assert (a.item(), b.item()) == (c.item(), d.item()) and other.state[c]["step"].item() == 4.0
    assert [v["step"].item() for v in how(optimizer)["state"].values()] == [4.0, 4.0]


def test_a_state_that_is_saved_stays_what_it_was() -> None:
    optimizer, _, _ = two()
    optimizer.step()
    state = optimizer.state_dict()
    optimizer.step()
    assert state["state"][0]["step"].item() == 1.0 and state["state"][0]["exp_avg"].item() == pytest.approx(0.05)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_copies_of_an_optimizer_share_among_themselves(copied: Any) -> None:
    optimizer, a, _ = two()
    optimizer.step()
    other = copied(optimizer)
    c, d = other.param_groups[0]["params"]
    c.grad = d.grad = 0.5
    other.step()
    optimizer.step()
    assert other.state[c]["step"] is other.state[d]["step"] and other.state[c]["step"].item() == 2.0
    assert c.item() == a.item()


def test_what_is_loaded_gets_the_dtype_of_its_parameter() -> None:
    p = tg.Tensor(np.float32([1.0, 2.0]), requires_grad=True)
    p.grad = np.float32([0.5, 0.5])
    optimizer = tg.optim.Adam([p])
    state = {"step": np.float32(3), "exp_avg": np.ones(2), "exp_avg_sq": np.ones(2)}
    optimizer.load_state_dict({"param_groups": [{"params": [0]}], "state": {0: state}})
    for _ in range(2):
        assert {k: v.dtype for k, v in optimizer.state[p].items()} == {
            "step": np.float64, "exp_avg": np.float32, "exp_avg_sq": np.float32}
        optimizer.step()
    assert optimizer.state[p]["step"].item() == 5.0 and p.dtype == np.float32


@pytest.mark.parametrize("name", ALL)
def test_float32_stays_float32(name: str) -> None:
    problem = Problem(np.float32)
    optimizer = problem.optimizer(name, {})
    problem.steps(optimizer, 3)
    arrays = [t for s in optimizer.state.values() for t in s.values() if t.ndim]
    assert arrays or name == "SGD"
    assert {t.dtype for t in (*problem.params, *arrays)} == {np.dtype(np.float32)}


# -- PyTorch's states -------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=str)
def test_a_state_of_pytorch_is_loaded_and_gone_on_with(name: str, options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    ours, theirs = trajectories(torch, name, options, after=7, until=25)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


# -- misuse -----------------------------------------------------------------------------------------


def adam_of(**options: Any) -> Any:
    return tg.optim.Adam([w()], **options)


def saved(**state: Any) -> Any:
    return lambda: adam_of().load_state_dict({"param_groups": [{"params": [0]}], "state": {0: state}})


MISUSE: Table = {
    "one beta": (lambda: adam_of(betas=0.9), TypeError, r"Adam: betas must be a tuple of 2 numbers, got 0\.9"),
    "three betas": (lambda: adam_of(betas=(0.9, 0.9, 0.9)), TypeError, "betas must be a tuple of 2 numbers"),
    "betas of text": (lambda: adam_of(betas=("a", 0.9)), TypeError, "betas must be a tuple of 2 numbers"),
    "beta 1": (lambda: adam_of(betas=(0.9, 1.0)), ValueError, r"Adam: betas\[1\] must be >= 0 and < 1, got 1\.0"),
    "beta nan": (lambda: adam_of(betas=(np.nan, 0.9)), ValueError, r"Adam: betas\[0\] must be"),
    "eps below 0": (lambda: adam_of(eps=-1.0), ValueError, "Adam: eps must be >= 0, got -1.0"),
    "decay nan": (lambda: adam_of(weight_decay=np.nan), ValueError, "weight_decay must be >= 0"),
    "lr inf": (lambda: adam_of(lr=np.inf), ValueError, "Adam: lr must be finite"),
    "amsgrad 1": (lambda: adam_of(amsgrad=1), TypeError, "Adam: amsgrad: expected True or False"),
    "maximize as text": (lambda: adam_of(maximize="no"), TypeError, "Adam: maximize: expected True or False"),
    "capturable": (lambda: adam_of(capturable=True), ValueError, "unknown option 'capturable', leave it out: tg.compile"),
    "foreach": (lambda: adam_of(foreach=True), ValueError, "unknown option 'foreach', leave it out"),
    "differentiable": (lambda: adam_of(differentiable=True), ValueError, "unknown option 'differentiable', .*tg.grad"),
    "decoupled AdamW": (lambda: tg.optim.AdamW([w()], decoupled_weight_decay=False), TypeError, "decoupled_weight_decay"),
    "rho": (lambda: tg.optim.Adadelta([w()], rho=1.5), ValueError, "Adadelta: rho must be from 0 to 1, got 1.5"),
    "alpha": (lambda: tg.optim.RMSprop([w()], alpha=-1.0), ValueError, "RMSprop: alpha must be >= 0"),
    "lr_decay": (lambda: tg.optim.Adagrad([w()], lr_decay=-1.0), ValueError, "Adagrad: lr_decay must be >= 0"),
    "momentum_decay": (lambda: tg.optim.NAdam([w()], momentum_decay=-1.0), ValueError, "momentum_decay must be >= 0"),
    "etas": (lambda: tg.optim.Rprop([w()], etas=(1.2, 0.5)), ValueError, r"Rprop: etas must be below and above 1"),
    "step_sizes": (lambda: tg.optim.Rprop([w()], step_sizes=(1.0, 0.5)), ValueError, "Rprop: step_sizes must be the least"),
    "decay of Rprop": (lambda: tg.optim.Rprop([w()], weight_decay=0.1), ValueError, "Rprop: unknown option 'weight_decay'"),
    "beta of Lion": (lambda: tg.optim.Lion([w()], betas=(0.9, -0.1)), ValueError, r"Lion: betas\[1\] must be >= 0"),
    "a saved step of many": (saved(step=np.zeros(7)), ValueError, r"'step' has the shape \(7,\)"),
    "a saved step of text": (saved(step="1"), TypeError, "load_state_dict: 'step' must be one number, got str"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    if case == "decoupled AdamW":
        with pytest.raises(TypeError, match="decoupled_weight_decay"):
            MISUSE[case][0]()
    else:
        refused(MISUSE[case])


def test_numbers_of_numpy_are_options_too() -> None:
    optimizer = adam_of(lr=np.float32(0.5), betas=[np.float32(0.5), 0])
    group = optimizer.param_groups[0]
    assert group["betas"] == (0.5, 0.0) and list(map(type, group["betas"])) == [float, float]
    group["betas"] = (0.25, 0.5)
    with pytest.raises(tg.OptionError):
        group["betas"] = (0.25, 2.0)
    assert group["betas"] == (0.25, 0.5)
