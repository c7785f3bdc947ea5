import re
from pathlib import Path

from tuner.dataset.decoded import LINES
from tuner.recipe import DatasetSettings
from tuner.records import PAIR_KINDS

from .examples import code, each_kind, file_pair, infilling_pair, later_additions, make_dataset, run_stage, shop


def card_in(folder: Path) -> str:
    return (folder / "out/data/README.md").read_text(encoding="utf-8")


def test_the_card_says_what_the_dataset_counts_and_at_its_top_that_it_holds_code(tmp_path: Path) -> None:
    pairs, additions = shop()
    dataset = make_dataset(tmp_path, [*pairs, pairs[0]], additions)
    text = card_in(tmp_path)
    top = text[: text.index("\n\n- ")]
    assert "this card included, contains internal code; do not publish it" in top and "from shop." in top
    assert f"sha256 `{dataset.items_sha256}`" in text
    assert f"| file | 8 | {dataset.counts['train_rows.file']} |" in text
    assert all(f"| {kind} | {dataset.counts[f'pairs.{kind}']} |" in text for kind in PAIR_KINDS)
    assert "| mine | binary | 2 |" in text
    assert '- history: 1 commit was not drawn for pairs; all are with SET="mine.history_commits=null"\n' in text
    assert "| dataset | duplicate | 1 |" in text
    assert f"{int(dataset.metrics['dataset.items'])} items from 5 commits" in text
    assert "1970-01-11 to 1970-01-12" in text


def test_what_was_replaced_is_counted_by_kind(tmp_path: Path) -> None:
    make_dataset(tmp_path, *shop())
    assert "| nothing | 0 |" in card_in(tmp_path)
    run_stage(tmp_path, counts={"file": 9, "redacted.email": 4, "redacted.aws_key": 2})
    assert "| replaced | count |\n|---|---|\n| aws_key | 2 |\n| email | 4 |\n" in card_in(tmp_path)


def test_two_examples_of_each_kind_stand_in_fences_and_are_short(tmp_path: Path) -> None:
    pairs = [pair for number in range(3) for pair in each_kind(f"topic{number}", f"{number:040x}")]
    make_dataset(tmp_path, pairs, [], DatasetSettings(valid_share=0, max_train_tokens=None))
    text = card_in(tmp_path)
    headings = re.findall(r"^### (\w+): `(.+)`$", text, re.MULTILINE)
    assert [kind for kind, _ in headings] == [kind for kind in PAIR_KINDS for _ in range(2)]
    assert all(headings[at][1] != headings[at + 1][1] for at in range(0, len(headings), 2))
    blocks = re.findall(r"^(`{3,})\n(.*?)\n\1$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2 * len(headings)
    assert all(block.count("\n") <= LINES + 2 for _, block in blocks)
    assert any("lines …]" in block for _, block in blocks)
    assert any("<｜fim▁hole｜>" in block for _, block in blocks)
    assert "Add the topic" in text and "Where is `topic" in text


def test_code_cannot_end_its_fence(tmp_path: Path) -> None:
    documented = 'def usage():\n    """\n    ````\n    shop --help\n    ````\n    """\n'
    make_dataset(tmp_path, [file_pair("shop/usage.py", documented)], [], DatasetSettings(valid_share=0))
    assert "`````\ndef usage" in card_in(tmp_path)


def test_the_card_says_what_validates_and_what_does_not(tmp_path: Path) -> None:
    make_dataset(tmp_path, shop()[0], later_additions(20), DatasetSettings(valid_share=0.25, valid_rows=3))
    said = "5 of 20 later commits are kept for validation: they give no item. 3 rows from 3 of them hold "
    assert said in card_in(tmp_path) and "no validation" not in card_in(tmp_path)
    dataset = make_dataset(tmp_path / "few", *shop(), DatasetSettings())
    assert dataset.notes == ["no validation: 10 % of 5 later commits are 1, wanted 5; training keeps its last step"]
    assert f"Note: {dataset.notes[0]}." in card_in(tmp_path / "few")


def test_a_folder_above_its_share_is_said(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, *shop())
    over = dataset.counts["over_folder_share"]
    assert over > 0
    assert f"{over} training tokens are above their folder's share" in card_in(tmp_path)
    spread = [file_pair(f"{name}/a.py", code(name)) for name in ("tax", "cart", "price")]
    spread.append(infilling_pair("tax/a.py", code("box", 1), "return 1\n", ""))
    make_dataset(tmp_path / "spread", spread, [], DatasetSettings(valid_share=0))
    assert "above their folder's share" not in card_in(tmp_path / "spread")


def test_the_card_can_be_written_without_items(tmp_path: Path) -> None:
    make_dataset(tmp_path, shop()[0], [])
    assert "items are from no commit" in card_in(tmp_path)
