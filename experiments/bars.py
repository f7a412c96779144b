"""Figures with a row for each design (or factor point): outcomes, differences, the three bars, the shortfall.

They grow in height with the number of rows, so 5 designs and 39 are equally legible.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments import canvas, labels
from experiments.better_off import THIRDS
from experiments.study import Study

MOST_ROWS = 80  # more rows than this are for lines
GAINS = {"gain_realized": "#0072B2", "gain_avoidable": "#E69F00", "gain_out_of_reach": "#D9D9D9"}
# Four families, one hue each: apart, against one another, not in step, the price of partnership.
LOSSES = {
    "loss_duplication": "#08519C", "loss_missed": "#4292C6", "loss_isolation": "#A6CEE3",
    "loss_rivalry": "#8C2D04", "loss_tension": "#E6550D", "loss_wasted": "#FDAE6B",
    "loss_misalignment": "#00441B", "loss_caution": "#41AB5D", "loss_visibility": "#B8E0A8",
    "loss_overhead": "#252525", "loss_relationship": "#8A8A8A", "loss_setbacks": "#CFCFCF",
}  # fmt: skip


def outcomes(runs: pd.DataFrame, means: pd.DataFrame, study: Study, measures: list[str]) -> Figure:
    """Mean, 95 % interval and a faint dot per run, by design (rows) and world (color), a panel per measure."""
    rows, worlds = _rows(means, study), list(study.worlds)
    figure, panels = _panels(len(rows), len(worlds), len(measures))
    runs = runs.assign(row=canvas.row_names(runs, study))
    for panel, measure in zip(panels, measures, strict=True):
        _dots(panel, runs, measure, rows, worlds)
        about = means[means["measure"] == measure].assign(row=lambda t: canvas.row_names(t, study))
        _points(panel, about, "mean", rows, worlds)
        dots = pd.to_numeric(runs[measure], errors="coerce")
        canvas.span(panel, "x", [*dots, *about["mean"]], about["low"], about["high"], about["n"])
        panel.set_xlabel(labels.axis(measure))
    _finish(figure, panels, rows, study)
    few = canvas.caution(means.loc[means["measure"].isin(measures) & (means["n"] > 0), "n"])
    canvas.title(figure, f"Outcomes: mean with 95 % interval; each faint dot is one run{few}")
    return figure


def differences(comparison: pd.DataFrame, study: Study, measures: list[str]) -> Figure:
    """Paired differences with 95 % intervals around zero; hollow where the interval cannot tell the sign."""
    comparison = comparison.assign(row=_compared_rows(comparison, study))
    rows, worlds = list(dict.fromkeys(comparison["row"])), list(study.worlds)
    figure, panels = _panels(len(rows), len(worlds), len(measures))
    for panel, measure in zip(panels, measures, strict=True):
        about = comparison[comparison["measure"] == measure]
        _points(panel, about, "difference", rows, worlds)
        canvas.span(panel, "x", [0.0, *about["difference"]], about["low"], about["high"], about["n_pairs"])
        panel.axvline(0, color="0.3", lw=1.2, zorder=1)
        panel.set_xlabel(f"difference in {labels.axis(measure)}")
    _finish(figure, panels, rows, study)
    against = comparison["against"].unique()
    whom = canvas.short(against[0]).replace("\n", " ") if len(against) == 1 else "what each is compared with"
    few = canvas.caution(comparison.loc[comparison["measure"].isin(measures) & (comparison["n_pairs"] > 0), "n_pairs"])
    text = f"Difference to {whom}, same luck: mean with 95 % interval; hollow: the sign cannot be told"
    canvas.title(figure, text + few)
    return figure


def better_off(comparison: pd.DataFrame, study: Study) -> Figure:
    """Share of organizations better off with 95 % interval, by power third and sector: a row per design, a panel per
    world, a marker per group; the line marks half."""
    about = comparison[comparison["measure"].astype(str).str.startswith("better_off")]
    about = about.assign(row=_compared_rows(about, study), group=[m.partition(": ")[2] for m in about["measure"]])
    rows, groups = list(dict.fromkeys(about["row"])), list(dict.fromkeys(about["group"]))
    worlds = [world for world in study.worlds if world in set(about["world"])]
    looks = _group_looks(groups)
    n_across = len(worlds) if len(worlds) <= 3 else 2
    n_down = -(-len(worlds) // n_across)
    figure = canvas.blank(4.2 + 4.6 * n_across, 1.9 + n_down * (0.8 + len(rows) * max(0.5, 0.17 * len(groups))))
    panels = figure.subplots(n_down, n_across, sharex=True, sharey=True, squeeze=False).ravel()
    for world, panel in zip(worlds, panels, strict=False):
        for row in about[about["world"] == world].to_dict("records"):
            _share(panel, row, _place(row["row"], row["group"], rows, groups), *looks[row["group"]])
        panel.axvline(0.5, color="0.3", lw=1.2, zorder=1)
        panel.set_title(canvas.short(world) if len(worlds) > 1 else "", loc="left")
        _ruled(panel, len(rows))
    for panel in panels[len(worlds) :]:
        panel.set_visible(False)
    for panel in panels[max(0, len(worlds) - n_across) : len(worlds)]:
        panel.set_xlabel("share of organizations")
        panel.tick_params(axis="x", labelbottom=True)
    panels[0].set_xlim(-0.03, 1.03)
    _name_rows(panels[0], rows, study)
    handles = [Line2D([], [], color=color, marker=marker, lw=2.4) for color, marker in looks.values()]
    canvas.legend_below(figure, handles, [group or "all" for group in groups])
    few = canvas.caution(about.loc[about["n_pairs"] > 0, "n_pairs"])
    against = set(about["against"])
    whom = canvas.short(against.pop()).replace("\n", " ") if len(against) == 1 else "what each is compared with"
    canvas.title(figure, f"Better off than under {whom}: share of organizations with 95 % interval (line: half){few}")
    return figure


def _group_looks(groups: list[str]) -> dict[str, tuple]:
    """Color and marker: all black, power thirds from light to dark blue, sectors in colors of their own."""
    thirds = dict(zip((f"{name} third" for name in THIRDS), ("#9ECAE1", "#4292C6", "#08519C"), strict=True))
    sectors = [group for group in groups if group and group not in thirds]
    shades = dict(zip(sectors, canvas.colors(len(sectors) + 1)[1:], strict=True))
    shapes = dict(zip(sectors, canvas.MARKERS[1:] * (1 + len(sectors) // 8), strict=False))
    return {g: (thirds.get(g) or shades.get(g, "black"), "o" if g in thirds else shapes.get(g, "D")) for g in groups}


def _share(panel, row: dict, y: float, color, marker: str) -> None:
    """A share and its interval; the table holds the interval of its difference from one half."""
    if np.isfinite(row["low"]):
        ends = [row["reference"] + row["low"], row["reference"] + row["high"]]
        panel.plot(ends, [y, y], color=color, lw=2.2, solid_capstyle="butt", zorder=3)
    panel.plot(row["mean"], y, marker, ms=6.5, mfc=color, mec="white", mew=0.7, zorder=4, clip_on=False)


def gains(means: pd.DataFrame, study: Study) -> Figure:
    """The three bars, which add up to 1: gain realized, left on the table, out of reach."""
    figure = _stacks(means, study, GAINS, "share of the first-best gain over staying apart")
    canvas.title(figure, "How much of the possible gain is realized, avoidably missed, or out of reach")
    return figure


def shortfall(means: pd.DataFrame, study: Study) -> Figure:
    """The shortfall from first best in its twelve parts; parts left of zero are savings, the diamond is their sum."""
    figure = _stacks(means, study, LOSSES, "shortfall, share of first best", shows_sum=True)
    canvas.title(figure, "Where value is lost: the shortfall from first best in parts (left of 0: saved; diamond: sum)")
    return figure


def _compared_rows(comparison: pd.DataFrame, study: Study) -> list[str]:
    """The names of the rows, with what each is compared with where that differs."""
    names, against = canvas.row_names(comparison, study), comparison["against"]
    if len(set(against)) == 1:
        return list(names)
    return [f"{name} (against {other})" for name, other in zip(names, against, strict=True)]


def n_rows(table: pd.DataFrame, study: Study) -> int:
    """How many rows a figure of this table would have."""
    return len(_rows(table, study))


def _rows(table: pd.DataFrame, study: Study) -> list[str]:
    return list(dict.fromkeys(canvas.row_names(table, study)))


# Points with intervals -----------------------------------------------------------------------------------------------


def _panels(n: int, n_worlds: int, n_panels: int):
    height = 2.1 + n * max(0.34, 0.2 * n_worlds)
    figure = canvas.blank(3.2 + 3.6 * n_panels, height)
    return figure, list(np.atleast_1d(figure.subplots(1, n_panels, sharey=True)))


def _place(row: str, world: str, rows: list[str], worlds: list[str]) -> float:
    """Vertical position: rows one apart, worlds side by side within four fifths of a row."""
    step = 0.8 / len(worlds)
    return rows.index(row) + step * (worlds.index(world) - (len(worlds) - 1) / 2)


def _dots(panel, runs: pd.DataFrame, measure: str, rows, worlds) -> None:
    spread = 0.5 / len(worlds)
    shades = canvas.colors(len(worlds))
    for (row, world), group in runs.groupby(["row", "world"], sort=False):
        values = pd.to_numeric(group[measure], errors="coerce").to_numpy(dtype=float)
        jitter = spread * (((np.arange(len(values)) * 0.618034) % 1) - 0.5)
        y = _place(row, world, rows, worlds) + jitter
        panel.scatter(values, y, s=14, color=shades[worlds.index(world)], alpha=0.3, lw=0, zorder=2)


def _points(panel, about: pd.DataFrame, column: str, rows, worlds) -> None:
    shades = canvas.colors(len(worlds))
    for row in about.to_dict("records"):
        color, marker = (x[worlds.index(row["world"]) % len(x)] for x in (shades, canvas.MARKERS))
        y = _place(row["row"], row["world"], rows, worlds)
        is_open = row.get("verdict") in ("cannot say", "same")
        if np.isfinite(row["low"]):
            panel.plot([row["low"], row["high"]], [y, y], color=color, lw=2.4, solid_capstyle="butt", zorder=3)
        look = {"mfc": "white" if is_open else color, "mec": color if is_open else "white"}
        panel.plot(row[column], y, marker, ms=7.5, mew=1.5 if is_open else 0.8, zorder=4, **look)


def _finish(figure: Figure, panels, rows, study: Study) -> None:
    worlds = list(study.worlds)
    _name_rows(panels[0], rows, study)
    for panel in panels:
        _ruled(panel, len(rows))
        panel.locator_params(axis="x", nbins=6)
    shades = canvas.colors(len(worlds))
    handles = [Line2D([], [], color=c, marker=m, lw=2.4) for c, m in zip(shades, canvas.MARKERS * 99, strict=False)]
    canvas.legend_below(figure, handles, worlds)


def _name_rows(panel, rows: list[str], study: Study) -> None:
    panel.set_yticks(range(len(rows)), [canvas.short(row) for row in rows])
    panel.set_ylim(len(rows) - 0.45, -0.55)
    panel.set_ylabel(canvas.row_kind(study))


def _ruled(panel, n: int) -> None:
    """Thin lines between the rows instead of a grid through them."""
    panel.grid(axis="y", visible=False)
    for y in range(1, n):
        panel.axhline(y - 0.5, color="0.9", lw=1, zorder=0)


# Stacked bars --------------------------------------------------------------------------------------------------------


def _stacks(means: pd.DataFrame, study: Study, shades: dict[str, str], axis: str, shows_sum: bool = False) -> Figure:
    """Stacked horizontal bars, a row per design, a panel per world; negative parts stack to the left of zero."""
    about = means[means["measure"].isin(list(shades))].assign(row=lambda t: canvas.row_names(t, study))
    rows, worlds = list(dict.fromkeys(about["row"])), list(study.worlds)
    n_across = len(worlds) if len(rows) > 12 and len(worlds) <= 4 else min(2, len(worlds))
    n_down = -(-len(worlds) // n_across)
    height = 1.6 + n_down * (0.9 + 0.36 * len(rows)) + 0.28 * -(-len(shades) // 3)
    figure = canvas.blank(3.6 + (4.6 * n_across if n_across > 1 else 7.2), height)
    panels = figure.subplots(n_down, n_across, sharey=True, squeeze=False).ravel()
    for panel, world in zip(panels, worlds, strict=False):
        here = about[about["world"] == world]
        table = here.pivot_table(index="row", columns="measure", values="mean", aggfunc="first").reindex(rows)
        _stack(panel, table.reindex(columns=list(shades)), shades, shows_sum)
        panel.set_title(canvas.short(world) if len(worlds) > 1 else "", loc="left")
    _same_scale(panels[: len(worlds)])
    for panel in panels[len(worlds) :]:
        panel.set_visible(False)
    for panel in panels[max(0, len(worlds) - n_across) : len(worlds)]:
        panel.set_xlabel(axis)
    panels[0].set_yticks(range(len(rows)), [canvas.short(row) for row in rows])
    panels[0].set_ylim(len(rows) - 0.4, -0.6)
    panels[0].set_ylabel(canvas.row_kind(study))
    handles = [Patch(color=shade) for shade in shades.values()]
    names = [labels.name(m) for m in shades]
    canvas.legend_below(figure, handles, names)
    return figure


def _same_scale(panels) -> None:
    """One scale for all worlds, unless one of them would then be squeezed to less than a third."""
    limits = np.array([panel.get_xlim() for panel in panels])
    widths = limits[:, 1] - limits[:, 0]
    if widths.max() <= 3 * widths.min():
        for panel in panels:
            panel.set_xlim(limits[:, 0].min(), limits[:, 1].max())


def _stack(panel, table: pd.DataFrame, shades: dict[str, str], shows_sum: bool) -> None:
    parts = table.to_numpy(dtype=float)
    y = np.arange(len(parts))
    right, left = np.zeros(len(parts)), np.zeros(len(parts))
    for part, color in zip(np.nan_to_num(parts).T, shades.values(), strict=True):
        start = np.where(part >= 0, right, left)
        panel.barh(y, part, left=start, height=0.72, color=color, edgecolor="white", lw=0.6, zorder=2)
        right, left = right + np.maximum(part, 0), left + np.minimum(part, 0)
    room = 0.03 * (right.max() - left.min() or 1.0)
    panel.set_xlim(left.min() - (room if left.min() < 0 else 0), right.max() + room)
    panel.axvline(0, color="0.3", lw=1.2, zorder=3)
    for row in np.flatnonzero(np.isnan(parts).all(axis=1)):
        along = panel.get_yaxis_transform()
        panel.text(0.02, row, "nothing to be had", va="center", color=canvas.GREY, transform=along)
    if shows_sum:
        total = np.where(np.isnan(parts).all(axis=1), np.nan, np.nansum(parts, axis=1))
        panel.plot(total, y, "D", ms=6, color="black", mfc="white", zorder=4)
    panel.grid(axis="y", visible=False)
