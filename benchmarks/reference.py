"""Compiles benchmarks/reference.c with the machine's C compiler and runs scenarios on it.

The C program takes the same population, the same terms in force and the same seed as the engine and draws the same
luck, so the sums of every step and the final state must be the same bits. It knows the belief rule without
imitation, and no explicit game.
"""

from __future__ import annotations

import ctypes
import functools
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sim.schedule import segments

SOURCE = Path(__file__).with_name("reference.c")
FLAGS = ("-O3", "-march=native", "-ffp-contract=off")  # contraction would round where the rules round twice

ORGANIZATION = np.dtype(
    [
        *((name, "f8") for name in ("log_power", "intention", "disposition", "scarcity")),
        *((name, "f8") for name in ("first_intention", "first_disposition", "first_scarcity")),
        *((name, "f8") for name in ("wealth", "late_income", "income", "trusted", "lessons")),
        *((name, "i4") for name in ("degree", "sector", "n_active", "n_mutual")),
        *((name, "i4") for name in ("next_active", "next_mutual", "n_worked", "n_hurt", "participates", "is_new")),
    ],
    align=True,
)
TIE = np.dtype(
    [
        *((name, "f8") for name in ("overlap", "complementarity", "value_distance", "resource", "share")),
        ("beliefs", "f8", (2, 3)),
        *((name, "f8") for name in ("connection", "alignment", "tension")),
        *((name, "i4") for name in ("i", "j", "tenure")),
        *((name, "i1") for name in ("active", "inside", "mutual", "unused")),
    ],
    align=True,
)
SUMS = (
    "active", "played", "compete", "cooperate", "cocreate", "mutual", "lose_lose", "win_lose", "win_win", "trust",
    "connection", "alignment", "tension", "conflict", "toward", "against", "rupture", "value", "scarcity",
    "disposition",
)  # fmt: skip
_COUNTS = ("n_organizations", "n_ties", "n_sectors")
_COLUMNS = {
    **dict.fromkeys(("log_power", "intention", "disposition", "scarcity"), np.float64),
    **dict.fromkeys(("sector", "degree"), np.int32),
    "participates": np.uint8,
    **dict.fromkeys(("i", "j"), np.int32),
    **dict.fromkeys(("overlap", "complementarity", "value_distance"), np.float64),
    **dict.fromkeys(("active", "inside"), np.uint8),
}


class NoCompiler(RuntimeError):
    """There is no C compiler on this machine, or it fails."""


class Reference(NamedTuple):
    """What a run of the C program leaves: sums (steps,) by name, spells ended by tenure, and the final state."""

    sums: np.ndarray
    ended: np.ndarray
    organizations: np.ndarray
    ties: np.ndarray


class _Population(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in _COUNTS] + [(name, ctypes.c_void_p) for name in _COLUMNS]


def compiler() -> list[str]:
    """The C compiler's command: $CC, or cc, gcc or clang. Raises NoCompiler."""
    if asked := os.environ.get("CC"):
        return shlex.split(asked)
    for name in ("cc", "gcc", "clang"):
        if path := shutil.which(name):
            return [path]
    raise NoCompiler("no C compiler (cc, gcc or clang) on the PATH; install one or set CC")


@functools.cache
def library() -> ctypes.CDLL:
    """The compiled program, made once per process in a folder that goes away. Raises NoCompiler."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reference.so"
        command = [*compiler(), *FLAGS, "-shared", "-fPIC", str(SOURCE), "-o", str(path), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise NoCompiler(f"{command[0]} failed: {done.stderr.strip()[:500]}")
        loaded = ctypes.CDLL(str(path))
    loaded.term_names.restype = ctypes.c_char_p
    return loaded


class Prepared:
    """A scenario and its population as the C program takes them; ``run`` is all that is timed."""

    def __init__(self, scenario, seed: int, people):
        if scenario.choice != "belief" or scenario.imitation or scenario.game is not None:
            raise ValueError("the C program knows the belief rule only, without imitation and without a game")
        self._run = library().run
        self._seed = ctypes.c_uint64(seed)
        self._columns = {name: np.ascontiguousarray(getattr(people, name), kind) for name, kind in _COLUMNS.items()}
        sizes = (len(people.power), len(people.i), int(people.sector.max(initial=0)) + 1)
        self._people = _Population(*sizes, *(column.ctypes.data for column in self._columns.values()))
        names = library().term_names().decode().split()
        kind = np.dtype([("first", "i8"), ("last", "i8"), ("force", "f8", (2, len(names)))], align=True)
        plan = segments(scenario)
        self._plan = np.zeros(len(plan), kind)
        for place, segment in zip(self._plan, plan, strict=True):
            force = [[float(getattr(terms, name)) for name in names] for terms in (segment.outside, segment.inside)]
            place["first"], place["last"], place["force"] = segment.first, segment.last, force
        self._steps = scenario.steps

    def run(self) -> Reference:
        """Runs the scenario from its start."""
        sums = np.zeros(self._steps, [(name, "f8") for name in SUMS])
        ended = np.zeros(self._steps + 1, np.int64)
        ties = np.empty(self._people.n_ties, TIE)
        organizations = np.empty(self._people.n_organizations, ORGANIZATION)
        n_segments = ctypes.c_int64(len(self._plan))
        plan, *outs = (ctypes.c_void_p(array.ctypes.data) for array in (self._plan, sums, ended, organizations, ties))
        if self._run(ctypes.byref(self._people), plan, n_segments, self._seed, *outs):
            raise MemoryError("not enough memory for the C program")
        return Reference(sums, ended, organizations, ties)


def run(scenario, seed: int, people) -> Reference:
    """Runs a scenario on the C program. ValueError for what it does not know, NoCompiler where there is none."""
    return Prepared(scenario, seed, people).run()
