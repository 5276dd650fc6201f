"""Logistic regression: is a tumour benign? (Wisconsin breast-cancer data of scikit-learn)"""

import numpy as np
from sklearn.datasets import load_breast_cancer

import tinygrad_gd as tg

x, y = load_breast_cancer(return_X_y=True)
x = (x - x.mean(0)) / x.std(0)
(x, y), (x_test, y_test) = tg.datasets.split(x, y.astype(float), test=0.25)

w = tg.Tensor(np.zeros(x.shape[1]), requires_grad=True, name="w")
b = tg.Tensor(0.0, requires_grad=True, name="b")
optimizer = tg.optim.SGD([w, b], lr=0.5)


@tg.compile
def step():
    logits = x @ w + b
    loss = np.mean(np.logaddexp(0, logits) - y * logits)  # -log p, stable for any logit
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


for epoch in range(1, 201):
    loss = step()
    if epoch % 50 == 0:
        print(f"epoch {epoch}: loss={loss.item():.4f}")

accuracy = np.mean((x_test @ w.numpy() + b.item() > 0) == y_test)
print(f"test accuracy {accuracy:.1%}")
assert accuracy > 0.95
