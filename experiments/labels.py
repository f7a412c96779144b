"""What a measure is called where people read it, and in which unit."""

from __future__ import annotations

import math
from functools import lru_cache

_NAMES = {
    "value": "value",
    "value_36": "value at month 36",
    "value_60": "value at month 60",
    "value_silo": "value if all stay apart",
    "first_best": "first-best value",
    "mutual": "mutual co-creation",
    "captured": "reachable gain captured",
    "silo_cost": "cost of silos",
    "gain_realized": "gain realized",
    "gain_avoidable": "left on the table (avoidable)",
    "gain_out_of_reach": "out of reach",
    "active": "ties active",
    "compete": "acts that compete",
    "cooperate": "acts that cooperate",
    "cocreate": "acts that co-create",
    "scarcity": "zero-sum mindset",
    "disposition": "trust in strangers",
    "toward": "conflicts met by turning toward",
    "against": "conflicts met by turning against",
    "gini": "inequality of income (Gini)",
    "power_premium": "income's correlation with power",
    "lifetime_median": "median life of a partnership",
    "ended_5y": "partnerships ended within five years",
    "crossing_step": "mutual co-creation above half from",
    "shock_depth": "depth of the shock",
    "recovery_steps": "time to recover",
    "shortfall": "shortfall from first best",
    "loss_missed": "missed chances",
    "loss_wasted": "wasted investment",
    "loss_relationship": "time for the relationship",
    "loss_visibility": "visibility seeking",
    "loss_tension": "unresolved tension",
}
# A fallback for when the table of measures cannot be read; the table itself is the authority.
_UNITS = {"value": "stakes per tie and month", "mutual": "share of ties", "captured": "share"}
HEADLINE = ("value", "mutual", "captured")
_ANY = (-math.inf, math.inf)
# What no run can leave, by unit. Other shares (captured, the three bars, the shortfall) may be negative or above 1.
_RANGE_OF_UNIT = {
    **dict.fromkeys(("share of acts", "share of ties", "share of active ties", "share of conflicts"), (0.0, 1.0)),
    **dict.fromkeys(("share of organizations", "0 to 1", "probability"), (0.0, 1.0)),
    **dict.fromkeys(("months", "step", "steps"), (0.0, math.inf)),
    "correlation": (-1.0, 1.0),
}
_RANGES = {"ended_5y": (0.0, 1.0), "shock_depth": (0.0, math.inf), "gini": (0.0, math.inf)}  # incomes may be negative


def name(measure: str) -> str:
    """The measure in words: ``mutual co-creation`` for ``mutual``; better-off rows keep their group."""
    head, _, group = measure.partition(": ")
    if head == "better_off":
        return f"organizations better off ({group})" if group else "organizations better off"
    return _NAMES.get(measure, measure.removeprefix("loss_").replace("_", " "))


def unit(measure: str) -> str:
    """The unit of a measure as the model's table of measures gives it; empty if it has none."""
    if measure.startswith("better_off"):
        return "share of organizations"
    return _units().get(measure, _UNITS.get(measure, ""))


def bounds(measure: str) -> tuple[float, float]:
    """The lowest and the highest value that a run can have, infinite where there is no limit."""
    return _RANGES.get(measure) or _RANGE_OF_UNIT.get(unit(measure), _ANY)


def axis(measure: str) -> str:
    """Name and unit for an axis, the unit on a line of its own."""
    return f"{name(measure)}\n({unit(measure)})" if unit(measure) else name(measure)


def headline(measures, n: int = 3) -> list[str]:
    """The measures to show first: value, mutual, captured where asked for, then the study's own order."""
    return ([m for m in HEADLINE if m in measures] + [m for m in measures if m not in HEADLINE])[:n]


def point(levels: dict) -> str:
    """A factor point in words: ``rivalry 0.1, network small-world``."""
    return ", ".join(f"{factor} {level(value)}" for factor, value in levels.items())


def level(value) -> str:
    """A factor level without float noise."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@lru_cache
def _units() -> dict[str, str]:
    try:
        from sim.measures import MEASURES
    except ImportError:  # the table of measures is a courtesy here, not a need
        return {}
    return {measure.name: measure.unit for measure in MEASURES}
