"""HTTP dates: three forms are read, nothing that merely looks like one (RFC 9110 §5.6.7, RFC 9111 §4.2)."""

from datetime import UTC, datetime

import pytest

from policies.http.dates import format_date, http_date

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT


def at(*numbers):
    return datetime(*numbers, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun Nov 06 08:49:37 1994",
    ],
)
def test_each_of_the_three_forms_is_read_in_any_case(text):
    assert http_date(text, NOW) == NOW
    assert http_date(text.upper(), NOW) == NOW
    assert http_date(text.lower(), NOW) == NOW


@pytest.mark.parametrize("number", range(1, 13))
def test_every_month_has_its_number(number):
    month = datetime(1994, number, 1, tzinfo=UTC).strftime("%b")

    assert http_date(f"Sun, 06 {month} 1994 08:49:37 GMT", NOW) == at(1994, number, 6, 8, 49, 37)
    assert http_date(f"Sun {month}  6 08:49:37 1994", NOW) == at(1994, number, 6, 8, 49, 37)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("Mon", "Monday"),
        ("Tue", "Tuesday"),
        ("Wed", "Wednesday"),
        ("Thu", "Thursday"),
        ("Fri", "Friday"),
        ("Sat", "Saturday"),
        ("Sun", "Sunday"),
    ],
)
def test_any_day_name_will_do_for_nobody_checks_which_it_is(short, long):
    assert http_date(f"{short}, 06 Nov 1994 08:49:37 GMT", NOW) == NOW
    assert http_date(f"{long}, 06-Nov-94 08:49:37 GMT", NOW) == NOW
    assert http_date(f"{short} Nov  6 08:49:37 1994", NOW) == NOW


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
        ("Mon, 01 Jan 0001 00:00:00 GMT", at(1, 1, 1)),
        ("Sat, 01 Jan 0094 00:00:00 GMT", at(94, 1, 1)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", at(9999, 12, 31, 23, 59, 59)),
        ("Tue, 29 Feb 2000 12:00:00 GMT", at(2000, 2, 29, 12)),
        ("Fri, 01 Jan 2038 00:00:00 GMT", at(2038, 1, 1)),
        ("Fri, 01 Jan 2300 00:00:00 GMT", at(2300, 1, 1)),
    ],
)
def test_a_date_is_read_for_what_it_says_however_far_away(text, seconds):
    assert http_date(text, NOW) == seconds


def test_a_leap_second_counts_as_the_second_before_it():
    assert http_date("Sat, 31 Dec 2016 23:59:60 GMT", NOW) == at(2016, 12, 31, 23, 59, 59)


@pytest.mark.parametrize(
    ("now", "text", "year"),
    [
        (at(1994, 11, 6), "Sunday, 06-Nov-94 08:49:37 GMT", 1994),
        (at(1994, 11, 6), "Sunday, 06-Nov-00 08:49:37 GMT", 2000),
        (at(1999, 6, 1), "Sunday, 06-Nov-37 08:49:37 GMT", 2037),
        (at(2026, 6, 1), "Sunday, 06-Nov-26 08:49:37 GMT", 2026),
        (at(2026, 6, 1), "Sunday, 06-Nov-75 08:49:37 GMT", 2075),
        (at(2026, 6, 1), "Sunday, 06-Nov-76 08:49:37 GMT", 1976),
        (at(2026, 6, 1), "Sunday, 06-Apr-76 08:49:37 GMT", 2076),
        (at(2026, 6, 1), "Sunday, 06-Nov-77 08:49:37 GMT", 1977),
        (at(2026, 11, 6, 8, 49, 37), "Sunday, 06-Nov-76 08:49:37 GMT", 2076),
        (at(2026, 11, 6, 8, 49, 36), "Sunday, 06-Nov-76 08:49:37 GMT", 1976),
        (at(2060, 6, 1), "Sunday, 06-Nov-01 08:49:37 GMT", 2101),
        (at(2000, 1, 1), "Sunday, 06-Nov-99 08:49:37 GMT", 1999),
    ],
)
def test_a_two_digit_year_lies_no_more_than_fifty_years_ahead(now, text, year):
    assert datetime.fromtimestamp(http_date(text, now), UTC).year == year


def test_the_same_text_is_read_anew_as_the_century_goes_by():
    text = "Sunday, 06-Nov-94 08:49:37 GMT"

    assert http_date(text, at(2026, 1, 1)) == at(1994, 11, 6, 8, 49, 37)
    assert http_date(text, at(2050, 1, 1)) == at(2094, 11, 6, 8, 49, 37)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "0",
        "-1",
        "now",
        "GMT",
        "784111777",
        # zones
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 PST",
        "Sun, 06 Nov 1994 08:49:37 GMT+1",
        "Sun, 06 Nov 1994 08:49:37 Z",
        "Sun Nov  6 08:49:37 1994 GMT",
        # white space
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994 08:49:37 GMT\n",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun,  06 Nov 1994 08:49:37 GMT",
        "Sun, 06  Nov 1994 08:49:37 GMT",
        "Sun,\t06 Nov 1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov   6 08:49:37 1994",
        # what is missing, too much, or in another order
        "06 Nov 1994 08:49:37 GMT",
        "Sun 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 GMT",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT; more",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 06 Nov 94 08:49:37 GMT",
        "Sun, Nov 06 1994 08:49:37 GMT",
        "1994-11-06T08:49:37Z",
        # digits
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 006 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 199 08:49:37 GMT",
        "Sun, 06 Nov 19940 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37.5 GMT",
        "Sun, 06 11 1994 08:49:37 GMT",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:３7 GMT",
        "Sun, 06 Nov -994 08:49:37 GMT",
        # no such name, day or time
        "Son, 06 Nov 1994 08:49:37 GMT",
        "ſun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 November 1994 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun Nov  0 08:49:37 1994",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 32 Jan 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 29 Feb 1994 08:49:37 GMT",
        "Thu, 29 Feb 1900 08:49:37 GMT",
        "Tuesday, 29-Feb-94 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT" * 10_000,
        "9" * 100_000,
    ],
)
def test_whatever_else_there_is_is_no_date(text):
    assert http_date(text, NOW) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (NOW, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (NOW + 0.999_999_9, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (-0.5, "Wed, 31 Dec 1969 23:59:59 GMT"),
        (at(2026, 2, 3, 4, 5, 6), "Tue, 03 Feb 2026 04:05:06 GMT"),
    ],
)
def test_dates_are_written_as_imf_fixdate_and_fractions_are_cut_off(seconds, text):
    assert format_date(seconds) == text


@pytest.mark.parametrize("seconds", [1e12, float("inf")])
def test_what_lies_beyond_the_calendar_cannot_be_written(seconds):
    with pytest.raises((ValueError, OverflowError)):
        format_date(seconds)
