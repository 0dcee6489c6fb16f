"""Cache groups: names an origin gives, read as a List of Strings (RFC 9875 §2, §3)."""

import pytest

from policies.http.groups import groups


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ('"scripts"', ("scripts",)),
        ('"scripts", "pages"', ("pages", "scripts")),
        ('"b"\t,  "a","c"', ("a", "b", "c")),
        ('  "a"  ', ("a",)),
        ('"a", "a"', ("a",)),
        ('"a", "A"', ("A", "a")),
        ('"a";x=1;revalidate, "b"', ("a", "b")),
        (r'"a\"b", "c\\d", "e, f", "g;h"', ('a"b', "c\\d", "e, f", "g;h")),
        ('""', ("",)),
    ],
)
def test_groups_are_read_sorted_and_each_once(value, names):
    assert groups(value) == names


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        ",",
        '"a",',
        ',"a"',
        '"a" "b"',
        '"a", "b',
        '"a"; "b"',
        "'a'",
        '"é"',
        '"a", é',
        '"\udcff"',
        '"a\tb"',
        r'"\a"',
        "@99999999999999999",
        "/",
    ],
)
def test_a_field_that_is_no_list_names_no_group(value):
    assert groups(value) == ()


@pytest.mark.parametrize("member", ["a", "*", "1", "1.5", "?1", ":aGk=:", "@1", '%"a"', '("a" "b")', "()"])
def test_members_that_are_no_strings_are_left_out(member):
    assert groups(member) == ()
    assert groups(f'"kept", {member};p, "kept too"') == ("kept", "kept too")


def test_a_name_that_is_too_long_is_left_out():
    assert groups(f'"{"a" * 128}", "{"b" * 129}"') == ("a" * 128,)


def test_of_too_many_groups_the_first_ones_count():
    names = [f"{number:02}" for number in reversed(range(66))]

    assert groups(", ".join(f'"{name}"' for name in names)) == tuple(sorted(names[:64]))


def test_repeats_take_no_room():
    names = ["again"] * 64 + ["another"]

    assert groups(", ".join(f'"{name}"' for name in names)) == ("again", "another")
