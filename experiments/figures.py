"""The figures of a study and of a single run: tables in, PNG files out; which ones depends on what was asked for."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from experiments import bars, canvas, curves, labels
from experiments.study import Study


def draw_all(
    runs: pd.DataFrame,
    comparison: pd.DataFrame,
    means: pd.DataFrame,
    series: pd.DataFrame | None,
    study: Study,
    directory: Path,
) -> list[Path]:
    """Draws every figure the tables allow into a directory that exists, and returns their paths.

    outcomes.png, differences.png, better_off.png, gain.png (the three bars), shortfall.png, trajectories.png,
    factor.png (lines over a factor), heat_<measure>.png (two factors). What has no numbers, or too
    many rows to read, is left out.
    """
    directory = Path(directory)
    with canvas.style():
        figures = _rows(runs, comparison, means, study) | _over_factors(comparison, means, study)
        if series is not None and len(series) and study.series:
            figures["trajectories"] = curves.trajectories(series, study, list(study.series)[:4])
        return [canvas.save(figure, directory / f"{name}.png") for name, figure in figures.items() if figure]


def draw_run(series: pd.DataFrame, title: str, path: Path) -> Path:
    """One figure of a single run, from its series (a row per step): acts, value, relationship, co-creation."""
    with canvas.style():
        figure = canvas.blank(12.4, 8.2)
        panels = figure.subplots(2, 2, sharex=True)
        for panel, (name, columns) in zip(panels.ravel(), _RUN_PANELS.items(), strict=True):
            _panel(panel, series, name, columns)
        for panel in panels[1]:
            panel.set_xlabel("step (month)")
        canvas.title(figure, title)
        return canvas.save(figure, Path(path))


def with_numbers(means: pd.DataFrame, measures) -> list[str]:
    """Those measures that have a mean anywhere."""
    there = set(means.loc[means["mean"].notna(), "measure"])
    return [m for m in measures if m in there]


def _rows(runs, comparison, means, study: Study) -> dict[str, Figure]:
    """Figures with a row per design or factor point, unless there are more rows than anyone reads."""
    most = bars.MOST_ROWS if len(study.factors) < 2 else bars.MOST_ROWS // 2
    if not len(means) or bars.n_rows(means, study) > most:
        return {}
    headline = labels.headline(with_numbers(means, study.measures))
    compared = _compared(comparison)
    figures = {"outcomes": bars.outcomes(runs, means, study, headline)} if headline else {}
    told = labels.headline(with_numbers(compared, study.measures))
    if told:
        figures["differences"] = bars.differences(compared, study, told)
    winners = compared[compared["measure"].astype(str).str.startswith("better_off")]
    if winners["mean"].notna().any():
        figures["better_off"] = bars.better_off(winners, study)
    if len(with_numbers(means, bars.GAINS)) == len(bars.GAINS):
        figures["gain"] = bars.gains(means, study)
    if with_numbers(means, bars.LOSSES):
        figures["shortfall"] = bars.shortfall(means, study)
    return figures


def _over_factors(comparison, means, study: Study) -> dict[str, Figure | None]:
    """Lines for one factor or more, heat maps for two or more."""
    headline = labels.headline(with_numbers(means, study.measures))
    varied = [levels for levels in study.factors.values() if len(levels) > 1]
    figures = {}
    if varied and headline:
        figures["factor"] = curves.over_factor(means, study, headline)
    if len(varied) > 1:
        designs = comparison[comparison["contrast"] == "design"]
        for measure in headline:
            figures[f"heat_{measure}"] = curves.heat_map(designs if len(designs) else means, study, measure)
    return figures


def _compared(comparison: pd.DataFrame) -> pd.DataFrame:
    """Between designs if there are several, else between factor points, else between worlds."""
    kinds = [kind for kind in ("design", "factor", "world") if kind in set(comparison["contrast"])]
    return comparison[comparison["contrast"] == kinds[0]] if kinds else comparison


_RUN_PANELS = {
    "What organizations do\n(share of acts)": ("compete", "cooperate", "cocreate"),
    "What it is worth\n(stakes per tie and month)": ("value_silo", "value", "first_best"),
    "The relationship\n(mean of active ties, 0 to 1)": ("trust", "connection", "alignment", "tension"),
    "Working together\n(share of ties)": ("active", "mutual"),
}
_RUN_NAMES = {
    "cocreate": "co-create", "value_silo": "all apart", "value": "realized", "first_best": "first best",
    "active": "ties active", "mutual": "mutual co-creation",
}  # fmt: skip
_RUN_COLORS = {
    "compete": "#D55E00", "cooperate": "#E69F00", "cocreate": "#0072B2",
    "value_silo": "#999999", "value": "#0072B2", "first_best": "#111111",
    "trust": "#0072B2", "connection": "#CC79A7", "alignment": "#009E73", "tension": "#D55E00",
    "active": "#999999", "mutual": "#0072B2",
}  # fmt: skip


def _panel(panel, series: pd.DataFrame, name: str, columns: tuple[str, ...]) -> None:
    for column in columns:
        if column in series and series[column].notna().any():
            dash = "--" if column in ("value_silo", "first_best") else "-"
            look = {"color": _RUN_COLORS[column], "lw": 2, "label": _RUN_NAMES.get(column, column)}
            panel.plot(series["step"], series[column], dash, **look)
    panel.set_ylabel(name)
    panel.set_ylim(bottom=min(0.0, panel.get_ylim()[0]))
    if panel.lines:
        panel.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, columnspacing=1.0, handlelength=1.3)
