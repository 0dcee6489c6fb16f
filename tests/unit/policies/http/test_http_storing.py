"""Storing, lifetimes and stale use, rule by rule (RFC 9111 §3, §4.2, §5.2.2, RFC 5861, RFC 8246, RFC 9213)."""

import pytest
from pydantic import ValidationError

from policies.declaring import DAY, HOUR
from policies.http.storing import (
    HEURISTICALLY_CACHEABLE,
    UNDERSTOOD,
    HeadersPolicy,
    Received,
    fields_not_kept,
    forbids_stale,
    is_cacheable_method,
    lifetime,
    may_share_authorized,
    stale_windows,
    why_not_stored,
)

CAME = 784_111_777.0
NOW = "Sun, 06 Nov 1994 08:49:37 GMT"  # when it came
LATER = "Sun, 06 Nov 1994 09:49:37 GMT"
EARLIER = "Sun, 06 Nov 1994 07:49:37 GMT"
DAY_BEFORE = "Sat, 05 Nov 1994 08:49:37 GMT"
YEAR_BEFORE = "Sat, 06 Nov 1993 08:49:37 GMT"

BY_DEFAULT = HeadersPolicy()
WITH_COOKIES = HeadersPolicy(store_set_cookie=True)
NEVER_STALE = HeadersPolicy(stale_if_disconnected=0)
NO_HEURISTICS = HeadersPolicy(heuristic_fraction=0)


def answer(headers=(), *, status=200, method="GET", **more):
    """With its Cache-Control for short: `answer("public")`."""
    named = {"cache-control": headers} if isinstance(headers, str) else dict(headers)
    return Received(method, status, {**named, **more}, CAME - 1, CAME)


def why(headers=(), *, shared=False, policy=BY_DEFAULT, status=200, method="GET"):
    return why_not_stored(answer(headers, status=status, method=method), shared=shared, policy=policy)


def seconds(headers=(), *, shared=False, policy=BY_DEFAULT, status=200):
    return lifetime(answer(headers, status=status), shared=shared, policy=policy)


# the policy


def test_by_default_headers_are_followed_with_the_cautions_a_proxy_has():
    assert HeadersPolicy() == HeadersPolicy(
        share_authorized=True,
        store_set_cookie=False,
        heuristic_fraction=0.1,
        heuristic_at_most=DAY,
        stale_if_disconnected=DAY,
    )


@pytest.mark.parametrize(
    "wrong", [{"heuristic_fraction": 1.1}, {"heuristic_fraction": -0.1}, {"heuristic_at_most": -1}, {"heuristics": 1}]
)
def test_a_policy_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError):
        HeadersPolicy(**wrong)


def test_a_policy_is_written_as_in_the_config():
    assert HeadersPolicy(heuristic_fraction="20%", heuristic_at_most="1h").heuristic_at_most == HOUR


# what is kept at all


@pytest.mark.parametrize(
    ("method", "cacheable"),
    [
        ("GET", True),
        ("QUERY", True),
        *((method, False) for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "get", "query", "")),
    ],
)
def test_answers_to_get_and_query_are_kept(method, cacheable):
    assert is_cacheable_method(method) is cacheable
    assert why("max-age=60", method=method) == (None if cacheable else "method")


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(
    ("status", "word"),
    [
        (100, "not-final"),
        (103, "not-final"),
        (199, "not-final"),
        (206, "partial"),
        (304, "not-modified"),
        (401, "credential"),
        (407, "credential"),
        (412, "conditional"),
        (416, "conditional"),
        (428, "status"),
        (429, "status"),
        (431, "status"),
        (511, "status"),
    ],
)
def test_some_status_codes_are_never_kept_whatever_the_headers_say(status, word, shared):
    assert why({"cache-control": "public, max-age=60", "etag": '"a"'}, status=status, shared=shared) == word


@pytest.mark.parametrize("status", [200, 201, 226, 299, 302, 303, 307, 400, 403, 418, 500, 503, 599])
@pytest.mark.parametrize("shared", [True, False])
def test_any_other_final_status_code_is_kept_if_the_upstream_says_for_how_long(status, shared):
    assert why("max-age=60", status=status, shared=shared) is None


@pytest.mark.parametrize(
    ("value", "shared", "word"),
    [
        ("no-store", False, "no-store"),
        ("no-store", True, "no-store"),
        ("no-store, max-age=60, public", True, "no-store"),
        ("No-Store=x, max-age=60", False, "no-store"),
        ("max-age=60;", False, "no-store"),
        ("private, max-age=60", True, "private"),
        ("private, max-age=60", False, None),
        ("public, private, max-age=60", True, "private"),
        ("private, s-maxage=60", True, "private"),
        ('private="x-name", max-age=60', True, None),
        ('private="x-name", max-age=60', False, None),
        ("private=x-name, max-age=60", True, None),
        ('private="", max-age=60', True, "private"),
        ('private="x name", max-age=60', True, "private"),
        ('private="a", private, max-age=60', True, "private"),
        ('private="cache-control", max-age=60', True, "private"),
        ('private="x-name, Vary", max-age=60', True, "private"),
        ("no-cache", True, None),
        ("no-cache, max-age=60", True, None),
        ("max-age=60, immutable", True, None),
        ("max-age=60, no-transform, unknown=1", True, None),
    ],
)
def test_directives_that_forbid_keeping(value, shared, word):
    assert why({"cache-control": value, "etag": '"a"'}, shared=shared) == word


@pytest.mark.parametrize("value", ["must-understand, max-age=60", "must-understand, no-store, max-age=60"])
@pytest.mark.parametrize(
    "status",
    [
        *(200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 307, 308),
        *(400, 403, 404, 405, 406, 409, 410, 413, 414, 415, 422, 451, 500, 501, 502, 503, 504),
    ],
)
def test_where_a_status_code_is_understood_must_understand_lifts_no_store(value, status):
    assert why(value, status=status) is None


@pytest.mark.parametrize("status", [207, 208, 226, 299, 305, 306, 402, 408, 418, 421, 425, 426, 505, 506, 599, 999])
def test_a_status_code_that_is_not_understood_is_not_kept_where_it_must_be(status):
    assert why("must-understand, max-age=60", status=status) == "must-understand"
    assert why("must-understand, no-store, max-age=60", status=status) == "must-understand"
    assert why("max-age=60", status=status) is None


def test_must_understand_lifts_neither_private_nor_a_value_that_cannot_be_read():
    assert why("must-understand, private, max-age=60", shared=True) == "private"
    assert why("must-understand, max-age=60, x y") == "no-store"


def test_what_is_never_kept_is_not_understood_either():
    assert UNDERSTOOD.isdisjoint({206, 304, 401, 407, 412, 416, 428, 429, 431, 511})


@pytest.mark.parametrize("vary", ["*", "accept, *", "*,*", " * "])
def test_an_answer_that_varies_by_more_than_its_request_is_not_kept(vary):
    assert why({"cache-control": "max-age=60", "vary": vary}) == "vary"


@pytest.mark.parametrize("vary", ["accept", "", "accept, accept-language"])
def test_an_answer_that_varies_by_fields_is_kept(vary):
    assert why({"cache-control": "max-age=60", "vary": vary}) is None


@pytest.mark.parametrize("shared", [True, False])
def test_an_answer_that_sets_a_cookie_is_not_kept(shared):
    assert why({"cache-control": "public, max-age=60", "set-cookie": "a=b"}, shared=shared) == "set-cookie"


@pytest.mark.parametrize(
    ("headers", "shared", "word"),
    [
        ({"cache-control": "max-age=60"}, True, None),
        ({"cache-control": "public"}, True, None),
        ({"cache-control": "s-maxage=60"}, True, None),
        ({"cache-control": "s-maxage=60"}, False, "set-cookie"),
        ({"cache-control": "private"}, False, None),
        ({"expires": LATER}, True, None),
        ({}, True, "set-cookie"),
        ({"last-modified": YEAR_BEFORE}, False, "set-cookie"),
        ({"cache-control": "no-cache", "etag": '"a"'}, False, "set-cookie"),
        ({"cache-control": "no-store"}, False, "no-store"),
    ],
)
def test_with_cookies_allowed_they_are_kept_where_the_upstream_itself_says_the_answer_may_be(headers, shared, word):
    assert why({"set-cookie": "a=b", **headers}, shared=shared, policy=WITH_COOKIES) == word


@pytest.mark.parametrize(
    ("value", "shared", "word"),
    [
        ('max-age=60, no-cache="Set-Cookie"', True, None),
        ('max-age=60, no-cache="Set-Cookie"', False, None),
        ('max-age=60, private="set-cookie"', True, None),
        ('max-age=60, private="set-cookie"', False, "set-cookie"),
        ('max-age=60, no-cache="x-name"', True, "set-cookie"),
        ("max-age=60, no-cache", True, "set-cookie"),
    ],
)
def test_a_cookie_that_is_left_out_bars_nothing(value, shared, word):
    assert why({"cache-control": value, "set-cookie": "a=b"}, shared=shared) == word


@pytest.mark.parametrize(
    ("headers", "shared", "word"),
    [
        ({}, False, "no-lifetime"),
        ({"etag": '"a"'}, False, "no-lifetime"),
        ({"last-modified": YEAR_BEFORE}, True, "no-lifetime"),
        ({"cache-control": "no-cache", "etag": '"a"'}, True, "no-lifetime"),
        ({"cache-control": "must-revalidate, stale-if-error=60, immutable"}, True, "no-lifetime"),
        ({"cache-control": "public"}, True, None),
        ({"cache-control": "private"}, False, None),
        ({"cache-control": 'private="x"'}, True, "no-lifetime"),
        ({"cache-control": "max-age=60"}, True, None),
        ({"cache-control": "max-age=0", "etag": '"a"'}, True, None),
        ({"cache-control": "max-age=soon", "etag": '"a"'}, True, None),
        ({"cache-control": "s-maxage=60"}, True, None),
        ({"cache-control": "s-maxage=60"}, False, "no-lifetime"),
        ({"expires": LATER}, False, None),
        ({"expires": "0", "etag": '"a"'}, False, None),
        ({"expires": LATER, "cdn-cache-control": "none"}, False, "no-lifetime"),
        ({"cache-control": "max-age=60", "cdn-cache-control": "none"}, False, "no-lifetime"),
        ({"cdn-cache-control": "max-age=60"}, False, None),
    ],
)
def test_a_status_code_that_says_nothing_itself_needs_a_word_from_the_upstream(headers, shared, word):
    assert why(headers, shared=shared, status=302) == word


@pytest.mark.parametrize("status", sorted(HEURISTICALLY_CACHEABLE - {206}))
def test_some_status_codes_are_kept_without_a_word(status):
    assert why(status=status) is None


def test_these_are_the_status_codes_that_need_no_word():
    assert {200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 451, 501} == HEURISTICALLY_CACHEABLE


@pytest.mark.parametrize("validator", [{"etag": '"a"'}, {"etag": 'W/"a"'}, {"last-modified": YEAR_BEFORE}])
@pytest.mark.parametrize(
    "headers",
    [
        {"cache-control": "max-age=0"},
        {"cache-control": "no-cache"},
        {"cache-control": "max-age=0, must-revalidate"},
        {"expires": EARLIER},
        {"expires": "0"},
    ],
)
def test_what_is_stale_from_the_start_is_kept_to_be_validated(validator, headers):
    assert why({**headers, **validator}, shared=True, policy=NEVER_STALE) is None


@pytest.mark.parametrize("headers", [{}, {"cache-control": "max-age=0"}, {"expires": "0"}, {"cache-control": "public"}])
def test_without_a_validator_it_is_kept_to_stand_in_while_the_upstream_is_out_of_reach(headers):
    assert why(headers, shared=True) is None
    assert why(headers, shared=True, policy=NEVER_STALE) == "useless"


@pytest.mark.parametrize("window", ["stale-while-revalidate=5", "stale-if-error=5"])
def test_without_a_validator_it_is_kept_for_the_windows_the_upstream_gives(window):
    assert why(f"max-age=0, {window}", policy=NEVER_STALE) is None
    assert why(f"max-age=0, {window}, must-revalidate", policy=NEVER_STALE) == "useless"


@pytest.mark.parametrize(
    ("value", "shared", "word"),
    [
        ("no-cache", False, "useless"),
        ("no-cache, max-age=60", False, "useless"),
        ("max-age=0, must-revalidate", False, "useless"),
        ("max-age=60, must-revalidate", False, None),
        ("max-age=0, proxy-revalidate", True, "useless"),
        ("max-age=0, proxy-revalidate", False, None),
        ("s-maxage=0", True, "useless"),
        ("s-maxage=0", False, None),
        ('no-cache="x-name"', False, None),
    ],
)
def test_what_could_be_used_neither_fresh_nor_validated_nor_stale_is_not_kept(value, shared, word):
    assert why(value, shared=shared) == word


# sharing what was asked for with credentials (§3.5)


@pytest.mark.parametrize(
    ("headers", "may_share"),
    [
        ({}, False),
        ({"cache-control": "max-age=60"}, False),
        ({"cache-control": "proxy-revalidate, max-age=60"}, False),
        ({"cache-control": "no-cache"}, False),
        ({"expires": LATER}, False),
        ({"cache-control": "public"}, True),
        ({"cache-control": "s-maxage=5"}, True),
        ({"cache-control": "must-revalidate"}, True),
        ({"cache-control": "private, must-revalidate"}, False),
        ({"cache-control": 'public, private="x-name"'}, False),
        ({"cache-control": "public, no-store"}, False),
        ({"cache-control": "public, no-store, must-understand"}, False),
        ({"cache-control": "public; max-age=60"}, False),
        ({"cdn-cache-control": "public", "cache-control": "private"}, True),
        ({"cdn-cache-control": "max-age=60", "cache-control": "public"}, False),
    ],
)
def test_who_may_have_an_answer_to_a_request_with_credentials(headers, may_share):
    assert may_share_authorized(headers) is may_share


# lifetimes (§4.2.1)


@pytest.mark.parametrize(
    ("headers", "own", "shared"),
    [
        ({"cache-control": "max-age=60"}, 60, 60),
        ({"cache-control": "max-age=60, s-maxage=10"}, 60, 10),
        ({"cache-control": "s-maxage=10"}, 0, 10),
        ({"cache-control": "max-age=60, s-maxage=x"}, 60, 0),
        ({"cache-control": "max-age=60, s-maxage"}, 60, 0),
        ({"cache-control": "max-age=60", "expires": EARLIER}, 60, 60),
        ({"cache-control": "s-maxage=10", "expires": LATER}, 3_600, 10),
        ({"cache-control": "max-age=soon", "expires": LATER}, 0, 0),
        ({"cache-control": "max-age", "expires": LATER}, 0, 0),
        ({"cache-control": "max-age=1.5"}, 0, 0),
        ({"cache-control": "max-age=-60"}, 0, 0),
        ({"cache-control": "max-age=60, max-age=90"}, 0, 0),
        ({"cache-control": 'max-age="60"'}, 60, 60),
        ({"cache-control": "max-age=99999999999"}, 2**31, 2**31),
        ({"cache-control": "max-age=60, no-cache"}, 0, 0),
        ({"cache-control": 'max-age=60, no-cache="x-name"'}, 60, 60),
        ({"cache-control": 'max-age=60, no-cache="cache-control"'}, 0, 0),
        ({"cache-control": 'max-age=60, no-cache=""'}, 0, 0),
        ({"cache-control": "max-age=60, must-revalidate, public, immutable"}, 60, 60),
        ({"cache-control": "immutable"}, 0, 0),
        ({"cache-control": "max-age=60", "pragma": "no-cache"}, 60, 60),
        ({"cache-control": "max-age=60", "age": "50"}, 60, 60),
    ],
)
def test_the_directive_nearest_to_this_cache_gives_the_lifetime(headers, own, shared):
    assert seconds(headers) == own
    assert seconds(headers, shared=True) == shared


@pytest.mark.parametrize(
    ("headers", "life"),
    [
        ({"expires": LATER}, 3_600),
        ({"expires": LATER, "date": NOW}, 3_600),
        ({"expires": LATER, "date": EARLIER}, 7_200),
        ({"expires": LATER, "date": "today"}, 3_600),
        ({"expires": LATER, "date": f"{EARLIER}, {EARLIER}"}, 3_600),
        ({"expires": NOW, "date": NOW}, 0),
        ({"expires": EARLIER}, 0),
        ({"expires": EARLIER, "date": DAY_BEFORE}, 82_800),
        ({"expires": "Sunday, 06-Nov-94 09:49:37 GMT"}, 3_600),
        ({"expires": "Sun Nov  6 09:49:37 1994"}, 3_600),
        ({"expires": "Fri, 31 Dec 9999 23:59:59 GMT"}, 2**31),
        ({"expires": "0"}, 0),
        ({"expires": "-1"}, 0),
        ({"expires": ""}, 0),
        ({"expires": "Sun, 06 Nov 1994 09:49:37 UTC"}, 0),
        ({"expires": f"{LATER}, {LATER}"}, 0),
        ({"expires": "0", "last-modified": YEAR_BEFORE}, 0),
    ],
)
def test_expires_counts_from_the_date_of_the_answer_and_one_that_is_no_date_is_past(headers, life):
    assert seconds(headers) == life


# heuristics (§4.2.2)


@pytest.mark.parametrize(
    ("headers", "life"),
    [
        ({}, 0),
        ({"etag": '"a"'}, 0),
        ({"last-modified": DAY_BEFORE}, 8_640),
        ({"last-modified": DAY_BEFORE, "date": EARLIER}, 8_280),
        ({"last-modified": DAY_BEFORE, "date": "today"}, 8_640),
        ({"last-modified": YEAR_BEFORE}, DAY),
        ({"last-modified": "Mon, 01 Jan 0001 00:00:00 GMT"}, DAY),
        ({"last-modified": NOW}, 0),
        ({"last-modified": LATER}, 0),
        ({"last-modified": NOW, "date": EARLIER}, 0),
        ({"last-modified": "yesterday"}, 0),
        ({"last-modified": DAY_BEFORE, "cache-control": "no-cache"}, 0),
        ({"last-modified": DAY_BEFORE, "cache-control": "must-revalidate"}, 8_640),
        ({"last-modified": DAY_BEFORE, "cache-control": "max-age=0"}, 0),
        ({"last-modified": DAY_BEFORE, "cache-control": "max-age=soon"}, 0),
        ({"last-modified": DAY_BEFORE, "expires": EARLIER}, 0),
    ],
)
def test_without_a_word_about_it_an_answer_lives_a_tenth_of_the_time_it_was_unchanged(headers, life):
    assert seconds(headers) == life


@pytest.mark.parametrize("status", sorted(HEURISTICALLY_CACHEABLE))
def test_heuristics_are_for_status_codes_that_allow_them(status):
    assert seconds({"last-modified": DAY_BEFORE}, status=status) == 8_640


@pytest.mark.parametrize("status", [201, 202, 302, 303, 307, 400, 403, 418, 500, 503])
def test_other_status_codes_have_to_be_marked_as_public(status):
    assert seconds({"last-modified": DAY_BEFORE}, status=status) == 0
    assert seconds({"last-modified": DAY_BEFORE, "cache-control": "private"}, status=status) == 0
    assert seconds({"last-modified": DAY_BEFORE, "cache-control": "public"}, status=status) == 8_640


def test_heuristics_go_as_far_as_the_policy_says():
    headers = {"last-modified": DAY_BEFORE}

    assert seconds(headers, policy=NO_HEURISTICS) == 0
    assert seconds(headers, policy=HeadersPolicy(heuristic_fraction=0.5)) == 43_200
    assert seconds(headers, policy=HeadersPolicy(heuristic_at_most=HOUR)) == HOUR
    assert seconds({"last-modified": YEAR_BEFORE}, policy=HeadersPolicy(heuristic_at_most=1e12)) == 3_153_600


def test_a_private_cache_may_guess_where_only_shared_ones_are_told():
    assert seconds({"cache-control": "s-maxage=10", "last-modified": DAY_BEFORE}) == 8_640
    assert seconds({"cache-control": "s-maxage=10", "last-modified": DAY_BEFORE}, shared=True) == 10


# targeted fields (RFC 9213 §2.2)


@pytest.mark.parametrize(
    ("headers", "life"),
    [
        ({"cdn-cache-control": "max-age=90", "cache-control": "max-age=60, s-maxage=30"}, 90),
        ({"cdn-cache-control": "max-age=90", "cache-control": "no-cache"}, 90),
        ({"cdn-cache-control": "max-age=90, no-cache", "cache-control": "max-age=60"}, 0),
        ({"cdn-cache-control": "max-age=90, s-maxage=30"}, 30),
        ({"cdn-cache-control": 'max-age="90"', "cache-control": "max-age=60"}, 0),
        ({"cdn-cache-control": "max-age=90", "larder-cache-control": "max-age=120"}, 120),
        ({"cdn-cache-control": "", "cache-control": "max-age=60"}, 60),
        ({"cdn-cache-control": "max-age=90 x", "cache-control": "max-age=60"}, 60),
        ({"cdn-cache-control": "none", "expires": LATER}, 0),
        ({"cdn-cache-control": "none", "expires": LATER, "last-modified": DAY_BEFORE}, 8_640),
        ({"cdn-cache-control": "max-age=90", "expires": LATER}, 90),
    ],
)
def test_a_targeted_field_decides_alone(headers, life):
    assert seconds(headers, shared=True) == life


@pytest.mark.parametrize(
    ("headers", "word"),
    [
        ({"cdn-cache-control": "max-age=60", "cache-control": "no-store"}, None),
        ({"cdn-cache-control": "max-age=60", "cache-control": "private"}, None),
        ({"cdn-cache-control": "no-store", "cache-control": "public, max-age=60"}, "no-store"),
        ({"cdn-cache-control": "private", "cache-control": "public, max-age=60"}, "private"),
        ({"cdn-cache-control": "max-age=60; public, =", "cache-control": "no-store"}, "no-store"),
    ],
)
def test_a_targeted_field_decides_alone_what_is_kept(headers, word):
    assert why(headers, shared=True) == word


# stale use (§4.2.4, RFC 5861)


@pytest.mark.parametrize(
    ("headers", "own", "shared"),
    [
        ({}, False, False),
        ({"cache-control": "max-age=60, public, immutable"}, False, False),
        ({"cache-control": "must-revalidate"}, True, True),
        ({"cache-control": "no-cache"}, True, True),
        ({"cache-control": 'no-cache=""'}, True, True),
        ({"cache-control": 'no-cache="x-name"'}, False, False),
        ({"cache-control": 'no-cache="x-name, Content-Encoding"'}, True, True),
        ({"cache-control": "proxy-revalidate"}, False, True),
        ({"cache-control": "s-maxage=60"}, False, True),
        ({"cache-control": "s-maxage=x"}, False, True),
        ({"cdn-cache-control": "must-revalidate"}, True, True),
        ({"cdn-cache-control": "max-age=60", "cache-control": "must-revalidate"}, False, False),
        ({"pragma": "no-cache"}, False, False),
    ],
)
def test_what_forbids_stale_use(headers, own, shared):
    assert forbids_stale(headers, shared=False) is own
    assert forbids_stale(headers, shared=True) is shared


@pytest.mark.parametrize(
    ("value", "own", "shared"),
    [
        ("", (0, 0), (0, 0)),
        ("stale-while-revalidate=5", (5, 0), (5, 0)),
        ("stale-if-error=9", (0, 9), (0, 9)),
        ("stale-while-revalidate=5, stale-if-error=9", (5, 9), (5, 9)),
        ("stale-while-revalidate=99999999999, stale-if-error", (2**31, 0), (2**31, 0)),
        ("stale-while-revalidate=x, stale-if-error=-9", (0, 0), (0, 0)),
        ("stale-while-revalidate=5, stale-while-revalidate=6", (0, 0), (0, 0)),
        ("stale-while-revalidate=5, stale-if-error=9, must-revalidate", (0, 0), (0, 0)),
        ("stale-while-revalidate=5, stale-if-error=9, no-cache", (0, 0), (0, 0)),
        ('stale-while-revalidate=5, stale-if-error=9, no-cache="a"', (5, 9), (5, 9)),
        ("stale-while-revalidate=5, stale-if-error=9, proxy-revalidate", (5, 9), (0, 0)),
        ("stale-while-revalidate=5, stale-if-error=9, s-maxage=60", (5, 9), (0, 0)),
    ],
)
def test_the_windows_an_upstream_gives_for_stale_use(value, own, shared):
    headers = {"cache-control": value}

    assert stale_windows(headers, shared=False) == own
    assert stale_windows(headers, shared=True) == shared


def test_windows_of_a_targeted_field_hide_those_for_all():
    headers = {"cdn-cache-control": "stale-if-error=9", "cache-control": "stale-while-revalidate=5, must-revalidate"}

    assert stale_windows(headers, shared=True) == (0, 9)


# fields that are left out (§3.1)


@pytest.mark.parametrize(
    ("value", "own", "shared"),
    [
        ("", set(), set()),
        ("no-cache, private", set(), set()),
        ('no-cache="Set-Cookie, x-a"', {"set-cookie", "x-a"}, {"set-cookie", "x-a"}),
        ('private="x-b"', set(), {"x-b"}),
        ('no-cache="x-a", private="x-b"', {"x-a"}, {"x-a", "x-b"}),
        ('no-cache="x-a", no-cache="x-c"', {"x-a", "x-c"}, {"x-a", "x-c"}),
        ('no-cache="x a"', set(), set()),
    ],
)
def test_fields_that_a_directive_is_limited_to_are_left_out(value, own, shared):
    assert fields_not_kept({"cache-control": value}, shared=False) == own
    assert fields_not_kept({"cache-control": value}, shared=True) == shared


@pytest.mark.parametrize(
    "name",
    [
        *("Cache-Control", "Larder-Cache-Control", "CDN-Cache-Control"),
        *("Content-Encoding", "Content-Range", "Vary"),
    ],
)
def test_a_directive_that_would_take_a_field_nothing_can_do_without_holds_for_the_whole_answer(name):
    kept = {"cache-control": f'max-age=60, no-cache="x-a, {name}"', "etag": '"a"'}
    private = {"cache-control": f'max-age=60, private="x-a, {name}"'}

    assert fields_not_kept(kept, shared=True) == fields_not_kept(private, shared=True) == set()
    assert seconds(kept) == 0
    assert why(private, shared=True) == "private"


def test_a_targeted_field_names_what_is_left_out():
    headers = {"cdn-cache-control": 'private=("x-a" x-b)', "cache-control": 'private="x-c"'}

    assert fields_not_kept(headers, shared=True) == {"x-a", "x-b"}
