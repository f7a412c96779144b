"""The house stands as drawn: floors, documentation and commands are what the README says."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sim.measures import MEASURES, SERIES
from sim.parameters import LEVERS, PARAMETERS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_arrows_point_down_only():
    """The import contracts of pyproject.toml hold, and every file has its floor."""
    lint = "from importlinter.cli import lint_imports_command as lint; lint()"
    run = subprocess.run([sys.executable, "-c", lint], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_parameter_says_what_it_is_and_who_says_so():
    for p in PARAMETERS:
        assert p.group in ("world", "behavior", "population", "design", "time"), p.name
        assert p.meaning and p.source, p.name
        assert p.interval or p.kind in ("table", "path"), p.name
        assert p.unit or p.kind in ("choice", "table", "path"), p.name


def test_the_model_description_names_every_number():
    """docs/model.md mentions each parameter and each measure (losses by their part)."""
    text = (ROOT / "docs/model.md").read_text()
    skipped = {"organizations", "ties", "sectors", "density_within", "density_between"}
    missing = [p.name for p in PARAMETERS if p.name not in text and p.name not in skipped]
    assert not missing
    for measure in MEASURES:
        assert measure.kind == "series" or measure.name.startswith("value_") or measure.name in text, measure.name


def test_the_columns_promised_are_there():
    promised = "compete cooperate cocreate mutual active win_win win_lose lose_lose trust disposition connection alignment tension scarcity conflict toward against rupture value value_silo first_best shortfall"  # noqa: E501
    losses = "rivalry duplication missed wasted relationship overhead isolation visibility misalignment tension caution setbacks"  # noqa: E501
    assert SERIES == (*promised.split(), *(f"loss_{name}" for name in losses.split()))
    assert len(LEVERS) == 12


def test_the_drawing_names_every_file():
    for path in [*ROOT.glob("sim/*.py"), *ROOT.glob("experiments/*.py")]:
        assert path.stem == "__init__" or re.search(rf"\b{path.stem}\b", README), f"README draws no room for {path}"


def test_every_study_is_a_question_that_can_be_run():
    from experiments.plan import make_plan
    from experiments.study import read_study

    studies = sorted((ROOT / "configs").glob("*.toml"))
    assert len(studies) >= 12
    for path in studies:
        assert tomllib.loads(path.read_text())["question"].endswith("?"), path.name
        assert make_plan(read_study(path)).n_jobs > 0


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("code", _blocks("python"))
def test_readme_python_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})


def test_readme_commands_run(tmp_path):
    """Every `positivesum` command of the README, in order, in a folder with the studies it names."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    studies = [text for text in _blocks("toml") if text.startswith("question")]
    for name, text in zip(("coalition", "screening"), studies, strict=True):
        (tmp_path / f"{name}.toml").write_text(text)
    commands = [line.split("#")[0].strip() for block in _blocks("bash") for line in block.splitlines()]
    commands = [line for line in commands if line.startswith("positivesum")]
    assert len(commands) >= 4
    program = Path(sys.executable).parent / "positivesum"
    for line in commands:
        run = subprocess.run([program, *shlex.split(line)[1:]], cwd=tmp_path, capture_output=True, text=True)
        assert run.returncode == 0, f"{line}\n{run.stdout}\n{run.stderr}"
