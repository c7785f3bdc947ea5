"""The settings of `compare`: who else is asked, at what price, and what a team is assumed to be.

In: nothing. Out: the sections that `recipe` takes over.
"""

from __future__ import annotations

import re
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from tuner.recipe_section import Section

Protocol = Literal["openai_chat", "openai_completions", "llama_infill", "ollama", "mistral_fim", "deepseek_fim"]
Infilling = Literal["none", "suffix", "qwen", "deepseek"]
# Fields of a request's body that the program answers for: the question itself, and what would change the answer's form.
OWN_FIELDS = (
    "model", "messages", "prompt", "suffix", "input_prefix", "input_suffix", "input_extra", "stream", "n", "best_of",
)  # fmt: skip


class Endpoint(Section):
    """A model behind an HTTP API that answers the same items; its name in the recipe is the system's name."""

    protocol: Protocol = Field(description="how the API is asked for the text at a cursor")
    infilling: Infilling = Field(
        default="none",
        description="openai_completions only: text after the cursor is left out, sent as the field `suffix`, or "
        "written into the prompt with a family's tokens",
    )
    url: str = Field(description="address of the API, up to and including its version, such as https://host/v1")
    model: str = Field(description="the model's name there")
    key: str | None = Field(default=None, description="name of the environment variable that holds the API key")
    send_code: bool = Field(
        default=False, description="yes lets the items' code leave this machine; not asked of a loopback address"
    )
    price: str | None = Field(
        default=None, description="row of compare.prices; the one named like the model if not given"
    )
    budget_dollars: float = Field(default=5.0, ge=0, description="asking stops when the answers have cost so much")
    max_prompt_chars: int = Field(
        default=6_000, ge=200, description="code sent: before and after the cursor and of other files, together"
    )
    max_new_tokens: int = Field(default=64, ge=1, description="tokens asked for at most, for the rest of a line")
    max_new_tokens_block: int = Field(default=192, ge=1, description="the same for a body of several lines")
    timeout_seconds: float = Field(default=30.0, gt=0, description="an answer that takes longer is void")
    retries: int = Field(default=4, ge=0, description="further attempts when the server is busy or fails")
    longest_wait_seconds: float = Field(
        default=60.0, ge=0, description="longest pause between attempts; a server that asks for more is asked no more"
    )
    parallel: int = Field(default=1, ge=1, le=32, description="requests under way at once")
    extra: dict[str, Any] = Field(
        default={}, description="further fields of the request's body, such as reasoning; null takes a field out"
    )

    @model_validator(mode="after")
    def _can_be_asked(self) -> Endpoint:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:  # a bad port raises here
            raise ValueError("url: wanted an address such as https://host/v1")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("url: wanted an address alone, without user, password or ?; the key comes from `key`")
        # the value is not shown: what stands here by mistake is most likely the key itself
        if self.key is not None and not re.fullmatch(r"[A-Z_][A-Z0-9_]*", self.key):
            raise ValueError("key: wanted the name of an environment variable in capitals, never the key itself")
        if self.infilling != "none" and self.protocol != "openai_completions":
            raise ValueError(f"infilling: {self.protocol} has a form of its own; only openai_completions takes it")
        own = [name for name in OWN_FIELDS if name in self.extra]
        if own:
            raise ValueError(f"extra: `{own[0]}` is set by the program")
        return self


class CopilotSettings(Section):
    """How GitHub Copilot is asked: by its own language server, one item at a time."""

    send_code: bool = Field(default=False, description="yes lets the items' code leave this machine, to GitHub Copilot")
    server: str | None = Field(default=None, description="the language server's program; looked for when not given")
    recording: str | None = Field(default=None, description="file of an earlier run to replay in place of asking")
    max_items: int = Field(default=300, ge=1, description="items asked at most; the others stay void")
    seconds_between: float = Field(default=1.5, ge=0, description="pause between two questions at least")
    timeout_seconds: float = Field(default=30.0, gt=0, description="an answer that takes longer is void")


class Price(Section):
    """Dollars per million tokens."""

    input: float = Field(ge=0, description="dollars per million tokens read")
    output: float = Field(ge=0, description="dollars per million tokens written")


class Team(Section):
    """What `should we switch?` assumes. Every figure is an assumption until you put in your own."""

    developers: int = Field(default=20, ge=1, description="developers who would use it")
    seat_dollars_per_month: float = Field(default=19.0, ge=0, description="what a Copilot seat costs a month, dollars")
    completions_per_developer_day: int = Field(
        default=400, ge=1, description="completions a developer asks for a day, shown or not"
    )
    days_per_month: int = Field(default=21, ge=1, le=31, description="working days a month")
    hours_per_day: float = Field(default=8.0, gt=0, le=24, description="hours over which a day's completions fall")
    peak_over_mean: float = Field(
        default=4.0, ge=1, description="busiest moment over the mean of these hours, a multiple"
    )
    hardware_dollars: float = Field(default=2_500.0, ge=0, description="price of a machine that serves it, dollars")
    hardware_years: float = Field(default=3.0, gt=0, description="years over which it is written off")
    watts: float = Field(default=250.0, ge=0, description="mean power it draws, watts")
    dollars_per_kwh: float = Field(default=0.30, ge=0, description="price of energy, dollars per kWh")
    hours_of_care_per_month: float = Field(default=4.0, ge=0, description="working hours a month that running it takes")
    dollars_per_hour_of_care: float = Field(default=80.0, ge=0, description="cost of such an hour, dollars")


# Dollars per million tokens as the vendors list them; `compare.prices_as_of` says when they were looked up.
PRICES = {
    "claude-opus-4.7": Price(input=5.0, output=25.0),
    "gpt-5.5": Price(input=5.0, output=30.0),
    "deepseek-v4": Price(input=0.30, output=0.50),
    "codestral": Price(input=0.30, output=0.90),
}
OUR_SYSTEMS = ("base", "tuned", "base+bm25", "tuned+bm25")
# What ours must be better than to mean anything: an adapter of another repository, and plain copying.
CONTROLS = ("control", "copier")
LOCAL_SYSTEMS = (*OUR_SYSTEMS, *CONTROLS)


class CompareSettings(Section):
    resamples: int = Field(default=10_000, ge=100, description="bootstrap resamples of commits")
    min_items: int = Field(default=100, ge=2, description="fewer items never give a verdict but no_benefit_shown")
    systems: list[str] = Field(
        default=["base+bm25", "tuned+bm25", "copier"],
        description="what `make compare` asks beside base and tuned: these, control, copilot, your endpoints",
    )
    control: str | None = Field(
        default=None,
        description="finished run of the same base on another repository; its adapter answers as `control`",
    )
    endpoints: dict[str, Endpoint] = Field(default={}, description="models behind HTTP APIs, by a name of your choice")
    copilot: CopilotSettings = CopilotSettings()
    imported: dict[str, str] = Field(
        default={}, description="files of answers that people collected by hand, by a name of your choice"
    )
    prices: dict[str, Price] = Field(
        default=PRICES, description="dollars per million tokens, by model; yours are added"
    )
    prices_as_of: str = Field(default="2026-11-22", description="day on which the prices were looked up")
    team: Team = Team()

    @field_validator("prices", mode="after")
    @classmethod
    def _add_to_the_known(cls, prices: dict[str, Price]) -> dict[str, Price]:
        return {**PRICES, **prices}

    @field_validator("endpoints", "imported", mode="after")
    @classmethod
    def _names_are_free(cls, named: dict[str, Any]) -> dict[str, Any]:
        for name in named:
            if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", name) or name in (*LOCAL_SYSTEMS, "copilot"):
                raise ValueError(
                    f"`{name}` cannot name a system: wanted small letters, digits, - and _, and no name of ours"
                )
        return named

    @model_validator(mode="after")
    def _systems_are_known(self) -> CompareSettings:
        twice = sorted(self.endpoints.keys() & self.imported.keys())
        if twice:
            raise ValueError(f"`{twice[0]}` is both an endpoint and an imported file")
        known = [*LOCAL_SYSTEMS[2:], "copilot", *self.endpoints, *self.imported]
        for name in self.systems:
            if name not in known:
                raise ValueError(f"compare.systems: `{name}` is not one of {', '.join(known)}")
        if "control" in self.systems and self.control is None:
            raise ValueError("compare.systems: `control` wants compare.control, a finished run on another repository")
        return self

    @property
    def asked(self) -> list[str]:
        """List the systems beside base and tuned; naming a control run asks for it."""
        return [*self.systems, *(["control"] if self.control and "control" not in self.systems else [])]
