"""What a study compares: the names of its worlds and designs, and which of them the others are compared with."""

from __future__ import annotations

from typing import Any

from experiments.errors import StudyError, key_path, shown, suggestion

UNNAMED = "base"  # the name of the only world or design of a study that names none


def read_names(data: dict, key: str) -> tuple[str, ...]:
    """The names of the study's ``worlds`` or ``designs``, in the order of the file."""
    section = data.get(key)
    if section is None:
        return (UNNAMED,)
    if not isinstance(section, dict):
        raise StudyError(f"{key} must be tables such as [{key}.name], not {shown(section)}", key=key)
    if not section:
        raise StudyError(f"{key} is empty, so the study has no runs; name at least one or remove it", key=key)
    for name in section:
        if not name.strip() or not name.isprintable():
            raise StudyError(
                f"{key_path(key, name)} has a name that cannot be printed; give it a word or two",
                key=key_path(key, name),
            )
    return tuple(section)


def read_reference(table: Any, worlds, designs) -> tuple[str, str]:
    """The world and the design with which the others are compared: by default the first of each."""
    if not isinstance(table, dict):
        raise StudyError(
            f"reference must be a table {{ world = ..., design = ... }}, not {shown(table)}", key="reference"
        )
    known = {"world": worlds, "design": designs}
    for key, name in table.items():
        path = key_path("reference", key)
        if key not in known:
            raise StudyError(
                f"{path} is not a key of reference{suggestion(key, known)}; known are world, design", key=path
            )
        check_name(name, known[key], path, key)
    return table.get("world", worlds[0]), table.get("design", designs[0])


def check_name(name: Any, known: tuple[str, ...], path: str, what: str) -> None:
    """Raises StudyError where the name is none of the known ones."""
    if name not in known:
        raise StudyError(
            f"{path} must name a {what} of the study ({' | '.join(known)}), not {shown(name)}{suggestion(name, known)}",
            key=path,
        )


def read_against(section: dict, designs, reference: str) -> dict[str, str]:
    """For every design but the reference the design it is compared with: the reference, unless it names another."""
    against = {name: reference for name in designs if name != reference}
    for name in designs:
        table = section.get(name, {})
        if isinstance(table, dict) and "against" in table:
            path = key_path("designs", name, "against")
            check_name(table["against"], designs, path, "design")
            if table["against"] == name:
                raise StudyError(f"{path} names the design itself; name another or remove it", key=path)
            against[name] = table["against"]
    return against
