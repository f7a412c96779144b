"""Points: a design fills what its factors may be, grows at its end only, and says what it costs."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.errors import StudyError
from experiments.plan import make_plan
from experiments.sampling import METHODS, advice, needs
from experiments.spans import Span, places_of, values_at, values_on
from experiments.study import read_study, study_from

FACTORS = {
    "synergy": {"from": 0, "to": 5},
    "rationality": {"from": 0.5, "to": 50, "scale": "log"},
    "degree": {"from": 2, "to": 12, "scale": "integer"},
    "choice": ["belief", "reciprocal", "experience"],
}


def study_of(method: str, samples, factors=None, **rest):
    sampling = {"method": method, "samples": samples, **rest}
    return study_from({"question": "?", "replicates": 1, "sampling": sampling, "factors": factors or FACTORS})


def places(study) -> np.ndarray:
    """Where the points lie in their ranges, each from 0 to 1; lists of levels are left out."""
    ranges = {name: span for name, span in study.spans.items() if not span.levels}
    return np.array([places_of(s, np.array([p[n] for p in study.points()])) for n, s in ranges.items()]).T


# A design grows at its end -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["sobol", "morris"])
@given(seed=st.integers(0, 2**63 - 1), samples=st.sampled_from([2, 4, 16]), second_order=st.booleans())
@settings(max_examples=15, deadline=None)
def test_a_larger_design_begins_with_the_smaller_one(method, seed, samples, second_order):
    rest = {"second_order": second_order} if method == "sobol" else {"levels": 6}
    small, large = (study_of(method, n, seed=seed, **rest) for n in (samples, 2 * samples))
    assert large.points()[: len(small.points())] == small.points()
    assert len(large.points()) == 2 * len(small.points())


def test_another_hypercube_leaves_those_there_were():
    small, large = study_of("latin-hypercube", [8, 8]), study_of("latin-hypercube", [8, 8, 5])
    assert large.points()[:16] == small.points()
    assert study_of("latin-hypercube", 8).points() == small.points()[:8]
    assert small.points()[:8] != small.points()[8:]


@pytest.mark.parametrize("method", ["latin-hypercube", "sobol", "morris"])
def test_points_depend_on_the_file_alone(method):
    np.random.seed(5)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    one, other = study_of(method, 4), study_of(method, 4)
    assert one.points() == other.points()
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    assert study_of(method, 4, seed=2).points() != one.points()


def test_values_have_at_most_twelve_digits():
    for method in ("latin-hypercube", "sobol", "morris"):
        for point in study_of(method, 16).points():
            assert all(value == float(f"{value:.12g}") for value in point.values() if isinstance(value, float))


# A design fills what its factors may be ------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [[10], [7, 20]])
def test_every_stretch_of_a_hypercube_has_one_point(sizes):
    factors = {"synergy": FACTORS["synergy"], "rationality": FACTORS["rationality"], "trust": {"from": 0.2, "to": 0.9}}
    at, start = places(study_of("latin-hypercube", sizes, factors)), 0
    for size in sizes:
        stretch = np.floor(at[start : start + size] * size)
        assert (np.sort(stretch, axis=0) == np.arange(size)[:, None]).all()
        start += size


def test_levels_and_whole_numbers_come_equally_often():
    points = study_of("latin-hypercube", 33).points()
    for name, levels in (("degree", range(2, 13)), ("choice", FACTORS["choice"])):
        found = [point[name] for point in points]
        assert {level: found.count(level) for level in levels} == dict.fromkeys(levels, 33 // len(levels))


def test_a_logarithmic_scale_is_uniform_in_the_logarithm():
    points = study_of("sobol", 256).points()
    logs = np.log([point["rationality"] for point in points[:: len(FACTORS) + 2]])  # those of matrix A
    counts, _ = np.histogram(logs, bins=8, range=(np.log(0.5), np.log(50)))
    assert (counts == 32).all()


@given(st.integers(1, 50), st.integers(1, 200), st.booleans())
def test_a_place_gives_a_value_within_its_range(low, width, is_log):
    whole = Span(low, low + width, is_log, is_whole=True, is_count=True)
    ends = np.array([0.0, np.nextafter(1.0, 0.0)])
    assert values_at(whole, ends) == [low, low + width]
    assert values_on(whole, np.array([0.0, 1.0])) == [low, low + width]
    assert all(isinstance(value, int) for value in values_at(whole, ends))
    real = Span(low / 7, (low + width) / 7, is_log)
    at = np.linspace(0, 1, 11)
    assert np.allclose(places_of(real, np.array(values_on(real, at))), at, atol=1e-9)
    assert all(real.low <= value <= real.high for value in values_at(real, at[:-1]))


def test_a_range_that_twelve_digits_cannot_hold_is_not_left():
    span = Span(0.0, 0.1234567890123449)
    assert max(values_at(span, np.array([1 - 1e-15]))) <= span.high


@pytest.mark.parametrize("second_order", [False, True])
def test_sobol_points_mix_two_samples_one_factor_at_a_time(second_order):
    study = study_of("sobol", 16, second_order=second_order)
    k, points = len(FACTORS), [list(point.values()) for point in study.points()]
    block = (2 if second_order else 1) * k + 2
    for j in range(16):
        a, *mixed, b = points[j * block : (j + 1) * block]
        for i in range(k):
            assert mixed[i] == [*a[:i], b[i], *a[i + 1 :]]
            if second_order:
                assert mixed[k + i] == [*b[:i], a[i], *b[i + 1 :]]
    assert study.clusters().tolist() == [j for j in range(16) for _ in range(block)]


def test_each_step_of_a_trajectory_moves_one_factor_and_in_the_end_all_have_moved():
    study = study_of("morris", 50)
    k, points = len(FACTORS), [tuple(point.values()) for point in study.points()]
    clusters = study.clusters()
    assert len(points) == 50 * (k + 1)
    for t in range(50):
        trajectory = [points[i] for i in np.flatnonzero(clusters == t)]
        moved = [[i for i in range(k) if before[i] != after[i]] for before, after in itertools.pairwise(trajectory)]
        assert sorted(i for step in moved for i in step) == list(range(k))
        assert all(len(step) == 1 for step in moved)


def test_trajectories_lie_on_the_grid_and_steps_span_just_over_half_of_it():
    study = study_of("morris", 40, {"synergy": FACTORS["synergy"], "rationality": FACTORS["rationality"]}, levels=6)
    at = places(study)
    assert np.allclose(at * 5, np.rint(at * 5), atol=1e-9)
    steps = np.abs(np.diff(at.reshape(40, 3, 2), axis=1))
    assert np.allclose(steps.max(axis=1), 3 / 5)


@pytest.mark.parametrize("levels", [2, 3, 4, 5])
def test_a_trajectory_moves_between_any_two_levels_of_a_list_equally_often(levels):
    factors = {"trust": [k / 10 for k in range(levels)], "synergy": FACTORS["synergy"]}
    points = [point["trust"] for point in study_of("morris", 6000, factors).points()]
    pairs = [tuple(dict.fromkeys(points[i : i + 3])) for i in range(0, len(points), 3)]
    counts = np.unique(pairs, axis=0, return_counts=True)[1]
    expected = 6000 / (levels * (levels - 1))
    assert len(counts) == levels * (levels - 1)
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


# What the study says of it -------------------------------------------------------------------------------------------


def test_a_grid_is_what_it_was():
    factors = {"trust": [0.2, 0.8], "hope": [0, 1]}
    plain = study_from({"question": "?", "factors": factors})
    named = study_from({"question": "?", "factors": factors, "sampling": {"method": "grid"}})
    assert plain.points() == named.points() == [{"trust": t, "hope": h} for t in (0.2, 0.8) for h in (0, 1)]
    assert not plain.is_sampled
    assert plain.clusters().tolist() == [0, 1, 2, 3]
    assert plain.n_points == 4


def test_factors_of_a_sampled_study_are_both_ends_or_all_levels():
    study = study_of("latin-hypercube", 3)
    assert study.factors == {
        "synergy": (0, 5), "rationality": (0.5, 50), "degree": (2, 12), "choice": ("belief", "reciprocal", "experience")
    }  # fmt: skip
    assert study.is_sampled


def test_cells_are_points_and_within_them_worlds_and_designs():
    data = {
        "question": "?",
        "worlds": {"w": {}, "z": {"crowding": 0}},
        "designs": {"none": {}, "all": {"accountability": 0.5}},
        "measures": ["trust", "value"],
        "sampling": {"method": "sobol", "samples": 2},
        "factors": {"trust": {"from": 0, "to": 1}},
    }
    study = study_from(data)
    cells = list(study.cells())
    assert [cell.point for cell in cells[:: 2 * 2]] == study.points()
    assert [(cell.world, cell.design) for cell in cells[:4]] == [
        ("w", "none"),
        ("w", "all"),
        ("z", "none"),
        ("z", "all"),
    ]
    assert study.scenario(*cells[-1]).trust == cells[-1].point["initial_trust"]
    assert make_plan(study).n_jobs == 2 * 3 * 4 * 24


@pytest.mark.parametrize(
    ("method", "samples", "rest", "words"),
    [
        ("sobol", 64, {}, "sobol: 4 factors need N (k + 2) = 64 x 6 = 384 points"),
        ("sobol", 64, {"second_order": True}, "sobol: 4 factors need N (2k + 2) = 64 x 10 = 640 points"),
        ("morris", 10, {}, "morris: 4 factors need r (k + 1) = 10 x 5 = 50 points"),
        ("latin-hypercube", [6, 4], {}, "latin-hypercube: 6 + 4 = 10 points, however many factors there are (4)"),
    ],
)
def test_what_a_design_costs_is_what_it_makes(method, samples, rest, words):
    study = study_of(method, samples, **rest)
    assert needs(study.sampling, 4) == (len(study.points()), words)
    assert study.n_points == len(study.points()) == len(study.clusters())


@pytest.mark.parametrize(
    ("method", "few", "enough"), [("sobol", 256, 512), ("morris", 9, 10), ("latin-hypercube", 39, 40)]
)
def test_advice_is_given_where_a_design_is_small(method, few, enough):
    assert str(few) in advice(study_of(method, few).sampling, 4)
    assert not advice(study_of(method, enough).sampling, 4)


# Points of one's own -------------------------------------------------------------------------------------------------


def own(tmp_path, text: str | bytes):
    (tmp_path / "points.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    study = tmp_path / "study.toml"
    study.write_text('question = "?"\n[sampling]\nmethod = "table"\nfile = "points.csv"\n')
    return read_study(study)


def test_points_of_ones_own_are_taken_as_they_stand(tmp_path):
    study = own(tmp_path, "\ufefftrust, choice ,levers,steps\n0.3,belief,0,10\n\n0.1,experience,0.5,20\n")
    assert study.points() == [
        {"trust": 0.3, "choice": "belief", "levers": 0.0, "steps": 10},
        {"trust": 0.1, "choice": "experience", "levers": 0.5, "steps": 20},
    ]
    assert study.factors["trust"] == (0.1, 0.3)
    assert study.clusters().tolist() == [0, 1]
    assert study.scenario(point=study.points()[1]).listening == 0.5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("trsut\n0.1\n", "line 1, column 'trsut': is not a parameter; did you mean 'trust'"),
        ("trust,trust\n0.1,0.2\n", "line 1, column 'trust': this column stands there twice"),
        ("trust,\n0.1,\n", "line 1: a column has no name"),
        ("trust;hope\n0.1;0.2\n", "line 1: columns are separated by ';'"),
        ("events\n1\n", "line 1, column 'events': is a table and cannot vary"),
        ("levers,listening\n1,0\n", "line 1: listening is one of the twelve that levers varies at once"),
        ("trust,hope\n0.1\n", "line 2: has 1 cells where the header has 2"),
        ("trust,hope\n0.1,\n", "line 2, column 'hope': must be a number in [0, 1], not a blank cell; fill it in"),
        ("trust\n0.1\n\nmuch\n", "line 4, column 'trust': must be a number in [0, 1], not 'much'"),
        ("trust\n1.5\n", "line 2, column 'trust': must be a number in [0, 1], not '1.5'"),
        ("trust\nnan\n", "line 2, column 'trust': must be a number"),
        ("patience\n1\n", "line 2, column 'patience': must be a number in [0, 1), not '1'"),
        ("steps\n2.5\n", "line 2, column 'steps': must be a whole number in [1, 1e+07], not '2.5'"),
        ("choice\nbelieve\n", "line 2, column 'choice': must be one of belief | reciprocal | experience"),
        ("trust\n0.1\n0.2\n0.10\n", "line 4: is the same point as line 2; remove one"),
        ("trust\n", "has a header but no points"),
        ("", "is empty"),
        ('trust\n"0.1\n', "is not well-formed CSV"),
        (b"trust\n\xff\n", "is not UTF-8 text"),
    ],
)
def test_a_fault_in_ones_own_points_is_named_by_file_line_and_column(tmp_path, text, words):
    with pytest.raises(StudyError) as caught:
        own(tmp_path, text)
    assert "points.csv" in str(caught.value)
    assert words in str(caught.value)
    assert caught.value.key == "sampling.file"


# What is refused -----------------------------------------------------------------------------------------------------

SAMPLED = {"method": "sobol", "samples": 4}
RANGE = {"trust": {"from": 0, "to": 1}}
REFUSED = [
    ({"sampling": {"method": "sobl", "samples": 4}}, "sampling.method", "did you mean 'sobol'"),
    ({"sampling": {"samples": 4}}, "sampling.method", "there is none"),
    ({"sampling": 3}, "sampling", "table"),
    ({"sampling": {"method": ["sobol"]}}, "sampling.method", "must be one of"),
    ({"sampling": {"method": "sobol"}}, "sampling.samples", "how many base samples"),
    ({"sampling": {"method": "morris"}}, "sampling.samples", "how many trajectories"),
    ({"sampling": {"method": "sobol", "samples": 100}}, "sampling.samples", "the nearest are 64 and 128"),
    ({"sampling": {"method": "sobol", "samples": 1}}, "sampling.samples", "from 2"),
    ({"sampling": {"method": "morris", "samples": 0}}, "sampling.samples", "from 1"),
    ({"sampling": {"method": "latin-hypercube", "samples": True}}, "sampling.samples", "whole number"),
    ({"sampling": {"method": "latin-hypercube", "samples": [8, 0]}}, "sampling.samples", "whole number"),
    ({"sampling": {"method": "latin-hypercube", "samples": []}}, "sampling.samples", "sizes"),
    ({"sampling": {"method": "sobol", "samples": [4, 4]}}, "sampling.samples", "one number"),
    ({"sampling": SAMPLED | {"seed": -1}}, "sampling.seed", "from 0 to 2**63 - 1"),
    ({"sampling": SAMPLED | {"second_order": 1}}, "sampling.second_order", "true or false"),
    ({"sampling": SAMPLED | {"levels": 4}}, "sampling.levels", "an option of morris, not of sobol"),
    ({"sampling": SAMPLED | {"file": "a.csv"}}, "sampling.file", "an option of table"),
    ({"sampling": SAMPLED | {"sample": 4}}, "sampling.sample", "did you mean 'samples'"),
    ({"sampling": {"method": "grid", "samples": 4}}, "sampling.samples", "not of grid"),
    (
        {"sampling": {"method": "morris", "samples": 4, "second_order": True}},
        "sampling.second_order",
        "option of sobol",
    ),
    ({"sampling": {"method": "morris", "samples": 4, "levels": 5}}, "sampling.levels", "the nearest are 4 and 6"),
    ({"sampling": {"method": "morris", "samples": 4, "levels": 2}}, "sampling.levels", "from 4"),
    ({"sampling": {"method": "table"}, "factors": None}, "sampling.file", "there is none"),
    ({"sampling": {"method": "table", "file": "nowhere.csv"}, "factors": None}, "sampling.file", "cannot be read"),
    ({"sampling": {"method": "table", "file": "points.csv"}}, "factors", "cannot stand beside"),
    ({"sampling": SAMPLED, "factors": {}}, "sampling", "needs factors"),
    ({"sampling": SAMPLED, "factors": None}, "sampling", "needs factors"),
    ({"factors": {"trust": {"from": 0, "to": 1, "points": 3}}}, "factors.trust.points", "belongs to a grid"),
    ({"factors": {"trust": {"from": 0, "to": 1, "step": 0.5}}}, "factors.trust.step", "belongs to a grid"),
    ({"factors": {"trust": {"from": 0, "to": 1.5}}}, "factors.trust.to", "[0, 1]"),
    ({"factors": {"trust": {"from": 1, "to": 0}}}, "factors.trust", "smaller"),
    ({"factors": {"trust": {"from": 0}}}, "factors.trust", "from and to"),
    ({"factors": {"trust": {"from": 0, "to": 1, "scale": "log"}}}, "factors.trust.from", "above 0"),
    ({"factors": {"trust": {"from": 0, "to": 1, "scale": "lg"}}}, "factors.trust.scale", "did you mean 'log'"),
    ({"factors": {"degree": {"from": 2, "to": 2.5, "scale": "integer"}}}, "factors.degree", "whole number"),
    ({"factors": {"steps": {"from": 2, "to": 2.5}}}, "factors.steps.to", "whole number"),
    ({"factors": {"choice": {"from": 0, "to": 1}}}, "factors.choice", "list of words"),
    ({"factors": {"choice": ["belief"]}}, "factors.choice", "one level only"),
    ({"factors": {"trust": 0.5}}, "factors.trust", "{ from = 0, to = 1 }"),
    ({"factors": {"levers": {"from": 0, "to": 1}, "listening": [0, 1]}}, "factors.listening", "one of the twelve"),
    ({"factors": {"degree": {"from": 2, "to": 40}}, "base": {"n_organizations": 12}}, "factors.degree", "at most"),
    ({"sampling": {"method": "sobol", "samples": 2**19}}, "sampling", "fewer samples"),
]


@pytest.mark.parametrize(
    ("changes", "key", "words"), REFUSED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_fault_is_named_by_its_key_and_a_way_out(changes, key, words):
    data = {"question": "?", "replicates": 1, "sampling": SAMPLED, "factors": RANGE} | changes
    with pytest.raises(StudyError) as caught:
        make_plan(study_from({key: value for key, value in data.items() if value is not None}))
    assert caught.value.key == key
    assert key in str(caught.value)
    assert words in str(caught.value)


def test_every_method_is_known_to_the_tests():
    assert METHODS == ("grid", "latin-hypercube", "sobol", "morris", "table")
