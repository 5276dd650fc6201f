"""What the study room prints has only letters that a terminal without Unicode shows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).parents[2]
PRINTS = """
import numpy as np, tinygrad_gd as tg
from tinygrad_gd.__main__ import main

tg.manual_seed(0)
net = tg.nn.Sequential(tg.nn.Linear(3, 8), tg.nn.Sigmoid(), tg.nn.Linear(8, 8), tg.nn.ReLU(), tg.nn.Linear(8, 1))
x = np.random.default_rng(0).standard_normal((16, 3))
optimizer = tg.optim.SGD(net.parameters(), lr=0.5)
with tg.record("run.npz"):
    for _ in range(12):
        optimizer.zero_grad(); loss = (net(x) ** 2).mean(); loss.backward(); optimizer.step()
loss = (net(x) ** 2).mean()
print(net.flow(x, optimizer=optimizer), loss.memory(), repr(tg.explore(loss)))
w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
print(tg.advise(lambda: (w * w * [1.0, 9.0]).sum(), [w], lr=0.1, momentum=0.5))
main(["replay", "run.npz"]), main(["env"]), main(["advise", "-e", "u**2 - v**2", "--set", "u=1", "v=1"])
"""


def test_in_ascii(tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(PRINTS)
    done = subprocess.run([sys.executable, "user.py"], cwd=tmp_path, capture_output=True,
                          env={**os.environ, "PYTHONPATH": str(HOUSE), "PYTHONIOENCODING": "ascii:strict"})
    assert done.returncode == 0, done.stderr.decode()
    said = done.stdout.decode("ascii")
    for part in ("####", "Going back from", "The graph holds", "With lr = 0.1 and momentum = 0.5", "12 steps of", "saddle"):
        assert part.lower() in said.lower(), part
