"""Give every word of a repository's names another word, one to one, so that new names read like names.

In: the parts of names with how often they occur, and a seed. Out: `Words`, which renames whole names: same case, same
number of parts. A word goes to another of its group in `twin_words.txt` (`get` to `fetch`, `size` to `magnitude`), its
plural and verb forms with it; two words in one (`filename`) go as two; what has no group gets a spare noun of about its
length. Parts of one or two letters stay, and those listed as grammar or as names of the world (`json`, `test`, `self`).
"""

from __future__ import annotations

import functools
import itertools
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PLACE = Path(__file__).parent / "twin_words.txt"
FEWEST_LETTERS = 3
PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[^A-Za-z]+")
FORMS = ("s", "ed", "ing", "er", "ers")
IRREGULAR = {"seek": "sought", "keep": "kept", "build": "built", "send": "sent", "tell": "told", "draw": "drawn"}
_VOWELS = "aeiou"
_SHORT = re.compile(rf"[^{_VOWELS}]*(?:[{_VOWELS}]|qu[{_VOWELS}])[^{_VOWELS}wxy]")
_DOUBLED = frozenset(
    ["format", "submit", "permit", "commit", "begin", "refer", "infer", "defer", "omit", "forget", "compel"]
)


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists of `twin_words.txt`."""

    kept: frozenset[str]
    groups: tuple[tuple[str, ...], ...]
    spare: tuple[str, ...]


@functools.cache
def lists() -> Lists:
    """Read the lists."""
    _, kept, groups, spare = re.split(r"^\[\w+\]\n", PLACE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return Lists(
        frozenset(kept.split()), tuple(tuple(each.split()) for each in groups.split(";")), tuple(spare.split())
    )


def parts_of(name: str) -> list[str]:
    """Cut a name into words and what stands between them; joined they are the name."""
    return PART.findall(name)


def vocabulary(names: Iterable[str]) -> Counter[str]:
    """Count the words of names, in small letters."""
    return Counter(part.lower() for name in names for part in parts_of(name) if part.isalpha())


def inflect(word: str, form: str) -> str:
    """Put a word into a form of `FORMS`, by rule."""
    if form == "ers":
        return inflect(inflect(word, "er"), "s")
    if form == "s":
        if word.endswith(("s", "x", "z", "ch", "sh")):
            return f"{word}es"
        return f"{word[:-1]}ies" if _ends_in_y(word) else f"{word}s"
    if form == "ed" and word in IRREGULAR:
        return IRREGULAR[word]
    if word.endswith("e"):
        return f"{word[:-1]}ing" if form == "ing" and not word.endswith("ee") else word + form.removeprefix("e")
    if _SHORT.fullmatch(word) or word in _DOUBLED:
        return word + word[-1] + form
    return f"{word[:-1]}i{form}" if _ends_in_y(word) and form != "ing" else word + form


class Words:
    """A one-to-one map of words, and of the names that are made of them."""

    def __init__(self, counted: Counter[str], seed: int, kept: Iterable[str] = ()) -> None:
        choice = random.Random(seed)
        self._kept = lists().kept | frozenset(kept)
        self._spare = choice.sample(lists().spare, len(lists().spare))
        self._more = (first + second for first, second in itertools.permutations(tuple(self._spare), 2))
        self._base: dict[str, str] = {}
        for group in lists().groups:
            ring = choice.sample(group, len(group))
            self._base.update(zip(ring, ring[1:] + ring[:1], strict=True))
        self._forms = {inflect(word, form): (word, form) for word in self._base for form in FORMS}
        self._map: dict[str, str] = {}
        self._used: set[str] = set()
        ordered = [word for word, _ in sorted(counted.items(), key=lambda each: (-each[1], each[0]))]
        unknown = {word for word in ordered if not self._is_known(word)}
        self._forms |= {
            inflect(word, form): (word, form)
            for word in sorted(unknown)
            for form in FORMS
            if inflect(word, form) in unknown
        }
        for word in sorted(ordered, key=lambda word: (word in self._forms, word not in self._base)):
            self._assign(word)

    def of_word(self, word: str) -> str:
        """Give the word for a word in small letters; one that no name has stays."""
        return self._map.get(word, word)

    def of_name(self, name: str) -> str:
        """Rename a name part by part, each in the case that it had."""
        return "".join(_in_case(self.of_word(part.lower()), part) for part in parts_of(name))

    def otherwise(self, name: str, taken: set[str]) -> str:
        """Rename a name for which `of_name` gives a taken one: its last new word becomes another one."""
        old, new = parts_of(name), parts_of(self.of_name(name))
        place = max(number for number, part in enumerate(old) if part != new[number])
        length = len(old[place])
        for word in itertools.chain(self._group(old[place].lower()), iter(lambda: self._next_spare(length), "")):
            tried = "".join([*new[:place], _in_case(word, old[place]), *new[place + 1 :]])
            if tried not in taken and tried != name:
                return tried
        raise AssertionError("spare words never end")

    def _group(self, word: str) -> Iterator[str]:
        base, form = (word, "") if word in self._base else self._forms.get(word, ("", ""))
        for group in lists().groups:
            if base in group:
                yield from (inflect(each, form) if form else each for each in group if each != base)

    def _is_known(self, word: str) -> bool:
        return len(word) < FEWEST_LETTERS or word in self._kept or word in self._base or word in self._forms

    def _assign(self, word: str) -> None:
        if len(word) < FEWEST_LETTERS or word in self._kept or word in self._map:
            return
        found = next((each for each in self._tries(word) if self._is_free(each, word)), "")
        while not self._is_free(found, word):
            found = self._next_spare(len(word))
        self._map[word] = found
        self._used.add(found)

    def _tries(self, word: str) -> Iterator[str]:
        if word in self._base:
            yield self._base[word]
        elif word in self._forms:
            base, form = self._forms[word]
            if base not in self._base:
                self._assign(base)
            yield inflect(self._map.get(base, self._base.get(base, base)), form)
        else:
            yield from self._as_two(word)

    def _as_two(self, word: str) -> Iterator[str]:
        for place in range(FEWEST_LETTERS, len(word) - FEWEST_LETTERS + 1):
            halves = word[:place], word[place:]
            if all(self._is_known(half) for half in halves):
                yield "".join(next(self._tries(half), half) if half not in self._kept else half for half in halves)

    def _is_free(self, found: str, word: str) -> bool:
        return bool(found) and found != word and found not in self._used and found not in self._kept

    def _next_spare(self, length: int) -> str:
        if not self._spare:
            return next(self._more)
        return self._spare.pop(min(range(len(self._spare)), key=lambda number: abs(len(self._spare[number]) - length)))


def _ends_in_y(word: str) -> bool:
    return len(word) > 1 and word[-1] == "y" and word[-2] not in _VOWELS


def _in_case(word: str, like: str) -> str:
    if len(like) > 1 and like.isupper():
        return word.upper()
    return word.capitalize() if like[:1].isupper() else word
