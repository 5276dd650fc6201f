"""Mistakes planted in the backward of a CNN, of an RNN with a loss at each step, and of attention with LayerNorm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.study.checking import check_backward
from tinygrad_gd.study.closeness import blur_of

Hand = dict[tg.Tensor, Any]


def learned(rng: Any, *shape: int, name: str) -> tg.Tensor:
    return tg.Tensor(rng.normal(size=shape) * 0.7, requires_grad=True, name=name)


def named(name: str, made: Any) -> Any:
    made.name = name
    return made


def softmax(z: Any) -> Any:
    powers = np.exp(z - z.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def cnn(bug: str = "") -> tuple[tg.Tensor, Hand]:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 1, 6, 6)), np.array([0, 1, 1, 0])
    kernel, bias, W = learned(rng, 2, 1, 3, 3, name="kernel"), learned(rng, 2, 1, 1, name="bias"), learned(rng, 8, 3, name="W")
    c = named("c", tg.conv2d(x, kernel) + bias)
    r = named("r", np.tanh(c))
    q = named("q", tg.max_pool2d(r, 2))
    z = named("z", q.reshape(4, -1) @ W)
    loss = tg.nn.cross_entropy(z, y)
    d_z = (softmax(z.numpy()) - np.eye(3)[y]) / 4
    d_q = (d_z @ W.numpy().T).reshape(q.shape)
    spread = d_q.repeat(2, axis=2).repeat(2, axis=3)
    d_r = spread * (r.numpy() == q.numpy().repeat(2, axis=2).repeat(2, axis=3))
    d_r = {"all": spread, "mean": spread / 4}.get(bug, d_r)
    d_c = d_r * {"square": 1 - r.numpy(), "bent": r.numpy() ** 2}.get(bug, 1 - r.numpy() ** 2)
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
    d_kernel = np.einsum("nchwij,nohw->ocij", windows, d_r if bug == "stale" else d_c)
    d_kernel = d_kernel[:, :, ::-1, ::-1] if bug == "flip" else d_kernel
    d_bias = (d_c.mean if bug == "bias" else d_c.sum)(axis=(0, 2, 3), keepdims=True)[0]
    return loss, {z: d_z, q: d_q, r: d_r, c: d_c, kernel: d_kernel, bias: d_bias}


def rnn(bug: str = "") -> tuple[tg.Tensor, Hand]:
    rng = np.random.default_rng(1)
    xs, y = rng.normal(size=(4, 2, 3)), rng.normal(size=(2, 1))
    Wx, Wh, Wy = learned(rng, 3, 5, name="Wx"), learned(rng, 5, 5, name="Wh"), learned(rng, 5, 1, name="Wy")
    h: list[Any] = [tg.Tensor(rng.normal(size=(2, 5)), name="h0")]
    for t, x in enumerate(xs, 1):
        h.append(named(f"h{t}", np.tanh(x @ Wx + h[-1] @ Wh)))
    out = [named(f"o{t}", state @ Wy) for t, state in enumerate(h[1:], 1)]
    loss = sum(((o - y) ** 2).mean() for o in out)
    values, d_out = [state.numpy() for state in h], [o.numpy() - y for o in out]
    d_h: dict[tg.Tensor, Any] = {}
    d_a: list[Any] = [None] * 4
    later: Any = 0
    for t in (3, 2, 1, 0):
        here = d_out[t] @ Wy.numpy().T
        mine = here if bug == "next" and t == 1 else later if bug == "here" and t == 1 else here + later
        d_h[h[t + 1]] = mine
        d_a[t] = mine * (1 - values[t + 1] ** 2)
        later = (mine if bug == "bent" and t == 3 else d_a[t]) @ (Wh.numpy() if bug == "T" and t == 3 else Wh.numpy().T)
    states = {"after": values[1:], "first": [values[0]] * 4, "last": [values[3]] * 4, "early": [0 * values[0], *values]}.get(bug, values)
    steps = {"forgets h0": range(1, 4), "only the last": [3]}.get(bug, range(4))
    d_Wh = sum(states[t].T @ d_a[t] for t in steps)
    d_Wx = sum(xs[t].T @ d_a[t] for t in range(4))
    d_Wy = sum(values[t + 1].T @ d_out[t] for t in range(4))
    return loss, {**dict(zip(out, d_out, strict=True)), **d_h, Wy: d_Wy, Wh: d_Wh, Wx: d_Wx}


def gpt(bug: str = "") -> tuple[tg.Tensor, Hand]:
    rng = np.random.default_rng(2)
    ids, y = np.array([1, 2, 0, 2, 4]), np.array([2, 0, 2, 1, 3])
    E, gain, Q, K, V = (learned(rng, *s, name=n) for n, s in (
        ("E", (6, 4)), ("gain", (4,)), ("Q", (4, 4)), ("K", (4, 4)), ("V", (4, 4))))
    x = named("x", E[ids])
    q, k, v = (named(n, x @ w) for n, w in (("q", Q), ("k", K), ("v", V)))
    s = named("s", q @ k.T / 2.0)
    p = named("p", tg.softmax(s, axis=-1))
    r = named("r", x + p @ v)
    c = named("c", r - r.mean(axis=1, keepdims=True))
    n = named("n", c / np.sqrt((c * c).mean(axis=1, keepdims=True) + 1e-5))
    u = named("u", n * gain)
    z = named("z", u @ E.T)
    loss = tg.nn.cross_entropy(z, y)
    d_z = (softmax(z.numpy()) - np.eye(6)[y]) / 5
    d_u = d_z @ E.numpy()
    d_n = d_u if bug == "gain" else d_u * gain.numpy()
    about_mean = 0 if bug in ("mean", "constants") else d_n.mean(1, keepdims=True)
    about_var = 0 if bug in ("var", "constants") else n.numpy() * (d_n * n.numpy()).mean(1, keepdims=True)
    d_r = (d_n - about_mean - about_var) / np.sqrt((c.numpy() ** 2).mean(1, keepdims=True) + 1e-5)
    P = p.numpy()
    d_p = d_r @ v.numpy().T
    d_v = (P if bug == "pT" else P.T) @ d_r
    within = (d_p * P).sum(1, keepdims=True)
    d_s = {"diagonal": P * (1 - P) * d_p, "sum": P * d_p, "front": d_p - within,
           "alone": P * (d_p - d_p.sum(1, keepdims=True))}.get(bug, P * (d_p - within))
    d_q = d_s @ (q if bug == "q for k" else k).numpy() / (1 if bug == "scale" else 2)
    d_k = (d_s if bug == "kT" else d_s.T) @ q.numpy() / 2
    d_x = d_q @ Q.numpy().T + d_k @ K.numpy().T + (0 if bug == "v" else d_v @ V.numpy().T) + (0 if bug == "residual" else d_r)
    d_E, tied = np.zeros((6, 4)), d_z.T @ u.numpy()
    np.add.at(d_E, ids, d_x)
    if bug == "assign":
        d_E[ids] = d_x
    d_E = {"untied": d_E, "tied": tied}.get(bug, d_E + tied)
    return loss, {z: d_z, u: d_u, n: d_n, r: d_r, p: d_p, v: d_v, s: d_s, q: d_q, k: d_k, x: d_x, E: d_E}


#: What is planted, where, and what is to be said of it.
PLANTED: dict[Callable[[str], tuple[tg.Tensor, Hand]], dict[str, tuple[str, str]]] = {
    cnn: {"all": ("r", "goes to all of each window"), "mean": ("r", "spread over each window as by a mean"),
          "square": ("c", "the square is missing in 1 - r ** 2"), "bent": ("c", "r ** 2 is taken where 1 - r ** 2 belongs"),
          "stale": ("kernel", "the gradient of r is taken"), "flip": ("kernel", "is flipped"),
          "bias": ("bias", "1/64: it is divided by 64 once too often")},
    rnn: {"next": ("h2", "what comes back through h2 @ Wh is missing"), "here": ("h2", "through o2 = h2 @ Wy is missing"),
          "bent": ("h3", "the local derivative of h4 = tanh"), "T": ("h3", "Wh is taken as it is where its transpose belongs"),
          "after": ("Wh", "the state after the step"), "first": ("Wh", "the input of the first step"),
          "last": ("Wh", "the input of the last step"), "early": ("Wh", "one step too early"),
          "forgets h0": ("Wh", "what comes back through h0 @ Wh is missing"),
          "only the last": ("Wh", "only what comes back through h3 @ Wh is there, of 4 uses")},
    gpt: {"gain": ("n", "the local derivative of u = n * gain is left out"), "mean": ("r", "through mean(r, axis=1, keepdims=True) is missing"),
          "var": ("r", "through mean(c * c, axis=1, keepdims=True) is missing"), "constants": ("r", "two paths are missing"),
          "pT": ("v", "p is taken as it is where its transpose belongs"), "diagonal": ("s", "only the diagonal of p"),
          "sum": ("s", "the sum is not subtracted in p * (d - sum(d * p))"), "front": ("s", "the factor in front is missing"),
          "alone": ("s", "the sum is of d alone"), "q for k": ("q", "taken with q where k belongs"),
          "scale": ("q", "the local derivative of s = q @ k.T / 2 is left out"), "kT": ("k", "is transposed"),
          "v": ("x", "through v = x @ V is missing"), "residual": ("x", "through r = x + p @ v is missing"),
          "assign": ("E", "keeps only the last of what comes back: `=` where np.add.at belongs"),
          "untied": ("E", "through E.T is missing"), "tied": ("E", "through x = E[ids] is missing")},
}  # fmt: skip
CASES = [pytest.param(model, bug, *said, id=f"{model.__name__}-{bug}")
         for model, bugs in PLANTED.items() for bug, said in bugs.items()]


@pytest.mark.parametrize(("model", "bug", "at", "said"), CASES)
def test_the_planted_mistake_is_named_and_no_other(model: Callable[[str], tuple[tg.Tensor, Hand]], bug: str, at: str, said: str) -> None:
    told = check_backward(*model(bug))
    wrong = [v for v in told.verdicts if v.status == "WRONG"]
    assert [v.name for v in wrong] == [at], told
    ids_have_no_name_here = said.replace("E[ids]", "E[indices]")
    assert ids_have_no_name_here in wrong[0].says and "fit more than one" not in wrong[0].says, told


@pytest.mark.parametrize("model", PLANTED)
def test_two_mistakes_in_two_places_are_both_found(model: Callable[[str], tuple[tg.Tensor, Hand]]) -> None:
    loss, right = model("")
    by_name = {t.name: t for t in right}
    pairs = [(a, b) for a in PLANTED[model] for b in PLANTED[model] if PLANTED[model][a][0] < PLANTED[model][b][0]]
    assert len(pairs) > 5
    for a, b in pairs[::3]:
        hands = {PLANTED[model][bug][0]: {t.name: g for t, g in model(bug)[1].items()} for bug in (a, b)}
        mixed = {t: hands.get(n, {t.name: right[t]})[n] for n, t in by_name.items()}
        found = {v.name for v in check_backward(loss, mixed).verdicts if v.status == "WRONG"}
        assert found >= set(hands), (a, b, found)


FORMS: dict[str, Callable[[Any], Any]] = {
    "float32": lambda g: np.asarray(g, np.float32), "by columns": lambda g: np.array(g, order="F"),
    "lists": lambda g: np.asarray(g).tolist(), "Tensors": lambda g: tg.Tensor(g),
    "six digits": np.vectorize(lambda x: float(f"{x:.6g}")), "six decimals": lambda g: np.round(g, 6),
    "four decimals": lambda g: np.round(g, 4), "strided": lambda g: np.repeat(np.asarray(g), 2, axis=0)[::2],
}  # fmt: skip


@pytest.mark.parametrize("model", PLANTED)
@pytest.mark.parametrize("form", FORMS)
def test_right_gradients_are_right_in_any_form(model: Callable[[str], tuple[tg.Tensor, Hand]], form: str) -> None:
    loss, right = model("")
    assert len(right) > 5 and check_backward(loss, {t: FORMS[form](g) for t, g in right.items()}), form
    for part in range(3):
        assert check_backward(loss, {t: FORMS[form](g) for i, (t, g) in enumerate(right.items()) if (i + part) % 3}), form


def test_a_mistake_in_rounded_numbers_is_named_too() -> None:
    loss, hand = gpt("diagonal")
    told = check_backward(loss, {t: np.round(g, 6) for t, g in hand.items()})
    assert [v.name for v in told.verdicts if v.status == "WRONG"] == ["s"] and "only the diagonal" in str(told)


def test_numbers_that_look_exact_must_be() -> None:
    assert blur_of([0.5, 2.0]) == blur_of([1 / 3]) == blur_of([1, 2]) == 0.0
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    told = check_backward((w * np.array([0.5, 0.25])).sum(), {w: [0.5, 0.2501]})
    assert not told and "No single mistake" in str(told)
