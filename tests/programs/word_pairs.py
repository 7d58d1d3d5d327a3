# Word vectors trained by pairs: views of rows, np.add.at on rows that may come twice, updates alone for the tables.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dscore", "dv", "W_in (from its update)", "W_out (from its update)"],
}

rng = np.random.default_rng(2)
WORDS, WIDTH = 40, 6
W_in = 0.3 * rng.normal(size=(WORDS, WIDTH))
W_out = 0.3 * rng.normal(size=(WORDS, WIDTH))
text = rng.integers(0, WORDS, 300)


def train_pair(center, context, others, rate=0.05):
    v = W_in[center]
    ids = np.concatenate([[context], others])
    u = W_out[ids]
    score = u @ v
    share = 1 / (1 + np.exp(-score))
    loss = -np.log(share[0]) - np.log(1 - share[1:]).sum()
    dscore = share - np.eye(len(ids))[0]
    du = np.outer(dscore, v)
    dv = dscore @ u
    np.add.at(W_out, ids, -rate * du)
    W_in[center] -= rate * dv
    return loss


total = 0
for t in range(1, len(text)):
    total += train_pair(text[t], text[t - 1], rng.integers(0, WORDS, 4))
print(total / len(text))
