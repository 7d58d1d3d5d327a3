# Layers that are not the same twice: a gated recurrent step, a layer that hands its state on, modes for training only.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": [
        "GRU:dWx",
        "GRU:dWh",
        "GRU:db",
        "GRU:dh",
        "Memory:dW",
        "Memory:dh_prev",
        "Memory:dc_prev",
        "Norm:dscale",
        "Recurrent:dWx",
        "Recurrent:dWh",
        "Recurrent:db",
    ],
}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class GRU:
    def __init__(self, input_size, hidden_size):
        self.n = hidden_size
        self.Wx = np.random.randn(input_size, 3 * hidden_size)
        self.Wh = np.random.randn(hidden_size, 3 * hidden_size)
        self.b = np.zeros(3 * hidden_size)

    def parts(self, joined):
        return joined[..., : self.n], joined[..., self.n : 2 * self.n], joined[..., 2 * self.n :]

    def forward(self, x, h):
        from_x = self.parts(x @ self.Wx + self.b)
        from_h = self.parts(h @ self.Wh)
        self.x, self.h, self.inner = x, h, from_h[2]
        self.reset = sigmoid(from_x[0] + from_h[0])
        self.update = sigmoid(from_x[1] + from_h[1])
        self.new = np.tanh(from_x[2] + self.reset * from_h[2])
        return self.update * h + (1 - self.update) * self.new

    def backward(self, dout):
        on_new = dout * (1 - self.update) * (1 - self.new**2)
        on_update = dout * (self.h - self.new) * self.update * (1 - self.update)
        on_reset = on_new * self.inner * self.reset * (1 - self.reset)
        side_x = np.concatenate([on_reset, on_update, on_new], axis=1)
        side_h = np.concatenate([on_reset, on_update, on_new * self.reset], axis=1)
        self.dWx, self.db = self.x.T @ side_x, side_x.sum(axis=0)
        self.dWh = self.h.T @ side_h
        return side_x @ self.Wx.T, side_h @ self.Wh.T + dout * self.update


class Memory:
    def __init__(self, input_size, hidden_size):
        self.W = np.random.randn(input_size + hidden_size, 3 * hidden_size)

    def forward(self, x, h_prev, c_prev):
        self.n, self.joined = x.shape[1], np.concatenate([x, h_prev], axis=1)
        keep, new, show = np.split(self.joined @ self.W, 3, axis=1)
        self.keep, self.new, self.show, self.c_prev = sigmoid(keep), np.tanh(new), sigmoid(show), c_prev
        c_next = self.keep * c_prev + self.new
        self.seen = np.tanh(c_next)
        h_next = self.show * self.seen
        return h_next, c_next

    def backward(self, dh_next, dc_next):
        cell = dc_next + dh_next * self.show * (1 - self.seen**2)
        on_keep = cell * self.c_prev * self.keep * (1 - self.keep)
        on_show = dh_next * self.seen * self.show * (1 - self.show)
        side = np.concatenate([on_keep, cell * (1 - self.new**2), on_show], axis=1)
        self.dW = self.joined.T @ side
        joined = side @ self.W.T
        return joined[:, : self.n], joined[:, self.n :], cell * self.keep


class Recurrent:
    def __init__(self, input_size, hidden_size, stateful=True):
        self.Wx = np.random.randn(input_size, hidden_size)
        self.Wh = np.random.randn(hidden_size, hidden_size)
        self.b = np.zeros(hidden_size)
        self.stateful, self.state = stateful, None

    def forward(self, xs):
        if self.state is None or not self.stateful:
            self.state = np.zeros((xs.shape[0], self.b.size))
        self.xs, self.states = xs, [self.state]
        for t in range(xs.shape[1]):
            self.state = np.tanh(xs[:, t] @ self.Wx + self.state @ self.Wh + self.b)
            self.states.append(self.state)
        return np.stack(self.states[1:], axis=1)

    def backward(self, dout):
        self.dWx, self.dWh, self.db = np.zeros_like(self.Wx), np.zeros_like(self.Wh), np.zeros_like(self.b)
        dxs = np.empty_like(self.xs)
        carried = 0
        for t in reversed(range(dout.shape[1])):
            inner = (dout[:, t] + carried) * (1 - self.states[t + 1] ** 2)
            self.dWx += self.xs[:, t].T @ inner
            self.dWh += self.states[t].T @ inner
            self.db += inner.sum(axis=0)
            dxs[:, t] = inner @ self.Wx.T
            carried = inner @ self.Wh.T
        return dxs


class Dropout:
    def __init__(self, p=0.3):
        self.p, self.training = p, True

    def eval(self):
        self.training = False

    def forward(self, x):
        self.mask = (np.random.rand(*x.shape) >= self.p) / (1 - self.p) if self.training else 1.0
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


class Norm:
    def __init__(self, n_features, momentum=0.9):
        self.scale, self.shift = np.ones(n_features), np.zeros(n_features)
        self.mean, self.var, self.momentum = np.zeros(n_features), np.ones(n_features), momentum

    def forward(self, x, train=True):
        mean, var = (x.mean(axis=0), x.var(axis=0)) if train else (self.mean, self.var)
        if train:
            self.mean = self.momentum * self.mean + (1 - self.momentum) * mean
            self.var = self.momentum * self.var + (1 - self.momentum) * var
        self.std = np.sqrt(var + 1e-5)
        self.normed = (x - mean) / self.std
        return self.scale * self.normed + self.shift

    def backward(self, dout):
        self.dscale, self.dshift = (dout * self.normed).sum(axis=0), dout.sum(axis=0)
        dnormed = dout * self.scale
        along = self.normed * (dnormed * self.normed).mean(axis=0)
        return (dnormed - dnormed.mean(axis=0) - along) / self.std
