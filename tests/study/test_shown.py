"""What a notebook shows of an answer, its repr, is words, and not all of its numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tinygrad_gd as tg
from tinygrad_gd.study.runs.run import Run


def model() -> tuple[Any, Any, Callable[[], tg.Tensor]]:
    tg.manual_seed(0)
    net = tg.nn.Sequential(tg.nn.Linear(2, 4), tg.nn.ReLU(), tg.nn.Linear(4, 1))
    x = tg.normal(size=(8, 2))
    return net, x, lambda: (net(x) ** 2).mean()


def derived() -> tuple[Any, tg.Tensor]:
    net, _, loss_of = model()
    loss = loss_of()
    loss.backward()
    return net, loss


def watched() -> tg.study.Watch:
    net, _, loss_of = model()
    watch = tg.study.Watch(net)
    with watch:
        loss_of().backward()
    return watch


def recorded(folder: Path) -> Run:
    net, _, loss_of = model()
    optimizer = tg.optim.SGD(net.parameters(), lr=0.1)
    with tg.record(folder / "run.npz"):
        for _ in range(3):
            optimizer.zero_grad()
            loss_of().backward()
            optimizer.step()
    return Run.load(folder / "run.npz")


#: What makes an answer, and words that it is shown with.
ANSWERS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "Advice": (lambda _: tg.advise((m := model())[2], m[0].parameters()), "eigenvalues of the Hessian: "),
    "RangeTest": (lambda _: tg.study.lr_range_test((m := model())[2], m[0].parameters()), "The loss is lowest at lr = "),
    "Units": (lambda _: tg.study.activations(*model()[:2])[0], "1 relu: 1 of 4 units dead: 3"),
    "Watch": (lambda _: watched(), "2.weight  gradient "),
    "Run": (recorded, "Run: 3 steps of SGD(lr=0.1)"),
    "Flow": (lambda _: derived()[0].flow(), "gradient/weight"),
    "Memory": (lambda _: derived()[1].memory(), "The graph holds "),
    "Diagnosis": (lambda _: (lambda net, loss: net.why(loss))(*derived()), "Nothing wrong was found."),
    "Explanation": (lambda _: derived()[1].explain(), "backward, from the end"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_is_shown_in_words(case: str, tmp_path: Path) -> None:
    make, words = ANSWERS[case]
    answer = make(tmp_path)
    assert type(answer).__name__ == case
    assert words in repr(answer) and repr(answer) == str(answer)
    assert "array(" not in repr(answer) and " object at " not in repr(answer) and f"{case}(" not in repr(answer)
