"""Plots: what is drawn where, in colours that are seen, saved the same to the byte."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused
from tests.pictures.descents import descents

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

RNG = np.random.default_rng(0)
PICTURE = Path(__file__).parents[2] / "examples" / "pictures" / "descent.svg"
X = np.array([1.0, 2.0, 3.0, 4.0, 5.0])


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


def line() -> tuple[Any, list[tg.Tensor]]:
    params = [tg.Tensor(0.0, requires_grad=True, name=n) for n in "wb"]
    return lambda: ((params[0] * X + params[1] - 2 * X - 1) ** 2).mean(), params


def network() -> tg.nn.Module:
    return tg.nn.Sequential(tg.nn.Linear(2, 8), tg.nn.ReLU(), tg.nn.Linear(8, 3))


def flow() -> Any:
    tg.manual_seed(0)
    net = network()
    (net(POINTS) ** 2).sum().backward()
    return net.flow(optimizer=tg.optim.SGD(net.parameters(), lr=0.01))


def history() -> Any:
    return SimpleNamespace(steps=[4.0, 3.0, 2.0, 1.0],
                           epochs=[{"loss": 3.5, "val_loss": 3.6, "lr": 0.1}, {"loss": 1.5, "val_loss": 1.7, "lr": 0.1}])


POINTS = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [2.0, 0.5]])
PLOTS: dict[str, Callable[[Any], Any]] = {
    "loss": lambda ax: tg.plot.loss(history(), ax),
    "contour": lambda ax: tg.plot.contour(*line(), {"one": [[0, 0], [1, 1], [2, 1]], "two": [[0, 0], [2, 2]]}, ax=ax),
    "regions": lambda ax: tg.plot.decision_regions(network(), POINTS, [0, 1, 2, 1], ax),
    "gradients": lambda ax: tg.plot.gradients({f"{i}.weight": [1.0, 0.1] for i in range(8)}, ax),
    "updates": lambda ax: tg.plot.updates({"weight": [1e-2, 1e-4]}, ax),
    "activations": lambda ax: tg.plot.activations(tg.study.activations(network(), POINTS), ax),
    "flow": lambda ax: flow().plot(ax),
    "range test": lambda ax: tg.lr_range_test(*line(), low=1e-3).plot(ax),
}
each_plot = pytest.mark.parametrize("name", PLOTS)


@each_plot
def test_each_draws_on_the_given_axes_or_new_ones_and_returns_them(name: str) -> None:
    _, (left, right) = plt.subplots(1, 2)
    assert PLOTS[name](right) is right and right.has_data() and not left.has_data()
    tg.manual_seed(0)
    new = PLOTS[name](None)
    assert new is not right and new.figure is not right.figure and new.has_data()


@each_plot
@pytest.mark.parametrize("form", ["png", "svg"])
def test_each_is_saved_the_same_to_the_byte(name: str, form: str, tmp_path: Path) -> None:
    written = []
    for i in range(2):
        tg.manual_seed(0)
        path = tg.plot.save(PLOTS[name](None), tmp_path / f"{i}.{form}")
        written.append(path.read_bytes())
    assert written[0] == written[1] and len(written[0]) > 3000
    assert written[0].startswith(b"\x89PNG" if form == "png" else b"<?xml")


def luminance(colour: Any) -> float:
    """Relative luminance, as WCAG defines it."""
    rgb = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_lines_are_seen_on_light_and_on_dark(style: str) -> None:
    from tinygrad_gd.pictures.plot.canvas import colours

    with plt.style.context(style):
        ax = plt.figure().subplots()
        palette = colours(ax)
        ground = luminance(ax.get_facecolor())
    for colour in (*palette.lines, palette.quiet, palette.alarm):
        bright, dark = sorted((luminance(colour), ground), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 3.0, colour
    assert len(set(palette.lines)) == len(palette.lines) == 6


@each_plot
def test_nothing_is_outside_of_the_figure(name: str) -> None:
    """Labels, legends and notes lie within what is saved: the layout makes room for them."""
    tg.manual_seed(0)
    ax = PLOTS[name](None)
    ax.figure.canvas.draw()
    drawn, figure = ax.get_tightbbox(), ax.figure.bbox
    assert drawn.width > figure.width / 2
    assert min(drawn.x0, drawn.y0) >= -1 and drawn.x1 <= figure.x1 + 1 and drawn.y1 <= figure.y1 + 1


# -- losses ------------------------------------------------------------------------------------------


def drawn(ax: Any) -> dict[str, tuple[list[float], list[float]]]:
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines}


def test_a_history_shows_steps_epochs_and_validation() -> None:
    ax = tg.plot.loss(history())
    assert drawn(ax) == {"each step": ([0.5, 1.0, 1.5, 2.0], [4.0, 3.0, 2.0, 1.0]),
                         "training": ([1, 2], [3.5, 1.5]), "validation": ([1, 2], [3.6, 1.7])}
    assert ax.get_xlabel() == "epoch" and ax.get_yscale() == "linear"


def test_plain_lists_and_dicts_of_them_do_too() -> None:
    assert list(drawn(tg.plot.loss([tg.Tensor(3.0), 2.0])).values()) == [([1, 2], [3.0, 2.0])]
    assert tg.plot.loss([3.0, 2.0]).get_legend() is None
    both = tg.plot.loss({"a": [3.0, 1.0], "b": [2.0]})
    assert drawn(both) == {"a": ([1, 2], [3.0, 1.0]), "b": ([1], [2.0])} and both.get_xlabel() == "step"
    assert drawn(tg.plot.loss(history().epochs)).keys() == {"training", "validation"}
    assert drawn(tg.plot.loss([{"loss": 1.0}, {"loss": 0.5}])).keys() == {"training"}


def test_the_scale_is_logarithmic_where_losses_differ_much() -> None:
    assert tg.plot.loss([100.0, 1.0]).get_yscale() == "log"
    assert tg.plot.loss([2.0, 1.0]).get_yscale() == "linear" and tg.plot.loss([2.0, 1.0], log=True).get_yscale() == "log"
    assert tg.plot.loss([100.0, -1.0, np.nan]).get_yscale() == "linear"


# -- contours ----------------------------------------------------------------------------------------


def test_a_contour_of_two_parameters_has_their_values_and_the_path() -> None:
    loss, params = line()
    with tg.no_grad():
        params[0].assign(0.25)
    path = [[0.0, 0.0], [1.0, 3.0], [2.0, 1.0]]
    ax = tg.plot.contour(loss, params, path)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("w", "b") and params[0].item() == 0.25
    assert np.transpose([ax.lines[0].get_xdata(), ax.lines[0].get_ydata()]).tolist() == path
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert left < 0 and right > 2 and bottom < 0 and top > 3


def test_heights_are_those_of_the_loss() -> None:
    from tinygrad_gd.pictures.plot.surfaces import _heights

    loss, params = line()
    x, y = np.linspace(-1, 3, 5), np.linspace(0, 2, 4)
    expected = [[np.mean((w * X + b - 2 * X - 1) ** 2) for w in x] for b in y]
    for computed in (loss, lambda: loss().item()):
        heights = _heights(computed, params, np.zeros(2), np.eye(2), x, y)
        np.testing.assert_allclose(heights, expected)


def test_a_path_of_many_parameters_is_seen_along_its_main_directions() -> None:
    net = network()
    goal = RNG.standard_normal(8 * 2 + 8 + 3 * 8 + 3)
    turn, there = np.cos(np.linspace(0, 3, 20)), np.linspace(1, 0, 20)
    e, f = np.linalg.qr(RNG.standard_normal((goal.size, 2)))[0].T
    path = [goal + 5 * a * e + b * f for a, b in zip(there, turn - turn[-1], strict=True)]
    ax = tg.plot.contour(lambda: (net(tg.Tensor(POINTS)) ** 2).sum(), net.parameters(), path)
    assert "main direction 1 of the path" in ax.get_xlabel()
    shown = np.transpose([ax.lines[0].get_xdata(), ax.lines[0].get_ydata()])
    lengths = np.linalg.norm(np.array(path) - goal, axis=1)  # the plane holds the whole path
    np.testing.assert_allclose(np.linalg.norm(shown, axis=1), lengths, atol=1e-9)


def test_a_plane_may_be_given_or_taken_at_random() -> None:
    net = network()
    size = sum(p.size for p in net.parameters())
    loss = lambda: (net(tg.Tensor(POINTS)) ** 2).sum()  # noqa: E731
    ax = tg.plot.contour(loss, net.parameters(), directions=np.eye(size)[:2], span=((-2, 2), (-1, 1)))
    assert ax.get_xlim() == (-2, 2) and ax.get_ylim() == (-1, 1) and ax.get_xlabel() == "first direction"
    before = [p.numpy().copy() for p in net.parameters()]
    assert tg.plot.contour(loss, net.parameters()).get_xlabel() == "random direction 1"
    assert all(np.array_equal(p.numpy(), b) for p, b in zip(net.parameters(), before, strict=True))


def test_a_diverging_path_and_an_overflowing_loss_are_drawn_as_far_as_they_go() -> None:
    w, b = (tg.Tensor(1.0, requires_grad=True, name=n) for n in "wb")
    ax = tg.plot.contour(lambda: np.exp(w * 1000) + b * b, [w, b], [[0, 0], [1, 1], [np.nan, np.inf]])
    assert np.isfinite(ax.get_xlim()).all()


def test_marks_have_no_outlines_of_their_own_and_ends_lie_on_top() -> None:
    """With path effects, an SVG has each mark twice in full: three times the size."""
    loss, params = line()
    ax = tg.plot.contour(loss, params, {"a": [[0, 0], [1, 3], [2, 1]], "b": [[0, 0], [2, 1]]})
    marked = [drawn for drawn in ax.lines if drawn.get_marker() not in ("None", None)]
    assert len(marked) == 5 and not any(drawn.get_path_effects() for drawn in marked)
    paths = [drawn for drawn in ax.lines if drawn.get_path_effects()]
    ends = [drawn for drawn in marked if len(drawn.get_xdata()) == 1][:2]
    assert len(paths) == 2 and min(e.get_zorder() for e in ends) > max(p.get_zorder() for p in paths)


def test_the_readmes_descents_are_what_the_code_draws(tmp_path: Path) -> None:
    with plt.style.context("default"):
        written = tg.plot.save(descents(), tmp_path / PICTURE.name)
    if os.environ.get("TINYGRAD_GD_WRITE_GOLDEN"):
        shutil.copy(written, PICTURE)
    if matplotlib.__version__ != "3.11.2":
        pytest.skip("the picture was made with matplotlib 3.11.2")
    number = r"-?\d+\.\d+"  # processors differ in the last digits of a path
    kept, new = PICTURE.read_text(), written.read_text()
    assert re.sub(number, "#", kept) == re.sub(number, "#", new)
    np.testing.assert_allclose(np.array(re.findall(number, kept), float), np.array(re.findall(number, new), float), atol=0.01)


# -- regions, rows -----------------------------------------------------------------------------------


@pytest.mark.parametrize("predict", [
    lambda p: (p[:, 0] > 0.5).astype(int), lambda p: p[:, 0] - 0.5, lambda p: p[:, :1] - 0.5,
    lambda p: np.column_stack([0.5 - p[:, 0], p[:, 0] - 0.5]), lambda p: tg.Tensor(p[:, 0] - 0.5),
], ids=["classes", "score", "column", "scores", "Tensor"])
def test_what_a_model_gives_is_understood(predict: Any) -> None:
    from tinygrad_gd.pictures.plot.surfaces import _leads

    points = np.array([[0.0, 9.0], [1.0, 9.0], [0.4, 9.0]])
    values, leads = _leads(predict, points)
    assert values == [0, 1] and leads.argmax(axis=1).tolist() == [0, 1, 0]
    np.testing.assert_array_equal(np.sign(leads[:, 0]), -np.sign(leads[:, 1]))


def test_leads_of_several_classes_are_over_the_best_other() -> None:
    from tinygrad_gd.pictures.plot.surfaces import _leads

    scores = np.array([[1.0, 4.0, 2.0], [5.0, 4.0, 2.0]])
    assert _leads(lambda p: scores, np.zeros((2, 2)))[1].tolist() == [[-3.0, 2.0, -2.0], [1.0, -1.0, -3.0]]


def test_regions_leave_the_model_in_training_and_record_nothing() -> None:
    net = network()
    net.train()
    asked: list[bool] = []

    class Noted(tg.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: Any) -> Any:
            asked.append(self.training or tg.is_grad_enabled())
            return self.net(x)

    noted = Noted()
    ax = tg.plot.decision_regions(noted, tg.Tensor(POINTS), np.array(["a", "b", "a", "b"]))
    assert asked == [False] and noted.training and net.training
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["a", "b"]


def test_dead_units_are_written_beside_their_layer() -> None:
    net = network()
    with tg.no_grad():
        dict(net.named_parameters())["0.bias"].assign(np.r_[-99.0, -99.0, np.ones(6)])
    ax = tg.plot.activations(tg.study.activations(net, POINTS))
    assert "2 of 8 dead" in [note.get_text() for note in ax.texts]


def test_updates_show_what_is_usual() -> None:
    assert "usual: 0.001" in drawn(tg.plot.updates({"weight": [1e-2]}))


def test_the_range_test_marks_what_it_advises() -> None:
    test = tg.lr_range_test(*line(), low=1e-3)
    marks = {line.get_label(): line.get_xdata()[0] for line in test.plot().lines}
    assert marks[f"advised: {test.lr:.4f}"] == test.lr and marks[f"blows up: {test.limit:.4f}"] == test.limit


# -- what goes wrong ---------------------------------------------------------------------------------


def test_without_matplotlib_the_error_gives_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'tg.plot needs matplotlib.*pip install "tinygrad_gd\[plot\]"'):
        tg.plot.loss([1.0])


def test_asking_for_the_room_does_not_import_matplotlib() -> None:
    code = "import sys, tinygrad_gd as tg; tg.plot.loss, tg.advise; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=Path(tg.__file__).parents[1])
    assert done.stdout.strip() == "False"


MISUSE: Table = {
    "losses": (lambda: tg.plot.loss(["a"]), TypeError, "expected a history"),
    "series": (lambda: tg.plot.gradients([1.0]), TypeError, "tg.study.Watch or a dict of lists"),
    "suffix": (lambda: tg.plot.save(tg.plot.loss([1.0]), "x.bmp"), ValueError, r"\.png, \.svg, \.pdf, got 'x.bmp'"),
    "path": (lambda: tg.plot.contour(*line(), [[1.0]]), ValueError, "the 2 numbers of the parameters, got 1"),
    "no path": (lambda: tg.plot.contour(*line(), []), ValueError, "the 2 numbers of the parameters, got 0"),
    "a loss that is computed": (lambda: tg.plot.contour(line()[0](), line()[1]), TypeError, r"contour: expected a function that computes the loss, got .*contour\(lambda: \.\.\., params\)"),
    "directions": (lambda: tg.plot.contour(*line(), directions=np.eye(3)), ValueError, "two directions of 2 numbers"),
    "span": (lambda: tg.plot.contour(*line(), span=(0, 1)), ValueError, "left, right"),
    "points": (lambda: tg.plot.decision_regions(network(), np.ones((4, 3))), ValueError, "two columns"),
    "answer": (lambda: tg.plot.decision_regions(lambda p: 3, POINTS), ValueError, "a class or scores for each"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])


def test_flow_has_a_bar_for_each_weight_and_says_where_there_is_none() -> None:
    net = network()
    net(POINTS).sum().backward()
    net.get_parameter("0.weight").grad = None
    ax = tg.plot.flow(net.flow(optimizer=tg.optim.SGD(net.parameters(), lr=0.01)))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["0.weight", "2.weight"]
    ends = [bar.get_x() + bar.get_width() for bar in ax.patches]
    assert ends[1] == pytest.approx(net.flow().weights[1].gradient) and "none" in [t.get_text() for t in ax.texts]
