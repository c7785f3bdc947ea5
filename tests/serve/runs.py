"""Runs as `make train` leaves them, with tiny models that know one file by heart: what a server needs to be tested.

    teach_base(tmp_path / "base", "qwen")
    run = taught_run(tmp_path / "adapters", base_in(tmp_path / "base", "qwen"))
    with stage.running(run.record("export", Bundle), run.folder, SETTINGS) as url: ...

Two layers, 64 wide, some hundred tokens cut as the family cuts them: an engine loads it in a moment, and what it says
is text, with margins that rounding seldom turns over.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from tests.export.checkpoints import CHATML, tiny_adapter
from tuner.export import stage as export
from tuner.progress import Progress
from tuner.recipe import EvaluateSettings, ExportSettings, Recipe, ServeSettings
from tuner.records import Adapter, Base, Bundle, Item, Pair, Repo, content_id, write_jsonl
from tuner.render import Renderer
from tuner.rundir import Run, Workspace

CODE = '''\
"""Count what the shop has in stock."""

import json


class Counter:
    def __init__(self, number_of_retries: int) -> None:
        self.number_of_retries = number_of_retries
        self.connection = None

    def get_counter(self, wait_seconds: float) -> int:
        connection = self.open_connection(self.number_of_retries)
        if connection is None:
            raise ConnectionError(f"naïve café: none after {wait_seconds} s")
        return connection.get_counter(wait_seconds)

    def stock_of(self, article: str) -> dict[str, int]:
        with open(f"{article}.json") as stream:
            return json.load(stream)
'''
REPO, PATH = "shop", "shop/counter.py"
SETTINGS = ServeSettings(port=0, context_tokens=1024, threads=1, parallel=2, watch_seconds=0)
EVALUATE = EvaluateSettings(max_prompt_tokens=512, max_new_tokens=24, latency_items=0)
LONG_SETTINGS = SETTINGS.model_copy(update={"context_tokens": 4096, "max_new_tokens": 2000})
# At twice its strength the adapter makes the tiny model say the same words for ever.
LONG = {"prompt": "x", "scale": 2.0, "max_tokens": 2000, "boundary": "none"}
_CONTROL = {
    "prefix_only": ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<file_sep>", "<repo_name>"),
    "qwen": (
        *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"),
        *("<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"),
    ),
}
_STEPS, _ROWS = 220, 8


def taught_run(adapters: Path, base: Base, seed: int = 17, spread: float = 0.05) -> Run:
    """Make a run on a base, with an adapter that pushes it off by `spread`, and finish its export."""
    repo = Repo(REPO, str(adapters.parent / REPO), "r" * 40, "main")
    recipe = Recipe(seed=seed, base=base.name, evaluate=EVALUATE, export=ExportSettings(gguf="f32", parity_prompts=1))
    run = Run.create(adapters, repo, base, recipe)
    tiny_adapter(run.folder / "adapter", Path(base.path), seed=seed, spread=spread)
    (run.folder / "mined").mkdir()
    write_jsonl(run.folder / "mined/pairs.jsonl", mined())
    prompt = Renderer.from_folder(Path(base.path), REPO).infilling_prompt(CODE[:60], "", PATH, 256).ids

    def work(workspace: Workspace) -> Bundle:
        adapter = Adapter("adapter", base.name, base.revision, "0" * 64, {})
        return export.run(base, adapter, [prompt], recipe.export, workspace)

    run.stage("export", Bundle, work, settings={"seed": seed}, inputs=[], progress=Progress())
    return run


def teach_base(folder: Path, form: str) -> None:
    """Write a base in Hugging Face layout that knows `CODE` by heart."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    folder.mkdir(parents=True)
    vocabulary = _write_tokenizer(folder, form)
    ids: dict[str, Any] = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    shape: dict[str, Any] = {
        "vocab_size": vocabulary + 5,  # a real output layer has more rows than there are tokens
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 16384,  # costs nothing, and lets an answer go on for seconds
        "tie_word_embeddings": True,
    }
    config = AutoConfig.for_model("qwen2" if form == "qwen" else "llama", **ids, **shape)
    rows = _rows(Renderer.from_folder(folder, REPO), form)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = AutoModelForCausalLM.from_config(config).train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        draw = random.Random(5)
        for _ in range(_STEPS):
            loss = model(**_batch(draw.sample(rows, min(_ROWS, len(rows))))).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
    model.save_pretrained(folder)


def base_in(folder: Path, form: str) -> Base:
    """Name the base that was written into `folder`."""
    return Base(f"tiny-{form.replace('_', '-')}", str(folder), content_id(form), form)


def mined() -> list[Pair]:
    """Give files of the repository as mining leaves them, for retrieval."""
    files = {PATH: CODE, "shop/tank.py": "def tank_volume(spec):\n    return spec.width * spec.depth * spec.height\n"}
    files |= {f"shop/noise{n}.py": f"def noise{n}(value):\n    return value + {n}\n" for n in range(20)}
    made = {"repo": REPO, "language": "python", "commit": "c0", "committed_at": 1}
    return [Pair.make("file", response=text, path=path, **made) for path, text in files.items()]


def cursors(every: int = 1) -> list[int]:
    """List places in `CODE`: before, in and after words, in indents, and at the ends of lines."""
    return list(range(1, len(CODE), every))


def item(at: int, suffix: bool = True) -> Item:
    """Ask for the rest of the line at a place in `CODE`."""
    end = CODE.index("\n", at)
    after = CODE[end:] if suffix else ""
    return Item(f"i{at}", REPO, PATH, "python", "c1", 5, "inside", CODE[:at], after, CODE[at:end], True)


def _rows(renderer: Renderer, form: str) -> list[tuple[list[int], list[int]]]:
    """Make training rows: the whole file, and for a base that can infill every hole at the end of a line."""
    whole = renderer.infilling_prompt("", "", PATH, 512).ids
    if form == "prefix_only":
        row = whole + renderer.encode(CODE) + [renderer.end_id]
        return [(row, row)]
    rows = []
    for at in cursors(3):
        hole = item(at)
        prompt = renderer.infilling_prompt(hole.prefix, hole.suffix, PATH, EVALUATE.max_prompt_tokens)
        answer = [*renderer.completion_ids(prompt.healed, hole.target), renderer.end_id]
        rows.append((prompt.ids + answer, [-100] * len(prompt.ids) + answer))
    return rows


def _batch(rows: list[tuple[list[int], list[int]]]) -> dict[str, Any]:
    import torch

    width = max(len(ids) for ids, _ in rows)
    padded = [(ids + [0] * (width - len(ids)), labels + [-100] * (width - len(ids))) for ids, labels in rows]
    return {"input_ids": torch.tensor([ids for ids, _ in padded]), "labels": torch.tensor([row for _, row in padded])}


def _write_tokenizer(folder: Path, form: str) -> int:
    """Train a small tokenizer that cuts text as the family's own does, and return its size."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    from tuner.export.vocabulary import _QWEN

    tokenizer = Tokenizer(models.BPE())
    if form == "qwen":
        cut = pre_tokenizers.Split(Regex(_QWEN[0]), "isolated")
        steps = [cut, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    else:
        steps = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=480,
        special_tokens=list(_CONTROL[form]),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([CODE], trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    named = {"eos_token": "<|im_end|>", "bos_token": None, "pad_token": "<|endoftext|>", "add_bos_token": False}
    text = json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": CHATML, **named})
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")
    return tokenizer.get_vocab_size()
