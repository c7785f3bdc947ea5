"""Decide which commits teach an edit: small functions, each named like the reason for which it drops a commit.

In: a `Commit` from the history, or the patches of one. Out: a reason, or None. Dropped: merges, bots, authors that the
recipe leaves out, reverts and what they revert, version bumps, mass renames, reformatting, copies of other commits, and
commits that touch no code or too much. Names and addresses are compared here and go no further.
"""

from __future__ import annotations

import fnmatch
import functools
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable

from tuner.mine.gates.paths import is_code_path
from tuner.mine.history import Commit, Patch
from tuner.mine.languages import language_of
from tuner.recipe import MineSettings

# Suffixes and names: bigcode-dataset (`preprocessing/filtering_issues.py`), and the bots of the common forges. A suffix
# counts after a separator or a capital of its own: Talbot, Abbott and Cibot are people.
BOT_AUTHOR = re.compile(
    r"(?i:\[bot\]|botmanager|^bors\b|bors-|\bjenkins\b|^k8s-|-test-|\btravis[- ]?ci\b|^travis$|dependabot|renovate|"
    r"greenkeeper|pyup|snyk-bot|github[- ]actions?|^github$|gitlab[- ](ci|bot)|pre-commit-ci|weblate|imgbot|"
    r"allcontributors|semantic-release|mergify|codecov-io|coveralls|CLAassistant|probot|^web-flow$|^homu$|^svc[-_.]|"
    r"[-_.](benchmark|build|builder|deployer|cloud|linter|testing|ci-user)$|"
    r"[-_. ](bot|robot|automation|automaton|teamcity|service[-_ ]account)$|[-_.]ci$|^(bot|robot|ci|build|automation)$)"
    r"|[a-z0-9](Bot|CI|Robot)$| CI$"
    r"|^([a-z0-9]+[-_.])*(auto|build|merge|deploy|release|ci|lint|sync|update|upgrade|translate|docs?|commit|git|github|"
    r"gitlab|rust|py|npm|sonar|snyk|security|version|changelog|backport|issue|review)bot$"
)
BOT_EMAIL = re.compile(
    r"\[bot\]@|^(bot|ci|jenkins|renovate|buildbot|no-?reply|do-?not-?reply|gitlab-ci|github-actions?|automation)@"
    r"|[-+._]bot@(?!users\.noreply\.)",  # there it is what a person chose to be called
    re.IGNORECASE,
)
REVERT = re.compile(r"^\s*(Revert\s+[\"'“]|revert(\([^)]*\))?!?:)", re.IGNORECASE)
REVERTED_SHA = re.compile(r"[Tt]his reverts commit ([0-9a-f]{7,64})")
PICKED_SHA = re.compile(r"^\(cherry[- ]picked from commit ([0-9a-f]{7,64})\)", re.IGNORECASE | re.MULTILINE)
FULL_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
SQUASHED = re.compile(r"^\s*[*-] \S", re.MULTILINE)
VERSION_BUMP = re.compile(
    r"^(\w+(\([^)]*\))?!?:\s*)?(\[?v?\d+\.\d+(\.\d+)?\S*\]?$"
    r"|(bump|release|prepare|set|update|upgrade)(d|s|ing)?(\W+[\w-]+){0,2}\W+(?<!--)(version|release)s?"
    r"( (numbers?|strings?|info(rmation)?|references?))?\W*($|v?\d|(to|for|in|of|from) )"
    r"|(bump|upgrade)(d|s)?\b.{0,60}\bto\b.{0,40}\d|(bump|release|version|publish|tag)\s+v?\d+[.\d]"
    r"|start version|begin (next )?development|bump$"
    r"|update (the )?(change ?log|changes|news)(\.\w+)?( (for|with|entry)\b.*)?\W*$)",
    re.IGNORECASE,
)
NO_LETTERS = bytes(byte for byte in range(128) if not chr(byte).isalnum())
MIN_OWN_NAME = 80  # characters: `return None`, added twice to one file, is two changes
INDENTED = frozenset({"python", "fsharp", "haskell", "nim", "yaml", "make"})
ONE_KIND_OF_STRING = frozenset(
    {"python", "javascript", "typescript", "tsx", "css", "vue", "svelte", "dart", "lua", "r"}
)
STRING = re.compile(rb"(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)")
# A line that only brings names in. Names in one such line may change places too: `import {b, a}`.
IMPORT = re.compile(
    rb"\s*(import\b|from\s+[\w.]+\s+import\b|(pub(\([^)]*\))?\s+)?use\s+[\w:{]|using\s+[\w.]+\s*;|#\s*(include|import)\b|"
    rb"require(_relative)?\b|(const|let|var)\s+[\w{][^=]*=\s*require\(|export\s*(\*|\{[^}]*\})\s*from\b|\"[\w./-]+\"\s*$)"
)
NAME_LIST = re.compile(rb"(.*?\{|.*\bimport\b\(?)([^{}()]*)(.*)", re.DOTALL)


def merge(commit: Commit, settings: MineSettings) -> str | None:
    return "merge" if len(commit.parents) > 1 else None


def author(commit: Commit, settings: MineSettings) -> str | None:
    return author_reason(commit.author, commit.email, settings)


def bot_author(commit: Commit, settings: MineSettings) -> str | None:
    return "bot_author" if BOT_AUTHOR.search(commit.author) or BOT_EMAIL.search(commit.email) else None


def revert(commit: Commit, settings: MineSettings) -> str | None:
    """Drop what takes a commit back. The message of a squashed branch lists its commits, and reverts among them."""
    says_so = REVERTED_SHA.search(commit.message) and not SQUASHED.search(commit.message)
    return "revert" if REVERT.match(commit.message) or says_so else None


def empty_message(commit: Commit, settings: MineSettings) -> str | None:
    return None if commit.message.strip() else "empty_message"


def version_bump(commit: Commit, settings: MineSettings) -> str | None:
    return "version_bump" if VERSION_BUMP.match(commit.subject) else None


def mass_rename(commit: Commit, settings: MineSettings) -> str | None:
    moved = sum(change.status == "R100" for change in commit.changes)
    return "mass_rename" if moved >= 3 and moved > 0.8 * len(commit.changes) else None


def no_code(commit: Commit, settings: MineSettings) -> str | None:
    """Drop a commit without code; one of notebooks alone is named, since the hunks of their JSON are no edits."""
    if any(is_code_path(change.path, change.mode, settings) for change in commit.changes):
        return None
    languages = (language_of(change.path) for change in commit.changes)
    return "notebook_diff" if any(each is not None and each.is_notebook for each in languages) else "no_code"


def too_many_files(commit: Commit, settings: MineSettings) -> str | None:
    return "too_many_files" if len(commit.changes) > settings.max_commit_files else None


COMMIT_GATES: tuple[Callable[[Commit, MineSettings], str | None], ...] = (
    merge,
    author,
    bot_author,
    revert,
    empty_message,
    version_bump,
    mass_rename,
    no_code,
    too_many_files,
)


def commit_reason(commit: Commit, settings: MineSettings) -> str | None:
    """Say why a commit is left out, from its header and list of files alone."""
    return next((reason for gate in COMMIT_GATES if (reason := gate(commit, settings))), None)


def author_reason(name: str, email: str, settings: MineSettings) -> str | None:
    """Say whether the recipe's lists leave an author out; globs match the whole name or address, in any case."""
    if any(_names(pattern, name, email) for pattern in settings.except_authors):
        return "author_excluded"
    if settings.only_authors and not any(_names(pattern, name, email) for pattern in settings.only_authors):
        return "author_not_listed"
    return None


def reverted_shas(commits: Iterable[Commit]) -> set[str]:
    """Collect the commits that these commits, newest first, say they revert; a sha may be abbreviated.

    What a revert took back is there again once that revert is reverted itself.
    """
    reverted: set[str] = set()
    for commit in commits:
        named = REVERTED_SHA.findall(commit.message)
        if named and not any(commit.sha.startswith(sha) for sha in reverted):
            reverted.update(named)
    return reverted


def picked_from(commit: Commit) -> list[str]:
    """Give the commits that `git cherry-pick -x` notes this one as a copy of; a sha may be abbreviated."""
    return PICKED_SHA.findall(commit.message)


def patch_id(patches: Iterable[Patch]) -> str:
    """Name a change by its content, so that a commit and its cherry-pick or rebased twin have the same name.

    As `git patch-id --stable`: files in order of path, whitespace and line numbers left out. Unlike git's, the context
    is left out too, since a pick onto another branch often stands between other lines; only a change too short to be
    known by itself keeps it. Empty where no text changed.
    """
    sides = sorted(
        (patch.change.path, [line[:1] + _bare(line[1:]) for hunk in patch.hunks for line in hunk.lines])
        for patch in patches
    )
    changed = sum(len(line) - 1 for _, lines in sides for line in lines if line[:1] in (b"+", b"-"))
    if changed == 0:
        return ""
    digest = hashlib.sha256()
    for path, lines in sides:
        kept = [line for line in lines if len(line) > 1 and (changed < MIN_OWN_NAME or line[:1] != b" ")]
        digest.update(b"\0".join([path.encode("utf-8", "surrogateescape"), *kept, b"\0"]))
    return digest.hexdigest()


def blame_ignored(texts: Iterable[str]) -> set[str]:
    """Read the shas in `.git-blame-ignore-revs` files, as `git blame` does: whole ones, `#` begins a comment."""
    names = (line.partition("#")[0].strip() for text in texts for line in text.splitlines())
    return {name for name in names if FULL_SHA.fullmatch(name)}


def format_only(pairs: Iterable[tuple[list[bytes], list[bytes]]], language: str = "") -> bool:
    """Tell whether both sides of a file's hunks say the same. Give the sides with context, or a moved line is none.

    The same but for whitespace outside of strings, wrapped lines, commas before a closing bracket, semicolons at line
    ends, kinds of quotes where the language has one kind of string, and the order of imports and of the names in one.
    Where indentation means something, it may change but not its order. Text in strings over many lines, in which
    whitespace matters, is not told apart; neither does git's `-w`.
    """
    removed_imports: Counter[bytes] = Counter()
    added_imports: Counter[bytes] = Counter()
    for old, new in pairs:
        if _says_other(old, new):
            return False
        if language in INDENTED and not _nests_alike(old, new):
            return False
        if _normal(old, language) == _normal(new, language):
            continue
        sides = [[line for line in side if not IMPORT.match(line)] for side in (old, new)]
        if _normal(sides[0], language) != _normal(sides[1], language):
            return False
        removed_imports.update(_import(line) for line in old if IMPORT.match(line))
        added_imports.update(_import(line) for line in new if IMPORT.match(line))
    return removed_imports == added_imports


def _says_other(old: list[bytes], new: list[bytes]) -> bool:
    """Tell most changes from those of form: letters and digits differ, in this order and outside of imports."""
    if _letters(old) == _letters(new):
        return False
    sides = [_letters(line for line in side if not IMPORT.match(line)) for side in (old, new)]
    return sides[0] != sides[1]


def _letters(lines: Iterable[bytes]) -> bytes:
    return b"".join(lines).translate(None, NO_LETTERS)


def _nests_alike(old: list[bytes], new: list[bytes]) -> bool:
    """Tell whether lines that say the same in both sides lie as deep to each other; wrapped lines say nothing."""
    before, after = (
        {_bare(line): len(line) - len(line.lstrip()) for line in side if line.strip()} for side in (old, new)
    )
    shared = [(depth, after[line]) for line, depth in before.items() if line in after]
    return all((a[0] > b[0]) == (a[1] > b[1]) for a in shared for b in shared)


def _normal(lines: Iterable[bytes], language: str) -> bytes:
    """Join lines without what formatters change."""
    parts = []
    for line in lines:
        pieces = STRING.split(line)  # code, string, code, ...
        pieces[::2] = [_bare(piece) for piece in pieces[::2]]
        if language in ONE_KIND_OF_STRING:
            pieces[1::2] = [_double(piece) for piece in pieces[1::2]]
        parts.append(b"".join(pieces).removesuffix(b";"))
    return re.sub(rb",(?=[)\]}])", b"", b"".join(parts))


def _double(string: bytes) -> bytes:
    inside = string[1:-1]
    return string if string[:1] == b"`" or any(mark in inside for mark in b"\"'\\") else b'"' + inside + b'"'


def _import(line: bytes) -> bytes:
    """Write an import with the names in it in order. Its indentation stays: to move it into a function is an edit."""
    depth = line[: len(line) - len(line.lstrip())]
    line = b" ".join(line.split()).rstrip(b"; ").replace(b"'", b'"')
    if match := NAME_LIST.fullmatch(line):
        names = sorted(filter(None, (name.strip() for name in match[2].split(b","))))
        line = _bare(match[1]) + b",".join(names) + _bare(match[3])
    return depth + line


def _bare(line: bytes) -> bytes:
    return b"".join(line.split())


def _names(pattern: str, name: str, email: str) -> bool:
    matcher = _glob(pattern)
    return any(matcher.fullmatch(each.casefold()) for each in (name, email, f"{name} <{email}>"))


@functools.cache
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern.casefold()))
