"""Sequential of layers as dicts and functions, cross-entropy on labels, Adam."""

import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["db_0", "db_1", "db_2"],
    "codes": {"db_0": "GC371"},
    "notes": ["from the call at"],
}


def init(sizes, seed=0):
    rng = np.random.default_rng(seed)
    return [{"W": rng.normal(size=(i, o)) * np.sqrt(2 / i), "b": np.zeros(o)} for i, o in zip(sizes[:-1], sizes[1:])]


def forward(net, x):
    acts = [x]
    for k, layer in enumerate(net):
        z = acts[-1] @ layer["W"] + layer["b"]
        acts.append(z if k == len(net) - 1 else np.where(z > 0, z, 0.01 * z))
    return acts


def loss_and_grads(net, x, y, weight_decay=1e-3):
    acts = forward(net, x)
    logits = acts[-1]
    logp = (
        logits
        - np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1, keepdims=True))
        - logits.max(1, keepdims=True)
    )
    loss = -logp[np.arange(len(y)), y].mean()
    loss += 0.5 * weight_decay * sum((layer["W"] ** 2).sum() for layer in net)
    delta = np.exp(logp)
    delta[np.arange(len(y)), y] -= 1
    delta /= len(y)
    grads = []
    for k in reversed(range(len(net))):
        grads.append(
            {"W": acts[k].T @ delta + weight_decay * net[k]["W"], "b": delta.sum(0) + weight_decay * net[k]["b"]}
        )
        delta = delta @ net[k]["W"].T
        if k > 0:
            delta = delta * np.where(acts[k] > 0, 1, 0.01)
    return loss, grads[::-1]


def adam(net, grads, state, lr=1e-2, b1=0.9, b2=0.999, eps=1e-8):
    state["t"] += 1
    for i, (layer, g) in enumerate(zip(net, grads)):
        for name in layer:
            m = state.setdefault(("m", i, name), np.zeros_like(layer[name]))
            v = state.setdefault(("v", i, name), np.zeros_like(layer[name]))
            m[...] = b1 * m + (1 - b1) * g[name]
            v[...] = b2 * v + (1 - b2) * g[name] ** 2
            mh = m / (1 - b1 ** state["t"])
            vh = v / (1 - b2 ** state["t"])
            layer[name] -= lr * mh / (np.sqrt(vh) + eps)


def main():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(150, 4))
    y = (x[:, 0] * x[:, 1] > 0).astype(int) + (x[:, 2] > 1)
    net, state = init([4, 10, 8, 3]), {"t": 0}
    for epoch in range(60):
        order = rng.permutation(len(x))
        for s in range(0, len(x), 25):
            idx = order[s : s + 25]
            loss, grads = loss_and_grads(net, x[idx], y[idx])
            adam(net, grads, state)
    print(f"{loss:.3f}")


if __name__ == "__main__":
    main()
