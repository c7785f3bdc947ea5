"""Duels are balanced over pairs and sides, each voter has an own order, and nobody sees the same answer twice."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from tests.arena.arenas import item, items, neutral_answers, prediction
from tuner.arena.duels import ROUND, SHARED, Duel, ballot, pair_up, trimmed
from tuner.records import Prediction

SYSTEMS = ("base", "tuned", "copilot", "gpt")
TEXTS = st.sampled_from(["a()", "b()", "a()  ", "a()\nmore", "", None])


def predictions(texts: dict[str, dict[str, str | None]]) -> dict[str, dict[str, Prediction]]:
    return {name: {ident: prediction(ident, text) for ident, text in each.items()} for name, each in texts.items()}


def duels_of(count: int, systems: tuple[str, ...] = SYSTEMS, seed: int = 17) -> list[Duel]:
    found = items(count)
    pairs = list(combinations(systems, 2))
    return pair_up(pairs, found, predictions(neutral_answers(systems, found)), seed)[0]


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=12), st.integers(0, 9))
def test_every_pair_meets_over_every_item_that_both_answered_differently(
    drawn: list[tuple[str | None, ...]], seed: int
) -> None:
    found = items(len(drawn))
    texts = {
        name: {each.id: texts[place] for each, texts in zip(found, drawn, strict=True)}
        for place, name in enumerate(SYSTEMS[:3])
    }
    pairs = list(combinations(SYSTEMS[:3], 2))
    duels, matchups = pair_up(pairs, found, predictions(texts), seed)
    assert len({each.id for each in duels}) == len(duels)
    for matchup in matchups:
        a, b = texts[matchup.a], texts[matchup.b]
        both = [each.id for each in found if a[each.id] is not None and b[each.id] is not None]
        differ = {ident for ident in both if trimmed(a[ident] or "") != trimmed(b[ident] or "")}
        assert {each.item for each in duels if (each.a, each.b) == (matchup.a, matchup.b)} == differ
        assert matchup.items == len(found)
        assert matchup.voided == len(found) - len(both)
        assert matchup.identical == len(both) - len(differ)
    assert all(each.text_a != each.text_b for each in duels)


def test_answers_that_differ_only_in_what_is_cut_are_identical() -> None:
    one = item(1)
    answers = predictions({"a": {one.id: "x = 1"}, "b": {one.id: "x = 1 \t\nprint(x)"}})
    duels, (matchup,) = pair_up([("a", "b")], [one], answers, 1)
    assert duels == [] and matchup.identical == 1


def test_the_deal_is_balanced_over_the_pairs_at_every_moment_give_or_take_two() -> None:
    counts: Counter[tuple[str, str]] = Counter()
    dealt = duels_of(120)
    assert len(dealt) == 120 * 6
    for each in dealt:
        counts[each.a, each.b] += 1
        if len(counts) == 6:
            assert max(counts.values()) - min(counts.values()) <= 2


def test_no_item_comes_again_before_all_had_a_turn() -> None:
    dealt = duels_of(40)
    assert all(len({each.item for each in dealt[start : start + 40]}) == 40 for start in range(0, len(dealt), 40))


def test_the_same_seed_deals_the_same_and_another_seed_differently() -> None:
    assert duels_of(30) == duels_of(30)
    assert [each.id for each in duels_of(30)] != [each.id for each in duels_of(30, seed=18)]


def test_a_changed_answer_is_another_duel() -> None:
    one = item(1)
    pairs = [("a", "b")]
    before = pair_up(pairs, [one], predictions({"a": {one.id: "x"}, "b": {one.id: "y"}}), 1)[0][0]
    after = pair_up(pairs, [one], predictions({"a": {one.id: "x"}, "b": {one.id: "z"}}), 1)[0][0]
    turned = pair_up([("b", "a")], [one], predictions({"a": {one.id: "x"}, "b": {one.id: "y"}}), 1)[0][0]
    assert before.id != after.id
    assert before.id == turned.id  # the same duel, whichever system is named first


@given(st.integers(1, 140), st.integers(1, 7), st.integers(0, 3))
def test_a_voter_sees_every_duel_once_and_each_on_balanced_sides(count: int, voter: int, seed: int) -> None:
    duels = duels_of(count, SYSTEMS[:3])
    shown = ballot(duels, voter, seed)
    assert sorted(each.duel.id for each in shown) == sorted(each.id for each in duels)
    assert [each.round for each in shown] == sorted(each.round for each in shown)
    assert len({each.token for each in shown}) == len(shown)
    for number in {each.round for each in shown}:
        for pair in combinations(SYSTEMS[:3], 2):
            sides = Counter(each.left for each in shown if each.round == number and (each.duel.a, each.duel.b) == pair)
            assert abs(sides["a"] - sides["b"]) <= 1


def test_the_left_side_belongs_to_the_first_system_in_half_of_all_duels() -> None:
    duels = duels_of(200)
    lefts = [each.left == "a" for voter in range(1, 9) for each in ballot(duels, voter, 17)]
    assert abs(sum(lefts) / len(lefts) - 0.5) < 3 * 0.5 / len(lefts) ** 0.5


def test_voters_share_the_first_duels_of_a_round_and_spread_over_the_others() -> None:
    duels = duels_of(200, SYSTEMS[:2])
    firsts = [{each.duel.id for each in ballot(duels, voter, 17)[:ROUND]} for voter in (1, 2, 3, 4)]
    for one, other in combinations(firsts, 2):
        assert len(one & other) == SHARED
    assert len(set.union(*firsts)) == SHARED + 4 * (ROUND - SHARED)


def test_each_voter_has_an_own_order_and_keeps_it() -> None:
    duels = duels_of(50, SYSTEMS[:2])
    orders = [[each.duel.id for each in ballot(duels, voter, 17)] for voter in (1, 2)]
    assert orders[0] != orders[1]
    assert ballot(duels, 1, 17) == ballot(duels, 1, 17)


def test_both_sides_say_what_their_system_said() -> None:
    for each in ballot(duels_of(20, SYSTEMS[:2]), 3, 17):
        said = dict(zip(each.systems, each.texts, strict=True))
        assert said == {each.duel.a: each.duel.text_a, each.duel.b: each.duel.text_b}
