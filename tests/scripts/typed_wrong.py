"""Mistakes that type checkers find before the script runs: tests/test_types.py counts on each mark."""

from __future__ import annotations

import numpy as np

import tinygrad_gd as tg
from tinygrad_gd import Tensor, nn
from tinygrad_gd.linalg import nrom  # wrong


class Double(nn.Module):
    """Twice its input."""

    def forward(self, x: Tensor) -> Tensor:
        """The output."""
        return 2 * x


w = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
array = np.ones((2, 2))

tg.exp("a", axis=1)  # wrong
tg.sum(w, axs=0)  # wrong
tg.softmax(w, dim=1)  # wrong
tg.epx(w)  # wrong
tg.contract(w, w)  # wrong
tg.linalg.nrom(w)  # wrong
tg.linalg.norm(w, axes=1)  # wrong
print(tg.svd(w).V)  # wrong
print(tg.slogdet(w).log)  # wrong
tg.nn.Liner(3, 2)  # wrong
tg.nn.functional.rleu(w)  # wrong
tg.nn.Linear("3", 2)  # wrong
tg.optim.Adma([w])  # wrong
tg.optim.SGD([w], learning_rate=0.1)  # wrong
tg.DataLoader(array, batchsize=2)  # wrong
tg.datasets.load_digit()  # wrong
tg.draw(w, details="full")  # wrong
print(tg.compile(w.sum).sorce)  # wrong
w.itme()  # wrong
w.backward(retain_graph=True)  # wrong
w.backward(1.0, True, True)  # wrong
Double().forward(w, w)  # wrong
(array @ w).tolost()  # wrong
total: float = tg.sum(w)  # wrong
values: np.ndarray[tuple[int], np.dtype[np.float64]] = array @ w  # wrong
print(nrom)
