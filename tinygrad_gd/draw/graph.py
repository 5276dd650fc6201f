"""The neutral view of a recorded graph that every picture is made from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import user_frame
from ..tensor import Tensor


class Node(NamedTuple):
    """One value of the graph: what a picture says of it."""

    id: str
    kind: str  # param, input, const, op, act, red, view or loss
    name: str
    word: str  # the operation's name, or the kind in a word
    shape: tuple[int, ...]
    value: str
    grad: str


class Graph(NamedTuple):
    """Nodes in the order in which they were made, edges as (from, to, how many times)."""

    nodes: list[Node]
    edges: list[tuple[str, str, int]]


def graph_of(root: Tensor) -> Graph:
    """All that ``root`` was computed from; iterative, in time linear in the graph."""
    found: dict[int, Any] = {id(root): root}
    stack = [root]
    constants: dict[Any, Any] = {}  # equal arrays are one node: recorded copies of one array
    while stack:
        for x in stack.pop()._inputs:
            if isinstance(x, Tensor):
                if id(x) not in found:
                    found[id(x)] = x
                    stack.append(x)
            elif isinstance(x, np.ndarray):
                constants.setdefault(_key(x), x)
    tensors = sorted(found.values(), key=lambda t: t._seq)
    names = _names_in_frame()
    ids: dict[Any, str] = {}
    nodes, edges = [], []
    for t in tensors:
        sources: dict[str, int] = {}
        for x in t._inputs:
            if isinstance(x, np.ndarray) and _key(x) not in ids:
                ids[_key(x)] = f"n{len(ids)}"
                nodes.append(Node(ids[_key(x)], "const", names.get(_key(x), "const"), "const",
                                  x.shape, summary(x), ""))
            if isinstance(x, np.ndarray | Tensor):
                source = ids[id(x) if isinstance(x, Tensor) else _key(x)]
                sources[source] = sources.get(source, 0) + 1
        ids[id(t)] = f"n{len(ids)}"
        nodes.append(_node(ids[id(t)], t, t is root, names))
        edges += [(source, ids[id(t)], times) for source, times in sources.items()]
    return Graph(nodes, edges)


def _key(x: Any) -> Any:
    return x.shape, x.dtype.str, x.tobytes()


def _names_in_frame() -> dict[Any, str]:
    """Variable names in the user's frame, by identity of Tensors and by content of arrays."""
    frame = user_frame()
    names: dict[Any, str] = {}
    for scope in (frame.f_globals, frame.f_locals) if frame else ():
        for name, value in scope.items():
            if not name.isidentifier() or name.startswith("_"):
                continue
            if isinstance(value, Tensor):
                names[id(value)] = name
            elif isinstance(value, np.ndarray) and value.dtype.kind in "fiub" and value.size < 10**6:
                names[_key(value)] = name
    return names


def _node(node_id: str, t: Tensor, is_root: bool, names: dict[Any, str]) -> Node:
    primitive = t._primitive
    name = t.name or names.get(id(t), "")
    grad = "" if t._grad is None else summary(t._grad._data, gradient=True)
    if primitive is None:
        kind = "param" if t.requires_grad else "input"
        return Node(node_id, kind, name or kind, kind, t.shape, summary(t._data), grad)
    scalars = [f"{x:g}" for x in t._inputs if isinstance(x, int | float)]
    word = " ".join([primitive.name, *scalars])
    kind = "loss" if is_root else primitive.kind
    return Node(node_id, kind, name or word, word, t.shape, summary(t._data), grad)


def number(x: float) -> str:
    """Four decimals, or an exponent where they would say nothing."""
    if not np.isfinite(x):
        return str(x)
    return f"{x:.4f}" if x == 0 or 1e-3 <= abs(x) < 1e5 else f"{x:.1e}"


def summary(array: Any, gradient: bool = False) -> str:
    """A scalar as it is; an array by mean and deviation, a gradient by its norm."""
    array = np.asarray(array)
    if array.size == 0:
        return "empty"
    if array.size == 1:
        return number(float(array.reshape(-1)[0]))
    bad = int(array.size - np.count_nonzero(np.isfinite(array)))
    if bad:
        return f"{bad} not finite"
    if gradient:
        return f"norm {number(float(np.linalg.norm(array)))}"
    if array.dtype.kind != "f":
        return f"{array.min()} .. {array.max()}"
    return f"mean {number(float(array.mean()))} std {number(float(array.std()))}"
