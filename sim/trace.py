"""What a run leaves behind, whichever engine ran it, and when its last quarter begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class Trace(NamedTuple):
    """Sums of every step and the final state."""

    sums: np.ndarray  # (steps, N_COLUMNS) sums over ties and organizations, columns tally.COLUMNS
    ended: np.ndarray  # int64 (steps + 1,) partnerships that ended, by tenure
    ties: Mapping[str, np.ndarray]  # by field, each (m,) in the order of the population
    organizations: np.ndarray  # records state.ORGANIZATION (n,)
    silos: np.ndarray  # (m,) value of both sides' silos
    first_best: np.ndarray  # (m,)
    tie_value: np.ndarray  # (m,) value summed over the run (twins only, otherwise m = 0)


def late_from(steps: int) -> int:
    """The first step of the last quarter, which has at least one step."""
    return steps - max(1, steps // 4)
