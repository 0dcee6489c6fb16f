"""Targeted cache control: which field speaks to this cache, and what its members mean (RFC 9213)."""

import pytest

from policies.http.cache_control import seconds
from policies.http.targeted import TARGETS, control_of

MINE, CDN = TARGETS


def test_the_field_with_its_own_name_comes_first():
    assert TARGETS == ("larder-cache-control", "cdn-cache-control")


@pytest.mark.parametrize(
    ("headers", "directives", "targeted"),
    [
        ({}, {}, False),
        ({"cache-control": "max-age=1"}, {"max-age": "1"}, False),
        ({CDN: "max-age=2"}, {"max-age": "2"}, True),
        ({CDN: "max-age=2", "cache-control": "no-store"}, {"max-age": "2"}, True),
        ({CDN: "none", "cache-control": "no-store"}, {"none": None}, True),
        ({MINE: "max-age=3", CDN: "max-age=2", "cache-control": "max-age=1"}, {"max-age": "3"}, True),
        ({MINE: "max-age=3", "cache-control": "private"}, {"max-age": "3"}, True),
        ({"other-cache-control": "max-age=9", "cache-control": "max-age=1"}, {"max-age": "1"}, False),
        ({"surrogate-control": "max-age=9"}, {}, False),
        ({"pragma": "no-cache"}, {}, False),
        ({"pragma": "no-cache", "cache-control": "max-age=1"}, {"max-age": "1"}, False),
    ],
)
def test_the_first_target_hides_all_that_is_said_to_others(headers, directives, targeted):
    assert control_of(headers) == (directives, targeted)


@pytest.mark.parametrize(
    "invalid",
    [
        "",
        " ",
        "Max-Age=3",
        "max-age=3,",
        "max-age=3,,public",
        "max-age=3 public",
        "max-age=3; public, =",
        "max-age =3",
        "max-age= 3",
        "max-age=",
        'private="',
        "max-age=3, é",
        "max-age=3, \udcff",
        'ext="é"',
        "max-age=9999999999999999",
        "max-age=1.2345",
        "1",
        "no-store\n",
    ],
)
def test_a_target_that_is_empty_or_invalid_is_ignored_as_a_whole(invalid):
    assert control_of({MINE: invalid, "cache-control": "max-age=1"}) == ({"max-age": "1"}, False)
    assert control_of({MINE: invalid, CDN: "max-age=2", "cache-control": "max-age=1"}) == ({"max-age": "2"}, True)


@pytest.mark.parametrize(
    ("value", "directives"),
    [
        ("max-age=60, public", {"max-age": "60", "public": None}),
        ("no-store=?1", {"no-store": None}),
        ("no-store=?0, max-age=60", {"max-age": "60"}),
        ("no-store=?0", {}),
        ("max-age=60;x=1;y, must-revalidate;z", {"max-age": "60", "must-revalidate": None}),
        ("max-age=0", {"max-age": "0"}),
        ("max-age=-1", {"max-age": "-1"}),
        ("max-age=60, max-age=10", {"max-age": "10"}),
        ("private, no-cache", {"private": None, "no-cache": None}),
        ('private="a, b", no-cache="c"', {"private": "a, b", "no-cache": "c"}),
        ("private=a", {"private": "a"}),
        ('private=(a "b" c), no-cache=("d")', {"private": "a, b, c", "no-cache": "d"}),
        ("no-cache=(a;p b;q);r", {"no-cache": "a, b"}),
        ("no-cache=()", {"no-cache": ""}),
        ("no-cache=(a 1)", {"no-cache": ""}),
        ("no-cache=1, private=1.5", {"no-cache": "", "private": ""}),
        ("unknown=token, public", {"unknown": "", "public": None}),
    ],
)
def test_members_become_the_directives_they_stand_for(value, directives):
    assert control_of({CDN: value}) == (directives, True)


@pytest.mark.parametrize("name", ["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"])
@pytest.mark.parametrize("value", ["60.0", '"60"', "a60", ":aGk=:", "@60", '%"60"', "(60)", "()", "-60", "?1"])
def test_a_lifetime_of_another_type_cannot_be_used(name, value):
    assert seconds(control_of({CDN: f"{name}={value}"}).directives, name) == 0


def test_a_large_integer_is_clamped_like_any_lifetime():
    assert seconds(control_of({CDN: "max-age=999999999999999"}).directives, "max-age") == 2**31


def test_lines_that_were_joined_are_one_dictionary():
    assert control_of({CDN: "max-age=60, private"}).directives == {"max-age": "60", "private": None}


def test_what_was_read_cannot_be_changed_by_those_who_share_it():
    with pytest.raises(TypeError):
        control_of({CDN: "max-age=60"}).directives["max-age"] = "61"
