"""Runs comparisons by name (all of them without any), prints them, and writes them down.

    make bench
    python benchmarks/run.py c mesa sweep
    python benchmarks/run.py --list

Results are kept in results/benchmarks.json, comparison by comparison, and shown in docs/performance.md. Those that
were not run again stay as they were, with the day and the code they were measured on.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # this project, not another that is installed; and not this folder, whose names are common

from collections.abc import Callable  # noqa: E402

from benchmarks import tables  # noqa: E402
from benchmarks.measured import Row, Skipped  # noqa: E402


class Comparison(NamedTuple):
    """A comparison: its name, its title in the tables, and where it is measured (imported when it is)."""

    name: str
    title: str
    module: str
    function: str

    def measure(self) -> list[Row]:
        """The rows. Raises Skipped where it cannot be had here."""
        task: Callable[[], list[Row]] = getattr(__import__(f"benchmarks.{self.module}", fromlist=["_"]), self.function)
        return task()


COMPARISONS = (
    Comparison("c", "Plain C, 300 ties", "against_c", "small"),
    Comparison("bandwidth", "Plain C and memory bandwidth, 3 million ties", "against_c", "large"),
    Comparison("mesa", "Mesa", "against_mesa", "compare"),
    Comparison("axelrod", "Axelrod-Python", "others", "axelrod"),
    Comparison("egttools", "EGTtools", "others", "egttools"),
    Comparison("sweep", "A sweep from the command line", "sweeps", "workers"),
    Comparison("dask", "Dask", "sweeps", "dask"),
    Comparison("threads", "Threads on one large world", "scaling", "threads"),
    Comparison("scaling", "From a hundred organizations to a million", "scaling", "growth"),
    Comparison("memory", "Memory", "scaling", "memory"),
    Comparison("startup", "Starting up", "fixed", "startup"),
    Comparison("parts", "What a run is made of", "fixed", "parts"),
    Comparison("twins", "Twins behind `captured`", "fixed", "twins"),
    Comparison("scheduler", "Handing out work", "scheduler", "on_paper"),
)


def main(arguments: list[str]) -> int:
    """Measures what is asked for; returns the exit code."""
    known = {comparison.name: comparison for comparison in COMPARISONS}
    if "--list" in arguments:
        print("\n".join(f"{each.name:<12}{each.title}" for each in COMPARISONS))
        return 0
    unknown = [name for name in arguments if name not in known]
    if unknown:
        print(f"Error: no comparison is called {unknown[0]!r}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    failed = 0
    for name in arguments or known:
        print(f"\n{known[name].title} ({name})", flush=True)
        began, rows, reason = time.perf_counter(), [], ""
        try:
            rows = known[name].measure()
        except Skipped as skipped:
            reason = str(skipped)
            print(f"  skipped: {reason}")
        except Exception as error:  # the other comparisons are not to blame
            reason, failed = f"failed: {type(error).__name__}: {error}", 1
            print(f"  {reason}", file=sys.stderr)
        for row in rows:
            print(f"  {tables.line(row)}", flush=True)
        tables.keep(name, known[name].title, rows, reason, time.perf_counter() - began)
    tables.publish([each.name for each in COMPARISONS])
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
