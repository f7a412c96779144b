"""One tree of errors, raised at the doors of ``sim`` and nowhere inside.

    PositiveSumError
    ├── ScenarioError(ValueError)      a parameter is unknown, of the wrong type or out of range
    └── NetworkError(ValueError)       organizations or ties cannot be built or read

Each carries the data a caller needs to point at the fault: ``key`` (the parameter, or the CSV column)
and ``source`` (the file, where there is one).
"""

from __future__ import annotations


class PositiveSumError(Exception):
    """Anything a user can cause and mend; its text is one sentence with the remedy."""

    def __init__(self, message: str, *, key: str | None = None, source: str | None = None):
        super().__init__(message)
        self.message = message
        self.key = key
        self.source = source

    def __str__(self) -> str:
        return f"{self.source}: {self.message}" if self.source else self.message

    def __reduce__(self):
        return _rebuild, (type(self), self.message, self.key, self.source)

    def at(self, source: str) -> PositiveSumError:
        """The same error, naming the file it was found in."""
        return type(self)(self.message, key=self.key, source=source)


class ScenarioError(PositiveSumError, ValueError):
    """A scenario that cannot be run as it stands."""


class NetworkError(PositiveSumError, ValueError):
    """Organizations or ties that cannot be built or read."""


def _rebuild(kind, message, key, source):
    return kind(message, key=key, source=source)


def suggestion(unknown: str, known) -> str:
    """``; did you mean 'x'?`` for the nearest known word, or nothing."""
    from difflib import get_close_matches

    near = get_close_matches(str(unknown), [str(word) for word in known], n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
