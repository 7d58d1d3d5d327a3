"""From a mark to test items, and what each of them holds of the one check that they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from gradcheck.compare import Verdict
from gradcheck.errors import GradcheckError, UsageError, WrongGradientError
from gradcheck.pytest_plugin import MARK
from gradcheck.pytest_plugin.asked import Check
from gradcheck.render.part import Part, rest_part, tensor_part
from gradcheck.render.wording import headline
from gradcheck.report import Report

PARAMETER = "_gradcheck_portion"
"""The hidden parameter that makes several items of one test."""
REST = "rest"
"""Id of the item for all that is no single gradient's."""
WHOLE = "target"
"""Id of the only item of a target whose gradients are not known before it runs."""


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

    def part(self, report: Report) -> Part:
        """What the report says of it."""
        if self.name is not None:
            return tensor_part(report, self.name)
        if self.names:
            return rest_part(report, self.names)
        return Part(report.verdict, "" if report.verdict is Verdict.PASS else headline(report))


@dataclass(slots=True)
class Outcome:
    """What a check came to: its report, or what it raised."""

    report: Report | None = None
    error: Exception | None = None
    shown: str = ""
    """The item under which the whole table was shown."""

    def get(self) -> Report:
        """The report; raises what the check raised."""
        __tracebackhide__ = True
        if self.report is None:
            assert self.error is not None
            raise self.error
        return self.report


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an item fails, for `shown`."""

    error: BaseException
    outcome: Outcome | None = None
    part: Part | None = None


@dataclass(slots=True)
class Session:
    """What is known in a session."""

    names: dict[int, tuple[Check, tuple[str, ...]]] = field(default_factory=dict)
    """By the id of a mark's keywords, which the check keeps alive: a class's mark is read once for all its tests."""
    outcomes: dict[object, Outcome] = field(default_factory=dict)
    """By test and by its other parameters, on which a fixture may make the target depend."""


SESSION = pytest.StashKey[Session]()
FAILURE = pytest.StashKey[Failure]()
PORTION = pytest.StashKey[Portion]()


# -- collection


def spread(metafunc: pytest.Metafunc) -> None:
    """Make an item of each gradient of a marked function, and one of the rest."""
    check = _check_of(metafunc.definition)
    if check is not None:
        found = portions(check, metafunc.config)
        metafunc.fixturenames.append(PARAMETER)  # no argument of the function's: pytest drops it once it is seen
        # the mark tells Hypothesis, which looks for it, that one function is run as several tests
        several = pytest.mark.parametrize(PARAMETER, [p.id for p in found])
        metafunc.parametrize(PARAMETER, [pytest.param(p, id=p.id, marks=several) for p in found])


def portions(check: Check, config: pytest.Config) -> list[Portion]:
    """One for each gradient and one for the rest, or a single one where they can't be told before the test runs."""
    known = _session(config).names
    if id(check.kwargs) not in known:
        try:
            names = check.names()
        except Exception:  # told when the item runs, with its fixtures set up: one failing test, no broken collection
            names = ()
        known[id(check.kwargs)] = (check, names)
    names = known[id(check.kwargs)][1]
    return [*(Portion(check, name, names) for name in names), Portion(check, None, names)]


def _check_of(node: pytest.Item) -> Check | None:
    """The nearest mark: the test's own, its class's, its module's; two on the same level are too many."""
    marks = list(node.iter_markers_with_node(MARK))
    if not marks:
        return None
    owner, mark = marks[0]
    others = sum(other is owner for other, _ in marks) - 1
    where = f"the gradcheck mark of {node.name.partition('[')[0]}"
    return Check(mark.args, mark.kwargs, where, (node.path.parent, node.config.rootpath), others)


def _session(config: pytest.Config) -> Session:
    return config.stash.setdefault(SESSION, Session())


# -- the run


def hold(item: pytest.Item) -> None:
    """Raise unless the item's portion of its check is right."""
    __tracebackhide__ = True
    portion = portion_of(item)
    if portion is None:
        return
    report = report_of(item)
    allowed = {Verdict.PASS, *([Verdict.INCONCLUSIVE] if portion.check.options().allow_inconclusive else [])}
    part = portion.part(report)
    if part.verdict is Verdict.SKIPPED:
        raise pytest.skip.Exception(part.said, _use_item_location=True)
    if part.verdict not in allowed:
        error = WrongGradientError(part.brief)
        item.stash[FAILURE] = Failure(error, outcome_of(item, portion), part)
        raise error


def report_of(item: pytest.Item) -> Report:
    """The report of an item's check. Raises what the check raises."""
    __tracebackhide__ = True
    portion = portion_of(item)
    try:
        if portion is None:
            raise UsageError(
                f"gradcheck_report: {item.name} has no gradcheck mark, so there is no report."
                ' Mark it, e.g. @pytest.mark.gradcheck("net.py:train"), or call gradcheck.check in it.'
            )
        return outcome_of(item, portion).get()
    except GradcheckError as error:
        item.stash[FAILURE] = Failure(error)
        raise


def portion_of(item: pytest.Item) -> Portion | None:
    """What an item holds; everything where the mark did not make several items: a unittest method, pytest.param."""
    if PORTION in item.stash:
        return item.stash[PORTION]
    portion = _parameters(item).get(PARAMETER)
    if isinstance(portion, Portion):
        return portion
    check = _check_of(item)
    return None if check is None else Portion(check, None)


def outcome_of(item: pytest.Item, portion: Portion) -> Outcome:
    """The run of the check that the item shares with the others of its test."""
    outcomes = _session(item.config).outcomes
    name = item.nodeid if not portion.names else item.name.partition("[")[0]
    others = tuple((n, id(value)) for n, value in _parameters(item).items() if n != PARAMETER)
    key = (item.parent, id(portion.check.kwargs), name, others)
    if key not in outcomes:
        outcomes[key] = Outcome()
        try:
            outcomes[key].report = portion.check.report()
        except Exception as error:
            outcomes[key].error = error
    return outcomes[key]


def _parameters(item: pytest.Item) -> Mapping[str, object]:
    callspec = getattr(item, "callspec", None)
    return callspec.params if callspec is not None else {}
