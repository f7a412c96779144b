"""Killed, starved, damaged or doubled: the same command mends a sweep, and its folder ends up as if nothing had been.

What is disturbed and how it is judged stands in ``benchmarks/chaos.py``, which does the same more often and with
larger studies. Moments are drawn; the outcome must not depend on them.
"""

import contextlib
import importlib.util
import io
import os
import random
import shutil
import sys
from pathlib import Path

import pytest

from experiments import cli as command_line
from experiments import plan as plans
from experiments import publish
from experiments.plan import make_plan
from experiments.runner import run_sweep
from experiments.study import read_study
from sim import simulation

SPEC = importlib.util.spec_from_file_location("chaos", Path(__file__).parents[1] / "benchmarks" / "chaos.py")
chaos = importlib.util.module_from_spec(SPEC)
sys.modules["chaos"] = chaos
SPEC.loader.exec_module(chaos)

SIZE = {"n_organizations": 10, "steps": 8}
SECONDS = 3.0  # roughly how long a sweep takes that is started anew; when kills may come
DAMAGE, IN_STAGES = "a file cut off or a bit flipped", "the same in a study in stages"
LATER = (
    "kill -9 of the server that forks workers",
    "SIGINT or SIGTERM to all at any moment",
    "a clock that jumps",
    "kill -9 of the parent alone at any moment",
    DAMAGE,
    IN_STAGES,
)
QUICK = [name for name in chaos.CASES if name not in LATER]
elsewhere = chaos.run


class Crash(BaseException):
    """A kill in the middle of things."""


def here(arguments: list[str], **how):
    """A command that nobody disturbs, in this process: nothing is imported again and no figure drawn."""
    if how:
        return elsewhere(arguments, **how)
    words = ["1" if before == "--workers" else word for before, word in zip(["", *arguments], arguments, strict=False)]
    complaints = io.StringIO()
    with contextlib.redirect_stderr(complaints), contextlib.redirect_stdout(io.StringIO()):
        code = command_line.main(words)
    return chaos.Done(code, complaints.getvalue())


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Without figures, which the script compares."""
    prints = chaos.prints
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chaos, "run", here)
        patch.setattr(chaos, "N_SWEEPS", 1)
        patch.setattr(chaos, "prints", lambda f: {k: v for k, v in prints(f).items() if not k.startswith("figures/")})
        patch.setattr(chaos, "UNTIL", chaos.UNTIL.replace("min = 10, max = 60", "min = 6, max = 12"))
        patch.setattr(publish, "draw", lambda folder, results: [])
        yield


@pytest.fixture(scope="module")
def grounds(tmp_path_factory):
    """Undisturbed sweeps by name, made when first asked for."""
    made = {}

    def of(name: str):
        if name not in made:
            place = tmp_path_factory.mktemp("ground") / name
            made[name] = getattr(chaos, name)(place, **SIZE)._replace(seconds=SECONDS)
        return made[name]

    return of


def disturbed(grounds, folder: Path, name: str, seed: int):
    """Carries out a case and says what it came to; skips aloud where the machine lacks something."""
    key, case = chaos.CASES[name]
    try:
        return case(grounds(key), folder / "trial", random.Random(seed))
    except chaos.Missing as missing:
        pytest.skip(f"this machine lacks {missing}")


@pytest.mark.parametrize("name", QUICK)
def test_the_same_command_mends_it(grounds, tmp_path, name):
    trial = disturbed(grounds, tmp_path, name, 1)
    assert trial.is_resumed, trial.note
    assert trial.is_identical, trial.note
    assert (trial.n_redone, trial.n_rewritten) == (0, 0), trial.note


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 5))
@pytest.mark.parametrize("name", [name for name in chaos.CASES if name not in (DAMAGE, IN_STAGES)])
def test_the_same_command_mends_it_at_other_moments(grounds, tmp_path, name, seed):
    assert disturbed(grounds, tmp_path, name, seed)[:4] == (True, True, 0, 0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", [DAMAGE, IN_STAGES])
def test_a_damaged_file_costs_the_runs_that_stood_in_it_and_no_other(grounds, tmp_path, seed, name):
    trial = disturbed(grounds, tmp_path, name, seed)
    assert trial[:4] == (True, True, 0, 0), trial.note


@pytest.mark.parametrize("n_lines", [0, 1])
def test_a_part_of_a_later_stage_that_was_not_finished_is_made_again(grounds, tmp_path, n_lines):
    ground, folder = grounds("stages"), tmp_path / "trial"
    shutil.copytree(ground.whole, folder)
    lines = (folder / chaos.CHECKSUMS).read_bytes().splitlines(keepends=True)
    (folder / chaos.CHECKSUMS).write_bytes(b"".join(lines[: len(lines) - len(ground.kinds) + n_lines]))
    assert here(ground.sweep(folder)).code == 0
    assert chaos.prints(folder) == chaos.prints(ground.whole)


# At every step -------------------------------------------------------------------------------------------------------


class Grown:
    """A study of few parts that grows from 6 to 9 replicates; a part of it failed before."""

    def __init__(self, place: Path):
        place.mkdir()
        self.place, self.study, self.whole = place, place / "study.toml", place / "whole"
        self.study.write_text(chaos.text_of(**SIZE, replicates="6"))
        self.finish(self.whole, 9)
        self.kinds = chaos.Ground(self.study, self.whole, 0.0).kinds

    def plan(self, replicates: int):
        return make_plan(read_study(self.study, replicates=replicates))

    def finish(self, folder: Path, replicates: int, **orders):
        report = run_sweep(self.plan(replicates), folder, **orders)
        publish.write_tables(folder, publish.results_of(folder, self.plan(replicates)))
        return report


@pytest.fixture
def grown(tmp_path, monkeypatch):
    monkeypatch.setattr(plans, "LEAST_BATCHES", 3)  # 3 parts of 8 and of 12 runs
    return Grown(tmp_path / "grown")


def dying_at(monkeypatch, last: int) -> None:
    """From the ``last``-th change of a folder on, nothing can be changed any more: nobody tidies up after a kill."""
    done = []

    def deadly(change):
        def changed(*arguments, **options):
            if len(done) >= last:
                raise Crash
            done.append(arguments)
            return change(*arguments, **options)

        return changed

    for name in ("replace", "link", "unlink", "rmdir"):
        monkeypatch.setattr(os, name, deadly(getattr(os, name)))


EARLY = [5, 8, 11, 14, 17, 30, 50]  # while parts are put aside, and some later
at_steps = pytest.mark.parametrize(
    "steps", [EARLY, pytest.param(range(1_000), marks=pytest.mark.slow)], ids=["some steps", "every step"]
)


def crashed(grown, monkeypatch, steps, before: Path, folder: Path, **orders) -> None:
    """Crashes at these changes of the folder in turn; each time the same command costs nothing that was stored."""
    n_all, n_crashes = len(grown.plan(9).cells) * 9, 0
    for last in steps:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(before, folder)
        with monkeypatch.context() as patch:
            dying_at(patch, last)
            try:
                run_sweep(grown.plan(9), folder, **orders)
                break
            except Crash:
                n_crashes += 1
        stored = chaos.snapshot(folder, grown).run_ids
        report = grown.finish(folder, 9, **orders)
        assert report.n_new == n_all - len(stored), last
        assert chaos.prints(folder) == chaos.prints(grown.whole), last
        assert not [*folder.glob(".bank"), *folder.rglob(".aside-*"), *folder.parent.glob(".aside-*")], last
    assert n_crashes >= len(EARLY) - 1


@at_steps
def test_a_crash_at_any_step_of_growing_costs_no_stored_run(grown, tmp_path, monkeypatch, steps):
    grown.finish(tmp_path / "six", 6)
    crashed(grown, monkeypatch, steps, tmp_path / "six", tmp_path / "trial")


def test_a_disk_without_second_names_for_files_will_do(grown, tmp_path, monkeypatch):
    def link(*arguments, **options):
        raise OSError(95, "Operation not supported")

    grown.finish(tmp_path / "trial", 6)
    monkeypatch.setattr(os, "link", link)
    assert grown.finish(tmp_path / "trial", 9).n_new == 12
    assert chaos.prints(tmp_path / "trial") == chaos.prints(grown.whole)


@at_steps
def test_a_crash_at_any_step_of_a_retry_costs_no_stored_run(grown, tmp_path, monkeypatch, steps):
    observe = simulation.observe

    def failing(scenario, seed, *rest):
        if seed in (2, 8):
            raise FloatingPointError("on purpose")
        return observe(scenario, seed, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(simulation, "observe", failing)
        grown.finish(tmp_path / "failed", 9)
    crashed(grown, monkeypatch, steps, tmp_path / "failed", tmp_path / "trial", retry=True)


def test_figures_of_failed_runs_are_drawn_again_even_if_a_kill_came_between(grounds, tmp_path, monkeypatch):
    folder, drawn = tmp_path / "trial", []
    shutil.copytree(grounds("points").whole.with_name("failed"), folder)

    def crash(folder, results):
        raise Crash

    monkeypatch.setattr(publish, "draw", crash)
    with pytest.raises(Crash):
        here(["retry", str(folder), "--workers", "1"])
    monkeypatch.setattr(publish, "draw", lambda folder, results: drawn.append(folder) or [])
    assert here(["retry", str(folder), "--workers", "1"]).code == 0
    assert drawn == [folder]


def test_no_other_sweep_comes_between_a_sweep_and_its_tables(grounds, tmp_path, monkeypatch):
    ground, folder, refused = grounds("plain"), tmp_path / "trial", []
    publish_it = publish.publish

    def intruded(*arguments, **options):
        refused.append(elsewhere(ground.sweep(folder)))
        return publish_it(*arguments, **options)

    monkeypatch.setattr(publish, "publish", intruded)
    assert here(ground.sweep(folder)).code == 0
    assert refused[0].code == 2
    assert "another sweep is at work" in refused[0].complaints
