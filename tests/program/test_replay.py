"""Replayed programs equal eager code to the last bit: every primitive, loss, layer and optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.nn import layer_rows, sequence_rows
from tests.nn.test_all_losses import CASES, module_of
from tests.optim import trajectories
from tests.program.steps import ROWS, Build, assert_same_bits, network
from tests.samples import Sample
from tests.transforms.trees import X, assert_trees_close, tree_of
from tests.values import values


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("row", [row for row in ROWS if row.name != "sparse_product"], ids=str)
def test_every_primitive(row: Sample, dtype: Any) -> None:
    def build() -> Any:
        leaves = [tg.Tensor(x.astype(dtype), requires_grad=True) for x in row.inputs]
        optimizer = tg.optim.SGD(leaves, lr=1e-3)

        def step() -> Any:
            out = row.call(*leaves)
            loss = (out * out).sum()
            optimizer.zero_grad()
            if loss.requires_grad:
                loss.backward()
            optimizer.step()
            return loss

        return step, leaves

    assert_same_bits(build)  # but for copies of a sparse matrix: another object in each call is like no other


def test_random_draws() -> None:
    def build() -> Any:
        w = tg.Tensor(np.arange(6.0), requires_grad=True)
        optimizer = tg.optim.SGD([w], lr=0.01)

        def step() -> Any:
            noisy = tg.dropout(w, 0.3) + tg.normal(w, 0.1) + tg.uniform(w, w + 1)
            loss = (noisy * noisy).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return step, [w]

    assert_same_bits(build)


OPTIONS = [
    {}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"weight_decay": 0.1},
    {"momentum": 0.5, "dampening": 0.3, "weight_decay": 0.01},
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_loss_layer_and_optimizer(options: Any, loss: str, dtype: Any) -> None:
    assert_same_bits(network(options, loss, dtype))


IMAGES, SIGNALS, VECTORS = (2, 2, 6, 5), (2, 2, 7), (5, 4)
LAYERS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "Linear": (lambda: tg.nn.Linear(4, 3), VECTORS),
    "ReLU": (tg.nn.ReLU, VECTORS),
    "Tanh": (tg.nn.Tanh, VECTORS),
    "Sigmoid": (tg.nn.Sigmoid, VECTORS),
    "Sequential": (lambda: tg.nn.Sequential(tg.nn.Linear(4, 3), tg.nn.Tanh()), VECTORS),
    "Flatten": (tg.nn.Flatten, IMAGES),
    "Upsample": (lambda: tg.nn.Upsample(scale_factor=2), IMAGES),
    "Conv1d": (lambda: tg.nn.Conv1d(2, 3, 3, padding=1, stride=2), SIGNALS),
    "Conv2d": (lambda: tg.nn.Conv2d(2, 4, 3, padding="same", groups=2), IMAGES),
    "ConvTranspose1d": (lambda: tg.nn.ConvTranspose1d(2, 3, 3, stride=2), SIGNALS),
    "ConvTranspose2d": (lambda: tg.nn.ConvTranspose2d(2, 3, 2, stride=2, bias=False), IMAGES),
    "MaxPool1d": (lambda: tg.nn.MaxPool1d(3, stride=2), SIGNALS),
    "MaxPool2d": (lambda: tg.nn.MaxPool2d(2), IMAGES),
    "AvgPool1d": (lambda: tg.nn.AvgPool1d(3, stride=2), SIGNALS),
    "AvgPool2d": (lambda: tg.nn.AvgPool2d(2), IMAGES),
    "AdaptiveAvgPool1d": (lambda: tg.nn.AdaptiveAvgPool1d(3), SIGNALS),
    "AdaptiveAvgPool2d": (lambda: tg.nn.AdaptiveAvgPool2d((2, 3)), IMAGES),
    "AdaptiveMaxPool1d": (lambda: tg.nn.AdaptiveMaxPool1d(3), SIGNALS),
    "AdaptiveMaxPool2d": (lambda: tg.nn.AdaptiveMaxPool2d((2, 3)), IMAGES),
}
LOSSES: dict[str, Callable[[str], Callable[[Any, Any], Any]]] = {
    "mse_loss": lambda r: lambda out, labels: tg.nn.mse_loss(out, np.ones((5, 3), out.dtype), r),
    "MSELoss": lambda r: lambda out, labels: tg.nn.MSELoss(r)(out, np.ones((5, 3), out.dtype)),
    "cross_entropy": lambda r: lambda out, labels: tg.nn.cross_entropy(out, labels, r),
    "CrossEntropyLoss": lambda r: lambda out, labels: tg.nn.CrossEntropyLoss(r)(out, labels),
}
#: Every combination of options that an optimizer takes.
OPTIMIZERS: dict[str, list[dict[str, Any]]] = {
    "SGD": [{"momentum": m, "dampening": d, "weight_decay": w, "nesterov": n}
            for m in (0.0, 0.9) for d in (0.0, 0.3) for w in (0.0, 0.01) for n in (False, True)
            if not n or (m and not d)],
}


def test_every_layer_loss_and_optimizer_has_a_row() -> None:
    """Here, or in the tables that the tests of the models run compiled."""
    modules = {n for n in tg.nn.__all__ if isinstance(getattr(tg.nn, n), type)} - {"Module", "Parameter"}
    losses = {n for n in modules if n.endswith("Loss")}
    functions = {n for n in tg.nn.__all__ if n.islower() and callable(getattr(tg.nn, n))}
    rows = {r.name for table in (layer_rows, sequence_rows) for r in (*table.ROWS, *table.RANDOM)}
    without_forward = {"ModuleDict", "ModuleList", "ParameterDict", "ParameterList"}
    assert set(LAYERS) | rows | without_forward == modules - losses
    assert set(LOSSES) <= losses | functions and functions == set(CASES)
    assert losses == {module_of(name).__name__ for name in CASES}
    assert {*trajectories.ALL, "LBFGS", "Muon"} == {n for n in tg.optim.__all__ if n[0].isupper()} - {"Optimizer"}


def training(model: Callable[[], Any], loss: Callable[[Any, Any], Any], optimizer: Callable[[Any], Any],
             shape: tuple[int, ...], dtype: Any) -> Build:
    def build() -> Any:
        with tg.default_dtype(dtype):
            net, scale = model(), tg.Tensor(1.0, requires_grad=True)
        rng = np.random.default_rng(0)
        x, labels = tg.Tensor(rng.standard_normal(shape).astype(dtype)), tg.Tensor(np.arange(5) % 3)
        steps = optimizer([*net.parameters(), scale])

        def step() -> Any:
            value = loss(net(x * scale), labels)
            steps.zero_grad()
            value.backward()
            steps.step()
            return value

        return step, [*net.parameters(), scale, *(v for s in steps.state.values() for v in s.values())]

    return build


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LAYERS)
def test_every_layer(name: str, dtype: Any) -> None:
    assert_same_bits(training(LAYERS[name][0], lambda out, _: (out**2).mean(), lambda p: tg.optim.SGD(
        p, lr=0.05, momentum=0.5), LAYERS[name][1], dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss(name: str, reduction: str, dtype: Any) -> None:
    of = LOSSES[name](reduction)
    assert_same_bits(training(LAYERS["Linear"][0], lambda out, labels: of(out, labels).sum(),
                              lambda p: tg.optim.SGD(p, lr=0.01), VECTORS, dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "options"), [(n, o) for n, rows in OPTIMIZERS.items() for o in rows])
def test_every_optimizer(name: str, options: dict[str, Any], dtype: Any) -> None:
    """In two groups with rates of their own; what it remembers is the same, too."""
    kept: list[Any] = []

    def optimizer(params: list[Any]) -> Any:
        kept.append(getattr(tg.optim, name)(
            [{"params": params[:1], "lr": 0.02}, {"params": params[1:]}], lr=0.05, **options))
        return kept[-1]

    assert_same_bits(training(LAYERS["Sequential"][0], lambda out, _: (out**2).mean(), optimizer,
                              VECTORS, dtype))
    eager, *both = ([v for s in o.state.values() for v in s.values()] for o in kept)
    assert all(len(eager) == len(compiled) == (3 if options["momentum"] else 0) for compiled in both)
    for compiled in both:
        for a, b in zip(eager, compiled, strict=True):
            np.testing.assert_array_equal(a, b)


W = tg.Tensor(np.arange(6.0), requires_grad=True)


def both(make: Callable[[Any], Iterator[Any]]) -> None:
    """What a generator yields with compiling equals what it yields without."""
    for a, b in zip(make(lambda f: f), make(lambda f: tg.compile(f, strict=True)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_gradients_have_the_memory_order_that_they_have_without_compiling() -> None:
    """A norm adds their elements in that order."""
    def rows(compile: Any) -> Iterator[Any]:
        rng = np.random.default_rng(0)
        w, x = tg.Tensor(rng.normal(size=(33, 17)), requires_grad=True), tg.Tensor(rng.normal(size=(64, 17)))
        optimizer = tg.optim.SGD([w], lr=0.01)

        def step() -> Any:
            optimizer.zero_grad()
            (np.tanh(x @ w.T) ** 2).mean().backward()
            norm = np.sqrt((w.grad * w.grad).sum())
            w.grad = w.grad / norm
            optimizer.step()
            return norm

        run = compile(step)
        for _ in range(20):
            yield run().numpy()

    both(rows)


def test_what_numpy_refuses_in_a_replay_names_the_operation_and_the_line() -> None:
    run = tg.compile(lambda w, places: w[places] * 2, strict=True)
    for _ in range(4):
        run(W, np.array([0, 1]))
    with pytest.raises(tg.IndexingError, match=r"getitem: index 9 is out of bounds.*'w'.*test_replay\.py:\d+"):
        run(W, np.array([0, 9]))
    assert run(W, np.array([1, 0])).tolist() == (W[[1, 0]] * 2).tolist()


@pytest.mark.parametrize("flat", [
    lambda w: w[:, 1:3].reshape(-1), lambda w: w[::-1].reshape(-1), lambda w: w[::2].reshape(-1),
    lambda w: np.sin(w)[::-1].reshape(-1), lambda w: np.split(w, 2, axis=1)[1].reshape(-1),
    lambda w: w.T[1:].reshape(-1)[::-1], lambda w: np.lib.stride_tricks.sliding_window_view(w, 2, axis=0).reshape(-1),
], ids=range(7))
def test_a_slice_that_is_flattened_is_read_anew_in_every_call(flat: Callable[[Any], Any]) -> None:
    results = []
    for compiled in (False, True):
        w = tg.Tensor(np.arange(12.0).reshape(3, 4) / 10, requires_grad=True)
        optimizer = tg.optim.SGD([w], lr=0.1)

        def step(w: Any = w, optimizer: Any = optimizer) -> Any:
            y = flat(w)
            loss = (np.tanh(y) * np.arange(y.size)).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        run = tg.compile(step, strict=True) if compiled else step
        results.append([*(run().item() for _ in range(8)), w.numpy().tolist()])
    assert results[0] == results[1]


def test_weights_that_sum_to_0_are_refused_in_a_replay_too() -> None:
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    run = tg.compile(lambda weights: np.average(x, weights=weights), strict=True)
    for last in (1.0, 2.0, 3.0):
        run(tg.Tensor([1.0, last]))
    with pytest.raises(ZeroDivisionError, match="average: weights="):
        run(tg.Tensor([1.0, -1.0]))


def test_a_program_draws_anew_and_follows_the_seed() -> None:
    w = tg.Tensor(np.ones(3), requires_grad=True, name="w")
    data = np.arange(6.0).reshape(2, 3)

    def step(x: Any) -> Any:
        hidden = tg.normal(tg.dropout(x * w, 0.5), 0.1) + tg.uniform(size=(3,)) + tg.bernoulli(0.5)
        loss = (hidden * hidden).mean()
        w.zero_grad()
        loss.backward()
        return loss, w.grad

    def run(f: Any) -> list[Any]:
        tg.manual_seed(11)
        w.zero_grad()
        return [tuple(values(r).copy() for r in f(tg.Tensor(data))) for _ in range(5)]

    eager, replayed = run(step), run(tg.compile(step, strict=True))
    assert len({float(loss) for loss, _ in replayed}) == 5
    for (a, da), (b, db) in zip(eager, replayed, strict=True):
        assert np.array_equal(a, b) and np.array_equal(da, db)


def bars(n: int) -> tuple[Any, Any]:
    """Noisy images with one horizontal (0) or vertical (1) bar."""
    rng = np.random.default_rng(0)
    images, labels = 0.3 * rng.standard_normal((n, 1, 8, 8)), rng.integers(0, 2, n)
    for picture, label, place in zip(images, labels, rng.integers(0, 8, n), strict=True):
        picture[(0, slice(None), place) if label else (0, place)] += 1
    return images.astype(np.float32), labels


def convolutions() -> tg.nn.Sequential:
    tg.manual_seed(0)
    with tg.default_dtype(np.float32):
        return tg.nn.Sequential(
            tg.nn.Conv2d(1, 4, 3, padding=1), tg.nn.ReLU(), tg.nn.MaxPool2d(2),
            tg.nn.Conv2d(4, 8, 3), tg.nn.ReLU(), tg.nn.AdaptiveAvgPool2d(1), tg.nn.Flatten(),
            tg.nn.Linear(8, 2))


def trained(compiled: bool) -> tuple[list[float], tg.nn.Sequential]:
    model = convolutions()
    images, labels = bars(64)
    optimizer = tg.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)

    def step(images: Any, labels: Any) -> Any:
        loss = tg.nn.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    run = tg.compile(step, strict=True) if compiled else step
    return [run(images, labels).item() for _ in range(60)], model


def test_a_network_learns_and_its_program_repeats_every_bit() -> None:
    losses, model = trained(compiled=False)
    images, labels = bars(64)
    assert losses[0] > 0.6 and losses[-1] < 0.1
    assert (np.argmax(model(tg.Tensor(images)).numpy(), axis=1) == labels).mean() > 0.97
    assert model(tg.Tensor(images)).dtype == np.float32
    replayed, other = trained(compiled=True)
    assert replayed == losses
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[name], value)


def softplus_rule() -> Any:
    @tg.custom_vjp
    def softplus(x: Any, beta: float = 1.0) -> Any:
        return np.log1p(np.exp(x * beta)) / beta

    def fwd(x: Any, beta: float) -> Any:
        return softplus(x, beta), (x, beta)

    def bwd(residuals: Any, g: Any) -> Any:
        x, beta = residuals
        return g / (1 + np.exp(-x * beta)), None

    softplus.defvjp(fwd, bwd)
    return softplus


COMPILED: dict[str, Callable[[Any], Any]] = {
    "value_and_grad": lambda x: tg.value_and_grad(lambda p: np.sum(p["a"] * np.sin(x)))({"a": x}),
    "aux": tg.grad(lambda x: (np.sum(np.sin(x) * x), [x * 2]), has_aux=True),
    "hessian": tg.hessian(lambda x: np.sum(x**3) * x[0]),
    "jacobian": tg.jacobian(lambda x: x * x[0], mode="forward"),
    "jvp": lambda x: tg.jvp(np.sin, (x,), (x,)),
    "hvp": lambda x: tg.hvp(lambda y: np.sum(y**3) * y[0], (x,), (x,)),
    "custom rule": tg.value_and_grad(lambda x: np.sum(softplus_rule()(x))),
    "custom rule twice": tg.hessian(lambda x: np.sum(softplus_rule()(x) ** 2)),
    "checkpoint": tg.value_and_grad(lambda x: np.sum(tg.checkpoint(lambda y: np.sin(y * y))(x))),
    "stop_gradient": tg.grad(lambda x: np.sum(tg.stop_gradient(x) * x)),
}


@pytest.mark.parametrize("case", COMPILED)
def test_transforms_can_be_compiled(case: str) -> None:
    step = tg.compile(COMPILED[case], strict=True, frozen=True)
    for scale in (1.0, 1.5, -2.0):
        got = tree_of(np.asarray, step(tg.Tensor(X * scale)))
        assert_trees_close(got, tree_of(np.asarray, COMPILED[case](tg.Tensor(X * scale))), 0)
