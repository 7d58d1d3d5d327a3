"""The pytest plugin: `@pytest.mark.gradcheck("pkg.net:train")` makes one test item of every gradient.

All items of a test share one run of the check, which is made when the first of them runs. Every session with gradcheck
installed imports this module: it imports pytest and the standard library, the rest once a mark is met.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import random
import re
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gradcheck.errors import GradcheckError, UsageError, WrongGradientError

if TYPE_CHECKING:
    from gradcheck.options import Options
    from gradcheck.render.part import Part
    from gradcheck.report import Report
    from gradcheck.target import Target

MARK = "gradcheck"
PARAMETER = "_gradcheck_portion"
"""The hidden parameter that makes several items of one test."""
REST = "rest"
"""Id of the item for what is no single gradient's."""
WHOLE = "target"
"""Id of the only item of a target whose gradients are not known before it runs."""
TIMEOUT = 60.0
"""Seconds for a check, as on the command line."""
_OWN = str(Path(__file__).parent) + os.sep


@dataclass(frozen=True, slots=True)
class Check:
    """One check as it was asked for."""

    asked: tuple[pytest.Mark, ...]
    """The marks, or what stands for one; a check has exactly one."""
    where: str
    """Who asks: "test_net", for messages."""
    folders: tuple[Path, ...]
    """Where files and modules are looked for besides: the test file's folder, the root."""

    def names(self) -> tuple[str, ...]:
        """The gradients that there will be, from one run of the code. Raises as `report` does."""
        from gradcheck.pipeline import gradient_names

        options = self.options()
        with _undisturbed(self.folders):
            return gradient_names(self._target(options), options)

    def report(self) -> Report:
        """The check itself. Raises GradcheckError for what can't be read, imported, driven or seen."""
        from gradcheck.pipeline import run
        from gradcheck.render.wording import settle

        options = self.options()
        with _undisturbed(self.folders):
            return settle(run(self._target(options), options))

    def options(self) -> Options:
        """The mark's keywords. Raises UsageError for one that is not known or not of its kind."""
        from gradcheck.options import Options

        given = {k: v for k, v in self._one.kwargs.items() if k not in ("args", "kwargs")}
        kinds = {f.name: str(f.type) for f in fields(Options)}
        for name, value in given.items():
            if name not in kinds:
                near = difflib.get_close_matches(name, [*kinds, "args", "kwargs"], 1, 0.5)
                meant = f"; did you mean {near[0]!r}?" if near else "."
                known = ", ".join(sorted([*kinds, "args", "kwargs"]))
                raise UsageError(f"gradcheck mark of {self.where}: unknown keyword {name!r}{meant} Known are {known}.")
            given[name] = _read(name, value, kinds[name], self.where)
        return Options(**{"timeout": TIMEOUT, **given})

    def _target(self, options: Options) -> Target:
        from gradcheck.api import target_of

        mark = self._one
        if not mark.args or len(mark.args) > 2:
            given = ", ".join(f"{a!r:.40}" for a in mark.args) or "none"
            raise UsageError(
                f"gradcheck mark of {self.where}: expected one TARGET, or a forward and a backward function, got {given}."
                ' For example @pytest.mark.gradcheck("net.py:train").'
            )
        subject, backward = (*mark.args, None)[:2]
        if isinstance(subject, str):
            subject = self._found(subject)
        return target_of(subject, backward, mark.kwargs.get("args"), mark.kwargs.get("kwargs"), options)

    def _found(self, text: str) -> str:
        """A TARGET with its file's path as it reads from here; the test's own folder comes before the root."""
        head, dot_py, rest = text.partition(".py")
        for folder in self.folders if dot_py and not rest.strip().startswith(".") else ():
            if (path := folder / f"{head}.py").is_file():
                with contextlib.suppress(ValueError):  # another drive
                    path = Path(os.path.relpath(path))
                return f"{path}{rest}"
        return text

    @property
    def _one(self) -> pytest.Mark:
        if len(self.asked) > 1:
            targets = ", ".join(repr(m.args[0]) if m.args else "no target" for m in self.asked)
            raise UsageError(
                f"gradcheck mark of {self.where}: expected one, got {len(self.asked)}, for {targets}. Write a test each."
            )
        return self.asked[0]


@dataclass(frozen=True, slots=True)
class Portion:
    """What one item holds of a check."""

    check: Check
    name: str | None
    """A gradient's name; None for the rest, or for everything."""
    names: tuple[str, ...] = ()
    """The gradients that have items of their own; none where one item holds everything."""

    @property
    def id(self) -> str:
        """What stands in the item's brackets."""
        return self.name if self.name is not None else REST if self.names else WHOLE


@dataclass(slots=True)
class Outcome:
    """What a check came to: its report, or what was raised."""

    report: Report | None
    error: Exception | None
    shown: str = ""
    """The item under which the whole table has been shown."""

    def get(self) -> Report:
        """The report; raises what the check raised."""
        if self.report is None:
            assert self.error is not None
            raise self.error.with_traceback(None)
        return self.report


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure of ours, for `pytest_runtest_makereport` to show."""

    error: BaseException
    outcome: Outcome | None = None
    part: Part | None = None


@dataclass(slots=True)
class Session:
    """What is known in this session."""

    names: dict[int, tuple[Any, tuple[str, ...]]] = field(default_factory=dict)
    """By the id of a mark, which is kept alive: a class's or module's mark is read once for all of its tests."""
    outcomes: dict[object, Outcome] = field(default_factory=dict)
    """By test and by its other parameters, on which a fixture may make the target depend."""


_SESSION = pytest.StashKey[Session]()
_FAILURE = pytest.StashKey[Failure]()


# -- what pytest calls


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gradcheck", "gradients of hand-written backward passes")
    group.addoption(
        "--gradcheck",
        action="store_true",
        help="also check the targets listed under [tool.gradcheck] in pyproject.toml, one item a gradient;"
        " left out where single files or tests are named",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "gradcheck(target, *, loss, params, grads, call, shapes, batch, seed, method, full, budget, properties, timeout,"
        " allow_inconclusive): check target's backward pass, one item a gradient.",
    )
    config.stash[_SESSION] = Session()
    if config.getoption("gradcheck") and not any("::" in arg or Path(arg).is_file() for arg in config.args):
        config.args.append(str(config.rootpath / "pyproject.toml"))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    config = parent.config
    if not config.getoption("gradcheck") or file_path != config.rootpath / "pyproject.toml":
        return None
    found: pytest.Collector = Configured.from_parent(parent, path=file_path)
    return found


@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    check = _check_of(metafunc.definition)
    if check is not None:
        portions = _portions(check, metafunc.config)
        metafunc.fixturenames.append(PARAMETER)
        # the mark tells Hypothesis that one function is run as several tests
        several = pytest.mark.parametrize(PARAMETER, [p.id for p in portions])
        values = [pytest.param(p, id=p.id, marks=several) for p in portions]
        metafunc.parametrize(PARAMETER, values)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    portion = _portion_of(item)
    if portion is not None:
        _hold(item, portion)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    failure = item.stash.get(_FAILURE, None)
    error = call.excinfo.value if call.excinfo is not None else None
    if call.excinfo is not None and isinstance(error, (GradcheckError, WrongGradientError)):
        _fit(call.excinfo, item.config)
    report = yield
    if call.excinfo is not None and failure is not None and failure.error is error:
        if not item.config.getoption("fulltrace", False):
            report.longrepr = Shown(item, call.excinfo, failure, told=report.failed)
    if call.when == "call":
        _tell(item, report)
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if terminalreporter.verbosity < 1:
        return
    told: dict[str, list[str]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            told.update(getattr(report, "gradcheck", {}))
    if told:
        terminalreporter.section("gradcheck")
        for name, lines in sorted(told.items()):
            terminalreporter.write_line(name)
            for line in lines:
                terminalreporter.write_line(f"  {line}")


@pytest.fixture
def gradcheck_report(request: pytest.FixtureRequest) -> Report:
    """The gradcheck.Report of the check that the test's gradcheck mark asks for."""
    portion = _portion_of(request.node)
    if portion is None:
        error = UsageError(
            f"gradcheck_report: {request.node.name} has no gradcheck mark, so there is no report."
            ' Mark it, e.g. @pytest.mark.gradcheck("net.py:train"), or call gradcheck.check(...) in it.'
        )
        request.node.stash[_FAILURE] = Failure(error)
        raise error
    return _outcome_of(request.node, portion).get()


# -- from marks to items


def _check_of(node: pytest.Item) -> Check | None:
    """The nearest mark of a test, its class or its module; two on the same level are too many."""
    marks = list(node.iter_markers_with_node(MARK))
    if not marks:
        return None
    nearest = tuple(mark for owner, mark in marks if owner is marks[0][0])
    folders = tuple(dict.fromkeys((node.path.parent, node.config.rootpath)))
    return Check(nearest, node.name.partition("[")[0], folders)


def _portions(check: Check, config: pytest.Config) -> list[Portion]:
    """One for each gradient and one for the rest, or a single one where they can't be told before the test runs."""
    known = config.stash[_SESSION].names
    key = id(check.asked[0])
    if key not in known:
        try:
            names = check.names()
        except Exception:  # it is told by the test that runs, with its fixtures set up
            names = ()
        known[key] = (check, names)
    names = known[key][1] if len(check.asked) == 1 else ()
    return [*(Portion(check, name, names) for name in names), Portion(check, None, names)]


def _portion_of(item: pytest.Item) -> Portion | None:
    if isinstance(item, ConfiguredItem):
        return item.portion
    portion = _parameters(item).get(PARAMETER)
    if isinstance(portion, Portion):
        return portion
    check = _check_of(item)  # a unittest method, a mark in pytest.param: there is one item for all of it
    return None if check is None else Portion(check, None)


def _parameters(item: pytest.Item) -> Mapping[str, object]:
    callspec = getattr(item, "callspec", None)
    return callspec.params if callspec is not None else {}


def _read(name: str, value: object, kind: str, where: str) -> object:
    """A keyword's value as Options takes it."""
    if value is None and "None" in kind:
        return None
    first = re.split(r"\W", kind)[0]
    expected, said = _KINDS[first]
    if not isinstance(value, expected) or (isinstance(value, bool) and first != "bool"):
        raise UsageError(f"gradcheck mark of {where}: {name} is {value!r:.60}, expected {said}.")
    if first == "tuple":
        names = value.split(",") if isinstance(value, str) else value
        return tuple(str(n).strip() for n in names)  # type: ignore[attr-defined]
    return value


_KINDS: Mapping[str, tuple[Any, str]] = {
    "str": (str, "text"),
    "int": (int, "a whole number"),
    "float": ((int, float), "a number"),
    "bool": (bool, "True or False"),
    "tuple": ((str, list, tuple), 'names, e.g. ["W1", "b1"]'),
    "Mapping": (Mapping, 'gradients and their values, e.g. {"update": "W"}'),
}


class Configured(pytest.File):
    """pyproject.toml, as a collector of the targets under [tool.gradcheck]."""

    def collect(self) -> Iterator[pytest.Item]:
        targets, options = _configured(self.path)
        for target in targets:
            check = Check((pytest.Mark(MARK, (target,), options, _ispytest=True),), target, (self.path.parent,))
            for portion in _portions(check, self.config):
                item: pytest.Item = ConfiguredItem.from_parent(self, name=f"{target}[{portion.id}]", portion=portion)
                yield item


class ConfiguredItem(pytest.Item):
    """One gradient of a configured target; `pytest_runtest_call` holds it."""

    def __init__(self, *, portion: Portion, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.portion = portion

    def runtest(self) -> None:
        """Nothing besides."""

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, 0, self.name


def _configured(path: Path) -> tuple[list[str], dict[str, Any]]:
    """The targets of a pyproject.toml and the options for all of them."""
    import tomllib

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("gradcheck", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Configured.CollectError(f"--gradcheck: {path.name} can't be read: {error}") from None
    targets = table.get("targets")
    if not targets or not isinstance(targets, list) or not all(isinstance(t, str) for t in targets):
        raise Configured.CollectError(
            f'--gradcheck: expected targets under [tool.gradcheck] in {path.name}, e.g. targets = ["net.py:train"],'
            f" got {'none' if targets is None else targets!r}"
        )
    return targets, {name: value for name, value in table.items() if name != "targets"}


# -- the check of an item


def _hold(item: pytest.Item, portion: Portion) -> None:
    """Raise unless the item's portion of its check is right."""
    __tracebackhide__ = True
    from gradcheck.compare import Verdict
    from gradcheck.render.part import rest_part, tensor_part

    outcome = _outcome_of(item, portion)
    try:
        report = outcome.get()
    except GradcheckError as error:
        item.stash[_FAILURE] = Failure(error)
        raise
    allowed = {Verdict.PASS, *([Verdict.INCONCLUSIVE] if portion.check.options().allow_inconclusive else [])}
    if not portion.names:
        if report.verdict not in allowed or not report.comparisons:
            _fail(item, outcome, None, _headline(report))
        return
    part = rest_part(report, portion.names) if portion.name is None else tensor_part(report, portion.name)
    if part.verdict is Verdict.SKIPPED:
        raise pytest.skip.Exception(part.said, _use_item_location=True)
    if part.verdict not in allowed:
        _fail(item, outcome, part, part.brief)


def _fail(item: pytest.Item, outcome: Outcome, part: Part | None, brief: str) -> None:
    __tracebackhide__ = True
    error = WrongGradientError(brief)
    error.report = outcome.report
    item.stash[_FAILURE] = Failure(error, outcome, part)
    raise error


def _headline(report: Report) -> str:
    from gradcheck.render.wording import headline

    return headline(report) if report.comparisons else "no gradient was checked"


def _outcome_of(item: pytest.Item, portion: Portion) -> Outcome:
    """The run of the check that the item shares with the others of its test."""
    outcomes = item.config.stash[_SESSION].outcomes
    name = getattr(item, "originalname", None) or item.name.partition("[")[0]
    others = tuple((n, id(value)) for n, value in _parameters(item).items() if n != PARAMETER)
    key = (item.parent, name, others)
    if key not in outcomes:
        try:
            outcomes[key] = Outcome(portion.check.report(), None)
        except Exception as error:
            outcomes[key] = Outcome(None, error)
    return outcomes[key]


@contextlib.contextmanager
def _undisturbed(folders: Sequence[Path]) -> Iterator[None]:
    """The session's path, folder and random generators stay as they are; `folders` can be imported from."""
    import numpy as np

    folder, path, draws, drawn = os.getcwd(), list(sys.path), random.getstate(), np.random.get_state()
    sys.path.extend(str(f) for f in folders if str(f) not in sys.path)
    try:
        yield
    finally:
        os.chdir(folder)
        sys.path[:] = path
        random.setstate(draws)
        np.random.set_state(drawn)


# -- how it is told


class Shown:
    """A failure as it is shown: the report, at the terminal's width and in its colours, and no traceback.

    pytest and its plugins ask an ExceptionRepr for these attributes; xdist sends the plain ones over the wire.
    """

    def __init__(self, item: pytest.Item, excinfo: Any, failure: Failure, *, told: bool) -> None:
        self._render = _renderer(item, failure, told=told)
        self._brief = str(failure.error)
        failure.error.args = (self._render(width=_width(item.config)),)
        plain = excinfo.getrepr(style="value")
        failure.error.args = (self._brief,)
        self.reprtraceback = plain.reprtraceback
        self.reprcrash = plain.reprcrash
        self.sections: list[tuple[str, str, str]] = []
        if self.reprcrash is not None:
            self.reprcrash.message = self._brief.splitlines()[0] if self._brief else ""
            place = failure.part if failure.part is not None and failure.part.file else None
            self.reprcrash.path = place.file if place else str(item.path)
            self.reprcrash.lineno = (place.line if place else (item.location[1] or 0) + 1) or 1

    def toterminal(self, tw: Any) -> None:
        """As pytest's own reprs do."""
        from gradcheck.render.terminal import needs_ascii

        ascii = needs_ascii(getattr(tw, "_file", None))
        for line in self._render(width=tw.fullwidth, color=tw.hasmarkup, ascii=ascii).splitlines():
            tw.line(line)

    def __str__(self) -> str:
        return self._render(width=100)


def _renderer(item: pytest.Item, failure: Failure, *, told: bool) -> Any:
    """A function of width, color and ascii. The whole table comes with the first failure that is shown."""
    outcome, part = failure.outcome, failure.part
    if outcome is None or outcome.report is None:
        text = str(failure.error)
        return lambda **_: text
    if part is None:
        from gradcheck.render.text import render_text

        return partial(render_text, outcome.report)
    from gradcheck.render.part import render_part

    whole = outcome.shown in ("", item.nodeid)
    if whole and told:
        outcome.shown = item.nodeid
    elsewhere = f"the whole table: with {outcome.shown}"
    return partial(render_part, outcome.report, part, whole=whole, elsewhere=elsewhere)


def _width(config: pytest.Config) -> int:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return config.get_terminal_writer().fullwidth if reporter is not None else 100


def _fit(excinfo: pytest.ExceptionInfo[BaseException], config: pytest.Config) -> None:
    """For an assertion in a test's own body: the report fits beside the E, and none of gradcheck's frames is shown."""
    error = excinfo.value
    if isinstance(error, WrongGradientError) and error.report is not None and error.args == (str(error.report),):
        from gradcheck.render.text import render_text

        error.args = (render_text(error.report, width=max(_width(config) - 8, 40)),)
    if not config.getoption("fulltrace", False):
        theirs = excinfo.traceback.filter(lambda entry: not str(entry.path).startswith(_OWN))
        if theirs:
            excinfo.traceback = theirs


def _tell(item: pytest.Item, report: pytest.TestReport) -> None:
    """Warnings go to the item's sections, what the check came to into the summary of -v."""
    portion = _portion_of(item)
    outcome = None if portion is None else _outcome_of(item, portion)
    if portion is None or outcome is None or outcome.report is None:
        return
    from gradcheck.render.part import rest_part, tensor_part, warning_lines
    from gradcheck.render.wording import summary, warnings

    whole = outcome.report
    if report.passed and portion.names:
        part = rest_part(whole, portion.names) if portion.name is None else tensor_part(whole, portion.name)
        lines = [part.brief] if part.said else warning_lines(whole, part)
        if lines:
            report.sections.append(("gradcheck", "\n".join(lines)))
    test = item.nodeid.partition("[")[0] if portion.names else item.nodeid
    warned = [f"warning {f.code}  {f.headline}" for f in warnings(whole)]
    report.gradcheck = {test: [*warned, " · ".join(summary(whole))]}  # type: ignore[attr-defined]
