"""Keeps rows in results/benchmarks.json and shows them in docs/performance.md, between the marks it leaves there."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from benchmarks.measured import ROOT, Row
from sim.jit import code_hash

KEPT = ROOT / "results" / "benchmarks.json"
PAGE = ROOT / "docs" / "performance.md"
PACKAGES = ("numba", "llvmlite", "numpy", "mesa", "networkx", "distributed")
_MARKS = "<!-- begin {0} -->\n", "<!-- end {0} -->"


def keep(name: str, title: str, rows: list[Row], reason: str, seconds: float) -> None:
    """Stores a comparison, with when, where and on which code it was measured."""
    stored = _stored()
    stored["comparisons"][name] = {
        "title": title,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "code": code_hash(),
        "machine": machine(),
        "not_measured_because": reason,
        "rows": [row._asdict() | {"verdict": row.verdict()} for row in rows],
    }
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n")


def _stored() -> dict:
    try:
        stored = json.loads(KEPT.read_text())
    except (OSError, ValueError):
        stored = {}
    return stored if "comparisons" in stored else {"comparisons": {}}


def machine() -> dict[str, str | int | None]:
    """What a number depends on besides the code."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "compiler": _compiler(),
        **{name: _version(name) for name in PACKAGES},
    }


def _processor() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found.group(1).strip() if found else platform.processor()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _compiler() -> str:
    from benchmarks.reference import NoCompiler, compiler

    try:
        said = subprocess.run([*compiler(), "--version"], capture_output=True, text=True, timeout=20).stdout
    except (NoCompiler, OSError, subprocess.TimeoutExpired):
        return ""
    return re.sub(r"\s*\(.*?\)", "", said.splitlines()[0]) if said else ""


# --- how they are shown ---


def number(value: float) -> str:
    """Three digits, or the whole number where it is longer."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}"


def line(row: Row) -> str:
    """A row for the terminal."""
    span = f"{number(row.median):>9} [{number(row.low)}, {number(row.high)}] {row.unit}"
    return f"{row.name:<62} {span:<46} {_aim(row):>10}  {row.verdict()}".rstrip()


def _aim(row: Row) -> str:
    return "" if row.aim is None else f"{'≤' if row.is_ceiling else '≥'} {row.aim:g}"


def _table(kept: dict) -> str:
    if not kept["rows"]:
        return f"Not measured: {kept['not_measured_because']}.\n"
    rows = [Row(**{name: each[name] for name in Row._fields}) for each in kept["rows"]]
    lines = ["| what | median [smallest, largest] | aim | |", "| --- | --- | --- | --- |"]
    for row in rows:
        span = f"{number(row.median)} [{number(row.low)}, {number(row.high)}] {row.unit}"
        lines.append(f"| {row.name} | {span} | {_aim(row)} | {row.verdict()} |")
    return "\n".join(lines) + f"\n\nMeasured {kept['measured'][:10]}, code {kept['code']}.\n"


def _aims(comparisons: dict, order: list[str]) -> str:
    lines = ["| aim | found | |", "| --- | --- | --- |"]
    for name in order:
        for each in comparisons.get(name, {}).get("rows", ()):
            row = Row(**{field: each[field] for field in Row._fields})
            if row.aim is not None:
                found = f"{number(row.median)} [{number(row.low)}, {number(row.high)}]"
                lines.append(f"| {row.name}: {_aim(row)} {row.unit} | {found} | {row.verdict()} |")
    return "\n".join(lines) + "\n"


def _machines(comparisons: dict) -> str:
    """The machine, once for each that comparisons were measured on."""
    by_machine: dict[str, list[str]] = {}
    for name, kept in comparisons.items():
        told = ", ".join(f"{key} {value}" for key, value in kept["machine"].items() if value)
        by_machine.setdefault(told, []).append(name)
    if len(by_machine) == 1:
        return f"All measured on: {next(iter(by_machine))}.\n"
    return "\n".join(f"- {', '.join(names)}: {told}." for told, names in by_machine.items()) + "\n"


def publish(order: list[str]) -> None:
    """Puts the tables of what is kept between the marks of docs/performance.md; the prose around them stays."""
    comparisons = _stored()["comparisons"]
    page = PAGE.read_text()
    page = _placed(page, "machine", _machines(comparisons))
    page = _placed(page, "aims", _aims(comparisons, order))
    for name in order:
        if name in comparisons:
            page = _placed(page, name, _table(comparisons[name]))
    PAGE.write_text(page)


def _placed(page: str, name: str, text: str) -> str:
    begin, end = (mark.format(name) for mark in _MARKS)
    if begin not in page or end not in page:
        raise ValueError(f"docs/performance.md has no place for {name}: {begin.strip()} ... {end}")
    before, _, rest = page.partition(begin)
    return before + begin + text + end + rest.partition(end)[2]
