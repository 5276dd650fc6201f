"""Weights that lie transposed in memory while a program trains them.

OpenBLAS multiplies a batch sooner by the columns of a matrix than by its rows, as ``x @ weight.T``
does. A weight that is used in no other way may lie the other way round, with all that its update adds
to it; `families_of` finds such matrices in a plan. Nobody sees it: the Tensor is a `Turned` one
meanwhile, which gets an array in C order again as soon as anybody but the program reads it.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from ..tensor import Tensor
from .ir import Instruction, State, Value
from .kernels import empty, takes_number_as_array, trial
from .seats import is_sole_owner
from .together import SMALL, arrays_of, is_elementwise

if TYPE_CHECKING:
    from .planner import Planner

#: Rows of a batch for which it is sooner: for fewer the bits differ, for more it makes no difference.
ROWS = range(16, 257)

_class: Any = object.__dict__["__class__"]
_slot: Any = Tensor.__dict__["_data"]
_turning_back = Lock()  # so that two threads that read at once get the same array

in_c_order = np.ascontiguousarray

#: The array of a Tensor as it lies in memory, without turning it back.
held: Any = _slot.__get__


class Turned(Tensor):
    """A Tensor whose matrix lies transposed in memory until somebody reads it."""

    __slots__ = ()

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return Tensor

    @property
    def _data(self) -> Any:
        with _turning_back:
            while type(self) is Turned:
                seq, array = self._seq, in_c_order(held(self))
                if self._seq == seq:  # no replay in another thread has written meanwhile
                    self._data = array
        return held(self)

    @_data.setter
    def _data(self, array: Any) -> None:
        _slot.__set__(self, array)
        _class.__set__(self, Tensor)

    @property
    def _made_as(self) -> type[Tensor]:
        kind: type[Tensor] = self._params.get("made_as", Tensor)
        return kind


def turned(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The memory of a matrix in C order as one of the same shape in Fortran order."""
    transposed: np.ndarray[Any, Any] = array.reshape(array.shape[::-1]).T
    return transposed


class Family:
    """States, and values computed from them, whose matrices lie the same way round.

    Attributes
    ----------
    states : the Tensors from outside among them.
    values : all of them.
    """

    def __init__(self, states: list[State], values: set[Value]) -> None:
        self.states, self.values = states, values
        self._arrays: list[Any] = []  # those of the states, while they are turned

    @property
    def is_turned(self) -> bool:
        """Whether they lie transposed at the moment."""
        return bool(self._arrays)

    def was_read(self) -> bool:
        """Whether somebody has read one of the Tensors; then none of them is turned any more."""
        if all(held(s.tensor) is array for s, array in zip(self.states, self._arrays, strict=False)):
            return False
        self._arrays.clear()
        return True

    def turn(self) -> None:
        """Turn all, unless somebody else holds one of the arrays."""
        if all(type(s.tensor) is Tensor and is_sole_owner(s.tensor)
               and s.value.has_form_of(s.tensor._data) for s in self.states):
            for tensor in (s.tensor for s in self.states):
                tensor._data = np.asfortranarray(tensor._data)
                self._arrays.append(tensor._data)
                _class.__set__(tensor, Turned)


def families_of(plan: Planner) -> list[Family]:
    """The matrices of a plan that may lie transposed, with gain and without changing a bit."""
    made = {i.output: i for i in plan.body}
    uses: dict[Value, list[Instruction]] = {}
    for i in plan.body:
        for v in {*i.values, *([i.target.value] if i.target else ())}:
            uses.setdefault(v, []).append(i)
    states = {g.value: g for g in plan.program.inputs if isinstance(g, State)}
    asked = {v for v in plan.program.outputs if isinstance(v, Value)}
    asked.update(v for _, v in plan.program.gradients)

    def family_of(weight: Value) -> Family | None:
        values: set[Value] = set()
        waiting = {weight}
        while waiting:
            values.add(v := waiting.pop())
            if v in asked or not (v in made or v in states):
                return None
            for i in (*([made[v]] if v in made else ()), *uses.get(v, ())):
                if _is_transposed(i, v):
                    fits = all(_is_sooner(x, i.output) for x in uses.get(i.output, ()))
                elif i.output is v and i.primitive.name == "matmul":
                    fits = _is_same(i)
                else:
                    fits = is_elementwise(i, v) and not takes_number_as_array(i)
                    waiting.update(x for x in arrays_of(i) if x not in values)
                if not fits:
                    return None
        return Family([s for v, s in states.items() if v in values], values)

    weights = dict.fromkeys(v for i in plan.body for v in i.values
                            if v in states and _is_transposed(i, v))
    return [family for w in weights if (family := family_of(w)) is not None]


def _is_transposed(i: Instruction, weight: Value) -> bool:
    """Whether an instruction shows a weight that is worth turning the other way round."""
    return (i.primitive.name == "transpose" and i.output.axes == (1, 0) and weight.axes == (0, 1)
            and weight.dense and weight.dtype == np.float32 and weight.nbytes > SMALL
            and min(weight.shape) > 1)


def _is_sooner(i: Instruction, factor: Value) -> bool:
    """Whether an instruction is a product ``x @ factor`` that takes less time with factor turned."""
    x = i.inputs[0]
    if not (i.primitive.name == "matmul" and isinstance(x, Value) and x is not factor
            and x.dtype == factor.dtype and x.axes == (0, 1) and x.dense and x.shape[0] in ROWS):
        return False
    a, b = trial(x), trial(factor)
    return _same_bits(a @ b, a @ np.ascontiguousarray(b))


_same_bits = np.array_equal


def _is_same(i: Instruction) -> bool:
    """Whether a product has the same bits if it is written into a turned matrix."""
    if not all(isinstance(x, Value) and x.dense for x in i.inputs):
        return False
    a, b = map(trial, i.inputs)
    return _same_bits(a @ b, np.matmul(a, b, out=turned(empty(i.output))))
