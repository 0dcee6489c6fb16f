"""OpenAPI 3.1 of the typed routes, of the same models that requests are read by (https://spec.openapis.org/oas/v3.1)."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from proxy.typed.errands import CALLBACK
from proxy.typed.job_models import Job
from proxy.typed.problems import ProblemDocument
from proxy.typed.response_fields import FIELDS, READ, UNDER_WAY, of_problem, with_fields
from proxy.typed.routes import Route, problems_of

VERSION = "1"

_REFERENCE = "#/components/schemas/{model}"
_INTRODUCTION = (
    "Provider-neutral answers, from the same cache as the transparent paths. `Cache-Status` (RFC 9211) says where an "
    "answer came from; `Cache-Control: no-cache` asks for news, `max-age=N` for what is no older, `only-if-cached` for "
    "what is stored; `X-Request-Timeout: 2.5` says how long you wait."
)
_KEY = {
    "type": "apiKey",
    "in": "header",
    "name": "X-Larder-Key",
    "description": "The caller's Larder key. Callers may also be known by their network, or, without callers "
    "configured, by calling from this machine.",
}
_TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": "The caller's own token at the upstream, where Larder holds none: it is sent there, and nobody else "
    "gets what it gets.",
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag of what you have: if that still holds, 304 says so.",
}

_PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "examples": ["respond-async", "respond-async, wait=5"]},
    "description": "`respond-async` (RFC 7240): 202 and a job instead of the answer; with `wait=5` only where that "
    "takes longer than so many seconds. Where jobs cannot be kept, the answer is given at once.",
}
_CALLBACK = {
    "name": CALLBACK,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "format": "uri"},
    "description": "A URL that is told when the job has ended (Standard Webhooks): one that the config lists for you.",
}
_NO_CONTENT = frozenset({204, 304})

Mode = Literal["validation", "serialization"]


def openapi(routes: Iterable[Route]) -> dict[str, Any]:
    """The document."""
    table = list(routes)
    references, schemas = _schemas(table)
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, references, schemas)
    for route in table:
        if route.query is not None:  # its fields stand as parameters
            schemas.pop(_name(references[route.query, "validation"]), None)
    return {
        "openapi": "3.1.1",
        "info": {"title": "Larder", "version": VERSION, "description": _INTRODUCTION},
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": "/"}],
        "security": [{"larderKey": []}, {}],
        "paths": paths,
        "components": {"schemas": schemas, "headers": FIELDS, "securitySchemes": {"larderKey": _KEY, "token": _TOKEN}},
    }


def openapi_json(routes: Iterable[Route]) -> bytes:
    """The document as it is served."""
    return json.dumps(openapi(routes), ensure_ascii=False, indent=1).encode()


def _schemas(table: list[Route]) -> tuple[Mapping[tuple[type[BaseModel], Mode], dict[str, Any]], dict[str, Any]]:
    """How each model is referred to, and the schemas of all."""
    wanted: dict[tuple[type[BaseModel], Mode], None] = {(ProblemDocument, "serialization"): None}
    for route in table:
        wanted[route.response, "serialization"] = None
        if route.may_be_deferred:
            wanted[Job, "serialization"] = None
        for model in (route.query, route.body):
            if model is not None:
                wanted[model, "validation"] = None
    references, definitions = models_json_schema(list(wanted), ref_template=_REFERENCE)
    return references, definitions["$defs"]  # type: ignore[return-value]


def _operation(route: Route, references: Mapping[Any, dict[str, Any]], schemas: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _identifier(route),
        "summary": route.summary,
        "description": route.description,
        "parameters": _parameters(route, references, schemas),
        "responses": _responses(route, references),
    }
    if route.needs_token:
        operation["security"] = [{"token": []}, {"token": [], "larderKey": []}, {"larderKey": []}, {}]
    if route.body is not None:
        content: dict[str, Any] = {"schema": references[route.body, "validation"]}
        if route.example is not None:
            content["example"] = route.example
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    return operation


def _parameters(
    route: Route, references: Mapping[Any, dict[str, Any]], schemas: dict[str, Any]
) -> list[dict[str, Any]]:
    names = [segment[1:-1] for segment in route.path.split("/") if segment.startswith("{")]
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "example": route.params[name]}
        for name in names
    ]
    if route.is_tagged:
        found.append(_IF_NONE_MATCH)
    if route.may_be_deferred:
        found += [_PREFER, _CALLBACK]
    if route.query is None:
        return found
    schema = schemas[_name(references[route.query, "validation"])]
    for name, field in schema["properties"].items():
        if field.get("default") == []:  # that is, as when it is left out; written, it would be an empty name
            del field["default"]
        parameter = {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": field}
        if field.get("type") == "array":
            parameter |= {"style": "form", "explode": False}
        found.append(parameter)
    return found


def _responses(route: Route, references: Mapping[Any, dict[str, Any]]) -> dict[str, Any]:
    good = {"application/json": {"schema": references[route.response, "serialization"]}}
    problem = {"application/problem+json": {"schema": references[ProblemDocument, "serialization"]}}
    responses: dict[str, Any] = {
        str(status): {
            "description": when,
            "headers": with_fields(route.fields),
            **({} if status in _NO_CONTENT else {"content": good}),
        }
        for status, when in route.statuses.items()
    }
    if route.may_be_deferred:
        job = {"application/json": {"schema": references[Job, "serialization"]}}
        responses["202"] = {
            "description": "It is under way, as a job.",
            "headers": with_fields(UNDER_WAY),
            "content": job,
        }
    if route.is_tagged:
        responses["304"] = {"description": "What you have still holds.", "headers": with_fields(READ)}
    for status, when in sorted(problems_of(route).items()):
        responses[str(status)] = {"description": when, "headers": of_problem(status), "content": problem}
    return responses


def _name(reference: Mapping[str, Any]) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _identifier(route: Route) -> str:
    words = [segment.strip("{}.") for segment in route.path.split("/")[2:]]
    return "_".join([route.method.lower(), *words])
