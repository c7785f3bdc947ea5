"""Messages lose what firms and machines add, keep what was asked for in any language, and say nothing when poor."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.mine.messages import MAX_CHARS, is_fix, normalised_message

SUBJECTS = [
    ("feat(money): LED-2 show and read amounts (#2)", "show and read amounts"),
    ("LED-77: Refuse unknown accounts", "Refuse unknown accounts"),
    ("[LED-77] Refuse unknown accounts", "Refuse unknown accounts"),
    ("LED-77 - Refuse unknown accounts", "Refuse unknown accounts"),
    ("(LED-77) Refuse unknown accounts", "Refuse unknown accounts"),
    ("LED-77, LED-78: Refuse unknown accounts", "Refuse unknown accounts"),
    ("[ledger][LED-77] Refuse unknown accounts", "Refuse unknown accounts"),
    ("Refuse unknown accounts [LED-77]", "Refuse unknown accounts"),
    ("Refuse unknown accounts - LED-77", "Refuse unknown accounts"),
    ("Refuse unknown accounts, closes #12", "Refuse unknown accounts"),
    ("Refuse unknown accounts. This fixes #12", "Refuse unknown accounts"),
    ("Refuse unknown accounts (fixes #12, #13)", "Refuse unknown accounts"),
    ("Refuse unknown accounts (!482)", "Refuse unknown accounts"),
    ("#1702: Refuse unknown accounts", "Refuse unknown accounts"),
    ("GH-17 Refuse unknown accounts", "Refuse unknown accounts"),
    ("AB#9182 Refuse unknown accounts", "Refuse unknown accounts"),
    ("Fix #1702: unknown accounts are refused", "unknown accounts are refused"),
    ("Bug 1839201 - Refuse unknown accounts", "Refuse unknown accounts"),
    ("Issue 341: Refuse unknown accounts", "Refuse unknown accounts"),
    ("Merged PR 4711: Refuse unknown accounts", "Refuse unknown accounts"),
    ("Merged PR 4711: feat(ledger): LED-9 Refuse unknown accounts", "Refuse unknown accounts"),
    (":bug: Refuse unknown accounts", "Refuse unknown accounts"),
    ("🐛 fix(ledger): refuse unknown accounts", "refuse unknown accounts"),
    ("fix: 🚑️ refuse unknown accounts", "refuse unknown accounts"),
    ("fix!: keep the balance [skip ci]", "keep the balance"),
    ("LED-77 #time 1h 30m #comment Refuse unknown accounts", "Refuse unknown accounts"),
    ("LED-77 Refuse unknown accounts #time 1w 2d #close", "Refuse unknown accounts"),
    ("Refuse unknown accounts, fixing #229", "Refuse unknown accounts"),
    ("Refuse unknown accounts. Closes", "Refuse unknown accounts"),
    ("Fixed issue 58 by refusing unknown accounts", "refusing unknown accounts"),
    ("Refuse unknown accounts. (thanks Ada Byron for catching that!)", "Refuse unknown accounts"),
    ("Refuse unknown accounts, many thanks Ada Byron", "Refuse unknown accounts"),
    ("Show a thank you page", "Show a thank you page"),
    ("* Refuse unknown accounts", "Refuse unknown accounts"),
    ("Refuse unknown accounts (thanks @ada-b)", "Refuse unknown accounts"),
    ("UTF-8 names of accounts are kept", "UTF-8 names of accounts are kept"),
    ("SHA-256 instead of MD5 for receipts", "SHA-256 instead of MD5 for receipts"),
    ("net/http: close the body once", "net/http: close the body once"),
    ("Improve comments after merging #5834.", "Improve comments after merging #5834"),
    ("修复登录页面的空指针异常", "修复登录页面的空指针异常"),
    ("LED-9 修复登录页面的空指针异常", "修复登录页面的空指针异常"),
    ("空のリストで合計が落ちる問題を修正", "空のリストで合計が落ちる問題を修正"),
    ("Beträge werden kaufmännisch gerundet", "Beträge werden kaufmännisch gerundet"),
    ("Corrige le calcul des intérêts négatifs", "Corrige le calcul des intérêts négatifs"),
    ("Исправлено падение при пустом списке", "Исправлено падение при пустом списке"),
    ("Corrige o cálculo do saldo negativo", "Corrige o cálculo do saldo negativo"),
]
POOR = [
    *("wip", "WIP: add the parser", "[WIP] add the parser", "fixup! Refuse unknown accounts", "squash! x y z", "draft"),
    *(
        "fix",
        "Fixes.",
        "fix typo",
        "Fix typos in docs",
        "fix lint",
        "Update.",
        "update foo.py",
        "Update src/ledger/book.py",
    ),
    *("Incorporated comments from r123", "Finishing touches", "Some suggestions from CodeGuru", "This is 0.5.1"),
    'Keep the balance\n\n* round it half up\n* Revert "round it half up"',
    *("Documentation & housecleaning", "core: polish the core of ripgrep", "search: a few small touchups"),
    *("Comments for r767", "Incorporated changes from r307 code review", "sync to recent changes"),
    *("Create README.md", "Add files via upload", "Rename a.py to b.py", "minor changes", "small fix", "more fixes"),
    *("address review comments", "apply suggestions from code review", "LED-77 review", "Fixes issue #447", "fix bug"),
    *(
        "cleanup",
        "refactoring",
        "initial commit",
        "Merge branch 'main' into x",
        "1.2.3",
        "v2.0.0-rc1",
        "4f2a9c1d4f2a9c1d",
    ),
    *(
        "4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d 4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d",
        "[maven-release-plugin] prepare release x-1.2",
    ),
    *(
        "修复bug",
        "更新代码",
        "kleine Änderungen",
        "мелкие правки",
        "corrections diverses",
        "cambios",
        "",
        "\n\n",
        "LED-77",
    ),
]


@pytest.mark.parametrize(("message", "normal"), SUBJECTS)
def test_a_subject_keeps_its_words_only(message: str, normal: str) -> None:
    assert normalised_message(message) == normal
    assert normalised_message(f"{message}\n\nChange-Id: I8473b95934b5732ac55d26311a706c9c2bde9940") == normal


@pytest.mark.parametrize("message", POOR)
def test_a_message_that_says_too_little_is_none(message: str) -> None:
    assert normalised_message(message) is None


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("It was lost before.\n\nSigned-off-by: A <a@b.test>", "It was lost before."),
        ("Signed-off-by: A <a@b.test>", None),
        ("It was\nlost before.\n\nFixes: LED-7\nReviewed-on: https://review.test/1\nBug: 42", "It was lost before."),
        ("* keep the balance\n\n* fix lint\n\n* wip\n\n* read old files\n\n---------\n\nCo-authored-by: A <a@b.test>",
         "- keep the balance\n- read old files"),
        ("* LED-3 read old files (#7)\n* read old files\n", "- read old files"),
        ("Two things:\n- read old files\n- write new ones", "- read old files\n- write new ones"),
        ("It fails:\n\n```\nTraceback\n```\nMore.", None),
        ("It was lost. See https://tracker.test/4 for more. It is back.", "It was lost."),
        ("It was lost, says the log. Thanks to Ada Byron for the report.", "It was lost, says the log."),
        ("As @ada-b noted, it was lost.", None),
        ("The @Nullable annotation and @click.option stay.", "The @Nullable annotation and @click.option stay."),
        ("Ref #3097, Closes #3100", None),
        ("- [x] I have read the rules", None),
        ("Short sentence. " + "A long one that does not fit " * 14 + ".", "Short sentence."),
    ],
)  # fmt: skip
def test_a_body_keeps_prose_and_points(body: str, kept: str | None) -> None:
    wanted = "Keep the balance of accounts" + (f"\n\n{kept}" if kept else "")
    assert normalised_message(f"Keep the balance of accounts\n\n{body}") == wanted


def test_a_subject_that_was_cut_or_wrapped_is_whole_again() -> None:
    assert normalised_message("Keep the balance of acc…\n\n…ounts that are closed") == (
        "Keep the balance of accounts that are closed"
    )
    assert normalised_message("Keep the balance of accounts that were all\nclosed last year\n") == (
        "Keep the balance of accounts that were all closed last year"
    )
    assert normalised_message("Keep the balance of acc…\n\n* Keep the balance of accounts\n\n* Round it half up") == (
        "Keep the balance of accounts\n\n- Round it half up"
    )


@given(st.text(max_size=900))
def test_any_message_gives_at_most_its_limit(message: str) -> None:
    normal = normalised_message(message)
    assert normal is None or 0 < len(normal) <= MAX_CHARS


@pytest.mark.parametrize(
    "piece", ["#1 ", "test ", "closes ", "LED-1, ", "- ", "fix a ", ":a: ", "[a] ", "@a ", "a.b ", "的", "\n* a"]
)
def test_no_message_takes_long(piece: str) -> None:
    started = time.perf_counter()
    for message in (piece * 5_000 + "x", "Keep the balance\n\n" + piece * 5_000 + "x"):
        normalised_message(message)
        is_fix(message)
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    "message",
    [
        "fix(ledger): keep the balance",
        "hotfix: keep the balance",
        "LED-77 Fix a crash on empty ledgers",
        "[LED-77] fix: keep the balance",
        "Merged PR 12: bugfix: keep the balance",
        ":bug: keep the balance",
        "🐛 keep the balance",
        "Fixed wrong totals. Closes #12",
        "Avoid a regression in the totals",
        "修复登录页面的空指针异常",
        "Исправлено падение при пустом списке",
    ],
)
def test_a_fix_says_so(message: str) -> None:
    assert is_fix(message)


@pytest.mark.parametrize(
    "message",
    [
        *(
            "fix typo",
            "Fix a few typos in the ledger",
            "fix lint",
            "Fix flaky test of totals",
            "fix the build",
            "fix ci",
        ),
        *("fix(docs): name the setting", "fix: lint", "docs: fix the example", "test: add a regression test"),
        *("feat: fix the rounding", "chore: fix warnings", "Fix formatting", "Fix docstring of total", "Fix tests"),
        *("Add fixed-size buffers", "Use a fixed width", "Keep the prefix", "Add a bug report template"),
        *("Keep the balance", "Add the crash log", "Fix compilation on old compilers", ""),
    ],
)
def test_what_mends_no_code_is_no_fix(message: str) -> None:
    assert not is_fix(message)
