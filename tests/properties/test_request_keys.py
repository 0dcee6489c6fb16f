"""Keys: equal exactly when two requests are the same to the upstream and for the same principal (DESIGN.md §4).

The model does not look at keys at all: it reads what is about to be sent, and says by the providers' rules which of it
is the same. Headers that are not sent may differ; of credentials only whether they are the same matters.
"""

import json
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.asker import Asker
from proxy.asking import Incoming
from proxy.config.loading import plans_of
from proxy.outgoing import outgoing_fields, target_of
from tests.house import config_file, config_for

ASKER = Asker(b"a secret of these tests")
CREDENTIALS = {"authorization", "cookie", "x-api-key", "x-goog-api-key", "referer"}
TOKENS = {"access_token", "auth-id", "auth-token", "key"}


@cache
def upstreams():
    mirror = {"adapter": "http", "base_url": "http://127.0.0.1:9"}
    own_key = {"adapter": "smartystreets", "base_url": "http://127.0.0.1:9/{api}"}
    declared = {**mirror, "endpoints": {"GET /kept/{thing}": {"cache": {"ttl": "5m"}}}}
    more = {"mirror": mirror, "smarty-own": own_key, "declared": declared}
    return plans_of(config_file(config_for("http://127.0.0.1:9", Path(), upstreams=more))).upstreams


def asked(name, method, path, query="", headers=(), body=b"", caller="app"):
    upstream = upstreams()[name]
    plan, params = upstream.match(method, path)
    return ASKER.ask(upstream, plan, params, Incoming(method, path, query, CIMultiDict(headers), body, caller))


def pairs(query):
    """A form-decoded query; a name without `=` is another thing than one with an empty value."""
    for part in query.split("&") if query else ():
        name, equals, value = part.partition("=")
        yield unquote_plus(name), unquote_plus(value) if equals else None


def same_for_all(query):
    """Smarty and Google: parameters by name, repeats in order."""
    return sorted((pair for pair in pairs(query) if pair[0] not in TOKENS), key=lambda pair: pair[0])


def same_for_smarty(query):
    """And of an address case and spaces mean nothing, nor does an empty field that is the only one of its name."""
    kept = []
    for name, value in same_for_all(query):
        if name in ("street", "city"):
            value = " ".join((value or "").casefold().split())  # noqa: PLW2901
            if not value and sum(pair[0] == name for pair in pairs(query)) == 1:
                continue
        kept.append((name, value))
    return kept


def same_for_canvas(query):
    """Rack: order matters, but for the values within one array."""
    kept = [pair for pair in pairs(query) if pair[0] not in TOKENS]
    arrays = {
        name: sorted(value or "" for key, value in kept if key == name) for name, _ in kept if name.endswith("[]")
    }
    return [(name, arrays[name].pop(0) if name in arrays else value) for name, value in kept]


QUERIES = {
    "courseworks": same_for_canvas,
    "smartystreets": same_for_smarty,
    "smarty-own": same_for_smarty,
    "google": same_for_all,
}


def seen(ask):
    """What the upstream will see, said in one way for all ways that are the same to it."""
    fields = [(name.lower(), value) for name, value in outgoing_fields(ask)]
    held = sorted((name, value) for name, value in fields if name in CREDENTIALS)
    others = sorted((name, value) for name, value in fields if name not in CREDENTIALS)
    segments = [unquote_plus(segment.replace("+", "%2B")) for segment in target_of(ask).path.split("/")]
    query = QUERIES[ask.plan.upstream.name](ask.incoming.query)
    given = [(name, value or "") for name, value in pairs(target_of(ask).query) if name in TOKENS]
    tokens = sorted(given, key=lambda token: token[0])  # of one name the order may matter
    body = json.loads(ask.sent.body) if ask.sent.body else None
    return ask.sent.method, segments, query, others, held, tokens, body


def spelled(text, hidden):
    """The same text with some of its characters percent-encoded."""
    return "".join(
        f"%{ord(letter):02x}" if hide else quote(letter, safe="[]:,")
        for letter, hide in zip(text, hidden, strict=False)
    )


HIDDEN = st.lists(st.booleans(), min_size=12, max_size=12)


@st.composite
def queries(draw, names, values):
    """A query, in any spelling."""
    parts = []
    for _ in range(draw(st.integers(0, 4))):
        name, value = draw(st.sampled_from(names)), draw(st.none() | st.sampled_from(values))
        parts.append(spelled(name, draw(HIDDEN)) + ("" if value is None else f"={spelled(value, draw(HIDDEN))}"))
    return "&".join(parts)


def header_sets(*choices):
    """Each header once or not at all."""
    return st.tuples(*(st.none() | st.sampled_from(values) for values in choices)).map(
        lambda chosen: [field for field in chosen if field is not None]
    )


TOKEN_HEADERS = [("Authorization", "Bearer a"), ("authorization", "Bearer b")]
UNSENT = [("X-Nobody", "1"), ("User-Agent", "sdk"), ("Cache-Control", "max-age=9"), ("Cookie", "a=b")]
COMMON = (TOKEN_HEADERS, UNSENT, [("Accept-Language", "en"), ("accept-language", "de")])
CANVAS = st.builds(
    lambda path, query, headers: asked("courseworks", "GET", path, query, headers),
    st.sampled_from(
        (
            *("/api/v1/courses", "/api/v1/course%73", "/api/v1/courses/1", "/api/v1/courses/sis%3A1%2F2"),
            *("/api/v1/courses/sis:1%2f2", "/api/v1/courses/sis:1/users", "/api/v1/users/self/courses"),
        )
    ),
    queries(["include[]", "state[]", "page", "as_user_id", "access_token"], ["1", "2", "", "a b"]),
    header_sets(*COMMON, [("Accept", "application/json"), ("accept", "application/json+canvas-string-ids")]),
)
SMARTY = st.builds(
    lambda name, path, query, headers, caller: asked(name, "GET", path, query, headers, caller=caller),
    st.sampled_from(["smartystreets", "smarty-own"]),
    st.sampled_from(["/us-street/street-address", "/us-street/street%2Daddress", "/us-zipcode/lookup"]),
    queries(["street", "city", "zip", "candidates", "input_id", "auth-id", "key"], ["1", "2", "", "a b", " A  b"]),
    header_sets(*COMMON, [("X-Include-Invalid", "true"), ("x-include-invalid", "false")], [("Referer", "here")]),
    st.sampled_from(["app", "other"]),
)
GOOGLE = st.builds(
    lambda query, headers, caller: asked("google", "GET", "/maps/api/geocode/json", query, headers, caller=caller),
    queries(["address", "language", "key", "bounds"], ["1", "2", "", "a b"]),
    header_sets(*COMMON),
    st.just("app"),
)


@pytest.mark.parametrize("asks", [CANVAS, SMARTY, GOOGLE], ids=["canvas", "smarty", "google"])
def test_keys_are_equal_exactly_when_the_upstream_sees_the_same(asks):
    @settings(max_examples=3 * settings.default.max_examples)
    @given(asks, asks)
    def holds(one, other):
        same_upstream = one.plan.upstream is other.plan.upstream
        assert (one.key == other.key) is (same_upstream and one.identity == other.identity and alike(one, other))

    def alike(one, other):
        """But for who asks, which is the partition's business."""
        return [part for at, part in enumerate(seen(one)) if at not in (4, 5)] == [
            part for at, part in enumerate(seen(other)) if at not in (4, 5)
        ]

    holds()


@pytest.mark.parametrize("asks", [CANVAS, SMARTY], ids=["canvas", "smarty"])
def test_who_asks_with_the_same_credential_is_the_same_principal_and_nobody_else(asks):
    @settings(max_examples=3 * settings.default.max_examples)
    @given(asks, asks)
    def holds(one, other):
        if one.plan.upstream is other.plan.upstream and one.identity.travels and other.identity.travels:
            same = seen(one)[4:6] == seen(other)[4:6]
            assert (one.identity.partition == other.identity.partition) is same
            assert (one.identity.credential == other.identity.credential) is same

    holds()


ADDRESS = st.fixed_dictionaries({"street": st.sampled_from(["1 Main", "2 Main"])}, optional={"zip": st.just("10027")})
BATCHES = st.lists(ADDRESS, min_size=1, max_size=3)


@given(BATCHES, BATCHES, st.sampled_from([None, 1]), st.booleans())
def test_a_batch_is_known_by_what_it_says_not_by_how_it_is_spelled(one, other, indent, sort):
    headers = [("Content-Type", "application/json")]
    plain = asked("smartystreets", "POST", "/us-street/street-address", "", headers, json.dumps(one).encode())
    body = json.dumps(other, indent=indent, sort_keys=sort).encode()
    spaced = asked(
        "smartystreets",
        "POST",
        "/us-street/street-address",
        "",
        [("content-type", "Application/JSON; charset=utf-8")],
        body,
    )

    assert (plain.key == spaced.key) is (one == other)


RAW = st.from_regex(r"(/[a-zA-B~](%[0-9a-bA-B]{2})?){1,2}", fullmatch=True)
RAW_QUERY = st.from_regex(r"([ab]=?(%2[bB]|\+|%20|%61|a)?&?){0,3}", fullmatch=True)
VARIED = header_sets([("Accept", "a"), ("accept", "b")], [("Accept-Language", "en"), ("accept-language", "de")])


def octets(raw):
    """RFC 3986 §6.2.2: hex case does not matter, nor whether an unreserved character is encoded. All else does."""
    plain = {f"%{ord(letter):02X}": letter for letter in "abABTabcdefghijklmnopqrstuvwxyz~0123456789-._XYZ"}
    parts, at = [], 0
    while at < len(raw):
        part = raw[at : at + 3].upper() if raw[at] == "%" else raw[at]
        parts.append(plain.get(part, part))
        at += 3 if raw[at] == "%" else 1
    return parts


@given(RAW, RAW, RAW_QUERY, RAW_QUERY)
def test_for_any_http_api_only_what_the_rfc_calls_equivalent_is_equal(path, other_path, query, other_query):
    one, other = asked("mirror", "GET", path, query), asked("mirror", "GET", other_path, other_query)
    same = octets(path) == octets(other_path) and octets(query) == octets(other_query)

    assert (one.key == other.key) is same
    assert (one.uri_tag() == other.uri_tag()) is same


LETTERS = st.lists(st.tuples(st.sampled_from("abz09-._~ /:+"), st.booleans(), st.booleans()), max_size=8)


@given(LETTERS, LETTERS)
def test_however_unreserved_characters_are_spelled_it_is_the_same_request(path, query):
    """RFC 3986 §6.2.2: encoded or not where that means the same, hex digits in either case."""

    def written(letters, *, again):
        for letter, encoded, upper in letters:
            octet = f"%{ord(letter):02X}"
            if letter in " /:+":  # reserved: encoded in both, or it were another request
                yield octet.lower() if upper and again else octet
            else:
                yield octet if encoded and again else letter

    one, other = (
        asked("mirror", "GET", "/" + "".join(written(path, again=again)), "".join(written(query, again=again)))
        for again in (False, True)
    )

    assert one.key == other.key
    assert one.uri_tag() == other.uri_tag()


@given(VARIED, VARIED, st.sets(st.sampled_from(["accept", "accept-language"])))
def test_variants_are_told_apart_by_the_headers_that_vary_names_alone(headers, other_headers, names):
    vary = tuple(sorted(names))
    one, other = asked("mirror", "GET", "/a", "", headers), asked("mirror", "GET", "/a", "", other_headers)

    assert one.key == other.key
    same = all(one.sent.headers.get(name) == other.sent.headers.get(name) for name in vary)
    assert (one.key_in("shared", vary) == other.key_in("shared", vary)) is same


@given(RAW, st.sampled_from(["mirror", "declared"]), st.sampled_from(["mirror", "declared"]))
def test_no_two_upstreams_share_a_key(path, name, other_name):
    assert (asked(name, "GET", path).key_in("p") == asked(other_name, "GET", path).key_in("p")) is (name == other_name)


@given(st.lists(st.text(max_size=3) | st.none(), max_size=4), st.lists(st.text(max_size=3) | st.none(), max_size=4))
def test_no_two_lists_of_parts_run_into_the_same_digest(one, other):
    digest = ASKER.digester.digest

    assert (digest("key", one) == digest("key", other)) is (one == other)
    assert digest("key", one) != digest("variant", one)
    assert Asker(b"another secret").digester.digest("key", one) != digest("key", one)


# What RFC 9110 allows and few clients do: fields that come twice, a GET with a body.

ONE_BODY, OTHER_BODY = b'{"as_user_id": 1}', b'{"as_user_id": 2}'


@pytest.mark.parametrize(
    ("upstream", "path"),
    [
        ("courseworks", "/api/v1/courses"),
        ("smartystreets", "/us-zipcode/lookup"),
        ("declared", "/kept/1"),
        ("mirror", "/a"),
    ],
)
@pytest.mark.parametrize("body", [b"", OTHER_BODY])
def test_a_body_that_is_sent_with_a_get_is_in_the_key_or_nothing_is_stored(upstream, path, body):
    headers = [("Content-Type", "application/json")]
    with_body = asked(upstream, "GET", path, "", headers, ONE_BODY)
    other = asked(upstream, "GET", path, "", headers, body)

    assert with_body.key is None or with_body.key != other.key


@pytest.mark.parametrize(
    ("upstream", "path", "name"),
    [
        ("courseworks", "/api/v1/courses", "Accept"),
        ("courseworks", "/api/v1/courses", "Authorization"),
        ("smarty-own", "/us-zipcode/lookup", "X-Include-Invalid"),
        ("mirror", "/a", "Authorization"),
    ],
)
def test_a_field_that_is_sent_twice_is_in_the_key_twice(upstream, path, name):
    once, twice = [(name, "one")], [(name, "one"), (name, "two")]
    assert [value for key, value in outgoing_fields(asked(upstream, "GET", path, "", twice)) if key == name] == [
        "one",
        "two",
    ]

    assert asked(upstream, "GET", path, "", once).key != asked(upstream, "GET", path, "", twice).key


def test_a_field_that_comes_twice_makes_a_variant_of_its_own():
    once = asked("mirror", "GET", "/a", "", [("Accept", "one")])
    twice = asked("mirror", "GET", "/a", "", [("Accept", "one"), ("Accept", "two")])

    assert once.key_in("shared", ("accept",)) != twice.key_in("shared", ("accept",))
