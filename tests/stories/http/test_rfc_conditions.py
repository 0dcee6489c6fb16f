"""A caller's own conditions: answered from the store where that can be (RFC 9110 §13, RFC 9111 §4.3.2)."""

import pytest

from tests.stories.http.script import (
    ASCTIME,
    RFC850,
    Moment,
    Rule,
    ask,
    cached,
    has,
    play,
    says,
    wait,
)

FRESH = "max-age=60"


def not_modified(name, source, stored, **conditions):
    """The caller has what is stored, and hears so."""
    answer = {"cache_control": FRESH, **stored}
    return Rule(
        name, source, ask(origin=says(200, "a", **answer)), wait(5), ask(**conditions, expect=cached("", 304, age=5))
    )


def modified(name, source, stored, **conditions):
    """The caller does not have what is stored, and gets it."""
    answer = {"cache_control": FRESH, **stored}
    return Rule(name, source, ask(origin=says(200, "a", **answer)), wait(5), ask(**conditions, expect=cached("a")))


TAG, WEAK = {"etag": '"1"'}, {"etag": 'W/"1"'}
CHANGED = {"last_modified": -1000}
NONE_MATCH, SINCE = "RFC 9110 §13.1.2", "RFC 9110 §13.1.3"

IF_NONE_MATCH = [
    not_modified("the very tag", NONE_MATCH, TAG, if_none_match='"1"'),
    not_modified("a weak tag for a strong one", NONE_MATCH, TAG, if_none_match='W/"1"'),
    not_modified("a strong tag for a weak one", NONE_MATCH, WEAK, if_none_match='"1"'),
    not_modified("a weak tag for a weak one", NONE_MATCH, WEAK, if_none_match='W/"1"'),
    not_modified("any tag", NONE_MATCH, TAG, if_none_match="*"),
    not_modified("any tag where there is none", NONE_MATCH, {}, if_none_match="*"),
    not_modified("the last of a list", NONE_MATCH, TAG, if_none_match='"3", W/"2", "1"'),
    not_modified("the first of a list", NONE_MATCH, TAG, if_none_match='"1" , "2"'),
    not_modified("one of a list without white space", NONE_MATCH, TAG, if_none_match='"2","1","3"'),
    not_modified("one of a list with empty members", NONE_MATCH, TAG, if_none_match=', "2",, "1",'),
    not_modified("one on a second line", NONE_MATCH, TAG, if_none_match=('"2"', '"1"')),
    not_modified("a tag with a comma in it", NONE_MATCH, {"etag": '"1,2"'}, if_none_match='"0", "1,2"'),
    not_modified("the empty tag", NONE_MATCH, {"etag": '""'}, if_none_match='""'),
    not_modified("a tag with a backslash, which escapes nothing", NONE_MATCH, {"etag": '"1\\"'}, if_none_match='"1\\"'),
    modified("another tag", NONE_MATCH, TAG, if_none_match='"2"'),
    modified("a list of other tags", NONE_MATCH, TAG, if_none_match='"2", "3"'),
    modified("a tag that only begins alike", NONE_MATCH, TAG, if_none_match='"10"'),
    modified("a tag in another case", NONE_MATCH, {"etag": '"A"'}, if_none_match='"a"'),
    modified("a tag where there is none", NONE_MATCH, {}, if_none_match='"1"'),
    modified("a tag of which one part is stored", NONE_MATCH, TAG, if_none_match='"1,2"'),
    modified("a star inside a tag", NONE_MATCH, TAG, if_none_match='"*"'),
]

IF_MODIFIED_SINCE = [
    not_modified("the very date", SINCE, CHANGED, if_modified_since=-1000),
    not_modified("a later date", SINCE, CHANGED, if_modified_since=-999),
    not_modified("the date in the form of RFC 850", SINCE, CHANGED, if_modified_since=Moment(-1000, RFC850)),
    not_modified("the date in the form of asctime", SINCE, CHANGED, if_modified_since=Moment(-1000, ASCTIME)),
    not_modified("the answer's Date where nothing says when it changed", "RFC 9111 §4.3.2", {}, if_modified_since=0),
    not_modified(
        "a date after the answer's Date where nothing says when it changed", "RFC 9111 §4.3.2", {}, if_modified_since=3
    ),
    modified("an earlier date", SINCE, CHANGED, if_modified_since=-1001),
    modified(
        "a date before the answer's Date where nothing says when it changed",
        "RFC 9111 §4.3.2",
        {},
        if_modified_since=-1,
    ),
    modified("what is no date", SINCE, CHANGED, if_modified_since="yesterday"),
    modified("a date in another zone", SINCE, CHANGED, if_modified_since="Thu, 01 Jan 2099 00:00:00 EST"),
    modified(
        "two dates",
        SINCE,
        CHANGED,
        if_modified_since=("Thu, 01 Jan 2099 00:00:00 GMT", "Thu, 01 Jan 2099 00:00:00 GMT"),
    ),
]

PRECEDENCE = [
    modified(
        "another tag, though the date would do",
        "RFC 9110 §13.2.2",
        TAG | CHANGED,
        if_none_match='"2"',
        if_modified_since=-1000,
    ),
    modified(
        "another tag where there is none, though the date would do",
        "RFC 9110 §13.2.2",
        CHANGED,
        if_none_match='"2"',
        if_modified_since=-1000,
    ),
    not_modified(
        "the tag, though the date would not do",
        "RFC 9110 §13.2.2",
        TAG | CHANGED,
        if_none_match='"1"',
        if_modified_since=-1001,
    ),
]

WHAT_304_SAYS = [
    Rule(
        "a 304 from the store says what the answer would have",
        "RFC 9110 §15.4.5",
        ask(
            origin=says(
                200,
                "a",
                cache_control=FRESH,
                etag='"1"',
                expires=60,
                vary="X-A",
                content_location="/other",
                content_type="text/x-a",
                content_language="de",
            )
        ),
        ask(
            if_none_match='"1"',
            expect=cached(
                "",
                304,
                cache_control=FRESH,
                etag='"1"',
                expires=60,
                vary="X-A",
                date=0,
                content_location=has("/other"),
                content_type=None,
                content_language=None,
            ),
        ),
    ),
    Rule(
        "a 304 from the store leaves what is stored",
        "RFC 9111 §4.3.2",
        ask(origin=says(200, "a", cache_control=FRESH, etag='"1"', content_type="text/x-a")),
        ask(if_none_match='"1"', expect=cached("", 304)),
        ask(expect=cached("a", content_type="text/x-a")),
    ),
    Rule(
        "a 304 goes only to the variant the caller chooses",
        "RFC 9111 §4.3.2",
        ask(x_a="1", origin=says(200, "a", cache_control=FRESH, etag='"1"', vary="X-A")),
        ask(x_a="2", origin=says(200, "b", cache_control=FRESH, etag='"2"', vary="X-A")),
        ask(x_a="2", if_none_match='"1"', expect=cached("b")),
        ask(x_a="2", if_none_match='"2"', expect=cached("", 304)),
    ),
    *(
        Rule(
            f"conditions mean nothing where the answer is {status}",
            "RFC 9110 §13.2.1",
            ask(origin=says(status, "a", cache_control=FRESH, etag='"1"', last_modified=-1000)),
            ask(if_none_match='"1"', expect=cached("a", status)),
            ask(if_modified_since=-1000, expect=cached("a", status)),
        )
        for status in (301, 404, 410, 500)
    ),
]

RULES = [*IF_NONE_MATCH, *IF_MODIFIED_SINCE, *PRECEDENCE, *WHAT_304_SAYS]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_callers_conditions(rule):
    await play(rule)
