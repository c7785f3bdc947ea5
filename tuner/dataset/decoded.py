"""Read written rows back as text: what is searched for secrets at the end, and what the card shows as examples.

In: a file of rows and the renderer that made them. Out: each row's text, and of each kind the beginning of the prompt's
parts and of the answer. Nothing is dropped here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tuner.dataset.sample import PooledRow
from tuner.records import PAIR_KINDS, Row, RowKind, read_jsonl
from tuner.render import MASKED, Renderer

LINES = 12  # of a prompt and of an answer
LONGEST_LINE = 160


@dataclass(frozen=True, slots=True)
class Example:
    """A shortened training row: what is read, control tokens included, and what is learned."""

    kind: RowKind
    path: str
    read: str
    learned: str


def decoded_rows(path: Path, renderer: Renderer) -> Iterator[tuple[str, str]]:
    """Yield pair id and text of every row of a file, in order; what fills a hole stands in the hole again.

    A row shows it behind the text that follows it. Put back, a secret that reaches into the hole is whole, and texts
    that were never side by side make none.
    """
    for row in read_jsonl(path, Row):
        before, after, answer = _parts(row, renderer)
        yield row.pair_id, renderer.decode(before) + renderer.decode(answer) + renderer.decode(after)


def choose_examples(path: Path, chosen: list[PooledRow], renderer: Renderer) -> list[Example]:
    """Show two rows of each kind; `chosen` are the file's rows, whose order is seeded, so that the first will do."""
    wanted: dict[int, PooledRow] = {}
    for kind in PAIR_KINDS:
        numbers = [number for number, row in enumerate(chosen) if row.kind == kind]
        others = [number for number in numbers if chosen[number].path != chosen[numbers[0]].path]
        wanted |= {number: chosen[number] for number in [*numbers[:1], *(others or numbers[1:])[:1]]}
    examples = [
        _example(row, wanted[number].path, renderer)
        for number, row in enumerate(read_jsonl(path, Row))
        if number in wanted
    ]
    return sorted(examples, key=lambda each: PAIR_KINDS.index(each.kind))


def shortened(text: str, first: int, last: int) -> str:
    """Keep the first and the last lines of a text, and say how many were left out between them."""
    lines = [line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + "…" for line in text.split("\n")]
    if len(lines) <= first + last + 1:
        return "\n".join(lines)
    left_out = f"[… {len(lines) - first - last} lines …]"
    return "\n".join([*lines[:first], left_out, *lines[len(lines) - last :]])


def _example(row: Row, path: str, renderer: Renderer) -> Example:
    def shown(ids: list[int]) -> str:
        return str(renderer.tokenizer.decode(ids, skip_special_tokens=False))

    before, after, answer = _parts(row, renderer)
    if after:  # what stands nearest to the hole says most
        read = shortened(shown(before), 1, LINES // 2) + shortened(shown(after), 3, 1)
    else:
        read = shortened(shown(before), LINES // 3, LINES - LINES // 3)
    return Example(row.kind, path, read, shortened(shown(answer), LINES, 0))


def _parts(row: Row, renderer: Renderer) -> tuple[list[int], list[int], list[int]]:
    """Take a row apart: what stands before the hole, what is shown after it, and what is learned."""
    masked = next((at for at, label in enumerate(row.labels) if label != MASKED), len(row.labels))
    prompt, hole = row.input_ids[:masked], renderer.form.suffix
    cursor = renderer.tokenizer.token_to_id(hole) if hole else None
    at = prompt.index(cursor) if cursor in prompt else masked
    return prompt[:at], prompt[at:], row.input_ids[masked:]
