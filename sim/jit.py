"""The one place where numba is configured.

``rule`` leaves a function an ordinary Python function that compiled code may call; ``compiled`` makes machine code,
``looped`` the same of functions that make no arrays, ``inner`` of their parts.
No ``fastmath``: it changes results. The cache folder is named by a hash of this package's sources, because numba
looks only at the file of the function it compiled and would go on running a rule that has been edited elsewhere.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import numba
from numba import njit
from numba.extending import register_jitable


def code_hash() -> str:
    """Hash (16 hex digits) of the sources of ``sim``: what a result depends on besides its inputs."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    asked = os.environ.get("POSITIVESUM_CACHE") or os.environ.get("NUMBA_CACHE_DIR")
    root = asked or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(root) / "positivesum" / code_hash()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:  # a read-only home: compile anew each time, in a folder of this process
        return Path(tempfile.mkdtemp(prefix="positivesum-"))


# Set on numba itself, since it reads its environment only once and may have been imported before.
numba.config.CACHE_DIR = str(_cache_folder())

# Rules divide by nothing that can be 0: a check would cost much. They are put in place of their calls, so that a loop
# over them has no calls left and can be made vectors of.
rule = register_jitable(error_model="numpy", forceinline=True, no_cfunc_wrapper=True, _nrt=False)
compiled = njit(cache=True, nogil=True, error_model="numpy", no_cfunc_wrapper=True, _nrt=True)
# Loops that make no arrays need no counting of references, an atomic operation for each call that an array is given to.
looped = njit(cache=True, nogil=True, error_model="numpy", no_cfunc_wrapper=True, _nrt=False)
inner = register_jitable(error_model="numpy", no_cfunc_wrapper=True, _nrt=False)  # never called from Python

__all__ = ["code_hash", "compiled", "inner", "looped", "rule"]
