# A recurrent network that samples a text before it trains, and forgets what later steps of time hand back.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["dh[0]", "dh[1]", "dh[2]"],
    "inherited": ["dWhh", "dWxh", "dbh"],
    "checked": ["dWhy", "dby", "dh"],
    "codes": {"dh[0]": "GC362"},
    "notes": ["left out where the step is run again"],
}

np.random.seed(1)
text = "hello, is there anyone? hello, here is no one. " * 30
letters = sorted(set(text))
size = len(letters)
number = {c: i for i, c in enumerate(letters)}
hidden, length, rate = 5, 4, 0.1
Wxh, Whh = np.random.randn(hidden, size) * 0.5, np.random.randn(hidden, hidden) * 0.5
Why, bh, by = np.random.randn(size, hidden) * 0.5, np.zeros((hidden, 1)), np.zeros((size, 1))


def loss_and_gradients(inputs, targets, h_before):
    xs, hs, ys, ps = {}, {}, {}, {}
    hs[-1] = np.copy(h_before)
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((size, 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(Wxh @ xs[t] + Whh @ hs[t - 1] + bh)
        ys[t] = Why @ hs[t] + by
        ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))
        loss += -np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += dy @ hs[t].T
        dby += dy
        dh = Why.T @ dy
        dhraw = (1 - hs[t] * hs[t]) * dh
        dbh += dhraw
        dWxh += dhraw @ xs[t].T
        dWhh += dhraw @ hs[t - 1].T
        dhnext = Whh.T @ dhraw
    return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs) - 1]


def sample(h, first, count):
    x = np.zeros((size, 1))
    x[first] = 1
    drawn = []
    for _ in range(count):
        h = np.tanh(Wxh @ x + Whh @ h + bh)
        p = np.exp(Why @ h + by)
        drawn.append(np.random.choice(range(size), p=(p / p.sum()).ravel()))
        x = np.zeros((size, 1))
        x[drawn[-1]] = 1
    return drawn


n, p, hprev = 0, 0, None
while True:
    if hprev is None or p + length + 1 >= len(text):
        hprev, p = np.zeros((hidden, 1)), 0
    inputs = [number[c] for c in text[p : p + length]]
    targets = [number[c] for c in text[p + 1 : p + length + 1]]
    if n % 100 == 0:
        print("".join(letters[i] for i in sample(hprev, inputs[0], 300)))
    loss, dWxh, dWhh, dWhy, dbh, dby, hprev = loss_and_gradients(inputs, targets, hprev)
    if n % 100 == 0:
        print(f"iteration {n}, loss {loss}")
    for parameter, gradient in zip([Wxh, Whh, Why, bh, by], [dWxh, dWhh, dWhy, dbh, dby]):
        np.clip(gradient, -5, 5, out=gradient)
        parameter += -rate * gradient
    p += length
    n += 1
