"""The edge of stability: descent at a rate r makes a network sharper until 2/r, and stays there.

A quadratic loss diverges when its sharpness, the largest eigenvalue of its Hessian, is above 2/r. A
network does not: the sharpness rises while it learns, and when it passes 2/r, the loss swings and the
parameters move to where it is below again (Cohen et al., Gradient Descent on Neural Networks Typically
Occurs at the Edge of Stability, 2021).
"""

import numpy as np

import tinygrad_gd as tg

x = np.linspace(-2, 2, 40)[:, None]
y = np.sin(3 * x) + 0.3 * x


def train(lr, epochs=5000, every=250):
    """The sharpness, now and then, and the loss of each epoch."""
    tg.manual_seed(0)
    net = tg.nn.Sequential(
        tg.nn.Linear(1, 20), tg.nn.Tanh(), tg.nn.Linear(20, 20), tg.nn.Tanh(), tg.nn.Linear(20, 1)
    )
    optimizer = tg.optim.SGD(net.parameters(), lr=lr)

    def loss():
        return tg.nn.mse_loss(net(tg.Tensor(x)), y)

    @tg.compile
    def step():
        value = loss()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value

    sharpness, losses = [], []
    for epoch in range(epochs):
        if epoch % every == 0:
            sharpness.append(tg.advise(loss, net.parameters()).eigenvalues[-1])
        losses.append(step().item())
    return np.array(sharpness), np.array(losses)


for lr in (0.05, 0.1, 0.2):
    sharpness, losses = train(lr)
    settled = sharpness[-5:].mean()
    rises = np.mean(np.diff(losses[-1000:]) > 0)
    print(f"lr={lr}: 2/lr={2 / lr:.0f}, sharpness {sharpness[0]:.2f} at first, {settled:.2f} at last, "
          f"loss={losses[-1]:.4f}; {rises:.0%} of the last steps raised it")
    assert sharpness[0] < 0.75 * 2 / lr  # it starts on the safe side
    assert abs(settled - 2 / lr) < 0.05 * 2 / lr  # and settles at the edge
    assert rises > 0.2 and losses[-1] < 0.5 * losses[1000]  # where the loss swings, and still falls
