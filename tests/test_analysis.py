"""Means and paired comparisons: known answers, coverage of the intervals, and what must not change them."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiments import analysis, inference, labels
from experiments.study import Study

FULL_WHERE_IT_PAYS = {"contrast": "design", "world": "positive-sum", "design": "full", "measure": "value"}
WORLDS, DESIGNS = ("zero-sum", "positive-sum"), ("usual", "half", "full")


def a_study(worlds=WORLDS, designs=DESIGNS, factors=None, measures=("value", "mutual"), replicates=12, against=None):
    against = {design: designs[0] for design in designs[1:]} | (against or {})
    factors = factors or {}
    return Study(
        name="s", question="?", replicates=replicates, seed=1, measures=measures, series=(), wants_better_off=False,
        worlds=worlds, designs=designs, against=against, factors=factors, reference_world=worlds[0],
        reference_design=designs[0], parameters={f: f for f in factors},
    )  # fmt: skip


def some_runs(study, gain=0.5, luck=1.0):
    """Value is luck shared by all runs of a seed, plus ``gain`` for each design in the second world, plus noise."""
    rng = np.random.default_rng(7)
    shared, rows = luck * rng.normal(size=study.replicates), []
    for world, design, *levels in itertools.product(study.worlds, study.designs, *study.factors.values()):
        at = study.worlds.index(world) * study.designs.index(design)
        for r in range(study.replicates):
            value = 2 + shared[r] + gain * at + sum(x for x in levels if not isinstance(x, str)) + 0.05 * rng.normal()
            row = {"world": world, "design": design} | dict(zip(study.factors, levels, strict=True))
            rows.append(row | {"replicate": r + 1, "seed": r + 1, "status": "ok", "value": value, "mutual": value / 10})
    return pd.DataFrame(rows)


def row_of(table, **wanted):
    for column, value in wanted.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


# Intervals and effect sizes


@pytest.mark.parametrize(("n", "draw"), [(8, "normal"), (24, "normal"), (24, "skewed"), (4, "normal"), (2, "normal")])
def test_the_interval_covers_the_true_mean_in_about_95_of_100_studies(n, draw):
    rng = np.random.default_rng(n)
    values = rng.normal(0.3, 1, (1500, n)) if draw == "normal" else rng.exponential(1, (1500, n)) - 0.7
    low, high = inference.intervals(values)
    covered = np.mean((low <= 0.3) & (0.3 <= high))
    assert 0.925 <= covered <= 0.97  # binomial standard error .006; skewed data cost a point


def test_pairing_covers_the_difference_although_luck_is_ten_times_larger():
    rng = np.random.default_rng(5)
    luck = rng.normal(0, 10, (1000, 24))
    treated, untreated = luck + 0.5 + rng.normal(size=luck.shape), luck + rng.normal(size=luck.shape)
    low, high = inference.intervals(treated - untreated)
    assert 0.925 <= np.mean((low <= 0.5) & (0.5 <= high)) <= 0.975
    assert np.median(high - low) < 2  # unpaired it would be about 11


def test_a_plain_bootstrap_would_be_too_narrow_so_the_level_is_expanded():
    for n in (6, 12, 24, 1000):
        wide = stats.norm.isf((1 - inference.expanded_level(n)) / 2)
        assert wide * math.sqrt((n - 1) / n) == pytest.approx(stats.t.ppf(0.975, n - 1))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.5], (math.nan, math.nan)),  # one run tells nothing about spread
        ([1.5, 1.5, 1.5], (math.nan, math.nan)),  # neither do a few identical ones
        ([1.5] * 6, (1.5, 1.5)),  # six identical: the resamples are all the same
        ([math.nan] * 6, (math.nan, math.nan)),
        ([1.0, 3.0], (2 - 12.7062, 2 + 12.7062)),  # Student's t with 1 degree of freedom, standard error 1
        ([1.0, 3.0, math.nan], (2 - 12.7062, 2 + 12.7062)),  # a hole is left out of its row
    ],
)
def test_degenerate_rows_are_told_honestly(values, expected):
    low, high = inference.intervals(np.array([values]))
    np.testing.assert_allclose([low[0], high[0]], expected, atol=1e-4)


def test_an_interval_does_not_depend_on_the_rows_beside_it():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(40, 10))
    values[3, 2] = np.nan
    together = np.array(inference.intervals(values)).T
    for size in (1, 2, 3, 17):
        apart = [np.array(inference.intervals(values[i : i + size])).T for i in range(0, 40, size)]
        np.testing.assert_array_equal(together, np.concatenate(apart))


def test_rows_of_outliers_and_of_two_values_get_an_interval_around_their_mean():
    values = np.array([[0.0] * 9 + [1.0], [0.0] * 5 + [1.0] * 5, [1e-300] * 9 + [1e300]])
    low, high = inference.intervals(values)
    assert np.all(np.isfinite(low) & np.isfinite(high))
    assert np.all((low <= values.mean(axis=1)) & (values.mean(axis=1) <= high))


def test_hedges_g_of_a_case_done_by_hand():
    treated, untreated = np.array([[4.0, 6.0, 8.0]]), np.array([[1.0, 2.0, 3.0]])  # sd 2 and 1, means 6 and 2
    expected = (6 - 2) / 1.5 * (1 - 3 / (4 * 6 - 9))
    assert inference.effect_size(treated, untreated)[0] == pytest.approx(expected)
    assert inference.paired_effect_size(treated - untreated)[0] == pytest.approx(4.0)  # differences 3, 4, 5: sd 1


def test_hedges_correction_makes_the_effect_unbiased_where_the_spreads_are_equal():
    rng = np.random.default_rng(2)
    treated, untreated = rng.normal(0.8, 1, (20000, 8)), rng.normal(0, 1, (20000, 8))
    assert inference.effect_size(treated, untreated).mean() == pytest.approx(0.8, abs=0.02)


def test_the_effect_size_does_not_grow_with_the_luck_shared_but_the_paired_one_does():
    study = a_study(replicates=24)
    little, much = (analysis.comparison(some_runs(study, luck=luck), None, study) for luck in (0.5, 2.0))
    one, other = (row_of(table, **FULL_WHERE_IT_PAYS) for table in (little, much))
    assert one.effect_paired == pytest.approx(other.effect_paired, rel=0.01)
    assert one.effect > 3 * other.effect


# Means


def test_means_say_how_many_runs_failed_and_how_many_had_no_number():
    study = a_study()
    runs = some_runs(study)
    runs.loc[0, ["status", "value", "mutual"]] = ["failed", 99.0, math.nan]
    runs.loc[[1, 2], "mutual"] = math.nan
    table = analysis.means(runs, study)
    value = row_of(table, world="zero-sum", design="usual", measure="value")
    mutual = row_of(table, world="zero-sum", design="usual", measure="mutual")
    assert (value.n, value.n_failed, value.n_nan) == (11, 1, 0)
    assert (mutual.n, mutual.n_failed, mutual.n_nan) == (9, 1, 2)
    kept = runs.loc[1:11, "value"].to_numpy(dtype=float)
    assert (value["mean"], value.sd) == pytest.approx((kept.mean(), kept.std(ddof=1)))
    assert value.low < value["mean"] < value.high


def test_a_measure_without_any_number_is_nan_throughout_and_warns_of_nothing(recwarn):
    study = a_study()
    runs = some_runs(study).assign(mutual=math.nan)
    means, compared = analysis.means(runs, study), analysis.comparison(runs, None, study)
    assert means[means["measure"] == "mutual"][["mean", "sd", "low", "high"]].isna().all(axis=None)
    nothing = compared[compared["measure"] == "mutual"]
    assert nothing[["mean", "difference", "low", "high", "effect", "better"]].isna().all(axis=None)
    assert set(nothing["verdict"]) == {"cannot say"} and set(nothing["n_pairs"]) == {0}
    assert len(recwarn) == 0


# Comparison


def test_the_difference_is_the_mean_over_pairs_of_the_same_seed():
    study = a_study()
    runs = some_runs(study)
    by = runs.pivot_table(index="seed", columns=["world", "design"], values="value")
    expected = by["positive-sum", "full"] - by["positive-sum", "usual"]
    row = row_of(analysis.comparison(runs, None, study), **FULL_WHERE_IT_PAYS)
    assert row.difference == pytest.approx(expected.mean())
    assert row["mean"] == pytest.approx(by["positive-sum", "full"].mean())
    assert row.reference == pytest.approx(by["positive-sum", "usual"].mean())
    assert (row.n_pairs, row.n_dropped, row.better, row.verdict, row.against) == (12, 0, 1.0, "higher", "usual")
    assert row.high - row.low < 0.2  # runs themselves differ by about 1


def test_shuffled_seeds_of_one_design_lose_the_pairing_and_widen_the_interval():
    study = a_study(replicates=24)
    runs = some_runs(study)
    shuffled = runs.copy()
    full = (runs["design"] == "full") & (runs["world"] == "positive-sum")
    shuffled.loc[full, "seed"] = np.roll(runs.loc[full, "seed"], 5)
    paired, unpaired = (
        row_of(analysis.comparison(table, None, study), **FULL_WHERE_IT_PAYS) for table in (runs, shuffled)
    )
    assert paired.difference == pytest.approx(unpaired.difference)
    assert unpaired.high - unpaired.low > 10 * (paired.high - paired.low)


def test_the_order_of_the_runs_changes_no_byte_of_either_table():
    study = a_study(factors={"rivalry": (0.1, 0.25), "network": ("random", "pairs")}, replicates=7)
    runs = some_runs(study)
    shuffled = runs.sample(frac=1, random_state=3).reset_index(drop=True)
    assert analysis.means(runs, study).to_csv() == analysis.means(shuffled, study).to_csv()
    assert analysis.comparison(runs, None, study).to_csv() == analysis.comparison(shuffled, None, study).to_csv()


def test_swapping_treatment_and_reference_turns_the_sign():
    runs = some_runs(a_study())
    there = analysis.comparison(runs, None, a_study(designs=("usual", "full"), worlds=WORLDS[1:], measures=("value",)))
    back = analysis.comparison(runs, None, a_study(designs=("full", "usual"), worlds=WORLDS[1:], measures=("value",)))
    one = row_of(there, contrast="design", design="full", world="positive-sum")
    other = row_of(back, contrast="design", design="usual", world="positive-sum")
    assert one.difference == pytest.approx(-other.difference)
    assert one.effect == pytest.approx(-other.effect)
    assert (one.verdict, other.verdict) == ("higher", "lower")


def test_each_design_is_compared_with_the_one_it_is_against_and_each_world_with_the_reference():
    study = a_study(against={"full": "half"}, measures=("value",))
    table = analysis.comparison(some_runs(study), None, study)
    designs = table[table["contrast"] == "design"]
    assert list(zip(designs["world"], designs["design"], designs["against"], strict=True)) == [
        ("zero-sum", "half", "usual"), ("zero-sum", "full", "half"),
        ("positive-sum", "half", "usual"), ("positive-sum", "full", "half"),
    ]  # fmt: skip
    worlds = table[table["contrast"] == "world"]
    assert list(zip(worlds["world"], worlds["design"], worlds["against"], strict=True)) == [
        ("positive-sum", design, "zero-sum") for design in DESIGNS
    ]


def test_designs_are_compared_within_a_factor_point():
    study = a_study(worlds=("w",), designs=("usual", "full"), factors={"rivalry": (0, 100)}, measures=("value",))
    table = analysis.comparison(some_runs(study), None, study)
    assert set(table["contrast"]) == {"design"}
    assert list(table["rivalry"]) == [0, 100]
    assert np.abs(table["difference"]).max() < 1  # not the 100 between points


def test_points_of_a_lone_design_are_compared_with_the_first_level_of_the_first_factor():
    factors = {"participants": (0.0, 0.5, 1.0), "network": ("random", "pairs")}
    study = a_study(worlds=("w",), designs=("d",), factors=factors, measures=("value",))
    table = analysis.comparison(some_runs(study), None, study)
    points = list(zip(table["participants"], table["network"], table["against"], strict=True))
    assert points == [(p, n, "participants 0") for p in (0.5, 1.0) for n in ("random", "pairs")]
    np.testing.assert_allclose(table["difference"], table["participants"], atol=0.05)


def test_pairs_with_a_failed_or_missing_or_empty_run_are_dropped_and_counted():
    study = a_study(worlds=("w",), designs=("usual", "full"), measures=("value",), replicates=10)
    runs = some_runs(study)
    runs.loc[0, "status"] = "failed"  # usual, seed 1
    runs.loc[11, "value"] = math.nan  # full, seed 2
    runs = runs.drop(index=12)  # full, seed 3
    row = analysis.comparison(runs, None, study).iloc[0]
    kept = runs[(runs["seed"] > 3)].pivot_table(index="seed", columns="design", values="value")
    assert (row.n_pairs, row.n_dropped) == (7, 3)
    assert row.difference == pytest.approx((kept["full"] - kept["usual"]).mean())
    assert row["mean"] == pytest.approx(kept["full"].mean())


def test_identical_runs_are_the_same_and_one_pair_cannot_say():
    study = a_study(worlds=("w",), designs=("usual", "full"), measures=("value",))
    twins = some_runs(study).assign(value=lambda t: t["seed"] * 1.5)
    row = analysis.comparison(twins, None, study).iloc[0]
    assert (row.verdict, row.difference, row.effect, row.effect_paired, row.better) == ("same", 0, 0, 0, 0)
    one = some_runs(study, gain=0).query("seed == 1")
    row = analysis.comparison(one, None, study).iloc[0]
    assert (row.verdict, row.n_pairs) == ("cannot say", 1)
    assert math.isnan(row.low) and math.isfinite(row.difference)


def test_no_runs_give_empty_tables_with_all_their_columns():
    study = a_study()
    empty = some_runs(study).iloc[:0]
    full = analysis.comparison(some_runs(study), None, study)
    assert list(analysis.comparison(empty, None, study).columns) == list(full.columns)
    assert len(analysis.comparison(empty, None, study)) == len(analysis.means(empty, study)) == 0


def test_without_spread_or_gain_a_verdict_is_wrong_in_about_one_study_of_twenty():
    rng = np.random.default_rng(11)
    names = tuple(f"m{i}" for i in range(600))
    study = a_study(worlds=("w",), designs=("usual", "full"), measures=names, replicates=16)
    runs = some_runs(study)[["world", "design", "replicate", "seed", "status"]]
    runs = pd.concat([runs, pd.DataFrame(rng.normal(size=(32, 600)), columns=names)], axis=1)
    verdicts = analysis.comparison(runs, None, study)["verdict"]
    assert 0.02 <= (verdicts != "cannot say").mean() <= 0.09


@pytest.mark.parametrize(("measure", "low", "high"), [("mutual", 0, 1), ("trust", 0, 1), ("power_premium", -1, 1)])
def test_intervals_keep_within_what_is_possible_even_of_two_runs(measure, low, high):
    study = a_study(worlds=("w",), designs=("usual", "full"), measures=(measure,), replicates=2)
    runs = some_runs(a_study(worlds=("w",), designs=("usual", "full"), replicates=2))
    runs = runs.assign(**{measure: [0.05, 0.4, 0.6, 0.98]})
    means, compared = analysis.means(runs, study), analysis.comparison(runs, None, study)
    assert set(means["low"]) == {low} and set(means["high"]) == {high}
    assert compared["low"].min() >= low - high and compared["high"].max() <= high - low


def test_what_may_leave_0_to_1_is_not_cut():
    for measure in ("captured", "silo_cost", "gain_realized", "shortfall", "loss_wasted", "value"):
        assert labels.bounds(measure) == (-math.inf, math.inf)


@pytest.mark.parametrize(("n_lost", "verdict"), [(0, "higher"), (1, "higher"), (2, "cannot say")])
def test_runs_that_never_recovered_take_the_verdict_away_where_they_are_many(n_lost, verdict):
    study = a_study(worlds=("w",), designs=("usual", "full"), measures=("recovery_steps",))
    runs = some_runs(a_study(worlds=("w",), designs=("usual", "full")))
    waits = np.where(runs["design"] == "full", 30.0, 10.0) + runs["replicate"] % 3 * (runs["design"] == "full")
    runs = runs.assign(recovery_steps=waits)
    runs.loc[runs.index[:n_lost], "recovery_steps"] = math.nan  # of 12 pairs, so one is below a tenth
    row = analysis.comparison(runs, None, study).iloc[0]
    assert (row.n_dropped, row.verdict) == (n_lost, verdict)


# Who is better off


def organizations(study, gain):
    """Six organizations a run; income is luck plus ``gain(design, index)``."""
    rng, rows = np.random.default_rng(3), []
    luck = rng.normal(size=(study.replicates, 6))
    for world, design in itertools.product(study.worlds, study.designs):
        for r, i in itertools.product(range(study.replicates), range(6)):
            row = {"world": world, "design": design, "replicate": r + 1, "organization": i}
            row |= {"power_third": ("weak", "middle", "strong")[i // 2], "sector": "ab"[i % 2]}
            rows.append(row | {"income": luck[r, i] + gain(design, i)})
    return pd.DataFrame(rows)


def test_better_off_is_the_share_that_earns_more_than_itself_elsewhere_by_third_and_sector():
    study = a_study(worlds=("w",), designs=("usual", "full"), measures=("value",), replicates=8)
    people = organizations(study, lambda design, i: 0.0 if design == "usual" else [1, 1, 1, -1, -1, -1][i])
    table = analysis.comparison(some_runs(study), people.sample(frac=1, random_state=1), study)
    shares = table.set_index("measure")["mean"]
    assert shares["better_off"] == 0.5
    assert [shares[f"better_off: {third} third"] for third in ("weak", "middle", "strong")] == [1.0, 0.5, 0.0]
    assert (shares["better_off: sector a"], shares["better_off: sector b"]) == pytest.approx((2 / 3, 1 / 3))
    weak = row_of(table, measure="better_off: weak third")
    assert (weak.reference, weak.difference, weak.verdict, weak.n_pairs) == (0.5, 0.5, "higher", 8)


def test_equal_incomes_are_not_better_off_and_the_isolated_are_left_out():
    study = a_study(worlds=("w",), designs=("usual", "full"), measures=("value",), replicates=6)
    people = organizations(study, lambda design, i: 0.0)
    people.loc[people["organization"] == 0, "income"] = math.nan
    people.loc[(people["organization"] == 1) & (people["design"] == "full"), "income"] += 1
    table = analysis.comparison(some_runs(study), people, study).set_index("measure")
    assert table.loc["better_off", "mean"] == pytest.approx(1 / 5)
    assert table.loc["better_off: weak third", "mean"] == 1.0
    assert table.loc["better_off: strong third", "mean"] == 0.0


def test_replicates_with_other_organizations_make_no_pairs():
    study = a_study(worlds=("w",), designs=("usual", "full"), measures=("value",), replicates=8)
    people = organizations(study, lambda design, i: float(design == "full"))
    fewer = people[~((people["design"] == "full") & (people["replicate"] == 2) & (people["organization"] == 5))]
    row = row_of(analysis.comparison(some_runs(study), fewer, study), measure="better_off")
    assert (row.n_pairs, row.n_dropped, row["mean"]) == (7, 1, 1.0)
