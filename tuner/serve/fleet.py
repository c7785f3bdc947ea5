"""Keep an engine running for those who ask: queue them, give each a slot, start again after a crash, change adapters.

In: a way to find the roster, and `recipe.serve`. Out: leases of a slot of the engine that runs now. At most
`serve.parallel` requests are with the engine; `serve.queue` more wait, first come, first served; the next is refused.

An engine that ends is started again from files that are looked at anew. What was in its hands fails once, and what
waits goes on waiting. For another set of adapters a second engine is started beside the first; once it is loaded, new
requests go to it, and the first one ends when its last request is answered. So no request is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from tuner.errors import ServeError, TunerError
from tuner.recipe import ServeSettings
from tuner.serve.engine import Engine
from tuner.serve.engine_client import EngineClient, EngineGone
from tuner.serve.models import Model, Roster
from tuner.serve.slots import Loras, Slot, Slots
from tuner.serve.turns import Turns

Said = Callable[[dict[str, Any]], None]
Finder = Callable[[], tuple[Roster, dict[str, str]]]
_SECONDS_TO_END = 1.0  # between an engine's last word and the end of its process
_SECONDS_TO_LET_GO, _LOOKS = 0.02, 5
_WAITS = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before each attempt to start again; the last one is repeated


class Late(ServeError):
    """An answer took longer than is allowed."""


@asynccontextmanager
async def late_after(deadline: float) -> AsyncIterator[None]:
    """Give up at a moment of the event loop's clock."""
    try:
        async with asyncio.timeout_at(deadline):
            yield
    except TimeoutError:
        raise Late("no answer in time (serve.timeout_seconds)") from None


@dataclass(eq=False, slots=True)
class _Generation:
    """One engine with what it serves.

    A retired one takes no more requests. A suspect one broke off an answer: until it is known whether it has ended, it
    takes none either.
    """

    engine: Engine
    roster: Roster
    slots: Slots
    is_retired: bool = False
    is_suspect: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """A slot of an engine, for one request. `loras` is what the request must say about adapters."""

    client: EngineClient
    slot: int
    loras: list[dict[str, Any]]


class Fleet:
    """The running engine and those who wait for it."""

    def __init__(self, find: Finder, settings: ServeSettings, said: Said) -> None:
        self.settings = settings
        self.restarts = 0
        self._find = find
        self._said = said
        self._current: _Generation | None = None
        self._fault: TunerError | None = None
        self._turns = Turns(self._free, settings.queue)
        self._left_out: dict[str, str] = {}
        self._engines: set[Engine] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._refused: Roster | None = None
        self._changing = asyncio.Lock()  # one engine at a time is started
        self.roster: Roster

    async def start(self) -> None:
        """Start the first engine; nothing is served without it."""
        self.roster, left_out = await asyncio.to_thread(self._find)
        self._tell_left_out(left_out)
        self._current = await self._generation(self.roster)
        if self.settings.watch_seconds:
            self._spawn(self._look_for_adapters())

    async def close(self) -> None:
        """End the engine and all that watches it."""
        self._is_closing = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(engine.stop() for engine in self._engines))

    @property
    def queued(self) -> int:
        """Count the requests that wait for a slot."""
        return self._turns.waiting

    @property
    def busy(self) -> int:
        """Count the requests that the engine is answering."""
        return self._current.slots.busy if self._current else 0

    @property
    def is_up(self) -> bool:
        """Tell whether an engine runs."""
        return self._current is not None

    @property
    def has_room(self) -> bool:
        """Tell whether a request would be answered without waiting."""
        return self._turns.has_room

    async def slots_processing(self) -> int:
        """Ask the engine itself how many of its slots are at work."""
        if self._current is None:
            raise EngineGone("the engine is being started again")
        return sum(each["is_processing"] for each in await self._current.engine.client.ask("GET", "/slots"))

    @asynccontextmanager
    async def lease(
        self, model: Model, prompt: Sequence[object], scales: dict[int, float] | float, deadline: float
    ) -> AsyncIterator[Lease]:
        """Wait for a slot and hold it. `scales` is the strength of the model's adapter, or of each by its number."""
        async with late_after(deadline):
            generation = await self._turn()
        try:
            loras = _loras(generation.roster, model, scales)
            await _let_go(generation.slots.better_but_busy(prompt, loras))
            slot = generation.slots.take(prompt, loras)
        finally:
            self._turns.taken()
        try:
            named = [{"id": number, "scale": scale} for number, scale in loras]
            yield Lease(generation.engine.client, slot.number, named)
        except EngineGone:
            if not generation.is_suspect:
                generation.is_suspect = True
                self._spawn(self._judge(generation))
            raise
        finally:
            generation.slots.give_back(slot)
            self._end_if_idle(generation)
            self._turns.wake()

    async def _turn(self) -> _Generation:
        """Wait until it is this request's turn; the caller then takes a slot at once."""
        while True:
            if self._fault is not None:
                raise EngineGone(f"the engine does not start: {self._fault.message}")
            await self._turns.take()
            if self._current is not None:
                return self._current
            self._turns.taken()  # the engine ended just now

    def _free(self) -> int:
        return 0 if self._current is None or self._current.is_suspect else self._current.slots.free

    async def _generation(self, roster: Roster) -> _Generation:
        engine = await Engine.start(roster.base, roster.adapters(), self.settings)
        self._engines.add(engine)
        self._said({"event": "engine runs", "pid": engine.process.pid, "models": roster.names()})
        generation = _Generation(engine, roster, Slots(self.settings.parallel))
        self._spawn(self._watch(generation))
        return generation

    async def _watch(self, generation: _Generation) -> None:
        """Wait for an engine's end, and start another one if it was not meant to end."""
        await generation.engine.ended.wait()
        self._engines.discard(generation.engine)
        if self._is_closing or self._current is not generation:
            return
        self._current = None
        self.restarts += 1
        self._said({"event": "engine ended", "said": generation.engine.last_words()})
        async with self._changing:
            await self._start_again()
        self._turns.wake()

    async def _judge(self, generation: _Generation) -> None:
        """Give a suspect engine some time to end; one that has not ended takes requests again."""
        with suppress(TimeoutError):
            await asyncio.wait_for(generation.engine.ended.wait(), _SECONDS_TO_END)
        generation.is_suspect = False
        self._turns.wake()

    async def _start_again(self) -> None:
        attempt = 0
        while self._current is None:
            await asyncio.sleep(_WAITS[min(attempt, len(_WAITS) - 1)])
            attempt += 1
            try:
                roster, left_out = await asyncio.to_thread(self._find)
                self._tell_left_out(left_out)
                self._current, self.roster = await self._generation(roster), roster
            except TunerError as error:
                self._fail(error)
        self._fault = None

    def _fail(self, error: TunerError) -> None:
        """Tell all who wait that the engine does not start, and go on trying."""
        self._fault = error
        self._said({"event": "engine does not start", "reason": error.message})
        self._turns.refuse_all(EngineGone(f"the engine does not start: {error.message}"))

    async def _look_for_adapters(self) -> None:
        """Change to a new set of adapters as soon as there is one."""
        while True:
            await asyncio.sleep(self.settings.watch_seconds)
            try:
                await self.renew()
            except TunerError as error:
                self._said({"event": "new adapters are not served", "reason": error.message})

    async def renew(self) -> None:
        """Serve what can be served now, if that is not what is served already."""
        roster, left_out = await asyncio.to_thread(self._find)
        self._tell_left_out(left_out)
        async with self._changing:
            if roster in (self.roster, self._refused) or self._current is None:
                return
            self._refused = roster  # not tried again and again, if the engine does not load it
            fresh = await self._generation(roster)
            old, self._current, self.roster, self._refused = self._current, fresh, roster, None
        if old is not None:
            old.is_retired = True
            self._end_if_idle(old)
        self._turns.wake()

    def _end_if_idle(self, generation: _Generation) -> None:
        if generation.is_retired and not generation.slots.busy:
            self._spawn(generation.engine.stop())

    def _tell_left_out(self, left_out: dict[str, str]) -> None:
        for name, reason in left_out.items():
            if self._left_out.get(name) != reason:
                self._said({"event": "run is not served", "run": name, "reason": reason})
        self._left_out = left_out

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _let_go(slot: Slot | None) -> None:
    """Wait a moment for a slot that is worth it: a keystroke overtakes the news that the one before was given up."""
    for _ in range(_LOOKS):
        if slot is None or not slot.is_busy:
            return
        await asyncio.sleep(_SECONDS_TO_LET_GO / _LOOKS)


def _loras(roster: Roster, model: Model, scales: dict[int, float] | float) -> Loras:
    """Say every adapter's strength: an engine takes what a request leaves out for what it was started with."""
    count = len(roster.adapters())
    if isinstance(scales, dict):
        return tuple((number, scales.get(number, 0.0)) for number in range(count))
    own = roster.number(model.run) if model.is_tuned else None
    if model.is_tuned and count and own is None:
        raise EngineGone(f"{model.name} was taken away just now")
    return tuple((number, scales if number == own else 0.0) for number in range(count))
