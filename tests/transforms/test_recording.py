"""What transforms record: levels of differentiation, tensors of the user, and memory of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.transforms.trees import tree_of

# -- the same call here and in JAX -----------------------------------------------------------------


def test_no_grad_outside_holds_for_closed_over_tensors_too() -> None:
    w = tg.Tensor(5.0, requires_grad=True)
    f = lambda x: w * x**2  # noqa: E731
    with tg.no_grad():
        results = [tg.grad(f)(w), tg.jvp(f, (w,), (w,)), tg.vjp(f, w)[1](w), tg.hvp(f, (w,), (w,)),
                   tg.vjp(f, w)[0], tg.hessian(f)(3.0)]
    tree_of(not_recorded, results)
    assert results[0].item() == 50.0 and results[-1].item() == 10.0
    out, vjp_fn = tg.vjp(f, 3.0)
    with tg.no_grad():
        assert not vjp_fn(1.0)[0].requires_grad
    assert out.requires_grad and vjp_fn(1.0)[0].requires_grad


def not_recorded(x: Any) -> None:
    assert not getattr(x, "requires_grad", False)


# -- levels of differentiation ---------------------------------------------------------------------


def test_perturbations_are_not_confused() -> None:
    assert tg.grad(lambda x: x * tg.grad(lambda y: x * y)(x))(3.0).item() == 6.0
    assert tg.grad(lambda x: x * tg.grad(lambda y: x + y)(2.0))(1.0).item() == 1.0

    def inner(x: Any) -> Any:
        return tg.jvp(lambda y: x * y, (x,), (1.0,))[1]

    assert tg.jvp(lambda x: x * inner(x), (3.0,), (1.0,))[1].item() == 6.0


def test_ordinary_backward_flows_through_a_transform() -> None:
    x = tg.Tensor(3.0, requires_grad=True)
    slope = tg.grad(lambda y: y**3)(x)  # 3x^2
    (slope * x).backward()
    assert x.grad is not None and x.grad.item() == 9 * 3.0**2


@pytest.mark.parametrize("transform", [
    lambda f, x: tg.grad(f)(x), lambda f, x: tg.vjp(f, x)[1](1.0)[0],
    lambda f, x: tg.jvp(f, (x,), (1.0,))[1], lambda f, x: tg.jacobian(f)(x),
    lambda f, x: tg.jacobian(f, mode="forward")(x), lambda f, x: tg.hessian(f)(x) * x,
    lambda f, x: tg.hvp(f, (x,), (x,)), lambda f, x: tg.value_and_grad(f)(x)[0] * 2 / x,
])
def test_closed_over_tensors_get_gradients(transform: Any) -> None:
    w = tg.Tensor(5.0, requires_grad=True, name="w")
    result = transform(lambda x: w * x**2, 3.0)  # 2 w x
    assert result.item() == 30.0
    result.backward()
    assert w.grad is not None and w.grad.item() == 6.0


def test_aux_that_depends_on_a_closed_over_tensor_keeps_its_history() -> None:
    w = tg.Tensor(5.0, requires_grad=True)
    g, aux = tg.grad(lambda x: (x**2, (w * x, x + 1, "text")), has_aux=True)(3.0)
    assert (g.requires_grad, aux[0].requires_grad, aux[1].requires_grad) == (False, True, False)
    assert aux[2] == "text"
    aux[0].backward()
    assert w.grad is not None and w.grad.item() == 3.0


def test_leaves_of_the_user_are_left_alone() -> None:
    seen: list[Any] = []
    w, x = (tg.Tensor([1.0, 2.0], requires_grad=True) for _ in "wx")
    before = tg.Tensor(7.0, requires_grad=True)
    w.grad = tg.Tensor([9.0, 9.0])
    w.register_hook(seen.append)
    made = w * 2
    made.retain_grad()
    f = lambda x: (made * w * x**2).sum() * before  # noqa: E731
    tg.hessian(f)(x), tg.hvp(f, (x,), (x,)), tg.vjp(f, x)[1](1.0), tg.jvp(f, (x,), (x,))
    tg.value_and_grad(f)(x.detach())
    assert w.grad.tolist() == [9.0, 9.0]
    assert x.grad is None and before.grad is None and made.grad is None and not seen


def test_no_grad_inside_stops_the_derivative() -> None:
    def f(x: Any) -> Any:
        with tg.no_grad():
            slope = tg.grad(lambda y: y**2)(x)
        return slope * x

    assert tg.grad(f)(3.0).item() == 6.0


@pytest.mark.parametrize("transform", [
    lambda f: tg.grad(f)(3.0), lambda f: tg.jvp(f, (3.0,), (1.0,)), lambda f: tg.hvp(f, (3.0,), (1.0,)),
    lambda f: tg.jacobian(f)(3.0), lambda f: tg.jacobian(f, mode="forward")(3.0),
    lambda f: tg.value_and_grad(f)(3.0),
])
def test_a_variable_that_escapes_is_a_constant_afterwards(transform: Any) -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(x)
        return x**2

    transform(f)
    assert not kept[0].requires_grad


def test_a_variable_overwritten_inside_is_refused_and_not_taken_for_constant() -> None:
    def f(x: Any) -> Any:
        y = x * x
        with tg.no_grad():
            x += 1
        return y * 2  # y is older than what x holds now

    with pytest.raises(tg.GradError, match="overwritten"):
        tg.grad(f)(3.0)


def test_results_own_their_memory() -> None:
    x = np.ones(3)
    w = tg.Tensor(x)
    g, h = tg.grad(lambda a, b: (a + b).sum(), (0, 1))(x, w)
    p = tg.Tensor(x, requires_grad=True)
    with tg.no_grad():
        value, _ = tg.vjp(lambda a: (a, a[:2], w + 0, p, p[:2]), x)
    g.data[:] = 5.0
    for part in value:
        part.data[:] = 7.0
    assert h.tolist() == [1.0] * 3 == x.tolist() == w.tolist() == p.tolist()


# -- rules of one's own ---------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [
    lambda a: np.exp([a[0], a[1]]).sum(), lambda a: np.asarray(a).sum(), lambda a: np.max([a[0], a[1]]),
    lambda a: np.ones(2).dot(a), lambda a: np.full(2, a[0]).sum(), lambda a: np.r_[a, a].sum(),
    lambda a: np.vectorize(lambda v: v * v)(a).sum(), lambda a: np.linalg.norm([a[0], a[1]]),
], ids=range(8))
def test_values_do_not_leave_a_function_that_is_differentiated_unnoticed(f: Any) -> None:
    for transform in (tg.grad, tg.jacobian, tg.hessian):
        with pytest.raises(tg.GradError, match=r"requires a gradient, which would be lost.*np\.stack"):
            transform(f)(np.array([1.0, 2.0]))
    assert tg.grad(lambda a: (a * a.numpy() + np.asarray(tg.stop_gradient(a))).sum())(np.array([1.0, 2.0])).tolist() == [1, 2]


def test_a_function_may_update_its_argument_in_place_by_name() -> None:
    def centred(a: Any) -> Any:
        a -= a.mean()
        return (a**2).sum()

    x = np.array([1.0, 2.0, 4.0])
    np.testing.assert_allclose(tg.grad(centred)(x).numpy(), 2 * (x - x.mean()), rtol=1e-14)
    assert x.tolist() == [1.0, 2.0, 4.0]
