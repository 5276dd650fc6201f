"""The command line: ``python -m tinygrad_gd VERB``."""

from __future__ import annotations

import argparse
import io
import os
import sys
from importlib import import_module
from textwrap import fill
from types import ModuleType

from . import __version__
from .commands import FAILED, FINE, VERBS
from .commands.subject import Wrong
from .errors import TinygradGdError

_CLOSING = """A script runs unchanged, under the watch, and the verb answers about one of its tensors:

  python -m tinygrad_gd explain train.py --tensor loss
  python -m tinygrad_gd draw -e "(w * x + b - y)**2" --set w=0.5 b=0 --data x=2 y=5 -o graph.svg

`python -m tinygrad_gd VERB --help` has examples for each, and its exit codes: 0 is an answer that finds
nothing wrong, 1 one that does, and 2 is none: the command makes no sense, or the script failed."""

WIDTH = 100
_CODES = """exit codes:
  0  answered{fine}{finding}
  2  the command makes no sense, or the script, or what it needs, has failed"""


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command."""
    whole = argparse.ArgumentParser(
        prog="tinygrad_gd", description="Reverse-mode automatic differentiation over NumPy.",
        epilog=_CLOSING.replace("`", ""), formatter_class=argparse.RawDescriptionHelpFormatter)
    whole.add_argument("--version", action="version", version=f"tinygrad_gd {__version__}")
    verbs = whole.add_subparsers(dest="verb", title="what it can do", metavar="VERB")
    for name in VERBS:
        verb = import_module(f".commands.{name}", __package__)
        one = verbs.add_parser(
            name, help=verb.ABOUT, description=f"{verb.ABOUT[0].upper()}{verb.ABOUT[1:]}.",
            epilog=_below(verb), formatter_class=argparse.RawDescriptionHelpFormatter)
        verb.arguments(one)
        one.set_defaults(run=verb.run)
    return whole


def _below(verb: ModuleType) -> str:
    """The examples of a verb, and what its exit codes mean."""
    examples = "\n".join(f"  tinygrad_gd {given}\n      {said}" for given, said in verb.EXAMPLES)
    fine = ", and nothing wrong was found" if verb.FINDING else ""
    finding = f"\n  1  {verb.FINDING}" if verb.FINDING else ""
    return f"examples:\n{examples}\n\n{_CODES.format(fine=fine, finding=finding)}"


def main(arguments: list[str] | None = None) -> int:
    """Run one verb of the command line; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    split = given.index("--") if "--" in given else len(given)
    whole = parser()
    options = whole.parse_args(given[:split], argparse.Namespace(own=given[split + 1 :]))
    if options.verb is None:
        whole.print_help()
        return FINE
    try:
        return int(options.run(options))
    except BrokenPipeError:
        raise
    except OSError as error:  # such as a folder that is not there
        said = f"{error.filename}: {error.strerror}" if error.filename else f"{error}"
    except (Wrong, TinygradGdError) as error:
        said = str(error).removeprefix(f"{options.verb}: ")
    for line in f"tinygrad_gd {options.verb}: {said}".splitlines():
        print(fill(line, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False),
              file=sys.stderr)
    return FAILED


def command() -> None:
    """What the shell runs: `main`, on a terminal of any encoding, or into a pipe that may be closed.

    A reader that has seen enough, as in ``| head -1``, ends it without a word and with the exit code
    141, like a tool that the closed pipe's signal ended (128 + SIGPIPE).
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")  # the path of a picture may hold any letter
    try:
        try:
            code = main()
        finally:  # also after --help, which ends in SystemExit
            print(end="", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it once more
        code = 141
    sys.exit(code)


if __name__ == "__main__":
    command()
