"""Let requests wait for their turn: first come, first served, and no more than may wait.

In: how much room there is. Out: a turn, which the one who waited takes at once; a request that is given up meanwhile
passes its turn on, so that none is lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from tuner.errors import ServeError


class Busy(ServeError):
    """Too many requests wait already."""


class Turns:
    """A queue in one event loop. `free` says how many slots there are for those whose turn comes."""

    def __init__(self, free: Callable[[], int], most_waiting: int) -> None:
        self._free = free
        self._most_waiting = most_waiting
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._granted = 0  # those whose turn it is and who have not taken their slot yet

    @property
    def waiting(self) -> int:
        """Count those who wait."""
        return len(self._waiting)

    @property
    def has_room(self) -> bool:
        """Tell whether the next one would not have to wait."""
        return not self._waiting and self._free() > self._granted

    async def take(self) -> None:
        """Wait for a turn. It counts as granted until `taken`."""
        if self.has_room:
            self._granted += 1
            return
        if len(self._waiting) >= self._most_waiting:
            raise Busy(f"{len(self._waiting)} requests wait already, and no more may (serve.queue)")
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.taken()  # it was this request's turn already
                self.wake()
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    def taken(self) -> None:
        """Say that a granted turn was used, or cannot be."""
        self._granted -= 1

    def wake(self) -> None:
        """Let as many go on as there are free slots."""
        while self._waiting and self._free() > self._granted:
            turn = self._waiting.popleft()
            if not turn.done():
                self._granted += 1
                turn.set_result(None)

    def refuse_all(self, error: ServeError) -> None:
        """Tell all who wait that their turn will not come."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(error)
