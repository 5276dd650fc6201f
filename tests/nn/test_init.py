"""First values of weights."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import MATRIX, Table, refused, w


def mlp() -> tg.nn.Sequential:
    tg.manual_seed(0)
    return tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.Tanh(), tg.nn.Linear(4, 2))


def test_seeds_repeat() -> None:
    assert np.array_equal(mlp()[0].weight, mlp()[0].weight)


def test_initialisers_have_the_advertised_spread() -> None:
    tg.manual_seed(0)
    w = tg.nn.Parameter(np.empty((400, 300)))
    tg.nn.init.kaiming_normal_(w, nonlinearity="relu")
    assert abs(w.numpy().std() - np.sqrt(2 / 300)) < 0.001
    tg.nn.init.xavier_uniform_(w)
    assert abs(w.numpy().std() - np.sqrt(2 / 700)) < 0.001


def test_first_weights_have_the_spread_of_pytorch() -> None:
    tg.manual_seed(0)
    layer = tg.nn.Conv2d(16, 64, 3, groups=2)
    bound = 1 / np.sqrt(8 * 9)
    for values in (layer.weight.numpy(), layer.bias.numpy()):  # type: ignore[union-attr]
        assert 0.9 * bound < np.abs(values).max() <= bound


def weight(*shape: int) -> tg.Tensor:
    return tg.nn.Parameter(np.full(shape, 7.0))


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (4, 2, 3, 3), (20, 2, 3)])
def test_rows_or_columns_are_orthogonal_as_in_pytorch(shape: tuple[int, ...]) -> None:
    tg.manual_seed(0)
    made = tg.nn.init.orthogonal_(weight(*shape), gain=1.5).numpy().reshape(shape[0], -1)
    product = made @ made.T if made.shape[0] <= made.shape[1] else made.T @ made
    np.testing.assert_allclose(product, 2.25 * np.eye(len(product)), atol=1e-13)
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    theirs = torch.nn.init.orthogonal_(torch.empty(shape, dtype=torch.float64), gain=1.5).numpy().reshape(shape[0], -1)
    other = theirs @ theirs.T if theirs.shape[0] <= theirs.shape[1] else theirs.T @ theirs
    np.testing.assert_allclose(product, other, atol=1e-6)


def test_no_orthogonal_matrix_is_likelier_than_another() -> None:
    tg.manual_seed(0)
    made = np.array([tg.nn.init.orthogonal_(weight(3, 3)).numpy() for _ in range(2000)])
    assert np.abs(made.mean(0)).max() < 0.06  # QR alone has signs that are mostly negative
    assert abs((np.linalg.det(made) > 0).mean() - 0.5) < 0.04
    np.testing.assert_allclose((made**2).mean(0), 1 / 3, atol=0.03)


@pytest.mark.parametrize("mean, std, a, b", [
    (0.0, 1.0, -2.0, 2.0), (0.0, 0.02, -2.0, 2.0), (1.0, 2.0, 0.5, np.inf), (0.0, 1.0, 5.0, 6.0), (0.0, 1.0, 30.0, 40.0),
    (3.0, 0.5, -np.inf, 1.0), (0.0, 1.0, 0.3, 0.3001)])
def test_a_truncated_normal_has_the_moments_that_it_should(mean: float, std: float, a: float, b: float) -> None:
    stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    tg.manual_seed(0)
    made = tg.nn.init.trunc_normal_(weight(100, 200), mean, std, a, b).numpy().ravel()
    expected = stats.truncnorm((a - mean) / std, (b - mean) / std, mean, std)
    assert a <= made.min() and made.max() <= b
    assert stats.kstest(made, expected.cdf).pvalue > 0.001


def test_a_truncated_normal_is_that_of_pytorch() -> None:
    stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    tg.manual_seed(0), torch.manual_seed(0)
    ours = tg.nn.init.trunc_normal_(weight(100, 100), 0.1, 0.5, -0.4, 0.7).numpy().ravel()
    theirs = torch.nn.init.trunc_normal_(torch.empty(100, 100), 0.1, 0.5, -0.4, 0.7).numpy().ravel()
    assert stats.ks_2samp(ours, theirs).pvalue > 0.001


def test_identities_equal_pytorchs() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for shape in ((3, 3), (2, 4), (4, 2)):
        assert tg.nn.init.eye_(weight(*shape)).tolist() == torch.nn.init.eye_(torch.empty(shape)).tolist()
    for shape, groups in (((3, 3, 3), 1), ((6, 2, 3, 4), 3), ((4, 6, 2, 1), 2), ((6, 2, 3, 3, 3), 1)):
        ours, theirs = tg.nn.init.dirac_(weight(*shape), groups), torch.nn.init.dirac_(torch.empty(shape), groups)
        assert ours.tolist() == theirs.tolist()


def test_a_share_of_each_column_is_zero() -> None:
    tg.manual_seed(0)
    made = tg.nn.init.sparse_(weight(1000, 20), 0.3, std=0.5).numpy()
    assert ((made == 0).sum(0) == 300).all() and abs(made[made != 0].std() - 0.5) < 0.01
    assert len({tuple(column) for column in (made == 0).T}) == 20


def test_gains_equal_pytorchs() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for name in ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert tg.nn.init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name), rel=1e-15)


def test_names_of_old_are_told_with_the_new_ones() -> None:
    for name in ("xavier_uniform", "kaiming_normal", "constant"):
        with pytest.raises(AttributeError, match=f"no attribute '{name}'; use {name}_$"):
            getattr(tg.nn.init, name)


MISUSE: Table = {
    "an axis to be orthogonal": (lambda: tg.nn.init.orthogonal_(weight(3)), ValueError, "at least 2 axes"),
    "an identity of three axes": (lambda: tg.nn.init.eye_(weight(2, 2, 2)), ValueError, r"eye_: expected a weight of 2 axes, got .*\(2, 2, 2\)"),
    "groups of channels": (lambda: tg.nn.init.dirac_(weight(4, 2, 3), 3), ValueError, "groups=3 does not divide the first axis"),
    "bounds of the normal": (lambda: tg.nn.init.trunc_normal_(weight(2), 0.0, 1.0, 2.0, 1.0), ValueError, "expected bounds a <= b"),
    "no deviation": (lambda: tg.nn.init.trunc_normal_(weight(2), 0.0, 0.0), ValueError, "std > 0"),
    "a share of 2": (lambda: tg.nn.init.sparse_(weight(2, 2), 2.0), ValueError, "sparse_: sparsity must be"),
    "initialise data": (lambda: tg.nn.init.xavier_uniform_(w(np.ones((2, 3))).data), TypeError,
                        r"float64 of shape \(2, 3\); write layer\.weight, without \.data"),
    "initial bounds": (lambda: tg.nn.init.uniform_(w(), 1, 0), ValueError, "uniform_: expected finite bounds a <= b"),
    "initial bounds as text": (lambda: tg.nn.init.uniform_(w(), "a", 0), TypeError, "uniform_: a must be a number, got str"),  # type: ignore[arg-type]
    "initial deviation": (lambda: tg.nn.init.normal_(w(), 0, -1), ValueError, "normal_: std is a standard deviation"),
    "gain as text": (lambda: tg.nn.init.xavier_normal_(w(MATRIX), gain="a"), TypeError, "xavier_normal_: gain must be a number, got str"),  # type: ignore[arg-type]
    "slope as text": (lambda: tg.nn.init.calculate_gain("leaky_relu", "a"), TypeError, "calculate_gain: param must be a number, got str"),  # type: ignore[arg-type]
    "no weights": (lambda: tg.nn.init.kaiming_uniform_(w(np.ones((0, 0)))), ValueError, r"initialiser: expected a weight with elements.*\(0, 0\)"),
    "a constant of text": (lambda: tg.nn.init.constant_(w(), "a"), TypeError, "constant_: val must be a number, got str"),
    "a mean of nan": (lambda: tg.nn.init.normal_(w(), np.nan), ValueError, "normal_: expected a finite mean"),
    "an endless deviation": (lambda: tg.nn.init.normal_(w(), 0.0, np.inf), ValueError, "normal_: std .*finite"),
    "first values for integers": (lambda: tg.nn.init.zeros_(tg.Tensor([1, 2])), ValueError, "assign: cannot write|zeros_"),
    "an array of nonlinearities": (lambda: tg.nn.init.calculate_gain(np.ones(2)), ValueError, "unknown nonlinearity"),  # type: ignore[arg-type]
    "a list of nonlinearities": (lambda: tg.nn.init.calculate_gain(["relu"]), ValueError, "unknown nonlinearity"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
