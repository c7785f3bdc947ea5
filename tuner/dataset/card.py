"""Write the dataset card `data/README.md`: every figure computed, no code quoted, no clock read.

In: the stage's counts. Out: Markdown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from tuner.records import PAIR_KINDS, Dataset, Item, Mined


def card(
    mined: Mined, dataset: Dataset, items: list[Item], dates: tuple[int, int], languages: Mapping[str, int]
) -> str:
    """Describe a dataset to whoever finds its folder; `dates` are those of the oldest and the newest pair."""
    counts, metrics = dataset.counts, dataset.metrics
    supervised = metrics["dataset.supervised_tokens"] / metrics["dataset.train_tokens"]
    lines = [
        "# Dataset card",
        "",
        "This folder contains internal code; do not publish it. It was made on this machine from one git repository.",
        "",
        f"- source revision: `{mined.revision}`",
        f"- cut: `{mined.cut.commit}` of {_day(mined.cut.committed_at)}; {mined.cut.commits_before} code commits before"
        f" it, {mined.cut.commits_after} after it",
        f"- training pairs are from {_day(dates[0])} to {_day(dates[1])}; items are from {_range(items)}",
        f"- items: `{dataset.items}`, sha256 `{dataset.items_sha256}`",
        *([f"- note on the cut: {mined.cut.note}"] if mined.cut.note else []),
        "",
        "## Rows",
        "",
        *_table(
            ("kind", "pairs", "train rows", "train tokens", "valid rows"),
            [
                (
                    kind,
                    counts[f"pairs.{kind}"],
                    counts[f"train_rows.{kind}"],
                    counts[f"train_tokens.{kind}"],
                    counts[f"valid_rows.{kind}"],
                )
                for kind in PAIR_KINDS
            ],
        ),
        "",
        f"Loss is taken on {supervised:.1%} of the {metrics['dataset.train_tokens']:.0f} training tokens.",
        f"Left out because the token budget was full: {counts['left_out_by_budget.pairs']} pairs and"
        f" {counts['left_out_by_budget.rows']} rows.",
        "",
        *_table(("language", "pairs"), sorted(languages.items())),
        "",
        "## Rejected",
        "",
        *_table(
            ("room", "reason", "count"),
            [("mine", *each) for each in sorted(mined.rejected_counts.items())]
            + [("dataset", *each) for each in sorted(dataset.rejected_counts.items())],
        ),
        "",
        f"{counts['lines_cut']} lines were cut from training files because they copy an evaluated addition.",
        "",
        "## Evaluation items",
        "",
        f"{len(items)} items from {counts['items.commits']} commits; each asks for the rest of a line that a commit"
        " after the cut added.",
        "",
        *_table(
            ("language", "cursor", "line", "items"),
            [(*key, count) for key, count in sorted(Counter(map(_stratum, items)).items())],
        ),
        "",
        "A line is novel when it stands in no pair that was mined.",
        "",
        "## Redaction",
        "",
        "Secrets and e-mail addresses were replaced when the repository was mined. Lines in which something was"
        f" replaced make no item: {dataset.rejected_counts.get('redacted', 0)} were left out.",
    ]
    return "\n".join(lines) + "\n"


def _stratum(item: Item) -> tuple[str, str, str]:
    return item.language, item.cursor, "novel" if item.novel else "known"


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> list[str]:
    cells = [" | ".join(map(str, row)) for row in rows]
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {row} |" for row in cells)]


def _range(items: list[Item]) -> str:
    dates = [item.committed_at for item in items]
    return f"{_day(min(dates))} to {_day(max(dates))}" if dates else "no commit"


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
