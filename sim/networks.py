"""Generators of potential ties: who could become whose partner. Compiled, in one pass, without n by n memory.

Each generator returns keys ``i * n + j`` with i < j, distinct, in no particular order. Ties are counted before they
are drawn (``plan``), so a network has exactly the number of ties its parameters ask for, ``round(n degree / 2)``
where a mean degree is given. Every draw is addressed by (tie, attempt): a tie already there is drawn again.
"""

from __future__ import annotations

from math import floor
from typing import NamedTuple

import numpy as np

from sim.chance import Purpose, block, pick
from sim.errors import NetworkError
from sim.jit import compiled, rule

MOST = 20_000_000  # organizations or ties: beyond that, memory ends before patience does
_GROUP = int(Purpose.WIRE) // 4  # the block of draws that builds networks
_FREE = -1
_GONE = -2


class Plan(NamedTuple):
    """How many ties a network will have, and how they are spread over its parts."""

    ties: int
    core: int = 0  # organizations in the core
    spokes: int = 0  # ties between core and periphery
    counts: np.ndarray | None = None  # (sectors, sectors): ties per block, upper triangle


def whole(x: float) -> int:
    """The nearest whole number, halves upward."""
    return floor(x + 0.5)


def plan(scenario, sizes) -> Plan:
    """The ties ``scenario`` asks for; ``sizes`` are the sectors'. NetworkError if there are none or too many."""
    n = scenario.n_organizations
    if n > MOST:
        raise NetworkError(f"n_organizations must be at most {MOST:,}, not {n:,}", key="n_organizations")
    every = n * (n - 1) // 2
    if scenario.network == "complete":
        made, mend = Plan(every), "n_organizations"
    elif scenario.network == "pairs":
        made, mend = Plan(n // 2), "n_organizations"
    elif scenario.network == "sectors":
        made, mend = _blocks(scenario, np.asarray(sizes, dtype=np.int64)), "density_within or density_between"
    else:
        ties = min(whole(n * scenario.degree / 2.0), every)
        made, mend = (_core(n, ties) if scenario.network == "core-periphery" else Plan(ties)), "degree"
    if made.ties > MOST:
        message = f"network = {scenario.network!r} would have {made.ties:,} ties, more than {MOST:,}; lower {mend}"
        raise NetworkError(message, key="network")
    if made.ties < 1:
        raise NetworkError(f"network = {scenario.network!r} would have no ties; raise {mend}", key="network")
    return made


def _core(n: int, ties: int) -> Plan:
    """A quarter of the organizations, fewer where their complete core would take more than half of all ties.

    Without that limit 100 organizations of degree 6 would be a core of 25 and 75 organizations without a tie.
    """
    core = max(1, whole(n / 4))
    while core > 1 and core * (core - 1) > ties:
        core = min(core - 1, max(1, floor((1.0 + (1.0 + 4.0 * ties) ** 0.5) / 2.0)))
    rest = ties - core * (core - 1) // 2
    among = (n - core) * (n - core - 1) // 2
    spokes = min(whole(0.75 * rest), core * (n - core))
    return Plan(ties, core, max(spokes, rest - among))


def _blocks(scenario, sizes: np.ndarray) -> Plan:
    """Each block of two sectors (or of one with itself) holds its density's share of its pairs, rounded."""
    pairs = np.triu(np.outer(sizes, sizes)).astype(np.float64)
    np.fill_diagonal(pairs, sizes * (sizes - 1) // 2)
    density = np.full(pairs.shape, scenario.density_between)
    np.fill_diagonal(density, scenario.density_within)
    counts = np.minimum(np.floor(density * pairs + 0.5), pairs).astype(np.int64)
    return Plan(int(counts.sum()), counts=counts)


def wire(scenario, seed, sector: np.ndarray, sizes) -> np.ndarray:
    """Keys ``i n + j`` (int64, ascending) of the potential ties of a generated network."""
    made, n, kind = plan(scenario, sizes), scenario.n_organizations, scenario.network
    if kind == "small-world":
        keys = small_world(seed, n, made.ties, scenario.rewiring)
    elif kind == "random":
        keys = random(seed, n, made.ties)
    elif kind == "scale-free":
        keys = scale_free(seed, n, made.ties)
    elif kind == "core-periphery":
        keys = core_periphery(seed, n, made.ties, made.core, made.spokes)
    elif kind == "sectors":
        members = np.argsort(sector, kind="stable")
        bounds = np.concatenate((np.zeros(1, np.int64), np.cumsum(np.asarray(sizes, np.int64))))
        keys = blocks(seed, n, members, bounds, made.counts)
    else:
        keys = pairs(n) if kind == "pairs" else complete(n)
    keys.sort()
    return keys


@compiled
def _table(ties):
    """An open-addressing table with room for every tie twice, at most half full."""
    size = 8
    while size < 4 * ties:
        size *= 2
    return np.full(size, _FREE, np.int64)


@rule
def _slot(table, key):
    """Where ``key`` stands in the table, or the free slot where it belongs. Linear probing."""
    mask = len(table) - 1
    at = (((key ^ (key >> 31)) & 0x7FFFFFFF) * 0x9E3779B1 >> 15) & mask
    while table[at] != key and table[at] != _FREE:
        at = (at + 1) & mask
    return at


@rule
def _key(a, b, n):
    return a * n + b if a < b else b * n + a


@rule
def _sample(seed, lane, n, table, keys, done, upto, ones, others, within):
    """Distinct uniform pairs, one of ``ones`` and one of ``others`` each, into ``keys[done:upto]``.

    ``within``: both are the same list, and a pair has two different members. ``lane`` keeps the draws of different
    parts of a network apart, so that changing one part leaves the luck of the rest alone.
    """
    for k in range(done, upto):
        attempt = 0
        while True:
            u, v, _, _ = block(seed, attempt, (lane << 32) | (k - done), _GROUP)
            p = pick(u, len(ones))
            q = pick(v, len(others) - 1 if within else len(others))
            if within and q >= p:
                q += 1
            key = _key(ones[p], others[q], n)
            at = _slot(table, key)
            if table[at] == _FREE:
                break
            attempt += 1
        table[at] = key
        keys[k] = key


@compiled
def random(seed, n, ties):
    """G(n, m): every set of ``ties`` pairs is equally likely. Erdős & Rényi 1959."""
    keys = np.empty(ties, np.int64)
    everyone = np.arange(n)
    _sample(seed, 0, n, _table(ties), keys, 0, ties, everyone, everyone, True)
    return keys


@compiled
def blocks(seed, n, members, bounds, counts):
    """A given number of uniform pairs in each block of two sectors: a stochastic block model with fixed counts."""
    keys = np.empty(counts.sum(), np.int64)
    table = _table(len(keys))
    done = 0
    for a in range(len(counts)):
        for b in range(a, len(counts)):
            ones = members[bounds[a] : bounds[a + 1]]
            others = members[bounds[b] : bounds[b + 1]]
            lane = a * len(counts) + b
            _sample(seed, lane, n, table, keys, done, done + counts[a, b], ones, others, a == b)
            done += counts[a, b]
    return keys


@compiled
def core_periphery(seed, n, ties, core, spokes):
    """A complete core; every peripheral organization one tie with it while they last; the rest at random.

    Of the ties from the periphery, ``spokes`` lead to the core and the others to the periphery. Borgatti & Everett
    2000 for the form; the shares are our assumption, because no study fixes them.
    """
    keys = np.empty(ties, np.int64)
    table = _table(ties)
    inner = np.arange(core)
    outer = np.arange(core, n)
    done = 0
    for a in range(core):
        for b in range(a + 1, core):
            keys[done] = a * n + b
            done += 1
    first = min(n - core, spokes)
    for k in range(first):
        _sample(seed, 4 + k, n, table, keys, done + k, done + k + 1, inner, outer[k : k + 1], False)
    _sample(seed, 2, n, table, keys, done + first, done + spokes, inner, outer, False)
    _sample(seed, 3, n, table, keys, done + spokes, ties, outer, outer, True)
    return keys


@rule
def _ring(k, n, ties):
    """Tie ``k`` of the ring of nearest neighbors: its origin and its distance; an unfinished lap is spread evenly."""
    distance = k // n + 1
    start = n * (distance - 1)
    lap = n // 2 if 2 * distance == n else n
    laid = min(lap, ties - start)
    return (k - start) * lap // laid, distance


@compiled
def small_world(seed, n, ties, rewiring):
    """A ring of nearest neighbors whose far ends are moved, each with probability ``rewiring``, to a random stranger.

    Watts & Strogatz 1998. A tie whose origin already knows everyone stays. Any number of ties is possible: neighbors
    at distance 1 come first, then those at 2, and so on.
    """
    keys = np.empty(ties, np.int64)
    table = _table(ties)
    degree = np.zeros(n, np.int64)
    for k in range(ties):
        a, distance = _ring(k, n, ties)
        b = (a + distance) % n
        keys[k] = _key(a, b, n)
        table[_slot(table, keys[k])] = keys[k]
        degree[a] += 1
        degree[b] += 1
    for k in range(ties):
        a, distance = _ring(k, n, ties)
        _, _, moves, where = block(seed, 0, k, _GROUP)
        if moves >= rewiring or degree[a] == n - 1:
            continue
        attempt = 0
        while True:
            w = pick(where, n - 1)
            w += w >= a
            key = _key(a, w, n)
            at = _slot(table, key)
            if table[at] == _FREE:
                break
            attempt += 1
            _, _, _, where = block(seed, attempt, k, _GROUP)
        table[at] = key
        table[_slot(table, keys[k])] = _GONE
        keys[k] = key
        degree[(a + distance) % n] -= 1
        degree[w] += 1
    return keys


@compiled
def scale_free(seed, n, ties):
    """Newcomers, one after the other, choose partners in proportion to the partners these have.

    Barabási & Albert 1999, with the number of ties exact: each newcomer brings ``each`` ties (all it can while there
    are fewer organizations), and as many of them as needed, evenly spaced, one more.
    """
    each = 0
    while each < n - 1 and (each + 1) * (each + 2) // 2 + (each + 1) * (n - 2 - each) <= ties:
        each += 1
    rest = ties - each * (each + 1) // 2 - each * (n - 1 - each)
    keys = np.empty(ties, np.int64)
    ends = np.empty(2 * ties, np.int64)
    met = np.zeros(n, np.int64)
    done = 0
    for v in range(1, n):
        late = v - each
        brings = v if late <= 0 else each + late * rest // (n - 1 - each) - (late - 1) * rest // (n - 1 - each)
        earlier = 2 * done
        for k in range(brings):
            attempt = 0
            w = k
            while brings < v:  # otherwise everyone is chosen
                u, _, _, _ = block(seed, attempt, done, _GROUP)
                w = ends[pick(u, earlier)] if earlier > 0 else pick(u, v)
                if met[w] < v:
                    break
                attempt += 1
            met[w] = v
            keys[done] = w * n + v
            ends[2 * done] = w
            ends[2 * done + 1] = v
            done += 1
    return keys


@compiled
def pairs(n):
    """Isolated pairs (0, 1), (2, 3), ..."""
    return np.arange(0, n, 2) * n + np.arange(1, n, 2)


@compiled
def complete(n):
    """Everyone with everyone."""
    keys = np.empty(n * (n - 1) // 2, np.int64)
    done = 0
    for a in range(n):
        for b in range(a + 1, n):
            keys[done] = a * n + b
            done += 1
    return keys
