"""How many replicates a study asks for: a number, or as many as a given width of an interval takes.

replicates = 24
replicates = { until = { measure = "value", half_width = 0.005 }, min = 10, max = 500 }
"""

from __future__ import annotations

from typing import Any, NamedTuple

from experiments.errors import StudyError, shown, suggestion

DEFAULT = 24
MOST = 1_000_000
FEWEST = 6  # below it no bootstrap interval reaches 95 %, so no width can be trusted
DEFAULT_LEAST, DEFAULT_MOST = 10, 500


class Until(NamedTuple):
    """Replicates are added to a comparison until the 95 % interval of ``measure`` is no wider than ``half_width`` to
    either side: that of its paired difference, or of its mean where nothing is compared. ``least`` are run first."""

    measure: str
    half_width: float
    least: int


def read_replicates(value: Any, measures: tuple[str, ...]) -> tuple[int, Until | None]:
    """The number of replicates, at most, and the rule that may stop earlier. Raises StudyError."""
    if not isinstance(value, dict):
        return _whole(value, "replicates", 1), None
    for name in value:
        if name not in ("until", "min", "max"):
            raise StudyError(
                f"replicates.{name} is not a key of replicates{suggestion(name, ('until', 'min', 'max'))}; "
                "known are until, min, max", key=f"replicates.{name}"
            )  # fmt: skip
    if not isinstance(value.get("until"), dict):
        raise StudyError(
            "replicates must be a whole number or a table such as "
            '{ until = { measure = "value", half_width = 0.005 }, min = 10, max = 500 }',
            key="replicates.until",
        )
    least = _whole(value.get("min", DEFAULT_LEAST), "replicates.min", FEWEST)
    most = _whole(value.get("max", max(least, DEFAULT_MOST)), "replicates.max", least)
    return most, Until(*_until(value["until"], measures), least)


def _until(table: dict[str, Any], measures: tuple[str, ...]) -> tuple[str, float]:
    known = ("measure", "half_width")
    for name in table:
        if name not in known:
            raise StudyError(
                f"replicates.until.{name} is not a key of until{suggestion(name, known)}; known are {', '.join(known)}",
                key=f"replicates.until.{name}",
            )
    for name in known:
        if name not in table:
            raise StudyError(f"replicates.until needs {name}; add it", key=f"replicates.until.{name}")
    measure, width = table["measure"], table["half_width"]
    if measure not in measures:
        raise StudyError(
            f"replicates.until.measure must be one of the measures of the study ({', '.join(measures)}), "
            f"not {shown(measure)}{suggestion(str(measure), measures)}",
            key="replicates.until.measure",
        )
    if isinstance(width, bool) or not isinstance(width, (int, float)) or not 0 < width < 1e300:
        raise StudyError(
            f"replicates.until.half_width must be a number above 0, in the unit of {measure}, not {shown(width)}",
            key="replicates.until.half_width",
        )
    return measure, float(width)


def _whole(value: Any, key: str, low: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= MOST:
        no_runs = ", so the study has no runs" if value == 0 and not isinstance(value, bool) else ""
        raise StudyError(f"{key} must be a whole number from {low} to {MOST}, not {shown(value)}{no_runs}", key=key)
    return value
