"""The nearest common work with two libraries of game theory: turns of a repeated prisoner's dilemma per second.

Axelrod-Python plays a match of generous tit for tat against win-stay lose-shift, with noise .05. EGTtools plays
four C++ strategies without any chance in them, each against each and itself (``NormalFormGame``: ten matches; where
there is chance it repeats a match, how often it does not say, so turns could not be counted). Ours plays the same 2x2
game on isolated pairs by the reciprocal rule, generous tit for tat that trembles, with misperception .05. The work is
not the same: ours also keeps discounted beliefs, draws every number at an address of its own, works out utilities and
the measures of every step; they hold strategies of any kind, as ours does not; Axelrod keeps the whole history,
EGTtools only sums. So the ratio says what a turn costs where each is at home.

Both are installed into an environment that is made for the purpose and removed: Axelrod 4.13 is the last release
that does without torch.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measured import Row, Skipped, ratios, row, timed
from sim import Scenario, engine
from sim.population import build

GAME = [[1, 5], [0, 3]]  # rows own act, 0 defect, 1 cooperate: P, T; S, R
AXELROD = ("axelrod==4.13.1",), ("numpy", "scipy", "pandas", "dask[dataframe]", "toolz", "matplotlib", "tqdm", "pyyaml")
EGTTOOLS = ("egttools==0.1.14.2",), ("numpy", "scipy", "networkx", "matplotlib", "seaborn")
_MATCH = """
import time
import axelrod
players = axelrod.GTFT(), axelrod.WinStayLoseShift()
match = axelrod.Match(players, turns={turns}, noise=0.05, seed=1)
began = time.perf_counter()
match.play()
print({turns} / (time.perf_counter() - began))
"""
_PAIRS = """
import time
import numpy
import egttools.behaviors.NormalForm.TwoActions as two
from egttools.games import NormalFormGame
strategies = [two.TFT(), two.Pavlov(), two.GRIM(), two.SuspiciousTFT()]
began = time.perf_counter()
NormalFormGame({turns}, numpy.array({game}, float), strategies)
print(10 * {turns} / (time.perf_counter() - began))
"""


def axelrod(turns: int = 50_000, repeats: int = 5) -> list[Row]:
    """Match turns per second of Axelrod-Python against ours."""
    return _compare("Axelrod-Python", AXELROD, _MATCH.format(turns=turns), repeats)


def egttools(turns: int = 2_000_000, repeats: int = 5) -> list[Row]:
    """Match turns per second of EGTtools' compiled games against ours."""
    return _compare("EGTtools (C++)", EGTTOOLS, _PAIRS.format(turns=turns, game=GAME), repeats)


def _compare(name: str, packages, script: str, repeats: int) -> list[Row]:
    with _environment(*packages) as their_python:
        ours, theirs = [], []
        _turns_per_second()
        for _ in range(repeats):
            ours.append(_turns_per_second())
            theirs.append(float(_said(their_python, "-c", script)))
    return [
        row("compiled engine, reciprocal rule", "million turns per second", [each / 1e6 for each in ours]),
        row(name, "million turns per second", [each / 1e6 for each in theirs]),
        row(f"compiled engine / {name}", "ratio", ratios(ours, theirs)),
    ]


def _turns_per_second(n_pairs: int = 150, steps: int = 4000) -> float:
    scenario = Scenario(
        n_organizations=2 * n_pairs, network="pairs", choice="reciprocal", game=GAME, misperception=0.05, steps=steps
    )
    people = build(scenario, 1)
    return n_pairs * steps / timed(lambda: engine.run(scenario, 1, people, with_ledger=False))


@contextlib.contextmanager
def _environment(without_requirements: tuple[str, ...], others: tuple[str, ...]):
    """The Python of a new environment with these packages. Raises Skipped where they cannot be installed."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            _said(sys.executable, "-m", "venv", folder)
            python = str(Path(folder) / "bin" / "python")
            _said(python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", *others)
            _said(python, "-m", "pip", "install", "--quiet", "--no-deps", *without_requirements)
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            raise Skipped(f"{' '.join(without_requirements)} cannot be installed here: {error}") from None
        yield python


def _said(*arguments: str) -> str:
    """What a command prints. RuntimeError with its last words where it fails."""
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=400, cwd=tempfile.gettempdir())
    if done.returncode:
        raise RuntimeError(" ".join(done.stderr.split())[-300:])
    return done.stdout
