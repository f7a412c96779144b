"""Luck with an address: every draw is a pure function of (seed, step, subject, purpose).

Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"), a published
counter-based generator: key = seed; counter = (subject low, subject high, step, purpose // 4); the draw is word
``purpose % 4`` of the block. No stream exists, so results cannot depend on order, threads, processes or engine,
and two designs run with one seed meet the same luck (Buffalo, Pearson & Klein 2026, arXiv 2603.11084).

The subject of a tie (i, j), i < j, is ``i * n + j``; that of an organization is its index.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numba.extending import overload

from sim.errors import ScenarioError
from sim.jit import compiled, looped, rule


class Purpose(IntEnum):
    """What a draw decides. Four neighbours share one block, grouped by what is usually needed together."""

    CONFLICT = 0
    SETBACK = 1
    REVIEW = 2
    CONSIDER = 3
    ACT_I = 4
    ACT_J = 5
    FORM = 6
    END = 7
    MISREAD_I = 8  # i misreads j's act
    MISREAD_J = 9
    PRETEND_I = 10  # i pretends to co-create
    PRETEND_J = 11
    RESPONSE_I = 12
    RESPONSE_J = 13
    # organizations, each step
    LEADER = 16
    SURVIVE = 17
    DONOR = 18
    COMPARE = 20
    MODEL = 21
    ADOPT = 22
    # at the start (step 0)
    POWER = 24
    INTENTION = 26
    DISPOSITION = 28
    SCARCITY = 30
    VALUES = 32
    FOCUS = 34
    SECTOR = 36
    RECRUIT = 38
    ACTIVE = 40
    WIRE = 44  # 44 and after: building the network


# numpy scalars, so that compiled code stays in unsigned 64-bit arithmetic
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_UNIT = 2.0**-32
_2_52, _BITS_OF_2_52 = 2.0**52, np.uint64(0x4330000000000000)


@rule
def philox(c0, c1, c2, c3, k0, k1):
    """One block of Philox4x32-10: four counter words and two key words (uint64 below 2**32) to four words."""
    for _ in range(10):
        a = _M0 * c0
        b = _M1 * c2
        c0, c1, c2, c3 = (b >> _HALF) ^ c1 ^ k0, b & _LOW, (a >> _HALF) ^ c3 ^ k1, a & _LOW
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0, c1, c2, c3


def number(word):
    """A whole number below 2**52 as a float, exactly."""
    return np.float64(word)


@overload(number, jit_options={"error_model": "numpy", "forceinline": True, "_nrt": False})
def _number_compiled(word):  # a conversion would be done one by one
    return lambda word: np.uint64(word | _BITS_OF_2_52).view(np.float64) - _2_52


@rule
def unit(word):
    """A word (0 .. 2**32 - 1) as a number in (0, 1), ends excluded: p = 0 never happens, p = 1 always does."""
    return (number(word) + 0.5) * _UNIT


@rule
def block(seed, step, subject, group):
    """The four uniforms of purposes 4 group .. 4 group + 3."""
    seed = np.uint64(seed)
    subject = np.uint64(subject)
    w0, w1, w2, w3 = philox(
        subject & _LOW, subject >> _HALF, np.uint64(step), np.uint64(group), seed & _LOW, seed >> _HALF
    )
    return unit(w0), unit(w1), unit(w2), unit(w3)


@looped
def draw(seed, step, subject, purpose):
    """The uniform number in (0, 1) at one address."""
    words = block(seed, step, subject, purpose // 4)
    return words[purpose % 4]


@compiled
def draws(seed, step, subjects, purpose):
    """Uniform numbers in (0, 1) for many subjects (uint64 array), 53 bits each: for whoever is built at the start.

    Takes the words ``purpose`` and ``purpose + 1`` (so ``purpose`` must be even).
    """
    out = np.empty(len(subjects))
    first = purpose % 4
    for k in range(len(subjects)):
        words = block(seed, step, subjects[k], purpose // 4)
        high = (words[first] - 0.5 * _UNIT) * 2.0**26  # back to multiples of 2**-32, scaled to 26 whole bits
        high = np.floor(high)
        low = np.floor((words[first + 1] - 0.5 * _UNIT) * 2.0**26)
        out[k] = (high * 2.0**26 + low + 0.5) * 2.0**-52
    return out


@rule
def pick(u, n):
    """A whole number 0 .. n - 1 from a uniform number."""
    k = int(u * n)
    return k if k < n else n - 1


def checked_seed(seed) -> int:
    """A seed as a whole number 0 .. 2**64 - 1; ScenarioError otherwise."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
        raise ScenarioError(f"seed must be a whole number from 0 to 2**64 - 1, not {seed!r}", key="seed")
    return int(seed)
