"""Targets that a module declares as plain data in `__gradcheck__`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from gradcheck.errors import UsageError
from gradcheck.importing import imported, listed, parsed
from gradcheck.target import Target

_TEXT_KEYS = ("module", "imports", "setup", "call", "shapes", "inputs", "loss")
_KEYS = {*_TEXT_KEYS, "sizes", "params", "grads"}


def declared(
    text: str,
    module: ModuleType,
    declaration: Mapping[str, Any],
    name: str | None,
    call: str | None,
    shapes: str | None,
) -> Target:
    check_declaration(declaration, module)
    name = name or declaration["default"]
    declared = declaration["targets"][name]
    home = imported(declared["module"], text) if "module" in declared else module
    told_what = {k: declared[k] for k in ("imports", "setup", "call", "shapes", "inputs", "loss") if k in declared}
    target = Target(
        text,
        module=home,
        sizes=dict(declared.get("sizes", {})),
        params=tuple(declared.get("params", ())),
        grads=dict(declared.get("grads", {})),
        **told_what,
    )
    return replace(target, call=call or target.call, shapes=shapes or target.shapes)


def declared_by_parent(module: ModuleType) -> tuple[ModuleType, str] | None:
    parent = sys.modules.get(module.__name__.rpartition(".")[0])
    targets = getattr(parent, "__gradcheck__", {}).get("targets", {}) if parent else {}
    for name, declared in targets.items():
        if parent is not None and declared.get("module") == module.__name__:
            return parent, name
    return None


def check_declaration(declaration: Any, module: ModuleType) -> None:
    where = f"__gradcheck__ of {module.__name__}"
    targets = declaration.get("targets") if isinstance(declaration, dict) else None
    if not isinstance(targets, dict) or not targets:
        raise UsageError(
            f'{where}: expected {{"default": NAME, "targets": {{NAME: {{"call": "train(x, y)", ...}}}}}},'
            f" got {declaration!r:.80}."
        )
    if declaration.get("default") not in targets:
        raise UsageError(f'{where}: "default" is {declaration.get("default")!r}, expected one of {listed(targets)}.')
    for name, declared in targets.items():
        unknown = set(declared) - _KEYS
        if unknown:
            raise UsageError(
                f"{where}, target {name!r}: unknown key {sorted(unknown)[0]!r}; known are {listed(_KEYS)}."
            )
        if not declared.get("call"):
            raise UsageError(f'{where}, target {name!r}: "call" is missing, e.g. "call": "train(x, y, epochs=1)".')
        for key in _TEXT_KEYS:
            if key in declared and not isinstance(declared[key], str):
                raise UsageError(f"{where}, target {name!r}: {key!r} is {declared[key]!r:.60}, expected text.")


def literal_declaration(path: Path) -> Mapping[str, Any] | None:
    """`__gradcheck__` of a file, read without running it."""
    tree = parsed(path)
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and [ast.unparse(t) for t in statement.targets] == ["__gradcheck__"]:
            try:
                found: Mapping[str, Any] = ast.literal_eval(statement.value)
            except ValueError:
                return None
            return found
    return None
