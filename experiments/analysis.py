"""From the table of runs to the tables a reader needs: means, and paired comparisons under common random numbers.

Tables in, tables out; nothing here knows a file. Replicate r of every world, design and factor point runs with the
same seed, so it meets the same luck; runs are paired on that seed and the *differences* are averaged, which removes
most of the luck from the answer. Rows come in the study's own order whatever the order of the runs.

What is compared with what (column ``contrast``):
    design   each design with the one it is ``against`` (default: the reference design), same world, same point
    world    each world with the reference world, same design, same point
    factor   where there is one design only: each point with the point that differs from it by having the first
             level of the first factor that varies (say, no participants on the same network)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from experiments import better_off, inference, labels
from experiments.sampling import Sampling
from experiments.study import Study

# Measures of a wait that may have no end: who never got there has no number, so leaving runs out is not neutral.
WAITS = ("recovery_steps", "crossing_step", "lifetime_median")
MOST_LEFT_OUT = 0.1  # share of pairs without a value above which such a measure gets no verdict


class Cells(NamedTuple):
    """Runs as one array: a cell is a world, a design and a factor point."""

    keys: list[tuple]  # (world, design, *levels) per cell, in the study's order
    measures: tuple[str, ...]
    values: np.ndarray  # (cells, seeds, measures); NaN where a run is missing, failed or has no number
    is_there: np.ndarray  # (cells, seeds): a row exists
    is_failed: np.ndarray  # (cells, seeds): it exists and failed


class Contrast(NamedTuple):
    """One comparison: the cell treated, the cell it is compared with, and the words for the latter."""

    kind: str
    treatment: int
    reference: int
    against: str


def means(runs: pd.DataFrame | Cells, study: Study) -> pd.DataFrame:
    """Every measure in every cell: mean and standard deviation over runs, with the 95 % interval of the mean.

    Columns: world, design, <factors>, measure, n (runs that gave a number), n_failed, n_nan (ran, but the measure is
    of an empty set), mean, sd, low, high; all in the units of the measure. Intervals keep within what is possible
    (``labels.bounds``), so that of a share does not leave 0 to 1.
    """
    cells = runs if isinstance(runs, Cells) else lay_out(runs, study)
    rows = _per_measure(cells.values)
    n, mean, sd = inference.row_means(rows)
    low, high = inference.within(inference.intervals(rows), _bounds(list(cells.measures) * len(cells.keys)))
    n_measures = len(cells.measures)
    n_there, n_failed = (np.repeat(a.sum(axis=1), n_measures) for a in (cells.is_there, cells.is_failed))
    table = named(cells.keys, study)
    table = table.loc[table.index.repeat(n_measures)].reset_index(drop=True)
    counts = {"n": n, "n_failed": n_failed, "n_nan": n_there - n_failed - n}
    numbers = {"mean": mean, "sd": sd, "low": low, "high": high}
    return table.assign(measure=list(cells.measures) * len(cells.keys), **counts, **numbers)


def comparison(
    runs: pd.DataFrame | Cells, organizations: pd.DataFrame | Iterable[pd.DataFrame] | None, study: Study
) -> pd.DataFrame:
    """Paired differences of every contrast and measure, and who is better off where the organizations are given.

    ``organizations`` may come in several tables, each with all organizations of its replicates.

    Columns: contrast, world, design, against, <factors>, measure, n_pairs, n_dropped (pairs in which either run is
    missing, failed or has no number), mean (of the treatment), reference (mean of what it is compared with),
    difference (their mean paired difference) with its 95 % interval low, high; effect (Hedges' g_av: the difference
    over the average standard deviation of runs), effect_paired (d_z, which grows with the luck shared), better (share
    of pairs with the higher value in the treatment), verdict ("higher", "lower", "same" where all pairs agree exactly,
    "cannot say"). Means and effects are over the complete pairs. A measure of ``WAITS`` gets no verdict where more than
    ``MOST_LEFT_OUT`` of the pairs were dropped. Intervals keep within what is possible. For ``better_off`` rows the
    mean is the share of organizations with more income than their pair, and the reference .5: as many win as do not.
    """
    cells = runs if isinstance(runs, Cells) else lay_out(runs, study)
    found = list(contrasts(cells.keys, study))
    treatment = cells.values[[c.treatment for c in found]]
    reference = cells.values[[c.reference for c in found]]
    n_measures = len(cells.measures)
    measures = list(cells.measures) * len(found)
    numbers = _compare(_per_measure(treatment), _per_measure(reference), _widths(_bounds(measures)))
    numbers["n_dropped"] = _n_asked(cells, found).repeat(n_measures) - numbers["n_pairs"]
    is_partial = numbers["n_dropped"] > MOST_LEFT_OUT * (numbers["n_pairs"] + numbers["n_dropped"])
    numbers["verdict"] = np.where(is_partial & np.isin(measures, WAITS), "cannot say", numbers["verdict"])
    table = headings(found, cells.keys, study)
    table = table.loc[table.index.repeat(n_measures)].reset_index(drop=True)
    table = table.assign(measure=measures, **numbers)
    if organizations is not None and found:
        chunks = [organizations] if isinstance(organizations, pd.DataFrame) else organizations
        winners = _better_off(chunks, cells, found, study)
        if len(winners):
            table = pd.concat([table, winners], ignore_index=True) if len(table) else winners
    return table


def lay_out(runs: pd.DataFrame, study: Study) -> Cells:
    """The runs as an array over cells, seeds and measures."""
    measures = tuple(m for m in study.measures if m in runs.columns)
    key_of_row = _keys(runs, study)
    keys = sorted(set(key_of_row), key=_order(study))
    place = {key: i for i, key in enumerate(keys)}
    row, (seeds, column) = np.array([place[key] for key in key_of_row], dtype=int), _places(runs["seed"])
    values = np.full((len(keys), len(seeds), len(measures)), np.nan)
    numbers = runs[list(measures)].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    values[row, column] = np.where(np.isfinite(numbers), numbers, np.nan)
    is_there, is_failed = np.zeros((2, len(keys), len(seeds)), dtype=bool)
    is_there[row, column] = True
    is_failed[row, column] = (runs["status"] == "failed").to_numpy()
    values[is_failed] = np.nan
    return Cells(keys, measures, values, is_there, is_failed)


def cells_of(cells, stored, study: Study) -> Cells:
    """What is stored of a plan's cells (``stages.Stored``) as Cells in the plan's own order."""
    keys = [(cell.world, cell.design, *cell.point.values()) for cell in cells]
    values = np.where(np.isfinite(stored.values) & ~stored.is_failed[:, :, None], stored.values, np.nan)
    return Cells(keys, study.measures, values, stored.is_there, stored.is_failed)


def in_order(cells: Cells, study: Study) -> Cells:
    """The cells of which a run is there, in the order of the study: worlds, designs, levels."""
    order = _order(study)
    there = [k for k in range(len(cells.keys)) if cells.is_there[k].any()]
    at = sorted(there, key=lambda k: order(cells.keys[k]))
    keys = [cells.keys[k] for k in at]
    return Cells(keys, cells.measures, cells.values[at], cells.is_there[at], cells.is_failed[at])


def points(cells: Cells, study: Study) -> pd.DataFrame:
    """A row per point, world and design: point (from 0), its levels, n (runs), and every measure's mean over runs."""
    table = named(cells.keys, study)
    table.insert(0, "point", np.arange(len(table)) // (len(study.worlds) * len(study.designs)))
    n = np.isfinite(cells.values).sum(axis=1)
    totals = np.where(np.isfinite(cells.values), cells.values, 0.0).sum(axis=1)
    means = np.divide(totals, n, out=np.full(totals.shape, np.nan), where=n > 0)
    table["n"] = cells.is_there.sum(axis=1) - cells.is_failed.sum(axis=1)
    return table.assign(**{f"mean_{name}": means[:, k] for k, name in enumerate(cells.measures)})


def _places(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    return np.unique(column.to_numpy(), return_inverse=True)


def _keys(table: pd.DataFrame, study: Study) -> list[tuple]:
    return list(zip(*(table[name].tolist() for name in ("world", "design", *study.factors)), strict=True))


def _order(study: Study):
    """Sorting key for (world, design, *levels): their places in the study."""
    known = [list(study.worlds), list(study.designs), *(list(levels) for levels in study.factors.values())]
    places = [{name: i for i, name in enumerate(names)} for names in known]
    return lambda key: tuple((p.get(name, len(p)), str(name)) for p, name in zip(places, key, strict=True))


def contrasts(keys: list[tuple], study: Study) -> Iterable[Contrast]:
    """What is compared with what, design contrasts first; cells without a partner are left out."""
    place = {key: i for i, key in enumerate(keys)}
    designs, worlds = {key[1] for key in keys}, {key[0] for key in keys}
    candidates = []
    if len(designs) > 1:
        partners = {key: study.against.get(key[1]) for key in keys}
        candidates += [("design", key, (key[0], partners[key], *key[2:]), partners[key]) for key in keys]
    if len(worlds) > 1:
        candidates += [("world", key, (study.reference_world, *key[1:]), study.reference_world) for key in keys]
    varied = [(at, name, levels[0]) for at, (name, levels) in enumerate(study.factors.items(), 2) if len(levels) > 1]
    if len(designs) == 1 and varied:
        at, name, first = varied[0]
        against = labels.point({name: first})
        candidates += [("factor", key, (*key[:at], first, *key[at + 1 :]), against) for key in keys]
    for kind, key, partner, against in candidates:
        if key != partner and partner in place:
            yield Contrast(kind, place[key], place[partner], against)


def _bounds(measures: list[str]) -> np.ndarray:
    """What each measure can be, shape (rows, 2)."""
    return np.array([labels.bounds(measure) for measure in measures], dtype=float).reshape(-1, 2)


def _widths(bounds: np.ndarray) -> np.ndarray:
    """What the difference of two values within the bounds can be, shape (rows, 2)."""
    width = bounds[:, 1] - bounds[:, 0]
    return np.stack([-width, width], axis=1)


def _compare(treatment: np.ndarray, reference: np.ndarray, bounds: np.ndarray) -> dict[str, np.ndarray]:
    """The numbers of the comparison for rows of paired values, shape (rows, seeds), whose differences have bounds."""
    differences = treatment - reference
    is_pair = np.isfinite(differences)
    n_pairs, difference, _ = inference.row_means(differences)
    low, high = inference.within(inference.intervals(differences), bounds)
    better = np.where(is_pair, differences > 0, False).sum(axis=1) / np.where(n_pairs > 0, n_pairs, np.nan)
    numbers = {
        "n_pairs": n_pairs, "n_dropped": 0 * n_pairs,
        "mean": inference.row_means(np.where(is_pair, treatment, np.nan))[1],
        "reference": inference.row_means(np.where(is_pair, reference, np.nan))[1],
        "difference": difference, "low": low, "high": high,
        "effect": inference.effect_size(treatment, reference),
        "effect_paired": inference.paired_effect_size(differences), "better": better,
    }  # fmt: skip
    same = (n_pairs > 0) & (np.where(is_pair, differences, 0.0) == 0).all(axis=1)
    numbers["verdict"] = np.select([same, low > 0, high < 0], ["same", "higher", "lower"], "cannot say")
    return numbers


def _better_off(chunks: Iterable[pd.DataFrame], cells: Cells, found: list[Contrast], study) -> pd.DataFrame:
    shares: dict[tuple[int, str], dict[int, float]] = {}
    everyone: set[int] = set()
    for chunk in chunks:
        incomes = better_off.split(chunk, _keys(chunk, study))
        replicates = np.unique(chunk["replicate"])
        everyone.update(replicates.tolist())
        for k, contrast in enumerate(found):
            treated, untreated = (incomes.get(cells.keys[i]) for i in (contrast.treatment, contrast.reference))
            if treated is not None and untreated is not None:
                for name, values in better_off.shares(treated, untreated, replicates).items():
                    shares.setdefault((k, name), {}).update(zip(replicates.tolist(), values, strict=True))
    order = sorted(shares, key=lambda key: key[0])  # as the contrasts stand, names as they first came
    of, names = [found[k] for k, _ in order], [name for _, name in order]
    table = np.array([[shares[key].get(r, np.nan) for r in sorted(everyone)] for key in order], dtype=float)
    table = table.reshape(len(order), len(everyone))
    half = np.where(np.isfinite(table), 0.5, np.nan)
    numbers = _compare(table, half, _bounds(names) - 0.5)  # a share less one half
    numbers["n_dropped"] = _n_asked(cells, of) - numbers["n_pairs"]
    return headings(of, cells.keys, study).assign(measure=names, **numbers)


def _n_asked(cells: Cells, contrasts: list[Contrast]) -> np.ndarray:
    """Seeds up to the last that both cells have a run of, with a run of at least one of them, per contrast."""
    n_seeds = cells.is_there.shape[1]
    if not n_seeds:
        return np.zeros(len(contrasts), np.int64)
    treated, untreated = (cells.is_there[[c[i] for c in contrasts]] for i in (1, 2))
    last = [n_seeds - np.argmax(there[:, ::-1], axis=1) for there in (treated, untreated)]
    return ((treated | untreated) & (np.arange(n_seeds) < np.minimum(*last)[:, None])).sum(axis=1)


def pooled(cells: Cells, clusters: np.ndarray, study: Study) -> tuple[Cells, Study]:
    """A sampled study as one without factors, whose replicates are its sampled points: means over their runs.

    ``cells`` lie points x worlds x designs; points of one cluster (``Study.clusters``) count once, as their mean,
    since only clusters are drawn independently. Intervals are then over what was sampled, not over luck alone. The
    mean of a cluster is over those of its points that gave a number.
    """
    n_clusters, shape = int(clusters.max()) + 1, (len(clusters), len(study.worlds) * len(study.designs), -1)
    n_runs = np.isfinite(cells.values).sum(axis=1)
    totals = np.where(np.isfinite(cells.values), cells.values, 0.0).sum(axis=1)
    points = np.divide(totals, n_runs, out=np.full(totals.shape, np.nan), where=n_runs > 0).reshape(shape)
    is_known = np.isfinite(points)
    sums, counts = np.zeros((2, n_clusters, *points.shape[1:]))
    np.add.at(sums, clusters, np.where(is_known, points, 0.0))
    np.add.at(counts, clusters, is_known)
    values = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    keys = [(world, design) for world in study.worlds for design in study.designs]
    is_there, is_failed = (a.reshape(*shape[:2], -1).any(axis=2) for a in (cells.is_there, cells.is_failed))
    there, failed = np.zeros((2, n_clusters, len(keys)), dtype=bool)
    np.logical_or.at(there, clusters, is_there)
    np.logical_or.at(failed, clusters, is_failed)
    unit = {"sobol": "base sample", "morris": "trajectory"}.get(study.sampling.method, "sampled point")
    bare = dataclasses.replace(study, factors={}, parameters={}, replicates=n_clusters, sampling=Sampling(), unit=unit)
    values = np.moveaxis(values, 0, 1)
    return Cells(keys, cells.measures, values, there.T, failed.T & ~np.isfinite(values).any(axis=2)), bare


def rows(cells: Cells, study: Study) -> pd.DataFrame:
    """Back to one row per run that is there: world, design, <factors>, replicate, measures."""
    at, seed = np.nonzero(cells.is_there)
    table = named(cells.keys, study).iloc[at].reset_index(drop=True).assign(replicate=seed + 1)
    numbers = pd.DataFrame(cells.values[at, seed], columns=list(cells.measures))
    return pd.concat([table, numbers], axis=1)


def _per_measure(values: np.ndarray) -> np.ndarray:
    """(cells, seeds, measures) -> (cells·measures, seeds)."""
    n_cells, n_seeds, n_measures = values.shape
    return np.moveaxis(values, 1, 2).reshape(n_cells * n_measures, n_seeds)


def named(keys: list[tuple], study: Study) -> pd.DataFrame:
    return pd.DataFrame(keys, columns=["world", "design", *study.factors])


def headings(contrasts: list[Contrast], keys: list[tuple], study: Study) -> pd.DataFrame:
    """Who is compared with whom: the first columns of the comparison."""
    table = named([keys[c.treatment] for c in contrasts], study)
    table.insert(0, "contrast", [c.kind for c in contrasts])
    table.insert(3, "against", [c.against for c in contrasts])
    return table
