from __future__ import annotations

import torch
from transformers import LlamaForCausalLM, MistralConfig, MistralForCausalLM
from transformers.cache_utils import DynamicCache

from tuner.evaluate.growing_cache import ROOM_TOKENS, GrowingLayer, growing_cache


@torch.inference_mode()
def logits_of(model: LlamaForCausalLM, cache: DynamicCache) -> list[torch.Tensor]:
    """Read, go back, drop rows, and read past the room that was left."""
    ids_bt = torch.arange(36).reshape(3, 12)
    found = [model(input_ids=ids_bt, past_key_values=cache, use_cache=True).logits]
    cache.crop(-5)
    cache.batch_select_indices(torch.tensor([0, 2]))
    for step in range(ROOM_TOKENS + 6):
        ids_bt = torch.tensor([[step], [step + 7]])
        found.append(model(input_ids=ids_bt, past_key_values=cache, use_cache=True).logits)
        if step == 3:
            cache.crop(-2)
    return found


def test_a_growing_cache_gives_what_a_copied_one_gives(tiny_model: LlamaForCausalLM) -> None:
    theirs = logits_of(tiny_model, DynamicCache(config=tiny_model.config))
    ours = logits_of(tiny_model, growing_cache(tiny_model))
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))


@torch.inference_mode()
def test_a_token_is_written_behind_the_others_without_a_copy_of_them(tiny_model: LlamaForCausalLM) -> None:
    cache = growing_cache(tiny_model)
    places = set()
    for step in range(ROOM_TOKENS):
        tiny_model(input_ids=torch.tensor([[step]]), past_key_values=cache, use_cache=True)
        places.add(cache.layers[0].keys.data_ptr())
    assert len(places) == 1
    tiny_model(input_ids=torch.arange(2)[None], past_key_values=cache, use_cache=True)
    assert cache.layers[0].keys.data_ptr() not in places  # the room was used up
    assert cache.get_seq_length() == ROOM_TOKENS + 2


def test_layers_that_do_more_than_append_stay_as_they_are() -> None:
    small = {"hidden_size": 8, "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 8}
    model = MistralForCausalLM(MistralConfig(vocab_size=16, num_hidden_layers=2, sliding_window=4, **small))
    assert not any(isinstance(layer, GrowingLayer) for layer in growing_cache(model).layers)
