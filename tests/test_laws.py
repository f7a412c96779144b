"""Laws: what holds for every scenario and every seed, whatever the numbers are."""

import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim import Scenario, ScenarioError, rules, simulate
from sim.engine import run
from sim.kernel import OBSERVED, live, prepare
from sim.layout import CELLS, LANES, Ties, desk, lay_out
from sim.ledger import LOSSES
from sim.measures import SERIES
from sim.parameters import EVENT_KINDS, LEVERS, PARAMETERS, RECRUITS, RULES
from sim.population import build, sector_peers
from sim.reflection import collect, reflect, renew
from sim.schedule import segments
from sim.state import organizations_of

law = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

WIDEST = {"rationality": 40.0, "power_inequality": 2.0, "trust_concentration": 50.0, "prior_strength": 20.0}
NARROW = {"patience": 0.97, "degree": 6.0}
NETWORKS = ("small-world", "random", "scale-free", "core-periphery", "pairs", "complete")


def numbers(parameter):
    """Numbers of a parameter's interval, ends included where they belong to it; up to 4 where it has no end."""
    high = NARROW.get(parameter.name, WIDEST.get(parameter.name, 4.0))
    high = high if parameter.high is None else min(high, parameter.high)
    low = 1.0 if parameter.name == "degree" else (-1.0 if parameter.low is None else parameter.low)
    ends = [x for x, is_open in ((low, parameter.open_low), (high, parameter.open_high)) if not is_open]
    inner = st.floats(low + 0.01, high)
    return inner | st.sampled_from(ends) if ends else inner


def at_steps(high):
    return st.integers(0, high)


REAL = {
    p.name: numbers(p) for p in PARAMETERS if p.kind == "real" and p.name not in ("density_within", "density_between")
}
LEVER_VALUES = st.dictionaries(st.sampled_from(LEVERS), st.sampled_from([0.0, 0.3, 1.0]) | st.floats(0, 1), max_size=4)
PHASES = st.lists(
    st.builds(lambda step, levers, phase: {"step": step, **levers, **phase}, at_steps(30), LEVER_VALUES,
              st.dictionaries(st.just("connection_steps"), at_steps(4), max_size=1)),
    max_size=2, unique_by=lambda phase: phase["step"],
)  # fmt: skip
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(EVENT_KINDS),
            "step": at_steps(30),
            "size": st.floats(0, 1),
            "duration": st.integers(1, 9),
        }
    ),
    max_size=3,
)
CHOICES = {
    "choice": st.sampled_from(RULES), "punishment": st.sampled_from(["exit", "compete"]),
    "network": st.sampled_from(NETWORKS), "recruit": st.sampled_from(RECRUITS),
    "connection_steps": at_steps(4), "phases": PHASES, "events": EVENTS,
}  # fmt: skip


def scenarios(**fixed):
    """Random scenarios: any parameters at random, the rest at their defaults, some fixed."""
    free = {name: s for name, s in {**REAL, **CHOICES}.items() if name not in fixed}
    size = {"n_organizations": st.sampled_from([8, 10, 14]), "steps": st.integers(1, 30)}
    size = {name: s for name, s in size.items() if name not in fixed}
    return st.fixed_dictionaries(size, optional=free).map(lambda changes: Scenario(**{"degree": 4.0} | changes | fixed))


SEEDS = st.integers(0, 2**64 - 1)


def series(scenario, seed=1, **options):
    return simulate(scenario, seed, **options).series[list(SERIES)].to_numpy()


def assert_same_run(one, other, seed=1):
    """Two scenarios give the same run, bit for bit: every step, every measure, every final state."""
    one, other = simulate(one, seed), simulate(other, seed)
    assert one.series.equals(other.series)
    assert np.array_equal(list(one.summary.values()), list(other.summary.values()), equal_nan=True)
    assert one.organizations.drop(columns="participates").equals(other.organizations.drop(columns="participates"))
    assert one.ties.drop(columns="inside").equals(other.ties.drop(columns="inside"))


# --- value is conserved where nothing can create or destroy it -------------------------------------------------------

CONSTANT_SUM = dict.fromkeys(
    ("synergy", "duplication", "rivalry", "investment", "upkeep", "crowding", "lever_cost"), 0.0
)


@law
@given(scenarios(**CONSTANT_SUM), SEEDS)
def test_in_the_constant_sum_limit_every_tie_pays_two(scenario, seed):
    result = simulate(scenario, seed, measures=("value",))
    scale = max(1.0, scenario.appropriation)
    assert np.abs(result.ties.income_source + result.ties.income_target - 2.0).max() <= 1e-12 * scale
    assert np.abs(result.series.value - 2.0).max() <= 1e-12 * scale


ACTS = st.integers(0, 2)
UNIT = st.floats(0, 1)


@law
@given(ACTS, ACTS, UNIT, UNIT, UNIT, st.floats(0, 9), UNIT, UNIT)
def test_appropriation_moves_value_and_creates_none(
    act, other, share, scale, silo, creation, curiosity, accountability
):
    """What both get together does not depend on who can take how much, nor on who is strong."""

    def together(appropriation, share, accountability):
        p = segments(Scenario(appropriation=appropriation, accountability=accountability))[0].inside
        sides = ((act, other, share), (other, act, 1.0 - share))
        return sum(rules.payoff(a, b, s, scale, silo, creation, p) for a, b, s in sides)

    assert together(3.0, share, accountability) == pytest.approx(together(0.0, curiosity, 0.0), abs=1e-12)


@law
@given(ACTS, ACTS, UNIT, UNIT)
def test_shared_investment_moves_the_cost_and_lowers_none(act, other, shared, investment):
    p = segments(Scenario(shared_investment=shared, investment=investment))[0].inside
    spent = rules.invested(act, other, p) + rules.invested(other, act, p)
    assert spent == pytest.approx(investment * ((act == 2) + (other == 2)), abs=1e-15)


@law
@given(scenarios(), SEEDS)
def test_shortfall_is_the_sum_of_its_parts_at_every_step(scenario, seed):
    steps = simulate(scenario, seed).series
    parts = steps[[f"loss_{name}" for name in LOSSES]]
    assert np.abs(steps.shortfall - parts.sum(axis=1)).max() <= 1e-9


@law
@given(scenarios(), SEEDS)
def test_what_organizations_earn_is_what_ties_pay(scenario, seed):
    result = simulate(scenario, seed)
    paid = result.series.value.sum() * len(result.ties)
    assert result.organizations.wealth.sum() == pytest.approx(paid, rel=1e-9, abs=1e-9)


@law
@given(scenarios(), SEEDS)
def test_the_three_bars_add_to_one(scenario, seed):
    summary = simulate(scenario, seed).summary
    bars = [summary[name] for name in ("gain_realized", "gain_avoidable", "gain_out_of_reach")]
    assert np.isnan(bars).all() or sum(bars) == pytest.approx(1.0, abs=1e-9)
    assert np.isnan(summary["captured"]) or summary["captured"] + summary["silo_cost"] == pytest.approx(1.0)


# --- bounds ----------------------------------------------------------------------------------------------------------

SHARES = (
    "compete", "cooperate", "cocreate", "mutual", "active", "win_win", "win_lose", "lose_lose", "trust", "disposition",
    "connection", "alignment", "tension", "scarcity", "conflict", "toward", "against", "rupture",
)  # fmt: skip


@law
@given(scenarios(), SEEDS)
def test_every_state_stays_within_its_range(scenario, seed):
    trace = run(scenario, seed, build(scenario, seed))
    for name in ("disposition", "scarcity"):
        assert np.all((trace.organizations[name] >= 0) & (trace.organizations[name] <= 1)), name
    assert np.all(np.abs(trace.organizations["intention"]) <= 1)
    for name in ("connection", "alignment", "tension", "trust_i", "trust_j"):
        assert np.all((trace.ties[name] >= 0) & (trace.ties[name] <= 1)), name
    for side in "ij":
        counts = np.array([trace.ties[f"belief_{side}{act}"] for act in range(3)])
        assert np.all(counts >= 0) and np.all(counts.sum(axis=0) > 0)
    assert np.all(trace.ties["tenure"] <= scenario.steps)
    assert np.all(np.isfinite(trace.organizations["wealth"]))


@law
@given(scenarios(), SEEDS)
def test_every_share_stays_within_nought_and_one_and_parts_make_wholes(scenario, seed):
    steps = simulate(scenario, seed).series
    for name in SHARES:
        column = steps[name].dropna()
        assert column.between(-1e-12, 1 + 1e-12).all(), name
    for whole in (["compete", "cooperate", "cocreate"], ["win_win", "win_lose", "lose_lose"]):
        assert np.allclose(steps[whole].dropna().sum(axis=1), 1.0)
    assert (steps.mutual <= steps.active + 1e-12).all()
    assert not (steps.toward + steps.against > 1 + 1e-12).any()


# --- nothing happens without a cause ---------------------------------------------------------------------------------


@law
@given(scenarios(turnover=0, outreach=0, initial_active=0, events=[], phases=[]), SEEDS)
def test_without_leadership_change_and_meetings_silos_stay_as_they_are(scenario, seed):
    before, after = (simulate(scenario.replace(steps=steps), seed) for steps in (1, 20))
    same = ["intention", "disposition", "scarcity", "active"]
    assert before.organizations[same].equals(after.organizations[same])
    assert before.ties.equals(after.ties)
    price = 2 * scenario.lever_cost * scenario.convening * before.ties.inside.mean()
    assert np.allclose(after.series.value, after.series.value_silo - price, atol=1e-12)


STILL = dict.fromkeys(
    ("turnover", "outreach", "review", "conflict_rate", "scarcity_rate", "disposition_rate", "alignment_rate",
     "connection_rate", "imitation"), 0.0,
)  # fmt: skip


@law
@given(scenarios(**STILL, events=[], phases=[]), SEEDS)
def test_zero_rates_freeze_minds_bonds_and_partnerships(scenario, seed):
    """Only beliefs about partners still move: they have a memory, not a rate."""
    people = build(scenario, seed)
    trace = run(scenario, seed, people)
    for name in ("intention", "disposition", "scarcity"):
        assert np.array_equal(trace.organizations[name], getattr(people, name)), name
    assert np.array_equal(trace.ties["active"], people.active)
    assert not trace.ties["connection"].any() and not trace.ties["tension"].any() and not trace.ended.any()
    fresh = run(scenario.replace(steps=1, initial_active=0), seed, build(scenario.replace(initial_active=0), seed))
    assert np.array_equal(trace.ties["alignment"], fresh.ties["alignment"])


# --- what is not in force is not there -------------------------------------------------------------------------------


@law
@given(scenarios(phases=[]), SEEDS)
def test_a_design_that_nobody_takes_part_in_is_none(scenario, seed):
    nobody = scenario.replace(participants=0)
    assert_same_run(nobody, nobody.replace(levers=0, connection_steps=0, participants=1), seed)


@law
@given(scenarios(), st.sampled_from(LEVERS), st.integers(0, 30), SEEDS)
def test_a_phase_that_sets_a_lever_to_what_it_is_changes_nothing(scenario, lever, step, seed):
    plain = scenario.replace(phases=[], connection_steps=2)
    phase = {"step": step, lever: getattr(plain, lever), "connection_steps": 2}
    assert_same_run(plain.replace(phases=[phase]), plain, seed)


@law
@given(scenarios(phases=[]), SEEDS)
def test_a_design_from_the_first_step_is_a_design(scenario, seed):
    design = {name: getattr(scenario, name) for name in LEVERS} | {"connection_steps": scenario.connection_steps}
    blank = scenario.replace(levers=0, connection_steps=0)
    assert_same_run(blank.replace(phases=[{"step": 0, **design}]), scenario, seed)


@law
@given(scenarios(events=[]), st.sampled_from(EVENT_KINDS), SEEDS)
def test_an_event_of_no_size_or_after_the_end_is_none(scenario, kind, seed):
    scenario = scenario.replace(turnover=0)
    for event in ({"kind": kind, "step": 1, "size": 0}, {"kind": kind, "step": scenario.steps, "size": 1}):
        assert np.array_equal(series(scenario.replace(events=[event]), seed), series(scenario, seed), equal_nan=True)


@law
@given(scenarios(phases=[], events=[]), SEEDS, st.integers(1, 29))
def test_the_future_does_not_change_the_past(scenario, seed, step):
    """Up to a phase or an event, a run is the run without it."""
    later = scenario.replace(
        phases=[{"step": step, "levers": 1, "connection_steps": 3}],
        events=[{"kind": "scarcity", "step": step, "size": 1}],
    )
    assert np.array_equal(series(later, seed)[:step], series(scenario, seed)[:step], equal_nan=True)


@law
@given(scenarios(), SEEDS)
def test_a_shorter_run_is_the_beginning_of_a_longer_one(scenario, seed):
    whole = series(scenario.replace(steps=60), seed)
    for steps in (1, 15, 59):
        assert np.array_equal(series(scenario.replace(steps=steps), seed), whole[:steps], equal_nan=True)


def test_fifty_steps_are_the_first_of_two_hundred():
    assert np.array_equal(series(Scenario(steps=50)), series(Scenario(steps=200))[:50], equal_nan=True)


# --- order, names, units, threads, seeds -----------------------------------------------------------------------------


@law
@given(scenarios(phases=[], events=[], participants=1.0, recruit="random"), SEEDS, st.randoms(use_true_random=False))
def test_ties_and_organizations_may_be_stepped_in_any_order(scenario, seed, shuffler):
    """Ties do not read one another: in whatever lanes and blocks they stand, they end as they do in a run."""
    people, (segment,) = build(scenario, seed), segments(scenario)
    force = segment.records()
    ties, organizations = shuffled(lay_out(people, segment.inside), shuffler), organizations_of(people)
    ended = np.zeros(scenario.steps + 1, np.int64)
    prepare(True, ties, organizations, force)
    table, luck = desk(), np.zeros(len(organizations))
    for step in range(1 if scenario.imitation else scenario.steps):
        renew(0, len(organizations), step, np.uint64(seed), organizations, *sector_peers(people.sector), luck, force)
        for b in shuffler.sample(range(len(ties.size)), len(ties.size)):
            live(b, step, np.uint64(seed), OBSERVED, None, np.uint64(0), ties, organizations, force, table, ended)
        collect(0, len(people.i), 0, len(organizations), ties, organizations, force)
        for k in shuffler.sample(range(len(organizations)), len(organizations)):
            reflect(k, k + 1, False, OBSERVED, organizations, force)
    straight = run(scenario.replace(imitation=0, steps=step + 1), seed, people)
    for name in (*CELLS, "active", "was_active", "mutual", "setback", "hurt_i", "hurt_j", "tenure", "read_i"):
        assert np.array_equal(Ties(ties)[name], straight.ties[name]), name
    for name in set(organizations.dtype.names) - {"late_income"}:
        assert np.array_equal(organizations[name], straight.organizations[name]), name


def shuffled(ties, shuffler):
    """The same ties in other lanes, three to a block."""
    m, n_blocks = len(ties.slot), -(-len(ties.slot) // 3)
    order = np.array(shuffler.sample(range(m), m))
    places = np.arange(m) // 3 * LANES + np.arange(m) % 3
    was, slot = ties.slot[order], np.empty(m, np.int32)
    slot[order] = places
    spread = {}
    for name in ("marks", "tenure", "read_i", "read_j", "i", "j", "earned"):
        old = getattr(ties, name)
        spread[name] = np.zeros((n_blocks * LANES if len(old) else 0, *old.shape[1:]), old.dtype)
        if len(old):
            spread[name][places] = old[was]
    cells, old = np.zeros((n_blocks, len(CELLS), LANES)), ties.cells.reshape(-1, len(CELLS), LANES)
    cells[places // LANES, :, places % LANES] = old[was // LANES, :, was % LANES]
    size = np.full(n_blocks, 3, np.int32)
    size[-1] = m - 3 * (n_blocks - 1)
    inside = np.full(n_blocks, ties.inside[0], np.int8)
    return ties._replace(cells=cells.ravel(), slot=slot, size=size, inside=inside, **spread)


ROWS = [f"{k},{'ab'[k % 2]},{1 + k % 4},{(k * 0.37) % 1:.2f},{(k * 0.61) % 1:.2f}" for k in range(12)]
LINKS = [(k, (k + d) % 12) for k in range(12) for d in (1, 3)]


def observed(folder, rows, links, **changes):
    """A scenario of two files, written to a folder of their own."""
    folder.mkdir()
    (folder / "organizations.csv").write_text("\n".join(["id,sector,power,values,focus", *rows]) + "\n")
    (folder / "ties.csv").write_text("\n".join(["source,target", *(f"{a},{b}" for a, b in links)]) + "\n")
    files = {name: str(folder / f"{name}.csv") for name in ("organizations", "ties")}
    return Scenario(network="file", **files, **changes)


@pytest.mark.parametrize("choice", RULES)
def test_the_order_in_which_organizations_and_ties_are_stored_changes_nothing(tmp_path, choice):
    busy = {"choice": choice, "steps": 60, "turnover": 0.05, "review": 0.1, "imitation": 0.2, "levers": 0.4}
    levers = dict.fromkeys(LEVERS, busy.pop("levers"))
    design = busy | levers | {"participants": 0.6, "recruit": "cluster"}
    shuffler = random.Random(2)
    links = [link[::-1] if shuffler.random() < 0.5 else link for link in shuffler.sample(LINKS, len(LINKS))]
    rows = shuffler.sample(ROWS, len(ROWS))
    one = simulate(observed(tmp_path / "one", ROWS, LINKS, **design), seed=8)
    other = simulate(observed(tmp_path / "other", rows, links, **design), seed=8)
    assert one.series.equals(other.series)
    assert one.organizations.equals(other.organizations) and one.ties.equals(other.ties)


def test_names_do_not_matter_as_long_as_their_order_is_kept(tmp_path):
    one = simulate(observed(tmp_path / "one", ROWS, LINKS, steps=60), seed=8)
    renamed = [f"{int(row.split(',')[0]) * 10 + 5},{row.split(',', 1)[1]}" for row in ROWS]
    links = [(a * 10 + 5, b * 10 + 5) for a, b in LINKS]
    other = simulate(observed(tmp_path / "other", renamed, links, steps=60), seed=8)
    assert one.series.equals(other.series)
    assert one.organizations.drop(columns="organization").equals(other.organizations.drop(columns="organization"))


GAMES = st.integers(2, 3).flatmap(
    lambda n: st.lists(st.lists(st.integers(-8, 8), min_size=n, max_size=n), min_size=n, max_size=n)
)


@law
@given(
    GAMES,
    st.sampled_from([0.125, 2.0, 64.0]),
    st.sampled_from(["belief", "reciprocal"]),
    scenarios(choice="belief"),
    SEEDS,
)
def test_the_unit_of_payoffs_does_not_matter(game, k, choice, scenario, seed):
    """All payoffs times k, rationality and selection per unit divided by k: the same acts, payoffs times k."""
    scenario = scenario.replace(choice=choice, game=game)
    other = scenario.replace(
        game=[[cell * k for cell in row] for row in game],
        rationality=scenario.rationality / k, selection=scenario.selection / k,
    )  # fmt: skip
    one, scaled = (simulate(s, seed).series for s in (scenario, other))
    for name in ("compete", "cooperate", "cocreate", "trust", "scarcity", "disposition"):
        assert np.array_equal(one[name], scaled[name], equal_nan=True), name
    assert np.array_equal(one.value * k, scaled.value)


@law
@given(scenarios(), SEEDS)
def test_the_number_of_threads_does_not_matter(scenario, seed):
    alone = series(scenario, seed)
    for threads in (2, 3):
        assert np.array_equal(series(scenario, seed, threads=threads), alone, equal_nan=True)


def test_seeds_reach_to_two_to_the_64():
    values = {simulate(Scenario(n_organizations=12, steps=5), seed).series.value.sum() for seed in
              (0, 1, 2**31, 2**32, 2**32 + 1, 2**63, 2**63 + 1, 2**64 - 1)}  # fmt: skip
    assert len(values) == 8


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "1", True, None])
def test_no_other_seed_is_taken(seed):
    with pytest.raises(ScenarioError, match="seed"):
        simulate(Scenario(steps=1), seed)
