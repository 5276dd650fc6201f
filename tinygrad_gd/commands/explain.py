"""``explain``: the forward and the backward pass of a tensor, step by step."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from .subject import add_subject, subject_of

ABOUT = "the forward and the backward pass step by step: names, formulas, numbers"
EXAMPLES = (
    ("explain train.py", "the first loss of a script"),
    ("explain train.py --at w", "only what happens at w"),
    ("explain train.py --pass 2", "the loss of the second step"),
    ('explain -e "tanh(w * x + b)" --set w=-3 b=6.88 --data x=2', "an expression"),
    ('explain -e "a * b" --set a=2 b=3 --blank', "a worksheet, with the answers at its end"),
)
FINDING = ""


def arguments(parser: ArgumentParser) -> None:
    """What to explain, and how."""
    add_subject(parser, stops=True)
    parser.add_argument("--at", metavar="NAME", help="explain one tensor of the graph")
    parser.add_argument("--blank", action="store_true", help="leave the numbers out, as an exercise")


def run(options: Namespace) -> int:
    """Print the explanation."""
    subject = subject_of(options)
    tensor: Any = subject.tensor(options.tensor)
    print(subject.ask(lambda: tensor.explain(at=options.at, blank=options.blank)))
    return subject.code()
