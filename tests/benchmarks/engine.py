"""What the engine itself costs: long chains, and calls against the bare NumPy function."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

import tinygrad_gd as tg

from .measure import only_own_garbage, race


def grow(x: Any, n: int) -> Any:
    """A chain of ``n`` scalar operations."""
    for _ in range(n // 2):
        x = x * 1.0001 + 0.0001
    return x


def chain_seconds(leaf: Callable[[], Any], n: int) -> tuple[float, float]:
    """Seconds per operation to record a chain of ``n``, and to differentiate it."""
    x = leaf()
    start = perf_counter()
    y = grow(x, n)
    recorded = perf_counter()
    y.backward()
    done = perf_counter()
    return (recorded - start) / n, (done - recorded) / n


def chain_bytes(n: int) -> tuple[float, float]:
    """Bytes per recorded operation beyond its 8-byte value, and what is left after ``del``.

    The garbage collector is off, so that what is freed is freed by reference counting.
    """
    gc.collect()
    gc.disable()
    x = tg.Tensor(1.0, requires_grad=True)
    grow(x, 100).backward()
    tracemalloc.start()
    try:
        y = grow(x, n)
        held = tracemalloc.get_traced_memory()[0]
        y.backward()
        del y
        left = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        gc.enable()
    return held / n - 8, left / n


def deep(quick: bool, peers: list[Any]) -> tuple[list[str], list[list[str]]]:
    """Time and bytes per operation of chains of growing length."""
    torch = next((p.torch for p in peers if p.label == "PyTorch"), None)
    leaves: dict[str, Callable[[], Any]] = {
        "tinygrad_gd": lambda: tg.Tensor(1.0, requires_grad=True)}
    if torch is not None:
        leaves["PyTorch"] = lambda: torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    rows = []
    for n in (10**3, 10**4) if quick else (10**3, 10**4, 10**5, 10**6):
        rounds = max(3, min(15, 10**5 // n))
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in leaves}
        with only_own_garbage():
            for _ in range(rounds):
                for name, leaf in leaves.items():
                    times[name].append(chain_seconds(leaf, n))
        row = [f"{n:,}"]
        for name in leaves:
            record, derive = (median(t) * 1e6 for t in zip(*times[name], strict=True))
            row.append(f"{record:.2f} + {derive:.2f} = {record + derive:.2f}")
        held, left = chain_bytes(n)
        rows.append([*row, f"{held:.0f}", f"{left:.1f}"])
    header = ["operations", *(f"{name}: record + backward, µs each" for name in leaves),
              "bytes each", "left after del"]
    return header, rows


#: Ten operations on two matrices; the same text for arrays and Tensors where NumPy's words allow.
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "x + y": lambda x, y: x + y,
    "x * 2.0": lambda x, y: x * 2.0,
    "x > y": lambda x, y: x > y,
    "np.exp(x)": lambda x, y: np.exp(x),
    "np.maximum(x, y)": lambda x, y: np.maximum(x, y),
    "x @ y": lambda x, y: x @ y,
    "x.sum(axis=0)": lambda x, y: x.sum(axis=0),
    "x.reshape(-1)": lambda x, y: x.reshape(-1),
    "x[2:5]": lambda x, y: x[2:5],
    "np.concatenate([x, y])": lambda x, y: np.concatenate([x, y]),
}


def overhead(quick: bool) -> tuple[list[str], list[list[str]]]:
    """Microseconds of our own per call, forward, above NumPy on the same arrays."""
    x, y = np.random.default_rng(0).standard_normal((2, 10, 10))
    tx, ty = (tg.Tensor(a, requires_grad=True) for a in (x, y))
    rows, extra = [], []
    for name, call in OPERATIONS.items():
        calls = {"np": partial(call, x, y), "tg": partial(call, tx, ty)}
        times = race(calls, *(3, 0.0005) if quick else (21, 0.005))
        extra.append((times["tg"] - times["np"]) * 1e6)
        rows.append([name, f"{times['np'] * 1e6:.2f}", f"{times['tg'] * 1e6:.2f}",
                     f"{extra[-1]:.2f}"])
    rows.append(["median", "", "", f"{median(extra):.2f}"])
    return ["operation (10 x 10)", "NumPy, µs", "tinygrad_gd, µs", "our own, µs"], rows
