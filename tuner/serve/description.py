"""Describe the front for machines: an OpenAPI 3.1 document, made from what the endpoints really check.

In: the endpoints. Out: the document. Bodies are the pydantic models' own schemas; answers are named by status.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from tuner import __version__
from tuner.serve.endpoint import Endpoint

_FAULTS = {
    "400": "the body is not what was wanted; the message says what",
    "401": "the API key is missing or wrong",
    "403": "a foreign Host or Origin",
    "404": "no such model; the message lists those there are",
    "413": "the body is too large",
    "429": "too many requests wait; ask again later",
    "503": "the engine is being started again; ask again",
    "504": "no answer in time",
}
_WHERE = "#/components/schemas/{model}"


def describe(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Write the document."""
    models = sorted({model for each in endpoints for model in _bodies(each)}, key=lambda model: model.__name__)
    names, schemas = models_json_schema([(model, "validation") for model in models], ref_template=_WHERE)
    paths: dict[str, Any] = {}
    for each in endpoints:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, names)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tuner serve",
            "version": __version__,
            "summary": "A tuned code model, as editors ask for it",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"key": []}],
    }


def _operation(endpoint: Endpoint, names: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "tags": [endpoint.protocol],
        "responses": {
            "200": {"description": "the answer"},
            **{s: {"description": text} for s, text in _FAULTS.items()},
        },
    }
    bodies = [names[model, "validation"] for model in _bodies(endpoint)]
    if bodies:
        schema = bodies[0] if len(bodies) == 1 else {"anyOf": bodies}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if "{name}" in endpoint.path:
        operation["parameters"] = [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}]
    return operation


def _bodies(endpoint: Endpoint) -> tuple[type[BaseModel], ...]:
    if endpoint.body is None:
        return ()
    return endpoint.body if isinstance(endpoint.body, tuple) else (endpoint.body,)
