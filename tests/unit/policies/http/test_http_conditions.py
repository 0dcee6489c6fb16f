"""Conditional requests: what a cache may judge, what it judges, and what its 304 carries."""

import pytest

from policies.http.conditions import CONDITIONAL, is_for_origin, is_not_modified, not_modified_fields

NOW = 784_115_377.0
EARLIER = "Sun, 06 Nov 1994 07:49:37 GMT"  # two hours before NOW
MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT"  # an hour before NOW
LATER = "Sun, 06 Nov 1994 09:19:37 GMT"  # half an hour before NOW
TODAY = "Sun, 06 Nov 1994 09:49:37 GMT"  # NOW
FUTURE = "Sun, 06 Nov 1994 09:49:38 GMT"
MODIFIED_AT = NOW - 3_600


def test_the_conditional_fields_are_those_of_rfc_9110():
    assert {name for name in CONDITIONAL if name.startswith("if-")} == {
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
    }
    assert "range" in CONDITIONAL


@pytest.mark.parametrize(
    ("name", "for_origin"),
    [
        ("if-match", True),
        ("if-unmodified-since", True),
        ("if-none-match", False),
        ("if-modified-since", False),
        ("if-range", False),
        ("range", False),
    ],
)
def test_only_conditions_against_lost_updates_are_for_the_origin_alone(name, for_origin):
    assert is_for_origin({name: "*", "accept": "a/b"}) is for_origin


def is_304(request, stored, stored_date=NOW):
    return is_not_modified(request, stored, stored_date=stored_date, now=NOW)


def test_without_a_condition_nothing_is_unmodified():
    assert not is_304({}, {"etag": '"a"', "last-modified": MODIFIED})


@pytest.mark.parametrize(
    ("asked", "etag", "unmodified"),
    [
        ('"a"', '"a"', True),
        ('"b"', '"a"', False),
        ('W/"a"', '"a"', True),
        ('"a"', 'W/"a"', True),
        ('"b", W/"a"', '"a"', True),
        ('"b", "c"', '"a"', False),
        ("*", '"a"', True),
        ("*", None, True),
        ('"a"', None, False),
        ('"b", *', '"a"', False),
        ("a", "a", True),
        ("a", '"a"', False),
        ("", '"a"', False),
        ("", "", False),
    ],
)
def test_if_none_match_compares_weakly_with_each_member(asked, etag, unmodified):
    assert is_304({"if-none-match": asked}, {} if etag is None else {"etag": etag}) is unmodified


@pytest.mark.parametrize("asked", ['"b"', "", ","])
def test_if_none_match_hides_if_modified_since(asked):
    stored = {"etag": '"a"', "last-modified": MODIFIED}

    assert is_304({"if-modified-since": MODIFIED}, stored)
    assert not is_304({"if-none-match": asked, "if-modified-since": MODIFIED}, stored)


def test_if_none_match_holds_whatever_if_modified_since_says():
    assert is_304({"if-none-match": '"a"', "if-modified-since": EARLIER}, {"etag": '"a"', "last-modified": MODIFIED})


@pytest.mark.parametrize(
    ("since", "unmodified"),
    [
        (EARLIER, False),
        (MODIFIED, True),
        (LATER, True),
        (TODAY, True),
        (FUTURE, True),
        ("Sunday, 06-Nov-94 08:49:37 GMT", True),
        ("", False),
        ("soon", False),
        (f"{MODIFIED}, {MODIFIED}", False),
        ("784111777", False),
    ],
)
def test_if_modified_since_compares_with_last_modified(since, unmodified):
    assert is_304({"if-modified-since": since}, {"last-modified": MODIFIED}) is unmodified


@pytest.mark.parametrize("stored", [{}, {"last-modified": "lately"}])
@pytest.mark.parametrize(("since", "unmodified"), [(EARLIER, False), (MODIFIED, True), (LATER, True), (FUTURE, True)])
def test_without_a_modification_date_the_stored_date_is_compared(stored, since, unmodified):
    assert is_304({"if-modified-since": since}, stored, stored_date=MODIFIED_AT) is unmodified


def test_a_modification_date_goes_before_the_stored_date():
    assert is_304({"if-modified-since": MODIFIED}, {"last-modified": MODIFIED}, stored_date=NOW)
    assert not is_304({"if-modified-since": EARLIER}, {"last-modified": MODIFIED}, stored_date=NOW - 9_000)


KEPT = (
    ("Cache-Control", "max-age=60"),
    ("Content-Location", "/a"),
    ("Content-Security-Policy", "default-src 'none'"),
    ("Date", TODAY),
    ("ETag", '"a"'),
    ("Expires", TODAY),
    ("Vary", "Accept"),
    ("X-Name", "1"),
    ("x-name", "2"),
)


@pytest.mark.parametrize(
    "name",
    [
        "Content-Type",
        "content-length",
        "Content-Encoding",
        "CONTENT-LANGUAGE",
        "Content-Range",
        "Content-Digest",
        "Content-Disposition",
        "Transfer-Encoding",
        "Trailer",
        "Last-Modified",
    ],
)
def test_a_304_carries_no_metadata_of_a_representation_it_has_not(name):
    fields = (*KEPT[:4], (name, "value"), *KEPT[4:])

    assert not_modified_fields(fields) == KEPT


def test_a_304_carries_last_modified_where_there_is_no_etag():
    fields = (("Last-Modified", MODIFIED), ("Content-Type", "a/b"))

    assert not_modified_fields(fields) == (("Last-Modified", MODIFIED),)
