"""Ask the llama.cpp engine what it would answer, in a process of its own: an engine that aborts takes nothing with it.

In, as JSON on stdin: {"model": path, "adapter": path or null, "prompts": [token ids], "texts": [text], "vocabulary":
size, "threads": n, "out": path}. Out: `out`.npy with the log-probability of every token after each prompt, one row a
prompt; on stdout the token ids of each text as JSON. The engine's log goes to stderr.

This file is run by path and imports nothing of this program.
"""

from __future__ import annotations

import http.client
import json
import sys
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import xllamacpp


def main() -> None:
    request = json.load(sys.stdin)
    server = _start(request)
    letter = _tokens(server.listening_address, "a")[0]
    rows = [_log_probabilities(server, prompt, request["vocabulary"], letter) for prompt in request["prompts"]]
    np.save(request["out"], np.stack(rows))
    json.dump([_tokens(server.listening_address, text) for text in request["texts"]], sys.stdout)


def _start(request: dict[str, Any]) -> xllamacpp.Server:
    settings = xllamacpp.CommonParams()
    settings.model.path = request["model"]
    if request["adapter"]:
        settings.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(request["adapter"], 1.0)]
    longest = max(len(prompt) for prompt in request["prompts"])
    settings.n_ctx = 256 * (longest // 256 + 1)
    settings.n_parallel = 1
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = request["threads"]
    settings.warmup = False
    return xllamacpp.Server(settings)


def _log_probabilities(server: xllamacpp.Server, prompt: list[int], vocabulary: int, letter: int) -> np.ndarray:
    # Before sampling the engine reports the plain softmax of its logits over all tokens, whatever is sampled then. It
    # reports nothing where the sampled token ends the text or is half a character, so a letter is forced.
    asked = {"prompt": prompt, "max_tokens": 1, "logprobs": vocabulary, "temperature": 1.0, "cache_prompt": False}
    answer = server.handle_completions(asked | {"post_sampling_probs": False, "logit_bias": [[letter, 10_000.0]]})
    if "choices" not in answer:
        raise SystemExit(f"the engine did not answer: {json.dumps(answer)[:400]}")
    row = np.full(vocabulary, np.nan, np.float32)
    for token in answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]:
        row[token["id"]] = token["logprob"]
    return row


def _tokens(address: str, text: str) -> list[int]:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)  # not urllib: that would use a proxy
    body = json.dumps({"content": text, "add_special": False, "parse_special": True})
    connection.request("POST", "/tokenize", body, {"Content-Type": "application/json"})
    tokens: list[int] = json.loads(connection.getresponse().read())["tokens"]
    connection.close()
    return tokens


if __name__ == "__main__":
    main()
