"""Runs what a results folder still lacks, batch by batch, and stores each as it comes in.

Kill it at any moment: batches already stored stay, the same command runs the others, and the tables end up the same,
byte by byte. A worker that dies takes no stored batch with it: those in flight are run again, and if that fails too,
job by job, so that only the culprit is marked as failed. Runs that an earlier cut of the study left are taken over by
their ids, so a study that has grown pays for what is new alone, and its folder ends up as if it had been run at once.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from pathlib import Path
from typing import NamedTuple

from experiments import executors, manifest, parts, rows, stages, store
from experiments.plan import Batch, Job, Plan, Stage
from experiments.work import Outcome, RunFailed, Task, failed, joined, run_task

DIED = "the worker process died during this run (killed, or out of memory)"
NewExecutor = Callable[[int], Executor]


class Stopped(Exception):
    """Asked to stop: the batches in flight have been stored."""


class Report(NamedTuple):
    """How a sweep went: runs stored by now, of these run just now, and seconds (wall clock; workers; kernel)."""

    n_runs: int
    n_new: int
    seconds: float
    worker_seconds: float
    kernel_seconds: float


class Orders(NamedTuple):
    """How a sweep is to be run. ``announce`` is told at first how many runs are missing, and roughly how many seconds
    of one core they take; ``advance`` how many runs have been stored; ``expect`` how many more there will be, and how
    many of these are missing; ``is_stopped`` is asked between batches; ``retry``: failed runs are run again."""

    n_workers: int = 1
    announce: Callable[[int, float], None] = lambda n, seconds: None
    advance: Callable[[int], None] = lambda n: None
    expect: Callable[[int, int], None] = lambda n, n_missing: None
    new_executor: NewExecutor = executors.on_this_machine
    is_stopped: Callable[[], bool] = lambda: False
    fail_fast: bool = False
    retry: bool = False
    is_remote: bool = False  # workers are on other machines: more is kept in flight


class _Piece(NamedTuple):
    """What is to be run of a batch: its jobs, those among them that are run, and what is taken over of the others."""

    batch: Batch
    jobs: list[Job]
    at: list[int]
    taken: dict[int, tuple]


def run_sweep(plan: Plan, folder: Path, **orders) -> Report:
    """Brings the folder to hold every run of the plan; keyword arguments are ``Orders``.

    Raises StoreError where the folder belongs to something else, is in use or cannot be written, RunFailed where the
    first failure is to end it, Stopped where it was asked to stop.
    """
    with claimed_for(plan, folder):
        return run_claimed(plan, folder, Orders(**orders))


@contextlib.contextmanager
def claimed_for(plan: Plan, folder: Path) -> Iterator[None]:
    """Keeps every other sweep out of a folder that may hold the plan. Raises StoreError."""
    store.check_place(folder)
    manifest.check(folder, plan)
    with store.claimed(folder):
        yield


def run_claimed(plan: Plan, folder: Path, orders: Orders) -> Report:
    """As ``run_sweep``, in a folder that the caller has claimed and keeps for what is still to be written there."""
    stock = parts.Stock(folder, parts.kinds_of(plan.study))
    record = manifest.begin(folder, plan, stock)
    spent = _Spent(record)
    try:
        done = [plan.first_stage]
        _run_stage(plan, folder, stock, done[-1], orders, spent)
        while stage := stages.decided_after(plan, done, folder):
            done.append(stage)
            _run_stage(plan, folder, stock, stage, orders, spent)
        with store.writing(folder):
            stock.close([batch.name for _, batch in stages.batches_of(done)])
        record["is_complete"] = True
    finally:
        spent.note(folder)
    return spent.report(sum(stage.n_jobs for stage in done))


class _Spent:
    """What the present session has done so far, and its entry in the manifest."""

    def __init__(self, record: dict):
        self.record, self.began = record, time.perf_counter()
        self.n_new = self.n_workers = 0
        self.worker_seconds = self.kernel_seconds = 0.0

    def begin(self, folder: Path, n_workers: int) -> None:
        """The first batch is about to run: from here on the manifest tells of this session."""
        if not self.n_workers:
            manifest.begin_session(self.record)
            manifest.write(folder, self.record)
        self.n_workers = max(self.n_workers, n_workers)

    def add(self, n_new: int, outcome: Outcome) -> None:
        """A batch has been stored."""
        self.n_new += n_new
        self.worker_seconds += outcome.seconds
        self.kernel_seconds += outcome.kernel_seconds

    def note(self, folder: Path) -> None:
        """Writes down what it came to; a folder that cannot be written keeps its last word."""
        if self.n_workers:
            manifest.end_session(self.record, self.n_workers, self.report(0))
            with contextlib.suppress(store.StoreError):
                manifest.write(folder, self.record)
        elif self.record.get("is_complete") and not manifest.is_told(folder, self.record):
            manifest.write(folder, self.record)

    def report(self, n_runs: int) -> Report:
        """The session in numbers."""
        seconds = time.perf_counter() - self.began if self.n_workers else 0.0
        return Report(n_runs, self.n_new, seconds, self.worker_seconds, self.kernel_seconds)


def task_of(plan: Plan, jobs: list[Job], *, fail_fast: bool = False) -> Task:
    """Jobs as they travel to a worker, with each of their scenarios once."""
    cells = sorted({job.cell for job in jobs})
    places = {cell: k for k, cell in enumerate(cells)}
    study = plan.study
    pairs = tuple((places[job.cell], job.seed) for job in jobs)
    scenarios = tuple(plan.scenario(cell) for cell in cells)
    return Task(scenarios, pairs, study.measures, study.series, study.wants_better_off, fail_fast)


def _run_stage(plan: Plan, folder: Path, stock: parts.Stock, stage: Stage, orders: Orders, spent: _Spent) -> None:
    """Stores every batch of a stage that is not stored yet."""
    missing, n_stored = [], 0
    for batch in stage.batches:
        jobs = stage.jobs(batch)
        if stock.holds(batch.name, jobs, with_failures=not orders.retry):
            n_stored += len(jobs)
        else:
            missing.append(batch)
    amount = _amount(plan, stage, stock, missing)
    if stage.n_parts:
        orders.expect(stage.n_jobs, amount[0])
    else:
        orders.announce(*amount)
    orders.advance(n_stored)
    if not missing:
        return
    n_workers = max(1, min(orders.n_workers, len(missing)))
    spent.begin(folder, n_workers)
    with store.writing(folder):  # out of the way before any of the same name is written
        for batch in missing:
            stock.put_aside(batch.name)
    n_left = len(missing)
    with contextlib.closing(_outcomes(plan, stage, stock, missing, n_workers, orders)) as arriving:
        for piece, outcome in arriving:
            taken = stock.pieces(piece.taken, plan.study.measures, plan.study.series)
            whole = rows.completed(outcome, piece.at, taken, len(piece.jobs))
            with store.writing(folder):
                parts.write(folder, piece.batch.name, rows.tables(plan, piece.jobs, whole))
            spent.add(len(piece.at), outcome)
            orders.advance(len(piece.jobs))
            n_left -= 1
    if n_left:
        raise Stopped


def _amount(plan: Plan, stage: Stage, stock: parts.Stock, missing: list[Batch]) -> tuple[int, float]:
    """Runs of these batches that are not stored anywhere, and the seconds that the plan assumes for them."""
    n, seconds = 0, 0.0
    for batch in missing:
        jobs = stage.jobs(batch)
        taken = stock.taken_over(jobs)
        cells = [job.cell for k, job in enumerate(jobs) if k not in taken]
        n, seconds = n + len(cells), seconds + float(plan.costs[cells].sum())
    return n, seconds


def _outcomes(
    plan: Plan, stage: Stage, stock: parts.Stock, missing: list[Batch], n_workers: int, orders: Orders
) -> Iterator[tuple[_Piece, Outcome]]:
    """The outcome of every batch, as they come in, until asked to stop; nothing is lost with a worker that dies."""
    waiting = list(reversed(missing))
    has_died: set[Batch] = set()
    while waiting and not orders.is_stopped():
        lost = yield from _until_broken(plan, stage, stock, waiting, n_workers, orders)
        for piece in lost:
            if piece.batch in has_died:
                yield piece, _one_by_one(_task(plan, piece, orders), orders.new_executor)
            else:
                waiting.append(piece.batch)
        has_died.update(piece.batch for piece in lost)


def _until_broken(plan, stage, stock, waiting: list[Batch], n_workers: int, orders: Orders):
    """Yields outcomes until none is waiting or a worker dies; returns the pieces that were lost with it."""
    executor = orders.new_executor(n_workers)
    flying: dict[Future, _Piece] = {}
    lost: list[_Piece] = []
    most = 2 * n_workers if orders.is_remote else (1 if n_workers == 1 else n_workers + 1)
    try:
        while (waiting or flying) and not lost:
            while waiting and len(flying) < most and not orders.is_stopped():
                piece = _piece(stock, stage, waiting[-1])
                if piece.at:
                    flying[executor.submit(run_task, _task(plan, piece, orders))] = piece
                waiting.pop()
                if not piece.at:
                    yield piece, failed(_task(plan, piece, orders), "")
            if not flying:
                break
            done, _ = wait(flying, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=lambda f: flying[f].batch.first):
                piece = flying.pop(future)
                if executors.has_died(future):
                    lost.append(piece)
                else:
                    yield piece, _result(future, piece)
    except BrokenExecutor:  # it broke between two batches, while a new one was being handed in
        pass
    except BaseException:  # a second Ctrl-C, a full disk: nobody waits for what is in flight
        executors.stop(executor)
        raise
    lost += flying.values()
    executor.shutdown(wait=not lost, cancel_futures=True)
    return lost


def _result(future: Future, piece: _Piece) -> Outcome:
    try:
        return future.result()
    except RunFailed as failure:
        raise RunFailed(piece.jobs[piece.at[failure.place]], failure.sentence) from None


def _task(plan: Plan, piece: _Piece, orders: Orders) -> Task:
    return task_of(plan, [piece.jobs[k] for k in piece.at], fail_fast=orders.fail_fast)


def _piece(stock: parts.Stock, stage: Stage, batch: Batch) -> _Piece:
    jobs = stage.jobs(batch)
    taken = stock.taken_over(jobs)
    return _Piece(batch, jobs, [k for k in range(len(jobs)) if k not in taken], taken)


def _one_by_one(task: Task, new_executor: NewExecutor) -> Outcome:
    """Runs the jobs of a task that has twice killed its worker each on its own, in a worker of its own."""
    return joined([_alone(task._replace(jobs=(job,)), new_executor) for job in task.jobs])


def _alone(task: Task, new_executor: NewExecutor) -> Outcome:
    executor = new_executor(2)  # not this process: a run that kills its worker must not kill the sweep
    try:
        return executor.submit(run_task, task).result()
    except BrokenExecutor:
        return failed(task, DIED)
    except Exception as error:
        if not executors.is_death(error):
            raise
        return failed(task, DIED)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
