"""The words of a scenario: what a parameter is, the choices there are, and the tables inside a scenario."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

GROUPS = ("world", "behavior", "population", "design", "time")
LEVERS = (
    "listening", "shared_values", "start_small", "turn_toward", "curiosity", "celebration",
    "accountability", "structure", "milestones", "commitment", "shared_investment", "convening",
)  # fmt: skip
RULES = ("belief", "reciprocal", "experience")
NETWORKS = (
    "small-world", "random", "scale-free", "core-periphery", "pairs", "complete", "sectors", "file",
)  # fmt: skip
RECRUITS = ("random", "hubs", "periphery", "powerful", "cluster")
EVENT_KINDS = ("turnover", "scarcity", "conflict")


class Parameter(NamedTuple):
    """One row of the parameter table, as ``positivesum describe parameters`` prints it."""

    name: str
    group: str
    kind: str  # "real", "integer", "choice", "path" or "table"
    default: Any
    low: float | None
    high: float | None
    open_low: bool  # whether the lower end itself is excluded
    open_high: bool  # whether the upper end itself is excluded
    unit: str
    meaning: str
    source: str
    choices: tuple[str, ...]

    @property
    def interval(self) -> str:
        """The interval as text, such as ``[0, 1)``; choices are listed."""
        if self.choices:
            return " | ".join(self.choices)
        if self.kind not in ("real", "integer"):
            return ""
        low = "(-inf" if self.low is None else f"{'(' if self.open_low else '['}{self.low:g}"
        high = "inf)" if self.high is None else f"{self.high:g}{')' if self.open_high else ']'}"
        return f"{low}, {high}"


@dataclass(frozen=True)
class Event:
    """A scheduled event: ``kind`` from EVENT_KINDS, first ``step``, ``size`` in [0, 1], ``duration`` in steps.

    turnover: the probability of a change of leadership is ``size`` while it lasts.
    scarcity: once, ``z += size (1 - z)`` for all. conflict: ``conflict_rate + size`` while it lasts.
    """

    kind: str
    step: int
    size: float
    duration: int = 1


@dataclass(frozen=True)
class Phase:
    """From ``step`` on, the given levers (and ``connection_steps``) take new values; the rest stay."""

    step: int
    changes: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Sector:
    """A kind of organization: its share of all, and what differs from the population's parameters.

    ``power`` is the median power; ``values`` and ``focus`` are centres on the ring [0, 1) around which members
    scatter with standard deviation ``spread`` (None: uniform on the ring); None elsewhere: the population's.
    """

    name: str
    share: float
    power: float = 1.0
    intention: float | None = None
    trust: float | None = None
    scarcity: float | None = None
    values: float | None = None
    focus: float | None = None
    spread: float = 0.1
