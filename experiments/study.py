"""The schema of a study file: a question put to the model as worlds and designs to compare, factors and measures.

    question = "Does the full design pay where the pie cannot grow?"
    replicates = 24
    [worlds."zero-sum"]
    synergy = 0
    [designs."business as usual"]
    [designs."full design"]
    levers = 0.8
    [factors]
    rivalry = [0.1, 0.25]

Without a table ``[sampling]`` all combinations of levels are run; with one, the points it samples.

``read_study`` either returns a Study whose every key has been checked, or raises StudyError with one sentence that
names file, key and remedy. That every scenario it makes can be run is checked where they are made, in ``plan``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments import sampling as sampler
from experiments.asked import DEFAULT_MEASURES, read_measures, read_series
from experiments.compared import UNNAMED, check_name, read_against, read_names, read_reference
from experiments.errors import StudyError, key_path, shown, suggestion
from experiments.layers import Layer, check_left_to_files, entries_too_late, factor_layer, read_layer, scenario_of
from experiments.replicates import DEFAULT, Until, read_replicates
from experiments.sampling import GRID, Design, Sampling, read_design
from experiments.spans import Span
from sim.parameters import LEVERS, Scenario

KEYS = (
    "question", "replicates", "seed", "measures", "series", "reference", "base", "worlds", "designs", "sampling",
    "factors",
)  # fmt: skip
POOLED = ("latin-hypercube", "sobol", "morris")
MOST_CELLS, MOST_RUNS, MOST_SEED = 1_000_000, 10_000_000, 2**63 - 1


class Cell(NamedTuple):
    """One combination of world, design and levels of the factors (a *point*), run once per replicate."""

    world: str
    design: str
    point: dict[str, Any]


@dataclass(frozen=True)
class Study:
    """A checked study. Factors are keyed by their column in the tables of results: with their levels on a grid or in
    a table of points, where points are sampled with the list of levels or both ends of the range of their ``spans``.

    ``measures`` are numbers per run, in order (``better_off`` is not among them: ``wants_better_off`` says that it
    was asked for); ``series`` are per-step measures stored for each run. ``against[design]`` is the design with which
    a design is compared, for every design but the reference. ``parameters`` maps the column of a factor to its
    parameter; they differ only where a measure bears the same name (column ``initial_trust``, parameter ``trust``).
    """

    name: str
    question: str
    replicates: int  # at most, where ``until`` says when they are enough
    seed: int
    measures: tuple[str, ...]
    series: tuple[str, ...]
    wants_better_off: bool
    worlds: tuple[str, ...]
    designs: tuple[str, ...]
    against: dict[str, str]
    factors: dict[str, tuple]
    reference_world: str
    reference_design: str
    parameters: dict[str, str]
    sampling: Sampling = field(default_factory=Sampling)
    spans: dict[str, Span] = field(default_factory=dict)
    own_points: dict[str, list] = field(default_factory=dict, repr=False)
    source: str = ""
    text: bytes = b""
    settings: dict[str, Any] = field(default_factory=dict)
    layers: dict[tuple[str, ...], Layer] = field(default_factory=dict, repr=False)
    until: Until | None = None
    unit: str = "replicate"  # what its tables are over: replicates, or what was sampled

    def points(self) -> list[dict[str, Any]]:
        """The points in order: those sampled, or all combinations of levels, the last factor varying fastest.

        One empty point without factors. Where levels are few, a sampled point may come more than once.
        """
        return self._points

    @cached_property
    def _points(self) -> list[dict[str, Any]]:
        design = Design(self.sampling, self.factors, self.spans, self.own_points)
        return [dict(zip(self.factors, levels, strict=True)) for levels in sampler.rows(design)]

    @property
    def n_points(self) -> int:
        """How many points there are, without making them."""
        return sampler.n_points(self.sampling, len(self.factors))

    @property
    def is_sampled(self) -> bool:
        """Whether the points are anything but all combinations of levels."""
        return self.sampling.method != GRID

    def clusters(self) -> np.ndarray:
        """For each point the base sample (sobol) or trajectory (morris) it belongs to; otherwise each is its own."""
        return sampler.clusters(self.sampling, len(self.factors))

    @property
    def is_pooled(self) -> bool:
        """Whether its points are a sample of worlds, told together, rather than points to be told one by one."""
        return self.sampling.method in POOLED

    def cells(self) -> Iterator[Cell]:
        """All combinations in canonical order: points, within them worlds, within them designs."""
        return (Cell(w, d, p) for p in self.points() for w in self.worlds for d in self.designs)

    def scenario(self, world: str = "", design: str = "", point: dict[str, Any] | None = None) -> Scenario:
        """The scenario of a cell, by default of the reference world and design. Raises StudyError naming the key."""
        point = point or {}
        cell = Cell(world or self.reference_world, design or self.reference_design, point)
        return scenario_of(list(self._layers(cell)), _context(cell))

    def check_schedule(self, cell: Cell, scenario: Scenario) -> None:
        """Events and phases of a cell must start before its runs end. Raises StudyError."""
        for late in entries_too_late(list(self._layers(cell)), scenario):
            raise StudyError(
                f"{late} never happens, because runs end after step {scenario.steps - 1} (steps = {scenario.steps}); "
                f"let it start earlier or lengthen the runs{_context(cell)}",
                key=late.split(" = ")[0].rpartition("[")[0],
            )

    def check_left_to_files(self) -> None:
        """Where every scenario has observed networks, nothing may be set that they say. Raises StudyError."""
        check_left_to_files(list(self.layers.values()))

    def single(self, world: str | None = None, design: str | None = None) -> Scenario:
        """The base with the world and design named, if any, and the settings; no factor. Raises StudyError."""
        return scenario_of(self._single_layers(world, design))

    def single_too_late(self, world: str | None, design: str | None, scenario: Scenario) -> list[str]:
        """Where events and phases are written that this one scenario ends before."""
        return entries_too_late(self._single_layers(world, design), scenario)

    def overridden(self, name: str) -> list[str]:
        """Where worlds and designs set what ``--set name`` or a factor of that name overrides."""
        names = LEVERS if name == "levers" else (name,)
        layers = [layer for (kind, *_), layer in self.layers.items() if kind in ("worlds", "designs")]
        return list(dict.fromkeys(layer.written[n] for layer in layers for n in names if n in layer.changes))

    def _single_layers(self, world: str | None, design: str | None) -> list[Layer]:
        named = []
        for kind, name, known in (("world", world, self.worlds), ("design", design, self.designs)):
            if name is None:
                continue
            if known == (UNNAMED,) and name != UNNAMED:
                raise StudyError(f"--{kind}: this study names no {kind}s; leave --{kind} out", key=f"--{kind}")
            check_name(name, known, f"--{kind}", kind)
            named.append(self.layers[f"{kind}s", name])
        return [self.layers["base",], *named, self.layers["settings",]]

    def _layers(self, cell: Cell) -> Iterator[Layer]:
        yield self.layers["base",]
        yield self.layers["worlds", cell.world]
        yield self.layers["designs", cell.design]
        yield factor_layer({self.parameters[c]: level for c, level in cell.point.items()})
        yield self.layers["settings",]


def read_study(
    path: str | Path,
    *,
    replicates: int | None = None,
    settings: dict[str, Any] | None = None,
    folder: str | Path | None = None,
    name: str | None = None,
) -> Study:
    """Reads and checks a study file.

    ``replicates`` and ``settings`` (parameters, applied last) come from the command line; paths of CSV files in the
    study are relative to ``folder``, by default the study's own; ``name`` is by default the file's. Raises StudyError.
    """
    path = Path(path)
    try:
        text = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", "") or str(error)).lower()
        raise StudyError(f"cannot be read ({reason}); check the path of the study file", source=str(path)) from None
    try:
        data = _parse(text)
        if replicates is not None:
            data["replicates"] = replicates
        return study_from(
            data,
            name=name or path.stem,
            source=str(path),
            text=text,
            settings=settings or {},
            folder=Path(folder or path.parent),
        )
    except StudyError as error:
        raise error.at(str(path)) from None


def study_from(
    data: dict[str, Any],
    *,
    name: str = "study",
    source: str = "",
    text: bytes = b"",
    settings: dict[str, Any] | None = None,
    folder: Path = Path(),
) -> Study:
    """The study that the parsed TOML describes. Raises StudyError naming the key at fault."""
    for key in data:
        if key not in KEYS:
            raise StudyError(
                f"{key_path(key)} is not a key of a study{suggestion(key, KEYS)}; known are {', '.join(KEYS)}",
                key=key_path(key),
            )
    settings = settings or {}
    worlds, designs = read_names(data, "worlds"), read_names(data, "designs")
    measures, wants_better_off = read_measures(data.get("measures", list(DEFAULT_MEASURES)))
    series = read_series(data.get("series", []))
    design = read_design(data, folder)
    parameters = {_column(factor, (*measures, *series)): factor for factor in design.levels}
    replicates, until = read_replicates(data.get("replicates", DEFAULT), measures)
    _check_pooled(design.sampling, until, wants_better_off)
    reference_world, reference_design = read_reference(data.get("reference", {}), worlds, designs)
    study = Study(
        name=name,
        question=_question(data),
        replicates=replicates,
        until=until,
        seed=_whole(data, "seed", 0, MOST_SEED, default=1),
        measures=measures,
        series=series,
        wants_better_off=wants_better_off,
        worlds=worlds,
        designs=designs,
        against=read_against(data.get("designs", {}), designs, reference_design),
        factors=dict(zip(parameters, design.levels.values(), strict=True)),
        reference_world=reference_world,
        reference_design=reference_design,
        parameters=parameters,
        sampling=design.sampling,
        spans={column: design.spans[name] for column, name in parameters.items() if name in design.spans},
        own_points={column: design.own[name] for column, name in parameters.items() if name in design.own},
        source=source,
        text=text,
        settings=dict(settings),
        layers=_read_layers(data, worlds, designs, settings, folder),
    )
    _check_size(study)
    _check_last_seed(study)
    return study


def check_settings(study: Study) -> None:
    """Settings may not overwrite what the study varies. Raises StudyError."""
    varied = set(study.parameters.values())
    for name in study.layers["settings",].changes:
        if name in varied or ("levers" in varied and name in LEVERS):
            raise StudyError(
                f"--set {name} would overwrite a factor of the study; change the factor instead", key=f"--set.{name}"
            )


def _parse(text: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(text.decode("utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"is not valid TOML: {error}{_line_at(text, str(error))}", key="") from None
    except UnicodeDecodeError as error:
        before = text[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise StudyError(f"is not UTF-8 text (at line {line}, column {column}); save it as UTF-8", key="") from None
    except (RecursionError, ValueError) as error:
        raise StudyError(f"is not valid TOML: {error or 'nested too deeply'}; simplify it", key="") from None


def _line_at(text: bytes, message: str) -> str:
    """What stands on the line that the message names, and what to do about it."""
    number = re.search(r"at line (\d+)", message)
    lines = text.decode("utf-8-sig").splitlines()
    line = lines[int(number[1]) - 1].strip() if number and int(number[1]) <= len(lines) else ""
    if not line:
        return "; mend that line"
    if re.search("overwrite|twice|more than once", message, re.IGNORECASE):
        return f": {shown(line)} says again what has been said above; remove one of them"
    return f": {shown(line)}; mend that line"


def _question(data: dict) -> str:
    question = data.get("question")
    if not isinstance(question, str) or not question.strip():
        given = f"not {shown(question)}" if "question" in data else "and there is none"
        raise StudyError(
            f"question must be a sentence in quotes that says what the study asks, {given}", key="question"
        )
    return question.strip()


def _whole(data: dict, key: str, low: int, high: int, *, default: int) -> int:
    value = data.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        most = "2**63 - 1" if high == MOST_SEED else high
        raise StudyError(f"{key} must be a whole number from {low} to {most}, not {shown(value)}", key=key)
    return value


def _read_layers(data: dict, worlds, designs, settings, folder: Path) -> dict[tuple[str, ...], Layer]:
    layers = {("base",): read_layer(data.get("base", {}), "base", folder=folder)}
    layers["settings",] = read_layer(settings, "--set", folder=Path())
    for name in worlds:
        layers["worlds", name] = read_layer(data.get("worlds", {}).get(name, {}), "worlds", name, folder=folder)
    for name in designs:
        section = data.get("designs", {}).get(name, {})
        changes = {k: v for k, v in section.items() if k != "against"} if isinstance(section, dict) else section
        layers["designs", name] = read_layer(changes, "designs", name, folder=folder)
    return layers


def _column(factor: str, measures: tuple[str, ...]) -> str:
    return f"initial_{factor}" if factor in measures else factor


def _check_pooled(sampling: Sampling, until: Until | None, wants_better_off: bool) -> None:
    """What is told point by point cannot be asked of a sample of points. Raises StudyError."""
    if sampling.method not in POOLED:
        return
    if until is not None:
        raise StudyError(
            f"replicates.until works point by point, for a grid or a table, not with sampling.method = "
            f"{sampling.method!r}, whose intervals are over points; give replicates a number and samples more points",
            key="replicates.until",
        )
    if wants_better_off:
        raise StudyError(
            f"measures has 'better_off', which is told point by point, not with sampling.method = {sampling.method!r}; "
            "remove it, or use a grid or a table",
            key="measures",
        )


def _check_size(study: Study) -> None:
    cells = study.n_points * len(study.worlds) * len(study.designs)
    if cells > MOST_CELLS or cells * study.replicates > MOST_RUNS:
        remedy = "take fewer samples" if study.is_sampled else "use fewer levels"
        raise StudyError(
            f"{'sampling' if study.is_sampled else 'factors'}, worlds and designs make {cells} scenarios and "
            f"{cells * study.replicates} runs, more than {MOST_CELLS} or {MOST_RUNS}; {remedy}",
            key="sampling" if study.is_sampled else "factors",
        )


def _check_last_seed(study: Study) -> None:
    if study.seed + study.replicates - 1 > MOST_SEED:
        raise StudyError(
            f"seed must leave room up to 2**63 - 1 for every replicate (replicate r runs with seed + r - 1): at most "
            f"{MOST_SEED - study.replicates + 1} for {study.replicates} replicates, not {study.seed}",
            key="seed",
        )


def _context(cell: Cell) -> str:
    """Where a scenario comes from, for the end of a sentence."""
    parts = [f"world {cell.world!r}"] if cell.world != UNNAMED else []
    parts += [f"design {cell.design!r}"] if cell.design != UNNAMED else []
    parts += [f"{name} = {level!r}" for name, level in cell.point.items()]
    return f" (in {', '.join(parts)})" if parts else ""
