"""`Live`: a number that may be another one in the next step, and the options it comes from."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .modes import current_mode


class Live:
    """A number that may be another one in the next step, such as a learning rate, with its origin.

    Arithmetic with Python numbers keeps track. Whatever else is done with it is done with its value,
    of which the observer is told: a comparison, a conversion, a call of `math.sqrt`. It is no float,
    because C code reads a float's value without asking; to `isinstance` it is one.

    Attributes
    ----------
    value : the number it is now.
    text : how it is computed, as Python source.
    origins : the names in that source and where their values are found: (container, key).
    """

    __slots__ = ("origins", "text", "value")

    def __init__(self, value: Any, text: str, origins: Mapping[str, tuple[Any, Any]]) -> None:
        self.value, self.text, self.origins = value, text, origins

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self.value)

    def noticed(self, template: str = "{}", function: Any = None, *others: Any) -> Any:
        """``function(value, *others)``; the observer hears that Python went on with it."""
        values = [x.value if type(x) is Live else x for x in (self, *others)]
        outcome = function(*values) if function is not None else self.value
        observer = current_mode().watcher
        if observer is not None:
            text = template.format(*map(_text, (self, *others)))
            observer.decides(text, self._origins(*others), outcome)
        return outcome

    def _origins(self, *others: Any) -> dict[str, tuple[Any, Any]]:
        return {k: v for x in (self, *others) if type(x) is Live for k, v in x.origins.items()}

    def _with(self, symbol: str, other: Any, swapped: bool = False) -> Any:
        operation, (a, b) = _ARITHMETIC[symbol], (other, self) if swapped else (self, other)
        if type(other) is complex:
            return operation(*(x.noticed() if x is self else x for x in (a, b)))
        if type(other) not in (int, bool, float, Live):
            return NotImplemented
        value = operation(*(x.value if type(x) is Live else x for x in (a, b)))
        return Live(value, f"({_text(a)} {symbol} {_text(b)})", self._origins(other))

    def _compare(self, symbol: str, other: Any) -> Any:
        if not isinstance(other, int | float | complex):
            return NotImplemented
        return self.noticed(f"({{}} {symbol} {{}})", _COMPARISONS[symbol], other)

    def __add__(self, other: Any) -> Any: return self._with("+", other)
    def __radd__(self, other: Any) -> Any: return self._with("+", other, True)
    def __sub__(self, other: Any) -> Any: return self._with("-", other)
    def __rsub__(self, other: Any) -> Any: return self._with("-", other, True)
    def __mul__(self, other: Any) -> Any: return self._with("*", other)
    def __rmul__(self, other: Any) -> Any: return self._with("*", other, True)
    def __truediv__(self, other: Any) -> Any: return self._with("/", other)
    def __rtruediv__(self, other: Any) -> Any: return self._with("/", other, True)
    def __floordiv__(self, other: Any) -> Any: return self._with("//", other)
    def __rfloordiv__(self, other: Any) -> Any: return self._with("//", other, True)
    def __mod__(self, other: Any) -> Any: return self._with("%", other)
    def __rmod__(self, other: Any) -> Any: return self._with("%", other, True)
    def __divmod__(self, other: Any) -> Any: return self // other, self % other
    def __rdivmod__(self, other: Any) -> Any: return other // self, other % self
    def __pow__(self, other: Any, mod: None = None) -> Any: return self._with("**", other)
    def __rpow__(self, other: Any, mod: None = None) -> Any: return self._with("**", other, True)
    def __neg__(self) -> Any: return Live(-self.value, f"(-{self.text})", self.origins)
    def __pos__(self) -> Any: return self
    def __abs__(self) -> Any: return Live(abs(self.value), f"abs({self.text})", self.origins)

    def __lt__(self, other: Any) -> Any: return self._compare("<", other)
    def __le__(self, other: Any) -> Any: return self._compare("<=", other)
    def __gt__(self, other: Any) -> Any: return self._compare(">", other)
    def __ge__(self, other: Any) -> Any: return self._compare(">=", other)
    def __eq__(self, other: Any) -> Any: return self._compare("==", other)
    def __ne__(self, other: Any) -> Any: return self._compare("!=", other)

    def __bool__(self) -> bool: return bool(self.noticed("({} != 0)", bool))
    def __hash__(self) -> int: return hash(self.noticed())
    def __float__(self) -> float: return float(self.noticed())
    def __int__(self) -> int: return int(self.noticed("int({})", int))
    def __index__(self) -> int: return operator.index(self.noticed())
    def __trunc__(self) -> int: return int(self)
    def __floor__(self) -> int: return int(self.noticed("int({} // 1)", lambda x: int(x // 1)))
    def __ceil__(self) -> int: return int(self.noticed("-int(-{} // 1)", lambda x: -int(-x // 1)))
    def __round__(self, *digits: Any) -> Any:
        return self.noticed("round({}, {})" if digits else "round({})", round, *digits)
    def __format__(self, spec: str) -> str: return str(format(self.noticed(), spec))
    def __repr__(self) -> str: return repr(self.noticed())
    def __reduce__(self) -> Any: return type(self.value), (self.noticed(),)
    def __copy__(self) -> Any: return self
    def __deepcopy__(self, memo: Any) -> Any: return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # protocols that it has no part in
            raise AttributeError(name)
        return getattr(self.noticed(), name)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(self.noticed(), dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return getattr(ufunc, method)(
            *(x.noticed() if type(x) is Live else x for x in inputs), **options)


def _text(x: Any) -> str:
    """A number as Python source."""
    if type(x) is Live:
        return x.text
    return f"float('{x}')" if isinstance(x, float) and x - x != 0 else repr(x)


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "**": operator.pow, "//": operator.floordiv, "%": operator.mod,
}  # fmt: skip
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq,
    "!=": operator.ne,
}  # fmt: skip

_FLOATS = frozenset({np.float16, np.float32, np.float64, np.longdouble})


def live(options: Mapping[str, Any]) -> Any:
    """Hyperparameters, known to an observer as numbers that schedules may change.

    A schedule computed with NumPy gives its floats; they are weak like Python's, lest float32
    parameters be updated in float64.
    """
    plain = {k: float(v) if type(v) in _FLOATS else v for k, v in {**options}.items()}
    observer = current_mode().observer
    return plain if observer is None else _Watched(options, plain, observer)


class _Watched:
    """Options of which an observer is told when they are read."""

    def __init__(self, options: Mapping[str, Any], plain: Mapping[str, Any], observer: Any) -> None:
        self._options, self._plain, self._observer = options, plain, observer

    def __getitem__(self, key: str) -> Any:
        return self._observer.option(self._options, key, self._plain[key])

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self._plain else default

    def keys(self) -> Any:
        return self._plain.keys()
