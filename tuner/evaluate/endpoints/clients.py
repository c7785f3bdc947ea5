"""Send one question to an API and read its body as JSON, by the maintained clients: openai, and httpx2 below it.

In: an endpoint's settings, its key, and a body. Out: the JSON object that came back, or a `Failed` with its class.
Mistral's form goes through httpx2 too: its own client would bring OpenTelemetry for a single POST.

What leaves is the body, and of headers only those in `_HEADERS` and the key: not the facts about this machine that a
client adds, nor an organisation or header that the environment holds for another API. Nothing follows a redirect, so
that neither code nor key goes where the recipe does not say. The loopback address is reached without a proxy.

An answer has `timeout_seconds` in all, by a clock that nobody can set, however slowly it trickles in.
"""

from __future__ import annotations

import ipaddress
import json
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from tuner.evaluate.endpoints.failures import Failed, of_body, of_no_json, of_status
from tuner.evaluate.endpoints.protocols import PATHS
from tuner.recipe import Endpoint

MOST_BYTES = 4 * 2**20  # of an answer to a question of one line
_HEADERS = {"host", "accept", "accept-encoding", "connection", "user-agent", "content-length", "content-type"}
_OPENAI = ("openai_chat", "openai_completions", "deepseek_fim")
_DEADLINE = "tuner.deadline"


class Client:
    """A connection to one endpoint, safe to use from several threads."""

    def __init__(self, settings: Endpoint, key: str | None) -> None:
        self.settings = settings
        self.address = settings.url.rstrip("/") + PATHS[settings.protocol]
        self.reached = False  # something has answered there, be it with an error
        self._key = key
        self._http = httpx2.Client(
            timeout=settings.timeout_seconds,
            trust_env=not is_loopback(settings.url),
            follow_redirects=False,
            event_hooks={"request": [self._prepare], "response": [self._watch]},
        )
        # openai wants a key where none is needed; `_prepare` sends the true one or none
        self._openai = openai.OpenAI(
            api_key="none",
            base_url=settings.url,
            http_client=self._http,
            max_retries=0,
            timeout=settings.timeout_seconds,
        )

    def close(self) -> None:
        """End the connection; what is under way fails."""
        self._http.close()

    def ask(self, body: dict[str, Any]) -> dict[str, Any]:
        """Post one body and return the JSON object that comes back."""
        response = self._post(body)
        self.reached = True
        text = response.text.replace(self._key, "[key]") if self._key else response.text
        if not response.is_success:
            raise of_status(response.status_code, text, response.headers)
        try:
            answer = json.loads(text)
        except ValueError:
            raise of_no_json(text, response.headers.get("content-type", "")) from None
        if not isinstance(answer, dict):
            raise Failed("protocol", f"answered with JSON that is no object: {type(answer).__name__}", billed=True)
        failed = of_body(answer)
        if failed is not None:
            raise failed
        return answer

    def _post(self, body: dict[str, Any]) -> httpx2.Response:
        """Send by the client for the protocol; a response of any status is returned, all else is a `Failed`."""
        try:
            if self.settings.protocol in _OPENAI:
                return self._openai.post(PATHS[self.settings.protocol], cast_to=httpx2.Response, body=body)
            return self._http.post(self.address, json=body)
        except openai.APIStatusError as error:
            return error.response
        except openai.APIConnectionError as error:
            raise self._broken(error.__cause__ or error) from None
        except httpx2.RequestError as error:
            raise self._broken(error) from None

    def _broken(self, error: BaseException) -> Failed:
        """Name what went wrong before an answer began."""
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
            if not self.reached:
                return Failed("server", _reason(error), final=True, reached=False)
            return Failed("server", f"does not answer any more: {_reason(error)}", retry=True)
        if isinstance(error, httpx2.TimeoutException):
            return self._too_late()
        if isinstance(error, httpx2.DecodingError):
            return Failed("protocol", "sent an answer whose compression is broken", billed=True)
        return Failed("server", f"broke the connection: {_reason(error)}", retry=True, billed=True)

    def _too_late(self) -> Failed:
        return Failed("timeout", f"gave no whole answer in {self.settings.timeout_seconds:g} s", billed=True)

    def _prepare(self, request: httpx2.Request) -> None:
        """Send only the headers that are meant, and note when the answer must be here."""
        for name in [name for name in request.headers if name.lower() not in _HEADERS]:
            del request.headers[name]
        if self._key:
            request.headers["Authorization"] = f"Bearer {self._key}"
        request.extensions[_DEADLINE] = time.monotonic() + self.settings.timeout_seconds

    def _watch(self, response: httpx2.Response) -> None:
        self.reached = True
        stream = response.stream
        assert isinstance(stream, httpx2.SyncByteStream)
        response.stream = _Watched(stream, response.request.extensions[_DEADLINE], self._too_late())


class _Watched(httpx2.SyncByteStream):
    """An answer on its way: too late, too long and broken off are told apart here, where it is known to have begun."""

    def __init__(self, stream: httpx2.SyncByteStream, deadline: float, too_late: Failed) -> None:
        self.stream = stream
        self.deadline = deadline
        self.too_late = too_late

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        try:
            for piece in self.stream:
                size += len(piece)
                if size > MOST_BYTES:
                    raise Failed("protocol", f"answered with more than {MOST_BYTES:,} bytes", billed=True)
                self._in_time()
                yield piece
        except httpx2.TimeoutException:
            raise self.too_late from None
        except httpx2.TransportError:
            raise Failed("truncated", "broke off its answer on the way", retry=True, billed=True) from None
        self._in_time()

    def _in_time(self) -> None:
        if time.monotonic() > self.deadline:
            raise self.too_late

    def close(self) -> None:
        self.stream.close()


def is_loopback(url: str) -> bool:
    """Tell whether an address is this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reason(error: BaseException) -> str:
    """Give an error's own words, without the number that differs between systems."""
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
