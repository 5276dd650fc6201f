"""The text of programs: what a reader sees, to the letter, and that it computes the same numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.ops.columns import RNG, values, wide_network
from tests.program.steps import ROWS, network
from tests.program.texts import assert_text_takes_the_step, bits, call, of_step
from tests.samples import Sample

GOLDEN = Path(__file__).parent / "golden"


def compare(name: str, text: str) -> None:
    """Equal to the golden file; a missing one is written, to be looked at and committed."""
    path = GOLDEN / name
    if not path.exists():
        path.write_text(text)
        pytest.fail(f"{path} was missing and has been written")
    assert text == path.read_text()


def line_step() -> Any:
    x = tg.Tensor([1.0, 2.0, 3.0, 4.0, 5.0], name="x")
    y = tg.Tensor([3.0, 5.0, 7.0, 9.0, 11.0], name="y")
    weight = tg.Tensor(0.0, requires_grad=True, name="weight")
    bias = tg.Tensor(0.0, requires_grad=True, name="bias")
    optimizer = tg.optim.SGD([weight, bias], lr=0.1)

    def step() -> Any:
        error = weight * x + bias - y
        loss = (error**2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


class Network(tg.nn.Module):
    def __init__(self) -> None:
        self.hidden, self.out = tg.nn.Linear(64, 32), tg.nn.Linear(32, 10)

    def forward(self, images: Any) -> Any:
        activity = tg.relu(self.hidden(images))
        logits = self.out(activity)
        return logits


def network_step() -> Any:
    tg.manual_seed(0)
    model = Network()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    def step(images: Any, labels: Any) -> Any:
        loss = tg.nn.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def batch() -> Any:
    rng = np.random.default_rng(0)
    return rng.standard_normal((16, 64)), rng.integers(0, 10, 16)


def test_the_line_reads_as_a_teacher_would_write_it() -> None:
    step = tg.compile(line_step(), strict=True)
    for _ in range(2):
        step()
    compare("line_step.py.txt", step.source)


def test_a_network_reads_as_a_teacher_would_write_it() -> None:
    step = tg.compile(network_step(), strict=True, frozen=True)
    for _ in range(2):
        step(*batch())
    compare("network_step.py.txt", step.source)


class Dropping(tg.nn.Module):
    def __init__(self) -> None:
        self.layers = {"in": tg.nn.Linear(4, 8), "out": tg.nn.Linear(8, 1)}

    def forward(self, x: Any) -> Any:
        kept = tg.dropout(np.tanh(self.layers["in"](x)), 0.5, self.training)
        return self.layers["out"](kept)


def dropping_step() -> Any:
    tg.manual_seed(0)
    model = Dropping()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True)

    def step(x: Any, y: Any) -> Any:
        loss = tg.nn.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def test_draws_and_momentum_read_as_a_teacher_would_write_them() -> None:
    step = tg.compile(dropping_step(), strict=True, frozen=True)
    for _ in range(3):
        step(np.ones((6, 4)), np.ones((6, 1)))
    compare("dropping_step.py.txt", step.source)


def test_the_gradient_of_a_transposed_weight_is_written_and_computed_the_right_way_round() -> None:
    weight = tg.Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True, name="weight")
    x = tg.Tensor(np.ones((4, 3)))
    optimizer = tg.optim.SGD([weight], lr=0.1)

    def train() -> tg.Tensor:
        loss = tg.tanh(x @ weight.T).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    step = tg.compile(train, strict=True, frozen=True)
    for _ in range(3):
        step()
    assert "d_weight = (0.125 * (1 - t * t)).T @ x" in step.source
    assert "copy(" not in step.replay_source
    train()
    assert weight.grad is not None and weight.grad.numpy().flags.c_contiguous


def test_texts_do_not_depend_on_the_order_of_sets() -> None:
    code = ("from tests.program.test_text import *; s = tg.compile(dropping_step())\n"
            "for _ in range(3): s(np.ones((6, 4)), np.ones((6, 1)))\n"
            "print(s.source, s.replay_source, s.program, s.memory())")
    texts = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                            env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed}).stdout for seed in "12"}
    assert len(texts) == 1


def test_the_replay_is_text_too() -> None:
    step = tg.compile(line_step(), strict=True, frozen=True)
    for _ in range(2):
        step()
    compare("line_replay.py.txt", step.replay_source)


def test_the_same_program_gives_the_same_text() -> None:
    texts = set()
    for _ in range(2):
        step = tg.compile(network_step(), strict=True)
        for _ in range(2):
            step(*batch())
        texts.add(step.source)
    assert len(texts) == 1


def test_the_text_runs_without_this_package() -> None:
    step = tg.compile(line_step(), strict=True)
    for _ in range(2):
        step()
    code = step.source + (
        "x = np.arange(1.0, 6.0); y = 2 * x + 1; weight = bias = 0.0\n"
        "for _ in range(20):\n"
        "    loss, weight, bias = step(weight, x, bias, y, 0.1)\n"
        "print(f'{loss:.4f} {weight:.4f} {bias:.4f}')\n"
        "import sys; assert 'tinygrad_gd' not in sys.modules\n")
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "8036431.8320 -1083.0719 -299.7717"  # the tutorial's 20th epoch


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_text_of_every_primitive_runs(row: Sample) -> None:
    if row.name == "sparse_product":
        pytest.skip("texts need NumPy only, and SciPy's matrices are refused")
    leaves = [tg.Tensor(x, requires_grad=True) for x in row.inputs]
    optimizer = tg.optim.SGD(leaves, lr=1e-3)

    def step() -> Any:
        out = row.call(*leaves)
        loss = (out * out).sum()
        optimizer.zero_grad()
        if loss.requires_grad:
            loss.backward()
        optimizer.step()
        return loss

    run = tg.compile(step, strict=True, frozen=True)
    for _ in range(2):
        run()
    assert_text_takes_the_step(run)


def test_a_text_that_draws_has_a_generator_of_its_own() -> None:
    x = tg.Tensor(np.linspace(0.5, 1.5, 1000))  # no two draws have the same mean
    run = tg.compile(lambda: tg.dropout(x, 0.5).mean(), strict=True)
    for _ in range(2):
        run()
    draws = []
    for _ in range(2):
        space: dict[str, Any] = {}
        exec(run.source, space)
        draws += call(space[run.captured.name], run.captured)
    assert draws[0] != draws[1] and 0.8 < draws[0] < 1.2


def test_source_of_a_recorded_loss() -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    y = 2 * x + 1
    w, b = (tg.Tensor(0.0, requires_grad=True, name=n) for n in "wb")
    loss = ((w * x + b - y) ** 2).mean()
    compare("line_gradient.py.txt", tg.source(loss, wrt=[w, b], check=True))


def test_source_checks_itself() -> None:
    wrong = tg.primitive(lambda x: x * x, lambda g, out, x: g * x, name="wrong_square")
    w = tg.Tensor(3.0, requires_grad=True)
    assert "def gradient" in tg.source(wrong(w), check=True)  # text and backward agree, both wrong


def test_source_refuses_what_has_no_gradient() -> None:
    w, v = tg.Tensor([1.0, 2.0], requires_grad=True, name="w"), tg.Tensor(1.0, requires_grad=True, name="v")
    with pytest.raises(tg.GradError, match="one element"):
        tg.source(w * 2)
    with pytest.raises(tg.GradError, match="not recorded"):
        tg.source(tg.Tensor(1.0))
    with pytest.raises(tg.GradError, match=r"does not depend on 'v'"):
        tg.source(w.sum(), wrt=[w, v])


def test_latex_of_the_line() -> None:
    x = np.array([1.0, 2.0])
    w = tg.Tensor(0.5, requires_grad=True, name="w")
    assert tg.latex(((w * x) ** 2).sum()) == (
        "\\begin{aligned}\n"
        "L &= \\sum \\left(w \\, x\\right)^{2} \\\\\n"
        "\\frac{\\partial L}{\\partial w} &= \\sum 2 \\, w \\, x^{2}\n"
        "\\end{aligned}")


@pytest.mark.parametrize(("formula", "expected"), [
    (lambda x, y: x**3, [r"x^{3}", r"3 \, x^{2}"]),
    (lambda x, y: (x - y) ** 5, [r"\left(x - y\right)^{5}", r"5 \, \left(x - y\right)^{4}"]),
    (lambda x, y: x * x * y * x, [r"x^{2} \, y \, x", r"x^{2} \, y + x \, y \, x + x \, y \, x"]),
    (lambda x, y: tg.sin(x * x), [r"\sin\left(x^{2}\right)", r"2 \, \cos\left(x^{2}\right) \, x"])])
def test_latex_of_powers(formula: Any, expected: list[str]) -> None:
    x, y = (tg.Tensor(v, requires_grad=True, name=n) for v, n in ((2.0, "x"), (0.5, "y")))
    first, second = tg.latex(formula(x, y), wrt=[x]).splitlines()[1:3]
    assert [first.removeprefix("L &= ").removesuffix(r" \\"), second.rpartition("&= ")[2]] == expected


def test_helpers_are_printed_without_annotations() -> None:
    x = tg.Tensor(np.arange(16.0).reshape(1, 1, 4, 4), requires_grad=True)
    text = tg.source(tg.max_pool2d(x, 2).sum(), wrt=[x])
    assert "def max_pool2d(" in text and "Any" not in text


def test_gradients_that_are_there_already_do_not_change_the_text() -> None:
    x = np.arange(1.0, 6.0)
    w, b = (tg.Tensor(0.0, requires_grad=True, name=name) for name in "wb")
    loss = ((w * x + b) ** 2).mean()
    before = tg.source(loss, wrt=[w, b], check=True)
    loss.backward()
    assert tg.source(loss, wrt=[w, b], check=True) == before
    assert (w.grad.item(), b.grad.item()) == (0.0, 0.0)


def test_the_source_computes_what_the_step_computes() -> None:
    step, tensors = network({}, "cross_entropy")()
    run = tg.compile(step, strict=True)
    for _ in range(3):
        run()
    assert len(run.captured.writes) == len(tensors)
    assert_text_takes_the_step(run)


def test_text_is_not_written_of_what_a_graph_does_not_hold() -> None:
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(tg.CaptureError, match=r"custom rule, a sparse matrix or a checkpoint.*tg\.compile\(tg\.value_and_grad"):
        tg.source(tg.checkpoint(lambda v: np.sin(v) ** 2)(x).sum())


def test_the_text_is_what_was_computed() -> None:
    model, x, y = wide_network(256, 128, 10), tg.Tensor(values(32, 256), name="x"), RNG.integers(0, 10, 32)
    loss = tg.nn.functional.cross_entropy(model(x), y)
    text = tg.source(loss, wrt=list(model.parameters()), check=True)  # to the last bit
    assert ".T).T" in text


def formulas(loss: Any) -> list[str]:
    return tg.latex(loss).replace(" \\\\", "").splitlines()[1:-1]


W, X = (tg.Tensor([1.0, 2.0], requires_grad=True, name="w"), np.array([3.0, 4.0]))
MATRIX, LEVEL = np.array([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]]), np.array([1.0, 0.0, 2.0])

#: An expression, the parameters and the derivative in its source, and its formulas.
READ: dict[str, tuple[Any, str, str, list[str]]] = {
    "a sum": (lambda: (W * X).sum(), "(w, X)", "X", [r"L &= \sum w \odot X", r"\frac{\partial L}{\partial w} &= X"]),
    "a product of vectors": (lambda: W @ X, "(w, X)", "X", [r"L &= w \, X", r"\frac{\partial L}{\partial w} &= X"]),
    "from the left": (lambda: X @ W, "(w, X)", "X", [r"L &= X \, w", r"\frac{\partial L}{\partial w} &= X"]),
    "np.dot": (lambda: np.dot(W, X), "(w, X)", "X", [r"L &= w \, X", r"\frac{\partial L}{\partial w} &= X"]),
    "a line of matrices": (
        lambda: ((MATRIX @ W - LEVEL) ** 2).sum(), "(w, MATRIX, LEVEL)", "d_w",
        [r"L &= \sum \left(\mathrm{MATRIX} \, w - \mathrm{LEVEL}\right)^{2}",
         r"\frac{\partial L}{\partial w} &= \mathrm{MATRIX}^{\top} \, 2 \, \left(\mathrm{MATRIX} \, w - \mathrm{LEVEL}\right)"]),
    "without a name": (lambda: (W * np.array([9.0, 8.0])).sum(), "(w, array_1)", "array_1",
                       [r"L &= \sum w \odot c_{1}", r"\frac{\partial L}{\partial w} &= c_{1}"]),
    "detached": (lambda: (W * W.detach()).sum(), "(w, w_2)", "w_2",
                 [r"L &= \sum w \odot w_{2}", r"\frac{\partial L}{\partial w} &= w_{2}"]),
    "numbers": (lambda: (W * 2.5).sum(), "(w)", "d_w",
                [r"L &= \sum 2.5 \, w", r"\frac{\partial L}{\partial w} &= 2.5 \, \mathbf{1}"]),
    "a mean": (lambda: W.mean(), "(w)", "d_w", [r"L &= \frac{1}{2} \sum w", r"\frac{\partial L}{\partial w} &= 0.5"]),
}


@pytest.mark.parametrize("case", READ)
def test_data_have_their_own_names_in_source_and_formula(case: str) -> None:
    build, parameters, derivative, expected = READ[case]
    loss = build()
    text = tg.source(loss, check=True)
    assert f"def gradient{parameters}:" in text and text.rstrip().endswith(f"return loss, {derivative}")
    assert formulas(loss) == expected


def test_every_symbol_stands_for_one_thing() -> None:
    first, second = (tg.Tensor(v, requires_grad=True) for v in (2.0, 3.0))
    unnamed = [first, second]
    del first, second
    value, *derivatives = formulas(unnamed[0] * unnamed[1])
    assert value == r"L &= p_{1} \, p_{2}"
    assert derivatives == [r"\frac{\partial L}{\partial p_{1}} &= p_{2}", r"\frac{\partial L}{\partial p_{2}} &= p_{1}"]


def _room(x: Any) -> Any:
    return x + 1


def _larger(x: Any) -> Any:
    room = _room(x)
    return room * 2


def test_a_variable_of_a_helper_may_bear_the_name_of_another_helper() -> None:
    larger = tg.primitive(_larger, lambda g, out, x: g * 2, name="larger_of_test", atomic=True)
    x = tg.Tensor(2.0, requires_grad=True)
    text = tg.source(larger(x), wrt=[x])
    space: dict[str, Any] = {}
    exec(text, space)
    assert space["gradient"](np.array(2.0))[0] == 6, text


def test_arrays_that_nobody_names_are_written_as_what_they_are() -> None:
    scores = tg.Tensor(np.linspace(-1, 1, 12).reshape(4, 3), requires_grad=True, name="scores")
    labels = np.array([2, 0, 1, 1])
    x = np.linspace(0, 1, 24).reshape(6, 4)
    loss = -scores[np.arange(4), labels].mean() + (np.eye(3) @ scores.T).sum() * 0.3
    loss = loss + (np.eye(3)[labels] * scores).sum() + (x @ scores).mean() + (x[2:5].T @ scores.T).sum()
    loss = loss + (x.T[:, :3] * scores).sum()
    text = tg.source(loss, wrt=[scores], check=True)
    assert "def gradient(scores, labels, x):" in text, text
    assert "one_hot = np.eye(3)[labels]" in text and "x.T[:, 2:5]" in text and "x.T[:, :3]" in text
    assert "scores[np.arange(4), labels]" in text and "np.eye(3) @" in text and "np.float64" not in text


def test_indices_labels_and_masks_without_a_name_are_called_what_they_are() -> None:
    table, weight = (tg.Tensor(np.full(shape, 0.7), requires_grad=True, name=name)
                     for name, shape in (("table", (5, 3)), ("weight", (4, 3))))
    rows = np.where(tg.Tensor(np.eye(3, dtype=bool)), table[tg.Tensor(np.array([3, 1, 1]))], 0.0)
    loss = tg.nn.cross_entropy(rows @ weight.T, tg.Tensor(np.array([2, 0, 3])))
    text = tg.source(loss, wrt=[table, weight], check=True)
    assert "def gradient(table, weight, index, mask, labels):" in text, text
    assert "np.where(mask, table[index], 0.0)" in text and "labels[:, None] ==" in text


def test_a_state_keeps_its_shape_and_dtype() -> None:
    half, row, rate = (tg.Tensor(np.ones(shape, dtype), name=name) for shape, dtype, name in (
        ((2, 3), np.float32, "half"), ((2, 3), np.float64, "row"), ((), np.float32, "rate")))

    def step(x: Any) -> Any:
        half.assign(0.5)
        row.assign(x[0])
        total = half.sum() + row.sum()
        half.__isub__(x)
        rate.assign(x.sum())
        return total, half * rate

    compiled = tg.compile(step, frozen=True)
    for k in range(4):
        x = tg.Tensor(np.linspace(k, 1, 6).reshape(2, 3))
        compiled(x)
    program = compiled.captured
    got = of_step(compiled)
    expected = [*step(program.inputs[0].tensor), *(state.tensor for state, _ in program.writes)]
    assert [bits(a) for a in got] == [bits(b.numpy()) for b in expected], compiled.source


@pytest.mark.parametrize("frozen", [False, True])
def test_a_check_of_what_is_always_the_same_is_left_out(frozen: bool) -> None:
    positions = tg.nn.Embedding(3, 2)
    step = tg.compile(lambda x: x + positions(np.arange(3)), frozen=frozen)
    for _ in range(3):
        step(np.ones((4, 3, 2)))
    assert "weight[np.arange(3)]" in step.source


def test_sums_of_what_is_made_of_a_gradient_have_its_bits() -> None:
    tg.manual_seed(0)
    net = tg.nn.Conv1d(5, 4, 3)

    def step(x: Any) -> Any:
        net.zero_grad()
        (net(x) ** 2).sum().backward()
        return tg.optim.clip_grad_norm_(net.parameters(), 1.0)

    compiled = tg.compile(step, frozen=True)
    for k in range(7):
        x = tg.Tensor(np.random.default_rng(k).normal(size=(6, 5, 9)).astype(np.float32))
        compiled(x)
        program = compiled.captured
        norm, *_ = of_step(compiled)
        assert bits(norm) == bits(step(program.inputs[0].tensor).numpy()), compiled.source


@pytest.mark.parametrize("x", [np.float32(0.1), np.float32(0.5), np.float16(0.1), np.True_, np.int8(3)], ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_of_numpy_are_written_as_what_they_are(x: Any, dtype: Any) -> None:
    w = tg.Tensor(np.linspace(1, 2, 3).astype(dtype), requires_grad=True, name="w")
    tg.source((w * x).sum(), check=True)
