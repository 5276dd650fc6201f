"""The neutral view of a recorded graph that every picture is made from.

Nodes are numbered in topological order (an operation by its creation, a leaf or array when it is
first used), so the same program gives the same picture. All walks are loops: depth is no limit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..engine.cotangents import cotangents_of
from ..engine.graph import Node, nodes_of
from ..engine.tensor import Tensor
from ..errors import GradError
from ..ground.modes import current_mode, no_grad
from ..ground.observer import Observer, observe
from .figures import gradient_summary, value_summary
from .names import array_key, names_for, options_of

#: No layout engine is asked to place more nodes than this; of larger graphs the last ones are drawn.
LIMIT = 2_000
LAST = 50


class Box(NamedTuple):
    """One value of the graph: what a picture says of it."""

    id: str
    kind: str  # param, input, const, op, act, red, view, loss or fold
    name: str  # the user's, or ""
    operation: str  # the primitive's name, or ""
    options: str  # those that are not defaults: "axis=1 keepdims=True"
    shape: str
    value: str
    grad: str
    inputs: tuple[str, ...]  # ids, and numbers as text, in the order of the call

    @property
    def title(self) -> str:
        """The name, else the operation, else the kind in a word."""
        return self.name or self.operation or self.kind


class Edge(NamedTuple):
    """One value used by an operation."""

    source: str
    target: str
    times: int
    flows: bool  # whether a gradient flows back along it
    main: bool  # whether it is on the longest path to the result


class Graph(NamedTuple):
    """What is drawn, and the totals of what was recorded."""

    nodes: list[Box]
    edges: list[Edge]
    total: int
    parameters: int
    numbers: int  # in the parameters
    newer: list[str]  # leaves overwritten since they were used

    @property
    def hidden(self) -> int:
        """How many recorded nodes are not drawn."""
        return self.total - sum(n.kind != "fold" for n in self.nodes)


class _Walk:
    """All that a tensor was computed from, numbered."""

    def __init__(self, root: Tensor) -> None:
        self.root = root
        self.operations = [node.tensor for node in nodes_of(root)]
        self.number: dict[Any, int] = {}
        self.held: dict[Any, Any] = {}  # leaves and arrays by key
        self.keys: dict[int, Any] = {}  # of arrays that are alive, so id() is unique
        for t in self.operations:
            for x in t.inputs:
                if isinstance(x, np.ndarray) or (isinstance(x, Tensor) and x.is_leaf):
                    self._add(self.key(x), x)
            self._add(t, t)
        if root.is_leaf:
            self._add(root, root)

    def _add(self, key: Any, x: Any) -> None:
        if key not in self.number:
            self.number[key] = len(self.number)
            self.held[key] = x

    def key(self, x: Any) -> Any:
        """Equal arrays are one node, since the engine keeps a copy for each use."""
        if isinstance(x, Tensor):
            return x
        if id(x) not in self.keys:
            self.keys[id(x)] = array_key(x)
        return self.keys[id(x)]

    def sources(self, t: Tensor) -> list[Any]:
        """Keys of the tensors and arrays that ``t`` was computed from, one per use."""
        return [self.key(x) for x in t.inputs if isinstance(x, Tensor | np.ndarray)]

    def last(self, count: int) -> list[Any]:
        """The youngest operations with the leaves they use, ``count`` nodes, in order."""
        chosen: set[Any] = {self.root}
        for t in reversed(self.operations):
            if len(chosen) >= count:
                break
            leaves = (k for k in self.sources(t) if not isinstance(k, Tensor) or k.is_leaf)
            for key in (t, *leaves):
                if len(chosen) < count:
                    chosen.add(key)
        return sorted(chosen, key=self.number.__getitem__)


def graph_of(root: Tensor, last: int | None = None) -> Graph:
    """The graph of ``root``, or its ``last`` nodes; in time and memory linear in the graph."""
    walk = _Walk(root)
    total = len(walk.number)
    if last is None and total > LIMIT:
        last = LAST
    keys = list(walk.number) if last is None or last >= total else walk.last(last)
    names = names_for([walk.held[k] for k in keys])
    gradients = _gradients(walk, set(keys))
    leaves = [x for x in walk.held.values() if isinstance(x, Tensor) and x.is_leaf]
    learned = [x for x in leaves if x.requires_grad]
    nodes = [_node(walk, key, names, gradients) for key in keys]
    newer = [n.title for key, n in zip(keys, nodes, strict=True) if _is_newer(walk, key)]
    fold, edges = _edges(walk, keys)
    return Graph(fold + nodes, edges, total, len(learned), sum(x.size for x in learned), newer)


def _is_newer(walk: _Walk, key: Any) -> bool:
    """Whether a leaf was overwritten after the result was computed."""
    return isinstance(key, Tensor) and key.is_leaf and Node(key).number > Node(walk.root).number


def _edges(walk: _Walk, keys: list[Any]) -> tuple[list[Box], list[Edge]]:
    """Edges between the drawn nodes, and one node that stands for all that is not drawn."""
    drawn = set(keys)
    sources = {k: walk.sources(walk.held[k]) if isinstance(k, Tensor) else [] for k in keys}
    main = _longest_path(walk, keys, sources)
    merged: dict[tuple[str, str], Edge] = {}
    for key in keys:
        for source, flows in zip(sources[key], _flows(walk.held[key]), strict=True):
            ends = _id(walk, source) if source in drawn else "hidden", _id(walk, key)
            edge = merged.get(ends, Edge(*ends, 0, False, False))
            merged[ends] = Edge(*ends, edge.times + 1, edge.flows or flows,
                                edge.main or (source, key) in main)
    hidden = len(walk.number) - len(keys)
    title = f"{hidden:,} earlier node{'s' if hidden > 1 else ''}"
    fold = [Box("hidden", "fold", title, "", "", "", "", "", ())] if hidden else []
    return fold, list(merged.values())


def _longest_path(walk: _Walk, keys: list[Any], sources: dict[Any, list[Any]]) -> set[Any]:
    """The edges, as (source, target), of the longest path that ends in the result."""
    deep = len(walk.number)  # the depth of what is not drawn
    depth: dict[Any, int] = {}
    best: dict[Any, Any] = {}
    for key in keys:
        best[key] = max(sources[key], key=lambda k: depth.get(k, deep), default=None)
        depth[key] = 1 + depth.get(best[key], deep) if sources[key] else 0
    path, key = set(), walk.root
    while best.get(key) is not None:
        path.add((best[key], key))
        key = best[key]
    return path


def _flows(t: Any) -> list[bool]:
    """For each tensor or array among the inputs: whether a gradient flows back to it."""
    if not isinstance(t, Tensor) or t.op is None:
        return []
    rules = t.op.vjps
    return [isinstance(x, Tensor) and x.requires_grad and rules[i] is not None
            for i, x in enumerate(t.inputs) if isinstance(x, Tensor | np.ndarray)]


def _id(walk: _Walk, key: Any) -> str:
    return f"n{walk.number[key]}"


def _node(walk: _Walk, key: Any, names: dict[Any, str], gradients: dict[Tensor, Any]) -> Box:
    x, node_id = walk.held[key], _id(walk, key)
    shape = (str(x.shape) if x.shape else "scalar") + ("" if x.dtype.kind == "f" else f" {x.dtype}")
    name = names.get(key, "")
    if not isinstance(x, Tensor):
        return Box(node_id, "const", name, "", "", shape, value_summary(x), "", ())
    read = Node(x)
    held = gradients.get(x) if read.grad is None else read.grad
    grad = "" if held is None else gradient_summary(held)
    if x.op is None:
        kind = "param" if x.requires_grad else "input"
        return Box(node_id, kind, name, "", "", shape, value_summary(read.value), grad, ())
    inputs = tuple(_id(walk, walk.key(i)) if isinstance(i, Tensor | np.ndarray) else _literal(i)
                   for i in x.inputs)
    kind = "loss" if x is walk.root else x.op.kind
    value = value_summary(read.value, activation=x.op.kind == "act")
    return Box(node_id, kind, name, x.op.name, options_of(x), shape, value, grad, inputs)


def _literal(x: Any) -> str:
    """A plain number among the inputs, in a few digits: ``2.0``, ``2.828``, ``-1e+09``."""
    return f"{x}" if len(f"{x}") <= 8 else f"{x:.4g}" if isinstance(x, float) else f"{x:,}"


class _Cotangents(Observer):
    """Notes the complete cotangents of those operations' results that are drawn."""

    def __init__(self, drawn: set[Any]) -> None:
        self.drawn = drawn
        self.of: dict[Tensor, Any] = {}

    def backward(self, out: Any, position: int, g: Any, gx: Any) -> None:
        if out in self.drawn:
            self.of[out] = g


def _gradients(walk: _Walk, drawn: set[Any]) -> dict[Tensor, Any]:
    """After `backward`: d(root)/d(node) for the operations, whose gradients the engine let go.

    Computed again on the side. Nothing is shown where that could be noticed (hooks, observers) or
    would not be the gradient the leaves hold (several elements, values overwritten since).
    """
    tensors = [x for x in walk.held.values() if isinstance(x, Tensor)]
    done = any(Node(x).grad is not None for x in tensors if x.is_leaf)
    watched = current_mode().observer is not None or any(Node(x).hooked for x in tensors)
    if not done or watched or walk.root.size != 1 or not walk.root.requires_grad:
        return {}
    seen = _Cotangents(drawn)
    try:
        with no_grad(), observe(seen), np.errstate(all="ignore"):
            cotangents_of([walk.root], [np.ones(walk.root.shape, walk.root.dtype)[()]])
    except GradError:  # a value was overwritten since
        return {}
    return seen.of

