"""Sum up what was mined, redacted, dropped and trained on, from the stages' records.

In: the records of mine, dataset and train. Out: rows of words and counts. Drops for a foreign licence are listed by
themselves, also when there are none, because a reader asks for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from tuner.not_drawn import not_drawn
from tuner.records import PAIR_KINDS, Adapter, Cut, Dataset, Mined
from tuner.report import figures

REDACTED = "redacted."
LICENCE = "licen"  # foreign_licence, and whatever else a gate may say of licences


@dataclass(frozen=True, slots=True)
class DataCard:
    """The card's tables, each row a name and its cells."""

    day: str
    cut: list[tuple[str, str]]
    kinds: list[tuple[str, str, str, str]]
    training: list[tuple[str, str]]
    redacted: list[tuple[str, int]]
    licences: list[tuple[str, str, int]]
    dropped: list[tuple[str, str, int]]
    notes: list[str]


def data_card(mined: Mined, dataset: Dataset, adapter: Adapter) -> DataCard:
    """Collect the card."""
    dropped = [
        (room, reason, count)
        for room, counts in (("mine", mined.rejected_counts), ("dataset", dataset.rejected_counts))
        for reason, count in _ranked(counts)
    ]
    replaced = {name.removeprefix(REDACTED): count for name, count in mined.counts.items() if name.startswith(REDACTED)}
    return DataCard(
        day=_day(mined.cut.committed_at),
        cut=[*_cut(mined.cut), *(("history", said) for said in not_drawn(mined.counts, mined.rejected_counts))],
        kinds=_kinds(mined, dataset),
        training=_training(adapter.metrics),
        redacted=_ranked(replaced),
        licences=[each for each in dropped if LICENCE in each[1]],
        dropped=[each for each in dropped if LICENCE not in each[1]],
        notes=[*dataset.notes, *adapter.fallbacks],
    )


def _cut(cut: Cut) -> list[tuple[str, str]]:
    rows = [
        ("training ends at", f"{cut.commit[:12]} of {_day(cut.committed_at)}"),
        ("code commits before it", figures.count(cut.commits_before)),
        ("code commits after it", figures.count(cut.commits_after)),
    ]
    return [*rows, ("note", cut.note)] if cut.note else rows


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def _kinds(mined: Mined, dataset: Dataset) -> list[tuple[str, str, str, str]]:
    counts = dataset.counts
    return [
        (
            kind.replace("_", " "),
            figures.count(mined.counts.get(kind)),
            figures.count(counts.get(f"train_rows.{kind}")),
            figures.count(counts.get(f"train_tokens.{kind}")),
        )
        for kind in PAIR_KINDS
        if mined.counts.get(kind) or counts.get(f"train_rows.{kind}")
    ]


def _training(metrics: Mapping[str, float]) -> list[tuple[str, str]]:
    wanted: Iterable[tuple[str, str, str]] = (
        ("train.tokens", "tokens", "{:,.0f}"),
        ("train.steps", "steps", "{:,.0f}"),
        ("train.seconds", "seconds", "{:,.0f}"),
        ("train.tokens_per_second", "tokens per second", "{:,.0f}"),
        ("train.peak_memory_gib", "peak memory, GiB", "{:.1f}"),
        ("train.loss_first", "mean loss of the first steps", "{:.3f}"),
        ("train.loss_final", "mean loss of the last steps", "{:.3f}"),
        ("train.valid_loss_base", "loss on validation before", "{:.3f}"),
        ("train.valid_loss_best", "loss on validation at the best step, which is kept", "{:.3f}"),
        ("train.best_step", "best step", "{:,.0f}"),
        ("train.valid_loss_final", "loss on validation at the last step validated", "{:.3f}"),
        ("train.valid_bits_per_byte_base", "the same in bits per byte, before", "{:.3f}"),
        ("train.valid_bits_per_byte_best", "at the best step", "{:.3f}"),
    )
    return [(name, form.format(metrics[key])) for key, name, form in wanted if key in metrics]


def _ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))
