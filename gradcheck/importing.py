"""Imports what a TARGET names; whatever the user's code does wrong meanwhile is told as its own."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from gradcheck.cells import place, units
from gradcheck.conventions import bases
from gradcheck.errors import TargetError, UsageError
from gradcheck.source import shown, told, traced


def imported(name: str, text: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(
            f"TARGET {text!r}: {name!r} is neither a module's name nor a file that ends in .py."
            " Expected e.g. pkg.net, pkg.net:train, net.py or net.py:train."
        )
    missing = _missing_part(name)
    if missing and name not in sys.modules:
        at_hand = f" There is a file {name}.py: did you mean that?" if Path(f"{name}.py").is_file() else ""
        raise UsageError(
            f"TARGET {text!r}: there is no module {missing!r}, neither installed nor in the current folder.{at_hand}"
            " Expected a module, module:name or a file such as net.py."
        )
    return _guarded(lambda: importlib.import_module(name), name)


def _missing_part(name: str) -> str | None:
    parts = name.split(".")
    for i in range(1, len(parts) + 1):
        part = ".".join(parts[:i])
        if part not in sys.modules and find_spec(part) is None:
            return part
        if i < len(parts):
            _guarded(lambda part=part: importlib.import_module(part), part)  # type: ignore[misc]
    return None


def find_spec(name: str) -> Any:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None


def existing(head: str, text: str) -> Path:
    path = Path(head)
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist"
        beside = sorted(p.name for p in path.parent.glob("*.py"))[:8] if path.parent.is_dir() else []
        also = f" In {path.parent} there are {listed(beside)}." if beside else ""
        raise UsageError(f"TARGET {text!r}: the file {head} {kind} (looked in {Path.cwd()}).{also}")
    return path


def parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as error:
        raise TargetError(_syntax(error, path)) from None


def whole(path: Path) -> ast.Module:
    """A file's statements; of a notebook those of all its cells."""
    return ast.Module([s for unit in units(path) for s in ast.parse(unit.text, unit.file).body], [])


def check_notebook(path: Path) -> None:
    """Raise TargetError for a file that is no notebook, or one of whose cells is no Python."""
    try:
        cells = units(path)
    except (ValueError, OSError) as error:
        raise TargetError(f"{shown(str(path))} can't be read as a notebook: {error}.") from None
    for cell in cells:
        try:
            ast.parse(cell.text, cell.file)
        except SyntaxError as error:
            raise TargetError(_syntax(error, path)) from None


def _syntax(error: Exception, path: Path) -> str:
    line = getattr(error, "lineno", None)
    file = shown(getattr(error, "filename", None) or str(path))
    at = place(file, line) if line else file
    said = str(getattr(error, "msg", error))
    text = (getattr(error, "text", None) or "").rstrip()
    column = max((getattr(error, "offset", 1) or 1) - 1, 0)
    quoted = f"\n  {text}\n  {' ' * column}^" if text else ""
    hint = " It reads like Python 2." if "print" in str(error) and "parentheses" in str(error) else ""
    return f"{at} can't be parsed: {said}{'' if said.endswith(('.', '?')) else '.'}{hint}{quoted}"


def relative(tree: ast.Module) -> int:
    """How many folders up a file imports from, `from ..layers import Dense` 2: as many packages it lies in."""
    return max((n.level for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)), default=0)


def module_of_file(path: Path) -> ModuleType:
    """Import a file as a module, within its package if it lies in one; a notebook by what it defines."""
    path = path.resolve()
    if path.suffix == ".ipynb":
        return _module_of_notebook(path)
    levels = relative(parsed(path))
    folder, parts = path.parent, [path.stem]
    while (folder / "__init__.py").is_file() or len(parts) <= levels:
        parts.insert(0, folder.name)
        folder = folder.parent
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    name = ".".join(parts)
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__file__", None) == str(path):
        return loaded
    if loaded is None and len(parts) > 1:
        return _guarded(lambda: importlib.import_module(name), name)
    spec = importlib.util.spec_from_file_location(name if loaded is None else f"_gradcheck_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{shown(str(path))} can't be imported as a module.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    loader = spec.loader

    def load() -> ModuleType:
        try:
            loader.exec_module(module)
        except BaseException:
            sys.modules.pop(spec.name, None)
            raise
        return module

    return _guarded(load, shown(str(path)))


def _module_of_notebook(path: Path) -> ModuleType:
    """What a notebook imports and defines, as a module, without what its cells do beside that."""
    name = re.sub(r"\W", "_", path.stem)
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__file__", None) == str(path):
        return loaded
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    tree = whole(path)
    own = _defined_in(tree)
    for cell in units(path):
        body = ast.parse(cell.text, cell.file).body
        # np.exp is compiled otherwise where np is known to be imported: what is compiled apart would not be recognised
        imports = [s for s in body if isinstance(s, (ast.Import, ast.ImportFrom))]
        for statement in body:
            if not _does_something(statement, own, guarded=True):
                code = compile(ast.Module([statement, *imports], []), cell.file, "exec", dont_inherit=True)
                with contextlib.suppress(
                    Exception
                ):  # a constant that rests on a cell's result; a library for its plots
                    exec(code, vars(module))
    return module


def _guarded(load: Callable[[], ModuleType], name: str) -> ModuleType:
    """Import user code; whatever it does wrong is told as its own."""
    try:
        return load()
    except (SyntaxError, UnicodeDecodeError) as error:
        raise TargetError(_syntax(error, Path(getattr(error, "filename", None) or name))) from None
    except SystemExit as error:
        raise TargetError(
            f"{name} ends the program while it is imported: {told(error)}. Put what runs it under"
            ' `if __name__ == "__main__":`, or check the file as a script.'
        ) from None
    except Exception as error:
        raise TargetError(f"{name} raised while it was imported: {told(error)}\n{traced(error)}".rstrip()) from None


def listed(names: Any) -> str:
    return ", ".join(map(str, names if isinstance(names, list) else sorted(names)))


def only_defines(tree: ast.Module, *, guarded: bool = False) -> bool:
    """Whether a file does nothing by itself but to define functions and classes, and constants for them.

    With `guarded` there may be an `if __name__ == "__main__"`, since it is not run by an import; what is computed
    beside that is meant to be.
    """
    own = set() if guarded and any(map(_is_guard, tree.body)) else _defined_in(tree)
    return bool(_defined_in(tree)) and not any(_does_something(statement, own, guarded) for statement in tree.body)


def _defined_in(tree: ast.Module) -> set[str]:
    return {s.name for s in tree.body if isinstance(s, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef))}


def _is_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test)


def _does_something(statement: ast.stmt, own: set[str], guarded: bool) -> bool:
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef, ast.Import, ast.ImportFrom)):
        return False
    if _is_guard(statement):
        return not guarded
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        called = {ast.unparse(n.func) for n in ast.walk(statement) if isinstance(n, ast.Call)}
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return bool(called & {*own, "input"}) or any(map(_is_gradient, targets))
    settings = ("np.random.seed", "np.set_printoptions", "np.seterr", "random.seed", "numpy.random.seed")
    told = isinstance(statement, ast.Expr) and ast.unparse(statement).startswith((*settings, '"', "'"))
    return not told and not isinstance(statement, (ast.Pass, ast.Try, ast.If))


def _is_gradient(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and bool(bases(target.id))
