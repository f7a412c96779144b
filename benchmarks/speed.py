"""What a run costs and where the time goes; prints a table and writes results/benchmarks.json.

    make bench

The same work in the same process, medians over repeats with their range: 100 organizations, 300 ties, 200 steps of
the baseline at three intensities of the design. Shared machines drift: compare ratios rather than milliseconds.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sim import Scenario
from sim import engine as compiled
from sim.model import run_mesa
from sim.population import build
from sim.simulation import observe

REPEATS = 9
STUDY = """question = "What does a run cost in a sweep?"
replicates = {replicates}
measures = {measures}
[designs.none]
[designs."half-hearted"]
levers = 0.3
[designs.full]
levers = 0.8
"""


def timed(task, repeats: int = REPEATS) -> list[float]:
    """Seconds of each of ``repeats`` calls, after one that is not counted."""
    task(0)
    seconds = []
    for k in range(repeats):
        started = time.perf_counter()
        task(k + 1)
        seconds.append(time.perf_counter() - started)
    return seconds


def spread(values: list[float], scale: float = 1.0) -> dict[str, float]:
    """Median, smallest and largest, scaled."""
    return {"median": statistics.median(values) * scale, "low": min(values) * scale, "high": max(values) * scale}


def engines() -> dict[str, dict]:
    """Nanoseconds per tie-step of both engines, by intensity of the design."""
    rows = {}
    for levers in (0.0, 0.3, 0.8):
        scenario = Scenario().replace(levers=levers)
        people = build(scenario, 1)
        per_tie_step = 1e9 / (len(people.i) * scenario.steps)

        def kernel(seed, scenario=scenario, people=people):
            compiled.run(scenario, seed, people, with_ledger=False)

        rows[f"compiled engine, levers {levers:g}, ns per tie-step"] = spread(timed(kernel), per_tie_step)
    short = Scenario().replace(levers=0.3, steps=20)
    n_tie_steps = len(build(short, 1).i) * short.steps
    rows["Mesa engine, levers 0.3, ns per tie-step"] = spread(timed(lambda s: run_mesa(short, s), 3), 1e9 / n_tie_steps)
    return rows


def parts() -> dict[str, dict]:
    """Milliseconds of one run as a sweep's worker makes it, and of that outside the kernel."""
    rows = {}
    for name, measures in (("value", ("value",)), ("value and captured (two twins)", ("value", "captured"))):
        outside, whole = [], []
        for seed in range(1, 101):
            started = time.perf_counter()
            seen = observe(Scenario(), seed, measures)
            whole.append(time.perf_counter() - started)
            outside.append(whole[-1] - seen.kernel_seconds)
        rows[f"a run measuring {name}, ms"] = spread(whole, 1e3)
        rows[f"  outside the kernel, measuring {name}, ms"] = spread(outside, 1e3)
    return rows


def sweeps() -> dict[str, dict]:
    """Runs per second of a whole sweep from the command line, on one and two workers."""
    rows = {}
    program = Path(sys.executable).parent / "positivesum"
    for n_workers in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            study = Path(folder) / "cost.toml"
            study.write_text(STUDY.format(replicates=300, measures='["value"]'))
            out = Path(folder) / "out"
            arguments = ["sweep", str(study), "--workers", str(n_workers), "--out", str(out), "--json"]
            started = time.perf_counter()
            subprocess.run([program, *arguments], check=True, capture_output=True)
            seconds = time.perf_counter() - started
            session = json.loads((out / "manifest.json").read_text())["sessions"][-1]
        rows[f"sweep of 900 runs on {n_workers} worker(s)"] = {"seconds in all": seconds, **session}
    return rows


def main() -> None:
    """Measure everything, print it, and keep it."""
    measured = {"processors": os.cpu_count(), **engines(), **parts(), **sweeps()}
    for name, row in measured.items():
        if isinstance(row, dict):
            row = "  ".join(f"{k} {v:,.2f}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
        print(f"{name:<60} {row}")
    Path("results").mkdir(exist_ok=True)
    Path("results/benchmarks.json").write_text(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
