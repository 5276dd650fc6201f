"""tinygrad_gd: reverse-mode automatic differentiation over NumPy.

With this package one can write models with automatic gradients (`Tensor`, `nn`, `optim`), watch
backpropagation at work, and draw computation graphs (`draw`). Every operation of `tinygrad_gd.ops`
is also here under its NumPy name, as in ``tg.exp``; NumPy's own functions work on Tensors too.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as _np

from .engine.tensor import Tensor  # isort: skip  # first: the one circle of the house closes inside it

from ._version import __version__
from .engine.primitive import Primitive, apply, primitive
from .engine.rules import Every
from .errors import (
    BroadcastWarning,
    CaptureError,
    CaptureWarning,
    DivisionError,
    DTypeError,
    GradError,
    GradWarning,
    IndexingError,
    KeptGraphsWarning,
    LossWarning,
    MatrixError,
    MissingLibraryError,
    NonFiniteError,
    NoRuleError,
    OptionError,
    PairWarning,
    PrecisionWarning,
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
from .ground.registry import complete, implements
from .ground.registry import public as _public
from .ground.rng import generator, manual_seed

__all__ = [
    "BroadcastWarning",
    "CaptureError",
    "CaptureWarning",
    "DTypeError",
    "DataLoader",
    "DivisionError",
    "Every",
    "GradCheckError",
    "GradError",
    "GradWarning",
    "IndexingError",
    "KeptGraphsWarning",
    "LossWarning",
    "MatrixError",
    "MissingLibraryError",
    "NoRuleError",
    "NonFiniteError",
    "Observer",
    "OptionError",
    "PairWarning",
    "PrecisionWarning",
    "Primitive",
    "ShapeError",
    "Tensor",
    "TinygradGdError",
    "TrainingWarning",
    "__version__",
    "advise",
    "apply",
    "check_backward",
    "checkpoint",
    "compile",
    "custom_vjp",
    "datasets",
    "default_dtype",
    "detect_anomaly",
    "draw",
    "enable_grad",
    "explore",
    "fit",
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
    "load",
    "lr_range_test",
    "manual_seed",
    "nn",
    "no_grad",
    "observe",
    "optim",
    "plot",
    "primitive",
    "record",
    "save",
    "set_default_dtype",
    "source",
    "stop_gradient",
    "tensor",
    "value_and_grad",
    "vjp",
]  # fmt: skip

tensor = Tensor


#: Rooms that are loaded when they or one of their names are first asked for, as most programs use few.
_LATER = {
    "data": "DataLoader datasets", "interop": "sklearn", "linalg": "", "nn": "", "optim": "",
    "pictures": "draw plot", "program": "compile", "study": "advise detect_anomaly lr_range_test",
    "study.checking": "check_backward", "study.explorer.page": "explore", "study.formulas": "latex",
    "study.recorded": "source", "study.runs.recorder": "record",
    "training.fitting": "TrainingWarning fit", "training.saving": "load save",
    "transforms": "checkpoint custom_vjp grad hessian hvp jacobian jvp stop_gradient value_and_grad "
                  "vjp",
    "transforms.gradcheck": "GradCheckError gradcheck gradgradcheck",
}
_ROOM_OF = {name: room for room, names in _LATER.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return import_module(f".{name}", __name__)
    if room := _ROOM_OF.get(name):
        found = globals()[name] = getattr(import_module(f".{room}", __name__), name)
        return found
    if operation := _public(name, globals()):
        return operation
    numpy = hasattr(_np, name) and name[0] != "_"
    makes = numpy and callable(found := getattr(_np, name)) and not isinstance(found, type)
    models = [f"use tg.{room}.{name}" for room in ("nn", "nn.functional", "optim")
              if name[0] != "_" and name in import_module(f".{room}", __name__).__all__]
    inside = ", inside tg.Tensor(...) to make a Tensor"
    raise absent(__name__, name, f"use np.{name}{inside if makes else ''}" if numpy else None, *models)


def __dir__() -> list[str]:
    complete()
    return sorted({*__all__, *_operations})
