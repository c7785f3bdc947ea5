"""Make training pairs: one small function per kind.

In: a redacted text with its path and language, or a patch. Out: `Pair`s. What a pair says is cut from the text itself:
context, response and suffix stand next to each other in it. The choice of holes depends on the path and the seed only,
so that the same repository gives the same pairs in any order of work.

Dropped without a count, since they are candidates and not sources: holes that are too short, too long, or punctuation.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Tree

from tuner.mine import syntax
from tuner.mine.languages import Language
from tuner.records import Pair, content_id

NODE_SHARE, BLOCK_SHARE = 0.6, 0.1
MIN_NODE_CHARS, MAX_NODE_CHARS, MAX_HOLE_LINES = 10, 1000, 40
MIN_LINE_CHARS, MAX_BLOCK_LINES = 3, 32
MIN_BODY_LINES, MAX_BODY_LINES = 3, 60
DRAWS_PER_PAIR = 8
STUB = re.compile(
    r"^\W*(pass|\.\.\.|raise NotImplementedError.*|todo!.*|unimplemented!.*|throw new Error\(.not implemented.*)\W*$",
    re.I,
)
LICENCE_WORD = re.compile(r"copyright|licen[cs]e|spdx-", re.IGNORECASE)
LICENCE_HEAD = re.compile(
    r"(#![^\n]*\n)?(\s*(?:/\*.*?\*/[ \t]*\n|<!--.*?-->[ \t]*\n|(?:[ \t]*(?:#|//|--|;|%)[^\n]*\n)+))\n*", re.DOTALL
)
CONVENTIONAL = re.compile(
    r"^(feat|fix|refactor|perf|test|tests|docs?|chore|build|ci|style|wip|hotfix|feature|bugfix)(\([^)]*\))?!?:\s*",
    re.IGNORECASE,
)
TICKET = re.compile(r"^[\[(]?[A-Z][A-Z0-9]+-\d+[\])]?\s*[:\-–]?\s*")
TAG = re.compile(r"^\[[^\]]{1,24}\]\s*|\s*\[(skip ci|ci skip|skip-ci)\]", re.IGNORECASE)
REFERENCE = re.compile(
    r"\s*\((?:(?:closes|fixes|refs?|see|gh-?|pr)\s*)?(?:[\w.-]+/[\w.-]+)?#?\d+\)\s*$|[,;.]?\s*\b(closes|close|fixes|fix|resolves|refs?)\s*:?\s+#\d+\b",
    re.IGNORECASE,
)
TRAILER = re.compile(r"^[A-Z][A-Za-z]+(-[A-Za-z]+)+:\s|^(Change-Id|git-svn-id|PiperOrigin-RevId):", re.MULTILINE)
POOR_MESSAGE = re.compile(
    r"^(wip|fix(es|ed)?|update[ds]?|typos?|fix(ed)? typos?|cleanup|clean up|lint(ing)?|fix lint(ing)?|"
    r"format(ting)?|tweaks?|review|nits?|"
    r"tests?|stuff|minor|changes?|oops|tmp|temp|initial commit|merge .*|auto commit.*|readme)\W*$",
    re.IGNORECASE,
)
MIN_MESSAGE_CHARS, MAX_MESSAGE_CHARS, MIN_MESSAGE_WORDS = 10, 400, 2


@dataclass(frozen=True, slots=True)
class Source:
    """A file as the pairs see it: redacted text, and the commit that it is taken from."""

    path: str
    language: Language
    text: str
    commit: str
    committed_at: int

    def pair(self, kind: str, **fields: str) -> Pair:
        return Pair.make(
            kind,  # type: ignore[arg-type]
            path=self.path,
            language=self.language.name,
            commit=self.commit,
            committed_at=self.committed_at,
            **fields,
        )


def file_pair(source: Source) -> Pair:
    """Give the whole file, without a licence header: it would teach the same lines once for every file."""
    return source.pair("file", response=without_licence(source.text))


def infilling_pairs(source: Source, tree: Tree | None, seed: int, count: int, max_context: int) -> Iterator[Pair]:
    """Yield pairs with one hole each: syntax nodes, ends of lines, ends of blocks. Holes do not overlap."""
    chance = random.Random(content_id("infilling", source.path, str(seed)))
    data = source.text.encode("utf-8", "surrogatepass")
    taken: list[tuple[int, int]] = []
    of_nodes = round(count * NODE_SHARE) if tree is not None else 0
    of_blocks = max(round(count * BLOCK_SHARE), 1 if count > 2 else 0)
    if tree is not None:
        _take_nodes(syntax.holes(tree, source.language), data, chance, of_nodes, taken)
    _take_lines(source.text, chance, taken, to_block_end=True, limit=min(count, len(taken) + of_blocks))
    _take_lines(source.text, chance, taken, to_block_end=False, limit=count)
    for start, end in sorted(taken):
        yield source.pair(
            "infilling",
            context=tail(data[:start].decode("utf-8", "surrogatepass"), max_context),
            response=data[start:end].decode("utf-8", "surrogatepass"),
            suffix=head(data[end:].decode("utf-8", "surrogatepass"), max_context),
        )


def body_pairs(source: Source, tree: Tree, seed: int, count: int, max_context: int) -> Iterator[Pair]:
    """Yield functions to be written from signature and documentation."""
    data = source.text.encode("utf-8", "surrogatepass")
    fit = [
        each
        for each in syntax.functions(tree, data, source.language)
        if _is_fit_body(data[each.body_start : each.end].decode())
    ]
    chance = random.Random(content_id("body", source.path, str(seed)))
    chosen = chance.sample(fit, count) if len(fit) > count else fit
    for each in sorted(chosen, key=lambda function: function.start):
        yield source.pair(
            "body",
            context=tail(data[: each.start].decode(), max_context),
            instruction=data[each.start : each.body_start].decode(),
            response=data[each.body_start : each.end].decode(),
            suffix=head(data[each.end :].decode(), max_context),
        )


def edit_reason(old: str, new: str, max_lines: int) -> str | None:
    """Say why a changed region teaches no edit."""
    if not old.strip() or not new.strip():
        return "whole_file_edit"  # an added or removed file has nothing to edit
    if max(old.count("\n"), new.count("\n")) + 1 > max_lines:
        return "too_long_edit"
    if "".join(old.split()) == "".join(new.split()):
        return "format_only_edit"
    return None


def edit_pair(source: Source, message: str, old: str, new: str) -> Pair:
    """Give one changed region, with the commit's message as what was asked for."""
    return source.pair("edit", instruction=message, context=old, response=new)


def normalised_message(message: str) -> str | None:
    """Strip what a machine adds to a message (types, tickets, references, trailers); None when too little is left.

    Firms write `feat(api): PAY-12 add x (#34)`: such commits are most of their history, so nothing is dropped for it.
    """
    subject, _, rest = message.strip().partition("\n")
    for _ in range(3):
        for pattern in (TAG, CONVENTIONAL, TICKET, REFERENCE):
            subject = pattern.sub("", subject.strip())
    subject = subject.strip(" .:-–")
    if len(subject) < MIN_MESSAGE_CHARS or len(subject.split()) < MIN_MESSAGE_WORDS or POOR_MESSAGE.match(subject):
        return None
    if len(subject) / len(subject.split()) > 20:  # hashes and addresses
        return None
    body = TRAILER.split(rest.strip())[0].split("\n\n")[0]
    body = REFERENCE.sub("", " ".join(body.split())).strip()
    if body and not body.startswith(("*", "http", "#")) and len(subject) + len(body) + 2 <= MAX_MESSAGE_CHARS:
        subject = f"{subject}\n\n{body}"
    return subject[:MAX_MESSAGE_CHARS]


def without_licence(text: str) -> str:
    """Drop a comment at the top that states copyright or licence; a `#!` line stays."""
    match = LICENCE_HEAD.match(text)
    if match is None or not LICENCE_WORD.search(match.group(2)):
        return text
    return (match.group(1) or "") + text[match.end() :]


def tail(text: str, limit: int) -> str:
    """Keep the end of `text`, from the start of a line where there is one."""
    if len(text) <= limit:
        return text
    cut = text[-limit:]
    first = cut.find("\n") + 1
    return cut[first:] if 0 < first < len(cut) else cut


def head(text: str, limit: int) -> str:
    """Keep the start of `text`, to the end of a line where there is one."""
    if len(text) <= limit:
        return text
    cut = text[:limit]
    last = cut.rfind("\n") + 1
    return cut[:last] if last > 1 else cut


def _take_nodes(
    found: list[syntax.Hole], data: bytes, chance: random.Random, count: int, taken: list[tuple[int, int]]
) -> None:
    by_category: dict[str, list[syntax.Hole]] = {}
    for hole in found:
        # A hole of most of the file leaves nothing to tell it from, and no room for others.
        if MIN_NODE_CHARS <= hole.end - hole.start <= min(MAX_NODE_CHARS * 4, len(data) // 3):
            by_category.setdefault(hole.category, []).append(hole)
    wanted = len(taken) + count
    for _ in range(count * DRAWS_PER_PAIR):
        if len(taken) >= wanted or not by_category:
            return
        names = list(by_category)
        category = chance.choices(names, [syntax.WEIGHTS[name] for name in names])[0]
        hole = by_category[category].pop(chance.randrange(len(by_category[category])))
        if not by_category[category]:
            del by_category[category]
        text = data[hole.start : hole.end].decode("utf-8", "surrogatepass")
        fits = MIN_NODE_CHARS <= len(text.strip()) <= MAX_NODE_CHARS and text.count("\n") < MAX_HOLE_LINES
        if fits and _says_something(text) and _is_apart(hole.start, hole.end, taken):
            taken.append((hole.start, hole.end))


def _take_lines(
    text: str, chance: random.Random, taken: list[tuple[int, int]], *, to_block_end: bool, limit: int
) -> None:
    """Draw cursors inside lines; the hole ends with the line, or with the block that the line begins."""
    lines = text.split("\n")
    starts, position = [], 0
    for line in lines:
        starts.append(position)
        position += len(line.encode("utf-8", "surrogatepass")) + 1
    fit = [number for number, line in enumerate(lines) if len(line.strip()) > MIN_LINE_CHARS and _says_something(line)]
    for _ in range((limit - len(taken)) * DRAWS_PER_PAIR):
        if len(taken) >= limit or not fit:
            return
        number = fit.pop(chance.randrange(len(fit)))
        line = lines[number]
        first, last = len(line) - len(line.lstrip()), len(line.rstrip()) - MIN_LINE_CHARS
        cursor = chance.randint(first, max(first, last))
        final = _block_end(lines, number) if to_block_end else number
        if to_block_end and final == number:
            continue
        start = starts[number] + len(line[:cursor].encode("utf-8", "surrogatepass"))
        end = starts[final] + len(lines[final].encode("utf-8", "surrogatepass"))
        hole = line[cursor:] + "".join(lines[number + 1 : final + 1])
        if len("".join(hole.split())) >= MIN_LINE_CHARS and _says_something(hole) and _is_apart(start, end, taken):
            taken.append((start, end))


def _block_end(lines: list[str], number: int) -> int:
    """Give the last line before a blank one or one that is indented less, at most 32 further."""
    indent = len(lines[number]) - len(lines[number].lstrip())
    final = number
    while final + 1 < len(lines) and final - number < MAX_BLOCK_LINES:
        following = lines[final + 1]
        if not following.strip() or len(following) - len(following.lstrip()) < indent:
            break
        final += 1
    return final


def _is_apart(start: int, end: int, taken: list[tuple[int, int]]) -> bool:
    return all(end <= other_start or other_end <= start for other_start, other_end in taken)


def _says_something(text: str) -> bool:
    return sum(character.isalnum() for character in text) >= MIN_LINE_CHARS


def _is_fit_body(body: str) -> bool:
    lines = [line for line in body.strip().strip("{}").split("\n") if line.strip()]
    if not MIN_BODY_LINES <= len(lines) <= MAX_BODY_LINES:
        return False
    return not all(STUB.match(line) for line in lines)
