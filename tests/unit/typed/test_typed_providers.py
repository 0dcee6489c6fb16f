"""What an answer of a provider is worth: read, or another provider asked, or neither."""

import json

import pytest

from proxy.answers import Answer, CacheStatus
from proxy.asker import Asker
from proxy.asking import Incoming
from proxy.config.file import ConfigFile
from proxy.config.loading import plans_of
from proxy.errors import NothingCached, UpstreamBusy, UpstreamResting, UpstreamTimeout, UpstreamUnreachable
from proxy.typed.errors import CredentialRefused, ProviderRefused, QuotaUsedUp
from proxy.typed.provenance import kept_at_most, provenance
from proxy.typed.providers import ELSEWHERE, good

DAY = 24 * 3600
STREET, VALIDATE = "GET /us-street/street-address", "POST /v1:validateAddress"
STREETS = "POST /us-street/street-address"
KEPT_TWO_DAYS = f"upstreams: {{smartystreets: {{endpoints: {{'{STREET}': {{cache: {{ttl: 1d, keep_at_most: 2d}}}}}}}}}}"


def ask(route=STREET, config="", name="smartystreets"):
    text = config or "upstreams: {google: {terms_accepted: [google-maps-platform 2026-06-10]}, smartystreets: {}}"
    upstream = plans_of(ConfigFile("config.yaml", text, {})).upstreams[name]
    method, path = route.split(" ")
    plan, params = upstream.match(method, path)
    return Asker(b"secret").ask(upstream, plan, params, Incoming(method, path, "", {}, b"", "local"))


def answer(status, body, **headers):
    fields = (("Content-Type", "application/json"), *headers.items())
    return Answer(
        status, fields, body if isinstance(body, bytes) else json.dumps(body).encode(), CacheStatus(fwd="miss")
    )


ROW = {"input_index": 0, "candidate_index": 0}
GOOGLE_DENIED = {"error": {"code": 403, "details": [{"reason": "BILLING_DISABLED"}]}}


@pytest.mark.parametrize("body", [[], [ROW]])
async def test_a_good_answer_is_read_also_where_nothing_was_found(body):
    assert (await good(ask(), answer(200, body), 0.0)).json == body


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (answer(503, b""), UpstreamUnreachable),
        (answer(408, b""), UpstreamUnreachable),
        (answer(200, b"<html>"), UpstreamUnreachable),
        (answer(200, {"errors": []}), UpstreamUnreachable),
        (answer(200, [{"input_index": "no number"}]), UpstreamUnreachable),
        (answer(204, b""), UpstreamUnreachable),
        (answer(429, {"errors": []}, **{"Retry-After": "7"}), UpstreamBusy),
        (answer(402, b""), QuotaUsedUp),
        (answer(401, b""), CredentialRefused),
        (UpstreamResting("smartystreets", 3), UpstreamResting),
        (UpstreamTimeout("smartystreets"), UpstreamTimeout),
    ],
)
async def test_where_no_answer_came_another_provider_is_asked(outcome, error):
    with pytest.raises(error) as raised:
        await good(ask(), outcome, 0.0)

    assert isinstance(raised.value, ELSEWHERE)
    assert error is not UpstreamBusy or raised.value.problem.retry_after == 7


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (answer(400, {"errors": []}), ProviderRefused),
        (answer(413, b""), ProviderRefused),
        (answer(404, b""), ProviderRefused),
        (NothingCached(), NothingCached),
    ],
)
async def test_what_is_refused_for_what_it_is_is_not_asked_of_another(outcome, error):
    with pytest.raises(error) as raised:
        await good(ask(), outcome, 0.0)

    assert not isinstance(raised.value, ELSEWHERE)


async def test_google_says_so_in_its_own_way():
    with pytest.raises(CredentialRefused):
        await good(ask(VALIDATE, name="google"), answer(403, GOOGLE_DENIED), 0.0)


@pytest.mark.parametrize(
    ("route", "upstream", "config", "days"),
    [
        (STREET, "smartystreets", "", None),
        ("GET /us-autocomplete-pro/lookup", "smartystreets", "", None),
        (STREET, "smartystreets", "upstreams: {smartystreets: {keep_at_most: 7d}}", 7),
        ("GET /api/v1/courses", "courseworks", "upstreams: {courseworks: {}}", None),
        ("GET /api/v1/courses", "courseworks", "upstreams: {courseworks: {keep_at_most: 7d}}", 7),  # as by itself
        ("GET /api/v1/courses", "courseworks", "upstreams: {courseworks: {keep_at_most: 10d}}", 10),
        (
            "GET /api/v1/courses",
            "courseworks",
            "upstreams: {courseworks: {endpoints: {'GET /api/v1/courses': {cache: {keep_at_most: 2d}}}}}",
            2,
        ),
        *((route, "smartystreets", KEPT_TWO_DAYS, 2) for route in (STREET, STREETS)),
        (VALIDATE, "google", "", 30),
        (VALIDATE, "google", "upstreams: {google: {}}", 30),
        (
            VALIDATE,
            "google",
            "upstreams: {google: {keep_at_most: 5d, terms_accepted: [google-maps-platform 2026-06-10]}}",
            5,
        ),
    ],
)
def test_an_answer_may_be_kept_as_long_as_terms_and_operator_let_it(route, upstream, config, days):
    most = kept_at_most(ask(route, config, upstream).plan)

    assert most == (None if days is None else days * DAY)


def test_an_answer_says_when_it_was_given_and_how_old_it_is():
    kept = answer(200, [])
    kept.made_at, kept.cache = 1_000.0, CacheStatus(hit=True, ttl=-5)
    told = provenance(ask(), kept, 1_060.9)

    assert (told.status, told.age, told.fetched_at.timestamp(), told.hard_expires_at) == ("stale", 60, 1_000.0, None)


async def test_a_body_too_large_to_be_read_is_no_answer_and_is_let_go():
    class Endless:
        closed = False

        async def close(self):
            self.closed = True

    huge = answer(200, b"")
    huge.stream = stream = Endless()
    with pytest.raises(UpstreamUnreachable):
        await good(ask(), huge, 0.0)

    assert stream.closed
