"""Every process computes, draws and writes the same."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import tinygrad_gd as tg, numpy as np
tg.manual_seed(0)
net = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.ReLU(), tg.nn.Linear(4, 2))
unused = {object() for _ in range(hash("seed") % 97)}  # other addresses, other orders of sets
leaves = [tg.Tensor([float(i)], requires_grad=True, name=f"leaf{i}") for i in range(4)]
total = sum(a * b for a in leaves for b in reversed(leaves)).sum()
loss = tg.nn.cross_entropy(net(np.ones((2, 3))), np.array([0, 1])) + tg.exp(total / 1e3)
loss.backward()
print(*(p.grad.numpy().tobytes().hex() for p in [*net.parameters(), *leaves]))
drawing = loss.draw()
print(drawing, drawing.dot.source, drawing.render("svg", engine="bundled").decode())
print(tg.source(loss, wrt=[*net.parameters(), *leaves]))
"""


def test_gradients_pictures_and_programs_are_the_same_to_the_byte_in_every_process() -> None:
    runs = {subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True,
                           env={**os.environ, "PYTHONHASHSEED": seed}).stdout for seed in "012"}
    assert len(runs) == 1
