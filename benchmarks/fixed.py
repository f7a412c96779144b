"""What does not depend on the length of a study: starting up, and what each run costs beside its steps."""

from __future__ import annotations

import itertools
import tempfile
import time

from benchmarks.measured import Row, command, interleaved, python, ratios, row, scaled, timed
from sim import Scenario, engine, simulate
from sim.population import build
from sim.simulation import observe

_ONE_RUN = "from sim import Scenario, simulate; simulate(Scenario(steps=1)).summary"


def startup(repeats: int = 5, n_cold: int = 2) -> list[Row]:
    """Seconds of whole processes: the command line's help, and one run of one step that measures everything."""
    seconds = interleaved({"help": lambda: command("--help"), "warm": lambda: python("-c", _ONE_RUN)}, repeats)
    cold = []
    for _ in range(n_cold):
        with tempfile.TemporaryDirectory() as empty:
            cold.append(timed(lambda folder=empty: python("-c", _ONE_RUN, POSITIVESUM_CACHE=folder)))
    return [
        row("positivesum --help", "s", seconds["help"], at_most=0.3),
        row("a first run ever, compiling everything", "s", cold, at_most=10.0),
        row("a first run in a process, compiled before", "s", seconds["warm"], at_most=1.0),
        row("python alone", "s", [timed(lambda: python("-c", "pass")) for _ in range(repeats)]),
    ]


def parts(repeats: int = 100) -> list[Row]:
    """One run of 100 organizations and 200 steps as a sweep's worker makes it, in microseconds."""
    scenario, seeds = Scenario(), itertools.count(1)
    first = scenario.replace(steps=1)
    people = build(scenario, 1)
    observe(scenario, 0, ("value",))
    building, again, step, whole, kernel = [], [], [], [], []
    for seed in itertools.islice(seeds, repeats):
        building.append(timed(lambda s=seed: build(scenario, s)))
        again.append(timed(lambda s=seed: build(scenario, s)))
        step.append(timed(lambda s=seed: engine.run(first, s, people, with_ledger=False)))
        began = time.perf_counter()
        seen = observe(scenario, seed, ("value",))
        whole.append(time.perf_counter() - began)
        kernel.append(seen.kernel_seconds)
    rest = [w - k - a for w, k, a in zip(whole, kernel, again, strict=True)]
    everything = [timed(lambda: simulate(scenario, 1).summary) for _ in range(10)]
    return [
        row("population, new", "µs", scaled(building, 1e6)),
        row("population, met before (other designs of a seed)", "µs", scaled(again, 1e6)),
        row("kernel", "µs", scaled(kernel, 1e6)),
        row("kernel, of it what a run of one step costs", "µs", scaled(step, 1e6)),
        row("series and summary", "µs", scaled(rest, 1e6)),
        row("a run, population met before", "µs", scaled(whole, 1e6)),
        row("simulate(...).summary, every measure", "µs", scaled(everything, 1e6)),
    ]


def twins(repeats: int = 100) -> list[Row]:
    """A run that measures ``captured``, which needs two twins, against one that does not."""
    scenario = Scenario()
    for levers in (0.0, 0.8):
        observe(scenario.replace(levers=levers), 1, ("value", "captured"))
    rows = []
    for levers in (0.0, 0.8):
        run, seed = scenario.replace(levers=levers), itertools.count(1)
        tasks = {
            "without": lambda run=run, seed=seed: observe(run, next(seed), ("value",)),
            "with": lambda run=run, seed=seed: observe(run, next(seed), ("value", "captured")),
        }
        seconds = interleaved(tasks, repeats)
        rows.append(row(f"levers {levers:g}: measuring value", "ms", scaled(seconds["without"], 1e3)))
        rows.append(row(f"levers {levers:g}: and captured", "ms", scaled(seconds["with"], 1e3)))
        rows.append(row(f"levers {levers:g}: with / without", "ratio", ratios(seconds["with"], seconds["without"])))
    return rows
