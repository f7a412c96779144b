"""From a study to its jobs: which scenario runs with which seed, under which id, and in which batch it is stored.

A job is one run: a cell (world, design, point) and a replicate. Replicate r runs with seed ``study.seed + r - 1`` in
every cell, so that all cells meet the same luck. Jobs are numbered replicate by replicate, cells within, and are cut
into batches of consecutive jobs; numbers, ids and batches depend on the study alone, never on who runs it. A study
that asks for an interval rather than a number of replicates runs in stages: each asks for more replicates of some
cells, decided from what the stages before it gave.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import sim
from experiments.errors import PositiveSumError, StudyError
from experiments.factors import TOGETHER, kind_of
from experiments.study import Cell, Study, check_settings
from sim.parameters import LEVERS, Scenario

LEAST_BATCHES, MOST_BATCHES = 32, 200  # a small study still occupies every core, a large one is not a heap of files
JOBS_PER_BATCH = 128  # at most, unless the study is so large that this makes too many batches
SECONDS_PER_BATCH = (6.0, 60.0)  # what a kill may cost, at one core: little, but in large studies more
SECONDS_PER_RUN, SECONDS_PER_TIE_STEP = 5e-4, 100e-9  # measured; rough, and the same on every machine
TWINS = 1.9  # runs instead of one where a measure compares the run with its twins, who choose nothing
PATHS = ("organizations", "ties")
_KEPT = 4_000  # scenarios held in memory: a study of many more makes them again where they are needed


class Job(NamedTuple):
    """One run: which cell, which replicate (from 1), its seed and the hash of all it depends on."""

    run_id: str
    cell: int
    replicate: int
    seed: int


class Batch(NamedTuple):
    """Consecutive jobs of a stage, ``first`` up to and without ``end``, run and stored together under ``name``."""

    name: str
    first: int
    end: int


@dataclass(frozen=True)
class Stage:
    """Replicates ``start[cell]`` + 1 to ``stop[cell]`` of every cell, in batches named from ``n_parts`` on."""

    plan: Plan
    start: Any  # int64 (cells,) replicates that earlier stages run
    stop: Any  # int64 (cells,)
    n_parts: int = 0

    @cached_property
    def batches(self) -> tuple[Batch, ...]:
        """The jobs, cut."""
        import numpy as np

        costs = np.concatenate([self.plan.costs[self._cells(r)] for r in range(self._lowest, self._highest)] or [[]])
        return tuple(_batches(costs, self.n_parts))

    @property
    def n_jobs(self) -> int:
        """How many runs the stage asks for."""
        return int((self.stop - self.start).sum())

    def jobs(self, batch: Batch) -> list[Job]:
        """The jobs of a batch, in order."""
        import numpy as np

        jobs, number = [], batch.first
        while number < batch.end:
            r = int(np.searchsorted(self._ends, number, side="right"))
            cells = self._cells(self._lowest + r)
            begin = int(self._ends[r]) - len(cells)
            for cell in cells[number - begin : batch.end - begin].tolist():
                jobs.append(self.plan.job(cell, self._lowest + r + 1))
            number = min(batch.end, int(self._ends[r]))
        return jobs

    @cached_property
    def _lowest(self) -> int:
        asked = self.stop > self.start
        return int(self.start[asked].min()) if asked.any() else 0

    @cached_property
    def _highest(self) -> int:
        return int(self.stop.max(initial=0))

    @cached_property
    def _ends(self):
        """Number of jobs up to and with each replicate from ``_lowest`` on."""
        import numpy as np

        size = self._highest + 1
        asked = self.stop > self.start
        change = np.bincount(self.start[asked], minlength=size) - np.bincount(self.stop[asked], minlength=size)
        return np.cumsum(np.cumsum(change)[self._lowest : self._highest])

    def _cells(self, replicate: int):
        """Cells whose run number ``replicate`` (from 0) belongs to the stage."""
        return ((self.start <= replicate) & (replicate < self.stop)).nonzero()[0]


@dataclass(frozen=True)
class Plan:
    """Everything a study may run. ``digests[k]``, a hash of all that a run depends on but its seed, and ``costs[k]``,
    roughly its seconds on one core, belong to ``cells[k]``."""

    study: Study
    cells: tuple[Cell, ...]
    digests: tuple[bytes, ...]
    costs: Any  # float64 (cells,)
    _made: dict[int, Scenario] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def first_stage(self) -> Stage:
        """What is run before any result is looked at: all of it, where the number of replicates is fixed."""
        import numpy as np

        n, least = len(self.cells), self.study.until.least if self.study.until else self.study.replicates
        return Stage(self, np.zeros(n, np.int64), np.full(n, least, np.int64))

    @property
    def batches(self) -> tuple[Batch, ...]:
        """The batches of the first stage."""
        return self.first_stage.batches

    @property
    def n_jobs(self) -> int:
        """How many runs the first stage asks for."""
        return self.first_stage.n_jobs

    @property
    def most_jobs(self) -> int:
        """How many runs the study asks for at most."""
        return len(self.cells) * self.study.replicates

    def scenario(self, cell: int) -> Scenario:
        """The scenario of a cell."""
        if cell not in self._made:
            made = self.study.scenario(*self.cells[cell])
            if len(self._made) >= _KEPT:
                return made
            self._made[cell] = made
        return self._made[cell]

    def jobs(self, batch: Batch) -> list[Job]:
        """The jobs of a batch of the first stage, in order."""
        return self.first_stage.jobs(batch)

    def job(self, cell: int, replicate: int) -> Job:
        """This run; its id is a hash of scenario, seed, measures and model version, not of names."""
        seed = self.study.seed + replicate - 1
        return Job(hashlib.sha256(self.digests[cell] + b"seed %d" % seed).hexdigest()[:16], cell, replicate, seed)

    def estimated_seconds(self, n_workers: int) -> float:
        """Roughly how long the first stage takes."""
        return float(self.costs @ self.first_stage.stop) / max(1, min(n_workers, len(self.batches)))

    def estimated_bytes(self) -> float:
        """Roughly how much the tables of the first stage take on disk: repeated inputs nearly vanish."""
        study = self.study
        per_run = 32 + 8 * len(study.measures) + (8 * len(study.factors) if study.is_sampled else 0)
        if study.series or study.wants_better_off:
            scenarios = [self.scenario(k) for k in range(0, len(self.cells), -(-len(self.cells) // 100))]
            per_run += sum(8 * len(study.series) * s.steps for s in scenarios) / len(scenarios)
            per_run += study.wants_better_off * sum(10 * s.n_organizations for s in scenarios) / len(scenarios)
        return per_run * self.n_jobs

    @cached_property
    def study_hash(self) -> str:
        """What a results folder must agree with: the study's text, its settings and all scenarios (32 hex digits)."""
        asked = [self.study.replicates, self.study.seed, self.study.settings]
        digest = hashlib.sha256(self.study.text + _canonical(asked))
        for cell_digest in self.digests:
            digest.update(cell_digest)
        return digest.hexdigest()[:32]


def make_plan(study: Study) -> Plan:
    """Checks every scenario of the study and lays out its jobs. Raises StudyError or NetworkError; runs nothing."""
    try:
        return _laid_out(study)
    except PositiveSumError as error:
        raise (error if error.source or not study.source else error.at(study.source)) from None


def _laid_out(study: Study) -> Plan:
    import numpy as np

    check_settings(study)
    cells = tuple(study.cells())
    firsts = {key: k for k, key in reversed([*enumerate((cell.world, cell.design) for cell in cells)])}
    is_alike = not set(study.parameters.values()) & {*TOGETHER, "steps"}
    scenarios: dict[int, Scenario] = {}
    for k, cell in enumerate(cells):  # points that differ in parameters checked one by one need no check together
        if not is_alike or firsts[cell.world, cell.design] == k:
            scenarios[k] = study.scenario(*cell)
            study.check_schedule(cell, scenarios[k])
    if all(scenario.network == "file" for scenario in scenarios.values()):
        study.check_left_to_files()
    contents = check_files(study, tuple(scenarios.values()))
    asked = [study.measures, study.series, study.wants_better_off, getattr(sim, "MODEL_VERSION", "")]
    words = {k: _in_words(_values(scenario, contents)) for k, scenario in scenarios.items()}
    own_costs = {k: _seconds(study, scenario, contents) for k, scenario in scenarios.items()}
    digests, costs = [], np.empty(len(cells))
    for k, cell in enumerate(cells):
        near = k if k in scenarios else firsts[cell.world, cell.design]
        changed = {} if k in scenarios else _in_words(_set_by(study, cell.point))
        text = ",".join((words[near] | changed).values())
        digests.append(hashlib.sha256(b"[{%s},%s]" % (text.encode(), _canonical(asked))).digest())
        costs[k] = own_costs[near]
    return Plan(study, cells, tuple(digests), costs, {k: s for k, s in scenarios.items() if k < _KEPT})


def _set_by(study: Study, point: dict[str, Any]) -> dict[str, Any]:
    """The parameters that a point of the factors sets, as a scenario has them."""
    named = {study.parameters[column]: level for column, level in point.items()}
    named = {name: float(level) if kind_of(name) == "real" else level for name, level in named.items()}
    together = dict.fromkeys(LEVERS, named.pop("levers")) if "levers" in named else {}
    return together | named


def check_files(study: Study, scenarios: tuple[Scenario, ...]) -> dict[str, tuple[str, int]]:
    """Reads the CSV files of the scenarios; hash and number of lines by path. Raises StudyError or NetworkError."""
    contents = _file_contents(study, scenarios)
    _check_networks(study, scenarios)
    return contents


def _batches(costs: Sequence[float], n_before: int = 0):
    """Cuts jobs of these costs into batches bounded in number and seconds; one too dear for any is one of its own.

    Names count from ``n_before`` on.
    """
    import numpy as np

    n_jobs = len(costs)
    most = max(1, min(JOBS_PER_BATCH, n_jobs // LEAST_BATCHES), math.ceil(n_jobs / MOST_BATCHES))
    spent = np.concatenate([[0.0], np.cumsum(costs)])
    seconds = min(SECONDS_PER_BATCH[1], max(SECONDS_PER_BATCH[0], float(spent[-1]) / MOST_BATCHES))
    first, number = 0, n_before
    while first < n_jobs:
        dear = int(np.searchsorted(spent, spent[first] + seconds, side="right")) - 1
        end = min(n_jobs, first + most, max(first + 1, dear))
        yield Batch(f"part-{number:06d}", first, end)
        first, number = end, number + 1


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


def _values(scenario: Scenario, contents: dict[str, tuple[str, int]]) -> dict[str, Any]:
    """All that a run in this scenario depends on but its seed; files count by content, not by path."""
    values = scenario.to_dict()
    return values | {name: contents[values[name]][0] for name in PATHS if values[name]}


def _in_words(values: dict[str, Any]) -> dict[str, str]:
    """Each entry as canonical JSON has it, in order of the keys: joined, they are what ``_canonical`` gives."""
    return {name: _canonical({name: values[name]}).decode()[1:-1] for name in sorted(values)}


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
