"""Runs the compiled engine over the segments of a scenario, on one thread or several: the same bits either way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np

from sim.jit import looped
from sim.kernel import OBSERVED, add_value, collect, imitate, live, prepare, reflect, renew
from sim.layout import LANES, Blocks, Ties, desk, lay_out
from sim.population import sector_peers
from sim.schedule import segments
from sim.state import CHUNK, organizations_of
from sim.tally import N_COLUMNS, count_ties, reference_values, sum_ties, total
from sim.trace import Trace, late_from

# Parts of a step: what comes before the ties, the ties, what comes after; one thread alone does all at once.
_BEFORE, _TIES, _AFTER = 1, 2, 4
_ALL = _BEFORE + _TIES + _AFTER


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
def _advance(first, last, parts, thread, n_threads, late, seed, twin, with_ledger, w, force, desk, ended):
    """Parts of the steps ``first`` .. ``last`` - 1 of a segment; of the ties this thread's chunks."""
    ties, organizations = w.ties, w.organizations
    n_chunks, n, m = len(ties.first) - 1, len(organizations), len(ties.slot)
    for step in range(first, last):
        if parts & _BEFORE:
            renew(step, seed, organizations, w.peers, w.first_peer, w.luck, force)
        if parts & _TIES:
            for c in range(thread, n_chunks, n_threads):
                lo, hi, at = c * CHUNK, min(m, (c + 1) * CHUNK), ties.first[c]
                row = w.rows[c]
                row[:] = 0.0
                for b in range(at, ties.first[c + 1]):
                    place = np.uint64((b - at) * LANES)
                    live(b, step, seed, twin, with_ledger, place, ties, organizations, force, desk, ended)
                    if twin == OBSERVED:
                        count_ties(place, np.uint64(ties.size[b]), desk.sheet, row)
                if twin == OBSERVED:
                    sum_ties(lo, hi, at * LANES, ties.slot, with_ledger, force, desk.sheet, row)
                if parts == _ALL:  # while they are at hand
                    collect(lo, hi, ties, organizations, force)
        if parts & _AFTER:
            if parts != _ALL:
                collect(0, m, ties, organizations, force)
            if twin != OBSERVED:
                add_value(ties, w.tie_value)
            reflect(0, n, step >= late, twin, organizations, force)
            if twin == OBSERVED:
                if force[0].imitation > 0.0:
                    imitate(step, seed, ties, organizations, w.incident, force)
                total(organizations, w.rows, w.sums[step])


def _advance_threaded(pool, n_threads, segment, late, seed, twin, with_ledger, w, force, desks, ended) -> None:
    """The same steps, the chunks of ties shared out between threads."""

    def part(parts, thread, step):
        _advance(
            step, step + 1, parts, thread, n_threads, late, seed, twin, with_ledger, w, force, desks[thread],
            ended[thread],
        )  # fmt: skip

    for step in range(segment.first, segment.last):
        part(_BEFORE, 0, step)
        list(pool.map(part, [_TIES] * n_threads, range(n_threads), [step] * n_threads))
        part(_AFTER, 0, step)


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
    return Trace(
        w.sums, ended.sum(axis=0), Ties(ties), organizations, *reference_values(people, plan[0].records()), w.tie_value
    )
