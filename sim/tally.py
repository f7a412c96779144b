"""Sums over ties and organizations in one step, in a fixed order, for both engines.

Ties are summed in chunks of ``CHUNK``, chunk sums in their order: the same bits on any number of threads.
"""

from __future__ import annotations

import numpy as np

from sim import rules
from sim.jit import compiled, looped
from sim.ledger import LOSSES, shortfall
from sim.state import ANY_AGAINST, BOTH_TOWARD, PLAYED

COLUMNS = (
    "active", "played", "compete", "cooperate", "cocreate", "mutual", "win_win", "win_lose", "lose_lose", "trust",
    "connection", "alignment", "tension", "conflict", "toward", "against", "rupture", "value",
    *(f"loss_{name}" for name in LOSSES), "scarcity", "disposition",
)  # fmt: skip
N_COLUMNS = len(COLUMNS)
(
    _ACTIVE, _PLAYED, _COMPETE, _, _, _MUTUAL, _, _, _LOSE_LOSE, _TRUST,
    _CONNECTION, _ALIGNMENT, _TENSION, _CONFLICT, _TOWARD, _AGAINST, _RUPTURE, _VALUE, _LOSS,
) = range(19)  # fmt: skip
_SCARCITY, _DISPOSITION = N_COLUMNS - 2, N_COLUMNS - 1


@looped
def tally_ties(lo, hi, with_ledger, ties, force, out, row):
    """Set the tie columns of ``row`` to the sums over ties lo .. hi - 1 (one chunk)."""
    row[:_SCARCITY] = 0.0
    for e in range(lo, hi):
        tie, record = ties[e], out[e - lo]
        p = force[tie.inside]
        row[_VALUE] += tie.payoff_i + tie.payoff_j
        if tie.was_active:
            row[_ACTIVE] += 1.0
            row[_TRUST] += tie.trust_i + tie.trust_j
            row[_CONNECTION] += tie.connection
            row[_ALIGNMENT] += tie.alignment
            row[_TENSION] += tie.tension
            if record.conflict > 0:
                row[_CONFLICT] += 1.0
                row[_TOWARD] += 1.0 if record.conflict == BOTH_TOWARD else 0.0
                row[_AGAINST] += 1.0 if record.conflict == ANY_AGAINST else 0.0
            row[_RUPTURE] += record.ended
            if record.kind == PLAYED:
                row[_PLAYED] += 1.0
                row[_COMPETE + record.act_i] += 1.0
                row[_COMPETE + record.act_j] += 1.0
                row[_MUTUAL] += tie.mutual
                silo = rules.silo_payoff(tie.overlap, p)
                wins = (1 if tie.payoff_i > silo else 0) + (1 if tie.payoff_j > silo else 0)
                row[_LOSE_LOSE - wins] += 1.0
        if with_ledger:
            full = rules.full_synergy(tie.complementarity, tie.resource, p)
            parts = shortfall(
                record.kind, record.act_i, record.act_j, tie.overlap, full, record.scale, record.spill, record.credit,
                record.alignment, record.tension, 0.0 if tie.setback else 1.0, record.overhead, p,
            )  # fmt: skip
            for k in range(12):
                row[_LOSS + k] += parts[k]


@looped
def tally_organizations(lo, hi, organizations, row):
    """Set the organization columns of ``row`` to the sums over organizations lo .. hi - 1 (one chunk)."""
    row[_SCARCITY] = row[_DISPOSITION] = 0.0
    for k in range(lo, hi):
        row[_SCARCITY] += organizations[k].scarcity
        row[_DISPOSITION] += organizations[k].disposition


@compiled
def references(ties, force):
    """Per tie (m,): value of two silos without any design, and first-best value."""
    silos = np.empty(len(ties))
    best = np.empty(len(ties))
    p = force[0]
    for e in range(len(ties)):
        tie = ties[e]
        silos[e] = 2.0 * rules.silo_payoff(tie.overlap, p)
        best[e] = 2.0 + rules.first_best_gain(rules.full_synergy(tie.complementarity, tie.resource, p), p)
    return silos, best
