"""Derivatives of functions: against JAX and torch.func, nested in every way, over nested arguments."""

from __future__ import annotations

import tracemalloc
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.oracles import assert_close


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


class Layer(NamedTuple):
    weight: Any
    bias: Any


# -- the same call here and in JAX -----------------------------------------------------------------
# Each row: a name, and a call of (library of transforms, numpy) that returns a tree of arrays.


def mlp(xp: Any, params: Any, x: Any) -> Any:
    hidden = xp.tanh(x @ params["first"].weight + params["first"].bias)
    return xp.sum((hidden @ params["last"][0] + params["last"][1]) ** 2)


def mlp_params() -> dict[str, Any]:
    return {"first": Layer(normal(3, 4), normal(4, seed=1)),
            "last": [normal(4, 2, seed=2), normal(2, seed=3)]}


def wave(xp: Any) -> Callable[[Any], Any]:
    return lambda x: xp.sin(x) * xp.exp(x * 0.5)


X, Y, V = normal(3), normal(3, seed=5), normal(3, seed=7)
MATRIX = normal(4, 3, seed=9)

ROWS: dict[str, Callable[[Any, Any], Any]] = {
    "grad": lambda t, xp: t.grad(lambda x: xp.sum(wave(xp)(x)))(X),
    "grad-argnums": lambda t, xp: t.grad(lambda x, y: xp.sum(x * y**2), (1, 0))(X, Y),
    "grad-last": lambda t, xp: t.grad(lambda x, y: xp.sum(x * y**2), -1)(X, Y),
    "grad-tree": lambda t, xp: t.grad(lambda p: mlp(xp, p, MATRIX))(mlp_params()),
    "grad-data": lambda t, xp: t.grad(lambda p, x: mlp(xp, p, x), 1)(mlp_params(), MATRIX),
    "grad-aux": lambda t, xp: t.grad(lambda x: (xp.sum(x**3), {"twice": 2 * x}), has_aux=True)(X),
    "value-aux": lambda t, xp: t.value_and_grad(lambda x: (xp.sum(x**3), [x]), has_aux=True)(X),
    "grad-keyword": lambda t, xp: t.grad(lambda x, power: xp.sum(x**power))(X, power=3),
    "grad-unused": lambda t, xp: t.grad(lambda x, y: xp.sum(x), (0, 1))(X, Y),
    "grad-constant": lambda t, xp: t.grad(lambda x: 3.0)(X),
    "grad5": lambda t, xp: nest(t.grad, 5, lambda x: xp.sin(x) * x**3)(0.7),
    "grad-in-grad": lambda t, xp: t.grad(lambda x: x * t.grad(lambda y: x * y**2)(x + 1.0))(3.0),
    "vjp": lambda t, xp: pulled(t.vjp(lambda x, y: (x * y, xp.sin(x)), X, Y), (V, X)),
    "vjp-tree": lambda t, xp: pulled(
        t.vjp(lambda p: {"out": MATRIX @ p["first"].weight}, mlp_params()),
        {"out": normal(4, 4, seed=11)}),
    "vjp-aux": lambda t, xp: t.vjp(lambda x: (xp.sin(x), x * 2), X, has_aux=True)[::2],
    "jvp": lambda t, xp: t.jvp(lambda x, y: (x * y, xp.sum(y)), (X, Y), (V, X)),
    "jvp-tree": lambda t, xp: t.jvp(
        lambda p: mlp(xp, p, MATRIX), (mlp_params(),), (scaled(mlp_params(), 0.3),)),
    "jvp-unused": lambda t, xp: t.jvp(lambda x, y: xp.sin(x), (X, Y), (V, X)),
    "jvp-aux": lambda t, xp: t.jvp(lambda x: (xp.sin(x), x), (X,), (V,), has_aux=True),
    "jvp-of-jvp": lambda t, xp: t.jvp(
        lambda x: t.jvp(wave(xp), (x,), (V,))[1], (X,), (Y,)),
    "jvp-of-grad": lambda t, xp: t.jvp(t.grad(lambda x: xp.sum(wave(xp)(x))), (X,), (V,)),
    "grad-of-jvp": lambda t, xp: t.grad(
        lambda x: xp.sum(t.jvp(wave(xp), (x,), (V,))[1] ** 2))(X),
    "grad-by-tangent": lambda t, xp: t.grad(
        lambda v: xp.sum(t.jvp(wave(xp), (X,), (v,))[1] ** 2))(V),
    "grad-of-vjp": lambda t, xp: t.grad(
        lambda x: xp.sum(t.vjp(wave(xp), x)[1](x**2)[0]))(X),
    "grad-by-cotangent": lambda t, xp: t.grad(
        lambda g: xp.sum(t.vjp(wave(xp), X)[1](g)[0] ** 3))(V),
    "hessian": lambda t, xp: t.hessian(lambda x: xp.sum(wave(xp)(x)) * xp.sum(x**2))(X),
    "hessian-tree": lambda t, xp: t.hessian(
        lambda p: xp.sum(p["a"] ** 2) * p["b"])({"a": X, "b": 2.0}),
    "hessian-argnums": lambda t, xp: t.hessian(lambda x, y: xp.sum(x**2 * y), (0, 1))(X, Y),
    "hessian-vector": lambda t, xp: t.hessian(lambda x: xp.sin(x) * x[0])(X),
    "hessian-of-grad": lambda t, xp: t.hessian(t.grad(lambda x: xp.sum(x**4) * x[0]))(X),
}  # fmt: skip

JACOBIANS: dict[str, tuple[Callable[[Any], Any], tuple[Any, ...], Any]] = {
    "wide": (lambda xp: lambda x: MATRIX @ xp.sin(x), (X,), 0),
    "tall": (lambda xp: lambda x: xp.sum(x**2), (X,), 0),
    "scalar": (lambda xp: lambda x: x * X, (2.0,), 0),
    "matrix": (lambda xp: lambda x: x.T @ xp.exp(x), (MATRIX,), 0),
    "argnums": (lambda xp: lambda x, y: x * y[0], (X, Y), (0, 1)),
    "trees": (lambda xp: lambda p: {"s": p[0] * p[1], "t": (xp.sin(p[0]), p[1])}, ([X, 2.0],), 0),
    "empty": (lambda xp: lambda x: x[:0], (X,), 0),
}


def nest(transform: Any, depth: int, f: Any) -> Any:
    for _ in range(depth):
        f = transform(f)
    return f


def pulled(pair: Any, cotangent: Any) -> Any:
    return pair[0], pair[1](cotangent)


def scaled(tree: Any, factor: float) -> Any:
    return tree_of(lambda x: np.asarray(x) * factor, tree)


def tree_of(function: Any, tree: Any) -> Any:
    if isinstance(tree, dict):
        return {k: tree_of(function, tree[k]) for k in sorted(tree)}
    if isinstance(tree, list | tuple):
        parts = [tree_of(function, x) for x in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return function(tree)


def assert_trees_close(actual: Any, expected: Any, rtol: float = 1e-12) -> None:
    assert type(actual) is type(expected) or not isinstance(expected, dict | list | tuple)
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys()
        for k in expected:
            assert_trees_close(actual[k], expected[k], rtol)
    elif isinstance(expected, list | tuple):
        assert len(actual) == len(expected)
        for a, e in zip(actual, expected, strict=True):
            assert_trees_close(a, e, rtol)
    else:
        assert_close(actual, expected, rtol)


@pytest.fixture(scope="module")
def jax() -> Any:
    library = pytest.importorskip("jax")
    before = library.config.jax_enable_x64
    library.config.update("jax_enable_x64", True)
    yield library
    library.config.update("jax_enable_x64", before)


@pytest.mark.parametrize("row", ROWS)
def test_equal_to_jax(row: str, jax: Any) -> None:
    expected = tree_of(np.asarray, ROWS[row](jax, jax.numpy))
    assert_trees_close(tree_of(np.asarray, ROWS[row](tg, np)), expected)


@pytest.mark.parametrize("row", ROWS)
def test_no_grad_outside_changes_nothing_but_the_recording(row: str) -> None:
    expected = tree_of(np.asarray, ROWS[row](tg, np))
    with tg.no_grad():
        got = ROWS[row](tg, np)
    assert_trees_close(tree_of(np.asarray, got), expected, 0)
    tree_of(lambda x: not_recorded(x), got)


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


@pytest.mark.parametrize("row", ROWS)
def test_results_have_no_history_when_nothing_outside_needs_it(row: str) -> None:
    tree_of(not_recorded, ROWS[row](tg, np))


@pytest.mark.parametrize("mode", [None, "reverse", "forward"])
@pytest.mark.parametrize("row", JACOBIANS)
def test_jacobians_equal_to_jax_in_both_modes(row: str, mode: Any, jax: Any) -> None:
    make, args, argnums = JACOBIANS[row]
    expected = jax.jacrev(make(jax.numpy), argnums)(*tree_of(jax.numpy.asarray, args))
    got = tg.jacobian(make(np), argnums, mode=mode)(*args)
    assert_trees_close(tree_of(np.asarray, got), tree_of(np.asarray, expected))


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_jacobians_can_be_differentiated_in_both_modes(mode: str) -> None:
    f = lambda x: np.sum(tg.jacobian(lambda y: np.sin(y) * y[0], mode=mode)(x) ** 2)  # noqa: E731
    assert tg.gradcheck(f, [X], order=2)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_against_torch_func() -> None:
    torch = pytest.importorskip("torch")
    x, v = torch.tensor(X), torch.tensor(V)

    def ours(x: Any) -> Any:
        return np.sum(np.exp(np.sin(x)) * x[0])

    def theirs(x: Any) -> Any:
        return torch.sum(torch.exp(torch.sin(x)) * x[0])

    func = torch.func
    assert_close(tg.grad(ours)(X), func.grad(theirs)(x), 1e-12)
    assert_close(tg.hessian(ours)(X), func.hessian(theirs)(x), 1e-12)
    assert_close(tg.jvp(ours, (X,), (V,))[1], func.jvp(theirs, (x,), (v,))[1], 1e-12)
    product = torch.autograd.functional.hvp(theirs, x, v)[1]
    assert_close(tg.hvp(ours, (X,), (V,)), product, 1e-12)
    third = func.jacrev(func.hessian(theirs))(x)
    assert_close(tg.jacobian(tg.hessian(ours))(X), third, 1e-12)


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


# -- how much work is done ---------------------------------------------------------------------------


class Counter(tg.Observer):
    """Counts primitive calls, rule calls and passes."""

    def __init__(self) -> None:
        self.calls = self.rules = self.passes = 0

    def forward(self, *event: Any) -> None:
        self.calls += 1

    def backward(self, *event: Any) -> None:
        self.rules += 1

    def starts_backward(self, *event: Any) -> None:
        self.passes += 1


def counted(run: Callable[[], Any]) -> Counter:
    with tg.observe(Counter()) as counter:
        run()
    return counter


def test_a_gradient_costs_what_backward_costs() -> None:
    plain = counted(lambda: (np.sin(tg.Tensor(X, requires_grad=True) * 2) ** 2).sum().backward())
    here = counted(lambda: tg.value_and_grad(lambda x: (np.sin(x * 2) ** 2).sum())(X))
    assert (here.rules, here.passes) == (plain.rules, plain.passes)
    assert here.calls == plain.calls + 1  # the value is handed out without its history


@pytest.mark.parametrize(("outputs", "mode", "passes"), [
    (2, None, 2), (100, None, 4), (100, "reverse", 100), (2, "forward", 4)])
def test_jacobian_goes_from_the_smaller_side(outputs: int, mode: Any, passes: int) -> None:
    matrix = normal(outputs, 3)
    f = tg.jacobian(lambda x: matrix @ x, mode=mode)
    assert counted(lambda: f(X)).passes == passes
    assert_close(f(X), matrix, 1e-15)


def test_hvp_does_not_form_the_hessian() -> None:
    n = 3000  # its Hessian would be 72 MB
    x, v = normal(n), normal(n, seed=1)
    tracemalloc.start()
    result = tg.hvp(lambda x: np.sum(x**3) * x[0], (x,), (v,))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    total = np.sum(x**3)
    expected = 6 * x * v * x[0] + 3 * x**2 * v[0]
    expected[0] += np.sum(3 * x**2 * v)
    assert np.isfinite(total) and peak < 5_000_000
    assert_close(result, expected, 1e-10)


def test_hvp_of_several_arguments() -> None:
    f = lambda x, p: np.sum(x**2 * p["w"])  # noqa: E731
    by_x, by_p = tg.hvp(f, (X, {"w": Y}), (V, {"w": X}))
    assert_close(by_x, 2 * Y * V + 2 * X * X, 1e-14)
    assert_close(by_p["w"], 2 * X * V, 1e-14)


def test_vjp_fn_may_be_called_again() -> None:
    _, vjp_fn = tg.vjp(np.sin, X)
    assert_close(vjp_fn(V)[0], vjp_fn(V)[0], 0)
    _, two = tg.vjp(lambda x: (x * 2, x * 3), X)
    assert_close(two((None, V))[0], 3 * V, 1e-15)


@pytest.mark.parametrize("call", [
    lambda x: tg.grad(lambda y: (y**2).sum())(x), lambda x: tg.jacobian(np.sin)(x),
    lambda x: tg.jacobian(np.sin, mode="forward")(x), lambda x: tg.hessian(lambda y: (y**3).sum())(x),
    lambda x: tg.jvp(np.sin, (x,), (np.ones(3),))[1], lambda x: tg.vjp(np.sin, x)[1](np.ones(3))[0],
    lambda x: tg.hvp(lambda y: (y**3).sum(), (x,), (np.ones(3),)),
    lambda x: tg.vjp(lambda y: np.eye(3, dtype=np.float32) @ y, x)[1](np.ones(3))[0],
    lambda x: tg.grad(lambda y: tg.jvp(np.sin, (y,), (np.array([1, 2, 3]),))[1].sum())(x),
])
def test_float32_stays_float32(call: Any) -> None:
    assert call(np.ones(3, np.float32)).dtype == np.float32


def test_a_derivative_keeps_name_and_documentation() -> None:
    def energy(x: Any) -> Any:
        """Kinetic."""
        return x**2

    assert tg.grad(energy).__name__ == "grad(energy)" and tg.grad(energy).__doc__ == "Kinetic."


# -- misuse --------------------------------------------------------------------------------------------

def keyword_only(x: Any) -> Any:
    f = tg.custom_vjp(lambda x, *, beta=1.0: x * beta)
    f.defvjp(lambda x, beta: (x * beta, beta), lambda beta, g: (g * beta,))
    return tg.grad(f)(x)


MISUSE: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "vector output": (lambda: tg.grad(np.sin)(X), tg.GradError, r"sin\(\) must .* \(3,\).*\.sum\(\)"),
    "no return": (lambda: tg.grad(lambda x: None)(X), tg.GradError, "returned None.*`return`"),
    "tuple": (lambda: tg.grad(lambda x: (x, x))(1.0), tg.GradError, "has_aux=True"),
    "no aux": (lambda: tg.grad(np.sin, has_aux=True)(1.0), tg.GradError, r"\(output, aux\)"),
    "integer": (lambda: tg.grad(np.sin)(3), tg.DTypeError, "argument 0 is int.*pass floats"),
    "integer in tree": (lambda: tg.grad(lambda p: p["a"])({"a": 1.0, "n": 2}), tg.DTypeError,
                        r"argument 0\['n'\] is int"),
    "text": (lambda: tg.grad(np.sin)("x"), tg.DTypeError, "got dtype <U1"),
    "integer output": (lambda: tg.grad(lambda x: np.argmax(x))(X), tg.DTypeError,
                       "floating values, but its result is .*has_aux"),
    "argnums": (lambda: tg.grad(np.sin, 2)(X), tg.OptionError, "argument 2, but .* 1 positional"),
    "argnums kind": (lambda: tg.grad(np.sin, "x"), tg.OptionError, "int or a tuple of ints, got 'x'"),  # type: ignore[arg-type]
    "argnums twice": (lambda: tg.grad(np.multiply, (1, -1))(X, X), tg.OptionError, "argument twice"),
    "no function": (lambda: tg.grad(tg.Tensor(1.0)), tg.DTypeError, r"expected a function.*tg\.grad"),  # type: ignore[arg-type]
    "tangent shape": (lambda: tg.jvp(np.sin, (X,), (1.0,)), tg.ShapeError, r"tangents: expected .*\(3,\)"),
    "tangent form": (lambda: tg.jvp(lambda p: p[0], ([X, X],), ([X],)), tg.ShapeError,
                     r"tangents\[0\]: expected \[\*, \*\], got \[\*\]"),
    "tangent tuple": (lambda: tg.jvp(np.sin, X, (X,)), tg.OptionError, r"primals in a tuple"),
    "cotangent form": (lambda: tg.vjp(np.sin, X)[1]({"a": X}), tg.ShapeError, r"got \{'a': \*\}"),
    "cotangent shape": (lambda: tg.vjp(np.sin, X)[1](np.ones(2)), tg.ShapeError, r"\(3,\).*\(2,\)"),
    "mode": (lambda: tg.jacobian(np.sin, mode="rev"), tg.OptionError, "'reverse', 'forward'"),
    "hvp vector": (lambda: tg.hvp(np.sin, (X,), (V,)), tg.GradError, "one number"),
    "keyword-only": (lambda: keyword_only(1.0), tg.DTypeError, r"keyword-only arguments \(beta\)"),
    "checkpoint": (lambda: tg.checkpoint(3), tg.DTypeError, "expected a function"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse_is_explained(case: str) -> None:
    call, error, text = MISUSE[case]
    with pytest.raises(error, match=text):
        call()


# -- checkpoint ---------------------------------------------------------------------------------------


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


# -- rules of one's own ---------------------------------------------------------------------------------


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


COMPILED: dict[str, Callable[[Any], Any]] = {
    "value_and_grad": lambda x: tg.value_and_grad(lambda p: np.sum(p["a"] * np.sin(x)))({"a": x}),
    "aux": tg.grad(lambda x: (np.sum(np.sin(x) * x), [x * 2]), has_aux=True),
    "hessian": tg.hessian(lambda x: np.sum(x**3) * x[0]),
    "jacobian": tg.jacobian(lambda x: x * x[0], mode="forward"),
    "jvp": lambda x: tg.jvp(np.sin, (x,), (x,)),
    "hvp": lambda x: tg.hvp(lambda y: np.sum(y**3) * y[0], (x,), (x,)),
    "custom rule": tg.value_and_grad(lambda x: np.sum(softplus_rule()(x))),
    "custom rule twice": tg.hessian(lambda x: np.sum(softplus_rule()(x) ** 2)),
    "checkpoint": tg.value_and_grad(lambda x: np.sum(tg.checkpoint(lambda y: np.sin(y * y))(x))),
    "stop_gradient": tg.grad(lambda x: np.sum(tg.stop_gradient(x) * x)),
}


@pytest.mark.parametrize("case", COMPILED)
def test_transforms_can_be_compiled(case: str) -> None:
    step = tg.compile(COMPILED[case], strict=True)
    for scale in (1.0, 1.5, -2.0):
        got = tree_of(np.asarray, step(tg.Tensor(X * scale)))
        assert_trees_close(got, tree_of(np.asarray, COMPILED[case](tg.Tensor(X * scale))), 0)


def test_stop_gradient_of_a_tree() -> None:
    w = tg.Tensor(2.0, requires_grad=True)
    frozen = tg.stop_gradient({"w": w, "n": [3, w * 2]})
    assert frozen["n"][0] == 3 and not frozen["w"].requires_grad and frozen["n"][1].item() == 4.0
    assert tg.grad(tg.grad(lambda x: x**2 * tg.stop_gradient(x)))(3.0).item() == 6.0


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


def test_dictionaries_keep_their_kind() -> None:
    tree = defaultdict(list, w=np.array([1.0, 2.0]), b=np.array(3.0))
    g = tg.grad(lambda p: np.sum(p["w"]) * p["b"])(tree)
    assert type(g) is defaultdict and g.default_factory is list
    assert g["w"].tolist() == [3.0, 3.0] and g["b"].item() == 3.0
    ordered = tg.grad(lambda p: p["z"] * p["a"])(OrderedDict(z=2.0, a=3.0))
    assert type(ordered) is OrderedDict and list(ordered) == ["z", "a"] and ordered["z"].item() == 3.0


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


@pytest.mark.parametrize("f", [
    lambda a: np.exp([a[0], a[1]]).sum(), lambda a: np.asarray(a).sum(), lambda a: np.max([a[0], a[1]]),
    lambda a: np.ones(2).dot(a), lambda a: np.full(2, a[0]).sum(), lambda a: np.r_[a, a].sum(),
    lambda a: np.vectorize(lambda v: v * v)(a).sum(), lambda a: np.linalg.norm([a[0], a[1]]),
], ids=range(8))
def test_values_do_not_leave_a_function_that_is_differentiated_unnoticed(f: Any) -> None:
    for transform in (tg.grad, tg.jacobian, tg.hessian):
        with pytest.raises(tg.GradError, match=r"inside a function that is being differentiated.*np\.stack"):
            transform(f)(np.array([1.0, 2.0]))
    assert tg.grad(lambda a: (a * a.numpy() + np.asarray(tg.stop_gradient(a))).sum())(np.array([1.0, 2.0])).tolist() == [1, 2]


def test_a_function_may_update_its_argument_in_place_by_name() -> None:
    def centred(a: Any) -> Any:
        a -= a.mean()
        return (a**2).sum()

    x = np.array([1.0, 2.0, 4.0])
    np.testing.assert_allclose(tg.grad(centred)(x).numpy(), 2 * (x - x.mean()), rtol=1e-14)
    assert x.tolist() == [1.0, 2.0, 4.0]
