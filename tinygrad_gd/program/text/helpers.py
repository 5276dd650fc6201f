"""Helpers: the source of functions that NumPy does not have, as a text takes it over."""

from __future__ import annotations

import ast
import inspect
import keyword
import re
import textwrap
from collections import defaultdict
from types import FunctionType, ModuleType
from typing import Any

from ...engine.primitive import Primitive
from ...errors import CaptureError
from ...ops.indexing import SLOT
from .literals import WIDTH, literal


class Names:
    """Gives out identifiers of one text, each once."""

    def __init__(self, *taken: str) -> None:
        self.taken: set[str] = {"np", "float", "slice", *taken, *keyword.kwlist}
        self._counts: defaultdict[str, int] = defaultdict(lambda: 1)

    def fresh(self, base: str) -> str:
        """``base``, or with a number that makes it new."""
        name = base
        while name in self.taken:
            self._counts[base] += 1
            name = f"{base}_{self._counts[base]}"
        self.taken.add(name)
        return name


class _Rewriter(ast.NodeTransformer):
    """Takes out annotations, which only a checker of types needs, and gives globals other names.

    It raises Python's own errors, without the words that only this package finds.
    """

    def __init__(self, names: dict[str, str], seen: dict[str, Any]) -> None:
        self.names, self.seen = names, seen

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt | None:
        if node.value is None:
            return None
        made = ast.Assign([node.target], self.visit(node.value))
        return ast.fix_missing_locations(ast.copy_location(made, node))

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        made = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        kind = self.seen.get(made.id) if isinstance(made, ast.Name) else None
        if not isinstance(kind, type):
            return self.generic_visit(node)
        own = next(base for base in kind.__mro__ if base.__module__ == "builtins")
        return ast.Raise(ast.Name(own.__name__, ast.Load()), None)


class Helpers:
    """The functions and constants that a text needs besides NumPy.

    Attributes
    ----------
    constants, functions : statements and definitions, by their names.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self.constants: dict[str, str] = {}
        self.functions: dict[str, str] = {}
        self._known: dict[Any, str] = {}

    def function(self, function: Any, wish: str) -> str:
        """The name of a function in the text, which takes over its source and all that it uses."""
        if function not in self._known:
            name = self._known[function] = self.names.fresh(wish.lstrip("_"))
            self.functions[name] = ""  # it may call itself, and comes before what it calls
            self.functions[name] = self._source_of(function, name)
        return self._known[function]

    def constant(self, wish: str, key: Any, text: str) -> str:
        """The name of a constant in the text; ``key`` says which are the same."""
        if key not in self._known:
            name = self._known[key] = self.names.fresh(wish.lstrip("_"))
            self.constants[name] = f"{name} = {text}"
        return self._known[key]

    def _source_of(self, function: Any, name: str) -> str:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        if not isinstance(tree, ast.FunctionDef):
            raise CaptureError(f"source: {name} is a lambda, whose text cannot be found; define it "
                               "with def, and make the primitive of that")
        around = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        seen = {**function.__globals__, **{k: cell.cell_contents for k, cell in around.items()}}
        tree.name, tree.returns, tree.decorator_list = name, None, []
        if ast.get_docstring(tree):
            del tree.body[0]
        tree = _Rewriter({}, seen).visit(tree)
        own = {*inspect.signature(function).parameters, *function.__code__.co_cellvars}
        used = {x.id: None for x in ast.walk(tree) if isinstance(x, ast.Name)}
        names = {k: self._written(k, seen[k]) for k in used if k in seen and k not in own}
        names |= {k: f"{k}_" for k in used if k in names.values() and k not in {*seen, *own}}
        return broken(ast.unparse(_Rewriter(names, {}).visit(tree)))

    def _written(self, name: str, known: Any) -> str:
        """What a function's variable from outside is called in the text."""
        if isinstance(known, Primitive):
            known = known.function
        if isinstance(known, ModuleType):
            if known.__name__ != "numpy":
                self.constants[name] = f"import {known.__name__} as {name}"
            return name
        if known is SLOT:
            return self.constant(name, (name, id(known)), "object()  # where an index array goes")
        if isinstance(known := inspect.unwrap(known), FunctionType):  # a cached one, too
            return self.function(known, name)
        return self.constant(name, (name, id(known)), literal(known))


def broken(text: str, width: int = WIDTH) -> str:
    """Code with long lines broken, where that leaves it the same, and not within tuples of numbers."""
    lines = []
    for line in text.splitlines():
        indent = " " * (len(line) - len(line.lstrip()) + 8)
        whole = re.sub(r"\([\d, ()-]*\)", lambda found: found[0].replace(" ", "\0"), line)
        lines += textwrap.wrap(whole, width, subsequent_indent=indent, break_long_words=False,
                               break_on_hyphens=False)
    made = "\n".join(lines).replace("\0", " ")
    try:
        return made if ast.dump(ast.parse(made)) == ast.dump(ast.parse(text)) else text
    except SyntaxError:
        return text
