# Gradients that are kept from step to step and written into: by functions of NumPy, through views, by a helper; four of them wrongly.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["grads['b3']", "grads['W2']", "grads['b2']"],
    "inherited": ["grads['W1']"],  # from the edit of kept[...], whose line is named
}

rng = np.random.default_rng(0)
sizes = {"W1": (4, 6), "b1": 6, "W2": (6, 5), "b2": 5, "W3": (5, 3), "b3": 3}
params = {name: rng.normal(0, 0.4, size) for name, size in sizes.items()}
grads = {name: np.zeros_like(value) for name, value in params.items()}


def store(kept, new):
    kept[...] = new


def step(X, y):
    a1 = np.tanh(X @ params["W1"] + params["b1"])
    a2 = np.tanh(a1 @ params["W2"] + params["b2"])
    scores = a2 @ params["W3"] + params["b3"]
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(y)), y]).mean()
    back = p
    back[np.arange(len(y)), y] -= 1
    back /= len(y)
    for layer, below in (3, a2), (2, a1), (1, X):
        W, b = f"W{layer}", f"b{layer}"
        if layer == 3:
            np.copyto(grads[W], below.T @ back)
            np.put(grads[b], np.arange(grads[b].size), back.sum(axis=0) / 2)
        elif layer == 2:
            grads[W].fill(0)
            np.add.at(grads[W], (slice(None),), below.T @ -back)
            np.mean(back, axis=0, out=grads[b])
        else:
            store(grads[W], 2 * below.T @ back)
            flat = grads[b].reshape(-1)
            flat[:] = back.sum(axis=0)
        back = (back @ params[W].T) * (1 - below**2)
    for name in params:
        np.subtract(params[name], 0.1 * grads[name], out=params[name])
    return loss


X = rng.normal(size=(40, 4))
y = rng.integers(0, 3, 40)
for _ in range(30):
    step(X, y)
