"""What is in force when: a run is cut into segments between the starts and ends of phases and events.

In each segment two records hold, one for ties inside the design (both ends take part) and one for the rest, where
every lever is 0. Rules read them by name, the same way in both engines (``p.synergy``).
"""

from __future__ import annotations

from collections import namedtuple
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sim import rules
from sim.parameters import BY_NAME, LEVERS, RULES, Scenario

_WHOLE = ("choice", "connection_steps", "is_game", "n_acts", "can_exit")
_REAL = tuple(
    p.name
    for p in BY_NAME.values()
    if p.kind == "real" and p.group in ("world", "behavior", "design") and p.name != "participants"
)
_POPULATION = ("hope", "prior_strength")
# The sum of the lever intensities; a scheduled shock of this very step; the shadow of the future, once for all.
_DERIVED = ("practice", "scarcity_shock", "shadow")
_CELLS = tuple(f"game_{a}{b}" for a in range(3) for b in range(3))

Terms = namedtuple("Terms", _REAL + _POPULATION + _DERIVED + _CELLS + _WHOLE)
Terms.__doc__ = "The parameters in force on a tie: world, behavior and lever intensities, with codes for choices."
TERMS_DTYPE = np.dtype([(name, "i8" if name in _WHOLE else "f8") for name in Terms._fields], align=True)

# Mechanisms of the stage game that an explicit game replaces.
_OFF_IN_GAMES = (
    "upkeep", "lever_cost", "crowding", "conflict_rate", "setback", "pretense", "review", "outreach",
    "alignment_rate", "connection_rate", "loyalty", "start_small", "connection_steps",
)  # fmt: skip


class Segment(NamedTuple):
    """Steps ``first`` to ``last`` - 1 and the terms inside and outside the design."""

    first: int
    last: int
    inside: Terms
    outside: Terms

    def records(self) -> np.ndarray:
        """Both terms as an array of records for compiled code, index 0 outside, 1 inside."""
        return np.array([tuple(self.outside), tuple(self.inside)], dtype=TERMS_DTYPE)


@lru_cache(maxsize=64)
def segments(scenario: Scenario) -> tuple[Segment, ...]:
    """The segments of a run, in order, without gaps, from step 0 to ``scenario.steps``."""
    cuts = {0, scenario.steps}
    cuts.update(phase.step for phase in scenario.phases)
    for event in scenario.events:
        cuts.update((event.step, event.step + (1 if event.kind == "scarcity" else event.duration)))
    edges = sorted(cut for cut in cuts if cut <= scenario.steps)
    return tuple(
        Segment(first, last, _terms(scenario, first, True), _terms(scenario, first, False))
        for first, last in pairwise(edges)
    )


def _terms(scenario: Scenario, step: int, is_inside: bool) -> Terms:
    values = {name: float(getattr(scenario, name)) for name in _REAL + _POPULATION}
    values |= _design(scenario, step) if is_inside else dict.fromkeys((*LEVERS, "connection_steps"), 0)
    values |= _shocked(scenario, step)
    is_game = scenario.game is not None
    if is_game:
        values |= dict.fromkeys(_OFF_IN_GAMES, 0.0)
        values |= {f"game_{a}{b}": cell for a, row in enumerate(scenario.game) for b, cell in enumerate(row)}
    n_acts = len(scenario.game) if is_game else 3
    if n_acts == 2:
        values["hope"] = 0.0
    values["practice"] = sum(values[name] for name in LEVERS)
    values["choice"] = RULES.index(scenario.choice)
    values["is_game"] = int(is_game)
    values["n_acts"] = n_acts
    values["can_exit"] = int(scenario.punishment == "exit" and not is_game)
    terms = Terms(**dict.fromkeys((*_CELLS, "shadow"), 0.0) | values)
    return terms._replace(shadow=rules.shadow_weight(terms))


def _design(scenario: Scenario, step: int) -> dict[str, float]:
    now = {name: getattr(scenario, name) for name in (*LEVERS, "connection_steps")}
    for phase in scenario.phases:
        if phase.step <= step:
            now.update(phase.changes)
    return now


def _shocked(scenario: Scenario, step: int) -> dict[str, float]:
    """The rates that scheduled events change at this step; of overlapping turnovers the latest holds."""
    values = {"conflict_rate": scenario.conflict_rate, "turnover": scenario.turnover, "scarcity_shock": 0.0}
    for event in scenario.events:
        if event.kind == "scarcity" and event.step == step:
            left = (1.0 - values["scarcity_shock"]) * (1.0 - event.size)
            values["scarcity_shock"] = 1.0 - left
        elif event.kind == "conflict" and event.step <= step < event.step + event.duration:
            values["conflict_rate"] += event.size
        elif event.kind == "turnover" and event.step <= step < event.step + event.duration:
            values["turnover"] = event.size
    return values
