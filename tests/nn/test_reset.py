"""Layers that begin again: with the first values that a new one would have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg

nn = tg.nn
MADE: dict[str, Callable[[], Any]] = {
    "linear": lambda: nn.Linear(3, 4), "linear without bias": lambda: nn.Linear(3, 4, bias=False),
    "convolution": lambda: nn.Conv2d(4, 6, 3, groups=2), "transposed": lambda: nn.ConvTranspose1d(4, 6, 3, groups=2),
    "embedding": lambda: nn.Embedding(5, 3, padding_idx=1), "bilinear": lambda: nn.Bilinear(2, 3, 4),
    "lstm": lambda: nn.LSTM(3, 4, 2, bidirectional=True), "gru": lambda: nn.GRU(3, 4, bias=False),
    "rnn cell": lambda: nn.RNNCell(2, 3), "lstm cell": lambda: nn.LSTMCell(2, 3), "gru cell": lambda: nn.GRUCell(2, 3),
    "batch norm": lambda: nn.BatchNorm1d(3), "untracked": lambda: nn.BatchNorm1d(3, affine=False, track_running_stats=False),
    "instance norm": lambda: nn.InstanceNorm1d(3, affine=True, track_running_stats=True), "layer norm": lambda: nn.LayerNorm(4),
    "rms norm": lambda: nn.RMSNorm(4), "group norm": lambda: nn.GroupNorm(2, 4, bias=False), "prelu": lambda: nn.PReLU(3, init=0.1),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", MADE)
def test_a_layer_begins_again_as_a_new_one(name: str, dtype: Any) -> None:
    before = tg.get_default_dtype()
    tg.set_default_dtype(dtype)
    try:
        tg.manual_seed(1)
        layer = MADE[name]()
        held = list(layer.parameters()) + list(layer.buffers())
        with tg.no_grad():
            for tensor in held:
                tensor.assign(np.ones(tensor.shape, tensor.dtype) * 7)
        tg.manual_seed(2)
        layer.reset_parameters()
        tg.manual_seed(2)
        new = MADE[name]().state_dict()
    finally:
        tg.set_default_dtype(before)
    for path, value in layer.state_dict().items():
        assert value.dtype == new[path].dtype and value.tobytes() == new[path].tobytes(), path
    assert held == [] or all(a is b for a, b in zip(held, [*layer.parameters(), *layer.buffers()], strict=True))


def test_running_statistics_begin_again_alone() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x = np.random.default_rng(0).normal(size=(8, 3))
    ours, theirs = nn.BatchNorm1d(3), torch.nn.BatchNorm1d(3).double()
    with tg.no_grad():
        ours.weight.assign([2.0, 3.0, 4.0])  # type: ignore[union-attr]
    for layer, make in ((ours, tg.Tensor), (theirs, torch.tensor)):
        layer(make(x))
        layer.reset_running_stats()
    for name, buffer in ours.named_buffers():
        assert buffer.tolist() == getattr(theirs, name).tolist(), name
    assert ours.weight.tolist() == [2, 3, 4]  # type: ignore[union-attr]
    ours.reset_parameters()
    assert ours.weight.tolist() == [1, 1, 1]  # type: ignore[union-attr]


def test_a_whole_model_begins_again() -> None:
    """As scripts write it, which train one model several times."""
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))

    def again(module: Any) -> None:
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()

    found = []
    for _ in range(2):
        tg.manual_seed(0)
        net.apply(again)
        optimizer = tg.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            nn.cross_entropy(net(np.ones((4, 3)) * np.arange(4.0)[:, None]), [0, 1, 0, 1]).backward()
            optimizer.step()
        found.append({k: v.tobytes() for k, v in net.state_dict().items()})
    assert found[0] == found[1]


@pytest.mark.parametrize("frozen", [False, True])
def test_statistics_may_begin_again_between_and_in_compiled_steps(frozen: bool) -> None:
    def run(compiled: bool) -> list[Any]:
        layer, rng, found = nn.BatchNorm1d(2), np.random.default_rng(0), []

        def step(x: Any, again: bool) -> Any:
            if again:
                layer.reset_running_stats()
            return (layer(x) ** 2).sum()

        call: Any = tg.compile(step, frozen=frozen) if compiled else step
        for k in range(8):
            out = call(tg.Tensor(rng.normal(size=(4, 2))), k % 3 == 2)
            found.append([out.item(), *(b.tolist() for b in layer.buffers())])
            if k == 6:
                layer.reset_running_stats()
        return found

    assert run(compiled=True) == run(compiled=False)


@pytest.mark.parametrize("frozen", [False, True])
def test_weights_may_be_drawn_anew_in_a_compiled_step(frozen: bool) -> None:
    def run(compiled: bool) -> list[Any]:
        tg.manual_seed(3)
        layer, found = nn.Linear(3, 2), []
        optimizer = tg.optim.SGD(layer.parameters(), lr=0.1)

        def step(x: Any, again: bool) -> Any:
            if again:
                layer.reset_parameters()
            loss = (layer(x) ** 2).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        call: Any = tg.compile(step, frozen=frozen) if compiled else step
        for k in range(10):
            found.append([call(tg.Tensor(np.ones((4, 3))), not frozen and k % 3 == 2).item(), layer.weight.tolist()])
            if k == 6:
                layer.reset_parameters()
        return found

    assert run(compiled=True) == run(compiled=False)
