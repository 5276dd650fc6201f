"""Functions of `nn.functional` that layers are made of: numbers written down, and PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
import tinygrad_gd.nn.functional as F
from tests.misuse import Table, refused, w

RNG = np.random.default_rng(0)
X, Y, IMAGE, SIGNAL = RNG.normal(size=(5, 4)), RNG.normal(size=(5, 4)), RNG.normal(size=(2, 4, 6, 5)), RNG.normal(size=(2, 4, 7))
FOUR, ONES, CHANCES = np.linspace(0.5, 2, 4), np.ones(4), RNG.random((3, 4))
NUMBERS = np.array([[0, 2], [1, 2]])

#: Name, arguments (arrays of floats get gradients), options.
CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("layer_norm", (X, (4,)), {}), ("layer_norm", (IMAGE, (6, 5), IMAGE[0, 0] + 2, IMAGE[1, 1]), {"eps": 1e-3}),
    ("rms_norm", (X, (4,)), {}), ("rms_norm", (X, (4,), FOUR), {"eps": 1e-3}),
    ("group_norm", (IMAGE, 2), {}), ("group_norm", (X, 2, FOUR, ONES, 1e-3), {}),
    ("instance_norm", (SIGNAL,), {}), ("instance_norm", (IMAGE,), {"weight": FOUR, "bias": ONES}),
    ("batch_norm", (X, None, None), {"training": True}), ("batch_norm", (IMAGE, ONES, 2 * ONES, FOUR, FOUR + 1), {}),
    ("batch_norm", (SIGNAL, None, None, FOUR), {"training": True, "eps": 1e-2}),
    ("embedding", (NUMBERS, X), {}), ("embedding", (NUMBERS, X), {"padding_idx": -3}),
    ("one_hot", (NUMBERS,), {}), ("one_hot", (NUMBERS, 5), {}),
    ("normalize", (X,), {}), ("normalize", (SIGNAL, 3.0, 2), {}), ("normalize", (X, 1, 0), {"eps": 100.0}),
    ("cosine_similarity", (X, Y), {}), ("cosine_similarity", (SIGNAL, SIGNAL[:1] + 1, 2), {}), ("cosine_similarity", (X, Y[0]), {"eps": 1e-3}),
    ("pairwise_distance", (X, Y), {}), ("pairwise_distance", (X, Y, 1.0, 0.1, True), {}), ("pairwise_distance", (X, Y, 3.0), {}),
    ("softmin", (X, 1), {}), ("tanhshrink", (X,), {}), ("softshrink", (X, 0.3), {}), ("hardshrink", (X, 0.3), {}), ("threshold", (X, 0.1, 7.0), {}),
    ("bilinear", (X, Y[:, :3], RNG.normal(size=(2, 4, 3)), np.ones(2)), {}),
    ("pixel_shuffle", (IMAGE, 2), {}), ("pixel_unshuffle", (IMAGE[:, :, :, :4], 2), {}), ("channel_shuffle", (IMAGE, 2), {}),
    ("unfold", (IMAGE, (2, 3), 1, (1, 0), 2), {}), ("fold", (RNG.normal(size=(2, 12, 12)), (4, 5), 2), {}), ("fold", (RNG.normal(size=(12, 6)), 5, (2, 3), 1, (1, 0), 2), {}),
    ("dropout1d", (SIGNAL, 0.5, False), {}), ("alpha_dropout", (X,), {}), ("glu", (X, 1), {}), ("gelu", (X,), {}), ("logit", (CHANCES,), {}),
    ("logit", (CHANCES, 0.3), {}),
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[0])
def test_values_and_gradients_equal_pytorch(call: Any) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    name, args, options = call

    def both(value: Any) -> tuple[Any, Any]:
        if not isinstance(value, np.ndarray):
            return value, value
        learned = value.dtype.kind == "f" and not (value == value.flat[0]).all()
        return tg.Tensor(value, requires_grad=learned), torch.tensor(value, requires_grad=learned)

    pairs, named = [both(a) for a in args], {k: both(v) for k, v in options.items()}
    function = torch.logit if name == "logit" else getattr(torch.nn.functional, name)
    if name == "channel_shuffle":
        function = torch.nn.ChannelShuffle(args[1]).forward
        pairs, out = pairs[:1], F.channel_shuffle(pairs[0][0], args[1])
    else:
        out = getattr(F, name)(*(a for a, _ in pairs), **{k: v[0] for k, v in named.items()})
    expected = function(*(b for _, b in pairs), **{k: v[1] for k, v in named.items()})
    np.testing.assert_allclose(out.numpy(), expected.detach().numpy(), 1e-10, 1e-12)
    if out.dtype.kind == "f":
        weights = np.sin(np.arange(out.size) + 0.5).reshape(out.shape)
        (out * weights).sum().backward()
        (expected * torch.tensor(weights)).sum().backward()
    for ours, theirs in (*pairs, *named.values()):
        if isinstance(ours, tg.Tensor) and ours.requires_grad:
            np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), 1e-9, 1e-11)  # type: ignore[union-attr]


def test_normalisations_by_their_formulas() -> None:
    def standard(x: Any, axes: Any) -> Any:
        return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)

    weight, bias = FOUR[:, None, None], ONES[:, None, None]
    groups = standard(IMAGE.reshape(2, 2, 60), -1).reshape(IMAGE.shape)
    for out, expected in (
        (F.layer_norm(IMAGE, (6, 5)), standard(IMAGE, (2, 3))), (F.instance_norm(IMAGE), standard(IMAGE, (2, 3))),
        (F.batch_norm(IMAGE, None, None, FOUR, ONES, training=True), standard(IMAGE, (0, 2, 3)) * weight + bias),
        (F.group_norm(IMAGE, 2, FOUR, ONES), groups * weight + bias),
        (F.rms_norm(X, 4), X / np.sqrt((X * X).mean(1, keepdims=True) + 2.0**-52)),
        (F.batch_norm(X, FOUR, FOUR), (X - FOUR) / np.sqrt(FOUR + 1e-5)),
    ):
        np.testing.assert_allclose(out.numpy(), expected, rtol=1e-12, atol=1e-13)


def test_gradients_of_normalisations_against_differences_to_second_order() -> None:
    for function in (lambda x: F.layer_norm(x, 4), lambda x: F.rms_norm(x, 4), lambda x: F.group_norm(x, 1),
                     lambda x: F.batch_norm(x, training=True)):
        assert tg.gradcheck(lambda x, f=function: (f(x) ** 3).sum(), [X[:3]], order=2)


def test_running_statistics_follow_by_their_formula() -> None:
    mean, var = tg.Tensor(np.zeros(4)), tg.Tensor(np.ones(4))
    F.batch_norm(X, mean, var, training=True, momentum=0.25)
    np.testing.assert_allclose(mean.numpy(), 0.25 * X.mean(0), rtol=1e-13)
    np.testing.assert_allclose(var.numpy(), 0.75 + 0.25 * X.var(0, ddof=1), rtol=1e-13)
    layer = tg.nn.BatchNorm1d(4, momentum=None)
    for i in range(3):
        layer(X + i)
    np.testing.assert_allclose(layer.running_mean.numpy(), X.mean(0) + 1, rtol=1e-12)
    assert layer.num_batches_tracked.item() == 3
    plain = tg.nn.BatchNorm1d(4, track_running_stats=False)
    assert plain.eval()(X).tolist() == F.batch_norm(X, training=True).tolist() and list(plain.state_dict()) == ["weight", "bias"]


def test_numbers_of_rows_may_be_of_any_shape_and_the_padding_learns_nothing() -> None:
    table = tg.Tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True)
    out = F.embedding([[1, 2], [1, 0]], table, padding_idx=1)
    assert out.tolist() == [[[3, 4], [5, 6]], [[3, 4], [1, 2]]]
    out.sum().backward()
    assert table.grad is not None and table.grad.tolist() == [[1, 1], [0, 0], [1, 1]]
    assert F.embedding(2, table).tolist() == [5, 6] and F.embedding(np.empty((0, 3), int), table).shape == (0, 3, 2)
    made = tg.nn.Embedding.from_pretrained(table.numpy(), padding_idx=0)
    assert not made.weight.requires_grad and made([0]).tolist() == [[1, 2]] and made.padding_idx == 0
    assert tg.nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad


def test_rows_that_are_padding_start_as_zeros() -> None:
    weight = tg.nn.Embedding(5, 3, padding_idx=-2).weight.numpy()
    assert not weight[3].any() and np.delete(weight, 3, 0).all()


def test_shuffles_and_windows_have_inverses() -> None:
    assert F.pixel_unshuffle(F.pixel_shuffle(IMAGE, 2), 2).tolist() == IMAGE.tolist()
    counts = F.fold(F.unfold(np.ones((1, 1, 4, 4)), 2), 4, 2)
    assert counts[0, 0].tolist() == [[1, 2, 2, 1], [2, 4, 4, 2], [2, 4, 4, 2], [1, 2, 2, 1]]
    assert F.unfold(IMAGE, 2)[0, :, 0].tolist() == IMAGE[0, :, :2, :2].ravel().tolist()


def test_shrinking_lets_what_is_not_a_number_through() -> None:
    bad = tg.Tensor([np.nan, np.inf, -np.inf])
    for f in (F.softshrink, F.hardshrink, lambda x: F.threshold(x, -np.inf, 0.0)):
        out = f(bad).tolist()
        assert np.isnan(out[0]) and out[1] == np.inf


RANDOM = {"Dropout": (400, 50), "Dropout1d": (400, 50, 3), "Dropout2d": (400, 50, 2, 3), "Dropout3d": (400, 50, 2, 1, 2)}


@pytest.mark.parametrize("name", RANDOM)
def test_dropout_drops_a_share_and_keeps_the_mean(name: str) -> None:
    tg.manual_seed(0)
    x = tg.Tensor(np.ones(RANDOM[name]), requires_grad=True)
    layer = getattr(tg.nn, name)(0.3)
    y = layer(x)
    values, shares = np.unique(y.numpy(), return_counts=True)
    np.testing.assert_allclose(values, [0, 1 / 0.7])
    assert abs(shares[0] / y.size - 0.3) < 0.01
    channels = y.numpy().reshape(400, 50, -1)
    assert (channels == channels[:, :, :1]).all()
    y.sum().backward()
    assert x.grad is not None and x.grad.tolist() == y.tolist()
    assert layer(x).tolist() != y.tolist() and layer.eval()(x) is x and getattr(tg.nn, name)(0.0)(x) is x
    assert not getattr(tg.nn, name)(1.0)(x).numpy().any()


@pytest.mark.parametrize(("name", "shape"), [("AlphaDropout", (300, 300)), ("FeatureAlphaDropout", (300, 300, 2))])
def test_alpha_dropout_keeps_mean_and_variance(name: str, shape: Any) -> None:
    tg.manual_seed(0)
    x = np.random.default_rng(0).normal(size=shape)
    y = getattr(tg.nn, name)(0.2)(x)
    assert abs(y.mean().item() - x.mean()) < 0.02 and abs(y.var().item() - 1) < 0.02
    lowest = -1.0507009873554805 * 1.6732632423543772  # what SELU is far below 0
    scale = (0.8 * (1 + 0.2 * lowest**2)) ** -0.5
    kept = np.isclose(y.numpy(), scale * (x - 0.2 * lowest))
    assert abs(kept.mean() - 0.8) < 0.02
    np.testing.assert_allclose(y.numpy()[~kept], scale * 0.8 * lowest)


BATCH = np.ones((2, 3))
MISUSE: Table = {
    "channels": (lambda: tg.nn.BatchNorm1d(4)(BATCH), ValueError, r"BatchNorm1d: expected an input with 2 or 3 axes and num_features=4 channels, got .*\(2, 3\)"),
    "axes": (lambda: tg.nn.BatchNorm2d(3)(BATCH), ValueError, "BatchNorm2d: expected an input with 4 axes"),
    "one number": (lambda: tg.nn.BatchNorm1d(3)(np.ones((1, 3))), ValueError, "batch_norm: expected more than one number for each channel.*larger batches"),
    "one number of an instance": (lambda: tg.nn.InstanceNorm1d(3)(np.ones((2, 3, 1))), ValueError, "instance_norm: expected more than one number"),
    "integers": (lambda: tg.nn.LayerNorm(3)(np.ones((2, 3), int)), TypeError, r"layer_norm: expected floating numbers.*astype\(float\)"),
    "no features": (lambda: tg.nn.BatchNorm1d(0), ValueError, "BatchNorm1d: num_features must be an integer of at least 1"),
    "momentum": (lambda: tg.nn.BatchNorm1d(3, momentum=2), ValueError, "BatchNorm1d: momentum is the share.*between 0 and 1, or None"),
    "eps": (lambda: tg.nn.GroupNorm(1, 3, eps=-1.0), ValueError, "GroupNorm: eps is a small number of at least 0"),
    "affine as text": (lambda: tg.nn.BatchNorm2d(3, affine="no"), TypeError, "BatchNorm2d: affine: expected True or False"),  # type: ignore[arg-type]
    "on a device": (lambda: tg.nn.BatchNorm2d(3, device="cpu"), TypeError, "BatchNorm2d: unknown option device=, leave it out: values are always"),  # type: ignore[call-arg]
    "groups of a layer": (lambda: tg.nn.GroupNorm(2, 3), ValueError, "GroupNorm: num_groups=2 must divide num_channels=3"),
    "groups": (lambda: F.group_norm(BATCH, 2), ValueError, "group_norm: num_groups=2 does not divide 3 channels"),
    "channels of groups": (lambda: tg.nn.GroupNorm(1, 4)(BATCH), ValueError, r"GroupNorm: expected an input \(n, 4, \.\.\.\)"),
    "lengths": (lambda: tg.nn.LayerNorm(4)(BATCH), ValueError, r"layer_norm: expected an input whose last axes are \(4,\)"),
    "no lengths": (lambda: tg.nn.LayerNorm(()), ValueError, "LayerNorm: normalized_shape= is a length"),
    "half a length": (lambda: tg.nn.RMSNorm(1.5), TypeError, "RMSNorm: normalized_shape must be an integer"),
    "weight": (lambda: F.layer_norm(BATCH, 3, np.ones(2)), ValueError, r"layer_norm: weight has the shape \(3,\), got"),
    "weight of channels": (lambda: F.batch_norm(BATCH, weight=np.ones(2), training=True), ValueError, "batch_norm: weight has one number for each of 3 channels"),
    "nothing to normalise with": (lambda: F.batch_norm(BATCH), ValueError, "without training=True, running_mean and running_var"),
    "a mean in an array": (lambda: F.batch_norm(BATCH, np.zeros(3), training=True), TypeError, r"running_mean is written in place and must be a Tensor.*tg\.Tensor"),
    "too far": (lambda: tg.nn.Embedding(3, 2)([3]), IndexError, "embedding: number 3 is out of range for 3 rows; numbers run from 0 to 2"),
    "below 0": (lambda: tg.nn.Embedding(3, 2)([[0, -1]]), IndexError, "embedding: number -1 is out of range"),
    "floats as numbers": (lambda: tg.nn.Embedding(3, 2)([1.0]), IndexError, r"embedding: indices must be integers.*astype\(int\)"),
    "largest norm": (lambda: tg.nn.Embedding(3, 2, max_norm=1.0), TypeError, "Embedding: unknown option max_norm=, leave it out: rows are not written"),  # type: ignore[call-arg]
    "sparse": (lambda: tg.nn.Embedding(3, 2, sparse=True), TypeError, "sparse=, leave it out: gradients are dense"),  # type: ignore[call-arg]
    "padding": (lambda: tg.nn.Embedding(3, 2, 3), ValueError, "Embedding: padding_idx is the number of one of 3 rows, got 3"),
    "a table": (lambda: F.embedding([0], np.ones(3)), ValueError, r"embedding: expected a weight \(rows, features\)"),
    "classes": (lambda: F.one_hot([3], 3), IndexError, "one_hot: number 3 is out of range for 3 rows"),
    "no classes": (lambda: F.one_hot(np.empty(0, int)), ValueError, "one_hot: there are no numbers.*num_classes="),
    "probability": (lambda: tg.nn.Dropout(1.5), ValueError, "Dropout: p is the probability.*got 1.5"),
    "in place": (lambda: tg.nn.Dropout2d(0.5, inplace=True), TypeError, "Dropout2d: unknown option inplace=, leave it out: every result"),  # type: ignore[call-arg]
    "axes of channels": (lambda: tg.nn.Dropout2d()(np.ones((2, 3, 4))), ValueError, r"dropout2d: expected an input with 4 axes.*x\[None\]"),
    "dim": (lambda: tg.nn.Softmax(dim=1), TypeError, "Softmax: unknown option dim=, write axis="),  # type: ignore[call-arg]
    "threshold": (lambda: tg.nn.Softplus(threshold=20), TypeError, "Softplus: unknown option threshold=, leave it out: large numbers"),  # type: ignore[call-arg]
    "approximate": (lambda: tg.nn.GELU("fast"), ValueError, "GELU: approximate is 'none' or 'tanh', got 'fast'"),
    "bounds": (lambda: tg.nn.Hardtanh(1.0, -1.0), ValueError, "Hardtanh: expected min_val < max_val"),
    "shrink": (lambda: tg.nn.Softshrink(-1.0), ValueError, "Softshrink: lambd is a number of at least 0"),
    "unflatten": (lambda: tg.nn.Unflatten(1, (2, 2))(BATCH), ValueError, r"Unflatten: unflattened_size=\(2, 2\) does not multiply to axis 1"),
    "unflatten to a number": (lambda: tg.nn.Unflatten(1, 3), TypeError, "Unflatten: unflattened_size is a tuple of lengths, got int 3"),
    "shuffle": (lambda: tg.nn.PixelShuffle(2)(np.ones((3, 4, 4))), ValueError, "pixel_shuffle: upscale_factor=2 needs channels that 4 divides"),
    "fold": (lambda: F.fold(np.ones((1, 4, 5)), 4, 2), ValueError, r"fold: expected \(n, channels \* 4, 9\)"),
    "border": (lambda: tg.nn.ZeroPad2d((1, 2)), ValueError, "ZeroPad2d: padding= must be an integer of at least 0, or a tuple of 4"),
    "axes of a border": (lambda: tg.nn.ReflectionPad2d(1)(BATCH), ValueError, "ReflectionPad2d: expected an input with 3 or 4 axes"),
    "bilinear": (lambda: tg.nn.Bilinear(3, 2, 1)(BATCH, BATCH), ValueError, r"bilinear: expected inputs \(\.\.\., in1\)"),
    "logit": (lambda: F.logit(w((0.5,)), 0.7), ValueError, "logit: eps is a small number between 0 and 0.5"),
    "weights of a unit": (lambda: tg.nn.PReLU(0), ValueError, "PReLU: num_parameters must be an integer of at least 1"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
