# The same; the step of the second network leaves out the derivative of its activation.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "inherited": ["move_maker:U1 (from its update)", "move_maker:c1 (from its update)"],
    "codes": {"move_maker:back": "GC311"},
    "checked": ["two_networks_by_turns_wrong.py:dh_real", "move_maker:dmade"],
}

rng = np.random.RandomState(7)
rate = 0.05
U1, c1 = 0.4 * rng.randn(3, 6), np.zeros((1, 6))
U2, c2 = 0.4 * rng.randn(6, 2), np.zeros((1, 2))
V1, d1 = 0.4 * rng.randn(2, 5), np.zeros((1, 5))
V2, d2 = 0.4 * rng.randn(5, 1), np.zeros((1, 1))


def maker(z):
    h = np.tanh(z.dot(U1) + c1)
    return h, h.dot(U2) + c2


def judge(x):
    h = np.tanh(x.dot(V1) + d1)
    return h, 1 / (1 + np.exp(-(h.dot(V2) + d2)))


def move_judge(real, z):
    global V1, d1, V2, d2
    _, made = maker(z)
    h_real, p_real = judge(real)
    h_made, p_made = judge(made)
    loss = -np.mean(np.log(p_real)) - np.mean(np.log(1 - p_made))
    da_real = (p_real - 1) / len(real)
    da_made = p_made / len(real)
    gV2 = h_real.T.dot(da_real) + h_made.T.dot(da_made)
    gd2 = (da_real + da_made).sum(axis=0, keepdims=True)
    dh_real = da_real.dot(V2.T) * (1 - h_real**2)
    dh_made = da_made.dot(V2.T) * (1 - h_made**2)
    V2 -= rate * gV2
    d2 -= rate * gd2
    V1 -= rate * (real.T.dot(dh_real) + made.T.dot(dh_made))
    d1 -= rate * (dh_real + dh_made).sum(axis=0, keepdims=True)
    return loss


def move_maker(z):
    global U1, c1, U2, c2
    h, made = maker(z)
    h_judge, p = judge(made)
    loss = -np.mean(np.log(p))
    da = (p - 1) / len(z)
    dmade = (da.dot(V2.T) * (1 - h_judge**2)).dot(V1.T)
    back = dmade.dot(U2.T)
    U2 -= rate * h.T.dot(dmade)
    c2 -= rate * dmade.sum(axis=0, keepdims=True)
    U1 -= rate * z.T.dot(back)
    c1 -= rate * back.sum(axis=0, keepdims=True)
    return loss


for turn in range(40):
    move_judge(0.3 * rng.randn(8, 2) + 1, rng.randn(8, 3))
    move_maker(rng.randn(8, 3))
