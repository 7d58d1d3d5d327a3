"""What names stand for in the forward: anywhere, in an instance, in a call, and by the object itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gradcheck.capture.record import Value
from gradcheck.capture.rewrite import CROSSING
from gradcheck.capture.state import Root
from gradcheck.capture.steps import EDITS, among_gradients
from gradcheck.capture.trace import Variable

_LABEL = re.compile(r"(?i)(y|t|d|labels?|targets?|desired|expected|truth)(_?(true|hat|i|j|n|k|t))?$")
"""Names of numbers that are to be predicted."""


class Forward:
    """What names stand for in the forward: anywhere, in an instance, and by the object itself."""

    def __init__(self, roots: Mapping[str, Root], instances: Mapping[int, str]) -> None:
        self.by_name: dict[str, Variable] = {}
        self.by_identity: dict[int, Variable] = {}
        self.by_owner: dict[tuple[int, str], Variable] = {}
        self.top: dict[str, Variable] = {}
        self.versions: dict[str, list[Variable]] = {}
        """Everything that bore a name, oldest first."""
        self.arguments: dict[tuple[int, str, int], Variable | None] = {}
        """What functions have been handed, by the object, what they call it and whose method it is; None where several
        calls were."""
        self.drivers: set[str] = set()
        """Names that the driver has bound: what the user's functions call by them is something else."""
        self.calls: dict[object, int] = {}
        """In which call each value was computed, by its ref."""
        for root in sorted(roots.values(), key=lambda root: among_gradients(root.path)):
            array = isinstance(root.value, np.ndarray)
            variable = _root(root)
            if array and not among_gradients(root.path):
                self.versions.setdefault(root.name, []).append(variable)
            self.by_name.setdefault(root.name, variable)
            self.by_name.setdefault(root.path, variable)
            if array:
                self.by_identity.setdefault(id(root.value), variable)
            if root.path == root.name:
                self.top[root.name] = variable
        for owner, path in instances.items():
            own = [r for r in roots.values() if r.path.startswith(path + ".")]
            for root in own:
                alone = sum(r.name == root.name for r in own) == 1
                if alone or root.path == f"{path}.{root.name}":
                    variable = replace(_root(root), owner=owner)
                    self.by_owner[owner, root.name] = variable
                    if id(root.value) in self.by_identity and root.path == f"{path}.{root.name}":
                        self.by_identity[id(root.value)] = variable

    def take(self, i: int, value: Value) -> None:
        """Note a value of the forward."""
        if value.site.kind in CROSSING:
            return
        kind, edit = value.site.kind, value.site.kind in EDITS
        if kind == "argument" and value.plain:
            handed_to = value.identity, value.name, value.owner
            self.arguments[handed_to] = None if handed_to in self.arguments else variable_of(i, value)
        known = None if value.site.form == "literal" else self.by_identity.get(value.identity)  # 0.0 is one object
        handed = kind == "argument" and value.array.ndim == 0 and not _LABEL.match(value.name)
        new = value.plain and not handed and (known is None or edit)
        if new:
            known = variable_of(i, value)
            self.calls[value.key] = value.call
        elif known is None:
            return
        elif known.order < 0:
            known = replace(known, name=value.name, array=value.array)
        elif known.site is not None and known.site.kind in ("return", "element") and value.plain:
            known = replace(known, name=value.name, array=value.array, site=value.site, order=i, last=value.name)
        if known.order >= 0:
            self.by_identity[value.identity] = known
        if is_drivers(value) and value.plain:
            self.drivers.add(value.name)
        if kind != "return" and (is_drivers(value) or value.name not in self.drivers):
            # what the driver has in the end, not what the user's function began it with
            self.by_name[value.name] = variable_of(i, value) if is_drivers(value) and value.plain else known
            self.versions.setdefault(value.name, []).append(known)
            if value.owner:
                self.by_owner[value.owner, value.name] = known
        self.by_name.setdefault(value.path, known)

    def by_keys(self, keys: str) -> Variable | None:
        """The one root that is found by some keys in what holds it: ['layer1']['W'] of params['layer1']['W']."""
        found = [v for name, v in self.by_name.items() if keys and name.endswith(keys) and v.ref == name]
        return found[0] if len(found) == 1 and not among_gradients(str(found[0].ref)) else None

    def moved_by(self, value: Value, was: int = 0) -> Variable | None:
        """What an update leaves another value of; `was` is what stood there before, if that is known."""
        of = (
            self.by_identity.get(value.identity)
            or self.by_identity.get(was)
            or self.by_owner.get((value.owner, value.name))
        )
        of = of or self.top.get(value.name) or self.by_name.get(value.path) or self.by_name.get(value.name)
        fits = of is not None and of.array.dtype.kind == "f" and of.array.shape == value.array.shape
        return of if fits else None


def _root(root: Root) -> Variable:
    return Variable(root.name, root.path, np.array(root.value), None, -1, root.name, 0, id(root.value))


def variable_of(i: int, value: Value) -> Variable:
    return Variable(value.name, value.key, value.array, value.site, i, value.name, value.owner, value.identity)


def is_drivers(value: Value) -> bool:
    return value.site.file.startswith("<call of")
