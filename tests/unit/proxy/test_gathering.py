"""Gathering: who has to go upstream goes together, and nobody waits long for who does not come."""

import asyncio

import pytest

from proxy.batches.gathering import Gathering


class Upstream:
    """Answers each by its own name; up to three go in one call."""

    def __init__(self):
        self.calls = []
        self.error = None

    def fill(self, asks):
        return [asks[at : at + 3] for at in range(0, len(asks), 3)]

    async def send(self, asks, _read_up_to):
        self.calls.append(asks)
        if self.error is not None:
            raise self.error
        for ask in asks:
            yield ask, ask.upper()


@pytest.fixture
def upstream():
    return Upstream()


@pytest.fixture
def gathering(upstream):
    return Gathering(upstream.fill, upstream.send)


async def test_all_who_are_expected_go_together_and_each_has_its_own_reply(gathering, upstream):
    for ask in "abc":
        gathering.expect(ask)
    first = asyncio.create_task(gathering.reply("a"))
    await asyncio.sleep(0)
    assert upstream.calls == []

    assert await asyncio.gather(first, gathering.reply("b"), gathering.reply("c")) == ["A", "B", "C"]
    assert upstream.calls == [["a", "b", "c"]]


async def test_who_will_not_come_is_not_waited_for(gathering, upstream):
    for ask in "abc":
        gathering.expect(ask)
    waiting = [asyncio.create_task(gathering.reply(ask)) for ask in "ac"]
    await asyncio.sleep(0)
    gathering.release("b")

    assert await asyncio.gather(*waiting) == ["A", "C"]
    assert upstream.calls == [["a", "c"]]


async def test_who_may_yet_come_is_not_waited_for_long_and_goes_alone(gathering, upstream):
    for ask in "ab":
        gathering.expect(ask)

    assert await gathering.reply("a") == "A"
    assert await gathering.reply("b") == "B"
    assert upstream.calls == [["a"], ["b"]]


async def test_more_than_a_call_can_hold_go_in_several(gathering, upstream):
    assert await asyncio.gather(*(gathering.reply(ask) for ask in "abcde")) == list("ABCDE")
    assert upstream.calls == [["a", "b", "c"], ["d", "e"]]


async def test_a_call_that_fails_fails_for_those_who_went_with_it_and_the_next_is_tried_anew(gathering, upstream):
    upstream.error = ValueError("down")
    assert await asyncio.gather(*(gathering.reply(ask) for ask in "ab"), return_exceptions=True) == [upstream.error] * 2

    upstream.error = None
    assert await gathering.reply("a") == "A"


async def test_who_has_left_is_not_sent_for(gathering, upstream):
    for ask in "abc":
        gathering.expect(ask)
    leaving, staying = (asyncio.create_task(gathering.reply(ask)) for ask in "ab")
    await asyncio.sleep(0)
    leaving.cancel()
    gathering.release("c")

    assert await staying == "B"
    assert upstream.calls == [["b"]]


async def test_while_others_come_who_may_yet_come_is_waited_for_but_not_for_ever(upstream, monkeypatch):
    monkeypatch.setattr("proxy.batches.gathering.LONGEST_WAIT", 0.0)
    gathering = Gathering(lambda asks: [asks], upstream.send)
    asks = [str(number) for number in range(8)]
    for ask in [*asks, "never"]:
        gathering.expect(ask)

    async def turns_later(turns, ask):
        for _ in range(turns):
            await asyncio.sleep(0)
        return await gathering.reply(ask)

    await asyncio.gather(*(turns_later(turn, ask) for turn, ask in enumerate(asks)))

    assert upstream.calls == [asks]


async def test_what_cannot_be_spread_over_calls_is_an_error_to_all_who_came_and_not_a_wait_for_ever(upstream):
    def refuse(asks):
        raise ValueError("cannot be packed")

    gathering = Gathering(refuse, upstream.send)
    found = await asyncio.wait_for(
        asyncio.gather(*(gathering.reply(ask) for ask in "ab"), return_exceptions=True), timeout=5
    )

    assert [str(error) for error in found] == ["cannot be packed"] * 2


async def test_too_few_replies_are_an_error_to_who_got_none(upstream):
    async def one_reply(asks, _read_up_to):
        yield asks[0], asks[0].upper()

    gathering = Gathering(upstream.fill, one_reply)
    first, second = await asyncio.wait_for(
        asyncio.gather(*(gathering.reply(ask) for ask in "ab"), return_exceptions=True), timeout=5
    )

    assert (first, type(second)) == ("A", ValueError)


async def test_what_is_known_of_one_is_told_before_all_is_known(upstream):
    known = asyncio.Event()

    async def one_after_the_other(asks, _read_up_to):
        yield asks[0], "early"
        await known.wait()
        yield asks[1], ValueError("late")

    gathering = Gathering(upstream.fill, one_after_the_other)
    first, second = (asyncio.create_task(gathering.reply(ask)) for ask in "ab")

    assert await asyncio.wait_for(first, timeout=5) == "early"
    assert not second.done()
    known.set()
    with pytest.raises(ValueError, match="late"):
        await second


async def test_at_the_headers_everybody_who_goes_with_the_call_is_asked_and_the_most_is_read(upstream):
    asked = []

    def read_up_to(name, size):
        return lambda status, headers: asked.append((name, status, headers)) or size

    async def send(asks, of_all):
        assert of_all(200, {"etag": '"1"'}) == 20
        for ask in asks:
            yield ask, ask.upper()

    gathering = Gathering(upstream.fill, send)
    await asyncio.gather(gathering.reply("a", read_up_to("a", 10)), gathering.reply("b", read_up_to("b", 20)))

    assert asked == [("a", 200, {"etag": '"1"'}), ("b", 200, {"etag": '"1"'})]


async def test_who_nobody_expects_is_waited_for_as_long_as_was_said(upstream):
    gathering = Gathering(upstream.fill, upstream.send, linger=0.05)

    async def comes_later(ask):
        await asyncio.sleep(0.01)
        return await gathering.reply(ask)

    assert await asyncio.gather(gathering.reply("a"), comes_later("b")) == ["A", "B"]
    assert upstream.calls == [["a", "b"]]
