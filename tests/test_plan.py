"""Jobs, their seeds, ids and batches depend on the study alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import plan as planning
from experiments.errors import PositiveSumError, StudyError
from experiments.plan import make_plan
from experiments.study import study_from

STUDY = {
    "question": "?",
    "replicates": 3,
    "seed": 7,
    "measures": ["value"],
    "base": {"n_organizations": 10, "degree": 2, "steps": 4},
    "worlds": {"w": {}, "z": {"synergy": 0}},
    "designs": {"none": {}, "full": {"levers": 0.8}},
    "factors": {"rivalry": [0.1, 0.2]},
}
ORGANIZATIONS = "id\na\nb\nc\n"
TIES = "source,target\na,b\nb,c\n"


def jobs_of(data: dict, **rest) -> dict:
    """Run id of each (world, design, level, replicate)."""
    plan = make_plan(study_from(data, **rest))
    jobs = [job for batch in plan.batches for job in plan.jobs(batch)]
    return {(*plan.cells[job.cell][:2], *plan.cells[job.cell].point.values(), job.replicate): job for job in jobs}


def test_a_replicate_meets_the_same_seed_everywhere():
    jobs = jobs_of(STUDY)
    assert len(jobs) == 2 * 2 * 2 * 3
    assert {(replicate, job.seed) for (*_, replicate), job in jobs.items()} == {(1, 7), (2, 8), (3, 9)}


def test_jobs_of_one_seed_stand_together():
    plan = make_plan(study_from(STUDY))
    seeds = [job.seed for batch in plan.batches for job in plan.jobs(batch)]
    assert len(seeds) == plan.n_jobs
    assert seeds == sorted(seeds)


def test_every_run_has_an_id_of_its_own():
    ids = [job.run_id for job in jobs_of(STUDY).values()]
    assert len(set(ids)) == len(ids)
    assert all(len(run_id) == 16 for run_id in ids)


def test_an_id_does_not_depend_on_names_order_or_number_of_replicates():
    renamed = STUDY | {
        "question": "Another?",
        "replicates": 2,
        "worlds": {"flat": {"synergy": 0.0}, "growing": {"synergy": 3}},
        "designs": {"all": {"levers": 0.8}, "idle": {}},
        "factors": {"rivalry": [0.2, 0.1]},
    }
    names = {"w": "growing", "z": "flat", "none": "idle", "full": "all"}
    before, after = jobs_of(STUDY), jobs_of(renamed)
    for (world, design, level, replicate), job in before.items():
        if replicate <= 2:
            assert after[names[world], names[design], level, replicate].run_id == job.run_id


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 8},
        {"measures": ["mutual"]},
        {"series": ["value"]},
        {"base": {"n_organizations": 10, "degree": 2, "steps": 5}},
    ],
)
def test_an_id_depends_on_all_that_the_numbers_depend_on(change):
    before, after = jobs_of(STUDY), jobs_of(STUDY | change)
    assert all(after[key].run_id != job.run_id for key, job in before.items())


@given(st.lists(st.floats(1e-3, 100.0), min_size=1, max_size=30), st.integers(1, 200))
@settings(max_examples=100, deadline=None)
def test_batches_hold_every_job_once_and_stay_small(costs, replicates):
    batches = list(planning._batches(np.tile(costs, replicates)))
    numbers = [number for batch in batches for number in range(batch.first, batch.end)]
    assert numbers == list(range(len(costs) * replicates))
    assert sorted({batch.name for batch in batches}) == [batch.name for batch in batches]
    for batch in batches:
        spent = sum(costs[number % len(costs)] for number in range(batch.first, batch.end))
        assert batch.end - batch.first == 1 or spent <= planning.SECONDS_PER_BATCH[1] * (1 + 1e-9)


@pytest.mark.parametrize(
    ("seconds", "n_jobs", "fewest", "most"),
    [
        (1e-3, 40, 32, 40),  # a small study occupies every core
        (1e-3, 6_400, 50, 50),
        (1e-3, 1_000_000, 200, 200),  # a large one is not a heap of files
        (0.1, 100_000, 180, 220),
        (1.0, 100_000, 1_600, 1_700),  # unless a kill would cost more than a minute
        (600.0, 10, 10, 10),
    ],
)
def test_batches_are_neither_too_many_nor_too_dear(seconds, n_jobs, fewest, most):
    assert fewest <= len(list(planning._batches(np.full(n_jobs, seconds)))) <= most


def test_the_bars_cost_two_twins_besides():
    (plain,), (dear,) = (make_plan(study_from({"question": "?", "measures": [m]})).costs for m in ("value", "bars"))
    kernel = 300 * 200 * planning.SECONDS_PER_TIE_STEP
    assert plain == pytest.approx(kernel + planning.SECONDS_PER_RUN)
    assert dear == pytest.approx(planning.TWINS * kernel + planning.SECONDS_PER_RUN)


def observed(folder, organizations=ORGANIZATIONS, ties=TIES) -> dict:
    (folder / "o.csv").write_text(organizations)
    (folder / "t.csv").write_text(ties)
    return {
        "question": "?",
        "replicates": 1,
        "measures": ["value"],
        "base": {"network": "file", "organizations": "o.csv", "ties": "t.csv", "steps": 2},
    }


def test_observed_networks_count_by_content_not_by_path(tmp_path):
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder in folders:
        folder.mkdir()
    data = observed(folders[0])
    observed(folders[1])
    observed(folders[2], ties="source,target\na,b\nb,c\na,c\n")
    first, second, third = ([job.run_id for job in jobs_of(data, folder=folder).values()] for folder in folders)
    assert first == second
    assert first != third


def test_a_missing_network_file_is_named_with_its_key(tmp_path):
    data = observed(tmp_path)
    (tmp_path / "t.csv").unlink()
    with pytest.raises(StudyError, match=r"base\.ties names a file that cannot be read .*t\.csv"):
        make_plan(study_from(data, folder=tmp_path))


@pytest.mark.parametrize(
    "ties", ["source,target\na,a\n", "source,target\na,x\n", "source,target\na,b\nb,a\n", "from,to\na,b\n"]
)
def test_a_faulty_network_shows_before_anything_runs(tmp_path, ties):
    with pytest.raises(PositiveSumError, match=r"t\.csv"):
        make_plan(study_from(observed(tmp_path, ties=ties), folder=tmp_path))


@pytest.mark.parametrize(
    ("changes", "options", "key"),
    [
        ({"base": {"degree": 4}}, {}, "base.degree"),
        ({"designs": {"d": {"n_organizations": 50}}}, {}, "designs.d.n_organizations"),
        ({"factors": {"rewiring": [0, 1]}}, {}, "factors.rewiring"),
        ({}, {"settings": {"density_within": 0.5}}, "--set.density_within"),
        ({"base": {"preset": "coalition"}}, {}, "base.preset"),
    ],
)
def test_what_observed_networks_say_may_not_be_set(tmp_path, changes, options, key):
    data = observed(tmp_path)
    data |= changes | {"base": data["base"] | changes.get("base", {})}
    with pytest.raises(StudyError, match="set by the CSV files; remove it") as caught:
        make_plan(study_from(data, folder=tmp_path, **options))
    assert caught.value.key == key
    assert str(caught.value).startswith(key)


def test_other_worlds_may_need_what_an_observed_one_does_not(tmp_path):
    files = observed(tmp_path)["base"]
    data = {"question": "?", "base": {"n_organizations": 30, "degree": 4}, "worlds": {"drawn": {}, "seen": files}}
    assert make_plan(study_from(data, folder=tmp_path)).n_jobs == 48
    with pytest.raises(StudyError, match=r"base\.n_organizations is set by the CSV files"):
        make_plan(study_from(data | {"worlds": {"seen": files}}, folder=tmp_path))


def test_a_setting_may_not_overwrite_a_factor():
    with pytest.raises(StudyError, match="--set rivalry would overwrite a factor"):
        make_plan(study_from(STUDY, settings={"rivalry": 0.5}))


def test_a_point_has_the_id_of_the_scenario_it_makes():
    """Points that are hashed from their neighbour's words get the ids that they get as designs of their own."""
    many = STUDY | {"factors": {"rivalry": [0.1, 0.2], "levers": [0.1, 0.5], "synergy": [1, 2], "choice": ["belief"]}}
    alone = STUDY | {"factors": {}, "worlds": {"w": {}}}
    ids = {job.run_id for job in jobs_of(many).values()}
    for rivalry, levers, synergy in ((0.1, 0.1, 1), (0.2, 0.5, 2.0), (0.2, 0.1, 1.0)):
        own = {"d": {"rivalry": rivalry, "levers": levers, "synergy": synergy}}
        assert {job.run_id for job in jobs_of(alone | {"designs": own}).values()} <= ids


def test_a_pilot_times_what_has_run_before(monkeypatch):
    """Every kind of network is compiled on its own; a forecast that timed that said hours for minutes."""
    from experiments import pilot

    runs = []
    monkeypatch.setattr("sim.simulation.observe", lambda scenario, *_: runs.append((scenario.network, scenario.steps)))
    study = study_from(STUDY | {"factors": {"network": ["small-world", "random", "scale-free"]}})
    pilot.timed(make_plan(study))
    timed = [k for k, (_, steps) in enumerate(runs) if steps == 4]
    assert len(timed) == 3 and all(runs[k - 1] == (runs[k][0], 1) for k in timed)
