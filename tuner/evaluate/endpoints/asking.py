"""Ask one question until it is answered or cannot be.

In: an item with what it may be shown, and dollars held back for it. Out: an `Outcome`: a prediction, and the failure
where that is a void. An attempt is repeated only if that can help: after the pause that the server asked for, else
after one that doubles, with jitter, so that clients that were turned away together do not come back together. A
time-out is not repeated: an answer that takes longer than the recipe allows is of no use, and may have been paid for.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tenacity

from tuner.evaluate.endpoints.answers import Read, from_chat, from_completion
from tuner.evaluate.endpoints.budget import Hold, Meter
from tuner.evaluate.endpoints.clients import Client
from tuner.evaluate.endpoints.failures import Failed
from tuner.evaluate.endpoints.prompts import cursor_mark, shown
from tuner.evaluate.endpoints.protocols import Answered, body_of, read_answer, token_limit
from tuner.recipe import Endpoint
from tuner.records import Item, Neighbour, Prediction

FIRST_WAIT_SECONDS, JITTER_SECONDS = 0.5, 0.5


@dataclass(frozen=True, slots=True)
class Question:
    """An item with its request; `most` are the dollars that one attempt could cost."""

    item: Item
    body: dict[str, Any]
    mark: str
    most: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a question. `model` is the answering model as the API names it."""

    prediction: Prediction
    failed: Failed | None
    model: str | None
    attempts: int


class Asker:
    """Asks one endpoint; `ask` may run in several threads. Once `ended` is set, no attempt is repeated any more."""

    def __init__(
        self, where: str, settings: Endpoint, client: Client, meter: Meter, sleep: Callable[[float], object] | None
    ) -> None:
        self.where = where
        self.settings = settings
        self.client = client
        self.meter = meter
        self.ended = threading.Event()
        self._sleep = sleep or self.ended.wait

    def question(self, item: Item, neighbours: Sequence[Neighbour]) -> Question:
        """Write the request for an item."""
        code = shown(item, neighbours, self.settings.max_prompt_chars)
        body = body_of(self.settings, item, code)
        size = len(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
        return Question(item, body, cursor_mark(code), self.meter.cost(size, token_limit(body, self.where)))

    def ask(self, question: Question, hold: Hold) -> Outcome:
        """Ask, again where that can help, and account for the cost."""
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(1 + self.settings.retries),
            retry=tenacity.retry_if_exception(self._can_get_better),
            wait=self._wait,
            sleep=self._pause,
            reraise=True,
        )
        try:
            answered, milliseconds = retrying(self._attempt, question, hold)
        except Failed as failed:
            hold.release()
            prediction = _prediction(question.item, "", "", void=failed.void)
            return Outcome(prediction, failed, None, retrying.statistics["attempt_number"])
        known = answered.prompt_tokens is not None and answered.tokens is not None
        hold.settle(self.meter.cost(answered.prompt_tokens or 0, answered.tokens or 0) if known else question.most)
        read = self._read(answered, question)
        prediction = _prediction(
            question.item,
            answered.raw,
            read.text,
            tokens=answered.tokens,
            prompt_tokens=answered.prompt_tokens,
            latency_ms=milliseconds,
            format_failure=read.format_failure,
        )
        return Outcome(prediction, None, answered.model, retrying.statistics["attempt_number"])

    def _attempt(self, question: Question, hold: Hold) -> tuple[Answered, float]:
        started = time.perf_counter()
        try:
            body = self.client.ask(question.body)
            milliseconds = (time.perf_counter() - started) * 1000.0
            return read_answer(self.settings.protocol, body), milliseconds
        except Failed as failed:
            if failed.billed:
                failed.retry = hold.lose() and failed.retry
            raise

    def _read(self, answered: Answered, question: Question) -> Read:
        if answered.without_text is not None:
            return Read("", answered.without_text)
        item = question.item
        if self.settings.protocol == "openai_chat":
            return from_chat(answered.raw, item, question.mark)
        return from_completion(answered.raw, item)

    def _can_get_better(self, error: BaseException) -> bool:
        return (
            isinstance(error, Failed)
            and error.retry
            and (error.wait_seconds or 0.0) <= self.settings.longest_wait_seconds
            and not self.ended.is_set()
        )

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Failed) and error.wait_seconds is not None:
            return error.wait_seconds
        longest = self.settings.longest_wait_seconds
        return tenacity.wait_exponential_jitter(multiplier=FIRST_WAIT_SECONDS, max=longest, jitter=JITTER_SECONDS)(
            state
        )

    def _pause(self, seconds: float) -> None:
        self._sleep(seconds)


def _prediction(item: Item, raw: str, text: str, **said: Any) -> Prediction:
    nothing = {"bits": None, "tokens": None, "latency_ms": None, "void": None}
    return Prediction(item.id, raw, text, target_bytes=len(item.target.encode("utf-8")), **{**nothing, **said})
