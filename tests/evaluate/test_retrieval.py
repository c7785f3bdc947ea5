"""A system with retrieval reads the same text around the cursor, and pieces of the repository before it."""

from __future__ import annotations

from pathlib import Path

from tests.test_retrieval import ITEM, pairs
from tuner.evaluate.local import LocalSystem
from tuner.evaluate.open_system import local_system
from tuner.recipe import EvaluateSettings
from tuner.records import Base
from tuner.render import Renderer

__all__ = ["pairs"]  # a fixture


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
