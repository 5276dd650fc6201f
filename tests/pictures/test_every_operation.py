"""Every primitive can be drawn, in words that a user would write, recorded and watched."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.samples import Sample, all_samples
from tinygrad_gd.ground.pytree import flatten
from tinygrad_gd.pictures import draw

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
    leaves = {r["name"].split()[0].split("[")[0] for n in data["nodes"] for r in n["rows"]}
    assert {f"t{k}" for k, t in enumerate(tensors) if t.grad is not None} <= leaves
    assert all(np.isfinite(len(n.grad)) and (n.grad or n.sizes) for n in drawing.graph.nodes)
    watched = draw(lambda *xs: flatten(row.call(*xs)), *(np.asarray(x) for x in row.inputs))
    assert str(watched) and watched.dot.source
