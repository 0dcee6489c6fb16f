"""Canvas answers, requests and events as UPSTREAMS.md §2.3 and §3.2 show them, all invented."""

from typing import Any
from urllib.parse import unquote

from adapters import Effect, Endpoint, Exchange, Link, Query, Sent
from adapters.courseworks import adapter
from proxy.keys import split_query
from proxy.routing import Router, decoded_segments

SHARD = 2107
HOME = SHARD * 10**13
FOREIGN = 2108 * 10**13

ROUTER: Router[Endpoint] = Router([(endpoint.route, endpoint) for endpoint in adapter.endpoints])


def glob(local: int) -> str:
    """An id as Live Events write it."""
    return str(HOME + local)


def course(one: int = 565, **more: Any) -> dict[str, Any]:
    return {"id": one, "name": "Made-up Methods", "account_id": 79, "workflow_state": "available"} | more


def enrollment(one: int = 46825, user: int = 20064, course_id: int = 565, **more: Any) -> dict[str, Any]:
    return {
        "id": one,
        "course_id": course_id,
        "course_section_id": 4811,
        "user_id": user,
        "type": "StudentEnrollment",
        "enrollment_state": "active",
        "user": {"id": user, "name": "Ada Sample"},
    } | more


def user(one: int | str = 20064, **more: Any) -> dict[str, Any]:
    return {"id": one, "name": "Ada Sample", "sortable_name": "Sample, Ada"} | more


def section(one: int = 4811, course_id: int = 565, **more: Any) -> dict[str, Any]:
    return {"id": one, "course_id": course_id, "name": "Section 001", "nonxlist_course_id": None} | more


def request(target: str, method: str = "GET", body: bytes = b"", **headers: str) -> Sent:
    path, _, raw = target.partition("?")
    query: Query = split_query(raw)
    found = ROUTER.find(method, decoded_segments("/api/v1/" + path))
    params = {} if found is None else found.params
    sent_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return Sent(method, "/api/v1/" + path, query, sent_headers, body, params)


def endpoint_of(target: str) -> Endpoint:
    found = ROUTER.find("GET", decoded_segments("/api/v1/" + target.partition("?")[0]))
    assert found is not None, unquote(target)
    return found.target


def exchange(target: str, json: Any, me: str | None = None) -> Exchange:
    return Exchange(request(target), 200, json, me)


def tags_of(target: str, json: Any, me: str | None = None) -> set[str]:
    """The tags under which an answer is kept; the answer is one that its endpoint would keep."""
    endpoint = endpoint_of(target)
    assert endpoint.model is not None
    assert endpoint.tags is not None
    endpoint.model.validate_python(json)
    return set(endpoint.tags(exchange(target, json, me)))


def event(name: str, body: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """An event of this Canvas; a metadata member of None is left out, as in events of jobs."""
    told = {
        "event_name": name,
        "event_time": "2026-11-02T21:07:33.512Z",
        "root_account_id": glob(1),
        "context_type": "Course",
        "context_id": glob(565),
        "context_account_id": glob(79),
        "user_id": glob(123),
    } | metadata
    return {"metadata": {key: value for key, value in told.items() if value is not None}, "body": body}


def effect_of(told: dict[str, Any], known: dict[str, Link] | None = None) -> Effect:
    assert adapter.event_effect is not None
    return adapter.event_effect(told, (known or {}).get)
