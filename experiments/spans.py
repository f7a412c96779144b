"""Spans: what a sampled factor may be, and where in it a place between 0 and 1 lies.

A span is a range on a linear or a logarithmic scale, of all numbers or of the whole ones, or a list of levels. In a
range of all numbers a uniform place gives a uniform (or log-uniform) value; in one of whole numbers, and in a list,
every number and every level is equally likely (log: ``P(n)`` proportional to ``log((n + 1)/n)``).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

SCALES = ("linear", "log", "integer")
DIGITS = 12  # values are rounded to so many significant digits, so that an id does not hang on the last bit


class Span(NamedTuple):
    """A range from ``low`` to ``high``, or ``levels``, which have no order even if they are numbers."""

    low: float = 0.0
    high: float = 1.0
    is_log: bool = False
    is_whole: bool = False
    is_count: bool = False  # the parameter itself counts, so its values are of type int
    levels: tuple = ()


def values_at(span: Span, places: np.ndarray) -> list[Any]:
    """The values at places in [0, 1): every equal stretch of places is equally likely."""
    if span.levels:
        k = len(span.levels)
        return [span.levels[i] for i in np.minimum(places * k, k - 1).astype(int).tolist()]
    if span.is_whole:
        return _typed(span, np.floor(_along(span, span.high + 1, places)))
    return _typed(span, tidied(_along(span, span.high, places)))


def values_on(span: Span, places: np.ndarray) -> list[Any]:
    """The values at places of an even grid from 0 to 1 that includes both ends; for ranges only."""
    values = _along(span, span.high, places)
    return _typed(span, np.floor(values + 0.5) if span.is_whole else tidied(values))


def places_of(span: Span, values: np.ndarray) -> np.ndarray:
    """Where in the range the values lie, 0 at its low and 1 at its high end."""
    if span.is_log:
        return (np.log(values) - np.log(span.low)) / (np.log(span.high) - np.log(span.low))
    return (values - span.low) / (span.high - span.low)


def tidied(values: np.ndarray) -> np.ndarray:
    """The numbers rounded to ``DIGITS`` significant digits, as text would hold them."""
    distinct, where = np.unique(values, return_inverse=True)
    return np.array([float(f"{value:.{DIGITS}g}") for value in distinct.tolist()])[where]


def _along(span: Span, high: float, places: np.ndarray) -> np.ndarray:
    if span.is_log:
        return np.exp((1 - places) * np.log(span.low) + places * np.log(high))
    return span.low + (high - span.low) * places


def _typed(span: Span, values: np.ndarray) -> list[Any]:
    values = np.clip(values, span.low, span.high)
    return values.astype(np.int64).tolist() if span.is_count else values.tolist()
