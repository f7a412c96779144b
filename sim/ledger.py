"""Where the value goes: the shortfall of one tie in one step against its first best, split into twelve parts.

The parts add up to first best less realised value, exactly. Creation that is lost is split between six factors by
the logarithmic mean index (Ang 2004: no residual, and no dependence on an order). Accounting, not cause.
"""

from __future__ import annotations

import math

from sim.jit import rule
from sim.rules import COCREATE, COMPETE, engagement, first_best_gain, larger, least_gain
from sim.state import DORMANT, PLAYED

LOSSES = (
    "rivalry", "duplication", "missed", "wasted", "relationship", "overhead",
    "isolation", "visibility", "misalignment", "tension", "caution", "setbacks",
)  # fmt: skip


@rule
def _log_share(factor, n_zero, log_sum):
    """Part of lost creation that a factor bears: factors at 0 share all equally, the rest by their logarithms."""
    if n_zero > 0:
        return 1.0 / n_zero if factor <= 0.0 else 0.0
    return math.log(factor) / log_sum if log_sum < 0.0 else 0.0


@rule
def creation_lost(before, isolation, visibility, alignment, calm, scale, success):
    """Creation ``before`` times all six factors: the loss, split into the factors' parts."""
    product = isolation * visibility * alignment * calm * scale * success
    lost = before - before * product
    n_zero = 0
    log_sum = 0.0
    for factor in (isolation, visibility, alignment, calm, scale, success):
        if factor <= 0.0:
            n_zero += 1
        else:
            log_sum += math.log(factor)
    return (
        lost * _log_share(isolation, n_zero, log_sum),
        lost * _log_share(visibility, n_zero, log_sum),
        lost * _log_share(alignment, n_zero, log_sum),
        lost * _log_share(calm, n_zero, log_sum),
        lost * _log_share(scale, n_zero, log_sum),
        lost * _log_share(success, n_zero, log_sum),
    )


@rule
def reachable(n_cocreators, full, gain, p):
    """B: what the acts could yield over two stakes at best, net of what one co-creator invests."""
    least = least_gain(full, p)
    if n_cocreators == 0:
        return least
    return larger(p.engagement * full - p.investment, least) if n_cocreators == 1 else gain


@rule
def shortfall(
    kind, act_i, act_j, overlap, full, scale, spill, lost_to_credit, alignment, tension, success, overheads, p
):
    """First best less value of one tie in one step, in stakes, as twelve parts in the order of LOSSES.

    ``full`` is V; ``alignment``, ``tension`` and the rest are those in play; ``success`` is 0 after a setback;
    ``overheads`` those of both sides.
    """
    twice = 2.0 * p.duplication * overlap
    gain = first_best_gain(full, p)
    if kind == DORMANT:
        return 0.0, twice, gain, 0.0, 0.0, overheads, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if kind != PLAYED:
        return 0.0, twice, 0.0, 0.0, gain, overheads, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    n_cocreators = (1 if act_i == COCREATE else 0) + (1 if act_j == COCREATE else 0)
    invested = n_cocreators * p.investment * scale
    if act_i == COMPETE or act_j == COMPETE:
        rivalry = 2.0 * p.rivalry * scale if act_i == act_j else 0.0
        return rivalry, twice, gain, invested, 0.0, overheads, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    creation = full * engagement(act_i, p) * engagement(act_j, p)
    best = reachable(n_cocreators, full, gain, p)
    isolation, visibility, misaligned, tense, caution, setbacks = creation_lost(
        creation, spill / (1.0 + p.collective), 1.0 - lost_to_credit, alignment, 1.0 - tension, scale, success
    )
    return (
        0.0, twice * (1.0 - scale), gain - best, best - (creation - invested), 0.0, overheads,
        isolation, visibility, misaligned, tense, caution, setbacks,
    )  # fmt: skip
