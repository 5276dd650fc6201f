"""Advice about the learning rate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w
from tests.oracles import assert_close
from tinygrad_gd.study import advice as advice_module
from tinygrad_gd.study import spectrum
from tinygrad_gd.study.columns import data_of
from tinygrad_gd.transforms.curvature import Curvature

X = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
Y = 2 * X + 1
RNG = np.random.default_rng(0)


def line() -> tuple[Any, list[tg.Tensor]]:
    params = [tg.Tensor(0.0, requires_grad=True, name=n) for n in ("weight", "bias")]
    return lambda: ((params[0] * X + params[1] - Y) ** 2).mean(), params


def least_squares(x: Any, y: Any) -> tuple[Any, list[tg.Tensor]]:
    params = [tg.Tensor(np.zeros(x.shape[1]), requires_grad=True, name="slope"),
              tg.Tensor(0.0, requires_grad=True, name="bias")]
    return lambda: ((x @ params[0] + params[1] - y) ** 2).mean(), params


def network(hidden: int = 8) -> tuple[Any, list[tg.Tensor]]:
    tg.manual_seed(0)
    net = tg.nn.Sequential(tg.nn.Linear(3, hidden), tg.nn.Tanh(), tg.nn.Linear(hidden, 1))
    x = np.random.default_rng(1).standard_normal((40, 3))
    y = np.sin(x[:, :1])
    return lambda: tg.nn.mse_loss(net(tg.Tensor(x)), y), list(net.parameters())


def test_curvature_leaves_gradients_alone_and_counts_unused_directions() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    b, u = (tg.Tensor(0.5, requires_grad=True) for _ in "bu")
    w.grad = tg.Tensor([9.0, 9.0])
    matrix = Curvature("advise", (w**3).sum() * b + u, [w, b, u]).matrix()
    assert_close(matrix, [[3, 0, 3, 0], [0, 6, 12, 0], [3, 12, 0, 0], [0, 0, 0, 0]], 1e-15)
    assert w.grad.tolist() == [9.0, 9.0] and b.grad is None
    with pytest.raises(tg.GradError, match="the loss does not depend on argument 1"):
        tg.advise(lambda: (w * w).sum(), [w, u])


# -- the tutorial's line -----------------------------------------------------------------------------


def test_what_is_said_of_the_line() -> None:
    advice = tg.advise(*line())
    np.testing.assert_allclose(advice.eigenvalues, [0.3381, 23.6619], atol=5e-5)
    assert round(advice.limit, 4) == 0.0845 and round(advice.condition) == 70 and advice.curvature == "bowl"
    text = " ".join(str(advice).split())
    assert text.startswith("A bowl: ") and "70 times as much" in text
    assert ("eigenvalues of the Hessian: 0.3381, 23.6619; lr must stay below 2/23.6619 = 0.0845; "
            "advised lr = 0.0833") in text
    assert advice.inputs is not None and advice.inputs.columns[0][1:] == (3.0, np.std(X))
    assert_close(advice.inputs.condition, 1.0, 1e-12)


def distances(lr: float, momentum: float, epochs: int) -> list[float]:
    """From the minimum, relative to the start, along the worse of the two axes of the bowl."""
    _, axes = np.linalg.eigh(np.array([[22.0, 6.0], [6.0, 2.0]]))
    found = []
    for i in range(2):
        loss, params = line()
        optimizer = tg.optim.SGD(params, lr=lr, momentum=momentum)
        with tg.no_grad():
            for p, best, away in zip(params, (2.0, 1.0), axes[:, i], strict=True):
                p.assign(best + away)
        path = []
        for _ in range(epochs):
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()
            path.append(float(np.hypot(params[0].item() - 2, params[1].item() - 1)))
        found.append(path)
    return np.max(found, axis=0).tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("momentum", [False, True])
def test_the_promised_epochs_are_those_of_descent(momentum: bool) -> None:
    advice = tg.advise(*line())
    lr, beta, epochs = advice.momentum if momentum else (advice.lr, 0.0, advice.epochs)
    assert epochs == (37 if momentum else 162)
    path = distances(lr, beta, int(epochs))
    assert path[-1] <= 0.01 < path[-2]


def test_no_other_pair_of_rate_and_momentum_is_faster_in_the_end() -> None:
    """The slowest part shrinks by the largest root of r² - (1 + m - lr λ) r + m, by λ at both ends."""
    advice = tg.advise(*line())

    def pace(lr: float, momentum: float) -> float:
        return max(abs(r) for value in advice.eigenvalues
                   for r in np.roots([1, lr * value - 1 - momentum, momentum]))

    best = pace(*advice.momentum[:2])
    assert best == pytest.approx(math.sqrt(advice.momentum.momentum), rel=1e-6)
    around = [pace(advice.momentum.lr * a, advice.momentum.momentum * b)
              for a in (0.9, 0.99, 1, 1.01, 1.1) for b in (0.9, 0.99, 1, 1.01, 1.1)]
    assert min(around) >= best - 1e-7 and max(around) > best + 0.01


def stretched(condition: float) -> tuple[Any, list[tg.Tensor]]:
    p = tg.Tensor([1.0, 1.0], requires_grad=True)
    return lambda: (p * p * np.array([0.5, 0.5 / condition])).sum(), [p]


@pytest.mark.parametrize("condition", [1.0, 50.0, 1e4, 1.1e4, 1e8])
def test_no_rate_is_advised_that_keeps_the_steep_directions_swinging(condition: float) -> None:
    advice = tg.advise(*stretched(condition))
    assert advice.condition == pytest.approx(condition) and advice.limit == pytest.approx(2)
    assert advice.lr == pytest.approx(2 / (1 + 1 / condition) if condition <= 1e4 else 1.0)
    left = abs(1 - advice.lr / condition) ** advice.epochs
    assert left <= 0.01 and (advice.epochs == 1 or left ** ((advice.epochs - 1) / advice.epochs) > 0.0099)


# -- many parameters ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scipy", [True, False], ids=["eigsh", "lanczos"])
@pytest.mark.parametrize("make", [line, network, lambda: network(40)], ids=["line", "small", "larger"])
def test_lanczos_agrees_with_the_whole_hessian(make: Any, scipy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    loss, params = make()
    expected = np.linalg.eigvalsh(Curvature("test", loss(), params).matrix())
    monkeypatch.setattr(advice_module, "DENSE", 0)
    if not scipy:
        monkeypatch.setattr(spectrum, "found", lambda library: None)
    else:
        pytest.importorskip("scipy")
    advice = tg.advise(loss, params)
    assert advice.eigenvalues.shape == (2,)
    assert_close(advice.eigenvalues, expected[[0, -1]], 1e-6)


MATRICES = {
    "zeros": np.zeros(400), "identity": np.ones(400), "twins": np.repeat([1.0, -3.0, 2.0, 2.0], 100),
    "one": np.r_[5.0, np.zeros(399)], "near 0": np.r_[1e-3, np.linspace(1, 1000, 399)],
    "negative": -np.linspace(1, 2, 400),
}


@pytest.mark.parametrize("scipy", [True, False], ids=["eigsh", "lanczos"])
@pytest.mark.parametrize("name", MATRICES)
def test_both_ends_of_hard_spectra(name: str, scipy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not scipy:
        monkeypatch.setattr(spectrum, "found", lambda library: None)
    diagonal = MATRICES[name]
    turn = np.linalg.qr(RNG.standard_normal((400, 400)))[0]
    values, vectors = spectrum.both_ends(lambda v: turn @ (diagonal * (turn.T @ v)), 400)
    scale = np.abs(diagonal).max()
    np.testing.assert_allclose(values, [diagonal.min(), diagonal.max()], atol=1e-6 * scale)
    products = turn @ (diagonal[:, None] * (turn.T @ vectors))
    np.testing.assert_allclose(products, vectors * values, atol=2e-3 * scale)


def test_large_models_are_advised_by_products_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Curvature, "matrix", None)
    x = RNG.standard_normal((50, 1000)) * np.sqrt(3.0)
    scale = tg.Tensor(np.ones(1000), requires_grad=True)
    advice = tg.advise(lambda: ((x @ scale) ** 2).mean(), [scale])
    top = np.linalg.eigvalsh(x @ x.T * 2 / 50)[-1]
    assert advice.limit == pytest.approx(2 / top, rel=1e-6)
    assert advice.curvature == "trough" and math.isinf(advice.condition) and advice.lr == advice.limit / 2


# -- where one is ------------------------------------------------------------------------------------


def at(function: Any, x: float, y: float) -> Any:
    a, b = (tg.Tensor(v, requires_grad=True, name=n) for v, n in ((x, "a"), (y, "b")))
    return tg.advise(lambda: function(a, b), [a, b])


PLACES = {
    "A minimum: ": (lambda a, b: a * a + b * b, 0.0, 0.0),
    "A minimum in a valley: ": (lambda a, b: (a - b) ** 2, 1.0, 1.0),
    "A saddle point: ": (lambda a, b: a * a - 2 * b * b, 0.0, 0.0),
    "A maximum: ": (lambda a, b: -a * a - b * b, 0.0, 0.0),
    "A flat spot: ": (lambda a, b: tg.relu(a) + tg.relu(b), -1.0, -1.0),
    "A bowl: ": (lambda a, b: a * a + b * b, 3.0, 0.0),
    "A trough: ": (lambda a, b: (a - b) ** 2, 1.0, 2.0),
    "Saddle-shaped: ": (lambda a, b: a * a - 2 * b * b, 1.0, 1.0),
    "A dome: ": (lambda a, b: -a * a - b * b, 1.0, 1.0),
    "A plain slope: ": (lambda a, b: a + 2 * b, 1.0, 1.0),
}


@pytest.mark.parametrize("said", PLACES)
def test_the_place_is_named(said: str) -> None:
    assert str(at(*PLACES[said])).startswith(said)


def test_where_nothing_curves_upwards_no_rate_is_made_up() -> None:
    advice = at(lambda a, b: -a * a - b * b, 1.0, 1.0)
    assert math.isinf(advice.limit) and math.isnan(advice.lr) and "none is positive, so no learning rate" in str(advice)


def test_a_saddle_says_along_which_parameters_it_falls() -> None:
    advice = at(lambda a, b: a * a - 2 * b * b, 0.0, 0.0)
    assert advice.downwards == {"b": 1.0, "a": 0.0} and "along b (100%), by -4.0000" in str(advice)
    assert advice.limit == 1.0 and math.isinf(advice.condition)
    assert not tg.advise(*line()).downwards


def test_dead_parameters_are_named() -> None:
    dead, alive = tg.Tensor(-1.0, requires_grad=True, name="dead"), tg.Tensor(1.0, requires_grad=True, name="alive")
    advice = tg.advise(lambda: (tg.relu(dead * X) + alive * X).sum() ** 2, [dead, alive])
    assert advice.still == ("dead",) and "curvature along dead:" in str(advice)
    assert tg.advise(*line()).still == ()


def test_flat_directions_do_not_spoil_the_advice() -> None:
    x = RNG.standard_normal((30, 2))
    twice = np.column_stack([x, x[:, 0]])  # the same column again: the Hessian is singular
    advice = tg.advise(*least_squares(twice, x[:, 0]))
    values = advice.eigenvalues
    assert advice.curvature == "trough" and abs(values[0]) < 1e-12 * values[-1]
    assert advice.condition == pytest.approx(values[-1] / values[1]) and advice.lr < advice.limit
    assert "times as much in the steepest as in the flattest that curves" in " ".join(str(advice).split())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dense", [True, False])
def test_rounding_is_no_curvature(dtype: Any, dense: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not dense:
        monkeypatch.setattr(advice_module, "DENSE", 0)
    x = RNG.standard_normal((40, 4)).astype(dtype)
    slope = tg.Tensor(np.ones(5, dtype), requires_grad=True)
    wide = x @ RNG.standard_normal((4, 5)).astype(dtype)  # of rank 4, but for rounding
    advice = tg.advise(lambda: ((wide @ slope) ** 2).mean(), [slope])
    assert advice.curvature == "trough" and not advice.downwards
    top = np.linalg.eigvalsh(wide.T.astype(float) @ wide * 2 / 40)[-1]
    assert advice.limit == pytest.approx(2 / top, rel=1e-5)


# -- what single rates do -----------------------------------------------------------------------------


def descended(lr: float, momentum: float, steps: int = 100) -> float:
    """The line's loss after so many steps from where it begins."""
    loss, params = line()
    optimizer = tg.optim.SGD(params, lr=lr, momentum=momentum)
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    return float(loss().item())


def test_what_both_rates_lead_to_is_where_descent_comes() -> None:
    advice = tg.advise(*line())
    steep, alike = advice.paces
    assert steep.lr == pytest.approx(1 / advice.eigenvalues[1]) and alike.lr == pytest.approx(1 / 12)
    for pace in advice.paces:
        assert pace.ahead == pytest.approx(descended(pace.lr, 0.0), rel=1e-9)
    assert f"{steep.ahead:.4f} {alike.ahead:.4f}" == "0.0018 0.1877"
    assert "lead to a loss of 0.0018; at 2/(min + max) = 0.0833" in " ".join(str(advice).split())
    assert steep.steepest == pytest.approx(0, abs=1e-12) and alike.flattest == pytest.approx(alike.steepest)


def test_a_pair_that_is_asked_about_is_told_beside_the_rate_alone() -> None:
    advice = tg.advise(*line(), lr=0.1, momentum=0.9)
    pair, alone = advice.asked
    assert [round(x, 3) for x in (pair.flattest, pair.steepest, alone.flattest, alone.steepest)] == [
        0.949, 0.949, 0.966, 1.366]
    assert pair.ahead == pytest.approx(descended(0.1, 0.9), rel=1e-9)
    text = " ".join(str(advice).split())
    assert "With lr = 0.1 and momentum = 0.9 each step multiplies the distance to the minimum by 0.949" in text
    assert "Without momentum each step multiplies" in text and "by 1.366 in the steepest: it diverges" in text
    (alone_only,) = tg.advise(*line(), lr=0.1).asked
    assert alone_only == alone and tg.advise(*line()).asked == ()


@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.6185, 0.9, 0.99])
def test_momentum_alone_gets_the_rate_that_no_other_is_better_than(momentum: float) -> None:
    advice = tg.advise(*line(), momentum=momentum)
    chosen = advice.asked[0]

    def slowest(lr: float) -> float:
        return max(abs(r) for value in advice.eigenvalues for r in np.roots([1, lr * value - 1 - momentum, momentum]))

    assert max(chosen.flattest, chosen.steepest) == pytest.approx(slowest(chosen.lr), rel=1e-6)
    assert slowest(chosen.lr) <= min(slowest(chosen.lr * x) for x in np.linspace(0.5, 1.5, 101)) + 1e-7


def test_a_saddle_is_a_verdict_and_no_rate_is_advised_for_it() -> None:
    advice = at(lambda a, b: a * a - b * b, 1.0, 1.0)
    text = " ".join(str(advice).split())
    assert "no lr leads to a minimum" in text and "advised" not in text and not advice.paces
    asked = tg.advise(lambda: saddle(*HERE), HERE, lr=0.1, momentum=0.5)
    assert asked.asked[0].flattest > 1 > asked.asked[0].steepest
    assert "in the direction that falls away" in " ".join(str(asked).split()) and "it leaves the saddle" in str(asked)


HERE = [tg.Tensor(1.0, requires_grad=True, name=n) for n in "ab"]


def saddle(a: tg.Tensor, b: tg.Tensor) -> tg.Tensor:
    return a * a - b * b


def test_the_answer_for_a_network_is_short() -> None:
    loss, params = network(60)
    assert sum(p.size for p in params) > 200
    advice = tg.advise(loss, params, lr=0.1)
    assert len(advice.eigenvalues) == 2 and len(str(advice)) < 1200 and math.isnan(advice.asked[0].ahead)


# -- columns -----------------------------------------------------------------------------------------


def test_columns_are_named_and_what_standardising_them_does_is_true() -> None:
    x = RNG.standard_normal((60, 4)) * [1.0, 50.0, 1.0, 0.01] + [0.0, 300.0, 0.5, 0.0]
    y = RNG.standard_normal(60)
    advice = tg.advise(*least_squares(x, y), columns=["age", "pressure", "sex", "share"])
    assert advice.inputs is not None
    assert [c.name for c in advice.inputs.columns] == ["pressure", "share"]
    assert "Standardise 2 columns: pressure, share: subtract" in str(advice)
    chosen = [1, 3]
    scaled = x.copy()
    scaled[:, chosen] = (x[:, chosen] - x[:, chosen].mean(0)) / x[:, chosen].std(0)
    after = tg.advise(*least_squares(scaled, y))
    assert after.inputs is None and "Standardise" not in str(after)
    assert advice.inputs.condition == pytest.approx(after.condition, rel=1e-9) and after.condition < 10 < advice.condition
    assert advice.inputs.limit == pytest.approx(after.limit, rel=1e-9)


def test_columns_without_names_are_those_of_the_variable() -> None:
    table = RNG.standard_normal((20, 2)) * [1.0, 90.0]
    slope = tg.Tensor(np.zeros((1, 2)), requires_grad=True)
    advice = tg.advise(lambda: (tg.linear(table, slope) ** 2).mean(), [slope])
    assert advice.inputs is not None and [c.name for c in advice.inputs.columns] == ["table[:, 1]"]


def layer(x: Any, weight: tg.Tensor) -> Any:
    return tg.linear(x, weight)


WAYS = {
    "x @ w.T": lambda x, weight: x @ weight.T, "linear": layer,
    "w @ x.T": lambda x, weight: (weight @ np.ascontiguousarray(x.T)).T,
    "a Tensor": lambda x, weight: tg.Tensor(x) @ weight.T,
    "batched": lambda x, weight: layer(x.reshape(4, 10, 2), weight),
    "x * w": lambda x, weight: (x * weight).sum(axis=-1, keepdims=True),
}


@pytest.mark.parametrize("way", WAYS)
def test_data_are_found_however_they_are_multiplied(way: str) -> None:
    x = np.random.default_rng(3).standard_normal((40, 2)) * [1.0, 90.0]
    weight = tg.Tensor(np.ones((1, 2)), requires_grad=True)
    advice = tg.advise(lambda: (WAYS[way](x, weight) ** 2).mean(), [weight], columns=["one", "two"])
    assert advice.inputs is not None and [c.name for c in advice.inputs.columns] == ["two"]
    scaled = x * [1, 1 / x[:, 1].std()] - [0, x[:, 1].mean() / x[:, 1].std()]
    assert advice.inputs.limit == pytest.approx(2 / np.linalg.eigvalsh(scaled.T @ scaled * 2 / 40)[-1])


def test_targets_and_constant_columns_are_left_alone() -> None:
    ones = np.column_stack([RNG.standard_normal(30), np.full(30, 7.0)])
    weight = tg.Tensor(np.zeros(2), requires_grad=True)
    far = np.abs(RNG.standard_normal(30)) * 1000
    advice = tg.advise(lambda: (far * tg.softplus(ones @ weight)).mean(), [weight])
    assert advice.inputs is None
    rows = np.abs(RNG.standard_normal((30, 3))) * [1, 100, 1]  # meets what is computed of a parameter
    loss = (rows * tg.softplus(ones @ weight)[:, None]).mean()
    assert [len(d.mean) for d in data_of([loss], [weight], None)] == [2]
    mask = np.array([[1e3, 0.1], [1e3, 1.0], [2e3, 1.0]])  # of the parameter's own shape: no table
    pruned = tg.Tensor(np.ones((3, 2)), requires_grad=True)
    assert tg.advise(lambda: ((mask * pruned) ** 2).sum(), [pruned]).inputs is None


def test_nothing_is_said_of_columns_where_it_would_not_help() -> None:
    x = RNG.standard_normal((60, 3))
    x[:, 2] = x[:, 1] + 0.001 * x[:, 2]  # nearly the same: that decides the condition number
    x[:, 0] = 0.8 * x[:, 0] + 1.5
    assert x[:, 0].mean() > x[:, 0].std()
    advice = tg.advise(*least_squares(x, x[:, 0]))
    assert advice.condition > 1e5 and advice.inputs is None


# -- batches -----------------------------------------------------------------------------------------


def test_batches_say_how_much_the_limit_varies() -> None:
    x, y = RNG.standard_normal((40, 3)), RNG.standard_normal(40)
    slope = tg.Tensor(np.zeros(3), requires_grad=True)
    batches = [(x[i : i + 8], y[i : i + 8]) for i in range(0, 40, 8)]
    advice = tg.advise(lambda x, y: ((x @ slope - y) ** 2).mean(), [slope], batches=batches)
    tops = [np.linalg.eigvalsh(a.T @ a * 2 / 8)[-1] for a, _ in batches]
    assert advice.limits is not None
    assert_close(advice.limits, 2 / np.array(tops), 1e-12)
    assert advice.limit == pytest.approx(2 / np.linalg.eigvalsh(x.T @ x * 2 / 40)[-1])  # of their mean
    assert f"Over 5 batches the limit goes from {min(advice.limits):.4f} to {max(advice.limits):.4f}" in str(advice)
    loader = tg.DataLoader(x, y, batch_size=8)
    again = tg.advise(lambda x, y: ((x @ slope - y) ** 2).mean(), [slope], batches=loader)
    assert_close(again.eigenvalues, advice.eigenvalues, 1e-12)


def test_batches_are_standardised_alike() -> None:
    x = RNG.standard_normal((40, 2)) * [1.0, 90.0]
    slope = tg.Tensor(np.zeros(2), requires_grad=True)
    advice = tg.advise(lambda x: ((x @ slope) ** 2).mean(), [slope], [(x[:10],), (x[10:20],), x[20:30], x[30:]])
    assert advice.inputs is not None
    column = advice.inputs.columns[0]
    assert column[1:] == pytest.approx((x[:, 1].mean(), x[:, 1].std()))


# -- the test of rates -------------------------------------------------------------------------------


def test_the_range_test_raises_the_rate_by_equal_factors_and_puts_everything_back() -> None:
    loss, params = line()
    test = tg.lr_range_test(loss, params, low=1e-3, high=10.0, steps=60)
    assert_close(test.rates, np.geomspace(1e-3, 10.0, 60)[: len(test.rates)], 1e-12)
    assert test.losses[0] == 57.0 and [p.item() for p in params] == [0.0, 0.0] and params[0].grad is None
    assert len(test.rates) < 60 and test.limit == test.rates[-1] > tg.advise(loss, params).limit
    assert test.losses[-1] > 4 * min(test.losses)
    assert test.lr == test.rates[np.argmin(test.smooth)] / 10
    w, b = 0.0, 0.0  # the same by hand
    for lr, met in zip(test.rates[:20], test.losses, strict=False):
        error = w * X + b - Y
        assert met == pytest.approx(np.mean(error**2))
        w, b = w - lr * np.mean(2 * error * X), b - lr * np.mean(2 * error)


def test_the_range_test_goes_through_batches_again_and_takes_other_optimizers() -> None:
    met: list[float] = []
    slope = tg.Tensor(1.0, requires_grad=True)

    def loss(x: Any) -> tg.Tensor:
        met.append(float(x[0]))
        return (slope * x).sum() ** 2

    test = tg.lr_range_test(loss, [slope], [np.ones(1), np.full(1, 2.0)], low=1e-6, high=1e-5, steps=5,
                            optimizer=lambda p, lr: tg.optim.SGD(p, lr=lr, momentum=0.9))
    assert met == [1.0, 2.0, 1.0, 2.0, 1.0] and math.isinf(test.limit) and "does not blow up" in str(test)


MISUSE: Table = {
    "advise value": (lambda: tg.advise(w().sum(), [w()]), TypeError, r"function that computes.*advise\(lambda"),
    "advise unused": (lambda: tg.advise(lambda: (w() ** 2).sum(), [w(1.0)]), RuntimeError, r"depend on 'w'.*leave it out"),
    "advise nothing": (lambda: tg.advise(lambda: w().sum(), []), ValueError, "at least one parameter"),
    "advise array": (lambda: tg.advise(lambda: w().sum(), [X]), TypeError, r"requires_grad=True.*\[w, b\]"),
    "advise model": (lambda: tg.advise(lambda: w().sum(), tg.nn.Linear(1, 1)), TypeError, r"write \.parameters"),
    "advise vector": (lambda: tg.advise(lambda: w() * 2, [w()]), RuntimeError, "return one number"),
    "advise nan": (lambda: tg.advise(lambda: w().sum() * np.nan, [w()]), RuntimeError, "loss is nan.*detect_anomaly"),
    "advise no batch": (lambda: tg.advise(lambda x: w().sum(), [w()], []), ValueError, "no batch"),
    "advise name": (lambda: tg.advise(lambda: w().sum(), [w()], columns="age"), TypeError, "list of names"),
    "advise names": (lambda: tg.advise(*least_squares(np.eye(3), X[:3]), columns=["a"]), ValueError,
                     "each of the 3 columns.*got 1"),
    "advise lr": (lambda: tg.advise(*line(), lr=-0.1), ValueError, "advise: lr must be >= 0"),
    "advise momentum": (lambda: tg.advise(*line(), momentum="0.9"), TypeError, "advise: momentum must be a number"),
    "range low": (lambda: tg.lr_range_test(lambda: w().sum(), [w()], low=1.0, high=0.1), ValueError, "0 < low < high"),
    "range steps": (lambda: tg.lr_range_test(lambda: w().sum(), [w()], steps=1), ValueError, "steps must be"),
    "range empty": (lambda: tg.lr_range_test(lambda x: w().sum(), [w()], []), ValueError, "no batch"),
    "range vector": (lambda: tg.lr_range_test(lambda: w() * 2, [w()]), RuntimeError, "return one number"),
    "range nan": (lambda: tg.lr_range_test(lambda: w().sum() * np.nan, [w()]), RuntimeError, "before the first step"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])


def test_what_momentum_does_is_said_and_lists_of_names_are_short() -> None:
    params = [tg.Tensor(0.1, requires_grad=True, name=f"w{k}") for k in range(9)]
    told = tg.advise(lambda: sum((k + 1) * w * w for k, w in enumerate(params[:2])) + 0.0 * sum(params), params,
                     lr=0.9, momentum=0.5)
    text = " ".join(str(told).split())
    assert "Momentum adds 0.5 of the last step to each new one" in text and "it diverges, as above 1 it grows" in text
    assert "along w2, w3, w4, w5 and 3 more: nothing is learned" in text
    assert max(map(len, str(told).splitlines())) <= 100


# -- what is said is so --------------------------------------------------------------------------------


def told(loss: Any, params: list[tg.Tensor], **asked: float) -> str:
    return " ".join(str(tg.advise(loss, params, **asked)).split())


def test_descent_that_starts_on_a_saddle_point_is_not_promised_to_leave_it() -> None:
    u, v = tg.Tensor(0.0, requires_grad=True, name="u"), tg.Tensor(0.0, requires_grad=True, name="v")
    text = told(lambda: u**2 - v**2, [u, v])
    assert "so descent that starts exactly here stays; a small random change" in text and "momentum helps" not in text
    with tg.no_grad():
        v += 0.5
    text = told(lambda: u**2 - v**2, [u, v], lr=0.1, momentum=0.9)
    assert "descent moves away from here" in text and "stays; a small" not in text
    assert "the distance to the middle of the saddle by" in text and "to the minimum" not in text
    assert "steps that agree, as in the direction that falls away, add up" in text and "flattest" not in text


def test_a_round_bowl_is_told_without_comparisons_of_equals() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    text = told(lambda: (w**2).sum(), [w])
    assert "in every direction equally much (the condition number is 1)." in text
    assert "is left after 1 epoch at the advised lr." in text and "with momentum" not in text


def test_of_many_curvatures_both_ends_are_told_as_such() -> None:
    w = tg.Tensor(np.ones(250), requires_grad=True, name="w")
    scale = np.linspace(1, 3, 250)
    assert "eigenvalues of the Hessian: 2.0000, ..., 6.0000; lr" in told(lambda: (scale * w**2).sum(), [w])
    u, v = tg.Tensor(1.0, requires_grad=True, name="u"), tg.Tensor(1.0, requires_grad=True, name="v")
    assert "eigenvalues of the Hessian: 2.0000, 4.0000; lr" in told(lambda: u**2 + 2 * v**2, [u, v])
