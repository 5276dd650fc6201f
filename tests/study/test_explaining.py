"""Explanations: every primitive explains itself, and what is said is what the engine does."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused
from tests.samples import Sample, all_samples
from tinygrad_gd.engine.graph import nodes_of
from tinygrad_gd.study.explaining import Explanation, explain
from tinygrad_gd.study.naming import Names
from tinygrad_gd.study.reverse import steps_of
from tinygrad_gd.study.rule_text import BY_HAND, filled, rule_text

SAMPLES = all_samples()


def loss_of(row: Sample, dtype: Any = float) -> tuple[list[tg.Tensor], tg.Tensor | None]:
    """The inputs of a row as leaves, and a number made of all that it gives."""
    leaves = [tg.Tensor(x, requires_grad=True, name=f"leaf{i}", dtype=dtype) for i, x in enumerate(row.inputs)]
    made = row.call(*leaves)
    parts = [t for t in (made if isinstance(made, tuple | list) else [made]) if isinstance(t, tg.Tensor)]
    rng = np.random.default_rng(1)
    learned = [(t * rng.normal(size=t.shape).astype(dtype)).sum() for t in parts if t.requires_grad]
    total = learned[0] if learned else None
    for t in learned[1:]:
        total = total + t
    return leaves, total


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16], ids=lambda d: d.__name__)
@pytest.mark.parametrize("row", SAMPLES, ids=str)
def test_contributions_sum_to_the_gradient_to_the_bit(row: Sample, dtype: Any) -> None:
    if dtype == np.float16 and row.name not in ("add", "multiply", "matmul", "mean", "sum", "exp", "relu", "linear"):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        leaves, loss = loss_of(row, dtype)
    if loss is None:
        assert not any(p.differentiable for p in [tg.ground.registry.by_name(row.name)] if hasattr(p, "vjps"))
        return
    said = explain(loss)
    loss.backward()
    for leaf in leaves:
        sent = [s for s in said.backward if s.name == leaf.name]
        if leaf.grad is None:
            assert not sent
            continue
        total = sent[0].value
        for s in sent[1:]:
            total = total + s.value
        assert np.array_equal(total, leaf.grad.numpy(), equal_nan=True) and sent[-1].received == sent[-1].uses
        assert np.array_equal(sent[-1].total, leaf.grad.numpy(), equal_nan=True)
    text = str(said)
    assert "what the rule of" not in text, re.findall("what the rule of .*", text)
    assert "_)" not in text.replace("__", "")
    assert not re.search(r"\b(g_|out_|in\d_)", text)


def test_every_primitive_with_a_rule_is_among_the_samples() -> None:
    explained = set()
    for row in SAMPLES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, loss = loss_of(row)
        if loss is not None:
            explained |= {node.op.name for node in nodes_of(loss)}
    tables = [*tg.ground.registry.NAMES.values(), *tg.ground.registry.INTERNAL.values()]
    primitives = {p.name for p in tables if isinstance(p, tg.Primitive) and p.differentiable
                  and not str(getattr(p.function, "__module__", "")).startswith("tests.")}
    assert len(primitives) > 150 and primitives - explained <= BY_NATURE


#: Primitives that samples reach in no graph: they only stand in programs.
BY_NATURE: set[str] = set()


def found_formulas() -> Iterator[Any]:
    """Steps the formula of which is written by hand and can be computed."""
    seen = set()
    for row in SAMPLES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, loss = loss_of(row)
        for step in steps_of(loss) if loss is not None else ():
            op: Any = step.out.op
            key = op.name, step.position
            if op.name in BY_HAND and key not in seen and op.name not in ("solve", "qr", "power_log"):
                text = rule_text(step.out, step.position, step.g)
                if not re.search(r"[a-z_] (where|of|by|to|and|the|through|rows)\b|each|window|\.\.\.|\|", text):
                    seen.add(key)
                    yield pytest.param(step, text, id=f"{op.name}-{step.position}")


FORMULAS = list(found_formulas())

KNOWN = {
    "exp": np.exp, "log": np.log, "tanh": np.tanh, "where": np.where, "solve": np.linalg.solve, "pinv": np.linalg.pinv,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "softplus": lambda x: np.log1p(np.exp(x)),
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True), "onehot": lambda y: np.eye(3)[y],
    "sum": np.sum,
}


@pytest.mark.parametrize(("step", "text"), FORMULAS)
def test_formulas_written_by_hand_are_what_the_rules_compute(step: Any, text: str) -> None:
    """Those that say what happens in words are left out."""
    given = {"g_": step.g, "out_": step.out.numpy(), "d": np.nan}
    given |= {f"in{k}_": x.numpy() if isinstance(x, tg.Tensor) else x for k, x in enumerate(step.out.inputs)}
    formula, _, where = text.partition(", where ")
    assert len(FORMULAS) > 15
    for name, _, value in (part.partition(" = ") for part in where.split(", ") if part):
        given[name] = eval(value, {**KNOWN, **given})
    got = eval(formula.partition(", which")[0], {**KNOWN, **given})
    assert np.allclose(np.broadcast_to(got, np.shape(step.raw)), step.raw, rtol=1e-4, atol=1e-9)


def line() -> tuple[Explanation, tg.Tensor, tg.Tensor]:
    x = np.array([1.0, 2, 3, 4, 5])
    y = 2 * x + 1
    w, b = tg.Tensor(0.0, requires_grad=True, name="w"), tg.Tensor(0.0, requires_grad=True, name="b")
    error = w * x + b - y
    loss = (error**2).mean()
    return loss.explain(), w, b


def test_a_line_is_explained_in_the_users_words() -> None:
    said, _, _ = line()
    text = str(said)
    for part in ("t1 = w * x", "error = t2 - y", "d_error = 2 * d_t3 * error", "d_loss = 1", "d_w = sum(d_t1 * x)",
                 "w is one number used 5 times: its 5 gradients add up", "complete: w.grad",
                 "5 gradients add up; complete: w.grad", "w + 0.001 -> loss -0.04999, the gradient says -0.05000"):
        assert part in text, part
    assert max(map(len, text.splitlines())) <= 100
    assert [s.number for s in said.backward] == list(range(7, 13)) and said.forward[-1].value == 57


def test_explaining_changes_nothing_and_can_follow_a_pass() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    calls = []
    hidden = w * 3
    hidden.register_hook(lambda g: calls.append(g))
    hidden.retain_grad()
    loss = (hidden * hidden).sum()
    loss.explain()
    assert w.grad is None and hidden.grad is None and not calls
    loss.backward()
    assert w.grad is not None
    before = w.grad.numpy().copy()
    loss.explain(at=w)
    assert np.array_equal(w.grad.numpy(), before) and len(calls) == 1


def test_shapes_uses_and_gates_are_told_in_words() -> None:
    x = np.random.default_rng(0).standard_normal((5, 3))
    w, b = tg.Tensor(np.ones((3, 4)), requires_grad=True, name="w"), tg.Tensor(np.zeros(4), requires_grad=True, name="b")
    h = np.maximum(x @ w + b, 0)
    out = tg.relu(h - 1)
    text = " ".join(str(((out * out).sum() + h.sum()).explain()).split())
    assert "summed over axis 0, because b is (4,) and t2 (5, 4): each number of b was used 5 times" in text
    assert "each of the 5 rows of t1 was computed with the same w: the product adds up their 5 gradients" in text
    assert re.search(r"relu lets the gradient through where t3 > 0: \d+ of 20; the rest gets 0", text)
    assert "out was used 2 times: it has received 2 of 2" in text
    assert "maximum lets nothing through at" in text


def test_one_tensor_can_be_explained_alone_and_the_rest_be_a_worksheet() -> None:
    a = tg.Tensor(3.0, requires_grad=True, name="a")
    q = a * a + np.sin(a)
    text = str(q.explain(at="a"))
    assert "d_a += d_t1 * a" in text and "q = " not in text.split("backward")[0] and "a -> t1 -> q" in text
    assert str(q.explain(at=a)) == text
    sheet = str(q.explain(blank=True))
    questions, key = sheet.split("answers")
    assert "cos(a)" not in questions and "d_a = ____" in questions and "d_a = d_t2 * cos(a)" in key
    assert "9.1411" in questions  # the pass forward is given


def test_watched_runs_tell_modules_lines_and_names_that_are_gone() -> None:
    class Net(tg.nn.Module):
        def __init__(self) -> None:
            self.layer = tg.nn.Linear(2, 1)

        def forward(self, x: Any) -> Any:
            score = self.layer(x)
            return tg.sigmoid(score)

    net, x = Net(), np.ones((3, 2))
    text = str(net(x).sum().explain())
    assert "in layer" not in text and "t1 = " in text
    with tg.study.watch():
        loss = net(x).sum()
    text = str(loss.explain())
    assert "in layer (Linear) at test_explaining.py:" in text and "score = x @ layer.weight.T + layer.bias" in text


def test_it_is_data_and_html_too() -> None:
    said, _, _ = line()
    found = json.loads(json.dumps(said.to_dict()))
    assert found["name"] == "loss" and found["forward"][-1]["value"] == 57.0
    assert found["backward"][-1]["value"] == -50.0 and found["nudges"][0]["name"] == "w"
    html = said._repr_html_()
    assert "<td" in html and "d_w = sum(d_t1 * x)" in html and "-&gt;" in html and "d_loss = 1" in html
    x = tg.Tensor(1.0, requires_grad=True, name="<i>")
    assert "<i>" not in (x * 2).explain()._repr_html_() and "<i>" not in (x * 2).explain(at=x)._repr_html_()


def test_long_passes_show_their_ends_and_all_gradients() -> None:
    w = tg.Tensor(1.0, requires_grad=True, name="w")
    t = w * 1.0
    for _ in range(200):
        t = t * 1.0
    text = str(t.explain())
    assert "185 more; explain(at=name)" in text and "182 more; explain(at=name)" in text and len(text.splitlines()) < 60
    assert text.startswith("201 steps forward compute t = 1, 201 steps back give the gradients of 1 leaf")
    assert "gradients of leaves" not in text  # that of w is complete in the last step


def deep(leaves: int) -> tg.Tensor:
    """A graph whose leaves are many, and whose results relu bends next to where they are."""
    h = tg.Tensor(np.array([1e-4, -2e-4, 1.0]), requires_grad=True, name="h")
    total: Any = 0
    for k in range(leaves):
        h = tg.relu(h * tg.Tensor(np.ones(3), requires_grad=True, name=f"w{k}"))
        total = total + h.sum()
    return total


def test_a_long_answer_is_a_page_with_a_summary_above_and_the_leaves_that_are_left_out() -> None:
    text = str(deep(30).explain())
    assert len(text.splitlines()) <= 62 and "31 leaves (what is\ngiven" in text and 'explain(at="w0")' in text
    assert "gradients of leaves that are complete in the steps left out" in text
    assert re.search(r"\n     \.\.\. and of \d\d more\n", text) and re.search(r"and 25 more, all of which agree", text)
    sheet, key = str(deep(30).explain(blank=True)).split("answers")
    assert "gradients of leaves" in key and "gradients of leaves" not in sheet and "larger arrays" not in sheet
    assert "steps forward" not in str(deep(2).explain())


def test_a_nudge_that_a_bend_disturbs_is_made_smaller() -> None:
    w = tg.Tensor(np.array([-1e-5]), requires_grad=True, name="w")
    checks = str((tg.relu(w) * 50 + w).sum().explain()).partition("check: ")[2]
    assert "w[0] + 1e-07 -> t4 +1.000e-07, the gradient says +1.000e-07 (0.001 is too far: t4 bends" in checks


def test_what_happens_at_one_tensor_is_told_in_the_order_of_the_pass() -> None:
    w = tg.Tensor(0.5, requires_grad=True, name="w")
    told = str((np.sin(w) * w + np.exp(w)).explain(at="w")).partition("backward")[2]
    numbers = [int(line[:3]) for line in told.splitlines() if re.match(r" *\d+  d_", line)]
    assert len(numbers) == 6 and numbers == sorted(numbers)


def test_a_worksheet_says_what_to_write_of_larger_arrays() -> None:
    w = tg.Tensor(np.ones((3, 4)), requires_grad=True, name="w")
    sheet, key = str((w * w).sum().explain(blank=True)).split("answers")
    assert "(of larger arrays, write the shape)" in sheet and "norm" in key


def test_after_an_update_it_is_said_that_numbers_are_new() -> None:
    w = tg.Tensor(1.0, requires_grad=True, name="w")
    loss = w * w
    assert "changed after" not in str(loss.explain())
    with tg.no_grad():
        w -= 0.5
    assert "w changed after the pass forward" in str(loss.explain()) and loss.explain().newer == ["w"]


def test_of_many_leaves_that_have_changed_three_are_named() -> None:
    leaves = [tg.Tensor(float(k), requires_grad=True, name=f"w{k}") for k in range(6)]
    loss = sum(w * w for w in leaves)
    for w in leaves:
        with tg.no_grad():
            w += 1.0
    assert "     w0, w1, w2 and 3 others changed after the pass forward: these" in str(loss.explain())


def test_several_elements_start_with_ones() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    out = w * w
    said = out.explain()
    assert "d_out = ones (2,)" in str(said) and np.array_equal(said.backward[-1].total, [2.0, 4.0])
    assert said.nudges[0].name == "w[1]" and said.nudges[0].predicted == pytest.approx(0.004)


def test_rules_that_cannot_be_written_are_named() -> None:
    @tg.custom_vjp
    def double(x: Any) -> Any:
        return 2 * x

    def forward(x: Any) -> Any:
        return 2 * x, None

    double.defvjp(forward, lambda saved, g: (float(np.asarray(g.numpy() if isinstance(g, tg.Tensor) else g)) * 2,))
    w = tg.Tensor(1.5, requires_grad=True, name="w")
    y = double(w)
    assert "d_w = " in str(y.explain())


MISUSE: Table = {
    "a leaf": (lambda: tg.Tensor(1.0, requires_grad=True, name="w").explain(), RuntimeError, "'w'.*was not made by.*why"),
    "a name": (lambda: (tg.Tensor(1.0, requires_grad=True, name="w") * 2).explain(at="v"), ValueError,
               "not computed from 'v'; it was from w"),
    "blank": (lambda: (tg.Tensor(1.0, requires_grad=True) * 2).explain(blank=2), TypeError, "blank"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])


def test_the_text_of_a_formula_fills_in_names() -> None:
    assert filled("g_ * in1_ + in10_ - out_", {"g_": "d_y", "in1_": "b", "in10_": "c", "out_": "y"}) == "d_y * b + c - y"


def test_a_nudge_of_something_huge_is_short_and_no_curve() -> None:
    w, b = (tg.Tensor(v, requires_grad=True, name=n) for v, n in ((1e30, "w"), (1.0, "b")))
    told = (w * w + b).explain()
    checks = [line for line in str(told).splitlines() if "the gradient says" in line]
    assert len(checks) == 2 and max(map(len, checks)) <= 100, checks
    assert "(too little to be seen beside t2)" in checks[1] and "has a kink" not in checks[1]


def test_what_chooses_rows_is_called_by_its_name() -> None:
    table, ids, columns = tg.Tensor(np.ones((4, 2)), requires_grad=True, name="table"), np.array([0, 2]), np.array([1])
    with tg.study.watch():
        rows = table[ids]
        part = rows[:, columns]
        loss = part.sum()
    told = str(loss.explain())
    assert "rows = table[ids]" in told and "part = rows[:, columns]" in told and "_]" not in told


def test_indices_say_how_many_rows_they_read_and_how_often() -> None:
    table = tg.Tensor(np.ones((7, 2)), requires_grad=True, name="table")
    told = " ".join(str(table[np.array([1, 1, 4])].sum().explain()).split())
    assert "2 of 7 rows of table were read; the others get 0" in told
    assert "1 of 7 rows of table were read more than once: what comes back to each adds up" in told
    whole = " ".join(str(table[np.arange(7)].sum().explain()).split())
    assert "d_table = d_t1 where it was read" in whole and "were read" not in whole
    empty = tg.Tensor(np.ones((0, 2)), requires_grad=True, name="empty")
    assert "d_empty" in str(empty[np.zeros(0, int)].sum().explain())


@pytest.mark.parametrize(("make", "name"), [
    (lambda w: w[np.array([0, 2, 2])], "w[indices]"), (lambda w: w[np.arange(2)], "w[arange(2)]"),
    (lambda w: w * np.array([[2.0, 0, 2], [0, 0, 2], [2, 2, 0]]), "w * mask"), (lambda w: w * np.eye(3)[[1, 2, 0]], "w * onehot"),
    (lambda w: w * np.array([1.0, 2.0, 3.0]), "w * data"), (lambda w: w[np.array([True, False, True])], "w[mask]"),
    (lambda w: tg.nn.cross_entropy(w, np.array([0, 2, 1])), "cross_entropy(w, labels)"),
    (lambda w: w * np.array([3, 1, 4]), "w * integers"), (lambda w: w[tg.Tensor(np.array([0, 2, 2]))], "w[indices]"),
])
def test_arrays_without_a_name_are_called_what_they_are_for(make: Any, name: str) -> None:
    w = tg.Tensor(np.arange(9.0).reshape(3, 3), requires_grad=True, name="w")
    assert f"= {name} " in str(make(w).sum().explain())


@pytest.mark.parametrize(("make", "call"), [
    (lambda w: w.swapaxes(0, 1), "w.swapaxes(0, 1)"), (lambda w: w.transpose(2, 0, 1), "w.transpose(2, 0, 1)"),
    (lambda w: w.T, "w.T"), (lambda w: w.reshape(2, 12), "w.reshape(2, 12)"), (lambda w: w**3, "w ** 3"),
    (lambda w: w**2, "w ** 2"), (lambda w: np.concatenate([w, w], axis=1), "concatenate([w, w], axis=1)"),
    (lambda w: np.einsum("ijk->ik", w), "einsum('ijk->ik', w)"), (lambda w: -w, "-w"),
    (lambda w: np.exp(w * 2 + 1), "exp(t2)"), (lambda w: w.astype(np.float32), "w.astype(float32)"),
    (lambda w: np.pad(w, 1), "pad(w, 1)"), (lambda w: np.roll(w, 1, axis=0), "roll(w, 1, axis=0)"),
    (lambda w: w.at[0].set(w[1]), "w.at[0].set(t1)"), (lambda w: np.broadcast_to(w, (5, 2, 3, 4)), "broadcast_to(w, (5, 2, 3, 4))"),
    (lambda w: tg.max_pool1d(w, 2), "max_pool1d(w, kernel_size=2)"), (lambda w: np.linalg.norm(w, ord=2, axis=2), "norm(w, ord=2, axis=2)"),
    (lambda w: np.repeat(w, 2, axis=1), "repeat(w, 2, axis=1)"), (lambda w: np.tensordot(w, w, axes=3), "tensordot(w, w, axes="),
])
def test_calls_show_the_options_that_matter(make: Any, call: str) -> None:
    w = tg.Tensor(np.arange(1.0, 25).reshape(2, 3, 4), requires_grad=True, name="w")
    assert f"= {call}" in str(make(w).sum().explain())


def test_formulas_in_sentences_have_the_brackets_they_need() -> None:
    w, b = (tg.Tensor(1.0, requires_grad=True, name=n) for n in "wb")
    made = np.log(w * 2.0 + b) - (w - b)
    assert Names([made]).call(made, Names([made]).said) == "log(w * 2 + b) - (w - b)"


def test_reasons_are_told_once_and_counts_each_time() -> None:
    weights = [tg.Tensor(np.full((3, 3), 0.1), requires_grad=True, name=f"W{k}") for k in range(3)]
    h: Any = np.ones((4, 3))
    for weight in weights:
        h = tg.relu(h @ weight - 0.05)
    told = str(h.sum().explain())
    assert told.count("was computed with the same W") == 1 and told.count("complete: W") == 3


def test_no_line_is_long_and_no_zero_or_infinity_is_a_mystery() -> None:
    w = tg.Tensor(np.linspace(-1, 1, 6).reshape(1, 1, 6) / 7, requires_grad=True, name="a_parameter_with_a_long_name")
    scores = np.where(np.eye(3, dtype=bool), -np.inf, np.zeros((3, 3)))
    loss = (tg.softmax(w.reshape(6)[:3] + scores, axis=-1) * np.zeros((3, 3))).sum() + np.sin(3e9 * w).sum()
    told = str(loss.explain())
    assert "(3, 3), 3 of 9 are -inf" in told and "(3, 3), all 0" in told and max(map(len, told.splitlines())) <= 100
    assert "(1, 1, 6), [" in told and "[[[" not in told and "has a kink" in " ".join(told.split())


def test_parameters_of_a_sequential_are_found_by_either_name() -> None:
    net = tg.nn.Sequential(tg.nn.Linear(2, 1))
    loss = net(np.ones((3, 2))).sum()
    assert str(loss.explain(at="0.weight")) == str(loss.explain(at="layer_0.weight"))


def test_in_a_notebook_what_is_said_stands_below_its_step_and_is_not_repeated() -> None:
    tg.manual_seed(0)
    net = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.Tanh(), tg.nn.Linear(4, 2))
    with tg.study.watch():
        loss = tg.nn.cross_entropy(net(np.ones((5, 3))), np.array([0, 1, 1, 0, 1]))
    html = loss.explain()._repr_html_()
    assert html.count("was computed with the same") == 1 and html.count("complete: layer_") == 4
    assert html.count('<td></td><td colspan="2"') == html.count("<tr>") - html.count("font-family:monospace") // 3 > 3
    assert "nowrap" not in html and html.count("(of larger arrays") == 2


def test_in_a_narrow_notebook_no_word_is_cut_and_a_worksheet_scrolls_by_itself() -> None:
    W = tg.Tensor(np.arange(12.0).reshape(3, 4), requires_grad=True, name="W")
    loss = np.tanh(np.ones((5, 3)) @ W).mean()
    html = loss.explain()._repr_html_()
    assert "\u00b1" in html and " +- " not in html and "overflow-wrap:anywhere" not in html
    for scrolled in (loss.explain(blank=True), loss.explain(at=W)):
        assert scrolled._repr_html_().startswith('<pre style="overflow-x:auto">')
