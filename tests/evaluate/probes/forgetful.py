"""A tiny base that knows some of the standard library, and an adapter for it that learned code and forgot the library.

base, adapter = forgetful(renderer, folder)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaForCausalLM

from tests.evaluate.conftest import CODE, random_model
from tuner.evaluate.probes.library import sample
from tuner.evaluate.probes.stage import piece_row
from tuner.records import Base, Row, write_jsonl
from tuner.render import Renderer

PIECES = 3


def learn(model: Any, rows: list[Row], steps: int, rate: float = 3e-3) -> None:
    """Take steps of AdamW, one row each."""
    weights = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=0.0)
    model.train()
    for step in range(steps):
        row = rows[step % len(rows)]
        model(torch.tensor([row.input_ids]), labels=torch.tensor([row.labels])).loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
    model.eval()


def save(model: LlamaForCausalLM, renderer: Renderer, folder: Path) -> Base:
    """Write a model as a base folder."""
    model.save_pretrained(folder)
    renderer.tokenizer.save(str(folder / "tokenizer.json"))
    return Base("acme/forgetful", str(folder), "revision-1", renderer.form.name)


def code_rows(renderer: Renderer) -> list[Row]:
    """Cut the code into rows of different pairs."""
    return [piece_row(renderer, f"{at}.py", CODE[at : at + 120]) for at in range(0, 240, 60)]


def forgetful(renderer: Renderer, folder: Path, steps: int = 40) -> tuple[Base, Path]:
    """Train base and adapter, write both, and the validation rows beside them."""
    model = random_model(renderer)
    learn(model, [piece_row(renderer, path, text) for path, _, text in sample(PIECES, "choice").pieces], 60)
    base = save(model, renderer, folder / "base")
    tuned = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM"))
    learn(tuned, code_rows(renderer), steps, 1e-2)
    tuned.save_pretrained(folder / "adapter")
    write_jsonl(folder / "valid.jsonl", code_rows(renderer))
    return base, folder / "adapter"
