"""Whatever is sent, the front stands: no 5xx, no crash, no memory that grows.

Bodies are drawn from the front's own OpenAPI description, from mutations of what clients send, and from nothing at all.
"""

from __future__ import annotations

import json
import resource
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serve import test_infill, test_mistral_fim, test_ollama, test_openai, test_tabby
from tests.serve.asking import ask
from tests.serve.conftest import Served
from tuner.serve.description import describe
from tuner.serve.front import ENDPOINTS

DESCRIPTION = describe(ENDPOINTS)
POSTS = [
    (path, operation["requestBody"]["content"]["application/json"]["schema"])
    for path, methods in DESCRIPTION["paths"].items()
    for method, operation in methods.items()
    if method == "post" and "requestBody" in operation
]
GETS = [path for path, methods in DESCRIPTION["paths"].items() if "get" in methods]
SENT = [
    ("/v1/completions", test_openai.CONTINUE),
    ("/v1/completions", test_tabby.AGENT),
    ("/v1/fim/completions", test_mistral_fim.CONTINUE),
    ("/api/generate", test_ollama.GENERATE),
    ("/infill", test_infill.LLAMA_VIM),
]
MEMORY_MIB = 64  # what the process may grow by over all examples
SOME = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
ANY_TEXT = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["tuned", "base", "<|fim_prefix|>", "<fim_prefix>a<fim_suffix>b<fim_middle>", "\n    ", "x" * 5000, "\x00"]
    ),
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)


def drawn(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Draw values that fit a JSON schema of ours, and now and then one that does not."""
    if "$ref" in schema:
        return st.deferred(lambda: drawn(DESCRIPTION["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]))
    if "anyOf" in schema:
        return st.one_of(*map(drawn, schema["anyOf"]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    if kind == "object":
        return drawn_object(schema)
    if kind == "array":
        return st.lists(drawn(schema.get("items", {})), min_size=schema.get("minItems", 0), max_size=3)
    if kind == "string":
        return st.just("user") if "pattern" in schema else ANY_TEXT
    if kind == "integer":
        return st.integers(*ends(schema, -3, 2000)) | st.integers()
    if kind == "number":
        return st.floats(*ends(schema, -3.0, 3.0), allow_nan=False) | st.floats(allow_nan=False, allow_infinity=False)
    return {"boolean": st.booleans(), "null": st.none()}.get(str(kind), ANY_JSON)


def drawn_object(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    wanted = {name: drawn(properties[name]) for name in required}
    more = {name: drawn(each) for name, each in properties.items() if name not in required}
    fitting = st.fixed_dictionaries(wanted, optional={**more, "made_up": ANY_JSON})
    return st.one_of(fitting, fitting, fitting, ANY_JSON)


def ends(schema: dict[str, Any], low: Any, high: Any) -> tuple[Any, Any]:
    first = schema.get("minimum", low)
    return first, max(first, min(schema.get("maximum", high), high))


def memory_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def stands(reply: Any) -> None:
    assert reply.status < 500, (reply.status, reply.content)
    assert reply.status == 200 or b"error" in reply.content


@SOME
@given(st.sampled_from(POSTS).flatmap(lambda post: st.tuples(st.just(post[0]), drawn(post[1]))))
def test_no_body_that_the_description_allows_or_forbids_is_too_much(served: Served, post: tuple[str, Any]) -> None:
    path, body = post
    stands(ask(served.url, path, json.dumps(body).encode("utf-8", "surrogatepass")))


@SOME
@given(st.sampled_from(SENT), st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=4)), min_size=1, max_size=4))
def test_no_damage_to_what_clients_send_is_too_much(
    infilling: Served, sent: tuple[str, bytes], damage: list[tuple[int, bytes]]
) -> None:
    path, content = sent
    for at, put in damage:
        content = content[: at % len(content)] + put + content[at % len(content) + len(put) :]
    stands(ask(infilling.url, path, content))


@SOME
@given(st.sampled_from([path for path, _ in POSTS]), st.binary(max_size=200))
def test_no_bytes_are_too_much(served: Served, path: str, content: bytes) -> None:
    stands(ask(served.url, path, content))


@SOME
@given(st.binary(min_size=1, max_size=300), st.booleans())
def test_what_is_no_http_is_too_little(served: Served, content: bytes, with_head: bool) -> None:
    host, port = served.netloc.split(":")
    head = f"POST /v1/completions HTTP/1.1\r\nHost: {served.netloc}\r\n".encode() if with_head else b""
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head + content)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(64)
    assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4", b"HTTP/1.1 200"))


@pytest.mark.parametrize("path", GETS)
def test_everything_described_is_there(served: Served, path: str) -> None:
    assert ask(served.url, path.format(name="base")).status == 200


def test_the_front_stands_and_has_not_grown(served: Served) -> None:
    body = {"prompt": "x = 1\n" * 20_000, "suffix": "y = 2\n" * 20_000, "max_tokens": 1}
    for _ in range(10):  # the largest prompts, before the measure is taken
        assert ask(served.url, "/v1/completions", body).status == 200
    before = memory_mib()
    for _ in range(50):
        assert ask(served.url, "/v1/completions", body).status == 200
        ask(served.url, "/v1/completions", b"[" * 1_000_000)
    assert memory_mib() - before < MEMORY_MIB
    assert len([each for each in served.said if each["event"] == "engine runs"]) == 1
    assert ask(served.url, "/health").json == {"status": "ok"}
