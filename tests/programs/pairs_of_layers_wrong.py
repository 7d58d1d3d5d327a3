# The same layers with a wrong axis, a product left out of a mean, a forgotten gate, and a forgotten square.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": [
        "affine_backward:db",
        "batchnorm_backward:dx",
        "lstm_step_backward:dc",
    ],
    "inherited": [
        "lstm_step_backward:di",
        "lstm_step_backward:dg",
        "lstm_step_backward:df",
        "lstm_step_backward:da",
        "lstm_step_backward:dx",
        "lstm_step_backward:dprev_h",
        "lstm_step_backward:dprev_c",
        "lstm_step_backward:dWx",
        "lstm_step_backward:dWh",
        "lstm_step_backward:db",
        "dtanh:dx",
    ],
    "codes": {"dtanh:what dtanh() returns": "GC311"},
    "checked": ["affine_backward:dw", "batchnorm_backward:dgamma"],
}


def affine_forward(x, w, b):
    out = x.reshape(x.shape[0], -1) @ w + b
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    x, w, b = cache
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T @ dout
    db = dout.sum(axis=1)
    return dx, dw, db


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
    dx = inv / m * (m * dxhat - dxhat.sum(axis=0) - xhat * dxhat.sum(axis=0))
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
    dc = dnext_c + dnext_h * (1 - t**2)
    do, di, dg, df = dnext_h * t, dc * g, dc * i, dc * prev_c
    da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def tanh(x):
    return np.tanh(x)


def dtanh(x):
    return 1 - np.tanh(x)
