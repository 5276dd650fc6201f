"""Fair timing: agree on the losses first, then interleave, then take medians."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import isclose
from operator import truediv
from statistics import median
from time import perf_counter
from typing import Any


def available(peers: Any) -> tuple[list[Any], list[str]]:
    """The peers whose library is installed, and a sentence for each that is not."""
    present, notes = [], []
    for peer in peers:
        try:
            present.append(peer())
        except ImportError as error:
            notes.append(f"{peer.label}: skipped, {error}")
    return present, notes


def steps_of(peers: list[Any], work: Any) -> dict[str, Callable[[], float]]:
    """The step of every peer that takes part in a workload."""
    return {p.label: getattr(p, work.build)(work) for p in peers if hasattr(p, work.build)}


def check_agreement(steps: dict[str, Callable[[], float]], count: int = 5) -> list[float]:
    """Run a few steps of every peer; their losses must be the first one's (relative 1e-4)."""
    losses = {name: [step() for _ in range(count)] for name, step in steps.items()}
    first, expected = next(iter(losses.items()))
    for name, got in losses.items():
        if not all(isclose(a, b, rel_tol=1e-4) for a, b in zip(got, expected, strict=True)):
            raise AssertionError(f"{name} computes the losses {got}, {first} computes {expected}")
    return expected


def seconds_of(step: Callable[[], Any], repeats: int) -> float:
    start = perf_counter()
    for _ in range(repeats):
        step()
    return (perf_counter() - start) / repeats


@contextmanager
def only_own_garbage() -> Iterator[None]:
    """Take what is there already from the garbage collector's eyes.

    Otherwise one library pays, in every round anew, for going through what all libraries and
    workloads before it have left.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def race(
    steps: dict[str, Callable[[], Any]], rounds: int = 15, seconds: float = 0.03
) -> dict[str, float]:
    """Seconds per call: rounds A B C A B C, each long enough to fill ``seconds``.

    Of A it is the median; of the others, that times the median of their ratio to A in the same round,
    since a machine's clock may change between rounds.
    """
    repeats = {}
    for name, step in steps.items():
        step()
        repeats[name] = max(1, round(seconds / seconds_of(step, 3)))
    times: dict[str, list[float]] = {name: [] for name in steps}
    with only_own_garbage():
        for _ in range(rounds):
            for name, step in steps.items():
                times[name].append(seconds_of(step, repeats[name]))
    first = next(iter(times.values()))
    ratios = {name: median(map(truediv, t, first)) for name, t in times.items()}
    return {name: median(first) * ratio for name, ratio in ratios.items()}
