"""Guards: everything around a captured run that a program relies on, and whether it is still there.

`Variables` finds what the function can see by name, `Capture` has heard of modules, modes, options of
optimizers and decisions; `Guards` makes `Conditions` of all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any

import numpy as np

from ...engine.tensor import Tensor
from ...ground.modes import Mode
from ...ground.storage import changes
from ..capture.capture import Capture
from ..ir import Array, Gradient, Number, Program
from .conditions import Conditions, placed, same
from .variables import PLAIN, Variables

#: Bytes up to which looking at every element of an array costs nothing worth mentioning.
SMALL_BYTES = 1 << 16


class Guards:
    """What the program of one captured run relies on.

    Attributes
    ----------
    variables : what the function sees by name.
    leaves : the Tensors from outside that may get gradients.
    tensors : all Tensors from outside, also those that the function was given as arguments besides.
    hold : whether everything is there that was there before the program was known.
    """

    def __init__(self, capture: Capture, function: Any, arguments: list[Any], mode: Mode) -> None:
        hooks = [hook for leaf in capture.reached for hook in leaf._hooks or ()]
        self.variables = Variables(function, capture.modules, (*hooks, *arguments), capture.data)
        self.options = list(capture.options.values())
        self.leaves = dict.fromkeys(t for t in capture.states if t._requires_grad)
        self.leaves |= dict.fromkeys(p for group in self.options for p in group.get("params", ()))
        self._decisions, self._scalars = capture.decisions, capture.scalars
        names = self.variables.names
        seen = (x for x in arguments if isinstance(x, Tensor) and names[id(x)])
        self.tensors = {*capture.states, *self.leaves, *seen}
        self._settings = Settings(capture.modules, {
            t: names.get(id(t), "") for t in capture.states if t._value.dtype.kind == "f"})
        self._conditions = Conditions()
        self.variables.require(self._conditions)
        self._conditions.add("an attribute", "{}.count == {}.seen or {}.hold()",
                             changes, self._settings, self._settings)
        self._conditions.add("a mode such as tg.no_grad", "mode is {} or mode == {}", mode, mode)
        self.hold = self._conditions.compiled()

    def broken(self) -> str:
        """What the first check is about that does not hold, in words."""
        return self._settings.changed() or self._conditions.broken()

    def require(
        self, program: Program, without_gradient: list[Tensor], computed: bool
    ) -> Callable[[Mode], bool]:
        """A check of all of it, with hyperparameters and gradients that are there or absent.

        ``computed`` says whether NumPy has made arrays of others.
        """
        self._require_options(program)
        for given in program.inputs:
            if isinstance(given, Gradient) and program.position(given.tensor) is None:
                self._conditions.add("a gradient", "{}._grad is not None", given.tensor)
        for leaf in without_gradient:
            self._conditions.add("a gradient", "{}._grad is None", leaf)
        for name, array in self._read_by_numpy(program, computed or self._scalars):
            self._conditions.add(f"the array {name}", "{}.tobytes() == {}", array, array.tobytes())
        return self._conditions.compiled()

    def _require_options(self, program: Program) -> None:
        """The same options of optimizers, but for the numbers that the program reads."""
        add = self._conditions.add
        origins = [origin for given in program.inputs if isinstance(given, Number)
                   for origin in given.origins.values()]
        origins += [origin for of, _ in self._decisions.values() for origin in of.values()]
        if any(isinstance(x, int | float | np.generic) for x in program.outputs):
            origins = []  # a returned number may be a learning rate
        for options in self.options:
            live = {key for held, key in origins if held is options}
            add("the options of an optimizer", f"len({{}}) == {len(options)}", options)
            for key, value in options.items():
                about, place = f"the option {key} of an optimizer", f"{{}}[{key!r}]"
                if key in live:  # as long as it is a number
                    add(about, f"type({place}) is {{}}", options, type(value))
                elif key == "params":
                    add(about, f"{place} is {{}} and len({{}}) == {len(value)}", options, value, value)
                    for i, p in enumerate(value):
                        add(about, f"{{}}[{i}] is {{}}", value, p)
                else:
                    add(about, f"{place} is {{}} or {place} == {{}}", options, value, options, value)
        for source, (of, outcome) in self._decisions.items():
            text, containers = placed(source, of)
            if isinstance(outcome, bool):
                add(source, text if outcome else f"not {text}", *containers)
            else:
                add(source, f"{text} == {{}}", *containers, outcome)

    def _read_by_numpy(self, program: Program, computed: bool) -> list[tuple[str, Any]]:
        """The arrays that function sees, besides data that the program reads anew in each call.

        Python may have decided on them. Large ones count only if NumPy has ``computed`` something.
        """
        read = [i.array for i in program.inputs if isinstance(i, Array)]
        return [(name, x) for name, x in self.variables.arrays if computed or (
            x.nbytes <= SMALL_BYTES and not any(np.may_share_memory(x, other) for other in read))]


class Snapshot:
    """What a run may change without saying so, as it is before the run.

    Attributes
    ----------
    with_gradient, without_gradient : the leaves that have a gradient, and those that have none.
    generators : of random numbers, which the run may draw from.
    """

    def __init__(self, guards: Guards | None, arguments: list[Any]) -> None:
        self._guards = guards
        leaves = list(guards.leaves) if guards else []
        self.without_gradient = [leaf for leaf in leaves if leaf._grad is None]
        leaves += [x for x in arguments if isinstance(x, Tensor)]
        self.with_gradient = [leaf for leaf in leaves if leaf._grad is not None]
        self._options = [(group, dict(group)) for group in (guards.options if guards else ())]
        self.generators = guards.variables.generators if guards else []
        arrays = guards.variables.arrays if guards else []
        self._arrays = [(name, x, x.tobytes()) for name, x in arrays if x.nbytes <= SMALL_BYTES]

    def cleared(self) -> list[Tensor]:
        """The leaves that have lost their gradient since."""
        return [leaf for leaf in self.with_gradient if leaf._grad is None]

    def changed(self, mode: Mode) -> str:
        """What is not as it was, in words; empty if all is."""
        if self._guards is not None and not self._guards.hold(mode):
            return self._guards.broken()
        if array := next((name for name, x, then in self._arrays if x.tobytes() != then), ""):
            return f"the array {array}"
        return next((f"the option {key} of an optimizer" for group, then in self._options
                     for key in then if group[key] is not then[key]), "")


class Settings:
    """Remembers what is hardly ever set; looked at only after anything of the kind was set anywhere.

    Attributes
    ----------
    seen : `changes.count` when everything was found to be what it was.
    """

    def __init__(self, modules: Any, tensors: dict[Tensor, str]) -> None:
        self._modules, self._tensors = list(modules), tensors
        self.seen = changes.count  # before looking: another thread may set something meanwhile
        self._then = list(self._now())

    def _now(self) -> Iterator[tuple[str, str, Any]]:
        """Attributes of modules, submodules among them, and what a backward pass asks of tensors."""
        for module in self._modules:
            for name, value in list(vars(module).items()):
                yield "the attribute {} of a module", name, value
            yield "the attribute {} of a module", "training", module.training
        for tensor, name in self._tensors.items():
            yield "requires_grad of the tensor {}", name, tensor._requires_grad
            yield "whether the tensor {} is a number", name, isinstance(tensor._value, np.ndarray)
            for hook in tensor._hooks or ():
                yield "the hooks of the tensor {}", name, hook

    def hold(self) -> bool:
        """Whether everything is what it was."""
        seen = changes.count
        if self.changed():
            return False
        self.seen = seen
        return True

    def changed(self) -> str:
        """The first that is not what it was, in words; empty if all are."""
        nothing = "", "", None
        for now, then in zip_longest(self._now(), self._then, fillvalue=nothing):
            unchanged = now[2] is then[2] or (isinstance(now[2], PLAIN) and same(now[2], then[2]))
            if now[:2] != then[:2] or not unchanged:
                about, name, _ = now if now is not nothing else then
                return about.format(name).strip()
        return ""
