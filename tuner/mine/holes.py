"""Choose holes in a file: whole syntax nodes, or cursors in lines; and cut the file at a hole.

In: a `SourceFile` and a source of chance. Out: byte ranges of its text that do not overlap, and the three texts that a
hole leaves. Weights of nodes are those of ExecRepoBench; cursors in lines follow Refact's fine-tuning (a cursor
anywhere in a line, to the end of the line or of the block).

Dropped without a count, since they are candidates and not sources: holes that are too short or too long, that say
nothing (`telling`), in a licence, of several lines behind a comment that is a mere link; and cursors in string literals
of several lines, which are text of another kind. Blocks of lines end where their brackets do.
"""

from __future__ import annotations

import random

from tuner.mine import syntax
from tuner.mine.drafts import SourceFile
from tuner.mine.licence_texts import head_range, licences_in_strings
from tuner.mine.telling import is_after_mere_link, is_cursor_place, is_telling_line, says_something

Range = tuple[int, int]
MIN_NODE_CHARS, MAX_NODE_CHARS, MAX_HOLE_LINES = 10, 1000, 40
MIN_LINE_CHARS, MAX_BLOCK_LINES = 3, 32
DRAWS_PER_HOLE = 8
PARTNERS = {b")": b"(", b"]": b"[", b"}": b"{"}
MAX_BRACKET = 2  # a template's `${`
ABOVE_BYTES = 1000


def choose_nodes(file: SourceFile, chance: random.Random, count: int, taken: list[Range] | None = None) -> list[Range]:
    """Draw up to `count` syntax nodes that overlap nothing in `taken`, in the order of the file."""
    if file.tree is None:
        return []
    data = file.data
    kept = [*(taken or ()), *head_range(file.text), *licences_in_strings(file)]
    by_category: dict[str, list[syntax.Hole]] = {}
    for hole in syntax.holes(file.tree, file.language):
        # A hole of most of the file leaves nothing to tell it from, and no room for others.
        if MIN_NODE_CHARS <= hole.end - hole.start <= min(MAX_NODE_CHARS * 4, len(data) // 3):
            by_category.setdefault(hole.category, []).append(hole)
    found: list[Range] = []
    for _ in range(count * DRAWS_PER_HOLE):
        if len(found) >= count or not by_category:
            break
        names = list(by_category)
        category = chance.choices(names, [syntax.WEIGHTS[name] for name in names])[0]
        hole = by_category[category].pop(chance.randrange(len(by_category[category])))
        if not by_category[category]:
            del by_category[category]
        text = data[hole.start : hole.end].decode()
        if (
            is_fit_node(text, file.language.name)
            and _is_apart(hole.start, hole.end, kept)
            and not ("\n" in text and is_after_mere_link(_above(file, hole.start)))
        ):
            found.append((hole.start, hole.end))
            kept.append((hole.start, hole.end))
    return sorted(found)


def choose_lines(
    file: SourceFile, chance: random.Random, count: int, *, to_block_end: bool, taken: list[Range] | None = None
) -> list[Range]:
    """Draw up to `count` cursors inside lines; the hole ends with the line, or with the block that the line begins."""
    lines = file.text.split("\n")
    strings = syntax.long_strings(file.tree, file.language) if file.tree is not None else []
    kept = [*(taken or ()), *head_range(file.text), *strings]
    starts, position = [], 0
    for line in lines:
        starts.append(position)
        position += len(line.encode()) + 1
    fit = [number for number, line in enumerate(lines) if len(line.strip()) > MIN_LINE_CHARS]
    found: list[Range] = []
    for _ in range(count * DRAWS_PER_HOLE):
        if len(found) >= count or not fit:
            break
        number = fit.pop(chance.randrange(len(fit)))
        line = lines[number]
        first, last = len(line) - len(line.lstrip()), len(line.rstrip()) - MIN_LINE_CHARS
        cursor = chance.randint(first, max(first, last))
        final = _block_end(lines, number) if to_block_end else number
        if to_block_end and final == number:
            continue
        start = starts[number] + len(line[:cursor].encode())
        end = starts[final] + len(lines[final].encode())
        hole = "\n".join([line[cursor:], *lines[number + 1 : final + 1]])
        if (
            says_something(hole, line[:cursor], file.language.name)
            and is_cursor_place(line[:cursor], hole)
            and is_telling_line(line[:cursor], hole, is_prose=_is_in_text(file, start))
            and _is_apart(start, end, kept)
            and not (to_block_end and not _is_block(file, starts[number], end))
        ):
            found.append((start, end))
            kept.append((start, end))
    return sorted(found)


def cut(file: SourceFile, start: int, end: int) -> dict[str, str]:
    """Give the fields of an infilling pair: the text before the hole, the hole, and the text after it."""
    limit = file.settings.max_context_chars
    return {
        "context": tail(file.data[:start].decode(), limit),
        "response": file.data[start:end].decode(),
        "suffix": head(file.data[end:].decode(), limit),
    }


def is_fit_node(text: str, language: str = "") -> bool:
    """Tell whether a node is neither too little nor too much to be typed at once."""
    fits = MIN_NODE_CHARS <= len(text.strip()) <= MAX_NODE_CHARS and text.count("\n") < MAX_HOLE_LINES
    return fits and says_something(text, language=language)


def tail(text: str, limit: int) -> str:
    """Keep the end of `text`, from the start of a line where there is one."""
    if len(text) <= limit:
        return text
    kept = text[-limit:]
    first = kept.find("\n") + 1
    return kept[first:] if 0 < first < len(kept) else kept


def head(text: str, limit: int) -> str:
    """Keep the start of `text`, to the end of a line where there is one."""
    if len(text) <= limit:
        return text
    kept = text[:limit]
    last = kept.rfind("\n") + 1
    return kept[:last] if last > 1 else kept


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


def open_brackets(file: SourceFile, start: int, end: int) -> list[bytes]:
    """Give the brackets of some bytes that have no partner there; none where the file has no tree."""
    if file.tree is None:
        return []
    waiting: list[bytes] = []
    for _, token in syntax.code_tokens(file.tree, file.language, start, end):
        if token in (b")", b"]", b"}") and waiting and waiting[-1][-1:] == PARTNERS[token]:
            waiting.pop()
        elif token in PARTNERS or (token[-1:] in PARTNERS.values() and len(token) <= MAX_BRACKET):
            waiting.append(token)
    return waiting


def _is_block(file: SourceFile, start: int, end: int) -> bool:
    """Tell whether some whole lines end where they should, and something above them says what they are for."""
    return not open_brackets(file, start, end) and not is_after_mere_link(_above(file, start))


def _above(file: SourceFile, place: int) -> str:
    return file.data[max(0, place - ABOVE_BYTES) : place].decode("utf-8", "ignore")


def _is_in_text(file: SourceFile, place: int) -> bool:
    """Tell whether a byte stands in a comment, or in a string literal of several lines."""
    node = file.tree.root_node.descendant_for_byte_range(place, place) if file.tree is not None else None
    while node is not None and "string" not in node.type:
        if "comment" in node.type:
            return True
        node = node.parent
    return node is not None and node.start_point.row != node.end_point.row


def _is_apart(start: int, end: int, taken: list[Range]) -> bool:
    return all(end <= other_start or other_end <= start for other_start, other_end in taken)
