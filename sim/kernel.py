"""The compiled engine: one step of all organizations and ties, as loops over records.

The order of a step (what each phase reads is what the one before left; ties do not read one another):

1. ``renew``: organizations change leadership; a scheduled shock of scarcity strikes.
2. ``live``, tie by tie: a tie of a new leader forgets; a dormant tie may form; an active one connects or meets
   conflict, plays, learns, and may end. Counts of active and co-creating ties are those of the step's start.
3. ``reflect``: organizations count their income and ties and learn; ``imitate`` last: all look before anyone moves.

Luck comes from ``sim.chance``, formulas from ``sim.rules``: here they only meet.
"""

from __future__ import annotations

import numpy as np

from sim import rules
from sim.chance import Purpose, block, draw, pick
from sim.jit import compiled, looped, rule
from sim.lanes import (
    ACT, ALIGNMENT, BELIEF_0, BELIEF_1, BURDEN, CONNECTION, COST, IN_CONFLICT, LANES, LUCK_0, LUCK_1, LUCK_2, LUCK_3,
    PAIR_FIELDS, PAYOFF, REVIEW_U, SIDE_FIELDS, SILO, TENSION, TRUST, U0, U1, U2, V0, V1, V2, WEIGHT, WORKS,
    choose, circumstances, draw_lanes, earn, expect, held, play_along, read, trusts, work,
)  # fmt: skip
from sim.loading import gather, keep, keep_work
from sim.state import ANY_AGAINST, BOTH_TOWARD, CONNECTING, PAUSED, PLAYED, UNREPAIRED

OBSERVED, ALL_COOPERATE, ALL_COCREATE = 0, 1, 2  # a run as it is, and its two twins
_LEADER, _SURVIVE, _DONOR = int(Purpose.LEADER), int(Purpose.SURVIVE), int(Purpose.DONOR)
_COMPARE, _MODEL, _ADOPT = int(Purpose.COMPARE), int(Purpose.MODEL), int(Purpose.ADOPT)


@looped
def renew(step, seed, organizations, peers, first_peer, force):
    """Leadership changes and scarcity shocks. ``peers``: organizations by sector, each from ``first_peer[sector]``."""
    for k in range(len(organizations)):
        own = organizations[k]
        p = force[own.participates]
        own.is_new = 0
        leaves = p.turnover > 0.0 and draw(seed, step, k, _LEADER) < p.turnover
        if leaves and not draw(seed, step, k, _SURVIVE) < p.structure:
            n_peers = first_peer[own.sector + 1] - first_peer[own.sector]
            nth = pick(draw(seed, step, k, _DONOR), n_peers)
            donor = organizations[peers[first_peer[own.sector] + nth]]
            own.intention = donor.first_intention
            own.disposition = donor.first_disposition
            own.scarcity = donor.first_scarcity
            own.is_new = 1
        if p.scarcity_shock > 0.0:
            own.scarcity = rules.scarcity_shocked(own.scarcity, p)


@looped
def _conflict(k, heat_i, heat_j, pair, one, two, p):
    """How both sides of lane k meet a conflict, and what it does to the tie; returns how it was met."""
    bond = pair[CONNECTION + k]
    toward, against = rules.response_chances(one[TRUST + k], bond, p)
    response_i = rules.responded(toward, against, heat_i)
    toward, against = rules.response_chances(two[TRUST + k], bond, p)
    response_j = rules.responded(toward, against, heat_j)
    if response_i == rules.TOWARD and response_j == rules.TOWARD:
        pair[TENSION + k] = rules.repaired(pair[TENSION + k], p)
        pair[ALIGNMENT + k] = rules.grown(pair[ALIGNMENT + k], p.alignment_rate)
        pair[CONNECTION + k] = rules.grown(bond, p.connection_rate)
        one[BELIEF_1 + k] += 1.0
        two[BELIEF_1 + k] += 1.0
        return BOTH_TOWARD
    is_against = response_i == rules.AGAINST or response_j == rules.AGAINST
    pair[TENSION + k] = rules.heated(pair[TENSION + k], is_against, p)
    if not is_against:
        return UNREPAIRED
    pair[CONNECTION + k] = rules.strained(bond, p)
    if response_i == rules.AGAINST:
        two[BELIEF_0 + k] += p.negativity
    if response_j == rules.AGAINST:
        one[BELIEF_0 + k] += p.negativity
    return ANY_AGAINST


@rule
def _willingness(k, pair, one, two, p):
    """Chance that both sides of lane k want the partnership, as the step found them."""
    silo = pair[SILO + k]
    best = rules.best_of(one[U0 + k], one[U1 + k], one[U2 + k], p)
    more_i = rules.advantage(best, silo, one[BURDEN + k], two[BURDEN + k], one[WEIGHT + k])
    best = rules.best_of(two[U0 + k], two[U1 + k], two[U2 + k], p)
    more_j = rules.advantage(best, silo, two[BURDEN + k], one[BURDEN + k], two[WEIGHT + k])
    return rules.willing(more_i, p) * rules.willing(more_j, p)


@rule
def _willingness(k, pair, one, two, p):
    """Chance that both sides of lane k want the partnership, as the step found it."""
    silo = pair[SILO + k]
    best = rules.best_of(one[U0 + k], one[U1 + k], one[U2 + k], p)
    more_i = rules.advantage(best, silo, one[BURDEN + k], two[BURDEN + k], one[WEIGHT + k])
    best = rules.best_of(two[U0 + k], two[U1 + k], two[U2 + k], p)
    more_j = rules.advantage(best, silo, two[BURDEN + k], one[BURDEN + k], two[WEIGHT + k])
    return rules.willing(more_i, p) * rules.willing(more_j, p)


@looped
def _begin(lo, count, step, seed, ties, out, pair, one, two, at, subjects, p):
    """Lane by lane: connection before work, or conflict; says which lanes go on to work."""
    for lane in range(count):
        k = np.uint64(lane)
        tie, record = ties[at[k]], out[at[k] - lo]
        pair[WORKS + k] = 0.0
        if not tie.active:
            continue
        tie.tenure += 1
        record.overhead = one[COST + k] + two[COST + k]
        tie.payoff_i, tie.payoff_j = pair[SILO + k] - one[COST + k], pair[SILO + k] - two[COST + k]
        if tie.tenure <= p.connection_steps:
            record.kind = CONNECTING
            pair[CONNECTION + k] = rules.connection_in_phase(pair[CONNECTION + k], p)
            pair[ALIGNMENT + k] = rules.alignment_in_phase(pair[ALIGNMENT + k], p)
            continue
        if pair[IN_CONFLICT + k] > 0.0:
            heat_i, heat_j, _, _ = block(seed, step, subjects[k], 3)
            record.conflict = _conflict(k, heat_i, heat_j, pair, one, two, p)
        if record.conflict == BOTH_TOWARD:
            record.kind = PAUSED
            pair[CONNECTION + k] = rules.faded(pair[CONNECTION + k], p)
        else:
            record.kind = PLAYED
            pair[WORKS + k] = 1.0


@looped
def _earned_values(count, earned, one, two, at):
    """Under the experience rule choice goes by what acts have earned."""
    for lane in range(count):
        k = np.uint64(lane)
        e = at[k]
        one[V0 + k], one[V1 + k], one[V2 + k] = earned[e, 0, 0], earned[e, 0, 1], earned[e, 0, 2]
        two[V0 + k], two[V1 + k], two[V2 + k] = earned[e, 1, 0], earned[e, 1, 1], earned[e, 1, 2]


@looped
def _reinforce(count, earned, pair, one, two, at, p):
    """Under the experience rule the act that was played is revalued by what it earned."""
    for lane in range(count):
        k = np.uint64(lane)
        if pair[WORKS + k] > 0.0:
            e, act_i, act_j = at[k], int(one[ACT + k]), int(two[ACT + k])
            got_i = rules.earned_utility(one[PAYOFF + k], two[PAYOFF + k], one[WEIGHT + k])
            got_j = rules.earned_utility(two[PAYOFF + k], one[PAYOFF + k], two[WEIGHT + k])
            earned[e, 0, act_i] = rules.reinforced(earned[e, 0, act_i], got_i, p)
            earned[e, 1, act_j] = rules.reinforced(earned[e, 1, act_j], got_j, p)


@looped
def _end(lo, count, is_observed, ties, out, luck, pair, one, two, at, p, lifetimes):
    """Lane by lane: back into the records; considered ties may form, partnerships under review may end."""
    for lane in range(count):
        k = np.uint64(lane)
        tie, record = ties[at[k]], out[at[k] - lo]
        if not tie.active:
            if luck[LUCK_2 + k] < _willingness(k, pair, one, two, p):
                tie.active = 1
                tie.tenure = 0
                tie.alignment = rules.larger(tie.alignment, rules.fresh_alignment(tie.value_distance, p))
            continue
        keep(k, tie, pair, one, two)
        if record.kind == PLAYED:
            keep_work(k, tie, record, is_observed, pair, one, two)
        is_reviewed = is_observed and pair[REVIEW_U + k] < rules.review_chance(tie.connection, p)
        if is_reviewed and luck[LUCK_3 + k] < 1.0 - _willingness(k, pair, one, two, p):
            record.ended = 1
            tie.active = 0
            lifetimes[tie.tenure] += 1


@looped
def live(lo, hi, step, seed, twin, ties, organizations, earned, force, out, desk, lifetimes):
    """One step of ties lo .. hi - 1 (at most CHUNK), recorded in ``out``, worked on at ``desk``; ended spells counted in ``lifetimes``."""
    n = np.int64(len(organizations))
    is_observed = twin == OBSERVED
    pair, one, two, luck, act_luck, read_luck, at, subjects = desk
    for a in range(lo, hi, LANES):
        b = min(a + LANES, hi)
        for e in range(a, b):
            subjects[e - a] = np.uint64(ties[e].i * n + ties[e].j)
        draw_lanes(np.uint64(b - a), subjects, seed, step, 0, luck)
        for inside in range(2):
            p = held(force[inside])
            count = gather(
                lo, a, b, inside, is_observed, ties, organizations, earned, p, out, luck, pair, one, two, at, subjects
            )
            if count == 0:
                continue
            m = np.uint64(count)
            circumstances(m, pair, one, two, p)
            if is_observed:
                trusts(m, pair, one, two, p)
                expect(m, pair, one, p)
                expect(m, pair, two, p)
                if len(earned):
                    _earned_values(count, earned, one, two, at)
                draw_lanes(m, subjects, seed, step, 1, act_luck)
                choose(m, one, act_luck, LUCK_0, p)
                choose(m, two, act_luck, LUCK_1, p)
            else:
                play_along(m, pair, one, two, 1.0 if twin == ALL_COOPERATE else 2.0)
            _begin(lo, count, step, seed, ties, out, pair, one, two, at, subjects, p)
            work(m, pair, one, two, p)
            earn(m, pair, one, two, p)
            earn(m, pair, two, one, p)
            if is_observed:
                if len(earned):
                    _reinforce(count, earned, pair, one, two, at, p)
                draw_lanes(m, subjects, seed, step, 2, read_luck)
                read(m, pair, one, two, read_luck, LUCK_0, LUCK_3, p)
                read(m, pair, two, one, read_luck, LUCK_1, LUCK_2, p)
            _end(lo, count, is_observed, ties, out, act_luck, pair, one, two, at, p, lifetimes)


@looped
def reflect(lo, hi, is_late, twin, ties, organizations, incident, force):
    """Organizations lo .. hi - 1 count what the step brought and learn from it."""
    for k in range(lo, hi):
        own = organizations[k]
        p = force[own.participates]
        n_now = n_mutual = n_worked = n_hurt = 0
        income = trusted = lessons = 0.0
        for index in range(own.first_tie, own.first_tie + own.degree):
            tie = ties[incident[index]]
            is_i = tie.i == k
            income += tie.payoff_i if is_i else tie.payoff_j
            n_now += tie.active
            if tie.was_active:
                n_worked += 1
                trusted += tie.trust_i if is_i else tie.trust_j
                n_hurt += tie.hurt_i if is_i else tie.hurt_j
                if tie.mutual:
                    n_mutual += 1
                    lessons += 1.0 if tie.setback else rules.experienced_scarcity(p)
        own.income = income
        own.wealth += income
        if is_late:
            own.late_income += income
        own.n_active = n_now
        own.n_mutual = n_mutual
        if twin == OBSERVED and n_worked > 0:
            experience = lessons / n_mutual if n_mutual > 0 else 0.0
            own.scarcity = rules.scarcity_learned(own.scarcity, n_mutual / n_worked, experience, n_hurt / n_worked, p)
            own.disposition = rules.disposition_learned(own.disposition, trusted / n_worked, p)


@compiled
def imitate(step, seed, ties, organizations, incident, force):
    """Organizations compare themselves with a partner of this step; all look before anyone moves."""
    before = organizations["intention"].copy()
    for k in range(len(organizations)):
        own = organizations[k]
        p = force[own.participates]
        if not draw(seed, step, k, _COMPARE) < p.imitation:
            continue
        n_worked = 0
        for index in range(own.first_tie, own.first_tie + own.degree):
            n_worked += ties[incident[index]].was_active
        if n_worked == 0:
            continue
        nth = pick(draw(seed, step, k, _MODEL), n_worked)
        partner = k
        for index in range(own.first_tie, own.first_tie + own.degree):
            tie = ties[incident[index]]
            if tie.was_active:
                if nth == 0:
                    partner = tie.j if tie.i == k else tie.i
                nth -= 1
        other = organizations[partner]
        chance = rules.adoption_chance(own.income / own.degree, other.income / other.degree, p)
        if draw(seed, step, k, _ADOPT) < chance:
            own.intention = rules.intention_adopted(before[k], before[partner], p)
