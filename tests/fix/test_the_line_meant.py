"""Faults told at the line, or the part of one, that a person would point to: the gradient itself is made elsewhere."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

import gradcheck
from gradcheck.rules import TURNS

MARGINAL = """\
import numpy as np

def nll_and_grad(theta, X, y):
    ell, sf, sn = np.exp(theta)
    D = (X[:, None] - X[None, :]) ** 2
    Kf = sf**2 * np.exp(-0.5 * D / ell**2)
    K = Kf + sn**2 * np.eye(len(X))
    alpha = np.linalg.solve(K, y)
    nll = 0.5 * y @ alpha + 0.5 * np.linalg.slogdet(K)[1]
    inner = np.linalg.inv(K) - np.outer(alpha, alpha)
    out = np.array([
        0.5 * np.sum(inner * Kf * D / ell**2),
        0.5 * np.sum(inner * 2 * Kf),
        0.5 * np.trace(inner) * 2 * sn**2,
    ])
    return nll, out

rng = np.random.default_rng(0)
X, theta = rng.uniform(-2, 2, 5), np.log([1.0, 1.0, 0.3])
y = np.sin(2 * X)
for _ in range(3):
    nll, out = nll_and_grad(theta, X, y)
    theta -= 0.02 * out
"""
REFLECTED = """\
import numpy as np

rng = np.random.default_rng(0)
x, y, w = rng.normal(size=9), rng.normal(size=13), 2
for step in range(3):
    out = np.concatenate([x[1 : w + 1][::-1], x, x[-w - 1 : -1][::-1]])
    loss = ((out - y) ** 2).sum()
    dout = 2 * (out - y)
    dx = dout[w:-w].copy()
    dx[1 : w + 1] += dout[:w][::-1]
    dx[-w - 1 : -1] += dout[-w:][::-1]
    x -= 0.01 * dx
"""
SPLIT = """\
import numpy as np

rng = np.random.default_rng(0)
x, y = rng.normal(size=(6, 4)), rng.normal(size=(6, 2))
Wa, Wb, V = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.normal(size=(6, 2))
for step in range(3):
    both = np.concatenate([np.tanh(x @ Wa), np.sin(x @ Wb)], axis=1)
    out = both @ V
    loss = ((out - y) ** 2).sum()
    dout = 2 * (out - y)
    dV = both.T @ dout
    left, right = np.split(dout @ V.T, 2, axis=1)
    dWa = x.T @ (left * (1 - np.tanh(x @ Wa) ** 2))
    dWb = x.T @ (right * np.cos(x @ Wb))
    Wa -= 0.01 * dWa
    Wb -= 0.01 * dWb
    V -= 0.01 * dV
"""
BEHIND = """\
import numpy as np

class Bump:
    def forward(self, x):
        self.x = x
        self.t = np.tanh(0.8 * (x + 0.1 * x**3))
        return 0.5 * x * (1 + self.t)

    def backward(self, dout):
        du = 0.8 * (1 + 3 * 0.1 * self.x**2)
        return dout * (0.5 * (1 + self.t) + 0.5 * self.x * (1 - self.t**2) * du)

class Gated:
    def forward(self, x):
        self.x, self.s = x, 1 / (1 + np.exp(-x))
        return x * self.s

    def backward(self, dout):
        return dout * (self.s + self.x * self.s * (1 - self.s))
"""


NUMBER = itertools.count()


HANDED = """\
import numpy as np

def back(d, x, W):
    return d @ W.T, x.T @ d

rng = np.random.default_rng(0)
x, y = rng.normal(size=(6, 4)), rng.normal(size=(6, 2))
V, W = rng.normal(size=(4, 4)), rng.normal(size=(4, 2))
for step in range(3):
    z = x @ V
    h = np.tanh(z)
    out = h @ W
    loss = ((out - y) ** 2).sum()
    dh, dW = back(2 * (out - y), h, W)
    dx, dV = back(dh * (1 - h**2), x, V)
    V -= 0.01 * dV
    W -= 0.01 * dW
"""


def checked(folder: Path, text: str, of: str = "") -> gradcheck.Report:
    name = f"meant_{next(NUMBER)}.py"  # a module of its own each time
    (folder / name).write_text(text, encoding="utf-8")
    return gradcheck.check(f"{name}{of}", properties=False)


@pytest.mark.parametrize(
    ("text", "of", "right", "wrong"),
    [
        (MARGINAL, "", "0.5 * np.sum(inner * Kf * D / ell**2),", "0.5 * np.sum(inner * Kf * D / ell**3),"),
        (MARGINAL, "", "0.5 * np.trace(inner) * 2 * sn**2,", "0.5 * np.trace(inner) * 2 * sn,"),
        (
            MARGINAL,
            "",
            "inner = np.linalg.inv(K) - np.outer(alpha, alpha)",
            "inner = np.linalg.inv(K) + np.outer(alpha, alpha)",
        ),
        (REFLECTED, "", "dx[1 : w + 1] += dout[:w][::-1]", "dx[:w] += dout[:w][::-1]"),
        (SPLIT, "", "left, right = np.split(dout @ V.T, 2, axis=1)", "right, left = np.split(dout @ V.T, 2, axis=1)"),
        (BEHIND, ":Bump", "du = 0.8 * (1 + 3 * 0.1 * self.x**2)", "du = 0.8 * (1 + 0.1 * self.x**2)"),
        (
            BEHIND,
            ":Gated",
            "return dout * (self.s + self.x * self.s * (1 - self.s))",
            "return dout * (self.x * self.s * (1 - self.s))",
        ),
        (HANDED, "", "dx, dV = back(dh * (1 - h**2), x, V)", "dx, dV = back(dh * (1 - h**2), z, V)"),
    ],
    ids=[
        "a power in a part",
        "a factor in a part",
        "before the parts",
        "written first",
        "exchanged",
        "made above",
        "a term",
        "handed to a helper",
    ],
)
def test_told_where_it_is_wrong(
    text: str, of: str, right: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    report = checked(tmp_path, text.replace(right, wrong), of)
    places = {f.line for f in report.findings if f.severity == "error"}
    assert places == {text[: text.index(right)].count("\n") + 1}, str(report)
    (patch,) = report.patches
    again = checked(tmp_path, patch.new, of)
    assert again.verdict is gradcheck.Verdict.PASS, f"{patch.new}\n{again}"


@pytest.mark.parametrize(
    ("text", "of"), [(MARGINAL, ""), (REFLECTED, ""), (SPLIT, ""), (BEHIND, ":Bump"), (HANDED, "")]
)
def test_what_is_right_stays_right(text: str, of: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    report = checked(tmp_path, text, of)
    assert report.verdict is gradcheck.Verdict.PASS, str(report)


TIME = """\
import numpy as np

rng = np.random.default_rng(0)
xs, y = rng.normal(size=(6, 3)), rng.normal(size=4)
W, U = rng.normal(size=(3, 4)), rng.normal(size=(4, 4))
h, z = {-1: np.zeros(4)}, {}
for t in range(6):
    z[t] = xs[t] @ W + h[t - 1] @ U
    h[t] = np.tanh(z[t]) + 0.5 * h[t - 1]
loss = ((h[5] - y) ** 2).sum()
dW, dU, dh = np.zeros_like(W), np.zeros_like(U), 2 * (h[5] - y)
for t in reversed(range(6)):
    dz = dh * (1 - np.tanh(z[t]) ** 2)
    dW += np.outer(xs[t], dz)
    dU += np.outer(h[t - 1], dz)
    dh = dz @ U.T
W, U = W - 0.1 * dW, U - 0.1 * dU
"""


def test_a_cause_is_searched_for_at_two_turns_of_a_loop_and_told_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = [f for f in checked(tmp_path, TIME).findings if f.code == "GC362"]
    assert {f.line for f in told} == {16}
    assert len(told) > TURNS
    searched = [f for f in told if not f.message.startswith("The same line computes")]
    assert len(searched) == TURNS
    assert all(f.tensor in f.headline for f in told)


def test_less_of_an_update_is_no_fix_of_what_reads_the_weights(tmp_path: Path) -> None:
    source = """\
import numpy as np
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(4, 9)), rng.normal(size=(2, 9))
W1, W2 = rng.normal(size=(5, 4)), rng.normal(size=(2, 5))
for turn in range(20):
    A1 = np.tanh(W1 @ X)
    Z2 = W2 @ A1
    loss = ((Z2 - Y) ** 2).sum() / 9
    dZ2 = 2 * (Z2 - Y) / 9
    dW2 = dZ2 @ A1.T
    W2 = W2 - 0.1 * dW2
    dA1 = W2.T @ dZ2
    dW1 = dA1 * (1 - A1**2) @ X.T
    W1 = W1 - 0.1 * dW1
"""
    (tmp_path / "net.py").write_text(source)
    report = gradcheck.check(str(tmp_path / "net.py"))
    assert report.verdict.value == "fail", str(report)
    assert {f.code for f in report.findings if f.severity == "error"} == {"GC361"}, str(report)
    for finding in report.findings:
        assert finding.fix is None or "W2 - 0.1 * dW2" in finding.fix.new + finding.fix.summary + finding.fix.diff
