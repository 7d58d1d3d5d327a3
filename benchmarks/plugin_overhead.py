"""What the pytest plugin costs a session that does not use it: sessions with it and without, in turn.

    python benchmarks/plugin_overhead.py [--repeats 20]

A session is some tests that pass, in a process of its own. What is measured is processor time, and the two kinds
alternate, so that whatever else the machine does hits both alike; the difference is the median over pairs. "Without" is
-p no:gradcheck.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tabulate import tabulate

OTHERS = ("randomly", "hypothesispytest", "xdist", "xdist.looponfail", "timeout", "cacheprovider")
"""Plugins that are left out of both: they are not what is measured."""
KINDS = {"without": ["-p", "no:gradcheck"], "with": []}


def session(folder: Path, arguments: list[str]) -> float:
    """Seconds of processor time of one session."""
    blocked = [word for name in OTHERS for word in ("-p", f"no:{name}")]
    before = spent()
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *blocked, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL
    )
    return spent() - before


def spent() -> float:
    """Processor time of all child processes so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def importing() -> float:
    """Seconds that importing the plugin takes, pytest being there: the median of several fresh processes."""
    code = (
        "import pytest, time; t = time.perf_counter(); import gradcheck.pytest_plugin; print(time.perf_counter() - t)"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True) for _ in range(9)]
    return statistics.median(float(run.stdout) for run in runs)


def measured(tests: int, repeats: int) -> list[object]:
    """A row of the table for sessions of so many tests that pass."""
    times: dict[str, list[float]] = {name: [] for name in KINDS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_some.py").write_text("".join(f"def test_{i}(): ...\n" for i in range(tests)))
        (folder / "pytest.ini").write_text("[pytest]\n")
        for round_ in range(repeats + 1):
            for kind, arguments in KINDS.items():
                seconds = session(folder, arguments)
                if round_:  # the first warms the caches
                    times[kind].append(1000 * seconds)
    low, middle, high = statistics.quantiles([b - a for a, b in zip(*times.values())], n=4)
    medians = [statistics.median(t) for t in times.values()]
    return [tests, *(f"{ms:.0f}" for ms in medians), f"{middle:.1f}", f"{low:.1f} to {high:.1f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20, help="pairs of sessions (default 20)")
    repeats = parser.parse_args().repeats
    rows = [measured(tests, repeats) for tests in (1, 1000)]
    headers = ["tests", *(f"{kind}, ms" for kind in KINDS), "difference, ms", "quartiles, ms"]
    print(tabulate(rows, headers=headers, stralign="right"))
    print(f"\nimporting the plugin takes {1000 * importing():.1f} ms; {repeats} pairs of sessions each")


if __name__ == "__main__":
    main()
