"""Sampling: which points a study runs, out of all that its factors may be.

    [sampling]
    method = "sobol"      # grid (default) | latin-hypercube | sobol | morris | table
    samples = 512         # points | base samples, a power of two | trajectories
    seed = 1              # of the sampling, not of the runs

The points are a pure function of the study file, and a design grows at its end only: more base samples (sobol), more
trajectories (morris) or one more hypercube (``samples = [64, 64]``) contain the points there were.

Sources: McKay, Beckman & Conover 1979 (Latin hypercube, by scipy); Sobol' 1967 with the directions of Joe & Kuo 2008
and a scrambling, in the scheme of Saltelli et al. 2010 (by SALib); Morris 1991 (trajectories, by SALib).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.errors import StudyError, shown, suggestion
from experiments.factors import read_factors, read_spans
from experiments.own_points import read_own_points
from experiments.spans import Span, values_at, values_on

GRID, HYPERCUBE, SOBOL, MORRIS, TABLE = METHODS = ("grid", "latin-hypercube", "sobol", "morris", "table")
_OPTIONS = {
    GRID: (), HYPERCUBE: ("samples", "seed"), SOBOL: ("samples", "seed", "second_order"),
    MORRIS: ("samples", "seed", "levels"), TABLE: ("file",),
}  # fmt: skip
_COUNTED = {HYPERCUBE: "points", SOBOL: "base samples, a power of two", MORRIS: "trajectories"}
MOST_SAMPLES, MOST_LEVELS, MOST_SIZES, MOST_SEED = 1_000_000, 100, 1_000, 2**63 - 1
ENOUGH_SOBOL, ENOUGH_MORRIS, ENOUGH_PER_FACTOR = 512, 10, 10


class Sampling(NamedTuple):
    """How the points of a study are chosen. ``samples`` counts points, base samples or trajectories; ``sizes`` are
    those of the single hypercubes."""

    method: str = GRID
    samples: int = 1
    seed: int = 1
    second_order: bool = False
    levels: int = 4
    file: str = ""
    sizes: tuple[int, ...] = ()


class Design(NamedTuple):
    """The sampling with what it samples from, by parameter: levels for a table or a figure (of a range: both ends),
    and of these a span where points are sampled or the column of values where they are one's own."""

    sampling: Sampling
    levels: dict[str, tuple]
    spans: dict[str, Span]
    own: dict[str, list[Any]]


def read_design(data: dict[str, Any], folder: Path) -> Design:
    """The sampling and the factors of a study. Raises StudyError."""
    sampling = _read_sampling(data.get("sampling", {"method": GRID}))
    if sampling.method == TABLE:
        return _of_table(sampling, data, folder)
    if sampling.method == GRID:
        levels = read_factors(data.get("factors", {}))
        return Design(sampling._replace(samples=math.prod(map(len, levels.values()))), levels, {}, {})
    spans = read_spans(data.get("factors", {}))
    if not spans:
        raise StudyError(
            "sampling needs factors to sample from; give [factors] such as synergy = { from = 0, to = 5 }",
            key="sampling",
        )
    return Design(sampling, {name: span.levels or (span.low, span.high) for name, span in spans.items()}, spans, {})


# Points --------------------------------------------------------------------------------------------------------------


def rows(design: Design) -> Iterable[tuple]:
    """The points in order, each as the values of the factors in order."""
    sampling, spans = design.sampling, list(design.spans.values())
    if sampling.method == GRID:
        return itertools.product(*design.levels.values())
    if sampling.method == TABLE:
        return zip(*design.own.values(), strict=True)
    if sampling.method == MORRIS:
        return zip(*_trajectories(sampling, spans), strict=True)
    places = _hypercubes(sampling, len(spans)) if sampling.method == HYPERCUBE else _sobol(sampling, len(spans))
    return zip(*(values_at(span, column) for span, column in zip(spans, places.T, strict=True)), strict=True)


def n_points(sampling: Sampling, n_factors: int) -> int:
    """How many points there are."""
    return sampling.samples * points_per_sample(sampling, n_factors)


def points_per_sample(sampling: Sampling, n_factors: int) -> int:
    """How many points stand or fall together: those of a base sample or of a trajectory, otherwise one."""
    if sampling.method == SOBOL:
        return (2 if sampling.second_order else 1) * n_factors + 2
    return n_factors + 1 if sampling.method == MORRIS else 1


def clusters(sampling: Sampling, n_factors: int) -> np.ndarray:
    """For each point the base sample or trajectory it belongs to, from 0; otherwise each point is its own."""
    return np.repeat(np.arange(sampling.samples), points_per_sample(sampling, n_factors))


def _hypercubes(sampling: Sampling, n_factors: int) -> np.ndarray:
    from scipy.stats import qmc

    seeds = itertools.count(sampling.seed)
    cubes = [
        qmc.LatinHypercube(n_factors, scramble=True, rng=np.random.default_rng(seed)).random(size)
        for size, seed in zip(sampling.sizes, seeds, strict=False)
    ]
    return np.concatenate(cubes)


def _sobol(sampling: Sampling, n_factors: int) -> np.ndarray:
    """For each base sample: A, then A with one column of B each, then (second order) B with one of A each, then B."""
    from SALib.sample import sobol

    rng = np.random.default_rng(sampling.seed)
    return sobol.sample(
        _problem(n_factors), sampling.samples, calc_second_order=sampling.second_order, scramble=True, seed=rng
    )


def _trajectories(sampling: Sampling, spans: list[Span]) -> list[list[Any]]:
    """The values of each factor; a list of levels moves from one of them to another, each pair equally likely."""
    from SALib.sample import morris

    p = sampling.levels
    places = morris.sample(_problem(len(spans)), sampling.samples, num_levels=p, seed=sampling.seed)
    steps = np.rint(places * (p - 1)).astype(int)
    return [
        _moves(sampling, k, span, column) if span.levels else values_on(span, column / (p - 1))
        for k, (span, column) in enumerate(zip(spans, steps.T, strict=True))
    ]


def _moves(sampling: Sampling, factor: int, span: Span, steps: np.ndarray) -> list[Any]:
    """Levels on the grid, in an order drawn anew for every trajectory, because they have none of their own.

    Half the grid apart, as the two ends of a move are, lie two different levels.
    """
    n = len(span.levels)
    tables = [np.random.default_rng([sampling.seed, t, factor]).permutation(n) for t in range(sampling.samples)]
    which = steps.reshape(sampling.samples, -1) * n // sampling.levels
    return [span.levels[i] for i in np.take_along_axis(np.array(tables), which, axis=1).ravel().tolist()]


def _problem(n_factors: int) -> dict[str, Any]:
    """The unit cube, as SALib wants it described."""
    return {"num_vars": n_factors, "names": [str(k) for k in range(n_factors)], "bounds": [[0.0, 1.0]] * n_factors}


# What a design costs and is good for ---------------------------------------------------------------------------------


def needs(sampling: Sampling, n_factors: int) -> tuple[int, str]:
    """How many points the design has, and a sentence that says why."""
    n, samples = n_points(sampling, n_factors), sampling.samples
    factors = f"{n_factors} factor{'' if n_factors == 1 else 's'}"
    if sampling.method == SOBOL:
        formula = f"N (2k + 2) = {samples} x {2 * n_factors + 2}"
        formula = formula if sampling.second_order else f"N (k + 2) = {samples} x {n_factors + 2}"
        return n, f"sobol: {factors} need {formula} = {n} points"
    if sampling.method == MORRIS:
        return n, f"morris: {factors} need r (k + 1) = {samples} x {n_factors + 1} = {n} points"
    if sampling.method == HYPERCUBE:
        sizes = f"{' + '.join(map(str, sampling.sizes))} = " if len(sampling.sizes) > 1 else ""
        return n, f"latin-hypercube: {sizes}{n} points, however many factors there are ({n_factors})"
    return n, f"{sampling.method}: {factors}, {n} point{'' if n == 1 else 's'}"


def advice(sampling: Sampling, n_factors: int) -> str:
    """A sentence on what the method usually takes where the design has less of it; otherwise nothing.

    Source: Loeppky, Sacks & Welch 2009, Technometrics 51:366 (ten points per factor); custom for trajectories; for base
    samples what we measured on Ishigami's function: half-widths of .12 and .09 at N = 512 and 1024, chance aside.
    """
    if sampling.method == SOBOL and sampling.samples < ENOUGH_SOBOL:
        return (
            f"total indices known to within about .1 usually take {ENOUGH_SOBOL} to {2 * ENOUGH_SOBOL} base samples, "
            f"here {sampling.samples}"
        )
    if sampling.method == MORRIS and sampling.samples < ENOUGH_MORRIS:
        return f"screening usually takes {ENOUGH_MORRIS} to 50 trajectories, here {sampling.samples}"
    if sampling.method == HYPERCUBE and sampling.samples < ENOUGH_PER_FACTOR * n_factors:
        return (
            f"a Latin hypercube usually takes about {ENOUGH_PER_FACTOR} points per factor, here {sampling.samples} "
            f"for {n_factors}"
        )
    return ""


# Reading -------------------------------------------------------------------------------------------------------------


def _read_sampling(section: Any) -> Sampling:
    if not isinstance(section, dict):
        raise StudyError(f"sampling must be a table with a method, not {shown(section)}", key="sampling")
    method = section.get("method")
    if method not in METHODS:
        given = f"not {shown(method)}{suggestion(method, METHODS)}" if "method" in section else "and there is none"
        raise StudyError(f"sampling.method must be one of {' | '.join(METHODS)}, {given}", key="sampling.method")
    for key in section:
        if key != "method" and key not in _OPTIONS[method]:
            raise StudyError(f"sampling.{key} {_stranger(key, method)}", key=f"sampling.{key}")
    if method == TABLE:
        return Sampling(method, file=_file(section))
    if method == GRID:
        return Sampling()
    sizes = _sizes(section, method)
    second_order = section.get("second_order", False)
    if not isinstance(second_order, bool):
        raise StudyError(
            f"sampling.second_order must be true or false, not {shown(second_order)}", key="sampling.second_order"
        )
    seed = _whole(section.get("seed", 1), "sampling.seed", 0, MOST_SEED)
    return Sampling(method, sum(sizes), seed, second_order, _levels(section), sizes=sizes)


def _stranger(key: str, method: str) -> str:
    """Why this key may not stand beside this method, and what to do."""
    users = [m for m in METHODS if key in _OPTIONS[m]]
    if users:
        return f"is an option of {' and '.join(users)}, not of {method}; remove it or change the method"
    known = ("method", *_OPTIONS[method])
    return f"is not a key of sampling{suggestion(key, known)}; known for {method} are {', '.join(known)}"


def _file(section: dict) -> str:
    name = section.get("file")
    if not isinstance(name, str) or not name.strip():
        given = f"not {shown(name)}" if "file" in section else "and there is none"
        raise StudyError(f"sampling.file must be the path of a CSV file of points, {given}", key="sampling.file")
    return name


def _sizes(section: dict, method: str) -> tuple[int, ...]:
    key, value = "sampling.samples", section.get("samples")
    if "samples" not in section:
        raise StudyError(f"{key} must say how many {_COUNTED[method]}, and there is none; add it", key=key)
    if isinstance(value, list):
        if method != HYPERCUBE:
            raise StudyError(
                f"{key} must be one number for {method}, which grows by a larger one, not {shown(value)}", key=key
            )
        if not 1 <= len(value) <= MOST_SIZES:
            raise StudyError(f"{key} must list 1 to {MOST_SIZES} sizes of hypercubes, not {len(value)}", key=key)
        return tuple(_whole(size, key, 1, MOST_SAMPLES) for size in value)
    n = _whole(value, key, 2 if method == SOBOL else 1, MOST_SAMPLES, f" ({_COUNTED[method]})")
    if method == SOBOL and n & (n - 1):
        below = 1 << (n.bit_length() - 1)
        raise StudyError(
            f"{key} must be a power of two for sobol, not {n}, or its points are not balanced; "
            f"the nearest are {below} and {2 * below}", key=key,
        )  # fmt: skip
    return (n,)


def _levels(section: dict) -> int:
    levels = _whole(section.get("levels", 4), "sampling.levels", 4, MOST_LEVELS)
    if levels % 2:
        raise StudyError(
            f"sampling.levels must be even, so that all levels are equally likely, not {levels}; "
            f"the nearest are {levels - 1} and {levels + 1}", key="sampling.levels",
        )  # fmt: skip
    return levels


def _whole(value: Any, key: str, low: int, high: int, what: str = "") -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        most = "2**63 - 1" if high == MOST_SEED else high
        raise StudyError(f"{key} must be a whole number from {low} to {most}{what}, not {shown(value)}", key=key)
    return value


def _of_table(sampling: Sampling, data: dict[str, Any], folder: Path) -> Design:
    if "factors" in data:
        raise StudyError(
            'factors cannot stand beside method = "table", whose columns are the factors; remove them', key="factors"
        )
    path = folder / sampling.file
    own = read_own_points(path)
    levels = {name: tuple(sorted(set(column))) for name, column in own.items()}
    n = len(next(iter(own.values())))
    return Design(sampling._replace(samples=n, file=str(path)), levels, {}, own)
