"""What a run is measured by, against cases worked out by hand and published ones."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sim import Scenario, engine, measures, simulate
from sim.kernel import ALL_COCREATE, ALL_COOPERATE
from sim.measures import BY_NAME, MEASURES, crossing_step, gini, shock, survival, value_at
from sim.population import build
from sim.simulation import observe, power_thirds
from sim.tally import COLUMNS, N_COLUMNS
from sim.trace import Trace, late_from

NAN = math.nan


def same(found, expected):
    return found == pytest.approx(expected, nan_ok=True)


# --- lifetimes -------------------------------------------------------------------------------------------------------

# Freireich et al. 1963, weeks of remission under 6-mercaptopurine: the textbook case of Kaplan & Meier's estimator.
ENDED = [6, 6, 6, 7, 10, 13, 16, 22, 23]
CENSORED = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
SURVIVAL = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}


def test_survival_is_that_of_the_textbook():
    alive = survival(np.bincount(ENDED, minlength=41), np.bincount(CENSORED, minlength=41))
    assert {week: round(alive[week], 3) for week in SURVIVAL} == SURVIVAL
    assert alive[5] == 1.0 and alive[40] == alive[23]


def trace_of(ended, running):
    """A trace with nothing but spells: tenures at which they ended, tenures of those still running."""
    never = [0, 0]  # and two ties that never were active
    ties = {"tenure": np.array([*running, *never], int), "active": np.array([1] * len(running) + never)}
    return Trace(
        np.zeros((1, N_COLUMNS)), np.bincount(ended, minlength=101), ties, None, np.zeros(0), np.zeros(0), np.zeros(0)
    )


def test_lifetimes_of_the_textbook_case():
    found = measures.lifetimes(trace_of(ENDED, CENSORED))
    assert found["lifetime_median"] == 23.0
    assert math.isnan(found["ended_5y"])  # nobody was watched for 60 months


LIFETIMES = [
    # ended, running -> median, share ended by month 60
    ([], [], NAN, NAN),  # no partnership at all
    ([], [0, 0], NAN, NAN),  # formed in the last step: not yet at risk
    ([10], [], 10.0, 1.0),  # all are over
    ([10, 20], [], 10.0, 1.0),
    ([10], [80], 10.0, 0.5),
    ([10], [80, 80], NAN, 1 / 3),  # more than half still run
    ([70], [80], 70.0, 0.0),  # the end came after month 60
    ([60], [80], 60.0, 0.5),  # in month 60
    ([10], [5, 80], 10.0, 0.5),  # censored before: not at risk at 10
    ([10], [10, 80], NAN, 1 / 3),  # censored at 10: still at risk at 10
    ([], [80], NAN, 0.0),
]


@pytest.mark.parametrize(("ended", "running", "median", "ended_5y"), LIFETIMES)
def test_lifetimes(ended, running, median, ended_5y):
    trace = trace_of(np.array(ended, dtype=int), running)
    assert same(measures.lifetimes(trace), {"lifetime_median": median, "ended_5y": ended_5y})


def test_lifetimes_of_a_run_with_one_hazard_are_geometric():
    """Unwilling partners (rationality 0: W = 1/4) under review at rate .08: 6 in 100 end each step."""
    scenario = Scenario(n_organizations=400, rationality=0, review=0.08, connection_rate=0, turnover=0, conflict_rate=0)
    found = simulate(scenario, seed=1, measures=("lifetime_median", "ended_5y")).summary
    assert found["lifetime_median"] == pytest.approx(math.log(0.5) / math.log(0.94), abs=1.01)
    assert found["ended_5y"] == pytest.approx(1 - 0.94**60, abs=0.01)


# --- inequality ------------------------------------------------------------------------------------------------------

GINI = [
    ([1, 1, 1, 1], 0.0),  # all alike
    ([0, 0, 0, 1], 0.75),  # one has all: (n - 1) / n
    ([1, 2, 3, 4], 0.25),
    ([4, 1, 3, 2], 0.25),  # in any order
    ([10, 20, 30, 40], 0.25),  # in any unit
    ([-1, 1, 3], 8 / 9),  # mean difference over twice the mean: (16 / 9) / 2
    ([-1, 1], NAN),  # no mean income, no share of it
    ([-3, 1], NAN),
    ([], NAN),
    ([2], 0.0),
]


@pytest.mark.parametrize(("income", "expected"), GINI)
def test_gini(income, expected):
    assert same(gini(np.array(income, dtype=float)), expected)


def test_gini_is_half_the_relative_mean_difference():
    income = np.random.default_rng(1).lognormal(size=200)
    by_pairs = np.abs(income[:, None] - income).mean() / (2 * income.mean())
    assert gini(income) == pytest.approx(by_pairs)


def test_gini_of_lognormal_income_is_the_known_one():
    """2 Phi(sd / sqrt 2) - 1."""
    quantiles = np.exp(stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000))
    assert gini(quantiles) == pytest.approx(2 * stats.norm.cdf(1 / math.sqrt(2)) - 1, abs=1e-3)


def test_correlation_is_pearsons():
    x, y = np.random.default_rng(2).standard_normal((2, 50))
    assert measures.correlation(x, y) == pytest.approx(stats.pearsonr(x, y).statistic)
    assert math.isnan(measures.correlation(x, np.full(50, 0.1)))
    assert math.isnan(measures.correlation(x[:1], y[:1]))


def test_power_thirds_are_equally_large_and_ordered():
    power = np.array([5.0, 1.0, 3.0, 9.0, 2.0, 7.0])
    assert power_thirds(power).tolist() == [1, 0, 1, 2, 0, 2]
    assert np.bincount(power_thirds(np.ones(9))).tolist() == [3, 3, 3]


# --- times -----------------------------------------------------------------------------------------------------------

CROSSING = [
    ([0.1, 0.6, 0.7], 1.0),
    ([0.1, 0.6, 0.4, 0.7], 3.0),  # it must stay
    ([0.6, 0.6], 0.0),
    ([0.6, 0.5], NAN),  # half is not above half
    ([0.1, 0.2], NAN),
]


@pytest.mark.parametrize(("mutual", "expected"), CROSSING)
def test_crossing(mutual, expected):
    assert same(crossing_step(np.array(mutual)), expected)


CALM = [2.0] * 12
SHOCKS = [
    # value, step of the event -> depth, steps until back
    ([*CALM, 1.5, 1.2, 1.8, 2.0, 2.0], 12, 0.8, 3.0),
    ([*CALM, 2.0, 1.5, 1.995, 2.0], 12, 0.5, 2.0),  # it falls a step later; within .01 is back
    ([*CALM, 1.5, 2.0, 1.0, 2.0], 12, 0.5, 1.0),  # what comes after the return is another matter
    ([*CALM, 1.5, 1.2, 1.3], 12, 0.8, NAN),  # not back by the end
    ([*CALM, 2.5, 2.6], 12, 0.0, 0.0),  # no harm done
    ([*CALM, 1.995, 2.0], 12, 0.0, 0.0),  # within the band
    ([9.0, *CALM, 1.0, 2.0], 13, 1.0, 1.0),  # only the ten steps before count
    ([3.0, 1.0, 1.0, 2.0], 2, 1.0, 1.0),  # or as many as there are
    ([1.0, 2.0], 0, NAN, NAN),  # nothing before it
    ([1.0, 2.0], 5, NAN, NAN),  # after the end
    ([1.0, 2.0], None, NAN, NAN),  # no event
]


@pytest.mark.parametrize(("value", "step", "depth", "recovery"), SHOCKS)
def test_shock(value, step, depth, recovery):
    assert same(shock(np.array(value), step), {"shock_depth": depth, "recovery_steps": recovery})


def test_value_at_a_month_is_the_mean_of_the_six_steps_up_to_it():
    assert value_at(np.arange(40.0), 36) == np.mean([30, 31, 32, 33, 34, 35])
    assert value_at(np.arange(36.0), 36) == 32.5
    assert math.isnan(value_at(np.arange(35.0), 36))


@pytest.mark.parametrize(("steps", "first"), [(200, 150), (7, 6), (8, 6), (3, 2), (1, 0)])
def test_the_last_quarter_has_at_least_one_step(steps, first):
    assert late_from(steps) == first


# --- the summary of a run --------------------------------------------------------------------------------------------

BUSY = Scenario(steps=90, conflict_rate=0.3, review=0.1)
RUN = simulate(BUSY, seed=6)


def test_a_summary_has_the_last_quarters_mean_of_each_series():
    tail = RUN.series.iloc[late_from(90) :]
    for measure in MEASURES:
        if measure.kind == "series" and measure.name not in ("toward", "against"):
            assert same(RUN.summary[measure.name], tail[measure.name].mean()), measure.name


def test_conflicts_are_pooled_not_averaged():
    tail = RUN.series.iloc[late_from(90) :]
    conflicts = tail.conflict * tail.active
    for name in ("toward", "against"):
        assert RUN.summary[name] == pytest.approx((tail[name].fillna(0) * conflicts).sum() / conflicts.sum())


def test_months_inequality_and_power_are_read_from_the_run():
    assert RUN.summary["value_36"] == pytest.approx(RUN.series.value[30:36].mean())
    assert RUN.summary["value_60"] == pytest.approx(RUN.series.value[54:60].mean())
    before = simulate(BUSY.replace(steps=68), seed=6).organizations
    late = (RUN.organizations.wealth - before.wealth) / RUN.organizations.degree
    assert RUN.summary["gini"] == pytest.approx(gini(late.to_numpy()))
    assert RUN.summary["power_premium"] == pytest.approx(np.corrcoef(np.log(RUN.organizations.power), late)[0, 1])


def test_captured_compares_with_the_best_of_apart_and_both_twins():
    people = build(BUSY, 6)
    trace = engine.run(BUSY, 6, people)
    twins = [engine.run(BUSY, 6, people, twin=twin).tie_value / BUSY.steps for twin in (ALL_COOPERATE, ALL_COCREATE)]
    apart = 2 * (1 - BUSY.duplication * people.overlap)
    reach = np.max([apart, *twins], axis=0).mean()
    value, silo, first = RUN.series.value.mean(), apart.mean(), RUN.series.first_best[0]
    assert RUN.series.value_silo[0] == pytest.approx(silo)
    assert RUN.summary["captured"] == pytest.approx((value - silo) / (reach - silo))
    assert RUN.summary["silo_cost"] == pytest.approx((reach - value) / (reach - silo))
    assert RUN.summary["gain_realized"] == pytest.approx((value - silo) / (first - silo))
    assert RUN.summary["gain_avoidable"] == pytest.approx((reach - value) / (first - silo))
    assert RUN.summary["gain_out_of_reach"] == pytest.approx((first - reach) / (first - silo))
    assert np.array_equal(trace.first_best.mean(), first)


def test_where_nothing_is_to_be_had_nothing_is_captured_or_lost():
    nothing = Scenario(synergy=0, duplication=0, steps=20)
    summary = simulate(nothing, seed=1).summary
    assert math.isnan(summary["captured"]) and math.isnan(summary["silo_cost"])


def test_first_best_by_hand():
    """2 + max(V - 2 I, e**2 V), V = synergy (1 + collective) (p_i p_j) ** (resource / 2) C, mean over ties."""
    ties = RUN.ties
    power = RUN.organizations.power.to_numpy()
    v = 3 * 2 * (power[ties.source] * power[ties.target]) ** 0.25 * ties.complementarity
    assert RUN.series.first_best[0] == pytest.approx((2 + np.maximum(v - 0.7, v / 16)).mean())


def test_a_game_has_no_silo_no_ledger_and_no_twins():
    result = simulate(Scenario(game=[[0, 5], [-1, 3]], steps=20), seed=1)
    for name in ("captured", "gain_realized", "value_silo", "first_best", "shortfall", "loss_missed", "win_win"):
        assert math.isnan(result.summary[name]), name
    assert (result.series.active == 1).all() and result.series.cocreate.eq(0).all()


def test_a_measure_of_nothing_is_not_a_number():
    alone = simulate(Scenario(initial_active=0, outreach=0, steps=8), seed=1)
    for name in ("compete", "trust", "connection", "toward", "win_win", "rupture", "lifetime_median"):
        assert math.isnan(alone.summary[name]), name
    assert alone.summary["active"] == 0.0 and alone.summary["mutual"] == 0.0


def test_wins_are_strictly_more_than_the_silo():
    """A pair that competes without rivalry or overhead gets its silo exactly when power is equal: nobody wins."""
    draw = Scenario(
        n_organizations=2, network="pairs", steps=1, initial_active=1, power_inequality=0, rivalry=0, upkeep=0,
        patience=0, appropriation=9, rationality=1e4, conflict_rate=0, intention=0, intention_sd=0, trust=1, synergy=0,
        imagined_synergy=0.01,
    )  # fmt: skip
    series = simulate(draw, seed=1).series
    assert series.compete[0] == 1.0 and series.lose_lose[0] == 1.0
    robbed = simulate(draw.replace(power_inequality=1), seed=1).series
    assert robbed.compete[0] == 1.0 and robbed.win_lose[0] == 1.0


def test_observe_gives_the_numbers_of_simulate():
    names = tuple(measure.name for measure in MEASURES)
    seen = observe(BUSY, 6, names, series=("value", "loss_missed"), incomes=True)
    assert np.array_equal(seen.values, [RUN.summary[name] for name in names], equal_nan=True)
    assert np.array_equal(seen.series, RUN.series[["value", "loss_missed"]])
    assert np.array_equal(seen.income, RUN.organizations.income)
    assert seen.sector_names == ("all",) and set(seen.power_third) == {0, 1, 2}


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
def test_every_measure_says_what_it_is(measure):
    assert (
        measure.unit
        and measure.meaning
        and measure.kind in ("series", "run")
        and measure.needs in ("", "ledger", "twins")
    )
    assert BY_NAME[measure.name] is measure
    assert isinstance(RUN.summary[measure.name], float)
    assert (measure.name in RUN.series) == (measure.kind == "series")


def test_sums_are_named_once():
    assert len(set(COLUMNS)) == N_COLUMNS
    assert pd.Index(RUN.series.columns).is_unique
