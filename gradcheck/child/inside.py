"""The child's side: cut off from the terminal, drives the target, sends what came of it, and never returns."""

from __future__ import annotations

import gc
import os
import pickle
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, NoReturn

from gradcheck import ending, standins
from gradcheck.child import place, streams
from gradcheck.child.apart import keep_apart
from gradcheck.child.guard import Guard
from gradcheck.child.job import Job, Message
from gradcheck.child.listening import Listening
from gradcheck.errors import ComplexParameters, GradcheckError, NothingToCheck, Several, TargetError, UsageError
from gradcheck.standins.surroundings import searched

if TYPE_CHECKING:
    from gradcheck.child.job import Result

_end = os._exit
Send = Callable[[Message], None]
SINGLE_THREADED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Set to 1 where unset. A check is thousands of small products: on two busy cores, two OpenBLAS threads took more than
60 s over what one did in 13 s (784-256-10 network, batch 256), and only one adds up in the same order each time."""


def enter(job: Job, private: Path, results: int, life: int, not_its: Iterable[int]) -> NoReturn:
    """What a forked child does."""
    try:
        os.setsid()  # Ctrl-C is the parent's, who kills the whole group
        ending.as_usual()
        for descriptor in not_its:
            os.close(descriptor)
        threading.Thread(target=_end_with_parent, args=(life, private.parent), daemon=True).start()
        _serve(job, private, os.fdopen(results, "wb"))
    finally:
        _end(0)


def enter_spawned() -> NoReturn:
    """What a child does that is a new interpreter: its job comes from standard input, answers go to standard output."""
    try:
        job, private = pickle.load(sys.stdin.buffer)
        _serve(job, private, os.fdopen(os.dup(1), "wb"))
    finally:
        _end(0)


def _end_with_parent(life: int, temporary: Path) -> None:
    os.read(life, 1)  # returns when the parent is gone
    shutil.rmtree(temporary, ignore_errors=True)
    _end(1)


def _serve(job: Job, private: Path, results: BinaryIO) -> None:
    started = time.monotonic()

    def send(message: Message) -> None:
        results.write(pickle.dumps(message))
        results.flush()

    streams.cut_off(quiet=job.quiet)
    place.write_down_into(private)
    guard = Guard(private.parent)
    try:
        prepare(job)
        gc.freeze()  # the user's functions are looked for among all objects, again and again: these are none of them
        _settle_in(job, private)
        keep_apart(guard, private)
        guard.stand()
        files = _files(job)
        with standins.active([source for file in files for source in standins.sources_of(file)]), searched(files):
            send(Message("report", _noted(_done(job, started, guard, send), guard)))
    except GradcheckError as error:
        apart = isinstance(error, Several) and job.command == "run"
        kind: Literal["several", "error"] = "several" if apart else "error"
        send(Message(kind, text=str(error), exit_code=error.exit_code, targets=getattr(error, "targets", ())))
    except BaseException as error:
        send(_escaped(error, job))
    finally:
        streams.flush()


def _settle_in(job: Job, private: Path) -> None:
    """Process-wide settings, before anything of the user's is imported."""
    os.environ.setdefault("MPLBACKEND", "Agg")  # no window that waits to be closed
    tempfile.tempdir = str(private)
    os.environ.update(TMPDIR=str(private), HYPOTHESIS_STORAGE_DIRECTORY=str(private / "hypothesis"))
    sys.dont_write_bytecode = True
    os._exit = sys.exit  # type: ignore[assignment]  # what was seen before that is checked
    sys.breakpointhook = lambda *_, **__: None
    sys.argv = [job.targets[0].partition(":")[0]]


def _files(job: Job) -> list[Path]:
    """Those of the targets that are files, before any of them is imported."""
    return [file for text in job.targets if (file := Path(text.partition(":")[0])).is_file()]


def prepare(job: Job) -> None:
    """Import all of gradcheck that a job needs, before the user's folder comes first in the path and may shadow it."""
    for name in SINGLE_THREADED:
        os.environ.setdefault(name, "1")
    import gradcheck.layers_diff
    import gradcheck.pipeline
    import gradcheck.resolve

    if job.command == "mutate":
        import gradcheck.mutate.run
    if job.command == "run" and job.options.properties:
        import gradcheck.properties.run  # noqa: F401


def _done(job: Job, started: float, guard: Guard, send: Send) -> Result:
    from gradcheck import layers_diff, pipeline
    from gradcheck.blame.doubts import ASSUMED, HIDDEN
    from gradcheck.capture.pairing import MOVED
    from gradcheck.resolve import defined, resolve, tried

    sys.path[:0] = [f for f in job.folders if f not in sys.path[:1]]
    options = job.options
    targets = [resolve(text, call=options.call, shapes=options.shapes, examples=True) for text in job.targets]
    if options.timeout is not None:
        left = options.timeout - (time.monotonic() - started)
        options = replace(options, timeout=max(left, 1e-3))
    listening = Listening(options.timeout, guard.note, lambda: send(Message("seen")))
    if job.command == "diff":
        return layers_diff.run(targets[0], targets[1], options, output=listening)
    if job.command == "mutate":
        from gradcheck.mutate.run import mutate

        return mutate(
            targets[0],
            options,
            output=listening,
            progress=lambda so_far: send(Message("partial", _noted(so_far, guard))),
        )
    if job.command == "shapes":
        return pipeline.run_shapes(targets[0], options, output=listening)
    try:
        report = pipeline.run(
            targets[0],
            options,
            output=listening,
            progress=lambda report: send(Message("partial", _noted(report, guard))),
        )
        assumed = any(row.reason == ASSUMED for row in report.comparisons) and not options.says_what
        # where a script only tries what it defines, its backward is handed anything, and there is no loss
        if assumed and (parts := tried(targets[0], {(row.file, row.line) for row in report.comparisons})):
            raise Several(parts)
        # nor does what is merely added to something in a loop show a training step
        added = assumed and all(row.name.endswith(MOVED) for row in report.comparisons)
        parameters = [row for row in report.comparisons if row.kind == "parameter"]
        hidden = bool(parameters) and all(row.reason.endswith(HIDDEN) for row in parameters) and not options.says_what
        # where no update tells a gradient, a function that hands them back may
        if (hidden or added) and (parts := defined(targets[0])):
            raise Several(parts)
        return report
    except ComplexParameters:
        raise
    except (NothingToCheck, TargetError, UsageError) as error:
        script = targets[0].script
        seen = isinstance(error, UsageError) and script is not None and script.suffix == ".ipynb"
        found = () if options.says_what else defined(targets[0], ends=seen or isinstance(error, NothingToCheck))
        if not found:
            raise
        raise Several(found) from None


def _noted(report: Result, guard: Guard) -> Result:
    return replace(report, notes=tuple(dict.fromkeys((*report.notes, *guard.notes(), *standins.told()))))


def _escaped(error: BaseException, job: Job) -> Message:
    """What is no GradcheckError: the user's doing if their code raised it, else a fault of gradcheck's own."""
    from gradcheck.source import told, traced

    if isinstance(error, MemoryError):
        text = f"{job.name} needs more memory than there is: {told(error)}. Give it smaller inputs, e.g. with --call."
        return Message("error", text=f"{text}\n{traced(error)}".rstrip(), exit_code=2)
    if place.raised_by_user(error):
        text = f"{job.name} raised {told(error)}"
        return Message("error", text=f"{text}\n{traced(error)}".rstrip(), exit_code=TargetError.exit_code)
    return Message("internal", text=place.own_frames(error))
