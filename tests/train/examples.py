"""A small base with a byte-level BPE tokenizer trained in place, rows of code, and a training in one call.

base = small_base(tmp_path / "base")
adapter = train(tmp_path / "run", base, code_rows(base), rank=4)
"""

from __future__ import annotations

import functools
import itertools
import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

from tuner.fim_forms import PREFIX_ONLY, FimForm, find_form
from tuner.progress import Progress
from tuner.recipe import TrainSettings
from tuner.records import Adapter, Base, Dataset, Row, write_jsonl
from tuner.render import MASKED
from tuner.rundir import Workspace

CODE = '''\
def charge(order, amount=1250, currency="EUR"):
    """Charge the customer of `order` and return the receipt."""
    if amount <= 0:
        raise ValueError(f"amount is {amount}, wanted more than 0")
    receipt = order.customer.gateway.charge(amount, currency, retries=3)
    order.receipts.append(receipt)
    return receipt
'''
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<file_sep>")
SETTINGS: dict[str, Any] = {"rank": 4, "alpha": 16, "learning_rate": 1e-2, "epochs": 4.0}
SETTINGS |= {"checkpoint_steps": 3, "validations": 3}


def small_base(folder: Path, width: int = 32) -> Path:
    """Write a random model of the Llama architecture, two layers of 32, with a vocabulary of about 400 tokens.

    Four bits want a `width` of 64 at least: bitsandbytes keeps a scale for 64 weights, and on a processor with bf16
    takes rows that hold a whole number of them.
    """
    tokenizer = Tokenizer(models.BPE())
    digits, byte_level = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=list(CONTROL), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([CODE], trainer)
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in CONTROL])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        config = LlamaConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=width,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=512,
            initializer_range=0.2,
            bos_token_id=1,
            eos_token_id=2,
            tie_word_embeddings=True,
        )
        LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    named = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "unk_token": "<|endoftext|>"}
    written = {"tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": False, **named}
    (folder / "tokenizer_config.json").write_text(json.dumps(written), encoding="utf-8")
    return folder


def code_rows(base: Path, count: int = 12) -> list[Row]:
    """Cut the code at `count` places; the last third of each row is what is learned."""
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    rows = []
    for number in range(count):
        ids = tokenizer.encode(CODE[number * 7 : number * 7 + 60 + 5 * number], add_special_tokens=False).ids
        prompt = 2 * len(ids) // 3
        rows.append(Row(f"pair{number}", "file", ids, [MASKED] * prompt + ids[prompt:]))
    return rows


def base_record(folder: Path) -> Base:
    return Base("acme/small", str(folder), "revision-1", _form(folder).name)


def train(
    folder: Path, base: Path, rows: list[Row], valid: list[Row] | None = None, seed: int = 17, **settings: Any
) -> Adapter:
    """Train in `folder`; a second call in the same folder goes on from what the first left in its scratch."""
    from tuner.train import stage

    progress = settings.pop("progress", Progress())
    chosen = TrainSettings(**(SETTINGS | settings))
    work = workspace(folder, rows, valid or [], progress)
    return stage.run(base_record(base), DATASET, chosen, MAX_TOKENS, _form(base).end, seed, work)


MAX_TOKENS = 96
DATASET = Dataset("data/train.jsonl", "data/valid.jsonl", "", "", "", {}, {}, {})


def workspace(folder: Path, rows: list[Row], valid: list[Row], progress: Progress) -> Workspace:
    work = Workspace(folder / "run", folder / "out", folder / "scratch", progress)
    for each in (work.run / "data", work.out, work.scratch):
        each.mkdir(parents=True, exist_ok=True)
    write_jsonl(work.run / DATASET.train, rows)
    write_jsonl(work.run / DATASET.valid, valid)
    return work


def hand_loss(model: Any, rows: list[Row]) -> float:
    """Compute the mean cross entropy over the labelled tokens, each row alone, without our code or TRL's."""
    with torch.no_grad():
        return float(loss_by_hand(model, rows))


def loss_by_hand(model: Any, rows: list[Row]) -> torch.Tensor:
    """Compute the same with its gradient."""
    total, count = torch.zeros((), dtype=torch.double), 0
    for row in rows:
        logits = model(input_ids=torch.tensor([row.input_ids]), use_cache=False).logits[0, :-1].double()
        labels = torch.tensor(row.labels[1:])
        kept = labels != MASKED
        total = total - logits.log_softmax(-1)[kept, labels[kept]].sum()
        count += int(kept.sum())
    return total / count


def packed_batch(rows: list[Row]) -> dict[str, torch.Tensor]:
    """Lay rows one after the other, as TRL's collator gives a packed sequence to the model."""
    bounds = torch.tensor([0, *itertools.accumulate(len(row.input_ids) for row in rows)], dtype=torch.int32)
    return {
        "input_ids": torch.tensor([[each for row in rows for each in row.input_ids]]),
        "labels": torch.tensor([[each for row in rows for each in (MASKED, *row.labels[1:])]]),
        "position_ids": torch.tensor([[place for row in rows for place in range(len(row.input_ids))]]),
        "cu_seq_lens_q": bounds,
        "cu_seq_lens_k": bounds,
    }


@functools.cache
def _form(folder: Path) -> FimForm:
    vocabulary = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab(with_added_tokens=True)
    return find_form(vocabulary) or PREFIX_ONLY
