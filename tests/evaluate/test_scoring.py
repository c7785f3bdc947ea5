"""Controls for the scorer: answers that are known to be bad, better and right must come out in that order."""

from __future__ import annotations

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
