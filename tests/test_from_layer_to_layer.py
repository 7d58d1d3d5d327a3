"""What layers hand each other: the line is blamed that hands on the wrong thing, whatever the names say."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

NET = """\
import numpy as np

rng = np.random.default_rng(4)


class Affine:
    def __init__(self, n, k):
        self.W = rng.normal(size=(n, k))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.dW = self.x.T @ dout
        return dout @ self.W.T


class Squash:
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    def backward(self, dout):
        return dout * (1 - self.out**2)


class Block:
    def __init__(self, n):
        self.first, self.act, self.second = Affine(n, 3), Squash(), Affine(3, n)

    def forward(self, x):
        r = self.first.forward(x)
        r = self.act.forward(r)
        r = self.second.forward(r)
        return x + r

    def backward(self, dout):
        dr = self.second.backward(dout)
        dr = self.act.backward(dr)
        dr = self.first.backward(dr)
        return dout + dr


blocks = [Block(2), Block(2)]
last = Affine(2, 2)
x, y = rng.normal(size=(4, 2)), rng.normal(size=(4, 2))
for step in range(3):
    h = x
    for block in blocks:
        h = block.forward(h)
    out = last.forward(h)
    loss = 0.5 * np.sum((out - y) ** 2)
    dout = out - y
    d = last.backward(dout)
    for block in reversed(blocks):
        d = block.backward(d)
    for affine in [last, blocks[0].first, blocks[0].second, blocks[1].first, blocks[1].second]:
        affine.W -= 0.1 * affine.dW
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("return dout + dr", "return dout"),
        ("dr = self.act.backward(dr)", "self.act.backward(dr)"),
        ("d = last.backward(dout)", "d = last.backward(2 * dout)"),
        ("return dout * (1 - self.out**2)", "return dout"),
    ],
    ids=["a shortcut alone", "a result that nothing takes", "twice what is due", "no derivative"],
)
def test_the_line_that_hands_on_the_wrong_thing_is_blamed_and_mended(right: str, wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(NET.replace(right, wrong))
    report = gradcheck.check(str(path), properties=False)
    errors = [f for f in report.findings if f.severity == "error"]
    assert {f.line for f in errors} == {1 + NET[: NET.index(right)].count("\n")}, str(report)
    assert {f.fix.new for f in errors if f.fix is not None} == {right}, str(report)


def test_layers_that_hand_on_what_is_due_are_right(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(NET)
    assert gradcheck.check(str(path), properties=False).exit_code == 0


ROWS = """\
import numpy as np

rng = np.random.default_rng(2)
Wx, Wh = rng.normal(size=(2, 3)), rng.normal(size=(3, 3))


def forward(x):
    h, cache = np.zeros((4, 3)), []
    for t in range(x.shape[1]):
        before, h = h, np.tanh(x[:, t] @ Wx + h @ Wh)
        cache.append((x[:, t], before, h))
    return h, cache


def backward(dh, cache):
    dx, dWx, dWh = np.zeros((4, 3, 2)), np.zeros_like(Wx), np.zeros_like(Wh)
    for t in reversed(range(3)):
        x, before, h = cache[t]
        da = dh * (1 - h**2)
        dWx += x.T @ da
        dWh += before.T @ da
        dx[:, t] = da @ Wx.T
        dh = da @ Wh.T
    return dx, dWx, dWh


x, y = rng.normal(size=(4, 3, 2)), rng.normal(size=(4, 3))
for step in range(3):
    h, cache = forward(x)
    loss = 0.5 * np.sum((h - y) ** 2)
    dx, dWx, dWh = backward(h - y, cache)
    Wx -= 0.1 * dWx
    Wh -= 0.1 * dWh
"""


@pytest.mark.slow
def test_a_row_that_a_loop_takes_from_its_cache_again_is_no_update(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(ROWS)
    report = gradcheck.check(str(path), properties=False)
    assert {c.name: c.verdict for c in report.comparisons}["dx"] == "pass", str(report)
    path.write_text(ROWS.replace("dx[:, t] = da @ Wx.T", "dx[:, t] = dh @ Wx.T"))
    assert gradcheck.check(str(path), properties=False).exit_code == 1
