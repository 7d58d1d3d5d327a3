"""The layers of docs/architecture.md: imports point only down."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import gradcheck
import reference_net

LAYERS = [
    {
        "errors",
        "ending",
        "codes",
        "pages",
        "source",
        "cells",
        "shapes",
        "evaluation",
        "options",
        "patch",
        "small_numbers",
    },
    {"numeric", "capture", "conventions", "standins"},
    {"target", "driver", "script"},
    {"adapters", "importing", "declared"},
    {"resolve"},
    {"gradients", "unpaired", "compare", "dot", "draws", "revealing"},
    {"loss", "blame"},
    {"rules"},
    {"report", "rows", "probing", "operations"},
    {"fix"},
    {"properties", "pipeline", "layers_diff"},
    {"mutate"},
    {"render"},
    {"api", "arguments", "config", "child"},
    {"cli", "pytest_plugin", "__main__"},
]
"""Lowest first; modules of one layer may import each other, but for those kept apart below."""
APART = [{"numeric", "capture", "conventions"}]

ROOT = Path(gradcheck.__file__).parent


def imported(file: Path, package: str) -> set[str]:
    """Modules of `package` that a file imports outside `if TYPE_CHECKING`, by their first name below it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [f"{node.module}.{a.name}" if node.module == package else node.module for a in node.names]
        elif isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        found |= {n.split(".")[1] for n in names if n.startswith(package + ".")}
    return found


def layer(name: str) -> int:
    return next(i for i, names in enumerate(LAYERS) if name in names)


def upward(importer: str, imports: set[str]) -> set[str]:
    """What a module imports that lies above it, or beside it where the layer is kept apart."""
    known = {name for names in LAYERS for name in names}
    wrong = {name for name in imports & known if layer(name) > layer(importer)}
    for group in APART:
        if importer in group:
            wrong |= (imports & group) - {importer}
    return wrong


MODULES = sorted(p for p in ROOT.rglob("*.py") if p != ROOT / "__init__.py")


@pytest.mark.parametrize("file", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(file: Path) -> None:
    name = file.relative_to(ROOT).parts[0].removesuffix(".py")
    late = {"report": {"render"}, "mutate": {"render"}}  # str(report) is a front end's act, loaded when it is asked for
    assert upward(name, imported(file, "gradcheck")) <= late.get(name, set())


def test_every_module_has_a_layer() -> None:
    names = {p.relative_to(ROOT).parts[0].removesuffix(".py") for p in MODULES}
    assert names <= {name for layer_names in LAYERS for name in layer_names}


def test_an_import_that_points_up_is_caught() -> None:
    assert upward("compare", {"pipeline", "numeric"}) == {"pipeline"}
    assert upward("numeric", {"capture"}) == {"capture"}


def test_reference_net_imports_nothing_of_gradcheck() -> None:
    for file in Path(reference_net.__file__).parent.rglob("*.py"):
        assert "gradcheck" not in {
            n.name.split(".")[0]
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Import)
            for n in node.names
        } | {
            (node.module or "").split(".")[0]
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom)
        }
