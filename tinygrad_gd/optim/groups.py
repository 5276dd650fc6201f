"""What the options of optimizers are kept in: dicts that are checked whenever they are changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from weakref import ref

from ..errors import OptionError
from ..ground.modes import current_mode

if TYPE_CHECKING:
    from .optimizer import Optimizer

#: What a scheduler keeps in a group: the rate that it starts from.
SCHEDULED = ("initial_lr",)
#: What PyTorch's groups have besides: how it computes, and what schedulers keep themselves here.
ELSEWHERE = frozenset({
    "foreach", "fused", "capturable", "differentiable", "param_names",
    "max_lr", "min_lr", "max_momentum", "base_momentum",
})


class Options(dict[str, Any]):
    """A dict of options; copies of it, pickled ones too, are plain dicts."""

    __slots__ = ()

    def _checked(self, changes: dict[str, Any]) -> dict[str, Any]:
        """The changes as they are made, if they may be."""
        raise NotImplementedError

    def update(self, *changes: Any, **more: Any) -> None:
        """Change several options, if all of them may be."""
        super().update(self._checked(dict(*changes, **more)))

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, self._checked({key: value})[key])

    def __ior__(self, changes: Any) -> Any:  # type: ignore[misc]  # unlike `|`, which gives a plain dict
        self.update(changes)
        return self

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The option, which is set if there is none of that name."""
        if key not in self:
            self[key] = default
        return self[key]

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


class Group(Options):
    """The parameters of a group and their options, which its optimizer checks while it is there."""

    __slots__ = ("__weakref__", "_optimizer")

    def __init__(self, optimizer: Optimizer, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self._optimizer = ref(optimizer)  # else both would live on until garbage is collected

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        if key != "params":
            self._tell(key, value)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """The option, or a default."""
        return self[key] if key in self else default

    def items(self) -> Any:
        """The options with their names, and the parameters."""
        return [(key, self[key]) for key in self]

    def values(self) -> Any:
        """The options and the parameters."""
        return [self[key] for key in self]

    def _tell(self, key: str, value: Any) -> None:
        if (lockstep := current_mode().freezing) is not None:
            lockstep.finds("option", ref(self), key, value)

    def _checked(self, changes: dict[str, Any]) -> dict[str, Any]:
        optimizer = self._optimizer()
        return changes if optimizer is None else optimizer.checked(self, changes)


class Defaults(Options):
    """The options of groups that come without; changing them would change no group that is there."""

    __slots__ = ()

    def _checked(self, changes: dict[str, Any]) -> dict[str, Any]:
        option = min(changes, default="lr")
        raise OptionError("defaults: the options of an optimizer are taken over when a group is made; "
                          f"write {in_group(option)}, or give it to add_param_group")


def in_group(option: str) -> str:
    """How an option is set."""
    return f'optimizer.param_groups[0]["{option}"] = value'
