"""What a results folder promises: whole files or none, one writer, and rows that come back as they went in."""

import os
import subprocess
import sys

import numpy as np
import pytest

from experiments import parts, rows, store
from experiments.errors import StoreError
from experiments.plan import Batch, make_plan
from experiments.study import study_from
from experiments.work import Outcome


class Crash(BaseException):
    """A kill in the middle of things."""


@pytest.fixture
def plan():
    return make_plan(
        study_from(
            {
                "question": "?",
                "replicates": 2,
                "measures": ["value", "better_off", "trust"],
                "series": ["mutual"],
                "base": {"n_organizations": 3, "degree": 2, "steps": 2},
                "factors": {"trust": [0.25, 1], "steps": [2, 3], "network": ["random", "complete"]},
            }
        )
    )


@pytest.fixture
def outcome(plan):
    """Two runs: one went well, one failed."""
    person = (np.array([0.5, 0.1, -1.0]), np.array([0, 1, 2], np.int8), np.array([1, 0, 1], np.int16), ("ngo", "state"))
    values = np.array([[0.1 + 0.2, np.nan], [np.nan, np.nan]])
    return Outcome(values, (None, "ValueError: no"), (np.array([[0.25], [0.5]]), None), (person, None), 1.0, 0.5)


@pytest.fixture
def tables(plan, outcome):
    return rows.tables(plan, plan.first_stage.jobs(Batch("", 0, 2)), outcome)


def test_a_file_is_there_as_a_whole_or_not_at_all(tmp_path):
    path = tmp_path / "table.csv"
    store.write_aside(path, b"old")
    with pytest.raises(Crash), store.aside(path) as temporary:
        temporary.write_bytes(b"ne")
        raise Crash
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["table.csv"]


def test_what_a_killed_sweep_left_aside_is_swept_up(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / ".aside-1-part-000000.parquet").write_bytes(b"half")
    (tmp_path / ".aside-figures").mkdir()
    with store.claimed(tmp_path):
        pass
    assert os.listdir(tmp_path / "runs") == []
    assert sorted(os.listdir(tmp_path)) == [".lock", "runs"]


def test_a_folder_has_one_sweep_at_a_time(tmp_path):
    with store.claimed(tmp_path), pytest.raises(StoreError, match="another sweep is at work"), store.claimed(tmp_path):
        pass
    with store.claimed(tmp_path):  # and is free again afterwards
        pass


def test_a_sweep_that_was_killed_does_not_hold_its_folder(tmp_path):
    code = (
        "import os; from pathlib import Path; from experiments import store\n"
        f"with store.claimed(Path({str(tmp_path)!r})): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    with store.claimed(tmp_path):
        pass


@pytest.mark.parametrize("place", ["file/results", "/proc/nowhere/results"])
def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, place):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match=r"(cannot be written|is a file).*--out"), store.claimed(tmp_path / place):
        pass


def test_rows_come_back_as_they_went_in(tmp_path, plan, tables):
    parts.write(tmp_path, "part-000000", tables)
    runs = parts.read_table(tmp_path, "runs")
    assert list(runs.columns) == [
        "run_id",
        "world",
        "design",
        "initial_trust",
        "steps",
        "network",
        "replicate",
        "seed",
        "status",
        "error",
        "value",
        "trust",
    ]
    assert runs["run_id"].tolist() == [job.run_id for job in plan.first_stage.jobs(Batch("", 0, 2))]
    assert runs["status"].tolist() == ["ok", "failed"]
    assert runs["error"].isna().tolist() == [True, False]
    assert runs["value"].tolist()[0] == 0.1 + 0.2
    assert (runs["initial_trust"].dtype, runs["steps"].dtype) == (np.float64, np.int64)
    organizations = parts.read_table(tmp_path, "organizations")
    assert organizations["power_third"].tolist() == ["weak", "middle", "strong"]
    assert organizations["sector"].tolist() == ["state", "ngo", "state"]
    assert organizations["income"].tolist() == [0.5, 0.1, -1.0]
    series = parts.read_table(tmp_path, "series")
    assert series[["step", "mutual"]].values.tolist() == [[0, 0.25], [1, 0.5]]


def test_the_bytes_of_a_part_depend_on_its_rows_alone(tables):
    assert parts.encoded(tables["runs"]) == parts.encoded(tables["runs"].take(list(range(len(tables["runs"])))))


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("kind", parts.KINDS)
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: b"PAR1" + data[4:-8] + b"\0" * 8,
        *(lambda data, k=k: flipped(data, len(data) * k // 12) for k in range(12)),  # one bit, anywhere
    ],
)
def test_a_part_that_is_damaged_does_not_count(tmp_path, plan, tables, damage, kind):
    jobs = plan.first_stage.jobs(Batch("", 0, 2))
    parts.write(tmp_path, "part-000000", tables)
    assert parts.Stock(tmp_path, parts.KINDS).holds("part-000000", jobs)
    assert not parts.Stock(tmp_path, parts.KINDS).holds("part-000000", jobs[::-1])
    path = tmp_path / kind / "part-000000.parquet"
    path.write_bytes(damage(path.read_bytes()))
    stock = parts.Stock(tmp_path, parts.KINDS)
    assert not stock.holds("part-000000", jobs)
    assert stock.damaged == ["part-000000"]
    with pytest.raises(StoreError, match="damaged"):
        parts.read_table(tmp_path, kind)


def test_the_checksums_are_what_sha256sum_reads(tmp_path, tables):
    parts.write(tmp_path, "part-000000", tables)
    done = subprocess.run(
        ["sha256sum", "--strict", "-c", parts.CHECKSUMS], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("OK") == 3


def test_half_a_line_of_checksums_is_a_part_that_was_not_finished(tmp_path, plan, tables):
    jobs = plan.first_stage.jobs(Batch("", 0, 2))
    parts.write(tmp_path, "part-000000", tables)
    log = (tmp_path / parts.CHECKSUMS).read_bytes()
    (tmp_path / parts.CHECKSUMS).write_bytes(log[:-10])
    assert not parts.Stock(tmp_path, parts.KINDS).holds("part-000000", jobs)
    parts.write(tmp_path, "part-000000", tables)  # made again, on a line of its own
    assert parts.Stock(tmp_path, parts.KINDS).holds("part-000000", jobs)


def test_runs_are_taken_over_by_their_ids_wherever_they_are(tmp_path, plan, outcome, tables):
    jobs = plan.first_stage.jobs(Batch("", 0, 2))
    parts.write(tmp_path, "part-000000", tables)
    stock = parts.Stock(tmp_path, parts.KINDS)
    stock.put_aside("part-000000")
    for each in (stock, parts.Stock(tmp_path, parts.KINDS)):
        taken = each.taken_over(jobs[::-1])
        assert list(taken) == [1]  # the run that failed is not worth keeping
        piece = each.pieces(taken, plan.study.measures, plan.study.series)[1]
        assert np.array_equal(piece.values, outcome.values[0], equal_nan=True)
        assert np.array_equal(piece.series, outcome.series[0])
        assert piece.people[2].tolist() == ["state", "ngo", "state"]
    stock.close([])
    assert not (tmp_path / parts.BANK).exists()
