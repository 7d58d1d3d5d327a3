"""The command `gradcheck`: reads what is asked, has it done in a child process, prints the report."""

from __future__ import annotations

import contextlib
import os
import sys
import textwrap
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradcheck import arguments, config, ending
from gradcheck.errors import GradcheckError, UsageError

if TYPE_CHECKING:
    from gradcheck.child import Outcome

INTERNAL = 101
INTERRUPTED = 130
SEVERITY = (0, 5, 1, 2, INTERNAL)
"""Of several TARGETs' exit codes the one that stands last counts."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; its exit code. Nothing else of gradcheck prints."""
    _open_standard_streams()
    try:
        with ending.in_order():
            code = _main(sys.argv[1:] if argv is None else argv)
    except GradcheckError as error:
        _complain(str(error))
        code = error.exit_code
    except KeyboardInterrupt:
        _complain("interrupted")
        code = INTERRUPTED
    except Exception as error:
        _complain(_internal("".join(traceback.format_exception(error))))
        code = INTERNAL
    return code


def _main(argv: Sequence[str]) -> int:
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS and _like_target(argv[0]):
        raise UsageError(f"{argv[0]!r} is no command; to check it: gradcheck run {argv[0]}")
    try:
        asked = arguments.parse(argv)
    except SystemExit as done:  # --help, --version
        return int(done.code or 0)
    if asked.command is None:
        raise UsageError(
            f"expected a command: {', '.join(COMMANDS)}. For example gradcheck run net.py:train. See gradcheck --help."
        )
    if asked.command == "init":
        raise UsageError("gradcheck init is not built yet.")
    if asked.command == "rules":
        return _rules()
    if asked.command == "explain":
        return _explain(asked.code)
    return _check(asked)


COMMANDS = ("run", "diff", "shapes", "explain", "rules", "mutate", "init")


def _like_target(word: str) -> bool:
    return ":" in word or word.endswith(".py") or (word != "" and Path(word).is_dir())


# -- run, diff, shapes


def _check(asked: Any) -> int:
    said = arguments.given(asked)
    here = _here()
    told = config.load(here)
    values = {**told.values, **said}
    targets = tuple(asked.targets) or told.targets
    if not targets:
        raise UsageError(
            "expected a TARGET, e.g. gradcheck run net.py:train, or `targets` under [tool.gradcheck] in pyproject.toml."
        )
    arguments.agree(asked.command, targets, values)
    from gradcheck.child import Job, outcomes

    options, folders = arguments.options(values), tuple(config.folders(told, here))
    groups = [targets] if asked.command == "diff" else [(target,) for target in targets]
    jobs = [Job(asked.command, group, options, folders, bool(values.get("quiet"))) for group in groups]
    show = _Show(asked.command, values)
    until = None if options.timeout is None else time.monotonic() + options.timeout
    done = outcomes(jobs, at_once=values.get("jobs", 1), meanwhile=show.prepare, until=until)
    if any(one.several for one in done):
        done = [each for one in done for each in _with_parts(one, values.get("jobs", 1), until)]
    left = sum(one.report is None and one.part for one in done)
    for one in done:
        if one.error:
            _complain(_internal(one.error) if one.exit_code == INTERNAL else one.error)
    reports = [one.report for one in done if one.report is not None]
    show(reports, several=len(done) > 1, unchecked=left)
    if getattr(asked, "fix", False):
        _fix(reports)
    return max((one.exit_code for one in done), key=SEVERITY.index)


def _with_parts(whole: Outcome, at_once: int, until: float | None) -> list[Outcome]:
    """The outcome of each thing that was found in a file of functions and classes, or beside a script's step.

    Nobody has named them: beside one that was checked, one that can't be driven is inconclusive, no error.
    """
    from gradcheck.child import outcomes

    if not whole.several:
        return [whole]
    own = [whole] if whole.report is not None else []
    found = outcomes([replace(whole.job, targets=(t,)) for t in whole.several], at_once=at_once, until=until)
    if not own and all(one.report is None for one in found):
        return found
    unchecked = 0 if whole.job.options.allow_inconclusive else 1
    return own + [
        replace(one, part=True, exit_code=unchecked) if one.report is None and one.exit_code != INTERNAL else one
        for one in found
    ]


def _fix(reports: Sequence[Any]) -> None:
    """Write the proven fixes, and say so on standard error. Raises UsageError for a file that is not what it was."""
    from gradcheck.patch import merged, write
    from gradcheck.source import shown

    patches = merged(patch for report in reports for patch in report.patches)
    for patch in patches:
        write(patch)
        _complain(f"--fix: {shown(patch.file)} is fixed.\n{textwrap.indent(patch.diff.rstrip(), '  ')}")
    if not patches:
        right = all(report.exit_code == 0 for report in reports)
        both = any(f.fix is not None and not f.fix.decided for report in reports for f in report.findings)
        why = "two edits of one line are proven that are not the same" if both else "no fix is proven"
        _complain(f"--fix: nothing was written, since {'nothing is wrong' if right else why}.")


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("the current folder does not exist any more; go to another one.") from None


class _Show:
    """Where the reports go and how they look there."""

    def __init__(self, command: str, values: dict[str, Any]) -> None:
        self._command = command
        self._format = values.get("format", "text")
        self._file = Path(values["output"]) if "output" in values else None
        self._verbose = -1 if values.get("quiet") else values.get("verbose", 0)

    def prepare(self) -> None:
        """Load what renders, while the child is at work. Raises UsageError for a format that is not built."""
        from gradcheck import render

        built = render.MUTATION_FORMATS if self._command == "mutate" else tuple(render.FORMATS)
        if self._format not in built:
            raise UsageError(f"--format {self._format} is not built yet; there are {', '.join(built)}.")
        ending.now_if_asked()

    def __call__(self, reports: Sequence[Any], *, several: bool, unchecked: int = 0) -> None:
        if not reports:
            return
        text = self._rendered(reports, several, unchecked)
        if self._file is None:
            _say(text)
            return
        try:
            self._file.write_text(f"{text}\n", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise UsageError(f"--output {self._file}: {error.strerror}.") from None

    def _rendered(self, reports: Sequence[Any], several: bool, unchecked: int) -> str:
        from gradcheck import render
        from gradcheck.render import terminal

        to = sys.stdout if self._file is None else None
        look: dict[str, Any] = {
            "width": terminal.width(to, os.environ) if to else terminal.DEFAULT_WIDTH,
            "color": to is not None and terminal.use_color(to, os.environ),
            "ascii": to is not None and terminal.needs_ascii(to),
            "verbose": self._verbose,
        }
        if self._command == "mutate":
            return render.render_mutation(reports[0], self._format, **look)
        if self._command == "diff":
            return render.render_diff(reports[0], self._format, **look)
        if self._command == "shapes" and self._format == "text":
            return render.render_shapes(reports[0], **look)
        if several and self._format == "json":
            return render.render_json(reports, unchecked)
        return render.render(reports, self._format, unchecked=unchecked, **look)


# -- rules, explain


def _rules() -> int:
    from gradcheck.codes import CODES

    widest = max(len(category) for category, _ in CODES.values())
    _say("\n".join(f"{code}  {category:<{widest}}  {meaning}" for code, (category, meaning) in CODES.items()))
    return 0


def _explain(asked: str) -> int:
    from gradcheck.codes import CODES, page

    code = asked.strip().upper()
    if code not in CODES:
        import difflib

        near = difflib.get_close_matches(code, CODES, 3, 0.5) or list(CODES)
        raise UsageError(f"{asked!r} is no code; the nearest are {', '.join(near)}. All of them: gradcheck rules.")
    from gradcheck.pages import laid_out

    category, meaning = CODES[code]
    told = page(code) or f"# {code}: {meaning}\n\n{category}. It has no page yet."
    _say(laid_out(told, _columns(1)))
    return 0


# -- errors


def _complain(text: str) -> None:
    """One paragraph on standard error, wrapped; lines that are indented, code and frames, stay as they are."""
    first, *rest = f"gradcheck: {text.strip()}".splitlines() or [""]
    lines = [*_wrapped(first), *(part for line in rest for part in ([line] if line[:1].isspace() else _wrapped(line)))]
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError):
        print("\n".join(lines), file=sys.stderr, flush=True)


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, _columns(), break_long_words=False, break_on_hyphens=False) or [""]


def _columns(stream: int = 2) -> int:
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return max(int(told), 40)
    try:
        return max(os.get_terminal_size(stream).columns, 40)
    except OSError:
        return 100


def _internal(trace: str) -> str:
    from platform import platform, python_version

    from gradcheck import __version__

    return (
        "this is a fault of gradcheck's own, not of the code that was checked. Please report it with what follows"
        f" and, if you can, the file.\n  gradcheck {__version__}, Python {python_version()}, {platform()}\n"
        + textwrap.indent(trace.rstrip(), "" if trace.startswith(" ") else "  ")
    )


# -- the process


def _open_standard_streams() -> None:
    """Closed standard streams lead nowhere, instead of to whatever is opened next."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _say(text: str) -> None:
    """Print to standard output. Raises UsageError where that can't be written; a reader that has gone is no error."""
    try:
        print(text, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the interpreter's own flush at the end must not fail again
        if not isinstance(error, BrokenPipeError):
            raise UsageError(f"standard output can't be written: {error.strerror}.") from None
