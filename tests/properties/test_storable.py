"""Upstreams' headers, however broken: reading them never raises, and never widens what is allowed."""

from math import isfinite

from hypothesis import given
from hypothesis import strategies as st

from policies import DAY
from policies.directives import caller_directives
from policies.retry_after import retry_after
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

DIRECTIVES = st.sampled_from(
    (
        *("public", "private", "no-store", "no-cache", "must-revalidate", "max-age=60", "max-age=0", "s-maxage=9"),
        *("max-age", 'max-age="5"', 'no-cache="a, b"', 'x="', "stale-if-error=9", "stale-while-revalidate=7", "=", '"'),
    )
)
WORDS = st.text(st.sampled_from('abxGMT0123456789=,;: "\\-+\t\x00²٣é\ud800'), max_size=30)
CACHE_CONTROL = st.one_of(st.text(max_size=40), WORDS, st.lists(DIRECTIVES, max_size=5).map(", ".join))
DATES = st.one_of(
    st.text(max_size=30),
    WORDS.map(lambda text: f"{text}GMT"),
    st.from_regex(r"[A-Z][a-z]{2}, ?[0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,6} [0-9:]{0,12} ?GMT", fullmatch=True),
    st.just("Sun, 06 Nov 1994 08:49:37 GMT"),
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "cache-control": CACHE_CONTROL,
        "expires": DATES,
        "date": DATES,
        "age": st.one_of(WORDS, st.integers(0, 10**12).map(str)),
        "vary": st.one_of(WORDS, st.sampled_from(["*", "accept", "accept, *"])),
        "set-cookie": WORDS,
    },
)
NOW = st.floats(0, 4e9)


@given(CACHE_CONTROL)
def test_parsing_cache_control_never_raises_and_names_are_in_lower_case(value):
    directives = parse_cache_control(value)

    assert all(name == name.lower() for name in directives)


UNQUOTED = CACHE_CONTROL.filter(lambda value: '"' not in value)  # an open quote takes in what comes after it


@given(UNQUOTED, DIRECTIVES)
def test_what_was_read_so_far_is_not_lost_for_what_comes_after(value, more):
    read, longer = parse_cache_control(value), parse_cache_control(f"{value}, {more}")

    assert "no-store" in longer or read.keys() <= longer.keys()


@given(UNQUOTED, CACHE_CONTROL)
def test_repeating_a_lifetime_never_lengthens_it(one, two):
    both = parse_cache_control(f"{one}, {two}")
    for name in ("max-age", "s-maxage", "stale-if-error"):
        first = parse_cache_control(one)
        if name in first and "no-store" not in both:
            assert (delta_seconds(both[name]) or 0) <= (delta_seconds(first[name]) or 0)


@given(st.text(max_size=40) | WORDS | st.integers(-(10**30), 10**30).map(str))
def test_delta_seconds_are_a_clamped_number_or_none(text):
    seconds = delta_seconds(text)

    assert seconds is None or 0 <= seconds <= 2**31


@given(DATES, NOW)
def test_dates_and_waits_are_finite_or_none(text, now):
    date, wait = http_date(text), retry_after(text, now)

    assert date is None or isfinite(date)
    assert wait is None or 0 <= wait <= DAY


@given(st.integers(100, 999), HEADERS, NOW, st.booleans(), st.floats(0, 90 * DAY))
def test_a_lifetime_from_headers_never_raises_and_is_bounded(status, headers, now, shared, keep_at_most):
    policy = policy_of_headers(status, headers, shared=shared, keep_at_most=keep_at_most, now=now)

    assert initial_age(headers, now) >= 0
    assert list(vary_names(headers)) == sorted(set(vary_names(headers)))
    if policy is not None:
        assert bar_to_storing(status, headers) is None
        assert not (shared and is_private(headers))
        assert 0 <= policy.ttl <= keep_at_most


@given(st.integers(100, 999), HEADERS, NOW)
def test_a_shared_cache_is_never_allowed_what_a_private_one_is_not(status, headers, now):
    def policy(*, shared):
        return policy_of_headers(status, headers, shared=shared, keep_at_most=DAY, now=now)

    if policy(shared=False) is None and "s-maxage" not in parse_cache_control(headers.get("cache-control", "")):
        assert policy(shared=True) is None


@given(HEADERS)
def test_what_is_private_or_not_stored_is_never_shared(headers):
    if is_private(headers) or bar_to_storing(200, headers) == "no-store":
        assert not may_share_authorized(headers)


@given(st.none() | CACHE_CONTROL, st.none() | st.text(max_size=20))
def test_a_callers_wishes_are_read_whatever_they_are(cache_control, pragma):
    directives = caller_directives(cache_control, pragma)

    assert all(
        limit is None or limit >= 0 for limit in (directives.max_age, directives.min_fresh, directives.max_stale)
    )
