"""Factors: what a study varies over a full grid, and the levels each one takes.

A factor is a scalar parameter or ``levers`` (all twelve at once). Its levels are a list or a range:
``[0.1, 0.25]``, ``{ from = 0, to = 1, points = 6 }`` or ``{ from = 0, to = 1, step = 0.2 }``.
"""

from __future__ import annotations

import math
from typing import Any

from experiments.errors import ScenarioError, StudyError, key_path, shown, suggestion
from sim.parameters import BY_NAME, LEVERS, Scenario

MOST_LEVELS = 1_000
_KINDS = ("real", "integer", "choice")
# whether these are valid depends on other parameters; they are checked in every scenario they make
TOGETHER = ("degree", "n_organizations", "network", "organizations", "ties", "recruit")
_COMPLETE = Scenario().replace(network="complete")  # in which any degree and any number of organizations is valid


def read_factors(section: Any) -> dict[str, tuple]:
    """Levels by parameter name, in the order of the file; every level is a valid value of its parameter."""
    if not isinstance(section, dict):
        raise StudyError(f"factors must be a table of names and levels, not {shown(section)}", key="factors")
    return {name: _levels(name, value) for name, value in section.items()}


def kind_of(name: str) -> str:
    """``real``, ``integer`` or ``choice``; all levers together are real."""
    return "real" if name == "levers" else BY_NAME[name].kind


def _levels(name: str, value: Any) -> tuple:
    key = key_path("factors", name)
    _check_name(name, key)
    levels = _range(value, key) if isinstance(value, dict) else value
    if not isinstance(levels, (list, tuple)):
        raise StudyError(
            f"{key} must be a list of levels or a range such as {{ from = 0, to = 1, points = 6 }}, not {shown(value)}",
            key=key,
        )
    if not levels:
        raise StudyError(f"{key} has no levels, so the study has no runs; give it some or remove it", key=key)
    levels = tuple(_level(name, level, key) for level in levels)
    if len(set(levels)) < len(levels):
        twice = next(level for k, level in enumerate(levels) if level in levels[:k])
        raise StudyError(f"{key} has the level {twice!r} twice; give each level once", key=key)
    return levels


def _check_name(name: str, key: str) -> None:
    if name != "levers" and name not in BY_NAME:
        raise StudyError(
            f"{key} is not a parameter{suggestion(name, (*BY_NAME, 'levers'))}; see 'positivesum describe parameters'",
            key=key,
        )
    if kind_of(name) not in _KINDS:
        raise StudyError(
            f"{key} is a {kind_of(name)} and cannot vary as a factor; use worlds or designs instead", key=key
        )


def _level(name: str, level: Any, key: str):
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


def _range(table: dict, key: str) -> list:
    known = ("from", "to", "points", "step")
    for name in table:
        if name not in known:
            raise StudyError(f"{key} has an unknown key {name!r}{suggestion(name, known)}", key=key)
    if "from" not in table or "to" not in table or ("points" in table) == ("step" in table):
        raise StudyError(f"{key} must be a range with from, to and either points or step", key=key)
    low, high = _end(table, "from", key), _end(table, "to", key)
    if low >= high:
        raise StudyError(f"{key} must go from a smaller number to a larger one, not from {low:g} to {high:g}", key=key)
    points = _points(table["points"], key) if "points" in table else _steps(low, high, _end(table, "step", key), key)
    return [_tidy(low + (high - low) * k / (points - 1)) for k in range(points)]


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
