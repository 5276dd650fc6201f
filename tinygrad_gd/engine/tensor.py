"""`Tensor`: an array that remembers how it was made.

Reading order for all of backprop: this file, `primitive` (the one door, `apply`), `ops/elementwise`
(the rules), `backward` (the reverse pass). A Tensor made by an operation keeps the primitive, its
inputs, its options and a creation number; a *leaf* is made by the user and keeps none. Everything
else here is names: each operator is one call into a primitive, and so are the methods in `methods`.
`python_protocol` and `numpy_protocol` say what ``float(t)`` and ``np.exp(t)`` do, `looks` prints
and draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np

from ..errors import DTypeError, GradError, ShapeError, describe
from ..ground.checks import check_switch
from ..ground.explain import unknown_option
from ..ground.modes import current_mode
from ..ground.registry import NUMPY
from ..ground.storage import (
    PassesAsArray,
    as_value,
    before_setting,
    before_writing,
    changes,
    lend,
    plain,
    read_only,
    tick,
)
from .looks import Looks
from .methods import Count, Methods
from .python_protocol import PythonProtocol

#: Says that a tensor's first field holds all of its inputs.
ALL = object()


class Tensor(Looks, PythonProtocol, Methods):
    """An array of numbers that records the operations it takes part in.

    Parameters
    ----------
    data : number, nested list, array or Tensor; always copied.
    requires_grad : whether `backward` computes a gradient for it (floating dtypes only).
    name : shown in errors, pictures and programs.
    dtype : a NumPy dtype; NumPy's choice by default, `get_default_dtype` for Python floats.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    >>> loss = (w * w).sum()
    >>> loss.backward()
    >>> w.grad
    Tensor([2., 4.], shape=(2,), dtype=float64)
    """

    __slots__ = (
        "__weakref__", "_first", "_grad", "_hooks", "_name", "_params", "_primitive",
        "_requires_grad", "_second", "_seq", "_value",
    )  # fmt: skip

    # not called _data: what NumPy's masked arrays find under that name they take without asking
    _value: Any  # an ndarray, or a NumPy scalar when there is one element and no axis
    _primitive: Any
    _first: Any  # of two inputs, or a tuple of all: see `inputs`
    _second: Any
    _params: dict[str, Any]
    _seq: int  # when the value was last written: by its creation or in place
    _grad: Tensor | None
    _hooks: list[Callable[[Tensor], Any]] | None

    def __init__(
        self,
        data: Any,
        requires_grad: bool = False,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        lockstep = current_mode().lockstep
        if lockstep is not None and lockstep.copies(self, data, dtype, requires_grad):
            self.name = name
            return
        values = stack_of_values(data) if isinstance(data, list | tuple) else data
        self._value = as_value(data._value if isinstance(data, Tensor) else values, dtype)
        self._primitive, self._first, self._second, self._params = None, (), ALL, {}
        self._grad = self._hooks = None
        self._requires_grad = requires_grad is True
        self._seq = tick()
        self.name = name
        self.requires_grad = requires_grad
        if (watcher := current_mode().watcher) is not None:
            watcher.creates(self, data)

    # -- what it holds ------------------------------------------------------------------------

    @property
    def data(self) -> np.ndarray[Any, Any]:
        """The array itself: for a leaf every write is noticed or refused; read-only otherwise."""
        if self._primitive is not None:
            return self.numpy()
        self._leaves_the_graph("data")
        if not isinstance(self._value, np.ndarray):
            self._value = np.asarray(self._value)
            changes.count += self._requires_grad  # programs write into arrays, but replace numbers
        return lend(self)

    @data.setter
    def data(self, value: Any) -> None:
        new = np.asarray(value._value if isinstance(value, Tensor) else plain(value)).view(np.ndarray)
        if self._primitive is not None:
            raise GradError(f"data: {describe(self)} was made by {self._primitive.name}; "
                            "only leaves can be given new values, use .detach() first")
        if new.shape != self.shape:
            raise ShapeError(f"data: expected shape {self.shape}, got {new.shape}; "
                             "make a new Tensor to change the shape")
        if not np.can_cast(new.dtype, self.dtype, "same_kind"):
            raise DTypeError(f"data: cannot store {new.dtype} in {describe(self)}; use .astype")
        held = np.asarray(self._value)
        if (new.ctypes.data, new.strides) != (held.ctypes.data, held.strides):
            before_writing(self)
            own = new.astype(self.dtype)
            self._value = own if isinstance(self._value, np.ndarray) else own[()]
        self._seq = tick()

    @property
    def grad(self) -> Tensor | None:
        """The gradient accumulated by `backward`, or None."""
        if (listener := current_mode().listener) is not None:
            listener.takes_gradient(self)
        if self._grad is None and self._primitive is not None:
            warn_of_no_gradient(self)
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        mode = current_mode()
        listener = mode.listener if value is None else mode.freezing
        if value is not None:
            value = value if isinstance(value, Tensor) else Tensor(value, dtype=self.dtype)
            if value.shape != self.shape:
                raise ShapeError(f"grad: expected the shape {self.shape} of {describe(self)}, "
                                 f"got {value.shape}")
        if listener is not None:
            listener.forgets([self])
        self._grad = value

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to this tensor."""
        if (lockstep := current_mode().freezing) is not None:
            lockstep.finds("requires_grad", self, self._requires_grad)
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value is not True and value is not False:
            value = check_switch("requires_grad", value, ", and np.empty(shape) for a shape")
        if value and self._value.dtype.kind != "f":
            raise DTypeError(f"requires_grad: only floating tensors have gradients, got "
                             f"{describe(self)}; make it with dtype=float or use .astype(float)")
        if not value and self._primitive is not None:
            raise GradError(f"requires_grad: {describe(self)} was made by {self._primitive.name}; "
                            "use .detach() to cut it from the graph")
        changed = self._requires_grad is not bool(value)
        if changed:
            before_setting(self)
        self._requires_grad = bool(value)
        changes.count += changed  # last: whoever sees the new count must find what was set

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad` and return the tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def name(self) -> str | None:
        """The user's name for this tensor."""
        return self._name

    @name.setter
    def name(self, name: str | None) -> None:
        if name is not None and not isinstance(name, str):
            raise DTypeError(f"name: expected a string, got {describe(name)}")
        self._name = name

    @property
    def op(self) -> Primitive | None:
        """The primitive that made it; None for a leaf."""
        return self._primitive  # type: ignore[no-any-return]

    @property
    def inputs(self) -> tuple[Any, ...]:
        """What the primitive was applied to: Tensors, arrays and numbers.

        Two are kept without a tuple: in a long graph the garbage collector has half as far to walk.
        """
        return self._first if self._second is ALL else (self._first, self._second)

    @property
    def params(self) -> Mapping[str, Any]:
        """The options of the primitive, read-only."""
        return MappingProxyType({} if self._primitive is None else self._params)

    @property
    def is_leaf(self) -> bool:
        """True when no recorded operation made this tensor."""
        return self._primitive is None

    @property
    def _made_as(self) -> type[Tensor]:
        """What a leaf says it is, such as a module's parameter; see `nn.Parameter`."""
        return type(self) if self._primitive is not None else self._params.get("made_as", type(self))

    @property
    def _by_columns(self) -> bool:
        """Whether a matrix lies in memory in Fortran order."""
        return isinstance(self._value, np.ndarray) and self._value.flags.fnc

    @property
    def shape(self) -> tuple[int, ...]:
        return self._value.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        return self._value.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        return Count(self._value.size)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._value.dtype  # type: ignore[no-any-return]

    @property
    def T(self) -> Tensor:
        """The tensor with its axes reversed."""
        return apply(ops.transpose, (self,), {"axes": None})

    def item(self) -> Any:
        """The single element as a Python number."""
        if (mode := current_mode()).observer is not None or mode.lockstep is not None:
            self._leaves_the_graph("item()")
        value = self._value
        if type(value) is np.float32 or type(value) is np.float64:  # whose item() takes far longer
            return float(value)
        if value.size != 1:
            raise ShapeError(f"item: expected one element, got {describe(self)}; use .numpy()")
        return value.item()

    def numpy(self) -> np.ndarray[Any, Any]:
        """The values as a read-only NumPy view, without history."""
        self._leaves_the_graph("numpy()")
        return read_only(self._value)

    def tolist(self) -> Any:
        """The values as nested Python lists."""
        return self.numpy().tolist()

    def _leaves_the_graph(self, how: str) -> None:
        if (watcher := current_mode().watcher) is not None:
            watcher.read(self, how)

    def _stays_in_the_graph(self, form: str) -> None:
        """Refuse to become what records nothing, unless the user asks for ``.item()`` or the like."""
        if self._requires_grad and current_mode().grad:
            raise GradError(
                f"{describe(self)} requires a gradient, which would be lost when it becomes {form}. To "
                "compute on with it, use functions that record: np.exp(t) for math.exp(t), np.stack "
                "for a list of Tensors, t.at[i].set(v) for a[i] = v, tg.matmul(A, t) for another "
                "library's A @ t. For plots, metrics and files take the values: .item(), .numpy() or "
                ".detach()")

    # -- gradients ----------------------------------------------------------------------------

    def backward(self, gradient: Any = None, create_graph: bool = False, **unknown: NoReturn) -> None:
        """Add d(self)/d(leaf), times ``gradient``, to ``.grad`` of every leaf.

        Parameters
        ----------
        gradient : cotangent of this tensor's shape; may be left out for one element.
        create_graph : record the backward pass too, for derivatives of derivatives.
        """
        if unknown:
            raise unknown_option("backward", min(unknown), ("gradient", "create_graph"))
        mode = current_mode()
        if (lockstep := mode.lockstep) is not None and lockstep.active:
            lockstep.backward(self, gradient, create_graph)
        elif create_graph or self._primitive is None or mode.observer is not None:
            backward_in_full(self, gradient, create_graph)
        else:
            backward(self, gradient)

    def zero_grad(self) -> None:
        """Forget the accumulated gradient."""
        if (listener := current_mode().listener) is not None:
            listener.forgets([self])
        self._grad = None

    def retain_grad(self) -> None:
        """Keep ``.grad`` of this recorded tensor in later backward passes."""
        self.register_hook(retain)

    def register_hook(self, hook: Callable[[Tensor], Any]) -> HookHandle:
        """Call ``hook(gradient)`` in each backward pass; a returned tensor replaces the gradient."""
        return HookHandle(self, hook)

    def detach(self) -> Tensor:
        """The same values without history; writing to either is noticed by neither's graph."""
        lockstep = current_mode().lockstep
        if lockstep is not None and lockstep.active and lockstep.made(self):
            return lockstep.detached(self)  # type: ignore[no-any-return]
        return Tensor(self, name=self._name)

    def assign(self, value: Any) -> Tensor:
        """Overwrite the values in place, as optimizers do; graphs that need the old ones notice."""
        return assign(self, value)

    # -- operators ----------------------------------------------------------------------------

    def __add__(self, other: Any) -> Tensor: return apply(ops.add, (self, other))
    def __radd__(self, other: Any) -> Tensor: return apply(ops.add, (other, self))
    def __sub__(self, other: Any) -> Tensor: return apply(ops.subtract, (self, other))
    def __rsub__(self, other: Any) -> Tensor: return apply(ops.subtract, (other, self))
    def __mul__(self, other: Any) -> Tensor: return apply(ops.multiply, (self, other))
    def __rmul__(self, other: Any) -> Tensor: return apply(ops.multiply, (other, self))
    def __truediv__(self, other: Any) -> Tensor: return apply(ops.divide, (self, other))
    def __rtruediv__(self, other: Any) -> Tensor: return apply(ops.divide, (other, self))
    def __floordiv__(self, other: Any) -> Tensor: return apply(ops.floor_divide, (self, other))
    def __rfloordiv__(self, other: Any) -> Tensor: return apply(ops.floor_divide, (other, self))
    def __mod__(self, other: Any) -> Tensor: return apply(ops.remainder, (self, other))
    def __rmod__(self, other: Any) -> Tensor: return apply(ops.remainder, (other, self))
    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]: return self // other, self % other
    def __pow__(self, other: Any) -> Tensor:
        if type(other) is int or type(other) is float:
            if other == 2:
                return apply(ops.square, (self,))
            if 3 <= other <= 16 and other == int(other) and self.dtype.kind == "f":
                return apply(ops.integer_power, (self,), {"n": int(other)})
        return apply(ops.power, (self, other))

    def __rpow__(self, other: Any) -> Tensor: return apply(ops.power, (other, self))
    def __matmul__(self, other: Any) -> Tensor: return apply(ops.matmul, (self, other))
    def __rmatmul__(self, other: Any) -> Tensor: return apply(ops.matmul, (other, self))
    def __neg__(self) -> Tensor: return apply(ops.negative, (self,))
    def __pos__(self) -> Tensor: return apply(ops.positive, (self,))
    def __abs__(self) -> Tensor: return apply(ops.absolute, (self,))
    def __invert__(self) -> Tensor: return apply(ops.invert, (self,))
    def __and__(self, other: Any) -> Tensor: return apply(ops.bitwise_and, (self, other))
    def __rand__(self, other: Any) -> Tensor: return apply(ops.bitwise_and, (other, self))
    def __or__(self, other: Any) -> Tensor: return apply(ops.bitwise_or, (self, other))
    def __ror__(self, other: Any) -> Tensor: return apply(ops.bitwise_or, (other, self))
    def __xor__(self, other: Any) -> Tensor: return apply(ops.bitwise_xor, (self, other))
    def __rxor__(self, other: Any) -> Tensor: return apply(ops.bitwise_xor, (other, self))
    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]
        return apply(ops.equal, (self, other))

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        return apply(ops.not_equal, (self, other))

    def __lt__(self, other: Any) -> Tensor: return apply(ops.less, (self, other))
    def __le__(self, other: Any) -> Tensor: return apply(ops.less_equal, (self, other))
    def __gt__(self, other: Any) -> Tensor: return apply(ops.greater, (self, other))
    def __ge__(self, other: Any) -> Tensor: return apply(ops.greater_equal, (self, other))
    __hash__ = object.__hash__  # identity: tensors are keys of the backward pass's dicts

    def _update(self, primitive: Primitive, other: Any) -> Tensor: return update(primitive, self, other)
    def __iadd__(self, other: Any) -> Tensor: return self._update(ops.add, other)
    def __isub__(self, other: Any) -> Tensor: return self._update(ops.subtract, other)
    def __imul__(self, other: Any) -> Tensor: return self._update(ops.multiply, other)
    def __itruediv__(self, other: Any) -> Tensor: return self._update(ops.divide, other)
    def __ifloordiv__(self, other: Any) -> Tensor: return self._update(ops.floor_divide, other)
    def __imod__(self, other: Any) -> Tensor: return self._update(ops.remainder, other)
    def __ipow__(self, other: Any) -> Tensor: return self._update(ops.power, other)

    # -- as a container -----------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Tensor: return ops.getitem(self, key)
    def __setitem__(self, key: Any, value: Any) -> None:
        check_item(self, value)
        ops.write_item(self, key, value)

    # -- NumPy's protocols ---------------------------------------------------------------------------

    __pandas_priority__ = 5000  # above a DataFrame's: ``series * t`` asks the Tensor, which records

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method == "__call__" and not options and type(NUMPY.get(ufunc)) is Primitive:
            return apply(NUMPY[ufunc], inputs)  # type: ignore[arg-type]
        return call_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if not kwargs and function in NUMPY:
            return NUMPY[function](*args)
        return call_function(function, args, kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> PassesAsArray:
        self._stays_in_the_graph("an array")
        return np.array(self.numpy(), dtype, copy=copy)  # type: ignore[return-value]


_new = Tensor.__new__
_NO_PARAMS: dict[str, Any] = {}


def constant(value: Any) -> Tensor:
    """A Tensor that holds ``value`` itself, without a copy and without history."""
    out = _new(Tensor)
    out._value = value
    out._requires_grad = False
    out._primitive = out._grad = out._hooks = out._name = None
    out._first, out._second, out._params = (), ALL, _NO_PARAMS
    out._seq = tick()
    return out


# The one circle of the house: Tensor's operators need the primitives, which need Tensor.
from .. import ops  # noqa: E402
from .backward import backward  # noqa: E402
from .cotangents import backward_in_full  # noqa: E402
from .hooks import HookHandle, retain, warn_of_no_gradient  # noqa: E402
from .in_place import assign, check_item, update  # noqa: E402
from .numpy_protocol import call_function, call_ufunc  # noqa: E402
from .operands import stack_of_values  # noqa: E402
from .primitive import Primitive, apply  # noqa: E402
