"""`fit`: the loop that one writes by hand, and what it says when training goes wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd import nn
from tinygrad_gd.training.fitting import TrainingWarning

X = np.arange(1.0, 6.0)[:, None]
Y = 2 * X + 1
RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(90, 2))
LABELS = (POINTS.sum(axis=1) > 0).astype(int)


def network(seed: int = 0) -> Any:
    tg.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))


def fit(*args: Any, **options: Any) -> Any:
    return tg.fit(*args, **{"progress": False, "optimizer": "sgd", "lr": 0.1, **options})


def by_hand(net: Any, epochs: int, **options: Any) -> list[float]:
    optimizer = tg.optim.SGD(net.parameters(), lr=0.1)
    seen = []
    loader = tg.DataLoader(POINTS, LABELS, **{"batch_size": 32, "shuffle": True, **options})
    for _ in range(epochs):
        for x, y in loader:
            loss = nn.cross_entropy(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen.append(loss.item())
    return seen


@pytest.mark.parametrize("compile", [True, False])
def test_it_is_the_loop_that_one_writes(compile: bool) -> None:
    expected, first = by_hand(a := network(), 5), network()
    history = fit(first, nn.cross_entropy, (POINTS, LABELS), epochs=5, compile=compile)
    assert history.steps == expected
    assert len(history) == 5 and history["loss"][0] == np.mean(expected[:3])
    for p, q in zip(a.parameters(), first.parameters(), strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy())
    assert first.training and history.stopped == "" and history.notes == []


def test_batches_may_be_anything_that_can_be_iterated_over_again() -> None:
    loader = tg.DataLoader(POINTS, LABELS, batch_size=30)
    expected = fit(network(), nn.cross_entropy, loader, epochs=3).steps
    batches = [(POINTS[k : k + 30], LABELS[k : k + 30]) for k in (0, 30, 60)]
    assert fit(network(), nn.cross_entropy, batches, epochs=3).steps == expected
    with pytest.raises(tg.OptionError, match=r"a generator can be used only once.*DataLoader"):
        fit(network(), nn.cross_entropy, iter(batches))


def test_several_inputs_and_a_function_for_a_model() -> None:
    w = tg.Tensor([1.0, 1.0], requires_grad=True)
    history = tg.fit(lambda a, b: w[0] * a + w[1] * b, nn.mse_loss, (X, X**2, 3 * X - X**2), epochs=400,
                     batch_size=None, optimizer=tg.optim.SGD([w], lr=0.004, momentum=0.9), progress=False)
    np.testing.assert_allclose(w.numpy(), [3, -1], atol=1e-3)
    assert history["lr"] == [0.004] * 400
    with pytest.raises(tg.OptionError, match="of a function the parameters are not known"):
        tg.fit(lambda x: x, nn.mse_loss, (X, Y))


def test_validation_metrics_and_predictions() -> None:
    def accuracy(target: Any, guess: Any) -> float:
        assert target.shape == guess.shape and guess.dtype.kind == "i"
        return np.mean(target == guess)

    history = fit(network(), nn.cross_entropy, (POINTS, LABELS), epochs=6, validation=0.2, metrics=accuracy)
    assert history.columns == ["epoch", "loss", "lr", "seconds", "val_loss", "accuracy"]
    assert history["accuracy"][-1] > 0.7 and history["val_loss"][-1] < history["val_loss"][0]
    net = network()
    (x, y), test = tg.datasets.split(POINTS, LABELS, test=0.2)
    again = fit(net, nn.cross_entropy, (x, y), epochs=6, validation=test,
                metrics={"right": lambda t, g: (t == g).sum()}, predict=lambda out: out.argmax(1))
    assert again["val_loss"] == history["val_loss"]
    assert again["right"] == [18 * a for a in history["accuracy"]]
    np.testing.assert_allclose(again["val_loss"][-1], nn.cross_entropy(net(test[0]), test[1]).item())
    trained = fit(network(), nn.cross_entropy, (POINTS, LABELS), epochs=1, metrics=accuracy)
    assert "val_loss" not in trained.columns and 0 <= trained["accuracy"][0] <= 1


def test_validation_sees_a_model_that_does_not_train() -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            self.inner, self.seen = network(), []

        def forward(self, x: Any) -> Any:
            self.seen.append(self.training)
            return self.inner(x)

    net = Noisy()
    fit(net, nn.cross_entropy, (POINTS, LABELS), epochs=2, batch_size=None, validation=0.5, compile=False,
        watch=False)
    assert net.seen == [True, False] * 2 and net.training


def test_it_stops_when_it_gets_no_better_and_has_the_best_weights() -> None:
    net = network()
    weights = []
    history = fit(net, nn.cross_entropy, (POINTS[:10], RNG.integers(0, 2, 10)), epochs=400, lr=0.5,
                  validation=(POINTS[10:], LABELS[10:]), patience=3, watch=False,
                  callbacks=[lambda run: weights.append(run.model.state_dict())])
    best = int(np.argmin(history["val_loss"])) + 1
    assert history.best == best and len(history) == best + 3 and "no better for 3 epochs" in history.stopped
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, weights[best - 1][name])


def test_schedulers_step_after_epochs_and_callbacks_are_told() -> None:
    class Halving:
        def __init__(self, optimizer: Any) -> None:
            self.optimizer = optimizer

        def step(self) -> None:
            self.optimizer.param_groups[0]["lr"] /= 2

    class Told:
        def __init__(self) -> None:
            self.events: list[str] = []

        def on_step(self, run: Any) -> None:
            self.events.append(f"step {run.epoch}")

        def on_epoch(self, run: Any) -> None:
            self.events.append("epoch")
            if run.epoch == 2:
                run.stop("enough")

        def on_end(self, run: Any) -> None:
            self.events.append("end")

    told = Told()
    history = fit(network(), nn.cross_entropy, (POINTS, LABELS), epochs=9, batch_size=45, scheduler=Halving,
                  callbacks=[told])
    assert history["lr"] == [0.1, 0.05] and history.stopped == "enough"
    assert told.events == ["step 1", "step 1", "epoch", "step 2", "step 2", "epoch", "end"]


@pytest.mark.parametrize(("make", "rates"), [
    (lambda o: tg.optim.lr_scheduler.StepLR(o, 1, 0.5), [0.1, 0.05, 0.025]),
    (lambda o: tg.optim.lr_scheduler.ReduceLROnPlateau(o, factor=0.5, patience=0, threshold=10.0), [0.1, 0.05, 0.025]),
    (lambda o: tg.optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=6), None),
])
def test_schedulers_of_all_kinds(make: Any, rates: Any) -> None:
    if rates is None:  # the rates of steps 1, 3 and 5
        scheduler = make(tg.optim.SGD([tg.Tensor(0.0, requires_grad=True)], lr=0.1))
        all_of_them = [scheduler.get_last_lr()[0], *((scheduler.step(), scheduler.get_last_lr()[0])[1] for _ in range(5))]
        rates = all_of_them[::2]
    history = fit(network(), nn.cross_entropy, (POINTS, LABELS), epochs=3, batch_size=45, scheduler=make)
    assert history["lr"] == rates


@pytest.mark.parametrize("name", ["adam", "AdamW", "rmsprop", "lion"])
def test_optimizers_by_name(name: str) -> None:
    history = fit(network(), nn.cross_entropy, (POINTS, LABELS), epochs=20, optimizer=name, lr=0.01, clip=1.0)
    assert history["loss"][-1] < 0.5 * history["loss"][0] and not history.stopped


def test_schedulers_of_others_and_classes_and_parts_that_are_none_are_told_before_training() -> None:
    other = tg.optim.SGD(network().parameters(), lr=0.1)
    data = (POINTS, LABELS)
    with pytest.raises(tg.errors.OptionError, match=r"rates of another optimizer; give that one as optimizer=, or"):
        fit(network(), nn.cross_entropy, data, scheduler=tg.optim.lr_scheduler.StepLR(other, 1))
    for given in ("cosine", lambda optimizer: None):
        with pytest.raises(tg.errors.DTypeError, match=r"fit: scheduler has a step\(\), got (str|NoneType).*; write sche"):
            fit(network(), nn.cross_entropy, data, scheduler=given)
    with pytest.raises(tg.errors.OptionError, match=r"fit: validation is a part of the rows, between 0 and 1, got 1\.5"):
        fit(network(), nn.cross_entropy, data, validation=1.5)
    with pytest.raises(tg.errors.DTypeError, match=r"fit: model is a class; make one: Bilinear\(...\)"):
        fit(nn.Bilinear, nn.cross_entropy, data)


def rates(scheduler: Any) -> tuple[list[float], list[float]]:
    """Those of each of three batches in two epochs, and those that the history has."""
    seen: list[float] = []
    optimizer = tg.optim.Adam((net := network()).parameters(), lr=0.125)

    def loss(output: Any, target: Any) -> Any:
        seen.append(optimizer.param_groups[0]["lr"])
        return nn.cross_entropy(output, target)

    history = tg.fit(net, loss, (POINTS, LABELS), epochs=2, batch_size=30, optimizer=optimizer,
                     scheduler=scheduler, progress=False, watch=False)
    return seen, history["lr"]


def test_one_cycle_steps_after_batches_and_others_where_they_are_told_to() -> None:
    schedules = tg.optim.lr_scheduler
    alone = schedules.OneCycleLR(tg.optim.Adam(network().parameters()), 0.5, total_steps=6, pct_start=0.5)
    expected = [alone.get_last_lr()[0]]
    for _ in range(5):
        alone.step()
        expected.append(alone.get_last_lr()[0])
    assert max(expected) == expected[2] == 0.5 and len(set(expected)) == 6
    assert rates(lambda o: schedules.OneCycleLR(o, 0.5, total_steps=6, pct_start=0.5)) == (expected, expected[::3])
    triangle = [0.125, 0.25, 0.375, 0.5, 0.625, 0.5]
    assert rates(lambda o: schedules.CyclicLR(o, 0.125, 0.625, step_size_up=4)) == (triangle, triangle[::3])

    chained = rates(lambda o: schedules.ChainedScheduler([schedules.OneCycleLR(o, 0.5, total_steps=6, pct_start=0.5)]))
    assert chained == (expected, expected[::3])

    def halving(optimizer: Any, each_step: bool) -> Any:
        scheduler = schedules.ExponentialLR(optimizer, gamma=0.5)
        scheduler.each_step = each_step
        return scheduler

    assert rates(lambda o: halving(o, False))[0] == [0.125] * 3 + [0.0625] * 3
    assert rates(lambda o: halving(o, True))[0] == [0.125 / 2**k for k in range(6)]


# -- what goes wrong -----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:steps are too large")
def test_divergence_is_told_and_the_weights_are_those_of_before() -> None:
    tg.manual_seed(0)
    net = nn.Linear(1, 1)
    kept = []
    with pytest.warns(TrainingWarning, match=r"diverges: the loss has grown from .* lr = 0.1, is most likely too large"):
        history = fit(net, nn.mse_loss, (X, Y), epochs=50, batch_size=None,
                      callbacks=[lambda run: kept.append(run.model.weight.item())])
    assert len(history.steps) == 6 and "The weights are those after epoch 5" in history.stopped
    assert net.weight.item() == kept[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("error", TrainingWarning)
        with np.errstate(all="ignore"):
            assert len(fit(nn.Linear(1, 1), nn.mse_loss, (X, Y), epochs=50, batch_size=None, watch=False)) == 50


@pytest.mark.parametrize(("x", "y", "text"), [
    (np.where(np.arange(90) == 40, np.nan, POINTS.T).T, LABELS, r"the input of its batch holds nan \(row 40, column 0\)"),
    (POINTS * 1e200, POINTS[:, :1] * 1e200, "made inf|lr = 0.1, is most likely too large"),
])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_not_finite_is_traced_to_its_cause(x: Any, y: Any, text: str) -> None:
    loss = nn.cross_entropy if y.ndim == 1 else nn.mse_loss
    net = nn.Linear(2, 2 if y.ndim == 1 else 1)
    before = net.state_dict()
    with pytest.warns(TrainingWarning, match=text):
        history = fit(net, loss, [(x, y)])
    assert not np.isfinite(history.steps[-1]) and "after epoch 0" in history.stopped
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_operation_that_made_it_is_named() -> None:
    with pytest.warns(TrainingWarning, match=r"comes from log at .*test_fit.py:\d+: made nan"):
        fit(nn.Linear(1, 1, bias=False), lambda out, y: np.log(out - 1e6).mean(), (X, Y))


def test_dead_units_vanishing_and_missing_gradients_and_stalls() -> None:
    net = network()
    with tg.no_grad():
        net[0].bias.assign(np.where(np.arange(8) < 5, -100.0, 0.0))
    with pytest.warns(TrainingWarning, match="5 of 8 units of relu 1, in '1' are dead: 0 for all of 90 rows"):
        assert len(fit(net, nn.cross_entropy, (POINTS, LABELS), lr=0.01, epochs=4).notes) == 1

    deep = nn.Sequential(*[m for _ in range(10) for m in (nn.Linear(2, 2), nn.Sigmoid())], nn.Linear(2, 2))
    with pytest.warns(TrainingWarning, match=r"gradients vanish: those of '0.weight', .*take relu|Take relu"):
        fit(deep, nn.cross_entropy, (POINTS, LABELS), lr=0.001, epochs=1)

    class OneStep(nn.Module):
        def __init__(self) -> None:
            self.lstm, self.out = nn.LSTM(2, 4), nn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            return self.out(self.lstm(x[None])[0][0])

    with pytest.warns(TrainingWarning, match="gradients of 'lstm.weight_hh_l0' are 0 .*one step only") as told:
        fit(OneStep(), nn.cross_entropy, (POINTS, LABELS), epochs=2)
    assert len(told) == 1

    class Unused(nn.Module):
        def __init__(self) -> None:
            self.used, self.idle = nn.Linear(2, 2), nn.Linear(3, 3)

        def forward(self, x: Any) -> Any:
            return self.used(x)

    with pytest.warns(TrainingWarning, match="'idle.weight', 'idle.bias' get no gradient"):
        fit(Unused(), nn.cross_entropy, (POINTS, LABELS), epochs=1)
    with pytest.warns(TrainingWarning, match="nothing has been learned in 5 epochs"):
        fit(network(), nn.cross_entropy, (POINTS, LABELS), lr=1e-6, epochs=5)
    with pytest.warns(TrainingWarning, match="steps are too large: one has moved '0.weight' by"):
        fit(network(), nn.cross_entropy, (POINTS * 30, LABELS), lr=0.3, epochs=2, batch_size=None)


def test_nothing_is_said_of_a_run_that_is_well() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for optimizer, lr in (("sgd", 0.1), ("sgd", 0.5)):
            history = fit(network(), nn.cross_entropy, (POINTS, LABELS), epochs=20, optimizer=optimizer, lr=lr)
            assert not history.notes and not history.stopped and history["loss"][-1] < 0.4


def test_interrupting_keeps_what_was_learned() -> None:
    def interrupt(run: Any) -> None:
        if run.epoch == 3:
            raise KeyboardInterrupt

    net = network()
    history = fit(net, nn.cross_entropy, (POINTS, LABELS), epochs=9, callbacks=[interrupt])
    same = network()
    fit(same, nn.cross_entropy, (POINTS, LABELS), epochs=3)
    assert "interrupted in epoch 3, after 9 steps" in history.stopped
    np.testing.assert_array_equal(net[0].weight.numpy(), same[0].weight.numpy())


# -- checkpoints ---------------------------------------------------------------------------------------


def trained(path: Any, epochs: int, **options: Any) -> tuple[Any, Any]:
    net = network(3)
    optimizer = tg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    history = tg.fit(net, nn.cross_entropy, (POINTS, LABELS), epochs=epochs, optimizer=optimizer,
                     progress=False, checkpoint=path, validation=0.2, **options)
    return net, history


@pytest.mark.parametrize("patience", [None, 2])
def test_a_run_that_goes_on_has_the_bits_of_one_that_never_stopped(tmp_path: Path, patience: Any) -> None:
    net, history = trained(None, 8, patience=patience)
    path = tmp_path / "run.npz"
    trained(path, 3, patience=patience)
    tg.manual_seed(99)
    again, resumed = trained(path, 8, patience=patience)
    assert resumed.steps == history.steps and resumed["val_loss"] == history["val_loss"]
    assert resumed.best == history.best
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, again.state_dict()[name])
    _, done = trained(path, 8, patience=patience)
    assert done.steps == history.steps


def test_a_checkpoint_of_another_model_is_told(tmp_path: Path) -> None:
    trained(path := tmp_path / "run.npz", 1)
    with pytest.raises(tg.OptionError, match=r"run\.npz' is of another model: .*unexpected '0.weight'"):
        fit(nn.Linear(2, 2), nn.cross_entropy, (POINTS, LABELS), checkpoint=path)


def test_a_run_that_is_killed_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    script = f"""
import tests.training.test_fit as t, os, signal
t.trained({str(path)!r}, 8, callbacks=[lambda run: os.kill(os.getpid(), signal.SIGKILL) if run.epoch == 5 else None])
"""
    if os.name != "posix":
        pytest.skip("needs signals")
    ended = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=False)
    assert ended.returncode == -signal.SIGKILL
    _, history = trained(None, 8)
    _, resumed = trained(path, 8)
    assert resumed.steps == history.steps


# -- what is shown -------------------------------------------------------------------------------------


def test_lines_where_there_is_no_terminal(capsys: Any) -> None:
    fit(network(), nn.cross_entropy, (POINTS, LABELS), epochs=3, progress=None)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3 and lines[0].startswith("epoch 1/3: loss=0.") and lines[0].endswith("lr=0.1")
    fit(network(), nn.cross_entropy, (POINTS, LABELS), epochs=200, progress=None, watch=False)
    assert 20 <= len(capsys.readouterr().err.splitlines()) <= 22


def test_a_bar_when_asked_for(capsys: Any) -> None:
    fit(network(), nn.cross_entropy, (POINTS, LABELS), epochs=2, progress=True, validation=0.2)
    shown = capsys.readouterr().err
    assert "epoch 2/2" in shown and "val_loss=" in shown and "6/6" in shown


def test_a_notebook_without_widgets_gets_a_bar_of_text_and_no_warning(
        monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    class ZMQInteractiveShell:
        """Jupyter's, by which it is known."""

    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=ZMQInteractiveShell))
    monkeypatch.setattr("tinygrad_gd.training.progress.find_spec", lambda name: None)
    fit(network(), nn.cross_entropy, (POINTS, LABELS), epochs=2, progress=None)
    shown = capsys.readouterr()
    assert "epoch 2/2" in shown.out and not shown.err



def test_a_history_is_a_table_and_plain_lists() -> None:
    history = fit(network(), nn.cross_entropy, (POINTS, LABELS), epochs=30)
    table = repr(history).splitlines()
    assert table[0].split() == ["epoch", "loss", "lr"] and "..." in table[4] and len(table) == 13
    assert type(history).from_dict(history.to_dict()).to_dict() == history.to_dict()
    assert "loss" in history and "val_loss" not in history and list(history) == history.columns
    with pytest.raises(tg.OptionError, match=r"no column 'acc'; there are epoch, loss, lr, seconds"):
        history["acc"]
    pandas = pytest.importorskip("pandas")
    frame = history.to_frame()
    pytest.importorskip("matplotlib")
    (curve, *_) = history.plot().lines
    assert len(curve.get_xdata()) in (30, len(history.steps))
    assert isinstance(frame, pandas.DataFrame) and frame.index[-1] == 30 and list(frame.columns) == ["loss", "lr", "seconds"]


@pytest.mark.parametrize(("change", "text"), [
    ({"optimizer": "adamm"}, r"optimizer is .*'adamm'; names are .*sgd"),
    ({"optimizer": tg.optim.SGD([tg.Tensor(1.0, requires_grad=True)], lr=1.0)}, "lr belongs to an optimizer"),
    ({"optimizer": tg.optim.SGD(nn.Linear(2, 2).parameters()), "lr": None}, "has no parameter of the model; write SGD"),
    ({"epochs": 0}, "epochs must be an integer of at least 1"),
    ({"patience": 0}, "patience must be an integer of at least 1"),
    ({"callbacks": [3]}, "a callback is a function of the run"),
    ({"metrics": [3]}, "a metric is a function of target and prediction"),
    ({"validation": 0.2, "data": [(POINTS, LABELS)]}, "give .x, y. as data"),
    ({"data": (POINTS,)}, "expected inputs and a target"),
    ({"data": POINTS}, r"data are \(x, y\), a DataLoader or batches"),
    ({"data": []}, "the data gave no batch"),
    ({"loss": nn.CrossEntropyLoss}, r"got the type CrossEntropyLoss; write CrossEntropyLoss\(\)"),
    ({"checkpoint": "run.pt"}, "the suffix says the format"),
    ({"loss": "mse"}, "loss is a function of output and target"),
    ({"loss": lambda out, y: out}, "the loss of a batch is one number"),
])
def test_bad_input_is_told(change: dict[str, Any], text: str) -> None:
    given = {"loss": nn.cross_entropy, "data": (POINTS, LABELS), **change}
    loss, data = given.pop("loss"), given.pop("data")
    with pytest.raises(tg.TinygradGdError, match=text):
        fit(network(), loss, data, **given)
