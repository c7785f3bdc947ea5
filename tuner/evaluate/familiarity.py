"""Ask how well the base knows a repository already: its bits per byte there, beside those on unrelated code.

In: the training files (`mined/pairs.jsonl`, pairs of kind `file`) and Python's standard library, which every machine
has. Out: bits per byte at up to 32 places of each, one a file, with intervals that resample files. A base that finds
the repository much easier than unrelated code has probably read it, and has less to gain. It is a hint and no proof:
code differs in how hard it is, and where the repository is not in Python the two are in different languages.

Left out: files under 2,000 characters, and the standard library's tests and packages installed beside it.
"""

from __future__ import annotations

import random
import sysconfig
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from tuner.records import Interval, Item, Pair, content_id, read_jsonl
from tuner.rundir import Workspace
from tuner.screening import Familiarity
from tuner.statistics import cluster_bootstrap, ratio

PLACES = 32
FEWEST_CHARS = 2_000
LINES_BEFORE = 10
MOST_TARGET_CHARS = 200
RESAMPLES = 2_000
UNRELATED = "Python's standard library"
LEFT_OUT = {"test", "tests", "idlelib", "lib2to3", "site-packages", "dist-packages", "__pycache__"}
Source = tuple[str, str]  # path and text


class Scorer(Protocol):
    """What is asked: the bits of each item's target."""

    def bits(self, items: Sequence[Item]) -> list[float]:
        """Give the base-2 log loss of each item's target."""
        ...


def run(opened: AbstractContextManager[Scorer], pairs: Path, seed: int, work: Workspace) -> Familiarity:
    """Measure both; nothing is written beside the record."""
    own = [(each.path, each.response) for each in read_jsonl(pairs, Pair) if each.kind == "file"]
    asked = {"own": places(own, seed), "unrelated": places(standard_library(), seed)}
    found: dict[str, Interval | None] = {}
    with (
        opened as scorer,
        work.progress.track("familiarity", total=sum(map(len, asked.values())), unit="place") as track,
    ):
        for name, items in asked.items():
            bits = scorer.bits(items)
            track.advance(len(items))
            rows = [(loss, float(len(item.target.encode()))) for loss, item in zip(bits, items, strict=True)]
            found[name] = cluster_bootstrap([item.path for item in items], rows, ratio, RESAMPLES, seed)
    metrics = {f"screen.{name}_bits_per_byte": each.value for name, each in found.items() if each is not None}
    return Familiarity(found["own"], found["unrelated"], UNRELATED, _said(found["own"], found["unrelated"]), metrics)


def places(sources: Iterable[Source], seed: int) -> list[Item]:
    """Choose one place in each of up to 32 files: lines to be predicted from those before them, in seeded order."""
    large = sorted((path, text) for path, text in sources if len(text) >= FEWEST_CHARS)
    chosen = random.Random(seed).sample(large, min(PLACES, len(large)))
    items = (_place(path, text, seed) for path, text in chosen)
    return [item for item in items if item is not None]


def standard_library() -> list[Source]:
    """Read the modules of the standard library that this program runs on."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    paths = sorted(path for path in folder.rglob("*.py") if not LEFT_OUT & set(path.relative_to(folder).parts))
    paths = [path for path in paths if path.stat().st_size >= FEWEST_CHARS]
    chosen = random.Random(len(paths)).sample(paths, min(2 * PLACES, len(paths)))
    return [
        (path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8", errors="replace")) for path in chosen
    ]


def _place(path: str, text: str, seed: int) -> Item | None:
    lines = text.split("\n")
    starts = [at for at in range(LINES_BEFORE, len(lines)) if lines[at].strip()]
    if not starts:
        return None
    at = random.Random(f"{seed} {path}").choice(starts)
    target = "\n".join(lines[at : at + 3])[:MOST_TARGET_CHARS].rstrip()
    prefix = "\n".join(lines[:at]) + "\n"
    ident = content_id(path, prefix, target)
    return Item(ident, "", path, "", "", 0, "boundary", prefix, "", target, False)


def _said(own: Interval | None, unrelated: Interval | None) -> str:
    if own is None or unrelated is None:
        return "too few files of some length to say how well the base knows this code"
    figures = f"base has {own.value:.3f} bits per byte in the training files, {unrelated.value:.3f} in {UNRELATED}"
    if own.high < unrelated.low:
        return f"{figures}: easier, so it may have read this code"
    if own.low > unrelated.high:
        return f"{figures}: harder, so there is something to learn"
    return f"{figures}: no clear difference"
