"""The tables of parameters, levers and measures, for a terminal or for a machine."""

from __future__ import annotations

import shutil
import textwrap
from typing import Any

SUBJECTS = ("parameters", "levers", "measures")
# words of a study that stand for several measures: name, unit, meaning
SHORTHANDS = (
    ("better_off", "share", "who gains: organizations that earn more than in the design compared with, by power third"),
    ("bars", "share of first-best gain", "stands for gain_realized, gain_avoidable and gain_out_of_reach"),
    ("losses", "share of first best", "stands for shortfall and its parts, the twelve measures loss_..."),
)
DESIGN = ("connection_steps", "participants", "recruit", "phases")
EXAMPLES = {
    "levers": "levers = 0.3",
    "connection_steps": "connection_steps = 6",
    "participants": "participants = 0.4",
    "recruit": 'recruit = "hubs"',
    "phases": "phases = [{ step = 24, levers = 0.8, connection_steps = 0 }]",
    "events": 'events = [{ kind = "turnover", step = 60, size = 0.5, duration = 3 }]',
    "sectors": 'sectors = [{ name = "funder", share = 0.2, power = 4 }, { name = "community", share = 0.8 }]',
}


def rows_of(subject: str) -> list[dict[str, Any]]:
    """One dictionary per parameter, lever or measure, and per word that stands for several."""
    if subject == "measures":
        from sim.measures import MEASURES

        words = [{"name": n, "unit": unit, "meaning": said, "kind": "run", "needs": ""} for n, unit, said in SHORTHANDS]
        return [measure._asdict() for measure in MEASURES] + words
    from sim.parameters import LEVERS, PARAMETERS

    if subject == "parameters":
        return [_plain(p) for p in PARAMETERS]
    levers = [_plain(p) for p in PARAMETERS if p.name in LEVERS]
    together = levers[0] | {"name": "levers", "meaning": "all twelve at once, before any named singly"}
    together |= {"source": "", "example": EXAMPLES["levers"]}
    return [*levers, together, *(_plain(p) for p in PARAMETERS if p.name in DESIGN)]


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
    indented += [f"    Example: {row['example']}"] if row.get("example") else []
    return "\n".join([_wrapped(head, width, "", "    "), *indented])


def _wrapped(line: str, width: int, first: str, then: str | None = None) -> str:
    return textwrap.fill(line, max(width, 20), initial_indent=first, subsequent_indent=first if then is None else then)


def _shown(value: Any) -> str:
    return "none" if value in (None, "", (), []) else str(value)


def _plain(parameter) -> dict[str, Any]:
    names = ("name", "group", "kind", "default", "unit", "interval", "low", "high", "meaning", "source")
    row = {name: getattr(parameter, name) for name in names} | {"choices": list(parameter.choices)}
    row |= {"example": EXAMPLES[parameter.name]} if parameter.name in EXAMPLES else {}
    return row | {"default": list(row["default"]) if isinstance(row["default"], tuple) else row["default"]}
