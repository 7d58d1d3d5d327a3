"""A function that nothing else says how to drive, driven as an example call has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

from gradcheck import conventions
from gradcheck.adapters.examples import example_calls
from gradcheck.adapters.overheard import Call
from gradcheck.adapters.plan import Plan
from gradcheck.adapters.resizing import own_values
from gradcheck.adapters.trying import copied, on_trial
from gradcheck.script import cut
from gradcheck.script.ready import LARGER, works
from gradcheck.target import Target


def target_of_function(target: Target, module: ModuleType, function: Callable[..., Any], called: str) -> Target | None:
    """The target with a call of the function under the name `called`; None where no example is found that comes to a
    gradient."""
    with on_trial(module, names={called: function}) as sandbox:
        found = []
        for call in example_calls(module, function):
            sandbox.put_back()
            found.append(call)
        sandbox.put_back()
    tried = (_driven(target, module, call, called, size) for call in found for size in (*LARGER, None))
    return next((one for one in tried if one is not None and works(one, conventions.bases)), None)


def _driven(target: Target, module: ModuleType, call: Call, called: str, size: int | None) -> Target | None:
    """By one call, with its samples cut to `size` times the least batch; None where there are none to be cut."""
    arguments = dict(copied(call.arguments))
    note = "" if size is None else _cut(arguments, module, size)
    if size is not None and not note:
        return None
    names = ", ".join(arguments)
    plan = Plan(own_values(arguments), "")

    def example() -> tuple[Any, ...]:
        return tuple(copied(arguments).values())

    return replace(
        target,
        setup=f"{names}{',' if len(arguments) == 1 else ''} = _example()" if names else "",
        call=f"{called}({names})",
        names={**target.names, "_example": example},
        notes=(*target.notes, f"driven with {plan}: from the call at {call.at}{note}"),
    )


def _cut(arguments: dict[str, Any], module: ModuleType, size: int) -> str:
    """Cut the samples among a call's arguments; what to say of it, "" where nothing was cut."""

    def is_mine(kind: Any) -> bool:
        return getattr(kind, "__module__", None) == module.__name__

    found = cut.samples(arguments, [], is_mine, frozenset(), frozenset(arguments))
    batch = 0 if found is None else cut.batch_for(found) if size == 1 else cut.batch_for(found) * size + 1
    if found is None or batch >= found.count:
        return ""
    cut.cut(found, batch)
    return f", on {batch} of its {found.count} samples"
