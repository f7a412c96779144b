"""The compiled engine: one step of all organizations and ties.

The order of a step (what each phase reads is what the one before left; ties do not read one another):

1. ``renew``: organizations change leadership; a scheduled shock of scarcity strikes.
2. ``live``, block by block: a tie of a new leader forgets; a dormant tie may form; an active one connects or meets
   conflict, plays, learns, and may end. Counts of active and co-creating ties are those of the step's start.
3. ``collect``: organizations count their income and ties; ``reflect``: they learn; ``imitate`` last: all look before
   anyone moves.

Luck comes from ``sim.chance``, formulas from ``sim.rules``: here they only meet. What befalls every tie is computed
lane by lane in ``sim.lanes``, what befalls few of them here, one by one; organizations are in ``sim.reflection``.
"""

from __future__ import annotations

import numpy as np

from sim import lanes, rules
from sim import layout as at
from sim.chance import block
from sim.jit import fetch, inner, looped
from sim.layout import BLOCK, LANES
from sim.state import ANY_AGAINST, BOTH_TOWARD, UNREAD, UNREPAIRED

OBSERVED, ALL_COOPERATE, ALL_COCREATE = 0, 1, 2  # a run as it is, and its two twins

_MANY = 50  # with more blocks than that, the next is fetched from memory while one is worked on


@inner
def _forget(k, s, cell, ties, disposition_i, disposition_j, p):
    """Both sides of lane k return to what is believed of a stranger, without a bond."""
    cell[at.CONNECTION + k] = 0.0
    ties.read_i[s], ties.read_j[s] = UNREAD, UNREAD
    b, c = at.BELIEFS_I + k, at.BELIEFS_J + k
    cell[b], cell[b + at.NEXT_CELL], cell[b + at.AFTER_NEXT_CELL] = rules.prior(disposition_i, p)
    cell[c], cell[c + at.NEXT_CELL], cell[c + at.AFTER_NEXT_CELL] = rules.prior(disposition_j, p)
    if len(ties.earned):
        ties.earned[s] = 1.0


@inner
def _meet(n, slot, ties, organizations, cell, pair, one, two, subject, p):
    """Look up the organizations at both ends of each lane; the ties of a new leader forget."""
    n_organizations = np.int64(len(organizations))
    for k in range(n):
        s = slot + k
        i, j, mark = ties.i[s], ties.j[s], ties.marks[s]
        first, second = organizations[i], organizations[j]
        subject[k] = np.uint64(i * n_organizations + j)
        if first.is_new | second.is_new:
            _forget(k, s, cell, ties, first.disposition, second.disposition, p)
        is_active = (mark & at.ACTIVE) // at.ACTIVE
        ties.tenure[s] += is_active
        pair[at.TENURE + k] = ties.tenure[s]
        pair[at.IS_ACTIVE + k] = is_active
        pair[at.WAS_MUTUAL + k] = (mark & at.MUTUAL) // at.MUTUAL
        one[at.INTENTION + k], two[at.INTENTION + k] = first.intention, second.intention
        one[at.SCARCITY + k], two[at.SCARCITY + k] = first.scarcity, second.scarcity
        one[at.OTHER_ACTIVE + k], two[at.OTHER_ACTIVE + k] = first.n_active, second.n_active
        one[at.OTHER_MUTUAL + k], two[at.OTHER_MUTUAL + k] = first.n_mutual, second.n_mutual
        one[at.OTHER_TIES + k], two[at.OTHER_TIES + k] = first.degree - 1, second.degree - 1


@inner
def _conflict(k, heat_i, heat_j, cell, pair, one, two, p):
    """How both sides of lane k meet a conflict, and what it does to the tie; returns how it was met."""
    bond = pair[at.IN_CONNECTION + k]
    toward, against = rules.response_chances(cell[at.TRUST_I + k], bond, p)
    response_i = rules.responded(toward, against, heat_i)
    toward, against = rules.response_chances(cell[at.TRUST_J + k], bond, p)
    response_j = rules.responded(toward, against, heat_j)
    if response_i == rules.TOWARD and response_j == rules.TOWARD:
        pair[at.IN_TENSION + k] = rules.repaired(pair[at.IN_TENSION + k], p)
        pair[at.IN_ALIGNMENT + k] = rules.grown(pair[at.IN_ALIGNMENT + k], p.alignment_rate)
        pair[at.IN_CONNECTION + k] = rules.faded(rules.grown(bond, p.connection_rate), p)
        one[at.BELIEFS + at.NEXT + k] += 1.0
        two[at.BELIEFS + at.NEXT + k] += 1.0
        return BOTH_TOWARD
    is_against = response_i == rules.AGAINST or response_j == rules.AGAINST
    pair[at.IN_TENSION + k] = rules.heated(pair[at.IN_TENSION + k], is_against, p)
    if not is_against:
        return UNREPAIRED
    pair[at.IN_CONNECTION + k] = rules.strained(bond, p)
    if response_i == rules.AGAINST:
        two[at.BELIEFS + k] += p.negativity
    if response_j == rules.AGAINST:
        one[at.BELIEFS + k] += p.negativity
    return ANY_AGAINST


@inner
def _before_work(n, step, seed, cell, pair, one, two, subject, p):
    """Lanes that connect before they work, and lanes in conflict, of which those that both turn toward pause."""
    for k in range(n):
        if pair[at.IS_CONNECTING + k] > 0.0:
            pair[at.IN_CONNECTION + k] = rules.connection_in_phase(pair[at.IN_CONNECTION + k], p)
            pair[at.IN_ALIGNMENT + k] = rules.alignment_in_phase(pair[at.IN_ALIGNMENT + k], p)
        if pair[at.IN_CONFLICT + k] > 0.0:
            heat_i, heat_j, _, _ = block(seed, step, subject[k], 3)
            outcome = _conflict(k, heat_i, heat_j, cell, pair, one, two, p)
            pair[at.CONFLICT + k] = outcome
            if outcome == BOTH_TOWARD:
                pair[at.WORKS + k] = 0.0


@inner
def _willingness(k, pair, one, two, p):
    """Chance that both sides of lane k want the partnership, as the step found it."""
    silo, u = pair[at.SILO + k], at.UTILITIES + k
    best = rules.best_of(one[u], one[u + at.NEXT], one[u + at.AFTER_NEXT], p)
    more_i = rules.advantage(best, silo, one[at.BURDEN + k], two[at.BURDEN + k], one[at.WEIGHT + k])
    best = rules.best_of(two[u], two[u + at.NEXT], two[u + at.AFTER_NEXT], p)
    more_j = rules.advantage(best, silo, two[at.BURDEN + k], one[at.BURDEN + k], two[at.WEIGHT + k])
    return rules.willing(more_i, p) * rules.willing(more_j, p)


@inner
def _after_work(n, slot, tenure, cell, pair, one, two, luck, p, lifetimes):
    """Dormant ties that were considered may form, partnerships under review may end."""
    for k in range(n):
        if pair[at.IS_EVENT + k] == 0.0:
            continue
        if pair[at.IS_ACTIVE + k] == 0.0:
            if luck[at.FORM_U + k] < _willingness(k, pair, one, two, p):
                pair[at.STAYS + k] = 1.0
                tenure[slot + k] = 0
                fresh = rules.fresh_alignment(cell[at.VALUE_DISTANCE + k], p)
                cell[at.ALIGNMENT + k] = rules.larger(cell[at.ALIGNMENT + k], fresh)
            continue
        is_reviewed = luck[at.REVIEW_U + k] < rules.review_chance(cell[at.CONNECTION + k], p)
        if is_reviewed and luck[at.END_U + k] < 1.0 - _willingness(k, pair, one, two, p):
            pair[at.STAYS + k], pair[at.ENDED + k] = 0.0, 1.0
            lifetimes[tenure[slot + k]] += 1


@inner
def _mark(n, slot, marks, pair, one, two):
    """What the step made of each lane, as one byte."""
    for k in range(n):
        both = pair[at.IS_ACTIVE + k] * at.WAS_ACTIVE + pair[at.IS_MUTUAL + k] * at.MUTUAL
        hurt = one[at.IS_HURT + k] * at.HURT_I + two[at.IS_HURT + k] * at.HURT_J
        now = pair[at.IS_SETBACK + k] * at.SETBACK + pair[at.STAYS + k] * at.ACTIVE
        marks[slot + k] = np.int8(both + hurt + now)


@inner
def _earned_values(n, slot, earned, one, two):
    """Under the experience rule choice goes by what acts have earned."""
    for k in range(n):
        for act in range(3):
            v = at.VALUES + np.uint64(act) * at.NEXT + k
            one[v], two[v] = earned[slot + k, 0, act], earned[slot + k, 1, act]


@inner
def _reinforce(n, slot, earned, cell, pair, one, two, p):
    """Under the experience rule the act that was played is revalued by what it earned."""
    for k in range(n):
        if pair[at.WORKS + k] > 0.0:
            s, act_i, act_j = slot + k, int(one[at.ACT + k]), int(two[at.ACT + k])
            own, other = cell[at.PAYOFF_I + k], cell[at.PAYOFF_J + k]
            got_i = rules.earned_utility(own, other, one[at.WEIGHT + k])
            got_j = rules.earned_utility(other, own, two[at.WEIGHT + k])
            earned[s, 0, act_i] = rules.reinforced(earned[s, 0, act_i], got_i, p)
            earned[s, 1, act_j] = rules.reinforced(earned[s, 1, act_j], got_j, p)


@looped
def live(b, step, seed, twin, with_ledger, first, ties, organizations, force, desk, lifetimes):
    """One step of block b, written on the desk's sheet from place ``first`` on; ended spells in ``lifetimes``.

    ``with_ledger``: True or None, so that what the ledger needs is compiled only where it is asked for.
    """
    n, slot = np.uint64(ties.size[b]), np.uint64(b * LANES)
    is_observed = twin == OBSERVED
    p = lanes.held(force[ties.inside[b]])
    cell = ties.cells[b * BLOCK : (b + 1) * BLOCK]
    pair, one, two, luck, subject, sheet = desk
    if len(ties.size) > _MANY and b + 1 < len(ties.size):
        for t in range(np.uint64((b + 1) * BLOCK), np.uint64((b + 2) * BLOCK), np.uint64(8)):
            fetch(ties.cells, t)
        for s in range(slot + np.uint64(LANES), slot + np.uint64(LANES) + np.uint64(ties.size[b + 1])):
            fetch(organizations, np.uint64(ties.j[s]))
    _meet(n, slot, ties, organizations, cell, pair, one, two, subject, p)
    lanes.circumstances(n, cell, pair, one, two, p)
    # choice
    if is_observed:
        lanes.draw_all(n, subject, seed, step, luck)
        lanes.trusts(n, cell, pair, one, two, p)
        lanes.expect(n, cell, at.TRUST_I, True, pair, one, p)
        lanes.expect(n, cell, at.TRUST_J, False, pair, two, p)
        if p.choice == 1:
            lanes.answer(n, cell, at.TRUST_I, ties.read_i[slot:], one, luck, at.ACT_I_U, p)
            lanes.answer(n, cell, at.TRUST_J, ties.read_j[slot:], two, luck, at.ACT_J_U, p)
        else:
            values = at.UTILITIES
            if len(ties.earned):
                values = at.VALUES
                _earned_values(n, slot, ties.earned, one, two)
            lanes.choose(n, values, one, luck, at.ACT_I_U, p)
            lanes.choose(n, values, two, luck, at.ACT_J_U, p)
    else:
        lanes.draw_world(n, subject, seed, step, luck)
        lanes.play_along(n, cell, pair, one, two, 1.0 if twin == ALL_COOPERATE else 2.0)
    # connection or conflict, work
    lanes.events(n, cell, pair, luck, p)
    _before_work(n, step, seed, cell, pair, one, two, subject, p)
    lanes.work(n, cell, pair, one, two, luck, p)
    lanes.earn(n, cell, at.PAYOFF_I, True, pair, one, two, p)
    lanes.earn(n, cell, at.PAYOFF_J, False, pair, two, one, p)
    # learning, forming and ending
    if is_observed:
        if len(ties.earned):
            _reinforce(n, slot, ties.earned, cell, pair, one, two, p)
        lanes.read(n, cell, at.BELIEFS_I, pair, one, two, luck, at.MISREAD_I_U, at.PRETEND_J_U, p)
        lanes.read(n, cell, at.BELIEFS_J, pair, two, one, luck, at.MISREAD_J_U, at.PRETEND_I_U, p)
        if p.choice == 1:
            lanes.remember(n, ties.read_i[slot:], pair, one)
            lanes.remember(n, ties.read_j[slot:], pair, two)
        _after_work(n, slot, ties.tenure, cell, pair, one, two, luck, p, lifetimes)
        lanes.report(n, cell, pair, one, two, first, sheet)
        if with_ledger is not None:
            lanes.report_losses(n, cell, pair, one, two, ties.inside[b], first, sheet)
    _mark(n, slot, ties.marks, pair, one, two)


@looped
def prepare(is_first, ties, organizations, force):
    """What follows from the terms: power shares; at the first segment also priors, alignment, resources, counts."""
    for b in range(len(ties.size)):
        cell, p = ties.cells[b * BLOCK : (b + 1) * BLOCK], lanes.held(force[ties.inside[b]])
        terms = force[ties.inside[b]]
        for k in range(np.uint64(ties.size[b])):
            s = np.uint64(b * LANES) + k
            first, second = organizations[ties.i[s]], organizations[ties.j[s]]
            cell[at.SHARE + k] = rules.power_share(first.log_power, second.log_power, terms)
            if is_first:
                cell[at.ALIGNMENT + k] = rules.fresh_alignment(cell[at.VALUE_DISTANCE + k], p)
                cell[at.RESOURCE + k] = rules.resources(first.log_power, second.log_power, terms)
                _forget(k, s, cell, ties, first.disposition, second.disposition, p)
                is_active = (ties.marks[s] & at.ACTIVE) // at.ACTIVE
                first.n_active += is_active
                second.n_active += is_active
