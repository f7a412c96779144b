"""Known answers: what theory says of the model's parts, in closed form, solved independently, or published."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import root

from sim import PartnershipModel, Scenario, engine, rules, simulate
from sim.organization import Organization
from sim.parameters import LEVERS
from sim.population import build
from sim.schedule import segments
from sim.simulation import observe

QUIET = Scenario(
    network="pairs", n_organizations=2, initial_active=1, turnover=0, review=0, outreach=0, conflict_rate=0,
    misperception=0, pretense=0, setback=0, intention=0, intention_sd=0, scarcity=0, scarcity_sd=0,
)  # fmt: skip
SURE = QUIET.replace(trust=1, rationality=1e4, steps=1)  # full trust, and no trembling hand


def terms(scenario):
    """The record that rules read, where everyone takes part."""
    return segments(scenario)[0].inside


# --- nothing to gain -------------------------------------------------------------------------------------------------


def paired_interval(first, other, seeds, measure="value"):
    """95 % interval of the mean difference of a measure, seed by seed (normal, as there are many)."""
    one, two = ([observe(scenario, seed, (measure,)).values[0] for seed in seeds] for scenario in (first, other))
    gaps = np.subtract(one, two)
    half = 1.96 * np.std(gaps, ddof=1) / math.sqrt(len(gaps))
    return np.mean(gaps) - half, np.mean(gaps) + half


@pytest.mark.parametrize("choice", ["belief", "reciprocal", "experience"])
@pytest.mark.parametrize("intensity", [0.25, 0.5, 1.0])
def test_where_the_pie_cannot_grow_the_twelve_levers_together_cost_more_than_they_return(choice, intensity):
    fixed_pie = Scenario(synergy=0, choice=choice)
    _, high = paired_interval(fixed_pie.replace(levers=intensity), fixed_pie, range(1, 25))
    assert high < 0


def test_where_the_pie_can_grow_they_pay():
    """The same comparison can come out the other way: what the test above finds is the world's doing."""
    low, _ = paired_interval(Scenario().replace(levers=0.5), Scenario(), range(1, 9))
    assert low > 0


# --- belief choice converges to a logit equilibrium ------------------------------------------------------------------


def best_reply(q, game, rationality, theta, patience):
    """Logit best reply to beliefs q in the perceived game, written anew from the model's description."""
    n = len(game)
    regard = game + theta * game.T
    shadow = patience / (1 - patience) * max(0.0, max(game[k, k] for k in range(1, n)) - game[0, 0])
    u = (regard @ q - np.eye(n)[0] * shadow * (1 - q[0])) / (1 + abs(theta))
    e = np.exp(rationality * (u - u.max()))
    return e / e.sum()


def both_reply(x, *perceived):
    """The pair's map: each side's reply to the other's mixture."""
    half = len(x) // 2
    return np.concatenate([best_reply(x[half:], *perceived), best_reply(x[:half], *perceived)])


def unique_stable_equilibrium(perceived, rng):
    """The mixture of both sides if every start leads to one equilibrium and it is stable, else None."""
    n = len(perceived[0])
    found = []
    for _ in range(40):
        start = np.concatenate([rng.dirichlet(np.ones(n) * 0.5), rng.dirichlet(np.ones(n) * 0.5)])
        solution = root(lambda x: both_reply(x, *perceived) - x, start, tol=1e-12)
        if solution.success and np.all(solution.x > -1e-9):
            found.append(solution.x)
    if not found or max(np.abs(x - found[0]).max() for x in found) > 1e-6:
        return None
    x, h = found[0], 1e-6
    slopes = [both_reply(x + h * e, *perceived) - both_reply(x - h * e, *perceived) for e in np.eye(2 * n)]
    return x[:n] if np.linalg.eigvals(np.array(slopes).T / (2 * h)).real.max() < 0.8 else None


def solvable_games(count, theta, patience, seed, rationality=3.0):
    """Random 3x3 games (standard normal payoffs) that have one logit equilibrium, and a stable one."""
    rng = np.random.default_rng(seed)
    while count:
        game = rng.standard_normal((3, 3))
        equilibrium = unique_stable_equilibrium((game, rationality, theta, patience), rng)
        if equilibrium is not None:
            count -= 1
            yield game, equilibrium


def frequencies(game, theta, patience, seed=1, steps=200_000):
    """Long-run frequencies of unordered pairs of acts: entry (a, b), a <= b; the first half of the run is left out."""
    scenario = QUIET.replace(
        game=game.tolist(), intention=theta, patience=patience, rationality=3.0, memory=0.999, negativity=1, steps=steps
    )
    names = ("compete", "cooperate", "cocreate")
    played = np.rint(2 * observe(scenario, seed, (), series=names).series[steps // 2 :])
    joint = np.zeros((3, 3))
    for a in range(3):
        for b in range(a, 3):
            joint[a, b] = np.mean(played[:, a] == 2) if a == b else np.mean((played[:, a] == 1) & (played[:, b] == 1))
    return joint


def assert_converges(theta, patience, count, seed):
    for game, p in solvable_games(count, theta, patience, seed):
        joint = frequencies(game, theta, patience)
        expected = np.triu(np.outer(p, p) * 2) - np.diag(p * p)
        assert joint.sum() == pytest.approx(1.0)
        assert np.abs((joint + joint.T).sum(axis=1) / 2 - p).max() < 0.02
        assert np.abs(joint - expected).max() < 0.02


@pytest.mark.parametrize(("theta", "patience"), [(0.0, 0.0), (0.4, 0.0), (-0.3, 0.4)])
def test_beliefs_converge_to_the_logit_equilibrium(theta, patience):
    assert_converges(theta, patience, count=1, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize(("theta", "patience"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.4, 0.3), (-0.4, 0.6)])
def test_beliefs_converge_to_the_logit_equilibrium_of_many_games(theta, patience):
    assert_converges(theta, patience, count=6, seed=2)


# --- the shadow of the future ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("temptation, reward, punishment, sucker", [(5, 3, 1, 0), (50, 32, 25, 12), (1.5, 1, 0, -0.5)])
def test_cooperation_replaces_competition_at_the_critical_patience(temptation, reward, punishment, sucker):
    """(T - R) / (T - P): Friedman 1971. For all to see in a run, not only in a rule."""
    critical = (temptation - reward) / (temptation - punishment)
    lab = SURE.replace(game=[[punishment, temptation], [sucker, reward]], steps=10)
    grid = [*np.linspace(0, 0.98, 50), critical - 1e-3, critical + 1e-3]
    for patience in grid:
        if abs(patience - critical) < 9e-4:
            continue
        first = observe(lab.replace(patience=patience), 1, (), series=("compete",)).series[0, 0]
        assert first == (0.0 if patience > critical else 1.0), patience


@given(
    st.floats(0.05, 1), st.floats(0.05, 1), st.floats(0.05, 2), st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.9),
    st.floats(0.02, 0.98), st.floats(0, 6), st.floats(0, 0.3), st.sampled_from(["exit", "compete"]),
)  # fmt: skip
@settings(max_examples=150, deadline=None, derandomize=True)
def test_with_exit_the_punishment_is_the_milder_of_fighting_back_and_leaving(
    duplication, rivalry, appropriation, investment, engagement, accountability, share, creation, burden, threat
):
    """P is replaced by max(P, silo + o); the expected act is the one that attains the larger of both rewards."""
    scenario = SURE.replace(
        duplication=duplication, rivalry=rivalry, appropriation=appropriation, investment=investment,
        engagement=engagement, punishment=threat, accountability=accountability,
    )  # fmt: skip
    silo = 1 - duplication
    rewards = 1 + share * creation * engagement**2, 1 + share * creation - investment
    expected = 1 if rewards[0] >= rewards[1] else 2
    reward = max(rewards)
    temptation = silo + 2 * appropriation * share * (1 - accountability)
    worst = silo + appropriation * (2 * share - 1) - rivalry
    if threat == "exit":
        worst = max(worst, silo + burden)
    assume(min(abs(temptation - reward), abs(reward - worst)) > 1e-6)
    if reward > temptation:
        critical = -1.0  # cooperation pays as it is
    elif reward > worst:
        critical = (temptation - reward) / (temptation - worst)
    else:
        critical = 2.0  # there is nothing to lose
    for patience in (0.0, 0.3, 0.6, 0.9, 0.99, critical - 1e-9, critical + 1e-9):
        if 0 <= patience < 1 and abs(patience - critical) > 5e-10:
            beliefs = (0.0, 1.0, 0.0) if expected == 1 else (0.0, 0.0, 1.0)
            p = terms(scenario.replace(patience=patience))
            u = rules.utilities(*beliefs, 1.0, share, 1.0, silo, creation, 0.0, burden, p)
            assert (u[expected] > u[0]) == (patience > critical)


# --- critical trust --------------------------------------------------------------------------------------------------

# Dal Bó & Fréchette 2011, table 3: size of the basin of attraction of always defect; T = 50, S = 12, P = 25.
PUBLISHED = [
    (0.5, 32, 1.00), (0.5, 40, 0.72), (0.5, 48, 0.38),
    (0.75, 32, 0.81), (0.75, 40, 0.27), (0.75, 48, 0.16),
]  # fmt: skip


def trust_needed(reward, patience, temptation=50, sucker=12, punishment=25):
    """The trust from which on cooperating is the better act, by bisection on the rule itself; 1 where there is none."""
    p = terms(SURE.replace(game=[[punishment, temptation], [sucker, reward]], patience=patience))
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        u = rules.utilities(1 - middle, middle, 0.0, middle, 0.5, 1.0, 0.0, 0.0, 0.0, 0.0, p)
        low, high = (low, middle) if u[1] > u[0] else (middle, high)
    return high


@pytest.mark.parametrize(("patience", "reward", "published"), PUBLISHED)
def test_critical_trust_is_the_published_basin_of_always_defect(patience, reward, published):
    weight = patience / (1 - patience)
    denominator = (25 - 12) + (reward - 50) + weight * (reward - 25)
    formula = min(1.0, (25 - 12) / denominator) if denominator > 0 else 1.0
    assert trust_needed(reward, patience) == pytest.approx(formula, abs=1e-9)
    assert round(formula, 2) == published


@pytest.mark.parametrize(("patience", "reward", "published"), PUBLISHED)
def test_a_run_starts_to_cooperate_at_the_critical_trust(patience, reward, published):
    critical = trust_needed(reward, patience)
    lab = SURE.replace(game=[[25, 50], [12, reward]], patience=patience, trust_concentration=1e6)
    for trust in np.linspace(0.02, 0.98, 25):
        if abs(trust - critical) > 5e-3:  # ten standard deviations of trust
            first = observe(lab.replace(trust=trust), 1, (), series=("cooperate",)).series[0, 0]
            assert first == (1.0 if trust > critical else 0.0), trust


# --- the threshold of co-creation ------------------------------------------------------------------------------------


def synergy_needed(share, silo, potential, burden, s):
    """Believed synergy from which on co-creating is the best reply to certain co-creation, in full trust.

    With y = share of what is created: against cooperating y (1 - e) > investment (1 - shared_investment / 2); against
    competing 1 + y - I + w max(0, 1 + e**2 y - P, 1 + y - I - P) > T: the least of the three lines' roots.
    ``potential`` is what a pair creates at full engagement per unit of synergy.
    """
    weight = s.patience / (1 - s.patience) * (1 + s.commitment)
    temptation = silo + 2 * s.appropriation * share * (1 - s.accountability)
    punishment = max(silo + s.appropriation * (2 * share - 1) - s.rivalry, silo + burden)
    over_cooperating = s.investment * (1 - s.shared_investment / 2) / (1 - s.engagement)
    gap = temptation - 1 + s.investment
    over_competing = min(
        gap,
        (gap - weight * (1 - punishment)) / (1 + weight * s.engagement**2),
        (gap - weight * (1 - s.investment - punishment)) / (1 + weight),
    )
    return max(over_cooperating, over_competing) / (share * potential)


DESIGNS = [{}, {"shared_investment": 0.8, "accountability": 0.5}, {"commitment": 0.6, "milestones": 0.5}]


@pytest.mark.parametrize("design", DESIGNS)
def test_co_creation_begins_at_its_threshold_cell_by_cell(design):
    """A phase diagram of a pair of unequal power, believed synergy by temptation, against the closed form."""
    world = SURE.replace(hope=1, patience=0.3, **design)
    people = build(world, 2)
    practice = sum(getattr(world, lever) for lever in LEVERS)
    share = people.power[0] ** 0.5 / (people.power[0] ** 0.5 + people.power[1] ** 0.5)
    alignment = 0.6 * (1 - people.value_distance[0])
    vision = world.vision + (1 - world.vision) * world.milestones
    potential = (
        (people.power[0] * people.power[1]) ** 0.25 * (1 - world.credit_seeking) * people.complementarity[0]
        * (alignment + vision * (1 - alignment))
    )  # fmt: skip
    silo = 1 - world.duplication * people.overlap[0]
    seen = set()
    for appropriation in np.linspace(0.05, 2.0, 14):
        for imagined in np.geomspace(0.3, 30, 15):
            cell = world.replace(appropriation=appropriation, imagined_synergy=imagined)
            burden = cell.upkeep + cell.lever_cost * practice
            needed = [synergy_needed(s, silo, potential, burden, cell) for s in (share, 1 - share)]
            if min(abs(imagined / n - 1) for n in needed) < 5e-3:
                continue
            expected = np.mean([imagined > n for n in needed])
            assert observe(cell, 2, (), series=("cocreate",)).series[0, 0] == expected, (appropriation, imagined)
            seen.add(expected)
    assert seen == {0.0, 0.5, 1.0}


# --- learning --------------------------------------------------------------------------------------------------------


def always(act):
    class Always(Organization):
        def choose(self, partnership):
            return act

    return Always


@pytest.mark.parametrize("acts", [(0, 1), (1, 2), (2, 0), (0, 0)])
def test_beliefs_about_a_partner_who_never_changes_are_a_geometric_series(acts):
    """count(t) = prior m**t + [as played] weight (1 - m**t) / (1 - m); a breach weighs ``negativity``."""
    steps, scenario = 25, QUIET.replace(connection_rate=0)
    m, negativity = scenario.memory, scenario.negativity
    model = PartnershipModel(scenario, 4, kind=lambda index: always(acts[index]))
    for _ in range(steps):
        model.step()
    for side, act, organization in zip(model.partnerships[0].sides, acts[::-1], model.people.disposition, strict=True):
        prior = 2 * (1 - organization), 2 * organization * 0.7, 2 * organization * 0.3
        for k in range(3):
            added = (negativity if k == 0 else 1.0) * (1 - m**steps) / (1 - m) if k == act else 0.0
            assert side.beliefs[k] == pytest.approx(prior[k] * m**steps + added, rel=1e-12)


def test_trust_in_a_pair_that_always_competes_falls_by_the_closed_form():
    """The same series through a compiled run: nothing but temptation, and no patience."""
    steps = 30
    scenario = QUIET.replace(rationality=1e4, appropriation=50, synergy=0, patience=0, connection_rate=0, steps=steps)
    result = simulate(scenario, seed=4)
    assert (result.series.compete == 1).all()
    m, negativity = scenario.memory, scenario.negativity
    for name, disposition in zip(("trust_source", "trust_target"), build(scenario, 4).disposition, strict=True):
        good = 2 * disposition * m**steps
        bad = 2 * (1 - disposition) * m**steps + negativity * (1 - m**steps) / (1 - m)
        assert result.ties[name][0] == pytest.approx(good / (good + bad), rel=1e-12)


@pytest.mark.parametrize("synergy", [0.0, 2.0, 8.0])
def test_mindset_follows_experience_geometrically(synergy):
    """A pair that always co-creates, without setbacks: z(t) = z* + (z(0) - z*) (1 - rate)**t."""
    model = PartnershipModel(QUIET.replace(synergy=synergy, scarcity=0.5, scarcity_sd=0.3), 1, kind=always(2))
    start = np.array([o.scarcity for o in model.organizations])
    for _ in range(40):
        model.step()
    aim = 1 - min(1, synergy / 5)
    assert [o.scarcity for o in model.organizations] == pytest.approx(aim + (start - aim) * 0.95**40, rel=1e-12)


@pytest.mark.parametrize(("synergy", "setback"), [(3.0, 0.2), (9.0, 0.1)])
def test_mindset_of_a_pair_that_always_co_creates_settles_at_its_experience(synergy, setback):
    model = PartnershipModel(QUIET.replace(n_organizations=100, synergy=synergy, setback=setback), 1, kind=always(2))
    means = []
    for _ in range(300):
        model.step()
        means.append(np.mean([o.scarcity for o in model.organizations]))
    assert np.mean(means[100:]) == pytest.approx(1 - (1 - setback) * min(1, synergy / 5), abs=0.01)


# --- imitation -------------------------------------------------------------------------------------------------------

DRIFT = Scenario(
    initial_active=1, turnover=0, review=0, conflict_rate=0, imitation=0.5, selection=0, n_organizations=24, steps=40
)


def intentions(scenario, seed):
    """Intention of every organization at the start and at the end, and degrees."""
    people = build(scenario, seed)
    trace = engine.run(scenario, seed, people, with_ledger=False)
    return people.intention, trace.organizations["intention"], people.degree


@pytest.mark.parametrize("network", ["scale-free", "core-periphery", "small-world"])
def test_without_selection_the_degree_weighted_mean_intention_is_a_martingale(network):
    changes = []
    for seed in range(300):
        first, last, degree = intentions(DRIFT.replace(network=network, degree=4), seed)
        changes.append(np.average(last - first, weights=degree))
    error = np.std(changes, ddof=1) / math.sqrt(len(changes))
    assert 0 < error < 0.02
    assert abs(np.mean(changes)) < 3.5 * error


def test_without_selection_it_is_the_hubs_that_spread():
    """Why the weights: where hubs differ from the rest, the plain mean drifts toward them."""
    changes = []
    for seed in range(150):
        first, last, degree = intentions(DRIFT.replace(network="scale-free", degree=4), seed)
        changes.append([np.mean(last - first), np.average(first, weights=degree) - np.mean(first)])
    drift, pull = np.array(changes).T
    assert np.corrcoef(drift, pull)[0, 1] > 0.2


def test_without_selection_fixation_is_proportional_to_the_initial_share():
    """Three of ten are of one type, on a complete graph: it takes over in three runs of ten (neutral voter model)."""
    types = [{"name": "few", "share": 3, "intention": 0.75}, {"name": "many", "share": 7, "intention": -0.25}]
    scenario = DRIFT.replace(
        network="complete", n_organizations=10, sectors=types, intention_sd=0, imitation_step=1, steps=250
    )
    taken = []
    for seed in range(500):
        first, last, _ = intentions(scenario, seed)
        assert np.count_nonzero(first == 0.75) == 3
        assert np.ptp(last) == 0.0  # one type is left
        taken.append(last[0] == 0.75)
    assert abs(np.mean(taken) - 0.3) < 3 * math.sqrt(0.3 * 0.7 / len(taken))


def test_with_strong_selection_the_richer_are_imitated():
    """Rivals exploit the generous of an unpunished world: only with selection do they take over."""
    types = [{"name": "rivals", "share": 1, "intention": -0.9}, {"name": "generous", "share": 1, "intention": 0.9}]
    scenario = DRIFT.replace(sectors=types, intention_sd=0, synergy=0, appropriation=0.9, patience=0, loyalty=0)
    ends = [[intentions(scenario.replace(selection=s), seed)[1].mean() for seed in range(30)] for s in (0, 20)]
    gap = np.subtract(*ends)
    assert gap.mean() > 4 * gap.std(ddof=1) / math.sqrt(len(gap))
