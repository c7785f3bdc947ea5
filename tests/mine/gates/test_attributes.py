"""What `.gitattributes` say is what git says that they say."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tiny_repo import git
from tuner.mine.gates.attributes import MARKS, Attributes, attribute_rules

NAMES = ("linguist-generated", "linguist-vendored")
WORDS = {"set": True, "unset": False, "unspecified": None, "false": False, "true": True, "1": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("attributes")
    git(path, "init", "--quiet")
    (path / "lib").mkdir()
    return path


def by_git(folder: Path, paths: list[str]) -> dict[tuple[str, str], bool | None]:
    done = subprocess.run(
        ["git", "-C", str(folder), "check-attr", "-z", "--stdin", *NAMES],
        input=b"".join(path.encode("utf-8", "surrogateescape") + b"\0" for path in paths),
        capture_output=True,
        check=True,
    )
    fields = iter(done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1])
    return {(path, name): WORDS[state] for path, name, state in zip(fields, fields, fields, strict=True)}


def agree(folder: Path, top: str, lib: str, paths: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each question on which git and we differ."""
    (folder / ".gitattributes").write_bytes(top.encode("utf-8", "surrogateescape"))
    (folder / "lib/.gitattributes").write_bytes(lib.encode("utf-8", "surrogateescape"))
    files = [("lib/", lib.encode("utf-8", "surrogateescape")), ("", top.encode("utf-8", "surrogateescape"))]
    ours = Attributes(files)
    for (path, name), state in by_git(folder, paths).items():
        if ours.state(path, MARKS[name]) != state:
            yield path, name


PIECES = ["*", "**", "**/", "/**/", "/", "?", "a", "b", "lib", "gen", ".py", ".", "[ab]", "[!a]", "[^b]", "[a-c]",
          "[]a]", "\\a", "\\*", "[[:alpha:]]", "[[:digit:]x]", "[a", "é", "-", "!", "#", "x.py", "***",
          "\\"]  # fmt: skip
STATES = [
    "linguist-generated", "-linguist-generated", "!linguist-generated", "linguist-generated=false",
    "linguist-generated=true", "linguist-vendored", "-linguist-vendored", "text", "-diff", "bad/name",
    "linguist-vendored=1", "eol=lf",
]  # fmt: skip
# Without `name**`, on which git departs from its own document.
PATTERN = (
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=6)
    .map("".join)
    .filter(lambda text: not re.search(r"[^/*]\*\*", text))
)
QUOTED = PATTERN.map(lambda text: '"' + text.replace("\\", "\\\\") + '"')
LINE = st.tuples(st.one_of(PATTERN, QUOTED), st.lists(st.sampled_from(STATES), max_size=3)).map(
    lambda each: " ".join([each[0], *each[1]])
)
FILE = st.lists(LINE, max_size=5).map(lambda lines: "\n".join(lines) + "\n")
PATH = st.lists(
    st.sampled_from(["a", "b", "lib", "gen", "x.py", "a.py", "[a", "*", "é", "ab", "1x", "lib.py", "#a", "-"]),
    min_size=1,
    max_size=4,
).map("/".join)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(top=FILE, lib=FILE, paths=st.lists(PATH, min_size=1, max_size=12, unique=True))
def test_any_file_says_what_git_says(folder: Path, top: str, lib: str, paths: list[str]) -> None:
    assert list(agree(folder, top, lib, paths)) == []


@pytest.mark.parametrize(
    "line",
    [
        "*.py linguist-generated",
        "lib linguist-generated",
        "lib/ linguist-generated",
        "lib/* linguist-generated",
        "lib/** linguist-generated",
        "/x.py linguist-generated",
        "**/x.py linguist-generated",
        "a/**/b linguist-generated",
        '"a b.py" linguist-generated',
        '"a\\040b.py" linguist-generated',
        '"\\303\\251.py" linguist-generated',
        '"a b.py linguist-generated',
        "  *.py\tlinguist-generated\r",
        "[attr]gen linguist-generated",
        "!x.py linguist-generated",
        "#x.py linguist-generated",
        "x.py linguist-generated -linguist-generated",
        "x.py linguist-generated bad/name",
        "x.py linguist-generated " + "a" * 2100,
        "*.py linguist-generated\n*.py !linguist-generated",
        "*.py linguist-generated\nlib/x.py -linguist-generated",
        "?.py linguist-generated",
        "x[[:punct:]]py linguist-generated",
        "lib/[^x]*.py linguist-generated",
        "\ufeffx.py linguist-generated",
    ],
)
def test_each_form_of_line_says_what_git_says(folder: Path, line: str) -> None:
    paths = ["x.py", "lib/x.py", "lib", "lib/a/x.py", "a/b", "a/c/d/b", "a b.py", "é.py", "!x.py", "#x.py", "gen", '"a']
    assert list(agree(folder, line + "\n", "", paths)) == []
    assert list(agree(folder, "*.py linguist-generated\n", line.replace("linguist", "-linguist") + "\n", paths)) == []


def test_the_comparison_with_git_can_fail(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Attributes, "state", lambda *_: True)
    assert list(agree(folder, "*.py -linguist-generated\n", "", ["x.py"]))


def test_marks_overrule_the_gates_on_paths() -> None:
    text = b"vendor/ours/** -linguist-vendored\n*.out.py linguist-generated\nold/** linguist-vendored\n"
    said = Attributes([("", text)])
    assert said.judge("vendor/ours/a.py", "vendored") is None
    assert said.judge("vendor/theirs/a.py", "vendored") == "vendored"
    assert said.judge("a/b.out.py", None) == "generated"
    assert said.judge("old/a.py", None) == "vendored"
    assert said.judge("src/a.py", None) is None
    assert said.judge("vendor/ours/a.png", "vendored") == "vendored"  # unmarked, it still is no code
    assert said.judge("old/a.py", "symlink") == "symlink"


def test_documentation_drops_pages_and_keeps_the_examples_beside_them() -> None:
    said = Attributes([("", b"docs/** linguist-documentation\n")])
    assert said.judge("docs/index.html", None) == "documentation"
    assert said.judge("docs/examples/app.py", None) is None


def test_export_ignore_says_nothing_about_who_wrote_a_file() -> None:
    assert Attributes([("", b"/tests export-ignore\n/tests/** export-ignore\n")]).judge("tests/test_a.py", None) is None
    assert attribute_rules("", "/tests/** export-ignore\n") == []


def test_a_hostile_pattern_takes_no_exponential_time() -> None:
    said = Attributes([("", b"*a" * 400 + b"b linguist-generated\n" + b"**/a*/" * 12 + b"b linguist-vendored\n")])
    started = time.perf_counter()
    assert said.state("a" * 4000, "generated") is None
    assert said.state("/".join(["aa"] * 60), "vendored") is None
    assert time.perf_counter() - started < 5
