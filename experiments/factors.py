"""Factors: what a study varies, and the levels or the range of each one.

A factor is a scalar parameter or ``levers`` (all twelve at once). On a full grid its levels are a list or a range:
``[0.1, 0.25]``, ``{ from = 0, to = 1, points = 6 }`` or ``{ from = 0, to = 1, step = 0.2 }``. Where points are
sampled it is a range without points, ``{ from = 0, to = 1 }``, or a list of levels. A range may have a ``scale``.
"""

from __future__ import annotations

import math
from typing import Any

from experiments.errors import ScenarioError, StudyError, key_path, shown, suggestion
from experiments.spans import SCALES, Span
from sim.parameters import BY_NAME, LEVERS, Scenario

MOST_LEVELS = 1_000
_NO_POINTS = '; a range without them is for sampling, as in [sampling] method = "latin-hypercube"'
_KINDS = ("real", "integer", "choice")
# whether these are valid depends on other parameters; they are checked in every scenario they make
TOGETHER = ("degree", "n_organizations", "network", "organizations", "ties", "recruit")
_COMPLETE = Scenario().replace(network="complete")  # in which any degree and any number of organizations is valid


def read_factors(section: Any) -> dict[str, tuple]:
    """Levels by parameter name, in the order of the file; every level is a valid value of its parameter."""
    return {name: _levels(name, value) for name, value in _table(section).items()}


def read_spans(section: Any) -> dict[str, Span]:
    """What each factor may be where points are sampled, by parameter name, in the order of the file."""
    spans = {name: _span(name, value) for name, value in _table(section).items()}
    check_levers(spans)
    return spans


def check_levers(names, where: str = "") -> None:
    """All levers together and one of them cannot both vary freely. Raises StudyError."""
    single = next((name for name in names if name in LEVERS), None)
    if "levers" in names and single:
        key = where or key_path("factors", single)
        raise StudyError(
            f"{key}{': ' + single if where else ''} is one of the twelve that levers varies at once; remove one of "
            "the two", key=key,
        )  # fmt: skip


def kind_of(name: str) -> str:
    """``real``, ``integer`` or ``choice``; all levers together are real."""
    return "real" if name == "levers" else BY_NAME[name].kind


def _levels(name: str, value: Any, example: str = "{ from = 0, to = 1, points = 6 }") -> tuple:
    key = key_path("factors", name)
    check_name(name, key)
    levels = _range(name, value, key) if isinstance(value, dict) else value
    if not isinstance(levels, (list, tuple)):
        raise StudyError(f"{key} must be a list of levels or a range such as {example}, not {shown(value)}", key=key)
    if not levels:
        raise StudyError(f"{key} has no levels, so the study has no runs; give it some or remove it", key=key)
    levels = tuple(read_level(name, level, key) for level in levels)
    if len(set(levels)) < len(levels):
        twice = next(level for k, level in enumerate(levels) if level in levels[:k])
        raise StudyError(f"{key} has the level {twice!r} twice; give each level once", key=key)
    return levels


def check_name(name: str, key: str) -> None:
    """Only scalar parameters, and all levers together, can be factors. Raises StudyError."""
    if name != "levers" and name not in BY_NAME:
        raise StudyError(
            f"{key} is not a parameter{suggestion(name, (*BY_NAME, 'levers'))}; see 'positivesum describe parameters'",
            key=key,
        )
    if kind_of(name) not in _KINDS:
        raise StudyError(
            f"{key} is a {kind_of(name)} and cannot vary as a factor; use worlds or designs instead", key=key
        )


def read_level(name: str, level: Any, key: str):
    """The level in its canonical type, as the scenario itself reads it."""
    parameter = LEVERS[0] if name == "levers" else name
    if kind_of(name) == "choice" and not isinstance(level, str):
        raise StudyError(f"{key} must be a list of words, not one with {shown(level)}", key=key)
    if parameter in TOGETHER and isinstance(level, str):
        return level
    try:
        return getattr(_COMPLETE.replace(**{parameter: level}), parameter)
    except ScenarioError as error:
        message = str(error).removeprefix(parameter).lstrip()
        raise StudyError(f"{key} {message}", key=key) from None


def _table(section: Any) -> dict[str, Any]:
    if not isinstance(section, dict):
        raise StudyError(f"factors must be a table of names and levels, not {shown(section)}", key="factors")
    return section


def _span(name: str, value: Any) -> Span:
    key = key_path("factors", name)
    if not isinstance(value, dict):
        levels = _levels(name, value, example="{ from = 0, to = 1 }")
        if len(levels) < 2:
            raise StudyError(
                f"{key} has one level only, so it does not vary; give it more, or set it in [base]", key=key
            )
        return Span(levels=levels)
    check_name(name, key)
    if kind_of(name) == "choice":
        raise StudyError(f"{key} must be a list of words, not a range", key=key)
    for word in ("points", "step"):
        if word in value:
            raise StudyError(
                f"{key}.{word} belongs to a grid; remove it, because [sampling] decides how many points there are",
                key=f"{key}.{word}",
            )
    low, high, scale = _ends(value, key, ("from", "to", "scale"))
    low, high = (read_level(name, _tidy(end), f"{key}.{word}") for end, word in ((low, "from"), (high, "to")))
    is_count = kind_of(name) == "integer"
    return Span(low, high, scale == "log", is_count or scale == "integer", is_count)


def _range(name: str, table: dict, key: str) -> list:
    low, high, scale = _ends(table, key, ("from", "to", "points", "step", "scale"))
    if ("points" in table) == ("step" in table):
        raise StudyError(f"{key} must be a range with from, to and either points or step{_NO_POINTS}", key=key)
    if scale != "linear" and "step" in table:
        raise StudyError(f'{key}.step needs equal steps; give points instead with scale = "{scale}"', key=f"{key}.step")
    points = _points(table["points"], key) if "points" in table else _steps(low, high, _end(table, "step", key), key)
    ways = [k / (points - 1) for k in range(points)]
    if scale == "log":
        levels = [low, *(math.exp((1 - way) * math.log(low) + way * math.log(high)) for way in ways[1:-1]), high]
    else:
        levels = [low + (high - low) * k / (points - 1) for k in range(points)]
    is_rounded = scale == "integer" or (scale == "log" and kind_of(name) == "integer")
    return [math.floor(level + 0.5) if is_rounded else _tidy(level) for level in levels]


def _ends(table: dict, key: str, known: tuple[str, ...]) -> tuple[float, float, str]:
    """From, to and scale of a range."""
    for name in table:
        if name not in known:
            raise StudyError(f"{key} has an unknown key {name!r}{suggestion(name, known)}", key=key)
    if "from" not in table or "to" not in table:
        raise StudyError(f"{key} must be a range with from and to", key=key)
    low, high, scale = _end(table, "from", key), _end(table, "to", key), table.get("scale", "linear")
    if scale not in SCALES:
        raise StudyError(
            f"{key}.scale must be one of {' | '.join(SCALES)}, not {shown(scale)}{suggestion(scale, SCALES)}",
            key=f"{key}.scale",
        )
    if low >= high:
        raise StudyError(f"{key} must go from a smaller number to a larger one, not from {low:g} to {high:g}", key=key)
    if scale == "log" and low <= 0:
        raise StudyError(
            f'{key}.from must be above 0 on a logarithmic scale, not {low:g}; raise it or remove scale = "log"',
            key=f"{key}.from",
        )
    if scale == "integer" and not (low.is_integer() and high.is_integer()):
        raise StudyError(
            f'{key} must go from a whole number to a whole number with scale = "integer", not from {low:g} to {high:g}',
            key=key,
        )
    return low, high, scale


def _end(table: dict, name: str, key: str) -> float:
    value = table[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
        raise StudyError(f"{key}.{name} must be a finite number, not {shown(value)}", key=f"{key}.{name}")
    return float(value)


def _points(value: Any, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 2 <= value <= MOST_LEVELS:
        raise StudyError(
            f"{key}.points must be a whole number from 2 to {MOST_LEVELS}, not {shown(value)}", key=f"{key}.points"
        )
    return value


def _steps(low: float, high: float, step: float, key: str) -> int:
    """The number of points from low to high that are a whole number of steps apart."""
    if not step > 0 or not (high - low) / step < MOST_LEVELS:
        raise StudyError(
            f"{key}.step must be above 0 and give at most {MOST_LEVELS} levels, not {step:g}", key=f"{key}.step"
        )
    steps = round((high - low) / step)
    if steps < 1 or not math.isclose(low + steps * step, high, rel_tol=1e-9, abs_tol=1e-9 * step):
        raise StudyError(
            f"{key}.step must divide the way from {low:g} to {high:g} into whole steps, not {step:g}", key=f"{key}.step"
        )
    return steps + 1


def _tidy(value: float) -> float | int:
    """0.3 rather than 0.30000000000000004, and 3 rather than 3.0 (a parameter that counts needs whole numbers)."""
    value = float(f"{value:.12g}")
    return int(value) if value.is_integer() else value
