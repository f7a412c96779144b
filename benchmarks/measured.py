"""Measuring side by side: interleaved repeats, medians with their range, and rows of the tables of results."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Skipped(RuntimeError):
    """A comparison that cannot be had on this machine, and why."""


class Row(NamedTuple):
    """One number of a comparison: its median over repeats, the smallest and the largest; and what was aimed at."""

    name: str
    unit: str
    median: float
    low: float
    high: float
    aim: float | None = None
    is_ceiling: bool = True  # the aim is to stay below it; otherwise to reach it

    def verdict(self) -> str:
        """Whether the aim is met, or by how much it is missed; empty without an aim."""
        if self.aim is None:
            return ""
        if self.median <= self.aim if self.is_ceiling else self.median >= self.aim:
            return "met"
        return f"missed by {abs(self.median / self.aim - 1.0):.0%}"


def row(name: str, unit: str, values: Sequence[float], *, at_most: float | None = None, at_least: float | None = None):
    """The row of repeated measurements."""
    aim = at_most if at_least is None else at_least
    return Row(name, unit, statistics.median(values), min(values), max(values), aim, at_least is None)


def timed(task: Callable[[], object]) -> float:
    """Seconds that one call takes (wall clock)."""
    started = time.perf_counter()
    task()
    return time.perf_counter() - started


def interleaved(tasks: dict[str, Callable[[], object]], repeats: int, warm_up: bool = True) -> dict[str, list[float]]:
    """Seconds of each task in each round; a round calls every task once, so that a drifting machine hits all alike.

    ``warm_up``: a first round that is not counted.
    """
    if warm_up:
        for task in tasks.values():
            task()
    seconds = {name: [] for name in tasks}
    for _ in range(repeats):
        for name, task in tasks.items():
            seconds[name].append(timed(task))
    return seconds


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Round by round, one by the other."""
    return [a / b for a, b in zip(numerators, denominators, strict=True)]


def scaled(values: Sequence[float], by: float) -> list[float]:
    """Every value times ``by``."""
    return [value * by for value in values]


def python(*arguments: str, **environment: str) -> str:
    """What a fresh Python prints, started from the root of the project. Raises where it fails."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)[:80]} failed: {done.stderr.strip()[-800:]}")
    return done.stdout


def command(*arguments: str, **environment: str) -> str:
    """What the command line prints, as a user would call it."""
    return python("-m", "experiments.cli", *arguments, **environment)
