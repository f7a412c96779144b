"""The rules told a second time, in plain C (benchmarks/reference.c): the same bits as the engine."""

import sys
from pathlib import Path

import numpy as np
import pytest

from sim import Scenario, engine
from sim.population import build
from sim.simulation import Result
from sim.tally import COLUMNS

sys.path.append(str(Path(__file__).resolve().parents[1]))
from benchmarks import reference

BUSY = Scenario(n_organizations=30, steps=40, turnover=0.03, review=0.08, conflict_rate=0.3, initial_active=0.5)
EVENTS = [
    {"kind": "conflict", "step": 5, "size": 0.5, "duration": 10},
    {"kind": "turnover", "step": 12, "size": 0.5, "duration": 2},
    {"kind": "scarcity", "step": 20, "size": 0.5},
]
PHASES = [{"step": 15, "levers": 0.8, "connection_steps": 2}, {"step": 25, "curiosity": 0}]
SECTORS = [
    {"name": "funder", "share": 1, "power": 5.0, "intention": -0.2, "values": 0.1},
    {"name": "community", "share": 3, "trust": 0.7, "focus": 0.4},
]
CASES = {
    "baseline": Scenario(),
    "half-hearted": Scenario().replace(levers=0.3),
    "full design": Scenario().replace(levers=0.8),
    "busy": BUSY,
    "connection first": BUSY.replace(levers=0.5, connection_steps=3),
    "half take part": BUSY.replace(levers=0.8, participants=0.5, recruit="hubs", network="scale-free"),
    "a sector takes part": BUSY.replace(levers=0.8, recruit="community", sectors=SECTORS, network="sectors"),
    "events and phases": BUSY.replace(levers=0.3, events=EVENTS, phases=PHASES),
    "a fixed pie": BUSY.replace(synergy=0, scarcity=0.05, network="pairs", punishment="compete"),
    "unequal power": BUSY.replace(power_inequality=3.0, extraction=2.0, resource=0.9, network="core-periphery"),
    "everyone knows everyone": BUSY.replace(n_organizations=12, network="complete", crowding=0.05, start_small=1.0),
    "much noise": BUSY.replace(misperception=0.4, pretense=0.9, setback=0.5, levers=0.2),
    "several chunks": BUSY.replace(n_organizations=1500, steps=6, connection_steps=1, levers=0.4),
    "one step": BUSY.replace(steps=1),
}


@pytest.fixture(scope="module", autouse=True)
def compiled():
    try:
        reference.library()
    except reference.NoCompiler as missing:
        pytest.skip(f"NOT COMPARED WITH THE PROGRAM IN C: {missing}")


def both(scenario, seed=2**40 + 3):
    people = build(scenario, seed)
    trace = engine.run(scenario, seed, people, with_ledger=False)
    return reference.run(scenario, seed, people), trace, Result(scenario, seed, people, trace, [], False)


@pytest.mark.parametrize("name", CASES)
def test_c_and_the_engine_give_the_same_bits(name):
    told, trace, result = both(CASES[name])
    for column in reference.SUMS:
        assert np.array_equal(told.sums[column], trace.sums[:, COLUMNS.index(column)]), column
    assert np.array_equal(told.ended, trace.ended)
    for ours, theirs in (
        ("intention",) * 2,
        ("disposition",) * 2,
        ("scarcity",) * 2,
        ("wealth",) * 2,
        ("n_active", "active"),
    ):
        assert np.array_equal(told.organizations[ours], result.organizations[theirs]), theirs
    for column in ("active", "tenure", "connection", "alignment", "tension", "mutual"):
        assert np.array_equal(told.ties[column], result.ties[column]), column
    counts = told.ties["beliefs"]
    for side, column in enumerate(("trust_source", "trust_target")):
        assert np.array_equal(
            1.0 - counts[:, side, 0] / (counts[:, side, 0] + counts[:, side, 1] + counts[:, side, 2]),
            result.ties[column],
        )


def test_the_cases_reach_every_part_of_the_model():
    """Agreement says little about what never happens."""
    sums = both(CASES["busy"])[0].sums
    for column in reference.SUMS:
        assert sums[column].any(), column
    assert (sums["conflict"] > sums["toward"] + sums["against"]).any()  # some turned away
    assert both(CASES["busy"])[0].ended.any()


@pytest.mark.parametrize("changes", [{"choice": "reciprocal"}, {"imitation": 0.1}, {"game": [[0, 5], [-1, 3]]}])
def test_what_the_program_does_not_know_is_refused(changes):
    scenario = BUSY.replace(**changes)
    with pytest.raises(ValueError, match="belief rule only"):
        reference.run(scenario, 1, build(scenario, 1))
