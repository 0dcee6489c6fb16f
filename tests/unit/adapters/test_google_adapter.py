"""Google: errors inside a 200, billing sessions, and terms (UPSTREAMS.md §5, §7)."""

import json
from typing import Any

import pytest

from adapters import NOT_JSON, Effect, Exchange, Kind, Place, Problem, Received, Sent, Verdict
from adapters.google import adapter
from policies import DAY, HOUR

ENDPOINTS = {endpoint.route: endpoint for endpoint in adapter.endpoints}
GEOCODE = ENDPOINTS["GET /maps/api/geocode/json"]
VALIDATE = ENDPOINTS["POST /v1:validateAddress"]


def judged(status: int, body: Any) -> Verdict:
    return adapter.verdict(Received(status, {}, json.dumps(body).encode(), body))


def classic(status: str) -> dict[str, Any]:
    return {"results": [], "status": status}


def failing(code: int, status: str, reason: str | None = None, delay: str | None = None) -> dict[str, Any]:
    details = []
    if reason is not None:
        details.append({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "g"})
    if delay is not None:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
    return {"error": {"code": code, "message": "x", "status": status, "details": details}}


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (200, "OK", Kind.ANSWER),
        (200, "ZERO_RESULTS", Kind.ANSWER),
        (200, "NOT_FOUND", Kind.MISSING),
        (200, "OVER_QUERY_LIMIT", Kind.THROTTLED),
        (200, "OVER_DAILY_LIMIT", Kind.CREDENTIAL_REFUSED),
        (200, "REQUEST_DENIED", Kind.CREDENTIAL_REFUSED),
        (400, "INVALID_REQUEST", Kind.CALLER_ERROR),
        (200, "INVALID_REQUEST", Kind.CALLER_ERROR),
        (200, "UNKNOWN_ERROR", Kind.FAILED),
        (500, "UNKNOWN_ERROR", Kind.FAILED),
        (200, "SOMETHING_NEW", Kind.UNUSABLE),
        (503, "OK", Kind.FAILED),
        (403, "NOT_FOUND", Kind.FORBIDDEN),
    ],
)
def test_each_row_of_the_table_of_classic_statuses(code: int, status: str, kind: Kind) -> None:
    assert judged(code, classic(status)).kind is kind


def test_over_the_query_limit_waits_a_second_at_least() -> None:
    assert judged(200, classic("OVER_QUERY_LIMIT")).retry_after == 1.0


@pytest.mark.parametrize(
    ("code", "status", "reason", "kind"),
    [
        (400, "INVALID_ARGUMENT", None, Kind.CALLER_ERROR),
        (400, "INVALID_ARGUMENT", "API_KEY_INVALID", Kind.CREDENTIAL_REFUSED),
        (400, "INVALID_ARGUMENT", "FIELD_MASK", Kind.CALLER_ERROR),
        (401, "UNAUTHENTICATED", None, Kind.CREDENTIAL_REFUSED),
        (403, "PERMISSION_DENIED", "SERVICE_DISABLED", Kind.CREDENTIAL_REFUSED),
        (403, "PERMISSION_DENIED", "BILLING_DISABLED", Kind.CREDENTIAL_REFUSED),
        (403, "PERMISSION_DENIED", "API_KEY_SERVICE_BLOCKED", Kind.CREDENTIAL_REFUSED),
        (403, "PERMISSION_DENIED", "API_KEY_IP_ADDRESS_BLOCKED", Kind.CREDENTIAL_REFUSED),
        (403, "PERMISSION_DENIED", None, Kind.FORBIDDEN),
        (404, "NOT_FOUND", None, Kind.MISSING),
        (429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED", Kind.THROTTLED),
        (500, "INTERNAL", None, Kind.FAILED),
        (503, "UNAVAILABLE", None, Kind.FAILED),
        (504, "DEADLINE_EXCEEDED", None, Kind.FAILED),
        (200, "INTERNAL", None, Kind.UNUSABLE),
    ],
)
def test_each_row_of_the_table_of_grpc_errors(code: int, status: str, reason: str | None, kind: Kind) -> None:
    assert judged(code, failing(code, status, reason)).kind is kind
    assert judged(code, [failing(code, status, reason)]).kind is kind


@pytest.mark.parametrize(
    ("delay", "wait"), [("2s", 2.0), ("1.500s", 1.5), (None, 1.0), ("0.2s", 1.0), ("soon", 1.0), ("1e9s", 1.0)]
)
def test_the_delay_asked_for_is_read(delay: str | None, wait: float) -> None:
    assert judged(429, failing(429, "RESOURCE_EXHAUSTED", delay=delay)).retry_after == wait


@pytest.mark.parametrize("error", [None, "x", [], {}, {"details": "x"}, {"details": [{"reason": 7}, None]}])
def test_a_malformed_error_is_still_an_error(error: Any) -> None:
    assert judged(200, {"error": error}).kind is Kind.UNUSABLE
    assert judged(400, {"error": error}).kind is Kind.CALLER_ERROR


def test_what_is_no_json_is_not_usable_but_xml_is_left_alone() -> None:
    page = Received(200, {"content-type": "text/html"}, b"<html>", NOT_JSON)
    xml = Received(200, {"content-type": "application/xml; charset=UTF-8"}, b"<GeocodeResponse>", NOT_JSON)

    assert adapter.verdict(page).kind is Kind.UNUSABLE
    assert adapter.verdict(xml).kind is Kind.ANSWER


@pytest.mark.parametrize("code", [401, 403, 404])
def test_a_refusal_that_is_a_page_is_not_googles(code: int) -> None:
    page = Received(code, {"content-type": "text/html; charset=UTF-8"}, b"<html>We're sorry", NOT_JSON)

    assert adapter.verdict(page).kind is Kind.UNUSABLE


@pytest.mark.parametrize(
    ("path", "api"),
    [
        ("/maps/api/geocode/json", "maps"),
        ("/maps/api/place/details/json", "maps"),
        ("/v1:validateAddress", "addressvalidation"),
        ("/v1%3AvalidateAddress", "addressvalidation"),
        ("/v1%3avalidateAddress", "addressvalidation"),
        ("/v1:provideValidationFeedback", "addressvalidation"),
        ("/v1/places/ChIJ", "places"),
        ("/v1/places:searchText", "places"),
        ("/v1/places%3Aautocomplete", "places"),
        ("/v1/placesX", None),
        ("/v2/other", None),
        ("/", None),
    ],
)
def test_the_path_chooses_the_host_and_stays_as_it_is(path: str, api: str | None) -> None:
    assert adapter.api_of is not None
    assert adapter.api_of(path) == (None if api is None else (api, path))


def sent(query: Any = (), body: bytes = b"") -> Sent:
    return Sent("POST" if body else "GET", "/x", query, body=body)


@pytest.mark.parametrize(
    "request_",
    [
        sent((("sessiontoken", "s1"),)),
        sent((("sessionToken", "s1"),)),
        sent((("session_token", "s1"), ("session_token", ""))),
        sent(body=b'{"sessionToken": "s"}'),
        sent(body=b'{"session_token": "s"}'),
        sent(body=b'{"previousResponseId": "4cb4"}'),
        sent(body=b'{"previous_response_id": "4cb4"}'),
        sent(body=b'{"sessionToken": "s", "sessionToken": ""}'),
        sent(body=b"\x0a\x03abc"),
        sent(body=b'{"sessionToken": 0}'),
        sent((("$req", '{"sessionToken": "s"}'), ("$httpMethod", "POST"))),
        sent((("$httpHeaders", "Authorization: Bearer x"),)),
    ],
)
def test_a_session_or_a_chain_of_corrections_bypasses_the_cache(request_: Sent) -> None:
    assert adapter.bypass is not None
    assert adapter.bypass(request_)


@pytest.mark.parametrize(
    "request_",
    [
        sent(),
        sent((("address", "sessionToken"),)),
        sent((("sessiontoken", ""),)),
        sent(body=b'{"address": {"addressLines": ["previousResponseId"]}}'),
        sent(body=b'{"previousResponseId": "", "sessionToken": null}'),
    ],
)
def test_all_else_does_not(request_: Sent) -> None:
    assert adapter.bypass is not None
    assert not adapter.bypass(request_)


def canonical(body: bytes) -> bytes:
    assert adapter.canonical_body is not None
    return adapter.canonical_body(body)


def test_null_means_absent_and_so_does_a_false_cass() -> None:
    plain = canonical(b'{"address": {"regionCode": "US"}}')

    assert canonical(b'{"address": {"regionCode": "US"}, "enableUspsCass": null}') == plain
    assert canonical(b'{"enableUspsCass": false, "address": {"regionCode": "US", "locality": null}}') == plain
    assert canonical(b'{"enable_usps_cass": false, "address": {"regionCode": "US"}}') == plain
    assert canonical(b'{"enableUspsCass": true, "address": {"regionCode": "US"}}') != plain
    assert canonical(b'{"address": {"regionCode": "US", "enableUspsCass": false}}') != plain
    assert canonical(b'{"address": {"regionCode": "US"}, "other": false}') != plain


def test_order_and_case_of_address_lines_matter_and_a_null_in_a_list_stays() -> None:
    assert canonical(b'{"a": ["x", "y"]}') != canonical(b'{"a": ["y", "x"]}')
    assert canonical(b'{"a": ["x"]}') != canonical(b'{"a": ["X"]}')
    assert canonical(b'{"a": ["x", null]}') != canonical(b'{"a": ["x"]}')


@pytest.mark.parametrize("depth", [100, 330, 480, 900, 5000])
def test_a_body_nested_too_deep_is_compared_by_its_bytes(depth: int) -> None:
    body = b'{"a": ' * depth + b"1" + b"}" * depth

    assert canonical(body) == body


def test_a_pretty_printed_body_is_the_same() -> None:
    assert canonical(b'{\n  "address": {\n    "regionCode": "US"\n  }\n}') == canonical(
        b'{"address":{"regionCode":"US"}}'
    )


def test_field_masks_are_sets() -> None:
    assert adapter.canonical_header is not None
    one = adapter.canonical_header("x-goog-fieldmask", "places.id,places.formattedAddress")

    assert one == adapter.canonical_header("x-goog-fieldmask", "places.formattedAddress,places.id")
    assert one != adapter.canonical_header("x-goog-fieldmask", "places.id")


def test_enum_encoding_is_a_part_of_the_query_and_the_key_is_not() -> None:
    assert adapter.canonical_query is not None
    encoding = ("$alt", "json;enum-encoding=int")

    assert adapter.canonical_query((encoding, ("key", "AIza"))) == adapter.canonical_query((encoding,))
    assert adapter.canonical_query((encoding,)) != adapter.canonical_query(())


def test_lifetimes_are_within_the_terms() -> None:
    assert adapter.terms == ("google-maps-platform 2026-06-10",)
    for endpoint in (GEOCODE, VALIDATE):
        assert endpoint.cache is not None
        assert endpoint.cache.ttl == 7 * DAY
        assert endpoint.cache.shelf_life(0).fallback_until == 30 * DAY
    assert {route for route, endpoint in ENDPOINTS.items() if endpoint.cache is None} == {
        "GET /maps/api/place/{service}/json",
        "POST /v1:provideValidationFeedback",
    }


def test_an_address_that_google_does_not_know_lives_for_an_hour() -> None:
    assert GEOCODE.outcome is not None
    assert GEOCODE.outcome(Exchange(sent(), 200, {"status": "OK", "results": [{}]})) is None
    outcome = GEOCODE.outcome(Exchange(sent(), 200, {"status": "ZERO_RESULTS", "results": []}))
    assert GEOCODE.outcome(Exchange(sent(), 200, {"status": "OK", "results": []})) == outcome

    assert outcome is not None
    assert (GEOCODE.outcomes[outcome].ttl, GEOCODE.outcomes[outcome].stale_if_error) == (HOUR, 0)


def test_enums_are_names_or_numbers() -> None:
    assert VALIDATE.model is not None
    for granularity in (1, "SUB_PREMISE"):
        VALIDATE.model.validate_python({"result": {"verdict": {"inputGranularity": granularity}}, "responseId": "4c"})
    with pytest.raises(ValueError, match="validation error"):
        VALIDATE.model.validate_python({})
    with pytest.raises(ValueError, match="at least 1"):
        VALIDATE.model.validate_python({"result": {}, "responseId": "4c"})


@pytest.mark.parametrize(
    ("status", "said"), [(429, "OVER_QUERY_LIMIT"), (503, "UNKNOWN_ERROR"), (401, "REQUEST_DENIED")]
)
def test_classic_errors_of_larders_own_have_a_status_inside(status: int, said: str) -> None:
    assert adapter.shape_error is not None
    shaped = adapter.shape_error(Problem(status, "Resting", "resting"), "/maps/api/geocode/json")

    assert json.loads(shaped or b"") == {"status": said, "error_message": "resting", "results": []}
    assert adapter.shape_error(Problem(status, "Resting", "resting"), "/maps/api/geocode/xml") is None


def test_grpc_errors_of_larders_own_say_when_to_come_back() -> None:
    assert adapter.shape_error is not None
    problem = Problem(503, "Resting", "resting", retry_after=7)
    shaped = json.loads(adapter.shape_error(problem, "/v1:validateAddress") or b"")

    assert (shaped["error"]["code"], shaped["error"]["status"]) == (503, "UNAVAILABLE")
    assert shaped["error"]["details"][0]["retryDelay"] == "7s"


def test_a_held_key_is_sent_where_every_api_reads_it() -> None:
    assert adapter.sign is not None
    assert adapter.sign({"key": "AIza"}).query == (("key", "AIza"),)


def test_feedback_changes_nothing() -> None:
    assert adapter.write_effect is not None
    assert adapter.write_effect(Sent("POST", "/v1:provideValidationFeedback"), None) == Effect()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"address": {"locality": "Gießen"}}, {"address": {"locality": "Giessen"}}),
        ({"address": {"locality": "A", "addressLines": ""}}, {"address": {"locality": "A"}}),
        ({"languageOptions": []}, {}),
        ({"languageOptions": ""}, {}),
    ],
)
def test_what_google_could_read_otherwise_has_another_key(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert VALIDATE.canonical_body is not None
    spelled = [VALIDATE.canonical_body(json.dumps(body).encode()) for body in (one, other)]

    assert spelled[0] != spelled[1]


def test_empty_options_are_none() -> None:
    assert VALIDATE.canonical_body is not None

    assert VALIDATE.canonical_body(b'{"languageOptions": {}}') == VALIDATE.canonical_body(b"{}")


def test_a_body_too_rich_to_be_looked_at_may_belong_to_a_session() -> None:
    assert adapter.bypass is not None
    rich = json.dumps({"address": {"addressLines": ["1"] * 25_000}, "sessionToken": "s"}).encode()

    assert adapter.bypass(Sent("POST", "/v1:validateAddress", (), {}, rich))


@pytest.mark.parametrize("body", [b'{"textQuery":"x","openNow":true}', b'{"textQuery":"x","open_now":true}'])
def test_who_is_open_now_is_not_kept_for_later(body: bytes) -> None:
    search = ENDPOINTS["POST /v1/places:searchText"]
    assert search.outcome is not None
    outcome = search.outcome(Exchange(Sent("POST", "/v1/places:searchText", (), {}, body), 200, {}))

    assert outcome is not None
    assert (search.outcomes[outcome].ttl, search.outcomes[outcome].stale_if_error) == (0, 0)
    always = Sent("POST", "/v1/places:searchText", (), {}, b'{"textQuery":"x","openNow":false}')
    assert search.outcome(Exchange(always, 200, {})) is None


@pytest.mark.parametrize("name", ["oauth_token", "userProject", "$userProject"])
def test_whatever_in_a_query_says_who_asks_is_a_credential_and_no_part_of_a_key(name: str) -> None:
    assert adapter.canonical_query is not None
    assert Place("query", name) in adapter.credential_places
    assert adapter.canonical_query(((name, "x"), ("address", "1"))) == (("address", "1"),)
