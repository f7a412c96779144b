"""From a study to its jobs: which scenario runs with which seed, under which id, and in which batch it is stored.

A job is one run: a cell (world, design, point) and a replicate. Replicate r runs with seed ``study.seed + r - 1`` in
every cell, so that all cells meet the same luck. Jobs are numbered replicate by replicate, cells within, and are cut
into batches of consecutive jobs; numbers, ids and batches depend on the study alone, never on who runs it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import sim
from experiments.errors import PositiveSumError, StudyError
from experiments.study import Cell, Study, check_settings
from sim.parameters import Scenario

LEAST_BATCHES, MOST_BATCHES = 32, 200  # a small study still occupies every core, a large one is not a heap of files
JOBS_PER_BATCH = 64  # at most, unless the study is so large that this makes too many batches
SECONDS_PER_BATCH = (6.0, 60.0)  # what a kill may cost, at one core: little, but in large studies more
SECONDS_PER_RUN, SECONDS_PER_TIE_STEP = 1e-3, 300e-9  # measured; rough, and the same on every machine
TWINS = 3  # runs instead of one where a measure compares the run with its twins
PATHS = ("organizations", "ties")


class Job(NamedTuple):
    """One run: which cell, which replicate (from 1), its seed and the hash of all it depends on."""

    run_id: str
    cell: int
    replicate: int
    seed: int


class Batch(NamedTuple):
    """Consecutive jobs, ``first`` up to and without ``end``, that are run and stored together under ``name``."""

    name: str
    first: int
    end: int


@dataclass(frozen=True)
class Plan:
    """Everything a study will run. ``scenarios[k]`` and ``digests[k]`` belong to ``cells[k]``."""

    study: Study
    cells: tuple[Cell, ...]
    scenarios: tuple[Scenario, ...]
    digests: tuple[Any, ...]
    batches: tuple[Batch, ...]
    costs: tuple[float, ...]  # estimated seconds of one core for a run of each cell

    @property
    def n_jobs(self) -> int:
        """How many runs the study asks for."""
        return len(self.cells) * self.study.replicates

    def estimated_seconds(self, n_workers: int) -> float:
        """Roughly how long the whole study takes."""
        return sum(self.costs) * self.study.replicates / min(n_workers, len(self.batches))

    def estimated_bytes(self) -> float:
        """Roughly how much its tables take on disk: numbers hardly shrink, repeated inputs nearly vanish."""
        study = self.study
        per_run = 32 + 8 * len(study.measures)
        rows = sum(s.steps * 8 * len(study.series) for s in self.scenarios) if study.series else 0
        rows += sum(s.n_organizations * 10 for s in self.scenarios) if study.wants_better_off else 0
        return (per_run * len(self.cells) + rows) * study.replicates

    def jobs(self, batch: Batch) -> list[Job]:
        """The jobs of a batch, in order."""
        return [self.job(number) for number in range(batch.first, batch.end)]

    def job(self, number: int) -> Job:
        """The job of this number; its id is a hash of scenario, seed, measures and model version, not of names."""
        replicate, cell = divmod(number, len(self.cells))
        seed = self.study.seed + replicate
        digest = self.digests[cell].copy()
        digest.update(b"seed %d" % seed)
        return Job(digest.hexdigest()[:16], cell, replicate + 1, seed)

    @cached_property
    def study_hash(self) -> str:
        """What a results folder must agree with: the study's text, its settings and all scenarios (32 hex digits)."""
        asked = [self.study.replicates, self.study.seed, self.study.settings]
        digest = hashlib.sha256(self.study.text + _canonical(asked))
        for cell_digest in self.digests:
            digest.update(cell_digest.digest())
        return digest.hexdigest()[:32]


def make_plan(study: Study) -> Plan:
    """Checks every scenario of the study and lays out its jobs. Raises StudyError or NetworkError; runs nothing."""
    try:
        return _laid_out(study)
    except PositiveSumError as error:
        raise (error if error.source or not study.source else error.at(study.source)) from None


def _laid_out(study: Study) -> Plan:
    check_settings(study)
    cells = tuple(study.cells())
    scenarios = tuple(study.scenario(*cell) for cell in cells)
    for cell, scenario in zip(cells, scenarios, strict=True):
        study.check_schedule(cell, scenario)
    if all(scenario.network == "file" for scenario in scenarios):
        study.check_left_to_files()
    contents = check_files(study, scenarios)
    digests = tuple(_digest(study, scenario, contents) for scenario in scenarios)
    costs = tuple(_seconds(study, scenario, contents) for scenario in scenarios)
    return Plan(study, cells, scenarios, digests, tuple(_batches(costs, study.replicates)), costs)


def check_files(study: Study, scenarios: tuple[Scenario, ...]) -> dict[str, tuple[str, int]]:
    """Reads the CSV files of the scenarios; hash and number of lines by path. Raises StudyError or NetworkError."""
    contents = _file_contents(study, scenarios)
    _check_networks(study, scenarios)
    return contents


def _batches(costs: Sequence[float], replicates: int):
    """Cuts the jobs into batches bounded in number and seconds; a job too large for any is a batch of its own."""
    n_jobs = len(costs) * replicates
    most = max(1, min(JOBS_PER_BATCH, n_jobs // LEAST_BATCHES), math.ceil(n_jobs / MOST_BATCHES))
    least_seconds, most_seconds = SECONDS_PER_BATCH
    seconds = min(most_seconds, max(least_seconds, sum(costs) * replicates / MOST_BATCHES))
    first, spent, number = 0, 0.0, 0
    for job in range(n_jobs):
        cost = costs[job % len(costs)]
        if job > first and (job - first == most or spent + cost > seconds):
            yield Batch(f"part-{number:06d}", first, job)
            first, spent, number = job, 0.0, number + 1
        spent += cost
    yield Batch(f"part-{number:06d}", first, n_jobs)


def _seconds(study: Study, scenario: Scenario, contents: dict[str, tuple[str, int]]) -> float:
    """Roughly how long a run takes on one core."""
    from sim.measures import BY_NAME

    has_twins = any(BY_NAME[name].needs == "twins" for name in study.measures)
    tie_steps = _tie_steps(scenario, contents)
    return SECONDS_PER_RUN + SECONDS_PER_TIE_STEP * tie_steps * (TWINS if has_twins else 1)


def _tie_steps(scenario: Scenario, contents: dict[str, tuple[str, int]]) -> float:
    """Roughly how much work a run is: potential ties times steps."""
    n = scenario.n_organizations
    ties = {
        "complete": n * (n - 1) / 2,
        "pairs": n / 2,
        "sectors": n * n / 2 * max(scenario.density_within, scenario.density_between),
        "file": contents.get(scenario.ties, ("", 0))[1],
    }.get(scenario.network, n * scenario.degree / 2)
    return ties * scenario.steps


def _digest(study: Study, scenario: Scenario, contents: dict[str, tuple[str, int]]):
    """A hash of all that a run in this scenario depends on but its seed; files count by content, not by path."""
    values = scenario.to_dict()
    values |= {name: contents[values[name]][0] for name in PATHS if values[name]}
    asked = [study.measures, study.series, study.wants_better_off, getattr(sim, "MODEL_VERSION", "")]
    return hashlib.sha256(_canonical([values, asked]))


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode()


def _file_contents(study: Study, scenarios: tuple[Scenario, ...]) -> dict[str, tuple[str, int]]:
    """Hash and number of lines of each CSV file the scenarios read, by path."""
    contents = {}
    for name in PATHS:
        for path in sorted({getattr(scenario, name) for scenario in scenarios} - {""}):
            contents[path] = _file_content(path, _written(study, name, path))
    return contents


def _file_content(path: str, key: str) -> tuple[str, int]:
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", "") or str(error)).lower()
        raise StudyError(
            f"{key} names a file that cannot be read ({path}: {reason}); check the path", key=key
        ) from None
    return hashlib.sha256(data).hexdigest(), data.count(b"\n")


def _written(study: Study, name: str, path: str) -> str:
    """Where the study names this file."""
    places = (layer.written[name] for layer in study.layers.values() if layer.changes.get(name) == path)
    return next(places, name)


def _check_networks(study: Study, scenarios: tuple[Scenario, ...]) -> None:
    """Reads each observed network once, so that a fault in its files shows before anything runs."""
    seen = set()
    for scenario in scenarios:
        key = (scenario.organizations, scenario.ties, scenario.recruit)
        if scenario.network == "file" and key not in seen:
            from sim.simulation import observe

            seen.add(key)
            observe(scenario.replace(steps=1), study.seed, ("value",))
