"""Say what changes in one place of a file: which names come, go or are renamed, which statements and texts are added.

In: both sides of a file and one changed region. Out: a clause, with the number of new names in it; or `Unsaid` with the
reason why it would be too long. No line of the new code is given as a whole: single names, texts and parts of lines
are, and lines of the old code. What follows from those, such as the order of the statements, is left to the answer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from difflib import SequenceMatcher

from tuner.mine.change_tokens import Side, Token, tokens_of
from tuner.mine.search_replace import Region

MAX_NAMES, MAX_TEXTS, MAX_TEXT_CHARS = 7, 3, 70
MAX_LINES, MAX_REMARK_WORDS = 14, 30
MAX_OPS, MAX_OP_TOKENS, MAX_OP_CHARS = 3, 12, 48
MAX_QUOTED, MIN_BETWEEN = 64, 3
_STATEMENTS = (
    "if else elif for while switch case match try except catch finally return raise throw with yield await break "
    "continue import async static const final defer go assert extends infer #if #ifdef #ifndef #elif #else #include "
    "#define"
)
UNQUOTABLE = re.compile(r"[\n`]")
TYPES_FIRST = ("java", "c", "cpp", "csharp")
TYPE_WORDS = frozenset(["int", "bool", "boolean", "char", "string", "str", "float", "double", "long", "void", "size_t"])
STATEMENTS = frozenset(_STATEMENTS.split())
IMPORT = re.compile(r"\s*(?:import\b|from\s+\S+\s+import\b|use\s|using\s|#\s*include\b|(?:const|var)\s.*\brequire\()")
DEFINES = re.compile(
    r"^\s*(?:(?:export|default|pub(?:\([^)]*\))?|public|private|protected|static|final|abstract|async|unsafe|inline|"
    r"constexpr|virtual|declare|synchronized)\s+)*"
    r"(?:(?P<function>def|function\*?|fn|func(?:\s*\([^)]*\))?)|(?P<class>class|interface|trait|enum|struct)"
    r"|(?P<type>type)|(?P<macro>#\s*define))\s+(?P<name>[A-Za-z_$][\w$]*)"
)
METHOD = re.compile(
    r"^\s*(?:@\w+\s+)*(?:(?:public|private|protected|static|final|abstract|inline|constexpr|virtual)\s+)*"
    r"(?!(?:return|else|new|throw|case|await|delete|if|while|for|switch|catch|do|using|let|match)\b)"
    r"[A-Za-z_][\w:<>,.?\[\]*& ]{0,80}[\s*&>\]](?P<name>[A-Za-z_]\w{0,80})\s?\([^;]*\{\s*$"
)
ASSIGNED = re.compile(r"^(?:export\s+)?(?:const\s+|let\s+|var\s+)?(?P<name>[A-Z][A-Z0-9_]{2,})\b[^=(]{0,40}=(?!=)")


class Unsaid(Exception):
    """A place that cannot be said shortly; its reason."""


class Clauses:
    """Both sides of a file, of which single regions are told."""

    def __init__(self, old: Side, new: Side) -> None:
        self.old, self.new = old, new

    def clause(self, region: Region) -> tuple[str, int]:
        """Tell what changes in a region, and how many new names that takes; raise `Unsaid`."""
        before = tokens_of(self.old, region.old_start, region.old_end)
        after = tokens_of(self.new, region.new_start, region.new_end)
        was, now = ([each for each in side if each.kind != "remark"] for side in (before, after))
        remarks = [_remark_words(side) for side in (before, after)]
        if not before and not after:
            raise Unsaid("mixed_with_format")
        if not was and not now:
            return self._remark(before, after, remarks)
        new_words = sum((remarks[1] - remarks[0]).values())
        if new_words > MAX_REMARK_WORDS:
            raise Unsaid("more_than_asked")
        if [each.text for each in was] == [each.text for each in now]:
            if remarks[0] == remarks[1]:
                return self._indented(region), 0
            return self._remark(before, after, remarks)
        beside = ", with a comment" if new_words > 3 else ""
        if not now:
            is_kept = bool(after) and _letters(was) in _letters(after)
            return (self._removal(region, "comment out") if is_kept else self._removal(region) + beside), 0
        code_lines = len({self.new.line_at(each.start) for each in now})
        if code_lines > MAX_LINES:
            raise Unsaid("more_than_asked")
        exact = self._exact(was, now, region)
        if exact is not None:
            return exact + beside, 0
        told, count = self._summary(was, now, region)
        return told + beside, count

    def _remark(self, before: list[Token], after: list[Token], words: list[Counter[str]]) -> tuple[str, int]:
        """Tell a change of nothing but remarks: a few words can be told, new sentences cannot."""
        gone, come = words[0] - words[1], words[1] - words[0]
        if not after or not come:
            return "remove the comment" if not words[1] else "shorten the comment", 0
        if not gone or sum(come.values()) > MAX_OPS:
            raise Unsaid("remark_unsaid")
        return f"in the comment: write {_quoted(come)} instead of {_quoted(gone)}", 0

    def _indented(self, region: Region) -> str:
        before = self.old.lines[region.old_start : region.old_end]
        widths = [
            min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
            for lines in (before, self.new.lines[region.new_start : region.new_end])
        ]
        if widths[0] == widths[1]:
            raise Unsaid("mixed_with_format")
        return f"indent `{telling_line(before)}` {'less' if widths[1] < widths[0] else 'more'}"

    def _removal(self, region: Region, verb: str = "remove") -> str:
        lines = [line.strip() for line in self.old.lines[region.old_start : region.old_end] if line.strip()]
        first, last = telling_line(lines), telling_line(lines[::-1])
        if len(lines) == 1 or not first or first == last:
            return f"{verb} `{_cut(first or lines[0])}`"
        return f"{verb} the {len(lines)} lines from `{first}` to `{last}`"

    def _exact(self, was: list[Token], now: list[Token], region: Region) -> str | None:
        """Tell a few small changes inside of lines one by one; None where they are many, or whole lines."""
        ops = _near_joined(was, now)
        whole = {line.strip().rstrip(",;") for line in self.new.lines[region.new_start : region.new_end]}
        told: Counter[str] = Counter()
        for from_, to, new_from, new_to in ops:
            gone, come = self._slice(self.old, was[from_:to]), self._slice(self.new, now[new_from:new_to])
            if gone is None or come is None or come.rstrip(",;") in whole:
                return None
            if not gone:
                beside = self._slice(self.new, now[max(0, new_from - 3) : new_from])
                next_to = self._slice(self.new, now[new_to : new_to + 3])
                if not beside and not next_to:
                    return None
                told[f"add `{come}` after `{beside}`" if beside else f"add `{come}` before `{next_to}`"] += 1
            elif come:
                told[f"write `{come}` instead of `{gone}`"] += 1
            else:
                told[f"remove `{gone}`"] += 1
        if not told or len(told) > MAX_OPS:
            return None
        return "; ".join(said + (f" ({count} times)" if count > 1 else "") for said, count in told.items())

    def _slice(self, side: Side, tokens: list[Token]) -> str | None:
        """Give the text of a few tokens of one line; None for more."""
        if not tokens:
            return ""
        text = side.text(tokens[0].start, tokens[-1].end)
        if len(tokens) > MAX_OP_TOKENS or len(text) > MAX_OP_CHARS or UNQUOTABLE.search(text):
            return None
        return text

    def _summary(self, was: list[Token], now: list[Token], region: Region) -> tuple[str, int]:
        come, gone = _difference(now, was), _difference(was, now)
        has_types_first = self.new.language.name in TYPES_FIRST
        added = _defined(self.new.lines[region.new_start : region.new_end], has_types_first)
        removed = _defined(self.old.lines[region.old_start : region.old_end], has_types_first)
        both = set(added) & set(removed)
        added = {name: kind for name, kind in added.items() if name not in both}
        removed = {name: kind for name, kind in removed.items() if name not in both}
        parts: list[str] = []
        if len(added) == len(removed) == 1 and list(added.values()) == list(removed.values()):
            parts.append(f"rename {_named(removed)} to `{next(iter(added))}`")
        else:
            if removed:
                parts.append(f"remove {_named(removed)}")
            if added:
                parts.append(f"add {_named(added)}")
        defined = {*added, *removed}
        names = [each for each in come["name"] if each not in defined and len(each) > 1]
        names += [each for each in come["word"] if each in TYPE_WORDS]
        lost = [each for each in gone["name"] if each not in defined]
        texts = [each for each in come["text"] if re.search(r"\w", each)]
        if len(names) > MAX_NAMES:
            raise Unsaid("unsaid_names")
        if len(texts) > MAX_TEXTS or any(len(text) > MAX_TEXT_CHARS or UNQUOTABLE.search(text) for text in texts):
            raise Unsaid("unsaid_texts")
        lines = [line for line in self.new.lines[region.new_start : region.new_end] if line.strip()]
        is_import = all(IMPORT.match(line) for line in lines)
        verb = "import" if is_import else "use" if parts or was else "add code that uses"
        if names:
            parts.append(f"{verb} {_quoted(names)}" + (f" instead of {_quoted(lost[:4])}" if lost else ""))
        statements = [word for word in come["word"] if word in STATEMENTS] if not is_import else []
        if statements:
            parts.append(f"add {_quoted(statements)}" if not names else f"with {_quoted(statements)}")
        values = [*texts, *(each for each in come["number"] if len(each) > 1)]
        if values:
            kind = ("text" if texts else "value") + "s" * (len(values) > 1)
            parts.append(f"{'the' if parts else 'write the'} {kind} {_quoted(values)}")
        if lost and not names and not removed:
            parts.append(f"no longer use {_quoted(lost[:4])}")
        if len(parts) == 1 and names and {*names} <= {each.text for each in was}:
            raise Unsaid("unsaid_signs")  # what is said stands there already
        if not parts:
            if gone["text"]:
                parts.append(f"remove {_quoted(gone['text'][:3])}")
            elif sorted(each.text for each in was) == sorted(each.text for each in now):
                parts.append("put these lines in another order")
            else:
                raise Unsaid("unsaid_signs")
        return ", ".join(parts), len(names) + len(texts)


def _near_joined(was: list[Token], now: list[Token]) -> list[tuple[int, int, int, int]]:
    """Give the runs of tokens that differ; runs with little between them, or with an open bracket, are one."""
    matcher = SequenceMatcher(None, [each.text for each in was], [each.text for each in now], autojunk=False)
    joined: list[tuple[int, int, int, int]] = []
    for tag, *run in matcher.get_opcodes():
        from_, to, new_from, new_to = run
        if tag == "equal":
            continue
        if joined and (from_ - joined[-1][1] < MIN_BETWEEN or _is_open(was, now, joined[-1])):
            from_, new_from = joined[-1][0], joined[-1][2]
            joined.pop()
        joined.append((from_, to, new_from, new_to))
    return joined


def _is_open(was: list[Token], now: list[Token], run: tuple[int, int, int, int]) -> bool:
    sides = was[run[0] : run[1]], now[run[2] : run[3]]
    return any(
        sum(each.text in ("(", "[", "{") for each in side) != sum(each.text in (")", "]", "}") for each in side)
        for side in sides
    )


def _letters(tokens: list[Token]) -> str:
    return re.sub(r"\W+", "", "".join(each.text for each in tokens))


def _difference(side: list[Token], other: list[Token]) -> dict[str, list[str]]:
    """Give what one side has more often than the other, by kind, each once and in order."""
    more = Counter((each.kind, each.text) for each in side) - Counter((each.kind, each.text) for each in other)
    found: dict[str, list[str]] = {"name": [], "word": [], "text": [], "number": [], "sign": []}
    for each in side:
        if more[each.kind, each.text] and each.text not in found[each.kind]:
            found[each.kind].append(each.text)
    return found


def _defined(lines: list[str], has_types_first: bool) -> dict[str, str]:
    """Give the names that lines define, each with what it is."""
    found: dict[str, str] = {}
    for line in lines:
        if match := DEFINES.match(line):
            found[match["name"]] = next(key for key in ("function", "class", "type", "macro") if match[key])
        elif has_types_first and (match := METHOD.match(line)):
            found[match["name"]] = "function"
        elif match := ASSIGNED.match(line):
            found[match["name"]] = "constant"
    return found


def _named(defined: dict[str, str]) -> str:
    return " and ".join(f"the {kind} `{name}`" for name, kind in defined.items())


def telling_line(lines: Iterable[str]) -> str:
    """Give the first line with a name in it, short enough to be quoted."""
    for line in lines:
        said = line.strip()
        if re.search(r"[A-Za-z]{2}", said) and "`" not in said:
            return _cut(said)
    return ""


def _cut(line: str) -> str:
    return line if len(line) <= MAX_QUOTED else line[:MAX_QUOTED].rsplit(" ", 1)[0] + " ..."


def _remark_words(tokens: list[Token]) -> Counter[str]:
    return Counter(word for each in tokens if each.kind == "remark" for word in re.findall(r"[\w'.-]*\w", each.text))


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
