"""Primitives of one's own: their functions, rules and options, and what is refused."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w
from tinygrad_gd.errors import GradError
from tinygrad_gd.ground.registry import NAMES


def leaf(value: Any = 3.0, **options: Any) -> tg.Tensor:
    return tg.Tensor(value, requires_grad=True, **options)


def test_a_rule_of_the_wrong_shape_or_dtype_is_refused() -> None:
    wrong = tg.primitive(lambda x: x * 1, lambda g, out, x: g.sum(), name="wrong_shape")
    with pytest.raises(tg.GradError, match=r"wrong_shape: the rule for argument 0 .* shape \(\)"):
        wrong(leaf([1.0, 2.0])).sum().backward()
    drift = tg.primitive(
        lambda x: x * 1, lambda g, out, x: g.astype(np.float64), name="drift", elementwise=False)
    with pytest.raises(tg.GradError, match=r"drift.*float64"):
        drift(leaf([1.0, 2.0], dtype=np.float32)).sum().backward()
    del NAMES["wrong_shape"], NAMES["drift"]


@pytest.mark.parametrize("call", [
    lambda w, option: np.roll(w, option), lambda w, option: tg.roll(w, shift=option),
    lambda w, option: w[None].transpose(option)[:, 0], lambda w, option: np.moveaxis(w[None], option, [0, 1])[:, 0],
], ids=["np.roll", "tg.roll", "transpose", "moveaxis"])
@pytest.mark.parametrize("kind", [list, np.array])
def test_options_changed_after_the_call_change_no_gradient(call: Any, kind: Any) -> None:
    w = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    option = kind([1]) if "roll" in call.__code__.co_names else [1, 0]
    weights = np.array([1.0, 10.0, 100.0])
    expected = tg.grad(lambda v: (call(v, option) * weights).sum())(w.numpy()).tolist()
    loss = (call(w, option) * weights).sum()
    option[:] = [0] if len(option) == 1 else [0, 1]
    loss.backward()
    assert w.grad.tolist() == expected


def test_options_a_primitive_does_not_have_are_refused() -> None:
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    for call in (lambda: tg.exp(x, where=np.array([True, False])), lambda: tg.exp(x, dtype="f4"),
                 lambda: tg.matmul(x, x, axes=[0, 0, ()]), lambda: tg.softplus(x, slope=2)):
        with pytest.raises(TypeError, match=r"unknown option (where|dtype|axes|slope)=; the options are"):
            call()
    scaled = tg.primitive(lambda x, *, by: x * by, lambda g, out, x, by: g * by, name="scaled_by")
    scaled(x, by=3.0).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


@pytest.mark.parametrize("watched", [False, True])
def test_a_rule_that_returns_its_argument_does_not_hand_out_its_memory(watched: bool) -> None:
    half_square = tg.primitive(lambda x: x * x / 2, lambda g, out, x: x, name=f"half_square_{watched}")
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    with tg.observe(tg.Observer()) if watched else contextlib.nullcontext():
        half_square(x).backward(np.ones(2))
    assert x.grad is not None and x.grad.tolist() == [1.0, 2.0]
    assert not np.shares_memory(x.grad.numpy(), x.numpy())


def counted(*shape: int) -> tg.Tensor:
    values = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    return tg.Tensor(values, requires_grad=True, name="w")


def test_a_rule_that_returns_the_transpose_is_refused() -> None:
    wrong = tg.Primitive(
        np.sin, (lambda g, out, x: (g * np.cos(x)).T,), name="wrong", numpy=(), run=None,
        elementwise=True, analytic=True, atomic=False, kind="op")
    with pytest.raises(GradError, match=r"wrong: the rule for argument 0 .*shape \(3, 2\)"):
        wrong(counted(2, 3)).sum().backward()


def test_a_type_error_of_the_users_own_function_stays_what_it_is() -> None:
    with pytest.raises(TypeError, match=r"^mine$") as caught:
        np.piecewise(w(), [w().numpy() > 0], [own_error])
    assert not isinstance(caught.value, tg.TinygradGdError)


def own_error(x: Any) -> Any:
    raise TypeError("mine")


@pytest.mark.parametrize("kind", [ValueError, IndexError, ZeroDivisionError, AttributeError])
def test_so_does_any_other_error(kind: type[Exception]) -> None:
    def fails(x: Any) -> Any:
        raise kind("mine")

    with pytest.raises(kind, match=r"^mine$") as caught:
        np.piecewise(w(), [w().numpy() > 0], [fails])
    assert not isinstance(caught.value, tg.TinygradGdError)


MISUSE: Table = {
    "primitive of a number": (lambda: tg.primitive(3), TypeError, "primitive: expected a NumPy ufunc or a function"),
    "primitive of a builtin": (lambda: tg.primitive(len), TypeError, r"wrap others, as in lambda x: f\(x\)"),
    "a rule that is none": (lambda: tg.primitive(lambda x: x, 5, name="five"), TypeError, "five takes .* x; .*rule.*int"),
    "rules missing": (lambda: tg.primitive(lambda x, y: x, lambda g, out, x, y: g, name="left"), TypeError,
                      "left takes the arrays x, y; .*got 1 rules"),
    "a result that is a list": (lambda: tg.primitive(lambda x: [1, 2], lambda g, out, x: g, name="pair")(w()), TypeError,
                                "pair: the function of a primitive must return an array.*list"),
    "a complex result": (lambda: tg.primitive(lambda x: x * 1j, lambda g, out, x: g, name="turned")(w()), TypeError,
                         "turned: .*complex128"),
    "a rule without a result": (lambda: tg.primitive(lambda x: x * 2, lambda g, out, x: None, name="lost")(w(1.0)).backward(),
                                RuntimeError, "lost: the rule for argument 0 returned .*NoneType.*'w'"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
