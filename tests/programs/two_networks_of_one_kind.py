# A network and an older copy of it, called by one function: the entries, and what the function computes, have one name.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dq", "dv", "da", "dh", "grads['w_h']", "grads['w_v']", "grads['w_a']", "grads['c_a']"],
    "no notes": ["not checked"],
}

rng = np.random.default_rng(0)
SIZES = {"w_h": (4, 7), "c_h": (1, 7), "w_v": (7, 1), "c_v": (1, 1), "w_a": (7, 3), "c_a": (1, 3)}


def values(net, s):
    h = np.tanh(s.dot(net["w_h"]) + net["c_h"])
    v = h.dot(net["w_v"]) + net["c_v"]
    a = h.dot(net["w_a"]) + net["c_a"]
    return v + a - a.mean(axis=1, keepdims=True), (s, h)


def gradients(net, older, s, moves, rewards, s2):
    q, (s, h) = values(net, s)
    q2, _ = values(older, s2)
    rows = np.arange(len(moves))
    err = q[rows, moves] - (rewards + 0.9 * q2.max(axis=1))
    loss = np.mean(err**2)
    dq = np.zeros_like(q)
    dq[rows, moves] = 2 * err / len(moves)
    dv = dq.sum(axis=1, keepdims=True)
    da = dq - dq.mean(axis=1, keepdims=True)
    grads = {"w_v": h.T.dot(dv), "c_v": dv.sum(axis=0, keepdims=True)}
    grads["w_a"] = h.T.dot(da)
    grads["c_a"] = da.sum(axis=0, keepdims=True)
    dh = (dv.dot(net["w_v"].T) + da.dot(net["w_a"].T)) * (1 - h**2)
    grads["w_h"] = s.T.dot(dh)
    grads["c_h"] = dh.sum(axis=0, keepdims=True)
    return loss, grads


def train(steps=60):
    net = {name: 0.3 * rng.standard_normal(size) for name, size in SIZES.items()}
    older = {name: value.copy() for name, value in net.items()}
    for step in range(steps):
        s, s2 = rng.standard_normal((2, 16, 4))
        moves = rng.integers(0, 3, 16)
        loss, grads = gradients(net, older, s, moves, s[:, 0] * (moves == 0), s2)
        for name in net:
            net[name] -= 0.05 * grads[name]
        if step % 20 == 0:
            older = {name: value.copy() for name, value in net.items()}


train()
