"""Find out what one file at the cut teaches.

In: a blob with its path. Out: `FileFacts`: the reason for which it was dropped, or its redacted text, its drafts, what
it defines and uses, and the head in which a licence may stand. They depend on the blob, the path, the seed and the
settings alone. The gates, in order: size and kind of content, encoding, generated, secrets, private keys, parse health,
licences, code that says where it was copied from, and files that say too little.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tree_sitter import Tree

from tuner.mine import syntax
from tuner.mine.commit_facts import draft_to_plain
from tuner.mine.drafts import Draft, SourceFile
from tuner.mine.gates.contents import MAX_ERROR_SHARE
from tuner.mine.gates.origins import copied_from
from tuner.mine.kinds import FILE_KINDS
from tuner.mine.languages import Language, language_of
from tuner.mine.licence_texts import copyright_head, is_licence_text
from tuner.mine.little_said import empty_reason
from tuner.mine.symbols import FileSymbols, symbols_of
from tuner.mine.syntax_errors import error_share
from tuner.mine.texts import texts_of
from tuner.recipe import MineSettings
from tuner.records import content_id

MAX_SYNTAX_ERRORS = 0.05


@dataclass(frozen=True, slots=True)
class Blob:
    """One file of the tree."""

    mode: str
    sha: str
    path: str

    @property
    def key(self) -> str:
        """Name what decides the file's facts."""
        return f"file {self.sha} {content_id(self.path)}"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What one file gave."""

    reason: str | None
    language: str = ""
    text: str = ""
    head: str = ""
    drafts: list[Draft] = field(default_factory=list)
    symbols: FileSymbols | None = None
    redactions: dict[str, int] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """Give the facts as JSON values."""
        return {
            "reason": self.reason,
            "language": self.language,
            "text": self.text,
            "head": self.head,
            "drafts": [draft_to_plain(draft) for draft in self.drafts],
            "symbols": self.symbols.to_plain() if self.symbols else None,
            "redactions": self.redactions,
        }


@dataclass(frozen=True, slots=True)
class FileMiner:
    """Find the facts of a batch of files; goes to a worker process, so that it holds nothing but settings."""

    path: str
    settings: MineSettings
    seed: int

    def __call__(self, batch: list[Blob]) -> list[dict[str, Any]]:
        return [self._facts(blob.sha, blob.path).to_plain() for blob in batch]

    def _facts(self, sha: str, path: str) -> FileFacts:
        language = language_of(path)
        assert language is not None, f"{path} passed the gates on paths"
        read, _ = texts_of(self.path, self.settings.max_file_bytes, self.settings.scanner).read(sha, path, language)
        if read.reason is not None:
            return FileFacts(read.reason)
        language = read.language
        tree, is_code = healthy_tree(read.text.encode(), language)
        if not is_code:
            return FileFacts("parse_errors")
        file = source_file(path, language, read.text, tree, self.seed, self.settings)
        if is_licence_text(file):
            return FileFacts("licence_text")
        if not self.settings.foreign_licences and copied_from(file.text, language):
            return FileFacts("foreign_licence")
        if reason := empty_reason(file):
            return FileFacts(reason)
        drafts = [draft for kind in FILE_KINDS.values() for draft in kind(file)]
        if not drafts or drafts[0].kind != "file":
            return FileFacts("licence_only")
        symbols = symbols_of(tree, file.data, language) if tree is not None else None
        return FileFacts(None, language.name, read.text, copyright_head(read.text), drafts, symbols, read.redactions)


def source_file(
    path: str, language: Language, text: str, tree: Tree | None, seed: int, settings: MineSettings
) -> SourceFile:
    """Give a file as the kinds see it."""
    return SourceFile(path, language, text, text.encode(), tree, seed, settings)


def healthy_tree(data: bytes, language: Language) -> tuple[Tree | None, bool]:
    """Parse a file: its tree if hardly anything failed to parse, and whether it is code of its language at all."""
    if language.grammar is None:
        return None, True
    tree = syntax.parse(data, language)
    share = error_share(tree, data)
    # macros and templates confuse a grammar: the lines of such a file still are code
    return (tree if share <= MAX_SYNTAX_ERRORS else None), share <= MAX_ERROR_SHARE
