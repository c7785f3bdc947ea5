"""What a person sees of a running training: loss, speed beside what this machine can do, and memory, as text.

In: the lines of `metrics.jsonl` and `timings.jsonl`, and how many operations a training token needs. Out: a view that
progress draws. The peak of matrix products is measured once on this machine, for about a second between two steps, and
only when somebody looks: a training that ends before anything is drawn does not pay for it. Speed and loss are averaged
over the last ten steps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from statistics import fmean
from typing import Any

from tuner.training_log import WINDOW

GIGA = 1e9


class TrainingView:
    """The last steps of a training. `operations` for a token is None where the base's architecture is not planned."""

    def __init__(self, operations: float | None, measure: Callable[[], float], processes: int = 1) -> None:
        self.operations = operations
        self.measure = measure
        self.processes = processes
        self.peak: float | None = None  # operations a second, of one process
        self.measured_at = 0
        self.wanted = False
        self.losses: deque[float] = deque(maxlen=WINDOW)
        self.pace: deque[tuple[float, float]] = deque(maxlen=WINDOW)
        self.rate: float | None = None
        self.memory: tuple[float | None, float] = (None, 0.0)

    def add(self, line: dict[str, Any], timing: dict[str, Any]) -> None:
        """Take in a step: its line of `metrics.jsonl` and that of `timings.jsonl`."""
        if line["loss"] is not None:
            self.losses.append(float(line["loss"]))
        self.rate = line["learning_rate"]
        self.pace.append((float(line["tokens"]), float(timing["step_seconds"])))
        self.memory = (timing["memory_gib"], float(timing["peak_memory_gib"]))

    def measure_once(self, step: int) -> bool:
        """Measure the peak if somebody has looked and it is not known yet; say whether that took time."""
        if not self.wanted or self.peak is not None or self.operations is None:
            return False
        self.peak, self.measured_at = self.measure(), step
        return True

    def facts(self) -> dict[str, Any]:
        """Give what another view of the same training needs."""
        measured = {"peak": self.peak, "measured_at": self.measured_at}
        return {"operations": self.operations, "processes": self.processes, **measured}

    def short(self) -> str:
        """Say it in a few words."""
        self.wanted = True
        if not self.losses:
            return ""
        share = "" if self.share is None else f", {self.share:.0%} of peak"
        return f"loss {fmean(self.losses):.3f}, {self.speed:,.0f} tokens/s{share}, {self._memory()}"

    def lines(self) -> list[str]:
        """Say it in three lines; none before the first step has ended."""
        self.wanted = True
        if not self.losses:
            return []
        rate = "" if self.rate is None else f", learning rate {self.rate:.1e}"
        return [
            f"loss {fmean(self.losses):.3f} (last step {self.losses[-1]:.3f}){rate}",
            f"{self.speed:,.0f} tokens/s, {self._share()}",
            f"memory {self._memory()}, {self.memory[1]:.1f} GiB at most so far",
        ]

    @property
    def speed(self) -> float:
        """Give the tokens per second of the last steps."""
        tokens, seconds = (sum(column) for column in zip(*self.pace, strict=True))
        return tokens / max(seconds, 1e-9)

    @property
    def share(self) -> float | None:
        """Give the share of the peak that the last steps reached."""
        if self.peak is None or self.operations is None:
            return None
        return self.speed * self.operations / (self.peak * self.processes)

    def _share(self) -> str:
        if self.operations is None:
            return "share of peak not known for this architecture"
        if self.peak is None or self.share is None:
            return "share of peak not measured yet"
        return f"{self.share:.0%} of peak ({self.peak / GIGA:,.0f} GFLOP/s, measured at step {self.measured_at})"

    def _memory(self) -> str:
        now, most = self.memory
        return f"{most:.1f} GiB at most" if now is None else f"{now:.1f} GiB now"
