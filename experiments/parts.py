"""The parts of a results folder's tables: one Parquet file per batch and kind, each with a checksum.

    runs/part-000000.parquet   one row per run; series/ and organizations/ likewise, where the study asks for them
    checksums.sha256           a line per part: ``sha256sum -c checksums.sha256`` checks a folder without this program
    .bank/                     parts of an earlier cut, from which runs are taken over; gone when the sweep is complete

A batch is done when all its parts agree with their checksums and hold the runs asked for. Whatever else is legible is
a bank: its runs are taken over by their ids instead of being run again. What is damaged is run again.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
from collections.abc import Container, Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments import store
from experiments.errors import StoreError
from experiments.plan import Job
from experiments.study import Study

KINDS = ("runs", "series", "organizations")
CHECKSUMS = "checksums.sha256"
BANK = ".bank"


class Piece(NamedTuple):
    """What is stored of one run: its measures (m,), its series (steps, s) or None, its organizations or None."""

    values: np.ndarray
    series: np.ndarray | None
    people: tuple | None


class Part:
    """A legible part: where its kinds stand (it may be moved), the ids of its runs and which of them failed."""

    def __init__(self, place: Path, name: str, run_ids: np.ndarray, is_failed: np.ndarray):
        self.place, self.name, self.run_ids, self.is_failed = place, name, run_ids, is_failed

    def path(self, kind: str) -> Path:
        """The file of this kind."""
        return self.place / kind / f"{self.name}.parquet"


def encoded(table) -> bytes:
    """A table as Parquet, whose bytes depend on nothing but the rows."""
    from pyarrow import parquet

    out = io.BytesIO()
    parquet.write_table(table, out, compression="zstd")
    return out.getvalue()


def write(folder: Path, name: str, tables: dict[str, Any]) -> None:
    """Stores the parts of a batch; its checksums come last, because they say that it is done."""
    lines = []
    for kind, table in tables.items():
        data = encoded(table)
        write_file(folder / kind / f"{name}.parquet", data)
        lines.append(_line(hashlib.sha256(data).hexdigest(), kind, name))
    with (folder / CHECKSUMS).open("ab") as log:
        if log.tell() and not _ends_line(folder / CHECKSUMS):
            log.write(b"\n")  # a kill left half a line
        log.write("".join(lines).encode())
        log.flush()
        os.fsync(log.fileno())


def write_file(path: Path, data: bytes) -> None:
    """One part, whole or not at all."""
    store.write_aside(path, data)


class Stock:
    """What a results folder holds at the start of a sweep: every part is read, and its checksum compared."""

    def __init__(self, folder: Path, kinds: tuple[str, ...]):
        self.folder, self.kinds = folder, kinds
        self.live: dict[str, Part] = {}
        self.damaged: list[str] = []
        banks = sorted(path for path in (folder / BANK).glob("*") if path.is_dir())
        parts = [part for place in banks for part in self._legible(place).values()]
        self.live = self._legible(folder, self.damaged)
        self._index(parts + list(self.live.values()))
        self._read = lru_cache(maxsize=8)(_contents)

    def run_ids(self) -> np.ndarray:
        """Ids of all runs stored, uint64, each once."""
        return np.unique(np.concatenate([part.run_ids for part in self._parts] or [np.empty(0, np.uint64)]))

    def holds(self, name: str, jobs: list[Job], *, with_failures: bool = True) -> bool:
        """Whether this batch is stored as it is now cut (and, if asked, without a failed run in it)."""
        part = self.live.get(name)
        if part is None or not np.array_equal(part.run_ids, ids_of(jobs)):
            return False
        return with_failures or not part.is_failed.any()

    def taken_over(self, jobs: list[Job]) -> dict[int, tuple[Part, int]]:
        """Where runs among these jobs are stored already: part and row, by place in the list. Failed runs never are."""
        if not len(self._ids):
            return {}
        wanted = ids_of(jobs)
        at = np.minimum(np.searchsorted(self._ids, wanted), len(self._ids) - 1)
        there = np.flatnonzero(self._ids[at] == wanted)
        return {int(k): (self._parts[self._part_of[at[k]]], int(self._row_of[at[k]])) for k in there}

    def pieces(self, places: dict[int, tuple[Part, int]], measures, series) -> dict[int, Piece]:
        """What is stored of these runs, by the same keys."""
        by_part = sorted(places.items(), key=lambda item: item[1][0].name)
        return {key: self._read(part, measures, series)(row) for key, (part, row) in by_part}

    def put_aside(self, name: str) -> None:
        """Moves a part that is not cut as it should be into the bank, from which its runs are taken over."""
        part = self.live.pop(name, None)
        if part is None:
            return
        place = self.folder / BANK / "000"
        while (place / "runs" / f"{name}.parquet").exists():
            place = place.with_name(f"{int(place.name) + 1:03d}")
        place.mkdir(parents=True, exist_ok=True)
        known = _checksums(self.folder)
        lines = [_line(known[f"{kind}/{name}.parquet"], kind, name) for kind in self.kinds]
        store.write_aside(place / CHECKSUMS, _log_of(place) + "".join(lines).encode())
        old, part.place = [part.path(kind) for kind in self.kinds], place
        for kind, path in zip(self.kinds, old, strict=True):  # at any moment one of the two places has them all
            store.second(path, part.path(kind))
        for path in old:
            path.unlink()

    def close(self, names: list[str]) -> None:
        """When all is stored: nothing but these parts is left, and a line for each of them in order."""
        asked, known = set(names), _checksums(self.folder)
        for kind in self.kinds:
            for path in (self.folder / kind).glob("part-*.parquet"):
                if path.stem not in asked:
                    path.unlink()
        lines = [
            _line(known[f"{kind}/{name}.parquet"], kind, name)
            for name in names for kind in self.kinds if f"{kind}/{name}.parquet" in known
        ]  # fmt: skip
        if _log_of(self.folder) != "".join(lines).encode():
            store.write_aside(self.folder / CHECKSUMS, "".join(lines).encode())
        shutil.rmtree(self.folder / BANK, ignore_errors=True)

    def _legible(self, place: Path, damaged: list[str] | None = None) -> dict[str, Part]:
        """The parts below ``place`` whose kinds all agree with their checksums; names of the others are told."""
        known, found = _checksums(place), {}
        for path in sorted((place / "runs").glob("part-*.parquet")):
            kinds = {kind: place / kind / path.name for kind in self.kinds}
            if all(_is_as_noted(p, known.get(f"{kind}/{path.name}")) for kind, p in kinds.items()):
                found[path.stem] = _part_at(place, path.stem)
            elif damaged is not None:
                damaged.append(path.stem)
        return found

    def _index(self, parts: list[Part]) -> None:
        self._parts = parts
        ids = np.concatenate([part.run_ids for part in parts] or [np.empty(0, np.uint64)])
        part_of = np.repeat(np.arange(len(parts)), [len(part.run_ids) for part in parts])
        row_of = np.concatenate([np.arange(len(part.run_ids)) for part in parts] or [np.empty(0, np.int64)])
        is_good = ~np.concatenate([part.is_failed for part in parts] or [np.empty(0, bool)])
        order = np.argsort(ids[is_good], kind="stable")
        self._ids, self._part_of, self._row_of = (a[is_good][order] for a in (ids, part_of, row_of))


def ids_of(jobs: list[Job]) -> np.ndarray:
    """Run ids as numbers, uint64."""
    return np.array([int(job.run_id, 16) for job in jobs], dtype=np.uint64)


def kinds_of(study: Study) -> tuple[str, ...]:
    """The tables that the study asks for."""
    asked = {"runs": True, "series": study.series, "organizations": study.wants_better_off}
    return tuple(kind for kind in KINDS if asked[kind])


def tables(
    folder: Path, kind: str, columns: list[str] | None = None, names: Container[str] | None = None
) -> Iterator[tuple[str, Any]]:
    """Name and Arrow table of every part of a kind (of these names), in order. Raises StoreError for one damaged."""
    import pyarrow
    from pyarrow import parquet

    known = _checksums(folder)
    for path in sorted((folder / kind).glob("part-*.parquet")):
        if names is not None and path.stem not in names:
            continue
        if not _is_as_noted(path, known.get(f"{kind}/{path.name}")):
            raise StoreError(f"{path} is damaged or was not finished; run the sweep again to mend it")
        try:
            yield path.stem, parquet.ParquetFile(path).read(columns)
        except (OSError, pyarrow.ArrowException) as error:
            raise StoreError(f"{path} cannot be read ({error}); run the sweep again to mend it") from None


def read_table(folder: Path, kind: str):
    """All parts of a table as one DataFrame, in the order of the jobs; None where there are none. Raises StoreError."""
    import pyarrow

    found = [table for _, table in tables(folder, kind)]
    return pyarrow.concat_tables(found).to_pandas() if found else None


def _contents(part: Part, measures, series):
    """A function from row to Piece for one part."""
    from pyarrow import parquet

    runs = parquet.ParquetFile(part.path("runs")).read(list(measures))
    values = np.column_stack([runs[name].to_numpy() for name in measures])
    courses = people = None
    if series:
        table = parquet.ParquetFile(part.path("series")).read(["step", *series])
        numbers = np.column_stack([table[name].to_numpy() for name in series])
        courses = _blocks(numbers, table["step"].to_numpy(), part.is_failed)
    if part.path("organizations").exists():
        table = parquet.ParquetFile(part.path("organizations")).read()
        columns = [table[name].to_numpy() for name in ("income", "power_third", "sector")]
        blocks = [_blocks(column, table["organization"].to_numpy(), part.is_failed) for column in columns]
        people = [tuple(block[row] for block in blocks) for row in range(len(values))]
    return lambda row: Piece(values[row], courses[row] if courses else None, people[row] if people else None)


def _blocks(numbers: np.ndarray, counter: np.ndarray, is_failed: np.ndarray) -> list:
    """Rows of each run, which begin where the counter is 0; a failed run has none."""
    starts = [*np.flatnonzero(counter == 0).tolist(), len(counter)]
    blocks = iter(numbers[a:b] for a, b in pairwise(starts))
    return [None if failed else next(blocks) for failed in is_failed]


def _part_at(place: Path, name: str) -> Part:
    from pyarrow import parquet

    table = parquet.ParquetFile(place / "runs" / f"{name}.parquet").read(["run_id", "status"])
    ids = np.array([int(run_id, 16) for run_id in table["run_id"].to_pylist()], dtype=np.uint64)
    return Part(place, name, ids, np.array(table["status"].to_pylist()) == "failed")


def _line(checksum: str, kind: str, name: str) -> str:
    return f"{checksum}  {kind}/{name}.parquet\n"


def _checksums(place: Path) -> dict[str, str]:
    """Checksum by path; the last line of a path counts, half a line does not."""
    lines = re.findall(r"^([0-9a-f]{64})  (\w+/part-\d+\.parquet)$", _log_of(place).decode(errors="replace"), re.M)
    return {path: checksum for checksum, path in lines}


def _log_of(place: Path) -> bytes:
    try:
        return (place / CHECKSUMS).read_bytes()
    except FileNotFoundError:
        return b""


def _ends_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _is_as_noted(path: Path, checksum: str | None) -> bool:
    try:
        return checksum is not None and hashlib.sha256(path.read_bytes()).hexdigest() == checksum
    except OSError:
        return False
