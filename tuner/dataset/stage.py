"""Turn mined pairs and later additions into training rows, validation rows and frozen evaluation items.

In: `Mined` and its files. Out: `data/` with `train.jsonl`, `valid.jsonl`, `eval_items.jsonl`, `split.json`,
`rejected.jsonl` and the card `README.md`. Dropped, with counted reasons: exact copies (`duplicate`), near copies within
a kind (`near_duplicate`), copies of additions that are evaluated or validated on (`copy_of_future`), pairs whose
completion does not fit a row (`too_long`), and added lines that make no item.

What is written is read back and handed to `require_clean`, which stops the stage where a secret is left.

Memory holds an index of the pairs, never their text. The same input gives the same bytes.

    tuner dataset adapters/<run>
"""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tuner.dataset.card import card
from tuner.dataset.decoded import choose_examples, decoded_rows
from tuner.dataset.future_copies import FutureCopies
from tuner.dataset.items import Chosen, choose_items, is_known
from tuner.dataset.names import names_of
from tuner.dataset.pair_file import PairFile
from tuner.dataset.rows import RowMaker
from tuner.dataset.sample import PooledRow
from tuner.dataset.split import check_addition, write_split
from tuner.dataset.survey import Survey, survey_pairs
from tuner.dataset.validation import Kept, ValidRows, keep_for_validation, valid_rows
from tuner.errors import DataError
from tuner.recipe import DatasetSettings
from tuner.records import (
    ITEM_KINDS,
    PAIR_KINDS,
    Addition,
    Dataset,
    Item,
    Mined,
    Rejected,
    read_jsonl,
    sha256_file,
    write_jsonl,
)
from tuner.render import Renderer
from tuner.rundir import Workspace

TRAIN, VALID, ITEMS = "data/train.jsonl", "data/valid.jsonl", "data/eval_items.jsonl"
REJECTED, SPLIT, CARD = "data/rejected.jsonl", "data/split.json", "data/README.md"


RequireClean = Callable[[Iterable[tuple[str, str]]], None]


def run(
    mined: Mined,
    renderer: Renderer,
    settings: DatasetSettings,
    seed: int,
    work: Workspace,
    prompt_tokens: int,
    require_clean: RequireClean,
) -> Dataset:
    """Make the dataset of a run.

    `prompt_tokens` is the room that evaluation gives a prompt: validation shows as much. `require_clean` is given the
    name and the text of all that was written, and must raise `DataError` at a secret.
    """
    clock = time.monotonic()
    (work.out / "data").mkdir(parents=True, exist_ok=True)
    future_commits: set[str] = set()
    later = work.run / mined.additions
    kept = keep_for_validation(_additions(later, mined, future_commits), settings, seed)
    chosen = choose_items(lambda: kept.others(_additions(later, mined, future_commits)), settings, seed)
    rejected = list(chosen.rejected)
    with PairFile(work.run / mined.pairs) as pairs:
        lines = {line for question in chosen.questions for line in question.lines}
        names = {name for question in chosen.questions for name in names_of(question.item)}
        survey = survey_pairs(pairs, mined.cut, future_commits, lines, names, settings.near_duplicate, work.progress)
        rejected += [Rejected(ident, "dataset", "duplicate") for ident in survey.duplicates]
        rejected += [Rejected(ident, "dataset", "near_duplicate") for ident in survey.near_duplicates]
        items = _marked(chosen, survey)
        valid = valid_rows(kept, lines, renderer, settings, prompt_tokens, seed)
        future = FutureCopies([*(each.added for each in chosen.questions), *valid.added], settings.near_duplicate)
        maker = RowMaker(pairs, survey, future, renderer, settings, seed, work)
        train = maker.write(work.out / TRAIN)
        if not train:
            raise DataError(
                f"{work.run / mined.pairs}: none of its {survey.pairs} pairs gives a training row",
                "mine more of the repository (`mine.include`, `mine.max_commits`), or raise `dataset.max_tokens`",
            )
    rejected += [*maker.rejected, *valid.rejected]
    write_jsonl(work.out / VALID, valid.rows)
    write_jsonl(work.out / ITEMS, items)
    write_jsonl(work.out / REJECTED, sorted(rejected, key=lambda each: (each.reason, each.source)))
    require_clean(_written(work, renderer))

    reasons = dict(sorted(Counter(each.reason for each in rejected).items()))
    counts = _counts(chosen, survey, items, train) | _valid_counts(kept, valid) | dict(maker.counts)
    dataset = Dataset(
        train=TRAIN,
        valid=VALID,
        items=ITEMS,
        items_sha256=sha256_file(work.out / ITEMS),
        rejected=REJECTED,
        counts=counts,
        rejected_counts=reasons,
        metrics={
            "dataset.train_rows": float(len(train)),
            "dataset.train_tokens": float(sum(row.tokens for row in train)),
            "dataset.supervised_tokens": float(sum(row.supervised for row in train)),
            "dataset.valid_rows": float(len(valid.rows)),
            "dataset.valid_tokens": float(sum(len(row.input_ids) for row in valid.rows)),
            "dataset.valid_labels": float(valid.labels),
            "dataset.valid_bytes": float(valid.bytes),
            "dataset.items": float(len(items)),
            "dataset.commits": float(counts["items.commits"]),
            "dataset.near_duplicates": float(reasons.get("near_duplicate", 0) + reasons.get("copy_of_future", 0)),
        },
        notes=kept.notes,
    )
    files = {name: work.run / name for name in (mined.pairs, mined.additions)}
    files |= {name: work.out / name for name in (TRAIN, VALID, ITEMS, REJECTED)}
    write_split(work.out / SPLIT, mined.cut, seed, kept.commits, counts, files)
    dates = (survey.oldest or 0, survey.newest or 0)
    examples = choose_examples(work.out / TRAIN, train, renderer)
    text = card(mined, dataset, items, dates, survey.languages, survey.repos, examples)
    (work.out / CARD).write_text(text, encoding="utf-8")
    seconds = {"dataset.seconds": time.monotonic() - clock}  # a measurement; nothing written depends on it
    return dataclasses.replace(dataset, metrics=dataset.metrics | seconds)


def _additions(path: Path, mined: Mined, commits: set[str]) -> Iterator[Addition]:
    """Read the additions, check that each is later than the cut, and note the commits."""
    for number, addition in enumerate(read_jsonl(path, Addition), 1):
        check_addition(addition, mined.cut, f"{path}:{number}")
        commits.add(addition.commit)
        yield addition


def _written(work: Workspace, renderer: Renderer) -> Iterator[tuple[str, str]]:
    """Yield all text that this stage has written, with the file and the record that it stands in."""
    for name in (TRAIN, VALID):
        for ident, text in decoded_rows(work.out / name, renderer):
            yield f"{name}: row of pair {ident}", text
    for item in read_jsonl(work.out / ITEMS, Item):
        yield f"{ITEMS}: item {item.id}", item.prefix + item.target + item.suffix


def _marked(chosen: Chosen, survey: Survey) -> list[Item]:
    """Mark the items whose lines training knows, and those that use a name which no file at the cut has."""
    return [
        dataclasses.replace(
            question.item,
            novel=not is_known(question, survey.known_lines),
            new_names=not survey.known_names.issuperset(names_of(question.item)),
        )
        for question in chosen.questions
    ]


def _valid_counts(kept: Kept, valid: ValidRows) -> dict[str, int]:
    return {
        "later_commits": kept.later_commits,
        "valid.commits": len(kept.commits),
        "valid.commits_in_rows": len(valid.commits),
    }


def _counts(chosen: Chosen, survey: Survey, items: list[Item], train: list[PooledRow]) -> dict[str, int]:
    counts = {"pairs": survey.pairs, "additions": 0} | chosen.counts
    for kind in PAIR_KINDS:
        counts[f"pairs.{kind}"] = len(survey.entries[kind])
        counts[f"train_rows.{kind}"] = sum(row.kind == kind for row in train)
        counts[f"train_tokens.{kind}"] = sum(row.tokens for row in train if row.kind == kind)
        counts[f"supervised_tokens.{kind}"] = sum(row.supervised for row in train if row.kind == kind)
    counts["items.commits"] = len({item.commit for item in items})
    counts["items.novel"] = sum(item.novel for item in items)
    counts["items.new_names"] = sum(item.new_names for item in items)
    for item_kind in ITEM_KINDS:
        counts[f"items.{item_kind}"] = sum(item.kind == item_kind for item in items)
    counts["items.inside"] = sum(item.cursor == "inside" for item in items)
    counts["items.boundary"] = len(items) - counts["items.inside"]
    return counts
