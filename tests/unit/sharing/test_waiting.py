"""Waiting for what another process holds: bounded in number and time, without holding anything up."""

import asyncio

import pytest

from proxy.sharing.waiting import LONGEST_PAUSE, MOST_WAITED, Waiting
from tests.passing_time import PassingTime, turns


class Place:
    """What is held, and how often somebody looked."""

    def __init__(self):
        self.time = PassingTime()
        self.held = set()
        self.looks = []
        self.waiting = Waiting(self.free, clock=self.time, sleep=self.time.sleep)

    async def free(self, whats):
        self.looks.append(list(whats))
        return [what for what in whats if what not in self.held]

    def wait(self, what, seconds=60.0):
        return asyncio.create_task(self.waiting.wait(what, seconds))


@pytest.fixture
async def place():
    there = Place()
    yield there
    await there.waiting.close()


async def test_who_waits_goes_on_when_it_is_free(place):
    place.held = {b"one", b"other"}
    one, other = place.wait(b"one"), place.wait(b"other")
    await place.time.advance(1)
    assert not one.done()

    place.held = {b"other"}
    await place.time.advance(LONGEST_PAUSE)

    assert one.result() is True
    assert not other.done()


async def test_all_who_wait_for_one_thing_go_on_together(place):
    place.held = {b"it"}
    waits = [place.wait(b"it") for _ in range(20)]
    await place.time.advance(1)
    place.held.clear()
    await place.time.advance(LONGEST_PAUSE)

    assert await asyncio.gather(*waits) == [True] * 20
    assert len(place.waiting) == 0


async def test_one_look_is_about_everything_that_is_due(place):
    place.held = {bytes([number]) for number in range(50)}
    waits = [place.wait(what) for what in place.held]
    await place.time.advance(0.006)

    assert [len(look) for look in place.looks] == [50]
    place.held.clear()
    await place.time.advance(1)
    assert all(wait.done() for wait in waits)


async def test_what_is_long_in_coming_is_looked_at_less_and_less(place):
    place.held = {b"it"}
    wait = place.wait(b"it")
    await place.time.advance(0.05)
    at_first = len(place.looks)
    await place.time.advance(10)

    assert at_first >= 3
    assert len(place.looks) <= at_first + 10 / LONGEST_PAUSE + 1
    wait.cancel()


async def test_nobody_looks_where_nobody_waits(place):
    place.held = {b"it"}
    wait = place.wait(b"it")
    await place.time.advance(0.1)
    wait.cancel()
    await place.time.advance(0.1)
    looks = len(place.looks)
    await place.time.advance(10)

    assert len(place.looks) == looks
    assert len(place.waiting) == 0


async def test_time_is_up_for_who_waited_long_enough(place):
    place.held = {b"it"}

    assert await place.waiting.wait(b"it", 0.01) is False
    assert len(place.waiting) == 0


async def test_only_so_many_things_are_waited_for(place):
    place.held = {number.to_bytes(2) for number in range(MOST_WAITED)}
    waits = [place.wait(what) for what in place.held]
    await turns()

    assert await place.waiting.wait(b"one more", 60) is False
    another = place.wait(min(place.held))  # that is waited for already
    await turns()
    assert not another.done()

    place.held.clear()
    await place.time.advance(1)
    assert await asyncio.gather(*waits, another) == [True] * (MOST_WAITED + 1)


async def test_who_is_woken_need_not_wait_for_the_next_look(place):
    place.held = {b"it"}
    wait = place.wait(b"it")
    await turns()
    place.waiting.wake(b"it")

    assert await wait is True
    assert place.looks == []


async def test_everybody_goes_on_when_it_is_closed(place):
    place.held = {b"it"}
    wait = place.wait(b"it")
    await turns()
    await place.waiting.close()

    assert await wait is True


async def test_a_sleep_that_takes_no_time_holds_nobody_up():
    time = PassingTime()

    async def at_once(seconds):
        time.now += seconds

    async def free(whats):
        return whats if time.now > 1_100 else ()

    waiting = Waiting(free, clock=time, sleep=at_once)

    assert await waiting.wait(b"it", 5)
    await waiting.close()
