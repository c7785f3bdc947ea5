"""Write figures as a reader sees them: names of metrics in words, per cent, points, dollars, milliseconds.

In: numbers from the records. Out: text. Nothing is rounded into another meaning: an interval keeps its sign and both
ends, and a figure that is not there is a dash.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from tuner.comparison import Difference
from tuner.knowing import KNOWING
from tuner.records import Interval
from tuner.scoring import METRICS

NONE = "–"
MOST_MONEY = 10**15  # dollars; nobody reads more digits, and floats have none
NAMES = {
    "bits_per_byte": "bits per byte",
    "bits_per_byte_relative": "bits per byte, relative",
    "exact_match": "exact match",
    "exact_match_all_cuts": "exact match, all cuts",
    "perfect_first_line": "perfect first line",
    "edit_similarity": "edit similarity",
    "identifier_f1": "identifier F1",
    "chars_saved_ratio": "characters saved",
    "over_generation_rate": "over-generation",
    "empty_rate": "empty answers",
    "stopped_rate": "stopped by itself",
    "invented_name_rate": "invented names",
    "invented_import_rate": "invented imports",
    "stale_name_rate": "stale names",
    "unparsable_rate": "unparsable",
    "verbatim_rate": "copied from training",
    "recited_line_rate": "recited lines",
    "repeats_suffix_rate": "repeats what follows",
}
MEANINGS = {
    "bits_per_byte": "how surprised the model is by what the author wrote",
    "exact_match": "the answer is what the author wrote",
    "exact_match_all_cuts": "from how many cursors in the rest of the line it comes out right",
    "perfect_first_line": "the answer's first line is the author's",
    "edit_similarity": "how alike answer and truth are",
    "identifier_f1": "the same names are used",
    "chars_saved_ratio": "typing spared if the correct beginning is accepted",
    "over_generation_rate": "right, but does not stop",
    "invented_name_rate": "called, looked up or imported, and existing nowhere",
    "invented_import_rate": "modules that exist nowhere",
    "stale_name_rate": "names that the repository no longer has",
    "unparsable_rate": "breaks the syntax of the file",
    "verbatim_rate": "long answers that hold a long run of training text",
    "recited_line_rate": "wrong, and a training line that stands nowhere near",
    "repeats_suffix_rate": "says what stands behind the cursor already",
}
NOT_PERCENT = ("bits_per_byte",)
LOWER = {metric.name for metric in (*METRICS, *KNOWING) if metric.better == "lower"} | {"bits_per_byte_relative"}
FINDINGS: dict[str, tuple[str, str]] = {  # a sign for the eye and a word for everyone
    "gain": ("▲", "gain"),
    "loss": ("▼", "loss"),
    "inconclusive": ("◇", "inconclusive"),
}


def metric_name(metric: str) -> str:
    """Name a metric in words."""
    return NAMES.get(metric, metric.replace("_", " "))


def better(metric: str) -> Literal["higher", "lower"]:
    """Say which direction of a metric is the better one."""
    return "lower" if metric in LOWER else "higher"


def is_percent(metric: str) -> bool:
    """Say whether a metric is a share; the others are shown as they are."""
    return metric not in NOT_PERCENT


def value(metric: str, number: float) -> str:
    """Write one figure of a metric."""
    return f"{100 * number:.1f} %" if is_percent(metric) else f"{number:.3f}"


def mark(metric: str, number: float) -> str:
    """Write a round number beside an axis."""
    return f"{100 * number:.6g}\u00a0%" if is_percent(metric) else f"{number:.6g}"


def ends(metric: str, low: float, high: float) -> str:
    """Write an interval's ends, without a unit."""
    if is_percent(metric):
        return f"[{100 * low:.1f}, {100 * high:.1f}]"
    return f"[{low:.3f}, {high:.3f}]"


def interval(metric: str, found: Interval | None) -> str:
    """Write a figure with its interval."""
    return NONE if found is None else f"{value(metric, found.value)} {ends(metric, found.low, found.high)}"


def change(metric: str, number: float) -> str:
    """Write a difference with its sign and unit: points for shares, per cent for what is relative already."""
    if metric.endswith("_relative"):
        return f"{100 * number:+.1f} %"
    return f"{100 * number:+.1f} pp" if is_percent(metric) else f"{number:+.3f}"


def change_ends(each: Difference) -> str:
    """Write the interval of a difference."""
    if is_percent(each.metric):
        return f"[{100 * each.low:+.1f}, {100 * each.high:+.1f}]"
    return f"[{each.low:+.3f}, {each.high:+.3f}]"


def size(metric: str, number: float) -> str:
    """Write how large a difference is, without a sign."""
    return change(metric, number).lstrip("+-")


def milliseconds(number: float | None) -> str:
    """Write a latency."""
    return NONE if number is None else f"{number:,.0f} ms"


def share(number: float | None) -> str:
    """Write a share in whole per cent, halves up."""
    return NONE if number is None else f"{Decimal(100 * number).quantize(Decimal(1), ROUND_HALF_UP):,} %"


def count(number: float | None) -> str:
    """Write a whole number with its thousands parted."""
    return NONE if number is None else f"{number:,.0f}"


def price(number: float | None) -> str:
    """Write dollars that may be a fraction of a cent: cents from ten cents on, two digits that count below."""
    if number is None:
        return NONE
    return f"${number:,.2f}" if number >= 0.1 or number == 0 else f"${float(f'{number:.2g}'):.12f}".rstrip("0")


def money(number: float) -> str:
    """Write dollars a month: whole from a hundred on, else with cents; halves go up, as in the page's script."""
    if number >= MOST_MONEY:
        return f"over ${MOST_MONEY:,}"
    places = "1" if number >= 100 else "0.01"
    return f"${Decimal(number).quantize(Decimal(places), ROUND_HALF_UP):,}"


def rate(number: float | None) -> str:
    """Write completions per second with two decimals, halves up."""
    if number is None:
        return NONE
    return f"{Decimal(number).quantize(Decimal('0.01'), ROUND_HALF_UP):,}"


def typed(number: float) -> str:
    """Write a number as one would type it into a field, with all its digits."""
    return repr(number).removesuffix(".0")
