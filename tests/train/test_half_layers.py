"""A decoder layer in two steps of autograd gives what transformers and PEFT give; `test_families` has all families."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from tuner.memory import block_activations
from tuner.records import Row
from tuner.shape import Shape, read_shape
from tuner.train.fast_paths import FastPaths, take_fast_paths
from tuner.train.row_attention import BLOCK, LONGEST, attend, attend_backward

from .examples import loss_by_hand, packed_batch

CPU = torch.device("cpu")
BOUNDS = (0, BLOCK + 70, BLOCK + 71, BLOCK + 136)
VOCABULARY, RANK = 50, 8


def drawn(*sizes: int, seed: int) -> torch.Tensor:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def test_attention_by_products_and_its_gradients_are_those_of_a_mask_over_all_pairs() -> None:
    query, key, value = (drawn(BOUNDS[-1], heads, 8, seed=heads) for heads in (6, 2, 2))
    row = torch.bucketize(torch.arange(BOUNDS[-1]), torch.tensor(BOUNDS), right=True)
    mask = (row[:, None] == row).tril()
    by_head = [each.transpose(0, 1).unsqueeze(0) for each in (query, key, value)]
    wanted = functional.scaled_dot_product_attention(*by_head, mask, scale=1.0, enable_gqa=True)[0].transpose(0, 1)
    back = torch.randn(wanted.shape, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        inputs = grouped(query), grouped(key), grouped(value)
        found, weights = attend(*inputs, BOUNDS)
        along = (grouped(back) * found).sum(-1, keepdim=True)
        gradients = attend_backward(grouped(back), *inputs, along, weights, BOUNDS)
        together, _ = attend(*inputs, (0, BOUNDS[-1]))
        torch.testing.assert_close(found, grouped(wanted), rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(gradients, torch.autograd.grad(wanted, (query, key, value), back), strict=True):
        torch.testing.assert_close(ours, grouped(theirs), rtol=1e-4, atol=1e-5)
    assert (together - found)[:, 3 * BOUNDS[1] :].abs().max() > 0.1  # the negative control: rows that see each other


def grouped(heads: torch.Tensor) -> torch.Tensor:
    """Lay (positions, heads, size) out by the two heads with keys, heads that share one side by side."""
    return heads.unflatten(1, (2, -1)).transpose(0, 1).flatten(1, 2)


def tuned(bias: bool = False, ours: bool = False, **lora: Any) -> tuple[Any, FastPaths]:
    """Make a small Llama with an adapter that is not zero, and frozen parts that are not one or zero."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        config = LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            initializer_range=0.2,
            attention_bias=bias,
            mlp_bias=bias,
        )
        model = LlamaForCausalLM(config)
        for name, weight in model.named_parameters():
            if "norm" in name or "bias" in name:
                torch.nn.init.normal_(weight, mean=float("norm" in name), std=0.3)
        settings = LoraConfig(r=4, lora_alpha=12, target_modules="all-linear", task_type="CAUSAL_LM", **lora)
        tuned = get_peft_model(model, settings)
        for name, weight in tuned.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.1)
    return tuned.train(), take_fast_paths(tuned, CPU) if ours else FastPaths()


def rows_of(*lengths: int) -> list[Row]:
    draw = torch.Generator().manual_seed(6)
    ids = [torch.randint(VOCABULARY, (each,), generator=draw).tolist() for each in lengths]
    return [Row(f"pair{n}", "file", each, each) for n, each in enumerate(ids)]


def gradients_of(model: Any) -> dict[str, torch.Tensor]:
    return {name: weight.grad for name, weight in model.named_parameters() if weight.requires_grad}


def cosine(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return functional.cosine_similarity(one.flatten(), other.flatten(), 0)


def packed_loss(model: Any, rows: list[Row]) -> torch.Tensor:
    total, count = model(**packed_batch(rows), use_cache=False, labelled_loss=True)
    return total / count


@pytest.mark.parametrize(("bias", "lengths"), [(True, (BLOCK + 9, 1, 30)), (False, (2, LONGEST + 1))])
def test_loss_and_gradients_are_those_of_the_libraries_with_biases_and_with_a_row_that_is_too_long(
    bias: bool, lengths: tuple[int, ...]
) -> None:
    plain, _ = tuned(bias)
    fast, paths = tuned(bias, ours=True)
    assert (paths.attention_halves, paths.forward_halves, paths.notes) == (2, 2, [])
    rows = rows_of(*lengths)
    wanted, found = loss_by_hand(plain, [row for row in rows if len(row.input_ids) > 1]), packed_loss(fast, rows)
    wanted.backward()
    found.backward()
    assert float(found.detach()) == pytest.approx(float(wanted.detach()), rel=1e-5)
    theirs, ours = gradients_of(plain), gradients_of(fast)
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-3, atol=1e-5 * float(gradient.abs().max()), msg=name)


def test_bf16_gradients_are_as_near_to_those_of_float32_as_the_libraries() -> None:
    exact, _ = tuned()
    rows = rows_of(BLOCK + 9, 40)
    loss_by_hand(exact, rows).backward()
    wanted, near = gradients_of(exact), []
    for ours in (False, True):
        model, _ = tuned()
        model.to(torch.bfloat16)
        if ours:
            assert take_fast_paths(model, CPU).notes == []
            loss = packed_loss(model, rows)
        else:
            loss = loss_by_hand(model, rows)
        loss.backward()
        assert float(loss.detach()) == pytest.approx(float(loss_by_hand(exact, rows).detach()), rel=1e-2)
        found = gradients_of(model)
        assert {each.dtype for each in found.values()} == {torch.bfloat16}
        near.append(max(1 - float(cosine(found[name].float(), each)) for name, each in wanted.items()))
    assert near[1] < max(0.01, 2 * near[0])


def test_frozen_weights_lie_once_in_memory_and_keep_their_values() -> None:
    plain, _ = tuned()
    fast, _ = tuned(ours=True)
    packed_loss(fast, rows_of(20)).backward()
    part = fast.get_base_model().model.layers[0].self_attn
    storages = {each.base_layer.weight.untyped_storage().data_ptr() for each in (part.q_proj, part.k_proj, part.v_proj)}
    assert len(storages) == 1
    theirs = dict(plain.named_parameters())
    assert all(torch.equal(weight, theirs[name]) for name, weight in fast.named_parameters())


def kept_bytes(layers: int) -> tuple[int, Shape]:
    """Count what the layers of a model keep of one row as long as their attention takes; give the model's shape too."""
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=128,
        intermediate_size=342,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=1,
    )
    settings = LoraConfig(r=RANK, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(LlamaForCausalLM(config), settings)
    assert take_fast_paths(model, CPU).attention_halves == layers
    own = {each.untyped_storage().data_ptr() for each in model.parameters()}
    held: list[torch.Tensor] = []  # until they are counted: freed memory would be taken anew

    def hold(tensor: torch.Tensor) -> torch.Tensor:
        held.append(tensor)
        return tensor

    inputs = packed_batch(rows_of(LONGEST))
    del inputs["labels"]
    with torch.autograd.graph.saved_tensors_hooks(hold, lambda tensor: tensor):
        model.get_base_model().model(**inputs, use_cache=False)
    sizes = {each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in held}
    return sum(size for place, size in sizes.items() if place not in own), read_shape(config.to_dict(), "small")


def test_a_layer_keeps_no_more_than_the_plan_counts_and_not_much_less() -> None:
    (two, shape), (one, _) = kept_bytes(2), kept_bytes(1)
    planned = block_activations(shape, shape.blocks[0], LONGEST, 4, RANK)
    assert 0.8 * planned < two - one <= planned


def test_a_switched_off_adapter_is_left_to_the_libraries() -> None:
    fast, _ = tuned(ours=True)
    rows = rows_of(20, 9)
    with torch.no_grad(), fast.disable_adapter():
        off = packed_loss(fast, rows)
        assert float(off) == pytest.approx(float(loss_by_hand(fast, rows)), rel=1e-5)
    assert float(packed_loss(fast, rows).detach()) != pytest.approx(float(off), rel=1e-3)


def test_layers_that_are_more_than_plain_are_named() -> None:
    _, paths = tuned(ours=True, use_dora=True)
    assert paths.notes == [
        "14 of 14 adapted layers are more than a plain LoRA: computed by PEFT, slower",
        "2 of 2 attention halves of layers are left to transformers, slower",
        "2 of 2 feed-forward halves of layers are left to transformers, slower",
    ]
    model, _ = tuned()
    model.model.model.layers[1].input_layernorm.to(torch.bfloat16)
    model.model.model.layers[1].mlp.up_proj.base_layer.weight.requires_grad_()
    assert take_fast_paths(model, CPU).notes == [
        "1 of 14 adapted layers are more than a plain LoRA: computed by PEFT, slower",
        "1 of 2 attention halves of layers are left to transformers, slower",
        "1 of 2 feed-forward halves of layers are left to transformers, slower",
    ]
