"""Say what is wrong with an answer, as far as that takes more than the item: the figures that need `Knowledge`.

In: the knowledge, an item and the prediction for it. Out: for each metric a numerator and a denominator, as in
`scoring`; None where nothing can be said of the answer (no name decided, a language without a grammar, a right line).

    invented_name_rate    names that exist nowhere, over the names of which it could be decided, imports included
    stale_name_rate       names that the repository had once and no longer has, over the same
    invented_import_rate  modules that exist nowhere, over the modules of which it could be decided
    unparsable_rate       share of answers after which the file has more syntax errors than with the author's text
    verbatim_rate         share of answers of at least 50 lexemes that hold a run of lines of at least 50 lexemes which
                          stands verbatim in the training text
    recited_line_rate     share of wrong answers whose first line, completed, is a line of the training text that stands
                          nowhere around the cursor: recalled where it does not belong
    repeats_suffix_rate   share of answers that end with, or whose first line becomes, the first line after the cursor

A name that stands in the author's own text is known. For all of them the author's text gives 0, except that a name
which the author's commit brings in elsewhere would be invented in another's mouth: `author_invented_rate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from tuner.knowledge import Knowledge
from tuner.name_check import Decision, NamesFound
from tuner.records import Item, Prediction
from tuner.scoring import Figure, Metric, exact_match
from tuner.training_lines import FEWEST_CHARS, LEXEME, SPAN, told_lines


@dataclass(frozen=True, slots=True)
class KnowingMetric:
    """A metric that needs to know the repository."""

    name: str
    better: Literal["higher", "lower"]
    figure: Callable[[Knowledge, Item, Prediction], Figure | None]

    def with_(self, knowledge: Knowledge) -> Metric:
        """Give the metric that looks things up in `knowledge`."""
        return Metric(self.name, self.better, lambda item, prediction: self.figure(knowledge, item, prediction))


def invented_names(knowledge: Knowledge, item: Item, prediction: Prediction) -> Figure | None:
    """Count the invented among the decided names."""
    return _share(knowledge.found(item, prediction), "invented")


def stale_names(knowledge: Knowledge, item: Item, prediction: Prediction) -> Figure | None:
    """Count the stale among the decided names."""
    return _share(knowledge.found(item, prediction), "stale")


def invented_imports(knowledge: Knowledge, item: Item, prediction: Prediction) -> Figure | None:
    """Count the invented among the decided modules."""
    found = knowledge.found(item, prediction)
    return None if found is None else _counted((decision for _, decision in found.modules), "invented")


def unparsable(knowledge: Knowledge, item: Item, prediction: Prediction) -> Figure | None:
    """Tell whether the answer breaks the file where the author's text does not."""
    found, own = knowledge.found(item, prediction), knowledge.own(item, target_counts=True)
    return None if found is None or own is None else (float(found.faults > own.faults), 1.0)


def verbatim(knowledge: Knowledge, item: Item, prediction: Prediction) -> Figure | None:
    """Tell whether a long answer holds a long run of training text."""
    lines = told_lines(_typed(item) + prediction.text)
    if sum(len(LEXEME.findall(line)) for line in lines) < SPAN:
        return None
    return float(knowledge.training.longest_run(lines) >= SPAN), 1.0


def recited_line(knowledge: Knowledge, item: Item, prediction: Prediction) -> Figure | None:
    """Tell whether a wrong answer recalls a training line that stands nowhere around."""
    if exact_match(item, prediction)[0] or not prediction.text.strip():
        return None
    line = (_typed(item) + prediction.text.partition("\n")[0]).strip()
    around = {each.strip() for text in (item.prefix, item.suffix) for each in text.split("\n")}
    return float(knowledge.training.has_line(line) and line not in around), 1.0


def repeats_suffix(knowledge: Knowledge, item: Item, prediction: Prediction) -> Figure | None:
    """Tell whether the answer says what stands behind the cursor already."""
    following = told_lines(item.suffix)[:1]
    if not prediction.text.strip() or not following or len("".join(following[0].split())) < FEWEST_CHARS:
        return None
    first = (_typed(item) + prediction.text.partition("\n")[0]).strip()
    last = prediction.text.rstrip().rpartition("\n")[2].strip()
    return float(following[0] in (first, last)), 1.0


def author_invented(knowledge: Knowledge, items: Iterable[Item]) -> Figure:
    """Count the author's own names that would be called invented in an answer: the detector's false alarms at most."""
    invented = decided = 0.0
    for item in items:
        figure = _share(knowledge.own(item, target_counts=False), "invented")
        if figure is not None:
            invented, decided = invented + figure[0], decided + figure[1]
    return invented, decided


KNOWING = (
    KnowingMetric("invented_name_rate", "lower", invented_names),
    KnowingMetric("invented_import_rate", "lower", invented_imports),
    KnowingMetric("stale_name_rate", "lower", stale_names),
    KnowingMetric("unparsable_rate", "lower", unparsable),
    KnowingMetric("verbatim_rate", "lower", verbatim),
    KnowingMetric("recited_line_rate", "lower", recited_line),
    KnowingMetric("repeats_suffix_rate", "lower", repeats_suffix),
)


def with_knowledge(metrics: Iterable[Metric], knowledge: Knowledge | None) -> tuple[Metric, ...]:
    """Add the metrics that need knowledge, where there is some."""
    return (*metrics, *(each.with_(knowledge) for each in KNOWING if knowledge is not None))


def _share(found: NamesFound | None, wanted: Decision) -> Figure | None:
    if found is None:
        return None
    return _counted([*(each for _, each in found.names), *(each for _, each in found.modules)], wanted)


def _counted(decisions: Iterable[Decision], wanted: Decision) -> Figure | None:
    hits = [each == wanted for each in decisions if each != "undecided"]
    return (float(sum(hits)), float(len(hits))) if hits else None


def _typed(item: Item) -> str:
    return item.prefix.rpartition("\n")[2]
