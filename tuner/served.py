"""Find what `make serve` serves, and write its log.

In: what the user named: a run's folder or name, a channel or a tag; nothing means the run of the team's channel, else
the adapter that came along. Out: a finished run. What came along is prepared in the cache at the first call.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuner import bases, registry
from tuner.progress import TerminalProgress
from tuner.rundir import Run


def served(adapters: Path, name: str | None) -> Run:
    """Open the run that a name stands for."""
    folder = registry.served_by_default(adapters) if name is None else registry.resolve(adapters, name)
    if not registry.is_shipped(folder):
        return Run.find(folder)
    from tuner.shipped import servable

    return servable(folder, bases.cache_folder(), TerminalProgress())


def say_record(record: dict[str, Any]) -> None:
    """Write one line of JSON about a request or a change of what is served; no record holds code."""
    line = json.dumps({"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **record})
    print(line, file=sys.stderr, flush=True)
