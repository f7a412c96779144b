"""Runs the compiled engine over the segments of a scenario, on one thread or several: the same bits either way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np

from sim.jit import looped
from sim.kernel import OBSERVED, live, prepare
from sim.layout import LANES, Blocks, Ties, desk, lay_out
from sim.population import sector_peers
from sim.reflection import add_value, collect, imitate, reflect, renew
from sim.schedule import segments
from sim.state import CHUNK, organizations_of
from sim.tally import N_COLUMNS, count_ties, reference_values, sum_ties, total
from sim.trace import Trace, late_from

# Parts of a step, each shared out between threads but the last; one thread alone does all at once.
_RENEW, _LIVE, _REFLECT, _SUM = 1, 2, 4, 8
_ALL = _RENEW + _LIVE + _REFLECT + _SUM


class _World(NamedTuple):
    """Everything that one run reads and writes, as compiled code takes it."""

    ties: Blocks
    organizations: np.ndarray
    incident: np.ndarray  # int32 (2m,) ties of each organization, from its first_tie on
    peers: np.ndarray  # int64 (n,) organizations by sector
    first_peer: np.ndarray  # int64 (sectors + 1,)
    luck: np.ndarray  # (n,) draws of this step
    rows: np.ndarray  # (chunks, N_COLUMNS) sums of one step
    sums: np.ndarray  # (steps, N_COLUMNS)
    tie_value: np.ndarray


@looped
def _advance(begin, end, parts, thread, n_threads, late, seed, twin, with_ledger, w, force, desk, ended):
    """Parts of the steps ``begin`` .. ``end`` - 1 of a segment; this thread's share of chunks and organizations."""
    ties, organizations = w.ties, w.organizations
    n, m, start_of_all = len(organizations), len(ties.slot), np.int64(0)
    first, last = n * thread // n_threads, n * (thread + 1) // n_threads
    for step in range(begin, end):
        if parts & _RENEW:
            renew(first, last, step, seed, organizations, w.peers, w.first_peer, w.luck, force)
        if parts & _LIVE:
            n_chunks = len(ties.first) - 1
            for c in range(n_chunks * thread // n_threads, n_chunks * (thread + 1) // n_threads):
                lo, hi, start, row = c * CHUNK, min(m, (c + 1) * CHUNK), ties.first[c], w.rows[c]
                row[:] = 0.0
                for b in range(start, ties.first[c + 1]):
                    place = np.uint64((b - start) * LANES)
                    live(b, step, seed, twin, with_ledger, place, ties, organizations, force, desk, ended)
                    if twin == OBSERVED:
                        count_ties(place, np.uint64(ties.size[b]), desk.sheet, row)
                if twin == OBSERVED:
                    sum_ties(lo, hi, start * LANES, ties.slot, with_ledger, force, desk.sheet, row)
                if parts == _ALL:  # while its ties are at hand
                    collect(lo, hi, first, last, ties, organizations, force)
        if parts & _REFLECT:
            if parts != _ALL:
                collect(start_of_all, m, first, last, ties, organizations, force)
            reflect(first, last, step >= late, twin, organizations, force)
        if parts & _SUM:
            if twin != OBSERVED:
                add_value(ties, w.tie_value)
                continue
            if force[0].imitation > 0.0:
                imitate(step, seed, ties, organizations, w.incident, force)
            total(organizations, w.rows, w.sums[step])


def _advance_threaded(pool, n_threads, segment, late, seed, twin, with_ledger, w, force, desks, ended) -> None:
    """The same steps, each part shared out between threads."""

    def part(thread, step, parts):
        _advance(
            step, step + 1, parts, thread, n_threads, late, seed, twin, with_ledger, w, force, desks[thread],
            ended[thread],
        )  # fmt: skip

    for step in range(segment.first, segment.last):
        for parts in (_RENEW, _LIVE, _REFLECT):
            list(pool.map(part, range(n_threads), [step] * n_threads, [parts] * n_threads))
        part(0, step, _SUM)


def run(scenario, seed: int, people, *, twin: int = OBSERVED, with_ledger: bool = True, threads: int = 1) -> Trace:
    """Run a scenario, or one of its twins, on the compiled engine."""
    plan = segments(scenario)
    seed, late, with_ledger = np.uint64(seed), late_from(scenario.steps), True if with_ledger else None
    ties, organizations = lay_out(people, plan[0].inside, twin != OBSERVED), organizations_of(people)
    n_rows = max(1, -(-max(len(people.i), len(organizations)) // CHUNK))
    w = _World(
        ties, organizations, people.incident, *sector_peers(people.sector),
        luck=np.empty(len(organizations)),
        rows=np.zeros((n_rows, N_COLUMNS)), sums=np.zeros((scenario.steps, N_COLUMNS)),
        tie_value=np.zeros(0 if twin == OBSERVED else len(people.i)),
    )  # fmt: skip
    ended = np.zeros((threads, scenario.steps + 1), np.int64)
    desks = [desk() for _ in range(threads)]
    pool = ThreadPoolExecutor(threads) if threads > 1 else nullcontext()
    with pool:
        for segment in plan:
            force = segment.records()
            prepare(segment.first == 0, ties, organizations, force)
            if threads > 1:
                _advance_threaded(pool, threads, segment, late, seed, twin, with_ledger, w, force, desks, ended)
            else:
                _advance(
                    segment.first, segment.last, _ALL, 0, 1, late, seed, twin, with_ledger, w, force, desks[0],
                    ended[0],
                )  # fmt: skip
    silos, best = reference_values(people, plan[0].records())
    return Trace(w.sums, ended.sum(axis=0), Ties(ties), organizations, silos, best, w.tie_value)
