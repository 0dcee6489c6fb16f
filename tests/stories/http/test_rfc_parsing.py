"""How Cache-Control, Expires, Date and Age are read; what cannot be read never makes an answer fresh."""

import pytest

from tests.stories.http.script import ASCTIME, IMF, RFC850, Moment, Rule, ask, cached, fetched, play, says, wait

TEN_SECONDS = [
    "max-age=10",
    "MAX-AGE=10",
    "Max-Age=10",
    'max-age="10"',
    'max-age="1\\0"',
    "max-age=010",
    ",max-age=10",
    "max-age=10,",
    ", , max-age=10 ,,",
    "x,max-age=10",
    "x , max-age=10",
    "x,\tmax-age=10",
    "max-age=10, x",
    "x=1, max-age=10",
    'x="", max-age=10',
    'x="a, b", max-age=10',
    'x="max-age=0", max-age=10',
    'x="no-store", max-age=10',
    'x="a\\", no-store", max-age=10',
    "no-stores, max-age=10",
    "x-no-store, max-age=10",
    "max-ages=0, max-age=10",
    "max-age=10, max-age=10",
    "s-maxage=10, max-age=0",
]

NOT_FRESH = [
    "max-age",
    "max-age=",
    'max-age=""',
    "max-age=ten",
    "max-age=10s",
    "max-age=1.5",
    "max-age=10.0",
    "max-age=1e3",
    "max-age=0x10",
    "max-age=-1",
    "max-age=-10",
    "max-age=+10",
    "max-age =10",
    "max-age= 10",
    "max-age = 10",
    "max-age=10 20",
    "max-age=10;x=1",
    "max-age:10",
    "max-age='10'",
    'max-age="10',
    'max-age=10"',
    'max-age="10"20',
    "=10",
    "maxage=10",
    "max-age=١٠",
    "x max-age=10",
    'x="never closed, max-age=10',
    "max-age=10 no-store",
    "max-age=10; no-store",
    'max-age=10, no-store="x"',
    "max-age=10, no-store=1",
    "s-maxage=ten, max-age=10",
    "s-maxage, max-age=10",
    "s-maxage=-1, max-age=10",
    "max-age=99, max-age=10",
    'max-age=10, no-cache=""',
    'max-age=10, private=""',
    'max-age=10, private=" , "',
    'max-age=10, no-cache, no-cache="x"',
    "max-age=10, no-cache=",
    "max-age=0, max-age=10",
]

MINUTE_OF_EXPIRES = {
    "IMF-fixdate": Moment(60),
    "rfc850-date": Moment(60, RFC850),
    "asctime-date": Moment(60, ASCTIME),
    "lower-case": Moment(60, IMF.replace("GMT", "gmt")),
}

NO_EXPIRES = {
    "0": "0",
    "-1": "-1",
    "an empty value": "",
    "never": "never",
    "seconds": "60",
    "seconds since the epoch": "4102444800",
    "ISO 8601": "2099-01-01T00:00:00Z",
    "a date without a weekday": "01 Jan 2099 00:00:00 GMT",
    "a date without a zone": "Thu, 01 Jan 2099 00:00:00",
    "UTC": "Thu, 01 Jan 2099 00:00:00 UTC",
    "another zone": "Thu, 01 Jan 2099 00:00:00 EST",
    "a numeric zone": "Thu, 01 Jan 2099 00:00:00 +0000",
    "words after the zone": "Thu, 01 Jan 2099 00:00:00 GMT; x",
    "a date without a comma": "Thu 01 Jan 2099 00:00:00 GMT",
    "a date without seconds": "Thu, 01 Jan 2099 00:00 GMT",
    "a date with hyphens and a short weekday": "Thu, 01-Jan-2099 00:00:00 GMT",
    "a day with one digit": "Thu, 1 Jan 2099 00:00:00 GMT",
    "a year with two digits": "Thu, 01 Jan 99 00:00:00 GMT",
    "a year with five digits": "Thu, 01 Jan 20990 00:00:00 GMT",
    "an hour with one digit": "Thu, 01 Jan 2099 0:00:00 GMT",
    "a month that is none": "Thu, 01 Foo 2099 00:00:00 GMT",
    "a weekday that is none": "Foo, 01 Jan 2099 00:00:00 GMT",
    "the 32nd": "Thu, 32 Jan 2099 00:00:00 GMT",
    "the 0th": "Thu, 00 Jan 2099 00:00:00 GMT",
    "31 February": "Thu, 31 Feb 2099 00:00:00 GMT",
    "the hour 25": "Thu, 01 Jan 2099 25:00:00 GMT",
    "the minute 60": "Thu, 01 Jan 2099 00:60:00 GMT",
    "colons with dots": "Thu, 01 Jan 2099 00.00.00 GMT",
    "two spaces": "Thu, 01  Jan 2099 00:00:00 GMT",
    "a year with two digits more than fifty years ahead": "Friday, 01-Jan-99 00:00:00 GMT",
    "a quoted date": '"Thu, 01 Jan 2099 00:00:00 GMT"',
}

AGE_IS = {
    "7": ("7", 7),
    "a list": ("7, 100", 7),
    "two lines": (("7", "100"), 7),
    "leading zeros": ("007", 7),
    "nothing": ("", 0),
    "a word": ("old", 0),
    "a negative number": ("-7", 0),
    "a sign": ("+7", 0),
    "a fraction": ("7.5", 0),
    "a unit": ("7s", 0),
    "a parameter": ("7;x=1", 0),
    "a quoted number": ('"7"', 0),
    "a list that begins with a word": ("old, 7", 0),
}


def asked_again(name, source, **answer):
    """Not fresh for a moment, whatever else it may be good for."""
    return Rule(name, source, ask(origin=says(200, "a", **answer)), ask(origin=says(200, "b"), expect=fetched("b")))


CACHE_CONTROL = [
    Rule(
        f"read: {value}",
        "RFC 9111 §5.2",
        ask(origin=says(200, "a", cache_control=value)),
        wait(9),
        ask(expect=cached("a", age=9)),
        wait(1),
        ask(origin=says(200, "b"), expect=fetched("b")),
    )
    for value in TEN_SECONDS
] + [asked_again(f"not fresh: {value}", "RFC 9111 §4.2.1, §5.2", cache_control=value) for value in NOT_FRESH]

LARGE = [
    Rule(
        f"huge: {value[:36]} ({len(value)} characters)",
        "RFC 9111 §1.2.2",
        ask(origin=says(200, "a", cache_control=value)),
        wait(30 * 86_400),
        ask(expect=cached("a", age=30 * 86_400)),
    )
    for value in ("max-age=2147483647", "max-age=2147483648", "max-age=99999999999999999999", f"max-age={'9' * 5000}")
]

LINES = [
    Rule(
        "several lines are one list",
        "RFC 9110 §5.3",
        ask(origin=says(200, "a", cache_control=("x", "max-age=10", "y"))),
        wait(9),
        ask(expect=cached("a", age=9)),
    ),
    asked_again(
        "a quoted string does not run on into the next line", "RFC 9110 §5.3", cache_control=('x="a', "max-age=10")
    ),
    Rule(
        "of two Expires the second never makes it longer",
        "RFC 9111 §4.2.1",
        ask(origin=says(200, "a", expires=(str(0), "Thu, 01 Jan 2099 00:00:00 GMT"))),
        ask(origin=says(200, "b"), expect=fetched("b")),
    ),
    Rule(
        "a year with two digits less than fifty years ahead is to come",
        "RFC 9110 §5.6.7",
        ask(origin=says(200, "a", expires="Friday, 01-Jan-60 00:00:00 GMT")),
        ask(expect=cached("a")),
    ),
    Rule(
        "a minute may have a 61st second",
        "RFC 9110 §5.6.7",
        ask(origin=says(200, "a", expires="Wed, 31 Dec 2098 23:59:60 GMT")),
        ask(expect=cached("a")),
    ),
    Rule(
        "field names may be given as a token",
        "RFC 9111 §5.2",
        ask(origin=says(200, "a", cache_control="max-age=60, no-cache=x-mine", x_mine="1")),
        ask(expect=cached("a", x_mine=None)),
    ),
]

EXPIRES = [
    Rule(
        f"Expires is read as {name}",
        "RFC 9110 §5.6.7, RFC 9111 §4.2",
        ask(origin=says(200, "a", expires=moment)),
        wait(59),
        ask(expect=cached("a", age=59)),
        wait(1),
        ask(origin=says(200, "b"), expect=fetched("b")),
    )
    for name, moment in MINUTE_OF_EXPIRES.items()
] + [
    asked_again(f"Expires is in the past where it says {name}", "RFC 9111 §5.3", expires=value)
    for name, value in NO_EXPIRES.items()
]

DATES = [
    Rule(
        f"a Date that says {name} counts as the moment the answer came",
        "RFC 9110 §6.6.1",
        ask(origin=says(200, "a", expires=60, date=value)),
        wait(59),
        ask(expect=cached("a", age=59)),
        wait(1),
        ask(origin=says(200, "b"), expect=fetched("b")),
    )
    for name, value in {
        "nothing at all": None,
        "yesterday": "yesterday",
        "UTC": "Thu, 01 Jan 2099 00:00:00 UTC",
    }.items()
] + [
    Rule(
        f"Date is read in the form {form}",
        "RFC 9110 §5.6.7",
        ask(origin=says(200, "a", cache_control="max-age=60", date=Moment(-20, form))),
        ask(expect=cached("a", age=20)),
    )
    for form in (IMF, RFC850, ASCTIME)
]

AGES = [
    Rule(
        f"Age of {name}",
        "RFC 9111 §5.1",
        ask(origin=says(200, "a", cache_control="max-age=60", age=value)),
        wait(2),
        ask(expect=cached("a", age=age + 2)),
    )
    for name, (value, age) in AGE_IS.items()
] + [
    asked_again("an Age beyond all counting is old", "RFC 9111 §1.2.2, §5.1", cache_control="max-age=60", age="9" * 30)
]

RULES = [*CACHE_CONTROL, *LARGE, *LINES, *EXPIRES, *DATES, *AGES]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_how_fields_are_read(rule):
    await play(rule)
