"""Reading a shape spec, in any of the spellings that people use already.

per name      x:(m,784) W1:(784,h) b1:(h) Z1:(m,h)
in and out    (m,784)->(m,10)      (m,n),(n,k)->(m,k)      NumPy's gufunc signatures, n? included
jaxtyping     x: Float[Array, "m 784"]      "... c"      "*batch c"      "_ 3"      "h*2"
"""

from __future__ import annotations

import ast
import re
import unicodedata
import warnings
from dataclasses import replace

from gradcheck.errors import UsageError
from gradcheck.shapes.spec import LARGEST_SIZE, Axis, Entry, ShapeSpec, Spec, axis_sizes

EXAMPLE = "x:(m,784) W1:(784,h) b1:(h), or (m,784)->(m,10)"
AXIS = "a number, a symbol, an expression such as h*2, ... or _"
_ARROW = re.compile(r"->|→")
_JAXTYPING = re.compile(r"""[\w.]+\[.*?(?P<quote>["'])(?P<axes>.*)(?P=quote)\s*\]\Z""", re.DOTALL)
_ANY_SIZE = {"None", ":", "-1", "?", "..", "*"}
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Pow)


def parse_spec(text: str) -> Spec:
    """Read a whole spec; UsageError with a caret under the place where it broke.

    >>> spec = parse_spec("x:(m,784) W1:(784,h)")
    >>> str(spec["x"]), str(spec["W1"])
    ('(m, 784)', '(784, h)')
    """
    if not text.strip():
        raise UsageError(f"the shape spec is empty; expected shapes by name, for example: {EXAMPLE}")
    if not re.search(r"[(:\[\"'→]|->", text):
        return Spec((Entry("", _spaced_axes(text, 0, len(text), text)),), text)
    return _Reader(text).spec()


def parse_shape(text: str) -> ShapeSpec:
    """Read one shape without a name: "(m, 784)", "m 784", "*batch c".

    >>> str(parse_shape("m 784"))
    '(m, 784)'
    """
    spec = parse_spec(text)
    if len(spec.entries) != 1 or spec.entries[0].name or spec.entries[0].role != "value":
        raise UsageError(f"expected one shape without a name, such as (m,784), got {text!r}")
    return spec.entries[0].shape


class _Reader:
    """A position in the text, and what can be read there."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def spec(self) -> Spec:
        entries: list[Entry] = []
        signature = 0  # where the inputs before an arrow begin
        arrow: int | None = None
        role = "value"
        while self.skip(" \t\r\n,;", entries):
            if self.passed_semicolon:
                signature, role = len(entries), "value"
            if found := _ARROW.match(self.text, self.at):
                if arrow is not None:
                    raise self.broken(
                        "there is a second arrow", "one -> between inputs and outputs", "(m,n),(n,k)->(m,k)"
                    )
                if len(entries) == signature:
                    raise self.broken("nothing stands before the arrow", "the inputs' shapes", "(m,784)->(m,10)")
                entries[signature:] = [replace(entry, role="input") for entry in entries[signature:]]
                arrow, role, self.at = len(entries), "output", found.end()
                continue
            start = self.at
            entry = self.entry()
            if any(entry.name and entry.name == other.name for other in entries):
                self.at = start
                raise self.broken(f"{entry.name} is given twice", "one shape for each name", EXAMPLE)
            entries.append(replace(entry, role="output") if role == "output" else entry)
        if arrow == len(entries):
            raise self.broken("nothing stands after the arrow", "the outputs' shapes", "(m,784)->(m,10)")
        return Spec(tuple(entries), self.text)

    def skip(self, characters: str, entries: list[Entry]) -> bool:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] in characters:
            self.at += 1
        self.passed_semicolon = bool(entries) and ";" in self.text[start : self.at]
        return self.at < len(self.text)

    def entry(self) -> Entry:
        if self.text[self.at] in "(\"'":
            return Entry("", self.shape())
        start = self.at
        name = self.path()
        if not name:
            raise self.broken(f"unexpected {self.text[start]!r}", "a name and its shape", EXAMPLE)
        colon = re.compile(r"\s*:\s*").match(self.text, self.at)
        if not colon:
            if _JAXTYPING.match(name):
                self.at = start
                return Entry("", self.shape())
            raise self.broken(f"no shape follows {name}", f"a colon and a shape: {name}:(m,784)", EXAMPLE)
        self.at = colon.end()
        return Entry(unicodedata.normalize("NFKC", name), self.shape())

    def path(self) -> str:
        """A name with its attributes and subscripts: W1, self.W1, layers[1].W, params["W1"]."""
        start = self.at
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == "[" and self.at > start:
                self.at = self.closing("[", "]") + 1
            elif character == "." or character.isidentifier() or (self.at > start and f"_{character}".isidentifier()):
                self.at += 1
            else:
                break
        return self.text[start : self.at]

    def shape(self) -> ShapeSpec:
        start = self.at
        character = self.text[start] if start < len(self.text) else ""
        if character == "(":
            self.at = self.closing("(", ")") + 1
            return _comma_axes(self.text, start + 1, self.at - 1)
        if character and character in "\"'":
            end = self.text.find(character, start + 1)
            if end < 0:
                raise self.broken("this quotation mark is not closed", f"a second {character}", 'x: "m 784"')
            self.at = end + 1
            return _spaced_axes(self.text, start + 1, end, self.text)
        annotation = _JAXTYPING.match(self.path())
        if annotation:
            first, last = annotation.span("axes")
            return _spaced_axes(self.text, start + first, start + last, self.text)
        self.at = start
        raise self.broken("no shape stands here", "a shape in parentheses, such as (m,784)", EXAMPLE)

    def closing(self, opening: str, closing: str) -> int:
        depth, quote = 0, ""
        for at in range(self.at, len(self.text)):
            character = self.text[at]
            if quote:
                quote = "" if character == quote else quote
            elif character in "\"'":
                quote = character
            elif character in (opening, closing):
                depth += 1 if character == opening else -1
                if depth == 0:
                    return at
        raise self.broken(f"this {opening!r} is not closed", f"a {closing!r}", EXAMPLE)

    def broken(self, problem: str, expected: str, example: str) -> UsageError:
        return _broken(self.text, self.at, problem, expected, example)


def _comma_axes(text: str, start: int, end: int) -> ShapeSpec:
    """What stands between the parentheses: m,784 or h, or nothing."""
    pieces: list[tuple[int, int]] = []
    depth, piece = 0, start
    for at in range(start, end):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if text[at] == "," and depth == 0:
            pieces.append((piece, at))
            piece = at + 1
    if text[piece:end].strip():
        pieces.append((piece, end))
    return _shape(text, pieces)


def _spaced_axes(text: str, start: int, end: int, whole: str) -> ShapeSpec:
    """What stands between jaxtyping's quotation marks: m 784."""
    return _shape(whole, [found.span() for found in re.compile(r"[^\s,;]+").finditer(text, start, end)])


def _shape(text: str, pieces: list[tuple[int, int]]) -> ShapeSpec:
    axes: list[Axis] = []
    for start, end in pieces:
        piece = text[start:end].strip()
        start += len(text[start:end]) - len(text[start:end].lstrip())
        if not piece:
            raise _broken(text, start, "nothing stands between these commas", AXIS, EXAMPLE)
        axis = _axis(text, start, piece)
        if axis.kind == "rest" and any(other.kind == "rest" for other in axes):
            problem = "a second run of axes: which of the two takes which could not be told"
            raise _broken(text, start, problem, "at most one ... or *name a shape", "x:(...,c)")
        axes.append(axis)
    return ShapeSpec(tuple(axes))


def _axis(text: str, at: int, piece: str) -> Axis:
    if piece in ("...", "…", "*_"):
        return Axis("rest", "...")
    if piece in _ANY_SIZE:
        raise _broken(
            text,
            at,
            f"{piece} is no size",
            "_ for an axis of any size, ... for any number",
            "x:(_,784)",
        )
    if re.fullmatch(r"\w+([\s;]+\w+)+", piece):
        raise _broken(text, at, "no comma stands between these axes", "commas within the parentheses", EXAMPLE)
    if piece[0] in "#?":
        problem = f"{piece[0]} marks are not read here: gradients never broadcast"
        raise _broken(text, at, problem, "the bare symbol", "x:(m,784)")
    if found := re.fullmatch(r"[^\W\d]\w*=(\d+)", piece):  # jaxtyping's rows=4, the name for the reader only
        piece = found[1]
    if piece.isdecimal():
        return _fixed(text, at, piece)
    if piece[0] == "*" and piece[1:].isidentifier():
        name = unicodedata.normalize("NFKC", piece[1:])
        return Axis("rest", f"*{name}", name)
    bare = piece.removesuffix("?")
    if bare.startswith("_") and bare.isidentifier():
        return Axis("any", bare)
    if bare.isidentifier():
        name = unicodedata.normalize("NFKC", bare)
        return Axis("symbol", name + piece[len(bare) :], name, optional=bare != piece)
    axis = Axis("expression", re.sub(r"\s+", "", piece), tree=_expression(text, at, piece))
    if axis.symbols:
        return axis
    try:
        return replace(axis, kind="fixed", size=axis_sizes(axis, {})[0], tree=None)
    except ArithmeticError as error:
        raise _broken(text, at, str(error), AXIS, EXAMPLE) from None


def _fixed(text: str, at: int, digits: str) -> Axis:
    size = int(digits) if len(digits) < 30 else LARGEST_SIZE + 1
    if size > LARGEST_SIZE:
        raise _broken(text, at, "no array is that long", "a size", EXAMPLE)
    return Axis("fixed", str(size), size=size)


def _expression(text: str, at: int, piece: str) -> ast.expr:
    if len(piece) > 200:
        raise _broken(text, at, "this is too long for one axis", AXIS, EXAMPLE)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "2or h": refused below, with a caret
            tree = ast.parse(piece, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _broken(text, at, f"cannot read the axis {piece}", AXIS, EXAMPLE) from None
    for node in ast.walk(tree):
        if not _allowed(node):
            column = getattr(node, "col_offset", 0)
            offset = len(piece.encode()[:column].decode(errors="ignore"))
            problem = f"cannot read the axis {piece}: only symbols, whole numbers and + - * // ** can be read"
            raise _broken(text, at + offset, problem, AXIS, EXAMPLE)
    return tree


def _allowed(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=value):
            return type(value) is int and abs(value) <= LARGEST_SIZE
        case ast.BinOp(op=op):
            return isinstance(op, _OPERATORS)
        case ast.UnaryOp(op=op):
            return isinstance(op, ast.USub)
        case _:
            return isinstance(node, ast.Name | ast.operator | ast.USub | ast.Load)


def _broken(text: str, at: int, problem: str, expected: str, example: str) -> UsageError:
    """What was given with a caret at the place, what is wrong with it, what is expected, an example."""
    first, last = max(0, at - 60), at + 40
    before = ("…" if first else "") + re.sub(r"\s", " ", text[first:at])
    after = re.sub(r"\s", " ", text[at:last]) + ("…" if last < len(text) else "")
    wide = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in before)
    return UsageError(
        f"cannot read the shape spec: {problem}\n  {before}{after}\n  {' ' * wide}^\n"
        f"expected {expected}; for example: {example}"
    )
