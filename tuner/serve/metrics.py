"""Count what is served, in the text format that Prometheus reads.

In: what was noted of each finished request. Out: counters, a gauge each for queue and slots, and histograms of the time
to the whole answer. Labels are names of our own (protocol, status, model), never anything that a client made up, and
nothing holds code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
Labels = tuple[tuple[str, str], ...]
KIND = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Everything that was counted since the start."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Labels]] = Counter()
        self._seconds: dict[Labels, list[float]] = {}

    def add(self, protocol: str, status: int, seconds: float, note: Mapping[str, Any]) -> None:
        """Count one finished request."""
        self._counts["requests_total", (("protocol", protocol), ("status", str(status)))] += 1
        if note.get("left"):
            self._counts["clients_left_total", (("protocol", protocol),)] += 1
        if "model" not in note:
            return
        model: Labels = (("model", note["model"]),)
        for name in ("prompt_tokens", "cached_tokens", "tokens"):
            self._counts[f"{name}_total", model] += note[name]
        if note["cut"]:
            self._counts["prompts_cut_total", model] += 1
        buckets = self._seconds.setdefault((("protocol", protocol),), [0.0] * (len(_BUCKETS) + 2))
        for number, bound in enumerate(_BUCKETS):
            buckets[number] += seconds <= bound
        buckets[-2] += 1
        buckets[-1] += seconds

    def text(self, gauges: Mapping[str, float]) -> str:
        """Write all figures; `gauges` are those of this moment."""
        lines: list[str] = []
        for name in sorted({name for name, _ in self._counts}):
            lines.append(f"# TYPE tuner_{name} counter")
            lines += [
                f"tuner_{name}{_braced(labels)} {count}"
                for (each, labels), count in sorted(self._counts.items())
                if each == name
            ]
        for name, value in gauges.items():
            lines += [
                f"# TYPE tuner_{name} {'counter' if name.endswith('_total') else 'gauge'}",
                f"tuner_{name} {value:g}",
            ]
        if self._seconds:
            lines.append("# TYPE tuner_answer_seconds histogram")
        for labels, buckets in sorted(self._seconds.items()):
            lines += _histogram(labels, buckets)
        return "\n".join(lines) + "\n"


def _histogram(labels: Labels, buckets: list[float]) -> Iterable[str]:
    bounds = [*map(str, _BUCKETS), "+Inf"]
    for bound, count in zip(bounds, buckets, strict=False):
        yield f"tuner_answer_seconds_bucket{_braced((*labels, ('le', bound)))} {count:g}"
    yield f"tuner_answer_seconds_sum{_braced(labels)} {buckets[-1]:.6f}"
    yield f"tuner_answer_seconds_count{_braced(labels)} {buckets[-2]:g}"


def _braced(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels) + "}" if labels else ""
