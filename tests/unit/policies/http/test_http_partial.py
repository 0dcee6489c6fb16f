"""Partial answers: what they may answer, and when parts become a whole (RFC 9111 §3.3, §3.4)."""

import pytest

from policies.http.partial import Held, covered, is_whole, joined, may_combine, missing
from policies.http.ranges import Part

NOW = 784_115_377.0
MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT"
SECOND_AFTER = "Sun, 06 Nov 1994 08:49:38 GMT"
BODY = b"0123456789"


def held(first, last, complete=10):
    return Held(first, last, complete)


@pytest.mark.parametrize(
    ("stored", "value", "part"),
    [
        (held(2, 6), "bytes=2-6", Part(2, 6)),
        (held(2, 6), "bytes=3-4", Part(3, 4)),
        (held(2, 6), "bytes=1-4", None),
        (held(2, 6), "bytes=4-7", None),
        (held(2, 6), "bytes=7-8", None),
        (held(2, 6), "bytes=3-", None),
        (held(2, 6), "bytes=-3", None),
        (held(2, 6), "bytes=10-", None),
        (held(2, 6), "bytes=2-3, 5-6", None),
        (held(2, 6), "bytes=2-3, 4-6", Part(2, 6)),
        (held(2, 6), "items=2-3", None),
        (held(2, 6), None, None),
        (held(0, 6), None, None),
        (held(5, 9), "bytes=5-", Part(5, 9)),
        (held(5, 9), "bytes=7-", Part(7, 9)),
        (held(5, 9), "bytes=7-99", Part(7, 9)),
        (held(5, 9), "bytes=-5", Part(5, 9)),
        (held(5, 9), "bytes=-1", Part(9, 9)),
        (held(5, 9), "bytes=-6", None),
        (held(5, 9), "bytes=4-", None),
        (held(5, 9, None), "bytes=5-9", Part(5, 9)),
        (held(5, 9, None), "bytes=6-7", Part(6, 7)),
        (held(5, 9, None), "bytes=5-10", None),  # the representation may go on
        (held(5, 9, None), "bytes=4-6", None),
        (held(5, 9, None), "bytes=5-", None),
        (held(5, 9, None), "bytes=-1", None),
        (held(5, 9, None), "bytes=5-6, 7-8", None),
        (held(5, 9, None), None, None),
    ],
)
def test_a_part_answers_for_what_lies_wholly_within_it(stored, value, part):
    assert covered(stored, value) == part


DATED = {"last-modified": MODIFIED, "date": SECOND_AFTER}


@pytest.mark.parametrize(
    ("stored", "new", "may"),
    [
        ({"etag": '"a"'}, {"etag": '"a"'}, True),
        ({"etag": '"a"'}, {"etag": '"b"'}, False),
        ({"etag": 'W/"a"'}, {"etag": 'W/"a"'}, False),
        ({"etag": '"a"'}, {"etag": 'W/"a"'}, False),
        ({"etag": '"a"', "last-modified": MODIFIED}, {"etag": '"a"', "last-modified": SECOND_AFTER}, True),
        ({"etag": '"a"'} | DATED, DATED, False),
        (DATED, {"etag": '"a"'} | DATED, False),
        ({"etag": 'W/"a"'} | DATED, {"etag": 'W/"a"'} | DATED, False),
        (DATED, DATED, True),
        (DATED, {"last-modified": MODIFIED, "date": "Sun, 06 Nov 1994 09:49:37 GMT"}, True),
        (DATED, {"last-modified": MODIFIED, "date": MODIFIED}, False),
        ({"last-modified": MODIFIED, "date": MODIFIED}, DATED, False),
        (DATED, {"last-modified": "Sun, 06 Nov 1994 08:49:36 GMT", "date": SECOND_AFTER}, False),
        (DATED, {"date": SECOND_AFTER}, False),
        ({}, {}, False),
        ({"date": MODIFIED}, {"date": MODIFIED}, False),
    ],
)
def test_parts_combine_only_under_the_same_strong_validator(stored, new, may):
    assert may_combine(stored, new, now=NOW) is may


def pieces(first, last, complete=10):
    return held(first, last, complete), BODY[first : last + 1]


@pytest.mark.parametrize(
    ("one", "other", "whole"),
    [
        (pieces(0, 4), pieces(5, 9), pieces(0, 9)),
        (pieces(0, 4), pieces(3, 9), pieces(0, 9)),
        (pieces(0, 9), pieces(3, 5), pieces(0, 9)),
        (pieces(2, 4), pieces(2, 8), pieces(2, 8)),
        (pieces(2, 4), pieces(2, 4), pieces(2, 4)),
        (pieces(2, 2), pieces(3, 3), pieces(2, 3)),
        (pieces(0, 4, None), pieces(5, 9), pieces(0, 9)),
        (pieces(0, 4), pieces(5, 6, None), pieces(0, 6)),
        (pieces(0, 4, None), pieces(5, 6, None), pieces(0, 6, None)),
    ],
)
def test_parts_that_touch_or_overlap_become_one_whichever_came_first(one, other, whole):
    assert joined(*one, *other) == whole
    assert joined(*other, *one) == whole


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pieces(0, 3), pieces(5, 9)),  # a gap
        (pieces(0, 4, 10), pieces(5, 9, 11)),  # of different length
        (pieces(0, 9, None), pieces(2, 3, 9)),  # more than there is
        ((held(0, 4), b"0123"), pieces(5, 9)),  # cut short
        ((held(0, 4), b"012345"), pieces(5, 9)),
    ],
)
def test_what_does_not_fit_together_stays_apart(one, other):
    assert joined(*one, *other) is None
    assert joined(*other, *one) is None


@pytest.mark.parametrize(
    ("stored", "whole", "rest"),
    [
        (held(0, 9), True, None),
        (held(0, 8), False, "bytes=9-"),
        (held(0, 0), False, "bytes=1-"),
        (held(1, 9), False, None),
        (held(3, 4), False, None),
        (held(0, 9, None), False, None),
        (held(0, 0, 1), True, None),
    ],
)
def test_a_beginning_can_be_completed_and_a_whole_need_not(stored, whole, rest):
    assert is_whole(stored) is whole
    assert missing(stored) == rest
