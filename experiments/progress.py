"""What a person sees of a sweep while it runs, and how it is asked to stop."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:  # the command line imports this before it knows whether anything is to be run
    from experiments.plan import Plan

STOPPING = "Stopping when the batches in flight are stored; once more (Ctrl-C) stops at once."


class Teller:
    """Says how many runs there are and how long they will take; then a bar at a terminal, elsewhere a line a tenth."""

    def __init__(self, plan: Plan, n_workers: int, *, where: str = ""):
        self.plan, self.n_workers, self.where = plan, n_workers, where
        self.total, self.done, self.told = plan.n_jobs, 0, 0
        self.began = time.monotonic()
        self.bar = None

    def announce(self, n_missing: int, assumed_seconds: float) -> None:
        """How much is left to run; nothing is timed where nothing is."""
        if n_missing:
            click.echo(self._line(n_missing, assumed_seconds), err=True)
        if sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=self.total, unit="run", desc=self.plan.study.name, file=sys.stderr)

    def expect(self, n: int, n_missing: int) -> None:
        """So many runs more, because intervals are still too wide, of which some may be stored already."""
        self.total += n
        if self.bar is not None:
            self.bar.total = self.total
            self.bar.refresh()
        elif n_missing:
            click.echo(f"intervals are still too wide: {runs(n)} more, {self.total} in all", err=True)

    def advance(self, n: int) -> None:
        """So many runs more are stored."""
        self.done += n
        if self.bar is not None:
            self.bar.update(n)
        elif 10 * self.done // self.total > self.told:
            self.told = 10 * self.done // self.total
            stamp = duration(time.monotonic() - self.began)
            click.echo(f"{10 * self.told} %: {self.done} of {self.total} runs stored, {stamp}", err=True)

    def close(self) -> None:
        """The bar ends where it stands."""
        if self.bar is not None:
            self.bar.close()

    def _line(self, n_missing: int, assumed_seconds: float) -> str:
        stored = f", {self.total - n_missing} of them stored before" if n_missing < self.total else ""
        most = self.plan.most_jobs
        until = f" to begin with, {most} at most" if self.plan.study.until and most > self.total else ""
        return f"{self.plan.study.name}: {runs(self.total)}{until}{stored}; {self.estimate(assumed_seconds)}"

    def estimate(self, assumed_seconds: float) -> str:
        """Time from a timed pilot, and disk."""
        from experiments import pilot

        timed = pilot.timed(self.plan)
        size = self.plan.estimated_bytes() / 1e6
        disk = f"{size / 1000:.1f} GB" if size >= 1000 else f"{max(1, round(size))} MB"
        workers = "1 worker" if self.n_workers == 1 else f"{self.n_workers} workers"
        seconds = duration(timed.seconds(assumed_seconds, self.n_workers))
        pilots = "1 pilot run" if timed.n == 1 else f"{timed.n} pilot runs"
        return f"about {seconds} with {workers}{self.where} (from {pilots}), about {disk} on disk"


def runs(n: int) -> str:
    """``1 run``, ``24 runs``."""
    return "1 run" if n == 1 else f"{n} runs"


def duration(seconds: float) -> str:
    """A length of time in the unit that suits it."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(1, round(seconds))} s"


class Stop:
    """Whether somebody asked to stop (Ctrl-C, or a cluster's SIGTERM before it takes the machine away)."""

    def __init__(self):
        self.signal = 0

    def __call__(self) -> bool:
        return bool(self.signal)

    def asked(self, number, frame) -> None:
        """The first time: finish what is in flight. Ctrl-C a second time: at once."""
        if self.signal and number == signal.SIGINT:
            raise KeyboardInterrupt
        if not self.signal:
            click.echo(STOPPING, err=True)
        self.signal = number


@contextlib.contextmanager
def stoppable() -> Iterator[Stop]:
    """Within the block, a signal to end is an order to stop at the next batch."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
