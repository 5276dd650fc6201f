"""The tutorial's run, number by number, and the demo as a command."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np

from tinygrad_gd.__main__ import X, Y, fit_line, line_advice


def by_hand(lr: float, epochs: int) -> list[tuple[float, float, float]]:
    """The same descent with gradients derived on paper."""
    w = b = 0.0
    rows = []
    for _ in range(epochs):
        error = w * X + b - Y
        w, b = w - lr * np.mean(2 * error * X), b - lr * np.mean(2 * error)
        rows.append((np.mean(error**2), w, b))
    return rows


def test_all_twenty_epochs_equal_the_hand_derived_gradients() -> None:
    np.testing.assert_allclose(list(fit_line(0.1, 20)), by_hand(0.1, 20), rtol=1e-12)


def test_the_advised_rate_converges() -> None:
    advice = line_advice()
    np.testing.assert_allclose(advice.eigenvalues, [0.3381, 23.6619], atol=5e-5)
    assert round(advice.limit, 4) == 0.0845
    *_, (_, weight, bias) = fit_line(advice.lr, 1000)
    np.testing.assert_allclose([weight, bias], [2, 1], rtol=1e-9)


def test_demo_prints_the_tutorial() -> None:
    run = subprocess.run([sys.executable, "-m", "tinygrad_gd", "demo"], capture_output=True,
                         text=True, check=True, env=dict(os.environ), timeout=100)
    assert "Epoch 1: loss=57.0000, weight=5.0000, bias=1.4000\n" in run.stdout
    assert "Epoch 20: loss=8036431.8320, weight=-1083.0719, bias=-299.7717\n" in run.stdout
    assert "0.3381, 23.6619" in run.stdout and "2/23.6619 = 0.0845" in run.stdout
    accuracy = re.search(r"Test accuracy: ([\d.]+)%", run.stdout)
    assert accuracy and float(accuracy[1]) >= 97
