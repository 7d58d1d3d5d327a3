# ruff: noqa
# fmt: off
"""The module's own docstring."""
from __future__ import annotations

import inspect
import typing

size: int = 3
later: "list[no_such_name]"


class Annotated:
    """Class docstring."""
    x: list[undefined] = 1
    y: max(1.5, 2.5)
    def method(self, a: 3 < 4, b: (lambda: 1) = 2, *c: abs(-1.5), d: [v for v in range(2)] = 3, **e: "text") -> x > 1:
        """Method docstring."""
        local: also_undefined = 5
        return local


def only_docstring():
    """Nothing else."""


def docstring_and_more(x):
    """Kept."""
    global size
    size = x
    return size


def not_a_docstring():
    f"""formatted {size}"""
    return 1


def bytes_first():
    b"bytes"
    return 2


async def coroutine(x):
    """Async docstring."""
    return x


def main():
    return [
        __doc__, Annotated.__doc__, Annotated.method.__doc__, only_docstring.__doc__, docstring_and_more.__doc__,
        not_a_docstring.__doc__, bytes_first.__doc__, coroutine.__doc__, Annotated.__annotations__,
        Annotated.method.__annotations__, __annotations__, docstring_and_more(7), size, Annotated().method(1),
        str(inspect.signature(Annotated.method)), inspect.getsource(only_docstring), only_docstring(),
        inspect.signature(docstring_and_more).parameters["x"].name, docstring_and_more.__code__.co_firstlineno,
        docstring_and_more.__code__.co_varnames, Annotated.method.__code__.co_argcount, inspect.iscoroutinefunction(coroutine),
        Annotated.method.__kwdefaults__, Annotated.method.__qualname__,
    ]
