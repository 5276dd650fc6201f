"""tinygrad_gd: reverse-mode automatic differentiation over NumPy.

With this package one can write models with automatic gradients (`Tensor`, `nn`, `optim`), watch
backpropagation at work, and draw computation graphs (`draw`). Every operation of `tinygrad_gd.ops`
is also here under its NumPy name, as in ``tg.exp``; NumPy's own functions work on Tensors too.
"""

from __future__ import annotations

from typing import Any

import numpy as _np

from .engine.tensor import Tensor  # isort: skip  # first: the one circle of the house closes inside it

from . import linalg, nn, optim
from ._version import __version__
from .data import datasets
from .data.loader import DataLoader
from .engine.primitive import Primitive, apply, primitive
from .engine.rules import Every
from .errors import (
    BroadcastWarning,
    CaptureError,
    CaptureWarning,
    DivergenceError,
    DivisionError,
    DTypeError,
    GradError,
    IndexingError,
    MatrixError,
    NonFiniteError,
    NoRuleError,
    OptionError,
    ShapeError,
    TinygradGdError,
)
from .ground.elsewhere import absent
from .ground.modes import (
    default_dtype,
    enable_grad,
    get_default_dtype,
    is_grad_enabled,
    no_grad,
    set_default_dtype,
)
from .ground.observer import Observer, observe
from .ground.registry import NAMES as _operations
from .ground.registry import implements
from .ground.rng import generator, manual_seed
from .pictures import draw
from .study.anomaly import detect_anomaly
from .transforms import (
    checkpoint,
    custom_vjp,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    stop_gradient,
    value_and_grad,
    vjp,
)
from .transforms.gradcheck import GradCheckError, gradcheck, gradgradcheck

__all__ = [
    "BroadcastWarning",
    "CaptureError",
    "CaptureWarning",
    "DTypeError",
    "DataLoader",
    "DivergenceError",
    "DivisionError",
    "Every",
    "GradCheckError",
    "GradError",
    "IndexingError",
    "MatrixError",
    "NoRuleError",
    "NonFiniteError",
    "Observer",
    "OptionError",
    "Primitive",
    "ShapeError",
    "Tensor",
    "TinygradGdError",
    "__version__",
    "apply",
    "checkpoint",
    "compile",
    "custom_vjp",
    "datasets",
    "default_dtype",
    "detect_anomaly",
    "draw",
    "enable_grad",
    "generator",
    "get_default_dtype",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "hessian",
    "hvp",
    "implements",
    "is_grad_enabled",
    "jacobian",
    "jvp",
    "latex",
    "linalg",
    "manual_seed",
    "nn",
    "no_grad",
    "observe",
    "optim",
    "primitive",
    "set_default_dtype",
    "source",
    "stop_gradient",
    "tensor",
    "value_and_grad",
    "vjp",
]  # fmt: skip

tensor = Tensor


def __getattr__(name: str) -> Any:
    if name in ("compile", "latex", "source"):
        from . import program  # only now: it takes longer to import than the engine

        return getattr(program, name)
    try:
        return _operations[name]
    except KeyError:
        numpy = hasattr(_np, name) and name[0] != "_"
        raise absent(__name__, name, f"use np.{name}, inside tg.Tensor(...) to make a Tensor"
                     if numpy else None) from None


def __dir__() -> list[str]:
    return sorted({*__all__, *_operations})
