"""What a study file means, and that anything else is refused with the key at fault."""

import string
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.errors import PositiveSumError, StudyError, key_path
from experiments.plan import make_plan
from experiments.study import KEYS, Study, read_study, study_from
from sim.parameters import BY_NAME, LEVERS, Scenario


def valid() -> dict:
    """A study that uses every key."""
    return {
        "question": "Does it pay?",
        "replicates": 3,
        "seed": 5,
        "measures": ["value", "bars", "better_off"],
        "series": ["mutual"],
        "reference": {"world": "growing", "design": "usual"},
        "base": {
            "n_organizations": 12,
            "degree": 4,
            "steps": 8,
            "events": [{"kind": "conflict", "step": 2, "size": 0.5}],
        },
        "worlds": {"growing": {}, "fixed": {"synergy": 0}},
        "designs": {
            "usual": {},
            "half": {"levers": 0.3},
            "half and ear": {"against": "half", "levers": 0.3, "listening": 1},
        },
        "factors": {"rivalry": [0.1, 0.25], "turnover": {"from": 0, "to": 0.2, "points": 3}},
    }


# What a study means --------------------------------------------------------------------------------------------------


def test_layers_lie_on_one_another_from_base_to_settings():
    layers = {
        "question": "Which layer wins?",
        "base": {"synergy": 1, "steps": 10, "rivalry": 0.3, "listening": 0.1},
        "worlds": {"w": {"synergy": 2, "crowding": 0.5}},
        "designs": {"d": {"crowding": 0.6, "listening": 0.2, "levers": 0.4}},
        "factors": {"patience": [0.1, 0.2]},
    }
    study = study_from(layers, settings={"steps": 20})
    scenario = study.scenario("w", "d", {"patience": 0.2})
    expected = Scenario().replace(
        levers=0.4, listening=0.2, synergy=2, crowding=0.6, rivalry=0.3, patience=0.2, steps=20
    )
    assert scenario == expected


def test_levers_go_before_a_lever_named_singly_in_whatever_order_they_are_written():
    for design in ({"levers": 0.4, "listening": 1}, {"listening": 1, "levers": 0.4}):
        scenario = study_from({"question": "?", "designs": {"d": design}}).scenario()
        assert scenario.listening == 1
        assert {getattr(scenario, lever) for lever in LEVERS} == {1, 0.4}


def test_a_design_is_compared_with_the_reference_unless_it_names_another():
    assert study_from(valid()).against == {"half": "usual", "half and ear": "half"}


def test_a_study_of_a_question_alone_is_the_baseline():
    study = study_from({"question": "What is?"})
    assert (study.worlds, study.designs, study.factors) == (("base",), ("base",), {})
    assert study.scenario() == Scenario()
    assert len(study.points()) == 1


def test_ranges_hit_round_numbers_and_both_ends():
    factors = {"levers": {"from": 0, "to": 1, "points": 11}, "degree": {"from": 2, "to": 8, "step": 2}}
    study = study_from({"question": "?", "factors": factors})
    assert study.factors["levers"] == tuple(k / 10 for k in range(11))
    assert study.factors["degree"] == (2, 4, 6, 8)


def test_ranges_on_other_scales_hit_both_ends():
    factors = {
        "rationality": {"from": 0.5, "to": 50, "points": 3, "scale": "log"},
        "n_organizations": {"from": 10, "to": 1000, "points": 5, "scale": "log"},
        "degree": {"from": 2, "to": 9, "points": 3, "scale": "integer"},
    }
    study = study_from({"question": "?", "factors": factors})
    assert study.factors["rationality"] == (0.5, 5, 50)
    assert study.factors["n_organizations"] == (10, 32, 100, 316, 1000)  # a number that counts is rounded
    assert study.factors["degree"] == (2, 6, 9)


def test_a_factor_that_is_also_a_measure_gets_a_column_of_its_own():
    study = study_from({"question": "?", "measures": ["trust", "value"], "factors": {"trust": [0.2, 0.8]}})
    assert study.factors == {"initial_trust": (0.2, 0.8)}
    assert study.scenario(point={"initial_trust": 0.2}).trust == 0.2


def test_words_that_stand_for_several_measures():
    study = study_from(valid() | {"measures": ["bars", "losses", "better_off", "value"]})
    assert study.measures[:4] == ("gain_realized", "gain_avoidable", "gain_out_of_reach", "shortfall")
    assert sum(name.startswith("loss_") for name in study.measures) == 12
    assert study.measures[-1] == "value"
    assert study.wants_better_off


def test_csv_paths_are_relative_to_the_study_file(tmp_path):
    (tmp_path / "study.toml").write_text(
        'question = "?"\n[base]\nnetwork = "file"\norganizations = "a.csv"\nties = "b.csv"\n'
    )
    assert read_study(tmp_path / "study.toml").scenario().ties == str(tmp_path / "b.csv")


def test_a_byte_order_mark_is_no_fault(tmp_path):
    (tmp_path / "study.toml").write_bytes(b'\xef\xbb\xbfquestion = "?"\n')
    assert read_study(tmp_path / "study.toml").question == "?"


def test_the_last_seed_there_is_can_be_used():
    assert study_from({"question": "?", "seed": 2**63 - 2, "replicates": 2}).seed == 2**63 - 2


def test_what_a_setting_overrides_is_known():
    study = study_from(valid(), settings={"listening": 0.2})
    assert study.overridden("listening") == ["designs.half.levers", 'designs."half and ear".listening']
    assert study.overridden("synergy") == ["worlds.fixed.synergy"]
    assert study.overridden("rivalry") == []


# What is refused, and how it is named --------------------------------------------------------------------------------


def changed(**changes) -> dict:
    return valid() | changes


REFUSED = [
    (changed(replicats=3), "replicats", "did you mean 'replicates'"),
    (changed(replicates=0), "replicates", "no runs"),
    (changed(replicates=True), "replicates", "whole number"),
    (changed(replicates=2.0), "replicates", "whole number"),
    (changed(seed=-1), "seed", "from 0"),
    (changed(question=""), "question", "sentence"),
    ({"replicates": 2}, "question", "there is none"),
    (changed(measures=["valu"]), "measures", "did you mean 'value'"),
    (changed(measures=["value", "value"]), "measures", "twice"),
    (changed(measures="value"), "measures", "list"),
    (changed(measures=[]), "measures", "at least one"),
    (changed(measures=["better_off"]), "measures", "besides better_off"),
    (changed(series=["captured"]), "series", "not a measure"),  # one number per run, not per step
    (changed(reference={"world": "fixd"}), "reference.world", "did you mean 'fixed'"),
    (changed(reference={"wurld": "fixed"}), "reference.wurld", "did you mean 'world'"),
    (changed(base={"synergi": 1}), "base.synergi", "did you mean 'synergy'"),
    (changed(base={"synergy": -1}), "base.synergy", "[0, 1e+06]"),
    (changed(base={"preset": "coalitions"}), "base.preset", "coalition"),
    (changed(worlds={}), "worlds", "no runs"),
    (changed(worlds=[1]), "worlds", "tables"),
    (changed(worlds={"": {}}), 'worlds.""', "name"),
    (changed(worlds={"growing": {"synergy": "much"}}), "worlds.growing.synergy", "must be a number"),
    (changed(designs={"full design": {"listening": 1.5}}, reference={}), 'designs."full design".listening', "[0, 1]"),
    (changed(designs={"full design": {"levers": 2}}, reference={}), 'designs."full design".levers', "[0, 1]"),
    (changed(designs={"usual": {}, "x": {"against": "y"}}), "designs.x.against", "usual | x"),
    (changed(designs={"usual": {"against": "usual"}}), "designs.usual.against", "itself"),
    (changed(designs={"usual": 3}), "designs.usual", "table"),
    # tables of events and phases: which entry, and what never happens
    (changed(base={"events": {"kind": "conflict"}}), "base.events", "write [[base.events]]"),
    (
        changed(designs={"usual": {"phases": {"step": 1}}}, reference={}),
        "designs.usual.phases",
        "must be a list of tables, not {'step': 1}; write [[designs.usual.phases]]",
    ),
    (
        changed(base={"events": [{"kind": "conflict", "step": 1, "size": 2}]}),
        "base.events",
        "base.events[1].size must lie in [0, 1], not 2",
    ),
    (
        changed(base={"events": [{"kind": "conflict", "step": 1, "size": 1}, {"kind": "flood", "step": 1, "size": 1}]}),
        "base.events",
        "base.events[2].kind must be one of turnover | scarcity | conflict, not 'flood' (table 2 of 2)",
    ),
    (changed(base={"phases": [{"step": 1, "listning": 1}]}), "base.phases", "base.phases[1] has an unknown key"),
    (
        changed(base={"steps": 8, "events": [{"kind": "conflict", "step": 8, "size": 0.5}]}),
        "base.events",
        "base.events[1].step = 8 never happens, because runs end after step 7 (steps = 8)",
    ),
    (
        changed(designs={"usual": {"phases": [{"step": 2, "levers": 1}, {"step": 9, "levers": 0}]}}, reference={}),
        "designs.usual.phases",
        "designs.usual.phases[2].step = 9 never happens",
    ),
    (changed(factors={"steps": [8, 2]}), "base.events", "steps = 2"),  # one level of a factor is enough
    (changed(seed=2**63), "seed", "2**63 - 1"),
    (changed(seed=2**63 - 2), "seed", "every replicate"),  # of three replicates the last has no seed
    (changed(factors={"rivalri": [1]}), "factors.rivalri", "did you mean 'rivalry'"),
    (changed(factors={"rivalry": []}), "factors.rivalry", "no runs"),
    (changed(factors={"rivalry": [0.1, 0.1]}), "factors.rivalry", "twice"),
    (changed(factors={"rivalry": [0, 0.0]}), "factors.rivalry", "twice"),
    (changed(factors={"rivalry": [[1]]}), "factors.rivalry", "must be a number"),
    (changed(factors={"patience": [1]}), "factors.patience", "[0, 1)"),
    (changed(factors={"network": ["small-worlds"]}), "factors.network", "did you mean 'small-world'"),
    (changed(factors={"network": [1]}), "factors.network", "words"),
    (changed(factors={"steps": {"from": 1, "to": 2, "points": 3}}), "factors.steps", "whole number"),
    (changed(factors={"events": [1]}), "factors.events", "cannot vary"),
    (changed(factors={"rivalry": 0.1}), "factors.rivalry", "list"),
    (changed(factors={"rivalry": {"from": 1, "to": 1, "points": 2}}), "factors.rivalry", "smaller"),
    (changed(factors={"rivalry": {"from": 0, "to": 1, "points": 1}}), "factors.rivalry.points", "from 2"),
    (changed(factors={"rivalry": {"from": 0, "to": 1, "step": 0.3}}), "factors.rivalry.step", "whole steps"),
    (changed(factors={"rivalry": {"from": 0, "to": 1, "step": 0}}), "factors.rivalry.step", "above 0"),
    (changed(factors={"rivalry": {"from": 0, "to": 1}}), "factors.rivalry", "points or step"),
    (changed(factors={"rivalry": {"from": 0, "to": 1}}), "factors.rivalry", "[sampling] method"),
    (
        changed(factors={"rivalry": {"from": 0, "to": 1, "points": 3, "scale": "log"}}),
        "factors.rivalry.from",
        "above 0",
    ),
    (
        changed(factors={"rivalry": {"from": 0.1, "to": 1, "step": 0.3, "scale": "log"}}),
        "factors.rivalry.step",
        "points instead",
    ),
    (
        changed(factors={"rivalry": {"from": 0, "to": 1, "points": 3, "scale": "logg"}}),
        "factors.rivalry.scale",
        "did you mean 'log'",
    ),
    (changed(factors={"degree": {"from": 2, "to": 3, "points": 3, "scale": "integer"}}), "factors.degree", "twice"),
    (changed(factors={"rivalry": {"from": 0, "too": 1, "step": 1}}), "factors.rivalry", "did you mean 'to'"),
    (changed(factors={"rivalry": {"from": float("nan"), "to": 1, "step": 1}}), "factors.rivalry.from", "finite"),
    (
        changed(
            factors={"levers": {"from": 0, "to": 1, "points": 800}, "rivalry": {"from": 0, "to": 1, "points": 800}}
        ),
        "factors",
        "fewer",
    ),
    # valid alone, not together: the key written last is named, and the combination
    (changed(base={"n_organizations": 5, "degree": 4}, factors={"degree": [2, 6]}), "factors.degree", "degree = 6"),
    (
        changed(worlds={"growing": {"network": "pairs", "n_organizations": 5}}),
        "worlds.growing.n_organizations",
        "world 'growing'",
    ),
]


@pytest.mark.parametrize(("data", "key", "words"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_a_fault_is_named_by_its_key_and_a_way_out(data, key, words):
    with pytest.raises(StudyError) as caught:
        make_plan(study_from(data))
    assert caught.value.key == key
    assert key in str(caught.value)
    assert words in str(caught.value)


def test_a_value_that_every_design_hides_is_still_checked():
    designs = {"a": {"listening": 0.5}, "b": {"listening": 0.6}}
    with pytest.raises(StudyError, match=r"base\.listening"):
        study_from({"question": "?", "base": {"listening": 7}, "designs": designs})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'question = "?"\nseed = \n', "line 2, column 8"),
        (b'question = "?"\nseed = 1\nseed = 2\n', "'seed = 2' says again what has been said above"),
        (b'question = "?"\n[base]\n[base]\n', "'[base]' says again what has been said above"),
        (b'question = "\xff"\n', "line 1, column 13"),
        (b"a = " + b"[" * 10_000, "TOML"),
    ],
)
def test_malformed_toml_is_named_by_line_and_column(tmp_path, text, words):
    path = tmp_path / "bad.toml"
    path.write_bytes(text)
    with pytest.raises(StudyError) as caught:
        read_study(path)
    assert str(caught.value).startswith(str(path))
    assert words in str(caught.value)


@pytest.mark.parametrize("path", ["nowhere.toml", "."])
def test_a_file_that_is_not_there(path):
    with pytest.raises(StudyError, match="cannot be read"):
        read_study(path)


# Whatever is fed to it -----------------------------------------------------------------------------------------------

WORDS = [
    *KEYS,
    *list(BY_NAME)[::6],
    "levers",
    "preset",
    "against",
    "from",
    "to",
    "points",
    "step",
    "scale",
    "method",
    "samples",
    "sobol",
    "morris",
    "latin-hypercube",
    "table",
    "file",
    "world",
    "design",
    "usual",
    "",
]
keys = st.sampled_from(WORDS) | st.text(string.printable, max_size=8)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=8) | st.dates()
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=12
)


def read_or_refused(data: dict) -> None:
    try:
        study = study_from(data)
        make_plan(study) if study.replicates < 100 and len(study.points()) < 10 else None
    except PositiveSumError as error:
        assert str(error)
        assert error.key is not None
    else:
        assert isinstance(study, Study)


@given(st.dictionaries(keys, values, max_size=5))
@settings(max_examples=150, deadline=None)
def test_anything_is_read_or_refused(data):
    read_or_refused(data)


@given(st.lists(keys | st.integers(0, 9), min_size=1, max_size=4), values)
@settings(max_examples=250, deadline=None)
def test_a_valid_study_with_anything_anywhere_is_read_or_refused(path, value):
    data = valid()
    place = data
    for step in path[:-1]:
        inner = sorted(place)[step % len(place)] if isinstance(step, int) and place else str(step)
        if not isinstance(place.get(inner), dict):
            break
        place = place[inner]
    last = sorted(place)[path[-1] % len(place)] if isinstance(path[-1], int) and place else str(path[-1])
    place[last] = value
    read_or_refused(data)


@given(st.binary(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path_factory, text):
    path = Path(tmp_path_factory.getbasetemp(), "bytes.toml")
    path.write_bytes(b'question = "?"\n' + text)
    try:
        read_study(path)
    except StudyError as error:
        assert str(path) in str(error)


@given(st.lists(st.text(max_size=6), min_size=1, max_size=3))
def test_a_key_path_is_read_back_by_toml(parts):
    parsed = tomllib.loads(f"{key_path(*parts)} = 1")
    for part in parts:
        parsed = parsed[part]
    assert parsed == 1
