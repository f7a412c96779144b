"""A real Dask scheduler with tasks that only sleep: what handing out work costs, however many workers there are.

Two worker processes on loopback; scheduler and client share a process, so a task is charged with both, and what a
scheduler of its own hands out is more. A task sleeps, then returns an array as large as that of a batch of 128 runs.
Tasks are handed in with a bounded number in flight, as the runner does. What the scheduler can hand out per second,
times what a batch computes, is the number of workers it can keep busy; with the cost of a run and of storing it,
that tells what a million and a billion runs cost and which part gives out first.
"""

from __future__ import annotations

import contextlib
import json
import os
import time

import numpy as np

from benchmarks.measured import ROOT, Row, Skipped, row
from sim import Scenario, engine
from sim.population import build
from sim.simulation import observe

RUNS_PER_BATCH, N_MEASURES = 128, 12
TASKS_AT = {1: 100, 2: 100, 10: 300, 100: 500, 1000: 2000}  # in flight: tasks to measure by
N_WORKERS = 2


@contextlib.contextmanager
def cluster(n_workers: int = N_WORKERS):
    """A scheduler and its single-threaded worker processes, on this machine's loopback only."""
    try:
        from distributed import LocalCluster
    except ImportError:
        raise Skipped("the package distributed is not installed") from None
    os.environ["PYTHONPATH"] = str(ROOT)  # the workers import this project, not another that is installed
    options = {"host": "127.0.0.1", "dashboard_address": None, "silence_logs": 50}
    with LocalCluster(n_workers=n_workers, threads_per_worker=1, processes=True, **options) as running:
        yield running


def task(number: int, seconds: float, n_runs: int, n_measures: int) -> tuple[np.ndarray, float]:
    """Sleeps, and returns what a batch would."""
    time.sleep(seconds)
    return np.full((n_runs, n_measures), float(number)), seconds


def measure(tasks_at: dict[int, int] | None = None, naps: tuple[float, ...] = (0.0, 0.01), repeats: int = 3):
    """Tasks per second and overhead per task, by tasks in flight and their length. Keys: in flight; values: tasks."""
    from distributed import Client

    rows = []
    with cluster() as running, Client(running) as client:
        _seconds(client, 100, 10, 0.0)
        for nap in naps:
            for flying, n_tasks in (tasks_at or TASKS_AT).items():
                taken = [_seconds(client, n_tasks, flying, nap) / n_tasks for _ in range(repeats)]
                busy = nap / min(flying, N_WORKERS)
                name = f"tasks of {nap * 1e3:g} ms, {flying} in flight"
                rows.append(row(name, "tasks per second", [1.0 / each for each in taken]))
                rows.append(row(f"{name}: overhead", "ms per task", [(each - busy) * 1e3 for each in taken]))
    return rows


def _seconds(client, n_tasks: int, in_flight: int, nap: float) -> float:
    """Wall seconds to get ``n_tasks`` done and their results back, never more than ``in_flight`` handed in."""
    from distributed import as_completed

    def hand_in(number):
        return client.submit(task, number, nap, RUNS_PER_BATCH, N_MEASURES, pure=False)

    in_flight = min(in_flight, n_tasks)
    began = time.perf_counter()
    arriving = as_completed([hand_in(k) for k in range(in_flight)], with_results=True)
    handed_in = in_flight
    for k, _ in enumerate(arriving):
        if handed_in < n_tasks:
            arriving.add(hand_in(handed_in))
            handed_in += 1
        elif k + 1 >= handed_in:
            break
    return time.perf_counter() - began


def on_paper(n_runs: int = 200) -> list[Row]:
    """Core-hours of a million runs, a billion runs and a billion organizations, and the cores that each part can feed.

    From the scheduler's tasks per second above, a run's cost measured here, and the cost of rows and storing that
    the comparison ``sweep`` has kept in results/benchmarks.json (without it that line is left out).
    """
    rows = measure()
    scheduler = next(each for each in rows if each.name == "tasks of 0 ms, 100 in flight")
    costs = []
    for seed in range(n_runs):
        began = time.perf_counter()
        observe(Scenario(), seed, ("value",))
        costs.append(time.perf_counter() - began)
    run = row("a run of 100 organizations x 200 steps", "ms", [each * 1e3 for each in costs])
    batch = RUNS_PER_BATCH * run.median / 1e3
    rows.append(run)
    for name, n in (("10^6 runs", 1e6), ("10^9 runs", 1e9)):
        rows.append(row(f"{name}: computing", "core-hours", [n * run.median / 1e3 / 3600]))
        rows.append(
            row(
                f"{name}: handing out batches of {RUNS_PER_BATCH}",
                "hours",
                [n / RUNS_PER_BATCH / scheduler.median / 3600],
            )
        )
        rows.append(row(f"{name}: values of {N_MEASURES} measures", "GB", [n * N_MEASURES * 8 / 1e9]))
    rows += _one_large_world()
    rows.append(row("cores that the scheduler keeps busy", "cores", [scheduler.median * batch]))
    stored = _kept("one worker: rows and storing, beside the workers")
    if stored:
        rows.append(row("cores that one storing client keeps up with", "cores", [run.median * 1e3 / stored]))
        rows.append(row("10^9 runs: rows and storing by one client", "hours", [1e9 * stored / 1e6 / 3600]))
    return rows


def _one_large_world(n: int = 200_000, steps: int = 8) -> list[Row]:
    """A billion organizations in one world, from a run of ``n``: three ties each, 200 steps."""
    large = Scenario().replace(n_organizations=n, steps=steps)
    people = build(large, 1)
    began = time.perf_counter()
    engine.run(large.replace(steps=1), 1, people, with_ledger=False)
    first = time.perf_counter()
    engine.run(large, 1, people, with_ledger=False)
    per_tie_step = (time.perf_counter() - 2 * first + began) / (len(people.i) * (steps - 1))
    return [
        row(f"{n:,} organizations in one world", "ns per tie-step", [per_tie_step * 1e9]),
        row("10^9 organizations, 200 steps: computing", "core-hours", [3e9 * 200 * per_tie_step / 3600]),
    ]


def _kept(name: str) -> float | None:
    """The median of a row that an earlier comparison has kept."""
    try:
        kept = json.loads((ROOT / "results" / "benchmarks.json").read_text())["comparisons"]["sweep"]["rows"]
    except (OSError, KeyError, ValueError):
        return None
    return next((each["median"] for each in kept if each["name"] == name), None)
