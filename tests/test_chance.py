"""The generator is the published one, its draws are uniform, and compiled or not they are the same."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from sim.chance import block, draw, draws, philox, pick

# Known answers of Philox4x32-10 published with Random123 (kat_vectors): counter, key, block.
KNOWN = [
    ([0x00000000] * 4, [0x00000000] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    ([0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], [0xA4093822, 0x299F31D0],
     [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]),  # the digits of pi
]  # fmt: skip


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_philox_gives_the_published_answers(counter, key, words):
    assert [int(word) for word in philox(*map(np.uint64, counter), *map(np.uint64, key))] == words


def test_a_draw_is_one_word_of_its_block():
    """Address (seed, step, subject, purpose) is counter (subject low, high, step, purpose // 4), key = seed."""
    seed, step, subject = 2**33 + 5, 7, 3 * 2**32 + 1
    words = philox(*map(np.uint64, (1, 3, 7, 5)), *map(np.uint64, (5, 2)))
    expected = [(int(word) + 0.5) / 2**32 for word in words]
    assert list(block(seed, step, subject, 5)) == expected
    assert [draw(seed, step, subject, purpose) for purpose in range(20, 24)] == expected


def test_draws_are_uniform_and_do_not_depend_on_company():
    subjects = np.arange(20_000, dtype=np.uint64)
    u = draws(11, 0, subjects, 24)
    assert stats.kstest(u, "uniform").pvalue > 0.01
    assert abs(np.corrcoef(u, draws(11, 0, subjects, 26))[0, 1]) < 0.02  # another purpose
    assert abs(np.corrcoef(u, draws(12, 0, subjects, 24))[0, 1]) < 0.02  # another seed
    assert np.array_equal(draws(11, 0, subjects[::-7], 24), u[::-7])


@pytest.mark.parametrize("n", [1, 2, 7, 1000])
def test_pick_stays_inside(n):
    assert pick(2.0**-33, n) == 0
    assert pick(1.0 - 2.0**-33, n) == n - 1
    assert pick(1.0 - 2.0**-53, n) == n - 1


_PROGRAM = """
import hashlib
import numpy as np
from sim.chance import draws
from sim.parameters import Scenario
from sim.population import build
digest = hashlib.sha256(draws(3, 0, np.arange(50, dtype=np.uint64), 30).tobytes())
base = Scenario().replace(n_organizations=20, degree=4.5, participants=0.4, recruit="cluster")
sectors = [{"name": "a", "share": 1, "values": 0.2}, {"name": "b", "share": 2}]
for network in ("small-world", "random", "scale-free", "core-periphery", "pairs", "complete", "sectors"):
    scenario = base.replace(network=network, rewiring=0.3, sectors=sectors if network == "sectors" else [])
    for array in build(scenario, 3):
        digest.update(array.tobytes())
print(digest.hexdigest())
"""


def test_interpreted_and_compiled_give_the_same_population():
    """The same sources, run by Python and run as machine code, agree to the last bit."""
    root = str(Path(__file__).resolve().parents[1])
    said = []
    for off in ("0", "1"):
        environment = os.environ | {"NUMBA_DISABLE_JIT": off, "PYTHONPATH": root}
        command = [sys.executable, "-W", "error::RuntimeWarning", "-c", _PROGRAM]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        said.append(ran.stdout)
    assert said[0] == said[1]
