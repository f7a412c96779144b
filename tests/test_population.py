"""Organizations and ties: exact distributions, ring distances, sectors, who takes part, and one luck for all."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sim import networks, population
from sim.errors import ScenarioError
from sim.parameters import RECRUITS, Scenario
from sim.population import build, labels

MANY = {"n_organizations": 20_000, "network": "pairs"}


def people(seed=1, **changes):
    return build(Scenario().replace(**changes), seed)


@pytest.mark.parametrize(("column", "changes", "law"), [
    ("log_power", {"power_inequality": 0.7}, stats.norm(0, 0.7)),
    ("power", {"power_inequality": 0.7}, stats.lognorm(0.7)),
    ("intention", {"intention": 0.05, "intention_sd": 0.1}, stats.norm(0.05, 0.1)),
    ("scarcity", {"scarcity": 0.5, "scarcity_sd": 0.1}, stats.norm(0.5, 0.1)),
    ("disposition", {"trust": 0.3, "trust_concentration": 4}, stats.beta(1.2, 2.8)),
    ("disposition", {"trust": 0.9, "trust_concentration": 3}, stats.beta(2.7, 0.3)),
    ("values", {}, stats.uniform()),
    ("focus", {}, stats.uniform()),
])  # fmt: skip
def test_organizations_follow_their_distributions(column, changes, law):
    assert stats.kstest(getattr(people(**MANY, **changes), column), law.cdf).pvalue > 0.01


def test_normal_draws_are_clipped_at_the_ends_of_their_ranges():
    wild = people(intention_sd=5, scarcity_sd=5, power_inequality=5)
    assert {-1.0, 1.0} <= set(wild.intention) and np.abs(wild.intention).max() == 1
    assert {0.0, 1.0} <= set(wild.scarcity) and wild.scarcity.min() == 0
    assert np.all(np.isfinite(wild.power)) and wild.power.min() > 0


@pytest.mark.parametrize("trust", [0.0, 1.0])
def test_certain_trust_is_exact(trust):
    assert np.all(people(trust=trust, trust_concentration=0.01).disposition == trust)


def test_every_organization_trusts_at_least_as_much_where_trust_is_higher():
    """One luck for all worlds: quantiles are monotone in the mean."""
    columns = [people(trust=trust).disposition for trust in np.linspace(0, 1, 21)]
    assert np.all(np.diff(columns, axis=0) >= 0)


@pytest.mark.parametrize("concentration", [1e-6, 1e-3, 1.0, 1e3, 1e6])
def test_extreme_concentrations_keep_the_mean(concentration):
    disposition = people(**MANY, trust=0.3, trust_concentration=concentration).disposition
    assert np.all((disposition >= 0) & (disposition <= 1))
    assert disposition.mean() == pytest.approx(0.3, abs=0.015)


def test_ties_are_what_their_ends_are():
    field = people()
    delta = np.abs(field.focus[field.i] - field.focus[field.j])
    delta = 2 * np.minimum(delta, 1 - delta)
    assert np.allclose(field.overlap, 1 - delta, atol=1e-15)
    assert np.allclose(field.complementarity, 4 * delta * (1 - delta), atol=1e-15)
    delta = np.abs(field.values[field.i] - field.values[field.j])
    assert np.allclose(field.value_distance, 2 * np.minimum(delta, 1 - delta), atol=1e-15)


def test_complementarity_is_the_same_for_all_on_a_ring_of_uniform_foci():
    """Ring distances of uniform foci are uniform: mean overlap 1/2, mean complementarity 2/3."""
    field = people(n_organizations=40_000)
    assert field.overlap.mean() == pytest.approx(1 / 2, abs=0.01)
    assert field.complementarity.mean() == pytest.approx(2 / 3, abs=0.01)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_initially_active_ties(share):
    assert people(n_organizations=20_000, initial_active=share).active.mean() == pytest.approx(share, abs=0.01)


def test_in_an_explicit_game_all_ties_are_active():
    assert people(game=((1, 0), (2, 0)), initial_active=0.1).active.all()


# --- sectors ---


SECTORS = [
    {"name": "community", "share": 0.5, "intention": 0.8, "values": 0.02, "focus": 0.5, "spread": 0.05},
    {"name": "business", "share": 0.3, "power": 4.0, "trust": 0.0, "scarcity": 1.0},
    {"name": "funder", "share": 0.2, "power": 9.0, "trust": 1.0},
]


def test_sectors_override_the_population():
    field = people(**MANY, sectors=SECTORS, power_inequality=0.5, intention=-0.5, intention_sd=0.05, scarcity_sd=0.01)
    community, business, funder = (field.sector == code for code in range(3))
    assert [part.sum() for part in (community, business, funder)] == [10_000, 6_000, 4_000]
    medians = [np.median(field.power[part]) for part in (community, business, funder)]
    assert medians == pytest.approx([1, 4, 9], rel=0.05)
    assert field.intention[community].mean() == pytest.approx(0.8, abs=0.01)
    assert field.intention[funder].mean() == pytest.approx(-0.5, abs=0.01)
    assert np.all(field.disposition[business] == 0) and np.all(field.disposition[funder] == 1)
    around = (field.values[community] - 0.02 + 0.5) % 1 - 0.5  # the ring has no seam at 0
    assert stats.kstest(around, stats.norm(0, 0.05).cdf).pvalue > 0.01
    assert stats.kstest(field.values[business], "uniform").pvalue > 0.01


def test_sector_shares_become_whole_numbers_by_largest_remainder():
    """Shares 3 : 3 : 1 of 10: quotas 4.29, 4.29, 1.43."""
    sectors = [{"name": name, "share": share} for name, share in (("a", 3), ("b", 3), ("c", 1))]
    field = people(n_organizations=10, sectors=sectors)
    assert np.bincount(field.sector).tolist() == [4, 4, 2]


def test_labels_name_the_codes():
    assert labels(Scenario()) == (None, ("all",))
    assert labels(Scenario(sectors=SECTORS)) == (None, ("community", "business", "funder"))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1e308), min_size=1, max_size=5), st.integers(2, 30), st.floats(0, 1e308))
def test_any_sectors_build(shares, n, spread):
    try:
        scenario = Scenario(n_organizations=n, degree=1, sectors=[
            {"name": f"s{k}", "share": share, "values": 0.999, "focus": 0.0, "spread": spread, "power": 10.0**k}
            for k, share in enumerate(shares)
        ])  # fmt: skip
    except ScenarioError:
        return
    field = build(scenario, 3)
    assert np.all((field.values >= 0) & (field.values < 1) & (field.focus >= 0) & (field.focus < 1))
    size = np.bincount(field.sector, minlength=len(shares))
    quota = np.array(shares) / max(shares)
    assert np.all(np.abs(size - quota / quota.sum() * n) <= 1)


# --- who takes part ---


@pytest.mark.parametrize("recruit", [*RECRUITS, "business"])
def test_more_participants_keep_those_already_in(recruit):
    shares = (0, 0.01, 0.2, 0.205, 0.5, 0.9, 1)
    inside = [people(sectors=SECTORS, recruit=recruit, participants=share).participates for share in shares]
    pool = 30 if recruit == "business" else 100
    assert [int(part.sum()) for part in inside] == [networks.whole(share * pool) for share in shares]
    for fewer, more in pairwise(inside):
        assert np.all(fewer <= more)


def test_recruits_are_who_their_name_says():
    field = people(network="scale-free", recruit="hubs", participants=0.25)
    assert field.degree[field.participates].min() >= field.degree[~field.participates].max()
    field = people(network="scale-free", recruit="periphery", participants=0.25)
    assert field.degree[field.participates].max() <= field.degree[~field.participates].min()
    field = people(recruit="powerful", participants=0.25)
    assert field.power[field.participates].min() > field.power[~field.participates].max()
    field = people(sectors=SECTORS, recruit="funder")
    assert np.array_equal(field.participates, field.sector == 2)
    assert np.array_equal(field.inside, (field.sector[field.i] == 2) & (field.sector[field.j] == 2))


def test_random_recruits_are_as_good_as_any():
    chosen = sum(people(seed, recruit="random", participants=0.4).participates.astype(int) for seed in range(400))
    assert np.abs(chosen - 160).max() < 5 * np.sqrt(400 * 0.4 * 0.6)


def test_ties_in_degree_are_broken_by_lot():
    """On a ring all are hubs alike: another seed, other hubs."""
    ring = {"network": "small-world", "rewiring": 0, "recruit": "hubs", "participants": 0.3}
    assert not np.array_equal(people(1, **ring).participates, people(2, **ring).participates)


def test_a_cluster_on_a_ring_is_an_arc_and_on_pairs_whole_pairs():
    arc = people(network="small-world", degree=2, rewiring=0, recruit="cluster", participants=0.31)
    assert arc.inside.sum() == 30  # 31 neighbors in a row
    pairs = people(network="pairs", recruit="cluster", participants=0.4)
    assert pairs.inside.sum() == 20
    assert np.array_equal(pairs.participates[0::2], pairs.participates[1::2])


def test_everyone_takes_part_by_default():
    field = people()
    assert field.participates.all() and field.inside.all()


# --- one luck for all, and what is kept ---


def test_a_design_does_not_touch_the_population():
    base, design = people(), people(levers=0.8, participants=0.3, recruit="hubs", synergy=0, choice="experience")
    for name in set(base._fields) - {"participates", "inside"}:
        assert np.array_equal(getattr(base, name), getattr(design, name)), name


def test_what_one_parameter_changes_leaves_the_rest_alone():
    base = people()
    for changes, touched in [
        ({"power_inequality": 2}, {"power", "log_power"}), ({"trust": 0.1}, {"disposition"}),
        ({"initial_active": 0.6}, {"active"}), ({"intention_sd": 1}, {"intention"}),
    ]:  # fmt: skip
        other = people(**changes)
        changed = {name for name in base._fields if not np.array_equal(getattr(base, name), getattr(other, name))}
        assert changed == touched


def test_kept_populations_are_those_built_anew_and_cannot_be_written_to():
    scenario = Scenario(recruit="cluster", participants=0.5)
    first = build(scenario, 9)
    population._kept.cache_clear()
    for kept, again, anew in zip(first, build(scenario, 9), build(scenario, 9), strict=True):
        assert np.array_equal(kept, again) and np.array_equal(kept, anew)
        with pytest.raises(ValueError):
            anew[0] = anew[0]


def test_big_worlds_are_not_kept():
    before = population._kept.cache_info().currsize
    people(n_organizations=10_000)
    assert population._kept.cache_info().currsize == before
