"""Run llama.cpp's own server in this process, for a GGUF base with a GGUF adapter, on the loopback address only.

In: two files, a name and `recipe.serve`. Out: a running server with its URL; it stops when the context ends.
Refused: a port that is taken, files that the engine cannot load. Web pages cannot read the answers: the engine allows
every origin unless told otherwise, so it is told one that no page has.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tuner.errors import ServeError
from tuner.recipe import ServeSettings

HOST = "127.0.0.1"
PROMPT_CACHE_MIB = 512  # the engine's own default is 8 GiB of prompts kept in memory


@contextmanager
def engine(base: Path, adapter: Path | None, name: str, settings: ServeSettings) -> Iterator[str]:
    """Serve `base` with `adapter` under the model id `name`, and yield the URL."""
    require_free_port(settings.port)
    import xllamacpp

    options = xllamacpp.CommonParams()
    options.model.path = str(base)
    options.model_alias = {name}
    if adapter is not None:
        options.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
    options.hostnames = [HOST]
    options.port = settings.port
    options.cors_origins = "http://localhost"
    options.endpoint_slots = False  # it shows every prompt to whoever asks
    options.n_ctx = settings.context_tokens
    options.n_parallel = 1
    options.cache_ram_mib = PROMPT_CACHE_MIB
    options.cpuparams.n_threads = options.cpuparams_batch.n_threads = settings.threads or _cores()
    options.warmup = False
    try:
        server = xllamacpp.Server(options)
    except RuntimeError:
        files = f"{base.name} with {adapter.name}" if adapter else base.name
        raise ServeError(f"the engine could not load {files}", "its own message stands above; export again") from None
    try:
        yield str(server.listening_address)
    finally:
        del server  # its destructor stops the engine and frees the port


def require_free_port(port: int) -> None:
    """Refuse a taken port before the model is loaded; 0 means any free one."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                hint = f'stop the other server, or choose another port: SET="serve.port={port + 1}"'
                raise ServeError(f"port {port} on {HOST} is taken", hint) from None
            if error.errno == errno.EACCES:
                raise ServeError(
                    f"port {port} on {HOST} needs more rights", 'choose one above 1023: SET="serve.port=8012"'
                ) from None
            raise


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
