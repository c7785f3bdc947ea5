"""Put finished runs side by side, one row a repository: what docs/results.md shows.

In: run folders that are evaluated and compared. Out: Markdown, on standard output or between two marks of a file.
Every figure is read from the runs; a row that a run lacks is left out. Nothing is measured here, and nothing is chosen
by its outcome: what is named is shown, gain or loss. `--chosen-by` names a sweep by which settings of the runs were
chosen: a further table leaves out the items of commits that judged it. `--since` names the day from which the base
cannot have read a commit: a further table shows the items from then on, for runs that have earlier ones too.

    python -m benchmarks.results adapters/click-... adapters/zod-... --into docs/results.md
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path

from benchmarks.filling import fill
from tuner.compare.differences import REPORTED, differences
from tuner.comparison import Comparison, Contest, Difference
from tuner.errors import DataError
from tuner.forecast import covered
from tuner.records import Adapter, Dataset, Item, Prediction, from_json, read_jsonl
from tuner.rundir import Run
from tuner.sweep_rows import read_prepared

MARK = "runs"
UNJUDGED = "Items of commits that judged a sweep by which settings were chosen left out:"
UNREAD = "Items of commits from {} on alone, which the base cannot have read:"
LIBRARY = "stdlib_bits_per_byte_relative"
GAINS = (
    ("bits per byte", "bits_per_byte", "all"),
    ("bits per byte, novel", "bits_per_byte", "novel"),
    ("exact match, all cuts", "exact_match_all_cuts", "all"),
    ("exact match, all cuts, novel", "exact_match_all_cuts", "novel"),
    ("exact match", "exact_match", "all"),
    ("edit similarity", "edit_similarity", "all"),
    ("invented names", "invented_name_rate", "all"),
)
GAIN_HEAD = (
    "| repository | metric | base | tuned | change [95 %] | finding | n |",
    "|---|---|--:|--:|--:|---|--:|",
)
RIVALS = (("tuned", "base+bm25"), ("tuned+bm25", "base+bm25"), ("tuned", "control"), ("control", "base"))
RIVAL_METRICS = (
    ("bits_per_byte_relative", "all"),
    ("bits_per_byte_relative", "novel"),
    ("exact_match_all_cuts", "all"),
    ("exact_match", "all"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the tables of the runs that are named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.results", description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folder")
    parser.add_argument("--into", type=Path, help=f"file to write between <!-- {MARK} --> and <!-- /{MARK} -->")
    parser.add_argument("--chosen-by", action="append", type=Path, default=[], metavar="SWEEP", help="sweep folder")
    parser.add_argument("--since", type=date.fromisoformat, metavar="DAY", help="the base's release, as 2024-11-01")
    chosen = parser.parse_args(arguments)
    runs = [Run.find(each) for each in chosen.runs]
    try:
        judged = {commit for each in chosen.chosen_by for commit in read_prepared(each).commits.values()}
        lines = [*tables(runs), *_left(runs, UNJUDGED, lambda item: item.commit not in judged)]
        if chosen.since is not None:
            first = datetime.combine(chosen.since, time(), UTC).timestamp()
            lines += _left(runs, UNREAD.format(chosen.since), lambda item: item.committed_at >= first)
        text = "\n".join(lines) + "\n"
        if chosen.into is None:
            print(text, end="")
            return 0
        fill(chosen.into, MARK, text)
    except DataError as error:
        parser.error(str(error))
    return 0


def tables(runs: list[Run]) -> Iterator[str]:
    """Give the lines of three tables: what was run, what tuning changed, and how that stands beside rivals."""
    yield "| repository | language | items | commits | trained tokens | of the rows | verdict |"
    yield "|---|---|--:|--:|--:|--:|---|"
    for run in runs:
        comparison, dataset, train = _compared(run), run.record("dataset", Dataset), run.record("train", Adapter)
        figures = dataset.metrics
        yield _line(
            _name(run),
            _language(_contest(run)),
            f"{figures['dataset.items']:.0f}",
            f"{figures['dataset.commits']:.0f}",
            f"{train.metrics['train.tokens']:,.0f}",
            f"{100 * covered(dataset):.0f} %",
            f"`{comparison.verdict}`",
        )
    yield ""
    yield from GAIN_HEAD
    for run in runs:
        yield from _gains(run, _compared(run).differences)
        if run.manifest["decides"]["recipe"]["evaluate"]["probes"]["library_pieces"]:
            yield _library(run)
    yield from _rivals(runs)


def _gains(run: Run, differences: Sequence[Difference]) -> Iterator[str]:
    rows = {(each.metric, each.stratum): each for each in differences}
    for label, metric, stratum in GAINS:
        if (row := rows.get((metric, stratum))) is not None:
            relative = rows.get((f"{metric}_relative", stratum), row)
            values = [_value(row.metric, value) for value in (row.b, row.a)]
            yield _line(_name(run), label, *values, _change(relative), relative.finding, str(row.items))


def _left(runs: list[Run], title: str, stays: Callable[[Item], bool]) -> Iterator[str]:
    """Give the gains on the items that stay, for runs that have others too."""
    lines: list[str] = []
    for run in runs:
        recipe = run.manifest["decides"]["recipe"]
        items = list(read_jsonl(run.folder / run.record("dataset", Dataset).items, Item))
        left = [item for item in items if stays(item)]
        answers = [
            {each.item_id: each for each in read_jsonl(run.folder / f"eval/{name}.predictions.jsonl", Prediction)}
            for name in ("base", "tuned")
        ]
        pairs = [(item, answers[1][item.id], answers[0][item.id]) for item in left]
        if len(left) < len(items):
            lines += _gains(run, differences(pairs, REPORTED, recipe["compare"]["resamples"], recipe["seed"]))
    if lines:
        yield from ("", title, "", *GAIN_HEAD)
        yield from lines


def _rivals(runs: list[Run]) -> Iterator[str]:
    """Give the table of the pairs of systems that any of these runs has."""
    lines = []
    for run in runs:
        pairings = {(each.a, each.b): each for each in _contest(run).pairings}
        for pair in RIVALS:
            if (pairing := pairings.get(pair)) is None:
                continue
            rows = {(each.metric, each.stratum): each for each in pairing.differences}
            for key in RIVAL_METRICS:
                if (row := rows.get(key)) is not None:
                    label = row.metric.removesuffix("_relative") + (", novel" if row.stratum == "novel" else "")
                    names = f"{pair[0]} - {pair[1]}"
                    lines.append(_line(_name(run), names, label, _change(row), row.finding, str(row.items)))
    if lines:
        yield from ("", "| repository | systems | metric | difference [95 %] | finding | n |")
        yield "|---|---|---|--:|---|--:|"
        yield from lines


def _library(run: Run) -> str:
    """Say what tuning did to code that nobody trained on: pieces of Python's standard library."""
    own = json.loads((run.folder / "metrics.json").read_text(encoding="utf-8"))
    pieces = run.manifest["decides"]["recipe"]["evaluate"]["probes"]["library_pieces"]
    values = (own[f"eval.{system}.stdlib_bits_per_byte"] for system in ("base", "tuned"))
    change = (own[f"eval.tuned_vs_base.{LIBRARY}.{each}"] for each in ("delta", "low", "high"))
    row = Difference(LIBRARY, "all", *values, *change, pieces, 0, "lower")
    shown = [_value("bits_per_byte", value) for value in (row.a, row.b)]
    return _line(_name(run), "bits per byte, Python's library", *shown, _change(row), row.finding, str(pieces))


def _compared(run: Run) -> Comparison:
    return run.record("compare", Comparison)


def _contest(run: Run) -> Contest:
    file = run.folder / "eval" / "comparison.json"
    return from_json(Contest, json.loads(file.read_text(encoding="utf-8")), str(file))


def _language(contest: Contest) -> str:
    """Name the language that most items are written in."""
    cells = [each for each in contest.cells if each.by == "language" and each.system == "base"]
    return max(cells, key=lambda each: each.items).name if cells else "-"


def _name(run: Run) -> str:
    return str(run.manifest["repo"]["name"])


def _value(metric: str, value: float) -> str:
    return f"{value:.3f}" if metric == "bits_per_byte" else f"{100 * value:.1f} %"


def _change(row: Difference) -> str:
    unit = "%" if row.metric.endswith("_relative") else "pp"
    return f"{100 * row.delta:+.1f} [{100 * row.low:+.1f}, {100 * row.high:+.1f}] {unit}"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    raise SystemExit(main())
