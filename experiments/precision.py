"""Precision on demand: more replicates for the comparisons whose interval is still too wide, and no others.

Decided in stages, from paired differences under common random numbers. A comparison that has n pairs and a half-width
h against a target t gets the pairs that ``n (h/t)**2`` suggests, between a quarter more and twice as many. Decisions
depend on stored numbers alone, so a sweep that was killed decides the same again.

Looking at the data before stopping lets intervals cover a little less than they say: with at least ten pairs first,
about one point (Chow & Robbins 1965 show that the loss vanishes as the target shrinks).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments import analysis, inference
from experiments.plan import Plan, Stage
from experiments.study import Study

_MORE, _AT_MOST, _MARGIN = 1.25, 2.0, 1.05  # growth per stage at least and at most; a little beyond the suggestion


def next_stage(plan: Plan, stage: Stage, values: np.ndarray, n_parts: int) -> Stage | None:
    """What to run after ``stage``; None when every comparison is narrow enough or has all the replicates allowed.

    ``values``: (cells, replicates) of the measure that decides, NaN where there is none; ``n_parts``: parts so far.
    """
    until = plan.study.until
    if until is None:
        return None
    count, pairs = stage.stop, np.array(pairs_of(plan))
    n = np.minimum(count[pairs[:, 0]], count[pairs[:, 1]])
    half = half_widths(_differences(values, pairs, n))
    is_wide = (half > until.half_width) & (n < plan.study.replicates)
    wanted, stop = _grown(n, half, plan.study), count.copy()
    for side in (0, 1):
        np.maximum.at(stop, pairs[is_wide, side], wanted[is_wide])
    return Stage(plan, count.copy(), stop, n_parts) if (stop > count).any() else None


def pairs_of(plan: Plan) -> list[tuple[int, int]]:
    """Cells compared with one another; a cell with itself where the study compares nothing: then its mean counts."""
    keys = [(cell.world, cell.design, *cell.point.values()) for cell in plan.cells]
    found = [(c.treatment, c.reference) for c in analysis.contrasts(keys, plan.study)]
    return list(dict.fromkeys(found)) or [(k, k) for k in range(len(keys))]


def half_widths(differences: np.ndarray) -> np.ndarray:
    """Half the 95 % interval of the mean of each row; infinite while there is none."""
    low, high = inference.intervals(differences)
    return np.where(np.isfinite(high - low), (high - low) / 2, np.inf)


def _differences(values: np.ndarray, pairs: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Paired differences (pairs, replicates), NaN beyond the first ``n`` of each; the values where a cell is alone."""
    treatment, reference = pairs.T
    subtracted = np.where((treatment == reference)[:, None], 0.0, values[reference])
    return np.where(np.arange(values.shape[1]) < n[:, None], values[treatment] - subtracted, np.nan)


def _grown(n: np.ndarray, half: np.ndarray, study: Study) -> np.ndarray:
    suggested = np.where(np.isfinite(half), _MARGIN * n * (half / study.until.half_width) ** 2, np.inf)
    bounded = np.minimum(np.maximum(np.maximum(suggested, _MORE * n), n + 1), _AT_MOST * n)
    return np.minimum(study.replicates, np.ceil(bounded).astype(np.int64))


def report(plan: Plan, stages: list[Stage], values: np.ndarray) -> pd.DataFrame:
    """A row per comparison: how many replicates it took, how narrow it got, and what pairing saved.

    Columns: contrast, world, design, against, <factors>, measure, n_needed (pairs after which it was narrow enough, or
    all that are allowed), half_width (reached then), target, is_reached, variance_ratio ((var of the treatment + var
    of the reference) / var of their difference: how many times as many runs independent seeds would take for the same
    width), with its 95 % bootstrap interval ratio_low, ratio_high.
    """
    study, keys = plan.study, [(cell.world, cell.design, *cell.point.values()) for cell in plan.cells]
    contrasts = list(analysis.contrasts(keys, study))
    cells = contrasts or [analysis.Contrast("mean", k, k, "") for k in range(len(keys))]
    pairs = np.array([(c.treatment, c.reference) for c in cells])
    n, half = _first_narrow_enough(pairs, stages, values, study.until)
    ratio = np.array([_variance_ratio(values[t, :k], values[r, :k]) for (t, r), k in zip(pairs, n, strict=True)])
    table = pd.DataFrame({
        "measure": study.until.measure, "n_needed": n, "half_width": half, "target": study.until.half_width,
        "is_reached": half <= study.until.half_width, "variance_ratio": ratio[:, 0], "ratio_low": ratio[:, 1],
        "ratio_high": ratio[:, 2],
    })  # fmt: skip
    heads = analysis.headings(contrasts, keys, study) if contrasts else analysis.named(keys, study)
    return pd.concat([heads, table], axis=1)


def _first_narrow_enough(pairs, stages: list[Stage], values, until) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of runs at the first look that was narrow enough (else at the last one), and the half-width then."""
    n_needed, reached = np.zeros(len(pairs), np.int64), np.full(len(pairs), np.inf)
    for stage in stages:
        n = np.minimum(stage.stop[pairs[:, 0]], stage.stop[pairs[:, 1]])
        is_open = (reached > until.half_width) & (n > n_needed)
        if is_open.any():
            reached[is_open] = half_widths(_differences(values, pairs[is_open], n[is_open]))
            n_needed[is_open] = n[is_open]
    return n_needed, reached


def _variance_ratio(treatment: np.ndarray, reference: np.ndarray) -> tuple[float, float, float]:
    """(var t + var r) / var(t - r) with its 95 % percentile bootstrap interval over pairs; NaN without spread."""
    both = np.isfinite(treatment) & np.isfinite(reference)
    t, r = treatment[both], reference[both]
    if len(t) < 2 or treatment is reference or not np.var(t - r) > 0:
        return (np.nan,) * 3
    picks = np.random.default_rng(inference.SEED).integers(len(t), size=(999, len(t)))
    with np.errstate(all="ignore"):
        spread = np.var(t[picks], axis=1) + np.var(r[picks], axis=1)
        low, high = np.nanquantile(spread / np.var(t[picks] - r[picks], axis=1), [0.025, 0.975])
    return float((np.var(t) + np.var(r)) / np.var(t - r)), float(low), float(high)


def in_words(table: pd.DataFrame, plan: Plan) -> list[str]:
    """How many replicates were needed and what common random numbers saved, for people."""
    until, n = plan.study.until, table["n_needed"]
    what = "comparison" if "contrast" in table else "mean"
    span = f"{n.min()}" if n.min() == n.max() else f"{n.min()} to {n.max()} (median {n.median():.0f})"
    lines = [
        f"Replicates until the interval of {until.measure} is ± {until.half_width:g}: {span} "
        f"over {len(table)} {what}{'s' if len(table) != 1 else ''}."
    ]
    wide = table[~table["is_reached"]]
    if len(wide):
        lines.append(
            f"Not reached within {plan.study.replicates} replicates by {len(wide)} of them; the widest is "
            f"± {wide['half_width'].max():.3g}. precision.csv has each; raise max, and stored runs are reused."
        )
    ratio = table["variance_ratio"].dropna()
    if len(ratio):
        lines.append(
            f"Pairing by common random numbers: independent seeds would take {ratio.median():.1f} times as many runs "
            f"for the same width (median; {ratio.min():.1f} to {ratio.max():.1f})."
        )
    return lines
