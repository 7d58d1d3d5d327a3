"""The signature tells on which side of every kink a run passed, and of nothing else."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from running import opened, own_loss

from gradcheck.capture.kinks import sides_of, spread
from gradcheck.capture.signature import Kinks
from gradcheck.evaluation import Evaluation

HEAD = """
import functools, math
import numpy as np
from numpy import maximum as mx, clip as cut
from math import fabs
relu = np.maximum
table = {"relu": np.maximum, "abs": np.abs}
class Layer:
    act = staticmethod(np.maximum)
    def __init__(self, act):
        self.kept = act
    def __call__(self, z):
        return self.kept(z, 0)
def apply(f, *args):
    return f(*args)
def twice(f):
    @functools.wraps(f)
    def wrapper(*args):
        return f(*args)
    return wrapper
@twice
def leaky(z):
    return np.where(z > 0, z, 0.1 * z)
partial = functools.partial(np.maximum, 0.0)
x = np.array([[0.55, -0.7, 1.45], [-1.2, 0.3, 0.9]])
def train():
    z = x * 2
"""
TAIL = """
    loss = np.sum(np.asarray(a) * 1.0)
    dz = np.ones_like(z)
"""

KINKED = {
    "np.maximum(z, 0)": 6,
    "np.maximum(0, z)": 6,
    "np.minimum(z, 0.1)": 6,
    "np.fmax(z, 0)": 6,
    "np.abs(z)": 6,
    "abs(z)": 6,
    "np.sign(z) * z": 6,
    "np.heaviside(z, 0.5) * z": 6,
    "z * (z > 0)": 6,
    "z * (0 < z)": 6,
    "z * np.greater(z, 0)": 6,
    "z * np.less_equal(z, 0)": 6,
    "np.where(z > 0, z, np.exp(z) - 1)": 6,
    "np.where((z > -1) & (z < 1), z, 0)": 12,
    "np.clip(z, -1, 1)": 6,
    "np.clip(z, a_min=-1, a_max=None)": 6,
    "np.clip(z, max=1, min=0)": 6,
    "z.clip(0)": 6,
    "z.max()": 1,
    "z.max(axis=1)": 2,
    "z.max(0)": 3,
    "z.max(axis=(0, 1))": 1,
    "z.max(axis=-1, keepdims=True)": 2,
    "np.max(z, axis=1)": 2,
    "np.amax(z)": 1,
    "np.nanmin(z, axis=0)": 3,
    "z[np.arange(2), z.argmax(axis=1)]": 2,
    "z[np.arange(2), np.argmin(z, 1)]": 2,
    "np.sort(z, axis=0)": 6,
    "np.sort(z, None)": 6,
    "z[0][np.argsort(z[0])]": 3,
    "np.partition(z, 1, axis=1)": 6,
    "np.median(z)": 6,
    "np.median(z, axis=0)": 6,
    "np.percentile(z, 30, axis=1)": 6,
    "np.ptp(z, axis=1)": 4,
    "np.round(z, 1)": 6,
    "z.round()": 6,
    "np.floor(z)": 6,
    "np.ceil(z)": 6,
    "np.trunc(z)": 6,
    "np.fmod(z, 1)": 6,
    "np.maximum.reduce(z, axis=1)": 2,
    "np.minimum.accumulate(z, axis=1)": 6,
    "np.interp(z, [-1, 0, 1], [0, 0, 5])": 6,
    "np.copysign(2.0, z)": 6,
    "max(z[0])": 1,
    "min(z[0].tolist())": 1,
    "max(v for v in z[0])": 1,
    "max(z[0, 0], 0.0)": 1,
    "max(0, float(z[0, 0]))": 1,
    "abs(float(z[0, 0]))": 1,
    "sorted(z[0])": 3,
    "round(float(z[0, 0]), 1)": 1,
    "math.fabs(z[0, 0])": 1,
    "fabs(z[0, 0])": 1,
    "math.floor(z[0, 0])": 1,
    "float(z[0, 0]) if float(z[0, 0]) > 0 else 0.0": 1,
    "z[0, 0] if z[0, 0] > 0 else 0.0": 1,
    "z[0, 0] if -1 < float(z[0, 0]) < 2 else 0.0": 1,
    "[v if v > 0 else 0.1 * v for v in z.ravel().tolist()]": 6,
    # by other names
    "mx(z, 0)": 6,
    "relu(z, 0)": 6,
    "cut(z, 0, 1)": 6,
    "table['relu'](z, 0)": 6,
    "Layer.act(z, 0)": 6,
    "Layer(np.maximum)(z)": 6,
    "Layer(np.maximum).kept(z, 0)": 6,
    "apply(np.maximum, z, 0)": 6,
    "apply(z.clip, 0, 1)": 6,
    "getattr(np, 'maximum')(z, 0)": 6,
    "leaky(z)": 6,
    "(lambda f: f(z, 0))(np.maximum)": 6,
    "np.maximum(z, 0, where=z > -9, out=np.zeros((2, 3)))": 12,
}
SMOOTH = [
    "np.exp(z)",
    "z @ z.T",
    "max(2, 3) * z",
    "abs(-3) * z",
    "max(len(z), 1) * z",
    "z[: min(2, 5)]",
    "sum(z[i, 0] for i in range(2) if i < 5)",
    "z * np.arange(3).argmax()",
    "sorted('cab') and z",
    "np.array([3, 1]).max() * z",
    "max('a', 'b') and z",
    "[v for k, v in zip('ab', z) if k < 'c']",
    "max([1], [2])[0] * z",
]


def signature(folder: Path, expression: str, factor: float = 1.0) -> tuple[Evaluation, Evaluation]:
    with opened(folder, HEAD + f"    a = {expression}\n" + TAIL) as program:
        own_loss(program)
        z = program.variables["z"]
        return program.loss(), program.loss({z.ref: z.array * factor})


@pytest.mark.parametrize("expression", KINKED)
def test_a_kink_is_noted(expression: str, tmp_path: Path) -> None:
    here, there = signature(tmp_path, expression, -1.7)
    assert sum(p.size for _, p in here.signature) == KINKED[expression]
    assert [s for s, _ in here.signature] == [s for s, _ in there.signature] or " if " in expression
    assert any(
        p.shape != q.shape or p.tobytes() != q.tobytes() for (_, p), (_, q) in zip(here.signature, there.signature)
    )
    _, near = signature(tmp_path, expression, 1 + 1e-9)
    assert [p.tobytes() for _, p in near.signature] == [p.tobytes() for _, p in here.signature], "no kink lies there"


@pytest.mark.parametrize("expression", SMOOTH)
def test_what_has_no_kink_is_not(expression: str, tmp_path: Path) -> None:
    here, _ = signature(tmp_path, expression)
    assert here.signature == ()


def test_loops_over_integers_leave_no_trace(tmp_path: Path) -> None:
    text = (
        HEAD
        + """
    n, a = 0, 0.0
    while n < 50:
        n += 1
        if 3 <= n < 10 or n > 1000:
            continue
        a = a + z[n % 2, n % 3] * max(n, 3)
"""
        + TAIL
    )
    with opened(tmp_path, text) as program:
        own_loss(program)
        assert program.loss().signature == ()


def test_an_image_is_pooled_by_its_largest_entries(tmp_path: Path) -> None:
    text = """
import numpy as np
x = np.random.default_rng(0).standard_normal((1, 4, 4))
def pool(z):
    out = np.zeros((1, 2, 2))
    for i in range(2):
        for j in range(2):
            window = z[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            out[:, i, j] = np.max(window, axis=(1, 2))
    return out
def train():
    z = x * 1.5
    p = pool(z)
    loss = p.sum()
    dp = np.ones_like(p)
"""
    with opened(tmp_path, text) as program:
        own_loss(program)
        z = program.variables["z"]
        places = [int(p[0]) for _, p in program.loss().signature]
        windows = [z.array[0, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2] for i in range(2) for j in range(2)]
        assert places == [int(w.argmax()) for w in windows]


ON_COMPLEX = [
    "np.maximum(z, 0)",
    "abs(z)",
    "z.max(axis=1)",
    "np.clip(z, -1, 1)",
    "np.sort(z)",
    "z * (z > 0)",
    "np.sign(z)",
]


@pytest.mark.parametrize("expression", ON_COMPLEX)
def test_complex_numbers_are_on_the_side_of_their_real_parts(expression: str, tmp_path: Path) -> None:
    with opened(tmp_path, HEAD + f"    a = {expression}\n" + TAIL) as program:
        own_loss(program)
        z = program.variables["z"]
        real = program.loss().signature
        imaginary = program.loss({z.ref: z.array + 1e-20j}).signature
        assert [p.tobytes() for _, p in real] == [p.tobytes() for _, p in imaginary]


def test_a_mask_that_is_edited_later_is_noted_as_it_was(tmp_path: Path) -> None:
    text = HEAD + "    mask = z > 0\n    a = z * mask\n    mask[:] = False\n" + TAIL
    with opened(tmp_path, text) as program:
        own_loss(program)
        ((_, noted),) = program.loss().signature
        assert noted.tolist() == (program.variables["z"].array > 0).tolist()


class Own:
    """Not NumPy's, whatever it is called."""

    def max(self) -> float:
        return 1.0

    def __call__(self, *_: Any) -> float:
        return 1.0

    def __eq__(self, other: object) -> bool:
        raise AssertionError("asked")

    __hash__ = None  # type: ignore[assignment]


def test_functions_are_known_by_identity() -> None:
    def maximum(a: float, b: float) -> float:
        return a

    own: list[Callable[..., Any]] = [
        maximum,
        Own(),
        Own().max,
        len,
        np.exp,
        np.add.reduce,
        "a".startswith,
        np.random.rand,
    ]
    assert [sides_of(f) for f in own] == [None] * len(own)
    for f in (np.maximum, max, math.floor, np.zeros(1).max, np.float64(1).clip, [1.0].sort, np.maximum.reduce):
        assert sides_of(f) is not None


def test_an_unusual_call_has_no_pattern() -> None:
    for function, args in (
        (np.maximum, ("a", "b")),
        (max, (1.0, None)),
        (np.clip, ()),
        (np.sort, (None,)),
        (abs, ("x",)),
    ):
        kinks = Kinks()
        assert kinks.kink(0, function) is not function
        with contextlib.suppress(Exception):  # what is wrong with it the call itself says
            kinks.kink(0, function)(*args)
        assert kinks.signature == []


def test_an_iterator_is_looked_at_once() -> None:
    (values,) = spread(((v for v in [1.5, 2.5]),))
    assert values == [1.5, 2.5]
    array, mapping = np.ones(2), {"a": 1.5}
    assert spread((array,))[0] is array
    assert spread((mapping,))[0] is mapping
    assert spread((1.5, 2.5)) == (1.5, 2.5)
