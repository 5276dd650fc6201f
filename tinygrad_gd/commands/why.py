"""``why``: why a gradient is None, zero, too large or NaN."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..study.diagnosis import MISTAKE
from .subject import Wrong, add_subject, subject_of

ABOUT = "why the gradient of a tensor, or of a model, is None, zero, too large or NaN"
EXAMPLES = (
    ("why train.py --tensor w", "of one tensor"),
    ("why train.py --tensor model", "of all parameters of a model"),
    ("why train.py", "of the loss that backward() was called on last"),
)
FINDING = "a mistake was found; what is only worth knowing is none"


def arguments(parser: ArgumentParser) -> None:
    """What to ask about."""
    add_subject(parser, stops=False)


def run(options: Namespace) -> int:
    """Print the causes; one that is a mistake is a finding."""
    subject = subject_of(options)
    thing = subject.thing(options.tensor)
    if not hasattr(thing, "why"):
        kind = type(thing).__name__
        raise Wrong(f"{options.tensor} is of type {kind}; ask about a Tensor or a model")
    found = subject.ask(lambda: thing.why())
    print(found)
    return subject.code(any(cause.weight >= MISTAKE for cause in found.causes))
