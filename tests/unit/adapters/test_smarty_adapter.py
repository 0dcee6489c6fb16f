"""SmartyStreets: hosts, keys, lifetimes and refusals (UPSTREAMS.md §4)."""

import json
from typing import Any

import pytest

from adapters import NOT_JSON, Effect, Endpoint, Exchange, Kind, Problem, Received, Sent, Verdict
from adapters.smartystreets import adapter
from policies import DAY, Partition

ENDPOINTS = {endpoint.route: endpoint for endpoint in adapter.endpoints}
STREET = ENDPOINTS["GET /us-street/street-address"]
BATCH = ENDPOINTS["POST /us-street/street-address"]
ZIP = ENDPOINTS["GET /us-zipcode/lookup"]
ZIPS = ENDPOINTS["POST /us-zipcode/lookup"]
ABROAD = ENDPOINTS["GET /international-street/verify"]


def candidate(index: int = 0, code: str | None = "Y", **more: Any) -> dict[str, Any]:
    analysis = {} if code is None else {"dpv_match_code": code}
    return {"input_index": index, "candidate_index": 0, "components": {}, "analysis": analysis} | more


def lifetime(endpoint: Endpoint, answer: Any, inputs: Any = None) -> tuple[float, float, float]:
    """Days fresh, days stale while revalidating, days to fall back on, of a body that its model accepts."""
    assert endpoint.model is not None
    assert endpoint.outcome is not None
    assert endpoint.cache is not None
    endpoint.model.validate_python(answer)
    body = b"" if inputs is None else json.dumps(inputs).encode()
    sent = Sent(endpoint.route.partition(" ")[0], "/", body=body)
    outcome = endpoint.outcome(Exchange(sent, 200, answer))
    policy = endpoint.cache if outcome is None else endpoint.outcomes[outcome]
    return policy.ttl / DAY, policy.stale_while_revalidate / DAY, policy.stale_if_error / DAY


VERIFIED = (30, 1, 90)
UNMATCHED = (1, 0, 7)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([candidate(code="Y")], VERIFIED),
        ([candidate(code="S")], VERIFIED),
        ([candidate(code="D")], VERIFIED),
        ([candidate(), candidate(candidate_index=1)], VERIFIED),
        ([], UNMATCHED),
        ([candidate(code="N")], UNMATCHED),
        ([candidate(code="")], UNMATCHED),
        ([candidate(code=None)], UNMATCHED),
        ([candidate(), candidate(code="N")], UNMATCHED),
        ([candidate(code=None, analysis={"enhanced_match": "non-postal-match"})], UNMATCHED),
        ([candidate(analysis={"dpv_match_code": ["Y"]})], UNMATCHED),
    ],
)
def test_what_is_verified_lives_for_a_month_and_what_is_not_for_a_day(answer: Any, expected: Any) -> None:
    assert lifetime(STREET, answer) == expected


@pytest.mark.parametrize(
    ("answer", "inputs", "expected"),
    [
        ([candidate(0), candidate(1)], [{}, {}], VERIFIED),
        ([candidate(0)], [{}, {}], UNMATCHED),
        ([candidate(1)], [{}, {}], UNMATCHED),
        ([candidate(0), candidate(1, "N")], [{}, {}], UNMATCHED),
        ([candidate(0), candidate(5)], [{}, {}], UNMATCHED),
        ([], [{}, {}], UNMATCHED),
        ([candidate(0)], {"street": "x"}, UNMATCHED),
        ([], [], UNMATCHED),
    ],
)
def test_a_batch_lives_as_long_as_its_shortest_lived_element(answer: Any, inputs: Any, expected: Any) -> None:
    assert lifetime(BATCH, answer, inputs) == expected


def test_a_zip_that_is_none_lives_for_a_day() -> None:
    good = {"input_index": 0, "city_states": [], "zipcodes": [{"zipcode": "10099"}]}
    bad = {"input_index": 1, "status": "invalid_zipcode", "reason": "Invalid ZIP Code."}

    assert lifetime(ZIP, [good]) == VERIFIED
    assert lifetime(ZIP, [bad | {"input_index": 0}]) == UNMATCHED
    assert lifetime(ZIPS, [good, bad], [{}, {}]) == UNMATCHED
    assert lifetime(ZIPS, [good, good | {"input_index": 1}], [{}, {}]) == VERIFIED


def test_abroad_only_what_is_wholly_verified_lives_for_a_month() -> None:
    assert lifetime(ABROAD, [{"analysis": {"verification_status": "Verified"}}]) == VERIFIED
    assert lifetime(ABROAD, [{"analysis": {"verification_status": "Partial"}}]) == UNMATCHED
    assert lifetime(ABROAD, []) == UNMATCHED


def test_thirty_days_and_ninety_more_fit_under_the_hard_end() -> None:
    assert STREET.cache is not None
    life = STREET.cache.shelf_life(0)

    assert (life.fresh_until, life.stale_until, life.fallback_until) == (30 * DAY, 31 * DAY, 120 * DAY)
    assert adapter.keep_at_most == 180 * DAY


def test_suggestions_live_for_minutes_and_are_never_stale() -> None:
    for route in ("GET /us-autocomplete-pro/lookup", "GET /us-autocomplete/v2/lookup"):
        policy = ENDPOINTS[route].cache
        assert policy is not None
        assert (policy.ttl, policy.stale_while_revalidate, policy.stale_if_error) == (300, 0, 0)
        model = ENDPOINTS[route].model
        assert model is not None
        assert model.validate_python({"suggestions": None}).suggestions is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Kind.CALLER_ERROR),
        (401, Kind.CREDENTIAL_REFUSED),
        (402, Kind.CREDENTIAL_REFUSED),
        (403, Kind.FORBIDDEN),
        (404, Kind.MISSING),
        (405, Kind.CALLER_ERROR),
        (408, Kind.FAILED),
        (413, Kind.CALLER_ERROR),
        (422, Kind.CALLER_ERROR),
        (429, Kind.THROTTLED),
        (500, Kind.FAILED),
        (504, Kind.FAILED),
    ],
)
def test_each_row_of_the_table_of_errors(status: int, kind: Kind) -> None:
    body = {"errors": [{"id": 1, "message": "x"}]}

    assert adapter.verdict(Received(status, {}, b"", NOT_JSON)).kind is kind
    assert adapter.verdict(Received(status, {}, json.dumps(body).encode(), body)).kind is kind


def test_no_lookups_left_says_so() -> None:
    assert adapter.verdict(Received(402, {}, b"", NOT_JSON)).detail == "quota-used-up"


def test_a_success_must_be_what_it_says() -> None:
    assert adapter.verdict(Received(200, {}, b"[]", [])) == Verdict(Kind.ANSWER)
    assert adapter.verdict(Received(200, {}, b"{}", {"errors": [{"message": "x"}]})).kind is Kind.UNUSABLE
    assert adapter.verdict(Received(200, {}, b"<html>", NOT_JSON)).kind is Kind.UNUSABLE


@pytest.mark.parametrize("bad", [[{"candidate_index": 0}], [{"input_index": -1}], [{"input_index": "0"}], {}, None])
def test_candidates_that_the_sdk_could_not_place_are_refused(bad: Any) -> None:
    assert STREET.model is not None

    with pytest.raises(ValueError, match="validation error"):
        STREET.model.validate_python(bad)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/us-street/street-address", ("us-street", "/street-address")),
        ("/us-autocomplete/v2/lookup", ("us-autocomplete", "/v2/lookup")),
        ("/us-enrichment/lookup/12/property%2Fx", ("us-enrichment", "/lookup/12/property%2Fx")),
        ("/us-extract/", ("us-extract", "/")),
        ("/us-extract", ("us-extract", "/")),
        ("/", None),
        ("//us-street/x", None),
        ("/evil.example/x", None),
        ("/evil@host/x", None),
        ("/evil%2Ecom/x", None),
        ("/us-street#/x", None),
        ("/us-street:99/x", None),
        ("/-us/x", None),
        ("/us\n/x", None),
    ],
)
def test_the_first_segment_is_the_api_and_only_ever_one_label_of_a_host(path: str, expected: Any) -> None:
    assert adapter.api_of is not None
    assert adapter.api_of(path) == expected


def test_credentials_and_order_are_no_part_of_the_query() -> None:
    assert adapter.canonical_query is not None
    basic = (("street", "12 Example Place"), ("candidates", "5"))
    static = (("candidates", "5"), ("street", "12 Example Place"), ("auth-id", "a"), ("auth-token", "b"))

    assert adapter.canonical_query(basic) == adapter.canonical_query(static)
    assert adapter.canonical_query((("a", "1"), ("a", "2"))) != adapter.canonical_query((("a", "2"), ("a", "1")))
    assert adapter.canonical_query((("license", "x"),)) != adapter.canonical_query(())
    assert adapter.canonical_query((("street", "A"),)) != adapter.canonical_query((("street", "a"),))


def test_a_batch_is_the_same_however_it_is_spelled() -> None:
    assert adapter.canonical_body is not None
    one = b'[{"candidates": 5, "street": "12 Example Place", "city": "Sampleton"}]'
    other = b'[{"city":"Sampleton","street":"12 Example Place","candidates":5}]'

    assert adapter.canonical_body(one) == adapter.canonical_body(other)
    assert adapter.canonical_body(one) != adapter.canonical_body(one.replace(b"12", b"13"))


def test_enrichments_own_revalidation_bypasses_and_its_header_still_travels() -> None:
    assert adapter.bypass is not None
    assert adapter.bypass(Sent("GET", "/us-enrichment/lookup/1/property", headers={"etag": "x"}))
    assert not adapter.bypass(Sent("GET", "/us-enrichment/lookup/1/property", headers={"if-none-match": "x"}))
    assert "etag" in adapter.keyed_headers


def test_a_media_type_is_the_same_with_and_without_its_charset() -> None:
    assert adapter.canonical_header is not None
    assert adapter.canonical_header("content-type", "Application/JSON; charset=UTF-8") == "application/json"
    assert adapter.canonical_header("content-type", "text/plain") != "application/json"
    assert adapter.canonical_header("x-standardize-only", "True") == "True"


def test_a_held_key_pair_is_sent_as_basic_and_its_answers_are_shared() -> None:
    assert adapter.sign is not None
    signature = adapter.sign({"auth_id": "id", "auth_token": "token"})

    assert signature.headers == {"authorization": "Basic aWQ6dG9rZW4="}
    assert adapter.held_partition is Partition.SHARED


def test_errors_of_larders_own_are_such_as_the_sdk_reads() -> None:
    assert adapter.shape_error is not None
    shaped = json.loads(adapter.shape_error(Problem(429, "Too many", "slow down", retry_after=2), "/x") or b"")

    assert shaped == {"errors": [{"id": 429, "message": "slow down"}]}


def test_no_call_changes_anything() -> None:
    assert adapter.write_effect is not None
    assert adapter.write_effect(Sent("POST", "/us-extract/"), None) == Effect()


def test_letters_that_smarty_could_read_otherwise_are_kept_apart() -> None:
    lookup = next(one for one in adapter.endpoints if one.route == "GET /us-street/street-address").canonical_query
    assert lookup is not None

    assert lookup((("city", "GIESSEN"),)) == lookup((("city", " giessen"),))
    assert lookup((("city", "Gießen"),)) != lookup((("city", "Giessen"),))
