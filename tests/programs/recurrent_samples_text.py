# A gated recurrent network that never ends, and whose first iteration samples a text before it trains.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dWh", "dUh", "dbh", "dWz", "dUz", "dbz", "dWy", "dby"],
    "notes": ["left out where the step is run again", "recurrent_samples_text.py:84"],
}

np.random.seed(3)
text = "the more it learns of the old text, the more of the old text it tells. " * 20
letters = sorted(set(text))
size = len(letters)
number = {c: i for i, c in enumerate(letters)}
hidden, length, rate = 20, 6, 0.1
Wh, Wz = np.random.randn(hidden, size) * 0.3, np.random.randn(hidden, size) * 0.3
Uh, Uz = np.random.randn(hidden, hidden) * 0.3, np.random.randn(hidden, hidden) * 0.3
bh, bz = np.zeros((hidden, 1)), np.zeros((hidden, 1))
Wy, by = np.random.randn(size, hidden) * 0.3, np.zeros((size, 1))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def one_hot(i):
    x = np.zeros((size, 1))
    x[i] = 1
    return x


def loss_and_gradients(inputs, targets, h_before):
    x, z, g, h, p = {}, {}, {}, {-1: h_before}, {}
    total = 0
    for t in range(len(inputs)):
        x[t] = one_hot(inputs[t])
        z[t] = sigmoid(Wz @ x[t] + Uz @ h[t - 1] + bz)
        g[t] = np.tanh(Wh @ x[t] + Uh @ h[t - 1] + bh)
        h[t] = z[t] * h[t - 1] + (1 - z[t]) * g[t]
        p[t] = softmax(Wy @ h[t] + by)
        loss = -np.log(p[t][targets[t], 0])
        total += loss
    dWh, dUh, dbh, dWz, dUz, dbz, dWy, dby = (np.zeros_like(a) for a in (Wh, Uh, bh, Wz, Uz, bz, Wy, by))
    carried = np.zeros_like(h_before)
    for t in reversed(range(len(inputs))):
        dy = p[t] - one_hot(targets[t])
        dWy += dy @ h[t].T
        dby += dy
        dh = Wy.T @ dy + carried
        into_g = dh * (1 - z[t]) * (1 - g[t] ** 2)
        into_z = dh * (h[t - 1] - g[t]) * z[t] * (1 - z[t])
        dWh += into_g @ x[t].T
        dUh += into_g @ h[t - 1].T
        dbh += into_g
        dWz += into_z @ x[t].T
        dUz += into_z @ h[t - 1].T
        dbz += into_z
        carried = dh * z[t] + Uh.T @ into_g + Uz.T @ into_z
    return total, (dWh, dUh, dbh, dWz, dUz, dbz, dWy, dby), h[len(inputs) - 1]


def sample(h, first, count):
    x, drawn = one_hot(first), []
    for _ in range(count):
        z = sigmoid(Wz @ x + Uz @ h + bz)
        h = z * h + (1 - z) * np.tanh(Wh @ x + Uh @ h + bh)
        drawn.append(np.random.choice(size, p=softmax(Wy @ h + by).ravel()))
        x = one_hot(drawn[-1])
    return drawn


n, p, squares = 0, 0, [np.zeros_like(a) for a in (Wh, Uh, bh, Wz, Uz, bz, Wy, by)]
while True:
    if p + length + 1 >= len(text) or n == 0:
        h, p = np.zeros((hidden, 1)), 0
    inputs = [number[c] for c in text[p : p + length]]
    targets = [number[c] for c in text[p + 1 : p + length + 1]]
    if n % 100 == 0:
        written = sample(h, inputs[0], 1000)
        print("".join(letters[i] for i in written))
    loss, gradients, h = loss_and_gradients(inputs, targets, h)
    for parameter, gradient, square in zip((Wh, Uh, bh, Wz, Uz, bz, Wy, by), gradients, squares):
        np.clip(gradient, -5, 5, out=gradient)
        square += gradient * gradient
        parameter -= rate * gradient / np.sqrt(square + 1e-8)
    p += length
    n += 1
