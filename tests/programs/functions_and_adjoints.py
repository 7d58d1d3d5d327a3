# Functions with their gradients as scipy takes them, a Jacobian, a product with it, and linear operators' adjoints.
EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": [
        "rosen_der:dx",
        "jac_model:dt",
        "blur_adjoint:dx",
        "scale_vjp:dw",
        "Difference:dx",
        "jac:dx",
        "AT:dx",
        "mse_prime:dy_pred",
    ],
    "notes": ["paired rosen with rosen_der", "paired A with AT", "driven with x (4,): found by trying"],
}

import numpy as np


def rosen(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosen_der(x):
    middle = x[1:-1]
    grad = np.zeros_like(x)
    grad[1:-1] = 200 * (middle - x[:-2] ** 2) - 400 * (x[2:] - middle**2) * middle - 2 * (1 - middle)
    grad[0] = -400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0])
    grad[-1] = 200 * (x[-1] - x[-2] ** 2)
    return grad


def model(t):
    return np.array([t[0] * t[1], np.sin(t[1]) + t[2], t[0] ** 2])


def jac_model(t):
    return np.array([[t[1], t[0], 0], [0, np.cos(t[1]), 1], [2 * t[0], 0, 0]])


def blur(x):
    return x[:, :-1] + 2 * x[:, 1:]


def blur_adjoint(y):
    x = np.zeros((y.shape[0], y.shape[1] + 1))
    x[:, :-1] += y
    x[:, 1:] += 2 * y
    return x


def scale(x, w):
    return x * w


def scale_vjp(v, x, w):
    return v * w, v * x


class Difference:
    def matvec(self, x):
        return x[1:] - x[:-1]

    def rmatvec(self, y):
        out = np.zeros(len(y) + 1)
        out[1:] += y
        out[:-1] -= y
        return out


def fun(x):
    return (x**4).sum()


def jac(x):
    return 4 * x**3


def A(x):
    return np.array([x[0] + 2 * x[1], 3 * x[1] - x[2]])


def AT(y):
    return np.array([y[0], 2 * y[0] + 3 * y[1], -y[1]])


def mse(y_true, y_pred):
    return np.mean((y_true - y_pred) ** 2)


def mse_prime(y_true, y_pred):
    return 2 * (y_pred - y_true) / y_true.size
