"""The summary of a model: shapes, parameters, bytes and multiply-adds, each counted once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg


class Net(tg.nn.Module):
    """A convolution that is used twice under two names, and a layer that is not used."""

    def __init__(self) -> None:
        self.first = tg.nn.Conv2d(2, 2, 3, padding=1)
        self.again, self.norm, self.unused = self.first, tg.nn.BatchNorm2d(2), tg.nn.Linear(7, 1)
        self.head = tg.nn.Sequential(tg.nn.Flatten(), tg.nn.Linear(50, 3, bias=False), tg.nn.Dropout(0.5))

    def forward(self, x: Any) -> Any:
        return self.head(self.norm(self.again(self.first(x)))), x


def test_each_call_is_a_line_and_what_is_shared_counts_once() -> None:
    net = Net()
    net.unused.requires_grad_(False)
    before = net.state_dict()
    made = net.summary(np.ones((4, 2, 5, 5)))
    assert [(line.name, line.kind, line.shape) for line in made.lines] == [
        ("", "Net", ((4, 3), (4, 2, 5, 5))), ("first", "Conv2d", (4, 2, 5, 5)), ("first", "Conv2d", (4, 2, 5, 5)),
        ("norm", "BatchNorm2d", (4, 2, 5, 5)), ("head", "Sequential", (4, 3)), ("head.0", "Flatten", (4, 50)),
        ("head.1", "Linear", (4, 3)), ("head.2", "Dropout", (4, 3))]
    conv, head = 4 * 2 * 25 * 2 * 9, 4 * 3 * 50
    assert [line.multiply_adds for line in made.lines] == [0, conv, conv, 0, 0, 0, head, 0]
    assert [line.parameters for line in made.lines] == [0, 38, 0, 4, 0, 0, 150, 0]
    assert [line.bytes for line in made.lines] == [0, 304, 0, 8 * 8 + 8, 0, 0, 1200, 0]
    assert made[1:] == (38 + 4 + 150 + 8, 192, 304 + 72 + 1200 + 64, 2 * conv + head, ("unused",))
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    assert all(m.training and not m._hooks for m in net.modules())


def test_it_prints_as_a_table() -> None:
    net = Net()
    net.unused.requires_grad_(False)
    text = repr(net.summary(np.ones((4, 2, 5, 5)))).splitlines()
    assert text[0].split() == ["module", "output", "parameters", "bytes", "multiply-adds"]
    assert text[3].split() == ["first:", "Conv2d", "(4,", "2,", "5,", "5)", "38", "304", "3,600"]
    assert text[7].startswith("  head.0: Flatten ") and text[11].split() == ["total", "200", "1,640", "7,800"]
    assert text[12:] == ["8 of the parameters are frozen", "not run: unused"]
    assert len({len(line) for line in (*text[:4], text[11])}) == 1


@pytest.mark.parametrize(("layer", "shapes", "cost"), [
    (tg.nn.Conv1d(4, 6, 3, groups=2), [(2, 4, 9)], 2 * 6 * 7 * 2 * 3), (tg.nn.ConvTranspose2d(3, 4, 2), [(2, 3, 5, 5)], 150 * 4 * 4),
    (tg.nn.Bilinear(3, 4, 2), [(5, 3), (5, 4)], 5 * 3 * 4 * 2 * 2), (tg.nn.Linear(3, 4, bias=False), [(5, 2, 3)], 10 * 3 * 4),
    (tg.nn.ReLU(), [(3, 3)], 0),
], ids=str)
def test_products_are_counted(layer: Any, shapes: Any, cost: int) -> None:
    assert layer.summary(*map(np.ones, shapes)).multiply_adds == cost


def test_a_model_that_fails_is_left_as_it_was() -> None:
    net = Net()
    net.norm.eval()
    with pytest.raises(tg.ShapeError):
        net.summary(np.ones((4, 3, 5, 5)))
    assert net.training and not net.norm.training and not any(m._hooks for m in net.modules())
