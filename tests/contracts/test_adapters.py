"""What every adapter keeps to, whatever it is for; a new file in adapters/ is picked up by itself."""

import ast
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from every_adapter import NAMES, each_adapter, each_cached, each_with
from hostile import BODIES, EXCHANGES, HEADERS, JSON, PATHS, QUERIES, RECEIVED, SENT, TEXTS
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import adapters
from adapters import NOT_JSON, Adapter, Effect, Endpoint, Exchange, Kind, Link, Problem, Received, Sent
from policies import Doubt, Partition, PayloadPolicy, RefreshBehind
from policies.payload import doubted
from proxy.routing import Router, decoded_segments, parse_route
from proxy.writes.checking import faults_in
from proxy.writes.errors import UnreadableBody

SAFE = {"GET", "HEAD"}
CANARY = "CanaryJohannaPrivate"
TAKEN = ("enrollment[user_id]", "enrollment[type]", "course[event]", "course_section[start_at]", "task")
PURE = {"base64", "collections", "dataclasses", "enum", "json", "math", "re", "types", "typing", "urllib"}
PURE |= {"adapters", "policies", "msgspec", "pydantic"}


def is_a_tag(tag: object) -> bool:
    """Fixed words and ids, nothing of what an answer says."""
    if not isinstance(tag, str) or not 0 < len(tag) <= 200 or any(character.isspace() for character in tag):
        return False
    return all(part.isascii() and (part.isdigit() or part.isalpha()) for part in tag.split(":"))


@pytest.mark.parametrize("file", sorted(Path(adapters.__path__[0]).glob("*.py")), ids=lambda file: file.name)
def test_an_adapter_is_facts_and_pure_functions_only(file: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])

    assert imported <= PURE
    assert len(file.read_text().splitlines()) <= 300


def test_the_adapters_of_the_house_are_found() -> None:
    assert {"courseworks", "smartystreets", "google", "http"} <= set(NAMES)


@each_adapter
def test_routes_parse_and_no_two_are_the_same(adapter: Adapter) -> None:
    shapes = [
        (route.method, tuple("{}" if segment.startswith("{") else segment for segment in route.segments))
        for route in (parse_route(endpoint.route) for endpoint in adapter.endpoints)
    ]

    assert len(shapes) == len(set(shapes))


@each_adapter
def test_every_endpoint_has_a_host(adapter: Adapter) -> None:
    for endpoint in adapter.endpoints:
        path = re.sub(r"[{}.]", "", endpoint.route.partition(" ")[2])
        assert adapter.api_of is None or adapter.api_of(path) is not None
    assert adapter.api_of is None or "{api}" in (adapter.base_url or "")


@each_adapter
def test_a_held_credential_stands_where_credentials_are_looked_for(adapter: Adapter) -> None:
    assert adapter.sign is not None
    values = {field: f"Authorization-{field}" for field in adapter.credential_fields}
    values["header"] = "Authorization"
    signature = adapter.sign(values)

    places = {(place.where, place.name) for place in adapter.credential_places}
    assert {("header", name) for name in signature.headers} <= places
    assert {("query", name) for name, _ in signature.query} <= places
    assert all(name == name.lower() for name in signature.headers)


@each_adapter
def test_header_names_are_lower_case_and_none_is_both_keyed_and_fixed(adapter: Adapter) -> None:
    names = [*adapter.keyed_headers, *adapter.fixed_headers]
    names += [place.name for place in adapter.credential_places if place.where == "header"]

    assert all(name == name.lower() for name in names)
    assert len(names) == len(set(names))


@each_cached
def test_what_is_cached_is_checked_first(adapter: Adapter, endpoint: Endpoint) -> None:
    assert endpoint.model is not None
    for bad in (NOT_JSON, None, {"error": {"code": 500}}, {"errors": [{"message": "no"}]}, "ok", [1], [None]):
        with pytest.raises(ValidationError):
            endpoint.model.validate_python(bad)


@each_cached
def test_what_is_cached_is_a_read(adapter: Adapter, endpoint: Endpoint) -> None:
    method = endpoint.route.partition(" ")[0]

    assert method in SAFE or (method == "POST" and endpoint.reads and adapter.canonical_body is not None)


@each_cached
def test_partitions_are_never_wider_than_the_credential(adapter: Adapter, endpoint: Endpoint) -> None:
    for policy in (endpoint.cache, *endpoint.outcomes.values()):
        assert policy is not None
        assert policy.partition in (Partition.AUTO, Partition.PRINCIPAL, Partition.CALLER)


@each_cached
def test_lifetimes_fit_under_the_hard_end(adapter: Adapter, endpoint: Endpoint) -> None:
    for policy in (endpoint.cache, *endpoint.outcomes.values()):
        assert policy is not None
        hard = min(policy.keep_at_most, adapter.keep_at_most or policy.keep_at_most)
        assert policy.ttl + max(policy.stale_while_revalidate, policy.stale_if_error) <= hard
        assert policy.refresh_after is None or policy.refresh_after < policy.ttl


@each_cached
def test_an_outcome_never_lives_longer_than_the_usual_answer(adapter: Adapter, endpoint: Endpoint) -> None:
    assert endpoint.cache is not None
    assert bool(endpoint.outcomes) == (endpoint.outcome is not None)
    for policy in endpoint.outcomes.values():
        assert policy.ttl <= endpoint.cache.ttl
        assert policy.stale_if_error <= endpoint.cache.stale_if_error
        assert policy.stale_while_revalidate <= endpoint.cache.stale_while_revalidate


@each_cached
def test_where_terms_must_be_accepted_nothing_is_fetched_without_a_caller(adapter: Adapter, endpoint: Endpoint) -> None:
    if not adapter.terms:
        return
    assert adapter.keep_at_most is not None
    assert adapter.held_partition is Partition.CALLER
    for policy in (endpoint.cache, *endpoint.outcomes.values()):
        assert policy is not None
        assert policy.refresh_behind is RefreshBehind.FORBIDDEN
        assert policy.refresh_after is None
        assert policy.stale_while_revalidate == 0
        assert policy.keep_at_most <= adapter.keep_at_most


@each_adapter
@given(received=RECEIVED)
def test_every_answer_has_a_verdict(adapter: Adapter, received: Received) -> None:
    verdict = adapter.verdict(received)

    assert isinstance(verdict.kind, Kind)
    assert verdict.retry_after is None or 0 <= verdict.retry_after < float("inf")
    assert verdict.detail == "" or verdict.detail.replace("-", "").isalpha()


@each_adapter
def test_every_status_has_a_verdict_and_no_error_counts_as_a_success(adapter: Adapter) -> None:
    for status in range(200, 600):
        kind = adapter.verdict(Received(status, {}, b"", NOT_JSON)).kind
        assert (kind is Kind.ANSWER) == (status < 400)
        assert (kind is Kind.FAILED) == (status == 408 or status >= 500)
        assert (kind is Kind.MISSING) == (status in (404, 410))
        assert (kind is Kind.THROTTLED) == (status == 429)


@each_with("canonical_query")
@given(query=QUERIES)
def test_a_canonical_query_is_its_own_canonical_form_and_only_drops_credentials(adapter: Adapter, query: Any) -> None:
    assert adapter.canonical_query is not None
    canonical = adapter.canonical_query(query)
    credentials = {place.name for place in adapter.credential_places if place.where == "query"}

    assert adapter.canonical_query(canonical) == canonical
    assert sorted(canonical, key=repr) == sorted((pair for pair in query if pair[0] not in credentials), key=repr)


@each_with("canonical_body")
@given(body=BODIES)
def test_a_canonical_body_is_its_own_canonical_form(adapter: Adapter, body: bytes) -> None:
    assert adapter.canonical_body is not None
    canonical = adapter.canonical_body(body)

    assert adapter.canonical_body(canonical) == canonical


@each_with("canonical_header")
@given(value=st.text(max_size=30) | st.lists(TEXTS, max_size=4).map(",".join))
def test_a_canonical_header_is_its_own_canonical_form(adapter: Adapter, value: str) -> None:
    assert adapter.canonical_header is not None
    for name in adapter.keyed_headers:
        canonical = adapter.canonical_header(name, value)
        assert adapter.canonical_header(name, canonical) == canonical


@each_with("endpoints")
@given(sent=SENT)
def test_whatever_a_write_says_it_fits_or_its_faults_are_told_without_a_value(adapter: Adapter, sent: Sent) -> None:
    for endpoint in adapter.endpoints:
        if endpoint.takes is None:
            continue
        marked = replace(sent, query=(*sent.query, *((name, CANARY) for name in TAKEN)))
        try:
            told = repr(faults_in(endpoint.takes, marked))
        except UnreadableBody as error:
            told = error.problem.detail
        assert CANARY not in told


@each_with("endpoints")
def test_only_writes_take_bodies_and_only_reads_have_strong_tags(adapter: Adapter) -> None:
    for endpoint in adapter.endpoints:
        is_get = endpoint.route.startswith("GET ")
        assert endpoint.takes is None or not (is_get or endpoint.reads)
        assert endpoint.volatile is None or (is_get and endpoint.cache is not None)


@each_with("endpoints")
@given(exchange=EXCHANGES)
def test_tags_are_fixed_words_and_ids_whatever_an_answer_says(adapter: Adapter, exchange: Exchange) -> None:
    for endpoint in adapter.endpoints:
        if endpoint.tags is not None:
            assert all(is_a_tag(tag) for tag in endpoint.tags(exchange))
        if endpoint.outcome is not None:
            assert endpoint.outcome(exchange) in {None, *endpoint.outcomes}


@each_with("content")
@given(exchange=EXCHANGES)
def test_every_kind_of_content_has_its_terms_and_what_is_not_kept_is_known_before(
    adapter: Adapter, exchange: Exchange
) -> None:
    assert adapter.content is not None
    kinds = set(adapter.content(exchange))

    assert kinds <= adapter.content_terms.keys()
    assert all("@" not in name for endpoint in adapter.endpoints for name in endpoint.outcomes)
    if adapter.keeps is not None and not adapter.keeps(exchange.sent):
        assert any(adapter.content_terms[kind].keep_at_most == 0 for kind in kinds)


@each_with("content_terms")
def test_terms_of_content_are_terms_and_say_where_they_stand(adapter: Adapter) -> None:
    if adapter.content_terms:
        assert adapter.terms
        assert adapter.content is not None
    for kind, term in adapter.content_terms.items():
        assert kind.replace("_", "").isalpha()
        assert term.clause
        assert term.keep_at_most is None or term.keep_at_most >= 0


@each_with("endpoints")
@given(exchange=EXCHANGES)
def test_what_an_answer_holds_is_told_of_any_and_never_speaks_against_itself(
    adapter: Adapter, exchange: Exchange
) -> None:
    for endpoint in adapter.endpoints:
        if endpoint.holds is not None:
            holding = endpoint.holds(exchange)
            assert holding.rows is None or holding.rows >= len(holding.versions)
            found = doubted(holding, holding, PayloadPolicy())
            assert found is None or found.doubt is Doubt.OTHER_ID  # than the one that was asked for


@each_with("person")
@given(name=TEXTS | st.from_regex(r"user:([0-9]{1,6}~)?[0-9]{1,20}", fullmatch=True))
def test_a_person_is_tags_and_ids_or_nobody(adapter: Adapter, name: str) -> None:
    assert adapter.person is not None
    person = adapter.person(name)
    if person is not None:
        assert person.ids
        assert all(is_a_tag(tag) for tag in person.tags)
        assert any(tag.endswith(tuple(person.ids)) for tag in person.tags)


@each_with("write_effect")
@given(sent=SENT, received=st.none() | RECEIVED)
def test_every_write_has_an_effect_made_of_tags(adapter: Adapter, sent: Sent, received: Received | None) -> None:
    if adapter.write_effect is not None:
        effect = adapter.write_effect(sent, received)
        assert all(is_a_tag(tag) for tag in effect.tags)
        assert not effect.tags or sent.method not in SAFE


@each_with("bypass")
@given(sent=SENT)
def test_every_request_may_be_asked_whether_it_bypasses(adapter: Adapter, sent: Sent) -> None:
    if adapter.bypass is not None:
        assert adapter.bypass(sent) in (True, False)


@each_with("event_effect")
@given(metadata=JSON, body=JSON, name=TEXTS, link=st.none() | st.just(Link("1", "2", "3")))
def test_every_notification_has_an_effect_made_of_tags(
    adapter: Adapter, metadata: Any, body: Any, name: str, link: Link | None
) -> None:
    assert adapter.event_effect is not None
    if isinstance(metadata, dict):
        metadata = {**metadata, "event_name": name}
    for event in ({"metadata": metadata, "body": body}, {"metadata": metadata}, {}):
        effect = adapter.event_effect(event, lambda _: link)
        assert isinstance(effect, Effect)
        assert all(is_a_tag(tag) for tag in effect.tags)
        assert effect.known or not effect.tags


@each_with("links", "whoami")
@given(value=JSON)
def test_links_and_the_user_are_read_from_anything(adapter: Adapter, value: Any) -> None:
    if adapter.links is not None:
        assert all(part.isdigit() for link in adapter.links(value) for part in link)
    if adapter.whoami is not None:
        user = adapter.whoami.user(value)
        assert user is None or user.isdigit()


@each_with("quota_left")
@given(headers=HEADERS)
def test_what_is_left_of_the_quota_is_a_number_or_unknown(adapter: Adapter, headers: Any) -> None:
    if adapter.quota_left is not None:
        left = adapter.quota_left(headers)
        assert left is None or abs(left) < float("inf")


@each_with("api_of")
@given(path=PATHS)
def test_a_host_label_never_holds_anything_but_a_label(adapter: Adapter, path: str) -> None:
    if adapter.api_of is not None and (found := adapter.api_of(path)) is not None:
        api, rest = found
        assert api.replace("-", "").isalnum()
        assert api.isascii()
        assert rest.startswith("/")
        assert path.endswith(rest) or rest == "/"


@each_with("shape_error")
@given(status=st.integers(400, 599), path=PATHS, wait=st.none() | st.integers(0, 999))
def test_errors_of_larders_own_are_json_objects_in_the_providers_shape(
    adapter: Adapter, status: int, path: str, wait: int | None
) -> None:
    assert adapter.shape_error is not None
    shaped = adapter.shape_error(Problem(status, "Resting", "the upstream is resting", retry_after=wait), path)
    if shaped is not None:
        parsed = json.loads(shaped)
        assert isinstance(parsed, dict)
        assert b"the upstream is resting" in shaped
        assert adapter.verdict(Received(status, {}, shaped, parsed)).kind is not Kind.ANSWER


@each_with("endpoints")
@given(value=JSON)
def test_a_model_accepts_or_refuses_anything(adapter: Adapter, value: Any) -> None:
    for endpoint in adapter.endpoints:
        if endpoint.model is None:
            continue
        try:
            endpoint.model.validate_python(value)
        except ValidationError:
            continue
        assert isinstance(value, dict | list)


@each_adapter
def test_every_route_is_the_one_its_paths_lead_to(adapter: Adapter) -> None:
    router = Router([(endpoint.route, endpoint) for endpoint in adapter.endpoints])

    for endpoint in adapter.endpoints:
        method, path = endpoint.route.split(" ")
        path = re.sub(r"\{[a-z]+(\.\.\.)?\}", "17", path).replace(":", "%3A")
        found = router.find(method, decoded_segments(path))
        assert found is not None
        assert found.target is endpoint
