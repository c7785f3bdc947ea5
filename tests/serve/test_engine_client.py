"""The client of the engine, against peers that answer in pieces, break off or speak no HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tuner.serve.engine_client import EngineClient, EngineGone, EngineRefused

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def events_of(*writes: bytes, status: bytes = HEAD) -> list[dict[str, Any]]:
    """Ask a peer that writes these bytes, one write after the other, and then closes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for each in (status, *writes):
            writer.write(each)
            await writer.drain()
            await asyncio.sleep(0.002)
        writer.close()

    async def ask() -> list[dict[str, Any]]:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            client = EngineClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "key")
            return [event async for event in client.stream("/completion", {"prompt": [1]})]

    return asyncio.run(ask())


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


def test_events_are_the_same_wherever_the_network_cuts_them() -> None:
    sent = chunk(b'data: {"content":"a"}\n\n') + chunk('data: {"content":"ö"}\n\n'.encode()) + chunk(b"")
    wanted = [{"content": "a"}, {"content": "ö"}]
    assert events_of(sent) == wanted
    assert events_of(*(sent[at : at + 7] for at in range(0, len(sent), 7))) == wanted


def test_an_answer_that_breaks_off_is_no_whole_answer() -> None:
    with pytest.raises(EngineGone) as raised:
        events_of(chunk(b'data: {"content":"a"}\n\n'))
    assert raised.value.message == "the engine broke off its answer: it closed the connection"


def test_what_is_no_http_is_an_engine_that_is_gone() -> None:
    with pytest.raises(EngineGone, match="the engine broke off its answer: HttpParser"):
        events_of(b"nonsense\r\n\r\n", status=b"")


def test_a_refusal_keeps_its_status_and_its_words() -> None:
    content = b'{"error":{"code":400,"message":"too long"}}'
    head = b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n" % len(content)
    with pytest.raises(EngineRefused) as raised:
        events_of(content, status=head)
    assert (raised.value.status, raised.value.message) == (400, "too long")


def test_a_refusal_amid_the_stream_is_raised() -> None:
    sent = chunk(b'data: {"content":"a"}\n\n') + chunk(b'error: {"code":500,"message":"full"}\n\n') + chunk(b"")
    with pytest.raises(EngineRefused, match="full"):
        events_of(sent)
