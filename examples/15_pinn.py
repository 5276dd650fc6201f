"""A physics-informed network: it solves a differential equation that it is told, and sees no data.

u'' + u' / 5 + 4 u = 0 with u(0) = 1, u'(0) = 0 is a spring that swings and comes to rest. The loss is
how far the network is from obeying it; u' and u'' are derivatives of the network by its input, and
descent needs their derivatives by the weights.
"""

import numpy as np

import tinygrad_gd as tg

DAMPING, STIFFNESS, END = 0.2, 4.0, 6.0

tg.manual_seed(0)
net = tg.nn.Sequential(
    tg.nn.Linear(1, 24), tg.nn.Tanh(), tg.nn.Linear(24, 24), tg.nn.Tanh(), tg.nn.Linear(24, 1)
)


def u(t):
    """What starts at 1 with speed 0, whatever the network says."""
    return 1 + np.tanh(t) ** 2 * net(2 * t / END - 1)


def derivative(f):
    """At each time: as f at one time sees no other, it is the gradient of their sum."""
    return tg.grad(lambda t: f(t).sum())


def exact(t):
    swing = np.sqrt(STIFFNESS - DAMPING**2 / 4)
    wave = np.cos(swing * t) + DAMPING / (2 * swing) * np.sin(swing * t)
    return np.exp(-DAMPING / 2 * t) * wave


times = np.linspace(0, END, 64)[:, None]
speed, acceleration = derivative(u), derivative(derivative(u))


def loss():
    residual = acceleration(times) + DAMPING * speed(times) + STIFFNESS * u(times)
    return (residual**2).mean()


optimizer = tg.optim.Adam(net.parameters(), lr=0.01)


@tg.compile
def step():
    value = loss()
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    return value


for _ in range(1000):
    value = step()
print(f"after 1000 steps of Adam: loss={value.item():.2e}")
result = tg.optim.minimize(loss, net.parameters(), method="L-BFGS-B", options={"maxiter": 2000})
print(f"after {result.nit} of L-BFGS-B: loss={result.fun:.2e}")

fresh = np.linspace(0, END, 1001)[:, None]
with tg.no_grad():
    error = np.abs(u(tg.Tensor(fresh)).numpy() - exact(fresh)).max()
print(f"largest error of u: {error:.2e}")
assert error < 1e-3
