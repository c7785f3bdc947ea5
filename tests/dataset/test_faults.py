from __future__ import annotations

import re
from pathlib import Path

from tuner.dataset.faults import FAULTS, PLACES_SHOWN, FaultBook

ROOT = Path(__file__).parents[2]


def test_the_documentation_explains_every_fault_and_no_other() -> None:
    text = (ROOT / "docs/audit.md").read_text(encoding="utf-8").partition("## What it checks")[2]
    assert re.findall(r"^\| `(\w+)` \|", text, re.M) == list(FAULTS)


def test_every_fault_has_a_test_that_provokes_it() -> None:
    text = (Path(__file__).parent / "test_audit.py").read_text(encoding="utf-8")
    assert [name for name in FAULTS if f'"{name}"' not in text] == []


def test_faults_are_counted_beyond_the_places_that_are_kept() -> None:
    book = FaultBook()
    assert book.faults() == []
    for number in range(PLACES_SHOWN + 2):
        book.add("no_pair", f"row {number}")
    book.add("altered", "file")
    assert [(each.name, each.count, len(each.places)) for each in book.faults()] == [
        ("altered", 1, 1),
        ("no_pair", PLACES_SHOWN + 2, PLACES_SHOWN),
    ]
