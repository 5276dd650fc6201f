"""A gallery of computation graphs, from a neuron to a transformer: what is large is folded.

Each picture is one page at most. Pass a folder to keep them: python 18_gallery.py pictures
"""

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import tinygrad_gd as tg

tg.manual_seed(0)
rng = np.random.default_rng(0)


def parameter(name, *shape):
    return tg.Tensor(rng.normal(0, 0.5, shape), requires_grad=True, name=name)


def neuron():
    """Micrograd's example: scalars, from left to right."""
    x1, x2, w1, w2, b = (tg.Tensor(v, requires_grad=True, name=n) for n, v in (
        ("x1", 2.0), ("x2", 0.0), ("w1", -3.0), ("w2", 1.0), ("b", 6.8813735870195432)))
    out = np.tanh(x1 * w1 + x2 * w2 + b)
    out.backward()
    return tg.draw(out)


def network():
    """The loss of a small network: each layer with its parameters and their gradients."""
    net = tg.nn.Sequential(tg.nn.Linear(64, 32), tg.nn.ReLU(), tg.nn.Linear(32, 10))
    images, labels = rng.normal(size=(64, 64)), np.arange(64) % 10
    loss = tg.nn.cross_entropy(net(images), labels)
    loss.backward()
    return tg.draw(loss)


def recurrent():
    """Twenty steps of a recurrent net: the first, the last, and the gradients along those between."""
    W_x, W_h, b_h = parameter("W_x", 4, 8), parameter("W_h", 8, 8), parameter("b_h", 8)
    W_o = parameter("W_o", 8, 1)
    h = np.zeros((2, 8))
    for x in rng.normal(size=(20, 2, 4)):
        h = np.tanh(x @ W_x + h @ W_h + b_h)
    loss = ((h @ W_o - 1) ** 2).mean()
    loss.backward()
    return tg.draw(loss)


def transformer():
    """A model, run and drawn: modules are boxes, and equal ones are drawn once."""
    layer = tg.nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
    model = tg.nn.TransformerEncoder(layer, 6)
    return tg.draw(model, rng.normal(size=(2, 8, 32)))


def step():
    """A compiled training step: forward pass, backward pass and update."""
    w, b = parameter("w", 3, 1), parameter("b", 1)
    optimizer = tg.optim.SGD([w, b], lr=0.1)

    @tg.compile
    def train(x, y):
        loss = ((x @ w + b - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(2):
        train(rng.normal(size=(8, 3)), np.ones((8, 1)))
    return tg.draw(train)


def not_a_number():
    """Where a NaN begins is marked; what it spreads to is not."""
    weights = tg.Tensor([1.0, -1.0, 0.0], requires_grad=True, name="weights")
    with np.errstate(all="ignore"):
        loss = (np.log(weights) * 2).sum()
        loss.backward()
    return tg.draw(loss)


def save_all(folder):
    for build in (neuron, network, recurrent, transformer, step, not_a_number):
        drawing = build()
        svg = drawing.save(folder / f"{build.__name__}.svg", engine="bundled").read_text()
        size = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', svg)
        width, height = float(size[1]), float(size[2])
        assert width <= 900 and height <= 2000, build.__name__
        assert not drawing.differs(folder / f"{build.__name__}.svg", engine="bundled")
        print(f"{build.__doc__}\n  {drawing.graph.total} nodes in {len(drawing.graph.nodes)} boxes, "
              f"{width:.0f} x {height:.0f} points")
    print(f"\nIn letters:\n{recurrent()}")


if len(sys.argv) > 1:
    Path(sys.argv[1]).mkdir(exist_ok=True)
    save_all(Path(sys.argv[1]))
else:
    with TemporaryDirectory() as temporary:
        save_all(Path(temporary))
