"""The look all figures share: style, colors safe for the color-blind, legends outside, identical bytes each time."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from experiments import labels
from experiments.inference import FEWEST_TO_RESAMPLE
from experiments.study import Study

DPI = 150
GREY = "0.45"
FAINT = "0.8"
MARKERS = "osD^vPX*<>"
_STYLE = {
    **sns.axes_style("whitegrid"),
    **sns.plotting_context("notebook", font_scale=1.1),
    "font.family": ["DejaVu Sans"],
    "axes.titlesize": 13,
    "axes.labelsize": 12.5,
    "figure.titlesize": 15,
    "grid.color": "0.9",
    "axes.edgecolor": "0.7",
    "legend.frameon": False,
    "legend.fontsize": 12,
}


@contextmanager
def style() -> Iterator[None]:
    """The style, in force only inside the block, so that importing this changes nothing for anyone else."""
    with mpl.rc_context(_STYLE):
        yield


def blank(width: float, height: float) -> Figure:
    """An empty figure in inches, drawn without pyplot, so no window, backend or global figure is touched."""
    return Figure(figsize=(width, min(height, 300.0)), layout="constrained")


def save(figure: Figure, path: Path) -> Path:
    """Writes the figure as PNG without dates or versions in it."""
    figure.savefig(path, dpi=DPI, format="png", metadata={"Software": None})
    return path


def title(figure: Figure, text: str) -> None:
    """A title as wide as the figure, in as many lines as it takes."""
    figure.suptitle(textwrap.fill(text, int(figure.get_figwidth() * 8.2)), x=0.01, ha="left")


def legend_below(figure: Figure, handles: list, names: list[str]) -> None:
    """A legend under the panels, in as many columns as fit; none for a single name."""
    names = [short(name) for name in names]
    if len(names) > 1:
        widest = max(len(line) for name in names for line in name.split("\n")) * 0.085 + 0.75
        fit = max(1, min(len(names), int(figure.get_figwidth() / widest)))
        even = [n for n in range(1, fit + 1) if len(names) % n == 0]
        figure.legend(handles, names, loc="outside lower center", ncols=even[-1] if even[-1] > fit / 2 else fit)


def colors(n: int) -> list:
    """n colors that color-blind readers tell apart, as far as there are any (10); then they come again."""
    palette = sns.color_palette("colorblind")
    order = [0, 1, 2, 4, 3, 9, 5, 8, 6, 7]
    return [palette[order[i % 10]] for i in range(n)]


def ramp(n: int) -> list:
    """n ordered colors, dark to light but never pale, for levels of a quantity."""
    return list(sns.color_palette("viridis", n + 1))[:n]


def wrapped(text: str, width: int = 28) -> str:
    """A long name in several lines."""
    return textwrap.fill(str(text), width, break_on_hyphens=False)


def short(text: str) -> str:
    """A name in at most two lines of about 40 characters, cut with an ellipsis."""
    return textwrap.fill(str(text), 40, max_lines=2, placeholder="…", break_on_hyphens=False)


def span(panel, axis: str, points, low=(), high=(), n=()) -> None:
    """Sets the limits of an axis from points and intervals; intervals of too few runs may run out of the panel.

    ``n`` holds the number of runs of each interval; with fewer than ``FEWEST_TO_RESAMPLE`` an interval is so wide
    that it would squeeze all the points together.
    """
    points, low, high = (np.asarray(list(x), dtype=float) for x in (points, low, high))
    enough = np.asarray(list(n)) >= FEWEST_TO_RESAMPLE
    seen = np.concatenate([points, low[enough], high[enough]]) if len(enough) else points
    seen = seen[np.isfinite(seen)]
    if len(seen):
        room = 0.06 * (seen.max() - seen.min()) or 0.5
        room *= 1 if enough.all() else 4
        getattr(panel, f"set_{axis}lim")(seen.min() - room, seen.max() + room)


def caution(n) -> str:
    """The end of a title where there are too few runs for the intervals to be trusted; else nothing."""
    fewest = min((int(x) for x in n), default=FEWEST_TO_RESAMPLE)
    return "" if fewest >= FEWEST_TO_RESAMPLE else f"; too few runs for a trustworthy interval (n = {fewest})"


def row_names(table: pd.DataFrame, study: Study) -> pd.Series:
    """What each row is, apart from its world: ``full design``, ``rivalry 0.1``, ``full design, 0.1, hubs``."""
    columns = ["design", *study.factors]
    keys = list(zip(*(table[c].tolist() for c in columns), strict=True))
    names = {key: _row_name(dict(zip(columns, key, strict=True)), study) for key in dict.fromkeys(keys)}
    return pd.Series([names[key] for key in keys], index=table.index, dtype=object)


def row_kind(study: Study) -> str:
    """What the names of rows consist of, where levels stand without the names of their factors; else nothing."""
    parts = ["design"] if len(study.designs) > 1 else []
    return ", ".join([*parts, *(f.replace("_", " ") for f in study.factors)]) if len(study.factors) > 1 else ""


def _row_name(row: dict, study: Study) -> str:
    parts = [row["design"]] if len(study.designs) > 1 or not study.factors else []
    if len(study.factors) > 1:
        return ", ".join([*parts, *(labels.level(row[f]) for f in study.factors)])
    return ", ".join([*parts, *(labels.point({f: row[f]}) for f in study.factors)])


def with_room(panel, least: float = 0.1) -> None:
    """Widens the vertical axis to a span of at least ``least``, so that noise does not look like news."""
    low, high = panel.get_ylim()
    if high - low < least:
        middle = (low + high) / 2
        panel.set_ylim(middle - least / 2, middle + least / 2)


def is_numeric(levels) -> bool:
    """Whether the levels of a factor are numbers."""
    return all(isinstance(level, (int, float)) and not isinstance(level, bool) for level in levels)
