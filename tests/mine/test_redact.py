"""Secrets and addresses leave no text; what only looks like one stays."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.mine.placeholders import PLACEHOLDER_EMAIL
from tuner.mine.redact import MARK, find_secrets, placeholder, redact

MIXED = "aB3dE7fG1hJ5kL9mN2pQ4rS6tU8vW0xY"
HEXES = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
# Joined at run time, so that no scanner takes this file for a leak: kind, pieces.
CORPUS = {
    "aws_key": ["AK", "IA", "Q3EGRIBQ7XYZ2ABC"],
    "github_token": ["gh", "p_", MIXED, "abcd"],
    "gitlab_token": ["gl", "pat-", MIXED[:20]],
    "slack_token": ["xo", "xb-", "123456789012-", MIXED],
    "openai_key": ["s", "k-", "proj-", MIXED],
    "google_key": ["AI", "za", MIXED, "abc"],
    "google_token": ["ya", "29.", MIXED],
    "jwt": ["ey", "JhbGciOiJIUzI1NiJ9", ".ey", "JzdWIiOiIxMjM0NTYifQ", ".", MIXED],
    "npm_token": ["np", "m_", MIXED, "abcd"],
    "pypi_token": ["py", "pi-", MIXED, MIXED],
    "sendgrid_key": ["S", "G.", MIXED[:22], ".", MIXED, MIXED[:11]],
    "stripe_key": ["sk", "_live_", MIXED[:24]],
    "digitalocean_token": ["do", "p_v1_", HEXES, HEXES],
    "hugging_face_token": ["h", "f_", "abcdefghijklmnopqrstuvwxyzABCDEFGH"],
    "twilio_key": ["S", "K", HEXES],
    "vault_token": ["hv", "s.", MIXED],
    "url_password": ["postgres://", "ledger:", "Tr0ub4dor&3", "@db.internal/main"],
    "quoted_secret": ["pass", "word = '", "hJ8#kQ2!vX9z", "'"],
    "env_secret": ["DB_PASS", "WORD=", "hJ8kQ2vX9zLm4"],
    "private_key": ["-----BEGIN RSA PRIV", "ATE KEY-----\n", MIXED, "\n", MIXED, "\n-----END RSA PRIV", "ATE KEY-----"],
    "email": ["grace.hopper", "@", "ledger.dev"],
}
AROUND = st.text(alphabet="ab =:\"'\n(){},#@.-_/KEYkey1", max_size=30)


def secret(kind: str) -> str:
    return "".join(CORPUS[kind])


@pytest.mark.parametrize("kind", CORPUS)
def test_each_kind_is_found_and_gone_after_redaction(kind: str) -> None:
    text = f"before\n{secret(kind)}\nafter\n"
    assert [each.kind for each in find_secrets(text)] == [kind]
    redacted = redact(text)
    assert redacted.counts == {kind: 1}
    assert find_secrets(redacted.text) == []
    assert redacted.text.startswith("before\n") and redacted.text.endswith("\nafter\n")
    assert redacted.text.count("\n") == text.count("\n")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(AROUND, st.sampled_from(sorted(CORPUS)).map(secret)), max_size=6))
def test_redacting_is_complete_and_redacting_twice_changes_nothing(pieces: list[str]) -> None:
    text = "".join(pieces)
    once = redact(text)
    assert find_secrets(once.text) == []
    assert redact(once.text).text == once.text and redact(once.text).counts == {}
    assert once.text.count("\n") == text.count("\n")


@settings(max_examples=60, deadline=None)
@given(AROUND, st.sampled_from(["github_token", "aws_key", "stripe_key", "npm_token"]), AROUND)
def test_a_secret_apart_from_other_words_never_survives(before: str, kind: str, after: str) -> None:
    assert secret(kind) not in redact(f"{before} {secret(kind)} {after}").text


@pytest.mark.parametrize(
    "harmless",
    [
        "digest = '" + HEXES + HEXES + "'",
        "token = 'd41d8cd98f00b204e9800998ecf8427e'",
        "revision 0123456789abcdef0123456789abcdef01234567",
        "password = get_password(user)",
        "password = 'changeme_please'",
        "api_key = os.environ['API_KEY']",
        "token_type = 'authorization_code'",
        "write to user@example.com or ops@team.test",
        "git@github.com:ledger/ledger.git",
        "icon@2x.png",
        "@click.option('--token', default='unset-token')",
        "if '-----BEGIN RSA PRIV" + "ATE KEY-----' in text:",
        "postgres://user:password@localhost/db",
        "key = 'account_number'",
        "tokenizer_name = '" + MIXED + "'",
        "mask_token = '[IMG_BREAK_7]'",
        "task-" + "scheduler-with-long-name-for-tests",
    ],
)
def test_what_only_looks_like_a_secret_stays(harmless: str) -> None:
    assert redact(harmless).text == harmless


@pytest.mark.parametrize("value", ["hJ8$kQ2!vX9z", "r7%Lw*q2Tz1p", "NzE4.Xk9Qp2.Lm8vR4tYw1", "c0rrect-H0rse-9x"])
def test_passwords_with_signs_in_them_are_found(value: str) -> None:
    assert [each.kind for each in find_secrets(f'db_password = "{value}"')] == ["quoted_secret"]


def test_a_placeholder_keeps_length_and_classes_and_is_stable() -> None:
    value = secret("github_token")
    stand_in = placeholder(value)
    assert len(stand_in) == len(value) and stand_in.startswith(MARK) and stand_in != value
    assert stand_in == placeholder(value) != placeholder(value[:-1] + "e")
    assert [c.isdigit() for c in stand_in[8:]] == [c.isdigit() for c in value[8:]]


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        (f"'{secret('github_token')}'", "'ghp_REDACTED"),
        (secret("aws_key"), "AKIAREDACTED"),
        (secret("slack_token"), "xoxb-REDACTED"),
        (secret("openai_key"), "sk-proj-REDACTED"),
        (f"aws_secret_access_key = '{MIXED}abcdefgh'", "aws_secret_access_key = 'REDACTEDaws"),
        (secret("quoted_secret"), "password = 'REDACTEDpw"),
        ("password = 'hJ8kQ2v'", "password = 'REDACTED'"),
    ],
)
def test_a_placeholder_shows_what_stood_there(text: str, begins: str) -> None:
    assert redact(text).text.startswith(begins)


def test_the_same_password_has_one_placeholder_in_url_and_variable() -> None:
    value = "hJ8kQ2vX9zLm"
    redacted = redact(f"password = '{value}'\nurl = 'postgres://ledger:{value}@db/main'").text
    stand_in = redacted.split("'")[1]
    assert redacted.count(stand_in) == 2 and stand_in.startswith(MARK) and len(stand_in) == len(value)


def test_escapes_in_a_key_stay_so_that_the_string_around_it_parses() -> None:
    code = f"KEY = {secret('private_key')!r}"
    redacted = redact(code).text
    assert ast.literal_eval(redacted.removeprefix("KEY = ")).count("\n") >= 2 and MIXED not in redacted


@pytest.mark.parametrize(
    "code",
    [
        "A = '{}' + '{}'",
        "A = (\n    '{}'\n    '{}'\n)",
        'const a = "{}" +\n  "{}";',
        "$a = '{}' . '{}';",
        "A = '{}' \\\n  '{}'",
    ],
)
def test_a_secret_in_pieces_is_found_and_each_piece_replaced(code: str) -> None:
    token = secret("github_token")
    redacted = redact(code.format(token[:12], token[12:]))
    assert token[12:] not in redacted.text and token[:12] not in redacted.text
    assert redacted.text.count("\n") == code.count("\n") and redact(redacted.text).counts == {}


def test_pieces_that_belong_to_no_secret_stay() -> None:
    code = "A = 'total: ' + 'none'\nB = [\n    'password',\n    'ghp_' + name,\n]\n"
    assert redact(code).text == code


def test_a_letter_that_grows_in_lower_case_moves_no_place() -> None:
    text = "\u0130\u0130\u0130 password = 'hJ8#kQ2!vX9z' # \u0130"
    assert "hJ8#kQ2" not in redact(text).text and redact(text).text.endswith("' # \u0130")


def test_redacted_code_still_parses() -> None:
    code = f'TOKEN = "{secret("github_token")}"\nMAIL = "{secret("email")}"\n'
    redacted = redact(code).text
    ast.parse(redacted)
    assert PLACEHOLDER_EMAIL.search(redacted) and MARK in redacted


def test_only_the_password_of_a_url_is_replaced() -> None:
    redacted = redact(secret("url_password")).text
    assert redacted.startswith("postgres://ledger:REDACTED") and redacted.endswith("@db.internal/main")
