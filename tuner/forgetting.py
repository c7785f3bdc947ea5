"""Judge how much a tuned model forgot: the increase of bits per byte on Python's standard library over the base.

In: the increase with its interval, the limit, and the language of most evaluated lines. Out: a `Gate`. It passes where
the increase is below the limit, and says so where the interval reaches to the other side of it.
"""

from __future__ import annotations

import json
from collections import Counter

from tuner.comparison import Gate
from tuner.probing import Forgetting
from tuner.recipe import ProbeSettings
from tuner.records import Dataset, Interval, Item, from_json, read_jsonl
from tuner.rundir import Run

NAME = "stdlib_bits_per_byte"
LANGUAGE = "python"


def forgetting_gate(increase: Interval, limit: float, language: str = LANGUAGE) -> Gate:
    """Hold an increase against the limit."""
    said = (
        f"bits per byte on Python's standard library {_percent(increase.value)} "
        f"[{_percent(increase.low)}, {_percent(increase.high)}] against base, limit {_percent(limit)}"
    )
    if increase.low <= limit <= increase.high:
        said += ", which the interval spans"
    if language.lower() != LANGUAGE:
        said += f"; the repository is mostly {language}, so this is forgetting of another language"
    return Gate(NAME, increase.value, limit, increase.value < limit, said)


def gate_of_run(run: Run) -> Gate | None:
    """Hold what a run's adapter forgot against the limit of its recipe; None where it was not probed."""
    entry = run.entry("probe-tuned")
    if entry is None:
        return None
    path = run.folder / entry["record"]["probes"]
    found = from_json(Forgetting, json.loads(path.read_text(encoding="utf-8")), str(path))
    assert found.increase is not None  # only that of base has none
    settings = ProbeSettings(**run.manifest["decides"]["recipe"]["evaluate"]["probes"])
    languages = Counter(item.language for item in read_jsonl(run.folder / run.record("dataset", Dataset).items, Item))
    language = languages.most_common(1)[0][0] if languages else LANGUAGE
    return forgetting_gate(found.increase, settings.max_increase, language)


def _percent(share: float) -> str:
    return f"{100 * share:+.1f} %"
