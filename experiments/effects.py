"""Variance-based indices and elementary effects of a model whose runs are stochastic: arrays in, arrays out.

Every quantity here is a mean over clusters (base samples j of Sobol', trajectories of Morris), or a function of such
means, of products of the mean response ``f(x) = E[Y(x)]`` at two points. Runs show ``Y_r(x)``, and the square of a mean
of runs would count their chance as if it were an effect. So each product is estimated from *different* replicates,

    f(x) f(x')  by  mean over r != r' of Y_r(x) Y_r'(x'),

which is unbiased whatever the points of one replicate share, because different seeds share nothing (a U-statistic,
Hoeffding 1948). Without chance all replicates are equal and the estimators are the textbook ones.

Intervals cover 95 %. Over clusters: percentile bootstrap (Efron 1979), at a level expanded for few of them (see
``inference``). Over seeds: what a seed does to many points alike (a population in which one factor happens to matter
more) does not average out over clusters, so the ends are moved outward by Student's t times the standard error of a
jackknife over replicates (Tukey 1958; groups of replicates where there are many), added in squares. Chance that is
independent from point to point enters both, and scrambled Sobol' points are more even than the independent ones of the
bootstrap: the intervals are rather too wide than too narrow. With two replicates there is nothing to leave out, and
the intervals hold the seeds fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy import stats

from experiments.inference import CONFIDENCE, SEED, expanded_level

Statistic = Callable[[np.ndarray], np.ndarray]  # rows of means in, rows of numbers out
RESAMPLES = 1999
MOST_GROUPS = 12  # of replicates, left out one after the other
_NUMBERS_AT_ONCE = 4_000_000
_MOST_UNDEFINED = 0.01  # share of resamples in which the factors' variance is not positive: beyond it, no interval
UNTOLD = 0.34  # max over t of 2t (1 - normal cdf of t): what taking a sign from chance can cost |t|, in its errors


class Found(NamedTuple):
    """Estimates with both ends of their 95 % intervals, NaN where there is none, and how much of the way to either
    end is due to the seeds (``reach``; 0 with two replicates, where that cannot be told)."""

    estimate: np.ndarray
    low: np.ndarray
    high: np.ndarray
    reach: np.ndarray


class Sobol(NamedTuple):
    """First order (k,), total (k,), second order of pairs i < j (k (k - 1)/2, or none), sum of the first orders (1,),
    and the share of chance in the variance of a single run (1,)."""

    first: Found
    total: Found
    second: Found
    first_sum: Found
    chance: Found


class Morris(NamedTuple):
    """Per factor (k,): mean effect, mean absolute effect, spread of the effects; the share of chance (1,).

    ``floor``: the mean absolute effect that chance alone would show in means over replicates. ``untold``: by how much
    ``mu_star`` may be too low at most, where effects are as small as chance. ``sd``: of the mean response over all
    points, chance taken out.
    """

    mu: Found
    mu_star: Found
    sigma: Found
    chance: Found
    floor: np.ndarray
    untold: np.ndarray
    sd: float


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean over pairs of different replicates of ``a_r b_r'``; replicates are the last axis."""
    n = a.shape[-1]
    return (a.sum(axis=-1) * b.sum(axis=-1) - (a * b).sum(axis=-1)) / (n * (n - 1))


def sobol(y: np.ndarray, n_factors: int, second_order: bool) -> Sobol:
    """Indices from outputs of shape (base samples, points of each, replicates), points as ``sampling`` orders them.

    With ``V = Var f``: first order ``mean f(B)(f(AB_i) - f(A)) / V`` (Saltelli et al. 2010, table 2 b), total
    ``mean (f(A) - f(AB_i))^2 / 2V`` (Jansen 1999; table 2 f), second order ``mean (f(BA_i) f(AB_j) - f(A) f(B)) / V``
    less both first orders (Saltelli 2002). V is over A and B, divisor 2N, as in SALib. Each replicate is centered on
    its own mean, which takes out what its seed does to all points alike.
    """
    k, pairs = n_factors, list(combinations(range(n_factors), 2)) if second_order else []
    found = _found(y, lambda runs: _sobol_sums(runs, k, pairs))
    parts = [np.split(part, np.cumsum([k, k, len(pairs), 1])) for part in found]
    return Sobol(*(Found(*part) for part in zip(*parts, strict=True)))


def _sobol_sums(y: np.ndarray, k: int, pairs: list[tuple[int, int]]) -> tuple[np.ndarray, Statistic]:
    """What is averaged over base samples (a row each), and the indices that follow from such means."""
    within = _within(y[:, [0, -1]])
    y = y - y.mean(axis=(0, 1))
    a, ab, b = y[:, 0], y[:, 1 : k + 1], y[:, -1]
    first = cross(b[:, None], ab - a[:, None])
    total = cross(a[:, None] - ab, a[:, None] - ab) / 2
    columns = [first, total, (cross(a, a) + cross(b, b))[:, None] / 2, within[:, None], (a + b) / 2]
    if pairs:
        ba, (i, j) = y[:, k + 1 : 2 * k + 1], np.array(pairs).T
        columns.append(cross(ba[:, i], ab[:, j]) - cross(a, b)[:, None])
    ends = np.cumsum([k, k, 1, 1, y.shape[-1]])

    def indices(means: np.ndarray) -> np.ndarray:
        first, total, square, within, center, both = np.split(means, ends, axis=1)
        variance = _positive(square[:, 0] - cross(center, center))[:, None]
        first, total, both = first / variance, total / variance, both / variance
        for column, (i, j) in enumerate(pairs):
            both[:, column] -= first[:, i] + first[:, j]
        chance = within / (variance + within)
        return np.hstack([first, total, both, first.sum(axis=1, keepdims=True), chance])

    return np.hstack(columns), indices


def morris(y: np.ndarray, places: np.ndarray, is_list: np.ndarray) -> Morris:
    """Effects from outputs (trajectories, k + 1, replicates) at places (trajectories, k + 1, k) in the unit cube.

    The elementary effect of a factor is the difference of outputs over the step in its range (Morris 1991), from one
    end to the other if the response is straight; of a list of levels, the difference itself, whose sign means nothing.
    ``mu`` is their mean, ``mu_star`` the mean of their absolute values (Campolongo et al. 2007), ``sigma`` their
    standard deviation, of which the square is estimated across replicates; it may be negative, and then so is
    ``sigma``. In ``mu_star`` each replicate's effect takes its sign from the mean of the others', so that it is 0 on
    average for a factor without effect, where the mean of absolute values would be ``floor``.
    """
    k, r = places.shape[2], y.shape[2]
    effects, center = _effects(y, places, is_list), y - y.mean(axis=(0, 1))
    found = _found(y, lambda runs: _morris_sums(runs, places, is_list))
    parts = [np.split(part, [k, 2 * k, 3 * k]) for part in found]
    mu, mu_star, variance, chance = (Found(*part) for part in zip(*parts, strict=True))
    error = (effects.var(axis=2, ddof=1) / r).mean(axis=0)  # squared standard error of an effect's mean over replicates
    return Morris(
        mu,
        mu_star,
        Found(*(np.sign(part) * np.sqrt(np.abs(part)) for part in variance)),
        chance,
        floor=np.sqrt(2 / np.pi * error),
        untold=UNTOLD * np.sqrt(error * r / (r - 1)),
        sd=float(np.sqrt(_positive(cross(center, center).mean()))),
    )


def _morris_sums(y: np.ndarray, places: np.ndarray, is_list: np.ndarray) -> tuple[np.ndarray, Statistic]:
    """What is averaged over trajectories (a row each), and the statistics that follow from such means."""
    within, effects = _within(y), _effects(y, places, is_list)
    y = y - y.mean(axis=(0, 1))
    n, k, r = effects.shape
    others = (effects.sum(axis=2, keepdims=True) - effects) / (r - 1)
    columns = [
        effects.mean(axis=2), (effects * np.sign(others)).mean(axis=2), cross(effects, effects),
        effects.reshape(n, k * r), cross(y, y).mean(axis=1, keepdims=True), within[:, None], y.mean(axis=1),
    ]  # fmt: skip
    ends = np.cumsum([k, k, k, k * r, 1, 1])

    def statistics(means: np.ndarray) -> np.ndarray:
        mu, mu_star, square, per_replicate, square_y, within, center = np.split(means, ends, axis=1)
        by_replicate = per_replicate.reshape(len(means), k, r)
        variance = (square - cross(by_replicate, by_replicate)) * n / max(n - 1, 1)
        chance = within / (_positive(square_y[:, 0] - cross(center, center))[:, None] + within)
        return np.hstack([mu, mu_star, variance, chance])

    return np.hstack(columns), statistics


def _effects(y: np.ndarray, places: np.ndarray, is_list: np.ndarray) -> np.ndarray:
    """Elementary effects (trajectories, k, replicates)."""
    moves = np.diff(places, axis=1)
    factor = np.abs(moves).argmax(axis=2)  # of each step
    step = np.take_along_axis(moves, factor[:, :, None], axis=2)
    step = np.where(is_list[factor][:, :, None], np.sign(step), step)
    effects = np.empty((len(y), moves.shape[2], y.shape[2]))
    np.put_along_axis(effects, factor[:, :, None], np.diff(y, axis=1) / step, axis=1)
    return effects


def _within(y: np.ndarray) -> np.ndarray:
    """Variance over replicates at a point, mean over the points of each cluster."""
    return y.var(axis=2, ddof=1).mean(axis=1)


def _positive(variance):
    """The variance, NaN where it is not above 0."""
    return np.where(variance > 0, variance, np.nan)


# Intervals -----------------------------------------------------------------------------------------------------------


def _found(y: np.ndarray, sums: Callable[[np.ndarray], tuple[np.ndarray, Statistic]]) -> Found:
    """The statistic of the means over clusters, with intervals over clusters and seeds."""
    table, statistic = sums(y)
    estimate = _of_means(table, statistic)
    low, high = _bootstrapped(table, statistic)
    reach = _over_seeds(y, lambda runs: _of_means(*sums(runs))) if y.shape[-1] > 2 else np.zeros(len(estimate))
    low, high = (estimate + sign * np.hypot(end - estimate, reach) for sign, end in ((-1, low), (1, high)))
    return Found(estimate, low, high, reach)


def _of_means(table: np.ndarray, statistic: Statistic) -> np.ndarray:
    return statistic(table.mean(axis=0, keepdims=True))[0]


def _over_seeds(y: np.ndarray, estimate: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """How far an interval reaches to either side because of the seeds: the jackknife over (groups of) replicates."""
    n = y.shape[-1]
    groups = np.array_split(np.arange(n), min(n, MOST_GROUPS))
    left = np.array([estimate(np.delete(y, group, axis=-1)) for group in groups])
    g = len(groups)
    error = np.sqrt((g - 1) / g * ((left - left.mean(axis=0)) ** 2).sum(axis=0))
    return stats.t.ppf((1 + CONFIDENCE) / 2, g - 1) * error


def _bootstrapped(table: np.ndarray, statistic: Statistic) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of the percentile interval over clusters (rows); NaN where too many resamples have no value."""
    n = len(table)
    resampled = np.concatenate([statistic(weights @ table / n) for weights in _weights(n)])
    tail = (1 - (expanded_level(n) if n > 1 else CONFIDENCE)) / 2
    is_there = np.isfinite(resampled)
    enough = 1 - is_there.mean(axis=0) <= _MOST_UNDEFINED
    ends = np.full((2, resampled.shape[1]), np.nan)
    whole = enough & is_there.all(axis=0)
    ends[:, whole] = np.quantile(resampled[:, whole], [tail, 1 - tail], axis=0)
    for column in np.flatnonzero(enough & ~whole):
        ends[:, column] = np.nanquantile(resampled[:, column], [tail, 1 - tail])
    return ends[0], ends[1]


def _weights(n: int):
    """How often each of n clusters is drawn in each resample, in slices that fit into memory; the same each time."""
    return _kept_weights(n) if n * RESAMPLES <= _NUMBERS_AT_ONCE else _drawn_weights(n)


@lru_cache(maxsize=2)
def _kept_weights(n: int) -> tuple[np.ndarray, ...]:
    return tuple(_drawn_weights(n))


def _drawn_weights(n: int):
    rng = np.random.default_rng(SEED)
    at_once = max(1, _NUMBERS_AT_ONCE // n)
    for first in range(0, RESAMPLES, at_once):
        rows = min(at_once, RESAMPLES - first)
        drawn = rng.integers(n, size=(rows, n)) + n * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(float)
