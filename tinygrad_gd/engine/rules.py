"""Derivative rules: what one must be, and which of its arguments it reads."""

from __future__ import annotations

import dis
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import DTypeError, describe

Rule = Callable[..., Any]


class Every:
    """Stands for one rule per argument when their number varies; the rule gets the position first."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def __getitem__(self, position: int) -> Rule:
        return functools.partial(self.rule, position)

    def __iter__(self) -> Iterator[Rule]:
        yield self.rule

    def of_all(self, arguments: Sequence[Any], params: dict[str, Any]) -> Rules:
        """The rules of one node, which take no arguments any more."""
        return Rules(functools.partial(self.rule, **params), arguments)


class Once(Every):
    """The same for any number of arguments: the rule is called once for a node, and handed no position.

    ``rule(g, out, *arrays, **options)`` returns the function from a position to its cotangent. Handing
    n arrays to the rule of each of them would take n * n steps.
    """

    def __init__(self, rule: Rule) -> None:
        super().__init__(lambda position, *args, **params: rule(*args, **params)(position))
        self._once = rule

    def of_all(self, arguments: Sequence[Any], params: dict[str, Any]) -> Rules:
        """The rules of one node, which take no arguments any more."""
        return Rules(self._once(*arguments, **params))


class Rules:
    """The rules of one node with any number of arguments."""

    def __init__(self, rule: Rule, arguments: Sequence[Any] = ()) -> None:
        self._rule, self._arguments = rule, arguments

    def __getitem__(self, position: int) -> Rule:
        return functools.partial(self._rule, position, *self._arguments)


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


def check_function(function: Any) -> None:
    """Refuse what cannot become a primitive, because its arguments have no names."""
    if not isinstance(function, np.ufunc) and not hasattr(function, "__code__"):
        raise DTypeError(f"primitive: expected a NumPy ufunc or a function written in Python, got "
                         f"{describe(function)}; wrap others, as in lambda x: f(x)")


def check_rules(primitive: Any, rules: Any) -> None:
    """Refuse what are no rules, or not one for each array."""
    strange = [r for r in rules if not (r is None or callable(r) or hasattr(r, "rule"))]
    if strange or (rules and not primitive.variadic and len(rules) != primitive.arity):
        arrays = ", ".join(primitive.arguments)
        raise DTypeError(f"primitive: {primitive.name} takes the arrays {arrays}; expected for each of "
                         f"them a rule, lambda g, out, {arrays}: ..., or None, got "
                         f"{describe(strange[0]) if strange else f'{len(rules)} rules'}")


def checked(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A user's function, whose results must be arrays of the kinds that Tensors hold."""

    @functools.wraps(function)
    def run(*args: Any, **params: Any) -> Any:
        value = function(*args, **params)
        kind = getattr(getattr(value, "dtype", None), "kind", "O")
        complex_step = kind == "c" and any(map(np.iscomplexobj, args))
        if kind not in "fiub" and not complex_step:
            raise DTypeError(f"{name}: the function of a primitive must return an array of floats, "
                             f"ints or bools, got {describe(value)}; make one with np.asarray, "
                             "np.stack or .real")
        return value

    return run
