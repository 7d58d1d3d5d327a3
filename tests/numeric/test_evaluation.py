from __future__ import annotations

import numpy as np

from gradcheck.numeric import Crossing, crossings
from gradcheck.numeric.evaluation import same_side

ONE = (("relu", np.array([[True, False], [False, True]])), ("max", np.array([3, 1])))


def test_equal_patterns_cross_nothing() -> None:
    again = tuple((label, pattern.copy()) for label, pattern in ONE)
    assert same_side(ONE, again)
    assert crossings(ONE, again) == []


def test_every_differing_element_is_named() -> None:
    other = (("relu", np.array([[True, True], [False, False]])), ("max", np.array([3, 2])))
    assert not same_side(ONE, other)
    assert crossings(ONE, other) == [
        Crossing("relu", (0, 1)),
        Crossing("relu", (1, 1)),
        Crossing("max", (1,)),
    ]
    assert [str(c) for c in crossings(ONE, other)] == ["relu[0, 1]", "relu[1, 1]", "max[1]"]


def test_another_structure_is_one_crossing() -> None:
    assert crossings(ONE, ONE[:1]) == [Crossing(None, None)]
    assert crossings(ONE, ONE[::-1]) == [Crossing(None, None)]
    assert crossings(ONE, (ONE[0], ("max", np.array([3])))) == [Crossing("max", None)]
    for other in (ONE[:1], ONE[::-1], (ONE[0], ("max", np.array([3])))):
        assert not same_side(ONE, other)
    assert str(Crossing(None, None)) == "control flow"


def test_a_scalar_site_has_an_empty_index() -> None:
    a, b = (("if", np.array(True)),), (("if", np.array(False)),)
    assert crossings(a, b) == [Crossing("if", ())]
    assert str(Crossing("if", ())) == "if"
