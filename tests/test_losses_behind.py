"""A loss that is only computed behind the update, to be kept or printed, is the one that the step's gradients are of:
where it is of the step's own data. A factor is wrong then, which beside a loss that is only inferred is noted alone."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

OF_FUNCTIONS = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def cost(X, y, theta, lam):
    h = sigmoid(X @ theta)
    return -(y * np.log(h) + (1 - y) * np.log(1 - h)).mean() + lam / (2 * len(y)) * np.sum(theta[1:] ** 2)

def gradient(X, y, theta, lam):
    h = sigmoid(X @ theta)
    reg = lam / len(y) * theta
    reg[0] = 0
    return X.T @ (h - y) / len(y) + reg

def train(X, y, alpha=0.1, lam=3.0):
    theta, costs = np.zeros(X.shape[1]), []
    for i in range(40):
        theta = theta - alpha * gradient(X, y, theta, lam)
        costs.append(cost(X, y, theta, lam))
    return theta, costs

rng = np.random.default_rng(0)
X = np.hstack([np.ones((60, 1)), rng.normal(size=(60, 2))])
train(X, (X[:, 1] > 0) * 1.0)
"""
OF_A_MODEL = """
import numpy as np

class Model:
    def __init__(self):
        self.w, self.history = np.zeros(3), []

    def cost(self, X, y):
        return np.mean((X @ self.w - y) ** 2) / 2

    def fit(self, X, y):
        for i in range(40):
            h = X @ self.w
            gradient = X.T @ (h - y) / len(y)
            self.w -= 0.1 * gradient
            self.history.append(self.cost(X, y))

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
Model().fit(X, X @ np.ones(3) + 0.3)
"""
OF_A_RESIDUAL = """
import numpy as np

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y, w, costs = X @ np.ones(3) + 0.3, np.zeros(3), []
for i in range(40):
    errors = y - X @ w
    grad = -X.T @ errors
    w -= 0.01 * grad
    cost = (errors**2).sum() / 2
    costs.append(cost)
"""
OF_A_NETWORK = """
import numpy as np

def forward(X, params):
    A = np.tanh(X @ params["V"])
    return A @ params["W"], A

def compute_cost(out, Y):
    return np.sum((out - Y) ** 2) / len(Y)

def gradients(X, Y, params):
    out, A = forward(X, params)
    dout = 2 * (out - Y) / len(Y)
    dA = dout @ params["W"].T
    return {"W": A.T @ dout, "V": X.T @ (dA * (1 - A**2))}

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
Y = np.sin(X[:, :2])
params = {"V": rng.normal(size=(3, 5)), "W": rng.normal(size=(5, 2))}
for i in range(40):
    grads = gradients(X, Y, params)
    for k in params:
        params[k] = params[k] - 0.1 * grads[k]
    out, _ = forward(X, params)
    cost = compute_cost(out, Y)
    print(i, cost)
"""
OF_WHAT_CALLS_THE_STEP = """
import numpy as np

class Net:
    def __init__(self, rng):
        self.W, self.b = rng.normal(size=(3, 2)), 0

    def predict(self, X):
        return np.tanh(X @ self.W + self.b)

    def objective(self, X, Y):
        return np.sum((self.predict(X) - Y) ** 2) / len(X)

    def step(self, X, Y, lr=0.1):
        z = X @ self.W + self.b
        out = np.tanh(z)
        dz = 2 * (out - Y) / len(X) * (1 - out**2)
        dW = X.T @ dz
        db = dz.sum()
        self.W -= lr * dW
        self.b -= lr * db

    def log(self, X, Y):
        print(self.objective(X, Y))

    def fit(self, X, Y):
        for i in range(40):
            self.step(X, Y)
            self.log(X, Y)

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
Net(rng).fit(X, np.sin(X[:, :2]))
"""
OF_WHAT_CALLED_THE_LOOP = """
import numpy as np

def cost(theta, X, y):
    return np.mean(np.log(1 + np.exp(X @ theta)) - y * (X @ theta))

def descend(theta, X, y, alpha):
    for _ in range(40):
        gradient = X.T @ (1 / (1 + np.exp(-X @ theta)) - y) / len(y)
        theta = theta - alpha * gradient
    return theta

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y = (X[:, 1] > 0) * 1.0
theta = descend(np.array([0, 0, 0]), X, y, 0.1)
print(f"cost {cost(theta, X, y):.4f}")
"""
IN_BATCHES = """
import numpy as np

class Model:
    def __init__(self):
        self.W = np.zeros((4, 3))

    def probabilities(self, X):
        e = np.exp(X @ self.W)
        return e / e.sum(axis=1, keepdims=True)

    def gradient(self, X, Y):
        p = self.probabilities(X)
        return X.T @ (p - Y) / len(X)

    def update(self, g):
        self.W = self.W - 0.2 * g

    def loss(self, X, Y):
        return -np.mean(np.sum(Y * np.log(self.probabilities(X)), axis=1))

def train(model, X, Y, rng):
    order = rng.permutation(len(X))
    for s in range(0, len(X), 10):
        rows = order[s : s + 10]
        model.update(model.gradient(X[rows], Y[rows]))
    print(model.loss(X, Y))

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4))
train(Model(), X, np.eye(3)[X[:, :3].argmax(axis=1)], rng)
"""
UPDATED_BY_A_FUNCTION = """
import numpy as np

def cost(p, X, y):
    return np.mean((X @ p["w"] + p["b"] - y) ** 2)

def gradients(p, X, y):
    r = 2 * (X @ p["w"] + p["b"] - y) / len(y)
    return {"w": X.T @ r, "b": r.sum()}

def update(p, grads):
    for k in p:
        p[k] = p[k] - 0.05 * grads[k]

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y, p, costs = X @ np.ones(3) + 0.3, {"w": np.zeros(3), "b": 0.0}, []
for i in range(40):
    rows = rng.choice(60, 12)
    Xb, yb = X[rows], y[rows]
    grads = gradients(p, Xb, yb)
    update(p, grads)
    costs.append(cost(p, Xb, yb))
"""
DECAYED = """
import numpy as np

class Model:
    def __init__(self, lam=0.05):
        self.w, self.b, self.lam = np.ones(3), 0.0, lam

    def loss(self, X, y):
        return np.mean((X @ self.w + self.b - y) ** 2) / 2 + self.lam / 2 * np.sum(self.w**2)

    def step(self, X, y):
        e = X @ self.w + self.b - y
        dw = X.T @ e / len(y)
        db = e.mean()
        self.w -= 0.1 * (dw + self.lam * self.w)
        self.b -= 0.1 * db

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y = X @ np.ones(3) * 2 + 0.3
model = Model()
for i in range(40):
    model.step(X, y)
    if i % 10 == 0:
        print(model.loss(X, y))
"""
OF_ANOTHER_FORWARD = """
import numpy as np

class Net:
    def __init__(self, rng):
        self.V, self.W = rng.normal(size=(3, 6)), rng.normal(size=(6, 2))
        self.mean = np.zeros(6)

    def predict(self, X):
        return np.tanh(X @ self.V - self.mean) @ self.W

    def cost(self, X, Y):
        return np.sum((self.predict(X) - Y) ** 2) / len(X)

    def step(self, X, Y):
        z = X @ self.V
        mean = z.mean(axis=0)
        self.mean = 0.9 * self.mean + 0.1 * mean
        a = np.tanh(z - mean)
        out = a @ self.W
        d = 2 * (out - Y) / len(X)
        e = d @ self.W.T * (1 - a**2)
        self.W -= 0.1 * a.T @ d
        self.V -= 0.1 * X.T @ (e - e.mean(axis=0))

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3)) + 0.5
net = Net(rng)
for i in range(40):
    net.step(X, np.sin(X[:, :2]))
    print(net.cost(X, np.sin(X[:, :2])))
"""
OF_OTHER_DATA = """
import numpy as np

def cost(X, y, w):
    return np.sum((X @ w - y) ** 2)

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y = X @ np.ones(3) + 0.3
X_val, y_val, w = X[40:], y[40:], np.zeros(3)
for i in range(40):
    rows = rng.integers(0, 40, 8)
    Xb, yb = X[rows], y[rows]
    r = Xb @ w - yb
    grad = Xb.T @ r / 8
    w = w - 0.1 * grad
    print(cost(X_val, y_val, w), cost(X, y, w))
"""


def checked(tmp_path: Path, text: str) -> gradcheck.Report:
    file = tmp_path / "net.py"
    file.write_text(text)
    return gradcheck.check(str(file), properties=False)


@pytest.mark.parametrize(
    ("text", "right", "wrong", "expression"),
    [
        (OF_FUNCTIONS, "(h - y) / len(y) + reg", "(h - y) + reg", "cost(X, y, theta, lam)"),
        (OF_FUNCTIONS, "/ len(y) + reg\n", "/ len(y) + 2 * reg\n", "cost(X, y, theta, lam)"),
        (OF_A_MODEL, "(h - y) / len(y)", "(h - y) / len(y) * 2", "mean half squared error of h and y"),
        (OF_A_RESIDUAL, "-X.T @ errors", "-2 * X.T @ errors", "cost"),
        pytest.param(OF_A_NETWORK, "dout = 2 * (", "dout = (", "compute_cost(out, Y)", marks=pytest.mark.slow),
        pytest.param(
            OF_WHAT_CALLS_THE_STEP, "dz = 2 * (", "dz = (", "mean squared error of out and Y", marks=pytest.mark.slow
        ),
        (OF_WHAT_CALLED_THE_LOOP, "- y) / len(y)", "- y)", "cost(theta, X, y)"),
        (IN_BATCHES, "(p - Y) / len(X)", "(p - Y)", "mean softmax cross-entropy of p and Y"),
        pytest.param(UPDATED_BY_A_FUNCTION, "r = 2 * (", "r = (", "cost(p, Xb, yb)", marks=pytest.mark.slow),
        (DECAYED, "dw = X.T @ e / len(y)", "dw = X.T @ e * 2 / len(y)", "model.loss(X, y)"),
    ],
)
def test_a_factor_that_the_loss_behind_the_update_has_not(
    text: str, right: str, wrong: str, expression: str, tmp_path: Path
) -> None:
    found = checked(tmp_path, text)
    assert found.verdict.value == "pass", str(found)
    assert found.loss is not None
    assert found.loss.expression == expression
    found = checked(tmp_path, text.replace(right, wrong))
    line = text[: text.index(right)].count("\n") + 1
    assert {f.line for f in found.findings if f.severity == "error"} == {line}, str(found)


@pytest.mark.parametrize("text", [OF_OTHER_DATA, OF_ANOTHER_FORWARD], ids=["of other data", "of another forward"])
def test_a_loss_of_something_else_is_none_of_the_steps(text: str, tmp_path: Path) -> None:
    found = checked(tmp_path, text)
    assert found.verdict.value == "pass", str(found)
    assert found.loss is not None
    assert "cost(" not in found.loss.expression


SHOWN = """
import numpy as np

rng = np.random.default_rng(1)
X = rng.normal(size=(40, 3))
y = X @ np.array([[1.0], [2.0], [-1.0]]) + 0.3


class Net:
    def __init__(self):
        self.W, self.b = rng.normal(size=(3, 1)), np.zeros(1)

    def predict(self, X):
        return X @ self.W + self.b

    def step(self, X, y, lr):
        out = self.predict(X)
        err = (out - y) / len(X)
        self.W -= lr * X.T @ err
        self.b -= lr * err.sum(axis=0)


net = Net()
for epoch in range(50):
    net.step(X, y, 0.1)
    loss = MEASURE
    print(epoch, loss)
"""


@pytest.mark.parametrize(
    ("measure", "own"),
    [
        ("np.sqrt(((net.predict(X) - y) ** 2).mean())", False),
        ("np.abs(net.predict(X) - y).mean()", False),
        ("((net.predict(X) - y) ** 2).mean()", True),
        ("0.5 * ((net.predict(X) - y) ** 2).mean() + 0.1 * (net.W**2).sum()", True),
    ],
)
def test_what_only_shows_how_far_training_has_come_is_no_loss(tmp_path: Path, measure: str, own: bool) -> None:
    """A root of the mean square, a mean of absolute errors; a penalty that the gradients leave out is no such thing."""
    found = checked(tmp_path, SHOWN.replace("MEASURE", measure))
    assert found.loss is not None
    assert found.loss.expression.endswith("loss") is own
    assert found.verdict.value == ("fail" if "net.W**2" in measure else "pass"), str(found)
    wrong = checked(tmp_path, SHOWN.replace("MEASURE", measure).replace("err.sum(", "err.mean("))
    assert wrong.verdict.value == "fail"
