"""Layers: what one part of a study changes in the scenario below it.

A layer is a table of parameters; it may also name a ``preset`` and set all twelve ``levers`` at once. Within a layer
the preset goes first, then the levers, then parameters named singly; the layers of a study lie on one another as
base, world, design, factors, settings from the command line.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from experiments.errors import PositiveSumError, ScenarioError, StudyError, key_path, shown, suggestion
from experiments.factors import TOGETHER
from sim.parameters import BY_NAME, LEVERS, PRESETS, Scenario

IN_THE_FILES = ("n_organizations", "degree", "rewiring", "density_within", "density_between")


class Layer(NamedTuple):
    """Changes to a scenario by parameter name, and where each was written (its path, as TOML writes it)."""

    changes: dict[str, Any]
    written: dict[str, str]


def read_layer(section: Any, *where: str, folder: Path) -> Layer:
    """The layer that stands at ``where`` in the study; paths of CSV files are relative to ``folder``."""
    if not isinstance(section, dict):
        path = key_path(*where)
        raise StudyError(f"{path} must be a table of parameters, not {shown(section)}", key=path)
    for name in section:
        if name not in ("preset", "levers"):
            _check_known(name, key_path(*where, name))
    layer = _expanded(section, where, folder)
    for name, value in layer.changes.items():
        _check_alone(name, value, layer.written[name])
    return layer


def factor_layer(point: dict[str, Any]) -> Layer:
    """The layer of one point of the factors, whose levels have been checked when they were read."""
    return _expanded(point, ("factors",), Path())


def scenario_of(layers: list[Layer], context: str = "") -> Scenario:
    """The scenario that the layers make, one on the other; an error names the key that was written last.

    Raises StudyError; ``context`` says which world, design and point it is about.
    """
    changes: dict[str, Any] = {}
    written: dict[str, str] = {}
    for layer in layers:
        changes |= layer.changes
        written |= layer.written
    try:
        scenario = Scenario().replace(**changes)
    except PositiveSumError as error:
        name = error.key or ""
        raise _named(error, name, written.get(name, name), changes.get(name), context) from None
    if scenario.network == "file":
        named_by = max((k for k, layer in enumerate(layers) if "network" in layer.changes), default=0)
        check_left_to_files(layers[named_by:])
    return scenario


def check_left_to_files(layers: list[Layer]) -> None:
    """What observed networks say for themselves may not be set as well. Raises StudyError."""
    for layer in layers:
        for name in IN_THE_FILES:
            if name in layer.changes:
                where = layer.written[name]
                which = "" if where.endswith(name) else f" sets {name}, which"  # a preset sets several
                raise StudyError(f"{where}{which} is set by the CSV files; remove it", key=where)


def _check_known(name: str, path: str) -> None:
    if name not in BY_NAME:
        known = (*BY_NAME, "levers", "preset")
        raise StudyError(
            f"{path} is not a parameter{suggestion(name, known)}; see 'positivesum describe parameters'", key=path
        )


def _check_alone(name: str, value: Any, path: str) -> None:
    """A value that no other parameter could make valid is named where it stands, even if another layer hides it."""
    if name in TOGETHER:
        return
    try:
        Scenario().replace(**{name: value})
    except ScenarioError as error:
        raise _named(error, name, path, value) from None


def _named(error: PositiveSumError, name: str, path: str, value: Any, context: str = "") -> StudyError:
    """The error with the path at which the study sets the parameter, down to the entry of a list of tables."""
    key, fault = path, str(error).removeprefix(name)
    if BY_NAME.get(name) and BY_NAME[name].kind == "table" and name != "game":
        if isinstance(value, (list, tuple)):
            entry = next((k for k, row in enumerate(value, 1) if _fault_of(name, [row]) == str(error)), None)
            path += f"[{entry}]" if entry else ""
            context = (f" (table {entry} of {len(value)})" if entry and len(value) > 1 else "") + context
            fault = re.sub(r"^ (kind|name) must", r".\1 must", fault)
        else:
            fault += f"; write [[{path}]] above each of them" if not path.startswith("--set") else ""
    return StudyError(f"{path}{fault if fault.startswith('.') else ' ' + fault.lstrip()}{context}", key=key)


def _fault_of(name: str, value: Any) -> str:
    try:
        Scenario().replace(**{name: value})
    except ScenarioError as error:
        return str(error)
    return ""


def entries_too_late(layers: list[Layer], scenario: Scenario) -> list[str]:
    """Where events and phases are written that start only after the last step, such as ``base.events[1].step = 60``."""
    late = []
    for name in ("events", "phases"):
        layer = next((layer for layer in reversed(layers) if name in layer.changes), None)
        for entry, row in enumerate(layer.changes[name] if layer else (), 1):
            if row["step"] >= scenario.steps:
                late.append(f"{layer.written[name]}[{entry}].step = {row['step']:g}")
    return late


def _preset(name: Any, path: str) -> dict[str, Any]:
    if not isinstance(name, str) or name not in PRESETS:
        raise StudyError(
            f"{path} must be one of {' | '.join(PRESETS)}, not {shown(name)}{suggestion(name, PRESETS)}", key=path
        )
    return dict(PRESETS[name])


def _placed(name: str, value: Any, folder: Path) -> Any:
    """Paths of files as one would type them here, everything else as it is."""
    is_path = BY_NAME[name].kind == "path" and isinstance(value, str) and value
    if not is_path:
        return value
    path = folder / value
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _expanded(section: dict[str, Any], where: tuple[str, ...], folder: Path) -> Layer:
    """The preset, the twelve levers and the single parameters of a layer, in this order."""
    singles = {name: value for name, value in section.items() if name not in ("preset", "levers")}
    written = {name: key_path(*where, name) for name in section}
    changes: dict[str, Any] = {}
    if "preset" in section:
        changes |= _preset(section["preset"], written["preset"])
        written = dict.fromkeys(changes, written.pop("preset")) | written
    if "levers" in section:
        changes |= dict.fromkeys(LEVERS, section["levers"])
        written = dict.fromkeys(LEVERS, written.pop("levers")) | written
    changes |= {name: _placed(name, value, folder) for name, value in singles.items()}
    return Layer(changes, written)
