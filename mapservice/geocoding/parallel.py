"""Work spread over all cores: forked processes share the loaded data, answers come in order."""

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any, TypeVar

from mapservice.errors import ServiceUnavailable

Task = TypeVar("Task")
Answer = TypeVar("Answer")
Mapped = Callable[[Iterable[Task]], Iterator[Answer]]


def cores() -> int:
    """Those that this process may use; one where processes cannot be forked."""
    if "fork" not in multiprocessing.get_all_start_methods():
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def on_cores(work: Callable[[Task], Answer], processes: int) -> Iterator[Mapped[Task, Answer]]:
    """`map` for `work`, on that many processes; with one, in this one.

    `work` and all that it holds is inherited, not copied: only tasks and answers travel. All tasks
    given at once are sent at once. What `work` raises is raised here; Unavailable if a process
    was ended from outside. No process outlives the block, nor the one that opened it.
    """
    if processes < 2:
        yield lambda tasks: map(work, tasks)
        return
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(processes, context, _begin, (work,))
    gc.freeze()  # the collector would touch, and so copy, each inherited page
    try:
        pool.submit(os.getpid).result()  # forks them all, before the caller starts threads
        yield lambda tasks: _ordered(pool, tasks)
    finally:
        pool.shutdown(cancel_futures=True)
        gc.unfreeze()


def _ordered(pool: ProcessPoolExecutor, tasks: Iterable[Task]) -> Iterator[Any]:
    return _unbroken(pool.map(_do, tasks))


def _unbroken(answers: Iterator[Any]) -> Iterator[Any]:
    try:
        yield from answers
    except BrokenProcessPool:
        raise ServiceUnavailable(
            "A process that matched texts was ended: too little memory?"
        ) from None


_work: Callable[[Any], Any]


def _begin(work: Callable[[Any], Any]) -> None:
    """In the child: interrupts are left to the parent, and the child ends when the parent does."""
    global _work
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _do(task: Any) -> Any:
    return _work(task)
