"""The benchmarks can be called and say what they mean. None of these tests looks at a time."""

import importlib
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sim import Scenario
from sim.simulation import observe

sys.path.append(str(Path(__file__).resolve().parents[1]))
from benchmarks import against_c, measured, reference, tables

ROOT = Path(__file__).resolve().parents[1]


def listed():
    run = [sys.executable, str(ROOT / "benchmarks" / "run.py"), "--list"]
    return subprocess.run(run, capture_output=True, text=True, check=True, cwd=ROOT.parent).stdout


def test_every_comparison_has_its_place_on_the_page_and_a_function():
    page = (ROOT / "docs" / "performance.md").read_text()
    names = [line.split()[0] for line in listed().splitlines()]
    assert len(names) > 10
    assert set(re.findall(r"<!-- begin (\w+) -->", page)) == {*names, "machine", "aims"}
    source = (ROOT / "benchmarks" / "run.py").read_text()
    for name, module, function in re.findall(r'Comparison\("(\w+)", "[^"]*", "(\w+)", "(\w+)"\)', source):
        assert name in names
        assert callable(getattr(importlib.import_module(f"benchmarks.{module}"), function)), name


def test_a_row_says_whether_its_aim_is_met():
    assert measured.row("a", "s", [3.0, 1.0, 2.0])[2:5] == (2.0, 1.0, 3.0)
    for values, aims, verdict in [
        ([1.0], {}, ""),
        ([1.15], {"at_most": 1.15}, "met"),
        ([1.5], {"at_most": 1.0}, "missed by 50%"),
        ([1000.0], {"at_least": 1000}, "met"),
        ([400.0], {"at_least": 1000}, "missed by 60%"),
    ]:
        assert measured.row("a", "s", values, **aims).verdict() == verdict


def test_a_table_takes_its_place_and_the_prose_stays():
    page = "before\n<!-- begin c -->\nold\n<!-- end c -->\nafter\n"
    assert tables._placed(page, "c", "new\n") == page.replace("old", "new")
    with pytest.raises(ValueError, match="no place for mesa"):
        tables._placed(page, "mesa", "new\n")


def test_a_comparison_runs_from_end_to_end():
    try:
        rows = against_c.minimal()
    except measured.Skipped as missing:
        pytest.skip(f"NOT COMPARED WITH THE PROGRAM IN C: {missing}")
    assert rows and all(math.isfinite(row.median) for row in rows)
    assert reference.TIE.itemsize == 128 and reference.ORGANIZATION.itemsize == 136


@pytest.mark.slow
def test_the_idiomatic_mesa_model_plays_the_same_game():
    """Its means over the last quarter are ours, within what eight runs can tell apart."""
    from benchmarks.against_mesa import MEASURES
    from benchmarks.idiomatic_mesa import Partnerships

    n_runs, theirs = 8, []
    for seed in range(n_runs):
        model = Partnerships(seed=seed)
        while model.running:
            model.step()
        theirs.append(model.datacollector.get_model_vars_dataframe().tail(50).mean())
    ours = [observe(Scenario(), seed, MEASURES).values for seed in range(100)]
    for k, name in enumerate(MEASURES):
        values = [float(run[k]) for run in ours]
        mean = sum(values) / len(values)
        sd = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
        assert abs(sum(float(run[name]) for run in theirs) / n_runs - mean) < 4 * sd / math.sqrt(n_runs), name
