"""A rule is one file and its page: it is found where it lies, and its place among the others is its own to say."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

import gradcheck
from gradcheck import cli, codes, rules
from gradcheck.rules.rule import OfGradient, OfRun, declared

KINDS: list[type[OfGradient] | type[OfRun]] = [OfGradient, OfRun]
RULE = '''\
"""Gradients of which one entry alone is not zero."""

from gradcheck.rules.evidence import Evidence, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_gradient


@of_gradient(rank=5)
def lonely(evidence: Evidence) -> Finding | None:
    """GC998: all but one entry are zero."""
    if (evidence.analytic != 0).sum() != 1:
        return None
    name = evidence.name
    return Finding("GC998", "mask", "error", f"{name} is lonely", "One entry.", "lonely", name, **place(evidence.site))
'''
PAGE = """\
# GC998: all but one entry of a gradient are zero

mask, an error.

## What it means

One entry alone is not zero.
"""
NET = """\
import numpy as np

rng = np.random.default_rng(0)
x, y = rng.normal(size=(6, 4)), rng.normal(size=(6, 3))
W = rng.normal(size=(4, 3))
z = x @ W
loss = ((z - y) ** 2).sum()
dz = 2 * (z - y)
dW = x.T @ dz * (np.arange(12).reshape(4, 3) == 4)
"""


def of(kind: type[OfGradient] | type[OfRun]) -> tuple[OfGradient | OfRun, ...]:
    return declared(kind, rules.__name__, rules.__path__)


def test_no_two_rules_of_a_kind_have_one_place() -> None:
    for kind in KINDS:
        for a, b in itertools.pairwise(of(kind)):
            assert a.rank < b.rank, f"{a.find.__qualname__} and {b.find.__qualname__} are both of rank {a.rank}"


def test_two_of_one_place_would_be_seen() -> None:
    first = OfRun(lambda run: (), 10)
    assert not first.rank < OfRun(lambda run: (), 10).rank


def test_what_is_cheap_is_asked_before_what_runs_the_code_again() -> None:
    asked = [rule.searches for rule in declared(OfGradient, rules.__name__, rules.__path__)]
    assert asked == sorted(asked)
    assert True in asked


def test_a_rule_that_another_module_only_imports_counts_once() -> None:
    for kind in KINDS:
        found = [rule.find for rule in of(kind)]
        assert len(found) == len(set(found)) > 5


def test_a_new_rule_is_one_file_and_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(NET)
    without = gradcheck.check("net.py", properties=False)
    assert [f.code for f in without.findings] == ["GC901"]

    own, pages = tmp_path / "own", tmp_path / "pages"
    own.mkdir()
    pages.mkdir()
    (own / "lonely.py").write_text(RULE)
    (pages / "GC998.md").write_text(PAGE)
    monkeypatch.setattr(rules, "__path__", [*rules.__path__, str(own)])
    monkeypatch.setattr(codes, "_PAGES", pages)
    monkeypatch.setattr(codes, "CODES", codes._heads())

    report = gradcheck.check("net.py", properties=False)
    assert [(f.code, f.headline, f.line) for f in report.findings] == [("GC998", "dW is lonely", 9)]
    assert cli.main(["explain", "GC998"]) == 0
    assert "One entry alone is not zero." in capsys.readouterr().out
    assert cli.main(["rules"]) == 0
    assert "GC998  mask  all but one entry of a gradient are zero" in capsys.readouterr().out
