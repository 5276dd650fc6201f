"""Schedules: against sequences written down and PyTorch's, and in compiled steps."""

from __future__ import annotations

import copy
import math
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w
from tinygrad_gd.optim import lr_scheduler

METRICS = [3.0, 2.0, 2.5, 2.1, 2.0, 1.9, 1.99, 1.9, 1.9, 1.9, 1.9, 1.9, 0.5, 0.6, 0.7, 0.8, 0.9] * 2


def sequential(s: Any, o: Any) -> Any:
    return s.SequentialLR(o, [s.LinearLR(o, 0.1, total_iters=4), s.ConstantLR(o, 0.5, 3), s.ExponentialLR(o, 0.9)], [4, 10])


def chained(s: Any, o: Any) -> Any:
    return s.ChainedScheduler([s.ConstantLR(o, 0.1, 5), s.ExponentialLR(o, 0.9), s.StepLR(o, 7)])


#: By name: a scheduler of ``s``, a module of schedulers, for an optimizer.
SCHEDULES: dict[str, Callable[[Any, Any], Any]] = {
    "lambda": lambda s, o: s.LambdaLR(o, lambda t: 0.95**t),
    "lambdas": lambda s, o: s.LambdaLR(o, [lambda t: 0.95**t, lambda t: 1 / (t + 1)]),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda t: 0.9 + 0.1 / t),
    "multiplicatives": lambda s, o: s.MultiplicativeLR(o, [lambda t: 0.95, lambda t: 1 / (t + 1)]),
    "step": lambda s, o: s.StepLR(o, 3),
    "step gamma": lambda s, o: s.StepLR(o, 4, gamma=0.5),
    "multistep": lambda s, o: s.MultiStepLR(o, [3, 8, 8, 20], gamma=0.3),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.9),
    "constant": lambda s, o: s.ConstantLR(o),
    "constant factor": lambda s, o: s.ConstantLR(o, 0.25, 7),
    "linear": lambda s, o: s.LinearLR(o),
    "linear down": lambda s, o: s.LinearLR(o, 1.0, 0.1, 9),
    "polynomial": lambda s, o: s.PolynomialLR(o),
    "polynomial power": lambda s, o: s.PolynomialLR(o, 12, 2.5),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 10),
    "cosine eta": lambda s, o: s.CosineAnnealingLR(o, 7, 0.01),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 5),
    "restarts longer": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 5),
    "cyclic down": lambda s, o: s.CyclicLR(o, [0.01, 0.02], [0.1, 0.3], 4, 8, mode="triangular2"),
    "cyclic exp": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 3, mode="exp_range", gamma=0.9, cycle_momentum=False),
    "cyclic scale": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 3, scale_fn=lambda n: 1 / n, base_momentum=0.5),
    "cyclic iterations": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 3, scale_fn=lambda n: 0.9**n, scale_mode="iterations"),
    "one cycle": lambda s, o: s.OneCycleLR(o, 0.5, total_steps=40),
    "one cycle linear": lambda s, o: s.OneCycleLR(o, [0.5, 0.2], epochs=8, steps_per_epoch=5, anneal_strategy="linear", pct_start=0.25),
    "one cycle of three": lambda s, o: s.OneCycleLR(o, 0.5, 40, three_phase=True, div_factor=10, final_div_factor=100.0),
    "one cycle alone": lambda s, o: s.OneCycleLR(o, 0.5, 40, cycle_momentum=False),
    "plateau": lambda s, o: s.ReduceLROnPlateau(o, patience=2),
    "plateau max": lambda s, o: s.ReduceLROnPlateau(o, "max", 0.5, 1, threshold=0.1, threshold_mode="abs", cooldown=2, min_lr=0.01),
    "plateau abs": lambda s, o: s.ReduceLROnPlateau(o, "min", 0.5, 1, threshold=0.05, threshold_mode="abs", min_lr=[0.0, 0.02]),
    "plateau max rel": lambda s, o: s.ReduceLROnPlateau(o, "max", 0.5, 0, threshold=0.01, eps=0.01),
    "sequential": sequential,
    "chained": chained,
}
OPTIMIZERS: dict[str, dict[str, Any]] = {"SGD": {"momentum": 0.9}, "Adam": {"betas": (0.8, 0.99)}}


def ours(name: str = "SGD", **options: Any) -> Any:
    groups = [{"params": [w(1.0)]}, {"params": [w(2.0)], "lr": 0.3}]
    return getattr(tg.optim, name)(groups, **{"lr": 0.2, **OPTIMIZERS[name], **options})


def theirs(torch: Any, name: str) -> Any:
    groups = [{"params": [torch.zeros(1, requires_grad=True)]}, {"params": [torch.zeros(1, requires_grad=True)], "lr": 0.3}]
    return getattr(torch.optim, name)(groups, lr=0.2, **OPTIMIZERS[name])


def rates(optimizer: Any, scheduler: Any, epochs: int = 30, start: int = 0) -> list[list[float]]:
    """Rates and momentum of both groups, at first and after each epoch."""
    found = []
    for t in range(start, epochs + 1):
        groups = optimizer.param_groups
        found.append([v for g in groups for v in (g["lr"], g["momentum"] if "momentum" in g else g["betas"][0])])
        assert scheduler.get_last_lr() == [g["lr"] for g in groups]
        optimizer.step()
        plateau = type(scheduler).__name__ == "ReduceLROnPlateau"
        scheduler.step(METRICS[t]) if plateau else scheduler.step()
    return found


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", SCHEDULES)
def test_sequences_equal_pytorchs(name: str, optimizer: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    a, b = ours(optimizer), theirs(torch, optimizer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = rates(b, SCHEDULES[name](torch.optim.lr_scheduler, b))
    found = rates(a, SCHEDULES[name](lr_scheduler, a))
    assert len({tuple(row) for row in found}) > 1
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_state_of_pytorch_is_gone_on_with(name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    a, b = ours(), theirs(torch, "SGD")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = SCHEDULES[name](torch.optim.lr_scheduler, b)
        rates(b, other, 12)
        state = copy.deepcopy(b.state_dict()), copy.deepcopy(other.state_dict())
        expected = rates(b, other, 30, 13)
    scheduler = SCHEDULES[name](lr_scheduler, a)
    a.load_state_dict(state[0])
    scheduler.load_state_dict(state[1])
    np.testing.assert_allclose(rates(a, scheduler, 30, 13), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_loaded_schedule_goes_on_as_the_one_that_was_saved(name: str) -> None:
    optimizer, other = ours(), ours(lr=7.0)
    scheduler, fresh = (SCHEDULES[name](lr_scheduler, o) for o in (optimizer, other))
    rates(optimizer, scheduler, 12)
    saved = pickle.loads(pickle.dumps([optimizer.state_dict(), scheduler.state_dict()]))
    expected = rates(optimizer, scheduler, 30, 13)
    other.load_state_dict(saved[0])
    fresh.load_state_dict(saved[1])
    assert rates(other, fresh, 30, 13) == expected


# -- sequences written down ------------------------------------------------------------------------

HALF = 1 / 2
#: Schedules of a rate that begins at 1, and what it is in the first epochs.
WRITTEN: dict[str, tuple[Callable[[Any], Any], list[float]]] = {
    "lambda": (lambda o: lr_scheduler.LambdaLR(o, lambda t: 1 / (1 + t)), [1, 1 / 2, 1 / 3, 1 / 4]),
    "step": (lambda o: lr_scheduler.StepLR(o, 2, 0.5), [1, 1, 0.5, 0.5, 0.25]),
    "multistep": (lambda o: lr_scheduler.MultiStepLR(o, [1, 3, 3], 0.5), [1, 0.5, 0.5, 0.125]),
    "exponential": (lambda o: lr_scheduler.ExponentialLR(o, 0.5), [1, 0.5, 0.25]),
    "constant": (lambda o: lr_scheduler.ConstantLR(o, 0.25, 2), [0.25, 0.25, 1, 1]),
    "linear": (lambda o: lr_scheduler.LinearLR(o, 0.5, 1, 4), [0.5, 0.625, 0.75, 0.875, 1, 1]),
    "polynomial": (lambda o: lr_scheduler.PolynomialLR(o, 4, 2), [1, 9 / 16, 4 / 16, 1 / 16, 0, 0]),
    "cosine": (lambda o: lr_scheduler.CosineAnnealingLR(o, 4), [(1 + math.cos(math.pi * t / 4)) / 2 for t in range(10)]),
    "restarts": (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2, 2),
                 [1, HALF, *((1 + math.cos(math.pi * t / 4)) / 2 for t in range(4)), 1]),
    "cyclic": (lambda o: lr_scheduler.CyclicLR(o, 1.0, 3.0, 2, cycle_momentum=False), [1, 2, 3, 2, 1, 2]),
    "cyclic halved": (lambda o: lr_scheduler.CyclicLR(o, 1.0, 3.0, 1, 2, "triangular2", cycle_momentum=False), [1, 3, 2, 1, 2, 1.5, 1]),
    "one cycle": (lambda o: lr_scheduler.OneCycleLR(o, 5.0, 9, pct_start=1 / 3, anneal_strategy="linear", div_factor=5.0,
                                                    final_div_factor=1.0), [1, 3, 5, *(5 - 4 * k / 6 for k in range(1, 7))]),
    "sequential": (lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, 0.5, total_iters=2), lr_scheduler.ExponentialLR(o, 0.5)], [3]), [0.5, 0.75, 1, 1, 0.5, 0.25]),
    "chained": (lambda o: lr_scheduler.ChainedScheduler(
        [lr_scheduler.ConstantLR(o, 0.25, 2), lr_scheduler.ExponentialLR(o, 0.5)]), [0.25, 0.125, 0.25, 0.125]),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_sequence_is_what_its_name_says(name: str) -> None:
    optimizer = tg.optim.SGD([w()], lr=1.0, momentum=0.5)
    scheduler, found = WRITTEN[name][0](optimizer), []
    for _ in WRITTEN[name][1]:
        found.append(optimizer.param_groups[0]["lr"])
        scheduler.step()
    np.testing.assert_allclose(found, WRITTEN[name][1], rtol=1e-12, atol=1e-15)


def test_a_plateau_is_waited_for() -> None:
    optimizer = tg.optim.SGD([w()], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, cooldown=1, min_lr=0.25)
    found = []
    for loss in (2, 1, 1, tg.Tensor(1.0, requires_grad=True), 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5):
        scheduler.step(loss)
        found.append(optimizer.param_groups[0]["lr"])
    assert found == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25]


def test_restarts_take_a_part_of_an_epoch() -> None:
    optimizer = tg.optim.SGD([w()], lr=1.0)
    scheduler = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 2, 2)
    for epoch, share in ((0.5, 0.25), (2, 0.0), (5, 0.75), (6.0, 0.0), (10, 0.5)):
        scheduler.step(epoch)
        assert optimizer.param_groups[0]["lr"] == pytest.approx((1 + math.cos(math.pi * share)) / 2)


def test_sequences_may_be_nested() -> None:
    optimizer = tg.optim.SGD([w()], lr=1.0)
    inner = lr_scheduler.ChainedScheduler([lr_scheduler.ConstantLR(optimizer, 0.5, 1), lr_scheduler.ExponentialLR(optimizer, 0.5)])
    scheduler = lr_scheduler.SequentialLR(optimizer, [lr_scheduler.ConstantLR(optimizer, 0.25, 9), inner], [2])
    found = []
    for _ in range(5):
        found.append(optimizer.param_groups[0]["lr"])
        scheduler.step()
    assert found == [0.25, 0.25, 0.5, 0.5, 0.25]


def test_a_schedule_may_go_on_with_the_number_of_its_last_epoch() -> None:
    optimizer = ours()
    lr_scheduler.CosineAnnealingLR(optimizer, 10)
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, 10, last_epoch=4)
    assert scheduler.last_epoch == 5 and scheduler.base_lrs == [0.2, 0.3]


# -- in compiled steps -----------------------------------------------------------------------------


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("name", ["cosine", "one cycle", "cyclic down", "sequential"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_compiled_step_sees_the_new_rate_at_once(optimizer: str, name: str, frozen: bool) -> None:
    def run(compiled: bool) -> list[bytes]:
        p, q = tg.Tensor([1.0, 2.0], requires_grad=True), w(0.5)
        made = getattr(tg.optim, optimizer)([{"params": [p]}, {"params": [q], "lr": 0.03}], lr=0.02, **OPTIMIZERS[optimizer])
        scheduler = SCHEDULES[name](lr_scheduler, made)

        def step() -> Any:
            made.zero_grad()
            loss = (np.sin(p) * np.cos(q)).sum()
            loss.backward()
            made.step()
            return loss

        call: Any = tg.compile(step, strict=True, frozen=frozen) if compiled else step
        found = []
        for _ in range(20):
            call()
            scheduler.step()
            found.append(p.numpy().tobytes() + q.numpy().tobytes())
        if compiled:
            assert call._lockstep.records == 2 and not call.problem
        return found

    assert run(compiled=True) == run(compiled=False)


def test_a_schedule_may_be_part_of_a_compiled_step() -> None:
    def run(compiled: bool) -> list[float]:
        p = w(1.0)
        optimizer = tg.optim.SGD([p], lr=0.25)
        scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)

        def step() -> Any:
            optimizer.zero_grad()
            loss = p * p
            loss.backward()
            optimizer.step()
            scheduler.step()
            return loss

        call = tg.compile(step, strict=True) if compiled else step
        return [call().item() for _ in range(8)]

    assert run(compiled=True) == run(compiled=False)


# -- misuse -----------------------------------------------------------------------------------------


def sgd() -> Any:
    return tg.optim.SGD([w()], lr=0.1)


def wrong(name: str, *args: Any, **options: Any) -> Any:
    return lambda: getattr(lr_scheduler, name)(sgd(), *args, **options)


def of_two() -> Any:
    return lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(sgd(), 1), lr_scheduler.StepLR(sgd(), 1)])


MISUSE: Table = {
    "no optimizer": (lambda: lr_scheduler.StepLR([w()], 3), TypeError, r"StepLR: expected an optimizer, got list.*write StepLR\(optimizer"),  # type: ignore[arg-type]
    "step size 0": (wrong("StepLR", 0), ValueError, "StepLR: step_size must be an integer of at least 1, got int 0"),
    "step size of text": (wrong("StepLR", "3"), TypeError, "StepLR: step_size must be an integer"),
    "gamma of text": (wrong("ExponentialLR", "a"), TypeError, "ExponentialLR: gamma must be a number, got str"),
    "gamma nan": (wrong("ExponentialLR", np.nan), ValueError, "ExponentialLR: gamma must be no NaN, got nan"),
    "no function": (wrong("LambdaLR", 0.5), TypeError, "LambdaLR: expected a function of the epoch"),
    "two functions": (wrong("LambdaLR", [abs, abs]), TypeError, "for each of 1 groups"),
    "factor 2": (wrong("ConstantLR", 2.0), ValueError, "ConstantLR: factor must be from 0 to 1, got 2.0"),
    "start 0": (wrong("LinearLR", 0.0), ValueError, "LinearLR: start_factor must be > 0"),
    "T_max 0": (wrong("CosineAnnealingLR", 0), ValueError, "CosineAnnealingLR: T_max must be an integer of at least 1"),
    "epoch below 0": (lambda: lr_scheduler.CosineAnnealingWarmRestarts(sgd(), 3).step(-1), ValueError, "epoch must be >= 0"),
    "resumed without a start": (wrong("StepLR", 3, last_epoch=2), ValueError, "group 0 has no 'initial_lr'.*load the optimizer's state"),
    "no mode": (wrong("CyclicLR", 0.1, 1.0, mode="square"), ValueError, "CyclicLR: mode must be 'triangular' or"),
    "two rates for one group": (wrong("CyclicLR", [0.1, 0.2], 1.0), ValueError, "base_lr: expected a number for each of 1 groups, got 2"),
    "no momentum": (lambda: lr_scheduler.CyclicLR(tg.optim.Adagrad([w()]), 0.1, 1.0), ValueError, "Adagrad has no momentum.*cycle_momentum=False"),
    "no length": (wrong("OneCycleLR", 0.1), ValueError, "OneCycleLR: expected total_steps, or epochs and steps_per_epoch"),
    "too many steps": (lambda: [s := lr_scheduler.OneCycleLR(sgd(), 0.1, 4), [s.step() for _ in range(6)]], ValueError,
                       "OneCycleLR: step 5 of 4; give total_steps"),
    "factor 1": (wrong("ReduceLROnPlateau", factor=1.0), ValueError, "factor must be < 1"),
    "better": (wrong("ReduceLROnPlateau", "best"), ValueError, "mode must be 'min' or 'max', got 'best'"),
    "no schedulers": (wrong("SequentialLR", [], []), ValueError, "SequentialLR: expected at least one scheduler"),
    "one milestone": (lambda: lr_scheduler.SequentialLR(o := sgd(), [lr_scheduler.StepLR(o, 1)] * 2, 3), TypeError,
                      r"SequentialLR: milestones are a list of integers, got int; write \[3\]"),
    "too few milestones": (lambda: lr_scheduler.SequentialLR(o := sgd(), [lr_scheduler.StepLR(o, 1)] * 2, []), ValueError,
                           "expected 1 milestones for 2 schedulers, got 0"),
    "a plateau in a chain": (lambda: lr_scheduler.ChainedScheduler([lr_scheduler.ReduceLROnPlateau(sgd())]), TypeError,
                             "expected schedulers that step by epochs alone"),
    "a number": (lambda: lr_scheduler.ChainedScheduler(3), TypeError, "ChainedScheduler: expected a list of schedulers"),  # type: ignore[arg-type]
    "of two optimizers": (of_two, ValueError, "expected schedulers of the same optimizer"),
    "a rate below 0": (wrong("LambdaLR", lambda t: -1.0), ValueError, "SGD: lr must be >= 0, got -0.1"),
    "a state of another": (lambda: lr_scheduler.ExponentialLR(sgd(), 0.1).load_state_dict(lr_scheduler.StepLR(sgd(), 1).state_dict()),
                           ValueError, "ExponentialLR has no 'step_size'"),
    "no state": (lambda: lr_scheduler.StepLR(sgd(), 1).load_state_dict({}), TypeError, r"expected what StepLR\.state_dict\(\) gives"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
