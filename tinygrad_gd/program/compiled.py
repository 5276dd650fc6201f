"""`compile`: capture a step while it runs, then replay it.

`Compiled` decides what a call does. While its form of arguments is new it is watched (`capture`,
`watch`), and two runs in a row that computed the same (`compare`) settle a program, kept as an `Entry`
with the `guards` that say for which calls it may stand. From then on it is replayed.
"""

from __future__ import annotations

import copy
import functools
import types
import warnings
from collections.abc import Callable
from threading import Lock
from typing import Any, NamedTuple, overload

from ..engine.tensor import Tensor
from ..errors import CaptureError, CaptureWarning, DTypeError, describe
from ..ground.modes import Mode, current_mode
from ..ground.pytree import flatten, unflatten
from ..ground.user_code import line_of_error, line_of_function, located, user_stacklevel
from ..ops.unnamed import OtherMask
from .capture.arguments import KINDS, arrays_in, floats_in, form_of, settled_numbers, shown_to
from .capture.capture import Capture
from .capture.compare import difference, settled
from .capture.watch import watched
from .guards.guards import Guards, Snapshot
from .ir import Program, Value
from .lockstep.function import InLockstep
from .passes import optimized, readable
from .replay.memory import Memory
from .replay.replay import Replay, Stale
from .text.source import source_of

#: Captures of one form of arguments before giving up: what is captured must settle.
PATIENCE = 4
#: Programs kept for one form of arguments, as for training and evaluation.
VARIANTS = 8
#: Forms of arguments for which programs are kept.
FORMS = 64


class Run(NamedTuple):
    """A run that was watched."""

    program: Program
    guards: Guards


class Entry:
    """A program that replays, with the check that says whether it may."""

    def __init__(self, earlier: Program, run: Run, before: Snapshot, result: Any, arity: int,
                 floats: list[float], strict: bool) -> None:
        self.captured, computed = settled(earlier, run.program)
        self.program = optimized(self.captured)
        self.replay = Replay(self.program, arity, strict)
        self.holds = run.guards.require(self.program, before.without_gradient, computed)
        self.floats = floats
        self.form, self.single = result, isinstance(result, Tensor)

    def replayed(self, leaves: list[Any]) -> Any:
        """The result of the program for the leaves of a call's arguments."""
        result = self.replay.run(*arrays_in(leaves)) if leaves else self.replay.run()
        if self.single:
            return result
        count = len(self.program.outputs)
        return unflatten(self.form, [result] if count == 1 else result or ())


class Compiled:
    """A function that is captured as a program and replayed; made by `compile`.

    Attributes
    ----------
    problem : why the function is not compiled, or empty.
    """

    def __init__(self, function: Callable[..., Any], strict: bool = False) -> None:
        if not callable(function):
            raise DTypeError(f"compile: expected a function, got {describe(function)}")
        functools.update_wrapper(self, function)
        self.function, self.strict = function, strict
        self.name = getattr(function, "__name__", "step")
        self.name = self.name if self.name.isidentifier() else "step"
        self.problem = ""
        self._entries: dict[Any, list[Entry]] = {}
        self._pending: dict[Any, tuple[int, list[Run]]] = {}  # tries since, and the last runs
        self._around: set[Tensor] = set()  # Tensors that the function sees besides its arguments
        self._last: Entry | None = None
        self._in_use = Lock()  # the buffers, and the floats; what is captured waits for it, too

    def __get__(self, owner: Any, cls: Any = None) -> Any:
        """Of a method decorated in a class, each object gets its own compiled one."""
        if owner is None:
            return self
        own = Compiled(types.MethodType(self.function, owner), self.strict)
        owner.__dict__[self.name] = own
        return own

    def __deepcopy__(self, memo: Any) -> Compiled:
        return Compiled(copy.deepcopy(self.function, memo), self.strict)

    def __copy__(self) -> Compiled:
        return Compiled(self.function, self.strict)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Replay the program for these arguments, or run the function and capture it."""
        mode = current_mode()
        if self.problem or mode.observer is not None:
            return self.function(*args, **kwargs)
        key, leaves = form_of(args, kwargs, self._around) if args or kwargs else ((), [])
        with self._in_use:
            for entry in self._entries.get(key, ()):
                if leaves:
                    entry.floats[:] = floats_in(leaves)
                if entry.holds(mode):
                    self._last = entry
                    try:
                        if entry.single and not leaves:
                            return entry.replay.run()
                        return entry.replayed(leaves)
                    except OtherMask:
                        continue
                    except BaseException as error:  # it may have got half way
                        self._entries[key].remove(entry)
                        if isinstance(error, Stale):
                            break
                        if told := entry.replay.explained(error):
                            raise told from error
                        raise
            return self._captured(key, args, kwargs, leaves, mode)

    # -- capturing ---------------------------------------------------------------------------------

    def _captured(self, key: Any, args: Any, kwargs: Any, leaves: list[Any], mode: Mode) -> Any:
        """Run the function under watch; the second of two equal runs settles a program."""
        _, earlier = self._pending.setdefault(key, (0, []))
        held = [run for run in earlier if run.guards.hold(mode)]
        before = Snapshot(held[0].guards if held else None, leaves)
        capture, floats = Capture(self.name, self.strict), floats_in(leaves)
        shown = shown_to(capture, self.function, args, kwargs, leaves, floats)
        a, k = unflatten((args, kwargs), shown)
        try:
            result, names = watched(
                capture, lambda: settled_numbers(self.function(*a, **k)), before.generators)
        except (TypeError, AttributeError) as error:
            if capture.changed or all(x is y for x, y in zip(leaves, shown, strict=True)):
                raise
            return self._without_capture(args, kwargs, error)
        guards = Guards(capture, self.function, leaves, mode)
        self._around |= guards.tensors
        program = capture.finish(flatten(result), names, guards.variables.names)
        program = program.with_(spent=tuple(dict.fromkeys((*program.spent, *before.cleared()))))
        run = Run(program, guards)
        problem = self._obstacle(capture, run, before, leaves, mode)
        for other in held if not problem else ():
            problem = difference(other.program, program, line_of_function(self.function))
            if not problem:
                self._settle(key, Entry(
                    other.program, run, before, result, capture.arity, floats, self.strict))
                return result
        self._wait(key, run, problem, bool(capture.problem), bool(held))
        return result

    def _without_capture(self, args: Any, kwargs: Any, error: Exception) -> Any:
        """Run the function as it is: it may do what arrays and numbers can, but Tensors cannot."""
        self.problem = str(error)  # for the case that it calls itself
        try:
            result = self.function(*args, **kwargs)
        finally:
            self.problem = ""
        self._give_up(located(self.name, line_of_error(error), str(error)))
        return result

    def _obstacle(self, capture: Capture, run: Run, before: Snapshot, leaves: list[Any],
                  mode: Mode) -> str:
        """Why no program can repeat the run: what it did besides computing, or what it was given."""
        if problem := capture.problem or capture.escaped:
            return problem
        if capture.drawn:
            return self._told(
                f"it draws random numbers from {capture.drawn}, and a replay would not draw them anew; "
                "use tg.normal, tg.uniform or tg.dropout, or give them as an argument")
        if iterators := run.guards.variables.iterators:
            return self._told(
                f"it takes from the iterator {iterators[0]}, and a replay would not go on to the next; "
                "give what it yields as an argument")
        if changed := before.changed(mode):
            return self._told(
                f"it changes {changed} in every call, and a replay would not; do that outside")
        return (self._unseen("takes", leaves, KINDS)
                or self._unseen("returns", run.program.outputs, (Value, *KINDS[1:])))

    def _unseen(self, verb: str, leaves: Any, kinds: tuple[type, ...]) -> str:
        """Why what goes in or comes out is not of a kind that a program can stand for."""
        other = next((x for x in leaves if not isinstance(x, kinds)), None)
        return "" if other is None else self._told(
            f"it {verb} {describe(other)}, into which a program cannot see; use Tensors, arrays and "
            "numbers in lists, tuples and dicts, and let objects be variables outside")

    def _settle(self, key: Any, entry: Entry) -> None:
        variants = self._entries.setdefault(key, [])
        variants.insert(0, entry)
        self._pending[key] = 0, self._pending[key][1]
        if len(self._entries) > FORMS:
            oldest = next(iter(self._entries))
            del self._entries[oldest], self._pending[oldest]
        self._last = entry
        if len(variants) > VARIANTS:
            self._give_up(self._told(
                f"it was captured {VARIANTS} times, because what it depends on keeps changing (a "
                "global or an attribute it reads); make it an argument"))

    def _wait(self, key: Any, run: Run, problem: str, final: bool, held: bool) -> None:
        """Keep a run to compare the next one with, unless that has been tried often enough."""
        tries, earlier = self._pending[key]
        tries += 1
        if final or (problem and tries >= PATIENCE):
            self._give_up(problem)
        elif not held and tries >= VARIANTS:
            self._give_up(self._told(
                f"it depends on {earlier[0].guards.broken()}, which is another one in every call; make "
                "it an argument"))
        self._pending[key] = tries, [run, *earlier][:PATIENCE]
        if len(self._pending) > FORMS + len(self._entries):
            self._give_up(self._told(
                f"it was called with {FORMS} forms of arguments, hardly ever twice with the same; an "
                "int counts as part of the form: give a number that keeps changing as a float"))

    def _told(self, text: str) -> str:
        """A notice about the whole function."""
        return located(self.name, line_of_function(self.function), text)

    def _give_up(self, problem: str) -> None:
        self.problem = problem
        if self.strict:
            raise CaptureError(problem)
        warnings.warn(f"{problem}. It goes on without being compiled", CaptureWarning,
                      stacklevel=user_stacklevel())

    # -- looking at it -----------------------------------------------------------------------------

    def _entry(self) -> Entry:
        if self._last is None:
            raise CaptureError(self.problem or f"{self.name}: nothing captured yet; call it at least "
                               "twice with arguments of the same shapes")
        return self._last

    @property
    def captured(self) -> Program:
        """The program as it was captured, before all passes."""
        return self._entry().captured

    @property
    def program(self) -> Program:
        """The captured program after all passes."""
        return self._entry().program

    @property
    def source(self) -> str:
        """The program as readable NumPy text that runs on its own."""
        return source_of(readable(self.captured))

    @property
    def replay_source(self) -> str:
        """The text that is executed, with its buffers."""
        return self._entry().replay.source

    def memory(self) -> Memory:
        """Bytes of states, constants, buffers and temporaries, and what each buffer is for."""
        return self._entry().replay.memory()


@overload
def compile(
    function: Callable[..., Any], *, strict: bool = False, frozen: bool = False
) -> Compiled: ...
@overload
def compile(
    *, strict: bool = False, frozen: bool = False
) -> Callable[[Callable[..., Any]], Compiled]: ...
def compile(function: Any = None, *, strict: bool = False, frozen: bool = False) -> Any:
    """Let a function run in lockstep with a program that computes what it would.

    Its Python runs in every call, so branches, counters, random numbers, files and attributes are what
    they are. Each operation is compared with those of earlier calls and answered with a Tensor without
    values, which a program with fixed buffers computes when one is looked at, an optimizer steps, or
    the function returns. Another branch is recorded when it is met. Results are those of the plain
    function, to the last bit. What hardly ever computes the same runs uncompiled, after one warning.

    Parameters
    ----------
    function : any function.
    strict : raise instead of going on uncompiled; the plan of each replay is proved, too.
    frozen : skip Python. The contract is that of jax.jit: what the function reads from Python, other
        than arguments, Tensors, options of optimizers and modes, is what it was when it was captured.
        It is compiled when two calls in a row computed the same; what is seen to break this is refused.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True, name="w"); opt = tg.optim.SGD([w], lr=0.1)
    >>> @tg.compile
    ... def step():
    ...     loss = w * w
    ...     opt.zero_grad(); loss.backward(); opt.step()
    ...     return loss
    >>> [round(step().item(), 4) for _ in range(4)]
    [9.0, 5.76, 3.6864, 2.3593]
    """
    kind = Compiled if frozen else InLockstep
    if function is None:
        return lambda f: kind(f, strict)
    return kind(function, strict)
