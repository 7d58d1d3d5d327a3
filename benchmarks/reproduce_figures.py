"""Train every row of the figures table on the complete MNIST; write docs/figures.md and its plot.

    python benchmarks/reproduce_figures.py [FOLDER]

FOLDER holds MNIST as IDX files; without it, GRADCHECK_MNIST_DIR says where. Every row is trained from five
seeds, which takes about ten minutes. Ends in 1 if an expected accuracy lies outside what the seeds gave, or
if the original does not raise as posted.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from reference_net import data, plot
from reference_net.idx import DataError
from reference_net.training import Progress, Run, learn

DOCS = Path(__file__).parents[1] / "docs"
COMMAND = "GRADCHECK_MNIST_DIR=folder-of-mnist python benchmarks/reproduce_figures.py"
RAISED = "operands could not be broadcast together with shapes (10,) (60000,)"
SEEDS = range(5)
MARGIN = 0.01
"""What is expected was measured once: it may lie this far outside the range of the seeds here."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table: a run and the accuracies that it is to reach."""

    run: Run
    label: str
    """Of its curve."""
    expected: str
    """In words, as the project's founding page has it."""
    course: tuple[float, ...]
    """First, highest and last training accuracy; or just the last."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run gave."""

    history: list[Progress]
    seconds: float
    """Training and one measurement of all 70,000 digits per epoch."""

    @property
    def course(self) -> tuple[float, float, float]:
        """First, highest and last training accuracy."""
        accuracies = [progress.train_accuracy for progress in self.history]
        return accuracies[0], max(accuracies), accuracies[-1]


ORIGINAL = Run("original", "normal", 0.1, 40, skip_b2_update=True)
FIGURES = (
    Figure(ORIGINAL, "original, normal init", "about 12% -> 15% -> 12%", (0.12, 0.15, 0.12)),
    Figure(
        Run("corrected", "normal", 0.5, 300),
        "corrected, normal init, rate 0.5",
        "about 62% train and test",
        (0.62,),
    ),
    Figure(Run("corrected", "he", 0.25, 200), "corrected, He init, rate 0.25", "about 90%", (0.90,)),
    Figure(
        Run("corrected", "he", 0.01, 20, batch=32),
        "corrected, He init, rate 0.01, batches of 32",
        "92.8% train, 92.6% test, 3.3 s",
        (0.928,),
    ),
)


def main() -> int:
    folder = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("GRADCHECK_MNIST_DIR")
    if folder is None:
        raise SystemExit(__doc__)
    try:
        digits = data.load(folder)
    except DataError as error:
        raise SystemExit(str(error)) from None
    message = raised(digits)
    measured = [[measure(replace(figure.run, seed=seed), digits) for seed in SEEDS] for figure in FIGURES]
    DOCS.mkdir(exist_ok=True)
    (DOCS / "figures.md").write_text(page(message, measured))
    draw([results[0] for results in measured], DOCS / "learning-curves.png")
    faults = [fault for figure, results in zip(FIGURES, measured) if (fault := discrepancy(figure, results))]
    if message.strip() != RAISED:
        faults.insert(0, f"the original: expected {RAISED!r}, got {message!r}")
    print("\n".join(faults) or "every figure is as expected")
    return 1 if faults else 0


def raised(digits: data.Digits) -> str:
    """What the original raises as posted, or "" if it does not."""
    try:
        next(learn(replace(ORIGINAL, skip_b2_update=False), digits))
    except ValueError as error:
        return str(error)
    return ""


def measure(run: Run, digits: data.Digits) -> Measured:
    """Train, say so in a line."""
    start = time.perf_counter()
    history = list(learn(run, digits))
    result = Measured(history, time.perf_counter() - start)
    print(f"{run}: {arrows(result.course)}, {result.seconds:.1f} s", flush=True)
    return result


def discrepancy(figure: Figure, results: Sequence[Measured]) -> str | None:
    """A sentence if an expected accuracy lies outside the range of the seeds, else None."""
    courses = [result.course[-len(figure.course) :] for result in results]
    for expected, *measured in zip(figure.course, *courses):
        if not min(measured) - MARGIN <= expected <= max(measured) + MARGIN:
            return f"{figure.label}: expected {figure.expected}, got {'; '.join(map(arrows, courses))}"
    return None


def page(message: str, measured: Sequence[Sequence[Measured]]) -> str:
    """docs/figures.md."""
    table = "\n".join(row(figure, results) for figure, results in zip(FIGURES, measured))
    seeds = "\n".join(seed_row(seed, results) for seed, results in zip(SEEDS, zip(*measured)))
    names = " | ".join(figure.label for figure in FIGURES)
    return f"""# The reference network's figures

All on the complete MNIST (60,000 training and 10,000 test digits), seed {SEEDS[0]},
NumPy {np.__version__}, Python {platform.python_version()}, float64. Seconds are those of the machine
that wrote this page and include measuring all 70,000 digits after every epoch. Made by

    {COMMAND}

| network | init | learning rate | steps | expected | train | test | train, all seeds | seconds |
|---|---|---|---|---|---|---|---|---|
{table}

![Test accuracy of the four runs by epoch](learning-curves.png)

## The original as posted

It does not come through its first epoch. The update of b2 raises

    ValueError: {message.strip()}

Everything else on this page leaves that update out (`--skip-b2-update`).

## By seed

Training accuracy: after the first epoch, at its highest, after the last. From a standard normal start the seed decides
much of what is reached, also by the corrected network; the expected figures are those of one seed.

| seed | {names} |
|---|{"---|" * len(FIGURES)}
{seeds}
"""


def row(figure: Figure, results: Sequence[Measured]) -> str:
    """One figure at the first seed, and the range of its last accuracy over all."""
    run, first = figure.run, results[0]
    ends = [result.course[-1] for result in results]
    cells = (
        f"{run.network}, b2 not updated" if run.skip_b2_update else run.network,
        {"normal": "normal(0, 1)", "he": "He"}[run.init],
        run.learning_rate,
        f"{run.epochs} " + ("full-batch epochs" if run.batch is None else f"epochs, mini-batches of {run.batch}"),
        figure.expected,
        arrows(first.course[-len(figure.course) :]),
        f"{first.history[-1].test_accuracy:.1%}",
        f"{min(ends):.1%} to {max(ends):.1%}",
        f"{first.seconds:.1f}",
    )
    return f"| {' | '.join(map(str, cells))} |"


def seed_row(seed: int, results: Sequence[Measured]) -> str:
    """The courses of all figures at one seed."""
    return f"| {seed} | {' | '.join(arrows(result.course) for result in results)} |"


def arrows(accuracies: Sequence[float]) -> str:
    """12.2% -> 15.7% -> 12.4%"""
    return " -> ".join(f"{accuracy:.1%}" for accuracy in accuracies)


def draw(measured: Sequence[Measured], path: Path) -> None:
    """The four curves of test accuracy, each named at its end; epochs on a logarithmic axis."""
    picture = plot.new_figure(9, 4.6)
    axes = picture.subplots()
    for figure, result, color in zip(FIGURES, measured, (plot.ORANGE, plot.GREY, plot.BLUE, plot.GREEN)):
        accuracies = [progress.test_accuracy for progress in result.history]
        axes.plot(range(1, len(accuracies) + 1), accuracies, color=color, lw=2)
        axes.plot(len(accuracies), accuracies[-1], "o", color=color, ms=5)
        axes.annotate(
            f"{figure.label}: {accuracies[-1]:.1%}",
            (len(accuracies), accuracies[-1]),
            xytext=(
                0,
                -18 if figure.run == ORIGINAL else 8,
            ),  # the original falls: above its end is its curve
            textcoords="offset points",
            ha="right",
            color=color,
        )
    axes.set_xscale("log")
    axes.set_xlim(1, 400)
    axes.set_xticks([1, 3, 10, 30, 100, 300], labels=["1", "3", "10", "30", "100", "300"])
    axes.minorticks_off()
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.set_title("The same network, four ways: test accuracy on MNIST", loc="left", fontsize=12)
    plot.finish(axes, "test accuracy")
    plot.save(picture, path)


if __name__ == "__main__":
    sys.exit(main())
