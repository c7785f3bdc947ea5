"""Controls for the scorer: answers that are known to be bad, better and right must come out in that order."""

from __future__ import annotations

import dataclasses

import pytest

from tuner.records import Item, Prediction
from tuner.scoring import METRICS

PREFIX = "import os\n\ndef load(path, encoding):\n    text = read_fi"
TARGET = 'le(path, encoding, errors="strict")'


def item(prefix: str = PREFIX, target: str = TARGET, language: str = "python") -> Item:
    return Item("i", "shop", "a.py", language, "c", 0, "inside", prefix, "", target, True)


def figures(text: str, question: Item | None = None, bits: float | None = 8.0) -> dict[str, float]:
    question = question or item()
    prediction = Prediction(question.id, text, text, bits, len(question.target.encode()), 5, 1.0, None)
    found = {metric.name: metric.figure(question, prediction) for metric in METRICS}
    return {name: each[0] / each[1] for name, each in found.items() if each is not None}


def test_empty_echo_noise_and_truth_come_out_in_this_order() -> None:
    empty = figures("")
    echo = figures(PREFIX.split("\n")[0])
    noise = figures('le(path, encodings, errors="strict")')
    truth = figures(TARGET + "  ")
    for metric in ("edit_similarity", "identifier_f1", "chars_saved_ratio"):
        assert max(empty[metric], echo[metric]) < noise[metric] < truth[metric] == 1.0, metric
    assert [each["exact_match"] for each in (empty, echo, noise, truth)] == [0.0, 0.0, 0.0, 1.0]
    assert empty["edit_similarity"] == 0.0 == empty["chars_saved_ratio"] == echo["chars_saved_ratio"]
    assert [each["empty_rate"] for each in (empty, echo, noise, truth)] == [1.0, 0.0, 0.0, 0.0]


def test_an_answer_that_goes_on_behind_the_truth_saves_all_characters_but_over_generates() -> None:
    more = figures(TARGET + " or None")
    assert (more["chars_saved_ratio"], more["over_generation_rate"], more["exact_match"]) == (1.0, 1.0, 0.0)
    assert figures(TARGET)["over_generation_rate"] == 0.0
    assert figures(TARGET[:5])["over_generation_rate"] == 0.0


def test_half_a_word_saves_nothing_of_that_word() -> None:
    assert figures("le(path, enc")["chars_saved_ratio"] == pytest.approx(len("le(path, ") / len(TARGET))


def test_the_word_under_the_cursor_counts_as_the_whole_word_and_not_when_it_was_already_there() -> None:
    wrong_word = figures("eld(path, encoding, errors)")
    assert 0.0 < wrong_word["identifier_f1"] < 1.0
    typed_whole = item(prefix="read_file", target="(path)")
    assert figures("", typed_whole)["identifier_f1"] == 0.0
    assert figures("(path)", typed_whole)["identifier_f1"] == 1.0


def test_strings_and_keywords_are_no_identifiers() -> None:
    question = item(prefix="return ", target='x if y else "z w"')
    assert figures("y is x", question)["identifier_f1"] == 1.0
    assert figures("):", item(prefix="f(", target=")"))["identifier_f1"] == 1.0


def test_other_languages_have_their_own_keywords() -> None:
    question = item(prefix="const ", target="from = new Foo()", language="typescript")
    assert figures("Foo", question)["identifier_f1"] == pytest.approx(2 / 3)


def test_bits_per_byte_counts_utf8_bytes_and_is_absent_where_a_system_cannot_say() -> None:
    assert figures("", item(target="naïve()"), bits=16.0)["bits_per_byte"] == 2.0
    assert "bits_per_byte" not in figures("", bits=None)


BODY_PREFIX = "def load(path, encoding):\n    "
BODY = 'text = read_file(path, encoding)\n    if not text:\n        raise ValueError("empty")\n    return text'


def of_body(text: str, **cuts: int) -> dict[str, float]:
    body = dataclasses.replace(item(BODY_PREFIX, BODY), kind="body")
    prediction = Prediction(body.id, text, text, 8.0, len(BODY.encode()), 5, 1.0, None, **cuts)
    found = {metric.name: metric.figure(body, prediction) for metric in METRICS}
    return {name: each[0] / each[1] for name, each in found.items() if each is not None}


def test_of_a_body_too_empty_echo_noise_and_truth_come_out_in_this_order() -> None:
    empty, echo = of_body(""), of_body(BODY_PREFIX.strip())
    noise, truth = of_body(BODY.replace('"empty"', "path")), of_body(BODY)
    for metric in ("edit_similarity", "identifier_f1", "chars_saved_ratio"):
        assert max(empty[metric], echo[metric]) < noise[metric] <= truth[metric] == 1.0, metric
    assert noise["edit_similarity"] < 1.0 and noise["chars_saved_ratio"] < 1.0
    assert [each["exact_match"] for each in (empty, echo, noise, truth)] == [0.0, 0.0, 0.0, 1.0]
    assert [each["perfect_first_line"] for each in (empty, echo, noise, truth)] == [0.0, 0.0, 1.0, 1.0]
    assert [each["empty_rate"] for each in (empty, echo, noise, truth)] == [1.0, 0.0, 0.0, 0.0]


def test_blanks_at_the_ends_of_lines_and_blank_lines_at_the_end_are_no_difference() -> None:
    loose = of_body(BODY.replace("\n", "  \n") + "\n\n")
    assert [loose[name] for name in ("exact_match", "edit_similarity", "chars_saved_ratio")] == [1.0, 1.0, 1.0]
    assert of_body(BODY.replace("\n", "\n\n"))["exact_match"] == 0.0
    assert of_body(BODY.replace("    return", "  return"))["exact_match"] == 0.0


def test_a_body_that_goes_on_in_another_line_over_generates() -> None:
    more = of_body(BODY + "\n    print(text)")
    assert (more["over_generation_rate"], more["chars_saved_ratio"], more["exact_match"]) == (1.0, 1.0, 0.0)
    assert of_body(BODY)["over_generation_rate"] == 0.0 == of_body(BODY.partition("\n")[0])["over_generation_rate"]


def test_the_first_line_of_a_line_is_the_whole_of_it() -> None:
    for text in ("", TARGET, TARGET + "x", "le("):
        found = figures(text)
        assert found["perfect_first_line"] == found["exact_match"]


def test_exact_match_over_all_cuts_is_the_share_of_the_lines_cursors_and_absent_where_a_system_cannot_say() -> None:
    assert "exact_match_all_cuts" not in figures(TARGET)
    assert of_body(BODY, cuts=8, right_cuts=6)["exact_match_all_cuts"] == 0.75
    assert of_body(BODY, cuts=8, right_cuts=0)["exact_match_all_cuts"] == 0.0
