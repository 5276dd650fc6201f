"""Rules of one's own, checkpoints and constants."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w
from tests.oracles import assert_close
from tests.transforms.trees import V, X, Y, assert_trees_close, normal


def nest(transform: Any, depth: int, f: Any) -> Any:
    for _ in range(depth):
        f = transform(f)
    return f


def keyword_only(x: Any) -> Any:
    f = tg.custom_vjp(lambda x, *, beta=1.0: x * beta)
    f.defvjp(lambda x, beta: (x * beta, beta), lambda beta, g: (g * beta,))
    return tg.grad(f)(x)


def chain(layer: Callable[[Any], Any], x: Any, length: int) -> Any:
    for _ in range(length):
        x = layer(x)
    return x


def deep_layer(w: Any) -> Callable[[Any], Any]:
    return lambda x: np.tanh(np.sin(x * w) + np.exp(-x * x) * 0.5)


def peak_of(wrap: Callable[[Any], Any]) -> tuple[int, Any, Any]:
    """Peak memory of forward and backward of 16 layers, and the gradients."""
    x = tg.Tensor(normal(50_000), requires_grad=True)
    w = tg.Tensor(normal(50_000, seed=1), requires_grad=True)
    layer = wrap(deep_layer(w))
    tracemalloc.start()
    chain(layer, x, 16).sum().backward()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, np.asarray(x.grad), np.asarray(w.grad)


def test_checkpoint_saves_memory_and_not_a_bit_is_different() -> None:
    plain, *expected = peak_of(lambda layer: layer)
    saved, *actual = peak_of(tg.checkpoint)
    assert saved < plain * 0.45, (saved, plain)
    assert all(map(np.array_equal, actual, expected))


def test_checkpointed_draws_repeat_themselves() -> None:
    def noisy(x: Any) -> Any:
        return np.sin(x * tg.generator().standard_normal(x.shape))

    def run(layer: Any) -> tuple[Any, Any]:
        tg.manual_seed(3)
        x = tg.Tensor(X, requires_grad=True)
        (layer(layer(x)) * tg.generator().standard_normal(3)).sum().backward()
        return np.asarray(x.grad), tg.generator().standard_normal(3)

    assert_trees_close(run(tg.checkpoint(noisy)), run(noisy), 0)


@pytest.mark.parametrize("create_graph", [False, True])
def test_hooks_of_what_goes_into_a_checkpoint_see_the_whole_gradient_once(create_graph: bool) -> None:
    def run(wrap: Callable[[Any], Any]) -> list[Any]:
        seen: list[Any] = []
        w, x = (tg.Tensor(a, requires_grad=True) for a in (X, Y))
        w.register_hook(lambda g: (seen.append(g.tolist()), g * 0.5)[1])
        h = x * 1.0
        h.retain_grad()
        h.register_hook(lambda g: g * 10)
        (wrap(lambda a: a * w)(h) + w).sum().backward(create_graph=create_graph)
        assert w.grad is not None and x.grad is not None and h.grad is not None
        return [seen, w.grad.tolist(), x.grad.tolist(), h.grad.tolist()]

    assert run(tg.checkpoint) == run(lambda f: f)


def test_checkpoint_to_higher_orders_and_over_trees() -> None:
    w = tg.Tensor(0.3)

    def body(p: Any, scale: float) -> Any:
        return {"a": np.sin(p["x"] * w) * scale, "n": np.argmax(p["x"]), "b": np.sum(p["x"] ** 3)}

    def loss(f: Any) -> Any:
        def total(x: Any) -> Any:
            out = f({"x": x}, scale=2.0)
            return np.sum(out["a"]) * out["b"] + out["n"]

        return total

    assert_close(tg.hessian(loss(tg.checkpoint(body)))(X), tg.hessian(loss(body))(X), 1e-13)
    assert tg.gradcheck(loss(tg.checkpoint(body)), [X], order=2)


def test_checkpoint_keeps_dtypes_and_arrays_as_they_were() -> None:
    data = np.ones(2, np.float32)
    x = tg.Tensor(np.ones(2, np.float32), requires_grad=True)
    small, large = tg.checkpoint(lambda x, d: (x * d, np.astype(x, np.float64) * d))(x, data)
    data[:] = 100.0  # too late to matter
    assert (small.dtype, large.dtype) == (np.float32, np.float64)
    (small.sum() + large.sum()).backward()
    assert x.grad is not None and x.grad.tolist() == [2.0, 2.0] and x.grad.dtype == np.float32


def test_a_checkpoint_that_is_not_repeatable_or_stale_is_refused() -> None:
    x = tg.Tensor(X, requires_grad=True)
    lengths = iter([3, 2])
    out = tg.checkpoint(lambda x: x[: next(lengths)] * 2)(x)
    with pytest.raises(tg.GradError, match="something else when it was computed again"):
        out.sum().backward()
    data = np.array([1.0, 2.0, 3.0])
    out = tg.checkpoint(lambda x: (np.sin(x * data), x))(x)[0]
    data[0] = 50.0
    with pytest.raises(tg.GradError, match="must not be written to"):
        out.sum().backward()
    scale = tg.Tensor(2.0)
    out = tg.checkpoint(lambda x: x * scale)(x)
    scale.assign(3.0)
    with pytest.raises(tg.GradError, match="overwritten"):
        out.sum().backward()


def test_checkpoint_of_what_needs_no_gradient_is_the_function_itself() -> None:
    assert tg.checkpoint(lambda x: x * 2)(tg.Tensor(3.0)).is_leaf
    with tg.no_grad():
        assert tg.checkpoint(lambda x: x * 2)(tg.Tensor(3.0, requires_grad=True)).is_leaf


def softplus_rule() -> Any:
    @tg.custom_vjp
    def softplus(x: Any, beta: float = 1.0) -> Any:
        return np.log1p(np.exp(x * beta)) / beta

    def fwd(x: Any, beta: float) -> Any:
        return softplus(x, beta), (x, beta)

    def bwd(residuals: Any, g: Any) -> Any:
        x, beta = residuals
        return g / (1 + np.exp(-x * beta)), None

    softplus.defvjp(fwd, bwd)
    return softplus


def test_a_custom_rule_works_to_any_order_and_in_gradcheck() -> None:
    softplus = softplus_rule()
    sigmoid = 1 / (1 + np.exp(-X))
    assert_close(tg.grad(lambda x: np.sum(softplus(x)))(X), sigmoid, 1e-14)
    assert_close(tg.grad(nest(tg.grad, 1, softplus))(X[0]), sigmoid[0] * (1 - sigmoid[0]), 1e-13)
    assert_close(tg.jvp(softplus, (X,), (V,))[1], sigmoid * V, 1e-14)
    assert tg.gradcheck(lambda x: softplus(x, beta=2.0), [X], order=2)


def test_a_custom_rule_that_draws_has_one_draw_in_all_its_derivatives() -> None:
    drop = tg.custom_vjp(lambda x: x)

    def fwd(x: Any) -> Any:
        mask = tg.generator().random(x.shape) > 0.5
        return x * mask, mask

    drop.defvjp(fwd, lambda mask, g: (g * mask,))
    tg.manual_seed(0)
    x = tg.Tensor(np.ones(16), requires_grad=True)
    out = drop(x)
    after = tg.generator().bit_generator.state
    out.sum().backward(create_graph=True)
    assert x.grad is not None and x.grad.tolist() == out.tolist()
    assert tg.generator().bit_generator.state == after


def test_a_rule_holds_in_derivatives_of_all_orders() -> None:
    through = tg.custom_vjp(lambda x: np.round(x))
    through.defvjp(lambda x: (np.round(x), None), lambda _, g: (g,))
    assert tg.hessian(lambda x: through(x) ** 2)(1.2).item() == 2


def test_a_wrong_custom_rule_is_used_and_caught_by_gradcheck() -> None:
    @tg.custom_vjp
    def cube(x: Any) -> Any:
        return x**3

    cube.defvjp(lambda x: (x**3, x), lambda x, g: (g * 3.003 * x**2,))
    assert tg.grad(cube)(1.0).item() == 3.003
    with pytest.raises(tg.GradCheckError):
        tg.gradcheck(cube, [X])


def test_a_custom_rule_is_one_node_with_its_name_in_a_picture() -> None:
    x = tg.Tensor(1.0, requires_grad=True, name="x")
    text = str(tg.draw(softplus_rule()(x) * 2))
    assert "softplus(x)" in text and "exp" not in text and "log1p" not in text


def test_a_custom_rule_over_trees_with_several_results() -> None:
    @tg.custom_vjp
    def product(p: Any) -> Any:
        return p["a"] * p["b"], np.argmax(p["a"]), np.sum(p["b"])

    def bwd(p: Any, g: Any) -> Any:
        return ({"b": g[0] * p["a"] + 10 * g[2], "a": g[0] * p["b"]},)

    product.defvjp(lambda p: (product(p), p), bwd)
    a, b = (tg.Tensor(v, requires_grad=True) for v in (X, Y))
    first, index, last = product({"a": a, "b": b})
    assert index.item() == np.argmax(X)
    ((first * V).sum() + last * 3).backward()
    assert_close(a.grad, Y * V, 1e-15)
    assert_close(b.grad, X * V + 30, 1e-15)


def test_a_custom_rule_may_compute_outside_the_framework() -> None:
    @tg.custom_vjp
    def outside(x: Any) -> Any:
        return tg.Tensor(np.array([v**2 for v in x.tolist()]))

    outside.defvjp(lambda x: (outside(x), x), lambda x, g: (2 * g * x,))
    assert tg.gradcheck(outside, [X], order=2)


def test_a_custom_identity_owns_its_value() -> None:
    reverse = tg.custom_vjp(lambda x: x)
    reverse.defvjp(lambda x: (x, None), lambda _, g: (-g,))
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    out = reverse(w)
    out.sum().backward()
    assert w.grad is not None and w.grad.tolist() == [-1.0, -1.0]
    with tg.no_grad():
        w += 10
    assert out.tolist() == [1.0, 2.0]


MISRULES: dict[str, tuple[Any, Any, str]] = {
    "no tuple": (lambda x: (x * 1, x), lambda x, g: g, "tuple of 1 cotangent"),
    "shape": (lambda x: (x * 1, x), lambda x, g: (g[:2],), r"\(3,\).*\(2,\)"),
    "fwd": (lambda x: x * 1, lambda x, g: (g,), r"must return \(out, residuals\)"),
    "form": (lambda x: (x * 1, x), lambda x, g: ([g],), r"expected \*, got \[\*\]"),
}


@pytest.mark.parametrize("case", MISRULES)
def test_a_malformed_custom_rule_is_explained(case: str) -> None:
    fwd, bwd, text = MISRULES[case]
    f = tg.custom_vjp(lambda x: x)
    f.defvjp(fwd, bwd)
    with pytest.raises(tg.TinygradGdError, match=text):
        tg.grad(lambda x: np.sum(f(x)))(X)


def test_a_custom_rule_that_would_lose_a_gradient_is_refused() -> None:
    w = tg.Tensor(2.0, requires_grad=True, name="w")
    f = tg.custom_vjp(lambda x: x * w)
    with pytest.raises(tg.GradError, match="no rule yet"):
        f(1.0)
    f.defvjp(lambda x: (x * w, None), lambda _, g: (g,))
    with pytest.raises(tg.GradError, match=r"'w'.*no argument"):
        tg.grad(f)(1.0)


def test_stop_gradient_of_a_tree() -> None:
    w = tg.Tensor(2.0, requires_grad=True)
    frozen = tg.stop_gradient({"w": w, "n": [3, w * 2]})
    assert frozen["n"][0] == 3 and not frozen["w"].requires_grad and frozen["n"][1].item() == 4.0
    assert tg.grad(tg.grad(lambda x: x**2 * tg.stop_gradient(x)))(3.0).item() == 6.0


def test_a_custom_rule_may_compute_with_arrays() -> None:
    """fwd and bwd call some other library: nothing they do is recorded, nor has to be."""
    @tg.custom_vjp
    def tripled(x: Any) -> Any:
        return np.asarray(x) * 3

    tripled.defvjp(lambda x: (np.asarray(x) * 3, None), lambda res, g: (np.asarray(g) * 3,))
    x = np.array([1.0, 2.0])
    assert tg.grad(lambda x: (tripled(x) * x).sum())(x).tolist() == [6.0, 12.0]
    assert tg.value_and_grad(lambda x: tripled(x))(2.0)[0].item() == 6.0


def test_a_custom_rule_needs_something_to_differentiate() -> None:
    count = tg.custom_vjp(lambda x: x.size)
    count.defvjp(lambda x: (x.size, None), lambda res, g: (g,))
    with pytest.raises(tg.GradError, match="fwd of <lambda> must return floating values as out, got int"):
        count(tg.Tensor([1.0], requires_grad=True))


def ruled() -> Any:
    @tg.custom_vjp
    def squared(x: Any) -> Any:
        return x * x

    squared.defvjp(lambda x: (x * x, x), lambda x, g: (2 * g * x,))
    return squared


MISUSE: Table = {
    "checkpoint as in PyTorch": (lambda: tg.checkpoint(np.sin, w()), TypeError, r"checkpoint: expected only a function.*tg\.checkpoint\(sin\)\(x\)"),
    "too many for a custom rule": (lambda: ruled()(w(), w()), TypeError, r"custom_vjp: squared: too many.*\(x\)"),
    "keyword-only": (lambda: keyword_only(1.0), tg.DTypeError, r"keyword-only arguments \(beta\)"),
    "checkpoint": (lambda: tg.checkpoint(3), tg.DTypeError, "expected a function"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
