"""Responding: an answer as it leaves, with what Larder adds to it."""

from collections.abc import Set as AbstractSet

from adapters import Adapter
from policies.http.fields import Fields, without
from proxy.answers import Answer
from proxy.errors import LarderError, render, whole_seconds
from proxy.http.headers import VIA
from proxy.http.links import REWRITTEN, Bases, rewritten
from proxy.http.wire import FlowingResponse, WholeResponse


def headers_of(answer: Answer, bases: Bases, traceparent: str, *, whole_retry_after: bool = True) -> Fields:
    """The header fields of an answer to this caller: as they came, less what Larder says anew, and that at the end.

    `whole_retry_after`: a 429 or 503 says in whole seconds how long to wait, whatever the upstream said.
    """
    came = answer.fields
    added = [
        ("Via", appended(came, "via", VIA)),
        ("Cache-Status", appended(came, "cache-status", str(answer.cache))),
        ("traceparent", traceparent),
    ]
    if answer.age is not None:
        added.append(("Age", str(answer.age)))
    if whole_retry_after and answer.status in (429, 503):
        added.append(("Retry-After", _whole(came, answer.retry_after)))
    return (*carried(came, bases, {name.lower() for name, _ in added}), *added)


def own_headers_of(answer: Answer, traceparent: str) -> Fields:
    """The header fields of an answer that Larder made itself, of what was answered to it."""
    age = () if answer.age is None else (("Age", str(answer.age)),)
    return (*answer.fields, ("Cache-Status", str(answer.cache)), *age, ("traceparent", traceparent))


def interim_fields(fields: Fields, bases: Bases) -> Fields:
    """The header fields of a 1xx answer to this caller: RFC 8297 has links in it."""
    return (*carried(fields, bases, {"via"}), ("Via", appended(fields, "via", VIA)))


def carried(fields: Fields, bases: Bases, less: AbstractSet[str]) -> Fields:
    """The fields as they came, in order and with repeats, links as the caller's; less those of some names."""
    names = {name.lower() for name, _ in fields}
    kept = fields if names.isdisjoint(less) else without(fields, less)
    return kept if names.isdisjoint(REWRITTEN) else rewritten(kept, bases)


def appended(fields: Fields, lower: str, ours: str) -> str:
    """A list field with a member of Larder's behind those that came (RFC 9211 §2, RFC 9110 §7.6.3), on one line."""
    return ", ".join([*[value for name, value in fields if name.lower() == lower], ours])


def _whole(came: Fields, wait: float | None) -> str:
    """The Smarty SDK dies on a 429 whose Retry-After is missing, a date or a fraction (UPSTREAMS.md §1.7)."""
    told = next((value for name, value in came if name.lower() == "retry-after"), "")
    return told if told.isascii() and told.isdigit() else str(whole_seconds(wait or 1.0))


def response_of(answer: Answer, fields: Fields) -> WholeResponse | FlowingResponse:
    """The response to an answer, with these header fields."""
    if answer.stream is not None:
        return FlowingResponse(answer.status, fields, answer.stream, answer.length)
    return WholeResponse(answer.status, fields, answer.body)


def problem_response(error: LarderError, adapter: Adapter | None, path: str, traceparent: str) -> WholeResponse:
    """The response to an error of Larder's own."""
    status, fields, body = render(error.problem, adapter, path)
    own = {name.lower() for name, _ in error.extra_fields}
    fields = [field for field in fields if field[0].lower() not in own]
    added = (*error.extra_fields, ("Cache-Status", f"larder; detail={error.word}"), ("traceparent", traceparent))
    return WholeResponse(status, (*fields, *added), body)
