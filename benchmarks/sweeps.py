"""A sweep from the command line, as a user starts it: how much of the time computes, and what workers add.

Three designs of 100 organizations, 300 ties, 200 steps, measuring value. Every round starts afresh in a folder of its
own: on one worker, on two, and, where ``sweep`` has the option ``--dask``, on two processes of a Dask cluster on this
machine. Wall time is that of the whole command, with start-up, tables and figures; the session's, from
manifest.json, is that of running and storing alone.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from pathlib import Path

from benchmarks.measured import Row, Skipped, command, ratios, row, scaled

STUDY = """question = "What does a run cost in a sweep?"
replicates = {replicates}
measures = ["value"]
[designs.none]
[designs."half-hearted"]
levers = 0.3
[designs.full]
levers = 0.8
"""
N_DESIGNS = 3


def swept(replicates: int, *options: str) -> dict[str, float]:
    """Wall seconds of the command, and what its manifest says of the session."""
    with tempfile.TemporaryDirectory() as folder:
        study, out = Path(folder) / "cost.toml", Path(folder) / "out"
        study.write_text(STUDY.format(replicates=replicates))
        started = time.perf_counter()
        command("sweep", str(study), "--out", str(out), "--json", *options)
        wall = time.perf_counter() - started
        session = json.loads((out / "manifest.json").read_text())["sessions"][-1]
    return session | {"wall": wall}


def _rounds(replicates: int, repeats: int, options: dict[str, tuple[str, ...]]) -> dict[str, list[dict]]:
    """The sweeps of every round, after a short one that is not counted."""
    swept(2)
    sweeps = {name: [] for name in options}
    for _ in range(repeats):
        for name, given in options.items():
            sweeps[name].append(swept(replicates, *given))
    return sweeps


def _of(sweeps: list[dict], name: str) -> list[float]:
    return [each[name] for each in sweeps]


def workers(replicates: int = 600, repeats: int = 3) -> list[Row]:
    """Share of the time in the kernel on one worker; two workers against one."""
    sweeps = _rounds(replicates, repeats, {"one": ("--workers", "1"), "two": ("--workers", "2")})
    one, two, n_runs = sweeps["one"], sweeps["two"], replicates * N_DESIGNS
    kernel, session = _of(one, "kernel_seconds"), _of(one, "seconds")
    stored = [(each["seconds"] - each["worker_seconds"]) / n_runs * 1e6 for each in one]
    return [
        row(f"{n_runs} runs, one worker: the whole command", "s", _of(one, "wall")),
        row("one worker: kernel, of the session's time", "%", scaled(ratios(kernel, session), 100), at_least=80),
        row("one worker: kernel, of the whole command's time", "%", scaled(ratios(kernel, _of(one, "wall")), 100)),
        row("one worker: rows and storing, beside the workers", "µs per run", stored),
        row("one worker: start-up, tables and figures", "s", [a["wall"] - a["seconds"] for a in one]),
        row("two workers / one, session", "speed-up", ratios(session, _of(two, "seconds")), at_least=1.85),
        row("two workers / one, the whole command", "speed-up", ratios(_of(one, "wall"), _of(two, "wall"))),
    ]


def dask(replicates: int = 600, repeats: int = 3) -> list[Row]:
    """Two processes of a Dask cluster against two local workers."""
    if "--dask" not in command("sweep", "--help"):
        raise Skipped("`positivesum sweep` has no option --dask yet")
    with _cluster() as address:
        sweeps = _rounds(replicates, repeats, {"local": ("--workers", "2"), "dask": ("--dask", address)})
    local, remote = sweeps["local"], sweeps["dask"]
    return [
        row(f"{replicates * N_DESIGNS} runs on two local workers", "s", _of(local, "seconds")),
        row(f"{replicates * N_DESIGNS} runs on a Dask cluster of two", "s", _of(remote, "seconds")),
        row("Dask / local, session", "ratio", ratios(_of(remote, "seconds"), _of(local, "seconds")), at_most=1.1),
        row("Dask / local, the whole command", "ratio", ratios(_of(remote, "wall"), _of(local, "wall"))),
    ]


@contextlib.contextmanager
def _cluster():
    """Two single-threaded worker processes on loopback, and the address of their scheduler."""
    from benchmarks.scheduler import cluster

    with cluster() as running:
        yield running.scheduler_address
