"""The inputs a checker drives the networks on, and how the package declares them."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import reference_net
from reference_net import original
from reference_net.probe import probe_batch, probe_parameters

TARGETS = reference_net.__gradcheck__["targets"]


def rows(array: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in array}


def assert_one_hot(y: np.ndarray) -> None:
    assert set(np.unique(y)) <= {0.0, 1.0}
    np.testing.assert_array_equal(y.sum(axis=1), 1)


def test_batch_holds_distinct_digits_of_the_subset(subset):
    x, y = probe_batch(13)
    assert (x.shape, y.shape, x.dtype) == ((13, 784), (13, 10), np.float64)
    assert_one_hot(y)
    assert len(rows(x)) == 13
    assert len(rows(probe_batch(1000)[0])) == 1000  # of 2,000: drawn with replacement, some would come twice
    assert rows(np.hstack([x, y])) <= rows(np.hstack([subset.x_train, subset.y_train]))
    assert not rows(x) & rows(subset.x_test)
    assert 0 <= x.min() < x.max() <= 1


def test_batch_hangs_on_the_seed():
    first, again, other = (probe_batch(13, seed=seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("d", "c"), [(7, 3), (784, 9), (783, 10)])
def test_other_sizes_are_random(d, c):
    x, y = probe_batch(5, d, c, seed=1)
    assert (x.shape, y.shape) == ((5, d), (5, c))
    assert_one_hot(y)
    assert x.all()  # no black border: these are not digits
    assert 0 <= x.min() < x.max() < 1


def test_more_digits_than_there_are_is_refused():
    assert len(probe_batch(2000)[0]) == 2000
    with pytest.raises(ValueError, match=r"^m: expected at most 2000 digits, got 2001$"):
        probe_batch(2001)


def test_parameters_have_small_biases_that_are_not_zero():
    parameters = probe_parameters(7, 4, 3, seed=2)
    assert [array.shape for array in parameters] == [(7, 4), (4,), (4, 3), (3,)]
    for bias in (parameters.b1, parameters.b2):
        assert bias.all()
        assert np.abs(bias).max() < 0.5
    assert len(np.unique(parameters.b1 / 0.1)) == 4
    # The biases are not the weights' own numbers again.
    assert not np.isin(parameters.b1 * 10, parameters.W1 / np.sqrt(2 / 7)).any()


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("m", [10, 13])
def test_targets_run_as_declared(name, m):
    target = TARGETS[name]
    namespace = dict(vars(importlib.import_module(target["module"])), **target["sizes"] | {"m": m}, seed=0)
    exec(target["imports"], namespace)
    exec(target["setup"], namespace)
    if name == "original" and m == 13:
        with pytest.raises(ValueError, match="could not be broadcast"):
            eval(target["call"], namespace)
    else:
        before = namespace["parameters"].W1 if name == "corrected" else original.W1
        result = eval(target["call"], namespace)
        after = result.W1 if name == "corrected" else original.W1
        assert not np.array_equal(after, before)


def test_default_target_is_declared():
    assert reference_net.__gradcheck__["default"] in TARGETS
    assert "original" in TARGETS


def imports(source: str) -> set[str]:
    """Top-level names of all that a source imports, lazily or not."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    return names


def test_the_subject_does_not_import_the_checker():
    sources = [path.read_text() for path in Path(reference_net.__file__).parent.glob("**/*.py")]
    assert len(sources) >= 9
    assert not any("gradcheck" in imports(source) for source in sources)
    assert "gradcheck" in imports("def f():\n    from gradcheck.errors import UsageError")


def test_importing_the_package_does_not_import_numpy():
    show = "import sys, {}; print('numpy' in sys.modules)"
    for module, expected in [("reference_net", "False"), ("reference_net.corrected", "True")]:
        shown = subprocess.run([sys.executable, "-c", show.format(module)], capture_output=True, text=True)
        assert shown.stdout.strip() == expected
