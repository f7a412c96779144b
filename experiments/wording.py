"""Numbers as a strategist reads them: ``1.53 [1.50, 1.55]``, ``15% [14, 16]``, ``+0.21 [0.19, 0.23]``."""

from __future__ import annotations

import math

from experiments import labels

NOTHING = "·"


def is_share(measure: str) -> bool:
    """Whether the measure is a share, to be written in percent (and a difference in percentage points)."""
    return labels.unit(measure).startswith("share")


def with_interval(measure: str, mean: float, low: float, high: float, sign: bool = False) -> str:
    """``1.53 [1.50, 1.55]`` or ``15% [14, 16]``; the mean alone where there is no interval, ``·`` for no number."""
    if not math.isfinite(mean):
        return NOTHING
    digits = _digits(measure, mean, low, high, is_fine=sign)
    text = _number(measure, mean, digits, sign) + ("%" if is_share(measure) and not sign else "")
    if not (math.isfinite(low) and math.isfinite(high)):
        return text
    return f"{text} [{_number(measure, low, digits)}, {_number(measure, high, digits)}]"


def amount(measure: str, mean: float, low: float, high: float) -> str:
    """A difference without its direction, with its unit: ``0.21 [0.19, 0.23] stakes per tie and month``."""
    if mean < 0:
        mean, low, high = -mean, -high, -low
    text = with_interval(measure, mean, low, high, sign=True).lstrip("+")
    unit = "percentage points" if is_share(measure) else labels.unit(measure)
    return f"{text} {unit}".rstrip()


def _number(measure: str, value: float, digits: int, sign: bool = False) -> str:
    value = round(value * (100 if is_share(measure) else 1), digits) + 0.0  # + 0.0 turns -0 into 0
    return f"{value:{'+' if sign and value else ''}.{digits}f}"


def _digits(measure: str, mean: float, low: float, high: float, is_fine: bool) -> int:
    """Decimals of a mean; one more in a difference (fine) whose interval would otherwise not show its width."""
    scale = 100 if is_share(measure) else 1
    usual = 0 if is_share(measure) or abs(mean) >= 50 else 2
    width = (high - low) * scale if math.isfinite(high - low) else math.inf
    return usual + 1 if is_fine and width < 3 * 10.0**-usual else usual


def columns(rows: list[list[str]]) -> list[str]:
    """Lines of a table: the first column to the left, the others to the right; a rule below the first row."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [_line(row, widths) for row in rows]
    return [lines[0], "-" * len(lines[0]), *lines[1:]]


def _line(row: list[str], widths: list[int]) -> str:
    first, *rest = zip(row, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)])


def shortened(text: str, width: int = 30) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def of_pairs(row: dict) -> str:
    """``24 of 24``: pairs in which the treatment had the higher value; ``18 of 20 (4 without)`` if any are left out."""
    if not row["n_pairs"]:
        return NOTHING
    without = f" ({int(row['n_dropped'])} without)" if row["n_dropped"] else ""
    return f"{round(row['better'] * row['n_pairs'])} of {row['n_pairs']}{without}"


def left_out(row: dict) -> str:
    """`` (of 24 pairs, 4 without a value)`` for a comparison from which pairs had to be left out, else nothing."""
    n_dropped = int(row["n_dropped"])
    return f" (of {int(row['n_pairs']) + n_dropped} pairs, {n_dropped} without a value)" if n_dropped else ""


def in_short(row: dict) -> str:
    """One difference in a list of several: ``gini +0.023 [0.002, 0.054]``, ``mutual +15 [10, 20] points``."""
    measure = row["measure"]
    points = " points" if is_share(measure) else ""
    size = with_interval(measure, row["difference"], row["low"], row["high"], sign=True)
    return f"{measure} {size}{points}{left_out(row)}"


def quoted(name: str) -> str:
    """A name that would be torn apart in a sentence, in quotes: ``"full design, power kept"``."""
    return f'"{name}"' if set(name) & set(",;:()") else name
