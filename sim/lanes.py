"""Ties side by side: passes of a step over lanes, each a loop without branches that the compiler makes vectors of.

A lane is one tie at work in this step, copied out of its record. What both ends share stands in ``pair``, what each
side has in ``own`` (and the partner's in ``other``): float arrays, each field ``LANES`` numbers long, so that
``own[TRUST + k]`` is lane k's trust. Fixed distances between fields, unsigned indices and parameters held as plain
numbers (``held``) are what lets LLVM see that lanes do not touch one another.
"""

from __future__ import annotations

from collections import namedtuple
from typing import NamedTuple

import numpy as np

from sim import rules
from sim.chance import block
from sim.jit import looped, rule

LANES = 64  # ties looked at together: their fields stay in the fastest memory


def _fields(count: int) -> tuple[np.uint64, ...]:
    return tuple(np.uint64(k * LANES) for k in range(count))


(
    OVERLAP, COMPLEMENTARITY, VALUE_DISTANCE, RESOURCE, ALIGNMENT, TENSION, CONNECTION,  # the record's
    SILO, SPILL, CREDIT, SCALE, FORESEEN,  # as the step finds the tie
    CONFLICT_U, SETBACK_U, REVIEW_U, IN_CONFLICT, WORKS,  # luck; 1.0 where there is conflict, where the tie plays
    SETBACK, MUTUAL, CREATION, BREACH, MISREAD, NEXT_ALIGNMENT, NEXT_TENSION, NEXT_CONNECTION,  # play and after
) = _fields(25)  # fmt: skip
PAIR_FIELDS = 25
(
    BELIEF_0, BELIEF_1, BELIEF_2, SHARE, INTENTION, SCARCITY, LAST_READ,  # the record's
    OTHER_ACTIVE, OTHER_MUTUAL, OTHER_TIES,  # counts over the organization's other ties
    TRUST, COST, BURDEN, WEIGHT, U0, U1, U2, V0, V1, V2,  # utilities; what its choice goes by
    ACT, PAYOFF, HURT,
) = _fields(23)  # fmt: skip
SIDE_FIELDS = 23
LUCK_0, LUCK_1, LUCK_2, LUCK_3 = _fields(4)  # the four draws of a block



class Desk(NamedTuple):
    """Where the ties of one thread are laid out in lanes."""

    pair: np.ndarray  # (PAIR_FIELDS * LANES,) what both ends share
    one: np.ndarray  # (SIDE_FIELDS * LANES,) side i
    two: np.ndarray  # side j
    luck: np.ndarray  # (4 * LANES,) draws of the ties looked at: conflict, setback, review, consider
    act_luck: np.ndarray  # of the lanes: act i, act j, form, end
    read_luck: np.ndarray  # misread i, misread j, pretend i, pretend j
    tie: np.ndarray  # int64 (LANES,) index of the lane's tie
    subject: np.ndarray  # uint64 (LANES,) its address in luck


def desk() -> Desk:
    """An empty desk."""
    one, two = np.zeros(SIDE_FIELDS * LANES), np.zeros(SIDE_FIELDS * LANES)
    luck = (np.zeros(4 * LANES) for _ in range(3))
    return Desk(np.zeros(PAIR_FIELDS * LANES), one, two, *luck, np.zeros(LANES, np.int64), np.zeros(LANES, np.uint64))


_HELD = (
    "choice", "is_game", "n_acts", "can_exit", "duplication", "collective", "credit_seeking", "celebration",
    "start_small", "scale_at", "upkeep", "lever_cost", "practice", "crowding", "convening", "loyalty", "engagement",
    "investment", "shared_investment", "appropriation", "rivalry", "accountability", "imagined_synergy", "vision",
    "milestones", "shadow", "rationality", "tremble", "conflict_rate", "shared_values", "setback", "synergy",
    "negativity", "misperception", "listening", "pretense", "turn_toward", "memory", "alignment_rate",
    "tension_decay", "tension_rise", "repair", "connection_rate", "connection_decay", "connection_steps", "toward_base",
    "toward_best", "review", "commitment", "outreach", "convening_reach", "initial_alignment", "learning_rate", "hope",
    "prior_strength",
    *(f"game_{a}{b}" for a in range(3) for b in range(3)),
)  # fmt: skip
Held = namedtuple("Held", _HELD)
Held.__doc__ = "The parameters that passes over lanes read, as plain numbers: they stay in registers."
held = rule(eval(f"lambda p: Held({', '.join(f'p.{name}' for name in _HELD)})", {"Held": Held}))


@looped
def draw_lanes(n, subjects, seed, step, group, out):
    """The four draws of block ``group`` for n subjects."""
    for k in range(n):
        u0, u1, u2, u3 = block(seed, step, subjects[k], group)
        out[LUCK_0 + k] = u0
        out[LUCK_1 + k] = u1
        out[LUCK_2 + k] = u2
        out[LUCK_3 + k] = u3


@looped
def trusts(n, pair, one, two, p):
    """Trust of both sides, and the scale of joint work."""
    for k in range(n):
        trust_i = rules.trust(one[BELIEF_0 + k], one[BELIEF_1 + k], one[BELIEF_2 + k])
        trust_j = rules.trust(two[BELIEF_0 + k], two[BELIEF_1 + k], two[BELIEF_2 + k])
        one[TRUST + k] = trust_i
        two[TRUST + k] = trust_j
        pair[SCALE + k] = rules.work_scale(trust_i, trust_j, p)


@looped
def play_along(n, pair, one, two, act):
    """A twin of a run: both sides always do ``act``, in full trust and at full scale."""
    for k in range(n):
        one[TRUST + k] = two[TRUST + k] = pair[SCALE + k] = 1.0
        one[ACT + k] = two[ACT + k] = act


@looped
def circumstances(n, pair, one, two, p):
    """What the step finds: silo, spill-over, credit sought, costs, the alignment foreseen, and whether conflict is on."""
    convening = rules.convening_cost(p)
    for k in range(n):
        pair[SILO + k] = rules.silo_payoff(pair[OVERLAP + k], p)
        c_i = rules.involvement(one[OTHER_MUTUAL + k], one[OTHER_TIES + k])
        c_j = rules.involvement(two[OTHER_MUTUAL + k], two[OTHER_TIES + k])
        pair[SPILL + k] = rules.spill_over(c_i, c_j, p)
        pair[CREDIT + k] = rules.credit(one[INTENTION + k], two[INTENTION + k], p)
        pair[FORESEEN + k] = rules.foreseen_alignment(pair[ALIGNMENT + k], pair[TENSION + k], p)
        cost_i, cost_j = rules.overhead(one[OTHER_ACTIVE + k], p), rules.overhead(two[OTHER_ACTIVE + k], p)
        one[COST + k], two[COST + k] = cost_i, cost_j
        one[BURDEN + k], two[BURDEN + k] = cost_i - convening, cost_j - convening
        two[SHARE + k] = 1.0 - one[SHARE + k]
        chance = rules.conflict_chance(pair[VALUE_DISTANCE + k], pair[TENSION + k], one[SHARE + k], p)
        pair[IN_CONFLICT + k] = 1.0 if pair[CONFLICT_U + k] < chance else 0.0


@looped
def expect(n, pair, own, p):
    """Utilities of one side, from the state as the step finds it."""
    for k in range(n):
        weight = rules.loyal_intention(own[INTENTION + k], pair[CONNECTION + k], p)
        hoped = rules.joint_creation(
            rules.believed_synergy(own[SCARCITY + k], p), pair[SPILL + k], pair[RESOURCE + k], pair[CREDIT + k],
            pair[COMPLEMENTARITY + k], pair[FORESEEN + k],
        )  # fmt: skip
        u0, u1, u2 = rules.utilities(
            own[BELIEF_0 + k], own[BELIEF_1 + k], own[BELIEF_2 + k], own[TRUST + k], own[SHARE + k], pair[SCALE + k],
            pair[SILO + k], hoped, weight, own[BURDEN + k], p,
        )  # fmt: skip
        own[WEIGHT + k] = weight
        own[U0 + k], own[U1 + k], own[U2 + k] = u0, u1, u2
        own[V0 + k], own[V1 + k], own[V2 + k] = u0, u1, u2


@looped
def choose(n, own, luck, first, p):
    """Acts of one side from the values its rule goes by, its draws from ``first`` on."""
    if p.choice == 1:
        for k in range(n):
            p0, p1, _ = rules.reciprocal(own[V1 + k], own[V2 + k], own[TRUST + k], own[LAST_READ + k], p)
            own[ACT + k] = rules.chosen(p0, p1, luck[first + k])
    else:
        for k in range(n):
            p0, p1, _ = rules.logit(own[V0 + k], own[V1 + k], own[V2 + k], p)
            own[ACT + k] = rules.chosen(p0, p1, luck[first + k])


@looped
def work(n, pair, one, two, p):
    """What the pair creates, and what its work leaves of alignment, tension and bond."""
    for k in range(n):
        act_i, act_j = one[ACT + k], two[ACT + k]
        alignment, tension, connection = pair[ALIGNMENT + k], pair[TENSION + k], pair[CONNECTION + k]
        is_peaceful = (act_i != rules.COMPETE) & (act_j != rules.COMPETE)
        is_setback = is_peaceful & (pair[SETBACK_U + k] < p.setback)
        is_mutual = (act_i == rules.COCREATE) & (act_j == rules.COCREATE)
        creation = rules.joint_creation(
            p.synergy, pair[SPILL + k], pair[RESOURCE + k], pair[CREDIT + k], pair[COMPLEMENTARITY + k],
            alignment * (1.0 - tension),
        )  # fmt: skip
        pair[CREATION + k] = 0.0 if is_setback else creation
        pair[SETBACK + k] = 1.0 if is_setback else 0.0
        pair[MUTUAL + k] = 1.0 if is_mutual else 0.0
        pair[BREACH + k] = rules.breach_weight(connection, p)
        pair[MISREAD + k] = rules.misread_chance(connection, p)
        pair[NEXT_ALIGNMENT + k] = rules.alignment_after_work(alignment, act_i, act_j, is_setback, p)
        pair[NEXT_TENSION + k] = rules.eased(tension, p)
        grown = rules.connection_through_work(connection, p)
        pair[NEXT_CONNECTION + k] = rules.faded(grown if is_mutual else connection, p)


@looped
def earn(n, pair, own, other, p):
    """Payoffs of one side, net of overhead."""
    for k in range(n):
        gross = rules.payoff(
            own[ACT + k], other[ACT + k], own[SHARE + k], pair[SCALE + k], pair[SILO + k], pair[CREATION + k], p
        )
        own[PAYOFF + k] = gross - own[COST + k]


@looped
def read(n, pair, own, other, luck, misread_u, pretend_u, p):
    """One side reads its partner's act and updates its beliefs; its draws from ``misread_u``, the partner's pretense
    from ``pretend_u`` on."""
    pretense = rules.pretense_chance(p)
    for k in range(n):
        is_misread, is_pretended = luck[misread_u + k] < pair[MISREAD + k], luck[pretend_u + k] < pretense
        act, breach = own[ACT + k], pair[BREACH + k]
        seen = rules.act_as_read(other[ACT + k], act, is_misread, is_pretended)
        works = pair[WORKS + k] > 0.0  # nothing is read of one who pauses or connects
        b0, b1, b2 = own[BELIEF_0 + k], own[BELIEF_1 + k], own[BELIEF_2 + k]
        own[BELIEF_0 + k] = rules.belief_updated(b0, 0, seen, breach, p) if works else b0
        own[BELIEF_1 + k] = rules.belief_updated(b1, 1, seen, breach, p) if works else b1
        own[BELIEF_2 + k] = rules.belief_updated(b2, 2, seen, breach, p) if works else b2
        own[LAST_READ + k] = seen
        own[HURT + k] = 1.0 if (act != rules.COMPETE) & (seen == rules.COMPETE) else 0.0
