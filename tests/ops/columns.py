"""Layers whose products are so large that their results lie by columns, and networks of them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

import tinygrad_gd as tg

RNG = np.random.default_rng(0)


def values(*shape: int, dtype: Any = np.float32) -> Any:
    return RNG.standard_normal(shape).astype(dtype)


def layer(terms: int, columns: int, dtype: Any = np.float32) -> Any:
    made = tg.nn.Linear(terms, columns)
    made.weight = tg.nn.Parameter(values(columns, terms, dtype=dtype) / terms**0.5)
    made.bias = tg.nn.Parameter(values(columns, dtype=dtype))
    return made


def wide_network(*sizes: int) -> Any:
    layers: list[Any] = []
    for terms, columns in pairwise(sizes):
        layers += [layer(terms, columns), tg.nn.ReLU()]
    return tg.nn.Sequential(*layers[:-1])


def train(model: Any, x: Any, y: Any) -> Any:
    optimizer = tg.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def step() -> Any:
        optimizer.zero_grad()
        loss = tg.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step
