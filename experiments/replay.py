"""One run of a study again, from its row in a results folder."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments import manifest, parts
from experiments.errors import StoreError
from experiments.plan import Job, Plan, make_plan
from experiments.publish import stored_study

SHORTEST = 4  # letters of an id that are enough, if only one run has them


class Row(NamedTuple):
    """A run as it is stored: its plan and job, its measures (NaN where it failed) and why it failed, if it did."""

    plan: Plan
    job: Job
    values: dict[str, float]
    error: str | None

    @property
    def cell(self):
        """Its world, design and factor point."""
        return self.plan.cells[self.job.cell]

    @property
    def scenario(self):
        """Its scenario."""
        return self.plan.scenario(self.job.cell)


def find(folder: Path, run_id: str) -> Row:
    """The stored run of this id, or of the only one that begins so. Raises StoreError."""
    plan = make_plan(stored_study(folder))
    found = _matches(folder, run_id, plan.study.measures)
    if not found:
        raise StoreError(f"{folder} holds no run {run_id!r}; ids are in the column run_id of its folder runs")
    if len({row["run_id"] for row in found}) > 1:
        raise StoreError(f"{run_id!r} begins several run ids in {folder}; give more of its letters")
    row = found[0]
    job = _job_of(plan, row)
    if job is None:
        raise StoreError(
            f"{folder}: run {row['run_id']} cannot be made again, because the files that its study reads have changed"
        )
    values = {name: np.nan if row[name] is None else row[name] for name in plan.study.measures}
    return Row(plan, job, values, row["error"])


def _matches(folder: Path, run_id: str, measures) -> list[dict]:
    wanted, found = run_id.lower().strip(), []
    if len(wanted) < SHORTEST:
        raise StoreError(f"{run_id!r} is too short for a run id; give at least its first {SHORTEST} letters")
    columns = ["run_id", "world", "design", "replicate", "seed", "error", *measures]
    for _, table in parts.tables(folder, "runs", columns):
        ids = table["run_id"].to_pylist()
        found += [table.slice(k, 1).to_pylist()[0] for k, each in enumerate(ids) if each.startswith(wanted)]
    return found


def _job_of(plan: Plan, row: dict) -> Job | None:
    for number, cell in enumerate(plan.cells):
        if (cell.world, cell.design) == (row["world"], row["design"]):
            job = plan.job(number, row["replicate"])
            if job.run_id == row["run_id"]:
                return job
    return None


def differences(row: Row, summary: dict[str, float]) -> list[str]:
    """Measures of the run made again that are not the stored ones, bit for bit."""
    return [
        f"{name} is {summary[name]!r}, stored is {value!r}"
        for name, value in row.values.items() if not np.array_equal(summary[name], value, equal_nan=True)
    ]  # fmt: skip


def is_of_other_code(folder: Path) -> bool:
    """Whether the model has changed since the folder was written."""
    return manifest.read(folder)["code_hash"] != manifest.code_hash()
