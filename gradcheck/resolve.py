"""From the TARGET text on the command line, or an object in Python, to a `Target` that can be driven."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from types import FunctionType, ModuleType
from typing import Any

from gradcheck.adapters.called import target_of_function
from gradcheck.adapters.engines import target_of_engine
from gradcheck.adapters.examples import trains
from gradcheck.adapters.finding import units
from gradcheck.adapters.inputs import home_of, input_names, random_inputs, required
from gradcheck.adapters.kinds import methods_of
from gradcheck.adapters.layers import target_of_class
from gradcheck.adapters.loss_functions import method_of, returns_gradients, target_of_loss
from gradcheck.adapters.pair import owners
from gradcheck.adapters.paired import target_of_pair
from gradcheck.adapters.pairs import Pair
from gradcheck.cells import units as cells_of
from gradcheck.conventions import bases
from gradcheck.declared import check_declaration, declared_by_parent, literal_declaration
from gradcheck.declared import declared as declared_target
from gradcheck.errors import Several, UsageError
from gradcheck.importing import (
    check_notebook,
    existing,
    find_spec,
    imported,
    listed,
    module_of_file,
    only_defines,
    parsed,
    relative,
    whole,
)
from gradcheck.script.nodes import is_engine
from gradcheck.source import shown
from gradcheck.target import Target


def resolve(text: str, *, call: str | None = None, shapes: str | None = None, examples: bool = False) -> Target:
    """Read a TARGET, import what it names, and find how to drive it.

    With `examples` the file's own tests and those beside it are run for a call of what is named: only where they can do
    no harm.
    Raises UsageError for a text that can't be read and TargetError for user code that can't be imported.
    """
    head, colon, rest = _split(text)
    if not head:
        raise UsageError(f"TARGET {text!r} names nothing: expected a module, a file or module:name, e.g. net.py:train.")
    is_file = head.endswith((".py", ".ipynb"))
    if head.endswith(".ipynb"):
        path = existing(head, text)
        check_notebook(path)
        if not colon:
            one = (
                None
                if call or not examples or not only_tries(whole(path))
                else _the_one(text, module_of_file(path), shapes, True)
            )
            return one or Target(text, script=path, shapes=shapes or "", call=call or "")
    if is_file and not colon and not call:
        path = existing(head, text)
        declared = literal_declaration(path)
        tree = parsed(path)
        # what imports from a package of which nothing is known is no script
        apart = relative(tree) > 0 and not (path.parent / "__init__.py").is_file()
        alone = only_defines(tree) or apart or (examples and (only_tests(tree) or only_tries(tree)))
        if declared is None and not alone:
            return Target(text, script=path, shapes=shapes or "")
        if declared is None:
            module = module_of_file(path)
            one = _the_one(text, module, shapes, examples)
            if one is None and apart:
                raise UsageError(
                    f"TARGET {text!r}: {head} imports from its own package, so it is no script, and no backward is"
                    f" known by its name in it. Name a function, {text}:NAME{_among(module)}."
                )
            return one or Target(text, script=path, shapes=shapes or "")
        return declared_target(text, module_of_file(path), declared, None, call, shapes)
    module = module_of_file(existing(head, text)) if is_file else imported(head, text)
    names = [n.strip() for n in rest.split(",")] if colon else []
    if len(names) == 2:
        return _pair(text, module, names, call, shapes, examples)
    if len(names) > 2 or not all(names):
        raise UsageError(f"TARGET {text!r}: expected one name after the colon, or forward,backward; got {rest!r}.")
    return _named(text, module, names[0] if names else None, call, shapes, examples)


def only_tests(tree: ast.Module) -> bool:
    """Whether all that a file does as a script is to try what it defines: nothing in it speaks of training."""
    if not only_defines(tree, guarded=True):
        return False
    blocks = [s for s in tree.body if isinstance(s, ast.If) and "__name__" in ast.unparse(s.test)]
    return bool(blocks) and not trains(tree, blocks)


def only_tries(tree: ast.Module) -> bool:
    """Whether all that a notebook's cells or a file's own statements do is to try what they define: they train nothing,
    repeat nothing but what they print, and compute no gradient themselves."""
    tried = [s for s in tree.body if not isinstance(s, (ast.FunctionDef, ast.ClassDef))]
    nodes = [node for s in tried for node in ast.walk(s)]
    repeats = any(isinstance(node, (ast.For, ast.While)) and not _only_prints(node) for node in nodes)
    return not repeats and not any(map(_computes_gradient, nodes)) and not trains(tree, tried)


def _only_prints(loop: ast.For | ast.While) -> bool:
    """Whether all that a loop calls are Python's own functions."""
    called = [ast.unparse(node.func) for node in ast.walk(loop) if isinstance(node, ast.Call)]
    changes = (node for node in ast.walk(loop) if isinstance(node, (ast.Assign, ast.AugAssign)))
    return all(hasattr(builtins, name) for name in called) and next(changes, None) is None


def _computes_gradient(statement: ast.AST) -> bool:
    """Whether a statement is a step of a backward pass, dW = x.T @ dz; not dx, dw = backward(dout, cache), nor a dout
    that is made up."""
    if not isinstance(statement, ast.Assign) or isinstance(statement.value, ast.Call):
        return False
    return any(isinstance(t, ast.Name) and bases(t.id) for t in statement.targets)


def defined(target: Target, *, ends: bool = False) -> tuple[str, ...]:
    """What the functions and classes of a script can be checked by, as TARGETs.

    None if to import it is to run it, unless it is known to come to an end. Of a notebook what it defines is had
    without what its cells do; one that does not come to an end says by itself what stands in its way.
    """
    path = target.script
    if path is None or not (ends or (path.suffix == ".py" and only_defines(parsed(path), guarded=True))):
        return ()
    return tuple(f"{target.name}:{name}" for name in units(module_of_file(path)))


def tried(target: Target, places: Collection[tuple[str, int | None]]) -> tuple[str, ...]:
    """What a script defines that can be checked by itself, as TARGETs, where these places show that it only tries that.

    Some lie in what it defines, and none in a loop beside that, or in another function.
    """
    found = defined(target, ends=target.script is not None and target.script.suffix == ".ipynb")
    names = {name for one in found for name in one.rpartition(":")[2].split(",")}
    inside, outside = set(), set()
    for unit in cells_of(target.script) if found and target.script is not None else ():
        body = ast.parse(unit.text).body
        own = [s for s in body if getattr(s, "name", None) in names]
        others = (n for s in body if s not in own for n in ast.walk(s) if isinstance(n, _APART))
        inside |= {(shown(unit.file), line) for node in own for line in _lines(node)}
        outside |= {(shown(unit.file), line) for node in others for line in _lines(node)}
    return found if not inside.isdisjoint(places) and outside.isdisjoint(places) else ()


_APART = (ast.For, ast.While, ast.FunctionDef, ast.ClassDef)


def _lines(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _the_one(text: str, module: ModuleType, shapes: str | None, examples: bool) -> Target | None:
    """The only thing that a module's names reveal; None for none. Raises Several."""
    found = tuple(f"{text}:{name}" for name in units(module))
    if len(found) > 1:
        raise Several(found)
    return resolve(found[0], shapes=shapes, examples=examples) if found else None


def revealed(text: str, module: ModuleType, subject: Any, shapes: str | None, examples: bool) -> Target | None:
    """A class or a function whose own names say how it is driven; None for any other."""
    if isinstance(subject, type):
        if is_engine(subject):
            return target_of_engine(text, module, subject)
        if methods_of(subject):
            return target_of_class(text, module, subject, shapes=shapes, examples=examples)
        return target_of_loss(text, module, subject, shapes=shapes, examples=examples) if method_of(subject) else None
    loss = isinstance(subject, FunctionType) and not shapes and required(subject) and returns_gradients(subject)
    return target_of_loss(text, module, subject, examples=examples) if loss else None


def _pair(
    text: str, module: ModuleType, names: Sequence[str], call: str | None, shapes: str | None, examples: bool
) -> Target:
    forward, backward = (_attribute(module, name, text) for name in names)
    for name, function in zip(names, (forward, backward)):
        if not callable(function):
            raise UsageError(f"TARGET {text!r}: {name} is {_a(type(function).__name__)}, expected a function.")
    f, b = (name.replace(".", "_") for name in names)
    return target_of_pair(text, module, Pair(forward, backward, f, b), call=call, shapes=shapes, examples=examples)


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
        return _named(subject.__name__, subject, None, call, shapes, False)
    if callable(subject):
        name = f"{getattr(subject, '__module__', '?')}:{getattr(subject, '__qualname__', type(subject).__name__)}"
        held = owners(subject)
        target = Target(name, module=home_of(subject), names={"_subject": subject, **held})
        if args is None and kwargs is None:
            return _function(target, subject, "_subject", call, shapes, False)
        names = input_names(subject, args)
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


def _named(
    text: str, module: ModuleType, name: str | None, call: str | None, shapes: str | None, examples: bool
) -> Target:
    declared = getattr(module, "__gradcheck__", None)
    if declared is not None and not (call and name is None):
        check_declaration(declared, module)
        if name is None or name in declared.get("targets", {}):
            return declared_target(text, module, declared, name, call, shapes)
    if name is not None:
        submodule = f"{module.__name__}.{name}"
        if not hasattr(module, name) and find_spec(submodule) is not None:
            return _named(text, imported(submodule, text), None, call, shapes, examples)
        subject = _attribute(module, name, text)
        if isinstance(subject, ModuleType):
            return _named(text, subject, None, call, shapes, examples)
        if not callable(subject):
            raise UsageError(
                f"TARGET {text!r}: {name} is {_a(type(subject).__name__)}, expected a function, a class or a declared"
                " target."
            )
        home = home_of(subject) or module
        found = None if call else revealed(text, home, subject, shapes, examples)
        if found is not None:
            return found
        called = name.rpartition(".")[2]
        return _function(Target(text, module=home, names={called: subject}), subject, called, call, shapes, examples)
    if call:
        return Target(text, module=module, call=call, shapes=shapes or "")
    outer = declared_by_parent(module)
    if outer is not None:
        return declared_target(text, outer[0], outer[0].__gradcheck__, outer[1], call, shapes)
    one = _the_one(text, module, shapes, examples)
    if one is not None:
        return one
    raise UsageError(
        f"TARGET {text!r}: {module.__name__} declares no target in __gradcheck__, so how to drive it can't be read off"
        f" it. Name a function, {text}:NAME{_among(module)}, or say how to call it with --call EXPR."
    )


def _function(
    target: Target,
    subject: Callable[..., Any],
    called: str,
    call: str | None,
    shapes: str | None,
    examples: bool,
) -> Target:
    if call:
        return replace(target, call=call, shapes=shapes or "")
    name = getattr(subject, "__name__", called)
    needed = required(subject)
    if not needed:
        return replace(target, call=f"{called}()", shapes=shapes or "")
    if shapes:
        names = ", ".join(needed)
        return replace(
            target,
            call=f"{called}({names})",
            shapes=shapes,
            setup=f"{names}{',' if len(needed) == 1 else ''} = _draw(seed)",
            names={**target.names, "_draw": lambda seed: random_inputs(needed, shapes, name, seed)},
            seeded=True,
        )
    home = home_of(subject)
    exampled = target_of_function(target, home, subject, called) if examples and home is not None else None
    if exampled is not None:
        return exampled
    here = "" if examples else " Calls in tests beside it are looked for by the command line alone, not from Python."
    raise UsageError(
        f"TARGET {target.name!r}: {name} takes {', '.join(needed)}, and nothing says what to call it with."
        f' Give --call "{name}(...)", or the shapes of its arguments, --shapes "{needed[0]}:(m,3) ...".{here}'
    )


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
    return f" (there are {listed([*declared, *functions][:12])})" if declared or functions else ""


def _a(noun: str) -> str:
    return f"an {noun}" if noun[:1] in "aeiou" else f"a {noun}"
