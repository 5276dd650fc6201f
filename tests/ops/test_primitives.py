"""Every primitive against independent oracles, driven by the registry and the sample rows."""

from __future__ import annotations

import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.oracles import (
    RTOL_CENTRAL,
    RTOL_COMPLEX,
    assert_close,
    central_difference,
    complex_step,
)
from tests.samples import Sample, all_samples
from tests.values import values
from tinygrad_gd.engine.primitive import Primitive
from tinygrad_gd.ground.registry import INTERNAL, NAMES, by_name
from tinygrad_gd.transforms.gradcheck import gradcheck

ROWS = all_samples()
each_row = pytest.mark.parametrize("row", ROWS, ids=str)
#: Second derivatives by every element take long: those of so many, and of more rows of a primitive than
#: these, are looked at among the slow tests.
MANY, FIRST_ROWS = 1_000, 3


def weights_for(out: Any) -> Any:
    """Cotangents that are all different, so that no two errors cancel."""
    return np.random.default_rng(5).uniform(0.5, 1.5, np.shape(out))


def gradients(row: Sample, inputs: tuple[Any, ...], weights: Any = None) -> tuple[Any, list[Any]]:
    """The result and all gradients through the public interface, in the dtypes of the inputs."""
    leaves = [tg.Tensor(x, requires_grad=True, name=f"x{i}") for i, x in enumerate(inputs)]
    out = row.call(*leaves)
    if weights is None:
        weights = weights_for(out)
    out.backward(weights)
    for leaf in leaves:
        if leaf.grad is None:
            leaf.grad = np.zeros(leaf.shape, leaf.dtype)
        assert leaf.grad.dtype == leaf.dtype and leaf.grad.shape == leaf.shape
    return out, [values(leaf.grad) for leaf in leaves]


def expected_gradients(row: Sample, inputs: tuple[Any, ...], weights: Any) -> tuple[Any, float]:
    """The oracle's gradients and how far they can be trusted."""
    if getattr(by_name(row.name), "analytic", False) and takes_complex(row):
        return complex_step(row.call, inputs, weights), RTOL_COMPLEX
    return central_difference(row.call, inputs, weights), RTOL_CENTRAL


def takes_complex(row: Sample) -> bool:
    """False for functions of ours, which refuse complex arrays, and for NumPy's real ones."""
    try:
        return bool(np.iscomplexobj(row.call(*(x + 0j for x in row.inputs))))
    except TypeError:
        return False


def check(row: Sample) -> None:
    """First derivatives of one row; also what the mutation test runs on corrupted rules."""
    out, actual = gradients(row, row.inputs)
    expected, rtol = expected_gradients(row, row.inputs, weights_for(out))
    for i, (g, e) in enumerate(zip(actual, expected, strict=True)):
        assert_close(g, e, rtol, f"{row}: gradient of argument {i}")


#: What the package registers; doctests and tests add primitives of their own while running.
DIFFERENTIABLE = sorted(
    name for name, made in (NAMES | INTERNAL).items()
    if isinstance(made, Primitive) and made.differentiable and made.name == name)


def test_every_differentiable_primitive_has_a_row() -> None:
    missing = set(DIFFERENTIABLE) - {row.name for row in ROWS}
    assert not missing, f"add a Sample for {sorted(missing)}"


@each_row
def test_value(row: Sample) -> None:
    expected = values(row.call(*row.inputs))
    result = row.call(*(tg.Tensor(x) for x in row.inputs))
    assert isinstance(result, tg.Tensor) and not result.requires_grad
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(values(result), expected)


@each_row
def test_first_order(row: Sample) -> None:
    check(row)


def slow_if_many(rows: list[Sample]) -> Iterator[Any]:
    met: Counter[str] = Counter()
    for row in rows:
        met[row.name] += 1
        slow = met[row.name] > FIRST_ROWS or sum(x.size for x in row.inputs) > MANY
        yield pytest.param(row, marks=pytest.mark.slow) if slow else row


@pytest.mark.parametrize("row", [*slow_if_many([row for row in ROWS if row.smooth])], ids=str)
def test_second_order(row: Sample) -> None:
    assert gradcheck(row.call, row.inputs, order=2)


@each_row
def test_float32_stays_float32(row: Sample) -> None:
    single = tuple(x.astype(np.float32) for x in row.inputs)
    out, actual = gradients(row, single)
    assert out.dtype == np.float32
    _, double = gradients(row, tuple(x.astype(float) for x in single), weights_for(out))
    for g, e in zip(actual, double, strict=True):
        assert g.dtype == np.float32
        assert_close(g, e, 1e-4, f"{row} in float32")
    again = [tg.Tensor(x, requires_grad=True) for x in single]
    out = row.call(*again)
    out.backward(weights_for(out), create_graph=True)  # the rules on Tensors, too
    assert {x.grad.dtype for x in again if x.grad is not None} <= {np.dtype(np.float32)}


@each_row
def test_memory_layout_does_not_matter(row: Sample) -> None:
    out, expected = gradients(row, row.inputs)
    for layout, arrange in LAYOUTS.items():
        leaves = [lay_out(arrange(x)) for x in row.inputs]
        again = row.call(*leaves)
        again.backward(weights_for(out))
        assert_close(values(again), values(out), 1e-14, f"{row}: value, {layout}")
        for leaf, e in zip(leaves, expected, strict=True):
            g = np.zeros(e.shape) if leaf.grad is None else values(leaf.grad)
            assert_close(g, e, 1e-14, f"{row}: gradient, {layout}")


def strided(x: Any) -> Any:
    wide = np.full((*x.shape, 2), np.nan)
    wide[..., 0] = x
    return wide[..., 0]


def backwards(x: Any) -> Any:
    flip = (slice(None, None, -1),) * x.ndim
    return x[flip].copy()[flip]


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "fortran": lambda x: np.array(x, order="F"), "strided": strided, "reversed": backwards}


def lay_out(x: Any) -> tg.Tensor:
    """A leaf whose array really has these strides (the constructor would make a plain copy)."""
    leaf = tg.Tensor(x, requires_grad=True)
    leaf._value = x
    return leaf


# -- elementwise primitives: all the ways operands meet --------------------------------------------

ELEMENTWISE = [row for row in ROWS if getattr(by_name(row.name), "elementwise", False)]
each_elementwise = pytest.mark.parametrize("row", ELEMENTWISE, ids=str)
each_of_several = pytest.mark.parametrize("row", [row for row in ELEMENTWISE if len(row.inputs) > 1], ids=str)


def reshaped(row: Sample, *shapes: tuple[int, ...]) -> tuple[Any, ...]:
    """The row's values, which lie in its domain, in other shapes."""
    return tuple(np.resize(x, shape) if x.size else np.zeros(shape)
                 for x, shape in zip(row.inputs, shapes, strict=False))


SHAPES: list[tuple[tuple[int, ...], ...]] = [
    ((), (), ()), ((0, 3), (0, 3), (3,)), ((1,), (), (1,)), ((3, 1), (1, 4), (4,)),
    ((2, 1, 3), (3,), (1, 1)), ((), (2, 2), (2, 1)),
]


@each_elementwise
def test_shapes(row: Sample) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tg.BroadcastWarning)
        for shapes in SHAPES:
            check(row._replace(inputs=reshaped(row, *shapes)))


@each_of_several
def test_mixed_precision(row: Sample) -> None:
    """A float32 operand among float64 ones: NumPy's promotion forward, its own dtype backward."""
    mixed = (row.inputs[0].astype(np.float32), *row.inputs[1:])
    out, actual = gradients(row, mixed)
    assert out.dtype == np.float64
    exact = tuple(x.astype(float) for x in mixed)
    for g, e, x in zip(actual, gradients(row, exact, weights_for(out))[1], mixed, strict=True):
        assert g.dtype == x.dtype
        assert_close(g, e, 1e-6 if x.dtype == np.float32 else 1e-14, str(row))


@each_of_several
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_python_scalars_are_weak(row: Sample, dtype: Any) -> None:
    """``float32 tensor <op> 2.0`` stays float32 in both directions, at each position."""
    for position, x in enumerate(row.inputs):
        operands: list[Any] = [float(np.ravel(a)[0]) for a in row.inputs]
        leaf = tg.Tensor(x.astype(dtype), requires_grad=True)
        operands[position] = leaf
        out = row.call(*operands)
        assert out.dtype == dtype
        if not out.requires_grad:
            continue
        out.backward(weights_for(out))
        if leaf.grad is None:
            continue
        assert leaf.grad.dtype == dtype

        def of_one(a: Any, operands: Any = operands, position: int = position) -> Any:
            return row.call(*operands[:position], a, *operands[position + 1 :])

        expected = central_difference(of_one, [values(leaf.data)], weights_for(out))[0]
        assert_close(values(leaf.grad), expected, 1e-6 if dtype == np.float64 else 1e-3, str(row))


# -- other engines --------------------------------------------------------------------------------


def in_autograd(call: Callable[..., Any]) -> Callable[..., Any] | None:
    """The same call with ``np`` meaning HIPS autograd's wrapper, or None where it has no such."""
    wrapper = pytest.importorskip("autograd.numpy", reason="autograd is not installed")
    if (home := getattr(call, "__module__", None) or "numpy").startswith("numpy"):
        place = wrapper.linalg if home == "numpy.linalg" else wrapper
        return getattr(place, call.__name__, None)
    if not isinstance(call, types.FunctionType) or "tg" in call.__code__.co_names:
        return None
    scope = {**call.__globals__, "np": wrapper}
    return types.FunctionType(
        call.__code__, scope, call.__name__, call.__defaults__, call.__closure__)


@pytest.mark.parametrize("row", [row for row in ROWS if row.autograd], ids=str)
def test_agrees_with_hips_autograd(row: Sample) -> None:
    call = in_autograd(row.call)
    if call is None:
        pytest.skip("autograd has no such function")
    from autograd import make_vjp

    out, actual = gradients(row, row.inputs)
    weights = weights_for(out)
    for i, g in enumerate(actual):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                vjp, value = make_vjp(call, i)(*row.inputs)
                expected = np.asarray(vjp(weights), float)
        except (NotImplementedError, AttributeError, TypeError, ValueError, AssertionError) as error:
            pytest.skip(f"autograd: {type(error).__name__}")
        if expected.ndim and expected.shape != g.shape:  # its transpose with negative axes, for example
            pytest.skip(f"autograd: gradient of shape {expected.shape} for shape {g.shape}")
        assert_close(values(out), value, 1e-12, f"{row}: value")
        assert_close(g, np.broadcast_to(expected, g.shape), 1e-9, f"{row}: argument {i}")


@pytest.mark.parametrize("row", [row for row in ROWS if row.torch], ids=str)
def test_agrees_with_pytorch(row: Sample) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    leaves = [torch.tensor(x, requires_grad=True) for x in row.inputs]
    expected = row.torch(*leaves)
    out, actual = gradients(row, row.inputs)
    assert_close(values(out), expected.detach().numpy(), 1e-9, f"{row}: value")
    (expected * torch.tensor(weights_for(out))).sum().backward()
    for i, (g, leaf) in enumerate(zip(actual, leaves, strict=True)):
        e = np.zeros(g.shape) if leaf.grad is None else leaf.grad.numpy()
        assert_close(g, e, 1e-9, f"{row}: argument {i}")
