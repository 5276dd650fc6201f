"""Derivatives of functions: against JAX and torch.func, nested in every way, over nested arguments."""

from __future__ import annotations

import tracemalloc
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import ONE, Table, refused
from tests.oracles import assert_close
from tests.transforms.trees import V, X, Y, assert_trees_close, normal, tree_of
from tests.values import values


class Layer(NamedTuple):
    weight: Any
    bias: Any


def mlp(xp: Any, params: Any, x: Any) -> Any:
    hidden = xp.tanh(x @ params["first"].weight + params["first"].bias)
    return xp.sum((hidden @ params["last"][0] + params["last"][1]) ** 2)


def mlp_params() -> dict[str, Any]:
    return {"first": Layer(normal(3, 4), normal(4, seed=1)),
            "last": [normal(4, 2, seed=2), normal(2, seed=3)]}


def wave(xp: Any) -> Callable[[Any], Any]:
    return lambda x: xp.sin(x) * xp.exp(x * 0.5)


MATRIX = normal(4, 3, seed=9)

#: A name, and a call of (library of transforms, numpy) that returns a tree of arrays.
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
    return tree_of(lambda x: values(x) * factor, tree)


@pytest.fixture(scope="module")
def jax() -> Any:
    library = pytest.importorskip("jax")
    before = library.config.jax_enable_x64
    library.config.update("jax_enable_x64", True)
    yield library
    library.config.update("jax_enable_x64", before)


@pytest.mark.parametrize("row", ROWS)
def test_equal_to_jax(row: str, jax: Any) -> None:
    expected = tree_of(values, ROWS[row](jax, jax.numpy))
    assert_trees_close(tree_of(values, ROWS[row](tg, np)), expected)


@pytest.mark.parametrize("row", ROWS)
def test_no_grad_outside_changes_nothing_but_the_recording(row: str) -> None:
    expected = tree_of(values, ROWS[row](tg, np))
    with tg.no_grad():
        got = ROWS[row](tg, np)
    assert_trees_close(tree_of(values, got), expected, 0)
    tree_of(lambda x: not_recorded(x), got)


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
    assert_trees_close(tree_of(values, got), tree_of(values, expected))


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
    lambda x: tg.grad(lambda p, q: (p + q).sum(), argnums=(0, 1))(x, x), lambda x: tg.vjp(lambda p, q: p + q, x, x)[1](V),
    lambda x: tg.jvp(lambda p: (p, p), (x,), (V,))[1],
])
@pytest.mark.parametrize("recorded", [False, True])
def test_equal_derivatives_are_not_one_tensor(call: Any, recorded: bool) -> None:
    one, other = call(tg.Tensor(X, requires_grad=recorded))
    before = other.tolist()
    one *= 2
    assert other.tolist() == before


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


@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_the_dtype_of_a_jacobian_does_not_depend_on_sizes(outputs: int) -> None:
    x = np.ones(2, np.float32)
    jacobian = tg.jacobian(lambda x: x.astype(np.float64).sum() * np.ones(outputs))(x)
    assert jacobian.dtype == np.float32 and jacobian.shape == (outputs, 2)


def test_a_derivative_keeps_name_and_documentation() -> None:
    def energy(x: Any) -> Any:
        """Kinetic."""
        return x**2

    assert tg.grad(energy).__name__ == "grad(energy)" and tg.grad(energy).__doc__ == "Kinetic."


def test_dictionaries_keep_their_kind() -> None:
    tree = defaultdict(list, w=np.array([1.0, 2.0]), b=np.array(3.0))
    g = tg.grad(lambda p: np.sum(p["w"]) * p["b"])(tree)
    assert type(g) is defaultdict and g.default_factory is list
    assert g["w"].tolist() == [3.0, 3.0] and g["b"].item() == 3.0
    ordered = tg.grad(lambda p: p["z"] * p["a"])(OrderedDict(z=2.0, a=3.0))
    assert type(ordered) is OrderedDict and list(ordered) == ["z", "a"] and ordered["z"].item() == 3.0


def test_derivatives_by_nothing() -> None:
    assert tg.grad(lambda x: tg.Tensor(1.0))([]) == tg.jacobian(lambda x: tg.Tensor(1.0))([]) == []


MISUSE: Table = {
    "aux as text": (lambda: tg.grad(np.sum, has_aux="no"), TypeError, "grad: has_aux: expected True"),  # type: ignore[arg-type]
    "hessian of nothing": (lambda: tg.hessian(None), TypeError, "hessian: expected a function"),  # type: ignore[arg-type]
    "hessian by integers": (lambda: tg.hessian(np.sum)(np.array([1])), TypeError, "hessian: can only differentiate by floating"),
    "gradient at a text": (lambda: tg.grad(np.sum)("a"), TypeError, "grad: argument 0: expected float"),
    "gradient of a text": (lambda: tg.grad(lambda x: "a")(1.0), TypeError, r"grad: the result of <lambda>\(\): expected float"),
    "cotangent of text": (lambda: tg.vjp(np.sin, ONE)[1]("a"), TypeError, "vjp: cotangent: expected float"),
    "tangent of complex": (lambda: tg.jvp(np.sin, (ONE,), (ONE * 1j,)), TypeError, "jvp: tangents: expected float"),
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
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
