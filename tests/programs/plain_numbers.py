# A network of plain floats, one sample at a time.
import math
import random

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["d_w1", "d_w2", "d_b1", "d_v"],
}

random.seed(2)
w1, w2, b1 = 0.4, -0.3, 0.1
v, c = 0.7, 0.2
rate = 0.1
data = [(0.5, 1.0, 1.2), (1.0, -0.5, 0.3), (-0.7, 0.2, 0.8)]


def tanh(z):
    return math.tanh(z)


for epoch in range(100):
    total = 0.0
    for x1, x2, t in data:
        z = w1 * x1 + w2 * x2 + b1
        a = tanh(z)
        y = v * a + c
        loss = 0.5 * (y - t) ** 2
        total += loss
        d_y = y - t
        d_v = d_y * a
        d_c = d_y
        d_a = d_y * v
        d_z = d_a * (1 - a * a)
        d_w1 = d_z * x1
        d_w2 = d_z * x2
        d_b1 = d_z
        w1 -= rate * d_w1
        w2 -= rate * d_w2
        b1 -= rate * d_b1
        v -= rate * d_v
        c -= rate * d_c
