from __future__ import annotations

import io
from typing import Any

import torch

from tuner.train.optimizer import MasterWeightAdamW

BETAS = (0.9, 0.98)


def parameters(dtype: torch.dtype, seed: int = 3) -> list[torch.nn.Parameter]:
    random = torch.Generator().manual_seed(seed)
    return [torch.nn.Parameter(torch.randn(shape, generator=random).to(dtype)) for shape in ((5, 7), (3,))]


def walk(optimizer: Any, weights: list[torch.nn.Parameter], steps: int, seed: int = 11) -> None:
    random = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        for weight in weights:
            weight.grad = torch.randn(weight.shape, generator=random).to(weight.dtype)
        optimizer.step()
        optimizer.zero_grad()


def test_on_float32_weights_it_is_torch_adamw_bit_for_bit() -> None:
    ours, theirs = parameters(torch.float32), parameters(torch.float32)
    walk(MasterWeightAdamW(ours, lr=1e-2, weight_decay=0.1), ours, 20)
    walk(torch.optim.AdamW(theirs, lr=1e-2, weight_decay=0.1, betas=BETAS, fused=True), theirs, 20)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_updates_too_small_for_bf16_add_up_and_plain_adamw_loses_them() -> None:
    def after_100_steps(optimizer_type: Any, **options: Any) -> float:
        weight = torch.nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
        optimizer = optimizer_type([weight], lr=2e-4, weight_decay=0.0, **options)
        for _ in range(100):
            weight.grad = torch.ones_like(weight)
            optimizer.step()
        return weight.item()

    assert abs(after_100_steps(MasterWeightAdamW) - 0.98) < 0.004  # the nearest bf16 number is 0.0039 wide here
    assert after_100_steps(torch.optim.AdamW, betas=BETAS) == 1.0


def test_a_saved_state_goes_on_exactly_also_in_an_optimizer_of_other_weights() -> None:
    whole, first, second = parameters(torch.bfloat16), parameters(torch.bfloat16), parameters(torch.bfloat16, seed=99)
    straight = MasterWeightAdamW(whole, lr=1e-3, weight_decay=0.0)
    walk(straight, whole, 6)
    walk(straight, whole, 6, seed=12)

    stopped = MasterWeightAdamW(first, lr=1e-3, weight_decay=0.0)
    walk(stopped, first, 6)
    file = io.BytesIO()
    torch.save(stopped.state_dict(), file)
    file.seek(0)
    resumed = MasterWeightAdamW(second, lr=1e-3, weight_decay=0.0)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    walk(resumed, second, 6, seed=12)
    assert all(torch.equal(a, b) for a, b in zip(whole, second, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(straight.masters, resumed.masters, strict=True))


def test_frozen_weights_are_left_alone() -> None:
    frozen, free = parameters(torch.bfloat16)
    frozen.requires_grad_(False)
    before = frozen.clone()
    optimizer = MasterWeightAdamW([frozen, free], lr=1e-1, weight_decay=0.5)
    walk(optimizer, [free], 3)
    assert torch.equal(frozen, before) and len(optimizer.masters) == 1
