"""Spread work over the machine's cores and give the results in the order of the work.

In: a function and batches of items. Out: the results, batch by batch, in order. Few batches are under way at once, so
that memory does not grow with the repository. Small work stays in this process unless workers are there already:
starting them takes half a second.
"""

from __future__ import annotations

import functools
import gc
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
PRELOADED = "tuner.mine.stage"
COLLECT_AFTER = 50_000  # new objects
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
        """Yield the results of `function` over batches of `size`.

        Up to `few` items are worked on right here as long as there are no workers, and a single batch in any case.
        """
        remaining = iter(items)
        first = list(islice(remaining, max(few, size) + 1))
        if self.count < 2 or len(first) <= (few if self._pool is None else size):
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
            raise _ended() from None

    def begin(self, function: Callable[[Item], Result], item: Item) -> Callable[[], Result]:
        """Let a worker begin with one item, and give what waits for its result; without workers that does the work."""
        if self._pool is None:
            return functools.partial(function, item)
        begun = self._pool.submit(function, item)

        def result() -> Result:
            try:
                return begun.result()
            except BrokenProcessPool:
                raise _ended() from None

        return result

    def expect(self, count: int, few: int) -> None:
        """Start the workers now, while this process is busy with other things, where `few` will be exceeded."""
        if self.count > 1 and count > few:
            for _ in range(self.count):
                self._started().submit(os.getpid)

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload([PRELOADED])  # once for all workers
            self._pool = ProcessPoolExecutor(self.count, context, initializer=_prepare)
        return self._pool


def _ended() -> MachineError:
    return MachineError(
        "mining: a worker process was ended from outside, most likely for want of memory",
        "free memory and repeat the command; it goes on from what is done",
    )


def _prepare() -> None:
    """End this worker as soon as the command that started it is gone: a kill gives it no time to say so.

    What was imported stays, and what is worked on holds no circles: the collector need not look at it so often.
    """
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
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
