"""What people see before they run anything: names, signatures, docstrings, and what type checkers say."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import pickle
import pydoc
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.stubs import finds_names, modules, public_names
from tinygrad_gd.engine.documentation import formula
from tinygrad_gd.engine.methods import Methods
from tinygrad_gd.engine.primitive import Primitive
from tinygrad_gd.ground.registry import INTERNAL, NAMES, by_name

HOUSE = Path(tg.__file__).parent
SCRIPTS = Path(__file__).parent / "scripts"
#: What the package registers; doctests and other tests add primitives of their own while running.
PUBLIC, INNER = sorted(NAMES), sorted(INTERNAL)
MODULES = modules()
each_module = pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)


# -- what type checkers say -----------------------------------------------------------------------

Reports = dict[str, list[tuple[int, str, str]]]  # script -> line, "error" or "note", text

#: An expression and its type, which is the same for all type checkers.
TYPES = {
    "array @ w": "Tensor", "array * w": "Tensor", "array + w": "Tensor", "array - w": "Tensor",
    "array / w": "Tensor", "array ** w": "Tensor", "array < w": "Tensor", "ints * w": "Tensor",
    "singles @ w": "Tensor", "np.float64(2) * w": "Tensor", "np.float32(2) + w": "Tensor",
    "np.int64(2) - w": "Tensor", "2 * w": "Tensor", "w @ array": "Tensor", "w * array": "Tensor",
    "w @ w": "Tensor", "-w": "Tensor", "w > 0": "Tensor", "w[0]": "Tensor", "w.T": "Tensor",
    "tg.exp(w)": "Tensor", "tg.sum(w, axis=0, keepdims=True)": "Tensor", "w.mean(axis=0)": "Tensor",
    "tg.linalg.norm(w, axis=0)": "Tensor", "tg.nn.functional.relu(w)": "Tensor",
    "tg.concatenate([w, array], axis=1)": "Tensor", "tg.eigh(w).eigenvalues": "Tensor",
    "tg.slogdet(w)": "SlogdetResult", "tg.linalg.qr(w)": "QRResult | Any",
    "tg.svd(w, full_matrices=False)": "SVDResult | Any", "tg.split(w, 2)": "list[Tensor]",
    "tg.modf(w)": "tuple[Tensor, Tensor]", "tg.unique(w)": "Tensor | Any", "w.at[0].set(1.0)": "Tensor",
    "tg.nn.Linear(2, 2)": "Linear", "tg.compile(w.sum)": "Compiled", "tg.draw(w)": "Drawing", "w.draw()": "Drawing",
    "np.asarray(w)": "ndarray[Any]", "np.concatenate([w, w])": "ndarray[Any]",
    "np.where(w > 0, w, 0)": "ndarray[Any]", "np.asarray(w) * 2": "ndarray[Any]",
    "np.exp(w) * w": "Any", "np.sum(w)": "Any",
}
REVEALED = "\n".join([
    "import numpy as np", "import tinygrad_gd as tg",
    "w, array, ints = tg.Tensor([1.0, 2.0]), np.ones(2), np.arange(2)", "singles = np.ones(2, np.float32)",
    *(f"reveal_type({expression})" for expression in TYPES)])


def mypy(place: Path, scripts: list[str]) -> Reports:
    pytest.importorskip("mypy", reason="mypy is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent",
         "--no-error-summary", *scripts], cwd=place, capture_output=True, text=True,
        env={**os.environ, "MYPYPATH": str(HOUSE.parent)})
    assert not done.stderr, done.stderr
    found = re.findall(r"^(.+?):(\d+): (error|note): (.*)$", done.stdout, re.M)
    return {s: [(int(line), kind, text) for f, line, kind, text in found if f == s] for s in scripts}


def pyright(place: Path, scripts: list[str]) -> Reports:
    pytest.importorskip("pyright", reason="pyright is not installed")
    (place / "pyrightconfig.json").write_text(json.dumps({"extraPaths": [str(HOUSE.parent)]}))
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, *scripts],
        cwd=place, capture_output=True, text=True,
        env={**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"})
    assert done.returncode in (0, 1), done.stdout + done.stderr
    kinds = {"error": "error", "warning": "error", "information": "note"}
    found = [(Path(d["file"]).name, d["range"]["start"]["line"] + 1, kinds[d["severity"]], d["message"])
             for d in json.loads(done.stdout)["generalDiagnostics"]]
    return {s: [(line, kind, text) for f, line, kind, text in found if f == s] for s in scripts}


@cache
def reports(checker: Callable[[Path, list[str]], Reports]) -> Reports:
    """What a checker says of all scripts; it is started once."""
    place = Path(mkdtemp())
    for script in SCRIPTS.glob("typed_*.py"):
        (place / script.name).write_text(script.read_text(encoding="utf-8"), encoding="utf-8")
    (place / "revealed.py").write_text(REVEALED)
    return checker(place, ["typed_right.py", "typed_wrong.py", "revealed.py"])


each_checker = pytest.mark.parametrize("checker", [mypy, pyright])


@each_checker
def test_a_users_script_is_accepted(checker: Any) -> None:
    assert reports(checker)["typed_right.py"] == []


def test_the_accepted_script_runs() -> None:
    done = subprocess.run([sys.executable, "-W", "error", SCRIPTS / "typed_right.py"], text=True,
                          capture_output=True, env={**os.environ, "PYTHONPATH": str(HOUSE.parent)})
    assert not done.returncode and "advised lr = 0.5" in done.stdout, done.stderr


@each_checker
def test_mistakes_are_found(checker: Any) -> None:
    lines = (SCRIPTS / "typed_wrong.py").read_text(encoding="utf-8").splitlines()
    marked = {i for i, line in enumerate(lines, 1) if line.endswith("# wrong")}
    found = {line for line, kind, _ in reports(checker)["typed_wrong.py"] if kind == "error"}
    assert {lines[i - 1] for i in marked ^ found} == set() and len(marked) > 20


@each_checker
def test_expressions_have_the_types_they_have(checker: Any) -> None:
    first = REVEALED.splitlines().index(f"reveal_type({next(iter(TYPES))})") + 1
    expressions = dict(enumerate(TYPES, first))
    said = {expressions[line]: short(text) for line, kind, text in reports(checker)["revealed.py"]}
    assert said == TYPES


def short(report: str) -> str:
    """The type in a checker's report, without modules and shapes."""
    revealed = re.search(r'(?:type is|" is) "(.*)"$', report)
    if not revealed:
        return report
    name = re.sub(r"\b(?:\w+\.)+(?=\w)", "", revealed[1])
    name = re.sub(r"ndarray\[tuple\[(?:Any|int), \.\.\.\], dtype\[Any\]\]", "ndarray[Any]", name)
    return re.sub(r"tuple\[(.*), fallback=(\w+)\]", r"\2", name)


@pytest.mark.slow
def test_stubs_agree_with_what_mypy_finds_at_run_time(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is not installed")
    config = tmp_path / "mypy.ini"  # what is inside is checked with one NumPy only, by `mypy` itself
    config.write_text("[mypy]\nignore_errors = True\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "--concise", "--mypy-config-file", config, "tinygrad_gd"],
        cwd=HOUSE.parent, capture_output=True, text=True)
    stubbed = "|".join(re.escape(m.__name__) for m in MODULES if finds_names(m))
    said = re.findall(rf"^(?:{stubbed})\.\w+ .*", done.stdout, re.M)
    assert "tinygrad_gd.exp is not a function" in said  # but a Primitive, which is called as one
    assert [line for line in said if not line.endswith("is not a function")] == []


# -- the stubs ------------------------------------------------------------------------------------


def test_stubs_are_what_the_registry_gives() -> None:
    code = "from tests.stubs import stubs; print([str(p) for p, t in stubs().items() if p.read_text(encoding='utf-8') != t])"
    done = subprocess.run([sys.executable, "-c", code], cwd=HOUSE.parent, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", f"run python -m tests.stubs; {done.stdout}{done.stderr}"


def test_every_module_with_names_on_demand_has_a_stub() -> None:
    needed = {Path(str(m.__file__)).with_suffix(".pyi") for m in MODULES if finds_names(m)}
    assert needed == set(HOUSE.rglob("*.pyi")) and len(needed) >= 5


@pytest.mark.parametrize("name", ["tinygrad_gd", "tinygrad_gd.linalg", "tinygrad_gd.nn.functional"])
def test_a_stub_has_every_public_name_and_no_other(name: str) -> None:
    module = importlib.import_module(name)
    tree = ast.parse(Path(str(module.__file__)).with_suffix(".pyi").read_text(encoding="utf-8"))
    shown = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    shown |= {a.asname for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names if a.asname}
    shown |= {t.id for node in tree.body if isinstance(node, ast.Assign) for t in node.targets
              if isinstance(t, ast.Name) and t.id != "__all__"}
    assert shown == set(public_names(module)) - (set(NAMES) - set(PUBLIC))
    for node in tree.body:
        assert not isinstance(node, ast.FunctionDef) or ast.get_docstring(node), node.name


# -- names and docstrings at run time -----------------------------------------------------------------


def test_dir_shows_what_is_public() -> None:
    shown = set(dir(tg))
    assert {"compile", "latex", "source", "exp", "Tensor", "nn"} <= shown
    assert len(INNER) > 10 and not shown & set(INNER)
    assert shown >= set(PUBLIC) | set(tg.__all__)
    assert all(hasattr(tg, name) for name in shown)


@pytest.mark.parametrize("name", INNER)
def test_parts_of_functions_are_not_offered_but_found_by_pickle(name: str) -> None:
    made = by_name(name)
    assert pickle.loads(pickle.dumps(made)) is made
    for place in (tg, tg.nn.functional):
        assert not hasattr(place, name)
    with pytest.raises(AttributeError) as error:
        getattr(tg.Tensor([1.0]), name)
    assert f"tg.{name}" not in str(error.value)


def test_a_name_is_taken_by_an_internal_primitive_too() -> None:
    with pytest.raises(tg.OptionError, match="'getitem' is registered already"):
        tg.primitive(lambda x: x, lambda g, out, x: g, name="getitem")
    assert "getitem" not in NAMES


@pytest.mark.parametrize("name", PUBLIC)
def test_every_function_is_documented(name: str) -> None:
    text = inspect.getdoc(NAMES[name]) or ""
    assert text and text != inspect.getdoc(Primitive) and "casting=" not in text
    assert name in ("relu", "relu6") or len(text.split()) > 2
    if isinstance(NAMES[name], Primitive):  # an option may be given by its name
        assert not {"casting", "subok"} & set(inspect.signature(NAMES[name]).parameters)


@pytest.mark.parametrize("module", [tg, tg.linalg, tg.nn, tg.optim, tg.datasets, tg.nn.init],
                         ids=lambda m: m.__name__)
def test_every_name_of_a_room_is_documented(module: Any) -> None:
    names = public_names(module) if hasattr(module, "__all__") or module is tg.linalg else [
        n for n, v in vars(module).items()
        if inspect.isfunction(v) and v.__module__ == module.__name__ and n[0] != "_"]
    own = set(names) - (set(NAMES) - set(PUBLIC)) - {"__version__"}
    assert own and [n for n in own if not inspect.getdoc(getattr(module, n))] == []


def test_methods_are_documented_in_their_own_words() -> None:
    missing = [n for n, v in vars(Methods).items() if inspect.isfunction(v)
               and n[0] != "_" and not v.__doc__]
    assert missing == [] and "along ``axis``" in str(inspect.getdoc(tg.Tensor.sum))


def test_help_on_a_ufunc_says_its_derivative() -> None:
    text = pydoc.render_doc(tg.exp, renderer=pydoc.plaintext)
    assert "<primitive exp(x, /)>" in text and "x: g * out" in text
    assert "y: g * x" in str(tg.multiply.__doc__) and "has no derivative" in str(tg.equal.__doc__)
    assert "np.cos(x)" in str(tg.sin.__doc__)
    assert [formula(rule) for rule in tg.subtract.vjps] == ["g", "-g"]  # two in one line
    assert formula(eval("lambda g, out, x: g * 7")) is None  # its source cannot be read


def test_help_works_while_a_file_is_edited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linecache.getlines", lambda *file: ["sqrt = primitive("])
    assert str(tg.sqrt.__doc__) == "NumPy's ``sqrt``, for Tensors and arrays; differentiable in x."


def test_signatures_are_those_of_the_call() -> None:
    shown = [repr(getattr(tg, name)) for name in ("exp", "maximum", "softmax", "concatenate", "clip")]
    assert shown == [
        "<primitive exp(x, /)>", "<primitive maximum(x, y, /)>", "<primitive softmax(x, axis=-1)>",
        "<primitive concatenate(arrays, axis=0)>",
        "<primitive clip(a, a_min=None, a_max=None, out=None, *, min=None, max=None)>"]
    x = np.array([1.0, -1.0])
    assert tg.where(condition=x > 0, x=x, y=0.0).tolist() == [1.0, 0.0]
    assert tg.softmax(x=x, axis=0).shape == (2,) and tg.concatenate([x, x], 0).shape == (4,)
    assert inspect.signature(tg.Primitive).parameters["function"]


@each_module
def test_pydoc_shows_every_module(module: Any) -> None:
    assert module.__name__ in pydoc.render_doc(module, renderer=pydoc.plaintext)


@pytest.mark.parametrize("name", ["linalg", "nn", "nn.functional", "optim"])
def test_python_m_pydoc(name: str) -> None:
    done = subprocess.run([sys.executable, "-m", "pydoc", f"tinygrad_gd.{name}"], cwd=HOUSE.parent,
                          capture_output=True, text=True)
    assert not done.returncode and f"tinygrad_gd.{name}" in done.stdout.split("DESCRIPTION")[0]


@each_module
def test_pdoc_shows_every_module(module: Any) -> None:
    pdoc = pytest.importorskip("pdoc", reason="pdoc is not installed")
    doc = pytest.importorskip("pdoc.doc", reason="pdoc is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it does not find the annotations of named tuples
        page = pdoc.render.html_module(doc.Module(module), {})
    assert (module.__doc__ or "").split()[0].strip("`:") in page


@each_module
def test_questions_with_underscores_get_plain_answers(module: Any) -> None:
    for name in ("__wrapped__", "__nothing__", "__signature__"):
        with pytest.raises(AttributeError) as error:
            getattr(module, name)
        assert ";" not in str(error.value)


def test_names_of_linalg_can_be_imported() -> None:
    from tinygrad_gd.linalg import norm

    assert norm is tg.linalg.norm and norm(np.array([3.0, 4.0])).item() == 5.0
    assert not hasattr(tg.linalg, "__path__")
    with pytest.raises(AttributeError, match="no function 'nrom'; it has cholesky"):
        _ = tg.linalg.nrom
