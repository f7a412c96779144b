"""How long a study will take, from a few of its runs, timed."""

from __future__ import annotations

import time
from typing import NamedTuple

from experiments.plan import SECONDS_PER_RUN, Plan

_LONGEST = 0.5  # seconds that a pilot run may roughly take; longer scenarios are timed over fewer steps
_START = 1.0  # seconds until workers are there, roughly


class Pilot(NamedTuple):
    """``ratio``: measured seconds of a run over those that the plan assumes, of ``n`` runs."""

    ratio: float
    n: int

    def seconds(self, assumed: float, n_workers: int) -> float:
        """How long work assumed to take so many seconds of one core takes on this many workers."""
        return _START + assumed * self.ratio / n_workers


def timed(plan: Plan) -> Pilot:
    """Times the cheapest, the middle and the dearest scenario of a plan, each after a step that is not counted.

    What a scenario needs may have to be compiled first: every kind of network is a function of its own.
    """
    from sim.simulation import observe

    study, order = plan.study, plan.costs.argsort(kind="stable")
    chosen = dict.fromkeys(int(order[k]) for k in (0, len(order) // 2, len(order) - 1))
    measured = assumed = 0.0
    for cell in chosen:
        scenario, cost = plan.scenario(cell), float(plan.costs[cell])
        if cost > _LONGEST:
            steps = max(1, int(scenario.steps * _LONGEST / cost))
            cost = SECONDS_PER_RUN + (cost - SECONDS_PER_RUN) * steps / scenario.steps
            scenario = scenario.replace(steps=steps, events=(), phases=())
        try:
            observe(scenario.replace(steps=1, events=(), phases=()), study.seed, study.measures)
            began = time.perf_counter()
            observe(scenario, study.seed, study.measures, (), study.wants_better_off)
        except Exception:  # a run that fails is told when it is its turn
            continue
        measured += time.perf_counter() - began
        assumed += cost
    return Pilot(measured / assumed if assumed else 1.0, len(chosen))
