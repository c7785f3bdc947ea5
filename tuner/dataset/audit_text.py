"""Write an audit as plain text: for the terminal, and for `audit/audit.txt`.

In: an `Audit`. Out: one text. Supervised text is marked with colour on a terminal and with `[[ ]]` elsewhere. Long rows
are shown around the place where supervision begins; the page shows them whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from tuner.dataset.audit import LONG_LINE, Audit
from tuner.dataset.row_checks import HISTOGRAM_BARS, Preview
from tuner.dataset.shares import Share
from tuner.dataset.token_view import Piece
from tuner.visible import visible

PRIVATE = "This text contains internal code; do not publish it."
WIDE = 30  # characters of the longest bar
LEARNED, MASKED, CONTROL, RED, PLAIN = "\x1b[32m", "\x1b[2m", "\x1b[36m", "\x1b[31m", "\x1b[0m"
BEFORE, AFTER = 6, 14  # lines shown before and behind the place where supervision begins


def verdict(audit: Audit) -> str:
    """Say in one word or line whether to train on this dataset."""
    if not audit.faults:
        return "sound"
    kinds = len(audit.faults)
    return f"{kinds} kind{'s' * (kinds > 1)} of fault: do not train on this before it is mended"


def as_text(audit: Audit, colour: bool) -> str:
    """Write the whole audit."""
    sections = [
        [f"Audit of {visible(audit.run)}: {visible(audit.repository)} for {visible(audit.base)}", PRIVATE],
        _verdict(audit, colour),
        _rows(audit),
        _lengths(audit),
        _items(audit),
        ["Languages", *_shares(audit.languages)],
        [
            f"Folders: the shares of training and items have {audit.folder_overlap:.0%} in common",
            *_shares(audit.folders),
        ],
        _ages(audit),
        _funnel(audit),
        *_previews(audit.previews, colour),
    ]
    return "\n\n".join("\n".join(line.rstrip() for line in section) for section in sections) + "\n"


def day(seconds: int) -> str:
    """Write a Unix time as a day."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def length_names(max_tokens: int) -> list[str]:
    """Name the bars of the length histogram by the tokens that they cover."""
    edges = [number * max_tokens // HISTOGRAM_BARS for number in range(HISTOGRAM_BARS + 1)]
    return [f"{low + 1}-{high}" for low, high in pairwise(edges)]


def _verdict(audit: Audit, colour: bool) -> list[str]:
    red, plain = (RED, PLAIN) if colour and audit.faults else ("", "")
    lines = [f"Verdict: {red}{verdict(audit)}{plain}"]
    for fault in audit.faults:
        lines += [f"  {red}{fault.name}{plain}: {fault.count:,} {fault.what}", f"    what to do: {fault.remedy}"]
        lines += [f"    {visible(place)}" for place in fault.places]
        lines += [f"    and {fault.count - len(fault.places):,} more"] * (fault.count > len(fault.places))
    return lines


def _rows(audit: Audit) -> list[str]:
    total = audit.total
    head = ("kind", "rows", "tokens", "of all", "supervised", "of kind", "full rows")
    table: list[Sequence[str]] = [head]
    for name, each in [*((kind, figures) for kind, figures in audit.kinds.items()), ("all", total)]:
        counts = [f"{each.rows:,}", f"{each.tokens:,}", _share(each.tokens, total.tokens)]
        counts += [f"{each.supervised:,}", _share(each.supervised, each.tokens)]
        table.append([name, *counts, f"{each.full:,}"])
    files = audit.kinds["file"]
    return [
        f"Rows: {total.rows:,} with {total.tokens:,} tokens; loss is taken on {_share(total.supervised, total.tokens)}",
        *_table(table),
        f"A full row has {audit.max_tokens} tokens. A file is cut into windows of that length, so {files.full:,} of its"
        f" {files.rows:,} rows are full;",
        "in a full row of another kind the prompt may be shortened, never the response.",
        f"Validation: {audit.valid.rows:,} rows with {audit.valid.tokens:,} tokens from {audit.valid_commits:,} later"
        f" commits; loss is taken on {_share(audit.valid.supervised, audit.valid.tokens)}",
    ]


def _lengths(audit: Audit) -> list[str]:
    names = length_names(audit.max_tokens)
    lines = ["Row lengths, in tokens"]
    for kind, figures in audit.kinds.items():
        if figures.rows:
            lines.append(f"  {kind}")
            most = max(figures.lengths)
            lines += [
                f"    {name:>11} {count:>7,} {'#' * _bar(count / most)}"
                for name, count in zip(names, figures.lengths, strict=True)
                if count
            ]
    return lines


def _items(audit: Audit) -> list[str]:
    items = audit.items
    cursors = ", ".join(f"{count:,} with the cursor {name}" for name, count in items.cursors.items())
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in items.kinds.items() if count)
    return [
        f"Evaluation items: {items.items:,} from {items.commits:,} commits; {items.novel:,} novel; {cursors or 'none'}",
        f"  by what they ask for: {kinds or 'none'}",
        f"  {items.long_lines:,} have a line of {LONG_LINE} characters or more; {items.lines_trained:,} of these lines"
        " stand in a training row, and none of those may be novel.",
    ]


def _shares(found: list[Share]) -> list[str]:
    most = max((max(each.token_share, each.item_share) for each in found), default=1.0) or 1.0
    table: list[Sequence[str]] = [("", "tokens", "", "items", "", "training # items =")]
    for each in found:
        counts = (f"{each.tokens:,}", f"{each.token_share:.1%}", f"{each.items:,}", f"{each.item_share:.1%}")
        table.append((visible(each.name), *counts, "#" * _bar(each.token_share / most)))
        if each.items:
            table.append(("", "", "", "", "", "=" * _bar(each.item_share / most)))
    return _table(table)


def _ages(audit: Audit) -> list[str]:
    found = audit.ages
    most = max([*found.tokens, 1])
    lines = [f"Age of the training code, tokens and items by {found.unit}"]
    for number, (name, tokens, items) in enumerate(zip(found.names, found.tokens, found.items, strict=True)):
        if tokens or items or number == found.cut:
            shown = "#" * _bar(tokens / most)
            lines.append(f"    {name:>8} {tokens:>10,} {items:>6,} {shown}")
        if number == found.cut:
            lines.append(f"    -------- the cut, {audit.cut.commit[:12]} of {day(audit.cut.committed_at)}")
    return lines


def _funnel(audit: Audit) -> list[str]:
    steps = [
        (each.name, *("not recorded" if count is None else f"{count:,}" for count in (each.before, each.after)))
        for each in audit.funnel
    ]
    reasons = [(each.room, each.what, visible(each.reason), f"{each.count:,}") for each in audit.reasons]
    return [
        "Kept",
        *_table([("", "before", "after"), *steps]),
        "",
        "Rejected",
        *_table([("room", "what", "reason", "count"), *reasons]),
    ]


def _previews(previews: list[Preview], colour: bool) -> Iterable[list[str]]:
    if not previews:
        return
    how = "green is supervised, faint is masked" if colour else "[[ ]] encloses what is supervised"
    yield [f"Rows drawn at random: {how}; the page shows them whole"]
    for each in previews:
        head = f"{each.kind}  {visible(each.path)}  {each.tokens} tokens, {each.supervised} supervised"
        yield [head, f"  {visible(each.place)}", *(f"  | {line}" for line in _around(_lines_of(each.pieces, colour)))]


def _lines_of(pieces: list[Piece], colour: bool) -> list[tuple[bool, str]]:
    """Write pieces as lines, each with whether anything in it is supervised."""
    lines: list[tuple[bool, str]] = []
    line, learned, inside = "", False, False
    for piece in pieces:
        if not colour and piece.supervised != inside:
            line += "[[" if piece.supervised else "]]"
        inside = piece.supervised
        for number, text in enumerate(piece.text.split("\n")):
            if number:
                lines.append((learned, line))
                line, learned = "", False
            learned |= piece.supervised
            line += _coloured(text, piece) if colour and text else text
    return [*lines, (learned, line + "]]" * (inside and not colour))]


def _coloured(text: str, piece: Piece) -> str:
    return f"{CONTROL if piece.control else LEARNED if piece.supervised else MASKED}{text}{PLAIN}"


def _around(lines: list[tuple[bool, str]]) -> list[str]:
    start = next((number for number, (learned, _) in enumerate(lines) if learned), 0)
    first, last = max(0, start - BEFORE), start + AFTER
    shown = [text for _, text in lines[first:last]]
    return [
        *[f"... {first} lines before"] * (first > 0),
        *shown,
        *[f"... {len(lines) - last} lines more"] * (len(lines) > last),
    ]


def _bar(share: float) -> int:
    return max(1, round(share * WIDE)) if share > 0 else 0


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align columns: words to the left, figures to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  "
        + "  ".join(
            f"{cell:>{width}}" if number and (cell[:1].isdigit() or cell == "-") else f"{cell:<{width}}"
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
