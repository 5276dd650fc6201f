"""Nested lists, tuples, namedtuples and dicts of numbers, as functions take and return them.

A *leaf* is whatever is none of these containers; None is a container of nothing, as in JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from typing import Any

from ..errors import ShapeError

_SEQUENCES = (list, tuple)  # isinstance is faster with a tuple of types than with a union


def children(tree: Any) -> dict[str, Any] | None:
    """The parts of a container by their place in it, or None for a leaf."""
    if isinstance(tree, dict):
        return {f"[{key!r}]": part for key, part in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return {f".{name}": part for name, part in zip(tree._fields, tree, strict=True)}
    if isinstance(tree, _SEQUENCES):
        return {f"[{i}]": part for i, part in enumerate(tree)}
    return {} if tree is None else None


def flatten(tree: Any) -> list[Any]:
    """The leaves, in order.

    >>> flatten({"w": [1.0, 2.0], "b": (None, 3.0)})
    [1.0, 2.0, 3.0]
    """
    if isinstance(tree, dict):
        tree = tree.values()
    elif not isinstance(tree, _SEQUENCES):
        return [] if tree is None else [tree]
    return [leaf for part in tree for leaf in flatten(part)]


def unflatten(model: Any, leaves: Iterable[Any]) -> Any:
    """A tree of the form of ``model`` with other leaves.

    >>> unflatten({"w": [0, 0], "b": (None, 0)}, [1.0, 2.0, 3.0])
    {'w': [1.0, 2.0], 'b': (None, 3.0)}
    """
    return _rebuilt(model, iter(leaves))


def _rebuilt(model: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(model, dict):
        filled = {key: _rebuilt(part, leaves) for key, part in model.items()}
        if type(model) is dict:
            return filled
        other = copy(model)  # a defaultdict keeps its default
        other.update(filled)
        return other
    if isinstance(model, _SEQUENCES):
        parts = [_rebuilt(part, leaves) for part in model]
        return type(model)(*parts) if hasattr(model, "_fields") else type(model)(parts)
    return None if model is None else next(leaves)


def tree_map(function: Callable[[Any], Any], tree: Any) -> Any:
    """``function`` of every leaf, in a tree of the same form."""
    return unflatten(tree, map(function, flatten(tree)))


def flatten_like(model: Any, tree: Any, what: str) -> list[Any]:
    """The leaves of ``tree``, which must have the form of ``model``; ``what`` names it in errors.

    None in place of a leaf or a container of leaves stands for zeros and is kept for each leaf.

    >>> flatten_like({"w": 0, "b": 0}, {"b": 1.0, "w": 2.0}, "tangents")
    [2.0, 1.0]
    """
    if tree is None:
        return [None] * len(flatten(model))
    parts, mine = children(model), children(tree)
    if parts is None and mine is None:
        return [tree]
    if parts is None or mine is None or parts.keys() != mine.keys():
        raise ShapeError(f"{what}: expected {form(model)}, got {form(tree)}; give it the same nesting, "
                         "keys and lengths")
    return [leaf for key, part in parts.items()
            for leaf in flatten_like(part, mine[key], what + key)]


def places(tree: Any, here: str = "") -> list[str]:
    """Where each leaf is: ``['w']`` or ``[0].weight``, in the order of `flatten`."""
    parts = children(tree)
    if parts is None:
        return [here]
    return [place for key, part in parts.items() for place in places(part, here + key)]


def form(tree: Any) -> str:
    """The nesting of a tree in words, with ``*`` for its leaves.

    >>> form({"w": [1.0, 2.0], "b": (3.0, None)})
    "{'w': [*, *], 'b': (*, None)}"
    """
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key!r}: {form(part)}" for key, part in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(form, tree)) + "]"
    if isinstance(tree, tuple):
        name = type(tree).__name__ if hasattr(tree, "_fields") else ""
        return f"{name}({', '.join(map(form, tree))})"
    return "None" if tree is None else "*"
