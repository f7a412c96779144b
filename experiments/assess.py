"""What moves an outcome: the sensitivity table and figure of a results folder whose points were sampled for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments import stages, store
from experiments.errors import StoreError, StudyError, suggestion
from experiments.publish import stored_plan

_SHOWN = {"sobol": ("ST", "S1"), "morris": ("mu_star", "sigma")}  # sorted by the first


class Assessed(NamedTuple):
    """The table of ``sensitivity.analyse``, what it warns of, why measures were refused, and the files written."""

    table: Any
    warnings: list[str]
    refusals: list[str]
    paths: list[Path]


def assess(folder: Path, measures: tuple[str, ...], *, force: bool = False) -> Assessed:
    """Analyses what the folder holds; writes sensitivity.csv and sensitivity.png. Raises StoreError or StudyError."""
    from experiments import sensitivity, sensitivity_figure

    plan = stored_plan(folder)
    study = plan.study
    for name in measures:
        if name not in study.measures:
            raise StudyError(
                f"--measure {name} is not among the measures of the study ({', '.join(study.measures)})"
                f"{suggestion(name, study.measures)}",
                key="--measure",
            )
    with store.claimed(folder):
        found = stages.stored(plan, folder)
        if not found.is_complete:
            raise StoreError(f"{folder} is not complete yet; run the sweep again first")
        values = np.where(found.is_failed[:, :, None], np.nan, found.values)
        values = values.reshape(study.n_points, len(study.worlds), len(study.designs), *values.shape[1:])
        asked = measures or study.measures
        chosen = values[..., [study.measures.index(name) for name in asked]]
        table = sensitivity.analyse(chosen, study, asked, force=force)
        refusals = sensitivity.refusals(table)
        paths = [folder / "sensitivity.csv"]
        with store.writing(folder):
            store.write_aside(paths[0], table.to_csv(index=False, lineterminator="\n").encode())
            if not table["index"].isin(("refused", "constant")).all():
                with store.aside(folder / "sensitivity.png") as temporary:
                    sensitivity_figure.draw(table, study, temporary)
                paths.append(folder / "sensitivity.png")
    return Assessed(table, sensitivity.warnings(table), refusals, paths)


def in_words(table, most: int = 40) -> str:
    """The indices as text: per measure, world and design the factors from the one that moves most."""
    from experiments.wording import columns

    blocks = []
    for keys, group in table.groupby(["measure", "world", "design"], sort=False):
        method = group["method"].iloc[0]
        first, second = _SHOWN[method]
        head = [row for row in group.to_dict("records") if row["index"] == "chance"]
        by = {index: group[group["index"] == index].set_index("factor") for index in (first, second)}
        if not len(by[first]):
            continue
        ranked = by[first].sort_values("estimate", ascending=False, kind="stable")
        rows = [["factor", first, second, "verdict"]]
        for factor, row in ranked.head(most).iterrows():
            other = by[second].loc[factor] if factor in by[second].index else None
            rows.append([f"  {factor}", _number(row), _number(other), row["verdict"]])
        measure, world, design = keys
        about = [f"share of its variance that is chance {_number(h)}" for h in head]
        title = f"{measure} (world {world}, design {design}); " + "; ".join([*about, f"n = {int(ranked['n'].iloc[0])}"])
        more = [f"  {len(ranked) - most} more in sensitivity.csv"] if len(ranked) > most else []
        blocks.append("\n".join([title, *columns(rows), *more]))
    return "\n\n".join(blocks)


def _number(row) -> str:
    if row is None or not np.isfinite(row["estimate"]):
        return "·"
    return f"{row['estimate']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
