"""The door: turns what a user gives for a parameter into a checked, frozen value, or says what is wrong with it."""

from __future__ import annotations

import dataclasses
import math
import numbers
from typing import Any

from sim.errors import ScenarioError, suggestion
from sim.vocabulary import EVENT_KINDS, LEVERS, RECRUITS, Event, Parameter, Phase, Sector


def checked(values: dict[str, Any], parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    """Every parameter's value in its canonical type. Raises ScenarioError with the first fault."""
    values = {p.name: _READERS[p.kind](p, values[p.name]) for p in parameters}
    _check_together(values)
    return values


def _fault(name: str, message: str) -> ScenarioError:
    return ScenarioError(f"{name} {message}", key=name)


def _shown(value: Any) -> str:
    """A value as a sentence can hold it."""
    if isinstance(value, int) and abs(value) > 10**30:
        return "a number of so many digits"
    text = f"{value:g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _real(p, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise _fault(p.name, f"must be a number in {p.interval}, not {_shown(value)}")
    try:
        value = float(value)
    except OverflowError:
        value = math.inf
    return _within(p, value)


def _integer(p, value: Any) -> int:
    is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_whole and isinstance(value, numbers.Real) and not isinstance(value, bool):
        is_whole = math.isfinite(value) and int(value) == value
    if not is_whole:
        raise _fault(p.name, f"must be a whole number in {p.interval}, not {_shown(value)}")
    return _within(p, int(value))


def _within(p, value):
    if isinstance(value, float) and not math.isfinite(value):
        raise _fault(p.name, f"must be a finite number in {p.interval}, not {value}")
    below = p.low is not None and (value < p.low or (p.open_low and value == p.low))
    above = p.high is not None and (value > p.high or (p.open_high and value == p.high))
    if below or above:
        raise _fault(p.name, f"must lie in {p.interval}, not {_shown(value)}")
    return value


def _choice(p, value: Any) -> str:
    if not isinstance(value, str):
        raise _fault(p.name, f"must be one of {p.interval}, not {_shown(value)}")
    if value not in p.choices and p.name != "recruit":  # a sector's name may stand there; checked together below
        raise _fault(p.name, f"must be one of {p.interval}, not {value!r}{suggestion(value, p.choices)}")
    return str(value)


def _path(p, value: Any) -> str:
    if not isinstance(value, str):
        raise _fault(p.name, f"must be the path of a CSV file, not {_shown(value)}")
    return value


def _table(p, value: Any):
    return {"game": _game, "sectors": _sectors, "phases": _phases, "events": _events}[p.name](value)


_READERS = {"real": _real, "integer": _integer, "choice": _choice, "path": _path, "table": _table}


def _rows(name: str, value: Any) -> list[dict[str, Any]]:
    """A list of tables, from dicts or from the frozen forms themselves."""

    if isinstance(value, dict) or not isinstance(value, (list, tuple)):
        raise _fault(name, f"must be a list of tables, not {_shown(value)}")
    rows = []
    for item in value:
        if isinstance(item, Phase):
            item = {"step": item.step, **dict(item.changes)}
        elif dataclasses.is_dataclass(item) and not isinstance(item, type):
            item = dataclasses.asdict(item)
        if not isinstance(item, dict):
            raise _fault(name, f"must be a list of tables, not a list with {_shown(item)}")
        rows.append(item)
    return rows


def _known(name: str, row: dict, known: tuple[str, ...], required: tuple[str, ...]) -> None:
    for key in row:
        if key not in known:
            raise _fault(name, f"has an unknown key {key!r}{suggestion(key, known)}")
    for key in required:
        if key not in row:
            raise _fault(name, f"lacks the key {key!r} in {_shown(row)}")


def _part(name: str, key: str, value: Any, low=None, high=None, *, whole=False, open_low=False, open_high=False):
    """One number inside a table, checked like a parameter called ``name.key``."""

    kind = "integer" if whole else "real"
    p = Parameter(f"{name}.{key}", "", kind, None, low, high, open_low, open_high, "", "", "", ())
    return _integer(p, value) if whole else _real(p, value)


def _game(value: Any):
    if value is None:
        return None
    try:
        rows = [list(row) for row in value]
    except TypeError:
        raise _fault("game", f"must be a 2x2 or 3x3 table of numbers, not {_shown(value)}") from None
    if len(rows) not in (2, 3) or any(len(row) != len(rows) for row in rows):
        raise _fault("game", "must be a 2x2 or 3x3 table (rows own act, columns partner's)")
    return tuple(tuple(_part("game", f"row {i}", cell, -1e6, 1e6) for cell in row) for i, row in enumerate(rows))


def _events(value: Any):

    events = []
    for row in _rows("events", value):
        _known("events", row, ("kind", "step", "size", "duration"), ("kind", "step", "size"))
        if row["kind"] not in EVENT_KINDS:
            near = suggestion(row["kind"], EVENT_KINDS)
            raise _fault("events", f"kind must be one of {' | '.join(EVENT_KINDS)}, not {_shown(row['kind'])}{near}")
        step = _part("events", "step", row["step"], 0, 10_000_000, whole=True)
        size = _part("events", "size", row["size"], 0.0, 1.0)
        events.append(
            Event(
                row["kind"], step, size, _part("events", "duration", row.get("duration", 1), 1, 10_000_000, whole=True)
            )
        )
    return tuple(sorted(events, key=lambda e: (e.step, e.kind, e.duration, e.size)))


def _phases(value: Any):

    phases = []
    for row in _rows("phases", value):
        known = ("step", "levers", *LEVERS, "connection_steps")
        _known("phases", row, known, ("step",))
        row = dict(row)
        step = _part("phases", "step", row.pop("step"), 0, 10_000_000, whole=True)
        if "levers" in row:
            row = dict.fromkeys(LEVERS, row.pop("levers")) | row
        changes = [
            (
                key,
                _part("phases", key, row[key], 0, whole=True)
                if key == "connection_steps"
                else _part("phases", key, row[key], 0.0, 1.0),
            )
            for key in known
            if key in row
        ]
        phases.append(Phase(step, tuple(changes)))
    if len({phase.step for phase in phases}) < len(phases):
        raise _fault("phases", "start twice at the same step; merge them into one")
    return tuple(sorted(phases, key=lambda phase: phase.step))


def _sectors(value: Any):

    known = ("name", "share", "power", "intention", "trust", "scarcity", "values", "focus", "spread")
    bounds = {
        "share": (0.0, None), "intention": (-1.0, 1.0), "trust": (0.0, 1.0), "scarcity": (0.0, 1.0),
        "spread": (0.0, None),
    }  # fmt: skip
    sectors = []
    for row in _rows("sectors", value):
        row = {key: v for key, v in row.items() if v is not None}
        _known("sectors", row, known, ("name", "share"))
        if not isinstance(row["name"], str) or not row["name"] or row["name"] in RECRUITS:
            raise _fault("sectors", f"name must be a word other than {' | '.join(RECRUITS)}, not {_shown(row['name'])}")
        numbers_ = {key: _part("sectors", key, row[key], *bounds[key]) for key in bounds if key in row}
        for key in ("values", "focus"):
            if key in row:
                numbers_[key] = _part("sectors", key, row[key], 0.0, 1.0, open_high=True)
        if "power" in row:
            numbers_["power"] = _part("sectors", "power", row["power"], 0.0, open_low=True)
        sectors.append(Sector(name=row["name"], **numbers_))
    if len({s.name for s in sectors}) < len(sectors):
        raise _fault("sectors", "name the same sector twice; give each its own name")
    if sectors and not sum(s.share for s in sectors) > 0:
        raise _fault("sectors", "need shares that add up to more than 0")
    return tuple(sectors)


def _check_together(values: dict[str, Any]) -> None:
    """Faults that no single parameter shows."""

    n, degree = values["n_organizations"], values["degree"]
    if values["network"] in ("small-world", "random", "scale-free", "core-periphery") and degree > n - 1:
        raise _fault(
            "degree", f"must be at most n_organizations - 1 = {n - 1}, not {degree:g}; lower it or add organizations"
        )
    if values["network"] == "pairs" and n % 2:
        raise _fault("n_organizations", f"must be even for network = 'pairs', not {n}")
    if values["network"] == "file" and not (values["organizations"] and values["ties"]):
        raise _fault("network", "is 'file', which needs the paths of both CSV files: organizations and ties")
    if (values["organizations"] or values["ties"]) and values["network"] != "file":
        raise _fault(
            "organizations" if values["organizations"] else "ties", "is read only with network = 'file'; set that too"
        )
    names = [s.name for s in values["sectors"]]
    if values["network"] == "sectors" and not names:
        raise _fault("network", "is 'sectors', which needs a table of sectors")
    recruit = values["recruit"]
    if recruit not in RECRUITS and recruit not in names and values["network"] != "file":
        known = (*RECRUITS, *names)
        raise _fault("recruit", f"must be one of {' | '.join(known)}, not {recruit!r}{suggestion(recruit, known)}")
