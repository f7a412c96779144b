"""Many machines: the tasks of a sweep on a Dask cluster that somebody else has set up (Slurm, PBS, Kubernetes, cloud).

Workers get scenarios and seeds and give arrays back; this process alone writes, so nothing is stored twice however
often a task is run again, and no file system need be shared. Source of the engine: Rocklin 2015 (Dask).
"""

from __future__ import annotations

import contextlib
import logging
import platform
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, Future
from importlib import metadata
from typing import Any, NamedTuple

from experiments import manifest
from experiments.errors import ClusterError, PositiveSumError
from experiments.work import Outcome, Task, run_task

PATIENCE = 10.0  # seconds to wait for the scheduler, and again for a first worker
SCHEMES = ("tcp", "tls", "ucx", "ws", "wss")
ALIKE = ("numpy", "numba", "scipy")  # other versions might give other last digits
_REMEDY = "start its workers from an environment like this one's"


class Cluster(NamedTuple):
    """A cluster at hand: how many tasks it runs at a time, and an executor for them."""

    n_workers: int
    executor: Executor

    def new_executor(self, n_workers: int) -> Executor:
        """The one executor there is, whatever number is asked for."""
        return self.executor


class OnCluster(Executor):
    """Hands calls to a Dask client; it outlives its shutdowns, which only cancel what is in flight."""

    def __init__(self, client, expected: dict[str, str]):
        self._client, self._expected, self._flying = client, expected, set()

    def submit(self, call, /, *args) -> Future:
        """A future of concurrent.futures. Tasks of a sweep refuse a worker of other code, which may join late."""
        from distributed.cfexecutor import ClientExecutor

        executor = ClientExecutor(self._client, pure=False)
        calls = (run_checked, self._expected, *args) if call is run_task else (call, *args)
        future = executor.submit(*calls)
        self._flying.add(executor)
        future.add_done_callback(lambda _: self._flying.discard(executor))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing to end: the cluster is not ours. What is in flight is cancelled if asked."""
        if cancel_futures:
            for executor in list(self._flying):
                with contextlib.suppress(Exception):  # the cluster may be the very thing that is gone
                    executor.shutdown(wait=False)


@contextlib.contextmanager
def connected(address: str, expected: dict[str, str] | None = None) -> Iterator[Cluster]:
    """A connection to the scheduler at ``address``, such as tcp://10.0.0.1:8786. Raises ClusterError.

    Workers must have the ``expected`` credentials, by default those of this process. It is raised for a cluster that
    cannot be reached, has no workers, or whose workers run other code or other versions, and for one that is lost on
    the way.
    """
    client = _client(address)
    try:
        expected = expected or credentials()
        _check_workers(client, address, expected)
        yield Cluster(sum(client.nthreads().values()), OnCluster(client, expected))
    except PositiveSumError:
        raise
    except Exception as error:
        if client.status == "running" and not isinstance(error, CancelledError):
            raise
        raise ClusterError(
            f"the cluster at {address} was lost on the way; what is stored stays, and the same command goes on"
        ) from None
    finally:
        with contextlib.suppress(Exception):
            client.close(timeout=2)


def credentials() -> dict[str, str]:
    """What must agree between the machines of a sweep, for the same bytes."""
    python = ".".join(platform.python_version_tuple()[:2])
    own = {"python": python, "code of the model": manifest.code_hash(), "positivesum": _version("positivesum")}
    return own | {name: _version(name) for name in ("distributed", *ALIKE)}


def run_checked(expected: dict[str, str], task: Task) -> Outcome:
    """Runs a task on a worker that is as it should be. Raises ClusterError on any other."""
    fault = _fault(expected, credentials())
    if fault:
        raise ClusterError(f"a worker on {platform.node()} has {fault}; {_REMEDY}")
    return run_task(task)


def _client(address: str):
    try:
        from distributed import Client
    except ImportError:
        raise ClusterError(
            "--dask needs the package distributed, which is not installed; install positivesum[dask]"
        ) from None
    scheme, separator, _ = address.rpartition("://")
    if separator and scheme not in SCHEMES:  # the client would try for ever
        raise ClusterError(
            f"--dask {address}: no scheduler answers there ({scheme}:// is not one of {', '.join(SCHEMES)}); "
            "check the address that 'dask scheduler' printed, such as tcp://10.0.0.1:8786"
        )
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it tells of every attempt to connect
    try:
        return Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise ClusterError(
            f"--dask {address}: no scheduler answers there ({_short(error)}); "
            "check the address that 'dask scheduler' printed, such as tcp://10.0.0.1:8786"
        ) from None


def _check_workers(client, address: str, expected: dict[str, str]) -> None:
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise ClusterError(
            f"--dask {address}: the scheduler has no workers; start some with 'dask worker {address}'"
        ) from None
    versions = client.get_versions(check=False)
    for worker, seen in versions["workers"].items():
        found = seen["packages"]
        theirs = {"python": ".".join(str(found.get("python", "?")).split(".")[:2])}
        theirs |= {"distributed": str(found.get("distributed", "?"))}
        fault = _fault({name: expected[name] for name in theirs}, theirs)
        if fault:
            raise ClusterError(f"--dask {address}: the worker at {worker} has {fault}; {_REMEDY}")
    try:
        for worker, theirs in client.run(credentials).items():
            fault = _fault(expected, theirs)
            if fault:
                raise ClusterError(f"--dask {address}: the worker at {worker} has {fault}; {_REMEDY}")
    except (ImportError, AttributeError) as error:
        raise ClusterError(
            f"--dask {address}: its workers cannot import positivesum ({_short(error)}); {_REMEDY}"
        ) from None


def _fault(expected: dict[str, str], theirs: dict[str, Any]) -> str:
    """The first disagreement in words, or nothing."""
    for name, own in expected.items():
        if theirs.get(name) != own:
            return f"{name} {theirs.get(name, 'unknown')} where this machine has {own}"
    return ""


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
