"""`source` of a recorded graph: the gradient as a NumPy function, derived and written out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...engine.cotangents import cotangents_of
from ...engine.graph import leaves_of, nodes_of
from ...engine.tensor import Tensor, constant
from ...errors import CaptureError, GradError, describe
from ...ground.modes import using
from ...ground.user_code import array_in, user_frame, variables_of
from ..capture.capture import Capture
from ..ir import Array, Program, State, Value
from ..passes import readable
from .source import call, source_of


def gradient_program(
    root: Tensor, wrt: Sequence[Tensor] | None, names: dict[int, str]
) -> Program:
    """The program that computes ``root`` and its gradients with respect to ``wrt`` (all leaves)."""
    wrt = leaves_of(root) if wrt is None else list(wrt)
    if root._primitive is None or not root._requires_grad:
        raise GradError(f"source: {describe(root)} was not recorded; compute it from tensors with "
                        "requires_grad=True, outside tg.no_grad()")
    capture = Capture("gradient", locate=False, shows_arrays=True)  # a graph does not know its lines
    capture.began = root._seq  # everything the graph is made of was there before
    for leaf in wrt:
        capture.reference(leaf)
    with using(observer=capture, grad=False):
        for node in nodes_of(root):
            capture.forward(node.tensor, node.op, node.inputs, node.params)
        capture.starts_backward(root, None)
        seed = constant(np.ones_like(root._value)[()])
        cotangents = cotangents_of([root], [seed], targets=list(wrt))
        capture.ends_backward()
    missing = next((x for x in wrt if x not in cotangents), None)
    if missing is not None:
        raise GradError(f"source: {describe(root)} does not depend on {describe(missing)}")
    results = [root, *(cotangents[x] for x in wrt)]
    return capture.finish(results, _names(capture, root, names), names, keep=True)


def _names(capture: Capture, root: Tensor, names: dict[int, str]) -> dict[Tensor, str]:
    named = {t: t._name or names.get(id(t), "") for t in capture.known()}
    return {t: name for t, name in named.items() if name} | {root: names.get(id(root), "loss")}


def variables(frame: Any) -> dict[int, str]:
    """The names of Tensors and arrays in the user's frame, by their ids."""
    found: dict[int, str] = {}
    for name, value in variables_of(frame):
        if issubclass(type(value), Tensor | np.ndarray):
            found.setdefault(id(value), name)
    return found


def name_copies(program: Program, frame: Any) -> None:
    """Recording copied the user's arrays, or made constants of them: find names by what they hold."""
    arrays = [(name, array) for name, value in variables_of(frame)
              if (array := array_in(value)) is not None]
    for given in program.inputs:
        if given.value.name or not isinstance(given, Array | State):
            continue
        held = given.array if isinstance(given, Array) else given.tensor._value
        if isinstance(given, Array) or not given.tensor._requires_grad:
            same = (name for name, array in arrays if array.shape == held.shape
                    and array.dtype == held.dtype and np.array_equal(array, held))
            given.value.name = next(same, "")


def source(loss: Tensor, wrt: Sequence[Tensor] | None = None, check: bool = False) -> str:
    """The gradient of a recorded tensor as a NumPy function, in the user's names.

    Parameters
    ----------
    loss : a recorded tensor with one element.
    wrt : the tensors to derive by; by default all leaves that require a gradient.
    check : run the text and compare it with what `backward` computes, to the last bit. Called with
        other arrays, the text gives the bits of `backward` if they lie in memory as the recorded ones
        do (C or Fortran order, strides).

    Returns
    -------
    str
        A module that needs only NumPy. Its function takes the leaves and the data, and returns the
        loss and the gradients.

    >>> import numpy as np, tinygrad_gd as tg
    >>> x = np.array([1.0, 2.0]); w = tg.Tensor(3.0, requires_grad=True)
    >>> loss = ((w * x) ** 2).sum()
    >>> print(tg.source(loss, check=True))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def gradient(w, x):
        # forward
        t = w * x
        loss = np.sum(np.square(t))
        # backward
        d_w = np.sum(2.0 * t * x)
        return loss, d_w
    <BLANKLINE>
    """
    if loss._value.size != 1:
        raise GradError(f"source: expected a tensor with one element, got {describe(loss)}; reduce it "
                        "with .sum() or .mean()")
    frame = user_frame()
    recorded = gradient_program(loss, wrt, variables(frame))
    program = readable(recorded)
    name_copies(program, frame)
    leaves = (leaf.value for leaf in recorded.inputs[: len(program.outputs) - 1])
    gradients = zip(program.outputs[1:], leaves, strict=True)
    text = source_of(program, {g: leaf for g, leaf in gradients if isinstance(g, Value)})
    if check:
        _check(text, program, loss, leaves_of(loss) if wrt is None else wrt)
    return text


def _check(text: str, program: Program, loss: Tensor, wrt: Sequence[Tensor]) -> None:
    space: dict[str, Any] = {}
    exec(text, space)
    got = call(space[program.name], program)
    cotangents = cotangents_of([loss], [np.ones_like(loss._value)[()]], targets=list(wrt))
    expected = [loss._value, *(cotangents[x] for x in wrt)]
    for name, a, b in zip(("the value", *map(describe, wrt)), got, expected, strict=True):
        if not np.array_equal(a, b, equal_nan=True):
            raise CaptureError(f"source: the text gives {a} for {name}, backward() gives {b}")
