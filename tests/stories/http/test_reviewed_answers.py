"""What a hostile review found about whose answer it is: variants, parts, HEAD, 304s, and what many share."""

import pytest

from tests.house import ADA, STUDENT_COURSES, bearer
from tests.raw_origin import raw_origin
from tests.stories.http.raw import mirror, ok
from tests.stories.http.script import (
    Rule,
    ask,
    cached,
    fails,
    fetched,
    gets,
    hangs_up,
    play,
    says,
    serves,
    validated,
    wait,
)

SHORT, LONG = "max-age=10", "max-age=3600"
FALLS_BACK = "public, max-age=10, stale-if-error=1000"
TEN = "0123456789"


def variant(body, vary="Accept-Language", cache_control=SHORT, **fields):
    return says(200, body, vary=vary, cache_control=cache_control, **fields)


def part(tag='"1"', **fields):
    """The first four bytes of ten."""
    return says(206, TEN[:4], **{"content_range": "bytes 0-3/10", "etag": tag, "cache_control": LONG, **fields})


def first_four(**fields):
    return ask(range="bytes=0-3", **fields)


def ada(*args, **fields):
    return ask(*args, authorization="Bearer ada", **fields)


def ben(*args, **fields):
    return ask(*args, authorization="Bearer ben", **fields)


AMBIGUOUS = (  # what two variants may have in common; and how it is asked about
    ("date", {"last_modified": -1000}, {"If-Modified-Since": -1000}),
    ("weak tag", {"etag": 'W/"5"'}, {"If-None-Match": 'W/"5"'}),
)

VARIANTS = [
    *(
        Rule(
            f"a 304 by a {what} that two variants have is about the one that was asked for",
            "RFC 9111 §4.3.4",
            ask(accept_language="en", origin=variant("EN", **validator)),
            wait(1),
            ask(accept_language="de", origin=variant("DE", **validator)),
            wait(20),
            ask(
                accept_language="en",
                origin=says(304, vary="Accept-Language", **validator),
                sees=test,
                expect=validated("EN"),
            ),
        )
        for what, validator, test in AMBIGUOUS
    ),
    *(
        Rule(
            f"a variant for others lends no {what}: a 304 by it would tell nothing of this one",
            "RFC 9111 §4.3.1",
            ask(accept_language="en", origin=variant("EN", **validator)),
            ask(accept_language="de", origin=variant("DE"), sees=dict.fromkeys(test), expect=fetched("DE")),
        )
        for what, validator, test in AMBIGUOUS
    ),
    Rule(
        "a variant that a 304 renewed is not given to whom its new Vary tells apart",
        "RFC 9111 §4.1",
        ask(x_a="1", origin=variant("S", "X-A", etag='"1"')),
        ask(x_a="2", x_user="ada", origin=variant("S", "X-A", etag='"1"')),
        wait(11),
        ask(x_a="1", origin=says(304, vary="X-A, X-User", etag='"1"', cache_control=LONG), expect=validated("S")),
        ask(x_a="2", x_user="ben", origin=says(200, "for ben", vary="X-A, X-User"), expect=fetched("for ben")),
    ),
    Rule(
        "a variant that a 304 renewed is in the groups that it names now",
        "RFC 9111 §3.2, RFC 9875 §2",
        ask(x_a="1", origin=variant("one", "X-A", etag='"1"', cache_groups='"old"')),
        ask(x_a="2", origin=variant("one", "X-A", etag='"1"', cache_groups='"old"')),
        wait(11),
        ask(
            x_a="1",
            origin=says(304, vary="X-A", etag='"1"', cache_control=LONG, cache_groups='"new"'),
            expect=validated("one"),
        ),
        ask("POST", "/elsewhere", origin=says(200, "done", cache_group_invalidation='"new"')),
        ask(x_a="2", origin=says(200, "two"), expect=fetched("two")),
    ),
]

PARTS = [
    Rule(
        "a part of a variant is no answer to who asks for the whole",
        "RFC 9111 §3.3",
        first_four(origin=part(vary="Accept-Language")),
        ask(origin=serves(TEN, etag='"1"', vary="Accept-Language"), expect=gets(200, body=TEN)),
    ),
    *(
        Rule(
            f"a part of a variant for others is no answer either: {tag}",
            "RFC 9111 §3.3, §4.3.4",
            first_four(accept_language="en", origin=part(tag, vary="Accept-Language")),
            ask(
                accept_language="de",
                origin=serves("abcdefghij", etag=tag, vary="Accept-Language"),
                expect=gets(200, body="abcdefghij"),
            ),
        )
        for tag in ('"1"', 'W/"1"')
    ),
    Rule(
        "a part is not given under an If-Range that names another state",
        "RFC 9110 §13.1.5",
        first_four(origin=part('"1"')),
        first_four(if_range='"0"', origin=says(200, TEN, etag='"1"'), expect=fetched(TEN)),
    ),
    Rule(
        "HEAD is not answered from a part, whatever range it names",
        "RFC 9110 §14.2",
        first_four(origin=part()),
        ask(
            "HEAD",
            range="bytes=0-3",
            origin=says(200, TEN, etag='"1"'),
            expect=fetched("", content_length="10", content_range=None),
        ),
    ),
    Rule(
        "who has the state that a stored part is of hears so",
        "RFC 9111 §4.3.2",
        first_four(origin=part('"1"')),
        first_four(if_none_match='"1"', expect=cached("", 304, etag='"1"')),
    ),
    Rule(
        "a 304 to who asked for the rest of a part is no answer",
        "RFC 9110 §15.4.5",
        first_four(origin=part('"1"')),
        ask(origin=says(304, etag='"1"'), sees={"If-None-Match": None, "If-Range": '"1"'}, expect=fails(502)),
    ),
]

# A final word that is not kept ends what was kept before it; whoever asks next hears it from the origin again.
REFUSED = says(403, "no")
NEXT = {"origin": REFUSED, "expect": fetched("no", 403)}
LOST = {"origin": hangs_up(), "expect": fails()}

FINAL_WORDS = [
    *(
        Rule(
            f"a 403 ends the part that its caller had{more}",
            "RFC 9111 §4",
            first_four(authorization="Bearer ada", origin=part(vary=vary)),
            ada(**NEXT),
            first_four(authorization="Bearer ada", **NEXT),
        )
        for more, vary in (("", None), (", of a variant too", "X-A"))
    ),
    *(
        Rule(
            f"a {status} that may not be kept ends the stored part",
            "RFC 9111 §4",
            first_four(origin=part('"1"')),
            ask(origin=says(status, "abcdefghij", etag='"2"', cache_control="no-store")),
            first_four(origin=says(status, "later", cache_control="no-store"), expect=fetched("later", status)),
        )
        for status in (200, 404, 410)
    ),
    Rule(
        "a 403 to HEAD ends what GET stored",
        "RFC 9111 §4",
        ada(origin=says(200, "secret", cache_control=LONG)),
        ada("HEAD", cache_control="no-cache", origin=REFUSED),
        ada(**NEXT),
    ),
    Rule(
        "a 403 to who wants nothing kept ends what was kept",
        "RFC 9111 §4",
        ada(origin=says(200, "secret", cache_control=LONG)),
        ada(cache_control="no-store", **NEXT),
        ada(**NEXT),
    ),
    Rule(
        "a 403 ends for its caller what all shared",
        "RFC 9111 §3.5, §4",
        ada(origin=says(200, "for all", cache_control="public, max-age=3600")),
        ada(cache_control="no-cache", **NEXT),
        ada(**NEXT),
    ),
    Rule(
        "a 410 that may not be kept ends what all shared",
        "RFC 9111 §3.5, §4",
        ada(origin=says(200, "for all", cache_control=FALLS_BACK)),
        wait(20),
        ada(origin=says(410, "gone", cache_control="no-store")),
        ada(**LOST),
    ),
    Rule(
        "an answer that is one caller's own now ends what all shared",
        "RFC 9111 §3.5, §4",
        ada(origin=says(200, "for all", etag='"1"', cache_control=FALLS_BACK)),
        wait(20),
        ada(origin=says(200, "for ada", etag='"2"', cache_control="private, max-age=10")),
        ben(**LOST),
    ),
    Rule(
        "a 304 that makes an answer one caller's own ends what all shared",
        "RFC 9111 §3.5, §4.3.4",
        ada(origin=says(200, "for all", etag='"1"', cache_control=FALLS_BACK)),
        wait(20),
        ada(origin=says(304, etag='"1"', cache_control="private, max-age=10"), expect=validated("for all")),
        ben(**LOST),
    ),
]

HEADS = [
    Rule(
        "what GET stored is not given to whom the Vary of a later HEAD tells apart",
        "RFC 9111 §4.1, §4.3.5",
        ask(x_user="ada", origin=says(200, "for a", etag='"1"', cache_control=SHORT)),
        wait(11),
        ask("HEAD", x_user="ada", origin=says(200, "for a", etag='"1"', vary="X-User", cache_control=LONG)),
        ask(x_user="ben", origin=says(200, "for b", vary="X-User"), expect=fetched("for b")),
    ),
    Rule(
        "HEAD never says that a stored body lies in another coding",
        "RFC 9111 §3.2, RFC 9110 §8.4",
        ask(origin=says(200, "plain", last_modified=-1000, cache_control=SHORT)),
        wait(11),
        ask(
            "HEAD",
            accept_encoding="gzip",
            origin=says(200, framing="chunked", last_modified=-1000, content_encoding="gzip", cache_control=LONG),
        ),
        ask(accept_encoding="gzip", origin=says(200, "later"), expect=fetched("later", content_encoding=None)),
    ),
    Rule(
        "what HEAD renewed is in the groups that it names now",
        "RFC 9111 §3.2, RFC 9875 §2",
        ask(origin=says(200, "a", etag='"1"', cache_control=SHORT, cache_groups='"old"')),
        wait(11),
        ask("HEAD", origin=says(200, "a", etag='"1"', cache_control=LONG, cache_groups='"new"')),
        ask("POST", "/elsewhere", origin=says(200, "done", cache_group_invalidation='"new"')),
        ask(origin=says(200, "b"), expect=fetched("b")),
    ),
]

CREDENTIALS = [
    Rule(
        "the field of a credential that Larder holds says nothing else, whatever a caller sends in it",
        "Larder's own",
        ask(x_my_key="mine", origin=says(200, "a", cache_control=LONG), sees={"X-My-Key": "held"}),
        credential={"header": "X-My-Key", "value": "held"},
    ),
]

RULES = [*VARIANTS, *PARTS, *FINAL_WORDS, *HEADS, *CREDENTIALS]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_whose_answer_it_is(rule):
    await play(rule)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer ada"}, {"Authorization": "Bearer ben"}])
async def test_what_was_shared_is_given_to_nobody_once_the_operator_keeps_all_of_it_apart(larder, headers):
    shared = ok(b"for all", "Cache-Control: public, max-age=3600")
    async with raw_origin(shared, ok(b"own")) as there, larder(**mirror(there.url)) as house:
        await house.get("/mirror/a", headers={"Authorization": "Bearer ada"})
        assert (await house.get("/mirror/a", headers=headers)).body == b"for all"

        house.reload(**mirror(there.url, share_authorized=False))

        assert (await house.get("/mirror/a", headers=headers)).body == b"own"


async def test_a_precondition_for_the_origin_reaches_it_also_where_a_cache_is_declared(larder):
    async with raw_origin(ok(b"[]")) as there, larder(upstreams={"courseworks": {"base_url": there.url}}) as house:
        await house.get(STUDENT_COURSES, headers=bearer(ADA, **{"If-Match": '"1"'}))

        assert any(b'if-match: "1"' in request.lower() for request in there.seen)
