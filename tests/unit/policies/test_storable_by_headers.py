"""What an upstream's headers allow: RFC 9111 §3 and §4.2, row by row."""

import pytest

from policies import DAY
from policies.storable import (
    bar_to_storing,
    delta_seconds,
    http_date,
    initial_age,
    is_private,
    may_share_authorized,
    parse_cache_control,
    policy_of_headers,
    vary_names,
)

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
LATER = "Sun, 06 Nov 1994 09:49:37 GMT"
EARLIER = "Sun, 06 Nov 1994 07:49:37 GMT"


@pytest.mark.parametrize(
    ("value", "directives"),
    [
        ("", {}),
        (" , ,\t,", {}),
        ("no-store", {"no-store": None}),
        ("Max-Age=60, PUBLIC", {"max-age": "60", "public": None}),
        ("max-age = 60 ,public", {"max-age": "60", "public": None}),
        ('no-cache="set-cookie, x", max-age=1', {"no-cache": "set-cookie, x", "max-age": "1"}),
        (r'ext="a\"b", private', {"ext": 'a"b', "private": None}),
        ("max-age=60, max-age=10", {"max-age": "10"}),
        ("max-age=10, max-age=60", {"max-age": "10"}),
        ("max-age=60, max-age", {"max-age": None}),
        ("max-age=", {"max-age": ""}),
        ('max-age=60, "', {"max-age": "60", "no-store": None}),
        ("max-age=60; public", {"no-store": None}),
        ("max age=60", {"no-store": None}),
    ],
)
def test_cache_control_is_read_and_what_cannot_be_read_forbids_storing(value, directives):
    assert parse_cache_control(value) == directives


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("60", 60),
        ("99999999999999999999", 2**31),
        (None, None),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("1e3", None),
        ("٣", None),
    ],
)
def test_delta_seconds_are_whole_and_clamped(text, seconds):
    assert delta_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        (DATE, NOW),
        ("Sunday, 06-Nov-94 08:49:37 GMT", NOW),
        (None, None),
        ("", None),
        ("0", None),
        ("-1", None),
        ("GMT", None),
        (" GMT", None),
        ("Sun, 32 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 99999 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37 PST", None),
    ],
)
def test_an_http_date_is_read_or_nothing_is(text, instant):
    assert http_date(text) == instant


@pytest.mark.parametrize(
    ("status", "headers", "why"),
    [
        (200, {}, None),
        (206, {}, "partial"),
        (200, {"cache-control": "no-store"}, "no-store"),
        (200, {"cache-control": "max-age=60;"}, "no-store"),
        (200, {"vary": "*"}, "vary"),
        (200, {"vary": "accept, *"}, "vary"),
        (200, {"set-cookie": "a=b"}, "set-cookie"),
        (200, {"cache-control": "private, no-cache, must-revalidate, max-age=0", "vary": "accept"}, None),
    ],
)
def test_what_binds_even_a_declared_cache(status, headers, why):
    assert bar_to_storing(status, headers) == why


@pytest.mark.parametrize(
    ("cache_control", "private", "shareable"),
    [
        ("", False, False),
        ("max-age=60", False, False),
        ("public", False, True),
        ("s-maxage=5", False, True),
        ("must-revalidate", False, True),
        ("private", True, False),
        ('private="x-name"', True, False),
        ("public, private", True, False),
        ("public, no-store", False, False),
    ],
)
def test_who_may_have_an_answer_to_a_request_with_credentials(cache_control, private, shareable):
    headers = {"cache-control": cache_control}

    assert is_private(headers) is private
    assert may_share_authorized(headers) is shareable


@pytest.mark.parametrize(
    ("vary", "names"),
    [("", ()), ("Accept", ("accept",)), ("B , a,,A", ("a", "b")), ("*", ("*",))],
)
def test_vary_is_a_set_of_names(vary, names):
    assert vary_names({"vary": vary}) == names


@pytest.mark.parametrize(
    ("headers", "age"),
    [
        ({}, 0),
        ({"age": "30"}, 30),
        ({"age": "soon"}, 0),
        ({"date": DATE}, 0),
        ({"date": EARLIER}, 3_600),
        ({"date": LATER}, 0),
        ({"date": EARLIER, "age": "30"}, 3_600),
        ({"date": EARLIER, "age": "7200"}, 7_200),
    ],
)
def test_an_answer_is_as_old_as_its_headers_say_when_it_comes(headers, age):
    assert initial_age(headers, NOW) == age


def lifetime(headers, *, status=200, shared=False):
    policy = policy_of_headers(status, headers, shared=shared, keep_at_most=90 * DAY, now=NOW)
    return None if policy is None else policy.ttl


@pytest.mark.parametrize(
    ("headers", "own", "shared"),
    [
        ({}, None, None),
        ({"cache-control": "max-age=60"}, 60, 60),
        ({"cache-control": "max-age=60, s-maxage=10"}, 60, 10),
        ({"cache-control": "s-maxage=10"}, None, 10),
        ({"cache-control": "private, max-age=60"}, 60, None),
        ({"cache-control": "no-store, max-age=60"}, None, None),
        ({"cache-control": "no-cache, max-age=60"}, 0, 0),
        ({"cache-control": "max-age=soon"}, 0, 0),
        ({"cache-control": "max-age=60", "expires": DATE}, 60, 60),
        ({"expires": LATER}, 3_600, 3_600),
        ({"expires": LATER, "date": EARLIER}, 7_200, 7_200),
        ({"expires": EARLIER}, 0, 0),
        ({"expires": "0"}, 0, 0),
        ({"cache-control": "max-age=99999999"}, 90 * DAY, 90 * DAY),
        ({"cache-control": "max-age=60", "set-cookie": "a=b"}, None, None),
        ({"cache-control": "max-age=60", "vary": "*"}, None, None),
    ],
)
def test_how_long_an_upstreams_headers_let_its_answer_be_fresh(headers, own, shared):
    assert lifetime(headers) == own
    assert lifetime(headers, shared=True) == shared


@pytest.mark.parametrize(
    ("status", "stored"),
    [(200, True), (301, True), (404, True), (410, True), (501, True), (201, False), (206, False), (302, False)],
)
def test_only_statuses_that_are_understood_are_stored(status, stored):
    assert (lifetime({"cache-control": "max-age=60"}, status=status) is not None) is stored


@pytest.mark.parametrize(
    ("more", "shared", "windows"),
    [
        ("", False, (7, 9)),
        ("must-revalidate", False, (0, 0)),
        ("no-cache", False, (0, 0)),
        ("proxy-revalidate", False, (7, 9)),
        ("proxy-revalidate", True, (0, 0)),
        ("s-maxage=5", True, (0, 0)),
        ("s-maxage=5", False, (7, 9)),
    ],
)
def test_stale_windows_are_the_headers_own_unless_they_demand_revalidation(more, shared, windows):
    headers = {"cache-control": f"max-age=60, stale-while-revalidate=7, stale-if-error=9, {more}"}
    policy = policy_of_headers(200, headers, shared=shared, keep_at_most=DAY, now=NOW)

    assert (policy.stale_while_revalidate, policy.stale_if_error) == windows
