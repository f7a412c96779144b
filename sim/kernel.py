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
from sim.jit import compiled, rule
from sim.state import ANY_AGAINST, BOTH_TOWARD, CONNECTING, DORMANT, PAUSED, PLAYED, UNREPAIRED, forget

OBSERVED, ALL_COOPERATE, ALL_COCREATE = 0, 1, 2  # a run as it is, and its two twins
_LEADER, _SURVIVE, _DONOR = int(Purpose.LEADER), int(Purpose.SURVIVE), int(Purpose.DONOR)
_COMPARE, _MODEL, _ADOPT = int(Purpose.COMPARE), int(Purpose.MODEL), int(Purpose.ADOPT)


@compiled
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


@rule
def _spill(tie, first, second, p):
    """Spill-over from both ends' other partners, as of the step before."""
    c_i = rules.involvement(first.n_mutual - tie.mutual, first.degree - 1)
    c_j = rules.involvement(second.n_mutual - tie.mutual, second.degree - 1)
    return rules.spill_over(c_i, c_j, p)


@rule
def _act_chances(v0, v1, v2, trusting, last_read, p):
    """Probabilities of one side's acts from the values that its rule goes by: utilities, or what acts have earned."""
    if p.choice == 1:
        return rules.reciprocal(v1, v2, trusting, last_read, p)
    return rules.logit(v0, v1, v2, p)


@compiled
def _conflict(tie, heat_i, heat_j, p):
    """How both sides meet a conflict, and what it does to the tie; returns how it was met."""
    bond = tie.connection
    toward, against = rules.response_chances(tie.trust_i, bond, p)
    response_i = rules.responded(toward, against, heat_i)
    toward, against = rules.response_chances(tie.trust_j, bond, p)
    response_j = rules.responded(toward, against, heat_j)
    if response_i == rules.TOWARD and response_j == rules.TOWARD:
        tie.tension = rules.repaired(tie.tension, p)
        tie.alignment = rules.grown(tie.alignment, p.alignment_rate)
        tie.connection = rules.grown(bond, p.connection_rate)
        tie.belief_i1 += 1.0
        tie.belief_j1 += 1.0
        return BOTH_TOWARD
    is_against = response_i == rules.AGAINST or response_j == rules.AGAINST
    tie.tension = rules.heated(tie.tension, is_against, p)
    if not is_against:
        return UNREPAIRED
    tie.connection = rules.strained(bond, p)
    if response_i == rules.AGAINST:
        tie.belief_j0 += p.negativity
    if response_j == rules.AGAINST:
        tie.belief_i0 += p.negativity
    return ANY_AGAINST


@compiled
def _read(tie, act_i, act_j, misread_i, misread_j, pretend_i, pretend_j, p):
    """Both sides read their partner's act and update their beliefs."""
    breach = rules.breach_weight(tie.connection, p)
    misread = rules.misread_chance(tie.connection, p)
    pretense = rules.pretense_chance(p)
    by_i = rules.act_as_read(act_j, act_i, misread_i < misread, pretend_j < pretense)
    by_j = rules.act_as_read(act_i, act_j, misread_j < misread, pretend_i < pretense)
    tie.belief_i0 = rules.belief_updated(tie.belief_i0, 0, by_i, breach, p)
    tie.belief_i1 = rules.belief_updated(tie.belief_i1, 1, by_i, breach, p)
    tie.belief_i2 = rules.belief_updated(tie.belief_i2, 2, by_i, breach, p)
    tie.belief_j0 = rules.belief_updated(tie.belief_j0, 0, by_j, breach, p)
    tie.belief_j1 = rules.belief_updated(tie.belief_j1, 1, by_j, breach, p)
    tie.belief_j2 = rules.belief_updated(tie.belief_j2, 2, by_j, breach, p)
    tie.read_i, tie.read_j = by_i, by_j
    tie.hurt_i = 1 if act_i != rules.COMPETE and by_i == rules.COMPETE else 0
    tie.hurt_j = 1 if act_j != rules.COMPETE and by_j == rules.COMPETE else 0


@compiled
def live(lo, hi, step, seed, twin, ties, organizations, earned, force, out, lifetimes):
    """One step of ties lo .. hi - 1 (at most CHUNK), recorded in ``out``; ended spells counted in ``lifetimes``."""
    n = np.int64(len(organizations))
    for e in range(lo, hi):
        tie, record = ties[e], out[e - lo]
        first, second = organizations[tie.i], organizations[tie.j]
        p = force[tie.inside]
        subject = tie.i * n + tie.j
        if first.is_new or second.is_new:
            forget(tie, first.disposition, second.disposition, p)
            if len(earned):
                earned[e] = 1.0
        silo = rules.silo_payoff(tie.overlap, p)
        spill = _spill(tie, first, second, p)
        lost = rules.credit(first.intention, second.intention, p)
        share_i, share_j = tie.share, 1.0 - tie.share
        cost_i = rules.overhead(first.n_active - tie.active, p)
        cost_j = rules.overhead(second.n_active - tie.active, p)
        burden_i = cost_i - rules.convening_cost(p)
        burden_j = cost_j - rules.convening_cost(p)
        tie.was_active = tie.active
        tie.mutual = tie.setback = tie.hurt_i = tie.hurt_j = 0
        record.conflict = record.ended = 0
        conflict_u, setback_u, review_u, consider_u = block(seed, step, subject, 0)
        is_considered = not tie.active and consider_u < rules.meeting_chance(tie.complementarity, p)

        # Trust, scale, utilities and the advantage over the silo, from the state as the step finds it.
        tie.trust_i = tie.trust_j = scale = 1.0
        weight_i = weight_j = wants = 0.0
        u0 = u1 = u2 = v0 = v1 = v2 = 0.0
        if twin == OBSERVED and (tie.active or is_considered):
            tie.trust_i = rules.trust(tie.belief_i0, tie.belief_i1, tie.belief_i2)
            tie.trust_j = rules.trust(tie.belief_j0, tie.belief_j1, tie.belief_j2)
            scale = rules.work_scale(tie.trust_i, tie.trust_j, p)
            weight_i = rules.loyal_intention(first.intention, tie.connection, p)
            weight_j = rules.loyal_intention(second.intention, tie.connection, p)
            foreseen = rules.foreseen_alignment(tie.alignment, tie.tension, p)
            hoped_i = rules.believed_synergy(first.scarcity, p)
            hoped_i = rules.joint_creation(hoped_i, spill, tie.resource, lost, tie.complementarity, foreseen)
            hoped_j = rules.believed_synergy(second.scarcity, p)
            hoped_j = rules.joint_creation(hoped_j, spill, tie.resource, lost, tie.complementarity, foreseen)
            b0, b1, b2 = tie.belief_i0, tie.belief_i1, tie.belief_i2
            u0, u1, u2 = rules.utilities(b0, b1, b2, tie.trust_i, share_i, scale, silo, hoped_i, weight_i, burden_i, p)
            b0, b1, b2 = tie.belief_j0, tie.belief_j1, tie.belief_j2
            v0, v1, v2 = rules.utilities(b0, b1, b2, tie.trust_j, share_j, scale, silo, hoped_j, weight_j, burden_j, p)
            if is_considered or review_u < p.review:
                more_i = rules.advantage(rules.best_of(u0, u1, u2, p), silo, burden_i, burden_j, weight_i)
                more_j = rules.advantage(rules.best_of(v0, v1, v2, p), silo, burden_j, burden_i, weight_j)
                wants = rules.willing(more_i, p) * rules.willing(more_j, p)

        if not tie.active:
            record.kind = DORMANT
            record.overhead = 2.0 * rules.convening_cost(p)
            tie.payoff_i = tie.payoff_j = silo - rules.convening_cost(p)
            if is_considered and block(seed, step, subject, 1)[2] < wants:
                tie.active = 1
                tie.tenure = 0
                tie.alignment = rules.larger(tie.alignment, rules.fresh_alignment(tie.value_distance, p))
            continue

        tie.tenure += 1
        record.overhead = cost_i + cost_j
        tie.payoff_i = silo - cost_i
        tie.payoff_j = silo - cost_j
        if tie.tenure <= p.connection_steps:
            record.kind = CONNECTING
            tie.connection = rules.connection_in_phase(tie.connection, p)
            tie.alignment = rules.alignment_in_phase(tie.alignment, p)
        else:
            if conflict_u < rules.conflict_chance(tie.value_distance, tie.tension, tie.share, p):
                heat_i, heat_j, _, _ = block(seed, step, subject, 3)
                record.conflict = _conflict(tie, heat_i, heat_j, p)
            if record.conflict == BOTH_TOWARD:
                record.kind = PAUSED
            else:
                # play
                record.kind = PLAYED
                act_i = act_j = rules.COOPERATE if twin == ALL_COOPERATE else rules.COCREATE
                if twin == OBSERVED:
                    luck_i, luck_j, _, _ = block(seed, step, subject, 1)
                    if len(earned):
                        u0, u1, u2 = earned[e, 0, 0], earned[e, 0, 1], earned[e, 0, 2]
                        v0, v1, v2 = earned[e, 1, 0], earned[e, 1, 1], earned[e, 1, 2]
                    p0, p1, _ = _act_chances(u0, u1, u2, tie.trust_i, tie.read_i, p)
                    act_i = rules.chosen(p0, p1, luck_i)
                    p0, p1, _ = _act_chances(v0, v1, v2, tie.trust_j, tie.read_j, p)
                    act_j = rules.chosen(p0, p1, luck_j)
                is_peaceful = act_i != rules.COMPETE and act_j != rules.COMPETE
                is_setback = is_peaceful and setback_u < p.setback
                is_mutual = act_i == rules.COCREATE and act_j == rules.COCREATE
                creation = 0.0
                if not is_setback:
                    effective = tie.alignment * (1.0 - tie.tension)
                    creation = rules.joint_creation(
                        p.synergy, spill, tie.resource, lost, tie.complementarity, effective
                    )
                tie.payoff_i = rules.payoff(act_i, act_j, share_i, scale, silo, creation, p) - cost_i
                tie.payoff_j = rules.payoff(act_j, act_i, share_j, scale, silo, creation, p) - cost_j
                record.act_i, record.act_j = act_i, act_j
                record.scale, record.spill, record.credit = scale, spill, lost
                record.alignment, record.tension = tie.alignment, tie.tension
                tie.mutual = 1 if is_mutual else 0
                tie.setback = 1 if is_setback else 0
                # learn
                if twin == OBSERVED:
                    if len(earned):
                        got_i = rules.earned_utility(tie.payoff_i, tie.payoff_j, weight_i)
                        got_j = rules.earned_utility(tie.payoff_j, tie.payoff_i, weight_j)
                        earned[e, 0, act_i] = rules.reinforced(earned[e, 0, act_i], got_i, p)
                        earned[e, 1, act_j] = rules.reinforced(earned[e, 1, act_j], got_j, p)
                    misread_i, misread_j, pretend_i, pretend_j = block(seed, step, subject, 2)
                    _read(tie, act_i, act_j, misread_i, misread_j, pretend_i, pretend_j, p)
                tie.alignment = rules.alignment_after_work(tie.alignment, act_i, act_j, is_setback, p)
                tie.tension = rules.eased(tie.tension, p)
                if is_mutual:
                    tie.connection = rules.connection_through_work(tie.connection, p)
            tie.connection = rules.faded(tie.connection, p)
        is_reviewed = twin == OBSERVED and review_u < rules.review_chance(tie.connection, p)
        if is_reviewed and block(seed, step, subject, 1)[3] < 1.0 - wants:
            record.ended = 1
            tie.active = 0
            lifetimes[tie.tenure] += 1


@compiled
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
