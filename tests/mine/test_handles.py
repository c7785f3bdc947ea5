"""Handles leave marks and thanks; tickets, topics, versions and code stay as they are."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.mine.handles import find_handles
from tuner.mine.redact import redact

MARKS = ("TODO", "FIXME", "XXX", "HACK", "NOTE", "BUG")
PIECES = [
    "TODO",
    "NOTE",
    "XXX",
    "todo",
    "(",
    ")",
    "[",
    "]",
    ":",
    " ",
    ", ",
    "@",
    "zora",
    "Zora",
    "#12",
    "# ",
    "// ",
    "\n",
    "cc ",
]


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("sign", ["#", "//", " *", "--", "/*", "x = 1  #"])
def test_a_handle_in_the_brackets_of_a_mark_is_replaced(mark: str, sign: str) -> None:
    assert redact(f"{sign} {mark}(zora): drop this").text == f"{sign} {mark}(someone): drop this"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("# TODO(zora, #12): drop", "# TODO(someone, #12): drop"),
        ("# TODO(LEDGER-12, zora)", "# TODO(LEDGER-12, someone)"),
        ("# TODO(zora 2031-01-02)", "# TODO(someone 2031-01-02)"),
        ("# TODO(zora, Ignaz)", "# TODO(someone, Someone)"),
        ("# TODO(Zora Quillfeather)", "# TODO(Someone)"),
        ("# TODO (zora): drop", "# TODO (someone): drop"),
        ("// TODO[zora]: drop", "// TODO[someone]: drop"),
        ("// todo(zora): drop", "// todo(someone): drop"),
        ("    NOTE(zora): in a docstring", "    NOTE(someone): in a docstring"),
        ("- TODO(zora) in a list", "- TODO(someone) in a list"),
        ("# TODO: @zora-q drop", "# TODO: @someone drop"),
        ("# see TODO(zora); drop", "# see TODO(someone); drop"),
        ("cc @zora and @Ignaz2", "cc @someone and @Someone"),
        ("// reported by @zora.", "// reported by @someone."),
        (" * @author zora, ignaz", " * @author Someone"),
        (" * @author zora (Ledger)", " * @author someone (Ledger)"),
        (r"/// \author Zora Quillfeather", r"/// \author Someone"),
    ],
)
def test_only_the_handle_is_replaced(text: str, redacted: str) -> None:
    assert redact(text).text == redacted
    assert redact(redacted).text == redacted


@pytest.mark.parametrize(
    "said",
    [
        *("#123", "LEDGER-12", "https://ledger.dev/12", "2.0", "v2", "1.2.3", "2031-01-02", "b/1234", "ledger/app#12"),
        *("later", "perf", "Windows", "API", "p1", "Q3", "remove after 3.0", "see below", "Ledger Project", "someone"),
        *("", " ", "'not yet'", "user40217@example.com"),
    ],
)
def test_tickets_topics_and_prose_stay(said: str) -> None:
    assert redact(f"# TODO({said}): drop").text == f"# TODO({said}): drop"


@pytest.mark.parametrize(
    "code",
    [
        "#define XXX(name) use(name)",
        "#define TODO(message) fail(message)",
        "  XXX(name, value)",
        "  a * XXX(name) + c;",
        "fun f() = TODO(reason)",
        "val x by lazy { TODO(reason) }",
        "    return TODO(reason)",
        "todo(item);",
        "TODO[key] = 1",
        "context.TODO(parent)",
        "// calls todo(item) twice",
        "# XXX Consider: a list",
        "// decorated by @click.command()",
        "// adapters by @JsonAdapter",
        "/// cc @return",
        "@author of the book",
    ],
)
def test_code_and_words_without_brackets_stay(code: str) -> None:
    assert redact(code).text == code


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_redacting_handles_twice_changes_nothing_and_moves_no_line(pieces: list[str]) -> None:
    text = "".join(pieces)
    once = redact(text).text
    assert redact(once).text == once and once.count("\n") == text.count("\n")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(MARKS), st.from_regex(r"[a-z]{4}q[a-z_]{0,8}", fullmatch=True), st.booleans())
def test_code_with_any_handle_parses_as_before(mark: str, handle: str, is_docstring: bool) -> None:
    remark = f'"""{mark}({handle}): drop."""' if is_docstring else f"# {mark}({handle}): drop\n    pass"
    code = f"def pay(amount):\n    {remark}\n    return {mark}(amount)\n"
    redacted = redact(code).text
    assert handle not in redacted
    before, after = ast.parse(code), ast.parse(redacted)
    assert ast.dump(before.body[0].body[-1]) == ast.dump(after.body[0].body[-1])  # type: ignore[attr-defined]


def test_without_the_rule_handles_would_survive() -> None:
    code = "# NOTE(zora): drop\n"
    assert [code[start:end] for start, end in find_handles(code)] == ["zora"]
    assert list(find_handles("# NOTE: drop\n")) == []
