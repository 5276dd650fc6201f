"""A small GPT learns the words of Python's own manual, character by character, and writes some."""

import pydoc_data.topics

import numpy as np

import tinygrad_gd as tg
from tinygrad_gd import nn
from tinygrad_gd.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

tg.manual_seed(0)
tg.set_default_dtype(np.float32)
width, heads, layers, context, batch_size, steps, warmup = 96, 4, 2, 64, 32, 600, 60

# topics repeat each other's paragraphs; each is taken once, so that none is on both sides
paragraphs = dict.fromkeys("\n\n".join(pydoc_data.topics.topics.values()).split("\n\n"))
text = "\n\n".join(paragraphs)
characters, codes = np.unique(list(text), return_inverse=True)
train, test = np.split(codes, [len(codes) * 9 // 10])


class GPT(nn.Module):
    def __init__(self):
        self.character, self.place = nn.Embedding(len(characters), width), nn.Embedding(context, width)
        for embedding in (self.character, self.place):
            nn.init.normal_(embedding.weight, std=0.02)  # as in GPT-2; the usual 1.0 learns slowly
        self.blocks = [
            nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, activation="gelu",
                                       batch_first=True, norm_first=True) for _ in range(layers)]
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, len(characters))

    def forward(self, codes):
        x = self.character(codes) + self.place(np.arange(codes.shape[1]))
        for block in self.blocks:
            x = block(x, is_causal=True)  # a place sees itself and what is before it
        return self.out(self.norm(x))


def windows(codes, starts):
    """Stretches of text, and for each place in them the character that comes next."""
    rows = codes[np.add.outer(starts, np.arange(context + 1))]
    return rows[:, :-1], rows[:, 1:]


def loss_of(x, y):
    return nn.cross_entropy(net(x).reshape(-1, len(characters)), y.reshape(-1))


net = GPT()
optimizer = tg.optim.AdamW(net.parameters(), lr=3e-3, betas=(0.9, 0.99), weight_decay=0.1)
scheduler = SequentialLR(optimizer, [LinearLR(optimizer, 0.02, total_iters=warmup),
                                     CosineAnnealingLR(optimizer, steps - warmup)], milestones=[warmup])


@tg.compile
def step(x, y):
    loss = loss_of(x, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


rng = np.random.default_rng(0)
for i in range(1, steps + 1):
    loss = step(*windows(train, rng.integers(len(train) - context, size=batch_size)))
    scheduler.step()
    if i % 100 == 0:
        print(f"step {i}: loss={loss.item():.3f}")

with tg.no_grad():
    held_out = loss_of(*windows(test, np.arange(0, len(test) - context, context))).item()
    written = codes[:1]
    for _ in range(400):  # the largest after adding Gumbel noise is a draw from the softmax
        scores = net(written[None, -context:]).numpy()[0, -1]
        written = np.append(written, np.argmax(scores + rng.gumbel(size=scores.shape)))
print(f"{held_out:.3f} nats a character on text not seen. It writes:\n\n{''.join(characters[written])}")

assert held_out < 2.0
