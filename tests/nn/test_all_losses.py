"""Every loss with every option: PyTorch's numbers and gradients, plain formulas, and the same bits compiled."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
import tinygrad_gd.nn.functional as F
from tests.misuse import Table, refused, w
from tests.program.steps import assert_same_bits
from tinygrad_gd.nn.losses import Loss

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(5, 4)), RNG.normal(size=(5, 4))
CHANCES = RNG.uniform(0.05, 0.95, (5, 4))
ROWS_OF_CHANCES = CHANCES / CHANCES.sum(1, keepdims=True)
BITS, SIGNS = RNG.integers(0, 2, (5, 4)).astype(float), np.array([1.0, -1.0, -1.0, 1.0, 1.0])
LABELS = np.array([2, 0, 3, 3, 1])
GRID, GRID_LABELS = RNG.normal(size=(2, 4, 3)), RNG.integers(0, 4, (2, 3))
WEIGHTS, POSITIVE = np.array([1.0, 0.2, 3.0, 0.5]), RNG.uniform(0.5, 2.0, (5, 4))
COUNTS = RNG.poisson(2.0, (5, 4)).astype(float)
LISTS = np.array([[1, 3, -1, 0], [0, -1, 2, 2], [-1, 1, 2, 3], [3, 2, 1, 0], [2, 2, -1, -1]])
SPOKEN, WORDS = RNG.normal(size=(6, 3, 4)), np.array([[1, 1, 2], [2, 2, 1], [1, 2, 1]])
IGNORED = np.where(np.arange(5) == 1, -100, LABELS)

#: Function -> calls: the inputs, of which the first ``differentiated`` ones get gradients, and options.
CASES: dict[str, list[tuple[tuple[Any, ...], int, dict[str, Any]]]] = {
    "mse_loss": [((X, Y), 2, {}), ((X, Y), 2, {"weight": POSITIVE})],
    "l1_loss": [((X, Y), 2, {}), ((X, Y), 2, {"weight": POSITIVE})],
    "smooth_l1_loss": [((X, Y), 2, {}), ((X, Y), 2, {"beta": 0.3}), ((X, Y), 2, {"beta": 0.0})],
    "huber_loss": [((X, Y), 2, {}), ((X, Y), 2, {"delta": 0.4}), ((X, Y), 2, {"delta": 2.0, "weight": POSITIVE})],
    "kl_div": [((np.log(ROWS_OF_CHANCES), BITS), 1, {}), ((X, POSITIVE), 2, {}), ((X, Y), 2, {"log_target": True})],
    "gaussian_nll_loss": [
        ((X, Y, POSITIVE), 3, {}), ((X, Y, POSITIVE), 3, {"full": True}), ((X, Y, POSITIVE), 3, {"eps": 1.0}),
        ((X, Y, POSITIVE[:, 0]), 3, {}), ((X, Y, POSITIVE[:, :1]), 3, {}), ((X, Y, 2.0), 2, {})],
    "poisson_nll_loss": [
        ((X, COUNTS), 2, {}), ((POSITIVE, COUNTS), 2, {"log_input": False, "eps": 0.1}), ((X, COUNTS), 1, {"full": True})],
    "nll_loss": [
        ((X, LABELS), 1, {}), ((X, LABELS), 1, {"weight": WEIGHTS}), ((GRID, GRID_LABELS), 1, {"weight": WEIGHTS}),
        ((X, IGNORED), 1, {"ignore_index": -100}), ((X, LABELS), 1, {"ignore_index": 3, "weight": WEIGHTS}),
        ((X[0], np.array(2)), 1, {})],
    "cross_entropy": [
        ((X, LABELS), 1, {}), ((X, LABELS), 1, {"weight": WEIGHTS}), ((X, IGNORED), 1, {"ignore_index": -100}),
        ((X, LABELS), 1, {"label_smoothing": 0.1}), ((X, LABELS), 1, {"label_smoothing": 0.1, "weight": WEIGHTS}),
        ((X, LABELS), 1, {"label_smoothing": 0.1, "weight": WEIGHTS, "ignore_index": 3}),
        ((X, LABELS), 1, {"label_smoothing": 1.0, "ignore_index": 0}), ((X, LABELS), 1, {"ignore_index": 2}),
        ((GRID, GRID_LABELS), 1, {}), ((GRID, GRID_LABELS), 1, {"weight": WEIGHTS, "label_smoothing": 0.2}),
        ((X, ROWS_OF_CHANCES), 2, {}), ((X, ROWS_OF_CHANCES), 2, {"weight": WEIGHTS, "label_smoothing": 0.1}),
        ((GRID, np.abs(GRID) / 3), 2, {"weight": WEIGHTS}), ((X[0], np.array(2)), 1, {}), ((X[0], ROWS_OF_CHANCES[0]), 2, {}),
        ((RNG.normal(size=(2, 4, 2, 2)), RNG.integers(0, 4, (2, 2, 2))), 1, {"ignore_index": 1})],
    "binary_cross_entropy": [
        ((CHANCES, BITS), 1, {}), ((CHANCES, CHANCES.T.reshape(5, 4)), 2, {"weight": POSITIVE}), ((CHANCES, BITS), 1, {"weight": WEIGHTS}),
        ((np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0, 1.0])), 1, {})],
    "binary_cross_entropy_with_logits": [
        ((X, BITS), 2, {}), ((X, CHANCES), 2, {"weight": POSITIVE}), ((X * 100, BITS), 1, {"pos_weight": WEIGHTS}),
        ((X, BITS), 2, {"pos_weight": WEIGHTS, "weight": WEIGHTS})],
    "soft_margin_loss": [((X[:, 0], SIGNS), 1, {})],
    "multilabel_soft_margin_loss": [((X, BITS), 2, {}), ((X, BITS), 2, {"weight": WEIGHTS}), ((X[0], BITS[0]), 1, {})],
    "multi_margin_loss": [
        ((X, LABELS), 1, {}), ((X, LABELS), 1, {"p": 2}), ((X, LABELS), 1, {"margin": 0.3}), ((X, LABELS), 1, {"weight": WEIGHTS}),
        ((X[0], np.array(1)), 1, {})],
    "multilabel_margin_loss": [((X, LISTS), 1, {}), ((X[0], LISTS[0]), 1, {})],
    "hinge_embedding_loss": [((POSITIVE[:, 0], SIGNS), 1, {}), ((POSITIVE[:, 0], SIGNS), 1, {"margin": 2.0})],
    "cosine_embedding_loss": [
        ((X, Y, SIGNS), 2, {}), ((X, Y, SIGNS), 2, {"margin": -0.5}), ((X[0], Y[0], np.array(1.0)), 2, {})],
    "margin_ranking_loss": [((X[:, 0], Y[:, 0], SIGNS), 2, {}), ((X[:, 0], Y[:, 0], SIGNS), 2, {"margin": 0.5})],
    "triplet_margin_loss": [
        ((X, Y, POSITIVE), 3, {}), ((X, Y, POSITIVE), 3, {"swap": True, "margin": 3.0}), ((X, Y, POSITIVE), 3, {"p": 1.0, "eps": 0.1}),
        ((X, Y, POSITIVE), 3, {"p": 3.0, "margin": 2.0}), ((X[0], Y[0], POSITIVE[0]), 3, {})],
    "triplet_margin_with_distance_loss": [((X, Y, POSITIVE), 3, {}), ((X, Y, POSITIVE), 3, {"swap": True, "margin": 3.0})],
}
CASES["ctc_loss"] = [  # compared with PyTorch by the logits: its gradients are right after log_softmax only
    ((SPOKEN, WORDS, np.array([6, 5, 6]), np.array([3, 2, 0])), 1, {}),
    ((SPOKEN, WORDS, np.array([6, 6, 3]), np.array([2, 1, 3])), 1, {"blank": 3}),
    ((SPOKEN, WORDS, np.array([6, 2, 6]), np.array([3, 2, 3])), 1, {"zero_infinity": True}),
    ((SPOKEN[:, 0], WORDS[0], np.array([6]), np.array([3])), 1, {})]
ROWS = [(name, i, reduction) for name, cases in CASES.items() for i in range(len(cases))
        for reduction in ("mean", "sum", "none", *(["batchmean"] if name == "kl_div" else []))]


def module_of(name: str) -> type[Loss]:
    """The module of a function."""
    homes = [getattr(tg.nn, n) for n in tg.nn.__all__ if inspect.isclass(getattr(tg.nn, n))]
    (found,) = (c for c in homes if issubclass(c, Loss) and doc_of(c).startswith(f"`{name}`"))
    return found


def doc_of(cls: type) -> str:
    return cls.__doc__ or ""


def computed(name: str, case: int, reduction: str) -> tuple[Any, list[Any]]:
    """Ours: the values, and the gradients of the inputs for fixed cotangents."""
    inputs, number, options = CASES[name][case]
    tensors = [tg.Tensor(x, requires_grad=i < number) for i, x in enumerate(inputs)]
    given = [F.log_softmax(tensors[0], -1), *inputs[1:]] if name == "ctc_loss" else tensors
    out = getattr(F, name)(*given, reduction=reduction, **options)
    out.backward(np.cos(np.arange(out.size)).reshape(out.shape))
    return out.numpy(), [t.grad.numpy() for t in tensors[:number]]


def wanted(name: str, case: int, reduction: str) -> tuple[Any, list[Any]]:
    """PyTorch's."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    inputs, number, options = CASES[name][case]
    given = [torch.tensor(x, requires_grad=i < number) if isinstance(x, np.ndarray) else x
             for i, x in enumerate(inputs)]
    options = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    first = torch.log_softmax(given[0], -1) if name == "ctc_loss" else given[0]
    out = getattr(torch.nn.functional, name)(first, *given[1:], reduction=reduction, **options)
    out.backward(torch.tensor(np.cos(np.arange(out.numel())).reshape(out.shape)))
    return out.detach().numpy(), [t.grad.numpy() for t in given[:number]]


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize(("name", "case", "reduction"), ROWS)
def test_values_and_gradients_equal_pytorch(name: str, case: int, reduction: str) -> None:
    theirs, their_gradients = wanted(name, case, reduction)
    ours, gradients = computed(name, case, reduction)
    assert ours.shape == theirs.shape and len(gradients) == len(their_gradients) > 0
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    for a, b in zip(gradients, their_gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_the_module_computes_the_function_with_its_options(name: str) -> None:
    made = module_of(name)
    assert getattr(tg.nn, name) is getattr(F, name)
    for inputs, _, options in CASES[name]:
        options = {k: v for k, v in options.items() if k in inspect.signature(made).parameters}
        for reduction in ("sum", "none"):
            module = made(**options, reduction=reduction)
            assert module(*map(tg.Tensor, inputs)).tolist() == getattr(F, name)(
                *inputs, reduction=reduction, **options).tolist()
            assert sorted(module.state_dict()) == sorted({"weight", "pos_weight"} & set(options))


def test_every_loss_is_in_the_table() -> None:
    functions = {n for n in F.__all__ if n.endswith("loss") or n in (
        "cross_entropy", "kl_div", "binary_cross_entropy", "binary_cross_entropy_with_logits")}
    assert functions == set(CASES)
    modules = {n for n in tg.nn.__all__ if inspect.isclass(getattr(tg.nn, n)) and issubclass(getattr(tg.nn, n), Loss)}
    assert {module_of(name).__name__ for name in CASES} == modules and len(modules) == len(CASES)


#: Not at the bounds, where gradients are 1e12; and smaller variances get the gradient of eps, by intent.
SMOOTH = [(name, i) for name, cases in CASES.items() for i in range(len(cases))
          if (name, i) not in (("binary_cross_entropy", 3), ("gaussian_nll_loss", 2))]


def step_of(name: str, case: int) -> Callable[[], Any]:
    inputs, number, options = CASES[name][case]

    def build() -> Any:
        tensors = [tg.Tensor(x, requires_grad=i < number) for i, x in enumerate(inputs)]
        optimizer = tg.optim.SGD(tensors[:number], lr=1e-4)
        loss = module_of(name)(**{k: v for k, v in options.items() if k in inspect.signature(module_of(name)).parameters})

        def step() -> Any:
            value = loss(*tensors)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            return value

        return step, tensors

    return build


@pytest.mark.parametrize(("name", "case"), [*SMOOTH, ("gaussian_nll_loss", 2)])
def test_compiled_and_frozen_steps_have_the_same_bits(name: str, case: int) -> None:
    assert_same_bits(step_of(name, case), steps=4)


@pytest.mark.parametrize(("name", "case"), SMOOTH)
def test_gradients_are_those_of_differences(name: str, case: int) -> None:
    inputs, number, options = CASES[name][case]
    assert tg.gradcheck(lambda *x: getattr(F, name)(*x, *inputs[number:], **options), list(inputs[:number]))


# -- formulas, element by element -----------------------------------------------------------------------


def softmax(row: Any) -> Any:
    return np.exp(row) / np.exp(row).sum()


def by_hand() -> Iterator[tuple[str, float, float]]:
    nll = [-np.log(softmax(X[i])[k]) for i, k in enumerate(LABELS)]
    share = WEIGHTS[LABELS]
    yield "weight", F.cross_entropy(X, LABELS, weight=WEIGHTS).item(), (share * nll).sum() / share.sum()
    rest = [n for n, k in zip(nll, LABELS, strict=True) if k != 3]
    yield "ignore_index", F.cross_entropy(X, LABELS, ignore_index=3).item(), float(np.mean(rest))
    spread = [0.9 * n - 0.1 * np.log(softmax(X[i])).mean() for i, n in enumerate(nll)]
    yield "smoothing", F.cross_entropy(X, LABELS, label_smoothing=0.1).item(), float(np.mean(spread))
    onehot = np.eye(4)[LABELS]
    yield "one-hot", F.cross_entropy(X, onehot).item(), float(np.mean(nll))
    chance = 1 / (1 + np.exp(-X))
    bce = -(BITS * np.log(chance) + (1 - BITS) * np.log(1 - chance))
    yield "bce", F.binary_cross_entropy(chance, BITS).item(), bce.mean()
    yield "logits", F.binary_cross_entropy_with_logits(X, BITS).item(), bce.mean()
    positive = -(WEIGHTS * BITS * np.log(chance) + (1 - BITS) * np.log(1 - chance))
    yield "pos_weight", F.binary_cross_entropy_with_logits(X, BITS, pos_weight=WEIGHTS).item(), positive.mean()
    yield "multilabel soft", F.multilabel_soft_margin_loss(X, BITS).item(), bce.mean()
    margins = [sum(max(0.0, 1 - X[i, k] + X[i, j]) ** 2 for j in range(4) if j != k) / 4 for i, k in enumerate(LABELS)]
    yield "multi margin", F.multi_margin_loss(X, LABELS, p=2).item(), float(np.mean(margins))
    lists = [[1, 3], [0], [], [3, 2, 1, 0], [2, 2]]
    margins = [sum(max(0.0, 1 - x[j] + x[i]) for j in mine for i in set(range(4)) - set(mine)) / 4
               for x, mine in zip(X, lists, strict=True)]
    yield "multilabel margin", F.multilabel_margin_loss(X, LISTS).item(), float(np.mean(margins))
    normal = np.log(np.sqrt(2 * np.pi * POSITIVE)) + (X - Y) ** 2 / (2 * POSITIVE)
    yield "gaussian", F.gaussian_nll_loss(X, Y, POSITIVE, full=True).item(), normal.mean()
    yield "kl", F.kl_div(np.log(ROWS_OF_CHANCES), onehot, "batchmean").item(), -np.log(ROWS_OF_CHANCES[onehot == 1]).mean()
    lengths = [np.sqrt(((X[i] - Z[i] + 1e-6) ** 2).sum()) for Z in (Y, POSITIVE) for i in range(5)]
    triplets = [max(0.0, 1 + near - far) for near, far in zip(lengths[:5], lengths[5:], strict=True)]
    yield "triplet", F.triplet_margin_loss(X, Y, POSITIVE).item(), float(np.mean(triplets))


def test_ctc_sums_over_all_alignments() -> None:
    """Every path of classes in time that reads as the labels when repeats are joined and blanks left out."""
    chances = np.exp(SPOKEN[:, 0]) / np.exp(SPOKEN[:, 0]).sum(1, keepdims=True)
    total = 0.0
    for path in itertools.product(range(4), repeat=6):
        if [k for k, before in zip(path, (None, *path), strict=False) if k not in (0, before)] == [1, 1, 2]:
            total += float(np.prod(chances[np.arange(6), path]))
    loss = F.ctc_loss(np.log(chances), WORDS[0], [6], [3], reduction="sum")
    assert total > 0 and abs(loss.item() + np.log(total)) < 1e-12
    assert F.ctc_loss(np.log(chances), WORDS[0], [3], [3], reduction="sum").item() == np.inf


@pytest.mark.parametrize(("what", "ours", "expected"), [pytest.param(*row, id=row[0]) for row in by_hand()])
def test_formulas(what: str, ours: float, expected: float) -> None:
    assert expected > 0 and abs(ours - expected) < 1e-12 * (1 + expected), what


# -- what is hardly meant ------------------------------------------------------------------------------


def test_options_of_no_effect_leave_the_plain_cross_entropy() -> None:
    """With a weight of 1 and no smoothing all ways to say it agree; a reduction may come third."""
    plain = F.cross_entropy(X, LABELS).item()
    for made in (F.cross_entropy(X, LABELS, np.ones(4)), F.cross_entropy(X, LABELS, ignore_index=-1),
                 F.cross_entropy(X, LABELS, np.ones(4), -1, "mean", 0.0), F.cross_entropy(X[:, :, None], LABELS[:, None])):
        assert abs(made.item() - plain) < 1e-14
    assert F.cross_entropy(X, LABELS, "sum").item() == 5 * plain == tg.nn.CrossEntropyLoss("sum")(X, LABELS).item()


def test_weights_take_the_dtype_of_the_logits() -> None:
    x = tg.Tensor(X.astype(np.float32), requires_grad=True)
    for loss in (tg.nn.CrossEntropyLoss(weight=WEIGHTS.tolist(), label_smoothing=0.1)(x, LABELS),
                 tg.nn.BCEWithLogitsLoss(pos_weight=WEIGHTS)(x, BITS.astype(int)), tg.nn.L1Loss()(x, BITS.astype(int)),
                 tg.nn.NLLLoss(WEIGHTS, 2)(x, LABELS), tg.nn.MultiMarginLoss(weight=WEIGHTS)(x, LABELS)):
        loss.backward()
        assert loss.dtype == np.float32


def test_probabilities_where_logits_are_meant_are_told_once() -> None:
    logits = tg.Tensor(np.random.default_rng(1).normal(size=(7, 13)))
    labels = np.arange(7)
    tg.nn.cross_entropy(tg.Tensor(np.eye(13)[:6]), labels[:6])  # logits of 0 and 1 may be meant
    with pytest.warns(tg.LossWarning, match=r"^cross_entropy: float64 of shape \(7, 13\) holds prob.*leave the softmax out, or give nll_loss"):
        tg.nn.cross_entropy(tg.softmax(logits, axis=1), labels)
    tg.nn.cross_entropy(tg.softmax(logits, axis=1), labels)
    with pytest.warns(tg.LossWarning):
        tg.nn.cross_entropy(tg.softmax(logits[:3], axis=1), labels[:3])
    with pytest.warns(tg.LossWarning):
        tg.nn.cross_entropy(tg.softmax(logits[:4], axis=1), labels[:4], weight=np.ones(13))


def test_a_sigmoid_before_a_loss_of_logits_is_told() -> None:
    x = tg.Tensor(X, requires_grad=True)
    with pytest.warns(tg.LossWarning, match=r"^binary_cross_entropy_with_logits: .*leave the sigmoid out, or give binary_cross_entropy the"):
        tg.nn.BCEWithLogitsLoss()(tg.sigmoid(x), BITS)
    tg.nn.BCELoss()(tg.sigmoid(x), BITS)


def test_a_compiled_loss_checks_the_labels_of_each_call() -> None:
    x = tg.Tensor(X, requires_grad=True)
    for loss, right, wrong in (
            (lambda y: F.nll_loss(x, y), LABELS, LABELS + 1), (lambda y: F.soft_margin_loss(x[:, 0], y), SIGNS, SIGNS * 0),
            (lambda y: F.binary_cross_entropy(tg.sigmoid(x), y, weight=y), BITS, None),
            (lambda y: F.binary_cross_entropy(y, BITS), CHANCES, CHANCES + 1)):
        for frozen in (False, True):
            step = tg.compile(loss, frozen=frozen)
            for _ in range(6):
                step(tg.Tensor(right))
            if wrong is not None:
                with pytest.raises(tg.TinygradGdError, match=r"out of range|targets are 1 or -1, got 0|probabilities"):
                    step(tg.Tensor(wrong))


ONES = np.ones((5, 4))
MISUSE: Table = {
    "labels from 1": (lambda: F.cross_entropy(w(X), LABELS + 1), IndexError, "label 4 is out of range for 4 classes.*these start at 1, write labels - 1"),
    "labels to ignore": (lambda: F.cross_entropy(w(X), IGNORED), IndexError, "label -100 is out.*give ignore_index=-100"),
    "one column": (lambda: F.cross_entropy(w(X[:, :1]), BITS[:, 0].astype(int)), IndexError, "one column to binary_cross_entropy_with_logits"),
    "one-hot labels": (lambda: F.cross_entropy(w(X), np.eye(4, dtype=int)[LABELS]), ValueError, r"one-hot: give class numbers, labels\.argmax\(axis=1\)"),
    "labels in a column": (lambda: F.cross_entropy(w(X), LABELS[:, None]), ValueError, r"write labels\.reshape\(-1\)"),
    "one-hot of others": (lambda: F.cross_entropy(w(X), np.eye(9)[LABELS]), ValueError, "one-hot labels need a column for each of 4 classes"),
    "classes at the end": (lambda: F.cross_entropy(w(GRID.swapaxes(1, 2)), GRID_LABELS), ValueError, r"classes are in axis 1: write logits\.reshape"),
    "float labels": (lambda: F.nll_loss(w(X), LABELS * 1.0), TypeError, r"nll_loss: labels are class numbers, got float64.*astype\(int\)"),
    "nll labels from 1": (lambda: F.nll_loss(w(X), LABELS + 1), IndexError, "^nll_loss: label 4.*labels - 1"),
    "numbers for yes or no": (lambda: F.binary_cross_entropy_with_logits(w(X), LABELS), ValueError, r"^binary_cross_entropy_with_logits: .*np\.eye\(4\)\[target\] if these are numbers of classes"),
    "a column and a row": (lambda: F.binary_cross_entropy_with_logits(w(X[:, :1]), SIGNS), ValueError, r"broadcast against each other.*target\.reshape\(\(5, 1\)\)"),
    "logits for probabilities": (lambda: F.binary_cross_entropy(w(X), BITS), ValueError, "inputs are probabilities between 0 and 1, got .*; for logits use binary_cross_entropy_with_logits"),
    "labels 0 and 1 as signs": (lambda: F.hinge_embedding_loss(w(X), BITS), ValueError, r"hinge_embedding_loss: targets are 1 or -1, got 0\.0; of labels 0 and 1 write 2 \* target - 1"),
    "signs of pairs": (lambda: F.cosine_embedding_loss(w(X), Y, BITS[:, 0]), ValueError, "cosine_embedding_loss: targets are 1 or -1"),
    "targets of pairs": (lambda: F.cosine_embedding_loss(w(X), Y, BITS), ValueError, r"expected inputs \(n, features\) and targets \(n,\)"),
    "negative variance": (lambda: F.gaussian_nll_loss(w(X), Y, -POSITIVE), ValueError, r"var is at least 0, got -.*tg\.softplus"),
    "other variances": (lambda: F.gaussian_nll_loss(w(X), Y, POSITIVE[:, :2]), ValueError, r"var has the input's shape \(5, 4\).*one variance for each row, \(5,\)"),
    "weights of other classes": (lambda: F.cross_entropy(w(X), LABELS, weight=[1.0, 2.0]), ValueError, r"weight has one number for each of 4 classes, got float64 of shape \(2,\)"),
    "weights of rows": (lambda: F.binary_cross_entropy(w(CHANCES), BITS, SIGNS), ValueError, r"weight broadcasts to the shape of the input, \(5, 4\)"),
    "weights of another shape": (lambda: F.mse_loss(w(X), Y, weight=WEIGHTS), ValueError, "mse_loss: the input is .*the weight"),
    "smoothing": (lambda: F.cross_entropy(w(X), LABELS, label_smoothing=2), ValueError, "label_smoothing is between 0 and 1, got 2"),
    "smoothing as a switch": (lambda: F.cross_entropy(w(X), LABELS, label_smoothing=True), TypeError, "label_smoothing is a number, got bool"),
    "ignored probabilities": (lambda: F.cross_entropy(w(X), ROWS_OF_CHANCES, ignore_index=1), ValueError, "ignore_index= is a class number, but the labels are probabilities"),
    "ignored text": (lambda: tg.nn.NLLLoss(ignore_index="a"), TypeError, "NLLLoss: ignore_index must be an integer, got str 'a'"),
    "reduction": (lambda: tg.nn.L1Loss("batchmean"), ValueError, "L1Loss: reduction is 'mean', 'sum' or 'none', got 'batchmean'"),
    "reduction of a divergence": (lambda: F.kl_div(w(X), Y, "average"), ValueError, "'batchmean', 'mean', 'sum' or 'none'"),
    "margin": (lambda: F.triplet_margin_loss(w(X), Y, Y, margin=0), ValueError, "triplet_margin_loss: margin must be greater than 0"),
    "no distance": (lambda: tg.nn.TripletMarginWithDistanceLoss(distance_function=3), TypeError, "distance_function is a function of two Tensors, got int"),  # type: ignore[arg-type]
    "power": (lambda: F.multi_margin_loss(w(X), LABELS, p=3), ValueError, "p is 1 or 2, got 3"),
    "delta": (lambda: F.huber_loss(w(X), Y, delta=0), ValueError, "huber_loss: delta must be greater than 0"),
    "beta": (lambda: F.smooth_l1_loss(w(X), Y, beta=-1), ValueError, "beta must be at least 0"),
    "full as text": (lambda: tg.nn.PoissonNLLLoss(full="yes"), TypeError, "PoissonNLLLoss: full: expected True or False"),  # type: ignore[arg-type]
    "lists of labels": (lambda: F.multilabel_margin_loss(w(X), BITS), ValueError, "numbers of each row's classes, then -1; got"),
    "listed labels": (lambda: F.multilabel_margin_loss(w(X), LISTS + 1), ValueError, "labels run from 0 to 3, got 4; and -1 ends"),
    "targets in a row": (lambda: F.ctc_loss(w(SPOKEN), WORDS.reshape(-1), [6] * 3, [3] * 3), ValueError, r"expected log_probs \(time, n, classes\).*pad targets"),
    "lengths of inputs": (lambda: F.ctc_loss(w(SPOKEN), WORDS, [6, 7, 6], [3] * 3), ValueError, "input_lengths are between 0 and 6, got 7"),
    "one length": (lambda: F.ctc_loss(w(SPOKEN), WORDS, [6], [3] * 3), ValueError, "input_lengths are 3 integers, one for each sequence"),
    "labels of ctc": (lambda: F.ctc_loss(w(SPOKEN), WORDS + 2, [6] * 3, [3] * 3), ValueError, "labels run from 0 to 3, got 4"),
    "the blank": (lambda: F.ctc_loss(w(SPOKEN), WORDS, [6] * 3, [3] * 3, blank=4), ValueError, "blank is one of the classes 0 to 3, got 4"),
    "old reductions": (lambda: tg.nn.BCELoss(size_average=True), TypeError, "BCELoss: unknown option size_average=, write reduction="),  # type: ignore[call-arg]
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
