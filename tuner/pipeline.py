"""Compose the stages: what each one is given, what decides its outcome, and in which order they run.

This is the only module besides the command line that knows all rooms. Each stage is imported when it has to run, so
that a run whose work is done prints its screen without loading torch.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from tuner import executing, rundir
from tuner.comparison import Comparison
from tuner.control import ControlRun, open_control
from tuner.errors import DataError, RunError
from tuner.forgetting import gate_of_run
from tuner.probe_stages import Probing
from tuner.progress import Progress
from tuner.recipe import OUR_SYSTEMS, Recipe
from tuner.records import (
    Adapter,
    Base,
    Bundle,
    Dataset,
    Evaluation,
    Item,
    Mined,
    Page,
    Prediction,
    Repo,
    Row,
    read_jsonl,
    sha256_file,
)
from tuner.render import Renderer
from tuner.replayed import Replay
from tuner.rundir import DECIDES_NOTHING, Run, State, Workspace
from tuner.screening import Familiarity, Screening

R = TypeVar("R")
STAGES = (
    "mine", "dataset", "train", "evaluate-base", "evaluate-tuned", "probe-base", "probe-tuned", "recall", "trade",
    "compare", "export", "report",
)  # fmt: skip
# The settings of a system that decide what it answers, and those of `compare` that decide its figures.
ENDPOINT_ANSWERS = {
    *("protocol", "infilling", "url", "model", "max_prompt_chars", "max_new_tokens", "max_new_tokens_block", "extra"),
}
COPILOT_ANSWERS = {"max_items"}
COMPARE_FIGURES = ("seed", "resamples", "min_items", "prices", "prices_as_of", "team")
SCREENED = ("base", "base+bm25", "copier")  # what answers before any training
MEMORY = ".mined"  # beside the runs: what mining remembers from one run to the next
DISK_BYTES = 2 * 2**30  # a run of the embedded base, checkpoints and exported files included
Said = Callable[[str, State, dict[str, Any]], None]


class Pipeline:
    """One run from repository to report. `said` is called after each stage with its name, state and manifest entry."""

    def __init__(self, run: Run, repos: list[Repo], base: Base, recipe: Recipe, progress: Progress, said: Said) -> None:
        self.run = run
        self.repos = repos
        self.base = base
        self.recipe = recipe
        self.progress = progress
        self.said = said
        self.probing = Probing(self, self._stage, self._adapter_files)

    def upto(self, last: str) -> None:
        """Run all stages up to and including `last`; what is done already is kept."""
        rundir.check_disk(self.run.folder, DISK_BYTES)
        steps: dict[str, Callable[[], Any]] = {
            "mine": self._mine,
            "dataset": self._dataset,
            "train": self._train,
            "evaluate-base": lambda: self._evaluate("base"),
            "evaluate-tuned": self._evaluate_tuned,
            "probe-base": lambda: self.probing.forgetting("base"),
            "probe-tuned": lambda: self.probing.forgetting("tuned"),
            "recall": self.probing.recall,
            "trade": self.probing.trade,
            "compare": self._compare,
            "export": self._export,
            "report": self._report,
        }
        for name in STAGES[: STAGES.index(last) + 1]:
            steps[name]()

    def screening(self) -> Screening:
        """Say what is known before any training; what it computes is not computed again by `upto`."""
        rundir.check_disk(self.run.folder, DISK_BYTES)
        self._mine()
        self._dataset()
        for system in SCREENED:
            self._evaluate(system)
        self._familiarity()
        return self._screen()

    def not_yet_asked(self) -> list[str]:
        """Check every further system of the recipe that has no answers in this run yet, and name it."""
        from tuner.evaluate.open_system import check

        names = [name for name in self.recipe.compare.asked if self.run.entry(f"evaluate-{name}") is None]
        for name in names:
            check(name, self.recipe.compare)
            if name == "control" and self.run.entry("train") is not None:
                self._control()
        return names

    def contest(self) -> None:
        """Let every system that the recipe names answer the items too, then compare all and write the report."""
        for name in self.recipe.compare.asked:
            self._evaluate(name)
        if self.recipe.evaluate.execution == "sandbox" and all(repo.path for repo in self.repos):
            for name in OUR_SYSTEMS[2:]:
                if name in self.recipe.compare.systems:
                    self._execute(name)
        self._compare()
        self._report()

    def _stage(
        self,
        name: str,
        record_type: type[R],
        function: Callable[[Workspace], R],
        settings: dict[str, Any],
        inputs: list[str],
    ) -> R:
        record, state = self.run.stage(
            name, record_type, function, settings=settings, inputs=inputs, progress=self.progress
        )
        entry = self.run.entry(name)
        assert entry is not None
        self.said(name, state, entry)
        return record

    def _mine(self) -> Mined:
        def work(workspace: Workspace) -> Mined:
            from tuner.mine import stage

            memory = self.run.folder.parent / MEMORY
            return stage.run(self.repos, self.recipe.mine, self.recipe.seed, memory, workspace)

        settings = {"mine": self._section("mine"), "repos": [[repo.name, repo.revision] for repo in self.repos]}
        return self._stage("mine", Mined, work, settings, [])

    def _dataset(self) -> Dataset:
        mined = self.run.record("mine", Mined)
        prompt_tokens = self.recipe.evaluate.max_prompt_tokens

        def work(workspace: Workspace) -> Dataset:
            from tuner.dataset import stage

            renderer = self._renderer()
            seed = self.recipe.seed
            return stage.run(mined, renderer, self.recipe.dataset, seed, workspace, prompt_tokens, require_clean)

        names = [repo.name for repo in self.repos]
        section = {key: value for key, value in self._section("dataset").items() if not key.startswith("replay_")}
        settings = {"dataset": section, "base": self.base.revision, "repos": names, "prompt_tokens": prompt_tokens}
        return self._stage("dataset", Dataset, work, settings, [mined.pairs, mined.additions])

    def _replay(self) -> Replay | None:
        """Let the base answer general requests, where the recipe wants them in the training; else do nothing."""
        dataset, chosen = self.run.record("dataset", Dataset), self.recipe.dataset
        if chosen.replay_share == 0:
            return None
        others = dataset.metrics["dataset.train_tokens"]
        tokens = round(others * chosen.replay_share / (1 - chosen.replay_share))

        def work(workspace: Workspace) -> Replay:
            from tuner.replay import stage

            held = self.recipe.evaluate.quantization
            return stage.run(self.base, self._renderer(), chosen, held, tokens, self.recipe.seed, workspace)

        settings = {**self.judged_with(), "seed": self.recipe.seed, "tokens": tokens}
        limits = chosen.model_dump(include={"replay_answer_tokens", "replay_rounds", "max_tokens"})
        return self._stage("replay", Replay, work, settings | limits, [])

    def judged_with(self) -> dict[str, str]:
        """Give what decides the model that answers and is scored, beside its adapter."""
        held = self.recipe.evaluate.quantization
        return {"base": self.base.revision, **({"quantization": held} if held != "none" else {})}

    def _train(self) -> Adapter:
        dataset, replay = self.run.record("dataset", Dataset), self._replay()
        max_tokens = self.recipe.dataset.max_tokens

        def work(workspace: Workspace) -> Adapter:
            from tuner.train import launch

            end = self._renderer().form.end
            seed = self.recipe.seed
            adapter = launch.run(self.base, dataset, self.recipe.train, max_tokens, end, seed, workspace, replay)
            return self.probing.weaken(adapter, dataset, workspace) if weaker else adapter

        weaker = self.recipe.train.forgetting == "scale"
        settings = {"train": self._section("train"), "base": self.base.revision, "max_tokens": max_tokens}
        settings |= {"trade": self.probing.trade_settings()} if weaker else {}
        inputs = [dataset.train, dataset.valid, *([replay.rows] if replay else [])]
        return self._stage("train", Adapter, work, settings, inputs)

    def _evaluate(self, system: str) -> Evaluation:
        dataset, mined = self.run.record("dataset", Dataset), self.run.record("mine", Mined)
        inputs = [dataset.items, *_known_from(mined)]
        if system.startswith("tuned"):
            inputs += self._adapter_files()
        control = self._control() if system == "control" else None

        def work(workspace: Workspace) -> Evaluation:
            from tuner.evaluate import stage
            from tuner.evaluate.open_system import control_system, local_system, other_system
            from tuner.knowledge import read_knowledge

            pairs = self.run.folder / mined.pairs
            if system in OUR_SYSTEMS:
                adapter, renderer = self.run.folder / "adapter", self._renderer()
                opened = local_system(system, self.base, adapter, pairs, renderer, self.recipe.evaluate)
            elif control is not None:
                renderer = self._renderer()
                opened = control_system(self.base, control.folder, control.about, renderer, self.recipe.evaluate)
            else:
                opened = other_system(system, self.recipe.compare, pairs, self.recipe.evaluate, workspace.scratch)
            today = datetime.date.today().isoformat()
            knowledge = read_knowledge(self.run.folder, mined)
            return stage.run(
                system, opened, dataset, self.recipe.evaluate, self.recipe.seed, today, workspace, knowledge
            )

        section = {key: value for key, value in self._section("evaluate").items() if key != "probes"}
        asked = self._asked(system) if control is None else {"adapter": control.sha256, **control.about}
        settings = {"system": system, "evaluate": section, **asked}
        return self._stage(f"evaluate-{system}", Evaluation, work, settings, inputs)

    def _control(self) -> ControlRun:
        folder = self.recipe.compare.control
        if folder is None:
            raise RunError("`control` has no run to take an adapter from", "set compare.control to a finished run")
        return open_control(self.run, folder)

    def _familiarity(self) -> Familiarity:
        mined = self.run.record("mine", Mined)

        def work(workspace: Workspace) -> Familiarity:
            from tuner.evaluate import familiarity
            from tuner.evaluate.open_system import scorer

            opened = scorer(self.base, self._renderer(), self.recipe.evaluate)
            return familiarity.run(opened, self.run.folder / mined.pairs, self.recipe.seed, workspace)

        settings = {"evaluate": self._section("evaluate"), "base": self.base.revision}
        return self._stage("familiarity", Familiarity, work, settings, [mined.pairs])

    def _screen(self) -> Screening:
        dataset, known = self.run.record("dataset", Dataset), self.run.record("familiarity", Familiarity)
        evaluations = [self.run.record(f"evaluate-{name}", Evaluation) for name in SCREENED]

        def work(workspace: Workspace) -> Screening:
            from tuner.compare import screening

            return screening.run(evaluations, known, dataset, self.recipe.compare, self.recipe.seed, workspace)

        compare = self.recipe.compare
        decided = {"seed": self.recipe.seed, "resamples": compare.resamples, "min_items": compare.min_items}
        settings = {**decided, "familiarity": known.metrics}
        inputs = [dataset.items, *(each.predictions for each in evaluations)]
        return self._stage("screen", Screening, work, settings, inputs)

    def _evaluate_tuned(self) -> None:
        """Evaluate the adapter, and run what base and adapter write if the recipe asks for it."""
        self._evaluate("tuned")
        for name in ("base", "tuned"):
            self._execute(name)

    def _execute(self, system: str) -> None:
        made = executing.Made(self.run, self.repos, self.base, self.recipe, self._stage, self._renderer)
        executing.execute(made, system, self._section("evaluate"), self._adapter_files)

    def _asked(self, system: str) -> dict[str, Any]:
        """Give what decides a system's answers; what only decides whether and how fast it may answer does not."""
        compare = self.recipe.compare
        if system in OUR_SYSTEMS:
            return {"base": self.base.revision}
        if system == "copier":
            return {}
        if system == "copilot":
            recording = compare.copilot.recording
            if recording is not None:
                return {"recording": _hash_of(Path(recording))}
            return {"copilot": compare.copilot.model_dump(include=COPILOT_ANSWERS)}
        if system in compare.imported:
            return {"imported": _hash_of(Path(compare.imported[system]))}
        return {"endpoint": compare.endpoints[system].model_dump(include=ENDPOINT_ANSWERS)}

    def _compare(self) -> Comparison:
        dataset, mined = self.run.record("dataset", Dataset), self.run.record("mine", Mined)
        answered = [e["name"] for e in self.run.stages if e["name"].startswith("evaluate-")]
        evaluations = [self.run.record(name, Evaluation) for name in answered]

        def work(workspace: Workspace) -> Comparison:
            from tuner.compare import stage
            from tuner.knowledge import read_knowledge

            knowledge = read_knowledge(self.run.folder, mined)
            forgetting = gate_of_run(self.run)
            gates = [] if forgetting is None else [forgetting]
            compare, seed = self.recipe.compare, self.recipe.seed
            return stage.run(evaluations, dataset, mined, compare, seed, workspace, gates, knowledge)

        section = self._section("compare")
        settings = {key: section[key] for key in COMPARE_FIGURES}
        inputs = [dataset.items, *_known_from(mined), *(each.predictions for each in evaluations)]
        probed = self.run.entry("probe-tuned")
        if probed is not None:  # what was forgotten is a gate of the verdict
            inputs.append(probed["record"]["probes"])
            settings["max_increase"] = self.recipe.evaluate.probes.max_increase
        return self._stage("compare", Comparison, work, {"compare": settings}, inputs)

    def _export(self) -> Bundle:
        adapter = self.run.record("train", Adapter)
        dataset, evaluated = self.run.record("dataset", Dataset), self.run.record("evaluate-tuned", Evaluation)

        def work(workspace: Workspace) -> Bundle:
            from tuner.export import stage
            from tuner.export.answers import make_slice

            items = list(read_jsonl(self.run.folder / dataset.items, Item))
            answers = list(read_jsonl(self.run.folder / evaluated.predictions, Prediction))
            count = self.recipe.export.metric_items
            asked = make_slice(items, answers, self._renderer(), self.recipe.evaluate, count)
            prompts = self._parity_prompts(dataset, items)
            return stage.run(self.base, adapter, prompts, self.recipe.export, workspace, asked)

        settings = {"export": self._section("export"), "base": self.base.revision}
        inputs = [*self._adapter_files(), dataset.items, evaluated.predictions]
        return self._stage("export", Bundle, work, settings, inputs)

    def _report(self) -> Page:
        def work(workspace: Workspace) -> Page:
            from tuner.report import stage

            return stage.run(self.run.manifest, self.recipe.compare, workspace)

        # the page shows every stage's record, so every stage's key decides it
        settings = {
            "id": self.run.manifest["id"],
            "team": self.recipe.compare.team.model_dump(),
            "stages": [e["key"] for e in self.run.stages if e["name"] != "report"],
        }
        shown = [f"eval/{name}.json" for name in ("comparison", "examples", "nearest")]
        return self._stage("report", Page, work, settings, [*shown, *self.probing.files(), "metrics.jsonl"])

    def _parity_prompts(self, dataset: Dataset, items: list[Item]) -> list[list[int]]:
        """Take the prompts of the first items; without items, the first training rows."""
        renderer, limit = self._renderer(), self.recipe.evaluate.max_prompt_tokens
        if items:
            return [
                renderer.infilling_prompt(item.prefix, item.suffix, item.path, limit, repo=item.repo).ids
                for item in items[: self.recipe.export.parity_prompts]
            ]
        rows = list(read_jsonl(self.run.folder / dataset.train, Row))[: self.recipe.export.parity_prompts]
        return [row.input_ids[:limit] for row in rows]

    def _adapter_files(self) -> list[str]:
        entry = self.run.entry("train")
        assert entry is not None
        return [path for path in entry["outputs"] if path.startswith("adapter/")]

    def _renderer(self) -> Renderer:
        return Renderer.from_folder(Path(self.base.path), self.repos[0].name)

    def _section(self, name: str) -> dict[str, Any]:
        unread = DECIDES_NOTHING[name] if name in ("evaluate", "train") else None
        return {"seed": self.recipe.seed, **getattr(self.recipe, name).model_dump(mode="json", exclude=unread)}


def _known_from(mined: Mined) -> list[str]:
    """Name the files by which answers are judged."""
    return [mined.pairs, *([mined.names] if mined.names is not None else [])]


def _hash_of(path: Path) -> str | None:
    """Hash a file of answers; one that is missing is named by the stage that wants to read it."""
    return sha256_file(path) if path.is_file() else None


def require_clean(texts: Iterable[tuple[str, str]]) -> None:
    """Search what the dataset stage wrote with the rules of the mine room, since stages do not import each other."""
    from tuner.mine.redact import find_secrets

    for where, text in texts:
        kinds = sorted({each.kind for each in find_secrets(text)})
        if kinds:
            raise DataError(
                f"{where}: holds what looks like {', '.join(kinds)}",
                "nothing was kept; leave the file out with `mine.exclude`, and report what was not replaced",
            )
