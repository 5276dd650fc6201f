"""Learn to learn: the gradient of a loss after a step of descent, through the step itself."""

import numpy as np

import tinygrad_gd as tg

rng = np.random.default_rng(0)


def network(p, x):
    hidden = np.tanh(x @ p["w1"] + p["b1"])
    return np.tanh(hidden @ p["w2"] + p["b2"]) @ p["w3"]


def loss(p, x, y):
    return np.mean((network(p, x) - y) ** 2)


def adapted(start, x, y):
    """The parameters after one step of descent on ten points, with rates that are learned, too."""
    slope = tg.grad(loss)(start["p"], x, y)
    return {name: p - start["rates"][name] * slope[name] for name, p in start["p"].items()}


def loss_after_one_step(start, x, y, x_new, y_new):
    return loss(adapted(start, x, y), x_new, y_new)


def task():
    """Twenty points of a sine wave of any height and phase: ten to learn from, ten to be judged by."""
    height, phase = rng.uniform(0.5, 2.0), rng.uniform(0, np.pi)
    x = rng.uniform(-3, 3, (20, 1))
    y = height * np.sin(x + phase)
    return x[:10], y[:10], x[10:], y[10:]


shapes = {"w1": (1, 32), "b1": (32,), "w2": (32, 32), "b2": (32,), "w3": (32, 1)}
p = {name: rng.standard_normal(shape) / np.sqrt(shape[0]) for name, shape in shapes.items()}
start = {"p": p, "rates": {name: 0.05 for name in shapes}}
tasks = [task() for _ in range(100)]


def average(start):
    """The loss on waves that were never trained on: before the step, and after it."""
    before = np.mean([loss(start["p"], *t[2:]).item() for t in tasks])
    after = np.mean([loss_after_one_step(start, *t).item() for t in tasks])
    return before, after


fresh = average(start)
print(f"an ordinary start: loss={fresh[0]:.3f}, after one step {fresh[1]:.3f}")
descend = tg.grad(loss_after_one_step)
for epoch in range(1, 1201):
    slopes = [descend(start, *task()) for _ in range(4)]
    for kind, lr in (("p", 0.02), ("rates", 0.001)):
        for name in shapes:
            slope = np.mean([s[kind][name].numpy() for s in slopes], axis=0)
            start[kind][name] = start[kind][name] - lr * np.clip(slope, -1, 1)
    if epoch % 300 == 0:
        learned = average(start)
        print(f"epoch {epoch}: loss={learned[0]:.3f}, after one step {learned[1]:.3f}")

assert learned[1] < 0.5 * fresh[1]
