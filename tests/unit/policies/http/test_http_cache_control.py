"""Cache-Control by its grammar, and what becomes of what does not follow it (RFC 9111 §5.2, §4.2.1)."""

import pytest

from policies.http.cache_control import delta_seconds, names_in, parse_cache_control, seconds


@pytest.mark.parametrize(
    ("value", "directives"),
    [
        ("", {}),
        ("   ", {}),
        (" , ,\t,", {}),
        ("no-store", {"no-store": None}),
        ("Max-Age=60, PUBLIC", {"max-age": "60", "public": None}),
        ("max-age=60,public", {"max-age": "60", "public": None}),
        ("\t max-age=60 \t,\t public ", {"max-age": "60", "public": None}),
        (",max-age=60,,public,", {"max-age": "60", "public": None}),
        ('max-age="60"', {"max-age": "60"}),
        ('max-age=""', {"max-age": ""}),
        ("max-age=1.5", {"max-age": "1.5"}),
        ("max-age=-1", {"max-age": "-1"}),
        ('no-cache="set-cookie, x", max-age=1', {"no-cache": "set-cookie, x", "max-age": "1"}),
        ("no-cache=set-cookie", {"no-cache": "set-cookie"}),
        (r'ext="a\"b\\c\d", private', {"ext": 'a"b\\cd', "private": None}),
        ('ext="a,b=c, no-store", private', {"ext": "a,b=c, no-store", "private": None}),
        ('ext="\té\u2026\udcff"', {"ext": "\té\u2026\udcff"}),
        ("a!#$%&'*+-.^_`|~1=b!#$%&'*+-.^_`|~2", {"a!#$%&'*+-.^_`|~1": "b!#$%&'*+-.^_`|~2"}),
    ],
)
def test_a_value_within_the_grammar_is_read_as_it_stands(value, directives):
    assert parse_cache_control(value) == directives


@pytest.mark.parametrize(
    "unreadable",
    [
        "max-age =60",
        "max-age= 60",
        "max-age = 60",
        "max-age=",
        "max-age=60 public",
        "max-age=60; public",
        "max-age=60;",
        "max age=60",
        "=60",
        "=",
        '"max-age=60"',
        '"',
        'ext="',
        'ext="a',
        'ext="a\\"',
        'ext="a"b',
        'ext=a"b"',
        'ext="a\x00b"',
        'ext="a\\\x00b"',
        'ext="a\nb"',
        'ext="a\x7fb"',
        "max-age=60=60",
        "max-age=(60)",
        "é",
        "ext=é",
        "\x00",
        "max-age=60\n",
        "\xa0max-age=60",
        "max\udcffage=60",
        "/",
        "max-age:60",
    ],
)
def test_a_member_outside_the_grammar_makes_the_whole_no_store(unreadable):
    assert "no-store" in parse_cache_control(unreadable)
    assert parse_cache_control(f"max-age=60, {unreadable}") == {"max-age": "60", "no-store": None}
    assert "no-store" in parse_cache_control(f"{unreadable}, max-age=60")


def test_must_understand_cannot_lift_the_no_store_of_what_cannot_be_read():
    assert parse_cache_control("must-understand, max-age=60, x y") == {"max-age": "60", "no-store": None}


@pytest.mark.parametrize(
    ("value", "directives"),
    [
        ("max-age=60, max-age=60", {"max-age": "60"}),
        ('max-age=60, MAX-AGE="60"', {"max-age": "60"}),
        ("max-age=60, max-age=060", {"max-age": "60"}),
        ("max-age=60, max-age=10", {"max-age": ""}),
        ("max-age=10, max-age=60", {"max-age": ""}),
        ("max-age=60, max-age=10, max-age=60", {"max-age": ""}),
        ("max-age=60, max-age", {"max-age": ""}),
        ("max-age, max-age=60", {"max-age": ""}),
        ("max-age=60, max-age=x", {"max-age": ""}),
        ("s-maxage=1, s-maxage=2", {"s-maxage": ""}),
        ("stale-if-error=1, stale-if-error=2", {"stale-if-error": ""}),
        ("stale-while-revalidate=1, stale-while-revalidate=2", {"stale-while-revalidate": ""}),
        ("max-stale, max-stale=x", {"max-stale": ""}),
        ("no-store, no-store", {"no-store": None}),
        ("max-age=1, s-maxage=2", {"max-age": "1", "s-maxage": "2"}),
    ],
)
def test_of_a_directive_with_two_lifetimes_neither_is_believed(value, directives):
    assert parse_cache_control(value) == directives


@pytest.mark.parametrize("name", ["private", "no-cache"])
@pytest.mark.parametrize(
    ("value", "argument"),
    [
        ("{0}, {0}", None),
        ('{0}, {0}="a"', None),
        ('{0}="a", {0}', None),
        ('{0}="a", {0}=""', None),
        ('{0}="", {0}="a"', None),
        ('{0}="a", {0}="b c"', None),
        ('{0}="a", {0}, {0}="b"', None),
        ('{0}="a", {0}="b, c"', "a, b, c"),
        ('{0}="a", {0}="A"', "a, A"),
    ],
)
def test_the_wider_of_two_prohibitions_holds(name, value, argument):
    assert parse_cache_control(value.format(name)) == {name: argument}


def test_what_was_read_cannot_be_changed_by_those_who_share_it():
    with pytest.raises(TypeError):
        parse_cache_control("max-age=60")["max-age"] = "61"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("60", 60),
        ("0060", 60),
        ("0" * 50 + "7", 7),
        ("2147483647", 2**31 - 1),
        ("2147483648", 2**31),
        ("2147483649", 2**31),
        ("9999999999", 2**31),
        ("99999999999", 2**31),
        ("9" * 100_000, 2**31),
    ],
)
def test_delta_seconds_are_whole_and_clamped(text, number):
    assert delta_seconds(text) == number


@pytest.mark.parametrize(
    "text", [None, "", " ", " 1", "1 ", "1\n", "1.5", "-1", "+1", "-0", "1e3", "0x1", "1_000", "1,2", "x", "٣", "²"]
)
def test_whatever_else_there_is_is_no_delta_seconds(text):
    assert delta_seconds(text) is None


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("", None),
        ("public", None),
        ("s-maxage=60", None),
        ("max-age=60", 60),
        ('max-age="60"', 60),
        ("max-age=0", 0),
        ("max-age", 0),
        ('max-age=""', 0),
        ('max-age=" 60"', 0),
        ("max-age=1.5", 0),
        ("max-age=-1", 0),
        ("max-age=soon", 0),
        ("max-age=60, max-age=61", 0),
    ],
)
def test_a_lifetime_that_cannot_be_used_is_none_at_all_and_an_absent_one_is_absent(value, number):
    assert seconds(parse_cache_control(value), "max-age") == number


@pytest.mark.parametrize(
    ("argument", "names"),
    [
        ("set-cookie", {"set-cookie"}),
        ("Set-Cookie, X-Name", {"set-cookie", "x-name"}),
        ("a,b\t,\tc", {"a", "b", "c"}),
        (",a,,a ,", {"a"}),
        (None, set()),
        ("", set()),
        (" , ", set()),
        ("a b", set()),
        ("a, b c", set()),
        ("a, é", set()),
        ('"a"', set()),
        ("a\n", set()),
    ],
)
def test_names_are_read_all_or_none(argument, names):
    assert names_in(argument) == names
