"""The library's verbs on functions that a caller holds in hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradcheck


def affine_forward(x: Any, w: Any, b: Any) -> Any:
    return x @ w + b, (x, w)


def affine_backward(dout: Any, cache: Any) -> Any:
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def relu_forward(x: Any) -> Any:
    return np.maximum(x, 0)


def relu_backward(dout: Any, x: Any) -> Any:
    return dout * (x > 0)


class Layer:
    """A layer whose methods are handed to `check`."""

    def __init__(self) -> None:
        self.calls = 0

    def forward(self, x: Any) -> Any:
        self.calls += 1
        return np.tanh(x), x

    def backward(self, dout: Any, cache: Any) -> Any:
        return dout * (1 - np.tanh(cache) ** 2)


def draw(seed: int, *shapes: tuple[int, ...]) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    return tuple(rng.standard_normal(shape) for shape in shapes)


def test_a_pair_passes() -> None:
    report = gradcheck.check(affine_forward, affine_backward, args=draw(0, (5, 3), (3, 2), (2,)))
    assert {c.name: c.verdict.value for c in report.comparisons} == {"dx": "pass", "dw": "pass", "db": "pass"}


@pytest.mark.slow
@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["dx", "dw", "db"]), st.integers(3, 9))
def test_one_wrong_entry_of_a_pair_is_caught(seed: int, name: str, digits: int) -> None:
    def backward(dout: Any, cache: Any) -> Any:
        found = dict(zip(("dx", "dw", "db"), affine_backward(dout, cache)))
        wrong = found[name] = found[name].copy()
        wrong.flat[seed % wrong.size] += 10.0**-digits * max(1.0, np.abs(wrong).max()) * 10
        return tuple(found.values())

    report = gradcheck.check(affine_forward, backward, args=draw(seed, (5, 3), (3, 2), (2,)))
    assert [c.name for c in report.comparisons if c.verdict != "pass"] == [name]


def test_bound_methods_and_object_state() -> None:
    layer = Layer()
    report = gradcheck.check(layer.forward, layer.backward, args=draw(1, (4, 3)))
    assert report.verdict == "pass"
    assert layer.calls == 0


def test_arguments_are_copied() -> None:
    def forward(x: Any) -> Any:
        x *= 2
        return x

    (x,) = draw(2, (4,))
    kept = x.copy()
    assert gradcheck.check(forward, lambda dout: 2 * dout, args=(x,)).verdict == "pass"
    assert np.array_equal(x, kept)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_the_loss_scale_changes_nothing(scale: float) -> None:
    args = draw(3, (6, 4))
    right = gradcheck.check_vjp(lambda x: scale * np.sin(x), lambda v, x: scale * v * np.cos(x), *args)
    assert right.verdict == "pass"
    for factor in (2.0, 1.0005):
        wrong = gradcheck.check_vjp(
            lambda x: scale * np.sin(x), lambda v, x, f=factor: f * scale * v * np.cos(x), *args
        )
        assert wrong.verdict == "fail"


def test_a_large_vjp_is_checked_along_directions() -> None:
    x, a = draw(4, (60, 50), (50, 40))
    right = gradcheck.check_vjp(np.matmul, lambda v, x, a: (v @ a.T, x.T @ v), x, a)
    assert right.verdict == "pass"
    assert {c.resolution_kind for c in right.comparisons} == {"norm"}

    def swapped(v: Any, x: Any, a: Any) -> Any:
        dx = v @ a.T
        dx[[0, 1]] = dx[[1, 0]]
        return dx, x.T @ v

    wrong = gradcheck.check_vjp(np.matmul, swapped, x, a)
    assert [c.verdict.value for c in wrong.comparisons] == ["fail", "pass"]


def test_nan_never_passes() -> None:
    (x,) = draw(5, (4,))
    report = gradcheck.check_vjp(np.sin, lambda v, x: np.full_like(x, np.nan), x)
    assert report.verdict == "fail"
    assert report.comparisons[0].reason.startswith("nan at (0,)")


def test_relu_at_its_kink_does_not_fail() -> None:
    x = np.array([0.0, 1.0, -1.0, 2.0])
    report = gradcheck.check_vjp(relu_forward, relu_backward, x)
    assert report.verdict != "fail"


def test_what_is_no_function_is_told() -> None:
    with pytest.raises(gradcheck.UsageError, match="expected a TARGET text, a module or a function, got int 3"):
        gradcheck.check(3)  # type: ignore[arg-type]
    with pytest.raises(gradcheck.UsageError, match="args go with a function"):
        gradcheck.check("reference_net", args=(1,))


def test_a_backward_with_another_number_of_gradients_is_told() -> None:
    with pytest.raises(gradcheck.GradcheckError, match="returned 1 gradients for the 3 inputs x, w, b"):
        gradcheck.check(affine_forward, lambda dout, cache: dout, args=draw(6, (5, 3), (3, 2), (2,)))


def test_importing_gradcheck_loads_nothing() -> None:
    import subprocess
    import sys

    code = "import sys, gradcheck; print([m for m in ('numpy', 'hypothesis', 'pytest') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    for name in gradcheck.__all__:
        assert getattr(gradcheck, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = gradcheck.nothing


def test_indices_have_no_gradient() -> None:
    def forward(index: Any, table: Any) -> Any:
        return table[index], (index, table.shape)

    def backward(dout: Any, cache: Any) -> Any:
        index, shape = cache
        dtable = np.zeros(shape)
        np.add.at(dtable, index, dout)
        return dtable

    report = gradcheck.check(forward, backward, args=(np.array([0, 2, 2, 1]), *draw(7, (4, 3))))
    assert {c.name: c.verdict.value for c in report.comparisons} == {"dtable": "pass"}
