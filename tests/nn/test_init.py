"""First values of weights."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import MATRIX, Table, refused, w


def mlp() -> tg.nn.Sequential:
    tg.manual_seed(0)
    return tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.Tanh(), tg.nn.Linear(4, 2))


def test_seeds_repeat() -> None:
    assert np.array_equal(mlp()[0].weight, mlp()[0].weight)


def test_initialisers_have_the_advertised_spread() -> None:
    tg.manual_seed(0)
    w = tg.nn.Parameter(np.empty((400, 300)))
    tg.nn.init.kaiming_normal_(w, nonlinearity="relu")
    assert abs(w.numpy().std() - np.sqrt(2 / 300)) < 0.001
    tg.nn.init.xavier_uniform_(w)
    assert abs(w.numpy().std() - np.sqrt(2 / 700)) < 0.001


def test_first_weights_have_the_spread_of_pytorch() -> None:
    tg.manual_seed(0)
    layer = tg.nn.Conv2d(16, 64, 3, groups=2)
    bound = 1 / np.sqrt(8 * 9)
    for values in (layer.weight.numpy(), layer.bias.numpy()):  # type: ignore[union-attr]
        assert 0.9 * bound < np.abs(values).max() <= bound


MISUSE: Table = {
    "initialise data": (lambda: tg.nn.init.xavier_uniform_(w(np.ones((2, 3))).data), TypeError,
                        r"float64 of shape \(2, 3\); write layer\.weight, without \.data"),
    "initial bounds": (lambda: tg.nn.init.uniform_(w(), 1, 0), ValueError, "uniform_: expected finite bounds a <= b"),
    "initial bounds as text": (lambda: tg.nn.init.uniform_(w(), "a", 0), TypeError, "uniform_: a must be a number, got str"),  # type: ignore[arg-type]
    "initial deviation": (lambda: tg.nn.init.normal_(w(), 0, -1), ValueError, "normal_: std is a standard deviation"),
    "gain as text": (lambda: tg.nn.init.xavier_normal_(w(MATRIX), gain="a"), TypeError, "xavier_normal_: gain must be a number, got str"),  # type: ignore[arg-type]
    "slope as text": (lambda: tg.nn.init.calculate_gain("leaky_relu", "a"), TypeError, "calculate_gain: param must be a number, got str"),  # type: ignore[arg-type]
    "no weights": (lambda: tg.nn.init.kaiming_uniform_(w(np.ones((0, 0)))), ValueError, r"initialiser: expected a weight with elements.*\(0, 0\)"),
    "a constant of text": (lambda: tg.nn.init.constant_(w(), "a"), TypeError, "constant_: val must be a number, got str"),
    "a mean of nan": (lambda: tg.nn.init.normal_(w(), np.nan), ValueError, "normal_: expected a finite mean"),
    "an endless deviation": (lambda: tg.nn.init.normal_(w(), 0.0, np.inf), ValueError, "normal_: std .*finite"),
    "first values for integers": (lambda: tg.nn.init.zeros_(tg.Tensor([1, 2])), ValueError, "assign: cannot write|zeros_"),
    "a list of nonlinearities": (lambda: tg.nn.init.calculate_gain(["relu"]), ValueError, "unknown nonlinearity"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
