"""Which standard loss explains the gradients: its form, mean or sum, its penalty; and what must not be explained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gradcheck
from gradcheck.loss.forms import FORMS, readings

HEAD = """
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(7, 4))
T = np.eye(3)[rng.integers(0, 3, 7)]
y = rng.integers(0, 3, 7)
s = np.sign(rng.normal(size=(7, 3)))
W = rng.normal(size=(4, 3))
b = rng.normal(size=3)
def softmax(Z):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)
for _ in range(3):
    Z = X @ W + b
"""
TAIL = """
    db = dZ.sum(axis=0)
    W = W - 0.1 * dW
    b = b - 0.1 * db
"""

EXPLAINED = {
    "P = softmax(Z); dZ = (P - T) / 7": "mean softmax cross-entropy of P and T",
    "P = softmax(Z); dZ = P - T": "summed softmax cross-entropy of P and T",
    "P = softmax(Z); dZ = P.copy(); dZ[np.arange(7), y] -= 1; dZ /= 7": "mean softmax cross-entropy of P and y",
    "Q = 1 / (1 + np.exp(-Z)); dZ = (Q - T) / 7": "mean binary cross-entropy of Q and T",
    "dZ = (1 / (1 + np.exp(-Z)) - T) / 7": "mean binary cross-entropy of the logits of Z and T",
    "dZ = (Z - T) / 7": "mean half squared error of Z and T",
    "dZ = 2 * (Z - T) / 7": "mean squared error of Z and T",
    "dZ = 2 * (Z - T) / Z.size": "squared error, averaged over entries, of Z and T",
    "Z = X @ W + b - T; dZ = Z / 7": "mean half squared residual of Z and T",
    "dZ = np.sign(Z - T) / 7": "mean absolute error of Z and T",
    "dZ = -s * (s * Z < 1) / 7": "mean hinge loss of Z and s",
    "dZ = -s * (s * Z < 0) / 7": "mean perceptron loss of Z and s",
    "dZ = ((Z > 0) - T) / 7": "mean perceptron loss of Z and T",
    "dZ = -2 * s * np.maximum(1 - s * Z, 0)": "summed squared hinge loss of Z and s",
    "M = Z - Z[np.arange(7), y][:, None] + 1; M[np.arange(7), y] = 0; dZ = (M > 0) * 1.0;"
    " dZ[np.arange(7), y] = -dZ.sum(axis=1)": "summed hinge loss of Z and y",
}


def loss(found: gradcheck.Report) -> str:
    assert found.loss is not None
    return found.loss.expression


def report(tmp_path: Path, step: str, weights: str = "dW = X.T @ dZ") -> gradcheck.Report:
    file = tmp_path / "net.py"
    file.write_text(HEAD + "".join(f"    {line.strip()}\n" for line in f"{step}; {weights}".split(";")) + TAIL)
    return gradcheck.check(str(file), properties=False)


@pytest.mark.parametrize("step", EXPLAINED, ids=EXPLAINED.values())
def test_explained(tmp_path: Path, step: str) -> None:
    found = report(tmp_path, step)
    assert loss(found) == EXPLAINED[step]
    assert not any("times that of" in note for note in found.notes)
    assert found.verdict.value == "pass", str(found)


def test_every_form_is_explained_somewhere() -> None:
    told = " ".join(EXPLAINED.values())
    assert {f.name for f in FORMS if f.name not in told} == {"softmax cross-entropy of the logits"}


@pytest.mark.parametrize("strength", ["0.03", "lam", "lam / 7"])
def test_penalty(tmp_path: Path, strength: str) -> None:
    step = "lam = np.float64(0.05); P = softmax(Z); dZ = (P - T) / 7"
    found = report(tmp_path, step, f"dW = X.T @ dZ + {strength} * W")
    assert found.verdict.value == "pass", str(found)
    assert "times the squares of W" in loss(found)


def test_a_uniform_factor_without_a_loss_is_noted_not_blamed(tmp_path: Path) -> None:
    found = report(tmp_path, "P = softmax(Z); dZ = 0.3 * (P - T) / 7")
    assert found.verdict.value == "pass", str(found)
    assert loss(found) == "0.3 times the mean softmax cross-entropy of P and T"
    said = "no loss is written down, and every gradient is 0.3 times that of the mean softmax cross-entropy of P and T"
    assert sum(said in note for note in found.notes) == 1


def test_one_parameter_with_another_factor_is_wrong(tmp_path: Path) -> None:
    found = report(tmp_path, "P = softmax(Z); dZ = (P - T) / 7", "dW = 0.3 * X.T @ dZ")
    assert [c.name for c in found.comparisons if c.verdict.value == "fail"] == ["dW"], str(found)


def test_a_wrong_weight_gradient_is_no_penalty(tmp_path: Path) -> None:
    found = report(tmp_path, "P = softmax(Z); dZ = (P - T) / 7", "dW = X.T @ dZ + 0.1 * np.sign(W)")
    assert [c.name for c in found.comparisons if c.verdict.value == "fail"] == ["dW"], str(found)


def test_a_gradient_of_no_standard_loss_is_not_condemned(tmp_path: Path) -> None:
    found = report(tmp_path, "dZ = 4 * (Z - T) ** 3")
    assert {c.verdict.value for c in found.comparisons} == {"inconclusive"}, str(found)
    assert all("--loss" in c.reason for c in found.comparisons)
    assert found.loss is not None
    assert "no gradient confirms it" in found.loss.evidence


def test_the_loss_whose_gradient_it_is_instead(tmp_path: Path) -> None:
    """Squared error is written down, cross-entropy is differentiated."""
    found = report(tmp_path, "P = softmax(Z); loss = np.mean((P - T) ** 2); dZ = (P - T) / 7")
    assert found.verdict.value == "fail"


def test_what_is_only_printed_is_not_the_loss(tmp_path: Path) -> None:
    found = report(tmp_path, "error = np.mean(np.abs(Z - T)); dZ = (Z - T) / 7")
    assert found.verdict.value == "pass", str(found)
    assert loss(found) == "mean half squared error of Z and T"


@pytest.mark.parametrize("shape", [(), (5,), (5, 3)])
def test_readings_begin_with_the_mean(shape: tuple[int, ...]) -> None:
    form = next(f for f in FORMS if f.name == "half squared error")
    found = list(readings(form, shape))
    assert found[0].weight == 1 / (shape[0] if shape else 1)
    assert all(np.isfinite(r.weight) and r.weight > 0 for r in found)


def test_of_a_helper_that_is_called_twice_the_same_output_is_taken_on_every_network(tmp_path: Path) -> None:
    source = """
import numpy as np
def squash(x, slope=False):
    op = 1 / (1 + np.exp(-x))
    if slope == False:
        return op
    else:
        return x * (1 - x)
x = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
y = np.array([[0, 1, 1, 0, 1, 0, 0, 1]]).T
np.random.seed(1)
syn0 = 2 * np.random.random((3, 1)) - 1
for turn in range(300):
    l1 = squash(np.dot(x, syn0))
    delta = (y - l1) * squash(l1, True)
    syn0 += np.dot(x.T, delta)
"""
    (tmp_path / "net.py").write_text(source)
    report = gradcheck.check(str(tmp_path / "net.py"), properties=True)
    assert report.verdict == "pass", report
    assert report.loss.expression == "summed half squared error of op and y"
    [descent] = [p for p in report.properties if p.name == "a small step down the gradient lowers the loss"]
    assert descent.verdict == "pass", descent


RETURNED = """
import numpy as np
rng = np.random.default_rng(1)
X, T = rng.normal(size=(60, 4)), np.eye(3)[rng.integers(0, 3, 60)]


class Net:
    def __init__(self):
        self.W = rng.normal(size=(4, 3))

    def loss(self, x, t):
        z = x @ self.W
        e = np.exp(z - z.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return -np.sum(t * np.log(self.p)) / len(t)

    def gradient(self, x, t):
        self.loss(x, t)
        dz = (self.p - t) / len(t)
        self.dW = x.T @ dz
        return self.dW


net = Net()
for _ in range(100):
    net.W -= 0.1 * net.gradient(X, T)
"""


@pytest.mark.parametrize("wrong", [False, True])
def test_a_loss_without_a_name_is_what_a_function_called_so_hands_back(wrong: bool, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(RETURNED.replace("(self.p - t) / len(t)", "self.p - t") if wrong else RETURNED)
    report = gradcheck.check(str(path), properties=False)
    assert report.verdict == ("fail" if wrong else "pass"), str(report)
    assert report.loss is not None
    assert not report.loss.inferred


OF_EACH = """
import numpy as np
rng = np.random.RandomState(0)
W = rng.randn(4, 3) * 0.5
b = np.zeros(3)
def loss(p, y):
    return -np.sum(y * np.log(p))
def step(X, Y):
    value = 0
    gW = np.zeros_like(W)
    gb = np.zeros_like(b)
    for x, y in zip(X, Y):
        z = x @ W + b
        e = np.exp(z - z.max())
        p = e / e.sum()
        value += loss(p, y)
        gW += np.outer(x, p - y)
        gb += p - y
    return value / len(X), gW / len(X), gb / len(X)
X = rng.randn(60, 4)
Y = np.eye(3)[rng.randint(0, 3, 60)]
for i in range(100):
    value, dW, db = step(X[:20], Y[:20])
    W -= 0.1 * dW
    b -= 0.1 * db
"""
ADDED_UP = """
import numpy as np
class Net:
    def __init__(self):
        r = np.random.RandomState(0)
        self.W = r.randn(4, 3) * 0.5
        self.b = np.zeros(3)
    def forward(self, x):
        self.x = x
        return x @ self.W + self.b
    def loss(self, out, y):
        return ((out - y) ** 2).sum()
    def backward(self, d):
        self.dW += np.outer(self.x, d)
        self.db += d
net = Net()
r = np.random.RandomState(1)
X, Y = r.randn(50, 4), r.randn(50, 3)
for epoch in range(10):
    for k in range(0, 50, 5):
        net.dW, net.db = np.zeros((4, 3)), np.zeros(3)
        total = 0
        for x, y in zip(X[k:k + 5], Y[k:k + 5]):
            out = net.forward(x)
            total += net.loss(out, y)
            net.backward(2 * (out - y))
        net.W -= 0.01 * net.dW / 5
        net.b -= 0.01 * net.db / 5
"""


@pytest.mark.parametrize(("text", "expression"), [(OF_EACH, "value"), (ADDED_UP, "total")], ids=["mean", "sum"])
def test_a_loss_function_that_is_called_for_each_sample(tmp_path: Path, text: str, expression: str) -> None:
    """What it hands back for one of them is only a part; zeros that a gradient begins with are no labels."""
    file = tmp_path / "net.py"
    file.write_text(text)
    report = gradcheck.check(str(file), properties=True)
    assert report.verdict.value == "pass", str(report)
    assert expression in loss(report)


PRINTED = """
import numpy as np
rng = np.random.RandomState(0)
X = rng.randn(200, 5)
Y = X @ rng.randn(5, 2) + 0.1 * rng.randn(200, 2)
W1, b1 = rng.randn(5, 6) * 0.4, np.zeros(6)
W2, b2 = rng.randn(6, 2) * 0.4, np.zeros(2)

def predict(X):
    return np.tanh(X @ W1 + b1) @ W2 + b2

def loss(X, Y):
    return np.mean((predict(X) - Y) ** 2)

for step in range(300):
    part = rng.choice(len(X), 32)
    x, y = X[part], Y[part]
    h = np.tanh(x @ W1 + b1)
    out = h @ W2 + b2
    d_out = (out - y) / len(x)
    dW2 = h.T @ d_out
    db2 = d_out.sum(axis=0)
    dh = d_out @ W2.T * (1 - h ** 2)
    dW1 = x.T @ dh
    db1 = dh.sum(axis=0)
    if step % 50 == 0:
        print(step, loss(X, Y))
    W1 -= 0.1 * dW1
    b1 -= 0.1 * db1
    W2 -= 0.1 * dW2
    b2 -= 0.1 * db2
"""
VALIDATED = """
import numpy as np
class Model:
    def __init__(self, d, k):
        r = np.random.RandomState(3)
        self.W = 0.3 * r.randn(d, k)
        self.b = np.zeros(k)
    def scores(self, X):
        return X @ self.W + self.b
    def loss(self, X, t):
        s = self.scores(X)
        s = s - s.max(axis=1, keepdims=True)
        logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
        return -logp[np.arange(len(t)), t].mean()
    def gradient(self, X, t):
        s = self.scores(X)
        p = np.exp(s - s.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        p[np.arange(len(t)), t] -= 1
        p /= len(t)
        return X.T @ p, p.sum(axis=0)
r = np.random.RandomState(1)
X, t = r.randn(120, 4), r.randint(0, 3, 120)
Xv, tv = r.randn(40, 4), r.randint(0, 3, 40)
model = Model(4, 3)
for epoch in range(50):
    dW, db = model.gradient(X, t)
    print(model.loss(Xv, tv))
    model.W -= 0.5 * dW
    model.b -= 0.5 * db
"""


@pytest.mark.parametrize(
    ("text", "print_", "assigned"),
    [
        (PRINTED, "print(step, loss(X, Y))", "cost = loss(X, Y)"),
        (VALIDATED, "print(model.loss(Xv, tv))", "loss = model.loss(Xv, tv)"),
    ],
    ids=["of the whole set", "of other samples"],
)
@pytest.mark.parametrize("named", [False, True], ids=["printed", "named"])
def test_a_loss_of_other_data_is_not_the_gradients_own(
    tmp_path: Path, text: str, print_: str, assigned: str, named: bool
) -> None:
    """Nothing that the step's own output rests on moves it."""
    file = tmp_path / "net.py"
    assert text.count(print_) == 1
    file.write_text(text.replace(print_, assigned) if named else text)
    found = report_of(file)
    assert found.verdict.value == "pass", str(found)


def test_a_loss_of_the_same_output_that_is_another_than_its_gradient_s_is_told(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(
        PRINTED.replace("print(step, loss(X, Y))", "cost = np.abs(out - y).mean()").replace("step % 50", "0")
    )
    found = report_of(file)
    assert {f.code for f in found.findings if f.severity == "error"} == {"GC381"}, str(found)


def report_of(file: Path) -> gradcheck.Report:
    return gradcheck.check(str(file), properties=False)


PERCEPTRON = """
import numpy as np
rng = np.random.default_rng(0)
X = 0.3 * rng.normal(size=(60, 3))
y = np.where(X @ np.array([1.0, -2.0, 0.5]) > 0, 1, -1)
w, b = np.array([1.0, 1.0, 0.3]), 0
for epoch in range(20):
    scores = X @ w + b
    wrong = y * scores <= 0
    w += 0.1 * X[wrong].T @ y[wrong]
    b += 0.1 * y[wrong].sum()
"""
ONE_BY_ONE = """
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y = (X @ np.array([1.0, -2.0, 0.5]) > 0) * 1
w, b, rate = np.array([-0.5, 1.2, 0.3]), 0.0, 0.1
for x, t in zip(X, y):
    z = np.dot(w, x) + b
    answer = 1 if z >= 0 else 0
    change = rate * (t - answer)
    w += change * x
    b += change
"""


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        (PERCEPTRON, "w += 0.1 *", "w -= 0.1 *"),
        (ONE_BY_ONE, "w += change * x", "w -= change * x"),
        (ONE_BY_ONE, "w += change * x", "w += change * x * x"),
    ],
)
def test_a_perceptron_goes_down_a_loss(tmp_path: Path, text: str, right: str, wrong: str) -> None:
    file = tmp_path / "net.py"
    file.write_text(text)
    found = report_of(file)
    assert found.loss is not None
    assert (found.verdict.value, "perceptron loss" in found.loss.expression) == ("pass", True), str(found)
    file.write_text(text.replace(right, wrong))
    found = report_of(file)
    line = text[: text.index(right)].count("\n") + 1
    assert {f.line for f in found.findings if f.severity == "error"} == {line}, str(found)


def test_a_sample_is_the_gradient_of_its_score_which_is_no_loss(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(
        "import numpy as np\nX = np.random.default_rng(0).normal(size=(9, 3))\nw = np.ones(3)\n"
        "for x in X:\n    score = w @ x\n    if score > -9:\n        w -= x\n"
    )
    with pytest.raises(gradcheck.UsageError, match="no scalar loss"):
        report_of(file)


def test_what_is_drawn_has_no_derivative(tmp_path: Path) -> None:
    """Contrastive divergence is no gradient of what can be measured; a mask of a rate that is given is a dropout's."""
    text = """
import numpy as np
rng = np.random.default_rng(0)
W, a = 0.1 * rng.normal(size=(6, 4)), np.zeros(6)
data = (rng.random((50, 6)) < 0.5) * 1.0
for e in range(10):
    p = 1 / (1 + np.exp(-data @ W))
    h = (rng.random(p.shape) < p) * 1.0
    v = 1 / (1 + np.exp(-(h @ W.T + a)))
    q = 1 / (1 + np.exp(-v @ W))
    dW = -(data.T @ p - v.T @ q) / len(data)
    da = -(data - v).mean(axis=0)
    W -= 0.1 * dW
    a -= 0.1 * da
"""
    file = tmp_path / "net.py"
    file.write_text(text)
    found = report_of(file)
    reasons = {c.name: (c.verdict.value, c.reason.partition(";")[0]) for c in found.comparisons}
    assert reasons["dW"] == ("inconclusive", "h is drawn (line 8), which has no derivative"), str(found)
    file.write_text(text.replace("< p) * 1.0", "< 0.5) * p").replace("q) / len(data)", "q)"))
    assert report_of(file).verdict.value == "fail"


ERROR_OF_A_SAMPLE = """
import numpy as np
rng = np.random.default_rng(2)
X = rng.normal(size=(60, 3))
y = X @ np.ones(3) + 0.5
w, b, eta = np.array([0.0, 0.1, 0.2]), 0, 0.05
for i in range(len(X)):
    err = w @ X[i] + b - y[i]
    w -= eta * err * X[i]
    b -= eta * err
"""


@pytest.mark.parametrize("times", ["", "2 * "])
def test_the_error_of_one_sample_is_no_loss_and_its_square_is(tmp_path: Path, times: str) -> None:
    file = tmp_path / "net.py"
    text = ERROR_OF_A_SAMPLE.replace("eta *", f"{times}eta *")
    file.write_text(text)
    found = report_of(file)
    assert found.loss is not None
    assert found.loss.expression == ("the square of err" if times else "half the square of err")
    assert found.verdict.value == "pass", str(found)
    file.write_text(text.replace("w -=", "w +="))
    found = report_of(file)
    assert {f.line for f in found.findings if f.severity == "error"} == {9}, str(found)
