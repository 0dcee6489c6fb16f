"""What every kind of webhook is held to: only what is genuine changes anything, once, durably, and nothing leaks."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import Effect, Link
from proxy.changes.live_events import LiveEvents, LiveEventsSource
from proxy.changes.notices import Counted, Refused
from proxy.changes.standard_webhooks import StandardSource, StandardWebhooks
from proxy.store.fences import Fences, Validity
from proxy.store.none import NoStore
from proxy.store.sqlite import SQLiteStore
from tests.unit.changes.deliveries import (
    ACCOUNT,
    NOW,
    SECRET,
    Clock,
    Death,
    World,
    enrolled,
    event,
    failure,
    plain,
    signed,
    standard,
)

KINDS = ["plain", "signed", "campus"]
SIGNED_KINDS = KINDS[1:]
STEPS = ["marked", "find_link", "purge", "learn", "mark"]
CANARY = "canary-9f3a"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def course_updated(kind, number=565, **more):
    """A genuine delivery of the same change, as each kind tells it."""
    if kind == "campus":
        change = {"type": "course.updated", "data": {"id": str(number), **more}}
        return standard(change, delivery=f"msg_{number}")
    happened = event(course_id=str(number), **more)
    return {}, plain(happened) if kind == "plain" else signed(happened)


def unheard_of(kind):
    if kind == "campus":
        return standard({"type": CANARY, "data": {"name": CANARY}})
    happened = event(CANARY, name=CANARY)
    return {}, plain(happened) if kind == "plain" else signed(happened)


def what_is_read(reader, headers, body):
    """The one notice in a delivery, or the word it is refused with."""
    try:
        (notice,) = asyncio.run(reader.read(headers, body))
    except Refused as refused:
        return refused.counted_as
    return notice


async def receive(world, kind, delivery):
    headers, body = delivery
    return await world.receive(kind, body, headers)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_genuine_event_takes_effect_once(kind):
    world = World()
    fence_of_an_old_entry = world.fences.number

    first = await receive(world, kind, course_updated(kind))
    number = world.fences.number
    second = await receive(world, kind, course_updated(kind))

    assert [(reply.status, reply.counted_as) for reply in (first, second)] == [(200, "accepted"), (200, "duplicate")]
    assert world.fences.number == number
    assert world.purged == ["courseworks/course:565"]
    assert world.fences.validity(["courseworks/course:565"], fence_of_an_old_entry) is Validity.SOFT


@pytest.mark.parametrize("kind", KINDS)
async def test_what_one_source_delivered_is_no_duplicate_of_anothers(kind):
    world = World()
    for other in KINDS:
        await receive(world, other, course_updated(other, 1))

    assert (await receive(world, kind, course_updated(kind, 2))).counted_as == "accepted"


@pytest.mark.parametrize("kind", KINDS)
async def test_many_deliveries_of_one_event_at_once_are_all_acknowledged(kind):
    world = World()

    replies = await asyncio.gather(*(receive(world, kind, course_updated(kind)) for _ in range(20)))

    assert {reply.status for reply in replies} == {200}
    assert world.purged == ["courseworks/course:565"]
    assert len(world.disk.marks) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_an_event_nobody_has_a_rule_for_is_acknowledged_and_changes_nothing(kind):
    world = World()

    reply = await receive(world, kind, unheard_of(kind))

    assert (reply.status, reply.counted_as) == (200, "unknown-event")
    assert not world.has_changed


@pytest.mark.parametrize("kind", KINDS)
async def test_a_purge_that_is_not_durable_is_asked_for_again_though_it_holds_in_memory(kind):
    world = World()
    fence_of_an_old_entry = world.fences.number
    world.store.breaks("purge", "before", failure())

    reply = await receive(world, kind, course_updated(kind))

    assert (reply.status, reply.counted_as) == (503, "not-durable")
    assert world.disk.marks == {}
    assert world.fences.validity(["courseworks/course:565"], fence_of_an_old_entry) is Validity.SOFT


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_that_was_sent_is_ever_repeated(kind):
    world = World()
    headers, body = course_updated(kind, name=CANARY)
    deliveries = [
        (headers, body),
        (headers, body),
        unheard_of(kind),
        (headers, body[: len(body) // 2]),
        (headers, CANARY.encode()),
        ({"webhook-id": CANARY, "webhook-signature": CANARY}, b'{"' + CANARY.encode()),
        ({**headers, "webhook-timestamp": CANARY}, b'{"metadata": {"url": "' + CANARY.encode() + b'"}, "body": {}}'),
    ]

    replies = [await receive(world, kind, delivery) for delivery in deliveries]

    assert len({reply.counted_as for reply in replies}) > 2
    assert CANARY not in repr(replies) + repr(world.errors) + repr(world.key_failures)
    assert {reply.counted_as for reply in replies} <= set(Counted)


async def test_an_unknown_source_is_told_the_known_ones_and_becomes_no_label():
    reply = await World().receive(CANARY, plain(event()))

    assert (reply.status, reply.counted_as) == (404, "unknown-source")
    assert "campus, plain, signed" in reply.detail
    assert CANARY not in repr(reply)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_no_bytes_from_anybody_raise_or_change_anything(kind, data):
    headers, _ = course_updated(kind)
    body = data.draw(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
    headers = data.draw(st.just(headers) | st.dictionaries(st.sampled_from([*headers, "x"]), st.text(), max_size=3))
    world = World()

    reply = asyncio.run(world.receive(kind, body, headers))

    assert 400 <= reply.status < 500
    assert not world.has_changed


@pytest.mark.parametrize("kind", SIGNED_KINDS)
@given(data=st.data())
def test_no_genuine_delivery_survives_the_change_of_a_byte(kind, data):
    headers, body = course_updated(kind)
    place = data.draw(st.integers(0, len(body) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != body[place]))
    world = World()

    reply = asyncio.run(world.receive(kind, body[:place] + bytes([byte]) + body[place + 1 :], headers))

    assert 400 <= reply.status < 500
    assert not world.has_changed


@given(metadata=st.dictionaries(st.text(), JSON, max_size=4), body=st.dictionaries(st.text(), JSON, max_size=4))
def test_whatever_stands_in_an_event_of_our_account_is_read_or_refused(metadata, body):
    source = LiveEventsSource(upstream="courseworks", root_account_uuid=ACCOUNT)
    reader = LiveEvents(source, lambda happened, find: Effect(), Clock())
    ours = {"event_name": "course_updated", "root_account_uuid": ACCOUNT}
    raw = json.dumps({"metadata": {**metadata, **ours}, "body": body}, ensure_ascii=False).encode(errors="replace")

    read = what_is_read(reader, {}, raw)

    assert read is Counted.MALFORMED or len(read.token) == 64


@given(value=JSON)
def test_whatever_a_genuine_standard_delivery_holds_is_read_or_refused(value):
    events = {"course.updated": ("course:{id}",)}
    reader = StandardWebhooks(StandardSource(upstream="courseworks", secrets=(SECRET,), events=events), Clock())

    for held in (value, {"type": "course.updated", "data": {"id": value}}, {"type": "purge", "data": {"tags": value}}):
        read = what_is_read(reader, *standard(held, at=NOW))
        tags = [] if read is Counted.MALFORMED else read.effect({}.get).tags
        assert all(tag.isascii() and not set(tag) & set("/@{} \n") for tag in tags)


class Breaking:
    """A real store that dies or fails before or after one of its steps."""

    def __init__(self, store, step=None, when=None, what=None):
        self._store, self._step, self._when, self._what = store, step, when, what

    def __getattr__(self, name):
        method = getattr(self._store, name)
        if name != self._step:
            return method

        async def broken(*arguments):
            if self._when == "after":
                await method(*arguments)
            raise self._what

        return broken


@pytest.mark.parametrize("what", [Death(), failure()], ids=["dies", "fails"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_on_a_real_disk_whatever_breaks_off_is_made_good_by_the_next_delivery(tmp_path, step, when, what):
    clock, moved = Clock(), plain(enrolled(46825, 20064, 565))
    store = SQLiteStore(tmp_path / "larder.db", clock=clock)
    await store.open()
    await store.learn("courseworks", [Link("46825", "20064", "564")])
    world = World()
    fence_of_an_old_entry = 1 << 40
    world.fences.raise_to(fence_of_an_old_entry)
    try:
        reply = await world.over(Breaking(store, step, when, what)).receive("plain", {}, moved)
        assert reply.status == 503
    except Death:
        pass
    await store.close()

    store = SQLiteStore(tmp_path / "larder.db", clock=clock)
    opened = await store.open()
    restarted = World()
    restarted.fences = Fences(clock, opening=opened.opening, records=opened.purges)
    webhooks = restarted.over(store)
    again = await webhooks.receive("plain", {}, moved)
    once_more = await webhooks.receive("plain", {}, moved)
    await store.close()

    assert again.counted_as == ("duplicate" if (step, when) == ("mark", "after") else "accepted")
    assert once_more.counted_as == "duplicate"
    store = SQLiteStore(tmp_path / "larder.db", clock=clock)
    opened = await store.open()
    assert await store.find_link("courseworks", "46825") == Link("46825", "20064", "565")
    await store.close()
    fences = Fences(clock, opening=opened.opening, records=opened.purges)
    for roster in ("courseworks/course:564:roster", "courseworks/course:565:roster"):
        assert fences.validity([roster], fence_of_an_old_entry) is Validity.SOFT


@pytest.mark.parametrize("kind", KINDS)
async def test_without_a_durable_store_by_choice_events_are_acknowledged_all_the_same(kind):
    world = World()
    webhooks = world.over(NoStore(world.clock))
    headers, body = course_updated(kind)

    replies = [await webhooks.receive(kind, headers, body) for _ in range(2)]

    assert [reply.counted_as for reply in replies] == ["accepted", "duplicate"]
