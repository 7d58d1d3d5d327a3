"""Numeric gradients side by side: gradcheck's engine, scipy, torch and the loops that people write themselves.

    python benchmarks/numeric_peers.py [--write]

One problem, one process, one thread: x (32, 784) -> 10 ReLU -> 10, softmax cross-entropy, 7,960 parameters in
float64. scipy and torch take part where they are installed. --write puts the table into docs/numeric-peers.md.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from gradcheck.numeric import Evaluation, directional, directions, elementwise, noise_floor, numeric_gradient

SHAPES = ((784, 10), (10,), (10, 10), (10,))
CUTS = np.cumsum([int(np.prod(shape)) for shape in SHAPES])
REPEATS = 3
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
PAGE = Path(__file__).parents[1] / "docs" / "numeric-peers.md"


@dataclass
class Problem:
    """The network on its batch; calls are counted."""

    data: Any
    labels: Any
    parameters: Any
    calls: int = 0
    signature: Any = field(default=())

    def __call__(self, theta: Any) -> Any:
        self.calls += 1
        W1, b1, W2, b2 = unpack(theta)
        Z = self.data @ W1 + b1
        logits = np.where(Z.real > 0, Z, 0) @ W2 + b2
        top = logits.real.argmax(axis=1)
        rows = np.arange(len(Z))
        logits = logits - logits[rows, top][:, None]
        self.signature = (("relu", Z.real > 0), ("max", top))
        return (np.log(np.exp(logits).sum(axis=1)) - logits[rows, self.labels]).mean()

    def signed(self, theta: Any) -> Evaluation:
        return Evaluation(self(theta), self.signature)

    def gradient(self) -> Any:
        W1, b1, W2, b2 = unpack(self.parameters)
        Z = self.data @ W1 + b1
        A = np.maximum(Z, 0)
        logits = A @ W2 + b2
        dlogits = np.exp(logits - logits.max(axis=1, keepdims=True))
        dlogits /= dlogits.sum(axis=1, keepdims=True)
        dlogits[np.arange(len(Z)), self.labels] -= 1
        dlogits /= len(Z)
        dZ = dlogits @ W2.T * (Z > 0)
        parts = self.data.T @ dZ, dZ.sum(axis=0), A.T @ dlogits, dlogits.sum(axis=0)
        return np.concatenate([part.reshape(-1) for part in parts])


@dataclass(frozen=True)
class Row:
    """One checker's measurement."""

    name: str
    evaluations: int
    seconds: float
    error: float | None


def unpack(theta: Any) -> list[Any]:
    return [part.reshape(shape) for part, shape in zip(np.split(theta, CUTS[:-1]), SHAPES)]


def problem() -> Problem:
    rng = np.random.default_rng(0)
    sizes = (0.05, 0.1, 0.3, 0.1)
    parameters = [rng.standard_normal(shape) * size for shape, size in zip(SHAPES, sizes)]
    flat = np.concatenate([part.reshape(-1) for part in parameters])
    return Problem(rng.random((32, 784)), rng.integers(0, 10, 32), flat)


def bare_central(f: Callable[[Any], Any], x: Any, h: float = 1e-5) -> Any:
    x, gradient = x.copy(), np.zeros_like(x)
    for i in range(x.size):
        at = x[i]
        x[i] = at + h
        plus = f(x)
        x[i] = at - h
        gradient[i] = (plus - f(x)) / (2 * h)
        x[i] = at
    return gradient


def bare_complex(f: Callable[[Any], Any], x: Any, h: float = 1e-30) -> Any:
    z, gradient = x.astype(complex), np.zeros_like(x)
    for i in range(x.size):
        z[i] += 1j * h
        gradient[i] = f(z).imag / h
        z[i] = x[i]
    return gradient


def timed(name: str, p: Problem, run: Callable[[], Any], error: Callable[[Any], float]) -> Row:
    """The least CPU time of a few runs: other work on the machine only ever slows one down."""
    best = np.inf
    for _ in range(REPEATS):
        p.calls = 0
        start = time.process_time()
        result = run()
        best = min(best, time.process_time() - start)
    return Row(name, p.calls, best, error(result))


def numpy_rows(p: Problem) -> list[Row]:
    true, x = p.gradient(), p.parameters

    def off(gradient: Any) -> float:
        return float(np.abs(gradient - true).max() / np.abs(true).max())

    def along(pairs: Any) -> float:
        return max(abs(e.derivative - true @ v) / abs(true @ v) for v, e in pairs)

    def two_directions() -> Any:
        rng = np.random.default_rng(1)
        base = p.signed(x)
        noise = noise_floor(p.signed, x, rng=rng, base=base)
        return [(v, directional(p.signed, x, v, base=base, noise=noise)) for v in directions(x, 2, rng)]

    rows = [
        timed("bare central loop, h = 1e-5", p, lambda: bare_central(p, x), off),
        timed("bare complex-step loop, h = 1e-30", p, lambda: bare_complex(p, x), off),
        timed("gradcheck, every entry", p, lambda: elementwise(p.signed, x).derivative, off),
        timed("gradcheck, every entry, no signature", p, lambda: numeric_gradient(p, x).derivative, off),
        timed(
            "gradcheck, every entry, method='complex'",
            p,
            lambda: numeric_gradient(p, x, method="complex").derivative,
            off,
        ),
        timed("gradcheck, two directions", p, two_directions, along),
    ]
    if importlib.util.find_spec("scipy"):
        from scipy.optimize import approx_fprime

        rows.insert(0, timed("scipy.optimize.approx_fprime", p, lambda: approx_fprime(x, p), off))
    return rows


def torch_rows(p: Problem) -> list[Row]:
    if not importlib.util.find_spec("torch"):
        return []
    import torch
    from torch.autograd.gradcheck import get_numerical_jacobian

    torch.set_num_threads(1)
    data, labels = torch.from_numpy(p.data), torch.from_numpy(p.labels)
    inputs = tuple(torch.from_numpy(part.copy()).requires_grad_() for part in unpack(p.parameters))

    def loss(W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
        p.calls += 1
        return torch.nn.functional.cross_entropy(torch.relu(data @ W1 + b1) @ W2 + b2, labels)

    true = p.gradient()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's own slow mode, called for its numbers
        jacobian = get_numerical_jacobian(lambda inputs: loss(*inputs), inputs, eps=1e-6)
    numeric = np.concatenate([part.numpy().reshape(-1) for part in jacobian])
    error = float(np.abs(numeric - true).max() / np.abs(true).max())

    def check(fast: bool) -> Callable[[], Any]:
        return lambda: torch.autograd.gradcheck(loss, inputs, fast_mode=fast, check_undefined_grad=False)

    fast = timed("torch.autograd.gradcheck, fast_mode", p, check(True), lambda _: 0.0)
    slow = timed("torch.autograd.gradcheck", p, check(False), lambda _: error)
    return [slow, Row(fast.name, fast.evaluations, fast.seconds, None)]


def table(rows: list[Row]) -> str:
    return tabulate(
        [
            (
                row.name,
                f"{row.evaluations:,}",
                f"{row.seconds:.2g}",
                "verdict only" if row.error is None else f"{row.error:.1e}",
            )
            for row in rows
        ],
        headers=["checker", "evaluations", "seconds", "max&#124;n − a&#124; / max&#124;a&#124;"],
        tablefmt="pipe",
        colalign=("left", "right", "right", "right"),
        disable_numparse=True,
    )


def versions() -> str:
    found = [f"numpy {np.__version__}"]
    for name in ("scipy", "torch"):
        if importlib.util.find_spec(name):
            found.append(f"{name} {importlib.import_module(name).__version__.split('+')[0]}")
    return ", ".join(found)


def page(rows: list[Row], forward: float) -> str:
    return f"""# Numeric gradients, side by side

The problem: x (32, 784) → 10 ReLU → 10, softmax cross-entropy, 7,960 parameters, float64, one thread. n is the
numeric gradient and a the analytic one, by hand. For two directions the error is that of n·v, the larger of the
two. A forward run took {forward * 1e6:.0f} µs of NumPy; torch runs its own forward. All rows come from one run of one
process; the seconds are CPU time, the least of {REPEATS} tries. They are noisy: compare them with one another,
within this table, and not with another machine's.

{table(rows)}

Versions: {versions()}.

"Verdict only" means that the checker compares along one direction and shows no gradient. gradcheck's rows
include the evaluations that measure the noise of the function, and each of its numbers comes with an error bar;
the other rows have none. "No signature" is a plain function, of whose kinks nobody tells: a third pair of
evaluations then shows whether one lies within the step.

    python benchmarks/numeric_peers.py --write

makes this page. scipy and torch take part where they are installed.
"""


def main() -> None:
    p = problem()
    start = time.process_time()
    for _ in range(200):
        p(p.parameters)
    forward = (time.process_time() - start) / 200
    rows = numpy_rows(p) + torch_rows(p)
    print(table(rows))
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page(rows, forward), encoding="utf-8")


if __name__ == "__main__":
    if not os.environ.keys() >= ONE_THREAD.keys():  # they count only before numpy is loaded
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ONE_THREAD)
    main()
