"""Organizations and potential ties from two CSV files, checked to the last cell and put in canonical order.

Organizations are sorted by id (as numbers if all are whole numbers, otherwise as text), so that the order of rows,
and which end of a tie is called its source, change nothing. Lines are counted as an editor counts them.
"""

from __future__ import annotations

import csv
import io
import math
import os
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sim.errors import NetworkError, suggestion
from sim.parameters import RECRUITS

_LARGEST = 1e12  # power at most, and 1e-12 at least: what pairs of them can create stays a finite number
# column: (lowest, highest, whether the highest itself is excluded)
ORGANIZATION_COLUMNS = {
    "power": (1e-12, _LARGEST, False), "intention": (-1.0, 1.0, False), "disposition": (0.0, 1.0, False),
    "scarcity": (0.0, 1.0, False), "values": (0.0, 1.0, True), "focus": (0.0, 1.0, True),
}  # fmt: skip
TIE_COLUMNS = {name: (0.0, 1.0, False) for name in ("active", "overlap", "complementarity", "value_distance")}
_KEPT_BYTES = 2_000_000  # of larger files, only the last pair is kept in memory


class Census(NamedTuple):
    """What the two files say: n organizations in canonical order, m ties sorted by (i, j), i < j."""

    ids: tuple[str, ...]
    sector_names: tuple[str, ...]  # sorted; empty without a sector column
    sector: np.ndarray | None  # int32 (n,), place in sector_names
    columns: dict[str, np.ndarray]  # float64 (n,) for each column given
    i: np.ndarray  # int32 (m,)
    j: np.ndarray  # int32 (m,)
    tie_columns: dict[str, np.ndarray]  # (m,) for each column given; ``active`` is bool


def stamp(scenario) -> tuple:
    """What tells one version of the two files from another: time of change and size. NetworkError if one is missing."""
    return tuple(_stamp(path) for path in (scenario.organizations, scenario.ties))


def _stamp(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        raise NetworkError("this CSV file cannot be found; check the path", source=path) from None
    return status.st_mtime_ns, status.st_size


def census(organizations: str, ties: str, stamps: tuple) -> Census:
    """Both files, read and checked. NetworkError names file, line, column and remedy of the first fault."""
    return (_kept if is_small(stamps) else _last)(organizations, ties, stamps)


def is_small(stamps: tuple) -> bool:
    """Whether several such pairs of files may be kept in memory."""
    return sum(size for _, size in stamps) < _KEPT_BYTES


def _read(organizations: str, ties: str, stamps: tuple) -> Census:
    ids, names, sector, columns = _read_organizations(organizations)
    i, j, tie_columns = _read_ties(ties, organizations, ids)
    return Census(ids, names, sector, columns, i, j, tie_columns)


_kept = lru_cache(maxsize=8)(_read)
_last = lru_cache(maxsize=1)(_read)


def _fault(path: str, message: str, column: str | None = None, line: int | None = None) -> NetworkError:
    where = f"line {line}, " if line else ""
    where += f"column {column!r}: " if column else ""
    return NetworkError(where + message, key=column, source=path)


def _table(path: str, required: tuple[str, ...], optional: tuple[str, ...]) -> tuple[list[int], dict[str, list[str]]]:
    """The line of each row and the cells of each column, as text without surrounding blanks."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            text = file.read()
    except UnicodeDecodeError:
        raise _fault(path, "is not UTF-8 text; save it as 'CSV UTF-8'") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise _fault(path, f"this CSV file cannot be read ({reason}); check the path and its permissions") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header, lines, cells = _rows(path, reader, lambda names: _check_header(path, names, required, optional))
    if not header:
        raise _fault(path, f"is empty; give it a first line with the columns {','.join(required)}")
    if not lines:
        raise _fault(path, "has a header but no rows; add one row for each")
    return lines, {name: cells[k :: len(header)] for k, name in enumerate(header)}


def _rows(path: str, reader, check_header) -> tuple[list[str], list[int], list[str]]:
    """The header, the line of each row, and all cells one after the other, without surrounding blanks."""
    header, lines, cells = [], [], []
    line = 1
    try:
        for row in reader:
            row = [cell.strip() for cell in row]
            if not any(row):
                pass  # a blank line
            elif not header:
                check_header(row)  # before any row is judged by it
                header = row
            elif len(row) != len(header):
                message = f"has {len(row)} cells where the header has {len(header)}; add or remove commas"
                raise _fault(path, message, line=line)
            else:
                lines.append(line)
                cells += row
            line = reader.line_num + 1
    except csv.Error as error:
        raise _fault(path, f"is not well-formed CSV ({error}); check its quotes", line=line) from None
    return header, lines, cells


def _check_header(path: str, header: list[str], required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    known = (*required, *optional)
    for mark, shown in ((";", "';'"), ("\t", "tabs"), ("|", "'|'")):
        if any(mark in name for name in header):
            raise _fault(path, f"columns are separated by {shown}: save it with commas", line=1)
    for name in required:
        if name not in header:
            raise _fault(path, "this column is missing from the first line; add it", name, 1)
    for name in header:
        if name not in known:
            remedy = suggestion(name, known) or f"; rename or remove it (the columns are {', '.join(known)})"
            raise _fault(path, f"this column is unknown{remedy}", name, 1)
        if header.count(name) > 1:
            raise _fault(path, "this column stands there twice; remove one", name, 1)


def _numbers(path: str, name: str, cells: list[str], lines: list[int], bounds) -> np.ndarray:
    """A column of numbers, each finite and within its bounds."""
    low, high, is_open = bounds
    interval = f"[{low:g}, {high:g}{')' if is_open else ']'}"
    column = np.empty(len(cells))
    for k, cell in enumerate(cells):
        try:
            column[k] = math.nan if "_" in cell else float(cell)
        except ValueError:
            column[k] = math.nan
        if not (low <= column[k] <= high and not (is_open and column[k] == high)):
            shown = repr(cell[:30]) if cell else "a blank cell"
            remedy = "correct it" if cell else "fill it in, or remove the whole column to have it drawn"
            ring = ": the ring's 1 is its 0" if is_open else ""
            raise _fault(path, f"must be a number in {interval}{ring}, not {shown}; {remedy}", name, lines[k])
    return column


def _read_organizations(path: str):
    lines, cells = _table(path, ("id",), ("sector", *ORGANIZATION_COLUMNS))
    seen: dict[str, int] = {}
    for name, line in zip(cells["id"], lines, strict=True):
        if not name:
            raise _fault(path, "an id must not be blank; name the organization", "id", line)
        if name in seen:
            raise _fault(path, f"{name!r} stands already on line {seen[name]}; remove one or rename it", "id", line)
        seen[name] = line
    if len(seen) < 2:
        raise _fault(path, "has one organization only; a partnership needs at least two")
    order = canonical(cells["id"])
    given = [name for name in ORGANIZATION_COLUMNS if name in cells]
    columns = {name: _numbers(path, name, cells[name], lines, ORGANIZATION_COLUMNS[name])[order] for name in given}
    names, sector = _sectors(path, cells.get("sector"), lines)
    return tuple(cells["id"][k] for k in order), names, None if sector is None else sector[order], columns


def canonical(ids: list[str]) -> list[int]:
    """Places of the ids in canonical order: as numbers if all are whole numbers, otherwise as text."""
    if all(name.removeprefix("-").isdecimal() and name.isascii() and len(name) < 1000 for name in ids):
        return sorted(range(len(ids)), key=lambda k: (int(ids[k]), ids[k]))
    return sorted(range(len(ids)), key=ids.__getitem__)


def _sectors(path: str, cells: list[str] | None, lines: list[int]):
    if cells is None:
        return (), None
    for name, line in zip(cells, lines, strict=True):
        if not name or name in RECRUITS:
            message = f"must be a word other than {' | '.join(RECRUITS)}, not {name!r}; name the sector"
            raise _fault(path, message, "sector", line)
    names = tuple(sorted(set(cells)))
    code = {name: k for k, name in enumerate(names)}
    return names, np.array([code[name] for name in cells], np.int32)


def _read_ties(path: str, organizations: str, ids: tuple[str, ...]):
    lines, cells = _table(path, ("source", "target"), tuple(TIE_COLUMNS))
    place = {name: k for k, name in enumerate(ids)}
    ends = [_ends(path, organizations, column, cells[column], lines, place) for column in ("source", "target")]
    i, j = np.minimum(*ends), np.maximum(*ends)
    for k in np.flatnonzero(i == j)[:1]:
        raise _fault(path, f"ties {cells['source'][k]!r} to itself; remove the row", "target", lines[k])
    keys = i * len(ids) + j
    order = np.argsort(keys, kind="stable")
    for k in np.flatnonzero(np.diff(keys[order]) == 0)[:1]:
        first, again = order[k], order[k + 1]
        tie = f"{cells['source'][again]} and {cells['target'][again]}"
        raise _fault(path, f"the tie {tie} stands already on line {lines[first]}; remove one", "source", lines[again])
    given = {name: _numbers(path, name, cells[name], lines, TIE_COLUMNS[name]) for name in TIE_COLUMNS if name in cells}
    if "active" in given:
        given["active"] = _flags(path, given["active"], lines)
    i, j = i[order].astype(np.int32), j[order].astype(np.int32)
    return i, j, {name: column[order] for name, column in given.items()}


def _ends(path: str, organizations: str, column: str, cells: list[str], lines: list[int], place: dict) -> np.ndarray:
    """The places of the organizations named in one column of ties."""
    ends = np.array([place.get(name, -1) for name in cells], np.int64)
    for k in np.flatnonzero(ends < 0)[:1]:
        near = suggestion(cells[k], list(place)[:5000]) or "; add the organization or remove the tie"
        raise _fault(path, f"{cells[k]!r} is not an id in {organizations}{near}", column, lines[k])
    return ends


def _flags(path: str, column: np.ndarray, lines: list[int]) -> np.ndarray:
    wrong = np.flatnonzero((column != 0.0) & (column != 1.0))
    if len(wrong):
        raise _fault(path, f"must be 0 or 1, not {column[wrong[0]]:g}", "active", lines[wrong[0]])
    return column == 1.0
