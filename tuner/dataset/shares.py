"""Compare where training spends its tokens with where the evaluation items lie: by folder, language and month.

In: tokens and items by path, language or time. Out: shares, largest first. Nothing is dropped: what is beyond the
number of lines shown is added up under `other`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

MOST_FOLDERS = 15
WORTH_SPLITTING = 0.05  # of the tokens and items together; smaller folders are shown whole
FEW = 6  # folders inside that must hold half of a folder for it to be split
MOST_BARS = 60  # in the picture of the months; an older history is shown by quarter, then by year
Folder = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """A name with its training tokens and its evaluation items, and the share of each."""

    name: str
    tokens: int
    items: int
    token_share: float
    item_share: float


@dataclass(frozen=True, slots=True)
class Ages:
    """Training tokens and items by period, oldest first; the cut lies in period `cut`."""

    unit: str
    names: list[str]
    tokens: list[int]
    items: list[int]
    cut: int


def shares(tokens: Mapping[str, int], items: Mapping[str, int], most: int = MOST_FOLDERS) -> list[Share]:
    """Set training tokens beside items by name, most tokens first; all but the `most` weightiest are added up."""
    all_tokens, all_items = max(1, sum(tokens.values())), max(1, sum(items.values()))

    def share(name: str, own: int, asked: int) -> Share:
        return Share(name, own, asked, own / all_tokens, asked / all_items)

    each = [share(name, tokens.get(name, 0), items.get(name, 0)) for name in sorted({*tokens, *items})]
    each.sort(key=lambda one: -one.token_share - one.item_share)
    found = sorted(each[:most], key=lambda one: (-one.token_share, -one.item_share))
    rest = each[most:]
    if rest:
        found.append(share(f"other ({len(rest)})", sum(one.tokens for one in rest), sum(one.items for one in rest)))
    return found


def overlap(found: list[Share]) -> float:
    """Give the common part of both distributions: 1 when training and items lie in the same places, 0 when apart."""
    return sum(min(each.token_share, each.item_share) for each in found)


def folder_shares(tokens: Mapping[str, int], items: Mapping[str, int]) -> list[Share]:
    """Set training tokens beside items by folder.

    A folder that holds much is shown by the folders inside it, unless it is spread evenly over many of them.
    """
    all_tokens, all_items = max(1, sum(tokens.values())), max(1, sum(items.values()))
    weights = {
        path: tokens.get(path, 0) / all_tokens + items.get(path, 0) / all_items for path in sorted({*tokens, *items})
    }
    shown: dict[Folder, list[str]] = {}
    waiting: list[tuple[Folder, list[str]]] = [((), list(weights))]
    while waiting:
        folder, paths = waiting.pop()
        parts = _split(folder, paths)
        sizes = sorted((sum(weights[path] for path in part) for part in parts.values()), reverse=True)
        whole = sum(sizes)
        if folder and (whole < 2 * WORTH_SPLITTING or sum(sizes[:FEW]) < whole / 2):
            shown[folder] = paths
            continue
        direct = parts.pop(folder, None)
        if direct is not None:
            shown[folder] = direct
        waiting += parts.items()
    names = {path: "/".join((*folder, "")) or "./" for folder, paths in shown.items() for path in paths}
    own: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for path, name in names.items():
        own[name] += tokens.get(path, 0)
        asked[name] += items.get(path, 0)
    return shares(own, asked)


def ages(tokens: Mapping[int, int], items: Mapping[int, int], cut: int) -> Ages:
    """Sum tokens and items, given by Unix time, into periods from the oldest to the newest, the cut's among them."""
    times = [*tokens, *items, cut]
    for unit, months in (("month", 1), ("quarter", 3), ("year", 12)):
        first, last = _month(min(times)) // months, _month(max(times)) // months
        if last - first < MOST_BARS or unit == "year":
            break
    names = [_named(number, months) for number in range(first, last + 1)]
    sums: list[list[int]] = []
    for counts in (tokens, items):
        column = [0] * len(names)
        for time, count in counts.items():
            column[_month(time) // months - first] += count
        sums.append(column)
    return Ages(unit, names, sums[0], sums[1], _month(cut) // months - first)


def _split(folder: Folder, paths: list[str]) -> dict[Folder, list[str]]:
    """Sort a folder's files by the next folder below; files that lie in it directly stay with it."""
    parts: dict[Folder, list[str]] = {}
    for path in paths:
        above = tuple(path.split("/")[:-1])
        parts.setdefault(above[: len(folder) + 1], []).append(path)
    return parts


def _month(time: int) -> int:
    date = datetime.fromtimestamp(time, UTC)
    return date.year * 12 + date.month - 1


def _named(number: int, months: int) -> str:
    year, month = divmod(number * months, 12)
    return {1: f"{year}-{month + 1:02}", 3: f"{year} Q{month // 3 + 1}", 12: str(year)}[months]
