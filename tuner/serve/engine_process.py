"""Run llama.cpp's own server in a process of its own, so that an engine that aborts takes nothing with it.

In, as one line of JSON on stdin: {"base": path, "adapters": [paths], "key": text, "context_tokens": n a slot, "slots":
n, "threads": n, "drafting": bool}. Out: on stdout one line of JSON with the address, once the model is loaded. It ends
when stdin closes, so that it cannot outlive the program that started it. The engine's log goes to stderr.

All adapters are loaded switched off; each request says which one it wants, and how strongly.

This file is run by path and imports nothing of this program.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import xllamacpp

HOST = "127.0.0.1"
WARNINGS = 2  # more of its log would only be thrown away
BATCH = 512  # tokens read at a time: between two batches the engine looks whether a request was given up


def main() -> None:
    asked = json.loads(sys.stdin.readline())
    try:
        server = xllamacpp.Server(_options(asked))
    except RuntimeError as error:
        raise SystemExit(str(error)) from None
    sys.stdout.write(json.dumps({"address": str(server.listening_address)}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)  # nothing is to be kept, and the engine's own end waits for requests


def _options(asked: dict[str, Any]) -> xllamacpp.CommonParams:
    options = xllamacpp.CommonParams()
    options.model.path = asked["base"]
    options.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 0.0) for path in asked["adapters"]]
    options.hostnames = [HOST]
    options.port = 0
    options.api_keys = [asked["key"]]
    options.ui = False
    options.cors_origins = "http://localhost"  # the default lets every page of every browser read the answers
    options.endpoint_slots = True
    options.verbosity = WARNINGS
    options.n_parallel = asked["slots"]
    options.n_ctx = asked["context_tokens"] * asked["slots"]
    options.kv_unified = False  # a slot's context is its own, whatever the others read
    options.n_batch = BATCH
    # The engine keeps whole prompts beside its slots without noting which adapter read them, and would give one
    # adapter's memory to another. Which slot a request goes to is chosen by the front, and nothing is kept beside.
    options.cache_ram_mib = 0
    options.cpuparams.n_threads = options.cpuparams_batch.n_threads = asked["threads"]
    options.warmup = True
    if asked["drafting"]:
        options.speculative.types = [xllamacpp.common_speculative_type.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE]
    return options


if __name__ == "__main__":
    main()
