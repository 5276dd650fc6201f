"""States as they are saved: dicts that NumPy does not pickle in passing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import DTypeError


class Saved(dict[str, Any]):
    """A dict that is no array: `numpy.savez` would pickle it, into a file that `numpy.load` refuses.

    Copies of it, pickled ones too, are plain dicts.
    """

    __slots__ = ("_cure",)

    def __init__(self, state: Mapping[Any, Any], cure: str) -> None:
        super().__init__(state)
        self._cure = cure

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise DTypeError("state_dict: NumPy would pickle this dict, and np.load would refuse to read "
                         f"it; write {self._cure}")

    def __reduce__(self) -> Any:
        return dict, (dict(self),)
