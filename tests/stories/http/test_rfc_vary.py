"""Which stored answer a request chooses (RFC 9111 §4.1, RFC 9110 §12.5.5)."""

import pytest

from tests.stories.http.script import Rule, ask, cached, fetched, play, says, wait

FRESH = "max-age=60"


def chooses(name, vary, first, second, source="RFC 9111 §4.1"):
    """The second request may have the first one's answer."""
    return Rule(
        name,
        source,
        ask(**first, origin=says(200, "a", cache_control=FRESH, vary=vary)),
        ask(**second, expect=cached("a", vary=vary)),
    )


def differs(name, vary, first, second, source="RFC 9111 §4.1"):
    """The second request may not have the first one's answer."""
    return Rule(
        name,
        source,
        ask(**first, origin=says(200, "a", cache_control=FRESH, vary=vary)),
        ask(**second, origin=says(200, "b", cache_control=FRESH, vary=vary), expect=fetched("b")),
    )


ONE_FIELD = [
    chooses("the same value", "X-Kind", {"x_kind": "1"}, {"x_kind": "1"}),
    chooses("absent both times", "X-Kind", {}, {}),
    chooses("empty both times", "X-Kind", {"x_kind": ""}, {"x_kind": ""}),
    chooses("the field's name in another case", "x-KIND", {"x_kind": "1"}, {"x_kind": "1"}),
    chooses(
        "fields that Vary does not name may differ", "X-Kind", {"x_kind": "1", "x": "1"}, {"x_kind": "1", "x": "2"}
    ),
    chooses("an empty Vary names nothing", "", {"x_kind": "1"}, {"x_kind": "2"}),
    chooses("a Vary of commas names nothing", ", ,", {"x_kind": "1"}, {"x_kind": "2"}),
    differs("another value", "X-Kind", {"x_kind": "1"}, {"x_kind": "2"}),
    differs("absent, then there", "X-Kind", {}, {"x_kind": "1"}),
    differs("there, then absent", "X-Kind", {"x_kind": "1"}, {}),
    differs("absent, then empty", "X-Kind", {}, {"x_kind": ""}),
    differs("empty, then absent", "X-Kind", {"x_kind": ""}, {}),
    differs("a value in another case", "X-Kind", {"x_kind": "one"}, {"x_kind": "One"}),
    differs("a value that begins alike", "X-Kind", {"x_kind": "1"}, {"x_kind": "10"}),
]

SEVERAL_FIELDS = [
    chooses("all of several fields are the same", "X-A, X-B", {"x_a": "1", "x_b": "2"}, {"x_b": "2", "x_a": "1"}),
    chooses("several fields without white space", "X-A,X-B,", {"x_a": "1", "x_b": "2"}, {"x_a": "1", "x_b": "2"}),
    chooses("one of several fields is absent both times", "X-A, X-B", {"x_a": "1"}, {"x_a": "1"}),
    differs("the first of several fields differs", "X-A, X-B", {"x_a": "1", "x_b": "2"}, {"x_a": "9", "x_b": "2"}),
    differs("the last of several fields differs", "X-A, X-B", {"x_a": "1", "x_b": "2"}, {"x_a": "1", "x_b": "9"}),
    differs("two fields have exchanged their values", "X-A, X-B", {"x_a": "1", "x_b": "2"}, {"x_a": "2", "x_b": "1"}),
    differs("one of several fields went away", "X-A, X-B", {"x_a": "1", "x_b": "2"}, {"x_a": "1"}),
    differs(
        "Vary on two lines: the second line counts", ("X-A", "X-B"), {"x_a": "1", "x_b": "2"}, {"x_a": "1", "x_b": "9"}
    ),
    differs(
        "Vary on two lines: the first line counts", ("X-A", "X-B"), {"x_a": "1", "x_b": "2"}, {"x_a": "9", "x_b": "2"}
    ),
]

STAR = [differs(f"Vary: {vary}", vary, {"x_a": "1"}, {"x_a": "1"}) for vary in ("*", "*, X-A", "X-A, *", "X-A ,*,")] + [
    differs("a Vary on a second line may be *", ("X-A", "*"), {"x_a": "1"}, {"x_a": "1"}),
    differs("a Vary that names no field might mean anything", "X A", {"x_a": "1"}, {"x_a": "1"}, "Larder's own"),
]

SAME_MEANING = [
    chooses("lines of a field are one list", "X-A", {"x_a": ("1", "2")}, {"x_a": "1, 2"}),
    chooses("white space around commas", "X-A", {"x_a": "1,2"}, {"x_a": "1 , 2"}),
    chooses("white space around the value", "X-A", {"x_a": "1"}, {"x_a": "  1  "}),
    chooses(
        "languages in another case",
        "Accept-Language",
        {"accept_language": "de-AT, EN"},
        {"accept_language": "de-at, en"},
    ),
    chooses(
        "languages by falling weight",
        "Accept-Language",
        {"accept_language": "en;q=0.5, de"},
        {"accept_language": "de, en;q=0.5"},
    ),
    chooses(
        "a weight of one need not be said",
        "Accept-Language",
        {"accept_language": "de;q=1.0, en;q=0.50"},
        {"accept_language": "de, en;q=0.5"},
    ),
    chooses(
        "white space before a weight",
        "Accept-Language",
        {"accept_language": "de, en ; q=0.5"},
        {"accept_language": "de,en;q=0.5"},
    ),
    chooses(
        "codings in another case",
        "Accept-Encoding",
        {"accept_encoding": "GZIP, br;q=0.1"},
        {"accept_encoding": "gzip, br;q=0.1"},
    ),
    differs("members of a list in another order", "X-A", {"x_a": "1, 2"}, {"x_a": "2, 1"}),
    differs(
        "languages of other weights",
        "Accept-Language",
        {"accept_language": "de, en;q=0.5"},
        {"accept_language": "de, en;q=0.6"},
    ),
    differs(
        "a coding that is refused", "Accept-Encoding", {"accept_encoding": "gzip"}, {"accept_encoding": "gzip, br;q=0"}
    ),
    differs("white space inside a quoted string", "X-A", {"x_a": '"1,2"'}, {"x_a": '"1, 2"'}),
    differs("a product in another case", "User-Agent", {"user_agent": "Spoon/1"}, {"user_agent": "spoon/1"}),
]


def german(**fields):
    return ask(accept_language="de", **fields)


def english(**fields):
    return ask(accept_language="en", **fields)


def said(body, lifetime=60, vary="Accept-Language", **more):
    return says(200, body, cache_control=f"max-age={lifetime}", vary=vary, **more)


SIDE_BY_SIDE = [
    Rule(
        "variants are kept side by side",
        "RFC 9111 §4.1",
        german(origin=said("hallo")),
        english(origin=said("hello")),
        german(expect=cached("hallo")),
        english(expect=cached("hello")),
    ),
    Rule(
        "ten variants are kept side by side",
        "RFC 9111 §4.1",
        *(ask(x_kind=str(number), origin=said(f"{number}", vary="X-Kind")) for number in range(10)),
        *(ask(x_kind=str(number), expect=cached(f"{number}")) for number in range(10)),
    ),
    Rule(
        "each variant ages by itself",
        "RFC 9111 §4.2",
        german(origin=said("hallo", 10)),
        wait(5),
        english(origin=said("hello", 60)),
        wait(5),
        german(origin=said("hallo!", 10), expect=fetched("hallo!")),
        english(expect=cached("hello", age=5)),
    ),
    Rule(
        "a new answer for one variant leaves the others",
        "RFC 9111 §4.1",
        german(origin=said("hallo")),
        english(origin=said("hello")),
        german(cache_control="no-cache", origin=said("hallo!")),
        german(expect=cached("hallo!")),
        english(expect=cached("hello")),
    ),
    Rule(
        "variants may be told apart by different fields",
        "RFC 9111 §4.1",
        german(origin=said("hallo")),
        english(x_kind="1", origin=said("one", vary="Accept-Language, X-Kind")),
        english(x_kind="2", origin=said("two", vary="Accept-Language, X-Kind")),
        english(x_kind="1", expect=cached("one")),
        english(x_kind="2", expect=cached("two")),
        german(expect=cached("hallo")),
    ),
    Rule(
        "an answer for all does not answer what a newer one tells apart",
        "RFC 9111 §4.1",
        german(origin=says(200, "for all", cache_control="max-age=60")),
        wait(5),
        english(cache_control="no-cache", origin=said("hello")),
        ask(accept_language="fr", origin=said("bonjour"), expect=fetched("bonjour")),
    ),
    Rule(
        "Vary: * for one request leaves what is stored for others",
        "RFC 9111 §4.1",
        german(origin=said("hallo")),
        english(origin=said("whatever", vary="*")),
        german(expect=cached("hallo")),
        english(origin=said("hello"), expect=fetched("hello")),
    ),
    Rule(
        "HEAD chooses as GET does",
        "RFC 9111 §4.1",
        german(origin=said("hallo")),
        ask("HEAD", accept_language="de", expect=cached("", vary="Accept-Language")),
        ask("HEAD", accept_language="en", origin=said("hello"), expect=fetched("")),
    ),
    Rule(
        "variants of different targets do not mix",
        "RFC 9111 §4",
        ask(path="/a", accept_language="de", origin=said("hallo")),
        ask(path="/b", accept_language="de", origin=said("guten Tag")),
        ask(path="/a", accept_language="de", expect=cached("hallo")),
    ),
]

RULES = [*ONE_FIELD, *SEVERAL_FIELDS, *STAR, *SAME_MEANING, *SIDE_BY_SIDE]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_which_answer_is_chosen(rule):
    await play(rule)
