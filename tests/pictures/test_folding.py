"""Folding: what repeats is drawn once, modules are boxes, everything fits the page and nothing is lost."""

from __future__ import annotations

import cProfile
import gc
import re
import time
from itertools import repeat
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.pictures.drawings import (
    Block,
    Normalize,
    Transformer,
    chain,
    convolutions,
    expression,
    fixed,
    neuron,
    one_block,
    perceptron,
    recurrent,
    rows,
    six_blocks,
    steps,
    transformer,
    two_thousand_scalars,
)
from tinygrad_gd.pictures import draw
from tinygrad_gd.pictures.boxes import _Ids
from tinygrad_gd.pictures.captions import caption
from tinygrad_gd.pictures.folding import LAST, LIMIT, PAGE
from tinygrad_gd.pictures.recording import recording_of
from tinygrad_gd.pictures.render import RenderError
from tinygrad_gd.pictures.repeats import runs_of
from tinygrad_gd.pictures.tree import regions_of, tree_of
from tinygrad_gd.pictures.views import Units

SIZES = {perceptron: (294, 321), convolutions: (336, 717), one_block: (829, 1758), six_blocks: (900, 2000),
         recurrent: (600, 900), two_thousand_scalars: (450, 1000)}


def size(drawing: Any) -> tuple[float, float]:
    found = re.search(rb'width="([\d.]+)pt" height="([\d.]+)pt"', drawing.render("svg", engine="bundled"))
    assert found
    return float(found[1]), float(found[2])


@pytest.mark.parametrize("build", SIZES)
def test_pictures_are_small(build: Any) -> None:
    width, height = size(build())
    assert width <= SIZES[build][0] and height <= SIZES[build][1]


def covered(drawing: Any) -> list[int]:
    """All operations that a drawing's boxes stand for, views included."""
    return sorted(i for n in drawing.graph.nodes for host in n.places for i in drawing.graph.units.members(host))


@pytest.mark.parametrize("build", [*SIZES, expression, neuron])
def test_nothing_is_lost(build: Any) -> None:
    drawing = build()
    assert covered(drawing) == list(range(len(drawing.graph.recording.outs)))
    unfolded = draw(drawing.graph.recording.at(drawing.graph.recording.root), fold=False)
    assert covered(unfolded) == covered(drawing) and not unfolded.graph.folded
    assert all(len(n.places) == 1 for n in unfolded.graph.nodes)


def test_of_a_loop_the_first_the_last_and_how_many_between() -> None:
    drawing = recurrent()
    assert [f.title for f in drawing.graph.frames] == ["step 0"]
    (between,) = (n for n in drawing.graph.nodes if n.times > 1)
    assert (between.title, between.word, between.times) == ("x 18", "steps 1 .. 18", 18)
    assert between.expression == "tanh(_@W_x + _@W_h + b_h)" and len(between.sizes) == 18
    text = str(drawing).splitlines()
    assert text[0].startswith("step 0   tanh(_@W_x + _@W_h + b_h)  (2, 8)") and "grad" in text[0]
    assert re.match(r" x 18    same, steps 1 \.\. 18 +\(2, 8\) +grad 7\.6e-04 \S{18} 0\.5743", text[1])
    assert text[-2] == "129 nodes, 4 parameters, 112 numbers; steps 1 .. 18, step 19 folded: fold=False shows all"
    inside = [n for n in drawing.graph.nodes if n.cluster == 0]
    assert [n.word or n.title for n in inside] == ["matmul", "matmul", "add", "add", "tanh"]


def test_what_is_called_the_same_is_the_same() -> None:
    """The middle steps do the operations of the first, in order."""
    drawing = recurrent()
    labels = drawing.graph.units.labels
    first = [labels[i] for n in drawing.graph.nodes if n.cluster == 0 for i in n.places]
    (between,) = (n for n in drawing.graph.nodes if n.times > 1)
    assert [labels[i] for i in between.places] == first * 18


@pytest.mark.parametrize(("blocks", "boxes", "said"), [
    (3, ["blocks.1", "blocks.2"], "blocks.1, blocks.2"), (4, ["blocks.1", "blocks.2", "blocks.3"], "blocks.1, blocks.2, blocks.3"),
    (6, ["blocks.1", "x 3", "blocks.5"], "blocks.1, blocks.2 .. blocks.4, blocks.5")])
def test_no_box_straddles_two_blocks(blocks: int, boxes: list[str], said: str) -> None:
    drawing = draw(transformer(blocks))
    width, height = size(drawing)
    assert width <= 900 and height <= 2000
    assert f"; {said} folded: fold=False shows all" in str(drawing)
    names = drawing.graph.recording.names
    for n in drawing.graph.nodes:
        sources = {s for i in n.places for s in drawing.graph.units.sources[i] if s < 0}
        blocks = {re.sub(r"(blocks\.\d).*", r"\1", names[s]) for s in sources if "blocks" in names.get(s, "")}
        assert len(blocks) <= 1 or n.times == len(blocks)
    titles = [n.title for n in drawing.graph.nodes if n.kind in ("module", "many")]
    assert titles == boxes


class Pair(tg.nn.Module):
    """Two equal modules and one of the same class that does something else."""

    def __init__(self) -> None:
        self.first, self.second, self.wider = Normalize(4), Normalize(4), Normalize(8)

    def forward(self, x: Any) -> Any:
        x = self.second(self.first(x))
        return self.wider(np.concatenate([x, x], axis=-1))


def test_what_is_equal_is_open_once_and_only_where_something_must_be_folded() -> None:
    x = np.random.default_rng(0).normal(size=(2, 4))
    whole = [f.title for f in draw(Pair(), x).graph.frames]
    drawing = draw(Pair(), x, page=(900, 1700))
    assert whole == ["Pair", "first", "second", "wider"]
    assert [f.title for f in drawing.graph.frames] == ["Pair", "first", "wider"]
    assert [(n.title, n.word) for n in drawing.graph.nodes if n.kind == "module"] == [("second", "Normalize")]
    assert "; 1 module folded: fold=False shows all" in str(drawing)
    chosen = draw(Pair(), x, page=(900, 1700), fold="first")  # what the user closed shows nothing
    assert [f.title for f in chosen.graph.frames] == ["Pair", "second", "wider"]


def test_the_default_page_is_900_to_2400_points() -> None:
    assert PAGE == (900, 2400)
    assert draw(fixed(Transformer(6)), np.zeros((2, 8, 32)), page=PAGE).render("dot") == draw(
        fixed(Transformer(6)), np.zeros((2, 8, 32))).render("dot")


def test_lines_have_names_that_no_module_has() -> None:
    """The modules are n1 and n2, as unnamed results would be."""
    drawing = draw(fixed(Transformer(6)), np.random.default_rng(0).normal(size=(2, 8, 32)))
    lines = [line.partition("  ")[0] for line in map(str.strip, str(drawing).splitlines()) if "  " in line]
    assert lines.count("n2") == 1 and "n3" in lines
    assert len(set(lines)) == len(lines) > 30


class Affine(tg.nn.Module):
    def forward(self, x: Any) -> Any:
        return x * 2 + 1


def test_no_module_is_called_like_a_number_where_it_is_used() -> None:
    text = str(draw(tg.nn.Sequential(Affine(), Affine()), np.ones(8)))
    assert re.search(r"^ *Affine_1  +x:2\*2 \+ 1 ", text, re.M)


class Nested(tg.nn.Module):
    def __init__(self, depth: int) -> None:
        self.inner: Any = Nested(depth - 1) if depth else Affine()

    def forward(self, x: Any) -> Any:
        return np.tanh(self.inner(x)) + 1


def test_headings_stand_before_what_is_in_them() -> None:
    lines = str(draw(Nested(3), np.ones(8), fold=False)).splitlines()
    headings = [line.partition(":")[0] for line in lines if re.match(r" *\w+: ", line)]
    assert headings == ["Nested", "  inner", "    inner", "      inner"]


def test_of_very_many_inputs_of_one_operation_their_number_is_said() -> None:
    few, many = ([tg.Tensor(float(k), requires_grad=True, name=f"x{k}") for k in range(count)] for count in (12, 500))
    told = {len(xs): draw(np.stack(xs).sum()) for xs in (few, many)}
    assert [row.name for row in told[12].graph.nodes[0].rows] == [f"x{k}" for k in range(12)]
    assert [(row.name, row.text) for row in told[500].graph.nodes[0].rows] == [("500 parameters", "500 numbers")]
    assert "; inputs folded: fold=False shows all" in str(told[500]) and not told[12].graph.folded
    assert size(told[500])[1] < 200
    whole = draw(np.stack(many).sum(), fold=False)
    assert len(whole.graph.nodes[0].rows) == 500 and not whole.graph.folded


def test_watched_modules_are_boxes() -> None:
    x = np.random.default_rng(0).normal(size=(2, 8, 32))
    drawing = draw(fixed(Transformer(6)), x)
    frames = [(f.title, f.word, f.note) for f in drawing.graph.frames]
    assert frames == [("Transformer", "Transformer", "76,554 numbers"), ("blocks.0", "Block", "12,704 numbers"),
                      ("n1", "Normalize", "64 numbers")]
    boxes = [(n.title, n.word, n.times) for n in drawing.graph.nodes if n.kind in ("module", "many")]
    assert boxes == [("n2", "Normalize", 1), ("4 more Block", "blocks.1 .. blocks.4", 4),
                     ("blocks.5", "Block", 1)]
    width, height = size(drawing)
    assert width <= 900 and height <= 2000
    shallow = draw(fixed(Transformer(6)), x, depth=1)
    assert [n.title for n in shallow.graph.nodes] == [*(f"blocks.{k}" for k in range(6)), "linear"]
    chosen = draw(fixed(Transformer(1)), x, fold=["blocks.0.n2"])
    assert [n.title for n in chosen.graph.nodes if n.kind == "module"] == ["n2"]
    by_class = draw(fixed(Transformer(1)), x, fold="Normalize")
    assert [n.title for n in by_class.graph.nodes if n.kind == "module"] == ["n1", "n2"]
    with pytest.raises(tg.OptionError, match=r"no module 'n3'; there are .*blocks\.0\.n1"):
        draw(fixed(Transformer(1)), x, fold=["n3"])


class Cell(tg.nn.Module):
    def __init__(self) -> None:
        self.mix, self.out = tg.nn.Linear(8, 6), tg.nn.Linear(6, 1)

    def forward(self, xs: Any) -> Any:
        h = np.zeros((3, 6))
        for x in xs:
            h = np.tanh(self.mix(np.concatenate([x, h], axis=1)))
        return self.out(h)


def test_a_loop_over_a_tensor_is_a_loop() -> None:
    drawing = draw(Cell(), np.ones((30, 3, 2)), page=(900, 700))
    (between,) = (n for n in drawing.graph.nodes if n.times > 1)
    assert between.times == 28 and between.word == "steps 1 .. 28"


def test_operations_know_their_line_and_the_users_name() -> None:
    def computes(x: Any) -> Any:
        squared = x * x
        return np.sqrt(squared + 1)

    drawing = draw(computes, np.ones(3))
    assert [(n.title, n.word) for n in drawing.graph.nodes] == [("squared", "multiply"), ("_ + 1", ""), ("sqrt", "")]
    line = computes.__code__.co_firstlineno
    assert [n.line for n in drawing.graph.nodes] == [f"{__file__}:{line + 1}"] + [f"{__file__}:{line + 2}"] * 2
    assert f"test_folding.py:{line + 1}" in str(drawing) and f"test_folding.py:{line + 1}" in drawing.dot.source
    assert "x*x" in str(drawing)


def test_what_was_watched_is_drawn_with_its_modules() -> None:
    net = tg.nn.Sequential(tg.nn.Conv2d(1, 2, 3), tg.nn.ReLU(), tg.nn.Conv2d(2, 2, 3))
    with tg.study.watch():
        loss = net(np.ones((1, 1, 6, 6))).sum()
    assert [f.word for f in draw(loss).graph.frames] == ["Sequential", "Conv2d", "Conv2d"]
    assert not draw(net(np.ones((1, 1, 6, 6))).sum()).graph.frames


def test_a_detached_part_of_a_run_is_drawn() -> None:
    def computes(x: Any) -> Any:
        return (x * 2).detach() + 1

    assert [(e.source, e.target) for e in draw(computes, np.ones(2)).graph.edges] == [("2-x", "1")]


def test_a_function_that_differentiates_is_drawn_with_its_backward_pass() -> None:
    def trains(x: Any) -> Any:
        w = tg.Tensor(np.ones((3, 1)), requires_grad=True, name="w")
        loss = ((x @ w) ** 2).mean()
        loss.backward()
        return loss

    drawing = draw(trains, np.ones((4, 3)))
    assert [f.title for f in drawing.graph.frames] == ["forward pass", "backward pass"]
    assert {n.phase for n in drawing.graph.nodes} == {"", "backward"} and not drawing.graph.newer
    gradient = draw(tg.grad(lambda x: np.tanh(x * x).sum()), np.ones(3))
    assert [f.title for f in gradient.graph.frames] == ["forward pass", "backward pass"]
    assert "positive" not in str(gradient) and rows(gradient)["x"].kind == "input"


def test_a_run_may_begin_in_a_graph() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    before = np.exp(w * 3)

    def ends(x: Any) -> Any:
        loss = (before * x).sum()
        loss.backward()
        return loss

    drawing = draw(ends, np.ones(2))
    forward = [n for n in drawing.graph.nodes if n.phase != "backward"]
    assert [n.word or n.title for n in forward] == ["multiply", "sum"] and forward[0].grad == "1.4142"
    assert rows(drawing)["before"].kind == "param" and rows(drawing)["before"].grad == "1.4142"


def test_too_many_boxes_are_refused_with_advice() -> None:
    drawing = draw(chain(LIMIT + 1), fold=False)
    with pytest.raises(RenderError, match=r"2,001 boxes are too many .*2,000 are the most: leave out fold=False.*focus=.*last="):
        drawing.render("svg")
    assert len(drawing.render("json")) > 100_000 and "earlier lines" in str(drawing)


def test_names_of_several_lines_of_one_module_differ() -> None:
    text = str(draw(tg.nn.LSTM(3, 4), np.ones((2, 5, 3))))
    names = [line.split()[0] for line in text.splitlines() if "lstm(" in line or "stack(" in line or "linear(" in line]
    assert len(names) > 2 and len(set(names)) == len(names)


def test_a_compiled_step_shows_forward_backward_and_update() -> None:
    net = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.Tanh(), tg.nn.Linear(4, 2))
    optimizer = tg.optim.SGD(net.parameters(), lr=0.1)

    @tg.compile
    def step(x: Any, y: Any) -> Any:
        loss = tg.nn.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(3):
        step(np.ones((5, 3)), np.ones((5, 2)))
    drawing = draw(step, page=(3000, 3000))
    assert [f.title for f in drawing.graph.frames if f.around < 0] == ["forward pass", "backward pass", "update pass"]
    assert {n.phase for n in drawing.graph.nodes} == {"forward", "backward", "update"}
    titles = {n.title for n in drawing.graph.nodes if n.kind == "loss"}
    assert {"loss", "new 0.weight", "new 2.bias"} <= titles
    assert b"</svg>" in drawing.render("svg") and "new 0.weight" in str(drawing)
    assert drawing.dot.source == draw(step, page=(3000, 3000)).dot.source
    assert draw(step.program).graph.total > 10


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("name", ["line", "perceptron", "convolutions", "blocks"])
def test_a_compiled_step_fits_its_page(name: str, optimizer: str) -> None:
    """Columns of passes stand side by side; the update is folded first, then modules, then passes."""
    drawing = draw(compiled(name, optimizer))
    width, height = (float(x) for x in re.search(rb'width="([.\d]+)pt" height="([.\d]+)pt"', drawing.render("svg")).groups())  # type: ignore[union-attr]
    assert width <= 900 and height <= 2400 and len(drawing.graph.nodes) >= 8
    kept = [f.title for f in drawing.graph.frames if f.kind == "pass"]
    assert kept == ["forward pass", "backward pass", "update pass"][: len(kept)] and kept
    assert {b.title for b in drawing.graph.nodes if b.title.endswith(" pass")} == {"backward pass", "update pass"} - {*kept}
    ids = [n.id for n in drawing.graph.nodes]
    assert len(set(ids)) == len(ids)


def compiled(name: str, optimizer: str) -> Any:
    """A compiled step that was called often enough to have a program."""
    rng = np.random.default_rng(0)
    w, b = (tg.Tensor(0.0, requires_grad=True, name=n) for n in "wb")
    model = {"line": None, "perceptron": tg.nn.Sequential(tg.nn.Linear(64, 32), tg.nn.ReLU(), tg.nn.Linear(32, 10)),
             "convolutions": tg.nn.Sequential(tg.nn.Conv2d(1, 8, 3), tg.nn.ReLU(), tg.nn.MaxPool2d(2), tg.nn.Conv2d(8, 16, 3),
                                              tg.nn.ReLU(), tg.nn.Flatten(), tg.nn.Linear(64, 10)),
             "blocks": tg.nn.Sequential(Block(), Block())}[name]
    shape = {"line": (5,), "perceptron": (32, 64), "convolutions": (32, 1, 10, 10), "blocks": (2, 8, 32)}[name]
    update = getattr(tg.optim, optimizer)([w, b] if model is None else list(model.parameters()), lr=0.01)

    @tg.compile
    def step(x: Any) -> Any:
        out = w * x + b if model is None else model(x)
        loss = (out**2).mean() if out.ndim != 2 else tg.nn.cross_entropy(out, np.arange(32) % 10)
        update.zero_grad()
        loss.backward()
        update.step()
        return loss

    for _ in range(3):
        step(rng.normal(size=shape))
    return step


def test_a_pass_of_a_compiled_step_is_a_heading_and_tells_its_modules_apart() -> None:
    lines = str(draw(compiled("perceptron", "Adam"))).splitlines()[:-1]
    assert [line.split("  ")[0].strip() for line in lines if " pass" in line.split("  ")[0]] == [
        "forward pass:", "backward pass:", "update pass"]
    names = [line.split("  ")[1].strip() for line in lines if line.startswith("  ")]
    assert {"Linear_0", "Linear_2", "Linear_0 backward", "Linear_2 backward"} <= {*names} and len({*names}) == len(names)
    assert "maximum(Linear_0, 0)" in str(draw(compiled("perceptron", "Adam")))


def test_what_a_region_of_the_reverse_pass_makes_is_counted() -> None:
    (two, one, zero) = (n for n in draw(compiled("perceptron", "SGD")).graph.nodes if n.title.endswith(" backward"))
    assert (two.title, two.shape, one.shape, zero.shape) == ("2 backward", "3 results", "(32, 32)", "2 results")
    assert not two.expression and "_ > 0" in one.expression


def test_no_number_is_away_from_what_it_counts() -> None:
    graph = draw(compiled("convolutions", "Adam")).graph
    graph.folded = ["backward pass", "update pass", "3 modules"]
    assert caption(graph)[1:] == ["backward pass, update pass, 3 modules", "folded: fold=False shows all"]


def test_what_is_laid_out_too_large_is_folded_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Estimates are wrong by a third for what is tangled; where there is no engine they are all there is."""
    wide = {seed: (drawing, drawing.size) for seed in range(250, 290) for drawing in [draw(tangle(seed))]}
    misfits = [size for _, size in wide.values() if size is None or size[0] > PAGE[0] or size[1] > PAGE[1]]
    assert len(misfits) <= 4 and sum(bool(drawing.graph.folded) for drawing, _ in wide.values()) > 10
    step = compiled("convolutions", "SGD")
    graph = draw(step).graph
    assert graph.extent is not None and graph.extent.width > PAGE[0]  # by estimate only
    monkeypatch.setattr("tinygrad_gd.pictures.drawing.Drawing.size", None)
    assert len(draw(step).graph.nodes) < len(graph.nodes)
    for seed in (257, 264):
        graph = draw(tangle(seed)).graph
        assert graph.extent is not None and graph.extent.width <= PAGE[0] and len(graph.nodes) > len(wide[seed][0].graph.nodes)


def test_what_is_read_from_left_to_right_has_a_page_across() -> None:
    step, blocks = compiled("perceptron", "Adam"), six_blocks().graph.recording.outs[-1]
    for drawing in (draw(step, rankdir="LR"), draw(blocks, rankdir="LR"), draw(blocks, rankdir="RL")):
        assert drawing.size is not None and 900 < drawing.size[0] <= 2400 and drawing.size[1] <= 900
        assert len(drawing.graph.nodes) > 10
    assert len(draw(step, rankdir="LR", page=PAGE).graph.nodes) < len(draw(step, rankdir="LR").graph.nodes)


def test_small_pictures_are_not_laid_out_before_they_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinygrad_gd.pictures.drawing.Drawing.laid_out", None)
    assert "loss" in str(perceptron()) and "step 19" in str(recurrent())


def test_ids_differ_also_where_words_end_in_numbers() -> None:
    ids = _Ids()
    made = [ids.of(text) for text in ("0", "0 2", "0", "0", "0 2", "", "")]
    assert made[:2] == ["0", "0-2"] and len(set(made)) == len(made)


def test_equal_siblings_and_chains_are_one_box() -> None:
    drawing = two_thousand_scalars()
    titles = [n.title for n in drawing.graph.nodes]
    assert "multiply x 648" in titles and "multiply x 72" in titles and drawing.graph.total == 2010
    (sums,) = (n for n in drawing.graph.nodes if n.title == "add x 612")
    assert sums.word == "in chains of 17" and len(sums.sizes) == 612
    assert str(drawing).splitlines()[-1].startswith("2,010 nodes, 415 parameters; equal operations folded")
    (only,) = draw(chain(5_000)).graph.nodes
    assert (only.title, only.times) == ("_ + 1 x 5,000", 5_000)


def test_what_does_not_go_on_from_one_to_the_next_is_no_loop() -> None:
    x = tg.Tensor(np.ones(4), requires_grad=True, name="x")
    apart = np.stack([np.tanh(np.exp(x * float(k))) for k in range(12)])
    drawing = draw(apart, page=(900, 300))
    assert [(n.title, n.times) for n in drawing.graph.nodes] == [
        ("multiply x 12", 12), ("exp x 12", 12), ("tanh x 12", 12), ("apart", 1)]
    together = x
    for k in range(12):
        together = np.tanh(np.exp(together * float(k)))
    assert [n.title for n in draw(together, page=(900, 400)).graph.nodes if n.times > 1] == ["x 10"]


def test_numbers_that_differ_are_not_in_the_title() -> None:
    x = tg.Tensor(1.0, requires_grad=True)
    for k in range(200):
        x = x * (1.0 + k / 1e3)
    (only,) = draw(x).graph.nodes
    assert only.title == "multiply x 200"


def test_the_page_decides() -> None:
    loss = steps(6)
    assert not draw(loss).graph.folded
    assert draw(loss, page=(900, 500)).graph.folded == ["step 0", "steps 1 .. 4", "step 5"]
    assert len(draw(loss, page=(900, 400)).graph.nodes) < len(draw(loss, page=(900, 800)).graph.nodes)


def test_runs_are_found_by_their_rhythm() -> None:
    assert runs_of([1, 2, 1, 3, 1, 2, 1, 3, 1, 2, 1, 3, 1, 2, 1, 3])[0] == (0, 4, 4)
    assert runs_of([1, 2, 3, 4, 5]) == [] and runs_of([1, 1]) == [] and runs_of([7, 7, 7])[0] == (0, 1, 3)


def test_modules_that_do_one_thing_are_no_boxes() -> None:
    with tg.study.watch():
        out = tg.nn.Sequential(tg.nn.Linear(2, 2), tg.nn.ReLU(), tg.nn.Linear(2, 2))(np.ones((1, 2)))
    kinds = [(depth, region.word) for depth, region in regions_of(tree_of(Units(recording_of(out))))]
    assert kinds == [(0, ""), (1, "Sequential")]
    assert [n.title for n in draw(out).graph.nodes] == ["linear", "relu", "out"]


def test_the_last_operations() -> None:
    drawing = draw(chain(100), last=4)
    assert drawing.graph.nodes[0].title == "96 earlier operations" and len(drawing.graph.nodes) == 5
    assert "96 earlier operations folded" in str(drawing) and len(drawing.graph.edges) == 4


def test_of_what_has_no_order_the_last_operations_are_drawn() -> None:
    rng = np.random.default_rng(0)
    values = [tg.Tensor(float(i), requires_grad=True) for i in range(5)]
    for _ in range(LIMIT + 1000):
        first, second = (values[k] for k in rng.integers(max(0, len(values) - 50), len(values), 2))
        values.append((np.add, np.multiply, np.subtract)[rng.integers(3)](first, second) * 0.5)
    drawing = draw(values[-1])
    assert len(drawing.graph.nodes) == LAST + 1 and drawing.graph.nodes[0].kind == "hidden"


def test_deep_graphs_are_read_in_linear_time_without_recursion() -> None:
    seconds = {}
    for n in (20_000, 200_000):
        tensor = chain(n)
        start = time.process_time()
        text = str(tensor.draw())
        seconds[n] = time.process_time() - start
        assert f"{n + 1:,} nodes, 1 parameter" in text
    assert seconds[200_000] < 30 * seconds[20_000] + 0.5


def calls(operations: int, size: int) -> int:
    """How many functions are called to draw a chain of arrays with its gradients."""
    x = tg.Tensor(np.full(size, 0.5), requires_grad=True, name="x")
    loss = sum(repeat(1.0, operations), start=x).sum()
    loss.backward()
    profile = cProfile.Profile()
    text = profile.runcall(lambda: str(loss.draw()))
    assert f"{operations + 2:,} nodes, 1 parameter" in text and f"grad {size**0.5:.4f}" in text
    return sum(entry.callcount for entry in profile.getstats())


@pytest.mark.parametrize("size", [1, 3, 20])
def test_gradients_of_deep_graphs_are_few_python_steps_for_each_operation(size: int) -> None:
    _, first, second, third = (calls(n, size) for n in (10, 2_000, 4_000, 6_000))  # the first imports
    assert third - second == pytest.approx(second - first, rel=0.01)
    assert 20 < (second - first) / 2_000 < 60


def tangle(seed: int) -> tg.Tensor:
    """A graph of operations, views, loops and equal siblings, in any order."""
    rng = np.random.default_rng(seed)
    held: list[tg.Tensor] = [tg.Tensor(rng.normal(size=(2, 3)), requires_grad=True) for _ in range(3)]
    for _ in range(rng.integers(3, 25)):
        x, y = (held[k] for k in rng.integers(max(0, len(held) - 6), len(held), 2))
        how = rng.integers(7)
        if how < 3:
            held.append((np.add, np.multiply, np.subtract)[how](x, y) * 0.5)
        elif how == 3:
            held.append(x.reshape(3, 2).T)
        elif how == 4:
            for _ in range(rng.integers(3, 9)):
                x = np.tanh(x * 0.9 + y)
            held.append(x)
        elif how == 5:
            held.append(np.stack([np.sin(x * k) for k in range(int(rng.integers(2, 6)))]).sum(axis=0))
        else:
            held.append(x[:, ::-1][..., :3] + x.T.reshape(2, 3))
    result = held[-1].sum()
    for x in held[-4:-1]:
        result = result + x.mean()
    return result


@pytest.mark.parametrize("page", [(900, 2000), (500, 700), (200, 120)])
@pytest.mark.parametrize("seed", range(40))
def test_however_it_is_folded_boxes_and_edges_are_those_of_the_graph(seed: int, page: tuple[float, float]) -> None:
    drawing = draw(tangle(seed), page=page)
    graph = drawing.graph
    assert covered(drawing) == list(range(len(graph.recording.outs)))
    box_of = {i: n.id for n in graph.nodes for host in n.places for i in graph.units.members(host)}
    taken = {(box_of[s], box_of[i]) for i, sources in enumerate(graph.recording.sources) for s in sources if s >= 0}
    assert {(e.source, e.target) for e in graph.edges} == {(a, b) for a, b in taken if a != b}
    assert len({n.id for n in graph.nodes}) == len(graph.nodes) and str(drawing)


def test_what_repeats_nowhere_is_folded_in_chains_that_fit_the_page() -> None:
    drawing = draw(transformer(2))  # the first one normalizes an array, which records nothing
    width, height = size(drawing)
    assert width <= 900 and height <= 2000 < size(draw(transformer(2), fold=False))[1]
    assert "; 3 chains of operations folded: fold=False shows all" in str(drawing)
    ways = [n for n in drawing.graph.nodes if n.title.endswith(" operations")]
    assert [(n.title, n.word) for n in ways] == [
        ("12 operations", "subtract .. add"), ("9 operations", "subtract .. linear"),
        ("13 operations", "subtract .. linear")]
    place = {n.id: k for k, n in enumerate(drawing.graph.nodes)}
    assert all(place[e.source] < place[e.target] for e in drawing.graph.edges)
    assert all(max(n.places) > max(drawing.graph.units.sources[i]) for n in ways for i in n.places)


def test_a_long_way_is_folded_from_its_longest_chains_on() -> None:
    x = tg.Tensor([0.5], requires_grad=True)
    functions = (np.tanh, np.arctan, np.sin, np.cos, np.square, np.arcsinh, np.sinc)
    one, other = x, x
    for k in np.random.default_rng(0).integers(7, size=40):
        one = functions[k](one * (0.5 + k))
    for k in range(4):
        other = functions[k](other)
    result = (one + other).sum()
    assert [n.title for n in draw(result, page=(900, 700)).graph.nodes] == [
        "tanh", "arctan", "sin", "other", "81 operations", "result"]
    assert [n.title for n in draw(result, page=(900, 300)).graph.nodes] == [
        "4 operations", "81 operations", "result"]


def test_a_graph_can_be_walked_in_three_lines() -> None:
    loss = (tg.Tensor([1.0, 2.0], requires_grad=True, name="w") ** 3).sum()
    seen, t = [], loss
    while t.op:
        seen.append((t.op.name, dict(t.params)))
        (t,) = t.inputs
    assert seen == [("sum", {"axis": None, "keepdims": False}), ("integer_power", {"n": 3})] and t.name == "w"


def test_no_garbage_is_collected_while_a_large_graph_is_drawn() -> None:
    """It would take a third of the time of a million operations."""
    seen: list[str] = []
    graph = chain(20_000)
    gc.callbacks.append(note := lambda phase, info: seen.append(phase))
    try:
        draw(graph)
    finally:
        gc.callbacks.remove(note)
    assert len(seen) <= 2 and gc.isenabled()
    with pytest.raises(TypeError):
        draw("text")
    assert gc.isenabled()


def test_a_long_chain_in_which_nothing_repeats_fits_the_page() -> None:
    y = tg.Tensor(0.5, requires_grad=True, name="x")
    for k in np.random.default_rng(0).integers(3, size=2000):
        y = (tg.sin, tg.cos, tg.tanh)[k](y)
    graph, (width, height) = draw(y).graph, size(draw(y))
    assert width <= PAGE[0] and height <= PAGE[1] and len(graph.nodes) > 1
    assert sorted(i for box in graph.nodes for i in box.places) == graph.units.shown
