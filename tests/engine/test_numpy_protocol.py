"""NumPy's functions, ufunc methods, options, conversions and DLPack with Tensors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import ONE, Table, refused

X = np.array([1.5, -2.0, 3.0])
NO_GRADIENT = "to compute without gradients"


def w(value: Any = X, **options: Any) -> tg.Tensor:
    return tg.Tensor(value, requires_grad=True, name="w", **options)


@pytest.mark.parametrize("options", [
    {}, {"where": True}, {"dtype": None}, {"out": None}, {"casting": "same_kind"}, {"order": "K"}, {"subok": True},
])
def test_options_that_change_nothing_are_fine(options: dict[str, Any]) -> None:
    out = np.exp(w(), **options)
    assert isinstance(out, tg.Tensor) and out.requires_grad
    np.testing.assert_array_equal(out.numpy(), np.exp(X))


@pytest.mark.parametrize("options", [
    {"where": X > 0}, {"where": np.False_}, {"dtype": np.float32}, {"casting": "no"}, {"order": "F"},
    {"subok": False}, {"signature": "f->f"},
])
def test_other_options_say_that_they_do_not_work(options: dict[str, Any]) -> None:
    with pytest.raises(tg.DTypeError, match=rf"np\.exp: {next(iter(options))}= is not supported.*tg\.where"):
        np.exp(w(), **options)


def test_out_writes_where_no_gradient_is_lost() -> None:
    target, t = np.zeros(3), tg.Tensor(np.zeros(3))
    with pytest.raises(tg.GradError, match=r"np\.exp: .*'w'.*lose its gradient.*no_grad"):
        np.exp(w(), out=target)
    with tg.no_grad():
        assert np.exp(w(), out=target) is target
        assert np.exp(w(), out=t) is t
    np.testing.assert_array_equal(target, np.exp(X))
    np.testing.assert_array_equal(t.numpy(), np.exp(X))
    with pytest.raises(tg.GradError, match="made by multiply"):
        np.exp(X, out=w() * 2)
    with pytest.raises(tg.GradError, match="lose its gradient"):
        target += w()
    for use in (lambda: np.sum(w(), out=np.zeros(())), lambda: np.add.reduce(w(), out=np.zeros(()))):
        with pytest.raises(tg.DTypeError, match=r"(sum|reduce): out= is not supported"):
            use()


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.maximum, np.minimum])
@pytest.mark.parametrize("options", [{}, {"axis": 1}, {"axis": None}, {"axis": 0, "keepdims": True}])
def test_reduce(ufunc: Any, options: dict[str, Any]) -> None:
    m = np.arange(6.0).reshape(2, 3) + 0.5
    out = ufunc.reduce(w(m), **options)
    assert out.requires_grad
    np.testing.assert_allclose(out.numpy(), ufunc.reduce(m, **options), rtol=1e-15)


def test_accumulate_and_outer() -> None:
    for ufunc in (np.add, np.multiply):
        t = w()
        out = ufunc.accumulate(t)
        np.testing.assert_array_equal(out.numpy(), ufunc.accumulate(X))
        out.sum().backward()
        assert t.grad is not None
    for ufunc in (np.multiply, np.subtract, np.maximum, np.less):
        for a, b in ((w(), X), (X, w()), (w(), w(X.reshape(3, 1))), (w(2.0), w())):
            np.testing.assert_array_equal(ufunc.outer(a, b).numpy(), ufunc.outer(*(x.numpy() if isinstance(x, tg.Tensor) else x for x in (a, b))))


@pytest.mark.parametrize("use,name,cure", [
    (lambda: np.add.at(w(), [0], 1.0), "add.at", "scatter_add"),
    (lambda: np.add.at(np.zeros(3), [0], w(1.0)), "add.at", "in place"),
    (lambda: np.add.reduceat(w(), [0, 1]), "add.reduceat", "each slice"),
    (lambda: np.subtract.reduce(w()), "subtract.reduce", r"np\.sum"),
    (lambda: np.maximum.accumulate(w()), "maximum.accumulate", r"np\.cumsum"),
])
def test_methods_that_cannot_be_recorded_say_so(use: Callable[[], Any], name: str, cure: str) -> None:
    with pytest.raises(tg.NoRuleError, match=rf"np\.{name} does not work with Tensors.*{cure}.*{NO_GRADIENT}"):
        use()


def test_where_with_a_condition_only() -> None:
    m = np.array([[0.0, 2.0], [3.0, 0.0]])
    for f in (np.where, np.nonzero):
        for mine, theirs in zip(f(tg.Tensor(m)), f(m), strict=True):
            assert type(mine) is np.ndarray
            np.testing.assert_array_equal(mine, theirs)
    t = w(m)
    np.where(t > 0, t, 0).sum().backward()
    assert t.grad is not None and t.grad.tolist() == [[0.0, 1.0], [1.0, 0.0]]


QUESTIONS: list[Callable[[Any], Any]] = [
    np.shape, np.ndim, np.size, lambda t: np.size(t, 0), np.result_type, lambda t: np.result_type(t, np.float32),
    lambda t: np.can_cast(t, np.float32), lambda t: np.can_cast(t, np.float64), np.iscomplexobj, np.isrealobj,
    np.array2string, np.array_repr, np.array_str, len, lambda t: 3.0 in t, lambda t: 7.0 in t,
    lambda t: np.allclose(t, X), lambda t: np.array_equal(X, t), lambda t: np.array_equal(a1=t, a2=X + 1),
    lambda t: [x.item() for x in t], lambda t: f"{t[0]:.3f}", lambda t: f"{t[0]:.1f}",
]


@pytest.mark.parametrize("ask", QUESTIONS, ids=range(len(QUESTIONS)))
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_questions_have_numpys_plain_answers(ask: Callable[[Any], Any], dtype: str) -> None:
    array = X.astype(dtype)
    answer, expected = ask(w(array)), ask(array)
    assert type(answer) is type(expected) and answer == expected


def test_like_functions() -> None:
    t = w(np.ones((2, 3), "f4"))
    for f, fill in ((np.zeros_like, 0), (np.ones_like, 1)):
        out = f(t)
        assert isinstance(out, tg.Tensor) and not out.requires_grad and out.dtype == np.float32
        assert out.shape == (2, 3) and (out == fill).all()
        assert f(t, dtype=int).dtype == int and f(t, shape=(4,)).shape == (4,)
    assert np.empty_like(t).shape == (2, 3) and np.full_like(t, 7.0).tolist() == [[7.0] * 3] * 2
    fill = w(2.0)
    full = np.full_like(t, fill)
    full.sum().backward()
    assert full.dtype == np.float32 and fill.grad is not None and fill.grad.item() == 6


def test_saving(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", w())
    np.testing.assert_array_equal(np.load(tmp_path / "w.npy"), X)


def test_conversion_to_arrays() -> None:
    t = w().detach()
    view = np.asarray(t)
    assert type(view) is np.ndarray and np.shares_memory(view, t.numpy()) and not view.flags.writeable
    fresh = np.array(t)
    assert fresh.flags.writeable and not np.shares_memory(fresh, view)
    assert np.shares_memory(np.array(t, copy=False), view)
    assert np.asarray(t, np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="Unable to avoid copy"):
        np.asarray(t, np.float32, copy=False)
    assert np.asarray(w(2.0).detach()).shape == () and not isinstance(t, np.ndarray)
    np.testing.assert_allclose(t, X)


def test_a_scalar_of_numpy_and_an_array_on_the_left_record() -> None:
    for out in (np.float64(2) * w(), X * w(), X @ w(), np.float32(2) ** w(), X - w(), X < w()):
        assert isinstance(out, tg.Tensor)
    assert (np.float32(2) * w(X.astype("f4"))).dtype == np.float32


def test_dlpack_hands_out_copies() -> None:
    t = w().detach()
    for array in (np.from_dlpack(t), np.from_dlpack(w(2.0).detach()), np.from_dlpack(tg.Tensor([1, 2]))):
        assert type(array) is np.ndarray
    array = np.from_dlpack(t)
    assert not np.shares_memory(array, t.numpy()) and array.tolist() == X.tolist()
    assert t.__dlpack_device__() == (1, 0)
    with pytest.raises(BufferError, match="copies only"):
        t.__dlpack__(copy=False)


def test_dlpack_from_others() -> None:
    source = X.copy()
    t = tg.from_dlpack(source)
    source += 1
    assert isinstance(t, tg.Tensor) and t.tolist() == X.tolist()
    assert tg.from_dlpack(w().detach()).tolist() == X.tolist()


def test_dlpack_with_torch() -> None:
    torch = pytest.importorskip("torch")
    there = torch.from_dlpack(w(X.astype("f4")).detach())
    assert there.dtype == torch.float32 and there.tolist() == X.tolist()
    there += 1
    back = tg.from_dlpack(there)
    assert back.dtype == np.float32 and back.tolist() == (X + 1).tolist()


def test_functions_without_a_rule_name_the_recipe() -> None:
    for use in (lambda: np.unwrap(w()), lambda: np.i0(w()), lambda: np.isnat(w())):
        with pytest.raises(tg.NoRuleError, match=rf"np\.\w+ has no derivative rule.*tg\.primitive.*{NO_GRADIENT}"):
            use()


def test_functions_of_scipy_are_named_as_they_are() -> None:
    special = pytest.importorskip("scipy.special")
    with pytest.raises(tg.NoRuleError, match=r"^erf cannot be recorded; use tg\.erf"):
        special.erf(w())
    with pytest.raises(tg.NoRuleError, match=r"^expit has no derivative rule"):
        special.expit(w())


def test_a_generalized_ufunc_takes_an_axis() -> None:
    m = np.arange(6.0).reshape(2, 3)
    t = w(m)
    out = np.vecdot(t, m + 1, axis=0)
    out.sum().backward()
    np.testing.assert_array_equal(out.numpy(), np.vecdot(m, m + 1, axis=0))
    assert t.grad is not None and t.grad.tolist() == (m + 1).tolist()
    with pytest.raises(tg.DTypeError, match="axis"):
        np.matmul(t, m.T, axis=0)


def test_numbers_beside_tensors() -> None:
    for f in (lambda a: np.outer(a, 2), lambda a: np.outer(2.0, a), lambda a: np.meshgrid(a, 5)[0],
              lambda a: np.meshgrid(5, a, indexing="ij")[1]):
        np.testing.assert_array_equal(f(w()).numpy(), f(X))


def test_methods_of_arrays() -> None:
    t, whole = w(), tg.Tensor([1, 2, 0])
    assert t.argsort().tolist() == X.argsort().tolist() and t.nbytes == X.nbytes and t.itemsize == 8
    assert t.argpartition(1).tolist()[1] == X.argpartition(1)[1]
    assert np.sort(t).searchsorted([0.0, 2.0]).tolist() == [1, 2]
    assert t.compress([True, False, True]).tolist() == [1.5, 3.0]
    assert whole.choose([t, t + 1, t + 2]).tolist() == [2.5, 0.0, 3.0]
    assert [p.tolist() for p in whole.nonzero()] == [[0, 1]]
    assert (whole << 1).tolist() == [2, 4, 0] and (8 >> whole).tolist() == [4, 2, 8]
    assert (1 << whole).tolist() == [2, 4, 1] and (whole >> 1).tolist() == [0, 1, 0]
    (t.real + t.imag + t.conj() + t.conjugate()).sum().backward()
    assert t.grad is not None and t.grad.tolist() == [3.0, 3.0, 3.0]


@pytest.mark.parametrize("ask", [
    lambda m: np.triu_indices_from(m), lambda m: np.tril_indices_from(m, 1), lambda m: np.diag_indices_from(m),
    lambda m: np.ix_(m[0] > 0, m[:, 0] > 3), lambda m: np.lexsort((m[0], m[1])), lambda m: np.size(m, 0),
    lambda m: np.isin(m, [3.0]), lambda m: np.histogram_bin_edges(m, 3),
], ids=range(8))
def test_questions_about_places_have_plain_answers(ask: Callable[[Any], Any]) -> None:
    m = np.arange(9.0).reshape(3, 3)
    mine, expected = ask(w(m)), ask(m)
    assert type(mine) is type(expected)
    for a, b in zip(*(x if isinstance(x, tuple) else (x,) for x in (mine, expected)), strict=True):
        assert type(a) is type(b)
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("f", [
    lambda a: np.linspace(a, 2.0, 5), lambda a: np.linspace(0, a, 4, endpoint=False), lambda a: np.logspace(a, 2.0, 3),
    lambda a: np.choose([0, 1, 0], [a, 2.0]), lambda a: np.choose([1, 1, 0], [2.0, a]),
    lambda a: np.choose([[0], [0]], [a]), lambda a: np.choose([0, 0], [a[0]]), lambda a: np.select([a > 2], [a], 1.0),
], ids=range(8))
def test_python_numbers_stay_weak_in_compositions(f: Callable[[Any], Any]) -> None:
    array = np.array([1.5, 2.5, 3.0], np.float32)
    out, expected = f(w(array)), f(array)
    assert out.dtype == expected.dtype == np.float32
    np.testing.assert_array_equal(out.numpy(), expected)


def test_questions_about_the_form_may_be_asked_in_compiled_steps() -> None:
    t = w(np.arange(4.0).reshape(2, 2))

    def step() -> tg.Tensor:
        loss = np.size(t) * (t[np.triu_indices_from(t)] ** 2).sum() / np.size(t, 0)
        t.zero_grad()
        loss.backward()
        return loss

    compiled = tg.compile(step, strict=True)
    assert [compiled().item() for _ in range(3)] == [20.0] * 3


def leaf(value: Any = 3.0, **options: Any) -> tg.Tensor:
    return tg.Tensor(value, requires_grad=True, **options)


def test_numpy_functions_record() -> None:
    t, a = leaf([1.0, 4.0]), np.array([2.0, 3.0])
    cases = [(a * t, [2, 3]), (a - t, [-1, -1]), (np.sqrt(t), [0.5, 0.25]),
             (np.where(a > 2, t, 0), [0, 1]), (np.concatenate([t, a]), [1, 1]),
             (np.stack([a, t]), [1, 1]), (np.sum(t, 0), [1, 1]), (np.add.reduce(t), [1, 1]),
             (t - [1, 2], [1, 1]), (np.multiply.outer(t, a), [5, 5]), (t[[0, 0]], [2, 0])]
    for out, expected in cases:
        assert isinstance(out, tg.Tensor) and out.requires_grad
        t.zero_grad()
        out.sum().backward()
        assert t.grad is not None and t.grad.tolist() == expected


MISUSE: Table = {
    "no rule": (lambda: np.unwrap(w()), TypeError, r"np\.unwrap has no derivative rule.*tg\.primitive"),
    "ufunc no rule": (lambda: np.isnat(w()), TypeError, "np.isnat has no derivative rule"),
    "out of recorded": (lambda: np.exp(w(), out=np.empty(3)), RuntimeError, "lose its gradient"),
    "out of two": (lambda: np.modf(w(), out=(ONE, ONE)), TypeError, r"np\.modf: out= is not supported"),
    "out of a composition": (lambda: np.float_power(w(), 2, ONE), TypeError, r"np\.float_power: out= is not"),
    "out of another shape": (lambda: np.exp(w().detach(), out=np.ones(5)), ValueError, "exp in place.*must have the shape"),
    "a question": (lambda: np.size(w(), 7), (ValueError, IndexError), r"size\('w'.*(axis 7|index) (is )?out of"),
    "like": (lambda: np.zeros_like(w(), dtype="bogus"), TypeError, r"zeros_like\('w'.*'bogus' not understood"),
    "full like a text": (lambda: np.full_like(w(), "a"), ValueError, r"full_like\('w'.*could not convert"),
    "no such dtype": (lambda: np.can_cast(w(), "bogus"), TypeError, r"can_cast\('w'.*'bogus' not understood"),
    "promotion": (lambda: np.result_type(w(), "bogus"), TypeError, r"result_type\('w'.*'bogus' not understood"),
    "writers": (lambda: np.put(w(), [0], 1.0), TypeError, r"np\.put cannot be recorded; use tg\.put, which returns"),
    "copyto": (lambda: np.copyto(w(), 1.0), TypeError, r"np\.copyto writes in place.*t\.at\[\.\.\.\]\.set"),
    "dlpack": (lambda: tg.from_dlpack(5), TypeError, r"from_dlpack\(int\).*make one with np\.asarray"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
