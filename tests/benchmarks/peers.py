"""The same training steps in each library, written as its own documentation would write them.

A peer is a class: making it imports the library (a missing one raises ImportError), and each method
takes a `Workload` and returns its step, a function that computes the loss and its gradients, updates
the parameters by gradient descent and returns the loss as a Python float. A method that is not
there means that the library does not take part in that workload.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .workloads import Workload

Step = Callable[[], float]


class Ours:
    """Eager tinygrad_gd; a compiled row needs only a `finish` of its own."""

    label = "tinygrad_gd"

    def __init__(self) -> None:
        import tinygrad_gd

        self.tg = tinygrad_gd
        self.version = tinygrad_gd.__version__

    def finish(self, step: Callable[[], Any]) -> Step:
        return lambda: step().item()

    def parameters(self, work: Workload) -> list[Any]:
        return [self.tg.Tensor(p, requires_grad=True) for p in work.params]

    def train(self, params: Any, lr: float, loss_of: Callable[[], Any], kind: str = "SGD") -> Step:
        optimizer = getattr(self.tg.optim, kind)(params, lr=lr)

        def step() -> Any:
            optimizer.zero_grad()
            loss = loss_of()
            loss.backward()
            optimizer.step()
            return loss

        return self.finish(step)

    def line(self, work: Workload) -> Step:
        x, y = self.tg.Tensor(work.x), self.tg.Tensor(work.y)
        w, b = self.parameters(work)
        return self.train([w, b], work.lr, lambda: ((w * x + b - y) ** 2).mean())

    def mlp(self, work: Workload, kind: str = "SGD") -> Step:
        tg, nn = self.tg, self.tg.nn
        layers: list[Any] = []
        for weight, bias in zip(work.params[::2], work.params[1::2], strict=True):
            linear = nn.Linear(*weight.shape[::-1])
            linear.weight, linear.bias = nn.Parameter(weight), nn.Parameter(bias)
            layers += [linear, nn.ReLU()]
        model = nn.Sequential(*layers[:-1])
        criterion = nn.MSELoss() if work.loss == "mse" else nn.CrossEntropyLoss()
        x, y = tg.Tensor(work.x), tg.Tensor(work.y)
        return self.train(model.parameters(), work.lr, lambda: criterion(model(x), y), kind)

    def adam(self, work: Workload) -> Step:
        return self.mlp(work, "Adam")

    def cnn(self, work: Workload) -> Step:
        tg, nn = self.tg, self.tg.nn
        a, b, classes = (work.params[i].shape[0] for i in (0, 2, 4))
        model, criterion = self.loaded(lambda: nn.Sequential(
            nn.Conv2d(1, a, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(4 * b, classes)), work), nn.CrossEntropyLoss()
        x, y = tg.Tensor(work.x), tg.Tensor(work.y)
        return self.train(model.parameters(), work.lr, lambda: criterion(model(x), y))

    def vae(self, work: Workload) -> Step:
        tg, nn, F = self.tg, self.tg.nn, self.tg.nn.functional
        (hidden, pixels), latent = work.params[0].shape, work.y.shape[1]

        class Network(nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                self.encoder = nn.Sequential(nn.Linear(pixels, hidden), nn.Tanh(), nn.Linear(hidden, 2 * latent))
                self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.Tanh(), nn.Linear(hidden, pixels))

            def forward(self, x: Any, noise: Any) -> Any:
                code = self.encoder(x)
                mean, log_var = code[:, :latent], code[:, latent:]
                logits = self.decoder(mean + tg.exp(0.5 * log_var) * noise)
                likelihood = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
                return (likelihood - 0.5 * (1 + log_var - mean**2 - tg.exp(log_var)).sum()) / len(x)

        model = self.loaded(Network, work)
        x, noise = tg.Tensor(work.x), tg.Tensor(work.y)
        return self.train(model.parameters(), work.lr, lambda: model(x, noise))

    def loaded(self, make: Callable[[], Any], work: Workload) -> Any:
        with self.tg.default_dtype(np.float32):
            model = make()
        model.load_state_dict(dict(zip(model.state_dict(), work.params, strict=True)))
        return model

    def lstm(self, work: Workload) -> Step:
        tg, nn = self.tg, self.tg.nn

        class Network(nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                self.lstm = nn.LSTM(work.x.shape[2], work.params[1].shape[1], batch_first=True)
                self.head = nn.Linear(work.params[1].shape[1], 10)

            def forward(self, x: Any) -> Any:
                states, _ = self.lstm(x)
                return self.head(states[:, -1])

        model, criterion = self.loaded(Network, work), nn.CrossEntropyLoss()
        x, y = tg.Tensor(work.x), tg.Tensor(work.y)
        return self.train(model.parameters(), work.lr, lambda: criterion(model(x), y))

    def gpt(self, work: Workload) -> Step:
        tg, nn = self.tg, self.tg.nn
        (characters, width), length = work.params[0].shape, work.x.shape[1]

        class Network(nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                self.tokens, self.places = nn.Embedding(characters, width), nn.Embedding(length, width)
                layer = nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0.0, batch_first=True, norm_first=True)
                self.blocks = nn.TransformerEncoder(layer, len(work.params) // 12, norm=nn.LayerNorm(width))
                self.head = nn.Linear(width, characters)

            def forward(self, x: Any) -> Any:
                h = self.tokens(x) + self.places(np.arange(length))
                return self.head(self.blocks(h, is_causal=True))

        model, criterion = self.loaded(Network, work), nn.CrossEntropyLoss()
        x, y = tg.Tensor(work.x), tg.Tensor(work.y.reshape(-1))
        return self.train(model.parameters(), work.lr, lambda: criterion(model(x).reshape(-1, characters), y))

    def scalars(self, work: Workload) -> Step:
        layers, params = scalar_network(partial(self.tg.Tensor, requires_grad=True), work)
        x, y = scalar_batch(self.tg.Tensor, work)
        return self.train(params, work.lr, lambda: max_margin(layers, params, x, y))

    def chain(self, work: Workload) -> Step:
        x, (w,) = self.tg.Tensor(work.x), self.parameters(work)

        def loss_of() -> Any:
            h = w
            for _ in range(10):
                h = self.tg.tanh(h * 0.9 + x)
            return h.mean()

        return self.train([w], work.lr, loss_of)


class Compiled(Ours):
    """The same steps behind `compile`, in lockstep."""

    label, frozen = "compiled", False

    def finish(self, step: Callable[[], Any]) -> Step:
        compiled = self.tg.compile(step, strict=True, frozen=self.frozen)
        return lambda: compiled().item()


class Frozen(Compiled):
    """The same without Python."""

    label, frozen = "frozen", True


class NumPy:
    """Forward and backward as a person writes them, with in-place updates of the parameters."""

    label, version = "NumPy by hand", np.__version__

    def line(self, work: Workload) -> Step:
        x, y, lr = work.x, work.y, work.lr
        w, b = work.params

        def step() -> float:
            nonlocal w, b
            error = w * x + b - y
            loss = np.mean(error**2)
            w = w - lr * np.mean(2 * error * x)
            b = b - lr * np.mean(2 * error)
            return float(loss)

        return step

    def mlp(self, work: Workload) -> Step:
        x, y, lr = work.x, work.y, work.lr
        params = [np.array(p.T, order="C") for p in work.params]  # weights as (in, out): x @ w
        layers = list(zip(params[::2], params[1::2], strict=True))
        rows = np.arange(len(x))

        def loss_and_cotangent(h: Any) -> tuple[Any, Any]:
            if work.loss == "mse":
                error = h - y
                return np.mean(error**2), error * (2 / error.size)
            h = h - h.max(axis=1, keepdims=True)
            g = np.exp(h)
            total = g.sum(axis=1, keepdims=True)
            loss = np.mean(np.log(total[:, 0]) - h[rows, y])
            g /= total
            g[rows, y] -= 1
            g /= len(y)
            return loss, g

        def step() -> float:
            h, inputs = x, []
            for i, (w, b) in enumerate(layers):
                inputs.append(h)
                h = h @ w + b
                if i < len(layers) - 1:
                    h = np.maximum(h, 0)
            loss, g = loss_and_cotangent(h)
            for (w, b), h in zip(reversed(layers), reversed(inputs), strict=True):
                dw, db = h.T @ g, g.sum(axis=0)
                if h is not x:
                    g = (g @ w.T) * (h > 0)
                w -= lr * dw
                b -= lr * db
            return float(loss)

        return step

    def chain(self, work: Workload) -> Step:
        x, w = work.x, work.params[0].copy()

        def step() -> float:
            h, outs = w, []
            for _ in range(10):
                h = np.tanh(h * 0.9 + x)
                outs.append(h)
            loss = h.mean()
            g = np.full_like(h, 1 / h.size)
            for h in reversed(outs):
                g = g * (1 - h * h) * 0.9
            np.subtract(w, work.lr * g, out=w)
            return float(loss)

        return step


class PyTorch:
    label = "PyTorch"

    def __init__(self) -> None:
        import torch

        self.torch, self.version = torch, torch.__version__

    def parameters(self, work: Workload) -> list[Any]:
        return [self.torch.tensor(p, requires_grad=True) for p in work.params]

    def train(self, params: Any, lr: float, loss_of: Callable[[], Any], kind: str = "SGD") -> Step:
        optimizer = getattr(self.torch.optim, kind)(params, lr=lr)

        def step() -> float:
            optimizer.zero_grad()
            loss = loss_of()
            loss.backward()
            optimizer.step()
            return loss.item()

        return step

    def line(self, work: Workload) -> Step:
        x, y = self.torch.tensor(work.x), self.torch.tensor(work.y)
        w, b = self.parameters(work)
        return self.train([w, b], work.lr, lambda: ((w * x + b - y) ** 2).mean())

    def mlp(self, work: Workload, kind: str = "SGD") -> Step:
        torch, nn = self.torch, self.torch.nn
        layers: list[Any] = []
        for weight, bias in zip(work.params[::2], work.params[1::2], strict=True):
            linear = nn.Linear(*weight.shape[::-1])
            with torch.no_grad():
                linear.weight.copy_(torch.tensor(weight))
                linear.bias.copy_(torch.tensor(bias))
            layers += [linear, nn.ReLU()]
        model = nn.Sequential(*layers[:-1])
        criterion = nn.MSELoss() if work.loss == "mse" else nn.CrossEntropyLoss()
        x, y = torch.tensor(work.x), torch.tensor(work.y)
        return self.train(model.parameters(), work.lr, lambda: criterion(model(x), y), kind)

    def adam(self, work: Workload) -> Step:
        return self.mlp(work, "Adam")

    def cnn(self, work: Workload) -> Step:
        torch, nn = self.torch, self.torch.nn
        a, b, classes = (work.params[i].shape[0] for i in (0, 2, 4))
        model, criterion = self.loaded(nn.Sequential(
            nn.Conv2d(1, a, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(4 * b, classes)), work), nn.CrossEntropyLoss()
        x, y = torch.tensor(work.x), torch.tensor(work.y)
        return self.train(model.parameters(), work.lr, lambda: criterion(model(x), y))

    def vae(self, work: Workload) -> Step:
        torch, nn, F = self.torch, self.torch.nn, self.torch.nn.functional
        (hidden, pixels), latent = work.params[0].shape, work.y.shape[1]

        class Network(nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.encoder = nn.Sequential(nn.Linear(pixels, hidden), nn.Tanh(), nn.Linear(hidden, 2 * latent))
                self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.Tanh(), nn.Linear(hidden, pixels))

            def forward(self, x: Any, noise: Any) -> Any:
                mean, log_var = self.encoder(x).chunk(2, dim=1)
                logits = self.decoder(mean + torch.exp(0.5 * log_var) * noise)
                likelihood = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
                return (likelihood - 0.5 * (1 + log_var - mean**2 - torch.exp(log_var)).sum()) / len(x)

        model = self.loaded(Network(), work)
        x, noise = torch.tensor(work.x), torch.tensor(work.y)
        return self.train(model.parameters(), work.lr, lambda: model(x, noise))

    def loaded(self, model: Any, work: Workload) -> Any:
        tensors = map(self.torch.tensor, work.params)
        model.load_state_dict(dict(zip(model.state_dict(), tensors, strict=True)))
        return model

    def lstm(self, work: Workload) -> Step:
        torch, nn = self.torch, self.torch.nn

        class Network(nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.lstm = nn.LSTM(work.x.shape[2], work.params[1].shape[1], batch_first=True)
                self.head = nn.Linear(work.params[1].shape[1], 10)

            def forward(self, x: Any) -> Any:
                states, _ = self.lstm(x)
                return self.head(states[:, -1])

        model, criterion = self.loaded(Network(), work), nn.CrossEntropyLoss()
        x, y = torch.tensor(work.x), torch.tensor(work.y)
        return self.train(model.parameters(), work.lr, lambda: criterion(model(x), y))

    def gpt(self, work: Workload) -> Step:
        torch, nn = self.torch, self.torch.nn
        (characters, width), length = work.params[0].shape, work.x.shape[1]
        mask, places = nn.Transformer.generate_square_subsequent_mask(length), torch.arange(length)

        class Network(nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.tokens, self.places = nn.Embedding(characters, width), nn.Embedding(length, width)
                layer = nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0.0, batch_first=True, norm_first=True)
                self.blocks = nn.TransformerEncoder(layer, len(work.params) // 12, norm=nn.LayerNorm(width),
                                                    enable_nested_tensor=False)
                self.head = nn.Linear(width, characters)

            def forward(self, x: Any) -> Any:
                h = self.tokens(x) + self.places(places)
                return self.head(self.blocks(h, mask=mask, is_causal=True))

        model, criterion = self.loaded(Network(), work), nn.CrossEntropyLoss()
        x, y = torch.tensor(work.x), torch.tensor(work.y.reshape(-1))
        return self.train(model.parameters(), work.lr, lambda: criterion(model(x).reshape(-1, characters), y))

    def scalars(self, work: Workload) -> Step:
        tensor = partial(self.torch.tensor, dtype=self.torch.float64)
        layers, params = scalar_network(partial(tensor, requires_grad=True), work)
        x, y = scalar_batch(tensor, work)
        return self.train(params, work.lr, lambda: max_margin(layers, params, x, y))

    def chain(self, work: Workload) -> Step:
        x, (w,) = self.torch.tensor(work.x), self.parameters(work)

        def loss_of() -> Any:
            h = w
            for _ in range(10):
                h = self.torch.tanh(h * 0.9 + x)
            return h.mean()

        return self.train([w], work.lr, loss_of)


class Jax:
    label = "jax.jit"

    def __init__(self) -> None:
        import jax

        self.jax, self.jnp, self.version = jax, jax.numpy, jax.__version__

    def train(self, work: Workload, params: Any, loss_of: Callable[..., Any]) -> Step:
        jax, jnp = self.jax, self.jnp
        x = jnp.asarray(work.x)
        y = None if work.y is None else jnp.asarray(work.y)

        @partial(jax.jit, donate_argnums=0)
        def update(params: Any, x: Any, y: Any) -> tuple[Any, Any]:
            loss, grads = jax.value_and_grad(loss_of)(params, x, y)
            return jax.tree.map(lambda p, g: p - work.lr * g, params, grads), loss

        params = jax.tree.map(jnp.array, params)

        def step() -> float:
            nonlocal params
            params, loss = update(params, x, y)
            return float(loss)

        return step

    def line(self, work: Workload) -> Step:
        def loss_of(params: Any, x: Any, y: Any) -> Any:
            w, b = params
            return ((w * x + b - y) ** 2).mean()

        return self.train(work, work.params, loss_of)

    def mlp(self, work: Workload) -> Step:
        jax = self.jax

        def loss_of(layers: Any, x: Any, y: Any) -> Any:
            for w, b in layers[:-1]:
                x = jax.nn.relu(x @ w + b)
            w, b = layers[-1]
            logits = x @ w + b
            if work.loss == "mse":
                return ((logits - y) ** 2).mean()
            return self.cross_entropy(logits, y)

        params = [p.T for p in work.params]
        return self.train(work, list(zip(params[::2], params[1::2], strict=True)), loss_of)

    def cross_entropy(self, logits: Any, y: Any) -> Any:
        chosen = self.jnp.take_along_axis(logits, y[..., None], axis=-1)[..., 0]
        return (self.jax.nn.logsumexp(logits, axis=-1) - chosen).mean()

    def lstm(self, work: Workload) -> Step:
        jax, jnp = self.jax, self.jnp

        def loss_of(params: Any, x: Any, y: Any) -> Any:
            inputs, weight, bias, more, w, b = params

            def advance(state: Any, z: Any) -> Any:
                i, f, g, o = jnp.split(z + state[0] @ weight.T, 4, axis=-1)
                c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
                return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

            z = (x @ inputs.T + bias + more).swapaxes(0, 1)
            zeros = jnp.zeros((len(x), weight.shape[1]))
            (h, _), _ = jax.lax.scan(advance, (zeros, zeros), z)
            return self.cross_entropy(h @ w.T + b, y)

        return self.train(work, work.params, loss_of)

    def gpt(self, work: Workload) -> Step:
        jax, jnp = self.jax, self.jnp

        def norm(x: Any, weight: Any, bias: Any) -> Any:
            centered = x - x.mean(-1, keepdims=True)
            return centered / jnp.sqrt((centered**2).mean(-1, keepdims=True) + 1e-5) * weight + bias

        def attention(x: Any, weight: Any, bias: Any, w: Any, b: Any) -> Any:
            q, k, v = ((part.reshape(*x.shape[:2], 4, -1)) for part in jnp.split(x @ weight.T + bias, 3, axis=-1))
            return jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(x.shape) @ w.T + b

        def loss_of(params: Any, x: Any, y: Any) -> Any:
            (tokens, places, *layers), (scale, shift, w, b) = params[:-4], params[-4:]
            h = tokens[x] + places
            for i in range(0, len(layers), 12):
                attend, (w1, b1, w2, b2), norms = layers[i : i + 4], layers[i + 4 : i + 8], layers[i + 8 : i + 12]
                h = h + attention(norm(h, *norms[:2]), *attend)
                h = h + jax.nn.relu(norm(h, *norms[2:]) @ w1.T + b1) @ w2.T + b2
            return self.cross_entropy(norm(h, scale, shift) @ w.T + b, y)

        return self.train(work, work.params, loss_of)

    def chain(self, work: Workload) -> Step:
        def loss_of(params: Any, x: Any, y: Any) -> Any:
            h = params[0]
            for _ in range(10):
                h = self.jnp.tanh(h * 0.9 + x)
            return h.mean()

        return self.train(work, work.params, loss_of)


class Autograd:
    label = "HIPS autograd"

    def __init__(self) -> None:
        from importlib.metadata import version

        import autograd.numpy

        self.anp, self.value_and_grad = autograd.numpy, autograd.value_and_grad
        self.version = version("autograd")

    def train(self, work: Workload, params: Any, loss_of: Callable[..., Any]) -> Step:
        value_and_grad = self.value_and_grad(loss_of)

        def step() -> float:
            nonlocal params
            loss, grads = value_and_grad(params)
            params = [p - work.lr * g for p, g in zip(params, grads, strict=True)]
            return float(loss)

        return step

    def line(self, work: Workload) -> Step:
        def loss_of(params: Any) -> Any:
            w, b = params
            return self.anp.mean((w * work.x + b - work.y) ** 2)

        return self.train(work, work.params, loss_of)

    def mlp(self, work: Workload) -> Step:
        anp, x, y = self.anp, work.x, work.y
        if work.loss == "cross_entropy":
            y = np.eye(len(work.params[-1]), dtype=np.float32)[y]

        def loss_of(params: Any) -> Any:
            h = x
            for i in range(0, len(params), 2):
                h = anp.dot(h, params[i]) + params[i + 1]
                if i + 2 < len(params):
                    h = anp.maximum(h, 0)
            if work.loss == "mse":
                return anp.mean((h - y) ** 2)
            h = h - anp.max(h, axis=1, keepdims=True)
            return anp.mean(anp.log(anp.sum(anp.exp(h), axis=1)) - anp.sum(h * y, axis=1))

        return self.train(work, [np.array(p.T, order="C") for p in work.params], loss_of)

    def chain(self, work: Workload) -> Step:
        def loss_of(params: Any) -> Any:
            h = params[0]
            for _ in range(10):
                h = self.anp.tanh(h * 0.9 + work.x)
            return self.anp.mean(h)

        return self.train(work, work.params, loss_of)


class MyGrad:
    label = "MyGrad"

    def __init__(self) -> None:
        import mygrad
        import mygrad.nnet

        self.mg, self.version = mygrad, mygrad.__version__

    def train(self, params: list[Any], lr: float, loss_of: Callable[[], Any]) -> Step:
        def step() -> float:
            loss = loss_of()
            loss.backward()
            for p in params:
                p.data -= lr * p.grad
            return loss.item()

        return step

    def line(self, work: Workload) -> Step:
        w, b = params = [self.mg.tensor(p) for p in work.params]
        return self.train(params, work.lr, lambda: ((w * work.x + b - work.y) ** 2).mean())

    def mlp(self, work: Workload) -> Step:
        mg, nnet = self.mg, self.mg.nnet
        params = [mg.tensor(np.array(p.T, order="C")) for p in work.params]

        def loss_of() -> Any:
            h = work.x
            for i in range(0, len(params), 2):
                h = mg.matmul(h, params[i]) + params[i + 1]
                if i + 2 < len(params):
                    h = nnet.activations.relu(h)
            if work.loss == "mse":
                return ((h - work.y) ** 2).mean()
            return nnet.losses.softmax_crossentropy(h, work.y)

        return self.train(params, work.lr, loss_of)

    def chain(self, work: Workload) -> Step:
        w = self.mg.tensor(work.params[0])

        def loss_of() -> Any:
            h = w
            for _ in range(10):
                h = self.mg.tanh(h * 0.9 + work.x)
            return h.mean()

        return self.train([w], work.lr, loss_of)


class Micrograd:
    label = "micrograd"

    def __init__(self) -> None:
        from importlib.metadata import version

        from micrograd.engine import Value

        self.Value, self.version = Value, version("micrograd")

    def scalars(self, work: Workload) -> Step:
        layers, params = scalar_network(self.Value, work)
        x, y = scalar_batch(self.Value, work)

        def step() -> float:
            for p in params:
                p.grad = 0
            loss = max_margin(layers, params, x, y)
            loss.backward()
            for p in params:
                p.data -= work.lr * p.grad
            return float(loss.data)

        return step


# -- micrograd's demo, for any kind of scalar that has operators and .relu() ------------------------


def scalar_network(scalar: Callable[[float], Any], work: Workload) -> tuple[Any, list[Any]]:
    """Layers of neurons ``(weights, bias)``, and all their parameters."""
    layers, params = [], []
    for weight, bias in zip(work.params[::2], work.params[1::2], strict=True):
        layer = [([scalar(v) for v in row], scalar(b))
                 for row, b in zip(weight.tolist(), bias.tolist(), strict=True)]
        layers.append(layer)
        params += [p for weights, b in layer for p in (*weights, b)]
    return layers, params


def scalar_batch(scalar: Callable[[float], Any], work: Workload) -> tuple[Any, list[int]]:
    return [[scalar(v) for v in row] for row in work.x.tolist()], work.y.tolist()


def max_margin(layers: Any, params: list[Any], xs: Any, ys: list[int]) -> Any:
    """Mean hinge loss of the scores plus an L2 penalty on all parameters."""
    losses = []
    for h, y in zip(xs, ys, strict=True):
        for layer in layers:
            h = [sum((w * v for w, v in zip(weights, h, strict=True)), b) for weights, b in layer]
            if layer is not layers[-1]:
                h = [v.relu() for v in h]
        losses.append((1 + -y * h[0]).relu())
    return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in params)


PEERS = (Ours, Compiled, Frozen, NumPy, PyTorch, Jax, Autograd, MyGrad, Micrograd)
