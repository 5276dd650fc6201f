"""``draw``: the graph of a tensor, as a table or as a picture in a file."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import tinygrad_gd as tg

from .subject import Wrong, add_subject, subject_of

ABOUT = "the graph of a tensor, with values and gradients: printed, or as a picture"
EXAMPLES = (
    ("draw train.py", "the graph of the first loss, as a table"),
    ("draw train.py --tensor hidden -o hidden.svg", "of another tensor: .svg, .png, .pdf or .dot"),
    ("draw train.py -o loss.html", "one page to step through, with leaves to drag"),
    ('draw -e "(w * x + b - y)**2" --set w=0.5 b=0 --data x=2 y=5', "of an expression"),
    ("draw train.py -o loss.svg --check", "is the picture up to date?"),
)
FINDING = "the file is not what would be written now (--check)"


def arguments(parser: ArgumentParser) -> None:
    """What to draw, and where to."""
    add_subject(parser, stops=True)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write a picture there")
    parser.add_argument("--check", action="store_true", help="only compare with what is there")
    parser.add_argument("--last", type=int, metavar="N", help="draw only the last N nodes")
    parser.add_argument("--engine", choices=("auto", "bundled"), default="auto",
                        help="bundled lays out the same on every machine")


def run(options: Namespace) -> int:
    """Print it, write it, or compare it."""
    if options.check and options.output is None:
        raise Wrong("--check compares a file with what would be written now; name it with -o")
    subject = subject_of(options)
    tensor = subject.tensor(options.tensor)
    path: Path | None = options.output
    if path is None:
        print(subject.ask(lambda: tg.draw(tensor, last=options.last)))
        return subject.code()
    if path.suffix == ".html":
        content = subject.ask(lambda: tg.explore(tensor)).html.encode()
    else:
        drawing = subject.ask(lambda: tg.draw(tensor, last=options.last))
        content = drawing.render(path.suffix.lstrip("."), options.engine)
    if options.check:
        same = path.exists() and path.read_bytes() == content
        print(f"{path} is {'up to date' if same else 'not what it would be now'}",
              file=sys.stdout if same else sys.stderr)
        return subject.code(not same)
    path.write_bytes(content)
    print(path)
    return subject.code()
