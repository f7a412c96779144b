"""A step of a block of ties, in passes over its lanes: each a loop without branches that the compiler makes vectors of.

``cell`` is the block's stretch of lasting numbers, ``pair``, ``one``, ``two`` and ``luck`` are the desk's (see
``sim.layout``), ``n`` is the number of lanes. A pass looks at all lanes, dormant ties too: what it says of those is
not used, and to leave it out would cost more. What work changes is read from the desk and written to the cells, since
LLVM would make a slow masked write of a number that is read and written in one place. Parameters are ``held`` as plain
numbers, which stay in registers.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from sim import layout as at
from sim import rules
from sim.chance import block
from sim.elementary import either
from sim.jit import inner, rule

_HELD = (
    "choice", "is_game", "n_acts", "can_exit", "duplication", "collective", "credit_seeking", "celebration",
    "start_small", "scale_at", "upkeep", "lever_cost", "practice", "crowding", "convening", "loyalty", "engagement",
    "investment", "shared_investment", "appropriation", "rivalry", "accountability", "imagined_synergy", "vision",
    "milestones", "shadow", "rationality", "tremble", "conflict_rate", "shared_values", "setback", "synergy",
    "negativity", "misperception", "listening", "pretense", "turn_toward", "memory", "alignment_rate",
    "tension_decay", "tension_rise", "repair", "connection_rate", "connection_decay", "connection_steps",
    "toward_base", "toward_best", "review", "commitment", "outreach", "convening_reach", "initial_alignment",
    "learning_rate", "hope", "prior_strength",
    *(f"game_{a}{b}" for a in range(3) for b in range(3)),
)  # fmt: skip
Held = namedtuple("Held", _HELD)
Held.__doc__ = "The parameters that a step of a tie reads."
held = rule(eval(f"lambda p: Held({', '.join(f'p.{name}' for name in _HELD)})", {"Held": Held}))


@inner
def draw_all(n, subject, seed, step, luck):
    """The three blocks of draws that a tie at work needs."""
    for k in range(n):
        who = subject[k]
        u0, u1, u2, u3 = block(seed, step, who, 0)
        v0, v1, v2, v3 = block(seed, step, who, 1)
        w0, w1, w2, w3 = block(seed, step, who, 2)
        luck[at.CONFLICT_U + k], luck[at.SETBACK_U + k] = u0, u1
        luck[at.REVIEW_U + k], luck[at.CONSIDER_U + k] = u2, u3
        luck[at.ACT_I_U + k], luck[at.ACT_J_U + k] = v0, v1
        luck[at.FORM_U + k], luck[at.END_U + k] = v2, v3
        luck[at.MISREAD_I_U + k], luck[at.MISREAD_J_U + k] = w0, w1
        luck[at.PRETEND_I_U + k], luck[at.PRETEND_J_U + k] = w2, w3


@inner
def draw_world(n, subject, seed, step, luck):
    """The block of draws that the world decides by."""
    for k in range(n):
        u0, u1, u2, u3 = block(seed, step, subject[k], 0)
        luck[at.CONFLICT_U + k], luck[at.SETBACK_U + k] = u0, u1
        luck[at.REVIEW_U + k], luck[at.CONSIDER_U + k] = u2, u3


@inner
def trusts(n, cell, pair, one, two, p):
    """Beliefs at hand, trust of both sides, and the scale of joint work."""
    for k in range(n):
        b, c, own = at.BELIEFS_I + k, at.BELIEFS_J + k, at.BELIEFS + k
        i0, i1, i2 = cell[b], cell[b + at.NEXT_CELL], cell[b + at.AFTER_NEXT_CELL]
        j0, j1, j2 = cell[c], cell[c + at.NEXT_CELL], cell[c + at.AFTER_NEXT_CELL]
        one[own], one[own + at.NEXT], one[own + at.AFTER_NEXT] = i0, i1, i2
        two[own], two[own + at.NEXT], two[own + at.AFTER_NEXT] = j0, j1, j2
        trust_i, trust_j = rules.trust(i0, i1, i2), rules.trust(j0, j1, j2)
        cell[at.TRUST_I + k], cell[at.TRUST_J + k] = trust_i, trust_j
        pair[at.SCALE + k] = rules.work_scale(trust_i, trust_j, p)


@inner
def play_along(n, cell, pair, one, two, act):
    """A twin of a run: both sides always do ``act``, in full trust and at full scale."""
    for k in range(n):
        cell[at.TRUST_I + k] = cell[at.TRUST_J + k] = pair[at.SCALE + k] = 1.0
        one[at.ACT + k] = two[at.ACT + k] = act


@inner
def circumstances(n, cell, pair, one, two, p):
    """What the step finds: silo, spill-over, credit sought, costs, the alignment foreseen."""
    convening = rules.convening_cost(p)
    for k in range(n):
        alignment, tension = cell[at.ALIGNMENT + k], cell[at.TENSION + k]
        pair[at.IN_ALIGNMENT + k], pair[at.IN_TENSION + k] = alignment, tension
        pair[at.IN_CONNECTION + k] = cell[at.CONNECTION + k]
        pair[at.SILO + k] = rules.silo_payoff(cell[at.OVERLAP + k], p)
        was_mutual, is_active = pair[at.WAS_MUTUAL + k], pair[at.IS_ACTIVE + k]
        c_i = rules.involvement(one[at.OTHER_MUTUAL + k] - was_mutual, one[at.OTHER_TIES + k])
        c_j = rules.involvement(two[at.OTHER_MUTUAL + k] - was_mutual, two[at.OTHER_TIES + k])
        pair[at.SPILL + k] = rules.spill_over(c_i, c_j, p)
        pair[at.CREDIT + k] = rules.credit(one[at.INTENTION + k], two[at.INTENTION + k], p)
        pair[at.FORESEEN + k] = rules.foreseen_alignment(alignment, tension, p)
        cost_i = rules.overhead(one[at.OTHER_ACTIVE + k] - is_active, p)
        cost_j = rules.overhead(two[at.OTHER_ACTIVE + k] - is_active, p)
        one[at.BURDEN + k], two[at.BURDEN + k] = cost_i - convening, cost_j - convening
        one[at.COST + k] = either(is_active > 0.0, cost_i, convening)
        two[at.COST + k] = either(is_active > 0.0, cost_j, convening)


@inner
def events(n, cell, pair, luck, p):
    """Which lanes work, and which need a look of their own: connecting, in conflict, perhaps under review, or met."""
    for k in range(n):
        is_active = pair[at.IS_ACTIVE + k] > 0.0
        is_connecting = is_active & (pair[at.TENURE + k] <= p.connection_steps)
        chance = rules.conflict_chance(cell[at.VALUE_DISTANCE + k], cell[at.TENSION + k], cell[at.SHARE + k], p)
        in_conflict = is_active & (not is_connecting) & (luck[at.CONFLICT_U + k] < chance)
        meeting = rules.meeting_chance(cell[at.COMPLEMENTARITY + k], p)
        is_met = (not is_active) & (luck[at.CONSIDER_U + k] < meeting)
        is_reviewed = is_active & (luck[at.REVIEW_U + k] < p.review)  # bonds may yet spare it
        is_event = is_connecting | in_conflict | is_met | is_reviewed
        pair[at.IS_CONNECTING + k] = either(is_connecting, 1.0, 0.0)
        pair[at.IN_CONFLICT + k] = either(in_conflict, 1.0, 0.0)
        pair[at.IS_EVENT + k] = either(is_event, 1.0, 0.0)
        pair[at.WORKS + k] = either(is_active & (not is_connecting), 1.0, 0.0)
        pair[at.STAYS + k] = pair[at.IS_ACTIVE + k]
        pair[at.CONFLICT + k] = pair[at.ENDED + k] = 0.0


@inner
def expect(n, cell, trust, is_i, pair, own, p):
    """Utilities of one side, whose trust stands from ``trust`` on."""
    for k in range(n):
        share_i = cell[at.SHARE + k]
        share = either(is_i, share_i, 1.0 - share_i)
        weight = rules.loyal_intention(own[at.INTENTION + k], cell[at.CONNECTION + k], p)
        hoped = rules.joint_creation(
            rules.believed_synergy(own[at.SCARCITY + k], p), pair[at.SPILL + k], cell[at.RESOURCE + k],
            pair[at.CREDIT + k], cell[at.COMPLEMENTARITY + k], pair[at.FORESEEN + k],
        )  # fmt: skip
        b, u = at.BELIEFS + k, at.UTILITIES + k
        u0, u1, u2 = rules.utilities(
            own[b], own[b + at.NEXT], own[b + at.AFTER_NEXT], cell[trust + k], share, pair[at.SCALE + k],
            pair[at.SILO + k], hoped, weight, own[at.BURDEN + k], p,
        )  # fmt: skip
        own[at.WEIGHT + k] = weight
        own[u], own[u + at.NEXT], own[u + at.AFTER_NEXT] = u0, u1, u2


@inner
def choose(n, values, own, luck, act_u, p):
    """Acts of one side, by logit over the values that its rule goes by; its draws from ``act_u`` on."""
    for k in range(n):
        v = values + k
        p0, p1, _ = rules.logit(own[v], own[v + at.NEXT], own[v + at.AFTER_NEXT], p)
        own[at.ACT + k] = rules.chosen(p0, p1, luck[act_u + k])


@inner
def answer(n, cell, trust, read, own, luck, act_u, p):
    """Acts of one side that answers in kind."""
    for k in range(n):
        v = at.UTILITIES + k
        p0, p1, _ = rules.reciprocal(own[v + at.NEXT], own[v + at.AFTER_NEXT], cell[trust + k], read[k], p)
        own[at.ACT + k] = rules.chosen(p0, p1, luck[act_u + k])


@inner
def work(n, cell, pair, one, two, luck, p):
    """What pairs create, and what their work leaves of alignment, tension and bond."""
    for k in range(n):
        works = pair[at.WORKS + k] > 0.0
        act_i, act_j = one[at.ACT + k], two[at.ACT + k]
        alignment, tension = pair[at.IN_ALIGNMENT + k], pair[at.IN_TENSION + k]
        connection = pair[at.IN_CONNECTION + k]
        is_setback = (act_i != rules.COMPETE) & (act_j != rules.COMPETE) & (luck[at.SETBACK_U + k] < p.setback)
        is_mutual = (act_i == rules.COCREATE) & (act_j == rules.COCREATE)
        creation = rules.joint_creation(
            p.synergy, pair[at.SPILL + k], cell[at.RESOURCE + k], pair[at.CREDIT + k], cell[at.COMPLEMENTARITY + k],
            alignment * (1.0 - tension),
        )  # fmt: skip
        pair[at.CREATION + k] = either(is_setback, 0.0, creation)
        pair[at.IS_SETBACK + k] = either(works & is_setback, 1.0, 0.0)
        pair[at.IS_MUTUAL + k] = either(works & is_mutual, 1.0, 0.0)
        pair[at.BREACH + k] = rules.breach_weight(connection, p)
        pair[at.MISREAD + k] = rules.misread_chance(connection, p)
        aligned = rules.alignment_after_work(alignment, act_i, act_j, is_setback, p)
        grown = rules.connection_through_work(connection, p)
        faded = rules.faded(either(is_mutual, grown, connection), p)
        cell[at.ALIGNMENT + k] = either(works, aligned, alignment)
        cell[at.TENSION + k] = either(works, rules.eased(tension, p), tension)
        cell[at.CONNECTION + k] = either(works, faded, connection)


@inner
def earn(n, cell, payoff, is_i, pair, own, other, p):
    """Payoffs of one side, net of overhead: of its work, or of its silo."""
    for k in range(n):
        share_i = cell[at.SHARE + k]
        share = either(is_i, share_i, 1.0 - share_i)
        silo = pair[at.SILO + k]
        gross = rules.payoff(
            own[at.ACT + k], other[at.ACT + k], share, pair[at.SCALE + k], silo, pair[at.CREATION + k], p
        )
        cell[payoff + k] = either(pair[at.WORKS + k] > 0.0, gross, silo) - own[at.COST + k]


@inner
def read(n, cell, beliefs, pair, own, other, luck, misread_u, pretend_u, p):
    """One side reads its partner's act and updates its beliefs."""
    pretense = rules.pretense_chance(p)
    for k in range(n):
        works = pair[at.WORKS + k] > 0.0
        is_misread, is_pretended = luck[misread_u + k] < pair[at.MISREAD + k], luck[pretend_u + k] < pretense
        act, breach = own[at.ACT + k], pair[at.BREACH + k]
        seen = rules.act_as_read(other[at.ACT + k], act, is_misread, is_pretended)
        b, c = beliefs + k, at.BELIEFS + k
        b0, b1, b2 = own[c], own[c + at.NEXT], own[c + at.AFTER_NEXT]
        cell[b] = either(works, rules.belief_updated(b0, 0, seen, breach, p), b0)
        cell[b + at.NEXT_CELL] = either(works, rules.belief_updated(b1, 1, seen, breach, p), b1)
        cell[b + at.AFTER_NEXT_CELL] = either(works, rules.belief_updated(b2, 2, seen, breach, p), b2)
        own[at.IS_HURT + k] = either(works & (act != rules.COMPETE) & (seen == rules.COMPETE), 1.0, 0.0)
        own[at.SEEN + k] = seen


@inner
def remember(n, reads, pair, own):
    """The act last read, which only those who answer in kind go by."""
    for k in range(n):
        if pair[at.WORKS + k] > 0.0:
            reads[k] = np.int8(own[at.SEEN + k])


@inner
def report(n, cell, pair, one, two, first, sheet):
    """Write a block's lanes on the sheet, from place ``first`` on."""
    for k in range(n):
        q = first + k
        sheet[at.S_ACTIVE + q], sheet[at.S_PLAYED + q] = pair[at.IS_ACTIVE + k], pair[at.WORKS + k]
        sheet[at.S_PAYOFF_I + q], sheet[at.S_PAYOFF_J + q] = cell[at.PAYOFF_I + k], cell[at.PAYOFF_J + k]
        sheet[at.S_TRUST_I + q], sheet[at.S_TRUST_J + q] = cell[at.TRUST_I + k], cell[at.TRUST_J + k]
        sheet[at.S_CONNECTION + q], sheet[at.S_ALIGNMENT + q] = cell[at.CONNECTION + k], cell[at.ALIGNMENT + k]
        sheet[at.S_TENSION + q], sheet[at.S_CONFLICT + q] = cell[at.TENSION + k], pair[at.CONFLICT + k]
        sheet[at.S_ENDED + q], sheet[at.S_MUTUAL + q] = pair[at.ENDED + k], pair[at.IS_MUTUAL + k]
        sheet[at.S_ACT_I + q], sheet[at.S_ACT_J + q] = one[at.ACT + k], two[at.ACT + k]
        sheet[at.S_SILO + q] = pair[at.SILO + k]


@inner
def report_losses(n, cell, pair, one, two, inside, first, sheet):
    """Write on the sheet what the ledger needs besides."""
    for k in range(n):
        q = first + k
        sheet[at.S_OVERLAP + q], sheet[at.S_RESOURCE + q] = cell[at.OVERLAP + k], cell[at.RESOURCE + k]
        sheet[at.S_COMPLEMENTARITY + q] = cell[at.COMPLEMENTARITY + k]
        sheet[at.S_SCALE + q], sheet[at.S_SPILL + q] = pair[at.SCALE + k], pair[at.SPILL + k]
        sheet[at.S_CREDIT + q], sheet[at.S_SETBACK + q] = pair[at.CREDIT + k], pair[at.IS_SETBACK + k]
        sheet[at.S_PLAY_ALIGNMENT + q] = pair[at.IN_ALIGNMENT + k]
        sheet[at.S_PLAY_TENSION + q] = pair[at.IN_TENSION + k]
        sheet[at.S_OVERHEAD + q] = one[at.COST + k] + two[at.COST + k]
        sheet[at.S_INSIDE + q] = inside
