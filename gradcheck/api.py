"""The library's verbs: `check`, `check_vjp` and `diff`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from gradcheck import layers_diff, pipeline
from gradcheck.adapters.pair import pair
from gradcheck.errors import UsageError
from gradcheck.options import Options
from gradcheck.report import DiffReport, Report
from gradcheck.resolve import of_object, resolve
from gradcheck.target import Target

Subject = str | ModuleType | Callable[..., Any]


def check(
    subject: Subject,
    backward: Callable[..., Any] | None = None,
    /,
    *,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    loss: str = "auto",
    params: Sequence[str] = (),
    grads: Mapping[str, str] | None = None,
    call: str | None = None,
    shapes: str | None = None,
    batch: int | None = None,
    seed: int = 0,
    method: str = "auto",
    full: bool = False,
    budget: int | None = None,
    properties: bool = False,
    fixes: bool = True,
    timeout: float | None = None,
) -> Report:
    """Check a backward pass, and say which line is wrong.

    `subject` is a TARGET text as on the command line, a module, or a function that does forward and backward; with
    `backward` it is the forward of a pair. `args` are what it is called with.

    A step that computes its own gradients, found by their names:

    >>> import numpy as np
    >>> import gradcheck
    >>> report = gradcheck.check("reference_net")
    >>> report.verdict.value, [c.name for c in report.comparisons]
    ('pass', ['dZ2', 'dW2', 'db2', 'dZ1', 'dW1', 'db1'])

    A pair, `out` or `out, cache = forward(x, w)` and `dx, dw = backward(dout, cache)`, is held against a random
    upstream gradient:

    >>> def forward(x, w):
    ...     return x @ w, (x, w)                # (5, 3) @ (3, 2) -> (5, 2)
    >>> def backward(dout, cache):
    ...     x, w = cache
    ...     return dout @ w.T, x.T @ dout       # (5, 3), (3, 2)
    >>> rng = np.random.default_rng(0)
    >>> args = rng.standard_normal((5, 3)), rng.standard_normal((3, 2))
    >>> gradcheck.check(forward, backward, args=args).verdict.value
    'pass'

    `report.raise_if_wrong()` makes an assertion of it. The options are those of the command line; see `Options`.
    Nothing of the caller's is changed. Raises UsageError or TargetError for what can't be read or driven, and
    NothingToCheck where no gradient was seen.
    """
    options = Options(
        loss=loss,
        params=tuple(params),
        grads=dict(grads or {}),
        call=call,
        shapes=shapes,
        batch=batch,
        seed=seed,
        method=method,
        full=full,
        budget=budget,
        properties=properties,
        fixes=fixes,
        timeout=timeout,
    )
    return pipeline.run(target_of(subject, backward, args, kwargs, options), options)


def check_vjp(
    f: Callable[..., Any],
    vjp: Callable[..., Any],
    /,
    *args: Any,
    seed: int = 0,
    full: bool = False,
    method: str = "auto",
) -> Report:
    """Check a vector-Jacobian product: `vjp(v, *args)` must be vᵀ ∂f/∂args for a random v of f's output's shape.

    `vjp` returns one gradient for each of `args`, in order (the gradient itself where there is one).

    >>> import numpy as np
    >>> import gradcheck
    >>> x = np.linspace(-1, 1, 5)
    >>> gradcheck.check_vjp(np.sin, lambda v, x: v * np.cos(x), x).verdict.value
    'pass'
    >>> gradcheck.check_vjp(np.sin, lambda v, x: v * np.sin(x), x).verdict.value
    'fail'
    """
    options = Options(seed=seed, full=full, method=method, properties=False)
    name = getattr(f, "__name__", "f")
    target = pair(name, f, vjp, args=args, cache=False)
    return pipeline.run(target, options)


def diff(a: Subject, b: Subject, /, *, loss: str = "auto", batch: int | None = None, seed: int = 0) -> DiffReport:
    """Two backward passes on the same parameters and the same batch, gradient by gradient.

    >>> import gradcheck
    >>> report = gradcheck.diff("reference_net:original", "reference_net:corrected")
    >>> [(row.name, row.right) for row in report.rows if row.different]
    [('dW2', 'b'), ('db2', 'b'), ('dW1', 'both'), ('db1', 'b')]
    """
    options = Options(loss=loss, batch=batch, seed=seed)
    return layers_diff.run(target_of(a, None, None, None, options), target_of(b, None, None, None, options), options)


def target_of(
    subject: Subject,
    backward: Callable[..., Any] | None,
    args: Sequence[Any] | None,
    kwargs: Mapping[str, Any] | None,
    options: Options,
) -> Target:
    """What `check` is handed, as a Target: a pair, a TARGET text, a module or a function."""
    if backward is not None:
        if not callable(subject):
            raise UsageError(f"check: expected forward and backward functions, got {subject!r:.60} for the forward.")
        return pair(
            getattr(subject, "__name__", "forward"),
            subject,
            backward,
            args=args,
            shapes=options.shapes or "",
            kwargs=kwargs,
        )
    if isinstance(subject, str):
        if args is not None or kwargs is not None:
            raise UsageError(f"check: args go with a function; for the TARGET {subject!r} say call='...'.")
        return resolve(subject, call=options.call, shapes=options.shapes)
    return of_object(subject, call=options.call, shapes=options.shapes, args=args, kwargs=kwargs)
