"""The program of a graph in JavaScript gives what the engine gives."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.engine.graph import Node
from tinygrad_gd.study.explorer.javascript import FORMULAS, NotWritten, script_of
from tinygrad_gd.study.reverse import steps_of

NODE = shutil.which("node")
A, C = -4.0, 2.0


def micrograd(a: Any, c: Any) -> Any:
    d = a + c
    e = a * c + c**3
    d = d + (d + 1 + (-a))
    d = d + d * 2 + tg.relu(c + a)
    e = e + 3 * e + tg.relu(c - a)
    f = d - e
    return f**2 / 2.0 + 10.0 / f


X = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
GRAPHS: dict[str, Callable[[Any, Any], Any]] = {
    "micrograd": micrograd, "line": lambda a, c: ((a * X + c - 2 * X - 1) ** 2).mean(),
    "sigmoid": lambda a, c: tg.sigmoid(a) * c, "softplus": lambda a, c: tg.softplus(a * c), "elu": lambda a, c: tg.elu(a) + c,
    "silu": lambda a, c: tg.silu(a) + c, "leaky": lambda a, c: tg.leaky_relu(a) * c, "clip": lambda a, c: np.clip(a * c, None, 1.0),
    "clips": lambda a, c: np.clip(a, -5.0, None) * c, "where": lambda a, c: np.where(a > c, a, c * c) + a,
    "roots": lambda a, c: np.sqrt(c) + np.cbrt(a) + np.abs(a) + np.hypot(a, c), "powers": lambda a, c: c**a + a**2 + c**7 + 2**a,
    "logs": lambda a, c: np.log(c) + np.log1p(c) + np.log2(c) + np.log10(c) + np.exp(a) + np.expm1(a) + np.exp2(a) + a,
    "circle": lambda a, c: np.sin(a) + np.cos(c) + np.tan(a) + np.arctan(c) + np.arctan2(a, c) + np.arcsin(a / 9) + np.arccos(c / 9),
    "hyperbolic": lambda a, c: np.sinh(a) + np.cosh(c) + np.tanh(a) + np.arcsinh(a) + np.arccosh(c) + np.arctanh(a / 9),
    "kinks": lambda a, c: np.maximum(a, c) + np.minimum(a, c) + np.maximum(a, a) + np.floor(a) + c, "rest": lambda a, c: a % c + c * 3,
    "softmax": lambda a, c: tg.softmax(np.stack([a, c, a * c]))[1], "length": lambda a, c: np.sqrt((np.stack([a, c]) ** 2).sum()),
    "logsumexp": lambda a, c: tg.logsumexp(np.stack([a, c])) + np.concatenate([np.stack([a, c]), np.stack([c])]).sum(),
    "products": lambda a, c: ((np.stack([a, c, a, c]).reshape(2, 2) @ np.array([[1.0, 2.0], [3.0, 4.0]])).T * X[:2, None]).sum(axis=0).mean(),
    "labels": lambda a, c: tg.nn.cross_entropy(np.stack([a, c, a * c])[None] * np.array([[0.5], [1.5]]), np.array([2, 0])),
    "rows": lambda a, c: (np.stack([a, c, a * c]).reshape(3, 1)[np.array([0, 2, 0])] ** 2).sum() + np.stack([a, c])[np.array([True, False])].sum(),
    "extremes": lambda a, c: np.stack([a, c]).max() * np.stack([a, c, a]).min() + np.stack([a, c]).prod(),
}


def computed(text: str, leaves: list[Any]) -> Any:
    """What the page computes, by node, with the page's own helpers."""
    source = files("tinygrad_gd.study.explorer").joinpath("explorer.js").read_text()
    helpers = source[source.index("const L =") : source.index("const list =")]
    code = f"{helpers}\nconst f={text};console.log(JSON.stringify(f({json.dumps(leaves)})))"
    done = subprocess.run([str(NODE), "-e", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def flat(x: Any) -> Any:
    return np.ravel(np.asarray(x, float))


def held(x: tg.Tensor) -> Any:
    return flat(Node(x).value).tolist() if x.shape else float(Node(x).value)


@pytest.mark.skipif(NODE is None, reason="node is not installed; the browser tests compute the same")
@pytest.mark.parametrize("name", GRAPHS)
def test_values_gradients_and_contributions_are_the_engines(name: str) -> None:
    a, c = (tg.Tensor(v, requires_grad=True) for v in (A, C))
    root = GRAPHS[name](a, c)
    script = script_of(root)
    moved = {leaf: held(leaf) + 0.25 for leaf in (a, c)}
    for at in ({}, moved):  # where it was captured, and elsewhere
        now = [tg.Tensor(at.get(leaf, held(leaf)), requires_grad=True) for leaf in (a, c)]
        again = GRAPHS[name](*now)
        values, grads, sent = computed(script.text, [held(dict(zip((a, c), now, strict=True)).get(x, x)) for x in script.leaves])
        twin = script_of(again)
        for got, node in zip(values, twin.nodes, strict=True):
            np.testing.assert_allclose(flat(got), flat(Node(node).value), rtol=1e-12, atol=1e-12)
        totals: dict[tg.Tensor, Any] = {}
        steps = list(steps_of(again, totals))
        for got, step in zip(sent, steps, strict=True):
            np.testing.assert_allclose(flat(got), flat(step.sent), rtol=1e-12, atol=1e-12)
        for got, x in zip(grads, twin.grads, strict=True):
            np.testing.assert_allclose(flat(got), flat(totals[x]), rtol=1e-12, atol=1e-12)
    assert {a, c} <= set(script.grads)


def test_what_has_no_javascript_says_so() -> None:
    w = tg.Tensor(0.5, requires_grad=True)
    single = tg.Tensor(np.float32(0.5), requires_grad=True)
    many = w
    for _ in range(201):
        many = many * 1.01
    for root, reason in ((tg.erf(w), "it has erf, which a page cannot compute"), (single * single, "float32"), (many, "201 operations"),
                         ((w * np.ones(5000)).sum(), "it has 5,001 numbers, and a page computes 4,000")):
        with pytest.raises(NotWritten, match=reason):
            script_of(root)


def test_every_formula_is_of_a_primitive() -> None:
    from tinygrad_gd.ground.registry import NAMES

    known = {getattr(p, "name", "") for p in NAMES.values()} | {"integer_power"}
    assert not set(FORMULAS) - known
