# With real numbers for the complex ones its functions would go through, and a conjugate that is missing would not show.
import numpy as np

EXPECTED = {
    "exit": 5,
    "says": ["W is complex, and gradcheck measures derivatives by real numbers alone", "dW_re = grad.real"],
}

def loss(W, x, y):
    z = x @ W
    r = z - y
    return np.sum(r.real**2 + r.imag**2)
def gradient(W, x, y):
    r = x @ W - y
    dW = 2 * x.T @ r
    return dW
def train(W, x, y):
    for i in range(50):
        L = loss(W, x, y)
        dW = gradient(W, x, y)
        W -= 0.001 * dW
rng = np.random.default_rng(0)
x = rng.normal(size=(20, 3)) + 1j * rng.normal(size=(20, 3))
W = rng.normal(size=(3, 2)) + 1j * rng.normal(size=(3, 2))
train(W, x, x @ (W + 1))
