"""Larder's own errors: status, shape and Retry-After, and nothing of what the caller sent."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import Adapter, Problem
from policies.pacing_account import PACED, PAUSED, QUOTA_LOW
from proxy.errors import (
    BadRequest,
    BodyTooLarge,
    CallerNotAllowed,
    CredentialPaced,
    HeadTooLarge,
    LarderError,
    MisdirectedHost,
    NothingCached,
    UnknownApi,
    UnknownCaller,
    UnknownUpstream,
    UpstreamBusy,
    UpstreamResting,
    UpstreamTimeout,
    UpstreamUnreachable,
    render,
)
from proxy.typed.errors import (
    CredentialRefused,
    FieldError,
    InvalidFields,
    MethodNotAllowed,
    NoProvider,
    NotConfigured,
    ProviderRefused,
    QuotaUsedUp,
    UnknownRoute,
    UnsupportedMediaType,
)

EACH = [
    (BadRequest("all", "string", "true"), 400),
    (UnknownCaller(), 401),
    (CallerNotAllowed("google"), 403),
    (UnknownUpstream("nothing", ["google"]), 404),
    (UnknownApi("smartystreets"), 404),
    (UnknownRoute("GET /v1", ["GET /v1/x"]), 404),
    (MethodNotAllowed(["GET /v1/x"]), 405),
    (BodyTooLarge(10), 413),
    (UnsupportedMediaType("application/json"), 415),
    (InvalidFields([FieldError("street", "is needed")]), 422),
    (NotConfigured("verify addresses"), 501),
    (ProviderRefused("google", 400), 502),
    (CredentialRefused("google"), 502),
    (QuotaUsedUp("google", 300), 503),
    (NoProvider(), 503),
    (MisdirectedHost(), 421),
    (HeadTooLarge(10), 431),
    (UpstreamUnreachable("google"), 502),
    (UpstreamResting("google", 2.1), 503),
    (UpstreamBusy("google"), 503),
    (UpstreamTimeout("google"), 504),
    (NothingCached(), 504),
]


@pytest.mark.parametrize(("error", "status"), EACH, ids=lambda value: type(value).__name__)
def test_every_error_is_written_as_rfc_9457_says(error: LarderError, status: int) -> None:
    sent_status, fields, body = render(error.problem, None, "/")

    assert sent_status == status
    assert dict(fields)["Content-Type"] == "application/problem+json"
    assert dict(fields)["Cache-Control"] == "no-store"
    document = json.loads(body)
    assert document["status"] == status
    assert document["type"].startswith("tag:larder,2026:")
    assert " " not in document["type"]
    assert document["title"]
    assert document["detail"] == str(error)


@pytest.mark.parametrize("word", [PACED, PAUSED, QUOTA_LOW])
def test_a_credential_that_has_to_wait_hears_why(word: str) -> None:
    problem = CredentialPaced("google", 2.1, word).problem

    assert (problem.status, problem.retry_after) == (503, 3)
    assert "google" in problem.detail
    assert "this credential" in problem.detail.lower()


def test_every_error_has_a_type_of_its_own() -> None:
    types = [error.problem.type for error, _ in EACH]

    assert len(set(types)) == len(types)


def test_an_unknown_upstream_names_the_known_ones_and_the_nearest_but_not_what_was_asked() -> None:
    detail = str(UnknownUpstream("cuorseworks", ["google", "courseworks", "smartystreets"]))

    assert detail == ("There is no such upstream. Did you mean courseworks? Known: courseworks, google, smartystreets.")


def test_an_unknown_route_names_the_nearest_but_not_what_was_asked() -> None:
    detail = str(UnknownRoute("GET /v1/thinks/canary", ["GET /v1/things/{thing}", "POST /v1/others"]))

    assert detail.startswith("There is no such route. Did you mean GET /v1/things/{thing}? Known: ")
    assert "canary" not in detail


def test_each_field_that_is_wrong_is_named_and_the_first_also_to_people() -> None:
    error = InvalidFields([FieldError("street", "is needed"), FieldError("a\nb", "is unknown")], results=[1])
    document = json.loads(render(error.problem, None, "/")[2])

    assert document["detail"] == "street: is needed (and 1 more)"
    assert document["errors"] == [
        {"field": "street", "detail": "is needed"},
        {"field": "a?b", "detail": "is unknown"},
    ]
    assert document["results"] == [1]


def test_what_is_far_from_every_upstream_gets_no_suggestion() -> None:
    assert "Did you mean" not in str(UnknownUpstream("zzz", ["google"]))
    assert "Known: none." in str(UnknownUpstream("zzz", []))


@pytest.mark.parametrize(
    ("wait", "written"),
    [(None, "1"), (0.0, "1"), (-5.0, "1"), (0.2, "1"), (2.0, "2"), (2.1, "3"), (float("inf"), "86400")],
)
def test_a_resting_upstream_says_in_whole_seconds_when_to_come_back(wait: float | None, written: str) -> None:
    problem = Problem(503, "", "") if wait is None else UpstreamResting("google", wait).problem

    _, fields, _ = render(problem, None, "/")

    assert dict(fields)["Retry-After"] == written


def test_throttling_without_a_word_on_when_still_says_when() -> None:
    _, fields, _ = render(Problem(429, "Throttled", ""), None, "/")

    assert dict(fields)["Retry-After"] == "1"


def test_other_errors_say_nothing_about_when() -> None:
    _, fields, _ = render(UpstreamTimeout("google").problem, None, "/")

    assert "Retry-After" not in dict(fields)


def test_an_unknown_caller_is_challenged() -> None:
    _, fields, _ = render(UnknownCaller().problem, None, "/")

    assert dict(fields)["WWW-Authenticate"].startswith("X-Larder-Key")


def shaped(problem: Problem, path: str) -> bytes | None:
    return json.dumps({"error": problem.status}).encode() if path.startswith("/shaped") else None


def test_an_adapter_writes_errors_in_the_shape_its_sdk_reads_with_the_same_retry_after() -> None:
    status, fields, body = render(UpstreamResting("google", 7).problem, Adapter(shape_error=shaped), "/shaped/x")

    assert (status, body) == (503, b'{"error": 503}')
    assert dict(fields)["Content-Type"] == "application/json"
    assert dict(fields)["Retry-After"] == "7"


def test_an_adapter_that_has_no_shape_for_a_path_leaves_problem_json() -> None:
    _, fields, _ = render(NothingCached().problem, Adapter(shape_error=shaped), "/other")

    assert dict(fields)["Content-Type"] == "application/problem+json"


@given(st.text())
def test_nothing_that_was_asked_for_is_repeated(asked: str) -> None:
    canary = f"canary-{asked}-token"

    detail = str(UnknownUpstream(canary, ["google"]))

    assert "canary" not in detail


@given(st.text())
def test_a_hostile_field_name_stays_on_one_short_line(name: str) -> None:
    detail = str(BadRequest(name, "number", "a string"))

    assert len(detail) < 140
    assert detail.isprintable()


@given(st.floats())
def test_every_wait_can_be_written(wait: float) -> None:
    _, fields, _ = render(UpstreamResting("google", wait).problem, None, "/")

    assert 1 <= int(dict(fields)["Retry-After"]) <= 86_400
