"""What a verb is about: a tensor of a script, which is run for it, or of an expression."""

from __future__ import annotations

import ast
import inspect
import os
import sys
import traceback
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from types import ModuleType
from typing import Any

import numpy as np

import tinygrad_gd as tg

from ..engine.graph import event_of, walk
from ..ground.observer import Observer, observe
from ..ground.user_code import is_inside, user_frame
from ..pictures.names import names_for
from ..study.watching import watch
from . import FAILED, FINE, FOUND

#: So many names are listed where one was wrong, and so many functions where there are none.
LISTED, CALLS = 30, 6
_EXPRESSION = "<expression>"


class Wrong(Exception):
    """The command makes no sense; says why, and what would."""


class _Stop(BaseException):
    """Ends the script after the backward pass that was asked for."""


class _Roots(Observer):
    """Remembers what backward passes started from, by name and in which functions.

    Ends the script after one of them.
    """

    def __init__(self, last: int | None) -> None:
        self.named: dict[str, tg.Tensor] = {}
        self.latest: tg.Tensor | None = None
        self._last, self.passes = last, 0
        self.stopped = False
        self._frame: Any = None

    def starts_backward(self, root: tg.Tensor, seed: Any) -> None:
        """Note the root, and what the user calls it."""
        self.latest, self._frame = root, user_frame()
        self.passes += 1
        if name := names_for([root]).get(root):
            self.named[name] = root

    @property
    def inside(self) -> dict[str, Any]:
        """The variables of the functions in which the last pass was, the innermost first.

        A frame that is kept has them also when the function has ended, and then the last ones.
        """
        found: dict[str, Any] = {}
        frame = self._frame
        while frame is not None and frame.f_code.co_name != "<module>":
            if not is_inside(frame.f_code.co_filename):
                own = dict(frame.f_locals)
                found = {name: x for name, x in own.items() if name.isidentifier()} | found
            frame = frame.f_back
        return found

    def ends_backward(self) -> None:
        """All gradients have arrived; nothing has moved yet."""
        if self.passes == self._last:
            self.stopped = True
            raise _Stop


class Subject:
    """A script that was run, or an expression.

    Attributes
    ----------
    variables : what it left behind, also in the functions in which the last backward pass was.
    failed : whether it ended by an error, whose traceback has been printed.
    """

    def __init__(self, file: str, variables: dict[str, Any], roots: _Roots, failed: bool = False
                 ) -> None:
        self.file, self.failed, self._own, self._roots = file, failed, variables, roots
        self.variables = roots.inside | variables

    @property
    def tensors(self) -> dict[str, tg.Tensor]:
        """The tensors by name: those of the script, and inside functions what passes went through."""
        found = {name: x for name, x in self.variables.items()
                 if isinstance(x, tg.Tensor) and not name.startswith("_")}
        return self._inside() | self._roots.named | found

    def _inside(self) -> dict[str, tg.Tensor]:
        """What the last pass went through, by names of its own or of variables that are gone."""
        root = self._roots.latest
        passed = [] if root is None else list(walk([root]))
        events = {t: event for t in passed if (event := event_of(t)) is not None and event.name}
        known = names_for(passed)
        return {known.get(t) or events[t].name: t for t in passed if t in known or t in events}

    def tensor(self, name: str | None) -> tg.Tensor:
        """The tensor that is asked about."""
        found = self.thing(name)
        if not isinstance(found, tg.Tensor):
            raise Wrong(f"{name} is no Tensor but of type {type(found).__name__}. {self._there()}")
        return found

    def thing(self, name: str | None) -> Any:
        """What a name or an expression stands for; without one, the last root of a backward pass."""
        if name is None:
            found = self._roots.latest or self.tensors.get("loss")
            if found is None:
                raise Wrong("nothing called backward(), and no variable is called loss; name a "
                            f"tensor with --tensor. {self._there()}")
            return found
        if name in self.tensors:
            return self.tensors[name]
        try:
            found = eval(compile(name, self.file, "eval"), self.variables)
        except Exception as error:
            near = get_close_matches(name, self.tensors, 1)
            meant = f" Is {near[0]!r} meant?" if near else ""
            raise Wrong(f"--tensor {name}: {error}.{meant} {self._there()}") from None
        if isinstance(found, tg.Tensor) and not self.ask(lambda: names_for([found])):
            self.variables["result"] = found  # what answers call it
        return found

    def _there(self) -> str:
        rows = [f"  {name}  {x.shape or 'scalar'}, {_made(x)}" for name, x in self.tensors.items()]
        if not rows:
            stopped = ": it was stopped after a backward pass, and --pass all lets it run to its end"
            return (f"There are no tensors among its variables{stopped if self._roots.stopped else ''}."
                    f"{self._functions()}")
        more = [f"  and {len(rows) - LISTED} more"] if len(rows) > LISTED else []
        return "\n".join(["There are these tensors:", *rows[:LISTED], *more])

    def _functions(self) -> str:
        """The functions of the script that can be called as they are."""
        calls = [f"{name}()" for name, f in self.variables.items() if inspect.isfunction(f)
                 and f.__globals__ is self._own and _can_be_called(f)]
        more = f" and {len(calls) - CALLS} more" if len(calls) > CALLS else ""
        return (f" --tensor takes what a function returns, too: {', '.join(calls[:CALLS])}{more}."
                if calls else "")

    def code(self, found: bool = False) -> int:
        """The exit code of an answer, which finds something wrong or does not."""
        return FAILED if self.failed else FOUND if found else FINE

    def ask(self, question: Callable[[], Any]) -> Any:
        """The answer to a question, in a frame that sees the variables: names are looked up there."""
        return eval(compile("_question()", self.file, "eval"), self.variables, {"_question": question})


def _can_be_called(function: Any) -> bool:
    """Whether it needs no arguments."""
    given = inspect.signature(function).parameters.values()
    return all(p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in given)


def _made(x: tg.Tensor) -> str:
    if x.op is not None:
        return f"made by {x.op.name}"
    return "a leaf that requires a gradient" if x.requires_grad else "a leaf without gradient"


# -- arguments ---------------------------------------------------------------------------------------


def add_subject(parser: ArgumentParser, stops: bool) -> None:
    """The arguments that say what a verb is about."""
    parser.add_argument("script", nargs="?", metavar="SCRIPT.py",
                        help="a script, which is run; after -- follow its own arguments")
    parser.add_argument("-t", "--tensor", metavar="NAME",
                        help="a variable, or an expression of variables, as losses[0]; by default what "
                             "backward() was called on last")
    parser.add_argument("-e", "--expression", metavar="EXPR",
                        help="an expression instead of a script, with NumPy's functions by their "
                             "names, as in tanh(w * x)")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE",
                        help="a tensor of the expression that gets a gradient: --set w=0.5 b=[1,2]")
    parser.add_argument("--data", nargs="+", action="extend", default=[], metavar="NAME=VALUE",
                        help="numbers and arrays of the expression that do not")
    parser.add_argument("--pass", dest="passes", type=_count, default=1 if stops else None, metavar="N",
                        help="stop the script right after its N-th backward pass, before anything is "
                             f"updated; or: all. The default is {'1' if stops else 'all'}")


def _count(text: str) -> int | None:
    if text == "all":
        return None
    if not text.isdigit() or not int(text):
        raise ArgumentTypeError(f"expected a number from 1 on, or all, got {text!r}")
    return int(text)


def subject_of(options: Namespace) -> Subject:
    """Run what the arguments say."""
    if (options.script is None) is (options.expression is None):
        raise Wrong("name a script, as in `train.py --tensor loss`, or an expression, as in "
                    "`-e \"w * x\" --set w=2 --data x=3`")
    if options.expression is not None:
        return _expression(options.expression, options.set, options.data)
    if options.set or options.data:
        raise Wrong("--set and --data belong to an expression, -e EXPR; a script has its own variables")
    return _script(options.script, options.own, options.passes)


# -- scripts -----------------------------------------------------------------------------------------


def _script(path: str, own: list[str], last: int | None) -> Subject:
    """Run a script as Python would, and keep what it leaves behind, whichever way it ends."""
    try:
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec")
    except OSError as error:
        raise Wrong(f"{path}: {error.strerror}") from None
    except SyntaxError as error:
        raise Wrong("".join(traceback.format_exception_only(error)).rstrip()) from None
    module = ModuleType("__main__")
    module.__file__ = path
    roots, failed = _Roots(last), False
    with _in_place_of_us(module, [path, *own]), watch(), observe(roots):
        try:
            exec(code, vars(module))
        except _Stop:
            pass
        except SystemExit as end:
            failed = end.code not in (None, 0)
        except KeyboardInterrupt:
            print("interrupted; the answer is about what is there", file=sys.stderr)
        except BaseException as error:
            failed = True
            ours = error.__traceback__
            traceback.print_exception(type(error), error, ours.tb_next if ours else None)
    if last is not None and 1 < last and roots.passes < last and not failed:
        made = {0: "no backward pass", 1: "one backward pass"}.get(
            roots.passes, f"{roots.passes} backward passes")
        raise Wrong(f"--pass {last}: the script made {made}")
    return Subject(path, vars(module), roots, failed)


class _in_place_of_us:
    """While a script runs, it is the main module, with its own arguments and its own folder first."""

    def __init__(self, module: ModuleType, argv: list[str]) -> None:
        self.module, self.argv = module, argv

    def __enter__(self) -> None:
        self.before = sys.modules["__main__"], sys.argv, sys.path[:]
        sys.modules["__main__"], sys.argv = self.module, self.argv
        sys.path.insert(0, os.path.dirname(os.path.abspath(self.argv[0])))

    def __exit__(self, *error: object) -> None:
        sys.modules["__main__"], sys.argv, sys.path[:] = self.before


# -- expressions -------------------------------------------------------------------------------------


class _Scope(dict[str, Any]):
    """The names of an expression: what was set, then this package's operations, then NumPy's."""

    def __missing__(self, name: str) -> Any:
        found = next((getattr(home, name) for home in (tg, np) if hasattr(home, name)), None)
        if found is None:
            raise KeyError(name)
        return found


def _expression(text: str, given: list[str], data: list[str]) -> Subject:
    tensors = {name: tg.Tensor(value, requires_grad=True, name=name, dtype=float)
               for name, value in _assigned(given)}
    arrays = {name: np.asarray(value, float) for name, value in _assigned(data)}
    variables: dict[str, Any] = {**tensors, **arrays, "np": np, "tg": tg}
    try:
        code = compile(text, _EXPRESSION, "eval")
    except SyntaxError as error:
        raise Wrong(f"-e {text!r}: {error.msg}") from None
    roots = _Roots(None)
    with observe(roots):  # not watched: there are no lines to know of
        try:
            made = eval(code, {"__builtins__": {}}, _Scope(variables))
        except (NameError, KeyError) as error:
            missing = str(error).split("'")[1]
            raise Wrong(f"-e {text!r}: {missing} has no value; give it one with --set {missing}=1.0, "
                        f"or with --data {missing}=1.0 where no gradient is wanted") from None
        if not isinstance(made, tg.Tensor) or made.op is None:
            raise Wrong(f"-e {text!r}: it has no tensor in it; --set w=1.0 makes one")
        loss = made if made.size == 1 else made.sum()
        loss.backward()
    return Subject(_EXPRESSION, {**variables, "loss": loss}, roots)


def _assigned(pairs: list[str]) -> Iterator[tuple[str, Any]]:
    for pair in pairs:
        name, equals, text = pair.partition("=")
        try:
            value = ast.literal_eval(text)
            np.asarray(value, float)
        except (ValueError, SyntaxError, TypeError):
            equals = ""
        if not equals or not name.isidentifier():
            raise Wrong(f"{pair!r}: expected NAME=VALUE with a number or a list of numbers, as in "
                        "w=0.5 or \"w=[1, 2]\"")
        yield name, value


def gradients_given(
    variables: Mapping[str, Any], tensors: Mapping[str, tg.Tensor]
) -> dict[tg.Tensor, Any]:
    """A person's own gradients by their names: that of ``w`` is called dw, d_w, grad_w or w_grad."""
    found: dict[tg.Tensor, Any] = {}
    for name, tensor in tensors.items():
        for own in (f"d{name}", f"d_{name}", f"grad_{name}", f"{name}_grad"):
            if own in variables and tensor not in found:
                found[tensor] = variables[own]
    return found
