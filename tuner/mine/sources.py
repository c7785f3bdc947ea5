"""Turn a blob into text that may be kept, or a reason.

In: bytes, path and language. Out: redacted text with `\\n` line ends, or the reason for which the file is dropped.
Redaction keeps the number of lines, so that a patch's line numbers stay true.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tuner.mine import gates, syntax
from tuner.mine.languages import Language
from tuner.mine.redact import redact

MAX_SECRETS = 3


@dataclass(frozen=True, slots=True)
class Text:
    """A file that passed, and what was redacted in it. `reason` is set where it did not pass."""

    text: str = ""
    reason: str | None = None
    redactions: dict[str, int] = field(default_factory=dict)


def read_text(data: bytes | None, size: int, language: Language, max_bytes: int) -> Text:
    """Pass a file through the gates and redact it."""
    gated = gated_text(data, size, language, max_bytes)
    if gated.reason is not None:
        return gated
    redacted = redact(gated.text)
    if redacted.shapes >= MAX_SECRETS:
        return Text(reason="secrets")
    if "private_key" in redacted.counts:
        return Text(reason="private_key")
    return Text(redacted.text, None, redacted.counts)


def gated_text(data: bytes | None, size: int, language: Language, max_bytes: int) -> Text:
    """Pass a file through the gates; its text is not redacted yet."""
    if reason := gates.content_reason(data, size, language, max_bytes):
        return Text(reason=reason)
    assert data is not None
    try:
        text = decode(data)
    except UnicodeDecodeError:
        return Text(reason="not_utf8")
    reason = gates.generated(text)
    return Text(reason=reason) if reason else Text(text)


def parse_reason(data: bytes, language: Language) -> str | None:
    """Say whether too much of a file is no code of its language."""
    if language.grammar is None:
        return None
    share = syntax.error_share(syntax.parse(data, language), data, language)
    return "parse_errors" if share > gates.MAX_ERROR_SHARE else None


def decode(data: bytes) -> str:
    """Decode UTF-8 without a byte-order mark, with `\\n` line ends."""
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8").replace("\r\n", "\n")
