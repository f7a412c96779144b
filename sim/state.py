"""The state of a run as arrays of records, read by field name: one record a tie, one an organization.

Side ``i`` of a tie is the organization with the lower index. Fields that both sides have end in ``_i`` and ``_j``.
"""

from __future__ import annotations

import numpy as np

from sim import rules
from sim.jit import looped

CHUNK = 1024  # ties or organizations summed at a time, in this order on every engine and any number of threads
DORMANT, CONNECTING, PAUSED, PLAYED = 0, 1, 2, 3  # what a tie did in a step
UNREPAIRED, BOTH_TOWARD, ANY_AGAINST = 1, 2, 3  # how a conflict was met; 0: there was none
UNREAD = -1

TIE = np.dtype(
    [
        *((name, "f8") for name in ("overlap", "complementarity", "value_distance", "resource")),
        ("share", "f8"),  # power share of i under the curiosity now in force
        *((f"belief_{side}{act}", "f8") for side in "ij" for act in range(3)),  # discounted counts of acts as read
        ("connection", "f8"), ("alignment", "f8"), ("tension", "f8"),
        ("trust_i", "f8"), ("trust_j", "f8"),  # as the step found it
        ("payoff_i", "f8"), ("payoff_j", "f8"),  # of this step, net of overhead
        ("i", "i4"), ("j", "i4"), ("tenure", "i4"),
        ("read_i", "i1"), ("read_j", "i1"),  # partner's act last read by i, by j
        ("active", "i1"), ("was_active", "i1"),  # after the step, at its start
        ("inside", "i1"), ("mutual", "i1"), ("setback", "i1"),
        ("hurt_i", "i1"), ("hurt_j", "i1"),  # did not compete but read the partner as competing
    ],
    align=True,
)  # fmt: skip

ORGANIZATION = np.dtype(
    [
        *((name, "f8") for name in ("log_power", "intention", "disposition", "scarcity")),
        *((name, "f8") for name in ("first_intention", "first_disposition", "first_scarcity")),  # at the start
        ("wealth", "f8"), ("income", "f8"), ("late_income", "f8"),  # so far, of this step, over the last quarter
        ("first_tie", "i8"), ("degree", "i4"), ("sector", "i4"),
        ("n_active", "i4"), ("n_mutual", "i4"),  # ties active; ties with mutual co-creation in the step before
        ("participates", "i1"), ("is_new", "i1"),  # is_new: changed its leadership in this step
    ],
    align=True,
)  # fmt: skip

# What happened on a tie in one step, beyond its state: all that the series of a run are made of.
OUTCOME = np.dtype(
    [
        *((name, "f8") for name in ("scale", "spill", "credit", "alignment", "tension")),  # in play
        ("overhead", "f8"),  # of both sides
        ("kind", "i1"), ("act_i", "i1"), ("act_j", "i1"), ("conflict", "i1"), ("ended", "i1"),
    ],
    align=True,
)  # fmt: skip


def initial(people, terms, is_twin: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ties (m,), organizations (n,) and earned values (m or 0, 2, 3) at the start; a twin's ties are all active."""
    ties = np.zeros(len(people.i), TIE)
    for name in ("i", "j", "overlap", "complementarity", "value_distance", "inside", "active"):
        ties[name] = getattr(people, name)
    if is_twin or terms.is_game:
        ties["active"] = 1
    organizations = np.zeros(len(people.power), ORGANIZATION)
    for name in ("log_power", "intention", "disposition", "scarcity", "degree", "sector", "participates"):
        organizations[name] = getattr(people, name)
    for name in ("intention", "disposition", "scarcity"):
        organizations[f"first_{name}"] = organizations[name]
    organizations["first_tie"] = people.start[:-1]
    earned = np.ones((len(ties) if terms.choice == 2 and not is_twin else 0, 2, 3))
    return ties, organizations, earned


@looped
def prepare(is_first, ties, organizations, force):
    """What follows from the terms: power shares; at the first segment also priors, alignment, resources, counts."""
    for e in range(len(ties)):
        tie = ties[e]
        first, second = organizations[tie.i], organizations[tie.j]
        p = force[tie.inside]
        tie.share = rules.power_share(first.log_power, second.log_power, p)
        if is_first:
            tie.alignment = rules.fresh_alignment(tie.value_distance, p)
            tie.resource = rules.resources(first.log_power, second.log_power, p)
            forget(tie, first.disposition, second.disposition, p)
            first.n_active += tie.active
            second.n_active += tie.active


@looped
def forget(tie, disposition_i, disposition_j, p):
    """Both sides return to what is believed of a stranger, without a bond."""
    tie.connection = 0.0
    tie.read_i = UNREAD
    tie.read_j = UNREAD
    tie.belief_i0, tie.belief_i1, tie.belief_i2 = rules.prior(disposition_i, p)
    tie.belief_j0, tie.belief_j1, tie.belief_j2 = rules.prior(disposition_j, p)
