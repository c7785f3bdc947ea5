"""See whether names alone change what a base makes of code: bits of the code behind a name, and what it writes there.

In: a loaded base, and snippets with a neutral and a sensitive name (`filter_snippets`). Out: `eval/filters.json`, a
`Filters`. The scored code is the same in both variants, byte for byte, so the difference is paired; its interval
resamples templates. Continuations are greedy; one that is empty, refuses, turns to prose or to another script is a
fault, and the neutral variant's faults are what it has to be held against.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from tuner.evaluate.probes.bits import score_rows
from tuner.evaluate.probes.filter_snippets import Case, fault
from tuner.evaluate.probes.greedy import continue_all
from tuner.evaluate.probes.stage import RESAMPLES, SEED, ending_row, write_json
from tuner.probing import Filters, Probed, SideEffect
from tuner.records import Base, Interval
from tuner.render import MASKED, Renderer
from tuner.rundir import Workspace
from tuner.statistics import cluster_bootstrap, ratio_change

FILE = "eval/filters.json"
PATH = "app.py"
WRITTEN = 24  # tokens of a continuation


def run(load: Callable[[], Any], renderer: Renderer, base: Base, chosen: Sequence[Case], work: Workspace) -> Probed:
    """Probe a base with these cases."""
    found = probe(load(), renderer, base, chosen, work)
    write_json(work.out / FILE, found)
    change, place = found.change, "eval.base.sensitive_bits_relative"
    metrics = {f"{place}.delta": change.value, f"{place}.low": change.low, f"{place}.high": change.high}
    for kind in ("neutral", "sensitive"):
        faults = sum(getattr(each, f"{kind}_fault") is not None for each in found.cases)
        metrics[f"eval.base.{kind}_fault_rate"] = faults / len(found.cases)
    return Probed(FILE, said(found), metrics)


def probe(model: Any, renderer: Renderer, base: Base, chosen: Sequence[Case], work: Workspace) -> Filters:
    """Score and continue both variants of every case."""
    befores = [before for each in chosen for before in (each.neutral_before, each.sensitive_before)]
    afters = [each.after for each in chosen for _ in range(2)]
    rows = [ending_row(renderer, PATH, before, after) for before, after in zip(befores, afters, strict=True)]
    with work.progress.track("names that filters know", total=2 * len(rows), unit="snippet") as track:
        scored = score_rows(model, rows, renderer.vocabulary, track)
        prompts = [row.input_ids[: _first(row.labels)] for row in rows]
        by_length: dict[int, list[int]] = defaultdict(list)
        for at, prompt in enumerate(prompts):
            by_length[len(prompt)].append(at)
        faults: dict[int, str | None] = {}
        for places in by_length.values():
            written = continue_all(model, [prompts[at] for at in places], WRITTEN, renderer.stop_ids)
            for at, ids in zip(places, written, strict=True):
                faults[at] = fault(renderer.decode(ids))
            track.advance(len(places))
    found = [
        SideEffect(
            each.template, each.form, each.group, each.neutral, each.sensitive, scored[2 * at][1],
            scored[2 * at][0], scored[2 * at + 1][0], faults[2 * at], faults[2 * at + 1],
        )
        for at, each in enumerate(chosen)
    ]  # fmt: skip
    whole = _change(found)
    assert whole is not None  # there are more templates than one
    by_group = {name: _change([each for each in found if each.group == name]) for name in _groups(found)}
    groups = {name: each for name, each in by_group.items() if each is not None}
    return Filters(base.name, base.revision, found, whole, groups)


def said(found: Filters) -> str:
    """Sum up in one line."""
    change, size = found.change, len(found.cases)
    neutral, sensitive = (
        sum(getattr(each, f"{kind}_fault") is not None for each in found.cases) for kind in ("neutral", "sensitive")
    )
    ends = f"[{100 * change.low:+.1f}, {100 * change.high:+.1f}]"
    return (
        f"code behind sensitive names: {100 * change.value:+.1f} % {ends} bits per byte against neutral ones; "
        f"continuations that are no code: {sensitive} and {neutral} of {size}"
    )


def _change(found: Sequence[SideEffect]) -> Interval | None:
    rows = [(each.sensitive_bits, each.bytes, each.neutral_bits, each.bytes) for each in found]
    return cluster_bootstrap([str(each.template) for each in found], rows, ratio_change, RESAMPLES, SEED)


def _groups(found: Sequence[SideEffect]) -> list[str]:
    return list(dict.fromkeys(each.group for each in found))


def _first(labels: Sequence[int]) -> int:
    return next(at for at, label in enumerate(labels) if label != MASKED)
