"""Slots and their waiting line, under any history: limits hold, no slot is lost, and nobody passes the more urgent."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import ConcurrencyPolicy, Demand, Priority
from proxy.sharing.page import Page
from proxy.sharing.shared_slots import SharedSlots
from proxy.upstream.slots import QueueFull, Slots, TooLate
from tests.passing_time import PassingTime, turns

POLICIES = st.builds(
    ConcurrencyPolicy, upstream=st.integers(1, 4), credential=st.integers(1, 3), queue=st.integers(0, 5)
)
WHICH = st.integers(0, 30)
PRIORITIES = st.sampled_from(Priority)
DEADLINES = st.sampled_from([2.0, 5.0, 20.0, float("inf")])
COME = st.tuples(st.just("come"), st.sampled_from(["a", "b", "held"]), PRIORITIES, DEADLINES)
# A step: a call comes, one in the air ends, one leaves, somebody joins one that waits, or seconds pass. So many turns
# of the event loop follow: fewer than ALL leave some who have not noticed it when the next step is made.
ALL = 8
TURNS = st.sampled_from([ALL, ALL, ALL, 0, 1, 2])
STEPS = st.lists(
    st.tuples(
        TURNS,
        st.one_of(
            COME,
            COME,
            COME,
            st.tuples(st.just("end"), WHICH),
            st.tuples(st.just("end"), WHICH),
            st.tuples(st.just("leave"), WHICH),
            st.tuples(st.just("join"), WHICH, PRIORITIES, DEADLINES),
            st.tuples(st.just("wait"), st.sampled_from([1.0, 3.0])),
        ),
    ),
    max_size=60,
)


class Call:
    """One call, which holds its slot until told."""

    def __init__(self, slots, credential, demand):
        self.credential, self.demand = credential, demand
        self.is_running, self.over = False, asyncio.Event()
        self.task = asyncio.create_task(self._call(slots))

    async def _call(self, slots):
        async with slots.taken(self.credential, shared=self.credential == "held", demand=self.demand):
            self.is_running = True
            try:
                await self.over.wait()
            finally:
                self.is_running = False

    @property
    def is_waiting(self):
        return not self.task.done() and not self.is_running

    @property
    def refusal(self):
        ended = self.task.done() and not self.task.cancelled()
        return self.task.exception() if ended else None


class History:
    """What happened to some slots."""

    def __init__(self, policy, slots, time):
        self.policy, self.slots, self.time = policy, slots, time
        self.calls = []

    def step(self, what, *how):
        getattr(self, what)(*how)

    def come(self, credential, priority, deadline):
        self.calls.append(Call(self.slots, credential, Demand(priority, self.time.now + deadline)))

    def end(self, which):
        if running := self.running():
            running[which % len(running)].over.set()

    def leave(self, which):
        there = self.waiting() if which % 3 else self.running()
        if there:
            there[which % len(there)].task.cancel()

    def join(self, which, priority, deadline):
        if waiting := self.waiting():
            waiting[which % len(waiting)].demand.joined(Demand(priority, self.time.now + deadline))

    def wait(self, seconds):
        self.time.now += seconds

    def running(self):
        return [call for call in self.calls if call.is_running]

    def waiting(self):
        return [call for call in self.calls if call.is_waiting]

    def is_full(self, credential):
        """Whether a credential has no place."""
        if credential == "held":
            return False
        return sum(call.credential == credential for call in self.running()) >= self.policy.credential

    def check(self):
        running, waiting = self.running(), self.waiting()
        assert len(running) == self.slots.in_flight <= self.policy.upstream
        assert all(sum(call.credential == name for call in running) <= self.policy.credential for name in ("a", "b"))
        assert len(waiting) == self.slots.waiting == sum(self.slots.waiting_by.values()) <= self.policy.queue
        if len(running) < self.policy.upstream:
            assert all(self.is_full(call.credential) for call in waiting), "there was a place for one who waits"

    def check_order(self, before):
        """What one step changed, since `before`: the calls that waited, each with its priority, and those refused."""
        now = self.time.now
        for served in self.running():
            if served in before.running:
                continue
            passed = [
                call
                for call in self.waiting()
                if call.demand.priority < served.demand.priority and not self.is_full(call.credential)
            ]
            assert not passed, "a less urgent one was served"
            assert served.demand.deadline > now, "nobody is served too late"
        shed = [call for call in self.calls if call.refusal is not None and call not in before.refused]
        for call in shed:
            if isinstance(call.refusal, TooLate):
                assert call.demand.deadline <= now
            else:
                assert isinstance(call.refusal, QueueFull)
                assert len(self.waiting()) == self.policy.queue
                rank = (call.demand.priority, -call.demand.deadline)
                assert all(rank >= (one.demand.priority, -one.demand.deadline) for one in self.waiting())


class Before:
    """Who was where before a step."""

    def __init__(self, history):
        self.running = history.running()
        self.refused = [call for call in history.calls if call.refusal is not None]


def own(policy, time):
    return Slots(policy, time)


def shared(policy, time):
    return SharedSlots(policy, "there", Page.anonymous(), time.sleep, time)


@pytest.mark.parametrize("make", [own, shared])
@given(POLICIES, STEPS)
def test_limits_hold_no_slot_is_lost_and_nobody_passes_the_more_urgent(make, policy, steps):
    async def lived():
        time = PassingTime()
        history = History(policy, make(policy, time), time)
        before, is_single = Before(history), True
        for count, step in steps:
            history.step(*step)
            await turns(count)
            if count < ALL:
                is_single = False
                continue
            history.check()
            if is_single:
                history.check_order(before)
            before, is_single = Before(history), True
        await let_all_end(history)

    asyncio.run(lived())


async def let_all_end(history):
    """Those in the air end until nobody is there: everybody else has had a place, or was refused."""
    await turns()
    while there := [call for call in history.calls if not call.task.done()]:
        history.check()
        assert any(call.is_running for call in there), "those who wait would wait for ever"
        for call in there:
            call.over.set()
        await turns()
    assert (history.slots.in_flight, history.slots.waiting) == (0, 0)
    everybody = [Call(history.slots, "held", Demand()) for _ in range(history.policy.upstream)]
    await turns()
    assert all(call.is_running for call in everybody), "a slot was lost"
    for call in everybody:
        call.task.cancel()
    await turns()
