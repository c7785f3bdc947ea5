"""A byte-level BPE tokenizer trained in place, tiny random models for it, and items over a few lines of code."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

from tuner.records import Item, content_id
from tuner.render import Renderer

CODE = """\
def get_counter(self, number_of_retries, wait_seconds):
    connection = self.open_connection(number_of_retries)
    if connection is None:
        raise ConnectionError("naïve café: no connection after {} s".format(wait_seconds))
    return connection.get_counter(wait_seconds)
"""
CONTROL = ("<|endoftext|>", "<|im_end|>", "<file_sep>", "<repo_name>")


@pytest.fixture(scope="session")
def renderer() -> Renderer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=list(CONTROL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([CODE], trainer)
    return Renderer(tokenizer, "shop")


@pytest.fixture
def tiny_model(renderer: Renderer) -> LlamaForCausalLM:
    return random_model(renderer)


@pytest.fixture
def tiny_base(renderer: Renderer, tiny_model: LlamaForCausalLM, tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    tiny_model.save_pretrained(folder)
    renderer.tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture
def items() -> list[Item]:
    return code_items()


@pytest.fixture(scope="session")
def taught_model(renderer: Renderer) -> LlamaForCausalLM:
    """Teach a tiny model the code by heart, tokenized as whole files are."""
    model = random_model(renderer).train()
    ids = torch.tensor([renderer.infilling_prompt("", "", "shop/counter.py", 96).ids + renderer.encode(CODE)])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(150):
        loss = model(ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if loss < 0.02:
            break
    return model.eval()


def random_model(renderer: Renderer) -> LlamaForCausalLM:
    """Make a model that says something else for every prompt; its output layer has spare rows, as Qwen's has."""
    torch.manual_seed(5)
    config = LlamaConfig(
        vocab_size=len(renderer.vocabulary) + 12,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.2,
        pad_token_id=0,
        bos_token_id=0,
        eos_token_id=0,
    )
    return LlamaForCausalLM(config).eval()


def code_items() -> list[Item]:
    """Ask for the rest of every line at cursors before, in and after words: prompts of many lengths."""
    found = []
    start = 0
    for number, line in enumerate(CODE.splitlines(keepends=True)):
        text = line.rstrip("\n")
        for cursor in range(6, len(text) - 1, 9):
            inside = text[cursor - 1].isidentifier() and text[cursor].isidentifier()
            found.append(
                Item(
                    id=content_id(str(number), str(cursor)),
                    repo="shop",
                    path="shop/counter.py",
                    language="python",
                    commit=f"c{number}",
                    committed_at=number,
                    cursor="inside" if inside else "boundary",
                    prefix=CODE[: start + cursor],
                    suffix=CODE[start + len(line) :],
                    target=text[cursor:],
                    novel=number % 2 == 0,
                )
            )
        start += len(line)
    return found
