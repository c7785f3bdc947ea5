"""A local causal model as a system: the base, or the base with its adapter, with or without retrieval.

In: frozen items. Out: predictions with bits. Prompts come from the one renderer; the text already typed at a cursor is
healed, so `raw` and `text` hold only what is new after the cursor. `raw` is all that was generated, the line end
included; `text` is cut where every system's is. `tokens` counts every generated token, the healed ones and the stop
token too.

Bodies of several lines come first, since they take many more tokens, then lines; of each the longest target first: most
prompts fill `max_prompt_tokens` and need no padding, targets do, and a lack of memory shows in the first batch.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.evaluate.cuts import count_cuts
from tuner.evaluate.decoding import Decoder, Stop
from tuner.evaluate.healing import Healer
from tuner.recipe import EvaluateSettings
from tuner.records import ONE_LINE_KINDS, Item, Neighbour, Prediction
from tuner.render import Prompt, Renderer
from tuner.truncation import cut, is_over


@dataclass(frozen=True, slots=True)
class _Question:
    item: Item
    prompt: Prompt


class LocalSystem:
    """Answer with a model in this process. `model` is in eval mode, on the device where it is to run."""

    def __init__(
        self,
        name: str,
        model: Any,
        renderer: Renderer,
        settings: EvaluateSettings,
        neighbours: Callable[[Item], Sequence[Neighbour]] | None = None,
    ) -> None:
        self.name = name
        self.batch = settings.batch
        self.times_alone = True
        self.about = {"retrieval": "none" if neighbours is None else f"BM25, {settings.retrieved} pieces at most"}
        self.neighbours = neighbours
        self.renderer = renderer
        self.settings = settings
        self.healer = Healer(renderer.vocabulary)
        self.decoder = Decoder(model, self.healer, renderer.stop_ids)

    def answer(self, items: Sequence[Item]) -> Iterator[Prediction]:
        """Answer and score the items in batches, bodies first, longest target first."""
        questions = [_Question(item, self._prompt(item)) for item in items]
        questions.sort(
            key=lambda each: (each.item.kind in ONE_LINE_KINDS, -len(each.item.target), each.item.id),
        )
        for start in range(0, len(questions), self.settings.batch):
            yield from self._answer_batch(questions[start : start + self.settings.batch])

    def complete(self, item: Item) -> str:
        """Answer one item alone, without scoring it."""
        prompt = self._prompt(item)
        prefilled = self.decoder.prefill([prompt.ids])
        answer = self.decoder.generate_until(prefilled, [prompt.healed], [self._stop(item)])[0]
        return cut(item, self._raw(prompt, answer.ids))

    def bits(self, items: Sequence[Item]) -> list[float]:
        """Score the items' targets without answering."""
        found = []
        for start in range(0, len(items), self.settings.batch):
            batch = items[start : start + self.settings.batch]
            prompts = [self._prompt(item) for item in batch]
            targets, healing = self._spelled(batch, prompts)
            prefilled = self.decoder.prefill([prompt.ids for prompt in prompts])
            found += [each.bits for each in self.decoder.follow(prefilled, targets, healing)]
        return found

    def figures(self, items: Sequence[Item]) -> dict[str, float]:
        """Count the items whose bits are those without healing."""
        return {"unhealed_items": float(sum(map(self._is_unhealed, items)))}

    def _is_unhealed(self, item: Item) -> bool:
        """Tell whether the target's tokens do not spell what was typed, as under a tokenizer that changes text."""
        healed = self._prompt(item).healed
        return self.healer.path(healed, self.renderer.completion_ids(healed, item.target)) is None

    def _spelled(
        self, items: Sequence[Item], prompts: Sequence[Prompt]
    ) -> tuple[list[list[int]], list[Sequence[bytes]]]:
        """Give the targets' tokens, and for the first of each what is still to be spelled of the text typed."""
        targets = [
            self.renderer.completion_ids(prompt.healed, item.target)
            for item, prompt in zip(items, prompts, strict=True)
        ]
        healing: list[Sequence[bytes]] = [
            self.healer.path(prompt.healed, target) or [] for prompt, target in zip(prompts, targets, strict=True)
        ]
        return targets, healing

    def _answer_batch(self, questions: list[_Question]) -> list[Prediction]:
        prompts = [question.prompt for question in questions]
        targets, healing = self._spelled([question.item for question in questions], prompts)
        prefilled = self.decoder.prefill([prompt.ids for prompt in prompts])
        followed = self.decoder.follow(prefilled, targets, healing)
        stops = [self._stop(question.item) for question in questions]
        answers = self.decoder.generate_until(prefilled, [prompt.healed for prompt in prompts], stops)
        raws = [self._raw(prompt, answer.ids) for prompt, answer in zip(prompts, answers, strict=True)]
        cuts = [
            count_cuts(
                questions[row].item,
                prompts[row].healed,
                target,
                followed[row].picks,
                self.healer,
                self.renderer.stop_ids,
            )
            for row, target in enumerate(targets)
        ]
        return [
            Prediction(
                item_id=question.item.id,
                raw=raws[row],
                text=cut(question.item, raws[row]),
                bits=followed[row].bits,
                target_bytes=len(question.item.target.encode("utf-8")),
                tokens=len(answers[row].ids),
                latency_ms=None,
                void=None,
                prompt_tokens=len(prompts[row].ids),
                cuts=cuts[row][0],
                right_cuts=cuts[row][1],
                confidence=answers[row].confidence,
            )
            for row, question in enumerate(questions)
        ]

    def _stop(self, item: Item) -> Stop:
        if item.kind in ONE_LINE_KINDS:
            return Stop(self.settings.max_new_tokens)
        return Stop(self.settings.max_new_tokens_block, lambda new: is_over(item, new))

    def _prompt(self, item: Item) -> Prompt:
        return self.renderer.infilling_prompt(
            item.prefix,
            item.suffix,
            item.path,
            self.settings.max_prompt_tokens,
            repo=item.repo,
            neighbours=() if self.neighbours is None else self.neighbours(item),
            neighbour_tokens=self.settings.retrieved_tokens,
        )

    def _raw(self, prompt: Prompt, ids: list[int]) -> str:
        """Take the healed bytes off; a character that the token limit cuts in two is dropped."""
        spelled = b"".join(map(self.healer.spelling, ids))
        return codecs.getincrementaldecoder("utf-8")("replace").decode(spelled[len(prompt.healed) :])
