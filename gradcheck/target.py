"""What is to be checked: from the TARGET text on the command line to a `Target` that can be driven."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from gradcheck.errors import TargetError, UsageError
from gradcheck.shapes import parse_spec, symbols
from gradcheck.shapes import resolve as shape_of
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
    seeded: bool = False
    """True when another seed makes other inputs, though the sizes are fixed."""
    traced: bool = False
    """True when the values that `call` itself assigns are part of the backward pass: a forward/backward pair."""

    @property
    def redrawable(self) -> bool:
        """Whether another seed makes other numbers."""
        return self.seeded or bool(self.sizes)


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
        forward, backward = (_attribute(module, name, text) for name in names)
        return pair(text, forward, backward, shapes=shapes or "")
    if len(names) > 2 or not all(names):
        raise UsageError(f"TARGET {text!r}: expected one name after the colon, or forward,backward; got {rest!r}.")
    return _named(text, module, names[0] if names else None, call, shapes)


def of_object(
    subject: object,
    *,
    call: str | None = None,
    shapes: str | None = None,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
) -> Target:
    """A target from a module object, or from a function and what it is called with."""
    if isinstance(subject, ModuleType):
        return _named(subject.__name__, subject, None, call, shapes)
    if callable(subject):
        name = f"{getattr(subject, '__module__', '?')}:{getattr(subject, '__qualname__', type(subject).__name__)}"
        owners = _owners(subject)
        target = Target(name, module=home_of(subject), names={"_subject": subject, **owners})
        if args is None and kwargs is None:
            return _function(target, subject, call, shapes)
        names = _input_names(subject, args)
        given = ", ".join(names)
        return replace(
            target,
            call=f"_subject({given}{', ' if given else ''}**_kwargs)",
            shapes=shapes or "",
            names={**target.names, "_kwargs": dict(kwargs or {}), **dict(zip(names, args or ()))},
        )
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
            home = home_of(subject) or module
            return _function(Target(text, module=home, names={subject.__name__: subject}), subject, call, shapes)
        raise UsageError(
            f"TARGET {text!r}: {name} is {_a(type(subject).__name__)}, expected a function, a class or a declared"
            " target."
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
    text: str,
    module: ModuleType,
    declaration: Mapping[str, Any],
    name: str | None,
    call: str | None,
    shapes: str | None,
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
    said = str(getattr(error, "msg", error))
    text = (getattr(error, "text", None) or "").rstrip()
    column = max((getattr(error, "offset", 1) or 1) - 1, 0)
    quoted = f"\n  {text}\n  {' ' * column}^" if text else ""
    hint = " It reads like Python 2." if "print" in str(error) and "parentheses" in str(error) else ""
    return f"{at} can't be parsed: {said}{'' if said.endswith(('.', '?')) else '.'}{hint}{quoted}"


def _function(target: Target, subject: Callable[..., Any], call: str | None, shapes: str | None) -> Target:
    if call:
        return replace(target, call=call, shapes=shapes or "")
    name = getattr(subject, "__name__", target.name)
    required = _required(subject)
    if not required:
        return replace(target, call=f"{name}()", shapes=shapes or "")
    if shapes:
        names = ", ".join(required)
        return replace(
            target,
            call=f"{name}({names})",
            shapes=shapes,
            setup=f"{names}{',' if len(required) == 1 else ''} = _draw(seed)",
            names={**target.names, "_draw": lambda seed: random_inputs(required, shapes, name, seed)},
            seeded=True,
        )
    raise UsageError(
        f"TARGET {target.name!r}: {name} takes {', '.join(required)}, and nothing says what to call it with."
        f' Give --call "{name}(...)", or the shapes of its arguments, --shapes "{required[0]}:(m,3) ...".'
    )


def pair(
    text: str,
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    shapes: str = "",
    cache: bool = True,
) -> Target:
    """A forward/backward pair: `out[, cache] = forward(x, ...)`, `dx, ... = backward(dout[, cache])`.

    Its inputs are `args`, or are drawn by the `shapes` of the forward's arguments; the upstream gradient is random.
    With `cache` False the backward is handed the inputs. The driver is code like any other: what it assigns is seen.
    """
    names = _input_names(forward, args)
    given = ", ".join(names)
    module = next((m for f in (backward, forward) if (m := home_of(f)) is not None), None)
    drivers = _PairDrivers(forward, backward, dict(kwargs or {}), names, args, cache, text, shapes)
    return Target(
        text,
        module=module,
        setup=f"{given}{',' if len(names) == 1 else ''} = _draw(seed)\ndout = _upstream(({given},), seed)",
        call=f"out, cache = _forward({given})\n{', '.join(f'd{n}' for n in names)}{',' if len(names) == 1 else ''}"
        f" = _backward(dout, cache, ({given},))",
        loss="(out * dout).sum()",
        names={
            "_draw": drivers.draw,
            "_upstream": drivers.upstream,
            "_forward": drivers.forward,
            "_backward": drivers.backward,
            **_owners(forward, backward),
        },
        shapes=shapes,
        seeded=True,
        traced=True,
    )


def _owners(*functions: Callable[..., Any]) -> dict[str, Any]:
    """The objects whose methods are driven: their state is the user's, and is put back."""
    found = {id(o): o for f in functions if (o := getattr(f, "__self__", None)) is not None}
    return {("self" if i == 0 else f"self{i}"): o for i, o in enumerate(found.values())}


@dataclass(frozen=True, slots=True)
class _PairDrivers:
    """What drives a pair, whatever it returns: a bare output, a cache or none, gradients in a tuple or a dict."""

    f: Callable[..., Any]
    b: Callable[..., Any]
    kwargs: Mapping[str, Any]
    names: Sequence[str]
    args: Sequence[Any] | None
    cache: bool
    text: str
    shapes: str

    def draw(self, seed: int) -> tuple[Any, ...]:
        """The inputs: copies of what was given, or drawn from the standard normal."""
        if self.args is not None:
            return tuple(np.array(a) if isinstance(a, (np.ndarray, list)) else a for a in self.args)
        return random_inputs(self.names, self.shapes, self.text, seed)

    def upstream(self, inputs: tuple[Any, ...], seed: int) -> Any:
        """A random gradient of the output's shape."""
        out, _ = self.forward(*(np.array(i) if isinstance(i, np.ndarray) else i for i in inputs))
        return np.random.default_rng(seed).standard_normal(np.shape(out))

    def forward(self, *inputs: Any) -> tuple[Any, Any]:
        """(output, cache) of a forward that returns either the output or both."""
        result = self.f(*inputs, **self.kwargs)
        if self.cache and isinstance(result, tuple) and len(result) == 2:
            out, cache = result
        else:
            out, cache = result, None
        if not isinstance(out, (np.ndarray, np.generic, float)):
            raise UsageError(
                f"{self.text}: the forward returned {type(out).__name__}, expected an array, or (array, cache)."
            )
        return np.asarray(out) if isinstance(out, float) else out, cache

    def backward(self, dout: Any, cache: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """One gradient for each input, in order; None for one that the backward does not compute."""
        second: tuple[Any, ...] = (
            inputs if not self.cache else () if cache is None and len(_required(self.b)) < 2 else (cache,)
        )
        result = self.b(dout, *second)
        if isinstance(result, dict):
            return tuple(result.get(f"d{n}", result.get(n)) for n in self.names)
        found = tuple(result) if isinstance(result, (tuple, list)) else (result,)
        smooth = [np.asarray(value).dtype.kind in "fc" for value in inputs]
        if len(found) == sum(smooth) < len(inputs):  # indices have no gradient, and most backwards return none
            left = iter(found)
            return tuple(next(left) if has else None for has in smooth)
        if len(found) != len(self.names):
            raise UsageError(
                f"{self.text}: the backward returned {len(found)} gradients for the {len(self.names)} inputs"
                f" {', '.join(self.names)}; expected one for each, in that order, or a dict by name."
            )
        return found


def home_of(function: Callable[..., Any]) -> ModuleType | None:
    """The module whose source holds a function; None for a builtin, a ufunc, or what was typed at a prompt."""
    function = inspect.unwrap(function)
    known = isinstance(function, (FunctionType, type)) or inspect.ismethod(function)
    module = inspect.getmodule(function if known else type(function))  # an instance: what its class is made of
    return module if module is not None and getattr(module, "__file__", "").endswith(".py") else None


def _input_names(forward: Callable[..., Any], args: Sequence[Any] | None) -> list[str]:
    names = _required(forward)
    if args is None:
        return names
    return names[: len(args)] if len(names) >= len(args) else [f"x{i}" for i in range(len(args))]


def random_inputs(names: Sequence[str], shapes: str, text: str, seed: int) -> tuple[Any, ...]:
    """Standard normal arrays for `names`, in the shapes of a spec; symbols get sizes that differ from one another.

    Raises UsageError for a name without a shape.
    """
    spec = parse_spec(shapes) if shapes else None
    entries = {e.name: e.shape for e in spec or ()}
    missing = [n for n in names if n not in entries]
    if spec is None or missing:
        raise UsageError(
            f"TARGET {text!r}: nothing says what {', '.join(missing or names)} should be. Give the shapes,"
            f' e.g. --shapes "{" ".join(f"{n}:(m,3)" for n in names)}".'
        )
    sizes = dict(zip(symbols(spec), (5, 4, 3, 6, 7, 8, 9), strict=False))
    rng = np.random.default_rng(seed)
    return tuple(rng.standard_normal(shape_of(entries[n], sizes)) for n in names)


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
        n
        for n, o in vars(module).items()
        if isinstance(o, FunctionType) and o.__module__ == module.__name__ and n[0] != "_"
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
