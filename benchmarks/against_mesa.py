"""Runs per second of the compiled engine in a sweep, against two Mesa models of the same game.

Our own Mesa engine gives the same bits and records every series, ledger off. The idiomatic model
(benchmarks/idiomatic_mesa.py) is run by ``mesa.batch_run`` with its ``DataCollector``, as Mesa's tutorial does. Ours
is ``sim.simulation.observe``, what a sweep's worker calls, with population, series and summary. All: 100
organizations, 300 ties, 200 steps, levers 0, another seed each run, one process.
"""

from __future__ import annotations

import itertools

from mesa import batch_run

from benchmarks.idiomatic_mesa import Partnerships
from benchmarks.measured import Row, interleaved, ratios, row
from sim import Scenario
from sim.model import run_mesa
from sim.simulation import observe

MEASURES = ("value", "active", "mutual", "cocreate", "trust")
AIM = 1000.0  # times as many runs per second, at least


def compare(steps: int = 200, repeats: int = 3, n_ours: int = 50) -> list[Row]:
    """One round: a run of each Mesa model and ``n_ours`` of ours."""
    scenario, seeds = Scenario(steps=steps), itertools.count(1)

    def ours():
        for _ in range(n_ours):
            observe(scenario, next(seeds), MEASURES)

    tasks = {
        "ours": ours,
        "mesa": lambda: run_mesa(scenario, next(seeds), with_ledger=False),
        "idiomatic": lambda: _batch(steps, next(seeds)),
    }
    ours()  # compiles
    seconds = interleaved(tasks, repeats, warm_up=False)
    per_second = {name: [(n_ours if name == "ours" else 1) / s for s in taken] for name, taken in seconds.items()}
    return [
        row("compiled engine in a sweep", "runs per second", per_second["ours"]),
        row("our Mesa engine", "runs per second", per_second["mesa"]),
        row("idiomatic Mesa model, batch_run", "runs per second", per_second["idiomatic"]),
        row("compiled / our Mesa engine", "ratio", ratios(per_second["ours"], per_second["mesa"]), at_least=AIM),
        row("compiled / idiomatic Mesa", "ratio", ratios(per_second["ours"], per_second["idiomatic"]), at_least=AIM),
    ]


def _batch(steps: int, seed: int) -> list[dict]:
    """One run by ``mesa.batch_run``, collecting every step; quiet, in this process."""
    parameters = {"steps": steps, "seed": seed}
    return batch_run(
        Partnerships, parameters, iterations=1, max_steps=steps - 1, number_processes=1, data_collection_period=1,
        display_progress=False,
    )  # fmt: skip
