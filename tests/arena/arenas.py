"""Small runs whose systems were compared, for the tests of the arena.

run = compared_run(tmp_path, items(12), {"base": {...}, "tuned": {...}})   # a run folder with hashes and all
arena = open_arena(run)
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from tuner.comparison import Contest, Pairing, SystemResult
from tuner.progress import Progress
from tuner.recipe import Recipe
from tuner.records import Base, Dataset, Item, Prediction, Repo, content_id, sha256_file, to_json, write_jsonl
from tuner.rundir import Run, Workspace

REPO = Repo("shop", "/somewhere/shop", "a" * 40, "main")
BASE = Base("org/Tiny-Base", "/somewhere/else", "b" * 64, "qwen")
WORDS = ["total", "amount", "price", "order", "basket", "tax", "invoice", "refund", "customer", "item"]
TRUTH = "truth_that_nobody_may_see(basket)"
Answers = Mapping[str, Mapping[str, str | None]]


def item(number: int, commit: str = "", **changed: object) -> Item:
    """Make one question about a made-up file."""
    before = "".join(f"    line_{number}_{each} = read({each})\n" for each in range(30))
    values: dict[str, object] = {
        "id": content_id("item", str(number)),
        "repo": "shop",
        "path": "shop/orders.py",
        "language": "python",
        "commit": commit or f"{number // 2:040d}",
        "committed_at": 1_700_000_000 + number,
        "cursor": "boundary",
        "prefix": f"def order_{number}(basket):\n{before}    total = ",
        "suffix": f"\n    return total  # {number}\n",
        "target": TRUTH,
        "novel": True,
    }
    return Item(**{**values, **changed})  # type: ignore[arg-type]


def items(count: int) -> list[Item]:
    """Make questions, two of each commit."""
    return [item(number) for number in range(count)]


def neutral_answers(systems: Sequence[str], found: Sequence[Item], seed: int = 5) -> dict[str, dict[str, str | None]]:
    """Let every system draw its answers from the same distribution, so that no text tells who wrote it."""
    generator = random.Random(seed)
    return {
        name: {each.id: f"{generator.choice(WORDS)}({generator.randrange(10**6)})" for each in found}
        for name in systems
    }


def prediction(ident: str, text: str | None) -> Prediction:
    """Make one answer; None is a void."""
    void = "server" if text is None else None
    return Prediction(ident, text or "", text or "", None, 10, 4, None, void, None, None)


def compared_run(adapters: Path, found: Sequence[Item], answers: Answers) -> Run:
    """Write a run folder as the stages would leave it, as far as the arena reads it."""
    run = Run.create(adapters, REPO, BASE, Recipe())

    def dataset(work: Workspace) -> Dataset:
        (work.out / "data").mkdir()
        path = work.out / "data/eval_items.jsonl"
        write_jsonl(path, found)
        frozen = sha256_file(path)
        return Dataset("data/train.jsonl", "data/valid.jsonl", "data/eval_items.jsonl", frozen, "", {}, {}, {})

    frozen = [each.id for each in found]
    record = run.stage("dataset", Dataset, dataset, settings={"i": frozen}, inputs=[], progress=Progress())[0]

    def compare(work: Workspace) -> Dataset:
        (work.out / "eval").mkdir()
        for name, texts in answers.items():
            path = work.out / f"eval/{name}.predictions.jsonl"
            write_jsonl(path, [prediction(ident, text) for ident, text in texts.items()])
        contest = to_json(contest_of(list(answers), record.items_sha256))
        (work.out / "eval/comparison.json").write_text(json.dumps(json.loads(contest), indent=2), encoding="utf-8")
        return record

    asked = {name: list(texts.items()) for name, texts in answers.items()}
    run.stage("compare", Dataset, compare, settings=asked, inputs=[], progress=Progress())
    return Run.find(run.folder)


def contest_of(systems: Sequence[str], items_sha256: str) -> Contest:
    """Make a comparison that says no more than who took part."""
    results = [
        SystemResult(name, {}, 0, 0, {}, {}, {}, None, None, None, None, None, None, "not known") for name in systems
    ]
    pairings = [
        Pairing(later, first, 0, 0, []) for place, first in enumerate(systems) for later in systems[place + 1 :]
    ]
    return Contest(
        systems[-1], systems[0], items_sha256, [], "no_benefit_shown", "", "", results, pairings, [], {}, "2026-11-22"
    )
