"""Responding: what Larder adds to an answer on its way out, and what it leaves as it came."""

import json
from datetime import UTC, datetime

import pytest

from adapters import Problem
from proxy.answers import Answer, CacheStatus
from proxy.errors import LarderError, UpstreamResting
from proxy.http.links import Bases
from proxy.http.wire import FlowingResponse
from proxy.responding import appended, headers_of, interim_fields, problem_response, response_of

BASES = Bases("https://there", "http://here/courseworks")
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-00"


def fields_of(*fields, status=200, age=None, cache=None, **more):
    answer = Answer(status, fields, b"", cache or CacheStatus(hit=True, ttl=5), age=age)
    return headers_of(answer, BASES, TRACE, **more)


def every(fields, name):
    return [value for key, value in fields if key.lower() == name.lower()]


def headers(*fields, **more):
    """The fields by name, each of them there once."""
    made = fields_of(*fields, **more)
    assert len({name.lower() for name, _ in made}) == len(made)
    return dict(made)


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (CacheStatus(hit=True, ttl=60), "larder; hit; ttl=60"),
        (CacheStatus(hit=True, ttl=-3), "larder; hit; ttl=-3"),
        (
            CacheStatus(fwd="miss", fwd_status=200, ttl=300, stored=True),
            "larder; fwd=miss; fwd-status=200; ttl=300; stored",
        ),
        (CacheStatus(fwd="stale", fwd_status=200, collapsed=True), "larder; fwd=stale; fwd-status=200; collapsed"),
        (
            CacheStatus(fwd="stale", fwd_status=503, ttl=-9, detail="upstream-failed"),
            "larder; fwd=stale; fwd-status=503; ttl=-9; detail=upstream-failed",
        ),
        (CacheStatus(hit=True, ttl=-9, detail="circuit-open"), "larder; hit; ttl=-9; detail=circuit-open"),
    ],
)
def test_cache_status_says_where_an_answer_came_from(status, line):
    assert headers(cache=status)["Cache-Status"] == line


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (CacheStatus(hit=True, ttl=0), "hit"),
        (CacheStatus(hit=True, ttl=-1), "stale"),
        (CacheStatus(fwd="stale", ttl=-1), "fallback"),
        (CacheStatus(fwd="miss", ttl=10), "miss"),
        (CacheStatus(fwd="method"), "method"),
        (CacheStatus(), "none"),
    ],
)
def test_logs_and_metrics_get_one_word_of_it(status, word):
    assert status.word == word


def test_larder_appends_itself_to_the_cache_status_of_those_before_it():
    assert headers(("cache-status", "cdn; hit"))["Cache-Status"] == "cdn; hit, larder; hit; ttl=5"


def test_no_cache_and_no_proxy_on_the_way_is_forgotten_and_each_list_is_one_line():
    made = fields_of(
        ("Cache-Status", "origin; hit"), ("via", "1.0 fred"), ("Cache-Status", "cdn; fwd=miss"), ("Via", "2 p, 1.1 q")
    )

    assert every(made, "Cache-Status") == ["origin; hit, cdn; fwd=miss, larder; hit; ttl=5"]
    assert every(made, "Via") == ["1.0 fred, 2 p, 1.1 q, 1.1 larder"]


@pytest.mark.parametrize(("came", "said"), [((), "1.1 larder"), ((("VIA", "1.0 fred"),), "1.0 fred, 1.1 larder")])
def test_larder_names_itself_among_the_proxies(came, said):
    assert headers(*came)["Via"] == said


def test_a_member_is_put_behind_those_that_came():
    assert appended((("A", "1"), ("b", "2"), ("a", "3")), "a", "4") == "1, 3, 4"


def test_fields_stay_as_they_came_in_order_and_with_repeats():
    fields = (("X-One", "1"), ("Set-Cookie", "a=b"), ("X-One", ""), ("Set-Cookie", "c=d"), ("ETag", 'W/"x"'))

    assert fields_of(*fields)[: len(fields)] == fields


def test_links_become_the_callers():
    assert headers(("Link", '<https://there/a>; rel="next"'))["Link"] == '<http://here/courseworks/a>; rel="next"'


@pytest.mark.parametrize(("age", "said"), [(None, None), (0, "0"), (17, "17")])
def test_an_age_is_told_where_there_is_one(age, said):
    assert headers(age=age).get("Age") == said


def test_an_age_is_larders_own_not_the_upstreams_of_old():
    assert every(fields_of(("age", "999"), ("Age", "998"), age=3), "Age") == ["3"]


def test_an_age_that_came_stays_where_larder_has_none_of_its_own():
    assert every(fields_of(("age", "999")), "Age") == ["999"]


def test_the_trace_is_told_and_no_other():
    assert every(fields_of(("Traceparent", "theirs")), "traceparent") == [TRACE]


def test_an_interim_answer_has_the_callers_links_and_says_who_passed_it_on():
    came = (("Link", "<https://there/a>; rel=preload"), ("via", "1.0 fred"), ("X-One", "1"))

    assert interim_fields(came, BASES) == (
        ("Link", "<http://here/courseworks/a>; rel=preload"),
        ("X-One", "1"),
        ("Via", "1.0 fred, 1.1 larder"),
    )


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "value", [None, "", "1.5", "soon", "-1", datetime(2094, 11, 6, tzinfo=UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")]
)
def test_retry_after_is_made_whole_for_sdks_that_read_nothing_else(status, value):
    fields = () if value is None else (("retry-after", value),)
    [made] = every(fields_of(*fields, status=status), "Retry-After")

    assert made.isascii()
    assert made.isdigit()
    assert int(made) >= 1


@pytest.mark.parametrize("status", [429, 503])
def test_whole_seconds_stay_what_the_upstream_asked(status):
    assert headers(("Retry-After", "120"), status=status)["Retry-After"] == "120"


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("came", [(), (("Retry-After", "soon"),), (("Retry-After", "1"), ("retry-after", "2"))])
def test_where_nobody_needs_it_whole_retry_after_is_what_came(status, came):
    assert every(fields_of(*came, status=status, whole_retry_after=False), "Retry-After") == [v for _, v in came]


@pytest.mark.parametrize("status", [200, 301, 500, 502])
def test_on_any_other_status_retry_after_is_the_upstreams_business(status):
    assert "Retry-After" not in headers(status=status)
    assert headers(("Retry-After", "soon"), status=status)["Retry-After"] == "soon"


def test_an_answer_whose_body_is_here_leaves_as_it_is():
    answer = Answer(203, (), b"\x00body", CacheStatus(hit=True))
    response = response_of(answer, (("X-One", "1"),))

    assert (response.status, response.fields, response.body) == (203, (("X-One", "1"),), b"\x00body")


def test_an_answer_whose_body_is_under_way_flows():
    answer = Answer(203, (), b"", CacheStatus(fwd="miss"), stream=object(), length=7)

    assert isinstance(response_of(answer, ()), FlowingResponse)


def test_an_error_of_larders_own_is_a_problem_that_nobody_keeps():
    response = problem_response(UpstreamResting("courseworks", 2.1), None, "", TRACE)

    fields = dict(response.fields)
    assert response.status == 503
    assert fields["Content-Type"] == "application/problem+json"
    assert fields["Retry-After"] == "3"
    assert fields["Cache-Control"] == "no-store"
    assert fields["Cache-Status"] == "larder; detail=refused"
    assert fields["traceparent"] == TRACE
    document = json.loads(response.body)
    assert document["type"] == "tag:larder,2026:upstream-resting"
    assert (document["title"], document["status"]) == ("Upstream resting", 503)


def test_a_problem_without_a_type_is_about_blank():
    response = problem_response(LarderError(Problem(418, "Teapot", "short and stout")), None, "", TRACE)

    assert json.loads(response.body)["type"] == "about:blank"
