"""`python -m reference_net train`: train either network and watch it learn, or not."""

from __future__ import annotations

import argparse
import linecache
import math
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
from tqdm import tqdm

from reference_net import data, original, plot
from reference_net.idx import DataError
from reference_net.training import Progress, Run, learn

DIVERGED_OR_RAISED, USAGE, INTERRUPTED = 1, 2, 130

# The original's are those of the post; the corrected network's learn well on the subset within a second.
DEFAULTS = {
    "original": {"init": "normal", "lr": 0.1, "epochs": 40, "batch": None},
    "corrected": {"init": "he", "lr": 0.1, "epochs": 20, "batch": 32},
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code: 0, 1 (the network raised or diverged), 2 (usage, data), 130
    (Ctrl-C).
    """
    parser = _build_parser()
    options = parser.parse_args(arguments)
    history: list[Progress] = []
    try:
        return _train(_run(options), options, history)
    except (DataError, plot.PlotError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print(f"\ninterrupted after {len(history)} of {options.epochs} epochs", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `| head` has read enough; what is still buffered has no reader either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DIVERGED_OR_RAISED


def _build_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m reference_net", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="train")
    train = commands.add_parser("train", help="train a network, one line per epoch")
    add = train.add_argument
    add("--network", choices=list(DEFAULTS), default="corrected", help="default: corrected")
    add("--init", choices=["normal", "he"], help="default: he, for the original normal")
    add("--lr", type=_positive(float), metavar="RATE", help="learning rate; default: 0.1")
    add("--epochs", type=_positive(int), metavar="N", help="default: 20, for the original 40")
    add("--batch", type=_batch, metavar="N", help="rows per step, or `all`; default: 32, for the original all")
    add(
        "--data",
        metavar="WHERE",
        help="`subset` (shipped), `download` (complete MNIST, cached) or a folder of IDX files; default: the "
        "folder in GRADCHECK_MNIST_DIR if that is set, else the subset",
    )
    add("--seed", type=_seed, default=0, metavar="N", help="default: 0")
    add("--skip-b2-update", action="store_true", help="leave out the update at which the original raises")
    add(
        "--plot",
        type=Path,
        metavar="FILE",
        help="draw the curves; the suffix is the format (.png, .svg, .pdf)",
    )
    train.set_defaults(parser=train)
    return parser


def _positive(kind: type) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            number = kind(text)
        except ValueError:
            number = 0
        if not 0 < number < math.inf:
            noun = "whole number" if kind is int else "number"
            raise argparse.ArgumentTypeError(f"expected a positive {noun}, got {text!r}")
        return number

    return parse


def _batch(text: str) -> int | str:
    if text == "all":
        return text
    try:
        return int(_positive(int)(text))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"expected a positive whole number or 'all', got {text!r}") from None


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number of 0 or more, got {text!r}")
    return int(text)


def _run(options: argparse.Namespace) -> Run:
    if options.skip_b2_update and options.network != "original":
        options.parser.error("--skip-b2-update belongs to --network original: the corrected one has nothing to skip")
    for name, default in DEFAULTS[options.network].items():
        if getattr(options, name) is None:
            setattr(options, name, default)
    batch = None if options.batch == "all" else options.batch
    if options.data is None:
        options.data = os.environ.get("GRADCHECK_MNIST_DIR") or "subset"
    return Run(options.network, options.init, options.lr, options.epochs, batch, options.seed, options.skip_b2_update)


def _train(run: Run, options: argparse.Namespace, history: list[Progress]) -> int:
    if options.plot:
        plot.require(options.plot)
    digits = data.load(options.data)
    print(_describe(run))
    print(f"{len(digits.x_train):,} training and {len(digits.x_test):,} test digits: {options.data}")
    print("epoch      loss    train     test", flush=True)
    try:
        _follow(run, digits, history)
    except ValueError as error:
        return _report_raised(error)
    if not math.isfinite(history[-1].loss):
        print(f"the loss is {history[-1].loss} after epoch {len(history)}: try a smaller --lr", file=sys.stderr)
        return DIVERGED_OR_RAISED
    if options.plot:
        plot.draw(history, _describe(run), options.plot)
    return 0


def _follow(run: Run, digits: data.Digits, history: list[Progress]) -> None:
    """Train to the end, or until the loss is no longer a number."""
    # Overflow shows in the loss, which ends the run with a sentence; NumPy's warnings would come before it.
    with np.errstate(all="ignore"), tqdm(total=run.epochs, unit="epoch", leave=False, disable=None) as bar:
        for progress in learn(run, digits):
            history.append(progress)
            tqdm.write(_row(progress))
            sys.stdout.flush()
            bar.update()
            if not math.isfinite(progress.loss):
                return


def _row(progress: Progress) -> str:
    accuracies = f"{progress.train_accuracy:7.2%}  {progress.test_accuracy:7.2%}"
    return f"{progress.epoch:5}  {progress.loss:8.4f}  {accuracies}"


def _describe(run: Run) -> str:
    batch = "all rows at once" if run.batch is None else f"batches of {run.batch}"
    skipped = ", b2 not updated" if run.skip_b2_update else ""
    drawn = f"{run.network}, init {run.init}"
    return f"{drawn}, learning rate {run.learning_rate:g}, {batch}, seed {run.seed}{skipped}"


def _report_raised(error: ValueError) -> int:
    """Show what the original raised and where; anything raised elsewhere is not its own and goes on."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    if frame.filename != original.__file__:
        raise error
    line = linecache.getline(frame.filename, frame.lineno or 0).strip()
    print(
        f"reference_net/original.py:{frame.lineno}: {line}\nValueError: {error}\n"
        "The network stops here, as posted: db2 has one entry per row of the batch, b2 one per class. "
        "--skip-b2-update leaves this update out.",
        file=sys.stderr,
    )
    return DIVERGED_OR_RAISED


if __name__ == "__main__":
    sys.exit(main())
