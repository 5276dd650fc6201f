"""Calls that do not fit a signature, and options that are Tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import PAIR, Table, refused, w


def test_options_may_be_integer_tensors() -> None:
    one = tg.Tensor(1)
    a = w(PAIR)
    assert tg.softmax(a, axis=one).shape == (2, 3)
    for f in (np.sum, np.max, np.mean, np.std, np.prod, np.linalg.norm, tg.logsumexp):
        a.zero_grad()
        f(a, axis=one).sum().backward()
        assert a.grad is not None and a.grad.shape == (2, 3)
    assert np.linspace(w(0.0), 1.0, np.int64(3)).shape == (3,)


@pytest.mark.parametrize(("call", "text"), [
    (lambda: tg.take(w(), [0], dim=0), "take: unknown option dim=, write axis=.* axis, out, mode"),
    (lambda: tg.take(w()), "take: missing a required argument: 'indices'; it is called with"),
    (lambda: tg.sum(w(), keepdim=True), "sum: unknown option keepdim=, write keepdims="),
    (lambda: tg.median(), "median: missing a required argument: 'a'"),
])
def test_calls_that_do_not_fit_are_answered_with_the_signature(call: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text) as caught:
        call()
    assert isinstance(caught.value, tg.TinygradGdError)


MISUSE: Table = {
    "a learned slope": (lambda: tg.leaky_relu(w(), negative_slope=w(0.1)), TypeError,
                        r"leaky_relu: negative_slope= is a plain number.*no gradient.*'w'.*\.item\(\).*functions of Tensors"),
    "a constant slope": (lambda: tg.elu(w(), tg.Tensor(0.1)), TypeError, "elu: alpha= is a plain number"),
    "a learned replacement": (lambda: np.nan_to_num(w(), nan=w(0.1)), TypeError, "nan_to_num: nan= is a plain number"),
    "an axis that is a Tensor": (lambda: np.swapaxes(w(PAIR), w(), 0), TypeError, "^swapaxes: axis1= is a plain number.*'w'"),
    "axes that are Tensors": (lambda: w(PAIR).sum(axis=w()), TypeError, "^sum: axis= is an integer or a tuple of them, got 'w'"),
    "options of arrays": (lambda: w().reshape(3, order=PAIR), ValueError, r"reshape.*order=float64 of shape \(2, 3\).*one value"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
