"""What is computed in our own way is what the libraries compute; `test_families` compares whole models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from tuner.memory import LOSS_TILE
from tuner.models import load_model
from tuner.recipe import TrainSettings
from tuner.records import Row
from tuner.render import MASKED
from tuner.train.attention import attend_within_rows, packed_attention
from tuner.train.fast_paths import FastPaths, take_fast_paths
from tuner.train.labelled_loss import loss_of_labels
from tuner.train.methods import add_adapter
from tuner.train.row_attention import LONGEST

from .examples import base_record, packed_batch

CPU = torch.device("cpu")
BOUNDS = (0, 130, 131, 200)


def heads(count: int, width: int, seed: int) -> torch.Tensor:
    found = torch.randn(1, count, BOUNDS[-1], width, generator=torch.Generator().manual_seed(seed))
    return found.requires_grad_()


def attend(bounds: tuple[int, ...], query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    found, _ = packed_attention(torch.nn.Module(), query, key, value, None, cu_seq_lens_q=torch.tensor(bounds))
    return found.transpose(1, 2)


def with_mask(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    row = torch.bucketize(torch.arange(BOUNDS[-1]), torch.tensor(BOUNDS), right=True)
    mask = (row[:, None] == row).tril()
    return functional.scaled_dot_product_attention(query, key, value, mask, enable_gqa=True)


def test_attention_and_its_gradients_are_those_of_a_mask_over_all_pairs() -> None:
    inputs = [heads(6, 8, 1), heads(2, 8, 2), heads(2, 5, 3)]
    wanted, found = with_mask(*inputs), attend(BOUNDS, *inputs)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    back = torch.randn(wanted.shape, generator=torch.Generator().manual_seed(4))
    for ours, theirs in zip(
        torch.autograd.grad(found, inputs, back), torch.autograd.grad(wanted, inputs, back), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    together = attend((0, BOUNDS[-1]), *inputs)  # the negative control: rows that see each other
    assert (together - wanted)[:, :, BOUNDS[1] :].abs().max() > 0.1


@pytest.mark.parametrize("labelled", [70, 0])
def test_the_loss_in_tiles_and_its_gradient_are_those_of_cross_entropy(labelled: int) -> None:
    draw = torch.Generator().manual_seed(7)
    words, positions = LOSS_TILE // 32, 90
    hidden = torch.randn(1, positions, 4, generator=draw).requires_grad_()
    head = torch.randn(words, 4, generator=draw)
    labels = torch.randint(words, (1, positions), generator=draw)
    labels[0, 0], labels[0, 1 + labelled :] = MASKED, MASKED
    total, count = loss_of_labels(hidden, head, labels)
    assert int(count) == labelled
    (found,) = torch.autograd.grad(3 * total, hidden)
    if not labelled:
        assert (float(total.detach()), float(found.abs().max())) == (0, 0)
        return

    def by_torch(dtype: torch.dtype) -> tuple[float, torch.Tensor]:
        states = hidden.detach().to(dtype).requires_grad_()
        logits = states[0, :labelled] @ head.to(dtype).t()
        loss = functional.cross_entropy(logits, labels[0, 1 : 1 + labelled], reduction="sum")
        return float(loss.detach()), torch.autograd.grad(3 * loss, states)[0].double()

    (loss, exact), (_, single) = by_torch(torch.float64), by_torch(torch.float32)
    assert float(total.detach()) == pytest.approx(loss, rel=1e-6)
    # float32 sums over so many words are no better than this on some processors, torch's own least of all
    rounding = max(1e-4, float((single - exact).abs().max()))
    torch.testing.assert_close(found.double(), exact, rtol=1e-4, atol=min(1e-3, rounding))


def adapted(base: Path, folder: Path, **settings: Any) -> Any:
    record, chosen = base_record(base), TrainSettings(rank=4, **settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(9)
        return add_adapter(load_model(record, None, torch.float32), record, chosen, [], 8, folder)


def test_an_untrained_adapter_is_the_base_and_a_switched_off_one_too(
    base: Path, rows: list[Row], tmp_path: Path
) -> None:
    model = adapted(base, tmp_path)
    batch = packed_batch(rows[:3])
    assert take_fast_paths(model, CPU) == FastPaths(True, 14, True, 2, 2)
    with torch.no_grad():
        fresh = float(model(**batch, labelled_loss=True)[0])
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.fill_(0.1)
        changed = float(model(**batch, labelled_loss=True)[0])
        with model.disable_adapter():
            off = float(model(**batch, labelled_loss=True)[0])
    assert off == pytest.approx(fresh, rel=1e-5) and changed != pytest.approx(fresh, rel=1e-2)


def test_packed_rows_without_their_bounds_are_refused(base: Path, rows: list[Row], tmp_path: Path) -> None:
    model = adapted(base, tmp_path)
    take_fast_paths(model, CPU)
    batch = packed_batch(rows[:3])
    with pytest.raises(ValueError, match="packed rows came without cu_seq_lens_q"):
        model(input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False)


def test_what_is_not_plain_is_left_to_the_libraries_with_a_note(base: Path, tmp_path: Path) -> None:
    model = adapted(base, tmp_path, method="dora")
    model.config.final_logit_softcapping = 30.0
    model.config.layer_types = ["sliding_attention", "full_attention"]
    assert take_fast_paths(model, CPU) == FastPaths(
        notes=[
            "14 of 14 adapted layers are more than a plain LoRA: computed by PEFT, slower",
            "attention is more than causal, or of an unknown kind: computed with a mask, slower",
            "logits are more than a product with the head: TRL's loss, which makes them twice, slower",
        ]
    )
    assert not attend_within_rows(model.get_base_model())


def test_rows_too_long_for_our_attention_are_said() -> None:
    paths = FastPaths(attention=True, attention_halves=2, notes=["slower"])
    assert paths.notes_for(LONGEST) == ["slower"]
    assert paths.notes_for(LONGEST + 1) == [
        "slower",
        "rows of more than 512 tokens: attention halves of layers are left to torch for them",
    ]
    assert FastPaths(notes=["slower"]).notes_for(LONGEST + 1) == ["slower"]  # nothing of it was ours


def test_a_gpu_is_left_to_the_libraries(base: Path, tmp_path: Path) -> None:
    model = adapted(base, tmp_path)
    assert take_fast_paths(model, torch.device("cuda")) == FastPaths()
    assert model.config._attn_implementation == "sdpa"
