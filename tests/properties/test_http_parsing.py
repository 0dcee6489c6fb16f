"""What upstreams and callers send, however broken: reading it never raises, and never gives more than there can be."""

from datetime import UTC, datetime
from math import isfinite

from hypothesis import given
from hypothesis import strategies as st

from policies.http.age import age_value, initial_age
from policies.http.cache_control import delta_seconds, names_in, parse_cache_control, seconds
from policies.http.dates import format_date, http_date
from policies.http.groups import groups
from policies.http.storing import (
    HeadersPolicy,
    Received,
    fields_not_kept,
    forbids_stale,
    lifetime,
    may_share_authorized,
    stale_windows,
    why_not_stored,
)
from policies.http.targeted import TARGETS, control_of

LONGEST = 2**31
DAY = 86_400
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WORDS = {
    None,
    *("method", "not-final", "partial", "not-modified", "credential", "conditional", "status", "must-understand"),
    *("no-store", "private", "vary", "set-cookie", "no-lifetime", "useless"),
}
TEXT = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(), max_size=40),  # surrogates too
    st.text(st.sampled_from('abGMT0123456789=,;:?@%()*/ "\\-+.\t\n\x00\x7f²٣é\ud800\udcff'), max_size=30),
)
NAMES = ("public", "private", "no-store", "no-cache", "must-revalidate", "proxy-revalidate", "must-understand")
LIFETIMES = ("max-age", "s-maxage", "stale-while-revalidate", "stale-if-error")
MEMBERS = st.one_of(
    st.sampled_from(NAMES),
    st.builds("{}={}".format, st.sampled_from(LIFETIMES), st.sampled_from(["0", "60", "1.5", "-1", '"9"', "9" * 15])),
    st.builds('{}="{}"'.format, st.sampled_from(["private", "no-cache"]), st.sampled_from(["", "a", "a, b", "a b"])),
    st.builds("{}={}".format, st.sampled_from(["private", "no-cache"]), st.sampled_from(["a", "(a b)", "()", "?0"])),
    st.sampled_from(["max-age", "x=?0", 'x="', "=", '"', "x y", "X", "x;y=1"]),
)
CONTROLS = st.one_of(TEXT, st.lists(MEMBERS, max_size=5).map(", ".join))
INSTANTS = st.floats(0, 4e9)
DATES = st.one_of(
    TEXT,
    INSTANTS.map(format_date),
    st.from_regex(r"[A-Z][a-z]{2}, ?[0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,6} [0-9:]{0,12} ?GMT", fullmatch=True),
    st.from_regex(r"(Mon|Sun)day, [0-3][0-9]-(Feb|Nov)-[0-9]{2} [0-2][0-9]:[0-6][0-9]:[0-6][0-9] GMT", fullmatch=True),
    st.from_regex(r"(Mon|Sun) (Feb|Nov) [ 0-3][0-9] [0-2][0-9]:[0-6][0-9]:[0-6][0-9] [0-9]{4}", fullmatch=True),
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "cache-control": CONTROLS,
        TARGETS[0]: CONTROLS,
        TARGETS[1]: CONTROLS,
        "pragma": TEXT,
        "expires": DATES,
        "date": DATES,
        "last-modified": DATES,
        "etag": TEXT,
        "age": st.one_of(TEXT, st.integers(-5, 10**12).map(str)),
        "vary": st.one_of(TEXT, st.sampled_from(["*", "accept", "accept, *"])),
        "set-cookie": TEXT,
    },
)
ANSWERS = st.builds(
    Received,
    method=st.sampled_from(["GET", "GET", "QUERY", "HEAD"]),
    status=st.one_of(st.sampled_from([200, 206, 302, 304, 404, 429, 500]), st.integers(0, 999)),
    headers=HEADERS,
    requested_at=INSTANTS,
    received_at=INSTANTS,
)
POLICIES = st.builds(
    HeadersPolicy,
    store_set_cookie=st.booleans(),
    heuristic_fraction=st.floats(0, 1),
    heuristic_at_most=st.floats(0, 1e12),
    stale_if_disconnected=st.sampled_from([0.0, 60.0]),
)


@given(CONTROLS)
def test_reading_cache_control_never_raises_and_names_are_in_lower_case(value):
    directives = parse_cache_control(value)

    assert all(name and name == name.lower() for name in directives)
    assert all(seconds(directives, name) is None or 0 <= seconds(directives, name) <= LONGEST for name in LIFETIMES)


@given(CONTROLS, CONTROLS)
def test_no_line_after_the_first_takes_back_what_it_forbade(first, second):
    forbidden = {"no-store", "must-revalidate", "proxy-revalidate"}
    alone, both = parse_cache_control(first), parse_cache_control(f"{first}, {second}")

    if '"' not in first:  # an open quote takes in what comes after it
        assert forbidden & alone.keys() <= both.keys()
        for name in {"private", "no-cache"} & alone.keys():
            assert name in both
            assert names_in(both[name]) == set() or names_in(alone[name]) <= names_in(both[name])


@given(TEXT)
def test_numbers_and_names_are_in_range_or_there_are_none(text):
    number = delta_seconds(text)

    assert number is None or (0 <= number <= LONGEST and number == int(number))
    assert all(name == name.strip().lower() and name for name in names_in(text))


@given(HEADERS)
def test_what_holds_for_this_cache_is_always_known(headers):
    directives, targeted = control_of(headers)

    assert all(isinstance(name, str) for name in directives)
    assert not targeted or any(headers.get(target) for target in TARGETS)


@given(DATES, INSTANTS)
def test_a_date_lies_within_the_calendar_or_is_none(text, now):
    read = http_date(text, now)

    assert read is None or datetime.fromtimestamp(read, UTC).year > 0


@given(st.integers(-60_000_000_000, 250_000_000_000), INSTANTS)
def test_a_date_that_is_written_is_read_again(instant, now):
    assert http_date(format_date(instant), now) == instant


@given(st.dates(), st.times(), INSTANTS)
def test_a_two_digit_year_is_the_nearest_with_these_digits(day, time, now):
    text = f"Monday, {day.day:02}-{MONTHS[day.month - 1]}-{day.year % 100:02} {time:%H:%M:%S} GMT"
    read = http_date(text, now)

    if read is not None:  # 29 February, in a year without one
        assert abs(read - now) <= (50 * 365.25 + 2) * DAY
        assert datetime.fromtimestamp(read, UTC).year % 100 == day.year % 100


@given(HEADERS, INSTANTS, INSTANTS)
def test_an_age_is_never_negative_and_never_less_than_what_the_caches_tell(headers, requested_at, received_at):
    age = initial_age(headers, requested_at=requested_at, received_at=received_at)

    assert isfinite(age)
    assert age >= max(0.0, received_at - requested_at)
    assert age >= (age_value(headers.get("age")) or 0.0)


@given(ANSWERS, st.booleans(), POLICIES)
def test_a_lifetime_is_in_range_and_a_shared_cache_never_keeps_what_is_for_one(answer, shared, policy):
    assert 0 <= lifetime(answer, shared=shared, policy=policy) <= LONGEST
    assert why_not_stored(answer, shared=shared, policy=policy) in WORDS


@given(HEADERS)
def test_more_users_never_have_more_rights_to_stale_answers(headers):
    for shared in (True, False):
        windows = stale_windows(headers, shared=shared)
        assert all(0 <= window <= LONGEST for window in windows)
        assert windows == (0, 0) or not forbids_stale(headers, shared=shared)
    assert forbids_stale(headers, shared=True) >= forbids_stale(headers, shared=False)
    assert fields_not_kept(headers, shared=True) >= fields_not_kept(headers, shared=False)


@given(ANSWERS, POLICIES)
def test_what_a_shared_cache_keeps_is_private_in_no_more_than_the_fields_it_leaves_out(answer, policy):
    directives = control_of(answer.headers).directives

    if why_not_stored(answer, shared=True, policy=policy) is None and "private" in directives:
        assert names_in(directives["private"])
        assert names_in(directives["private"]) <= fields_not_kept(answer.headers, shared=True)
        assert not may_share_authorized(answer.headers)


@given(st.one_of(TEXT, st.lists(st.sampled_from(['"a"', '"b";c', "d", "1", "()", '"']), max_size=80).map(", ".join)))
def test_groups_are_few_short_sorted_and_distinct(value):
    names = groups(value)

    assert list(names) == sorted(set(names))
    assert len(names) <= 64
    assert all(len(name) <= 128 for name in names)
