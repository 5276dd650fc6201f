"""Advice about the learning rate."""

from __future__ import annotations

import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w
from tests.oracles import assert_close
from tinygrad_gd.study import advise


def test_curvature_leaves_gradients_alone_and_counts_unused_directions() -> None:
    from tinygrad_gd.study.advice import advise, hessian_matrix

    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    b, u = (tg.Tensor(0.5, requires_grad=True) for _ in "bu")
    w.grad = tg.Tensor([9.0, 9.0])
    matrix = hessian_matrix((w**3).sum() * b + u, [w, b, u])
    assert_close(matrix, [[3, 0, 3, 0], [0, 6, 12, 0], [3, 12, 0, 0], [0, 0, 0, 0]], 1e-15)
    assert w.grad.tolist() == [9.0, 9.0] and b.grad is None
    with pytest.raises(tg.GradError, match="the loss does not depend on argument 1"):
        advise(lambda: (w * w).sum(), [w, u])


MISUSE: Table = {
    "advise value": (lambda: advise(w().sum(), [w()]), TypeError, r"function that computes.*advise\(lambda"),
    "advise unused": (lambda: advise(lambda: (w() ** 2).sum(), [w(1.0)]), RuntimeError, r"depend on 'w'.*leave it out"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
