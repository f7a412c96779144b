"""Every command, as a person at a terminal meets it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from experiments import cli as command_line
from experiments.plan import make_plan
from experiments.single import scenario_toml
from experiments.study import read_study, study_from
from sim import simulation
from sim.measures import MEASURES
from sim.parameters import LEVERS, PARAMETERS, Scenario

COMMANDS = ("run", "sweep", "retry", "figures", "validate", "describe", "new")
HOME = Path(__file__).parents[1]
TEXT = """
question = "Does it pay?"
replicates = 2
measures = ["value", "mutual"]
[base]
n_organizations = 10
degree = 2
steps = 8
[worlds.growing]
[worlds."fixed pie"]
synergy = 0
[designs.usual]
[designs.full]
levers = 0.8
"""


@pytest.fixture
def positivesum(tmp_path, monkeypatch, capsys):
    """Calls the command line in an empty folder with a study in it; gives exit code, output and complaints."""
    monkeypatch.chdir(tmp_path)
    Path("study.toml").write_text(TEXT)

    def call(*arguments: str):
        code = command_line.main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return call


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(positivesum, command):
    code, out, _ = positivesum(command, "--help")
    assert code == 0
    assert f"positivesum {command} " in out.split("Example:")[1]


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from experiments.cli import main; main(['--help'])\n"
        "print([m for m in ('numpy', 'numba', 'pandas', 'mesa', 'seaborn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=HOME, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_worker_loads_neither_mesa_nor_pandas_nor_seaborn():
    code = (
        "import sys; from experiments.work import Task, run_task; from sim.parameters import Scenario\n"
        "task = Task((Scenario().replace(steps=2),), ((0, 1),), ('value', 'captured'), ('value',), True)\n"
        "print(run_task(task).errors)\n"
        "print([m for m in ('mesa', 'pandas', 'seaborn', 'matplotlib', 'networkx', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=HOME, check=True)
    assert done.stdout.splitlines() == ["(None,)", "[]"]


# run -----------------------------------------------------------------------------------------------------------------


def test_run_writes_what_the_front_door_gives(positivesum):
    code, out, _ = positivesum(
        "run",
        "study.toml",
        "--world",
        "fixed pie",
        "--design",
        "full",
        "--seed",
        7,
        "--steps",
        6,
        "--set",
        "rivalry=0.4",
        "--out",
        "one",
    )
    assert code == 0
    scenario = read_study("study.toml", settings={"steps": 6, "rivalry": 0.4}).single("fixed pie", "full")
    result = simulation.simulate(scenario, seed=7)
    pd.testing.assert_frame_equal(
        pd.read_csv("one/series.csv", dtype=str).astype(float), result.series.astype(float), check_exact=True
    )
    assert len(pd.read_csv("one/organizations.csv")) == 10
    assert len(pd.read_csv("one/ties.csv")) == len(result.ties)
    assert json.loads(Path("one/summary.json").read_text())["value"] == result.summary["value"]
    assert Path("one/run.png").stat().st_size > 1000
    assert "one/series.csv" in out


def test_a_run_can_be_run_again_from_its_scenario(positivesum):
    positivesum("run", "study.toml", "--design", "full", "--seed", 7, "--out", "one")
    positivesum("run", "one/scenario.toml", "--out", "two")
    assert Path("one/series.csv").read_bytes() == Path("two/series.csv").read_bytes()


def test_run_without_world_or_design_is_the_base_alone(positivesum):
    _, out, _ = positivesum("run", "study.toml", "--set", "synergy=1.5", "--set", "choice=reciprocal", "--json")
    files = json.loads(out)["files"]
    base = tomllib.loads(Path(next(f for f in files if f.endswith(".toml"))).read_text())["base"]
    assert (base["synergy"], base["choice"], base["levers"] if "levers" in base else base["listening"]) == (
        1.5,
        "reciprocal",
        0,
    )
    assert Path(files[0]).parts[:2] == ("results", "study")


def test_runs_stand_beside_a_sweep(positivesum):
    assert positivesum("run", "study.toml", "--json")[0] == 0
    assert positivesum("sweep", "study.toml", "--workers", 1, "--json")[0] == 0
    assert positivesum("run", "study.toml", "--seed", 2, "--json")[0] == 0


# sweep, figures ------------------------------------------------------------------------------------------------------


def test_sweep_leaves_tables_figures_and_the_study(positivesum):
    code, out, err = positivesum("sweep", "study.toml", "--workers", 1)
    assert code == 0
    lines = err.splitlines()  # the bar is for terminals
    assert re.fullmatch(r"study: 8 runs; about \d+ s with 1 worker \(from 3 pilot runs\), about 1 MB on disk", lines[0])
    assert lines[-1].startswith("100 %: 8 of 8 runs stored")
    assert len(lines) == 1 + 8  # one batch a line
    assert "Does it pay?" in out
    folder = Path("results/study")
    assert (folder / "study.toml").read_text() == TEXT
    runs = pd.read_parquet(folder / "runs")
    assert len(runs) == 2 * 2 * 2
    assert set(pd.read_csv(folder / "comparison.csv")["design"]) >= {"full"}
    assert len(list((folder / "figures").iterdir())) > 0


def test_sweep_prints_the_same_table_for_a_machine(positivesum):
    code, out, _ = positivesum("sweep", "study.toml", "--workers", 1, "--json", "--replicates", 3, "--set", "steps=5")
    table = json.loads(out)
    assert code == 0
    stored = pd.read_csv("results/study/comparison.csv")
    assert [row["difference"] for row in table["comparison"]] == pytest.approx(
        stored["difference"].tolist(), nan_ok=True
    )
    assert len(pd.read_parquet("results/study/runs")) == 2 * 2 * 3
    assert len(table["figures"]) > 0


def test_the_same_sweep_again_gives_the_same(positivesum):
    first = json.loads(positivesum("sweep", "study.toml", "--workers", 1, "--json")[1])
    drawn = {path: Path(path).stat().st_mtime_ns for path in first["figures"]}
    again = json.loads(positivesum("sweep", "study.toml", "--workers", 1, "--json")[1])
    assert again == first
    assert {path: Path(path).stat().st_mtime_ns for path in again["figures"]} == drawn


def test_figures_are_drawn_again_even_if_the_study_file_has_gone(positivesum):
    drawn = json.loads(positivesum("sweep", "study.toml", "--workers", 1, "--json", "--out", "there")[1])["figures"]
    for path in ["study.toml", *drawn]:
        Path(path).unlink()
    code, out, _ = positivesum("figures", "there")
    assert code == 0
    assert all(Path(path).exists() and path in out for path in drawn)


def test_failed_runs_are_told_at_the_end_with_exit_code_1(positivesum, monkeypatch):
    observe = simulation.observe

    def failing(scenario, seed, *rest):
        if seed == 2 and scenario.synergy == 0 and scenario.listening > 0:
            raise FloatingPointError("lost in space")
        return observe(scenario, seed, *rest)

    monkeypatch.setattr(simulation, "observe", failing)
    code, out, err = positivesum("sweep", "study.toml", "--workers", 1, "--json")
    assert code == 1
    assert "Error: 1 of 8 runs failed" in err
    assert "lost in space" in err
    assert json.loads(out)["comparison"]


def test_ctrl_c_says_how_to_go_on(tmp_path):
    (tmp_path / "study.toml").write_text(TEXT.replace("replicates = 2", "replicates = 2000"))
    folder = tmp_path / "results"
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
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=HOME, start_new_session=True)
    while process.poll() is None and not list(folder.glob("runs/part-*")):
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the workers, too
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from there" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert list(folder.glob("runs/part-*"))


# validate, describe, new ---------------------------------------------------------------------------------------------


def test_validate_says_how_many_runs(positivesum):
    code, out, _ = positivesum("validate", "study.toml")
    assert code == 0
    assert "2 worlds x 2 designs x 2 replicates = 8 runs" in out
    assert not Path("results").exists()


@pytest.mark.parametrize(("subject", "names"), [("parameters", PARAMETERS), ("levers", LEVERS), ("measures", MEASURES)])
def test_describe_tells_all_in_text_and_for_a_machine(positivesum, subject, names):
    names = [getattr(name, "name", name) for name in names]
    names += {
        "parameters": [],
        "levers": ["levers", "connection_steps", "participants", "recruit", "phases"],
        "measures": ["better_off", "bars", "losses"],
    }[subject]
    assert [row["name"] for row in json.loads(positivesum("describe", subject, "--json")[1])] == names
    text = positivesum("describe", subject)[1]
    assert [line.split()[0] for line in text.splitlines() if "(" in line and not line.startswith(" ")] == names
    assert max(map(len, text.splitlines())) <= 120


def test_every_parameter_shows_unit_interval_default_and_source(positivesum):
    for row in json.loads(positivesum("describe", "--json")[1]):
        if "example" in row:
            assert row["name"] in tomllib.loads(row["example"])
            assert make_plan(study_from({"question": "?", "base": tomllib.loads(row["example"])}))
        assert row["meaning"]
        assert row["source"]
        assert "default" in row
        assert row["unit"] or row["kind"] in ("choice", "path", "table", "integer")
        assert row["interval"] or row["kind"] in ("path", "table")


def test_an_estimate_stands_beside_many_runs(positivesum):
    Path("study.toml").write_text(TEXT.replace("replicates = 2", "replicates = 10000"))
    assert "= 40000 runs" in positivesum("validate", "study.toml")[1]
    out = positivesum("sweep", "study.toml", "--dry-run")[1]
    assert "= 40000 runs" in out and not Path("results").exists()
    assert re.search(r"about \d+ (s|minutes) with \d+ workers? \(from 3 pilot runs\), about \d+ MB on disk", out)


def test_what_is_overridden_or_never_reached_is_noted(positivesum):
    _, _, err = positivesum("sweep", "study.toml", "--workers", 1, "--set", "synergy=1", "--set", "steps=4")
    note = 'note: --set synergy=1 holds in every design and world; it overrides worlds."fixed pie".synergy'
    assert err.splitlines()[0] == note
    assert "steps" not in err.replace(note, "")
    Path("study.toml").write_text(TEXT + "[factors]\nlistening = [0, 1]\n")
    assert "note: factor listening holds in" in positivesum("validate", "study.toml")[2]
    Path("study.toml").write_text(TEXT + "[[designs.full.phases]]\nstep = 6\nlevers = 0\n")
    code, _, err = positivesum("run", "study.toml", "--design", "full", "--steps", 5)
    assert (code, err.count("\n")) == (0, 1)
    assert "note: designs.full.phases[1].step = 6 is not reached, because the run ends after 5 steps" in err
    assert positivesum("sweep", "study.toml", "--set", "steps=5")[0] == 2


def test_a_run_on_files_can_be_run_again(positivesum):
    Path("o.csv").write_text("id\na\nb\nc\n")
    Path("t.csv").write_text("source,target\na,b\nb,c\n")
    files = 'network = "file"\norganizations = "o.csv"\nties = "t.csv"\nsteps = 4\n'
    Path("study.toml").write_text(f'question = "?"\n[base]\n{files}')
    assert positivesum("run", "study.toml", "--out", "one")[0] == 0
    assert positivesum("run", "one/scenario.toml", "--out", "two")[0] == 0
    assert Path("one/series.csv").read_bytes() == Path("two/series.csv").read_bytes()


def test_the_version_is_told(positivesum):
    assert positivesum("--version")[1].startswith("positivesum, version ")


def test_a_new_study_is_valid_commented_and_runs(positivesum):
    code, out, _ = positivesum("new", "my_question")
    assert code == 0
    assert "configs/my_question.toml" in out
    assert Path("configs/my_question.toml").read_text().count("#") > 10
    assert (
        positivesum("sweep", "configs/my_question.toml", "--workers", 1, "--replicates", 1, "--set", "steps=5")[0] == 0
    )


def test_new_never_overwrites(positivesum):
    positivesum("new", "mine")
    Path("configs/mine.toml").write_text("precious")
    code, _, err = positivesum("new", "mine")
    assert (code, Path("configs/mine.toml").read_text()) == (2, "precious")
    assert "choose another name" in err


def test_a_scenario_with_tables_is_written_as_it_reads():
    scenario = Scenario().replace(
        levers=0.1,
        sectors=[
            {"name": 'the "big" ones', "share": 0.3, "power": 4, "values": 0.25},
            {"name": "others", "share": 0.7},
        ],
        network="sectors",
        recruit="others",
        events=[{"kind": "turnover", "step": 20, "size": 0.5, "duration": 3}],
        phases=[{"step": 6, "levers": 0.8, "listening": 1}, {"step": 12, "connection_steps": 2}],
        rivalry=1e-7,
    )
    again = study_from(tomllib.loads(scenario_toml(scenario, "a\n'title'", 3)))
    assert again.single() == scenario
    assert again.seed == 3
