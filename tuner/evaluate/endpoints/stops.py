"""Say why an endpoint is asked no more, with what was seen there, and what to do next.

In: the endpoint's name and settings, and the failure or the figures that ended it. Out: a `Stopped`. Its answers so far
are kept by whoever collects them; every hint says so.
"""

from __future__ import annotations

from tuner.evaluate.endpoints.failures import Failed
from tuner.evaluate.system import Stopped
from tuner.recipe import Endpoint

_GOES_ON = "the same command goes on from here, with the answers so far"


def over_budget(name: str, settings: Endpoint, spent: float, most: float) -> Stopped:
    """Say that the next question could cost more than is left."""
    return Stopped(
        f"system `{name}`: ${spent:.4f} of its budget of ${settings.budget_dollars:.4f} is spent, "
        f"and the next question could cost up to ${most:.4f}",
        f"raise `compare.endpoints.{name}.budget_dollars`; {_GOES_ON}",
    )


def hopeless(name: str, settings: Endpoint, address: str, failed: Failed, count: int) -> Stopped:
    """Say that no other question would fare better than the `count` that failed so."""
    where = f"compare.endpoints.{name}"
    if not failed.reached:
        return Stopped(
            f"system `{name}`: no answer at {address}: {failed.words}",
            f"is the server running, and is `{where}.url` right? {_GOES_ON}",
        )
    times = "" if failed.final else f", {count} times without an answer between"
    return Stopped(
        f"system `{name}`: {failed.void}{times}: {address} {failed.words}",
        f"{_advice(where, settings, failed)}; {_GOES_ON}",
    )


def _advice(where: str, settings: Endpoint, failed: Failed) -> str:
    match failed.void:
        case "auth" if settings.key is None:
            return f"name the environment variable that holds the key: `{where}.key`"
        case "auth":
            return f"put a valid key into {settings.key}"
        case "no_access":
            return f"this key may not ask `{settings.model}`: change its plan, or `{where}.model`"
        case "quota":
            return "add credit there"
        case "no_model":
            return f"check `{where}.model` ({settings.model}) and `{where}.url`, up to and including its version"
        case "rate":
            return f"wait a while, or lower `{where}.parallel`"
        case "timeout":
            return f"raise `{where}.timeout_seconds`"
        case "protocol":
            return f"check `{where}.url`, `.protocol` and `.extra` against the API's documentation"
        case _:
            return "look at the server's own log, or wait a while"
