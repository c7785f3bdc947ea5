"""The log of sweeps is only ever added to: whole entries, each once, whatever stops the writing."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.pipelines import ROOT
from tests.test_swept import ABOUT, rows, swept, trial
from tuner.errors import MachineError
from tuner.sweep_log import HEADER, append, entry, table
from tuner.swept import Sweep

MACHINE = {
    "processor": "A Processor", "cores": "2", "system": "Linux x86_64", "python": "3.11.7", "torch": "2.13.0",
    "transformers": "5.23.0", "trl": "1.16.0", "peft": "0.21.2",
}  # fmt: skip
TABLE = """\
variant             tokens  steps  minutes  bits/byte  nats/token                  difference  outcome
base, untuned            0      0      0.0     3.0000      8.3178  +0.5000 [+0.5000, +0.5000]
baseline (2 seeds)   1,000      5      1.0     2.5000      6.9315
train.rank=8         1,000      5      1.0     2.4000      6.6542  -0.1000 [-0.1000, -0.1000]  best
train.rank=64            0      0      0.0                                                     failed: seed 17: gone

Judged on 30 validation rows, 300 tokens, 1,200 bytes (sha256 cccccccccccc), on which no variant was trained
Noise of the seeds: 0.0000 bits per byte between 2 seeds of the baseline
Best: train.rank=8, -0.1000 [-0.1000, -0.1000] bits per byte against the baseline"""
ENTRY = """\
## shop-tiny-sweep-0123abcd

- Repository: shop at aaaaaaaaaaaa
- Base: tiny, revision bbbbbbbbbbbb
- Machine: A Processor, 2 cores, Linux x86_64
- Program: tuner 0.1.0, python 3.11.7, torch 2.13.0, transformers 5.23.0, trl 1.16.0, peft 0.21.2
- Baseline: the defaults with dataset.max_train_tokens=30000
- Varied: one setting at a time

| variant | tokens | steps | minutes | bits/byte | nats/token | difference | outcome |
|---|---:|---:|---:|---:|---:|---:|---|
| base, untuned | 0 | 0 | 0.0 | 3.0000 | 8.3178 | +0.5000 [+0.5000, +0.5000] |  |
"""


def sweep(name: str = ABOUT.name) -> Sweep:
    made = swept(trial("train.rank=8", 17, rows(-4)), trial("train.rank=64", 17, [], "gone"))
    made = replace(made, results=[*made.results[:2], replace(made.results[2], tokens=0, steps=0, seconds=0)])
    settings = {"dataset.max_train_tokens": "30000"}
    return replace(made, about=replace(ABOUT, name=name, environment=MACHINE, settings=settings))


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let this process write files up to a size, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_screen_and_the_log_show_the_same_figures() -> None:
    assert "\n".join(table(sweep())) == TABLE
    text = entry(sweep())
    assert text.startswith(ENTRY)
    assert text.endswith(
        "| train.rank=64 | 0 | 0 | 0.0 |  |  |  | failed: seed 17: gone |\n\n"
        + "".join(f"{line}.\n" for line in TABLE.splitlines()[-3:])
    )
    assert "Best: no variant is shown to be better than the baseline" in table(replace(sweep(), best=None))
    assert "Noise of the seeds: not measured, the baseline has one seed" in table(replace(sweep(), noise=None))


def test_entries_are_added_behind_each_other_and_each_only_once(tmp_path: Path) -> None:
    log = tmp_path / "LOG.md"
    assert append(log, sweep()) and append(log, sweep("another"))
    assert log.read_text(encoding="utf-8") == f"{HEADER}\n{entry(sweep())}\n{entry(sweep('another'))}"
    before = log.stat()
    assert not append(log, sweep())
    assert log.stat().st_mtime_ns == before.st_mtime_ns


def test_what_people_wrote_into_the_log_stays(tmp_path: Path) -> None:
    log = tmp_path / "LOG.md"
    log.write_text("what we thought of it\n", encoding="utf-8")
    append(log, sweep())
    assert log.read_text(encoding="utf-8") == f"what we thought of it\n\n{entry(sweep())}"


def test_a_full_disk_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    log = tmp_path / "LOG.md"
    append(log, sweep())
    before = log.read_bytes()
    with largest_file(len(before) + 100), pytest.raises(MachineError) as caught:
        append(log, sweep("another"))
    assert caught.value.message == "log of sweeps: a file grew larger than this account may write"
    assert log.read_bytes() == before
    assert append(log, sweep("another"))  # the negative control: without the limit it is written


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(MachineError) as caught:
        append(tmp_path / "none" / "LOG.md", sweep())
    assert str(caught.value) == (
        f"{tmp_path}/none/LOG.md: cannot be written: No such file or directory\n"
        "hint: name another file with --log; nothing is trained again"
    )


def test_the_log_beside_the_recipes_says_what_it_is() -> None:
    assert (ROOT / "recipes/LOG.md").read_text(encoding="utf-8").startswith(HEADER)
