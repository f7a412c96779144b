"""A sweep on a Dask cluster: a real scheduler and real worker processes on loopback, one of which is killed."""

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="the extra positivesum[dask] is not installed")

from experiments import cli as command_line
from experiments import cluster, manifest, parts, runner
from experiments.errors import ClusterError
from experiments.plan import make_plan
from experiments.study import read_study

HOME = Path(__file__).parents[1]
TEXT = """
question = "Does it pay?"
replicates = 60
measures = ["value", "mutual", "better_off"]
series = ["trust"]
[base]
n_organizations = 30
steps = 60
[designs.usual]
[designs.full]
levers = 0.8
"""
QUIET = {"DASK_LOGGING__DISTRIBUTED": "critical", "DASK_DISTRIBUTED__SCHEDULER__WORKER_SATURATION": "1.1"}


def start(*arguments: str, **environment: str) -> subprocess.Popen:
    paths = os.pathsep.join([str(HOME), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        env=os.environ | QUIET | {"PYTHONPATH": paths} | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def end(processes) -> None:
    for process in processes:
        process.kill()
    for process in processes:
        process.wait()


@contextlib.contextmanager
def scheduler(folder: Path):
    """A scheduler on a free port of loopback; gives its address."""
    file = folder / "scheduler.json"
    arguments = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    process = start("distributed.cli.dask_scheduler", *arguments)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError, ValueError):
                yield json.loads(file.read_text())["address"]
                return
            time.sleep(0.05)
        raise TimeoutError("the scheduler did not start")
    finally:
        end([process])


def worker(address: str, folder: Path, **environment: str) -> subprocess.Popen:
    """One worker process with one thread, and nobody who would start it again."""
    arguments = (
        "--host",
        "127.0.0.1",
        "--nthreads",
        "1",
        "--no-nanny",
        "--no-dashboard",
        "--local-directory",
        str(folder),
    )
    return start("distributed.cli.dask_worker", address, *arguments, **environment)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    with scheduler(folder) as found:
        workers = [worker(found, folder) for _ in range(2)]
        yield found
        end(workers)


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(TEXT)
    return path


def contents(folder: Path) -> dict[str, str]:
    paths = [*folder.glob("*/part-*.parquet"), *(folder / name for name in ("means.csv", "comparison.csv"))]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(paths)}


def sweep(study, folder, *options: str, expected: int = 0) -> dict[str, str]:
    assert command_line.main(["sweep", str(study), "--out", str(folder), *options]) == expected
    return contents(folder) if expected == 0 else {}


def test_a_cluster_gives_the_bytes_of_one_core(study, address, tmp_path):
    assert sweep(study, tmp_path / "many", "--dask", address) == sweep(study, tmp_path / "one", "--workers", "1")
    assert manifest.read(tmp_path / "many")["sessions"][0]["workers"] == 2


def test_a_worker_killed_in_the_middle_loses_nothing_and_repeats_nothing(study, tmp_path):
    with scheduler(tmp_path) as address:
        workers = [worker(address, tmp_path) for _ in range(2)]
        try:
            with cluster.connected(address) as at_hand:
                while at_hand.executor._client.nthreads().keys().__len__() < 2:
                    time.sleep(0.05)
                stored = []

                def kill(n):
                    stored.append(n)
                    if len(stored) == 4:
                        workers[0].send_signal(signal.SIGKILL)

                plan = make_plan(read_study(study))
                folder = tmp_path / "killed"
                report = runner.run_sweep(
                    plan, folder, n_workers=2, advance=kill, new_executor=at_hand.new_executor, is_remote=True
                )
        finally:
            end(workers)
    assert workers[0].returncode == -signal.SIGKILL
    assert report.n_new == plan.n_jobs == sum(stored)
    runs = parts.read_table(folder, "runs")
    assert len(runs) == runs["run_id"].nunique() == plan.n_jobs
    assert (runs["status"] == "ok").all()
    assert sweep(study, folder) == sweep(study, tmp_path / "one")


def test_a_sweep_begun_here_goes_on_over_there(study, address, tmp_path):
    whole = sweep(study, tmp_path / "one")
    folder = tmp_path / "moved"
    with pytest.raises(runner.Stopped):
        runner.run_sweep(
            make_plan(read_study(study)), folder, is_stopped=lambda: bool(list(folder.glob("runs/part-*")))
        )
    assert sweep(study, folder, "--dask", address) == whole


def fail_at_load(seconds):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_call_that_kills_every_worker_is_a_death_and_not_the_end(tmp_path):
    from experiments import executors

    with scheduler(tmp_path) as address:
        workers = [worker(address, tmp_path, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0") for _ in range(2)]
        try:
            with cluster.connected(address) as at_hand:
                at_hand.executor._client.run_on_scheduler(
                    lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 0)
                )
                future = at_hand.executor.submit(fail_at_load, 1)
                assert type(future.exception(timeout=60)).__name__ == "KilledWorker"
                assert executors.has_died(future)
        finally:
            end(workers)


# What is refused -----------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tcp://127.0.0.1:{port}", "no scheduler answers there"),
        ("127.0.0.1", "no scheduler answers there"),
        ("carrier-pigeon://home", "no scheduler answers there"),
    ],
)
def test_a_cluster_that_cannot_be_reached_is_one_sentence(study, tmp_path, capsys, monkeypatch, address, words):
    monkeypatch.setattr(cluster, "PATIENCE", 1.0)
    address = address.format(port=free_port())
    sweep(study, tmp_path / "results", "--dask", address, expected=2)
    complaint = capsys.readouterr().err
    assert words in complaint and address in complaint and "Traceback" not in complaint
    assert not list((tmp_path / "results").glob("runs/*"))


def test_a_cluster_without_workers_is_one_sentence(study, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 1.0)
    with scheduler(tmp_path) as address:
        sweep(study, tmp_path / "results", "--dask", address, expected=2)
    assert "has no workers; start some with 'dask worker" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["code of the model", "numpy", "python", "distributed"])
def test_workers_of_other_versions_are_refused_by_name(address, name):
    expected = cluster.credentials() | {name: "0.0"}
    words = rf"has {name} \S+ where this machine has 0\.0; start its workers"
    with pytest.raises(ClusterError, match=words), cluster.connected(address, expected):
        pass


def test_a_worker_of_other_code_that_joins_late_is_refused_at_its_first_task():
    with pytest.raises(ClusterError, match="code of the model"):
        cluster.run_checked(cluster.credentials() | {"code of the model": "0"}, None)


def test_a_cluster_lost_on_the_way_keeps_what_is_stored(study, tmp_path):
    folder = tmp_path / "lost"
    with scheduler(tmp_path) as address:
        workers = [worker(address, tmp_path)]
        with (
            pytest.raises(ClusterError, match="was lost on the way; what is stored stays"),
            cluster.connected(address) as c,
        ):

            def lose(n):
                if workers and list(folder.glob("runs/part-*")):
                    end([workers.pop()])
                    c.executor._client.shutdown()

            options = {"advance": lose, "new_executor": c.new_executor, "is_remote": True}
            runner.run_sweep(make_plan(read_study(study)), folder, **options)
    assert sweep(study, folder) == sweep(study, tmp_path / "one")
