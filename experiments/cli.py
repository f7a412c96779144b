"""The command line. Wrong input ends with one sentence and exit code 2, failed runs and our own faults with 1.

Everything heavy is imported where it is used, so that ``positivesum --help`` answers at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import tomllib
from pathlib import Path

import click

from experiments.errors import PositiveSumError, StudyError

MANY_RUNS = 20_000  # from here on, an estimate of time and disk is worth a line
WRONG_INPUT, OUR_FAULT, FAILED_RUNS, INTERRUPTED = 2, 1, 1, 130
_FILE = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="positivesum", prog_name="positivesum")
def cli():
    """Studies of partnerships between organizations, from zero-sum to positive-sum.

    \b
    Example:
        positivesum new my_question
        positivesum sweep configs/my_question.toml
    """


def main(arguments: list[str] | None = None) -> int:
    """Runs a command and returns its exit code."""
    try:
        code = cli.main(arguments, prog_name="positivesum", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except PositiveSumError as error:
        click.echo(f"Error: {error}", err=True)
        return WRONG_INPUT
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as in '... | head'
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OUR_FAULT


def _settings(context, parameter, pairs: tuple[str, ...]) -> dict:
    """``name=value`` as TOML would read the value; a bare word is a string."""
    settings = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.strip():
            raise click.BadParameter(f"{pair!r} is not of the form name=value, such as synergy=0")
        if name.strip() in settings:
            raise click.BadParameter(f"{name.strip()} is given twice; give it once")
        settings[name.strip()] = _value(text.strip())
    return settings


def _value(text: str):
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    return parsed["value"] if list(parsed) == ["value"] else text


_set = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_settings,
    help="Change a parameter, last of all; may be given again.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print the table for a machine, and nothing else.")


def _print_json(value) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


@cli.command()
@click.argument("file", type=_FILE)
@click.option("--seed", type=int, help="Seed of the run, from 0 to 2**63 - 1 (default: the study's).")
@click.option("--steps", type=int, help="Length of the run in steps (months).")
@click.option(
    "--engine",
    type=click.Choice(["compiled", "mesa"]),
    default="compiled",
    show_default=True,
    help="Both give the same numbers.",
)
@click.option("--world", help="A world of the study (default: none, the base alone).")
@click.option("--design", help="A design of the study (default: none, the base alone).")
@_set
@click.option("--out", type=_FILE, help="Folder for the results (default: results/NAME/run-...).")
@_json
def run(file, seed, steps, engine, world, design, settings, out, as_json):
    """Run one scenario of a study FILE: its base with the world and design named.

    Prints the summary; writes series.csv, organizations.csv, ties.csv, summary.json, scenario.toml and a figure.

    \b
    Example:
        positivesum run configs/zero_vs_positive_sum.toml --set synergy=0 --set levers=0.8 --seed 7
    """
    from experiments import single
    from experiments.plan import check_files
    from experiments.study import MOST_SEED, read_study

    if seed is not None and not 0 <= seed <= MOST_SEED:
        raise click.BadParameter(f"--seed must be a whole number from 0 to 2**63 - 1, not {seed}")
    if steps is not None and "steps" in settings:
        raise click.BadParameter("--steps and --set steps=... say the same; give one of them")
    with _as_typed(**{} if steps is None else {"--set.steps": "--steps"}):
        study = read_study(file, settings=settings | ({} if steps is None else {"steps": steps}))
        try:
            scenario = study.single(world, design)
        except StudyError as error:
            raise error.at(str(file)) from None
    check_files(study, (scenario,))
    for late in study.single_too_late(world, design, scenario):
        click.echo(f"note: {late} is not reached, because the run ends after {scenario.steps} steps", err=True)
    _say_overridden(study, settings if steps is None else settings | {"steps": steps}, world, design)
    seed = study.seed if seed is None else seed
    folder = out or single.default_folder(study, scenario, seed, world, design)
    single.check_free(folder)
    from sim.simulation import simulate

    result = simulate(scenario, seed=seed, engine=engine)
    title = ", ".join([study.name, *filter(None, (world, design)), f"seed {seed}"])
    paths = single.write_run(folder, result, scenario, title, seed)
    if as_json:
        about = {"study": study.name, "world": world, "design": design, "seed": seed, "engine": engine}
        return _print_json(about | {"summary": single.finite(result.summary), "files": [str(path) for path in paths]})
    click.echo(single.summary_text(result.summary, title))
    _say_where(paths)


@cli.command()
@click.argument("study", type=_FILE)
@click.option("--workers", type=click.IntRange(min=1), help="Processes to run on (default: all cores).")
@click.option("--out", type=_FILE, help="Folder for the results (default: results/NAME).")
@click.option("--replicates", type=int, help="Runs per combination, instead of the study's.")
@_set
@_json
def sweep(study, workers, out, replicates, settings, as_json):
    """Run all worlds, designs, factor points and replicates of a STUDY, compare them and draw the figures.

    Results are stored batch by batch: after a kill, the same command goes on where it stopped.

    \b
    Example:
        positivesum sweep configs/zero_vs_positive_sum.toml --workers 2 --replicates 4 --out results/trial
    """
    from experiments.plan import make_plan
    from experiments.study import read_study

    with _as_typed(**{} if replicates is None else {"replicates": "--replicates"}):
        plan = make_plan(read_study(study, replicates=replicates, settings=settings))
    _say_overridden(plan.study, settings)
    folder = out or Path("results", plan.study.name)
    try:
        report = _run_with_progress(plan, folder, workers or _cores())
        from experiments.publish import publish

        results, figures = publish(folder, plan.study, is_new=report.n_new > 0)
    except KeyboardInterrupt:
        click.echo(f"Interrupted; what is stored in {folder} stays, and the same command goes on from there.", err=True)
        return INTERRUPTED
    if as_json:
        _print_json(_machine_table(folder, results, figures))
    else:
        _print_results(folder, results, figures, report)
    return _failures(folder, results.runs)


def _cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def _as_typed(**names: str):
    """In an error about an option, the option as it was typed."""
    try:
        yield
    except StudyError as error:
        if error.key not in names:
            raise
        typed = names[error.key]
        raise StudyError(error.message.replace(error.key, typed, 1), key=typed, source=error.source) from None


def _say_overridden(study, settings: dict, world: str | None = None, design: str | None = None) -> None:
    """One line for each setting and factor that takes the place of what a world or design says."""
    varied = [] if world or design else [(f"factor {name}", name) for name in study.parameters.values()]
    for said, name in [*((f"--set {n}={_toml_like(v)}", n) for n, v in settings.items()), *varied]:
        places = study.overridden(name)
        if places:
            more = f" and {len(places) - 6} more" if len(places) > 6 else ""
            overrides = f"{', '.join(places[:6])}{more}"
            click.echo(f"note: {said} holds in every design and world; it overrides {overrides}", err=True)


def _toml_like(value) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _run_with_progress(plan, folder: Path, n_workers: int):
    """A bar at a terminal, elsewhere a line at the start and at each tenth."""
    from tqdm import tqdm

    from experiments import manifest, store
    from experiments.runner import run_sweep

    store.check_place(folder)
    manifest.check(folder, plan)
    if plan.n_jobs > MANY_RUNS or not sys.stderr.isatty():
        runs = "1 run" if plan.n_jobs == 1 else f"{plan.n_jobs} runs"
        batches = "1 batch" if len(plan.batches) == 1 else f"{len(plan.batches)} batches"
        click.echo(f"{plan.study.name}: {runs} in {batches}, {_estimate(plan, n_workers)}", err=True)
    if not sys.stderr.isatty():
        return run_sweep(plan, folder, n_workers=n_workers, advance=_tenths(plan.n_jobs))
    with tqdm(total=plan.n_jobs, unit="run", desc=plan.study.name, file=sys.stderr) as bar:
        return run_sweep(plan, folder, n_workers=n_workers, advance=bar.update)


def _tenths(n_runs: int):
    """Says how far it is whenever another tenth of the runs is stored."""
    began, done, told = time.monotonic(), 0, 0

    def advance(n: int) -> None:
        nonlocal done, told
        done += n
        if 10 * done // n_runs > told:
            told = 10 * done // n_runs
            stamp = _duration(time.monotonic() - began)
            click.echo(f"{10 * told} %: {done} of {n_runs} runs stored, {stamp}", err=True)

    return advance


def _estimate(plan, n_workers: int) -> str:
    """Roughly how long and how large a study is."""
    size = plan.estimated_bytes() / 1e6
    disk = f"{size / 1000:.1f} GB" if size >= 1000 else f"{max(1, round(size))} MB"
    cores = "1 worker" if n_workers == 1 else f"{n_workers} workers"
    return f"about {_duration(plan.estimated_seconds(n_workers))} with {cores}, about {disk} on disk"


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(1, round(seconds))} s"


def _print_results(folder: Path, results, figures, report) -> None:
    from experiments import words

    click.echo(words.table(results.comparison, results.means, results.study))
    stored = f", {report.n_runs - report.n_new} of them stored before" if report.n_new < report.n_runs else ""
    click.echo(f"{report.n_runs} runs{stored}; {report.seconds:.1f} s")
    _say_where([folder / "comparison.csv", folder / "means.csv", *figures])


def _machine_table(folder: Path, results, figures) -> dict:
    tables = {
        name: json.loads(getattr(results, name).to_json(orient="records", double_precision=15))
        for name in ("comparison", "means")
    }
    study = {"study": results.study.name, "question": results.study.question, "folder": str(folder)}
    return study | tables | {"figures": [str(path) for path in figures]}


def _failures(folder: Path, runs) -> int:
    """Says which runs failed, if any, and returns the exit code."""
    failed = runs[runs["status"] == "failed"]
    if failed.empty:
        return 0
    click.echo(
        f"Error: {len(failed)} of {len(runs)} runs failed; they are rows with status 'failed' in {folder / 'runs'}:",
        err=True,
    )
    for error, group in list(failed.groupby("error", sort=False))[:5]:
        row = group.iloc[0]
        click.echo(f"  {len(group)} x {error} (first: {row['world']}, {row['design']}, seed {row['seed']})", err=True)
    return FAILED_RUNS


def _say_where(paths) -> None:
    click.echo("Written:")
    for path in paths:
        click.echo(f"  {path}")


@cli.command()
@click.argument("folder", metavar="DIR", type=_FILE)
def figures(folder):
    """Draw the figures of the results in DIR again, from what is stored there.

    \b
    Example:
        positivesum figures results/zero_vs_positive_sum
    """
    from experiments.publish import redraw

    _say_where(redraw(folder))


@cli.command()
@click.argument("file", type=_FILE)
def validate(file):
    """Check a study FILE to its last key, without running it.

    \b
    Example:
        positivesum validate configs/zero_vs_positive_sum.toml
    """
    from experiments.plan import make_plan
    from experiments.study import read_study

    plan = make_plan(read_study(file))
    _say_overridden(plan.study, {})
    study = plan.study
    click.echo(f"{file} is a valid study: {study.question}")
    points = f" x {len(study.points())} factor points" if study.factors else ""
    click.echo(
        f"{len(study.worlds)} worlds x {len(study.designs)} designs{points} x {study.replicates} replicates "
        f"= {plan.n_jobs} runs"
    )
    if plan.n_jobs > MANY_RUNS:
        click.echo(_estimate(plan, _cores()))


@cli.command()
@click.argument("subject", type=click.Choice(["parameters", "levers", "measures"]), default="parameters")
@click.option("--json", "as_json", is_flag=True, help="Print the table for a machine.")
def describe(subject, as_json):
    """Show each parameter, lever or measure: what it means, its unit, interval, default and source.

    \b
    Example:
        positivesum describe levers
    """
    from experiments import describe as table

    _print_json(table.rows_of(subject)) if as_json else click.echo(table.text_of(subject))


@cli.command()
@click.argument("name")
def new(name):
    """Write configs/NAME.toml, a commented study to start from.

    \b
    Example:
        positivesum new my_question
    """
    from experiments.template import write_template

    if not name.strip("._-") or not all(letter.isalnum() or letter in "._-" for letter in name):
        raise click.BadParameter(f"{name!r} cannot name a study; use letters, digits, - and _")
    path = Path("configs", name.removesuffix(".toml") + ".toml")
    write_template(path)
    click.echo(f"Written: {path}\nTry it: positivesum sweep {path}")


if __name__ == "__main__":
    sys.exit(main())
