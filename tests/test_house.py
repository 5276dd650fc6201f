"""The house keeps its order: floors, sizes, one door for each thing, and importing it stays light."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import tinygrad_gd as tg
from tinygrad_gd.ground.elsewhere import CURES
from tinygrad_gd.ground.registry import NAMES

TESTS = Path(__file__).parent
HOUSE = TESTS.parent / "tinygrad_gd"
SOURCES = sorted(HOUSE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}
WINDOWS = {"pictures", "study", "training", "interop"}
STUDY_PATH = ("engine/tensor.py", "engine/primitive.py", "engine/backward.py", "ops/elementwise.py")

#: Lowest floor first; a room may import what is on its own floor and on those below.
FLOORS = [
    {"_version", "errors"},
    {"ground"},
    {"engine"},
    {"ops", "linalg"},
    {"transforms"},
    {"nn", "optim", "data"},
    {"program"},
    {"pictures", "study"},
    {"training", "interop", "cluster"},
    {"__init__", "__main__", "commands"},
]
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
ROOMS = {path.relative_to(HOUSE).with_suffix("").parts[0] for path in SOURCES}
#: The looks upwards: the last lines of tensor.py, a stack of a list of Tensors, the windows that a Tensor or a
#: model opens of itself, the type of `Tensor.at`.
UPWARD = {("engine/tensor.py", "ops"), ("engine/operands.py", "ops"), ("engine/looks.py", "pictures"),
          ("engine/looks.py", "study"), ("nn/looks.py", "study"), ("engine/methods.py", "ops")}
#: The walks and the door that are read whole, and would be harder to follow in parts.
LONG = {"gradients_of", "cotangents_of", "apply", "Primitive.__init__"}

each_file = pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(HOUSE)))


def place(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


def imports(path: Path, tree: ast.AST) -> Iterator[tuple[str, ...]]:
    """What a file imports of this package, as paths in it: module and, perhaps, name."""
    package = path.relative_to(HOUSE).parts[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            module = (*base, *filter(None, (node.module or "").split(".")))
            yield from ((*module, alias.name) for alias in node.names)


@each_file
def test_imports_go_down_only(path: Path) -> None:
    mine = path.relative_to(HOUSE).with_suffix("").parts[0]
    rooms = {parts[0] for parts in imports(path, TREES[path])}
    wrong = {room for room in rooms if FLOOR.get(room, -1) > FLOOR[mine] and (place(path), room) not in UPWARD}
    assert not wrong, f"{place(path)} imports {wrong} from a higher floor"


def modules_imported(path: Path) -> set[str]:
    """The files that must have run before this one: imports on top, without the last lines of tensor.py."""
    top = [node for node in TREES[path].body if isinstance(node, ast.ImportFrom)]
    if place(path) == "engine/tensor.py":
        defined = next(n for n in TREES[path].body if isinstance(n, ast.ClassDef))
        top = [node for node in top if node.lineno < defined.lineno]
    found = set()
    for parts in imports(path, ast.Module(top, [])):
        base = HOUSE.joinpath(*parts[:-1])
        candidates = (base / f"{parts[-1]}.py", base / parts[-1] / "__init__.py",
                      base.with_suffix(".py"), base / "__init__.py")
        found.add(next(place(c) for c in candidates if c.exists()))
    return found


def test_there_is_no_circle_but_the_last_lines_of_tensor() -> None:
    graph = {place(path): modules_imported(path) for path in SOURCES}
    assert len(graph) > 80 and graph["engine/primitive.py"] >= {"engine/tensor.py", "engine/rules.py"}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@each_file
def test_no_wildcards_no_private_names_and_no_patched_tensors(path: Path) -> None:
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.ImportFrom) and node.level:
            private = [a.name for a in node.names if re.match(r"_(?!_)", a.name) and a.name != "_version"]
            assert not private and all(alias.name != "*" for alias in node.names)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            target = node.args[0] if node.func.id == "setattr" else None
            assert not (isinstance(target, ast.Name) and target.id == "Tensor")


@each_file
def test_files_and_functions_are_short(path: Path) -> None:
    if place(path) not in STUDY_PATH:
        assert len(path.read_text(encoding="utf-8").splitlines()) < 480
    for name, node in functions(TREES[path]):
        first = node.body[0]
        documented = ast.get_docstring(node) is not None
        lines = (node.end_lineno or 0) - node.lineno + 1
        if documented:
            lines -= (first.end_lineno or 0) - first.lineno + 1
        assert lines <= 40 or name in LONG, f"{name} has {lines} lines"


def functions(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, Any]]:
    for node in ast.iter_child_nodes(tree):
        name = f"{inside}.{node.name}".strip(".") if isinstance(node, ast.ClassDef | ast.FunctionDef) else inside
        if isinstance(node, ast.FunctionDef):
            yield name, node
        yield from functions(node, name)


def test_all_of_backprop_is_read_in_an_hour() -> None:
    assert sum(len((HOUSE / name).read_text(encoding="utf-8").splitlines()) for name in STUDY_PATH) < 1000


def test_the_readme_shows_every_room() -> None:
    layout = (HOUSE.parent / "README.md").read_text(encoding="utf-8").partition("## The layout of the house")[2]
    shown = {word.strip("/") for word in re.findall(r"`([a-z_]+/?)`", layout.partition("\n\n##")[0])}
    assert {room for room in ROOMS if room[0] != "_"} <= shown


def test_every_room_says_what_it_is_for() -> None:
    """What the room is for, in which order it is read, and its surprises: the tricks, and why not the obvious."""
    for room in sorted(path.parent for path in HOUSE.rglob("*/__init__.py")):
        text = ast.get_docstring(TREES[room / "__init__.py"]) or ""
        files = {path.stem for path in room.glob("*.py")} | {path.parent.name for path in room.glob("*/__init__.py")}
        missing = {f for f in files if f != "__init__" and f"`{f}`" not in text and f"`{f}/`" not in text}
        assert not missing, f"{room.name}/__init__ does not name {missing}"
        assert "Surprises here" in text, room.name


def test_the_tests_mirror_the_rooms() -> None:
    """Each room has a folder of tests, and no folder of tests is about anything else."""
    rooms = {path.parent.name for path in HOUSE.glob("*/__init__.py")}
    assert "engine" in rooms
    assert {path.parent.name for path in TESTS.glob("*/test_*.py")} == rooms


# -- one door for each thing -----------------------------------------------------------------------


def test_there_is_one_door() -> None:
    """Only `apply` records operations and tells observers of them; a replay tells what was recorded."""
    nodes = [(place(path), node) for path, tree in TREES.items() for node in ast.walk(tree)]
    made = {file for file, node in nodes if isinstance(node, ast.Attribute)
            and node.attr == "_primitive" and isinstance(node.ctx, ast.Store)}
    # the second and third write None only, the last what the first has recorded
    assert made == {"engine/primitive.py", "engine/tensor.py", "program/lockstep/standins.py"}
    assert {file for file, node in nodes if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name) and node.func.id == "check_overwritten"} == {
                "engine/backward.py", "engine/cotangents.py"}
    told = {file for file, node in nodes if isinstance(node, ast.Attribute) and node.attr == "forward"
            and ast.unparse(node.value).endswith("observer")}
    assert told == {"engine/primitive.py"}


def test_primitives_are_made_in_ops_only() -> None:
    makers = {"primitive", "Primitive", "CalledLike", "called_like"}
    made = {place(path) for path, tree in TREES.items() for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in makers}
    assert "ops/elementwise.py" in made
    assert {file for file in made if not file.startswith("ops/")} == {
        "engine/primitive.py",  # `primitive` itself
        "engine/numpy_protocol.py",  # a variable of that name, called
    }


@each_file
def test_windows_look_at_tensors_from_outside(path: Path) -> None:
    if path.relative_to(HOUSE).parts[0] not in WINDOWS:
        return
    private = {name for name in tg.Tensor.__slots__ if name[:2] != "__"}
    assert "_value" in private
    read = {node.attr for node in ast.walk(TREES[path]) if isinstance(node, ast.Attribute)}
    assert not read & private


def everything() -> Iterator[ModuleType]:
    """All modules of the package, imported."""
    for path in SOURCES:
        parts = path.relative_to(HOUSE.parent).with_suffix("").parts
        if parts[-1] != "__main__":
            yield importlib.import_module(".".join(parts).removesuffix(".__init__"))


def test_no_callable_hides_a_module() -> None:
    """`import a.b` and `a.b` must be the same thing."""
    for module in everything():
        package, _, name = module.__name__.rpartition(".")
        if package:
            assert getattr(sys.modules[package], name) is module


def has(owner: str, name: str) -> bool:
    """Whether an owner in the table of cures has something of this name."""
    if owner in ("Tensor", "LentArray", "Module"):
        found: Any = tg.nn.Module() if owner == "Module" else tg.Tensor([0.0])
        return name in dir(found.data if owner == "LentArray" else found)
    if owner.endswith("()"):
        return name in options_of(owner)
    module = importlib.import_module(owner)
    return name in vars(module) or name in dir(module)


def options_of(owner: str) -> set[str]:
    spaces: list[Any] = [tg, tg.nn, tg.optim, tg.datasets, tg.Tensor, tg.nn.functional]
    classes = [c for space in spaces for c in vars(space).values() if inspect.isclass(c)]
    functions = [*NAMES.values(), tg.gradcheck, tg.gradgradcheck, tg.datasets.split]
    if owner == "a class()":
        chosen: list[Any] = [c for c in classes if c.__module__.startswith("tinygrad_gd.")
                             and not issubclass(c, BaseException)]
    elif owner == "anything()":
        chosen = [*classes, *functions]
    else:
        chosen = [getattr(space, owner[:-2]) for space in spaces if hasattr(space, owner[:-2])]
    assert chosen, f"nothing is called {owner}"
    return {name for made in chosen for name in parameters(made)}


def parameters(function: Any) -> set[str]:
    if function in (tg.Tensor, tg.nn.Parameter, tg.tensor) or getattr(function, "parameters", None):
        return set(getattr(function, "parameters", ())) if not inspect.isclass(function) else set()
    try:
        return set(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return set()


@pytest.mark.parametrize("owner", CURES)
def test_no_cure_names_what_exists(owner: str) -> None:
    there = {name for name in CURES[owner] if has(owner, name)}
    assert CURES[owner] and not there, f"{owner} has {there}"


def test_cures_stand_in_one_table() -> None:
    speaking = {place(path) for path, tree in TREES.items() for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and "has no attribute" in str(node.value)}
    assert speaking == {"ground/elsewhere.py"}


# -- what is public ----------------------------------------------------------------------------------


def test_what_is_exported_is_there_and_documented() -> None:
    assert tg.__all__ == sorted(set(tg.__all__))
    for name in tg.__all__:
        assert name == "__version__" or getattr(tg, name).__doc__, name


def test_every_error_that_is_exported_is_raised() -> None:
    """By its name, or by a table from NumPy's errors to ours."""
    ours = {name for name, cls in vars(tg.errors).items() if inspect.isclass(cls)
            and cls.__module__ == tg.errors.__name__ and name != "TinygradGdError"}
    used = {node.id for path, tree in TREES.items() if place(path) not in ("errors.py", "__init__.py")
            for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert "ShapeError" in ours and not ours - used


def test_importing_is_light() -> None:
    heavy = "matplotlib tqdm graphviz sklearn scipy safetensors"
    code = f"import sys, tinygrad_gd; print([m for m in {heavy.split()} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=HOUSE.parent)
    assert done.stdout.strip() == "[]"


def test_rooms_above_the_calculus_are_loaded_when_asked_for() -> None:
    code = ("import sys, tinygrad_gd as tg\n"
            "rooms = lambda: {m.split('.')[1] for m in sys.modules if m.startswith('tinygrad_gd.')}\n"
            "print(sorted(rooms() - {'_version', 'errors', 'ground', 'engine', 'ops'}))\n"
            "tg.grad, tg.gradcheck, tg.nn.Linear, tg.optim.SGD, tg.datasets.split, tg.DataLoader, tg.draw\n"
            "tg.compile, tg.detect_anomaly, tg.linalg.inv, tg.study.advise, tg.data, tg.pictures, tg.program\n"
            "print(sorted(rooms()), callable(tg.gradcheck), tg.grad is tg.transforms.grad)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HOUSE.parent)
    first, second = done.stdout.splitlines()
    assert first == "[]" and second.endswith("True True") and "study" in second
