from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tuner.evaluate.local import LocalSystem
from tuner.evaluate.open_system import local_system
from tuner.recipe import EvaluateSettings
from tuner.records import Base, Item, Pair, write_jsonl
from tuner.render import Renderer
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


def test_a_system_with_retrieval_reads_the_same_text_around_the_cursor_and_the_pieces_before_it(
    pairs: Path, tiny_base: Path, renderer: Renderer
) -> None:
    settings = EvaluateSettings(max_prompt_tokens=32, max_new_tokens=8, batch=2)
    base = Base("tiny", str(tiny_base), "r", "prefix_only")
    prompts = {}
    for name in ("base", "base+bm25"):
        with local_system(name, base, Path("none"), pairs, renderer, settings) as system:
            assert isinstance(system, LocalSystem)
            assert ("BM25" in system.about["retrieval"]) == name.endswith("bm25")
            prompts[name] = system._prompt(ITEM).ids
            assert next(system.answer([ITEM])).prompt_tokens == len(prompts[name])
    bare, shown = prompts["base"], prompts["base+bm25"]
    text = renderer.tokenizer.decode(shown, skip_special_tokens=False)
    assert "return spec.width" in text
    around = len(renderer.encode(ITEM.prefix)) - 4  # the last word is healed
    assert shown[-around:] == bare[-around:]
    assert len(shown) <= len(bare) + settings.retrieved_tokens
