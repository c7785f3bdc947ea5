"""Languages are told by name, and only what holds code has one."""

from __future__ import annotations

import pytest

from tuner.grammars import GRAMMARS, parser
from tuner.mine.languages import code_globs, dialect_of, is_prose, language_named, language_of


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


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("namespace fmt {\nint f();\n}\n", "cpp"),
        ("template <typename T>\nT twice(T x);\n", "cpp"),
        ("#pragma once\nclass Book : public Base {\n};\n", "cpp"),
        ("struct book { int class; };\nint namespace_of(int x);\n", "c"),
        ("/* a class of books\n   namespace fmt */\nint using_it(void);\n", "c"),
    ],
)
def test_a_header_is_of_the_language_that_it_is_written_in(text: str, name: str) -> None:
    header = language_of("book.h")
    assert header is not None and dialect_of(header, text).name == name
    python = language_named("python")
    assert dialect_of(python, text) is python


def test_all_grammars_load_without_a_network() -> None:
    for names in GRAMMARS.values():
        assert not parser(*names).parse(b"").root_node.has_error


def test_configuration_and_prose_are_no_code() -> None:
    for path, prose in (("a.yaml", False), ("a.md", True)):
        language = language_of(path)
        assert language is not None and not language.is_code and is_prose(language) == prose
    assert not [glob for glob in code_globs() if glob.endswith((".md", ".yaml"))]


def test_a_cfg_file_is_ini_where_it_is_written_so() -> None:
    ini = language_of("a.cfg")
    assert ini is not None
    assert dialect_of(ini, "[flake8]\nselect = E\n").name == "ini"
    other = dialect_of(ini, "-keep class com.ledger.** { *; }\n-dontwarn\n")
    assert other.name == "configuration" and not other.is_code
