"""From a study to its jobs: which scenario runs with which seed, under which id, and in which batch it is stored.

A job is one run: a cell (world, design, point) and a replicate. Replicate r runs with seed ``study.seed + r - 1`` in
every cell, so that all cells meet the same luck. Jobs are numbered replicate by replicate, cells within, and are cut
into batches of consecutive jobs; numbers, ids and batches depend on the study alone, never on who runs it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import sim
from experiments.errors import PositiveSumError, StudyError
from experiments.study import Cell, Study, check_settings
from sim.parameters import Scenario

MOST_JOBS_PER_BATCH = 64
MOST_TIE_STEPS_PER_BATCH = 20_000_000  # a few seconds of one core: what a kill may cost
LEAST_BATCHES = 32  # so that a small study still occupies every core
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

    @property
    def n_jobs(self) -> int:
        """How many runs the study asks for."""
        return len(self.cells) * self.study.replicates

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
    contents = _file_contents(study, scenarios)
    _check_networks(study, scenarios)
    digests = tuple(_digest(study, scenario, contents) for scenario in scenarios)
    costs = [_tie_steps(scenario, contents) for scenario in scenarios]
    return Plan(study, cells, scenarios, digests, tuple(_batches(costs, study.replicates)))


def _batches(costs: list[float], replicates: int):
    """Cuts the jobs into batches bounded in number and in tie-steps; a job too large for any is a batch of its own."""
    n_jobs = len(costs) * replicates
    most = min(MOST_JOBS_PER_BATCH, max(1, n_jobs // LEAST_BATCHES))
    first, spent, number = 0, 0.0, 0
    for job in range(n_jobs):
        cost = costs[job % len(costs)]
        if job > first and (job - first == most or spent + cost > MOST_TIE_STEPS_PER_BATCH):
            yield Batch(f"part-{number:06d}", first, job)
            first, spent, number = job, 0.0, number + 1
        spent += cost
    yield Batch(f"part-{number:06d}", first, n_jobs)


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
