# The same with a factor at an end, an overwritten sum, wrong signs and a wrong power.
EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["Difference:dx", "jac:dx", "AT:dx", "scale_vjp:dw"],
    "inherited": ["blur_adjoint:dx", "rosen_der:dx"],  # from the edit of x[:, 1:] and of grad[-1], whose lines are named
    "checked": ["mse_prime:dy_pred", "scale_vjp:dx"],
}

import numpy as np


def rosen(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosen_der(x):
    middle = x[1:-1]
    grad = np.zeros_like(x)
    grad[1:-1] = 200 * (middle - x[:-2] ** 2) - 400 * (x[2:] - middle**2) * middle - 2 * (1 - middle)
    grad[0] = -400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0])
    grad[-1] = 100 * (x[-1] - x[-2] ** 2)
    return grad


def blur(x):
    return x[:, :-1] + 2 * x[:, 1:]


def blur_adjoint(y):
    x = np.zeros((y.shape[0], y.shape[1] + 1))
    x[:, :-1] += y
    x[:, 1:] = 2 * y
    return x


class Difference:
    def matvec(self, x):
        return x[1:] - x[:-1]

    def rmatvec(self, y):
        out = np.zeros(len(y) + 1)
        out[1:] += y
        out[:-1] += y
        return out


def fun(x):
    return (x**4).sum()


def jac(x):
    return 4 * x**2


def A(x):
    return np.array([x[0] + 2 * x[1], 3 * x[1] - x[2]])


def AT(y):
    return np.array([y[0], 2 * y[0] - 3 * y[1], -y[1]])


def mse(y_true, y_pred):
    return np.mean((y_true - y_pred) ** 2)


def mse_prime(y_true, y_pred):
    return 2 * (y_pred - y_true) / y_true.size


def scale(x, w):
    return x * w


def scale_vjp(v, x, w):
    return v * w, v * w
