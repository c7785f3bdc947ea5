"""Let the base answer general requests before it is tuned, so that training can hold it to what it said.

In: a base, its renderer, and how many tokens are wanted. Out: `data/replay.jsonl`, rows in the base's own chat template
with labels on its answer alone; the train stage mixes them in. The requests are `prompts.txt`, written for this. The
first round answers greedily, further ones sample at 0.7, until there are enough tokens or `dataset.replay_rounds` are
done. Dropped, with counts: answers of fewer than 4 tokens (`short`), answers that go round in circles (`repetitive`)
and answers that were given already (`duplicate`). Nothing of the repository goes in, so that nothing of it can leak.

    tuner train --repo ../your-repo --set dataset.replay_share=0.1
"""

from __future__ import annotations

import time
from collections import Counter
from importlib import resources

from tuner.errors import BaseError
from tuner.models import load_judge
from tuner.recipe import DatasetSettings
from tuner.records import Base, Row, content_id, write_jsonl
from tuner.render import MASKED, Renderer
from tuner.replay.answering import Limits, Memory, answer
from tuner.replayed import Replay
from tuner.rundir import Workspace

BATCH = 8
SHORTEST = 4  # tokens
GRAM, FEWEST_NEW_GRAMS = 8, 0.5  # of all runs of 8 tokens, half at least must be new


def run(
    base: Base,
    renderer: Renderer,
    settings: DatasetSettings,
    quantization: str,
    tokens: int,
    seed: int,
    work: Workspace,
) -> Replay:
    """Collect rows of about `tokens` tokens; `quantization` is how the base is held, as it is where it is judged."""
    started = time.monotonic()
    prompts = [renderer.chat_prompt(request) for request in anchors()]
    room = settings.max_tokens - max(map(len, prompts))
    if room < SHORTEST:
        raise BaseError(
            f"the chat template takes {max(map(len, prompts))} tokens of dataset.max_tokens={settings.max_tokens}",
            "raise dataset.max_tokens, or set dataset.replay_share to 0",
        )
    limits = Limits(min(settings.replay_answer_tokens, room), renderer.stop_ids, renderer.end_id)
    rows = _rows(base, quantization, prompts, limits, settings.replay_rounds, tokens, seed, work)
    (work.out / "data").mkdir()
    write_jsonl(work.out / "data/replay.jsonl", rows.kept)
    seconds = time.monotonic() - started
    metrics = {
        "replay.rows": float(len(rows.kept)),
        "replay.tokens": float(rows.tokens),
        "replay.tokens_wanted": float(tokens),
        "replay.seconds": round(seconds, 1),
    }
    return Replay("data/replay.jsonl", dict(rows.counts), dict(rows.rejected), metrics)


def anchors() -> list[str]:
    """List the general requests."""
    return resources.files("tuner.replay").joinpath("prompts.txt").read_text(encoding="utf-8").splitlines()


class _Rows:
    """The rows so far, and why others were dropped."""

    def __init__(self) -> None:
        self.kept: list[Row] = []
        self.tokens = 0
        self.counts: Counter[str] = Counter(greedy=0, sampled=0)
        self.rejected: Counter[str] = Counter()
        self._seen: set[tuple[int, ...]] = set()

    def add(self, place: str, prompt: list[int], answered: list[int], stops: frozenset[int]) -> None:
        """Take an answer in, or count why not."""
        key = (*prompt, MASKED, *answered)
        reason = "duplicate" if key in self._seen else _fault(answered, stops)
        self._seen.add(key)
        if reason:
            self.rejected[reason] += 1
            return
        self.counts["greedy" if place.startswith("0/") else "sampled"] += 1
        self.tokens += len(prompt) + len(answered)
        ident = content_id("replay", place, str(prompt), str(answered))
        self.kept.append(Row(ident, "replay", prompt + answered, [MASKED] * len(prompt) + answered))


def _rows(
    base: Base,
    quantization: str,
    prompts: list[list[int]],
    limits: Limits,
    rounds: int,
    tokens: int,
    seed: int,
    work: Workspace,
) -> _Rows:
    rows, memory, model = _Rows(), Memory(work.scratch / "answers.jsonl"), None
    with work.progress.track("answering as the base does", total=tokens, unit="token") as track:
        for number in range(rounds):
            # another order in each round, so that a small share does not always hold the same requests
            order = sorted(range(len(prompts)), key=lambda which: content_id(str(seed), str(number), str(which)))
            for start in range(0, len(order), BATCH):
                if rows.tokens >= tokens:
                    return rows
                place, asked = f"{number}/{start}", [prompts[which] for which in order[start : start + BATCH]]
                if place not in memory.known:
                    model = model or load_judge(base, None, quantization)
                    drawn = None if number == 0 else int(content_id(str(seed), place)[:8], 16)
                    memory.add(place, answer(model, asked, limits, drawn))
                before = rows.tokens
                for which, (prompt, answered) in enumerate(zip(asked, memory.known[place], strict=True)):
                    if rows.tokens < tokens:
                        rows.add(f"{place}/{which}", prompt, answered, limits.stops)
                track.advance(rows.tokens - before)
    return rows


def _fault(answered: list[int], stops: frozenset[int]) -> str:
    said = [ident for ident in answered if ident not in stops]
    if len(said) < SHORTEST:
        return "short"
    grams = [tuple(said[start : start + GRAM]) for start in range(len(said) - GRAM + 1)]
    return "repetitive" if len(set(grams)) < FEWEST_NEW_GRAMS * len(grams) else ""
