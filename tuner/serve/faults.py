"""Say what is wrong with a request in HTTP: a status, a kind, and a message that quotes no code.

In: an error of the serve room, or a body that is none of what was wanted. Out: the status, and the JSON that the
clients of a protocol read: OpenAI's `{"error": {"message", "type", "code"}}`, which llama.cpp, Mistral and vLLM share,
or Ollama's `{"error": message}`.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from tuner.errors import ServeError
from tuner.serve.conversation import Refused
from tuner.serve.engine_client import EngineGone, EngineRefused
from tuner.serve.fleet import Late
from tuner.serve.models import UnknownModel
from tuner.serve.turns import Busy

_MOST_FAULTS = 3
AGAIN = {"Retry-After": "1"}


class Fault(ServeError):
    """A request that cannot be answered, with its status."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    499: "client_left",
    503: "unavailable_error",
    504: "timeout_error",
}


def as_fault(error: ServeError) -> Fault:
    """Give an error its status."""
    if isinstance(error, Fault):
        return error
    if isinstance(error, UnknownModel):
        return Fault(404, error.message)
    if isinstance(error, Busy):
        return Fault(429, error.message, AGAIN)
    if isinstance(error, EngineGone):
        return Fault(503, error.message, AGAIN)
    if isinstance(error, Late):
        return Fault(504, error.message)
    if isinstance(error, Refused):
        return Fault(400, error.message)
    if isinstance(error, EngineRefused) and error.status == 400:
        return Fault(400, error.message)
    if isinstance(error, EngineRefused) and error.status == 503:  # it is loading, or has no slot to give
        return Fault(503, error.message, AGAIN)
    return Fault(500, error.message)


def stopping() -> Fault:
    """Say to a request that is cut off by the server's end that it may ask again."""
    return Fault(503, "the server is being stopped; ask again", AGAIN)


def as_json(fault: Fault, path: str) -> dict[str, Any]:
    """Write a fault as the clients of a path read it."""
    if path.startswith("/api/"):
        return {"error": fault.message}
    kind = _KINDS.get(fault.status, "server_error")
    return {"error": {"message": fault.message, "type": kind, "code": fault.status}}


def read_json(content: bytes) -> dict[str, Any]:
    """Read a body that must be a JSON object."""
    if not content.strip():
        raise Fault(400, "the body is empty, wanted a JSON object")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Fault(400, f"the body is not UTF-8: byte {content[error.start]:#04x} at {error.start}") from None
    try:
        value = from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise Fault(400, f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Fault(400, f"the body is a JSON {_KIND_OF.get(type(value), 'value')}, wanted an object")
    return value


def explain(error: ValidationError) -> Fault:
    """Name the first faults of a body, without the values, which may be code."""
    found = [
        f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}"
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    more = f"; and {len(found) - _MOST_FAULTS} more" if len(found) > _MOST_FAULTS else ""
    return Fault(400, "; ".join(found[:_MOST_FAULTS]) + more)


_KIND_OF: dict[type, str] = {list: "array", str: "string", int: "number", float: "number", bool: "boolean"}
