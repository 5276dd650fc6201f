"""Layers: modules with parameters, and activations as modules."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.primitive import apply
from ..engine.tensor import Tensor
from ..errors import IndexingError, OptionError, ShapeError, TinygradGdError, describe
from ..ground.checks import check_integer, check_switch
from ..ground.explain import answering
from ..ground.modes import current_mode, get_default_dtype
from ..ops.elementwise import tanh
from ..ops.neural.activations import relu, sigmoid
from ..ops.neural.linear import linear
from . import init
from .losses import shape_of
from .module import Module, Parameter


class Linear(Module):
    """``y = x @ weight.T + bias``, the weight of shape (out_features, in_features).

    >>> import tinygrad_gd as tg
    >>> layer = tg.nn.Linear(3, 2); layer(tg.Tensor([[1.0, 2.0, 3.0]])).shape
    (1, 2)
    """

    @answering
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        for option, value in (("in_features", in_features), ("out_features", out_features)):
            check_integer(f"Linear: {option}", value, 1, wrong_type=OptionError)
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(np.empty((out_features, in_features), get_default_dtype()))
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        self.bias = None
        if check_switch("Linear: bias", bias):
            self.bias = Parameter(np.empty(out_features, get_default_dtype()))
            bound = 1 / math.sqrt(in_features)
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Any) -> Tensor:
        """The affine map of the last axis of ``x``, of length in_features."""
        try:
            if self.bias is None:
                return linear(x, self.weight)
            return apply(linear, (x, self.weight, self.bias))
        except TinygradGdError as error:
            if shape_of(x)[-1:] == (self.in_features,):
                raise
            raise ShapeError(f"Linear: expected the last axis to have {self.in_features} features, "
                             f"got {describe(x)}") from error

    def extra_repr(self) -> str:
        """The sizes."""
        return f"{self.in_features}, {self.out_features}, bias={self.bias is not None}"


class _Activation(Module):
    @answering
    def __init__(self) -> None:
        pass


class ReLU(_Activation):
    """max(x, 0)."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply elementwise."""
        return apply(relu, (x,))


class Tanh(_Activation):
    """The hyperbolic tangent."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply elementwise."""
        return apply(tanh, (x,))


class Sigmoid(_Activation):
    """1 / (1 + exp(-x))."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply elementwise."""
        return apply(sigmoid, (x,))


class Sequential(Module):
    """Modules one after the other.

    >>> import tinygrad_gd as tg
    >>> net = tg.nn.Sequential(tg.nn.Linear(2, 4), tg.nn.Tanh(), tg.nn.Linear(4, 1))
    >>> len(net), [name for name, _ in net.named_parameters()]
    (3, ['0.weight', '0.bias', '2.weight', '2.bias'])
    """

    @answering
    def __init__(self, *layers: Module) -> None:
        for i, layer in enumerate(layers):
            if not isinstance(layer, Module):
                raise OptionError(f"Sequential: expected modules, got {describe(layer)} at {i}; write "
                                  "Sequential(*layers) for a list, tg.nn.ReLU() for a function")
            setattr(self, str(i), layer)
        self._keys = tuple(map(str, range(len(layers))))

    def append(self, module: Module) -> Sequential:
        """Add a module at the end, and return this one."""
        Sequential.__init__(self, *self, module)
        return self

    @property
    def _layers(self) -> list[Module]:
        return [self.__dict__[key] for key in self._keys]

    def forward(self, x: Any) -> Any:
        """Feed ``x`` through all modules in order."""
        attributes, call = self.__dict__, Module.__call__
        mode = current_mode()
        watched = mode.observer is not None or (mode.lockstep is not None and mode.watcher is not None)
        for key in self._keys:
            module = attributes[key]
            x = module(x) if watched or type(module).__call__ is not call else module.forward(x)
        return x

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._layers)

    def __getitem__(self, index: Any) -> Module:
        try:
            found = self._layers[index]
        except (IndexError, TypeError):
            raise IndexingError(f"Sequential: index {index!r} is not one of its {len(self)} modules; "
                                f"they run from 0 to {len(self) - 1}, slices work, too") from None
        return Sequential(*found) if isinstance(index, slice) else found
