"""Which of its arguments a derivative rule reads: the others may change between the passes."""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator
from typing import Any


def reads(rule: Callable[..., Any], arity: int) -> Iterator[int]:
    """Which array arguments a rule ``(g, out, *arrays, **params)`` takes the values of.

    Found in the rule's bytecode: an argument that is never loaded, or only for its shape, ndim,
    size or dtype, may be overwritten between forward and backward without harm.
    """
    code = getattr(rule, "__code__", None)
    if code is None or code.co_argcount < 2 + arity:
        yield from range(arity)
        return
    position = {name: i for i, name in enumerate(code.co_varnames[2 : 2 + arity])}
    instructions = list(dis.get_instructions(code))
    for this, following in zip(instructions, [*instructions[1:], instructions[-1]], strict=True):
        if this.opname.startswith(("LOAD_FAST", "LOAD_DEREF", "LOAD_CLOSURE", "STORE_FAST_LOAD")):
            loaded = this.argval if isinstance(this.argval, tuple) else (this.argval,)
            only_form = following.opname == "LOAD_ATTR" and following.argval in (
                "shape", "ndim", "size", "dtype")
            yield from (position[n] for n in (loaded[:-1] if only_form else loaded) if n in position)
