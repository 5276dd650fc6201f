"""`FixedOptions`: a module without parameters that is a function with fixed options."""

from __future__ import annotations

from typing import Any

from ..ground.checks import check_switch
from .module import Module


class FixedOptions(Module):
    """What activations, pools, borders and the like share: each option is an attribute."""

    def __init__(self, **options: Any) -> None:
        self._names = tuple(options)
        for name, value in options.items():
            if name in ("ceil_mode", "count_include_pad"):
                check_switch(f"{type(self).__name__}: {name}", value)
            setattr(self, name, value)

    @property
    def _options(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._names}

    def extra_repr(self) -> str:
        """The options."""
        return ", ".join(f"{name}={value!r}" for name, value in self._options.items())
