"""NumPy functions called on Tensors: ``np.exp(t)``, ``np.where(c, t, 0)``, ``array * t``."""

from __future__ import annotations

from functools import wraps
from typing import Any

import numpy as np

from ..errors import DTypeError, GradError, NoRuleError, describe
from ..ground.explain import FAILURES, explain_failure
from ..ground.modes import current_mode
from ..ground.registry import NAMES, NUMPY, complete, explaining, implements
from .in_place import check_writable, write
from .operands import check_expansion
from .primitive import Primitive
from .tensor import Tensor

_REDUCE = {
    np.add: "sum", np.multiply: "prod", np.maximum: "max", np.minimum: "min",
    np.logical_and: "all", np.logical_or: "any",
}  # fmt: skip
_REDUCTIONS: dict[str, dict[Any, str]] = {
    "reduce": _REDUCE, "accumulate": {np.add: "cumsum", np.multiply: "cumprod"}}
#: Options of every ufunc that change nothing when given like this.
_DEFAULTS: dict[str, Any] = {"where": True, "subok": True, "order": "K", "casting": "same_kind"}
_INSTEAD = {
    "at": "it writes in place, which cannot be recorded: use tg.scatter_add",
    "reduceat": "sum each slice by itself",
    "reduce": "use np.sum, prod, max, min, all or any",
    "accumulate": "use np.cumsum or np.cumprod",
    "outer": "insert axes, a[:, None] and b[None, :], and apply the function to them",
}


def call_ufunc(ufunc: np.ufunc, method: str, inputs: Any, options: dict[str, Any]) -> Any:
    """What ``Tensor.__array_ufunc__`` does: run the primitive registered for ``ufunc``."""
    if ufunc not in NUMPY:
        complete()
    if method == "__call__":
        primitive, name = NUMPY.get(ufunc), _name_of_ufunc(ufunc)
        if primitive is None:
            raise _no_rule(name)
        out = options.pop("out", None)
        axis = {"axis": options.pop("axis")} if ufunc.signature and "axis" in options else {}
        unused = [k for k, v in options.items()
                  if v is not None and not (type(v) in (bool, str) and v == _DEFAULTS.get(k))]
        if unused:
            raise DTypeError(f"{name}: {', '.join(unused)}= is not supported with Tensors; use "
                             "tg.where, .astype and np.moveaxis instead")
        return _into(out, name, primitive, inputs) if out else primitive(*inputs, **axis)
    table = _REDUCTIONS.get(method, {})
    if ufunc in table and isinstance(inputs[0], Tensor):
        if options.pop("out", None) not in (None, (None,)):
            raise DTypeError(f"np.{ufunc.__name__}.{method}: out= is not supported with Tensors; "
                             "use the returned Tensor")
        options.setdefault("axis", 0)  # the default of ufunc.reduce and .accumulate
        return NAMES[table[ufunc]](*inputs, **options)
    if method == "outer" and ufunc in NUMPY and not options:
        a, b = inputs
        column = np.reshape(a, np.shape(a) + (1,) * np.ndim(b))
        return NUMPY[ufunc](column, np.reshape(b, (1,) * np.ndim(a) + np.shape(b)))
    raise NoRuleError(f"np.{ufunc.__name__}.{method} does not work with Tensors; {_INSTEAD[method]}, "
                      "or call it on tensor.numpy() to compute without gradients")


def call_function(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """What ``Tensor.__array_function__`` does: run what is registered for ``function``."""
    if function not in NUMPY:
        complete()
    registered = NUMPY.get(function)
    if registered is None:
        raise _no_rule(_public_name(function))
    if kwargs and kwargs.pop("out", None) is not None:
        raise DTypeError(f"{_public_name(function)}: out= is not supported with Tensors; use the "
                         "returned Tensor")
    return registered(*args, **kwargs)


def _name_of_ufunc(ufunc: np.ufunc) -> str:
    name = ufunc.__name__
    return f"np.{name}" if getattr(np, name, None) is ufunc else name  # SciPy has ufuncs, too


def _public_name(function: Any) -> str:
    return f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)


def _into(outs: tuple[Any, ...], name: str, primitive: Any, inputs: Any) -> Any:
    """``np.f(..., out=target)``: allowed where no gradient can be lost."""
    if not isinstance(primitive, Primitive):
        raise DTypeError(f"{name}: out= is not supported with Tensors; use what is returned")
    out = outs[0]
    recorded = next((x for x in inputs if isinstance(x, Tensor) and x._requires_grad), None)
    if recorded is not None and current_mode().grad:
        raise GradError(f"{name}: writing a result of {describe(recorded)} into an array "
                        "would lose its gradient; leave out=, or use `with tg.no_grad():`")
    if isinstance(out, Tensor):
        check_writable(out, f"{name} with out=")
        return write(primitive, inputs, out)
    values = [x._value if isinstance(x, Tensor) else x for x in inputs]
    try:
        return primitive.function(*values, out=out)
    except FAILURES as error:
        raise explain_failure(primitive, inputs, {}, error, out) from error


def _no_rule(name: str) -> NoRuleError:
    short = name.rpartition(".")[2]
    if short in NAMES:  # functions that write in place, and SciPy's
        return NoRuleError(f"{name} cannot be recorded; use tg.{short}, which returns a new Tensor, or "
                           f"to compute without gradients call {name} on tensor.numpy()")
    if name == "np.copyto":
        return NoRuleError("np.copyto writes in place, which cannot be recorded; use np.where or "
                           "t.at[...].set(values), or to compute without gradients call it on "
                           "tensor.numpy()")
    return NoRuleError(
        f"{name} has no derivative rule in tinygrad_gd. Rewrite the expression with supported "
        "functions, or add the rule in one line: tg.primitive(function, lambda g, out, x: "
        f"..., numpy={name}); to compute without gradients call {name} on tensor.numpy()"
    )


def _like(function: Any) -> Any:
    """``np.zeros_like`` and its kin: a new constant Tensor."""
    @wraps(function)
    def like(a: Any, *args: Any, **options: Any) -> Tensor:
        return Tensor(function(a._value if isinstance(a, Tensor) else a, *args, **options))

    return explaining(like)


def _of_values(function: Any) -> Any:
    """A question that has a plain answer and no derivative, as ``np.allclose(t, u)``."""
    @wraps(function)
    def ask(*args: Any, **options: Any) -> Any:
        return function(*map(_value, args), **{k: _value(v) for k, v in options.items()})

    return explaining(ask)


def _compares(function: Any) -> Any:
    """A question about pairs of elements, of which arrays of different ndim may have too many."""
    ask = _of_values(function)

    @wraps(function)
    def compare(a: Any, b: Any, *args: Any, **options: Any) -> Any:
        answer = ask(a, b, *args, **options)
        values = [np.asarray(_value(x)) for x in (a, b)]
        check_expansion(function.__name__, (a, b), values, np.broadcast(*values))
        return answer

    return explaining(compare)


def _value(x: Any) -> Any:
    if isinstance(x, list | tuple):
        return [*map(_value, x)] if isinstance(x, list) else tuple(map(_value, x))
    return x.numpy() if isinstance(x, Tensor) else x


def _full_like(a: Any, fill_value: Any, dtype: Any = None, **options: Any) -> Tensor:
    """``np.full_like``; a Tensor as the fill value keeps its gradient."""
    like = np.empty_like(a._value if isinstance(a, Tensor) else a, dtype, **options)
    if not isinstance(fill_value, Tensor):
        return Tensor(np.full_like(like, fill_value))
    filled: Tensor = NAMES["broadcast_to"](fill_value.astype(like.dtype), shape=like.shape)
    return filled


def _where(condition: Any, /, *choices: Any) -> Any:
    """``np.where``; with a condition only, the positions where it holds, as plain arrays."""
    return NAMES["where"](condition, *choices) if choices else np.where(condition.numpy())


@implements()
def from_dlpack(x: Any) -> Tensor:
    """A Tensor with a copy of the values of another library's tensor.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.from_dlpack(np.arange(3.0))
    Tensor([0., 1., 2.], shape=(3,), dtype=float64)
    """
    return Tensor(np.from_dlpack(x))


for _question in (
    np.array_equal, np.array_equiv, np.shares_memory, np.may_share_memory,
    np.iscomplexobj, np.isrealobj, np.isreal, np.iscomplex, np.array2string, np.array_repr,
    np.array_str, np.save, np.savetxt, np.savez, np.nonzero, np.flatnonzero, np.argwhere, np.ix_,
    np.lexsort, np.isin, np.ravel_multi_index, np.unravel_index, np.histogram_bin_edges,
    np.savez_compressed,
):
    NUMPY.setdefault(_question, _of_values(_question))
NUMPY.update({np.where: _where, np.isclose: _compares(np.isclose), np.allclose: _compares(np.allclose)})

_FORM: dict[Any, Any] = {
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a, axis=None: np.size(a._value, axis),
    np.tril_indices_from: lambda arr, k=0: np.tril_indices_from(arr._value, k),
    np.triu_indices_from: lambda arr, k=0: np.triu_indices_from(arr._value, k),
    np.diag_indices_from: lambda arr: np.diag_indices_from(arr._value),
    np.result_type: lambda *args: np.result_type(
        *(a.dtype if isinstance(a, Tensor) else a for a in args)),
    np.full_like: _full_like,
    np.can_cast: lambda from_, to, casting="safe": np.can_cast(
        from_.dtype if isinstance(from_, Tensor) else from_, to, casting),
}
#: Questions about the form of a Tensor, which have plain answers.
NUMPY.update({function: explaining(wraps(function)(answer)) for function, answer in _FORM.items()})
NUMPY.update({f: _like(f) for f in (np.zeros_like, np.ones_like, np.empty_like)})
