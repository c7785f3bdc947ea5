from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.dataset.cursors import boundary_cursors, fault_of, inside_cursors
from tuner.dataset.items import Chosen, choose_items, is_known
from tuner.dataset.names import names_of
from tuner.recipe import DatasetSettings
from tuner.records import Addition, Item, Span
from tuner.truncation import cut

from .examples import SEED, addition, code, spanned

LINE = st.text(st.sampled_from("ab_1 \té{}()=.,\r"), max_size=24).map(lambda line: line + "\n")
ADDITIONS = st.lists(
    st.builds(
        lambda lines, commit, prefix, suffix: addition("".join(lines), commit * 40, prefix=prefix, suffix=suffix),
        st.lists(LINE, min_size=1, max_size=6),
        st.sampled_from("123456"),
        st.sampled_from(["", "import shop\n"]),
        st.sampled_from(["", "\nLAST = 1\n"]),
    ),
    max_size=12,
    unique_by=lambda each: each.id,
)


def choose(additions: list[Addition], **values: object) -> Chosen:
    return choose_items(lambda: additions, DatasetSettings.model_validate(values), SEED)


@settings(max_examples=60, deadline=None)
@given(ADDITIONS, st.randoms())
def test_items_do_not_depend_on_the_order_of_the_additions(additions: list[Addition], chance) -> None:  # type: ignore[no-untyped-def]
    expected = [question.item for question in choose(additions).questions]
    chance.shuffle(additions)
    assert [question.item for question in choose(additions).questions] == expected


@settings(max_examples=60, deadline=None)
@given(ADDITIONS)
def test_prefix_and_target_rebuild_what_was_added(additions: list[Addition]) -> None:
    for question in choose(additions).questions:
        item = question.item
        source = next(
            each
            for each in additions
            if each.added == question.added
            and each.commit == item.commit
            and item.prefix.startswith(each.prefix)
            and item.suffix.endswith(each.suffix)
            and (each.prefix + each.added).startswith(item.prefix + item.target)
        )
        typed = item.prefix + item.target
        rest = (source.prefix + source.added)[len(typed) :]
        assert rest.split("\n")[0].strip() == ""
        assert item.suffix.lstrip("\r\n") == source.suffix.lstrip("\r\n")
        assert "\n" not in item.target and item.target == item.target.rstrip()
        assert sum(not each.isspace() for each in item.target) >= 3


@settings(max_examples=60, deadline=None)
@given(ADDITIONS)
def test_no_line_is_asked_twice_and_no_commit_too_often(additions: list[Addition]) -> None:
    questions = choose(additions, items=5, items_per_commit=2).questions
    commits = [question.item.commit for question in questions]
    assert len({question.line for question in questions}) == len(questions) <= 5
    assert all(commits.count(commit) <= 2 for commit in commits)


@given(LINE)
def test_cursors_stand_where_their_names_say(line: str) -> None:
    for at in inside_cursors(line):
        assert (line[at - 2 : at] + line[at]).replace("_", "a").isalnum()
    for at in boundary_cursors(line):
        assert not (line[:at][-1:].isalnum() and line[at].isalnum())
    assert not set(inside_cursors(line)) & set(boundary_cursors(line))


def test_the_share_of_cursors_inside_words_is_kept() -> None:
    additions = [addition(code(f"topic{number}"), f"{number:040x}") for number in range(40)]
    for share in (0.0, 0.5, 1.0):
        places = [each.item.cursor for each in choose(additions, items=120, inside_share=share).questions]
        assert abs(places.count("inside") / len(places) - share) < 0.12


def test_a_line_without_the_wanted_cursor_takes_the_other() -> None:
    places = [each.item.cursor for each in choose([addition("a + b + c + d\n")], inside_share=1.0).questions]
    assert places == ["boundary"]


def test_commits_take_turns_so_that_each_is_asked() -> None:
    additions = [
        addition(code("tax"), "1" * 40),
        addition(code("cart", 1), "2" * 40),
        addition(code("stock", 1), "3" * 40),
    ]
    commits = [each.item.commit for each in choose(additions, items=3).questions]
    assert sorted(commits) == ["1" * 40, "2" * 40, "3" * 40]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("    });", "short"),
        ("x = 1", "short"),
        ("-" * 70, "no_word"),
        ("x = " + "y" * 160, "long"),
        ('token = "REDACTEDx7Kq"', "redacted"),
        ('author = "user04711@example.com"', "redacted"),
        ("redacted = clean(text)", None),
        ("größe = breite × höhe", None),
        ("return total", None),
    ],
)
def test_a_line_makes_an_item_or_has_a_reason(line: str, fault: str | None) -> None:
    assert fault_of(line) == fault


def test_a_replaced_secret_is_listed_as_rejected() -> None:
    chosen = choose([addition('token = "REDACTEDx7Kq"\n')])
    assert [each.reason for each in chosen.rejected] == ["redacted", "no_usable_line"]
    assert not chosen.questions


def test_later_lines_of_the_run_do_not_exist_yet() -> None:
    first, second = "alpha_total = 1\n", "omega_total = 2\n"
    items = [each.item for each in choose([addition(first + second, prefix="P\n", suffix="S\n")]).questions]
    assert {item.suffix for item in items} == {"\nS\n"}
    assert sorted(item.prefix.startswith("P\nalpha_total = 1\n") for item in items) == [False, True]


TOPICS = [spanned(f"topic{number}", f"{number:040x}") for number in range(30)]


def kinds(additions: list[Addition], **values: object) -> Counter[str]:
    return Counter(each.item.kind for each in choose(additions, **values).questions)


def test_each_kind_has_its_share() -> None:
    assert kinds(TOPICS, items=50) == {"line": 32, "call": 6, "block": 6, "body": 6}
    shares = {"line": 0.5, "call": 0.0, "block": 0.25, "body": 0.25}
    assert kinds(TOPICS, items=40, item_shares=shares) == {"line": 20, "block": 10, "body": 10}


def test_lines_take_the_place_of_what_a_repository_lacks() -> None:
    bare = [dataclasses.replace(each, spans=[s for s in each.spans if s.kind == "call"]) for each in TOPICS]
    assert kinds(bare, items=50) == {"line": 44, "call": 6}


def test_an_item_of_every_kind_puts_its_target_between_what_was_there_and_what_came_later() -> None:
    by_commit = {each.commit: each for each in TOPICS}
    for question in choose(TOPICS, items=100).questions:
        item, source = question.item, by_commit[question.item.commit]
        assert (item.prefix + item.target).rstrip() in source.prefix + source.added
        assert item.suffix == "\nLAST = 1\n"
        assert cut(item, (source.prefix + source.added + source.suffix)[len(item.prefix) :]) == item.target
        if item.kind in ("block", "body"):
            assert "\n" in item.target and not item.prefix.rpartition("\n")[2].strip()
            assert item.cursor == "boundary" and len(question.lines) >= 2
        else:
            assert "\n" not in item.target
        if item.kind == "call":
            assert item.prefix[-1] in "(."


def test_no_line_is_asked_for_by_two_items_of_any_kind() -> None:
    asked = Counter(line for question in choose(TOPICS, items=100).questions for line in question.lines)
    assert asked.most_common(1)[0][1] == 1


def test_kinds_do_not_depend_on_the_order_of_the_additions() -> None:
    assert choose(TOPICS[::-1], items=60).questions == choose(TOPICS, items=60).questions


def test_a_body_that_the_rule_would_not_end_where_it_ends_makes_no_item() -> None:
    text = 'def f(rows):\n    text = """\nflush left\n"""\n    return text + rows\n'
    body = Span("body", text.index("text"), len(text) - 1)
    chosen = choose([dataclasses.replace(addition(text), spans=[body])])
    assert {each.item.kind for each in chosen.questions} == {"line"}
    assert chosen.counts["spans.body.not_cut_at_its_end"] == 1


def test_a_body_in_which_something_was_replaced_makes_no_item() -> None:
    text = 'def f(rows):\n    token = "REDACTEDx7Kq"\n    return token + rows\n'
    body = Span("body", text.index("token"), len(text) - 1)
    chosen = choose([dataclasses.replace(addition(text), spans=[body])])
    assert {each.item.kind for each in chosen.questions} == {"line"}
    assert chosen.counts["spans.body.unusable"] == 1


def test_a_line_is_known_by_itself_and_a_body_by_all_of_its_lines() -> None:
    for question in choose(TOPICS, items=60).questions:
        assert is_known(question, set(question.lines))
        assert not is_known(question, set(question.lines[1:]))
        assert not is_known(question, set())


@pytest.mark.parametrize(
    ("prefix", "target", "names"),
    [
        ("total = ", "tax_of(cart)  # see Other", {"tax_of", "cart"}),
        ("total = pri", "ce(cart)", {"price", "cart"}),
        ("    # the ", "Other total", set()),
        ("def f():\n    ", "x = 1\n    # then y\n    return x.size", {"x", "size"}),
    ],
)
def test_the_names_of_a_target_are_those_of_its_code(prefix: str, target: str, names: set[str]) -> None:
    item = Item("i", "shop", "a.py", "python", "c", 0, "boundary", prefix, "", target, True)
    assert names_of(item) == names
