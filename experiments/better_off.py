"""Who is better off: the share of organizations that earn more than their pair in another world or design.

The pair of an organization is the same organization (same index, same seed, hence the same power, sector and luck)
in the runs compared with. An organization without ties has no income and is left out.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

THIRDS = ("weak", "middle", "strong")
_PAIR = ["replicate", "organization"]


def split(organizations: pd.DataFrame, keys: list[tuple]) -> dict[tuple, pd.DataFrame]:
    """The organizations of each cell; ``keys`` names the cell of every row."""
    number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    codes = np.array([number[key] for key in keys])
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(number) + 1))
    return {key: organizations.iloc[order[ends[i] : ends[i + 1]]] for key, i in number.items()}


def shares(treated: pd.DataFrame, untreated: pd.DataFrame, replicates: np.ndarray) -> dict[str, np.ndarray]:
    """The share with strictly more income than their pair by measure name, each of shape (replicates,).

    Names: ``better_off``, then ``better_off: weak third`` and so on, then ``better_off: sector <name>`` where there
    is more than one. Thirds and sectors are those of the treated organization. A replicate in which the two
    populations are not the same organizations has no pairs, hence no share (NaN).
    """
    both = treated.merge(untreated[[*_PAIR, "income"]], on=_PAIR, suffixes=("", "_pair"), validate="1:1")
    is_pair = _is_same_population(both, treated, untreated) & both[["income", "income_pair"]].notna().all(axis=1)
    both = both[is_pair]
    is_better = (both["income"] > both["income_pair"]).to_numpy()
    at = np.searchsorted(replicates, both["replicate"])
    return {name: _share(is_better, at, is_in, len(replicates)) for name, is_in in _groups(both, treated)}


def _groups(both: pd.DataFrame, treated: pd.DataFrame) -> list[tuple[str, np.ndarray]]:
    """Every group to report, and which of the pairs belong to it."""
    third, sector = (both[column].to_numpy(dtype=object) for column in ("power_third", "sector"))
    names = sorted(treated["sector"].dropna().unique())
    thirds = [(f"better_off: {name} third", third == name) for name in THIRDS]
    sectors = [(f"better_off: sector {name}", sector == name) for name in names] if len(names) > 1 else []
    return [("better_off", np.ones(len(both), dtype=bool)), *thirds, *sectors]


def _share(is_better: np.ndarray, at: np.ndarray, is_in: np.ndarray, n: int) -> np.ndarray:
    """Share of those better off among those in the group, by replicate; NaN where the group is empty."""
    members = np.bincount(at[is_in], minlength=n)
    winners = np.bincount(at[is_in & is_better], minlength=n)
    return np.divide(winners, members, out=np.full(n, np.nan), where=members > 0)


def _is_same_population(both, treated, untreated) -> np.ndarray:
    """Whether a pair's replicate has all organizations of either side matched."""
    matched, one, other = (t.groupby("replicate").size() for t in (both, treated, untreated))
    size = pd.DataFrame({"matched": matched, "one": one, "other": other})
    whole = size.index[(size["matched"] == size["one"]) & (size["matched"] == size["other"])]
    return both["replicate"].isin(whole).to_numpy()
