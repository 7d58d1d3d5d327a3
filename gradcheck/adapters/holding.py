"""What an object holds: its parameters, and after a backward pass their gradients, matched by names and places."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.adapters import names as by_name
from gradcheck.adapters.taking import Taken

_GRADS = re.compile(
    r"(?i)_?(param_?)?(grads?|gradients?|nabla|d_?params?|d_?parameters|d_?weights|derivatives|deltas?)_?$"
)
_PARAMS = re.compile(r"(?i)_?(trainable_?)?(params?|parameters|weights|vars?|variables)_?$")
_VALUE = frozenset({"data", "value", "val", "w", "param", "array"})
_GRAD = frozenset({"grad", "gradient", "g", "dw", "d"})
_OUTPUTS = ("output", "out", "outputs", "y", "a", "A", "activation", "activations", "result", "value", "z", "Z")
_PASSING = frozenset("input inputs output outputs x X inp out hidden h y".split())
"""What an object keeps of the last pass."""
_DINPUT = frozenset("dinputs dinput dx dX d_inputs d_input grad_input grad_inputs input_grad input_gradient".split())
_STATE = re.compile(r"(?i)running|moving|cache|grad|^d[A-Z_]|^d(w|b|x)|input|output|delta|momentum|veloc|hidden")
DEPTH = 4


@dataclass(frozen=True, slots=True)
class Leaf:
    """One array that can be reached from an object."""

    path: str
    """layer.params['W1'], layer.layers[0].W"""
    holder: str
    """What holds it: layer.params."""
    name: str
    """W1; 0 in a list."""
    value: Any

    @property
    def kept_in(self) -> str:
        """The last name of what holds it: params."""
        return re.split(r"[.\[]", self.holder)[-1].strip("]'")

    @property
    def above(self) -> str:
        """What holds that in turn: layer."""
        return re.sub(r"(\.\w+|\[[^\]]*\])$", "", self.holder)


def leaves(value: Any, path: str) -> list[Leaf]:
    """Every array of real numbers below an object."""
    return [leaf for leaf in _walk(value, path, DEPTH, set()) if isinstance(leaf.value, np.ndarray)]


def _walk(value: Any, path: str, depth: int, seen: set[int]) -> Iterator[Leaf]:
    """Arrays, and single numbers that NumPy has computed: a gradient that was summed over everything."""
    if depth == 0 or id(value) in seen:
        return
    seen.add(id(value))
    for step, name, child in _children(value):
        if isinstance(child, (np.ndarray, np.floating)):
            if child.dtype.kind == "f" and child.size:
                yield Leaf(f"{path}{step}", path, name, child)
        elif isinstance(child, (dict, list, tuple)) or _is_object(child):
            yield from _walk(child, f"{path}{step}", depth - 1, seen)


def _is_object(value: Any) -> bool:
    plain = type(value).__module__ == "builtins" or isinstance(value, (type, np.generic))
    return not plain and hasattr(value, "__dict__") and not hasattr(value, "__code__")


def _children(value: Any) -> Iterator[tuple[str, str, Any]]:
    if isinstance(value, dict):
        yield from ((f"[{k!r}]", str(k), v) for k, v in value.items() if isinstance(k, (str, int)))
    elif isinstance(value, (list, tuple)):
        yield from ((f"[{i}]", str(i), v) for i, v in enumerate(value[:64]))
    elif hasattr(value, "__dict__") and not isinstance(value, np.ndarray):
        yield from ((f".{k}", k, v) for k, v in vars(value).items() if k.isidentifier())


def parameters(before: Sequence[Leaf], after: Sequence[Leaf]) -> dict[str, tuple[Leaf, Leaf]]:
    """Parameters by the name that the driver gives them, each with the array that is its gradient."""
    found: dict[int, tuple[Leaf, Leaf]] = {}
    for parameter in (leaf for leaf in before if leaf.name not in _PASSING):
        gradient = next((g for g in after if _is_gradient(g, parameter)), None)
        known = found.get(id(parameter.value))
        better = known is None or (known[0].name.isdigit() and not parameter.name.isdigit())
        if gradient is not None and better:
            found[id(parameter.value)] = parameter, gradient
    return _named(list(found.values()))


def _named(found: Sequence[tuple[Leaf, Leaf]]) -> dict[str, tuple[Leaf, Leaf]]:
    wished = [driver_name(p) for p, _ in found]
    named: dict[str, tuple[Leaf, Leaf]] = {}
    for name, both in zip(wished, found):
        at = sum(n.startswith(f"{name}_") for n in named) if wished.count(name) > 1 else None
        named[name if at is None else by_name.free(f"{name}_{at}", list(named))] = both
    return named


def driver_name(leaf: Leaf) -> str:
    """What the driver calls a parameter."""
    if leaf.name.lower() in _VALUE - {"w"} and leaf.kept_in.isidentifier():
        return leaf.kept_in
    return (
        leaf.name if leaf.name.isidentifier() else f"{leaf.kept_in if leaf.kept_in.isidentifier() else 'p'}_{leaf.name}"
    )


def _is_gradient(g: Leaf, p: Leaf) -> bool:
    if g.path == p.path or g.value is p.value:
        return False
    if g.holder == p.holder:
        return _belongs(g.name, p.name) or (g.name.lower() in _GRAD and p.name.lower() in _VALUE)
    beside = g.above in (p.above, p.holder) and g.holder != p.holder
    if _GRADS.match(g.kept_in) and beside:
        own = g.above == p.holder and not p.name.isdigit()
        listed = g.above == p.above and (_PARAMS.match(p.kept_in) or _belongs(g.kept_in, p.kept_in))
        return bool(own or listed) and (g.name == p.name or _belongs(g.name, p.name))
    return g.above == p.above and g.name == p.name and _belongs(g.kept_in, p.kept_in)


def _belongs(gradient: str, name: str) -> bool:
    return by_name.belongs(gradient, [name]) is not None


def is_passing(name: str) -> bool:
    """Whether a name says that it is kept of the last pass, or is a gradient or a statistic, and no parameter."""
    return name in _PASSING or bool(_STATE.search(name))


def output_of(made: Any, owner: str) -> Leaf | None:
    """Where an object keeps its output, if its forward returns nothing."""
    own = {leaf.name: leaf for leaf in leaves(made, owner) if leaf.holder == owner}
    return next((own[name] for name in _OUTPUTS if name in own), None)


def alike(one: Any, other: Any, owner: str) -> bool:
    """Whether two objects differ in the numbers of their arrays alone."""
    return _plain(one) == _plain(other) and {x.path for x in leaves(one, owner)} == {
        x.path for x in leaves(other, owner)
    }


def _plain(value: Any) -> dict[str, Any]:
    """What an object holds: settings as they are, the rest by its kind and length."""
    held = vars(value) if hasattr(value, "__dict__") else {}
    simple = (int, float, str, bool, type(None))
    return {k: v if type(v) in simple else (type(v), len(v) if type(v) in (list, dict) else 0) for k, v in held.items()}


def made_late(before: Any, after: Any, owner: str) -> bool:
    """Whether it makes parameters only when it first sees an input."""
    old, new = leaves(before, owner), leaves(after, owner)
    known = {p.path for p, _ in parameters(old, new).values()}
    there = {leaf.path for leaf in old}
    return any(p.path not in known and p.path not in there for p, _ in parameters(new, new).values())


def changed(before: Any, after: Any, owner: str) -> frozenset[str]:
    """Paths of arrays that differ: of what a forward has changed, running statistics."""
    was = {leaf.path: leaf.value for leaf in leaves(before, owner)}
    now = (leaf for leaf in leaves(after, owner) if leaf.path in was)
    return frozenset(leaf.path for leaf in now if not np.array_equal(was[leaf.path], leaf.value))


def fetched(
    before: Any,
    after: Any,
    owner: str,
    inputs: Sequence[str],
    rate: str,
    drifting: Collection[str] = (),
    of_the_pass: Callable[[], Collection[str]] = tuple,
) -> Taken:
    """Statements that fetch each gradient that an object holds after its backward, or that its update tells.

    What the forward has changed, `drifting`, is moved by no update. Of what depends on the inputs, `of_the_pass`, a
    gradient of another shape is none: grad_q is that of the queries, beside Q that is made of them.
    """
    old, new = leaves(before, owner), leaves(after, owner)
    lines: list[str] = []
    gradients: dict[str, str] = {}
    paths: dict[str, str] = {}
    known = parameters(old, list(_walk(after, owner, DEPTH, set())))
    if any(np.shape(g.value) != p.value.shape for p, g in known.values()):
        passing = of_the_pass()
        alike = {n for n, (p, g) in known.items() if p.path not in passing or np.shape(g.value) == p.value.shape}
        known = {name: both for name, both in known.items() if name in alike}
    for name, (parameter, gradient) in known.items():
        lines.append(f"d{name} = {gradient.path}")
        gradients[f"d{name}"] = name
        paths[name] = parameter.path
    for leaf in new:
        of = by_name.belongs(leaf.name, inputs) if leaf.holder == owner else None
        of = inputs[0] if of is None and leaf.holder == owner and leaf.name in _DINPUT and inputs else of
        if of is not None and leaf.path not in {o.path for o in old if o.value is leaf.value}:
            lines.append(f"d{of} = {leaf.path}")
            gradients[f"d{of}"] = of
    seen = {id(leaf.value) for both in known.values() for leaf in both}
    seen_as = {leaf.path for leaf in (*old, *new) if id(leaf.value) in seen}
    moved = _moved(old, new, seen_as | set(drifting)) if rate else {}
    for name, path in moved.items():
        lines.append(f"d{name} = ({name}_before - {path}) / {rate}")
        gradients[f"d{name}"] = name
        paths[name] = path
    return Taken(tuple(lines), gradients, paths, tuple(f"{n}_before = {p} * 1.0" for n, p in moved.items()))


def _moved(old: Sequence[Leaf], new: Sequence[Leaf], known: set[str]) -> dict[str, str]:
    """Arrays that the backward has moved without showing a gradient: parameters that it updates."""
    now = {leaf.path: leaf.value for leaf in new}
    found: dict[str, Leaf] = {}
    for leaf in old:
        other = now.get(leaf.path)
        state = _STATE.search(leaf.name) or _GRADS.match(leaf.kept_in)
        if leaf.path in known or other is None or other.shape != leaf.value.shape or state:
            continue
        if not np.array_equal(other, leaf.value):
            found[leaf.path] = leaf
    return {name: leaf.path for name, (leaf, _) in _named([(leaf, leaf) for leaf in found.values()]).items()}


def unlike_any_other(rng: np.random.Generator, arrays: Sequence[Any]) -> None:
    """Parameters that say something: zeros, ones and tiny weights hide what is wrong."""
    for array in arrays:
        spread = float(array.std())
        if array.size == 1 or spread < 1e-8 * (float(np.abs(array).max()) or 1.0):
            array += 0.5 * rng.standard_normal(array.shape)
        elif spread < 0.1:
            array *= 0.5 / spread
