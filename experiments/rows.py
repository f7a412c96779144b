"""From the outcome of a batch to rows: the tables of runs, of trajectories and of organizations, as Arrow tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from experiments.factors import kind_of
from experiments.plan import Job, Plan
from experiments.work import Outcome

_TYPES = {"real": pa.float64(), "integer": pa.int64(), "choice": pa.string()}
POWER_THIRDS = ("weak", "middle", "strong")


def completed(outcome: Outcome, at: list[int], taken: dict[int, Any], n_jobs: int) -> Outcome:
    """The outcome of all jobs of a batch: of those at the places ``at``, just run, and of those stored in pieces."""
    values = np.full((n_jobs, outcome.values.shape[1]), np.nan)
    values[at] = outcome.values
    errors, series, people = ([None] * n_jobs for _ in range(3))
    for k, place in enumerate(at):
        errors[place], series[place], people[place] = outcome.errors[k], outcome.series[k], outcome.people[k]
    for place, piece in taken.items():
        values[place], series[place] = piece.values, piece.series
        people[place] = _coded(piece.people) if piece.people else None
    return outcome._replace(values=values, errors=tuple(errors), series=tuple(series), people=tuple(people))


def _coded(people: tuple) -> tuple:
    income, third, sector = people
    names, codes = np.unique(np.asarray(sector, dtype=str), return_inverse=True)
    thirds = np.array([POWER_THIRDS.index(word) for word in third], np.int8)
    return income, thirds, codes.astype(np.int16), tuple(names.tolist())


def tables(plan: Plan, jobs: list[Job], outcome: Outcome) -> dict[str, pa.Table]:
    """The parts of a batch by kind; ``runs`` comes last, because it says that the batch is done."""
    parts = {}
    if plan.study.series:
        parts["series"] = _series(plan, jobs, outcome)
    if plan.study.wants_better_off:
        parts["organizations"] = _organizations(plan, jobs, outcome)
    return parts | {"runs": _runs(plan, jobs, outcome)}


def _runs(plan: Plan, jobs: list[Job], outcome: Outcome) -> pa.Table:
    """One row per run: what it was (run_id, world, design, factors, replicate, seed), how it went, its measures."""
    columns = _inputs(plan, jobs)
    columns["seed"] = pa.array([job.seed for job in jobs], pa.int64())
    columns["status"] = pa.array(["failed" if error else "ok" for error in outcome.errors], pa.string())
    columns["error"] = pa.array(outcome.errors, pa.string())
    for k, measure in enumerate(plan.study.measures):
        columns[measure] = pa.array(outcome.values[:, k])
    return pa.table(columns)


def _series(plan: Plan, jobs: list[Job], outcome: Outcome) -> pa.Table:
    """One row per run and step: run_id, world, design, factors, replicate, step (from 0), series."""
    empty = np.empty((0, len(plan.study.series)))
    blocks = [empty if block is None else block for block in outcome.series]
    columns = _repeated(_inputs(plan, jobs), [len(block) for block in blocks])
    columns["step"] = pa.array(np.concatenate([np.arange(len(block)) for block in blocks]), pa.int64())
    values = np.concatenate(blocks)
    return pa.table(columns | {name: pa.array(values[:, k]) for k, name in enumerate(plan.study.series)})


def _organizations(plan: Plan, jobs: list[Job], outcome: Outcome) -> pa.Table:
    """One row per run and organization: the inputs of the run, organization, power_third, sector, income."""
    people = [
        (np.empty(0), np.empty(0, np.int8), np.empty(0, np.int16), ()) if p is None else p for p in outcome.people
    ]
    counts = [len(income) for income, *_ in people]
    columns = _repeated(_inputs(plan, jobs), counts)
    columns["organization"] = pa.array(np.concatenate([np.arange(n) for n in counts]), pa.int64())
    columns["power_third"] = pa.array(
        np.concatenate([_words(POWER_THIRDS, third) for _, third, _, _ in people]), pa.string()
    )
    columns["sector"] = pa.array(np.concatenate([_words(names, sector) for _, _, sector, names in people]), pa.string())
    columns["income"] = pa.array(np.concatenate([income for income, *_ in people]), pa.float64())
    return pa.table(columns)


def _inputs(plan: Plan, jobs: list[Job]) -> dict[str, pa.Array]:
    cells = [plan.cells[job.cell] for job in jobs]
    columns = {
        "run_id": pa.array([job.run_id for job in jobs], pa.string()),
        "world": pa.array([cell.world for cell in cells], pa.string()),
        "design": pa.array([cell.design for cell in cells], pa.string()),
    }
    for column, parameter in plan.study.parameters.items():
        columns[column] = pa.array([cell.point[column] for cell in cells], _TYPES[kind_of(parameter)])
    return columns | {"replicate": pa.array([job.replicate for job in jobs], pa.int64())}


def _repeated(columns: dict[str, pa.Array], counts: list[int]) -> dict[str, Any]:
    rows = pa.array(np.repeat(np.arange(len(counts)), counts))
    return {name: column.take(rows) for name, column in columns.items()}


def _words(names: tuple[str, ...], codes: np.ndarray) -> np.ndarray:
    return np.asarray(names, dtype=object)[codes] if len(codes) else np.empty(0, dtype=object)
