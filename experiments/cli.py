"""The command line. Wrong input ends with one sentence and exit code 2, failed runs and our own faults with 1.

Everything heavy is imported where it is used, so that ``positivesum --help`` answers at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tomllib
from pathlib import Path

import click

from experiments.conduct import Options, conduct, cores, design_in_words, estimate, print_json, runs_each, say_where
from experiments.errors import PositiveSumError, StudyError

WRONG_INPUT, OUR_FAULT, INTERRUPTED = 2, 1, 130
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


@cli.command()
@click.argument("file", type=_FILE, required=False)
@click.option("--from", "folder", type=_FILE, help="Replay a run of the results in this folder; goes with --run.")
@click.option("--run", "run_id", help="Id of the run to replay, or enough of its first letters (column run_id).")
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
def run(file, folder, run_id, seed, steps, engine, world, design, settings, out, as_json):
    """Run one scenario of a study FILE: its base with the world and design named. Or replay a run of a sweep.

    Prints the summary; writes series.csv, organizations.csv, ties.csv, summary.json, scenario.toml and a figure.

    \b
    Example:
        positivesum run configs/zero_vs_positive_sum.toml --set synergy=0 --set levers=0.8 --seed 7
        positivesum run --from results/zero_vs_positive_sum --run 3f2a91
    """
    if folder is not None or run_id is not None:
        others = {"FILE": file, "--seed": seed, "--steps": steps, "--world": world, "--design": design}
        return _replay(folder, run_id, others | {"--set": settings or None}, engine, out, as_json)
    if file is None:
        raise click.UsageError("name a study FILE, or a run to replay with --from DIR --run ID")
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
        return print_json(about | {"summary": single.finite(result.summary), "files": [str(path) for path in paths]})
    click.echo(single.summary_text(result.summary, title))
    say_where(paths)


def _replay(folder, run_id, others: dict, engine: str, out, as_json: bool) -> int:
    """Makes one stored run again and holds it against its row."""
    from experiments import replay, single

    if folder is None or run_id is None:
        raise click.UsageError("--from DIR and --run ID go together")
    for option, given in others.items():
        if given is not None:
            raise click.UsageError(f"{option} does not go with --from: the stored run says it all")
    row = replay.find(folder, run_id)
    if replay.is_of_other_code(folder):
        click.echo("note: the model (sim/) has changed since; the numbers may be others", err=True)
    place = out or folder / f"run-{row.job.run_id}"
    single.check_free(place)
    from sim.simulation import simulate

    result = simulate(row.scenario, seed=row.job.seed, engine=engine)
    title = ", ".join([row.plan.study.name, row.cell.world, row.cell.design, f"seed {row.job.seed}"])
    paths = single.write_run(place, result, row.scenario, title, row.job.seed)
    strange = replay.differences(row, result.summary)
    if as_json:
        about = {"run_id": row.job.run_id, "world": row.cell.world, "design": row.cell.design, **row.cell.point}
        about |= {"seed": row.job.seed, "engine": engine, "is_same": not strange, "summary": result.summary}
        print_json(about | {"summary": single.finite(result.summary), "files": [str(path) for path in paths]})
    else:
        click.echo(single.summary_text(result.summary, title))
        say_where(paths)
    if row.error is not None:
        click.echo(f"The stored run failed ({row.error}); this one did not.", err=True)
    elif strange:
        click.echo(f"Error: this is not what is stored: {'; '.join(strange[:3])}", err=True)
        return OUR_FAULT
    else:
        click.echo(f"The same numbers as stored: {', '.join(row.values)}.", err=as_json)
    return 0


_dask = click.option("--dask", metavar="ADDRESS", help="Run on the Dask cluster whose scheduler is there.")
_workers = click.option(
    "--workers", type=click.IntRange(min=1), help="Processes to run on (default: all cores, or all of the cluster)."
)
_fail_fast = click.option("--fail-fast", is_flag=True, help="Stop at the first run that fails.")
_csv = click.option("--csv", is_flag=True, help="Write the tables of runs as CSV files, too.")


@cli.command()
@click.argument("study", type=_FILE)
@_workers
@_dask
@click.option("--out", type=_FILE, help="Folder for the results (default: results/NAME).")
@click.option("--replicates", type=int, help="Runs per combination, instead of the study's.")
@_set
@_fail_fast
@_csv
@click.option("--dry-run", is_flag=True, help="Say how many runs and how long, from a timed pilot, and stop there.")
@_json
def sweep(study, workers, dask, out, replicates, settings, fail_fast, csv, dry_run, as_json):
    """Run all worlds, designs, factor points and replicates of a STUDY, compare them and draw the figures.

    Results are stored batch by batch: after a kill, the same command goes on where it stopped. A study that has grown
    (more replicates, points, worlds or designs) reuses every run that its folder holds.

    \b
    Example:
        positivesum sweep configs/zero_vs_positive_sum.toml --workers 2 --replicates 4 --out results/trial
    """
    from experiments.plan import make_plan
    from experiments.study import read_study

    with _as_typed(**{} if replicates is None else {"replicates": "--replicates"}):
        plan = make_plan(read_study(study, replicates=replicates, settings=settings))
    _say_overridden(plan.study, settings)
    if dry_run:
        return _say_size(plan, workers or cores())
    options = Options(workers, dask, fail_fast, csv, as_json)
    return conduct(plan, out or Path("results", plan.study.name), options)


@cli.command()
@click.argument("folder", metavar="DIR", type=_FILE)
@_workers
@_dask
@_fail_fast
@_csv
@_json
def retry(folder, workers, dask, fail_fast, csv, as_json):
    """Run again what failed in the results in DIR, and nothing else; then compare and draw anew.

    \b
    Example:
        positivesum retry results/zero_vs_positive_sum
    """
    from experiments.publish import stored_plan

    plan = stored_plan(folder)
    return conduct(plan, folder, Options(workers, dask, fail_fast, csv, as_json, retry=True))


def _say_size(plan, n_workers: int) -> int:
    """How many runs there would be, how long they would take and how large they would get."""
    for line in design_in_words(plan) or [_counts(plan)]:
        click.echo(line)
    click.echo(estimate(plan, n_workers))
    return 0


def _counts(plan) -> str:
    """``4 worlds x 5 designs x 24 replicates = 480 runs``."""
    study = plan.study
    points = f" x {len(study.points())} factor points" if study.factors else ""
    most = f" to {plan.most_jobs}" if study.until else ""
    return (
        f"{len(study.worlds)} worlds x {len(study.designs)} designs{points} x {runs_each(plan)} "
        f"= {plan.n_jobs}{most} runs"
    )


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


@cli.command()
@click.argument("folder", metavar="DIR", type=_FILE)
def figures(folder):
    """Draw the figures of the results in DIR again, from what is stored there.

    \b
    Example:
        positivesum figures results/zero_vs_positive_sum
    """
    from experiments.publish import redraw

    say_where(redraw(folder))


@cli.command()
@click.argument("folder", metavar="DIR", type=_FILE)
@click.option("--measure", "measures", multiple=True, help="Only this measure of the study; may be given again.")
@click.option("--force", is_flag=True, help="Print indices that are too uncertain for the claim, with a warning.")
@_json
def sensitivity(folder, measures, force, as_json):
    """Which factors move an outcome: indices with 95 % intervals of the results in DIR, chance taken out.

    For studies with sampling.method = "sobol" (first-order and total indices) or "morris" (elementary effects) and at
    least three replicates. Writes sensitivity.csv and sensitivity.png; refuses what the samples cannot bear.

    \b
    Example:
        positivesum sensitivity results/screening --measure value
    """
    from experiments import assess

    found = assess.assess(folder, measures, force=force)
    if as_json:
        rows = json.loads(found.table.to_json(orient="records", double_precision=15))
        print_json({"indices": rows, "warnings": found.warnings, "refusals": found.refusals})
    else:
        click.echo(assess.in_words(found.table))
    for line in found.warnings:
        click.echo(f"warning: {line}", err=True)
    for line in found.refusals:
        click.echo(f"Error: {line}", err=True)
    if not as_json:
        say_where(found.paths)
    return WRONG_INPUT if found.refusals else 0


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
    for line in design_in_words(plan) or [_counts(plan)]:
        click.echo(line)


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

    print_json(table.rows_of(subject)) if as_json else click.echo(table.text_of(subject))


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
