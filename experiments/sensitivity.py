"""Which factors move a measure: variance-based indices (sobol) or elementary effects (morris) of a study's runs.

Arrays in, tables out. A row per world, design, measure, factor and index:

    S1, ST, S2            share of the variance of the mean response due to a factor alone, to it with all its
                          interactions, to the interaction of two (sobol)
    S1_sum                sum of all S1: what is missing to 1 are interactions (sobol)
    mu_star, mu, sigma    mean absolute effect, mean effect, spread of the effects over the whole range of a factor, in
                          units of the measure (morris); a list of levels has mu_star only
    floor                 the mean absolute effect that chance alone would show (morris)
    chance                share of the variance of a single run that is chance

and a row without a number where a measure is ``constant`` or was ``refused``, with the reason as ``note``. The
verdict on ST is "moves" or "does not move" where its whole interval lies above or below ``LEAST_SHARE``; that on
mu_star where it lies above or below the effect that a straight line with that share of the variance would have; what
it is held against stands beside it as ``least``.
Estimators and intervals: ``effects``.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from experiments import effects, labels
from experiments.compared import UNNAMED
from experiments.effects import Found
from experiments.errors import StudyError
from experiments.sampling import MORRIS, SOBOL, points_per_sample
from experiments.spans import Span, places_of
from experiments.study import Study

LEAST_SHARE = 0.01  # of the variance; our choice: factors below a hundredth each are commonly left fixed
WIDEST = 0.1  # half-width of a total index, beyond which factors can hardly be told apart
FEWEST_REPLICATES = 3  # with two, nothing can be said of what the choice of seeds does
MOST_MISSING = 0.1  # share of base samples or trajectories that may lack a number
COLUMNS = (
    "world", "design", "measure", "method", "factor", "index", "estimate", "low", "high", "least", "verdict", "n",
    "n_dropped", "replicates", "note",
)  # fmt: skip
MOVES, INERT, OPEN = "moves", "does not move", "cannot say"


class _Group(NamedTuple):
    """The runs of one measure in one world under one design: (samples, points of each, replicates), whole ones only."""

    y: np.ndarray
    kept: np.ndarray


def analyse(values: np.ndarray, study: Study, measures: list[str], *, force: bool = False) -> pd.DataFrame:
    """The table for runs of shape (points, worlds, designs, replicates, measures), NaN where a run has no number.

    Raises StudyError where the study cannot be analysed at all. What cannot be said of a single measure is refused
    there (see ``refusals``), unless ``force``, which turns wide intervals and two replicates into ``warnings``.
    """
    _check(values, study, force)
    rows = []
    for (w, world), (d, design) in itertools.product(enumerate(study.worlds), enumerate(study.designs)):
        for m, measure in enumerate(measures):
            heading = {"world": world, "design": design, "measure": measure, "method": study.sampling.method}
            rows += [heading | row for row in _rows(values[:, w, d, :, m], study, force)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def refusals(table: pd.DataFrame) -> list[str]:
    """A sentence for each measure that was refused."""
    return [f"{_where(row)}: {row['note']}" for row in table[table["index"] == "refused"].to_dict("records")]


def warnings(table: pd.DataFrame) -> list[str]:
    """What a reader of the table should know, a sentence each."""
    found = []
    for _, group in table.groupby(["world", "design", "measure"], sort=False):
        where, first = _where(group.iloc[0]), group.iloc[0]
        found += [f"{where}: {text}" for text in _cautions(group, first)]
    if len(table) and table["replicates"].min() < FEWEST_REPLICATES:
        found.append(
            f"with {table['replicates'].min():g} replicates the intervals leave out what the choice of seeds does; "
            f"take {FEWEST_REPLICATES} or more"
        )
    return found


def _check(values: np.ndarray, study: Study, force: bool) -> None:
    method = study.sampling.method
    if method not in (SOBOL, MORRIS):
        raise StudyError(
            f'sensitivity needs [sampling] method = "{SOBOL}" or "{MORRIS}", whose points change one factor at a time, '
            f"not {method}; change the method and sweep into another folder",
            key="sampling.method",
        )
    fewest = 2 if force else FEWEST_REPLICATES
    if values.shape[3] < fewest:
        n = values.shape[3]
        reason = "the factors' variance from that of chance" if n < 2 else "what the choice of seeds does"
        raise StudyError(
            f"{n} replicate{'' if n == 1 else 's'} cannot separate {reason}; "
            f"give replicates >= {fewest} and sweep again (stored runs are reused)",
            key="replicates",
        )
    expected = (study.n_points, len(study.worlds), len(study.designs))
    if values.shape[:3] != expected:
        raise ValueError(f"values must have shape {expected} + (replicates, measures), not {values.shape}")


# The rows of one measure ---------------------------------------------------------------------------------------------


def _rows(runs: np.ndarray, study: Study, force: bool) -> list[dict[str, Any]]:
    """All rows for runs (points, replicates)."""
    y = runs.reshape(study.sampling.samples, -1, runs.shape[1])
    y = y[:, :, ~np.isnan(y).all(axis=(0, 1))]  # replicates that no point has
    kept = ~np.isnan(y).any(axis=(1, 2))
    about = {"n": int(kept.sum()), "n_dropped": int((~kept).sum()), "replicates": y.shape[2], "note": ""}
    refused, constant = _unusable(y, kept, study, 2 if force else FEWEST_REPLICATES), _constant(y[kept])
    if refused or constant:
        return [about | _row("", "refused" if refused else "constant", note=refused or constant)]
    group = _Group(y[kept], kept)
    rows = _sobol_rows(group, study) if study.sampling.method == SOBOL else _morris_rows(group, study)
    if study.sampling.method == SOBOL and not force:
        reason = _too_wide(rows, group)
        rows = [_row("", "refused", note=reason)] if reason else rows
    return [about | {k: v for k, v in row.items() if k != "reach"} for row in rows]


def _unusable(y: np.ndarray, kept: np.ndarray, study: Study, fewest: int) -> str:
    """Why these runs say nothing, or nothing."""
    what = "base samples" if study.sampling.method == SOBOL else "trajectories"
    n_missing = int((~kept).sum())
    if n_missing > MOST_MISSING * len(kept):
        return (
            f"{n_missing} of {len(kept)} {what} hold a run without a number, more than {MOST_MISSING:.0%}; "
            "analyse another measure, or narrow the factors to where this one exists"
        )
    if kept.sum() < 2:
        return f"one of the {what} says nothing of their spread; take more samples"
    if y.shape[2] < fewest:
        return f"{y.shape[2]} replicates have numbers, and it takes {fewest}; run more"
    return ""


def _constant(y: np.ndarray) -> str:
    """Says so where no point differs from another."""
    if not len(y) or np.ptp(y, axis=(0, 1)).max() > 0:
        return ""
    if np.ptp(y) > 0:
        return "every point gives the same numbers, seed by seed, so no factor moves it"
    return f"it is {y.flat[0]:.4g} in every run, so no factor moves it"


def _row(factor: str, index: str, number: tuple = (np.nan,) * 4, verdict: str = "", **rest) -> dict[str, Any]:
    estimate, low, high, reach = number
    numbers = {"estimate": estimate, "low": low, "high": high, "reach": reach}
    return {"factor": factor, "index": index, "verdict": verdict, **numbers, **rest}


def _each(found: Found) -> list[tuple]:
    return list(zip(*(part.tolist() for part in found), strict=True))


def _sobol_rows(group: _Group, study: Study) -> list[dict[str, Any]]:
    names = list(study.factors)
    found = effects.sobol(group.y, len(names), study.sampling.second_order)
    rows = [_row(name, "S1", number) for name, number in zip(names, _each(found.first), strict=True)]
    for name, number in zip(names, _each(found.total), strict=True):
        rows.append(_row(name, "ST", number, _verdict(number[1], number[2], LEAST_SHARE), least=LEAST_SHARE))
    pairs = itertools.combinations(names, 2) if study.sampling.second_order else ()
    rows += [_row(f"{a} x {b}", "S2", number) for (a, b), number in zip(pairs, _each(found.second), strict=True)]
    return [*rows, _row("", "S1_sum", _each(found.first_sum)[0]), _row("", "chance", _each(found.chance)[0])]


def _morris_rows(group: _Group, study: Study) -> list[dict[str, Any]]:
    spans = list(study.spans.values())
    found = effects.morris(group.y, _places(study)[group.kept], np.array([bool(span.levels) for span in spans]))
    rows = []
    for k, (name, span) in enumerate(study.spans.items()):
        mu_star, least = _each(found.mu_star)[k], _least_effect(span, study.sampling.levels) * found.sd
        verdict = _verdict(mu_star[1], mu_star[2] + found.untold[k], least)
        rows.append(_row(name, "mu_star", mu_star, verdict, least=least))
        if not span.levels:
            rows += [_row(name, "mu", _each(found.mu)[k]), _row(name, "sigma", _each(found.sigma)[k])]
        rows.append(_row(name, "floor", (float(found.floor[k]), np.nan, np.nan, np.nan)))
    return [*rows, _row("", "chance", _each(found.chance)[0])]


def _verdict(low: float, high: float, least: float) -> str:
    return MOVES if low > least else INERT if high < least else OPEN


def _least_effect(span: Span, levels: int) -> float:
    """The effect, in standard deviations of the response, that gives ``LEAST_SHARE`` of its variance.

    A straight line of effect b has variance ``b² (p + 1) / (12 (p - 1))`` on a grid of p levels; k equally likely
    levels with a mean square difference d² between two of them have ``d² (k - 1) / 2k``.
    """
    k, p = len(span.levels), levels
    variance = (k - 1) / (2 * k) if k else (p + 1) / (12 * (p - 1))
    return math.sqrt(LEAST_SHARE / variance)


def _places(study: Study) -> np.ndarray:
    """Where the points lie in the unit cube (trajectories, k + 1, k); of a list, the number of the level."""
    columns = []
    for name, span in study.spans.items():
        values = [point[name] for point in study.points()]
        if span.levels:
            number = {level: k for k, level in enumerate(span.levels)}
            columns.append(np.array([number[value] for value in values], dtype=float))
        else:
            columns.append(places_of(span, np.array(values, dtype=float)))
    block = points_per_sample(study.sampling, len(study.factors))
    return np.array(columns).T.reshape(study.sampling.samples, block, len(columns))


def _too_wide(rows: list[dict[str, Any]], group: _Group) -> str:
    """Why the total indices are too uncertain, with what it would probably take, or nothing."""
    totals = [row for row in rows if row["index"] == "ST"]
    half = np.array([(row["high"] - row["low"]) / 2 for row in totals])
    if np.isnan(half).any():
        return (
            "the factors' variance cannot be told from that of chance; more base samples or more replicates may tell, "
            "or no factor moves it"
        )
    if half.max() <= WIDEST:
        return ""
    worst = totals[int(half.argmax())]
    return (
        f"the total index of {worst['factor']} is known to within {half.max():.2g} only, and {WIDEST:g} is the most "
        f"that tells factors apart; it would probably take {_remedy(half.max(), worst['reach'], group.y)}"
    )


def _remedy(half: float, reach: float, y: np.ndarray) -> str:
    """More base samples, replicates, or both: half-widths fall with the root of either."""
    samples, replicates = len(y), y.shape[2]
    reach = min(reach, half)
    rest = math.sqrt(half**2 - reach**2)
    room = [math.sqrt(max(WIDEST**2 - other**2, WIDEST**2 / 2)) for other in (reach, rest)]
    remedies = []
    if rest > room[0]:
        remedies.append(f"N = {2 ** math.ceil(math.log2(samples * (rest / room[0]) ** 2))} base samples")
    if reach > room[1]:
        remedies.append(f"{math.ceil(replicates * (reach / room[1]) ** 2)} replicates")
    return " and ".join(remedies or [f"N = {2 * samples} base samples"])


# Words ---------------------------------------------------------------------------------------------------------------


def _where(row) -> str:
    named = [f"{kind} {row[kind]!r}" for kind in ("world", "design") if row[kind] != UNNAMED]
    return f"{labels.name(row['measure'])} ({', '.join(named)})" if named else labels.name(row["measure"])


def _cautions(group: pd.DataFrame, first: pd.Series) -> list[str]:
    what = "base samples" if first["method"] == SOBOL else "trajectories"
    told = []
    if first["n_dropped"] and first["index"] != "refused":
        told.append(f"{first['n_dropped']} {what} hold a run without a number and are left out")
    told += [str(first["note"])] if first["index"] == "constant" else []
    half = (group["high"] - group["low"])[group["index"] == "ST"] / 2
    if len(half) and not half.max() <= WIDEST:
        width = "without an interval" if half.isna().any() else f"known to within {half.max():.2g} only"
        told.append(f"total indices are {width}, so factors can hardly be told apart")
    is_negative = group["index"].isin(["S1", "ST", "S2", "sigma"]) & (group["estimate"] < 0)
    if is_negative.any():
        listed = ", ".join(_negative(row) for row in group[is_negative].to_dict("records"))
        told.append(f"negative estimates, which chance makes of what is near 0: {listed}")
    whole = group[group["index"] == "S1_sum"]
    if len(whole) and whole["low"].iloc[0] > 1:
        told.append(
            f"first-order indices add up to {whole['estimate'].iloc[0]:.2f} [{whole['low'].iloc[0]:.2f}, "
            f"{whole['high'].iloc[0]:.2f}], though they cannot exceed 1; take more base samples"
        )
    return told


def _negative(row: dict[str, Any]) -> str:
    beyond = ", beyond its interval: take more samples" if row["high"] < 0 else ""
    return f"{row['index']} of {row['factor']} {row['estimate']:.3g}{beyond}"
