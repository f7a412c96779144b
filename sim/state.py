"""The state of organizations as an array of records, read by field name, and what a tie may do in a step.

Side ``i`` of a tie is the organization with the lower index. Fields that both sides have end in ``_i`` and ``_j``.
"""

from __future__ import annotations

import numpy as np

CHUNK = 1024  # ties or organizations summed at a time, in this order on every engine and any number of threads
DORMANT, CONNECTING, PAUSED, PLAYED = 0, 1, 2, 3  # what a tie did in a step
UNREPAIRED, BOTH_TOWARD, ANY_AGAINST = 1, 2, 3  # how a conflict was met; 0: there was none
UNREAD = -1

ORGANIZATION = np.dtype(
    [
        ("intention", "f8"), ("scarcity", "f8"),
        ("n_active", "i4"), ("n_mutual", "i4"),  # ties active; ties with mutual co-creation in the step before
        ("degree", "i4"), ("sector", "i4"),
        ("participates", "i1"), ("is_new", "i1"),  # is_new: changed its leadership in this step
        ("income", "f8"), ("trusted", "f8"), ("lessons", "f8"),  # counted up at this step's end, as the next four
        ("n_now", "i4"), ("n_created", "i4"), ("n_worked", "i4"), ("n_hurt", "i4"),
        # What its ties do not ask for stands last: in a large world each line of memory that is fetched counts.
        ("disposition", "f8"), ("log_power", "f8"),
        ("wealth", "f8"), ("late_income", "f8"),  # so far, over the last quarter
        *((name, "f8") for name in ("first_intention", "first_disposition", "first_scarcity")),  # at the start
        ("first_tie", "i8"),
    ],
    align=True,
)  # fmt: skip


def organizations_of(people) -> np.ndarray:
    """Organizations (n,) at the start."""
    organizations = np.zeros(len(people.power), ORGANIZATION)
    for name in ("log_power", "intention", "disposition", "scarcity", "degree", "sector", "participates"):
        organizations[name] = getattr(people, name)
    for name in ("intention", "disposition", "scarcity"):
        organizations[f"first_{name}"] = organizations[name]
    organizations["first_tie"] = people.start[:-1]
    return organizations
