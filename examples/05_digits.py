"""Handwritten digits: cross-entropy, mini-batches and momentum, judged on images not seen."""

import numpy as np
from sklearn.datasets import load_digits

import tinygrad_gd as tg

tg.manual_seed(0)
tg.set_default_dtype(np.float32)
images, labels = load_digits(return_X_y=True)
images = (images / 16).astype(np.float32)
(x, y), (x_test, y_test) = tg.datasets.split(images, labels)

net = tg.nn.Sequential(tg.nn.Linear(64, 64), tg.nn.ReLU(), tg.nn.Linear(64, 10))
optimizer = tg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)


@tg.compile
def step(batch, target):
    loss = tg.nn.cross_entropy(net(batch), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


for epoch in range(1, 31):
    for batch, target in tg.DataLoader(x, y, batch_size=64, shuffle=True):
        loss = step(batch, target)
    if epoch % 10 == 0:
        with tg.no_grad():
            guesses = net(tg.Tensor(x_test)).argmax(axis=1)
        accuracy = np.mean(guesses.numpy() == y_test)
        print(f"epoch {epoch}: loss={loss.item():.4f} test accuracy={accuracy:.1%}")

assert accuracy >= 0.97
