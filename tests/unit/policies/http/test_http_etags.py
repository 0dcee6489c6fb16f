"""Entity-tags: lists are read as they are written, and tags compared as RFC 9110 §8.8.3 says."""

import pytest

from policies.http.etags import ANY, is_weak, parse_etags, strongly_equal, weakly_equal


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        ('"a"', ('"a"',)),
        ('W/"a"', ('W/"a"',)),
        ('""', ('""',)),
        ('"a", W/"b",\t"c"', ('"a"', 'W/"b"', '"c"')),
        ('"a","b"', ('"a"', '"b"')),
        ('"b", "a", "b"', ('"b"', '"a"', '"b"')),
        ('"a,b", "c"', ('"a,b"', '"c"')),
        (', "a" ,, ', ('"a"',)),
        ('"a b"', ('"a b"',)),
        (r'"a\", "b"', ('"a\\"', '"b"')),  # a backslash is a character like any other
        ("*", ANY),
        (" * ", ANY),
    ],
)
def test_a_list_of_tags_is_read(value, tags):
    assert parse_etags(value) == tags


@pytest.mark.parametrize("value", ["", " ", ",", " , \t,"])
def test_a_list_without_a_member_names_nothing(value):
    assert parse_etags(value) is None


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        ("abc", ("abc",)),
        ('abc, "d"', ("abc", '"d"')),
        ('w/"a"', ('w/"a"',)),
        ('W/a, "b"', ("W/a", '"b"')),
        ('"a"b, "c"', ('"a"b', '"c"')),
        ('"a, "b"', ('"a', '"b"')),
        ('"b", "a', ('"b"', '"a')),
        ('"a", *', ('"a"', "*")),
    ],
)
def test_a_member_that_is_no_tag_is_kept_as_it_stands(value, tags):
    assert parse_etags(value) == tags


@pytest.mark.parametrize(
    ("tag", "weak"),
    [('W/"a"', True), ('"a"', False), ('"W/"', False), ("a", False), ("", False), ('w/"a"', True), ("W/a", True)],
)
def test_a_tag_is_weak_if_it_is_marked_so(tag, weak):
    assert is_weak(tag) is weak


@pytest.mark.parametrize(
    ("one", "other", "strongly", "weakly"),
    [
        ('W/"1"', 'W/"1"', False, True),  # the table of §8.8.3.2
        ('W/"1"', 'W/"2"', False, False),
        ('W/"1"', '"1"', False, True),
        ('"1"', '"1"', True, True),
        ('"1"', '"2"', False, False),
        ('"a"', '"A"', False, False),
        ('""', '""', True, True),
        ("a", "a", True, True),  # what is no entity-tag is its own text, and nothing else
        ("a", '"a"', False, False),
        ("W/a", "a", False, False),
        ("W/a", "W/a", False, True),
        ('w/"a"', '"a"', False, False),
        ('w/"a"', 'w/"a"', False, True),
        ('W/"a', '"a', False, False),
    ],
)
def test_tags_compare_the_same_either_way_round(one, other, strongly, weakly):
    assert strongly_equal(one, other) is strongly_equal(other, one) is strongly
    assert weakly_equal(one, other) is weakly_equal(other, one) is weakly
