"""The text that a run shows: one line per stage, and the last screen. Pure functions from a manifest to lines.

Every figure on the screen comes from the manifest; nothing is measured or rounded into another meaning here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tuner.comparison import Comparison, Contest, Difference, Headline, SystemResult
from tuner.not_drawn import not_drawn
from tuner.records import PAIR_KINDS, Adapter, Bundle, Dataset, Evaluation, Interval, Mined, from_json
from tuner.rundir import Run, State
from tuner.screening import Screening

SHOWN = (
    "bits_per_byte",
    "exact_match",
    "exact_match_all_cuts",
    "perfect_first_line",
    "edit_similarity",
    "identifier_f1",
    "chars_saved_ratio",
    "over_generation_rate",
)
PERCENT = set(SHOWN[1:])
STATES: dict[State, str] = {
    "done": "",
    "kept": "  (done before, kept)",
    "reused": "  (same work in another run, reused)",
}


def stage_line(name: str, state: State, entry: dict[str, Any]) -> str:
    """Say in one line what a stage did; of mining, in further ones, what it passed over."""
    line = f"{name:<14} {_outcome(name, entry['record']):<80}{entry['seconds']:>7.1f} s{STATES[state]}"
    record = entry["record"]
    more = not_drawn(record["counts"], record["rejected_counts"]) if name == "mine" else []
    return "\n".join([line, *(f"{'':<14} {said}" for said in more)])


def final_screen(run: Run) -> str:
    """Show what was mined and dropped, what was trained, base against tuned, the verdict, and what to type next.

    A run that was only evaluated has no exported files to name.
    """
    mined, dataset = run.record("mine", Mined), run.record("dataset", Dataset)
    adapter, comparison = run.record("train", Adapter), run.record("compare", Comparison)
    systems = {name: run.record(f"evaluate-{name}", Evaluation) for name in ("base", "tuned")}
    repo, train = run.manifest["repo"], adapter.metrics
    kinds = ", ".join(f"{_count(mined.counts[kind])} {kind}" for kind in PAIR_KINDS if mined.counts.get(kind))
    lines = [
        "",
        _field(
            "repository", f"{repo['name']} at {repo['revision'][:12]}; cut {mined.cut.commit[:12]}, {mined.cut.note}"
        ),
        _field("mined", f"{_count(sum(mined.counts.get(kind, 0) for kind in PAIR_KINDS))} pairs: {kinds}"),
        _field("dropped", _reasons(Counter(mined.rejected_counts) + Counter(dataset.rejected_counts))),
        *(_field("history", said) for said in not_drawn(mined.counts, mined.rejected_counts)),
        _field(
            "trained",
            f"{_count(int(dataset.metrics['dataset.train_tokens']))} tokens, {train['train.steps']:.0f} steps, "
            f"{train['train.tokens_per_second']:.0f} tokens/s, peak memory {train['train.peak_memory_gib']:.1f} GiB",
        ),
        _field("trained on", _trained_on(dataset)),
    ]
    lines += [_field("note", each) for each in [*dataset.notes, *adapter.fallbacks]]
    lines += ["", *_table(comparison, systems), "", *headline_lines(comparison.headlines)]
    lines += [*verdict_lines(comparison), *forecast_lines(run, comparison)]
    if run.entry("export"):
        lines += _exported(run.record("export", Bundle))
    lines.append(_field("adapter", f"{run.folder}/{adapter.folder}"))
    if run.entry("report"):
        lines.append(_field("report", f"{run.folder}/report/index.html"))
    lines.append(_field("next", f"make serve RUN={run.folder}" if run.entry("export") else TRAIN_GOES_ON))
    return "\n".join(lines)


TRAIN_GOES_ON = "the same with `make train` exports it for editors and writes the report; nothing is done twice"


def _exported(bundle: Bundle) -> list[str]:
    failed = [each.name for each in bundle.artefacts if each.passed is False]
    parity = f"FAILED for {', '.join(failed)}" if failed else _parity(bundle)
    return [
        *(_field("not exported", f"{name}: {why}") for name, why in sorted(bundle.skipped.items())),
        _field("exported", f"{bundle.folder}/ with {', '.join(each.name for each in bundle.artefacts)}; {parity}"),
    ]


def contest_screen(run: Run) -> str:
    """Show every system's figures, our candidate against each of the others, and what may be said aloud."""
    values = json.loads((run.folder / "eval" / "comparison.json").read_text(encoding="utf-8"))
    contest = from_json(Contest, values, "eval/comparison.json")
    head = "".join(f"{title:<{width}}" for title, width in CONTEST_COLUMNS)
    lines = ["", f"  {head}", *(f"  {_system(each)}" for each in contest.systems), ""]
    ours = next((n for n in ("tuned+bm25", "tuned") if any(s.name == n and s.answered for s in contest.systems)), "")
    for pairing in contest.pairings:
        for each in pairing.differences:
            if pairing.a == ours and (each.metric, each.stratum) in (
                ("exact_match", "all"),
                ("chars_saved_ratio", "all"),
            ):
                label = f"{each.metric}, {ours} - {pairing.b}"
                lines.append(f"  {label:<52}{_difference(each):<28}{each.finding:<14}{each.items:>4} items")
    lines += ["", *headline_lines(contest.headlines)]
    lines += [_field("in words", contest.sentence), *verdict_lines(run.record("compare", Comparison))]
    lines += forecast_lines(run, run.record("compare", Comparison))
    lines += [_field("report", f"{run.folder}/report/index.html")]
    return "\n".join(lines)


def _trained_on(dataset: Dataset) -> str:
    """Say how many rows of each kind were drawn, most tokens first: what was mined is not what the shares let in."""
    tokens = {kind: dataset.counts.get(f"train_tokens.{kind}", 0) for kind in PAIR_KINDS}
    total = max(1, sum(tokens.values()))
    drawn = sorted((kind for kind in PAIR_KINDS if tokens[kind]), key=lambda kind: -tokens[kind])
    kinds = ", ".join(
        f"{_count(dataset.counts[f'train_rows.{kind}'])} {kind} ({100 * tokens[kind] / total:.1f} %)" for kind in drawn
    )
    return f"{_count(int(dataset.metrics['dataset.train_rows']))} rows, share of tokens: {kinds}"


# The table of systems: intervals are 95 %, money is in dollars.
CONTEST_COLUMNS = (
    ("system", 22), ("exact match [95 %]", 24), ("chars saved [95 %]", 24), ("bits per byte", 15), ("n", 6),
    ("p50 ms", 9), ("$ per 1,000", 13), ("voids", 0),
)  # fmt: skip


def _system(each: SystemResult) -> str:
    scores = each.scores["all"]
    voids = ", ".join(f"{count} {name}" for name, count in sorted(each.voids.items())) or "-"
    cells = (
        each.name,
        _interval("exact_match", scores.get("exact_match")),
        _interval("chars_saved_ratio", scores.get("chars_saved_ratio")),
        f"{scores['bits_per_byte'].value:.3f}" if "bits_per_byte" in scores else "-",
        str(each.answered),
        "-" if each.latency_p50_ms is None else f"{each.latency_p50_ms:.0f}",
        "-" if each.dollars_per_1000 is None else f"{each.dollars_per_1000:.2f}",
        voids,
    )
    return "".join(f"{cell:<{width}}" for cell, (_, width) in zip(cells, CONTEST_COLUMNS, strict=True)).rstrip()


def run_line(run: Run) -> str:
    """Say in one line how far a run is."""
    done = [entry["name"] for entry in run.stages]
    verdict = next((entry["record"]["verdict"] for entry in run.stages if entry["name"] == "compare"), "")
    return f"{run.folder.name:<60} {len(done)} stages, last {done[-1] if done else 'none':<15} {verdict}"


def _outcome(name: str, record: dict[str, Any]) -> str:
    metrics, counts = record.get("metrics", {}), record.get("counts", {})
    if name == "mine":
        pairs = sum(counts.get(kind, 0) for kind in PAIR_KINDS)
        after = record["cut"]["commits_after"]
        additions = counts.get("additions", 0)
        return f"{_count(pairs)} pairs before the cut, {_count(additions)} additions in {_count(after)} later commits"
    if name == "dataset":
        rows, tokens, items = (
            _count(int(metrics[f"dataset.{key}"])) for key in ("train_rows", "train_tokens", "items")
        )
        kept = _count(int(metrics.get("dataset.valid_rows", 0)))
        return f"{rows} rows, {tokens} tokens; {kept} rows for validation; {items} evaluation items frozen"
    if name == "replay":
        rows, tokens = (_count(int(metrics[f"replay.{key}"])) for key in ("rows", "tokens"))
        return f"{rows} of the base's own answers, {tokens} tokens"
    if name == "train":
        first, final, rate = (metrics[f"train.{key}"] for key in ("loss_first", "loss_final", "tokens_per_second"))
        return f"loss {first:.3f} to {final:.3f} at {rate:.0f} tokens/s"
    if name.startswith("evaluate-"):
        scores = record["scores"]
        voids = int(metrics.get(f"eval.{record['system']}.voided_items", 0))
        if "exact_match" not in scores:
            return f"no answer, {_count(voids)} voids" if voids else "no items"
        said = f"exact match {100 * scores['exact_match']['value']:.1f} %"
        if "bits_per_byte" in scores:
            said = f"bits per byte {scores['bits_per_byte']['value']:.3f}, {said}"
        return f"{said}, {_count(voids)} voids" if voids else said
    if name in ("familiarity", "screen"):
        return str(record["said"])
    if name == "prepare-execution":
        return f"{_count(record['counts'].get('items', 0))} functions whose tests tell right from empty"
    if name.startswith("execute-"):
        own = f"eval.{record['system']}."
        rates = ((key, own + key) for key in ("tasks_pass_at_1", "pass_at_1"))
        return ", ".join(f"{key} {100 * metrics[full]:.1f} %" for key, full in rates if full in metrics) or "no items"
    if name == "compare":
        return str(record["verdict"])
    if name == "export":
        passed = sum(each["passed"] is True for each in record["artefacts"])
        return f"{len(record['artefacts'])} artefacts, {passed} passed parity"
    return str(record.get("said") or record.get("html", ""))


def _table(comparison: Comparison, systems: dict[str, Evaluation]) -> list[str]:
    chosen = [
        each for metric in SHOWN for each in comparison.differences if (each.metric, each.stratum) == (metric, "all")
    ]
    if not chosen:
        return ["  nothing was compared: there are no evaluation items"]
    novel = [each for each in comparison.differences if each.stratum == "novel" and each.metric in SHOWN[:2]]
    novel.sort(key=lambda each: SHOWN.index(each.metric))
    of_kind = [e for e in comparison.differences if e.stratum.startswith("kind:") and e.metric == "exact_match"]
    head = f"  {'':<22}{'base [95 %]':<24}{'tuned [95 %]':<24}{'tuned - base [95 %]':<28}{'finding':<14}{'n':>4}"
    lines = [head]
    for each in chosen:
        values = [_interval(each.metric, systems[name].scores.get(each.metric)) for name in ("base", "tuned")]
        lines.append(_row(each.metric, values, each))
    for each in [*novel, *of_kind]:
        values = [_number(each.metric, value) for value in (each.b, each.a)]
        lines.append(_row(f"{each.metric}, {each.stratum.removeprefix('kind:')}", values, each))
    lines.append(f"  n items from up to {chosen[0].commits} commits after the cut" + _NOVEL * bool(novel))
    return lines


_NOVEL = "; novel: the line stands in no training text"


def verdict_lines(comparison: Comparison) -> list[str]:
    """Show the verdict with its reason, what an adapter of another repository does, and every gate."""
    lines = [_field("verdict", f"{comparison.verdict}: {comparison.reason}")]
    lines += [
        _field("gate", f"{each.name} {'passed' if each.passed else 'MISSED'}: {each.said}") for each in comparison.gates
    ]
    return lines + ([_field("control", comparison.control)] if comparison.control else [])


def forecast_lines(run: Run, comparison: Comparison) -> list[str]:
    """Set the outcome beside what was predicted before the training, where a prediction was made."""
    if run.entry("screen") is None:
        return []
    predicted = run.record("screen", Screening).forecast
    row = next((e for e in comparison.differences if (e.metric, e.stratum) == ("bits_per_byte_relative", "all")), None)
    if predicted is None or row is None:
        return []
    said = f"bits per byte {100 * predicted.change:+.1f} %, measured {_difference(row)}"
    return [_field("predicted", said)]


def screening_lines(found: Screening) -> list[str]:
    """Write what is known before any training, each figure with its interval."""
    shown = f"{found.items:,}; {100 * found.known_share:.0f} % of their lines stand in training files word for word"
    lines = ["", _field("items", shown)]
    for name, scores in found.scores.items():
        figures = [f"{each} {_interval(each, scores[each])}" for each in SHOWN[:2] if each in scores]
        lines.append(_field(name, ", ".join(figures) or "no figure: the items stem from fewer than two commits"))
    for each in found.retrieval:
        if each.metric in ("bits_per_byte_relative", "exact_match"):
            lines.append(_field("retrieval", f"{each.metric} {_difference(each)}, {each.finding}"))
    return [*lines, _field("familiar", found.familiarity.said), _field("predicted", found.said)]


def headline_lines(headlines: Sequence[Headline]) -> list[str]:
    """Write each headline with its tests, and the difference that is too small to be seen."""
    lines = []
    for each in headlines:
        row = each.difference
        counts = "" if each.only_a is None else f", only {each.a} right {each.only_a}, only {each.b} {each.only_b}"
        said = f"p {each.p_holm:.3f} after Holm{counts}; {each.finding}"
        seen = f", under {100 * each.smallest_detectable:.1f} pp would not be seen"
        label = f"{row.metric}, novel, {each.a} - {each.b}"
        lines.append(f"  {label:<52}{_difference(row):<28}{said}{seen}")
    return [*lines, ""] if lines else []


def _row(label: str, values: list[str], each: Difference) -> str:
    return f"  {label:<22}{values[0]:<24}{values[1]:<24}{_difference(each):<28}{each.finding:<14}{each.items:>4}"


def _difference(each: Difference) -> str:
    if each.metric.endswith("_relative"):
        return f"{100 * each.delta:+.1f} [{100 * each.low:+.1f}, {100 * each.high:+.1f}] %"
    if each.metric in PERCENT:
        return f"{100 * each.delta:+.1f} [{100 * each.low:+.1f}, {100 * each.high:+.1f}] pp"
    return f"{each.delta:+.3f} [{each.low:+.3f}, {each.high:+.3f}]"


def _interval(metric: str, interval: Interval | None) -> str:
    if interval is None:
        return "-"
    low, high = (_number(metric, value, unit=False) for value in (interval.low, interval.high))
    return f"{_number(metric, interval.value)} [{low}, {high}]"


def _number(metric: str, value: float, unit: bool = True) -> str:
    return f"{100 * value:.1f}{' %' if unit else ''}" if metric in PERCENT else f"{value:.3f}"


def _parity(bundle: Bundle) -> str:
    passed = [each for each in bundle.artefacts if each.passed]
    if not passed:
        return "no engine could check them"
    worst = max(each.max_abs_difference or 0.0 for each in passed)
    return f"{len(passed)} passed parity, largest difference {worst:.3f} nats"


def _reasons(counts: dict[str, int]) -> str:
    total = sum(counts.values())
    top = sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:6]
    return (
        f"{_count(total)}: " + ", ".join(f"{_count(count)} {reason}" for reason, count in top) if total else "nothing"
    )


def _field(name: str, text: str) -> str:
    return f"  {name:<14}{text}"


def _count(number: int) -> str:
    return f"{number:,}"
