"""Random draws as recorded operations, from the one generator that `tinygrad_gd.manual_seed` seeds.

Two primitives draw standard numbers and take no arrays; everything else is arithmetic on what they
drew. So gradients reach the parameters of a distribution (the draw is *reparameterised*: the same
noise, moved and stretched), a backward pass sees the numbers of its forward pass, and a program
that repeats the operations draws anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.primitive import apply, primitive
from ..engine.tensor import Tensor
from ..errors import DTypeError, GradError, OptionError, ShapeError, describe
from ..ground.checks import check_switch
from ..ground.fast import lies_by_columns
from ..ground.modes import current_mode, get_default_dtype
from ..ground.registry import implements
from ..ground.rng import generator
from .elementwise import where
from .signatures import as_tensor


def _standard_normal(size: Any = (), dtype: Any = np.float64) -> Any:
    return np.asarray(generator().standard_normal(size, dtype))


def _standard_uniform(size: Any = (), dtype: Any = np.float64) -> Any:
    return np.asarray(generator().random(size, dtype))


standard_normal = primitive(_standard_normal, atomic=True, kind="draw")
standard_uniform = primitive(_standard_uniform, atomic=True, kind="draw")
standard_normal.__doc__ = "An array of draws from the normal distribution of mean 0 and deviation 1."
standard_uniform.__doc__ = "An array of draws from the uniform distribution on [0, 1)."


@implements()
def normal(loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
    """Draws from the normal distribution: ``loc + scale * standard_normal``.

    Parameters
    ----------
    loc, scale : mean and standard deviation; both get gradients.
    size : shape of the result; by default that of the parameters.
    dtype : by default that of the parameters, or the default dtype if they are Python numbers.

    >>> import tinygrad_gd as tg
    >>> tg.manual_seed(0)
    >>> mean = tg.Tensor([0.0, 5.0], requires_grad=True)
    >>> tg.normal(mean, 0.1).sum().backward(); mean.grad.tolist()
    [1.0, 1.0]
    """
    loc, scale = _parameters("normal", loc, scale, dtype=dtype)
    _check_range("normal", "scale is a standard deviation, >= 0", scale, np.inf)
    noise = _noise("normal", standard_normal, (loc, scale), size, dtype)
    return _in_dtype(_placed(loc, scale, noise), dtype)


@implements()
def uniform(low: Any = 0.0, high: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
    """Draws between ``low`` and ``high``, which both get gradients; options as in `normal`."""
    low, high = _parameters("uniform", low, high, dtype=dtype)
    noise = _noise("uniform", standard_uniform, (low, high), size, dtype)
    width = high - low
    _check_range("uniform", "high - low is a width, >= 0 and finite", width, None)
    return _in_dtype(_placed(low, width, noise), dtype)


@implements()
def bernoulli(p: Any, size: Any = None, dtype: Any = None) -> Tensor:
    """1 with probability ``p`` and 0 otherwise; options as in `normal`.

    There is no derivative with respect to ``p``, so a ``p`` that requires one is refused.

    >>> import tinygrad_gd as tg
    >>> tg.manual_seed(0); tg.bernoulli([0.0, 1.0]).tolist()
    [0.0, 1.0]
    """
    if isinstance(p, Tensor) and p.requires_grad:
        raise GradError(f"bernoulli: {describe(p)} requires a gradient, which a draw of 0 or 1 cannot "
                        "send back; pass p.detach(), or relax the draw: "
                        "tg.sigmoid((logits + noise) / temperature)")
    (p,) = _parameters("bernoulli", p)
    _check_range("bernoulli", "p is a probability, between 0 and 1", p, 1)
    noise = _noise("bernoulli", standard_uniform, (p,), size, dtype)
    drawn: Tensor = (noise < p).astype(noise.dtype)
    return drawn


@implements()
def dropout(x: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """Each element of ``x`` becomes 0 with probability ``p``; the others are divided by 1 - p.

    Without ``training``, or with p = 0, that is ``x`` itself. The mean stays the same in both cases.

    >>> import tinygrad_gd as tg
    >>> tg.manual_seed(0); x = tg.Tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    >>> y = tg.dropout(x, 0.5); y.sum().backward(); y.tolist(), x.grad.tolist()
    ([2.0, 4.0, 6.0, 0.0], [2.0, 2.0, 2.0, 0.0])
    """
    tensor = as_tensor("dropout", x)
    if tensor.dtype.kind != "f":
        raise DTypeError(f"dropout: expected a floating tensor, got {describe(tensor)}; use "
                         ".astype(float)")
    training = check_switch("dropout: training", training)
    if isinstance(p, np.floating):
        p = float(p)
    if not isinstance(p, int | float):
        raise OptionError(f"dropout: p is one probability for all elements, got {describe(p)}")
    _check_range("dropout", "p is a probability, between 0 and 1", p, 1)
    if not training or p == 0:
        return tensor
    dropped = _noise("dropout", standard_uniform, (tensor,), None, np.float32) < p  # in any precision
    if lies_by_columns(tensor):  # arrays in one order are combined several times as fast
        dropped = dropped.copy("F")
    kept: Tensor = where(dropped, 0, tensor / (1 - p) if p < 1 else tensor)
    return kept


def _parameters(operation: str, *given: Any, dtype: Any = None) -> tuple[Any, ...]:
    """Python numbers as they are, since they are weak; all else as Tensors, as wide as asked."""
    tensors = (x if isinstance(x, int | float) else as_tensor(operation, x) for x in given)
    return tuple(x.astype(dtype) if isinstance(x, Tensor) and _is_wider(dtype, x) else x
                 for x in tensors)


def _is_wider(dtype: Any, x: Tensor) -> bool:
    kind = None if dtype is None else np.dtype(dtype)
    return kind is not None and kind.kind == "f" and np.result_type(kind, x.dtype) == kind != x.dtype


def _placed(place: Any, width: Any, noise: Tensor) -> Tensor:
    """``place + width * noise`` without the usual 0 and 1, which nobody wants to read in a program."""
    if type(width) not in (int, float) or width != 1:
        noise = width * noise
    return noise if type(place) in (int, float) and place == 0 else place + noise


def _noise(operation: str, draw: Any, parameters: tuple[Any, ...], size: Any, dtype: Any) -> Tensor:
    """Standard draws of the size and dtype that fit the parameters."""
    arrays = [x for x in parameters if isinstance(x, Tensor)]
    if dtype is None:
        dtype = np.result_type(*(x.dtype for x in arrays), 0.0) if arrays else get_default_dtype()
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise DTypeError(f"{operation}: dtype is that of floating numbers, got {dtype}")
    shape = _shape(operation, [x.shape for x in arrays], size)
    wide = dtype if dtype in (np.float32, np.float64) else np.dtype(np.float64)
    return _in_dtype(apply(draw, (), {"size": shape, "dtype": wide}), dtype)


def _shape(operation: str, shapes: list[tuple[int, ...]], size: Any) -> tuple[int, ...]:
    """The shape of a draw: ``size``, or what the parameters broadcast to."""
    try:
        shape = np.broadcast_shapes(*shapes, () if size is None else size)
        if size is None or shape == np.broadcast_shapes(size):
            return shape
    except (ValueError, TypeError):
        pass
    raise ShapeError(f"{operation}: the result has the shape size={size!r}, to which the parameters "
                     f"of shapes {shapes} must broadcast")


def _in_dtype(x: Tensor, dtype: Any) -> Tensor:
    return x if dtype is None or x.dtype == dtype else x.astype(dtype)


def _check_range(operation: str, what: str, x: Any, most: float | None) -> None:
    """Refuse values below 0 or above ``most``; with None, infinite ones."""
    mode = current_mode()
    if isinstance(x, Tensor) and (mode.observer is not None or mode.lockstep is not None):
        apply(in_range, (x,), {"operation": operation, "what": what, "most": most})
    else:
        _in_range(x._value if isinstance(x, Tensor) else x, operation, what, most)


def _in_range(x: Any, /, operation: str, what: str, most: float | None) -> Any:
    inside = (x >= 0) & (x < np.inf if most is None else x <= most)
    if not (inside if isinstance(x, int | float) else np.all(inside)):
        raise OptionError(f"{operation}: {what}; got {describe(x) if np.ndim(x) else x}")
    return x


in_range = primitive(_in_range, name="in_range", kind="check", atomic=True, internal=True)
