"""`Parameter`: a Tensor that a module learns, and the name it has by its path in the module."""

from __future__ import annotations

from inspect import Signature, signature
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..ground.modes import get_default_dtype


class _ParameterType(type):
    """Makes Tensors with a mark, and knows them by it.

    With a second class of tensors in the engine, CPython would look up their attributes anew each time.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Tensor:
        if cls is not Parameter:  # a class that a user derived from it
            return super().__call__(*args, **kwargs)  # type: ignore[no-any-return]
        made = Tensor.__new__(Tensor)
        Parameter.__init__(made, *args, **kwargs)  # type: ignore[arg-type]
        made._params = {"made_as": cls}
        return made

    @property
    def __signature__(cls) -> Signature:
        """What editors and `help` show: the arguments of ``__init__``."""
        _, *others = signature(cls.__init__).parameters.values()  # type: ignore[misc]
        return Signature(others)

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, Tensor) and x._primitive is None and issubclass(x._made_as, cls)


class Parameter(Tensor, metaclass=_ParameterType):
    """A Tensor that a `Module` learns: a leaf that requires a gradient.

    Parameters
    ----------
    data : first values; always copied.
    requires_grad : set it to False to freeze the parameter.
    name : by default the path in the module it belongs to.
    dtype : by default that of floating ``data``, else `get_default_dtype`.

    >>> import tinygrad_gd as tg
    >>> tg.nn.Parameter([1, 2])
    Parameter([1., 2.], shape=(2,), dtype=float64, requires_grad=True)
    """

    __slots__ = ()

    def __init__(
        self, data: Any, requires_grad: bool = True, name: str | None = None, dtype: Any = None
    ) -> None:
        if dtype is None and getattr(data, "dtype", np.dtype(int)).kind != "f":
            dtype = get_default_dtype()
        Tensor.__init__(self, data, requires_grad=requires_grad, name=name, dtype=dtype)


class _Path(str):
    """A name given by a module; a module around it may lengthen it, a user's name stays."""

    __slots__ = ()


def name_by_path(parameter: Tensor, path: str) -> Tensor:
    """Name a nameless parameter by its path; lengthen ``0.weight`` to ``layers.0.weight``."""
    name = parameter._name
    if name is None or (type(name) is _Path and path.endswith("." + name)):
        parameter._name = _Path(path)
    return parameter


def path_of(tensor: Tensor) -> str:
    """The path under which a module has a tensor, if that is its name; else nothing."""
    return tensor._name if type(tensor._name) is _Path else ""
