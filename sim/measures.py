"""What a run is measured by: the table of measures, series from sums, and one number per run.

Inputs are plain arrays of a finished run (``engine.Trace``), so both engines are measured by the same code.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sim.ledger import LOSSES
from sim.tally import COLUMNS


class Measure(NamedTuple):
    """One row of the table of measures. ``kind``: "series" (per step; its run value is the last quarter's mean) or
    "run" (one number per run). ``needs``: "" or what must be computed for it: "ledger", "twins"."""

    name: str
    unit: str
    meaning: str
    kind: str
    needs: str = ""


def _series(name, unit, meaning, needs=""):
    return Measure(name, unit, meaning, "series", needs)


_LOSS_MEANING = {
    "rivalry": "both competed", "duplication": "the same work done twice", "missed": "gains that the acts did not seek",
    "wasted": "investment that met no partner (negative: saved)", "relationship": "time spent connecting and repairing",
    "overhead": "upkeep, practices, crowding", "isolation": "neighbors who do not co-create",
    "visibility": "credit sought at the expense of value", "misalignment": "disagreement on how to work together",
    "tension": "unresolved conflict", "caution": "work held back until trust is there",
    "setbacks": "joint work that failed",
}  # fmt: skip

_GAIN = "share of first-best gain"

MEASURES: tuple[Measure, ...] = (
    _series("compete", "share of acts", "acts that compete, among acts played"),
    _series("cooperate", "share of acts", "acts that cooperate, among acts played"),
    _series("cocreate", "share of acts", "acts that co-create, among acts played"),
    _series("mutual", "share of ties", "ties on which both co-create, among all potential ties"),
    _series("active", "share of ties", "ties that are active, among all potential ties"),
    _series("win_win", "share of ties", "played ties on which both sides earn more than in their silos"),
    _series("win_lose", "share of ties", "played ties on which one side earns more than in its silo"),
    _series("lose_lose", "share of ties", "played ties on which neither side earns more than in its silo"),
    _series("trust", "0 to 1", "mean trust in active partners"),
    _series("disposition", "0 to 1", "mean trust in strangers"),
    _series("connection", "0 to 1", "mean bond of active ties"),
    _series("alignment", "0 to 1", "mean alignment of active ties"),
    _series("tension", "0 to 1", "mean unresolved conflict of active ties"),
    _series("scarcity", "0 to 1", "mean zero-sum mindset of organizations"),
    _series("conflict", "share of active ties", "active ties in conflict"),
    _series("toward", "share of conflicts", "conflicts in which both turned toward one another"),
    _series("against", "share of conflicts", "conflicts in which anyone turned against the other"),
    _series("rupture", "share of active ties", "active ties that ended"),
    _series("value", "stakes per tie and month", "value realised, all potential ties, net of overhead"),
    _series("value_silo", "stakes per tie and month", "value if all stayed apart, without any design"),
    _series("first_best", "stakes per tie and month", "value of fully aligned, calm, generous pairs"),
    _series("shortfall", "share of first best", "1 - value / first best"),
    *(_series(f"loss_{n}", "share of first best", f"shortfall: {_LOSS_MEANING[n]}", "ledger") for n in LOSSES),
    Measure("value_36", "stakes per tie and month", "value in the six months up to month 36", "run"),
    Measure("value_60", "stakes per tie and month", "value in the six months up to month 60", "run"),
    Measure("captured", "share", "gain over silos, of what could be reached in this world (whole run)", "run", "twins"),
    Measure("silo_cost", "share", "1 - captured: avoidable cost of silos (above 1: worse than silos)", "run", "twins"),
    Measure("gain_realized", _GAIN, "gain over silos that was realised (whole run)", "run", "twins"),
    Measure("gain_avoidable", _GAIN, "gain that was within reach and missed (whole run)", "run", "twins"),
    Measure("gain_out_of_reach", _GAIN, "gain that these organizations could not reach (whole run)", "run", "twins"),
    Measure("gini", "0 to 1", "inequality of income per tie, last quarter", "run"),
    Measure("power_premium", "correlation", "log power with income per tie, last quarter", "run"),
    Measure("lifetime_median", "months", "median lifetime of partnerships (Kaplan-Meier)", "run"),
    Measure("ended_5y", "share", "partnerships ended within 60 months (Kaplan-Meier)", "run"),
    Measure("crossing_step", "step", "step from which mutual co-creation stays above half to the end", "run"),
    Measure("shock_depth", "stakes per tie and month", "fall of value after the first scheduled event", "run"),
    Measure("recovery_steps", "steps", "steps from that event until value is back", "run"),
)  # fmt: skip
BY_NAME: dict[str, Measure] = {measure.name: measure for measure in MEASURES}
SERIES: tuple[str, ...] = tuple(m.name for m in MEASURES if m.kind == "series")
NAN = float("nan")


def _ratio(top, bottom):
    """top / bottom where bottom is not 0, NaN elsewhere: the measure of an empty set."""
    return np.divide(top, bottom, out=np.full(np.shape(top), NAN), where=np.asarray(bottom) != 0)


# What each sum is divided by: "played" and "trust" count both sides.
_PER = {
    **dict.fromkeys(("compete", "cooperate", "cocreate"), "acts"),
    **dict.fromkeys(("win_win", "win_lose", "lose_lose"), "played"),
    **dict.fromkeys(("connection", "alignment", "tension", "conflict", "rupture"), "active"),
    **dict.fromkeys(("mutual", "active", "value"), "ties"),
    **dict.fromkeys(("scarcity", "disposition"), "organizations"),
    **dict.fromkeys(("toward", "against"), "conflict"),
    **dict.fromkeys((f"loss_{name}" for name in LOSSES), "first_best"),
    "trust": "sides",
}
_COUNTS = ("acts", "played", "active", "sides", "conflict", "ties", "organizations", "first_best")
_OF_GAMES = ("win_win", "win_lose", "lose_lose", *(f"loss_{name}" for name in LOSSES))  # there is no silo in a game


@lru_cache(maxsize=64)
def _places(names: tuple[str, ...]) -> tuple[tuple[str, ...], list[int], list[int]]:
    """Those of ``names`` that are ratios of sums, with the column of each sum and the row of each count."""
    ratios = tuple(name for name in _PER if name in names or (name == "value" and "shortfall" in names))
    return ratios, [COLUMNS.index(name) for name in ratios], [_COUNTS.index(_PER[name]) for name in ratios]


def series(
    trace, n_organizations: int, is_game: bool, with_ledger: bool = True, names: tuple[str, ...] = SERIES
) -> dict[str, np.ndarray]:
    """Series of a run by name, each float64 (steps,). Without the ledger, or in an explicit game, its parts are NaN."""
    steps, n_ties = len(trace.sums), len(trace.silos)
    silo, best = (float(np.mean(x)) if n_ties and not is_game else NAN for x in (trace.silos, trace.first_best))
    played, active, conflict = (trace.sums[:, COLUMNS.index(name)] for name in ("played", "active", "conflict"))
    counts = np.empty((len(_COUNTS), steps))
    for k, count in enumerate(
        (2.0 * played, played, active, 2.0 * active, conflict, n_ties, n_organizations, best * n_ties)
    ):
        counts[k] = count
    ratios, summed, counted = _places(names)
    out = dict(zip(ratios, _ratio(trace.sums.T[summed], counts[counted]), strict=True))
    if "value_silo" in names or "first_best" in names:
        out["value_silo"], out["first_best"] = np.full(steps, silo), np.full(steps, best)
    if "shortfall" in names:
        out["shortfall"] = 1.0 - out["value"] / best
    for name in _OF_GAMES:
        if name in out and (is_game or (name.startswith("loss_") and not with_ledger)):
            out[name] = np.full(steps, NAN)
    return {name: out[name] for name in SERIES if name in names}


# The series that a measure of the whole run is made of.
_FROM = {
    "value_36": "value", "value_60": "value", "crossing_step": "mutual", "shock_depth": "value",
    "recovery_steps": "value",
}  # fmt: skip


def series_for(names: tuple[str, ...]) -> tuple[str, ...]:
    """The series that must be there to compute these measures."""
    return tuple({_FROM.get(name, name): None for name in names if name in SERIES or name in _FROM})


def late_means(columns: dict[str, np.ndarray], trace, late: int) -> dict[str, float]:
    """Last-quarter means of the series; steps without a value are left out; conflicts are pooled."""
    if not columns:
        return {}
    tails = np.stack([column[late:] for column in columns.values()])
    n_known = np.sum(~np.isnan(tails), axis=1)
    means = dict(zip(columns, _ratio(np.nansum(tails, axis=1), n_known).tolist(), strict=True))
    tail = dict(zip(COLUMNS, trace.sums[late:].sum(axis=0), strict=True))
    for name in {"toward", "against"} & set(columns):
        means[name] = float(tail[name] / tail["conflict"]) if tail["conflict"] else NAN
    return means


def value_at(value: np.ndarray, month: int) -> float:
    """Mean of the six steps up to a month; NaN if the run is shorter."""
    return float(value[month - 6 : month].mean()) if len(value) >= month else NAN


def reach(trace, twins, steps: int) -> dict[str, float]:
    """``captured``, ``silo_cost`` and the three bars, from a run and its two twins.

    V_reach takes, per tie, the best over the whole run of staying apart and either twin: a reference, not a bound.
    """
    n_ties = len(trace.silos)
    if not n_ties:
        return dict.fromkeys(_REACH, NAN)
    value = float(trace.sums[:, COLUMNS.index("value")].sum()) / (n_ties * steps)
    silo, first = float(trace.silos.mean()), float(trace.first_best.mean())
    best = trace.silos * steps
    for twin in twins:
        best = np.maximum(best, twin.tie_value)
    reachable = float(best.mean()) / steps
    captured = (value - silo) / (reachable - silo) if reachable - silo >= 0.01 else NAN
    gain = first - silo
    bars = ((value - silo), (reachable - value), (first - reachable))
    return dict(
        zip(_REACH, (captured, 1.0 - captured, *((b / gain if gain >= 0.01 else NAN) for b in bars)), strict=True)
    )


def gini(income: np.ndarray) -> float:
    """Gini coefficient of income per tie (negative incomes allowed); NaN when the mean is not positive."""
    income = np.sort(income)
    n = len(income)
    if n == 0 or not income.mean() > 0.0:
        return NAN
    return float(2.0 * np.sum(np.arange(1, n + 1) * income) / (n * income.sum()) - (n + 1) / n)


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson correlation; NaN where either does not vary beyond rounding."""
    if len(x) < 2 or any(np.ptp(v) <= 1e-12 * np.max(np.abs(v)) for v in (x, y)):
        return NAN
    x, y = x - x.mean(), y - y.mean()
    return float(np.sum(x * y) / np.sqrt(np.sum(x * x) * np.sum(y * y)))


def survival(ended: np.ndarray, running: np.ndarray) -> np.ndarray:
    """Kaplan-Meier survival by tenure 0, 1, ...: ``ended`` and ``running`` count spells ended and censored at it."""
    at_risk = (ended + running)[::-1].cumsum()[::-1]
    hazard = np.divide(ended, at_risk, out=np.zeros(len(ended)), where=at_risk > 0)
    return np.cumprod(1.0 - hazard)


def lifetimes(trace) -> dict[str, float]:
    """Median lifetime and share ended by month 60, over all spells, those still running censored."""
    running = np.bincount(trace.ties["tenure"][trace.ties["active"] == 1], minlength=len(trace.ended))
    if trace.ended.sum() + running[1:].sum() == 0:
        return {"lifetime_median": NAN, "ended_5y": NAN}
    alive = survival(trace.ended, running)
    below = np.flatnonzero(alive <= 0.5)
    longest = int(np.flatnonzero(trace.ended + running)[-1])
    is_known = longest >= 60 or alive[longest] == 0.0
    return {
        "lifetime_median": float(below[0]) if len(below) else NAN,
        "ended_5y": float(1.0 - alive[min(60, len(alive) - 1)]) if is_known else NAN,
    }


def crossing_step(mutual: np.ndarray) -> float:
    """The step from which mutual co-creation stays above half to the end; NaN if it does not."""
    below = np.flatnonzero(~(mutual > 0.5))
    first = int(below[-1]) + 1 if len(below) else 0
    return float(first) if first < len(mutual) else NAN


def shock(value: np.ndarray, event_step: int | None) -> dict[str, float]:
    """How far value falls after an event, and how long until it first is back within .01 of the ten steps before.

    The fall is measured from the event until that return, or the end; 0 and 0 if value never leaves that band;
    steps NaN if it does not come back; both NaN without an event that has a step before it.
    """
    if event_step is None or event_step < 1 or event_step >= len(value):
        return {"shock_depth": NAN, "recovery_steps": NAN}
    usual = float(value[max(0, event_step - 10) : event_step].mean())
    is_below = value[event_step:] < usual - 0.01
    if not is_below.any():
        return {"shock_depth": 0.0, "recovery_steps": 0.0}
    left = int(np.argmax(is_below))
    back = np.flatnonzero(~is_below[left:])
    end = left + int(back[0]) if len(back) else len(is_below)
    depth = usual - float(value[event_step : event_step + end].min())
    return {"shock_depth": depth, "recovery_steps": float(end) if len(back) else NAN}


_REACH = ("captured", "silo_cost", "gain_realized", "gain_avoidable", "gain_out_of_reach")
NAMES = tuple(measure.name for measure in MEASURES)


def summary(trace, twins, people, scenario, columns, late: int, names: tuple[str, ...] = NAMES) -> dict[str, float]:
    """Measures of a run by name, those asked for; those of twins are NaN where no twins were run.

    ``columns``: at least the series named by ``series_for``.
    """
    asked = set(names)
    out = late_means({name: column for name, column in columns.items() if name in asked}, trace, late)
    for month in (36, 60):
        if f"value_{month}" in asked:
            out[f"value_{month}"] = value_at(columns["value"], month)
    if asked & set(_REACH):
        is_known = twins and scenario.game is None
        out |= reach(trace, twins, scenario.steps) if is_known else dict.fromkeys(_REACH, NAN)
    if asked & {"gini", "power_premium"}:
        has_ties = people.degree > 0
        income = trace.organizations["late_income"][has_ties] / people.degree[has_ties]
        out |= {"gini": gini(income), "power_premium": correlation(people.log_power[has_ties], income)}
    if asked & {"lifetime_median", "ended_5y"}:
        out |= lifetimes(trace)
    if "crossing_step" in asked:
        out["crossing_step"] = crossing_step(columns["mutual"])
    if asked & {"shock_depth", "recovery_steps"}:
        out |= shock(columns["value"], next((event.step for event in scenario.events if event.step > 0), None))
    return {name: out[name] for name in NAMES if name in asked}
