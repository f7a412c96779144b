"""What a study asks of each run: measures (one number per run) and series (one number per step).

The word ``bars`` stands for the three bars, ``losses`` for the shortfall and its parts; ``better_off`` asks who gains.
"""

from __future__ import annotations

from typing import Any

from experiments.errors import StudyError, shown, suggestion

BARS = ("gain_realized", "gain_avoidable", "gain_out_of_reach")
DEFAULT_MEASURES = ("value", "mutual", "captured", *BARS)


def read_measures(value: Any) -> tuple[tuple[str, ...], bool]:
    """Measures in order; the words ``bars`` and ``losses`` stand for the three bars and the parts of the shortfall."""
    from sim.measures import MEASURES

    known = tuple(m.name for m in MEASURES)
    losses = tuple(name for name in known if name.startswith("loss_"))
    names = []
    for name in _words(value, "measures", (*known, "bars", "losses", "better_off")):
        names += {"bars": BARS, "losses": ("shortfall", *losses)}.get(name, (name,))
    names = tuple(dict.fromkeys(names))
    kept = tuple(name for name in names if name != "better_off")
    if not kept:
        raise StudyError("measures must name at least one measure besides better_off, such as value", key="measures")
    return kept, "better_off" in names


def read_series(value: Any) -> tuple[str, ...]:
    from sim.measures import MEASURES

    return _words(value, "series", tuple(m.name for m in MEASURES if m.kind == "series"))


def _words(value: Any, key: str, known: tuple[str, ...]) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise StudyError(f"{key} must be a list of names in quotes, not {shown(value)}", key=key)
    for name in value:
        if name not in known:
            raise StudyError(
                f"{key} has {shown(name)}, which is not a measure{suggestion(name, known)}; "
                "see 'positivesum describe measures'",
                key=key,
            )
    if len(set(value)) < len(value):
        twice = next(name for name in value if value.count(name) > 1)
        raise StudyError(f"{key} names {twice!r} twice; name each once", key=key)
    return tuple(value)
