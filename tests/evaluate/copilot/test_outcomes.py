"""The lines are as the real server wrote them, ids and times aside."""

from __future__ import annotations

import pytest

from tuner.evaluate.copilot.language_server import Refused
from tuner.evaluate.copilot.outcomes import DECLINED, Outcome, judge, refused
from tuner.evaluate.system import VOIDS

URL = "https://proxy.business.githubcopilot.com/v1/engines/gpt-41-copilot/completions"
ID = "e794c3c9-481a-4ea4-944d-24f373cde6e2"
NOTHING = "[getCompletions] No ghostText produced -- empty: received no results from async completions"
RETURNED = "[streamChoices] solution 0 returned. finish reason: [{}]"


def finished(status: int) -> str:
    return f"[fetchCompletions] Request {ID} at <{URL}> finished with {status} status after 6.571919999999864ms"


def test_a_finished_completion_is_an_answer_and_names_its_model() -> None:
    found = judge(True, [finished(200), RETURNED.format("stop")])
    assert found == Outcome(None, "", "gpt-41-copilot", asked=True)


@pytest.mark.parametrize("reason", ["stop", "length", "null", "content_filter", "DONE"])
def test_nothing_suggested_is_an_empty_answer_where_the_model_finished(reason: str) -> None:
    found = judge(False, [finished(200), RETURNED.format(reason), NOTHING])
    assert (found.void, found.asked, found.failure) == (None, True, None)


def test_an_answer_from_the_cache_asked_nobody() -> None:
    assert judge(True, ["[ghostText] Found inline suggestions locally via cache"]) == Outcome(None, "")


@pytest.mark.parametrize(
    ("lines", "void", "detail"),
    [
        (
            [finished(401), "[fetchCompletions] Response status was 401: unauthorized"],
            "auth",
            "status 401: unauthorized",
        ),
        ([finished(402)], "quota", "status 402"),
        ([finished(403), "[fetchCompletions] Response status was 403: no"], "no_access", "status 403: no"),
        ([finished(466), "[fetchCompletions] client not supported"], "no_access", "status 466"),
        ([finished(404)], "no_model", "status 404"),
        ([finished(500), "[fetchCompletions] Unhandled status from server: 500 oops"], "server", "status 500: oops"),
        ([finished(400)], "server", "status 400"),
        ([finished(302)], "protocol", "status 302"),
        ([finished(200), NOTHING], "protocol", "status 200, but no completion in it"),
        (
            [finished(200), "[streamChoices] Error parsing extraData: <html>\n<body>Sign in to the proxy"],
            "protocol",
            "status 200, but no completion in it: <html>",
        ),
        ([finished(200), RETURNED.format("Iteration Done")], "truncated", "the stream broke off before its end"),
        (
            [finished(200), f"[AsyncCompletionManager] [{ID}] Request errored with TypeError: terminated\n    at x"],
            "truncated",
            "the stream broke off: TypeError: terminated",
        ),
        (
            [f"[fetchCompletions] Request {ID} at <{URL}> rejected with FetchError: ECONNREFUSED after 3ms"],
            "server",
            "FetchError: ECONNREFUSED after 3ms",
        ),
        (
            [finished(200), "[streamChoices] Error in response: model overloaded"],
            "server",
            "the backend reported an error: model overloaded",
        ),
        (
            [f"[AsyncCompletionManager] [{ID}] Request failed with monthly free code completions exhausted", NOTHING],
            "quota",
            "monthly free code completions exhausted",
        ),
        (
            [f"[AsyncCompletionManager] [{ID}] Request failed with client not supported: update it", NOTHING],
            "no_access",
            "client not supported: update it",
        ),
        ([], "protocol", "no model was asked: the server does not say why"),
        ([NOTHING], "protocol", "no model was asked: received no results from async completions"),
        (
            ["[getCompletions] No ghostText produced -- abortedBeforeIssued: Timeout"],
            "protocol",
            "no model was asked: Timeout",
        ),
        (
            [
                "[getCompletions] No ghostText produced -- abortedBeforeIssued: "
                "Copilot not available due to content exclusion"
            ],
            "not_asked",
            "the organisation's content exclusions cover this file",
        ),
    ],
)
def test_a_failure_is_told_from_an_empty_answer(lines: list[str], void: str, detail: str) -> None:
    found = judge(False, lines)
    assert (found.void, found.detail) == (void, detail)
    assert found.void in VOIDS


def test_a_text_that_came_before_the_stream_broke_off_is_no_answer() -> None:
    assert judge(True, [finished(200), RETURNED.format("Iteration Done")]).void == "truncated"


@pytest.mark.parametrize(
    "told",
    ["Rate limited by server. Retry in 37s.", "Rate limited by server. Denying completions for the next 37 seconds."],
)
def test_a_rate_limit_says_how_long_nobody_will_be_asked(told: str) -> None:
    found = judge(
        False, [finished(429), "[fetchCompletions] Response status was 429: slow", f"[fetchCompletions] {told}"]
    )
    assert (found.void, found.wait, found.detail) == ("rate", 37.0, "status 429: slow")


def test_the_silence_after_a_rate_limit_is_not_taken_for_empty_answers() -> None:
    failed = f"[AsyncCompletionManager] [{ID}] Request failed with Rate limited by server. Retry in 3s."
    found = judge(False, [failed, NOTHING])
    assert (found.void, found.wait, found.asked) == ("rate", 3.0, False)


@pytest.mark.parametrize("reason", ["Not enough context", "Invalid middle of the line"])
def test_a_place_that_copilot_declines_is_an_empty_answer_counted_apart(reason: str) -> None:
    found = judge(False, [f"[getCompletions] No ghostText produced -- abortedBeforeIssued: {reason}"])
    assert (found.void, found.failure, found.asked) == (None, DECLINED, False)


def test_a_long_reason_is_cut() -> None:
    found = judge(False, [finished(500), "[fetchCompletions] Unhandled status from server: 500 " + "x" * 999])
    assert len(found.detail) == 201 and found.detail.endswith("x…")


@pytest.mark.parametrize(
    ("code", "message", "void"),
    [
        (1000, "Not authenticated: NotSignedIn", "auth"),
        (
            1000,
            "Not authenticated: Failed to get copilot token due to 401 status. Please sign out and try again.",
            "auth",
        ),
        (1000, "Not authenticated: Could not retrieve token", "no_access"),
        (-32603, "Request x failed with message: Throttled: HTTP 500 Internal Server Error", "server"),
        (
            -32603,
            "Request x failed with message: HTTP 200 response does not appear to originate from GitHub.",
            "protocol",
        ),
        (-32800, "Request was canceled", "server"),
    ],
)
def test_an_error_has_its_class(code: int, message: str, void: str) -> None:
    found = refused(Refused(code, message))
    assert (found.void, found.detail) == (void, message)
