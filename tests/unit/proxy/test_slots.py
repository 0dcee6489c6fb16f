"""Slots: so many calls at a time, to the whole upstream and for one credential; few wait, the rest hear no.

Who waits is served by its urgency; who is shed is the least urgent, whose deadline ends first.
"""

import asyncio

import pytest

from policies import ConcurrencyPolicy, Demand, Priority
from proxy.upstream.slots import QueueFull, Slots, TooLate

INTERACTIVE, NOTIFIED, BEHIND, WATCH = Priority


class Calls:
    """Calls that hold their slot until told."""

    def __init__(self, slots):
        self.slots = slots
        self.running, self.most = 0, 0
        self.gate = asyncio.Event()
        self.tasks, self.order, self.ends = [], [], {}

    async def hold(self, credential, *, shared):
        async with self.slots.taken(credential, shared=shared):
            self.running += 1
            self.most = max(self.most, self.running)
            await self.gate.wait()
            self.running -= 1

    async def start(self, count, credential="a", *, shared=False):
        self.tasks += [asyncio.create_task(self.hold(credential, shared=shared)) for _ in range(count)]
        for _ in range(4):
            await asyncio.sleep(0)

    async def one(self, name, credential="a", demand=None):
        """One call, by a name."""

        async def hold():
            async with self.slots.taken(credential, shared=credential == "held", demand=demand):
                self.order.append(name)
                await self.ends[name].wait()

        self.ends[name] = asyncio.Event()
        self.tasks.append(asyncio.create_task(hold()))
        for _ in range(4):
            await asyncio.sleep(0)
        return self.tasks[-1]

    async def end_of(self, *names):
        for name in names:
            self.ends[name].set()
            for _ in range(4):
                await asyncio.sleep(0)

    async def end(self):
        for end in self.ends.values():
            end.set()
        self.gate.set()
        return await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_no_more_calls_than_the_upstream_takes_are_in_the_air():
    calls = Calls(Slots(ConcurrencyPolicy(upstream=3, credential=10, queue=10)))
    await calls.start(8)

    assert (calls.running, calls.slots.in_flight, calls.slots.waiting) == (3, 3, 5)
    assert await calls.end() == [None] * 8
    assert calls.most == 3
    assert (calls.slots.in_flight, calls.slots.waiting) == (0, 0)


async def test_one_credential_does_not_take_the_places_of_others():
    calls = Calls(Slots(ConcurrencyPolicy(upstream=10, credential=2, queue=10)))
    await calls.start(5, "greedy")
    await calls.start(1, "modest")

    assert calls.running == 3
    assert await calls.end() == [None] * 6


async def test_a_credential_that_larder_holds_counts_against_the_whole_only():
    calls = Calls(Slots(ConcurrencyPolicy(upstream=4, credential=1, queue=10)))
    await calls.start(4, "held", shared=True)

    assert calls.running == 4
    assert await calls.end() == [None] * 4


@pytest.mark.parametrize("queue", [0, 1, 5])
@pytest.mark.parametrize("policy", [{"upstream": 2, "credential": 50}, {"upstream": 50, "credential": 2}])
async def test_only_so_many_wait_and_the_rest_are_refused_at_once(queue, policy):
    calls = Calls(Slots(ConcurrencyPolicy(**policy, queue=queue)))
    await calls.start(10)

    assert calls.slots.waiting == queue
    refused = [task for task in calls.tasks if task.done()]
    assert len(refused) == 10 - 2 - queue
    results = await calls.end()
    assert sum(isinstance(result, QueueFull) for result in results) == 8 - queue
    assert calls.slots.waiting == calls.slots.in_flight == 0


async def test_one_who_stops_waiting_leaves_no_trace():
    calls = Calls(Slots(ConcurrencyPolicy(upstream=1, queue=1)))
    await calls.start(2)
    calls.tasks[1].cancel()
    await asyncio.gather(calls.tasks[1], return_exceptions=True)
    assert calls.slots.waiting == 0

    await calls.start(1)
    results = await calls.end()

    assert [result is None for result in results] == [True, False, True]


async def test_a_place_is_free_again_when_its_call_failed():
    slots = Slots(ConcurrencyPolicy(upstream=1, queue=0))
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with slots.taken("a", shared=False):
                raise ZeroDivisionError

    assert repr(slots) == "<Slots 0 in flight, 0 waiting>"


class Clock:
    """Seconds."""

    now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def calls(clock):
    return Calls(Slots(ConcurrencyPolicy(upstream=1, credential=1, queue=3), clock))


async def test_the_most_urgent_of_those_who_wait_is_the_next(calls):
    await calls.one("first")
    for priority in (BEHIND, NOTIFIED, INTERACTIVE):
        await calls.one(priority.name, demand=Demand(priority))

    assert calls.slots.waiting_by == {"interactive": 1, "notified": 1, "behind": 1, "watch": 0}
    await calls.end_of("first", "INTERACTIVE", "NOTIFIED", "BEHIND")
    assert calls.order == ["first", "INTERACTIVE", "NOTIFIED", "BEHIND"]


async def test_who_becomes_more_urgent_while_it_waits_is_served_as_that(calls):
    joined = Demand(WATCH)
    await calls.one("first")
    await calls.one("behind", demand=Demand(BEHIND))
    await calls.one("joined", demand=joined)
    joined.joined(Demand(INTERACTIVE))
    await calls.end_of("first", "joined", "behind")

    assert calls.order == ["first", "joined", "behind"]


async def test_a_less_urgent_call_that_waits_does_not_keep_its_credentials_place_from_a_more_urgent_one():
    calls = Calls(Slots(ConcurrencyPolicy(upstream=1, credential=1)))
    await calls.one("first", "held")
    await calls.one("behind", "a", Demand(BEHIND))
    await calls.one("interactive", "a")
    await calls.end_of("first", "interactive", "behind")

    assert calls.order == ["first", "interactive", "behind"]


async def test_who_lacks_a_place_of_its_credential_lets_others_by():
    calls = Calls(Slots(ConcurrencyPolicy(upstream=2, credential=1)))
    await calls.one("first", "greedy")
    await calls.one("second", "greedy")
    await calls.one("other", "modest", Demand(WATCH))
    await calls.one("third", "modest", Demand(WATCH))
    assert calls.order == ["first", "other"]

    await calls.end_of("other")
    assert calls.order == ["first", "other", "third"]
    await calls.end_of("first")
    assert calls.order == ["first", "other", "third", "second"]
    assert await calls.end() == [None] * 4


async def test_the_least_urgent_is_shed_at_once_for_one_who_is_more_urgent(calls):
    await calls.one("first")
    watch = await calls.one("watch", demand=Demand(WATCH))
    for name in ("b", "c", "d"):
        await calls.one(name, demand=Demand(NOTIFIED))

    assert type(watch.exception()) is QueueFull
    assert calls.slots.waiting == 3
    await calls.end()
    assert calls.order == ["first", "b", "c", "d"]


async def test_of_the_least_urgent_the_one_whose_deadline_ends_first_is_shed(calls):
    await calls.one("first")
    tasks = [await calls.one(str(in_), demand=Demand(BEHIND, calls.slots._clock() + in_)) for in_ in (30, 10, 20, 40)]

    assert [task.done() for task in tasks] == [False, True, False, False]
    await calls.end()


async def test_a_newcomer_who_is_the_least_urgent_is_shed_itself(calls):
    await calls.one("first")
    for name in "bcd":
        await calls.one(name, demand=Demand(BEHIND))
    watch = await calls.one("watch", demand=Demand(WATCH))

    assert isinstance(watch.exception(), QueueFull)
    await calls.end()
    assert calls.order == ["first", "b", "c", "d"]


async def test_whose_deadline_passed_while_it_waited_is_not_served_and_the_next_one_is(calls, clock):
    await calls.one("first")
    late = await calls.one("late", demand=Demand(INTERACTIVE, clock.now + 5))
    await calls.one("next", demand=Demand(WATCH, clock.now + 6))
    clock.now += 5
    await calls.end_of("first")

    assert isinstance(late.exception(), TooLate)
    assert calls.order == ["first", "next"]
    await calls.end()
    assert (calls.slots.in_flight, calls.slots.waiting) == (0, 0)


async def test_who_comes_too_late_is_refused_even_where_there_is_room(calls, clock):
    late = await calls.one("late", demand=Demand(INTERACTIVE, clock.now))

    assert isinstance(late.exception(), TooLate)
    assert (calls.slots.in_flight, calls.slots.waiting) == (0, 0)


async def test_a_more_patient_caller_who_joins_keeps_a_call_from_being_too_late(calls, clock):
    joined = Demand(INTERACTIVE, clock.now + 5)
    await calls.one("first")
    await calls.one("joined", demand=joined)
    joined.joined(Demand(WATCH, clock.now + 50))
    clock.now += 10
    await calls.end_of("first")

    assert calls.order == ["first", "joined"]
    await calls.end()


async def test_one_who_leaves_as_its_turn_comes_lets_the_next_one_go(calls):
    await calls.one("first")
    leaving = await calls.one("leaving")
    await calls.one("next")
    calls.ends["first"].set()
    await asyncio.sleep(0)  # the first gives back in this turn, and the second has not noticed yet
    assert (leaving.done(), calls.slots.waiting) == (False, 1)
    leaving.cancel()
    await calls.end_of("first")

    assert calls.order == ["first", "next"]
    await calls.end()
    assert (calls.slots.in_flight, calls.slots.waiting) == (0, 0)


async def test_one_who_leaves_just_before_its_turn_comes_is_passed_over(calls):
    await calls.one("first")
    leaving = await calls.one("leaving")
    await calls.one("next")
    calls.ends["first"].set()
    leaving.cancel()  # it is told after the first, who gives back
    await calls.end_of("first")

    assert calls.order == ["first", "next"]
    await calls.end()


async def test_one_who_leaves_as_it_is_shed_takes_nothing_with_it(calls):
    await calls.one("first")
    shed = await calls.one("shed", demand=Demand(WATCH))
    for name in "bc":
        await calls.one(name)
    newcomer = asyncio.ensure_future(calls.one("newcomer"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the newcomer is in the line, and who was shed for it has not noticed yet
    assert (shed.done(), calls.slots.waiting_by["watch"]) == (False, 0)
    shed.cancel()
    await newcomer

    assert shed.cancelled()
    assert (calls.order, calls.slots.in_flight) == (["first"], 1), "it had no place to give back"
    await calls.end()
    assert calls.order == ["first", "b", "c", "newcomer"]
    assert (calls.slots.in_flight, calls.slots.waiting) == (0, 0)


async def test_one_who_has_just_left_is_shed_before_those_who_are_there(calls):
    await calls.one("first")
    leaving = await calls.one("leaving", demand=Demand(WATCH))
    for name in "bc":
        await calls.one(name)
    newcomer = asyncio.ensure_future(calls.one("newcomer"))
    await asyncio.sleep(0)
    leaving.cancel()  # the newcomer comes in this turn, before the line hears that somebody left
    await newcomer

    await calls.end()
    assert calls.order == ["first", "b", "c", "newcomer"]


async def test_one_who_stops_waiting_behind_others_makes_room(calls):
    await calls.one("first")
    await calls.one("second")
    leaving = await calls.one("leaving")
    leaving.cancel()
    await asyncio.sleep(0)

    assert calls.slots.waiting == 1
    await calls.end()


async def test_nothing_is_kept_of_credentials_that_call_no_more(calls):
    for credential in "abc":
        await calls.one(credential, credential)
    await calls.end()

    assert not calls.slots._places._counts


async def test_an_adaptive_limit_falls_as_calls_fail_and_rises_as_they_succeed():
    calls = Calls(Slots(ConcurrencyPolicy(upstream=10, credential=10, adaptive=True, least=2)))
    await calls.start(10)
    for _ in range(50):
        calls.slots.finished(5.0, failed=True)
    await calls.start(2)
    assert (calls.slots.limit, calls.slots.in_flight, calls.slots.waiting) == (2, 10, 2)

    for _ in range(200):
        calls.slots.finished(0.1, failed=False)
    assert calls.slots.limit == 10
    assert await calls.end() == [None] * 12


async def test_who_waits_is_served_as_soon_as_an_adaptive_limit_rises():
    calls = Calls(Slots(ConcurrencyPolicy(upstream=10, adaptive=True, least=2)))
    for _ in range(50):
        calls.slots.finished(5.0, failed=True)
    await calls.start(5)
    assert (calls.running, calls.slots.waiting) == (2, 3)

    for _ in range(200):
        calls.slots.finished(0.1, failed=False)
        await asyncio.sleep(0)
    assert (calls.running, calls.slots.waiting) == (5, 0)
    await calls.end()


def test_a_limit_that_does_not_adapt_stays():
    slots = Slots(ConcurrencyPolicy(upstream=10))
    slots.finished(5.0, failed=True)

    assert slots.limit == 10
