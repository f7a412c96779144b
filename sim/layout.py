"""Where numbers of ties stand while the compiled engine runs: in blocks of ``LANES`` ties, field by field.

All ties of a block are of one kind (inside the design or outside it), so one set of parameters holds for the block.
Within a chunk those outside come first; ``Blocks.slot`` says where a tie went. A block's numbers are one stretch of
an array of floats, each field ``LANES`` long, so that ``cell[at.TENSION + k]`` is the tension of its lane k. Fixed
distances between fields and unsigned indices are what lets LLVM see that lanes do not touch one another, and work on
four at a time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.state import CHUNK

LANES = 64  # ties looked at together: what is computed of them stays in the fastest memory
SHEET = CHUNK + 2 * LANES + 4  # slots of a chunk, at most
# On the desk fields stand a little apart: 4096 bytes apart a processor takes one's number for the other's.
APART = LANES + 4


def _fields(count: int, length: int):
    return tuple(np.uint64(k * length) for k in range(count))


# A block's cells: what lasts from step to step, and what organizations count up at a step's end.
CELLS = (
    "overlap", "complementarity", "value_distance", "resource", "share",  # share: power share of i now in force
    *(f"belief_{side}{act}" for side in "ij" for act in range(3)),  # discounted counts of acts as read
    "connection", "alignment", "tension",
    "trust_i", "trust_j",  # as the step found it
    "payoff_i", "payoff_j",  # of this step, net of overhead
)  # fmt: skip
(
    OVERLAP, COMPLEMENTARITY, VALUE_DISTANCE, RESOURCE, SHARE, BELIEFS_I, _, _, BELIEFS_J, _, _,
    CONNECTION, ALIGNMENT, TENSION, TRUST_I, TRUST_J, PAYOFF_I, PAYOFF_J,
) = _fields(len(CELLS), LANES)  # fmt: skip
BLOCK = len(CELLS) * LANES
NEXT_CELL, AFTER_NEXT_CELL = _fields(3, LANES)[1:]  # from one act's belief to the next

# Marks of a tie in a step, bits of one byte.
WAS_ACTIVE, MUTUAL, SETBACK, HURT_I, HURT_J, ACTIVE = 1, 2, 4, 8, 16, 32

# On the desk, for this step only. What both ends share; IN_...: what work starts from.
(
    IS_ACTIVE, WAS_MUTUAL, TENURE, SILO, SPILL, CREDIT, SCALE, FORESEEN, IS_CONNECTING, IN_CONFLICT, IS_EVENT, WORKS,
    CONFLICT, CREATION, BREACH, MISREAD, IS_MUTUAL, IS_SETBACK, IN_ALIGNMENT, IN_TENSION, IN_CONNECTION, STAYS, ENDED,
) = _fields(23, APART)  # fmt: skip
# Of each side: its organization, what the step costs it, what it expects, what its choice goes by, what it did.
(
    INTENTION, SCARCITY, OTHER_ACTIVE, OTHER_MUTUAL, OTHER_TIES, COST, BURDEN, WEIGHT, BELIEFS, _, _, UTILITIES, _, _,
    VALUES, _, _, ACT, SEEN, IS_HURT,
) = _fields(20, APART)  # fmt: skip
NEXT, AFTER_NEXT = _fields(3, APART)[1:]  # from one act's belief, utility or value to the next
# Luck, in the order of ``sim.chance.Purpose``.
(
    CONFLICT_U, SETBACK_U, REVIEW_U, CONSIDER_U, ACT_I_U, ACT_J_U, FORM_U, END_U,
    MISREAD_I_U, MISREAD_J_U, PRETEND_I_U, PRETEND_J_U,
) = _fields(12, APART)  # fmt: skip

# A chunk's sheet: all that the sums of a step are made of, by slot.
(
    S_ACTIVE, S_PLAYED, S_PAYOFF_I, S_PAYOFF_J, S_TRUST_I, S_TRUST_J, S_CONNECTION, S_ALIGNMENT, S_TENSION, S_CONFLICT,
    S_ENDED, S_ACT_I, S_ACT_J, S_MUTUAL, S_SILO, S_OVERLAP, S_COMPLEMENTARITY, S_RESOURCE, S_SCALE, S_SPILL, S_CREDIT,
    S_PLAY_ALIGNMENT, S_PLAY_TENSION, S_SETBACK, S_OVERHEAD, S_INSIDE,
) = _fields(26, SHEET)  # fmt: skip


class Desk(NamedTuple):
    """Where one thread works."""

    pair: np.ndarray  # (23 * APART,)
    one: np.ndarray  # (20 * APART,) side i
    two: np.ndarray  # (20 * APART,) side j
    luck: np.ndarray  # (12 * APART,)
    subject: np.ndarray  # uint64 (LANES,) addresses in luck
    sheet: np.ndarray  # (26 * SHEET,)


def desk() -> Desk:
    """An empty desk."""
    sizes = (23 * APART, 20 * APART, 20 * APART, 12 * APART)
    return Desk(*(np.zeros(size) for size in sizes), np.zeros(LANES, np.uint64), np.zeros(26 * SHEET))


class Blocks(NamedTuple):
    """The ties of a run. ``slot`` // LANES is a tie's block, the rest its lane."""

    cells: np.ndarray  # (blocks * BLOCK,)
    marks: np.ndarray  # int8 (blocks * LANES,)
    tenure: np.ndarray  # int32, by slot
    read_i: np.ndarray  # int8, by slot: partner's act last read by i
    read_j: np.ndarray
    earned: np.ndarray  # (slots or 0, 2, 3) value of own acts, by side (experience rule only)
    i: np.ndarray  # int32, by slot
    j: np.ndarray
    slot: np.ndarray  # int32 (m,)
    size: np.ndarray  # int32 (blocks,) ties in the block
    inside: np.ndarray  # int8 (blocks,)
    first: np.ndarray  # int64 (chunks + 1,) first block of a chunk


def lay_out(people, terms, is_twin: bool = False) -> Blocks:
    """The ties of a population in blocks, as they are before the first step but for what ``prepare`` derives."""
    m = len(people.i)
    slot, size, inside, first = _places(people.inside)
    n_slots = len(size) * LANES
    cells = np.zeros(len(size) * BLOCK)
    by_field = cells.reshape(len(size), len(CELLS), LANES)
    for k, name in enumerate(("overlap", "complementarity", "value_distance")):
        _spread(by_field[:, k], slot, getattr(people, name))
    marks = np.zeros(n_slots, np.int8)
    marks[slot] = ACTIVE if is_twin or terms.is_game else people.active * np.int8(ACTIVE)
    i, j = people.i, people.j
    if not _is_in_order(slot):
        i, j = np.zeros(n_slots, np.int32), np.zeros(n_slots, np.int32)
        i[slot], j[slot] = people.i, people.j
    reads = (np.full(n_slots, -1, np.int8) for _ in "ij")
    earned = np.ones((n_slots if terms.choice == 2 and not is_twin and m else 0, 2, 3))
    return Blocks(cells, marks, np.zeros(n_slots, np.int32), *reads, earned, i, j, slot, size, inside, first)


def _places(inside: np.ndarray):
    """Slots of ties, sizes and kinds of blocks, and each chunk's first block."""
    m = len(inside)
    if m and (inside.all() or not inside.any()):  # ties stay in their order
        size = np.full(-(-m // LANES), LANES, np.int32)
        size[-1] -= len(size) * LANES - m
        first = np.minimum(np.arange(-(-m // CHUNK) + 1) * (CHUNK // LANES), len(size))
        return np.arange(m, dtype=np.int32), size, np.full(len(size), inside[0], np.int8), first
    n_chunks = -(-m // CHUNK)
    group = np.arange(m) // CHUNK * 2 + inside
    ties = np.bincount(group, minlength=2 * n_chunks)
    blocks = -(-ties // LANES)
    first = np.concatenate([[0], np.cumsum(blocks)])
    order = np.argsort(group, kind="stable")
    slot = np.empty(m, np.int32)
    before = np.cumsum(ties) - ties
    slot[order] = np.arange(m) + np.repeat(first[:-1] * LANES - before, ties)
    size = np.full(first[-1], LANES, np.int32)
    last = first[1:][ties > 0] - 1
    size[last] -= (blocks * LANES - ties)[ties > 0].astype(np.int32)
    kind = np.repeat(np.tile(np.array([0, 1], np.int8), n_chunks), blocks)
    return slot, size, kind, first[::2].astype(np.int64)


def _is_in_order(slot: np.ndarray) -> bool:
    return len(slot) == 0 or (slot[-1] == len(slot) - 1 and bool(np.all(slot[:-1] < slot[1:])))


def _spread(field: np.ndarray, slot: np.ndarray, values: np.ndarray) -> None:
    """Put ``values`` of ties into ``field`` (blocks, LANES)."""
    if not _is_in_order(slot):
        field[slot // LANES, slot % LANES] = values
        return
    n_full = len(values) // LANES
    field[:n_full] = values[: n_full * LANES].reshape(n_full, LANES)
    field[n_full:].flat[: len(values) - n_full * LANES] = values[n_full * LANES :]


class Ties:
    """The ties of a finished run by field, in the order of the population: ``ties["tenure"]``."""

    def __init__(self, blocks: Blocks):
        self._blocks = blocks

    def __len__(self) -> int:
        return len(self._blocks.slot)

    def __getitem__(self, name: str) -> np.ndarray:
        blocks = self._blocks
        if name in CELLS:
            by_field = blocks.cells.reshape(-1, len(CELLS), LANES)[:, CELLS.index(name)]
            return by_field[blocks.slot // LANES, blocks.slot % LANES]
        if name in _BITS:
            return (blocks.marks[blocks.slot] & _BITS[name] != 0).astype(np.int8)
        return getattr(blocks, name)[blocks.slot]


_BITS = {
    "was_active": WAS_ACTIVE, "mutual": MUTUAL, "setback": SETBACK, "hurt_i": HURT_I, "hurt_j": HURT_J,
    "active": ACTIVE,
}  # fmt: skip
