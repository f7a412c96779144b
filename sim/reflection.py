"""Organizations before and after their ties live through a step; the order of a step is said in ``sim.kernel``."""

from __future__ import annotations

import numpy as np

from sim import layout as at
from sim import rules
from sim.chance import Purpose, block, draw, pick
from sim.jit import compiled, looped, rule
from sim.kernel import OBSERVED
from sim.layout import BLOCK, LANES

_LEADER, _SURVIVE, _DONOR = np.int64(Purpose.LEADER), np.int64(Purpose.SURVIVE), np.int64(Purpose.DONOR)
_COMPARE, _MODEL, _ADOPT = np.int64(Purpose.COMPARE), np.int64(Purpose.MODEL), np.int64(Purpose.ADOPT)


@looped
def renew(lo, hi, step, seed, organizations, peers, first_peer, luck, force):
    """Leadership changes and scarcity shocks of organizations lo .. hi - 1.

    ``peers``: organizations by sector, each from ``first_peer[sector]``; ``luck``: room for their draws.
    """
    for k in range(np.uint64(lo), np.uint64(hi)):
        luck[k], _, _, _ = block(seed, step, k, _LEADER // 4)
    for k in range(lo, hi):
        own = organizations[k]
        p = force[own.participates]
        own.is_new = 0
        own.income = own.trusted = own.lessons = 0.0
        own.n_worked = own.n_hurt = own.n_now = own.n_created = 0
        leaves = p.turnover > 0.0 and luck[k] < p.turnover
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


@rule
def _cell(ties, e):
    """The slot of tie e, and where its block's cells of its lane begin."""
    s = np.uint64(ties.slot[e])
    return s, s // np.uint64(LANES) * np.uint64(BLOCK) + s % np.uint64(LANES)


@rule
def _count_other(s, cell, mark, lesson_outside, lesson_inside, ties, organizations):
    """Side j of one tie counts what it brought."""
    other = organizations[ties.j[s]]
    lesson = lesson_inside if other.participates else lesson_outside
    is_mutual, was_active = (mark & at.MUTUAL) // at.MUTUAL, (mark & at.WAS_ACTIVE) // at.WAS_ACTIVE
    other.income += ties.cells[at.PAYOFF_J + cell]
    other.trusted += was_active * ties.cells[at.TRUST_J + cell]  # times 0 or 1: a branch is often mispredicted
    other.lessons += is_mutual * (1.0 if (mark & at.SETBACK) > 0 else lesson)
    other.n_now += (mark & at.ACTIVE) // at.ACTIVE
    other.n_worked += was_active
    other.n_created += is_mutual
    other.n_hurt += (mark & at.HURT_J) // at.HURT_J


@looped
def collect(lo, hi, first, last, ties, organizations, force):
    """Organizations first .. last - 1 count what ties lo .. hi - 1 brought them, in the order of ties.

    Ties stand in the order of i, and i < j: what side i adds up to is carried along until i changes.
    """
    lesson_outside, lesson_inside = rules.experienced_scarcity(force[0]), rules.experienced_scarcity(force[1])
    e = lo
    while e < hi:
        s, cell = _cell(ties, e)
        i = ties.i[s]
        if i >= last:
            return
        if i < first:  # at most the other side is one of them
            if first <= ties.j[s] < last:
                _count_other(s, cell, ties.marks[s], lesson_outside, lesson_inside, ties, organizations)
            e += 1
            continue
        own = organizations[i]
        lesson = lesson_inside if own.participates else lesson_outside
        income, trusted, lessons = own.income, own.trusted, own.lessons
        n_now, n_worked, n_created, n_hurt = own.n_now, own.n_worked, own.n_created, own.n_hurt
        while True:
            mark = ties.marks[s]
            is_mutual, was_active = (mark & at.MUTUAL) // at.MUTUAL, (mark & at.WAS_ACTIVE) // at.WAS_ACTIVE
            income += ties.cells[at.PAYOFF_I + cell]
            trusted += was_active * ties.cells[at.TRUST_I + cell]
            lessons += is_mutual * (1.0 if (mark & at.SETBACK) > 0 else lesson)
            n_now += (mark & at.ACTIVE) // at.ACTIVE
            n_worked += was_active
            n_created += is_mutual
            n_hurt += (mark & at.HURT_I) // at.HURT_I
            if ties.j[s] < last:
                _count_other(s, cell, mark, lesson_outside, lesson_inside, ties, organizations)
            e += 1
            if e == hi:
                break
            s, cell = _cell(ties, e)
            if ties.i[s] != i:
                break
        own.income, own.trusted, own.lessons = income, trusted, lessons
        own.n_now, own.n_worked, own.n_created, own.n_hurt = n_now, n_worked, n_created, n_hurt


@looped
def add_value(ties, tie_value):
    """Add the value of each tie in this step."""
    for e in range(len(tie_value)):
        _, cell = _cell(ties, e)
        tie_value[e] += ties.cells[at.PAYOFF_I + cell] + ties.cells[at.PAYOFF_J + cell]


@looped
def reflect(lo, hi, is_late, twin, organizations, force):
    """Organizations lo .. hi - 1 learn from what the step brought."""
    for k in range(lo, hi):
        own = organizations[k]
        p = force[own.participates]
        own.wealth += own.income
        if is_late:
            own.late_income += own.income
        own.n_active, own.n_mutual = own.n_now, own.n_created
        if twin == OBSERVED and own.n_worked > 0:
            n_worked, n_mutual = own.n_worked, own.n_created
            experience = own.lessons / n_mutual if n_mutual > 0 else 0.0
            own.scarcity = rules.scarcity_learned(
                own.scarcity, n_mutual / n_worked, experience, own.n_hurt / n_worked, p
            )
            own.disposition = rules.disposition_learned(own.disposition, own.trusted / n_worked, p)


@compiled
def imitate(step, seed, ties, organizations, incident, force):
    """Organizations compare themselves with a partner of this step; all look before anyone moves."""
    before = organizations["intention"].copy()
    for k in range(len(organizations)):
        own = organizations[k]
        p = force[own.participates]
        if own.n_worked == 0 or not draw(seed, step, k, _COMPARE) < p.imitation:
            continue
        nth = pick(draw(seed, step, k, _MODEL), own.n_worked)
        partner = k
        for index in range(own.first_tie, own.first_tie + own.degree):
            s = ties.slot[incident[index]]
            if ties.marks[s] & at.WAS_ACTIVE:
                if nth == 0:
                    partner = ties.i[s] + ties.j[s] - k
                nth -= 1
        other = organizations[partner]
        chance = rules.adoption_chance(own.income / own.degree, other.income / other.degree, p)
        if draw(seed, step, k, _ADOPT) < chance:
            own.intention = rules.intention_adopted(before[k], before[partner], p)
