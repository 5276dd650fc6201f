"""Linear algebra beyond the sample rows: singular and equal cases, results in parts, and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import MATRIX, ONE, PAIR, Table, refused, w
from tests.oracles import assert_close
from tests.samples import normal
from tests.values import values
from tinygrad_gd.ground.registry import by_name

LINALG: Any = np.linalg  # its stubs do not know of Tensors
A = normal(3, 3) + 2 * np.eye(3)


def leaf(values: Any, **options: Any) -> tg.Tensor:
    return tg.Tensor(values, requires_grad=True, name="a", **options)


def gradient(f: Callable[[Any], Any], array: Any) -> Any:
    a = leaf(array)
    f(a).backward()
    return values(a.grad)


@pytest.mark.parametrize("name", ["slogdet", "eigh", "qr", "svd"])
@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3), (0, 2, 2)], ids=str)
def test_parts_have_numpys_names_and_values(name: str, shape: tuple[int, ...]) -> None:
    a = normal(*shape)
    expected, result = getattr(np.linalg, name)(a), getattr(np.linalg, name)(leaf(a))
    assert result._fields == expected._fields
    for ours, numpys in zip(result, expected, strict=True):
        assert isinstance(ours, tg.Tensor)
        np.testing.assert_array_equal(ours.numpy(), numpys, strict=True)


@pytest.mark.parametrize("full_matrices", [True, False])
@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (2, 2, 3), (2, 0)], ids=str)
def test_svd_has_numpys_shapes(shape: tuple[int, ...], full_matrices: bool) -> None:
    a = normal(*shape)
    expected = np.linalg.svd(a, full_matrices)
    for ours, numpys in zip(LINALG.svd(leaf(a), full_matrices), expected, strict=True):
        np.testing.assert_array_equal(ours.numpy(), numpys, strict=True)


@pytest.mark.parametrize("mode", ["reduced", "complete", "r"])
@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (3, 3)], ids=str)
def test_qr_has_numpys_modes(shape: tuple[int, ...], mode: Any) -> None:
    a = normal(*shape)
    expected, result = np.linalg.qr(a, mode), LINALG.qr(leaf(a), mode)
    if mode == "r":
        np.testing.assert_array_equal(result.numpy(), expected)
        return
    for ours, numpys in zip(result, expected, strict=True):
        np.testing.assert_array_equal(ours.numpy(), numpys)


@pytest.mark.parametrize(("shape", "columns"), [((5, 2), ()), ((5, 2), (3,)), ((2, 4), ()), ((3, 3), (2,))])
def test_lstsq_gives_numpys_four_parts(shape: tuple[int, int], columns: tuple[int, ...]) -> None:
    a, b = normal(*shape), normal(shape[0], *columns, seed=1)
    expected = np.linalg.lstsq(a, b)
    result = LINALG.lstsq(leaf(a), b)
    assert result._fields == ("x", "residuals", "rank", "s")
    assert result.rank.item() == expected[2]
    for ours, numpys in zip(result, expected, strict=True):
        assert ours.shape == np.shape(numpys)
        np.testing.assert_allclose(ours.numpy(), numpys, rtol=1e-12)


def test_lstsq_residuals_differentiate() -> None:
    b = normal(5, seed=1)
    assert tg.gradcheck(lambda a: LINALG.lstsq(a, b).residuals, [normal(5, 2)], order=2)


def test_the_rank_of_a_deficient_matrix() -> None:
    a = np.outer([1.0, 2.0, 3.0], [1.0, 1.0])
    assert LINALG.lstsq(tg.Tensor(a), np.ones(3)).rank.item() == 1
    rank = LINALG.matrix_rank(leaf([a, a + np.eye(3, 2)]))
    assert rank.tolist() == [1, 2] and not rank.requires_grad


def test_pinv_takes_numpys_tolerances() -> None:
    a = np.diag([1.0, 1e-3])
    for options in ({}, {"rcond": 0.1}, {"rtol": 0.1}, {"rtol": None}):
        expected = LINALG.pinv(a, **options)
        np.testing.assert_array_equal(LINALG.pinv(leaf(a), **options).numpy(), expected)


def test_cond_of_a_singular_matrix_is_infinite() -> None:
    assert LINALG.cond(tg.Tensor(np.ones((2, 2)) * [[1], [2]])).item() > 1e15
    assert LINALG.cond(tg.Tensor(np.diag([1.0, 0.0]))).item() == np.inf


@pytest.mark.parametrize("n", [2, 3, 4])
def test_second_derivative_of_det_where_the_first_is_zero(n: int) -> None:
    """Of rank n - 2: all cofactors are 0, but not their derivatives."""
    a = normal(n, n - 2) @ normal(n - 2, n, seed=1)
    np.testing.assert_allclose(gradient(LINALG.det, a), 0, atol=1e-14)
    assert tg.gradcheck(lambda x: by_name("cofactors")(x), [a])


def test_third_derivative_of_det() -> None:
    """det of 3 x 3 is cubic: its third derivative along d is 6 det(d), at every matrix."""
    d = normal(3, 3, seed=7)

    def on_line(t: Any) -> Any:
        return LINALG.det(np.ones((3, 3)) + t * d)

    third = tg.grad(tg.grad(tg.grad(on_line)))(0.3)
    np.testing.assert_allclose(values(third), 6 * np.linalg.det(d), rtol=1e-12)


def test_cofactors_agree_with_the_inverse() -> None:
    for a in (A, normal(20, 20), np.eye(1) * 3, normal(2, 4, 4)):
        expected = np.linalg.det(a)[..., None, None] * np.swapaxes(np.linalg.inv(a), -1, -2)
        assert_close(by_name("cofactors")(tg.Tensor(a)), expected, 1e-11)
    assert by_name("cofactors")(tg.Tensor(np.zeros((0, 0)))).shape == (0, 0)


def test_values_of_equal_eigenvalues_differentiate() -> None:
    """sum of the squares of the eigenvalues is the sum of the squares of the entries."""
    a = np.diag([2.0, 2.0, 5.0])
    values: list[Callable[[Any], Any]] = [
        lambda x: LINALG.eigvalsh(x), lambda x: LINALG.eigh(x).eigenvalues,
        lambda x: LINALG.svdvals(x), lambda x: LINALG.svd(x).S]
    for of in values:
        x = leaf(a)
        (of(x) ** 2).sum().backward()
        assert_close(x.grad, 2 * a, 1e-14)


def test_vectors_of_equal_values_give_nan_and_not_a_wrong_number() -> None:
    turn = np.linalg.qr(normal(3, 3)).Q
    a = turn @ np.diag([2.0, 2.0, 5.0]) @ turn.T  # equal up to rounding

    def square_by_parts(x: Any) -> Any:
        w, v = LINALG.eigh(x)
        return ((v * w**2) @ v.T).sum()

    def gram_by_parts(x: Any) -> Any:
        u, s, _ = LINALG.svd(x)
        return ((u * s**2) @ u.T).sum()

    for f in (square_by_parts, gram_by_parts):
        assert np.isnan(gradient(f, a)).all()
        assert np.isfinite(gradient(f, a + np.diag([0.0, 0.1, 0.0]))).all()


def test_vectors_that_are_unique_differentiate_beside_equal_values() -> None:
    """The projection on the eigenvector of 5 does not depend on how those of 2 are turned."""
    a = np.diag([2.0, 2.0, 5.0]) + 0.0

    def entry(x: Any) -> Any:
        v = LINALG.eigh(x + x.T).eigenvectors[:, 2]
        return (v * v * np.arange(3.0)).sum() + v[2] * v[0] * 3

    assert tg.gradcheck(entry, [a])


def test_null_vectors_of_a_tall_matrix_give_nan() -> None:
    a = np.zeros((3, 2))
    a[0, 0] = 1.0  # the second singular value is 0

    def through_u(x: Any) -> Any:
        return (LINALG.svd(x, full_matrices=False).U ** 2).sum()

    assert np.isnan(gradient(through_u, a)).any()
    assert gradient(lambda x: LINALG.svd(x, full_matrices=False).S[0], a).tolist() == [[1, 0], [0, 0], [0, 0]]


def test_gradients_of_functions_of_symmetric_matrices_are_symmetric() -> None:
    a = A @ A.T
    for f in (lambda x: LINALG.cholesky(x)[1, 0], lambda x: LINALG.eigh(x).eigenvectors[0, 0] ** 2,
              lambda x: LINALG.eigvalsh(x)[1]):
        g = gradient(f, a)
        assert_close(g, g.T, 1e-12)
        assert np.abs(g).max() > 1e-3


def test_tg_linalg_is_np_linalg_for_tensors() -> None:
    assert tg.linalg.inv([[2.0]]).tolist() == [[0.5]]
    assert tg.linalg.trace is not tg.trace  # the last two axes, not the first two
    assert tg.linalg.trace(np.ones((3, 2, 2))).shape == (3,)
    assert {"inv", "svd", "multi_dot", "matrix_rank"} < set(dir(tg.linalg))
    with pytest.raises(AttributeError, match="no function 'eig'; it has cholesky"):
        _ = tg.linalg.eig


def test_methods() -> None:
    a = leaf(A)
    np.testing.assert_array_equal(a.dot(A).numpy(), A @ A)
    np.testing.assert_array_equal(a.matmul(A[0]).numpy(), A @ A[0])


def test_multi_dot_chooses_the_cheap_order() -> None:
    """(10 x 1)(1 x 10)(10 x 1): the inner product first, so no 10 x 10 matrix appears."""
    out = LINALG.multi_dot([leaf(normal(10, 1)), normal(1, 10), normal(10, 1)])
    shapes = [x.shape for x in out.inputs]
    assert shapes == [(10, 1), (1, 1)]


def test_a_power_of_zero_is_the_identity() -> None:
    assert LINALG.matrix_power(leaf(np.ones((2, 2, 2))), 0).tolist() == [np.eye(2).tolist()] * 2


SINGULAR, FLAT = np.ones((2, 2)), np.ones((2, 3))


MISUSE: Table = {
    "matmul": (lambda: w(np.ones((2, 3))) @ tg.Tensor(np.ones((2, 3)), name="v"), ValueError,
               r"matmul: axis 1 of 'w'.*length 3.*axis 0 of 'v'.*length 2.*\.T"),
    "matmul with a number": (lambda: w() @ 2, ValueError, r"matmul\('w'.*numbers are multiplied with \*"),
    "singular": (lambda: np.linalg.solve(w(MATRIX), w((1.0, 2.0))), ValueError, "solve.*'w'.*pinv or lstsq"),
    "lstsq": (lambda: np.linalg.lstsq(w(PAIR), w()), ValueError, "lstsq.*'w'.*same number of rows"),
    "a vector of rows": (lambda: tg.matvec(w(), w()), ValueError, r"matvec: expected matrices \(\.\.\., m, n\), got 'w'"),
    "rows of a vector": (lambda: tg.vecmat(w(), w()), ValueError, r"vecmat: expected matrices \(\.\.\., m, n\), got 'w'"),
    "a learned cut": (lambda: np.linalg.pinv(w(MATRIX), rcond=w(0.1)), TypeError, "pinv: rcond= is a plain number"),
    "a path of nothing": (lambda: np.einsum_path(w(), ONE), TypeError, r"einsum_path\('w'.*check the arguments"),
    "ragged outer": (lambda: np.linalg.outer(w(), [1, [2]]), ValueError, r"outer\('w'.*list\): .*inhomogeneous"),
    "linalg's diagonal": (lambda: np.linalg.diagonal(w(PAIR), offset="a"), TypeError, r"diagonal\('w'.*offset='a'"),
    "linalg's trace": (lambda: np.linalg.trace(w()), ValueError, r"^trace: diagonal"),
    "inv": (lambda: LINALG.inv(leaf(SINGULAR)), np.linalg.LinAlgError,
            r"inv\('a'.*\(2, 2\).*Singular matrix; use np\.linalg\.pinv"),
    "solve": (lambda: LINALG.solve(leaf(SINGULAR), np.ones(2)), ValueError, "solve.*'a'.*Singular.*lstsq"),
    "not square": (lambda: LINALG.det(leaf(FLAT)), np.linalg.LinAlgError, "det.*'a'.*square.*svd"),
    "one axis": (lambda: LINALG.eigh(leaf([1.0])), np.linalg.LinAlgError, r"eigh.*'a'.*x\[:, None\]"),
    "definite": (lambda: LINALG.cholesky(leaf(-np.eye(2))), np.linalg.LinAlgError,
                 r"cholesky.*'a'.*not positive definite.*np\.eye"),
    "svd of nan": (lambda: LINALG.svd(leaf(FLAT * np.nan)), np.linalg.LinAlgError,
                   "svd.*'a'.*not converge.*NaN"),
    "solve shapes": (lambda: LINALG.solve(leaf(np.eye(2)), np.ones(3)), ValueError, "solve.*'a'.*mismatch"),
    "slogdet back": (lambda: LINALG.slogdet(leaf(SINGULAR)).logabsdet.backward(), np.linalg.LinAlgError,
                     "backward: slogdet has no derivative here.*singular"),
    "qr back": (lambda: LINALG.qr(leaf(np.zeros((2, 2)))).R.sum().backward(), np.linalg.LinAlgError,
                "backward: qr has no derivative here.*linearly dependent"),
    "qr complete": (lambda: LINALG.qr(leaf(FLAT.T), "complete").Q.sum().backward(), RuntimeError,
                    "last 1 columns of Q are free.*mode='reduced'"),
    "qr mode": (lambda: LINALG.qr(leaf(FLAT), "raw"), ValueError, "'reduced', 'complete' or 'r', got 'raw'"),
    "hermitian": (lambda: LINALG.svd(leaf(SINGULAR), hermitian=True), ValueError, "svd: hermitian=.*eigh"),
    "pinv twice": (lambda: LINALG.pinv(leaf(FLAT), 1e-3, rtol=1e-3), ValueError, "rcond= or rtol=, not both"),
    "UPLO": (lambda: LINALG.eigh(leaf(SINGULAR), "X"), ValueError, "eigh.*UPLO"),
    "cond": (lambda: LINALG.cond(leaf([1.0])), ValueError, r"cond: expected matrices.*\(1,\)"),
    "no option": (lambda: tg.slogdet(leaf(A), axis=1), TypeError, "slogdet.*axis"),
    "power": (lambda: LINALG.matrix_power(leaf(A), 0.5), TypeError, "integer exponent, got float.*eigh"),
    "power of flat": (lambda: LINALG.matrix_power(leaf(FLAT), 2), ValueError, "square matrices, got 'a'"),
    "one matrix": (lambda: LINALG.multi_dot([leaf(A)]), ValueError, "at least two arrays, got 1"),
    "batched chain": (lambda: LINALG.multi_dot([leaf(A), np.ones((2, 3, 3))]), ValueError,
                      "multi_dot: expected matrices.*argument 1.*matmul"),
    "dot": (lambda: np.dot(leaf(FLAT), FLAT), ValueError, "axis 1 of 'a'.*length 3.*length 2"),
    "tensordot": (lambda: np.tensordot(leaf(FLAT), FLAT, 1), ValueError,
                  r"tensordot: axes \[1\] of 'a'.*\[3\].*\[2\]"),
    "tensordot axis": (lambda: np.tensordot(leaf(FLAT), FLAT, ([5], [0])), ValueError,
                       r"axes \[5\] do not all exist in 'a'"),
    "tensordot axes": (lambda: tg.tensordot(leaf(FLAT), FLAT, 1.5), ValueError, "axes= must be.*got 1.5"),
    "cross": (lambda: np.cross(leaf([1.0, 2.0]), np.ones(3)), ValueError, "3 components.*'a'.*component 0"),
    "outer": (lambda: LINALG.outer(leaf(FLAT), np.ones(2)), ValueError, r"vectors, got 'a'.*np\.outer"),
    "tensorsolve": (lambda: LINALG.tensorsolve(leaf(FLAT), np.ones(2)), ValueError, "tensorsolve: 'a'.*square"),
    "tensorinv": (lambda: LINALG.tensorinv(leaf(FLAT)), ValueError, "tensorinv: 'a'.*square.*ind="),
    "cofactors": (lambda: by_name("cofactors")(leaf(A), np.ones((2, 3, 3))), ValueError, "directions of the shape"),
    "einsum length": (lambda: np.einsum("ij,jk", leaf(FLAT), FLAT), ValueError,
                      "'ij,jk': index 'j' has length 3 in 'a'.*2 in argument 1"),
    "einsum hidden": (lambda: np.einsum("...j,...j", leaf(FLAT), np.ones((4, 3))), ValueError,
                      r"axis behind '\.\.\.' has length 2 in 'a'"),
    "einsum axes": (lambda: np.einsum("ijk", leaf(FLAT)), ValueError, "'ijk' names 3 axes, but operand 0 has 2"),
    "einsum terms": (lambda: np.einsum("ij,jk", leaf(FLAT)), ValueError, "2 terms between commas, but 1"),
    "einsum twice": (lambda: np.einsum("ij->ii", leaf(FLAT)), ValueError, "'i' appears twice in the output"),
    "einsum output": (lambda: np.einsum("ij->k", leaf(FLAT)), ValueError, "'k' of the output is in no operand"),
    "einsum letter": (lambda: np.einsum("i;", leaf(FLAT)), ValueError, "';' is not a letter"),
    "einsum ellipsis": (lambda: np.einsum("...j->j", leaf(FLAT)), ValueError, r"output needs '\.\.\.' too"),
    "einsum lists": (lambda: tg.einsum(leaf(FLAT), [0, 99]), ValueError, r"from 0 to 51 or \.\.\., got \[0, 99\]"),
    "einsum form": (lambda: tg.einsum(leaf(FLAT), "ij"), TypeError, "string of subscripts and the operands"),
    "einsum option": (lambda: np.einsum("ij", leaf(FLAT), dtype=float), ValueError, "dtype= is not supported"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
