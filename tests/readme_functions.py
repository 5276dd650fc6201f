"""The README's list of functions, made from the registry: ``python -m tests.readme_functions``."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_gd as tg  # fills the registry
from tinygrad_gd.engine.primitive import Primitive
from tinygrad_gd.ground.registry import NAMES, NUMPY, complete

complete()

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- functions: begin -->\n", "<!-- functions: end -->\n"

#: Rows of the table: title and the module (the end of its name) that registers the functions.
GROUPS = {
    "elementwise": ("elementwise", "ufuncs", "special"), "activations": ("activations", "attention"),
    "reductions": ("reductions", "running", "statistics", "norms", "differences"), "shape": ("shape", "arrange"),
    "indexing and sorting": ("indexing", "choices", "sorting", "updates"),
    "linear algebra": ("products", "linear", "einsum", "linear_systems", "determinants", "factorizations",
                       "least_squares", "conditioning"),
    "windows": ("convolution", "pooling", "windows", "interpolation"), "random": ("random",),
}


def home_of(name: str) -> str:
    """The module in which a function is written."""
    made: Any = NAMES[name]
    for path, module in sys.modules.items():
        if path.startswith("tinygrad_gd.ops.") and not hasattr(module, "__path__") and any(
                value is made for value in vars(module).values()):
            return path.rpartition(".")[2]
    return str(getattr(getattr(made, "function", made), "__module__", "")).rpartition(".")[2]


def shown(name: str) -> str:
    """A name; in italics where the function has no derivative."""
    made = NAMES[name]
    plain = isinstance(made, Primitive) and not made.differentiable
    return f"*{name}*" if plain else name


def numpy_only() -> list[str]:
    """NumPy functions that work on Tensors and have no name of their own here."""
    names = set()
    for function in NUMPY:
        name = getattr(function, "__name__", "")
        if name not in NAMES and getattr(np, name, None) is function:
            names.add(f"np.{name}")
    return sorted(names)


def of_models() -> dict[str, list[str]]:
    """Layers, losses, optimizers and schedules, by their titles."""
    nn, optim = tg.nn, tg.optim
    modules = [n for n in nn.__all__ if isinstance(c := getattr(nn, n), type) and issubclass(c, nn.Module)]
    rest = {"Module", "Parameter", *(n for n in modules if n.endswith("Loss"))}
    schedules = [n for n in optim.lr_scheduler.__all__ if n not in ("LRScheduler",)]
    return {"layers": [n for n in modules if n not in rest], "losses": [n for n in modules if n.endswith("Loss")],
            "optimizers": [n for n in optim.__all__ if n[0].isupper() and n != "Optimizer"], "schedules": schedules}


def together(names: list[str]) -> str:
    """Names as a text; those of one, two and three axes as one."""
    texts: dict[str, str] = {}
    for name in names:
        stem, end = name[:-2], name[-2:]
        if end in ("2d", "3d") and stem + "1d" in texts:
            texts[stem + "1d"] += f"/{end}"
        else:
            texts[name] = name
    return " ".join(texts.values())


def text() -> str:
    """The list as markdown."""
    homes: dict[str, list[str]] = {}
    for name in sorted(NAMES):
        homes.setdefault(home_of(name), []).append(name)
    lines = []
    for title, modules in GROUPS.items():
        names = sorted(n for m in modules for n in homes.get(m, ()))
        if names:
            lines.append(f"- **{title}**: {together([shown(n) for n in names])}")
    lines.append("- **questions about Tensors, with plain answers**: " + " ".join(numpy_only()))
    lines += [f"- **{title}**: {together(sorted(names))}" for title, names in of_models().items()]
    return "\n".join(textwrap.fill(line, 150, break_on_hyphens=False, subsequent_indent="  ") for line in lines) + "\n"


def updated(readme: str) -> str:
    """The README with the present list."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{text()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(updated(README.read_text()))
