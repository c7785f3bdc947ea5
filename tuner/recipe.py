"""Every setting and its default: the one place where defaults stand, and the only module that reads YAML.

A recipe file lists only what differs from the defaults below. Precedence: default < recipe file < BASE= < SET=.
All faults of a recipe are reported at once, each with its file and line.

    tuner recipe show recipes/qwen2.5-coder-7b-qlora.yaml --set train.epochs=2
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from tuner.errors import RecipeError

EMBEDDED = "smollm2-135m-instruct"


class Section(BaseModel):
    """A part of a recipe: frozen, and a key that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _yes_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise ValueError("wanted a value, not yes or no")
        return value


class MineSettings(Section):
    include: list[str] = Field(default=[], description="globs of paths to read; empty reads all")
    exclude: list[str] = Field(default=[], description="globs of paths to leave out")
    cut: str | None = Field(
        default=None, description="commit that ends training; chosen by future_share when not given"
    )
    future_share: float = Field(default=0.12, gt=0, lt=0.9, description="share of the code commits kept for evaluation")
    min_future_commits: int = Field(default=150, ge=1, description="evaluation commits wanted, up to a third of all")
    max_commits: int = Field(default=20_000, ge=2, description="newest commits that are read")
    max_file_bytes: int = Field(default=200_000, ge=1_000, description="larger files are dropped")
    max_context_chars: int = Field(default=8_000, ge=200, description="text kept on each side of a hole")
    syntax_infilling_per_file: int = Field(default=4, ge=0, description="syntax-node holes cut from one file at most")
    line_infilling_per_file: int = Field(default=3, ge=0, description="line-end holes cut from one file at most")
    repository_infilling_per_file: int = Field(
        default=3, ge=0, description="holes with other files beside them from one file at most"
    )
    neighbours: int = Field(default=4, ge=1, le=16, description="other files shown before a hole at most")
    bare_share: float = Field(
        default=0.25, ge=0, le=1, description="share of repository holes without other files, to work bare as well"
    )
    body_per_file: int = Field(default=6, ge=0, description="function-body pairs made from one file at most")
    questions_per_file: int = Field(default=4, ge=0, description="repository questions about one file at most")
    edits_per_file: int = Field(
        default=20, ge=1, description="pairs taken from changes of one file at most, newest first"
    )
    max_commit_files: int = Field(default=10, ge=1, description="commits that touch more files give no pairs")
    max_commit_lines: int = Field(default=400, ge=1, description="commits that change more lines give no pairs")
    max_edit_lines: int = Field(default=60, ge=1, description="longest old or new region of an edit pair")
    fixed_within_days: int = Field(
        default=14, ge=0, description="code that a fix or revert took away so soon is no target; 0 keeps it"
    )
    half_life_days: int = Field(
        default=540, ge=1, description="age at which a pair's weight has halved; never below 0.2"
    )
    only_authors: list[str] = Field(
        default=[], description="globs of names or addresses; only their commits give pairs"
    )
    except_authors: list[str] = Field(default=[], description="globs of names or addresses whose commits give no pairs")
    foreign_licences: bool = Field(default=False, description="keep files whose header names another owner or licence")
    scanner: Literal["none", "betterleaks"] = Field(
        default="none", description="a second secret scanner beside the built-in rules"
    )


class Shares(Section):
    """Each kind's share of the training tokens: one row a kind. A kind at 0 gives no row."""

    file: float = Field(default=0.66, ge=0, le=1, description="whole files, left to right")
    syntax_infilling: float = Field(default=0.06, ge=0, le=1, description="holes that are whole syntax nodes")
    line_infilling: float = Field(
        default=0.06, ge=0, le=1, description="holes from a cursor to the end of line or block"
    )
    repository_infilling: float = Field(
        default=0.05, ge=0, le=1, description="holes with other files of the repository"
    )
    body: float = Field(default=0.05, ge=0, le=1, description="function bodies from signature and docstring")
    edit: float = Field(default=0.04, ge=0, le=1, description="a commit's change as SEARCH/REPLACE from its message")
    bugfix: float = Field(default=0.02, ge=0, le=1, description="a function before and after a bug fix")
    test: float = Field(default=0.02, ge=0, le=1, description="a test for a function")
    message: float = Field(default=0.02, ge=0, le=1, description="a commit message from its diff")
    question: float = Field(default=0.02, ge=0, le=1, description="computed questions about the repository's names")

    @model_validator(mode="after")
    def _sum_to_one(self) -> Shares:
        total = sum(getattr(self, kind) for kind in type(self).model_fields)
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"the shares sum to {total:g}, wanted 1")
        return self


class DatasetSettings(Section):
    max_tokens: int = Field(default=512, ge=64, description="longest training row, prompt and response together")
    shares: Shares = Shares()
    folder_share: float = Field(
        default=0.5, gt=0, le=1, description="share of the training tokens from one folder, while others have any"
    )
    max_train_tokens: int | None = Field(default=60_000, ge=1_000, description="training tokens kept; null keeps all")
    valid_share: float = Field(default=0.02, ge=0, lt=0.5, description="share of files held out to watch the loss")
    near_duplicate: float = Field(
        default=0.7, gt=0, le=1, description="Jaccard similarity of 5-grams that counts as a copy"
    )
    items: int = Field(default=250, ge=1, description="evaluation items at most")
    items_per_commit: int = Field(default=4, ge=1, description="evaluation items from one commit at most")
    inside_share: float = Field(default=0.5, ge=0, le=1, description="share of cursors that stand inside a word")


class TrainSettings(Section):
    rank: int = Field(default=32, ge=1, le=512, description="rank of the LoRA matrices, on all linear layers")
    alpha: int = Field(default=32, ge=1, description="LoRA scale is alpha / rank")
    rslora: bool = Field(default=False, description="scale by alpha / sqrt(rank) instead")
    quantization: Literal["none", "nf4"] = Field(default="none", description="nf4 is QLoRA: 4-bit base, 16-bit adapter")
    learning_rate: float = Field(default=1e-3, gt=0, le=0.1, description="peak learning rate")
    epochs: float = Field(default=1.0, gt=0, le=50, description="passes over the training rows")
    sequences_per_batch: int = Field(default=1, ge=1, description="packed sequences per forward pass")
    accumulation: int = Field(default=2, ge=1, description="forward passes per optimizer step")
    warmup_share: float = Field(default=0.05, ge=0, lt=1, description="share of steps with rising learning rate")
    decay_share: float = Field(
        default=0.3, ge=0, le=1, description="share of steps at the end with falling learning rate"
    )
    weight_decay: float = Field(default=0.0, ge=0, description="AdamW weight decay")
    max_gradient_norm: float = Field(default=1.0, gt=0, description="gradients are clipped to this norm")
    gradient_checkpointing: bool = Field(default=False, description="trade a third of the speed for activation memory")
    checkpoint_steps: int = Field(default=20, ge=1, description="steps between checkpoints")

    @model_validator(mode="after")
    def _warmup_and_decay_fit(self) -> TrainSettings:
        total = self.warmup_share + self.decay_share
        if total > 1.0:
            raise ValueError(f"warmup_share + decay_share is {total:g}, wanted 1 at most")
        return self


class EvaluateSettings(Section):
    max_prompt_tokens: int = Field(
        default=256, ge=32, description="prompt length at most; text before the cursor is kept"
    )
    max_new_tokens: int = Field(default=48, ge=1, description="tokens generated at most")
    batch: int = Field(default=16, ge=1, description="items generated together")
    latency_items: int = Field(default=12, ge=0, description="items answered one at a time, to measure latency")


class CompareSettings(Section):
    resamples: int = Field(default=10_000, ge=100, description="bootstrap resamples of commits")
    min_items: int = Field(default=100, ge=2, description="fewer items never give a verdict but no_benefit_shown")


class ExportSettings(Section):
    gguf: Literal["f16", "q8_0", "f32"] = Field(default="f16", description="number format of the exported GGUF base")
    parity_prompts: int = Field(default=6, ge=1, description="prompts on which engine and trained model are compared")
    max_logit_difference: float = Field(default=0.1, gt=0, description="largest log-probability difference that passes")
    max_mean_kl: float = Field(
        default=1e-4, gt=0, description="largest mean Kullback-Leibler divergence that passes, nats"
    )


class ServeSettings(Section):
    port: int = Field(default=8012, ge=0, le=65535, description="loopback port; 0 takes a free one")
    context_tokens: int = Field(default=4096, ge=128, description="context of the engine")
    threads: int | None = Field(default=None, ge=1, description="engine threads; null takes the machine's cores")


class Recipe(Section):
    """All that decides a run's result, apart from the repository and the program's version."""

    seed: int = Field(default=17, ge=0, description="seeds every random choice")
    base: str = Field(default="auto", description="hub id, folder or GGUF file; auto takes what fits this machine")
    mine: MineSettings = MineSettings()
    dataset: DatasetSettings = DatasetSettings()
    train: TrainSettings = TrainSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    compare: CompareSettings = CompareSettings()
    export: ExportSettings = ExportSettings()
    serve: ServeSettings = ServeSettings()


@dataclass(frozen=True, slots=True)
class Resolved:
    """A recipe and, for each dotted key that is not a default, where its value came from."""

    recipe: Recipe
    origins: dict[str, str]


def load(path: Path | None, base: str | None = None, overrides: list[str] | None = None) -> Resolved:
    """Read a recipe file, apply BASE= and SET=, and report every fault at once."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    if path is not None:
        values, origins = _read_file(path)
    if base is not None:
        values["base"], origins["base"] = base, "BASE="
    for override in overrides or []:
        key, equals, text = override.partition("=")
        if not equals or not key:
            raise RecipeError(f"SET={override}: wanted key=value", 'for example SET="train.epochs=2"')
        _put(values, key, text, f"SET={override}")
        origins[key] = f"SET={override}"
    try:
        return Resolved(Recipe.model_validate(values), origins)
    except ValidationError as error:
        raise RecipeError(_explain(error, origins, path), "docs/recipes.md lists every setting") from None


def find_for(base: str, folder: Path) -> list[Path]:
    """Find the recipe files that are written for a base, by name."""
    return [path for path in sorted(folder.glob("*.yaml")) if _read_file(path)[0].get("base") == base]


def flatten(section: Section, prefix: str = "") -> dict[str, Any]:
    """List every setting as dotted key and value, in declaration order."""
    flat: dict[str, Any] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        flat.update(flatten(value, f"{prefix}{name}.") if isinstance(value, Section) else {f"{prefix}{name}": value})
    return flat


def to_yaml(recipe: Recipe) -> str:
    """Write a whole recipe, every default spelled out, so that it can be loaded again."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False)


def settings_table() -> str:
    """List every setting as a Markdown table, for docs/recipes.md."""
    rows = (f"| `{key}` | `{_shown(value)}` | {about} |" for key, value, about in _described(Recipe(), ""))
    return "\n".join(["| setting | default | what it does |", "|---|---|---|", *rows]) + "\n"


def _described(section: Section, prefix: str) -> Iterator[tuple[str, Any, str | None]]:
    for name, info in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from _described(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value, info.description


def _shown(value: Any) -> str:
    return "null" if value is None else str(value)


def _read_file(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    if not path.is_file():
        known = sorted(each.as_posix() for each in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.as_posix(), known, 1)
        hint = f"did you mean {near[0]}?" if near else "`make recipes` lists them"
        raise RecipeError(f"{path}: no such recipe", hint)
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except UnicodeDecodeError:
        raise RecipeError(f"{path}: not a recipe: it is not UTF-8 text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise RecipeError(f"{path}:{line}: not YAML: {getattr(error, 'problem', error)}") from None
    if node is None:
        return {}, {}
    if not isinstance(values, dict):
        raise RecipeError(f"{path}:1: wanted a mapping of settings, found {type(values).__name__}")
    origins: dict[str, str] = {}
    twice = _lines(node, "", str(path), origins)
    if twice:
        raise RecipeError("\n".join(twice), "keep one of the two lines")
    return values, origins


def _lines(node: Any, prefix: str, path: str, origins: dict[str, str]) -> list[str]:
    """Note the line of every key; return the keys that stand twice, of which YAML would take the last in silence."""
    twice = []
    for key, value in node.value:
        name, line = f"{prefix}{key.value}", f"{path}:{key.start_mark.line + 1}"
        if name in origins:
            twice.append(f"{line}: `{name}` stands here again, first at {origins[name]}")
        origins[name] = line
        if isinstance(value, yaml.MappingNode):
            twice += _lines(value, f"{name}.", path, origins)
    return twice


def _put(values: dict[str, Any], key: str, text: str, origin: str) -> None:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise RecipeError(f"{origin}: the value is not YAML") from None
    *sections, last = key.split(".")
    for name in sections:
        inner = values.setdefault(name, {})
        if not isinstance(inner, dict):
            raise RecipeError(f"{origin}: `{name}` is {inner!r}, which holds no settings")
        values = inner
    values[last] = value


# what pydantic says in other words than a reader of YAML expects
_WANTED = {
    "model_type": "wanted a mapping of settings",
    "float_parsing": "wanted a number",
    "int_parsing": "wanted a whole number",
    "int_from_float": "wanted a whole number",
}


def _explain(error: ValidationError, origins: dict[str, str], path: Path | None) -> str:
    known = list(flatten(Recipe()))
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"])
        inside = [origin for name, origin in origins.items() if name.startswith(f"{key}.")]
        near_by = [origins.get(key), origins.get(key.rpartition(".")[0]), *inside[-1:], str(path or "recipe")]
        origin = next(each for each in near_by if each)
        if fault["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, known, 1)
            guess = f"; did you mean `{near[0]}`?" if near else ""
            lines.append(f"{origin}: `{key}` is not a setting{guess}")
        else:
            reason = fault["msg"].removeprefix("Value error, ").replace("Input should be", "wanted")
            reason = _WANTED.get(fault["type"], reason)
            seen = "" if isinstance(fault["input"], dict) else f" is {fault['input']!r}"
            lines.append(f"{origin}: `{key}`{seen}: {reason}")
    return "\n".join(lines)
