"""An LSTM reads digits row by row, and says at the end which one it was: that takes a memory."""

import numpy as np

import tinygrad_gd as tg
from tinygrad_gd import nn
from tinygrad_gd.optim.lr_scheduler import CosineAnnealingLR

tg.set_default_dtype(np.float32)
images, labels = tg.datasets.load_digits()
(x, y), (x_test, y_test) = tg.datasets.split(images.reshape(-1, 8, 8), labels)
epochs = 30


class Reader(nn.Module):
    def __init__(self):
        self.lstm, self.out = nn.LSTM(8, 64, batch_first=True), nn.Linear(64, 10)

    def forward(self, rows):
        states, _last = self.lstm(rows)
        return self.out(states[:, -1])  # what it knows after the last row


def accuracy(target, guess):
    return np.mean(target == guess)


def learn(title, rows):
    """The accuracy on images not seen, of a network that is given some rows of each."""
    tg.manual_seed(0)
    history = tg.fit(
        Reader(), nn.cross_entropy, (x[:, rows], y), epochs=epochs, optimizer="adamw", lr=0.01,
        scheduler=lambda optimizer: CosineAnnealingLR(optimizer, epochs), clip=1.0,
        validation=(x_test[:, rows], y_test), metrics=accuracy, progress=False)
    print(f"{title}: loss={history['loss'][-1]:.4f} test accuracy={history['accuracy'][-1]:.1%}")
    return history["accuracy"][-1]


everything = learn("all rows, one after the other", slice(None))
last = learn("the last two rows alone", slice(-2, None))

assert everything >= 0.97 and last < 0.85
