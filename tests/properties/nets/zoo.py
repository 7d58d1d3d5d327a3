"""Right networks of many styles: no property may fail on any of them."""

import numpy as np

_SETUP = "x, y, W, b, V, a = draw(m, d, h, c, seed)"
_SIZES = {"m": 7, "d": 5, "h": 4, "c": 3}
_CALL = "(x, y, W, b, V, a)"


def draw(m, d, h, c, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.random((m, d)), np.eye(c)[rng.integers(c, size=m)]
    return x, y, rng.standard_normal((d, h)), np.zeros(h), rng.standard_normal((h, c)), np.zeros(c)


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def regression(x, y, W, b, V, a):
    """Squared error, tanh, mean loss, updates in place."""
    Z = x @ W + b
    A = np.tanh(Z)
    out = A @ V + a
    loss = ((out - y) ** 2).sum() / (2 * len(x))
    dout = (out - y) / len(x)
    dV = A.T @ dout
    da = dout.sum(axis=0)
    dA = dout @ V.T
    dZ = dA * (1 - A**2)
    dW = x.T @ dZ
    db = dZ.sum(axis=0)
    W -= 0.1 * dW
    b -= 0.1 * db
    V -= 0.1 * dV
    a -= 0.1 * da
    return loss


def summed(x, y, W, b, V, a):
    """Summed loss with a penalty on the weights."""
    Z = x @ W + b
    A = np.maximum(Z, 0)
    out = A @ V + a
    loss = ((out - y) ** 2).sum() / 2 + 0.05 * (W**2).sum()
    dout = out - y
    dV = A.T @ dout
    da = dout.sum(axis=0)
    dZ = (dout @ V.T) * (Z > 0)
    dW = x.T @ dZ + 0.1 * W
    db = dZ.sum(axis=0)
    return loss, dV, da, dW, db


def penalised(x, y, W, b, V, a):
    """Mean cross-entropy, with a penalty divided by m as well."""
    m = len(x)
    Z = x @ W + b
    A = 1 / (1 + np.exp(-Z))
    P = softmax(A @ V + a)
    loss = -(y * np.log(P)).sum() / m + 0.1 / (2 * m) * ((W**2).sum() + (V**2).sum())
    dS = (P - y) / m
    dV = A.T @ dS + 0.1 / m * V
    da = dS.sum(axis=0)
    dZ = (dS @ V.T) * A * (1 - A)
    dW = x.T @ dZ + 0.1 / m * W
    db = dZ.sum(axis=0)
    return loss, dV, da, dW, db


def normalised(x, y, W, b, V, a):
    """Batch normalisation without scale; b drops out, so that its gradient is truly zero."""
    m = len(x)
    Z = x @ W + b
    mu = Z.mean(axis=0)
    sigma = np.sqrt(((Z - mu) ** 2).mean(axis=0) + 0.01)
    N = (Z - mu) / sigma
    out = N @ V + a
    loss = ((out - y) ** 2).sum() / (2 * m)
    dout = (out - y) / m
    dV = N.T @ dout
    da = dout.sum(axis=0)
    dN = dout @ V.T
    dZ = (dN - dN.mean(axis=0) - N * (dN * N).mean(axis=0)) / sigma
    dW = x.T @ dZ
    db = dZ.sum(axis=0)
    return loss, dV, da, dW, db


def normalised_inline(x, y, W, b, V, a):
    """The same with the statistics inside of expressions."""
    m = len(x)
    Z = x @ W + b
    N = (Z - Z.mean(axis=0)) / np.sqrt(Z.var(axis=0) + 0.01)
    out = N @ V + a
    loss = ((out - y) ** 2).sum() / (2 * m)
    dout = (out - y) / m
    dV = N.T @ dout
    da = dout.sum(axis=0)
    dN = dout @ V.T
    dZ = (dN - dN.mean(axis=0) - N * (dN * N).mean(axis=0)) / np.sqrt(Z.var(axis=0) + 0.01)
    dW = x.T @ dZ
    db = dZ.sum(axis=0)
    return loss, dV, da, dW, db


def dropout(x, y, W, b, V, a):
    """A random mask drawn in the step."""
    m = len(x)
    rng = np.random.default_rng(3)
    Z = x @ W + b
    mask = (rng.random(Z.shape) < 0.7).astype(x.dtype)
    A = np.tanh(Z) * mask
    out = A @ V + a
    loss = ((out - y) ** 2).sum() / (2 * m)
    dout = (out - y) / m
    dV = A.T @ dout
    da = dout.sum(axis=0)
    dZ = (dout @ V.T) * mask * (1 - np.tanh(Z) ** 2)
    dW = x.T @ dZ
    db = dZ.sum(axis=0)
    return loss, dV, da, dW, db


def global_dropout(x, y, W, b, V, a):
    """A random mask from NumPy's global generator, never named."""
    Z = x @ W + b
    A = np.tanh(Z)
    A = A * (np.random.rand(*Z.shape) < 0.7)
    out = A @ V + a
    loss = ((out - y) ** 2).sum() / (2 * len(x))
    dout = (out - y) / len(x)
    dV = A.T @ dout
    da = dout.sum(axis=0)
    return loss, dV, da


def per_sample(x, y, W, b, V, a):
    """A loop over samples that accumulates."""
    m = len(x)
    hs, outs, loss = [], [], 0.0
    for i in range(m):
        hs.append(np.tanh(x[i] @ W + b))
        outs.append(hs[i] @ V + a)
        loss = loss + ((outs[i] - y[i]) ** 2).sum() / (2 * m)
    dW, db, dV, da = np.zeros_like(W), np.zeros_like(b), np.zeros_like(V), np.zeros_like(a)
    for i in range(m):
        do = (outs[i] - y[i]) / m
        dV += np.outer(hs[i], do)
        da += do
        dz = (do @ V.T) * (1 - hs[i] ** 2)
        dW += np.outer(x[i], dz)
        db += dz
    return loss, dW, db, dV, da


def residual(x, y, W, b, V, a):
    """The same hidden size twice, one weight square in it, and a skip connection."""
    m, U = len(x), np.tanh(W.T @ W)
    Z = x @ W + b
    A = np.tanh(Z)
    Q = A @ U
    R = A + np.maximum(Q, 0)
    out = R @ V + a
    loss = ((out - y) ** 2).sum() / (2 * m)
    dout = (out - y) / m
    dV = R.T @ dout
    da = dout.sum(axis=0)
    dR = dout @ V.T
    dQ = dR * (Q > 0)
    dU = A.T @ dQ
    dA = dR + dQ @ U.T
    dZ = dA * (1 - A**2)
    db = dZ.sum(axis=0)
    return loss, dV, da, dU, db


def transposed(x, y, W, b, V, a):
    """Gradients kept transposed, and put right by the update; rising along minus the gradient."""
    m = len(x)
    Z = x @ W + b
    A = np.tanh(Z)
    out = A @ V + a
    dout = out - y
    dV = dout.T @ A / m
    da = dout.sum(axis=0) / m
    dZ = (dout @ V.T) * (1 - A**2)
    dW = dZ.T @ x / m
    db = dZ.sum(axis=0) / m
    W = W - 0.1 * dW.T
    b = b - 0.1 * db
    V = V - 0.1 * dV.T
    a = a - 0.1 * da
    return W, b, V, a


def ascent(x, y, W, b, V, a):
    """Gradients are kept with the opposite sign and added by the update."""
    m = len(x)
    out = x @ (W @ V) + a
    dout = (y - out) / m
    da = dout.sum(axis=0)
    a = a + 0.1 * da
    return (a,)


def optimiser(x, y, W, b, V, a, state):
    """Momentum in a buffer that is changed in place."""
    Z = x @ W + b
    A = np.tanh(Z)
    out = A @ V + a
    dout = (out - y) / len(x)
    dV = A.T @ dout
    velocity = state["velocity"]
    velocity *= 0.9
    velocity -= 0.1 * dV
    V += velocity


def clipped(x, y, W, b, V, a):
    """Gradients are clipped, as in many recurrent networks."""
    Z = x @ W + b
    A = np.tanh(Z)
    out = A @ V + a
    loss = ((out - y) ** 2).sum() / 2
    dout = out - y
    dV = np.clip(A.T @ dout, -20, 20)
    dZ = (dout @ V.T) * (1 - A**2)
    dW = np.clip(x.T @ dZ, -20, 20)
    return loss, dV, dW


def heads(x, y, W, b, V, a):
    """Hidden units in two groups, as attention heads are: units of one group are not those of the other."""
    m, h = len(x), W.shape[1]
    Z = x @ W + b
    G = Z.reshape(m, 2, h // 2)
    S = softmax(G)
    A = S.reshape(m, h)
    out = A @ V + a
    loss = ((out - y) ** 2).sum() / (2 * m)
    dout = (out - y) / m
    dV = A.T @ dout
    da = dout.sum(axis=0)
    dS = (dout @ V.T).reshape(m, 2, h // 2)
    dG = S * (dS - (dS * S).sum(axis=-1, keepdims=True))
    dZ = dG.reshape(m, h)
    dW = x.T @ dZ
    db = dZ.sum(axis=0)
    return loss, dV, da, dW, db


def classes(m, d, c, seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, d)), rng.integers(c, size=m), rng.standard_normal((d, c)), rng.standard_normal(c)


def integer_labels(X, t, W, b):
    """Labels as class numbers."""
    m = len(X)
    scores = X @ W + b
    probs = softmax(scores)
    dscores = probs.copy()
    dscores[np.arange(m), t] -= 1
    dscores /= m
    dW = X.T @ dscores
    db = dscores.sum(axis=0)
    return dW, db


def tokens(m, v, h, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(v, size=m), rng.integers(v, size=m), rng.standard_normal((v, h)), rng.standard_normal((h, v))


def embedding(words, following, E, U):
    """Predicts the next word: word numbers choose rows of E, and columns of U."""
    m = len(words)
    H = E[words]
    P = softmax(H @ U)
    loss = -np.log(P[np.arange(m), following]).sum() / m
    dS = P.copy()
    dS[np.arange(m), following] -= 1
    dS /= m
    dU = H.T @ dS
    dH = dS @ U.T
    chosen = np.eye(len(E), dtype=E.dtype)[words]
    dE = chosen.T @ dH
    return loss, dE, dU


def pixels(m, d, h, c, seed):
    x, y, W, b, V, a = draw(m, d, h, c, seed)
    return np.floor(x * 256), y, W, b, V, a


def saturated(x, y, W, b, V, a):
    """Pixels up to 255, so that the softmax gives zeros and ones and most gradients are nothing."""
    m = len(x)
    Z = x @ W + b
    A = np.abs(Z)
    S = A @ V + a
    P = softmax(S)
    dS = P - y
    dV = A.T @ dS / m
    da = dS.sum(axis=0) / m
    dZ = (dS @ V.T) * np.sign(Z)
    dW = x.T @ dZ / m
    db = dZ.sum(axis=0) / m
    return dV, da, dW, db


def pooled(x, y, W, b, V, a):
    """Layer normalisation, after which the largest unit alone goes on."""
    m, h = len(x), W.shape[1]
    Z = x @ W + b
    C = Z - Z.mean(axis=1, keepdims=True)
    s = np.sqrt((C**2).mean(axis=1, keepdims=True) + 0.1)
    N = C / s
    top = np.eye(h, dtype=x.dtype)[N.argmax(axis=1)]
    Q = N * top
    out = Q @ V + a
    loss = ((out - y) ** 2).sum() / (2 * m)
    dout = (out - y) / m
    dV = Q.T @ dout
    da = dout.sum(axis=0)
    dQ = dout @ V.T
    dN = dQ * top
    dZ = (dN - dN.mean(axis=1, keepdims=True) - N * (dN * N).mean(axis=1, keepdims=True)) / s
    dW = x.T @ dZ
    db = dZ.sum(axis=0)
    return loss, dV, da, dW, db


def columns(m, d, h, c, seed):
    rng = np.random.default_rng(seed)
    params = {
        "W1": rng.standard_normal((h, d)),
        "b1": np.zeros((h, 1)),
        "W2": rng.standard_normal((1, h)),
        "b2": np.zeros((1, 1)),
    }
    return rng.standard_normal((d, m)), rng.integers(2, size=(1, m)).astype(float), params


def columns_step(X, Y, params):
    """Samples are columns; sigmoid output, binary cross-entropy; parameters in a dict."""
    m = X.shape[1]
    W1, b1, W2, b2 = params["W1"], params["b1"], params["W2"], params["b2"]
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = 1 / (1 + np.exp(-Z2))
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    db2 = dZ2.sum(axis=1, keepdims=True) / m
    dZ1 = (W2.T @ dZ2) * (1 - A1**2)
    dW1 = dZ1 @ X.T / m
    db1 = dZ1.sum(axis=1, keepdims=True) / m
    for name, gradient in {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}.items():
        params[name] = params[name] - 0.5 * gradient


def sequence(T, d, h, seed):
    rng = np.random.default_rng(seed)
    return (
        rng.standard_normal((T, d)),
        rng.standard_normal((T, h)),
        rng.standard_normal((d, h)),
        rng.standard_normal((h, h)),
    )


def recurrent(x, y, W, U):
    """A recurrent network over one sequence: its steps are no batch."""
    steps = len(x)
    hs = {-1: np.zeros(W.shape[1], x.dtype)}
    loss = 0.0
    for t in range(steps):
        hs[t] = np.tanh(x[t] @ W + hs[t - 1] @ U)
        loss = loss + ((hs[t] - y[t]) ** 2).sum() / 2
    dW, dU, dnext = np.zeros_like(W), np.zeros_like(U), np.zeros(W.shape[1], x.dtype)
    for t in reversed(range(steps)):
        raw = (hs[t] - y[t] + dnext) * (1 - hs[t] ** 2)
        dW += np.outer(x[t], raw)
        dU += np.outer(hs[t - 1], raw)
        dnext = raw @ U.T
    return loss, dW, dU


class Dense:
    def __init__(self, inputs, outputs, rng):
        self.W = rng.standard_normal((inputs, outputs))
        self.b = np.zeros(outputs)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class Net:
    def __init__(self, d, h, c, seed):
        rng = np.random.default_rng(seed)
        self.layers = [Dense(d, h, rng), Dense(h, c, rng)]

    def step(self, x, y):
        """Layers with attributes of the same names."""
        z = self.layers[0].forward(x)
        out = self.layers[1].forward(np.tanh(z))
        loss = ((out - y) ** 2).sum() / (2 * len(x))
        dz = self.layers[1].backward((out - y) / len(x)) * (1 - np.tanh(z) ** 2)
        self.layers[0].backward(dz)
        for layer in self.layers:
            layer.W -= 0.1 * layer.dW
            layer.b -= 0.1 * layer.db
        return loss


_PLAIN = (
    regression, summed, penalised, normalised, normalised_inline, dropout, global_dropout, per_sample, residual,
    transposed, ascent, clipped, heads, pooled,
)  # fmt: skip

__gradcheck__ = {
    "default": "regression",
    "targets": {
        **{f.__name__: {"setup": _SETUP, "call": f.__name__ + _CALL, "sizes": _SIZES} for f in _PLAIN},
        "optimiser": {
            "setup": _SETUP + "; state = {'velocity': np.zeros_like(V)}",
            "call": "optimiser(x, y, W, b, V, a, state)",
            "sizes": _SIZES,
        },
        "integer_labels": {
            "setup": "X, t, W, b = classes(m, d, c, seed)",
            "call": "integer_labels(X, t, W, b)",
            "sizes": {"m": 7, "d": 5, "c": 3},
        },
        "embedding": {
            "setup": "words, following, E, U = tokens(m, v, h, seed)",
            "call": "embedding(words, following, E, U)",
            "sizes": {"m": 7, "v": 5, "h": 4},
        },
        "saturated": {
            "setup": "x, y, W, b, V, a = pixels(m, d, h, c, seed)",
            "call": "saturated(x, y, W, b, V, a)",
            "sizes": _SIZES,
            "loss": "((np.log(np.exp(S.T - S.max(axis=1)).sum(axis=0)) + S.max(axis=1)) - (y * S).sum(axis=1)).mean()",
        },
        "columns": {
            "setup": "X, Y, params = columns(m, d, h, 1, seed)",
            "call": "columns_step(X, Y, params)",
            "loss": "-(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)).sum() / Y.shape[1]",
            "sizes": {"m": 7, "d": 5, "h": 4},
        },
        "recurrent": {
            "setup": "x, y, W, U = sequence(T, d, h, seed)",
            "call": "recurrent(x, y, W, U)",
            "sizes": {"T": 4, "d": 3, "h": 2},
        },
        "layers": {
            "setup": "x, y, *_ = draw(m, d, h, c, seed); net = Net(d, h, c, seed)",
            "call": "net.step(x, y)",
            "sizes": _SIZES,
        },
    },
}
