"""What every protocol is made of: endpoints, and the fields that their bodies share.

In: a body, checked field by field as the real servers check theirs: a field that is not known is passed over, one of
the wrong type is refused. Out: `Wanted`, and responses. Beside what its protocol has, every body may hold

    scale              strength of the adapter, 1 as trained, 0 as the base
    lora               [{"id", "scale"}] as llama.cpp has it, by the numbers of GET /lora-adapters; what is missing is 0
    boundary           line, block or none: where the completion ends
    max_prompt_tokens  length of the prompt; what evaluation had if not given
    path               the file's path in its repository, where the protocol has no field for it
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from tuner.recipe import ServeSettings
from tuner.records import Neighbour
from tuner.serve.boundary import Boundary
from tuner.serve.completing import Completer
from tuner.serve.cursor import Wanted
from tuner.serve.faults import Fault, as_json
from tuner.serve.metrics import Metrics

Stops = list[Annotated[str, Field(max_length=500)]]
Share = Annotated[float, Field(ge=0, le=1)]
Penalty = Annotated[float, Field(ge=-2, le=2)]
Tokens = Annotated[int, Field(ge=0, le=1_000_000)]
Name = Annotated[str, Field(max_length=4096)]
_MOST_LORAS = 64


@dataclass(frozen=True, slots=True)
class Front:
    """What an endpoint works with."""

    completer: Completer
    metrics: Metrics
    settings: ServeSettings


class Body(BaseModel):
    """A request's body."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class Lora(Body):
    """The strength of one adapter, by its number."""

    id: int = Field(ge=0)
    scale: float = Field(ge=-4, le=4)


class File(Body):
    """Another file, or a piece of one, that the model may read first."""

    filename: Name = ""
    text: str = ""


class Asking(Body):
    """What every body that asks for a completion may hold."""

    model: str | None = Field(default=None, max_length=500)
    stop: str | Stops | None = Field(default=None, max_length=500)
    temperature: float | None = Field(default=None, ge=0, le=5)
    top_p: Share | None = None
    top_k: int | None = Field(default=None, ge=-1, le=1_000_000)
    min_p: Share | None = None
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**64)
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    repeat_penalty: float | None = Field(default=None, ge=0, le=10)
    scale: float | None = Field(default=None, ge=-4, le=4)
    lora: list[Lora] | None = Field(default=None, max_length=_MOST_LORAS)
    boundary: Boundary | None = None
    max_prompt_tokens: int | None = Field(default=None, ge=32, le=1_000_000)
    path: Name | None = None

    def wanted(self, max_tokens: int | None, boundary: Boundary | None = None, predict_ms: int | None = None) -> Wanted:
        """Say how the answer is wanted; `boundary` stands where the client names none."""
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        names = ("top_p", "top_k", "min_p", "presence_penalty", "frequency_penalty", "repeat_penalty")
        sampling = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        if self.seed is not None:
            sampling["seed"] = self.seed % 2**32
        scales: float | dict[int, float] = 1.0 if self.scale is None else self.scale
        if self.lora:
            scales = {each.id: each.scale for each in self.lora}
        return Wanted(
            max_tokens=max_tokens,
            temperature=self.temperature or 0.0,
            stops=tuple(stops),
            boundary=self.boundary or boundary,
            max_prompt_tokens=self.max_prompt_tokens,
            scales=scales,
            sampling=sampling,
            predict_ms=predict_ms,
        )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method and path. `body` is what it takes, or a choice by what the body holds; None takes none."""

    method: Literal["GET", "POST"]
    path: str
    protocol: str
    summary: str
    answer: Callable[[Front, Request, Any], Awaitable[Response]]
    body: type[Body] | tuple[type[Body], ...] | None = None
    choose: Callable[[dict[str, Any]], type[Body]] | None = None


def neighbours(files: list[File] | None) -> tuple[Neighbour, ...]:
    """Take other files in the client's order, the nearest last; empty ones say nothing."""
    return tuple(Neighbour(each.filename, each.text) for each in files or [] if each.text.strip())


def event(value: Any) -> bytes:
    """Write one server-sent event."""
    return b"data: " + json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def line(value: Any) -> bytes:
    """Write one line of JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def event_of(fault: Fault) -> bytes:
    """Write a fault into a stream of events."""
    return event(as_json(fault, ""))


DONE = b"data: [DONE]\n\n"
Frames = AsyncGenerator[bytes, None]
