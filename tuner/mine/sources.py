"""Turn a blob into text that may be kept, or a reason.

In: bytes and the language of their path. Out: redacted text with `\\n` line ends and its language (that of its code
cells for a notebook), or the reason for which the file is dropped. Redaction keeps the number of lines, so that a
patch's line numbers stay true.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tuner.mine.gates.contents import MAX_ERROR_SHARE, content_reason, generated
from tuner.mine.languages import Language, dialect_of, language_named
from tuner.mine.notebooks import MAX_NOTEBOOK_BYTES, code_of
from tuner.mine.novelty import redact_beside
from tuner.mine.parsed import Parsed
from tuner.mine.redact import Scanner
from tuner.mine.syntax_errors import error_share

MAX_SECRETS = 3
PRIVATE_KEYS = {"private_key", "putty_key", "age_key"}


@dataclass(frozen=True, slots=True)
class Text:
    """A file that passed, and what was redacted in it. `reason` is set where it did not pass."""

    language: Language
    text: str = ""
    reason: str | None = None
    redactions: dict[str, int] = field(default_factory=dict)


def most_bytes(language: Language, max_bytes: int) -> int:
    """Give the size up to which a blob is read; a notebook's outputs count only until they are left out."""
    return max(max_bytes, MAX_NOTEBOOK_BYTES) if language.is_notebook else max_bytes


def read_text(
    data: bytes | None,
    size: int,
    language: Language,
    max_bytes: int,
    known: str | None = None,
    scanner: Scanner | None = None,
) -> Text:
    """Pass a file through the gates and redact it; `known` is an earlier result, which saves time."""
    gated = gated_text(data, size, language, max_bytes)
    if gated.reason is not None:
        return gated
    redacted = redact_beside(gated.text, known, scanner)
    if redacted.shapes >= MAX_SECRETS:
        return Text(language, reason="secrets")
    if PRIVATE_KEYS & redacted.counts.keys():
        return Text(language, reason="private_key")
    return Text(gated.language, redacted.text, None, redacted.counts)


def gated_text(data: bytes | None, size: int, language: Language, max_bytes: int) -> Text:
    """Pass a file through the gates; its text is not redacted yet."""
    if language.is_notebook and data is not None:
        code = code_of(data)
        if isinstance(code, str):
            return Text(language, reason=code)
        text, name = code
        data, size, language = text.encode(), len(text.encode()), language_named(name)
    if reason := content_reason(data, size, language, max_bytes):
        return Text(language, reason=reason)
    assert data is not None
    try:
        text = decode(data)
    except UnicodeDecodeError:
        return Text(language, reason="not_utf8")
    language = dialect_of(language, text)
    return Text(language, text, generated(text, language))


def parse_reason(parsed: Parsed) -> str | None:
    """Say whether too much of a file is no code of its language."""
    share = error_share(parsed.tree, parsed.data)
    return "parse_errors" if share > MAX_ERROR_SHARE else None


def decode(data: bytes) -> str:
    """Decode UTF-8 without a byte-order mark, with `\\n` line ends."""
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8").replace("\r\n", "\n")
