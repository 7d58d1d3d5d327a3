"""Names of two readings and samples one by one: which line is at fault where what the names say is wrong everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

GATED = """\
import numpy as np

__gradcheck__ = {"default": "step", "targets": {"step": {
    "setup": "x, y, Wz, Uz, Wn, Un = inputs(m, d, h, seed)",
    "call": "step(x, y, Wz, Uz, Wn, Un)",
    "sizes": {"m": 3, "d": 4, "h": 5},
}}}


def inputs(m, d, h, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, m, d)), rng.normal(size=(m, h))
    return x, y, *(0.6 * rng.normal(size=shape) for shape in [(d, h), (h, h)] * 2)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def step(x, y, Wz, Uz, Wn, Un):
    h = np.zeros_like(y)
    cache = []
    for t in range(len(x)):
        z = sigmoid(x[t] @ Wz + h @ Uz)
        n = np.tanh(x[t] @ Wn + h @ Un)
        cache.append((h, z, n))
        h = (1 - z) * n + z * h
    loss = 0.5 * np.sum((h - y) ** 2) / len(y)

    dWz, dUz, dWn, dUn = np.zeros_like(Wz), np.zeros_like(Uz), np.zeros_like(Wn), np.zeros_like(Un)
    dh = (h - y) / len(y)
    for t in reversed(range(len(x))):
        hp, z, n = cache[t]
        dn = dh * (1 - z) * (1 - n**2)
        dz = dh * (hp - n) * z * (1 - z)
        dWn += x[t].T @ dn
        dUn += hp.T @ dn
        dWz += x[t].T @ dz
        dUz += hp.T @ dz
        dh = dh * z + dz @ Uz.T + dn @ Un.T
    return loss, dWz, dUz, dWn, dUn
"""
SAMPLES = """\
import numpy as np

__gradcheck__ = {"default": "step", "targets": {"step": {
    "setup": "X, Y, W1, b1, W2, b2 = inputs(m, d, h, c, seed)",
    "call": "step(X, Y, W1, b1, W2, b2)",
    "sizes": {"m": 3, "d": 4, "h": 5, "c": 2},
}}}


def inputs(m, d, h, c, seed):
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(m, d)), rng.normal(size=(m, c))
    return X, Y, rng.normal(size=(h, d)), rng.normal(size=h), rng.normal(size=(c, h)), rng.normal(size=c)


def step(X, Y, W1, b1, W2, b2, lr=0.1):
    loss = 0.0
    dW1, db1, dW2, db2 = np.zeros_like(W1), np.zeros_like(b1), np.zeros_like(W2), np.zeros_like(b2)
    for x, y in zip(X, Y):
        z1 = W1 @ x + b1
        a1 = np.tanh(z1)
        out = W2 @ a1 + b2
        loss += 0.5 * np.sum((out - y) ** 2)
        dout = out - y
        dW2 += np.outer(dout, a1)
        db2 += dout
        da1 = W2.T @ dout
        dz1 = da1 * (1 - a1**2)
        dW1 += np.outer(dz1, x)
        db1 += dz1
    W1 -= lr * dW1
    b1 -= lr * db1
    W2 -= lr * dW2
    b2 -= lr * db2
    return loss
"""


def errors(tmp_path: Path, text: str, right: str, wrong: str) -> list[tuple[int, str, str | None]]:
    """Line, code and fix of what is said of a program with one line that is wrong."""
    assert text.count(right) == 1
    path = tmp_path / "net.py"
    path.write_text(text.replace(right, wrong))
    report = gradcheck.check(str(path), properties=False)
    found = [f for f in report.findings if f.severity == "error"]
    return sorted({(f.line or 0, f.code, f.fix.new if f.fix is not None else None) for f in found})


@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [
        ("dh = (h - y) / len(y)", "dh = (y - h) / len(y)", "GC302"),
        ("dz = dh * (hp - n) * z * (1 - z)", "dz = dh * (hp - n) * z * (1 - n)", "GC313"),
    ],
    ids=["above them all", "another derivative"],
)
def test_the_gradient_of_what_goes_into_a_gate_is_read_as_that(
    right: str, wrong: str, code: str, tmp_path: Path
) -> None:
    assert errors(tmp_path, GATED, right, wrong) == [(1 + GATED[: GATED.index(right)].count("\n"), code, right)]


def test_what_a_loop_that_raises_has_not_added_up_is_inconclusive(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(GATED.replace("dh * z + dz @ Uz.T + dn @ Un.T", "(dh * z + dz @ Uz.T + dn @ Un.T).T"))
    report = gradcheck.check(str(path), properties=False)
    found = {c.of: c.verdict.value for c in report.comparisons if c.of in ("Wz", "Uz", "Wn", "Un")}
    assert set(found.values()) <= {"inconclusive", "pass"}, found
    assert found["Wz"] == found["Wn"] == "inconclusive"
    (finding,) = [f for f in report.findings if f.severity == "error"]
    assert (finding.tensor, finding.fix and finding.fix.new) == ("dh", "dh = dh * z + dz @ Uz.T + dn @ Un.T")


@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [
        ("dout = out - y", "dout = y - out", "GC302"),
        ("dz1 = da1 * (1 - a1**2)", "dz1 = da1 * (1 - a1)", "GC312"),
        ("b2 -= lr * db2", "b2 -= lr * dout", "GC603"),
    ],
    ids=["the first gradient", "a derivative", "an update with the last sample's"],
)
def test_of_samples_one_by_one_the_line_is_wrong_for_each(right: str, wrong: str, code: str, tmp_path: Path) -> None:
    assert errors(tmp_path, SAMPLES, right, wrong) == [(1 + SAMPLES[: SAMPLES.index(right)].count("\n"), code, right)]


ACTIVATED = """\
import numpy as np


def step():
    rng = np.random.default_rng(0)
    X, T = rng.normal(size=(9, 4)), rng.normal(size=(9, 2))
    W1, W2 = rng.normal(size=(4, 5)), rng.normal(size=(5, 2))
    h = np.tanh(X @ W1)
    y = h @ W2
    loss = 0.5 * np.sum((y - T) ** 2)
    dy = y - T
    dW2 = h.T @ dy
    dh = dy @ W2.T * (1 - h ** 2)
    dW1 = X.T @ dh
    W1, W2 = W1 - 0.1 * dW1, W2 - 0.1 * dW2
    return loss
"""


@pytest.mark.parametrize(
    ("old", "new", "grads", "both"),
    [
        ("", "", {}, False),  # right as the gradient of what goes in, which settles it
        ("dy @ W2.T *", "np.sin(dy @ W2.T) *", {}, True),
        ("dy @ W2.T *", "np.sin(dy @ W2.T) *", {"dh": "h"}, False),
    ],
)
def test_two_readings_are_both_told_where_neither_is_right(
    tmp_path: Path, old: str, new: str, grads: dict[str, str], both: bool
) -> None:
    file = tmp_path / "activated.py"
    file.write_text(ACTIVATED.replace(old, new) if old else ACTIVATED, encoding="utf-8")
    report = gradcheck.check(f"{file}:step", grads=grads, properties=False)
    told = [note for note in report.notes if note.startswith("dh is read as the gradient of h;")]
    assert bool(told) == both
    assert all("what goes into h (line 8)" in note and "--grad dh=h says so" in note for note in told)
    assert (report.verdict == "pass") == (not old)


FUSED = {
    "softmax": ("-np.sum(y * np.log(p)) / len(y)", "(self.p - self.y) / len(self.y)"),
    "sigmoid": (
        "-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))",
        "(self.p - self.y) / self.p.size",
    ),
}


@pytest.mark.parametrize("before", FUSED)
@pytest.mark.parametrize(("right", "wrong"), [("", ""), ("/ ", "* "), ("self.p - self.y", "self.y - self.p")])
def test_a_loss_may_hand_on_the_gradient_of_what_goes_into_the_softmax_or_sigmoid_before_it(
    before: str, right: str, wrong: str, tmp_path: Path
) -> None:
    forward, backward = FUSED[before]
    (tmp_path / "loss.py").write_text(
        "import numpy as np\n\n\nclass Loss:\n    def forward(self, p, y):\n        self.p, self.y = p, y\n"
        f"        return {forward}\n\n    def backward(self):\n        return {backward.replace(right, wrong)}\n"
    )
    report = gradcheck.check(str(tmp_path / "loss.py:Loss"), properties=False)
    assert report.verdict.value == ("fail" if right else "pass"), str(report)
    if not right:
        assert f"of what goes into the {before} that p comes out of" in report.comparisons[0].reason


ONE_BY_ONE = """
import numpy as np

rng = np.random.default_rng(0)
W1, b1, W2 = rng.normal(size=(4, 5)), 0.1 * rng.normal(size=5), rng.normal(size=(5, 3))


def gradients(X, Y):
    total, dW1, db1, dW2 = 0.0, np.zeros_like(W1), np.zeros_like(b1), np.zeros_like(W2)
    for x, y in zip(X, Y):
        h = np.tanh(x @ W1 + b1)
        e = h @ W2 - y
        total += 0.5 * (e**2).sum()
        dW2 += np.outer(h, e)
        dh = (W2 @ e) * (1 - h)
        dW1 -= np.outer(x, dh)
        db1 += dh
    return total, dW1, db1, dW2


for turn in range(9):
    loss, dW1, db1, dW2 = gradients(rng.normal(size=(6, 4)), rng.normal(size=(6, 3)))
    W1 -= 0.01 * dW1
    b1 -= 0.01 * db1
    W2 -= 0.01 * dW2
"""


@pytest.mark.parametrize(
    ("right", "fixes"),
    [
        ("dW1 += np.outer(x, dh)", {("GC312", "dh = (W2 @ e) * (1 - h**2)")}),
        ("dh = (W2 @ e) * (1 - h**2)", {("GC302", "dW1 += np.outer(x, dh)")}),
    ],
)
def test_of_samples_one_by_one_each_is_read_alike(tmp_path: Path, right: str, fixes: set[tuple[str, str]]) -> None:
    """dh is the gradient of what goes into h for every one of them, which only their sum shows."""
    file = tmp_path / "net.py"
    wrong = "dW1 -= np.outer(x, dh)" if "dW1" in right else "dh = (W2 @ e) * (1 - h)"
    file.write_text(ONE_BY_ONE.replace(wrong, right))
    report = gradcheck.check(str(file), properties=False)
    assert {(f.code, f.fix.new if f.fix else "") for f in report.findings if f.severity == "error"} == fixes, str(
        report
    )


NOISE = """
import numpy as np
rng = np.random.default_rng(2)
W, v = rng.normal(size=(1, 6)), rng.normal(size=(6, 1))


def fit(x, target, W, v):
    h = np.tanh(x @ W)
    loss = np.mean((h @ v - target) ** 2)
    dout = 2 * (h @ v - target) / len(x)
    dv = h.T @ dout
    dz = dout @ v.T * (1 - h**2)
    dW = x.T @ dz
    return loss, dW, dv


for _ in range(100):
    z = rng.normal(size=(9, 1))
    loss, dW, dv = fit(z, z**2 + 0.1, W, v)
    W, v = W - 0.1 * dW, v - 0.1 * dv
"""


@pytest.mark.parametrize("wrong", [False, True])
def test_what_a_script_draws_is_not_what_a_functions_gradient_is_of(wrong: bool, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(NOISE.replace("dW = x.T @ dz", "dW = x.T @ dz * 2") if wrong else NOISE)
    report = gradcheck.check(str(path), properties=False)
    assert {c.name: c.verdict.value for c in report.comparisons if c.name in ("dz", "dW")} == {
        "dW": "fail" if wrong else "pass"
    }, str(report)


def test_a_gradient_of_a_wrong_shape_is_told_of_what_a_function_has_in_a_list(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "import numpy as np\n"
        "rng = np.random.default_rng(0)\n"
        "x, y, W, b = rng.normal(size=(5, 4)), rng.normal(size=(5, 3)), [rng.normal(size=(4, 3))], [np.ones(3)]\n"
        "def step(x, y, W, b):\n"
        "    z = x @ W[0] + b[0]\n"
        "    loss = ((z - y) ** 2).sum()\n"
        "    dW, db = [None], [None]\n"
        "    dz = 2 * (z - y)\n"
        "    dW[0] = x.T @ dz\n"
        "    db[0] = dz\n"
        "    return loss, dW, db\n"
    )
    report = gradcheck.check(f"{path}:step", call="step(x, y, W, b)", properties=False)
    assert {c.name: c.verdict.value for c in report.comparisons}["db[0]"] == "fail"
