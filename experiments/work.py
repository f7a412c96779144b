"""What a worker does: runs a batch of jobs and returns plain arrays. No table, no file and no name of a study here.

A run that fails becomes a sentence instead of numbers, and the others go on.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np


class Task(NamedTuple):
    """A batch as it travels: scenarios, and for each job which of them and which seed."""

    scenarios: tuple[Any, ...]
    jobs: tuple[tuple[int, int], ...]
    measures: tuple[str, ...]
    series: tuple[str, ...]
    incomes: bool
    fail_fast: bool = False


class RunFailed(Exception):
    """A run failed where the first failure is to end everything: its place in the task, and the sentence."""

    def __init__(self, place: int, sentence: str):
        super().__init__(place, sentence)
        self.place, self.sentence = place, sentence


class Outcome(NamedTuple):
    """What came out of a task, in the order of its jobs.

    ``values`` float64 (jobs, measures), NaN where a run failed; ``errors`` a sentence or None per job; ``series`` one
    float64 (steps, series) per job or None; ``people`` one (income, power third, sector, sector names) per job or
    None; ``seconds`` all of the worker's time and ``kernel_seconds`` that spent inside the model's kernel.
    """

    values: np.ndarray
    errors: tuple[str | None, ...]
    series: tuple[np.ndarray | None, ...]
    people: tuple[tuple | None, ...]
    seconds: float
    kernel_seconds: float


def run_task(task: Task) -> Outcome:
    """Runs every job of the task, one after the other. Raises RunFailed at the first failure if asked to."""
    from sim.simulation import observe

    began = time.perf_counter()
    values = np.full((len(task.jobs), len(task.measures)), np.nan)
    errors: list[str | None] = [None] * len(task.jobs)
    series: list[np.ndarray | None] = [None] * len(task.jobs)
    people: list[tuple | None] = [None] * len(task.jobs)
    kernel = 0.0
    for k, (scenario, seed) in enumerate(task.jobs):
        try:
            seen = observe(task.scenarios[scenario], seed, task.measures, task.series, task.incomes)
        except Exception as error:  # a failed run is a result, and the other runs are not to blame
            errors[k] = _sentence(error)
            if task.fail_fast:
                raise RunFailed(k, errors[k]) from None
            continue
        values[k] = seen.values
        kernel += seen.kernel_seconds
        series[k] = seen.series if task.series else None
        people[k] = (seen.income, seen.power_third, seen.sector, seen.sector_names) if task.incomes else None
    return Outcome(values, tuple(errors), tuple(series), tuple(people), time.perf_counter() - began, kernel)


def failed(task: Task, error: str) -> Outcome:
    """The outcome of a task none of whose runs came back."""
    n = len(task.jobs)
    return Outcome(np.full((n, len(task.measures)), np.nan), (error,) * n, (None,) * n, (None,) * n, 0.0, 0.0)


def joined(outcomes: list[Outcome]) -> Outcome:
    """Outcomes of consecutive jobs as one."""
    values = np.concatenate([outcome.values for outcome in outcomes])
    errors, series, people = (sum((getattr(o, name) for o in outcomes), ()) for name in ("errors", "series", "people"))
    return Outcome(
        values, errors, series, people, sum(o.seconds for o in outcomes), sum(o.kernel_seconds for o in outcomes)
    )


def _sentence(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
