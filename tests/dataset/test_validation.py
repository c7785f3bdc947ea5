"""Validation rows are of later commits, in the form of evaluation, and share no commit and no line with an item."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.dataset.cursors import fault_of
from tuner.dataset.items import Chosen, choose_items
from tuner.dataset.validation import Kept, ValidRows, keep_for_validation, valid_rows
from tuner.recipe import DatasetSettings
from tuner.records import Addition, Row, read_jsonl
from tuner.render import MASKED

from . import audited_runs
from .examples import (
    PROMPT_TOKENS,
    SEED,
    addition,
    code,
    file_pair,
    later_additions,
    make_dataset,
    renderer,
    shop,
)

LINES = ("total = ledger.sum()", "limit = total + 1", "return limit", "}", "pass", "raise LimitError(total, limit)")
ALL = DatasetSettings(valid_share=0.25, valid_rows=99)


def sampled(additions: list[Addition], chosen: DatasetSettings = ALL) -> tuple[Kept, Chosen, ValidRows]:
    kept = keep_for_validation(additions, chosen, SEED)
    items = choose_items(lambda: kept.others(additions), chosen, SEED)
    asked = {line for question in items.questions for line in question.lines}
    return kept, items, valid_rows(kept, asked, renderer(), chosen, PROMPT_TOKENS, SEED)


def labelled(row: Row) -> str:
    return renderer().decode([label for label in row.labels if label != MASKED])


COMMIT = st.lists(st.lists(st.sampled_from(LINES), min_size=1, max_size=4), min_size=1, max_size=3)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["shop", "bank"]), COMMIT), max_size=40), st.floats(0, 0.49), st.randoms())
def test_no_commit_and_no_line_of_an_item_stands_in_a_validation_row(
    history: list[tuple[str, list[list[str]]]], share: float, chance: random.Random
) -> None:
    additions = [
        dataclasses.replace(addition("\n".join(run) + "\n", f"{number:040x}", path=f"{part}.py"), repo=repo)
        for number, (repo, commit) in enumerate(history)
        for part, run in enumerate(commit)
    ]
    chosen = DatasetSettings(valid_share=share)
    kept, items, valid = sampled(additions, chosen)
    by_id = {each.id: each for each in additions}
    asked = {question.item.commit for question in items.questions}
    assert not asked & set(kept.commits)
    assert valid.commits == {by_id[row.pair_id].commit for row in valid.rows} <= set(kept.commits)
    assert bool(kept.notes) == (not kept.commits and share > 0)
    lines = {line for question in items.questions for line in question.lines}
    for row in valid.rows:
        told = {line.strip() for line in labelled(row).split("\n") if line.strip()}
        assert told and not told & lines and not any(map(fault_of, told))
    chance.shuffle(additions)
    assert sampled(additions, chosen)[2].rows == valid.rows


def test_a_row_is_the_prompt_of_evaluation_and_behind_it_the_added_lines() -> None:
    additions = later_additions(20)
    kept, _, valid = sampled(additions)
    by_id = {each.id: each for each in additions}
    assert len(valid.rows) == 10 and len(kept.commits) == len(valid.commits) == 5
    for row in valid.rows:
        source = by_id[row.pair_id]
        prompt = renderer().infilling_prompt(source.prefix, "\n" + source.suffix, source.path, 256, repo=source.repo)
        assert row.input_ids[: len(prompt.ids)] == prompt.ids
        written = renderer().decode(row.input_ids[len(prompt.ids) :])
        assert written == prompt.healed.decode() + source.added.removesuffix("\n")
        assert set(row.labels[: len(prompt.ids)]) == {MASKED}
        assert {label in (MASKED, ident) for ident, label in zip(row.input_ids, row.labels, strict=True)} == {True}
        assert labelled(row) in written and len(labelled(row)) > 0.9 * len(source.added)
    assert valid.labels == sum(label != MASKED for row in valid.rows for label in row.labels)
    assert valid.bytes == sum(len(labelled(row)) for row in valid.rows)


def test_lines_that_make_no_item_and_lines_that_an_item_asks_for_have_no_label() -> None:
    additions = later_additions(20, additions=1)
    commits = set(keep_for_validation(additions, ALL, SEED).commits)
    added = "first_total = shop.total(1)\n}\nasked_total = shop.total(2)\nTOKEN = 'REDACTED'\nlast_total = 3\n"
    mixed = [dataclasses.replace(each, added=added) if each.commit in commits else each for each in additions]
    others = [each for each in mixed if each.commit not in commits]
    mixed[mixed.index(others[0])] = dataclasses.replace(others[0], added="asked_total = shop.total(2)\n")
    _, items, valid = sampled(mixed)
    assert "asked_total = shop.total(2)" in {question.line for question in items.questions}
    assert {each.reason for each in valid.rejected} <= {"duplicate_row"}
    for row in valid.rows:
        assert [line for line in labelled(row).split("\n") if line] == ["first_total = shop.total(1)", "last_total = 3"]


def test_commits_take_turns_and_the_limit_holds() -> None:
    kept, _, valid = sampled(later_additions(20, additions=4), DatasetSettings(valid_share=0.25, valid_rows=7))
    assert len(valid.rows) == 7 and valid.commits == set(kept.commits)


def test_a_long_addition_is_shown_as_far_as_a_row_reaches() -> None:
    long = "".join(f"total_{number} = ledger_{number}.sum(first={number}, last={number})\n" for number in range(200))
    additions = [dataclasses.replace(each, added=long) for each in later_additions(20, additions=1)]
    _, _, valid = sampled(additions, DatasetSettings(valid_share=0.25, max_tokens=96, items=1))
    assert valid.rows and all(32 < len(row.input_ids) <= 96 for row in valid.rows)


def test_a_text_that_the_tokenizer_spells_otherwise_gives_no_row() -> None:
    additions = [dataclasses.replace(each, added="cafe\u0301 = 'open'\n") for each in later_additions(20, additions=1)]
    kept = keep_for_validation(additions, ALL, SEED)
    list(kept.others(additions))
    found = valid_rows(kept, (), audited_runs.renderer(), ALL, PROMPT_TOKENS, SEED)
    assert found.rows == [] and {each.reason for each in found.rejected} == {"respelled"}
    plain = valid_rows(kept, (), renderer(), ALL, PROMPT_TOKENS, SEED)
    assert plain.rows  # the negative control: another tokenizer takes it as it is


@pytest.mark.parametrize("share", [0.25, 0.0])
def test_a_copy_of_what_validates_is_taken_out_of_training(tmp_path: Path, share: float) -> None:
    pairs, additions = shop()[0], later_additions(20, additions=1)
    chosen = DatasetSettings(valid_share=share, max_train_tokens=None, items=1)
    commits = keep_for_validation(additions, ALL, SEED).commits
    copied = next(each for each in additions if each.commit == commits[0])
    leak = file_pair("shop/leak.py", code("parcel") + copied.added)
    make_dataset(tmp_path, [*pairs, leak], additions, chosen)
    learned = "".join(renderer().decode(row.input_ids) for row in read_jsonl(tmp_path / "out/data/train.jsonl", Row))
    assert (copied.added.splitlines()[0] in learned) == (share == 0)  # where none is kept, nobody asks for it
