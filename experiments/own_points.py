"""Points of one's own: a CSV file with a column for each parameter and a row for each point."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

from experiments.errors import StudyError, suggestion
from experiments.factors import check_levers, check_name, kind_of, read_level
from sim.parameters import BY_NAME, LEVERS

KEY = "sampling.file"


def read_own_points(path: Path) -> dict[str, list[Any]]:
    """The values by parameter name, as they stand in the file. Raises StudyError naming line, column and remedy."""
    header, lines, rows = _rows(path, _text(path))
    for name in header:
        _check_column(path, name, header)
    _checked(path, 1, None, check_levers, header, KEY)
    columns = {name: _column(path, name, [row[k] for row in rows], lines) for k, name in enumerate(header)}
    _check_once(path, list(zip(*columns.values(), strict=True)), lines)
    return columns


def _fault(path: Path, message: str, line: int | None = None, column: str | None = None) -> StudyError:
    where = (f", line {line}" if line else "") + (f", column {column!r}" if column is not None else "")
    return StudyError(f"{KEY}: {path}{where}: {message}", key=KEY)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _fault(path, "is not UTF-8 text; save it as 'CSV UTF-8'") from None
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", "") or "not a path").lower()
        raise _fault(path, f"cannot be read ({reason}); check the path, which is relative to the study file") from None


def _rows(path: Path, text: str) -> tuple[list[str], list[int], list[list[str]]]:
    """The header, the line of each row, and its cells without surrounding blanks; blank lines are skipped."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header, lines, rows, line = [], [], [], 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if header and any(cells):
                if len(cells) != len(header):
                    message = f"has {len(cells)} cells where the header has {len(header)}; add or remove commas"
                    raise _fault(path, message, line)
                lines.append(line)
                rows.append(cells)
            elif any(cells):
                header = cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise _fault(path, f"is not well-formed CSV ({error}); check its quotes", line) from None
    if not header:
        raise _fault(path, "is empty; give it a first line with the names of parameters")
    if not rows:
        raise _fault(path, "has a header but no points; add a line for each point")
    return header, lines, rows


def _check_column(path: Path, name: str, header: list[str]) -> None:
    for mark, words in ((";", "';'"), ("\t", "tabs"), ("|", "'|'")):
        if mark in name:
            raise _fault(path, f"columns are separated by {words}: save it with commas", 1)
    if not name:
        raise _fault(path, "a column has no name; name its parameter or remove it", 1)
    if header.count(name) > 1:
        raise _fault(path, "this column stands there twice; remove one", 1, name)
    if name != "levers" and name not in BY_NAME:
        near = suggestion(name, (*BY_NAME, "levers")) or "; rename or remove it"
        raise _fault(path, f"is not a parameter{near} (see 'positivesum describe parameters')", 1, name)
    _checked(path, 1, name, check_name, name, KEY)


def _column(path: Path, name: str, cells: list[str], lines: list[int]) -> list[Any]:
    if kind_of(name) == "choice":
        return _words(path, name, cells, lines)
    parameter = BY_NAME[LEVERS[0] if name == "levers" else name]
    values = []
    for cell, line in zip(cells, lines, strict=True):
        value = _number(cell)
        if not _lies_in(parameter, value):
            whole = "whole " if parameter.kind == "integer" else ""
            text = f"must be a {whole}number in {parameter.interval}, not {_shown(cell)}"
            raise _fault(path, f"{text}; {_remedy(cell)}", line, name)
        values.append(int(value) if parameter.kind == "integer" else value)
    return values


def _words(path: Path, name: str, cells: list[str], lines: list[int]) -> list[str]:
    checked = set()
    for cell, line in zip(cells, lines, strict=True):
        if cell in checked:
            continue
        if not cell:
            raise _fault(path, f"must be a word, not a blank cell; {_remedy(cell)}", line, name)
        _checked(path, line, name, read_level, name, cell, KEY)
        checked.add(cell)
    return cells


def _checked(path: Path, line: int, column: str | None, check, *arguments) -> None:
    """The check of a factor, its fault named by line and column instead of by the key."""
    try:
        check(*arguments)
    except StudyError as error:
        raise _fault(path, error.message.removeprefix(KEY).lstrip(": "), line, column) from None


def _number(cell: str) -> float:
    try:
        return math.nan if "_" in cell else float(cell)
    except ValueError:
        return math.nan


def _lies_in(parameter, value: float) -> bool:
    if not math.isfinite(value) or (parameter.kind == "integer" and not value.is_integer()):
        return False
    low, high = parameter.low, parameter.high
    is_above = low is None or value > low or (value == low and not parameter.open_low)
    return is_above and (high is None or value < high or (value == high and not parameter.open_high))


def _shown(cell: str) -> str:
    return repr(cell[:30]) if cell else "a blank cell"


def _remedy(cell: str) -> str:
    return "correct it" if cell else "fill it in, or remove the line or the column"


def _check_once(path: Path, points: list[tuple], lines: list[int]) -> None:
    seen: dict[tuple, int] = {}
    for point, line in zip(points, lines, strict=True):
        if point in seen:
            raise _fault(path, f"is the same point as line {seen[point]}; remove one", line)
        seen[point] = line
