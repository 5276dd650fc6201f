"""Rows for `tinygrad_gd.ops.indexing`."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_gd as tg
from tinygrad_gd.ground.registry import by_name

from . import Sample, normal, torch_

X = normal(3, 4)
ROWS = [
    Sample("getitem", lambda x, k=key: x[k], (X,), label,
           torch=None if label == "step" else lambda x, k=key: x[k])  # it has no negative steps
    for label, key in {
        "integer": 1, "negative": -1, "slice": slice(0, 2), "step": (slice(None), slice(3, 0, -2)),
        "newaxis": (None, 1, ...), "repeated": np.array([0, 0, 2]),
        "pairs": (np.array([0, 1, 0]), np.array([3, 2, 3])),
        "mixed": (np.array([[0], [2]]), slice(1, 3)), "mask": X > 0,
        "row mask": np.array([True, False, True]), "empty": slice(0, 0),
    }.items()
]

SCATTER = {"key": (slice(0, 2),), "shape": (3, 4)}
ROWS.append(Sample("scatter", lambda g: scatter(g), (normal(2, 4),)))

ROW, TWO = np.array([2, 0]), normal(2, 4, seed=3)
ALONG = np.array([[0, 3], [1, 1], [2, 0]])


def at(x: Any) -> Any:
    return (x if isinstance(x, tg.Tensor) else tg.Tensor(x)).at


ROWS += [
    Sample("set_elements", lambda x, v: at(x)[ROW].set(v), (X, TWO),
           torch=lambda x, v: x.index_put((torch_("tensor")(ROW),), v)),
    Sample("set_elements", lambda x, v: at(x)[[1, 1]].set(v), (X, TWO), "the last write stays", smooth=False),
    Sample("set_elements", lambda x, v: at(x)[:, 1:3].set(v), (X, normal(seed=5)), "broadcast"),
    Sample("set_elements", lambda x, v: at(x)[X > 0].set(v), (X, normal(int((X > 0).sum()), seed=6)), "mask"),
    Sample("getitem", lambda x, v: at(x)[[0, 0]].add(v), (X, TWO), "at add"),
    Sample("getitem", lambda x, v: at(x)[ROW].multiply(v), (X, TWO), "at multiply"),
    Sample("getitem", lambda x, v: at(x)[[1, 1, 0, 1]].multiply(v), (X, normal(4, 4, seed=3)), "at multiply, repeated"),
    Sample("choose_elements", lambda x, v: at(x)[ROW].max(v), (X, TWO)),
    Sample("choose_elements", lambda x, v: at(x)[[1, 1, 0, 1]].min(v), (X, normal(4, 4, seed=3)), "repeated"),
    Sample("choose_elements", lambda x, v: at(x)[..., None, 1:3].max(v), (X, normal(seed=5)), "broadcast"),
    Sample("choose_elements", lambda x, v: at(x)[X > 0].max(v), (X, normal(int((X > 0).sum()), seed=6)), "mask"),
    Sample("scatter_add", lambda x, v: tg.scatter_add(x, ALONG, v, axis=1), (X, normal(3, 2, seed=4)),
           torch=lambda x, v: x.scatter_add(1, torch_("tensor")(ALONG), v)),
    Sample("take", lambda x: np.take(x, [[0, 2], [1, 1]], axis=-1), (X,), torch=lambda x: x[:, [[0, 2], [1, 1]]]),
    Sample("take", lambda x: np.take(x, [0, 11, -1]), (X,), "flat",
           torch=lambda x: x.take(torch_("tensor")([0, 11, -1]))),
    Sample("take_along_axis", lambda x: np.take_along_axis(x, ALONG, axis=1), (X,),
           torch=lambda x: x.take_along_dim(torch_("tensor")(ALONG), 1)),
    Sample("compress", lambda x: np.compress([True, False, True], x, axis=0), (X,), torch=lambda x: x[[0, 2]]),
    Sample("extract", lambda x: np.extract(X > 0, x), (X,), torch=lambda x: x[X > 0]),
    Sample("choose", lambda a, b: np.choose([1, 0, 1], [a, b]), (normal(3), normal(3, seed=1)), autograd=False),
    Sample("select", lambda a, b: np.select([X[0] > 0], [a], b), (normal(4), normal(4, seed=1))),
]


def scatter(g: Any) -> Any:
    """The rule of a slice, as a function of its own."""
    if isinstance(g, tg.Tensor):
        return tg.apply(by_name("scatter"), (g,), SCATTER)
    return by_name("scatter").function(g, **SCATTER)

ROWS += [
    Sample("put", lambda x, v: tg.put(x, [0, -1, 5], v), (X, normal(2, seed=3)), autograd=False),
    Sample("put_along_axis", lambda x, v: tg.put_along_axis(x, ALONG, v, axis=1), (X, normal(3, 2, seed=4)),
           autograd=False),
    Sample("putmask", lambda x, v: tg.putmask(x, X > 0, v), (X, normal(5, seed=3)), autograd=False),
    Sample("place", lambda x, v: tg.place(x, X > 0, v), (X, normal(2, seed=3)), autograd=False),
    Sample("fill_diagonal", lambda x, v: tg.fill_diagonal(x, v), (X, normal(3, seed=3)), autograd=False),
]
