"""What real clients send to a server: requests as they were recorded, byte for byte.

In: `clients/*.json`, one file a client, written by `make check-editors RECORD=yes` or, where a client could not be run,
by hand from its source; `origin` says which. Out: `Sent`s. A body is kept as text, so that every byte of it is there;
the code in it is our own. Dropped: keys, and what belongs to one connection.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).with_name("clients")
Origin = Literal["recorded", "written from its source"]
NOT_KEPT = ("host", "content-length", "transfer-encoding", "connection", "keep-alive", "authorization", "x-api-key")


@dataclass(frozen=True, slots=True)
class Sent:
    """One request of a client."""

    client: str
    version: str
    origin: Origin
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def endpoint(self) -> str:
        """Name the method and the path."""
        return f"{self.method} {self.path}"


def recorded(folder: Path = FOLDER) -> list[Sent]:
    """Read all that was recorded, client by client."""
    found = []
    for path in sorted(folder.glob("*.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        for each in told["requests"]:
            headers = tuple((name, value) for name, value in each["headers"])
            origin = (told["client"], told["version"], told["origin"])
            found.append(Sent(*origin, each["method"], each["path"], headers, each["body"].encode()))
    return found


def as_text(sents: Sequence[Sent]) -> str:
    """Write the requests of one client as its file holds them."""
    first = sents[0]
    told: dict[str, Any] = {"client": first.client, "version": first.version, "origin": first.origin}
    told["requests"] = [
        {
            "method": each.method,
            "path": each.path,
            "headers": [[name, value] for name, value in each.headers if name.lower() not in NOT_KEPT],
            "body": each.body.decode(),
        }
        for each in sents
    ]
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"
