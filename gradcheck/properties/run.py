"""Tries every property on drawn networks, and reports a failing one by the smallest network that shows it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gradcheck.compare import Verdict
from gradcheck.driver import Driver
from gradcheck.errors import GradcheckError, UsageError
from gradcheck.options import Options
from gradcheck.properties.blueprint import Prepare
from gradcheck.properties.catalogue import NAMES, PROPERTIES, Property
from gradcheck.properties.kinked import on_kink
from gradcheck.properties.network import Network, network_of, written_out
from gradcheck.properties.outcome import Outcome, nothing
from gradcheck.properties.search import TimeUp, smallest
from gradcheck.properties.strategies import driving, networks_of
from gradcheck.properties.subject import Opened, Subject, subject_of
from gradcheck.properties.told import reproduce_line
from gradcheck.report import PropertyResult
from gradcheck.resolve import resolve
from gradcheck.script.ready import first_step


def run_properties(
    driver: Driver,
    *,
    options: Options | None = None,
    prepare: Prepare | None = None,
    seed: int = 0,
    examples: int = 25,
    deadline_seconds: float | None = None,
    names: Sequence[str] | None = None,
) -> tuple[PropertyResult, ...]:
    """Try the properties, or those of these `names`, on up to `examples` networks drawn from `seed`.

    The loss is settled as `options` say, once, at the target's own sizes; `prepare` overrules that. When
    `deadline_seconds` have passed, what has been seen until then is reported. Raises UsageError for an unknown name,
    and what opening the target at its own sizes raises.

    >>> from gradcheck.properties import networks, run_properties
    >>> from gradcheck.properties.strategies import driver_of
    >>> found = run_properties(driver_of("reference_net"), examples=5, names=["backward is pure"])
    >>> found[0].verdict.value, found[0].examples
    ('pass', 5)
    """
    until = None if deadline_seconds is None else time.monotonic() + deadline_seconds
    wanted = [_named(name) for name in names] if names is not None else list(PROPERTIES)
    options = options or Options()
    trials = Trials(subject_of(driver, options, prepare), until)
    sized = bool(trials.subject.blueprint.sizes)
    tried = [p for p in wanted if sized or not p.needs_sizes]
    strategy = networks_of(trials.subject.blueprint)

    def look(network: Network) -> bool:
        trials.try_all(tried, network)
        return False

    if tried:
        smallest(strategy, look, examples=examples, seed=seed)
    results = []
    for p in wanted:
        if p not in tried:
            reason = "the target declares no sizes, so that it can't be drawn at others"
            results.append(PropertyResult(p.name, Verdict.SKIPPED, p.severity, 0, reason))
            continue
        shown = None
        if trials.failed(p):
            smallest(strategy, lambda n, p=p: trials.fails(p, n), examples=examples, seed=seed)  # type: ignore[misc]
            shown = trials.failed(p)
        results.append(_result(trials, p, shown, options))
    return tuple(results)


def reproduce(
    target: str,
    name: str,
    *,
    seed: int = 0,
    loss: str = "auto",
    params: Sequence[str] = (),
    grads: dict[str, str] | None = None,
    call: str | None = None,
    shapes: str | None = None,
    **sizes: int,
) -> PropertyResult:
    """One property of a target on exactly one network, as a report's `reproduce` line calls it.

    >>> from gradcheck.properties import reproduce
    >>> found = reproduce("reference_net:original", "shapes follow the convention", m=1, d=1, h=1, c=2, seed=0)
    >>> found.verdict.value, found.reason
    ('fail', 'dW2 has shape (2, 1), W2 has (1, 2)')
    """
    options = Options(loss=loss, params=tuple(params), grads=dict(grads or {}), call=call, shapes=shapes)
    found = resolve(target, call=call, shapes=shapes)
    known = set(found.sizes)
    if set(sizes) != known:
        wanted, got = (", ".join(sorted(names)) or "none" for names in (known, set(sizes)))
        raise UsageError(f"reproduce: expected the sizes {wanted}, got {got}.")
    property_ = _named(name)
    with first_step(found, {**found.grads, **options.grads}, None) as step:
        trials = Trials(subject_of(driving(step, options), options))
        network = network_of(trials.subject.blueprint, {symbol: sizes[symbol] for symbol in found.sizes}, seed)
        return _result(trials, property_, network if trials.fails(property_, network) else None, options)


@dataclass(slots=True)
class Trials:
    """What each property saw on each network; each is tried once, so that the answer is always the same."""

    subject: Subject
    until: float | None = None
    """time.monotonic() after which nothing new is tried, and TimeUp is raised instead."""
    seen: dict[str, dict[object, tuple[Network, Outcome]]] = field(default_factory=dict)
    """By property and network."""
    written: dict[object, tuple[str, ...]] = field(default_factory=dict)
    """What the target's own setup made of a network that fails."""

    def try_all(self, properties: Sequence[Property], network: Network) -> None:
        """Open a network once for every property that has not failed yet."""
        self._try([p for p in properties if not self.failed(p)], network)

    def fails(self, p: Property, network: Network) -> bool:
        """Whether a property fails on a network."""
        self._try([p], network)
        return bool(self.seen[p.name][network.key][1].failure)

    def _try(self, properties: Sequence[Property], network: Network) -> None:
        due = [p for p in properties if network.key not in self.seen.get(p.name, {})]
        if not due:
            return
        if self.until is not None and time.monotonic() > self.until:
            raise TimeUp
        try:
            with self.subject.open(network) as opened:
                outcomes = [_outcome(p, opened) for p in due]
                if any(o.failure for o in outcomes):
                    self.written[network.key] = tuple(written_out(opened.values))
        except GradcheckError as error:
            outcomes = [nothing(str(error).splitlines()[0])] * len(due)
        for p, outcome in zip(due, outcomes):
            self.seen.setdefault(p.name, {})[network.key] = (network, outcome)

    def failed(self, p: Property) -> Network | None:
        """The smallest network on which a property has failed."""
        found = [n for n, o in self.seen.get(p.name, {}).values() if o.failure]
        return min(found, key=lambda n: (sum(n.sizes.values()), n.key), default=None)


def _outcome(p: Property, opened: Opened) -> Outcome:
    if p.of_loss and not opened.subject.sure:
        return nothing("the loss is only assumed")
    try:
        found = p.check(opened)
    except GradcheckError as error:
        return nothing(str(error).splitlines()[0])
    if found.failure and p.kinks_matter and on_kink(opened):
        return nothing("the network sits on a kink")
    return found


def _result(trials: Trials, p: Property, shown: Network | None, options: Options) -> PropertyResult:
    seen = trials.seen.get(p.name, {})
    base = PropertyResult(p.name, Verdict.PASS, p.severity, len(seen))
    if shown is not None:
        outcome = seen[shown.key][1]
        head = str(Network(shown.sizes, shown.seed, {}))
        text = "\n".join([head, *trials.written.get(shown.key, ()), *outcome.lines])
        line = reproduce_line(trials.subject.driver.target, options, p.name, shown)
        severity = "warning" if outcome.minor else p.severity
        failed = replace(base, verdict=Verdict.FAIL, severity=severity)
        return replace(failed, reason=outcome.failure, counterexample=text, reproduce=line)
    outcomes = [o for _, o in seen.values()]
    if any(o.held for o in outcomes):
        return base
    lacking = Counter(o.missing for o in outcomes if o.missing)
    if lacking:
        return replace(base, verdict=Verdict.SKIPPED, reason=lacking.most_common(1)[0][0])
    blind = Counter(o.nothing for o in outcomes)
    reason = f"no network showed it: {blind.most_common(1)[0][0]}" if blind else "time limit reached"
    return replace(base, verdict=Verdict.INCONCLUSIVE, reason=reason)


def _named(name: str) -> Property:
    for p in PROPERTIES:
        if p.name == name:
            return p
    raise UsageError(f"no property is named {name!r}; there are {', '.join(map(repr, NAMES))}.")
