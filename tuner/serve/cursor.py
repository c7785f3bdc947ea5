"""What a dialect asks of the one path that completes: where the cursor is, and how the answer is wanted.

In: fields of a request, whatever a protocol calls them. Out: records that know no protocol. A setting that a client
does not send is None, and the run's own evaluation decides it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tuner.records import Neighbour
from tuner.serve.boundary import Boundary


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a file, and other files in the order in which they are to be read, the nearest last."""

    prefix: str
    suffix: str = ""
    path: str = ""
    repo: str | None = None
    neighbours: tuple[Neighbour, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is to be continued as it stands: control tokens in it are control tokens. Or its token ids."""

    prompt: str | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """How an answer is wanted.

    `temperature` 0 always takes the likeliest token, as evaluation does. `scales` is the strength of the model's
    adapter, or of each adapter by its number. `sampling` holds further settings in the engine's own words.
    """

    max_tokens: int | None = None
    temperature: float = 0.0
    stops: tuple[str, ...] = ()
    boundary: Boundary | None = None
    max_prompt_tokens: int | None = None
    scales: float | dict[int, float] = 1.0
    sampling: dict[str, Any] | None = None
    predict_ms: int | None = None
