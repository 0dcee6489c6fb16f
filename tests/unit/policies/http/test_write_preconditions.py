"""Preconditions of writes: RFC 9110 §13.1 and the order of §13.2.2, row by row."""

import pytest

from policies.http.preconditions import Current, failed, judged, unreadable

NOW = 1_790_000_000.0
EARLIER, LATER = "Mon, 21 Sep 2026 14:00:00 GMT", "Mon, 21 Sep 2026 15:00:00 GMT"
MODIFIED = 1_790_001_000.0  # 14:30
STATE = Current('"a"', MODIFIED)
UNDATED = Current('"a"', None)

ROWS = [
    ({}, STATE, None),
    ({"if-match": '"a"'}, STATE, None),
    ({"if-match": '"b", "a"'}, STATE, None),
    ({"if-match": '"b"'}, STATE, "If-Match"),
    ({"if-match": 'W/"a"'}, STATE, "If-Match"),  # weak tags match nothing here (§13.1.1)
    ({"if-match": "*"}, STATE, None),
    ({"if-match": "*"}, None, "If-Match"),
    ({"if-match": '"a"'}, None, "If-Match"),
    ({"if-match": ""}, STATE, "If-Match"),
    ({"if-match": '"a"'}, Current(None, None), "If-Match"),
    ({"if-none-match": "*"}, STATE, "If-None-Match"),
    ({"if-none-match": "*"}, None, None),
    ({"if-none-match": 'W/"a"'}, STATE, "If-None-Match"),
    ({"if-none-match": '"b"'}, STATE, None),
    ({"if-match": '"a"', "if-none-match": '"a"'}, STATE, "If-None-Match"),
    ({"if-unmodified-since": LATER}, STATE, None),
    ({"if-unmodified-since": EARLIER}, STATE, "If-Unmodified-Since"),
    ({"if-unmodified-since": EARLIER}, UNDATED, None),
    ({"if-unmodified-since": "yesterday"}, STATE, None),
    ({"if-match": '"a"', "if-unmodified-since": EARLIER}, STATE, None),  # ignored beside If-Match (§13.1.4)
]


@pytest.mark.parametrize(("asked", "current", "expected"), ROWS)
def test_what_fails_is_named(asked, current, expected):
    assert failed(asked, current, NOW) == expected


@pytest.mark.parametrize(
    ("asked", "current", "expected"),
    [
        ({"if-match", "if-none-match"}, STATE, {"if-match", "if-none-match"}),
        ({"if-unmodified-since"}, STATE, {"if-unmodified-since"}),
        ({"if-unmodified-since"}, UNDATED, set()),  # nobody here could tell: the upstream may
        ({"if-match", "if-unmodified-since"}, UNDATED, {"if-match", "if-unmodified-since"}),
        ({"if-modified-since", "range"}, STATE, set()),
    ],
)
def test_what_was_judged_goes_no_further(asked, current, expected):
    assert judged(dict.fromkeys(asked, "x"), current) == expected


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({}, None),
        ({"if-match": "*"}, None),
        ({"if-match": '"a", W/"b,c"', "if-none-match": '"d"'}, None),
        ({"if-match": '"of long ago"'}, None),
        ({"if-unmodified-since": "soon"}, None),
        ({"if-match": "a"}, "If-Match"),
        ({"if-match": ""}, "If-Match"),
        ({"if-match": '"a", *'}, "If-Match"),
        ({"if-match": 'w/"a"'}, "If-Match"),
        ({"if-match": '"a'}, "If-Match"),
        ({"if-match": '"a"', "if-none-match": "a"}, "If-None-Match"),
    ],
)
def test_what_is_no_entity_tag_cannot_be_read(asked, name):
    assert unreadable(asked) == name
