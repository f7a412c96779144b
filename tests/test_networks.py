"""Networks of potential ties: simple graphs with exactly the ties asked for, and each of its own kind."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import networks
from sim.errors import NetworkError, PositiveSumError
from sim.parameters import Scenario
from sim.population import build

BY_DEGREE = ("small-world", "random", "scale-free", "core-periphery")
SECTORS = [{"name": "community", "share": 5}, {"name": "business", "share": 3}, {"name": "funder", "share": 2}]


def people(seed=1, **changes):
    return build(Scenario().replace(**changes), seed)


def ties(population):
    return set(zip(population.i.tolist(), population.j.tolist(), strict=True))


@settings(max_examples=150, deadline=None)
@given(
    network=st.sampled_from((*BY_DEGREE, "pairs", "complete", "sectors")),
    n=st.integers(2, 40),
    density=st.floats(0.001, 1),
    rewiring=st.sampled_from((0.0, 0.1, 1.0)),
    shares=st.lists(st.floats(0, 10), min_size=1, max_size=4),
    seed=st.integers(0, 2**64 - 1),
)
def test_whatever_the_door_lets_in_is_built_or_refused_with_a_remedy(network, n, density, rewiring, shares, seed):
    sectors = [{"name": f"s{k}", "share": share} for k, share in enumerate(shares)] if network == "sectors" else []
    try:
        scenario = Scenario().replace(
            network=network, n_organizations=n, degree=density * (n - 1), rewiring=rewiring, sectors=sectors,
            density_within=density, density_between=density / 2,
        )  # fmt: skip
        built = build(scenario, seed)
    except PositiveSumError as error:
        assert error.key
        return
    i, j = built.i, built.j
    assert len(i) >= 1
    assert np.all((0 <= i) & (i < j) & (j < n))
    assert np.all(np.diff(i.astype(np.int64) * n + j) > 0), "sorted, and no tie twice"
    assert np.array_equal(built.degree, np.bincount(np.concatenate((i, j)), minlength=n))
    if network in BY_DEGREE:
        assert len(i) == networks.whole(n * scenario.degree / 2)
    for k in range(n):
        mine = built.incident[built.start[k] : built.start[k + 1]]
        assert mine.tolist() == np.flatnonzero((i == k) | (j == k)).tolist()


@pytest.mark.parametrize("network", BY_DEGREE)
@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_the_densest_network_is_complete(network, n):
    full = people(network="complete", n_organizations=n)
    assert ties(people(network=network, n_organizations=n, degree=n - 1, rewiring=1.0)) == ties(full)
    assert len(full.i) == n * (n - 1) // 2


def test_without_rewiring_a_small_world_is_the_ring():
    ring = people(network="small-world", n_organizations=11, degree=4, rewiring=0)
    assert ties(ring) == {tuple(sorted((k, (k + d) % 11))) for k in range(11) for d in (1, 2)}


def test_an_odd_degree_lays_the_last_lap_evenly():
    ring = people(network="small-world", n_organizations=100, degree=3, rewiring=0)
    assert len(ring.i) == 150
    assert set(ring.degree.tolist()) <= {2, 3, 4}


def test_rewiring_moves_that_share_of_ties():
    ring = ties(people(network="small-world", n_organizations=5000, rewiring=0))
    for rewiring in (0.1, 0.5, 1.0):
        kept = len(ring & ties(people(network="small-world", n_organizations=5000, rewiring=rewiring))) / len(ring)
        assert kept == pytest.approx(1 - rewiring, abs=0.015)


def test_more_rewiring_moves_the_same_ties_and_more():
    """One seed, one luck: a tie that stays at rewiring .4 stays at .2, but for those crowded out."""
    ring = ties(people(network="small-world", n_organizations=2000, rewiring=0))
    some = ring & ties(people(network="small-world", n_organizations=2000, rewiring=0.2))
    more = ring & ties(people(network="small-world", n_organizations=2000, rewiring=0.4))
    assert len(more - some) < 0.01 * len(ring)


def test_random_network_has_the_degrees_of_a_random_graph():
    """Poisson: the variance is the mean (for m ties among n: mean (1 - mean / n))."""
    degree = people(network="random", n_organizations=20_000, degree=6).degree
    assert degree.mean() == 6
    assert degree.var() == pytest.approx(6, rel=0.05)


def test_every_pair_is_equally_likely_in_a_random_network():
    count = np.zeros((6, 6))
    for seed in range(3000):
        drawn = people(seed, network="random", n_organizations=6, degree=5 / 3)  # 5 of 15 pairs
        count[drawn.i, drawn.j] += 1
    observed = count[np.triu_indices(6, 1)]
    assert np.abs(observed - 1000).max() < 4 * np.sqrt(3000 * (1 / 3) * (2 / 3))


def test_a_denser_random_network_contains_the_sparser_one():
    sparse = ties(people(network="random", degree=4))
    assert sparse < ties(people(network="random", degree=7))


def test_scale_free_network_has_the_tail_of_barabasi_and_albert():
    """Degrees of a BA graph with k ties per newcomer: P(K >= d) = k (k + 1) / (d (d + 1)). Bollobás et al. 2001."""
    grown = people(network="scale-free", n_organizations=20_000, degree=6)
    assert len(grown.i) == 60_000
    assert grown.degree.min() == 3
    for d in (4, 6, 10, 20, 40):
        assert np.mean(grown.degree >= d) == pytest.approx(12 / (d * (d + 1)), rel=0.12)


def test_core_is_complete_and_a_quarter_where_the_ties_suffice():
    """The preset: 30 organizations of degree 8. A core of 8 takes 28 of 120 ties; 69 of the other 92 lead to it."""
    field = people(network="core-periphery", n_organizations=30, degree=8)
    drawn = ties(field)
    assert {(a, b) for a in range(8) for b in range(a + 1, 8)} <= drawn
    assert len(drawn) == 120
    assert sum(a < 8 <= b for a, b in drawn) == 69
    assert sum(a >= 8 for a, b in drawn) == 23
    assert field.degree.min() >= 1


def test_core_shrinks_where_it_would_leave_the_periphery_without_ties():
    """100 organizations of degree 6: 25 complete would take all 300 ties; 17 take 136, and everyone has a tie."""
    made = networks.plan(Scenario(network="core-periphery"), [100])
    assert (made.ties, made.core, made.spokes) == (300, 17, 123)
    assert people(network="core-periphery").degree.min() >= 1


def test_sector_blocks_hold_their_share_of_pairs():
    field = people(network="sectors", sectors=SECTORS, density_within=0.25, density_between=0.1)
    sector = field.sector
    size = np.bincount(sector)
    assert size.tolist() == [50, 30, 20]
    low, high = np.minimum(sector[field.i], sector[field.j]), np.maximum(sector[field.i], sector[field.j])
    for a in range(3):
        for b in range(a, 3):
            here = np.sum((low == a) & (high == b))
            pairs = size[a] * (size[a] - 1) // 2 if a == b else size[a] * size[b]
            assert here == networks.whole((0.25 if a == b else 0.1) * pairs)


def test_changing_one_density_leaves_the_other_ties_alone():
    one = people(network="sectors", sectors=SECTORS, density_within=0.25)
    other = people(network="sectors", sectors=SECTORS, density_within=0.5)
    assert ties(one) < ties(other)


@pytest.mark.parametrize(("changes", "key"), [
    ({"network": "complete", "n_organizations": 100_000}, "network"),  # five thousand million ties
    ({"network": "random", "n_organizations": 20_000_000}, "network"),
    ({"n_organizations": 10, "degree": 0.05}, "network"),  # rounds to no tie at all
    ({"network": "sectors", "sectors": SECTORS, "density_within": 0, "density_between": 0}, "network"),
])  # fmt: skip
def test_networks_too_large_or_empty_are_refused(changes, key):
    with pytest.raises(NetworkError, match=r"raise|lower|at most") as caught:
        people(**changes)
    assert caught.value.key == key


@pytest.mark.parametrize("network", [*BY_DEGREE, "sectors"])
def test_another_seed_gives_another_network_and_the_same_seed_the_same(network):
    same = [ties(people(5, network=network, sectors=SECTORS)) for _ in range(2)]
    assert same[0] == same[1] != ties(people(6, network=network, sectors=SECTORS))
