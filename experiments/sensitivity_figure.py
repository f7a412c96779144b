"""The figure of a sensitivity analysis: a row per factor, a column per measure, panels below for worlds and designs."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments import canvas, labels
from experiments.compared import UNNAMED
from experiments.sensitivity import INERT, LEAST_SHARE, MOVES
from experiments.study import Study

MOST_PLACES = 6  # worlds and designs drawn; the table has all
MOST_ROWS = 25  # factors drawn; the table has all
MAIN, SECOND, SHADE = "#0072B2", "#E69F00", "0.9"
_LOOKS = {
    "ST": ("o", MAIN, -0.14, "with all its interactions (ST)"), "S1": ("D", SECOND, 0.18, "alone (S1)"),
    "mu_star": ("o", MAIN, -0.14, "mean size of its effect (μ*)"),
    "sigma": ("D", SECOND, 0.18, "spread of its effect (σ)"),
}  # fmt: skip


def draw(table: pd.DataFrame, study: Study, path: Path) -> Path:
    """Draws the table of ``sensitivity.analyse`` as a PNG file and returns its path."""
    with canvas.style():
        return canvas.save(figure(table, study), Path(path))


def figure(table: pd.DataFrame, study: Study) -> Figure:
    """Points with 95 % intervals: total and first-order indices (sobol), or size and spread of effects (morris).

    Factors from the one that moves most to the one that moves least, by the first panel that has numbers; where there
    are many, those that move any panel most. Small effects are shaded: those that the verdict holds to be none.
    """
    is_sobol = table["method"].iloc[0] == "sobol"
    index = "ST" if is_sobol else "mu_star"
    measures = labels.headline(list(dict.fromkeys(table["measure"])))
    places = list(dict.fromkeys(zip(table["world"], table["design"], strict=True)))
    shown = places[:MOST_PLACES]
    main = table[(table["index"] == index) & table["measure"].isin(measures)]
    rows = _strongest(main, _ranked(main, measures, study))
    height = 1.5 + len(shown) * (1.1 + 0.46 * len(rows))
    drawn = canvas.blank(2.8 + 4.0 * max(2, len(measures)), height)
    panels = drawn.subplots(len(shown), len(measures), sharey=True, squeeze=False)
    for line, (world, design) in zip(panels, shown, strict=True):
        for panel, measure in zip(line, measures, strict=True):
            here = table[(table["world"] == world) & (table["design"] == design) & (table["measure"] == measure)]
            _fill(panel, here, rows)
            panel.set_title(_heading(here, world, design), loc="left", fontsize=12)
    if is_sobol:
        _same_scale(table, measures, panels)
    for panel, measure in zip(panels[-1], measures, strict=True):
        panel.set_xlabel(_axis(measure, is_sobol))
    for panel in panels[:, 0]:
        panel.set_yticks(range(len(rows)), [canvas.short(row.replace("_", " ")) for row in rows])
        panel.set_ylim(len(rows) - 0.45, -0.55)
    _legend(drawn, is_sobol)
    hidden = f"; {len(places) - len(shown)} more worlds and designs in the table" if len(places) > len(shown) else ""
    canvas.title(drawn, _title(is_sobol) + hidden + _below(main, rows))
    return drawn


def _below(main: pd.DataFrame, rows: list[str]) -> str:
    """How many factors are not drawn, and how many of these move none of the panels for sure."""
    others = main[~main["factor"].isin(rows)]
    if others.empty:
        return ""
    is_inert = (others["verdict"] == INERT).groupby(others["factor"]).all()
    return f"; of {len(is_inert)} weaker factors not drawn, {is_inert.sum()} move none of these outcomes"


def _title(is_sobol: bool) -> str:
    if is_sobol:
        return "What moves the mean outcome: share of its variance due to each factor, with 95 % interval"
    return "What moves the mean outcome: effect of each factor over its whole range, with 95 % interval"


def _axis(measure: str, is_sobol: bool) -> str:
    return f"share of the variance of\n{labels.name(measure)}" if is_sobol else f"effect on {labels.axis(measure)}"


def _ranked(main: pd.DataFrame, measures: list[str], study: Study) -> list[str]:
    """The factors, the strongest first, by the first measure and place that has numbers for them."""
    strength = main[main["estimate"].notna()]
    for measure in measures:
        about = strength[strength["measure"] == measure].drop_duplicates("factor")
        if len(about):
            return list(about.sort_values("estimate", ascending=False, kind="stable")["factor"])
    return list(study.factors)


def _strongest(main: pd.DataFrame, ranked: list[str]) -> list[str]:
    """Of many factors those whose effect is largest somewhere, as a multiple of the least that counts."""
    if len(ranked) <= MOST_ROWS:
        return ranked
    multiple = (main["estimate"] / main["least"]).groupby(main["factor"]).max()
    chosen = set(multiple.reindex(ranked).sort_values(ascending=False, kind="stable").index[:MOST_ROWS])
    return [factor for factor in ranked if factor in chosen]


def _heading(here: pd.DataFrame, world: str, design: str) -> str:
    """Where the panel is, and how much of a single run's variance is chance."""
    place = ", ".join(name for name in (world, design) if name != UNNAMED)
    chance = here[here["index"] == "chance"]
    share = f"chance is {100 * chance['estimate'].iloc[0]:.0f} % of a run's variance" if len(chance) else ""
    return "\n".join(filter(None, [canvas.short(place) if place else "", share]))


def _fill(panel, here: pd.DataFrame, rows: list[str]) -> None:
    here = here[here["factor"].isin([*rows, ""])]
    for row in here[here["index"] == "mu_star"].to_dict("records"):
        panel.barh(rows.index(row["factor"]), row["least"], height=1, color=SHADE, zorder=0)
    for row in here[here["index"].isin(list(_LOOKS))].to_dict("records"):
        marker, color, shift, _ = _LOOKS[row["index"]]
        y = rows.index(row["factor"]) + shift
        _point(panel, row, y, marker, color)
    for row in here[here["index"] == "floor"].to_dict("records"):
        y = rows.index(row["factor"])
        panel.plot([row["estimate"]] * 2, [y - 0.36, y + 0.36], color="0.35", lw=2, ls=(0, (1, 1)), zorder=2)
    if here["estimate"].notna().any():
        panel.axvline(0, color="0.3", lw=1.2, zorder=1)
    panel.grid(axis="y", visible=False)
    for y in range(1, len(rows)):
        panel.axhline(y - 0.5, color="0.85", lw=1, zorder=1)
    panel.locator_params(axis="x", nbins=6)
    _say_why(panel, here)


def _point(panel, row: dict, y: float, marker: str, color: str) -> None:
    """Filled where the factor moves the measure (or no verdict is given), hollow where that is open, grey if not."""
    color = canvas.GREY if row["verdict"] == INERT else color
    is_filled = row["verdict"] in (MOVES, INERT, "") and row["index"] not in ("S1", "sigma")
    if np.isfinite(row["low"]):
        panel.plot([row["low"], row["high"]], [y, y], color=color, lw=2.4, solid_capstyle="butt", zorder=3)
    look = {"mfc": color if is_filled else "white", "mec": "white" if is_filled else color}
    panel.plot(
        row["estimate"], y, marker, ms=8 if marker == "o" else 6, mew=0.8 if is_filled else 1.6, zorder=4, **look
    )


def _say_why(panel, here: pd.DataFrame) -> None:
    """Why a panel has no numbers."""
    if here["index"].isin(["refused", "constant"]).any():
        row = here.iloc[0]
        text = textwrap.fill(f"{row['index']}: {row['note']}", 40)
        panel.text(0.5, 0.5, text, transform=panel.transAxes, ha="center", va="center", color=canvas.GREY, fontsize=11)
        panel.set_xticks([])


def _same_scale(table: pd.DataFrame, measures: list[str], panels) -> None:
    """One scale for all shares."""
    about = table[table["measure"].isin(measures) & table["index"].isin(list(_LOOKS))]
    ends = about[["low", "high", "estimate"]].to_numpy(dtype=float)
    if np.isfinite(ends).any():
        low, high = min(0.0, np.nanmin(ends)), max(1.0, np.nanmax(ends))
        for panel in panels.ravel():
            if panel.get_xticks().size:
                panel.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))


def _legend(drawn: Figure, is_sobol: bool) -> None:
    indices = ("ST", "S1") if is_sobol else ("mu_star", "sigma")
    handles, names = [], []
    for index in indices:
        marker, color, _, name = _LOOKS[index]
        is_main = color == MAIN
        look = {"mfc": color if is_main else "white", "mec": "white" if is_main else color}
        handles.append(Line2D([], [], color=color, marker=marker, lw=2.4, ms=8, **look))
        names.append(name)
    handles.append(Line2D([], [], color=MAIN, marker="o", lw=2.4, ms=8, mfc="white", mec=MAIN, mew=1.6))
    names.append("hollow: cannot say whether it moves")
    handles.append(Line2D([], [], color=canvas.GREY, marker="o", lw=2.4, ms=8, mec="white"))
    names.append("grey: does not move")
    if not is_sobol:
        handles.append(Line2D([], [], color="0.35", lw=2, ls=(0, (1, 1))))
        names.append("what chance alone would show")
        handles.append(Patch(color=SHADE))
        names.append(f"below {LEAST_SHARE:.0%} of the variance".replace("%", " %"))
    canvas.legend_below(drawn, handles, names)
