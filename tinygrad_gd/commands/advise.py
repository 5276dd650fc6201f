"""``advise``: what the curvature of a loss says about the learning rate."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

import tinygrad_gd as tg

from ..engine.graph import leaves_of
from ..study.again import again
from .subject import add_subject, subject_of

ABOUT = "which learning rates are stable, and what else helps, from the curvature of the loss"
EXAMPLES = (
    ("advise train.py", "at the parameters that the first backward pass saw"),
    ("advise train.py --lr 0.1 --momentum 0.9", "and what this pair does"),
    ("advise train.py --pass all", "at the end of training"),
    ('advise -e "u**2 - v**2" --set u=1 v=1', "of an expression"),
)
FINDING = ""


def arguments(parser: ArgumentParser) -> None:
    """What to look at, and which rates."""
    add_subject(parser, stops=True)
    parser.add_argument("--lr", type=float, help="say what this rate does")
    parser.add_argument("--momentum", type=float, help="say what it does with this momentum")


def run(options: Namespace) -> int:
    """Print the advice."""
    subject = subject_of(options)
    loss = subject.tensor(options.tensor)
    fresh = again(loss, {}).get(loss, loss)  # at the values that the parameters have now
    print(subject.ask(lambda: tg.advise(
        lambda: fresh, leaves_of(fresh), lr=options.lr, momentum=options.momentum)))
    return subject.code()
