"""Flights: one fetch for many; it outlives whoever started it, and its failure is nobody's surprise."""

import asyncio
import gc

import pytest

from proxy.flights.flights import Flights


@pytest.fixture
def flights():
    return Flights()


class Fetch:
    """A fetch that ends when told."""

    def __init__(self):
        self.begun = 0
        self.gate = asyncio.Event()
        self.error = None

    async def __call__(self, flight):
        self.begun += 1
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        flight.land(f"landed {flight.sequence}")


async def test_a_flight_can_be_joined_until_it_lands(flights):
    fetch = Fetch()
    flight = flights.take_off("what", fence=3, sequence=7, fetch=fetch)
    assert flights.under_way("what") is flight
    assert flights.under_way("else") is None
    waiting = [asyncio.create_task(flight.landed()) for _ in range(5)]
    await asyncio.sleep(0)
    fetch.gate.set()

    assert await asyncio.gather(*waiting) == ["landed 7"] * 5
    assert fetch.begun == 1
    assert flights.under_way("what") is None
    assert len(flights) == 0


async def test_it_is_gone_before_anyone_who_waited_wakes_up(flights):
    fetch = Fetch()
    flight = flights.take_off("what", 0, 1, fetch)

    async def wait():
        await flight.landed()
        return flights.under_way("what")

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    fetch.gate.set()

    assert await waiting is None


async def test_it_can_be_joined_while_what_it_brought_is_still_under_way(flights):
    rest = asyncio.Event()

    async def fetch(flight):
        flight.land("the head")
        await rest.wait()

    flight = flights.take_off("what", 0, 1, fetch)
    assert await flight.landed() == "the head"
    assert flights.under_way("what") is flight
    flights.leave("what", flight)
    assert flights.under_way("what") is None
    rest.set()
    await flight.task


async def test_a_failure_after_it_landed_is_not_hidden(flights):
    async def fetch(flight):
        flight.land("the head")
        await asyncio.sleep(0)
        raise ValueError("no")

    flight = flights.take_off("what", 0, 1, fetch)

    assert await flight.landed() == "the head"
    with pytest.raises(ValueError, match="no"):
        await flight.task


async def test_the_leader_who_leaves_does_not_bring_it_down(flights):
    fetch = Fetch()
    flight = flights.take_off("what", 0, 1, fetch)
    leader, joined = asyncio.create_task(flight.landed()), asyncio.create_task(flight.landed())
    await asyncio.sleep(0)
    leader.cancel()
    await asyncio.gather(leader, return_exceptions=True)
    assert leader.cancelled()
    fetch.gate.set()

    assert await joined == "landed 1"


async def test_all_who_wait_hear_of_a_failure(flights):
    fetch = Fetch()
    fetch.error = ValueError("no")
    flight = flights.take_off("what", 0, 1, fetch)
    fetch.gate.set()

    for result in await asyncio.gather(*(flight.landed() for _ in range(3)), return_exceptions=True):
        assert isinstance(result, ValueError)
    assert flights.under_way("what") is None


async def test_a_failure_that_nobody_waits_for_makes_no_noise(flights):
    said = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: said.append(context))
    fetch = Fetch()
    fetch.error = ValueError("no")
    fetch.gate.set()
    flights.take_off("what", 0, 1, fetch)
    await flights.all_landed()
    await asyncio.sleep(0)
    gc.collect()

    assert said == []


async def test_whether_it_may_be_shared_is_known_at_its_headers_and_only_once(flights):
    fetch = Fetch()
    flight = flights.take_off("what", 0, 1, fetch)
    asked = asyncio.create_task(flight.shared())
    await asyncio.sleep(0)
    assert not asked.done()

    flight.may_be_shared(yes=False)
    flight.may_be_shared(yes=True)

    assert await asked is False
    assert not flight.task.done()
    fetch.gate.set()
    await flight.landed()
    assert await flight.shared() is False


@pytest.mark.parametrize("error", [None, ValueError("no")])
async def test_a_flight_that_ended_without_a_word_keeps_nobody_waiting(flights, error):
    fetch = Fetch()
    fetch.error = error
    flight = flights.take_off("what", 0, 1, fetch)
    asked = asyncio.create_task(flight.shared())
    fetch.gate.set()

    assert await asked is True
    await asyncio.gather(flight.task, return_exceptions=True)


async def test_one_who_stops_asking_whether_it_is_shared_leaves_it_to_the_others(flights):
    fetch = Fetch()
    flight = flights.take_off("what", 0, 1, fetch)
    first, second = asyncio.create_task(flight.shared()), asyncio.create_task(flight.shared())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    flight.may_be_shared(yes=True)

    assert await second is True
    fetch.gate.set()
    await flight.landed()


async def test_draining_waits_for_what_takes_off_meanwhile_too(flights):
    first, second = Fetch(), Fetch()
    flights.take_off(1, 0, 1, first)
    drained = asyncio.create_task(flights.all_landed())
    await asyncio.sleep(0)
    flights.take_off(2, 0, 2, second)
    first.gate.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not drained.done()

    second.gate.set()
    await drained
    assert len(flights) == 0
