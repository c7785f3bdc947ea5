"""Read blobs of one repository as redacted text, in whichever process asks.

In: a blob's sha, its path and language; or a patch. Out: `sources.Text`: text, or the reason for which it is dropped.
Of the two sides of a patch the second is searched for secrets only around the hunks, if the first had none: what stands
elsewhere in it stands in the first as well. Neighbouring commits share most of their blobs (the new side of one is the
old side of the next), so the last few are remembered, and a long history costs little more than what it changed.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Iterator

from tuner.mine.history import Patch
from tuner.mine.languages import Language
from tuner.mine.plumbing import Blobs, Git
from tuner.mine.redact import find_secrets
from tuner.mine.scanner import open_scanner
from tuner.mine.sources import Text, gated_text, most_bytes, read_text

REMEMBERED = 192
LINES_AROUND = 25  # more than any rule looks at, private keys excepted: those drop the file by their first line


class Texts:
    """The redacted texts of one repository's blobs, each with its raw bytes (empty where it was dropped)."""

    def __init__(self, git: Git, max_bytes: int, scanner: str) -> None:
        self.git = git
        self.max_bytes = max_bytes
        self.scanner = open_scanner(scanner)
        self._blobs = Blobs(git)
        self._blobs.__enter__()
        self._read: OrderedDict[tuple[str, str], tuple[Text, bytes]] = OrderedDict()

    def read(self, sha: str, language: Language) -> tuple[Text, bytes]:
        """Give a blob's text."""
        key = (sha, language.name)
        if key in self._read:
            self._read.move_to_end(key)
            return self._read[key]
        data, size = self._blobs.read(sha, most_bytes(language, self.max_bytes))
        return self._remember(key, self._redacted(data, size, language), data)

    def read_sides(self, patch: Patch, language: Language) -> tuple[tuple[Text, bytes] | None, tuple[Text, bytes]]:
        """Give both sides of a changed file; the old one is None for an added file."""
        old_sha, new_sha = patch.change.old_sha, patch.change.new_sha
        assert new_sha is not None, "a deleted file has no new side"
        new = self.read(new_sha, language)
        if old_sha is None:
            return None, new
        key = (old_sha, language.name)
        if key in self._read or new[0].reason is not None or new[0].redactions:
            return self.read(old_sha, language), new
        data, size = self._blobs.read(old_sha, self.max_bytes)
        gated = gated_text(data, size, language, self.max_bytes)
        if gated.reason is None and any(
            find_secrets(region, scanner=self.scanner) for region in _old_regions(gated.text, patch)
        ):
            gated = self._redacted(data, size, language)
        return self._remember(key, gated, data), new

    def _redacted(self, data: bytes | None, size: int, language: Language) -> Text:
        return read_text(data, size, language, self.max_bytes, scanner=self.scanner)

    def _remember(self, key: tuple[str, str], text: Text, data: bytes | None) -> tuple[Text, bytes]:
        both = text, (data or b"") if text.reason is None else b""
        if text.reason != "missing_object":  # it may be there again when it is asked for the next time
            self._read[key] = both
        if len(self._read) > REMEMBERED:
            self._read.popitem(last=False)
        return both


def _old_regions(text: str, patch: Patch) -> Iterator[str]:
    """Yield what a patch took away, with the lines around it."""
    lines = text.split("\n")
    for hunk in patch.hunks:
        start = max(0, hunk.old_start - 1 - LINES_AROUND)
        yield "\n".join(lines[start : hunk.old_start - 1 + len(hunk.old()) + LINES_AROUND])


@functools.lru_cache(maxsize=4)
def texts_of(path: str, max_bytes: int, scanner: str) -> Texts:
    """Give this process's reader of a repository; its git process ends with this one."""
    return Texts(Git(path), max_bytes, scanner)
