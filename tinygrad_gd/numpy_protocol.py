"""NumPy functions called on Tensors: ``np.exp(t)``, ``np.where(c, t, 0)``, ``array * t``."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import DTypeError, GradError, NoRuleError, describe
from .modes import current_mode
from .primitive import write
from .registry import NAMES, NUMPY
from .tensor import Tensor

_REDUCE = {
    np.add: "sum", np.multiply: "prod", np.maximum: "max", np.minimum: "min",
    np.logical_and: "all", np.logical_or: "any",
}  # fmt: skip
_REDUCTIONS: dict[str, dict[Any, str]] = {
    "reduce": _REDUCE, "accumulate": {np.add: "cumsum", np.multiply: "cumprod"}}


def call_ufunc(ufunc: np.ufunc, method: str, inputs: Any, options: dict[str, Any]) -> Any:
    """What ``Tensor.__array_ufunc__`` does: run the primitive registered for ``ufunc``."""
    if method == "__call__":
        primitive = NUMPY.get(ufunc)
        if primitive is None:
            raise _no_rule(f"np.{ufunc.__name__}")
        out = options.pop("out", None)
        unused = [k for k, v in options.items() if v is not (True if k == "where" else None)]
        if unused:
            raise DTypeError(f"np.{ufunc.__name__}: {', '.join(unused)}= is not supported with "
                             "Tensors; use tg.where and .astype instead")
        return _into(out[0], primitive, inputs) if out else primitive(*inputs)
    table = _REDUCTIONS.get(method, {})
    if ufunc in table and isinstance(inputs[0], Tensor) and not options.get("out"):
        options.pop("out", None)
        options.setdefault("axis", 0)  # the default of ufunc.reduce and .accumulate
        return NAMES[table[ufunc]](*inputs, **options)
    if method == "outer" and ufunc in NUMPY and not options:
        a, b = inputs
        column = np.reshape(a, np.shape(a) + (1,) * np.ndim(b))
        return NUMPY[ufunc](column, np.reshape(b, (1,) * np.ndim(a) + np.shape(b)))
    raise _no_rule(f"np.{ufunc.__name__}.{method}")


def call_function(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """What ``Tensor.__array_function__`` does: run what is registered for ``function``."""
    registered = NUMPY.get(function)
    if registered is None:
        raise _no_rule(_public_name(function))
    if kwargs and kwargs.pop("out", None) is not None:
        raise DTypeError(f"{_public_name(function)}: out= is not supported with Tensors; use the "
                         "returned Tensor")
    return registered(*args, **kwargs)


def _public_name(function: Any) -> str:
    return f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)


def _into(out: Any, primitive: Any, inputs: Any) -> Any:
    """``np.f(..., out=target)``: allowed where no gradient can be lost."""
    recorded = next((x for x in inputs if isinstance(x, Tensor) and x._requires_grad), None)
    if recorded is not None and current_mode().grad:
        raise GradError(f"np.{primitive.name}: writing a result of {describe(recorded)} into an array "
                        "would lose its gradient; leave out=, or use `with tg.no_grad():`")
    if isinstance(out, Tensor):
        out._check_writable(f"np.{primitive.name} with out=")
        return write(primitive, inputs, out)
    values = [x._data if isinstance(x, Tensor) else x for x in inputs]
    return primitive.function(*values, out=out)


def _no_rule(name: str) -> NoRuleError:
    return NoRuleError(
        f"{name} has no derivative rule in tinygrad_gd. Rewrite the expression with supported "
        "functions, or add the rule in one line: tg.primitive(function, lambda g, out, x: "
        f"..., numpy={name}); to compute without gradients call {name} on tensor.numpy()"
    )


def _like(function: Any) -> Any:
    """``np.zeros_like`` and its kin: a new constant Tensor."""
    return lambda a, *args, **options: Tensor(
        function(a._data if isinstance(a, Tensor) else a, *args, **options))


def _of_values(function: Any) -> Any:
    """A question that has a plain answer and no derivative, as ``np.allclose(t, u)``."""
    return lambda *args, **options: function(
        *(a.numpy() if isinstance(a, Tensor) else a for a in args), **options)


for _question in (np.array_equal, np.array_equiv, np.allclose, np.isclose, np.shares_memory,
                  np.may_share_memory, np.iscomplexobj, np.isrealobj):
    NUMPY[_question] = _of_values(_question)

#: Questions about the form of a Tensor, which have plain answers.
NUMPY.update({
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a, axis=None: a.size if axis is None else a.shape[axis],
    np.result_type: lambda *args: np.result_type(
        *(a.dtype if isinstance(a, Tensor) else a for a in args)),
    np.zeros_like: _like(np.zeros_like),
    np.ones_like: _like(np.ones_like),
    np.full_like: _like(np.full_like),
    np.empty_like: _like(np.empty_like),
})
