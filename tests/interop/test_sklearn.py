"""Networks among scikit-learn's estimators."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg

sklearn = pytest.importorskip("sklearn", minversion="1.6")

from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_diabetes, load_iris  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

ESTIMATORS = [tg.sklearn.NetClassifier, tg.sklearn.NetRegressor]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_own_checks(kind: Any) -> None:
    told = check_estimator(kind(), on_fail=None)
    wrong = [r for r in told if r["status"] not in ("passed", "skipped")]
    assert not wrong and sum(r["status"] == "passed" for r in told) > 40


def test_a_pipeline_learns_and_is_searched() -> None:
    x, y = load_iris(return_X_y=True)
    net = make_pipeline(StandardScaler(), tg.sklearn.NetClassifier(epochs=20, lr=0.02, random_state=0))
    assert cross_val_score(net, x, y, cv=3).mean() > 0.9
    grid = GridSearchCV(net, {"netclassifier__hidden": [(), (8, 8)]}, cv=3).fit(x, y)
    assert grid.best_score_ > 0.9
    assert len(grid.best_estimator_[-1].history_) == 20


def test_numbers_one_or_several() -> None:
    x, y = load_diabetes(return_X_y=True)
    x = StandardScaler().fit_transform(x)
    net = tg.sklearn.NetRegressor(epochs=30, random_state=0).fit(x, y / 100)
    assert net.score(x, y / 100) > 0.5
    both = tg.sklearn.NetRegressor(epochs=3, random_state=0).fit(x, np.stack([y, -y], axis=1))
    assert both.predict(x[:5]).shape == (5, 2)


MADE: list[Any] = []


def network(inputs: int, outputs: int) -> Any:
    MADE.append((inputs, outputs))
    return tg.nn.Sequential(tg.nn.Linear(inputs, outputs))


def test_a_module_of_ones_own_and_what_is_the_same() -> None:
    x, y = load_iris(return_X_y=True)
    MADE.clear()
    first = tg.sklearn.NetClassifier(network, epochs=5, random_state=3).fit(x, y)
    state = tg.generator().bit_generator.state
    second = clone(first).fit(x, y)
    assert MADE == [(4, 3)] * 2 and tg.generator().bit_generator.state == state
    np.testing.assert_array_equal(first.predict_proba(x), second.predict_proba(x))
    again = pickle.loads(pickle.dumps(first))
    np.testing.assert_array_equal(first.predict_proba(x), again.predict_proba(x))
    given = tg.nn.Linear(4, 3)
    before = given.weight.numpy()
    tg.sklearn.NetClassifier(given, epochs=5).fit(x, y)
    np.testing.assert_array_equal(given.weight.numpy(), before)
    with pytest.raises(tg.DTypeError, match="it made int"):
        tg.sklearn.NetClassifier(lambda inputs, outputs: 3).fit(x, y)
