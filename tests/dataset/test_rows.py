from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.recipe import DatasetSettings
from tuner.records import Rejected, Row, read_jsonl
from tuner.render import MASKED

from .examples import code, edit_pair, infilling_pair, make_dataset, renderer, shop

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)


def rows_in(folder: Path, name: str = "train") -> list[Row]:
    return list(read_jsonl(folder / f"out/data/{name}.jsonl", Row))


def test_the_mask_covers_the_prompt_and_nothing_of_the_completion(tmp_path: Path) -> None:
    pairs, additions = shop()
    make_dataset(tmp_path, pairs, additions)
    by_id = {pair.id: pair for pair in pairs}
    for row in rows_in(tmp_path):
        masked = row.labels.count(MASKED)
        assert row.labels == [MASKED] * masked + row.input_ids[masked:]
        assert 0 < masked < len(row.labels) == len(row.input_ids) <= DatasetSettings().max_tokens
        pair, learned = by_id[row.pair_id], renderer().decode(row.input_ids[masked:])
        if pair.kind == "line_infilling":
            assert learned.endswith(pair.response) and pair.context.endswith(learned.removesuffix(pair.response))
        elif pair.kind == "file":
            assert learned in pair.response
        else:
            assert pair.response in learned


@settings(max_examples=40, deadline=None)
@given(TEXT, TEXT.filter(bool), TEXT)
def test_prompt_and_completion_of_an_infilling_row_spell_the_file(context: str, response: str, suffix: str) -> None:
    (row,) = renderer().rows(infilling_pair("a.py", context, response, suffix), 2048)
    masked = row.labels.count(MASKED)
    middle = row.input_ids.index(renderer().tokenizer.token_to_id("<｜fim▁hole｜>"))
    before = renderer().decode(row.input_ids[:middle])
    assert before.removeprefix("#a.py\n") + renderer().decode(row.input_ids[masked:]) == context + response
    assert renderer().decode(row.input_ids[middle:masked]) == suffix
    assert row.labels[masked:] == row.input_ids[masked:]


def test_a_completion_that_does_not_fit_is_rejected_as_too_long(tmp_path: Path) -> None:
    long = infilling_pair("shop/tax.py", "a = 1\n", code("tax"), "")
    dataset = make_dataset(tmp_path, [*shop()[0], long], [], DatasetSettings(max_tokens=64, valid_share=0))
    assert dataset.rejected_counts["too_long"] >= 1
    assert Rejected(long.id, "dataset", "too_long") in read_jsonl(tmp_path / "out/data/rejected.jsonl", Rejected)


def test_the_budget_bounds_the_rows_and_the_rest_is_counted(tmp_path: Path) -> None:
    pairs, additions = shop()
    dataset = make_dataset(tmp_path, pairs, additions, DatasetSettings(max_train_tokens=1_000, max_tokens=128))
    assert 500 < dataset.metrics["dataset.train_tokens"] <= 1_000
    assert dataset.counts["left_out_by_budget.rows"] > 0


def test_windows_come_from_more_files_than_the_budget_would_fill(tmp_path: Path) -> None:
    pairs, _ = shop()
    files = [pair for pair in pairs if pair.kind == "file"]
    make_dataset(tmp_path, files, [], DatasetSettings(max_train_tokens=1_000, max_tokens=128, valid_share=0))
    assert len({row.pair_id for row in rows_in(tmp_path)}) >= 4


def test_a_repository_of_edits_alone_fills_the_budget_with_edits(tmp_path: Path) -> None:
    edits = [edit_pair(f"{n:040x}", f"Change step {n}", f"a_{n} = 1\n", f"b_{n} = 2\n") for n in range(60)]
    dataset = make_dataset(tmp_path, edits, [], DatasetSettings(max_train_tokens=1_000, max_tokens=128))
    assert 850 < dataset.metrics["dataset.train_tokens"] <= 1_000
