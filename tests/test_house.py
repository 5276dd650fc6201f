"""The house keeps its order: imports go down only, and importing it stays light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tinygrad_gd

TESTS = Path(__file__).parent
HOUSE = TESTS.parent / "tinygrad_gd"
SOURCES = sorted(HOUSE.rglob("*.py"))

#: Lowest floor first; a module may import its own floor and those below.
FLOORS = [
    {"_version", "errors"},
    {"ground"},
    {"engine"},
    {"ops", "linalg"},
    {"transforms"},
    {"nn", "optim", "data"},
    {"program"},
    {"pictures", "study"},
    {"__init__", "__main__"},
]
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
UPWARD = {("engine", "ops"), ("engine", "pictures")}  # the one circle, and names


def imported_rooms(path: Path) -> Iterator[str]:
    """The rooms of this package that a file imports."""
    package = path.relative_to(HOUSE).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            parts = (*base, *(node.module or "").split("."))
            named = [p for p in parts if p]
            yield from named[:1] or (alias.name for alias in node.names)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(HOUSE)))
def test_imports_go_down_only(path: Path) -> None:
    mine = path.relative_to(HOUSE).with_suffix("").parts[0]
    wrong = [room for room in imported_rooms(path)
             if FLOOR[room] > FLOOR[mine] and (mine, room) not in UPWARD]
    assert not wrong, f"{path.name} imports {wrong} from a higher floor"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(HOUSE)))
def test_no_wildcards_and_no_patched_tensors(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert all(alias.name != "*" for alias in node.names)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            target = node.args[0] if node.func.id == "setattr" else None
            assert not (isinstance(target, ast.Name) and target.id == "Tensor")


def test_the_readme_shows_every_room() -> None:
    layout = (HOUSE.parent / "README.md").read_text().partition("## The layout of the house")[2]
    shown = {word.strip("/") for word in re.findall(r"`([a-z_]+/?)`", layout.partition("\n\n##")[0])}
    assert {room for room in FLOOR if room[0] != "_"} <= shown


def test_the_tests_mirror_the_rooms() -> None:
    """Each room has a folder of tests, and no folder of tests is about anything else."""
    rooms = {path.parent.name for path in HOUSE.glob("*/__init__.py")}
    assert "engine" in rooms
    assert {path.parent.name for path in TESTS.glob("*/test_*.py")} == rooms


def test_all_of_backprop_is_read_in_an_hour() -> None:
    path = ("engine/tensor.py", "engine/primitive.py", "engine/backward.py", "ops/elementwise.py")
    assert sum(len((HOUSE / name).read_text().splitlines()) for name in path) < 1000


def test_there_is_one_door() -> None:
    """Only `apply` records operations and tells observers of them; a replay tells what was recorded."""
    nodes = [(path.name, node) for path in SOURCES for node in ast.walk(ast.parse(path.read_text()))]
    made = {file for file, node in nodes if isinstance(node, ast.Attribute)
            and node.attr == "_primitive" and isinstance(node.ctx, ast.Store)}
    assert made == {"primitive.py", "tensor.py", "capture.py"}  # the latter two write None only
    assert {file for file, node in nodes if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name) and node.func.id == "check_overwritten"} == {
                "backward.py", "cotangents.py"}
    told = {file for file, node in nodes if isinstance(node, ast.Attribute) and node.attr == "forward"
            and ast.unparse(node.value).endswith("observer")}
    assert told == {"primitive.py"}


def test_what_is_exported_is_there_and_documented() -> None:
    assert tinygrad_gd.__all__ == sorted(set(tinygrad_gd.__all__))
    for name in tinygrad_gd.__all__:
        assert name == "__version__" or getattr(tinygrad_gd, name).__doc__, name


def test_importing_is_light() -> None:
    heavy = "matplotlib tqdm graphviz sklearn scipy"
    code = f"import sys, tinygrad_gd; print([m for m in {heavy.split()} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=HOUSE.parent)
    assert done.stdout.strip() == "[]"
