"""``source``: the gradient of a loss as a NumPy function, or as formulas."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

import tinygrad_gd as tg

from .subject import add_subject, subject_of

ABOUT = "the gradient as a plain NumPy function, or as formulas"
EXAMPLES = (
    ("source train.py", "of the first loss of a script, run and compared to the last bit"),
    ('source -e "sum((w * x + b - y)**2)" --set w=0 b=0 --data x=[1,2] y=[3,5]', "of an expression"),
    ("source train.py --latex", "as LaTeX"),
)
FINDING = ""


def arguments(parser: ArgumentParser) -> None:
    """What to write down."""
    add_subject(parser, stops=True)
    parser.add_argument("--latex", action="store_true", help="write formulas, a line for each step")


def run(options: Namespace) -> int:
    """Print the text."""
    subject = subject_of(options)
    tensor = subject.tensor(options.tensor)
    text = subject.ask(lambda: tg.latex(tensor, steps=True) if options.latex
                       else tg.source(tensor, check=True))
    print(text.rstrip())
    return subject.code()
