"""Every example in a docstring runs and prints what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import gradcheck
import reference_net

MODULES = sorted(
    module.name
    for package in (gradcheck, reference_net)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", ["gradcheck", *MODULES])
def test_docstring_examples(name: str) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


def test_there_are_examples_to_run() -> None:
    found = doctest.DocTestFinder().find(importlib.import_module("gradcheck.api"))
    assert sum(len(t.examples) for t in found) > 10
