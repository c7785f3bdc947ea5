"""A corpus of planted secrets leaves no text, and a corpus of look-alikes stays as it is."""

from __future__ import annotations

import ast
import json
from collections import Counter

import pytest
import yaml

from tests.mine.lookalikes import harmless
from tests.mine.planted import Planted, planted
from tuner.mine.redact import find_secrets, redact

PLANTED = planted()
HARMLESS = harmless()


def test_the_corpus_is_wide_enough_and_always_the_same() -> None:
    assert len(PLANTED) >= 200 and len({each.kind for each in PLANTED}) >= 35
    assert {each.where for each in PLANTED} == {"code", "config", "history", "message", "notebook"}
    assert len(HARMLESS) >= 1000
    assert planted() == PLANTED and harmless() == HARMLESS
    assert all(each.survives_in(each.text) for each in PLANTED)  # or the next test could not fail


def test_no_planted_secret_survives_in_any_form() -> None:
    survivors = [
        (each.kind, each.where, each.suffix, each.text) for each in PLANTED if each.survives_in(redact(each.text).text)
    ]
    assert survivors == []


def test_what_is_written_in_place_of_them_is_no_secret_and_adds_no_line() -> None:
    for each in PLANTED:
        redacted = redact(each.text).text
        assert find_secrets(redacted) == [] and redacted.count("\n") == each.text.count("\n")


@pytest.mark.parametrize(
    "each", [each for each in PLANTED if each.suffix in (".py", ".json", ".ipynb", ".yaml")], ids=lambda each: each.kind
)
def test_redacted_code_and_config_still_parse(each: Planted) -> None:
    parse = {".py": ast.parse, ".json": json.loads, ".ipynb": json.loads, ".yaml": yaml.safe_load}[each.suffix]
    if each.suffix != ".py" or _parses(each.text):
        parse(redact(each.text).text)


def _parses(code: str) -> bool:
    try:
        ast.parse(code)
    except SyntaxError:  # a line out of a call
        return False
    return True


def test_fewer_than_one_in_a_hundred_look_alikes_is_taken_for_a_secret() -> None:
    alarms = [
        (name, [(found.kind, line[found.start : found.end]) for found in find_secrets(line)], line)
        for name, line in HARMLESS
    ]
    alarms = [each for each in alarms if each[1]]
    print(f"{len(alarms)} false alarms on {len(HARMLESS)} look-alikes: {Counter(name for name, *_ in alarms)}")
    for each in alarms[:20]:
        print(each)
    assert len(alarms) < len(HARMLESS) / 100
