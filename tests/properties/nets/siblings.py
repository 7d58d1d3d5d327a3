"""Pairs of networks, one right and one wrong on purpose, each wrong in a way that one property catches."""

import numpy as np


def draw(m, d, h, c, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.random((m, d)), np.eye(c)[rng.integers(c, size=m)]
    return x, y, rng.standard_normal((d, h)), np.zeros(h), rng.standard_normal((h, c)), np.zeros(c)


def weights_right(x, y, W, b, V, a):
    """Gradients first, then the updates."""
    A = np.tanh(x @ W + b)
    out = A @ V + a
    dout = (out - y) / len(x)
    dV = A.T @ dout
    dA = dout @ V.T
    V = V - 0.5 * dV
    dW = x.T @ (dA * (1 - A**2))
    W = W - 0.5 * dW
    return W, V


def weights_wrong(x, y, W, b, V, a):
    """The hidden gradient is taken through weights that have been updated already."""
    A = np.tanh(x @ W + b)
    out = A @ V + a
    dout = (out - y) / len(x)
    dV = A.T @ dout
    V = V - 0.5 * dV
    dA = dout @ V.T
    dW = x.T @ (dA * (1 - A**2))
    W = W - 0.5 * dW
    return W, V


def layout_right(x, y, W, b, V, a):
    """dW is kept transposed and the update puts it right."""
    out = np.tanh(x @ W) @ V
    dout = (out - y) / len(x)
    dV = dout.T @ np.tanh(x @ W)
    V = V - 0.5 * dV.T
    return (V,)


def layout_wrong(x, y, W, b, V, a):
    """Nothing puts it right."""
    out = np.tanh(x @ W) @ V
    dout = (out - y) / len(x)
    dV = dout.T @ np.tanh(x @ W)
    return dout, dV


def spec_right(x, y, W, b, V, a):
    Z = x @ W + b
    A = np.tanh(Z)
    out = A @ V
    dout = (out - y) / len(x)
    dV = A.T @ dout
    return (dV,)


def spec_wrong(x, y, W, b, V, a):
    """Z comes out with an axis too many."""
    Z = (x @ W + b)[:, :, None]
    A = np.tanh(Z[:, :, 0])
    out = A @ V
    dout = (out - y) / len(x)
    dV = A.T @ dout
    return (dV,)


def average_right(x, y, W, b, V, a):
    out = x @ W @ V + a
    loss = ((out - y) ** 2).sum() / 2 / len(x)
    dout = (out - y) / len(x)
    da = dout.sum(axis=0)
    return loss, da


def average_wrong(x, y, W, b, V, a):
    """Divided by the batch twice."""
    out = x @ W @ V + a
    loss = ((out - y) ** 2).sum() / 2 / len(x)
    dout = (out - y) / len(x)
    da = dout.mean(axis=0)
    return loss, da


def coupled_wrong(x, y, W, b, V, a):
    """The bias is multiplied by a sum over all samples: each sample's output depends on the others."""
    out = x @ W @ V + a * x.sum()
    loss = ((out - y) ** 2).sum() / 2 / len(x)
    dout = (out - y) / len(x)
    da = dout.sum(axis=0) * x.sum()
    return loss, da


def samples_right(x, y, W, b, V, a):
    out = x @ W @ V + a
    loss = ((out - y) ** 2).sum() / 2
    dout = out - y
    dV = (x @ W).T @ dout
    return loss, dV


def samples_wrong(x, y, W, b, V, a):
    """The activations are paired with the gradients of other samples."""
    out = x @ W @ V + a
    loss = ((out - y) ** 2).sum() / 2
    dout = out - y
    dV = np.sort(x @ W, axis=0).T @ dout
    return loss, dV


def units_right(x, y, W, b, V, a):
    Z = x @ W + b
    out = np.tanh(Z) @ V
    loss = ((out - y) ** 2).sum() / 2
    dout = out - y
    dZ = (dout @ V.T) * (1 - np.tanh(Z) ** 2)
    db = dZ.sum(axis=0)
    return loss, db


def units_wrong(x, y, W, b, V, a):
    """Every unit gets the bias of the first, forward and backward alike: no gradient check can see it."""
    Z = x @ W + b[0]
    out = np.tanh(Z) @ V
    loss = ((out - y) ** 2).sum() / 2
    dout = out - y
    dZ = (dout @ V.T) * (1 - np.tanh(Z) ** 2)
    db = np.eye(len(b))[0] * dZ.sum()
    return loss, db


def units_backward_wrong(x, y, W, b, V, a):
    """The derivative of the activation is taken of the neighbour unit."""
    Z = x @ W + b
    out = np.tanh(Z) @ V
    loss = ((out - y) ** 2).sum() / 2
    dout = out - y
    dZ = (dout @ V.T) * (1 - np.tanh(np.sort(Z, axis=1)) ** 2)
    return loss, dZ


def softmax_right(x, y, W, b, V, a):
    Z = x @ W @ V + a
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)
    dZ = P - y
    da = dZ.sum(axis=0) / len(x)
    return (da,)


def softmax_axis_wrong(x, y, W, b, V, a):
    """Normalised over samples."""
    Z = x @ W @ V + a
    E = np.exp(Z - Z.max(axis=0, keepdims=True))
    P = E / E.sum(axis=0, keepdims=True)
    dZ = P - y
    da = dZ.sum(axis=0) / len(x)
    return (da,)


def softmax_everything_wrong(x, y, W, b, V, a):
    """Normalised over everything."""
    Z = x @ W @ V + a
    E = np.exp(Z - Z.max())
    P = E / E.sum()
    dZ = P - y
    da = dZ.sum(axis=0) / len(x)
    return (da,)


def softmax_shift_wrong(x, y, W, b, V, a):
    """Logits are cut off, so that a shift of all of them changes the result."""
    Z = x @ W @ V + a
    E = np.exp(np.minimum(Z, 2.0))
    P = E / E.sum(axis=1, keepdims=True)
    dZ = P - y
    da = dZ.sum(axis=0) / len(x)
    return (da,)


def finite_global_wrong(x, y, W, b, V, a):
    """The maximum of the whole matrix is taken off."""
    Z = x @ W @ V + a
    E = np.exp(Z - Z.max())
    P = E / E.sum(axis=1, keepdims=True)
    dZ = P - y
    da = dZ.sum(axis=0) / len(x)
    return (da,)


def finite_naive_wrong(x, y, W, b, V, a):
    """No maximum is taken off."""
    Z = x @ W @ V + a
    P = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    dZ = P - y
    da = dZ.sum(axis=0) / len(x)
    return (da,)


def pure_right(x, y, W, b, V, a):
    A = np.maximum(x @ W + b, 0)
    out = A @ V + a
    dout = (out - y) / len(x)
    dA = dout @ V.T
    mask = A > 0
    delta = dA.copy()
    delta *= mask
    dW = x.T @ delta
    db = delta.sum(axis=0)
    W -= 0.1 * dW
    b -= 0.1 * db


def masked(x, A, dA):
    A[A > 0] = 1
    return x.T @ (dA * A)


def pure_cache_wrong(x, y, W, b, V, a):
    """The cached activations are made into the mask, in place."""
    A = np.maximum(x @ W + b, 0)
    out = A @ V + a
    dout = (out - y) / len(x)
    dA = dout @ V.T
    dW = masked(x, A, dA)
    W -= 0.1 * dW


def less(out, y):
    dout = out
    dout -= y
    return dout


def pure_alias_wrong(x, y, W, b, V, a):
    """The output's gradient is made in the output's own array."""
    A = np.maximum(x @ W + b, 0)
    out = A @ V + a
    dout = less(out, y)
    dV = A.T @ dout
    V -= 0.1 * dV


def forward_of(x, W, b, V, a):
    A = np.maximum(x @ W + b, 0)
    return A, A @ V + a


def backward_of(x, y, V, A, out):
    dout = (out - y) / len(x)
    np.sign(A, out=A)
    dA = dout @ V.T
    return x.T @ (dA * A)


def pure_unseen_wrong(x, y, W, b, V, a):
    """The same by a function that writes where it is told to."""
    A, out = forward_of(x, W, b, V, a)
    dW = backward_of(x, y, V, A, out)
    W -= 0.1 * dW


def pure_own_right(x, y, W, b, V, a):
    """One function makes the gradient in the output's own array, as many do."""
    A = np.maximum(x @ W + b, 0)
    out = A @ V + a
    dout = out
    dout -= y
    dV = A.T @ dout
    A[A > 0] = 1
    dW = x.T @ (dout @ V.T * A)
    V -= 0.1 * dV
    W -= 0.1 * dW


def pure_learned_right(x, y, W, b, V, a):
    """The input is what is learned."""
    out = np.maximum(x @ W + b, 0) @ V + a
    dout = (out - y) / len(x)
    dx = (dout @ V.T * (x @ W + b > 0)) @ W.T
    x -= 0.1 * dx


def pure_input_wrong(x, y, W, b, V, a):
    """The labels are overwritten, once they have been used."""
    out = np.maximum(x @ W + b, 0) @ V + a
    dout = (out - y) / len(x)
    np.subtract(out, y, out=y)
    da = dout.sum(axis=0)
    a -= 0.1 * da


def pure_repeat_wrong(x, y, W, b, V, a):
    """Another random mask in each backward."""
    A = x @ W + b
    out = A @ V + a
    loss = ((out - y) ** 2).sum() / 2
    dout = (out - y) * np.random.default_rng().random()
    dV = A.T @ dout
    return loss, dV


def linear_right(x, y, W, b, V, a):
    Z = x @ W + b
    A = np.maximum(Z, 0)
    out = A @ V + a
    dout = (out - y) / len(x)
    dA = dout @ V.T
    dZ = dA * (Z > 0)
    db = dZ.sum(axis=0)
    return (db,)


def linear_wrong(x, y, W, b, V, a):
    """The mask is that of the gradient."""
    Z = x @ W + b
    A = np.maximum(Z, 0)
    out = A @ V + a
    dout = (out - y) / len(x)
    dA = dout @ V.T
    dZ = dA * (dA > 0)
    db = dZ.sum(axis=0)
    return (db,)


def descent_right(x, y, W, b, V, a):
    out = x @ W @ V + a
    dout = (out - y) / len(x)
    da = dout.sum(axis=0)
    a -= 0.1 * da


def descent_wrong(x, y, W, b, V, a):
    """The gradient has the wrong sign."""
    out = x @ W @ V + a
    dout = (y - out) / len(x)
    da = dout.sum(axis=0)
    a -= 0.1 * da


def update_wrong(x, y, W, b, V, a):
    """The gradient is right, and the update adds it."""
    out = x @ W @ V + a
    dout = (out - y) / len(x)
    da = dout.sum(axis=0)
    a += 0.1 * da


def precision_right(x, y, W, b, V, a):
    Z = x @ W + b
    out = np.maximum(Z, 0) @ V + a
    dout = (out - y) / len(x)
    da = dout.sum(axis=0)
    return (da,)


def precision_wrong(x, y, W, b, V, a):
    """The mask is float64, and so is all that follows."""
    Z = x @ W + b
    out = (Z * (Z > 0).astype(float)) @ V + a
    dout = (out - y) / len(x)
    da = dout.sum(axis=0)
    return (da,)


def precision_backward_wrong(x, y, W, b, V, a):
    """The gradient alone becomes float64."""
    Z = x @ W + b
    out = np.maximum(Z, 0) @ V + a
    dout = (out - y) / len(x)
    da = dout.sum(axis=0) * np.ones(len(a))
    return (da,)


_SHAPES = "x:(m,d) y:(m,c) W:(d,h) b:(h) V:(h,c) a:(c) Z:(m,h)"
_NAMES = [name for name in dir() if name.endswith(("_right", "_wrong"))]

__gradcheck__ = {
    "default": "weights_right",
    "targets": {
        name: {
            "setup": "x, y, W, b, V, a = draw(m, d, h, c, seed)",
            "call": f"{name}(x, y, W, b, V, a)",
            "sizes": {"m": 7, "d": 5, "h": 4, "c": 3},
            "shapes": _SHAPES if name.startswith("spec") else "",
        }
        for name in _NAMES
    },
}
