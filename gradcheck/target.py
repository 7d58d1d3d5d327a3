"""What is to be checked: from the TARGET text on the command line to a `Target` that can be driven."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from gradcheck.errors import TargetError, UsageError
from gradcheck.source import shown, told, traced

_TEXT_KEYS = ("module", "imports", "setup", "call", "shapes", "inputs", "loss")
_KEYS = {*_TEXT_KEYS, "sizes", "params", "grads"}


@dataclass(frozen=True, slots=True)
class Target:
    """A backward pass and how to drive it."""

    name: str
    """As the user named it."""
    module: ModuleType | None = None
    """Where `imports`, `setup` and `call` are run; None for a script."""
    script: Path | None = None
    """A file that is run as `__main__`."""
    imports: str = ""
    """Statements run first."""
    setup: str = ""
    """Statements run once, uninstrumented; they see the sizes and `seed`."""
    call: str = ""
    """One step: statements or an expression; what is checked happens in here."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Sizes by symbol; a target that has some can be rebuilt at others."""
    shapes: str = ""
    """Shape conventions, as `--shapes` takes them."""
    inputs: str = ""
    """What it is driven with, in the reader's words; {m} stands for a size."""
    loss: str = "auto"
    """As `--loss` takes it."""
    params: tuple[str, ...] = ()
    """What to check; empty for everything with a gradient."""
    grads: Mapping[str, str] = field(default_factory=dict)
    """Gradient names that no convention covers: {"update_W": "W"}."""
    names: Mapping[str, Any] = field(default_factory=dict)
    """Objects that `call` may name beside those of the module."""
    traced: bool = False
    """True when the values that `call` itself assigns are part of the backward pass: a forward/backward pair."""

    @property
    def rebuildable(self) -> bool:
        """Whether it can be driven at other sizes."""
        return bool(self.sizes)


def resolve(text: str, *, call: str | None = None, shapes: str | None = None) -> Target:
    """Read a TARGET, import what it names, and find how to drive it.

    Raises UsageError for a text that can't be read and TargetError for user code that can't be imported.
    """
    head, colon, rest = _split(text)
    if not head:
        raise UsageError(f"TARGET {text!r} names nothing: expected a module, a file or module:name, e.g. net.py:train.")
    is_file = head.endswith(".py")
    if is_file and not colon and not call:
        path = _existing(head, text)
        declared = _literal_declaration(path)
        if declared is None:
            return Target(text, script=path, shapes=shapes or "")
        return _declared(text, _module_of_file(path), declared, None, call, shapes)
    module = _module_of_file(_existing(head, text)) if is_file else _imported(head, text)
    names = [n.strip() for n in rest.split(",")] if colon else []
    if len(names) == 2:
        return pair(text, _attribute(module, names[0], text), _attribute(module, names[1], text), shapes or "")
    if len(names) > 2 or not all(names):
        raise UsageError(f"TARGET {text!r}: expected one name after the colon, or forward,backward; got {rest!r}.")
    return _named(text, module, names[0] if names else None, call, shapes)


def of_object(subject: object, *, call: str | None = None, shapes: str | None = None) -> Target:
    """A target from a module or function object."""
    if isinstance(subject, ModuleType):
        return _named(subject.__name__, subject, None, call, shapes)
    if isinstance(subject, FunctionType):
        module = inspect.getmodule(subject)
        name = f"{subject.__module__}:{subject.__qualname__}"
        return _function(Target(name, module=module, names={subject.__name__: subject}), subject, call, shapes)
    raise UsageError(
        f"target: expected a TARGET text, a module or a function, got {type(subject).__name__} {subject!r:.60}."
    )


def _split(text: str) -> tuple[str, str, str]:
    # a drive letter's colon is no separator
    at = text.find(":", 2 if text[1:3] == ":\\" else 0)
    return (text, "", "") if at < 0 else (text[:at], ":", text[at + 1 :])


def _named(text: str, module: ModuleType, name: str | None, call: str | None, shapes: str | None) -> Target:
    declared = getattr(module, "__gradcheck__", None)
    if declared is not None and not (call and name is None):
        _check_declaration(declared, module)
        if name is None or name in declared.get("targets", {}):
            return _declared(text, module, declared, name, call, shapes)
    if name is not None:
        submodule = f"{module.__name__}.{name}"
        if not hasattr(module, name) and _find_spec(submodule) is not None:
            return _named(text, _imported(submodule, text), None, call, shapes)
        subject = _attribute(module, name, text)
        if isinstance(subject, ModuleType):
            return _named(text, subject, None, call, shapes)
        if callable(subject):
            return _function(Target(text, module=module), subject, call, shapes)
        raise UsageError(
            f"TARGET {text!r}: {name} is {_a(type(subject).__name__)}, expected a function, a class or a declared target."
        )
    if call:
        return Target(text, module=module, call=call, shapes=shapes or "")
    outer = _declared_by_parent(module)
    if outer is not None:
        return _declared(text, outer[0], outer[0].__gradcheck__, outer[1], call, shapes)
    raise UsageError(
        f"TARGET {text!r}: {module.__name__} declares no target in __gradcheck__, so how to drive it can't be read off"
        f" it. Name a function, {text}:NAME{_among(module)}, or say how to call it with --call EXPR."
    )


def _declared_by_parent(module: ModuleType) -> tuple[ModuleType, str] | None:
    parent = sys.modules.get(module.__name__.rpartition(".")[0])
    targets = getattr(parent, "__gradcheck__", {}).get("targets", {}) if parent else {}
    for name, declared in targets.items():
        if parent is not None and declared.get("module") == module.__name__:
            return parent, name
    return None


def _declared(
    text: str, module: ModuleType, declaration: Mapping[str, Any], name: str | None, call: str | None, shapes: str | None
) -> Target:
    _check_declaration(declaration, module)
    name = name or declaration["default"]
    declared = declaration["targets"][name]
    home = _imported(declared["module"], text) if "module" in declared else module
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


def _check_declaration(declaration: Any, module: ModuleType) -> None:
    where = f"__gradcheck__ of {module.__name__}"
    targets = declaration.get("targets") if isinstance(declaration, dict) else None
    if not isinstance(targets, dict) or not targets:
        raise UsageError(
            f'{where}: expected {{"default": NAME, "targets": {{NAME: {{"call": "train(x, y)", ...}}}}}},'
            f" got {declaration!r:.80}."
        )
    if declaration.get("default") not in targets:
        raise UsageError(f'{where}: "default" is {declaration.get("default")!r}, expected one of {_list(targets)}.')
    for name, declared in targets.items():
        unknown = set(declared) - _KEYS
        if unknown:
            raise UsageError(f"{where}, target {name!r}: unknown key {sorted(unknown)[0]!r}; known are {_list(_KEYS)}.")
        if not declared.get("call"):
            raise UsageError(f'{where}, target {name!r}: "call" is missing, e.g. "call": "train(x, y, epochs=1)".')
        for key in _TEXT_KEYS:
            if key in declared and not isinstance(declared[key], str):
                raise UsageError(f"{where}, target {name!r}: {key!r} is {declared[key]!r:.60}, expected text.")


def _literal_declaration(path: Path) -> Mapping[str, Any] | None:
    """`__gradcheck__` of a file, read without running it."""
    tree = _parsed(path)
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and [ast.unparse(t) for t in statement.targets] == ["__gradcheck__"]:
            try:
                found: Mapping[str, Any] = ast.literal_eval(statement.value)
            except ValueError:
                return None
            return found
    return None


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as error:
        raise TargetError(_syntax(error, path)) from None


def _syntax(error: Exception, path: Path) -> str:
    line = getattr(error, "lineno", None)
    at = f"{shown(str(path))}:{line}" if line else shown(str(path))
    text = (getattr(error, "text", None) or "").rstrip()
    column = max((getattr(error, "offset", 1) or 1) - 1, 0)
    quoted = f"\n  {text}\n  {' ' * column}^" if text else ""
    hint = " It reads like Python 2." if "print" in str(error) and "parentheses" in str(error) else ""
    return f"{at} can't be parsed: {getattr(error, 'msg', error)}.{hint}{quoted}"


def _function(target: Target, subject: Callable[..., Any], call: str | None, shapes: str | None) -> Target:
    if call:
        return replace(target, call=call, shapes=shapes or "")
    name = subject.__name__
    required = _required(subject)
    if not required:
        return replace(target, call=f"{name}()", shapes=shapes or "")
    if shapes:
        return replace(
            target, call=f"{name}({', '.join(required)})", shapes=shapes, setup=random_inputs(required, shapes, name)
        )
    raise UsageError(
        f"TARGET {target.name!r}: {name} takes {', '.join(required)}, and nothing says what to call it with."
        f' Give --call "{name}(...)", or the shapes of its arguments, --shapes "{required[0]}:(m,3) ...".'
    )


def pair(text: str, forward: Callable[..., Any], backward: Callable[..., Any], shapes: str, **extra: Any) -> Target:
    """A forward/backward pair: `out, cache = forward(x, ...)`, `dx, ... = backward(dout, cache)`."""
    names = _required(forward)
    module = inspect.getmodule(forward)
    target = Target(text, module=module, names={"forward": forward, "backward": backward}, traced=True, shapes=shapes)
    gradients = ", ".join(f"d{n}" for n in names)
    call = f"out, cache = forward({', '.join(names)})\n{gradients} = backward(dout, cache)"
    return replace(target, call=call, setup=random_inputs(names, shapes, forward.__name__), **extra)


def random_inputs(names: list[str], shapes: str, function: str) -> str:
    """Statements that draw the arguments by their shapes. Raises UsageError for a name without a shape."""
    raise UsageError(f"{function}: arguments drawn from shapes are not built yet; give --call EXPR.")


def _required(function: Callable[..., Any]) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind in kinds]


def _attribute(module: ModuleType, name: str, text: str) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise UsageError(
                f"TARGET {text!r}: {getattr(found, '__name__', found)} has nothing named {part!r}{_among(module)}."
            )
        found = getattr(found, part)
    return found


def _among(module: ModuleType) -> str:
    declared = list(getattr(module, "__gradcheck__", {}).get("targets", {}))
    functions = [
        n for n, o in vars(module).items() if isinstance(o, FunctionType) and o.__module__ == module.__name__ and n[0] != "_"
    ]
    return f" (there are {_list([*declared, *functions][:12])})" if declared or functions else ""


def _existing(head: str, text: str) -> Path:
    path = Path(head)
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist"
        beside = sorted(p.name for p in path.parent.glob("*.py"))[:8] if path.parent.is_dir() else []
        also = f" In {path.parent} there are {_list(beside)}." if beside else ""
        raise UsageError(f"TARGET {text!r}: the file {head} {kind} (looked in {Path.cwd()}).{also}")
    return path


def _find_spec(name: str) -> Any:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None


def _imported(name: str, text: str) -> ModuleType:
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
        if part not in sys.modules and _find_spec(part) is None:
            return part
        if i < len(parts):
            _guarded(lambda part=part: importlib.import_module(part), part)  # type: ignore[misc]
    return None


def _module_of_file(path: Path) -> ModuleType:
    """Import a file as a module, within its package if it lies in one."""
    path = path.resolve()
    _parsed(path)
    folder, parts = path.parent, [path.stem]
    while (folder / "__init__.py").is_file():
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


def _list(names: Any) -> str:
    return ", ".join(map(str, names if isinstance(names, list) else sorted(names)))


def _a(noun: str) -> str:
    return f"an {noun}" if noun[:1] in "aeiou" else f"a {noun}"
