"""Every error this framework raises, each worded as: what was expected, what came, what to do.

The classes also inherit from the built-in a NumPy or PyTorch user would catch, so
``except ValueError`` around a shape mistake keeps working.
"""

from __future__ import annotations

from typing import Any

from numpy.linalg import LinAlgError


class TinygradGdError(Exception):
    """Base of all errors raised by this package."""


class GradError(TinygradGdError, RuntimeError):
    """A gradient was asked for that cannot be given, or would be silently wrong."""


class ShapeError(TinygradGdError, ValueError):
    """Shapes, axes or lengths do not fit together."""


class DTypeError(TinygradGdError, TypeError):
    """A value has a type or dtype the operation cannot use."""


class OptionError(TinygradGdError, ValueError):
    """An option has a name or a value that makes no sense."""


class DivisionError(TinygradGdError, ZeroDivisionError):
    """Something would be divided by a sum that is 0."""


class MatrixError(TinygradGdError, LinAlgError):
    """A matrix is singular, not square or not positive definite where it has to be."""


class IndexingError(TinygradGdError, IndexError):
    """An index is outside the array or of a kind arrays cannot be indexed with."""


class NoRuleError(TinygradGdError, TypeError):
    """A NumPy function was called on a Tensor and has no derivative rule here."""


class NonFiniteError(TinygradGdError, FloatingPointError):
    """Anomaly mode met the first NaN or infinity."""


class CaptureError(TinygradGdError, RuntimeError):
    """A step cannot be captured as a program without changing its meaning."""


class MissingLibraryError(TinygradGdError, ImportError):
    """A library is not installed that is needed for this, and for nothing else."""


class CaptureWarning(UserWarning):
    """A step cannot be captured and goes on as ordinary, slower, eager code."""


class PrecisionWarning(UserWarning):
    """Data of float64 made float64 of what a float32 parameter computes."""


class KeptGraphsWarning(UserWarning):
    """Many losses are kept after their backward passes, and with each of them its whole graph."""


class LossWarning(UserWarning):
    """A loss was given what is hardly meant, as probabilities where logits belong."""


class PairWarning(UserWarning):
    """One of what would be a pair in PyTorch was taken, as in ``t.max(1)[0]``."""


class GradWarning(UserWarning):
    """The gradient was asked for of a recorded Tensor, which keeps none."""


class BroadcastWarning(UserWarning):
    """Two operands of different ndim were both expanded, as (n,) with (n, 1) to (n, n)."""


def describe(value: Any, position: int | None = None) -> str:
    """Name a value as errors do: its name or position, its kind, dtype and shape."""
    if isinstance(value, type):
        return f"the type {value.__name__}"
    name = getattr(value, "name", None)
    place = repr(name) if isinstance(name, str) and name else ""
    if not place and position is not None:
        place = f"argument {position}"
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    kind = type(value).__name__ if dtype is None or shape is None else str(dtype)
    kind += "" if shape is None else f" of shape {shape}"
    return f"{place} ({kind})" if place else kind
