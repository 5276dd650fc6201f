"""Recurrent layers, as in PyTorch: `RNN`, `GRU` and `LSTM` over sequences, their cells for one step.

A layer projects the inputs of all steps by one product; `ops.neural.recurrent` goes along the steps.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import OptionError, ShapeError, describe
from ..ground.checks import check_integer, check_probability, check_switch
from ..ground.explain import answering
from ..ground.modes import get_default_dtype
from ..ops.neural import recurrent
from ..ops.neural.linear import linear
from ..ops.random import dropout as drop
from ..ops.shape import concatenate, stack
from ..ops.signatures import as_tensor
from . import init
from .module import Module
from .parameter import Parameter

_PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
States = tuple[Tensor, ...]


class _Recurrent(Module):
    """What layers and cells share: their parameters, and one run along the steps."""

    gates: int  #: rows of a weight, in units of the state
    states: tuple[str, ...] = ("h",)
    input_size: int
    hidden_size: int
    nonlinearity: str
    bias: bool
    dropout: float

    def _check_sizes(self, input_size: int, hidden_size: int, bias: bool) -> None:
        name = type(self).__name__
        self.input_size = check_integer(f"{name}: input_size", input_size, 1, wrong_type=OptionError)
        self.hidden_size = check_integer(f"{name}: hidden_size", hidden_size, 1, wrong_type=OptionError)
        self.bias = check_switch(f"{name}: bias", bias)

    def _check_nonlinearity(self, nonlinearity: str) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise OptionError(f"{type(self).__name__}: nonlinearity is 'tanh' or 'relu', got "
                              f"{nonlinearity!r}")
        self.nonlinearity = nonlinearity

    def _make_parameters(self, inputs: int, suffix: str = "") -> None:
        """Parameters for inputs of a width, whose values are still to be drawn."""
        rows = self.gates * self.hidden_size
        shapes = ((rows, inputs), (rows, self.hidden_size), (rows,), (rows,))
        for name, shape in zip(_PARAMETERS, shapes, strict=True):
            parameter = None
            if self.bias or name.startswith("weight"):
                parameter = Parameter(np.empty(shape, get_default_dtype()))
            setattr(self, name + suffix, parameter)

    def reset_parameters(self) -> None:
        """Draw first values again, from U(-b, b) with b = 1 / sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _sequence(self, x: Any, least: int) -> Any:
        """The input as a Tensor with ``least`` axes or, of a batch, one more."""
        x = as_tensor(type(self).__name__, x)
        if x.ndim not in (least, least + 1) or x.shape[-1] != self.input_size or not len(x):
            steps = "steps, " * (least - 1)
            raise ShapeError(f"{type(self).__name__}: expected an input ({steps}{self.input_size}), or "
                             f"a batch of them, with at least one step, got {describe(x)}")
        return x

    def _given(self, hx: Any, shape: tuple[int, ...], dtype: Any) -> list[Tensor] | None:
        """The initial states, of a shape, if they are given."""
        name, count = type(self).__name__, len(self.states)
        if hx is None:
            return None
        if count > 1 and not (isinstance(hx, tuple | list) and len(hx) == count):
            raise OptionError(f"{name}: the initial state is a pair (h, c), got {describe(hx)}; write "
                              f"{name}(...)(x, (h, c))")
        tensors = []
        for letter, state in zip(self.states, [hx] if count == 1 else hx, strict=True):
            state = as_tensor(name, state)
            if state.shape != shape:
                raise ShapeError(f"{name}: expected an initial state {letter} of shape {shape}, got "
                                 f"{describe(state)}; leave it out to start from zeros")
            tensors.append(state if state.dtype == dtype else state.astype(dtype))
        return tensors

    def _zeros(self, batch: int, dtype: Any) -> list[Tensor]:
        return [Tensor(np.zeros((batch, self.hidden_size), dtype))] * len(self.states)

    def _along(self, x: Tensor, first: list[Tensor], suffix: str, back: bool) -> tuple[Tensor, States]:
        """The states h behind all steps of inputs (steps, batch, width), and all behind the last."""
        raise NotImplementedError

    def _project(self, x: Tensor, suffix: str, back: bool, bias: Any) -> Tensor:
        """What the inputs of all steps contribute to the gates; from the last step on with ``back``."""
        weight = getattr(self, "weight_ih" + suffix)
        z = linear(x, weight, bias)
        return z[::-1] if back else z

    def _both_biases(self, suffix: str) -> Any:
        if not self.bias:
            return None
        return getattr(self, "bias_ih" + suffix) + getattr(self, "bias_hh" + suffix)


class _Plain(_Recurrent):
    gates = 1

    def _along(self, x: Tensor, first: list[Tensor], suffix: str, back: bool) -> tuple[Tensor, States]:
        z, (h,) = self._project(x, suffix, back, self._both_biases(suffix)), first
        out = recurrent.rnn_states(z, h, getattr(self, "weight_hh" + suffix), self.nonlinearity)
        return out, (out[-1],)


class _Gated(_Recurrent):
    gates = 3

    def _along(self, x: Tensor, first: list[Tensor], suffix: str, back: bool) -> tuple[Tensor, States]:
        z, (h,) = self._project(x, suffix, back, getattr(self, "bias_ih" + suffix)), first
        weight = getattr(self, "weight_hh" + suffix)
        bias = getattr(self, "bias_hh" + suffix) if self.bias else np.zeros(len(weight), z.dtype)
        out = recurrent.gru_states(z, h, weight, bias)
        return out, (out[-1],)


class _LongShort(_Recurrent):
    gates, states = 4, ("h", "c")

    def _along(self, x: Tensor, first: list[Tensor], suffix: str, back: bool) -> tuple[Tensor, States]:
        z, (h, c) = self._project(x, suffix, back, self._both_biases(suffix)), first
        out = recurrent.lstm_states(z, h, c, getattr(self, "weight_hh" + suffix))
        return out[:-1], (out[-2], out[-1])


class _Layer(_Recurrent):
    """Layers one above the other, in one or both directions."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int, bias: bool,
                 batch_first: bool, dropout: float, bidirectional: bool) -> None:
        name = type(self).__name__
        self._check_sizes(input_size, hidden_size, bias)
        self.num_layers = check_integer(f"{name}: num_layers", num_layers, 1, wrong_type=OptionError)
        self.batch_first = check_switch(f"{name}: batch_first", batch_first)
        self.bidirectional = check_switch(f"{name}: bidirectional", bidirectional)
        self.dropout = check_probability(f"{name}: dropout", dropout)
        if dropout and num_layers == 1:
            warnings.warn(f"{name}: dropout={dropout} stands between layers, and num_layers=1 has "
                          "nothing between; use tg.dropout behind it", stacklevel=4)
        for layer in range(num_layers):
            inputs = hidden_size * (1 + bidirectional) if layer else input_size
            for suffix in self._directions(layer):
                self._make_parameters(inputs, suffix)
        self.reset_parameters()

    def _directions(self, layer: int) -> list[str]:
        return [f"_l{layer}{end}" for end in ("", "_reverse")[: 1 + self.bidirectional]]

    def forward(self, x: Any, hx: Any = None) -> Any:
        """The states of the last layer at all steps, and the last state of each layer."""
        x = self._sequence(x, 2)
        single, dtype = x.ndim == 2, np.result_type(x.dtype, vars(self)["weight_ih_l0"].dtype)
        count = self.num_layers * (1 + self.bidirectional)
        if not single:
            x = x.swapaxes(0, 1) if self.batch_first else x
        batch = () if single else (x.shape[1],)
        given = self._given(hx, (count, *batch, self.hidden_size), dtype)
        if single:
            x, given = x[:, None], given and [state[:, None] for state in given]
        out, last = self._through(x, given, dtype)
        states = [stack(each) for each in zip(*last, strict=True)]
        if single:
            out, states = out[:, 0], [state[:, 0] for state in states]
        elif self.batch_first:
            out = out.swapaxes(0, 1)
        return out, states[0] if len(states) == 1 else tuple(states)

    def _through(self, x: Tensor, given: list[Tensor] | None,
                 dtype: Any) -> tuple[Tensor, list[States]]:
        """The result of the last layer, and the last states of all layers and directions."""
        last: list[States] = []
        zeros = [] if given else self._zeros(x.shape[1], dtype)
        for layer in range(self.num_layers):
            results = []
            for suffix in self._directions(layer):
                back = suffix.endswith("reverse")
                first = [state[len(last)] for state in given] if given else zeros
                result, states = self._along(x, first, suffix, back)
                last.append(states)
                results.append(result[::-1] if back else result)
            x = concatenate(results, axis=-1) if self.bidirectional else results[0]
            if self.dropout and self.training and layer + 1 < self.num_layers:
                x = drop(x, self.dropout)
        return x, last

    def extra_repr(self) -> str:
        """The sizes, and what is not as usual."""
        usual = {"nonlinearity": "tanh", "num_layers": 1, "bias": True, "batch_first": False,
                 "dropout": 0.0, "bidirectional": False}
        options = [f"{k}={vars(self)[k]!r}" for k, v in usual.items() if vars(self).get(k, v) != v]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *options])


class RNN(_Plain, _Layer):
    """``h = tanh(W_ih x + b_ih + W_hh h + b_hh)``, or relu, over the steps of sequences (Elman, 1990).

    The input is (steps, batch, input_size), with ``batch_first`` (batch, steps, input_size), or one
    sequence (steps, input_size). The result is a pair: the last layer's states, of width hidden_size,
    or twice that if ``bidirectional``, and the last states of all layers (layers, batch, hidden_size).

    >>> import numpy as np, tinygrad_gd as tg
    >>> out, last = tg.nn.RNN(3, 4, num_layers=2)(np.ones((5, 2, 3)))
    >>> out.shape, last.shape
    ((5, 2, 4), (2, 2, 4))
    """

    @answering
    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1,
                 nonlinearity: str = "tanh", bias: bool = True, batch_first: bool = False,
                 dropout: float = 0.0, bidirectional: bool = False) -> None:
        self._check_nonlinearity(nonlinearity)
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout,
                         bidirectional)


class GRU(_Gated, _Layer):
    """Gated recurrent units (Cho et al., 2014) over the steps of sequences; shapes as for `RNN`.

    ``r, u = sigmoid(W x + b + W' h + b')``, ``n = tanh(W x + b + r * (W' h + b'))``,
    ``h = (1 - u) * n + u * h``; the rows of a weight are those of r, u and n.

    >>> import numpy as np, tinygrad_gd as tg
    >>> out, last = tg.nn.GRU(3, 4, bidirectional=True)(np.ones((5, 2, 3)))
    >>> out.shape, last.shape
    ((5, 2, 8), (2, 2, 4))
    """

    @answering
    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False) -> None:
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout,
                         bidirectional)


class LSTM(_LongShort, _Layer):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997); shapes as for `RNN`.

    ``i, f, o = sigmoid(W x + b + W' h + b')``, ``g = tanh(W x + b + W' h + b')``,
    ``c = f * c + i * g``, ``h = o * tanh(c)``; the rows of a weight are those of i, f, g and o. The
    initial and the last states are pairs (h, c).

    >>> import numpy as np, tinygrad_gd as tg
    >>> out, (h, c) = tg.nn.LSTM(3, 4, batch_first=True)(np.ones((2, 5, 3)))
    >>> out.shape, h.shape, c.shape
    ((2, 5, 4), (1, 2, 4), (1, 2, 4))
    """

    @answering
    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False) -> None:
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout,
                         bidirectional)


class _Cell(_Recurrent):
    def forward(self, x: Any, hx: Any = None) -> Any:
        """The state after one step, from ``hx`` or, without it, from zeros."""
        x = self._sequence(x, 1)
        dtype = np.result_type(x.dtype, vars(self)["weight_ih"].dtype)
        given = self._given(hx, (*x.shape[:-1], self.hidden_size), dtype)
        single = x.ndim == 1
        if single:
            x, given = x[None], given and [state[None] for state in given]
        _, states = self._along(x[None], given or self._zeros(len(x), dtype), "", False)
        if single:
            states = tuple(state[0] for state in states)
        return states[0] if len(states) == 1 else states

    def extra_repr(self) -> str:
        """The sizes, and what is not as usual."""
        options = ["bias=False"] * (not self.bias)
        if vars(self).get("nonlinearity", "tanh") != "tanh":
            options.append(f"nonlinearity={self.nonlinearity!r}")
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *options])


class RNNCell(_Plain, _Cell):
    """One step of an `RNN`: (batch, input_size) and a state (batch, hidden_size) give the next.

    >>> import numpy as np, tinygrad_gd as tg
    >>> tg.nn.RNNCell(3, 4)(np.ones((2, 3))).shape
    (2, 4)
    """

    @answering
    def __init__(self, input_size: int, hidden_size: int, bias: bool = True,
                 nonlinearity: str = "tanh") -> None:
        self._check_nonlinearity(nonlinearity)
        self._check_sizes(input_size, hidden_size, bias)
        self._make_parameters(input_size)
        self.reset_parameters()


class GRUCell(_Gated, _Cell):
    """One step of a `GRU`; shapes as for `RNNCell`."""

    @answering
    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        self._check_sizes(input_size, hidden_size, bias)
        self._make_parameters(input_size)
        self.reset_parameters()


class LSTMCell(_LongShort, _Cell):
    """One step of an `LSTM`: the states before and after it are pairs (h, c).

    >>> import numpy as np, tinygrad_gd as tg
    >>> h, c = tg.nn.LSTMCell(3, 4)(np.ones((2, 3)))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """

    @answering
    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        self._check_sizes(input_size, hidden_size, bias)
        self._make_parameters(input_size)
        self.reset_parameters()
