"""Anomaly mode names the operation, the tensor and the user's line."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_gd as tg


def test_forward() -> None:
    x = tg.Tensor([1.0, 0.0], requires_grad=True, name="x")
    with np.errstate(divide="ignore"), tg.detect_anomaly(), \
            pytest.raises(tg.NonFiniteError, match=r"log gave -inf at index \(1,\) at .*test_anomaly.py:\d+; its inputs were finite: 'x'"):
        np.log(x)


def test_data() -> None:
    with tg.detect_anomaly(), pytest.raises(tg.NonFiniteError, match=r"'data'.*already held NaN"):
        tg.Tensor([1.0, np.nan], name="data") * 2


def test_backward() -> None:
    x = tg.Tensor([4.0, 0.0], requires_grad=True, name="x")
    with np.errstate(divide="ignore"), tg.detect_anomaly():
        loss = np.sqrt(x).sum()
        with pytest.raises(tg.NonFiniteError, match=r"backward of sqrt, recorded at .*test_anomaly.py:\d+, gave inf at index \(1,\) for 'x'"):
            loss.backward()


def test_update() -> None:
    w = tg.Tensor(1.0, requires_grad=True, name="w")
    with tg.detect_anomaly(), tg.no_grad(), pytest.raises(tg.NonFiniteError, match="wrote inf into 'w'"):
        w += np.inf


def test_nothing_is_watched_outside() -> None:
    assert np.isnan((tg.Tensor(np.nan) * 2).item())
