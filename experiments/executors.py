"""Who runs the tasks: this process or a pool of others. An executor is anything with ``submit`` and ``shutdown``.

Workers start fresh (a fork of a process that runs threads may hang), ignore Ctrl-C, which is for the parent to
handle, and end when the parent does, however it ended.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from multiprocessing.connection import wait

from experiments.work import run_task


class Here(Executor):
    """Runs each call at once, in this process."""

    def submit(self, call, /, *args, **kwargs) -> Future:
        """A future that is already done."""
        future: Future = Future()
        try:
            future.set_result(call(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def processes(n_workers: int) -> Executor:
    """A pool of ``n_workers`` processes."""
    return ProcessPoolExecutor(n_workers, mp_context=_context(), initializer=_begin_worker)


def on_this_machine(n_workers: int) -> Executor:
    """One worker is this process itself; more are a pool."""
    return Here() if n_workers == 1 else processes(n_workers)


def stop(executor: Executor) -> None:
    """Ends the executor without waiting for what it is doing."""
    executor.shutdown(wait=False, cancel_futures=True)
    if isinstance(executor, ProcessPoolExecutor):
        for process in multiprocessing.active_children():
            process.terminate()


def has_died(future: Future) -> bool:
    """Whether a call came to nothing because its worker died."""
    return future.exception() is not None and is_death(future.exception())


def is_death(error: BaseException) -> bool:
    """Whether an error says that a worker died, in a pool or on a cluster."""
    return isinstance(error, BrokenExecutor) or type(error).__name__ == "KilledWorker"


def _context():
    """A server that has imported the model forks the workers, where there is one; else each imports it itself."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([run_task.__module__, "sim.simulation"])
    return context


def _begin_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
