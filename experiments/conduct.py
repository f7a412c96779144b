"""A sweep from its plan to its printed table: run with progress, stopped in order, published, told."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from experiments.progress import Teller, runs, stoppable

if TYPE_CHECKING:
    from experiments.plan import Plan

FAILED_RUNS, INTERRUPTED, TERMINATED = 1, 130, 143


class Options(NamedTuple):
    """What the command line says of a sweep besides its study."""

    workers: int | None = None
    dask: str | None = None
    fail_fast: bool = False
    csv: bool = False
    as_json: bool = False
    retry: bool = False


def conduct(plan: Plan, folder: Path, options: Options) -> int:
    """Brings the folder to hold the plan, compares and draws; prints, and returns the exit code."""
    from experiments import manifest, store
    from experiments.runner import Stopped
    from experiments.work import RunFailed

    store.check_place(folder)
    manifest.check(folder, plan)
    with contextlib.ExitStack() as claim:  # until all is published, so that no other sweep comes between
        with stoppable() as stop:
            try:
                report = _run(plan, folder, options, stop, claim)
            except (Stopped, KeyboardInterrupt):
                click.echo(
                    f"Interrupted; what is stored in {folder} stays, and the same command goes on from there.", err=True
                )
                return TERMINATED if stop.signal == signal.SIGTERM else INTERRUPTED
            except RunFailed as failure:
                return _stopped_at(failure, plan, folder)
        return _publish(plan, folder, options, report)


def design_in_words(plan: Plan) -> list[str]:
    """What a sampled design costs, and what its method usually needs."""
    study = plan.study
    if not study.is_sampled:
        return []
    from experiments import sampling

    _, needs = sampling.needs(study.sampling, len(study.factors))
    worlds, designs = (
        f" x {len(names)} {what}" for names, what in ((study.worlds, "worlds"), (study.designs, "designs"))
    )
    counts = (worlds if len(study.worlds) > 1 else "") + (designs if len(study.designs) > 1 else "")
    advice = sampling.advice(study.sampling, len(study.factors))
    lines = [f"{needs}{counts} x {runs_each(plan)} = {runs(plan.n_jobs)}"]
    return lines + ([advice] if advice else [])


def runs_each(plan: Plan) -> str:
    """``24 replicates``, or from how many to how many."""
    until, most = plan.study.until, plan.study.replicates
    if until:
        return f"{until.least} to {most} replicates (until {until.measure} is ± {until.half_width:g})"
    return f"{most} replicate{'s' if most != 1 else ''}"


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def estimate(plan: Plan, n_workers: int) -> str:
    """How long the whole plan takes, from a timed pilot, and how large it gets."""
    assumed = float(plan.costs @ plan.first_stage.stop)
    return Teller(plan, n_workers).estimate(assumed)


def _run(plan: Plan, folder: Path, options: Options, stop, claim: contextlib.ExitStack):
    from experiments import executors
    from experiments.runner import Orders, claimed_for, run_claimed

    with contextlib.ExitStack() as stack:
        n_workers, new_executor, where = options.workers or cores(), executors.on_this_machine, ""
        if options.dask:
            from experiments.cluster import connected

            cluster = stack.enter_context(connected(options.dask))
            n_workers, new_executor = options.workers or cluster.n_workers, cluster.new_executor
            where = f" at {options.dask}"
        teller = Teller(plan, n_workers, where=where)
        stack.callback(teller.close)
        for line in design_in_words(plan):
            click.echo(line, err=True)
        orders = Orders(
            n_workers=n_workers, announce=teller.announce, advance=teller.advance, expect=teller.expect,
            new_executor=new_executor, is_stopped=stop, fail_fast=options.fail_fast, retry=options.retry,
            is_remote=bool(options.dask),
        )  # fmt: skip
        claim.enter_context(claimed_for(plan, folder))
        return run_claimed(plan, folder, orders)


def _stopped_at(failure, plan: Plan, folder: Path) -> int:
    job, cell = failure.place, plan.cells[failure.place.cell]
    click.echo(
        f"Error: run {job.run_id} ({cell.world}, {cell.design}, seed {job.seed}) failed: {failure.sentence}; stopped "
        f"there (--fail-fast); what is stored in {folder} stays, and the same command goes on from there.", err=True
    )  # fmt: skip
    return FAILED_RUNS


def _publish(plan: Plan, folder: Path, options: Options, report) -> int:
    from experiments.publish import publish, write_csv

    results, tables, figures = publish(folder, plan, is_new=report.n_new > 0)
    tables += write_csv(folder, plan.study) if options.csv else []
    if options.as_json:
        print_json(_machine_table(folder, results, figures))
    else:
        _print_results(results, tables, figures, report)
    return _failures(folder, plan, results)


def _print_results(results, tables, figures, report) -> None:
    from experiments import precision, words

    click.echo(words.table(results.comparison, results.means, results.study))
    if results.precision is not None:
        click.echo("\n".join(precision.in_words(results.precision, results.plan)) + "\n")
    stored = f", {report.n_runs - report.n_new} of them stored before" if report.n_new < report.n_runs else ""
    click.echo(f"{report.n_runs} runs{stored}; {report.seconds:.1f} s")
    say_where([*tables, *figures])


def _machine_table(folder: Path, results, figures) -> dict[str, Any]:
    tables = {
        name: json.loads(getattr(results, name).to_json(orient="records", double_precision=15))
        for name in ("comparison", "means", "precision") if getattr(results, name) is not None
    }  # fmt: skip
    study = {"study": results.study.name, "question": results.study.question, "folder": str(folder)}
    return study | tables | {"figures": [str(path) for path in figures]}


def _failures(folder: Path, plan: Plan, results) -> int:
    """Says which runs failed, if any, and returns the exit code."""
    n_failed, n_runs = int(results.found.is_failed.sum()), int(results.found.is_there.sum())
    if not n_failed:
        return 0
    click.echo(
        f"Error: {n_failed} of {n_runs} runs failed; they are rows with status 'failed' in {folder / 'runs'}, and "
        f"'positivesum retry {folder}' runs them again:", err=True
    )  # fmt: skip
    groups: dict[str, list] = {}
    for job, sentence in results.found.failures:
        groups.setdefault(sentence, []).append(job)
    for sentence, jobs in list(groups.items())[:5]:
        cell = plan.cells[jobs[0].cell]
        first = f"{cell.world}, {cell.design}, seed {jobs[0].seed}, run {jobs[0].run_id}"
        click.echo(f"  {len(jobs)} x {sentence} (first: {first})", err=True)
    return FAILED_RUNS


def say_where(paths) -> None:
    """The files that were written."""
    click.echo("Written:")
    for path in paths:
        click.echo(f"  {path}")


def print_json(value) -> None:
    """A table for a machine."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))
