"""What must not happen whatever the code: a wrong network without a guilty line, a guess that condemns one."""

from __future__ import annotations

from typing import Any

import numpy as np

import gradcheck


def draw(*shapes: tuple[int, ...]) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    return tuple(rng.standard_normal(shape) for shape in shapes)


def small_error_everywhere(X: Any, y: Any, W1: Any, W2: Any) -> Any:
    a1 = np.tanh(X @ W1)
    p = 1 / (1 + np.exp(-(a1 @ W2)))
    t = y * (1 - 1e-6) + 5e-7
    loss = -(t * np.log(p) + (1 - t) * np.log(1 - p)).sum()
    dp = (p - y) / (p * (1 - p))  # not quite the derivative of a loss of smoothed labels
    dW2 = a1.T @ (dp * p * (1 - p))
    da1 = (dp * p * (1 - p)) @ W2.T
    dW1 = X.T @ (da1 * (1 - a1**2))
    return loss, dW1, dW2


def unused(x: Any, w: Any, v: Any) -> Any:
    z = x @ w
    loss = (z**2).sum()
    dz = 2 * z
    dw = x.T @ dz
    dv = np.ones_like(v)
    return loss, dw, dv


def test_a_failure_names_a_line() -> None:
    y = (draw((6, 1))[0] > 0).astype(float)
    X, W1, W2 = draw((6, 3), (3, 4), (4, 1))
    report = gradcheck.check(small_error_everywhere, args=(X, y, 3 * W1, 3 * W2))
    verdicts = [c.verdict.value for c in report.comparisons]
    assert "fail" in verdicts


def test_a_value_that_the_loss_does_not_reach_is_no_proof_of_an_error() -> None:
    report = gradcheck.check(unused, args=draw((4, 3), (3, 2), (5,)))
    found = {c.name: (c.verdict.value, c.reason) for c in report.comparisons}
    assert found["dv"] == ("inconclusive", "the loss does not depend on this v")
    assert found["dw"][0] == "pass"
    assert report.verdict == "inconclusive"


def named_after_the_activation(X: Any, y: Any, W1: Any, W2: Any) -> Any:
    h = np.tanh(X @ W1)
    s = h @ W2
    loss = ((s - y) ** 2).sum()
    ds = 2 * (s - y)
    dW2 = h.T @ ds
    dh = (ds @ W2.T) * (1 - h**2)  # the gradient of what goes into tanh
    dW1 = X.T @ dh
    return loss, dW1, dW2


def wrong_derivative(X: Any, y: Any, W1: Any, W2: Any) -> Any:
    h = np.tanh(X @ W1)
    s = h @ W2
    loss = ((s - y) ** 2).sum()
    ds = 2 * (s - y)
    dW2 = h.T @ ds
    dh = (ds @ W2.T) * (1 - h)
    dW1 = X.T @ dh
    return loss, dW1, dW2


def test_an_intermediate_on_which_right_gradients_rest_is_not_wrong() -> None:
    args = draw((6, 4), (6, 2), (4, 3), (3, 2))
    report = gradcheck.check(named_after_the_activation, args=args)
    found = {c.name: c.verdict.value for c in report.comparisons}
    assert found == {"ds": "pass", "dW2": "pass", "dh": "pass", "dW1": "pass"}
    assert report.verdict == "pass"
    wrong = gradcheck.check(wrong_derivative, args=args)
    assert {c.name for c in wrong.comparisons if c.verdict == "fail"} & {"dh", "dW1"}


def reshaped(x: Any, w: Any) -> Any:
    x = x.reshape(len(x), -1)
    return x @ w, (x, w)


def reshaped_backward(dout: Any, cache: Any) -> Any:
    x, w = cache
    dx = (dout @ w.T).reshape(4, 2, 3)
    dw = x.T @ dout
    return dx, dw


def test_a_name_bound_again_in_the_forward() -> None:
    report = gradcheck.check(reshaped, reshaped_backward, args=draw((4, 2, 3), (6, 5)))
    assert report.verdict == "pass", str(report)


def down_to_the_input(X: Any, y: Any, W1: Any, W2: Any) -> Any:
    m = len(X)
    h = np.tanh(X @ W1)
    s = h @ W2
    loss = ((s - y) ** 2).sum() / m
    ds = 2 * (s - y)
    dW2 = h.T @ ds / m
    dz = (ds @ W2.T) * (1 - h**2)
    dW1 = X.T @ dz / m
    dX = dz @ W1.T
    return loss, dW1, dW2, dX


def down_to_the_input_wrong(X: Any, y: Any, W1: Any, W2: Any) -> Any:
    m = len(X)
    h = np.tanh(X @ W1)
    s = h @ W2
    loss = ((s - y) ** 2).sum() / m
    ds = 2 * (s - y)
    dW2 = h.T @ ds / m
    dz = (ds @ W2.T) * (1 - h**2)
    dW1 = X.T @ dz / m
    dX = dz @ W1.T * 2
    return loss, dW1, dW2, dX


def test_the_inputs_gradient_carries_the_factor_of_its_chain() -> None:
    args = draw((6, 4), (6, 2), (4, 3), (3, 2))
    right = gradcheck.check(down_to_the_input, args=args)
    assert right.verdict == "pass", str(right)
    wrong = gradcheck.check(down_to_the_input_wrong, args=args)
    assert [c.name for c in wrong.comparisons if c.verdict == "fail"] == ["dX"], str(wrong)
