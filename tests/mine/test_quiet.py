"""A search that knows quiet lines finds what a search of the whole text finds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.mine import quiet
from tuner.mine.joined import find_joined
from tuner.mine.people import People
from tuner.mine.placeholders import Finding, lower, without_overlaps
from tuner.mine.quiet import QuietLines
from tuner.mine.redact import _find_all, _find_plain, find_secrets

KEY = "ghp_" + "Zx8Qv3" * 6  # in pieces, so that no scanner takes this file for a leak
BLOCK = ("-----BEGIN RSA PRIVATE" + " KEY-----", "MIIEpAIBAAKCAQEA7" * 4, "-----END RSA PRIVATE" + " KEY-----")
LINES = st.lists(
    st.sampled_from(
        [
            *(
                "x = 1",
                "",
                "}",
                "# nothing",
                "    return x",
                "pass",
                "= 'Zx8Qv3kk12'",
                "password =",
                "    'hunter2zz9Q'",
            ),
            *(f'token = "{KEY}"', "secret: |", "  Zx8Qv3Zx8Qv3", '    "AKIA" +', '    "Q7Z2ABCDEFGHIJKL"', *BLOCK),
            *(
                "# by ann@" + "corp.dev",
                "# TODO(ann.lee)",
                "host = 8.8.8.8",
                "call +44 20 7946 1234",
                "key",
                "api_key:",
            ),
        ]
    ),
    max_size=40,
)


def of_the_whole(text: str) -> list[Finding]:
    plain, personal = _find_all(text)
    return without_overlaps([*plain, *find_joined(text, lambda piece: _find_plain(piece, lower(piece))), *personal])


@settings(max_examples=60)
@given(lines=LINES)
def test_what_stands_around_loud_lines_is_all_there_is(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert find_secrets(text) == of_the_whole(text)


def test_a_line_is_searched_once() -> None:
    seen: list[str] = []

    def places(text: str) -> list[int]:
        seen.append(text)
        return [at for at, sign in enumerate(text) if sign == "!"]

    lines = QuietLines(places)
    assert lines.loud(["a", "b!", "a", "c"]) == [1]
    assert lines.loud(["c", "b!", "b!", "a"]) == [1, 2]
    assert lines.loud(["a", "d"]) == []
    assert sorted("\n".join(seen).split("\n")) == ["a", "b!", "c", "d"]


def test_what_is_forgotten_is_searched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "MOST_CHARS", 4)
    lines = QuietLines(lambda text: [at for at, sign in enumerate(text) if sign == "!"])
    for _ in range(3):
        assert lines.loud(["long enough", "b!"]) == [1]
        assert lines.loud(["b!", "another one"]) == [0]


def test_an_author_is_found_in_a_line_that_was_quiet_for_others() -> None:
    assert People(["Bob Ray"]).find("by Ann Lee") == []
    assert [each.kind for each in People(["Ann Lee"]).find("x\nby Ann Lee")] == ["person"]
