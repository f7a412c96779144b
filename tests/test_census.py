"""CSV files of organizations and ties: what they say is what is simulated, and every fault has one clear sentence."""

import random
from pathlib import Path

import networkx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.errors import NetworkError, PositiveSumError, ScenarioError
from sim.parameters import Scenario
from sim.population import build, labels

FLORENTINE = Path(__file__).resolve().parents[1] / "configs" / "networks" / "florentine"
ORGANIZATIONS = ["id,sector,power", "10,funder,9", "9,community,1.5", "2,community,.5", "1,business,3"]
TIES = ["source,target,overlap,active", "9,10,.25,1", "2,1,.5,0", "1,10,1,1"]


def files(folder, organizations=ORGANIZATIONS, ties=TIES, **changes):
    for name, rows in (("organizations", organizations), ("ties", ties)):
        content = rows if isinstance(rows, bytes) else ("\n".join(rows) + "\n").encode()
        (folder / f"{name}.csv").write_bytes(content)
    return Scenario(
        network="file", organizations=str(folder / "organizations.csv"), ties=str(folder / "ties.csv"), **changes
    )


def test_the_files_say_who_there_is(tmp_path):
    scenario = files(tmp_path)
    field = build(scenario, 1)
    assert labels(scenario) == (("1", "2", "9", "10"), ("business", "community", "funder"))
    assert field.power.tolist() == [3, 0.5, 1.5, 9]
    assert np.allclose(field.log_power, np.log([3, 0.5, 1.5, 9]))
    assert field.sector.tolist() == [0, 1, 1, 2]
    assert list(zip(field.i, field.j, strict=True)) == [(0, 1), (0, 3), (2, 3)]
    assert field.overlap.tolist() == [0.5, 1, 0.25]
    assert field.complementarity.tolist() == [1, 0, 0.75]  # follows the overlap observed
    assert field.active.tolist() == [False, True, True]
    assert np.all((field.value_distance > 0) & (field.value_distance < 1))  # drawn


def test_what_a_file_does_not_say_is_drawn_as_for_a_generated_population(tmp_path):
    field = build(files(tmp_path, ["id", "a", "b", "c", "d"], ["source,target", "a,b", "c,d"]), 7)
    pairs = build(Scenario(n_organizations=4, network="pairs"), 7)
    for name in field._fields:
        assert np.array_equal(getattr(field, name), getattr(pairs, name)), name


def test_observed_complementarity_stands_beside_an_observed_overlap(tmp_path):
    field = build(files(tmp_path, ties=["target,source,complementarity,overlap,value_distance", "2,1,.1,.2,.3"]), 1)
    assert (field.complementarity[0], field.overlap[0], field.value_distance[0]) == (0.1, 0.2, 0.3)


def test_the_order_of_rows_and_of_ends_changes_nothing(tmp_path):
    shuffle = random.Random(4).shuffle
    rows, ties = (FLORENTINE / "organizations.csv").read_text().split(), (FLORENTINE / "ties.csv").read_text().split()
    straight = files(tmp_path, rows, ties, participants=0.5, recruit="cluster")
    first, names = build(straight, 3), labels(straight)
    head, tail = rows[1:], [",".join(reversed(tie.split(","))) for tie in ties[1:]]
    shuffle(head)
    shuffle(tail)
    (tmp_path / "other").mkdir()
    other = files(tmp_path / "other", [rows[0], *head], [ties[0], *tail], participants=0.5, recruit="cluster")
    assert labels(other) == names
    for one, two in zip(first, build(other, 3), strict=True):
        assert np.array_equal(one, two)


def test_sector_tables_apply_to_the_sectors_of_the_file(tmp_path):
    scenario = files(tmp_path, sectors=[{"name": "community", "share": 1, "trust": 1.0}])
    assert np.flatnonzero(build(scenario, 1).disposition == 1).tolist() == [1, 2]
    assert build(scenario.replace(recruit="community"), 1).participates.tolist() == [False, True, True, False]
    with pytest.raises(ScenarioError, match=r"did you mean 'community'"):
        build(files(tmp_path, sectors=[{"name": "comunity", "share": 1}]), 1)
    with pytest.raises(ScenarioError, match=r"business \| community \| funder, not 'fundr'.*did you mean 'funder'"):
        build(scenario.replace(recruit="fundr"), 1)


def test_a_changed_file_is_read_again(tmp_path):
    assert build(files(tmp_path), 1).power[0] == 3
    changed = [*ORGANIZATIONS[:-1], "1,business,30"]
    assert build(files(tmp_path, changed), 1).power[0] == 30


def test_spreadsheets_may_add_a_mark_blank_lines_quotes_and_spaces(tmp_path):
    plain = build(files(tmp_path), 1)
    rows = "\r\n\r\n".join(ORGANIZATIONS).replace(",", " , ").replace(" funder ", '"funder"')
    for one, two in zip(plain, build(files(tmp_path, f"\ufeff{rows}\r\n,,\r\n".encode()), 1), strict=True):
        assert np.array_equal(one, two)


@pytest.mark.parametrize(("organizations", "said"), [
    (b"", "organizations.csv: is empty"),
    (["id,power"], "organizations.csv: has a header but no rows"),
    (["id", "a"], "organizations.csv: has one organization only"),
    (["name,power", "1,2", "2,3"], "line 1, column 'id': this column is missing"),
    (["id;power", "1;2", "2;3"], "columns are separated by ';': save it with commas"),
    (["id,powr", "1,2", "2,3"], "column 'powr': this column is unknown; did you mean 'power'"),
    (["id,power,power", "1,2,2", "2,3,3"], "column 'power': this column stands there twice"),
    (["id,power", "1,2", "", "1,3"], "line 4, column 'id': '1' stands already on line 2"),
    (["id,power", "1,2", ",3"], "line 3, column 'id': an id must not be blank"),
    (["id,power", "1,2", "2,"], "line 3, column 'power': must be a number in [1e-12, 1e+12], not a blank cell"),
    (["id,power", "1,0", "2,1"], "line 2, column 'power': must be a number"),
    (["id,power", "1,nan", "2,1"], "not 'nan'"),
    (["id,power", "1,inf", "2,1"], "not 'inf'"),
    (["id,power", "1,1_0", "2,1"], "not '1_0'"),
    (["id,intention", "1,-1.1", "2,1"], "column 'intention': must be a number in [-1, 1], not '-1.1'"),
    (["id,focus", "1,0", "2,1"], "'focus': must be a number in [0, 1): the ring's 1 is its 0, not '1'; correct it"),
    (["id,values", "1,1", "2,.1"], "column 'values': must be a number in [0, 1): the ring's 1 is its 0, not '1'"),
    (["id\tpower", "1\t2,5", "2\t3"], "columns are separated by tabs: save it with commas"),
    (["id;power", "1;2,5", "2;3"], "columns are separated by ';'"),  # decimal commas split the rows
    (["id,disposition", "1,high", "2,.1"], "column 'disposition': must be a number in [0, 1], not 'high'"),
    (["id,scarcity", "1,.5", "2,.1,3"], "line 3, has 3 cells where the header has 2"),
    (["id,sector", "1,hubs", "2,a"], "line 2, column 'sector': must be a word other than"),
    (["id,sector", "1,", "2,a"], "line 2, column 'sector': must be a word other than"),
    (["id", "1", '"2'], "line 3, is not well-formed CSV"),
    ("id,sector\n1,café\n2,b\n".encode("latin-1"), "is not UTF-8 text"),
])  # fmt: skip
def test_faults_of_organizations(tmp_path, organizations, said):
    _refuses(files(tmp_path, organizations), said)


@pytest.mark.parametrize(("ties", "said"), [
    (b"", "ties.csv: is empty"),
    (["source,target"], "ties.csv: has a header but no rows"),
    (["source,goal", "1,2"], "line 1, column 'target': this column is missing"),
    (["source,target,activ", "1,2,1"], "column 'activ': this column is unknown; did you mean 'active'"),
    (["source,target", "1,2", "2,1"], "line 3, column 'source': the tie 2 and 1 stands already on line 2"),
    (["source,target", "1,2", "1,2"], "line 3, column 'source': the tie 1 and 2 stands already on line 2"),
    (["source,target", "2,2"], "line 2, column 'target': ties '2' to itself"),
    (["source,target", "2,3"], "line 2, column 'target': '3' is not an id in"),
    (["source,target", ",3"], "line 2, column 'source': '' is not an id in"),
    (["source,target,active", "1,2,.5"], "line 2, column 'active': must be 0 or 1, not 0.5"),
    (["source,target,overlap", "1,2,1.5"], "line 2, column 'overlap': must be a number in [0, 1], not '1.5'"),
    (["source,target,overlap", "1,2,"], "not a blank cell"),
])  # fmt: skip
def test_faults_of_ties(tmp_path, ties, said):
    _refuses(files(tmp_path, ties=ties), said)


def _refuses(scenario, said):
    for read in (lambda: build(scenario, 1), lambda: labels(scenario)):
        with pytest.raises(NetworkError) as caught:
            read()
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
        assert caught.value.source in (scenario.organizations, scenario.ties)


def test_missing_files_and_folders(tmp_path):
    scenario = files(tmp_path)
    for organizations in (str(tmp_path / "absent.csv"), str(tmp_path), "a\0b"):
        with pytest.raises(NetworkError, match="check the path"):
            build(scenario.replace(organizations=organizations), 1)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(organizations=st.binary(max_size=60), ties=st.binary(max_size=60))
def test_no_bytes_break_the_reader(tmp_path, organizations, ties):
    for scenario in (files(tmp_path, b"id,power\n" + organizations), files(tmp_path, ties=b"source,target\n" + ties)):
        try:
            build(scenario, 1)
        except PositiveSumError as error:
            assert error.source


def test_florentine_families_are_the_published_ones():
    """Marriages as networkx has them (without the Pucci), 15 business ties, wealth over its median of 39."""
    scenario = Scenario(
        network="file", organizations=str(FLORENTINE / "organizations.csv"), ties=str(FLORENTINE / "ties.csv")
    )
    field, (families, _) = build(scenario, 1), labels(scenario)
    ties = {(families[i], families[j]) for i, j in zip(field.i, field.j, strict=True)}
    assert len(families) == 16
    marriages = {tuple(sorted(tie)) for tie in networkx.florentine_families_graph().edges}
    assert marriages < ties
    assert ties - marriages == {
        ("Barbadori", "Ginori"), ("Barbadori", "Peruzzi"), ("Bischeri", "Lamberteschi"), ("Castellani", "Lamberteschi"),
        ("Ginori", "Medici"), ("Lamberteschi", "Peruzzi"), ("Medici", "Pazzi"),
    }  # fmt: skip
    assert field.degree[families.index("Pucci")] == 0
    assert np.round(field.power * 39).tolist() == [10, 36, 55, 44, 20, 32, 8, 42, 103, 48, 49, 3, 27, 10, 146, 48]
