"""The engine against the same model in plain C, and against the bandwidth of the machine's memory.

Both run the same population with the same luck and give the same bits (tests/test_reference.py), here without the
ledger, which the C program does not know. Each is timed as a whole, from population to final state, and by its
marginal cost: a long run less a run of one step, so that neither is charged for setting up.
"""

from __future__ import annotations

import numpy as np

from benchmarks import reference
from benchmarks.measured import Row, Skipped, interleaved, ratios, row, scaled
from sim import Scenario, engine
from sim.population import build

LEVERS = (0.0, 0.3, 0.8)
AIM = 1.15  # times the C program's time, at most


def small(repeats: int = 15) -> list[Row]:
    """100 organizations, 300 ties, 200 steps: what one run of a sweep is made of."""
    return _compared(Scenario(), "300 ties", repeats)


def large(n_organizations: int = 1_000_000, steps: int = 5, repeats: int = 4) -> list[Row]:
    """A million organizations, 3 million ties: more than any cache holds. With the share of memory bandwidth."""
    name = f"{n_organizations * 3 / 1e6:g} million ties"
    return _compared(Scenario(n_organizations=n_organizations, steps=steps), name, repeats, with_bandwidth=True)


def _compared(scenario: Scenario, size: str, repeats: int, with_bandwidth: bool = False) -> list[Row]:
    try:
        reference.library()
    except reference.NoCompiler as missing:
        raise Skipped(str(missing)) from None
    rows = []
    for levers in LEVERS:
        run = scenario.replace(levers=levers)
        people = build(run, 1)
        rows += _at(run, people, f"{size}, levers {levers:g}", repeats, with_bandwidth)
    return rows


def _at(scenario: Scenario, people, name: str, repeats: int, with_bandwidth: bool) -> list[Row]:
    first = scenario.replace(steps=1)
    c, c_first = (reference.Prepared(each, 1, people) for each in (scenario, first))
    tasks = {
        "engine": lambda: engine.run(scenario, 1, people, with_ledger=False),
        "c": c.run,
        "engine, a step": lambda: engine.run(first, 1, people, with_ledger=False),
        "c, a step": c_first.run,
    }
    copied = Copy() if with_bandwidth else None
    if copied:
        tasks["copy"] = copied.run
    seconds = interleaved(tasks, repeats)
    marginal = {
        which: [a - b for a, b in zip(seconds[which], seconds[f"{which}, a step"], strict=True)]
        for which in ("engine", "c")
    }
    per_tie_step = 1e9 / (len(people.i) * (scenario.steps - 1))
    rows = [
        row(f"{name}: engine, marginal", "ns per tie-step", scaled(marginal["engine"], per_tie_step)),
        row(f"{name}: C, marginal", "ns per tie-step", scaled(marginal["c"], per_tie_step)),
        row(f"{name}: engine / C, marginal", "ratio", ratios(marginal["engine"], marginal["c"]), at_most=AIM),
        row(f"{name}: engine / C, whole run", "ratio", ratios(seconds["engine"], seconds["c"]), at_most=AIM),
    ]
    return rows + (_bandwidth(name, scenario, people, seconds["copy"], copied, marginal) if copied else [])


class Copy:
    """A copy of 512 MB, as in STREAM (McCalpin 1995): as many bytes read as written."""

    def __init__(self, n_bytes: int = 2**29):
        self.source, self.target = np.ones(n_bytes // 8), np.zeros(n_bytes // 8)
        self.n_bytes = 2 * self.source.nbytes

    def run(self) -> None:
        np.copyto(self.target, self.source)


def _bandwidth(name, scenario, people, copying, copied, marginal) -> list[Row]:
    """State read and written once a step, over the time it takes, as a share of what a copy reaches.

    The state is what must pass through: the C program's 128 bytes a tie and 136 an organization, both ways. What an
    engine moves beyond (scratch, ends of ties fetched again) is not counted, so the share is a lower bound.
    """
    state = 2 * (len(people.i) * reference.TIE.itemsize + len(people.power) * reference.ORGANIZATION.itemsize)
    reached = [copied.n_bytes / s / 1e9 for s in copying]
    rows = [row(f"{name}: copy", "GB/s", reached)]
    for which, label in (("engine", "engine"), ("c", "C")):
        moved = [state * (scenario.steps - 1) / s / 1e9 for s in marginal[which]]
        rows.append(row(f"{name}: {label}, of the copy's bandwidth", "%", scaled(ratios(moved, reached), 100.0)))
    return rows


def minimal() -> list[Row]:
    """A run too short to tell anything, for the tests."""
    return _compared(Scenario(n_organizations=20, steps=3), "60 ties", 1)
