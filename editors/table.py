"""Write down what each client sent and what came back, as one Markdown table.

In: the clients' outcomes. Out: `docs/editors-checked.md`: versions, requests, the fields of their bodies, status, and
whether the client showed the text of the answer. No address, time or path of a machine stands in it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from editors.recorder import Exchange
from tuner.serve.reading import read


@dataclass(slots=True)
class Outcome:
    """What came of one client. `reason` says why it was skipped or how it failed."""

    client: str
    version: str = ""
    state: str = "answered"  # or skipped, failed
    reason: str = ""
    shown: str = ""
    exchanges: list[Exchange] = field(default_factory=list)

    def faults(self) -> list[str]:
        """List what is wrong with the answers; one that the client left before its end is not judged."""
        found = []
        for each in self.exchanges:
            if each.is_whole and (fault := read_of(each).fault):
                found.append(f"{each.method} {each.path}: {fault}")
        return found

    def is_seen(self) -> bool:
        """Tell whether the client shows what one of the answers says."""
        shown = _squeezed(self.shown)
        texts = [_squeezed(found.text or "") for each in self.exchanges if (found := read_of(each)).text]
        return bool(shown) and any(text and (text in shown or shown in text) for text in texts)


def read_of(exchange: Exchange):  # type: ignore[no-untyped-def]
    """Read an answer as the client does."""
    return read(exchange.path, exchange.body, exchange.status, exchange.media_type, exchange.answer)


def as_page(outcomes: Sequence[Outcome], about: str) -> str:
    """Write the whole page."""
    lines = [
        "# What real clients sent, and what came back",
        "",
        "Written by `make check-editors`: it installs the clients, starts `tuner serve`, and lets each of them ask in",
        "its own way. A recorder on loopback stands between them. `tuner serve --check` sends the same requests again",
        "byte for byte, and those of clients that cannot be run without a screen, written from their sources",
        "([editors.md](editors.md)).",
        "",
        about,
        "",
        "| client | version | request | fields of the body | status | text shown |",
        "|---|---|---|---|---|---|",
    ]
    for each in outcomes:
        lines += _rows(each)
    return "\n".join([*lines, ""])


def _rows(outcome: Outcome) -> list[str]:
    if outcome.state == "skipped":
        return [f"| {outcome.client} | | | | | skipped: {_cell(outcome.reason)} |"]
    rows = []
    for request, fields, status in dict.fromkeys(_told(each) for each in outcome.exchanges):
        rows.append(f"| {outcome.client} | {outcome.version} | `{request}` | {fields} | {status} | |")
    verdict = f"{outcome.state}: {_cell(outcome.reason)}" if outcome.reason else ("yes" if outcome.is_seen() else "no")
    if not rows:
        return [f"| {outcome.client} | {outcome.version} | | | | {verdict} |"]
    return [rows[0].removesuffix("|") + f"{verdict} |", *rows[1:]]


def _told(exchange: Exchange) -> tuple[str, str, str]:
    try:
        body = json.loads(exchange.body) if exchange.body else {}
    except ValueError:
        body = {}
    names = ", ".join(f"`{name}`" for name in sorted(body))
    status = str(exchange.status) if exchange.is_whole else "left by the client"
    return f"{exchange.method} {exchange.path}", names, status


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _squeezed(text: str) -> str:
    return "".join(text.split())
