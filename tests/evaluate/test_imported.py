from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tuner.errors import DataError
from tuner.evaluate.imported import Imported
from tuner.records import Item, Prediction

LINE = 'hint: each line is {"item_id": "...", "text": "..."}, with "latency_ms" if it was measured'


def item(ident: str) -> Item:
    return Item(ident, "shop", "a.py", "python", "c", 1, "boundary", "x = ", "\n", "naïve", True)


ITEMS = [item("a"), item("b"), item("c")]


def read(tmp_path: Path, data: str | bytes) -> list[Prediction]:
    path = tmp_path / "by-hand.jsonl"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return list(Imported("ours", path).answer(ITEMS))


def refusal(tmp_path: Path, data: str | bytes) -> str:
    with pytest.raises(DataError) as caught:
        read(tmp_path, data)
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_a_line_is_an_answer_and_an_item_without_one_is_void(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        '{"item_id": "c", "text": "max(w)  \\n    more", "latency_ms": 412}\r\n\n{"item_id": "a", "text": ""}',
    )
    assert found == [
        Prediction("a", "", "", None, 6, None, None, None),
        Prediction("b", "", "", None, 6, None, None, "not_asked"),
        Prediction("c", "max(w)  \n    more", "max(w)", None, 6, None, 412.0, None),
    ]


def test_a_body_is_taken_with_all_its_lines(tmp_path: Path) -> None:
    body = dataclasses.replace(item("a"), kind="body", prefix="def f():\n    ")
    (tmp_path / "a.jsonl").write_text('{"item_id": "a", "text": "x = 1\\n    return x\\nprint()"}', encoding="utf-8")
    assert Imported("ours", tmp_path / "a.jsonl").read({"a": body})["a"].text == "x = 1\n    return x"


def test_it_says_where_it_is_from(tmp_path: Path) -> None:
    (tmp_path / "by-hand.jsonl").touch()
    imported = Imported("ours", tmp_path / "by-hand.jsonl")
    assert (imported.name, imported.about) == ("ours", {"imported": "by-hand.jsonl"})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes"),
        (b"\xff\xfe\xff", "not JSON: not UTF-8"),
        ('["a", "x"]', '["a", "x"] is no object'),
        ('{"item_id": "a"}', "`text` is missing, wanted a string"),
        ('{"item_id": 7, "text": "x"}', "`item_id` is 7, wanted a string"),
        ('{"item_id": "a", "text": null}', "`text` is null, wanted a string"),
        ('{"item_id": "a", "text": "x", "latency": 3}', "unknown key `latency`"),
        ('{"item_id": "a", "text": "x", "latency_ms": "3"}', '`latency_ms` is "3", wanted milliseconds'),
        ('{"item_id": "a", "text": "x", "latency_ms": -1}', "`latency_ms` is -1, wanted milliseconds"),
        ('{"item_id": "a", "text": "x", "latency_ms": true}', "`latency_ms` is true, wanted milliseconds"),
        ('{"item_id": "a", "text": "x", "latency_ms": NaN}', "`latency_ms` is NaN, wanted milliseconds"),
    ],
)
def test_a_malformed_line_is_refused_with_its_number(tmp_path: Path, line: str | bytes, message: str) -> None:
    data = line.encode() if isinstance(line, str) else line
    good = json.dumps({"item_id": "b", "text": "x"}).encode()
    assert refusal(tmp_path, good + b"\n" + data) == f"by-hand.jsonl:2: {message}\n{LINE}"


def test_an_unknown_item_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, '{"item_id": "z", "text": "x"}') == (
        "by-hand.jsonl:1: item 'z' is none of the 3 frozen items\n"
        "hint: take the ids from data/eval_items.jsonl of the run"
    )


def test_a_second_answer_to_an_item_is_refused(tmp_path: Path) -> None:
    line = '{"item_id": "a", "text": "x"}\n'
    assert refusal(tmp_path, line + "\n" + line) == (
        "by-hand.jsonl:3: item a has an answer already, in line 1\nhint: keep one of them"
    )


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        list(Imported("ours", tmp_path / "none.jsonl").answer(ITEMS))
    assert str(caught.value) == (
        f"{tmp_path}/none.jsonl: no such file\nhint: compare.imported names files of answers, by a name of your choice"
    )
