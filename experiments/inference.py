"""Intervals and effect sizes: arrays in, arrays out.

Every function takes ``values`` of shape (rows, n): one row per quantity, one column per replicate (a seed); NaN
marks a replicate that is missing and is left out of its row only. The same values give the same answer whatever
rows stand beside them, because all rows of one length meet the same resamples.

Intervals cover 95 %. From 6 replicates on: the bias-corrected and accelerated bootstrap of the mean (BCa, Efron
1987), at a confidence level expanded for small samples (Hesterberg 2015, The American Statistician 69:371, section
5.3), because a plain bootstrap of few values is too narrow by ``sqrt((n-1)/n)`` and a normal for a t quantile; where
BCa is undefined, the percentile bootstrap at the same level. From 2 to 5 replicates no resampling reaches 95 % (all
of n values lie on one side of the median with probability ``2^(1-n)``), so these get Student's t interval, wide as
it is. One replicate, or fewer than 6 identical ones, tell nothing about their spread: NaN.
"""

from __future__ import annotations

import warnings

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 4999
SEED = 20260101  # fixed, so that a table is the same bytes however often it is made
FEWEST_TO_RESAMPLE = 6  # 2^(1-6) = .03 < .05 <= 2^(1-5)
_NUMBERS_AT_ONCE = 2e7  # resampled values held in memory at a time


def row_means(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number of finite values, their mean and their standard deviation (n - 1), per row; NaN where undefined."""
    is_there = np.isfinite(values)
    n = is_there.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(is_there, values, 0.0).sum(axis=1) / np.where(n > 0, n, np.nan)
        squares = np.where(is_there, (values - mean[:, None]) ** 2, 0.0).sum(axis=1)
        sd = np.sqrt(squares / np.where(n > 1, n - 1, np.nan))
    return n, mean, np.where(_is_constant(values), 0.0 * sd, sd)


def intervals(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval (low, high) of the mean of each row, in the units of the values; NaN where there is none."""
    low, high = np.full(len(values), np.nan), np.full(len(values), np.nan)
    n = np.isfinite(values).sum(axis=1)
    constant = _is_constant(values)
    for count in np.unique(n[n > 1]):
        rows = np.flatnonzero((n == count) & ~constant)
        full = values[rows][np.isfinite(values[rows])].reshape(len(rows), count)
        low[rows], high[rows] = _resampled(full) if count >= FEWEST_TO_RESAMPLE else _student(full)
    sure = np.flatnonzero(constant & (n >= FEWEST_TO_RESAMPLE))
    low[sure] = high[sure] = np.nanmin(values[sure], axis=1) if len(sure) else []
    return low, high


def within(interval: tuple[np.ndarray, np.ndarray], bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The interval (low, high) of each row cut to what is possible; ``bounds`` holds the two limits of every row."""
    low, high = (np.clip(end, bounds[:, 0], bounds[:, 1]) for end in interval)
    return low, high


def effect_size(treatment: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Hedges' g_av per row: difference of means over the average of both standard deviations, small-sample corrected.

    ``(mean_t - mean_r) / ((sd_t + sd_r)/2) · (1 - 3/(4·2n - 9))``. Source: Lakens 2013, Frontiers in Psychology
    4:863, equations 4 and 10. It measures the difference in units of how much runs differ among themselves, so it
    does not grow with the luck two runs share. Only complete pairs enter; without spread: 0 if equal, else NaN.
    """
    both = np.isfinite(treatment) & np.isfinite(reference)
    n, mean_t, sd_t = row_means(np.where(both, treatment, np.nan))
    _, mean_r, sd_r = row_means(np.where(both, reference, np.nan))
    correction = 1 - 3 / (8 * np.maximum(n, 2) - 9)
    return _ratio(mean_t - mean_r, (sd_t + sd_r) / 2) * correction


def paired_effect_size(differences: np.ndarray) -> np.ndarray:
    """Cohen's d_z per row: mean paired difference over its standard deviation; grows with the luck shared.

    Source: Lakens 2013, equation 6.
    """
    _, mean, sd = row_means(differences)
    return _ratio(mean, sd)


def _ratio(difference: np.ndarray, spread: np.ndarray) -> np.ndarray:
    positive = spread > 0
    ratio = np.divide(difference, spread, out=np.full(len(difference), np.nan), where=positive)
    return np.where((spread == 0) & (difference == 0), 0.0, ratio)


def _is_constant(values: np.ndarray) -> np.ndarray:
    """Whether all finite values of a row are the same number; False for a row without any."""
    if not values.size:
        return np.zeros(len(values), dtype=bool)
    is_there = np.isfinite(values)
    top = np.where(is_there, values, -np.inf).max(axis=1)
    return is_there.any(axis=1) & (top == np.where(is_there, values, np.inf).min(axis=1))


def _student(full: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n, mean, sd = row_means(full)
    half = stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * sd / np.sqrt(n)
    return mean - half, mean + half


def expanded_level(n: int) -> float:
    """Confidence level whose normal quantile is ``sqrt(n/(n-1))`` times Student's at 95 % (Hesterberg 2015)."""
    wide = np.sqrt(n / (n - 1)) * stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)
    return float(1 - 2 * stats.norm.sf(wide))


def _resampled(full: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bootstrap interval of each row of a table without holes, in slices that fit into memory."""
    n = full.shape[1]
    at_once = max(1, int(_NUMBERS_AT_ONCE / (n * max(RESAMPLES, n))))
    slices = [_bootstrap(full[i : i + at_once]) for i in range(0, len(full), at_once)]
    if not slices:
        return np.empty(0), np.empty(0)
    low, high = (np.concatenate(ends) for ends in zip(*slices, strict=True))
    return low, high


def _bootstrap(full: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(full) == 1:  # numpy adds up a lone row in another order, which would show in the last bit
        low, high = _bootstrap(np.repeat(full, 2, axis=0))
        return low[:1], high[:1]
    low, high = _scipy_bootstrap(full, "BCa")
    lost = ~(np.isfinite(low) & np.isfinite(high))
    if lost.any():
        low[lost], high[lost] = _scipy_bootstrap(full[lost], "percentile")
    return low, high


def _scipy_bootstrap(full: np.ndarray, method: str) -> tuple[np.ndarray, np.ndarray]:
    level = expanded_level(full.shape[1])
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a degenerate row comes back as NaN, and that we handle
        found = stats.bootstrap(
            (full,), np.mean, axis=1, vectorized=True, n_resamples=RESAMPLES, confidence_level=level,
            method=method, rng=np.random.default_rng(SEED),
        )  # fmt: skip
    return np.array(found.confidence_interval.low), np.array(found.confidence_interval.high)
