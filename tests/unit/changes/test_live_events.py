"""Canvas Live Events: genuine ones are read, all others change nothing."""

import hmac

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters import Effect
from proxy.changes.live_events import ISSUER, LEEWAY, MOST_EVENTS, LiveEvents, LiveEventsSource
from proxy.store.fences import Mode
from tests.unit.changes.deliveries import (
    ACCOUNT,
    JWKS_URL,
    NOW,
    SHARD,
    World,
    enrolled,
    event,
    plain,
    private_key,
    public_jwk,
    segment,
    signed,
    token,
)


def claims(**more):
    return {"iss": ISSUER, **event(), **more}


def unsigned_token():
    return segment({"alg": "none", "kid": "current"}) + b"." + segment(claims()) + b"."


def confused_token():
    """HS256 with the published public key as its secret: the classic confusion."""
    pem = private_key("current").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = segment({"alg": "HS256", "kid": "current"}) + b"." + segment(claims())
    return text + b"." + segment(hmac.digest(pem, text, "sha256"))


def self_signed_token():
    """Signed well, by the key its own header brings along."""
    return signed(event(), signer="forger", headers={"jwk": public_jwk("forger")})


def critical_token():
    return signed(event(), headers={"crit": ["exp"], "exp": 1})


def another_algorithm():
    return jwt.encode(claims(), private_key("current"), algorithm="PS256", headers={"kid": "current"}).encode()


def nameless_key():
    return jwt.encode(claims(), private_key("current"), algorithm="RS256").encode()


def numbered_key():
    head = {"alg": "RS256", "kid": 7}
    return b".".join((segment(head), segment(claims()), segment(b"x" * 256)))


@pytest.mark.parametrize("kid", ["previous", "current", "next"])
async def test_an_event_signed_with_any_published_key_purges_softly_and_lets_replicas_settle(kid):
    world = World()

    reply = await world.receive("signed", signed(event(), kid))

    assert (reply.status, reply.counted_as) == (200, "accepted")
    (record,) = world.disk.purges
    assert (record.tag, record.mode, record.settle_until) == ("courseworks/course:565", Mode.SOFT, NOW + 30)


@pytest.mark.parametrize("around", [b"%s\n", b"\r\n %s \r\n"])
async def test_blanks_around_a_signed_event_do_not_matter(around):
    reply = await World().receive("signed", around % signed(event()))

    assert reply.counted_as == "accepted"


@pytest.mark.parametrize(
    ("forgery", "fetches"),
    [
        (lambda: signed(event(), signer="forger"), 1),
        (lambda: signed(event(), kid="unheard-of"), 1),
        (self_signed_token, 1),
        (lambda: signed(event(), iss="https://elsewhere.example"), 1),
        (lambda: signed(event(), iss=None), 1),
        (unsigned_token, 0),
        (confused_token, 0),
        (another_algorithm, 0),
        (nameless_key, 0),
        (numbered_key, 0),
        (critical_token, 0),
    ],
    ids=[
        "signature",
        "kid",
        "jwk-header",
        "issuer",
        "no-issuer",
        "none",
        "confusion",
        "ps256",
        "no-kid",
        "kid-7",
        "crit",
    ],
)
async def test_a_forged_event_changes_nothing(forgery, fetches):
    world = World()

    reply = await world.receive("signed", forgery())

    assert (reply.status, reply.counted_as) == (401, "forged")
    assert not world.has_changed
    assert world.key_server.asked == fetches


async def test_a_payload_put_under_another_events_signature_changes_nothing():
    world = World()
    head, _, signature = signed(event()).split(b".")

    reply = await world.receive("signed", b".".join((head, segment(claims(exp=NOW + 1)), signature)))

    assert reply.counted_as == "forged"
    assert not world.has_changed


async def test_a_truncated_signed_event_changes_nothing_wherever_it_was_cut():
    world = World()
    whole = signed(event())

    words = {(await world.receive("signed", whole[:length])).counted_as for length in range(0, len(whole), 7)}

    assert words == {"malformed", "forged"}
    assert not world.has_changed


@pytest.mark.parametrize("body", [plain(event()), plain(event(), event()), b"{", b"[]", b" [\xff"])
async def test_unsigned_events_are_refused_where_signed_ones_are_due(body):
    world = World()

    reply = await world.receive("signed", body)

    assert (reply.status, reply.counted_as) == (401, "unsigned")
    assert not world.has_changed
    assert world.key_server.asked == 0


async def test_a_signed_event_is_refused_where_nobody_could_check_it():
    world = World()

    assert (await world.receive("plain", signed(event()))).counted_as == "forged"
    assert not world.has_changed


async def test_a_genuine_event_of_another_customer_of_canvas_changes_nothing():
    world = World()

    reply = await world.receive("signed", signed(event(account="SomebodyElse")))

    assert (reply.status, reply.counted_as) == (403, "wrong-account")
    assert not world.has_changed


@pytest.mark.parametrize("account", [None, "", 7, [ACCOUNT], ACCOUNT.lower(), ACCOUNT + " "])
async def test_an_event_that_does_not_name_our_account_exactly_changes_nothing(account):
    world = World()

    assert (await world.receive("plain", plain(event(account=account)))).counted_as == "wrong-account"
    assert not world.has_changed


@pytest.mark.parametrize(
    ("times", "word"),
    [
        ({"exp": int(NOW) + 1, "nbf": int(NOW) - 1}, "accepted"),
        ({"exp": NOW - LEEWAY + 1}, "accepted"),
        ({"exp": None, "nbf": None}, "accepted"),
        ({"nbf": NOW + LEEWAY}, "accepted"),
        ({"aud": "whoever", "iat": int(NOW) + 10_000}, "accepted"),
        ({"exp": NOW - LEEWAY}, "stale-timestamp"),
        ({"exp": 0}, "stale-timestamp"),
        ({"nbf": NOW + LEEWAY + 1}, "stale-timestamp"),
        ({"exp": "never"}, "malformed"),
        ({"exp": True}, "malformed"),
        ({"nbf": []}, "malformed"),
    ],
)
async def test_a_tokens_own_times_are_honoured_when_it_has_any(times, word):
    world = World()

    assert (await world.receive("signed", signed(event(), **times))).counted_as == word
    assert world.has_changed == (word == "accepted")


async def test_an_event_from_years_ago_still_purges():
    world = World()

    assert "2019" in event()["metadata"]["event_time"]
    assert (await world.receive("plain", plain(event()))).counted_as == "accepted"
    assert world.purged == ["courseworks/course:565"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"null",
        b"7",
        b'"text"',
        b"{}",
        b"[]",
        b"[[]]",
        b"[7]",
        b'{"metadata": {}}',
        b'{"metadata": {}, "body": {}}',
        b'{"metadata": [], "body": {}}',
        b'{"metadata": {"event_name": 7}, "body": {}}',
        b'{"metadata": {"event_name": "course_updated"}, "body": null}',
        b'{"a": "\xff"}',
        b"{" * 100_000,
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"\xef\xbb\xbf" + plain(event()),
        plain(event())[:-1],
        plain(event()) + b"x",
        b"a.b",
        b"a.b.c.d",
        b"..",
        plain(*[event()] * (MOST_EVENTS + 1)),
    ],
)
async def test_what_is_no_event_is_malformed_and_changes_nothing(body):
    world = World()

    reply = await world.receive("plain", body)

    assert (reply.status, reply.counted_as) == (400, "malformed")
    assert not world.has_changed


async def test_a_token_around_something_else_is_malformed():
    world = World()

    for payload in (b"[1]", b"text", b"", b"\xff", b"[" * 99_999):
        reply = await world.receive("signed", token(payload, {"kid": "current"}, "current"))
        assert reply.counted_as == "malformed"
    assert not world.has_changed


async def test_each_event_of_an_array_counts_for_itself():
    world = World()
    known = event(course_id="1")
    await world.receive("plain", plain(known))

    reply = await world.receive("plain", plain(known, event(course_id="2"), event("quiz_made"), event(course_id="3")))

    assert reply.counted_as == "accepted"
    assert world.purged == ["courseworks/course:1", "courseworks/course:2", "courseworks/course:3"]
    assert len([record for record in world.disk.purges if record.tag == "courseworks/course:1"]) == 1
    assert len(world.disk.marks) == 3


async def test_one_foreign_event_spoils_its_whole_array():
    world = World()

    reply = await world.receive("plain", plain(event(course_id="1"), event(account="SomebodyElse", course_id="2")))

    assert reply.counted_as == "wrong-account"
    assert not world.has_changed


async def test_an_event_is_the_same_alone_and_in_an_array():
    world = World()
    await world.receive("plain", plain(event(course_id="1"), event(course_id="2")))

    assert (await world.receive("plain", plain(event(course_id="2")))).counted_as == "duplicate"


async def test_a_later_event_of_an_array_finds_the_enrollment_an_earlier_one_taught():
    world = World()
    state = event("enrollment_state_updated", enrollment_id=str(SHARD + 46825), state="active")

    await world.receive("plain", plain(enrolled(46825, 20064, 565), state))

    assert world.purged == ["courseworks/course:565:roster"]


@pytest.mark.parametrize("written", [str(SHARD + 46825), SHARD + 46825, "46825", 46825])
async def test_an_enrollment_is_found_by_its_local_id_however_the_event_writes_it(written):
    world = World()
    await world.receive("plain", plain(enrolled(46825, 20064, 565)))

    await world.receive("plain", plain(event("enrollment_state_updated", enrollment_id=written)))

    assert world.purged == ["courseworks/course:565:roster"]


@pytest.mark.parametrize("written", ["9" * 5_000, "٤٦٨", "-7", "", None, [], {"a": 1}, 1.5, True])
async def test_an_enrollment_id_that_is_none_is_not_looked_up(written):
    source = LiveEventsSource(upstream="courseworks", root_account_uuid=ACCOUNT)
    reader = LiveEvents(source, lambda happened, find: Effect(), lambda: NOW)

    (notice,) = await reader.read({}, plain(event("enrollment_state_updated", enrollment_id=written)))

    assert notice.enrollments == frozenset()


def test_signed_events_without_keys_and_keys_without_signed_events_are_refused_at_start():
    signed_source = LiveEventsSource(upstream="courseworks", root_account_uuid=ACCOUNT, jwks_url=JWKS_URL)
    plain_source = LiveEventsSource(upstream="courseworks", root_account_uuid=ACCOUNT)

    with pytest.raises(ValueError, match="key set"):
        LiveEvents(signed_source, lambda happened, find: Effect(), lambda: NOW)
    with pytest.raises(ValueError, match="key set"):
        LiveEvents(plain_source, lambda happened, find: Effect(), lambda: NOW, World().keys)
