"""The front door: a scenario and a seed in, a result out."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim import engine as compiled_engine
from sim import measures as measured
from sim import rules
from sim.chance import checked_seed
from sim.errors import ScenarioError, suggestion
from sim.kernel import ALL_COCREATE, ALL_COOPERATE
from sim.parameters import Scenario
from sim.population import Population, build, labels
from sim.trace import late_from

if TYPE_CHECKING:
    import pandas as pd

ENGINES = ("compiled", "mesa")


class Result:
    """One run: ``series`` (a row per step), ``summary`` (a number per measure), final ``organizations``, ``ties``."""

    def __init__(self, scenario: Scenario, seed: int, people: Population, trace, twins, with_ledger: bool):
        self.scenario, self.seed = scenario, seed
        self._people, self._trace, self._twins, self._with_ledger = people, trace, twins, with_ledger

    @cached_property
    def _columns(self) -> dict[str, np.ndarray]:
        return measured.series(self._trace, len(self._people.power), self.scenario.game is not None, self._with_ledger)

    @cached_property
    def series(self) -> pd.DataFrame:
        """One row per step: ``step`` (0, 1, ...) and every series of ``sim.measures.MEASURES``."""
        import pandas as pd

        return pd.DataFrame({"step": np.arange(self.scenario.steps), **self._columns})

    @cached_property
    def summary(self) -> dict[str, float]:
        """Every measure: last-quarter means of the series, and the measures of the whole run."""
        late = late_from(self.scenario.steps)
        return measured.summary(self._trace, self._twins, self._people, self.scenario, self._columns, late)

    @cached_property
    def organizations(self) -> pd.DataFrame:
        """Final state, one row per organization; ``income``: stakes per potential tie and step, over the whole run."""
        import pandas as pd

        people, state = self._people, self._trace.organizations
        ids, sectors = labels(self.scenario)
        return pd.DataFrame(
            {
                "organization": ids if ids is not None else np.arange(len(people.power)),
                "sector": np.array(sectors, dtype=object)[people.sector],
                "power": people.power,
                "participates": people.participates,
                "intention": state["intention"],
                "disposition": state["disposition"],
                "scarcity": state["scarcity"],
                "values": people.values,
                "focus": people.focus,
                "degree": people.degree,
                "active": state["n_active"],
                "wealth": state["wealth"],
                "income": income(people, state, self.scenario.steps),
            }
        )

    @cached_property
    def ties(self) -> pd.DataFrame:
        """Final state, one row per potential tie; ``trust_*`` from the final beliefs, ``income_*`` of the last step."""
        import pandas as pd

        people, state = self._people, self._trace.ties
        ids, _ = labels(self.scenario)
        name = np.asarray(ids if ids is not None else np.arange(len(people.power)))
        return pd.DataFrame(
            {
                "source": name[people.i],
                "target": name[people.j],
                "inside": people.inside,
                "overlap": people.overlap,
                "complementarity": people.complementarity,
                "value_distance": people.value_distance,
                "active": state["active"] == 1,
                "tenure": state["tenure"],
                "trust_source": rules.trust(*(state[f"belief_i{act}"] for act in range(3))),
                "trust_target": rules.trust(*(state[f"belief_j{act}"] for act in range(3))),
                "connection": state["connection"],
                "alignment": state["alignment"],
                "tension": state["tension"],
                "mutual": state["mutual"] == 1,
                "income_source": state["payoff_i"],
                "income_target": state["payoff_j"],
            }
        )


class Observation(NamedTuple):
    """What a sweep keeps of a run, as arrays."""

    values: np.ndarray  # (len(measures),) numbers in the order asked
    series: np.ndarray | None  # (steps, len(series))
    income: np.ndarray | None  # (n,) stakes per potential tie and step, over the whole run; NaN without ties
    power_third: np.ndarray | None  # int8 (n,) 0 weak, 1 middle, 2 strong
    sector: np.ndarray | None  # int16 (n,)
    sector_names: tuple[str, ...]
    kernel_seconds: float


def income(people: Population, organizations, steps: int) -> np.ndarray:
    """Income per potential tie and step over the whole run, (n,); NaN for an organization without ties."""
    degree = people.degree.astype(float)
    return np.divide(organizations["wealth"], degree * steps, out=np.full(len(degree), np.nan), where=degree > 0)


def power_thirds(power: np.ndarray) -> np.ndarray:
    """0, 1, 2 for the weak, middle and strong third; equal power is ranked by index."""
    rank = np.empty(len(power), np.int64)
    rank[np.argsort(power, kind="stable")] = np.arange(len(power))
    return (rank * 3 // len(power)).astype(np.int8)


def _checked_measures(names) -> tuple[str, ...]:
    for name in names:
        if name not in measured.BY_NAME:
            raise ScenarioError(f"unknown measure {name!r}{suggestion(name, measured.BY_NAME)}", key=name)
    return tuple(names)


def _needs(names, what: str) -> bool:
    return any(measured.BY_NAME[name].needs == what for name in names)


def _twins(scenario: Scenario, seed: int, people: Population, with_ledger: bool, threads: int):
    return [  # a twin keeps no ledger: the flag only spares compiling the engine a second time
        compiled_engine.run(scenario, seed, people, twin=twin, with_ledger=with_ledger, threads=threads)
        for twin in (ALL_COOPERATE, ALL_COCREATE)
    ]


def simulate(scenario: Scenario, seed: int = 1, engine: str = "compiled", *, measures=None, threads: int = 1) -> Result:
    """Run one scenario. Same scenario and seed: the same numbers, bit for bit, on either engine and any ``threads``.

    ``engine``: "compiled" (numba) or "mesa" (agents). ``measures``: names of the measures wanted, which decide
    whether the ledger and the twins are computed; None means all. ``threads`` helps from about 10 000 ties on.
    Raises ScenarioError or NetworkError for input that cannot be run.
    """
    names = _checked_measures(MEASURE_NAMES if measures is None else measures)
    seed = checked_seed(seed)
    if engine not in ENGINES:
        raise ScenarioError(f"engine must be one of {' | '.join(ENGINES)}, not {engine!r}{suggestion(engine, ENGINES)}")
    people = build(scenario, seed)
    with_ledger = _needs(names, "ledger")
    with_twins = _needs(names, "twins") and scenario.game is None
    if engine == "mesa":
        from sim.model import run_mesa

        trace = run_mesa(scenario, seed, with_ledger=with_ledger)
    else:
        trace = _compiled(scenario, seed, people, with_ledger, threads)
    # Twins choose nothing, so that no agent is needed.
    twins = _twins(scenario, seed, people, with_ledger, threads) if with_twins else []
    return Result(scenario, seed, people, trace, twins, with_ledger)


def _compiled(scenario, seed, people, with_ledger, threads):
    return compiled_engine.run(scenario, seed, people, with_ledger=with_ledger, threads=threads)


def observe(
    scenario: Scenario, seed: int, names: tuple[str, ...], series: tuple[str, ...] = (), incomes: bool = False
) -> Observation:
    """The lean path for sweeps: one run on the compiled engine, only what was asked, no data frames."""
    _checked_measures((*names, *series))
    people = build(scenario, checked_seed(seed))
    started = time.perf_counter()
    with_ledger = _needs((*names, *series), "ledger")
    trace = _compiled(scenario, seed, people, with_ledger, 1)
    twins = _twins(scenario, seed, people, with_ledger, 1) if _needs(names, "twins") and scenario.game is None else []
    kernel_seconds = time.perf_counter() - started
    wanted = (*series, *measured.series_for(names))
    columns = measured.series(trace, len(people.power), scenario.game is not None, with_ledger, wanted)
    numbers = measured.summary(trace, twins, people, scenario, columns, late_from(scenario.steps), names)
    return Observation(
        values=np.array([numbers[name] for name in names]),
        series=np.column_stack([columns[name] for name in series]) if series else None,
        income=income(people, trace.organizations, scenario.steps) if incomes else None,
        power_third=power_thirds(people.power) if incomes else None,
        sector=people.sector.astype(np.int16) if incomes else None,
        sector_names=labels(scenario)[1] if incomes else (),
        kernel_seconds=kernel_seconds,
    )


MEASURE_NAMES: tuple[str, ...] = tuple(measure.name for measure in measured.MEASURES)
