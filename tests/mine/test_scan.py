"""Written files are searched once more: what is left is named by file, line and kind, and never shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.mine.planted import planted
from tuner.errors import DataError
from tuner.mine.people import People
from tuner.mine.redact import redact
from tuner.mine.scan import BLOCK, require_clean, scan_file

TOKEN = "gh" + "p_aB3dE7fG1hJ5kL9mN2pQ4rS6tU8vW0xYabcd"
KEY = (
    "-----BEGIN RSA PRIV"
    + "ATE KEY-----\n"
    + "aB3dE7fG1hJ5kL9mN2pQ4rS6tU8vW0xY\n" * 3
    + "-----END RSA PRIV"
    + "ATE KEY-----\n"
)


def _jsonl(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
    return path


def test_a_secret_in_any_string_of_a_record_is_found(tmp_path: Path) -> None:
    path = _jsonl(
        tmp_path / "pairs.jsonl",
        {"response": "x = 1"},
        {"context": f"A = '{TOKEN}'"},
        {"neighbours": [{"text": ["deep", TOKEN]}]},
        {TOKEN: 1},
    )
    assert [(leak.line, leak.kind) for leak in scan_file(path)] == [(line, "github_token") for line in (2, 3, 4)]


def test_escapes_hide_nothing(tmp_path: Path) -> None:
    escaped = "".join(f"\\u{ord(each):04x}" for each in TOKEN)
    path = tmp_path / "pairs.jsonl"
    path.write_text(f'{{"response": "{escaped}"}}\n{json.dumps({"response": KEY})}\n')
    assert TOKEN not in path.read_text()
    assert [(leak.line, leak.kind) for leak in scan_file(path)] == [(1, "github_token"), (2, "private_key")]


def test_listed_names_are_searched_for(tmp_path: Path) -> None:
    path = _jsonl(tmp_path / "pairs.jsonl", {"context": "# Zora Quillfeather wants this"})
    assert list(scan_file(path)) == []
    assert [leak.kind for leak in scan_file(path, People(["Zora Quillfeather"]))] == ["person"]


def test_a_text_file_is_searched_across_the_borders_of_blocks(tmp_path: Path) -> None:
    path = tmp_path / "card.md"
    path.write_text("x\n" * (BLOCK - 2) + KEY + "y\n" * BLOCK + TOKEN + "\n")
    kinds = [(leak.line, leak.kind) for leak in scan_file(path)]
    assert kinds[0][1] == "private_key" and kinds[-1] == (2 * BLOCK - 2 + KEY.count("\n") + 1, "github_token")
    path.write_text(redact(path.read_text()).text)
    require_clean([path])


def test_the_message_names_file_line_and_kind_but_no_value(tmp_path: Path) -> None:
    path = _jsonl(tmp_path / "pairs.jsonl", {"response": "x"}, {"response": TOKEN})
    with pytest.raises(DataError) as caught:
        require_clean([path])
    assert str(caught.value) == (
        "a secret or a person's details are left after redaction: pairs.jsonl, line 2: github_token\n"
        "hint: leave their source files out with SET='mine.exclude=[\"<path>\"]', and report the kind as a bug"
    )
    assert TOKEN not in str(caught.value)


def test_a_broken_line_is_an_error_and_not_skipped(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"response": "x"}\n{"resp')
    with pytest.raises(DataError, match=r"pairs.jsonl, line 2 is no JSON"):
        list(scan_file(path))


def test_the_planted_corpus_is_found_before_redaction_and_gone_after(tmp_path: Path) -> None:
    corpus = planted()
    raw = _jsonl(tmp_path / "raw.jsonl", *({"text": each.text} for each in corpus))
    assert {leak.line for leak in scan_file(raw)} == set(range(1, len(corpus) + 1))
    require_clean([_jsonl(tmp_path / "pairs.jsonl", *({"text": redact(each.text).text} for each in corpus))])
