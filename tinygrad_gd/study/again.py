"""A recorded graph computed again: at other values, without its user's code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..engine.graph import Node, nodes_of, walk
from ..engine.primitive import apply
from ..engine.tensor import Tensor
from ..ground.modes import using
from ..ops.unnamed import is_graft


def again(root: Tensor, leaves: Mapping[Tensor, Any]) -> dict[Tensor, Any]:
    """What each Tensor of the graph is when these leaves are others; nobody watches.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True); loss = w * w + 1
    >>> again(loss, {w: tg.Tensor(4.0)})[loss].item()
    17.0
    """
    made: dict[Tensor, Any] = dict(leaves)
    with using(observer=None, lockstep=None, grad=True):
        for node in nodes_of(root):
            inputs = tuple(made.get(x, x) if isinstance(x, Tensor) else x for x in node.inputs)
            made[node.tensor] = apply(node.op, inputs, dict(node.params))
    return made


def twin(root: Tensor, names: Mapping[Tensor, str]) -> tuple[Tensor, dict[Tensor, Tensor]]:
    """The graph of ``root`` over copies of its leaves, which nobody writes into."""
    held = [x for x in walk([root]) if x.is_leaf]
    copies = {x: Tensor(Node(x).value, x.requires_grad, names.get(x)) for x in held}
    made = again(root, copies)
    for x, copy in made.items():
        if x in names:
            copy.name = names[x]
    return made[root], {x: copy for x, copy in copies.items() if x.requires_grad}


def is_open(root: Tensor) -> bool:
    """Whether a graph can be computed again: not where a function with rules of its own is inside."""
    return not any(is_graft(node.op) for node in nodes_of(root))
