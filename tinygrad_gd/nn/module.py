"""`Module`: parameters and the computation that uses them, as a tree with readable paths.

A module is an ordinary object. Its parameters, buffers and children are simply its attributes, in
the order in which they were set; lists, tuples and dicts of modules or parameters count too. A
parameter's path, such as ``layers.0.weight``, is its name in errors, pictures and programs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import ref

import numpy as np

from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError, ShapeError, TinygradGdError, describe
from ..ground.checks import check_switch
from ..ground.elsewhere import CURES, answer, own_names
from ..ground.explain import answering
from ..ground.modes import current_mode, no_grad
from ..ground.saved import Saved
from ..ground.storage import as_value, changes
from .hooks import Hook, ModuleHookHandle, run_hooked
from .looks import Looks
from .parameter import Parameter, name_by_path, path_of
from .registration import Registration

if TYPE_CHECKING:
    from .summary import Summary

AnyModule = TypeVar("AnyModule", bound="Module")


def _contents(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The modules and tensors that an attribute is or holds, with their paths."""
    if isinstance(value, Module | Tensor):
        yield path, value
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _contents(item, f"{path}.{i}")
    elif isinstance(value, dict):
        spelled: dict[str, Any] = {}
        for key, item in list(value.items()):
            part = str(key)
            for place, found in _contents(item, f"{path}.{part}"):
                if _has_path(found):
                    _check_part(f"{path}[{key!r}]", part)
                    if (other := spelled.setdefault(part, key)) is not key:
                        raise OptionError(f"{path}[{other!r}] and {path}[{key!r}] would both be called "
                                          f"'{path}.{part}' in state_dict(); give them different keys")
                yield place, found


def _has_path(found: Any) -> bool:
    """Whether a module or tensor is called by its path; plain Tensors in containers are not."""
    return isinstance(found, Module | Parameter)


def _check_part(place: str, part: str) -> None:
    """Refuse as a part of a path what could be read as two parts, or as none."""
    if "." in part or not part:
        cure = part.replace(".", "_").strip("_") or "first"
        raise OptionError(f"{place}: names of parameters and modules have no dot and are not empty, as "
                          "state_dict() joins them by dots, and two things could be called the same; "
                          f"write {cure!r}")


def _saved(name: Any, value: Any) -> np.ndarray[Any, Any]:
    try:
        if isinstance(value, Tensor):
            held = value._value
        else:  # an array, or another library's tensor, which may be one that is learned
            held = value.detach() if hasattr(value, "detach") else value
        return np.asarray(as_value(held if isinstance(held, np.ndarray) else np.asarray(held)))
    except ValueError:
        raise ShapeError(f"load_state_dict: {name!r}: expected numbers in rows of equal length, got "
                         f"{describe(value)}") from None
    except TinygradGdError as error:
        said = str(error).removeprefix("Tensor: ")
        raise type(error)(f"load_state_dict: {name!r}: {said}") from error


def _check_shared(kind: str, own: dict[str, Tensor], values: dict[str, Any]) -> None:
    """Refuse to load two values into one tensor, which two modules of a ``kind`` share."""
    first: dict[Tensor, str] = {}
    for path, tensor in own.items():
        other = first.setdefault(tensor, path)
        if other != path and not np.array_equal(values[path], values[other], equal_nan=True):
            raise OptionError(f"load_state_dict: {other!r} and {path!r} are one tensor in {kind}, but "
                              "two values were given; build the model as it was when saved, or "
                              "leave one out and give strict=False")


class Module(Looks, Registration):
    """Base class of everything with parameters: set them in ``__init__``, use them in ``forward``.

    >>> import tinygrad_gd as tg
    >>> class Line(tg.nn.Module):
    ...     def __init__(self):
    ...         self.weight, self.bias = tg.nn.Parameter(2.0), tg.nn.Parameter(1.0)
    ...     def forward(self, x):
    ...         return self.weight * x + self.bias
    >>> line = Line(); line(3.0).item(), [name for name, _ in line.named_parameters()]
    (7.0, ['weight', 'bias'])
    """

    _buffers: tuple[str, ...] = ()
    _unsaved: frozenset[str] = frozenset()
    _hooks: tuple[Hook, ...] = ()

    @property
    def training(self) -> bool:
        """Whether the module is in training, and not in evaluation."""
        value: bool = vars(self).get("training", True)
        if (lockstep := current_mode().freezing) is not None:
            lockstep.finds("training", ref(self), value)
        return value

    @training.setter
    def training(self, value: bool) -> None:
        vars(self)["training"] = value

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; each subclass writes its own."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, ...) method yet; "
                                  "write one that returns what the module computes")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run `forward`, and the hooks around it."""
        mode = current_mode()
        if (mode.observer is None and mode.lockstep is None) or (watcher := mode.watcher) is None:
            return run_hooked(self, args, kwargs) if self._hooks else self.forward(*args, **kwargs)
        watcher.enters(self)
        try:
            return run_hooked(self, args, kwargs) if self._hooks else self.forward(*args, **kwargs)
        finally:
            watcher.leaves(self)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; refuse what would silently take a parameter out of training."""
        held = vars(self).get(name)
        if isinstance(held, Parameter) and not (value is None or isinstance(value, Parameter)):
            raise DTypeError(
                f"{type(self).__name__}.{name} is a Parameter and would be replaced by "
                f"{describe(value)}, which no optimizer sees; use `with tg.no_grad(): "
                f"module.{name}.assign(value)`")
        if name in self._buffers and not (value is None or isinstance(value, Tensor)):
            raise DTypeError(f"{type(self).__name__}.{name} is a buffer and would be replaced by "
                             f"{describe(value)}, which is no part of the state; write "
                             f"module.{name} = tg.Tensor(values)")
        contents = list(self._contents_of(name, value))
        for path, found in contents:
            if isinstance(found, Tensor) and not isinstance(found, Parameter):
                self._check_plain(path, found)
        object.__setattr__(self, name, value)
        changes.count += 1
        for path, found in contents:
            if isinstance(found, Parameter):
                name_by_path(found, path)
            elif isinstance(found, Module):
                for _ in (*found.named_parameters(path), *found.named_buffers(path)):
                    pass
            elif name in self._buffers and isinstance(held, Tensor) and found.is_leaf:
                name_by_path(found, path_of(held) or path)

    def _check_plain(self, path: str, value: Tensor) -> None:
        if value.requires_grad and value.is_leaf:
            raise DTypeError(f"{type(self).__name__}.{path}: {describe(value)} requires a gradient but "
                             "is not a Parameter, so no optimizer would see it; use "
                             "tg.nn.Parameter(...)")

    def __dir__(self) -> list[str]:
        """The names that are there."""
        return own_names(self)

    @answering
    def register_buffer(self, name: str, value: Any, persistent: bool = True) -> None:
        """Set an attribute that belongs to the state but is not learned, as running means are.

        One that is not ``persistent`` is left out of `state_dict`; None keeps the place for one.
        """
        if not isinstance(name, str) or not name.isidentifier():
            raise OptionError(f"register_buffer: the name is one of an attribute, as in "
                              f"register_buffer('mean', values), got {describe(name)} {name!r}")
        if callable(getattr(type(self), name, None)):
            raise OptionError(f"register_buffer: {name!r} is a method of {type(self).__name__}, which "
                              "a buffer would hide; choose another name")
        if any(_has_path(x) for _, x in _contents(vars(self).get(name), name)):
            raise OptionError(f"register_buffer: {name!r} of {type(self).__name__} holds a module or "
                              "parameter, which would be lost; choose another name")
        saved = check_switch("register_buffer: persistent", persistent)
        setattr(self, name, value if value is None or isinstance(value, Tensor) else Tensor(value))
        if name not in self._buffers:
            object.__setattr__(self, "_buffers", (*self._buffers, name))
        others = self._unsaved - {name}
        object.__setattr__(self, "_unsaved", others if saved else others | {name})
        if value is not None:
            name_by_path(vars(self)[name], name)

    # -- walking the tree ------------------------------------------------------------------------

    def _attributes(self, prefix: str = "") -> Iterator[tuple[str, Any]]:
        """Own tensors and direct children, with their paths."""
        for name, value in list(vars(self).items()):
            yield from self._contents_of(name, value, prefix)

    def _contents_of(self, name: str, value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
        """What an attribute is or holds, with paths."""
        for path, found in _contents(value, f"{prefix}.{name}" if prefix else name):
            if ("." in name or not name) and _has_path(found):
                _check_part(f"the attribute {name!r} of {type(self).__name__}", name)
            yield path, found

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside this one, each once, with their names."""
        first: dict[Module, str] = {}
        for name, m in self._attributes():
            if isinstance(m, Module):
                first.setdefault(m, name)
        return ((name, m) for m, name in first.items())

    def children(self) -> Iterator[Module]:
        """The modules directly inside this one."""
        return (module for _, module in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all inside it, each once, with their paths; the outermost first."""
        return ((path, m) for path, m in self._all_modules(prefix, once=True))

    def _all_modules(self, prefix: str, once: bool) -> Iterator[tuple[str, Module]]:
        """Depth first; ``once`` leaves out the second way to reach a shared module."""
        seen: set[Module] = set()
        pending: list[tuple[str, Module, tuple[Module, ...]]] = [(prefix, self, ())]
        while pending:
            path, module, around = pending.pop()
            if module in (seen if once else around):  # a child may know its parent
                continue
            seen.add(module)
            yield path, module
            around = (*around, module)
            inside = [(p, m, around) for p, m in module._attributes(path) if isinstance(m, Module)]
            pending.extend(reversed(inside))

    def modules(self) -> Iterator[Module]:
        """This module and all inside it, each once."""
        return (module for _, module in self.named_modules())

    def _modules_from(self, prefix: str, recurse: bool) -> Iterable[tuple[str, Module]]:
        return self.named_modules(prefix) if recurse else [(prefix, self)]

    def named_parameters(
        self, prefix: str = "", recurse: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """All parameters in the order they were set, each once, with paths like ``0.weight``.

        Without ``recurse`` those of this module itself, and of no module inside.
        """
        seen: set[Tensor] = set()
        for path, module in self._modules_from(prefix, recurse):
            for name, value in module._attributes(path):
                if isinstance(value, Parameter) and value not in seen:
                    seen.add(value)
                    name_by_path(value, name)
                    yield name, value

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, as an optimizer takes them."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """All registered buffers with their paths."""
        for path, module in self._modules_from(prefix, recurse):
            for name in module._buffers:
                if isinstance(held := vars(module).get(name), Tensor):
                    full = f"{path}.{name}" if path else name
                    name_by_path(held, full)
                    yield full, held

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All registered buffers."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def apply(self: AnyModule, function: Callable[[Module], Any]) -> AnyModule:
        """Call ``function`` on every module, in order, after those inside: to initialise weights."""
        if not callable(function):
            raise DTypeError(f"apply: expected a function of a module, got {describe(function)}; to "
                             "compute, call the module itself: module(x)")
        for module in self._inside_first(set()):
            function(module)
        return self

    def _inside_first(self, seen: set[Module]) -> Iterator[Module]:
        seen.add(self)
        for module in self.children():
            if module not in seen:
                yield from module._inside_first(seen)
        yield self

    def _at(self, kind: str, path: str, found: dict[str, Any]) -> Any:
        try:
            return found[path]
        except (KeyError, TypeError):
            from difflib import get_close_matches  # costs as much as this module

            near = get_close_matches(str(path), found, 1)
            there = ", ".join(map(repr, found)) or "none"
            cure = f"is {near[0]!r} meant?" if near else f"there are {there}"
            raise OptionError(f"get_{kind}: {type(self).__name__} has no {kind} {path!r}; {cure}"
                              ) from None

    def get_submodule(self, target: str) -> Module:
        """The module at a path such as ``layers.0``; of an empty path this one."""
        found: Module = self._at("submodule", target, dict(self._all_modules("", once=False)))
        return found

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path such as ``layers.0.weight``."""
        state = self._state(unsaved=True)
        parameters = {k: v for k, v in state.items() if isinstance(v, Parameter)}
        return self._at("parameter", target, parameters)  # type: ignore[no-any-return]

    def get_buffer(self, target: str) -> Tensor:
        """The registered buffer at a path."""
        state = self._state(unsaved=True)
        buffers = {k: v for k, v in state.items() if not isinstance(v, Parameter)}
        return self._at("buffer", target, buffers)  # type: ignore[no-any-return]

    # -- hooks -------------------------------------------------------------------------------------

    @answering
    def register_forward_pre_hook(self, hook: Callable[..., Any], *, prepend: bool = False,
                                  with_kwargs: bool = False) -> ModuleHookHandle:
        """Call ``hook(module, args)`` before each `forward`; what it returns replaces the arguments.

        ``with_kwargs`` calls ``hook(module, args, kwargs)``, ``prepend`` puts it before others. The
        result has a ``remove()``. Frozen programs skip Python, hooks included.
        """
        return ModuleHookHandle(
            self, "register_forward_pre_hook", hook, True, prepend, with_kwargs)

    @answering
    def register_forward_hook(self, hook: Callable[..., Any], *, prepend: bool = False,
                              with_kwargs: bool = False) -> ModuleHookHandle:
        """Call ``hook(module, args, output)`` after each `forward`; it may return another output.

        >>> import tinygrad_gd as tg
        >>> layer, seen = tg.nn.Linear(3, 2), []
        >>> handle = layer.register_forward_hook(lambda module, args, out: seen.append(out.shape))
        >>> _ = layer([1.0, 2.0, 3.0]); handle.remove(); seen
        [(2,)]
        """
        return ModuleHookHandle(self, "register_forward_hook", hook, False, prepend, with_kwargs)

    # -- state -------------------------------------------------------------------------------------

    def _state(self, unsaved: bool = False) -> dict[str, Tensor]:
        """Parameters and buffers by path; a shared one appears under each of its paths."""
        state: dict[str, Tensor] = {}
        for path, module in self._all_modules("", once=False):
            for name, value in module._attributes(path):
                own = name[len(path) + 1 :] if path else name
                if isinstance(value, Parameter) or (
                    isinstance(value, Tensor) and own in module._buffers
                    and (unsaved or own not in module._unsaved)
                ):
                    state[name] = value
        return state

    def state_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """Copies of all parameters and buffers as arrays, by path; ready for `numpy.savez`.

        >>> import tinygrad_gd as tg
        >>> {name: value.shape for name, value in tg.nn.Linear(3, 2).state_dict().items()}
        {'weight': (2, 3), 'bias': (2,)}
        """
        state = {path: np.array(tensor.numpy()) for path, tensor in self._state().items()}
        return Saved(state, "np.savez(path, **model.state_dict()), with two stars")

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> None:
        """Write saved values into this module's parameters and buffers.

        Nothing is changed unless every name and shape fits; without ``strict`` names that only one
        side has are passed over.
        """
        own, strict = self._state(), check_switch("load_state_dict: strict", strict)
        if not isinstance(state_dict, Mapping):
            cure = "other.state_dict()" if isinstance(state_dict, Module) else "np.load(path)"
            raise DTypeError("load_state_dict: expected a mapping of names to arrays, as state_dict() "
                             f"gives it, got {describe(state_dict)}; write {cure}")
        values = {k: _saved(k, v) for k, v in state_dict.items()}
        problems = [f"missing {k!r}" for k in own if k not in values]
        problems += [f"unexpected {k!r}" for k in values if k not in own]
        if problems and strict:
            raise OptionError(f"load_state_dict: {type(self).__name__} does not match: "
                              f"{', '.join(problems)}; build the model as it was when saved, or give "
                              "strict=False to load what fits")
        own = {path: tensor for path, tensor in own.items() if path in values}
        for path, tensor in own.items():
            if values[path].shape != tensor.shape:
                raise ShapeError(f"load_state_dict: {path!r} has shape {tensor.shape} in "
                                 f"{type(self).__name__}, but {values[path].shape} was given; "
                                 "build the model with the sizes it had when saved")
            if not np.can_cast(values[path].dtype, tensor.dtype, "same_kind"):
                raise DTypeError(f"load_state_dict: {path!r} holds {tensor.dtype} in "
                                 f"{type(self).__name__}, but {values[path].dtype} was given; convert "
                                 "it with .astype")
        _check_shared(type(self).__name__, own, values)
        with no_grad():
            for path, tensor in own.items():
                tensor.assign(values[path].astype(tensor.dtype))

    def train(self: AnyModule, mode: bool = True) -> AnyModule:
        """Switch this module and all inside it to training (or, with False, to evaluation)."""
        mode = check_switch("train: mode", mode)
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: AnyModule) -> AnyModule:
        """Switch this module and all inside it to evaluation."""
        return self.train(False)

    def requires_grad_(self: AnyModule, requires_grad: bool = True) -> AnyModule:
        """Freeze all parameters with False, or let them learn again."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all accumulated gradients; they are None until the next `backward`."""
        if not set_to_none:
            raise OptionError("zero_grad: gradients become None, which backward() starts from; leave "
                              "set_to_none out")
        parameters = list(self.parameters())
        if (listener := current_mode().listener) is not None:
            listener.forgets(parameters)
        for parameter in parameters:
            parameter._grad = None

    # -- reading -------------------------------------------------------------------------------------

    def summary(self, *args: Any, **kwargs: Any) -> Summary:
        """Run the model once on this input, and tell what each module makes, holds and costs.

        It runs as after `eval`, without a graph. The result prints as a table; its ``lines`` are data.

        >>> import numpy as np, tinygrad_gd as tg
        >>> net = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.ReLU(), tg.nn.Linear(4, 2))
        >>> net.summary(np.ones((5, 3)))
        module             output  parameters  bytes  multiply-adds
        -----------------------------------------------------------
        model: Sequential  (5, 2)           0      0              0
        0: Linear          (5, 4)          16    128             60
        1: ReLU            (5, 4)           0      0              0
        2: Linear          (5, 2)          10     80             40
        -----------------------------------------------------------
        total                              26    208            100
        """
        from .summary import summarize

        return summarize(self, args, kwargs)

    def extra_repr(self) -> str:
        """What stands between the parentheses of the repr."""
        return ""

    @recursive_repr()
    def __repr__(self) -> str:
        """The tree of modules, one line each."""
        lines = [f"({name}): {child!r}".replace("\n", "\n  ")
                 for name, child in self._attributes() if isinstance(child, Module)]
        inside = "\n  ".join([*filter(None, [self.extra_repr()]), *lines])
        kind = type(self).__name__
        return f"{kind}(\n  {inside}\n)" if lines else f"{kind}({inside})"


answer(Module, CURES["Module"])
