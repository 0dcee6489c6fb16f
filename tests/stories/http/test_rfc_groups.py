"""Groups of stored answers, and what ends them all (RFC 9875)."""

import pytest

from tests.stories.http.script import Rule, ask, cached, fetched, play, says, validated, wait

FRESH = "max-age=60"


def grouped(path, groups, **answer):
    return ask(path=path, origin=says(200, path, cache_control=FRESH, cache_groups=groups, **answer))


def holds(*paths):
    return [ask(path=path, expect=cached(path)) for path in paths]


def ended(*paths):
    return [ask(path=path, origin=says(200, "new"), expect=fetched("new")) for path in paths]


def ends(groups, method="POST", status=200, **more):
    return ask(method, "/elsewhere", origin=says(status, "done", cache_group_invalidation=groups, **more))


def ending(name, groups, ending_groups, *, all_of_it=True, source="RFC 9875 §3"):
    """/a is in these groups; a write ends those."""
    last = ended("/a") if all_of_it else holds("/a")
    return Rule(name, source, grouped("/a", groups), ends(ending_groups), *last)


MANY = ", ".join(f'"{number:032}"' for number in range(32))

LISTS = [
    ending("the group is ended", '"g"', '"g"'),
    ending("one of two groups is ended", '"f", "g"', '"g"'),
    ending("one of the groups ended is the one", '"g"', '"f", "g"'),
    ending("groups on two lines", ('"f"', '"g"'), '"g"'),
    ending("groups ended on two lines", '"g"', ('"f"', '"g"')),
    ending("without white space", '"f","g"', '"e","g"'),
    ending("parameters mean nothing", '"g";x=1', '"g";y="z"'),
    ending("a comma inside a group's name", '"f,g"', '"f,g"'),
    ending("an escaped quote inside a group's name", '"a\\"b"', '"a\\"b"'),
    ending("the group without a name", '""', '""'),
    ending("the last of 32 groups with 32 characters each", MANY, f'"{31:032}"', source="RFC 9875 §2"),
    ending("a group with 32 characters among 32 that are ended", f'"{31:032}"', MANY, source="RFC 9875 §3"),
    ending("another group", '"g"', '"h"', all_of_it=False),
    ending("a group in another case", '"g"', '"G"', all_of_it=False),
    ending("a group that begins alike", '"g"', '"gg"', all_of_it=False),
    ending("a group whose name is part of a list's text", '"f, g"', '"g"', all_of_it=False),
    ending("nothing named", '"g"', "", all_of_it=False),
    ending("a token is no group", '"g"', "g", all_of_it=False),
    ending("an answer in a group by a token is in none", "g", '"g"', all_of_it=False),
    ending("a list that cannot be read ends nothing", '"g"', '"g", "h', all_of_it=False),
    ending("a list that cannot be read groups nothing", '"g",', '"g"', all_of_it=False),
]

EXTENT = [
    Rule(
        "all members of a group are ended, and nobody else",
        "RFC 9875 §3",
        grouped("/a", '"g"'),
        grouped("/b", '"g", "h"'),
        grouped("/c", '"h"'),
        ends('"g"'),
        *ended("/a", "/b"),
        *holds("/c"),
    ),
    Rule(
        "all variants in a group are ended",
        "RFC 9875 §3",
        ask(x_a="1", origin=says(200, "one", cache_control=FRESH, vary="X-A", cache_groups='"g"')),
        ask(x_a="2", origin=says(200, "two", cache_control=FRESH, vary="X-A", cache_groups='"g"')),
        ends('"g"'),
        ask(x_a="1", origin=says(200, "new one", vary="X-A"), expect=fetched("new one")),
        ask(x_a="2", origin=says(200, "new two", vary="X-A"), expect=fetched("new two")),
    ),
    Rule(
        "what belongs to a credential is ended with its group",
        "RFC 9875 §3",
        ask(authorization="Bearer one", origin=says(200, "mine", cache_control=FRESH, cache_groups='"g"')),
        ends('"g"'),
        ask(authorization="Bearer one", origin=says(200, "new"), expect=fetched("new")),
    ),
    Rule(
        "what was ended may be validated",
        "RFC 9111 §4.4",
        grouped("/a", '"g"', etag='"1"'),
        ends('"g"'),
        ask(origin=says(304, etag='"1"', cache_control=FRESH), sees={"If-None-Match": '"1"'}, expect=validated("/a")),
    ),
    Rule(
        "ending one member ends the group's others",
        "RFC 9875 §2.2.1",
        grouped("/a", '"g"'),
        grouped("/b", '"g"'),
        ask("PUT", "/a", body="x", origin=says(204)),
        *ended("/a", "/b"),
    ),
    Rule(
        "but does not go on from group to group",
        "RFC 9875 §2.2.1",
        grouped("/a", '"g"'),
        grouped("/b", '"g", "h"'),
        grouped("/c", '"h"'),
        ask("PUT", "/a", body="x", origin=says(204)),
        *ended("/b"),
        *holds("/c"),
    ),
    Rule(
        "a group ended by name does not end what its members' other groups hold",
        "RFC 9875 §2.2.1",
        grouped("/b", '"g", "h"'),
        grouped("/c", '"h"'),
        ends('"g"'),
        *holds("/c"),
    ),
    *(
        Rule(
            f"{method} ends no group",
            "RFC 9875 §3",
            grouped("/a", '"g"'),
            ask(method, "/elsewhere", origin=says(200, "x", cache_group_invalidation='"g"')),
            *holds("/a"),
        )
        for method in ("GET", "HEAD", "OPTIONS", "QUERY")
    ),
    *(
        Rule(f"{method} ends a group", "RFC 9875 §3", grouped("/a", '"g"'), ends('"g"', method), *ended("/a"))
        for method in ("PUT", "DELETE", "PATCH", "FOO")
    ),
]

MEMBERSHIP = [
    Rule(
        "callers see groups as they came",
        "RFC 9875 §2",
        ask(
            origin=says(200, "/a", cache_control=FRESH, cache_groups='"g", "h"'),
            expect=fetched("/a", cache_groups='"g", "h"'),
        ),
        ask(expect=cached("/a", cache_groups='"g", "h"')),
    ),
    Rule(
        "a newer answer is in its own groups only",
        "RFC 9875 §2",
        grouped("/a", '"g"'),
        wait(60),
        grouped("/a", '"h"'),
        ends('"g"'),
        *holds("/a"),
        ends('"h"'),
        *ended("/a"),
    ),
    Rule(
        "a 304 may put an answer into a group",
        "RFC 9111 §3.2",
        ask(origin=says(200, "/a", cache_control=FRESH, etag='"1"')),
        wait(60),
        ask(origin=says(304, etag='"1"', cache_groups='"g"'), expect=validated("/a")),
        *holds("/a"),
        ends('"g"'),
        *ended("/a"),
    ),
    Rule(
        "a group in a request means nothing",
        "RFC 9875 §2",
        ask(cache_groups='"g"', origin=says(200, "/a", cache_control=FRESH)),
        ends('"g"'),
        *holds("/a"),
    ),
]

RULES = [*LISTS, *EXTENT, *MEMBERSHIP]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_groups(rule):
    await play(rule)
