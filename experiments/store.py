"""A results folder: who may write in it, and files written aside and renamed.

    results/NAME/study.toml                 the study as run
                 manifest.json              versions, seeds, machine, timing
                 runs/ series/ organizations/ checksums.sha256   the tables, batch by batch (``parts``)
                 means.csv  comparison.csv  figures/

A file is there as a whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from experiments.errors import StoreError

_ASIDE = ".aside-"
_LOCK = ".lock"


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Makes the folder and keeps every other sweep out of it, until the block or the process ends, however it ends.

    Raises StoreError where it cannot be written or another sweep is at work in it.
    """
    check_place(folder)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / _LOCK).open("a")
    with lock:
        _take(lock, folder)
        with writing(folder):
            _sweep_up(folder)
        yield


def check_place(folder: Path) -> None:
    """A folder can stand there and be written; tries it, and leaves nothing behind. Raises StoreError."""
    with writing(folder):
        place = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
        if not place.is_dir():
            below = "" if place == folder else f" lies below {_typed(place)}, which"
            raise StoreError(f"{folder}{below} is a file; name a folder with --out")
        with tempfile.TemporaryFile(prefix=_ASIDE, dir=place):  # has no name where the system can do without
            pass


def _typed(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns a failure to write in the folder into one sentence."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StoreError(
            f"{folder} cannot be written ({reason}); what was stored before is kept; "
            "make room or choose another folder with --out"
        ) from None


def write_aside(path: Path, data: bytes) -> None:
    """Writes a file so that at any moment either all of it or nothing stands under its name."""
    with aside(path) as temporary:
        temporary.write_bytes(data)


@contextlib.contextmanager
def aside(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``, safely on disk and renamed to it when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{_ASIDE}{os.getpid()}-{path.name}")
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    _flush(path.parent)


def second(path: Path, place: Path) -> None:
    """Has the file stand under a second name, too: one file with two names, or a copy where that cannot be."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    try:
        os.link(path, place)
    except OSError:
        shutil.copyfile(path, place)


@contextlib.contextmanager
def folder_aside(folder: Path) -> Iterator[Path]:
    """A temporary folder whose files are moved into ``folder``, over what is there, when the block ends well."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=folder.parent))
    try:
        yield temporary
        folder.mkdir(exist_ok=True)
        for path in sorted(temporary.iterdir()):
            _flush(path)
            os.replace(path, folder / path.name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _take(lock, folder: Path) -> None:
    try:
        import fcntl
    except ImportError:  # no such locks on this system: two sweeps in one folder are then the user's to avoid
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise StoreError(
            f"another sweep is at work in {folder}; wait for it to end or choose another folder with --out"
        ) from None


def _sweep_up(folder: Path) -> None:
    """Removes what a killed sweep had begun to write aside."""
    for place in (folder, *(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())):
        for path in place.glob(f"{_ASIDE}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Has the system put a file or folder on the disk itself, so that not even a power cut undoes the rename."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
