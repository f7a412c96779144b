"""Figures: what is drawn is what the tables say, the same bytes each time, and nothing else is touched."""

import itertools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from experiments import analysis, bars, canvas, curves, figures
from experiments.study import Study, read_study

MEASURES = ("value", "mutual", *bars.GAINS, *bars.LOSSES)


WORLDS, DESIGNS = ("zero-sum", "positive-sum"), ("usual", "full")


def a_study(worlds=WORLDS, designs=DESIGNS, factors=None, measures=MEASURES):
    factors = factors or {}
    return Study(
        name="s", question="?", replicates=6, seed=1, measures=measures, series=("value",), wants_better_off=False,
        worlds=worlds, designs=designs, against={d: designs[0] for d in designs[1:]}, factors=factors,
        reference_world=worlds[0], reference_design=designs[0], parameters={f: f for f in factors},
    )  # fmt: skip


def cells(study):
    for world, design, *levels in itertools.product(study.worlds, study.designs, *study.factors.values()):
        yield {"world": world, "design": design, **dict(zip(study.factors, levels, strict=True))}


def tables(study):
    """Runs, means and comparison; the wasted investment is a saving (negative) everywhere."""
    rng, rows = np.random.default_rng(0), []
    for cell, r in itertools.product(list(cells(study)), range(study.replicates)):
        numbers = dict(zip(study.measures, rng.uniform(0.02, 0.3, len(study.measures)), strict=True))
        numbers["loss_wasted"] = -0.05
        rows.append(cell | {"replicate": r + 1, "seed": r + 1, "status": "ok", "run_id": str(len(rows))} | numbers)
    runs = pd.DataFrame(rows)
    return runs, analysis.means(runs, study), analysis.comparison(runs, None, study)


def a_series(study, steps=10):
    rng = np.random.default_rng(1)
    rows = [c | {"replicate": r, "step": t} for c in cells(study) for r in (1, 2, 3) for t in range(steps)]
    return pd.DataFrame(rows).assign(value=lambda t: t["step"] + rng.normal(size=len(t)))


def drawn(study, directory, series=None):
    runs, means, compared = tables(study)
    return {path.stem for path in figures.draw_all(runs, compared, means, series, study, directory)}


@pytest.mark.parametrize(
    ("study", "expected"),
    [
        (a_study(), {"outcomes", "differences", "gain", "shortfall", "trajectories"}),
        (a_study(("w",), ("d",)), {"outcomes", "gain", "shortfall", "trajectories"}),  # nothing to compare
        (a_study(measures=("value",)), {"outcomes", "differences", "trajectories"}),
        (
            a_study(factors={"levers": (0.0, 0.5, 1.0)}, measures=("value",)),
            {"outcomes", "differences", "factor", "trajectories"},
        ),
        (
            a_study(("w",), ("d",), {"network": ("random", "pairs"), "rivalry": (0.1, 0.2, 0.3)}, ("value",)),
            {"outcomes", "differences", "factor", "heat_value", "trajectories"},
        ),
        # too many rows to read: lines and maps only
        (
            a_study(("w",), ("d",), {"rivalry": tuple(range(9)), "levers": tuple(range(9))}, ("value",)),
            {"factor", "heat_value", "trajectories"},
        ),
    ],
)
def test_the_tables_decide_which_figures_are_drawn(study, expected, tmp_path):
    assert drawn(study, tmp_path, a_series(study)) == expected
    assert {path.stem for path in tmp_path.iterdir()} == expected


def test_figures_without_numbers_or_runs_are_left_out(tmp_path):
    study = a_study(measures=("value",))
    runs, _, _ = tables(study)
    for table in (runs.assign(value=np.nan), runs.assign(status="failed"), runs.iloc[:0]):
        means, compared = analysis.means(table, study), analysis.comparison(table, None, study)
        assert figures.draw_all(table, compared, means, None, study, tmp_path) == []


def test_the_same_tables_give_the_same_bytes_and_no_version_in_them(tmp_path):
    study = a_study(factors={"levers": (0.0, 1.0)})
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        drawn(study, tmp_path / name, a_series(study))
    for path in (tmp_path / "one").iterdir():
        content = path.read_bytes()
        assert content == (tmp_path / "two" / path.name).read_bytes()
        assert b"Software" not in content and b"Matplotlib" not in content


def test_drawing_touches_no_backend_no_style_and_no_open_figure(tmp_path):
    program = (
        "import matplotlib as m, pathlib, pandas as pd; m.use('svg'); before = dict(m.rcParams)\n"
        "from experiments.figures import draw_run\n"
        "series = pd.DataFrame({'step': [0, 1], 'value': [1.0, 2.0]})\n"
        "draw_run(series, 'a run', pathlib.Path('run.png'))\n"
        "import matplotlib.pyplot as plt\n"
        "assert dict(m.rcParams) == before and m.get_backend() == 'svg' and not plt.get_fignums()"
    )
    root = str(figures.Path(figures.__file__).parents[1])
    surroundings = {"PYTHONPATH": root, "MPLCONFIGDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=surroundings, check=True)
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")


def test_stacked_parts_add_up_and_savings_stand_left_of_zero():
    study = a_study(worlds=("w",))
    _, means, _ = tables(study)
    with canvas.style():
        panel = bars.shortfall(means, study).axes[0]
    table = means[means["measure"].isin(list(bars.LOSSES))].pivot_table(
        index="design", columns="measure", values="mean"
    )
    for row, design in enumerate(study.designs):
        boxes = [p for p in panel.patches if round(p.get_y() + p.get_height() / 2) == row]
        ends = [end for p in boxes for end in (p.get_x(), p.get_x() + p.get_width())]
        right, left = max(ends), min(ends)
        parts = table.loc[design]
        assert right == pytest.approx(parts[parts > 0].sum())
        assert left == pytest.approx(parts[parts < 0].sum()) and left < 0
        assert panel.lines[-1].get_xdata()[row] == pytest.approx(parts.sum())


def test_points_stand_at_their_means_and_are_hollow_where_the_sign_cannot_be_told():
    study = a_study(measures=("value",), worlds=("w",), designs=("usual", "a", "b"))
    _, _, compared = tables(study)
    compared = compared.assign(verdict=["higher", "cannot say"])
    with canvas.style():
        panel = bars.differences(compared, study, ["value"]).axes[0]
    points = [line for line in panel.lines if len(line.get_xdata()) == 1]
    assert [p.get_xdata()[0] for p in points] == pytest.approx(list(compared["difference"]))
    assert [to_hex(p.get_markerfacecolor()) == "#ffffff" for p in points] == [False, True]


def test_differences_diverge_evenly_around_zero_and_means_do_not():
    factors = {"rivalry": (0.1, 0.2, 0.3), "levers": (0.0, 1.0)}
    study = a_study(worlds=("w",), factors=factors, measures=("value",))
    _, means, compared = tables(study)
    with canvas.style():
        low, high = curves.heat_map(compared, study, "value").axes[0].collections[0].get_clim()
        assert low == -high == -compared["difference"].abs().max()
        limits = curves.heat_map(means, study, "value").axes[0].collections[0].get_clim()
    assert limits == (means["mean"].min(), means["mean"].max())


def test_a_heat_map_puts_every_number_in_its_cell():
    study = a_study(("w",), ("d",), {"rivalry": (0.3, 0.1), "network": ("random", "pairs", "complete")}, ("value",))
    _, means, _ = tables(study)
    with canvas.style():
        panel = curves.heat_map(means, study, "value").axes[0]
    columns, rows = ([t.get_text() for t in axis.get_ticklabels()] for axis in (panel.xaxis, panel.yaxis))
    notes = iter(panel.texts)
    found = {(column, row): next(notes).get_text() for row in rows for column in columns}
    by_row = {str(k) for k in study.factors["rivalry"]} == set(rows)
    for row in means.to_dict("records"):
        key = (row["network"], str(row["rivalry"])) if by_row else (str(row["rivalry"]), row["network"])
        assert found[key] == f"{row['mean']:.2f}"


def test_the_band_is_students_interval_of_the_mean_and_absent_for_one_run():
    table = pd.DataFrame({"world": "w", "line": "d", "step": [0, 0, 1], "value": [1.0, 3.0, 5.0]})
    band = curves.bands(table, "value")
    assert list(band["mean"]) == [2.0, 5.0]
    assert band.loc[0, "high"] - 2 == pytest.approx(12.7062, abs=1e-3)
    assert np.isnan(band.loc[1, "low"])


def test_many_designs_make_the_figure_taller_not_denser():
    few, many = (a_study(worlds=("w",), designs=tuple(f"d{i}" for i in range(n)), measures=("value",)) for n in (5, 39))
    with canvas.style():
        heights = [bars.outcomes(*tables(study)[:2], study, ["value"]).get_figheight() for study in (few, many)]
    assert heights[1] - heights[0] > 0.3 * (39 - 5)


def test_each_loss_and_each_line_has_a_color_of_its_own():
    assert len(set(bars.LOSSES.values())) == len(bars.LOSSES) == 12
    assert len({to_hex(c) for c in canvas.colors(curves.MOST_LINES)}) == curves.MOST_LINES


def test_few_runs_do_not_stretch_a_figure_and_the_title_says_how_few():
    study = a_study(worlds=("w",), measures=("value",))
    runs, means, _ = tables(study)
    few, wide = means.assign(n=2, low=-100.0, high=100.0), means.assign(low=-100.0, high=100.0)
    with canvas.style():
        one, other = (bars.outcomes(runs, table, study, ["value"]) for table in (few, wide))
    assert np.ptp(one.axes[0].get_xlim()) < 1 < 100 < np.ptp(other.axes[0].get_xlim())
    assert "(n = 2)" in " ".join(one.get_suptitle().split()) and "too few" not in other.get_suptitle()


def test_better_off_shows_every_group_at_its_share_and_half():
    study = a_study(worlds=("w",), measures=("value",))
    _, _, compared = tables(study)
    groups = ("", ": weak third", ": sector arts")
    shares = pd.concat([compared.assign(measure=f"better_off{g}", mean=m, reference=0.5, low=-0.1, high=0.1)
                        for g, m in zip(groups, (0.6, 0.2, 1.0), strict=True)])  # fmt: skip
    with canvas.style():
        panel = bars.better_off(shares, study).axes[0]
    points = [line.get_xdata()[0] for line in panel.lines if line.get_marker() not in ("None", None, "")]
    assert points == [0.6, 0.2, 1.0]
    assert any(list(line.get_xdata()) == [0.5, 0.5] for line in panel.lines)


def test_long_names_are_cut_to_two_lines():
    lines = canvas.short("a design with a very long name " * 10).splitlines()
    assert len(lines) == 2 and max(map(len, lines)) <= 40 and lines[1].endswith("…")


def test_events_and_phases_are_dotted_lines_over_time(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(
        'question = "?"\n[base]\nsteps = 50\n[[base.events]]\nkind = "turnover"\nstep = 10\nsize = 0.5\n'
        "[designs.usual]\n[[designs.usual.phases]]\nstep = 5\nlevers = 0.4\n"
    )
    assert curves._scheduled(read_study(path), "base") == [5, 10]
