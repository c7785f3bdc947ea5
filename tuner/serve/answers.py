"""Send answers, whole or streamed, for as long as the client is there.

In: what a dialect asks of the completer, and how it writes an answer down. Out: HTTP responses. A client that goes away
is noticed at once, also before the first token, and its slot of the engine is freed. A fault before the first token has
its own status; one after it can only be written into the stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from tuner.errors import ServeError
from tuner.serve.completing import Answer, Asked, Completer
from tuner.serve.cursor import Wanted
from tuner.serve.faults import Fault, as_fault, stopping

R = TypeVar("R")
EVENTS, LINES = "text/event-stream", "application/x-ndjson"
CUT = "x-tuner-prompt-cut"
Frames = Callable[[Answer], AsyncGenerator[bytes, None]]


async def whole(
    request: Request, completer: Completer, asked: Asked, name: str | None, wanted: Wanted
) -> tuple[Answer, str]:
    """Wait for the whole answer, or for the client to go."""

    async def work() -> tuple[Answer, str]:
        async with completer.answered(asked, name, wanted) as answer:
            text = await answer.text()
            note(request, answer)
            return answer, text

    return await while_there(request, work())


async def streamed(
    request: Request,
    completer: Completer,
    asked: Asked,
    name: str | None,
    wanted: Wanted,
    frames: Frames,
    write_fault: Callable[[Fault], bytes],
    media_type: str = EVENTS,
) -> Response:
    """Send an answer as it comes. It starts with its first piece, so that what fails before it has a status."""
    stack = AsyncExitStack()

    async def begin() -> tuple[Answer, AsyncGenerator[bytes, None], bytes]:
        answer = await stack.enter_async_context(completer.answered(asked, name, wanted))
        coming = await stack.enter_async_context(aclosing(frames(answer)))
        return answer, coming, await anext(coming)

    try:
        answer, coming, first = await while_there(request, begin())
    except BaseException:
        await stack.aclose()
        raise
    return Stream(request, answer, first, coming, stack, write_fault, media_type)


async def while_there(request: Request, work: Awaitable[R]) -> R:
    """Do some work until the client goes away."""
    doing = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request.receive))
    try:
        await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        raise Fault(499, "the client went away")
    finally:
        for each in (doing, leaving):
            if not each.done():
                each.cancel()
        await asyncio.gather(doing, leaving, return_exceptions=True)


class Stream(Response):
    """A response whose body comes in frames; the engine's slot is freed when it ends, however it ends."""

    def __init__(
        self, request: Request, answer: Answer, first: bytes, coming: AsyncIterator[bytes], stack: AsyncExitStack,
        write_fault: Callable[[Fault], bytes], media_type: str,
    ) -> None:  # fmt: skip
        super().__init__(media_type=media_type, headers={**cut_header(answer), "Cache-Control": "no-cache"})
        del self.headers["content-length"]
        self._request, self._answer, self._first = request, answer, first
        self._coming, self._stack, self._write_fault = coming, stack, write_fault
        self._has_begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await while_there(self._request, self._send(send))
        except Fault:  # the client went away, and there is nobody to tell
            self._request.state.note["left"] = True
        except asyncio.CancelledError:  # the server is being stopped: what has come so far is not the whole answer
            if not self._has_begun:
                raise
            self._request.state.note["fault"] = "Stopping"
            await send(_body(self._write_fault(stopping())))
            await send(_body(b"", more=False))
        finally:
            await self._stack.aclose()
            note(self._request, self._answer)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        self._has_begun = True
        await send(_body(self._first))
        try:
            async for frame in self._coming:
                await send(_body(frame))
        except ServeError as error:
            self._request.state.note["fault"] = type(error).__name__
            await send(_body(self._write_fault(as_fault(error))))
        await send(_body(b"", more=False))


def cut_header(answer: Answer) -> dict[str, str]:
    """Say in a header what of a prompt did not fit."""
    return {CUT: ", ".join(answer.cut)} if answer.cut else {}


def note(request: Request, answer: Answer) -> None:
    """Note what is logged and counted of an answer; no code is."""
    request.state.note |= {
        "model": answer.model.name,
        "prompt_tokens": answer.prompt_tokens,
        "tokens": answer.tokens,
        "finish": answer.finish,
        "cut": list(answer.cut),
        "cached_tokens": answer.timings.get("cache_n", 0),
    }


def _body(content: bytes, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}


async def _left(receive: Receive) -> None:
    """Wait until the client goes away."""
    while (await receive())["type"] != "http.disconnect":
        pass
