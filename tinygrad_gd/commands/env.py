"""``env``: versions, what else is installed, and whether a picture can be drawn."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import tinygrad_gd as tg

from . import FINE, FOUND

ABOUT = "versions, optional libraries, layout engines, and a picture as a test"
EXAMPLES = (("env", "for a report of a fault"),)
FINDING = "no picture can be drawn"
#: Optional libraries, and what is done with them.
EXTRAS = {
    "matplotlib": "tg.plot", "scipy": "tg.optim.minimize, sparse matrices", "safetensors": "tg.save",
    "scikit-learn": "tg.sklearn", "pandas": "tables beside Tensors",
}


def arguments(parser: ArgumentParser) -> None:
    """There are none."""


def run(options: Namespace) -> int:
    """Print what is there."""
    for name, found in _rows():
        print(f"{name.ljust(14)}  {found}")
    drawn, said = _test_picture()
    print(f"{'test picture'.ljust(14)}  {said}")
    return FINE if drawn else FOUND


def _rows() -> Iterator[tuple[str, str]]:
    yield "tinygrad_gd", f"{tg.__version__} in {os.path.dirname(tg.__file__ or '')}"
    yield "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    for name in ("numpy", "tqdm", "graphviz", "graphviz-pure"):
        yield name, _version(name) or "not installed, but needed; pip install tinygrad_gd brings it"
    for name, use in EXTRAS.items():
        yield name, _version(name) or f"not installed; for {use}"
    yield "layout engine", os.environ.get("TINYGRAD_GD_DOT") or shutil.which("dot") or "graphviz-pure"
    threads = [f"{name}={os.environ[name]}" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
               if name in os.environ]
    yield "threads", f"{', '.join(threads) or 'as many as the BLAS likes'}; {os.cpu_count()} processors"
    yield "terminal", f"{getattr(sys.stdout, 'encoding', None) or 'unknown'} encoding"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _test_picture() -> tuple[bool, str]:
    w = tg.Tensor(3.0, requires_grad=True, name="w")
    try:
        return True, f"drawn, an SVG of {len(tg.draw(w * w).render('svg')):,} bytes"
    except Exception as error:  # whatever it is, that is the finding
        return False, f"failed: {error}"
