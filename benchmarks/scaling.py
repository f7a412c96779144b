"""How cost grows with the number of organizations, what a large world takes in memory, and what two threads add."""

from __future__ import annotations

import math
import statistics

import numpy as np

from benchmarks.measured import Row, interleaved, python, ratios, row, scaled, timed
from sim import Scenario, engine, simulate
from sim.population import build

SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
_PEAK = """
import resource
from sim import Scenario, engine
from sim.population import build
scenario = Scenario(n_organizations={n}, steps=2)
engine.run(scenario, 1, build(scenario, 1))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def growth(sizes: tuple[int, ...] = SIZES, repeats: int = 3, tie_steps: float = 6e6) -> list[Row]:
    """Seconds per step by number of organizations, less what a run of one step costs; and the fitted exponents.

    The exponent is the slope of a least-squares line through the logarithms: 1 is proportional.
    """
    rows, per_step, building = [], [], []
    for n in sizes:
        long = Scenario(n_organizations=n, steps=int(min(200, max(4, tie_steps / (3 * n)))))
        short = long.replace(steps=1)
        building.append(min(timed(lambda s=seed, long=long: build(long, s)) for seed in (11, 12)))
        people = build(long, 1)
        tasks = {
            "long": lambda a=long, b=people: engine.run(a, 1, b, with_ledger=False),
            "short": lambda a=short, b=people: engine.run(a, 1, b, with_ledger=False),
        }
        seconds = interleaved(tasks, repeats)
        taken = [(a - b) / (long.steps - 1) for a, b in zip(seconds["long"], seconds["short"], strict=True)]
        per_step.append(statistics.median(taken))
        name = f"{n:,} organizations"
        rows.append(row(f"{name}: a step", "ms", scaled(taken, 1e3)))
        rows.append(row(f"{name}: a step", "ns per tie", scaled(taken, 1e9 / len(people.i))))
    rows.append(row("exponent of a step's cost", "log-log slope", [_slope(sizes, per_step)]))
    rows.append(row("exponent of building the population", "log-log slope", [_slope(sizes, building)]))
    return rows


def _slope(sizes, seconds) -> float:
    return float(np.polyfit([math.log(n) for n in sizes], [math.log(s) for s in seconds], 1)[0])


def memory(n_organizations: int = 1_000_000) -> list[Row]:
    """Largest resident memory of a fresh process that builds and runs a world, less that of a tiny world."""
    bare, full = (int(python("-c", _PEAK.format(n=n))) / 1024 for n in (100, n_organizations))
    millions = 3 * n_organizations / 1e6
    return [
        row("a process with 100 organizations", "MB", [bare]),
        row(f"a process with {n_organizations:,} organizations", "MB", [full]),
        row("peak per million ties, beyond the bare process", "MB", [(full - bare) / millions], at_most=200),
        row("peak per million ties, the whole process", "MB", [full / millions]),
    ]


def threads(n_organizations: int = 100_000, steps: int = 60, repeats: int = 3) -> list[Row]:
    """One large world on two threads and on one, with building and summary; the numbers must be identical."""
    scenario = Scenario(n_organizations=n_organizations, steps=steps)
    people, measures = build(scenario, 1), ("value", "trust", "mutual")
    tasks = {
        "simulate, one": lambda: simulate(scenario, 1, measures=measures, threads=1).summary,
        "simulate, two": lambda: simulate(scenario, 1, measures=measures, threads=2).summary,
        "engine, one": lambda: engine.run(scenario, 1, people, with_ledger=False, threads=1),
        "engine, two": lambda: engine.run(scenario, 1, people, with_ledger=False, threads=2),
    }
    one, two = (tasks[f"engine, {n}"]().sums for n in ("one", "two"))
    if not np.array_equal(one, two):
        raise AssertionError("two threads gave other numbers than one")
    seconds = interleaved(tasks, repeats)
    name = f"{n_organizations:,} organizations, {steps} steps"
    return [
        row(f"{name}: simulate on one thread", "s", seconds["simulate, one"]),
        row(
            "two threads / one, simulate", "speed-up", ratios(seconds["simulate, one"], seconds["simulate, two"]),
            at_least=1.7,
        ),
        row("two threads / one, engine alone", "speed-up", ratios(seconds["engine, one"], seconds["engine, two"])),
    ]  # fmt: skip
