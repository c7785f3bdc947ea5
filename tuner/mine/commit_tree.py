"""See the repository as it was at one commit: which files a file can see, and what they define.

In: a commit, a reader of blobs. Out: paths, redacted texts and symbols of the code files, each read when it is first
asked for. Files that the gates on paths drop, that are no code, or whose text is dropped, are not there; of a tree of
more than `MOST_PATHS` files nothing is, since listing it would take longer than what it is for.
"""

from __future__ import annotations

import functools
import posixpath
from collections.abc import Collection, Iterator

from tuner.imports import Import
from tuner.mine.gates.paths import path_reason
from tuner.mine.history import SUBMODULE, SYMLINK
from tuner.mine.languages import Language, language_of
from tuner.mine.parsed import parsed
from tuner.mine.resolve import Resolver, family_of
from tuner.mine.sources import Text
from tuner.mine.symbols import FileSymbols, imports_in, symbols_of
from tuner.mine.texts import Texts
from tuner.recipe import MineSettings

MOST_PATHS, MOST_FILES = 20_000, 40
DEPTH = {"c": 6, "python": 2, "script": 2, "rust": 1, "go": 1, "java": 1}  # of imports that are followed


class CommitTree:
    """The code files of one commit."""

    def __init__(self, texts: Texts, commit: str, settings: MineSettings) -> None:
        self._texts, self._commit, self._settings = texts, commit, settings

    def seen_from(self, path: str, more: tuple[str, ...] = (), named: Collection[str] = ()) -> list[str]:
        """List the files that a file can see: itself, `more`, what stands beside it, what it imports; nearest first.

        Of a large Java package, files with the name of a type in `named` come first, and others after what is imported.
        """
        family = family_of(path)
        beside = [each for each in self._beside(path) if each in self._shas]
        first = [each for each in beside if family != "java" or _stem(each) in named]
        found = dict.fromkeys((*(each for each in (path, *more) if each in self._shas), *first))
        waiting = list(found)
        for _ in range(DEPTH.get(family, 1)):
            waiting = [each for place in waiting for each in self._imported(place)]
            waiting = [each for each in dict.fromkeys(waiting) if each not in found and family_of(each) == family]
            found |= dict.fromkeys(waiting)
            if not waiting or len(found) > MOST_FILES:
                break
        return list(found | dict.fromkeys(beside))[:MOST_FILES]

    def text(self, path: str) -> str | None:
        """Give the redacted text of a file."""
        read = self._read(path)
        return read.text if read is not None else None

    def symbols(self, path: str) -> FileSymbols:
        """Give what a file defines and imports."""
        read = self._read(path)
        return _symbols(read.text, read.language) if read is not None else FileSymbols()

    def _read(self, path: str) -> Text | None:
        language = language_of(path)
        if path not in self._shas or language is None or language.grammar is None:
            return None
        read, _ = self._texts.read(self._shas[path], path, language)
        return read if read.reason is None and read.language.grammar is not None else None

    @functools.cached_property
    def _shas(self) -> dict[str, str]:
        listed = self._texts.git.run("ls-tree", "-r", "-z", "--full-tree", self._commit).split(b"\0")
        if len(listed) > MOST_PATHS:
            return {}
        shas = {}
        for line in filter(None, listed):
            header, name = line.split(b"\t", 1)
            mode, _, sha = header.decode().split()
            path = name.decode("utf-8", "surrogateescape")
            if mode not in (SYMLINK, SUBMODULE) and path_reason(path, mode, self._settings) is None:
                shas[path] = sha
        return shas

    @functools.cached_property
    def _resolver(self) -> Resolver:
        return Resolver(self._shas, "")

    def _beside(self, path: str) -> Iterator[str]:
        family, folder = family_of(path), posixpath.dirname(path)
        if family in ("go", "java"):
            yield from self._resolver.go_package(path)
        if family == "java" and "/test/" in path:
            yield from self._resolver.by_folder.get(folder.replace("/test/", "/main/"), ())
        while family == "python":
            yield posixpath.join(folder, "conftest.py")
            if not folder:
                return
            folder = posixpath.dirname(folder)

    def _imported(self, path: str) -> Iterator[str]:
        read = self._read(path)
        for each in _imports(read.text, read.language) if read is not None else ():
            yield from self._resolver.targets(path, each.module)
            for there, _ in each.names if family_of(path) == "python" else ():
                joint = "" if each.module.endswith(".") else "."
                yield from self._resolver.targets(path, f"{each.module}{joint}{there}")


def _stem(path: str) -> str:
    return posixpath.basename(path).partition(".")[0]


@functools.lru_cache(maxsize=256)
def _symbols(text: str, language: Language) -> FileSymbols:
    tree = parsed(text, language)
    return symbols_of(tree.tree, tree.data, language)


@functools.lru_cache(maxsize=256)
def _imports(text: str, language: Language) -> tuple[Import, ...]:
    return imports_in(parsed(text, language).tree, language)
