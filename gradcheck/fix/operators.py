"""What a line does with its value, as an edit: it adds, takes away, or sets anew."""

from __future__ import annotations

import ast
import re

from gradcheck.fix.edit import Edit
from gradcheck.fix.line import Line


def other_operators(line: Line) -> list[Edit]:
    """The statement as it stands with another operator."""
    if line.adds and isinstance(line.statement, ast.AugAssign):
        text = line.text
        if line.whole:
            return _turned(text)
        if isinstance(line.statement.op, ast.Sub):
            return [Edit(text, "sign", 1.0, "-=", "+=", operator="+=")]
        if isinstance(line.statement.op, ast.Add):
            overwritten = Edit(text, "overwrite", 1.1, "+=", "=", operator="=")
            return [Edit(text, "sign", 1.0, "+=", "-=", operator="-="), overwritten]
        return []
    plain = isinstance(line.statement, ast.Assign) and not line.whole and bool(line.target)
    return [Edit(line.text, "accumulate", 1.0, "=", "+=", operator="+=")] if plain else []


def _turned(text: str) -> list[Edit]:
    """A statement that adds where it took away, or the other way round."""
    statement = ast.parse(text).body[0]
    target = ast.get_source_segment(text, statement.target) if isinstance(statement, ast.AugAssign) else None
    match = re.compile(r"\s*([+-])=").match(text, text.index(target) + len(target)) if target else None
    if match is None:
        return []
    old, new = f"{match[1]}=", "-=" if match[1] == "+" else "+="
    return [Edit(f"{text[: match.start(1)]}{new}{text[match.end() :]}", "sign", 1.0, old, new)]
