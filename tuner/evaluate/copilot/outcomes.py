"""Tell an empty answer from a failure: the server says `{"items": []}` for both, with no error.

In: what came back, and the log lines that the server wrote while it worked. Out: an answer, or a void class with a
reason. An answer needs evidence that the model gave one: the line `solution 0 returned. finish reason: [...]` after a
status of 200. Without it the item is void, never empty. Two things look harmless and are not: after a 429 the server
asks nobody for a while and answers every request with nothing, its status `Normal`; and an answer whose stream broke
off comes back as far as it came, with finish reason `Iteration Done`.

The lines are those of versions 1.400 to 1.550, with COPILOT_AGENT_VERBOSE=1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.evaluate.copilot.language_server import Refused
from tuner.evaluate.system import Void

_FINISHED = re.compile(r"\[fetchCompletions\] Request \S+ at <([^>]*)> finished with (\d+) status")
_REJECTED = re.compile(r"\[fetchCompletions\] Request \S+ at <[^>]*> rejected with (.*)")
_RETURNED = re.compile(r"\[streamChoices\] solution \d+ returned\. finish reason: \[(.*?)\]")
_ERRORED = re.compile(r"\[AsyncCompletionManager\] \[[^\]]*\] Request errored with (.*)")
_FAILED = re.compile(r"\[AsyncCompletionManager\] \[[^\]]*\] Request failed with (.*)")
_ERROR_IN_STREAM = re.compile(r"\[streamChoices\] Error in response:? ?(.*)")
_UNREADABLE = re.compile(r"\[streamChoices\] Error parsing (?:extraData|JSON stream data):? ?(.*)")
_WAIT = re.compile(r"Rate limited by server\. (?:Retry in|Denying completions for the next) (\d+)")
_NOTHING = re.compile(r"No ghostText produced -- (\w+): (.*)")
_MODEL = re.compile(r"/v1/engines/([^/]+)/completions")
_BODY = re.compile(r"\[fetchCompletions\] (?:Response status was \d+:|Unhandled status from server: \d+) ?(.*)")

BROKEN_OFF = "Iteration Done"
BY_STATUS: dict[int, Void] = {
    401: "auth",
    402: "quota",
    403: "no_access",
    404: "no_model",
    429: "rate",
    466: "no_access",  # GitHub's own: this client is not supported any more
}
# The server itself thinks these places unfit for a suggestion: what a user sees there is nothing.
UNFIT = ("Not enough context", "Invalid middle of the line", "cached results empty after post-processing")
EXCLUDED = "Copilot not available due to content exclusion"
DECLINED = "declined"
MOST_DETAIL = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a question. `void` None means that there is an answer, though perhaps an empty one.

    `asked` tells whether a model was asked for it: a cached answer has no latency. `wait` is how long the server will
    ask nobody. `failure` is a format failure.
    """

    void: Void | None
    detail: str
    model: str | None = None
    asked: bool = False
    wait: float | None = None
    failure: str | None = None


def judge(has_items: bool, lines: Sequence[str]) -> Outcome:
    """Say what an answer without an error is, by the lines that were logged meanwhile."""
    finished = _all(_FINISHED, lines)
    model = next((found[1] for url, _ in finished if (found := _MODEL.search(url))), None)
    wait = next((float(seconds) for seconds in reversed(_all(_WAIT, lines))), None)
    void, detail = _failure(lines, [int(status) for _, status in finished])
    if void is not None:
        return Outcome(void, detail, model, bool(finished), wait)
    if has_items or (finished and _all(_RETURNED, lines)):
        return Outcome(None, "", model, bool(finished))
    reason = next((reason for _, reason in _all(_NOTHING, lines)), "")
    unread = next(iter(_all(_UNREADABLE, lines)), "")
    if reason.startswith(UNFIT):
        return Outcome(None, reason, failure=DECLINED)
    if reason == EXCLUDED:
        return Outcome("not_asked", "the organisation's content exclusions cover this file")
    if finished:
        shown = f": {unread}" if unread else ""
        return Outcome("protocol", _short(f"status 200, but no completion in it{shown}"), model, True)
    return Outcome("protocol", _short(f"no model was asked: {reason or 'the server does not say why'}"), model)


def refused(error: Refused) -> Outcome:
    """Say what a JSON-RPC error is."""
    message = str(error)
    if error.code == 1000:
        signed_out = "NotSignedIn" in message or "401" in message
        return Outcome("auth" if signed_out else "no_access", _short(message))
    if "does not appear to originate from GitHub" in message:
        return Outcome("protocol", _short(message))
    return Outcome("server", _short(message))


def _failure(lines: Sequence[str], statuses: Sequence[int]) -> tuple[Void | None, str]:
    for status in statuses:
        if status != 200:
            body = next((body for body in _all(_BODY, lines) if body), "")
            void = BY_STATUS.get(status, "server" if status >= 400 else "protocol")
            return void, _short(f"status {status}: {body}" if body else f"status {status}")
    for reason in _all(_REJECTED, lines):
        return "server", _short(reason)
    for reason in _all(_FAILED, lines):
        if _WAIT.search(reason):
            return "rate", _short(reason)
        if "completions exhausted" in reason:
            return "quota", _short(reason)
        if "client not supported" in reason:
            return "no_access", _short(reason)
    for reason in _all(_ERRORED, lines):
        return (
            ("truncated", "the stream broke off: " + _short(reason)) if 200 in statuses else ("server", _short(reason))
        )
    for reason in _all(_ERROR_IN_STREAM, lines):
        return "server", _short(f"the backend reported an error: {reason}")
    if BROKEN_OFF in _all(_RETURNED, lines):
        return "truncated", "the stream broke off before its end"
    return None, ""


def _all(pattern: re.Pattern[str], lines: Sequence[str]) -> list:
    return [found for line in lines for found in pattern.findall(line)]


def _short(text: str) -> str:
    first = text.strip().partition("\n")[0]
    return first if len(first) <= MOST_DETAIL else first[:MOST_DETAIL] + "…"
