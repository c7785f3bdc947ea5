"""Records come back from JSON lines as they went in; a line that is not what was written stops with file and line."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.comparison import Difference
from tuner.errors import DataError
from tuner.records import (
    CHAT_KINDS,
    COMMIT_KINDS,
    INFILLING_KINDS,
    ITEM_KINDS,
    PAIR_KINDS,
    Interval,
    Item,
    Neighbour,
    Pair,
    Prediction,
    Row,
    content_id,
    read_jsonl,
    sha256_file,
    to_json,
    write_jsonl,
)
from tuner.strict import ALTERED

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)  # every character but half a surrogate pair
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
COUNT = st.integers(min_value=0, max_value=2**62)
KIND = st.sampled_from(PAIR_KINDS)
FILES = st.lists(st.builds(Neighbour, TEXT, TEXT), max_size=2)
PAIRS = st.builds(Pair, TEXT, KIND, TEXT, TEXT, TEXT, TEXT, FILES, TEXT, TEXT, TEXT, TEXT, COUNT, NUMBER)
CURSOR = st.sampled_from(["boundary", "inside"])
WHAT = st.sampled_from(ITEM_KINDS)
ITEMS = st.builds(
    Item, TEXT, TEXT, TEXT, TEXT, TEXT, COUNT, CURSOR, TEXT, TEXT, TEXT, st.booleans(), WHAT, st.booleans()
)
ROWS = st.builds(Row, TEXT, KIND, st.lists(COUNT), st.lists(st.integers()))
PREDICTIONS = st.builds(
    Prediction, TEXT, TEXT, TEXT, st.none() | NUMBER, COUNT, COUNT, st.none() | NUMBER, st.none() | TEXT
)
EACH_RECORD = st.one_of([st.tuples(st.just(kind), st.lists(each, max_size=4)) for kind, each in (
    (Pair, PAIRS), (Item, ITEMS), (Row, ROWS), (Prediction, PREDICTIONS)
)])  # fmt: skip
PAIR = Pair.make(
    "repository_infilling",
    response="total",
    repo="ledger",
    path="a.py",
    language="python",
    commit="c" * 40,
    committed_at=7,
    neighbours=[Neighbour("b.py", "TOTAL = 1\n")],
)
PREDICTION = Prediction("i1", "x\n", "x", 3.5, 1, 1, None, None)


@settings(max_examples=60, deadline=None)
@given(EACH_RECORD)
def test_records_come_back_as_they_were_written(written: tuple[type, list[Any]]) -> None:
    record_type, records = written
    with TemporaryDirectory() as folder:
        path = Path(folder) / "records.jsonl"
        assert write_jsonl(path, records) == len(records)
        assert list(read_jsonl(path, record_type)) == records
        assert path.read_bytes().count(b"\n") == len(records)


@pytest.mark.parametrize("text", ["naïve ✓ 漢字 😀", "line\u2028separator\x85and\x0b\x0c", "\r\n\t\\\"'\x00\x7f", ""])
def test_a_text_that_could_break_a_line_stays_in_its_line(tmp_path: Path, text: str) -> None:
    pair = dataclasses.replace(PAIR, response=text)
    write_jsonl(tmp_path / "pairs.jsonl", [pair, PAIR])
    assert list(read_jsonl(tmp_path / "pairs.jsonl", Pair)) == [pair, PAIR]


def test_a_line_is_json_with_sorted_keys() -> None:
    line = to_json(Interval(value=0.5, low=0.25, high=0.75, n=3))
    assert line == '{"high": 0.75, "low": 0.25, "n": 3, "value": 0.5}'


def refusal(tmp_path: Path, record: Any, changes: dict[str, Any], removed: str = "") -> str:
    """Write a good line and a changed one, and give the message that reading stops with."""
    values = json.loads(to_json(record)) | changes
    values.pop(removed, None)
    path = tmp_path / "x.jsonl"
    path.write_text(f"{to_json(record)}\n{json.dumps(values)}\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        list(read_jsonl(path, type(record)))
    assert caught.value.hint == ALTERED
    return caught.value.message.removeprefix(f"{tmp_path}/")


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, PAIR, {"colour": "red"}) == "x.jsonl:2: unknown key `colour`"


def test_a_missing_key_is_refused_and_all_faults_are_named_at_once(tmp_path: Path) -> None:
    assert refusal(tmp_path, PAIR, {}, removed="path") == "x.jsonl:2: missing key `path`"
    both = refusal(tmp_path, PAIR, {"colour": "red"}, removed="path")
    assert both == "x.jsonl:2: unknown key `colour`, missing key `path`"


@pytest.mark.parametrize(
    ("record", "changes", "message"),
    [
        (PAIR, {"committed_at": "yesterday"}, "`committed_at` is 'yesterday', wanted int"),
        (PAIR, {"committed_at": True}, "`committed_at` is True, wanted int"),
        (PAIR, {"committed_at": 7.0}, "`committed_at` is 7.0, wanted int"),
        (PAIR, {"kind": "poem"}, f"`kind` is 'poem', wanted one of {', '.join(PAIR_KINDS)}"),
        (PAIR, {"path": None}, "`path` is None, wanted str"),
        (PAIR, {"weight": "much"}, "`weight` is 'much', wanted float"),
        (PAIR, {"neighbours": [{"path": "b.py"}]}, "`neighbours` missing key `text`"),
        (PAIR, {"neighbours": ["b.py"]}, "`neighbours` is not an object"),
        (PAIR, {"neighbours": {}}, "`neighbours` is {}, wanted list"),
        (PREDICTION, {"bits": "many"}, "`bits` is 'many', wanted float"),
        (PREDICTION, {"bits": False}, "`bits` is False, wanted float"),
        (Row("p", "file", [1, 2], [1, 2]), {"labels": [1, "2"]}, "`labels` is [1, '2'], wanted list"),
        (Row("p", "file", [1, 2], [1, 2]), {"input_ids": [1, True]}, "`input_ids` is [1, True], wanted list"),
        (Row("p", "file", [1, 2], [1, 2]), {"input_ids": {}}, "`input_ids` is {}, wanted list"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(tmp_path: Path, record: Any, changes: dict, message: str) -> None:
    assert refusal(tmp_path, record, changes) == f"x.jsonl:2: {message}"


def test_items_and_predictions_that_were_frozen_before_there_were_kinds_are_read(tmp_path: Path) -> None:
    item = Item("i", "shop", "a.py", "python", "c", 0, "inside", "x", "", "y", True)
    for record, later in ((item, ("kind", "new_names")), (PREDICTION, ("cuts", "right_cuts"))):
        values = {name: value for name, value in json.loads(to_json(record)).items() if name not in later}
        (tmp_path / "x.jsonl").write_text(json.dumps(values) + "\n", encoding="utf-8")
        assert list(read_jsonl(tmp_path / "x.jsonl", type(record))) == [record]
    assert refusal(tmp_path, item, {}, removed="novel") == "x.jsonl:2: missing key `novel`"
    assert refusal(tmp_path, PREDICTION, {}, removed="prompt_tokens") == "x.jsonl:2: missing key `prompt_tokens`"
    wanted = f"wanted one of {', '.join(ITEM_KINDS)}"
    assert refusal(tmp_path, item, {"kind": "poem"}) == f"x.jsonl:2: `kind` is 'poem', {wanted}"


def test_a_whole_number_is_a_number(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(to_json(PREDICTION).replace("3.5", "3") + "\n", encoding="utf-8")
    (found,) = read_jsonl(tmp_path / "x.jsonl", Prediction)
    assert found.bits == 3.0 and type(found.bits) is float


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (to_json(PAIR).encode()[:-33], "not JSON: Unterminated string starting at"),
        (b"\n", "not JSON: Expecting value"),
        (b'{"id": "\xff"}\n', "not JSON: not UTF-8"),
    ],
)
def test_a_line_that_was_cut_off_is_refused(tmp_path: Path, line: bytes, reason: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(to_json(PAIR).encode() + b"\n" + line)
    with pytest.raises(DataError) as caught:
        list(read_jsonl(path, Pair))
    assert caught.value.message == f"{path}:2: {reason}"
    assert caught.value.hint == "the file was altered, cut short, or is of another version"


def test_a_line_that_is_no_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("[1]\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"x\.jsonl:1: is not an object"):
        list(read_jsonl(tmp_path / "x.jsonl", Pair))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        list(read_jsonl(tmp_path / "x.jsonl", Pair))
    assert caught.value.message == f"{tmp_path / 'x.jsonl'}: no such file"
    assert caught.value.hint == "run the stage that writes it again; `make verify RUN=...` says which"


@given(st.lists(TEXT, min_size=1, max_size=5), st.data())
def test_an_id_tells_where_its_parts_end(parts: list[str], data: st.DataObject) -> None:
    joined = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(joined)), max_size=4)))
    others = [joined[start:end] for start, end in zip([0, *cuts], [*cuts, len(joined)], strict=True)]
    assert (content_id(*parts) == content_id(*others)) == (parts == others)


def test_an_id_is_16_hex_digits_and_does_not_change_between_versions() -> None:
    assert content_id("a", "b") != content_id("ab") != content_id("ab", "")
    assert re.fullmatch("[0-9a-f]{16}", content_id())
    assert PAIR.id == "691ea7bcc281c038"


@pytest.mark.parametrize("name", ["instruction", "context", "suffix", "response", "repo", "path", "commit"])
def test_the_id_of_a_pair_changes_with_every_text_that_it_covers(name: str) -> None:
    said = {"response": "r", "repo": "o", "path": "p", "commit": "c", "instruction": "i", "context": "x", "suffix": "s"}
    ids = {Pair.make("edit", language="go", committed_at=1, **texts).id for texts in (said, said | {name: "other"})}
    assert len(ids) == 2


def test_the_id_of_a_pair_covers_its_kind_and_its_neighbours_but_not_language_date_and_weight() -> None:
    def made(kind: Any = "body", language: str = "go", committed_at: int = 1, **more: Any) -> str:
        said = {"response": "r", "repo": "o", "path": "p", "commit": "c"} | more
        return Pair.make(kind, language=language, committed_at=committed_at, **said).id

    assert made() != made("file")
    assert made() == made(language="rust", committed_at=2, weight=0.5)
    beside = [made(neighbours=[Neighbour(path, text)]) for path, text in (("a", "b"), ("ab", ""), ("a", "c"))]
    assert len({made(), *beside}) == 4


def test_every_kind_is_shown_in_one_way() -> None:
    assert sorted(["file", *INFILLING_KINDS, *CHAT_KINDS]) == sorted(PAIR_KINDS)
    assert set(COMMIT_KINDS) < set(CHAT_KINDS)


@pytest.mark.parametrize(
    ("better", "delta", "low", "high", "finding"),
    [
        ("higher", 0.2, 0.1, 0.3, "gain"),
        ("higher", -0.2, -0.3, -0.1, "loss"),
        ("lower", -0.2, -0.3, -0.1, "gain"),
        ("lower", 0.2, 0.1, 0.3, "loss"),
        ("higher", 0.2, -0.1, 0.3, "inconclusive"),
        ("lower", 0.2, 0.0, 0.3, "inconclusive"),
        ("higher", -0.2, -0.3, 0.0, "inconclusive"),
    ],
)
def test_a_finding_needs_an_interval_on_one_side_of_zero(
    better: Any, delta: float, low: float, high: float, finding: str
) -> None:
    assert Difference("m", "all", 1.0, 1.0, delta, low, high, 10, 5, better).finding == finding


def test_a_files_hash_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256_file(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
