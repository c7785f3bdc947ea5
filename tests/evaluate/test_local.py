from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from transformers import LlamaForCausalLM

from tuner.evaluate.local import LocalSystem
from tuner.recipe import EvaluateSettings
from tuner.records import Item
from tuner.render import Renderer

from .conftest import CODE

SETTINGS = EvaluateSettings(max_prompt_tokens=96, max_new_tokens=24, batch=8)


def slow_bits(model: LlamaForCausalLM, renderer: Renderer, item: Item) -> float:
    """Score one item with a pass over the whole text for every token, an explicit softmax and a scan for the mask."""
    prompt = renderer.infilling_prompt(item.prefix, item.suffix, item.path, SETTINGS.max_prompt_tokens)
    ids, left, bits = list(prompt.ids), prompt.healed, 0.0
    for ident in renderer.completion_ids(prompt.healed, item.target):
        with torch.no_grad():
            weights = torch.exp(model(torch.tensor([ids])).logits[0, -1].double())
        if left:
            fits = [
                i
                for i, each in enumerate(renderer.vocabulary)
                if each and (each.startswith(left) or left.startswith(each))
            ]
            bits -= math.log2(weights[ident] / weights[fits].sum())
            left = left[len(renderer.vocabulary[ident]) :]
        else:
            bits -= math.log2(weights[ident] / weights.sum())
        ids.append(ident)
    return bits


def test_bits_equal_a_slow_reference_without_cache_or_padding(
    tiny_model: LlamaForCausalLM, renderer: Renderer, items: list[Item]
) -> None:
    by_id = {item.id: item for item in items}
    for prediction in LocalSystem("base", tiny_model, renderer, SETTINGS).answer(items):
        assert prediction.bits == pytest.approx(slow_bits(tiny_model, renderer, by_id[prediction.item_id]), rel=1e-4)


def test_a_target_longer_than_one_scoring_pass_is_scored_whole(
    tiny_model: LlamaForCausalLM, renderer: Renderer, items: list[Item]
) -> None:
    long = [dataclasses.replace(items[0], target="x = y; " * 20 + "zq"), items[1]]
    for prediction in LocalSystem("base", tiny_model, renderer, SETTINGS).answer(long):
        item = next(each for each in long if each.id == prediction.item_id)
        assert prediction.bits == pytest.approx(slow_bits(tiny_model, renderer, item), rel=1e-4)


def test_answers_do_not_depend_on_the_batch_they_come_in(
    tiny_model: LlamaForCausalLM, renderer: Renderer, items: list[Item]
) -> None:
    alone = {
        each.item_id: each
        for each in LocalSystem("base", tiny_model, renderer, SETTINGS.model_copy(update={"batch": 1})).answer(items)
    }
    together = list(LocalSystem("base", tiny_model, renderer, SETTINGS).answer(list(reversed(items))))
    assert len({each.raw for each in together}) > 5
    for each in together:
        same = alone[each.item_id]
        assert (each.raw, each.text, each.tokens) == (same.raw, same.text, same.tokens)
        assert each.bits == pytest.approx(same.bits, abs=1e-3)


def test_confidence_is_the_mean_log_probability_of_the_answers_tokens(
    tiny_model: LlamaForCausalLM, renderer: Renderer, items: list[Item]
) -> None:
    system = LocalSystem("base", tiny_model, renderer, SETTINGS)
    by_id = {item.id: item for item in items}
    healed = 0
    for prediction in list(system.answer(items))[::5]:
        item = by_id[prediction.item_id]
        prompt = renderer.infilling_prompt(item.prefix, item.suffix, item.path, SETTINGS.max_prompt_tokens)
        prefilled = system.decoder.prefill([prompt.ids])
        ids = system.decoder.generate(prefilled, [prompt.healed], SETTINGS.max_new_tokens)[0]
        left, spoken, nats = prompt.healed, list(prompt.ids), 0.0
        for ident in ids:
            with torch.no_grad():
                logits = tiny_model(torch.tensor([spoken])).logits[0, -1].double()
            if left:
                allowed = torch.from_numpy(system.healer.allowed(left))
                nats += float(logits[ident] - torch.logsumexp(logits[allowed], dim=-1))
                left = left[len(renderer.vocabulary[ident] or b"") :]
                healed += 1
            else:
                nats += float(logits[ident] - torch.logsumexp(logits, dim=-1))
            spoken.append(ident)
        assert prediction.confidence == pytest.approx(nats / len(ids), abs=1e-3)
    assert healed > 2


def test_a_completion_alone_is_the_batched_answer(
    tiny_model: LlamaForCausalLM, renderer: Renderer, items: list[Item]
) -> None:
    system = LocalSystem("base", tiny_model, renderer, SETTINGS)
    answered = {each.item_id: each.text for each in system.answer(items)}
    assert all(system.complete(item) == answered[item.id] for item in items[::4])


def test_healed_generation_always_begins_with_what_was_typed(
    tiny_model: LlamaForCausalLM, renderer: Renderer, items: list[Item]
) -> None:
    system = LocalSystem("base", tiny_model, renderer, SETTINGS)
    typed = set()
    for item in items:
        prompt = renderer.infilling_prompt(item.prefix, item.suffix, item.path, SETTINGS.max_prompt_tokens)
        prefilled = system.decoder.prefill([prompt.ids])
        ids = system.decoder.generate(prefilled, [prompt.healed], SETTINGS.max_new_tokens)[0]
        assert b"".join(map(system.healer.spelling, ids)).startswith(prompt.healed)
        typed.add(prompt.healed)
    assert len(typed) > 8


def test_a_cursor_inside_a_word_is_answered_rightly_only_when_healed(
    taught_model: LlamaForCausalLM, renderer: Renderer
) -> None:
    system = LocalSystem("tuned", taught_model, renderer, SETTINGS)
    cursor = CODE.index("connection(number_of_retries)") + len("conne")
    rest = CODE[cursor:].split("\n")[0]
    item = Item("i", "shop", "shop/counter.py", "python", "c", 0, "inside", CODE[:cursor], "", rest, True)

    healed = next(system.answer([item]))
    assert healed.text == rest
    assert healed.raw.startswith(rest + "\n")
    assert healed.bits is not None and healed.bits < 2.0

    naive = renderer.infilling_prompt("", "", item.path, 96).ids + renderer.encode(item.prefix)
    ids = system.decoder.generate(system.decoder.prefill([naive]), [b""], SETTINGS.max_new_tokens)[0]
    assert not renderer.decode(ids).startswith(rest)
    unhealed = system.decoder.score(system.decoder.prefill([naive]), [renderer.encode(rest)], [[]])[0]
    assert unhealed > 5 * healed.bits


def test_text_ends_where_the_line_does_and_raw_keeps_the_line_end(
    taught_model: LlamaForCausalLM, renderer: Renderer
) -> None:
    system = LocalSystem("tuned", taught_model, renderer, SETTINGS)
    cursor = CODE.index(" None:")
    item = Item("i", "shop", "shop/counter.py", "python", "c", 0, "boundary", CODE[:cursor], "", " None:", True)
    prediction = next(system.answer([item]))
    assert prediction.text == " None:"
    assert prediction.raw.startswith(" None:\n")
    assert prediction.tokens < SETTINGS.max_new_tokens


def test_a_body_is_generated_up_to_its_end_and_no_further(taught_model: LlamaForCausalLM, renderer: Renderer) -> None:
    settings = SETTINGS.model_copy(update={"max_new_tokens_block": 60})
    system = LocalSystem("tuned", taught_model, renderer, settings)
    cursor, end = CODE.index("connection = "), CODE.index("    if connection")
    target = CODE[CODE.index("raise") :].split("\n")[0]
    made = ("shop", "shop/counter.py", "python", "c", 0, "boundary")
    block = Item("a", *made, CODE[: CODE.index("raise")], "", target, True, "block")
    whole = Item("b", *made, CODE[:cursor], "", CODE[cursor:].rstrip(), True, "body")
    line = Item("c", *made, CODE[:cursor], "", CODE[cursor:end].rstrip(), True)
    found = {each.item_id: each for each in system.answer([line, whole, block])}
    assert found["a"].text == target
    assert found["a"].raw.startswith(target + "\n    r") and len(found["a"].raw) < len(target) + 12
    assert found["b"].text.startswith(CODE[cursor : CODE.index("raise")])
    assert found["c"].text == line.target and (found["c"].tokens or 0) < SETTINGS.max_new_tokens
    assert (found["a"].cuts, found["b"].cuts) == (None, None)
    for item in (block, whole, line):
        assert system.complete(item) == found[item.id].text


def test_a_body_has_a_token_limit_of_its_own(
    tiny_model: LlamaForCausalLM, renderer: Renderer, items: list[Item]
) -> None:
    settings = SETTINGS.model_copy(update={"max_new_tokens": 3, "max_new_tokens_block": 7})
    system = LocalSystem("base", tiny_model, renderer, settings)
    mixed = [dataclasses.replace(each, kind="block") if n % 2 else each for n, each in enumerate(items)]
    most = {"line": 0, "block": 0}
    kinds = {item.id: item.kind for item in mixed}
    for each in system.answer(mixed):
        most[kinds[each.item_id]] = max(most[kinds[each.item_id]], each.tokens or 0)
    assert most == {"line": 3, "block": 7}
