"""Parameters and modules that are set under a name which is computed; a base of Module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import DTypeError, OptionError, describe
from .parameter import Parameter

if TYPE_CHECKING:
    from .module import Module


class Registration:
    """What sets an attribute as ``self.name = value`` does; None keeps the place for one."""

    def register_parameter(self: Any, name: str, param: Parameter | None) -> None:
        """Set a parameter, or None where a layer goes without.

        >>> import tinygrad_gd as tg
        >>> module = tg.nn.Module(); module.register_parameter("scale", tg.nn.Parameter(2.0))
        >>> module.scale.item(), [name for name, _ in module.named_parameters()]
        (2.0, ['scale'])
        """
        if not (param is None or isinstance(param, Parameter)):
            raise DTypeError(f"register_parameter: expected a Parameter, got {describe(param)}; write "
                             "tg.nn.Parameter(values)")
        check_name(self, "register_parameter", name, isinstance(vars(self).get(name), Parameter))
        setattr(self, name, param)

    def add_module(self: Any, name: str, module: Module | None) -> None:
        """Set a module inside this one; a Sequential gets it as the last of its row.

        >>> import tinygrad_gd as tg
        >>> net = tg.nn.Sequential()
        >>> net.add_module("hidden", tg.nn.Linear(2, 3)); net.add_module("act", tg.nn.ReLU())
        >>> len(net), [name for name, _ in net.named_children()]
        (2, ['hidden', 'act'])
        """
        if not (module is None or isinstance(module, Registration)):
            raise DTypeError(f"add_module: expected a module, got {describe(module)}; write "
                             "tg.nn.ReLU() for a function")
        check_name(self, "add_module", name, isinstance(vars(self).get(name), Registration))
        self._add(name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """`add_module`."""
        self.add_module(name, module)

    def _add(self, name: str, module: Module | None) -> None:
        setattr(self, name, module)


def check_name(module: Any, operation: str, name: Any, replaces: bool) -> None:
    """Refuse what is no name, and one that hides a method or takes the place of something else."""
    if not isinstance(name, str):
        raise DTypeError(f"{operation}: names are strings, got {describe(name)} {name!r}")
    held = vars(module).get(name)
    if callable(getattr(type(module), name, None)) or not (held is None or replaces):
        raise OptionError(f"{operation}: {name!r} is an attribute of {type(module).__name__} already, "
                          "which would be hidden or lost; choose another name")
