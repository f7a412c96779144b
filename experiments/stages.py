"""What a results folder holds of a plan, as arrays: which stages its runs make up, and the numbers of every run.

Parts are read one after the other and only their measures are kept, so a study of a million runs takes eight bytes
per run and measure here, whatever its tables weigh.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments import parts
from experiments.plan import Batch, Plan, Stage

_COLUMNS = ["run_id", "status"]


class Stored(NamedTuple):
    """The runs of a plan that are stored: values (cells, replicates, measures), NaN where there is none."""

    stages: list[Stage]
    values: np.ndarray
    is_there: np.ndarray  # (cells, replicates)
    is_failed: np.ndarray  # (cells, replicates)
    failures: list[tuple]  # (job, sentence) of failed runs, in order; at most MOST_FAILURES
    is_complete: bool


MOST_FAILURES = 1_000


def batches_of(stages: list[Stage]) -> Iterator[tuple[Stage, Batch]]:
    """All batches of these stages, in order."""
    return ((stage, batch) for stage in stages for batch in stage.batches)


def n_parts_of(stages: list[Stage]) -> int:
    """How many parts these stages are stored in."""
    return sum(len(stage.batches) for stage in stages)


def decided_after(plan: Plan, stages: list[Stage], folder: Path) -> Stage | None:
    """The stage after these, all of whose parts are stored; None when nothing more is asked for."""
    until = plan.study.until
    if until is None:
        return None
    from experiments import precision

    values = _read(plan, stages, folder, (until.measure,)).values[:, :, 0]
    return precision.next_stage(plan, stages[-1], values, n_parts_of(stages))


def stored(plan: Plan, folder: Path) -> Stored:
    """Everything stored, as far as it goes. Raises StoreError for a part that is damaged."""
    stages = [plan.first_stage]
    found = _read(plan, stages, folder, plan.study.measures)
    while found.is_complete and (stage := decided_after(plan, stages, folder)):
        stages.append(stage)
        found = _read(plan, stages, folder, plan.study.measures)
    return found


def _read(plan: Plan, stages: list[Stage], folder: Path, measures: tuple[str, ...]) -> Stored:
    n_seeds = int(max(stage.stop.max(initial=0) for stage in stages))
    values = np.full((len(plan.cells), n_seeds, len(measures)), np.nan)
    is_there, is_failed = np.zeros((2, len(plan.cells), n_seeds), dtype=bool)
    failures: list[tuple] = []
    where = {batch.name: (stage, batch) for stage, batch in batches_of(stages)}
    n_found = 0
    # what a kill left of a later stage, perhaps half done, is not looked at until that stage has been run
    for name, table in parts.tables(folder, "runs", [*_COLUMNS, "error", *measures], where):
        stage, batch = where[name]
        jobs = stage.jobs(batch)
        if table["run_id"].to_pylist() != [job.run_id for job in jobs]:
            continue
        n_found += 1
        at = np.array([job.cell for job in jobs]), np.array([job.replicate - 1 for job in jobs])
        values[at] = np.column_stack([table[name].to_numpy() for name in measures])
        is_there[at] = True
        failed = np.array(table["status"].to_pylist()) == "failed"
        is_failed[at] = failed
        if failed.any():
            sentences = table["error"].to_pylist()
            failures += [(jobs[k], sentences[k]) for k in np.flatnonzero(failed)[: MOST_FAILURES - len(failures)]]
    return Stored(stages, values, is_there, is_failed, failures, n_found == len(where))
