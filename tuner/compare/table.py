"""Write a comparison as Markdown: every figure with its n, its interval and what the interval allows to say."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.comparison import Contest, Difference, Gate, Headline, Pairing, SystemResult
from tuner.knowing import KNOWING
from tuner.records import Interval

FINDINGS = {"gain": "gain", "loss": "**loss**", "inconclusive": "inconclusive"}
WORDS = {True: "passed", False: "**missed**"}
SHARES = ("100", "70", "50", "30")  # per cent of the answers, as `confidence` takes them
SHOWN = ("bits_per_byte", "exact_match", "edit_similarity", "identifier_f1", "chars_saved_ratio")
OF_KIND = ("exact_match", "exact_match_all_cuts", "perfect_first_line", "edit_similarity", "chars_saved_ratio")
KIND = "kind:"


def markdown(contest: Contest) -> str:
    """Render the verdict with its reason, all systems, the adapter's differences, then those of every other pair."""
    a, b = contest.a, contest.b
    own = next(each for each in contest.pairings if (each.a, each.b) == (a, b))
    lines = [
        f"# {a} against {b}",
        "",
        f"Verdict: **{contest.verdict}**: {contest.reason}",
        "",
        contest.sentence,
        "",
        *([contest.control.said, ""] if contest.control else []),
        *_gates(contest.gates),
        *_systems(contest.systems),
        *_kinds(contest.systems),
        "",
        *_faults(contest.systems),
        "",
        *_headlines(contest.headlines),
        *_sureness(contest.systems),
        f"## {a} against {b}",
        "",
        *_counts(own),
        "",
        *_differences(a, b, contest.differences),
        "",
        f"Differences are {a} minus {b}; `bits_per_byte_relative` is their quotient minus 1. Bits per byte and",
        "whatever ends in `rate` are better when lower, all else when higher. Intervals resample whole commits. A",
        "finding needs an interval on one side of 0; of rows without any true difference, one in twenty is still",
        "called one. Strata whose items stem from a single commit have no interval and are not shown.",
    ]
    for pairing in contest.pairings:
        if pairing is not own:
            lines += ["", *_pairing(pairing)]
    return "\n".join(lines) + "\n"


def _systems(systems: Sequence[SystemResult]) -> list[str]:
    return [
        f"| system | items | {' | '.join(SHOWN)} | p50 ms | p95 ms | dollars per 1,000 | voids | wrong form |",
        "|---|--:|" + "--:|" * len(SHOWN) + "--:|--:|--:|---|---|",
        *map(_system, systems),
    ]


def _kinds(systems: Sequence[SystemResult]) -> list[str]:
    """Write each kind's figures by system; nothing where all items are of one kind."""
    rows = [
        f"| {name.removeprefix(KIND)} | {each.name} | {' | '.join([_n(each, name), *_figures(each, name, OF_KIND)])} |"
        for name in dict.fromkeys(name for each in systems for name in each.scores if name.startswith(KIND))
        for each in systems
        if each.scores.get(name)
    ]
    if not rows:
        return []
    return ["", f"| kind | system | items | {' | '.join(OF_KIND)} |", "|---|---|--:|" + "--:|" * len(OF_KIND), *rows]


def _n(each: SystemResult, stratum: str) -> str:
    return str(max(found.n for found in each.scores[stratum].values()))


def _figures(each: SystemResult, stratum: str, names: Sequence[str]) -> list[str]:
    scores = each.scores[stratum]
    return [
        f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]" if (found := scores.get(name)) else "-"
        for name in names
    ]


def _system(each: SystemResult) -> str:
    figures = _figures(each, "all", SHOWN)
    speed = ["-" if taken is None else f"{taken:.0f}" for taken in (each.latency_p50_ms, each.latency_p95_ms)]
    price = "-" if each.dollars_per_1000 is None else f"{each.dollars_per_1000:.2f}"
    counted = [
        ", ".join(f"{n} {name}" for name, n in sorted(c.items())) or "0" for c in (each.voids, each.format_failures)
    ]
    return f"| {each.name} | {each.answered} | {' | '.join([*figures, *speed, price, *counted])} |"


def _gates(gates: Sequence[Gate]) -> list[str]:
    if not gates:
        return []
    rows = [
        f"| {each.name} | {each.value:+.3f} | {each.limit:g} | {WORDS[each.passed]} | {each.said} |" for each in gates
    ]
    return ["| gate | value | limit | | what was measured |", "|---|--:|--:|---|---|", *rows, ""]


def _headlines(found: Sequence[Headline]) -> list[str]:
    if not found:
        return ["No headline can be tested: novel lines stem from fewer than two commits.", ""]
    return [
        "## Headline: novel lines",
        "",
        "| systems | metric | difference | 95 % interval | p | p, Holm | only one right | detects | finding |",
        "|---|---|--:|:-:|--:|--:|--:|--:|---|",
        *map(_headline, found),
        "",
        "Only one right: lines that only the first system completed exactly, and that only the second did.",
        f"p of exact match is McNemar's exact test, of others that of the interval; Holm corrects all {len(found)}.",
        "A finding needs both the interval and the corrected p. `detects` is the smallest true difference that as many",
        "items find in four of five cases: an inconclusive row does not say that there is none smaller than it.",
        "",
    ]


def _headline(each: Headline) -> str:
    row = each.difference
    counts = "-" if each.only_a is None else f"{each.only_a} / {each.only_b}"
    figures = f"{row.delta:+.3f} | {row.low:+.3f} to {row.high:+.3f} | {each.p:.3f} | {each.p_holm:.3f} | {counts}"
    finding = FINDINGS[each.finding]
    return f"| {each.a} - {each.b} | {row.metric} | {figures} | {each.smallest_detectable:.3f} | {finding} |"


def _faults(systems: Sequence[SystemResult]) -> list[str]:
    """Show what is wrong with answers, one line a system; the better the lower."""
    rows = [
        f"| {each.name} | " + " | ".join(_with_count(each.scores["all"].get(metric.name)) for metric in KNOWING) + " |"
        for each in systems
    ]
    names = " | ".join(metric.name for metric in KNOWING)
    return [f"| system | {names} |", "|---|" + "--:|" * len(KNOWING), *rows]


def _with_count(found: Interval | None) -> str:
    return "-" if found is None else f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}] of {found.n}"


def _pairing(pairing: Pairing) -> list[str]:
    a, b = pairing.a, pairing.b
    return [f"## {a} against {b}", "", *_counts(pairing), "", *_differences(a, b, pairing.differences)]


def _sureness(systems: Sequence[SystemResult]) -> list[str]:
    known = [(each.name, each.sureness) for each in systems if each.sureness is not None]
    if not known:
        return []
    precision = 100 * known[0][1].precision
    rows = []
    for name, found in known:
        shares = (found.exact_match.get(share) for share in SHARES)
        cells = ["-" if each is None else f"{each.value:.3f} [{each.low:.3f}, {each.high:.3f}]" for each in shares]
        rows.append(f"| {name} | {' | '.join(cells)} | {100 * found.coverage:.0f} % |")
    return [
        "## Exact match among the most confident answers",
        "",
        f"| system | {' | '.join(f'{share} %' for share in SHARES)} | {precision:.0f} % are exact up to |",
        "|---|" + "--:|" * (len(SHARES) + 1),
        *rows,
        "",
    ]


def _counts(pairing: Pairing) -> list[str]:
    return [
        f"{pairing.items} items answered by both systems; {pairing.voided} left out because a system gave no answer.",
        f"Completed exactly by {pairing.a} alone: {pairing.only_a}, by {pairing.b} alone: {pairing.only_b}; "
        f"McNemar's exact test p = {pairing.mcnemar:.3f}.",
    ]


def _differences(a: str, b: str, found: Sequence[Difference]) -> list[str]:
    return [
        f"| metric | stratum | items | commits | {a} | {b} | difference | 95 % interval | finding |",
        "|---|---|--:|--:|--:|--:|--:|:-:|---|",
        *map(_row, found),
    ]


def _row(each: Difference) -> str:
    figures = f"{each.a:.3f} | {each.b:.3f} | {each.delta:+.3f} | {each.low:+.3f} to {each.high:+.3f}"
    return f"| {each.metric} | {each.stratum} | {each.items} | {each.commits} | {figures} | {FINDINGS[each.finding]} |"
