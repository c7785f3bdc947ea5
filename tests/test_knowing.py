"""Controls for the figures that need knowledge: the author's text has none of the faults, and each fault is seen."""

from __future__ import annotations

import pytest

from tests.names import item, known, prediction
from tuner.knowing import KNOWING, author_invented, with_knowledge
from tuner.knowledge import Knowledge
from tuner.records import Item
from tuner.repo_names import Timeline
from tuner.scoring import COMPARED
from tuner.training_lines import TrainingLines

LINE = "total = count(parts, rounded=True)"
BODY = "\n".join(f"    part{number} = count(parts[{number}], total, {number})" for number in range(8))
TRAINED = TrainingLines.of([f"def load(path):\n    {LINE}\n", BODY])
NAMES = known("count", "rounded", stale={"tally": ""})
KNOWLEDGE = Knowledge({"shop": Timeline(NAMES)}, TRAINED)
QUESTION = item("    ", "total = count(parts)")


def figures(text: str, question: Item = QUESTION, raw: str | None = None) -> dict[str, float]:
    found = {each.name: each.figure(KNOWLEDGE, question, prediction(question, text, raw)) for each in KNOWING}
    return {name: each[0] / each[1] for name, each in found.items() if each is not None}


def test_the_authors_text_has_no_fault() -> None:
    assert set(figures(QUESTION.target).values()) == {0.0}


@pytest.mark.parametrize(
    ("answer", "metric", "value"),
    [
        ("total = frobnicate(count(parts))", "invented_name_rate", 1 / 2),
        ("import nonsuch", "invented_import_rate", 1.0),
        ("total = tally(parts)", "stale_name_rate", 1.0),
        ("total = count(parts))", "unparsable_rate", 1.0),
        (LINE, "recited_line_rate", 1.0),
        ("return parts  # as ever", "repeats_suffix_rate", 1.0),
        (BODY.strip(), "verbatim_rate", 1.0),
    ],
)
def test_each_fault_is_seen(answer: str, metric: str, value: float) -> None:
    question = item("    ", "total = count(parts)", suffix="\n    return parts  # as ever\n")
    assert figures(answer, question)[metric] == value


def test_a_training_line_that_stands_around_the_cursor_is_not_recited() -> None:
    question = item("    ", "total = count(parts)", suffix=f"\n    {LINE}\n")
    assert figures(LINE, question)["recited_line_rate"] == 0.0


def test_a_right_line_is_never_recited() -> None:
    assert "recited_line_rate" not in figures(LINE, item("    ", LINE))


def test_fifty_lexemes_of_other_text_are_no_copy_and_fewer_are_not_asked() -> None:
    other = "\n".join(f"    other{number} = count(parts[{number}], total, {number})" for number in range(8))
    assert figures(other.strip())["verbatim_rate"] == 0.0
    assert "verbatim_rate" not in figures(LINE)


def test_lines_of_the_training_text_in_another_order_are_no_run() -> None:
    lines = BODY.split("\n")
    mixed = [lines[place] for place in (6, 3, 0, 5, 2, 7, 4, 1)]
    assert figures("\n".join(mixed).strip())["verbatim_rate"] == 0.0


def test_a_name_in_which_the_answer_was_cut_off_is_not_judged() -> None:
    assert "invented_name_rate" not in figures("path.frobni", raw="path.frobni")
    assert figures("path.frobni")["invented_name_rate"] == 1.0


def test_the_author_is_judged_without_his_own_line() -> None:
    assert author_invented(KNOWLEDGE, [QUESTION]) == (0.0, 1.0)
    assert author_invented(KNOWLEDGE, [item("    ", "total = brand_new(count(parts))")]) == (1.0, 2.0)


def test_a_repository_whose_names_were_not_read_to_the_end_gives_no_figure_on_names() -> None:
    partly = Knowledge({"shop": Timeline(known("count", is_whole=False))}, TRAINED)
    names = {each.name for each in KNOWING if each.figure(partly, QUESTION, prediction(QUESTION, "nonsuch()"))}
    assert names == {"recited_line_rate"}


def test_without_knowledge_nothing_is_added() -> None:
    assert with_knowledge(COMPARED, None) == COMPARED
    assert len(with_knowledge(COMPARED, KNOWLEDGE)) == len(COMPARED) + len(KNOWING)
