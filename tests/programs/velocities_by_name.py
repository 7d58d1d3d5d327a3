# Velocities are kept under the parameters' own names, and parameters are moved where the object holds them.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dz", "grads['W']", "grads['b']"],
}

rng = np.random.default_rng(0)


class P:
    pass


p = P()
p.W = rng.normal(size=(4, 3))
p.b = np.zeros(3)
speed = {}
x, y = rng.normal(size=(40, 4)), rng.normal(size=(40, 3))


def step(p, grads, rate):
    for name, g in grads.items():
        value = getattr(p, name)
        v = 0.9 * speed.get(name, 0.0) - rate * g
        speed[name] = v
        value += v


for k in range(50):
    z = x @ p.W + p.b
    loss = 0.5 * np.sum((z - y) ** 2) / len(x)
    dz = (z - y) / len(x)
    grads = {"W": x.T @ dz, "b": dz.sum(axis=0)}
    step(p, grads, 0.1)
