"""What answered: server, plan and model, kept beside the answers, so that a resumed run still knows it.

A run that is resumed with another server names both. The user's name is never asked for.
"""

from __future__ import annotations

import json
from pathlib import Path


class About:
    """Facts by name, each with all the values that were met, in the order in which they were."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._facts: dict[str, list[str]] = {}
        if path.is_file():
            try:
                self._facts = {
                    str(name): list(map(str, values)) for name, values in json.loads(path.read_bytes()).items()
                }
            except (ValueError, AttributeError, TypeError):
                path.unlink()  # a kill tore it; what is still to come will say it again

    def add(self, name: str, value: str | None) -> None:
        """Note a value that was not met before."""
        if not value or value in self._facts.get(name, []):
            return
        self._facts.setdefault(name, []).append(value)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(self._facts, sort_keys=True), encoding="utf-8")

    def told(self) -> dict[str, str]:
        """Give the facts, several values joined by commas."""
        return {name: ", ".join(values) for name, values in sorted(self._facts.items())}
