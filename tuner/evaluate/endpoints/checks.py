"""Refuse what must not or cannot be asked, before anything is sent.

In: an endpoint's name and settings and its price. Out: the key, or None where the endpoint needs none. Refused: an
address that is not this machine without the recipe's leave to send code there, one whose price is unknown, so that its
budget could not be kept, a key that the environment does not hold, and a key that no header can carry. No message
holds a key.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from tuner.errors import RecipeError
from tuner.evaluate.endpoints.clients import is_loopback
from tuner.recipe import Endpoint, Price


def checked_key(name: str, settings: Endpoint, price: Price | None) -> str | None:
    """Check that the endpoint may be asked, and give its key."""
    where = f"compare.endpoints.{name}"
    if not is_loopback(settings.url):
        if not settings.send_code:
            raise RecipeError(
                f"{where}: {host_of(settings.url)} is not this machine: the code around every item would be sent there",
                f"if that is allowed for this code, set `{where}.send_code: true` in the recipe",
            )
        if price is None:
            row = settings.price or settings.model
            raise RecipeError(
                f"{where}: no price of `{row}` is known, so its budget (${settings.budget_dollars:g}) cannot be kept",
                f"give it in the recipe, in dollars per million tokens: "
                f'compare: {{prices: {{"{row}": {{input: 1.0, output: 5.0}}}}}}',
            )
    if settings.key is None:
        return None
    key = os.environ.get(settings.key)
    if not key:
        raise RecipeError(
            f"{where}: the environment variable {settings.key} is not set, and the recipe says that it holds the key",
            f"export {settings.key}=... in this shell, and run the same command again",
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise RecipeError(
            f"{where}: the environment variable {settings.key} holds a blank, a line end or a character outside ASCII, "
            "which no key has",
            f"export {settings.key} again, without what was copied along with the key",
        )
    return key


def host_of(url: str) -> str:
    """Give the host of an address, with its port where it names one."""
    return urlsplit(url).netloc
