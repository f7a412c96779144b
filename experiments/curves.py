"""Figures over time and over factors: trajectories with bands, lines over one factor, a heat map of two."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import stats

from experiments import canvas, labels
from experiments.study import Study

MOST_LINES = 10  # in color; of more, the lowest and the highest are colored and the rest are grey
MOST_PANELS = 12
DASHES = ["-", "--", "-.", (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5, 1, 1.5))]


# Over time -----------------------------------------------------------------------------------------------------------


def trajectories(series: pd.DataFrame, study: Study, measures: list[str]) -> Figure:
    """Mean over runs with a 95 % band (Student's t) at every step: a row per measure, a column per world."""
    series = series.assign(line=canvas.row_names(series, study))
    worlds = [w for w in study.worlds if w in set(series["world"])]
    lines = list(dict.fromkeys(series["line"]))
    looks = _looks(_chosen(series, measures[0], lines), study)
    marks = {world: _scheduled(study, world) for world in worlds}
    figure = canvas.blank(2.6 + 4.0 * max(len(worlds), 2), 1.5 + 2.9 * len(measures) + 0.28 * -(-len(looks) // 3))
    panels = figure.subplots(len(measures), len(worlds), sharex=True, sharey="row", squeeze=False)
    for measure, across in zip(measures, panels, strict=True):
        table = bands(series, measure)
        for world, panel in zip(worlds, across, strict=True):
            for step in marks[world]:
                panel.axvline(step, color="0.35", lw=1, ls=":", zorder=1)
            for name in [line for line in lines if line not in looks] + list(looks):
                _band(panel, table[(table["world"] == world) & (table["line"] == name)], looks.get(name))
        canvas.span(across[0], "y", table["mean"], table["low"], table["high"], table["count"])
        across[0].set_ylabel(labels.axis(measure))
        canvas.with_room(across[0])
    for world, panel in zip(worlds, panels[0], strict=True):
        panel.set_title(canvas.short(world) if len(worlds) > 1 else "", loc="left")
    for panel in panels[-1]:
        panel.set_xlabel("step (month)")
    handles = [Line2D([], [], lw=2.6, **look) for look in looks.values()]
    canvas.legend_below(figure, handles, list(looks))
    rest = " (grey: all between the lowest and the highest)" if len(looks) < len(lines) else ""
    dotted = "; dotted: a scheduled event or the start of a phase" if any(marks.values()) else ""
    few = canvas.caution([series["replicate"].nunique()] if "replicate" in series else [])
    canvas.title(figure, f"Over time: mean over runs with 95 % band{rest}{dotted}{few}")
    return figure


def _scheduled(study: Study, world: str) -> list[int]:
    """Steps at which an event strikes or a phase starts in any design of a world (events and phases are no factors)."""
    if not study.layers:
        return []
    point = study.points()[0]
    scenarios = (study.scenario(world, design, point) for design in study.designs)
    return sorted({entry.step for s in scenarios for entry in (*s.events, *s.phases) if entry.step > 0})


def bands(series: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Mean and 95 % band of a measure by world, line and step, within what is possible; no band for a single run."""
    grouped = series.groupby(["world", "line", "step"], sort=False)[measure].agg(["mean", "std", "count"]).reset_index()
    n = grouped["count"].to_numpy(dtype=float)
    quantile = np.where(n > 1, stats.t.ppf(0.975, np.maximum(n - 1, 1)), np.nan)
    half = quantile * grouped["std"].to_numpy(dtype=float) / np.sqrt(np.maximum(n, 1))
    least, most = labels.bounds(measure)
    low, high = (np.clip(grouped["mean"] + sign * half, least, most) for sign in (-1, 1))
    return grouped.assign(low=low, high=high)


def _chosen(series: pd.DataFrame, measure: str, lines: list[str]) -> list[str]:
    """The lines to color: all, or the first (the reference), the four lowest and the four highest at the end."""
    if len(lines) <= MOST_LINES:
        return lines
    late = series[series["step"] >= 0.75 * series["step"].max()]
    ranked = list(late.groupby("line", sort=False)[measure].mean().sort_values(kind="stable").index)
    return [line for line in lines if line in {lines[0], *ranked[:4], *ranked[-4:]}]


def _looks(names: list[str], study: Study) -> dict[str, dict]:
    """Color and dash of each line: a ramp for the levels of a lone numeric factor, else one color each."""
    is_lone = len(study.designs) == 1 and len(study.factors) == 1
    is_ramp = is_lone and all(map(canvas.is_numeric, study.factors.values()))
    shades = canvas.ramp(len(names)) if is_ramp else canvas.colors(len(names))
    dashes = ["-"] * len(names) if is_ramp else DASHES * (len(names) // len(DASHES) + 1)
    return {n: {"color": c, "ls": d} for n, c, d in zip(names, shades, dashes, strict=False)}


def _band(panel, table: pd.DataFrame, look: dict | None) -> None:
    x, low, high = (table[c].to_numpy(dtype=float) for c in ("step", "low", "high"))
    if look is None:
        panel.plot(x, table["mean"], color=canvas.FAINT, lw=1, zorder=1)
        return
    panel.plot(x, table["mean"], lw=1.9, zorder=3, **look)
    panel.fill_between(x, low, high, color=look["color"], alpha=0.22, lw=0, zorder=2)


# Over one factor -----------------------------------------------------------------------------------------------------


def over_factor(means: pd.DataFrame, study: Study, measures: list[str]) -> Figure | None:
    """Means with 95 % intervals along the first numeric factor (or the first): a row per measure, a line per rest.

    Columns are worlds, or else levels of the last other factor; lines are what remains. None if that is too many.
    """
    factor = x_factor(study)
    others = [f for f in study.factors if f != factor]
    by_column = "world" if len(study.worlds) > 1 else (others[-1] if len(others) > 1 else "world")
    columns = list(study.worlds) if by_column == "world" else list(study.factors[by_column])
    named = (["design"] if len(study.designs) > 1 else []) + [f for f in others if f != by_column]
    table = means.assign(line=[_named(row, named) for row in means.to_dict("records")])
    lines = list(dict.fromkeys(table["line"]))
    if len(lines) > MOST_LINES or len(columns) > 6:
        return None
    shades = dict(zip(lines, canvas.colors(len(lines)), strict=True))
    figure = canvas.blank(2.6 + 4.0 * max(len(columns), 2), 1.6 + 2.9 * len(measures) + 0.28 * -(-len(lines) // 3))
    panels = figure.subplots(len(measures), len(columns), sharex=True, sharey="row", squeeze=False)
    for measure, across in zip(measures, panels, strict=True):
        for column, panel in zip(columns, across, strict=True):
            here = table[(table["measure"] == measure) & (table[by_column] == column)]
            _lines(panel, here, factor, study.factors[factor], shades)
        here = table[table["measure"] == measure]
        canvas.span(across[0], "y", here["mean"], here["low"], here["high"], here["n"])
        across[0].set_ylabel(labels.axis(measure))
        canvas.with_room(across[0])
    for column, panel in zip(columns, panels[0], strict=True):
        head = column if by_column == "world" else labels.point({by_column: column})
        panel.set_title(canvas.short(head) if len(columns) > 1 else "", loc="left")
    for panel in panels[-1]:
        panel.set_xlabel(factor.replace("_", " "))
    handles = [Line2D([], [], color=shades[n], lw=2.4, marker=m) for n, m in zip(lines, canvas.MARKERS, strict=False)]
    canvas.legend_below(figure, handles, lines)
    few = canvas.caution(table.loc[table["measure"].isin(measures) & (table["n"] > 0), "n"])
    canvas.title(figure, f"Along {factor.replace('_', ' ')}: mean with 95 % interval{few}")
    return figure


def x_factor(study: Study) -> str:
    """The factor to lay along the axis: the first numeric one with more than two levels, else the first."""
    fit = [f for f, levels in study.factors.items() if canvas.is_numeric(levels) and len(levels) > 2]
    return (fit or list(study.factors))[0]


def _named(row: dict, columns: list[str]) -> str:
    return ", ".join(row[c] if c == "design" else labels.point({c: row[c]}) for c in columns)


def _lines(panel, table: pd.DataFrame, factor: str, levels: tuple, shades: dict) -> None:
    is_numeric = canvas.is_numeric(levels)
    for at, (name, color) in enumerate(shades.items()):
        rows = table[table["line"] == name].set_index(factor).reindex(list(levels))
        nudge = 0.0 if is_numeric else 0.12 * (at - (len(shades) - 1) / 2)
        x = np.array(levels, dtype=float) if is_numeric else np.arange(len(levels)) + nudge
        mean, low, high = (rows[c].to_numpy(dtype=float) for c in ("mean", "low", "high"))
        panel.plot(x, mean, canvas.MARKERS[at], color=color, ms=6.5, ls="-" if is_numeric else "", mec="white", mew=0.7)
        if is_numeric:
            panel.fill_between(x, low, high, color=color, alpha=0.22, lw=0)
        else:
            panel.vlines(x, low, high, color=color, lw=2.4)
    if not is_numeric:
        panel.set_xticks(range(len(levels)), [canvas.wrapped(level, 12) for level in levels])
        panel.set_xlim(-0.6, len(levels) - 0.4)


# Over two factors ----------------------------------------------------------------------------------------------------


def heat_map(table: pd.DataFrame, study: Study, measure: str) -> Figure | None:
    """A heat map of the two factors with the most levels, a panel for each world, design and level of the others.

    ``table`` is the comparison (colors diverge around no difference; numbers in brackets: the sign cannot be told) or
    the means (colors run from low to high). None if there would be too many panels.
    """
    is_difference = "difference" in table.columns
    down, across = _axes(study)
    rest = [f for f in study.factors if f not in (down, across)]
    named = [c for c, n in (("world", len(study.worlds)), ("design", len(study.designs))) if n > 1] + rest
    table = table[table["measure"] == measure]
    table = table.assign(panel=[_panel_name(row, named) for row in table.to_dict("records")])
    names = list(dict.fromkeys(table["panel"]))
    column = "difference" if is_difference else "mean"
    if not names or len(names) > MOST_PANELS or not np.isfinite(table[column].to_numpy(dtype=float)).any():
        return None
    figure, panels = _heat_panels(len(names), len(study.factors[down]), len(study.factors[across]))
    colors = _color_scale(table[column].to_numpy(dtype=float), is_difference)
    for name, panel in zip(names, panels, strict=False):
        _heat(panel, table[table["panel"] == name], down, across, study, column, colors)
        panel.set_title(canvas.short(name), loc="left")
    for panel in panels[len(names) :]:
        panel.set_visible(False)
    bar = figure.colorbar(panels[0].collections[0], ax=list(panels), shrink=0.8, pad=0.02)
    bar.set_label(("difference in " if is_difference else "") + labels.axis(measure))
    bar.outline.set_visible(False)
    canvas.title(figure, _heat_title(table, measure, is_difference))
    return figure


def _axes(study: Study) -> tuple[str, str]:
    """The two factors with the most levels (numeric first): down and across."""
    order, levels = list(study.factors), study.factors
    ranked = sorted(order, key=lambda f: (not canvas.is_numeric(levels[f]), -len(levels[f])))
    across, down = sorted(ranked[:2], key=order.index)
    return down, across


def _panel_name(row: dict, named: list[str]) -> str:
    return ", ".join(row[c] if c in ("world", "design") else labels.point({c: row[c]}) for c in named)


def _heat_panels(n: int, n_down: int, n_across: int):
    columns = min(n, 3 if n != 4 else 2)
    rows = -(-n // columns)
    width, height = max(6.4 if n == 1 else 3.6, 0.72 * n_across + 1.2), max(2.9, 0.42 * n_down + 1.4)
    figure = canvas.blank(columns * width + 1.6, rows * height + 0.7)
    return figure, figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()


def _color_scale(values: np.ndarray, is_difference: bool) -> dict:
    """Symmetric around zero for differences, from lowest to highest for means; the same in all panels."""
    if is_difference:
        most = float(np.nanmax(np.abs(values))) or 1.0
        return {"cmap": "RdBu", "vmin": -most, "vmax": most}
    return {"cmap": "cividis", "vmin": float(np.nanmin(values)), "vmax": float(np.nanmax(values))}


def _heat(panel, table: pd.DataFrame, down: str, across: str, study: Study, column: str, colors: dict) -> None:
    rows, columns = list(study.factors[down]), list(study.factors[across])
    cells = {(row[down], row[across]): row for row in table.to_dict("records")}
    values = np.array([[cells[r, c][column] if (r, c) in cells else np.nan for c in columns] for r in rows])
    notes = np.array([[_note(cells.get((r, c)), column) for c in columns] for r in rows])
    is_small = values.size <= 120
    sns.heatmap(
        values, ax=panel, annot=notes if is_small else None, fmt="", cbar=False, linewidths=0.5 if is_small else 0,
        xticklabels=[labels.level(c) for c in columns], yticklabels=[labels.level(r) for r in rows],
        annot_kws={"fontsize": 11}, **colors,
    )  # fmt: skip
    panel.invert_yaxis()
    panel.set_xlabel(across.replace("_", " "))
    panel.set_ylabel(down.replace("_", " ") if panel.get_subplotspec().is_first_col() else "")
    panel.tick_params(axis="y", rotation=0)


def _note(row: dict | None, column: str) -> str:
    if row is None or not np.isfinite(row[column]):
        return ""
    text = f"{row[column]:+.2f}" if column == "difference" else f"{row[column]:.2f}"
    return f"({text})" if row.get("verdict") in ("cannot say", "same") else text


def _heat_title(table: pd.DataFrame, measure: str, is_difference: bool) -> str:
    if not is_difference:
        return f"{labels.name(measure).capitalize()}: means"
    against = table["against"].unique()
    whom = against[0] if len(against) == 1 else "the one it is compared with"
    return f"{labels.name(measure).capitalize()}: difference to {whom}; in brackets: the sign cannot be told"
