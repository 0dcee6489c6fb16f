"""Validation: what is asked of the origin, which stored answers its 304 means, and what becomes of them (§4.3)."""

import pytest

from policies.http.validation import freshens, renewed, validators

OLD = "Sun, 06 Nov 1994 07:49:37 GMT"
NEW = "Sun, 06 Nov 1994 08:49:37 GMT"

A, B, WEAK_A, WEAK_B = {"etag": '"a"'}, {"etag": '"b"'}, {"etag": 'W/"a"'}, {"etag": 'W/"b"'}
DATED, BARE = {"last-modified": NEW}, {"content-type": "a/b"}


def conditions(tags=None, since=None):
    pairs = (("If-None-Match", tags), ("If-Modified-Since", since))
    return tuple((name, value) for name, value in pairs if value is not None)


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        ([A], conditions('"a"')),
        ([WEAK_A], conditions('W/"a"')),
        ([{"etag": "a"}], conditions("a")),
        ([DATED], conditions(since=NEW)),
        ([A | DATED], conditions('"a"', NEW)),
        ([A, B], conditions('"a", "b"')),
        ([B, A, B], conditions('"b", "a"')),
        ([A | DATED, B], conditions('"a", "b"')),
        ([DATED, B], conditions('"b"')),  # a date beside the tag of another answer would say nothing of that one
        ([DATED, {"last-modified": OLD}], conditions(since=NEW)),
        ([BARE, DATED], ()),
        ([BARE, A], conditions('"a"')),
        ([BARE], ()),
        ([{"etag": "", "last-modified": ""}], ()),
        ([], ()),
    ],
)
def test_what_is_stored_is_validated_by_every_tag_or_by_the_newest_date(stored, sent):
    assert validators(stored, {}) == sent


@pytest.mark.parametrize(
    ("stored", "asked", "sent"),
    [
        ([A], {"if-none-match": '"c", W/"d"'}, conditions('"a", "c", W/"d"')),
        ([A], {"if-none-match": '"c", "a", "c"'}, conditions('"a", "c"')),
        ([A, B], {"if-none-match": '"c"'}, conditions('"a", "b", "c"')),
        ([A | DATED], {"if-none-match": '"c"'}, conditions('"a", "c"', NEW)),
        ([A], {"if-none-match": "*"}, conditions('"a"')),
        ([A], {"if-none-match": '"c", *'}, conditions('"a", "c"')),
        ([A], {"if-modified-since": OLD}, conditions('"a"')),
        ([A | DATED], {"if-modified-since": OLD}, conditions('"a"', NEW)),
        ([DATED], {"if-modified-since": OLD}, conditions(since=NEW)),
        ([DATED], {"if-none-match": '"c"'}, conditions(since=NEW)),
        ([DATED], {"if-none-match": "*"}, conditions(since=NEW)),
        ([BARE], {"if-modified-since": OLD}, conditions(since=OLD)),
        ([BARE], {"if-none-match": '"c"', "if-modified-since": OLD}, conditions('"c"', OLD)),
        ([BARE], {"if-none-match": "*", "if-modified-since": OLD}, ()),
        ([BARE], {"if-none-match": '"c", *'}, ()),
        ([], {"if-none-match": "*", "if-modified-since": OLD}, conditions("*", OLD)),
        ([], {"if-none-match": '"c"'}, conditions('"c"')),
        ([A], {"if-match": '"c"', "range": "bytes=0-1"}, conditions('"a"')),
    ],
)
def test_a_callers_conditions_join_those_of_what_is_stored(stored, asked, sent):
    assert validators(stored, asked) == sent


@pytest.mark.parametrize(
    ("answer", "stored", "indexes"),
    [
        # a strong validator: all that have it
        (A, [A], (0,)),
        (A, [B], ()),
        (A, [B, A], (1,)),
        (A, [A, B, A], (0, 2)),
        (A, [WEAK_A], ()),
        (A, [DATED, BARE], ()),
        (A | DATED, [B | DATED], ()),
        (A | DATED, [DATED], ()),
        ({"etag": "a"}, [{"etag": "a"}], (0,)),
        # weak validators: the newest that they correspond to
        (WEAK_A, [WEAK_A], (0,)),
        (WEAK_A, [A], (0,)),
        (WEAK_A, [B, A, WEAK_A], (1,)),
        (WEAK_A, [B, WEAK_B], ()),
        (WEAK_A, [DATED], ()),
        (WEAK_A, [BARE], ()),
        (WEAK_A | DATED, [WEAK_B | DATED, WEAK_A], (1,)),
        (WEAK_A | DATED, [DATED], (0,)),
        (DATED, [DATED], (0,)),
        (DATED, [A | DATED, DATED], (0,)),
        (DATED, [{"last-modified": OLD}, DATED], (1,)),
        (DATED, [{"last-modified": OLD}], ()),
        (DATED, [BARE], ()),
        # no validator: a single answer that has none either
        (BARE, [BARE], (0,)),
        (BARE, [BARE, BARE], ()),
        (BARE, [A], ()),
        (BARE, [DATED], ()),
        (BARE, [], ()),
        ({}, [{}], (0,)),
    ],
)
def test_a_304_renews_what_its_validators_name(answer, stored, indexes):
    assert freshens(answer, stored) == indexes


@pytest.mark.parametrize(
    ("stored", "asked", "indexes"),
    [
        ([A], {}, (0,)),
        ([DATED], {}, (0,)),
        ([A | DATED], {}, (0,)),
        ([A], {"if-none-match": '"a"'}, (0,)),
        ([A], {"if-none-match": '"c"'}, ()),  # the 304 may mean the caller's
        ([A, B], {}, ()),
        ([DATED, DATED], {}, ()),
    ],
)
def test_a_304_without_a_validator_means_the_only_answer_it_was_asked_about(stored, asked, indexes):
    assert freshens({}, stored, validators(stored, asked)) == indexes


def test_a_304_that_names_another_state_renews_nothing_whatever_was_sent():
    assert freshens(B, [A], validators([A], {})) == ()


STORED = (
    ("ETag", '"a"'),
    ("Cache-Control", "max-age=1"),
    ("Content-Type", "a/b"),
    ("Content-Encoding", "gzip"),
    ("Content-Range", "bytes 0-1/2"),
    ("Content-Length", "2"),
    ("Set-Cookie", "old"),
    ("Link", "<1>"),
    ("link", "<2>"),
)


def test_each_field_of_a_304_replaces_its_namesakes_and_the_rest_stays():
    answer = (("cache-control", "max-age=2"), ("Link", "<3>"), ("LINK", "<4>"), ("X-New", "1"))

    assert renewed(STORED, answer, as_stored=True) == (
        ("ETag", '"a"'),
        ("Content-Type", "a/b"),
        ("Content-Encoding", "gzip"),
        ("Content-Range", "bytes 0-1/2"),
        ("Content-Length", "2"),
        ("Set-Cookie", "old"),
        ("cache-control", "max-age=2"),
        ("Link", "<3>"),
        ("LINK", "<4>"),
        ("X-New", "1"),
    )


@pytest.mark.parametrize("as_stored", [True, False])
@pytest.mark.parametrize("name", ["Content-Length", "content-range", "Set-Cookie", "Age"])
def test_what_belongs_to_the_stored_body_or_to_one_caller_is_never_taken_over(name, as_stored):
    assert renewed(STORED, ((name, "new"),), as_stored=as_stored) == STORED


@pytest.mark.parametrize("name", ["Content-Encoding", "content-type"])
def test_what_a_decoded_body_depends_on_stays(name):
    assert renewed(STORED, ((name, "new"),), as_stored=False) == STORED
    assert (name, "new") in renewed(STORED, ((name, "new"),), as_stored=True)
    assert len(renewed(STORED, ((name, "new"),), as_stored=True)) == len(STORED)


def test_an_age_from_before_a_validation_ends_with_it():
    assert renewed((("Age", "9"), ("ETag", '"a"')), (), as_stored=True) == (("ETag", '"a"'),)
