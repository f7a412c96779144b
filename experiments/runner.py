"""Runs what a results folder still lacks, batch by batch, and stores each as it comes in.

Kill it at any moment: batches already stored stay, the same command runs the others, and the tables end up the same,
byte by byte. A worker that dies takes no stored batch with it: those in flight are run again, and if that fails too,
job by job, so that only the culprit is marked as failed.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from pathlib import Path
from typing import NamedTuple

from experiments import executors, manifest, rows, store
from experiments.plan import Batch, Plan
from experiments.work import Outcome, Task, failed, joined, run_task

DIED = "the worker process died during this run (killed, or out of memory)"
NewExecutor = Callable[[int], Executor]


class Report(NamedTuple):
    """How a sweep went: runs stored by now, of these run just now, and seconds (wall clock; workers; kernel)."""

    n_runs: int
    n_new: int
    seconds: float
    worker_seconds: float
    kernel_seconds: float


def run_sweep(
    plan: Plan,
    folder: Path,
    *,
    n_workers: int = 1,
    advance: Callable[[int], None] = lambda n: None,
    new_executor: NewExecutor = executors.on_this_machine,
) -> Report:
    """Brings the folder to hold every run of the plan; ``advance`` is told how many runs have been stored.

    Raises StoreError where the folder belongs to something else, is in use or cannot be written.
    """
    store.check_place(folder)
    manifest.check(folder, plan)
    with store.claimed(folder):
        record = manifest.begin(folder, plan)
        missing = [batch for batch in plan.batches if not store.has_part(folder, batch.name, batch.end - batch.first)]
        n_workers = max(1, min(n_workers, len(missing)))
        n_missing = sum(batch.end - batch.first for batch in missing)
        advance(plan.n_jobs - n_missing)
        if not missing and record["is_complete"]:
            return Report(plan.n_jobs, 0, 0.0, 0.0, 0.0)
        manifest.write(folder, record)
        report = _run_missing(plan, folder, missing, n_workers, advance, new_executor)
        manifest.end_session(
            record, n_workers, report.n_new, report.seconds, report.worker_seconds, report.kernel_seconds
        )
        manifest.write(folder, record)
        return report


def task_of(plan: Plan, batch: Batch) -> Task:
    """The batch as it travels to a worker, with each of its scenarios once."""
    jobs = plan.jobs(batch)
    cells = sorted({job.cell for job in jobs})
    places = {cell: k for k, cell in enumerate(cells)}
    study = plan.study
    pairs = tuple((places[job.cell], job.seed) for job in jobs)
    return Task(
        tuple(plan.scenarios[cell] for cell in cells), pairs, study.measures, study.series, study.wants_better_off
    )


def _run_missing(
    plan: Plan, folder: Path, missing: list[Batch], n_workers: int, advance, new_executor: NewExecutor
) -> Report:
    began, worker_seconds, kernel_seconds, n_new = time.perf_counter(), 0.0, 0.0, 0
    with contextlib.closing(outcomes(plan, missing, n_workers, new_executor)) as arriving:
        for batch, outcome in arriving:
            with store.writing(folder):
                for kind, table in rows.tables(plan, plan.jobs(batch), outcome).items():
                    store.write_part(folder, kind, batch.name, table)
            worker_seconds += outcome.seconds
            kernel_seconds += outcome.kernel_seconds
            n_new += batch.end - batch.first
            advance(batch.end - batch.first)
    return Report(plan.n_jobs, n_new, time.perf_counter() - began, worker_seconds, kernel_seconds)


def outcomes(
    plan: Plan, batches: list[Batch], n_workers: int, new_executor: NewExecutor
) -> Iterator[tuple[Batch, Outcome]]:
    """The outcome of every batch, as they come in; nothing is lost with a worker that dies."""
    waiting = list(reversed(batches))
    has_died: set[Batch] = set()
    while waiting:
        lost = yield from _until_broken(plan, waiting, n_workers, new_executor)
        for batch in lost:
            if batch in has_died:
                yield batch, _one_by_one(task_of(plan, batch), new_executor)
            else:
                waiting.append(batch)
        has_died.update(lost)


def _until_broken(plan: Plan, waiting: list[Batch], n_workers: int, new_executor: NewExecutor):
    """Yields outcomes until none is waiting or a worker dies; returns the batches that were lost with it."""
    executor = new_executor(n_workers)
    flying: dict[Future, Batch] = {}
    lost: list[Batch] = []
    try:
        while (waiting or flying) and not lost:
            _fill(executor, flying, waiting, 1 if n_workers == 1 else n_workers + 1, plan)
            done, _ = wait(flying, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=lambda f: flying[f].first):
                batch = flying.pop(future)
                if isinstance(future.exception(), BrokenExecutor):
                    lost.append(batch)
                else:
                    yield batch, future.result()
    except BrokenExecutor:  # it broke between two batches, while a new one was being handed in
        pass
    except BaseException:  # Ctrl-C, a full disk: nobody waits for what is in flight
        executors.stop(executor)
        raise
    lost += flying.values()
    executor.shutdown(wait=not lost, cancel_futures=True)
    return lost


def _fill(executor: Executor, flying: dict[Future, Batch], waiting: list[Batch], most: int, plan: Plan) -> None:
    while waiting and len(flying) < most:
        future = executor.submit(run_task, task_of(plan, waiting[-1]))
        flying[future] = waiting.pop()


def _one_by_one(task: Task, new_executor: NewExecutor) -> Outcome:
    """Runs the jobs of a task that has twice killed its worker each on its own, in a worker of its own."""
    return joined([_alone(task._replace(jobs=(job,)), new_executor) for job in task.jobs])


def _alone(task: Task, new_executor: NewExecutor) -> Outcome:
    executor = new_executor(2)  # not this process: a run that kills its worker must not kill the sweep
    try:
        return executor.submit(run_task, task).result()
    except BrokenExecutor:
        return failed(task, DIED)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
