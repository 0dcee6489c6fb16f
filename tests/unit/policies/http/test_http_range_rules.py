"""Byte ranges: how Range, If-Range and Content-Range are read, and what is answered (RFC 9110 §14)."""

import pytest

from policies.http.ranges import (
    ContentRange,
    Part,
    Wanted,
    has_strong_date,
    if_range_holds,
    parse_content_range,
    parse_range,
    part_fields,
    wanted,
)

NOW = 784_115_377.0
MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT"
SECOND_AFTER = "Sun, 06 Nov 1994 08:49:38 GMT"


@pytest.mark.parametrize(
    ("value", "ranges"),
    [
        ("bytes=0-499", ((0, 499),)),
        ("bytes=0-0", ((0, 0),)),
        ("bytes=500-", ((500, None),)),
        ("bytes=-500", ((None, 500),)),
        ("bytes=-0", ((None, 0),)),
        ("BYTES=1-2", ((1, 2),)),
        (" bytes=1-2 ", ((1, 2),)),
        ("bytes= 0-999, 4500-5499, -1000", ((0, 999), (4500, 5499), (None, 1000))),
        ("bytes=,0-0,,\t-1,", ((0, 0), (None, 1))),
        ("bytes=007-008", ((7, 8),)),
        (f"bytes=5-{'9' * 18}", ((5, 10**18 - 1),)),
        (f"bytes=5-{'9' * 19}", ((5, 10**18),)),
        (f"bytes=5-{'9' * 5_000}", ((5, 10**18),)),
        (f"bytes={'0' * 5_000}1-2", ((1, 2),)),
    ],
)
def test_ranges_are_read(value, ranges):
    assert parse_range(value) == ranges


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=1",
        "bytes=a-b",
        "bytes=2-1",
        "bytes=0-1,2-1",
        "bytes=0-1,x",
        "bytes=1 - 2",
        "bytes=--1",
        "bytes=1-2-3",
        "bytes=+1-2",
        "bytes=0x1-2",
        "bytes=²-3",
        "bytes=٣-4",
        "bytes=0-1;2-3",
        "bytes =0-1",
        "bytes:0-1",
        "0-1",
        "items=0-1",
        "xbytes=0-1",
        "byte\N{LATIN SMALL LETTER LONG S}=0-1",
    ],
)
def test_what_is_no_list_of_byte_ranges_is_ignored(value):
    assert parse_range(value) is None
    assert wanted(value, 10) is Wanted.WHOLE


def test_a_request_for_absurdly_many_ranges_is_ignored():
    def ranges(count):
        return "bytes=" + ",".join(f"{number * 2}-{number * 2}" for number in range(count))

    assert len(parse_range(ranges(16))) == 16
    assert parse_range(ranges(17)) is None


@pytest.mark.parametrize(
    ("value", "length", "answer"),
    [
        (None, 10, Wanted.WHOLE),
        ("bytes=0-4", 10, Part(0, 4)),
        ("bytes=5-5", 10, Part(5, 5)),
        ("bytes=9-", 10, Part(9, 9)),
        ("bytes=0-", 10, Part(0, 9)),
        ("bytes=0-9", 10, Part(0, 9)),
        ("bytes=4-10", 10, Part(4, 9)),
        (f"bytes=4-{'9' * 40}", 10, Part(4, 9)),
        ("bytes=-3", 10, Part(7, 9)),
        ("bytes=-10", 10, Part(0, 9)),
        ("bytes=-11", 10, Part(0, 9)),
        ("bytes=10-", 10, Wanted.UNSATISFIABLE),
        ("bytes=10-20", 10, Wanted.UNSATISFIABLE),
        (f"bytes={'9' * 40}-", 10, Wanted.UNSATISFIABLE),
        ("bytes=-0", 10, Wanted.UNSATISFIABLE),
        ("bytes=10-, -0", 10, Wanted.UNSATISFIABLE),
        ("bytes=0-", 0, Wanted.UNSATISFIABLE),
        ("bytes=0-0", 0, Wanted.UNSATISFIABLE),
        ("bytes=-0", 0, Wanted.UNSATISFIABLE),
        ("bytes=-5", 0, Wanted.WHOLE),  # it can be satisfied (§14.1.2), but there is no part to name
        ("bytes=0-0, 10-", 10, Part(0, 0)),  # one of them can be satisfied
        ("bytes=-0, 3-4", 10, Part(3, 4)),
        ("bytes=0-1, 2-3", 10, Part(0, 3)),
        ("bytes=2-3, 0-1", 10, Part(0, 3)),
        ("bytes=0-6, 4-9", 10, Part(0, 9)),
        ("bytes=0-9, 2-3, 4-9", 10, Part(0, 9)),
        ("bytes=0-1, 3-4", 10, Wanted.WHOLE),
        ("bytes=0-0, -1", 10, Wanted.WHOLE),
        ("bytes=0-0, -1", 2, Part(0, 1)),
        ("bytes=0-8, 2-3, 9-9, 5-5", 10, Part(0, 9)),
        ("bytes=0-5, 1-2, 4-4, 7-9", 10, Wanted.WHOLE),
    ],
)
def test_one_part_is_wanted_or_everything_or_what_there_is_not(value, length, answer):
    assert wanted(value, length) == answer


TAGGED = {"etag": '"a"', "last-modified": MODIFIED, "date": SECOND_AFTER}


@pytest.mark.parametrize(
    ("value", "stored", "holds"),
    [
        (None, {}, True),
        ('"a"', TAGGED, True),
        (' "a" ', TAGGED, True),
        ('"b"', TAGGED, False),
        ('W/"a"', TAGGED, False),
        ('W/"a"', {"etag": 'W/"a"'}, False),
        ('"a"', {"etag": 'W/"a"'}, False),
        ('"a"', {}, False),
        ("a", {"etag": "a"}, True),
        ("", {}, False),
        ("", TAGGED, False),
        (MODIFIED, TAGGED, True),
        (MODIFIED, {"last-modified": MODIFIED, "date": SECOND_AFTER}, True),
        (MODIFIED, {"last-modified": MODIFIED, "date": MODIFIED}, False),  # it may have changed within that second
        (MODIFIED, {"last-modified": MODIFIED}, False),
        (MODIFIED, {"date": SECOND_AFTER}, False),
        (SECOND_AFTER, TAGGED, False),  # an exact match, no comparison
        ("Sun, 06 Nov 1994 08:49:36 GMT", TAGGED, False),
        ("yesterday", TAGGED, False),
        ("yesterday", {"last-modified": "yesterday", "date": SECOND_AFTER}, False),
        ("*", TAGGED, False),
    ],
)
def test_if_range_holds_for_the_very_same_strong_validator(value, stored, holds):
    assert if_range_holds(value, stored, now=NOW) is holds


@pytest.mark.parametrize(
    ("modified", "date", "strong"),
    [
        (MODIFIED, SECOND_AFTER, True),
        (MODIFIED, MODIFIED, False),
        (SECOND_AFTER, MODIFIED, False),
        (None, SECOND_AFTER, False),
        (MODIFIED, None, False),
        ("lately", SECOND_AFTER, False),
        (MODIFIED, "now", False),
    ],
)
def test_a_modification_date_is_strong_a_second_before_the_answers_own(modified, date, strong):
    pairs = {"last-modified": modified, "date": date}
    stored = {name: value for name, value in pairs.items() if value is not None}

    assert has_strong_date(stored, now=NOW) is strong


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("bytes 0-499/1234", ContentRange(0, 499, 1234)),
        ("bytes 42-1233/1234", ContentRange(42, 1233, 1234)),
        ("bytes 42-1233/*", ContentRange(42, 1233, None)),
        ("bytes 0-0/1", ContentRange(0, 0, 1)),
        ("BYTES 1-2/3", ContentRange(1, 2, 3)),
        ("bytes\t1-2/3 ", ContentRange(1, 2, 3)),
        (None, None),
        ("", None),
        ("bytes */1234", None),
        ("bytes */*", None),
        ("bytes 2-1/3", None),
        ("bytes 0-3/3", None),
        ("bytes 0-4/3", None),
        ("bytes 0-/3", None),
        ("bytes -1/3", None),
        ("bytes 0-1", None),
        ("bytes=0-1/3", None),
        ("bytes 0-1/3, bytes 0-1/3", None),
        ("items 0-1/3", None),
        ("byte\N{LATIN SMALL LETTER LONG S} 0-1/3", None),
        ("bytes ²-3/4", None),
        (f"bytes 0-{'9' * 5_000}/*", None),
    ],
)
def test_content_range_is_read(value, read):
    assert parse_content_range(value) == read


def test_the_fields_of_a_part_say_which_it_is():
    fields = (("content-length", "10"), ("ETag", '"a"'), ("Content-Range", "bytes 0-1/2"), ("X-Name", "1"))

    assert part_fields(fields, Part(2, 4), 10) == (
        ("ETag", '"a"'),
        ("X-Name", "1"),
        ("Content-Length", "3"),
        ("Content-Range", "bytes 2-4/10"),
    )
