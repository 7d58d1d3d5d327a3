"""The processes: interruptions, closed pipes, what is imported, and children that end in every way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gradcheck import cli, pipeline
from gradcheck.capture.record import StopRun
from gradcheck.child import Job, Outcome, outcomes, process
from gradcheck.compare import Verdict
from gradcheck.options import Options
from gradcheck.report import Report

Gradcheck = Callable[..., Any]
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
LOOPS = "import os, sys\nprint(os.getpid(), file=sys.stderr, flush=True)\nwhile True: pass\n"


# -- the command


@pytest.fixture
def interruptible() -> Iterator[None]:
    """New processes can be interrupted, also where a shell has started this one in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def looping(interruptible: None, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A command whose child loops, and the child's process number."""
    (tmp_path / "loops.py").write_text(LOOPS)
    (tmp_path / "temporary").mkdir()
    args = [sys.executable, "-m", "gradcheck", "run", "loops.py"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        args,
        cwd=tmp_path,
        stdout=pipe,
        stderr=pipe,
        stdin=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
    ) as command:
        assert command.stderr is not None
        yield command, int(command.stderr.readline())
        command.kill()


def gone(pid: int, seconds: float = 10) -> bool:
    """Whether a process ends within a time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if (stat := Path(f"/proc/{pid}/stat")).exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True  # nobody has asked how it ended
        time.sleep(0.02)
    return False


@posix
@pytest.mark.usefixtures("interruptible")
def test_an_interruption_is_one_line_and_takes_the_child_along(looping: tuple[subprocess.Popen[str], int]) -> None:
    command, child = looping
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=30)
    assert (command.returncode, out, err) == (130, "", "gradcheck: interrupted\n")
    assert gone(child)


@posix
@pytest.mark.usefixtures("interruptible")
def test_an_interruption_inside_an_exec_of_text_ends_in_130_too() -> None:
    code = (
        "import os, signal, sys\nfrom gradcheck import cli, ending\n"
        "text = 'os.kill(os.getpid(), signal.SIGINT)\\nwhile True: pass'\n"
        "cli._main = lambda argv: [ending.now_if_asked(), exec(text)]\nsys.exit(cli.main([]))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (130, "gradcheck: interrupted\n")


@posix
@pytest.mark.usefixtures("interruptible")
def test_an_interruption_in_a_callback_that_lets_nothing_out_ends_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "loops.py").write_text("while True: pass\n")
    code = (
        "import os, signal, sys, weakref\nfrom gradcheck import cli, render\n"
        "class Lock: pass\nlock = Lock()\n"
        "watched = weakref.ref(lock, lambda _: [os.kill(os.getpid(), signal.SIGINT), sum(range(9))])\n"
        "class Formats(dict):\n  def __iter__(self):\n    global lock\n    lock = None\n    return super().__iter__()\n"
        "render.FORMATS = Formats(render.FORMATS)\n"
        "sys.exit(cli.main(['run', 'loops.py']))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert (ran.returncode, ran.stderr) == (130, "gradcheck: interrupted\n")


@posix
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_child_does_not_outlive_the_command(
    looping: tuple[subprocess.Popen[str], int], number: int, tmp_path: Path
) -> None:
    command, child = looping
    command.send_signal(number)
    command.wait(timeout=30)
    assert gone(child)
    assert not list((tmp_path / "temporary").iterdir())


@posix
@pytest.mark.parametrize(
    ("redirected", "code"), [("| head -1", 1), (">&-", 1), ("<&-", 1), (">&- 2>&- <&-", 1), ("> /dev/full", 2)]
)
def test_streams_that_are_closed(folder: Path, gradcheck: Gradcheck, redirected: str, code: int) -> None:
    gradcheck("rules")  # writes the files
    if redirected.endswith("full") and not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    line = f'"{sys.executable}" -m gradcheck run wrong.py:train --call "train(x, y)" --no-properties'
    shell = (
        f"{{ {line}; echo $? > code; }} {redirected}" if "|" in redirected else f"{line} {redirected}; echo $? > code"
    )
    ran = subprocess.run(["sh", "-c", shell], cwd=folder, capture_output=True, text=True, timeout=60)
    assert int((folder / "code").read_text()) == code
    assert "Traceback" not in ran.stderr
    assert "Exception ignored" not in ran.stderr


HEAVY = ("numpy", "hypothesis", "pytest", "tabulate", "tqdm", "multiprocessing")


@pytest.mark.parametrize(
    "args",
    [["--help"], ["run", "--help"], ["--version"], ["rules"], ["explain", "GC201"], ["run", "net.py", "--bogus"]],
)
def test_what_needs_no_numpy_imports_none(args: list[str]) -> None:
    code = (
        "import sys\nfrom gradcheck.cli import main\n"
        f"main({args!r})\nprint(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.stderr.splitlines()[-1] == "[]"


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("it can't be removed")
    shell = f'mkdir gone && cd gone && rmdir ../gone && "{sys.executable}" -m gradcheck run net.py'
    ran = subprocess.run(["sh", "-c", shell], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 2
    assert ran.stderr.startswith("gradcheck: the current folder does not exist any more")


# -- rules, explain, help


def said(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = cli.main(args)
    return (code, *capsys.readouterr())


def test_rules_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    from gradcheck.codes import CODES
    from gradcheck.rules import CODES as of_rules

    code, out, err = said(capsys, "rules")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == list(CODES)
    assert of_rules is CODES


def test_explain_a_code(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gradcheck import codes

    monkeypatch.setattr(codes, "_PAGES", tmp_path)
    code, out, _ = said(capsys, "explain", "gc201")
    assert code == 0
    assert out == "GC201: a gradient sums over the wrong axis\n\nwrong-axis. It has no page yet.\n"
    (tmp_path / "GC201.md").write_text("# GC201\n\nThe [page](x.md) of `db`.\n\n```python\ndb = 1\n```\n")
    assert said(capsys, "explain", "GC201") == (0, "GC201\n\nThe page of db.\n\n    db = 1\n", "")


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "run", "--help")
    assert (code, err) == (0, "")
    options = (
        "--loss --params --grad --call --shapes --batch --seed --method --full --budget --format --output"
        " --no-properties --timeout --allow-inconclusive --jobs -q -v --fix"
    )
    assert [o for o in options.split() if o not in out] == []
    assert 'gradcheck run net.py:train --call "train(x[:8], y[:8], epochs=1)"' in out


# -- children; what is put in place of the pipeline here is inherited by them


def job(target: str = "reference_net", **options: Any) -> Job:
    return Job("run", (target,), Options(properties=False, **{"timeout": 30.0, **options}))


def one(monkeypatch: pytest.MonkeyPatch, run: Callable[..., Any], **options: Any) -> Outcome:
    if not process.FORKS:
        pytest.skip("what is put in place is only inherited by a fork")
    monkeypatch.setattr(pipeline, "run", run)
    return outcomes([job(**options)])[0]


SOME = Report("reference_net", Verdict.PASS, ())


def test_a_fault_of_our_own_is_101(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*_: Any, **__: Any) -> Report:
        return pipeline._report(*[None] * 7)  # type: ignore[arg-type]

    found = one(monkeypatch, run)
    assert found.exit_code == 101
    assert found.report is None
    assert "gradcheck/pipeline.py:" in found.error
    code, out, err = said(capsys, "run", "reference_net")
    assert (code, out) == (101, "")
    assert " ".join(err.split()).startswith("gradcheck: this is a fault of gradcheck's own")
    assert "gradcheck/pipeline.py:" in err


@pytest.mark.slow
def test_time_is_up_with_something_in_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: Any, progress: Callable[[Report], None], output: Any, **__: Any) -> Report:
        for _ in range(2):  # whatever is opened after that for the diagnosis or the properties
            with output(lambda: (5, 1)):
                progress(SOME)
        time.sleep(60)
        return SOME

    found = one(monkeypatch, run, timeout=2.0)
    assert found.exit_code == 1
    assert isinstance(found.report, Report)
    assert found.report.verdict is Verdict.INCONCLUSIVE
    assert found.report.notes[-1].startswith("ended after 2")
    assert "what is missing is inconclusive" in found.report.notes[-1]


@pytest.mark.slow
def test_time_is_up_after_a_backward_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: Any, output: Any, **__: Any) -> Report:
        with output(lambda: (5, 1)):
            pass
        time.sleep(60)
        return SOME

    found = one(monkeypatch, run, timeout=2.0)
    assert found.exit_code == 5
    assert "none of its gradients could be measured in 2 s" in found.error


@pytest.mark.slow
@posix
def test_the_time_limit_is_that_of_the_whole_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(target: Any, *_: Any, **__: Any) -> Report:
        if target.name == "reference_net:original":
            time.sleep(60)
        return SOME

    monkeypatch.setattr(pipeline, "run", run)
    jobs = [job(), job("reference_net:original"), job()]
    found = outcomes(jobs, until=time.monotonic() + 2)
    assert [one.exit_code for one in found] == [0, 2, 1]
    assert found[2].error.startswith("reference_net was not begun: the time limit of the whole run was reached before.")
    assert [one.exit_code for one in outcomes(jobs[1:], until=time.monotonic() + 0.5)] == [2, 5]  # nothing was checked


def test_a_run_that_goes_on_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: Any, output: Any, **__: Any) -> Report:
        try:
            with output(lambda: (5, 1)):
                time.sleep(60)
        except StopRun:
            return SOME
        raise AssertionError

    found = one(monkeypatch, run, timeout=5.0)
    assert found.exit_code == 0
    assert isinstance(found.report, Report)
    assert "the code runs on" in found.report.notes[-1]


def test_a_run_without_a_gradient_is_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: Any, output: Any, **__: Any) -> Report:
        with output(lambda: (5, 0)):
            time.sleep(1.2)
        return SOME

    assert one(monkeypatch, run, timeout=4.0).exit_code == 0


def test_a_crash_after_something_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: Any, progress: Callable[[Report], None], **__: Any) -> Report:
        progress(SOME)
        os.abort()

    found = one(monkeypatch, run)
    assert found.exit_code == 1
    assert isinstance(found.report, Report)
    assert "killed by SIGABRT" in found.report.notes[-1]


def test_nothing_measured_for_lack_of_time_is_5(monkeypatch: pytest.MonkeyPatch) -> None:
    from gradcheck.compare import Comparison

    row = Comparison("dW", "W", "parameter", "net.py", 1, (), (), Verdict.INCONCLUSIVE, reason="time limit reached")
    blind = Report("net.py", Verdict.INCONCLUSIVE, (row,))
    assert one(monkeypatch, lambda *_, **__: blind).exit_code == 5
    seen = replace(blind, comparisons=(row, replace(row, verdict=Verdict.PASS)))
    assert one(monkeypatch, lambda *_, **__: seen).exit_code == 1
    assert one(monkeypatch, lambda *_, **__: seen, allow_inconclusive=True).exit_code == 0


def test_several_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(target: Any, *_: Any, **__: Any) -> Report:
        time.sleep(0.3 if target.name == "reference_net" else 0)
        return replace(SOME, target=target.name)

    if not process.FORKS:
        pytest.skip("what is put in place is only inherited by a fork")
    monkeypatch.setattr(pipeline, "run", run)
    names = ["reference_net", "reference_net:original", "reference_net:corrected"]
    found = outcomes([job(name) for name in names], at_once=3)
    assert [o.report.target for o in found if isinstance(o.report, Report)] == names


def test_nothing_of_a_child_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    one(monkeypatch, lambda *_, **__: SOME)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyboardInterrupt):
        outcomes([job()], meanwhile=_interrupt)
    assert list(tmp_path.iterdir()) == []


def _interrupt() -> None:
    raise KeyboardInterrupt


# -- where there is no fork


@pytest.fixture
def no_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "FORKS", False)


@pytest.mark.usefixtures("no_fork")
def test_a_new_interpreter_does_as_well(tmp_path: Path) -> None:
    (tmp_path / "loops.py").write_text("print('out')\nwhile True: pass\n")
    found = outcomes([job(), job("no_such_net"), job(str(tmp_path / "loops.py"), timeout=4.0)], at_once=3)
    assert [o.exit_code for o in found] == [0, 2, 2]
    assert isinstance(found[0].report, Report)
    assert found[0].report.verdict is Verdict.PASS
    assert "no module 'no_such_net'" in found[1].error
    assert "ran for 4 s" in found[2].error
