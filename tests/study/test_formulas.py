"""Formulas in steps, with products told apart, and one-hot vectors and masks by name."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.study.formulas import letters

X = np.array([[1.0, 2.0, 0.5], [0.0, 1.0, -1.0], [2.0, 0.3, 1.0], [1.0, 1.0, 1.0]])
LABELS = np.array([0, 1, 1, 0])


def lines(text: str) -> list[str]:
    return text.replace(" \\\\", "").splitlines()[1:-1]


def matrix(name: str, *shape: int) -> tg.Tensor:
    return tg.Tensor(np.random.default_rng(0).normal(size=shape), requires_grad=True, name=name)


def test_steps_have_lines_and_derivatives_of_their_own() -> None:
    x = np.array([1.0, 2.0, 3.0])
    y = 2 * x
    w, b = (tg.Tensor(2.0, requires_grad=True, name=n) for n in "wb")
    e = w * x + b - y
    assert lines(tg.latex((e**2).mean(), steps=True)) == [
        r"e &= w \, x + b - y", r"L &= \frac{1}{3} \sum e^{2}", r"\frac{\partial L}{\partial e} &= \frac{2}{3} \, e",
        r"\frac{\partial L}{\partial b} &= \sum \frac{\partial L}{\partial e}",
        r"\frac{\partial L}{\partial w} &= \sum \frac{\partial L}{\partial e} \odot x"]
    assert len(lines(tg.latex((e**2).mean()))) == 3


def test_a_step_that_is_used_twice_has_one_derivative() -> None:
    w = matrix("W", 3, 2)
    r = tg.relu(X @ w)
    told = lines(tg.latex((r * r).mean(), steps=True))
    assert [t for t in told if t.startswith(r"\frac{\partial L}{\partial r} &=")] == [
        r"\frac{\partial L}{\partial r} &= 2 \cdot 0.125 \, r"]
    assert r"\odot \left[r > 0\right]" in " ".join(told)


def test_products_by_elements_stand_in_brackets_among_matrix_products() -> None:
    w, p = matrix("W", 3, 2), matrix("p", 2)
    h = np.tanh(X @ w + p)
    told = lines(tg.latex((h * X[:, :2]).sum(), steps=True))
    assert r"h &= \tanh\left(X \, W + p\right)" in told
    assert any(t.endswith(r"X^{\top} \, \left(\frac{\partial L}{\partial h} \odot \left(1 - h^{2}\right)\right)")
               or r"\odot \left(1 - h^{2}\right)" in t for t in told)


@pytest.mark.parametrize("steps", [False, True])
def test_softmax_and_one_hot_vectors_have_names(steps: bool) -> None:
    w = matrix("W", 3, 2)
    z = X @ w
    told = lines(tg.latex(tg.nn.cross_entropy(z, LABELS), steps=steps))
    inside = "z" if steps else r"X \, W"
    softmax = rf"\operatorname{{softmax}}\left({inside}\right)"
    assert rf"L &= \frac{{1}}{{4}} \sum \left(-\log {softmax}_{{i, \mathrm{{LABELS}}_i}}\right)" in told
    assert rf"\left({softmax} - \operatorname{{onehot}}\left(\mathrm{{LABELS}}\right)\right)" in " ".join(told)


def test_masks_are_written_as_conditions() -> None:
    w = matrix("W", 3, 2)
    loss = np.where(w > 0, w * 2, w).sum()
    assert r"\text{ if } " in lines(tg.latex(loss))[0]
    assert lines(tg.latex(tg.relu(w).sum()))[1].endswith(r"\left[\max\left(\mathrm{W}, 0\right) > 0\right]".replace(r"\mathrm{W}", "W"))


def test_sums_along_an_axis_have_an_index() -> None:
    w = matrix("W", 3, 2)
    assert lines(tg.latex((w.sum(axis=1) ** 2).sum()))[0] == r"L &= \sum \left(\sum_{j} W\right)^{2}"


def test_too_many_operations_make_no_formula() -> None:
    w = tg.Tensor(2.0, requires_grad=True, name="w")
    t = w
    for _ in range(30):
        t = np.sin(t) * w
    with pytest.raises(tg.CaptureError, match=r"at most 40\); give steps=True, ask for a part"):
        tg.latex(t)
    assert len(lines(tg.latex(t, steps=True))) > 1
    for _ in range(120):
        t = np.sin(t) * w
        t.name = "s"
    with pytest.raises(tg.CaptureError, match=r"lines \(at most 150\); take fewer layers, .* ask for a part"):
        tg.latex(t, steps=True)
    with pytest.raises(tg.DTypeError, match="steps"):
        tg.latex(w * w, steps="yes")  # type: ignore[arg-type]


def test_a_recurrence_has_a_line_for_each_step_in_the_names_that_were_watched() -> None:
    Wx, Wh = (tg.Tensor(np.eye(3) / k, requires_grad=True, name=n) for k, n in ((2, "Wx"), (3, "Wh")))
    rows = np.random.default_rng(0).normal(size=(3, 2, 3))
    with tg.study.watch():
        h = tg.Tensor(np.zeros((2, 3)), name="h0")
        for x in rows:
            h = np.tanh(x @ Wx + h @ Wh)
        loss = (h * h).mean()
    text = tg.latex(loss, steps=True)
    assert r"h_{2} &= \tanh\left(x_{2} \, \mathrm{Wx} + h \, \mathrm{Wh}\right)" in text and "c_{" not in text
    heads = [line.partition(" &=")[0] for line in text.splitlines()[1:-1]]
    assert len(set(heads)) == len(heads) and r"\frac{\partial L}{\partial h}" not in heads
    for own in (head for head in heads if head.startswith("t_")):
        assert text.count(own) > 1
    assert len(text) < 1500


def test_convolutions_are_written_without_the_names_of_their_parts() -> None:
    kernel, W = (tg.Tensor(np.ones(s), requires_grad=True, name=n) for s, n in (((2, 1, 2, 2), "K"), ((8, 3), "W")))
    h = tg.max_pool2d(tg.relu(tg.conv2d(np.arange(50.0).reshape(2, 1, 5, 5), kernel)), 2)
    loss = tg.nn.cross_entropy(h.reshape(2, -1) @ W, np.array([0, 2]))
    text = tg.latex(loss, steps=True)
    assert not re.search("im2col|col2im|to_largest|swapaxes|max pool2d|getitem", text), text
    assert r"\operatorname{windows}" in text and r"\operatorname{max\ pool}" in text
    assert "^{\\top}^{" not in text  # a double superscript is an error in LaTeX
    table = tg.Tensor(np.ones((4, 2)), requires_grad=True, name="table")
    assert "_{ids}" in tg.latex((table[ids := np.array([1, 2, 1])] ** 2).sum()).replace(r"\mathrm{ids}", "ids"), ids


def test_what_is_only_laid_out_otherwise_is_no_transpose() -> None:
    kernel = tg.Tensor(np.ones((2, 1, 2, 2)), requires_grad=True, name="K")
    told = lines(tg.latex((tg.conv2d(np.arange(50.0).reshape(2, 1, 5, 5), kernel) ** 2).sum(), steps=True))
    assert told[0].startswith(r"L &= \sum \left(K \, \operatorname{windows}\left(") and "top" not in told[0]
    w = matrix("W", 3, 2)
    assert r"W^{\top}" in lines(tg.latex((w.T @ X.T).sum()))[0]
    square = matrix("S", 2, 2)
    assert lines(tg.latex(((square.T @ w.T).T * X[:3, :2]).sum()))[0].startswith(r"L &= \sum W \, S")
    assert told[-1].startswith(r"\frac{\partial L}{\partial K} &= ") and told[-1].count("top") == 1, told[-1]
    assert told[-1].endswith(r"\operatorname{windows}\left(c_{1}\right)^{\top}")  # and no transpose of the whole


def block() -> str:
    """The formulas of an embedding, a normalisation, a gelu and a classifier."""
    table, gain, W = matrix("E", 7, 4), matrix("g", 4), matrix("W", 4, 4)
    place = matrix("P", 3, 4)
    rows = table[np.array([[4, 0, 6], [1, 1, 2]])] + place[np.arange(3)]
    h = tg.nn.functional.layer_norm(rows, (4,), gain, gain) @ W / np.sqrt(2)
    return tg.latex(tg.nn.cross_entropy((tg.gelu(h) @ table.T).reshape(6, 7), np.array([0, 1, 2, 3, 4, 5])), steps=True)


def test_normalisation_and_gelu_are_written_by_their_names() -> None:
    text = block()
    for part in (r"\operatorname{mean}\left(", r"\sqrt{\operatorname{var}\left(", r" + 10^{-5}}", r"\operatorname{gelu}\left(",
                 r"\Phi\left(", r"\varphi\left(", r"{\sqrt{2}}", r"P_{0 \ldots 2}"):
        assert part in text, (part, text)
    assert not re.search(r"vecdot|erfc|1\.414|0\.398|e-0|inf|maximum", text), text


def test_indices_of_symbols_that_have_one_are_in_braces_and_derivatives_in_brackets() -> None:
    text = block()
    assert not re.search(r"_\{\d+\}(_|\^\{\\top\}\^)", text) and not re.search(r"\}\}\^\{\\top\}", text.replace(r"\right)", ")"))
    y1 = np.array([0, 1, 1, 0])
    z = X @ matrix("W", 3, 2)
    assert "{y_{1}}_i" in tg.latex(tg.nn.cross_entropy(z, y1), steps=True)


def test_long_formulas_are_helped_and_broken_and_helpers_are_counted_without_gaps() -> None:
    a, b, c = (matrix(f"{name}_with_a_long_name", 3, 3) for name in "abc")
    h = a @ b + b @ c + c @ a + a @ c + np.tanh(b @ a)
    h.name = "h"
    text = tg.latex((h * h).sum(), steps=True)
    assert r" \\" + "\n" + r"&\qquad + " in text
    assert all(letters(line.partition("&")[2]) < 110 for line in text.splitlines())
    own = [line.partition(" &=")[0] for line in block().splitlines() if line.startswith("t_")]
    assert len(own) > 2 and own == [f"t_{{{n + 1}}}" for n in range(len(own))]


def test_what_is_longer_than_a_page_can_be_broken_over_pages() -> None:
    w = matrix("w", 2)
    h: tg.Tensor = w
    for _ in range(15):
        h = np.sin(h) * w
        h.name = "h"
    text = tg.latex(h.sum(), steps=True)
    assert text.startswith("% \\allowdisplaybreaks") and "\\begin{align*}" in text and "aligned" not in text
    assert tg.latex((w * w).sum(), steps=True).startswith("\\begin{aligned}")


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_latex_takes_it(tmp_path: Path) -> None:
    text = block()
    shown = text if "align*" in text else f"\\[{text}\\]"
    (tmp_path / "a.tex").write_text(f"\\documentclass{{article}}\\usepackage{{amsmath}}\\begin{{document}}\n{shown}\n\\end{{document}}")
    done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "a.tex"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("ask", [tg.latex, tg.source])
def test_what_is_no_loss_is_told(ask: Any) -> None:
    w = tg.Tensor(2.0, requires_grad=True)
    for wrong in (lambda: w, 3.0, None, "w", [w]):
        with pytest.raises(tg.DTypeError, match=f"{ask.__name__}: expected a recorded Tensor"):
            ask(wrong)
    for wrong in (w, 3, [1.0]):
        with pytest.raises(tg.DTypeError, match=f"{ask.__name__}: wrt: expected a list of Tensors"):
            ask(w * w, wrong)
    assert ask(w * w, iter([w])) == ask(w * w, [w])
