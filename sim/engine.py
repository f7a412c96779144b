"""Runs the compiled engine over the segments of a scenario, on one thread or several: the same bits either way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from sim.jit import looped
from sim.kernel import OBSERVED, imitate, live, reflect, renew
from sim.lanes import desk
from sim.population import sector_peers
from sim.schedule import segments
from sim.state import CHUNK, OUTCOME, initial, prepare
from sim.tally import N_COLUMNS, references, tally_organizations, tally_ties
from sim.trace import Trace, late_from


class _World(NamedTuple):
    """Everything that one run reads and writes, as compiled code takes it."""

    ties: np.ndarray
    organizations: np.ndarray
    earned: np.ndarray  # (m or 0, 2, 3) value of own acts, by side (experience rule only)
    incident: np.ndarray  # int32 (2m,) ties of each organization, from its first_tie on
    peers: np.ndarray  # int64 (n,) organizations by sector
    first_peer: np.ndarray  # int64 (sectors + 1,)
    rows: np.ndarray  # (chunks, N_COLUMNS) sums of one step
    sums: np.ndarray  # (steps, N_COLUMNS)
    tie_value: np.ndarray


@looped
def _tie_chunks(c, c_end, stride, step, seed, twin, with_ledger, w, force, out, desk, ended):
    """Chunks c, c + stride, ... below ``c_end`` of the ties live through a step and are summed."""
    while c < c_end:
        lo = c * CHUNK
        hi = min(lo + CHUNK, len(w.ties))
        live(lo, hi, step, seed, twin, w.ties, w.organizations, w.earned, force, out, desk, ended)
        if twin == OBSERVED:
            tally_ties(lo, hi, with_ledger, w.ties, force, out, w.rows[c])
        else:
            for e in range(lo, hi):
                w.tie_value[e] += w.ties[e].payoff_i + w.ties[e].payoff_j
        c += stride


@looped
def _organization_chunks(c, c_end, stride, is_late, twin, w, force):
    """Chunks c, c + stride, ... below ``c_end`` of the organizations reflect on a step and are summed."""
    while c < c_end:
        lo = c * CHUNK
        hi = min(lo + CHUNK, len(w.organizations))
        reflect(lo, hi, is_late, twin, w.ties, w.organizations, w.incident, force)
        if twin == OBSERVED:
            tally_organizations(lo, hi, w.organizations, w.rows[c])
        c += stride


@looped
def _finish(step, seed, twin, w, force):
    """Imitation, and the sums over chunks in their order."""
    if twin == OBSERVED:
        if force[0].imitation > 0.0:
            imitate(step, seed, w.ties, w.organizations, w.incident, force)
        for k in range(N_COLUMNS):
            for c in range(len(w.rows)):
                w.sums[step, k] += w.rows[c, k]


@looped
def _advance(first, last, late, seed, twin, with_ledger, w, force, out, desk, ended):
    """Steps ``first`` .. ``last`` - 1 of a segment, on this thread."""
    n_tie_chunks = (len(w.ties) + CHUNK - 1) // CHUNK
    n_organization_chunks = (len(w.organizations) + CHUNK - 1) // CHUNK
    for step in range(first, last):
        renew(step, seed, w.organizations, w.peers, w.first_peer, force)
        _tie_chunks(0, n_tie_chunks, 1, step, seed, twin, with_ledger, w, force, out, desk, ended)
        _organization_chunks(0, n_organization_chunks, 1, step >= late, twin, w, force)
        _finish(step, seed, twin, w, force)


def _advance_threaded(pool, n_threads, segment, late, seed, twin, with_ledger, w, force) -> np.ndarray:
    """The same steps, the chunks of each phase shared out between threads; returns spells ended by tenure."""
    outs = [np.zeros(CHUNK, OUTCOME) for _ in range(n_threads)]
    desks = [desk() for _ in range(n_threads)]
    ended = np.zeros((n_threads, len(w.sums) + 1), np.int64)
    n_tie_chunks, n_organization_chunks = -(-len(w.ties) // CHUNK), -(-len(w.organizations) // CHUNK)

    def on_ties(t):
        _tie_chunks(t, n_tie_chunks, n_threads, step, seed, twin, with_ledger, w, force, outs[t], desks[t], ended[t])

    def on_organizations(t):
        _organization_chunks(t, n_organization_chunks, n_threads, step >= late, twin, w, force)

    for step in range(segment.first, segment.last):
        renew(step, seed, w.organizations, w.peers, w.first_peer, force)
        list(pool.map(on_ties, range(n_threads)))
        list(pool.map(on_organizations, range(n_threads)))
        _finish(step, seed, twin, w, force)
    return ended.sum(axis=0)


def run(scenario, seed: int, people, *, twin: int = OBSERVED, with_ledger: bool = True, threads: int = 1) -> Trace:
    """Run a scenario, or one of its twins, on the compiled engine."""
    plan = segments(scenario)
    seed, late = np.uint64(seed), late_from(scenario.steps)
    ties, organizations, earned = initial(people, plan[0].inside, twin != OBSERVED)
    n_rows = max(1, -(-max(len(ties), len(organizations)) // CHUNK))
    w = _World(
        ties, organizations, earned, people.incident, *sector_peers(people.sector),
        rows=np.zeros((n_rows, N_COLUMNS)), sums=np.zeros((scenario.steps, N_COLUMNS)),
        tie_value=np.zeros(0 if twin == OBSERVED else len(ties)),
    )  # fmt: skip
    ended = np.zeros(scenario.steps + 1, np.int64)
    out, table = np.zeros(CHUNK, OUTCOME), desk()
    with ThreadPoolExecutor(threads) as pool:
        for segment in plan:
            force = segment.records()
            prepare(segment.first == 0, ties, organizations, force)
            if threads > 1:
                ended += _advance_threaded(pool, threads, segment, late, seed, twin, with_ledger, w, force)
            else:
                _advance(segment.first, segment.last, late, seed, twin, with_ledger, w, force, out, table, ended)
    return Trace(w.sums, ended, ties, organizations, *references(ties, plan[0].records()), w.tie_value)
