"""``check``: a person's own gradients against the engine's."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

import tinygrad_gd as tg

from .subject import Wrong, add_subject, gradients_given, subject_of

ABOUT = "your own gradients against the engine's: where a mistake is, and which one"
EXAMPLES = (
    ("check by_hand.py", "compares dw, d_w, grad_w or w_grad with the gradient of each tensor w"),
    ("check by_hand.py --tensor loss --pass all", "where the gradients are computed after backward()"),
)
FINDING = "one of your gradients is wrong"


def arguments(parser: ArgumentParser) -> None:
    """What to check."""
    add_subject(parser, stops=False)


def run(options: Namespace) -> int:
    """Print the verdict; a mistake is a finding."""
    subject = subject_of(options)
    loss = subject.tensor(options.tensor)
    given = gradients_given(subject.variables, subject.tensors)
    if not given:
        raise Wrong("the script has no gradients of its own among its variables, nor those of "
                    "the functions around backward(); call that of a tensor w dw, d_w, grad_w or "
                    "w_grad")
    found = subject.ask(lambda: tg.check_backward(loss, given))
    print(found)
    return subject.code(not found)
