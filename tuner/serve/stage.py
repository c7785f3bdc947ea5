"""Serve an exported model to the editors on this machine until it is told to stop.

In: the `Bundle` of a run, its folder and `recipe.serve`. Out: one HTTP server on 127.0.0.1 that speaks what editors
speak (`front`), before llama.cpp's engine in a process of its own (`fleet`).
Refused: a file whose answers were found to differ from the evaluated model, one that is missing or was altered since
the export, a run whose base GGUF cannot express, a taken port, a key that is asked for and not there. Every file is
hashed before it is loaded.

    make serve RUN=adapters/...
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tuner.errors import ServeError
from tuner.recipe import ServeSettings
from tuner.records import Bundle
from tuner.serve.models import Hashes, find_roster

HOST = "127.0.0.1"
_WAITING_CONNECTIONS = 512
_KEPT_SECONDS = 75  # a connection without a request: a user stops typing for longer than the usual 5 seconds
Said = Callable[[dict[str, Any]], None]


def serve(
    bundle: Bundle,
    run_folder: Path,
    settings: ServeSettings,
    ready: Callable[[str], None],
    said: Said = lambda record: None,
) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called with the URL once the model answers.

    `said` is called with a record of every request and every change; none of them holds code.
    """
    stop = threading.Event()
    previous = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with running(bundle, run_folder, settings, said) as url:
            ready(url)
            stop.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def running(
    bundle: Bundle, run_folder: Path, settings: ServeSettings, said: Said = lambda record: None
) -> Iterator[str]:
    """Serve while the context lasts, and yield the URL."""
    key = key_of(settings)
    with bound(settings.port) as listener:  # before the files are hashed, which takes a while
        started: Future[Callable[[], None]] = Future()
        work = partial(_serve_in_thread, bundle, run_folder, settings, said, key, listener, started)
        thread = threading.Thread(target=work, name="tuner-serve", daemon=True)
        thread.start()
        end = started.result()
        try:
            yield f"http://{HOST}:{listener.getsockname()[1]}"
        finally:
            end()
            thread.join()


@contextmanager
def bound(port: int) -> Iterator[socket.socket]:
    """Hold a port of the loopback address; 0 means any free one."""
    # By its number, or asyncio takes the protocol for another one and leaves Nagle's algorithm on: 40 ms an answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with listener:
        try:
            listener.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                hint = f'stop the other server, or choose another port: SET="serve.port={port + 1}"'
                raise ServeError(f"port {port} on {HOST} is taken", hint) from None
            if error.errno == errno.EACCES:
                raise ServeError(
                    f"port {port} on {HOST} needs more rights", 'choose one above 1023: SET="serve.port=8012"'
                ) from None
            raise
        yield listener


def key_of(settings: ServeSettings) -> str | None:
    """Read the key that the settings name; None where they want none."""
    if settings.key is None:
        return None
    key = os.environ.get(settings.key, "").strip()
    if not key:
        raise ServeError(
            f"serve.key: the environment variable {settings.key} is not set",
            f"export {settings.key}=..., or leave out serve.key",
        )
    return key


def _fast_loop() -> Callable[[], Any] | None:
    """Give the event loop that is written in C; there is none for Windows."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


def _serve_in_thread(
    bundle: Bundle,
    run_folder: Path,
    settings: ServeSettings,
    said: Said,
    key: str | None,
    listener: socket.socket,
    started: Future[Callable[[], None]],
) -> None:
    import asyncio
    import logging

    import uvicorn

    from tuner.serve.completing import Completer
    from tuner.serve.endpoint import Front
    from tuner.serve.fleet import Fleet
    from tuner.serve.front import application
    from tuner.serve.metrics import Metrics

    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of every client that went away

    async def work() -> None:
        fleet = Fleet(partial(find_roster, run_folder, bundle, settings, Hashes()), settings, said)
        try:
            await fleet.start()
            app = application(Front(Completer(fleet, settings), Metrics(), settings), said, key)
            config = uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                proxy_headers=False,  # nobody stands before it whose word on an address would count
                backlog=_WAITING_CONNECTIONS,
                timeout_keep_alive=_KEPT_SECONDS,
                timeout_graceful_shutdown=1,
            )
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            while not server.started and not serving.done():
                await asyncio.sleep(0.005)
            started.set_result(partial(setattr, server, "should_exit", True))
            await serving
        finally:
            await fleet.close()

    try:
        with asyncio.Runner(loop_factory=_fast_loop()) as runner:
            runner.run(work())
    except BaseException as error:
        if started.done():
            raise
        started.set_exception(error)
