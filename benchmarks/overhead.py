"""What the instrumented forward of the reference network costs, beside the bare one.

    python benchmarks/overhead.py [--repeats 40] [--batch 13 64 256 1024]

Bare is the network's own forward and its loss, as a plain function of the parameters, with W1 moved a little each time.
Instrumented is `Program.along` with the same W1: values replaced, kinks watched, the run ended with the loss, and what
the code changed put back, as a check does it, in rows of as many evaluations as one gradient takes. The two take turns,
so that whatever else the machine does hits both alike; the ratio is the median over turns. One thread does the sums, as
in every check.
"""

from __future__ import annotations

import argparse
import inspect
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType

import numpy as np
from tabulate import tabulate

from gradcheck import conventions
from gradcheck.capture.program import Program
from gradcheck.child.inside import SINGLE_THREADED
from gradcheck.driver import Driver
from gradcheck.evaluation import Evaluation
from gradcheck.loss.choose import of_expression
from gradcheck.resolve import resolve
from reference_net import corrected

ROWS, ROW = 10, 20
"""A turn: ten rows of twenty evaluations of each kind, some milliseconds."""
LOSS = "cross_entropy(Z2, y)"


def seconds(row: Callable[[], AbstractContextManager[Callable[[np.ndarray], object]]], W1: np.ndarray) -> float:
    """Processor time of one evaluation, on average over a turn."""
    moved = [W1 + 1e-6 * k for k in range(8)]
    start = time.process_time()
    for _ in range(ROWS):
        with row() as loss:
            for k in range(ROW):
                loss(moved[k % 8])
    return (time.process_time() - start) / (ROWS * ROW)


def plain() -> ModuleType:
    """The network once more, from a file of no name: what is instrumented stays so while the two take turns."""
    module = ModuleType("plain")
    sys.modules[module.__name__] = module
    exec(compile(inspect.getsource(corrected), "<plain>", "exec"), vars(module))
    return module


def turns(program: Program, repeats: int) -> list[tuple[float, float]]:
    """(bare, instrumented) of each turn."""
    network = plain()
    held = {root.name: root.value for root in program.roots.values()}
    x, y, W1, b1, W2, b2 = (held[name] for name in ("x", "y", "W1", "b1", "W2", "b2"))
    of = program.variables["W1"]

    def bare(moved: np.ndarray) -> float:
        Z2 = network.forward(network.Parameters(moved, b1, W2, b2), x)[2]
        return float(network.cross_entropy(Z2, y))

    def alone() -> AbstractContextManager[Callable[[np.ndarray], float]]:
        return nullcontext(bare)

    def instrumented() -> AbstractContextManager[Callable[[np.ndarray], Evaluation]]:
        return program.along(of)

    with instrumented() as loss:
        assert all(abs(bare(W1 + by) - float(np.real(loss(W1 + by).value))) < 1e-12 for by in (0, 0.1, 0.2))
    return [(seconds(alone, W1), seconds(instrumented, W1)) for _ in range(repeats)]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--repeats", type=int, default=40)
    asked.add_argument("--batch", type=int, nargs="+", default=[13, 64, 256, 1024])
    given = asked.parse_args()
    one_thread = dict.fromkeys(SINGLE_THREADED, "1")
    if not one_thread.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **one_thread})
    target = resolve("reference_net")
    driver = Driver(target, base_of=conventions.bases)
    rows = []
    for m in given.batch:
        with driver.open({**target.sizes, "m": m}) as program:
            program.with_loss(of_expression(program, LOSS, vars(corrected)))
            measured = turns(program, given.repeats)
        bare, instrumented = (statistics.median(side) for side in zip(*measured))
        ratio = statistics.median(b / a for a, b in measured)
        rows.append([m, 1e6 * bare, 1e6 * instrumented, ratio])
    print(tabulate(rows, ["batch", "bare, µs", "instrumented, µs", "ratio"], floatfmt=".3g"))


if __name__ == "__main__":
    main()
