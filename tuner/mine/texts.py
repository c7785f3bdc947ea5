"""Read blobs of one repository as redacted text, in whichever process asks.

In: a blob's sha, its path and language; or a patch. Out: `sources.Text`: text, or the reason for which it is dropped.
Neighbouring commits share most of their blobs (the new side of one is the old side of the next), so the last few are
remembered; and of a file's next version only what is new is searched for secrets. So a long history costs little more
than what it changed.
"""

from __future__ import annotations

import functools
from collections import OrderedDict

from tuner.mine.history import Patch
from tuner.mine.languages import Language
from tuner.mine.plumbing import Blobs, Git
from tuner.mine.scanner import open_scanner
from tuner.mine.sources import Text, most_bytes, read_text

REMEMBERED, MOST_BYTES = 192, 16 << 20
Read = tuple[Text, bytes]


class Texts:
    """The redacted texts of one repository's blobs, each with its raw bytes (none if dropped or redacted)."""

    def __init__(self, git: Git, max_bytes: int, scanner: str) -> None:
        self.git = git
        self.max_bytes = max_bytes
        self.scanner = open_scanner(scanner)
        self._blobs = Blobs(git)
        self._blobs.__enter__()
        self._read: OrderedDict[tuple[str, str], tuple[Text, bytes | None]] = OrderedDict()
        self._size = 0
        self._latest: dict[str, tuple[str, str]] = {}  # the version of each path that was asked for last

    def read(self, sha: str, path: str, language: Language) -> Read:
        """Give a blob's text."""
        key = (sha, language.name)
        if key in self._read:
            self._read.move_to_end(key)
            text, raw = self._read[key]
        else:
            data, size = self._blobs.read(sha, most_bytes(language, self.max_bytes))
            near = self._read.get(self._latest.get(path, key))
            known = near[0].text if near is not None and near[0].reason is None else None
            text = read_text(data, size, language, self.max_bytes, known, self.scanner)
            raw = data if text.reason is None and not text.redactions else b""
            if raw == _encoded(text):  # as of most files: held once
                raw = None
            if text.reason != "missing_object":  # it may be there again when it is asked for the next time
                self._remember(key, text, raw)
        self._latest[path] = key
        return text, _encoded(text) if raw is None else raw

    def read_sides(self, patch: Patch, language: Language) -> tuple[Read | None, Read]:
        """Give both sides of a changed file; the old one is None for an added file."""
        change = patch.change
        assert change.new_sha is not None, "a deleted file has no new side"
        new = self.read(change.new_sha, change.path, language)
        if change.old_sha is None:
            return None, new
        self._latest[change.old_path] = self._latest[change.path]  # in case that it was renamed
        return self.read(change.old_sha, change.old_path, language), new

    def _remember(self, key: tuple[str, str], text: Text, raw: bytes | None) -> None:
        self._read[key] = text, raw
        self._size += len(text.text) + len(raw or b"")
        while len(self._read) > REMEMBERED or self._size > MOST_BYTES:
            _, (oldest, bytes_of_it) = self._read.popitem(last=False)
            self._size -= len(oldest.text) + len(bytes_of_it or b"")


def _encoded(text: Text) -> bytes:
    return text.text.encode("utf-8", "surrogatepass")


@functools.lru_cache(maxsize=4)
def texts_of(path: str, max_bytes: int, scanner: str) -> Texts:
    """Give this process's reader of a repository; its git process ends with this one."""
    return Texts(Git(path), max_bytes, scanner)
