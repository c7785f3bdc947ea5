"""Say how good one answer is: the figures that evaluation reports and comparison subtracts.

In: an item and the prediction for it. Out: for each metric a numerator and a denominator, so that every figure over
many items is one ratio, sum over sum: a plain mean where the denominator is 1. None where a system cannot say (bits).
Void predictions are no answers and must be dropped before.

    bits_per_byte        base-2 log loss of the target over its UTF-8 bytes; needs a system that gives probabilities
    exact_match          the answer is the author's text; blanks at the ends of lines and blank lines at its end aside
    exact_match_all_cuts mean over the items of one line: share of the cursors from this one on that leave three visible
                         characters from which the rest of the line comes out right; local models only
    perfect_first_line   the answer's first line is the author's: of an item of one line, exact match once more
    edit_similarity      rapidfuzz.fuzz.ratio / 100: normalised indel similarity of the two texts
    identifier_f1        F1 over the sets of identifiers, strings and keywords left out; 1 where both sets are empty
    chars_saved_ratio    characters of the longest correct beginning, in whole lexemes, over the target's characters
    over_generation_rate share of answers that hold the whole target and then go on, in its line or in further lines
    empty_rate           share of answers without a visible character
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rapidfuzz import fuzz

from tuner.records import Item, Prediction

Figure = tuple[float, float]
_LEXEME = re.compile(r"\w+|[^\w\s]|\s+")
_STRING = re.compile(r'"(?:\\.|[^"\\\n])*"' + r"|'(?:\\.|[^'\\\n])*'" + r"|`(?:\\.|[^`\\\n])*`")
_IDENTIFIER = re.compile(r"(?<!\w)[^\W\d]\w*")
_TYPED_WORD = re.compile(r"[^\W\d]\w*\Z")
# Words of the C family and its neighbours that are hardly ever names; Python has a list of its own.
_KEYWORDS = frozenset(
    """
    abstract as async await bool boolean break byte case catch char class const continue debugger default defer
    delete do double else enum export extends extern false final finally float fn for func function go goto if
    impl implements import in instanceof int interface is let long match mod mut namespace new nil null package
    private protected public pub return self short signed sizeof static string struct super switch template this
    throw throws trait true try type typedef typeof union unsigned use using var virtual void volatile where while
    with yield
    """.split()  # noqa: SIM905 - a list of eighty quoted words is no easier to read
)


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure per item, and which direction is the better one."""

    name: str
    better: Literal["higher", "lower"]
    figure: Callable[[Item, Prediction], Figure | None]


def bits(item: Item, prediction: Prediction) -> Figure | None:
    """Give the target's log loss in bits, and its bytes."""
    return None if prediction.bits is None else (prediction.bits, float(prediction.target_bytes))


def exact_match(item: Item, prediction: Prediction) -> Figure:
    """Tell whether the answer is what the author wrote."""
    return float(_plain(prediction.text) == _plain(item.target)), 1.0


def exact_match_all_cuts(item: Item, prediction: Prediction) -> Figure | None:
    """Give the share of the line's later cursors from which the rest would have been right."""
    if prediction.cuts is None or prediction.right_cuts is None or not prediction.cuts:
        return None
    return prediction.right_cuts / prediction.cuts, 1.0


def perfect_first_line(item: Item, prediction: Prediction) -> Figure:
    """Tell whether the first line of the answer is the author's."""
    given, wanted = (text.partition("\n")[0].rstrip() for text in (prediction.text, item.target))
    return float(given == wanted), 1.0


def edit_similarity(item: Item, prediction: Prediction) -> Figure:
    """Measure how alike answer and target are."""
    return fuzz.ratio(_plain(prediction.text), _plain(item.target)) / 100.0, 1.0


def identifier_f1(item: Item, prediction: Prediction) -> Figure:
    """Compare the sets of names; a word that the cursor stands in counts as the whole word that it becomes."""
    wanted = identifiers(item, item.target)
    found = identifiers(item, prediction.text)
    if not wanted and not found:
        return 1.0, 1.0
    return 2.0 * len(wanted & found) / (len(wanted) + len(found)), 1.0


def chars_saved(item: Item, prediction: Prediction) -> Figure:
    """Count the characters that need not be typed when the answer's longest correct beginning is accepted."""
    target = _plain(item.target)
    saved = 0
    for wanted, found in zip(_LEXEME.findall(target), _LEXEME.findall(_plain(prediction.text)), strict=False):
        if wanted != found:
            break
        saved += len(wanted)
    return float(saved), float(len(target))


def over_generation(item: Item, prediction: Prediction) -> Figure:
    """Tell whether the answer is right as far as the target goes, but does not stop there."""
    target, text = _plain(item.target), _plain(prediction.text)
    return float(len(text) > len(target) and text.startswith(target)), 1.0


def empty(item: Item, prediction: Prediction) -> Figure:
    """Tell whether there is nothing to show."""
    return float(not prediction.text.strip()), 1.0


BITS_PER_BYTE = Metric("bits_per_byte", "lower", bits)
COMPARED = (
    BITS_PER_BYTE,
    Metric("exact_match", "higher", exact_match),
    Metric("exact_match_all_cuts", "higher", exact_match_all_cuts),
    Metric("perfect_first_line", "higher", perfect_first_line),
    Metric("edit_similarity", "higher", edit_similarity),
    Metric("identifier_f1", "higher", identifier_f1),
    Metric("chars_saved_ratio", "higher", chars_saved),
    Metric("over_generation_rate", "lower", over_generation),
)
METRICS = (*COMPARED, Metric("empty_rate", "lower", empty))


def identifiers(item: Item, text: str) -> set[str]:
    """Collect the names in a completion of the item; the word before the cursor is one only if the text extends it."""
    typed = _TYPED_WORD.search(item.prefix)
    word = typed.group() if typed else ""
    found = _IDENTIFIER.findall(_STRING.sub(" ", word + text))
    if word and found and found[0] == word:
        found = found[1:]
    keywords = keyword.kwlist if item.language.lower() == "python" else _KEYWORDS
    return set(found).difference(keywords)


def _plain(text: str) -> str:
    """Leave out the blanks at the ends of lines, and blank lines at the end."""
    return "\n".join(line.rstrip() for line in text.rstrip().split("\n"))
