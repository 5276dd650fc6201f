"""Layers are PyTorch's, option by option: names, shapes, results, gradients, running statistics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.nn.layer_rows import NORMALIZATIONS, ROWS, Row, leaves, plain

each_row = pytest.mark.parametrize("row", ROWS, ids=str)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """On arrays as small as these PyTorch's threads mostly wait for each other."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def close(ours: Any, theirs: Any, row: Row) -> None:
    """To 1e-9; PyTorch computes one of them with a sixth in float32."""
    np.testing.assert_allclose(ours, theirs, rtol=1e-7 if row.name == "Hardsigmoid" else 1e-9, atol=1e-11)


@each_row
def test_twenty_steps_and_the_evaluation_equal_pytorch(row: Row) -> None:
    import torch

    ours, theirs = row.made(), row.made(torch.nn).double()
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: tuple(v.shape) for k, v in theirs.state_dict().items()}
    ours.load_state_dict(theirs.state_dict())
    optimizers = [kind([*layer.parameters(), extra], lr=0.05) for kind, layer, extra in (
        (tg.optim.SGD, ours, tg.nn.Parameter(0.0)), (torch.optim.SGD, theirs, torch.zeros((), requires_grad=True)))]
    for i in range(23):
        if i == 20:
            ours.eval(), theirs.eval()
        arrays = row.inputs(i)
        mine, other = leaves(arrays), [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
        out, expected = ours(*mine), theirs(*other)
        close(out.numpy(), expected.detach().numpy(), row)
        for optimizer in optimizers:
            optimizer.zero_grad()
        (out * plain(out)).sum().backward()
        (expected * torch.tensor(plain(out))).sum().backward()
        for a, b in zip([*mine, *ours.parameters()], [*other, *theirs.parameters()], strict=True):
            assert (a.grad is None) == (b.grad is None)
            if a.grad is not None:
                close(a.grad.numpy(), b.grad.numpy(), row)
        for optimizer in optimizers if i < 20 else ():
            optimizer.step()
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    for name, value in ours.state_dict().items():
        close(value, state[name].numpy(), row)


#: Rows whose repr differs from PyTorch's: by options that are not here, or have another name.
SHOWN_OTHERWISE = {
    "Softplus", "Softmax", "LogSoftmax", "Softmin", "AvgPool1d", "AvgPool2d", "AvgPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d", "Upsample",
    "UpsamplingNearest2d", "UpsamplingBilinear2d", "CosineSimilarity", "PairwiseDistance", "GLU", "Hardtanh", "ConstantPad1d",
}


@each_row
def test_the_repr_is_that_of_pytorch(row: Row) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    if row.name in SHOWN_OTHERWISE:
        assert repr(row.made()).startswith(row.name + "(")
    else:
        assert repr(row.made()) == repr(row.made(torch.nn))


@pytest.mark.parametrize("row", [r for r in ROWS if r.made().state_dict() and r not in NORMALIZATIONS], ids=str)
def test_first_values_are_distributed_as_in_pytorch(row: Row) -> None:
    """Of many layers together: the same bounds and the same deviation."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    tg.manual_seed(0)
    torch.manual_seed(0)
    ours, theirs = ([[layer.state_dict() for layer in layers]] for layers in (
        [row.made() for _ in range(300)], [row.made(torch.nn) for _ in range(300)]))
    for name in ours[0][0]:
        mine, other = (np.array([np.asarray(state[name], float) for state in states[0]]) for states in (ours, theirs))
        spread = other.std()
        assert abs(mine.mean() - other.mean()) <= 0.2 * spread + 1e-7 and abs(mine.std() - spread) <= 0.1 * spread + 1e-7
        if name != "weight" or row.name != "Embedding":
            assert abs(np.abs(mine).max() - np.abs(other).max()) <= 0.02 * np.abs(other).max()
