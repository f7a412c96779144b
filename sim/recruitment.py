"""Who takes part in a partnership design, and in which order organizations are won for it."""

from __future__ import annotations

import numpy as np

from sim.chance import Purpose, draws
from sim.errors import ScenarioError, suggestion
from sim.jit import compiled
from sim.networks import whole
from sim.parameters import RECRUITS

_RECRUIT = int(Purpose.RECRUIT)


def participants(scenario, sectors: tuple[str, ...], people, seed) -> np.ndarray:
    """Who takes part, bool (n,): the first of an order that the share does not change, so that more keep the fewer.

    Where ``recruit`` names a sector, only its organizations take part: that share of them, drawn by lot.
    """
    n = len(people.power)
    order = np.arange(n)
    if scenario.recruit not in RECRUITS:
        order = np.flatnonzero(people.sector == _code(scenario.recruit, sectors))
    count = whole(scenario.participants * len(order))
    if 0 < count < len(order):
        order = _order(scenario.recruit, order, people, seed)
    takes_part = np.zeros(n, bool)
    takes_part[order[:count]] = True
    return takes_part


def _code(recruit: str, sectors: tuple[str, ...]) -> int:
    if recruit not in sectors:
        known = (*RECRUITS, *sectors)
        near = suggestion(recruit, known)
        raise ScenarioError(f"recruit must be one of {' | '.join(known)}, not {recruit!r}{near}", key="recruit")
    return sectors.index(recruit)


def _order(recruit: str, pool: np.ndarray, people, seed) -> np.ndarray:
    """The pool in the order of recruitment; ties are broken by lot."""
    luck = draws(seed, 0, pool.astype(np.uint64), _RECRUIT)
    if recruit == "hubs":
        return np.lexsort((luck, -people.degree))
    if recruit == "periphery":
        return np.lexsort((luck, people.degree))
    if recruit == "powerful":
        return np.lexsort((luck, -people.log_power))
    by_lot = np.argsort(luck, kind="stable")
    if recruit == "cluster":
        return _breadth_first(by_lot, people.start, people.incident, people.i, people.j)
    return pool[by_lot]


@compiled
def _breadth_first(by_lot, start, incident, i, j):
    """Organizations by breadth-first search from the first of ``by_lot``, neighbors in the order of their lots.

    When nobody is left within reach it starts again from the next by lot.
    """
    n = len(by_lot)
    lot = np.empty(n, np.int64)
    for place in range(n):
        lot[by_lot[place]] = place
    found = np.zeros(n, np.bool_)
    queue = np.empty(n, np.int64)  # lots
    head, tail, following = 0, 0, 0
    while head < n:
        if head == tail:
            while found[by_lot[following]]:
                following += 1
            queue[tail] = following
            found[by_lot[following]] = True
            tail += 1
        who = by_lot[queue[head]]
        head += 1
        first = tail
        for k in range(start[who], start[who + 1]):
            tie = incident[k]
            other = i[tie] + j[tie] - who
            if not found[other]:
                found[other] = True
                queue[tail] = lot[other]
                tail += 1
        queue[first:tail].sort()
    return by_lot[queue]
