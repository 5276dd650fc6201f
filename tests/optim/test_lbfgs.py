"""L-BFGS: against PyTorch's, against what is known of quadratics and Rosenbrock's valley, in compiled steps."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w
from tinygrad_gd.optim.line_search import Point, strong_wolfe

SETS: list[dict[str, Any]] = [
    {}, {"line_search_fn": "strong_wolfe"}, {"lr": 0.3, "history_size": 2}, {"max_iter": 3},
    {"line_search_fn": "strong_wolfe", "max_iter": 4, "max_eval": 5}, {"max_iter": 5, "history_size": 1},
    {"tolerance_grad": 1e-2}, {"tolerance_change": 1e-2, "line_search_fn": "strong_wolfe"},
    {"lr": 30.0, "line_search_fn": "strong_wolfe", "max_iter": 2},
]
RNG = np.random.default_rng(0)
DATA, START = [RNG.standard_normal(s) for s in ((30, 4), (30, 2), 30)], RNG.standard_normal(6)


class Fit:
    """A convex problem, linear regression that minds outliers less; calls are counted."""

    def __init__(self, options: dict[str, Any], torch: Any = None) -> None:
        parts: list[Any] = [START[:4].reshape(2, 2), START[4:]]
        self.calls = 0
        if torch is None:
            self.params: list[Any] = [tg.Tensor(s, requires_grad=True) for s in parts]
            self.data: list[Any] = DATA
            self.sqrt: Any = np.sqrt
            self.optimizer: Any = tg.optim.LBFGS(self.params, **options)
        else:
            self.params = [torch.tensor(s, requires_grad=True) for s in parts]
            self.data, self.sqrt = [torch.tensor(x) for x in DATA], torch.sqrt
            self.optimizer = torch.optim.LBFGS(self.params, **options)

    def closure(self) -> Any:
        self.calls += 1
        self.optimizer.zero_grad()
        (a, b), (x, z, y) = self.params, self.data
        error = x @ a.reshape(-1) + z @ b - y
        loss = (error * error / 4 + self.sqrt(1 + error * error)).mean()
        loss.backward()
        return loss

    def step(self) -> list[float]:
        loss = self.optimizer.step(self.closure).item()
        return [loss, self.calls, *(v for p in self.params for v in np.asarray(p.detach().numpy()).ravel())]


@pytest.mark.parametrize("options", SETS, ids=str)
def test_trajectory_equals_pytorch(options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    ours, theirs = Fit(options), Fit(options, torch)
    for _ in range(6):
        np.testing.assert_allclose(ours.step(), theirs.step(), rtol=1e-10)
    assert ours.calls > 6


@pytest.mark.parametrize("options", SETS[:5], ids=str)
def test_a_state_of_pytorch_is_loaded_and_gone_on_with(options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    options = {"max_iter": 4, **options}
    ours, theirs = Fit({}), Fit(options, torch)
    theirs.step()
    ours.optimizer.load_state_dict(theirs.optimizer.state_dict())
    for p, q in zip(ours.params, theirs.params, strict=True):
        p.data = q.detach().numpy()
    ours.calls = theirs.calls
    for _ in range(2):
        np.testing.assert_allclose(ours.step(), theirs.step(), rtol=1e-9)


@pytest.mark.parametrize("how", [lambda s: s, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))], ids=["it", "copy", "pickle"])
def test_a_loaded_state_goes_on_with_the_same_bits(how: Any) -> None:
    one, other = Fit({"max_iter": 3}), Fit({"max_iter": 9})
    one.step()
    other.optimizer.load_state_dict(how(one.optimizer.state_dict()))
    for p, q in zip(other.params, one.params, strict=True):
        p.data = q.numpy()
    other.calls = one.calls
    assert [one.step() for _ in range(3)] == [other.step() for _ in range(3)]


@pytest.mark.parametrize("mode", [{}, {"frozen": True}], ids=["lockstep", "frozen"])
@pytest.mark.parametrize("options", SETS[:3], ids=str)
def test_a_compiled_closure_or_step_has_the_same_bits(options: dict[str, Any], mode: Any) -> None:
    def found(fit: Fit, step: Any) -> list[Any]:
        return [[step().item(), *(p.numpy().tobytes() for p in fit.params)] for _ in range(8)]

    eager, inside, around = Fit(options), Fit(options), Fit(options)
    expected = found(eager, lambda: eager.optimizer.step(eager.closure))
    compiled = tg.compile(lambda: inside.closure(), strict=True, **mode)
    assert found(inside, lambda: inside.optimizer.step(compiled)) == expected
    assert not compiled.problem and inside.calls < eager.calls if mode else compiled._lockstep.hits > 5
    assert found(around, tg.compile(lambda: around.optimizer.step(around.closure))) == expected


def test_rosenbrocks_valley_is_followed_to_its_end() -> None:
    p = tg.Tensor([-1.5, 2.0], requires_grad=True)
    optimizer = tg.optim.LBFGS([p], max_iter=100, line_search_fn="strong_wolfe", tolerance_change=1e-15)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(p.numpy(), [1.0, 1.0], rtol=1e-6)
    assert optimizer.state[p]["func_evals"] < 70


def test_float32_stays_float32() -> None:
    p = tg.Tensor(np.float32([1.0, 2.0]), requires_grad=True)
    optimizer = tg.optim.LBFGS([p], line_search_fn="strong_wolfe")

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (p * p * np.float32([1.0, 3.0])).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    kept = optimizer.state[p]
    arrays = [kept["d"], kept["prev_flat_grad"], *kept["old_dirs"], *kept["old_stps"]]
    assert len(arrays) > 3 and {x.dtype for x in (*arrays, p)} == {np.dtype(np.float32)}
    np.testing.assert_allclose(p.numpy(), 0, atol=1e-5)


def test_a_parameter_without_a_gradient_stays() -> None:
    p, q = w(1.0), w(5.0)
    optimizer = tg.optim.LBFGS([p, q])

    def closure() -> Any:
        optimizer.zero_grad()
        loss = p * p
        loss.backward()
        return loss

    optimizer.step(closure)
    assert q.item() == 5.0 and abs(p.item()) < 1e-8


@pytest.mark.parametrize("first", [1e-4, 0.1, 1.0, 30.0])
@pytest.mark.parametrize("curve", [
    (lambda t: (t - 3) ** 2, lambda t: 2 * (t - 3)), (lambda t: -t / (t * t + 2), lambda t: (t * t - 2) / (t * t + 2) ** 2),
    (lambda t: (t + 0.004) ** 5 - 2 * (t + 0.004) ** 4, lambda t: 5 * (t + 0.004) ** 4 - 8 * (t + 0.004) ** 3),
])
def test_a_line_search_ends_where_the_conditions_hold(curve: Any, first: float) -> None:
    looks: list[float] = []

    def look(t: float) -> Point:
        looks.append(t)
        return Point(t, curve[0](t), None, curve[1](t))

    start = Point(0.0, curve[0](0.0), None, curve[1](0.0))
    found, count = strong_wolfe(look, start, first, 1.0, 1e-9, 50)
    assert count == len(looks) < 40 and found.t in looks
    assert found.loss <= start.loss + 1e-4 * found.t * start.slope and abs(found.slope) <= 0.9 * abs(start.slope)


MISUSE: Table = {
    "no closure": (lambda: tg.optim.LBFGS([w()]).step(), TypeError, r"LBFGS\.step: expected a function that clears.*step\(closure\)"),
    "a loss": (lambda: tg.optim.LBFGS([w()]).step(3), TypeError, r"LBFGS\.step: expected a function.*got int"),  # type: ignore[arg-type]
    "two groups": (lambda: tg.optim.LBFGS([{"params": [w()]}, {"params": [w()]}]), ValueError, "LBFGS: expected one group"),
    "no iterations": (lambda: tg.optim.LBFGS([w()], max_iter=0), ValueError, "LBFGS: max_iter must be an integer of at least 1"),
    "half a pair": (lambda: tg.optim.LBFGS([w()], history_size=0.5), TypeError, "LBFGS: history_size must be an integer"),  # type: ignore[arg-type]
    "another search": (lambda: tg.optim.LBFGS([w()], line_search_fn="armijo"), ValueError, "line_search_fn must be None or 'strong_wolfe'"),
    "a search without calls": (lambda: tg.optim.LBFGS([w()], max_iter=1, line_search_fn="strong_wolfe"), ValueError, "LBFGS: max_eval=1 is the call .* nothing would move; give max_eval="),
    "a saved vector": (lambda: tg.optim.LBFGS([w()]).load_state_dict({
        "param_groups": [{"params": [0]}], "state": {0: {"old_dirs": [np.ones(9)]}}}), ValueError, r"'old_dirs' has the shape \(9,\), but there are"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
