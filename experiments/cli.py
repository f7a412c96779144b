"""The command line. Wrong input ends with one sentence and exit code 2, failed runs and our own faults with 1.

Everything heavy is imported where it is used, so that ``positivesum --help`` answers at once.
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
from pathlib import Path

import click

from experiments.errors import PositiveSumError, StudyError

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
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of the run (default: the study's).")
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
    from experiments.study import read_study

    study = read_study(file, settings=settings | ({} if steps is None else {"steps": steps}))
    try:
        scenario = study.single(world, design)
    except StudyError as error:
        raise error.at(str(file)) from None
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

    plan = make_plan(read_study(study, replicates=replicates, settings=settings))
    folder = out or Path("results", plan.study.name)
    try:
        report = _run_with_bar(plan, folder, workers or _cores())
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


def _run_with_bar(plan, folder: Path, n_workers: int):
    from tqdm import tqdm

    from experiments.runner import run_sweep

    with tqdm(total=plan.n_jobs, unit="run", desc=plan.study.name, disable=None, file=sys.stderr) as bar:
        return run_sweep(plan, folder, n_workers=n_workers, advance=bar.update)


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
    study = plan.study
    click.echo(f"{file} is a valid study: {study.question}")
    points = f" x {len(study.points())} factor points" if study.factors else ""
    click.echo(
        f"{len(study.worlds)} worlds x {len(study.designs)} designs{points} x {study.replicates} replicates "
        f"= {plan.n_jobs} runs"
    )


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
