"""Clipped gradients: against arithmetic and PyTorch's, and in compiled steps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w
from tinygrad_gd.nn.utils import (
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)

RNG = np.random.default_rng(0)
SLOPES = [RNG.standard_normal((3, 4)), RNG.standard_normal(5), np.array(0.5)]


def params(dtype: Any = np.float64) -> list[Any]:
    made = [tg.Tensor(np.zeros_like(g, dtype), requires_grad=True) for g in SLOPES]
    for p, g in zip(made, SLOPES, strict=True):
        p.grad = g.astype(dtype)
    return [*made, w()]


@pytest.mark.parametrize("norm_type", [2.0, 1, 3.5, math.inf])
@pytest.mark.parametrize("max_norm", [0.1, 1e3, 0.0])
def test_gradients_are_as_long_as_they_may_be(norm_type: float, max_norm: float) -> None:
    held = params()
    norm = clip_grad_norm_(held, max_norm, norm_type)
    every = np.concatenate([g.ravel() for g in SLOPES])
    expected = np.linalg.norm(every, norm_type)
    assert norm.item() == pytest.approx(expected, rel=1e-12) and not norm.requires_grad
    for p, g in zip(held, SLOPES, strict=False):
        factor = min(1.0, max_norm / (expected + 1e-6))
        np.testing.assert_allclose(p.grad.numpy(), g * factor, rtol=1e-12, atol=0)
    assert held[-1].grad is None


@pytest.mark.parametrize("norm_type", [2.0, 1, 3.5, math.inf])
@pytest.mark.parametrize("max_norm", [0.1, 1e3])
def test_norms_equal_pytorchs(norm_type: float, max_norm: float) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    ours, theirs = params(), [torch.tensor(np.zeros_like(g), requires_grad=True) for g in SLOPES]
    for p, g in zip(theirs, SLOPES, strict=True):
        p.grad = torch.tensor(g)
    norms = clip_grad_norm_(ours, max_norm, norm_type), torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    assert norms[0].item() == pytest.approx(norms[1].item(), rel=1e-13)
    for p, q in zip(ours, theirs, strict=False):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-13, atol=0)


def test_values_are_clipped_one_by_one() -> None:
    held = params()
    clip_grad_value_(held, np.float32(0.25))
    for p, g in zip(held, SLOPES, strict=False):
        assert np.array_equal(p.grad.numpy(), np.clip(g, -0.25, 0.25)) and p.grad.dtype == np.float64


def test_dtypes_stay_and_whole_parameters_may_be_given() -> None:
    p = params(np.float32)[0]
    held = params()
    assert clip_grad_norm_(p, 0.1).dtype == np.float32 and p.grad.dtype == np.float32
    assert clip_grad_norm_(iter([p, held[0]]), 0.01).dtype == np.float64
    assert p.grad.dtype == np.float32 and held[0].grad.dtype == np.float64
    assert clip_grad_norm_([w()], 1.0).item() == 0.0 and clip_grad_norm_([], 1.0).item() == 0.0
    assert tg.optim.clip_grad_norm_ is clip_grad_norm_ is tg.nn.utils.clip_grad_norm_


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("how", ["norm", "inf", "value", "error"])
def test_a_compiled_step_clips_with_the_same_bits(how: str, frozen: bool) -> None:
    def run(compiled: bool) -> list[Any]:
        rng = np.random.default_rng(0)
        x, y = rng.standard_normal((16, 3)), 20 * rng.standard_normal((16, 1))
        net = [tg.Tensor(rng.standard_normal((3, 4)), requires_grad=True), tg.Tensor(rng.standard_normal((4, 1)), requires_grad=True)]
        optimizer = tg.optim.Adam(net, lr=0.01)

        def step() -> Any:
            loss = ((np.tanh(x @ net[0]) @ net[1] - y) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            if how == "value":
                clip_grad_value_(net, 0.5)
                norm = loss
            else:
                norm = clip_grad_norm_(net, 0.5, math.inf if how == "inf" else 2, error_if_nonfinite=how == "error")
            optimizer.step()
            return loss, norm

        strict = how != "error" or not frozen  # a frozen step looks at nothing
        call: Any = tg.compile(step, frozen=frozen, strict=strict) if compiled else step
        found: list[Any] = []
        for _ in range(8):
            if compiled and not strict and len(found) == 2:
                with pytest.warns(tg.CaptureWarning, match="takes the values"):
                    found.append([t.item() for t in call()])
            else:
                found.append([t.item() for t in call()])
        if compiled:
            assert not call.problem and call._lockstep.hits >= 2
        gradients = [] if frozen else [p.grad.numpy().tobytes() for p in net]  # a program uses them up
        return [*found, *(p.numpy().tobytes() for p in net), *gradients]

    assert run(compiled=True) == run(compiled=False)


@pytest.mark.parametrize("frozen", [False, True])
def test_clipped_gradients_are_there_after_a_compiled_call(frozen: bool) -> None:
    def run(compiled: bool) -> list[Any]:
        p = tg.Tensor([3.0, 4.0], requires_grad=True)

        def slope(x: Any) -> Any:
            p.grad = None
            loss = (p * p * x).sum()
            loss.backward()
            return loss, clip_grad_norm_(p, 1.0)

        call: Any = tg.compile(slope, frozen=frozen, strict=True) if compiled else slope
        found = []
        for k in range(6):
            loss, norm = call(np.array([1.0, k]))
            assert p.grad is not None
            found.append((loss.item(), norm.item(), p.grad.tolist()))
        return found

    assert run(compiled=True) == run(compiled=False)


MISUSE: Table = {
    "a model": (lambda: clip_grad_norm_(tg.nn.Linear(1, 1), 1.0), TypeError,  # type: ignore[arg-type]
                r"clip_grad_norm_: expected parameters, got Linear; write model\.parameters\(\)"),
    "arrays": (lambda: clip_grad_norm_([np.ones(2)], 1.0), TypeError, "parameter 0 is .*expected a Tensor"),  # type: ignore[list-item]
    "a norm of text": (lambda: clip_grad_norm_([w()], "1"), TypeError, "max_norm must be a number, got str"),  # type: ignore[arg-type]
    "a norm below 0": (lambda: clip_grad_norm_([w()], -1.0), ValueError, "max_norm must be >= 0, got -1.0"),
    "a norm that is NaN": (lambda: clip_grad_norm_([w()], np.nan), ValueError, "max_norm must be >= 0"),
    "a Tensor": (lambda: clip_grad_value_([w()], tg.Tensor(1.0)), TypeError, r"clip_value must be.*write \.item\(\)"),  # type: ignore[arg-type]
    "order 0": (lambda: clip_grad_norm_([w()], 1.0, 0), ValueError, "norm_type must be > 0, got 0"),
    "no switch": (lambda: clip_grad_norm_([w()], 1.0, error_if_nonfinite=1), TypeError, "error_if_nonfinite: expected True"),  # type: ignore[arg-type]
    "NaN": (lambda: clip_grad_norm_(nan(), 1.0, error_if_nonfinite=True), tg.NonFiniteError, "norm of the gradients is nan"),
}


def nan() -> tg.Tensor:
    p = w(1.0)
    p.grad = np.nan
    return p


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])


def test_a_norm_that_is_nan_makes_all_gradients_nan_as_in_pytorch() -> None:
    p, q = nan(), w(1.0)
    q.grad = 1.0
    assert math.isnan(clip_grad_norm_([p, q], 1.0).item()) and q.grad is not None and math.isnan(q.grad.item())


def test_an_endless_norm_may_be_written_as_a_text() -> None:
    first, second = params(), params()
    assert clip_grad_norm_(first, 0.1, "inf").item() == clip_grad_norm_(second, 0.1, math.inf).item()
    assert [p.grad.tolist() for p in first[:3]] == [p.grad.tolist() for p in second[:3]]
    with pytest.raises(TypeError, match="norm_type must be a number, got str"):
        clip_grad_norm_(first, 0.1, "2")


@pytest.mark.parametrize("norm_type", [2.0, 1, 3.5, math.inf, "inf"])
def test_a_norm_may_be_computed_before_gradients_are_clipped(norm_type: Any) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    ours, together = params()[:3], params()[:3]
    norm = get_total_norm([p.grad for p in ours], norm_type)
    theirs = [torch.tensor(np.zeros_like(g), requires_grad=True) for g in SLOPES]
    for p, g in zip(theirs, SLOPES, strict=True):
        p.grad = torch.tensor(g)
    other = torch.nn.utils.get_total_norm([p.grad for p in theirs], float(norm_type))
    assert norm.item() == pytest.approx(other.item(), rel=1e-13)
    assert clip_grads_with_norm_(ours, 0.1, norm) is None  # type: ignore[func-returns-value]
    torch.nn.utils.clip_grads_with_norm_(theirs, 0.1, other)
    clip_grad_norm_(together, 0.1, norm_type)
    for p, q, r in zip(ours, theirs, together, strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-13, atol=0)
        assert p.grad.tolist() == r.grad.tolist()
    with pytest.raises(tg.NonFiniteError, match="get_total_norm: the norm of the gradients is nan"):
        get_total_norm([tg.Tensor(np.nan)], error_if_nonfinite=True)
