"""The door of the model: whatever is given, a scenario that can be run or one sentence that names the key."""

import dataclasses
import json
import math
import tomllib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import Event, Phase, Scenario, ScenarioError, Sector
from sim.errors import suggestion
from sim.parameters import BY_NAME, LEVERS, PARAMETERS, PRESETS

NAMES = tuple(BY_NAME)
NUMBERS = [p for p in PARAMETERS if p.kind in ("real", "integer")]
ROOMY = Scenario(network="complete")  # where no bound depends on another parameter

# --- anything at all -------------------------------------------------------------------------------------------------

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.binary(max_size=3)
KEYS = st.sampled_from(["kind", "step", "size", "duration", "name", "share", "power", "levers", *LEVERS[:2]]) | st.text(
    max_size=5
)
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4) | st.tuples(inner),
    max_leaves=9,
)
NEARLY = st.sampled_from([
    0, 1, -1, 0.5, 2, 10**400, -0.0, math.nan, math.inf, np.float64(0.5), np.int32(3), np.bool_(True), 1j, "0.5",
    "hubs", "pairs", "file", "sectors", "belief", [[0, 5], [-1, 3]], [[1]], [[1, 2, 3]] * 3, [[1, "x"], [2, 3]],
    [[1, math.nan], [2, 3]],
    [{"kind": "turnover", "step": 3, "size": 0.5}], [{"kind": "turnover", "step": 3}], [{"step": 5, "levers": 0.5}],
    [{"step": 5, "levers": 1.5}], [{"step": -1}], [{"name": "funder", "share": 1}], [{"name": "hubs", "share": 1}],
    [{"name": "a", "share": 0}], [Event("conflict", 2, 0.1)], [Phase(2, (("listening", 1.0),))], [Sector("a", 1.0)],
])  # fmt: skip


def check(changes):
    """The law: a frozen, canonical scenario, or ScenarioError in one sentence that names the culprit."""
    try:
        scenario = Scenario().replace(**changes)
    except ScenarioError as error:
        sentence = str(error)
        assert error.key in changes or error.key.split(".")[0] in NAMES  # "phases.listening": inside a table
        assert repr(error.key)[1:-1] in sentence and "\n" not in sentence and len(sentence) < 400
        return None
    assert Scenario(**scenario.to_dict()) == scenario
    for p in NUMBERS:
        value = getattr(scenario, p.name)
        assert type(value) is (float if p.kind == "real" else int) and math.isfinite(value)
        assert p.low is None or value >= p.low
        assert p.high is None or value <= p.high
    hash(scenario)
    return scenario


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.dictionaries(st.sampled_from((*NAMES, "levers")) | st.text(max_size=8), ANYTHING | NEARLY, max_size=3))
def test_anything_gives_a_scenario_or_a_sentence(changes):
    check(changes)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.sampled_from(["events", "phases", "sectors", "game"]), ANYTHING | NEARLY)
def test_anything_for_a_table_gives_a_scenario_or_a_sentence(name, value):
    check({name: value})


# --- every parameter's bounds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", NUMBERS, ids=lambda p: p.name)
def test_a_number_is_taken_up_to_its_bounds_and_not_beyond(p):
    step = 1 if p.kind == "integer" else 1e-9
    for bound, is_open, outward in ((p.low, p.open_low, -step), (p.high, p.open_high, step)):
        if bound is None:
            continue
        with pytest.raises(ScenarioError, match=p.name):
            ROOMY.replace(**{p.name: bound + outward})
        if is_open:
            with pytest.raises(ScenarioError, match=p.name):
                ROOMY.replace(**{p.name: bound})
        inside = bound - outward * 1.5 if is_open else bound
        assert getattr(ROOMY.replace(**{p.name: inside}), p.name) == inside


NO_NUMBERS = [math.nan, math.inf, -math.inf, True, "1", None, [1], 10**400]


@pytest.mark.parametrize("p", NUMBERS, ids=lambda p: p.name)
@pytest.mark.parametrize("wrong", NO_NUMBERS, ids=lambda x: repr(x)[:5])
def test_a_number_must_be_a_finite_number(p, wrong):
    with pytest.raises(ScenarioError, match=p.name) as caught:
        Scenario().replace(**{p.name: wrong})
    assert caught.value.key == p.name


@pytest.mark.parametrize("p", [p for p in PARAMETERS if p.kind == "integer"], ids=lambda p: p.name)
def test_a_whole_number_may_be_written_as_a_float_but_must_be_whole(p):
    assert getattr(ROOMY.replace(**{p.name: 12.0}), p.name) == 12
    with pytest.raises(ScenarioError, match=f"{p.name} must be a whole number"):
        ROOMY.replace(**{p.name: 12.5})


def test_the_limits_are_those_of_the_model():
    """What the model's description demands, one by one."""
    for name in ("memory", "connection_decay", "tension_decay", "engagement", "misperception", "turnover", *LEVERS):
        assert BY_NAME[name].interval == "[0, 1]", name
    assert BY_NAME["patience"].open_high and BY_NAME["patience"].high == 1
    for name in ("prior_strength", "imagined_synergy", "scale_at"):
        with pytest.raises(ScenarioError, match=name):
            Scenario().replace(**{name: 0})
    assert BY_NAME["n_organizations"].low == 2
    assert BY_NAME["synergy"].low == 0 and not BY_NAME["synergy"].open_low
    assert (BY_NAME["intention"].low, BY_NAME["intention"].high) == (-1, 1)


# Section 6 of the model's description.
DEFAULTS = dict(
    synergy=3, collective=1, crowding=0.01, duplication=0.45, rivalry=0.25, appropriation=0.45, investment=0.35,
    engagement=0.25, upkeep=0.02, lever_cost=0.015, credit_seeking=0.1, extraction=0.5, resource=0.5, conflict_rate=0.1,
    misperception=0.05, pretense=0.1, setback=0.05, turnover=0.015, outreach=0.1, convening_reach=3, review=0.02,
    rationality=5, patience=0.6, vision=0.4, memory=0.95, negativity=3, imagined_synergy=5, scarcity_rate=0.05,
    disposition_rate=0.05, alignment_rate=0.1, connection_rate=0.1, connection_decay=0.98, loyalty=0.5,
    initial_alignment=0.6, tension_rise=0.2, tension_decay=0.93, repair=0.7, toward_base=0.33, toward_best=0.87,
    scale_at=0.8, tremble=0.05, learning_rate=0.1, imitation=0, imitation_step=0.5, selection=1, n_organizations=100,
    degree=6, rewiring=0.1, power_inequality=1, trust=0.5, trust_concentration=6, hope=0.3, prior_strength=2,
    intention=0.3, intention_sd=0.45, scarcity=0.5, scarcity_sd=0.2, initial_active=0.3, steps=200, participants=1,
    connection_steps=0, network="small-world", choice="belief", punishment="exit", recruit="random",
    **dict.fromkeys(LEVERS, 0),
)  # fmt: skip


def test_the_baseline_is_that_of_the_model():
    baseline = Scenario().to_dict()
    assert {name: baseline[name] for name in DEFAULTS} == DEFAULTS
    assert len(LEVERS) == 12
    assert PRESETS["coalition"] == {"n_organizations": 30, "degree": 8.0, "network": "core-periphery"}


@pytest.mark.parametrize("p", PARAMETERS, ids=lambda p: p.name)
def test_every_parameter_says_what_it_is_and_who_says_so(p):
    assert p.meaning and p.source and p.group
    assert p.unit or p.kind in ("choice", "path", "table")
    if p.source.lower().startswith("our assumption"):
        assert "because" in p.source


# --- there and back --------------------------------------------------------------------------------------------------

FULL = Scenario().replace(
    levers=0.3, celebration=0.9, n_organizations=40, network="sectors", participants=0.4, recruit="funder",
    sectors=[{"name": "funder", "share": 0.2, "power": 4, "values": 0.1}, {"name": "club", "share": 0.8, "trust": 0.7}],
    phases=[{"step": 50, "levers": 0.5, "curiosity": 0.0, "connection_steps": 2}, {"step": 10, "listening": 1}],
    events=[{"kind": "turnover", "step": 60, "size": 0.5, "duration": 3}, {"kind": "scarcity", "step": 5, "size": 0.2}],
    game=[[0, 5.5], [-1, 3]],
)  # fmt: skip


def test_a_scenario_comes_back_from_plain_values():
    assert Scenario(**FULL.to_dict()) == FULL
    assert Scenario(**json.loads(json.dumps(FULL.to_dict()))) == FULL
    assert set(FULL.to_dict()) == set(NAMES)


def test_a_scenario_comes_back_from_toml():
    text = 'synergy = 2\nlistening = 1\nnetwork = "pairs"\n[[events]]\nkind = "conflict"\nstep = 4\nsize = 0.5\n'
    read = Scenario().replace(**tomllib.loads(text))
    assert read == Scenario(synergy=2.0, listening=1.0, network="pairs", events=(Event("conflict", 4, 0.5),))


def test_tables_are_put_in_the_order_of_their_steps():
    assert [phase.step for phase in FULL.phases] == [10, 50]
    assert [event.step for event in FULL.events] == [5, 60]


def test_equal_values_make_equal_scenarios_however_they_are_written():
    assert Scenario(synergy=3, steps=200.0) == Scenario() == Scenario(synergy=np.float64(3))
    assert hash(Scenario(synergy=3)) == hash(Scenario())


def test_levers_sets_all_twelve_before_any_named_singly():
    scenario = Scenario().replace(levers=0.4, listening=0.9)
    assert scenario.listening == 0.9
    assert {getattr(scenario, lever) for lever in LEVERS if lever != "listening"} == {0.4}
    phase = Scenario().replace(phases=[{"step": 3, "listening": 0.9, "levers": 0.4}]).phases[0]
    assert dict(phase.changes) == dict.fromkeys(LEVERS, 0.4) | {"listening": 0.9}


def test_a_scenario_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Scenario().synergy = 1.0
    before = Scenario()
    before.replace(synergy=0)
    assert before.synergy == 3.0


# --- faults that name the key and the way out ------------------------------------------------------------------------

FAULTS = [
    # a misspelt word: the nearest is suggested
    ({"sinergy": 1}, "sinergy", "did you mean 'synergy'"),
    ({"lever": 1}, "lever", "did you mean 'levers'"),
    ({"network": "small_world"}, "network", "did you mean 'small-world'"),
    ({"choice": "beliefs"}, "choice", "did you mean 'belief'"),
    ({"recruit": "hub"}, "recruit", "did you mean 'hubs'"),
    ({"events": [{"kind": "turnovers", "step": 1, "size": 1}]}, "events", "did you mean 'turnover'"),
    ({"events": [{"kind": "turnover", "steps": 1, "size": 1}]}, "events", "did you mean 'step'"),
    ({"phases": [{"step": 1, "listning": 1}]}, "phases", "did you mean 'listening'"),
    ({"sectors": [{"name": "a", "share": 1, "pwer": 2}]}, "sectors", "did you mean 'power'"),
    # inside tables
    ({"events": [{"kind": "turnover", "step": 1}]}, "events", "size"),
    ({"events": [{"kind": "turnover", "step": 1, "size": 2}]}, "events", "events.size must lie in [0, 1]"),
    ({"events": {"kind": "turnover"}}, "events", "list of tables"),
    ({"phases": [{"step": 1}, {"step": 1}]}, "phases", "same step"),
    ({"phases": [{"listening": 1}]}, "phases", "step"),
    ({"sectors": [{"name": "a", "share": 1}, {"name": "a", "share": 2}]}, "sectors", "its own name"),
    ({"sectors": [{"name": "a", "share": 0}]}, "sectors", "more than 0"),
    ({"sectors": [{"name": "hubs", "share": 1}]}, "sectors", "other than"),
    ({"sectors": [{"name": "a", "share": 1, "power": 0}]}, "sectors", "(0, inf)"),
    ({"game": [[1, 2, 3], [1, 2, 3]]}, "game", "2x2 or 3x3"),
    ({"game": [[1, 2], [3, None]]}, "game", "number"),
    ({"game": 5}, "game", "2x2 or 3x3"),
    # what does not go together
    ({"degree": 120}, "degree", "lower it or add organizations"),
    ({"network": "pairs", "n_organizations": 3}, "n_organizations", "even"),
    ({"network": "file"}, "network", "both CSV files"),
    ({"organizations": "a.csv"}, "organizations", "network = 'file'"),
    ({"network": "sectors"}, "network", "table of sectors"),
    ({"recruit": "funder"}, "recruit", "must be one of"),
]


@pytest.mark.parametrize(("changes", "key", "remedy"), FAULTS, ids=lambda x: "")
def test_a_fault_is_named_with_its_remedy(changes, key, remedy):
    with pytest.raises(ScenarioError) as caught:
        Scenario().replace(**changes)
    assert caught.value.key.split(".")[0] == key
    assert remedy in str(caught.value) and key in str(caught.value)


def test_the_nearest_word_is_suggested_only_when_it_is_near():
    assert suggestion("trst", ["trust", "rest"]) == "; did you mean 'trust'?"
    assert suggestion("zzz", ["trust", "rest"]) == ""
