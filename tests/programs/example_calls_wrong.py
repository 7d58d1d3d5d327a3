"""The same with square examples, which hide a layout; with a factor left out, means for sums, a sum for a mean."""

import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": [
        "mix_backward:dr",
        "scale_backward:dx",
        "Pipe:db_0",
        "Pipe:db_1",
        "rated_loss:dscores",
    ],
    "checked": ["mix_backward:dq"],
    "codes": {"mix_backward:dr": "GC102"},
    "notes": [
        "there q is (2, 2, 3), there r is (6, 6)",
        "layer.stages[0].W (3, 3) and layer.stages[1].W (3, 3) are square, and other sizes were not taken",
    ],
}


def mix_forward(q, r, opts):
    h, w = opts["sizes"]
    return (q.reshape(-1, h * w) * opts["gain"]) @ r, (q, r, opts)


def mix_backward(dout, saved):
    q, r, opts = saved
    h, w = opts["sizes"]
    dq = (dout @ r.T).reshape(q.shape) * opts["gain"]
    dr = (opts["gain"] * q.reshape(-1, h * w).T @ dout).T
    return dq, dr


def test_mix():
    out, _ = mix_forward(np.random.randn(2, 2, 3), np.random.randn(6, 6), {"sizes": (2, 3), "gain": 1.5})
    assert out.shape == (2, 6)


def scale_forward(x, how):
    """Twice or four times as much.

    >>> out, cache = scale_forward(np.arange(12.0).reshape(4, 3), "wide")
    >>> out.shape
    (4, 3)
    """
    factor = {"wide": 4.0, "narrow": 2.0}[how]
    return factor * np.tanh(x), (x, factor)


def scale_backward(dout, cache):
    x, factor = cache
    return dout * (1 - np.tanh(x) ** 2)


class Dense:
    def __init__(self, shape, *, spread):
        self.W = spread * np.random.randn(*shape)
        self.b = np.zeros(shape[1])

    def run(self, x):
        self.x = x
        return x @ self.W + self.b

    def send(self, d):
        self.dW, self.db = self.x.T @ d, d.mean(axis=0)
        return d @ self.W.T


class Pipe:
    def __init__(self):
        self.stages = []

    def join(self, stage, *, label):
        self.stages.append(stage)
        self.label = label

    def forward(self, x):
        for stage in self.stages:
            x = stage.run(x)
        return x

    def backward(self, d):
        for stage in reversed(self.stages):
            d = stage.send(d)
        return d


class Rule:
    weight = 2.0


def rated_loss(rule, scores, picks):
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    rows = np.arange(len(picks))
    loss = -rule.weight * np.log(p[rows, picks]).mean()
    dscores = p.copy()
    dscores[rows, picks] -= 1
    dscores *= rule.weight
    return loss, dscores


if __name__ == "__main__":
    pipe = Pipe()
    pipe.join(Dense((3, 3), spread=0.5), label="in")
    pipe.join(Dense((3, 3), spread=0.5), label="out")
    print(pipe.forward(np.random.randn(5, 3)).shape)
    print(rated_loss(Rule(), np.random.randn(4, 3), np.array([0, 2, 1, 1]))[0])
