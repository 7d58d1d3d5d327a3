# Samples one by one that are made columns by their shape, in place; the weights move before they are used.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["d_hidden"],
    "inherited": ["inner (from its update)"],
    "codes": {"d_hidden": "GC361"},
}

rng = np.random.default_rng(4)
images, labels = rng.random((60, 6)), np.eye(3)[rng.integers(0, 3, 60)]
inner, outer = rng.uniform(-0.5, 0.5, (4, 6)), rng.uniform(-0.5, 0.5, (3, 4))
rate, right = 0.05, 0

for epoch in range(30):
    for image, label in zip(images, labels):
        image.shape += (1,)
        label.shape += (1,)
        hidden = 1 / (1 + np.exp(-inner @ image))
        score = outer @ hidden
        guess = 1 / (1 + np.exp(-score))
        right += int(np.argmax(guess) == np.argmax(label))

        d_score = guess - label
        outer += -rate * d_score @ hidden.T
        d_hidden = outer.T @ d_score
        inner += -rate * d_hidden * hidden * (1 - hidden) @ image.T
