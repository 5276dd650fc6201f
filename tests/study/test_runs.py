"""Recorded runs: what is measured of each step, where it went wrong, and what is said of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused
from tests.oracles import assert_close
from tinygrad_gd.study.runs.report import report
from tinygrad_gd.study.runs.run import Run
from tinygrad_gd.study.runs.verdict import verdict

X = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
Y = 2 * X + 1
HESSIAN = np.array([[22.0, 6.0], [6.0, 2.0]])


def by_hand(weight: tg.Tensor, bias: tg.Tensor, options: dict[str, float]) -> Callable[[], None]:
    def update() -> None:
        with tg.no_grad():
            for p in (weight, bias):
                p -= options["lr"] * p.grad  # type: ignore[operator]
    return update


def line(path: Path, steps: int = 20, compiled: bool = False, hand: bool = False, **options: float) -> Run:
    """The tutorial's line, recorded."""
    weight, bias = (tg.Tensor(0.0, requires_grad=True) for _ in "wb")
    optimizer = tg.optim.SGD([weight, bias], **options)
    update = by_hand(weight, bias, options) if hand else optimizer.step

    def step() -> tg.Tensor:
        loss = ((weight * X + bias - Y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        update()
        return loss

    run = tg.compile(step) if compiled else step
    with tg.record(path / "run.npz"):
        for _ in range(steps):
            run()
    return Run.load(path / "run.npz")


def derived(run: Run) -> tuple[Any, Any, Any]:
    """Gradients, steps and reaches of the line, on paper."""
    gradients = np.array([[np.mean(2 * (w * X + b - Y) * X), np.mean(2 * (w * X + b - Y))] for w, b in run.values[:-1]])
    steps = np.diff(run.values, axis=0)
    along = np.einsum("ki,ki->k", gradients, steps)
    return gradients, steps, -np.einsum("ki,ij,kj->k", steps, HESSIAN, steps) / along


@pytest.mark.parametrize("options", [{}, {"compiled": True}, {"hand": True}], ids=["eager", "compiled", "by hand"])
def test_the_tutorials_run_reaches_2_37_at_every_step(options: Any, tmp_path: Path) -> None:
    run = line(tmp_path, lr=0.1, **options)
    assert run.names == ["weight", "bias"] and run.steps == 20 and run.place.startswith("test_runs.py:")
    assert run.optimizer == ("" if "hand" in options else "SGD")
    assert_close(run.loss[[0, 1, 2, -1]], [57.0, 106.36, 198.4912, 8036431.8320], 1e-8)
    assert {f"{r:.2f}" for r in run.reach} == {"2.37"}
    gradients, steps, reaches = derived(run)
    assert_close(run.reach, reaches, 1e-9)
    assert_close(run.reach, 0.1 * np.einsum("ki,ij,kj->k", gradients, HESSIAN, gradients) / (gradients**2).sum(1), 1e-9)
    assert_close(run.gradients, abs(gradients), 1e-9)
    assert_close(run.updates, abs(steps), 1e-9)
    assert_close(run.weights, abs(run.values[:-1]), 1e-12)
    assert_close(run.rate, np.full(20, 0.1), 1e-9)
    assert_close(run.alike, np.ones(20), 1e-12)
    assert_close(run.values[-1], [-1083.0719, -299.7717], 1e-7)


def test_reach_needs_no_rate_and_holds_for_any_optimizer(tmp_path: Path) -> None:
    run = line(tmp_path, lr=0.03, momentum=0.9)
    _, _, reaches = derived(run)
    assert_close(run.reach, reaches, 1e-8)
    assert run.options["momentum"] == 0.9 and run.alike.min() < 0.9


def test_what_a_step_reaches_is_where_it_lands(tmp_path: Path) -> None:
    """On a parabola a step of reach r lands at the start's height, less slope r (1 - r/2)."""
    for lr in (0.02, 0.0423, 0.0833, 0.09):
        run = line(tmp_path, lr=lr)
        gradients, steps, _ = derived(run)
        slope = np.einsum("ki,ki->k", gradients, steps)
        assert_close(np.diff(run.loss), (slope * (1 - run.reach / 2))[:-1], 1e-9)
        assert ((np.diff(run.loss) > 0) == (run.reach[:-1] > 2)).all()


def test_the_contour_is_the_loss_over_the_two_parameters(tmp_path: Path) -> None:
    run = line(tmp_path, lr=0.05)
    assert run.heights.shape == (41, 41) and run.x[0] < run.values[:, 0].min() < run.values[:, 0].max() < run.x[-1]
    expected = [[np.mean((w * X + b - Y) ** 2) for w in run.x] for b in run.y]
    assert_close(run.heights, expected, 1e-12)


def test_several_backward_passes_make_one_step(tmp_path: Path) -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    optimizer = tg.optim.SGD([w], lr=0.1)
    with tg.record(tmp_path / "run.npz"):
        for _ in range(3):
            optimizer.zero_grad()
            for scale in (1.0, 3.0):
                (scale * (w * w)).sum().backward()
            optimizer.step()
    run = Run.load(tmp_path / "run.npz")
    assert run.steps == 3 and run.loss[0] == (5 + 15) / 2
    assert_close(run.gradients[0], [np.linalg.norm([8.0, 16.0])], 1e-12)
    assert_close(run.reach, np.full(3, 0.8), 1e-12)


def test_recording_changes_nothing_of_the_run(tmp_path: Path) -> None:
    def trained(recorded: bool) -> Any:
        tg.manual_seed(1)
        net = tg.nn.Sequential(tg.nn.Linear(3, 8), tg.nn.ReLU(), tg.nn.Dropout(0.3), tg.nn.Linear(8, 1))
        x = np.random.default_rng(0).standard_normal((16, 3))
        optimizer = tg.optim.Adam(net.parameters(), lr=0.01)

        def steps() -> None:
            for _ in range(5):
                optimizer.zero_grad()
                (net(x) ** 2).mean().backward()
                optimizer.step()

        if not recorded:
            steps()
        else:
            with tg.record(tmp_path / "run.npz"):
                steps()
        return net.state_dict()

    plain, watched = trained(False), trained(True)
    assert all(np.array_equal(plain[k], watched[k]) for k in plain)
    run = Run.load(tmp_path / "run.npz")
    assert run.names == ["0.weight", "0.bias", "3.weight", "3.bias"] and np.isfinite(run.reach).all()
    assert run.values.shape == (6, 41)  # few enough to be kept
    text = report(run, "run.npz")
    assert text.count("|g of ") == 4 and all(len(line) <= 104 for line in text.splitlines())


def test_functions_with_rules_of_their_own_have_no_reach_but_slopes(tmp_path: Path) -> None:
    w = tg.Tensor([0.5], requires_grad=True, name="w")
    part = tg.checkpoint(lambda x: np.sin(x * 2))
    with tg.record(tmp_path / "run.npz"):
        for _ in range(3):
            w.zero_grad()
            part(w).sum().backward()
            with tg.no_grad():
                w -= 0.1 * w.grad  # type: ignore[operator]
    run = Run.load(tmp_path / "run.npz")
    assert np.isnan(run.reach).all() and run.gradients[0, 0] == pytest.approx(2 * np.cos(1.0))
    assert "reach" not in report(run, "run.npz").lower()


def test_an_error_in_the_loop_leaves_what_was_recorded(tmp_path: Path) -> None:
    w = tg.Tensor(1.0, requires_grad=True, name="w")
    with pytest.raises(ZeroDivisionError), tg.record(tmp_path / "run.npz"):
        for i in range(3):
            w.zero_grad()
            (w * w).backward()
            with tg.no_grad():
                w -= 0.25 * w.grad  # type: ignore[operator]
            1 // (2 - i)
    assert Run.load(tmp_path / "run.npz").loss.tolist() == [1.0, 0.25, 0.0625]


def test_columns_that_do_not_fit_the_page_are_left_out(tmp_path: Path) -> None:
    params = [tg.Tensor(np.ones(20), requires_grad=True, name=f"a.very.long.path.of.the.parameter.{k}") for k in range(6)]
    optimizer = tg.optim.SGD(params, lr=0.1)
    with tg.record(tmp_path / "run.npz"):
        for _ in range(3):
            optimizer.zero_grad()
            sum((p * p).sum() for p in params).backward()  # type: ignore[union-attr]
            optimizer.step()
    text = report(Run.load(tmp_path / "run.npz"), "run.npz")
    assert text.count("|g of ") == 1 and all(len(row) <= 104 for row in text.splitlines())


# -- verdicts ----------------------------------------------------------------------------------------


def test_what_is_said_of_the_diverging_run(tmp_path: Path) -> None:
    run = line(tmp_path, lr=0.1)
    found = verdict(run)
    assert (found.kind, found.step) == ("diverges", 0)
    text = " ".join(report(run, "run.npz").split())
    assert "2.37 at every step" in text and "run.npz: 20 steps of 2 numbers in 2 parameters by SGD, lr 0.1" in text
    assert "At step 1 the loss rises from 57.0000 to 106.3600: it reaches 2.37 times as far" in text
    assert "lr below 0.0845 (2/curvature)" in text and "lr = 0.0423 (1/curvature)" in text
    assert "momentum = 0.9 at this lr: the limit is then 2 (1 + 0.9)/curvature = 0.1606" in text
    assert line(tmp_path, 200, lr=0.1, momentum=0.9).loss[-1] < 0.01  # as promised


def test_verdicts(tmp_path: Path) -> None:
    kinds = {lr: verdict(line(tmp_path, lr=lr)).kind for lr in (0.001, 0.03, 0.0833, 0.2)}
    assert kinds == {0.001: "slow", 0.03: "falls", 0.0833: "overshoots", 0.2: "diverges"}
    with np.errstate(all="ignore"):
        assert verdict(line(tmp_path, lr=0.3, steps=400)).why.endswith("it is not finite.")
    slow = verdict(line(tmp_path, lr=0.001))
    assert "lr up to 0.0423" in slow.cures[0] and "2.4% of the way" in slow.why


def test_the_step_that_went_wrong_is_the_first_after_all_was_well(tmp_path: Path) -> None:
    w = tg.Tensor(1.0, requires_grad=True, name="w")
    optimizer = tg.optim.SGD([w], lr=0.25)
    with tg.record(tmp_path / "run.npz"):
        for step in range(20):
            optimizer.param_groups[0]["lr"] = 0.25 if step < 7 else 1.5
            optimizer.zero_grad()
            (w * w).backward()
            optimizer.step()
    run = Run.load(tmp_path / "run.npz")
    assert verdict(run).step == 7 and "At step 8 the loss rises" in report(run, "run.npz")
    assert "..." in report(run, "run.npz")


def test_a_nan_that_no_long_step_explains(tmp_path: Path) -> None:
    w = tg.Tensor(1.0, requires_grad=True, name="w")
    with np.errstate(all="ignore"), tg.record(tmp_path / "run.npz"):
        for step in range(5):
            w.zero_grad()
            (w * w * (np.nan if step == 3 else 1.0)).backward()
            with tg.no_grad():
                w -= 0.1 * w.grad  # type: ignore[operator]
    found = verdict(Run.load(tmp_path / "run.npz"))
    assert (found.kind, found.step) == ("broken", 3) and "detect_anomaly" in found.cures[0]
    assert "!" in report(Run.load(tmp_path / "run.npz"), "run.npz")


def nothing(path: Path) -> None:
    with tg.record(path / "run.npz"):
        pass


def no_run(path: Path) -> None:
    np.savez(path / "other.npz", a=np.ones(3))
    Run.load(path / "other.npz")


MISUSE: Table = {
    "no step": (lambda: nothing(Path(os.devnull).parent), RuntimeError, "no step was made"),
    "a path": (lambda: tg.record("run.txt"), ValueError, r"ends in .npz"),
    "no file": (lambda: Run.load("none.npz"), ValueError, "there is no file"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])


def test_other_files_are_refused(tmp_path: Path) -> None:
    refused((lambda: no_run(tmp_path), ValueError, "no run that tg.record wrote"))
    (tmp_path / "text.npz").write_text("hello")
    refused((lambda: Run.load(tmp_path / "text.npz"), ValueError, "no run that tg.record wrote"))


# -- reaches that are no plain tale ----------------------------------------------------------------------


def made_up(loss: list[float], reach: list[float]) -> Run:
    """A run of plain descent on one number, with these losses and reaches."""
    n, no = len(loss), np.zeros(0)
    one = np.ones((n, 1))
    return Run(["w"], [[]], "SGD", {"lr": 0.1}, "f.py:1", np.array(loss), np.array(reach), np.full(n, 0.1), np.ones(n),
               one, one, one, no, np.zeros((0, 0)), no, no, {})


def test_cures_go_by_the_curvature_before_all_went_astray() -> None:
    run = made_up([1.0, 10.0, 100.0, 1000.0], [4.0, 400.0, 4000.0, -1.24e14])
    found = verdict(run)
    assert (found.kind, found.step) == ("diverges", 0) and found.cures[0].startswith("lr below 0.0500 (2/curvature): such a step")
    text = " ".join(report(run, "run.npz").split())
    assert "from -1.24e+14 to 4000.00" in text and "0000000000" not in text
    assert "below 0 the loss has no bottom along it." in text


def test_steps_without_a_bottom_are_not_called_timid() -> None:
    assert verdict(made_up([1.0, 0.9, 0.8, 0.7], [-0.5, 0.3, -0.4, 0.02])).kind == "falls"
    slow = verdict(made_up([1.0, 0.9, 0.8, 0.7], [0.02, 0.02, -0.4, 0.02]))
    assert slow.kind == "slow" and "Half of the steps go 2.0% of the way" in slow.why


def test_far_steps_of_a_run_that_ended_well_are_told() -> None:
    one = verdict(made_up([1.0, 1.1, 0.2, 0.1], [3.0, 0.5, 0.5, 0.5])).why
    assert one.endswith("One step reaches beyond 2 (3.00 at step 1): its loss rose, and came back.")
    curved = verdict(made_up([1.0, 0.8, 0.2, 0.1, 0.1], [3.0, 5.0, 0.5, 0.5, 0.5])).why
    assert curved.endswith("2 steps reach beyond 2 (5.00 at step 2 is the furthest): all the same the loss fell, as it is "
                           "no parabola there.")
    both = verdict(made_up([1.0, 1.1, 0.2, 0.1, 0.1], [3.0, 5.0, 0.5, 0.5, 0.5])).why
    assert "after 1 of them the loss rose, and came back." in both
    assert "beyond 2" not in verdict(made_up([1.0, 0.5, 0.2, 0.1], [0.5] * 4)).why


def test_a_rate_that_overshoots_but_holds_is_not_told_what_would_hold() -> None:
    found = verdict(made_up([1.0, 0.9, 0.8, 0.05], [1.8] * 4))
    assert found.kind == "overshoots" and found.cures[0] == "lr = 0.0556 (1/curvature) goes to the bottom of the steepest step"
    assert len(found.cures) == 2
