"""Why descent fails on real tables, and what to do: the advisor on data in their units."""

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes

import tinygrad_gd as tg


def linear_model(x, y, loss_of):
    """The loss of a linear model that starts at 0, and its parameters."""
    slopes = tg.Tensor(np.zeros(x.shape[1]), requires_grad=True, name="slopes")
    bias = tg.Tensor(0.0, requires_grad=True, name="bias")
    return lambda: loss_of(x @ slopes + bias, y), [slopes, bias]


def squared_error(guess, y):
    return ((guess - y) ** 2).mean()


def logistic(logits, y):
    return (tg.softplus(logits) - y * logits).mean()


def descend(model, lr, epochs):
    """The losses of plain gradient descent."""
    loss, params = model
    optimizer = tg.optim.SGD(params, lr=lr)
    losses = []
    for _ in range(epochs):
        value = loss()
        losses.append(value.item())
        if not np.isfinite(losses[-1]):
            break
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    return losses


def standardised(x, columns, names):
    """The table with the columns that the advisor named standardised, as it says."""
    x = x.copy()
    for column in columns:
        i = list(names).index(column.name)
        x[:, i] = (x[:, i] - column.mean) / column.deviation
    return x


tables = {
    "diabetes": (load_diabetes(scaled=False), squared_error),
    "breast cancer": (load_breast_cancer(), logistic),
}
with np.errstate(over="ignore", invalid="ignore"):  # of the runs that are meant to fail
    for title, (table, loss_of) in tables.items():
        x, y, names = table.data, table.target.astype(float), table.feature_names
        advice = tg.advise(*linear_model(x, y, loss_of), columns=names)
        print(f"--- {title} ---\n{advice}\n")

        usual = descend(linear_model(x, y, loss_of), 0.01, 300)
        advised = descend(linear_model(x, y, loss_of), advice.lr, 300)
        assert not max(usual[-10:]) < usual[0]  # 0.01 is worse than not to learn at all
        assert (np.diff(advised) <= 0).all() and advised[-1] < advised[0]

        assert "Standardise" in str(advice)
        chosen = advice.inputs.columns
        assert {c.name for c in chosen} >= {"bmi", "bp"} or {c.name for c in chosen} >= {"mean area"}
        scaled = standardised(x, chosen, names)
        after = tg.advise(*linear_model(scaled, y, loss_of))
        assert after.condition < advice.condition / 100
        better = descend(linear_model(scaled, y, loss_of), after.lr, 300)
        print(f"after 300 epochs: loss={usual[-1]:.4g} with lr=0.01, {advised[-1]:.4g} as advised, "
              f"{better[-1]:.4g} standardised\n")
        assert better[-1] < advised[-1] < usual[0]
