"""``demo``: fit a line, see it diverge and why, do it right, and train on handwritten digits."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

import tinygrad_gd as tg

from ..study import Advice
from ..study.words import rates
from . import FINE

ABOUT = "fit a line, see it diverge and why; train on handwritten digits"
EXAMPLES = (("demo", "in four parts, in seconds; the graph goes to fit_line.svg"),)
FINDING = ""

X = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
Y = 2 * X + 1


def fit_line(lr: float, epochs: int) -> Iterator[tuple[float, float, float]]:
    """Gradient descent on weight * x + bias; yields (loss, weight, bias) after each update."""
    weight = tg.Tensor(0.0, requires_grad=True, name="weight")
    bias = tg.Tensor(0.0, requires_grad=True, name="bias")

    def step() -> tg.Tensor:
        loss = line_loss(weight, bias)
        weight.zero_grad()
        bias.zero_grad()
        loss.backward()
        with tg.no_grad():
            for parameter in (weight, bias):
                assert parameter.grad is not None
                parameter -= lr * parameter.grad
        return loss

    compiled = tg.compile(step)
    for _ in range(epochs):
        yield compiled().item(), weight.item(), bias.item()


def line_loss(weight: tg.Tensor, bias: tg.Tensor) -> tg.Tensor:
    """Mean squared error of the line on the tutorial's five points."""
    return ((weight * X + bias - Y) ** 2).mean()


def line_advice() -> Advice:
    """What the Hessian of the line's loss says about the learning rate."""
    weight, bias = (tg.Tensor(0.0, requires_grad=True, name=n) for n in ("weight", "bias"))
    return tg.advise(lambda: line_loss(weight, bias), [weight, bias])


def draw_line() -> str:
    """Save a picture of the loss at the start of the run; says where, or why there is none."""
    weight, bias = (tg.Tensor(0.0, requires_grad=True, name=n) for n in ("weight", "bias"))
    loss = line_loss(weight, bias)
    loss.backward()
    try:
        return f"{loss.draw().save('fit_line.svg').resolve()}"
    except (OSError, tg.TinygradGdError) as error:
        return f"not saved: {error}"


def demo_line() -> None:
    """Diverge as the tutorial does, say why, and do it right."""
    print("1. Fit y = 2x + 1 by gradient descent, lr = 0.1")
    for epoch, (loss, weight, bias) in enumerate(fit_line(0.1, 20), 1):
        print(f"Epoch {epoch}: loss={loss:.4f}, weight={weight:.4f}, bias={bias:.4f}")
    print(f"The graph of the first epoch, with values and gradients:\n  {draw_line()}")
    advice = line_advice()
    print("\n2. It diverges. Why: the loss is a bowl, and each step multiplies the error\n"
          "   along an axis of the bowl by 1 - lr * curvature. Above lr = 2 / curvature\n"
          "   that is below -1, and the error grows.")
    print("\n".join(f"   {part}" for part in rates(advice).split("; ")))
    print(f"\n3. The same with the advised lr = {advice.lr:.4f}")
    for epoch, (loss, weight, bias) in enumerate(fit_line(advice.lr, 1000), 1):
        if epoch in (1, 10, 100, 1000):
            print(f"Epoch {epoch}: loss={loss:.4g}, weight={weight:.6f}, bias={bias:.6f}")


def epochs_with_bar(epochs: int) -> tuple[Iterable[int], Callable[[str], Any]]:
    """The epochs and how to print a line: with a progress bar on a terminal, plainly elsewhere."""
    if not (sys.stdout and sys.stdout.isatty()):  # None when it was closed from the start
        return range(1, epochs + 1), print
    from tqdm import tqdm

    return tqdm(range(1, epochs + 1), leave=False, file=sys.stdout, unit="epoch"), tqdm.write


def demo_digits(epochs: int = 30) -> float:
    """Train a small network on handwritten digits; returns the test accuracy."""
    print("\n4. Train a network (64-64-10) on 1,438 handwritten digits, test on 359 others")
    tg.manual_seed(0)
    with tg.default_dtype(np.float32):
        net = tg.nn.Sequential(tg.nn.Linear(64, 64), tg.nn.ReLU(), tg.nn.Linear(64, 10))
    (x, y), (x_test, y_test) = tg.datasets.split(*tg.datasets.load_digits())
    loader = tg.DataLoader(x, y, batch_size=64, shuffle=True)
    optimizer = tg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

    def step(images: Any, labels: Any) -> tg.Tensor:
        loss = tg.nn.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    compiled = tg.compile(step)
    start = time.perf_counter()
    accuracy = 0.0
    numbers, say = epochs_with_bar(epochs)
    for epoch in numbers:
        total = 0.0
        for images, labels in loader:
            total += compiled(images, labels).item()
        if epoch % 10 == 0:
            with tg.no_grad():
                guesses = net(tg.Tensor(x_test)).argmax(axis=1).numpy()
            accuracy = float(np.mean(guesses == y_test))
            say(f"Epoch {epoch}: mean loss={total / len(loader):.4f}, "
                f"test accuracy={accuracy:.1%}")
    print(f"Test accuracy: {accuracy:.1%} after {time.perf_counter() - start:.1f} s of training")
    slow, fast = (microseconds(s, x[:64], y[:64]) for s in (step, compiled))
    print(f"One training step: {slow:.0f} microseconds eager, {fast:.0f} compiled ({slow / fast:.1f}x)")
    return accuracy


def microseconds(call: Callable[..., Any], *args: Any, rounds: int = 200) -> float:
    """The median time of a call."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call(*args)
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1e6


def arguments(parser: ArgumentParser) -> None:
    """There are none."""


def run(options: Namespace) -> int:
    """The four parts."""
    demo_line()
    demo_digits()
    return FINE
