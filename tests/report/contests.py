"""Made-up contests for the tests of the report: a lively one, a bare one, and one that a hostile repository wrote.

The figures mean nothing; they are chosen so that every part of the page has something to show.
"""

from __future__ import annotations

import dataclasses
import json
import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from tuner.comparison import (
    Cell,
    Contest,
    Control,
    Difference,
    Example,
    Gate,
    Headline,
    Nearest,
    Pairing,
    Sureness,
    SystemResult,
)
from tuner.progress import Progress
from tuner.recipe import CompareSettings, Recipe
from tuner.records import Adapter, Artefact, Bundle, Cut, Dataset, Evaluation, Interval, Mined, MinedRepo, to_json
from tuner.report import stage
from tuner.rundir import Workspace
from tuner.scoring import COMPARED

HOSTILE = "</script><script>alert('x')</script>\"'`|\u202eevil\u0000\x1b[31m\u05d0"
SHA = "9f2c" * 16
NAMES = (
    *("bits_per_byte", "exact_match", "edit_similarity", "identifier_f1"),
    *("chars_saved_ratio", "over_generation_rate"),
)
METRICS = [next(each for each in COMPARED if each.name == name) for name in NAMES]
LEVELS = {  # of these, in this order
    "base": (1.086, 0.140, 0.492, 0.380, 0.209, 0.024),
    "base+bm25": (1.041, 0.172, 0.520, 0.431, 0.244, 0.020),
    "tuned": (0.950, 0.168, 0.559, 0.462, 0.253, 0.016),
    "tuned+bm25": (0.921, 0.224, 0.588, 0.507, 0.291, 0.012),
    "codestral": (None, 0.316, 0.642, 0.588, 0.371, 0.036),
    "copilot": (None, 0.288, 0.640, 0.571, 0.352, 0.048),
    "gpt-5.5": (None, 0.332, 0.655, 0.601, 0.380, 0.092),
    "local-coder": (None, 0.208, 0.561, 0.478, 0.282, 0.028),
}
PRICES = {
    "codestral": (0.214, "codestral: 0.3 in, 0.9 out, dollars per million tokens, as of 2026-11-22"),
    "copilot": (2.262, "a seat of 19 dollars a month over 8,400 completions (assumed)"),
    "gpt-5.5": (4.91, "gpt-5.5: 5 in, 30 out, dollars per million tokens, as of 2026-11-22"),
    "local-coder": (None, "no price of local-coder is known (compare.prices)"),
}
LATENCY = {"base": (410.0, 690.0), "tuned": (420.0, 700.0), "tuned+bm25": (760.0, 1180.0), "copilot": (390.0, 905.0)}
FOLDERS = ("src/click", "tests", "examples/complex", "docs")
CODE = [
    ("    for param in self.get_params(ctx):\n        value, args = param.", "handle_parse_result(ctx, opts, args)"),
    ("    if isinstance(value, bytes):\n        enc = ", "_get_argv_encoding()"),
    ("    def convert(self, value, param, ctx):\n        if value in self.", "choices:"),
    ("    with ctx.scope(cleanup=False):\n        rv = ", "self.invoke(ctx)"),
    ("    @property\n    def name(self) -> str:\n        return f\"<{' '.join(ty.", 'name for ty in self.types)}>"'),
]
ANSWERS = ["handle_parse_result(ctx, args)", "get_encoding(value)", "choices.keys():", "super().invoke(ctx, self)", ""]


def scores(system: str, items: int, better_by: float = 0.0) -> dict[str, Interval]:
    """Make up a system's figures with intervals of a believable width."""
    found = {}
    for metric, level in zip(METRICS, LEVELS[system], strict=True):
        if level is not None:
            value = max(0.0, level - better_by if metric.better == "higher" else level + better_by)
            spread = 0.09 if metric.name == "bits_per_byte" else 1.96 * math.sqrt(value * (1 - value) / items) * 1.2
            found[metric.name] = Interval(value, max(0.0, value - spread), value + spread, items)
    return found


def sureness(name: str, items: int) -> Sureness:
    """Make up how a system's exact matches fall with the share of answers shown."""
    level = LEVELS[name][1] or 0.0
    at = {
        str(share): Interval(min(1.0, level * 100 / share), 0.0, 1.0, items * share // 100)
        for share in (100, 70, 50, 30)
    }
    curve = [[step / 20, min(1.0, level * 20 / step)] for step in range(1, 21)]
    return Sureness(at, 0.62, 0.3, curve)


def system(name: str, items: int = 250, **changes: Any) -> SystemResult:
    """Make up one system's result."""
    dollars, note = PRICES.get(name, (None, "runs on your own machine: see what switching would cost"))
    p50, p95 = LATENCY.get(name, (610.0, 1420.0))
    result = SystemResult(
        name=name,
        about={"model": name, "version": "1.0", "day": "2026-11-22"},
        items=items,
        answered=items,
        voids={},
        format_failures={},
        scores={"all": scores(name, items), "novel": scores(name, items - 46, 0.011)} if items else {},
        latency_p50_ms=p50,
        latency_p95_ms=p95,
        within_500_ms=0.71,
        prompt_tokens=231.4,
        tokens=11.2,
        dollars_per_1000=dollars,
        price_note=note,
        sureness=sureness(name, items) if name in LATENCY and name != "copilot" and items else None,
    )
    return dataclasses.replace(result, **changes)


def differences(a: str, b: str, items: int = 250, strata: Sequence[str] = ("all", "novel")) -> list[Difference]:
    """Subtract two made-up systems."""
    found = []
    for stratum in strata:
        for metric, of_a, of_b in zip(METRICS, LEVELS[a], LEVELS[b], strict=True):
            if of_a is not None and of_b is not None:
                half = 0.028 if metric.name == "bits_per_byte" else 0.034
                half *= 1.0 if stratum == "all" else 1.2
                delta = of_a - of_b
                found.append(
                    Difference(
                        metric.name, stratum, of_a, of_b, delta, delta - half, delta + half, items, 132, metric.better
                    )
                )
    return found


def pairing(a: str, b: str, items: int = 250, voided: int = 0, **changes: Any) -> Pairing:
    """Pair two made-up systems."""
    return dataclasses.replace(Pairing(a, b, items, voided, differences(a, b, items)), **changes)


def contest(names: Sequence[str] = tuple(LEVELS), **changes: Any) -> Contest:
    """Make up a contest between systems, all of which answered."""
    draw = random.Random(5)
    systems = [system(name) for name in names]
    cells = [
        Cell(name, by, place, size, max(0.0, draw.gauss(LEVELS[name][1] or 0, 0.05)), LEVELS[name][4] or 0.0)
        for name in names
        for by, places in (("folder", FOLDERS), ("language", ("python", "toml")))
        for place, size in zip(places, (121, 84, 31, 14), strict=False)
    ]
    tested = [
        Headline(a, b, each, "mcnemar" if each.metric == "exact_match" else "bootstrap", 0.31, 0.62, *counts, 0.049)
        for a, b in (("tuned", "base"), ("tuned+bm25", "base+bm25"))
        if a in names and b in names
        for each in differences(a, b, strata=("novel",))
        if each.metric in ("exact_match", "edit_similarity", "identifier_f1")
        for counts in [(17, 12) if each.metric == "exact_match" else (None, None)]
    ]
    result = Contest(
        a="tuned",
        b="base",
        items_sha256="d" * 64,
        differences=differences("tuned", "base", strata=("all", "novel", "inside", "boundary")),
        verdict="ship",
        reason="tuned is better than base over 250 items: bits_per_byte -0.136 [-0.164, -0.108] on all",
        sentence="On 250 lines from 132 later commits of click, tuned+bm25 completed 22.4 % exactly as their authors "
        "did and copilot 28.8 % (-6.4 points, 95 % interval -9.8 to -3.0): a loss beyond chance.",
        systems=systems,
        pairings=[pairing(a, b) for a, b in _pairs(names)],
        cells=cells,
        smallest_detectable={metric.name: 0.049 for metric in METRICS},
        prices_as_of="2026-11-22",
        headlines=tested,
        gates=[
            Gate("wrong_repository", -0.05, 0.0, True, "tuned against an adapter of zoo: bits_per_byte -0.050, gain")
        ],
        control=Control(
            "zoo", "zoo-1", 59_000, 60_000, [], "Against an adapter of zoo, tuned has bits_per_byte -0.050."
        ),
    )
    return dataclasses.replace(result, **changes)


def examples(number: int = 20, a: str = "tuned+bm25", b: str = "copilot") -> list[Example]:
    """Make up wins and losses."""
    found = []
    kinds: tuple[Literal["win", "loss"], ...] = ("win", "loss")
    for kind in kinds:
        for at in range(number):
            before, target = CODE[at % len(CODE)]
            wrong = ANSWERS[at % len(ANSWERS)]
            answers = {a: target, b: wrong} if kind == "win" else {a: wrong, b: target}
            answers |= {"base": wrong[:7], "tuned": target}
            found.append(
                Example(
                    kind=kind,
                    a=a,
                    b=b,
                    item_id=f"{kind}{at}",
                    path=f"{FOLDERS[at % len(FOLDERS)]}/module_{at}.py",
                    language="python",
                    commit=f"{at:02d}" * 20,
                    cursor="inside" if at % 2 else "boundary",
                    novel=at % 3 > 0,
                    before=f"class Command:\n    def run(self, ctx):\n{before}",
                    target=target,
                    after="\n        return value\n\n",
                    answers=answers,
                )
            )
    return found


def nearest(chosen: Sequence[Example]) -> list[Nearest]:
    """Make up training lines that are near to the answers."""
    return [
        Nearest(each.item_id, "src/click/core.py", "ab" * 20, 0.87, each.target, f"def parse(self):\n    {each.target}")
        for each in chosen[::2]
    ]


def records(text: str = "click") -> dict[str, Any]:
    """Make up the stages' records; `text` is what a repository may have written."""
    mined = Mined(
        "mined/pairs.jsonl",
        "mined/additions.jsonl",
        "mined/rejected.jsonl",
        Cut("23780fa3efcc" + "0" * 28, 1757743418, 1038, 180, f"180 of 1218 code commits of {text} lie after it"),
        [MinedRepo(text, "2c8c" * 10, None)],
        {"file": 78, "line_infilling": 234, "edit": 657, "redacted.email": 46, "redacted.person": 56},
        {"merge": 1183, "foreign_licence": 12, f"why {text}": 3},
        {},
    )
    counts = {"train_rows.file": 84, "train_tokens.file": 40360, "train_rows.edit": 8, "train_tokens.edit": 2818}
    dataset = Dataset(
        "", "", "", "d" * 64, "", counts, {"too_long": 19, "near_duplicate": 26}, {"dataset.train_tokens": 59949.0}
    )
    trained = {"train.tokens": 59959.0, "train.steps": 59.0, "train.seconds": 556.0, "train.valid_loss_base": 2.31}
    exported = [
        Artefact("peft", "export/peft", "peft", SHA, None, None, None),
        Artefact("gguf", f"export/{text}.gguf", "gguf", SHA, 0.03125, 0.00002, True),
        Artefact("merged", "export/merged", "merged", SHA, 0.5, 0.25, False),
    ]
    base = Evaluation("base", "d" * 64, "eval/base.predictions.jsonl", {}, {})
    return {
        "mine": mined,
        "dataset": dataset,
        "train": Adapter("adapter", "tiny", "b" * 64, "9" * 64, trained, ["no native bf16 on this machine"]),
        "evaluate-base": base,
        "export": Bundle("export", exported, {}, {"ollama": "no engine here"}),
    }


def manifest(text: str = "click", without: Sequence[str] = ()) -> dict[str, Any]:
    """Write the manifest of a run."""
    stages = [
        {
            "name": name,
            "record": json.loads(to_json(record)),
            "key": "c8e145fbb27d6a8e",
            "seconds": 70.532,
            "started_at": 1795402782,
            "outputs": {f"{name}/{text}.jsonl": {"sha256": SHA, "bytes": 13645570}},
        }
        for name, record in records(text).items()
        if name not in without
    ]
    return {
        "id": "45d8797f",
        "repo": {"name": text, "revision": "2c8c" * 10, "branch": "main"},
        "repos": [{"name": text, "revision": "2c8c" * 10}],
        "base": {"name": "smollm2-135m-instruct", "revision": "b" * 64, "fim_form": "prefix_only"},
        "decides": {"version": "0.1.0", "recipe": Recipe().model_dump(mode="json", exclude={"compare", "serve"})},
        "stages": stages,
    }


class Finished:
    """A run whose other stages have finished, and the report on it."""

    def __init__(self, folder: Path, found: Contest | None = None, **changes: Any) -> None:
        given: dict[str, Any] = {"examples": examples(), "nearest": None, "text": "click", "settings": {}, **changes}
        self.folder, self.contest = folder, found or contest()
        (folder / "eval").mkdir(parents=True)
        (folder / "out").mkdir()
        self.write("eval/comparison.json", to_json(self.contest))
        self.write("eval/examples.json", to_json(given["examples"]))
        if given["nearest"] is not None:
            self.write("eval/nearest.json", to_json(given["nearest"]))
        steps = given.get("losses", [3.2 * math.exp(-at / 25) + 0.9 + 0.25 * math.sin(at * 2.1) for at in range(59)])
        lines = [json.dumps({"step": at, "loss": loss, "tokens": 1016}) for at, loss in enumerate(steps, 1)]
        self.write("metrics.jsonl", "".join(f"{line}\n" for line in lines))
        self.settings = CompareSettings(**given["settings"])
        work = Workspace(folder, folder / "out", folder / "scratch", Progress())
        self.record = stage.run(manifest(given["text"], given.get("without", ())), self.settings, work)
        self.page = folder / "out/report/index.html"
        self.html = self.page.read_text(encoding="utf-8")
        self.markdown = (folder / "out/report/report.md").read_text(encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")


def lively(folder: Path, names: Sequence[str] = tuple(LEVELS), number: int = 20) -> Finished:
    """A run in which every part of the page has something to show."""
    found = contest(names)
    systems = [
        dataclasses.replace(each, answered=231, voids={"rate": 12, "timeout": 7}, format_failures={"fenced": 31})
        if each.name == "gpt-5.5"
        else each
        for each in found.systems
    ]
    chosen = examples(number)
    changed = dataclasses.replace(found, systems=systems)
    return Finished(folder, changed, examples=chosen, nearest=nearest(chosen), settings={"team": {"developers": 40}})


def hostile(folder: Path) -> Finished:
    """A run on a repository whose every name and line tries to break out of the page."""
    found = contest(("base", "tuned", "copilot"))
    systems = [
        dataclasses.replace(
            each, about={HOSTILE: HOSTILE}, voids={HOSTILE: 1}, format_failures={HOSTILE: 2}, price_note=HOSTILE
        )
        for each in found.systems
    ]
    cells = [dataclasses.replace(each, name=HOSTILE) for each in found.cells[:1]]
    chosen = [
        dataclasses.replace(
            each,
            path=HOSTILE,
            before=f"x\n{HOSTILE}",
            target=HOSTILE,
            after=HOSTILE,
            language=HOSTILE,
            commit=HOSTILE,
            answers={"tuned": HOSTILE, "copilot": f"a {HOSTILE}", HOSTILE: HOSTILE},
        )
        for each in examples(2, "tuned", "copilot")
    ]
    sources = [dataclasses.replace(each, path=HOSTILE, commit=HOSTILE, snippet=HOSTILE) for each in nearest(chosen)]
    changed = dataclasses.replace(found, systems=systems, cells=cells, reason=HOSTILE, sentence=HOSTILE)
    return Finished(folder, changed, examples=chosen, nearest=sources, text=HOSTILE)


def _pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """Pair as the compare stage does: ours first, and of two of ours the tuned one, or the later."""
    ours = [name for name in ("base", "tuned", "base+bm25", "tuned+bm25") if name in names]
    others = [name for name in names if name not in ours]
    found = [(second, first) for at, first in enumerate(ours) for second in ours[at + 1 :]]
    found += [(first, second) for first in ours for second in others]
    return found + [(first, second) for at, first in enumerate(others) for second in others[at + 1 :]]
