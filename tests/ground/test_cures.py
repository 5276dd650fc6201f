"""Each cure that is an expression computes what the name that it is for computes in PyTorch."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.ground.elsewhere import CURES

# -- finding the expressions in the texts --------------------------------------------------------------


def is_code(text: str) -> bool:
    """Whether a text is an expression or assignment as one writes it, and no prose that parses."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return False
    does = any(isinstance(n, ast.Call | ast.BinOp | ast.Subscript) for n in ast.walk(tree))
    is_value = text.startswith("t.") and not callable(getattr(tg.Tensor, text[2:], None))
    return (does or is_value) and ast.unparse(tree) == text and not any(
        isinstance(n, ast.BoolOp | ast.AnnAssign | ast.In | ast.Is) for n in ast.walk(tree))


def code_in(cure: str) -> Iterator[str]:
    """The longest pieces of a cure that are code; ``.reshape(shape)`` is meant of a tensor."""
    words = cure.replace("`", " ").split()
    start = 0
    while start < len(words):
        for end in range(len(words), start, -1):
            text = " ".join(words[start:end]).rstrip(",;:")
            text = f"t{text}" if text.startswith(".") else text
            if is_code(text):
                yield text
                start = end - 1
                break
        start += 1


CODE = {code for cures in CURES.values() for cure in cures.values() for code in code_in(cure)}

# -- what they must compute ------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
ROW, MATRIX, OTHER = np.array([3.0, -1.0, 2.0]), RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))
LABELS = np.array([2, 0, 1, 1, 2])


def net() -> tg.nn.Module:
    return tg.nn.Sequential(tg.nn.Linear(2, 3))


def records(context: Any) -> bool:
    with context:
        return tg.is_grad_enabled()


def stepped(x: Any) -> Any:
    return x * 2


Check = tuple[dict[str, Any], Any]  # the variables, all as Tensors that are arrays, and the result
T: dict[str, Any] = {"t": MATRIX}
CHECKS: dict[str, Check] = {
    # tensors
    "tg.Tensor(array)": ({"array": ROW}, ROW),
    "tg.normal(size=shape)": ({"shape": (2, 3)}, lambda x: x.shape == (2, 3)),
    "tg.uniform(size=shape)": ({"shape": (2, 3)}, lambda x: ((0 <= x) & (x < 1)).all().item() and x.shape == (2, 3)),
    "tg.normal(size=t.shape, dtype=t.dtype)": (
        {"t": np.float32(MATRIX)}, lambda x: x.shape == MATRIX.shape and x.dtype == np.float32),
    "tg.uniform(size=t.shape, dtype=t.dtype)": (
        {"t": np.float32(MATRIX)}, lambda x: x.shape == MATRIX.shape and x.dtype == np.float32),
    "tg.generator().integers(low, high, shape)": (
        {"low": 2, "high": 4, "shape": (50,)}, lambda x: set(x.tolist()) == {2, 3}),
    "tg.generator().permutation(n)": ({"n": 5}, lambda x: sorted(x) == [*range(5)]),
    "tg.concatenate(tensors, axis=0)": ({"tensors": [tg.Tensor(ROW)] * 2}, np.hstack([ROW, ROW])),
    "a @ b": ({"a": MATRIX, "b": OTHER.T}, MATRIX @ OTHER.T),
    "tg.clip(t, low, high)": (T | {"low": -0.1, "high": 0.1}, np.minimum(np.maximum(MATRIX, -0.1), 0.1)),
    "np.expand_dims(t, axis)": (T | {"axis": 1}, MATRIX[:, None]),
    "np.transpose(t, axes)": ({"t": np.ones((2, 3, 4)), "axes": (2, 0, 1)}, np.ones((4, 2, 3))),
    "np.swapaxes(t, i, j)": (T | {"i": 0, "j": 1}, MATRIX.T),
    "tg.ravel(t)": (T, MATRIX.reshape(-1)),
    "t.reshape(len(t), -1)": ({"t": np.arange(12.0).reshape(2, 3, 2)}, np.arange(12.0).reshape(2, 6)),
    "isinstance(x, tg.Tensor)": ({"x": ROW}, True),
    "tg.no_grad()": ({}, lambda context: records(context) is False),
    "tg.enable_grad()": ({}, lambda context: records(context) is True),
    "tg.set_default_dtype(np.float32)": ({}, lambda _: tg.get_default_dtype() == np.float32),
    "t.reshape(shape)": (T | {"shape": (2, -1)}, MATRIX.reshape(2, 6)),
    "t.reshape(other.shape)": (T | {"other": np.ones((6, 2))}, MATRIX.reshape(6, 2)),
    "t.reshape(-1)": (T, MATRIX.reshape(-1)),
    "np.maximum(t, low)": ({"t": ROW, "low": 0.0}, np.array([3.0, 0.0, 2.0])),
    "np.minimum(t, high)": ({"t": ROW, "high": 0.0}, np.array([0.0, -1.0, 0.0])),
    "t[mask]": ({"t": ROW, "mask": ROW > 0}, np.array([3.0, 2.0])), "t[index]": ({"t": ROW, "index": 1}, -1.0),
    "t[start:start + length]": ({"t": ROW, "start": 1, "length": 2}, ROW[1:]),
    "t.at[index].add(value)": ({"t": ROW, "index": [0, 0], "value": 1.0}, np.array([5.0, -1.0, 2.0])),
    "t.at[index].set(value)": ({"t": ROW, "index": [0, 2], "value": 1.0}, np.array([1.0, -1.0, 1.0])),
    "np.repeat(t, n, axis)": (T | {"n": 2, "axis": 0}, MATRIX[[0, 0, 1, 1, 2, 2]]),
    "np.array_split(t, sections, axis)": (
        {"t": np.arange(5.0), "sections": 3, "axis": 0}, lambda parts: [len(p) for p in parts] == [2, 2, 1]),
    "np.split(t, np.cumsum(sizes)[:-1], axis)": (
        {"t": np.arange(5.0), "sizes": [1, 3, 1], "axis": 0}, lambda parts: [len(p) for p in parts] == [1, 3, 1]),
    "np.moveaxis(t, source, destination)": (
        {"t": np.ones((2, 3, 4)), "source": 0, "destination": 2}, np.ones((3, 4, 2))),
    "np.sort(t)[..., k - 1]": ({"t": ROW, "k": 2}, 2.0), "t.min()": ({"t": ROW}, -1.0), "t.max()": ({"t": ROW}, 3.0),
    "1 / np.sqrt(t)": ({"t": np.array([4.0, 16.0])}, np.array([0.5, 0.25])),
    "t - np.trunc(t)": ({"t": np.array([1.5, -1.25])}, np.array([0.5, -0.25])),
    "np.sign(t)": ({"t": ROW}, np.array([1.0, -1.0, 1.0])), "tg.gammaln(t)": ({"t": np.array([5.0])}, np.log([24.0])),
    "tg.nn.functional.logit(t)": ({"t": np.array([0.75])}, np.log([3.0])),
    "np.outer(a, b)": ({"a": ROW, "b": ROW}, ROW[:, None] * ROW),
    "np.linalg.inv(t)": ({"t": np.diag(ROW)}, np.diag(1 / ROW)), "np.linalg.pinv(t)": ({"t": np.diag(ROW)}, np.diag(1 / ROW)),
    "np.linalg.slogdet(t)[1]": ({"t": np.diag(ROW**2)}, np.log(36.0)),
    "np.linalg.norm(t - other)": (T | {"other": OTHER}, ((MATRIX - OTHER) ** 2).sum() ** 0.5),
    "t[..., None] * np.eye(t.shape[-1])": ({"t": ROW}, np.diag(ROW)),
    "np.histogram(t, bins, (low, high))": (
        {"t": ROW, "bins": 2, "low": -1.0, "high": 3.0}, lambda found: np.asarray(found[0]).tolist() == [1, 2]),
    "tg.generator().choice(n, size, p=p)": ({"n": 3, "size": 9, "p": [0, 1, 0]}, lambda x: x.tolist() == [1] * 9),
    "t.dtype.kind == 'f'": (T, True), "bool(t)": ({"t": np.array(2.0)}, True),
    "tg.trapezoid(t)": ({"t": ROW}, 1.5),
    "np.broadcast_arrays(a, b)": ({"a": ROW, "b": MATRIX[:, :3]}, lambda found: found[0].shape == (3, 3)),
    "np.searchsorted(edges, t)": ({"edges": np.array([0.0, 2.0]), "t": ROW}, np.array([2, 0, 1])),
    "np.linalg.norm(a[:, None] - b, axis=-1)": (
        {"a": MATRIX, "b": OTHER}, np.array([[((a - b) ** 2).sum() ** 0.5 for b in OTHER] for a in MATRIX])),
    "t.std()": (T, float(MATRIX.std())), "t.mean()": (T, float(MATRIX.mean())), "t.var()": (T, float(MATRIX.var())),
    "t.mean(axis)": (T | {"axis": 1}, MATRIX.mean(1)),
    "tg.manual_seed(seed)": ({"seed": 3}, None),
    "tg.generator().bit_generator.state": ({}, lambda state: "bit_generator" in state),
    "np.broadcast_to(t, other.shape)": ({"t": ROW, "other": np.ones((2, 3))}, np.array([ROW, ROW])),
    "tg.sliding_window_view(t, length, axis)": (
        {"t": np.arange(4.0), "length": 2, "axis": 0}, np.array([[0.0, 1], [1, 2], [2, 3]])),
    "t.mT": (T, MATRIX.T), "t.numpy().strides": (T, (32, 8)),
    "t.astype(other.dtype)": (T | {"other": np.ones(1, np.float32)}, lambda x: x.dtype == np.float32),
    "tg.nn.init.normal_(t)": (T, lambda x: x.shape == MATRIX.shape),
    "tg.nn.init.uniform_(t)": (T, lambda x: x.numpy().min() >= 0),
    "np.full(shape, value, t.dtype)": (T | {"shape": 2, "value": 7}, np.full(2, 7.0)),
    "np.empty(shape, t.dtype)": (T | {"shape": 2}, lambda x: x.shape == (2,)),
    "t.register_hook(function)": (
        {"t": tg.Tensor(1.0, requires_grad=True), "function": stepped}, lambda h: hasattr(h, "remove")),
    "tg.DataLoader(x, y)": ({"x": ROW, "y": ROW}, lambda loader: len(list(loader)) == 1),
    "t.op": (T, None), "t.ndim": (T, 2), "t.size": (T, 12), "t.dtype.itemsize": (T, 8), "t.T": (T, MATRIX.T),
    "t.transpose(axes)": ({"t": np.ones((2, 3, 4)), "axes": (2, 0, 1)}, np.ones((4, 2, 3))),
    "t[:, None]": (T, MATRIX.reshape(3, 1, 4)),
    "np.broadcast_to(t, shape)": ({"t": ROW, "shape": (2, 3)}, np.array([ROW, ROW])),
    "np.linalg.norm(t)": (T, (MATRIX ** 2).sum() ** 0.5),
    "np.linalg.norm(t, p, axis, keepdims=True)": (
        T | {"p": 2, "axis": 1}, np.array([[(row @ row) ** 0.5] for row in MATRIX])),
    "np.linalg.norm(t.reshape(-1), p)": (T | {"p": 1}, np.absolute(MATRIX).sum()),
    "t ** y": ({"t": ROW, "y": 2}, ROW * ROW),
    "t.copy()": (T, MATRIX), "t.detach()": (T, MATRIX), "t.draw()": (T, lambda d: d.graph.total == 1),
    "t.zero_grad()": (T, None),
    "t.astype(np.float32)": (T, MATRIX.astype(np.float32)),
    "t.assign(value)": (T | {"value": OTHER}, OTHER),
    "t.clip(low, high)": (T | {"low": -0.1, "high": 0.1}, np.minimum(np.maximum(MATRIX, -0.1), 0.1)),
    "np.where(mask, value, t)": ({"t": ROW, "mask": ROW > 2, "value": 9.0}, np.array([9.0, -1.0, 2.0])),
    "np.where(condition, t, other)": (
        {"t": ROW, "condition": ROW > 2, "other": -ROW}, np.array([3.0, 1.0, -2.0])),
    "np.array_equal(t, other)": (T | {"other": MATRIX}, True),
    "np.take(t, index, axis)": (T | {"index": 2, "axis": 1}, MATRIX[:, 2]),
    "tg.scatter_add(t, index, values, axis)": (
        {"t": ROW, "index": np.array([1, 1, 0]), "values": np.array([1.0, 2.0, 5.0]), "axis": 0},
        np.array([8.0, 2.0, 2.0])),
    "np.take_along_axis(t, index, axis)": (
        T | {"index": np.array([[1, 0], [3, 3], [2, 1]]), "axis": 1},
        np.array([MATRIX[0, [1, 0]], MATRIX[1, [3, 3]], MATRIX[2, [2, 1]]])),
    "np.flip(np.sort(t), -1)[..., :k]": ({"t": ROW, "k": 2}, np.array([3.0, 2.0])),
    "np.argsort(-t)[..., :k]": ({"t": ROW, "k": 2}, np.array([0, 2])),
    "n = -(-len(t) // chunks)": ({"t": np.arange(7.0), "chunks": 3}, 3),
    "np.split(t, range(n, len(t), n))": (
        {"t": np.arange(7.0), "n": 3}, lambda parts: [p.tolist() for p in parts] == [[0, 1, 2], [3, 4, 5], [6]]),
    "list(t)": ({"t": ROW}, lambda parts: [p.item() for p in parts] == [3, -1, 2]),
    "np.zeros(shape, t.dtype)": (T | {"shape": 2}, np.zeros(2)),
    "np.ones(shape, t.dtype)": (T | {"shape": 2}, np.ones(2)),
    # options
    "np.flip(np.sort(t, axis), axis)": ({"t": ROW, "axis": 0}, np.array([3.0, 2.0, -1.0])),
    "np.argsort(-t, axis)": ({"t": ROW, "axis": 0}, np.array([0, 2, 1])),
    "x + alpha * y": ({"x": ROW, "alpha": 2.0, "y": ROW}, 3 * ROW),
    "x - alpha * y": ({"x": ROW, "alpha": 2.0, "y": ROW}, -ROW),
    "np.floor(x / y)": ({"x": ROW, "y": 2.0}, np.array([1.0, -1.0, 1.0])),
    "np.trunc(x / y)": ({"x": ROW, "y": 2.0}, np.array([1.0, 0.0, 1.0])),
    "np.repeat(key, n, axis=-3)": ({"key": np.array([[[1.0]], [[2.0]]]), "n": 2}, np.array([[[1.0]], [[1.0]], [[2.0]], [[2.0]]])),
    # modules
    "self.register_buffer(name, values)": ({"self": net(), "name": "seen", "values": ROW}, None),
    "tg.compile(step)": ({"step": stepped}, lambda c: c(tg.Tensor(2.0)).item() == 4),
    "tg.observe(observer)": ({"observer": tg.Observer()}, lambda context: hasattr(context, "__enter__")),
    "tensor.register_hook(function)": (
        {"tensor": tg.Tensor(1.0, requires_grad=True), "function": stepped}, lambda h: hasattr(h, "remove")),
    "DataLoader(x, y)": ({"x": ROW, "y": ROW}, lambda loader: len(list(loader)) == 1),
    "weight.assign(weight * np.minimum(1, m / np.linalg.norm(weight, axis=1, keepdims=True)))": (
        {"weight": np.array([[3.0, 4.0], [0.3, 0.4]]), "m": 1.0}, np.array([[0.6, 0.8], [0.3, 0.4]])),
    # losses
}


def test_the_texts_are_searched_well() -> None:
    assert list(code_in("use a @ b, of the logits")) == ["a @ b"]
    assert list(code_in("use t[:, None] or np.expand_dims(t, axis)")) == ["t[:, None]", "np.expand_dims(t, axis)"]
    assert list(code_in("use .astype(np.float32) and the like; use -= inside `with tg.no_grad():`")) == [
        "t.astype(np.float32)", "tg.no_grad()"]
    assert list(code_in("minimize -loss, write axis= or side='right', or leave it out")) == []


def test_every_expression_has_a_check() -> None:
    assert set(CHECKS) == CODE


@pytest.mark.parametrize("code", CHECKS)
def test_a_cure_computes_what_it_is_for(code: str) -> None:
    given, expected = CHECKS[code]
    scope = {"tg": tg, "np": np, "DataLoader": tg.DataLoader}
    scope |= {k: tg.Tensor(v) if isinstance(v, np.ndarray) else v for k, v in given.items()}
    before = tg.get_default_dtype()
    try:
        if " = " in code and code.split(" = ")[0].replace(".", "").isidentifier():
            exec(code, scope)
            code = code.split(" = ")[0]
        result = eval(code, scope)
        if callable(expected):
            assert expected(result)
        elif isinstance(expected, np.ndarray | float):
            np.testing.assert_allclose(np.asarray(result), expected, rtol=1e-12)
        else:
            assert result == expected
    finally:
        tg.set_default_dtype(before)
