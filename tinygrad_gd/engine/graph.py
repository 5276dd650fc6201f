"""Walks over what was recorded."""

from __future__ import annotations

from .tensor import Tensor


def nodes_of(root: Tensor) -> list[Tensor]:
    """The recorded tensors that ``root`` was computed from, in the order of their creation."""
    found, pending = {root}, [root]
    while pending:
        for x in pending.pop()._inputs:
            if isinstance(x, Tensor) and x not in found:
                found.add(x)
                pending.append(x)
    return sorted((t for t in found if t._primitive is not None), key=lambda t: t._seq)


def leaves_of(root: Tensor) -> list[Tensor]:
    """The leaves that a gradient flows to, in the order in which they were used."""
    return list(dict.fromkeys(x for node in nodes_of(root) for x in node._inputs
                              if isinstance(x, Tensor) and x.is_leaf and x._requires_grad))
