"""A convolutional network on handwritten digits: `tg.fit` with AdamW and one cycle of the rate."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score

import tinygrad_gd as tg
from tinygrad_gd import nn

tg.manual_seed(0)
tg.set_default_dtype(np.float32)
images, labels = load_digits(return_X_y=True)
images = (images / 16).astype(np.float32).reshape(-1, 1, 8, 8)
(x, y), test = tg.datasets.split(images, labels)

net = nn.Sequential(
    nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
    nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Dropout(0.5), nn.Linear(64 * 4 * 4, 10),
)  # fmt: skip
print(net.summary(x[:1]))

epochs, loader = 12, tg.DataLoader(x, y, batch_size=64, shuffle=True)
optimizer = tg.optim.AdamW(net.parameters())
cycle = tg.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=epochs * len(loader))
history = tg.fit(net, nn.cross_entropy, loader, epochs=epochs, optimizer=optimizer, scheduler=cycle,
                 validation=test, metrics=accuracy_score, progress=False)
print(history)

assert history["accuracy_score"][-1] >= 0.985
