"""Every primitive can be drawn, in words that a user would write, recorded and watched."""

from __future__ import annotations

import ast
import json
from random import Random
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.samples import Sample, all_samples
from tinygrad_gd.ground.pytree import flatten
from tinygrad_gd.ground.registry import by_name
from tinygrad_gd.pictures import draw
from tinygrad_gd.pictures.words import called
from tinygrad_gd.program.ir import INFIX

ROWS = all_samples()
#: What no user has written, and no picture shows.
INTERNAL = ("_of_logits", "integer_power", "counts=", "pad_width", "getitem", "key=", "attention_")


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_it_is_drawn(row: Sample) -> None:
    tensors = [tg.Tensor(x, requires_grad=True, name=f"t{k}") for k, x in enumerate(row.inputs)]
    results = [x for x in flatten(row.call(*tensors)) if isinstance(x, tg.Tensor) and x.requires_grad]
    assert results
    total = sum((np.sum(x) for x in results), tg.Tensor(0.0))
    total.backward()
    drawing = draw(total)
    text, data, source = str(drawing), json.loads(drawing.render("json")), drawing.dot.source
    assert len(data["nodes"]) == len(drawing.graph.nodes) and not [w for w in INTERNAL if w in text + source]
    leaves = {r["name"] for n in data["nodes"] for r in n["rows"]}
    assert {f"t{k}" for k, t in enumerate(tensors) if t.grad is not None} <= leaves
    assert all(np.isfinite(len(n.grad)) and (n.grad or n.sizes) for n in drawing.graph.nodes)
    watched = draw(lambda *xs: flatten(row.call(*xs)), *(np.asarray(x) for x in row.inputs))
    assert str(watched) and watched.dot.source


def expression(depth: int, random: Any) -> tuple[str, str]:
    """An expression as it is written, and with all its brackets."""
    if depth == 0 or random.random() < 0.2:
        return (random.choice("abc"),) * 2
    name = random.choice([*INFIX, "negative", "integer_power", "getitem", "transpose", "tanh"])
    inputs = [expression(depth - 1, random) for _ in range(2 if name in INFIX else 1)]
    params = {"integer_power": {"n": 2}, "getitem": {"key": (1,)}}.get(name, {})
    whole = {"negative": "(-({}))", "integer_power": "(({})**2)", "getitem": "({})[1]", "transpose": "({}).T",
             "tanh": "tanh({})"}.get(name) or f"(({{}}){INFIX[name][0]}({{}}))"
    return called(by_name(name), [text for text, _ in inputs], params, loose=True), whole.format(*(w for _, w in inputs))


@pytest.mark.parametrize("seed", range(20))
def test_an_expression_is_read_by_python_as_it_was_computed(seed: int) -> None:
    random = Random(seed)
    for _ in range(50):
        text, whole = expression(4, random)
        assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(whole)), (text, whole)
