"""Write the dataset card `data/README.md`: every figure computed, two shortened examples of each kind, no clock read.

In: the stage's counts and examples. Out: Markdown. It quotes code, which it says at its top.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from tuner.chat_form import fence_for
from tuner.dataset.decoded import Example
from tuner.not_drawn import not_drawn
from tuner.records import PAIR_KINDS, Dataset, Item, Mined, MinedRepo


def card(
    mined: Mined,
    dataset: Dataset,
    items: list[Item],
    dates: tuple[int, int],
    languages: Mapping[str, int],
    repos: Iterable[str],
    examples: Iterable[Example],
) -> str:
    """Describe a dataset to whoever finds its folder; `dates` are those of the oldest and the newest pair."""
    counts, metrics = dataset.counts, dataset.metrics
    supervised = metrics["dataset.supervised_tokens"] / metrics["dataset.train_tokens"]
    lines = [
        "# Dataset card",
        "",
        "This folder, this card included, contains internal code; do not publish it. It was made on this machine from"
        f" {', '.join(sorted(repos))}.",
        "",
        *(f"- {each.name}: revision `{each.revision}`, {_cut_of(each)}" for each in mined.repos),
        f"- moment of the cut: {_day(mined.cut.committed_at)}; {mined.cut.commits_before} code commits before it,"
        f" {mined.cut.commits_after} after it",
        f"- training pairs are from {_day(dates[0])} to {_day(dates[1])}; items are from {_range(items)}",
        f"- items: `{dataset.items}`, sha256 `{dataset.items_sha256}`",
        *([f"- note on the cut: {mined.cut.note}"] if mined.cut.note else []),
        *(f"- history: {said}" for said in not_drawn(mined.counts, mined.rejected_counts)),
        "",
        "## Rows",
        "",
        *_table(
            ("kind", "pairs", "train rows", "train tokens"),
            [
                (
                    kind,
                    counts[f"pairs.{kind}"],
                    counts[f"train_rows.{kind}"],
                    counts[f"train_tokens.{kind}"],
                )
                for kind in PAIR_KINDS
            ],
        ),
        "",
        f"Loss is taken on {supervised:.1%} of the {metrics['dataset.train_tokens']:.0f} training tokens.",
        f"Left out because the token budget was full: {counts['left_out_by_budget.pairs']} pairs and"
        f" {counts['left_out_by_budget.rows']} rows.",
        *_above_folder_share(counts["over_folder_share"]),
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
        f"{counts['lines_cut']} lines and {counts['neighbours_cut']} files beside a hole were cut from training pairs"
        " because they copy a later addition that is evaluated or validated on.",
        "",
        "## Validation",
        "",
        f"{counts['valid.commits']} of {counts['later_commits']} later commits are kept for validation: they give no"
        f" item. {metrics['dataset.valid_rows']:.0f} rows from {counts['valid.commits_in_rows']} of them hold"
        f" {metrics['dataset.valid_tokens']:.0f} tokens. Loss is taken on {metrics['dataset.valid_labels']:.0f} of"
        f" these, which spell {metrics['dataset.valid_bytes']:.0f} bytes.",
        *(f"Note: {each}." for each in dataset.notes),
        "",
        "## Evaluation items",
        "",
        f"{len(items)} items from {counts['items.commits']} commits; each asks for the rest of a line, or for a"
        " whole body, that a commit after the cut added.",
        "",
        *_table(
            ("language", "kind", "cursor", "text", "items"),
            [(*key, count) for key, count in sorted(Counter(map(_stratum, items)).items())],
        ),
        "",
        "A text is novel when its line stands in no pair that was mined, of a body any of its lines."
        f" {counts['items.new_names']} items use a name that stands in no file at the cut.",
        "",
        "## Redaction",
        "",
        "Secrets and personal data were replaced when the repository was mined. Lines in which something was"
        f" replaced make no item: {dataset.rejected_counts.get('redacted', 0)} were left out.",
        "",
        *_table(("replaced", "count"), _redacted(mined.counts)),
        "",
        "## Examples",
        "",
        "Two training rows of each kind, as the model reads them, shortened. Above the answer stands the prompt, on"
        " which no loss is taken.",
        *(line for example in examples for line in _example(example)),
    ]
    return "\n".join(lines) + "\n"


def _above_folder_share(tokens: int) -> list[str]:
    if not tokens:
        return []
    return [f"{tokens} training tokens are above their folder's share, because no other folder had rows left."]


def _redacted(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    found = {name.removeprefix("redacted."): count for name, count in counts.items() if name.startswith("redacted.")}
    return sorted(found.items()) or [("nothing", 0)]


def _example(example: Example) -> list[str]:
    fence = fence_for(example.read, example.learned)
    blocks = [line for text in (example.read, example.learned) for line in (fence, text.rstrip("\n"), fence, "")]
    return ["", f"### {example.kind}: `{example.path}`", "", *blocks[:-1]]


def _cut_of(repo: MinedRepo) -> str:
    return f"cut at `{repo.cut.commit}`" if repo.cut is not None else "all of it later than the cut"


def _stratum(item: Item) -> tuple[str, str, str, str]:
    return item.language, item.kind, item.cursor, "novel" if item.novel else "known"


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> list[str]:
    cells = [" | ".join(map(str, row)) for row in rows]
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {row} |" for row in cells)]


def _range(items: list[Item]) -> str:
    dates = [item.committed_at for item in items]
    return f"{_day(min(dates))} to {_day(max(dates))}" if dates else "no commit"


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
