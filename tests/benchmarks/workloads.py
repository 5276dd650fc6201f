"""The workloads: seeded data and initial parameters, the same for every library.

A `Workload` names the method of a peer that builds the step (see `peers`), so that a network is
written once per library and measured at several sizes.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np


class Workload(NamedTuple):
    """One training problem.

    Attributes
    ----------
    about : what is trained, for the reader of the table.
    build : the peers' method that makes the step.
    x, y : the batch.
    params : initial parameters; for networks weight (out, in) and bias (out,) of each layer, for
        sequences those of PyTorch's modules in their order.
    lr : learning rate.
    loss : ``mse`` or ``cross_entropy``, for networks.
    """

    about: str
    build: str
    x: Any
    y: Any
    params: list[Any]
    lr: float
    loss: str = ""


def dense(rng: Any, sizes: tuple[int, ...]) -> list[Any]:
    """Weights and biases of a fully connected network, uniform as PyTorch draws them."""
    params = []
    for before, after in pairwise(sizes):
        for shape in ((after, before), (after,)):
            params.append(rng.uniform(-1, 1, shape).astype(np.float32) / np.float32(before**0.5))
    return params


def two_moons(rng: Any, n: int) -> tuple[Any, Any]:
    """Two interleaved half circles with noise, and which of them each point is on."""
    angle, side = rng.uniform(0, np.pi, n), np.arange(n) % 2
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.where(side[:, None] == 1, [1, 0.5] - circle, circle)
    return points + rng.normal(0, 0.1, points.shape), side


def line(quick: bool = False) -> Workload:
    x = np.arange(1, 6, dtype=np.float32)
    zero = np.zeros((), np.float32)
    return Workload("5 points, weight and bias", "line", x, 2 * x + 1, [zero, zero], 0.01)


def moons(quick: bool = False) -> Workload:
    rng = np.random.default_rng(0)
    x, side = two_moons(rng, 100)
    params = dense(rng, (2, 16, 16, 1))
    y = side[:, None].astype(np.float32)
    return Workload("100 x 2, 2-16-16-1, mse", "mlp", x.astype(np.float32), y, params, 0.05, "mse")


def classifier(batch: int, sizes: tuple[int, ...]) -> Workload:
    """A ReLU network with cross-entropy on noise: no figure depends on what the pixels show."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (batch, sizes[0])).astype(np.float32)
    y = rng.integers(0, sizes[-1], batch)
    about = f"{batch} x {sizes[0]}, {'-'.join(map(str, sizes))}, cross-entropy"
    return Workload(about, "mlp", x, y, dense(rng, sizes), 0.02, "cross_entropy")


def digits(quick: bool = False) -> Workload:
    return classifier(64, (64, 64, 32, 10))


def mnist(quick: bool = False) -> Workload:
    return classifier(128, (784, 64 if quick else 256, 128, 10))


def wide(quick: bool = False) -> Workload:
    width = 64 if quick else 1024
    return classifier(16 if quick else 512, (width, width, width, 10))


def scalars(quick: bool = False) -> Workload:
    """Micrograd's demo: every number of the network is an object of its own (float64)."""
    rng = np.random.default_rng(0)
    batch, hidden = (2, 4) if quick else (10, 16)
    x, side = two_moons(rng, batch)
    params = [p.astype(np.float64) for p in dense(rng, (2, hidden, hidden, 1))]
    about = f"{batch} x 2, 2-{hidden}-{hidden}-1 of scalars, max-margin"
    return Workload(about, "scalars", x, 2 * side - 1, params, 0.05)


def chain(quick: bool = False) -> Workload:
    rng = np.random.default_rng(0)
    n = 1_000 if quick else 1_000_000
    x, w = rng.uniform(0, 1, (2, n)).astype(np.float32)
    return Workload(f"30 elementwise operations on {n:,} floats", "chain", x, None, [w], 0.2 * n)


def adam(quick: bool = False) -> Workload:
    """The network of `mnist`, with another optimizer."""
    return mnist(quick)._replace(build="adam", lr=0.001)


def cnn(quick: bool = False) -> Workload:
    """Images of 8 x 8 pixels, two convolutions of 3 x 3."""
    rng = np.random.default_rng(0)
    batch, a, b = (4, 2, 4) if quick else (64, 16, 32)
    params = [p for after, before in ((a, 1), (b, a)) for p in (
        matrix(rng, after, before * 9).reshape(after, before, 3, 3), np.zeros(after, np.float32))]
    x = rng.uniform(0, 1, (batch, 1, 8, 8)).astype(np.float32)
    return Workload(f"{batch} x 8 x 8 pixels, {a} and {b} channels, 10 classes", "cnn", x,
                    rng.integers(0, 10, batch), [*params, *dense(rng, (4 * b, 10))], 0.1)


def vae(quick: bool = False) -> Workload:
    """A variational autoencoder; ``y`` is its noise."""
    rng = np.random.default_rng(0)
    batch, hidden, latent = (4, 8, 2) if quick else (64, 64, 8)
    x, noise = rng.uniform(0, 1, (batch, 64)).astype(np.float32), rng.normal(size=(batch, latent)).astype(np.float32)
    params = [*dense(rng, (64, hidden, 2 * latent)), *dense(rng, (latent, hidden, 64))]
    return Workload(f"{batch} x 64, 64-{hidden}-{latent}-{hidden}-64", "vae", x, noise, params, 0.01)


def lstm(quick: bool = False) -> Workload:
    """Rows of images one after the other, and a class from the last state."""
    rng = np.random.default_rng(0)
    steps, hidden = (4, 8) if quick else (28, 64)
    params = [matrix(rng, 4 * hidden, 28), matrix(rng, 4 * hidden, hidden), *np.zeros((2, 4 * hidden), np.float32),
              *dense(rng, (hidden, 10))]
    x = rng.uniform(0, 1, (32, steps, 28)).astype(np.float32)
    return Workload(f"32 x {steps} steps of 28, LSTM of {hidden}, 10 classes", "lstm", x, rng.integers(0, 10, 32), params, 0.05)


def gpt(quick: bool = False) -> Workload:
    """A transformer that tells the next character, with norms in front of its parts; four heads."""
    rng = np.random.default_rng(0)
    batch, length, width, layers = (2, 8, 16, 1) if quick else (16, 32, 64, 4)
    params = [matrix(rng, 65, width), matrix(rng, length, width)]
    for _ in range(layers):  # in the order of PyTorch's TransformerEncoderLayer
        for rows, columns in ((3, 1), (1, 1), (4, 1), (1, 4)):
            params += [matrix(rng, rows * width, columns * width), np.zeros(rows * width, np.float32)]
        params += [*norm(width), *norm(width)]
    params += [*norm(width), matrix(rng, 65, width), np.zeros(65, np.float32)]
    x, y = rng.integers(0, 65, (2, batch, length))
    return Workload(f"{batch} x {length} characters, {layers} layers of {width}", "gpt", x, y, params, 0.05)


def matrix(rng: Any, rows: int, columns: int) -> Any:
    return (rng.uniform(-1, 1, (rows, columns)) / columns**0.5).astype(np.float32)


def norm(width: int) -> tuple[Any, Any]:
    """Weight and bias of a layer norm."""
    return np.ones(width, np.float32), np.zeros(width, np.float32)


WORKLOADS = {f.__name__: f for f in (line, moons, digits, mnist, adam, cnn, vae, lstm, gpt, wide, scalars, chain)}
