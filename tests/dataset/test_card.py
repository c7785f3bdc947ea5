from pathlib import Path

from .examples import make_dataset, shop


def test_the_card_says_what_the_dataset_counts_and_quotes_no_code(tmp_path: Path) -> None:
    pairs, additions = shop()
    dataset = make_dataset(tmp_path, [*pairs, pairs[0]], additions)
    text = (tmp_path / "out/data/README.md").read_text(encoding="utf-8")
    assert "internal code; do not publish" in text
    assert f"sha256 `{dataset.items_sha256}`" in text
    assert f"| file | 8 | {dataset.counts['train_rows.file']} |" in text
    assert "| mine | binary | 2 |" in text
    assert "| dataset | duplicate | 1 |" in text
    assert f"{int(dataset.metrics['dataset.items'])} items from 5 commits" in text
    assert "1970-01-11 to 1970-01-12" in text
    assert "_ledger" not in text and "def " not in text


def test_the_card_can_be_written_without_items(tmp_path: Path) -> None:
    make_dataset(tmp_path, shop()[0], [])
    assert "items are from no commit" in (tmp_path / "out/data/README.md").read_text(encoding="utf-8")
