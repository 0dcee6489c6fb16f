"""The sender's keys: rotated with, cached, never asked for in a storm, and never lost to a bad answer."""

import asyncio
import json

import pytest
from aiohttp import ClientError, ClientSession, web

from proxy.changes import json_web_keys
from proxy.changes.json_web_keys import (
    COOLDOWN,
    KEEP,
    LARGEST_SET,
    PAUSE,
    JsonWebKeys,
    KeysUnavailable,
    over_http,
    usable_keys,
)
from tests.unit.changes.deliveries import JWKS_URL, Clock, World, event, key_set, private_key, public_jwk, signed


async def test_the_set_is_fetched_once_for_any_number_of_events_until_it_is_old():
    world = World()

    await asyncio.gather(*(world.receive("signed", signed(event(course_id=str(n)))) for n in range(50)))
    world.clock.advance(KEEP - 1)
    await world.receive("signed", signed(event(course_id="50")))
    assert world.key_server.asked == 1

    world.clock.advance(1)
    await world.receive("signed", signed(event(course_id="51")))
    assert world.key_server.asked == 2


async def test_a_key_published_after_the_last_fetch_is_fetched_when_an_event_names_it():
    world = World()
    await world.receive("signed", signed(event(course_id="1")))
    world.key_server.answer = key_set("current", "next", "newest")
    world.clock.advance(COOLDOWN)

    assert (await world.receive("signed", signed(event(course_id="2"), "newest"))).counted_as == "accepted"
    assert world.key_server.asked == 2


async def test_a_key_that_is_no_longer_published_is_no_longer_believed():
    world = World()
    await world.receive("signed", signed(event(course_id="1"), "previous"))
    world.key_server.answer = key_set("current", "next")
    world.clock.advance(KEEP)

    assert (await world.receive("signed", signed(event(course_id="2"), "previous"))).counted_as == "forged"


async def test_forged_key_ids_cannot_hammer_the_key_server():
    world = World()
    await world.receive("signed", signed(event()))

    for number in range(120):
        reply = await world.receive("signed", signed(event(), f"forged-{number}", signer="forger"))
        assert reply.counted_as == "forged"
        world.clock.advance(1)

    assert world.key_server.asked <= 1 + 120 / COOLDOWN
    assert world.key_server.asked >= 2  # an unknown id is asked about, once in a while


async def test_the_last_good_set_serves_on_while_the_server_fails_and_the_failure_is_told():
    world = World()
    await world.receive("signed", signed(event(course_id="1")))
    world.key_server.failing = True
    world.clock.advance(KEEP)

    for number in range(2, 12):
        assert (await world.receive("signed", signed(event(course_id=str(number))))).counted_as == "accepted"

    assert world.key_server.asked == 2
    assert world.key_failures == ["ClientConnectionError"]


@pytest.mark.parametrize(
    "answer", [b"", b"{}", b"[]", b"null", b'{"keys": []}', b'{"keys": 7}', b"\xff", b"[" * 99_999]
)
async def test_a_bad_set_never_replaces_a_good_one(answer):
    world = World()
    await world.receive("signed", signed(event(course_id="1")))
    world.key_server.answer = answer
    world.clock.advance(KEEP)

    assert (await world.receive("signed", signed(event(course_id="2")))).counted_as == "accepted"
    assert len(world.key_failures) == 1


async def test_an_event_that_cannot_be_checked_now_is_asked_for_again_not_called_forged():
    world = World()
    world.key_server.failing = True

    reply = await world.receive("signed", signed(event()))

    assert (reply.status, reply.counted_as) == (503, "keys-unavailable")
    assert reply.retry_after
    assert not world.has_changed


async def test_a_failed_first_fetch_is_tried_again_after_a_pause_and_not_before():
    world = World()
    world.key_server.failing = True
    await asyncio.gather(*(world.receive("signed", signed(event())) for _ in range(20)))
    assert world.key_server.asked == 1

    world.key_server.failing = False
    assert (await world.receive("signed", signed(event()))).counted_as == "keys-unavailable"

    world.clock.advance(PAUSE)
    assert (await world.receive("signed", signed(event()))).counted_as == "accepted"


async def test_a_new_key_while_the_server_fails_is_asked_for_again_not_called_forged():
    world = World()
    await world.receive("signed", signed(event(course_id="1")))
    world.key_server.failing = True
    world.clock.advance(COOLDOWN)

    assert (await world.receive("signed", signed(event(course_id="2"), "newest"))).counted_as == "keys-unavailable"


async def test_a_server_that_never_answers_is_given_up(monkeypatch):
    async def silence(url):
        await asyncio.Event().wait()

    monkeypatch.setattr(json_web_keys, "PATIENCE", 0)
    failures = []
    keys = JsonWebKeys(JWKS_URL, silence, Clock(), failures.append)

    with pytest.raises(KeysUnavailable):
        await keys.find("current")
    assert failures == ["TimeoutError"]


async def test_an_event_whose_sender_left_while_the_keys_were_fetched_spoils_nothing():
    asked = asyncio.Event()
    answers = [asyncio.Event().wait, None]

    async def fetch(url):
        asked.set()
        wait = answers.pop(0)
        if wait is not None:
            await wait()
        return key_set("current")

    keys = JsonWebKeys(JWKS_URL, fetch, Clock(), print)
    left = asyncio.create_task(keys.find("current"))
    await asked.wait()
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)

    assert await keys.find("current") is not None


def test_only_rs256_signing_keys_of_a_fair_length_are_used():
    good = public_jwk("current")
    weak_numbers = json_web_keys.RSAAlgorithm.to_jwk(private_key("weak", 1024).public_key(), as_dict=True)
    members = [
        good,
        {**good, **weak_numbers, "kid": "weak"},
        {**good, "kid": "for-encryption", "use": "enc"},
        {**good, "kid": "another-algorithm", "alg": "RS512"},
        {**good, "kid": "broken", "n": "!"},
        {**good, "kid": "numberless", "n": 7},
        {**good, "kid": "even", "e": "Ag"},
        {**good, "kid": 7},
        {"kty": "RSA", "kid": "empty"},
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
        None,
        "current",
    ]

    assert list(usable_keys(json.dumps({"keys": members}).encode())) == ["current"]


def test_a_private_key_published_by_mistake_is_used_as_a_public_one():
    private = json_web_keys.RSAAlgorithm.to_jwk(private_key("current"), as_dict=True)

    (found,) = usable_keys(json.dumps({"keys": [{**private, "kid": "current"}]}).encode()).values()

    assert found.public_numbers() == private_key("current").public_key().public_numbers()


@pytest.fixture
async def served():
    """A real key server on the loopback: the URL of its root."""

    async def answer(request):
        match request.match_info["what"]:
            case "good":
                return web.Response(body=key_set("current"))
            case "moved":
                raise web.HTTPFound("/good")
            case "large":
                return web.Response(body=b" " * (LARGEST_SET + 1))
            case _:
                raise web.HTTPBadGateway

    app = web.Application()
    app.router.add_get("/{what}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_the_set_is_fetched_over_http(served):
    async with ClientSession() as session:
        assert await over_http(session)(f"{served}/good") == key_set("current")


@pytest.mark.parametrize("what", ["moved", "large", "failing"])
async def test_only_a_200_of_a_fair_size_is_taken_for_a_set(served, what):
    async with ClientSession() as session:
        with pytest.raises(ClientError):
            await over_http(session)(f"{served}/{what}")
