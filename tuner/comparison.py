"""What comparison says: differences between two systems, a verdict, and all systems side by side.

`Comparison` is the stage's record: the adapter against its base. `Contest` is `eval/comparison.json`: the same, and
every other system that answered the same items. The report and the arena read it from there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tuner.records import CursorPlace, Interval
from tuner.strict import LATER


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of system `a` minus system `b`, over the same items, with a 95 % interval clustered by commit.

    `p` is the p-value that belongs to the interval: below 0.05 where it leaves out 0. Where the two systems answered
    fewer items than `compare.min_items` there are not `enough`, and no row says gain or loss.
    """

    metric: str
    stratum: str
    a: float
    b: float
    delta: float
    low: float
    high: float
    items: int
    commits: int
    better: Literal["higher", "lower"]
    p: float = field(default=1.0, metadata=LATER)
    enough: bool = field(default=True, metadata=LATER)

    @property
    def finding(self) -> Literal["gain", "loss", "inconclusive"]:
        """Say what the interval allows: it must lie wholly on one side of 0."""
        if not self.enough or self.low <= 0.0 <= self.high:
            return "inconclusive"
        return "gain" if (self.delta > 0) == (self.better == "higher") else "loss"


Verdict = Literal["ship", "no_benefit_shown", "harm"]
SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Headline:
    """One of the few differences that were fixed as the headline before any was seen, with its tests.

    `p` is of the `test` that is named; `p_holm` allows for all headlines of the run together. `only_a` and `only_b`
    count the items that just one of the two has right (exact match alone). `smallest_detectable` is the true difference
    that a comparison of this size finds in four of five cases.
    """

    a: str
    b: str
    difference: Difference
    test: Literal["mcnemar", "bootstrap"]
    p: float
    p_holm: float
    only_a: int | None
    only_b: int | None
    smallest_detectable: float

    @property
    def finding(self) -> Literal["gain", "loss", "inconclusive"]:
        """Say what interval and corrected test allow together: both must tell the two apart."""
        return self.difference.finding if self.p_holm < SIGNIFICANT else "inconclusive"


@dataclass(frozen=True, slots=True)
class Gate:
    """A written condition of `ship` beside the differences; `said` puts value and limit into words.

    One that is not `passed` turns `ship` into `no_benefit_shown`, or any verdict into `harm` where it `harms`.
    """

    name: str
    value: float
    limit: float
    passed: bool
    said: str
    harms: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """System `a` against system `b`: differences, the verdict and the reason for it.

    `systems` lists all that answered, and `sentence` is what may be said of them aloud.
    """

    a: str
    b: str
    items_sha256: str
    differences: list[Difference]
    verdict: Verdict
    reason: str
    metrics: dict[str, float]
    systems: list[str] = field(default_factory=list)
    sentence: str = ""
    headlines: list[Headline] = field(default_factory=list, metadata=LATER)
    gates: list[Gate] = field(default_factory=list, metadata=LATER)
    control: str = field(default="", metadata=LATER)


@dataclass(frozen=True, slots=True)
class SpecificShare:
    """The share of tuned's gain over base that an adapter of another repository does not reach, with its interval."""

    metric: str
    stratum: str
    value: float
    low: float
    high: float
    items: int


@dataclass(frozen=True, slots=True)
class Control:
    """The adapter of another repository that answered the same items: whose it is, its dose, and what it leaves."""

    repository: str
    run: str
    tokens: int
    tuned_tokens: int
    shares: list[SpecificShare]
    said: str


@dataclass(frozen=True, slots=True)
class Sureness:
    """A system's exact matches among its most confident answers.

    `exact_match` is by the share of answers taken, in per cent. `coverage` is the largest share of which at least
    `precision` is exact. `curve` lists points of share and exact match.
    """

    exact_match: dict[str, Interval]
    coverage: float
    precision: float
    curve: list[list[float]]


@dataclass(frozen=True, slots=True)
class SystemResult:
    """One system's own figures. `scores` is by stratum (`all`, `novel`, each kind), then by metric.

    `voids` and `format_failures` count items by class. Tokens are means per answered item; `dollars_per_1000` is the
    price of a thousand completions of that size, None where none is known (`price_note` says which price, or why none).
    """

    name: str
    about: dict[str, str]
    items: int
    answered: int
    voids: dict[str, int]
    format_failures: dict[str, int]
    scores: dict[str, dict[str, Interval]]
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    within_500_ms: float | None
    prompt_tokens: float | None
    tokens: float | None
    dollars_per_1000: float | None
    price_note: str
    sureness: Sureness | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class Pairing:
    """Two systems over the items that both answered; `voided` counts those that one of them did not.

    `only_a` and `only_b` count the items that just one of them completed exactly; `mcnemar` is the p-value of that.
    """

    a: str
    b: str
    items: int
    voided: int
    differences: list[Difference]
    only_a: int = field(default=0, metadata=LATER)
    only_b: int = field(default=0, metadata=LATER)
    mcnemar: float = field(default=1.0, metadata=LATER)


@dataclass(frozen=True, slots=True)
class Cell:
    """One system's exact matches and saved characters over the items of one folder or language."""

    system: str
    by: Literal["folder", "language"]
    name: str
    items: int
    exact_match: float
    chars_saved_ratio: float


@dataclass(frozen=True, slots=True)
class Example:
    """One item with the answers of all systems; `before` ends at the cursor, in the line that `target` completes.

    A `win` is an item that `a` completed as its author did and `b` did not; a `loss` the other way round.
    """

    kind: Literal["win", "loss"]
    a: str
    b: str
    item_id: str
    path: str
    language: str
    commit: str
    cursor: CursorPlace
    novel: bool
    before: str
    target: str
    after: str
    answers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Nearest:
    """The likest training line to what system `a` made of an item; `similarity` is between 0 and 1."""

    item_id: str
    path: str
    commit: str
    similarity: float
    line: str
    snippet: str


@dataclass(frozen=True, slots=True)
class Contest:
    """All systems over the same frozen items. `a`, `b`, `differences`, `verdict` and `reason` are the adapter's."""

    a: str
    b: str
    items_sha256: str
    differences: list[Difference]
    verdict: Verdict
    reason: str
    sentence: str
    systems: list[SystemResult]
    pairings: list[Pairing]
    cells: list[Cell]
    smallest_detectable: dict[str, float]
    prices_as_of: str
    headlines: list[Headline] = field(default_factory=list, metadata=LATER)
    gates: list[Gate] = field(default_factory=list, metadata=LATER)
    control: Control | None = field(default=None, metadata=LATER)
