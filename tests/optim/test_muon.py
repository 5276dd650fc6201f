"""Muon: what it does to singular values, and PyTorch's without its rounding to 16 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w

RNG = np.random.default_rng(0)
SHAPES = [(4, 6), (6, 4), (5, 5), (1, 7)]
SETS: list[dict[str, Any]] = [
    {}, {"nesterov": False}, {"momentum": 0.5, "weight_decay": 0.0}, {"adjust_lr_fn": "match_rms_adamw"},
    {"adjust_lr_fn": "original"}, {"ns_steps": 3, "ns_coefficients": (1.5, -0.5, 0.1), "eps": 0.1},
]


def both(torch: Any, options: dict[str, Any], steps: int) -> tuple[list[Any], list[Any]]:
    starts, targets = ([RNG.standard_normal(s) for s in SHAPES] for _ in "ab")
    ours, theirs = [tg.Tensor(s, requires_grad=True) for s in starts], [torch.tensor(s, requires_grad=True) for s in starts]
    a, b = tg.optim.Muon(ours, lr=0.02, **options), torch.optim.Muon(theirs, lr=0.02, **options)
    for _ in range(steps):
        for p, q, t in zip(ours, theirs, targets, strict=True):
            p.grad, q.grad = p.numpy() - t, q.detach() - torch.tensor(t)
        a.step()
        b.step()
    return [p.numpy() for p in ours], [q.detach().numpy() for q in theirs]


@pytest.mark.parametrize("options", SETS, ids=str)
def test_trajectory_equals_pytorch_without_its_rounding(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    for ours, theirs in zip(*both(torch, options, 40), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_steps_are_about_those_of_pytorch_with_its_rounding() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for ours, theirs in zip(*both(torch, {}, 5), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=5 * 0.02 * 0.05)


@pytest.mark.parametrize("shape", SHAPES)
def test_all_singular_values_of_a_step_are_about_one(shape: tuple[int, int]) -> None:
    p = tg.Tensor(np.zeros(shape), requires_grad=True)
    p.grad = RNG.standard_normal(shape) * np.logspace(0, 1, shape[1])
    tg.optim.Muon([p], lr=1.0).step()
    values = np.linalg.svd(p.numpy(), compute_uv=False) / max(1.0, shape[0] / shape[1]) ** 0.5
    assert values.min() > 0.6 and values.max() < 1.3


def matrix(**options: Any) -> Any:
    return tg.optim.Muon([tg.Tensor(np.eye(2), requires_grad=True)], **options)


MISUSE: Table = {
    "a vector": (lambda: tg.optim.Muon([w([1.0])]), TypeError, "Muon: expected matrices, got .*give other parameters to AdamW"),
    "no steps": (lambda: matrix(ns_steps=0), ValueError, "Muon: ns_steps must be an integer of at least 1"),
    "half a step": (lambda: matrix(ns_steps=2.5), TypeError, "Muon: ns_steps must be an integer"),
    "two coefficients": (lambda: matrix(ns_coefficients=(1, 2)), TypeError, "ns_coefficients must be a tuple of 3 numbers"),
    "another scale": (lambda: matrix(adjust_lr_fn="none"), ValueError, "adjust_lr_fn must be None or 'original' or 'match_rms_adamw', got 'none'"),
    "maximize": (lambda: matrix(maximize=True), ValueError, "Muon: unknown option 'maximize'"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
