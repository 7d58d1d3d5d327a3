# The first state of something that spreads, from its last: a value and its gradient for a minimiser of scipy's, whose
# forward has run before that, in a loop that adds to what it is given.
import numpy as np
from scipy.optimize import minimize

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["du0"],
    "notes": ["paired misfit with gradient"],
}

rate = 0.15
first = np.exp(-np.linspace(-2, 2, 21) ** 2)


def spread(u):
    for _ in range(8):
        change = np.zeros_like(u)
        change[1:-1] = u[2:] - 2 * u[1:-1] + u[:-2]
        u = u + rate * change
    return u


def adjoint(p):
    for _ in range(8):
        q = p.copy()
        q[2:] += rate * p[1:-1]
        q[1:-1] -= 2 * rate * p[1:-1]
        q[:-2] += rate * p[1:-1]
        p = q
    return p


last = spread(first)


def misfit(u0):
    off = spread(u0) - last
    return 0.5 * off @ off + 0.01 * u0 @ u0


def gradient(u0):
    return adjoint(spread(u0) - last) + 0.02 * u0


if __name__ == "__main__":
    found = minimize(misfit, np.zeros(21), jac=gradient, method="L-BFGS-B")
    print(found.fun)
