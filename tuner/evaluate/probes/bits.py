"""Score rows of token ids in one pass: the bits of every labelled token, and the bytes that these tokens spell.

In: a model, and rows as the renderer makes them. Out: bits and bytes per row. A row's first token has nothing before it
and is not scored, nor are control tokens, which spell no bytes: bits per byte are those of text.

Tensor shapes: b rows of the batch, t tokens, v vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as functional

from tuner.progress import Track
from tuner.records import Row
from tuner.render import MASKED

BATCH = 4  # rows a pass: their logits are the memory that this takes
Scored = tuple[float, int]


def score_rows(model: Any, rows: Sequence[Row], vocabulary: Sequence[bytes], track: Track) -> list[Scored]:
    """Give bits and bytes of each row, in the rows' order."""
    found: dict[int, Scored] = {}
    order = sorted(range(len(rows)), key=lambda at: -len(rows[at].input_ids))  # little padding
    for start in range(0, len(order), BATCH):
        places = order[start : start + BATCH]
        batch = [_text_only(rows[at], vocabulary) for at in places]
        for at, scored in zip(places, _score(model, batch, vocabulary), strict=True):
            found[at] = scored
        track.advance(len(places))
    return [found[at] for at in range(len(rows))]


@torch.inference_mode()
def _score(model: Any, rows: list[Row], vocabulary: Sequence[bytes]) -> Iterator[Scored]:
    width = max(len(row.input_ids) for row in rows)
    device = next(model.parameters()).device
    ids_bt = torch.tensor([row.input_ids + [0] * (width - len(row.input_ids)) for row in rows], device=device)
    mask_bt = torch.tensor([[1] * len(r.input_ids) + [0] * (width - len(r.input_ids)) for r in rows], device=device)
    logits_btv = model(input_ids=ids_bt, attention_mask=mask_bt, use_cache=False).logits
    for logits_tv, row in zip(logits_btv, rows, strict=True):
        labels_t = torch.tensor(row.labels[1:], device=device)
        logits_tv = logits_tv[: len(row.labels) - 1].float()
        nats = functional.cross_entropy(logits_tv, labels_t, ignore_index=MASKED, reduction="sum")
        spelled = sum(len(vocabulary[ident]) for ident in row.labels[1:] if ident != MASKED)
        yield float(nats) / math.log(2.0), spelled


def _text_only(row: Row, vocabulary: Sequence[bytes]) -> Row:
    """Take the labels off control tokens: the end of a row says nothing about the text."""
    size = len(vocabulary)
    labels = [each if each != MASKED and each < size and vocabulary[each] else MASKED for each in row.labels]
    return Row(row.pair_id, row.kind, row.input_ids, labels)
