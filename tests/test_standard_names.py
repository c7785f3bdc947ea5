"""The lists of standard names: each says its source, and knows what everybody uses."""

from __future__ import annotations

import pytest

from tuner.grammars import GRAMMARS
from tuner.standard_names import FOLDER, is_standard_import, standard_names

SAMPLES = {
    "python": "print splitlines JSONDecodeError Path returncode defaultdict",
    "javascript": "Math console addEventListener readFileSync Promise",
    "typescript": "Partial ReturnType Map",
    "tsx": "querySelector",
    "go": "Println ErrUnexpectedEOF WaitGroup append",
    "java": "ArrayList hashCode System Collectors println",
    "rust": "unwrap_or_else HashMap println collect",
    "c": "memcpy fprintf pthread_create NULL",
    "cpp": "emplace_back make_unique memcpy string_view",
}


@pytest.mark.parametrize("language", GRAMMARS)
def test_every_language_with_a_grammar_has_a_list(language: str) -> None:
    found = standard_names(language)
    assert found is not None
    assert set(SAMPLES[language].split()) <= found.names
    assert "frobnicate" not in found.names


def test_each_list_says_where_it_is_from() -> None:
    for path in sorted(FOLDER.glob("*.txt")):
        first, heading, *rest = path.read_text(encoding="utf-8").splitlines()
        assert first.startswith("# ") and "(" in first and heading == "[names]", path
        names = " ".join(rest).partition("[modules]")[0].split()
        assert names == sorted(set(names))


def test_a_language_without_a_list_has_none() -> None:
    assert standard_names("ruby") is None


@pytest.mark.parametrize(
    ("module", "language", "wanted"),
    [
        ("os.path", "python", True), ("requests", "python", False), ("node:fs", "typescript", True),
        ("vitest", "typescript", True), ("zod", "typescript", False), ("net/http", "go", True),
        ("github.com/a/b", "go", False), ("java.util.List", "java", True), ("com.a.B", "java", False),
        ("std::fmt", "rust", True), ("serde", "rust", False), ("stdio.h", "c", True), ("vector", "cpp", True),
        ("openssl/ssl.h", "c", False),
    ],
)  # fmt: skip
def test_imports_of_the_standard_library(module: str, language: str, wanted: bool) -> None:
    assert is_standard_import(module, language) is wanted
