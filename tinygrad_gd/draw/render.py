"""Running Graphviz: the system's `dot`, else the one that pip installed with this package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

from ..errors import TinygradGdError

TIMEOUT = 60


class RenderError(TinygradGdError, RuntimeError):
    """No layout engine could draw the picture."""


def engines() -> Iterator[str]:
    """Programs that may draw: $TINYGRAD_GD_DOT, the system's dot, then graphviz-pure's."""
    chosen = os.environ.get("TINYGRAD_GD_DOT")
    if chosen:
        yield chosen
    system = shutil.which("dot")
    if system:
        yield system
    yield from _bundled()


def _bundled() -> Iterator[str]:
    """graphviz-pure's program, wherever pip put it."""
    from importlib.metadata import PackageNotFoundError, files

    places = [Path(sysconfig.get_path("scripts")), Path(sys.executable).parent]
    try:
        scripts = [Path(str(f.locate())) for f in files("graphviz-pure") or ()
                   if Path(f).stem == "graphviz-pure" and Path(f).suffix in ("", ".exe")]
    except PackageNotFoundError:
        scripts = []
    for script in [*scripts, *(p / n for p in places for n in ("graphviz-pure", "graphviz-pure.exe"))]:
        if script.is_file():
            yield str(script.resolve())
            return


def render(source: str, form: str, nodes: int, edges: int) -> bytes:
    """Draw DOT ``source`` as ``svg``, ``png`` or ``pdf`` with the first engine that gets it right."""
    for engine in engines():
        complaint = ""
        try:
            run = subprocess.run([engine, f"-T{form}"], input=source.encode(), capture_output=True,
                                 timeout=TIMEOUT, check=False)
            if _complete(run.stdout, form, nodes, edges):
                return run.stdout
            first = run.stderr.decode(errors="replace").strip().partition("\n")[0]
            complaint = f"exit code {run.returncode}: {first or 'incomplete picture'}"
        except (OSError, subprocess.TimeoutExpired) as error:
            complaint = str(error)
        warnings.warn(f"{engine} could not draw the graph ({complaint}); trying the next engine",
                      RuntimeWarning, stacklevel=2)
    raise RenderError(
        f"no layout engine could make a {form} picture; install one with `pip install graphviz-pure`, "
        "or Graphviz from your system's packages (PDF needs the latter). print(drawing) and "
        ".save('g.dot') work without")


def _complete(picture: bytes, form: str, nodes: int, edges: int) -> bool:
    """Exit codes prove little: the picture itself must hold every node and edge."""
    if form == "svg":
        return (picture.rstrip().endswith(b"</svg>") and picture.count(b'class="node') == nodes
                and picture.count(b'class="edge"') == edges)
    start = {"png": b"\x89PNG", "pdf": b"%PDF"}[form]
    return picture.startswith(start) and len(picture) > 100
