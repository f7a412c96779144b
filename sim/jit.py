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
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload, register_jitable


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


@intrinsic
def _prefetch(context, array, index):
    def emit(context, builder, signature, arguments):
        base = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.bitcast(builder.gep(base, [arguments[1]]), ir.IntType(8).as_pointer())
        whole = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, whole, whole, whole])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [address, whole(0), whole(2), whole(1)])  # to read, into the second cache, data
        return context.get_dummy_value()

    return types.void(array, types.uint64), emit


def fetch(array, index):
    """Have the processor fetch array[index] while it goes on; nothing else happens."""


@overload(fetch)
def _fetch_compiled(array, index):
    return lambda array, index: _prefetch(array, index)


__all__ = ["code_hash", "compiled", "fetch", "inner", "looped", "rule"]
