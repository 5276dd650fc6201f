"""What `help` and editors are told of a primitive; worked out when they ask, not at import."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable
from functools import lru_cache
from inspect import Parameter, Signature, signature
from types import CodeType
from typing import Any

import numpy as np


class OnDemand:
    """An attribute that each object works out when asked; the class itself has ``of_class``."""

    def __init__(self, work_out: Callable[[Any], Any], of_class: Any = None) -> None:
        self.work_out, self.of_class = work_out, of_class

    def __get__(self, made: Any, owner: type) -> Any:
        return self.of_class if made is None else self.work_out(made)


def signature_of(primitive: Any) -> Signature:
    """How a primitive is called: arrays and options by position or name, a ufunc's arrays in order."""
    if isinstance(primitive.function, np.ufunc):
        return Signature([Parameter(n, Parameter.POSITIONAL_ONLY) for n in primitive.arguments])
    own = signature(primitive.function)
    either = Parameter.POSITIONAL_OR_KEYWORD
    changed: dict[Any, Any] = {Parameter.POSITIONAL_ONLY: either, Parameter.VAR_POSITIONAL: either}
    if primitive.variadic:  # called with a list of its arrays, and options in order
        changed[Parameter.KEYWORD_ONLY] = either
    return own.replace(parameters=[
        p.replace(kind=changed.get(p.kind, p.kind)) for p in own.parameters.values()])


def call_of(primitive: Any) -> str:
    """A primitive's name and arguments, as in ``sum(a, axis=None)``."""
    arguments = signature(primitive).parameters.values()
    bare = [p.replace(annotation=Parameter.empty) for p in arguments]
    return f"{primitive.name}{Signature(bare)}"


def doc_of(primitive: Any) -> str | None:
    """The docstring of its function; of NumPy's ufuncs, whose options do not exist here, the rules."""
    if not isinstance(primitive.function, np.ufunc):
        return primitive.function.__doc__  # type: ignore[no-any-return]
    doc = f"NumPy's ``{primitive.function.__name__}``, for Tensors and arrays"
    if not primitive.differentiable:
        return f"{doc}; it has no derivative."
    rules = zip(primitive.arguments, primitive.vjps, strict=True)
    formulas = {x: formula(rule) for x, rule in rules if rule}
    if None in formulas.values():
        return f"{doc}; differentiable in {' and '.join(formulas)}."
    gradients = "".join(f"\n    {x}: {text}" for x, text in formulas.items())
    return f"{doc}.\n\nGradients, where g is that of the result ``out``::\n{gradients}"


def formula(rule: Callable[..., Any]) -> str | None:
    """The expression of a rule that is written as a lambda, if its source can be read.

    >>> from tinygrad_gd.ops.elementwise import exp
    >>> formula(exp.vjps[0])
    'g * out'
    """
    code = getattr(rule, "__code__", None)
    if code is None:
        return None
    source = "".join(linecache.getlines(code.co_filename, rule.__globals__))
    for node, compiled in _lambdas(source):  # several may begin in one line
        if all(getattr(compiled, part) == getattr(code, part) for part in (
                "co_firstlineno", "co_code", "co_names", "co_varnames", "co_consts")):
            return ast.unparse(node.body)
    return None


@lru_cache
def _lambdas(source: str) -> list[tuple[ast.Lambda, CodeType]]:
    try:
        tree = ast.parse(source)
    except SyntaxError:  # the file is being edited
        return []
    # Calls into imported modules have instructions of their own.
    imports: list[Any] = [line for line in tree.body if isinstance(line, ast.Import | ast.ImportFrom)]
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            program = ast.Module([*imports, ast.copy_location(ast.Expr(node), node)], [])
            alone = compile(program, "", "exec")
            found += [(node, c) for c in alone.co_consts if isinstance(c, CodeType)]
    return found
