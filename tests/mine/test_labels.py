"""History says which of a commit's lines were soon fixed, which survived, and what their file is called at the cut."""

from __future__ import annotations

import pytest

from tuner.mine.history import Change
from tuner.mine.labels import DAY_SECONDS, Fate, Fates, Lineage, Warmth, freshness, weight


def rename(old: str, new: str) -> Change:
    return Change("R090", new, old, "100644", "1" * 40, "2" * 40)


def test_renames_are_followed_back_over_several_commits() -> None:
    lineage = Lineage()
    lineage.note([rename("b.py", "c.py")])  # newest first
    lineage.note([rename("a.py", "b.py")])
    assert [lineage.at_cut(path) for path in ("a.py", "b.py", "c.py", "other.py")] == ["c.py"] * 3 + ["other.py"]


def test_two_files_that_changed_places_keep_their_own_history() -> None:
    lineage = Lineage()
    lineage.note([rename("a.py", "b.py"), rename("b.py", "a.py")])
    assert (lineage.at_cut("a.py"), lineage.at_cut("b.py")) == ("b.py", "a.py")


def fates(days: int = 14, alive: frozenset[int] | None = frozenset()) -> Fates:
    return Fates(days, lambda path: alive)


@pytest.mark.parametrize(("after_days", "is_soon"), [(0, True), (3, True), (14, True), (15, False), (400, False)])
def test_a_line_that_a_fix_took_away_within_the_window_is_a_bad_example(after_days: int, is_soon: bool) -> None:
    judge = fates()
    judge.note_fix("a.py", [7], 1000 * DAY_SECONDS)
    assert judge.judge("a.py", [5, 7], (1000 - after_days) * DAY_SECONDS).fixed_soon == is_soon


def test_a_fix_of_other_lines_or_of_another_file_says_nothing() -> None:
    judge = fates()
    judge.note_fix("a.py", [7], 1000 * DAY_SECONDS)
    assert not judge.judge("a.py", [8], 999 * DAY_SECONDS).fixed_soon
    assert not judge.judge("b.py", [7], 999 * DAY_SECONDS).fixed_soon


def test_a_line_that_came_after_the_fix_is_no_bad_example() -> None:
    judge = fates()
    judge.note_fix("a.py", [7], 1000 * DAY_SECONDS)
    assert not judge.judge("a.py", [7], 1001 * DAY_SECONDS).fixed_soon


def test_zero_days_keeps_everything() -> None:
    judge = fates(days=0)
    judge.note_fix("a.py", [7], 1000)
    assert not judge.judge("a.py", [7], 1000).fixed_soon


def test_survival_is_the_share_of_added_lines_that_stand_at_the_cut() -> None:
    assert fates(alive=frozenset({1, 2, 9})).judge("a.py", [1, 2, 3, 4], 0) == Fate(False, 0.5)
    assert fates(alive=None).judge("gone.py", [1, 2], 0) == Fate(False, 0.0)
    assert fates(alive=frozenset({1})).judge("a.py", [], 0) == Fate(False, 0.0)


def test_weights_halve_with_age_and_never_vanish() -> None:
    cut = 10_000 * DAY_SECONDS
    assert weight(cut, cut, 540, survival=1.0) == 1.0
    assert weight(cut - 540 * DAY_SECONDS, cut, 540, survival=1.0) == 0.5
    assert weight(0, cut, 540, survival=1.0) == 0.2
    assert weight(cut, cut, 540, survival=0.0) == 0.5
    assert freshness(cut + DAY_SECONDS, cut, 540) == 1.0


def test_a_file_weighs_by_how_often_and_how_lately_it_was_changed() -> None:
    cut = 10_000 * DAY_SECONDS
    warmth = Warmth(cut, half_life_days=180)
    for _ in range(4):
        warmth.note(["often.py"], cut)
    warmth.note(["once.py", "gone.py"], cut)
    for _ in range(4):
        warmth.note(["long_ago.py"], cut - 360 * DAY_SECONDS)
    warmth.note(["ages_ago.py"], 0)
    paths = ["often.py", "once.py", "long_ago.py", "ages_ago.py", "never.py"]
    assert warmth.weights(paths) == {
        "often.py": 1.0,
        "once.py": round(0.25**0.7, 4),
        "long_ago.py": round(0.25**0.7, 4),
        "ages_ago.py": 0.02,
        "never.py": 0.02,
    }
    assert warmth.weights(["once.py", "never.py"]) == {
        "once.py": 1.0,
        "never.py": 0.02,
    }  # a file that is gone counts not


def test_files_without_any_change_weigh_the_same() -> None:
    assert Warmth(0, half_life_days=180).weights(["a.py", "b.py"]) == {"a.py": 1.0, "b.py": 1.0}
    assert Warmth(0, half_life_days=180).weights([]) == {}
