"""A contribution that is missing is put in: as a term of the line, or as a line of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import gradcheck
from gradcheck.fix.candidates.chain import Style, contributions, normalising
from gradcheck.fix.pool import Operand

STYLE = Style("np", False, ("0", "1"))


def operand(text: str, *shape: int) -> Operand:
    return Operand(text, np.random.default_rng(len(text)).normal(size=shape))


def texts(d: Operand, other: Operand, shape: tuple[int, ...], style: Style = STYLE) -> set[str]:
    found = list(contributions(d, [other], shape, style))
    scope = {"np": np, d.text: d.array, other.text: other.array}
    for one in found:
        assert np.array_equal(eval(one.text, dict(scope)), one.array)
        assert np.array_equal(eval(one.text, {**scope, d.text: 2 * d.array}), 2 * one.array)
    return {one.text for one in found if one.array.shape == shape}


def test_what_flows_back_has_the_shape_and_is_linear_in_the_gradient() -> None:
    dz, x, W, b = operand("dz", 5, 3), operand("x", 5, 4), operand("W", 4, 3), operand("b", 3)
    assert texts(dz, x, (4, 3)) == {"x.T @ dz"}
    assert texts(dz, W, (5, 4)) == {"dz @ W.T"}
    assert texts(dz, x, (3,)) == {"dz.sum(axis=0)"}
    assert "dz.sum(axis=0, keepdims=True)" in texts(dz, b, (1, 3))
    assert texts(dz, operand("h", 5, 3), (5, 3)) == {"dz", "dz * h"}
    assert "dz * b" in texts(dz, b, (5, 3))
    assert texts(dz, operand("y", 7, 2), (4, 3)) == set()


def test_vectors_and_the_authors_own_way_of_writing_products() -> None:
    dz, x = operand("dz", 3), operand("x", 4)
    assert texts(dz, x, (4, 3)) == {"np.outer(x, dz)"}
    style = Style.of("a = np.dot(x, W)\nb = np.dot(a, V).sum(axis=-1)\n", "np")
    assert style == Style("np", True, ("-1",))
    assert texts(operand("dz", 5, 3), operand("x", 5, 4), (4, 3), style) == {"np.dot(x.T, dz)"}
    assert not Style.of("a = x @ W\n", "np").dots


def test_normalisations_take_means_and_shares() -> None:
    others = [operand("n", 5, 3), operand("g", 3)]
    found = {one.text for one in normalising(operand("dn", 5, 3), others, Style("np", False, ("1",)))}
    assert {"dn.mean(axis=1, keepdims=True)", "n * (dn * n).mean(axis=1, keepdims=True)"} <= found
    assert not [text for text in found if "g" in text]


NET = """\
import numpy as np

__gradcheck__ = {"default": "step", "targets": {"step": {
    "setup": "xs, y, W, V = inputs(T, m, seed)",
    "call": "step(xs, y, W, V)",
    "sizes": {"T": 3, "m": 4},
}}}


def inputs(T, m, seed):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=n) for n in [(T, m, 3), (m, 3), (3, 5), (5, 3)]]


def step(xs, y, W, V, lr=0.1):
    hs = [np.tanh(x @ W) for x in xs]
    total = hs[0] + hs[1] + hs[2]
    out = total @ V + xs[0]
    loss = 0.5 * ((out - y) ** 2).sum()
    dW, dV = np.zeros_like(W), np.zeros_like(V)
    dout = out - y
    dV += total.T @ dout
    dtotal = dout @ V.T
    for t in range(3):
        dz = dtotal * (1 - hs[t] ** 2)
        dW += xs[t].T @ dz  # over time
    W -= lr * dW
    V -= lr * dV
    return loss
"""


def test_a_line_that_is_missing_is_put_in(tmp_path: Path) -> None:
    row = "        dW += xs[t].T @ dz  # over time\n"
    path = tmp_path / "net.py"
    path.write_text(NET.replace(row, ""))
    report = gradcheck.check(str(path), properties=False)
    (finding,) = [f for f in report.findings if f.severity == "error"]
    assert (finding.code, finding.tensor) == ("GC362", row.strip()[:2]), str(report)
    assert finding.fix is not None
    assert (finding.fix.old, finding.fix.new) == ("", row.partition("#")[0].strip())
    assert [patch.new for patch in report.patches] == [NET.replace(row, row.partition("  #")[0].rstrip() + "\n")]
    (inherited,) = [c for c in report.comparisons if c.verdict.value != "pass"]
    assert inherited.verdict.value == "inherited"


def test_what_no_contribution_makes_right_gets_none(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    rows = ("        dz = dtotal * (1 - hs[t] ** 2)\n", "        dW += xs[t].T @ dz  # over time\n")
    path.write_text(NET.replace("".join(rows), "        pass\n"))
    report = gradcheck.check(str(path), properties=False)
    assert [f.tensor for f in report.findings if f.severity == "error" and f.fix is None] == ["W (from its update)"]
    assert report.patches == ()
