"""`compile`: what its function computes becomes a program that runs in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, overload

from .frozen.function import Frozen
from .lockstep.function import Compiled

Function = Callable[..., Any]


@overload
def compile(
    function: Function, *, strict: bool = False, frozen: Literal[False] = False) -> Compiled: ...
@overload
def compile(function: Function, *, strict: bool = False, frozen: Literal[True]) -> Frozen: ...
@overload
def compile(
    *, strict: bool = False, frozen: Literal[False] = False) -> Callable[[Function], Compiled]: ...
@overload
def compile(*, strict: bool = False, frozen: Literal[True]) -> Callable[[Function], Frozen]: ...
@overload
def compile(function: Function, *, strict: bool = False, frozen: bool) -> Compiled: ...
def compile(function: Any = None, *, strict: bool = False, frozen: bool = False) -> Any:
    """Let a function run in lockstep with a program that computes what it would.

    Its Python runs in every call, so branches, counters, random numbers, files and attributes are what
    they are. Each operation is compared with those of earlier calls and answered with a Tensor without
    values, which a program with fixed buffers computes when one is looked at, an optimizer steps, or
    the function returns. Another branch is recorded when it is met. Results are those of the plain
    function, to the last bit. What hardly ever computes the same runs uncompiled, after one warning.

    Parameters
    ----------
    function : any function.
    strict : raise instead of going on uncompiled; the plan of each replay is proved, too.
    frozen : skip Python. The contract is that of jax.jit: what the function reads from Python, other
        than arguments, Tensors, options of optimizers and modes, is what it was when it was captured.
        It is captured when a call computes the same as one before, and audited: in calls 4, 8, 16 ...
        and by ``audit(*args)`` Python runs in lockstep, and a difference is a `CaptureError`. Arrays in
        the arguments are Tensors inside, also to `isinstance`, and the bits are those of the plain
        function of Tensors. What cannot be frozen goes on in lockstep, after one warning. Gradients
        that the step has made itself and used in an update are given up: they are None afterwards. A
        result that is computed from what the step then writes to, as a loss mostly is, is a constant.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True, name="w"); opt = tg.optim.SGD([w], lr=0.1)
    >>> @tg.compile
    ... def step():
    ...     loss = w * w
    ...     opt.zero_grad(); loss.backward(); opt.step()
    ...     return loss
    >>> [round(step().item(), 4) for _ in range(4)]
    [9.0, 5.76, 3.6864, 2.3593]
    """
    kind = Frozen if frozen else Compiled
    if function is None:
        return lambda f: kind(f, strict)
    return kind(function, strict)
