"""Run folders written by hand, for the tests of the audit: sound ones, and one for every fault.

run = sound_run()            # records that may be altered before they are written
run.train[0] = ...
audit = run.audit(tmp_path)
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

from tuner.dataset.audit import Audit, make_audit
from tuner.progress import Progress
from tuner.recipe import Recipe
from tuner.records import (
    Addition,
    Cut,
    Dataset,
    Item,
    Mined,
    MinedRepo,
    Pair,
    PairKind,
    Rejected,
    Row,
    content_id,
    sha256_file,
    to_json,
    write_jsonl,
)
from tuner.render import MASKED, Renderer
from tuner.rundir import SCHEMA, Run

from .examples import code

CUT = Cut("c" * 40, 1_700_000_000, 10, 4, "4 of 14 code commits lie after it")
MONTH = 30 * 86_400
LINE = "    ledger_total = sum(entry.cents for entry in ledger)"


@lru_cache
def tokenizer() -> Tokenizer:
    """Give a tokenizer that loads at once: a token a byte, with the control tokens and the normaliser of Qwen."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({letter: number for number, letter in enumerate(alphabet)}, []))
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    names = ("endoftext", "file_sep", "repo_name", "fim_prefix", "fim_middle", "fim_suffix")
    made.add_special_tokens([AddedToken(f"<|{name}|>", normalized=False) for name in names])
    return made


@lru_cache
def renderer() -> Renderer:
    """Give the renderer that the rows are made with."""
    return Renderer(tokenizer(), "shop")


def pair(kind: PairKind, response: str, path: str = "shop/cart.py", commit: str = CUT.commit, age: int = 0) -> Pair:
    """Make a pair that is `age` months older than the cut."""
    return Pair.make(
        kind,
        response=response,
        context=f"# {path}\n",
        repo="shop",
        path=path,
        language="python",
        commit=commit,
        committed_at=CUT.committed_at - age * MONTH,
    )


def row(source: Pair, end: bool = True) -> Row:
    """Render a pair as prompt and answer; a whole file has its name in front."""
    show = renderer()
    begin = show.tokenizer.token_to_id("<|file_sep|>")
    assert begin is not None
    prompt = [begin, *show.encode(source.context)]
    answer = [*show.encode(source.response), *[show.end_id] * end]
    return Row(source.id, source.kind, prompt + answer, [MASKED] * len(prompt) + answer)


def later(lines: str, commit: str = "b" * 40, path: str = "shop/wallet.py", age: int = -1) -> Addition:
    """Make an addition of a commit that is kept for validation, a month after the cut."""
    about = (path, "python", commit, CUT.commit, CUT.committed_at - age * MONTH)
    return Addition(content_id(lines, commit, path), "shop", *about, prefix="import shop\n", added=lines, suffix="")


def valid_row(source: Addition) -> Row:
    """Render an addition as prompt and lines, of which the last has no label."""
    prompt = renderer().encode(source.prefix)
    lines = renderer().encode(source.added)
    last = len(renderer().encode(source.added.splitlines(keepends=True)[-1]))
    labels = [MASKED] * len(prompt) + lines[:-last] + [MASKED] * last
    return Row(source.id, "addition", prompt + lines, labels)


def item(line: str, commit: str = "f" * 40, path: str = "shop/cart.py", novel: bool = True, at: int = 0) -> Item:
    """Ask for the last half of a line that a commit after the cut added."""
    half = len(line) // 2
    return Item(
        id=content_id(line, commit, path),
        repo="shop",
        path=path,
        language="python",
        commit=commit,
        committed_at=at or CUT.committed_at + MONTH,
        cursor="inside",
        prefix="import shop\n" + line[:half],
        suffix="\n",
        target=line[half:],
        novel=novel,
    )


@dataclass(slots=True)
class HandMade:
    """What lies in a run folder; alter it, then write it."""

    pairs: list[Pair]
    train: list[Row]
    valid: list[Row]
    items: list[Item]
    mine_rejected: list[Rejected] = field(default_factory=list)
    data_rejected: list[Rejected] = field(default_factory=list)
    additions: list[Addition] = field(default_factory=list)
    valid_commits: list[str] = field(default_factory=lambda: ["b" * 40, "9" * 40])
    max_tokens: int = 2048
    repository: str = "shop"
    base: tuple[str, str] = ("tiny", "b" * 64)

    def write(self, folder: Path) -> Path:
        """Write the run, with hashes that fit."""
        for name in ("mined", "data"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        files: dict[str, Iterable[object]] = {
            "mined/pairs.jsonl": self.pairs,
            "mined/additions.jsonl": self.additions,
            "mined/rejected.jsonl": self.mine_rejected,
            "data/train.jsonl": self.train,
            "data/valid.jsonl": self.valid,
            "data/eval_items.jsonl": self.items,
            "data/rejected.jsonl": self.data_rejected,
        }
        for name, records in files.items():
            write_jsonl(folder / name, records)
        hashes = {name: sha256_file(folder / name) for name in files if name != "mined/rejected.jsonl"}
        split = {"valid_commits": self.valid_commits, "sha256": hashes}
        (folder / "data/split.json").write_text(json.dumps(split), encoding="utf-8")
        (folder / "manifest.json").write_text(json.dumps(self._manifest(hashes)), encoding="utf-8")
        return folder

    def _manifest(self, hashes: dict[str, str]) -> dict[str, object]:
        mined = Mined(
            pairs="mined/pairs.jsonl",
            additions="mined/additions.jsonl",
            rejected="mined/rejected.jsonl",
            cut=CUT,
            repos=[MinedRepo("ledger", "d" * 40, CUT)],
            counts={"commits_read": 40, "commits_kept": 14, "files_seen": 9, "files_kept": 6, "additions": 3},
            rejected_counts={},
            metrics={},
        )
        dataset = Dataset(
            train="data/train.jsonl",
            valid="data/valid.jsonl",
            items="data/eval_items.jsonl",
            items_sha256=hashes["data/eval_items.jsonl"],
            rejected="data/rejected.jsonl",
            counts={"left_out_by_budget.rows": 5},
            rejected_counts={},
            metrics={"dataset.items": float(len(self.items))},
        )
        recipe = Recipe().model_dump(mode="json")
        recipe["dataset"]["max_tokens"] = self.max_tokens
        stages = [
            {"name": name, "record": json.loads(to_json(each))}
            for name, each in (("mine", mined), ("dataset", dataset))
        ]
        return {
            "schema": SCHEMA,
            "decides": {"recipe": recipe},
            "repo": {"name": self.repository, "revision": "d" * 40, "branch": "main"},
            "base": {"name": self.base[0], "revision": self.base[1], "fim_form": "deepseek"},
            "stages": stages,
        }

    def audit(self, folder: Path) -> Audit:
        """Write the run and audit it."""
        return make_audit(Run.find(self.write(folder)), renderer(), Progress())


def sound_run() -> HandMade:
    """Give a run with rows of three kinds, some for validation, and items that training does not know."""
    pairs = [
        pair("file", code("cart", 2), "shop/cart.py", age=3),
        pair("file", code("tax", 2), "shop/tax.py", age=1),
        pair("body", "    return ledger.total()\n", "shop/tax.py"),
        pair("bugfix", "if total >= limit:\n    raise LimitError\n", "shop/cart.py", commit="a" * 40, age=14),
    ]
    kept = [later(code("wallet", 1)), later("wallet_total = 1\nwallet_limit = 2\n", path="shop/limit.py")]
    items = [item(LINE), item("    return format_cents(ledger_total)", commit="e" * 40, path="shop/report.py")]
    return HandMade(pairs, [row(each) for each in pairs], [valid_row(each) for each in kept], items, additions=kept)
