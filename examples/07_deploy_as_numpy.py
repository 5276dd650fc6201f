"""Deploy a trained model as a file that needs NumPy only and does not import this package."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import tinygrad_gd as tg

tg.manual_seed(0)
tg.set_default_dtype(np.float32)
(x, y), (x_test, y_test) = tg.datasets.split(*tg.datasets.load_digits())
net = tg.nn.Sequential(tg.nn.Linear(64, 64), tg.nn.ReLU(), tg.nn.Linear(64, 10))
optimizer = tg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)


@tg.compile
def step(images, labels):
    loss = tg.nn.cross_entropy(net(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


for _ in range(20):
    for images, labels in tg.DataLoader(x, y, batch_size=64, shuffle=True):
        step(images, labels)


@tg.compile
def predict(images):
    return net(images)


for images in (x_test[:100], x_test):  # of two lengths: then the text takes any number of images
    logits = predict(images)
print(predict.source)

with tempfile.TemporaryDirectory() as folder:
    place = Path(folder)
    (place / "model.py").write_text(predict.source)
    np.savez(place / "weights.npz", **net.state_dict())
    np.savez(place / "images.npz", images=x_test)
    deployed = """
import sys, numpy as np
from model import STATE, predict
weights, images = np.load("weights.npz"), np.load("images.npz")["images"]
state = {name: weights[key] for name, key in STATE.items()}
np.save("logits.npy", predict(images, **state))
assert predict(images[:7], **state).shape == (7, 10) and "tinygrad_gd" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", deployed], cwd=place, check=True)
    assert np.array_equal(np.load(place / "logits.npy"), logits.numpy())

accuracy = np.mean(logits.numpy().argmax(axis=1) == y_test)
print(f"test accuracy {accuracy:.1%}, the same to the last bit without the framework")
assert accuracy > 0.95
