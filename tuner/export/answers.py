"""Ask an exported file the evaluation's own questions, and say how far its answers are from those that were scored.

In: evaluation items with the prompts they were asked with and what the tuned model answered (PyTorch, PEFT), and what
the engine made of the same token ids under the same token healing (`probe`). Out: each metric on both sides over this
slice, and which answers differ.

Greedy answers part where two tokens are equally likely, and the least rounding decides. An answer that parts at such a
place is a `near tie`: the engine gave the other token less than `tie` nats below the one it took. In a small slice one
such answer moves exact match by points, so the judgement leaves near ties out; the figures that are reported do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tuner.errors import ExportError
from tuner.recipe import EvaluateSettings
from tuner.records import ONE_LINE_KINDS, Item, Prediction
from tuner.render import Prompt, Renderer
from tuner.scoring import COMPARED

# Bits per byte have no per cent; a hundredth of a bit counts as a point.
JUDGED = ("exact_match", "edit_similarity", "identifier_f1", "chars_saved_ratio", "bits_per_byte")


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of the evaluation with its answer; `target` is the line that the author wrote, as token ids."""

    item: Item
    prompt: Prompt
    target: list[int]
    evaluated: Prediction


@dataclass(frozen=True, slots=True)
class Slice:
    """The questions that exported files are asked. `spellings` are the bytes of each token id."""

    asked: list[Asked]
    spellings: list[bytes]
    stop_ids: frozenset[int]
    max_new_tokens: int

    def request(self) -> dict[str, Any]:
        """Give the questions as the probe reads them."""
        items = [
            {"prompt": each.prompt.ids, "healed": each.prompt.healed.decode("latin-1"), "target": each.target}
            for each in self.asked
        ]
        spellings = [each.decode("latin-1") for each in self.spellings] if items else []
        return {"items": items, "spellings": spellings, "max_new_tokens": self.max_new_tokens}


NO_SLICE = Slice([], [], frozenset(), 1)


@dataclass(frozen=True, slots=True)
class Drift:
    """The metrics of one file's answers beside those of the evaluation, over the same `items`.

    `judged` is the largest difference once near ties are left out; None without items.
    """

    items: int
    evaluated: dict[str, float]
    found: dict[str, float]
    differing: int
    near_ties: int
    judged: float | None

    @property
    def deltas(self) -> dict[str, float]:
        """Say how far each metric moved; in shares of 1, bits per byte in bits."""
        return {name: self.found[name] - value for name, value in self.evaluated.items() if name in self.found}


def make_slice(
    items: Sequence[Item],
    predictions: Sequence[Prediction],
    renderer: Renderer,
    evaluated: EvaluateSettings,
    count: int,
) -> Slice:
    """Choose `count` items of a line that were answered, spread by their ids, and render them as evaluation did."""
    answers = {each.item_id: each for each in predictions if each.void is None and each.bits is not None}
    lines = (item for item in items if item.id in answers and item.kind in ONE_LINE_KINDS)
    chosen = sorted(lines, key=lambda item: item.id)[:count]
    asked = []
    for item in chosen:
        prompt = renderer.infilling_prompt(
            item.prefix, item.suffix, item.path, evaluated.max_prompt_tokens, repo=item.repo
        )
        if prompt.ids:
            asked.append(Asked(item, prompt, renderer.completion_ids(prompt.healed, item.target), answers[item.id]))
    return Slice(asked, renderer.vocabulary, renderer.stop_ids, evaluated.max_new_tokens)


def drift_of(questions: Slice, answers: list[dict[str, Any]], tie: float) -> Drift | None:
    """Compare a file's answers, as the probe gave them, with those of the evaluation."""
    if not questions.asked:
        return None
    if len(answers) != len(questions.asked):
        raise ExportError(f"the engine gave {len(answers)} answers to {len(questions.asked)} items")
    pairs, differing, near_ties, clear = [], 0, 0, []
    for asked, answer in zip(questions.asked, answers, strict=True):
        text = _text(answer, questions)
        found = replace(asked.evaluated, text=text, bits=answer["bits"])
        pairs.append((asked, found))
        if text == asked.evaluated.text:
            clear.append((asked, found))
            continue
        differing += 1
        if _parts_at_a_tie(answer, asked.evaluated.raw, questions, tie):
            near_ties += 1
        else:
            clear.append((asked, found))
    evaluated, found_all = _metrics(pairs)
    before, after = _metrics(clear)
    judged = max((abs(after[name] - before[name]) for name in before if name in JUDGED), default=0.0)
    return Drift(len(pairs), evaluated, found_all, differing, near_ties, judged)


def _metrics(pairs: Sequence[tuple[Asked, Prediction]]) -> tuple[dict[str, float], dict[str, float]]:
    """Give each metric of the evaluated answers and of the file's, as a ratio of sums."""
    sides: tuple[dict[str, float], dict[str, float]] = {}, {}
    for metric in COMPARED:
        for side, predictions in zip(sides, (lambda a, _: a.evaluated, lambda _, f: f), strict=True):
            figures = [metric.figure(asked.item, predictions(asked, found)) for asked, found in pairs]
            whole = [figure for figure in figures if figure is not None]
            below = sum(figure[1] for figure in whole)
            if below:
                side[metric.name] = sum(figure[0] for figure in whole) / below
    return sides


def _text(answer: dict[str, Any], questions: Slice) -> str:
    """Cut an answer where evaluation cuts it: at a stop token or the end of the line, without trailing blanks."""
    text = answer["spelled"].encode("latin-1")
    ids = [step[0][0] for step in answer["steps"]]
    stops = [place for place, ident in enumerate(ids) if ident in questions.stop_ids]
    if stops:  # the engine goes on after a control token that it does not know as an end
        text += b"".join(questions.spellings[ident] for ident in ids[: stops[0]])
    else:
        text += answer["text"].encode("utf-8")
    return text.decode("utf-8", "replace").partition("\n")[0].rstrip()


def _parts_at_a_tie(answer: dict[str, Any], evaluated: str, questions: Slice, tie: float) -> bool:
    """Tell whether, where the answer leaves the evaluated one, the evaluated token was as good as equal.

    `evaluated` is raw: it goes on over the end of the line, and ends early where a stop token was taken.
    """
    wanted, said = evaluated.encode("utf-8"), answer["spelled"].encode("latin-1")
    if not wanted.startswith(said):
        return False  # it parts within the healed text, whose alternatives are not reported
    for (taken, probability), *others in answer["steps"]:
        spelled = questions.spellings[taken]
        if spelled and wanted.startswith(said + spelled):
            said += spelled
            continue
        level = [ident for ident, logprob in others if ident != taken and probability - logprob <= tie]
        return any(_goes_on(wanted, said, ident, questions) for ident in level)
    return False


def _goes_on(wanted: bytes, said: bytes, ident: int, questions: Slice) -> bool:
    """Tell whether a token leads on in the evaluated answer; a stop token does where that answer ends."""
    spelled = questions.spellings[ident]
    if not spelled:
        return wanted == said and ident in questions.stop_ids
    return wanted.startswith(said + spelled)
