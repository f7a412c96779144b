"""Who there is and who could work with whom, as arrays: organizations, potential ties, and who takes part.

Everything is a pure function of (scenario, seed). What a design cannot change is built once and shared by all runs
that agree on it; who takes part (``participants``, ``recruit``) is settled afterwards. All arrays are read-only.
"""

from __future__ import annotations

from collections import namedtuple
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from scipy.special import betaincinv, ndtri

from sim import networks
from sim.census import Census, census, is_small, stamp
from sim.chance import Purpose, block, checked_seed, draws
from sim.errors import ScenarioError, suggestion
from sim.jit import compiled
from sim.recruitment import participants

ONE_SECTOR = ("all",)  # the sector of everyone, where no sectors are named
SMALL = 20_000  # populations with fewer ties are kept for the next run with the same world and seed
_WIDEST = 27.6  # |log power| at most (1e12): what a pair can create stays a finite number
_ACTIVE = int(Purpose.ACTIVE)
_LUCK = {
    "power": int(Purpose.POWER), "intention": int(Purpose.INTENTION), "disposition": int(Purpose.DISPOSITION),
    "scarcity": int(Purpose.SCARCITY), "values": int(Purpose.VALUES), "focus": int(Purpose.FOCUS),
}  # fmt: skip


class Population(NamedTuple):
    """n organizations and m potential ties, in canonical order: ties sorted by (i, j), i < j. Read-only arrays."""

    power: np.ndarray  # (n,) > 0, median 1 or the sector's
    log_power: np.ndarray  # (n,)
    intention: np.ndarray  # (n,) in [-1, 1]
    disposition: np.ndarray  # (n,) in [0, 1], trust in a stranger
    scarcity: np.ndarray  # (n,) in [0, 1]
    values: np.ndarray  # (n,) in [0, 1), a ring
    focus: np.ndarray  # (n,) in [0, 1), a ring
    sector: np.ndarray  # int32 (n,), place in the sector names
    participates: np.ndarray  # bool (n,), takes part in the design
    degree: np.ndarray  # int32 (n,), potential ties
    i: np.ndarray  # int32 (m,)
    j: np.ndarray  # int32 (m,)
    overlap: np.ndarray  # (m,) in [0, 1]
    complementarity: np.ndarray  # (m,) in [0, 1]
    value_distance: np.ndarray  # (m,) in [0, 1]
    active: np.ndarray  # bool (m,), at the start
    inside: np.ndarray  # bool (m,), both ends take part
    start: np.ndarray  # int64 (n + 1,): the ties of organization k are incident[start[k]:start[k + 1]]
    incident: np.ndarray  # int32 (2 m,), ascending for each organization


_FIELDS = (
    "n_organizations", "network", "degree", "rewiring", "density_within", "density_between", "sectors", "organizations",
    "ties", "power_inequality", "trust", "trust_concentration", "intention", "intention_sd", "scarcity", "scarcity_sd",
    "initial_active",
)  # fmt: skip
_World = namedtuple("_World", (*_FIELDS, "is_game", "stamp"))  # what a population depends on besides the seed
_fields = attrgetter(*_FIELDS)


def build(scenario, seed) -> Population:
    """The population of ``scenario`` under ``seed``. NetworkError or ScenarioError where there can be none."""
    seed = np.uint64(checked_seed(seed))
    is_file = scenario.network == "file"
    world = _World(*_fields(scenario), scenario.game is not None, stamp(scenario) if is_file else None)
    people = (_kept if _is_small(world) else _make)(world, seed)
    participates = participants(scenario, labels(scenario)[1], people, seed)
    inside = participates[people.i] & participates[people.j]
    return _frozen(people._replace(participates=participates, inside=inside))


def labels(scenario) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Names of the organizations (None: they are only numbered) and of the sectors, in the order of the arrays."""
    if scenario.network != "file":
        return None, tuple(s.name for s in scenario.sectors) or ONE_SECTOR
    people = census(scenario.organizations, scenario.ties, stamp(scenario))
    return people.ids, people.sector_names or tuple(s.name for s in scenario.sectors) or ONE_SECTOR


def _is_small(world) -> bool:
    if world.network == "file":
        return is_small(world.stamp) and len(census(world.organizations, world.ties, world.stamp).i) < SMALL
    n = world.n_organizations
    is_by_pairs = world.network in ("complete", "sectors")
    return max(n, n * ((n - 1) if is_by_pairs else world.degree) / 2) < SMALL


def _make(world, seed) -> Population:
    """Everything but who takes part."""
    known = census(world.organizations, world.ties, world.stamp) if world.network == "file" else None
    n = len(known.ids) if known else world.n_organizations
    if known is None:
        networks.plan(world, _sizes(world.sectors, n))  # refuses what memory could not hold before it is tried
    kinds, sector, sizes = _sectors(world, known, seed, n)
    columns = _organizations(world, known.columns if known else {}, kinds, sector, seed)
    if known:
        i, j = known.i, known.j
    else:
        keys = networks.wire(world, seed, sector, sizes)
        i, j = (keys // n).astype(np.int32), (keys % n).astype(np.int32)
    chance = 1.0 if world.is_game else world.initial_active
    degree, start, incident, *ties = _ties(seed, n, i, j, columns["values"], columns["focus"], chance)
    overlap, complementarity, value_distance, active = _observed(known, world.is_game, *ties)
    nobody, none = np.zeros(n, bool), np.zeros(len(i), bool)
    return _frozen(Population(
        columns["power"], columns["log_power"], columns["intention"], columns["disposition"], columns["scarcity"],
        columns["values"], columns["focus"], sector, nobody, degree, i, j, overlap, complementarity, value_distance,
        active, none, start, incident,
    ))  # fmt: skip


_kept = lru_cache(maxsize=32)(_make)


def _frozen(people: Population) -> Population:
    for array in people:
        array.setflags(write=False)
    return people


# --- organizations ---


def _sizes(sectors, n: int) -> np.ndarray:
    """Whole numbers of organizations for the sectors' shares: largest remainders, the first named where they tie."""
    if not sectors:
        return np.array([n])
    share = np.array([s.share for s in sectors])
    share = share / share.max()
    quota = share / share.sum() * n
    size = np.floor(quota).astype(np.int64)
    size[np.argsort(size - quota, kind="stable")[: n - size.sum()]] += 1
    return size


def _sectors(world, known: Census | None, seed, n: int):
    """The sectors' tables in the order of their codes, each organization's code, and the sectors' sizes."""
    if known and known.sector_names:
        tables = {s.name: s for s in world.sectors}
        for name in tables:
            if name not in known.sector_names:
                there = ", ".join(known.sector_names) + suggestion(name, known.sector_names)
                message = f"sectors names {name!r}, but {world.organizations} has the sectors {there}"
                raise ScenarioError(message, key="sectors")
        kinds = [tables.get(name) for name in known.sector_names]
        return (kinds if tables else []), known.sector, np.bincount(known.sector)
    sizes = _sizes(world.sectors, n)
    sector = np.zeros(n, np.int32)
    if len(sizes) > 1:
        luck = draws(seed, 0, np.arange(n, dtype=np.uint64), int(Purpose.SECTOR))
        sector[np.argsort(luck, kind="stable")] = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    return list(world.sectors), sector, sizes


def _organizations(world, given: dict, kinds: list, sector: np.ndarray, seed) -> dict:
    """Columns of organizations: as observed where they were, drawn where they were not."""
    columns = {name: given[name] if name in given else _drawn(name, world, kinds, sector, seed) for name in _LUCK}
    if "power" in given:
        return columns | {"log_power": np.log(given["power"])}
    return columns | {"log_power": columns["power"], "power": np.exp(columns["power"])}


def _drawn(name: str, world, kinds: list, sector: np.ndarray, seed) -> np.ndarray:
    """One column, drawn from its distribution (power: its logarithm)."""
    u = draws(seed, 0, np.arange(len(sector), dtype=np.uint64), _LUCK[name])
    if name == "power":
        return _normal(u, np.log(_own("power", 1.0, kinds, sector)), world.power_inequality, -_WIDEST, _WIDEST)
    if name == "intention":
        return _normal(u, _own("intention", world.intention, kinds, sector), world.intention_sd, -1.0, 1.0)
    if name == "scarcity":
        return _normal(u, _own("scarcity", world.scarcity, kinds, sector), world.scarcity_sd, 0.0, 1.0)
    if name == "disposition":
        return _beta(u, _own("trust", world.trust, kinds, sector), world.trust_concentration)
    return _ring(u, _own(name, np.nan, kinds, sector), _own("spread", 0.0, kinds, sector))


def _own(name: str, other: float, kinds: list, sector: np.ndarray):
    """The sector's parameter for each organization, ``other`` where it has none; a single number without sectors."""
    if not kinds:
        return other
    named = [None if kind is None else getattr(kind, name) for kind in kinds]
    return np.array([other if value is None else value for value in named])[sector]


def _normal(u, mean, sd, low, high):
    """Quantiles of a normal distribution, clipped to [low, high]."""
    return np.minimum(np.maximum(mean + min(sd, 1e300) * ndtri(u), low), high)


def _beta(u, mean, concentration):
    """Quantiles of a Beta distribution of given mean and concentration (a + b); exactly the mean where it is 0 or 1.

    The concentration is held within [1e-6, 1e12]: beyond, the distribution is a coin or a point to every digit shown.
    """
    concentration = min(max(concentration, 1e-6), 1e12)
    inner = np.minimum(np.maximum(mean, 1e-9), 1.0 - 1e-9)
    x = betaincinv(concentration * inner, concentration * (1.0 - inner), u)
    return np.where((mean == 0.0) | (mean == 1.0), mean, x)


def _ring(u, centre, spread):
    """Places on the ring [0, 1): uniform, or normal around ``centre`` (where it is a number)."""
    if np.ndim(centre) == 0:
        return u
    near = np.remainder(centre + np.minimum(spread, 1e6) * ndtri(u), 1.0)
    near[near >= 1.0] = 0.0  # the remainder of a tiny negative number
    return np.where(np.isnan(centre), u, near)


# --- ties ---


@compiled
def _ties(seed, n, i, j, values, focus, chance):
    """Degrees, the ties of each organization, and what each tie is by what its ends are. MODEL section 1."""
    m = len(i)
    degree = np.zeros(n, np.int32)
    overlap, complementarity, value_distance = np.empty(m), np.empty(m), np.empty(m)
    active = np.empty(m, np.bool_)
    for k in range(m):
        a, b = i[k], j[k]
        degree[a] += 1
        degree[b] += 1
        d = abs(focus[a] - focus[b])
        d = 2.0 * min(d, 1.0 - d)
        overlap[k] = 1.0 - d
        complementarity[k] = 4.0 * d * (1.0 - d)
        d = abs(values[a] - values[b])
        value_distance[k] = 2.0 * min(d, 1.0 - d)
        active[k] = block(seed, 0, np.int64(a) * n + b, _ACTIVE // 4)[0] < chance
    start = np.zeros(n + 1, np.int64)
    for k in range(n):
        start[k + 1] = start[k] + degree[k]
    filled = start[:n].copy()
    incident = np.empty(2 * m, np.int32)
    for k in range(m):
        for end in (i[k], j[k]):
            incident[filled[end]] = k
            filled[end] += 1
    return degree, start, incident, overlap, complementarity, value_distance, active


def _observed(known: Census | None, is_game: bool, overlap, complementarity, value_distance, active):
    """What the file says of ties in place of what was derived; complementarity follows an observed overlap."""
    given = known.tie_columns if known else {}
    if "overlap" in given:
        overlap = given["overlap"]
        complementarity = 4.0 * (1.0 - overlap) * overlap
    complementarity = given.get("complementarity", complementarity)
    value_distance = given.get("value_distance", value_distance)
    if "active" in given and not is_game:
        active = given["active"]
    return overlap, complementarity, value_distance, active


def sector_peers(sector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Organizations sorted by sector, and where each sector starts."""
    order = np.argsort(sector, kind="stable")
    first = np.searchsorted(sector[order], np.arange(sector.max(initial=0) + 2))
    return order.astype(np.int64), first.astype(np.int64)
