"""From stored runs to what people read: means.csv, comparison.csv and the figures of a results folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from experiments import manifest, parts, stages, store
from experiments.errors import StoreError
from experiments.plan import Plan, make_plan
from experiments.stages import Stored
from experiments.study import Study, read_study

MOST_DOTS = 20_000  # runs drawn one by one
MOST_POINTS = 200_000  # rows of points.csv; a larger sample is read from runs/


class Results(NamedTuple):
    """What a study found, as DataFrames: tables of ``analysis``; ``series`` and ``precision`` where asked for.

    ``study`` is the study as it is told: a sampled one without its factors, its points as replicates.
    """

    plan: Plan
    study: Study
    found: Stored
    runs: Any
    series: Any
    means: Any
    comparison: Any
    points: Any
    precision: Any


def results_of(folder: Path, plan: Plan, *, with_series: bool = True) -> Results:
    """Reads all that is stored and compares it. Raises StoreError where there is nothing."""
    from experiments import analysis

    found = stages.stored(plan, folder)
    if not found.is_there.any():
        raise StoreError(f"{folder} holds no finished runs yet; run the sweep again first")
    told, points = plan.study, None
    cells = analysis.cells_of(plan.cells, found, told)
    if told.is_pooled:
        points = analysis.points(cells, told) if len(cells.keys) <= MOST_POINTS else None
        cells, told = analysis.pooled(cells, told.clusters(), told)
    else:
        cells = analysis.in_order(cells, told)
    series = parts.read_table(folder, "series") if with_series and told.series and not plan.study.is_pooled else None
    incomes = _by_replicate(folder, found) if told.wants_better_off else None
    means, comparison = analysis.means(cells, told), analysis.comparison(cells, incomes, told)
    dots = analysis.rows(cells, told) if cells.is_there.sum() <= MOST_DOTS else means.iloc[:0]
    return Results(plan, told, found, dots, series, means, comparison, points, _precision(plan, found))


def _precision(plan: Plan, found: Stored):
    if plan.study.until is None:
        return None
    from experiments import precision

    at = plan.study.measures.index(plan.study.until.measure)
    return precision.report(plan, found.stages, found.values[:, :, at])


def _by_replicate(folder: Path, found: Stored) -> Iterator[Any]:
    """Tables of organizations, each with everyone of its replicates: one after the other where stages allow it."""
    import pandas as pd

    waiting = []
    for _, table in parts.tables(folder, "organizations"):
        frame = table.to_pandas()
        is_last = frame["replicate"] == frame["replicate"].max()
        if len(found.stages) > 1 or is_last.all():
            waiting.append(frame)
        else:  # jobs are numbered replicate by replicate, so all before the last are whole
            yield pd.concat([*waiting, frame[~is_last]])
            waiting = [frame[is_last]]
    if waiting:
        yield pd.concat(waiting)


def stored_study(folder: Path) -> Study:
    """The study whose results the folder holds, as it was run. Raises StoreError or StudyError."""
    record = manifest.read(folder)
    if record is None:
        raise StoreError(
            f"{folder} holds no results of a sweep (there is no {manifest.NAME}); "
            "give the folder that 'positivesum sweep' named"
        )
    options, home = record["options"], Path(record["source"]).parent
    return read_study(
        folder / manifest.STUDY,
        replicates=options["replicates"],
        settings=options["settings"],
        folder=home,
        name=record["study"],
    )


def stored_plan(folder: Path) -> Plan:
    """The plan of the study whose results the folder holds. Raises StoreError or StudyError."""
    return make_plan(stored_study(folder))


def write_tables(folder: Path, results: Results) -> list[Path]:
    """Writes means.csv, comparison.csv and what else there is, whose bytes depend on nothing but the runs."""
    tables = {"comparison": results.comparison, "means": results.means}
    tables |= {"points": results.points, "precision": results.precision}
    with store.writing(folder):
        for name, table in tables.items():
            if table is not None:
                store.write_aside(folder / f"{name}.csv", table.to_csv(index=False, lineterminator="\n").encode())
            else:
                (folder / f"{name}.csv").unlink(missing_ok=True)
    return [folder / f"{name}.csv" for name, table in tables.items() if table is not None]


def write_csv(folder: Path, study: Study) -> list[Path]:
    """The tables of runs, series and organizations as one CSV file each, written part by part."""
    from pyarrow import csv

    written = []
    for kind in parts.kinds_of(study):
        path, writer = folder / f"{kind}.csv", None
        with store.writing(folder), store.aside(path) as temporary:
            for _, table in parts.tables(folder, kind):
                writer = writer or csv.CSVWriter(temporary, table.schema)
                writer.write_table(table)
            if writer:
                writer.close()
        written.append(path)
    return written


def draw(folder: Path, results: Results) -> list[Path]:
    """Draws all figures of the study anew and returns their paths."""
    from experiments.figures import draw_all

    with store.writing(folder), store.folder_aside(folder / "figures") as place:
        paths = draw_all(results.runs, results.comparison, results.means, results.series, results.study, place)
    return [folder / "figures" / Path(path).name for path in paths]


def publish(folder: Path, plan: Plan, *, is_new: bool) -> tuple[Results, list[Path], list[Path]]:
    """Tables and figures of a finished sweep, whose folder the caller has claimed.

    Figures that are there already are drawn again only if runs are new.
    """
    results = results_of(folder, plan)
    tables = write_tables(folder, results)
    record = manifest.read(folder)
    paths = [folder / "figures" / name for name in record.get("figures", [])]
    if is_new or not paths or not all(path.exists() for path in paths):
        paths = draw(folder, results)
        manifest.write(folder, record | {"figures": [path.name for path in paths]})
    return results, tables, paths


def redraw(folder: Path) -> list[Path]:
    """The figures of a results folder, drawn anew from what is stored in it."""
    plan = stored_plan(folder)
    with store.claimed(folder):
        return draw(folder, results_of(folder, plan))
