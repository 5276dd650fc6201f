"""The idea of the engine in sixty lines; after them the real one, which computes the same.

Read them before engine/tensor.py, engine/primitive.py, ops/elementwise.py and engine/backward.py.
"""

from heapq import heappop, heappush
from itertools import count

import numpy as np

tick = count().__next__
vjps = {}  # the table: of each primitive, a NumPy function, one derivative rule per argument


class Tensor(np.lib.mixins.NDArrayOperatorsMixin):  # the mixin makes x + y a call of np.add(x, y)
    def __init__(self, data, primitive=None, inputs=()):
        self.data, self.shape = data, np.shape(data)
        self.primitive, self.inputs, self.seq = primitive, inputs, tick()  # how it was made, and when

    def __array_ufunc__(self, ufunc, method, *inputs): return apply(ufunc, inputs)
    def __array_function__(self, function, types, inputs, options): return apply(function, inputs)
    __hash__ = object.__hash__


def apply(primitive, inputs):  # the one door: whatever is computed is recorded here
    values = [x.data if isinstance(x, Tensor) else x for x in inputs]
    return Tensor(primitive(*values), primitive, inputs)


def gradients_of(root):  # the way back, from the youngest Tensor to the oldest
    cotangents, pending = {root: Tensor(np.ones(root.shape))}, [(-root.seq, root)]
    while pending:
        tensor = heappop(pending)[1]  # nothing more can be added to its cotangent
        for i, x in enumerate(tensor.inputs):
            if isinstance(x, Tensor):
                gx = vjps[tensor.primitive][i](cotangents[tensor], tensor, *tensor.inputs)
                if x not in cotangents:
                    heappush(pending, (-x.seq, x))
                cotangents[x] = cotangents.get(x, 0) + apply(unbroadcast, (gx, x.shape))
    return cotangents


def unbroadcast(g, shape):  # the sum over the axes along which an array of this shape was broadcast
    g = np.sum(g, tuple(range(np.ndim(g) - len(shape))))
    return np.sum(g, tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


def primitive(function, *rules): vjps[function] = rules  # g: the loss's gradient by out
primitive(np.add, lambda g, out, x, y: g, lambda g, out, x, y: g)
primitive(np.subtract, lambda g, out, x, y: g, lambda g, out, x, y: -g)
primitive(np.multiply, lambda g, out, x, y: g * y, lambda g, out, x, y: g * x)
primitive(np.divide, lambda g, out, x, y: g / y, lambda g, out, x, y: -g * out / y)
primitive(np.negative, lambda g, out, x: -g)
primitive(np.square, lambda g, out, x: (g + g) * x)
primitive(np.tanh, lambda g, out, x: g * (1 - out * out))
primitive(np.matmul, lambda g, out, x, y: g @ np.transpose(y), lambda g, out, x, y: np.transpose(x) @ g)
primitive(np.transpose, lambda g, out, x: np.transpose(g))
primitive(np.sum, lambda g, out, x: g * np.ones(x.shape))
primitive(unbroadcast, lambda g, out, x, shape: g * np.ones(x.shape))

# -- That is all. A network written in NumPy: on plain arrays, on these Tensors, on the package's.

import tinygrad_gd as tg  # noqa: E402  # not before: the sixty lines need NumPy alone

rng = np.random.default_rng(0)
x, y = rng.standard_normal((20, 3)), rng.standard_normal((20, 1))
start = [rng.standard_normal(shape) for shape in ((3, 8), (8,), (8, 1))] + [2.0]


def loss_of(parameters):
    w, b, v, scale = parameters
    error = (np.tanh(x @ w + b) @ v - y) / scale
    return np.sum(np.square(error)) / len(x)


mine = [Tensor(p) for p in start]
loss = loss_of(mine)
gradients = gradients_of(loss)
real_loss, real_gradients = tg.value_and_grad(loss_of)(start)
assert loss.data == real_loss.item() == loss_of(start)
print(f"the loss, three times: {loss.data:.6f}")
for name, p, real in zip(("w", "b", "v", "scale"), mine, real_gradients, strict=True):
    assert np.allclose(gradients[p].data, real.numpy(), rtol=1e-12)
    print(f"its gradient by {name}, twice, of norm {np.linalg.norm(real):.6f}")

# The rules ran on Tensors, so what they computed was recorded, too, and has a gradient.

def steepness(gradients):
    return sum(np.sum(np.square(g)) for g in gradients)


second = gradients_of(steepness(gradients[p] for p in mine))
for p, real in zip(mine, tg.grad(lambda p: steepness(tg.grad(loss_of)(p)))(start), strict=True):
    assert np.allclose(second[p].data, real.numpy(), rtol=1e-12)
print("and the gradient of the gradient's squared length, twice")
