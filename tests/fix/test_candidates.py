"""Edits of an expression: the right one is among them, and the author's own text is kept."""

from __future__ import annotations
import __future__

from typing import Any

import numpy as np
import pytest

from gradcheck.capture.otherwise import LOCAL
from gradcheck.compare import Truth
from gradcheck.fix.allowance import Share
from gradcheck.fix.candidates import candidates
from gradcheck.fix.candidates.chain import Style
from gradcheck.fix.candidates.factor import without_factor
from gradcheck.fix.candidates.paths import Lacking, added
from gradcheck.fix.candidates.terms import blind, unread
from gradcheck.fix.expression import Expression
from gradcheck.fix.pool import pool
from gradcheck.fix.wanted import Wanted
from gradcheck.numeric import Estimate

rng = np.random.default_rng(0)


class Layer:
    h: Any


def relu_prime(z: Any) -> Any:
    return (z > 0) * 1.0


SCOPE = {
    "np": np,
    "x": rng.normal(size=(7, 5)),
    "y": rng.normal(size=(7, 3)),
    "Z1": rng.normal(size=(7, 4)),
    "A1": np.tanh(rng.normal(size=(7, 4))),
    "dZ1": rng.normal(size=(7, 4)),
    "dA1": rng.normal(size=(7, 4)),
    "dh_next": rng.normal(size=(7, 4)),
    "dZ2": rng.normal(size=(7, 3)),
    "W1": rng.normal(size=(5, 4)),
    "W2": rng.normal(size=(4, 3)),
    "V2": rng.normal(size=(4, 3)),
    "P": np.full((7, 4), 0.25),
    "dp": rng.normal(size=(7, 4)),
    "mask": rng.random((7, 4)) < 0.5,
    "params": {"W1": rng.normal(size=(5, 4)), "W2": rng.normal(size=(5, 4))},
    "hs": [rng.normal(size=(7, 4)) for _ in range(3)],
    "t": 1,
    "m": 7,
    "lam": 0.1,
    "relu_prime": relu_prime,
    "normed": lambda a, axis: a / a.sum(axis=axis, keepdims=True),
}


def made(text: str) -> dict[str, str]:
    e = Expression(text, SCOPE)
    return {edit.text: edit.kind for edit in candidates(e, pool(SCOPE), Share())}


@pytest.mark.parametrize(
    ("wrong", "right", "kind"),
    [
        ("dZ2.T @ A1 / m", "A1.T @ dZ2 / m", "transpose"),
        ("dZ2 @ W2", "dZ2 @ W2.T", "transpose"),
        ("np.dot(A1, dZ2)", "np.dot(A1.T, dZ2)", "transpose"),
        ("A1.dot(dZ2)", "A1.T.dot(dZ2)", "transpose"),
        ("(dZ1 + dA1) @ W1", "(dZ1 + dA1) @ W1.T", "transpose"),
        ("dZ2.sum(axis=1) / m", "dZ2.sum(axis=0) / m", "axis"),
        ("dZ2.sum() / m", "dZ2.sum(axis=0) / m", "axis-missing"),
        ("np.sum(dZ2, 1)", "np.sum(dZ2, 0)", "axis"),
        ("np.sum(dZ2, axis = 1, keepdims=True)", "np.sum(dZ2, axis = 1)", "keepdims"),
        ("np.sum(dZ2, axis=0)", "np.sum(dZ2, axis=0, keepdims=True)", "keepdims"),
        ("dZ2.mean(axis=0)", "dZ2.sum(axis=0)", "mean"),
        ("dZ2 / m", "dZ2.sum(axis=0) / m", "sum-missing"),
        ("x.T @ dZ1.sum(axis=0)", "x.T @ dZ1", "sum-extra"),
        ("2 * dA1 * (1 - A1**2)", "dA1 * (1 - A1**2)", "factor-extra"),
        ("dZ2 / m / m", "dZ2 / m", "factor-extra"),
        ("-dZ2.sum(axis=0)", "dZ2.sum(axis=0)", "sign"),
        ("y - dZ2", "dZ2 - y", "sign"),
        ("dZ2 + y", "dZ2 - y", "sign"),
        ("dZ2 @ V2.T", "dZ2 @ W2.T", "operand"),
        ('params["W2"].T', 'params["W1"].T', "operand"),
        ("dA1 * (1 - Z1 ** 2)", "dA1 * (1 - A1 ** 2)", "derivative-place"),
        ("dA1", "dA1 * (1 - A1**2)", "derivative-missing"),
        ("dA1", "dA1 * relu_prime(Z1)", "derivative-missing"),
        ("dZ2 @ W2.T", "dZ2 @ W2.T * (Z1 > 0)", "derivative-missing"),
        ("dA1 * (Z1 > 0)", "dA1 * (1 - A1**2)", "derivative-wrong"),
        ("dA1 * (1 - A1)", "dA1 * (1 - A1**2)", "derivative-wrong"),
        ("dA1 * (1 - A1**2) * (Z1 > 0)", "dA1 * (1 - A1**2)", "derivative-extra"),
        ("dA1 * (Z1 < 0)", "dA1 * (Z1 > 0)", "mask-wrong"),
        ("np.where(Z1 > 0, 0, dA1)", "np.where(Z1 > 0, dA1, 0)", "mask-wrong"),
        ("dA1", "dA1 * mask", "mask-missing"),
        ("dA1 * ~mask", "dA1 * mask", "mask-wrong"),
        ("x.T * dZ1", "x.T @ dZ1", "product"),
        ("dA1 + dh_next", "dA1", "term-extra"),
        ("hs[t].T @ dZ1", "hs[t - 1].T @ dZ1", "step"),
        ("hs[t - 1].T @ dZ1", "hs[t].T @ dZ1", "step"),
        ("dA1 - A1 * dA1", "dA1 - (A1 * dA1).sum(axis=1, keepdims=True)", "sum-missing"),
        ("dA1 - (A1 * dA1).sum()", "dA1 - (A1 * dA1).sum(axis=1, keepdims=True)", "keepdims"),
        ("dA1 - (dA1).sum(axis=1, keepdims=True)", "dA1 - (dA1 * A1).sum(axis=1, keepdims=True)", "derivative-missing"),
        ("dp * P", "P * (dp - (dp * P).sum(axis=1, keepdims=True))", "derivative-wrong"),
        ("dA1 * A1", "dA1 * A1**3", "operand"),
        ("y / m**2", "y / m", "factor-wrong"),
        ("dA1 * (Z1 == 0)", "dA1 * (Z1 != 0)", "mask-wrong"),
        ("dA1 * A1", "dA1 * A1 * (dh_next - Z1)", "derivative-missing"),
        ("dA1 * (1 - hs[t])", "dA1 * (1 - hs[t]**2)", "derivative-wrong"),
        ("dA1 / (1 + np.exp(Z1))", "dA1 / (1 + np.exp(-Z1))", "derivative-wrong"),
        ("normed(dA1, axis=0)", "normed(dA1, axis=1)", "axis"),
        ("x[0] * 2", "x[0][::-1] * 2", "operand"),
        ("x[:m]", "x[1:m + 1]", "step"),
        ("x[1:]", "x[:-1]", "step"),
        ("x[:-1]", "x[1:]", "step"),
        ("x[:, m - 1:]", "x[:, m:]", "step"),
        ("x[:m]", "x[m:]", "step"),
        ("x[:m]", "x[-m:]", "step"),
        ("x[:, -m:]", "x[:, :m]", "step"),
        ("dA1 * (1 + 0.5 * A1**2)", "dA1 * (1 + 3 * 0.5 * A1**2)", "factor-missing"),
        ("dA1 * m", "dA1 * m**2", "factor-wrong"),
    ],
)
def test_the_right_edit_is_among_them(wrong: str, right: str, kind: str) -> None:
    scope = {**SCOPE, "x": rng.normal(size=(7, 7))[:, :7]} if wrong == "x.T * dZ1" else SCOPE
    if scope is not SCOPE:
        scope = {**scope, "dZ1": rng.normal(size=(7, 7))}
    e = Expression(wrong, scope)
    assert {edit.text: edit.kind for edit in candidates(e, pool(scope), Share())}.get(right) == kind


def test_what_a_loop_carries_and_never_reads_is_added_to_each_part_of_its_shape() -> None:
    found = {edit.text for edit in unread(Expression("dA1 * (1 - A1**2)", SCOPE), ["dh_next", "dZ2", "unbound"])}
    assert {"(dA1 + dh_next) * (1 - A1**2)", "dA1 * (1 - A1**2) + dh_next"} <= found
    assert not any("dZ2" in text or "unbound" in text for text in found)


def test_a_method_has_its_own_arrays_under_self_though_the_module_names_them_at_this_turn() -> None:
    layer, h = Layer(), rng.normal(size=(7, 4))
    layer.h, scope = h, {**SCOPE, "h": h, "self": layer}
    assert "self.h" in {o.text for o in pool({**scope, LOCAL: frozenset({"self"})}).operands}
    assert "h" not in {o.text for o in pool({**scope, LOCAL: frozenset({"self"})}).operands}
    assert "self.h" not in {o.text for o in pool({**scope, LOCAL: frozenset({"self", "h"})}).operands}


def test_what_has_a_number_for_each_row_is_put_in_as_a_column() -> None:
    scope = {**SCOPE, "std": rng.uniform(1, 2, size=(7, 1)), "dist": rng.uniform(1, 2, size=7)}
    found = {edit.text for edit in candidates(Expression("dA1", scope), pool(scope, turns=["t"]), Share())}
    expected = {"dA1 / std", "dA1 / dist[:, None]", "dA1 * dist[:, None]", "dA1 * Z1[:, t:t + 1]"}
    assert expected <= found, expected - found
    assert "dA1 / dZ2" not in found


def test_in_a_loop_what_is_in_a_list_is_named_by_its_turn() -> None:
    texts = [edit.text for edit in candidates(Expression("dA1", SCOPE), pool(SCOPE, turns=["t"]), Share())]
    assert "dA1 * (1 - hs[t]**2)" in texts
    assert "dA1 * (1 - hs[t - 1]**2)" in texts
    assert not any("hs[1]" in text for text in texts)


def test_what_a_future_import_leaves_is_no_number() -> None:
    """`from __future__ import annotations` leaves an object with the numbers of a version."""
    scope = {"annotations": __future__.annotations, "k": 3}
    assert [o.text for o in pool(scope).numbers] == ["k"]


def test_what_only_a_loop_gives_a_value_is_no_number_behind_it() -> None:
    """j is one less than the classes, whatever their number: a factor 2 for three of them."""
    text = "def f(W, k):\n    for j in range(k):\n        pass\n    for m in W:\n        pass\n    m = len(W)\n"
    scope = {"j": 2, "m": 5, "k": 3}
    assert [o.text for o in pool(scope, text).numbers] == ["m", "k"]
    assert {o.text for o in pool(scope, text, ["j"]).numbers} == {"j", "m", "k"}


@pytest.mark.parametrize("missing", ["2 * dh_next * A1 / m", "dZ2 @ W2.T"])
def test_the_path_that_a_sum_lacks_is_a_gradient_times_an_array(missing: str) -> None:
    scope = {name: SCOPE[name] for name in ("dA1", "dZ2", "dh_next", "A1", "W2", "m")}
    right = SCOPE["dA1"] + eval(missing, {}, scope)
    truth = Truth(Estimate(right, np.full((7, 4), 1e-9), 1e-4, 1, "central"), (), (7, 4), 1)
    wanted, style = Wanted(truth, 1.0, 0.0), Style("np", False, ("0",))
    found = added(Lacking(Expression("dA1", scope), pool(scope), SCOPE["dA1"], wanted, "", (), style, Share()))
    assert f"dA1 + {missing}" in {edit.text for edit in found}


def test_the_right_edit_comes_before_larger_ones() -> None:
    texts = list(made("dZ2.T @ A1 / m"))
    assert texts.index("A1.T @ dZ2 / m") < texts.index("(dZ2.T @ A1 / m).T")


def test_an_edit_keeps_spacing_comments_and_line_breaks() -> None:
    text = "(dA1  # back\n    *(1-Z1 ** 2))"
    assert "(dA1  # back\n    *(1-A1 ** 2))" in made(text)


def test_bytes_before_the_column_do_not_shift_an_edit() -> None:
    scope = {**SCOPE, "dÄ": SCOPE["dA1"], "Ä": SCOPE["A1"]}
    found = [edit.text for edit in candidates(Expression("dÄ * (1 - Z1**2)", scope), pool(scope), Share())]
    assert "dÄ * (1 - Ä**2)" in found


def test_no_edit_is_the_text_itself_or_comes_twice() -> None:
    for text in ("dZ2.T @ A1 / m", "dA1 * (1 - A1**2)", "np.sum(dZ2, axis=0, keepdims=True)"):
        texts = [edit.text for edit in candidates(Expression(text, SCOPE), pool(SCOPE), Share())]
        assert text not in texts
        assert len(texts) == len(set(texts))


def test_every_edit_is_an_expression() -> None:
    for text in ("dZ2.T @ A1 / m", "dA1 * (1 - A1**2) - lam * dZ1", "np.where(Z1 > 0, dA1, 0)", "-dZ2.sum(axis=(0))"):
        for edit in candidates(Expression(text, SCOPE), pool(SCOPE), Share()):
            compile(f"(\n{edit.text}\n)", "<edit>", "eval")


@pytest.mark.parametrize(
    ("text", "factor", "right"),
    [
        ("dZ2.sum(axis=0)", 7.0, "dZ2.sum(axis=0) / m"),
        ("dZ2 - y", 7.0, "(dZ2 - y) / m"),
        ("dZ2", 1 / 7, "dZ2 * m"),
        ("dZ2", -1.0, "-dZ2"),
        ("dZ2 - y", -1.0, "-(dZ2 - y)"),
        ("2 * dZ2 / len(x)", 3.0, "2 * dZ2 / y.size"),
        ("dZ2", 2.0, "dZ2 / 2"),
    ],
)
def test_a_known_factor_is_taken_out_in_the_codes_own_terms(text: str, factor: float, right: str) -> None:
    assert right in {edit.text for edit in without_factor(Expression(text, SCOPE), pool(SCOPE), factor)}


def test_a_gradient_at_hand_may_be_what_is_missing() -> None:
    texts = [edit.text for edit in blind(Expression("dA1 * (Z1 > 0)", SCOPE), pool(SCOPE))]
    assert "dA1 * (Z1 > 0) + dh_next" in texts
    assert not any("mask" in text for text in texts)


def test_parentheses_of_a_call_are_no_parentheses_of_an_operand() -> None:
    e = Expression("np.sum((dZ2), axis=0)", SCOPE)
    operand = next(n for n in e.nodes() if e.source(n) == "dZ2")
    assert e.put(operand, "y + 1") == "np.sum(y + 1, axis=0)"
    e = Expression("(dZ2 + y) * 2", SCOPE)
    assert e.put(e.root.left, "dZ2") == "dZ2 * 2"  # type: ignore[attr-defined]
