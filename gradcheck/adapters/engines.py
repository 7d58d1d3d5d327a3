"""A small autograd engine: each operation of its class by itself, and once more with one node used twice.

All operations are run in one step, each on leaves of its own, so that a wrong one spoils no other.
"""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from gradcheck.adapters.inputs import required
from gradcheck.adapters.taking import is_real, shape_of
from gradcheck.adapters.trying import Sandbox, on_trial
from gradcheck.errors import UsageError
from gradcheck.script.nodes import DATA, GRAD
from gradcheck.target import Target

_RNG = np.random.default_rng
SEEDS = 4
"""Draws for which an operation must run: one that takes a logarithm runs for some, and is given positive numbers."""
_BINARY = {
    "__add__": ("add", "{a} + {b}"),
    "__sub__": ("sub", "{a} - {b}"),
    "__mul__": ("mul", "{a} * {b}"),
    "__truediv__": ("div", "{a} / {b}"),
    "__matmul__": ("matmul", "{a} @ {b}"),
}
_WITH_NUMBERS = {
    "__pow__": ("pow", "{a} ** 3"),
    "__neg__": ("neg", "-{a}"),
    "__radd__": ("radd", "2.5 + {a}"),
    "__rsub__": ("rsub", "2.5 - {a}"),
    "__rmul__": ("rmul", "2.5 * {a}"),
    "__rtruediv__": ("rdiv", "2.5 / {a}"),
}
METHODS = {method: name for table in (_BINARY, _WITH_NUMBERS) for method, (name, _) in table.items()}
"""What operators are called."""
_NO_OPERATION = re.compile(
    r"_.*|back\w*|zero\w*|item|numpy|detach|clone|copy|build\w*|param\w*|step|requires\w*|topo\w*|toposort|shape|size|ndim"
    r"|dim|data|grad\w*|to|cpu|visit|draw\w*|trace|graph|leaf|tolist|astype|init\w*|reset\w*"
    r"|half|single|double|(bfloat|float|int|uint)\d*|long|bool"
)
_CHAINS = (
    # how a node comes to a loss with an upstream gradient of its own; the first whose own gradients are right is used
    ("{n}", "{n}.backward({r})", "np.sum({o} * {r})"),
    ("({n} * {c}).sum()", "{l}.backward()", "np.sum({o} * {r})"),
    ("{n} * {c}", "{l}.backward()", "np.sum({o} * {r})"),
    ("{n} + {n}", "{l}.backward()", "2 * np.sum({o})"),
    ("{n}.sum()", "{l}.backward()", "np.sum({o})"),
    ("{n}", "{l}.backward()", "np.sum({o})"),
)


@dataclass(frozen=True, slots=True)
class _Engine:
    kind: type
    data: str
    grad: str
    arrays: bool
    """Whether its nodes hold arrays rather than numbers."""
    chain: int = 0
    """Which of `_CHAINS` is used."""

    def make(self, leaf: str) -> str:
        """The expression that makes a node of a leaf."""
        flag = ", requires_grad=True" if "requires_grad" in inspect.signature(self.kind).parameters else ""
        return f"{self.kind.__name__}({leaf}{flag})"


@dataclass(frozen=True, slots=True)
class _Operation:
    name: str
    """mul, mul_twice"""
    expression: str
    """{a} * {b}"""
    leaves: Mapping[str, tuple[int, ...]]
    """{"a": (3, 4), "b": (4, 2)}"""
    sign: int = 0
    """1 where its operands must be positive, -1 for negative ones, 0 for either."""
    out: tuple[int, ...] = field(default=())
    """Shape of its result."""

    def leaf(self, letter: str) -> str:
        """The name of a leaf: mul_a."""
        return f"{self.name}_{letter}"

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Its leaves, by name, and the gradient of its result."""
        drawn: dict[str, Any] = {}
        for letter, shape in self.leaves.items():
            values = rng.standard_normal(shape)
            values = self.sign * (np.abs(values) + 0.5) if self.sign else values + 0.1 * np.sign(values)
            drawn[self.leaf(letter)] = values if shape else float(values)
        upstream = rng.standard_normal(self.out)
        return {**drawn, f"{self.name}_r": upstream if self.out else float(upstream)}


def target_of_engine(
    text: str,
    module: ModuleType,
    kind: type,
    used: frozenset[str] | None = None,
    *,
    but: frozenset[str] = frozenset(),
) -> Target:
    """An engine's class; of its operations those that are `used`, by their methods, or all of them `but` some.

    Raises UsageError where its nodes can't be made or looked into.
    """
    with on_trial(module, names={kind.__name__: kind}) as sandbox:
        engine = _known(sandbox, text, kind)
        operations, refused = _operations(sandbox, engine, used, but)
        whole = [op for op in operations if _goes_through(sandbox, engine, op)]
    if not operations:
        raise UsageError(f"TARGET {text!r}: no operation of {kind.__name__} could be run: {'; '.join(refused[:3])}.")
    names = [name for op in operations for name in (*map(op.leaf, op.leaves), f"{op.name}_r")]
    forwards, backwards = zip(*(_statements(engine, op) for op in operations))

    def draw(seed: int) -> tuple[Any, ...]:
        rng = _RNG(seed)
        drawn = {name: value for op in operations for name, value in op.draw(rng).items()}
        return tuple(drawn[name] for name in names)

    return Target(
        text,
        module=module,
        setup=f"{', '.join(names)} = _draw(seed)",
        call="\n".join((*forwards, *backwards)),
        loss=" + ".join(_loss(engine, op) for op in operations),
        grads={f"d{op.leaf(letter)}": op.leaf(letter) for op in whole for letter in op.leaves},
        names={kind.__name__: kind, "_draw": draw},
        notes=_notes(engine, operations, refused),
        seeded=True,
        traced=True,
    )


# -- what its nodes are


def _known(sandbox: Sandbox, text: str, kind: type) -> _Engine:
    arrays = any(re.search(r"\b(np|numpy|xp)\.", source) for source in _sources(kind))
    for value in [np.full((3, 4), 0.7), 0.7] if arrays else [0.7, np.full((3, 4), 0.7)]:
        node = sandbox.run(f"node = {kind.__name__}(value)", {"value": value}).names.get("node")
        data = next((n for n in DATA if node is not None and _holds(node, n, value)), "")
        grad = next((n for n in GRAD if node is not None and hasattr(node, n)), "grad")
        if data:
            engine = _Engine(kind, data, grad, isinstance(value, np.ndarray))
            return replace(engine, chain=_chain(sandbox, engine))
    raise UsageError(
        f"TARGET {text!r}: a node {kind.__name__}(0.7) could not be made, or does not keep its number in an attribute"
        f" called {', '.join(DATA[:3])}. Write a function that builds an expression and calls backward, with the"
        f" results under names such as x and dx, and check that."
    )


def _sources(kind: type) -> Iterator[str]:
    """Of each of its methods: of a class of `__main__` as a whole there may be none to be had."""
    for method in (m for m in vars(kind).values() if isinstance(m, FunctionType)):
        with contextlib.suppress(OSError, TypeError):
            yield inspect.getsource(method)


def _holds(node: Any, name: str, value: Any) -> bool:
    held = getattr(node, name, None)
    if shape_of(held) != np.shape(value):
        return False
    kept = np.asarray(value).astype(np.asarray(held).dtype)  # an engine's own may be float32
    return bool(np.all(held == kept))


def _chain(sandbox: Sandbox, engine: _Engine) -> int:
    """The first way to a loss under which a leaf's gradient is the upstream gradient that was meant."""
    leaf = _Operation("leaf", "{a}", {"a": (3, 4) if engine.arrays else ()}, out=(3, 4) if engine.arrays else ())
    drawn = leaf.draw(_RNG(0))
    for number, (_, _, loss) in enumerate(_CHAINS):
        one = replace(engine, chain=number)
        ran = sandbox.run("\n".join(_statements(one, leaf)), drawn)
        right = drawn["leaf_r"] if "{r}" in loss else 2.0 if loss.startswith("2") else 1.0
        if ran and is_real(ran.names.get("dleaf_a")) and np.allclose(ran.names["dleaf_a"], right):
            return number
    return len(_CHAINS) - 1


def _statements(engine: _Engine, op: _Operation) -> tuple[str, str]:
    """Forward and backward of one operation."""
    node, out, last = f"{op.name}_node", f"{op.name}_out", f"{op.name}_last"
    nodes = {letter: f"{op.name}_{letter}_node" for letter in op.leaves}
    names = {"n": node, "o": out, "l": last, "r": f"{op.name}_r", "c": f"{engine.kind.__name__}({op.name}_r)"}
    whole, backward, _ = _CHAINS[engine.chain]
    forward = [f"{nodes[letter]} = {engine.make(op.leaf(letter))}" for letter in op.leaves]
    forward += [f"{node} = {op.expression.format(**nodes)}", f"{out} = {node}.{engine.data}"]
    back = [f"{last} = {whole.format(**names)}", backward.format(**names)]
    back += [f"d{op.leaf(letter)} = {nodes[letter]}.{engine.grad}" for letter in op.leaves]
    return "\n".join(forward), "\n".join(back)


def _loss(engine: _Engine, op: _Operation) -> str:
    return _CHAINS[engine.chain][2].format(o=f"{op.name}_out", r=f"{op.name}_r")


# -- its operations


def _operations(
    sandbox: Sandbox, engine: _Engine, used: frozenset[str] | None, but: frozenset[str]
) -> tuple[list[_Operation], list[str]]:
    """What can be run, and what can't, with the reason."""
    found: list[_Operation] = []
    refused: list[str] = []
    for options in _candidates(engine, used, but):
        taken, said = _first_that_runs(sandbox, engine, options)
        if taken is None:
            refused.append(f"{options[0].expression.format(a='a', b='b')}: {said}")
            continue
        found.append(taken)
        for more in _besides(engine, taken):
            again, _ = _first_that_runs(sandbox, engine, [more])
            found += [again] if again is not None else []
    # what raises comes last: nothing behind it would be seen
    return sorted(found, key=lambda op: not _goes_through(sandbox, engine, op)), refused


def _goes_through(sandbox: Sandbox, engine: _Engine, op: _Operation) -> bool:
    """Whether neither its forward nor its backward raises."""
    return bool(sandbox.run("\n".join(_statements(engine, op)), op.draw(_RNG(0))))


def _candidates(engine: _Engine, used: frozenset[str] | None, but: frozenset[str]) -> Iterator[list[_Operation]]:
    """For each operation of the class that is used the ways in which it may be called, likeliest first."""

    def has(name: str) -> bool:
        if used is not None:
            return name in used
        return name not in but and not (but and name.endswith(" broadcast"))  # which few engines can, and few need

    kind, arrays = engine.kind, engine.arrays
    one: tuple[int, ...] = (2, 3) if arrays else ()
    for method, (name, expression) in _BINARY.items():
        if _has(kind, method) and has(method):
            second = (3, 4) if name == "matmul" else one
            yield [_Operation(name, expression, {"a": one, "b": second})]
            if arrays and name != "matmul" and has(f"{method} broadcast"):
                yield [_Operation(f"{name}_broadcast", expression, {"a": one, "b": (3,)})]
    for method, (name, expression) in _WITH_NUMBERS.items():
        if _has(kind, method) and has(method):
            yield [_Operation(name, expression, {"a": one})]
    for name in dict.fromkeys(n for c in kind.__mro__[:-1] for n in vars(c)):
        if not _NO_OPERATION.fullmatch(name) and has(name):
            yield from _of_method(kind, name, one)


def _of_method(kind: type, name: str, one: tuple[int, ...]) -> Iterator[list[_Operation]]:
    member = inspect.getattr_static(kind, name)
    if isinstance(member, property):
        yield [_Operation(name, f"{{a}}.{name}", {"a": one})]
    elif isinstance(member, FunctionType):
        wanted = required(member)[1:]
        if not wanted:
            yield [_Operation(name, f"{{a}}.{name}()", {"a": one}, sign=0 if one else 1)]
        elif len(wanted) == 1:
            second = (3, 4) if one else ()
            others = [_Operation(name, f"{{a}}.{name}({{b}})", {"a": one, "b": b}) for b in (one, second)]
            numbers = [_Operation(name, f"{{a}}.{name}({n})", {"a": one}) for n in ("(3, 2)", "3", "1")]
            yield [*others, *numbers]


def _has(kind: type, method: str) -> bool:
    return isinstance(inspect.getattr_static(kind, method, None), FunctionType)


def _besides(engine: _Engine, op: _Operation) -> Iterator[_Operation]:
    """The same with one node used twice, where a gradient that is set instead of added to shows; and of a function of
    a single number, the same below zero, where a relu's is nothing."""
    if set(op.leaves) == {"a"} and not op.expression[0].isdigit():
        once = f"({op.expression})"
        yield replace(op, name=f"{op.name}_twice", expression=f"{once} + {once}")
        if not engine.arrays and op.expression.endswith("()"):
            yield replace(op, name=f"{op.name}_below", expression=f"{once} + {{a}}", sign=-1)
    elif op.name in ("sub", "div"):  # a - a and a / a have no gradient to be seen
        yield replace(op, name=f"{op.name}_twice", expression=f"({op.expression}) + ({op.expression})")
    elif len(op.leaves) == 2 and op.leaves["a"] == op.leaves["b"]:
        one = {"a": op.leaves["a"]}
        yield replace(op, name=f"{op.name}_twice", expression=op.expression.replace("{b}", "{a}"), leaves=one)


def _first_that_runs(sandbox: Sandbox, engine: _Engine, options: Sequence[_Operation]) -> tuple[_Operation | None, str]:
    said = ""
    for op in (o for option in options for o in (option, replace(option, sign=option.sign or 1))):
        nodes = {letter: f"{op.leaf(letter)}_node" for letter in op.leaves}
        lines = [f"{nodes[letter]} = {engine.make(op.leaf(letter))}" for letter in op.leaves]
        lines += [f"_node = {op.expression.format(**nodes)}", f"_out = _node.{engine.data}"]
        lines.append(f"_own = any(_node is n for n in [{', '.join(nodes.values())}])")
        shapes = set()
        for seed in range(SEEDS):
            ran = sandbox.run("\n".join(lines), op.draw(_RNG(seed)))
            shape = shape_of(ran.names.get("_out")) if ran else None
            shapes.add(shape if shape is not None and np.isfinite(ran.names["_out"]).all() else None)
            said = said or ran.said
            if ran and ran.names["_own"]:
                return None, "it hands back its own node, changed in place: no step that a gradient goes back through"
        shape = shapes.pop()
        if not shapes and shape is not None:
            return replace(op, out=shape), ""
    return None, said


# -- telling it


def _notes(engine: _Engine, operations: Sequence[_Operation], refused: Sequence[str]) -> tuple[str, ...]:
    whole, backward, _ = _CHAINS[engine.chain]
    shown = {"n": "node", "c": "c", "l": f"({whole.format(n='node', c='c')})", "r": "r"}
    told = ", ".join(f"{op.name}: {op.expression.format(a='a', b='b')}" for op in operations)
    notes = [f"operations of {engine.kind.__name__}, each on leaves of its own: {told}"]
    notes.append(f"each gradient is that of {backward.format(**shown)}, in .{engine.grad}")
    if refused:
        notes.append(f"not run: {'; '.join(refused)}")
    return tuple(notes)
