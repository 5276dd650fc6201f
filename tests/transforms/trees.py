"""Nested containers of arrays, made and compared."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.oracles import assert_close


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


X, Y, V = normal(3), normal(3, seed=5), normal(3, seed=7)


def tree_of(function: Any, tree: Any) -> Any:
    if isinstance(tree, dict):
        return {k: tree_of(function, tree[k]) for k in sorted(tree)}
    if isinstance(tree, list | tuple):
        parts = [tree_of(function, x) for x in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return function(tree)


def assert_trees_close(actual: Any, expected: Any, rtol: float = 1e-12) -> None:
    assert type(actual) is type(expected) or not isinstance(expected, dict | list | tuple)
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys()
        for k in expected:
            assert_trees_close(actual[k], expected[k], rtol)
    elif isinstance(expected, list | tuple):
        assert len(actual) == len(expected)
        for a, e in zip(actual, expected, strict=True):
            assert_trees_close(a, e, rtol)
    else:
        assert_close(actual, expected, rtol)
