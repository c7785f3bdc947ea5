"""Endpoint systems over a loopback server, and what comes of asking them until they stop."""

from __future__ import annotations

from typing import Any

import pytest

from tests.evaluate.endpoints.servers import NEIGHBOURS, Reply, Server, settings
from tuner.evaluate.endpoints.system import EndpointSystem
from tuner.evaluate.system import Stopped
from tuner.recipe import Price
from tuner.records import Item, Prediction

PRICE = Price(input=1_000.0, output=1_000.0)  # dollars per million tokens: a tenth of a cent a token
GOES_ON = "the same command goes on from here, with the answers so far"
INFILLED = {"content": "self.n", "model": "m", "tokens_evaluated": 20, "tokens_predicted": 5}


def endpoint(
    server: Server, protocol: str = "openai_chat", price: Price | None = None, **fields: Any
) -> EndpointSystem:
    """Make a system that asks a server, whose pauses take no time; `sleep` and `answered` are passed on."""
    named = {name: fields.pop(name) for name in ("sleep", "answered") if name in fields}
    named.setdefault("sleep", lambda seconds: None)
    made = settings(server.url, protocol, **{"timeout_seconds": 20.0, **fields})
    return EndpointSystem("rival", made, price, lambda _: NEIGHBOURS, **named)


def numbered(body: dict[str, Any]) -> Reply:
    """Answer with the number that the item's first line holds."""
    return Reply({**INFILLED, "content": body["input_prefix"].splitlines()[0].removeprefix("# ")})


def stopped(system: EndpointSystem, asked: list[Item]) -> tuple[list[Prediction], str, str | None]:
    given = []
    with pytest.raises(Stopped) as caught:
        for prediction in system.answer(asked):
            given.append(prediction)
    return given, caught.value.message, caught.value.hint
