"""Serve a run for the benchmark, in a process of its own: the front as it is, and beside it a bare engine.

In, as JSON on stdin: {"run": folder, "settings": recipe.serve}. Out, as one line of JSON: the front's URL, the address
and key of a second engine with the same files and settings, and the three process ids. It ends when stdin closes.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from tuner.recipe import ServeSettings
from tuner.records import Bundle
from tuner.rundir import Run
from tuner.serve import stage
from tuner.serve.engine import Engine
from tuner.serve.models import find_roster


def main() -> None:
    asked = json.loads(sys.stdin.readline())
    run, settings = Run.find(Path(asked["run"])), ServeSettings.model_validate(asked["settings"])
    bundle = run.record("export", Bundle)
    said: list[dict[str, Any]] = []
    keep = said.append

    async def beside(url: str) -> None:
        roster, _ = find_roster(run.folder, bundle, settings)
        engine = await Engine.start(roster.base, roster.adapters(), settings)
        started = next(each for each in said if each["event"] == "engine runs")
        found = {
            "front": url,
            "bare": engine.client.address,
            "key": engine.client.key,
            "front_pid": os.getpid(),
            "engine_pid": started["pid"],
            "tokenizer": str(roster.tokenizer),
        }
        print(json.dumps(found), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await engine.stop()

    with stage.running(bundle, run.folder, settings, lambda record: keep(record) if len(said) < 10 else None) as url:
        asyncio.run(beside(url))


if __name__ == "__main__":
    main()
