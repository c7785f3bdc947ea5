from pathlib import Path

import pytest

from tuner.dataset.pair_file import PairFile, altered
from tuner.errors import DataError
from tuner.records import Neighbour, to_json, write_jsonl

from .examples import code, file_pair, infilling_pair

BESIDE = infilling_pair("a.py", "a = ", "1", "\n", neighbours=[Neighbour("b.py", "b = 1\n")], weight=0.5)


def test_an_altered_pair_keeps_its_place_and_weight_and_gets_another_id() -> None:
    other = altered(BESIDE, response="2")
    assert altered(other, response="1") == BESIDE == altered(BESIDE)
    assert other.id != BESIDE.id and (other.repo, other.path, other.weight) == (BESIDE.repo, BESIDE.path, 0.5)


def test_a_pair_read_by_offset_is_the_pair_that_was_scanned(tmp_path: Path) -> None:
    written = [BESIDE, *(file_pair(f"{topic}.py", code(topic) + "# naïve ✓\n") for topic in ("tax", "cart", "stock"))]
    write_jsonl(tmp_path / "pairs.jsonl", written)
    with PairFile(tmp_path / "pairs.jsonl") as pairs:
        scanned = list(pairs.scan())
        assert [pair for _, _, pair in scanned] == written
        assert [pairs.at(offset) for offset, _, _ in reversed(scanned)] == written[::-1]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes"),
        ("[]", "is not an object"),
        (to_json(file_pair("a.py", "a = 1\n")).replace('"language": "python", ', ""), "missing key `language`"),
        (
            to_json(file_pair("a.py", "a = 1\n")).replace("999000", '"yesterday"'),
            "`committed_at` is 'yesterday', wanted int",
        ),
        (to_json(file_pair("a.py", "a = 1\n")).replace("a = 1", "a = 2"), "but its content hashes to"),
        (
            to_json(file_pair("a.py", "a = 1\n")).replace('"repo": "shop"', '"repo": "bank"'),
            "but its content hashes to",
        ),
        (to_json(BESIDE).replace("b = 1", "b = 2"), "but its content hashes to"),
        (to_json(file_pair("a.py", "a = 1\n", weight=0.0)), "`weight` is 0.0, wanted more than 0 and at most 1"),
        (to_json(file_pair("a.py", "a = 1\n", weight=1.5)), "`weight` is 1.5, wanted more than 0 and at most 1"),
        (
            to_json(file_pair("a.py", "a = 1\n", weight=float("nan"))),
            "`weight` is nan, wanted more than 0 and at most 1",
        ),
    ],
)
def test_a_malformed_line_stops_with_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(to_json(file_pair("b.py", "b = 1\n")) + "\n" + line + "\n", encoding="utf-8")
    with PairFile(path) as pairs, pytest.raises(DataError) as caught:
        list(pairs.scan())
    assert caught.value.message.startswith(f"{path}:2: ")
    assert message in caught.value.message


def test_bytes_that_are_no_text_stop_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_bytes(b'{"id": "\xff"}\n')
    with PairFile(tmp_path / "pairs.jsonl") as pairs, pytest.raises(DataError, match=r"pairs\.jsonl:1: not UTF-8"):
        list(pairs.scan())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"pairs\.jsonl: no such file"):
        PairFile(tmp_path / "pairs.jsonl")
