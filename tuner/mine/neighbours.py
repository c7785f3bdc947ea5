"""Choose what a model should read of other files before it fills a hole.

In: the text around a hole (never the hole), and the repository's index. Out: at most `count` pieces of other files, of
200 to 800 characters, so that several fit in a training row: definitions from imported files that the text uses, in
import order; then a place that uses what this file defines; then the likest piece of the same folder; then of any
folder, by BM25. The likest stands last, next to the hole; in a quarter of the holes the order is random, so that the
model does not lean on it (RepoCoder, CrossCodeEval, Qwen2.5-Coder's repository format).

What is chosen depends on the text around the hole alone, as in the editor. The hole itself decides one thing only: a
piece that has any of its lines, white space, signs and case aside, is left out, since such a pair would teach copying
and not use. By likeness nothing is found from a licence's words, imports or the names that the file defines itself, and
nothing that shares fewer than `MIN_SHARED` rare terms; configuration is only compared with that of its own folder.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from tuner.bm25 import CHUNK_LINES, IMPORT, MAX_CHUNK_CHARS, Chunk
from tuner.mine.languages import language_of
from tuner.mine.licence_texts import without_licence
from tuner.mine.resolve import family_of
from tuner.mine.symbol_index import Site, SymbolIndex
from tuner.mine.symbols import FUNCTION_KINDS, Call, Definition
from tuner.mine.test_code import is_test_path
from tuner.records import Neighbour

Read = Callable[[str], str | None]
RANDOM_ORDER_SHARE = 0.25
NEAR_LINES_BEFORE, NEAR_LINES_AFTER, FAR_LINES = 20, 8, 200
MAX_WHOLE_CHARS, MAX_HEAD_LINES = 300, 6
MIN_PIECE_CHARS, MIN_LEAK_CHARS, MIN_LEAK_WORDS = 10, 8, 2
MIN_SHARED = 5
MAX_USERS, CANDIDATES, MIN_NAME_CHARS = 8, 40, 3
REMARK = re.compile(r"^[ \t]*(?://|/\*|\*|#(?![ \t]*(?:define|if|elif|include)\b)).*$", re.MULTILINE)
NO_WORD = re.compile(r"[\W_]+")
WORD = re.compile(r"[\w$]+")
NAME = re.compile(r"(?:([A-Za-z_$][\w$]*(?:(?:\.|::|->)[A-Za-z_$][\w$]*)*)(\.|::|->)|(\.|->))?([A-Za-z_$][\w$]*)")


def neighbours_of(
    path: str,
    before: str,
    after: str,
    index: SymbolIndex,
    read: Read,
    count: int,
    chance: random.Random,
    hidden: str = "",
) -> tuple[Neighbour, ...]:
    """Give at most `count` pieces of other files, one a file, nearest last; `hidden` is the hole, for the leak rule."""
    in_order = chance.random() >= RANDOM_ORDER_SHARE
    hidden_lines = _telling_lines(hidden)
    chosen: dict[str, str] = {}

    def take(pieces: Iterator[tuple[str, str]], most: int) -> None:
        """Take pieces of files that have none yet until there are `most` more, or enough in all."""
        wanted = min(len(chosen) + most, count)
        for place, text in pieces if len(chosen) < wanted else ():
            fits = place != path and place not in chosen and len("".join(text.split())) >= MIN_PIECE_CHARS
            if fits and not shows(text, hidden_lines):
                chosen[place] = text
                if len(chosen) >= wanted:
                    return

    definitions = _definitions(path, before, after, index, read)
    take(definitions, max(1, count // 2))
    imported = index.in_import_order(chosen)
    take(_users(path, before, index, read), 1)
    alike = _alike(path, before, after, index, read) if len(chosen) < count else []
    folder = _folder(path)
    take(_pieces((each for each in alike if _folder(each.path) == folder), read), 1)
    take(_pieces(alike, read), 1)
    last = [place for place in chosen if place not in imported]
    take(definitions, count)
    take(_pieces(alike, read), count)
    more = [place for place in chosen if place not in imported and place not in last]
    order = [*index.in_import_order([*imported, *more]), *last]
    if not in_order:
        chance.shuffle(order)
    return tuple(Neighbour(place, chosen[place]) for place in order)


def shows(text: str, hidden_lines: set[str]) -> bool:
    """Tell whether a text has one of the lines, whatever its white space, signs and case."""
    bare = _bare(text)
    return any(line in bare for line in hidden_lines)


def used_sites(path: str, text: str, index: SymbolIndex) -> dict[Site, int]:
    """Find the definitions in other files that a text names, with the place where it does so first."""
    found: dict[Site, int] = {}
    asked: set[tuple[str, str]] = set()
    text = REMARK.sub("", text)
    for match in NAME.finditer(text):
        on, _, dot, name = match.groups(default="")
        on = on or (dot and "?")
        if (on, name) in asked:  # and what it stands on was asked with it
            continue
        for each in ((on, name), ("", on.split(".")[0].split("::")[0])):
            if each in asked or len(each[1]) < MIN_NAME_CHARS:
                continue
            asked.add(each)
            following = text[match.end() : match.end() + 1]
            for site in _sites(path, *each, index):
                if _is_written_as(site.definition.kind, following, family_of(path)):
                    found.setdefault(site, match.start())
    return found


def _is_written_as(kind: str, following: str, family: str) -> bool:
    """Tell whether the character after a name lets it be this: a field may have the name of a method."""
    if kind == "method":
        return following == "("
    return kind != "macro" or family != "rust" or following == "!"


def _sites(path: str, on: str, name: str, index: SymbolIndex) -> tuple[Site, ...]:
    """Find what a name of a file means in other files; the holes of a file ask for the same names again and again."""
    key = (path, on, name)
    if key not in index.asked:
        index.asked[key] = _found_sites(path, on, name, index)
    return index.asked[key]


def _found_sites(path: str, on: str, name: str, index: SymbolIndex) -> tuple[Site, ...]:
    known = index.definitions(name)
    if not known and name not in index.names(path):
        return ()
    found = index.meaning(path, Call(name, on, ""))
    if not is_test_path(path):  # what a test defines is its own
        found = tuple(each for each in found if not is_test_path(each.path))
        known = tuple(each for each in known if not is_test_path(each.path))
    if not found and on and len(known) == 1 and known[0].definition.kind == "method":
        # Of an object of unknown type: the only method of that name is the likeliest, where its file is at hand.
        near = known[0].path in index.imports_of(path) or _folder(known[0].path) == _folder(path)
        found = known if near else ()
    return tuple(each for each in found if each.path != path and family_of(each.path) == family_of(path))


def _definitions(path: str, before: str, after: str, index: SymbolIndex, read: Read) -> Iterator[tuple[str, str]]:
    """Yield the used definitions of each other file, files with the nearest use first.

    Next after what stands within sight of the hole comes what is imported and used nowhere: it may be what is missing.
    """
    near_before, near_after = _near(before, after)
    far = "\n".join(before.rsplit("\n", FAR_LINES)[-FAR_LINES:])
    sites = [
        *reversed(used_sites(path, near_before, index)),
        *used_sites(path, near_after, index),
        *_unused(path, before + after, index),
        *reversed(used_sites(path, far, index)),
    ]
    # Of overloads the last one is the one that runs.
    last = {
        (site.path, site.definition.full_name): site for site in sorted(sites, key=lambda each: each.definition.start)
    }
    sites = [last[site.path, site.definition.full_name] for site in sites]
    nearest: dict[str, list[Definition]] = {}
    for site in dict.fromkeys(sites):
        nearest.setdefault(site.path, []).append(site.definition)
    for place, definitions in nearest.items():
        text = read(place)
        if text is not None:
            yield place, _piece(text.encode(), definitions, index.symbols(place).definitions)


def _unused(path: str, visible: str, index: SymbolIndex) -> list[Site]:
    named = [(here, each) for here, each in sorted(index.names(path).items()) if each.name and each.targets]
    counts = Counter(WORD.findall(visible) if named else ())
    once = [binding for here, binding in named if counts[here] == 1]
    found = [each for binding in once for each in index.origin(binding.targets[0], binding.name)]
    return [each for each in found if each.path != path]


def _piece(data: bytes, definitions: list[Definition], beside: tuple[Definition, ...]) -> str:
    """Give the definitions in the order of the file, the first ones of the list while there is room.

    A short one is given whole, of a long one its head; a method comes with the first line of its class.
    """
    owners = {each.name: each for each in reversed(beside) if each.kind not in FUNCTION_KINDS}
    spans: dict[int, int] = {}
    size = 0
    for each in definitions:
        span = _head(data, each)
        owner = owners.get(each.owner)
        parts = (
            [span]
            if owner is None
            else [(_line_start(data, owner.start), _line_end(data, _named_line(data, owner))), span]
        )
        parts = [part for part in parts if spans.get(part[0], -1) < part[1]]
        added = sum(end - start for start, end in parts)
        if size + added + len(parts) <= MAX_CHUNK_CHARS:
            spans |= dict(parts)
            size += added + len(parts)
    texts: list[str] = []
    reached = -1
    for start, end in sorted(spans.items()):
        if end > reached:
            texts.append(data[max(start, reached) : end].decode("utf-8", "replace").rstrip("\n"))
            reached = end
    return "\n".join(texts) + "\n" if texts else ""


def _head(data: bytes, definition: Definition) -> tuple[int, int]:
    """Give the bytes of whole lines that show a definition: all of a short one, else its first lines with any doc."""
    start, end = _line_start(data, definition.start), _line_end(data, definition.end)
    if end - start <= MAX_WHOLE_CHARS:
        return start, end
    last = _named_line(data, definition)
    for _ in range(MAX_HEAD_LINES):
        following = _line_end(data, last + 1)
        if following >= end or following - start > MAX_WHOLE_CHARS:
            break
        last = following
    return start, last if last - start < MAX_CHUNK_CHARS else start


def _named_line(data: bytes, definition: Definition) -> int:
    """Give the end of the line with the name: decorators may stand before it."""
    at = data.find(definition.name.encode(), definition.start, definition.end)
    return _line_end(data, at if at >= 0 else definition.start)


def _users(path: str, before: str, index: SymbolIndex, read: Read) -> Iterator[tuple[str, str]]:
    """Yield the places in other files that call what this file defines, the last definition before the hole first."""
    size = len(before.encode())
    own = [each for each in index.symbols(path).definitions if each.kind != "local" and each.start < size]
    for definition in own[::-1][:MAX_USERS]:
        site = Site(path, definition)
        for place, call in index.callers(definition.name):
            if place == path or not (site in index.meaning(place, call) or _is_only(site, call, index)):
                continue
            text = read(place)
            found = re.search(rf"(?<!\w){re.escape(definition.name)}\s*\(", text or "")
            if text is not None and found is not None:
                yield place, _around(text, found.start())


def _is_only(site: Site, call: Call, index: SymbolIndex) -> bool:
    return bool(call.on) and site.definition.kind == "method" and index.definitions(call.name) == (site,)


def _around(text: str, at: int) -> str:
    """Give about twenty lines around a place, more of them before it."""
    lines = text.split("\n")
    number = text.count("\n", 0, at)
    first = max(0, number - CHUNK_LINES // 2)
    piece = lines[first : first + CHUNK_LINES]
    while len("\n".join(piece)) > MAX_CHUNK_CHARS and len(piece) > 1:
        if number - first > len(piece) // 2:
            piece, first = piece[1:], first + 1
        else:
            piece = piece[:-1]
    return "\n".join(piece)[: MAX_CHUNK_CHARS - 1].strip("\n") + "\n"


def _alike(path: str, before: str, after: str, index: SymbolIndex, read: Read) -> list[Chunk]:
    """List the likest chunks of other files of the language, best first."""
    family, folder, language = family_of(path), _folder(path), language_of(path)
    is_code = language is not None and language.is_code
    own = {each.name for each in index.symbols(path).definitions if each.kind != "local"}
    near_before, near_after = _near(without_licence(before), after)
    lines = [line for line in f"{near_before}\n{near_after}".split("\n") if not IMPORT.match(line)]
    query = WORD.sub(lambda match: "" if match[0] in own else match[0], "\n".join(lines))
    return index.chunks(read).search(
        query,
        CANDIDATES,
        lambda each: each != path and family_of(each) == family and (is_code or _folder(each) == folder),
        MIN_SHARED,
    )


def _pieces(chunks: Iterable[Chunk], read: Read) -> Iterator[tuple[str, str]]:
    for chunk in chunks:
        text = read(chunk.path)
        if text is not None:
            yield (
                chunk.path,
                "\n".join(text.split("\n")[chunk.first : chunk.last])[: MAX_CHUNK_CHARS - 1].strip("\n") + "\n",
            )


def _near(before: str, after: str) -> tuple[str, str]:
    return (
        "\n".join(before.rsplit("\n", NEAR_LINES_BEFORE)[-NEAR_LINES_BEFORE:]),
        "\n".join(after.split("\n", NEAR_LINES_AFTER)[:NEAR_LINES_AFTER]),
    )


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _telling_lines(hidden: str) -> set[str]:
    lines = (_bare(line) for line in hidden.split("\n") if len(WORD.findall(line)) >= MIN_LEAK_WORDS)
    return {line for line in lines if len(line) >= MIN_LEAK_CHARS}


def _bare(text: str) -> str:
    return NO_WORD.sub("", text).lower()


def _line_start(data: bytes, at: int) -> int:
    return data.rfind(b"\n", 0, at) + 1


def _line_end(data: bytes, at: int) -> int:
    found = data.find(b"\n", at)
    return len(data) if found < 0 else found
