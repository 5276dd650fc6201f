"""Recurrent layers over all steps of a sequence, each one operation: ``rnn``, ``gru`` and ``lstm``.

They take ``z``, what the inputs contribute to the gates, of shape (steps, batch, gates): a layer
computes that of all steps by one product. What remains inside is one product with ``weight`` a step,
of whose transpose a copy is made: OpenBLAS takes twice as long for small products of matrices that are
both read along rows.

``lstm_tape`` and ``gru_tape`` go along the steps, and keep all that the way back needs. ``lstm`` and
``gru`` take the states out of that tape, which has no derivative itself: it is there so that the rule
need not compute it again, and no cotangent of its size is made. Where the rule will be differentiated
itself it does not look at the tape, and is recorded step by step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...engine.primitive import Primitive, apply, primitive
from ...engine.rules import Once
from ...engine.tensor import Tensor
from ...ground.fast import product
from ..in_rules import in_rule, is_recorded


def _blocks(tape: Any, like: Any, *widths: int) -> list[Any]:
    """The blocks of a tape, (steps, batch, width) in units of the states ``like`` (batch, n).

    A row of the tape is a step, in which blocks lie one after the other, each without gaps.
    """
    (batch, n), found, end = like.shape, [], 0
    for width in widths:
        start, end = end, end + batch * width * n
        found.append(tape[:, start:end].reshape(len(tape), batch, width * n))
    return found


def _parts(x: Any, n: int) -> list[Any]:
    """Views of length ``n`` along the last axis."""
    return [x[..., i : i + n] for i in range(0, x.shape[-1], n)]


def _before(first: Any, states: Any) -> Any:
    """The state that each step started from."""
    return np.concatenate([first[None], states[:-1]])


def _sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), with the bits of the tapes, where one tanh does for all gates."""
    return np.tanh(x * 0.5) * 0.5 + 0.5


def _slope(activation: Any) -> Any:
    """The derivative of a sigmoid that is ``activation``."""
    rest = 1 - activation
    rest *= activation
    return rest


def _steep(activation: Any) -> Any:
    """The derivative of a tanh that is ``activation``."""
    square = activation * activation
    return np.subtract(1, square, out=square) if type(square) is np.ndarray else 1 - square


def _towards_weight(d: Any, before: Any) -> Any:
    d, before = (np.reshape(x, (-1, x.shape[-1])) for x in (d, before))
    return product(d.T, before)


def _along(function: Callable[..., Any]) -> Primitive:
    """A loop over the steps, without a derivative of its own."""
    return primitive(function, atomic=True, internal=True)


# -- lstm --------------------------------------------------------------------------------------------


def _lstm_tape(z: Any, h: Any, c: Any, weight: Any, /) -> Any:
    (steps, batch, width), n = z.shape, h.shape[1]
    tape = np.empty((steps, 6 * h.size), z.dtype)
    turned = weight.T.copy()
    scale = np.full((batch, width), 0.5, z.dtype)  # of `_sigmoid`, but for the third gate
    scale[:, 2 * n : 3 * n] = 1
    shift = 1 - scale
    for gates, cell, state, zt in zip(*_blocks(tape, h, 4, 1, 1), z, strict=True):
        np.add(h.dot(turned), zt, out=gates)
        gates *= scale
        np.tanh(gates, out=gates)
        gates *= scale
        gates += shift
        i, f, new, o = _parts(gates, n)
        np.multiply(f, c, out=cell)
        cell += i * new
        np.tanh(cell, out=state)
        state *= o
        h, c = state, cell
    return tape


def _lstm(z: Any, h: Any, c: Any, weight: Any, tape: Any, /) -> Any:
    _, cells, states = _blocks(tape, h, 4, 1, 1)
    return np.concatenate([states, cells[-1:]])


def _lstm_factors(gates: Any, cells: Any, c: Any) -> tuple[Any, ...]:
    """What the steps back multiply by: towards gates by way of the cell, the fourth, and the cell."""
    (steps, batch, _), n = gates.shape, c.shape[1]
    i, f, new, o = _parts(gates, n)
    inner = np.empty((steps, batch, 3, n), gates.dtype)
    np.multiply(_slope(i), new, out=inner[:, :, 0])
    np.multiply(_slope(f), _before(c, cells), out=inner[:, :, 1])
    np.multiply(_steep(new), i, out=inner[:, :, 2])
    squashed, outer = np.tanh(cells), _slope(o)
    outer *= squashed
    to_cell = _steep(squashed)
    to_cell *= o
    return inner, outer, to_cell, f


def _lstm_back(g: Any, h: Any, c: Any, weight: Any, tape: Any, /) -> Any:
    gates, cells, _ = _blocks(tape, h, 4, 1, 1)
    inner, outer, to_cell, f = _lstm_factors(gates, cells, c)
    (batch, n), steps = h.shape, len(f)
    found = np.zeros((steps + 1, batch, 4 * n), tape.dtype)
    through = found[:-1, :, : 3 * n].reshape(steps, batch, 3, n)
    dh, dc = np.zeros_like(h), g[-1].copy()
    for t in reversed(range(steps)):
        dh = dh + g[t]
        dc += dh * to_cell[t]
        np.multiply(inner[t], dc[:, None], out=through[t])
        np.multiply(outer[t], dh, out=found[t, :, 3 * n :])
        dc *= f[t]
        dh = found[t].dot(weight)
    found[-1, :, :n], found[-1, :, n : 2 * n] = dh, dc
    return found


def _lstm_back_recorded(g: Any, out: Any, z: Any, h: Any, c: Any, weight: Any) -> Any:
    (batch, n), cell, cells, found = h.shape, c, [], []
    i, f, new, o = _parts(z + _before(h, out[:-1]) @ weight.T, n)
    i, f, new, o = _sigmoid(i), _sigmoid(f), np.tanh(new), _sigmoid(o)
    for t in range(len(z)):
        cell = f[t] * cell + i[t] * new[t]
        cells.append(cell)
    all_cells = np.stack(cells)
    squashed = np.tanh(all_cells)
    inner = np.stack([_slope(i) * new, _slope(f) * _before(c, all_cells), _steep(new) * i], axis=2)
    outer, to_cell = _slope(o) * squashed, _steep(squashed) * o
    dh, dc = np.zeros_like(h), g[-1]
    for t in reversed(range(len(z))):
        dh = dh + g[t]
        dc = dc + dh * to_cell[t]
        three = np.reshape(inner[t] * np.expand_dims(dc, 1), (batch, 3 * n))
        found.append(np.concatenate([three, outer[t] * dh], axis=1))
        dc, dh = dc * f[t], found[-1] @ weight
    last = np.concatenate([dh, dc, np.zeros((batch, 2 * n), h.dtype)], axis=1)
    return np.stack([*found[::-1], last])


def _lstm_rule(g: Any, out: Any, z: Any, h: Any, c: Any, weight: Any,
               tape: Any) -> Callable[[int], Any]:
    d = (_lstm_back_recorded(g, out, z, h, c, weight) if is_recorded(g, z, h, c, weight)
         else _lstm_back_in_rule(g, h, c, weight, tape))
    n = h.shape[1]

    def towards(position: int) -> Any:
        if position in (1, 2):
            return d[-1, :, (position - 1) * n : position * n]
        return _towards_weight(d[:-1], _before(h, out[:-1])) if position else d[:-1]

    return towards


lstm_tape = _along(_lstm_tape)
lstm = primitive(_lstm, Once(_lstm_rule), analytic=False, atomic=True, internal=True)
_lstm_back_in_rule = in_rule(_along(_lstm_back))


def lstm_states(z: Any, h: Any, c: Any, weight: Any) -> Tensor:
    """The states behind each step, and as one more row the last cell: (steps + 1, batch, n).

    ``weight`` has rows for the gates i, f, g and o: ``c = f * c + i * g``, ``h = o * tanh(c)``.
    """
    return apply(lstm, (z, h, c, weight, apply(lstm_tape, (z, h, c, weight))))


# -- gru ---------------------------------------------------------------------------------------------


def _gru_tape(z: Any, h: Any, weight: Any, bias: Any, /) -> Any:
    steps, n = len(z), h.shape[1]
    tape = np.empty((steps, 5 * h.size), z.dtype)
    turned = weight.T.copy()
    for gates, inner, state, zt in zip(*_blocks(tape, h, 3, 1, 1), z, strict=True):
        own = h.dot(turned)
        own += bias
        both, new = gates[:, : 2 * n], gates[:, 2 * n :]
        np.add(own[:, : 2 * n], zt[:, : 2 * n], out=both)
        both *= 0.5  # as in `_sigmoid`
        np.tanh(both, out=both)
        both *= 0.5
        both += 0.5
        inner[...] = own[:, 2 * n :]
        np.multiply(both[:, :n], inner, out=new)
        new += zt[:, 2 * n :]
        np.tanh(new, out=new)
        np.subtract(h, new, out=state)
        state *= both[:, n:]
        state += new
        h = state
    return tape


def _gru(z: Any, h: Any, weight: Any, bias: Any, tape: Any, /) -> Any:
    return _blocks(tape, h, 3, 1, 1)[2].copy()


def _gru_factors(r: Any, u: Any, new: Any, inner: Any, before: Any) -> tuple[Any, Any, Any]:
    """What the steps back multiply by: towards new, reset and update."""
    return _steep(new) * (1 - u), _slope(r) * inner, _slope(u) * (before - new)


def _gru_back(g: Any, h: Any, weight: Any, tape: Any, /) -> Any:
    gates, hidden, states = _blocks(tape, h, 3, 1, 1)
    (batch, n), dh = h.shape, np.zeros_like(h)
    r, u, new = _parts(gates, n)
    to_new, to_reset, to_update = _gru_factors(r, u, new, hidden, _before(h, states))
    found = np.zeros((len(r) + 1, batch, 4 * n), tape.dtype)
    for t in reversed(range(len(r))):
        reset, update, inner, outer = _parts(found[t], n)
        dh += g[t]
        np.multiply(to_new[t], dh, out=outer)
        np.multiply(to_reset[t], outer, out=reset)
        np.multiply(to_update[t], dh, out=update)
        np.multiply(r[t], outer, out=inner)
        dh *= u[t]
        dh += found[t, :, : 3 * n].dot(weight)
    found[-1, :, :n] = dh
    return found


def _gru_back_recorded(g: Any, out: Any, z: Any, h: Any, weight: Any, bias: Any) -> Any:
    (batch, n), before, found = h.shape, _before(h, out), []
    (zr, zu, zn), (ur, uu, hidden) = _parts(z, n), _parts(before @ weight.T + bias, n)
    r, u = _sigmoid(zr + ur), _sigmoid(zu + uu)
    new = np.tanh(zn + r * hidden)
    to_new, to_reset, to_update = _gru_factors(r, u, new, hidden, before)
    dh = np.zeros_like(h)
    for t in reversed(range(len(z))):
        dh = dh + g[t]
        outer = to_new[t] * dh
        d = np.concatenate([to_reset[t] * outer, to_update[t] * dh, r[t] * outer], axis=1)
        dh = dh * u[t] + d @ weight
        found.append(np.concatenate([d, outer], axis=1))
    last = np.concatenate([dh, np.zeros((batch, 3 * n), h.dtype)], axis=1)
    return np.stack([*found[::-1], last])


def _gru_rule(g: Any, out: Any, z: Any, h: Any, weight: Any, bias: Any,
              tape: Any) -> Callable[[int], Any]:
    d = (_gru_back_recorded(g, out, z, h, weight, bias) if is_recorded(g, z, h, weight, bias)
         else _gru_back_in_rule(g, h, weight, tape))
    n = h.shape[1]
    own = d[:-1, :, : 3 * n]

    def towards(position: int) -> Any:
        if position == 0:
            return np.concatenate([own[..., : 2 * n], d[:-1, :, 3 * n :]], axis=2)
        if position == 1:
            return d[-1, :, :n]
        return _towards_weight(own, _before(h, out)) if position == 2 else np.sum(own, axis=(0, 1))

    return towards


gru_tape = _along(_gru_tape)
gru = primitive(_gru, Once(_gru_rule), analytic=False, atomic=True, internal=True)
_gru_back_in_rule = in_rule(_along(_gru_back))


def gru_states(z: Any, h: Any, weight: Any, bias: Any) -> Tensor:
    """The states behind each step: (steps, batch, n); rows of ``weight`` are for r, u and new."""
    return apply(gru, (z, h, weight, bias, apply(gru_tape, (z, h, weight, bias))))


# -- rnn ---------------------------------------------------------------------------------------------


def _rnn(z: Any, h: Any, weight: Any, /, nonlinearity: str) -> Any:
    out, turned = np.empty((len(z), *h.shape), z.dtype), weight.T.copy()
    for state, zt in zip(out, z, strict=True):
        np.add(h.dot(turned), zt, out=state)
        if nonlinearity == "tanh":
            np.tanh(state, out=state)
        else:
            np.maximum(state, 0, out=state)
        h = state
    return out


def _rnn_slope(out: Any, nonlinearity: str) -> Any:
    return _steep(out) if nonlinearity == "tanh" else (out > 0).astype(out.dtype)


def _rnn_back(g: Any, out: Any, h: Any, weight: Any, /, nonlinearity: str) -> Any:
    slope, dh = _rnn_slope(out, nonlinearity), np.zeros_like(h)
    found = np.empty((len(out) + 1, *h.shape), out.dtype)
    for t in reversed(range(len(out))):
        np.add(dh, g[t], out=found[t])
        found[t] *= slope[t]
        dh = found[t].dot(weight)
    found[-1] = dh
    return found


def _rnn_back_recorded(g: Any, out: Any, h: Any, weight: Any, nonlinearity: str) -> Any:
    slope, dh, found = _rnn_slope(out, nonlinearity), np.zeros_like(h), []
    for t in reversed(range(len(out))):
        found.append((dh + g[t]) * slope[t])
        dh = found[-1] @ weight
    return np.stack([*found[::-1], dh])


def _rnn_rule(g: Any, out: Any, z: Any, h: Any, weight: Any,
              nonlinearity: str) -> Callable[[int], Any]:
    back = _rnn_back_recorded if is_recorded(g, out, h, weight) else _rnn_back_in_rule
    d = back(g, out, h, weight, nonlinearity=nonlinearity)
    return lambda position: (d[:-1] if position == 0 else d[-1] if position == 1
                             else _towards_weight(d[:-1], _before(h, out)))


rnn = primitive(_rnn, Once(_rnn_rule), analytic=False, atomic=True, internal=True)
_rnn_back_in_rule = in_rule(_along(_rnn_back))


def rnn_states(z: Any, h: Any, weight: Any, nonlinearity: str) -> Tensor:
    """The states behind each step, ``h = nonlinearity(z + weight @ h)``: (steps, batch, n)."""
    return apply(rnn, (z, h, weight), {"nonlinearity": nonlinearity})
