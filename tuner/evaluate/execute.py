"""Let one system write bodies and lines that are then run: pass@1 on general tasks and on the repository's functions.

In: a system, yet to be opened; for the repository, the items of `prepare` and a checkout of each repository; for a
tuned system, what the base's attempts came to. Out: `eval/<system>.tasks.json` and `eval/<system>.repository.json`,
each with every attempt, the share that passed with its interval, and the change against the base; of general tasks
also the gate that says whether something was forgotten. Answers are made, healed and cut as those to the frozen
items; one answer to an item, greedily decoded, so that pass@1 is a plain share. A void is no attempt. Answers and
attempts are kept as they come: a killed run goes on behind the last.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from tuner.evaluate.execution.prepare import read_kept
from tuner.evaluate.execution.trials import Trials, on_all_cores
from tuner.evaluate.forgetting_gate import decide
from tuner.evaluate.stage import RESAMPLES, answer_all
from tuner.evaluate.system import System
from tuner.evaluate.tasks.reading import Task, read_tasks
from tuner.evaluate.tasks.running import run_programs
from tuner.execution import Attempt, Change, Execution, Passes, RunItem, Set
from tuner.paired_shares import difference, share
from tuner.recipe_execution import ExecutionSettings
from tuner.records import Prediction, from_json, read_jsonl, to_json
from tuner.rundir import Workspace
from tuner.sandbox import require_isolation


def run(
    system_name: str,
    opened: AbstractContextManager[System],
    with_tasks: bool,
    items: str | None,
    trees: Mapping[str, Path],
    base: Execution | None,
    settings: ExecutionSettings,
    seed: int,
    work: Workspace,
) -> Execution:
    """Let a system answer, run what it wrote, and compare it with the base; `items` is the run's file of functions."""
    require_isolation()
    tasks = read_tasks() if with_tasks else []
    questions = [] if items is None else list(read_jsonl(work.run / items, RunItem))
    asked = [task.item for task in tasks] + [question.item for question in questions]
    with opened as system:
        predictions = answer_all(system, asked, system.batch, work) if asked else []
        about = dict(system.about)
    answers = {each.item_id: each for each in predictions}
    attempts: dict[Set, list[Attempt]] = {}
    if with_tasks:
        attempts["tasks"] = _run_tasks(tasks, answers)
    if items is not None:
        attempts["repository"] = _run_tests(questions, answers, Trials(dict(trees), settings), work)
    (work.out / "eval").mkdir(parents=True, exist_ok=True)
    files: dict[str, str] = {}
    changes: dict[str, Change] = {}
    metrics: dict[str, float] = {}
    clusters = {item.id: item.id if item.repo == "tasks" else f"{item.repo}/{item.path}" for item in asked}
    for name, made in attempts.items():
        change = None if base is None or name not in base.files else _change(name, made, base, clusters, seed, work.run)
        passes = Passes(system_name, name, share([each.passed for each in made]), change, made)
        files[name] = f"eval/{system_name}.{name}.json"
        text = json.dumps(json.loads(to_json(passes)), indent=2, sort_keys=True, ensure_ascii=False)
        (work.out / files[name]).write_text(text + "\n", encoding="utf-8")
        metrics |= _metrics(passes)
        if change is not None:
            changes[name] = change
    return Execution(system_name, files, changes, metrics, about)


def _run_tasks(tasks: Sequence[Task], answers: Mapping[str, Prediction]) -> list[Attempt]:
    answered = [task for task in tasks if answers[task.item.id].void is None]
    texts = [answers[task.item.id].text for task in answered]
    ended = run_programs([task.program(text) for task, text in zip(answered, texts, strict=True)])
    return [Attempt(task.item.id, text, end) for task, text, end in zip(answered, texts, ended, strict=True)]


def _run_tests(
    questions: Sequence[RunItem], answers: Mapping[str, Prediction], trials: Trials, work: Workspace
) -> list[Attempt]:
    """Run each answer once; the attempts that a killed run had made are kept."""
    path = work.scratch / "attempts.jsonl"
    known = {each.item_id: each for each in read_kept(path, Attempt)}
    answered = [question for question in questions if answers[question.item.id].void is None]

    def attempt(question: RunItem) -> Attempt:
        text = answers[question.item.id].text
        before = known.get(question.item.id)
        return before or Attempt(question.item.id, text, trials.attempt(question, text or "pass")[0])

    made = []
    with (
        path.open("a", encoding="utf-8") as stream,
        work.progress.track("running tests", total=len(answered), unit="item") as track,
    ):
        for each in on_all_cores(attempt, answered):
            if each.item_id not in known:
                stream.write(to_json(each) + "\n")
                stream.flush()
            made.append(each)
            track.advance(1)
    return made


def _change(
    name: Set, made: Sequence[Attempt], base: Execution, clusters: Mapping[str, str], seed: int, folder: Path
) -> Change | None:
    """Compare with the base over the items that both attempted."""
    path = folder / base.files[name]
    before = from_json(Passes, json.loads(path.read_text(encoding="utf-8")), str(path))
    passed = {each.item_id: each.passed for each in before.attempts}
    both = [each for each in made if each.item_id in passed]
    ours, theirs = [each.passed for each in both], [passed[each.item_id] for each in both]
    found = difference([clusters[each.item_id] for each in both], ours, theirs, RESAMPLES, seed)
    if found is None:
        return None
    gate, reason = decide(found, sum(theirs)) if name == "tasks" else (None, "")
    return Change(
        base.system,
        found.delta,
        found.low,
        found.high,
        found.n,
        found.gained,
        found.lost,
        found.detectable,
        gate,
        reason,
    )


def _metrics(passes: Passes) -> dict[str, float]:
    """Name the figures; those of general tasks have `tasks_` before them."""
    if passes.pass_at_1 is None:
        return {}
    name = "tasks_pass_at_1" if passes.set == "tasks" else "pass_at_1"
    own = f"eval.{passes.system}.{name}"
    rate, change = passes.pass_at_1, passes.change
    metrics = {own: rate.value, f"{own}_low": rate.low, f"{own}_high": rate.high, f"{own}_items": float(rate.n)}
    if change is not None:
        pair = f"eval.{passes.system}_vs_{change.against}.{name}"
        metrics |= {f"{pair}.delta": change.delta, f"{pair}.low": change.low, f"{pair}.high": change.high}
    return metrics
