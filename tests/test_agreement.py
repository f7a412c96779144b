"""One model, told several ways: compiled, Mesa, on several threads, interpreted. The same bits, every time."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import mesa
import numpy as np
import pytest

from sim import PartnershipModel, Scenario, engine, simulate
from sim.kernel import ALL_COCREATE, ALL_COOPERATE
from sim.measures import MEASURES, SERIES
from sim.organization import Organization, TitForTat
from sim.population import build

ROOT = Path(__file__).resolve().parents[1]
EVENTS = [
    {"kind": "conflict", "step": 5, "size": 0.5, "duration": 10},
    {"kind": "turnover", "step": 12, "size": 0.5, "duration": 2},
    {"kind": "scarcity", "step": 20, "size": 0.5},
]
SECTORS = [
    {"name": "funder", "share": 1, "power": 5.0, "intention": -0.2, "values": 0.1},
    {"name": "community", "share": 3, "trust": 0.7, "focus": 0.4},
]
BUSY = Scenario(n_organizations=30, steps=40, turnover=0.03, review=0.08, conflict_rate=0.3, initial_active=0.5)
CASES = {
    "baseline": BUSY,
    "all levers, connection first": BUSY.replace(levers=0.5, connection_steps=3),
    "reciprocal": BUSY.replace(choice="reciprocal", levers=0.3, network="random"),
    "experience, imitation": BUSY.replace(choice="experience", imitation=0.2, network="core-periphery"),
    "hubs take part": BUSY.replace(levers=0.8, participants=0.5, recruit="hubs", network="scale-free"),
    "a sector takes part": BUSY.replace(
        levers=0.8, recruit="community", sectors=SECTORS, network="sectors", imitation=0.1
    ),
    "events and phases": BUSY.replace(
        levers=0.3,
        events=EVENTS,
        phases=[{"step": 15, "levers": 0.8, "connection_steps": 2}, {"step": 25, "curiosity": 0}],
    ),
    "a fixed pie": BUSY.replace(synergy=0, scarcity=0.05, network="pairs", punishment="compete"),
    "a 2x2 game": BUSY.replace(game=[[0, 5], [-1, 3]], imitation=0.2, events=EVENTS),
    "a 3x3 game": BUSY.replace(game=[[0, 5, 6], [-1, 3, 2], [-2, 3, 5]], choice="reciprocal", levers=0.5),
    "a game by experience": BUSY.replace(game=[[1, 2, 0], [0, 1, 2], [2, 0, 1]], choice="experience"),
    "a complete network": BUSY.replace(n_organizations=12, network="complete", crowding=0.05, start_small=1.0),
    "one step": BUSY.replace(steps=1),
    "several chunks of both": BUSY.replace(n_organizations=1100, steps=5, connection_steps=1, imitation=0.2),
    "several chunks, half of them take part": BUSY.replace(
        n_organizations=600, steps=6, participants=0.5, levers=0.6, connection_steps=1, imitation=0.2
    ),
    "several chunks by experience": BUSY.replace(n_organizations=800, steps=5, choice="experience", levers=0.4),
}


def assert_same(one, other):
    for name in ("step", *SERIES):
        assert np.array_equal(one.series[name], other.series[name], equal_nan=True), name
    assert list(one.summary) == [measure.name for measure in MEASURES]
    for name, number in one.summary.items():
        assert np.array_equal(number, other.summary[name], equal_nan=True), name
    assert one.organizations.equals(other.organizations)
    assert one.ties.equals(other.ties)


@pytest.mark.parametrize("name", CASES)
def test_both_engines_and_any_number_of_threads_give_the_same_bits(name):
    compiled = simulate(CASES[name], seed=3)
    assert_same(compiled, simulate(CASES[name], seed=3, engine="mesa"))
    for threads in (2, 3):
        assert_same(compiled, simulate(CASES[name], seed=3, threads=threads))


def test_the_cases_reach_every_part_of_the_model():
    """Agreement says little about what never happens: conflicts of all kinds, ruptures, every act, imitation."""
    series = simulate(CASES["baseline"], seed=3).series
    for name in ("compete", "cooperate", "cocreate", "mutual", "toward", "against", "rupture"):
        assert np.nanmax(series[name]) > 0, name
    assert np.nanmax(1 - series.toward - series.against) > 0  # some turned away
    assert np.ptp(series.active) > 0
    for case in ("experience, imitation", "several chunks of both"):
        still = simulate(CASES[case].replace(imitation=0), seed=3).organizations.intention
        assert not np.array_equal(simulate(CASES[case], seed=3).organizations.intention, still)


def test_what_is_not_asked_for_changes_nothing_else():
    full, lean = simulate(BUSY, seed=3), simulate(BUSY, seed=3, measures=("value", "trust"))
    for name in SERIES:
        if not name.startswith("loss_"):
            assert np.array_equal(full.series[name], lean.series[name], equal_nan=True), name
    assert np.isnan(lean.summary["captured"]) and np.isnan(lean.series.loss_overhead).all()


# --- twins ---


def twin_of(act):
    """A Mesa organization that always does ``act`` in full trust and never leaves: what a twin of a run is."""

    class Twin(Organization):
        def choose(self, partnership):
            return act

        def trust_in(self, partnership):
            return 1.0

        def willing(self, partnership):
            return 1.0

    return Twin


@pytest.mark.parametrize("case", ["baseline", "all levers, connection first", "hubs take part", "events and phases"])
@pytest.mark.parametrize(("twin", "act"), [(ALL_COOPERATE, 1), (ALL_COCREATE, 2)])
def test_a_twin_is_a_world_of_organizations_that_always_do_the_same_in_full_trust(case, twin, act):
    scenario = CASES[case]
    model = PartnershipModel(scenario.replace(initial_active=1.0, imitation=0.0), 3, kind=twin_of(act))
    value = np.zeros(len(model.partnerships))
    for _ in range(scenario.steps):
        model.step()
        value += [sum(side.payoff for side in partnership.sides) for partnership in model.partnerships]
    trace = engine.run(scenario, 3, build(scenario, 3), twin=twin)
    assert np.array_equal(value, trace.tie_value)


# --- Mesa's own tools ---


def test_the_data_collector_holds_every_series():
    model = PartnershipModel(BUSY, seed=5)
    while model.running:
        model.step()
    collected = model.datacollector.get_model_vars_dataframe()
    series = simulate(BUSY, seed=5).series
    assert len(collected) == BUSY.steps
    for name in SERIES:
        assert np.array_equal(collected[name], series[name], equal_nan=True), name


def test_batch_run_sweeps_parameters_by_name():
    swept = {"synergy": [0.0, 3.0], "n_organizations": 10, "steps": 6}
    takes_rng = "rng" in inspect.signature(mesa.batch_run).parameters  # from Mesa 3.5 on seeds go in there
    seeds = {"rng": [4, 5]} if takes_rng else {}
    rows = mesa.batch_run(
        PartnershipModel, swept if takes_rng else swept | {"seed": [4, 5]}, number_processes=1, max_steps=5,
        display_progress=False, **seeds,
    )  # fmt: skip
    assert len(rows) == 4 and {row["seed"] for row in rows} == {4, 5}
    for row in rows:
        scenario = Scenario(synergy=row["synergy"], n_organizations=10, steps=6)
        assert row["value"] in set(simulate(scenario, seed=row["seed"]).series.value)


# --- an organization of one's own ---


class Defector(Organization):
    def choose(self, partnership):
        return 0


LABORATORY = Scenario(
    network="pairs", n_organizations=2, steps=12, game=[[1, 5, 5], [0, 3, 3], [0, 3, 3]], misperception=0, turnover=0
)


def acts(kinds, scenario=LABORATORY, seed=1):
    """Acts of both sides of the first partnership, step by step."""
    model = PartnershipModel(scenario, seed, kind=lambda index: kinds[index])
    played = []
    while model.running:
        model.step()
        played.append([side.act for side in model.partnerships[0].sides])
    return np.array(played).T.tolist()


def test_tit_for_tat_opens_kindly_and_answers_in_kind():
    assert acts([TitForTat, TitForTat]) == [[1] * 12, [1] * 12]
    assert acts([TitForTat, Defector]) == [[1] + [0] * 11, [0] * 12]


def test_misreading_breaks_a_pair_of_tit_for_tats_until_it_is_misread_again():
    """Noise is what tit for tat cannot bear (Axelrod & Dion 1988): each echoes the other."""
    first, second = acts([TitForTat, TitForTat], LABORATORY.replace(steps=200, misperception=0.05))
    assert 0 in first and 0 in second
    for mine, theirs in ((first, second), (second, first)):
        assert all(now == 0 for now, last in zip(mine[1:], theirs, strict=False) if last == 0)


# --- interpreted ---

SMALL = BUSY.replace(n_organizations=8, steps=8, degree=4, turnover=0.1, levers=0.3, imitation=0.3)
INTERPRETED = """
import json, sys
import numpy as np
from sim import Scenario, engine, schedule, simulate
organizations_of = engine.organizations_of
engine.organizations_of = lambda people: organizations_of(people).view(np.recarray)
records = schedule.Segment.records
schedule.Segment.records = lambda segment: records(segment).view(np.recarray)
result = simulate(Scenario(**json.loads(sys.argv[1])), seed=3)
print(json.dumps({name: [float(x).hex() for x in column] for name, column in result.series.items()}))
"""


@pytest.mark.parametrize("choice", ["belief", "reciprocal", "experience"])
def test_the_kernel_interpreted_gives_the_same_bits_as_compiled(choice):
    """Python's own floating point knows no contraction, no reordering, no vector form: neither may the kernel."""
    scenario = SMALL.replace(choice=choice)
    command = [sys.executable, "-W", "ignore", "-c", INTERPRETED, json.dumps(scenario.to_dict())]
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    interpreted = json.loads(done.stdout)
    for name, column in simulate(scenario, seed=3).series.items():
        assert interpreted[name] == [float(x).hex() for x in column], name
