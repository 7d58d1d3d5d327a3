"""An edit on trial: a driver runs other texts in place of the project's files, and leaves no trace of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradcheck import conventions
from gradcheck.driver import Driver
from gradcheck.resolve import resolve
from gradcheck.source import line_of, overlaid

SOURCE = """\
import numpy as np

x = np.arange(6.0).reshape(3, 2)
W = np.ones((2, 2))


def step():
    out = x @ W
    loss = (out**2).sum() / 2
    dW = x.T @ out
    return dW


if __name__ == "__main__":
    step()
"""
EDITED = SOURCE.replace("dW = x.T @ out", "dout = out\n    dW = 3 * x.T @ dout")


@pytest.mark.parametrize("target", ["{}:step", "{}"])
def test_an_overlay_runs_in_place_of_the_file(tmp_path: Path, target: str) -> None:
    file = tmp_path / "overlaid_net.py"
    file.write_text(SOURCE)
    found = resolve(target.format(file))

    def dW(overlay: dict[str, str]) -> np.ndarray:
        with Driver(found, base_of=conventions.bases, overlay=overlay).open() as program:
            values = [v for v in program.trace.values if v.name == "dW"]
        assert values[0].site.line == (11 if overlay else 10)
        return values[0].array

    plain = dW({})
    np.testing.assert_allclose(dW({str(file): EDITED}), 3 * plain)
    np.testing.assert_array_equal(dW({}), plain)
    assert file.read_text() == SOURCE


def test_an_edit_on_trial_is_gone_when_its_program_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "overlaid_net.py"
    path.write_text(SOURCE)
    found = resolve(f"{path}:step")
    outer, inner = (Driver(found, base_of=conventions.bases, overlay=o) for o in ({}, {str(path): EDITED}))
    with outer.open() as program:
        before = next(v.array for v in program.backward().values if v.name == "dW")
        with inner.open() as other:
            assert not np.array_equal(next(v.array for v in other.trace.values if v.name == "dW"), before)
        assert np.array_equal(next(v.array for v in program.backward().values if v.name == "dW"), before)


def test_lines_are_those_of_the_overlay_while_it_holds(tmp_path: Path) -> None:
    file = tmp_path / "lines.py"
    file.write_text("a = 1\n")
    with overlaid({str(file): "b = 2\n"}):
        assert line_of(str(file), 1) == "b = 2"
    assert line_of(str(file), 1) == "a = 1"
