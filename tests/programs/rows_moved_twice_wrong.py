# The same, but that the rows that were not seen are moved the wrong way.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["contexts (from its update)"],
}

rng = np.random.default_rng(8)
words, contexts = rng.normal(0, 0.5, (30, 6)), rng.normal(0, 0.5, (30, 6))
text = rng.integers(0, 30, 400)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def learn(word, seen, unseen, rate=0.05):
    centre, row, others = words[word], contexts[seen], contexts[unseen]
    p, q = sigmoid(row @ centre), sigmoid(others @ centre)
    loss = -np.log(p) - np.log(1 - q).sum()
    dcentre = (p - 1) * row + q @ others
    drow = (p - 1) * centre
    dothers = np.outer(q, centre)
    words[word] -= rate * dcentre
    contexts[seen] -= rate * drow
    contexts[unseen] += rate * dothers
    return loss


for word, seen in zip(text, text[1:]):
    learn(word, seen, rng.choice(30, 5))
