"""Six optimizers race down Rosenbrock's valley: who comes to a loss of 1e-6, and in how many steps.

The valley is bent, and at its end 2500 times as steep across as along. The steep side bounds the rate,
and at that rate the way along is long: momentum gathers speed on it, L-BFGS and Newton know the
curvature and go straight. RMSprop's steps are as long as its rate, near the end as well, and so it
swings around it.
"""

import numpy as np

import tinygrad_gd as tg

GOAL, MOST = 1e-6, 20_000


def rosenbrock(p):
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


class Newton(tg.optim.Optimizer):
    """An optimizer of one's own: p -= H⁻¹ g, with the Hessian of a function of p."""

    def __init__(self, params, function):
        super().__init__(params, {})
        self.function = function

    def update(self, p, g, options):
        p -= np.linalg.solve(tg.hessian(self.function)(p), g)


RACERS = {
    "SGD": lambda p: tg.optim.SGD(p, lr=1e-3),
    "momentum": lambda p: tg.optim.SGD(p, lr=1e-3, momentum=0.9),
    "RMSprop": lambda p: tg.optim.RMSprop(p, lr=1e-3),
    "Adam": lambda p: tg.optim.Adam(p, lr=0.1),
    "L-BFGS": lambda p: tg.optim.LBFGS(p, max_iter=1, max_eval=25, line_search_fn="strong_wolfe"),
    "Newton": lambda p: Newton(p, rosenbrock),
}


def race(make):
    """How many steps were made until the goal, or in all, and how often the slope was asked for."""
    p = tg.Tensor([-1.2, 1.0], requires_grad=True)
    optimizer = make([p])
    slopes = 0

    def closure():
        nonlocal slopes
        slopes += 1
        loss = rosenbrock(p)
        optimizer.zero_grad()
        loss.backward()
        return loss

    for steps in range(MOST):
        if optimizer.step(closure).item() <= GOAL:  # of the point before this step
            return steps, slopes
    return MOST, slopes


steps = {}
for name, make in RACERS.items():
    steps[name], slopes = race(make)
    arrived = f"in {steps[name]:,} steps" if steps[name] < MOST else "not at all"
    print(f"{name:8} {arrived:16} {slopes:6,} slopes")

assert steps["Newton"] < 10 < steps["L-BFGS"] < 50
assert 500 < steps["Adam"] < 2_000 and 500 < steps["momentum"] < 2_000
assert 10_000 < steps["SGD"] < MOST == steps["RMSprop"]
