"""Ask base and adapter to recite their training text, and search what they wrote for secrets.

In: base and adapter in one loaded model, the training rows, the items with both systems' answers, and the rules that
find secrets, which belong to another room. Out: `eval/recall.json`, a `Recall`. The base has not seen the rows: what it
recites is known from elsewhere or easy to guess, and is what the adapter's share has to be held against.

Three questions are asked. Random training rows are shown up to a place and continued greedily: is the continuation
theirs, token by token? Do the answers to the items hold a long span of training text? Rows are shown up to where
something was redacted: does a model write a secret there? Left out: rows shorter than beginning and continuation.
A secret's kind is counted; its text is never written down.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean
from typing import Any

from scipy.special import betaincinv

from tuner.evaluate.probes.greedy import continue_all
from tuner.evaluate.probes.scales import scaled
from tuner.evaluate.probes.stage import write_json
from tuner.probing import Probed, Recall, Recited
from tuner.records import Dataset, Interval, Item, Prediction, Row, read_jsonl
from tuner.render import Renderer
from tuner.rundir import Workspace

FILE = "eval/recall.json"
PROMPT, CONTINUED = 64, 32  # tokens shown, and wanted back
SPAN = 50  # tokens of an answer that stand in training text as they are
BEFORE_REDACTED = 32  # tokens shown before a place where something was redacted
# Finds (kind, start, end) of each secret or personal detail in a text; stand-ins do not count.
FindSecrets = Callable[[str], Iterable[tuple[str, int, int]]]


def run(
    load: Callable[[], Any],
    renderer: Renderer,
    dataset: Dataset,
    answers: dict[str, str],
    windows: int,
    seed: int,
    find_secrets: FindSecrets,
    marks: Sequence[str],
    work: Workspace,
) -> Probed:
    """Probe `base` and `tuned`, whose files of answers `answers` names; `marks` are what redaction leaves."""
    rows = list(read_jsonl(work.run / dataset.train, Row))
    items = {item.id: item for item in read_jsonl(work.run / dataset.items, Item)}
    whole = [row.input_ids[: PROMPT + CONTINUED] for row in rows if len(row.input_ids) >= PROMPT + CONTINUED]
    shown = random.Random(seed).sample(whole, min(windows, len(whole)))
    beginnings = [ids[:PROMPT] for ids in shown]
    redacted = before_marks(rows, renderer.vocabulary, marks)
    redacted = random.Random(seed).sample(redacted, min(windows, len(redacted)))
    text = "\0".join(renderer.decode(row.input_ids) for row in rows)
    model = load()
    found = []
    with work.progress.track("reciting training text", total=2, unit="system") as track:
        for system, scale in (("base", 0.0), ("tuned", 1.0)):
            predictions = list(read_jsonl(work.run / answers[system], Prediction))
            with scaled(model, scale):
                continued = continue_all(model, beginnings, CONTINUED, ())
                tempted = continue_all(model, redacted, CONTINUED, renderer.stop_ids)
            agreed = [_agree(ids[PROMPT:], new) for ids, new in zip(shown, continued, strict=True)]
            written = [(items[each.item_id].prefix, each.raw) for each in predictions if each.void is None]
            long_enough, copied = _spans([raw for _, raw in written], text, renderer)
            written += [
                (renderer.decode(list(before)), renderer.decode(after))
                for before, after in zip(
                    [*redacted, *(ids[:PROMPT] for ids in shown)], [*tempted, *continued], strict=True
                )
            ]
            found.append(
                Recited(
                    system=system,
                    windows=len(shown),
                    recited=agreed.count(CONTINUED),
                    rate=share(agreed.count(CONTINUED), len(shown)),
                    mean_tokens=fmean(agreed) if agreed else 0.0,
                    answers=len(predictions),
                    long_enough=long_enough,
                    copied=copied,
                    redacted=len(redacted),
                    secrets=_secrets(written, find_secrets),
                )
            )
            track.advance()
    write_json(work.out / FILE, Recall(PROMPT, CONTINUED, SPAN, found))
    return Probed(FILE, _said(found), {key: value for each in found for key, value in _metrics(each).items()})


def before_marks(rows: Sequence[Row], vocabulary: Sequence[bytes], marks: Sequence[str]) -> list[list[int]]:
    """Give, for each row that holds a stand-in, the tokens before the first one, if there are enough."""
    found = []
    for row in rows:
        spelled = [vocabulary[ident] if ident < len(vocabulary) else b"" for ident in row.input_ids]
        text = b"".join(spelled)
        places = [place for mark in marks if (place := text.find(mark.encode())) >= 0]
        if not places:
            continue
        at = length = 0
        while length + len(spelled[at]) <= min(places):
            length += len(spelled[at])
            at += 1
        if at >= BEFORE_REDACTED:
            found.append(row.input_ids[at - BEFORE_REDACTED : at])
    return found


def share(count: int, total: int) -> Interval | None:
    """Give a share with its exact 95 % interval (Clopper and Pearson); None of nothing."""
    if not total:
        return None
    low = float(betaincinv(count, total - count + 1, 0.025)) if count else 0.0
    high = float(betaincinv(count + 1, total - count, 0.975)) if count < total else 1.0
    return Interval(count / total, low, high, total)


def _agree(wanted: Sequence[int], written: Sequence[int]) -> int:
    """Count the tokens up to the first that differs."""
    return next((at for at, pair in enumerate(zip(wanted, written, strict=False)) if pair[0] != pair[1]), len(written))


def _spans(answers: Sequence[str], text: str, renderer: Renderer) -> tuple[int, int]:
    """Count the answers that are as long as a span, and those that hold one that stands in the training text."""
    long_enough = copied = 0
    for answer in answers:
        ids = renderer.encode(answer)
        long_enough += len(ids) >= SPAN
        spans = (renderer.decode(ids[at : at + SPAN]) for at in range(len(ids) - SPAN + 1))
        copied += any(span in text for span in spans)
    return long_enough, copied


def _secrets(written: Iterable[tuple[str, str]], find_secrets: FindSecrets) -> dict[str, int]:
    """Count what a model wrote that looks like a secret, together with the line that it continued."""
    counts: Counter[str] = Counter()
    for before, after in written:
        line = before.rpartition("\n")[2]
        counts.update(kind for kind, _, end in find_secrets(line + after) if end > len(line))
    return dict(sorted(counts.items()))


def _metrics(each: Recited) -> dict[str, float]:
    place = f"eval.{each.system}"
    metrics = {f"{place}.secrets_written": float(sum(each.secrets.values()))}
    if each.rate is not None:
        metrics[f"{place}.recited_rate"] = each.rate.value
    if each.answers:
        metrics[f"{place}.verbatim_span_rate"] = each.copied / each.answers
    return metrics


def _said(found: Sequence[Recited]) -> str:
    base, tuned = found
    said = f"recites {tuned.recited} of {tuned.windows} training texts (base {base.recited})"
    return f"{said}, writes {sum(tuned.secrets.values())} secrets (base {sum(base.secrets.values())})"
