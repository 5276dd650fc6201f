"""All parameters as one vector, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.nn.utils import parameters_to_vector, vector_to_parameters


def net() -> tg.nn.Sequential:
    return tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.Tanh(), tg.nn.Linear(4, 2, bias=False))


def test_parameters_are_one_vector_in_the_order_of_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    ours = net()
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2, bias=False)).double()
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    vector, other = parameters_to_vector(ours.parameters()), torch.nn.utils.parameters_to_vector(theirs.parameters())
    assert vector.tolist() == other.tolist()
    (vector**2).sum().backward()
    assert all(np.array_equal(p.grad, 2 * p) for p in ours.parameters())
    vector_to_parameters(2 * vector, ours.parameters())
    torch.nn.utils.vector_to_parameters(2 * other, theirs.parameters())
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert p.tolist() == q.tolist() and p.requires_grad and p.is_leaf


def test_a_vector_of_another_length_is_refused_and_changes_nothing() -> None:
    model = net()
    before = model.state_dict()
    for vector in (np.ones(25), np.ones(23), np.ones((24, 1))):
        with pytest.raises(tg.ShapeError, match=r"vector_to_parameters: expected a vector of 24 elements"):
            vector_to_parameters(vector, model.parameters())
    assert all(np.array_equal(v, before[k]) for k, v in model.state_dict().items())


@pytest.mark.parametrize("frozen", [False, True])
def test_a_compiled_step_may_descend_along_the_vector(frozen: bool) -> None:
    def run(compiled: bool) -> list[Any]:
        tg.manual_seed(0)
        model = net()

        def step(x: Any) -> Any:
            model.zero_grad()
            loss = (model(x) ** 2).sum()
            loss.backward()
            slope = parameters_to_vector(p.grad for p in model.parameters())  # type: ignore[misc]
            vector_to_parameters(parameters_to_vector(model.parameters()) - 0.01 * slope, model.parameters())
            return loss

        call: Any = tg.compile(step, frozen=frozen) if compiled else step
        found: list[Any] = [call(tg.Tensor(np.full((5, 3), float(k)))).item() for k in range(6)]
        return [*found, *(p.tolist() for p in model.parameters())]

    assert run(compiled=True) == run(compiled=False)
