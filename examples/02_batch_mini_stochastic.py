"""The same line, noisy: full batch, mini-batch and stochastic descent side by side."""

import numpy as np

import tinygrad_gd as tg

rng = np.random.default_rng(0)
x = rng.uniform(-1, 1, 200)
y = 2 * x + 1 + 0.1 * rng.standard_normal(200)
best = np.polyfit(x, y, 1)

for name, size, lr in (("full batch", None, 0.5), ("mini-batch", 20, 0.1), ("stochastic", 1, 0.01)):
    w, b = (tg.Tensor(0.0, requires_grad=True, name=n) for n in "wb")
    optimizer = tg.optim.SGD([w, b], lr=lr)

    @tg.compile
    def step(xs, ys, w=w, b=b, optimizer=optimizer):
        loss = ((w * xs + b - ys) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    updates = 0
    for _ in range(20):
        for xs, ys in tg.DataLoader(x, y, batch_size=size, shuffle=True, seed=0):
            step(xs, ys)
            updates += 1
    print(f"{name:11} {updates:5} updates: w={w.item():.3f} b={b.item():.3f}")
    assert np.allclose([w.item(), b.item()], best, atol=0.06)
print(f"least squares           : w={best[0]:.3f} b={best[1]:.3f}")
