"""Score and generate completions for a batch of prompts with one pass over the prompts.

In: token ids of prompts, padded on the left here. Out: the bits of given targets, with what would have been generated
in their place, and greedily generated ids. The prompt's keys and values are computed once: the target is scored on top
of them, the cache is cut back, and generation goes on from the same place. Logits are made for no position that is not
read, and turned to float32 row by row.

Tensor shapes: b rows of the batch, t tokens, v vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import DynamicCache

from tuner.evaluate.growing_cache import growing_cache
from tuner.evaluate.healing import Healer

FULL_SHARE = 0.9  # finished rows are dropped when fewer than so many are live
SCORED_AT_ONCE = 32  # target positions a pass: bounds the logits in memory, and few lines are longer


@dataclass(frozen=True, slots=True)
class Generated:
    """One answer's tokens, and the mean natural log-probability that they had when they were picked."""

    ids: list[int]
    confidence: float | None


@dataclass(slots=True)
class Prefilled:
    """Prompts that a model has read. `generate` uses the cache up; `score` leaves it as it was."""

    cache: DynamicCache
    mask_bt: torch.Tensor
    lengths_b: torch.Tensor
    logits_bv: torch.Tensor


@dataclass(slots=True)
class Followed:
    """A target that was read: its bits, and the likeliest token in the place of each of its own and behind the last."""

    bits: float
    picks: list[int]


@dataclass(frozen=True, slots=True)
class Stop:
    """When an answer ends that neither a stop token nor the end of a line ends; `is_over` is given what is new."""

    tokens: int
    is_over: Callable[[str], bool] | None = None


class Decoder:
    """A causal model with the healing rules of its tokenizer. It works where the model's weights lie."""

    def __init__(self, model: Any, healer: Healer, stop_ids: frozenset[int]) -> None:
        self.model = model
        self.healer = healer
        self.stop_ids = stop_ids
        self.device = next(model.parameters()).device

    @torch.inference_mode()
    def prefill(self, prompts: Sequence[Sequence[int]]) -> Prefilled:
        """Read the prompts; none of them may be empty."""
        width = max(map(len, prompts))
        ids_bt = self._ids([[0] * (width - len(prompt)) + list(prompt) for prompt in prompts])
        lengths_b = self._ids([len(prompt) for prompt in prompts])
        places_bt = torch.arange(width, device=self.device) - (width - lengths_b[:, None])
        mask_bt = (places_bt >= 0).long()
        cache = growing_cache(self.model)
        logits_btv = self._forward(ids_bt, mask_bt, places_bt.clamp(min=0), cache, last_only=True)
        return Prefilled(cache, mask_bt, lengths_b, logits_btv[:, -1])

    @torch.inference_mode()
    def score(
        self, prompt: Prefilled, targets: Sequence[Sequence[int]], healing: Sequence[Sequence[bytes]]
    ) -> list[float]:
        """Give each target's bits; `healing` lists, for its first tokens, what is still to be spelled before each."""
        return [each.bits for each in self.follow(prompt, targets, healing)]

    @torch.inference_mode()
    def follow(
        self, prompt: Prefilled, targets: Sequence[Sequence[int]], healing: Sequence[Sequence[bytes]]
    ) -> list[Followed]:
        """Give each target's bits and the likeliest tokens along it; `healing` is as for `score`."""
        found = [Followed(0.0, []) for _ in targets]
        for row, target in enumerate(targets):
            self._follow(found[row], prompt.logits_bv[row], target, healing[row], 0)
        longest = max(map(len, targets), default=0)
        mask_bt = prompt.mask_bt
        for start in range(0, longest, SCORED_AT_ONCE):
            width = min(SCORED_AT_ONCE, longest - start)
            fed = [list(target[start : start + width]) for target in targets]
            ids_bt = self._ids([ids + [0] * (width - len(ids)) for ids in fed])
            mask_bt = torch.cat([mask_bt, torch.ones_like(ids_bt)], dim=1)
            places_bt = prompt.lengths_b[:, None] + start + torch.arange(width, device=self.device)
            logits_btv = self._forward(ids_bt, mask_bt, places_bt, prompt.cache)
            for row, ids in enumerate(fed):
                for offset in range(len(ids)):
                    self._follow(found[row], logits_btv[row, offset], targets[row], healing[row], start + offset + 1)
            del logits_btv
        if longest:
            prompt.cache.crop(-longest)
        return found

    def generate(self, prompt: Prefilled, healed: Sequence[bytes], max_new_tokens: int) -> list[list[int]]:
        """Generate greedily until a stop token, the end of a line that says something, or the token limit."""
        return [each.ids for each in self.generate_until(prompt, healed, [Stop(max_new_tokens)] * len(healed))]

    @torch.inference_mode()
    def generate_until(self, prompt: Prefilled, healed: Sequence[bytes], stops: Sequence[Stop]) -> list[Generated]:
        """Generate greedily until a stop token, or until each answer's own stop."""
        answers = [_Answer(typed, stop) for typed, stop in zip(healed, stops, strict=True)]
        max_new_tokens = max((stop.tokens for stop in stops), default=0)
        live = list(range(len(answers)))  # the answer that each row of the batch belongs to
        logits_bv, mask_bt, lengths_b = prompt.logits_bv, prompt.mask_bt, prompt.lengths_b
        for step in range(max_new_tokens):
            picked = self._pick(logits_bv, [answers[index] for index in live])
            for row, (index, ident) in enumerate(zip(live, picked, strict=True)):
                answer = answers[index]
                if not answer.done:
                    answer.nats += self._nats(logits_bv[row], ident, answer.left)
                    answer.add(ident, self.healer.spelling(ident), ident in self.stop_ids)
            going = [row for row, index in enumerate(live) if not answers[index].done]
            if not going or step + 1 == max_new_tokens:
                break
            if len(going) <= len(live) * FULL_SHARE:  # a finished row costs a live one's time
                rows = self._ids(going)
                prompt.cache.batch_select_indices(rows)
                mask_bt, lengths_b = mask_bt[rows], lengths_b[rows]
                live, picked = [live[row] for row in going], [picked[row] for row in going]
            mask_bt = torch.cat([mask_bt, mask_bt.new_ones(len(live), 1)], dim=1)
            ids_bt, places_bt = self._ids(picked)[:, None], lengths_b[:, None] + step
            logits_bv = self._forward(ids_bt, mask_bt, places_bt, prompt.cache)[:, -1]
        return [Generated(answer.ids, -answer.nats / len(answer.ids) if answer.ids else None) for answer in answers]

    def _pick(self, logits_bv: torch.Tensor, answers: list[_Answer]) -> list[int]:
        picked: list[int] = logits_bv.argmax(dim=-1).tolist()
        for row, answer in enumerate(answers):
            if answer.left and not answer.done:
                allowed = self._allowed(answer.left)
                picked[row] = int(allowed[logits_bv[row, allowed].argmax()])
        return picked

    def _follow(
        self, found: Followed, logits_v: torch.Tensor, target: Sequence[int], healing: Sequence[bytes], place: int
    ) -> None:
        """Add what the logits before `place` say; behind the last token there is nothing to lose."""
        logits_v = logits_v.float()
        if place >= len(healing):
            found.picks.append(int(logits_v.argmax()))
            among_v = logits_v
        else:
            allowed = self._allowed(healing[place])
            among_v = logits_v[allowed]
            found.picks.append(int(allowed[among_v.argmax()]))
        if place < len(target):
            found.bits += float(torch.logsumexp(among_v, dim=-1) - logits_v[target[place]]) / math.log(2.0)

    def _nats(self, logits_v: torch.Tensor, ident: int, left: bytes) -> float:
        """Give the loss of a token that was picked, among those that still spell what was typed."""
        logits_v = logits_v.float()
        among_v = logits_v[self._allowed(left)] if left else logits_v
        return float(torch.logsumexp(among_v, dim=-1) - logits_v[ident])

    def _allowed(self, left: bytes) -> torch.Tensor:
        return torch.from_numpy(self.healer.allowed(left)).to(self.device)

    def _ids(self, values: Any) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.long, device=self.device)

    def _forward(
        self,
        ids_bt: torch.Tensor,
        mask_bt: torch.Tensor,
        places_bt: torch.Tensor,
        cache: DynamicCache,
        last_only: bool = False,
    ) -> torch.Tensor:
        logits_btv: torch.Tensor = self.model(
            input_ids=ids_bt,
            attention_mask=mask_bt,
            position_ids=places_bt,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1 if last_only else 0,
        ).logits
        return logits_btv


class _Answer:
    """One row's generated tokens, and how far they have come."""

    def __init__(self, healed: bytes, stop: Stop) -> None:
        self.ids: list[int] = []
        self.left = healed
        self.stop = stop
        self.nats = 0.0
        self.new = b""
        self.done = False

    def add(self, ident: int, spelled: bytes, stops: bool) -> None:
        self.ids.append(ident)
        self.new += spelled[len(self.left) :]
        self.left = self.left[len(spelled) :]
        self.done = stops or len(self.ids) >= self.stop.tokens or self._is_over()

    def _is_over(self) -> bool:
        if self.stop.is_over is None:
            return b"\n" in self.new.lstrip()
        return self.stop.is_over(self.new.decode("utf-8", "ignore"))
