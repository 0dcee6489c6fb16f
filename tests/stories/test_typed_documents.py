"""What is told of /v1 is what it does: the OpenAPI document, the page, and requests made up from the schemas."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from proxy.messages import ALL
from proxy.store.fences import Mode
from proxy.typed.openapi import openapi
from proxy.typed.page import page_of
from proxy.typed.problems import ProblemDocument
from proxy.typed.routes import Route, problems_of
from proxy.typed.table import NO_JOB, ROUTES
from tests.house import ADA, bearer

DOCUMENT = openapi(ROUTES)
SCHEMAS = DOCUMENT["components"]["schemas"]
HEADERS = DOCUMENT["components"]["headers"]
each_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def fitting(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema of ours describes."""
    if "$ref" in schema:
        return st.deferred(lambda: fitting(SCHEMAS[schema["$ref"].rpartition("/")[2]]))
    if "anyOf" in schema:
        return st.one_of(*(fitting(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "object":
            needed = set(schema.get("required", ()))
            fields = {name: fitting(one) for name, one in schema.get("properties", {}).items()}
            return st.fixed_dictionaries(
                {name: one for name, one in fields.items() if name in needed},
                optional={name: one for name, one in fields.items() if name not in needed},
            )
        case "array":
            most = min(schema.get("maxItems", 4), 4)
            return st.lists(fitting(schema["items"]), min_size=schema.get("minItems", 0), max_size=most)
        case "string" if "pattern" in schema:
            return st.sampled_from(
                [one for one in ("US", "pr", "de", "83", "4811") if re.search(schema["pattern"], one)]
            )
        case "string":
            return st.text(min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 30), 30))
        case "integer":
            return st.integers(schema.get("minimum", -5), schema.get("maximum", 5))
        case "null":
            return st.none()
    raise AssertionError(f"no strategy for {schema}")


@st.composite
def spoiled(draw: st.DrawFn, good: st.SearchStrategy[Any]) -> Any:
    """A value as described, but for one member that is something else; or something else altogether."""
    value = draw(good)
    if not isinstance(value, dict) or draw(st.booleans()):
        return draw(JSON)
    return {**value, draw(st.sampled_from(sorted(value)) if value else TEXT): draw(JSON)}


def references(node: Any) -> set[str]:
    """Everything that a document refers to."""
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(references(one) for one in node.values()))
    return set().union(*(references(one) for one in node)) if isinstance(node, list) else set()


def operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][route.path][route.method.lower()]
    return found


def assert_told_of(route: Route, status: int, headers: Mapping[str, str]) -> None:
    """The document tells of this answer: status, media type, header fields; what it promises is there."""
    told = operation(route)["responses"][str(status)]
    fields = {name: HEADERS[one["$ref"].rpartition("/")[2]] for name, one in told.get("headers", {}).items()}
    came = {name.lower() for name in headers} - {"content-type", "content-length", "date", "connection"}

    assert headers.get("Content-Type", "").partition(";")[0] in told.get("content", {"": None})
    assert came <= {name.lower() for name in fields}, (route.name, status)
    assert {name.lower() for name, one in fields.items() if one.get("required")} <= came, (route.name, status)


def asked_as(route: Route) -> dict[str, Any]:
    """The schema of what a route takes: its body, or its query as an object."""
    if route.body is not None:
        found: dict[str, Any] = operation(route)["requestBody"]["content"]["application/json"]["schema"]
        return found
    parameters = [one for one in operation(route)["parameters"] if one["in"] == "query"]
    return {
        "type": "object",
        "properties": {one["name"]: one["schema"] for one in parameters},
        "required": [one["name"] for one in parameters if one["required"]],
    }


def test_the_document_is_openapi_three_one_and_refers_only_to_what_it_has() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    told = {(kind, name) for kind in ("schemas", "headers") for name in DOCUMENT["components"][kind]}
    assert references(DOCUMENT) == {f"#/components/{kind}/{name}" for kind, name in told}
    identifiers = [one["operationId"] for path in DOCUMENT["paths"].values() for one in path.values()]
    assert len(identifiers) == len(set(identifiers)) == len(ROUTES)
    assert {"larderKey", "token"} == DOCUMENT["components"]["securitySchemes"].keys()


@each_route
def test_every_route_is_told_of_with_all_that_it_takes_and_answers(route: Route) -> None:
    told = operation(route)

    good = {*route.statuses, *([304] if route.is_tagged else []), *([202] if route.may_be_deferred else [])}
    assert set(told["responses"]) == {*map(str, good), *map(str, problems_of(route))}
    assert ("requestBody" in told) == (route.body is not None)
    if route.query is not None:
        in_query = [one["name"] for one in told["parameters"] if one["in"] == "query"]
        assert in_query == list(route.query.model_fields)
    assert {one["name"] for one in told["parameters"] if one["in"] == "path"} == route.params.keys()
    assert ({"token": []} in told.get("security", [])) == route.needs_token


def test_no_address_is_described_with_less_than_its_limits() -> None:
    schema = SCHEMAS["Address"]

    assert schema["additionalProperties"] is False
    assert schema["properties"]["street"]["maxLength"] == 100
    assert SCHEMAS["Verify"]["properties"]["addresses"]["anyOf"][0]["maxItems"] == 1000


def test_the_page_tells_of_every_route_and_brings_nothing_from_elsewhere() -> None:
    page = page_of(ROUTES)

    assert all(route.name in page for route in ROUTES)
    assert not re.search(r"<script|<link|<img|@import|url\(|src=", page)
    assert set(re.findall(r'href="([^"#][^"]*)"', page)) == {"/openapi.json"}


async def test_both_are_served_to_whoever_may_ask_here(larder) -> None:
    async with larder() as home:
        document = await home.get("/openapi.json")
        page, same = await home.get("/v1"), await home.get("/v1/docs")

        assert document.json == json.loads(json.dumps(DOCUMENT))
        assert page.body == same.body == page_of(ROUTES).encode()
        assert (await home.ask("HEAD", "/v1")).headers["Content-Length"] == str(len(page.body))
        assert (await home.ask("POST", "/openapi.json")).headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "/v1/adress/verify", 404, "Did you mean"),
        ("POST", "/v1/address/verify", 404, "Did you mean POST /v1/addresses/verify?"),
        ("GET", "/v1/nothing/of/the/kind", 404, "Known: DELETE /v1/jobs/{id}, GET /v1/addresses/autocomplete, "),
        ("GET", "/v1/addresses/verify", 405, "There is POST /v1/addresses/verify."),
        ("DELETE", "/v1/addresses/autocomplete", 405, "There is GET /v1/addresses/autocomplete."),
        ("GET", "/openapi.json/x", 404, "There is no such route."),
        ("GET", "/v1/addresses%2Fverify", 404, "There is no such route."),
    ],
)
async def test_a_path_that_is_none_names_those_there_are(larder, method, path, status, says) -> None:
    async with larder() as home:
        answered = await home.ask(method, path)

        assert (answered.status, answered.headers["Content-Type"]) == (status, "application/problem+json")
        assert says in answered.json["detail"]


async def test_the_examples_of_the_document_work_against_the_sandbox(larder) -> None:
    async with larder() as home:
        for route in [one for one in ROUTES if one.params.get("id") != NO_JOB]:
            given_as = {"json": route.example} if route.body is not None else {"params": route.example}
            url, headers = home.url + route.tried, bearer(ADA) if route.needs_token else {}
            async with home.session.request(route.method, url, headers=headers, **given_as) as answered:
                body = await answered.read()
                assert answered.status == 200, body
                assert route.response.model_validate_json(body)


async def test_what_the_readme_shows_works_against_the_sandbox(larder) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    [body] = re.findall(r"/v1/addresses/verify -H 'Content-Type: application/json' -d '\n(.*?)'", readme, re.DOTALL)
    [query] = re.findall(r"curl 'http://127.0.0.1:8080(/v1/addresses/autocomplete[^']*)'", readme)
    async with larder() as home:
        verified = await home.ask("POST", "/v1/addresses/verify", json=json.loads(body))
        completed = await home.get(query)

        statuses = [item["result"]["verdict"]["status"] for item in verified.json["results"]]
        assert statuses == ["verified", "verified"]
        assert completed.json["suggestions"]


async def asked(home: Any, route: Route, value: Any) -> None:
    """A request with this body or query, whatever it is, is answered as the document says."""
    if route.body is not None:
        answered = await home.ask(
            route.method, route.path, data=json.dumps(value).encode(), headers={"Content-Type": "application/json"}
        )
    else:
        headers = bearer(ADA) if route.needs_token else {}
        pairs = value.items() if isinstance(value, dict) else [("search", value)]
        params = [(name, ",".join(map(str, one)) if isinstance(one, list) else str(one)) for name, one in pairs]
        url = home.url + route.tried
        async with home.session.request(route.method, url, params=params, headers=headers) as response:
            answered = type("Answered", (), {"status": response.status, "headers": response.headers})
            answered.body = await response.read()  # type: ignore[attr-defined]
    assert str(answered.status) in operation(route)["responses"], answered.body
    assert_told_of(route, answered.status, answered.headers)
    if answered.status == 200:
        assert answered.headers["Content-Type"] == "application/json"
        assert route.response.model_validate_json(answered.body)
        return
    assert answered.headers["Content-Type"] == "application/problem+json"
    problem = ProblemDocument.model_validate_json(answered.body)
    assert problem.status == answered.status


@pytest.fixture
async def one_home(larder):
    """A house for all that is made up: whoever asks next finds nothing kept of what was asked before."""
    async with larder(store={"durable": "none"}) as home:
        yield home


@each_route
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_whatever_is_asked_is_answered_as_the_document_says(one_home, route: Route, data: Any) -> None:
    good = fitting(asked_as(route))
    values = [data.draw(good), data.draw(spoiled(good))]
    await one_home.settled()
    await one_home.larder.purger.purge([ALL], Mode.HARD)
    for value in values:
        await asked(one_home, route, value)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.body is not None], ids=lambda route: route.name)
@given(data=st.data())
def test_a_body_with_a_field_that_the_schema_does_not_have_is_none(route: Route, data: Any) -> None:
    assert route.body is not None
    value = data.draw(fitting(asked_as(route)))
    with pytest.raises(ValidationError) as refused:
        route.body.model_validate({**value, "never-a-field": 1})

    assert "never-a-field" in [item["loc"][-1] for item in refused.value.errors()]
