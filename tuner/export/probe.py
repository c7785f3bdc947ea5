"""Ask the llama.cpp engine what it would answer, in a process of its own: an engine that aborts takes nothing with it.

In, as JSON on stdin: {"model": path, "adapter": path or null, "prompts": [token ids], "texts": [text], "vocabulary":
size, "threads": n, "out": path, "items": [{"prompt": ids, "healed": text, "target": ids}], "spellings": [text per id],
"max_new_tokens": n}. Bytes are written as Latin-1 text. Out: `out`.npy with the log-probability of every token after
each prompt, one row a prompt; on stdout, as JSON, the token ids of each text under "tokens", and under "items" what was
generated and the bits of the target, both under the evaluation's token healing. The engine's log goes to stderr.

This file is run by path and imports nothing of this program.
"""

from __future__ import annotations

import http.client
import json
import math
import sys
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import xllamacpp

ALTERNATIVES = 4  # tokens whose probability is reported at each place beside the one taken


def main() -> None:
    request = json.load(sys.stdin)
    server = _start(request)
    probe = _Probe(server, request["vocabulary"], [text.encode("latin-1") for text in request["spellings"]])
    rows = [probe.log_probabilities(prompt) for prompt in request["prompts"]]
    np.save(request["out"], np.stack(rows))
    tokens = [_tokens(server.listening_address, text) for text in request["texts"]]
    items = [probe.answer(item, request["max_new_tokens"]) for item in request["items"]]
    json.dump({"tokens": tokens, "items": items}, sys.stdout)


class _Probe:
    """One running engine, and the bytes that each of its tokens spells."""

    def __init__(self, server: xllamacpp.Server, vocabulary: int, spellings: list[bytes]) -> None:
        self.server = server
        self.vocabulary = vocabulary
        self.spellings = spellings
        self.letter = _tokens(server.listening_address, "a")[0]
        self.first_row: np.ndarray | None = None

    def log_probabilities(self, prompt: list[int], cached: bool = False) -> np.ndarray:
        """Give the log-probability of every token after a prompt.

        Before sampling the engine reports the plain softmax of its logits over all tokens, whatever is sampled then. It
        reports nothing where the sampled token ends the text or is half a character, so a letter is forced.
        """
        answer = self._complete(prompt, 1, self.vocabulary, cached, logit_bias=[[self.letter, 10_000.0]])
        row = np.full(self.vocabulary, np.nan, np.float32)
        for token in answer["logprobs"]["content"][0]["top_logprobs"]:
            row[token["id"]] = token["logprob"]
        return row

    def answer(self, item: dict[str, Any], max_new_tokens: int) -> dict[str, Any]:
        """Complete one item greedily, and score its target."""
        healed = item["healed"].encode("latin-1")
        self.first_row = None  # a whole row costs as much as many tokens, and both halves begin with the same one
        ids: list[int] = []
        left = healed
        while left and len(ids) < max_new_tokens:
            row = self._row(item["prompt"], ids)
            allowed = self._allowed(left)
            ids.append(int(allowed[row[allowed].argmax()]))
            left = left[len(self.spellings[ids[-1]]) :]
        count = max(1, max_new_tokens - len(ids))
        answer = self._complete(item["prompt"] + ids, count, ALTERNATIVES, True, stop=["\n"])
        content = answer["logprobs"]["content"] if answer["logprobs"] else []
        steps = [[[each["id"], each["logprob"]] for each in (token, *token["top_logprobs"])] for token in content]
        taken = [step[0][0] for step in steps]
        said = b"".join(self.spellings[ident] for ident in taken).decode("utf-8", "replace")
        if len(ids) + len(taken) < max_new_tokens and said == answer["text"]:
            steps.append(self._likeliest(item["prompt"] + ids + taken))  # the end of text, which is not reported
        spelled = b"".join(self.spellings[ident] for ident in ids)[len(healed) :].decode("latin-1")
        return {"spelled": spelled, "text": answer["text"], "steps": steps, "bits": self._bits(item, healed)}

    def _likeliest(self, prompt: list[int]) -> list[list[float]]:
        row = self.log_probabilities(prompt, cached=True)
        best = np.argsort(-row)[:ALTERNATIVES].tolist()
        return [[ident, float(row[ident])] for ident in best]

    def _bits(self, item: dict[str, Any], left: bytes) -> float:
        """Give the target's base-2 log loss: among the allowed tokens while healing lasts, else among all."""
        nats = 0.0
        before: list[int] = []
        for ident in item["target"]:
            if left:
                row = self._row(item["prompt"], before)
                among = row[self._allowed(left)].astype(np.float64)
                nats += float(np.logaddexp.reduce(among)) - float(row[ident])
                left = left[len(self.spellings[ident]) :]
            elif self._is_silent(ident):
                nats -= float(self._row(item["prompt"], before)[ident])
            else:
                forced = self._complete(item["prompt"] + before, 1, 1, True, logit_bias=[[ident, 10_000.0]])
                nats -= forced["logprobs"]["content"][0]["logprob"]
            before = [*before, ident]
        return nats / math.log(2.0)

    def _row(self, prompt: list[int], after: list[int]) -> np.ndarray:
        if after:
            return self.log_probabilities(prompt + after, cached=True)
        if self.first_row is None:
            self.first_row = self.log_probabilities(prompt, cached=True)
        return self.first_row

    def _is_silent(self, ident: int) -> bool:
        """Tell whether the engine reports nothing after this token: it ends the text or is half a character."""
        try:
            return not self.spellings[ident].decode("utf-8")
        except UnicodeDecodeError:
            return True

    def _allowed(self, left: bytes) -> np.ndarray:
        spells = (bool(each) and (each.startswith(left) or left.startswith(each)) for each in self.spellings)
        return np.flatnonzero(np.fromiter(spells, bool, len(self.spellings)))

    def _complete(self, prompt: list[int], count: int, alternatives: int, cached: bool, **more: Any) -> dict[str, Any]:
        asked = {"prompt": prompt, "max_tokens": count, "logprobs": alternatives, "post_sampling_probs": False}
        temperature = 1.0 if "logit_bias" in more else 0.0
        answer = self.server.handle_completions(asked | {"temperature": temperature, "cache_prompt": cached} | more)
        if "choices" not in answer:
            raise SystemExit(f"the engine did not answer: {json.dumps(answer)[:400]}")
        found: dict[str, Any] = answer["choices"][0]
        return found


def _start(request: dict[str, Any]) -> xllamacpp.Server:
    settings = xllamacpp.CommonParams()
    settings.model.path = request["model"]
    if request["adapter"]:
        settings.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(request["adapter"], 1.0)]
    lengths = [len(prompt) for prompt in request["prompts"]]
    lengths += [len(item["prompt"]) + max(len(item["target"]), request["max_new_tokens"]) for item in request["items"]]
    settings.n_ctx = 256 * (max(lengths) // 256 + 1)
    settings.n_parallel = 1
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = request["threads"]
    settings.warmup = False
    return xllamacpp.Server(settings)


def _tokens(address: str, text: str) -> list[int]:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)  # not urllib: that would use a proxy
    body = json.dumps({"content": text, "add_special": False, "parse_special": True})
    connection.request("POST", "/tokenize", body, {"Content-Type": "application/json"})
    tokens: list[int] = json.loads(connection.getresponse().read())["tokens"]
    connection.close()
    return tokens


if __name__ == "__main__":
    main()
