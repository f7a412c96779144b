"""From stored runs to what people read: means.csv, comparison.csv and the figures of a results folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from experiments import manifest, store
from experiments.errors import StoreError
from experiments.study import Study, read_study


class Results(NamedTuple):
    """The stored runs of a study as DataFrames; ``series`` and ``organizations`` are None where not asked for."""

    study: Study
    runs: Any
    series: Any
    organizations: Any
    means: Any
    comparison: Any


def results_of(folder: Path, study: Study, *, with_series: bool = True) -> Results:
    """Reads all that is stored and compares it. Raises StoreError where there is nothing."""
    from experiments import analysis

    runs = store.read_table(folder, "runs")
    if runs is None:
        raise StoreError(f"{folder} holds no finished runs yet; run the sweep again first")
    series = store.read_table(folder, "series") if with_series and study.series else None
    organizations = store.read_table(folder, "organizations") if study.wants_better_off else None
    means, comparison = analysis.means(runs, study), analysis.comparison(runs, organizations, study)
    return Results(study, runs, series, organizations, means, comparison)


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


def write_tables(folder: Path, results: Results) -> None:
    """Writes means.csv and comparison.csv, whose bytes depend on nothing but the runs."""
    with store.writing(folder):
        store.write_aside(folder / "means.csv", results.means.to_csv(index=False, lineterminator="\n").encode())
        store.write_aside(
            folder / "comparison.csv", results.comparison.to_csv(index=False, lineterminator="\n").encode()
        )


def draw(folder: Path, results: Results) -> list[Path]:
    """Draws all figures of the study anew and returns their paths."""
    from experiments.figures import draw_all

    with store.writing(folder), store.folder_aside(folder / "figures") as place:
        paths = draw_all(results.runs, results.comparison, results.means, results.series, results.study, place)
    return [folder / "figures" / Path(path).name for path in paths]


def publish(folder: Path, study: Study, *, is_new: bool) -> tuple[Results, list[Path]]:
    """Tables and figures of a finished sweep; figures that are there already are drawn again only if runs are new."""
    with store.claimed(folder):
        results = results_of(folder, study)
        write_tables(folder, results)
        record = manifest.read(folder)
        paths = [folder / "figures" / name for name in record.get("figures", [])]
        if is_new or not paths or not all(path.exists() for path in paths):
            paths = draw(folder, results)
            manifest.write(folder, record | {"figures": [path.name for path in paths]})
        return results, paths


def redraw(folder: Path) -> list[Path]:
    """The figures of a results folder, drawn anew from what is stored in it."""
    study = stored_study(folder)
    with store.claimed(folder):
        return draw(folder, results_of(folder, study))
