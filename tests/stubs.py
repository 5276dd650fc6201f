"""Stubs of modules that find names only when asked for them: ``python -m tests.stubs`` writes them.

To a type checker a module's ``__getattr__`` promises every name, and tells nothing of any; so each
module that writes one gets a stub (.pyi) beside it, which lists what is public there.
"""

from __future__ import annotations

import ast
import builtins
import collections.abc
import inspect
import pkgutil
import re
import textwrap
import typing
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import tinygrad_gd
from tinygrad_gd.engine.primitive import Primitive
from tinygrad_gd.ground.registry import NAMES, NUMPY, complete

complete()

NOTE = "# Made by python -m tests.stubs from the registry; a test fails when it is not up to date."
WIDTH = 104
ROOT = tinygrad_gd.__name__
REGISTERED = {id(function) for function in (*NAMES.values(), *NUMPY.values())}


def modules() -> list[ModuleType]:
    """The package and every module in it, but for the one that runs it."""
    found = pkgutil.walk_packages(tinygrad_gd.__path__, f"{ROOT}.")
    return [tinygrad_gd, *(import_module(m.name) for m in found if m.name != f"{ROOT}.__main__")]


def public_names(module: ModuleType) -> list[str]:
    """What a module offers: what ``dir`` shows where the module writes it itself, else ``__all__``."""
    return sorted(vars(module)["__dir__"]() if "__dir__" in vars(module) else module.__all__)


def finds_names(module: ModuleType) -> bool:
    """Whether a module finds names when they are asked for; others only say that they have none."""
    return getattr(vars(module).get("__getattr__"), "__module__", None) == module.__name__


def stub_of(module: ModuleType) -> Path:
    """Where a module's stub lies."""
    return Path(str(module.__file__)).with_suffix(".pyi")


class Verbatim(str):
    """A text that stands in a signature as it is, without quotes."""

    def __repr__(self) -> str:
        return str(self)


class Stub:
    """What a module's stub says."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.public: set[tuple[str, str, str]] = set()  # home, name there, name here
        self.private: dict[str, set[str]] = {}  # home, names that annotations speak of
        self.body: list[str] = []
        tree = ast.parse(inspect.getsource(module))
        self.imported = {alias.asname or alias.name: ("." * node.level + (node.module or ""), alias.name)
                         for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
                         for alias in node.names}
        self.assigned = {ast.unparse(node.targets[0]): ast.unparse(node)
                         for node in tree.body if isinstance(node, ast.Assign)}
        self.names = public_names(module)
        for name in self.names:
            self.declare(name, getattr(module, name))

    def declare(self, name: str, value: Any) -> None:
        """Say where a name comes from, or how the function is called."""
        if name in self.imported:
            home, original = self.imported[name]
            self.public.add((home, original, name))
            return
        if name in self.assigned:
            self.body.append(self.assigned[name])
            return
        if isinstance(value, ModuleType):
            home, _, original = value.__name__.rpartition(".")
            self.public.add((self.relative(home), original, name))
            return
        home = ROOT if NAMES.get(name) is value else value.__module__
        if home == self.module.__name__ or (home != ROOT and id(value) in REGISTERED):
            self.body.append(self.definition(name, value))
        else:
            self.public.add((self.relative(home), name, name))

    def relative(self, home: str) -> str:
        """A module of the package as this one imports it."""
        here, there = str(self.module.__spec__.parent).split("."), home.split(".")  # type: ignore[union-attr]
        while here and there and here[0] == there[0]:
            here, there = here[1:], there[1:]
        return "." * (len(here) + 1) + ".".join(there)

    def definition(self, name: str, function: Any) -> str:
        """A function with its signature and docstring."""
        signature = inspect.signature(function)
        parameters = [p.replace(
            annotation=Verbatim("Any" if p.annotation is p.empty else p.annotation),
            default=p.default if isinstance(p.default, int | float | str | tuple | None)
            or p.default is p.empty else Verbatim("...")) for p in signature.parameters.values()]
        result, scope = str(signature.return_annotation), getattr(function, "signature", function)
        if type(function) is Primitive:  # annotated is what takes arrays; the primitive makes Tensors
            result, scope = "Tensor", Primitive.__call__
        signature = inspect.Signature(parameters, return_annotation=Verbatim(result))
        for text in (result, *(p.annotation for p in parameters)):
            self.import_what(text, inspect.unwrap(scope).__globals__)
        head = re.sub(r"(?<!,) ", "\0", f"def {name}{signature}:")  # lines end after commas only
        head = textwrap.fill(head, WIDTH, subsequent_indent=" " * (len(name) + 5), break_on_hyphens=False)
        return head.replace("\0", " ") + "\n" + textwrap.indent(quoted(inspect.getdoc(function)), "    ")

    def import_what(self, annotation: str, scope: dict[str, Any]) -> None:
        """Import the names in an annotation."""
        for node in ast.walk(ast.parse(annotation)):
            if isinstance(node, ast.Name) and node.id not in {*dir(builtins), *self.names}:
                meant, home = scope[node.id], "typing"
                if isinstance(meant, ModuleType):
                    home = f"{meant.__name__} as {node.id}"
                elif node.id in collections.abc.__all__:
                    home = "collections.abc"
                elif node.id not in typing.__all__:
                    home = self.relative(meant.__module__)
                self.private.setdefault(home, set()).add(node.id)

    def text(self) -> str:
        """The stub, whose imports stand in the linter's order."""
        lines = {(home, name): f"from {home} import {name} as {here}" for home, name, here in self.public}
        for home, names in self.private.items():
            listed = ", ".join(sorted(names, key=in_order))
            lines[home, listed] = (
                f"import {home}" if " as " in home else f"from {home} import {listed}")
        blocks: list[list[str]] = [[], [], []]
        for home, name in sorted(lines, key=lambda line: (*in_order(line[0]), *in_order(line[1]))):
            blocks[0 if home in ("typing", "collections.abc") else 2 if home[0] == "." else 1].append(lines[home, name])
        parts = [NOTE, quoted(self.module.__doc__), *("\n".join(block) for block in blocks if block)]
        if hasattr(self.module, "__all__"):
            exported = ", ".join(f'"{name}"' for name in sorted(self.module.__all__, key=exported_in_order))
            wrapped = textwrap.indent(textwrap.fill(exported, WIDTH - 4), "    ")
            parts.append(f"__all__ = [\n{wrapped},\n]")
        return "\n\n".join([*parts, *self.body]) + "\n"


def in_order(name: str) -> tuple[Any, ...]:
    """Where the linter wants a name: outer modules, constants, classes first; log2 before log10."""
    word = name.lstrip(".")
    kind = 0 if word.isupper() and len(word) > 1 else 1 if word[:1].isupper() else 2
    return len(word) - len(name), kind, re.sub(r"\d+", lambda n: n[0].zfill(9), word.lower())


def exported_in_order(name: str) -> tuple[int, str]:
    """Where the linter wants a name of ``__all__``: as `in_order`, with capitals before small letters."""
    return in_order(name)[1], re.sub(r"\d+", lambda n: n[0].zfill(9), name)


def quoted(text: str | None) -> str:
    """A docstring as it stands in a file."""
    text = inspect.cleandoc(text or "")
    end = "\n" if "\n" in text else ""
    return f'{"r" if chr(92) in text else ""}"""{text}{end}"""'


def stubs() -> dict[Path, str]:
    """The path of every stub, and what belongs into it."""
    return {stub_of(m): Stub(m).text() for m in modules() if finds_names(m)}


if __name__ == "__main__":
    for path, text in stubs().items():
        path.write_text(text, encoding="utf-8")
