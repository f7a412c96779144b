"""Indices are those of the textbooks where nothing is left to chance, and unbiased where much is."""

import numpy as np
import pandas as pd
import pytest
from SALib.analyze import morris as salib_morris
from SALib.analyze import sobol as salib_sobol
from SALib.test_functions import Ishigami, Sobol_G

from experiments import canvas, effects, sensitivity
from experiments.errors import StudyError
from experiments.sensitivity_figure import MOST_ROWS, draw, figure
from experiments.spans import places_of
from experiments.study import study_from

NAMES = ("trust", "hope", "rivalry", "duplication", "turnover", "setback", "pretense", "review")
UNIT = {"from": 0, "to": 1}
FIRST, TOTAL = np.array([0.313905, 0.442411, 0.0]), np.array([0.557589, 0.442411, 0.243684])  # Ishigami, a 7, b 0.1
VARIANCE = 13.844588


def study_of(method: str, samples: int, k: int = 3, replicates: int = 4, factors=None, **rest):
    data = {"question": "?", "replicates": replicates, "measures": ["value", "mutual"]}
    sampling = {"method": method, "samples": samples, **rest}
    return study_from(data | {"sampling": sampling, "factors": factors or dict.fromkeys(NAMES[:k], UNIT)})


def cube(study) -> np.ndarray:
    points = study.points()
    return np.array([places_of(s, np.array([p[n] for p in points])) for n, s in study.spans.items()]).T


def ishigami(x: np.ndarray) -> np.ndarray:
    return Ishigami.evaluate(np.pi * (2 * x - 1))


def noisy(f: np.ndarray, x: np.ndarray, replicates: int, kind: str, sd: float, seed: int) -> np.ndarray:
    """Runs (points, replicates) around a mean response; ``shared`` is what common random numbers do."""
    rng = np.random.default_rng(seed)
    if kind == "independent":
        return f[:, None] + sd * rng.normal(size=(len(f), replicates))
    z = rng.normal(size=(x.shape[1], replicates))  # a seed's luck, which moves all points, and a factor's effect
    return f[:, None] + sd * (rng.normal(size=replicates) + (2 * x - 1) @ z) / np.sqrt(2)


def shaped(runs: np.ndarray) -> np.ndarray:
    """(points, replicates) as the values of a study with one world, design and measure."""
    return runs[:, None, None, :, None]


def problem(k: int) -> dict:
    return {"num_vars": k, "names": list(NAMES[:k]), "bounds": [[0.0, 1.0]] * k}


# Nothing left to chance ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("second_order", [False, True])
def test_without_chance_indices_are_those_of_salib(second_order):
    study = study_of("sobol", 128, second_order=second_order)
    y = ishigami(cube(study))
    theirs = salib_sobol.analyze(problem(3), y, calc_second_order=second_order, num_resamples=2, seed=1)
    ours = effects.sobol(np.repeat(y.reshape(128, -1, 1), 3, axis=2), 3, second_order)
    assert np.allclose(ours.first.estimate, theirs["S1"], atol=1e-12)
    assert np.allclose(ours.total.estimate, theirs["ST"], atol=1e-12)
    assert np.allclose(ours.first_sum.estimate, theirs["S1"].sum(), atol=1e-12)
    assert np.allclose(ours.chance.estimate, 0, atol=1e-12)
    if second_order:
        assert np.allclose(ours.second.estimate, theirs["S2"][np.triu_indices(3, 1)], atol=1e-12)


def test_without_chance_elementary_effects_are_those_of_salib():
    study = study_of("morris", 30)
    x = cube(study)
    y = ishigami(x)
    theirs = salib_morris.analyze(problem(3), x, y, num_resamples=2, seed=1, num_levels=4)
    ours = effects.morris(np.repeat(y.reshape(30, 4, 1), 3, axis=2), x.reshape(30, 4, 3), np.zeros(3, bool))
    for name in ("mu", "mu_star", "sigma"):
        assert np.allclose(getattr(ours, name).estimate, np.array(theirs[name], dtype=float), atol=1e-9), name
    assert np.allclose(ours.floor, 0, atol=1e-9)


def test_known_indices_of_ishigami_and_the_g_function_lie_in_their_intervals():
    a = np.array([0, 1, 4.5, 9, 99, 99, 99, 99])
    for k, function, first, total in (
        (3, ishigami, FIRST, TOTAL),
        (8, Sobol_G.evaluate, Sobol_G.sensitivity_index(a), Sobol_G.total_sensitivity_index(a)),
    ):
        study = study_of("sobol", 1024, k)
        y = noisy(function(cube(study)), cube(study), 4, "independent", 0.5, seed=1)
        found = effects.sobol(y.reshape(1024, k + 2, 4), k, False)
        for truth, part in ((first, found.first), (total, found.total)):
            assert ((part.low <= truth) & (truth <= part.high)).all()
            assert np.allclose(part.estimate, truth, atol=0.06)


def test_second_order_finds_the_one_interaction_of_ishigami():
    study = study_of("sobol", 2048, second_order=True)
    y = noisy(ishigami(cube(study)), cube(study), 4, "independent", 2.0, seed=1).reshape(2048, 8, 4)
    assert np.allclose(effects.sobol(y, 3, True).second.estimate, [0, 0.243684, 0], atol=0.07)


# Much left to chance -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trials() -> dict[str, list]:
    """Ishigami under chance as large as its own variance: ours, and SALib on the means over four replicates."""
    found = {}
    for kind in ("independent", "shared"):
        ours, naive = [], []
        for seed in range(60):
            study = study_of("sobol", 256, seed=seed)
            x = cube(study)
            y = noisy(ishigami(x), x, 4, kind, np.sqrt(VARIANCE), seed)
            ours.append(effects.sobol(y.reshape(256, 5, 4), 3, False))
            means = salib_sobol.analyze(problem(3), y.mean(axis=1), calc_second_order=False, num_resamples=2, seed=1)
            naive.append([means["S1"], means["ST"]])
        found[kind] = [ours, np.array(naive)]
    return found


@pytest.mark.parametrize("kind", ["independent", "shared"])
def test_chance_does_not_bias_the_indices(trials, kind):
    for part, truth in (("first", FIRST), ("total", TOTAL)):
        estimates = np.array([getattr(found, part).estimate for found in trials[kind][0]])
        error = estimates.std(axis=0, ddof=1) / np.sqrt(len(estimates))
        assert (np.abs(estimates.mean(axis=0) - truth) < 4 * error + 0.01).all()


def test_chance_does_bias_the_indices_of_means_over_replicates(trials):
    first, total = trials["independent"][1].mean(axis=0)
    assert (first[:2] < FIRST[:2] - 0.04).all()  # diluted by a fifth
    assert (total > TOTAL + 0.07).all()  # and every factor interacts with everything


@pytest.mark.parametrize("kind", ["independent", "shared"])
def test_intervals_hold_the_truth_as_often_as_they_say(trials, kind):
    for part, truth in (("first", FIRST), ("total", TOTAL)):
        found = [getattr(found, part) for found in trials[kind][0]]
        held = np.array([(f.low <= truth) & (truth <= f.high) for f in found])
        assert (held.mean(axis=0) >= 0.88).all()  # 95 % of 60 is 57; 53 or fewer would be a chance of 3 %
        assert held.mean() >= 0.93


@pytest.mark.parametrize(("kind", "share"), [("independent", 0.5), ("shared", 0.5)])
def test_the_share_of_chance_is_found_whether_points_share_it_or_not(trials, kind, share):
    estimates = [found.chance.estimate[0] for found in trials[kind][0]]
    assert np.mean(estimates) == pytest.approx(share, abs=0.04)


def test_products_across_replicates_are_free_of_their_chance():
    y = np.random.default_rng(1).normal(3, 5, size=(40_000, 3))
    assert effects.cross(y, y).mean() == pytest.approx(9, abs=0.4)  # and not 9 + 25/3
    assert effects.cross(y[:, :2], y[:, :2]) == pytest.approx(y[:, 0] * y[:, 1])


def test_a_factor_of_pure_chance_has_an_effect_of_zero_and_a_floor_that_says_what_means_would_show():
    study = study_of("morris", 400, 2)
    x = cube(study)
    y = noisy(3 * x[:, 0], x, 4, "independent", 1.0, seed=2)
    found = effects.morris(y.reshape(400, 3, 4), x.reshape(400, 3, 2), np.zeros(2, bool))
    assert found.mu_star.estimate == pytest.approx([3, 0], abs=0.15)
    assert np.abs(found.mu.estimate - [3, 0]).max() < 0.15
    assert (found.sigma.low < 0).all() and (found.sigma.high < 1).all()  # a straight line has no spread
    means = np.abs(np.diff(y.mean(axis=1).reshape(400, 3), axis=1)) / (2 / 3)
    moved = np.abs(np.diff(x.reshape(400, 3, 2), axis=1)).argmax(axis=2)
    assert found.floor[1] == pytest.approx(means[moved == 1].mean(), rel=0.1)


def test_sigma_is_the_spread_of_true_effects():
    study = study_of("morris", 300, 2)
    x = cube(study)
    f = 4 * x[:, 0] * x[:, 1]
    y = noisy(f, x, 6, "independent", 0.7, seed=3)
    places = x.reshape(300, 3, 2)
    noisy_, clean = (
        effects.morris(runs.reshape(300, 3, -1), places, np.zeros(2, bool)) for runs in (y, np.stack([f, f], axis=1))
    )
    assert noisy_.sigma.estimate == pytest.approx(clean.sigma.estimate, abs=0.12)


# The table -----------------------------------------------------------------------------------------------------------


def table_of(study, runs: np.ndarray, **rest) -> pd.DataFrame:
    return sensitivity.analyse(shaped(runs), study, ["value"], **rest)


def verdicts(table: pd.DataFrame, index: str) -> dict[str, str]:
    rows = table[table["index"] == index]
    return dict(zip(rows["factor"], rows["verdict"], strict=True))


@pytest.mark.parametrize("kind", ["independent", "shared"])
def test_verdicts_tell_what_moves_from_what_does_not(kind):
    study = study_of("sobol", 1024, 3, 8)
    x = cube(study)
    f = 3 * x[:, 0] + 2 * x[:, 1]
    table = table_of(study, noisy(f, x, 8, kind, 0.05, seed=1))
    assert verdicts(table, "ST") == {"trust": "moves", "hope": "moves", "rivalry": "does not move"}
    assert set(table["index"]) == {"S1", "ST", "S1_sum", "chance"}
    assert not sensitivity.refusals(table)


def test_a_list_of_words_has_a_size_of_effect_but_no_direction():
    factors = {"trust": UNIT, "choice": ["belief", "reciprocal", "experience"], "hope": UNIT}
    study = study_of("morris", 60, replicates=6, factors=factors)
    points = study.points()
    worth = {"belief": 0.0, "reciprocal": 1.0, "experience": 0.0}
    f = np.array([2 * p["trust"] + worth[p["choice"]] for p in points])
    x = np.array([[p["trust"], p["hope"]] for p in points])
    table = table_of(study, noisy(f, x, 6, "independent", 0.05, seed=1))
    assert verdicts(table, "mu_star") == {"trust": "moves", "choice": "moves", "hope": "does not move"}
    assert set(table[table["factor"] == "choice"]["index"]) == {"mu_star", "floor"}
    mu_star = table[table["index"] == "mu_star"].set_index("factor")["estimate"]
    assert mu_star["trust"] == pytest.approx(2, abs=0.05)
    assert mu_star["choice"] == pytest.approx(2 / 3, abs=0.15)  # two of three pairs of levels differ, by 1


def test_the_least_effect_of_morris_is_a_straight_line_with_a_hundredth_of_the_variance():
    study = study_of("morris", 4000, 2, factors={"trust": UNIT, "choice": ["belief", "experience"]})
    at = study.points()
    for k, column in ((0, [p["trust"] for p in at]), (1, [p["choice"] == "belief" for p in at])):
        least = sensitivity._least_effect(list(study.spans.values())[k], 4)
        assert np.var(np.array(column, float)) * least**2 == pytest.approx(sensitivity.LEAST_SHARE, rel=0.05)


def test_too_wide_intervals_are_refused_with_what_they_would_take():
    study = study_of("sobol", 64)
    x = cube(study)
    runs = noisy(ishigami(x), x, 4, "independent", 1.0, seed=1)
    table = table_of(study, runs)
    assert table["index"].tolist() == ["refused"]
    assert "it would probably take N = " in sensitivity.refusals(table)[0]
    forced = table_of(study, runs, force=True)
    assert not sensitivity.refusals(forced)
    assert any("total indices are known to within" in text for text in sensitivity.warnings(forced))


def test_what_is_constant_is_said_to_be_and_divides_nothing():
    study = study_of("sobol", 8)
    for runs, words in (
        (np.full((40, 4), 2.5), "it is 2.5 in every run"),
        (np.tile([1.0, 2, 3, 4], (40, 1)), "seed by seed"),
    ):
        table = table_of(study, runs)
        assert table["index"].tolist() == ["constant"]
        assert words in sensitivity.warnings(table)[0]


def test_chance_alone_is_refused_and_not_explained():
    study = study_of("sobol", 64)
    table = table_of(study, np.random.default_rng(1).normal(size=(320, 4)))
    assert "cannot be told from that of chance" in sensitivity.refusals(table)[0]


def test_base_samples_with_a_missing_run_are_left_out_whole():
    study = study_of("sobol", 256)
    x = cube(study)
    runs = noisy(ishigami(x), x, 4, "independent", 1.0, seed=1)
    holed = runs.copy()
    holed[[3, 4, 100], [0, 1, 2]] = np.nan  # of base samples 0 (twice) and 20
    table = table_of(study, holed, force=True)
    assert (table["n"].iloc[0], table["n_dropped"].iloc[0]) == (254, 2)
    whole = np.delete(runs.reshape(256, 5, 4), [0, 20], axis=0)
    assert np.allclose(table[table["index"] == "ST"]["estimate"], effects.sobol(whole, 3, False).total.estimate)
    assert any("2 base samples hold a run without a number" in text for text in sensitivity.warnings(table))
    holed[: 5 * 26] = np.nan
    assert "26 of 256" in sensitivity.refusals(table_of(study, holed, force=True))[0]


def test_impossible_estimates_are_shown_and_warned_of():
    study = study_of("sobol", 16)
    table = table_of(study, noisy(ishigami(cube(study)), cube(study), 4, "independent", 4.0, seed=4), force=True)
    below = table[table["index"].isin(["S1", "ST"]) & (table["estimate"] < 0)]
    assert len(below)
    told = " ".join(sensitivity.warnings(table))
    assert all(f"{row['index']} of {row['factor']}" in told for row in below.to_dict("records"))


@pytest.mark.parametrize(
    ("method", "n", "force", "words"),
    [
        ("sobol", 1, False, "replicates >= 3"),
        ("sobol", 1, True, "replicates >= 2"),
        ("morris", 2, False, "what the choice of seeds does"),
        ("latin-hypercube", 4, False, "not latin-hypercube"),
    ],
)
def test_what_cannot_be_analysed_is_refused_with_a_remedy(method, n, force, words):
    study = study_of(method, 8)
    with pytest.raises(StudyError, match=words):
        table_of(study, np.zeros((study.n_points, n)), force=force)


def test_two_replicates_are_analysed_on_demand_and_warned_of():
    study = study_of("morris", 20)
    x = cube(study)
    table = table_of(study, noisy(ishigami(x), x, 2, "independent", 1.0, seed=1), force=True)
    assert "the choice of seeds" in sensitivity.warnings(table)[-1]


def test_the_same_runs_give_the_same_table_and_figure(tmp_path):
    for method in ("sobol", "morris"):
        study = study_of(method, 64)
        x = cube(study)
        runs = noisy(ishigami(x), x, 4, "shared", 1.0, seed=1)
        one, other = (table_of(study, runs, force=True) for _ in range(2))
        pd.testing.assert_frame_equal(one, other)
        paths = [draw(table, study, tmp_path / f"{name}.png") for name, table in (("a", one), ("b", other))]
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_figure_says_why_there_are_no_numbers(tmp_path):
    study = study_of("sobol", 8)
    assert draw(table_of(study, np.ones((40, 4))), study, tmp_path / "a.png").stat().st_size > 1000


def test_a_figure_of_many_factors_draws_the_strongest_and_counts_the_rest():
    from sim.parameters import LEVERS, PARAMETERS

    names = [p.name for p in PARAMETERS if (p.kind, p.low, p.high, p.open_high) == ("real", 0, 1, False)][:30]
    strong = [name for name in names if name not in LEVERS][-3:]  # last in the file, first in the figure
    study = study_of("morris", 20, factors=dict.fromkeys(names, UNIT))
    x = cube(study)
    f = x[:, [names.index(name) for name in strong]] @ [3.0, 2.0, 1.0]
    table = table_of(study, noisy(f, x, 4, "independent", 0.01, seed=1))
    drawn = figure(table, study)
    rows = [label.get_text() for label in drawn.axes[0].get_yticklabels()]
    assert rows[:3] == [canvas.short(name.replace("_", " ")) for name in strong] and len(rows) == MOST_ROWS
    assert f"of {len(names) - MOST_ROWS} weaker factors not drawn, {len(names) - MOST_ROWS} move none" in " ".join(
        drawn.get_suptitle().split()
    )
