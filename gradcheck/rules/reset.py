"""Gradients that are added up from step to step."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gradcheck.blame.judged import Judged
from gradcheck.capture.program import Ref
from gradcheck.gradients import updated
from gradcheck.patch import read
from gradcheck.rules.evidence import Array, Run, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_run

PROBES = 2
"""Places at which two steps are run."""
ROUNDED = 1e-7
"""How far the second step's gradient may be off the sum of both, relative to it."""
_RESETS = re.compile(r"(?i)zero|reset|clear")


@of_run(rank=70)
def never_reset(run: Run) -> Iterator[Finding]:
    """GC353: a gradient that the step adds to is not set back before the next step."""
    sums = [j for j in run.judged if _is_held_sum(run, j)]
    for probe in range(PROBES if sums else 0):
        rng = np.random.default_rng(probe)
        moved = {j.gradient.of.ref: _nearby(j.gradient.of.array, rng) for j in sums}
        sums = [j for j in sums if _adds_up(run, j, moved)]
    for judged in sums:
        name, site = judged.gradient.name, judged.gradient.value.site
        yield Finding(
            "GC353",
            "accumulation",
            "error",
            f"{name} is never set back to zero",
            f"The step adds to {name}, and nothing sets it back: run a second time, it has the gradients of both steps,"
            f" and {judged.gradient.of.name} moves by their sum. The first step alone is right, which is why a check of"
            f" one step does not show it. Set {name} to zero before each backward, or assign to it instead of adding.",
            "never set back to zero",
            name,
            **place(site),
            evidence={"parameter": judged.gradient.of.name},
        )


def _is_held_sum(run: Run, judged: Judged) -> bool:
    """Whether a right gradient is added to what stood there before the step, and a parameter moves by it."""
    gradient, program = judged.gradient, run.program
    adds = [v for v in gradient.versions if v.site.kind == "augment" or v.site.form == "moved"]
    held = [r for r in program.roots.values() if gradient.of.last in program.base_of(r.name)]
    if not (judged.right and adds and held and gradient.kind == "parameter" and gradient.rate is None):
        return False
    seen = updated(program, program.trace, gradient)
    moves = seen is not None and bool(np.any(gradient.array))
    site = adds[0].site
    return moves and not any(is_reset(file, site.last, site.file) for file in program.files)


def _nearby(a: Array, rng: np.random.Generator) -> Array:
    return a + 0.1 * (float(np.std(a)) or 1.0) * rng.standard_normal(a.shape)


def _adds_up(run: Run, judged: Judged, moved: dict[Ref, Array]) -> bool:
    """Whether the second step's gradient is the first one's and its own."""
    program, key = run.program, judged.gradient.key
    twice = program.again(moved)
    if twice is None:
        return False
    between, second = twice
    own: dict[Ref, Array] = {
        path: a for path, a in between.items() if a.dtype.kind == "f" and not program.base_of(program.roots[path].name)
    }
    first, fresh = (
        next((v.array for v in program.backward(at).values if v.key == key), None) for at in (moved, {**moved, **own})
    )
    both = second.get(key)
    if first is None or fresh is None or both is None or not np.any(first):
        return False
    close = ROUNDED * float(np.abs(both).max(initial=0.0))
    return np.allclose(both, first + fresh, rtol=0, atol=close) and not np.allclose(both, fresh, rtol=0, atol=close)


def is_reset(file: str, last: str, home: str) -> bool:
    """Whether anything in a file sets it back, also where the step does not: its caller may do that.

    `home` is the file of the step; another one counts if it names that.
    """
    source = read(file)
    if source is None:
        return not file.startswith("<")  # a driver of gradcheck's own is no file
    if file != home and Path(home).stem not in source.text:
        return False
    try:
        return any(_resets(node, last) for node in ast.walk(ast.parse(source.text)))
    except SyntaxError:
        return True


def _resets(node: ast.AST, last: str) -> bool:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        named = bool(_RESETS.search(node.name))
        return named or (node.name != "__init__" and any(_assigns(n, last) for n in ast.walk(node)))
    if isinstance(node, (ast.For, ast.While)):
        return any(_assigns(n, last) for n in ast.walk(node))
    return (
        isinstance(node, ast.Call) and bool(_RESETS.search(ast.unparse(node.func).rpartition(".")[2])) and not node.args
    )


def _assigns(node: ast.AST, last: str) -> bool:
    """Whether a statement gives it another value than one that is made of its own, or fills or empties it."""
    if isinstance(node, ast.Assign):
        targets = [t for target in node.targets for t in (target.elts if isinstance(target, ast.Tuple) else [target])]
        own = [ast.unparse(t) for t in targets if _last(t) == last]
        return any(not any(ast.unparse(n) == text for n in ast.walk(node.value)) for text in own)
    if isinstance(node, ast.AugAssign):
        return isinstance(node.op, ast.Mult) and _last(node.target) == last
    filled = (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("fill", "copyto")
    )
    return filled and any(_last(n) == last for n in ast.walk(node))


def _last(node: ast.AST) -> str:
    """dW of self.dW, of dW[:] and of grads["dW"]; "" of anything else."""
    if isinstance(node, ast.Subscript):
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        return key if isinstance(key, str) else _last(node.value)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
