"""Backpropagation by hand: every gradient inside of a BatchNorm network, derived on paper.

The network reads three letters and guesses the fourth, in the words of Python's own manual, as in
Karpathy's makemore. The forward pass is taken apart into one operation a line (`t`); below, the
gradient of each result is computed from those after it by NumPy alone (`d`), with the values of the
forward pass (`v`). `tg.check_backward` compares them with backprop, and names a mistake.
"""

import re
from pydoc_data.topics import topics

import numpy as np

import tinygrad_gd as tg

words = sorted(set(re.findall("[a-z]{3,}", " ".join(topics.values()).lower())))
letters = ".abcdefghijklmnopqrstuvwxyz"  # the dot is before and after a word
codes = [[letters.index(c) for c in f"...{word}."] for word in words]
rows = np.array([code[i : i + 4] for code in codes for i in range(len(code) - 3)])

rng = np.random.default_rng(0)
rows = rng.choice(rows, 32, replace=False)
x, y, n = rows[:, :3], rows[:, 3], len(rows)

shapes = {"C": (27, 10), "W1": (30, 64), "gain": 64, "bias": 64, "W2": (64, 27), "b2": 27}
t = {name: tg.Tensor(rng.normal(0, 0.3, shape), requires_grad=True) for name, shape in shapes.items()}

# forward, one operation a line
t["emb"] = t["C"][x]
t["flat"] = t["emb"].reshape(n, 30)
t["pre"] = t["flat"] @ t["W1"]
t["mean"] = t["pre"].mean(axis=0)
t["diff"] = t["pre"] - t["mean"]
t["var"] = (t["diff"] ** 2).sum(axis=0) / (n - 1)
t["inv"] = (t["var"] + 1e-5) ** -0.5
t["raw"] = t["diff"] * t["inv"]
t["act"] = t["gain"] * t["raw"] + t["bias"]
t["h"] = np.tanh(t["act"])
t["logits"] = t["h"] @ t["W2"] + t["b2"]
t["shift"] = t["logits"] - t["logits"].max(axis=1, keepdims=True)
t["counts"] = np.exp(t["shift"])
t["total"] = t["counts"].sum(axis=1, keepdims=True)
t["probs"] = t["counts"] / t["total"]
t["logprobs"] = np.log(t["probs"])
loss = -t["logprobs"][range(n), y].mean()

for name, value in t.items():
    value.name = name
v = {name: value.detach().numpy() for name, value in t.items()}

# backward, from the end
d = {"logprobs": np.zeros((n, 27))}
d["logprobs"][range(n), y] = -1 / n
d["probs"] = d["logprobs"] / v["probs"]
d["total"] = -(d["probs"] * v["counts"]).sum(axis=1, keepdims=True) / v["total"] ** 2
d["counts"] = d["probs"] / v["total"] + d["total"]
d["shift"] = d["counts"] * v["counts"]
d["logits"] = d["shift"]  # what goes through max is the sum of a row, which is 0
d["h"], d["W2"], d["b2"] = d["logits"] @ v["W2"].T, v["h"].T @ d["logits"], d["logits"].sum(axis=0)
d["act"] = d["h"] * (1 - v["h"] ** 2)
d["gain"], d["bias"] = (d["act"] * v["raw"]).sum(axis=0), d["act"].sum(axis=0)
d["raw"] = d["act"] * v["gain"]
d["inv"] = (d["raw"] * v["diff"]).sum(axis=0)
d["var"] = -0.5 * d["inv"] * v["inv"] ** 3
d["diff"] = d["raw"] * v["inv"] + d["var"] * 2 * v["diff"] / (n - 1)
d["mean"] = -d["diff"].sum(axis=0)
d["pre"] = d["diff"] + d["mean"] / n
d["flat"], d["W1"] = d["pre"] @ v["W1"].T, v["flat"].T @ d["pre"]
d["emb"] = d["flat"].reshape(n, 3, 10)
d["C"] = np.zeros_like(v["C"])
np.add.at(d["C"], x, d["emb"])

assert set(d) == set(t)
assert all(np.abs(d[name]).max() > 1e-4 for name in d)
found = tg.check_backward(loss, {t[name]: d[name] for name in t})
print(found)
assert found

# the usual mistake: that the mean depends on all of pre is forgotten
d["pre"] = d["diff"]
d["flat"], d["W1"] = d["pre"] @ v["W1"].T, v["flat"].T @ d["pre"]
found = tg.check_backward(loss, {t[name]: d[name] for name in ("diff", "mean", "pre", "W1")})
print(found)
assert [verdict.status for verdict in found.verdicts] == ["right", "right", "WRONG", "follows"]
assert "mean = mean(pre, axis=0) is missing" in found.verdicts[2].says
