"""The errors of studies, on the same tree as those of ``sim``; each text is one sentence with the remedy.

PositiveSumError
├── StudyError(ValueError)    a study file cannot be read or asks for something that does not exist
├── StoreError                a results folder cannot be read or written, or holds something else
└── ClusterError              a cluster cannot be reached, or is not as it should be
"""

from __future__ import annotations

import json
import re

from sim.errors import NetworkError, PositiveSumError, ScenarioError, suggestion

__all__ = [
    "ClusterError",
    "NetworkError",
    "PositiveSumError",
    "ScenarioError",
    "StoreError",
    "StudyError",
    "key_path",
    "shown",
    "suggestion",
]

_BARE = re.compile(r"[A-Za-z0-9_-]+")


class StudyError(PositiveSumError, ValueError):
    """A study that cannot be run as it stands; ``key`` is the path of the fault, as TOML would write it."""


class StoreError(PositiveSumError):
    """A results folder that cannot be used for what was asked."""


class ClusterError(PositiveSumError):
    """A cluster that cannot be used for a sweep."""


def key_path(*parts: str) -> str:
    """The path of a key as TOML writes it: ``designs."full design".listening``."""
    return ".".join(part if _BARE.fullmatch(part) else _quoted(part) for part in parts)


def shown(value: object) -> str:
    """A value short enough for one sentence."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _quoted(part: str) -> str:
    return json.dumps(part, ensure_ascii=False).replace("\x7f", "\\u007f")
