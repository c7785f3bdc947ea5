"""Every setting and its default: the one place where defaults stand. `recipe_file` reads and writes them.

The sections of `compare`, of running code and of `sweep` have modules of their own: `recipe_compare`,
`recipe_execution`, `recipe_sweep`.

tuner recipe show recipes/qwen2.5-coder-7b-qlora.yaml --set train.epochs=2
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from tuner.recipe_compare import CONTROLS as CONTROLS
from tuner.recipe_compare import LOCAL_SYSTEMS as LOCAL_SYSTEMS
from tuner.recipe_compare import OUR_SYSTEMS as OUR_SYSTEMS
from tuner.recipe_compare import OWN_FIELDS as OWN_FIELDS
from tuner.recipe_compare import PRICES as PRICES
from tuner.recipe_compare import CompareSettings as CompareSettings
from tuner.recipe_compare import CopilotSettings as CopilotSettings
from tuner.recipe_compare import Endpoint as Endpoint
from tuner.recipe_compare import Infilling as Infilling
from tuner.recipe_compare import Price as Price
from tuner.recipe_compare import Protocol as Protocol
from tuner.recipe_compare import Team as Team
from tuner.recipe_execution import ExecutionSettings
from tuner.recipe_processes import ProcessSettings, refuse_misfits, share_of_batch
from tuner.recipe_section import Section as Section
from tuner.recipe_sweep import SweepSettings as SweepSettings

EMBEDDED = "smollm2-135m-instruct"


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
    history_commits: int | None = Field(
        default=300, ge=1, description="commits before the cut that pairs are drafted from at most; null takes all"
    )
    later_commits: int | None = Field(
        default=500, ge=2, description="commits after the cut that additions are taken from at most; null takes all"
    )
    repository_files: int | None = Field(
        default=400, ge=1, description="files of a repository that give pairs with its other files; null takes all"
    )
    max_commit_files: int = Field(default=10, ge=1, description="commits that touch more files give no pairs")
    max_commit_lines: int = Field(default=400, ge=1, description="commits that change more lines give no pairs")
    max_edit_lines: int = Field(default=60, ge=1, description="longest old or new region of an edit pair")
    fixed_within_days: int = Field(
        default=14, ge=0, description="code that a fix or revert took away so soon is no target; 0 keeps it"
    )
    half_life_days: int = Field(
        default=540, ge=1, description="age at which the weight of a commit's pairs has halved; never below 0.2"
    )
    file_half_life_days: int = Field(
        default=180, ge=1, description="age at which a change counts half for how often its file is drawn"
    )
    only_authors: list[str] = Field(
        default=[], description="globs of names or addresses; only their commits give pairs"
    )
    except_authors: list[str] = Field(default=[], description="globs of names or addresses whose commits give no pairs")
    foreign_licences: bool = Field(default=False, description="keep files whose header names another owner or licence")
    scanner: Literal["none", "betterleaks"] = Field(
        default="none", description="a second secret scanner beside the built-in rules"
    )


def _sums_to_one(shares: Section) -> Section:
    total = sum(getattr(shares, kind) for kind in type(shares).model_fields)
    if abs(total - 1.0) > 1e-6:
        raise ValueError(f"the shares sum to {total:g}, wanted 1")
    return shares


class Shares(Section):
    """Each kind's share of the training tokens: one row a kind. A kind at 0 gives no row.

    The defaults are those of the embedded base, which has no infilling tokens; every other recipe names its own.
    """

    file: float = Field(default=0.95, ge=0, le=1, description="whole files, left to right")
    syntax_infilling: float = Field(default=0.01, ge=0, le=1, description="holes that are whole syntax nodes")
    line_infilling: float = Field(
        default=0.01, ge=0, le=1, description="holes from a cursor to the end of line or block"
    )
    repository_infilling: float = Field(
        default=0.005, ge=0, le=1, description="holes with other files of the repository"
    )
    body: float = Field(default=0.005, ge=0, le=1, description="function bodies from signature and docstring")
    edit: float = Field(
        default=0.005, ge=0, le=1, description="a commit's change as SEARCH/REPLACE from its message and an outline"
    )
    bugfix: float = Field(default=0.0025, ge=0, le=1, description="a function before and after a bug fix")
    test: float = Field(default=0.0025, ge=0, le=1, description="a test for a function")
    message: float = Field(default=0.005, ge=0, le=1, description="a commit message from its diff")
    question: float = Field(default=0.005, ge=0, le=1, description="computed questions about the repository's names")

    _sum_to_one = model_validator(mode="after")(_sums_to_one)


class ItemShares(Section):
    """Each kind's share of the evaluation items; lines take the place of what a repository lacks."""

    line: float = Field(default=0.64, ge=0, le=1, description="the rest of a line, from anywhere in it")
    call: float = Field(default=0.12, ge=0, le=1, description="a call's arguments or a member, to the end of the line")
    block: float = Field(default=0.12, ge=0, le=1, description="the body of a statement, 2 to 10 lines")
    body: float = Field(default=0.12, ge=0, le=1, description="the body of a function, 2 to 15 lines")

    _sum_to_one = model_validator(mode="after")(_sums_to_one)


class DatasetSettings(Section):
    max_tokens: int = Field(default=512, ge=64, description="longest training row, prompt and response together")
    shares: Shares = Shares()
    folder_share: float = Field(
        default=0.5, gt=0, le=1, description="share of the training tokens from one folder, while others have any"
    )
    max_train_tokens: int | None = Field(default=120_000, ge=1_000, description="training tokens kept; null keeps all")
    valid_share: float = Field(
        default=0.1, ge=0, lt=0.5, description="share of the commits after the cut kept for validation, not for items"
    )
    valid_rows: int = Field(default=16, ge=1, description="validation rows at most, each a run of added lines")
    near_duplicate: float = Field(
        default=0.7, gt=0, le=1, description="Jaccard similarity of 5-grams that counts as a copy"
    )
    replay_share: float = Field(
        default=0.0, ge=0, lt=0.5, description="share of the tokens trained on that are the base's own general answers"
    )
    replay_answer_tokens: int = Field(default=192, ge=8, description="longest such answer")
    replay_rounds: int = Field(default=8, ge=1, description="times that each general request is answered at most")
    items: int = Field(default=300, ge=1, description="evaluation items at most")
    item_shares: ItemShares = ItemShares()
    items_per_commit: int = Field(default=4, ge=1, description="evaluation items from one commit at most")
    inside_share: float = Field(default=0.5, ge=0, le=1, description="share of cursors that stand inside a word")


class TrainSettings(ProcessSettings):
    method: Literal["lora", "dora", "pissa", "eva"] = Field(
        default="lora", description="how the adapter is built; a dora can only be exported merged"
    )
    rank: int = Field(default=32, ge=1, le=512, description="rank of the LoRA matrices, on all linear layers")
    alpha: int = Field(default=32, ge=1, description="LoRA scale is alpha / rank")
    rslora: bool = Field(default=False, description="scale by alpha / sqrt(rank) instead")
    experts: bool = Field(default=True, description="adapt the fused experts of a mixture too, the rank divided")
    quantization: Literal["none", "nf4"] = Field(default="none", description="nf4 is QLoRA: 4-bit base, 16-bit adapter")
    optimizer: Literal["adamw", "paged_adamw_8bit"] = Field(
        default="adamw", description="paged_adamw_8bit keeps 8-bit moments, which a GPU moves out when memory is short"
    )
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
    log_to: list[Literal["tensorboard", "trackio"]] = Field(
        default=[], description="viewers that the log is written for too, as files in the run folder"
    )
    validations: int = Field(
        default=1, ge=0, le=100, description="validations before the one at the end; the best step's adapter is kept"
    )
    patience: int | None = Field(
        default=None, ge=1, description="validations in a row without a better one that end the training; null never"
    )
    forgetting: Literal["report", "scale"] = Field(
        default="report", description="scale makes the adapter weaker, as little as passes, where it forgets too much"
    )

    @model_validator(mode="after")
    def _warmup_and_decay_fit(self) -> TrainSettings:
        total = self.warmup_share + self.decay_share
        if total > 1.0:
            raise ValueError(f"warmup_share + decay_share is {total:g}, wanted 1 at most")
        return self

    @model_validator(mode="after")
    def _method_fits(self) -> TrainSettings:
        if self.method == "pissa" and self.quantization != "none":
            raise ValueError("method pissa changes the base's weights, which nf4 has rounded: wanted quantization none")
        return self

    @model_validator(mode="after")
    def _processes_fit(self) -> TrainSettings:
        share_of_batch(self.sequences_per_batch, self.accumulation, self.processes)
        refuse_misfits(self.processes, self.nodes, self.sharding, self.method, self.quantization)
        return self


class ProbeSettings(Section):
    library_pieces: int = Field(
        default=32, ge=0, le=32, description="pieces of Python's own library scored for forgetting; 0 scores none"
    )
    max_increase: float = Field(
        default=0.01, gt=0, description="increase of the library's bits per byte that passes; 0.01 is 1 %"
    )
    scales: list[float] = Field(
        default=[0.75, 0.5, 0.25],
        description="smaller scales of the adapter, tried where too much is forgotten",
    )
    recall_windows: int = Field(
        default=16,
        ge=0,
        description="training texts whose beginning is shown, to see whether they are recited",
    )
    valid_tokens: int = Field(default=4_000, ge=100, description="validation tokens scored at each of these scales")

    @field_validator("scales", mode="after")
    @classmethod
    def _scales_fall(cls, scales: list[float]) -> list[float]:
        if any(not 0 < each < 1 for each in scales) or scales != sorted(set(scales), reverse=True):
            raise ValueError("wanted numbers between 0 and 1, each once, the largest first")
        return scales


class EvaluateSettings(ExecutionSettings):
    max_prompt_tokens: int = Field(
        default=256, ge=32, description="prompt length at most; text before the cursor is kept"
    )
    max_new_tokens: int = Field(default=48, ge=1, description="tokens generated at most, for the rest of a line")
    max_new_tokens_block: int = Field(default=128, ge=1, description="the same for a body of several lines")
    retrieved: int = Field(default=3, ge=1, le=16, description="pieces of other files shown to a system with +bm25")
    retrieved_tokens: int = Field(default=256, ge=32, description="room for these, on top of max_prompt_tokens")
    batch: int = Field(default=32, ge=1, description="items generated together")
    quantization: Literal["none", "nf4"] = Field(
        default="none", description="nf4 answers on a 4-bit base, with adapter and without, where 16 bits do not fit"
    )
    latency_items: int = Field(default=12, ge=0, description="items answered one at a time, to measure latency")
    probes: ProbeSettings = ProbeSettings()


class ExportSettings(Section):
    gguf: Literal["f16", "q8_0", "f32"] = Field(default="f16", description="number format of the exported GGUF base")
    quantized: list[Literal["q8_0", "q4_k_m"]] = Field(
        default=["q8_0", "q4_k_m"], description="smaller number formats that base and merged model are written in too"
    )
    merged: Literal["f16", "bf16", "f32", "none"] = Field(
        default="f16", description="number format of the merged folder; none leaves it out where an adapter file exists"
    )
    copies_up_to_billions: float = Field(
        default=1.0, ge=0, description="base size up to which quantized copies and the merged GGUF are written"
    )
    parity_prompts: int = Field(default=6, ge=1, description="prompts on which engine and trained model are compared")
    metric_items: int = Field(default=8, ge=0, description="evaluation items that each exported file answers too")
    max_logit_difference: float = Field(default=0.1, gt=0, description="largest log-probability difference that passes")
    max_mean_kl: float = Field(
        default=1e-4, gt=0, description="largest mean Kullback-Leibler divergence that passes, nats"
    )
    max_metric_difference: float = Field(
        default=0.005, gt=0, description="largest difference of a metric over them that passes; 0.005 is half a point"
    )


class ServeSettings(Section):
    port: int = Field(default=8012, ge=0, le=65535, description="loopback port; 0 takes a free one")
    context_tokens: int = Field(default=4096, ge=128, description="context of each of the engine's slots")
    parallel: int = Field(default=4, ge=1, le=64, description="slots: requests answered at once, prompts remembered")
    threads: int | None = Field(default=None, ge=1, description="engine threads; null takes the machine's cores")
    adapters: int = Field(default=8, ge=1, le=64, description="adapters of the same base served at once, newest first")
    watch_seconds: float = Field(default=5.0, ge=0, description="how often to look for new adapters; 0 never looks")
    key: str | None = Field(default=None, description="name of the environment variable that holds the API key")
    hosts: list[str] = Field(default=[], description="names under which a reverse proxy passes requests on")
    queue: int = Field(default=64, ge=0, description="requests that may wait; further ones get 429")
    max_body_kib: int = Field(default=2048, ge=16, description="largest request body; larger ones get 413")
    timeout_seconds: float = Field(default=60.0, gt=0, description="longest wait for an answer, in the queue and after")
    max_new_tokens: int = Field(default=1024, ge=1, description="tokens of one answer at most, whatever is asked for")
    neighbour_tokens: int | None = Field(
        default=None, ge=0, description="room for files that a client sends; null takes evaluate.retrieved_tokens"
    )
    keep_beginning_tokens: int = Field(
        default=64, ge=0, description="how much longer a prompt may grow before its beginning moves and is read anew"
    )
    drafting: bool = Field(default=False, description="let the engine guess several tokens from what was read before")

    @field_validator("key", mode="after")
    @classmethod
    def _key_is_a_name(cls, key: str | None) -> str | None:
        if key is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
            raise ValueError("wanted the name of an environment variable, not the key itself")
        return key


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
    sweep: SweepSettings = SweepSettings()
