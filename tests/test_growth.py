"""A study that grows pays for what is new alone, and ends up as if it had been run at once; failures are mended."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments import cli as command_line
from experiments import executors, manifest, parts, publish, runner
from experiments.errors import StoreError
from experiments.plan import make_plan
from experiments.study import read_study
from sim import simulation

TEXT = """
question = "Does it pay?"
replicates = 6
measures = ["value", "captured", "better_off"]
series = ["mutual"]
[base]
n_organizations = 10
degree = 2
steps = 8
[designs.usual]
[designs.full]
levers = 0.8
[factors]
rivalry = [0.1, 0.3]
"""
OWN = 'question = "Which?"\nreplicates = 3\nmeasures = ["value"]\n[sampling]\nmethod = "table"\nfile = "points.csv"\n'


def sampled(method: str, samples) -> str:
    head = TEXT.replace(', "better_off"', "").split("[factors]")[0]
    ranges = "rivalry = { from = 0.1, to = 0.4 }\ntrust = { from = 0.2, to = 0.8 }\n"
    return f'{head}[sampling]\nmethod = "{method}"\nsamples = {samples}\n[factors]\n{ranges}'


def plan_of(folder: Path, text: str, **options):
    path = folder / "study.toml"
    path.write_text(text)
    return make_plan(read_study(path, **options))


def finish(plan, folder: Path, **orders):
    report = runner.run_sweep(plan, folder, **orders)
    publish.write_tables(folder, publish.results_of(folder, plan))
    return report


def contents(folder: Path) -> dict[str, str]:
    paths = [
        *folder.glob("*/part-*.parquet"),
        *folder.glob("*.csv"),
        folder / "checksums.sha256",
        folder / "study.toml",
    ]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(paths)}


GROWN = {
    "more replicates": (TEXT, TEXT.replace("replicates = 6", "replicates = 9"), 12),
    "one more level": (TEXT, TEXT.replace("[0.1, 0.3]", "[0.1, 0.2, 0.3]"), 12),
    "one more design": (TEXT, TEXT.replace("[designs.full]", "[designs.half]\nlevers = 0.3\n[designs.full]"), 12),
    "one more world": (
        TEXT + "[worlds.growing]\n",
        TEXT + "[worlds.growing]\n[worlds.fixed]\nsynergy = 0\n",
        24,
    ),
    "all at once": (
        TEXT,
        TEXT.replace("replicates = 6", "replicates = 7").replace("[0.1, 0.3]", "[0, 0.1, 0.3]"),
        6 * 7 - 24,
    ),
    "another name and another word": (TEXT, TEXT.replace("designs.full", "designs.whole") + "# a word more\n", 0),
    "more base samples": (sampled("sobol", 4), sampled("sobol", 8), 4 * 4 * 2 * 6),
    # 72, but for points that a trajectory shares with an earlier one
    "more trajectories": (sampled("morris", 3), sampled("morris", 5), 36),
    "another hypercube": (sampled("latin-hypercube", "[5]"), sampled("latin-hypercube", "[5, 4]"), 4 * 2 * 6),
}


@pytest.mark.parametrize("name", GROWN)
def test_what_is_stored_is_not_run_again_and_the_folder_is_as_if_run_at_once(name, tmp_path):
    small, large, n_new = GROWN[name]
    finish(plan_of(tmp_path, small), tmp_path / "grown")
    plan = plan_of(tmp_path, large)
    assert finish(plan, tmp_path / "grown").n_new == n_new
    finish(plan, tmp_path / "at once")
    assert contents(tmp_path / "grown") == contents(tmp_path / "at once")
    assert not (tmp_path / "grown" / parts.BANK).exists()
    assert len(manifest.read(tmp_path / "grown")["before"]) == 1


def test_growing_an_unfinished_study_runs_the_rest_of_both(tmp_path):
    folder, stored = tmp_path / "grown", []
    with pytest.raises(runner.Stopped):
        runner.run_sweep(plan_of(tmp_path, TEXT), folder, advance=stored.append, is_stopped=lambda: sum(stored) >= 10)
    n_kept = sum(stored)
    assert 0 < n_kept < 24
    plan = plan_of(tmp_path, GROWN["one more design"][1])
    assert finish(plan, folder).n_new == 36 - n_kept
    finish(plan, tmp_path / "at once")
    assert contents(folder) == contents(tmp_path / "at once")


def test_a_point_more_in_ones_own_table(tmp_path):
    (tmp_path / "points.csv").write_text("synergy,trust\n1,0.5\n2,0.5\n")
    finish(plan_of(tmp_path, OWN, settings={"steps": 5}), tmp_path / "results")
    (tmp_path / "points.csv").write_text("synergy,trust\n1,0.5\n2,0.5\n2,0.9\n")
    assert finish(plan_of(tmp_path, OWN, settings={"steps": 5}), tmp_path / "results").n_new == 3


def test_damage_in_what_a_study_grows_from_is_run_again(tmp_path):
    folder = tmp_path / "grown"
    finish(plan_of(tmp_path, TEXT), folder)
    path = sorted((folder / "series").iterdir())[1]
    path.write_bytes(path.read_bytes()[:-20])
    plan = plan_of(tmp_path, GROWN["more replicates"][1])
    assert finish(plan, folder).n_new == 12 + 1  # what is new, and the one run of that part
    finish(plan, tmp_path / "at once")
    assert contents(folder) == contents(tmp_path / "at once")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("rivalry = [0.1, 0.3]", "rivalry = [0.1, 0.2]"), "does not ask for 12 of the 24 runs"),
        (("replicates = 6", "replicates = 5"), "with 6 replicates, not 5: .* 4 of the 24"),
        (("seed", "seed"), None),
        (('"captured"', '"mutual"'), "does not ask for 24 of the 24 runs"),
    ],
)
def test_a_study_that_would_lose_runs_is_refused_and_touches_nothing(tmp_path, change, words):
    finish(plan_of(tmp_path, TEXT), tmp_path / "results")
    before = contents(tmp_path / "results")
    plan = plan_of(tmp_path, TEXT.replace(*change))
    if words:
        with pytest.raises(StoreError, match=words):
            runner.run_sweep(plan, tmp_path / "results")
    else:
        assert runner.run_sweep(plan, tmp_path / "results").n_new == 0
    assert contents(tmp_path / "results") == before


# What failed ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def failing(monkeypatch):
    """Runs of seed 4 in a partnership design fail; gives what was run."""
    observe, ran = simulation.observe, []

    def fail(scenario, seed, *rest):
        ran.append(seed)
        if seed == 4 and scenario.listening > 0:
            raise FloatingPointError("lost in space")
        return observe(scenario, seed, *rest)

    monkeypatch.setattr(simulation, "observe", fail)
    return ran


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("study.toml").write_text(TEXT)

    def positivesum(*arguments: str):
        code = command_line.main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return positivesum


def test_retry_runs_failures_only_and_mends_the_folder(call, failing, monkeypatch, tmp_path):
    code, _, err = call("sweep", "study.toml", "--workers", 1, "--json")
    assert code == 1 and "'positivesum retry results/study' runs them again" in err
    assert call("sweep", "study.toml", "--workers", 1, "--json")[0] == 1  # the same command does not
    failing.clear()
    assert call("retry", "results/study", "--workers", 1, "--json")[0] == 1
    assert [seed for seed in failing if seed != 1] == [4, 4]  # pilots are timed with the first seed
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert call("retry", "results/study", "--workers", 1, "--json")[0] == 0
    assert call("sweep", "study.toml", "--workers", 1, "--json", "--out", "never-failed")[0] == 0
    assert contents(Path("results/study")) == contents(Path("never-failed"))


def test_fail_fast_stops_at_the_first_failure_and_says_which(call, failing):
    code, _, err = call("sweep", "study.toml", "--workers", 1, "--fail-fast")
    assert code == 1
    assert "(base, full, seed 4) failed: FloatingPointError: lost in space; stopped there (--fail-fast)" in err
    assert "Traceback" not in err
    n_stored = len(parts.Stock(Path("results/study"), parts.KINDS).run_ids())
    assert 0 < n_stored < 24
    assert not (parts.read_table(Path("results/study"), "runs")["status"] == "failed").any()
    assert call("sweep", "study.toml", "--workers", 1)[0] == 1  # without it, the rest is run
    assert len(parts.read_table(Path("results/study"), "runs")) == 24


def test_fail_fast_works_in_a_pool(tmp_path):
    text = TEXT.replace("[factors]", "[factors]\nn_organizations = [10, 12]")
    plan = plan_of(tmp_path, text)
    broken = {k: scenario for k, scenario in plan._made.items()}
    plan._made.update({k: None for k in broken})  # a scenario that no run can make anything of
    with pytest.raises(runner.RunFailed):
        runner.run_sweep(plan, tmp_path / "results", n_workers=2, fail_fast=True, new_executor=executors.processes)


# Replay --------------------------------------------------------------------------------------------------------------


def test_every_run_can_be_made_again_from_its_row(call):
    call("sweep", "study.toml", "--workers", 1, "--json")
    runs = pd.read_parquet("results/study/runs")
    for row in runs.sample(4, random_state=1).to_dict("records"):
        code, out, _ = call("run", "--from", "results/study", "--run", row["run_id"][:8], "--json")
        told = json.loads(out[: out.rindex("}") + 1])
        assert (code, told["is_same"], told["run_id"], told["rivalry"]) == (0, True, row["run_id"], row["rivalry"])
        assert told["summary"]["value"] == row["value"]
    engines = call("run", "--from", "results/study", "--run", row["run_id"], "--engine", "mesa", "--out", "mesa")
    assert engines[0] == 0 and "The same numbers as stored: value, captured" in engines[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "results/study"), "--from DIR and --run ID go together"),
        (("--run", "abcdef"), "--from DIR and --run ID go together"),
        (("--from", "results/study", "--run", "zzzz"), "holds no run 'zzzz'"),
        (("--from", "results/study", "--run", "a"), "too short"),
        (("study.toml", "--from", "results/study", "--run", "abcd"), "FILE does not go with --from"),
        (("--from", "results/study", "--run", "abcd", "--seed", "3"), "--seed does not go with --from"),
        (("--from", "nowhere", "--run", "abcd"), "nowhere holds no results"),
        ((), "name a study FILE, or a run to replay"),
    ],
)
def test_a_replay_that_cannot_be_is_one_sentence(call, arguments, words):
    call("sweep", "study.toml", "--workers", 1, "--json", "--replicates", 1)
    code, _, err = call("run", *arguments)
    assert code == 2 and words in err


def test_a_replay_that_differs_says_so(call):
    call("sweep", "study.toml", "--workers", 1, "--json", "--replicates", 1)
    folder = Path("results/study")
    table = next(iter(parts.tables(folder, "runs")))[1]
    values = table["value"].to_numpy() + 1e-16 + 1.0
    at = table.column_names.index("value")
    name = "part-000000"
    others = {kind: next(iter(parts.tables(folder, kind)))[1] for kind in ("series", "organizations")}
    parts.write(folder, name, {"runs": table.set_column(at, "value", [values]), **others})
    code, _, err = call("run", "--from", folder, "--run", table["run_id"][0].as_py())
    assert code == 1 and "this is not what is stored: value is" in err


# Others read it ------------------------------------------------------------------------------------------------------


def test_pandas_polars_and_duckdb_open_the_folder_directly(call):
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    polars = pytest.importorskip("polars", reason="polars is not installed")
    call("sweep", "study.toml", "--workers", 1, "--json")
    own = parts.read_table(Path("results/study"), "runs")
    assert pd.read_parquet("results/study/runs")["value"].tolist() == own["value"].tolist()
    assert polars.read_parquet("results/study/runs/")["value"].to_list() == own["value"].tolist()
    mean = duckdb.sql("select design, avg(value) from 'results/study/runs/*.parquet' group by design order by 1")
    expected = own.groupby("design")["value"].mean()
    assert dict(mean.fetchall()) == pytest.approx(expected.to_dict())


def test_csv_holds_the_same_rows(call):
    assert call("sweep", "study.toml", "--workers", 1, "--csv", "--json")[0] == 0
    for kind in parts.KINDS:
        stored = parts.read_table(Path("results/study"), kind)
        read = pd.read_csv(f"results/study/{kind}.csv", dtype={"run_id": str, "error": str})
        for column in stored:
            if pd.api.types.is_numeric_dtype(stored[column]):
                assert np.array_equal(read[column], stored[column], equal_nan=True), column
            else:
                assert read[column].fillna("").tolist() == stored[column].fillna("").tolist(), column
