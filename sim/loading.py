"""Records into lanes and back: which ties are at work in a step, and what the step leaves of them."""

from __future__ import annotations

import numpy as np

from sim import rules
from sim.jit import looped, rule
from sim.lanes import (
    ACT, ALIGNMENT, BELIEF_0, BELIEF_1, BELIEF_2, COMPLEMENTARITY, CONFLICT_U, CONNECTION, CREDIT, HURT,
    INTENTION, LAST_READ, LUCK_0, LUCK_1, LUCK_2, LUCK_3, MUTUAL, NEXT_ALIGNMENT, NEXT_CONNECTION, NEXT_TENSION,
    OTHER_ACTIVE, OTHER_MUTUAL, OTHER_TIES, OVERLAP, PAYOFF, RESOURCE, REVIEW_U, SCALE, SCARCITY, SETBACK, SETBACK_U,
    SHARE, SPILL, TENSION, TRUST, VALUE_DISTANCE,
)  # fmt: skip
from sim.state import DORMANT, forget


@rule
def rest(tie, record, p):
    """A dormant tie: both sides stay in their silos."""
    record.kind = DORMANT
    record.overhead = 2.0 * rules.convening_cost(p)
    tie.trust_i = tie.trust_j = 1.0
    tie.payoff_i = tie.payoff_j = rules.silo_payoff(tie.overlap, p) - rules.convening_cost(p)


@rule
def take(k, tie, first, second, pair, one, two):
    """Lane k becomes this tie."""
    pair[OVERLAP + k] = tie.overlap
    pair[COMPLEMENTARITY + k] = tie.complementarity
    pair[VALUE_DISTANCE + k] = tie.value_distance
    pair[RESOURCE + k] = tie.resource
    pair[ALIGNMENT + k] = tie.alignment
    pair[TENSION + k] = tie.tension
    pair[CONNECTION + k] = tie.connection
    one[SHARE + k] = tie.share
    one[BELIEF_0 + k], one[BELIEF_1 + k], one[BELIEF_2 + k] = tie.belief_i0, tie.belief_i1, tie.belief_i2
    two[BELIEF_0 + k], two[BELIEF_1 + k], two[BELIEF_2 + k] = tie.belief_j0, tie.belief_j1, tie.belief_j2
    one[LAST_READ + k], two[LAST_READ + k] = tie.read_i, tie.read_j
    for side, own in ((one, first), (two, second)):
        side[INTENTION + k] = own.intention
        side[SCARCITY + k] = own.scarcity
        side[OTHER_ACTIVE + k] = own.n_active - tie.active
        side[OTHER_MUTUAL + k] = own.n_mutual - tie.mutual
        side[OTHER_TIES + k] = own.degree - 1


@looped
def gather(lo, a, b, inside, is_observed, ties, organizations, earned, p, out, luck, pair, one, two, at, subjects):
    """Put ties a .. b - 1 that work or are considered into lanes, leave the others to rest; returns how many work."""
    n = np.int64(len(organizations))
    count = 0
    for e in range(a, b):
        tie, record = ties[e], out[e - lo]
        if tie.inside != inside:
            continue
        first, second = organizations[tie.i], organizations[tie.j]
        if first.is_new or second.is_new:
            forget(tie, first.disposition, second.disposition, p)
            if len(earned):
                earned[e] = 1.0
        tie.was_active = tie.active
        record.conflict = record.ended = 0
        q, k = np.uint64(e - a), np.uint64(count)
        if not tie.active:
            rest(tie, record, p)
        if tie.active or (is_observed and luck[LUCK_3 + q] < rules.meeting_chance(tie.complementarity, p)):
            take(k, tie, first, second, pair, one, two)
            pair[CONFLICT_U + k], pair[SETBACK_U + k] = luck[LUCK_0 + q], luck[LUCK_1 + q]
            pair[REVIEW_U + k] = luck[LUCK_2 + q]
            at[k] = e
            subjects[k] = np.uint64(tie.i * n + tie.j)
            count += 1
        tie.mutual = tie.setback = tie.hurt_i = tie.hurt_j = 0
    return count


@rule
def keep(k, tie, pair, one, two):
    """What a step of work, connection or repair leaves of the tie in lane k."""
    tie.trust_i, tie.trust_j = one[TRUST + k], two[TRUST + k]
    tie.belief_i0, tie.belief_i1, tie.belief_i2 = one[BELIEF_0 + k], one[BELIEF_1 + k], one[BELIEF_2 + k]
    tie.belief_j0, tie.belief_j1, tie.belief_j2 = two[BELIEF_0 + k], two[BELIEF_1 + k], two[BELIEF_2 + k]
    tie.alignment, tie.tension, tie.connection = pair[ALIGNMENT + k], pair[TENSION + k], pair[CONNECTION + k]


@rule
def keep_work(k, tie, record, is_observed, pair, one, two):
    """What work left of the tie in lane k, and the record of it."""
    tie.payoff_i, tie.payoff_j = one[PAYOFF + k], two[PAYOFF + k]
    tie.mutual, tie.setback = np.int8(pair[MUTUAL + k]), np.int8(pair[SETBACK + k])
    record.act_i, record.act_j = np.int8(one[ACT + k]), np.int8(two[ACT + k])
    record.scale, record.spill, record.credit = pair[SCALE + k], pair[SPILL + k], pair[CREDIT + k]
    record.alignment, record.tension = pair[ALIGNMENT + k], pair[TENSION + k]
    if is_observed:
        tie.read_i, tie.read_j = np.int8(one[LAST_READ + k]), np.int8(two[LAST_READ + k])
        tie.hurt_i, tie.hurt_j = np.int8(one[HURT + k]), np.int8(two[HURT + k])
    tie.alignment, tie.tension = pair[NEXT_ALIGNMENT + k], pair[NEXT_TENSION + k]
    tie.connection = pair[NEXT_CONNECTION + k]
