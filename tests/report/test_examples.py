"""Examples are shown with all their answers, in the order in which they were drawn."""

from __future__ import annotations

import dataclasses

from tests.report import contests
from tuner.report.examples import MOST_LINES, examples


def test_each_pair_has_its_wins_and_its_losses() -> None:
    first, second = contests.examples(2, "tuned", "base"), contests.examples(3, "tuned+bm25", "copilot")
    found = examples([*first, *second], [])
    assert [(each.a, each.b, len(each.wins), len(each.losses)) for each in found] == [
        ("tuned", "base", 2, 2),
        ("tuned+bm25", "copilot", 3, 3),
    ]
    assert [view.number for view in found[1].wins] == [1, 2, 3]


def test_right_answers_are_unmarked_and_the_others_show_what_differs() -> None:
    (pair,) = examples(contests.examples(1, "tuned", "copilot"), [])
    ours, theirs = pair.wins[0].main
    assert (ours.system, ours.right, theirs.system, theirs.right) == ("tuned", True, "copilot", False)
    assert "<del>" not in ours.marked and "<del>opts, </del>" in theirs.marked
    assert [each.system for each in pair.wins[0].others] == ["base"]


def test_a_system_that_gave_no_answer_says_so() -> None:
    (each, _) = contests.examples(1, "tuned", "copilot")
    (pair,) = examples([dataclasses.replace(each, answers={"tuned": each.target})], [])
    assert pair.wins[0].main[1].marked == "<em>no answer</em>"


def test_long_code_is_cut_to_the_lines_around_the_cursor() -> None:
    (each, _) = contests.examples(1)
    long = dataclasses.replace(each, before="\n".join(f"line {at}" for at in range(90)), after="a\nb\nc\nd\ne")
    (pair,) = examples([long], [])
    assert pair.wins[0].before.split("\n") == [f"line {at}" for at in range(90 - MOST_LINES, 90)]
    assert pair.wins[0].after == "a\nb\nc"


def test_the_nearest_training_line_goes_with_its_item() -> None:
    chosen = contests.examples(1)
    (pair,) = examples(chosen, contests.nearest(chosen[:1]))
    assert pair.wins[0].nearest is not None and pair.losses[0].nearest is None
    assert (pair.wins[0].nearest.similarity, pair.wins[0].nearest.path) == ("87 %", "src/click/core.py")
