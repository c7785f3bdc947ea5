"""Run answers to tasks in the sandbox, many in one start of it, and say of each how it ended.

In: program texts. Out, for each: `passed`, `failed`, or what stopped it. Each runs in a process of its own. One that
takes the whole sandbox down (all memory, too many processes) is named for that, and the next goes on in a new sandbox.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tuner.sandbox import Limits, folders_of, run

DRIVER = Path(__file__).with_name("driver.py")
AT_ONCE = 50
LIMITS = Limits(seconds=900.0, memory_mib=256, disk_mib=64, processes=64)


def run_programs(programs: Sequence[str]) -> list[str]:
    """Run programs one after the other and say how each ended."""
    python = Path(sys.executable)
    ended: list[str] = []
    while len(ended) < len(programs):
        batch = programs[len(ended) : len(ended) + AT_ONCE]
        outcome = run(
            [str(python), "-I", "-S", "driver.py"],
            LIMITS,
            files={"driver.py": DRIVER.read_text(encoding="utf-8"), "programs.json": json.dumps(batch)},
            readable=folders_of(python),
        )
        lines = outcome.output.splitlines()
        ended += lines
        if len(lines) < len(batch):
            ended.append("failed" if outcome.ended == "exited" else outcome.ended)
    return ended
