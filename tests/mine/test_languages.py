"""Languages are told by name, and only what holds code has one."""

from __future__ import annotations

import pytest

from tuner.mine.languages import GRAMMARS, code_globs, is_prose, language_named, language_of, parser


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/b.py", "python"),
        ("A.TSX", "tsx"),
        ("x.h", "c"),
        ("Dockerfile", "dockerfile"),
        ("x.kt", "kotlin"),
        ("x.yml", "yaml"),
    ],
)
def test_a_path_names_its_language(path: str, name: str) -> None:
    language = language_of(path)
    assert language is not None and language.name == name


@pytest.mark.parametrize("path", ["data.json", "logo.svg", ".py", "LICENSE", "dir.py/file"])
def test_other_files_have_none(path: str) -> None:
    assert language_of(path) is None


def test_a_notebook_is_no_code_until_its_cells_are_read() -> None:
    language = language_of("a.ipynb")
    assert language is not None and language.is_notebook and not language.is_code
    assert not any("ipynb" in glob for glob in code_globs())
    assert language_named("python") == language_of("a.py")


def test_all_grammars_load_without_a_network() -> None:
    for names in GRAMMARS.values():
        assert not parser(*names).parse(b"").root_node.has_error


def test_configuration_and_prose_are_no_code() -> None:
    for path, prose in (("a.yaml", False), ("a.md", True)):
        language = language_of(path)
        assert language is not None and not language.is_code and is_prose(language) == prose
    assert not [glob for glob in code_globs() if glob.endswith((".md", ".yaml"))]
