"""Let a base answer requests, a batch at a time, so that a killed run goes on after its last whole batch.

In: a model, prompts as token ids, and the batch's place. Out: each answer's token ids, up to and with the token that
ends it. The first round is greedy, later ones are sampled, each batch from a seed of its own: the same batch gives the
same answers whatever was generated before it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig, PreTrainedModel

TEMPERATURE = 0.7


@dataclass(frozen=True, slots=True)
class Limits:
    """Where an answer ends: at one of `stops`, or at `tokens`; `padding` fills what is shorter."""

    tokens: int
    stops: frozenset[int]
    padding: int


class Memory:
    """The answers of the batches that are done, one line each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, list[list[int]]] = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
            try:
                place, answers = json.loads(line)
            except ValueError:  # the line that a kill cut short is the last one
                break
            self.known[place] = answers
        path.write_text("".join(map(self._line, self.known)), encoding="utf-8")

    def add(self, place: str, answers: list[list[int]]) -> None:
        """Write a batch down."""
        self.known[place] = answers
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(self._line(place))

    def _line(self, place: str) -> str:
        return json.dumps([place, self.known[place]]) + "\n"


@torch.no_grad()
def answer(model: PreTrainedModel, prompts: list[list[int]], limits: Limits, seed: int | None) -> list[list[int]]:
    """Answer a batch of prompts: greedily without a seed, else by sampling."""
    longest = max(map(len, prompts))
    ids = [[limits.padding] * (longest - len(each)) + each for each in prompts]
    seen = [[0] * (longest - len(each)) + [1] * len(each) for each in prompts]
    sampling: dict[str, Any] = {} if seed is None else {"temperature": TEMPERATURE, "top_p": 1.0, "top_k": 0}
    model.generation_config = GenerationConfig(  # a base's own file may hold penalties and other temperatures
        max_new_tokens=limits.tokens,
        do_sample=seed is not None,
        eos_token_id=sorted(limits.stops),
        pad_token_id=limits.padding,
        **sampling,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed or 0)
        whole = model.generate(
            input_ids=torch.tensor(ids, device=model.device), attention_mask=torch.tensor(seen, device=model.device)
        )
    return [_cut(row, limits.stops) for row in whole[:, longest:].tolist()]


def _cut(ids: list[int], stops: frozenset[int]) -> list[int]:
    end = next((place for place, ident in enumerate(ids) if ident in stops), len(ids) - 1)
    return ids[: end + 1]
