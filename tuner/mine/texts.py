"""Read blobs of one repository as redacted text, in whichever process asks.

In: a blob's sha, its path and language. Out: `sources.Text`: text, or the reason for which it is dropped. Neighbouring
commits share most of their blobs (the new side of one is the old side of the next), so the last few are remembered.
"""

from __future__ import annotations

import functools
from collections import OrderedDict

from tuner.mine.languages import Language
from tuner.mine.plumbing import Blobs, Git
from tuner.mine.sources import Text, read_text

REMEMBERED = 128


class Texts:
    """The redacted texts of one repository's blobs."""

    def __init__(self, git: Git, max_bytes: int) -> None:
        self.git = git
        self.max_bytes = max_bytes
        self._blobs = Blobs(git)
        self._blobs.__enter__()
        self._read: OrderedDict[tuple[str, str], tuple[Text, bytes]] = OrderedDict()

    def read(self, sha: str, language: Language) -> tuple[Text, bytes]:
        """Give a blob's text and its raw bytes (empty when it was dropped)."""
        key = (sha, language.name)
        if key in self._read:
            self._read.move_to_end(key)
            return self._read[key]
        data, size = self._blobs.read(sha, self.max_bytes)
        text = read_text(data, size, language, self.max_bytes)
        found = text, (data or b"") if text.reason is None else b""
        self._read[key] = found
        if len(self._read) > REMEMBERED:
            self._read.popitem(last=False)
        return found


@functools.lru_cache(maxsize=4)
def texts_of(path: str, max_bytes: int) -> Texts:
    """Give this process's reader of a repository; its git process ends with this one."""
    return Texts(Git(path), max_bytes)
