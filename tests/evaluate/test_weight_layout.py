from __future__ import annotations

import copy

import torch
from transformers import LlamaForCausalLM

from tuner.evaluate.weight_layout import lay_out_by_columns


@torch.inference_mode()
def test_weights_by_columns_are_the_same_weights(tiny_model: LlamaForCausalLM) -> None:
    turned = copy.deepcopy(tiny_model)
    lay_out_by_columns(turned)
    weight = turned.model.layers[0].mlp.up_proj.weight
    assert not weight.is_contiguous() and weight.t().is_contiguous()
    for (name, one), (other_name, other) in zip(
        tiny_model.state_dict().items(), turned.state_dict().items(), strict=True
    ):
        assert name == other_name and torch.equal(one, other)
    ids_bt = torch.arange(24).reshape(2, 12)
    torch.testing.assert_close(turned(input_ids=ids_bt).logits, tiny_model(input_ids=ids_bt).logits)


def test_tied_weights_stay_one_tensor(tiny_model: LlamaForCausalLM) -> None:
    tiny_model.config.tie_word_embeddings = True
    tiny_model.tie_weights()
    lay_out_by_columns(tiny_model)
    assert tiny_model.lm_head.weight.data_ptr() == tiny_model.model.embed_tokens.weight.data_ptr()
