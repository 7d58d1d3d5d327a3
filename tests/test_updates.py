"""Gradients had from updates: the rate read off the line, what is moved, and what is no update of a parameter."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck
from gradcheck.capture.rates import Rate, rate_in
from gradcheck.capture.rewrite import Site

RATES = {
    "W -= lr * g": Rate("lr"),
    "W = W - self.learning_rate * X.T @ err": Rate("self.learning_rate"),
    "W = W - (eta / len(batch)) * nw": Rate("eta"),
    "W += alpha * np.dot(X.T, err) / m": Rate("alpha"),
    "W -= 0.1 * g": Rate("", 0.1),
    "W -= 2 * lr * g": Rate("lr"),
    "W -= g": Rate(""),
    "W[l] -= 0.5 * dW[l]": Rate("", 0.5),
    "W[l] -= dW[l] * L": Rate("L"),
    "W += X.T.dot(d)": Rate(""),
    "W -= config['lr'] * g": Rate("config['lr']"),
    "W += (step_size * X.T).dot(d)": Rate("step_size"),
    "setattr(net, k, getattr(net, k) - eta * g[k])": Rate("eta"),
}


def site(file: Path, line: int) -> Site:
    return Site(0, "W", "assign", str(file), line, (line, 0, line, 1), "")


@pytest.mark.parametrize("line", RATES)
def test_rate(tmp_path: Path, line: str) -> None:
    file = tmp_path / "net.py"
    file.write_text(f"{line}\n")
    assert rate_in(site(file, 1)) == RATES[line]


def test_rate_of_a_velocity(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text("v = 0\nv = mu * v - rate * g\nW += v\nv = 3\n")
    assert rate_in(site(file, 3)) == Rate("rate")


HEAD = """
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(7, 4))
X -= X.mean(axis=0)
T = rng.normal(size=(7, 3))
W = rng.normal(size=(4, 3))
b = np.zeros(3)
seen = 0.0
lr = 0.1
for _ in range(3):
    O = X @ W
    O += b
"""


def report(tmp_path: Path, *lines: str) -> gradcheck.Report:
    file = tmp_path / "net.py"
    file.write_text(HEAD + "".join(f"    {line}\n" for line in lines))
    return gradcheck.check(str(file), properties=False)


def test_only_what_the_forward_uses_is_a_parameter(tmp_path: Path) -> None:
    """Centred data, a sum in place and a running total are moved as well."""
    lines = ("e = O - T", "seen += float(np.abs(e).sum())", "W -= lr * X.T @ e", "b -= lr * e.sum(axis=0)")
    found = report(tmp_path, *lines)
    assert [c.of for c in found.comparisons] == ["W", "b"], str(found)
    assert found.verdict.value == "pass", str(found)


def test_the_gradient_is_the_change_over_the_rate(tmp_path: Path) -> None:
    found = report(tmp_path, "e = O - T", "W = W - lr * X.T @ e", "b = b - lr * 3 * e.sum(axis=0)")
    verdicts = {c.of: c.verdict.value for c in found.comparisons if c.kind == "parameter"}
    assert verdicts == {"W": "pass", "b": "fail"}, str(found)
    assert next(c.scale for c in found.comparisons if c.of == "b") == 3


def test_uphill(tmp_path: Path) -> None:
    found = report(tmp_path, "e = O - T", "W -= lr * X.T @ e", "b += lr * e.sum(axis=0)")
    verdicts = {c.of: c.verdict.value for c in found.comparisons if c.kind == "parameter"}
    assert verdicts == {"W": "pass", "b": "fail"}, str(found)


def test_a_tiny_rate_leaves_rounding_and_no_failure(tmp_path: Path) -> None:
    found = report(tmp_path, "lr = 1e-9", "e = O - T", "W = W - lr * X.T @ e", "b = b - lr * e.sum(axis=0)")
    assert all(c.verdict.value in ("pass", "inconclusive") for c in found.comparisons), str(found)


def test_a_named_gradient_is_not_had_from_the_update_as_well(tmp_path: Path) -> None:
    found = report(tmp_path, "dO = O - T", "dW = X.T @ dO", "W -= lr * dW", "b -= lr * dO.sum(axis=0)")
    assert [c.name for c in found.comparisons] == ["dO", "dW", "b (from its update)"], str(found)
    assert found.verdict.value == "pass", str(found)


def test_a_gradient_that_is_clipped_is_right_before_that(tmp_path: Path) -> None:
    lines = ("dO = O - T", "dW = X.T @ dO", "dW = np.clip(dW, -1, 1)", "W -= lr * dW", "b -= lr * dO.sum(axis=0)")
    found = report(tmp_path, *lines)
    assert found.verdict.value == "pass", str(found)
    assert next(c.reason for c in found.comparisons if c.name == "dW") == "before it is clipped at line 16"


def test_a_wrong_gradient_is_wrong_though_it_is_clipped(tmp_path: Path) -> None:
    lines = ("dO = O - T", "dW = 2 * X.T @ dO", "dW = np.clip(dW, -1, 1)", "W -= lr * dW", "b -= lr * dO.sum(axis=0)")
    found = report(tmp_path, *lines)
    assert [c.name for c in found.comparisons if c.verdict.value == "fail"] == ["dW"], str(found)


def test_a_step_beside_which_another_one_is_not_checked_is_inconclusive() -> None:
    report = gradcheck.check(str(Path(__file__).parent / "programs" / "two_networks_by_turns.py"), properties=False)
    assert report.verdict.value == "inconclusive"
    assert all(c.verdict.value == "pass" for c in report.comparisons)
    assert report.beside[0].endswith(":move_maker")
    assert any("another step begins" in note for note in report.notes)


MOVED_BY_NAME = """
import numpy as np


class Line:
    def __init__(self):
        self.W = np.ones((4, 3))
        self.b = np.zeros(3)

    def forward(self, X, T):
        self.X, self.E = X, X @ self.W + self.b - T
        return 0.5 * np.sum(self.E**2)

    def backward(self):
        return {"W": self.X.T @ self.E, "b": self.E.sum(axis=0)}


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    line = Line()
    for turn in range(9):
        loss = line.forward(rng.normal(size=(7, 4)), rng.normal(size=(7, 3)))
        g = line.backward()
        for k in g:
            MOVE
"""


@pytest.mark.parametrize("sign", "-+")
@pytest.mark.parametrize(
    "move",
    [
        "setattr(line, k, getattr(line, k) - 0.01 * g[k])",
        "line.__dict__[k] -= 0.01 * g[k]",
        "vars(line)[k] = vars(line)[k] - 0.01 * g[k]",
    ],
)
def test_what_moves_attributes_by_their_names_is_an_update(tmp_path: Path, move: str, sign: str) -> None:
    """In a main block that speaks of no training, too."""
    file = tmp_path / "line.py"
    file.write_text(MOVED_BY_NAME.replace("MOVE", move.replace("-", sign)))
    report = gradcheck.check(str(file))
    assert report.verdict.value == ("pass" if sign == "-" else "fail"), str(report)
    assert {(f.code, f.line) for f in report.findings} == (set() if sign == "-" else {("GC602", 25)}), str(report)


ENTRIES = """
import numpy as np


class Net:
    def __init__(self):
        r = np.random.default_rng(0)
        self.p = {"W": r.normal(size=(4, 3)), "b": np.zeros(3)}
        self.deep = r.normal(size=(2, 3, 3))
        self.ddeep = np.zeros((2, 3, 3))

    def NAME(self, X, T):
        hs = [np.tanh(X @ self.p["W"] + self.p["b"])]
        for l in range(2):
            hs.append(np.tanh(hs[-1] @ self.deep[l]))
        E = hs[-1] - T
        self.g = {"W": np.zeros((4, 3)), "b": np.zeros(3)}
        self.ddeep[:] = 0
        dz = E * (1 - hs[-1] ** 2)
        for l in (1, 0):
            self.ddeep[l] += hs[l].T @ dz
            dz = dz @ self.deep[l].T * (1 - hs[l] ** 2)
        self.g["W"] += X.T @ dz
        self.g["b"] += dz.sum(axis=0)
        return 0.5 * np.sum(E**2), self.g


net = Net()
r = np.random.default_rng(1)
for turn in range(9):
    value, grads = net.NAME(r.normal(size=(7, 4)), r.normal(size=(7, 3)))
    for k in grads:
        net.p[k] -= 0.01 * grads[k]
    net.deep -= 0.01 * net.ddeep
"""


@pytest.mark.parametrize("name", ["loss_and_gradients", "run"])
def test_a_loss_without_a_name_that_is_handed_back_with_the_gradients(tmp_path: Path, name: str) -> None:
    """Where only the residual E has a name, no standard loss of it and T is meant."""
    file = tmp_path / "net.py"
    file.write_text(ENTRIES.replace("NAME", name))
    report = gradcheck.check(str(file), properties=False)
    assert report.verdict.value == "pass", str(report)
    assert report.loss is not None
    assert report.loss.expression == f"{name}()[0]"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("net.p[k] -= 0.01 * grads[k]", "net.p[k] += 0.01 * grads[k]"),
        ('self.g["W"] += X.T @ dz', 'self.g["W"] += 2 * X.T @ dz'),
        ("self.ddeep[l] += hs[l].T @ dz", "self.ddeep[l] += hs[l].T @ dz * 2"),
    ],
)
def test_what_is_added_to_an_entry_is_put_right(tmp_path: Path, right: str, wrong: str) -> None:
    """Of an attribute's dictionary or array, which no edit of a name alone can stand for."""
    file = tmp_path / "net.py"
    text = ENTRIES.replace("NAME", "loss")
    assert text.count(right) == 1
    file.write_text(text.replace(right, wrong))
    report = gradcheck.check(str(file), properties=False)
    assert {f.fix.new if f.fix else None for f in report.findings if f.severity == "error"} == {right}, str(report)


def test_a_line_that_updates_several_parameters_is_shown_once(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(ENTRIES.replace("NAME", "loss").replace("net.p[k] -=", "net.p[k] +="))
    shown = str(gradcheck.check(str(file), properties=False))
    assert shown.count("goes up the gradient") == 1
    assert "the same at other turns of the loop: b" in shown


MOMENTUM = """
import numpy as np


class Net:
    def __init__(self, sizes, seed=0):
        r = np.random.RandomState(seed)
        d, h, k = sizes
        self.params = {"W1": r.randn(h, d) * np.sqrt(1 / d), "b1": np.zeros((h, 1)),
                       "W2": r.randn(k, h) * np.sqrt(1 / h), "b2": np.zeros((k, 1))}
        self.speed = {n: np.zeros(p.shape) for n, p in self.params.items()}
        self.seen = {}

    def forward(self, x):
        self.seen["X"] = x
        self.seen["Z1"] = self.params["W1"] @ x.T + self.params["b1"]
        self.seen["A1"] = 1 / (1 + np.exp(-self.seen["Z1"]))
        self.seen["Z2"] = self.params["W2"] @ self.seen["A1"] + self.params["b2"]
        e = np.exp(self.seen["Z2"] - self.seen["Z2"].max())
        self.seen["A2"] = e / np.sum(e, axis=0)
        return self.seen["A2"]

    def backward(self, y, output):
        m = y.shape[0]
        dZ2 = output - y.T
        dW2 = dZ2 @ self.seen["A1"].T / m
        db2 = dZ2.sum(axis=1, keepdims=True) / m
        dA1 = self.params["W2"].T @ dZ2
        dZ1 = dA1 * self.seen["A1"] * (1 - self.seen["A1"])
        dW1 = dZ1 @ self.seen["X"] / m
        db1 = dZ1.sum(axis=1, keepdims=True) / m
        self.grads = {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}

    def update(self, rate, beta):
        for key in self.params:
            self.speed[key] = beta * self.speed[key] + (1 - beta) * self.grads[key]
            self.params[key] = self.params[key] - rate * self.speed[key]


rng = np.random.RandomState(1)
x = rng.rand(90, 12)
y = np.eye(4)[rng.randint(0, 4, 90)]
net = Net((12, 7, 4))
for epoch in range(20):
    order = rng.permutation(len(x))
    for j in range(len(x) // 16):
        part = order[16 * j:16 * j + 16]
        output = net.forward(x[part])
        net.backward(y[part], output)
        net.update(0.5, 0.9)
"""


def test_a_velocity_of_a_parameter_s_name_is_no_update_of_it(tmp_path: Path) -> None:
    """Both of a bias are zero at first. The labels are rows beside outputs that are columns."""
    file = tmp_path / "net.py"
    file.write_text(MOMENTUM)
    report = gradcheck.check(str(file), properties=True)
    assert report.verdict.value == "pass", str(report)
    assert report.loss is not None
    assert report.loss.expression == "mean softmax cross-entropy of A2 and y.T"


def test_an_update_behind_a_velocity_is_put_right(tmp_path: Path) -> None:
    right, file = "self.params[key] = self.params[key] - rate * self.speed[key]", tmp_path / "net.py"
    file.write_text(MOMENTUM.replace(right, right.replace(" - ", " + ")))
    report = gradcheck.check(str(file))
    assert {f.fix.new if f.fix else None for f in report.findings if f.severity == "error"} == {right}, str(report)


OPTIMISER = """
import numpy as np

class Dense:
    def __init__(self, n, k, rng):
        self.W = rng.standard_normal((n, k)) * np.sqrt(2 / n)
        self.b = np.zeros(k)
    def __call__(self, x):
        self.x = x
        return x @ self.W + self.b
    def backward(self, g):
        self.gW = self.x.T @ g
        self.gb = g.sum(0)
        return g @ self.W.T

class ReLU:
    def __call__(self, x):
        self.on = x > 0
        return x * self.on
    def backward(self, g):
        return g * self.on

class RMSProp:
    def __init__(self, layers, rate=1e-2, decay=0.9):
        self.layers, self.rate, self.decay = layers, rate, decay
        self.sq = [{"W": np.zeros_like(l.W), "b": np.zeros_like(l.b)} for l in layers]
    def step(self):
        for l, s in zip(self.layers, self.sq):
            l.W = l.W - self.rate * l.gW
            l.b = l.b - self.rate * l.gb

def main():
    rng = np.random.default_rng(7)
    x = rng.standard_normal((300, 6))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    net = [Dense(6, 16, rng), ReLU(), Dense(16, 2, rng)]
    optimiser = RMSProp([net[0], net[2]])
    for epoch in range(30):
        order = rng.permutation(len(x))
        losses = []
        for i in range(0, len(x), 50):
            xb, yb = x[order[i:i + 50]], y[order[i:i + 50]]
            out = xb
            for layer in net:
                out = layer(out)
            out = out - out.max(axis=1, keepdims=True)
            p = np.exp(out) / np.exp(out).sum(axis=1, keepdims=True)
            losses.append(-np.log(p[np.arange(len(yb)), yb]).mean())
            g = p.copy()
            g[np.arange(len(yb)), yb] -= 1
            g /= len(yb)
            for layer in reversed(net):
                g = layer.backward(g)
            optimiser.step()
        print(epoch, np.mean(losses))

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [
        ("", "", ""),
        ("l.W = l.W - self.rate * l.gW", "l.W = l.W + self.rate * l.gW", "GC602"),
        ("l.b = l.b - self.rate * l.gb", "l.b = l.b - self.rate * l.gb.sum()", "GC607"),
    ],
    ids=["right", "uphill", "a sum"],
)
def test_an_optimizer_gives_each_layer_its_own_new_arrays(tmp_path: Path, right: str, wrong: str, code: str) -> None:
    """l.W is that of one of several layers, whose parameters are told apart by more than that name."""
    file = tmp_path / "net.py"
    file.write_text(OPTIMISER.replace(right, wrong) if right else OPTIMISER)
    report = gradcheck.check(str(file))
    assert {f.code for f in report.findings if f.severity == "error"} == ({code} if code else set()), str(report)
    assert {f.fix.new for f in report.findings if f.fix} == ({right} if right else set()), str(report)


LAYERS = """
import numpy as np
rng = np.random.RandomState(3)
sizes = [4, 6, 3]
W = [rng.randn(a, b) * 0.5 for a, b in zip(sizes[:-1], sizes[1:])]
B = [0.1 * rng.randn(b) for b in sizes[1:]]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gradients(X, Y):
    dW = [np.zeros_like(w) for w in W]
    dB = [np.zeros_like(b) for b in B]
    cost = 0.0
    for x, y in zip(X, Y):
        acts = [x]
        for w, b in zip(W, B):
            acts.append(sigmoid(acts[-1] @ w + b))
        cost += 0.5 * np.sum((acts[-1] - y) ** 2) / len(X)
        d = (acts[-1] - y) * acts[-1] * (1 - acts[-1]) / len(X)
        for l in range(len(W) - 1, -1, -1):
            dW[l] += np.outer(acts[l], d)
            dB[l] += d
            if l > 0:
                d = (W[l] @ d) * acts[l] * (1 - acts[l])
    return cost, dW, dB


X = rng.randn(50, 4)
Y = (rng.rand(50, 3) > 0.5).astype(float)
for step in range(200):
    cost, dW, dB = gradients(X, Y)
    for l in range(len(W)):
        W[l] -= 0.5 * dW[l]
        B[l] -= 0.5 * dB[l]
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong"),
    [("dB[l] += d", "dB[l] = d"), ("W[l] -= 0.5 * dW[l]", "W[l] += 0.5 * dW[l]")],
)
def test_a_list_of_arrays_that_is_added_up_over_samples(tmp_path: Path, right: str, wrong: str) -> None:
    """Each layer's sum is its own, and what only keeps the last sample is known by its update alone."""
    file = tmp_path / "net.py"
    assert LAYERS.count(right) == 1
    file.write_text(LAYERS.replace(right, wrong))
    report = gradcheck.check(str(file), properties=False)
    assert {f.fix.new if f.fix else None for f in report.findings if f.severity == "error"} == {right}, str(report)


ADAGRAD = """
import numpy as np

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(80, 3)), rng.normal(size=(80, 5))
W, b = rng.normal(size=(3, 5)), np.zeros(5)
memory = [np.zeros_like(W), np.zeros_like(b)]
for _ in range(100):
    out = X @ W + b
    loss = np.mean(np.sum((out - Y) ** 2, axis=1))
    dout = 2 * (out - Y) / len(X)
    dW, db = X.T @ dout, dout.sum(axis=0)
    for parameter, gradient, seen in zip((W, b), (dW, db), memory):
        seen += gradient * gradient
        parameter -= 0.1 * gradient / np.sqrt(seen + 1e-8)
"""


@pytest.mark.parametrize(
    ("parameter", "told"),
    [
        ("parameter -= 0.1 *", set()),
        ("parameter += 0.1 *", {"GC602"}),
        ("parameter += 0.1 * rng.choice([-1, 1], gradient.shape) *", set()),  # by chance, as a momentum may have it
    ],
)
def test_steps_that_go_up_in_every_entry(parameter: str, told: set[str], tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(ADAGRAD.replace("parameter -= 0.1 *", parameter))
    report = gradcheck.check(str(path), properties=False)
    assert {f.code for f in report.findings if f.severity == "error"} == told, str(report)


BEGINS_AS_ONE_NUMBER = """
import numpy as np

class Linear:
    def __init__(self, i, o, rng):
        self.w, self.b = rng.normal(size=(i, o)), 0

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, dy):
        self.dw, self.db = self.x.T @ dy, dy.sum(axis=0)

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 4))
Y = X[:, :2] ** 2
layer = Linear(4, 2, rng)
for e in range(50):
    out = layer.forward(X)
    dout = (out - Y) / len(X)
    layer.backward(dout)
    layer.w -= 0.1 * layer.dw
    layer.b = layer.b - 0.1 * layer.db
"""
STATE_HANDED_ON = """
import numpy as np

class Net:
    def __init__(self, rng):
        self.U, self.V, self.W = (rng.normal(size=s) * 0.4 for s in ((5, 3), (2, 5), (5, 5)))

    def loss(self, xs, ys, h):
        hs, outs, loss = {-1: h}, {}, 0
        for t in range(len(xs)):
            hs[t] = np.tanh(self.U @ xs[t] + self.W @ hs[t - 1])
            outs[t] = self.V @ hs[t]
            loss += 0.5 * np.sum((outs[t] - ys[t]) ** 2)
        g = {k: np.zeros_like(v) for k, v in vars(self).items()}
        carry = np.zeros_like(h)
        for t in reversed(range(len(xs))):
            d = outs[t] - ys[t]
            g["V"] += np.outer(d, hs[t])
            dh = self.V.T @ d + carry
            raw = (1 - hs[t] ** 2) * dh
            g["U"] += np.outer(raw, xs[t])
            g["W"] += np.outer(raw, hs[t - 1])
            carry = self.W.T @ raw
        return loss, g, hs[len(xs) - 1]

rng = np.random.default_rng(0)
net, h = Net(rng), np.zeros(5)
for k in range(20):
    xs = rng.normal(size=(4, 3))
    loss, grads, h = net.loss(xs, np.cumsum(xs[:, :2], axis=0), h)
    for name in grads:
        setattr(net, name, getattr(net, name) - 0.05 * grads[name])
"""


def test_a_bias_that_begins_as_one_number_is_a_row_from_the_first_step_on(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    for times, verdict in ("", "pass"), ("2 * ", "fail"):
        file.write_text(BEGINS_AS_ONE_NUMBER.replace("dy.sum", f"{times}dy.sum"))
        found = gradcheck.check(str(file), properties=False)
        assert found.verdict.value == verdict, str(found)
        assert [c.expected_shape for c in found.comparisons if c.name == "db"] == [(2,)]


def test_what_other_gradients_rest_on_is_none_of_a_state_that_is_handed_on(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(STATE_HANDED_ON)
    found = gradcheck.check(str(tmp_path / "net.py"), properties=False)
    assert {c.name: c.verdict.value for c in found.comparisons}["dh"] == "skipped", str(found)
    assert found.verdict.value == "pass", str(found)


NUMBERS = """
import math, random

random.seed(0)
data = [([random.random(), random.random()], random.randint(0, 1)) for _ in range(20)]
w, b, eta = [0.1, -0.2], 0.05, 0.1
for epoch in range(20):
    for x, y in data:
        a = 1 / (1 + math.exp(-sum(w[j] * x[j] for j in range(2)) - b))
        loss = -(y * math.log(a) + (1 - y) * math.log(1 - a))
        err = a - y
        for j in range(2):
            w[j] -= eta * err * x[j]
        b -= eta * err
"""


@pytest.mark.parametrize(("new", "verdict"), [("err * x[j]", "pass"), ("2 * err * x[j]", "fail"), ("err", "fail")])
def test_numbers_in_a_list_that_an_inner_loop_moves(tmp_path: Path, new: str, verdict: str) -> None:
    (tmp_path / "net.py").write_text(NUMBERS.replace("err * x[j]", new))
    report = gradcheck.check(str(tmp_path / "net.py"), properties=False)
    verdicts = {c.of: str(c.verdict) for c in report.comparisons}
    assert {"w[0]": verdict, "w[1]": verdict, "b": "pass"}.items() <= verdicts.items()


@pytest.mark.parametrize(
    ("new", "verdict"), [("dO.sum(axis=0)", "pass"), ("dO.sum()", "fail"), ("np.sign(dO.sum(axis=0))", "inconclusive")]
)
def test_one_number_in_every_entry_that_is_their_sum_is_no_adams_step(tmp_path: Path, new: str, verdict: str) -> None:
    text = """
import numpy as np

rng = np.random.default_rng(0)
X, T = rng.normal(size=(9, 4)), rng.normal(size=(9, 3))
W, b = rng.normal(size=(4, 3)), np.zeros(3)
for _ in range(20):
    dO = 2 * (X @ W + b - T) / len(X)
    loss = ((X @ W + b - T) ** 2).sum() / len(X)
    W -= 0.1 * X.T @ dO
    b -= 0.1 * NEW
"""
    (tmp_path / "net.py").write_text(text.replace("NEW", new))
    report = gradcheck.check(str(tmp_path / "net.py"), properties=False)
    assert {c.of: str(c.verdict) for c in report.comparisons}.items() >= {"W": "pass", "b": verdict}.items()
