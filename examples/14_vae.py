"""A variational autoencoder of handwritten digits: draws inside of a compiled step, and new digits.

The ELBO is a lower bound of log p(image), in nats. For pixels that are independent of each other the
logarithm itself is known; what the bound lies above it is what six numbers say of a digit.
`python 14_vae.py digits.png` saves a picture of new digits.
"""

import sys

import numpy as np

import tinygrad_gd as tg

LATENT = 6

tg.manual_seed(0)
tg.set_default_dtype(np.float32)
images, labels = tg.datasets.load_digits()
(x, _), (x_test, _) = tg.datasets.split((images > 0.4).astype(np.float32), labels)


def network(inputs, outputs):
    return tg.nn.Sequential(tg.nn.Linear(inputs, 128), tg.nn.ReLU(), tg.nn.Linear(128, outputs))


class VAE(tg.nn.Module):
    def __init__(self):
        self.encoder, self.decoder = network(64, 2 * LATENT), network(LATENT, 64)

    def forward(self, x):
        mean, log_variance = np.split(self.encoder(x), 2, axis=1)
        z = tg.normal(mean, np.exp(0.5 * log_variance))  # mean + deviation * noise
        return self.decoder(z), mean, log_variance


def negative_elbo(model, x):
    """Nats per image: what it takes to describe the pixels, given z, and z."""
    logits, mean, log_variance = model(x)
    pixels = tg.nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    divergence = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum()
    return (pixels + divergence) / len(x)


model = VAE()
optimizer = tg.optim.Adam(model.parameters(), lr=2e-3)


@tg.compile
def step(batch):
    loss = negative_elbo(model, batch)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


for epoch in range(1, 121):
    for (batch,) in tg.DataLoader(x, batch_size=64, shuffle=True):
        loss = step(batch)
    if epoch % 40 == 0:
        with tg.no_grad():
            elbo = -np.mean([negative_elbo(model, x_test).item() for _ in range(20)])
        print(f"epoch {epoch}: ELBO of unseen digits {elbo:.2f} nats")

p = (x.sum(axis=0) + 1) / (len(x) + 2)  # each pixel's frequency
independent = (x_test * np.log(p) + (1 - x_test) * np.log1p(-p)).sum(axis=1).mean()
assert "standard_normal" in step.source  # the program draws, too
print(f"independent pixels: {independent:.2f} nats")
assert elbo > independent + 7


with tg.no_grad():
    sample = tg.sigmoid(model.decoder(tg.normal(size=(40, LATENT)))).numpy()
if len(sys.argv) > 1:
    import matplotlib.pyplot as plt

    framed = np.pad(sample.reshape(4, 10, 8, 8), ((0, 0), (0, 0), (1, 1), (1, 1)))
    rows = framed.swapaxes(1, 2).reshape(40, 100)
    plt.imsave(sys.argv[1], np.kron(rows, np.ones((6, 6))), cmap="gray")
