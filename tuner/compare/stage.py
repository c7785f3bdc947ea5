"""Compare systems over the same frozen items and say what the differences allow to conclude.

In: the evaluations of `tuned` and `base`, those of any other systems, and the dataset they answered. Out, in `eval/`:
`comparison.json` (a `Contest`), `comparison.md`, `examples.json` with random wins and losses, and `nearest.json` with
the likest training line of each. Refused: evaluations of other items, predictions that are missing, doubled or foreign.
Dropped from a pair, and counted: items for which either of the two has a void.

The verdict is on `tuned` against `base`. Of the other systems only the control changes it, an adapter of another
repository: what that reaches as well is no gain. `gates` are the caller's further conditions (forgetting).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.compare.control import control_finding
from tuner.compare.differences import REPORTED, Answered, differences, strata_of
from tuner.compare.examples import choose
from tuner.compare.gates import control_gate, own_gates
from tuner.compare.headlines import detectable, discordant, headlines
from tuner.compare.nearest import nearest
from tuner.compare.reading import read_items, read_predictions
from tuner.compare.results import cells, result
from tuner.compare.sentence import candidates, sentence
from tuner.compare.table import markdown
from tuner.compare.verdict import decide
from tuner.comparison import Comparison, Contest, Difference, Gate, Pairing
from tuner.knowledge import Knowledge
from tuner.recipe import LOCAL_SYSTEMS, OUR_SYSTEMS, CompareSettings
from tuner.records import Dataset, Evaluation, Item, Mined, Prediction, to_json
from tuner.rundir import Workspace
from tuner.statistics import mcnemar


@dataclass(frozen=True, slots=True)
class Field:
    """All systems' answers to the items, in the order in which they are shown: ours first."""

    items: list[Item]
    answers: dict[str, dict[str, Prediction]]

    def pairs(self, a: str, b: str) -> list[Answered]:
        """Give the items that both answered, with both answers."""
        both = ((item, self.answers[a][item.id], self.answers[b][item.id]) for item in self.items)
        return [each for each in both if each[1].void is None and each[2].void is None]


def run(
    evaluations: Sequence[Evaluation],
    dataset: Dataset,
    mined: Mined,
    settings: CompareSettings,
    seed: int,
    work: Workspace,
    gates: Sequence[Gate] = (),
    knowledge: Knowledge | None = None,
) -> Comparison:
    """Compare all systems; the same answers give the same files, in whatever order items and systems stand.

    Without `knowledge` the figures that need it (`tuner.knowing`) are left out.
    """
    by_name = {each.system: each for each in sorted(evaluations, key=_rank)}
    a, b = by_name["tuned"], by_name["base"]
    items = sorted(read_items(list(by_name.values()), dataset, work.run), key=lambda item: item.id)
    field = Field(items, {name: read_predictions(each, items, work.run) for name, each in by_name.items()})
    answered = field.pairs(a.system, b.system)
    of_adapter = differences(answered, strata_of(items), settings.resamples, seed, settings.min_items, knowledge)
    pairings = _pairings(field, settings, seed, knowledge)
    against = next((each for each in pairings if (each.a, each.b) == (a.system, "control")), None)
    gates = [*gates, *own_gates(of_adapter, a.system, b.system)]
    control = None
    if against is not None:
        foreign, resamples = by_name["control"], settings.resamples
        gates.append(control_gate(against, foreign.about["repository"]))
        control = control_finding(foreign, against, of_adapter, items, field.answers, resamples, seed)
    verdict, reason = decide(of_adapter, len(answered), settings.min_items, a.system, b.system, gates)
    systems = [result(each, items, field.answers[name], settings, seed, knowledge) for name, each in by_name.items()]
    tested = headlines(pairings, field.pairs)
    ours, rival = candidates(systems)
    repo = " and ".join(each.name for each in mined.repos)
    contest = Contest(
        a=a.system,
        b=b.system,
        items_sha256=dataset.items_sha256,
        differences=of_adapter,
        verdict=verdict,
        reason=reason,
        sentence=sentence(pairings, ours, rival, repo, settings.min_items),
        systems=systems,
        pairings=pairings,
        cells=[cell for name in by_name for cell in cells(name, items, field.answers[name])],
        smallest_detectable=_smallest_detectable(of_adapter),
        prices_as_of=settings.prices_as_of,
        headlines=tested,
        gates=gates,
        control=control,
    )
    _write(contest, field, (ours, rival), work.run / mined.pairs, seed, work.out / "eval")
    metrics = {key: value for each in pairings for key, value in _metrics(each).items()}
    metrics |= {f"eval.{each.a}_vs_{each.b}.novel.{each.difference.metric}.p_holm": each.p_holm for each in tested}
    return Comparison(
        a=a.system,
        b=b.system,
        items_sha256=dataset.items_sha256,
        differences=of_adapter,
        verdict=verdict,
        reason=reason,
        metrics=metrics,
        systems=list(by_name),
        sentence=contest.sentence,
        headlines=tested,
        gates=gates,
        control=control.said if control else "",
    )


def _rank(evaluation: Evaluation) -> tuple[int, str]:
    """Order systems: ours as listed, then all others by name."""
    name = evaluation.system
    return (LOCAL_SYSTEMS.index(name) if name in LOCAL_SYSTEMS else len(LOCAL_SYSTEMS), name)


def _pairings(field: Field, settings: CompareSettings, seed: int, knowledge: Knowledge | None) -> list[Pairing]:
    """Set every system against every other once: ours is `a`, and of two of ours the tuned one, or the later."""
    names = list(field.answers)
    found = []
    for index, first in enumerate(names):
        for second in names[index + 1 :]:
            both_ours = first in OUR_SYSTEMS and second in OUR_SYSTEMS
            a, b = (second, first) if both_ours else (first, second)
            pairs = field.pairs(a, b)
            rows = differences(pairs, REPORTED, settings.resamples, seed, settings.min_items, knowledge)
            only_a, only_b = discordant(pairs)
            voided = len(field.items) - len(pairs)
            found.append(Pairing(a, b, len(pairs), voided, rows, only_a, only_b, mcnemar(only_a, only_b)))
    return found


def _smallest_detectable(found: Sequence[Difference]) -> dict[str, float]:
    """Say per metric which true difference such a comparison would find in four of five cases, over all items."""
    return {each.metric: detectable(each) for each in found if each.stratum == "all"}


def _metrics(pairing: Pairing) -> dict[str, float]:
    prefix = f"eval.{pairing.a}_vs_{pairing.b}"
    metrics = {f"{prefix}.items": float(pairing.items), f"{prefix}.voided_items": float(pairing.voided)}
    for each in pairing.differences:
        place = prefix if each.stratum == "all" else f"{prefix}.{each.stratum}"
        metrics |= {f"{place}.{each.metric}.{key}": getattr(each, key) for key in ("delta", "low", "high")}
    metrics[f"{prefix}.exact_match.mcnemar_p"] = pairing.mcnemar
    return metrics


def _write(contest: Contest, field: Field, shown: tuple[str, str], pairs: Path, seed: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    examples = choose(field.items, field.answers, *shown, seed)
    _write_json(folder / "comparison.json", contest)
    _write_json(folder / "examples.json", examples)
    _write_json(folder / "nearest.json", nearest(examples, pairs))
    (folder / "comparison.md").write_text(markdown(contest), encoding="utf-8")


def _write_json(path: Path, values: object) -> None:
    text = json.dumps(json.loads(to_json(values)), indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
