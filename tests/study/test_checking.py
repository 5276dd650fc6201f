"""Gradients by hand against backprop: planted mistakes are named, and what is right is never called wrong."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused
from tests.samples import Sample, all_samples
from tests.study.test_explaining import loss_of
from tinygrad_gd.study.checking import check_backward

Made = tuple[tg.Tensor, dict[str, tg.Tensor], dict[str, Any]]


class Hand:
    """Derivatives by hand, with one mistake: ``hand(right, bug=wrong)`` is the wrong one if that is the bug."""

    def __init__(self, bug: str) -> None:
        self.bug = bug
        self.made = not bug

    def __call__(self, right: Any, **wrong: Any) -> Any:
        if self.bug in wrong:
            self.made = True
            return wrong[self.bug]
        return right


def learned(*shape: int, name: str, seed: int = 0) -> tg.Tensor:
    return tg.Tensor(np.random.default_rng(seed).normal(size=shape), requires_grad=True, name=name)


def line(bug: str = "") -> tuple[Made, Hand]:
    """w x + b - y, squared, mean."""
    hand = Hand(bug)
    x = np.array([1.0, 2, 3, 4, 6])
    y = 2 * x + 1
    w, b = tg.Tensor(0.5, requires_grad=True, name="w"), tg.Tensor(0.0, requires_grad=True, name="b")
    error = w * x + b - y
    error.name = "error"
    loss = (error**2).mean()
    e = error.numpy()
    d_error = hand(2 * e / 5, two=e / 5, mean=2 * e, sign=-2 * e / 5, constant=np.ones(5) / 5)
    d_w = hand((d_error * x).sum(), x=d_error.sum(), unsummed=d_error * x, meaned=(d_error * x).mean())
    d_b = hand(d_error.sum(), unsummed_b=d_error)
    return (loss, {"error": error, "w": w, "b": b}, {"error": d_error, "w": d_w, "b": d_b}), hand


def mlp(bug: str = "") -> tuple[Made, Hand]:
    """Two layers with tanh, cross-entropy by hand, and a penalty on the hidden units."""
    hand, n = Hand(bug), 4
    rng = np.random.default_rng(3)
    x, labels = rng.normal(size=(n, 3)), np.array([0, 1, 1, 0])
    t = {"W1": learned(3, 5, name="W1"), "b1": learned(5, name="b1"), "W2": learned(5, 2, name="W2"),
         "b2": learned(2, name="b2")}
    t["pre"] = x @ t["W1"] + t["b1"]
    t["h"] = np.tanh(t["pre"])
    t["z"] = t["h"] @ t["W2"] + t["b2"]
    t["logp"] = tg.log_softmax(t["z"], axis=1)
    loss = -t["logp"][np.arange(n), labels].mean() + 0.01 * (t["h"] * t["h"]).sum()
    for name, tensor in t.items():
        tensor.name = name
    v = {name: tensor.numpy() for name, tensor in t.items()}
    d: dict[str, Any] = {}
    p, hot = np.exp(v["logp"]), np.eye(2)[labels]
    d["logp"] = hand(-hot / n, logp_mean=-hot, logp_sign=hot / n)
    d["z"] = hand((p - hot) / n, onehot=p / n, mean=p - hot, sign=(hot - p) / n, diagonal=-hot / n * (1 - p))
    d["W2"] = hand(v["h"].T @ d["z"], stale=v["pre"].T @ d["z"], W2_half=v["h"].T @ d["z"] / 2)
    d["b2"] = hand(d["z"].sum(0), b2=d["z"], b2_mean=d["z"].mean(0), keep=d["z"].sum(0, keepdims=True))
    back, own = d["z"] @ v["W2"].T, 0.02 * v["h"]
    d["h"] = hand(back + own, forgotten=back, overwritten=own, once=back + own / 2, minus=own - back)
    slope = 1 - v["h"] ** 2
    d["pre"] = hand(d["h"] * slope, tanh=d["h"], twice=d["h"] * (1 - np.tanh(v["h"]) ** 2),
                    argument=d["h"] * (1 - v["pre"] ** 2), doubled=2 * d["h"] * slope)
    d["W1"] = hand(x.T @ d["pre"], turned=(x.T @ d["pre"]).T, W1_sign=-x.T @ d["pre"])
    d["b1"] = hand(d["pre"].sum(0), b1_total=d["pre"].sum())
    return (loss, t, d), hand


def norm(bug: str = "") -> tuple[Made, Hand]:
    """Batch normalisation, in single steps, and a squared error."""
    hand, n = Hand(bug), 6
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(n, 3)), rng.normal(size=(n, 4))
    t = {"W": learned(3, 4, name="W"), "gain": learned(4, name="gain", seed=1), "bias": learned(4, name="bias", seed=2)}
    t["pre"] = x @ t["W"]
    t["mean"] = t["pre"].mean(axis=0)
    t["diff"] = t["pre"] - t["mean"]
    t["var"] = (t["diff"] ** 2).sum(axis=0) / (n - 1)
    t["inv"] = (t["var"] + 1e-5) ** -0.5
    t["raw"] = t["diff"] * t["inv"]
    t["out"] = t["gain"] * t["raw"] + t["bias"]
    loss = ((t["out"] - y) ** 2).mean()
    for name, tensor in t.items():
        tensor.name = name
    v = {name: tensor.numpy() for name, tensor in t.items()}
    d: dict[str, Any] = {"out": hand(2 * (v["out"] - y) / (4 * n), rows=2 * (v["out"] - y) / n)}
    d["gain"] = hand((d["out"] * v["raw"]).sum(0), gain=(d["out"] * v["out"]).sum(0))
    d["bias"] = d["out"].sum(0)
    d["raw"] = hand(d["out"] * v["gain"], no_gain=d["out"])
    d["inv"] = hand((d["raw"] * v["diff"]).sum(0), inv_raw=(d["raw"] * v["raw"]).sum(0))
    d["var"] = hand(-0.5 * d["inv"] * v["inv"] ** 3, power=0.5 * d["inv"] * v["inv"] ** 3)
    straight, around = d["raw"] * v["inv"], d["var"] * 2 * v["diff"] / (n - 1)
    d["diff"] = hand(straight + around, no_var=straight, bessel=straight + d["var"] * 2 * v["diff"] / n)
    d["mean"] = hand(-d["diff"].sum(0), mean_sign=d["diff"].sum(0))
    d["pre"] = hand(d["diff"] + d["mean"] / n, no_mean=d["diff"], mean_n=d["diff"] + d["mean"])
    d["W"] = x.T @ d["pre"]
    return (loss, t, d), hand


def rnn(bug: str = "") -> tuple[Made, Hand]:
    """The same weight in four steps in time, and a sum over the last."""
    hand, steps = Hand(bug), 4
    rng = np.random.default_rng(7)
    xs = rng.normal(size=(steps, 2, 3))
    t = {"U": learned(3, 3, name="U"), "W": learned(3, 3, name="W", seed=1)}
    t["h0"] = np.tanh(xs[0] @ t["U"])
    for k in range(1, steps):
        t[f"h{k}"] = np.tanh(xs[k] @ t["U"] + t[f"h{k - 1}"] @ t["W"])
    loss = t[f"h{steps - 1}"].sum()
    for name, tensor in t.items():
        tensor.name = name
    v = {name: tensor.numpy() for name, tensor in t.items()}
    d: dict[str, Any] = {"h3": hand(np.ones((2, 3)), mean=np.full((2, 3), 1 / 6))}
    back = {k: None for k in range(steps)}
    for k in reversed(range(steps)):
        back[k] = d[f"h{k}"] * (1 - v[f"h{k}"] ** 2)
        if k:
            right = back[k] @ v["W"].T
            d[f"h{k - 1}"] = right if k > 1 else hand(right, turned=back[k] @ v["W"])
    parts = [v[f"h{k - 1}"].T @ back[k] for k in range(1, steps)]
    first = [xs[k].T @ back[k] for k in range(steps)]
    d["W"] = hand(sum(parts), last=parts[-1], all_but_one=parts[1] + parts[2], mean_time=sum(parts) / 3)
    d["U"] = hand(sum(first), truncated=first[2] + first[3], one_lost=first[0] + first[1] + first[3],
                  one_twice=sum(first) + first[1])
    return (loss, t, d), hand


#: Model -> mistake -> (where it is found, what is said of it).
MISTAKES: dict[Callable[[str], tuple[Made, Hand]], dict[str, tuple[str, str]]] = {
    line: {
        "two": ("error", "factor 0.5: the 2 in the derivative of a square is missing"), "mean": ("error", "factor 5: a mean divides by 5, which is missing"),
        "sign": ("error", "the sign"), "constant": ("error", r"local derivative of error \*\* 2 is left out"),
        "x": ("w", r"local derivative of w \* .* is left out"),
        "unsummed": ("w", r"shape is \(5,\), and that of w is \(\): the sum over axis 0 is missing. w was used 5 times"),
        "meaned": ("w", "factor 1/5: it is divided by 5 once too often"),
        "unsummed_b": ("b", "the sum over axis 0 is missing"),
    },
    mlp: {
        "logp_mean": ("logp", "factor 4: a mean divides by 4"), "logp_sign": ("logp", "the sign"),
        "onehot": ("z", "the one-hot that is subtracted"), "mean": ("z", "factor 4: a mean divides by 4"),
        "sign": ("z", "the sign"), "diagonal": ("z", "softmax is multiplied by d, where the sum of d"),
        "stale": ("W2", "is taken with pre where h belongs"), "W2_half": ("W2", "factor 1/2: .*divided by 2 once too often"),
        "b2": ("b2", "the sum over axis 0 is missing"), "b2_mean": ("b2", "factor 1/4: it is divided by 4 once too often"),
        "keep": ("b2", "only the shape is not"),
        "forgotten": ("h", r"h \* h is missing: `=` where `\+=` belongs, or a path"),
        "overwritten": ("h", r"h @ W2 is missing: `=` where `\+=` belongs"),
        "once": ("h", r"h \* h is counted once, where h is used 2 times"), "minus": ("h", r"sign of what comes back through h @ W2 is wrong"),
        "tanh": ("pre", r"local derivative of h = tanh\(pre\) is left out"),
        "twice": ("pre", "tanh is applied twice"), "argument": ("pre", "taken with pre where h belongs"),
        "doubled": ("pre", "factor 2: something is counted twice"), "turned": ("W1", "it is transposed"), "W1_sign": ("W1", "the sign"),
        "b1_total": ("b1", "summed over axis 0 once too often"),
    },
    norm: {
        "rows": ("out", "factor 4: a mean divides by 4"), "gain": ("gain", "taken with out where raw belongs"),
        "no_gain": ("raw", r"local derivative of gain \* raw is left out"), "inv_raw": ("inv", "taken with raw where diff belongs"),
        "power": ("var", "the sign"), "no_var": ("diff", r"diff \*\* 2 is missing"),
        "bessel": ("diff", r"diff \*\* 2 is off by a factor 0.83.*6 and 5 are mixed up"),
        "mean_sign": ("mean", "the sign"), "no_mean": ("pre", r"mean = mean\(pre.*\) is missing"),
        "mean_n": ("pre", r"mean = mean\(pre.*\) is off by a factor 6|local derivative of mean"),
    },
    rnn: {
        "mean": ("h3", "factor 1/6: it is divided by 6 once too often"), "turned": ("h0", "W is taken as it is where its transpose belongs"),
        "last": ("W", "only what comes back through h2 @ W is there, of 3 uses"),
        "all_but_one": ("W", r"through h0 @ W is missing"), "mean_time": ("W", "factor 1/3"),
        "one_lost": ("U", r"is missing: `=` where"), "one_twice": ("U", "is counted twice"),
        "truncated": ("U", "only what comes back through .* @ U, .* @ U is there, of 4 uses: .*a loop that ends too early"),
    },
}
CASES = [(model, bug) for model, bugs in MISTAKES.items() for bug in bugs]


@pytest.mark.parametrize(("model", "bug"), CASES, ids=lambda x: getattr(x, "__name__", x))
def test_a_mistake_is_named_and_nothing_else(model: Callable[[str], tuple[Made, Hand]], bug: str) -> None:
    (loss, tensors, gradients), hand = model(bug)
    assert hand.made
    found = check_backward(loss, {tensors[name]: g for name, g in gradients.items()})
    name, said = MISTAKES[model][bug]
    wrong = [v for v in found.verdicts if v.status == "WRONG"]
    assert [v.name for v in wrong] == [name], str(found)
    assert re.search(said, wrong[0].says), str(found)
    assert not found and max(map(len, str(found).splitlines())) <= 110
    assert len(found.verdicts) == len(gradients)


@pytest.mark.parametrize("model", MISTAKES, ids=lambda m: m.__name__)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_right_gradients_are_never_called_wrong(model: Callable[[str], tuple[Made, Hand]], dtype: Any) -> None:
    (loss, tensors, gradients), _ = model("")
    found = check_backward(loss, {tensors[n]: np.asarray(g, dtype) if dtype == np.float64 else g for n, g in gradients.items()})
    assert found and {v.status for v in found.verdicts} == {"right"}, str(found)
    for name in gradients:  # and each alone, with all that comes before it left out
        assert check_backward(loss, {tensors[name]: gradients[name]})


def test_what_is_nothing_but_rounding_is_not_called_wrong() -> None:
    """A bias before a normalisation has a gradient of 0, of which only rounding is left."""
    rng = np.random.default_rng(0)
    bias, x, y = learned(4, name="bias"), rng.normal(size=(50, 4)), rng.normal(size=(50, 4))
    pre = (x + bias) * 1.0
    loss = (((pre - pre.mean(axis=0)) ** 3 - y) ** 2).mean()
    loss.backward()
    assert bias.grad is not None
    noise = bias.grad.numpy()
    assert 0 < np.abs(noise).max() < 1e-12
    assert check_backward(loss, {bias: np.zeros(4)}) and check_backward(loss, {bias: -2 * noise})
    assert not check_backward(loss, {bias: np.full(4, 1e-9)})


def test_gradients_found_in_another_way_are_right() -> None:
    """Forward mode, one number at a time, rounds otherwise."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))

    def network(first: Any, gain: Any, second: Any) -> Any:
        h = np.exp(x @ first) / (1 + np.exp(x @ first))
        h = (h - h.mean(axis=1, keepdims=True)) / np.sqrt(h.var(axis=1, keepdims=True) + 1e-5)
        return ((tg.softmax(h * gain @ second, axis=1) - y) ** 2).mean()

    values = [rng.normal(size=shape) for shape in ((3, 4), (4,), (4, 2))]
    leaves = [tg.Tensor(v, requires_grad=True) for v in values]
    loss = network(*leaves)
    loss.backward()
    for k, leaf in enumerate(leaves):
        found = np.zeros(leaf.shape)
        for place in np.ndindex(leaf.shape):
            tangents = [np.zeros(v.shape) for v in values]
            tangents[k][place] = 1.0
            found[place] = tg.jvp(network, tuple(values), tuple(tangents))[1].item()
        assert leaf.grad is not None and not np.array_equal(found, leaf.grad.numpy())
        assert check_backward(loss, {leaf: found}), str(check_backward(loss, {leaf: found}))
        found[(0,) * leaf.ndim] *= 1.0001
        assert not check_backward(loss, {leaf: found})


@pytest.mark.parametrize("row", all_samples(), ids=str)
def test_of_every_primitive_right_is_right_and_twice_as_much_is_not(row: Sample) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        leaves, loss = loss_of(row)
    if loss is None:
        assert not any(leaf.grad for leaf in leaves)
        return
    loss.backward()
    held = {leaf: leaf.grad.numpy() for leaf in leaves if leaf.grad is not None}
    finite = {leaf: g for leaf, g in held.items() if np.isfinite(g).all()}
    assert check_backward(loss, finite)
    for leaf, g in finite.items():
        if np.abs(g).max(initial=0.0) > 1e-6:
            (verdict,) = check_backward(loss, {leaf: 2 * g}).verdicts
            assert verdict.status == "WRONG" and verdict.says
            return


def test_there_are_mistakes_enough() -> None:
    assert len(CASES) >= 40 and len(MISTAKES) == 4


def test_what_follows_from_a_mistake_is_no_mistake() -> None:
    (loss, tensors, gradients), _ = mlp("tanh")
    text = str(check_backward(loss, {tensors[name]: g for name, g in gradients.items()}))
    assert re.search(r"d_W1 +\(3, 5\) +follows: it is right but for the mistake above", text)
    assert text.endswith("8 gradients: 5 right, 1 wrong, 2 follows".replace("8", str(len(gradients))))


def test_a_mistake_further_on_is_found_without_what_lies_between() -> None:
    (loss, tensors, gradients), _ = mlp("tanh")
    found = check_backward(loss, {tensors["z"]: gradients["z"], tensors["W1"]: gradients["W1"]})
    assert "local derivative of h = tanh(pre) is left out" in found.verdicts[-1].says, str(found)


def test_numbers_that_fit_two_mistakes_are_said_to() -> None:
    a = tg.Tensor([2.0, 2.0], requires_grad=True, name="a")
    b = tg.Tensor([2.0, 2.0], requires_grad=True, name="b")
    h = a * b
    h.name = "h"
    loss = (h * np.array([0.5, 0.5])).sum() + (a * 3).sum()
    (verdict,) = check_backward(loss, {a: np.array([1.0, 1.0]) * 3}).verdicts
    assert "is missing" in verdict.says
    loss = (a * 2).sum() + (4 * a / 2).sum()
    (verdict,) = check_backward(loss, {a: np.array([2.0, 2.0])}).verdicts
    assert verdict.says.startswith("these numbers fit more than one mistake: ") and "; or " in verdict.says


def test_numbers_that_no_single_mistake_gives_are_shown_where_they_differ() -> None:
    (loss, tensors, gradients), _ = mlp("")
    wrong = gradients["W1"].copy()
    wrong[1, 2] += 0.25
    wrong[2, 0] -= 0.125
    (verdict,) = check_backward(loss, {tensors["W1"]: wrong}).verdicts
    assert verdict.says.startswith("2 of 15 numbers differ; yours at [1, 2] is ") and "No single mistake" in verdict.says


def test_gradients_may_be_tensors_and_lists() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    loss = (w * w).sum()
    assert check_backward(loss, {w: tg.Tensor([2.0, 4.0])}) and check_backward(loss, {w: [2.0, 4.0]})
    assert tg.check_backward is check_backward


def stale() -> None:
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    loss = (w * w).sum()
    with tg.no_grad():
        w -= 1.0
    check_backward(loss, {w: [2.0, 4.0]})


W = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
MISUSE: Table = {
    "no loss": (lambda: check_backward(W, {}), RuntimeError, "expected a loss"),
    "several numbers": (lambda: check_backward(W * 2, {}), RuntimeError, "expected a loss"),
    "names": (lambda: check_backward((W * 2).sum(), {"w": 1}), TypeError, r"dict from Tensors.*\{w: dw\}"),  # type: ignore[dict-item]
    "after the update": (stale, RuntimeError, r"'w'.*was changed after the loss"),
    "another": (lambda: check_backward((W * 2).sum(), {tg.Tensor(1.0, name="v"): 1}), RuntimeError, r"flows to v; v\.why\(loss\) says"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])


def test_windows_of_pools_are_told_from_one_another() -> None:
    x = tg.Tensor(np.random.default_rng(0).normal(size=(2, 3, 4, 4)), requires_grad=True, name="x")
    for pool, wrong, said in ((tg.max_pool2d, 1.0, "goes to all of each window"), (tg.max_pool2d, 0.25, "as by a mean"),
                              (tg.avg_pool2d, 1.0, "is not divided by the 4 numbers")):
        h = pool(x, 2)
        h.name = "h"
        loss = (h * h).sum()
        d_h = 2 * h.numpy()
        told = check_backward(loss, {h: d_h, x: wrong * d_h.repeat(2, axis=2).repeat(2, axis=3)})
        assert [v.status for v in told.verdicts] == ["right", "WRONG"] and said in told.verdicts[1].says, told


def test_a_factor_that_is_zero_everywhere_makes_no_second_mistake() -> None:
    h0, wh = tg.Tensor(np.zeros((2, 3)), name="h0"), tg.Tensor(np.eye(3) / 2, requires_grad=True, name="Wh")
    h1 = np.tanh(h0 @ wh + 1.0)
    h2 = np.tanh(h1 @ wh)
    told = check_backward((h2 * h2).sum(), {wh: np.zeros((3, 3))})
    assert "fit more than one" not in told.verdicts[0].says, told
