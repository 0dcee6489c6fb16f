"""What each answer of Canvas means (UPSTREAMS.md §2.5, §2.6), and its ids (§3.4)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import NOT_JSON, Kind, Problem, Received, Verdict
from adapters._canvas_ids import id_forms, id_in_answer
from adapters.courseworks import adapter
from policies import PacingPolicy
from policies.pacing import Pacer

TOKEN_PROBLEM = {"www-authenticate": 'Bearer realm="canvas-lms"'}


def judged(status: int, json_body: Any = NOT_JSON, body: bytes = b"", **headers: str) -> Verdict:
    if json_body is not NOT_JSON:
        body = json.dumps(json_body).encode()
    return adapter.verdict(
        Received(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, json_body)
    )


def errors(message: str, **more: Any) -> dict[str, Any]:
    return {**more, "errors": [{"message": message}]}


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind"),
    [
        (400, errors("X is missing"), {}, Kind.CALLER_ERROR),
        (401, errors("user authorization required", status="unauthenticated"), TOKEN_PROBLEM, Kind.CREDENTIAL_REFUSED),
        (401, errors("Invalid access token."), TOKEN_PROBLEM, Kind.CREDENTIAL_REFUSED),
        (401, errors("Insufficient scopes on access token."), {}, Kind.FORBIDDEN),
        (401, errors("user not authorized", status="unauthorized"), {}, Kind.FORBIDDEN),
        (403, errors("user not authorized", status="unauthorized"), {}, Kind.FORBIDDEN),
        (404, errors("The specified resource does not exist."), {}, Kind.MISSING),
        (409, {"errors": [{"field": "name", "message": "x"}]}, {}, Kind.CALLER_ERROR),
        (422, {"errors": {"name": [{"message": "x"}]}}, {}, Kind.CALLER_ERROR),
        (500, errors("An error occurred.", error_report_id=123), {}, Kind.FAILED),
    ],
)
def test_each_row_of_the_table_of_errors(status: int, body: Any, headers: dict[str, str], kind: Kind) -> None:
    assert adapter.verdict(Received(status, headers, json.dumps(body).encode(), body)).kind is kind


@pytest.mark.parametrize("status", [502, 503, 504])
def test_html_of_the_load_balancer_is_a_failure(status: int) -> None:
    assert judged(status, body=b"<html>", content_type="text/html").kind is Kind.FAILED


@pytest.mark.parametrize("status", [401, 403, 404, 410])
@pytest.mark.parametrize("headers", [{}, {"www_authenticate": 'Basic realm="proxy"'}])
def test_only_canvas_itself_refuses_or_says_that_nothing_is_there(status: int, headers: dict[str, str]) -> None:
    assert judged(status, body=b"<html>Blocked", content_type="text/html", **headers).kind is Kind.UNUSABLE
    assert judged(status, content_type="text/html", **headers).kind is Kind.UNUSABLE  # as HEAD sees it
    assert judged(404).kind is Kind.MISSING


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize("reason", ["Forbidden", "Too Many Requests"])
def test_throttling_is_known_in_both_its_forms(status: int, reason: str) -> None:
    body = f"{status} {reason} (Rate Limit Exceeded)\n".encode()
    verdict = judged(status, body=body, x_rate_limit_remaining="0.0")

    assert verdict.kind is Kind.THROTTLED
    assert verdict.retry_after == 5.0


def test_a_forbidden_answer_with_little_quota_left_is_not_throttling() -> None:
    assert judged(403, errors("no"), x_rate_limit_remaining="0.0").kind is Kind.FORBIDDEN


@pytest.mark.parametrize(("remaining", "wait"), [("0.0", 5.0), ("30", 2.0), ("600", 1.0), ("-50", 5.0), ("nan", 5.0)])
def test_the_wait_is_until_the_bucket_has_room(remaining: str, wait: float) -> None:
    assert judged(429, x_rate_limit_remaining=remaining).retry_after == wait


@pytest.mark.parametrize("body", [{"errors": [{"message": "x"}]}, {"error": "x"}, errors("x", status="unauthorized")])
def test_an_error_inside_a_success_is_not_usable(body: Any) -> None:
    assert judged(200, body) == Verdict(Kind.UNUSABLE, detail="error-inside")


@pytest.mark.parametrize("body", [[], [{"id": 1}], {"id": 1, "errors": []}, {"data": {}, "errors": []}, {}])
def test_a_success_is_an_answer(body: Any) -> None:
    assert judged(200, body).kind is Kind.ANSWER


@pytest.mark.parametrize(
    "headers", [{}, {"content_type": "text/html; charset=utf-8"}, {"content_type": "application/json"}]
)
def test_a_page_where_json_is_due_is_not_usable(headers: dict[str, str]) -> None:
    assert judged(200, body=b"<html>maintenance", **headers).kind is Kind.UNUSABLE


def test_files_and_empty_answers_are_left_alone() -> None:
    assert judged(200, body=b"%PDF", content_type="application/pdf").kind is Kind.ANSWER
    assert judged(204).kind is Kind.ANSWER


def test_what_is_left_of_the_quota() -> None:
    assert adapter.quota_left is not None
    assert adapter.quota_left({"x-rate-limit-remaining": "599.97"}) == 599.97
    assert adapter.quota_left({}) is None


def test_what_a_request_cost() -> None:
    assert adapter.quota_cost is not None
    assert adapter.quota_cost({"x-request-cost": "0.0312"}) == 0.0312
    assert adapter.quota_cost({"x-request-cost": "nan"}) is None
    assert adapter.quota_cost({}) is None


def test_a_token_is_paced_by_what_its_bucket_has_left() -> None:
    assert adapter.pacing == PacingPolicy(low=200, reserve=100, refill=10, charge=50)


def test_after_throttling_it_waits_for_room_for_one_call() -> None:
    clock = [0.0]
    assert adapter.pacing is not None
    pacer = Pacer(adapter.pacing, lambda: clock[0])
    said = judged(429, body=b"429 Forbidden (Rate Limit Exceeded)\n", x_rate_limit_remaining="0.0")
    pacer.told("token", 0.0, None)
    pacer.throttled("token", said.retry_after)

    assert pacer.rest("token") == said.retry_after == 5


def test_errors_of_larders_own_are_such_as_canvasapi_reads() -> None:
    assert adapter.shape_error is not None
    resting = adapter.shape_error(Problem(503, "Resting", "CourseWorks is resting"), "/api/v1/courses")
    refused = adapter.shape_error(Problem(401, "Unauthorized", "no such caller"), "/api/v1/courses")

    assert json.loads(resting or b"") == {"errors": [{"message": "CourseWorks is resting"}]}
    assert json.loads(refused or b"") == {"status": "unauthenticated", "errors": [{"message": "no such caller"}]}


def test_a_held_token_is_sent_as_a_bearer() -> None:
    assert adapter.sign is not None
    assert adapter.sign({"token": "t"}).headers == {"authorization": "Bearer t"}


@pytest.mark.parametrize(
    ("value", "home", "forms"),
    [
        (565, None, ("565",)),
        ("565", 2107, ("565",)),
        ("21070000000000565", 2107, ("565",)),
        ("21070000000000565", 2108, ("21070000000000565",)),
        ("21070000000000565", None, ("565", "21070000000000565")),
        ("2107~565", None, ("565", "21070000000000565")),
        ("0~565", None, ("565",)),
        ("self", None, ()),
        ("sis_course_id:565", None, ()),
        ("²", None, ()),
        ("٣", None, ()),
        (0, None, ()),
        (-5, None, ()),
        (True, None, ()),
        (5.0, None, ()),
        (None, None, ()),
        ("9" * 30, None, ()),
    ],
)
def test_ids_in_all_their_forms(value: object, home: int | None, forms: tuple[str, ...]) -> None:
    assert id_forms(value, home) == forms


@given(local=st.integers(1, 10**13 - 1), shard=st.integers(1, 900_000))
def test_global_and_local_names_of_one_object_always_meet(local: int, shard: int) -> None:
    in_event = id_forms(str(shard * 10**13 + local), shard)

    assert in_event == (id_in_answer(local),)
    assert set(in_event) <= set(id_forms(f"{shard}~{local}"))
