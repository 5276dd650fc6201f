"""The step all gradient methods end with: ``p - rate * g``, written straight into ``p``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from ..engine.in_place import write
from ..engine.primitive import primitive
from ..engine.tensor import Tensor
from ..ground.storage import tick

#: Bytes of an array that is updated in blocks, so that ``rate * g`` needs no array of that size.
LARGE_BYTES = 1 << 18
#: Elements of a block, three of which a processor's own cache holds well.
BLOCK_ELEMENTS = 65_536


def _descend(p: Any, rate: Any, g: Any, /, into: Any = None) -> Any:
    if into is None:
        return p - rate * g
    if into is p and into.nbytes > LARGE_BYTES and p.flags.forc and p.strides == g.strides:
        flat, slope = into.reshape(-1, order="A"), g.reshape(-1, order="A")
        scratch = np.empty(BLOCK_ELEMENTS, np.result_type(g, rate))
        for start in range(0, into.size, BLOCK_ELEMENTS):
            part = flat[start : start + BLOCK_ELEMENTS]
            change = np.multiply(rate, slope[start : start + BLOCK_ELEMENTS], scratch[: part.size])
            np.subtract(part, change, part)
        return into
    return np.subtract(p, rate * g, into)


descend_of = primitive(
    _descend, lambda g, out, p, rate, slope, into: g,
    lambda g, out, p, rate, slope, into: -g * slope,
    lambda g, out, p, rate, slope, into: -g * rate, name="descend", elementwise=True,
    internal=True)


def descend(p: Tensor, rate: Any, g: Tensor) -> None:
    """``p -= rate * g`` in one pass over the memory; call it under `no_grad`, p being a leaf."""
    write(descend_of, (p, rate, g), p)


def descend_all(params: list[Tensor], rate: float) -> None:
    """`descend` along the gradient of each parameter that has one, while nobody watches."""
    dtype = scale = None
    for p in params:
        if (g := p._grad) is not None:
            held, slope = p._value, g._value
            if type(held) is ndarray:
                if slope.dtype is not dtype:  # NumPy multiplies by an array in half the time it takes
                    dtype = slope.dtype  # for a Python number, which it would make one each time
                    scale = np.array(rate, dtype)
                if held.nbytes > LARGE_BYTES:
                    _descend(held, scale, slope, held)
                else:
                    held -= scale * slope
                p._seq = tick()
            elif type(new := held - rate * slope) is type(held):
                p._value, p._seq = new, tick()
            else:
                descend(p, rate, g)
