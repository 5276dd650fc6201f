"""What goes into a Tensor and what comes out of it: conversion, copying, and the lent array.

A Tensor owns its array. Arrays given to it are copied, so that a later ``x += 1`` on the
user's array cannot change a recorded value. ``.data`` of a leaf is lent out writable, as
students expect (``p.data -= lr * p.grad``), but as a `LentArray`, which tells the owner of
every write, and refuses those that it cannot see; the backward pass can then refuse to use a
value that is no longer there.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from itertools import count
from typing import Any, TypeAlias

import numpy as np

from ..errors import DTypeError, ShapeError, describe
from .elsewhere import CURES, answer, own_names
from .live import Live
from .modes import current_mode, get_default_dtype

#: What type checkers are told that `Tensor.__array__` returns. NumPy's stubs take an array of strings
#: for any array, as in ``np.exp(t)``, but not beside an operator; so they find ``array @ t`` where it
#: really is, in `Tensor.__rmatmul__`.
PassesAsArray: TypeAlias = np.ndarray[Any, np.dtypes.StringDType]

#: One clock for everything that happens to values: creation, recording and overwriting.
tick: Callable[[], int] = count(1).__next__


class Changes:
    """Counts how often anything was set that is hardly ever set, and that programs rely on.

    These are attributes of modules, hooks, and whether a tensor requires a gradient.
    """

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


changes = Changes()

NUMERIC_KINDS = "fiub"

# glibc hands freed memory back to the system beyond a limit that follows the largest block freed so
# far. One untouched block of 32 MB, freed at once, keeps it from handing back the arrays of every
# training step, only to fault them in again in the next: 10 of 65 ms with layers 1024 wide.
np.empty(2**25 - 2**16, np.uint8)


def native(dtype: Any) -> Any:
    """A dtype in the byte order of this machine; files may bring others, which are slow."""
    if isinstance(dtype, np.dtype | str) and not np.dtype(dtype).isnative:
        return np.dtype(dtype).newbyteorder("=")
    return dtype


def as_value(data: Any, dtype: Any = None) -> np.ndarray[Any, Any]:
    """A fresh array (or NumPy scalar) of a numeric dtype, from numbers, nested lists or arrays."""
    data, dtype = plain(data), native(dtype)
    plain_python = not hasattr(data, "dtype")
    try:
        # in a given dtype None would become NaN, and 2j would become 0
        strict = dtype is not None and type(data) not in (float, int, bool)
        array = np.asarray(data) if strict else np.array(data, dtype=dtype)
        if strict and array.dtype.kind in NUMERIC_KINDS:
            array = np.array(data, dtype=dtype)
    except (ValueError, TypeError, OverflowError) as error:
        if plain_python and "inhomogeneous" in str(error):
            raise ShapeError(
                "Tensor: expected a rectangular nested list, got rows of different lengths; "
                "pad them, or make one Tensor per row"
            ) from error
        raise DTypeError(f"Tensor: cannot make numbers of {describe(data)}: {error}") from error
    if array.dtype.kind not in NUMERIC_KINDS:
        source = f" from {describe(data)}" if plain_python else ""
        raise DTypeError(
            f"Tensor: expected float, int or bool values, got dtype {array.dtype}{source}; "
            "convert first, for example with np.asarray(values, dtype=float)"
        )
    if plain_python and dtype is None and array.dtype == np.float64:
        array = array.astype(get_default_dtype(), copy=False)
    return array if array.ndim else array[()]  # NumPy is much faster on its scalars


def kept(array: Any) -> np.ndarray[Any, Any]:
    """A copy that lies in memory as the array does: last bits of sums and products depend on it."""
    made: np.ndarray[Any, Any] = array.copy("K")
    if made.strides == array.strides or not array.size:
        return made
    strides, length = _without_gaps(array)
    start = -sum(s * (n - 1) for s, n in zip(strides, array.shape, strict=True) if s < 0)
    memory = np.empty(-(-length // array.itemsize), array.dtype)
    made = np.ndarray(array.shape, array.dtype, memory, start, strides)
    made[...] = array
    return made


def _without_gaps(array: Any) -> tuple[list[int], int]:
    """Strides like an array's, with one element left where it leaves out many, and bytes they span."""
    length = span = array.itemsize
    known = {0: 0}
    axes = [(abs(s), n) for s, n in zip(array.strides, array.shape, strict=True) if n > 1]
    for step, n in sorted(axes):
        if step not in known and step < span:  # parts that overlap in their own way
            return list(array.strides), array.itemsize + sum(s * (n - 1) for s, n in axes)
        if step not in known:
            known[step] = length + array.itemsize * (step > span)
        length, span = length + known[step] * (n - 1), span + step * (n - 1)
    return [known.get(abs(s), 0) * (1 if s > 0 else -1) for s in array.strides], length


def before_writing(target: Any) -> None:
    """Let a compiled step compute what it has answered so far: memory that it reads is written to."""
    lockstep = current_mode().lockstep
    if lockstep is not None and lockstep.active:
        lockstep.before_writing(target)


def before_setting(target: Any) -> None:
    """The same before it is set how a Tensor is derived: what was answered so far is not affected."""
    lockstep = current_mode().lockstep
    if lockstep is not None and lockstep.active:
        lockstep.before_setting(target)


def read_only(value: Any) -> np.ndarray[Any, Any]:
    """A view of ``value`` that cannot be written through."""
    view = np.asarray(value).view(np.ndarray)
    view.flags.writeable = False
    return view


def plain(value: Any) -> Any:
    """``value`` without a wrapper that NumPy should not see."""
    if type(value) is Live:
        return value.noticed()
    if isinstance(value, LentArray):
        return value.view(np.ndarray)
    if isinstance(value, np.ndarray):
        if hasattr(value, "mask"):
            raise DTypeError(
                f"the mask of {describe(value)} would be lost; fill it in, x.filled(0.0), or keep the "
                "mask beside it, tg.where(x.mask, 0.0, x.data)")
        return value.astype(native(value.dtype), copy=False)
    if hasattr(value, "to_numpy"):  # a table or a column, of pandas and its kin, is its values
        return _numbers_of(value)
    return value


def _numbers_of(table: Any) -> np.ndarray[Any, Any]:
    """The values of a DataFrame, a Series or their kin, all of which must be numbers."""
    values = np.asarray(table.to_numpy())
    if values.dtype.kind in NUMERIC_KINDS:
        return plain(values)  # type: ignore[no-any-return]
    raise DTypeError(
        f"{describe(table)} holds {values.dtype} values, expected numbers; choose the columns of "
        "numbers, df.select_dtypes('number'), fill gaps with .fillna(0.0), make numbers of classes "
        "with np.unique(labels, return_inverse=True)[1]")


def _noticed(name: str) -> Callable[..., Any]:
    method = getattr(np.ndarray, name)

    def write(self: LentArray, *args: Any, **kwargs: Any) -> Any:
        target = self._to_write()
        result = method(target, *args, **kwargs)
        return self if result is target else result

    return write


#: NumPy functions that write into their first argument, and its name.
_WRITERS: dict[Any, str] = {np.copyto: "dst", np.put: "a", np.place: "arr", np.putmask: "a",
                            np.fill_diagonal: "a", np.put_along_axis: "arr"}


class LentArray(np.ndarray):
    """A leaf's own array, as ``Tensor.data`` lends it: writing through it is noticed.

    To all others it is read-only, as NumPy's C code would write into it without a word; its own
    methods write through another view.
    """

    _owner: Any = None

    def __array_finalize__(self, source: Any) -> None:
        self._owner = getattr(source, "_owner", None)

    def _to_write(self) -> np.ndarray[Any, Any]:
        """A plain array of the same memory; the owner is told, as what is asked for is written into."""
        plainly, owner = self.view(np.ndarray), self._owner
        if owner is not None and np.may_share_memory(plainly, owner._value):
            before_writing(owner)
            owner._seq = tick()
            plainly.flags.writeable = owner._value.flags.writeable
        return plainly

    def __setitem__(self, key: Any, value: Any) -> None:
        self._to_write()[key] = np.asarray(value) if hasattr(value, "__array__") else value

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        outs = options.get("out", ())
        if not outs and any(hasattr(x, "_requires_grad") for x in inputs):
            return NotImplemented  # a Tensor takes part: it decides, and records
        values = [np.asarray(x) if hasattr(x, "__array__") else x for x in inputs]
        if outs:
            options["out"] = tuple(map(_to_write, outs))
        if method == "at":
            values[0] = _to_write(inputs[0])
        result = getattr(ufunc, method)(*values, **options)
        return outs[0] if len(outs) == 1 else outs or result

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        name = _WRITERS.get(function, "out")
        if function in _WRITERS:  # a Tensor may be written from, but has no say in it
            args = tuple(read_only(x) if hasattr(x, "_requires_grad") else x for x in args)
            types = [t for t in types if issubclass(t, np.ndarray)]
        place = None if name in kwargs else _place_of(name, function, args)
        target = kwargs.get(name) if place is None else args[place]
        if not isinstance(target, LentArray):
            return super().__array_function__(function, types, args, kwargs)
        written = target._to_write()
        if place is None:
            kwargs = {**kwargs, name: written}
        else:
            args = (*args[:place], written, *args[place + 1 :])
        result = super().__array_function__(function, types, args, kwargs)
        return target if result is written else result

    fill, sort, partition = _noticed("fill"), _noticed("sort"), _noticed("partition")
    put, setfield, byteswap = _noticed("put"), _noticed("setfield"), _noticed("byteswap")

    @property
    def flat(self) -> Any:
        """The elements one after the other; writing to them is noticed."""
        return _Flat(self)

    @flat.setter
    def flat(self, values: Any) -> None:
        self.flat[:] = values

    @property
    def real(self) -> Any:
        """The array: its numbers are real."""
        return self

    @real.setter
    def real(self, values: Any) -> None:
        self[...] = values

    @property
    def base(self) -> Any:
        """What the memory belongs to, read-only."""
        base = super().base
        return base if base is None else read_only(base)

    def __reduce__(self) -> Any:
        return self.view(np.ndarray).__reduce__()

    __dir__ = own_names


answer(LentArray, CURES["LentArray"])


def _read(name: str) -> Callable[..., Any]:
    return lambda self, *args: getattr(self._read, name)(*args)


class _Flat:
    """What ``.flat`` is for arrays."""

    def __init__(self, lent: LentArray) -> None:
        self._lent, self._read = lent, lent.view(np.ndarray).flat

    def __setitem__(self, key: Any, value: Any) -> None:
        self._lent._to_write().flat[key] = value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._read, name)

    __getitem__, __len__, __iter__, __next__ = map(
        _read, ("__getitem__", "__len__", "__iter__", "__next__"))
    __eq__, __ne__, __lt__, __le__, __gt__, __ge__ = map(
        _read, ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"))
    __hash__ = None  # type: ignore[assignment]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.array(self._read, dtype)


def _to_write(target: Any) -> Any:
    return target._to_write() if isinstance(target, LentArray) else plain(target)


def _place_of(name: str, function: Any, args: Any) -> int | None:
    """Where the argument to write into stands among ``args``, if it may be a lent array."""
    if function in _WRITERS:
        return 0 if args else None
    if not any(isinstance(x, LentArray) for x in args[1:]):
        return None
    try:
        place = list(signature(function).parameters).index(name)
    except ValueError:  # it has no such argument, or does not tell: before 2.4, NumPy's C functions
        if function not in (np.dot, np.concatenate):
            return None
        place = 2
    return place if place < len(args) else None


def lend(owner: Any) -> np.ndarray[Any, Any]:
    """The owner's array as a `LentArray`."""
    lent: LentArray = owner._value.view(LentArray)
    lent._owner = owner
    lent.flags.writeable = False
    return lent
