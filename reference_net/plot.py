"""Learning curves as a picture, with matplotlib if it is installed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reference_net.training import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#2563a8", "#d9742b", "#2f8f5b", "#6b7280"


class PlotError(Exception):
    """A picture that can't be drawn; one paragraph with what was given and what would do."""


def require(path: Path) -> None:
    """Raise PlotError if `path` can't become a picture: asked before training, not after an hour of it."""
    figure = new_figure(1, 1)
    formats = figure.canvas.get_supported_filetypes()
    if path.suffix.lstrip(".") not in formats:
        known = ", ".join(f".{name}" for name in sorted(formats))
        raise PlotError(f"{path}: expected a picture's file name ending in one of {known}, got {path.suffix!r}")
    if not path.parent.is_dir():
        raise PlotError(f"{path}: expected an existing folder, got {path.parent}")


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in inches. It bypasses pyplot: no window, no global state, no backend to choose."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise PlotError("a plot needs matplotlib, which is not installed: pip install gradcheck[plot]") from None
    return Figure(figsize=(width, height), layout="constrained")


def draw(history: Sequence[Progress], title: str, path: Path) -> None:
    """Write loss and accuracies of one run, per epoch, to `path`. Raises PlotError."""
    figure = new_figure(9, 3.8)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    loss, accuracy = figure.subplots(1, 2)
    _curve(loss, [progress.loss for progress in history], color=GREY)
    _curve(accuracy, [progress.train_accuracy for progress in history], color=BLUE, label="training")
    _curve(accuracy, [progress.test_accuracy for progress in history], color=ORANGE, label="test")
    accuracy.legend(frameon=False)
    finish(loss, "mean cross-entropy (nats)")
    finish(accuracy, "accuracy")
    accuracy.yaxis.set_major_formatter("{x:.0%}")
    save(figure, path)


def _curve(axes: Axes, values: Sequence[float], **style: str) -> None:
    marker = "o" if len(values) == 1 else None  # a single epoch has no line to show
    axes.plot(range(1, len(values) + 1), values, lw=1.8, marker=marker, **style)
    axes.xaxis.get_major_locator().set_params(integer=True)


def finish(axes: Axes, ylabel: str) -> None:
    """Name the axes and take away the ink that says nothing."""
    axes.set_xlabel("epoch")
    axes.set_ylabel(ylabel)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e5e7eb", lw=0.8)
    axes.set_axisbelow(True)


def save(figure: Figure, path: Path) -> None:
    """Write the figure; PlotError where the file can't be written."""
    try:
        figure.savefig(path, dpi=160)
    except OSError as error:
        raise PlotError(f"{path} cannot be written: {error.strerror}") from None
