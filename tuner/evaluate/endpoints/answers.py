"""Take out of an answer the text that belongs at the cursor, and name what was wrong with the answer's form.

In: an answer as it came, its item, and the mark that stood for the cursor. Out: the text that is scored, cut where
every system's is, and the first fault found. What the author wrote is never looked at. An answer in good form passes
unchanged.

    only_reasoning   the tokens went into thinking, and no text came
    refused          the model declined
    reasoning        thinking stood in the text, and is taken off
    prose            words around a fence, or an announcement before the text
    fenced           a code fence around the text
    marked           the mark of the cursor, with what stood on its other side
    echoed           the beginning of the line, the word at the cursor, or lines before it, once more; before a body of
                     several lines also the indentation
    leading_newline  line ends before the text
    repeated_suffix  the text goes on into the lines that stand after the cursor, or is nothing but these

Completion and infilling APIs return what comes next and nothing else; of theirs only the suffix is looked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tuner.records import ONE_LINE_KINDS, Item
from tuner.truncation import cut

MIN_WORD = 3  # characters of a word at the cursor that an answer repeats; two can be chance
MIN_LETTERS = 2  # letters of a beginning of a line that an answer repeats; a bracket or a number can be chance
MIN_LINES = 2  # different lines before the cursor that an answer repeats; a single `end` can be chance
_THOUGHT = re.compile(r"\A\s*<(think|thinking|thought|reasoning)>.*?(?:</\1>\s*|\Z)", re.DOTALL)
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n`]*\n(.*?)(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_ANNOUNCED = re.compile(
    r"\A\s*(?:sure|certainly|of course|okay|here(?:'s|’s| is| are)|the (?:text|code|completion|line|missing)\b)"
    r"[^\n]*:[ \t]*\n(?=.*\S)",
    re.IGNORECASE | re.DOTALL,
)
_BLANK_LINES = re.compile(r"\A(?:[ \t]*\r?\n)+(?=.*\S)", re.DOTALL)
_LAST_WORD = re.compile(r"\w+\Z")


@dataclass(frozen=True, slots=True)
class Read:
    """The text at the cursor, and what was wrong with the form of the answer that held it."""

    text: str
    format_failure: str | None


def from_chat(raw: str, item: Item, mark: str) -> Read:
    """Read a chat model's answer, which may be dressed up in many ways."""
    faults: list[str] = []
    prefix = item.prefix

    def step(name: str, text: str, new: str) -> str:
        if new != text:
            faults.append(name)
        return new

    text = step("reasoning", raw, _THOUGHT.sub("", raw))
    fence = _FENCE.search(text)
    if fence is not None:
        around = text[: fence.start()].strip() or text[fence.end() :].strip()
        faults.append("prose" if around else "fenced")
        text = fence.group(2).removesuffix("\n")
    else:
        text = step("prose", text, _ANNOUNCED.sub("", text))
    text = step("marked", text, _without_mark(text, prefix, mark))
    text = step("leading_newline", text, _BLANK_LINES.sub("", text))
    text = step("echoed", text, _without_echo(text, prefix))
    if item.kind not in ONE_LINE_KINDS:
        text = step("echoed", text, text.lstrip(" \t"))
    text = step("repeated_suffix", text, _without_suffix(text, item.suffix))
    return Read(cut(item, text), faults[0] if faults else None)


def from_completion(raw: str, item: Item) -> Read:
    """Read what a completion or infilling API returned: it begins at the cursor, or at the blanks before it."""
    text = _without_suffix(raw, item.suffix)
    failure = None if text == raw else "repeated_suffix"
    return Read(cut(item, text.lstrip(" \t") if item.prefix.endswith((" ", "\t")) else text), failure)


def _without_mark(text: str, prefix: str, mark: str) -> str:
    """Keep the side of the mark that is not the code before the cursor; models also write it as <CURSOR> or cut it."""
    marks = re.compile(rf"</?{re.escape(mark.strip('</>'))}\s*/?>?")
    found = marks.search(text)
    if found is None:
        return text
    before, after = text[: found.start()], text[found.end() :]
    is_echo = not before.strip() or prefix.endswith(before) or prefix.endswith(before.lstrip())
    return marks.sub("", after if is_echo else before)


def _without_echo(text: str, prefix: str) -> str:
    """Take off what stands before the cursor already: whole lines, the beginning of its line, or its last word.

    The longest is taken, and only what is too long or too particular to be repeated by a good answer.
    """
    typed = prefix[prefix.rfind("\n") + 1 :].lstrip()
    for start in _line_starts(prefix, len(text)):
        lines = {line.strip() for line in prefix[start:].split("\n")} - {""}
        if len(lines) >= MIN_LINES and text.startswith(prefix[start:]):
            return text[len(prefix) - start :]
    bare = text.lstrip(" \t")
    if sum(map(str.isalpha, typed)) >= MIN_LETTERS and bare.startswith(typed):
        return bare[len(typed) :]
    word = _LAST_WORD.search(typed)
    if word is not None and len(word.group()) >= MIN_WORD:
        for start in range(len(typed) - len(word.group()) + 1):
            if text.startswith(typed[start:]) and not (start and re.match(r"\w\w", typed[start - 1 :])):
                return text[len(typed) - start :]
    return text


def _line_starts(prefix: str, most: int) -> list[int]:
    """List where lines before the cursor's own begin, the farthest first, as far back as `most` characters reach."""
    end = prefix.rfind("\n") + 1
    return [start for start in range(max(0, len(prefix) - most), end) if start == 0 or prefix[start - 1] == "\n"]


def _without_suffix(text: str, suffix: str) -> str:
    """Take off whole lines at the end with which the text after the cursor begins.

    An answer of one line that equals the next line is left alone: neighbouring lines are alike in good code.
    """
    given, following = text.rstrip().split("\n"), suffix.lstrip("\r\n").split("\n")
    for start in range(len(given)):
        lines = given[start:]
        if start == 0 and len(lines) == 1:
            break
        if any(line.strip() for line in lines) and _same(lines, following[: len(lines)]):
            return "\n".join(given[:start])
    return text


def _same(given: list[str], following: list[str]) -> bool:
    return [line.rstrip() for line in given] == [line.rstrip() for line in following]
