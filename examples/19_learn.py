"""Ask the framework why: fifteen questions about gradients, each answered by one call.

What does each step do, in numbers? Why is there a sum over the batch? Why is a gradient None, 0, twice
as large as expected, NaN, or nearly gone in the first layers? Where is my own backward wrong? Why does
a learning rate diverge, and what does momentum do? Lines and names come from `tg.study.watch()`, which
notes them while the code runs.
"""

import numpy as np

import tinygrad_gd as tg


def question(text, answer):
    print(f"\n--- {text}\n{answer}")
    return str(answer)


def leaf(values, name):
    return tg.Tensor(values, requires_grad=True, name=name)


x = np.array([1.0, 2, 3, 4, 5])
y = 2 * x + 1
w, b = leaf(0.0, "w"), leaf(0.0, "b")
error = w * x + b - y
loss = (error**2).mean()

told = question("1. What does each step do, forward and backward?", loss.explain())
assert "d_error = 2 * d_t3 * error" in told
assert "w + 0.001 -> loss -0.04999, the gradient says -0.05000" in told

told = question("2. Only b, please. Why is there a sum?", loss.explain(at="b"))
assert "b is one number used 5 times: its 5 gradients add up" in told

told = question("3. Let me try it myself first.", loss.explain(blank=True))
sheet, key = told.split("answers")
assert "d_error = ____" in sheet and "d_error = 2 * d_t3 * error" in key

told = question("4. And as formulas?", tg.latex(loss, steps=True))
assert r"\mathrm{error} &= w \, x + b - y" in told
assert r"\partial w} &= \sum \frac{\partial L}{\partial \mathrm{error}} \odot x" in told

with tg.study.watch():
    scale = leaf(2.0, "scale")
    factor = scale.detach() * 3
    loss = ((w * factor + b) ** 2).mean()
    loss.backward()
told = question("5. Why is the gradient of scale None?", scale.why())
assert scale.grad is None and "detach() made a copy of scale without history" in told
assert "19_learn.py:" in told

with tg.study.watch():
    w.zero_grad()
    for _ in range(2):
        loss = ((w * x - y) ** 2).mean()
        loss.backward()
told = question("6. Why is the gradient of w twice as large as on paper?", w.why())
assert "backward() has run 2 times since the last zero_grad()" in told

net = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.ReLU(), tg.nn.Linear(4, 1))
with tg.no_grad():
    net[0].bias.assign(np.full(4, -10.0))
data = np.random.default_rng(0).normal(size=(6, 3))
with tg.study.watch():
    loss = (net(data) ** 2).mean()
    loss.backward()
told = question("7. Why are gradients 0, so that nothing is learned?", net.why())
assert "relu in layer 1 (ReLU) lets nothing back" in told
assert "4 of 4 units are 0 for all 6 rows" in told

v = leaf([4.0, 0.0], "v")
with tg.study.watch(), np.errstate(invalid="ignore"):
    loss = np.where(v > 0, np.sqrt(v), 0.0).sum()
    loss.backward()
told = question("8. Why is a gradient NaN? The loss is 2.", v.why())
assert loss.item() == 2 and "0 times infinity is NaN" in " ".join(told.split())
assert "np.sqrt(np.where(x > 0, x, 1))" in told

deep = tg.nn.Sequential(*(m for _ in range(10) for m in (tg.nn.Linear(8, 8), tg.nn.Sigmoid())))
with tg.study.watch():
    loss = (deep(np.random.default_rng(0).normal(size=(5, 8))) ** 2).mean()
    loss.backward()
told = question("9. Why do the first layers of a deep network learn nothing?", deep[0].weight.why())
assert "The gradient shrinks on its way back" in told

# my own derivatives of a small classifier: somewhere is a mistake
labels = np.array([0, 1, 1, 0, 2, 2])
W1, W2 = (leaf(np.random.default_rng(k).normal(size=s), f"W{k}") for k, s in ((1, (3, 5)), (2, (5, 3))))
h = np.tanh(data @ W1)
z = h @ W2
loss = tg.nn.cross_entropy(z, labels)
p = np.exp(z.numpy()) / np.exp(z.numpy()).sum(axis=1, keepdims=True)
d_z = (p - np.eye(3)[labels]) / 6
d_W2 = h.numpy().T @ d_z
d_h = d_z @ W2.numpy().T
d_W1 = data.T @ d_h  # but for the derivative of tanh
checked = tg.check_backward(loss, {z: d_z, W2: d_W2, h: d_h, W1: d_W1})
told = question("10. Where is my own backward wrong?", checked)
assert not checked and [v.status for v in checked.verdicts] == ["right", "right", "right", "WRONG"]
assert "WRONG" in told


def line():
    return ((w * x + b - y) ** 2).mean()


with tg.no_grad():
    w.assign(0.0), b.assign(0.0)
told = question("11. Why does lr = 0.1 diverge?", tg.advise(line, [w, b], lr=0.1))
assert "must stay below 2/23.6619 = 0.0845" in told
assert "by 1.366 in the steepest: it diverges" in " ".join(told.split())

told = question("12. What does momentum do?", tg.advise(line, [w, b], lr=0.1, momentum=0.9))
assert "that is flattest and by 0.949 in the steepest" in " ".join(told.split())

u = leaf([0.1, 0.1], "u")
told = question("13. Is this a minimum?", tg.advise(lambda: u[0] ** 2 - u[1] ** 2, [u]))
assert told.startswith("Saddle-shaped")

deep.zero_grad()
(deep(np.random.default_rng(0).normal(size=(5, 8))) ** 2).mean().backward()
told = question("14. How much gradient does each layer get?", deep.flow())
assert "vanish" in told

told = question("15. What does the graph of this loss hold?", loss.memory())
assert "tanh" in told
