"""The parent's side: starts the children, reads what they send, kills what runs on."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from gradcheck.child import inside, place
from gradcheck.child.job import Ending, Job, Message, Outcome
from gradcheck.child.outcome import outcome, too_late

GRACE = 0.1
"""Seconds between asking a child where it is and killing it."""
FORKS = hasattr(os, "fork")
"""False on Windows, where a child is a new interpreter."""
SHARES = sys.platform == "linux"
"""Whether what was imported before a fork works after it: macOS's BLAS does not, and each child imports for itself."""


@dataclass(slots=True)
class Child:
    """A forked child that is running."""

    job: Job
    private: Path
    """Its folder for temporary files."""
    pid: int
    results: int
    """What it sends arrives here; the end of file is its end."""
    life: int
    """Held open as long as the parent lives: the child ends when this closes."""
    started: float = field(default_factory=time.monotonic)
    sent: bytearray = field(default_factory=bytearray)

    def left(self) -> float:
        """Seconds until it is killed."""
        limit = self.job.options.timeout
        return 3600.0 if limit is None else min(self.started + limit - time.monotonic(), 3600.0)

    def end(self, *, timed_out: bool) -> Outcome:
        """Kill whatever is left of its process group, and say what came of it."""
        if timed_out:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)  # it writes down where it is
            time.sleep(GRACE)
        status = self.kill()
        os.close(self.results)
        os.close(self.life)
        ending = Ending(time.monotonic() - self.started, timed_out, status, place.read(self.private))
        return outcome(self.job, _messages(self.sent), ending)

    def kill(self) -> int:
        """End it with all that it started; its exit code, or minus the signal that ended it before this did."""
        for send in (os.killpg, os.kill):  # it may not have its own group yet
            with contextlib.suppress(ProcessLookupError, PermissionError):
                send(self.pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def outcomes(
    jobs: Sequence[Job],
    *,
    at_once: int = 1,
    meanwhile: Callable[[], None] = lambda: None,
    until: float | None = None,
) -> list[Outcome]:
    """Run every job in a child of its own, `at_once` of them at a time; `meanwhile` is called once the first runs.

    Each has what is left `until` then, in seconds of time.monotonic(), of its own time limit; without, all of it.
    """
    with _private_folders(len(jobs)) as folders:
        if SHARES:
            inside.prepare(jobs[0])
        if FORKS:
            return _forked(jobs, folders, at_once, meanwhile, until)
        with ThreadPoolExecutor(at_once) as pool:
            found = [pool.submit(_spawned, job, folder, until) for job, folder in zip(jobs, folders)]
            meanwhile()
            return [one.result() for one in found]


@contextlib.contextmanager
def _private_folders(count: int) -> Iterator[list[Path]]:
    root = Path(tempfile.mkdtemp(prefix="gradcheck-")).resolve()
    try:
        folders = [root / str(i) for i in range(count)]
        for folder in folders:
            folder.mkdir()
        yield folders
    finally:
        shutil.rmtree(root, ignore_errors=True)


# -- where there is fork


def _forked(
    jobs: Sequence[Job], folders: Sequence[Path], at_once: int, meanwhile: Callable[[], None], until: float | None
) -> list[Outcome]:
    waiting = list(range(len(jobs)))
    running: dict[int, Child] = {}
    ended: dict[int, Outcome] = {}
    called = False
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                i = waiting.pop(0)
                job = _within(jobs[i], until)
                if job is None:
                    ended[i] = too_late(jobs[i], ended.values())
                else:
                    running[i] = _fork(job, folders[i], running.values())
            if not called:
                called = True
                meanwhile()
            for i in _finished(running) if running else ():
                ended[i] = running[i].end(timed_out=running[i].left() <= 0)
                del running[i]
    finally:
        for child in running.values():
            child.kill()
    return [ended[i] for i in range(len(jobs))]


def _within(job: Job, until: float | None) -> Job | None:
    """The job with the time that is left for it; None where there is none."""
    if until is None or job.options.timeout is None:
        return job
    left = until - time.monotonic()
    if left <= 0:
        return None
    return replace(job, options=replace(job.options, timeout=min(left, job.options.timeout)))


def _fork(job: Job, private: Path, others: Iterable[Child]) -> Child:
    results, sending = os.pipe()
    watching, life = os.pipe()
    not_its = [results, life, *(fd for child in others for fd in (child.results, child.life))]
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # what is buffered would be written twice
    pid = os.fork()
    if pid == 0:
        inside.enter(job, private, sending, watching, not_its)
    os.close(sending)
    os.close(watching)
    return Child(job, private, pid, results, life)


def _finished(running: dict[int, Child]) -> list[int]:
    """Read what has arrived; the children that have ended or must."""
    soonest = min(child.left() for child in running.values())
    ready, _, _ = select.select([c.results for c in running.values()], [], [], max(soonest, 0))
    done = []
    for i, child in running.items():
        if child.results in ready:
            arrived = os.read(child.results, 1 << 20)
            child.sent += arrived
            if not arrived:
                done.append(i)
        if child.left() <= 0 and i not in done:
            done.append(i)
    return done


# -- where there is none


def _spawned(job: Job, private: Path, until: float | None) -> Outcome:
    started = time.monotonic()
    within = _within(job, until)
    if within is None:
        return too_late(job, ())
    job = within
    code = "from gradcheck.child.inside import enter_spawned; enter_spawned()"
    timed_out, status = False, 0
    try:
        ran = subprocess.run(
            [sys.executable, "-c", code],
            input=pickle.dumps((job, private)),
            stdout=subprocess.PIPE,
            timeout=job.options.timeout,
        )
        sent, status = ran.stdout, ran.returncode
    except subprocess.TimeoutExpired as error:
        sent, timed_out = error.stdout or b"", True
    ending = Ending(time.monotonic() - started, timed_out, status, place.read(private))
    return outcome(job, _messages(sent), ending)


def _messages(sent: bytes | bytearray) -> list[Message]:
    """What arrived whole."""
    stream, found = io.BytesIO(sent), []
    with contextlib.suppress(EOFError, pickle.UnpicklingError):
        while True:
            found.append(pickle.load(stream))
    return found
