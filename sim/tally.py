"""Sums over ties and organizations in one step, in a fixed order, for both engines.

Ties are summed in chunks of ``CHUNK``, chunk sums in their order: the same bits on any number of threads.
"""

from __future__ import annotations

import numpy as np

from sim import layout as at
from sim import rules
from sim.jit import inner, looped
from sim.ledger import LOSSES, shortfall
from sim.rules import COCREATE, COMPETE, COOPERATE
from sim.state import ANY_AGAINST, BOTH_TOWARD, CHUNK, CONNECTING, DORMANT, PLAYED

COLUMNS = (
    "active", "played", "compete", "cooperate", "cocreate", "mutual", "win_win", "win_lose", "lose_lose", "trust",
    "connection", "alignment", "tension", "conflict", "toward", "against", "rupture", "value",
    *(f"loss_{name}" for name in LOSSES), "scarcity", "disposition",
)  # fmt: skip
N_COLUMNS = len(COLUMNS)
_TRUST, _CONFLICT, _VALUE, _LOSS = (COLUMNS.index(name) for name in ("trust", "conflict", "value", "loss_rivalry"))
_SCARCITY, _DISPOSITION = N_COLUMNS - 2, N_COLUMNS - 1


@looped
def count_ties(first, n, sheet, row):
    """Add to ``row`` the counts of the n ties from place ``first`` of the sheet on: exact in any order."""
    active = played = compete = cooperate = cocreate = mutual = 0
    win_win = win_lose = conflict = toward = against = ended = 0
    for k in range(n):
        q = first + k
        works = sheet[at.S_PLAYED + q] > 0.0
        act_i, act_j, met = sheet[at.S_ACT_I + q], sheet[at.S_ACT_J + q], sheet[at.S_CONFLICT + q]
        silo = sheet[at.S_SILO + q]
        wins_i, wins_j = sheet[at.S_PAYOFF_I + q] > silo, sheet[at.S_PAYOFF_J + q] > silo
        active += 1 if sheet[at.S_ACTIVE + q] > 0.0 else 0
        played += 1 if works else 0
        compete += (1 if works & (act_i == COMPETE) else 0) + (1 if works & (act_j == COMPETE) else 0)
        cooperate += (1 if works & (act_i == COOPERATE) else 0) + (1 if works & (act_j == COOPERATE) else 0)
        cocreate += (1 if works & (act_i == COCREATE) else 0) + (1 if works & (act_j == COCREATE) else 0)
        mutual += 1 if sheet[at.S_MUTUAL + q] > 0.0 else 0
        win_win += 1 if works & wins_i & wins_j else 0
        win_lose += 1 if works & (wins_i != wins_j) else 0
        conflict += 1 if met > 0.0 else 0
        toward += 1 if met == BOTH_TOWARD else 0
        against += 1 if met == ANY_AGAINST else 0
        ended += 1 if sheet[at.S_ENDED + q] > 0.0 else 0
    counts = (active, played, compete, cooperate, cocreate, mutual, win_win, win_lose, played - win_win - win_lose)
    for k in range(9):
        row[k] += counts[k]
    row[_CONFLICT] += conflict
    row[_CONFLICT + 1] += toward
    row[_CONFLICT + 2] += against
    row[_CONFLICT + 3] += ended


@looped
def sum_ties(lo, hi, first, slot, with_ledger, force, sheet, row):
    """Add to ``row`` the sums over ties lo .. hi - 1 (one chunk), in this order: tie e is at place slot[e] - first.

    ``with_ledger``: True or None, see ``sim.kernel.live``.
    """
    trust = connection = alignment = tension = value = 0.0
    for e in range(lo, hi):
        q = np.uint64(slot[e] - first)
        is_active = sheet[at.S_ACTIVE + q] > 0.0
        trusted, bond = sheet[at.S_TRUST_I + q] + sheet[at.S_TRUST_J + q], sheet[at.S_CONNECTION + q]
        aligned, tense = sheet[at.S_ALIGNMENT + q], sheet[at.S_TENSION + q]
        value += sheet[at.S_PAYOFF_I + q] + sheet[at.S_PAYOFF_J + q]
        trust += trusted if is_active else 0.0
        connection += bond if is_active else 0.0
        alignment += aligned if is_active else 0.0
        tension += tense if is_active else 0.0
    row[_TRUST] += trust
    row[_TRUST + 1] += connection
    row[_TRUST + 2] += alignment
    row[_TRUST + 3] += tension
    row[_VALUE] += value
    if with_ledger is not None:
        _tally_losses(lo, hi, first, slot, force, sheet, row)


@inner
def _tally_losses(lo, hi, first, slot, force, sheet, row):
    for e in range(lo, hi):
        q = np.uint64(slot[e] - first)
        p = force[int(sheet[at.S_INSIDE + q])]
        kind = DORMANT if sheet[at.S_ACTIVE + q] == 0.0 else (CONNECTING if sheet[at.S_PLAYED + q] == 0.0 else PLAYED)
        full = rules.full_synergy(sheet[at.S_COMPLEMENTARITY + q], sheet[at.S_RESOURCE + q], p)
        parts = shortfall(
            kind, int(sheet[at.S_ACT_I + q]), int(sheet[at.S_ACT_J + q]), sheet[at.S_OVERLAP + q], full,
            sheet[at.S_SCALE + q], sheet[at.S_SPILL + q], sheet[at.S_CREDIT + q], sheet[at.S_PLAY_ALIGNMENT + q],
            sheet[at.S_PLAY_TENSION + q], 0.0 if sheet[at.S_SETBACK + q] > 0.0 else 1.0, sheet[at.S_OVERHEAD + q], p,
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


@looped
def total(organizations, rows, sums):
    """The sums of a step: those of organizations join those of ties, then chunks are added in their order."""
    for c in range(len(rows)):
        lo = c * CHUNK
        tally_organizations(lo, min(lo + CHUNK, len(organizations)), organizations, rows[c])
    for k in range(N_COLUMNS):
        for c in range(len(rows)):
            sums[k] += rows[c, k]


@looped
def _references(overlap, complementarity, log_power, i, j, terms, silos, best):
    """Set, per tie, the value of two silos without any design, and the first-best value. ``terms``: outside it."""
    p = terms[0]
    for e in range(len(i)):
        silos[e] = 2.0 * rules.silo_payoff(overlap[e], p)
        full = rules.full_synergy(complementarity[e], rules.resources(log_power[i[e]], log_power[j[e]], p), p)
        best[e] = 2.0 + rules.first_best_gain(full, p)


def reference_values(people, force) -> tuple[np.ndarray, np.ndarray]:
    """Per tie (m,): value of two silos without any design, and first-best value."""
    silos, best = np.empty(len(people.i)), np.empty(len(people.i))
    _references(people.overlap, people.complementarity, people.log_power, people.i, people.j, force[:1], silos, best)
    return silos, best
