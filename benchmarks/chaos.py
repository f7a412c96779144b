"""Disturbs sweeps in every way we can think of and holds what they leave against a sweep that nobody disturbed.

    python benchmarks/chaos.py --times 20 --seed 1

Moments, places and bits are drawn from the seed; which instruction a kill strikes is the machine's to say, and must
not matter. After each disturbance the same command is given again, and its folder must hold what the undisturbed one
holds, byte by byte, figures included; no run that was stored may be run again, no part that was whole written again.
Prints a table and writes results/chaos.json.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from pyarrow import parquet

HOME = Path(__file__).parents[1]
N_SWEEPS = 2  # undisturbed ones of a study
PATIENCE = 300.0  # seconds after which whatever we wait for is taken to hang
CHECKSUMS = "checksums.sha256"
STUDY = """question = "Does it pay?"
replicates = {replicates}
measures = ["value", "captured", "better_off"]
series = ["mutual"]
[base]
n_organizations = {n_organizations}
degree = 4
steps = {steps}
[worlds.growing]
[worlds.fixed]
synergy = 0
[designs.usual]
[designs.full]
levers = 0.8
{more}"""
POINTS = "[factors]\nrivalry = [0.1, 0.2, 0.3]\n"  # 12 cells: 6 and 9 replicates are cut into other batches
UNTIL = '{ until = { measure = "value", half_width = 0.02 }, min = 10, max = 60 }'
FAILING = """import sys
from experiments.cli import main
from sim import simulation
observe = simulation.observe
def failing(scenario, seed, *rest):
    if seed == 4 or (seed % 3 == 0 and scenario.synergy == 0):
        raise FloatingPointError("on purpose")
    return observe(scenario, seed, *rest)
simulation.observe = failing
sys.exit(main(sys.argv[1:]))
"""
JUMPING = """import datetime, importlib.util, os, random, sys, time
_draw, _time, _time_ns = random.Random(os.getpid()), time.time, time.time_ns
def _leap():
    return _draw.choice([-1, 1]) * _draw.uniform(0, 3e8)
time.time = lambda: _time() + _leap()
time.time_ns = lambda: _time_ns() + int(_leap() * 1e9)
class Leaping(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(time.time(), tz)
class Finder:  # datetime itself cannot be replaced: compiled libraries look at its size
    def find_spec(self, name, path=None, target=None):
        if name != "experiments.manifest":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module
        def loaded(module):
            load(module)
            module.datetime = Leaping
        spec.loader.exec_module = loaded
        return spec
sys.meta_path.insert(0, Finder())
"""


class Missing(Exception):
    """This machine lacks something that the case needs; the message says what."""


class Done(NamedTuple):
    """A command that has ended."""

    code: int
    complaints: str


class Trial(NamedTuple):
    """One disturbance: did the sweep behave as it should, did the same command end well, is everything as undisturbed,
    how many stored runs were run again, how many whole parts were written again; what happened."""

    is_resumed: bool
    is_identical: bool
    n_redone: int
    n_rewritten: int
    note: str


class Ground(NamedTuple):
    """A sweep that nobody disturbed, and the command for others like it."""

    study: Path
    whole: Path
    seconds: float
    replicates: int | None = None

    def sweep(self, folder: Path) -> list[str]:
        """What is typed."""
        more = [] if self.replicates is None else ["--replicates", str(self.replicates)]
        return ["sweep", str(self.study), "--out", str(folder), "--workers", "2", *more]

    @property
    def kinds(self) -> list[str]:
        """The tables of its parts."""
        return [kind for kind in ("runs", "series", "organizations") if (self.whole / kind).is_dir()]

    @property
    def n_parts(self) -> int:
        """How many batches it is stored in."""
        return len(list((self.whole / "runs").iterdir()))


# Commands and what they leave ----------------------------------------------------------------------------------------


def start(arguments: list[str], *, program=("-m", "experiments.cli"), environment=None) -> subprocess.Popen:
    """A command in a process group of its own, as at a terminal."""
    return subprocess.Popen(
        [sys.executable, *program, *arguments], cwd=HOME, env=os.environ | (environment or {}),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def ended(process: subprocess.Popen) -> Done:
    """Waits for it; what hangs is killed and raises TimeoutExpired."""
    try:
        _, complaints = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        kill(process)
        raise
    return Done(process.returncode, complaints)


def run(arguments: list[str], **how) -> Done:
    """A command from start to end."""
    return ended(start(arguments, **how))


def kill(process: subprocess.Popen, *, alone: bool = False) -> None:
    """kill -9 of the process group (``alone``: of the parent, whose workers are to end by themselves)."""
    process.kill() if alone else send_all(process, signal.SIGKILL)
    process.wait(PATIENCE)


def send_all(process: subprocess.Popen, number: int) -> None:
    """A signal to its group; to nobody once it has ended, because its number may be another's by then."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def until(what: Callable[[], object], process: subprocess.Popen) -> object:
    """Polls until ``what`` is true or the process has ended; what it came to."""
    deadline = time.monotonic() + PATIENCE
    while not (found := what()) and process.poll() is None:
        if time.monotonic() > deadline:
            kill(process)
            raise TimeoutError(f"nothing happened for {PATIENCE:g} s")
        time.sleep(0.001)
    return found


def n_stored_parts(folder: Path) -> int:
    """How many batches have been written."""
    return len(list(folder.glob("runs/part-*.parquet")))


def prints(folder: Path) -> dict[str, str]:
    """Hash of every file that a reader may look at but the manifest, which tells how it came about."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name not in ("manifest.json", ".lock")]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(paths)}


def whole_files(folder: Path) -> dict[tuple[str, str, Path], set[str]]:
    """Ids of the runs that went well in every part, in place or put aside, whose checksum is noted somewhere."""
    logs = [folder / CHECKSUMS, *folder.glob(f".bank/*/{CHECKSUMS}")]
    noted = {tuple(line.split()) for log in logs if log.exists() for line in log.read_bytes().splitlines()}
    found = {}
    for path in sorted([*folder.glob("*/part-*.parquet"), *folder.glob(".bank/*/*/part-*.parquet")]):
        kind, checksum = path.parent.name, hashlib.sha256(path.read_bytes()).hexdigest()
        if (checksum.encode(), f"{kind}/{path.name}".encode()) in noted:
            found[kind, path.stem, path.parents[1]] = _ids(path)
    return found


def _ids(path: Path) -> set[str]:
    table = parquet.ParquetFile(path).read()
    is_bad = table["status"].to_pylist() if "status" in table.column_names else []
    pairs = zip(table["run_id"].to_pylist(), is_bad or ["ok"] * len(table), strict=True)
    return {run_id for run_id, status in pairs if status == "ok"}


class Snapshot(NamedTuple):
    """What a folder held before the command was given again."""

    run_ids: set[str]  # of runs all of whose tables are stored
    parts: dict[str, tuple]  # inode and time of writing of every part that is as it will be in the end
    n_sessions: int


def snapshot(folder: Path, ground: Ground) -> Snapshot:
    """Looks at everything, without the help of the program."""
    files, last = whole_files(folder), prints(ground.whole)
    ids = [set().union(*(ids for (k, _, _), ids in files.items() if k == kind)) for kind in ground.kinds]
    kept = {}
    for name in {name for _, name, place in files if place == folder}:
        paths = [folder / kind / f"{name}.parquet" for kind in ground.kinds]
        now = {str(p.relative_to(folder)): p for p in paths if p.exists()}
        is_whole = all((kind, name, folder) in files for kind in ground.kinds)
        if is_whole and all(hashlib.sha256(p.read_bytes()).hexdigest() == last.get(key) for key, p in now.items()):
            kept |= {key: _birth(p) for key, p in now.items()}
    return Snapshot(set.intersection(*ids), kept, len(sessions(folder)))


def _birth(path: Path) -> tuple[int, int]:
    return path.stat().st_ino, path.stat().st_mtime_ns


def sessions(folder: Path) -> list[dict]:
    """What the manifest tells of the sessions so far."""
    path = folder / "manifest.json"
    return json.loads(path.read_text())["sessions"] if path.exists() else []


def judged(folder: Path, ground: Ground, before: Snapshot, is_well: bool, note: str) -> Trial:
    """Holds a folder against the undisturbed one."""
    runs = parquet.read_table(folder / "runs") if (folder / "runs").is_dir() else None
    ids = runs["run_id"].to_pylist() if runs else []
    wanted = parquet.read_table(ground.whole / "runs")["run_id"].to_pylist()
    litter = [*folder.parent.glob(".aside-*"), *folder.rglob(".aside-*"), *folder.glob(".bank")]
    is_identical = ids == wanted and set(runs["status"].to_pylist()) == {"ok"} and not litter
    is_identical &= prints(folder) == prints(ground.whole)
    n_run = sum(session["runs"] for session in sessions(folder)[before.n_sessions :])
    n_redone = n_run - (len(wanted) - len(before.run_ids & set(wanted)))
    n_rewritten = sum(birth != _birth(folder / key) for key, birth in before.parts.items() if (folder / key).exists())
    if not is_identical:
        note += f"; differs: {_difference(prints(folder), prints(ground.whole))} {[str(path) for path in litter]}"
    return Trial(is_well, is_identical, n_redone, n_rewritten, note)


def _difference(found: dict[str, str], wanted: dict[str, str]) -> list[str]:
    return sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))[:5]


def resumed(folder: Path, ground: Ground, arguments: list[str] | None = None, *, note: str = "", **how) -> Trial:
    """Gives the same command again, to its end, and judges."""
    before = snapshot(folder, ground)
    done = run(arguments or ground.sweep(folder), **how)
    complaint = "" if done.code == 0 else f"; exit {done.code}: {done.complaints[-300:]}"
    return judged(folder, ground, before, done.code == 0, note + complaint)


# What may happen -----------------------------------------------------------------------------------------------------


def killed(ground: Ground, folder: Path, luck: random.Random, *, alone: bool = False) -> Trial:
    """kill -9 at any moment between start-up and publishing; every other time a moment between two parts."""
    process = start(ground.sweep(folder))
    moment = luck.uniform(0, ground.seconds)
    if luck.random() < 0.5:  # much of that time is start-up and figures
        n, moment = luck.randrange(1, ground.n_parts), luck.uniform(0, 0.05)
        until(lambda: n_stored_parts(folder) >= n, process)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(moment)
    n = n_stored_parts(folder)
    kill(process, alone=alone)
    return resumed(folder, ground, note=_when(folder, n, ground))


def _when(folder: Path, n: int, ground: Ground) -> str:
    if not (folder / "manifest.json").exists():
        return "before the first part"
    is_complete = json.loads((folder / "manifest.json").read_text())["is_complete"]
    return "at the end" if is_complete else "before the first part" if n == 0 else "between parts"


def killed_parent(ground: Ground, folder: Path, luck: random.Random) -> Trial:
    """kill -9 of the parent alone."""
    return killed(ground, folder, luck, alone=True)


def killed_worker(ground: Ground, folder: Path, luck: random.Random, *, server: bool = False) -> Trial:
    """kill -9 of one worker (or of the process that forks them): the sweep goes on, and no command is given again."""
    process = start(ground.sweep(folder))
    n = luck.randrange(ground.n_parts - 2)
    until(lambda: n_stored_parts(folder) >= n and workers(process), process)
    found = workers(process, server=server)
    with contextlib.suppress(ProcessLookupError):
        if found:
            os.kill(luck.choice(found), signal.SIGKILL)
    done = ended(process)
    note = "struck" if found else "too late"
    return judged(folder, ground, Snapshot(set(), {}, 0), done.code == 0, note)


def killed_server(ground: Ground, folder: Path, luck: random.Random) -> Trial:
    """kill -9 of the process that forks the workers."""
    return killed_worker(ground, folder, luck, server=True)


def workers(process: subprocess.Popen, *, server: bool = False) -> list[int]:
    """Process ids of a sweep's workers, or of the process that forks them, as /proc tells them."""
    if not Path("/proc/self/stat").exists():
        raise Missing("/proc, where workers are found")
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent, group = path.read_text().rpartition(")")[2].split()[:3]
            if int(group) == process.pid and state != "Z":
                parents[int(path.parent.name)] = int(parent)
    found = [pid for pid, parent in parents.items() if parents.get(parent) == process.pid]
    return [parents[pid] for pid in found][:1] if server else found


def extended(ground: Ground, folder: Path, luck: random.Random) -> Trial:
    """kill -9 while a finished study of 6 replicates grows to 9, before what was put aside has been taken over."""
    shutil.copytree(ground.whole.with_name("six"), folder)
    return _killed_with_bank(ground, folder, luck, ground.sweep(folder))


def retried(ground: Ground, folder: Path, luck: random.Random) -> Trial:
    """kill -9 while failed runs are run again; then the same command."""
    shutil.copytree(ground.whole.with_name("failed"), folder)
    return _killed_with_bank(ground, folder, luck, ["retry", str(folder), "--workers", "2"])


def _killed_with_bank(ground: Ground, folder: Path, luck: random.Random, arguments: list[str]) -> Trial:
    """As parts are put aside, or as they are made anew: now and then all are by the time that the kill comes."""
    n_before, n = n_noted(folder), luck.randrange(-8, 12)
    process = start(arguments)
    until((folder / ".bank").exists, process)
    if n < 0:
        until(lambda: len(list(folder.glob(".bank/*/runs/*"))) >= -n, process)
    else:
        until(lambda: n_noted(folder) >= n_before + n, process)
    time.sleep(luck.choice([0.0, luck.uniform(0, 0.05)]))
    kill(process)
    return resumed(folder, ground, arguments, note=f"{'with' if (folder / '.bank').exists() else 'without'} .bank")


def n_noted(folder: Path) -> int:
    """Lines of checksums that tell of runs."""
    return (folder / CHECKSUMS).read_text().count("runs/")


def between_stages(ground: Ground, folder: Path, luck: random.Random) -> Trial:
    """kill -9 around the moment at which a study decides how many replicates more it takes."""
    ends = json.loads((ground.whole.parent / "stages.json").read_text())
    process, n = start(ground.sweep(folder)), luck.choice(ends)
    until(lambda: n_stored_parts(folder) >= n, process)
    time.sleep(luck.choice([0.0, 0.0, luck.uniform(0, 0.2)]))
    kill(process)
    return resumed(folder, ground, note=f"after stage {ends.index(n) + 1}")


def signalled(ground: Ground, folder: Path, luck: random.Random, number: int = signal.SIGINT) -> Trial:
    """Ctrl-C as a terminal sends it, to all, or a SIGTERM to the parent: batches in flight are stored, and it is said
    how to go on."""
    process = start(ground.sweep(folder))
    n = luck.randrange(1, ground.n_parts // 2)
    until(lambda: n_stored_parts(folder) >= n, process)
    send_all(process, number) if number == signal.SIGINT else process.send_signal(number)
    done = ended(process)
    is_well = done.code == 128 + number and "goes on from there" in (done.complaints.splitlines() or [""])[-1]
    is_well &= "Traceback" not in done.complaints and not list(folder.rglob(".aside-*"))
    n_whole = sum(1 for kind, _, _ in whole_files(folder) if kind == "runs")
    is_well &= n_whole == n_stored_parts(folder) < ground.n_parts  # no part without its checksum
    is_well &= sessions(folder)[-1]["runs"] == len(snapshot(folder, ground).run_ids)
    trial = resumed(folder, ground, note=f"exit {done.code}" + ("" if is_well else f": {done.complaints[-300:]}"))
    return trial._replace(is_resumed=trial.is_resumed and is_well)


def terminated(ground: Ground, folder: Path, luck: random.Random) -> Trial:
    """SIGTERM to the parent."""
    return signalled(ground, folder, luck, signal.SIGTERM)


def signalled_anytime(ground: Ground, folder: Path, luck: random.Random) -> Trial:
    """SIGINT or SIGTERM to the whole group, from start-up to publishing: whatever it says, nothing is lost."""
    process, number = start(ground.sweep(folder)), luck.choice([signal.SIGINT, signal.SIGTERM])
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(luck.uniform(0, ground.seconds))
    send_all(process, number)
    return resumed(folder, ground, note=f"{number.name} exit {ended(process).code}")


def together(ground: Ground, folder: Path, luck: random.Random) -> Trial:
    """A second sweep into the same folder while the first is at work: refused, and the first goes on."""
    first = start(ground.sweep(folder))
    until((folder / "manifest.json").exists, first)
    with contextlib.suppress(subprocess.TimeoutExpired):
        first.wait(luck.uniform(0, ground.seconds / 2))
    second = run(ground.sweep(folder))
    done = ended(first)
    is_refused = second.code == 2 and "another sweep is at work" in second.complaints
    note = f"exits {done.code} and {second.code}"
    is_well = done.code == 0 and (is_refused or second.code == 0)  # 0 where the first had ended by then
    return judged(folder, ground, Snapshot(set(), {}, 0), is_well, note)


def damaged(ground: Ground, folder: Path, luck: random.Random) -> Trial:
    """A file cut off or one of its bits flipped: what can no longer be trusted is run again, and nothing else."""
    shutil.copytree(ground.whole, folder)
    kind = luck.choice([*ground.kinds, CHECKSUMS])
    path = folder / kind if kind == CHECKSUMS else luck.choice(sorted((folder / kind).iterdir()))
    data, is_cut = path.read_bytes(), luck.random() < 0.5
    at = luck.randrange(len(data))
    path.write_bytes(data[:at] if is_cut else data[:at] + bytes([data[at] ^ 1 << luck.randrange(8)]) + data[at + 1 :])
    return resumed(folder, ground, note=f"{kind} {'cut off' if is_cut else 'flipped'}")


def full_disk(ground: Ground, folder: Path, luck: random.Random) -> Trial:
    """A disk that is full at some point: one sentence, exit 2; once there is room, the same command goes on."""
    with small_disk(folder.parent / f"disk-{folder.name}", luck.randrange(8, n_kilobytes(ground.whole))) as disk:
        done = run(ground.sweep(disk / "out"))
        sentence = done.complaints.splitlines()[-1]
        is_well = done.code == 0 or (done.code == 2 and sentence.startswith("Error:") and "no space left" in sentence)
        mount("-o", "remount,size=256m", str(disk))
        trial = resumed(disk / "out", ground, note=f"exit {done.code}" + ("" if is_well else f": {sentence}"))
    return trial._replace(is_resumed=trial.is_resumed and is_well)


def read_only(ground: Ground, folder: Path, luck: random.Random) -> Trial:
    """A folder that has become read-only: one sentence, exit 2, nothing touched; then it is writable again."""
    with small_disk(folder.parent / f"disk-{folder.name}", 1 << 18) as disk:
        out, n = disk / "out", luck.randrange(1, ground.n_parts)
        process = start(ground.sweep(out))
        until(lambda: n_stored_parts(out) >= n, process)
        kill(process)
        before = prints(out)
        mount("-o", "remount,ro", str(disk))
        done = run(ground.sweep(out))
        is_well = done.code == 2 and "read-only" in done.complaints and prints(out) == before
        mount("-o", "remount,rw", str(disk))
        trial = resumed(out, ground, note=f"exit {done.code}" + ("" if is_well else f": {done.complaints[-300:]}"))
    return trial._replace(is_resumed=trial.is_resumed and is_well)


def n_kilobytes(folder: Path) -> int:
    """What its files take on a disk of pages of 4 kB."""
    return sum(4 * -(-path.stat().st_size // 4096) for path in folder.rglob("*") if path.is_file())


@contextlib.contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[Path]:
    """A disk in memory. Raises Missing where we may not mount one."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("mount"):
        raise Missing("the right to mount a disk in memory (root)")
    place.mkdir()
    try:
        mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place))
    except subprocess.CalledProcessError as error:
        raise Missing(f"a disk in memory: {error.stderr.decode().strip()}") from None
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def mount(*arguments: str) -> None:
    """The system's mount."""
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def clock_jumps(ground: Ground, folder: Path, luck: random.Random) -> Trial:
    """A clock that leaps by years, forward and back, all the time; killed half-way, and resumed under the same."""
    with jumping_clock(folder.with_name(f"clock-{folder.name}"), luck) as (environment, how):
        process = start(ground.sweep(folder), environment=environment)
        n = luck.randrange(1, ground.n_parts)
        until(lambda: n_stored_parts(folder) >= n, process)
        kill(process)
        years = [session["began"][:4] for session in sessions(folder)]
        trial = resumed(folder, ground, note=how, environment=environment)
        is_well = any(year != str(time.gmtime().tm_year) for year in years)
    return trial._replace(note=trial.note if is_well else f"{how} (this one did not jump)")


@contextlib.contextmanager
def jumping_clock(place: Path, luck: random.Random) -> Iterator[tuple[dict[str, str], str]]:
    """The environment in which a process sees such a clock, by libfaketime if it is there, else inside Python alone."""
    place.mkdir()
    asked = os.environ.get("LIBFAKETIME", "")
    library = next((path for path in [Path(asked or "/nowhere"), *_faketimes()] if path.exists()), None)
    if library is None:
        (place / "sitecustomize.py").write_text(JUMPING)
        yield {"PYTHONPATH": os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")])}, "time.time and datetime"
        return
    offset, is_over = place / "offset", threading.Event()

    def leap():
        while not is_over.is_set():
            (place / "new").write_text(f"{luck.choice('+-')}{luck.randrange(1, 300_000_000)}\n")
            (place / "new").replace(offset)
            is_over.wait(0.02)

    offset.write_text("+100000000\n")
    leaping = threading.Thread(target=leap)
    leaping.start()
    try:
        yield {
            "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }, "libfaketime"  # fmt: skip
    finally:
        is_over.set()
        leaping.join()


def _faketimes() -> list[Path]:
    return sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


# Grounds, and the table ----------------------------------------------------------------------------------------------

CASES: dict[str, tuple[str, Callable[[Ground, Path, random.Random], Trial]]] = {
    "kill -9 of all at any moment": ("plain", killed),
    "kill -9 of the parent alone at any moment": ("plain", killed_parent),
    "kill -9 of one worker": ("plain", killed_worker),
    "kill -9 of the server that forks workers": ("plain", killed_server),
    "kill -9 while 6 replicates grow to 9": ("points", extended),
    "kill -9 during retry": ("points", retried),
    "kill -9 between stages": ("stages", between_stages),
    "Ctrl-C": ("plain", signalled),
    "SIGTERM": ("plain", terminated),
    "SIGINT or SIGTERM to all at any moment": ("plain", signalled_anytime),
    "two sweeps into one folder": ("plain", together),
    "a file cut off or a bit flipped": ("points", damaged),
    "the same in a study in stages": ("stages", damaged),
    "a full disk": ("plain", full_disk),
    "a read-only folder": ("plain", read_only),
    "a clock that jumps": ("plain", clock_jumps),
}


def ground(place: Path, text: str, replicates: int | None = None) -> Ground:
    """Sweeps a study undisturbed; the last time, with warm caches, is timed."""
    place.mkdir(parents=True)
    study = place / "study.toml"
    study.write_text(text)
    made = Ground(study, place / "whole", 0.0, replicates)
    began = 0.0
    for _ in range(N_SWEEPS):
        shutil.rmtree(made.whole, ignore_errors=True)
        began = time.monotonic()
        done = run(made.sweep(made.whole))
        if done.code:
            raise RuntimeError(done.complaints)
    return made._replace(seconds=time.monotonic() - began)


def text_of(*, n_organizations: int, steps: int, replicates="9", more: str = "") -> str:
    """A study of two worlds and two designs."""
    return STUDY.format(n_organizations=n_organizations, steps=steps, replicates=replicates, more=more)


def plain(place: Path, n_organizations: int = 60, steps: int = 300) -> Ground:
    """36 runs in 36 batches."""
    return ground(place, text_of(n_organizations=n_organizations, steps=steps))


def points(place: Path, n_organizations: int = 30, steps: int = 60) -> Ground:
    """108 runs in 36 batches; beside it the same with 6 replicates, and one in which 24 runs failed."""
    text = text_of(n_organizations=n_organizations, steps=steps, replicates="6", more=POINTS)
    made = ground(place, text, replicates=9)
    six = made._replace(replicates=None)
    if run(six.sweep(place / "six")).code != 0:
        raise RuntimeError("the sweep of 6 replicates did not end well")
    arguments = [word if word != "2" else "1" for word in made.sweep(place / "failed")]
    if run(arguments, program=("-c", FAILING)).code != 1:
        raise RuntimeError("the sweep whose runs fail on purpose did not end as it should")
    return made


def stages(place: Path, n_organizations: int = 20, steps: int = 40) -> Ground:
    """A study that asks for an interval; stages.json tells after how many parts it decided."""
    made = ground(place, text_of(n_organizations=n_organizations, steps=steps, replicates=UNTIL))
    done = run(made.sweep(place / "again"))
    totals = [int(line.split()[-3]) for line in done.complaints.splitlines() if "still too wide" in line]
    rows = [len(parquet.ParquetFile(path).read(["run_id"])) for path in sorted((place / "again" / "runs").iterdir())]
    first = sum(rows) if not totals else int(done.complaints.split("study: ")[1].split()[0])
    sums = [sum(rows[: k + 1]) for k in range(len(rows))]
    ends = [sums.index(n) + 1 for n in [first, *totals] if n in sums]
    (place / "stages.json").write_text(json.dumps(ends[:-1] or ends))
    return made


def measured(name: str, grounds: dict[str, Ground], times: int, seed: int) -> dict:
    """One case, so many times."""
    key, case = CASES[name]
    trials, seconds = [], []
    for k in range(times):
        folder = grounds[key].whole.parent / f"trial-{list(CASES).index(name)}-{k}"
        began = time.monotonic()
        try:
            trials.append(case(grounds[key], folder, random.Random(f"{seed} {name} {k}")))
        except Missing as missing:
            return {"case": name, "times": 0, "skipped": f"this machine lacks {missing}"}
        seconds.append(time.monotonic() - began)
        if trials[-1].is_resumed and trials[-1].is_identical:
            shutil.rmtree(folder, ignore_errors=True)
    bad = [t.note for t in trials if not (t.is_resumed and t.is_identical) or t.n_redone or t.n_rewritten]
    return {
        "case": name, "times": times, "resumed": sum(t.is_resumed for t in trials),
        "identical": sum(t.is_identical for t in trials), "runs_redone": sum(t.n_redone for t in trials),
        "parts_rewritten": sum(t.n_rewritten for t in trials), "seconds": round(sum(seconds), 1),
        "notes": dict(Counter(trial.note for trial in trials if trial.note not in bad)), "bad": bad,
    }  # fmt: skip


def row_of(row: dict) -> str:
    """A line of the table."""
    if "skipped" in row:
        return f"{row['case']:<44}  skipped: {row['skipped']}"
    numbers = (row[key] for key in ("times", "resumed", "identical", "runs_redone", "parts_rewritten", "seconds"))
    notes = ", ".join(f"{n} x {note}" for note, n in sorted(row["notes"].items()))
    return "  ".join([f"{row['case']:<44}", *(f"{number:>10}" for number in numbers), notes])


def main() -> int:
    """Disturb, judge, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--only", nargs="+", default=[""], help="cases whose name holds one of these; others are kept")
    parser.add_argument("--out", type=Path, default=HOME / "results" / "chaos.json")
    asked = parser.parse_args()
    names = [name for name in CASES if any(words in name for words in asked.only)]
    rows = []
    before = json.loads(asked.out.read_text())["cases"] if asked.out.exists() else []
    kept = [row for row in before if row["case"] in CASES and row["case"] not in names]
    with tempfile.TemporaryDirectory(prefix="chaos-") as place:
        makers = {"plain": plain, "points": points, "stages": stages}
        grounds = {key: makers[key](Path(place, key)) for key in dict.fromkeys(CASES[name][0] for name in names)}
        heads = ("times", "resumed", "identical", "redone", "rewritten", "seconds")
        print("  ".join([f"{'case':<44}", *(f"{head:>10}" for head in heads), "what happened"]), flush=True)
        for name in names:
            rows.append(measured(name, grounds, asked.times, asked.seed))
            print(row_of(rows[-1]), flush=True)
            for note in rows[-1].get("bad", []):
                print(f"    {note}", flush=True)
            asked.out.parent.mkdir(parents=True, exist_ok=True)
            asked.out.write_text(json.dumps({"seed": asked.seed, "cases": kept + rows}, indent=1) + "\n")
    return int(any(row.get("bad") for row in rows))


if __name__ == "__main__":
    sys.exit(main())
