from __future__ import annotations

import re
from pathlib import Path

from tuner.dataset.audit_text import as_text, length_names
from tuner.records import Rejected

from .audited_runs import item, pair, row, sound_run

ESCAPE = "\x1b"


def test_a_sound_run_is_called_sound(tmp_path: Path) -> None:
    text = as_text(sound_run().audit(tmp_path), colour=False)
    assert "\nVerdict: sound\n" in text
    assert "do not publish" in text.splitlines()[1]


def test_a_fault_is_named_with_its_place_and_what_to_do(tmp_path: Path) -> None:
    run = sound_run()
    run.train += [run.train[2]] * 10
    text = as_text(run.audit(tmp_path), colour=False)
    assert "Verdict: 1 kind of fault" in text
    assert "  duplicate_row: 10 rows that repeat another row" in text
    assert "    what to do: do not train on this run" in text
    assert "    data/train.jsonl:5 (pair " in text
    assert "    and 2 more\n" in text


def test_supervised_text_is_between_brackets_where_there_is_no_colour(tmp_path: Path) -> None:
    text = as_text(sound_run().audit(tmp_path), colour=False)
    assert ESCAPE not in text
    assert "  | [[    return ledger.total()\n  | <|endoftext|>]]\n" in text
    assert "<|file_sep|># shop/tax.py\n" in text


def test_on_a_terminal_supervised_text_is_green_and_every_line_ends_plain(tmp_path: Path) -> None:
    text = as_text(sound_run().audit(tmp_path), colour=True)
    assert "[[" not in text
    assert f"{ESCAPE}[32m    return" in text.replace(f"{ESCAPE}[0m{ESCAPE}[32m", "")
    for line in text.splitlines():
        assert not line.count(ESCAPE) or line.endswith(f"{ESCAPE}[0m") or line.rpartition(ESCAPE)[2].startswith("[0m")


def test_text_of_the_repository_cannot_steer_the_terminal(tmp_path: Path) -> None:
    run = sound_run()
    hostile = pair("body", f"{ESCAPE}]0;owned\x07{ESCAPE}[2J\u202e\r", f"shop/{ESCAPE}[31m\u202e.py")
    run.pairs.append(hostile)
    run.train = [row(hostile)]
    run.items = [item("    something_long_enough()", path=f"{ESCAPE}[1m.py")]
    run.mine_rejected = [Rejected("x", "mine", f"{ESCAPE}[5m")]
    run.repository = f"{ESCAPE}c"
    text = as_text(run.audit(tmp_path), colour=False)
    assert not set(text) & {ESCAPE, "\x07", "\u202e", "\r"}
    assert "<U+001B>[2J<U+202E>" in text and "shop/<U+001B>[31m" in text


def test_a_long_row_is_shown_around_the_beginning_of_its_answer(tmp_path: Path) -> None:
    run = sound_run()
    long = pair("body", "".join(f"    step_{number}()\n" for number in range(40)))
    run.pairs.append(long)
    run.train = [row(long)]
    text = as_text(run.audit(tmp_path), colour=False)
    assert "| [[    step_0()" in text and "step_39" not in text
    assert re.search(r"\| \.\.\. \d+ lines more", text)


def test_the_bars_of_the_histogram_cover_every_length() -> None:
    names = length_names(512)
    assert (names[0], names[-1], len(names)) == ("1-32", "481-512", 16)
