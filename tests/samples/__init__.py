"""Sample rows: at least one per differentiable primitive, shared by every table-driven test.

Each file here has a list ``ROWS`` of `Sample`; every file is collected by itself. A row says how to
call one primitive in NumPy's words, so that the same call runs on arrays, on Tensors and (with
``np`` replaced) in HIPS autograd::

    ROWS = [
        Sample("exp", np.exp, (normal(2, 3),), torch=torch_("exp")),
        Sample("sum", lambda x: np.sum(x, axis=-1), (normal(2, 3),), "axis=-1",
               torch=lambda x: x.sum(-1)),
        Sample("softplus", lambda x: tg.softplus(x), (normal(5),)),      # NumPy has no such function
    ]

Choose few (at most about 12) entries per input, away from kinks and poles. Elementwise rows get
their 0-d, empty, broadcast, scalar and mixed-dtype variants derived; all rows are repeated in
float32, Fortran order and with strides. Other variants (negative axis, empty) are rows of their own.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

import tinygrad_gd as tg


class Sample(NamedTuple):
    """One call of one primitive.

    Attributes
    ----------
    name : the primitive's public name.
    call : takes the inputs (arrays or Tensors) and returns the result; `np` in it is a global name.
    inputs : the float64 arrays that are differentiated; constants belong into the call.
    label : tells rows of the same primitive apart.
    torch : the same call on PyTorch tensors, or None where PyTorch has no such function.
    smooth : False where the derivative's own derivative cannot be checked (order 2 is skipped).
    autograd : False where HIPS autograd itself is wrong, as central differences show.
    """

    name: str
    call: Callable[..., Any]
    inputs: tuple[Any, ...]
    label: str = ""
    torch: Callable[..., Any] | None = None
    smooth: bool = True
    autograd: bool = True

    def __str__(self) -> str:
        return f"{self.name}-{self.label}" if self.label else self.name


def normal(*shape: int, seed: int = 0) -> Any:
    """Seeded standard normal values."""
    return np.asarray(np.random.default_rng(seed).standard_normal(shape))


def positive(*shape: int, seed: int = 0) -> Any:
    """Seeded values between 0.5 and 2.5."""
    return np.asarray(np.random.default_rng(seed).uniform(0.5, 2.5, shape))


def named(name: str) -> Callable[..., Any]:
    """NumPy's function of that name; ours, where this NumPy has none yet, or no longer."""
    function: Callable[..., Any] = getattr(np, name, None) or getattr(tg, name)
    return function


def torch_(path: str) -> Callable[..., Any]:
    """PyTorch's function of that name, imported when it is called: ``torch_("special.erf")``."""

    def call(*args: Any, **options: Any) -> Any:
        import torch

        function: Any = torch
        for name in path.split("."):
            function = getattr(function, name)
        return function(*args, **options)

    return call


def all_samples() -> list[Sample]:
    """The rows of every module in this package."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [row for name in names for row in import_module(f"{__name__}.{name}").ROWS]
