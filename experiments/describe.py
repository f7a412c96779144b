"""The tables of parameters, levers and measures, for a terminal or for a machine."""

from __future__ import annotations

import shutil
import textwrap
from typing import Any

SUBJECTS = ("parameters", "levers", "measures")


def rows_of(subject: str) -> list[dict[str, Any]]:
    """One dictionary per parameter, lever or measure."""
    if subject == "measures":
        from sim.measures import MEASURES

        return [measure._asdict() for measure in MEASURES]
    from sim.parameters import LEVERS, PARAMETERS

    chosen = [p for p in PARAMETERS if subject == "parameters" or p.name in LEVERS]
    return [_plain(p) for p in chosen]


def text_of(subject: str, width: int = 0) -> str:
    """The rows as text no wider than the terminal."""
    width = width or min(shutil.get_terminal_size((100, 24)).columns, 120)
    blocks, group = [], None
    for row in rows_of(subject):
        if row.get("group", "") != group:
            group = row.get("group", "")
            blocks += [f"{group.upper()}\n"] if group else []
        blocks.append(_block(row, width))
    return "\n".join(blocks)


def _block(row: dict[str, Any], width: int) -> str:
    facts = [row["unit"], row.get("interval"), f"default {_shown(row['default'])}" if "default" in row else None]
    facts += [{"series": "per step and per run", "run": "per run"}.get(row["kind"])] if "default" not in row else []
    lines = [f"{row['name']}  ({'; '.join(fact for fact in facts if fact)})", row["meaning"]]
    if row.get("source"):
        lines.append(row["source"] if row["source"].startswith("Our assumption") else f"Source: {row['source']}")
    head, *rest = lines
    indented = [_wrapped(line, width, "    ") for line in rest]
    return "\n".join([_wrapped(head, width, "", "    "), *indented])


def _wrapped(line: str, width: int, first: str, then: str | None = None) -> str:
    return textwrap.fill(line, max(width, 20), initial_indent=first, subsequent_indent=first if then is None else then)


def _shown(value: Any) -> str:
    return "none" if value in (None, "", (), []) else str(value)


def _plain(parameter) -> dict[str, Any]:
    names = ("name", "group", "kind", "default", "unit", "interval", "low", "high", "meaning", "source")
    row = {name: getattr(parameter, name) for name in names} | {"choices": list(parameter.choices)}
    return row | {"default": list(row["default"]) if isinstance(row["default"], tuple) else row["default"]}
