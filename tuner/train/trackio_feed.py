"""Write what comes in on standard input into a trackio database: a process of its own, started by `logs`.

In: the name of the run as an argument, a JSON list of step and figures in each line, `TRACKIO_DIR` in the surroundings.
Out: the database in that folder. Neither the processor's nor the GPU's use is sampled, which would be others' work too.
"""

from __future__ import annotations

import json
import sys

PROJECT = "training"


def main(run: str) -> None:
    """Feed one run until the input ends."""
    import trackio

    trackio.init(project=PROJECT, name=run, resume="allow", embed=False, auto_log_gpu=False, auto_log_cpu=False)
    for line in sys.stdin:
        step, figures = json.loads(line)
        trackio.log(figures, step=step)
    trackio.finish()


if __name__ == "__main__":
    main(sys.argv[1])
