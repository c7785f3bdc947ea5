from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tuner.records import Item, Pair, write_jsonl
from tuner.retrieval import Retrieval

TANK = "def tank_volume(spec):\n    return spec.width * spec.depth * spec.height\n"
OTHER = "def greet(name):\n    return f'hello {name}'\n"
ITEM = Item(
    "i1",
    "shop",
    "ui.py",
    "python",
    "c1",
    5,
    "boundary",
    "def show(spec):\n    volume = tank_volume(",
    "\n",
    "spec)",
    True,
)


def file(path: str, text: str, language: str = "python", repo: str = "shop", kind: str = "file") -> Pair:
    made = Pair.make("file", response=text, repo=repo, path=path, language=language, commit="c0", committed_at=1)
    return dataclasses.replace(made, kind=kind)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    noise = [file(f"noise{n}.py", f"def noise{n}(value):\n    return value + {n}\n") for n in range(20)]
    write_jsonl(path, [file("tank.py", TANK), file("greet.py", OTHER), *noise])
    return path


def test_the_piece_that_shares_the_rarest_words_stands_last(pairs: Path) -> None:
    found = Retrieval(pairs, 2).neighbours(ITEM)
    assert found[-1].path == "tank.py"
    assert found[-1].text == TANK
    assert len(found) <= 2


def test_only_whole_files_of_the_same_repository_and_language_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    foreign = [file("a.py", TANK, repo="other"), file("a.go", TANK, language="go"), file("b.py", TANK, kind="body")]
    write_jsonl(path, [*foreign, file("greet.py", OTHER)])
    assert Retrieval(path, 3).neighbours(ITEM) == []


def test_what_already_stands_around_the_cursor_is_not_shown_again(pairs: Path) -> None:
    seen = dataclasses.replace(ITEM, prefix=TANK + "\n" + ITEM.prefix)
    assert "tank.py" not in [each.path for each in Retrieval(pairs, 3).neighbours(seen)]
    behind = dataclasses.replace(ITEM, suffix="\n" + TANK)
    assert "tank.py" not in [each.path for each in Retrieval(pairs, 3).neighbours(behind)]


def test_the_answer_decides_nothing(pairs: Path) -> None:
    other = dataclasses.replace(ITEM, target="greet(name)")
    assert Retrieval(pairs, 3).neighbours(other) == Retrieval(pairs, 3).neighbours(ITEM)


def test_a_cursor_of_an_editor_finds_what_an_item_finds(pairs: Path) -> None:
    index = Retrieval(pairs, 2)
    assert index.beside(ITEM.prefix, ITEM.suffix, "shop", "python") == index.neighbours(ITEM)
    assert index.beside(ITEM.prefix, ITEM.suffix, "shop", None) == index.neighbours(ITEM)
    assert index.beside(ITEM.prefix, ITEM.suffix, "shop", "go") == []
    assert index.beside(ITEM.prefix, ITEM.suffix, "elsewhere", None) == []


def test_a_path_has_the_language_of_the_files_that_end_alike(pairs: Path) -> None:
    index = Retrieval(pairs, 2)
    assert index.language_of("new/file.py") == "python"
    assert index.language_of("a.go") is None and index.language_of("Makefile") is None and index.language_of("") is None
