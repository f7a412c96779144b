"""Whatever a user gets wrong: one sentence that names file, key and remedy, exit code 2, nothing written or lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.cli import main

HOME = Path(__file__).parents[1]
BASE = 'question = "?"\nreplicates = 1\nmeasures = ["value"]\n[base]\nn_organizations = 10\ndegree = 2\nsteps = 3\n'
HEAD = BASE.split("n_organizations")[0]
NETWORK = HEAD + 'network = "file"\norganizations = "o.csv"\nties = "t.csv"\nsteps = 3\n'

STUDIES = [  # text of the study, what the sentence must name
    (BASE + "synergi = 1\n", ["base.synergi", "did you mean 'synergy'"]),
    (BASE + "listening = 1.5\n", ["base.listening", "[0, 1]", "1.5"]),
    (BASE + 'synergy = "much"\n', ["base.synergy", "number", "'much'"]),
    (BASE + "patience = nan\n", ["base.patience", "finite"]),
    (BASE + "degree = \n", ["line 8, column 10"]),
    (BASE + "[base]\n", ["line 8"]),
    (BASE + "[factors]\nrivalry = []\n", ["factors.rivalry", "no runs"]),
    (BASE.replace("= 1\n", "= 0\n"), ["replicates", "no runs"]),
    (BASE + "[[base.events]]\nkind = 'flood'\nstep = 1\nsize = 1\n", ["base.events", "turnover"]),
    (BASE + "[[base.phases]]\nstep = 1\nlistning = 1\n", ["base.phases", "did you mean 'listening'"]),
    (NETWORK.replace("o.csv", "nowhere.csv"), ["base.organizations", "nowhere.csv"]),
]
ORGANIZATIONS = "id,power\na,1\nb,2\nc,3\n"
TIES = "source,target\na,b\nb,c\n"
NETWORKS = [  # organizations, ties, what the sentence must name
    (ORGANIZATIONS, "source,target\na,b\na,b\n", ["t.csv"]),
    (ORGANIZATIONS, "source,target\na,b\nb,a\n", ["t.csv"]),
    (ORGANIZATIONS, "source,target\na,z\n", ["t.csv", "z"]),
    (ORGANIZATIONS, "source,target\na,a\n", ["t.csv", "a"]),
    (ORGANIZATIONS, "from,to\na,b\n", ["t.csv", "source"]),
    ("id,power\na,inf\nb,2\nc,3\n", TIES, ["o.csv", "power"]),
    ("id,power\na,much\nb,2\nc,3\n", TIES, ["o.csv", "power"]),
    ("id,power\na,1\na,2\nc,3\n", TIES, ["o.csv", "a"]),
    ("name\na\nb\n", TIES, ["o.csv", "id"]),
    ("", TIES, ["o.csv"]),
    ("id;power\na;1,5\nb;2\n", TIES, ["Error: o.csv: line 1", "columns are separated by ';': save it with commas"]),
    (ORGANIZATIONS, "source\ttarget\na\tb\n", ["t.csv", "separated by tabs: save it with commas"]),
    ("id,values\na,1\nb,.5\n", TIES, ["[0, 1): the ring's 1 is its 0, not '1'; correct it\n"]),
    ("id,power\na,1\nb,\n", TIES, ["fill it in, or remove the whole column"]),
]


@pytest.fixture
def sweep(tmp_path, monkeypatch, capsys):
    """Sweeps the study in an empty folder; gives the one sentence on the way out."""
    monkeypatch.chdir(tmp_path)

    def call(text: str, *arguments: str) -> str:
        Path("study.toml").write_text(text)
        before = sorted(os.listdir())
        code = main([*(arguments or ("sweep",)), "study.toml"])
        out, err = capsys.readouterr()
        assert (code, out) == (2, "")
        assert err.startswith("Error: ")
        assert err.count("\n") == 1
        assert sorted(os.listdir()) == before  # nothing written
        return err

    return call


@pytest.mark.parametrize("command", ["sweep", "validate"])
@pytest.mark.parametrize(("text", "words"), STUDIES)
def test_a_faulty_study(sweep, command, text, words):
    message = sweep(text, command)
    assert all(word in message for word in ["study.toml", *words]), message


@pytest.mark.parametrize(("organizations", "ties", "words"), NETWORKS)
def test_a_faulty_network(sweep, tmp_path, organizations, ties, words):
    (tmp_path / "o.csv").write_text(organizations)
    (tmp_path / "t.csv").write_text(ties)
    message = sweep(NETWORK)
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sweep", "--set", "synergi=1"], ["--set.synergi", "did you mean 'synergy'"]),
        (["sweep", "--set", "synergy=-1"], ["--set.synergy", "[0, 1e+06]"]),
        (["sweep", "--replicates", "0"], ["replicates", "no runs"]),
        (["sweep", "--replicates", "0"], [" --replicates must be"]),
        (["run", "--world", "there"], ["this study names no worlds; leave --world out"]),
        (["run", "--design", "there"], ["this study names no designs; leave --design out"]),
        (["run", "--steps", "0"], [" --steps must lie in [1, "]),
        (
            ["sweep", "--set", "organizations=x.csv", "--set", "ties=y.csv", "--set", "network=file"],
            ["base.n_organizations is set by the CSV files"],
        ),
        (["run", "--set", "levers=2"], ["levers", "[0, 1]"]),
        (["sweep", "--out", "/proc/nowhere"], ["/proc/nowhere", "--out"]),
        (["run", "--out", "/proc/nowhere"], ["/proc/nowhere", "--out"]),
        (["sweep", "--out", "study.toml/x"], ["study.toml/x lies below study.toml, which is a file", "--out"]),
        (["sweep", "--out", "study.toml"], ["study.toml is a file; name a folder"]),
        (["run", "--out", "study.toml/x"], ["study.toml/x lies below study.toml, which is a file", "--out"]),
        (["run", "--out", "study.toml"], ["study.toml is a file; name a folder"]),
    ],
)
def test_a_faulty_option(sweep, arguments, words):
    message = sweep(BASE, *arguments)
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    "arguments",
    [
        ["sweep", "nowhere.toml"],
        ["run", "."],
        ["validate", "nowhere.toml"],
        ["figures", "nowhere"],
        ["figures", "."],
        ["new", "a/b"],
        ["new", ".."],
    ],
)
def test_a_faulty_path(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Error: " in err
    assert os.listdir() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["swep"],
        ["sweep"],
        ["sweep", "x.toml", "--workers", "0"],
        ["sweep", "x.toml", "--workers", "two"],
        ["run", "x.toml", "--set", "synergy"],
        ["run", "x.toml", "--set", "synergy=1", "--set", "synergy=2"],
        ["run", "x.toml", "--set", "steps=1", "--steps", "2"],
        ["run", "x.toml", "--seed", "-1"],
        ["run", "x.toml", "--seed", str(2**63)],
        ["run", "x.toml", "--engine", "steam"],
        ["describe", "weather"],
    ],
)
def test_a_faulty_command(capsys, arguments):
    assert main(arguments) == 2
    assert "Error: " in capsys.readouterr().err


def test_run_names_a_missing_file_by_its_key_and_as_typed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("configs").mkdir()
    Path("configs/study.toml").write_text(NETWORK)
    Path("configs/t.csv").write_text(TIES)
    assert main(["run", str(tmp_path / "configs/study.toml")]) == 2
    assert "base.organizations names a file that cannot be read (configs/o.csv: " in capsys.readouterr().err
    assert main(["run", "configs/study.toml", "--set", "organizations=x.csv"]) == 2
    assert "--set.organizations names a file that cannot be read (x.csv: " in capsys.readouterr().err


def test_nothing_is_simulated_for_a_folder_that_cannot_be_written(sweep, monkeypatch):
    from sim import simulation

    monkeypatch.setattr(simulation, "simulate", None)
    monkeypatch.setattr(simulation, "observe", None)
    for command in ("run", "sweep"):
        assert "is a file" in sweep(BASE, command, "--out", "study.toml")


def test_a_file_in_the_place_of_configs_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("configs").write_text("")
    assert main(["new", "mine"]) == 2
    assert "configs is a file" in capsys.readouterr().err


def test_the_program_itself_ends_with_the_exit_code(tmp_path):
    (tmp_path / "study.toml").write_text(BASE + "synergi = 1\n")
    done = subprocess.run(
        [sys.executable, "-m", "experiments.cli", "validate", str(tmp_path / "study.toml")],
        capture_output=True,
        text=True,
        cwd=HOME,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_reader_of_our_output_may_leave(tmp_path):
    command = f"{sys.executable} -m experiments.cli describe | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=HOME, check=False)
    assert done.stderr == ""


def test_results_of_another_study_are_not_lost(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("study.toml").write_text(BASE)
    assert main(["sweep", "study.toml", "--workers", "1", "--json"]) == 0
    before = {path: path.read_bytes() for path in Path("results").rglob("*") if path.is_file()}
    Path("study.toml").write_text(BASE + "synergy = 1\n")
    capsys.readouterr()
    assert main(["sweep", "study.toml", "--workers", "1"]) == 2
    assert "choose another folder with --out, or remove results/study" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in Path("results").rglob("*") if path.is_file()} == before
