"""Spread work over the machine's cores and give the results in the order of the work.

In: a function and batches of items. Out: the results, batch by batch, in order. Few batches are under way at once, so
that memory does not grow with the repository. Small work stays in this process: starting workers takes half a second.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import wait
from typing import TypeVar

from tuner.errors import MachineError

MOST_WORKERS = 8
AHEAD = 2  # batches waiting for each worker
Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """A pool that starts when first needed; use it as a context manager."""

    def __init__(self, count: int | None = None) -> None:
        self.count = count if count is not None else min(os.cpu_count() or 1, MOST_WORKERS)
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def map(
        self, function: Callable[[list[Item]], list[Result]], items: Iterable[Item], size: int, *, few: int
    ) -> Iterator[Result]:
        """Yield the results of `function` over batches of `size`; up to `few` items are worked on right here."""
        remaining = iter(items)
        first = list(islice(remaining, few + 1))
        if self.count < 2 or len(first) <= few:
            for batch in _batches(_chain(first, remaining), size):
                yield from function(batch)
            return
        waiting: deque[Future[list[Result]]] = deque()
        try:
            for batch in _batches(_chain(first, remaining), size):
                waiting.append(self._started().submit(function, batch))
                if len(waiting) >= self.count * AHEAD:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        except BrokenProcessPool:
            raise MachineError(
                "mining: a worker process was ended from outside, most likely for want of memory",
                "free memory and repeat the command; it goes on from what is done",
            ) from None

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("forkserver")
            self._pool = ProcessPoolExecutor(self.count, context, initializer=_end_with_parent)
        return self._pool


def _end_with_parent() -> None:
    """End this worker as soon as the command that started it is gone: a kill gives it no time to say so."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker has a parent"

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _chain(first: list[Item], rest: Iterator[Item]) -> Iterator[Item]:
    yield from first
    yield from rest


def _batches(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    while batch := list(islice(items, size)):
        yield batch
