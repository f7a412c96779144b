"""However a sweep is run, interrupted and resumed, its tables are the same, byte by byte; nothing is done twice."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import pytest

from experiments import executors, manifest, parts, publish, runner, store
from experiments.errors import StoreError
from experiments.plan import make_plan
from experiments.runner import run_sweep
from experiments.study import read_study
from sim import simulation

TEXT = """
question = "Does it pay?"
replicates = 9
measures = ["value", "captured", "better_off"]
series = ["mutual"]
[base]
n_organizations = 10
degree = 2
steps = 8
[worlds.growing]
[worlds.fixed]
synergy = 0
[designs.usual]
[designs.full]
levers = 0.8
"""


class Crash(BaseException):
    """A kill in the middle of things."""


@pytest.fixture
def plan(tmp_path):
    return plan_of(tmp_path)


def plan_of(folder: Path, text: str = TEXT, **options):
    path = folder / "study.toml"
    path.write_text(text)
    return make_plan(read_study(path, **options))


def contents(folder: Path) -> dict[str, str]:
    """Hash of every table in a results folder; nothing else may stand beside the parts."""
    paths = sorted(path for kind in parts.KINDS for path in (folder / kind).iterdir())
    paths += [folder / name for name in ("means.csv", "comparison.csv", "checksums.sha256")]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def finish(plan, folder: Path, **options):
    """Sweeps and writes the tables."""
    report = run_sweep(plan, folder, **options)
    publish.write_tables(folder, publish.results_of(folder, plan))
    return report


@pytest.fixture
def whole(plan, tmp_path) -> dict[str, str]:
    """The tables of a sweep that nobody interrupted."""
    finish(plan, tmp_path / "whole")
    return contents(tmp_path / "whole")


# The same results, however they are made -----------------------------------------------------------------------------


def test_one_worker_and_several_give_the_same_bytes(plan, whole, tmp_path):
    finish(plan, tmp_path / "pool", n_workers=2)
    assert contents(tmp_path / "pool") == whole


def test_a_crash_at_any_write_is_mended_by_the_same_command(plan, whole, tmp_path, monkeypatch):
    rename = os.replace
    n_renames = 2 + 3 * len(plan.batches)  # study and manifest, then three parts per batch
    for last in [*range(6), n_renames // 2, n_renames - 1]:
        done = []

        def dying(source, target, last=last, done=done):
            if len(done) == last:
                raise Crash
            done.append(target)
            rename(source, target)

        folder = tmp_path / f"crash-{last}"
        monkeypatch.setattr(store.os, "replace", dying)
        with pytest.raises(Crash):
            run_sweep(plan, folder)
        monkeypatch.setattr(store.os, "replace", rename)
        n_stored = (folder / parts.CHECKSUMS).read_text().count("runs/") if (folder / parts.CHECKSUMS).exists() else 0
        report = finish(plan, folder)
        assert report.n_new == plan.n_jobs - sum(batch.end - batch.first for batch in plan.batches[:n_stored])
        assert contents(folder) == whole


def test_a_sweep_killed_at_any_moment_resumes(whole, tmp_path):
    folder = tmp_path / "killed"
    command = [
        sys.executable,
        "-m",
        "experiments.cli",
        "sweep",
        str(tmp_path / "study.toml"),
        "--out",
        str(folder),
        "--workers",
        "2",
    ]
    for n_parts in (1, 5):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[1]
        )
        while process.poll() is None and len(list(folder.glob("runs/part-*"))) < n_parts:
            time.sleep(0.002)
        process.kill()
        process.wait()
    finish(plan_of(tmp_path), folder)
    assert contents(folder) == whole


def test_nothing_is_done_twice(plan, tmp_path, monkeypatch):
    finish(plan, tmp_path / "results")
    before = contents(tmp_path / "results")
    monkeypatch.setattr(simulation, "observe", None)  # whoever calls it now fails
    report = finish(plan, tmp_path / "results")
    assert (report.n_runs, report.n_new) == (plan.n_jobs, 0)
    assert contents(tmp_path / "results") == before


def test_only_a_missing_part_is_made_again(plan, whole, tmp_path):
    finish(plan, tmp_path / "results")
    (tmp_path / "results" / "runs" / "part-000003.parquet").unlink()
    report = finish(plan, tmp_path / "results")
    assert report.n_new == plan.batches[3].end - plan.batches[3].first
    assert contents(tmp_path / "results") == whole


def test_the_sweep_gives_the_numbers_of_the_front_door(plan, tmp_path):
    run_sweep(plan, tmp_path / "results")
    runs = parts.read_table(tmp_path / "results", "runs")
    row = runs[(runs["world"] == "growing") & (runs["design"] == "full") & (runs["replicate"] == 4)].iloc[0]
    result = simulation.simulate(plan.study.scenario("growing", "full"), seed=int(row["seed"]))
    assert row["value"] == result.summary["value"]
    assert np.array_equal(row["captured"], result.summary["captured"], equal_nan=True)
    series = parts.read_table(tmp_path / "results", "series")
    assert series[series["run_id"] == row["run_id"]]["mutual"].tolist() == result.series["mutual"].tolist()


# What is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (TEXT.replace("synergy = 0", "synergy = 1"), {}, "earlier version"),
        (TEXT, {"replicates": 4}, "9 replicates, not 4"),
        (TEXT, {"settings": {"steps": 9}}, "other settings"),
    ],
)
def test_another_study_is_refused_and_touches_nothing(plan, tmp_path, text, options, words):
    finish(plan, tmp_path / "results")
    before = contents(tmp_path / "results") | {"manifest": (tmp_path / "results" / "manifest.json").read_text()}
    with pytest.raises(StoreError, match=f"{words}.*--out, or remove"):
        run_sweep(plan_of(tmp_path, text, **options), tmp_path / "results")
    assert contents(tmp_path / "results") | {"manifest": (tmp_path / "results" / "manifest.json").read_text()} == before


def test_results_of_other_code_are_refused(plan, tmp_path, monkeypatch):
    run_sweep(plan, tmp_path / "results")
    monkeypatch.setattr(manifest, "code_hash", lambda: "0" * 16)
    with pytest.raises(StoreError, match="other code"):
        run_sweep(plan, tmp_path / "results")


def test_a_folder_of_somebody_else_is_refused_and_left_alone(plan, tmp_path):
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter.txt").write_text("years of work")
    with pytest.raises(StoreError, match=r"chapter\.txt"):
        run_sweep(plan, folder)
    assert os.listdir(folder) == ["chapter.txt"]


def test_a_second_sweep_in_the_same_folder_is_refused(plan, tmp_path):
    with store.claimed(tmp_path / "results"), pytest.raises(StoreError, match="another sweep"):
        run_sweep(plan, tmp_path / "results")


# What goes wrong on the way ------------------------------------------------------------------------------------------


def test_a_failed_run_is_a_row_and_stops_nothing(plan, tmp_path, monkeypatch):
    observe = simulation.observe

    def failing(scenario, seed, *rest):
        if seed == 4 and scenario.synergy == 0:
            raise FloatingPointError("lost in\nspace")
        return observe(scenario, seed, *rest)

    monkeypatch.setattr(simulation, "observe", failing)
    finish(plan, tmp_path / "results")
    runs = parts.read_table(tmp_path / "results", "runs")
    failed = runs[runs["status"] == "failed"]
    assert len(runs) == plan.n_jobs
    assert set(zip(failed["world"], failed["seed"], failed["error"], strict=True)) == {
        ("fixed", 4, "FloatingPointError: lost in space")
    }
    assert failed["value"].isna().all()
    assert runs[runs["status"] == "ok"]["value"].notna().all()


class Deadly(Executor):
    """A pool in which the tasks that hold the marked seed kill the worker that takes them, ``lives`` times."""

    def __init__(self, n_workers: int, seed: int, lives: list[int]):
        self.pool, self.seed, self.lives = executors.processes(n_workers), seed, lives

    def submit(self, call, /, task):
        if self.lives[0] and any(seed == self.seed for _, seed in task.jobs):
            self.lives[0] -= 1
            return self.pool.submit(os._exit, 1)
        return self.pool.submit(call, task)

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.pool.shutdown(wait, cancel_futures=cancel_futures)


def test_a_worker_that_dies_once_costs_nothing(tmp_path):
    plan = plan_of(tmp_path)
    finish(plan, tmp_path / "whole")
    lives = [1]
    finish(plan, tmp_path / "results", n_workers=2, new_executor=lambda n: Deadly(n, 3, lives))
    assert lives == [0]
    assert contents(tmp_path / "results") == contents(tmp_path / "whole")


def test_a_run_that_always_kills_its_worker_is_the_only_one_to_fail(tmp_path):
    plan = plan_of(tmp_path, TEXT + "[factors]\nrivalry = [0.1, 0.2, 0.3]\n", replicates=3)
    finish(plan, tmp_path / "results", n_workers=2, new_executor=lambda n: Deadly(n, 3, [1_000]))
    runs = parts.read_table(tmp_path / "results", "runs")
    assert set(runs.loc[runs["status"] == "failed", "seed"]) == {3}
    assert set(runs.loc[runs["seed"] == 3, "error"]) == {runner.DIED}
    assert len(runs) == plan.n_jobs


def test_a_full_disk_is_one_sentence_and_keeps_what_was_stored(plan, whole, tmp_path, monkeypatch):
    write = parts.write_file

    def full(path, data):
        if path.stem == "part-000002":
            raise OSError(28, "No space left on device")
        write(path, data)

    monkeypatch.setattr(parts, "write_file", full)
    with pytest.raises(StoreError, match="no space left"):
        run_sweep(plan, tmp_path / "results", n_workers=2)
    monkeypatch.setattr(parts, "write_file", write)
    assert finish(plan, tmp_path / "results").n_new < plan.n_jobs
    assert contents(tmp_path / "results") == whole


def test_workers_end_with_a_parent_that_was_killed(tmp_path):
    code = (
        "import os, time\nfrom experiments.executors import processes\n"
        "if __name__ == '__main__':\n"
        "    pool = processes(1)\n    print(pool.submit(os.getpid).result(), flush=True)\n"
        "    pool.submit(time.sleep, 60)\n    time.sleep(60)\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    }
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment)
    worker = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _ in range(500):
        if not Path(f"/proc/{worker}").exists() and not _is_alive(worker):
            break
        time.sleep(0.02)
    assert not _is_alive(worker)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()


# What a folder knows of its birth ------------------------------------------------------------------------------------


def test_the_manifest_tells_study_code_seeds_and_cost(plan, tmp_path):
    run_sweep(plan, tmp_path / "results")
    record = manifest.read(tmp_path / "results")
    assert record["seeds"]["first"] == 1
    assert record["seeds"]["last"] == 9
    assert record["counts"]["runs"] == plan.n_jobs == 36
    assert record["code_hash"] == manifest.code_hash()
    assert record["versions"]["numpy"] == np.__version__
    assert record["timing"]["kernel_seconds"] <= record["timing"]["worker_seconds"]
    assert (tmp_path / "results" / "study.toml").read_text() == TEXT
    assert record["sessions"][0]["runs"] == 36


def test_the_stored_study_is_the_study_that_was_run(tmp_path):
    plan = plan_of(tmp_path, replicates=2, settings={"steps": 4})
    run_sweep(plan, tmp_path / "results")
    stored = publish.stored_study(tmp_path / "results")
    assert make_plan(stored).study_hash == plan.study_hash
    assert (stored.name, stored.replicates) == ("study", 2)
