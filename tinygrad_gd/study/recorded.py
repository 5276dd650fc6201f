"""`source`: the gradient of a recorded graph as a NumPy function, derived and written out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..engine.cotangents import cotangents_of
from ..engine.graph import Node, event_of, leaves_of, nodes_of, walk
from ..engine.tensor import Tensor, constant
from ..errors import CaptureError, DTypeError, GradError, describe
from ..ground.modes import using
from ..ground.user_code import array_in
from ..pictures.names import array_key, names_for, user_variables
from ..program.capture.capture import Capture
from ..program.ir import Array, Program, State
from ..program.passes import readable
from ..program.text.source import parameters_of, source_of
from .made_of import with_origins


def gradient_program(root: Tensor, wrt: Sequence[Tensor] | None, asked: str = "source") -> Program:
    """The program that computes ``root`` and its gradients with respect to ``wrt`` (all leaves)."""
    if not isinstance(root, Tensor):
        raise DTypeError(f"{asked}: expected a recorded Tensor, got {describe(root)}; compute a loss, "
                         "and give that; of a compiled step ask for its .source")
    wrt = leaves_of(root) if wrt is None else list(wrt) if isinstance(wrt, Iterator) else wrt
    if not isinstance(wrt, list | tuple) or not all(isinstance(x, Tensor) for x in wrt):
        raise DTypeError(f"{asked}: wrt: expected a list of Tensors, got {describe(wrt)}")
    if root.op is None or not root.requires_grad:
        raise GradError(f"{asked}: {describe(root)} was not recorded; compute it from tensors with "
                        "requires_grad=True, outside tg.no_grad()")
    capture = Capture(locate=False)  # a graph does not know its lines
    for leaf in wrt:
        capture.reference(leaf)
    with using(observer=capture, grad=False):
        for node in nodes_of(root):
            capture.forward(node.tensor, node.op, node.inputs, node.params)
        capture.starts_backward(root, None)
        cotangents = cotangents_of([root], [constant(_seed(root))], targets=list(wrt))
        capture.ends_backward()
    missing = next((x for x in wrt if x not in cotangents), None)
    if missing is not None:
        raise GradError(f"{asked}: {describe(root)} does not depend on {describe(missing)}")
    program = capture.program("gradient", [root, *(cotangents[x] for x in wrt)])
    arrays = [i.array for i in program.inputs if isinstance(i, Array)]
    found = _watched(root) | names_for([*walk([root]), *arrays])
    names = {x: name for x, name in found.items() if name.isidentifier()}
    tensors = {root: "loss"} | {x: name for x, name in names.items() if isinstance(x, Tensor)}
    capture.name_all(tensors, {id(x): names.get(array_key(x), "") for x in arrays})
    for g, leaf in zip(program.outputs[1:], wrt, strict=True):
        g.of = capture.reference(leaf)
    variables = ((name, array_in(x)) for name, x in user_variables() if name.isidentifier())
    return with_origins(program, {name: x for name, x in variables if x is not None})


def _watched(root: Tensor) -> dict[Any, str]:
    """The names that a watched run saw, of Tensors and, by their contents, of arrays."""
    names: dict[Any, str] = {}
    for t in walk([root]):
        event = event_of(t)
        if event is not None and event.name:
            names[t] = event.name
        for x, name in zip(t.inputs, event.arguments if event else (), strict=False):
            if isinstance(x, np.ndarray) and name:
                names.setdefault(array_key(x), name)
    return names


def _seed(root: Tensor) -> Any:
    return np.ones_like(Node(root).value)[()]


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
    if isinstance(loss, Tensor) and loss.size != 1:
        raise GradError(f"source: expected a tensor with one element, got {describe(loss)}; reduce it "
                        "with .sum() or .mean()")
    wrt = list(wrt) if isinstance(wrt, Iterator) else wrt  # as model.parameters() is
    program = readable(gradient_program(loss, wrt))
    text = source_of(program)
    if check:
        _check(text, program, loss, leaves_of(loss) if wrt is None else wrt)
    return text


def _check(text: str, program: Program, loss: Tensor, wrt: Sequence[Tensor]) -> None:
    space: dict[str, Any] = {}
    exec(text, space)
    given = (i.array if isinstance(i, Array) else Node(i.tensor).value
             for i in parameters_of(program) if isinstance(i, Array | State))
    made = space[program.name](*given)
    got = made if isinstance(made, tuple) else (made,)
    cotangents = cotangents_of([loss], [_seed(loss)], targets=list(wrt))
    expected = [Node(loss).value, *(cotangents[x] for x in wrt)]
    for name, a, b in zip(("the value", *map(describe, wrt)), got, expected, strict=True):
        if not np.array_equal(a, b, equal_nan=True):
            raise CaptureError(f"source: the text gives {a} for {name}, backward() gives {b}")
