"""What in a module can be checked by itself: pairs of functions, by their names."""

from __future__ import annotations

from types import FunctionType, ModuleType

from gradcheck.adapters import names as by_name
from gradcheck.adapters.inputs import required
from gradcheck.adapters.kinds import methods_of
from gradcheck.adapters.loss_functions import method_of, returns_gradients
from gradcheck.cells import cell_number
from gradcheck.script.nodes import is_engine

_GENERIC = frozenset(
    "f j fun func function fn objective loss cost energy model residuals value nll likelihood misfit criterion"
    " functional error deviance elbo posterior prob logp logprob logpost potential mse sse rss chi2".split()
)
"""What `jac`, `grad` or `gradient` may be the derivative of."""
_ASIDE = frozenset("compute calc calculate calculated get eval evaluate the of log negative total".split())
"""What names of such functions say beside that: compute_cost."""


def units(module: ModuleType) -> list[str]:
    """What to write behind the colon of a TARGET, in the order of the source: ["affine_forward,affine_backward"]."""
    own = [o for o in vars(module).values() if getattr(o, "__module__", None) == module.__name__]
    functions = [o for o in own if isinstance(o, FunctionType)]
    found = [(_place(f), f"{f.__name__},{b.__name__}") for f, b in pairs(functions) if not _helps(f, functions)]
    paired = {name for _, both in found for name in both.split(",")}
    found += [
        (_place(f), f.__name__) for f in functions if f.__name__ not in paired and required(f) and returns_gradients(f)
    ]
    found += [
        (_place(c), c.__name__) for c in own if isinstance(c, type) and (is_engine(c) or methods_of(c) or method_of(c))
    ]
    return [name for _, name in sorted(found)]


def _helps(function: FunctionType, others: list[FunctionType]) -> bool:
    """Whether a name says that it is for the module's own use, and another function uses it: it is checked there."""
    name = function.__name__
    return name.startswith("_") and any(name in o.__code__.co_names for o in others if o is not function)


def _place(thing: FunctionType | type) -> tuple[int, int]:
    """The number of its cell, 0 where it stands in no notebook, and its first line."""
    methods = [m for m in vars(thing).values() if isinstance(m, FunctionType)] if isinstance(thing, type) else [thing]
    codes = [m.__code__ for m in methods if m.__module__ == thing.__module__]
    return min(((cell_number(c.co_filename), c.co_firstlineno) for c in codes), default=(0, 0))


def pairs(functions: list[FunctionType]) -> list[tuple[FunctionType, FunctionType]]:
    """Each function that by its name is another's backward, with that other."""
    found: list[tuple[FunctionType, FunctionType]] = []
    bare: list[FunctionType] = []
    for b in functions:
        stem = by_name.stem_of_backward(b.__name__)
        if stem is None or not required(b):
            continue
        matching = [
            f
            for f in functions
            if f is not b and by_name.stem_of_forward(f.__name__) == stem and required(f) and not _is_backward(f, stem)
        ]
        matching.sort(key=lambda f: not by_name.says_forward(f.__name__))
        found += [(f, b) for f in matching[:1]]
        bare += [b] if not matching and _ASIDE.issuperset(stem) else []
    paired = {f for both in found for f in both}
    generic = [f for f in functions if _is_generic(f.__name__) and f not in paired and required(f)]
    alike = {b: [f for f in generic if required(f) == required(b)] for b in bare}
    taken = [f for fs in alike.values() if len(fs) == 1 for f in fs]
    for b in bare:
        # adjoint(p) beside misfit(u) and gradient(u) is something else's
        only = generic if len(generic) == 1 and not taken else []
        found += [(f, b) for f in (alike[b] if len(alike[b]) == 1 else only)]
    return found


def _is_generic(name: str) -> bool:
    words = set(by_name.tokens(name))
    return bool(words & _GENERIC) and words <= _GENERIC | _ASIDE


def _is_backward(function: FunctionType, stem: tuple[str, ...]) -> bool:
    own = by_name.stem_of_backward(function.__name__)
    return own is not None and own == stem
