"""Set the answers to an item beside what its author wrote, with the files they come from.

In: the examples that comparison drew, and the training lines nearest to them. Out: for each pair of systems its wins
and losses as they are shown. Nothing is chosen here; long code is cut to the lines around the cursor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tuner.comparison import Example, Nearest
from tuner.report import figures
from tuner.report.marking import marked, shortened, shown

MOST_LINES = 12  # of code before the cursor, and of a training snippet
PLACES = {"boundary": "cursor at a word's boundary", "inside": "cursor inside a word"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One system's answer, with its differences from the truth, and whether there are none."""

    system: str
    marked: Markup
    right: bool


@dataclass(frozen=True, slots=True)
class Source:
    """The training line that is nearest to the answer."""

    path: str
    commit: str
    similarity: str
    snippet: str


@dataclass(frozen=True, slots=True)
class View:
    """One example as it is shown."""

    number: int
    sign: str
    kind: str
    path: str
    commit: str
    about: list[str]
    before: str
    target: str
    after: str
    main: list[Answer]
    others: list[Answer]
    nearest: Source | None


@dataclass(frozen=True, slots=True)
class Examples:
    """All examples of one pair of systems."""

    a: str
    b: str
    wins: list[View]
    losses: list[View]


def examples(chosen: Sequence[Example], nearest: Iterable[Nearest]) -> list[Examples]:
    """Arrange the examples by pair of systems, then wins before losses."""
    sources = {each.item_id: each for each in nearest}
    found = []
    for a, b in dict.fromkeys((each.a, each.b) for each in chosen):
        of_pair = [each for each in chosen if (each.a, each.b) == (a, b)]
        by_kind = {kind: [each for each in of_pair if each.kind == kind] for kind in ("win", "loss")}
        wins, losses = (
            [_view(number, each, sources.get(each.item_id)) for number, each in enumerate(by_kind[kind], 1)]
            for kind in ("win", "loss")
        )
        found.append(Examples(a, b, wins, losses))
    return found


def _view(number: int, each: Example, source: Nearest | None) -> View:
    main = [_answer(each, name) for name in (each.a, each.b)]
    others = [_answer(each, name) for name in each.answers if name not in (each.a, each.b)]
    about = [each.language, PLACES[each.cursor], "novel line" if each.novel else "line also in the training text"]
    before = "\n".join(each.before.split("\n")[-MOST_LINES:])
    return View(
        number=number,
        sign="✓" if each.kind == "win" else "✗",
        kind=each.kind,
        path=each.path,
        commit=each.commit,
        about=about,
        before=before[-MOST_LINES * 100 :],
        target=shortened(each.target),
        after=shortened("\n".join(each.after.split("\n")[:3])),
        main=main,
        others=others,
        nearest=None if source is None else _source(source),
    )


def _answer(each: Example, system: str) -> Answer:
    if system not in each.answers:
        return Answer(system, Markup("<em>no answer</em>"), False)
    answer = each.answers[system]
    right = answer.rstrip() == each.target.rstrip()
    return Answer(system, shown(shortened(answer.rstrip())) if right else marked(each.target, answer), right)


def _source(found: Nearest) -> Source:
    snippet = "\n".join(found.snippet.split("\n")[:MOST_LINES])
    return Source(found.path, found.commit, figures.share(found.similarity), shortened(snippet))
