"""Primitives that are called with NumPy's full signature.

The graph is easier to read, and faster to run, when a sum has two options and not six. What the
other four do (convert first, leave elements out) is written with other primitives, by a function
with NumPy's signature that stands before the primitive: ``called_like`` puts it there.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np

from ..engine.documentation import OnDemand
from ..engine.operands import operand
from ..engine.primitive import Primitive
from ..engine.rules import Every, Rule
from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError
from ..ground.explain import FAILURES, explain_call
from ..ground.registry import register
from ..ground.storage import NUMERIC_KINDS


class CalledLike(Primitive):
    """A primitive behind a function with NumPy's signature, which ends in `apply`."""

    signature: Callable[..., Tensor]
    __signature__ = OnDemand(lambda made: signature(made.signature))

    def __call__(self, *args: Any, **options: Any) -> Tensor:
        """Call the function with NumPy's signature; wrong arguments get an error that helps."""
        try:
            return self.signature(*args, **options)
        except FAILURES as error:
            explained = explain_call(self.signature, args, options, error)
            if explained is error:
                raise
            raise explained from error


def called_like(
    numpy: Any,
    function: Callable[..., Any],
    *rules: Rule | Every | None,
    run: Callable[..., Any] | None = None,
    elementwise: bool = False,
    analytic: bool = True,
    atomic: bool = False,
    kind: str = "red",
    internal: bool = False,
) -> Callable[[Callable[..., Any]], CalledLike]:
    """Register ``function`` with its rules as a primitive, called as the decorated function is."""

    def made_of(signature: Callable[..., Any]) -> CalledLike:
        functions = numpy if isinstance(numpy, tuple) else (numpy,)
        table: Any = rules[0] if rules and isinstance(rules[0], Every) else rules
        made = CalledLike(
            function, table, name=signature.__name__, numpy=functions, run=run,
            elementwise=elementwise, analytic=analytic, atomic=atomic, kind=kind,
            internal=internal)
        made.signature = made.__wrapped__ = signature
        made.__doc__, made.__module__ = signature.__doc__, signature.__module__
        register(made)
        return made

    return made_of


def as_tensor(operation: str, x: Any) -> Tensor:
    """What a composition was given, as a Tensor; lists of Tensors stay recorded."""
    if x is None:
        raise DTypeError(f"{operation}: expected a Tensor, an array or a number, got NoneType")
    if type(x) is not np.ndarray or x.dtype.kind not in NUMERIC_KINDS:
        x = operand(operation, x)
    return x if isinstance(x, Tensor) else Tensor(x)


def refuse_switch(operation: str, **options: Any) -> None:
    """Say that ``x.sum(1, True)`` gives True to another option than in PyTorch."""
    for name, value in options.items():
        if isinstance(value, bool):
            other = f" or ddof={int(value)}" if operation.endswith(("var", "std")) else ""
            raise OptionError(f"{operation}: got {value} for {name}=, which comes after axis= as in "
                              f"NumPy; name the option that is meant, keepdims={value}{other}")


def refuse(operation: str, cure: str, **options: Any) -> None:
    """Say which option of NumPy's signature does not work with Tensors."""
    refuse_switch(operation, **options)
    for name, value in options.items():
        if value is not None:
            raise OptionError(f"{operation}: {name}= is not supported with Tensors; {cure}")
