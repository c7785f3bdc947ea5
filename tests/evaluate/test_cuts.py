"""What the scoring pass says of a line's later cursors is what generating from each of them gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
from transformers import LlamaForCausalLM

from tuner.evaluate.cuts import FEWEST_LEFT, count_cuts
from tuner.evaluate.healing import Healer
from tuner.evaluate.local import LocalSystem
from tuner.recipe import EvaluateSettings
from tuner.records import Item
from tuner.render import Renderer
from tuner.truncation import first_line

SETTINGS = EvaluateSettings(max_prompt_tokens=96, max_new_tokens=40, batch=8)


def generated(system: LocalSystem, item: Item, renderer: Renderer) -> list[bool]:
    """Generate from the item's cursor and from every token boundary behind it, and say where the rest is right."""
    prompt = renderer.infilling_prompt(item.prefix, item.suffix, item.path, SETTINGS.max_prompt_tokens)
    target = renderer.completion_ids(prompt.healed, item.target)
    verdicts = [system.complete(item) == item.target]
    for start in range(1, len(target)):
        spelled = b"".join(map(system.healer.spelling, target[:start]))
        rest = b"".join(map(system.healer.spelling, target[start:])).decode("utf-8", "ignore")
        if len(spelled) > len(prompt.healed) and sum(not each.isspace() for each in rest) >= FEWEST_LEFT:
            verdicts.append(_goes_on(system, [*prompt.ids, *target[:start]], target[start:]))
    return verdicts


def _goes_on(system: LocalSystem, ids: list[int], rest: Sequence[int]) -> bool:
    prefilled = system.decoder.prefill([ids])
    given = system.decoder.generate(prefilled, [b""], SETTINGS.max_new_tokens)[0]
    spelled, wanted = (b"".join(map(system.healer.spelling, each)).decode("utf-8", "replace") for each in (given, rest))
    return first_line(spelled) == wanted


def wrong_in_the_middle(item: Item) -> Item:
    """Ask for a line that the model does not know as a whole: its end is right once the stranger stands there."""
    half = len(item.target) // 2
    return dataclasses.replace(item, id=item.id + "w", target=item.target[:half] + "zq" + item.target[half:])


def test_the_verdict_at_every_cut_is_that_of_generating_from_there(
    taught_model: LlamaForCausalLM, renderer: Renderer, items: list[Item]
) -> None:
    system = LocalSystem("tuned", taught_model, renderer, SETTINGS)
    asked = [*items[::3], *map(wrong_in_the_middle, items[1::6])]
    seen: list[bool] = []
    for prediction in system.answer(asked):
        item = next(each for each in asked if each.id == prediction.item_id)
        verdicts = generated(system, item, renderer)
        assert (prediction.cuts, prediction.right_cuts) == (len(verdicts), sum(verdicts)), item.target
        seen += verdicts
    assert 20 < sum(seen) < len(seen) - 5  # both verdicts occur


def test_a_model_that_knows_nothing_is_right_nowhere(
    tiny_model: LlamaForCausalLM, renderer: Renderer, items: list[Item]
) -> None:
    for prediction in LocalSystem("base", tiny_model, renderer, SETTINGS).answer(items[::4]):
        assert prediction.cuts is not None and prediction.cuts > 0
        assert prediction.right_cuts == 0


@pytest.mark.parametrize("ending", [5, 4], ids=["stop token", "line end"])
def test_every_token_and_the_lines_end_must_be_the_likeliest(ending: int) -> None:
    item = Item("i", "shop", "a.py", "python", "c", 0, "boundary", "", "", "abcdef):", True)
    healer = Healer([b"abc", b"def", b"):", b"):\n", b"\n ", b"", b"x"])

    def counted(picks: list[int], asked: Item = item, healed: bytes = b"") -> tuple[int | None, int | None]:
        return count_cuts(asked, healed, [0, 1, 2], picks, healer, frozenset({5}))

    assert counted([0, 1, 2, ending]) == (2, 2)  # behind `def` only two characters are left
    assert counted([0, 1, 3, 6]) == (2, 2)  # many tokenizers have one token for the last bracket with its line end
    assert counted([6, 1, 2, ending]) == (2, 1)
    assert counted([0, 6, 2, ending]) == (2, 0)
    assert counted([0, 1, 2, 6]) == (2, 0)
    assert counted([0, 1, 2, ending], healed=b"abcd") == (1, 1)  # the boundary behind `abc` stands before the cursor
    assert counted([0, 1, 2, ending], dataclasses.replace(item, kind="block")) == (None, None)
