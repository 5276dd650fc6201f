"""Containers of modules and parameters, in a row or by name. Plain lists and dicts do, too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from inspect import getattr_static
from itertools import groupby
from reprlib import recursive_repr
from typing import Any, TypeVar

import numpy as np

from ..engine.tensor import Tensor
from ..errors import DTypeError, IndexingError, OptionError, describe
from ..ground.checks import is_integer
from ..ground.explain import answering
from ..ground.modes import current_mode
from .module import Module
from .parameter import Parameter

AnyRow = TypeVar("AnyRow", bound="Row")


class Container(Module):
    """What the containers share: attributes, by the names in ``_keys``, in this order."""

    _keys: tuple[str, ...] = ()
    _what = "modules"

    def _hold(self, items: Mapping[str, Any]) -> None:
        """Hold these, and nothing that was held before."""
        checked = {name: self._checked(name, item) for name, item in items.items()}
        held = vars(self)
        for name in self._keys:
            del held[name]
        for name, item in checked.items():
            setattr(self, name, item)
        self._keys = tuple(checked)

    def _checked(self, name: str, item: Any) -> Any:
        """The item as it is held, under a name that hides nothing."""
        kind = type(self).__name__
        if not isinstance(name, str):
            raise DTypeError(f"{kind}: names are strings, got {describe(name)} {name!r}")
        taken = getattr_static(self, name, None)
        if taken is not None and name not in self._keys:
            raise OptionError(f"{kind}: {name!r} is an attribute of {kind}, which it would hide; "
                              "choose another name")
        return self._accepted(name, item)

    def _accepted(self, name: str, item: Any) -> Any:
        if not isinstance(item, Module):
            raise OptionError(f"{type(self).__name__}: expected modules, got {describe(item)} at "
                              f"{name}; write {self._how()}, tg.nn.ReLU() for a function")
        return item

    def _how(self) -> str:
        return f"{type(self).__name__}(modules)"

    def _add(self, name: str, module: Module | None) -> None:
        self._hold({**self._items(), name: module})

    def _items(self) -> dict[str, Any]:
        attributes = vars(self)
        return {key: attributes[key] for key in self._keys}

    def __len__(self) -> int:
        return len(self._keys)


class Row(Container):
    """A container whose items are counted."""

    def _row(self) -> list[Any]:
        return list(self._items().values())

    def _part(self, items: dict[str, Any]) -> Any:
        return type(self)(items.values())  # type: ignore[call-arg]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._part(dict(list(self._items().items())[index]))
        return self._row()[self._place(index)]

    def _renumbered(self: AnyRow, items: Iterable[Any]) -> AnyRow:
        self._hold({str(i): item for i, item in enumerate(items)})
        return self

    def _place(self, index: Any) -> int:
        if not is_integer(index) or not -len(self) <= index < len(self):
            raise IndexingError(f"{type(self).__name__}: index {index!r} is not one of its {len(self)} "
                                f"{self._what}; they run from 0 to {len(self) - 1}, slices work, too")
        return int(index) % len(self)

    def append(self: AnyRow, item: Any) -> AnyRow:
        """Add one at the end, and return this container."""
        return self.extend([item])

    def extend(self: AnyRow, items: Iterable[Any]) -> AnyRow:
        """Add several at the end, and return this container."""
        if not isinstance(items, Iterable):
            raise DTypeError(f"{type(self).__name__}.extend: expected a list, got {describe(items)}; "
                             "for one use append")
        held = self._items()
        for item in items:
            number = len(held)
            while str(number) in held:  # a slice keeps its names
                number += 1
            held[str(number)] = item
        self._hold(held)
        return self

    def insert(self: AnyRow, index: int, item: Any) -> AnyRow:
        """Put one before the place ``index``; those behind it get the next numbers."""
        if not is_integer(index) or not -len(self) <= index <= len(self):
            raise IndexingError(f"{type(self).__name__}.insert: expected a place from 0 to "
                                f"{len(self)}, got {index!r}")
        row = self._row()
        row.insert(index, item)
        return self._renumbered(row)

    def pop(self, index: int = -1) -> Any:
        """Take one out, by default the last, and return it."""
        item = self._row()[self._place(index)]
        del self[index]
        return item

    def __iter__(self) -> Iterator[Any]:
        return iter(self._row())

    def __setitem__(self, index: int, item: Any) -> None:
        key = self._keys[self._place(index)]
        setattr(self, key, self._checked(key, item))

    def __delitem__(self, index: int | slice) -> None:
        row = self._row()
        del row[index if isinstance(index, slice) else self._place(index)]
        self._renumbered(row)

    def __iadd__(self: AnyRow, items: Iterable[Any]) -> AnyRow:
        return self.extend(items)


class Sequential(Row):
    """Modules one after the other; a dict gives them names.

    >>> import tinygrad_gd as tg
    >>> net = tg.nn.Sequential(tg.nn.Linear(2, 4), tg.nn.Tanh(), tg.nn.Linear(4, 1))
    >>> len(net), [name for name, _ in net.named_parameters()]
    (3, ['0.weight', '0.bias', '2.weight', '2.bias'])
    >>> net = tg.nn.Sequential({"hidden": tg.nn.Linear(2, 4), "out": tg.nn.Linear(4, 1)})
    >>> net.out, net[-1] is net.out
    (Linear(in_features=4, out_features=1, bias=True), True)
    """

    @answering
    def __init__(self, *layers: Module | Mapping[str, Module]) -> None:
        named = layers[0] if len(layers) == 1 else None
        self._hold(named if isinstance(named, Mapping)
                   else {str(i): layer for i, layer in enumerate(layers)})

    def _how(self) -> str:
        return "Sequential(*layers) for a list"

    def forward(self, x: Any) -> Any:
        """Feed ``x`` through all modules in order."""
        attributes, call = self.__dict__, Module.__call__
        mode = current_mode()
        watched = mode.observer is not None or (mode.lockstep is not None and mode.watcher is not None)
        for key in self._keys:
            module = attributes[key]
            if watched or module._hooks or type(module).__call__ is not call:
                x = module(x)
            else:
                x = module.forward(x)
        return x

    def _part(self, items: dict[str, Any]) -> Sequential:
        return Sequential(items)  # a class derived from it may be made of something else

    def __add__(self, other: Sequential) -> Sequential:
        if not isinstance(other, Sequential):
            raise DTypeError(f"Sequential: expected a Sequential to add, got {describe(other)}; use "
                             "append for one module")
        return Sequential(*self, *other)


class ModuleList(Row):
    """A list of modules; a plain list as an attribute of a module is the same to it.

    >>> import tinygrad_gd as tg
    >>> layers = tg.nn.ModuleList(tg.nn.Linear(2, 2) for _ in range(3))
    >>> del layers[0]; [name for name, _ in layers.named_parameters()]
    ['0.weight', '0.bias', '1.weight', '1.bias']
    """

    @answering
    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        self.extend(() if modules is None else modules)

    def _how(self) -> str:
        return "ModuleList([first, second])"

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    @recursive_repr()
    def __repr__(self) -> str:
        """The tree of modules; neighbours that read the same are one line."""
        lines, first = [], 0
        for text, group in groupby(self, repr):
            count = len(list(group))
            names, what = (f"{first}", text) if count == 1 else (
                f"{first}-{first + count - 1}", f"{count} x {text}")
            lines.append(f"({names}): {what}".replace("\n", "\n  "))
            first += count
        inside = "\n  ".join(lines)
        return f"{type(self).__name__}(\n  {inside}\n)" if lines else f"{type(self).__name__}()"


class Named(Container):
    """A container whose items have names."""

    def _set(self, values: Any) -> None:
        if values is None:
            return
        if not isinstance(values, Mapping | Iterable) or hasattr(values, "shape"):
            raise DTypeError(f"{type(self).__name__}: expected a dict or pairs of a name and a value, "
                             f"got {describe(values)}")
        self._hold({**self._items(), **dict(values)})

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._items().keys()

    def values(self) -> Iterable[Any]:
        """What is held."""
        return self._items().values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Pairs of a name and what it is."""
        return self._items().items()

    def update(self, values: Any) -> None:
        """Add or replace from a dict, or from pairs of a name and a value."""
        self._set(values)

    def pop(self, key: str) -> Any:
        """Take one out, and return it."""
        item = self[key]
        del self[key]
        return item

    def clear(self) -> None:
        """Take all out."""
        self._hold({})

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __getitem__(self, key: str) -> Any:
        if key not in self._keys:
            raise IndexingError(f"{type(self).__name__}: there is no {key!r}; there are "
                                f"{', '.join(map(repr, self._keys)) or 'none'}")
        return vars(self)[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._set({key: value})

    def __delitem__(self, key: str) -> None:
        held = {**self._items(), key: self[key]}
        del held[key]
        self._hold(held)


class ModuleDict(Named):
    """Modules by name; a plain dict as an attribute of a module is the same to it.

    >>> import tinygrad_gd as tg
    >>> heads = tg.nn.ModuleDict({"mean": tg.nn.Linear(2, 1), "scale": tg.nn.Linear(2, 1)})
    >>> list(heads), heads["mean"] is heads.mean
    (['mean', 'scale'], True)
    """

    @answering
    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        self._set(modules)

    def _how(self) -> str:
        return "ModuleDict({name: module})"


class Learned(Container):
    """A container of parameters."""

    _what = "parameters"

    def _accepted(self, name: str, item: Any) -> Parameter:
        """A Parameter; of a Tensor or an array one with its values."""
        if isinstance(item, Parameter):
            return item
        if not isinstance(item, Tensor | np.ndarray | np.generic | float):
            raise DTypeError(f"{type(self).__name__}: expected a Parameter, a Tensor or an array at "
                             f"{name}, got {describe(item)}; keep other things in a plain attribute")
        return Parameter(item.detach() if isinstance(item, Tensor) else item)

    def extra_repr(self) -> str:
        """One line for each."""
        return "\n  ".join(f"({key}): {describe(p)}" for key, p in self._items().items())


class ParameterList(Learned, Row):
    """A list of parameters; Tensors and arrays become parameters.

    >>> import numpy as np, tinygrad_gd as tg
    >>> weights = tg.nn.ParameterList([np.ones(2), np.zeros(3)])
    >>> [(name, p.shape) for name, p in weights.named_parameters()]
    [('0', (2,)), ('1', (3,))]
    """

    @answering
    def __init__(self, values: Iterable[Any] | None = None) -> None:
        self.extend(() if values is None else values)


class ParameterDict(Learned, Named):
    """Parameters by name; Tensors and arrays become parameters."""

    @answering
    def __init__(self, parameters: Any = None) -> None:
        self._set(parameters)
