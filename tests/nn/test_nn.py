"""Modules, losses and loaders."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.oracles import assert_close


def mlp() -> tg.nn.Sequential:
    tg.manual_seed(0)
    return tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.Tanh(), tg.nn.Linear(4, 2))


def test_parameters_have_paths_and_travel_as_state() -> None:
    net = mlp()
    assert [n for n, _ in net.named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    other = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.Tanh(), tg.nn.Linear(4, 2))
    x = tg.Tensor(np.ones((5, 3)))
    assert not np.array_equal(net(x), other(x))
    other.load_state_dict(net.state_dict())
    assert np.array_equal(net(x), other(x))
    assert repr(net).count("Linear") == 2 and len(net) == 3


def test_seeds_repeat() -> None:
    assert np.array_equal(mlp()[0].weight, mlp()[0].weight)


def test_gradients_of_a_network_against_differences() -> None:
    net = mlp()
    labels = np.array([0, 1, 1])
    x = np.random.default_rng(1).standard_normal((3, 3))
    assert tg.gradcheck(lambda t: tg.nn.cross_entropy(net(t), labels), [x], order=2)


def test_linear_without_bias_and_in_batches() -> None:
    layer = tg.nn.Linear(3, 2, bias=False)
    x = np.ones((4, 5, 3))
    np.testing.assert_allclose(layer(tg.Tensor(x)).numpy(), x @ layer.weight.numpy().T)
    assert tg.gradcheck(lambda w, b: tg.linear(tg.Tensor(x), w, b).sum(), [np.ones((2, 3)), np.ones(2)])


@pytest.mark.parametrize("scale", [1.0, 1000.0, -1000.0])
def test_cross_entropy_is_stable(scale: float) -> None:
    logits = tg.Tensor([[scale, 0.0, 0.0], [0.0, scale, 0.0]], requires_grad=True)
    loss = tg.nn.cross_entropy(logits, np.array([0, 2]))
    loss.backward()
    assert logits.grad is not None
    assert np.isfinite(loss.item()) and np.all(np.isfinite(logits.grad.numpy()))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_losses_equal_pytorch(reduction: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    rng = np.random.default_rng(0)
    a, b, labels = rng.standard_normal((6, 4)), rng.standard_normal((6, 4)), rng.integers(0, 4, 6)
    f = torch.nn.functional
    for ours, theirs in [
        (tg.nn.mse_loss(a, b, reduction), f.mse_loss(torch.tensor(a), torch.tensor(b), reduction=reduction)),
        (tg.nn.cross_entropy(tg.Tensor(a), labels, reduction),
         f.cross_entropy(torch.tensor(a), torch.tensor(labels), reduction=reduction)),
    ]:
        np.testing.assert_allclose(np.asarray(ours), theirs.numpy(), rtol=1e-12)


def test_initialisers_have_the_advertised_spread() -> None:
    tg.manual_seed(0)
    w = tg.nn.Parameter(np.empty((400, 300)))
    tg.nn.init.kaiming_normal_(w, nonlinearity="relu")
    assert abs(w.numpy().std() - np.sqrt(2 / 300)) < 0.001
    tg.nn.init.xavier_uniform_(w)
    assert abs(w.numpy().std() - np.sqrt(2 / 700)) < 0.001


@pytest.mark.parametrize(("size", "batches"), [(None, 1), (4, 3), (1, 10)])
def test_every_row_comes_once(size: int | None, batches: int) -> None:
    x = np.arange(10.0)
    loader = tg.DataLoader(x, x * 2, batch_size=size, shuffle=True, seed=0)
    assert len(loader) == batches
    first, second = ([row for a, b in loader for row in zip(a.tolist(), b.tolist(), strict=True)] for _ in "12")
    assert sorted(first) == sorted(second) == [(v, 2 * v) for v in x] and first != second
    again = tg.DataLoader(x, x * 2, batch_size=size, shuffle=True, seed=0)
    assert [v for a, _ in again for v in a.tolist()] == [v for v, _ in first]


@pytest.mark.parametrize("size", [None, 4, 1])
def test_what_is_written_into_a_batch_is_gone_in_the_next_epoch(size: int | None) -> None:
    loader = tg.DataLoader(np.arange(4.0), batch_size=size)
    for (batch,) in loader:
        batch.data[:] = 7.0
    assert [row for (batch,) in loader for row in batch.tolist()] == [0.0, 1.0, 2.0, 3.0]


def test_drop_last() -> None:
    loader = tg.DataLoader(np.ones(10), batch_size=4, drop_last=True)
    assert [len(a) for (a,) in loader] == [4, 4] and len(loader) == 2


@pytest.mark.parametrize(("data", "error", "text"), [
    ((np.ones((4, 2)), np.ones(4)), ValueError, "a tuple of 2; give each array by itself"),
    (list(zip(np.ones((4, 2)), np.ones(4), strict=True)), ValueError, "list of 4 have different shapes"),
    (["a", "b"], TypeError, "expected arrays of numbers"),
    (3.0, ValueError, "got the number 3.0; if it is the batch size, write batch_size=3.0"),
])
def test_a_loader_says_what_data_it_takes(data: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        tg.DataLoader(data)


def test_labels_that_were_checked_are_checked_again_when_they_are_written() -> None:
    labels, five, four = tg.Tensor([0, 3, 4]), tg.Tensor(np.zeros((3, 5))), tg.Tensor(np.zeros((3, 4)))
    for _ in range(2):
        tg.nn.cross_entropy(five, labels)
    with pytest.raises(tg.IndexingError, match="label 4 is out of range for 4 classes"):
        tg.nn.cross_entropy(four, labels)
    tg.nn.cross_entropy(five, labels)
    labels.data[1] = -1
    for _ in range(2):
        with pytest.raises(tg.IndexingError, match="label -1 is out of range"):
            tg.nn.cross_entropy(five, labels)
    labels.data = np.array([0, 1, 5])
    with pytest.raises(tg.IndexingError, match="label 5 is out of range"):
        tg.nn.cross_entropy(five, labels)
    with tg.no_grad():
        labels.assign(np.array([0, 1, 2]))
    tg.nn.cross_entropy(five, labels)
    with pytest.raises(tg.IndexingError, match="label 7 is out of range"):
        tg.nn.cross_entropy(five, np.array([0, 1, 7]))


@pytest.mark.parametrize("dtype", ["i1", "u1", "<i4", ">i4", ">i8", "u8"])
def test_labels_of_every_integer_dtype_are_checked(dtype: str) -> None:
    logits = tg.Tensor(np.zeros((3, 4)))
    labels = np.array([[0, 9], [3, 9], [1, 9]], dtype)[:, 0]
    assert round(tg.nn.cross_entropy(logits, labels).item(), 12) == round(np.log(4), 12)
    with pytest.raises(tg.IndexingError, match="label 4 is out of range"):
        tg.nn.cross_entropy(logits, labels + np.array(1, dtype))
    if np.dtype(dtype).kind == "i":
        with pytest.raises(tg.IndexingError, match="label -1 is out of range"):
            tg.nn.cross_entropy(logits, labels - np.array(1, dtype))


def test_the_largest_of_each_row_is_that_of_numpy() -> None:
    from tinygrad_gd.ground.fast import extreme

    rng = np.random.default_rng(0)
    for shape in ((40, 7), (3, 7), (40, 1), (40, 0 + 33), (64, 10), (4, 5, 10, 16), (40,), (2, 40, 3)):
        for x in (rng.standard_normal(shape), np.full(shape, np.nan), rng.integers(0, 9, shape),
                  rng.standard_normal(shape)[::-1], np.asfortranarray(rng.standard_normal(shape))):
            for axis in (-1, len(shape) - 1, 0, None, (-1,), np.int64(-1)):
                for of, keepdims in ((np.maximum, True), (np.minimum, False), (np.maximum, False)):
                    found, expected = extreme(of, x, axis, keepdims), of.reduce(x, axis, keepdims=keepdims)
                    np.testing.assert_array_equal(found, expected)
                    assert np.shape(found) == np.shape(expected)


class Net(tg.nn.Module):
    """Modules in a list, as PyTorch users keep them in a ModuleList."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [tg.nn.Linear(3, 3), tg.nn.Linear(3, 3)]
        self.scale = tg.nn.Parameter(1.0)
        self.offset = None

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.scale * x


@pytest.mark.parametrize("value", [3.0, np.ones(()), tg.Tensor(3.0), [tg.nn.Parameter(3.0)]], ids=repr)
def test_a_parameter_is_not_replaced_by_what_no_optimizer_sees(value: object) -> None:
    net = Net()
    with pytest.raises(TypeError, match=r"Net\.scale is a Parameter.*module\.scale\.assign\(value\)"):
        net.scale = value
    net.scale, net.offset = None, 3.0
    net.scale = tg.nn.Parameter(2.0)
    assert "scale" in dict(net.named_parameters())


def test_tensors_that_no_optimizer_would_see_are_refused_in_lists_too() -> None:
    net, w = Net(), tg.Tensor(1.0, requires_grad=True, name="w")
    for value, path in ((w, "extra"), ([w], r"extra\.0"), ({"a": [w]}, r"extra\.a\.0")):
        with pytest.raises(TypeError, match=rf"Net\.{path}: 'w'.*tg\.nn\.Parameter"):
            net.extra = value
    net.extra = [w.detach(), w * 2]


def test_sequential_is_a_container() -> None:
    net = mlp()
    assert [type(m).__name__ for m in net] == ["Linear", "Tanh", "Linear"] and net[-1] is net[2]
    assert type(net[:2]) is tg.nn.Sequential and len(net[:2]) == 2
    assert net.append(tg.nn.ReLU()) is net and len(net) == 4 and net(np.ones((1, 3))).shape == (1, 2)
    for wrong in (4, "0"):
        with pytest.raises(IndexError, match=rf"index {wrong!r} is not one of its 4 modules"):
            net[wrong]
    with pytest.raises(ValueError, match=r"got list at 0; write Sequential\(\*layers\)"):
        tg.nn.Sequential([tg.nn.ReLU()])


def test_a_part_of_a_state_is_loaded_on_request() -> None:
    net = Net()
    state = {"scale": np.array(5.0), "head": np.ones(3)}
    with pytest.raises(ValueError, match=r"missing 'layers\.0\.weight'.*unexpected 'head'.*strict=False"):
        net.load_state_dict(state)
    assert net.scale.item() == 1.0
    net.load_state_dict(state, strict=False)
    assert net.scale.item() == 5.0


@pytest.mark.parametrize(("name", "text"), [
    ("register_parameter", r"self\.name = tg\.nn\.Parameter"), ("add_module", r"self\.name = module"),
    ("cuda", "CPU's memory"), ("double", r"tg\.set_default_dtype"), ("weight", "$"),
])
def test_modules_name_what_is_written_here(name: str, text: str) -> None:
    with pytest.raises(AttributeError, match=f"^'Net' object has no attribute '{name}'.*{text}"):
        getattr(Net(), name)


def test_an_error_inside_a_property_is_shown() -> None:
    class Half(tg.nn.Module):
        @property
        def half(self):
            return self.misspelt / 2

    with pytest.raises(AttributeError, match="'Half' object has no attribute 'misspelt'"):
        Half().half  # noqa: B018


def test_names_of_layers_that_are_functions_here() -> None:
    for name, text in (("GELU", r"in forward\(\), use the function tg\.gelu"), ("LeakyReLU", "tg.leaky_relu"),
                       ("ModuleList", "use a plain list"), ("Transformer", "$")):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'.*{text}"):
            getattr(tg.nn, name)


def test_gradients_are_forgotten_as_in_pytorch() -> None:
    net = mlp()
    net(np.ones((1, 3))).sum().backward()
    with pytest.raises(ValueError, match="leave set_to_none out"):
        net.zero_grad(set_to_none=False)
    net.zero_grad(set_to_none=True)
    assert all(p.grad is None for p in net.parameters())


def test_lists_go_in_where_arrays_do() -> None:
    layer = tg.nn.Linear(2, 1)
    assert layer([[1.0, 2.0]]).item() == layer(np.array([[1.0, 2.0]])).item()
    with pytest.raises(ValueError, match="Linear: expected the last axis to have 2 features, got list"):
        layer([1.0])


def test_everything_functional_is_the_function_itself() -> None:
    from tinygrad_gd.nn.functional import cross_entropy, dropout, linear, softmax

    assert [softmax, linear, dropout] == [tg.softmax, tg.linear, tg.dropout] and "gelu" in dir(tg.nn.functional)
    assert cross_entropy is tg.nn.cross_entropy and not hasattr(tg.nn.functional, "nonsense")


def test_a_parameter_is_known_as_one_and_so_is_one_of_a_derived_class() -> None:
    class Scale(tg.nn.Parameter):
        def __init__(self, value: float, **options: Any) -> None:
            super().__init__(2 * value)

    plain, derived = tg.nn.Parameter(3), Scale(3.0)
    assert isinstance(plain, tg.nn.Parameter) and isinstance(plain, tg.Tensor)
    assert isinstance(derived, Scale) and isinstance(derived, tg.nn.Parameter) and derived.item() == 6
    assert not isinstance(plain, Scale) and not isinstance(plain * 1, tg.nn.Parameter)
    assert not isinstance(tg.Tensor(3.0, requires_grad=True), tg.nn.Parameter)
    assert not isinstance(3.0, tg.nn.Parameter)
    again = pickle.loads(pickle.dumps(plain))
    assert isinstance(again, tg.nn.Parameter) and again.requires_grad and repr(again) == repr(plain)


def test_cross_entropy_keeps_the_exponentials_of_its_own_forward_pass_only() -> None:
    """What the last forward pass left behind is used for that very array, and for no other."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, (3, 6))
    leaves = [tg.Tensor(rng.normal(size=(6, 4)), requires_grad=True) for _ in range(3)]
    lone = []
    for leaf, wanted in zip(leaves, labels, strict=True):  # forward and backward, one after the other
        twin = tg.Tensor(leaf, requires_grad=True)
        tg.nn.cross_entropy(twin, wanted).backward()
        lone.append(twin.grad)
    losses = [tg.nn.cross_entropy(x, y) for x, y in zip(leaves, labels, strict=True)]
    for loss in losses:
        loss.backward()
    for leaf, expected in zip(leaves, lone, strict=True):
        assert np.array_equal(leaf.grad, expected)
    first, again = leaves[0], tg.nn.cross_entropy(leaves[0], labels[0])
    first.grad = None
    tg.nn.cross_entropy(leaves[1], labels[1])
    again.backward()
    assert np.array_equal(first.grad, lone[0])
    with tg.no_grad():
        first -= 1.0 + np.arange(4)
    first.grad = None
    tg.nn.cross_entropy(first, labels[0]).backward()
    powers = np.exp(first.numpy() - first.numpy().max(axis=1, keepdims=True))
    onehot = np.eye(4)[labels[0]]
    assert_close(first.grad, (powers / powers.sum(axis=1, keepdims=True) - onehot) / 6, 1e-14)


def test_cross_entropy_lets_go_of_what_it_kept_with_the_logits() -> None:
    from tinygrad_gd.ops.neural import losses

    logits = tg.Tensor(np.zeros((2000, 10)))
    tg.nn.cross_entropy(logits, np.zeros(2000, int))
    assert losses._last[1].shape == (2000, 10)
    del logits
    assert losses._last[1] is None


def test_sequential_runs_a_module_by_the_call_of_its_class() -> None:
    class Doubling(tg.nn.Linear):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return 2 * super().__call__(*args, **kwargs)

    inner = Doubling(3, 2)
    x = tg.Tensor(np.ones((4, 3)))
    assert np.array_equal(tg.nn.Sequential(inner, tg.nn.ReLU())(x), np.maximum(2 * inner.forward(x), 0))


def test_plain_descent_skips_what_has_no_gradient_and_takes_whole_numbers_as_rates() -> None:
    w, frozen = tg.Tensor([1.0, 2.0], requires_grad=True), tg.Tensor([5.0], requires_grad=True)
    scalar = tg.Tensor(np.float32(3.0), requires_grad=True)
    for rate in (0.5, 1, np.float64(0.5), np.float32(0.5)):
        optimizer = tg.optim.SGD([w, frozen, scalar], lr=rate)
        before, number = w.numpy().copy(), scalar.item()
        optimizer.zero_grad()
        ((w * w).sum() + scalar * scalar).backward()
        seq = w._seq
        optimizer.step()
        assert np.array_equal(w, before - float(rate) * 2 * before) and w._seq > seq
        assert scalar.item() == number - float(rate) * 2 * number and scalar.dtype == np.float32
        assert frozen.item() == 5.0 and frozen.grad is None


def test_a_derived_optimizer_updates_in_its_own_way() -> None:
    class Signs(tg.optim.SGD):
        def update(self, p: Any, g: Any, options: Any) -> None:
            p -= options["lr"] * np.sign(g)

    w = tg.Tensor([1.0, -2.0], requires_grad=True)
    (w * w * 5).sum().backward()
    Signs([w], lr=0.5).step()
    assert w.tolist() == [0.5, -1.5]


def test_the_signature_of_a_parameter_is_that_of_its_init() -> None:
    class Bounded(tg.nn.Parameter):
        def __init__(self, data: Any, floor: float = 0.0) -> None:
            super().__init__(np.maximum(data, floor))

    assert list(inspect.signature(tg.nn.Parameter).parameters) == ["data", "requires_grad", "name", "dtype"]
    assert list(inspect.signature(Bounded).parameters) == ["data", "floor"]
