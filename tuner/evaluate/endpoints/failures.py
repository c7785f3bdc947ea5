"""Tell why a request has no answer: every failure gets its class of void, and says whether asking again can help.

In: an HTTP response that is no success, or what went wrong on the way. Out: a `Failed`. A key that the response holds
was taken out before; of a refused key the server's words are not repeated at all, since they often quote its ends.

    401 auth     402 quota     403 no_access     404 no_model     408, 429 and 5xx can get better, all others cannot
"""

from __future__ import annotations

import email.utils
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuner.evaluate.system import FINAL_VOIDS, Void

MOST_WORDS = 200  # characters of a server's own words that a message repeats
_UNKNOWN_MODEL = re.compile(
    r"(?:not a valid|invalid|unknown|no such) model\b|\bmodel\b[^.]{0,80}\b(?:not found|does not exist|doesn't exist)",
    re.I,
)
_NO_INFILLING = re.compile(r"does not support (?:insert|infill|suffix)|suffix is not (?:currently )?supported", re.I)


@dataclass(eq=False)  # an exception must stay hashable
class Failed(Exception):
    """A request without an answer. `words` say what happened, `wait_seconds` what the server asked to wait.

    `retry`: another attempt can fare better. `final`: no other item would. `billed`: it may have cost something.
    """

    void: Void
    words: str
    retry: bool = False
    final: bool = False
    billed: bool = False
    reached: bool = True
    wait_seconds: float | None = None

    def __post_init__(self) -> None:
        super().__init__(self.words)
        self.final = self.final or self.void in FINAL_VOIDS


def of_status(status: int, text: str, headers: Mapping[str, str]) -> Failed:
    """Name the failure of a response whose status is no success."""
    error = _error_of(text)
    said = f"answered {status}{_quoted(error, text)}"
    if status == 401:
        return Failed("auth", "answered 401: the key was refused")
    if status == 402 or "insufficient_quota" in (error.get("code"), error.get("type")):
        return Failed("quota", said)
    if status == 403:
        flagged = isinstance(error.get("metadata"), dict) and "reasons" in error["metadata"]
        return Failed("protocol", said) if flagged else Failed("no_access", said)  # flagged: this one text, not the key
    if status in (404, 410) or error.get("code") in ("model_not_found", "invalid_model"):
        return Failed("no_model", said)
    if 300 <= status < 400:
        return Failed("protocol", f"answered {status}: it sends on to another address", final=True)
    if status == 501 or (status < 500 and _NO_INFILLING.search(text)):
        return Failed("protocol", said, final=True)
    if status == 429:
        return Failed("rate", said, retry=_may_retry(headers), wait_seconds=retry_after(headers))
    if status >= 500 or status == 408:
        return Failed("server", said, retry=_may_retry(headers), wait_seconds=retry_after(headers))
    if status in (400, 422) and _UNKNOWN_MODEL.search(str(error.get("message", ""))):
        return Failed("no_model", said)
    return Failed("protocol", said)


def of_body(body: dict[str, Any]) -> Failed | None:
    """Name the failure that a body reports although its status is a success, as gateways do; None if there is none."""
    error = body.get("error")
    if not error:
        return None
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, int) and 400 <= code < 600:
        return of_status(code, json.dumps(body), {})
    return Failed("protocol", f"answered 200{_quoted(_error_of(json.dumps(body)), '')}")


def of_no_json(text: str, content_type: str) -> Failed:
    """Name the failure of a success whose body is not JSON: it broke off, or is something else altogether."""
    start = text.lstrip()[:1]
    if start in ("{", "["):
        return Failed("truncated", "broke off its answer: the JSON has no end", retry=True, billed=True)
    if "html" in content_type or start == "<":
        return Failed("protocol", f"answered with an HTML page{_title(text)}")
    shown = f": {_short(text)}" if text.strip() else ""
    return Failed("protocol", f"answered with no JSON{shown}")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read how long a server asks to wait, in seconds; its date is taken against its own clock, never against ours."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        then, now = (email.utils.parsedate_to_datetime(headers.get(name, "")) for name in ("retry-after", "date"))
        return max(0.0, (then - now).total_seconds())
    except (TypeError, ValueError):
        return None


def _may_retry(headers: Mapping[str, str]) -> bool:
    """Obey the header by which OpenAI's servers forbid a further attempt."""
    return headers.get("x-should-retry") != "false"


def _error_of(text: str) -> dict[str, Any]:
    """Find the error in the shapes that servers give it; empty where the body is no JSON object."""
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(body, dict):
        return {}
    error = body.get("error", body)
    if isinstance(error, dict):
        said = error.get("message") or error.get("detail")
        return {**error, "message": said if isinstance(said, str) else json.dumps(said) if said else ""}
    return {"message": str(error)}


def _quoted(error: dict[str, Any], text: str) -> str:
    said = error.get("message") if error else "" if text.lstrip().startswith("<") else text
    return f": {_short(str(said))}" if said and str(said).strip() else ""


def _title(text: str) -> str:
    found = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    return f": {_short(found.group(1))}" if found else ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MOST_WORDS else line[:MOST_WORDS] + "…"
