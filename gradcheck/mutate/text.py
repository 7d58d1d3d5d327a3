"""A source text, edited at the places that its syntax tree gives."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator


class Text:
    """A Python source; columns count UTF-8 bytes, as ast does."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tree = ast.parse(source)
        self._bytes = source.encode()
        self._starts = [0]
        for line in self._bytes.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def of(self, node: ast.AST) -> str:
        """A node as its author wrote it."""
        start, end = self._span(node)
        return self._bytes[start:end].decode()

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return len(self._starts) - 1

    def statements(self) -> Iterator[tuple[ast.stmt, tuple[ast.stmt, ...]]]:
        """Its statements that hold no others, each with the block that it stands in."""
        for node in ast.walk(self.tree):
            for field in ("body", "orelse", "finalbody"):
                block = getattr(node, field, ())
                if isinstance(block, list):
                    yield from ((s, tuple(block)) for s in block if not hasattr(s, "body"))

    def statement(self, span: tuple[int, int, int, int]) -> tuple[ast.stmt, tuple[ast.stmt, ...]] | None:
        """The statement that holds an expression, and its block; None where there is none."""
        start, end = span[:2], span[2:]
        for node, block in self.statements():
            last = node.end_lineno or 0, node.end_col_offset or 0
            if (node.lineno, node.col_offset) <= start and end <= last:
                return node, block
        return None

    def line(self, number: int) -> str:
        """A line without its indentation; 1-based."""
        return self._bytes[self._starts[number - 1] : self._starts[number]].decode().strip()

    def edited(self, edits: Iterable[tuple[ast.AST, str]]) -> str:
        """The source with other texts in the place of some nodes, which don't overlap. Lines keep their numbers."""
        made = self._bytes
        for node, new in sorted(edits, key=lambda e: self._span(e[0]), reverse=True):
            start, end = self._span(node)
            kept = made[start:end].count(b"\n") - new.count("\n")
            made = made[:start] + new.encode() + b"\\\n" * kept + made[end:]
        return made.decode()

    def _span(self, node: ast.AST) -> tuple[int, int]:
        assert isinstance(node, (ast.expr, ast.stmt))
        end = self._starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        return self._starts[node.lineno - 1] + node.col_offset, end
