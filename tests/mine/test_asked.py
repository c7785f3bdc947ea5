"""Words of a request meet words of a change by their stems, and words that stand everywhere meet nothing."""

from __future__ import annotations

import pytest

from tuner.mine.asked import names_a_person_in_code, stem, stems, telling_words


@pytest.mark.parametrize(
    "words",
    [
        ("complete", "completion", "completing"),
        ("serialize", "serializer", "serialization"),
        ("run", "running", "runs"),
    ],
)
def test_forms_of_a_word_have_one_stem(words: tuple[str, ...]) -> None:
    assert len(set(map(stem, words))) == 1


def test_words_that_only_begin_alike_stay_apart() -> None:
    assert stem("complete") != stem("complex") != stem("compute")


def test_identifiers_count_by_their_parts() -> None:
    assert stems("roundHalf") == stems("round_half") == stems("round half") == {"round", "half"}


def test_words_of_any_request_or_any_code_tell_nothing() -> None:
    assert stems("Improve the file and add some more tests to it") == set()
    assert stems("public static final int value = null") == set()
    assert stems("import types", of_code_too=True) != set()


def test_an_identifier_is_one_telling_word_and_the_path_tells_none() -> None:
    assert telling_words("Optimize extendShape") == {"extendShape"}
    assert telling_words("Update colors example", stems("examples/colors.py")) == set()


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ('new User("Someone")', True),
        ("name == 'Someone'", True),
        ("# TODO(Someone): later", False),
        (' * @author Someone\\n "x"', False),
    ],
)
def test_a_person_counts_inside_strings_only(text: str, does: bool) -> None:
    assert names_a_person_in_code(text) is does
