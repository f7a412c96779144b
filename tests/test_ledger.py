"""Where the value goes: the shortfall of a tie, row by row of the model's table, and the split that needs no order."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import Scenario, rules
from sim.ledger import LOSSES, creation_lost, reachable, shortfall
from sim.schedule import segments
from sim.state import CONNECTING, DORMANT, PAUSED, PLAYED

P = segments(Scenario(duplication=0.5, rivalry=0.25, investment=0.35, engagement=0.25, collective=1))[0].inside
OVERLAP, FULL = 0.4, 4.0  # so duplication of both is .4
GAIN = 3.3  # max(4 - .7, .0625 * 4)
OVERHEADS = 0.06
GENEROUS = dict(spill=2.0, lost_to_credit=0.0, alignment=1.0, tension=0.0, success=1.0)  # nothing is lost

# kind, act of i, act of j, scale -> the parts that are not 0, but for overheads
TABLE = [
    # a silo: the work is done twice, all gain is missed
    (DORMANT, 0, 0, 1.0, {"duplication": 0.4, "missed": 3.3}),
    # connecting, or making up: the gain is spent on the relationship
    (CONNECTING, 0, 0, 1.0, {"duplication": 0.4, "relationship": 3.3}),
    (PAUSED, 0, 0, 1.0, {"duplication": 0.4, "relationship": 3.3}),
    # both compete: rivalry too, at the scale of joint work
    (PLAYED, 0, 0, 1.0, {"duplication": 0.4, "missed": 3.3, "rivalry": 0.5}),
    (PLAYED, 0, 0, 0.5, {"duplication": 0.4, "missed": 3.3, "rivalry": 0.25}),
    # one competes: what moves between them is no loss
    (PLAYED, 0, 1, 1.0, {"duplication": 0.4, "missed": 3.3}),
    # ... but what a co-creator invested in it is wasted
    (PLAYED, 0, 2, 1.0, {"duplication": 0.4, "missed": 3.3, "wasted": 0.35}),
    (PLAYED, 2, 0, 0.5, {"duplication": 0.4, "missed": 3.3, "wasted": 0.175}),
    # both cooperate: nothing is done twice; all but e**2 V is missed
    (PLAYED, 1, 1, 1.0, {"missed": 3.3 - 0.25}),
    # ... at half scale the rest goes on in silos, and caution costs half of what they would create
    (PLAYED, 1, 1, 0.5, {"missed": 3.3 - 0.25, "duplication": 0.2, "caution": 0.125}),
    # one co-creates: B = e V - I = .65
    (PLAYED, 2, 1, 1.0, {"missed": 3.3 - 0.65}),
    (PLAYED, 1, 2, 1.0, {"missed": 3.3 - 0.65}),
    # ... at half scale it invests half: a saving
    (PLAYED, 1, 2, 0.5, {"missed": 3.3 - 0.65, "duplication": 0.2, "caution": 0.5, "wasted": -0.175}),
    # both co-create: first best
    (PLAYED, 2, 2, 1.0, {}),
    (PLAYED, 2, 2, 0.5, {"duplication": 0.2, "caution": 2.0, "wasted": -0.35}),
]


@pytest.mark.parametrize(("kind", "act_i", "act_j", "scale", "parts"), TABLE)
def test_the_parts_of_a_tie_are_those_of_the_table(kind, act_i, act_j, scale, parts):
    found = shortfall(kind, act_i, act_j, OVERLAP, FULL, scale, overheads=OVERHEADS, p=P, **GENEROUS)
    expected = dict.fromkeys(LOSSES, 0.0) | parts | {"overhead": OVERHEADS}
    assert dict(zip(LOSSES, found, strict=True)) == pytest.approx(expected, abs=1e-12)


# What both co-create 4 stakes short of: each factor alone bears all of it.
ALONE = [
    ({"spill": 1.0}, {"isolation": 2.0}),  # nobody else co-creates: half of 1 + collective
    ({"lost_to_credit": 0.25}, {"visibility": 1.0}),
    ({"alignment": 0.5}, {"misalignment": 2.0}),
    ({"tension": 0.75}, {"tension": 3.0}),
    ({"success": 0.0}, {"setbacks": 4.0}),
    # two at once share by their logarithms: .5 and .25 are one and two halvings of 4 to .5
    ({"alignment": 0.5, "tension": 0.75}, {"misalignment": 3.5 / 3, "tension": 2 * 3.5 / 3}),
    # what is 0 bears all alone, whatever else there is; two at 0 share equally
    ({"success": 0.0, "alignment": 0.5}, {"setbacks": 4.0}),
    ({"success": 0.0, "tension": 1.0}, {"setbacks": 2.0, "tension": 2.0}),
]


@pytest.mark.parametrize(("factors", "parts"), ALONE)
def test_lost_creation_is_borne_by_what_lost_it(factors, parts):
    state = GENEROUS | factors
    found = shortfall(PLAYED, 2, 2, OVERLAP, FULL, 1.0, overheads=0.0, p=P, **state)
    assert dict(zip(LOSSES, found, strict=True)) == pytest.approx(dict.fromkeys(LOSSES, 0.0) | parts, abs=1e-12)


FACTOR = st.floats(0.01, 1) | st.sampled_from([0.0, 1.0])
FACTORS = st.tuples(*[FACTOR] * 6)


@given(FACTORS, st.floats(0, 100))
def test_the_split_leaves_nothing_over_and_charges_nobody_for_nothing(factors, before):
    parts = creation_lost(before, *factors)
    assert sum(parts) == pytest.approx(before * (1 - math.prod(factors)), abs=1e-9)
    assert all(part >= 0 for part in parts)
    assert all(part == 0 for part, factor in zip(parts, factors, strict=True) if factor == 1.0)


@settings(max_examples=20, deadline=None)
@given(FACTORS)
def test_the_split_does_not_depend_on_an_order(factors):
    parts = dict(enumerate(creation_lost(1.0, *factors)))
    for order in itertools.islice(itertools.permutations(range(6)), 0, 720, 37):
        again = creation_lost(1.0, *(factors[k] for k in order))
        assert again == pytest.approx([parts[k] for k in order], abs=1e-12)


# B: what the acts could yield at best. Rows: number of co-creators, V, investment -> B
REACHABLE = [
    (0, 4.0, 0.35, 0.25),  # e**2 V
    (1, 4.0, 0.35, 0.65),  # e V - I
    (1, 4.0, 0.90, 0.25),  # unless cooperating yields more
    (2, 4.0, 0.35, 3.3),  # V - 2 I
    (2, 0.5, 0.35, 0.03125),  # first best may be to cooperate
    (0, 0.0, 0.35, 0.0),  # nothing to be had
]


@pytest.mark.parametrize(("n", "full", "investment", "best"), REACHABLE)
def test_what_acts_could_yield(n, full, investment, best):
    p = segments(Scenario(investment=investment))[0].inside
    assert reachable(n, full, rules.first_best_gain(full, p), p) == pytest.approx(best)


UNIT = st.floats(0, 1)


@settings(deadline=None)
@given(
    st.integers(0, 2),
    st.integers(0, 2),
    UNIT,
    st.floats(0, 9),
    UNIT,
    UNIT,
    UNIT,
    UNIT,
    UNIT,
    st.sampled_from([0.0, 1.0]),
)
def test_first_best_less_the_parts_is_what_both_get(
    act, other, overlap, full, scale, c, lost, alignment, tension, success
):
    """The identity for one tie, payoffs and parts from rules that know nothing of each other."""
    spill = 1.0 + P.collective * c
    silo = rules.silo_payoff(overlap, P)
    creation = success * full / (1 + P.collective) * spill * (1 - lost) * alignment * (1 - tension)
    sides = (act, other, 0.3), (other, act, 0.7)
    value = sum(rules.payoff(a, b, share, scale, silo, creation, P) for a, b, share in sides) - OVERHEADS
    parts = shortfall(
        PLAYED, act, other, overlap, full, scale, spill, lost, alignment, tension, success, OVERHEADS, P
    )  # fmt: skip
    assert 2 + rules.first_best_gain(full, P) - sum(parts) == pytest.approx(value, abs=1e-9)
