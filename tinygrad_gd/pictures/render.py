"""Running Graphviz: the system's `dot`, else the one that pip installed with this package.

An exit code proves little: `dot` may report success and have lost an edge. So the SVG is read and
its nodes and edges are counted before an engine is believed, also when a PNG or PDF is wanted.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..errors import TinygradGdError
from ..ground.user_code import user_stacklevel
from .dot import QUICK

TIMEOUT, PATIENCE = 60.0, 10.0  # seconds for a picture, and for its size before there is one
DPI = 144
LONGEST_SIDE, LARGEST_AREA = 16_384, 64_000_000  # pixels of a PNG

#: What is left of a node whose label an engine did not understand.
_EMPTY_NODE = rb'class="node[ "][^>]*>\s*<title>([^<]*)</title>\s*</g>'

_SIZE = re.compile(rb'<svg\b[^>]*?\bwidth="([\d.]+)pt" height="([\d.]+)pt"')


class RenderError(TinygradGdError, RuntimeError):
    """No layout engine could draw the picture."""


class Expected(NamedTuple):
    """What a complete picture holds; a picture the user has changed may hold anything."""

    nodes: int
    edges: int


def engines(engine: str = "auto") -> Iterator[str]:
    """Programs that may draw: $TINYGRAD_GD_DOT, graphviz-pure's, then the system's dot.

    The bundled one comes first, as then a laptop and a server write the same bytes.
    """
    if engine == "auto" and (chosen := os.environ.get("TINYGRAD_GD_DOT")):
        yield chosen
    yield from _bundled()
    if engine == "auto" and (system := shutil.which("dot")):
        yield system


def _bundled() -> Iterator[str]:
    """graphviz-pure's program, wherever pip put it, also with ``--target`` and an empty PATH."""
    from importlib.metadata import PackageNotFoundError, distribution

    places = [Path(sysconfig.get_path("scripts")), Path(sys.executable).parent]
    try:
        found = distribution("graphviz-pure")
        recorded = [Path(str(f.locate())) for f in found.files or () if f.stem == "graphviz-pure"]
        places = [*(p.parent for p in recorded), *places, Path(str(found.locate_file("bin")))]
    except PackageNotFoundError:
        pass
    for place in places:
        for name in ("graphviz-pure", "graphviz-pure.exe"):
            if (place / name).is_file():
                yield str((place / name).resolve())
                return
    if on_path := shutil.which("graphviz-pure"):
        yield on_path


def render(source: str, form: str, expected: Expected | None = None, engine: str = "auto",
           dpi: float = DPI, redrawn: Callable[[bytes], str] | None = None) -> bytes:
    """Draw DOT ``source`` as ``svg`` or ``png`` with the first engine that gets it right.

    ``redrawn`` makes DOT for the pixels out of the SVG; without it they are drawn from ``source``.
    If no engine does it and time was what they lacked, they are asked for the quick layout.
    """
    late = False
    for layout in ({}, QUICK):
        for program in engines(engine):
            try:
                svg = _run(program, source, "svg", expected, dpi, layout)
                if form == "svg":
                    return svg
                shown = redrawn(svg) if redrawn else source
                return _run(program, shown, form, None, _capped(size_of(svg), dpi), layout)
            except _Failed as failure:
                late = late or isinstance(failure, _Late)
                warnings.warn(f"{program} could not draw the graph ({failure}); trying the next engine"
                              f"{', then straight edges' if late and not layout else ''}",
                              RuntimeWarning, stacklevel=user_stacklevel())
        if not late:
            break
    if late:
        raise RenderError(f"no {form} picture after {TIMEOUT:g} seconds: the graph is too large to be "
                          "laid out. tg.draw(tensor, last=50) draws the last 50 nodes; "
                          "print(drawing) and .save('g.dot') need no layout")
    raise RenderError(f"no layout engine could make the {form} picture; install one with `pip install "
                      "graphviz-pure`. print(drawing) and .save('g.dot') work without")


def size_laid_out(source: str, expected: Expected) -> tuple[float, float] | None:
    """Width and height in points; nothing where the bundled engine is missing or does not work."""
    for program in engines("bundled"):
        try:
            return size_of(_run(program, source, "svg", expected, DPI, {}, PATIENCE))
        except _Failed:  # said when a picture is asked for
            return None
    return None


class _Failed(Exception):
    """One engine gave no complete picture; says why."""


class _Late(_Failed):
    """One engine gave no picture in time."""


def _run(program: str, source: str, form: str, expected: Expected | None, dpi: float,
         layout: dict[str, str], patience: float | None = None) -> bytes:
    """One engine's picture. Files instead of pipes: a hanging engine's children cannot hold us."""
    options = [f"-T{form}", *(f"-G{key}={value}" for key, value in layout.items())]
    options += [f"-Gdpi={dpi:.6g}"] if form == "png" else []
    patience = patience or TIMEOUT
    with (tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out,
          tempfile.TemporaryFile() as complaints):
        given.write(source.encode())
        given.seek(0)
        try:
            run = subprocess.run([program, *options], stdin=given, stdout=out, stderr=complaints,
                                 timeout=patience, check=False)
        except subprocess.TimeoutExpired:
            raise _Late(f"no picture after {patience:g} seconds") from None
        except OSError as error:
            raise _Failed(str(error)) from error
        out.seek(0)
        complaints.seek(0)
        picture, first = out.read(), complaints.readline().decode(errors="replace").strip()
    if problem := _incomplete(picture, form, expected):
        raise _Failed(f"exit code {run.returncode}: {first + '; ' if first else ''}{problem}")
    return picture


def _incomplete(picture: bytes, form: str, expected: Expected | None) -> str:
    """What is missing in a picture, or nothing."""
    if form != "svg":
        start, end = b"\x89PNG", b"IEND\xaeB`\x82"
        whole = picture.startswith(start) and picture.rstrip().endswith(end)
        return "" if whole else f"incomplete {form}"
    if not (picture.rstrip().endswith(b"</svg>") and _SIZE.search(picture)):
        return "incomplete svg"
    found = Expected(len(re.findall(rb'class="node[ "]', picture)),
                     len(re.findall(rb'class="edge[ "]', picture)))
    if expected is not None and found != expected:
        return (f"{found.nodes} of {expected.nodes} nodes and {found.edges} of {expected.edges} edges "
                "in the picture")
    if expected is not None and (empty := re.search(_EMPTY_NODE, picture)):
        return f"node {empty[1].decode()} is empty"
    return ""


def size_of(svg: bytes) -> tuple[float, float]:
    """Width and height in points."""
    found = _SIZE.search(svg)
    return (float(found[1]), float(found[2])) if found else (0.0, 0.0)


def _capped(size: tuple[float, float], dpi: float) -> float:
    """The resolution at which a PNG stays within what viewers and memory can hold."""
    width, height = (max(side, 1) * dpi / 72 for side in size)
    shrink = min(1.0, LONGEST_SIDE / max(width, height), (LARGEST_AREA / (width * height)) ** 0.5)
    if shrink == 1:
        return dpi
    lowered = float(f"{dpi * shrink * 0.999:.4g}")
    warnings.warn(f"the PNG would have {width:,.0f} x {height:,.0f} pixels; drawn at {lowered:g} "
                  f"instead of {dpi:g} dpi. An SVG stays sharp at any size",
                  RuntimeWarning, stacklevel=user_stacklevel())
    return lowered
