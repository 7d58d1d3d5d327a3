"""How often a correct network is called wrong: the corrected reference network over many seeds.

    python benchmarks/seeds.py [--seeds 10000] [--jobs 2] [--write docs/false-alarms.md]

Every seed draws other digits, other parameters and a batch from 1 to 64. Each run judges all six gradients as
`gradcheck run reference_net` does, redrawing probes that saturate or are dead, without the Hypothesis properties.
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import platform
import sys
import time
from pathlib import Path

import numpy as np

from gradcheck.options import Options
from gradcheck.pipeline import run
from gradcheck.resolve import resolve

CHUNK = 50


def verdicts(seeds: range) -> list[tuple[int, str, list[str]]]:
    """(seed, verdict, what was not right) of each seed."""
    target = resolve("reference_net:corrected")
    found = []
    for seed in seeds:
        batch = int(np.random.default_rng(seed).integers(1, 65))
        report = run(target, Options(seed=seed, batch=batch, properties=False))
        off = [f"{c.name} {c.verdict} {c.reason} at batch {batch}" for c in report.comparisons if c.verdict != "pass"]
        found.append((seed, str(report.verdict), off + [n for n in report.notes if "drawn anew" in n]))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    start = time.monotonic()
    end = options.first + options.seeds
    chunks = [range(i, min(i + CHUNK, end)) for i in range(options.first, end, CHUNK)]
    counts: collections.Counter[str] = collections.Counter()
    with multiprocessing.Pool(options.jobs) as pool:
        for done, chunk in enumerate(pool.imap_unordered(verdicts, chunks), 1):
            for seed, verdict, told in chunk:
                counts[verdict] += 1
                counts["redrawn"] += any("drawn anew" in t for t in told)
                if verdict != "pass":
                    print(f"seed {seed}: {verdict}: {'; '.join(told)}", flush=True)
            if options.write and (done % 10 == 0 or done == len(chunks)):
                options.write.write_text(page(table(counts), options), encoding="utf-8")
    print(table(counts), f"\n{time.monotonic() - start:.0f} s")
    return 1 if counts["fail"] else 0


def table(counts: collections.Counter[str]) -> str:
    """What has been counted so far."""
    seeds = counts["pass"] + counts["fail"] + counts["inconclusive"]
    return "\n".join(
        [
            "| seeds | pass | fail | inconclusive | redrawn |",
            "|---|---|---|---|---|",
            f"| {seeds} | {counts['pass']} | {counts['fail']} | {counts['inconclusive']} | {counts['redrawn']} |",
        ]
    )


def page(counted: str, options: argparse.Namespace) -> str:
    """The page of docs; a run that is stopped leaves what it had counted by then."""
    return (
        "# False alarms on a correct network\n\n"
        "The corrected reference network (ReLU, real digits, batches of 1 to 64), judged once a seed as\n"
        "`gradcheck run reference_net --no-properties --seed SEED --batch BATCH` does. A probe that cannot show\n"
        "something (every hidden unit dead, a softmax saturated) is drawn anew; the last column counts the seeds\n"
        "of which one was.\n\n"
        f"{counted}\n\n"
        f"Measured with NumPy {np.__version__} on Python {platform.python_version()} by\n\n"
        f"    python benchmarks/seeds.py --seeds {options.seeds} --write docs/false-alarms.md\n"
    )


if __name__ == "__main__":
    sys.exit(main())
