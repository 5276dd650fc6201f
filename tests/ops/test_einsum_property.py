"""einsum with the subscripts that hypothesis thinks of: NumPy's values, and derivatives of two orders.

The subscripts have repeated indices, ellipses of different lengths, axes of length 1 that broadcast,
implicit and explicit outputs; the same calls are made with lists of integers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_gd as tg
from tests.values import values

many = settings(max_examples=150, deadline=None, derandomize=True, database=None)
few = settings(max_examples=40, deadline=None, derandomize=True, database=None)
LETTERS = "ABbz"


class Call(NamedTuple):
    subscripts: str
    arrays: tuple[Any, ...]


@st.composite
def calls(draw: st.DrawFn, smallest: int = 1) -> Call:
    """Subscripts, and arrays that fit them."""
    lengths = {i: draw(st.integers(smallest, 3)) for i in LETTERS}
    batch = [draw(st.integers(1, 2)) for _ in range(2)]
    terms, arrays = [], []
    for seed in range(draw(st.integers(1, 3))):
        letters = draw(st.text(LETTERS, max_size=3))
        flat = {i for i in LETTERS if draw(st.integers(0, 5)) == 0}  # of length 1 here
        shape = [1 if i in flat else lengths[i] for i in letters]
        if draw(st.booleans()):
            place, depth = draw(st.integers(0, len(letters))), draw(st.integers(0, 2))
            letters = f"{letters[:place]}...{letters[place:]}"
            shape[place:place] = [draw(st.sampled_from([1, n])) for n in batch[2 - depth :]]
        terms.append(letters)
        arrays.append(np.random.default_rng(seed).uniform(0.5, 1.5, shape))
    subscripts = ",".join(terms)
    if draw(st.booleans()):
        present = sorted(set(subscripts) - set(".,"))
        output = "".join(draw(st.permutations(present))[: draw(st.integers(0, len(present)))])
        if "..." in subscripts:
            place = draw(st.integers(0, len(output)))
            output = f"{output[:place]}...{output[place:]}"
        subscripts += f"->{output}"
    return Call(subscripts, tuple(arrays))


def as_lists(call: Call) -> list[Any]:
    """The same call in the form ``einsum(x, [0, 1], y, [1, 2], [0, 2])``."""
    inputs, arrow, output = call.subscripts.partition("->")
    items: list[Any] = []
    for array, term in zip(call.arrays, inputs.split(","), strict=True):
        items += [array, indices(term)]
    return [*items, indices(output)] if arrow else items


def indices(term: str) -> list[Any]:
    order = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    return [Ellipsis if i == "." else order.index(i) for i in term.replace("...", ".")]


@many
@given(calls(smallest=0), st.booleans())
def test_values_are_numpys(call: Call, optimize: bool) -> None:
    expected = np.einsum(call.subscripts, *call.arrays, optimize=optimize)
    result = np.einsum(call.subscripts, *map(tg.Tensor, call.arrays), optimize=optimize)
    assert isinstance(result, tg.Tensor) and result.dtype == expected.dtype
    np.testing.assert_allclose(values(result), expected, rtol=1e-14, strict=True)


@few
@given(calls())
def test_lists_of_integers_mean_the_same(call: Call) -> None:
    items = [tg.Tensor(x) if isinstance(x, np.ndarray) else x for x in as_lists(call)]
    expected = np.einsum(*as_lists(call))
    np.testing.assert_array_equal(values(tg.einsum(*items)), expected, strict=True)


def test_an_implicit_output_is_in_the_order_of_the_integers() -> None:
    x = np.arange(6.0).reshape(2, 3)
    assert tg.einsum(tg.Tensor(x), [1, 0]).tolist() == x.T.tolist()
    assert tg.einsum(tg.Tensor(x), [25, 26]).tolist() == x.tolist()


@many
@given(calls(), st.booleans())
def test_first_derivatives(call: Call, optimize: bool) -> None:
    def f(*xs: Any) -> Any:
        return np.einsum(call.subscripts, *xs, optimize=optimize)

    assert tg.gradcheck(f, call.arrays)


@few
@given(calls())
def test_second_derivatives(call: Call) -> None:
    def f(*xs: Any) -> Any:
        return np.exp(np.einsum(call.subscripts, *xs) / 16)  # exp: not linear in any operand

    assert tg.gradcheck(f, call.arrays, order=2)


@few
@given(calls())
def test_the_derivative_keeps_float32(call: Call) -> None:
    leaves = [tg.Tensor(x, requires_grad=True, dtype=np.float32) for x in call.arrays]
    out = np.einsum(call.subscripts, *leaves)
    out.backward(np.ones(out.shape, np.float32))
    assert out.dtype == np.float32
    assert all(x.grad is not None and x.grad.dtype == np.float32 for x in leaves)


def test_an_array_changed_afterwards_does_not_change_the_gradient() -> None:
    constant = np.array([1.0, 2.0])
    x = tg.Tensor([3.0, 4.0], requires_grad=True)
    out = np.einsum("i,i", x, constant)
    constant[:] = 0
    out.backward()
    assert x.grad is not None and x.grad.tolist() == [1.0, 2.0]


def test_a_result_shares_no_memory_with_its_operand() -> None:
    x = tg.Tensor(np.eye(2), requires_grad=True)
    turned = np.einsum("ij->ji", x)
    with tg.no_grad():
        x -= 1.0
    np.testing.assert_array_equal(turned.numpy(), np.eye(2))
