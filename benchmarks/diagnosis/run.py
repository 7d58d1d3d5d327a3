"""Diagnosis measured: known bugs planted in right networks of many styles, false alarms on those networks, and peers.

    python benchmarks/diagnosis/run.py [--most 40] [--seeds 10000] [--jobs 2] [--write docs/diagnosis.md]

Every network in nets/ is right and of one style. Each mutant has one bug, as `gradcheck mutate` plants them; for each
it is counted whether the check fails, whether exactly the edited line is blamed, whether the cause is called by its
name, whether a proven fix is offered and whether that, applied, makes every gradient and update what it was. The same
gradients are handed to torch, autograd and scipy where they are installed. Seeds are split evenly over the networks;
each is a right network on fresh numbers, of which nothing may be said.
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import os
import pickle
import platform
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402
from tabulate import tabulate  # noqa: E402

from gradcheck.compare import Verdict  # noqa: E402
from gradcheck.mutate.behaviour import behaviour  # noqa: E402
from gradcheck.mutate.result import MutationReport, Outcome, counted  # noqa: E402
from gradcheck.mutate.run import mutate  # noqa: E402
from gradcheck.mutate.trial import Subject  # noqa: E402
from gradcheck.options import Options  # noqa: E402
from gradcheck.pipeline import run as check  # noqa: E402
from gradcheck.probing import prepare  # noqa: E402
from gradcheck.resolve import resolve  # noqa: E402
from gradcheck.target import Target  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
import peers  # noqa: E402

NETS = Path(__file__).parent / "nets"
ROOT = Path(__file__).parents[2]
UPDATES = ("update dropped", "update uphill", "wrong update")
"""Bugs that leave every gradient right: no gradient checker can see them."""


@dataclass
class Tally:
    """What came of one network."""

    name: str
    report: MutationReport
    peers: dict[str, list[bool]] = field(default_factory=dict)
    """Of each peer, whether it noticed each mutant whose parameters' gradients are wrong."""
    peers_right: dict[str, bool] = field(default_factory=dict)
    """Of each peer, whether it passes the right network."""
    ours: list[bool] = field(default_factory=list)
    """Whether gradcheck caught the same mutants."""
    false_alarms: list[str] = field(default_factory=list)
    seeds: int = 0
    seconds: float = 0.0


def of_network(asked: tuple[Path, int, argparse.Namespace]) -> Tally:
    """All that is measured of one network, on so many seeds."""
    file, seeds, options = asked
    target = resolve(str(file))
    tally = measured(target, file.stem, options)
    alarms(target, tally, range(1000, 1000 + seeds))
    return tally


def measured(target: Target, name: str, options: argparse.Namespace) -> Tally:
    """Plant, check, and hand the same gradients to the peers."""
    start = time.monotonic()
    tally = Tally(name, mutate(target, Options(seed=options.seed), most=options.most))
    tally.seconds = time.monotonic() - start
    if options.peers:
        compare(target, tally, options.seed)
    return tally


def compare(target: Target, tally: Tally, seed: int) -> None:
    """Fill in what the peers say of each mutant whose parameters' gradients differ from the right ones."""
    checkers = peers.installed()
    subject = Subject(target, Options(seed=seed))
    with subject.probe(subject.driver(), 0) as program:
        gradients, _ = prepare(program, target, subject.options, None, np.random.default_rng(seed))
        held = [g for g in gradients if isinstance(g.of.ref, str) and g.kind == "parameter"]
        right = behaviour(program).gradients
        problem = peers.Problem(program, {g.of.ref: np.array(g.of.array, float) for g in held})
        of = {g.of.ref: g.name for g in held}
        named = {path: right[name] for path, name in of.items()}
        tally.peers_right = {n: peers.passes(c, problem, named) for n, c in checkers.items()}
        tally.peers = {n: [] for n in checkers}
        for outcome in tally.report.outcomes:
            if outcome.state != "checked" or outcome.mutant.kind in UPDATES:
                continue
            with subject.probe(subject.driver(outcome.mutant.overlay), 0) as wrong:
                found = behaviour(wrong).gradients
            theirs = {path: found[name] for path, name in of.items() if name in found}
            tally.ours.append(outcome.caught)
            for n, c in checkers.items():
                tally.peers[n].append(not peers.passes(c, problem, theirs))


def alarms(target: Target, tally: Tally, seeds: Iterable[int]) -> None:
    """Check the right network on fresh numbers; anything but a pass is noted."""
    for seed in seeds:
        report = check(target, Options(seed=seed, properties=False), other_batches=False)
        tally.seeds += 1
        errors = [f"{f.code} {f.headline}" for f in report.findings if f.severity == "error"]
        if report.verdict is not Verdict.PASS or errors:
            off = [f"{c.name} {c.verdict} {c.reason}" for c in report.comparisons if c.verdict is not Verdict.PASS]
            tally.false_alarms.append(f"{tally.name}, seed {seed}: {report.verdict}: {'; '.join([*errors, *off][:4])}")


# -- the page


def rate(part: int, of: int) -> str:
    """97.3% (or a dash of nothing)."""
    return f"{100 * part / of:.1f}%" if of else "-"


def by_network(tallies: Sequence[Tally]) -> str:
    """One row a network."""
    rows = []
    for t in tallies:
        c = t.report.total
        rows.append([t.name, *_figures(c), f"{t.seconds:.0f}"])
    total = counted(tuple(o for t in tallies for o in t.report.outcomes))
    rows.append(["**all**", *_figures(total), f"{sum(t.seconds for t in tallies):.0f}"])
    return _table(["network", *HEAD, "s"], rows)


INTRODUCTION = """\
{} right networks of different styles (benchmarks/diagnosis/nets), and every bug that `gradcheck mutate` knows
to plant in them, one at a time. A mutant whose gradients and updates are all what they were on several probes
is *no bug*; one whose edited line itself *raises* needs no checker. Of the others: *caught*, the check fails
(or warns of that line: of a parameter that is never updated it can only warn); *line*, exactly the edited
line is blamed; *named*, by a category that a person would give it; *fix*, an edit is offered that the check
has proven; *fix right*, of those, how many make every gradient and update what it was when they are applied."""
PEERS = """\
Each is given the network's loss and the mutant's gradients of its parameters, with its own defaults. Mutants
that change only the update are left out: no gradient checker sees those."""
HEAD = ["mutants", "no bug", "raise", "caught", "line", "named", "fix", "fix right"]


def _figures(c: Any) -> list[str]:
    shares = [rate(n, c.planted) for n in (c.caught, c.blamed, c.named, c.offered)]
    return [str(c.planted), str(c.equivalent), str(c.raised), *shares, rate(c.repaired, c.offered)]


def by_kind(tallies: Sequence[Tally]) -> str:
    """One row a kind of bug."""
    outcomes: dict[str, list[Outcome]] = collections.defaultdict(list)
    for t in tallies:
        for o in t.report.outcomes:
            outcomes[o.mutant.kind].append(o)
    return _table(["bug", *HEAD], [[kind, *_figures(counted(tuple(of)))] for kind, of in sorted(outcomes.items())])


def by_checker(tallies: Sequence[Tally]) -> str:
    """Detection side by side."""
    ours = [caught for t in tallies for caught in t.ours]
    rows = [["gradcheck", str(len(ours)), rate(sum(ours), len(ours)), "0"]]
    for n in tallies[0].peers if tallies else ():
        seen = [caught for t in tallies for caught in t.peers[n]]
        wrong = [t.name for t in tallies if not t.peers_right[n]]
        rows.append([n, str(len(seen)), rate(sum(seen), len(seen)), f"{len(wrong)} {', '.join(wrong)}".strip()])
    return _table(["checker", "wrong gradients", "detected", "right networks failed"], rows)


def got_away(tallies: Sequence[Tally], wanted: str) -> str:
    """The mutants of which something went wrong, each with its line and edit."""
    lines = []
    for t in tallies:
        for o in t.report.outcomes:
            if o.state == "checked" and what(o) == wanted:
                m = o.mutant
                said = "; ".join(o.said) or o.verdict
                lines.append(f"- {t.name}:{m.line}, {m.kind}: `{m.old}` became `{m.new}` ({said})")
    return "\n".join(lines) or "None."


def what(o: Outcome) -> str:
    """The first thing that went wrong."""
    if not o.caught:
        return "missed"
    if o.offered and not o.repaired:
        return "a wrong fix"
    if not o.blamed:
        return "another line"
    return "" if o.named else "another name"


def page(tallies: Sequence[Tally], options: argparse.Namespace) -> str:
    """docs/diagnosis.md."""
    alarms_found = [line for t in tallies for line in t.false_alarms]
    seeds = sum(t.seeds for t in tallies)
    most = f" --most {options.most}" if options.most else ""
    left = sum(t.report.untried for t in tallies)
    sample = f"Of each network {options.most} were drawn at random; {left} were not tried." if left else ""
    parts = [
        "# What is caught, blamed, named and repaired",
        INTRODUCTION.format(len(tallies)),
        sample,
        "## By network",
        by_network(tallies),
        "## By kind of bug",
        by_kind(tallies),
        "## False alarms",
        f"{seeds} seeds over the right networks as they stand: {len(alarms_found)} where anything but a pass was said.",
        "\n".join(f"- {line}" for line in alarms_found),
        *(_peers_part(tallies) if any(t.peers for t in tallies) else []),
        "## What got away",
        got_away(tallies, "missed"),
        "## Caught, but not on the edited line alone",
        got_away(tallies, "another line"),
        "## Fixes that are not right when applied",
        got_away(tallies, "a wrong fix"),
        "## Blamed rightly, called by another name",
        got_away(tallies, "another name"),
        "## How to measure again",
        f"    python benchmarks/diagnosis/run.py{most} --seeds {options.seeds} --write docs/diagnosis.md",
        f"Python {platform.python_version()}, NumPy {np.__version__}, {options.jobs} at a time"
        + "".join(f", {name} {version}" for name, version in _versions().items())
        + ".",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _peers_part(tallies: Sequence[Tally]) -> list[str]:
    return [
        "## Other checkers on the same mutants",
        PEERS,
        by_checker(tallies),
    ]


def _versions() -> Mapping[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("torch", "autograd", "scipy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    right = ["left"] + ["right"] * (len(head) - 1)
    return tabulate(rows, head, tablefmt="github", colalign=right, disable_numparse=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", default="", help="names, by commas; all by default")
    parser.add_argument("--seeds", type=int, default=10_000, help="right networks checked for false alarms, in all")
    parser.add_argument("--seed", type=int, default=0, help="of the mutants' probes")
    parser.add_argument("--most", type=int, help="mutants of each network, drawn by the seed; all by default")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--no-peers", dest="peers", action="store_false")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--resume", type=Path, help="a file that keeps what is measured: a long run can be cut short")
    options = parser.parse_args()
    wanted = [n for n in options.nets.split(",") if n]
    files = sorted(f for f in NETS.glob("*.py") if not wanted or f.stem in wanted)
    each, more = divmod(options.seeds, len(files))
    kept = pickle.loads(options.resume.read_bytes()) if options.resume and options.resume.exists() else {}
    due = [(file, each + (i < more), options) for i, file in enumerate(files) if file.stem not in kept]
    with multiprocessing.Pool(options.jobs, maxtasksperchild=1) as pool:
        for tally in pool.imap_unordered(of_network, due, chunksize=1):
            kept[tally.name] = tally
            tallies = [kept[file.stem] for file in files if file.stem in kept]
            if options.resume:
                options.resume.write_bytes(pickle.dumps(kept))
            figures = " ".join(_figures(tally.report.total))
            print(f"{tally.name}: {figures} · {tally.seconds:.0f} s · {len(tally.false_alarms)} false", flush=True)
            if options.write:  # anew after each network: a run that is cut short leaves what it knows
                options.write.write_text(page(tallies, options), encoding="utf-8")
    tallies = [kept[file.stem] for file in files]
    if not options.write:
        print(page(tallies, options))
    return 1 if any(t.false_alarms for t in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
