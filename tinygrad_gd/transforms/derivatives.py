"""Functions that make derivatives of functions, with JAX's names and argument orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper
from math import prod
from typing import Any

import numpy as np

from ..engine.tensor import Tensor, constant
from ..errors import DTypeError, GradError, OptionError, describe
from ..ground.checks import check_switch, is_integer
from ..ground.pytree import flatten_like, unflatten
from ..ops.shape import reshape, stack
from .recording import Recording, name_of, positions, pull, seed_for, variable, zeros

Function = Callable[..., Any]


def grad(f: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Function:
    """The gradient of a function that returns one number: ``x -> df/dx``.

    Arguments may be numbers, arrays, Tensors, or nested lists, tuples and dicts of them; the gradient
    has the same form. It is recorded when an argument or a closed-over Tensor requires a gradient.

    Parameters
    ----------
    f : takes the arguments as Tensors, returns one number, or ``(number, aux)`` with ``has_aux``.
    argnums : position(s) of the arguments to differentiate by; a tuple gives a tuple of gradients.
    has_aux : the gradient function returns ``(gradient, aux)``.

    >>> import tinygrad_gd as tg
    >>> cubed = lambda x: x**3
    >>> tg.grad(cubed)(2.0), tg.grad(tg.grad(cubed))(2.0)
    (Tensor(12., shape=(), dtype=float64), Tensor(12., shape=(), dtype=float64))
    """
    both = _value_and_grad("grad", f, argnums, has_aux)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, g = both(*args, **kwargs)
        return (g, value[1]) if has_aux else g

    return _named(gradient, "grad", f)


def value_and_grad(
    f: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Function:
    """Like `grad`, but returns ``(value, gradient)``, or ``((value, aux), gradient)``.

    >>> import numpy as np, tinygrad_gd as tg
    >>> loss = lambda p: np.square(p["w"] * 3.0 + p["b"])
    >>> value, g = tg.value_and_grad(loss)({"w": 1.0, "b": 2.0})
    >>> value.item(), g["w"].item(), g["b"].item()
    (25.0, 30.0, 10.0)
    """
    return _named(_value_and_grad("value_and_grad", f, argnums, has_aux), "value_and_grad", f)


def _value_and_grad(transform: str, f: Function, argnums: Any, has_aux: bool) -> Function:
    _check(transform, f, argnums, has_aux)

    def both(*args: Any, **kwargs: Any) -> Any:
        chosen = positions(transform, argnums, args)
        run = Recording(transform, f, args, kwargs, chosen, has_aux)
        out = _scalar(transform, f, run)
        one = out.dtype.type(1)
        gradients = run.pull([one if out.ndim == 0 else np.full(out.shape, one)])
        g = _per_argument(args, chosen, argnums, gradients)
        value = run.value()
        result = ((value, run.handed_out(run.aux)), g) if has_aux else (value, g)
        run.close()
        return result

    return both


def _scalar(transform: str, f: Function, run: Recording) -> Tensor:
    out = run.out
    if isinstance(out, tuple | list | dict):
        raise GradError(f"{transform}: {name_of(f)} must return one number, got {describe(out)}; with "
                        "has_aux=True it may return (number, anything else), see also tg.jacobian")
    if run.outputs[0].size != 1:
        raise GradError(f"{transform}: {name_of(f)} must return one number, got {describe(out)}; "
                        "reduce it with .sum() or .mean(), or use tg.jacobian or tg.vjp")
    return run.outputs[0]


def vjp(f: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The value at ``primals`` and the function that pulls cotangents back: ``g -> gᵀ J``.

    Returns ``(out, vjp_fn)``, or ``(out, vjp_fn, aux)``. ``vjp_fn`` takes a cotangent of the form of
    ``out`` (None stands for zeros) and returns a tuple with one entry per primal; it may be called
    many times.

    >>> import numpy as np, tinygrad_gd as tg
    >>> out, vjp_fn = tg.vjp(lambda x, y: x * y, np.array([1.0, 2.0]), 3.0)
    >>> vjp_fn(np.array([1.0, 10.0]))
    (Tensor([ 3., 30.], shape=(2,), dtype=float64), Tensor(21., shape=(), dtype=float64))
    """
    _check("vjp", f, 0, has_aux)
    run = Recording("vjp", f, primals, {}, range(len(primals)), has_aux)

    def vjp_fn(cotangent: Any) -> tuple[Any, ...]:
        given = flatten_like(run.out, cotangent, "vjp: cotangent")
        seeds = [seed_for(o, c, "vjp: cotangent") for o, c in zip(run.outputs, given, strict=True)]
        recorded = run.connected or any(s._requires_grad for s in seeds)
        return unflatten(primals, run.pull(seeds, recorded))  # type: ignore[no-any-return]

    out = run.value()
    return (out, vjp_fn, run.handed_out(run.aux)) if has_aux else (out, vjp_fn)


class _Linear:
    """The derivative of a recorded function as a function of tangents: ``t -> J t``.

    The reverse pass ``u -> uᵀ J`` is linear in ``u``; recorded and run backwards, it gives ``J t``.
    """

    def __init__(self, run: Recording) -> None:
        self.run = run
        # The value of u is of no consequence; ones make the pass that of an ordinary gradient.
        self.u = [variable(constant(np.ones(o.shape, o.dtype) if o.ndim else o.dtype.type(1)))
                  for o in run.outputs]
        self.rows = run.pull(self.u, True)

    def push(self, tangents: Sequence[Any], rows: Sequence[Tensor] | None = None) -> list[Tensor]:
        """``J t``, one Tensor per output, for one tangent per variable (or per one of ``rows``)."""
        recorded = self.run.connected or any(getattr(t, "_requires_grad", False) for t in tangents)
        since = self.u[0]._seq
        return pull(self.rows if rows is None else rows, tangents, self.u, since, recorded)


def jvp(
    f: Function, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> tuple[Any, ...]:
    """The value at ``primals`` and the directional derivative along ``tangents``: ``J t``.

    Returns ``(out, tangent_out)``, or ``(out, tangent_out, aux)``.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.jvp(np.sin, (0.0,), (2.0,))
    (Tensor(0., shape=(), dtype=float64), Tensor(2., shape=(), dtype=float64))
    """
    run, given = _along("jvp", f, primals, tangents, has_aux)
    linear = _Linear(run)
    moved = unflatten(run.out, linear.push(given))
    result = (run.value(), moved, run.handed_out(run.aux)) if has_aux else (run.value(), moved)
    run.close()
    return result


def _along(
    transform: str, f: Function, primals: Any, tangents: Any, has_aux: bool = False
) -> tuple[Recording, list[Tensor]]:
    """A recording at ``primals``, and the tangents of its variables."""
    _check(transform, f, 0, has_aux)
    for what, value in (("primals", primals), ("tangents", tangents)):
        if not isinstance(value, tuple | list):
            raise OptionError(f"{transform}: expected {what} in a tuple, one per argument, got "
                              f"{describe(value)}; write ({what[:-1]},)")
    what = f"{transform}: tangents"
    leaves = flatten_like(tuple(primals), tuple(tangents), what)
    run = Recording(transform, f, primals, {}, range(len(primals)), has_aux)
    return run, [seed_for(v, t, what) for v, t in zip(run.variables, leaves, strict=True)]


def jacobian(
    f: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False, mode: str | None = None
) -> Function:
    """All first derivatives: an array of shape ``out.shape + x.shape`` for each output and argument.

    Parameters
    ----------
    argnums, has_aux : as for `grad`; ``f`` may return arrays of any shape, nested as it likes.
    mode : "reverse" makes one pass per output entry, "forward" one per argument entry; by default
        whichever are fewer. The dtype is that of the argument, with "forward" that of the output.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.jacobian(np.square)(np.array([1.0, 2.0]))
    Tensor([[2., 0.],
            [0., 4.]], shape=(2, 2), dtype=float64)
    """
    return _named(_jacobian("jacobian", f, argnums, has_aux, mode), "jacobian", f)


def _jacobian(transform: str, f: Function, argnums: Any, has_aux: bool, mode: Any = None) -> Function:
    _check(transform, f, argnums, has_aux)
    if mode not in (None, "reverse", "forward"):
        raise OptionError(f"jacobian: mode must be 'reverse', 'forward' or None, got {mode!r}")

    def derivative(*args: Any, **kwargs: Any) -> Any:
        chosen = positions(transform, argnums, args)
        run = Recording(transform, f, args, kwargs, chosen, has_aux)
        n_in, n_out = (sum(t.size for t in side) for side in (run.variables, run.outputs))
        forward = mode == "forward" or (mode is None and n_in < n_out)
        blocks = _by_columns(run) if forward else _by_rows(run)
        if mode is None:  # what is smaller must not decide the dtype
            blocks = [[b if b.dtype == v.dtype else b.astype(v.dtype)
                       for b, v in zip(row, run.variables, strict=True)] for row in blocks]
        result = unflatten(run.out, [_per_argument(args, chosen, argnums, row) for row in blocks])
        aux = run.handed_out(run.aux)
        run.close()
        return (result, aux) if has_aux else result

    return derivative


def _by_rows(run: Recording) -> list[list[Tensor]]:
    """d(output)/d(variable) by one reverse pass per entry of an output."""
    blocks = []
    for i, out in enumerate(run.outputs):
        seeds: list[Any] = [zeros(o) for o in run.outputs]
        rows = []
        for entry in basis(out):
            seeds[i] = entry
            rows.append(run.pull(seeds))
        blocks.append([_assembled([row[j] for row in rows], out.shape + v.shape, 0, v)
                       for j, v in enumerate(run.variables)])
    return blocks


def _by_columns(run: Recording) -> list[list[Tensor]]:
    """d(output)/d(variable) by one pass per entry of a variable."""
    linear = _Linear(run)
    by_variable = []
    for row, v in zip(linear.rows, run.variables, strict=True):
        columns = [linear.push([entry], [row]) for entry in basis(v)]
        by_variable.append([_assembled([column[i] for column in columns], out.shape + v.shape, -1, out)
                            for i, out in enumerate(run.outputs)])
    return [list(row) for row in zip(*by_variable, strict=True)] or [[] for _ in run.outputs]


def basis(t: Tensor) -> Any:
    """Arrays of the form of ``t`` that are 1 at one entry and 0 elsewhere."""
    for index in np.ndindex(t.shape):
        entry = np.zeros(t.shape, t.dtype)
        entry[index] = 1
        yield entry[()] if not t.ndim else entry


def _assembled(parts: list[Tensor], shape: tuple[int, ...], axis: int, like: Tensor) -> Tensor:
    if not prod(shape):
        return constant(np.zeros(shape, like.dtype))
    return reshape(stack(parts, axis), shape)


def hessian(f: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Function:
    """All second derivatives: ``x.shape + x.shape`` for each pair of arguments, after ``out.shape``.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    Tensor([[6., 2.],
            [2., 0.]], shape=(2, 2), dtype=float64)
    """
    first = _named(_jacobian("hessian", f, argnums, has_aux), "jacobian", f)
    return _named(_jacobian("hessian", first, argnums, has_aux), "hessian", f)


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of a function of one number times a vector, in two reverse passes: ``H t``.

    The Hessian is not formed. One primal gives one product, several give a tuple.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.hvp(lambda x: np.sum(x**3), (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    Tensor([  6., 120.], shape=(2,), dtype=float64)
    """
    run, given = _along("hvp", f, primals, tangents)
    out = _scalar("hvp", f, run)
    gradient = run.pull([np.ones(out.shape, out.dtype)[()]], True)
    recorded = run.connected or any(t._requires_grad for t in given)
    # H is symmetric: a reverse pass over the gradient, which gives tᵀ H, is enough
    product = pull(gradient, given, run.variables, run.since, recorded)
    run.close()
    products = unflatten(tuple(primals), product)
    return products if len(primals) != 1 else products[0]


def _per_argument(
    args: Sequence[Any], chosen: tuple[int, ...], argnums: Any, leaves: Sequence[Tensor]
) -> Any:
    """Derivatives in the form of the chosen arguments; a single one is not wrapped in a tuple."""
    if not isinstance(argnums, tuple | list):
        return unflatten(args[chosen[0]], leaves)
    return unflatten(tuple(args[i] for i in chosen), leaves)


def _check(transform: str, f: Any, argnums: Any, has_aux: Any) -> None:
    if not callable(f):
        raise DTypeError(f"{transform}: expected a function, got {describe(f)}; "
                         f"for example tg.{transform}(f)")
    numbers = argnums if isinstance(argnums, tuple | list) else (argnums,)
    if not numbers or not all(map(is_integer, numbers)):
        raise OptionError(f"{transform}: argnums must be an int or a tuple of ints, got {argnums!r}")
    check_switch(f"{transform}: has_aux", has_aux)


def _named(derivative: Function, transform: str, f: Function) -> Function:
    """Let a derivative carry the documentation and name of its function."""
    update_wrapper(derivative, f, updated=())
    derivative.__name__ = f"{transform}({getattr(f, '__name__', type(f).__name__)})"
    return derivative
