"""Graphs that the tests of pictures draw."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_gd as tg
from tinygrad_gd.pictures import Drawing, draw


def line() -> Drawing:
    x = np.array([1.0, 2, 3, 4, 5])
    y = 2 * x + 1
    w, b = (tg.Tensor(0.0, requires_grad=True, name=n) for n in "wb")
    loss = ((w * x + b - y) ** 2).mean()
    loss.backward()
    return draw(loss)


def square() -> Drawing:
    a = tg.Tensor(3.0, requires_grad=True, name="a")
    return draw(a * a)


def scalars() -> Drawing:
    """The chain rule's usual example, all scalars."""
    a, b, c, f = (tg.Tensor(v, requires_grad=True, name=n)
                  for n, v in (("a", 2.0), ("b", -3.0), ("c", 10.0), ("f", -2.0)))
    loss = (a * b + c) * f
    loss.backward()
    return draw(loss)


def network() -> Drawing:
    net = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.ReLU(), tg.nn.Linear(4, 2))
    with tg.no_grad():
        for p in net.parameters():
            p.assign(np.linspace(-1, 1, p.size).reshape(p.shape))
    images, labels = np.arange(6.0).reshape(2, 3) / 10, np.array([0, 1])
    loss = tg.nn.cross_entropy(net(images), labels)
    loss.backward()
    return draw(loss)


def views() -> Drawing:
    x = tg.Tensor(np.arange(12.0).reshape(3, 4), requires_grad=True, name="x")
    y = np.concatenate([x.T.reshape(2, 6)[:, ::2], tg.Tensor(np.ones((2, 3)))], axis=0)
    result = (1 - np.where(y > 3, y, 0.5) / 3).sum(axis=1, keepdims=True).max()
    return draw(result)


def not_finite() -> Drawing:
    weights = tg.Tensor([1.0, -1.0, 0.0], requires_grad=True, name="weights")
    with np.errstate(all="ignore"):
        loss = np.log(weights).sum()
        loss.backward()
    return draw(loss)


def neuron() -> Drawing:
    """Micrograd's first example."""
    x1, x2, w1, w2, b = (tg.Tensor(v, requires_grad=True, name=n) for n, v in (
        ("x1", 2.0), ("x2", 0.0), ("w1", -3.0), ("w2", 1.0), ("b", 6.8813735870195432)))
    out = np.tanh(x1 * w1 + x2 * w2 + b)
    out.backward()
    return draw(out)


def expression() -> Drawing:
    """Micrograd's second example."""
    a, b = tg.Tensor(-4.0, requires_grad=True, name="a"), tg.Tensor(2.0, requires_grad=True, name="b")
    c, d = a + b, a * b + b**3
    c = c + c + 1
    c = c + 1 + c + (-a)
    d = d + d * 2 + tg.relu(b + a)
    d = d + 3 * d + tg.relu(b - a)
    f = (c - d) ** 2
    g = f / 2.0 + 10.0 / f
    g.backward()
    return draw(g)


def steps(count: int) -> tg.Tensor:
    """An unrolled recurrent net."""
    rng = np.random.default_rng(0)
    w_x, w_h, b_h, w_o = (tg.Tensor(rng.normal(size=shape) / 2, requires_grad=True, name=name)
                          for name, shape in (("W_x", (4, 8)), ("W_h", (8, 8)), ("b_h", 8), ("W_o", (8, 1))))
    h = np.zeros((2, 8))
    for x in rng.normal(size=(count, 2, 4)):
        h = np.tanh(x @ w_x + h @ w_h + b_h)
    return ((h @ w_o - 1) ** 2).mean()


def recurrent() -> Drawing:
    loss = steps(20)
    loss.backward()
    return draw(loss)


def gradient_of_gradient() -> Drawing:
    w, x = tg.Tensor(0.7, requires_grad=True, name="w"), tg.Tensor(2.0, name="x")
    (np.tanh(w * x) ** 2).backward(create_graph=True)
    return draw(w.grad)


def convolutions() -> Drawing:
    rng = np.random.default_rng(0)
    net = tg.nn.Sequential(tg.nn.Conv2d(1, 8, 3), tg.nn.ReLU(), tg.nn.MaxPool2d(2), tg.nn.Conv2d(8, 16, 3, padding=1),
                           tg.nn.ReLU(), tg.nn.MaxPool2d(2), tg.nn.Flatten(), tg.nn.Linear(64, 10))
    loss = tg.nn.cross_entropy(fixed(net)(rng.normal(size=(32, 1, 10, 10))), np.arange(32) % 10)
    loss.backward()
    return draw(loss)


def perceptron() -> Drawing:
    rng = np.random.default_rng(0)
    net = fixed(tg.nn.Sequential(tg.nn.Linear(64, 32), tg.nn.ReLU(), tg.nn.Linear(32, 10)))
    loss = tg.nn.cross_entropy(net(rng.normal(size=(64, 64))), np.arange(64) % 10)
    loss.backward()
    return draw(loss)


def fixed(net: Any) -> Any:
    """A model with the same parameters each time."""
    rng = np.random.default_rng(1)
    with tg.no_grad():
        for p in net.parameters():
            p.assign(rng.normal(size=p.shape) / 4)
    return net


class Normalize(tg.nn.Module):
    def __init__(self, size: int) -> None:
        self.g, self.b = tg.nn.Parameter(np.ones(size)), tg.nn.Parameter(np.zeros(size))

    def forward(self, x: Any) -> Any:
        mean = x.mean(axis=-1, keepdims=True)
        variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + 1e-5) * self.g + self.b


class Block(tg.nn.Module):
    """A transformer's, with four heads."""

    def __init__(self, size: int = 32) -> None:
        self.n1, self.n2 = Normalize(size), Normalize(size)
        self.qkv, self.proj = tg.nn.Linear(size, 3 * size), tg.nn.Linear(size, size)
        self.up, self.down = tg.nn.Linear(size, 4 * size), tg.nn.Linear(4 * size, size)

    def forward(self, x: Any) -> Any:
        batch, length, size = x.shape
        qkv = self.qkv(self.n1(x))
        q, k, v = (qkv[..., i * size : (i + 1) * size].reshape(batch, length, 4, size // 4).transpose(0, 2, 1, 3)
                   for i in range(3))
        scores = q @ k.swapaxes(-1, -2) / np.sqrt(size // 4)
        scores = np.where(np.tril(np.ones((length, length), bool)), scores, -1e9)
        mixed = (tg.softmax(scores, axis=-1) @ v).transpose(0, 2, 1, 3).reshape(batch, length, size)
        x = x + self.proj(mixed)
        return x + self.down(tg.gelu(self.up(self.n2(x))))


class Transformer(tg.nn.Module):
    def __init__(self, blocks: int) -> None:
        self.blocks, self.head = [Block() for _ in range(blocks)], tg.nn.Linear(32, 10)

    def forward(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def transformer(blocks: int) -> tg.Tensor:
    x = np.random.default_rng(0).normal(size=(2, 8, 32))
    logits = fixed(Transformer(blocks))(x)
    loss = tg.nn.cross_entropy(logits.reshape(-1, 10), np.arange(16) % 10)
    loss.backward()
    return loss


def scalar_net() -> tg.Tensor:
    """2,010 nodes: micrograd's moons demo with two layers of 18, on two points."""
    rng = np.random.default_rng(3)

    def layer(inputs: int, outputs: int) -> list[Any]:
        return [([tg.Tensor(float(v), requires_grad=True) for v in rng.normal(size=inputs)],
                 tg.Tensor(0.0, requires_grad=True)) for _ in range(outputs)]

    layers, total = [layer(2, 18), layer(18, 18), layer(18, 1)], None
    for sign in (1, -1):
        values = [tg.Tensor(float(v)) for v in rng.normal(size=2)]
        for k, neurons in enumerate(layers):
            sums = [sum((w * x for w, x in zip(ws, values, strict=True)), b) for ws, b in neurons]
            values = [tg.relu(s) if k < 2 else s for s in sums]
        term = tg.relu(1 - values[0] * sign)
        total = term if total is None else total + term
    assert total is not None
    total.backward()
    return total


def hostile() -> Drawing:
    """Names that are markup, and letters that few fonts have."""
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name='<b>&"w\\n{|}</b>')
    v = tg.Tensor(2.0, requires_grad=True, name="\u91cd\u307f \N{GRINNING FACE} \u0648\u0632\u0646")
    loss = ((w * v) ** 2).sum()
    loss.backward()
    return draw(loss)


def lettered() -> Drawing:
    """Names of one letter that comes again and again, of inputs and of results."""
    result = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    for letter in map(chr, range(33, 127)):
        result = result * tg.Tensor([1.0, 2.0], requires_grad=True, name=letter * 16)
        result.name = letter * 12
    return draw(result.sum(), fold=False)


def one_block() -> Drawing:
    return draw(transformer(1))


def six_blocks() -> Drawing:
    return draw(transformer(6))


def watched_blocks() -> Drawing:
    """A run of the same, with its modules."""
    return draw(fixed(Transformer(6)), np.random.default_rng(0).normal(size=(2, 8, 32)))


def two_thousand_scalars() -> Drawing:
    return draw(scalar_net())


BUILDERS = [line, square, scalars, network, views, not_finite, neuron, expression, recurrent,
            gradient_of_gradient, convolutions, perceptron, hostile, one_block, six_blocks,
            two_thousand_scalars]


def chain(operations: int) -> tg.Tensor:
    x = tg.Tensor(1.0, requires_grad=True, name="x")
    y = x
    for _ in range(operations):
        y = y + 1
    return y


def box(drawing: Any, title: str) -> Any:
    (found,) = (n for n in drawing.graph.nodes if n.title == title)
    return found


def rows(drawing: Any) -> dict[str, Any]:
    """The rows of leaves by their names."""
    return {row.name: row for n in drawing.graph.nodes for row in n.rows if row.kind in ("param", "input", "const")
            and row.text and (row.grad or row.kind != "param")}
