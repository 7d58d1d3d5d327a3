# Layers as pairs of functions with caches of every kind: nothing calls them.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": [
        "affine_backward:dx",
        "affine_backward:dw",
        "affine_backward:db",
        "relu_backward:dx",
        "batchnorm_backward:dx",
        "batchnorm_backward:dgamma",
        "lstm_step_backward:dprev_c",
        "lstm_step_backward:dWh",
        "sigmoid_derivative:dz",
    ],
    "notes": [
        "paired affine_forward with affine_backward",
        "driven with x (5, 4), w (4, 3), b (3,): found by trying",
        "sigmoid_derivative is handed what sigmoid returns",
    ],
}


def affine_forward(x, w, b):
    out = x.reshape(x.shape[0], -1) @ w + b
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    x, w, b = cache
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db


def relu_forward(x):
    return np.maximum(x, 0), x


def relu_backward(dout, cache):
    return dout * (cache > 0)


def batchnorm_forward(x, gamma, beta, bn_param):
    mode = bn_param["mode"]
    eps = bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)
    running_mean = bn_param.get("running_mean", np.zeros(x.shape[1]))
    running_var = bn_param.get("running_var", np.zeros(x.shape[1]))
    if mode == "train":
        mu, var = x.mean(axis=0), x.var(axis=0)
        inv = 1 / np.sqrt(var + eps)
        xhat = (x - mu) * inv
        out = gamma * xhat + beta
        running_mean = momentum * running_mean + (1 - momentum) * mu
        running_var = momentum * running_var + (1 - momentum) * var
        cache = (xhat, gamma, inv)
    bn_param["running_mean"] = running_mean
    bn_param["running_var"] = running_var
    return out, cache


def batchnorm_backward(dout, cache):
    xhat, gamma, inv = cache
    m = len(dout)
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    dxhat = dout * gamma
    dx = inv / m * (m * dxhat - dxhat.sum(axis=0) - xhat * (dxhat * xhat).sum(axis=0))
    return dx, dgamma, dbeta


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = x @ Wx + prev_h @ Wh + b
    i, f, o = (1 / (1 + np.exp(-a[:, k * H : (k + 1) * H])) for k in range(3))
    g = np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    cache = {"x": x, "prev_h": prev_h, "prev_c": prev_c, "gates": (i, f, o, g), "c": next_c, "w": (Wx, Wh)}
    return next_h, next_c, cache


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c = cache["x"], cache["prev_h"], cache["prev_c"]
    i, f, o, g = cache["gates"]
    Wx, Wh = cache["w"]
    t = np.tanh(cache["c"])
    dc = dnext_c + dnext_h * o * (1 - t**2)
    do, di, dg, df = dnext_h * t, dc * g, dc * i, dc * prev_c
    da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_derivative(a):
    return a * (1 - a)
