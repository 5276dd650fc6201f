"""``replay``: a recorded run, where it went wrong, why, and what helps."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from shutil import get_terminal_size

from ..study.runs.page import page
from ..study.runs.report import report
from ..study.runs.run import Run
from ..study.runs.verdict import verdict
from ..study.words import WIDTH
from . import FINE, FOUND
from .subject import Wrong

ABOUT = "a run that tg.record wrote: where it went wrong, why, and what helps"
EXAMPLES = (
    ("replay run.npz", "in the terminal"),
    ("replay run.npz -o run.html", "and as a page to scrub through"),
)
FINDING = "the run diverged, or met a NaN"


def arguments(parser: ArgumentParser) -> None:
    """Which run."""
    parser.add_argument("run_file", type=Path, metavar="RUN.npz",
                        help='what `with tg.record("run.npz"):` around a training loop wrote')
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.html", help="write a page there")


def run(options: Namespace) -> int:
    """Print the report."""
    found = Run.load(options.run_file)
    if options.output is not None:
        if options.output.suffix != ".html":
            raise Wrong(f"expected a page that ends in .html, got {options.output.name}")
        options.output.write_text(page(found, options.run_file.name), encoding="utf-8")
    width = min(WIDTH, get_terminal_size((WIDTH, 0)).columns)
    print(report(found, options.run_file.name, width))
    return FOUND if verdict(found).kind in ("diverges", "broken") else FINE
