"""Ties in blocks: each tie in one lane, each block of one kind, chunks kept apart."""

import numpy as np
import pytest

from sim import Scenario
from sim.engine import run
from sim.layout import LANES, lay_out
from sim.population import build
from sim.schedule import segments
from sim.state import CHUNK

LARGE = Scenario(n_organizations=800, steps=1)  # 2400 ties: two chunks and a part of one


def laid_out(participants):
    scenario = LARGE.replace(participants=participants)
    people = build(scenario, 5)
    return people, lay_out(people, segments(scenario)[0].inside)


@pytest.mark.parametrize("participants", [0.0, 0.3, 0.97, 1.0])
def test_every_tie_has_a_lane_of_its_own_in_a_block_of_its_kind_and_chunk(participants):
    people, ties = laid_out(participants)
    assert len(set(ties.slot.tolist())) == len(people.i)
    block, lane = ties.slot // LANES, ties.slot % LANES
    assert np.array_equal(ties.inside[block], people.inside)
    assert np.all(lane < ties.size[block]) and ties.size.sum() == len(people.i)
    chunk = np.arange(len(people.i)) // CHUNK
    assert np.all((ties.first[chunk] <= block) & (block < ties.first[chunk + 1]))
    assert np.array_equal(ties.i[ties.slot], people.i) and np.array_equal(ties.j[ties.slot], people.j)


@pytest.mark.parametrize("participants", [0.0, 1.0])
def test_where_all_are_of_one_kind_ties_stay_in_their_order(participants):
    people, ties = laid_out(participants)
    assert np.array_equal(ties.slot, np.arange(len(people.i)))


def test_a_run_gives_its_ties_back_in_the_order_of_the_population():
    people, _ = laid_out(0.3)
    ties = run(LARGE.replace(participants=0.3), 5, people).ties
    for name in ("overlap", "complementarity", "value_distance", "i", "j"):
        assert np.array_equal(ties[name], getattr(people, name)), name


def test_a_world_without_ties_has_no_blocks():
    people, _ = laid_out(1.0)
    none = people._replace(i=people.i[:0], j=people.j[:0], inside=people.inside[:0], active=people.active[:0],
                           overlap=people.overlap[:0], complementarity=people.complementarity[:0],
                           value_distance=people.value_distance[:0])  # fmt: skip
    assert len(lay_out(none, segments(LARGE)[0].inside).size) == 0
